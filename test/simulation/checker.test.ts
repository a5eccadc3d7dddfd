/** The judge is judged first: by the worked cases of the reference, and by faults planted in an honest history. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createChecker, type Happening, type Settings } from './checker.ts';

const SELLER = 'acme';
const ms = (text: string): number => Date.parse(text);
const instant = z.string().transform(ms);
const list = z.object({ as_of: instant.nullable(), listed: z.array(z.string()) });

const Case = z.object({
  id: z.string(),
  now: instant,
  lead: z.object({
    phone: z.string(),
    alt_phones: z.array(z.string()),
    line_type: z.string(),
    state: z.string().nullable(),
    zip: z.string().nullable(),
    consent: z.array(
      z.discriminatedUnion('event', [
        z.object({
          event: z.literal('grant'),
          level: z.enum(['written', 'oral']),
          at: instant,
          phone: z.string(),
          seller: z.string(),
          purpose: z.enum(['marketing', 'informational']),
          artificial_voice_disclosed: z.boolean(),
          evidence_complete: z.boolean(),
          expires_at: instant,
        }),
        z.object({ event: z.literal('revoke'), at: instant }),
      ]),
    ),
  }),
  call: z.object({ purpose: z.enum(['marketing', 'informational']), subject: z.string() }),
  dnc: z.object({
    national: list,
    state: z.record(z.string(), list),
    internal: z.array(z.string()),
    litigator: z.boolean(),
    reassigned: z.object({ result: z.enum(['no', 'yes', 'no_data']), checked_at: instant }).nullable(),
  }),
  environment: z.object({ emergency_states: z.array(z.string()) }),
  campaign: z.object({
    status: z.string(),
    hours: z.object({ start: z.string(), end: z.string(), days: z.array(z.string()) }),
    max_per_24h: z.number(),
    min_gap_minutes: z.number(),
    dnc_consent_override: z.boolean(),
    allow_exempt_calls: z.boolean(),
    blocked_states: z.array(z.string()),
  }),
  history: z.object({
    attempts: z.array(z.object({ at: instant, phone: z.string(), subject: z.string() })),
  }),
  expect: z.enum(['allow', 'deny']),
  rationale: z.string(),
});

const CASES = z
  .object({ cases: z.array(Case) })
  .parse(
    JSON.parse(readFileSync(new URL('../domain/compliance-cases.sample.json', import.meta.url), 'utf8')),
  ).cases;

/** A case as the history of a small world, up to the moment of its question. */
function historyOf({
  now,
  lead,
  call,
  dnc,
  environment,
  campaign,
  history,
}: z.output<typeof Case>): Happening[] {
  const at = now;
  const settings: Settings = {
    killSwitch: false,
    emergencyStates: environment.emergency_states,
    blockedStates: campaign.blocked_states,
    requireNationalRegistry: true,
    requireStateLists: true,
    requireReassignedCheck: true,
    dncConsentOverride: campaign.dnc_consent_override,
    allowExemptCalls: campaign.allow_exempt_calls,
    maxPer24h: campaign.max_per_24h,
    minGapMinutes: campaign.min_gap_minutes,
    maxPerDay: null,
    maxPer7Days: null,
    maxPer30Days: null,
    stopAfterUnanswered: null,
  };
  const copy = (name: string, { as_of, listed }: z.output<typeof list>): Happening => ({
    what: 'copy',
    at,
    list: name,
    asOf: as_of,
    numbers: new Set(listed),
  });
  return [
    { what: 'settings', at, settings },
    {
      what: 'lead',
      at,
      lead: 'L',
      phone: lead.phone,
      others: lead.alt_phones,
      state: lead.state ?? undefined,
      zip: lead.zip ?? undefined,
      landline: lead.line_type === 'landline',
    },
    ...history.attempts.flatMap((dial, index): Happening[] => [
      {
        what: 'campaign',
        at,
        campaign: dial.subject,
        running: true,
        purpose: 'marketing',
        subject: dial.subject,
      },
      {
        what: 'dial',
        at: dial.at,
        call: `earlier ${index}`,
        lead: 'L',
        campaign: dial.subject,
        phone: dial.phone,
        decided: dial.at,
        askedAfter: 0,
      },
      { what: 'over', at: dial.at, call: `earlier ${index}`, hungUpByPerson: false },
    ]),
    {
      what: 'campaign',
      at,
      campaign: 'C',
      running: campaign.status === 'running',
      purpose: call.purpose,
      subject: call.subject,
      hours: campaign.hours,
    },
    ...lead.consent.map(
      (event): Happening =>
        event.event === 'revoke'
          ? { what: 'revoked', at, phone: lead.phone, said: event.at }
          : {
              what: 'consent',
              at,
              phone: event.phone,
              given: event.at,
              until: event.expires_at,
              seller: event.seller,
              level: event.level,
              purpose: event.purpose,
              artificialVoice: event.artificial_voice_disclosed,
              proven: event.evidence_complete,
            },
    ),
    copy('national', dnc.national),
    ...Object.entries(dnc.state).map(([state, held]) => copy(`state.${state}`, held)),
    ...dnc.internal.map((phone): Happening => ({ what: 'listed', at, list: 'internal', phone })),
    ...(dnc.litigator ? [{ what: 'listed', at, list: 'litigator', phone: lead.phone } as const] : []),
    ...(dnc.reassigned
      ? [
          {
            what: 'reassigned',
            at,
            phone: lead.phone,
            answer: dnc.reassigned.result,
            asked: dnc.reassigned.checked_at,
          } as const,
        ]
      : []),
  ];
}

