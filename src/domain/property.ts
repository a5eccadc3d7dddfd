/** domain/property: a house as it is kept, when it is new and after a change; its repairs and its valuation are computed. */
import { z } from 'zod';
import { stateCode } from './compliance/states.ts';
import type { Stamped } from './documents.ts';
import { parseInput } from './input.ts';
import { type Comparable, type UsedComparable, valueFrom } from './valuation.ts';

export const PROPERTY_TYPES = ['single_family', 'condo', 'townhouse', 'multi_family'] as const;
export type PropertyType = (typeof PROPERTY_TYPES)[number];
export const CONDITIONS = ['excellent', 'good', 'fair', 'needs_work', 'poor'] as const;

/** What others say it is worth, and what we make of the comparables. */
export interface Valuation {
  readonly listPrice?: number;
  readonly zestimate?: number;
  readonly rentZestimate?: number;
  readonly taxAssessedValue?: number;
  readonly afterRepairValue?: number;
  readonly wholesalePrice?: number;
  readonly profitMargin?: number;
  /** What stands behind the three figures above, each with its share. */
  readonly comparablesUsed?: readonly UsedComparable[];
  readonly updatedAt?: Date;
}

export interface Property extends Stamped {
  readonly address: {
    readonly street: string;
    readonly unit?: string;
    readonly city: string;
    readonly state: string;
    readonly zipCode: string;
    readonly county?: string;
    /** One line; no two properties have the same. */
    readonly formatted: string;
  };
  readonly zpid?: string;
  readonly parcelId?: string;
  readonly mlsNumber?: string;
  readonly type?: PropertyType;
  readonly bedrooms?: number;
  readonly bathrooms?: number;
  readonly squareFeet?: number;
  readonly lotSize?: number;
  readonly yearBuilt?: number;
  readonly stories?: number;
  readonly garage?: string;
  readonly condition?: (typeof CONDITIONS)[number];
  readonly features: readonly string[];
  readonly repairNeeds: readonly {
    readonly item: string;
    readonly severity: 'minor' | 'moderate' | 'major';
    readonly estimatedCost: number;
  }[];
  readonly totalRepairCost: number;
  readonly valuation: Valuation;
  readonly comparables: readonly Comparable[];
  readonly marketData?: Readonly<Record<string, unknown>>;
  readonly owner?: {
    readonly name?: string;
    readonly ownedSince?: Date;
    readonly lastSalePrice?: number;
    readonly equity?: number;
    /** 0..1 */
    readonly equityPercent?: number;
  };
  readonly liens: readonly { readonly type: string; readonly amount: number; readonly holder?: string }[];
  readonly listing?: {
    readonly active?: boolean;
    readonly listedDate?: Date;
    readonly daysOnMarket?: number;
    readonly listingUrl?: string;
  };
  readonly leadIds: readonly string[];
  readonly dataSource: string;
}

const words = (most: number) => z.string().trim().min(1).max(most);
const money = z.number().min(0).max(1e10);
const count = z.number().min(0).max(1e6);

const Address = z.strictObject({
  street: words(200),
  unit: words(50).optional(),
  city: words(100),
  state: words(64).transform((text) => stateCode(text) ?? text),
  zipCode: words(16),
  county: words(100).optional(),
});

const Facts = z.strictObject({
  zpid: words(64).optional(),
  parcelId: words(64).optional(),
  mlsNumber: words(64).optional(),
  type: z.enum(PROPERTY_TYPES).optional(),
  bedrooms: count.optional(),
  bathrooms: count.optional(),
  squareFeet: count.optional(),
  lotSize: z.number().min(0).max(1e9).optional(),
  yearBuilt: z.int().min(1600).max(2200).optional(),
  stories: count.optional(),
  garage: words(100).optional(),
  condition: z.enum(CONDITIONS).optional(),
  features: z.array(words(100)).max(200).optional(),
  repairNeeds: z
    .array(
      z.strictObject({
        item: words(100),
        severity: z.enum(['minor', 'moderate', 'major']),
        estimatedCost: money,
      }),
    )
    .max(200)
    .optional(),
  valuation: z
    .strictObject({
      listPrice: money.optional(),
      zestimate: money.optional(),
      rentZestimate: money.optional(),
      taxAssessedValue: money.optional(),
    })
    .optional(),
  comparables: z
    .array(
      z.strictObject({
        address: words(300),
        distance: z.number().min(0).max(10_000),
        soldDate: z.date(),
        soldPrice: money.gt(0),
        bedrooms: count.optional(),
        bathrooms: count.optional(),
        squareFeet: count.gt(0),
        pricePerSqFt: money.gt(0).optional(),
      }),
    )
    .max(200)
    .optional(),
  marketData: z.record(z.string().max(100), z.unknown()).optional(),
  owner: z
    .strictObject({
      name: words(200).optional(),
      ownedSince: z.date().optional(),
      lastSalePrice: money.optional(),
      equity: z.number().optional(),
      equityPercent: z.number().min(-10).max(1).optional(),
    })
    .optional(),
  liens: z
    .array(z.strictObject({ type: words(100), amount: money, holder: words(200).optional() }))
    .max(50)
    .optional(),
  listing: z
    .strictObject({
      active: z.boolean().optional(),
      listedDate: z.date().optional(),
      daysOnMarket: count.optional(),
      listingUrl: z.url().max(2_000).optional(),
    })
    .optional(),
  dataSource: words(64).optional(),
});

