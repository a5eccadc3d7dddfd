/**
 * app/intake: leads that lead sources send as they come up, one at a time. An endpoint says whose they are and where their
 * names go; a lead sent twice is one; consent arrives with it or nobody may call it.
 */
import { z } from 'zod';
import { Failure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import {
  INTAKE_SOURCES,
  type IntakeEndpoint,
  type IntakeRule,
  type IntakeSource,
  isTestLead,
  readIntake,
} from '../domain/intake.ts';
import type { WebVisit } from '../domain/journey.ts';
import {
  type Brought,
  isProblems,
  LEAD_FIELD_NAMES,
  type LeadField,
  type Problems,
  readLead,
} from '../domain/lead-fields.ts';
import { parsePhone } from '../domain/phone.ts';
import { createTakeLeads, leadOf, type TakeLeadsDeps, type Taken } from './take-leads.ts';
import { turnsOf } from './turns.ts';

export interface NewEndpoint {
  readonly source: IntakeSource;
  readonly name: string;
  readonly mapping?: readonly IntakeRule[];
  readonly defaults?: readonly { readonly field: LeadField; readonly value: string }[];
  readonly campaignId?: string;
}

/** What became of a lead that was sent. `test`: the source only tried the address out. */
export interface Received extends Partial<Omit<Taken, 'outcome'>> {
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'duplicate' | 'test';
}

const MOST_ENDPOINTS = 200;
const TARGETS = ['keep', 'ignore', ...LEAD_FIELD_NAMES] as const;
const Endpoint = z.strictObject({
  source: z.enum(INTAKE_SOURCES),
  name: z.string().trim().min(1).max(100),
  mapping: z
    .array(
      z.strictObject({
        from: z.string().min(1).max(200),
        target: z.enum(TARGETS),
        words: z.record(z.string().max(200), z.string().max(200)).optional(),
      }),
    )
    .max(200)
    .default([]),
  defaults: z
    .array(
      z.strictObject({
        field: z.enum(LEAD_FIELD_NAMES as readonly [LeadField, ...LeadField[]]),
        value: z.string().trim().min(1).max(5_000),
      }),
    )
    .max(LEAD_FIELD_NAMES.length)
    .default([]),
  campaignId: z.string().max(64).optional(),
});

export interface IntakeDeps extends TakeLeadsDeps {
  /** Told of a lead that was there already and of whom something new came. */
  readonly cameAgain: (leadId: string) => void;
}

export function createIntake(deps: IntakeDeps) {
  const { store, clock, ids, log, sellerName } = deps;
  const endpoints = store.collection('intake_endpoints');
  const take = createTakeLeads(deps);

  /** Throws Failure `invalid_request`, `campaign_not_found`, `at_capacity`. */
  async function create(input: NewEndpoint, by: string): Promise<IntakeEndpoint> {
    const { campaignId, mapping, ...rest } = parseInput(Endpoint, input);
    if (campaignId !== undefined && !(await store.collection('campaigns').get(campaignId)))
      throw new Failure('campaign_not_found', 'there is no such campaign', { details: { campaignId } });
    if ((await open({})).length >= MOST_ENDPOINTS)
      throw new Failure('at_capacity', `there are ${MOST_ENDPOINTS} endpoints already; revoke one first`);
    const createdAt = new Date(clock.nowMs());
    const endpoint: IntakeEndpoint = {
      _id: ids.objectId(),
      ...rest,
      mapping: mapping.map(({ words, ...rule }) => ({ ...rule, ...(words === undefined ? {} : { words }) })),
      ...(campaignId === undefined ? {} : { campaignId }),
      createdBy: by,
      createdAt,
      updatedAt: createdAt,
    };
    await endpoints.insert(endpoint);
    return endpoint;
  }

  const open = (filter: Partial<Pick<IntakeEndpoint, '_id' | 'source'>>): Promise<IntakeEndpoint[]> =>
    endpoints.find({
      filter: { ...filter, revokedAt: { $exists: false } },
      sort: { createdAt: 1 },
      limit: MOST_ENDPOINTS,
    });

  /** Newest first, with those that were revoked. */
  const list = (): Promise<IntakeEndpoint[]> =>
    endpoints.find({ sort: { createdAt: -1 }, limit: MOST_ENDPOINTS });

  /** From now on nothing that comes to it is taken. Throws Failure `not_found`. */
  async function revoke(endpointId: string, by: string): Promise<IntakeEndpoint> {
    const at = new Date(clock.nowMs());
    const revoked = await endpoints.update(
      { _id: endpointId, revokedAt: { $exists: false } },
      { $set: { revokedAt: at, revokedBy: by, updatedAt: at } },
    );
    if (!revoked) throw new Failure('not_found', 'there is no such endpoint, or it is revoked already');
    return revoked;
  }

  /** Takes a lead that came to an endpoint. Throws Failure `invalid_request` that names what is wrong, field by field. */
  async function receive(endpoint: IntakeEndpoint, body: unknown): Promise<Received> {
    const { _id, source, campaignId } = endpoint;
    const fields = readIntake(endpoint, body);
    if (typeof fields === 'string') throw invalid({ body: fields });
    if (isTestLead(source, body)) return { outcome: 'test' };
    const by = `intake:${source}`;
    const nowMs = clock.nowMs();
    const read = withVisit(readLead(fields.values, fields.kept, { nowMs, sellerName }), fields.web);
    const id = ids.objectId();
    const rules = {
      source,
      duplicates: 'update',
      ...(campaignId === undefined ? {} : { campaignId }),
    } as const;
    const lead = isProblems(read) ? read : leadOf(read.lead, rules, { id, nowMs, by });
    if (!('_id' in lead)) throw invalid(Object.fromEntries(lead.map(({ field, says }) => [field, says])));
    // The same person from two sources at the same moment is one lead.
    const turn = `intake ${parsePhone(lead.contact.phone) ?? ''}`;
    const [taken] = await turnsOf(store)(turn, () => take([{ id, read }], rules, by));
    if (!taken || taken.outcome === 'refused') throw invalid({ body: taken?.says.join('; ') ?? 'no lead' });
    const { outcome, leadId, consent } = taken;
    // The same form sent twice brings nothing new.
    const isAnew = outcome === 'updated' || (outcome !== 'created' && consent === 'granted');
    if (isAnew && leadId !== undefined) deps.cameAgain(leadId);
    log.info({ endpointId: _id, source, leadId, outcome, consent }, 'a lead came in');
    return { ...taken, says: [...fields.says, ...taken.says], outcome };
  }

  return { create, open, list, revoke, receive };
}

const withVisit = (read: Brought | Problems, web: WebVisit | undefined): Brought | Problems =>
  isProblems(read) || web === undefined ? read : { ...read, lead: { ...read.lead, web } };

function invalid(fields: Readonly<Record<string, string>>): Failure {
  const [first = 'body'] = Object.keys(fields);
  return new Failure('invalid_request', `${first}: ${fields[first]}`, { details: { fields } });
}
