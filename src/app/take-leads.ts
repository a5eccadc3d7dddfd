/**
 * app/take-leads: a handful of leads from outside, read and laid beside those that are there: new people become leads, known
 * ones are left alone or learn what is new, consent with complete evidence goes to the ledger. Doing it again with the same
 * leads changes nothing.
 *
 * Who is known already: the lead of the same source with the same id there, else the oldest lead with one of the numbers,
 * else the oldest with the e-mail address. So a new lead shares no number with an older one.
 */
import type { Campaign, Lead } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import { changeLead, newLead } from '../domain/lead.ts';
import {
  type Brought,
  type BroughtLead,
  fieldOfPath,
  isProblems,
  LEAD_FIELDS,
  type Problems,
  sameGrant,
} from '../domain/lead-fields.ts';
import {
  changeByRow,
  type DuplicatePolicy,
  type ImportedRow,
  type MatchedBy,
} from '../domain/lead-import.ts';
import { judge } from '../domain/qualification.ts';
import { type LedgerDeps, refreshLeads } from './consent-ledger.ts';
import type { Consents } from './consents.ts';
import { createContacts } from './contacts.ts';
import { createJudgeLeads } from './judge-leads.ts';
import { stopFollows } from './opt-out.ts';
import type { Filter } from './ports.ts';
import { allInSlices, slices } from './slices.ts';

export interface TakeLeadsDeps extends LedgerDeps {
  readonly consents: Pick<Consents, 'grant'>;
}

/** One lead as it was read, under the id it gets when it is new. */
export interface Offered {
  readonly id: string;
  readonly read: Brought | Problems;
}

export interface TakingRules {
  /** Of leads that name none. */
  readonly source: string;
  readonly campaignId?: string;
  readonly duplicates: DuplicatePolicy;
}

export type Taken = Omit<ImportedRow, 'line' | 'bytes'>;

/** A grant is a dozen writes; so many people's at once keep the store busy and leave room for calls. */
const GRANTS_AT_ONCE = 16;
const MOST_KNOWN = 5_000;

interface Candidate {
  readonly place: number;
  readonly lead: Lead;
  readonly hasExternalId: boolean;
  readonly consent: Brought['consent'];
}

interface Plan {
  taken: Taken;
  /** The lead as it is before or after the row. */
  lead: Lead;
  readonly consent: Brought['consent'];
  readonly kind: 'create' | 'update' | 'leave';
  readonly candidate: Candidate;
}

