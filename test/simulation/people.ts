/**
 * test/simulation/people: who is called in the simulated month. Leads of every state and split area code, with addresses
 * that fit, lack, contradict or mislead, numbers that persons share, and consent of every quality.
 */
import type { App } from '../../src/app/index.ts';
import type { Happening } from './checker.ts';
import { PLACE_OF_AREA_CODE, PLACE_OF_ZIP, STATES } from './law.ts';
import { SELLER } from './life.ts';
import type { Random } from './timeline.ts';

const DAY = 86_400_000;

type GivenLead = Parameters<App['leads']['create']>[0];
type GivenConsent = Parameters<App['consents']['grant']>[0];

/** A lead as it is handed in, and the same as the judge reads it. */
export interface NewPerson {
  readonly given: GivenLead;
  readonly phone: string;
  readonly others: readonly string[];
  readonly state: string | undefined;
  readonly zip: string | undefined;
}

export type ConsentKind = keyof typeof CONSENTS;

/** How often consent is of which quality. */
const CONSENTS = {
  good: 56,
  certified: 6,
  oral: 5,
  no_voice: 4,
  other_seller: 4,
  other_number: 4,
  unproven: 4,
  informational: 4,
  ending: 4,
  ended: 2,
  early: 1,
  not_automated: 2,
  two_years: 2,
  none: 2,
} as const;

const byState = <V extends { readonly state: string }>(
  places: ReadonlyMap<string, V>,
): ReadonlyMap<string, string[]> => {
  const found = new Map<string, string[]>();
  for (const [code, { state }] of places) found.set(state, [...(found.get(state) ?? []), code]);
  return found;
};
const AREA_CODES = byState(PLACE_OF_AREA_CODE);
const ZIPS = byState(PLACE_OF_ZIP);
/** Area codes and states on both sides of a line get more leads than their share. */
const SPLIT = [...PLACE_OF_AREA_CODE].filter(([, { zones }]) => zones.length > 1).map(([code]) => code);

/** Numbers that nobody may be called at. */
const USELESS = ['416555', '876555', '800555', '888555', '900555', '212976', '500555', '212911', '305555-01'];

