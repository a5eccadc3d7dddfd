/** app/campaigns: campaigns as people keep them, and how the house calls when a call belongs to none. */
import { z } from 'zod';
import type { CallingPolicy, Campaign } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import { parsePhone } from '../domain/phone.ts';
import { PROPERTY_TYPES } from '../domain/property.ts';
import type { Targeting } from '../domain/qualification.ts';
import { type Page, page } from './paging.ts';
import type { Clock, Filter, Ids, Log, Store } from './ports.ts';
import { CALL_VALUES, placeholderProblem } from './prompts.ts';

/** Calls that belong to no campaign. Ring time is above the 15 seconds or four rings of 64.1200(a)(6). */
export const HOUSE_CALLING: CallingPolicy = {
  purpose: 'marketing',
  subject: 'house',
  machinePolicy: 'hang_up',
  ringTimeoutSec: 30,
  maxCallSec: 900,
  carrierRecording: false,
};

const TimeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'a time of day as "HH:MM"');
const Calling = z.strictObject({
  purpose: z.enum(['marketing', 'informational']),
  subject: z.string().trim().min(1).max(100),
  machinePolicy: z.enum(['hang_up', 'leave_message', 'talk']),
  voicemailText: z.string().trim().min(1).max(1_000).optional(),
  ringTimeoutSec: z.number().int().min(15).max(120),
  maxCallSec: z.number().int().min(30).max(14_400),
  transferNumber: z.string().optional(),
  hours: z
    .strictObject({
      start: TimeOfDay,
      end: TimeOfDay,
      days: z.array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).min(1),
    })
    .refine((hours) => hours.start < hours.end, 'hours must start before they end')
    .optional(),
  carrierRecording: z.boolean(),
});

const names = (most: number) => z.array(z.string().trim().min(1).max(100)).max(most);
const TargetingInput = z.strictObject({
  leadSources: names(50).optional(),
  intent: z.array(z.enum(['buyer', 'seller', 'investor'])).optional(),
  qualification: z
    .strictObject({
      minScore: z.number().min(0).max(1).optional(),
      minEquity: z.number().min(0).max(1).optional(),
      maxPrice: z.number().min(0).optional(),
      propertyTypes: z.array(z.enum(PROPERTY_TYPES)).optional(),
    })
    .optional(),
  geography: z
    .strictObject({
      states: names(60).optional(),
      cities: names(500).optional(),
      zipCodes: names(2_000).optional(),
    })
    .optional(),
  motivationFactors: names(50).optional(),
});

const CampaignInput = z.strictObject({
  name: z.string().trim().min(1).max(200),
  description: z.string().max(2_000).optional(),
  type: z.enum(['wholesale', 'fix_flip', 'rental']),
  targeting: TargetingInput.optional(),
  calling: Calling.partial().optional(),
});
const CampaignPatch = CampaignInput.partial().extend({
  status: z.enum(['draft', 'active', 'paused', 'completed']).optional(),
});

/** What is absent of `calling` is as the house calls; the subject defaults to the campaign's name. */
export interface NewCampaign {
  readonly name: string;
  readonly description?: string;
  readonly type: Campaign['type'];
  readonly targeting?: Targeting;
  readonly calling?: Partial<CallingPolicy>;
}
export type CampaignChange = Partial<NewCampaign> & { readonly status?: Campaign['status'] };

/** Settings over settings; a key that is given as undefined changes nothing. */
function calling(base: CallingPolicy, given: z.output<typeof CampaignInput>['calling']): CallingPolicy {
  const changes = Object.fromEntries(
    Object.entries(given ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<CallingPolicy>;
  const policy = { ...base, ...changes };
  if (policy.machinePolicy === 'leave_message' && policy.voicemailText === undefined)
    throw invalid('calling.voicemailText', 'a campaign that leaves messages needs their text');
  const wrong = policy.voicemailText && placeholderProblem(policy.voicemailText, CALL_VALUES);
  if (wrong) throw invalid('calling.voicemailText', `the text ${wrong}`);
  if (policy.transferNumber === undefined) return policy;
  const transferNumber = parsePhone(policy.transferNumber);
  if (transferNumber === undefined) throw invalid('calling.transferNumber', 'not a phone number');
  return { ...policy, transferNumber };
}

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });

export interface CampaignsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export interface CampaignQuery {
  readonly status?: Campaign['status'];
  readonly type?: Campaign['type'];
  readonly limit?: number;
  readonly cursor?: string;
}

export function createCampaigns({ store, clock, ids, log }: CampaignsDeps) {
  const campaigns = store.collection('campaigns');

  /** A new campaign is a draft: it calls nobody until it is made active. Throws `invalid_request`. */
  async function create(input: NewCampaign, by: string): Promise<Campaign> {
    const { name, description, type, targeting, calling: wanted } = parseInput(CampaignInput, input);
    const now = new Date(clock.nowMs());
    const campaign: Campaign = {
      _id: ids.objectId(),
      name,
      ...(description === undefined ? {} : { description }),
      type,
      status: 'draft',
      ...(targeting === undefined ? {} : { targeting: targeting as Targeting }),
      calling: calling({ ...HOUSE_CALLING, subject: name.slice(0, 100) }, wanted),
      createdAt: now,
      updatedAt: now,
    };
    await campaigns.insert(campaign);
    log.info({ campaignId: campaign._id, by }, 'a campaign was created');
    return campaign;
  }

  /** Throws `campaign_not_found`. */
  async function get(id: string): Promise<Campaign> {
    const campaign = await campaigns.get(id);
    if (!campaign) throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id } });
    return campaign;
  }

  async function list(query: CampaignQuery): Promise<Page<Campaign>> {
    const filter: Filter = {
      ...(query.status === undefined ? {} : { status: query.status }),
      ...(query.type === undefined ? {} : { type: query.type }),
    };
    return page(campaigns, {
      filter,
      sort: { field: 'createdAt', direction: -1 },
      ...(query.limit === undefined ? {} : { limit: query.limit }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
  }

  /** Changes what is given. Throws `campaign_not_found` and `invalid_request`. */
  async function update(id: string, patch: CampaignChange, by: string): Promise<Campaign> {
    const { calling: wanted, ...changes } = parseInput(CampaignPatch, patch);
    const before = await get(id);
    const set = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    const after = await campaigns.update(
      { _id: id },
      {
        $set: {
          ...set,
          ...(wanted === undefined ? {} : { calling: calling(before.calling, wanted) }),
          updatedAt: new Date(clock.nowMs()),
        },
      },
    );
    if (!after) throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id } });
    log.info({ campaignId: id, by, status: after.status }, 'a campaign was changed');
    return after;
  }

  /** How to call for a campaign, or for the house. Throws `campaign_not_found`. */
  const policyOf = async (campaignId: string | undefined): Promise<CallingPolicy> =>
    campaignId === undefined ? HOUSE_CALLING : (await get(campaignId)).calling;

  return { create, get, list, update, policyOf };
}
