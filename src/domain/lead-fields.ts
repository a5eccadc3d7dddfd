/**
 * domain/lead-fields: the words in which others hand us a lead, and a lead read from them. Whoever brings leads (a file, a
 * vendor's hook) says which of its names is which of these fields; values are text as people and programs write it.
 *
 * A lead whose evidence of consent is incomplete is a lead all the same: it is kept with what came, and nobody may call it.
 */
import { sha256Hex } from './canonical.ts';
import { yearsAfter } from './compliance/consent.ts';
import { type ConsentBody, evidenceGaps } from './compliance/consent-log.ts';
import type { ConsentLog, Lead, Legacy } from './documents.ts';

/** What each field is called for people, and what others call it, in letters and digits only. */
export const LEAD_FIELDS = {
  firstName: { label: 'First name', names: 'firstname first fname givenname forename' },
  lastName: { label: 'Last name', names: 'lastname last lname surname familyname' },
  fullName: { label: 'Full name', names: 'fullname name contactname ownername owner leadname' },
  phone: {
    label: 'Phone',
    names:
      'phone phonenumber phone1 primaryphone telephone tel mobile mobilephone cell cellphone contactphone number',
  },
  alternatePhone: {
    label: 'Other phone',
    names: 'alternatephone altphone phone2 secondaryphone otherphone homephone workphone landline',
  },
  email: { label: 'E-mail', names: 'email emailaddress email1 mail contactemail useremail' },
  street: {
    label: 'Street',
    names: 'street streetaddress address address1 addressline1 mailingaddress mailingstreet',
  },
  city: { label: 'City', names: 'city town mailingcity' },
  state: { label: 'State', names: 'state region province st mailingstate' },
  zipCode: { label: 'ZIP code', names: 'zip zipcode postalcode postcode mailingzip' },
  propertyAddress: {
    label: 'Property address',
    names: 'propertyaddress property propertyfulladdress siteaddress subjectaddress',
  },
  source: { label: 'Source', names: 'source leadsource' },
  externalId: { label: 'Id at the source', names: 'externalid leadid id recordid sourceid' },
  receivedAt: {
    label: 'Received at',
    names: 'receivedat received created createdat createddate dateadded leaddate submittedat',
  },
  intent: { label: 'Intent', names: 'intent intenttype leadtype' },
  message: { label: 'Message', names: 'message notes note comments comment description' },
  urgency: { label: 'Urgency', names: 'urgency priority' },
  timeframe: { label: 'Time frame', names: 'timeframe timeline' },
  motivation: { label: 'Motivation (; between)', names: 'motivation reason motivations reasonforselling' },
  tags: { label: 'Tags (; between)', names: 'tags tag labels' },
  consentAt: {
    label: 'Consent: when',
    names: 'consentat consentdate consenttime consenttimestamp optindate optinat',
  },
  consentMethod: { label: 'Consent: how', names: 'consentmethod optinmethod' },
  consentSource: { label: 'Consent: where', names: 'consentsource optinsource' },
  consentText: {
    label: 'Consent: text that was shown',
    names: 'consenttext consentlanguage disclosure optintext tcpatext',
  },
  consentSeller: { label: 'Consent: given to', names: 'consentseller seller' },
  consentPurpose: { label: 'Consent: marketing or informational', names: 'consentpurpose' },
  consentLevel: { label: 'Consent: written or oral', names: 'consentlevel' },
  consentExpiresAt: { label: 'Consent: until', names: 'consentexpiresat consentexpires consentuntil' },
  automatedCallsAllowed: {
    label: 'Consent: automated calls',
    names: 'automatedcallsallowed automatedcalls callconsent',
  },
  textMessagesAllowed: {
    label: 'Consent: text messages',
    names: 'textmessagesallowed textmessages smsconsent',
  },
  artificialVoiceDisclosed: {
    label: 'Consent: artificial voice was named',
    names: 'artificialvoicedisclosed artificialvoice aivoicedisclosed',
  },
  conditionOfPurchaseDisclaimed: {
    label: 'Consent: no condition of a purchase',
    names: 'conditionofpurchasedisclaimed',
  },
  checkboxPreTicked: { label: 'Consent: box was ticked before', names: 'checkboxpreticked' },
  signature: { label: 'Consent: signature', names: 'signature' },
  copyUrl: { label: 'Consent: address of the copy', names: 'copyurl consentcopyurl' },
  certificate: {
    label: 'Consent: certificate',
    names:
      'certificate certificateurl trustedform trustedformcerturl xxtrustedformcerturl jornaya leadidtoken',
  },
  certificateType: { label: 'Consent: kind of certificate', names: 'certificatetype' },
  sessionId: { label: 'Consent: recorded session', names: 'sessionid' },
  pageUrl: {
    label: 'Consent: page',
    names: 'pageurl landingpage landingpageurl consentpageurl optinpage optinurl',
  },
  ipAddress: { label: 'Consent: IP address', names: 'ipaddress ip consentip' },
  userAgent: { label: 'Consent: browser', names: 'useragent browser' },
} as const satisfies Record<string, { readonly label: string; readonly names: string }>;