export function createTakeLeads(deps: TakeLeadsDeps) {
  const { store, clock, consents } = deps;
  const contacts = createContacts(deps);
  const judging = createJudgeLeads(deps);
  const leads = store.collection('leads');

  /** Answers in the order of asking. At most some hundreds at a time. Throws what the store throws. */
  async function take(offered: readonly Offered[], rules: TakingRules, by: string): Promise<Taken[]> {
    const answers: (Taken | undefined)[] = new Array(offered.length).fill(undefined);
    const candidates: Candidate[] = [];
    const breathe = slices(clock);
    for (const [place, { id, read }] of offered.entries()) {
      await breathe();
      const made = isProblems(read) ? refusal(read) : candidate(place, id, read, rules, by);
      if ('lead' in made) candidates.push(made);
      else answers[place] = made;
    }
    const known = await knownLeads(candidates);
    const campaign =
      rules.campaignId === undefined ? undefined : await store.collection('campaigns').get(rules.campaignId);
    const plans = candidates.map((each) => plan(each, known, rules, campaign));
    const fresh = plans.filter(({ kind }) => kind === 'create');
    await allInSlices(clock, fresh, create);
    for (const each of plans) if (each.kind === 'update') await update(each, by);
    await grantAll(plans, by);
    await contacts.ofNew(plans.filter(isNew).map(({ lead }) => lead));
    for (const { taken } of plans)
      if (taken.outcome === 'updated' && taken.leadId !== undefined) await contacts.ofLead(taken.leadId);
    tell(plans);
    for (const {
      candidate: { place },
      taken,
    } of plans)
      answers[place] = taken;
    return answers.filter((each) => each !== undefined);
  }

  function tell(plans: readonly Plan[]): void {
    const updated = plans.filter(({ taken }) => taken.outcome === 'updated').map(({ lead }) => lead._id);
    if (updated.length > 0) deps.news?.changed(updated);
    const created = plans.filter(isNew).map(({ lead }) => lead._id);
    if (created.length + updated.length > 0) deps.news?.arrived([...created, ...updated]);
  }

  function candidate(
    place: number,
    _id: string,
    read: Brought,
    rules: TakingRules,
    by: string,
  ): Candidate | Taken {
    const lead = leadOf(read.lead, rules, { id: _id, nowMs: clock.nowMs(), by });
    if (!('_id' in lead)) return refusal(lead);
    return { place, lead, hasExternalId: read.lead.externalId !== undefined, consent: read.consent };
  }

  /** The leads that any of these may be, findable by what they have in common; the oldest wins. */
  async function knownLeads(candidates: readonly Candidate[]) {
    const numbers = [...new Set(candidates.flatMap(({ lead }) => numbersOf(lead)))];
    const emails = [...new Set(candidates.flatMap(({ lead }) => lead.contact.email ?? []))];
    const bySource = new Map<string, string[]>();
    for (const { lead, hasExternalId } of candidates)
      if (hasExternalId) bySource.set(lead.source, [...(bySource.get(lead.source) ?? []), lead.externalId]);
    const filters: Filter[] = [
      { _id: { $in: candidates.map(({ lead }) => lead._id) } },
      { 'contact.phone': { $in: numbers } },
      { 'contact.alternatePhone': { $in: numbers } },
      ...(emails.length === 0 ? [] : [{ 'contact.email': { $in: emails } }]),
      ...[...bySource].map(([source, externalIds]) => ({ source, externalId: { $in: externalIds } })),
    ];
    const found: Lead[] = [];
    // One after the other: each question takes the event loop for a moment.
    for (const filter of filters) found.push(...(await leads.find({ filter, limit: MOST_KNOWN })));
    const index = leadIndex();
    const oldestFirst = (a: Lead, b: Lead): number =>
      a.createdAt.getTime() - b.createdAt.getTime() || (a._id < b._id ? -1 : 1);
    for (const lead of found.sort(oldestFirst)) index.add(lead);
    return index;
  }

  function plan(
    each: Candidate,
    known: LeadIndex,
    { duplicates }: TakingRules,
    campaign: Campaign | undefined,
  ): Plan {
    const { lead, consent } = each;
    const own = known.byId(lead._id);
    if (own) return { taken: made(own._id, consent), lead: own, consent, kind: 'leave', candidate: each };
    const match = known.match(lead, each.hasExternalId);
    if (!match) {
      known.add(lead);
      const judged = { ...lead, qualification: judge(lead, undefined, campaign, clock.nowMs()) };
      return { taken: made(lead._id, consent), lead: judged, consent, kind: 'create', candidate: each };
    }
    const taken: Taken = {
      outcome: duplicates === 'update' ? 'unchanged' : 'duplicate',
      leadId: match.lead._id,
      matchedBy: match.by,
      consent: 'none',
      says: duplicates === 'skip' && consent.kind !== 'none' ? ['Its consent was not taken either'] : [],
    };
    if (duplicates === 'skip')
      return { taken, lead: match.lead, consent: { kind: 'none' }, kind: 'leave', candidate: each };
    return { taken: withConsent(taken, consent), lead: match.lead, consent, kind: 'update', candidate: each };
  }

  async function create(each: Plan): Promise<void> {
    try {
      await leads.insert(each.lead);
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
      // Somebody else was quicker by a moment; or we were, in a try before this one.
      const { _id, source, externalId } = each.lead;
      const [there] = await leads.find({ filter: { $or: [{ _id }, { source, externalId }] }, limit: 1 });
      if (!there) throw error;
      each.lead = there;
      if (there._id !== _id)
        each.taken = { ...each.taken, outcome: 'duplicate', leadId: there._id, matchedBy: 'external_id' };
    }
  }

  async function update(each: Plan, by: string): Promise<void> {
    const { leadId: _id = '', matchedBy = 'phone' } = each.taken;
    const before = await leads.get(_id);
    if (!before) return;
    each.lead = before;
    const { change, says } = changeByRow(before, each.candidate.lead, matchedBy);
    each.taken = { ...each.taken, says: [...says, ...each.taken.says] };
    if (!change) return;
    const { set } = changeLead(change, { nowMs: clock.nowMs(), by });
    await stopFollows(deps, numbersOf(before), set, by);
    each.lead = (await leads.update({ _id }, { $set: set })) ?? before;
    if (change.intent !== undefined || change.contact?.address !== undefined)
      each.lead = await judging.keep(each.lead, by);
    each.taken = { ...each.taken, outcome: 'updated' };
    // Another number has another consent and another do-not-call status.
    if (numbersOf(before).join() !== numbersOf(each.lead).join())
      await refreshLeads(deps, numbersOf(each.lead), by);
  }

  /** Consent goes to the ledger, and what the ledger and the lists know of new numbers is shown on their leads. */
  async function grantAll(plans: readonly Plan[], by: string): Promise<void> {
    const phones = [...new Set(plans.flatMap(({ lead }) => numbersOf(lead)))];
    const [entries, listed] = await Promise.all([
      store.collection('consent_logs').find({ filter: { phone: { $in: phones } } }),
      store.collection('dnc_registry').find({ filter: { phone: { $in: phones }, scope: 'internal' } }),
    ]);
    const spokenOf = new Set([...entries, ...listed].map(({ phone }) => phone));
    const byPhone = new Map<string, Plan[]>();
    for (const each of plans) {
      const { phone } = each.candidate.lead.contact;
      byPhone.set(phone, [...(byPhone.get(phone) ?? []), each]);
    }
    const waiting = [...byPhone.values()];
    const work = async (): Promise<void> => {
      for (let group = waiting.pop(); group; group = waiting.pop())
        for (const each of group) {
          const granted = await grant(each);
          if (
            !granted &&
            each.taken.outcome === 'created' &&
            numbersOf(each.lead).some((number) => spokenOf.has(number))
          )
            await refreshLeads(deps, numbersOf(each.lead), by);
        }
    };
    await Promise.all(Array.from({ length: GRANTS_AT_ONCE }, work));

    async function grant(each: Plan): Promise<boolean> {
      if (each.consent.kind !== 'complete') return false;
      const { given } = each.consent;
      const { phone, email } = each.candidate.lead.contact;
      if (!numbersOf(each.lead).includes(phone)) {
        const says = [
          ...each.taken.says,
          'Its consent is for a number that the lead has not, and was not taken',
        ];
        each.taken = { ...each.taken, consent: 'none', says };
        return false;
      }
      const told = entries.some((entry) => entry.phone === phone && sameGrant(entry, given));
      each.taken = { ...each.taken, consent: told ? 'known' : 'granted' };
      if (told) return false;
      const sealed = await consents.grant(
        { ...given, phone, leadId: each.lead._id, ...(email === undefined ? {} : { email }) },
        by,
      );
      entries.push(sealed);
      return true;
    }
  }

  return take;
}

