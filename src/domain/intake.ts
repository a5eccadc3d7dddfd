/**
 * domain/intake: what lead sources send, as the fields of a lead. Where each name goes is data: the vendors' own tables
 * here, and what an endpoint adds to them. Names that nobody maps are kept with the lead as they came.
 *
 * Sources: Google, "Lead form webhook: implementation" (developers.google.com/google-ads/webhook/docs/implementation);
 * Real Geeks, "Outgoing Leads API" (developers.realgeeks.com/outgoing-leads-api); Zillow Rentals' lead delivery, a form with
 * the names listed here, and Zillow's JSON contact notification (mortgageapi.zillow.com/api/zillowLenderContactNotification).
 */
import { fingerprint } from './canonical.ts';
import type { Legacy, Stamped } from './documents.ts';
import { readVisit, type WebVisit } from './journey.ts';
import { keptName, type LeadField, proposeTargets, type Target } from './lead-fields.ts';

export const INTAKE_SOURCES = ['zillow', 'google_ads', 'realgeeks', 'web_form', 'generic'] as const;
export type IntakeSource = (typeof INTAKE_SOURCES)[number];

export const isIntakeSource = (text: string): text is IntakeSource =>
  (INTAKE_SOURCES as readonly string[]).includes(text);

/** Where what stands under a name goes; `words`: the source's words for ours, and any other word is kept as it came. */
export interface IntakeRule {
  /** A path into the body, its parts joined by dots: `sender.phone`, `answers.0.value`. */
  readonly from: string;
  readonly target: Target;
  readonly words?: Readonly<Record<string, string>>;
}

/** An address that a lead source posts to. Its secret is known to nobody but the source. */
export interface IntakeEndpoint extends Stamped {
  readonly source: IntakeSource;
  readonly name: string;
  /** Goes before the source's own table. */
  readonly mapping: readonly IntakeRule[];
  /** What stands in a field where the source says nothing, such as the disclosure of its form. */
  readonly defaults: readonly { readonly field: LeadField; readonly value: string }[];
  readonly campaignId?: string;
  readonly createdBy: string;
  readonly revokedAt?: Date;
  readonly revokedBy?: string;
}

const rules = (table: Readonly<Record<string, Target>>): IntakeRule[] =>
  Object.entries(table).map(([from, target]) => ({ from, target }));

const TABLES: Readonly<Record<IntakeSource, readonly IntakeRule[]>> = {
  google_ads: rules({
    lead_id: 'externalId',
    google_key: 'ignore',
    'user_column_data.FULL_NAME': 'fullName',
    'user_column_data.FIRST_NAME': 'firstName',
    'user_column_data.LAST_NAME': 'lastName',
    'user_column_data.EMAIL': 'email',
    'user_column_data.PHONE_NUMBER': 'phone',
    'user_column_data.WORK_PHONE': 'alternatePhone',
    'user_column_data.STREET_ADDRESS': 'street',
    'user_column_data.CITY': 'city',
    'user_column_data.REGION': 'state',
    'user_column_data.POSTAL_CODE': 'zipCode',
  }),
  realgeeks: [
    ...rules({
      id: 'externalId',
      first_name: 'firstName',
      last_name: 'lastName',
      email: 'email',
      phone: 'phone',
      address: 'street',
      city: 'city',
      state: 'state',
      zip: 'zipCode',
      notes: 'message',
      timeframe: 'timeframe',
      tags: 'tags',
    }),
    { from: 'role', target: 'intent', words: { buyer: 'buyer', seller: 'seller', investor: 'investor' } },
    { from: 'urgency', target: 'urgency', words: { hot: 'high', warm: 'medium', cold: 'low' } },
  ],
  zillow: rules({
    id: 'externalId',
    leadId: 'externalId',
    name: 'fullName',
    email: 'email',
    phone: 'phone',
    message: 'message',
    moveInTimeframe: 'timeframe',
    'sender.firstName': 'firstName',
    'sender.lastName': 'lastName',
    'sender.emailAddress': 'email',
    'sender.phoneNumber': 'phone',
    'details.message': 'message',
  }),
  web_form: [],
  generic: [],
};

/** The parts of the listed home's address in Zillow's form, in the order in which an address has them. */
const ZILLOW_HOME = ['listingStreet', 'listingUnit', 'listingCity'] as const;

const MOST_NAMES = 500;
const DEEPEST = 6;

/** Every name in a body with its text, nested ones joined by dots; or why it has none. */
function namesIn(body: unknown): ReadonlyMap<string, string> | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return 'the body must be an object with named values';
  const found = new Map<string, string>();
  const visit = (value: unknown, path: string, depth: number): boolean => {
    if (value === null || value === undefined) return true;
    if (typeof value !== 'object') {
      found.set(path, String(value));
      return found.size <= MOST_NAMES;
    }
    if (depth === DEEPEST) return false;
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) {
      found.set(path, value.join('; '));
      return found.size <= MOST_NAMES;
    }
    return Object.entries(value).every(([key, inner]) =>
      visit(inner, path === '' ? key : `${path}.${key}`, depth + 1),
    );
  };
  return visit(body, '', 0) ? found : `the body has more than ${MOST_NAMES} values, or is too deep`;
}

