/** The consent ledger shows every tampering; words that take consent back are heard in two languages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, fingerprint, sha256Hex } from '../../src/domain/canonical.ts';
import {
  type ConsentBody,
  consentFacts,
  consentProjection,
  consentState,
  evidenceGaps,
  linkFault,
  nextConsentLog,
} from '../../src/domain/compliance/consent-log.ts';
import { revokes } from '../../src/domain/compliance/revocation.ts';
import type { ConsentLog } from '../../src/domain/documents.ts';

const TEXT =
  'I agree that Acme may call me with an artificial voice. Consent is not a condition of purchase.';
const at = (n: number): Date => new Date(Date.UTC(2026, 0, 1) + n * 86_400_000);

const grant = (n: number): ConsentBody => ({
  _id: n.toString(16).padStart(24, '0'),
  phone: '+12125550234',
  eventType: 'consent_granted',
  consentDetails: {
    method: 'web_form',
    source: 'landing page',
    consentText: TEXT,
    automatedCallsAllowed: true,
    textMessagesAllowed: false,
    expiresAt: at(n + 365),
  },
  evidence: {
    seller: 'Acme',
    purpose: 'marketing',
    level: 'written',
    artificialVoiceDisclosed: true,
    pageUrl: 'https://acme.example/form',
    textHash: sha256Hex(TEXT),
  },
  ipAddress: '203.0.113.7',
  userAgent: 'Mozilla/5.0',
  timestamp: at(n),
  recordedBy: 'web',
  createdAt: at(n),
});
const revoke = (n: number): ConsentBody => ({
  _id: n.toString(16).padStart(24, '0'),
  phone: '+12125550234',
  eventType: 'consent_revoked',
  evidence: { seller: 'Acme' },
  revocation: { channel: 'sms', words: 'STOP' },
  timestamp: at(n),
  recordedBy: 'sms',
  createdAt: at(n),
});

function chainOf(bodies: readonly ConsentBody[]): ConsentLog[] {
  const chain: ConsentLog[] = [];
  for (const body of bodies) chain.push(nextConsentLog(chain.at(-1), body));
  return chain;
}

/** The chain read from its first entry to its last, as far as nothing is wrong. */
function verifyChain(entries: readonly ConsentLog[]): { ok: boolean; at?: number; why?: string } {
  let prev: ConsentLog | undefined;
  for (const entry of [...entries].sort((a, b) => a.chainIndex - b.chainIndex)) {
    const why = linkFault(prev, entry);
    if (why !== undefined) return { ok: false, at: (prev?.chainIndex ?? 0) + 1, why };
    prev = entry;
  }
  return { ok: true };
}

/** Paths to every value inside, objects and leaves. */
function paths(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [path];
  return [
    ...(path.length === 0 ? [] : [path]),
    ...Object.entries(value).flatMap(([key, held]) => paths(held, [...path, key])),
  ];
}

