/**
 * What no facts may ever do to the gate, tried on people and moments at random: 2,000 of each, 100,000 by night
 * (vitest.nightly.config.ts). Hours and days are told by a second law that shares nothing with the product.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { assess, decide } from '../../src/domain/compliance/decide.ts';
import { REASONS } from '../../src/domain/compliance/decision.ts';
import { type FactsInput, readFacts } from '../../src/domain/compliance/facts.ts';
import { hashFacts } from '../../src/domain/compliance/facts-hash.ts';
import { STATE_LISTS, STATES } from '../../src/domain/compliance/states.ts';
import { windows } from '../../src/domain/compliance/windows.ts';
import { FEDERAL, placesOf, stateBar, within } from '../simulation/law.ts';
import { daysAfter } from '../support/compliance-cases.ts';
import { agingCall, anyCall, moment, openFacts, runs, somewhere } from './compliance-people.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const closedBy = (state: string, zone: string, nowMs: number): string | undefined => {
  const local = DateTime.fromMillis(nowMs, { zone });
  return within(FEDERAL, local) ? stateBar(state, local) : `${zone} shows ${local.toFormat('HH:mm')}`;
};

/** Days that the product bars in doubt and the reference does not name: Patriots' Day, Mardi Gras, Juneteenth's Monday. */
const IN_DOUBT = new Set(
  'ME 2026-04-20,ME 2027-04-19,AL 2026-02-17,AL 2027-02-09,UT 2026-06-15,UT 2027-06-21'.split(','),
);