export function createPeople(random: Random) {
  const used = new Set<string>();

  function phoneIn(area: string): string {
    for (;;) {
      // Exchange 555 is not assigned to subscribers: a slip cannot ring a person.
      const phone = `+1${area}555${String(random.whole(200, 9_999)).padStart(4, '0')}`;
      if (used.has(phone) || phone.endsWith('5551212')) continue;
      used.add(phone);
      return phone;
    }
  }

  function phone(): string {
    if (random.chance(0.02)) {
      const [begin = '', line = ''] = random.pick(USELESS).split('-');
      const useless = `+1${begin}${line}${String(random.whole(0, 10 ** (4 - line.length) - 1)).padStart(4 - line.length, '0')}`;
      used.add(useless);
      return useless;
    }
    if (random.chance(0.2)) return phoneIn(random.pick(SPLIT));
    return phoneIn(random.pick(AREA_CODES.get(random.pick(STATES)) ?? ['212']));
  }

  /** Where a lead with this number says to live. */
  function address(number: string): { state?: string; zip?: string } {
    const home = PLACE_OF_AREA_CODE.get(number.slice(2, 5))?.state ?? 'NY';
    const kind = random.weigh({
      both: 50,
      zip: 10,
      state: 14,
      none: 9,
      moved: 9,
      conflict: 3,
      unknown: 2,
      military: 1,
      long_zip: 2,
    });
    const state = kind === 'moved' ? random.pick(STATES) : home;
    const zips = ZIPS.get(state);
    if (kind === 'none') return {};
    if (kind === 'unknown') return { state, zip: '00000' };
    if (kind === 'military') return { state: 'AE', zip: '09012' };
    if (kind === 'state' || !zips) return { state };
    const zip = random.pick(zips);
    if (kind === 'zip') return { zip };
    if (kind === 'long_zip') return { state, zip: `${zip}-1234` };
    if (kind === 'conflict') return { state: random.pick(STATES.filter((other) => other !== state)), zip };
    return { state, zip };
  }

  /** The address as people write it. */
  const written = ({ state, zip }: { state?: string; zip?: string }) => ({
    ...(state === undefined ? {} : { state: random.chance(0.1) ? state.toLowerCase() : state }),
    ...(zip === undefined ? {} : { zipCode: zip }),
  });

  return {
    phone,
    address,
    written,
    /** A new lead; `shared` are numbers of somebody known, whose further lead this is. */
    lead(externalId: string, campaignId: string | undefined, shared: readonly string[]): NewPerson {
      const [known] = shared;
      const way = known === undefined ? 'alone' : random.weigh({ first: 1, alternate: 1 });
      const number = way === 'first' && known !== undefined ? known : phone();
      const other = way === 'alternate' ? known : random.chance(0.12) ? phone() : undefined;
      const where = address(number);
      return {
        phone: number,
        others: other === undefined ? [] : [other],
        state: where.state,
        zip: where.zip,
        given: {
          source: 'simulation',
          externalId,
          contact: {
            firstName: 'Some',
            lastName: 'Body',
            phone: number,
            ...(other === undefined ? {} : { alternatePhone: other }),
            ...(where.state === undefined && where.zip === undefined ? {} : { address: written(where) }),
          },
          ...(campaignId === undefined ? {} : { campaignId }),
        },
      };
    },
    consentKind: (): ConsentKind => random.weigh(CONSENTS),
    /** A consent of this quality, as it is handed in and as the judge reads it; undefined for none. */
    consent(
      kind: ConsentKind,
      to: { readonly phone: string; readonly others: readonly string[] },
      nowMs: number,
      fresh: boolean,
    ):
      | { readonly given: GivenConsent; readonly told: Extract<Happening, { what: 'consent' }> | undefined }
      | undefined {
      if (kind === 'none') return undefined;
      const age = fresh ? 0 : random.whole(2 * 3_600_000, 300 * DAY);
      const at =
        kind === 'early'
          ? nowMs + 50_000
          : kind === 'two_years'
            ? nowMs - 730 * DAY + random.whole(-5, 30) * DAY
            : nowMs - age;
      const until =
        kind === 'ending'
          ? nowMs + random.whole(1, 30 * 24) * 3_600_000
          : kind === 'ended'
            ? nowMs - random.whole(0, 60) * 60_000
            : kind === 'two_years'
              ? at + 1_800 * DAY
              : at + 365 * DAY;
      const phone = kind === 'other_number' ? (to.others[0] ?? phoneIn('212')) : to.phone;
      const seller = kind === 'other_seller' ? 'Somebody Else LLC' : SELLER;
      const level = kind === 'oral' ? 'oral' : 'written';
      const purpose = kind === 'informational' ? 'informational' : 'marketing';
      const artificialVoice = kind !== 'no_voice';
      // What is lacking: the text, who signed it, that it was no condition, or the free choice.
      const lacks = kind === 'unproven' ? random.pick(['text', 'act', 'condition', 'choice']) : undefined;
      const page = kind !== 'certified' && (lacks !== undefined || random.chance(0.7));
      if (until <= at) return undefined;
      const condition = lacks === 'condition' ? '' : ' My consent is not a condition of any purchase.';
      return {
        given: {
          phone,
          method: level === 'oral' ? 'voice' : 'web_form',
          source: 'simulation',
          ...(lacks === 'text'
            ? {}
            : {
                consentText: `I agree to calls with an artificial voice from ${seller} at ${phone}.${condition}`,
              }),
          automatedCallsAllowed: kind !== 'not_automated',
          textMessagesAllowed: true,
          at: new Date(at),
          expiresAt: new Date(until),
          evidence: {
            seller,
            level,
            purpose,
            artificialVoiceDisclosed: artificialVoice,
            ...(page
              ? { pageUrl: 'https://simulation.invalid/sell', checkboxPreTicked: lacks === 'choice' }
              : { certificate: 'certificate-1', certificateType: 'trustedform' }),
          },
          ...(page && lacks !== 'act' ? { ipAddress: '192.0.2.1', userAgent: 'simulation' } : {}),
        },
        told:
          kind === 'not_automated'
            ? undefined
            : {
                what: 'consent',
                at: nowMs,
                phone,
                given: at,
                until,
                seller,
                level,
                purpose,
                artificialVoice,
                proven: lacks === undefined,
              },
      };
    },
  };
}

/** What people write when they want no more, in their own words (reference 1.5). */
export const STOPS = [
  'STOP',
  'stop.',
  'Quit',
  'END',
  'revoke',
  'Opt out',
  'opt-out please',
  'Cancel!',
  'UNSUBSCRIBE',
  'stop calling me',
  "don't call me",
  'Do not call again',
  'Remove me from your list',
  'take me off your list',
  'Wrong number',
  'leave me alone',
  'no me llamen mas',
  'BASTA',
] as const;

/** And what they write when they want something else. */
export const OTHERS = ['Who is this?', 'Call me at five', 'Yes, I am interested', 'ok thanks', '?'] as const;
