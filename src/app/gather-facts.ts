/**
 * app/gather-facts: everything the gate wants to know of one call, read from the store at that moment. Consent, the
 * do-not-call lists and attempts come from their own collections, never from the projections kept on the lead.
 */
import type { Call } from '../domain/call.ts';
import { consentFacts } from '../domain/compliance/consent-log.ts';
import type { FactsInput } from '../domain/compliance/facts.ts';
import type {
  Attempt,
  CallingPolicy,
  Campaign,
  ConsentLog,
  DncEntry,
  Lead,
  ReassignedCheck,
  SystemConfig,
} from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import type { Message } from '../domain/message.ts';
import { type E164, parsePhone } from '../domain/phone.ts';
import { HOUSE_CALLING } from './campaigns.ts';
import { isKilled, POLICY_KEYS, readPolicy } from './compliance-policy.ts';
import { personOf } from './person.ts';
import type { ListCopy, NumberLists, Store, Timekeeping } from './ports.ts';

export interface FactsQuery {
  readonly leadId?: string;
  /** With a lead: one of its numbers, to dial instead of the first. Alone: any number. */
  readonly phone?: string;
  readonly campaignId?: string;
  /** Absent: voice. */
  readonly channel?: 'voice' | 'text';
  /** The attempt, or the message, that the asker has reserved for this very call or text; it does not count against the caps. */
  readonly exceptAttemptId?: string;
}

export interface Gathered {
  readonly facts: FactsInput;
  /** The number that would be dialled; undefined when it cannot be read, which the gate denies. */
  readonly to: E164 | undefined;
  readonly lead?: Lead;
  readonly campaign?: Campaign;
  /** The campaign's way of calling, or the house's. */
  readonly calling: CallingPolicy;
  /** Every imported list, as it was when the number was looked up. */
  readonly listCopies: readonly ListCopy[];
}

const EVERY_DAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** Longer than any window of the rules, and long enough to see a person who never answers. */
export const HISTORY_MS = 366 * 86_400_000;
export const MOST_ATTEMPTS = 2_000;
export const MOST_CONSENT_EVENTS = 2_000;

export interface GatherDeps {
  readonly store: Store;
  readonly sellerName: string;
  readonly timekeeping: Timekeeping;
}

/** Reads the facts of a call that would be made at `atMs`. */
export type GatherFacts = (query: FactsQuery, atMs: number) => Promise<Gathered>;

/**
 * What it answers throws Failure `lead_not_found`, `campaign_not_found`, `invalid_request` (no number, or none of the lead's),
 * and whatever the store throws: an answer that cannot be read is no answer.
 */
export const createGatherFacts =
  (deps: GatherDeps): GatherFacts =>
  (query, atMs) =>
    gather(deps, query, atMs);

async function gather(
  { store, sellerName, timekeeping }: GatherDeps,
  { leadId, phone, campaignId, channel = 'voice', exceptAttemptId }: FactsQuery,
  atMs: number,
): Promise<Gathered> {
  // What is on its way to the store may be an opt-out.
  if (store.outage && store.outage.state !== 'up')
    throw new Failure('store_unavailable', 'the database does not have everything yet');
  const { lead, to, written } = await calledParty(store, leadId, phone);
  const dialled = to ?? written;
  const campaign = campaignId === undefined ? undefined : await store.collection('campaigns').get(campaignId);
  if (campaignId !== undefined && !campaign)
    throw new Failure('campaign_not_found', 'there is no such campaign', { details: { campaignId } });

  const known = lead ? [dialled, ...numbersOf(lead)] : [dialled];
  const person = await personOf(store, known);
  if (!person.complete) throw new Failure('internal', 'too many leads share this number to know whose it is');
  const everyNumber = { $in: person.numbers };
  const since = new Date(atMs - HISTORY_MS);
  const [consent, dnc, imported, [checked], attempts, texts, config] = await Promise.all([
    store.collection('consent_logs').find({
      filter: { phone: everyNumber },
      sort: { timestamp: -1 },
      limit: MOST_CONSENT_EVENTS + 1,
    }),
    store.collection('dnc_registry').find({ filter: { phone: everyNumber } }),
    lookUp(store.lists, dialled),
    store.collection('reassigned_checks').find({ filter: { phone: dialled }, limit: 1 }),
    store.collection('attempts').find({
      filter: {
        phone: everyNumber,
        direction: 'outbound',
        state: { $ne: 'denied' },
        reservedAt: { $gt: since },
      },
      sort: { reservedAt: -1 },
      limit: MOST_ATTEMPTS,
    }),
    store.collection('messages').find({
      filter: { to: everyNumber, ...COUNTED_TEXTS, createdAt: { $gt: since } },
      sort: { createdAt: -1 },
      limit: MOST_ATTEMPTS,
    }),
    store.collection('system_config').find({
      filter: { key: { $in: Object.values(POLICY_KEYS) } },
    }),
  ]);
  if (consent.length > MOST_CONSENT_EVENTS)
    throw new Failure('internal', 'this person has more consent events than can be judged');

  const counted = attempts.filter((attempt) => attempt._id !== exceptAttemptId);
  const facts = factsFrom(
    {
      channel,
      dialled,
      numbers: person.numbers,
      lead,
      campaign,
      consent,
      dnc,
      imported,
      checked,
      attempts: counted,
      texts: texts.filter((text) => text._id !== exceptAttemptId),
      outcomes: await outcomesOf(store, counted),
      settings: settingsOf(config),
    },
    { sellerName, timekeeping },
  );
  return {
    facts,
    to,
    calling: campaign?.calling ?? HOUSE_CALLING,
    listCopies: imported.copies,
    ...(lead ? { lead } : {}),
    ...(campaign ? { campaign } : {}),
  };
}