describe('the ledger', () => {
  const chain = chainOf([grant(1), revoke(2), grant(3), revoke(4)]);

  test('a chain as it was written holds, in any order of reading', () => {
    expect(verifyChain(chain)).toEqual({ ok: true });
    expect(verifyChain([...chain].reverse())).toEqual({ ok: true });
    expect(verifyChain(structuredClone(chain))).toEqual({ ok: true });
    expect(verifyChain([])).toEqual({ ok: true });
  });

  test('a change of any field of any entry, or its removal, is found', () => {
    let tampered = 0;
    for (const [index, entry] of chain.entries())
      for (const path of paths(entry))
        for (const change of ['other', 'remove'] as const) {
          const copy = structuredClone(chain) as unknown as Record<string, unknown>[];
          let place = copy[index] as Record<string, unknown>;
          for (const key of path.slice(0, -1)) place = place[key] as Record<string, unknown>;
          const key = path.at(-1) ?? '';
          const held = place[key];
          if (change === 'remove') delete place[key];
          else if (held instanceof Date) place[key] = new Date(held.getTime() + 1);
          else if (typeof held === 'number') place[key] = held + 1;
          else if (typeof held === 'boolean') place[key] = !held;
          else place[key] = `${String(held)}x`;
          const result = verifyChain(copy as unknown as ConsentLog[]);
          expect({ index, path, change, ok: result.ok }).toEqual({ index, path, change, ok: false });
          tampered += 1;
        }
    expect(tampered).toBeGreaterThan(100);
  });

  test('an entry that is taken out, doubled, added to or moved is found where it is', () => {
    const [a, b, c, d] = chain as [ConsentLog, ConsentLog, ConsentLog, ConsentLog];
    expect(verifyChain([a, c, d])).toMatchObject({ ok: false, at: 2 });
    expect(verifyChain([a, b, b, c, d])).toMatchObject({ ok: false, at: 3 });
    expect(verifyChain([b, c, d])).toMatchObject({ ok: false, at: 1 });
    expect(verifyChain([a, { ...b, note: 'x' } as ConsentLog])).toMatchObject({ ok: false, at: 2 });
    const forged = nextConsentLog(a, { ...revoke(2), recordedBy: 'somebody' });
    expect(verifyChain([a, forged, c, d])).toMatchObject({ ok: false, at: 3 });
    expect(() => nextConsentLog(a, { ...revoke(2), phone: '+12125550777' })).toThrow(RangeError);
  });
});

describe('where a person stands', () => {
  test('the latest event counts, and a tie is a revocation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ day: fc.integer({ min: 0, max: 6 }), gives: fc.boolean() }), {
          minLength: 1,
          maxLength: 8,
        }),
        (events) => {
          const chain = chainOf(events.map(({ day, gives }) => (gives ? grant(day) : revoke(day))));
          const lastDay = Math.max(...events.map(({ day }) => day));
          const revoked = events.some(({ day, gives }) => day === lastDay && !gives);
          expect(consentState(chain, at(10).getTime()).state).toBe(revoked ? 'revoked' : 'granted');
          expect(consentState([...chain].reverse(), at(10).getTime()).state).toBe(
            revoked ? 'revoked' : 'granted',
          );
        },
      ),
    );
  });

  test('what is shown on a lead follows: given, expired, revoked, unknown', () => {
    const [given] = chainOf([grant(1)]);
    expect(consentProjection(given ? [given] : [], at(2).getTime())).toMatchObject({
      hasWrittenConsent: true,
      automatedCallsAllowed: true,
      textMessagesAllowed: false,
      consentMethod: 'web_form',
      expiresAt: at(366),
    });
    expect(consentProjection(given ? [given] : [], at(366).getTime())).toMatchObject({
      automatedCallsAllowed: false,
    });
    expect(consentProjection(chainOf([grant(1), revoke(2)]), at(3).getTime())).toEqual({
      hasWrittenConsent: false,
      automatedCallsAllowed: false,
      textMessagesAllowed: false,
    });
    expect(consentProjection([], at(3).getTime())).toBeUndefined();
  });

  test('the gate reads grants with what their evidence is worth', () => {
    expect(evidenceGaps(grant(1))).toEqual([]);
    expect(consentFacts(chainOf([grant(1), revoke(2)]))).toMatchObject([
      {
        event: 'grant',
        level: 'written',
        seller: 'Acme',
        artificialVoiceDisclosed: true,
        evidenceComplete: true,
      },
      { event: 'revoke', seller: 'Acme', channel: 'sms' },
    ]);
    const { userAgent: _, ...noBrowser } = grant(1);
    expect(evidenceGaps(noBrowser)).toEqual([
      'certificate, recorded session, signed copy, or page with address and browser',
    ]);
    expect(evidenceGaps({ ...noBrowser, evidence: { ...noBrowser.evidence, certificate: 'tf-1' } })).toEqual(
      [],
    );
    expect(
      evidenceGaps({ ...grant(1), evidence: { ...grant(1).evidence, textHash: 'a'.repeat(64) } }),
    ).toEqual(['hash that fits the text']);
    expect(evidenceGaps(revoke(1)).length).toBeGreaterThan(5);
    const signed = { ...noBrowser.evidence, signature: 'by hand', copyUrl: 'https://acme.example/scan.pdf' };
    expect(evidenceGaps({ ...noBrowser, evidence: signed })).toEqual([]);
    const { copyUrl: _copy, ...noCopy } = signed;
    expect(evidenceGaps({ ...noBrowser, evidence: noCopy })).toHaveLength(1);
    const ticked = { ...grant(1).evidence, checkboxPreTicked: true };
    expect(evidenceGaps({ ...grant(1), evidence: ticked })).toEqual(['a box that did not start ticked']);
    const onlyTexts = grant(1);
    if (!onlyTexts.consentDetails) throw new Error('no details');
    const noCalls = {
      ...onlyTexts,
      consentDetails: { ...onlyTexts.consentDetails, automatedCallsAllowed: false },
    };
    expect(consentFacts(chainOf([noCalls]))).toEqual([]);
  });
});

