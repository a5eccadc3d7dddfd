/** dashboard/lead-sources/words: what sources and the fields of a lead are called, and what may stand in a field of few words. */
import { type IntakeSource, LeadField } from '../../contract/index.ts';
import { LEVELS, METHODS, PURPOSES } from '../lead/consent-words.ts';

export const SOURCE: Readonly<Record<IntakeSource, { readonly label: string; readonly says: string }>> = {
  zillow: { label: 'Zillow', says: 'Its names are known: nothing has to be said of them.' },
  google_ads: {
    label: 'Google Ads',
    says: 'The lead form of an ad. Its own questions are known; those you wrote stay with the lead.',
  },
  realgeeks: { label: 'Real Geeks', says: 'Its names are known: nothing has to be said of them.' },
  web_form: {
    label: 'Web form',
    says: 'A form of your own site. Common names such as “phone” and “first name” are known.',
  },
  generic: {
    label: 'Another program',
    says: 'Whatever can post JSON or a form. Common names such as “phone” and “first name” are known.',
  },
};

/** As the columns of a file are called. */
export const FIELD: Readonly<Record<LeadField, string>> = {
  firstName: 'First name',
  lastName: 'Last name',
  fullName: 'Full name',
  phone: 'Phone',
  alternatePhone: 'Other phone',
  email: 'E-mail',
  street: 'Street',
  city: 'City',
  state: 'State',
  zipCode: 'ZIP code',
  propertyAddress: 'Property address',
  source: 'Source',
  externalId: 'Id at the source',
  receivedAt: 'Received at',
  intent: 'Intent',
  message: 'Message',
  urgency: 'Urgency',
  timeframe: 'Time frame',
  motivation: 'Motivation (; between)',
  tags: 'Tags (; between)',
  consentAt: 'Consent: when',
  consentMethod: 'Consent: how',
  consentSource: 'Consent: where',
  consentText: 'Consent: text that was shown',
  consentSeller: 'Consent: given to',
  consentPurpose: 'Consent: marketing or informational',
  consentLevel: 'Consent: written or oral',
  consentExpiresAt: 'Consent: until',
  automatedCallsAllowed: 'Consent: automated calls',
  textMessagesAllowed: 'Consent: text messages',
  artificialVoiceDisclosed: 'Consent: artificial voice was named',
  conditionOfPurchaseDisclaimed: 'Consent: no condition of a purchase',
  checkboxPreTicked: 'Consent: box was ticked before',
  signature: 'Consent: signature',
  copyUrl: 'Consent: address of the copy',
  certificate: 'Consent: certificate',
  certificateType: 'Consent: kind of certificate',
  sessionId: 'Consent: recorded session',
  pageUrl: 'Consent: page',
  ipAddress: 'Consent: IP address',
  userAgent: 'Consent: browser',
};

/** All that a source may fill in: whose leads they are is known by where they come in. */
export const FIELDS = LeadField.options
  .filter((field) => field !== 'source')
  .map((value) => ({ value, label: FIELD[value] }));

type Words = readonly { readonly value: string; readonly label: string }[];
const YES_NO: Words = [
  { value: 'yes', label: 'Yes' },
  { value: 'no', label: 'No' },
];

/** Fields that take these words and no others; any other text would be refused when a lead comes. */
export const VALUES: Partial<Readonly<Record<LeadField, Words>>> = {
  intent: [
    { value: 'buyer', label: 'Buyer' },
    { value: 'seller', label: 'Seller' },
    { value: 'investor', label: 'Investor' },
  ],
  urgency: [
    { value: 'low', label: 'Low' },
    { value: 'medium', label: 'Medium' },
    { value: 'high', label: 'High' },
  ],
  consentMethod: METHODS.filter(({ value }) => value !== 'sandbox'),
  consentPurpose: PURPOSES,
  consentLevel: LEVELS,
  automatedCallsAllowed: YES_NO,
  textMessagesAllowed: YES_NO,
  artificialVoiceDisclosed: YES_NO,
  conditionOfPurchaseDisclaimed: YES_NO,
  checkboxPreTicked: YES_NO,
};