/** Texts that count against the caps, as a filter: one that was denied went to nobody. */
export const COUNTED_TEXTS = { channel: 'sms', direction: 'outbound', status: { $ne: 'denied' } } as const;

/** What was read of one called party. */
export interface Readings {
  /** What the facts are to be of; absent: a call. */
  readonly channel?: 'voice' | 'text';
  /** E.164 where it can be read, else as it is written. */
  readonly dialled: string;
  /** Every number of the person. */
  readonly numbers: readonly string[];
  readonly lead: Lead | undefined;
  readonly campaign: Campaign | undefined;
  /** Of all their numbers. */
  readonly consent: readonly ConsentLog[];
  readonly dnc: readonly DncEntry[];
  /** Of the dialled number. */
  readonly imported: LookedUp;
  readonly checked: ReassignedCheck | undefined;
  /** Tries that count, and what came of them by call. */
  readonly attempts: readonly Attempt[];
  readonly outcomes: ReadonlyMap<string, string>;
  /** Texts of ours that count. */
  readonly texts: readonly Message[];
  readonly settings: ReadonlyMap<string, unknown>;
}

/** The facts out of what was read: the only place that says what the gate is told of it. Throws Failure `config_invalid`. */
export function factsFrom(
  { channel = 'voice', dialled, numbers, lead, campaign, settings, ...read }: Readings,
  { sellerName, timekeeping }: Pick<GatherDeps, 'sellerName' | 'timekeeping'>,
): FactsInput {
  const policy = readPolicy(settings.get(POLICY_KEYS.policy));
  const calling = campaign?.calling ?? HOUSE_CALLING;
  const address = lead?.contact.address;
  return {
    lead: {
      phone: dialled,
      altPhones: numbers.filter((number) => number !== dialled),
      lineType: 'unknown',
      state: address?.state ?? null,
      zip: address?.zipCode ?? null,
      consent: consentFacts(read.consent),
      ebrLastTransactionAt: null,
    },
    call: { channel, purpose: calling.purpose, voice: 'ai', seller: sellerName, subject: calling.subject },
    dnc: listsOf(read.dnc, dialled, read.imported, read.checked),
    environment: {
      emergencyStates: policy.emergencyStates,
      killSwitch: isKilled(settings.get(POLICY_KEYS.killSwitch)),
      tzdata: timekeeping.tzdata,
      clockSkewMs: timekeeping.clockSkewMs(),
    },
    campaign: {
      status: campaign === undefined || campaign.status === 'active' ? 'running' : campaign.status,
      hours: calling.hours
        ? { ...calling.hours, days: [...calling.hours.days] }
        : { start: '08:00', end: '21:00', days: [...EVERY_DAY] },
      maxPer24h: policy.maxPer24h,
      minGapMinutes: policy.minGapMinutes,
      maxPerDay: policy.maxPerDay,
      maxPer7Days: policy.maxPer7Days,
      maxPer30Days: policy.maxPer30Days,
      stopAfterUnanswered: policy.stopAfterUnanswered,
      dncConsentOverride: policy.dncConsentOverride,
      allowExemptCalls: policy.allowExemptCalls,
      blockedStates: policy.blockedStates,
    },
    history: {
      attempts: [
        ...read.attempts.map((attempt) => ({
          at: attempt.reservedAt,
          phone: attempt.phone,
          subject: attempt.subject,
          outcome: read.outcomes.get(attempt.callId) ?? 'unknown',
        })),
        // Whatever a text was about counts as the subject of this call.
        ...read.texts.map((text) => ({
          at: text.sentAt ?? text.createdAt,
          phone: text.to,
          subject: calling.subject,
          outcome: 'text',
        })),
      ],
    },
    policy: {
      requireNationalRegistry: policy.requireNationalRegistry,
      requireStateLists: policy.requireStateLists,
      requireReassignedCheck: policy.requireReassignedCheck,
    },
  };
}