describe('written consent to marketing', () => {
  const gaps = (text: string, evidence: Partial<NonNullable<ConsentLog['evidence']>> = {}) => {
    const base = grant(1);
    if (!base.consentDetails) throw new Error('no details');
    return evidenceGaps({
      ...base,
      consentDetails: { ...base.consentDetails, consentText: text },
      evidence: { ...base.evidence, textHash: sha256Hex(text), ...evidence },
    });
  };
  const MISSING = ['that consent is no condition of a purchase'];

  test.each([
    'Consent is not a condition of purchase.',
    'Consent is not a condition of any purchase.',
    "My consent isn't a condition of buying anything.",
    'I understand that agreeing is not required in order to purchase any goods or services.',
    'You do not have to agree before you buy.',
    'Giving consent is no condition of a sale.',
    'Mi consentimiento no es una condición de compra.',
  ])('is complete when its text says that it is no condition of a purchase: %s', (text) => {
    expect(gaps(`I agree to calls with an artificial voice. ${text}`)).toEqual([]);
  });

  test.each([
    '',
    'Consent is a condition of purchase.',
    'The condition of the house is good and I want to sell.',
    'I will not call you. The condition is good. Purchase now.',
  ])('is incomplete when its text does not: "%s"', (text) => {
    expect(gaps(`I agree to calls with an artificial voice. ${text}`)).toEqual(MISSING);
  });

  test('what the record claims of the text outweighs how we read it', () => {
    expect(gaps('Whatever it costs.', { conditionOfPurchaseDisclaimed: true })).toEqual([]);
    expect(gaps(TEXT, { conditionOfPurchaseDisclaimed: false })).toEqual(MISSING);
  });

  test('consent to informational calls needs no such words, until it is given again after a revocation', () => {
    const plain = 'I agree to calls with an artificial voice about my order.';
    const base = grant(1);
    const informational = (n: number): ConsentBody => ({
      ...grant(n),
      ...(base.consentDetails ? { consentDetails: { ...base.consentDetails, consentText: plain } } : {}),
      evidence: { ...base.evidence, purpose: 'informational', textHash: sha256Hex(plain) },
    });
    const complete = (bodies: readonly ConsentBody[]) =>
      consentFacts(chainOf(bodies)).flatMap((fact) =>
        fact.event === 'grant' ? [fact.evidenceComplete] : [],
      );
    expect(complete([informational(1)])).toEqual([true]);
    expect(complete([informational(1), revoke(2), informational(3)])).toEqual([true, false]);
    expect(complete([informational(1), revoke(2), grant(3)])).toEqual([true, true]);
  });

  test('a text made to be slow to read is not: a long one takes as long as short ones of the same length together', () => {
    const took = (text: string, times: number): number => {
      const started = performance.now();
      for (let time = 0; time < times; time += 1) gaps(text);
      return performance.now() - started;
    };
    for (const make of [
      (size: number) => 'no not condition required '.repeat(size / 25),
      (size: number) => `not ${'a'.repeat(size)}`,
    ]) {
      took(make(5_000), 20);
      // Whatever looks at each pair of letters or words takes a hundred times as long.
      expect(took(make(500_000), 1)).toBeLessThan(20 * took(make(5_000), 100) + 50);
    }
  });
});

