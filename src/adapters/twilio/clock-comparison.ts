/** adapters/twilio/clock-comparison: our clock beside the carrier's, by the Date header that each of its answers carries. */
import type { Clock } from '../../app/ports.ts';

/** Dates are cut to whole seconds. */
const CUT_MS = 500;

export interface ClockComparison {
  /** Takes the Date header of an answer that has just come, and our time when the request was begun. */
  told(date: unknown, sentMs: number): void;
  /** Ours minus the carrier's, ms, exact to half the answer's travel and half a second; null before the first answer. */
  skewMs(): number | null;
}

export function createClockComparison(clock: Clock): ClockComparison {
  let skewMs: number | null = null;
  return {
    told(date, sentMs) {
      const theirsMs = typeof date === 'string' ? Date.parse(date) : Number.NaN;
      if (Number.isNaN(theirsMs)) return;
      const halfWayMs = (sentMs + clock.nowMs()) / 2;
      skewMs = Math.round(halfWayMs - (theirsMs + CUT_MS));
    },
    skewMs: () => skewMs,
  };
}
