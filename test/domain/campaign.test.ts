/** What a campaign does next: for every outcome, in every order, at every hour. */
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import type { CallOutcome, CallStatus } from '../../src/domain/call.ts';
import { callerIdFor } from '../../src/domain/caller-id.ts';
import {
  afterCall,
  afterDenial,
  type CallEnd,
  type Ending,
  fairest,
  type Move,
  nextInWords,
  onward,
  type Position,
  RETRY_REASONS,
  type Schedule,
  stepOf,
  tooManyFailures,
  WEEKDAY_NAMES,
  type Workflow,
} from '../../src/domain/campaign.ts';
import { dayOf, isOpen, nextDayMs, nextOpening, standingOf } from '../../src/domain/campaign-hours.ts';
import { REASONS } from '../../src/domain/compliance/decision.ts';
import type { Lead } from '../../src/domain/documents.ts';
import { fitOf, isOpenLead } from '../../src/domain/qualification.ts';

const NOON_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const WORKFLOW: Workflow = {
  initialContact: {
    method: 'automated_call',
    timing: 'within_5_minutes',
    maxAttempts: 3,
    retryDelay: 3_600,
    retryDelays: { busy: 600, voicemail: 14_400 },
  },
  followUp: [
    { delay: 86_400, method: 'email', template: 'day_1' },
    { delay: 259_200, method: 'sms', template: 'day_3' },
    { delay: 604_800, method: 'automated_call' },
  ],
  nurture: { enabled: true, frequency: 'weekly', duration: 30, content: ['market', 'story'] },
};
const START: Position = { stage: 'initial', step: 0, calls: 1 };
const ended = (outcome: CallOutcome | undefined, status: CallStatus = 'completed'): CallEnd => ({
  status,
  wasDialled: true,
  ...(outcome === undefined ? {} : { outcome }),
});

describe('after a call', () => {
  test.each<[CallOutcome, Ending]>([
    ['qualified', 'reached'],
    ['transferred', 'reached'],
    ['not_interested', 'not_interested'],
    ['wrong_number', 'wrong_number'],
    ['opted_out', 'opted_out'],
  ])('%s ends it', (outcome, why) => {
    expect(afterCall(WORKFLOW, START, ended(outcome), NOON_MS)).toEqual({ kind: 'ended', why });
  });

  test.each<[CallEnd, number]>([
    [ended('no_conversation', 'busy'), 600],
    [ended('no_conversation', 'no_answer'), 3_600],
    [ended('no_conversation', 'failed'), 3_600],
    [ended('no_conversation', 'canceled'), 3_600],
    [ended('voicemail'), 14_400],
    [ended('hung_up'), 3_600],
    [ended('no_conversation'), 3_600],
  ])('%j is tried again behind the delay of its reason', (end, delaySec) => {
    expect(afterCall(WORKFLOW, START, end, NOON_MS)).toEqual({
      kind: 'next',
      stage: 'initial',
      step: 1,
      priority: 2,
      dueAt: new Date(NOON_MS + delaySec * 1_000),
    });
  });

  test('the last try is followed by the follow-up, whose delays count from then', () => {
    const last = { ...START, step: 2, calls: 3 };
    const move = afterCall(WORKFLOW, last, ended('no_conversation', 'no_answer'), NOON_MS);
    expect(move).toEqual({
      kind: 'next',
      stage: 'follow_up',
      step: 0,
      priority: 3,
      dueAt: new Date(NOON_MS + DAY_MS),
      initialEndedAt: new Date(NOON_MS),
    });
  });

  test('an agreed callback comes first, at its time, and the follow-up goes on where it was when nobody answers it', () => {
    const callbackAt = new Date(NOON_MS + 2 * DAY_MS);
    const at = { stage: 'follow_up', step: 1, calls: 4, initialEndedAt: new Date(NOON_MS) } as const;
    const agreed = afterCall(WORKFLOW, at, { ...ended('callback'), callbackAt }, NOON_MS + DAY_MS);
    expect(agreed).toEqual({
      kind: 'next',
      stage: 'callback',
      step: 0,
      priority: 0,
      dueAt: callbackAt,
      resumeAt: 2,
    });
    const missed = { ...at, stage: 'callback', step: 2, calls: 7, resumeAt: 2 } as const;
    const laterMs = NOON_MS + 8 * DAY_MS;
    expect(afterCall(WORKFLOW, missed, ended('no_conversation', 'no_answer'), laterMs)).toMatchObject({
      stage: 'follow_up',
      step: 2,
      priority: 2,
    });
  });

  test('a callback at a time that has passed, or at none, is not before now', () => {
    const past = { ...ended('callback'), callbackAt: new Date(NOON_MS - DAY_MS) };
    expect(afterCall(WORKFLOW, START, past, NOON_MS)).toMatchObject({ dueAt: new Date(NOON_MS) });
    expect(afterCall(WORKFLOW, START, ended('callback'), NOON_MS)).toMatchObject({
      stage: 'callback',
      dueAt: new Date(NOON_MS + 3_600_000),
    });
  });

  test('a call that never was dialled counts for nothing', () => {
    const end: CallEnd = { status: 'canceled', wasDialled: false };
    expect(afterCall(WORKFLOW, { ...START, calls: 0 }, end, NOON_MS)).toEqual({
      kind: 'next',
      stage: 'initial',
      step: 0,
      priority: 1,
      dueAt: new Date(NOON_MS + MINUTE_MS),
    });
  });
});