describe('whatever the facts', { timeout: 3_600_000 }, () => {
  test('a call is allowed where every clock and every state that may be meant is open, and nowhere else', () => {
    let allowed = 0;
    fc.assert(
      fc.property(somewhere, moment, (where, nowMs) => {
        const { verdict, reasons, zones } = decide(openFacts(where, nowMs), nowMs).decision;
        const closed = zones
          .map(({ state, zone }) => closedBy(state, zone, nowMs))
          .find((why) => why !== undefined);
        if (verdict === 'allow') {
          allowed += 1;
          expect(zones.length).toBeGreaterThan(0);
          expect({ where, closed }).toEqual({ where, closed: undefined });
          // Where the second law knows the place itself, it has the last word.
          const places = placesOf(where.phone, {
            ...(where.state === null ? {} : { state: where.state === 'Guam' ? 'GU' : where.state }),
            ...(where.zip === null ? {} : { zip: where.zip }),
          });
          if (typeof places !== 'string')
            for (const { state, zones: theirs } of places)
              for (const zone of theirs) expect(closedBy(state, zone, nowMs)).toBeUndefined();
        } else if (
          closed === undefined &&
          !reasons.includes('timezone_unknown') &&
          !reasons.includes('location_conflict')
        ) {
          expect(reasons).toEqual(['state_holiday_barred']);
          const days = zones.map(
            ({ state, zone }) => `${state} ${DateTime.fromMillis(nowMs, { zone }).toISODate()}`,
          );
          expect(days.some((day) => IN_DOUBT.has(day))).toBe(true);
        }
      }),
      runs(),
    );
    expect(allowed).toBeGreaterThan(200);
  });

  test('the next allowed minute is allowed, the minute before is not', () => {
    let found = 0;
    fc.assert(
      fc.property(anyCall, ({ facts, nowMs }) => {
        const { decision } = decide(facts, nowMs);
        const next = decision.nextAllowedAt;
        if (next === null) return;
        found += 1;
        const nextMs = next.getTime();
        expect(nextMs % MINUTE_MS).toBe(0);
        expect(nextMs).toBeGreaterThan(nowMs);
        const later = lastingFacts(facts, nowMs, nextMs);
        expect(decide(later, nextMs).kind).toBe('allow');
        if (nextMs - MINUTE_MS >= nowMs) expect(decide(later, nextMs - MINUTE_MS).kind).toBe('deny');
      }),
      runs(),
    );
    expect(found).toBeGreaterThan(400);
  });

  test('no earlier minute than the next allowed one is allowed, minute for minute', () => {
    fc.assert(
      fc.property(anyCall, ({ facts, nowMs }) => {
        const next = decide(facts, nowMs).decision.nextAllowedAt;
        if (next === null || next.getTime() - nowMs > 20 * 3_600_000) return;
        const later = readFacts(lastingFacts(facts, nowMs, next.getTime()));
        for (let at = Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS; at < next.getTime(); at += MINUTE_MS)
          expect(assess(later, at).reasons.length).toBeGreaterThan(0);
      }),
      runs(33),
    );
  });

  test('the windows are all that is allowed in the days to come, to the minute', () => {
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    let open = 0;
    fc.assert(
      fc.property(
        agingCall,
        fc.integer({ min: 1, max: 14 }),
        fc.tuple(part, part, part),
        ({ facts, nowMs }, days, parts) => {
          const toMs = nowMs + days * DAY_MS;
          const stretches = windows(facts, nowMs, toMs);
          open += stretches.length;
          let lastMs = nowMs;
          for (const { fromMs, toMs: endMs } of stretches) {
            expect(fromMs).toBeGreaterThanOrEqual(lastMs);
            expect(endMs).toBeGreaterThan(fromMs);
            expect(fromMs === nowMs || fromMs % MINUTE_MS === 0).toBe(true);
            lastMs = endMs;
          }
          expect(lastMs).toBeLessThanOrEqual(toMs);
          const minutes = parts.map((part) => nowMs + Math.floor(part * days * 1440) * MINUTE_MS);
          const edges = stretches
            .slice(0, 2)
            .flatMap(({ fromMs, toMs: endMs }) => [fromMs, fromMs - MINUTE_MS, endMs - 1, endMs]);
          for (const at of [nowMs, ...minutes, ...edges]) {
            const minuteMs = Math.ceil(at / MINUTE_MS) * MINUTE_MS;
            for (const instant of at === nowMs || edges.includes(at) ? [at, minuteMs] : [minuteMs]) {
              if (instant < nowMs || instant >= toMs) continue;
              const inside = stretches.some(
                ({ fromMs, toMs: endMs }) => fromMs <= instant && instant < endMs,
              );
              // Between whole minutes a stretch may begin a little later than the gate opens, never earlier.
              if (inside || instant % MINUTE_MS === 0 || instant === nowMs)
                expect({ instant, kind: decide(facts, instant).kind }).toEqual({
                  instant,
                  kind: inside ? 'allow' : 'deny',
                });
            }
          }
        },
      ),
      runs(),
    );
    expect(open).toBeGreaterThan(1_000);
  });

  test('one more bar never turns a denial into a permission and never removes a reason', () => {
    const bars: readonly ((facts: FactsInput, nowMs: number) => FactsInput)[] = [
      (facts) => ({ ...facts, environment: { ...facts.environment, killSwitch: true } }),
      (facts) => ({ ...facts, campaign: { ...facts.campaign, status: 'paused' } }),
      (facts) => ({
        ...facts,
        dnc: { ...facts.dnc, internal: [{ phone: facts.lead.phone, seller: null, releasedAt: null }] },
      }),
      (facts) => ({ ...facts, dnc: { ...facts.dnc, litigator: true } }),
      (facts) => ({ ...facts, dnc: { ...facts.dnc, national: { asOf: null, listed: [] } } }),
      (facts) => ({
        ...facts,
        dnc: { ...facts.dnc, national: { ...facts.dnc.national, listed: [facts.lead.phone] } },
      }),
      (facts) => ({ ...facts, dnc: { ...facts.dnc, reassigned: null } }),
      (facts, nowMs) => ({
        ...facts,
        lead: {
          ...facts.lead,
          consent: [
            ...facts.lead.consent,
            { event: 'revoke', at: new Date(nowMs), seller: 'acme', channel: 'sms' },
          ],
        },
      }),
      (facts) => ({ ...facts, campaign: { ...facts.campaign, blockedStates: [...STATES.keys()] } }),
      (facts) => ({ ...facts, environment: { ...facts.environment, emergencyStates: [...STATES.keys()] } }),
      (facts) => ({ ...facts, campaign: { ...facts.campaign, maxPer7Days: 0 } }),
      (facts, nowMs) => ({
        ...facts,
        history: {
          attempts: [
            ...facts.history.attempts,
            { at: new Date(nowMs - 1), phone: facts.lead.phone, subject: 'solar', outcome: 'hung_up' },
          ],
        },
        campaign: { ...facts.campaign, minGapMinutes: 30 },
      }),
    ];
    fc.assert(
      fc.property(anyCall, fc.subarray([...bars], { minLength: 1 }), ({ facts, nowMs }, added) => {
        const before = decide(facts, nowMs);
        const after = decide(
          added.reduce((spoiled, bar) => bar(spoiled, nowMs), facts),
          nowMs,
        );
        expect(after.kind).toBe('deny');
        const gone = before.decision.reasons.filter((reason) => !after.decision.reasons.includes(reason));
        // A call that was answered ends a row of unanswered ones, as it should.
        expect(gone.filter((reason) => reason !== 'campaign_frequency_cap')).toEqual([]);
        expect(REASONS.indexOf(after.decision.reasons[0] ?? 'check_error')).toBeLessThanOrEqual(
          before.kind === 'deny'
            ? REASONS.indexOf(before.decision.reasons[0] ?? 'check_error')
            : REASONS.length,
        );
      }),
      runs(),
    );
  });

  test('what is asked and what is dialled get the same answer, but for the permit', () => {
    const mint = { permitId: 'p', ttlMs: 1_000, reserved: true };
    fc.assert(
      fc.property(agingCall, ({ facts, nowMs }) => {
        const given = { ...facts, environment: { ...facts.environment, tzdata: '2026b', clockSkewMs: -3 } };
        const asked = decide(given, nowMs);
        const dialled = decide(given, nowMs, mint);
        const { permitId, ...rest } = dialled.decision;
        expect(rest).toEqual(asked.decision);
        expect(permitId).toBe(asked.kind === 'allow' ? 'p' : undefined);
        expect('permit' in dialled).toBe(asked.kind === 'allow');
      }),
      // The number is read a second time, by the library, before a permit is minted.
      runs(2),
    );
  });

  test('the order of consent events, tries and listings means nothing', () => {
    fc.assert(
      fc.property(agingCall, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (call, draws) => {
        const { facts, nowMs } = call;
        const shuffled = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, draw: draws.next().value as number }))
            .sort((a, b) => a.draw - b.draw)
            .map(({ item }) => item);
        const { inputsHash: _a, ...one } = decide(facts, nowMs).decision;
        const { inputsHash: _b, ...other } = decide(
          {
            ...facts,
            lead: { ...facts.lead, consent: shuffled(facts.lead.consent) },
            dnc: { ...facts.dnc, state: Object.fromEntries(shuffled(Object.entries(facts.dnc.state))) },
            history: { attempts: shuffled(facts.history.attempts) },
          },
          nowMs,
        ).decision;
        expect(other).toEqual(one);
      }),
      runs(),
    );
  });

  test('the rules alone and the full decision agree', () => {
    fc.assert(
      fc.property(agingCall, ({ facts, nowMs }) => {
        const { decision } = decide(facts, nowMs);
        expect(assess(readFacts(facts), nowMs)).toEqual({
          reasons: decision.reasons,
          nextAllowedAt: decision.nextAllowedAt,
        });
      }),
      runs(),
    );
  });
});