test('an entry written before evidence had so many members still holds', () => {
  // The sum of this very entry, taken when evidence had eight members.
  const [entry] = chainOf([revoke(1)]);
  expect(entry?.hash).toBe('4f01f561830b74242ca89c10827c2f540ebe77af94bcf4643f5a8e3276f0970f');
});

describe('canonical JSON', () => {
  test('the order of keys and absent values make no difference; anything JSON cannot hold is refused', () => {
    expect(canonicalJson({ b: 1, a: { d: [true, null], c: new Date(0) }, e: undefined })).toBe(
      '{"a":{"c":"1970-01-01T00:00:00.000Z","d":[true,null]},"b":1}',
    );
    for (const bad of [
      Number.NaN,
      Infinity,
      undefined,
      () => 1,
      new Date(Number.NaN),
      new Map(),
      1n,
      [undefined],
    ])
      expect(() => canonicalJson(bad)).toThrow(TypeError);
  });
  test('it reads back as the same value, and equal values have one fingerprint', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const normal = JSON.parse(JSON.stringify(value)) as unknown;
        expect(JSON.parse(canonicalJson(normal))).toEqual(normal);
        expect(fingerprint(JSON.parse(canonicalJson(normal)))).toBe(fingerprint(normal));
      }),
    );
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('words that take consent back', () => {
  test.each([
    'STOP',
    'stop.',
    'Stop!!',
    'Stop stop stop',
    'quit',
    'END',
    'Revoke',
    'opt out',
    'Opt-out',
    'OPTOUT',
    'cancel',
    'Unsubscribe',
    'STOPALL',
    'please stop',
    'ok stop now',
    "don't call",
    "Don't call me again",
    'do not ever call me',
    'Please remove me from your list',
    'take me off your list',
    'take my number off the list',
    'wrong number',
    'You have the wrong number.',
    'leave me alone',
    'Stop calling me!',
    'I said stop calling',
    'quit calling this number',
    'no more calls please',
    'put me on your do not call list',
    'lose my number',
    'I do not want any more calls',
    'I would like to opt out',
    'I am opting out of this',
    'I revoke my consent',
    'stop texting me',
    'I told you never to call me',
    'never call here again',
    'delete my number',
    'Alto',
    'pare por favor',
    'BAJA',
    'cancelar',
    'No me llame',
    'no me llamen más',
    'No vuelvan a llamar',
    'no nos llamen',
    'Deje de llamarme',
    'dejen de llamar',
    'Quíteme de la lista',
    'sáqueme de su lista',
    'bórreme',
    'elimine mi número',
    'Número equivocado',
    'se equivocó de número',
    'déjeme en paz',
    'no quiero más llamadas',
    'no quiero que me llamen',
    'denme de baja',
    'revoco mi consentimiento',
    'no más',
  ])('"%s" is a stop', (text) => {
    expect(revokes(text)).toBe(true);
  });

  test.each([
    '',
    '   ',
    '!!!',
    'yes',
    'call me tomorrow',
    'Can you stop by on Tuesday?',
    'I will end up selling in spring',
    'sí, llámeme mañana',
    'How do I cancel my insurance when I sell?',
    'the bus stop is near the house',
    'why do you call me?',
    'what number is this',
    'I never called anybody about it',
    'para mi casa',
    'the dead end street',
    'what is your price?',
    'No, I have no other offers',
    'está bien',
    'no quiero vender ahora',
    'Is this a robot?',
    'please call me back at noon',
  ])('"%s" is none', (text) => {
    expect(revokes(text)).toBe(false);
  });

  test('a very long text is read without delay', () => {
    const took = (make: (times: number) => string, length: number, times: number): number => {
      const text = make(length);
      const started = performance.now();
      for (let time = 0; time < times; time += 1) revokes(text);
      return performance.now() - started;
    };
    for (const make of [
      (times: number) => 'stop '.repeat(times),
      (times: number) => `${'do not '.repeat(times)}x`,
    ]) {
      took(make, 1_000, 20);
      // Whatever looks at each pair of words takes a hundred times as long.
      expect(took(make, 100_000, 1)).toBeLessThan(20 * took(make, 1_000, 100) + 50);
    }
  });
});