export type LeadField = keyof typeof LEAD_FIELDS;
export const LEAD_FIELD_NAMES = Object.keys(LEAD_FIELDS) as readonly LeadField[];

const isConsentField = (field: LeadField): boolean => LEAD_FIELDS[field].label.startsWith('Consent');

const KNOWN: ReadonlyMap<string, LeadField> = new Map(
  LEAD_FIELD_NAMES.flatMap((field) => LEAD_FIELDS[field].names.split(' ').map((name) => [name, field])),
);

/** What becomes of a name: a field, kept with the lead under its own name, or left out. */
export type Target = LeadField | 'keep' | 'ignore';

/** The field each of these names is probably meant to be, no field twice; what nobody knows is kept as it is. */
export function proposeTargets(names: readonly string[]): Target[] {
  const taken = new Set<LeadField>();
  return names.map((name) => {
    const field = KNOWN.get(name.toLowerCase().replace(/[^a-z0-9]/g, ''));
    if (field === undefined || taken.has(field)) return 'keep';
    taken.add(field);
    return field;
  });
}

/** A lead as others brought it, before it is one of ours. */
export interface BroughtLead {
  readonly source?: string;
  readonly externalId?: string;
  readonly receivedAt?: Date;
  readonly contact: Lead['contact'];
  readonly propertyAddress?: string;
  readonly intent?: NonNullable<Lead['intent']>;
  readonly tags: readonly string[];
  readonly web?: NonNullable<Lead['web']>;
  readonly legacy?: Legacy;
}

export interface BroughtConsent {
  readonly method: string;
  readonly source: string;
  readonly consentText: string;
  readonly automatedCallsAllowed: boolean;
  readonly textMessagesAllowed: boolean;
  readonly at: Date;
  readonly expiresAt?: Date;
  readonly evidence: NonNullable<ConsentLog['evidence']>;
  readonly ipAddress?: string;
  readonly userAgent?: string;
}

export interface Brought {
  readonly lead: BroughtLead;
  /** `incomplete`: something about consent came, and what it lacks as evidence is named. */
  readonly consent:
    | { readonly kind: 'none' }
    | { readonly kind: 'complete'; readonly given: BroughtConsent }
    | { readonly kind: 'incomplete'; readonly lacks: readonly string[] };
}

/** What is wrong, field by field, in plain words and without the value. */
export type Problems = readonly { readonly field: LeadField | 'row'; readonly says: string }[];

export interface ReadingContext {
  readonly nowMs: number;
  /** Who we call for: consent that names nobody was given to them. */
  readonly sellerName: string;
}

/** Other people's clocks are a little ahead of ours. */
const CLOCK_SLACK_MS = 60_000;

const NUL = '\0';
const NOT_UTF8 = '\ufffd';
/** Text that a spreadsheet runs instead of showing it; `="00123"` only keeps the zeros of a number. */
const QUOTED_TEXT = /^="([^"]*)"$/;
const FORMULA = /^[=@]|^[+-].*[(|!]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f]/;
const LONG_TEXT: ReadonlySet<LeadField> = new Set(['message', 'consentText']);
const PHONES: ReadonlySet<LeadField> = new Set(['phone', 'alternatePhone']);

/** The text of one value as it is kept; throws a sentence. */
function clean(field: LeadField, raw: string): string {
  if (raw.includes(NUL)) throw 'holds a NUL byte: this is no text';
  if (raw.includes(NOT_UTF8)) throw 'holds characters that are not UTF-8; save the file as UTF-8';
  const text = (QUOTED_TEXT.exec(raw.trim())?.[1] ?? raw).trim();
  if (CONTROL.test(text)) throw 'holds control characters';
  // A disclosure begins with any word at all, and its hash is of the words as they were shown.
  if (field === 'consentText') return text;
  if (!PHONES.has(field) && FORMULA.test(text)) throw 'holds a formula; send values, not formulas';
  return LONG_TEXT.has(field) ? text : text.replace(/\s+/g, ' ');
}

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const US_DAY = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/;
const INSTANT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/;

