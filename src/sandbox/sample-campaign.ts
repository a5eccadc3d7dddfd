/**
 * sandbox/sample-campaign: a campaign of two hundred made-up people, and a small one beside it, so that every screen has
 * something to show within a minute. The last two digits of a number choose who answers (callers.ts).
 */
import { PLACES, sampleConsent, sampleVisit } from './sample-leads.ts';

/** Source of every made-up lead here; with its number the lead is known again. */
const SOURCE = 'demo';
const SECOND_SOURCE = 'demo_landlords';
/** Nobody calls these: no campaign looks for them. */
const TEXTED_SOURCE = 'demo_texts';

/** Digits of callers, as often as they shall be met. */
const MIX = [
  ...['01', '01', '01', '01', '01', '01', '01', '01', '02', '02', '02', '02', '04', '04', '04', '04'],
  ...['07', '10', '10', '14', '14', '13', '11', '06', '03', '12', '08', '05', '15'],
];

const FIRST = [
  'Maria',
  'James',
  'Linda',
  'Robert',
  'Susan',
  'David',
  'Karen',
  'Thomas',
  'Nancy',
  'Daniel',
  'Laura',
];
const LAST = [
  'Alvarez',
  'Baker',
  'Chen',
  'Davis',
  'Evans',
  'Foster',
  'Garcia',
  'Hughes',
  'Ito',
  'Jones',
  'Kim',
  'Lopez',
  'Meyer',
];
const MOTIVES = ['relocation', 'inherited', 'financial hardship', 'divorce', 'retirement'];
const FRAMES = ['30_days', '60_days', '90_days', 'asap', '6 months'];

const EMAIL_AFTER_SEC = 20;
const TEXT_AFTER_SEC = 60;
const WEEK_SEC = 604_800;

export const SAMPLE_CAMPAIGNS = [
  {
    name: 'Demo: motivated sellers',
    description: 'Two hundred made-up people. No real phone rings.',
    type: 'wholesale',
    calling: { machinePolicy: 'hang_up', ringTimeoutSec: 15, transferNumber: '+12125550316' },
    targeting: {
      leadSources: [SOURCE],
      intent: ['seller'],
      motivationFactors: MOTIVES,
    },
    workflow: {
      initialContact: {
        method: 'automated_call',
        timing: 'within_5_minutes',
        maxAttempts: 1,
        retryDelay: 3_600,
        retryDelays: { busy: 600 },
      },
      followUp: [
        { delay: EMAIL_AFTER_SEC, method: 'email', template: 'follow_up_day_1' },
        { delay: TEXT_AFTER_SEC, method: 'sms', template: 'follow_up_day_3' },
        { delay: WEEK_SEC, method: 'automated_call' },
      ],
      nurture: { enabled: true, frequency: 'weekly', duration: 90, content: ['market_updates', 'tips'] },
    },
    budget: { totalBudget: 500, costPerCall: 0.1, maxCallsPerDay: 400 },
    conversationStrategy: {
      openingScript: 'Do you still think of selling the house?',
      qualificationQuestions: [
        "What's your timeline for selling?",
        'What condition is the property in?',
        'What are you hoping to get for the property?',
      ],
      objectionHandlers: { need_time: 'Of course. When would be a better time?' },
      callToAction: 'Would you be open to a quick site visit this week?',
    },
    revenuePerDeal: 8_500,
  },
  {
    name: 'Demo: landlords',
    description: 'A small campaign that shares the lines with the other one.',
    type: 'rental',
    calling: { machinePolicy: 'hang_up', ringTimeoutSec: 15, transferNumber: '+12125550316' },
    targeting: { leadSources: [SECOND_SOURCE] },
    workflow: {
      initialContact: {
        method: 'automated_call',
        timing: 'immediately',
        maxAttempts: 2,
        retryDelay: 7_200,
      },
      followUp: [],
    },
    pacing: { maxConcurrentCalls: 3 },
    revenuePerDeal: 2_000,
  },
] as const;

/** A place, and one number there by which it is asked whether people may be called now. */
export const SAMPLE_PLACES = PLACES.map(({ city, areaCode }) => ({ city, phone: `+1${areaCode}5552001` }));

/** What somebody else has written down of a person already. */
type Known =
  | { readonly status: 'qualified' | 'active'; readonly stage: 'qualified' | 'site_visit' | 'offer_made' }
  | { readonly status: 'converted'; readonly stage: 'closed'; readonly dealValue?: number }
  | { readonly status: 'lost'; readonly stage: 'lost' };

