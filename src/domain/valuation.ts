/**
 * domain/valuation: what a house is worth after its repairs, from what others like it sold for, and what may be paid for it.
 * Dollars rounded to cents; the comparables that made a figure are kept with it.
 */

/** A house that was sold. */
export interface Comparable {
  readonly address: string;
  /** Miles from ours. */
  readonly distance: number;
  readonly soldDate: Date;
  readonly soldPrice: number;
  readonly bedrooms?: number;
  readonly bathrooms?: number;
  readonly squareFeet: number;
  /** Computed when it is absent. */
  readonly pricePerSqFt?: number;
}

export interface UsedComparable extends Comparable {
  readonly pricePerSqFt: number;
  /** Its share in the figure; all shares together are 1. */
  readonly weight: number;
}

export interface Valued {
  /** ARV: the weighted median price per square foot times our square feet. */
  readonly afterRepairValue: number;
  /** ARV × share − repairs; below zero there is no price at which it can be bought. */
  readonly wholesalePrice: number;
  /** ARV − repairs − wholesale price. */
  readonly profitMargin: number;
  readonly comparablesUsed: readonly UsedComparable[];
}

/** What a wholesaler pays of the ARV before repairs; campaigns may set another. */
export const WHOLESALE_SHARE = 0.7;
/** A comparable counts half as much for every mile it lies away, and for every half year since it was sold. */
const HALF_MILES = 1;
const HALF_DAYS = 182.5;
const DAY_MS = 86_400_000;

const cents = (dollars: number): number => Math.round(dollars * 100) / 100;

/** Dollars; `share`: what is paid of the worth before repairs. */
export const wholesalePriceOf = (
  {
    afterRepairValue,
    totalRepairCost,
  }: { readonly afterRepairValue: number; readonly totalRepairCost: number },
  share: number,
): number => cents(afterRepairValue * share - totalRepairCost);

/** Undefined when nothing comparable was sold, or our square feet are not known. */
export function valueFrom(
  house: {
    readonly squareFeet?: number;
    readonly totalRepairCost?: number;
    readonly comparables: readonly Comparable[];
  },
  { nowMs, wholesaleShare = WHOLESALE_SHARE }: { readonly nowMs: number; readonly wholesaleShare?: number },
): Valued | undefined {
  const { squareFeet = 0, totalRepairCost = 0 } = house;
  const sold = house.comparables.filter(
    (each) =>
      each.soldPrice > 0 && each.squareFeet > 0 && each.distance >= 0 && each.soldDate.getTime() <= nowMs,
  );
  if (sold.length === 0 || !(squareFeet > 0)) return undefined;
  const weighed = sold.map((each) => {
    const days = (nowMs - each.soldDate.getTime()) / DAY_MS;
    const weight = 0.5 ** (each.distance / HALF_MILES) * 0.5 ** (days / HALF_DAYS);
    return { each, pricePerSqFt: each.pricePerSqFt ?? cents(each.soldPrice / each.squareFeet), weight };
  });
  // Where all are so far or so old that nothing is left of their weights, they count the same.
  const sum = weighed.reduce((total, { weight }) => total + weight, 0);
  const used = weighed.map(
    ({ each, pricePerSqFt, weight }): UsedComparable => ({
      ...each,
      pricePerSqFt,
      weight: sum > 0 ? weight / sum : 1 / weighed.length,
    }),
  );
  const afterRepairValue = cents(weightedMedian(used) * squareFeet);
  const wholesalePrice = wholesalePriceOf({ afterRepairValue, totalRepairCost }, wholesaleShare);
  return {
    afterRepairValue,
    wholesalePrice,
    profitMargin: cents(afterRepairValue - totalRepairCost - wholesalePrice),
    comparablesUsed: used,
  };
}

/** Half of the weight lies on either side of it; between two where both sides are equal. What weighs nothing counts nothing. */
function weightedMedian(used: readonly UsedComparable[]): number {
  const sorted = [...used].sort((a, b) => a.pricePerSqFt - b.pricePerSqFt);
  let below = 0;
  let half: number | undefined;
  for (const { pricePerSqFt, weight } of sorted) {
    below += weight;
    if (Math.abs(below - 0.5) < 1e-9) half ??= pricePerSqFt;
    else if (below > 0.5) return half === undefined ? pricePerSqFt : (half + pricePerSqFt) / 2;
  }
  return half ?? sorted.at(-1)?.pricePerSqFt ?? 0;
}