/** An instant with its zone, or a day, which begins at midnight UTC; undefined for anything else. */
export function readWhen(text: string): Date | undefined {
  const us = US_DAY.exec(text);
  const day = us ? [us[3], us[1], us[2]] : DAY.exec(text)?.slice(1);
  if (day) {
    const [year, month, date] = day.map(Number) as [number, number, number];
    const at = new Date(Date.UTC(year, month - 1, date));
    return at.getUTCMonth() === month - 1 && at.getUTCDate() === date ? at : undefined;
  }
  if (!INSTANT.test(text)) return undefined;
  const at = new Date(text.replace(' ', 'T'));
  return Number.isNaN(at.getTime()) ? undefined : at;
}

const YES = new Set(['yes', 'y', 'true', 't', '1', 'x', 'on']);
const NO = new Set(['no', 'n', 'false', 'f', '0', 'off']);

const listOf = (text: string | undefined): string[] =>
  (text ?? '')
    .split(/[;|]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

function namesOf(text: string): { firstName: string; lastName: string } {
  const [last = '', first] = text.includes(',') ? text.split(',', 2) : [];
  if (first !== undefined) return { firstName: first.trim(), lastName: last.trim() };
  const at = text.lastIndexOf(' ');
  return at === -1
    ? { firstName: text, lastName: '' }
    : { firstName: text.slice(0, at), lastName: text.slice(at + 1) };
}

/** Undefined members left out. */
type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> };
const given = <T extends object>(values: T): Partial<Given<T>> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Given<T>>;

/**
 * Reads a lead from its fields. `kept`: what came beside them, which stays with the lead under its own names. Numbers and
 * addresses are judged where every lead is (`newLead`); what is wrong here is told field by field.
 */
export function readLead(
  values: ReadonlyMap<LeadField, string>,
  kept: Legacy,
  { nowMs, sellerName }: ReadingContext,
): Brought | Problems {
  const problems: { field: LeadField; says: string }[] = [];
  const texts = new Map<LeadField, string>();
  for (const [field, raw] of values) {
    try {
      const text = clean(field, raw);
      if (text !== '') texts.set(field, text);
    } catch (says) {
      problems.push({ field, says: String(says) });
    }
  }
  const text = (field: LeadField): string | undefined => texts.get(field);
  const when = (field: LeadField): Date | undefined => {
    const written = text(field);
    const at = written === undefined ? undefined : readWhen(written);
    if (written !== undefined && at === undefined)
      problems.push({
        field,
        says: 'is no time such as 2026-11-20T17:00:00Z (with its zone) and no day such as 2026-11-20',
      });
    return at;
  };
  const truth = (field: LeadField): boolean | undefined => {
    const written = text(field)?.toLowerCase();
    if (written === undefined) return undefined;
    if (YES.has(written)) return true;
    if (!NO.has(written)) problems.push({ field, says: 'is neither yes nor no' });
    return false;
  };
  const oneOf = <T extends string>(field: LeadField, words: readonly T[]): T | undefined => {
    const written = text(field)?.toLowerCase();
    if (written === undefined) return undefined;
    const found = words.find((word) => word === written);
    if (found === undefined) problems.push({ field, says: `is none of ${words.join(', ')}` });
    return found;
  };

  const { firstName, lastName } = namesOf(text('fullName') ?? '');
  const phone = text('phone') ?? '';
  if (phone === '' && !problems.some(({ field }) => field === 'phone'))
    problems.push({ field: 'phone', says: 'is missing' });
  const address = given({
    street: text('street'),
    city: text('city'),
    state: text('state'),
    zipCode: text('zipCode'),
  });
  const motivation = listOf(text('motivation'));
  const intent = given({
    type: oneOf('intent', ['buyer', 'seller', 'investor'] as const),
    message: text('message'),
    urgency: oneOf('urgency', ['low', 'medium', 'high'] as const),
    timeframe: text('timeframe'),
    motivation: motivation.length === 0 ? undefined : motivation,
  });
  const receivedAt = when('receivedAt');
  if (receivedAt && receivedAt.getTime() > nowMs + CLOCK_SLACK_MS)
    problems.push({ field: 'receivedAt', says: 'lies in the future' });

  const brought: BroughtLead = {
    ...given({
      source: text('source'),
      externalId: text('externalId'),
      receivedAt,
      propertyAddress: text('propertyAddress'),
    }),
    contact: {
      firstName: text('firstName') ?? firstName,
      lastName: text('lastName') ?? lastName,
      phone,
      ...given({ email: text('email'), alternatePhone: text('alternatePhone') }),
      ...(Object.keys(address).length === 0 ? {} : { address }),
    },
    ...(Object.keys(intent).length === 0 ? {} : { intent }),
    tags: listOf(text('tags')),
    ...(Object.keys(kept).length === 0 ? {} : { legacy: kept }),
  };

  const about = [...texts.keys()].filter(isConsentField);
  if (about.length === 0)
    return problems.length > 0 ? problems : { lead: brought, consent: { kind: 'none' } };

  const at = when('consentAt');
  const expiresAt = when('consentExpiresAt');
  const consentText = text('consentText');
  const automatedCallsAllowed = truth('automatedCallsAllowed');
  const evidence: NonNullable<ConsentLog['evidence']> = {
    ...given({
      purpose: oneOf('consentPurpose', ['marketing', 'informational'] as const),
      level: oneOf('consentLevel', ['written', 'oral'] as const),
      artificialVoiceDisclosed: truth('artificialVoiceDisclosed'),
      conditionOfPurchaseDisclaimed: truth('conditionOfPurchaseDisclaimed'),
      checkboxPreTicked: truth('checkboxPreTicked'),
      signature: text('signature'),
      copyUrl: text('copyUrl'),
      certificate: text('certificate'),
      certificateType: text('certificateType'),
      sessionId: text('sessionId'),
      pageUrl: text('pageUrl'),
    }),
    seller: text('consentSeller') ?? sellerName,
    ...(consentText === undefined ? {} : { textHash: sha256Hex(consentText) }),
  };
  const consent: BroughtConsent = {
    method: text('consentMethod') ?? '',
    source: text('consentSource') ?? '',
    consentText: consentText ?? '',
    automatedCallsAllowed: automatedCallsAllowed ?? false,
    textMessagesAllowed: truth('textMessagesAllowed') ?? false,
    at: at ?? new Date(nowMs),
    evidence,
    ...given({ expiresAt, ipAddress: text('ipAddress'), userAgent: text('userAgent') }),
  };
  if (problems.length > 0) return problems;
  const lacks = [
    ...(at === undefined ? ['when it was given'] : []),
    ...(at !== undefined && at.getTime() > nowMs + CLOCK_SLACK_MS
      ? ['a time that is not in the future']
      : []),
    ...(at !== undefined && (expiresAt ?? yearsAfter(at, 1)) <= at ? ['an end after its beginning'] : []),
    ...(automatedCallsAllowed === undefined ? ['whether automated calls are allowed'] : []),
    ...evidenceGaps(asEntry(consent)),
  ];
  if (lacks.length === 0) return { lead: brought, consent: { kind: 'complete', given: consent } };
  // What came of it is kept beside the lead, so that somebody can ask the source for the rest.
  const evidenceKept = Object.fromEntries(about.map((field) => [field, text(field)]));
  return {
    lead: { ...brought, legacy: { ...kept, incompleteConsent: evidenceKept } },
    consent: { kind: 'incomplete', lacks },
  };
}