const KNOWN: readonly Known[] = [
  { status: 'qualified', stage: 'qualified' },
  { status: 'qualified', stage: 'site_visit' },
  { status: 'active', stage: 'site_visit' },
  { status: 'active', stage: 'offer_made' },
  { status: 'active', stage: 'offer_made' },
  { status: 'converted', stage: 'closed', dealValue: 12_400 },
  { status: 'converted', stage: 'closed', dealValue: 9_800 },
  { status: 'converted', stage: 'closed' },
  { status: 'lost', stage: 'lost' },
  { status: 'lost', stage: 'lost' },
];

interface Kind {
  readonly people: number;
  readonly where: 'open' | 'closed';
  readonly consents?: false;
  readonly listed?: true;
  /** The address names a ZIP code of another state. */
  readonly misplaced?: true;
  readonly known?: true;
  /** Gets a text at once instead of a call. */
  readonly texted?: true;
  readonly second?: true;
}

/** Who is who, in the order in which they come in, mixed so that each screen fills at once. */
const KINDS: readonly Kind[] = [
  { people: 110, where: 'open' },
  { people: 28, where: 'closed' },
  { people: 14, where: 'open', consents: false },
  { people: 11, where: 'open', listed: true },
  { people: 7, where: 'open', misplaced: true },
  { people: KNOWN.length, where: 'open', known: true },
  { people: 6, where: 'open', texted: true },
  { people: 14, where: 'open', second: true },
];

const pick = <T>(items: readonly T[], at: number): T => items[at % items.length] as T;

/**
 * The people, to be brought in through the product's own doors. `open` and `closed`: cities of SAMPLE_PLACES where people may
 * be called at this hour, and where not; with one of them empty everybody lives in the other.
 */
export function samplePeople(sellerName: string, open: readonly string[], closed: readonly string[]) {
  const placesOf = (cities: readonly string[]) => PLACES.filter(({ city }) => cities.includes(city));
  const places = { open: placesOf(open), closed: placesOf(closed) };
  const taken = new Map<string, number>();

  const person = (kind: Kind, at: number, n: number) => {
    const here = places[kind.where].length > 0 ? places[kind.where] : [...places.open, ...places.closed];
    const place = pick(here, n);
    const digits = pick(MIX, n * 7 + at);
    const first = pick(FIRST, n);
    const last = pick(LAST, n * 5 + Math.floor(n / FIRST.length));
    const row = 20 + (taken.get(`${place.areaCode}${digits}`) ?? 0);
    taken.set(`${place.areaCode}${digits}`, row - 19);
    const elsewhere = PLACES.find(({ state }) => state !== place.state) ?? place;
    return {
      campaign: kind.second ? 1 : 0,
      lead: {
        source: kind.second ? SECOND_SOURCE : kind.texted ? TEXTED_SOURCE : SOURCE,
        externalId: `demo-${n + 1}`,
        contact: {
          firstName: first,
          lastName: last,
          email: `${first}.${last}.${n + 1}@example.com`.toLowerCase(),
          phone: `+1${place.areaCode}555${row}${digits}`,
          address: {
            city: place.city,
            state: place.state,
            zipCode: kind.misplaced ? elsewhere.zipCode : place.zipCode,
          },
        },
        propertyAddress: `${100 + n * 3} ${place.street}`,
        intent: {
          type: 'seller' as const,
          motivation: [pick(MOTIVES, n), ...(n % 3 === 0 ? [pick(MOTIVES, n + 2)] : [])],
          urgency: pick(['high', 'medium', 'low'] as const, n),
          timeframe: pick(FRAMES, n),
        },
        tags: ['demo'],
        // The others came by telephone and by letter.
        ...(n % 3 === 2 ? {} : { web: sampleVisit(n) }),
        ...(kind.consents === false ? {} : { consent: sampleConsent(sellerName) }),
      },
      ...(kind.listed ? { listed: 'asked not to be called in a letter' } : {}),
      ...(kind.known ? { known: pick(KNOWN, at) } : {}),
      ...(kind.texted ? { text: 'follow_up_day_3' } : {}),
    };
  };

  // One of each kind after the other, as long as there are some.
  const left = KINDS.map(({ people }) => people);
  const most = Math.max(...left);
  const people: ReturnType<typeof person>[] = [];
  for (let round = 0; round < most; round += 1)
    for (const [index, kind] of KINDS.entries()) {
      const due = Math.floor(((round + 1) * kind.people) / most) - Math.floor((round * kind.people) / most);
      for (let each = 0; each < due; each += 1) {
        people.push(person(kind, kind.people - (left[index] ?? 0), people.length));
        left[index] = (left[index] ?? 0) - 1;
      }
    }
  return people;
}