describe('the worked cases of the reference', () => {
  test('are all here', () => expect(CASES.length).toBe(57));

  test.each(CASES)('$id: $rationale', (one) => {
    const checker = createChecker({ seller: SELLER });
    for (const happening of historyOf(one)) checker.note(happening);
    const { bars } = checker.judge({ lead: 'L', campaign: 'C', at: one.now });
    expect(bars.length === 0 ? 'allow' : 'deny', JSON.stringify(bars)).toBe(one.expect);
  });
});

// ── Planted faults ───────────────────────────────────────────────────────────────────────────────────────────────────

const BEFORE = ms('2026-10-01T12:00:00Z');
const NOON = ms('2026-11-24T17:00:00Z');
const MINUTE = 60_000;
const DAY = 86_400_000;

const SETTINGS: Settings = {
  killSwitch: false,
  emergencyStates: [],
  blockedStates: [],
  requireNationalRegistry: true,
  requireStateLists: true,
  requireReassignedCheck: true,
  dncConsentOverride: false,
  allowExemptCalls: false,
  maxPer24h: 10,
  minGapMinutes: 0,
  maxPerDay: null,
  maxPer7Days: null,
  maxPer30Days: null,
  stopAfterUnanswered: null,
};

interface Small {
  readonly phone: string;
  readonly zip: string;
  readonly state: string;
  /** When the phone rings; default Tuesday noon in New York. */
  readonly dialAt: number;
  readonly settings: Partial<Settings>;
  readonly consent: Partial<Extract<Happening, { what: 'consent' }>>;
  readonly national: number;
  /** When the database of reassigned numbers said no. */
  readonly asked: number;
  readonly others: readonly string[];
  /** What else happened before the dial. */
  readonly also: readonly Happening[];
}

/** An honest small world with one dial at its end, and what the judge finds in it. */
function found(change: Partial<Small> = {}): string[] {
  const {
    phone = '+12125550234',
    zip = '10001',
    state = 'NY',
    dialAt = NOON,
    national = dialAt - DAY,
    asked = dialAt - DAY,
  } = change;
  const checker = createChecker({ seller: SELLER });
  const copy = (list: string, asOf: number): Happening => ({
    what: 'copy',
    at: BEFORE,
    list,
    asOf,
    numbers: new Set<string>(),
  });
  const world: Happening[] = [
    { what: 'settings', at: BEFORE, settings: { ...SETTINGS, ...change.settings } },
    { what: 'lead', at: BEFORE, lead: 'L', phone, others: change.others ?? [], state, zip },
    {
      what: 'campaign',
      at: BEFORE,
      campaign: 'C',
      running: true,
      purpose: 'marketing',
      subject: 'houses',
    },
    {
      what: 'consent',
      at: BEFORE,
      phone,
      given: BEFORE,
      until: BEFORE + 365 * DAY,
      seller: SELLER,
      level: 'written',
      purpose: 'marketing',
      artificialVoice: true,
      proven: true,
      ...change.consent,
    },
    copy('national', national),
    ...['FL', 'LA', 'PA'].map((name) => copy(`state.${name}`, dialAt - DAY)),
    { what: 'reassigned', at: BEFORE, phone, answer: 'no', asked },
    ...(change.also ?? []),
  ];
  for (const happening of world) checker.note(happening);
  const earlier = checker.violations.length;
  checker.note(ring('the dial', phone, dialAt, checker.known));
  return [...new Set(checker.violations.slice(earlier).map(({ rule }) => rule))];
}