describe('after a message', () => {
  const began = new Date(NOON_MS);

  test('the next step comes when its delay since the initial contact is over', () => {
    const at: Position = { stage: 'follow_up', step: 0, calls: 3, initialEndedAt: began };
    expect(onward(WORKFLOW, at, NOON_MS + DAY_MS)).toMatchObject({
      stage: 'follow_up',
      step: 1,
      dueAt: new Date(NOON_MS + 3 * DAY_MS),
    });
  });

  test('steps that fell behind come an hour apart at least', () => {
    const at: Position = { stage: 'follow_up', step: 0, calls: 3, initialEndedAt: began };
    const lateMs = NOON_MS + 60 * DAY_MS;
    expect(onward(WORKFLOW, at, lateMs)).toMatchObject({ step: 1, dueAt: new Date(lateMs + 3_600_000) });
  });

  test('nurture goes on for its days, one message after the other and then from the first', () => {
    let at: Position = { stage: 'follow_up', step: 2, calls: 4, initialEndedAt: began };
    let nowMs = NOON_MS + 7 * DAY_MS;
    const sent: (string | undefined)[] = [];
    for (;;) {
      const move = onward(WORKFLOW, at, nowMs);
      if (move.kind === 'ended') break;
      at = { ...at, stage: move.stage, step: move.step };
      nowMs = move.dueAt.getTime();
      const step = stepOf(WORKFLOW, at);
      sent.push(step?.kind === 'message' ? step.template : undefined);
    }
    expect(sent).toEqual(['market', 'story', 'market', 'story']);
  });
});

// ── Every course an enrollment can take ──────────────────────────────────────────────────────────────────────────────

const delay = fc.integer({ min: 0, max: 90 * 86_400 });
const workflows: fc.Arbitrary<Workflow> = fc.record(
  {
    initialContact: fc.record(
      {
        method: fc.constant('automated_call' as const),
        timing: fc.constant('immediately' as const),
        maxAttempts: fc.integer({ min: 1, max: 20 }),
        retryDelay: fc.integer({ min: 60, max: 86_400 }),
        retryDelays: fc.dictionary(fc.constantFrom(...RETRY_REASONS), fc.integer({ min: 60, max: 86_400 })),
      },
      { requiredKeys: ['method', 'timing', 'maxAttempts', 'retryDelay'] },
    ),
    followUp: fc
      .array(
        fc.record({
          delay,
          method: fc.constantFrom('automated_call' as const, 'sms' as const, 'email' as const),
          template: fc.constant('words'),
        }),
        { maxLength: 8 },
      )
      .map((steps) => steps.sort((a, b) => a.delay - b.delay)),
    nurture: fc.record({
      enabled: fc.boolean(),
      frequency: fc.constantFrom('weekly' as const, 'biweekly' as const, 'monthly' as const),
      duration: fc.integer({ min: 1, max: 400 }),
      content: fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 }),
    }),
  },
  { requiredKeys: ['initialContact', 'followUp'] },
);