const isNew = ({ kind, taken }: Plan): boolean => kind === 'create' && taken.outcome === 'created';

const numbersOf = ({ contact }: Lead): string[] =>
  contact.alternatePhone === undefined ? [contact.phone] : [contact.phone, contact.alternatePhone];

/** The lead that was brought as one of ours; or what is wrong with it, field by field. */
export function leadOf(
  brought: BroughtLead,
  { source, campaignId }: Pick<TakingRules, 'source' | 'campaignId'>,
  stamp: { readonly id: string; readonly nowMs: number; readonly by: string },
): Lead | Problems {
  try {
    return newLead({ source, ...(campaignId === undefined ? {} : { campaignId }), ...brought }, stamp);
  } catch (error) {
    if (!isFailure(error, 'invalid_request')) throw error;
    const fields = Object.entries((error.details.fields ?? {}) as Record<string, string>);
    return fields.map(([path, says]) => ({ field: fieldOfPath(path), says }));
  }
}

/** What is wrong, as people read it. */
export const saysOf = (problems: Problems): string[] =>
  problems.map(({ field, says }) => (field === 'row' ? says : `${LEAD_FIELDS[field].label}: ${says}`));

/** What a consent lacks, as people read it. */
export const lacking = (lacks: readonly string[]): string =>
  `Not callable, for the evidence of its consent lacks: ${lacks.join('; ')}`;

const refusal = (problems: Problems): Taken => ({
  outcome: 'refused',
  consent: 'none',
  says: saysOf(problems),
});

const made = (leadId: string, consent: Brought['consent']): Taken =>
  withConsent({ outcome: 'created', leadId, consent: 'none', says: [] }, consent);

const withConsent = (taken: Taken, consent: Brought['consent']): Taken =>
  consent.kind === 'incomplete'
    ? {
        ...taken,
        consent: 'incomplete',
        says: [...taken.says, lacking(consent.lacks)],
      }
    : taken;

type LeadIndex = ReturnType<typeof leadIndex>;

function leadIndex() {
  const ids = new Map<string, Lead>();
  const externals = new Map<string, Lead>();
  const phones = new Map<string, Lead>();
  const emails = new Map<string, Lead>();
  const keep = (map: Map<string, Lead>, key: string, lead: Lead): void => {
    if (!map.has(key)) map.set(key, lead);
  };
  const external = ({ source, externalId }: Lead): string => JSON.stringify([source, externalId]);
  return {
    add(lead: Lead): void {
      keep(ids, lead._id, lead);
      keep(externals, external(lead), lead);
      for (const number of numbersOf(lead)) keep(phones, number, lead);
      if (lead.contact.email !== undefined) keep(emails, lead.contact.email, lead);
    },
    byId: (id: string): Lead | undefined => ids.get(id),
    match(lead: Lead, hasExternalId: boolean): { lead: Lead; by: MatchedBy } | undefined {
      const same = hasExternalId ? externals.get(external(lead)) : undefined;
      if (same) return { lead: same, by: 'external_id' };
      for (const number of numbersOf(lead)) {
        const found = phones.get(number);
        if (found) return { lead: found, by: 'phone' };
      }
      const found = lead.contact.email === undefined ? undefined : emails.get(lead.contact.email);
      return found && { lead: found, by: 'email' };
    },
  };
}
