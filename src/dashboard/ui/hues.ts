/** dashboard/ui/hues: what a chart draws, and in which of the colours. */

/** The colours of a series; each keeps 3:1 against its ground in both schemes, and is never the only sign. */
export type Hue = 'accent' | 'good' | 'fair' | 'slow' | 'quiet' | 'caller';

export const colourOf = (hue: Hue): string => `var(--hue-${hue})`;

export interface Series {
  readonly name: string;
  readonly hue: Hue;
  /** Null where there is nothing to tell. */
  readonly values: readonly (number | null)[];
}
