/** Single rules of the gate at their edges, facts that are broken, permits, and the record of a decision. */
import { describe, expect, test } from 'vitest';
import { checkError, decide, MAX_PERMIT_MS, RULE_VERSION } from '../../src/domain/compliance/decide.ts';
import type { FactsInput } from '../../src/domain/compliance/facts.ts';
import { DialPermit } from '../../src/domain/compliance/permit.ts';
import { areaCode } from '../../src/domain/compliance/places.ts';
import { windows } from '../../src/domain/compliance/windows.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { daysAfter, goodFacts, goodGrant, minutesAfter, NOON_MS } from '../support/compliance-cases.ts';

const reasonOf = (facts: FactsInput, nowMs = NOON_MS): string => decide(facts, nowMs).decision.reason;
const lead = (over: Partial<FactsInput['lead']>): FactsInput => ({
  ...goodFacts(),
  lead: { ...goodFacts().lead, ...over },
});

describe('facts', () => {
  test('facts with anything torn out are denied, never thrown about', () => {
    const good = goodFacts();
    const paths: (readonly string[])[] = [];
    const walk = (value: unknown, path: readonly string[]): void => {
      if (typeof value !== 'object' || value === null || value instanceof Date) return;
      for (const [key, held] of Object.entries(value)) {
        paths.push([...path, key]);
        walk(held, [...path, key]);
      }
    };
    walk(good, []);
    expect(paths.length).toBeGreaterThan(40);
    // Words that only shape the explanation, or whose absence is read in the strictest way, may be missing.
    const spared =
      /^(lead\.lineType|lead\.consent\.0\.(level|purpose)|call\.purpose|dnc\.reassigned\.result|lead\.ebr)/;
    for (const junk of [undefined, 'x', Number.NaN, new Date(Number.NaN), {}, []])
      for (const path of paths) {
        if (spared.test(path.join('.'))) continue;
        const spoiled = structuredClone(good) as unknown as Record<string, unknown>;
        let at = spoiled;
        for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
        const key = path.at(-1) ?? '';
        if (Array.isArray(at[key]) && Array.isArray(junk)) continue;
        if (typeof at[key] === 'string' && junk === 'x') continue;
        if (['state', 'zip'].includes(key) && junk === 'x') continue;
        if (
          path.join('.') === 'dnc.state' &&
          typeof junk === 'object' &&
          !Array.isArray(junk) &&
          !(junk instanceof Date)
        )
          continue;
        at[key] = junk;
        const verdict = decide(spoiled as unknown as FactsInput, NOON_MS);
        expect({ path, junk, reason: verdict.decision.reason }).toEqual({
          path,
          junk,
          reason: 'check_error',
        });
      }
    for (const nothing of [undefined, null, 7, 'x', [], {}])
      expect(reasonOf(nothing as unknown as FactsInput)).toBe('check_error');
    for (const never of [Number.NaN, Infinity, 1.5]) expect(reasonOf(good, never)).toBe('check_error');
  });
});

describe('permits', () => {
  const mint = { permitId: 'p1', ttlMs: 10_000, reserved: true };

  test('an allow without a request to dial mints nothing', () => {
    const verdict = decide(goodFacts(), NOON_MS);
    expect(verdict.kind).toBe('allow');
    expect('permit' in verdict).toBe(false);
    expect(verdict.decision.permitId).toBeUndefined();
  });

  test('a permit gives its number once, and only while it lives', () => {
    const verdict = decide(goodFacts(), NOON_MS, mint);
    if (verdict.kind !== 'allow' || !verdict.permit) throw new Error('not allowed');
    expect(verdict.decision.permitId).toBe('p1');
    expect(verdict.permit.spend(NOON_MS + 9_999)).toBe('+12125550234');
    expect(() => verdict.permit?.spend(NOON_MS)).toThrow(expect.objectContaining({ code: 'permit_spent' }));
    const late = decide(goodFacts(), NOON_MS, mint);
    expect(() => late.kind === 'allow' && late.permit?.spend(NOON_MS + 10_000)).toThrow(
      expect.objectContaining({ code: 'permit_expired' }),
    );
  });

  test('a permit cannot be forged', () => {
    try {
      new DialPermit(Symbol('mint'), 'p', '+12125550234' as never, NOON_MS);
      expect.unreachable();
    } catch (error) {
      expect(isFailure(error, 'permit_forged')).toBe(true);
    }
  });

  test('no permit without a reserved attempt, none that lives long, none on a denial', () => {
    expect(decide(goodFacts(), NOON_MS, { ...mint, reserved: false }).decision.reason).toBe('check_error');
    for (const ttlMs of [0, -1, Number.NaN, MAX_PERMIT_MS + 1])
      expect(decide(goodFacts(), NOON_MS, { ...mint, ttlMs }).decision.reason).toBe('check_error');
    const denied = decide(lead({ consent: [] }), NOON_MS, mint);
    expect(denied.kind).toBe('deny');
    expect('permit' in denied).toBe(false);
  });
});