describe('the fingerprint of the facts', { timeout: 3_600_000 }, () => {
  const hash = (facts: unknown): string => hashFacts(readFacts(facts));

  test('changes with every member, and with nothing else', () => {
    fc.assert(
      fc.property(agingCall, fc.nat(), fc.nat(), ({ facts }, where, how) => {
        const whole = complete(facts);
        const before = hash(whole);
        expect(hash(structuredClone(whole))).toBe(before);
        // What kind of event it is cannot change without its other members.
        const spots = leaves(whole).filter((path) => path.at(-1) !== 'event');
        const spot = spots[where % spots.length];
        if (!spot) return;
        const changed = structuredClone(whole);
        const held = changeAt(changed, spot, how);
        expect({ spot, held, same: hash(changed) === before }).toEqual({ spot, held, same: false });
      }),
      runs(),
    );
  });

  test('is the same for the same facts alone, however the texts in them run together', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'a', 'aa', 'ab', '\u0001', '\u007f', '\u0080', 'ä', '\ud800', '\udc00', '😀'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const when = fc.constantFrom(null, 0, 1).map((ms) => (ms === null ? null : new Date(ms)));
    const any = fc
      .record({
        phone: text,
        altPhones: fc.array(text, { maxLength: 2 }),
        voice: text,
        subject: text,
        status: text,
        states: fc.array(text, { maxLength: 2 }),
        frozen: fc.array(text, { maxLength: 2 }),
        listed: fc.array(text, { maxLength: 2 }),
        listOf: fc.option(text),
        asOf: when,
        zip: fc.option(text),
        state: fc.option(text),
        tries: fc.array(text, { maxLength: 2 }),
        stop: fc.option(text),
      })
      .map((parts) => {
        const base = complete(openFacts({ phone: parts.phone, state: parts.state, zip: parts.zip }, 0));
        return {
          ...base,
          lead: {
            ...base.lead,
            altPhones: parts.altPhones,
            consent: [{ event: 'revoke', at: new Date(0), seller: parts.stop, channel: parts.voice }],
          },
          call: { ...base.call, voice: parts.voice, subject: parts.subject },
          dnc: {
            ...base.dnc,
            national: { asOf: parts.asOf, listed: parts.listed },
            state: parts.listOf === null ? {} : { [parts.listOf]: { asOf: null, listed: parts.listed } },
          },
          environment: { ...base.environment, emergencyStates: parts.frozen },
          campaign: { ...base.campaign, status: parts.status, blockedStates: parts.states },
          history: {
            attempts: parts.tries.map((outcome) => ({ at: new Date(0), phone: '', subject: '', outcome })),
          },
        };
      });
    fc.assert(
      fc.property(any, any, fc.boolean(), (a, b, twin) => {
        const other = twin ? structuredClone(a) : b;
        expect(hash(a) === hash(other)).toBe(isDeepStrictEqual(readFacts(a), readFacts(other)));
      }),
      runs(),
    );
  });
});