/** Google sends a list of answers, each with the id of its question. */
function withGoogleAnswers(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('user_column_data' in body)) return body;
  const { user_column_data: answers } = body;
  if (!Array.isArray(answers)) return body;
  const byColumn = Object.fromEntries(
    answers.flatMap((answer: unknown): [string, unknown][] => {
      if (typeof answer !== 'object' || answer === null) return [];
      const { column_id: id, column_name: name, string_value: value } = answer as Record<string, unknown>;
      const column = typeof id === 'string' ? id : name;
      return typeof column === 'string' ? [[column, value]] : [];
    }),
  );
  return { ...body, user_column_data: byColumn };
}

export interface IntakeFields {
  readonly values: ReadonlyMap<LeadField, string>;
  /** The visit to the source's own site that led to the lead. */
  readonly web?: WebVisit;
  readonly kept: Legacy;
  /** What of it was not understood, in plain words; it is among what is kept. */
  readonly says: readonly string[];
}

/** What those who build their own forms send along of the visit, under this name. */
const VISIT = 'web';
/** By these the visit is known again; the rest of it is no field of a lead. */
const VISIT_IDS = ['sessionId', 'visitorId'] as const;
const OWN_FORMS: readonly IntakeSource[] = ['web_form', 'generic'];

/** The visit, and the body without its pages. */
function withoutVisit(source: IntakeSource, body: unknown): { visit?: WebVisit | string; rest: unknown } {
  if (!OWN_FORMS.includes(source) || typeof body !== 'object' || body === null || !(VISIT in body))
    return { rest: body };
  const visit = readVisit(body[VISIT]);
  if (visit === undefined) return { rest: body };
  if (typeof visit === 'string') return { visit, rest: body };
  const ids = Object.fromEntries(VISIT_IDS.map((name) => [name, visit[name]]));
  return { visit, rest: { ...body, [VISIT]: ids } };
}

/**
 * What a source sent as the fields of a lead, or why it is none. A source that gives its leads no id gets one made of
 * everything it sent, so that the same lead sent twice is one.
 */
export function readIntake(
  endpoint: Pick<IntakeEndpoint, 'source' | 'mapping' | 'defaults'>,
  body: unknown,
): IntakeFields | string {
  const { source, mapping, defaults } = endpoint;
  const { visit, rest } = withoutVisit(source, body);
  const names = namesIn(source === 'google_ads' ? withGoogleAnswers(rest) : rest);
  if (typeof names === 'string') return names;
  const own = new Set(mapping.map(({ from }) => from));
  const table = [...mapping, ...TABLES[source].filter(({ from }) => !own.has(from))];
  const values = new Map<LeadField, string>();
  const used = new Set(
    typeof visit === 'object'
      ? VISIT_IDS.map((name) => `${VISIT}.${name}`).filter((name) => !own.has(name))
      : [],
  );
  for (const { from, target, words } of table) {
    const text = names.get(from);
    if (text === undefined || target === 'keep') continue;
    const word = text.trim().toLowerCase();
    const value = words ? (Object.hasOwn(words, word) ? words[word] : undefined) : text;
    if (target !== 'ignore' && (value === undefined || values.has(target))) continue;
    used.add(from);
    if (target !== 'ignore' && value !== undefined && value.trim() !== '') values.set(target, value);
  }
  // The intent of a visit is not that of the person: of a visit that cannot be read nothing is taken for a field.
  const isOpen = (name: string): boolean =>
    !used.has(name) && !own.has(name) && !(visit !== undefined && name.startsWith(`${VISIT}.`));
  const open = [...names.keys()].filter(isOpen);
  if (source === 'web_form' || source === 'generic')
    for (const [at, target] of proposeTargets(open.map(lastPart)).entries()) {
      const name = open[at] ?? '';
      if (target === 'keep' || target === 'ignore' || values.has(target)) continue;
      used.add(name);
      values.set(target, names.get(name) ?? '');
    }
  if (source === 'zillow' && !values.has('propertyAddress')) {
    const home = ZILLOW_HOME.flatMap((name) => names.get(name)?.trim() || []);
    const place = [names.get('listingState'), names.get('listingPostalCode')].filter(Boolean).join(' ');
    if (home.length > 0)
      values.set('propertyAddress', [...home, place].filter((part) => part !== '').join(', '));
  }
  for (const { field, value } of defaults) if (!values.has(field)) values.set(field, value);
  // Whose leads these are is the endpoint's to say.
  values.delete('source');
  if (!values.has('externalId'))
    values.set('externalId', fingerprint(Object.fromEntries(names)).slice(0, 32));
  const kept = Object.fromEntries(
    [...names].filter(([name]) => !used.has(name)).map(([name, text]) => [keptName(name), text]),
  );
  return {
    values,
    ...(typeof visit === 'object' ? { web: visit } : {}),
    kept,
    says: typeof visit === 'string' ? [`The visit was not taken: ${VISIT}.${visit}`] : [],
  };
}

const lastPart = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

/** Google marks the leads that it sends to try an address out. */
export const isTestLead = (source: IntakeSource, body: unknown): boolean =>
  source === 'google_ads' && (body as { readonly is_test?: unknown } | null)?.is_test === true;