describe('the record of a decision', () => {
  test('the same facts have the same fingerprint, other facts another', () => {
    const a = decide(goodFacts(), NOON_MS).decision;
    const b = decide(structuredClone(goodFacts()), NOON_MS + 60_000).decision;
    expect(a.inputsHash).toMatch(/^f3:[0-9a-f]{64}$/);
    expect(b.inputsHash).toBe(a.inputsHash);
    expect(decide(lead({ zip: '10002' }), NOON_MS).decision.inputsHash).not.toBe(a.inputsHash);
    expect(a.ruleVersion).toBe(RULE_VERSION);
  });

  test('texts that hold a zero, or no letters of ours, run together with nothing', () => {
    const told = (phone: string, subject: string): string => {
      const good = goodFacts();
      const attempts = [{ at: new Date(0), phone, subject, outcome: '' }];
      return decide({ ...good, history: { attempts } }, NOON_MS).decision.inputsHash;
    };
    const hashes = [
      told('a', 'b\0c'),
      told('a\0b', 'c'),
      told('a', 'b'),
      told('', 'ab'),
      told('ab', ''),
      told('\u0101', ''),
      told('\u0001\u0001', ''),
      told('\ud800', ''),
      told('\ud801', ''),
      told('x'.repeat(64), 'x'.repeat(254)),
      told('x'.repeat(63), 'x'.repeat(255)),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('it names every place with its clock, and the first of all reasons', () => {
    const facts = lead({ phone: '+18505550234', state: null, zip: null, consent: [] });
    const { decision } = decide(facts, Date.parse('2026-11-24T13:30:00Z'));
    expect(decision.zones).toEqual([
      { zone: 'America/New_York', state: 'FL', localTime: 'Tue 2026-11-24 08:30' },
      { zone: 'America/Chicago', state: 'FL', localTime: 'Tue 2026-11-24 07:30' },
    ]);
    expect(decision.reasons).toEqual([
      'national_dnc_stale',
      'state_dnc_stale',
      'consent_missing',
      'reassigned_check_stale',
      'outside_federal_hours',
      'outside_campaign_hours',
    ]);
    expect(decision.reason).toBe('national_dnc_stale');
    expect(decision.nextAllowedAt).toBeNull();
  });

  test('the clock of a place is that of the decision, minute for minute, forth and back', () => {
    const clock = (nowMs: number): string | undefined =>
      decide(goodFacts(), nowMs).decision.zones[0]?.localTime;
    for (const minutes of [0, 1, 2, 1, 0, 59, 60])
      expect(clock(NOON_MS + minutes * 60_000)).toBe(
        `Tue 2026-07-14 ${12 + Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`,
      );
  });

  test('lists that were never set up are forgiven only where the policy says so, and the explanation tells', () => {
    const good = goodFacts();
    const bare = { ...good, dnc: { ...good.dnc, national: { asOf: null, listed: [] }, reassigned: null } };
    expect(decide(bare, NOON_MS).decision.reasons).toEqual([
      'national_dnc_unavailable',
      'reassigned_check_missing',
    ]);
    const policy = {
      requireNationalRegistry: false,
      requireStateLists: false,
      requireReassignedCheck: false,
    };
    const { decision } = decide({ ...bare, policy }, NOON_MS);
    expect(decision.verdict).toBe('allow');
    expect(decision.explanation).toContain(
      'not checked, because not set up: the national do-not-call registry and the reassigned numbers.',
    );
    const stale = {
      ...good,
      dnc: { ...good.dnc, national: { asOf: daysAfter(NOON_MS, -32), listed: [] } },
      policy,
    };
    expect(reasonOf(stale)).toBe('national_dnc_stale');
    const yes = {
      ...good,
      dnc: { ...good.dnc, reassigned: { result: 'yes' as const, checkedAt: new Date(NOON_MS) } },
      policy,
    };
    expect(reasonOf(yes)).toBe('number_reassigned');
  });

  test('a check that could not be made is a denial like any other', () => {
    expect(checkError(NOON_MS, 'the store is away')).toMatchObject({
      verdict: 'deny',
      reason: 'check_error',
      nextAllowedAt: null,
      explanation: 'Blocked: the check could not be made (the store is away), and doubt denies.',
    });
  });
});

describe('numbers', () => {
  test.each([
    ['+1 (212) 555-0234', 'consent_phone_mismatch', 'another number'],
    ['(646) 555-0234', 'consent_phone_mismatch', 'as people write it'],
    ['+12125550234 ext. 12', 'phone_invalid', 'an extension'],
    ['call 2125550234', 'phone_invalid', 'words around it'],
    ['+12129110234', 'phone_invalid', 'an emergency code as exchange'],
    ['+19115550234', 'phone_invalid', 'an emergency code as area'],
    ['+12120550234', 'phone_invalid', 'an exchange that begins with 0'],
    ['+11125550234', 'phone_invalid', 'an area that begins with 1'],
    ['+12125551212', 'phone_invalid', 'directory assistance'],
    ['+15555550234', 'phone_invalid', 'an area code that does not exist'],
    ['+18005550234', 'phone_toll_free', 'toll-free'],
    ['+18335550234', 'phone_toll_free', 'toll-free, newer'],
    ['+19005550234', 'phone_premium', 'premium'],
    ['+12129760234', 'phone_premium', 'premium exchange'],
    ['+15005550234', 'phone_non_geographic', 'personal numbers'],
    ['+15215550234', 'phone_non_geographic', 'personal numbers'],
    ['+17005550234', 'phone_non_geographic', 'carrier services'],
    ['+17105550234', 'phone_non_geographic', 'government services'],
    ['+14165550234', 'phone_not_us', 'Toronto'],
    ['+18765550234', 'phone_not_us', 'Jamaica'],
    ['+18095550234', 'phone_not_us', 'Dominican Republic'],
    ['+442079460018', 'phone_not_us', 'London'],
    ['+12125550100', 'phone_fictional', 'fiction'],
    ['+12125550199', 'phone_fictional', 'fiction'],
  ])('%s is %s: %s', (phone, reason) => {
    expect(
      reasonOf(
        lead({
          phone,
          consent: [goodGrant()],
          ...(reason.startsWith('consent') ? { phone: phone.replace('212', '917') } : {}),
        }),
      ),
    ).toBe(reason);
  });

  test('a number as people write it is the number the permit is for', () => {
    const verdict = decide(lead({ phone: '(212) 555-0234' }), NOON_MS, {
      permitId: 'p',
      ttlMs: 1_000,
      reserved: true,
    });
    expect(verdict.kind === 'allow' && verdict.permit?.spend(NOON_MS)).toBe('+12125550234');
  });

  test("every US area code of the numbering plan's own metadata has a state and zones", async () => {
    const { parsePhoneNumberFromString } = await import('libphonenumber-js/max');
    let us = 0;
    for (let npa = 200; npa < 1000; npa += 1) {
      const parsed = parsePhoneNumberFromString(`+1${npa}2340234`);
      if (!parsed?.isValid() || parsed.getType() !== 'FIXED_LINE_OR_MOBILE') continue;
      const here = ['US', 'PR', 'GU', 'VI', 'AS', 'MP'].includes(parsed.country ?? '');
      expect({ npa, here: areaCode(String(npa)) !== undefined }).toEqual({ npa, here });
      if (here) us += 1;
    }
    expect(us).toBeGreaterThan(330);
  });
});

describe('consent', () => {
  const consent = (...events: FactsInput['lead']['consent']): string => reasonOf(lead({ consent: events }));
  const grant = goodGrant();
  const revoke = { event: 'revoke', at: daysAfter(NOON_MS, -10), seller: 'acme', channel: 'voice' } as const;

  test('an old business relationship is no consent', () => {
    expect(reasonOf(lead({ consent: [], ebrLastTransactionAt: daysAfter(NOON_MS, -5) }))).toBe(
      'consent_missing',
    );
  });
  test('the future has not consented yet', () => {
    expect(consent({ ...grant, at: minutesAfter(NOON_MS, 1) })).toBe('consent_not_effective');
    expect(consent({ ...grant, at: new Date(NOON_MS) })).toBe('ok');
  });
  test('a revocation for another number or by any channel counts; one given to another seller does not', () => {
    expect(consent(grant, revoke)).toBe('consent_revoked');
    expect(consent(grant, { ...revoke, channel: 'postcard', seller: null })).toBe('consent_revoked');
    expect(consent(grant, { ...revoke, seller: ' ACME ' })).toBe('consent_revoked');
    expect(consent(grant, { ...revoke, seller: 'otherco' })).toBe('ok');
  });
  test('consent given again must be later than the revocation, and written', () => {
    const again = { ...grant, at: daysAfter(NOON_MS, -9) };
    expect(consent(grant, revoke, again)).toBe('ok');
    expect(consent(again, { ...revoke, at: again.at }, grant)).toBe('consent_revoked');
    expect(consent(grant, revoke, { ...again, level: 'oral' })).toBe('consent_insufficient');
  });
  test('the wording must speak of an artificial voice and of marketing', () => {
    expect(consent({ ...grant, artificialVoiceDisclosed: false })).toBe('consent_insufficient');
    expect(consent({ ...grant, purpose: 'informational' })).toBe('consent_insufficient');
    expect(consent({ ...grant, evidenceComplete: false })).toBe('consent_evidence_incomplete');
  });
  test('a weaker grant beside a good one takes nothing away', () => {
    expect(consent(grant, { ...grant, at: daysAfter(NOON_MS, -1), level: 'oral' })).toBe('ok');
    expect(consent(grant, { ...grant, at: daysAfter(NOON_MS, -1), seller: 'otherco' })).toBe('ok');
  });
  test('of several good ones, the newest is told, in whatever order they are kept', () => {
    const facts = (...consent: FactsInput['lead']['consent']): FactsInput => ({
      ...lead({ consent }),
      call: { ...goodFacts().call, purpose: 'informational' },
    });
    const spoken = { ...grant, level: 'oral' as const };
    const later = { ...spoken, at: daysAfter(NOON_MS, -1) };
    const told = (...consent: FactsInput['lead']['consent']): string =>
      decide(facts(...consent), NOON_MS).decision.explanation;
    for (const events of [
      [grant, later],
      [later, grant],
    ])
      expect(told(...events)).toContain('spoken consent of 13 Jul 2026');
    for (const events of [
      [grant, spoken],
      [spoken, grant],
    ])
      expect(told(...events)).toContain('written consent of 14 Jun 2026');
  });
  test('consent without an end of its own ends after a year', () => {
    expect(consent({ ...grant, at: new Date('2025-07-14T16:00:00.001Z'), expiresAt: null })).toBe('ok');
    expect(consent({ ...grant, at: new Date('2025-07-14T16:00:00.000Z'), expiresAt: null })).toBe(
      'consent_expired',
    );
  });
  test('Kentucky ends consent after two years, whatever the record says, by address or area code', () => {
    const old = { ...grant, at: new Date('2024-07-14T16:00:00Z'), expiresAt: daysAfter(NOON_MS, 900) };
    expect(consent(old)).toBe('ok');
    expect(reasonOf(lead({ consent: [old], state: 'KY', zip: '40202' }))).toBe('consent_expired');
    const young = { ...old, at: new Date('2024-07-14T16:00:01Z') };
    expect(reasonOf(lead({ consent: [young], state: 'KY', zip: '40202' }))).toBe('ok');
  });
  test('an informational call may rest on spoken consent', () => {
    const facts = lead({
      consent: [{ ...grant, level: 'oral', artificialVoiceDisclosed: false, purpose: 'informational' }],
    });
    expect(reasonOf({ ...facts, call: { ...facts.call, purpose: 'informational' } })).toBe('ok');
  });
  test('an informational call to a landline without consent passes three times in thirty days, until a stop', () => {
    const exempt = (attempts: number, over: Partial<FactsInput['lead']> = {}): FactsInput => {
      const facts = lead({ consent: [], lineType: 'landline', ...over });
      return {
        ...facts,
        call: { ...facts.call, purpose: 'informational' },
        campaign: { ...facts.campaign, allowExemptCalls: true },
        history: {
          attempts: Array.from({ length: attempts }, (_, i) => ({
            at: daysAfter(NOON_MS, -2 * i - 1),
            phone: '+12125550234',
            subject: 'solar',
            outcome: 'completed',
          })),
        },
      };
    };
    expect(reasonOf(exempt(2))).toBe('ok');
    const capped = decide(exempt(3), NOON_MS).decision;
    expect(capped.reason).toBe('exempt_call_cap');
    expect(capped.nextAllowedAt).toEqual(daysAfter(NOON_MS, 25));
    expect(reasonOf(exempt(0, { lineType: 'unknown' }))).toBe('consent_missing');
    expect(reasonOf(exempt(0, { consent: [revoke] }))).toBe('consent_revoked');
    const paused = exempt(0);
    expect(reasonOf({ ...paused, campaign: { ...paused.campaign, allowExemptCalls: false } })).toBe(
      'consent_missing',
    );
  });
});

describe('requests not to be called, and lists', () => {
  const asked = (over: Partial<FactsInput['dnc']['internal'][number]>, altPhones: string[] = []): string => {
    const facts = lead({ altPhones });
    const entry = { phone: '+12125550234', seller: null, releasedAt: null, ...over };
    return reasonOf({ ...facts, dnc: { ...facts.dnc, internal: [entry] } });
  };
  test('a request counts for every number of the person, however it is written, and for nobody else', () => {
    expect(asked({})).toBe('internal_dnc');
    expect(asked({ phone: '(212) 555-0234' })).toBe('internal_dnc');
    expect(asked({ phone: '+16465550777' }, ['+16465550777'])).toBe('internal_dnc');
    expect(asked({ phone: '646-555-0777' }, ['+16465550777'])).toBe('internal_dnc');
    expect(asked({ phone: '+16465550777' })).toBe('ok');
    expect(asked({ phone: 'nobody can read this' })).toBe('internal_dnc');
  });
  test('a request to another seller does not count, one that names none counts for all', () => {
    expect(asked({ seller: ' ACME ' })).toBe('internal_dnc');
    expect(asked({ seller: '' })).toBe('internal_dnc');
    expect(asked({ seller: 'otherco' })).toBe('ok');
  });
  test('only a release that has happened lifts it', () => {
    expect(asked({ releasedAt: new Date(NOON_MS) })).toBe('ok');
    expect(asked({ releasedAt: minutesAfter(NOON_MS, 1) })).toBe('internal_dnc');
  });
  test('a listing counts however the number is written, for the number that is dialled', () => {
    const good = goodFacts();
    const listed = (...numbers: string[]): string =>
      reasonOf({ ...good, dnc: { ...good.dnc, national: { ...good.dnc.national, listed: numbers } } });
    expect(listed('+16465550777', '+12125550234')).toBe('national_dnc_listed');
    expect(listed('212-555-0234')).toBe('national_dnc_listed');
    expect(listed('no number')).toBe('national_dnc_listed');
    expect(listed('+16465550777')).toBe('ok');
  });
  test('a copy is good for 31 days to the millisecond, and one from the future is none', () => {
    const good = goodFacts();
    const national = (asOf: Date) =>
      reasonOf({ ...good, dnc: { ...good.dnc, national: { asOf, listed: [] } } });
    expect(national(daysAfter(NOON_MS, -31))).toBe('ok');
    expect(national(new Date(daysAfter(NOON_MS, -31).getTime() - 1))).toBe('national_dnc_stale');
    expect(national(new Date(NOON_MS))).toBe('ok');
    expect(national(new Date(NOON_MS + 1))).toBe('national_dnc_unavailable');
    const checked = (checkedAt: Date) =>
      reasonOf({ ...good, dnc: { ...good.dnc, reassigned: { result: 'no', checkedAt } } });
    expect(checked(daysAfter(NOON_MS, -31))).toBe('ok');
    expect(checked(new Date(daysAfter(NOON_MS, -31).getTime() - 1))).toBe('reassigned_check_stale');
    expect(checked(new Date(NOON_MS + 1))).toBe('reassigned_check_stale');
  });
});

describe('windows', () => {
  const DAY_MS = 86_400_000;
  const shown = (facts: FactsInput, from: string, days: number): string[] =>
    windows(facts, Date.parse(from), Date.parse(from) + days * DAY_MS).map(
      ({ fromMs, toMs }) => `${new Date(fromMs).toISOString()} ${new Date(toMs).toISOString()}`,
    );

  test('are the open hours of each day, also of the day on which the clocks change', () => {
    const nowMs = Date.parse('2026-10-31T13:30:20Z');
    expect(shown(goodFacts(nowMs), '2026-10-31T13:30:20Z', 3)).toEqual([
      '2026-10-31T13:30:20.000Z 2026-11-01T01:00:00.000Z',
      '2026-11-01T13:00:00.000Z 2026-11-02T02:00:00.000Z',
      '2026-11-02T13:00:00.000Z 2026-11-03T02:00:00.000Z',
      '2026-11-03T13:00:00.000Z 2026-11-03T13:30:20.000Z',
    ]);
  });
  test('end when consent does, when a list grows too old, and when the time zones do', () => {
    const from = '2026-07-14T16:00:00Z';
    const good = goodFacts();
    const ends = [{ ...goodGrant(), expiresAt: new Date('2026-07-15T15:00:30Z') }];
    expect(shown({ ...good, lead: { ...good.lead, consent: ends } }, from, 3)).toEqual([
      '2026-07-14T16:00:00.000Z 2026-07-15T01:00:00.000Z',
      '2026-07-15T12:00:00.000Z 2026-07-15T15:00:30.000Z',
    ]);
    const aged = { asOf: new Date('2026-06-14T20:00:00Z'), listed: [] };
    expect(shown({ ...good, dnc: { ...good.dnc, national: aged } }, from, 3)).toEqual([
      '2026-07-14T16:00:00.000Z 2026-07-15T01:00:00.000Z',
      '2026-07-15T12:00:00.000Z 2026-07-15T20:00:00.001Z',
    ]);
    const december = '2026-12-08T13:00:00Z';
    const later = goodFacts(Date.parse(december));
    const old = { ...later, environment: { ...later.environment, tzdata: '2025c' } };
    expect(shown(old, december, 7).at(-1)).toBe('2026-12-09T13:00:00.000Z 2026-12-10T00:00:00.001Z');
  });
  test('begin when a request not to be called is released', () => {
    const good = goodFacts();
    const internal = [{ phone: '+12125550234', seller: null, releasedAt: new Date('2026-07-14T18:00:00Z') }];
    expect(shown({ ...good, dnc: { ...good.dnc, internal } }, '2026-07-14T16:00:00Z', 0.5)).toEqual([
      '2026-07-14T18:00:00.000Z 2026-07-15T01:00:00.000Z',
    ]);
  });
  test('begin when consent does, on the next whole minute', () => {
    const good = goodFacts();
    const consent = [{ ...goodGrant(), at: new Date('2026-07-14T17:00:30Z') }];
    expect(shown({ ...good, lead: { ...good.lead, consent } }, '2026-07-14T16:00:00Z', 0.5)).toEqual([
      '2026-07-14T17:01:00.000Z 2026-07-15T01:00:00.000Z',
    ]);
  });
  test('of facts that bar the call or cannot be read, there are none', () => {
    const good = goodFacts();
    expect(shown(lead({ consent: [] }), '2026-07-14T16:00:00Z', 14)).toEqual([]);
    expect(shown({} as FactsInput, '2026-07-14T16:00:00Z', 14)).toEqual([]);
    expect(
      shown({ ...good, campaign: { ...good.campaign, maxPer24h: 0 } }, '2026-07-14T16:00:00Z', 1),
    ).toEqual([]);
  });
  test('where a table of holidays ends, they end too', () => {
    const nowMs = Date.parse('2027-12-29T12:00:00Z');
    const facts = goodFacts(nowMs);
    const phone = '+12075550234';
    const maine = { ...facts.lead, phone, state: 'ME', zip: null, consent: [{ ...goodGrant(nowMs), phone }] };
    expect(shown({ ...facts, lead: maine }, '2027-12-29T12:00:00Z', 9)).toEqual([
      '2027-12-29T14:00:00.000Z 2027-12-29T22:00:00.000Z',
      '2027-12-30T14:00:00.000Z 2027-12-30T22:00:00.000Z',
    ]);
  });
  test('are told for a range that makes sense', () => {
    for (const [from, to] of [
      [0, -1],
      [Number.NaN, 1],
      [0, Number.NaN],
      [0, 93 * DAY_MS],
      [0.5, 1],
    ] as const)
      expect(() => windows(goodFacts(), from, to)).toThrow(RangeError);
    expect(windows(goodFacts(), NOON_MS, NOON_MS)).toEqual([]);
  });
});

describe('the machine that asks', () => {
  const on = (environment: Partial<FactsInput['environment']>, nowMs = NOON_MS) =>
    decide({ ...goodFacts(nowMs), environment: { emergencyStates: [], ...environment } }, nowMs).decision;

  test('knows time zones that are a year old at most', () => {
    expect(on({ tzdata: '2025c' }).reason).toBe('ok');
    const release = Date.parse('2025-12-10T00:00:00Z');
    expect(on({ tzdata: '2025c' }, release + 365 * 86_400_000).reason).not.toBe('check_error');
    const late = on({ tzdata: '2025c' }, release + 365 * 86_400_000 + 1);
    expect(late.reason).toBe('check_error');
    expect(late.explanation).toBe(
      'Blocked: the check could not be made (the time zone data 2025c is more than a year old: this machine needs a newer Parley or Node.js), and doubt denies.',
    );
    expect(on({ tzdata: '2025b' }).reason).toBe('check_error');
  });
  test('a release that is newer than the table has the earliest day it can have', () => {
    expect(on({ tzdata: '2026a' }, Date.parse('2026-12-31T18:00:00Z')).reason).toBe('ok');
    expect(on({ tzdata: '2026a' }, Date.parse('2027-01-02T18:00:00Z')).reason).toBe('check_error');
    expect(on({ tzdata: '2026z' }, Date.parse('2027-04-21T18:00:00Z')).reason).toBe('ok');
    expect(on({ tzdata: '2027a' }, Date.parse('2027-12-31T18:00:00Z')).reason).toBe('ok');
  });
  test.each(['', 'x', '2025', '2025-c', '25c', 'unknown'])('"%s" is no version of time zones', (tzdata) => {
    expect(on({ tzdata }).reason).toBe('check_error');
  });
  test('a clock that is more than half a minute off tells no time', () => {
    for (const clockSkewMs of [0, -30_000, 30_000, null]) expect(on({ clockSkewMs }).reason).toBe('ok');
    for (const clockSkewMs of [-30_001, 30_001, 1e12]) expect(on({ clockSkewMs }).reason).toBe('check_error');
    expect(on({ clockSkewMs: -95_000 }).explanation).toContain(
      'the clock of this machine is off by 95 seconds',
    );
  });
  test('the time zone data is part of what the decision says it was made by', () => {
    expect(on({ tzdata: '2025c' }).ruleVersion).toBe(`${RULE_VERSION}+tz2025c`);
    expect(on({}).ruleVersion).toBe(RULE_VERSION);
  });
});

describe('places', () => {
  const where = (state: string | null, zip: string | null): string => reasonOf(lead({ state, zip }));
  test('an address that contradicts itself or cannot be placed is no address', () => {
    expect(where('CA', '10001')).toBe('location_conflict');
    expect(where('NY', '09012')).toBe('timezone_unknown');
    expect(where('NY', '00000')).toBe('timezone_unknown');
    expect(where('NY', '1000')).toBe('timezone_unknown');
    expect(where('Ontario', null)).toBe('timezone_unknown');
    expect(where('new york', '10001-1234')).toBe('ok');
    expect(where(null, null)).toBe('ok');
  });
  test('a gated or frozen state counts whether the address or the area code shows it', () => {
    const facts = lead({ state: 'WA', zip: '98101' });
    const gated = { ...facts, campaign: { ...facts.campaign, blockedStates: ['wa'] } };
    expect(reasonOf(gated)).toBe('state_not_enabled');
    const frozen = { ...lead({ state: 'GA', zip: '30303' }), environment: { emergencyStates: ['New York'] } };
    expect(reasonOf(frozen)).toBe('state_emergency_freeze');
    expect(reasonOf({ ...gated, campaign: { ...facts.campaign, blockedStates: ['nowhere'] } })).toBe(
      'check_error',
    );
  });
  test('a state needs its own list where it keeps one', () => {
    expect(reasonOf(lead({ state: 'PA', zip: '19103' }))).toBe('state_dnc_stale');
  });
});

describe('days and hours', () => {
  const at = (iso: string, npa: string, state: string, zip: string | null = null) => {
    const nowMs = Date.parse(iso);
    const good = goodFacts(nowMs);
    const phone = `+1${npa}5550234`;
    return decide(
      {
        ...good,
        lead: { ...good.lead, phone, state, zip, consent: [{ ...goodGrant(nowMs), phone }] },
        dnc: { ...good.dnc, state: { [state]: { asOf: daysAfter(nowMs, -1), listed: [] } } },
      },
      nowMs,
    ).decision;
  };

  test.each([
    ['2026-07-03T17:00:00Z', '205', 'AL', 'state_holiday_barred', 'Independence Day observed on Friday'],
    ['2026-12-01T18:00:00Z', '205', 'AL', 'state_holiday_barred', 'Rosa Parks Day'],
    ['2026-02-17T18:00:00Z', '251', 'AL', 'state_holiday_barred', 'Mardi Gras on the Gulf coast'],
    ['2026-07-24T18:00:00Z', '801', 'UT', 'state_holiday_barred', 'Pioneer Day'],
    ['2026-08-10T16:00:00Z', '401', 'RI', 'state_holiday_barred', 'Victory Day'],
    ['2026-04-03T16:00:00Z', '215', 'PA', 'state_holiday_barred', 'Good Friday'],
    ['2026-11-03T16:00:00Z', '504', 'LA', 'state_holiday_barred', 'Election Day, even year'],
    ['2027-11-02T16:00:00Z', '504', 'LA', 'ok', 'Election Day, odd year'],
    ['2026-05-25T16:00:00Z', '601', 'MS', 'ok', 'Mississippi bars no holidays'],
    ['2026-05-25T16:00:00Z', '402', 'NE', 'outside_state_hours', 'Nebraska at 11 am on Memorial Day'],
    ['2026-05-25T19:00:00Z', '402', 'NE', 'ok', 'Nebraska at 1 pm Mountain time on Memorial Day'],
    ['2026-11-21T17:00:00Z', '207', 'ME', 'state_day_barred', 'Maine on Saturday'],
    ['2026-11-20T22:00:00Z', '207', 'ME', 'outside_state_hours', 'Maine at 5 pm'],
    ['2026-11-22T17:59:00Z', '215', 'PA', 'outside_state_hours', 'Pennsylvania on Sunday at 12:59'],
    ['2026-11-22T18:30:00Z', '215', 'PA', 'ok', 'Pennsylvania on Sunday at 13:30'],
    ['2027-11-02T16:00:00Z', '401', 'RI', 'state_holiday_barred', 'Election Day, unverified for odd years'],
    [
      '2026-06-15T18:00:00Z',
      '801',
      'UT',
      'state_holiday_barred',
      'the Monday on which Utah keeps Juneteenth',
    ],
    ['2026-11-28T16:00:00Z', '504', 'LA', 'ok', 'two days after Thanksgiving'],
    ['2027-12-31T18:00:00Z', '504', 'LA', 'state_holiday_barred', "New Year's Day kept in the year before"],
    ['2028-05-10T18:00:00Z', '205', 'AL', 'check_error', 'a year without a table of holidays'],
    ['2028-05-10T18:00:00Z', '504', 'LA', 'check_error', 'a year without a table of holidays'],
    ['2028-05-10T18:00:00Z', '207', 'ME', 'check_error', 'a year without a table of holidays'],
    ['2028-05-10T18:00:00Z', '402', 'NE', 'check_error', 'a year without a table of holidays'],
    ['2028-05-10T18:00:00Z', '215', 'PA', 'check_error', 'a year without a table of holidays'],
    ['2028-05-10T18:00:00Z', '401', 'RI', 'check_error', 'a year without a table of holidays'],
    ['2028-05-10T18:00:00Z', '801', 'UT', 'check_error', 'a year without a table of holidays'],
    ['2024-05-10T18:00:00Z', '504', 'LA', 'check_error', 'a year before the tables'],
    ['2028-05-10T18:00:00Z', '212', 'NY', 'ok', 'the same day where no holiday matters'],
  ])('%s, area %s in %s: %s (%s)', (iso, npa, state, reason) => {
    expect(at(iso, npa, state).reason).toBe(reason);
  });

  test('Mardi Gras is an ordinary day in Birmingham when the address says so', () => {
    expect(at('2026-02-17T18:00:00Z', '205', 'AL', '35203').reason).toBe('ok');
    expect(at('2026-02-17T18:00:00Z', '205', 'AL').reason).toBe('state_holiday_barred');
  });

  test('after the last Saturday minute in Louisiana the next one comes behind Sunday and a holiday Monday', () => {
    const { nextAllowedAt, explanation } = at('2026-05-24T02:00:00Z', '504', 'LA', '70112');
    expect(nextAllowedAt?.toISOString()).toBe('2026-05-26T13:00:00.000Z');
    expect(explanation).toBe(
      'Blocked until Tue 26 May 8:00 am Central time: federal law allows calls from 8 am to 9 pm, and it is 9:00 pm in Louisiana; besides, Louisiana allows no AI-voice calls on Sundays, and Louisiana allows no AI-voice calls on Memorial Day.',
    );
  });

  test('a search that runs past the tables of holidays finds nothing, and says nothing', () => {
    const { reason, nextAllowedAt } = at('2027-12-31T18:00:00Z', '504', 'LA');
    expect(reason).toBe('state_holiday_barred');
    expect(nextAllowedAt).toBeNull();
  });

  test.each([
    [
      '2026-11-01T02:00:00Z',
      '212',
      'NY',
      '10001',
      '2026-11-01T13:00:00.000Z',
      'the night that is an hour longer',
    ],
    [
      '2027-03-14T02:00:00Z',
      '212',
      'NY',
      '10001',
      '2027-03-14T12:00:00.000Z',
      'the night that is an hour shorter',
    ],
    ['2027-03-14T04:00:00Z', '602', 'AZ', '85001', '2027-03-14T15:00:00.000Z', 'no such night in Phoenix'],
    ['2027-03-14T04:00:00Z', '928', 'AZ', '86515', '2027-03-14T15:00:00.000Z', 'Navajo and Phoenix clocks'],
    ['2026-11-01T08:00:00Z', '808', 'HI', '96813', '2026-11-01T18:00:00.000Z', 'no such night in Hawaii'],
    ['2026-11-21T11:30:00Z', '671', 'GU', '96910', '2026-11-21T22:00:00.000Z', 'Guam is a day ahead'],
  ])('after %s, area %s in %s %s opens at %s: %s', (iso, npa, state, zip, opens) => {
    expect(at(iso, npa, state, zip).nextAllowedAt?.toISOString()).toBe(opens);
  });

  test('a campaign whose hours begin in the hour that a spring night skips still opens in the morning', () => {
    const nowMs = Date.parse('2027-03-14T03:00:00Z');
    const good = goodFacts(nowMs);
    const hours = { ...good.campaign.hours, start: '02:30', end: '24:00' };
    const { decision } = decide({ ...good, campaign: { ...good.campaign, hours } }, nowMs);
    expect(decision.nextAllowedAt?.toISOString()).toBe('2027-03-14T12:00:00.000Z');
  });

  test('the next minute is found more than a month ahead', () => {
    const good = goodFacts();
    const tries = Array.from({ length: 3 }, (_, i) => ({
      at: minutesAfter(NOON_MS, -i),
      phone: '+12125550234',
      subject: 'solar',
      outcome: 'completed',
    }));
    // Used up until Thursday 13 August at noon, and the campaign calls on Thursdays before.
    const { nextAllowedAt } = decide(
      {
        ...good,
        campaign: {
          ...good.campaign,
          maxPer30Days: 3,
          minGapMinutes: 10_000,
          hours: { start: '08:00', end: '08:05', days: ['thu'] },
        },
        history: { attempts: tries },
      },
      NOON_MS,
    ).decision;
    expect(nextAllowedAt?.toISOString()).toBe('2026-08-20T12:00:00.000Z');
  });

  test('a campaign that narrows the day to nothing has no next minute', () => {
    const good = goodFacts();
    const never = decide(
      {
        ...good,
        campaign: { ...good.campaign, hours: { ...good.campaign.hours, start: '21:00', end: '24:00' } },
      },
      NOON_MS,
    ).decision;
    expect(never.reason).toBe('outside_campaign_hours');
    expect(never.nextAllowedAt).toBeNull();
  });
});

describe('how often', () => {
  const tried = (
    minutesAgo: readonly number[],
    over: Partial<FactsInput['campaign']>,
    outcome = 'completed',
  ) => {
    const good = goodFacts();
    return decide(
      {
        ...good,
        campaign: { ...good.campaign, ...over },
        history: {
          attempts: minutesAgo.map((ago) => ({
            at: minutesAfter(NOON_MS, -ago),
            phone: '+12125550777',
            subject: 'other',
            outcome,
          })),
        },
      },
      NOON_MS,
    ).decision;
  };

  test('an attempt counts for exactly its window, whatever its subject and number', () => {
    expect(tried([1439, 1000], { maxPer24h: 2 }).nextAllowedAt).toEqual(minutesAfter(NOON_MS, 1));
    expect(tried([1440, 1000], { maxPer24h: 2 }).reason).toBe('ok');
    expect(tried([120], { minGapMinutes: 120 }).reason).toBe('ok');
    expect(tried([119], { minGapMinutes: 120 }).nextAllowedAt).toEqual(minutesAfter(NOON_MS, 1));
  });
  test("two a day means the called party's day", () => {
    // 12:00 in New York: 13 hours ago was yesterday, 11 hours ago was today.
    expect(tried([11 * 60, 13 * 60], { maxPerDay: 2 }).reason).toBe('ok');
    const { nextAllowedAt } = tried([11 * 60, 10 * 60], { maxPerDay: 2 });
    expect(nextAllowedAt?.toISOString()).toBe('2026-07-15T12:00:00.000Z');
  });
  test('a try that is dated tomorrow does not hide those of today', () => {
    expect(tried([-20 * 60, 60, 120], { maxPerDay: 2 }).reason).toBe('campaign_frequency_cap');
  });
  test('the longest cap decides when to come back, and is the one that is told', () => {
    const { reasons, nextAllowedAt, explanation } = tried([60, 6 * 1440], {
      maxPer7Days: 2,
      minGapMinutes: 120,
    });
    expect(reasons).toEqual(['campaign_frequency_cap']);
    expect(nextAllowedAt).toEqual(daysAfter(NOON_MS, 1));
    expect(explanation).toBe(
      'Blocked until Wed 15 Jul 12:00 pm Eastern time: this person was tried twice within 7 days, and that is the limit.',
    );
  });
  const NPA: Readonly<Record<string, string>> = {
    FL: '305',
    OK: '405',
    MD: '410',
    OR: '503',
    ME: '207',
    NV: '702',
    GA: '404',
  };
  /** Calls of a state's own, the oldest first: minutes ago and subject. */
  const inState = (
    state: string,
    calls: readonly (readonly [ago: number, subject: string])[],
    outcome = 'completed',
  ) => {
    const good = goodFacts();
    const phone = `+1${NPA[state] ?? ''}5550234`;
    return decide(
      {
        ...good,
        lead: { ...good.lead, phone, state, zip: null, consent: [{ ...goodGrant(), phone }] },
        dnc: { ...good.dnc, state: { [state]: { asOf: daysAfter(NOON_MS, -1), listed: [] } } },
        history: {
          attempts: calls.map(([ago, subject]) => ({
            at: minutesAfter(NOON_MS, -ago),
            phone: '+14045550777',
            subject,
            outcome,
          })),
        },
      },
      NOON_MS,
    ).decision;
  };

  test.each(['FL', 'OK', 'MD'])('%s allows three calls in a day on one subject', (state) => {
    const three = [1_000, 500, 60] as const;
    expect(
      inState(
        state,
        three.map((ago) => [ago, ' Solar ']),
      ).reason,
    ).toBe('state_frequency_cap');
    expect(
      inState(
        state,
        three.map((ago) => [ago, 'roofs']),
      ).reason,
    ).toBe('ok');
    expect(
      inState(state, [
        [1_440, 'solar'],
        [500, 'solar'],
        [60, 'solar'],
      ]).reason,
    ).toBe('ok');
    expect(
      inState(state, [
        [1_439, 'solar'],
        [500, 'solar'],
        [60, 'solar'],
      ]).nextAllowedAt,
    ).toEqual(minutesAfter(NOON_MS, 1));
  });
  test('Oregon allows three calls in a day, and Maine one in eight hours, whatever the subject', () => {
    expect(
      inState('OR', [
        [1_000, 'roofs'],
        [500, 'solar'],
        [60, 'pools'],
      ]).reason,
    ).toBe('state_frequency_cap');
    expect(
      inState('OR', [
        [1_000, 'roofs'],
        [60, 'pools'],
      ]).reason,
    ).toBe('ok');
    expect(inState('ME', [[479, 'roofs']]).nextAllowedAt).toEqual(minutesAfter(NOON_MS, 1));
    expect(inState('ME', [[480, 'solar']]).reason).toBe('ok');
    expect(
      inState('GA', [
        [1_000, 'solar'],
        [500, 'solar'],
        [60, 'solar'],
      ]).reason,
    ).toBe('ok');
  });
  test('Nevada allows no second call to a person who ended the first, or may have', () => {
    for (const outcome of ['hung_up', 'no_conversation', 'completed', 'unknown'])
      expect(inState('NV', [[90 * 1_440, 'roofs']], outcome), outcome).toMatchObject({
        reason: 'state_frequency_cap',
        nextAllowedAt: null,
        explanation:
          'Blocked: Nevada allows no further AI-voice call to a person who may have hung up on one.',
      });
    for (const outcome of ['no_answer', 'voicemail', 'transferred'])
      expect(inState('NV', [[60, 'solar']], outcome).reason, outcome).toBe('ok');
    expect(inState('GA', [[60, 'solar']], 'hung_up').reason).toBe('ok');
  });
  test('an outcome that is not known is no answer', () => {
    const eight = Array.from({ length: 8 }, (_, i) => (i + 1) * 5 * 1440);
    for (const outcome of ['voicemail', 'busy', 'something new', ''])
      expect(tried(eight, { stopAfterUnanswered: 8 }, outcome).reason, outcome).toBe(
        'campaign_frequency_cap',
      );
  });
  test('a cap of none allows none', () => {
    for (const cap of ['maxPer24h', 'maxPerDay', 'maxPer7Days', 'maxPer30Days'])
      expect(tried([], { [cap]: 0 }), cap).toMatchObject({
        reason: 'campaign_frequency_cap',
        nextAllowedAt: null,
        explanation: 'Blocked: the limits of the campaign allow no calls at all.',
      });
  });
  test('a person who never answers is left alone', () => {
    const eight = Array.from({ length: 8 }, (_, i) => (i + 1) * 5 * 1440);
    const left = tried(eight, { stopAfterUnanswered: 8 }, 'no_answer');
    expect(left.reason).toBe('campaign_frequency_cap');
    expect(left.nextAllowedAt).toBeNull();
    expect(tried(eight, { stopAfterUnanswered: 8 }, 'completed').reason).toBe('ok');
  });
});
