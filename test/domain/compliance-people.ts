/** People, histories and moments for the properties of the gate, as arbitraries: over all kinds of zone lines and edges of days. */
import fc from 'fast-check';
import { inject } from 'vitest';
import type { FactsInput } from '../../src/domain/compliance/facts.ts';
import { STATE_LISTS } from '../../src/domain/compliance/states.ts';
import { daysAfter, goodFacts, goodGrant, minutesAfter } from '../support/compliance-cases.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** How often each property is tried; 2,000 without it. */
    propertyRuns?: number;
  }
}

const ALL_RUNS = inject('propertyRuns') ?? 2_000;
/** For properties that are `dearer` times as dear as the others. */
export const runs = (dearer = 1): { numRuns: number } => ({ numRuns: Math.ceil(ALL_RUNS / dearer) });

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const NPAS =
  '205 212 215 251 270 312 334 401 402 406 423 432 501 503 504 541 602 605 617 620 671 684 701 702 704 713 775 787 801 808 812 850 907 906 915 928 207 208 305 307 308 316';

const ADDRESSES: readonly (readonly [state: string | null, zip: string | null])[] = [
  [null, null],
  [null, null],
  ['NY', '10001'],
  ['FL', null],
  ['FL', '32501'],
  ['AK', null],
  ['AK', '99685'],
  ['LA', '70112'],
  ['TX', '79901'],
  ['HI', '96813'],
  ['Guam', null],
  ['AL', '36602'],
  ['AL', '36867'],
  ['AZ', '86039'],
  ['IN', '46402'],
  [null, '47708'],
  ['KY', null],
  ['ME', '04101'],
  ['NE', '69361'],
  ['NV', '89883'],
  ['OR', '97914'],
  ['PA', '19103'],
  ['RI', '02903'],
  ['SD', null],
  ['UT', '84101'],
];

export const somewhere = fc
  .record({ npa: fc.constantFrom(...NPAS.split(' ')), address: fc.constantFrom(...ADDRESSES) })
  .map(({ npa, address: [state, zip] }) => ({ phone: `+1${npa}5550234`, state, zip }));

/** Days on which a clock or a holiday is easily got wrong. */
const HARD_DAYS = [
  '2026-01-01 2026-02-16 2026-02-17 2026-03-08 2026-04-03 2026-04-27 2026-05-04 2026-05-25 2026-06-01 2026-06-14',
  '2026-06-19 2026-07-03 2026-07-04 2026-07-24 2026-08-10 2026-09-07 2026-10-12 2026-11-01 2026-11-03 2026-11-11',
  '2026-11-26 2026-11-27 2026-12-01 2026-12-25 2026-12-31 2027-01-01 2027-02-09 2027-03-14 2027-03-26 2027-07-05',
]
  .join(' ')
  .split(' ')
  .map((day) => Date.parse(`${day}T00:00:00Z`));

/**
 * Any second of 2026 and 2027 but for the last weeks, so that searches end inside the tables of holidays; every other one
 * lies by a full or half hour of a hard day, where hours open and close.
 */
export const moment = fc.oneof(
  fc
    .integer({
      min: Date.parse('2026-01-02T00:00:00Z') / 1000,
      max: Date.parse('2027-10-15T00:00:00Z') / 1000,
    })
    .map((s) => s * 1000),
  fc
    .record({
      day: fc.constantFrom(...HARD_DAYS),
      halfHour: fc.integer({ min: 10, max: 70 }),
      off: fc.constantFrom(-MINUTE_MS, -1, 0, 1, MINUTE_MS, 25_000),
    })
    .map(({ day, halfHour, off }) => day + (halfHour * HOUR_MS) / 2 + off),
);

const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** Facts that only time and the caps of states may bar: every list fresh, consent good, nothing tried. */
export function openFacts(
  where: { readonly phone: string; readonly state: string | null; readonly zip: string | null },
  nowMs: number,
): FactsInput {
  const good = goodFacts(nowMs);
  return {
    ...good,
    lead: { ...good.lead, ...where, consent: [{ ...goodGrant(nowMs), phone: where.phone }] },
    dnc: {
      ...good.dnc,
      state: Object.fromEntries(
        [...STATE_LISTS].map((state) => [state, { asOf: daysAfter(nowMs, -1), listed: [] }]),
      ),
    },
    campaign: { ...good.campaign, hours: { start: '00:00', end: '24:00', days: [...WEEK] } },
  };
}

