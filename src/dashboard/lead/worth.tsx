/** dashboard/lead/worth: how well a lead fits and why, and what its house is worth by the sales around it. */
import './worth.css';
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Property, Qualification } from '../../contract/index.ts';
import { count, formatDate, formatMoney, formatShare, humanise } from '../format.ts';
import { propertyQuery } from '../queries.ts';
import { Ago, Facts, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';

const QUALIFIED = {
  yes: { label: 'Qualified', tone: 'good' },
  no: { label: 'Not yet', tone: 'quiet' },
} as const;

export function Score({ qualification }: { qualification: Qualification }) {
  const { score, qualified, factors } = qualification;
  return (
    <Panel
      id="score"
      title="How well it fits"
      aside={<Pill word={qualified ? QUALIFIED.yes : QUALIFIED.no} />}
    >
      <Facts
        entries={[
          ['Score', `${Math.round(score * 100)} of 100`],
          [
            'Their share',
            qualification.estimatedEquity === undefined
              ? undefined
              : `about ${formatMoney(qualification.estimatedEquity)}`,
          ],
          ['Wholesale', qualification.wholesalePotential && humanise(qualification.wholesalePotential)],
        ]}
      />
      <ul className="worth" aria-label="What counted">
        {factors.map(({ name, weight, points, says }) => (
          <li key={name}>
            <span>{humanise(name)}</span>
            <span className="num muted">
              {Math.round(weight * points * 100)} of {Math.round(weight * 100)}
            </span>
            <span className="aside-detail">{says}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The house that a lead is about. */
export function House({ propertyId }: { propertyId: string }) {
  const house = useQuery(propertyQuery(propertyId));
  return (
    <Panel id="house" title="The house">
      {house.error ? <ErrorNote error={house.error} retry={() => house.refetch()} /> : null}
      {house.isPending ? <Skeleton height={96} /> : null}
      {house.data ? <Worth house={house.data} /> : null}
    </Panel>
  );
}

function Worth({ house }: { house: Property }) {
  const { valuation, owner } = house;
  const used = valuation.comparablesUsed ?? [];
  const money = (amount: number | undefined) => (amount === undefined ? undefined : formatMoney(amount));
  const wholesalePrice =
    valuation.wholesalePrice !== undefined && valuation.wholesalePrice < 0
      ? 'None: the repairs eat it up'
      : money(valuation.wholesalePrice);
  const size = [
    house.bedrooms === undefined ? '' : `${house.bedrooms} bedrooms`,
    house.bathrooms === undefined ? '' : `${house.bathrooms} bathrooms`,
    house.squareFeet === undefined ? '' : `${house.squareFeet.toLocaleString('en-US')} sq ft`,
  ].filter(Boolean);
  return (
    <>
      <Facts
        entries={[
          ['Where', house.address.formatted],
          ['Kind', house.type && humanise(house.type)],
          ['Size', size.join(', ')],
          ['Condition', house.condition && humanise(house.condition)],
          ['Repairs', house.totalRepairCost > 0 ? formatMoney(house.totalRepairCost) : undefined],
          ['Asked for', money(valuation.listPrice)],
          ['Repaired worth', money(valuation.afterRepairValue)],
          ['Wholesale price', wholesalePrice],
          ['Margin', money(valuation.profitMargin)],
          ['Their share', owner?.equityPercent === undefined ? undefined : formatShare(owner.equityPercent)],
        ]}
      />
      {used.length > 0 ? (
        <details>
          <summary className="small">Reckoned from {count(used.length, 'sale')} around it</summary>
          <ul className="worth" aria-label="Sales around it">
            {used.map((sale) => (
              <li key={`${sale.address} ${sale.soldDate}`}>
                <span>{sale.address}</span>
                <span className="num">{formatMoney(sale.soldPrice)}</span>
                <span className="aside-detail">
                  {formatDate(sale.soldDate)}, {sale.distance} miles away, {formatMoney(sale.pricePerSqFt)} a
                  sq ft, counts {formatShare(sale.weight)}
                </span>
              </li>
            ))}
          </ul>
        </details>
      ) : (
        <p className="small muted">No sales around it are known, so nothing was reckoned.</p>
      )}
      {valuation.updatedAt ? (
        <p className="small muted">
          Reckoned <Ago at={valuation.updatedAt} />
        </p>
      ) : null}
    </>
  );
}