const NewInput = Facts.extend({ address: Address });
const ChangeInput = Facts.extend({ address: Address.optional() });
export type NewProperty = z.input<typeof NewInput>;
export type PropertyChange = z.input<typeof ChangeInput>;

export function formatted({ street, unit, city, state, zipCode }: z.output<typeof Address>): string {
  return `${street}${unit === undefined ? '' : ` ${unit}`}, ${city}, ${state} ${zipCode}`;
}

interface Stamp {
  readonly nowMs: number;
  readonly wholesaleShare?: number;
}

/** Throws Failure `invalid_request` with details.fields. */
export function newProperty(input: NewProperty, { id, ...stamp }: Stamp & { readonly id: string }): Property {
  const { address, ...facts } = parseInput(NewInput, input);
  const now = new Date(stamp.nowMs);
  return settle(
    {
      _id: id,
      features: [],
      repairNeeds: [],
      comparables: [],
      liens: [],
      dataSource: 'manual',
      ...facts,
      address: { ...address, formatted: formatted(address) },
      totalRepairCost: 0,
      valuation: facts.valuation ?? {},
      leadIds: [],
      createdAt: now,
      updatedAt: now,
    } as Property,
    stamp,
  );
}

/** What is given takes the place of what was there, member by member. Throws as `newProperty`. */
export function changedProperty(before: Property, input: PropertyChange, stamp: Stamp): Property {
  const { address, valuation, ...facts } = parseInput(ChangeInput, input);
  return settle(
    {
      ...before,
      ...(facts as Partial<Property>),
      ...(address === undefined ? {} : { address: { ...address, formatted: formatted(address) } }),
      valuation: { ...before.valuation, ...valuation },
      updatedAt: new Date(stamp.nowMs),
    } as Property,
    stamp,
  );
}

/** The property with what follows from its facts: the sum of the repairs, its worth, and what is its owner's of it. */
function settle(property: Property, { nowMs, wholesaleShare }: Stamp): Property {
  const totalRepairCost = property.repairNeeds.reduce((sum, { estimatedCost }) => sum + estimatedCost, 0);
  const {
    afterRepairValue: _arv,
    wholesalePrice: _price,
    profitMargin: _margin,
    comparablesUsed: _used,
    updatedAt: _at,
    ...said
  } = property.valuation;
  const valued = valueFrom(
    { ...property, totalRepairCost },
    { nowMs, ...(wholesaleShare === undefined ? {} : { wholesaleShare }) },
  );
  const valuation: Valuation = { ...said, ...(valued ? { ...valued, updatedAt: new Date(nowMs) } : {}) };
  return defined({ ...property, totalRepairCost, valuation });
}

/** What it is worth as it stands in the books: what was computed, else what others say. */
export const worthOf = ({ valuation }: Pick<Property, 'valuation'>): number | undefined =>
  valuation.afterRepairValue ?? valuation.zestimate ?? valuation.listPrice ?? valuation.taxAssessedValue;

/** The owner's share of its worth, 0..1 (below 0 when more is owed): as was said, else what the liens leave. */
export function equityOf(property: Pick<Property, 'valuation' | 'owner' | 'liens'>): number | undefined {
  if (property.owner?.equityPercent !== undefined) return property.owner.equityPercent;
  const worth = worthOf(property);
  if (worth === undefined || worth <= 0 || property.liens.length === 0) return undefined;
  return 1 - property.liens.reduce((sum, { amount }) => sum + amount, 0) / worth;
}

/** Without keys that hold undefined. */
const defined = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map(defined) as T;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, held]) => held !== undefined)
      .map(([key, held]) => [key, defined(held)]),
  ) as T;
};
