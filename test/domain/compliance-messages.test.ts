/** The gate of texts and e-mails: what no facts may ever do to it, its permits, and its rules at their edges. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, decideText, MAX_PERMIT_MS } from '../../src/domain/compliance/decide.ts';
import { COVERS, type Covers, type FactsInput } from '../../src/domain/compliance/facts.ts';
import { decideMail, isMailAddress, type MailFacts } from '../../src/domain/compliance/mail.ts';
import { MessagePermit, spendMessagePermit } from '../../src/domain/compliance/permit.ts';
import { STATES } from '../../src/domain/compliance/states.ts';
import { daysAfter, goodFacts, goodGrant, minutesAfter, NOON_MS } from '../support/compliance-cases.ts';
import { anyCall, runs } from './compliance-people.ts';

const asText = (facts: FactsInput, covers: Covers = 'both'): FactsInput => ({
  ...facts,
  call: { ...facts.call, channel: 'text' },
  lead: {
    ...facts.lead,
    consent: facts.lead.consent.map((event) => (event.event === 'grant' ? { ...event, covers } : event)),
  },
});

const goodMail = (over: Partial<MailFacts> = {}): MailFacts => ({
  address: 'ana@example.com',
  seller: 'acme',
  campaignStatus: 'running',
  killSwitch: false,
  internal: [],
  consent: [],
  ...over,
});

const mint = { permitId: 'p1', ttlMs: 10_000, reserved: true };

describe('whatever the facts, a text', { timeout: 3_600_000 }, () => {
  test('is allowed exactly where a call with the same consent would be', () => {
    let allowed = 0;
    fc.assert(
      fc.property(anyCall, ({ facts, nowMs }) => {
        const call = decide(facts, nowMs).decision;
        const text = decideText(asText(facts), nowMs).decision;
        allowed += Number(text.verdict === 'allow');
        expect({ reasons: text.reasons, next: text.nextAllowedAt }).toEqual({
          reasons: call.reasons,
          next: call.nextAllowedAt,
        });
      }),
      runs(2),
    );
    expect(allowed).toBeGreaterThan(20);
  });

  test('is never allowed without a consent that names texts', () => {
    fc.assert(
      fc.property(anyCall, fc.constantFrom<Covers[]>('calls', 'nothing'), ({ facts, nowMs }, covers) => {
        const { verdict, reasons } = decideText(asText(facts, covers), nowMs).decision;
        expect(verdict).toBe('deny');
        expect(reasons).toContain('consent_missing');
      }),
      runs(4),
    );
  });

  test('is barred by whatever bars it, however much else speaks for it', () => {
    const bars: readonly ((facts: FactsInput, nowMs: number) => FactsInput)[] = [
      (facts) => ({ ...facts, environment: { ...facts.environment, killSwitch: true } }),
      (facts) => ({ ...facts, campaign: { ...facts.campaign, status: 'paused' } }),
      (facts) => ({
        ...facts,
        dnc: { ...facts.dnc, internal: [{ phone: facts.lead.phone, seller: null, releasedAt: null }] },
      }),
      (facts) => ({ ...facts, dnc: { ...facts.dnc, litigator: true } }),
      (facts) => ({ ...facts, dnc: { ...facts.dnc, reassigned: null } }),
      (facts) => ({ ...facts, campaign: { ...facts.campaign, blockedStates: [...STATES.keys()] } }),
      (facts, nowMs) => ({
        ...facts,
        history: {
          attempts: [
            ...facts.history.attempts,
            { at: new Date(nowMs - 1), phone: facts.lead.phone, subject: 'solar', outcome: 'text' },
          ],
        },
        campaign: { ...facts.campaign, minGapMinutes: 30 },
      }),
    ];
    fc.assert(
      fc.property(anyCall, fc.subarray([...bars], { minLength: 1 }), ({ facts, nowMs }, added) => {
        const before = decideText(asText(facts), nowMs);
        const after = decideText(
          added.reduce((spoiled, bar) => bar(spoiled, nowMs), asText(facts)),
          nowMs,
        );
        expect(after.kind).toBe('deny');
        expect(before.decision.reasons.filter((reason) => !after.decision.reasons.includes(reason))).toEqual(
          [],
        );
      }),
      runs(4),
    );
  });

  test('of the past never opens a call: one more takes no reason away and no gap shorter', () => {
    fc.assert(
      fc.property(anyCall, fc.integer({ min: 0, max: 60 * 24 * 30 }), ({ facts, nowMs }, agoMin) => {
        const tried = {
          at: minutesAfter(nowMs, -agoMin),
          phone: facts.lead.phone,
          subject: 'solar',
          outcome: 'text',
        };
        const more = { ...facts, history: { attempts: [...facts.history.attempts, tried] } };
        const before = decide(facts, nowMs).decision;
        const after = decide(more, nowMs).decision;
        expect(before.reasons.filter((reason) => !after.reasons.includes(reason))).toEqual([]);
      }),
      runs(4),
    );
  });
});

describe('a text', () => {
  test('needs no consent to an artificial voice, but a written one', () => {
    const facts = (over: object): FactsInput => ({
      ...goodFacts(),
      call: { ...goodFacts().call, channel: 'text' },
      lead: { ...goodFacts().lead, consent: [{ ...goodGrant(), covers: 'texts', ...over }] },
    });
    expect(decideText(facts({ artificialVoiceDisclosed: false }), NOON_MS).kind).toBe('allow');
    expect(decideText(facts({ level: 'oral' }), NOON_MS).decision).toMatchObject({
      reason: 'consent_insufficient',
      explanation: 'Blocked: the consent on record is not written consent to marketing texts.',
    });
    // The same consent opens no call.
    const { channel: _, ...call } = facts({}).call;
    expect(decide({ ...facts({}), call }, NOON_MS).decision.reason).toBe('consent_missing');
  });

  test('is never exempt, whatever a landline may be called for', () => {
    const facts = goodFacts();
    const exempt: FactsInput = {
      ...facts,
      lead: { ...facts.lead, consent: [], lineType: 'landline' },
      call: { ...facts.call, purpose: 'informational', channel: 'text' },
      campaign: { ...facts.campaign, allowExemptCalls: true },
    };
    expect(decideText(exempt, NOON_MS).decision.reason).toBe('consent_missing');
  });

  test('neither ends a row of unanswered calls nor makes it longer', () => {
    const tries = (...outcomes: string[]) => ({
      ...goodFacts(),
      campaign: { ...goodFacts().campaign, stopAfterUnanswered: 3 },
      history: {
        attempts: outcomes.map((outcome, at) => ({
          at: daysAfter(NOON_MS, -1 - at),
          phone: '+12125550234',
          subject: 'solar',
          outcome,
        })),
      },
    });
    expect(decide(tries('text', 'no_answer', 'text', 'no_answer', 'text'), NOON_MS).kind).toBe('allow');
    expect(decide(tries('text', 'no_answer', 'text', 'no_answer', 'no_answer'), NOON_MS).kind).toBe('deny');
  });

  test('is told apart from a call: the facts of one get no permit for the other', () => {
    expect(decide(asText(goodFacts()), NOON_MS, mint).decision.explanation).toContain(
      'not the facts of a call',
    );
    expect(decideText(goodFacts(), NOON_MS, mint).decision.explanation).toContain('not the facts of a text');
  });

  test('at night says when it may be sent, and that texts count as calls do', () => {
    const night = Date.UTC(2026, 6, 15, 2, 0);
    const { explanation, nextAllowedAt } = decideText(asText(goodFacts(night)), night).decision;
    expect(explanation).toMatch(/^Blocked until .*federal law allows calls.*\(texts count as calls do\)/);
    expect(nextAllowedAt).toEqual(new Date(Date.UTC(2026, 6, 15, 12, 0)));
  });
});

describe('a permit for a message', () => {
  const permitFor = (verdict: ReturnType<typeof decideText>): MessagePermit => {
    if (verdict.kind === 'deny' || !verdict.permit) throw new Error(verdict.decision.explanation);
    return verdict.permit;
  };

  test('gives its address once, for its own channel, and only while it lives', () => {
    const permit = permitFor(decideText(asText(goodFacts()), NOON_MS, mint));
    expect(() => spendMessagePermit(permit, 'email', NOON_MS)).toThrow(
      expect.objectContaining({ code: 'permit_forged' }),
    );
    expect(spendMessagePermit(permit, 'sms', NOON_MS + 9_999)).toBe('+12125550234');
    expect(() => spendMessagePermit(permit, 'sms', NOON_MS)).toThrow(
      expect.objectContaining({ code: 'permit_spent' }),
    );
    const late = permitFor(decideMail(goodMail(), NOON_MS, mint));
    expect(() => spendMessagePermit(late, 'email', NOON_MS + 10_000)).toThrow(
      expect.objectContaining({ code: 'permit_expired' }),
    );
    const mail = permitFor(decideMail(goodMail(), NOON_MS, mint));
    expect(spendMessagePermit(mail, 'email', NOON_MS)).toBe('ana@example.com');
  });

  test('is minted by nobody else and looks like nothing else', () => {
    expect(() => new MessagePermit(Symbol('mint'), 'p', 'sms', '+1', NOON_MS + 1)).toThrow(
      expect.objectContaining({ code: 'permit_forged' }),
    );
    const fake = { permitId: 'p', spend: () => '+12125550234' };
    expect(() => spendMessagePermit(fake as never, 'sms', NOON_MS)).toThrow();
  });

  test('is refused without a reservation and for longer than a minute', () => {
    for (const bad of [
      { ...mint, reserved: false },
      { ...mint, ttlMs: MAX_PERMIT_MS + 1 },
      { ...mint, ttlMs: Number.NaN },
    ]) {
      expect(decideText(asText(goodFacts()), NOON_MS, bad).decision.reason).toBe('check_error');
      expect(decideMail(goodMail(), NOON_MS, bad).decision.reason).toBe('check_error');
    }
  });
});

describe('an e-mail', () => {
  const reason = (over: Partial<MailFacts>): string => decideMail(goodMail(over), NOON_MS).decision.reason;
  const revoke = (at: Date, seller: string | null = 'acme') =>
    ({ event: 'revoke', at, seller, channel: 'voice' }) as const;
  const listed = (releasedAt: Date | null, seller: string | null = 'acme') => ({
    phone: '+12125550999',
    seller,
    releasedAt,
  });

  test('needs an address, a running campaign and no wish to stop, and no consent', () => {
    expect(reason({})).toBe('ok');
    expect(reason({ address: null })).toBe('email_missing');
    expect(reason({ address: 'ana@' })).toBe('email_missing');
    expect(reason({ killSwitch: true })).toBe('campaign_paused');
    expect(reason({ campaignStatus: 'draft' })).toBe('campaign_paused');
    expect(reason({ internal: [listed(null)] })).toBe('internal_dnc');
    expect(reason({ consent: [revoke(daysAfter(NOON_MS, -1))] })).toBe('consent_revoked');
  });

  test('is opened again by a release and by a later consent, not by those of tomorrow or of others', () => {
    expect(reason({ internal: [listed(daysAfter(NOON_MS, -1))] })).toBe('ok');
    expect(reason({ internal: [listed(daysAfter(NOON_MS, 1))] })).toBe('internal_dnc');
    expect(reason({ internal: [listed(null, null)] })).toBe('internal_dnc');
    expect(reason({ internal: [listed(null, 'somebody else')] })).toBe('ok');
    const at = daysAfter(NOON_MS, -2);
    const grant = (granted: Date) => ({ ...goodGrant(), at: granted });
    expect(reason({ consent: [revoke(at), grant(daysAfter(NOON_MS, -1))] })).toBe('ok');
    expect(reason({ consent: [revoke(at), grant(at)] })).toBe('consent_revoked');
    expect(reason({ consent: [revoke(at, 'somebody else')] })).toBe('ok');
  });

  test('is barred by one more bar, whatever else is so', () => {
    const bars: readonly Partial<MailFacts>[] = [
      { killSwitch: true },
      { campaignStatus: 'paused' },
      { internal: [listed(null)] },
      { consent: [revoke(new Date(NOON_MS))] },
      { address: null },
    ];
    fc.assert(
      fc.property(fc.subarray([...bars]), fc.constantFrom(...bars), (given, bar) => {
        const before = Object.assign(goodMail(), ...given) as MailFacts;
        const after = decideMail({ ...before, ...bar }, NOON_MS).decision;
        expect(after.verdict).toBe('deny');
        const gone = decideMail(before, NOON_MS).decision.reasons.filter(
          (each) => !after.reasons.includes(each),
        );
        expect(gone).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('is denied, never thrown about, when its facts are broken', () => {
    for (const broken of [
      null,
      {},
      { ...goodMail(), consent: [revoke(new Date(Number.NaN))] },
      { ...goodMail(), seller: ' ' },
    ])
      expect(decideMail(broken as MailFacts, NOON_MS, mint)).toMatchObject({
        kind: 'deny',
        decision: { reason: 'check_error' },
      });
    expect(decideMail(goodMail(), Number.NaN).decision.reason).toBe('check_error');
  });

  test('goes to what a mail server may be asked to deliver to', () => {
    for (const good of ['a@b.co', "o'neil+x@mail.example.com", 'a.b_c-d@xn--bcher-kva.example'])
      expect(isMailAddress(good), good).toBe(true);
    for (const bad of [
      '',
      'a',
      'a@b',
      '@b.co',
      'a@b..co',
      'a b@c.co',
      'a@b.co\r\nBcc: x@y.co',
      '<a@b.co>',
      'a@-b.co',
      `${'a'.repeat(65)}@b.co`,
    ])
      expect(isMailAddress(bad), bad).toBe(false);
  });
});

test('a consent names calls, texts, both or nothing, and what is not known covers nothing', () => {
  expect(COVERS).toEqual(['calls', 'texts', 'both', 'nothing']);
  const facts = asText(goodFacts(), 'letters' as Covers);
  expect(decideText(facts, NOON_MS).decision.reason).toBe('consent_missing');
});
