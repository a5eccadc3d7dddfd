/** app/leads: the people we may want to call. Leads are never deleted here, because call records refer to them. */
import type { Call } from '../domain/call.ts';
import type { Enrollment } from '../domain/campaign.ts';
import type { ConsentLog, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { changeDeal, changeLead, type LeadChange, type NewLead, newLead } from '../domain/lead.ts';
import type { Message } from '../domain/message.ts';
import { parsePhone } from '../domain/phone.ts';
import { type LedgerDeps, ledgerOf, refreshLeads } from './consent-ledger.ts';
import type { ConsentGiven, Consents } from './consents.ts';
import { createContacts } from './contacts.ts';
import { createJudgeLeads } from './judge-leads.ts';
import { stopFollows } from './opt-out.ts';
import { type Page, page } from './paging.ts';
import { personOf } from './person.ts';
import type { Filter } from './ports.ts';

export interface LeadQuery {
  readonly status?: Lead['status'];
  readonly stage?: Lead['stage'];
  readonly source?: string;
  readonly campaignId?: string;
  /** Any number of the lead, as people write it. */
  readonly phone?: string;
  /** The beginning of a first name, last name, e-mail address or number. */
  readonly search?: string;
  /** receivedAt in [from, to). */
  readonly from?: Date;
  readonly to?: Date;
  readonly limit?: number;
  readonly cursor?: string;
}

/** The new lead, and the older leads that carry one of its numbers. */
export type CreatedLead = Lead & { readonly duplicates: readonly string[] };

export interface TimelineItem {
  readonly at: Date;
  readonly kind: 'created' | 'call' | 'consent' | 'dnc' | 'follow_up' | 'message' | 'campaign' | 'visit';
  readonly title: string;
  readonly detail?: string;
  readonly callId?: string;
}

export interface LeadsDeps extends LedgerDeps {
  readonly consents: Pick<Consents, 'grant'>;
}

const MOST_TIMELINE_CALLS = 1_000;
const MOST_TIMELINE_MESSAGES = 1_000;

export function createLeads(deps: LeadsDeps) {
  const { store, clock, ids, consents } = deps;
  const contacts = createContacts(deps);
  const judging = createJudgeLeads(deps);
  const leads = store.collection('leads');

  /**
   * Throws `invalid_request` with details.fields, `duplicate_key` when source + externalId is taken. Consent given along
   * goes to the ledger for the lead's first number.
   */
  async function create(
    given: NewLead & { readonly consent?: ConsentGiven },
    by: string,
  ): Promise<CreatedLead> {
    const { consent, ...input } = given;
    const lead = newLead(input, { id: ids.objectId(), nowMs: clock.nowMs(), by });
    await leads.insert({ ...lead, qualification: await judging.judged(lead) });
    const { leads: all } = await personOf(store, numbersOf(lead));
    const duplicates = all.map((other) => other._id).filter((id) => id !== lead._id);
    if (consent) await consents.grant({ ...consent, phone: lead.contact.phone, leadId: lead._id }, by);
    else await refreshLeads(deps, numbersOf(lead), by);
    await contacts.ofLead(lead._id);
    deps.news?.arrived([lead._id]);
    return { ...(await get(lead._id)), duplicates };
  }

  /** Throws `lead_not_found`. */
  async function get(leadId: string): Promise<Lead> {
    const lead = await leads.get(leadId);
    if (!lead) throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId } });
    return lead;
  }

  /** Newest first. */
  async function list(query: LeadQuery): Promise<Page<Lead>> {
    const all: Filter[] = [];
    for (const field of ['status', 'stage', 'source', 'campaignId'] as const)
      if (query[field] !== undefined) all.push({ [field]: query[field] });
    if (query.phone !== undefined) {
      const phone = parsePhone(query.phone);
      if (phone === undefined)
        throw new Failure('invalid_request', 'phone: not a phone number', {
          details: { fields: { phone: 'not a phone number' } },
        });
      all.push({ $or: [{ 'contact.phone': phone }, { 'contact.alternatePhone': phone }] });
    }
    if (query.from !== undefined) all.push({ receivedAt: { $gte: query.from } });
    if (query.to !== undefined) all.push({ receivedAt: { $lt: query.to } });
    const search = query.search?.trim() ?? '';
    if (search !== '') all.push(beginsWith(search));
    return page(leads, {
      filter: all.length === 0 ? {} : { $and: all },
      sort: { field: 'receivedAt', direction: -1 },
      ...(query.limit === undefined ? {} : { limit: query.limit }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
  }

  /** Changes what is given. Throws `lead_not_found`, `invalid_request`. */
  async function update(leadId: string, change: LeadChange, by: string): Promise<Lead> {
    const before = await get(leadId);
    const changed = changeLead(change, { nowMs: clock.nowMs(), by });
    const deal = changeDeal(before, change, clock.nowMs());
    const { campaignId } = change;
    const moves = campaignId !== undefined && campaignId !== (before.campaignId ?? null);
    const set = {
      ...changed.set,
      ...deal.set,
      ...(moves && campaignId !== null ? { assignedAt: new Date(clock.nowMs()) } : {}),
    };
    const unset = [...changed.unset, ...deal.unset, ...(moves && campaignId === null ? ['assignedAt'] : [])];
    await stopFollows(deps, numbersOf(before), set, by);
    const changedLead = await leads.update(
      { _id: leadId },
      {
        $set: set,
        ...(unset.length === 0 ? {} : { $unset: Object.fromEntries(unset.map((path) => [path, ''])) }),
      },
    );
    if (!changedLead) throw new Failure('lead_not_found', 'there is no such lead', { details: { leadId } });
    const isOther = moves || change.intent !== undefined || change.contact?.address !== undefined;
    const after = isOther ? await judging.keep(changedLead, by) : changedLead;
    if (change.contact !== undefined && after.erasedAt === undefined) await contacts.ofLead(leadId);
    deps.news?.changed([leadId]);
    deps.news?.arrived([leadId]);
    if (numbersOf(before).join() === numbersOf(after).join()) return after;
    // Another number has another consent.
    await refreshLeads(deps, numbersOf(after), by);
    return await get(leadId);
  }

  /**
   * What happened with this person, oldest first: their visit to the website, arrival, campaigns that took the lead up and were done with it, and calls,
   * messages, consent and do-not-call events of all their numbers.
   */
  async function timeline(leadId: string): Promise<readonly TimelineItem[]> {
    const lead = await get(leadId);
    const { numbers } = await personOf(store, numbersOf(lead));
    const [enrollments, calls, messages, entries] = await Promise.all([
      store.collection('enrollments').find({ filter: { leadId } }),
      store.collection('calls').find({
        filter: { $or: [{ leadId }, { contactPhone: { $in: numbers } }] },
        sort: { initiatedAt: -1 },
        limit: MOST_TIMELINE_CALLS,
      }),
      store.collection('messages').find({
        filter: { $or: [{ leadId }, { to: { $in: numbers } }, { from: { $in: numbers } }] },
        sort: { createdAt: -1 },
        limit: MOST_TIMELINE_MESSAGES,
      }),
      ledgerOf(store, numbers),
    ]);
    const campaigns = await store
      .collection('campaigns')
      .find({ filter: { _id: { $in: enrollments.map(({ campaignId }) => campaignId) } } });
    const names = new Map(campaigns.map(({ _id, name }) => [_id, name]));
    const items: TimelineItem[] = [
      ...visitItems(lead),
      { at: lead.receivedAt, kind: 'created', title: `Lead received from ${lead.source}` },
      ...enrollments.flatMap((each) => campaignItems(each, names.get(each.campaignId))),
      ...calls.flatMap(callItems),
      ...messages.map(messageItem),
      ...entries.map(ledgerItem),
    ];
    return items.sort((a, b) => a.at.getTime() - b.at.getTime());
  }

  return { create, get, list, update, timeline };
}

const numbersOf = ({ contact }: Lead): string[] =>
  contact.alternatePhone === undefined ? [contact.phone] : [contact.phone, contact.alternatePhone];

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function beginsWith(search: string): Filter {
  const text = { $regex: `^${literally(search)}`, $options: 'i' };
  const email = { $regex: `^${literally(search.toLowerCase())}` };
  const any: Filter[] = [
    { 'contact.firstName': text },
    { 'contact.lastName': text },
    { 'contact.email': email },
  ];
  const digits = search.replace(/[\s().-]/g, '');
  if (/^\+?\d{3,}$/.test(digits)) {
    const national = digits.startsWith('+') ? literally(digits) : `\\+1${digits.replace(/^1/, '')}`;
    any.push(
      { 'contact.phone': { $regex: `^${national}` } },
      { 'contact.alternatePhone': { $regex: `^${national}` } },
    );
  }
  return { $or: any };
}

function visitItems({ web }: Lead): TimelineItem[] {
  const first = web?.journey[0];
  if (!web || !first) return [];
  const pages = web.journey.length;
  return [
    {
      at: first.timestamp,
      kind: 'visit',
      title: 'Visited the website',
      detail: `${pages} ${pages === 1 ? 'page' : 'pages'}, first ${first.title ?? first.url}`,
    },
  ];
}

function campaignItems({ createdAt, reopenedAt, ended }: Enrollment, name = 'that is gone'): TimelineItem[] {
  const kind = 'campaign';
  return [
    { at: createdAt, kind, title: `Taken up by the campaign ${name}` },
    ...(reopenedAt ? [{ at: reopenedAt, kind, title: `Begun anew by the campaign ${name}` } as const] : []),
    ...(ended
      ? [{ at: ended.at, kind, title: `The campaign ${name} was done`, detail: ended.why } as const]
      : []),
  ];
}

function callItems(call: Call): TimelineItem[] {
  const denied = call.status === 'denied';
  const verb = call.direction === 'inbound' ? 'Called us' : denied ? 'Call not made' : 'Called';
  const outcome = call.outcome === 'no_conversation' ? call.status : (call.outcome ?? call.status);
  const detail = denied ? call.complianceDecision?.explanation : outcome;
  return [
    {
      at: call.initiatedAt,
      kind: 'call',
      title: verb,
      callId: call._id,
      ...(detail === undefined ? {} : { detail }),
    },
    ...call.followUpActions.map(
      (action): TimelineItem => ({
        at: call.endedAt ?? call.updatedAt,
        kind: 'follow_up',
        title: `Agreed: ${action.type.replaceAll('_', ' ')}`,
        detail: action.notes,
        callId: call._id,
      }),
    ),
  ];
}

const CHANNEL = { sms: 'text', email: 'e-mail' } as const;

function messageItem(message: Message): TimelineItem {
  const { channel, direction, status, complianceDecision, error, subject, text } = message;
  const what = CHANNEL[channel];
  const title =
    direction === 'inbound'
      ? `Wrote a ${what}`
      : status === 'denied'
        ? `${what === 'text' ? 'Text' : 'E-mail'} not sent`
        : `${what === 'text' ? 'Text' : 'E-mail'} ${status}`;
  const why = status === 'denied' ? complianceDecision?.explanation : error?.says;
  return { at: message.sentAt ?? message.createdAt, kind: 'message', title, detail: why ?? subject ?? text };
}

const LEDGER_TITLE: Record<ConsentLog['eventType'], string> = {
  consent_granted: 'Consent given',
  consent_revoked: 'Consent revoked',
  dnc_added: 'Put on the do-not-call list',
  dnc_removed: 'Released from the do-not-call list',
};

function ledgerItem(entry: ConsentLog): TimelineItem {
  const detail = entry.revocation
    ? `${entry.revocation.channel}: ${entry.revocation.words}`
    : entry.consentDetails && `${entry.consentDetails.method}, ${entry.consentDetails.source}`;
  return {
    at: entry.timestamp,
    kind: entry.eventType.startsWith('dnc') ? 'dnc' : 'consent',
    title: LEDGER_TITLE[entry.eventType],
    ...(detail === undefined ? {} : { detail }),
  };
}
