/** dashboard/campaign/heat-map: the share of calls that were answered, by day and hour of the called party's clock. */
import type { CSSProperties } from 'react';
import type { Performance } from '../../contract/index.ts';
import { count, formatShare } from '../format.ts';

const DAYS = [
  ['mon', 'Mon'],
  ['tue', 'Tue'],
  ['wed', 'Wed'],
  ['thu', 'Thu'],
  ['fri', 'Fri'],
  ['sat', 'Sat'],
  ['sun', 'Sun'],
] as const;
/** A share of fewer calls says little. */
const ENOUGH_CALLS = 3;

const hourName = (hour: number): string =>
  hour === 0 ? '12a' : hour === 12 ? '12p' : hour < 12 ? `${hour}a` : `${hour - 12}p`;

type Hour = Performance['hours'][number];

/** The hour in which the most calls of enough were answered. */
function bestOf(hours: readonly Hour[]): Hour | undefined {
  const enough = hours.filter(({ calls }) => calls >= ENOUGH_CALLS);
  return enough.reduce<Hour | undefined>(
    (best, one) => (best === undefined || one.answered / one.calls > best.answered / best.calls ? one : best),
    undefined,
  );
}

/** A real table, so that it is read cell by cell; the colour repeats what the cell says. */
export function HeatMap({ hours }: { hours: Performance['hours'] }) {
  const first = Math.min(...hours.map(({ hour }) => hour));
  const last = Math.max(...hours.map(({ hour }) => hour));
  const columns = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const byTime = new Map(hours.map((one) => [`${one.day} ${one.hour}`, one]));
  const best = bestOf(hours);
  const top = Math.max(0.01, ...hours.map(({ answered, calls }) => (calls > 0 ? answered / calls : 0)));
  return (
    <>
      {best ? (
        <p className="small">
          Best:{' '}
          <strong>
            {DAYS.find(([day]) => day === best.day)?.[1]} {hourName(best.hour)}
          </strong>
          , {formatShare(best.answered / best.calls)} of {count(best.calls, 'call')} answered.
        </p>
      ) : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="heat-box" aria-label="Share of calls answered, by day and hour" tabIndex={0}>
        <table className="heat">
          <thead>
            <tr>
              <td />
              {columns.map((hour) => (
                <th key={hour} scope="col">
                  {hourName(hour)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {DAYS.map(([day, name]) => (
              <tr key={day}>
                <th scope="row">{name}</th>
                {columns.map((hour) => {
                  const one = byTime.get(`${day} ${hour}`);
                  if (!one || one.calls === 0) return <td key={hour} className="heat-none" />;
                  const share = one.answered / one.calls;
                  return (
                    <td
                      key={hour}
                      title={`${name} ${hourName(hour)}: ${one.answered} of ${count(one.calls, 'call')} answered, ${one.reached} reached`}
                      style={{ '--heat': `${Math.round((share / top) * 100)}%` } as CSSProperties}
                    >
                      {Math.round(share * 100)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p className="small muted">
        Per cent of the calls that were answered, on the called person's own clock. The stronger the colour,
        the more.
      </p>
    </>
  );
}