export const isProblems = (read: Brought | Problems): read is Problems => Array.isArray(read);

function asEntry({ method, source, consentText, evidence, ...rest }: BroughtConsent): ConsentBody {
  const { automatedCallsAllowed, textMessagesAllowed, at, ipAddress, userAgent } = rest;
  return {
    _id: '',
    phone: '',
    eventType: 'consent_granted',
    consentDetails: {
      method,
      source,
      ...(consentText === '' ? {} : { consentText }),
      automatedCallsAllowed,
      textMessagesAllowed,
    },
    evidence,
    ...given({ ipAddress, userAgent }),
    timestamp: at,
    recordedBy: '',
    createdAt: at,
  };
}

/** A name under which something is kept: no dots and dollars, which mean something else in MongoDB. */
export const keptName = (name: string): string =>
  name
    .replaceAll('.', '_')
    .replace(/^(?:\$|__proto__$)/, '_')
    .slice(0, 200) || '_';

/** The fields of `failure.details.fields` of `newLead` as fields here. */
export function fieldOfPath(path: string): LeadField | 'row' {
  const name = path.replace(/^(?:contact\.(?:address\.)?|intent\.)/, '').replace(/\..*$/, '');
  if (path === 'intent.type') return 'intent';
  return LEAD_FIELD_NAMES.find((field) => field === name) ?? 'row';
}

/** The same consent told again is no new event. */
export const sameGrant = (entry: ConsentLog, consent: BroughtConsent): boolean =>
  entry.eventType === 'consent_granted' &&
  entry.timestamp.getTime() === consent.at.getTime() &&
  entry.consentDetails?.method === consent.method &&
  entry.consentDetails.source === consent.source &&
  entry.consentDetails.automatedCallsAllowed === consent.automatedCallsAllowed &&
  entry.consentDetails.textMessagesAllowed === consent.textMessagesAllowed &&
  entry.evidence?.textHash === consent.evidence.textHash &&
  entry.evidence?.seller === consent.evidence.seller;