const ring = (call: string, phone: string, at: number, askedAfter = 0): Happening => ({
  what: 'dial',
  at,
  call,
  lead: 'L',
  campaign: 'C',
  phone,
  decided: at,
  askedAfter,
});
const rang = (phone: string, at: number): Happening[] => [
  ring(`at ${at}`, phone, at),
  { what: 'over', at: at + MINUTE, call: `at ${at}`, hungUpByPerson: false },
];

const NEW_YORKER = '+12125550234';
const FLORIDIAN = { phone: '+13055550234', zip: '33101', state: 'FL' };

describe('a dial that should not have been made is found:', () => {
  test('an honest one is not', () => {
    expect(found()).toEqual([]);
    expect(found(FLORIDIAN)).toEqual([]);
  });

  test('at 7:59:59 in the morning, and not at 8', () => {
    const eight = ms('2026-11-24T13:00:00Z');
    expect(found({ dialAt: eight - 1 })).toEqual(['federal_hours', 'state_hours']);
    expect(found({ dialAt: eight })).toEqual([]);
  });

  test('at 9 in the evening of the western end of a state', () => {
    const pensacola = { ...FLORIDIAN, phone: '+18505550234', zip: '32501' };
    // Florida closes at 20: 20:30 in Tallahassee, 19:30 in Pensacola.
    expect(found({ ...pensacola, dialAt: ms('2026-11-25T01:30:00Z') })).toEqual(['state_hours']);
  });

  test('in the hour that the end of summer time gave back', () => {
    expect(found({ dialAt: ms('2026-11-01T12:30:00Z') })).toContain('federal_hours');
    expect(found({ dialAt: ms('2026-11-02T01:30:00Z') })).toEqual([]);
  });

  test('on a holiday of Rhode Island', () => {
    const islander = { phone: '+14015550234', zip: '02903', state: 'RI' };
    expect(found({ ...islander, dialAt: ms('2026-11-26T18:00:00Z') })).toEqual(['state_hours']);
    expect(found({ ...islander, dialAt: ms('2026-11-11T18:00:00Z') })).toEqual(['state_hours']);
    expect(found({ ...islander, dialAt: ms('2026-11-12T18:00:00Z') })).toEqual([]);
  });

  test('on Election Day in Pennsylvania', () => {
    const caller = { phone: '+12155550234', zip: '19103', state: 'PA', dialAt: ms('2026-11-03T18:00:00Z') };
    expect(found(caller)).toEqual(['state_hours']);
  });

  test('a minute after a revocation, and not when the wish became known after the decision', () => {
    const stop = { what: 'stop', phone: NEW_YORKER } as const;
    const before = NOON - MINUTE;
    expect(found({ also: [{ ...stop, at: before, said: before }] })).toEqual([
      'internal_list',
      'consent_revoked',
    ]);
    const checker = createChecker({ seller: SELLER });
    checker.note({ ...stop, at: NOON, said: NOON });
    expect(checker.known).toBe(1);
  });

  test('a fourth call in 24 hours in Florida', () => {
    const { phone } = FLORIDIAN;
    const also = [23, 20, 3].flatMap((hours) => rang(phone, NOON - hours * 60 * MINUTE));
    expect(found({ ...FLORIDIAN, also })).toEqual(['state_cap']);
    const older = [24, 20, 3].flatMap((hours) => rang(phone, NOON - hours * 60 * MINUTE));
    expect(found({ ...FLORIDIAN, also: older })).toEqual([]);
  });

  test('a registry that is a millisecond too old, one of tomorrow, and none', () => {
    expect(found({ national: NOON - 31 * DAY - 1 })).toEqual(['list_stale']);
    expect(found({ national: NOON - 31 * DAY })).toEqual([]);
    expect(found({ national: NOON + 1 })).toEqual(['list_missing']);
    const texan = { phone: '+12145550234', zip: '75201', state: 'TX' };
    expect(found(texan)).toEqual(['list_missing']);
  });

  test('a number on the national registry, but not with the override and a written consent', () => {
    const also: Happening[] = [{ what: 'listed', at: BEFORE, list: 'national', phone: NEW_YORKER }];
    expect(found({ also })).toEqual(['registry']);
    expect(found({ also, settings: { dncConsentOverride: true } })).toEqual([]);
    expect(found({ also, settings: { dncConsentOverride: true }, consent: { level: 'oral' } })).toEqual([
      'consent_oral',
      'registry',
    ]);
  });

  test('a person whose other number, of another lead, said stop', () => {
    const also: Happening[] = [
      { what: 'lead', at: BEFORE, lead: 'M', phone: '+12125550777', others: ['+12125550888'] },
      { what: 'stop', at: NOON - DAY, said: NOON - DAY, phone: '+12125550888' },
    ];
    expect(found({ others: ['+12125550777'], also })).toEqual(['internal_list', 'consent_revoked']);
    expect(found({ others: ['+12125550999'], also })).toEqual([]);
  });

  test('a person who said stop and was let go, but has not consented anew', () => {
    const stop: Happening = { what: 'stop', at: NOON - DAY, said: NOON - DAY, phone: NEW_YORKER };
    const release: Happening = { what: 'released', at: NOON - DAY, list: 'internal', phone: NEW_YORKER };
    expect(found({ also: [stop, release] })).toEqual(['consent_revoked']);
    expect(found({ also: [stop, release], consent: { given: NOON - DAY } })).toEqual(['consent_revoked']);
    expect(found({ also: [stop, release], consent: { given: NOON - DAY + 1 } })).toEqual([]);
  });

  test('a litigator, and a number that is somebody else by now', () => {
    expect(found({ also: [{ what: 'listed', at: BEFORE, list: 'litigator', phone: NEW_YORKER }] })).toEqual([
      'litigator',
    ]);
    const answer = { what: 'reassigned', at: NOON, phone: NEW_YORKER } as const;
    expect(found({ also: [{ ...answer, answer: 'yes', asked: NOON }] })).toEqual(['reassigned']);
    expect(found({ also: [{ ...answer, answer: 'no_data', asked: NOON }] })).toEqual(['reassigned_unknown']);
    // An answer that comes in late does not replace a newer one.
    expect(found({ also: [{ ...answer, answer: 'yes', asked: NOON - 2 * DAY }] })).toEqual([]);
    expect(found({ dialAt: NOON + 31 * DAY, asked: NOON - MINUTE })).toEqual(['reassigned_unknown']);
  });

  test('a state that counsel has not cleared, and one with an emergency, by address or by number', () => {
    expect(found({ settings: { blockedStates: ['NY'] } })).toEqual(['state_blocked']);
    expect(found({ settings: { emergencyStates: ['FL'] }, zip: '33101', state: 'FL' })).toEqual([
      'state_frozen',
    ]);
  });

  test.each([
    ['consent_oral', { level: 'oral' }],
    ['consent_seller', { seller: 'otherco' }],
    ['consent_missing', { phone: '+12125550777' }],
    ['consent_voice', { artificialVoice: false }],
    ['consent_unproven', { proven: false }],
    ['consent_purpose', { purpose: 'informational' }],
    ['consent_early', { given: NOON + 1 }],
    ['consent_expired', { until: NOON }],
  ] as const)('with a consent that does not carry it: %s', (rule, consent) => {
    expect(found({ consent })).toEqual([rule]);
  });

  test('with a consent older than Kentucky lets it live', () => {
    const louisville = { phone: '+15025550234', zip: '40202', state: 'KY' };
    const given = ms('2024-11-24T17:00:00Z');
    const until = NOON + DAY;
    expect(found({ ...louisville, consent: { given, until } })).toEqual(['consent_expired']);
    expect(found({ ...louisville, consent: { given: given + 1, until } })).toEqual([]);
  });

  test('with the kill switch on, or for a campaign that rests', () => {
    expect(found({ settings: { killSwitch: true } })).toEqual(['kill_switch']);
    const campaign = {
      what: 'campaign',
      at: BEFORE,
      campaign: 'C',
      purpose: 'marketing',
      subject: 'x',
    } as const;
    expect(found({ also: [{ ...campaign, running: false }] })).toEqual(['campaign_stopped']);
    const hours = { start: '09:00', end: '12:00', days: ['tue'] };
    expect(found({ also: [{ ...campaign, running: true, hours }] })).toEqual(['campaign_hours']);
  });

  test('where nobody knows the place of the person', () => {
    expect(found({ zip: '90012' })).toEqual(['location_conflict']);
    expect(found({ zip: '00000' })).toEqual(['timezone_unknown']);
  });

  test('to a number that is none', () => {
    expect(found({ phone: '+18005550234' })).toContain('phone_toll_free');
    expect(found({ phone: '+14165550234' })).toContain('phone_not_us');
    expect(found({ phone: '+12125550123' })).toContain('phone_fictional');
  });

  test('more often than the business allows, and while the person is on another line', () => {
    const also = rang(NEW_YORKER, NOON - 119 * MINUTE);
    expect(found({ also, settings: { minGapMinutes: 120 } })).toEqual(['business_cap']);
    expect(found({ also, settings: { maxPerDay: 1 } })).toEqual(['business_cap']);
    expect(found({ also, settings: { maxPer7Days: 1 } })).toEqual(['business_cap']);
    expect(found({ also, settings: { stopAfterUnanswered: 1 } })).toEqual(['business_cap']);
    expect(found({ also: rang(NEW_YORKER, NOON - MINUTE).slice(0, 1) })).toEqual(['two_at_once']);
  });

  test('a second call to a Nevadan who hung up on the first', () => {
    const nevadan = { phone: '+17025550234', zip: '89101', state: 'NV', dialAt: ms('2026-11-24T20:00:00Z') };
    const call = 'the first';
    const also: Happening[] = [
      ring(call, nevadan.phone, NOON - DAY),
      { what: 'answered', at: NOON - DAY, call, by: 'person' },
      { what: 'over', at: NOON - DAY, call, hungUpByPerson: true },
    ];
    expect(found({ ...nevadan, also })).toEqual(['state_cap']);
    expect(found({ ...nevadan, also: also.slice(0, 1).concat(also.slice(2)) })).toEqual([]);
  });

  /** Somebody whom nothing bars at noon. */
  const CALLABLE: readonly Happening[] = [
    { what: 'settings', at: NOON, settings: { ...SETTINGS, requireReassignedCheck: false } },
    { what: 'lead', at: NOON, lead: 'L', phone: NEW_YORKER, others: [], zip: '10001' },
    { what: 'campaign', at: NOON, campaign: 'C', running: true, purpose: 'marketing', subject: 'x' },
    { what: 'copy', at: NOON, list: 'national', asOf: NOON, numbers: new Set() },
    {
      what: 'consent',
      at: NOON,
      phone: NEW_YORKER,
      given: BEFORE,
      until: NOON + DAY,
      seller: SELLER,
      level: 'written',
      purpose: 'marketing',
      artificialVoice: true,
      proven: true,
    },
  ];

  test('a stop that becomes known while the dial is under way is a race and no violation', () => {
    const checker = createChecker({ seller: SELLER });
    const at = NOON;
    for (const happening of CALLABLE) checker.note(happening);
    const askedAfter = checker.known;
    checker.note({ what: 'stop', at, said: at, phone: NEW_YORKER });
    checker.note(ring('at once', NEW_YORKER, at, askedAfter));
    expect(checker.violations).toEqual([]);
    expect(checker.races.map(({ rule }) => rule)).toEqual(['internal_list', 'consent_revoked']);
    checker.note({ what: 'over', at, call: 'at once', hungUpByPerson: false });
    checker.note(ring('later', NEW_YORKER, at + 1, checker.known));
    expect(checker.violations.map(({ rule }) => rule)).toEqual(['internal_list', 'consent_revoked']);
  });

  test('while a setting is being changed it may hold already or not yet; then it holds', () => {
    const checker = createChecker({ seller: SELLER });
    const open = {
      what: 'settings',
      at: NOON,
      settings: { ...SETTINGS, requireReassignedCheck: false },
    } as const;
    const closed = { ...open, settings: { ...open.settings, blockedStates: ['NY'] } };
    for (const happening of [...CALLABLE, closed]) checker.note(happening);
    checker.note({ what: 'coming', at: NOON, next: open });
    checker.note(ring('meanwhile', NEW_YORKER, NOON, checker.known));
    expect(checker.violations).toEqual([]);
    checker.note({ what: 'over', at: NOON, call: 'meanwhile', hungUpByPerson: false });
    checker.note(open);
    checker.note(closed);
    checker.note(ring('too late', NEW_YORKER, NOON + DAY / 2, checker.known));
    expect(checker.violations.map(({ rule }) => rule)).toContain('state_blocked');
  });
});