export const settingsOf = (config: readonly SystemConfig[]): ReadonlyMap<string, unknown> =>
  new Map(config.map(({ key, value }) => [key, value]));

export const numbersOf = ({ contact }: Lead): string[] =>
  contact.alternatePhone === undefined ? [contact.phone] : [contact.phone, contact.alternatePhone];

async function calledParty(
  store: Store,
  leadId: string | undefined,
  phone: string | undefined,
): Promise<{ lead: Lead | undefined; to: E164 | undefined; written: string }> {
  const leads = store.collection('leads');
  const asked = phone === undefined ? undefined : parsePhone(phone);
  if (leadId !== undefined) {
    const lead = await leads.get(leadId);
    if (!lead) throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId } });
    if (phone !== undefined && !(asked !== undefined && numbersOf(lead).includes(asked)))
      throw new Failure('invalid_request', 'this number is not one of the lead', {
        details: { fields: { phone: 'not a number of this lead' } },
      });
    return { lead, to: asked ?? parsePhone(lead.contact.phone), written: lead.contact.phone };
  }
  if (phone === undefined)
    throw new Failure('invalid_request', 'a call needs a lead or a phone number', {
      details: { fields: { leadId: 'leadId or phone is required' } },
    });
  if (asked === undefined) return { lead: undefined, to: undefined, written: phone.slice(0, 64) };
  // Several leads may carry the number; the newest one has the address most likely to be true.
  const [lead] = await leads.find({
    filter: { $or: [{ 'contact.phone': asked }, { 'contact.alternatePhone': asked }] },
    sort: { receivedAt: -1 },
    limit: 1,
  });
  return { lead, to: asked, written: phone };
}

export async function outcomesOf(
  store: Store,
  attempts: readonly Attempt[],
): Promise<ReadonlyMap<string, string>> {
  if (attempts.length === 0) return new Map();
  const calls = await store.collection('calls').find({
    filter: { _id: { $in: attempts.map((attempt) => attempt.callId) } },
  });
  return new Map(calls.map((call) => [call._id, outcomeOf(call)]));
}

/** A phone that nobody answered tells so by its status; that nobody talked is true of an answered one too. */
const outcomeOf = ({ outcome, status }: Call): string =>
  outcome === undefined || (outcome === 'no_conversation' && status !== 'completed') ? status : outcome;

export type LookedUp = Awaited<ReturnType<NumberLists['lookUp']>>;

/** Imported lists name numbers of the North American plan only; of any other we know no more than which lists there are. */
export async function lookUp(lists: NumberLists, phone: string): Promise<LookedUp> {
  const digits = /^\+1([2-9]\d{9})$/.exec(phone)?.[1];
  return digits === undefined
    ? { copies: await lists.copies(), listedIn: [] }
    : await lists.lookUp(Number(digits));
}

/** What the imported lists say of the dialled number, and what was entered by hand: either lists it. */
function listsOf(
  entries: readonly DncEntry[],
  to: string,
  { copies, listedIn }: LookedUp,
  checked: ReassignedCheck | undefined,
): FactsInput['dnc'] {
  const byHand = (scope: DncEntry['scope']): DncEntry[] =>
    entries.filter((entry) => entry.scope === scope && entry.phone === to && entry.releasedAt === undefined);
  const listOf = (list: string, listed: boolean) => ({
    asOf: copies.find((copy) => copy.list === list)?.asOf ?? null,
    listed: listed || listedIn.includes(list) ? [to] : [],
  });

  const listingStates = new Set(byHand('state').map((entry) => entry.state));
  const states = new Set([...listingStates].filter((code) => code !== null));
  for (const { list } of copies) if (list.startsWith('state.')) states.add(list.slice(6));
  const [reassigned] = byHand('reassigned');
  return {
    national: listOf('national', byHand('national').length > 0),
    state: Object.fromEntries(
      [...states].map((code) => [code, listOf(`state.${code}`, listingStates.has(code))]),
    ),
    internal: entries
      .filter((entry) => entry.scope === 'internal')
      .map((entry) => ({
        phone: entry.phone,
        seller: entry.seller,
        releasedAt: entry.releasedAt ?? null,
      })),
    litigator: listedIn.includes('litigator') || byHand('litigator').length > 0,
    reassigned: reassigned
      ? { result: 'yes', checkedAt: reassigned.listedAt }
      : checked
        ? { result: checked.result, checkedAt: checked.checkedAt }
        : null,
  };
}