const OUTCOMES: readonly (CallOutcome | undefined)[] = [
  'callback',
  'voicemail',
  'hung_up',
  'no_conversation',
  undefined,
];
const ENDS: readonly CallStatus[] = ['completed', 'busy', 'no_answer', 'failed', 'canceled'];
const ends: fc.Arbitrary<CallEnd> = fc
  .record({
    outcome: fc.constantFrom(...OUTCOMES),
    status: fc.constantFrom(...ENDS),
    callbackAt: fc.option(fc.integer({ min: -10, max: 20 }), { nil: undefined }),
  })
  .map(({ outcome, status, callbackAt }) => ({
    status,
    wasDialled: true,
    ...(outcome === undefined ? {} : { outcome }),
    ...(callbackAt === undefined ? {} : { callbackAt: new Date(NOON_MS + callbackAt * DAY_MS) }),
  }));

/** Goes through a whole enrollment; `say` tells how each call ends. */
function course(workflow: Workflow, say: (calls: number) => CallEnd) {
  let at: Position = { stage: 'initial', step: 0, calls: 0 };
  let nowMs = NOON_MS;
  const moves: (Move & { readonly from: Position; readonly atMs: number })[] = [];
  for (let turn = 0; turn < 1_000; turn += 1) {
    const step = stepOf(workflow, at);
    const from = step?.kind === 'call' ? { ...at, calls: at.calls + 1 } : at;
    const move =
      step?.kind === 'call'
        ? afterCall(workflow, from, say(from.calls), nowMs)
        : onward(workflow, from, nowMs);
    moves.push({ ...move, from, atMs: nowMs });
    if (move.kind === 'ended') return moves;
    const initialEndedAt = move.initialEndedAt ?? at.initialEndedAt;
    const resumeAt = move.stage === 'callback' ? (move.resumeAt ?? at.resumeAt) : undefined;
    at = {
      stage: move.stage,
      step: move.step,
      calls: from.calls,
      ...(initialEndedAt === undefined ? {} : { initialEndedAt }),
      ...(resumeAt === undefined ? {} : { resumeAt }),
    };
    nowMs = Math.max(nowMs, move.dueAt.getTime());
  }
  return moves;
}

test('whatever calls come to, an enrollment ends in boundedly many steps, and no step is due before now', () => {
  fc.assert(
    fc.property(workflows, fc.infiniteStream(ends), (workflow, stream) => {
      const moves = course(workflow, () => stream.next().value);
      expect(moves.at(-1)?.kind).toBe('ended');
      for (const move of moves)
        if (move.kind === 'next') expect(move.dueAt.getTime()).toBeGreaterThanOrEqual(move.atMs);
    }),
    { numRuns: 400 },
  );
});

test('without callbacks the initial contact makes exactly as many calls as it may, and the follow-up each of its steps once', () => {
  fc.assert(
    fc.property(workflows, fc.infiniteStream(ends), (workflow, stream) => {
      const say = (): CallEnd => {
        const { callbackAt: _, outcome, ...end } = stream.next().value;
        return outcome === 'callback' || outcome === undefined ? end : { ...end, outcome };
      };
      const froms = course(workflow, say).map(({ from }) => from);
      const initial = froms.filter(({ stage }) => stage === 'initial').map(({ step }) => step);
      expect(initial).toEqual([...Array(workflow.initialContact.maxAttempts).keys()]);
      const followed = froms.filter(({ stage }) => stage === 'follow_up').map(({ step }) => step);
      expect(followed).toEqual([...workflow.followUp.keys()]);
    }),
    { numRuns: 200 },
  );
});

