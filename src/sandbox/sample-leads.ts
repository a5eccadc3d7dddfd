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
        consent: sampleConsent(sellerName),
      })),
  }));
}
