/**
 * What no facts may ever do to the gate, tried on people and moments at random: 2,000 of each, 100,000 by night
 * (vitest.nightly.config.ts). Hours and days are told by a second law that shares nothing with the product.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { assess, decide, MAX_PERMIT_MS } from '../../src/domain/compliance/decide.ts';
import { REASONS } from '../../src/domain/compliance/decision.ts';
import { type Facts, type FactsInput, readFacts } from '../../src/domain/compliance/facts.ts';
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
          if (zones.length === 0 || closed !== undefined) expect.unreachable(`${closed}`);
          // Where the second law knows the place itself, it has the last word.
          const places = placesOf(where.phone, {
            ...(where.state === null ? {} : { state: where.state === 'Guam' ? 'GU' : where.state }),
            ...(where.zip === null ? {} : { zip: where.zip }),
          });
          if (typeof places !== 'string')
            for (const { state, zones: theirs } of places)
              for (const zone of theirs) {
                const why = closedBy(state, zone, nowMs);
                if (why !== undefined) expect.unreachable(why);
              }
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
    expect(allowed).toBeGreaterThan(100);
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
        const later = lastingFacts(facts, nowMs, nextMs);
        const beforeMs = nextMs - MINUTE_MS;
        expect({
          onMinute: nextMs % MINUTE_MS === 0,
          later: nextMs > nowMs,
          atNext: decide(later, nextMs).kind,
          before: beforeMs < nowMs ? 'deny' : decide(later, beforeMs).kind,
        }).toEqual({ onMinute: true, later: true, atNext: 'allow', before: 'deny' });
      }),
      runs(),
    );
    expect(found).toBeGreaterThan(200);
  });

  test('no earlier minute than the next allowed one is allowed, minute for minute', () => {
    fc.assert(
      fc.property(anyCall, ({ facts, nowMs }) => {
        const next = decide(facts, nowMs).decision.nextAllowedAt;
        if (next === null || next.getTime() - nowMs > 20 * 3_600_000) return;
        const later = readFacts(lastingFacts(facts, nowMs, next.getTime()));
        for (let at = Math.ceil(nowMs / MINUTE_MS) * MINUTE_MS; at < next.getTime(); at += MINUTE_MS)
          if (assess(later, at).reasons.length === 0) expect.unreachable(`open at ${at}`);
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
            const inOrder = fromMs >= lastMs && endMs > fromMs && endMs <= toMs;
            const onMinute = fromMs === nowMs || fromMs % MINUTE_MS === 0;
            if (!inOrder || !onMinute) expect.unreachable(`a stretch from ${fromMs} to ${endMs}`);
            lastMs = endMs;
          }
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
              if (!inside && instant % MINUTE_MS !== 0 && instant !== nowMs) continue;
              const { kind } = decide(facts, instant);
              if (kind !== (inside ? 'allow' : 'deny')) expect.unreachable(`${kind} at ${instant}`);
            }
          }
        },
      ),
      runs(),
    );
    expect(open).toBeGreaterThan(200);
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

  test('a permit ends with the hours, the list or the consent that it rests on', () => {
    const mint = { permitId: 'p', ttlMs: MAX_PERMIT_MS, reserved: true };
    let ended = 0;
    let early = 0;
    fc.assert(
      fc.property(
        agingCall,
        fc.integer({ min: 1, max: MAX_PERMIT_MS - 1 }),
        ({ facts, nowMs }, earlierMs) => {
          const [stretch] = windows(facts, nowMs, nowMs + 7 * DAY_MS);
          const atMs = (stretch?.toMs ?? 0) - earlierMs;
          if (!stretch || atMs < stretch.fromMs || stretch.toMs === nowMs + 7 * DAY_MS) return;
          const spend = (onMs: number) => {
            const verdict = decide(facts, atMs, mint);
            if (verdict.kind === 'deny' || !verdict.permit) expect.unreachable('it was open');
            return verdict.permit.spend(onMs);
          };
          ended += 1;
          expect(() => spend(stretch.toMs)).toThrow('no longer valid');
          // Where a fact turns that does not close the stretch (one of two consents ends), the gate is to be asked again.
          try {
            expect(spend(stretch.toMs - 1)).toBe(facts.lead.phone);
          } catch (error) {
            expect(error).toMatchObject({ code: 'permit_expired' });
            early += 1;
          }
        },
      ),
      runs(4),
    );
    expect(ended).toBeGreaterThan(50);
    expect(early).toBeLessThan(ended / 10);
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

  test('can be made again from its description alone', () => {
    fc.assert(
      fc.property(agingCall, fc.string({ unit: 'grapheme', maxLength: 300 }), ({ facts }, subject) => {
        const read = readFacts({ ...complete(facts), call: { ...facts.call, subject } });
        expect(hashFacts(read)).toBe(`f3:${createHash('sha256').update(described(read)).digest('hex')}`);
      }),
      runs(20),
    );
  });

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
        if (hash(changed) === before) expect.unreachable(`${spot.join('.')} may be ${held} unseen`);
      }),
      runs(),
    );
  });

  test('changes when a character moves from one text to the next', () => {
    fc.assert(
      fc.property(agingCall, fc.nat(), ({ facts }, where) => {
        const whole = complete(facts);
        const texts = leaves(whole).filter(
          (path) => !FIXED.has(nameOf(path)) && typeof heldAt(whole, path) === 'string',
        );
        const spot = where % (texts.length - 1);
        const [one, two] = [texts[spot], texts[spot + 1]];
        if (!one || !two) return;
        const changed = structuredClone(whole);
        const first = String(heldAt(whole, one));
        setAt(changed, one, first.slice(0, -1));
        setAt(changed, two, first.slice(-1) + String(heldAt(whole, two)));
        if (hash(changed) === hash(whole)) expect.unreachable(`${one.join('.')} and ${two.join('.')}`);
      }),
      runs(),
    );
  });

  test('is the same for the same facts alone, however the texts in them run together', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'a', 'aa', 'ab', '\u0001', '\u007f', '\u0080', 'ä', '\ud800', '\udc00', '😀'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const base = complete(openFacts({ phone: '', state: null, zip: null }, 0));
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
        return {
          ...base,
          lead: {
            ...base.lead,
            phone: parts.phone,
            state: parts.state,
            zip: parts.zip,
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
      runs(2),
    );
  });
});

/** The bytes of facts as facts-hash.ts describes them, and not as it writes them. */
function described(facts: Facts): Buffer {
  const { call, environment, campaign, policy, dnc, lead, history } = facts;
  const bytes: Buffer[] = [];
  const byte = (...values: number[]): void => void bytes.push(Buffer.from(values));
  const flag = (value: boolean): void => byte(value ? 1 : 0);
  const length = (value: number): void => {
    if (value < 255) return byte(value);
    const wide = Buffer.from([255, 0, 0, 0, 0]);
    wide.writeUInt32LE(value, 1);
    bytes.push(wide);
  };
  const number = (value: number): void => {
    const wide = Buffer.alloc(8);
    wide.writeDoubleLE(value);
    bytes.push(wide);
  };
  const count = (value: number): void => byte(value % 256, Math.floor(value / 256));
  const instant = (at: Date): void => number(Number(at));
  const text = (value: string): void => {
    const narrow = [...value].every((letter) => letter <= '\u007f');
    length(value.length * 2 + (narrow ? 0 : 1));
    bytes.push(Buffer.from(value, narrow ? 'latin1' : 'utf16le'));
  };
  const word = (value: string, words: string): void => byte(words.split(' ').indexOf(value));
  const or = <T>(value: T | null, put: (value: T) => void): void => {
    byte(value === null ? 255 : 254);
    if (value !== null) put(value);
  };
  const each = <T>(items: readonly T[], put: (item: T) => void): void => {
    length(items.length);
    for (const item of items) put(item);
  };
  const copy = ({ asOf, listed }: Facts['dnc']['national']): void => {
    or(asOf, instant);
    each(listed, text);
  };

  text('f3');
  word(call.channel ?? '', 'voice text');
  word(call.purpose, 'marketing informational');
  for (const value of [call.voice, call.seller, call.subject]) text(value);
  each(environment.emergencyStates, text);
  flag(environment.killSwitch);
  or(environment.tzdata, text);
  or(environment.clockSkewMs, number);
  for (const value of [campaign.status, campaign.hours.start, campaign.hours.end]) text(value);
  each(campaign.hours.days, (day) => word(day, 'sun mon tue wed thu fri sat'));
  count(campaign.maxPer24h);
  count(campaign.minGapMinutes);
  for (const cap of ['maxPerDay', 'maxPer7Days', 'maxPer30Days', 'stopAfterUnanswered'] as const)
    or(campaign[cap], count);
  flag(campaign.dncConsentOverride);
  flag(campaign.allowExemptCalls);
  each(campaign.blockedStates, text);
  flag(policy.requireNationalRegistry);
  flag(policy.requireStateLists);
  flag(policy.requireReassignedCheck);
  copy(dnc.national);
  each([...dnc.state], ([state, list]) => {
    text(state);
    copy(list);
  });
  text(lead.phone);
  each(lead.altPhones, text);
  word(lead.lineType, 'wireless landline voip unknown');
  or(lead.state, text);
  or(lead.zip, text);
  each(lead.consent, (event) => {
    word(event.event, 'grant revoke');
    if (event.event === 'revoke') {
      instant(event.at);
      or(event.seller, text);
      text(event.channel);
      return;
    }
    word(event.covers ?? '', 'calls texts both nothing');
    word(event.level, 'written oral');
    instant(event.at);
    text(event.phone);
    text(event.seller);
    word(event.purpose, 'marketing informational');
    flag(event.artificialVoiceDisclosed);
    flag(event.evidenceComplete);
    or(event.expiresAt, instant);
  });
  or(lead.ebrLastTransactionAt, instant);
  each(dnc.internal, ({ phone, seller, releasedAt }) => {
    text(phone);
    or(seller, text);
    or(releasedAt, instant);
  });
  flag(dnc.litigator);
  or(dnc.reassigned, ({ result, checkedAt }) => {
    word(result, 'no yes no_data');
    instant(checkedAt);
  });
  each(history.attempts, ({ at, phone, subject, outcome }) => {
    instant(at);
    for (const value of [phone, subject, outcome]) text(value);
  });
  return Buffer.concat(bytes);
}

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
    lead: {
      ...facts.lead,
      consent: facts.lead.consent.map((event) =>
        event.event === 'grant' ? { covers: 'calls', ...event } : event,
      ),
    },
    call: { channel: 'voice', ...facts.call },
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
  channel: ['voice', 'text'],
  covers: ['calls', 'texts', 'both', 'nothing'],
  lineType: ['wireless', 'landline', 'voip', 'unknown'],
  level: ['written', 'oral'],
  purpose: ['marketing', 'informational'],
  result: ['no', 'yes', 'no_data'],
  start: ['08:00', '08:01', '24:00'],
  end: ['20:00', '20:01', '24:00'],
  days: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

/** Texts that may not be just any text. */
const FIXED = new Set([...Object.keys(WORDS), 'event', 'seller']);

/** The member's own name, or that of the list it stands in. */
const nameOf = (path: Path): string => path.findLast((step) => !/^\d+$/.test(step)) ?? '';

const groupAt = (facts: FactsInput, path: Path): Record<string, unknown> =>
  path
    .slice(0, -1)
    .reduce(
      (group, step) => group[step] as Record<string, unknown>,
      facts as unknown as Record<string, unknown>,
    );
const heldAt = (facts: FactsInput, path: Path): unknown => groupAt(facts, path)[path.at(-1) ?? ''];
const setAt = (facts: FactsInput, path: Path, value: unknown): void => {
  groupAt(facts, path)[path.at(-1) ?? ''] = value;
};

/** Changes one member in place to another value of its kind; answers what it is then. */
function changeAt(facts: FactsInput, path: Path, how: number): unknown {
  const changed = another(heldAt(facts, path), nameOf(path), how, path.includes('consent'));
  setAt(facts, path, changed);
  return changed;
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