test('an opt-out ends it wherever it stands', () => {
  const stages = ['initial', 'callback', 'follow_up', 'nurture'] as const;
  fc.assert(
    fc.property(
      workflows,
      fc.constantFrom(...stages),
      fc.nat(30),
      fc.constantFrom(...ENDS),
      (workflow, stage, step, status) => {
        const move = afterCall(
          workflow,
          { stage, step, calls: step + 1 },
          ended('opted_out', status),
          NOON_MS,
        );
        expect(move).toEqual({ kind: 'ended', why: 'opted_out' });
      },
    ),
  );
});

test('the steps of every course can be said in words', () => {
  expect(nextInWords(WORKFLOW, { stage: 'initial', step: 1 })).toBe('second call');
  expect(nextInWords(WORKFLOW, { stage: 'follow_up', step: 1 })).toBe('text day_3');
  expect(nextInWords(WORKFLOW, { stage: 'nurture', step: 3 })).toBe('message story');
  expect(nextInWords(WORKFLOW, { stage: 'callback', step: 0 })).toBe('agreed callback');
  expect(nextInWords(WORKFLOW, { stage: 'ended', step: 0 })).toBeUndefined();
  expect(nextInWords(undefined, { stage: 'initial', step: 0 })).toBeUndefined();
});

// ── What bars a step ─────────────────────────────────────────────────────────────────────────────────────────────────

describe('a denial', () => {
  const denied = (reasons: readonly (typeof REASONS)[number][], nextAllowedAt: Date | null = null) => ({
    reason: reasons[0] ?? 'check_error',
    reasons,
    explanation: 'Blocked.',
    nextAllowedAt,
  });

  test('of somebody who asked not to be called ends it, whatever else is in the way', () => {
    for (const reason of REASONS)
      for (const wish of ['internal_dnc', 'consent_revoked'] as const)
        expect(afterDenial(denied([reason, wish]), NOON_MS)).toEqual({ kind: 'ended', why: 'opted_out' });
  });

  test('that time alone lifts waits for that time', () => {
    const until = new Date(NOON_MS + DAY_MS);
    expect(afterDenial(denied(['outside_federal_hours'], until), NOON_MS)).toEqual({
      kind: 'waits',
      reason: 'outside_federal_hours',
      explanation: 'Blocked.',
      until,
      dueAt: until,
      needs: 'time',
    });
  });

  test('that something else must lift is looked at again: soon when it is ours to lift, else in a day', () => {
    const againOf = (reason: (typeof REASONS)[number]) => {
      const barred = afterDenial(denied([reason]), NOON_MS);
      return barred.kind === 'waits' && (barred.dueAt.getTime() - NOON_MS) / 1_000;
    };
    expect(againOf('check_error')).toBe(300);
    expect(againOf('national_dnc_stale')).toBe(3 * 3_600);
    expect(againOf('consent_missing')).toBe(86_400);
  });
});

describe('the automatic pause', () => {
  const calls = (failed: number, others: number) => [
    ...Array.from({ length: failed }, () => ({
      status: 'failed' as const,
      endReason: 'dial_refused: the account is suspended',
    })),
    ...Array.from({ length: others }, () => ({ status: 'no_answer' as const })),
  ];

  test('comes with ten failures among the last twenty, and says what to do', () => {
    expect(tooManyFailures(calls(9, 11))).toBeUndefined();
    const says = tooManyFailures(calls(10, 10));
    expect(says).toContain('10 of the last 20 calls failed');
    expect(says).toContain('the account is suspended');
    expect(says).toContain('look at the account with the carrier');
  });

  test('looks at the last twenty only, and at those that reached nobody not at all', () => {
    expect(tooManyFailures([...calls(0, 20), ...calls(30, 0)])).toBeUndefined();
    expect(tooManyFailures(calls(0, 40))).toBeUndefined();
  });
});