export interface AnyCall {
  readonly facts: FactsInput;
  readonly nowMs: number;
}

const attempts = fc.array(
  fc.record({
    agoMin: fc.integer({ min: 0, max: 60 * 24 * 40 }),
    mine: fc.boolean(),
    outcome: fc.constantFrom('no_answer', 'completed', 'voicemail', 'hung_up'),
  }),
  { maxLength: 12 },
);

/** A call with a history, in a campaign with hours and caps of its own. */
export const anyCall: fc.Arbitrary<AnyCall> = fc
  .record({
    where: somewhere,
    nowMs: moment,
    attempts,
    maxPer24h: fc.integer({ min: 1, max: 4 }),
    gap: fc.constantFrom(0, 30, 120),
    perDay: fc.constantFrom(null, 1, 2),
    unanswered: fc.constantFrom(null, null, 8),
    start: fc.constantFrom('00:00', '08:00', '09:30', '12:00'),
    end: fc.constantFrom('13:00', '17:00', '21:00', '24:00'),
    weekend: fc.boolean(),
  })
  .map(({ where, nowMs, attempts: tried, maxPer24h, gap, perDay, unanswered, start, end, weekend }) => {
    const open = openFacts(where, nowMs);
    return {
      nowMs,
      facts: {
        ...open,
        campaign: {
          ...open.campaign,
          hours: { start, end, days: weekend ? [...WEEK] : WEEK.slice(0, 5) },
          maxPer24h,
          minGapMinutes: gap,
          maxPerDay: perDay,
          stopAfterUnanswered: unanswered,
        },
        history: {
          attempts: tried.map(({ agoMin, mine, outcome }) => ({
            at: minutesAfter(nowMs, -agoMin),
            phone: where.phone,
            subject: mine ? 'solar' : 'other',
            outcome,
          })),
        },
      },
    };
  });

const near = (nowMs: number, agoDays: number, off: number): Date => new Date(nowMs - agoDays * DAY_MS + off);

/** The same, with consent, lists and checks that become true or too old around now, and with grants and stops in any order. */
export const agingCall: fc.Arbitrary<AnyCall> = fc
  .record({
    call: anyCall,
    listAge: fc.constantFrom(-1, 2, 25, 30, 31, 40),
    checkAge: fc.constantFrom(3, 20, 30),
    off: fc.integer({ min: -DAY_MS, max: DAY_MS }),
    grantAge: fc.constantFrom(-3, 0, 30, 360, 725, 800),
    lasts: fc.constantFrom(null, 2, 700),
    stopAge: fc.constantFrom(null, null, null, 5, 400),
    again: fc.boolean(),
    released: fc.constantFrom(null, -4, 10),
    purpose: fc.constantFrom('marketing' as const, 'informational' as const),
    landline: fc.boolean(),
  })
  .map(({ call, listAge, checkAge, off, grantAge, lasts, stopAge, again, released, purpose, landline }) => {
    const { facts, nowMs } = call;
    const grant = {
      ...goodGrant(nowMs),
      phone: facts.lead.phone,
      at: near(nowMs, grantAge, off),
      expiresAt: lasts === null ? null : near(nowMs, -lasts, off),
    };
    const stop = (days: number) => ({
      event: 'revoke' as const,
      at: near(nowMs, days, off),
      seller: 'acme',
      channel: 'voice',
    });
    return {
      nowMs,
      facts: {
        ...facts,
        lead: {
          ...facts.lead,
          lineType: landline ? 'landline' : 'wireless',
          consent: [
            ...(landline && again ? [] : [grant]),
            ...(stopAge === null ? [] : [stop(stopAge)]),
            ...(again && !landline ? [{ ...grant, at: near(nowMs, 1, off), level: 'oral' as const }] : []),
          ],
        },
        call: { ...facts.call, purpose },
        dnc: {
          ...facts.dnc,
          national: { asOf: near(nowMs, listAge, off), listed: [] },
          reassigned: { result: 'no', checkedAt: near(nowMs, checkAge, off) },
          internal:
            released === null
              ? []
              : [{ phone: facts.lead.phone, seller: null, releasedAt: near(nowMs, released, off) }],
        },
        campaign: { ...facts.campaign, allowExemptCalls: landline },
      },
    };
  });