/** The same call with lists and consent that are still good later, so that only time differs. */
function lastingFacts(facts: FactsInput, nowMs: number, laterMs: number): FactsInput {
  expect(laterMs - nowMs).toBeLessThan(61 * DAY_MS);
  // Fresh at both moments and never from the future.
  const asOf = new Date(Math.max(nowMs, laterMs - 30 * DAY_MS));
  return {
    ...facts,
    dnc: {
      ...facts.dnc,
      national: { ...facts.dnc.national, asOf },
      reassigned: { result: 'no', checkedAt: asOf },
      state: Object.fromEntries([...STATE_LISTS].map((state) => [state, { asOf, listed: [] }])),
    },
    lead: {
      ...facts.lead,
      consent: facts.lead.consent.map((event) =>
        event.event === 'grant' ? { ...event, expiresAt: daysAfter(laterMs, 1) } : event,
      ),
    },
  };
}

/** Every member that may be left out, said. */
function complete(facts: FactsInput): FactsInput {
  return {
    ...facts,
    environment: { killSwitch: false, tzdata: '2025c', clockSkewMs: 5, ...facts.environment },
    campaign: {
      ...facts.campaign,
      maxPerDay: facts.campaign.maxPerDay ?? null,
      maxPer7Days: 6,
      maxPer30Days: null,
      stopAfterUnanswered: facts.campaign.stopAfterUnanswered ?? null,
    },
    policy: { requireNationalRegistry: true, requireStateLists: false, requireReassignedCheck: true },
  };
}

type Path = readonly string[];

/** Everything in the facts that is no group of members: values, and whole lists. */
function leaves(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [path];
  const inner = Object.entries(value).flatMap(([key, held]) => leaves(held, [...path, key]));
  return Array.isArray(value) ? [path, ...inner] : inner;
}

const WORDS: Readonly<Record<string, readonly string[]>> = {
  lineType: ['wireless', 'landline', 'voip', 'unknown'],
  level: ['written', 'oral'],
  purpose: ['marketing', 'informational'],
  result: ['no', 'yes', 'no_data'],
  start: ['08:00', '08:01', '24:00'],
  end: ['20:00', '20:01', '24:00'],
  days: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

/** Changes one member in place to another value of its kind; answers what it is then. */
function changeAt(facts: FactsInput, path: Path, how: number): unknown {
  const key = path.at(-1) ?? '';
  let at = facts as unknown as Record<string, unknown>;
  for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>;
  const held = at[key];
  const name = /^\d+$/.test(key) ? (path.at(-2) ?? '') : key;
  at[key] = another(held, name, how, path.includes('consent'));
  return at[key];
}

function another(held: unknown, name: string, how: number, isConsent: boolean): unknown {
  if (Array.isArray(held)) return changedList(held, name, isConsent);
  if (held instanceof Date) return new Date(held.getTime() + 1 + (how % 1000));
  const words = WORDS[name];
  if (words) return words.filter((word) => word !== held)[how % (words.length - 1)];
  switch (typeof held) {
    case 'boolean':
      return !held;
    case 'number':
      return held + 1;
    case 'string':
      return how % 2 === 0 ? `${held}x` : `${held}\u00e9`;
    default:
      return /At$|asOf/.test(name) ? new Date(how % 1000) : /^max|stop|Ms$/.test(name) ? how % 1000 : 'x';
  }
}

function changedList(held: readonly unknown[], name: string, isConsent: boolean): unknown[] {
  if (held.length > 0) return held.slice(1);
  if (name === 'days') return ['mon'];
  if (isConsent) return [{ event: 'revoke', at: new Date(0), seller: null, channel: '' }];
  if (name === 'attempts') return [{ at: new Date(0), phone: '', subject: '', outcome: '' }];
  if (name === 'internal') return [{ phone: '', seller: null, releasedAt: null }];
  return [''];
}
