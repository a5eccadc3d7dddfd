/**
 * sandbox/sample-leads: made-up people to call, one for each scripted caller, in several places so that somewhere it is
 * day. The last two digits of a number choose who answers (callers.ts); exchange 555 outside 0100–0199 belongs to nobody.
 */
import { BY_LAST_DIGITS, callerNamed } from './callers.ts';

export const PLACES = [
  { areaCode: '212', state: 'NY', zipCode: '10001', city: 'New York', street: 'W 30th St' },
  { areaCode: '303', state: 'CO', zipCode: '80202', city: 'Denver', street: 'Larimer St' },
  { areaCode: '602', state: 'AZ', zipCode: '85001', city: 'Phoenix', street: 'N Central Ave' },
  { areaCode: '808', state: 'HI', zipCode: '96813', city: 'Honolulu', street: 'Bishop St' },
  { areaCode: '671', state: 'GU', zipCode: '96910', city: 'Hagåtña', street: 'Marine Corps Dr' },
  { areaCode: '787', state: 'PR', zipCode: '00901', city: 'San Juan', street: 'Calle Fortaleza' },
] as const;

const FIRST_NAMES = [
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
  'Kevin',
  'Angela',
  'Brian',
  'Rachel',
];

const consentText = (seller: string): string =>
  `By ticking this box I agree to receive marketing calls and texts, including AI-generated and artificial or prerecorded voice, from ${seller} at the number I gave. Consent is not a condition of any purchase.`;

/** Written consent with all its evidence, as a page that asks rightly sends it along. */
export const sampleConsent = (sellerName: string) => ({
  method: 'web_form',
  source: 'sandbox sample form',
  consentText: consentText(sellerName),
  automatedCallsAllowed: true,
  textMessagesAllowed: true,
  evidence: {
    seller: sellerName,
    purpose: 'marketing' as const,
    level: 'written' as const,
    artificialVoiceDisclosed: true,
    conditionOfPurchaseDisclaimed: true,
    checkboxPreTicked: false,
    signature: 'click',
    textVersion: 'sandbox-1',
    pageUrl: 'https://sandbox.invalid/sell',
  },
  ipAddress: '192.0.2.10',
  userAgent: 'sandbox',
});

const SITE = 'https://sandbox.invalid';
/** Pages of a made-up site, each with how long it is looked at, seconds. */
const SITE_PAGES = [
  ['/', 'We buy houses as they are', 35],
  ['/how-it-works', 'How it works', 80],
  ['/inherited', 'Selling an inherited house', 150],
  ['/costs', 'What it costs you', 45],
  ['/repairs', 'A house that needs repairs', 110],
  ['/sold', 'People who sold to us', 60],
] as const;

/** What the `n`th person looked at before they left their number on the site, an hour ago. */
export function sampleVisit(n: number) {
  const pages = SITE_PAGES.filter((_, at) => at === 0 || (n + at) % 3 !== 0);
  const journey: { url: string; title: string; timestamp: Date; duration?: number }[] = [];
  let atMs = Date.now() - 3_600_000;
  for (const [path, title, duration] of pages) {
    journey.push({ url: SITE + path, title, timestamp: new Date(atMs), duration });
    atMs += duration * 1_000;
  }
  journey.push({ url: `${SITE}/sell`, title: 'Tell us about your house', timestamp: new Date(atMs) });
  const scoreBreakdown = {
    timeOnSite: 55 + (n % 4) * 10,
    pageDepth: 50 + (n % 5) * 9,
    engagement: 45 + (n % 6) * 8,
    intent: 60 + (n % 3) * 15,
  };
  const sum = Object.values(scoreBreakdown).reduce((all, points) => all + points, 0);
  return {
    sessionId: `sandbox-session-${n + 1}`,
    visitorId: `sandbox-visitor-${n + 1}`,
    score: Math.round(sum / 4),
    scoreBreakdown,
    journey,
  };
}

/** The campaign the sample leads belong to. Transfers go to the sandbox's colleague. */
export const SAMPLE_CAMPAIGN = {
  name: 'Sandbox: motivated sellers',
  description: 'Made-up leads, one for each scripted caller. No real phone rings.',
  type: 'wholesale',
  calling: {
    machinePolicy: 'leave_message',
    voicemailText: 'We would like to hear whether you still think of selling.',
    transferNumber: '+12125550316',
  },
} as const;

/** Region by region, the leads to create through the product's own door; consent with full evidence. */
export function sampleLeads(campaignId: string, sellerName = 'Parley') {
  return PLACES.map((place) => ({
    place: place.city,
    leads: Object.entries(BY_LAST_DIGITS)
      .filter(([, name]) => name !== 'colleague')
      .map(([digits, name], index) => ({
        source: 'sandbox',
        externalId: `${name}-${place.areaCode}`,
        contact: {
          firstName: FIRST_NAMES[index % FIRST_NAMES.length] ?? 'Alex',
          lastName: `(${callerNamed(name)?.title ?? name})`,
          phone: `+1${place.areaCode}55502${digits}`,
          address: { city: place.city, state: place.state, zipCode: place.zipCode },
        },
        propertyAddress: `${100 + index * 7} ${place.street}`,
        intent: { type: 'seller' as const, message: callerNamed(name)?.summary ?? '' },
        campaignId,
        tags: ['sandbox', name],
        web: sampleVisit(index),
        consent: sampleConsent(sellerName),
      })),
  }));
}