// ── Hours ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const timeOfDay = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
const dayHours = fc.option(
  fc.tuple(timeOfDay, timeOfDay).map(([a, b]) => (a < b ? { start: a, end: b } : { start: b, end: a })),
  { nil: null },
);
const ZONES = ['America/New_York', 'America/Phoenix', 'America/Los_Angeles', 'Australia/Sydney', 'UTC'];
const schedules: fc.Arbitrary<Schedule> = fc
  .tuple(fc.constantFrom(...ZONES), fc.tuple(...WEEKDAY_NAMES.map(() => dayHours)))
  .map(([timezone, days]) => ({
    callingHours: {
      timezone,
      ...Object.fromEntries(WEEKDAY_NAMES.map((name, at) => [name, days[at] ?? null])),
    } as NonNullable<Schedule['callingHours']>,
  }));
/** Around the nights on which clocks change as often as anywhere in the year. */
const moments = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
  fc.integer({ min: Date.UTC(2026, 2, 6), max: Date.UTC(2026, 2, 10) }),
  fc.integer({ min: Date.UTC(2026, 9, 30), max: Date.UTC(2026, 10, 3) }),
);

describe('the hours of a campaign', () => {
  const OFFICE: Schedule = {
    callingHours: {
      timezone: 'America/Los_Angeles',
      monday: { start: '09:00', end: '18:00' },
      tuesday: { start: '09:00', end: '18:00' },
      wednesday: { start: '09:00', end: '18:00' },
      thursday: { start: '09:00', end: '18:00' },
      friday: { start: '09:00', end: '18:00' },
      saturday: { start: '10:00', end: '14:00' },
      sunday: null,
    },
  };
  const at = (iso: string): number => DateTime.fromISO(iso, { zone: 'America/Los_Angeles' }).toMillis();

  test('are half-open, by the clock of its zone', () => {
    expect(isOpen(OFFICE, at('2026-11-20T08:59:59.999'))).toBe(false);
    expect(isOpen(OFFICE, at('2026-11-20T09:00'))).toBe(true);
    expect(isOpen(OFFICE, at('2026-11-20T17:59:59.999'))).toBe(true);
    expect(isOpen(OFFICE, at('2026-11-20T18:00'))).toBe(false);
    expect(nextOpening(OFFICE, at('2026-11-20T18:00'))).toBe(at('2026-11-21T10:00'));
    expect(nextOpening(OFFICE, at('2026-11-21T14:00'))).toBe(at('2026-11-23T09:00'));
  });

  test('that begin in an hour that is not there begin behind it', () => {
    const night: Schedule = {
      callingHours: {
        ...(OFFICE.callingHours as NonNullable<Schedule['callingHours']>),
        sunday: { start: '02:30', end: '05:00' },
      },
    };
    expect(nextOpening(night, at('2026-03-08T00:00'))).toBe(at('2026-03-08T03:00'));
  });

  test('open at the next opening and not a minute before, whatever the clocks do', () => {
    fc.assert(
      fc.property(schedules, moments, (schedule, nowMs) => {
        const openingMs = nextOpening(schedule, nowMs);
        if (openingMs === undefined) {
          for (let ms = nowMs; ms < nowMs + 8 * DAY_MS; ms += 7 * MINUTE_MS)
            expect(isOpen(schedule, ms)).toBe(false);
          return;
        }
        expect(openingMs).toBeGreaterThanOrEqual(nowMs);
        expect(isOpen(schedule, openingMs)).toBe(true);
        if (openingMs > nowMs) expect(isOpen(schedule, Math.max(nowMs, openingMs - MINUTE_MS))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  test('its days follow each other without a gap and without one twice', () => {
    fc.assert(
      fc.property(schedules, moments, (schedule, nowMs) => {
        const nextMs = nextDayMs(schedule, nowMs);
        expect(nextMs).toBeGreaterThan(nowMs);
        expect(dayOf(schedule, nextMs - 1)).toBe(dayOf(schedule, nowMs));
        expect(dayOf(schedule, nextMs) > dayOf(schedule, nowMs)).toBe(true);
      }),
    );
  });

  test('count between its first and its last day only', () => {
    const schedule: Schedule = {
      ...OFFICE,
      startDate: new Date(at('2026-11-24T12:00')),
      endDate: new Date(at('2026-11-26T00:00')),
    };
    const campaign = { status: 'active', workflow: WORKFLOW, schedule } as const;
    expect(standingOf(campaign, at('2026-11-20T10:00'))).toEqual({
      kind: 'not_started',
      untilMs: at('2026-11-24T12:00'),
    });
    expect(standingOf(campaign, at('2026-11-24T20:00'))).toEqual({
      kind: 'hours',
      untilMs: at('2026-11-25T09:00'),
    });
    expect(standingOf(campaign, at('2026-11-25T18:00'))).toEqual({ kind: 'hours' });
    expect(standingOf(campaign, at('2026-11-26T00:00'))).toEqual({ kind: 'over' });
    expect(standingOf({ ...campaign, status: 'paused' }, at('2026-11-25T10:00'))).toEqual({
      kind: 'not_active',
    });
    expect(standingOf({ status: 'active', schedule }, at('2026-11-25T10:00'))).toEqual({
      kind: 'not_active',
    });
  });
});

// ── Who, and from which number ───────────────────────────────────────────────────────────────────────────────────────

describe('whose turn it is', () => {
  test('whoever had least of the lines, and among equals who was named first', () => {
    const used = new Map([
      ['a', 120],
      ['b', 60],
    ]);
    expect(fairest(used, ['a', 'b'])).toBe('b');
    expect(fairest(used, ['a', 'b', 'c', 'd'])).toBe('c');
    expect(fairest(used, [])).toBeUndefined();
  });
});

describe('the number we call from', () => {
  const ours = ['+12125550190', '+13105550190', '+19165550190'];

  test('is the one the person knows, while it is still ours', () => {
    expect(callerIdFor(ours, '+13105550111', '+19165550190')).toBe('+19165550190');
    expect(callerIdFor(ours, '+13105550111', '+14155550190')).toBe('+13105550190');
  });

  test('else one with their area code, else one of their state, else the first', () => {
    expect(callerIdFor(ours, '+19165550111')).toBe('+19165550190');
    expect(callerIdFor(ours, '+14155550111')).toBe('+13105550190');
    expect(callerIdFor(ours, '+15125550111')).toBe('+12125550190');
    expect(callerIdFor([], '+15125550111')).toBeUndefined();
  });
});

describe('whom a targeting takes', () => {
  const lead = {
    source: 'zillow',
    status: 'new',
    intent: { type: 'seller', motivation: ['relocation'] },
    contact: {
      firstName: 'Ana',
      lastName: 'Ruiz',
      phone: '+12065550111',
      address: { city: 'Seattle', state: 'WA' },
    },
  } as unknown as Lead;

  test('a targeting that asks for nothing takes everybody, and none takes nobody', () => {
    expect(fitOf(lead, undefined, {}, NOON_MS).fits).toBe(true);
    expect(fitOf(lead, undefined, undefined, NOON_MS).fits).toBe(false);
  });

  test('what is asked for must be known', () => {
    const fits = (targeting: Parameters<typeof fitOf>[2]) => fitOf(lead, undefined, targeting, NOON_MS).fits;
    expect(fits({ leadSources: ['zillow'], intent: ['seller'] })).toBe(true);
    expect(fits({ leadSources: ['realgeeks'] })).toBe(false);
    expect(fits({ intent: ['buyer'] })).toBe(false);
    expect(fits({ geography: { states: ['wa'], cities: ['seattle'] } })).toBe(true);
    expect(fits({ geography: { zipCodes: ['98101'] } })).toBe(false);
    expect(fits({ motivationFactors: ['Relocation', 'probate'] })).toBe(true);
    expect(fits({ motivationFactors: ['probate'] })).toBe(false);
    expect(fits({ qualification: { minEquity: 0.2 } })).toBe(false);
    expect(fits({ qualification: { minScore: 0.9 } })).toBe(false);
  });

  test('a lead is open until it is lost, converted, erased or on the do-not-call list', () => {
    expect(isOpenLead(lead)).toBe(true);
    for (const status of ['lost', 'converted', 'dnc'] as const)
      expect(isOpenLead({ ...lead, status })).toBe(false);
    expect(isOpenLead({ ...lead, erasedAt: new Date() })).toBe(false);
  });
});
