/** domain/caller-id: which of our numbers a person sees when we call: the one they know, else one from where they live. */
import { areaCode } from './compliance/places.ts';

const npaOf = (phone: string): string | undefined => /^\+1(\d{3})\d{7}$/.exec(phone)?.[1];

const stateOf = (phone: string): string | undefined => {
  const npa = npaOf(phone);
  return npa === undefined ? undefined : areaCode(npa)?.state;
};

/**
 * The number to call `to` from: the one that was used for this person before, while it is still ours; one with the same area
 * code; one of the same state; the first. All E.164. Undefined when there is none.
 */
export function callerIdFor(ours: readonly string[], to: string, before?: string): string | undefined {
  if (before !== undefined && ours.includes(before)) return before;
  const npa = npaOf(to);
  const state = stateOf(to);
  return (
    (npa === undefined ? undefined : ours.find((number) => npaOf(number) === npa)) ??
    (state === undefined ? undefined : ours.find((number) => stateOf(number) === state)) ??
    ours[0]
  );
}
