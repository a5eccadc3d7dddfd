/** dashboard/call/latency-chart: how long the caller waited for each reply. */
import { formatMs } from '../format.ts';

/** Up to here a pause feels natural on the phone; beyond the second the caller wonders whether anybody is there. */
const GOOD_MS = 1_200;
const SLOW_MS = 2_000;

/** Of more bars than this there is no room for gaps. */
const MANY = 60;

export const gradeOf = (ms: number) => (ms <= GOOD_MS ? 'good' : ms <= SLOW_MS ? 'fair' : 'slow');

export function LatencyChart({
  perTurnMs,
  medianMs,
}: {
  perTurnMs: readonly number[];
  medianMs: number | undefined;
}) {
  const top = Math.max(SLOW_MS, ...perTurnMs);
  const slow = perTurnMs.filter((ms) => ms > SLOW_MS).length;
  const summary = `Reply times of ${perTurnMs.length} turns. Median ${medianMs === undefined ? 'unknown' : formatMs(medianMs)}, longest ${formatMs(Math.max(...perTurnMs))}. ${slow} slower than ${formatMs(SLOW_MS)}.`;
  return (
    <figure className="latency">
      <div
        className="latency-bars"
        role="img"
        aria-label={summary}
        style={{ gap: perTurnMs.length > MANY ? 0 : 3 }}
      >
        {medianMs === undefined ? null : (
          <span className="latency-median" style={{ bottom: `${(medianMs / top) * 100}%` }} />
        )}
        {perTurnMs.map((ms, turn) => (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: the position is the turn
            key={turn}
            className="latency-bar"
            data-grade={gradeOf(ms)}
            style={{ height: `${Math.max(2, (ms / top) * 100)}%` }}
            title={`Turn ${turn + 1}: ${formatMs(ms)}`}
          />
        ))}
      </div>
      <figcaption>
        <span>
          Median <strong className="num">{medianMs === undefined ? '–' : formatMs(medianMs)}</strong>
        </span>
        <span>
          Longest <strong className="num">{formatMs(Math.max(...perTurnMs))}</strong>
        </span>
        <span>
          Turns <strong className="num">{perTurnMs.length}</strong>
        </span>
      </figcaption>
    </figure>
  );
}
