/** http/routes/read: what several groups of routes do with what was asked: copying, phones, instants, evidence of consent. */
import type { z } from 'zod';
import type { CallQuery, FieldError, LeadConsent } from '../../contract/index.ts';
import { parsePhone } from '../../domain/phone.ts';
import type { Caller } from '../auth.ts';
import type { ConsentGiven } from '../needs.ts';
import { invalid } from '../problems.ts';

/** Copies the members that are there: an absent one stays absent. */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
export const present = <T extends object>(values: T): Present<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;

/** The number in E.164. Throws `invalid_request` that names the field. */
export function phoneAt(where: FieldError['in'], pointer: string, text: string): string;
export function phoneAt(
  where: FieldError['in'],
  pointer: string,
  text: string | undefined,
): string | undefined;
export function phoneAt(
  where: FieldError['in'],
  pointer: string,
  text: string | undefined,
): string | undefined {
  if (text === undefined) return undefined;
  const phone = parsePhone(text);
  if (phone === undefined) {
    throw invalid([{ in: where, pointer, detail: 'must be a phone number without an extension' }]);
  }
  return phone;
}

/**
 * The filters of a list of calls as the app takes them; `me` is whoever asks. Throws `invalid_request` for what is no phone
 * number.
 */
export function callFilters<Q extends Omit<CallQuery, 'limit' | 'cursor'>>(
  { from, to, phone, assignedTo, ...rest }: Q,
  { userId }: Pick<Caller, 'userId'>,
) {
  const number = phoneAt('query', 'phone', phone);
  const reviewer = assignedTo === 'none' ? null : assignedTo === 'me' ? userId : assignedTo;
  return {
    ...rest,
    ...present({ from: date(from), to: date(to), phone: number, assignedTo: reviewer }),
  };
}

export const date = (text: string | undefined): Date | undefined =>
  text === undefined ? undefined : new Date(text);

export function consentGiven(given: z.output<typeof LeadConsent>): ConsentGiven {
  const { expiresAt, at, evidence, ...rest } = given;
  const { certificateClaimedAt: claimed, certificateRetainedUntil: retained, ...claims } = evidence ?? {};
  return {
    ...rest,
    ...present({
      expiresAt: date(expiresAt),
      at: date(at),
      evidence: evidence && {
        ...claims,
        ...present({ certificateClaimedAt: date(claimed), certificateRetainedUntil: date(retained) }),
      },
    }),
  };
}
