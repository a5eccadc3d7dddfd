/** app/campaigns: campaigns as people keep them, start and stop them, and how the house calls when a call belongs to none. */
import {
  type CallingChange,
  type CampaignChange,
  CampaignChangeInput,
  CampaignInput,
  type NewCampaign,
  notReady,
  templatesOf,
} from '../domain/campaign-plan.ts';
import type { CallingPolicy, Campaign } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import { parsePhone } from '../domain/phone.ts';
import { type Page, page } from './paging.ts';
import type { Clock, Filter, Ids, Log, Store } from './ports.ts';
import { CALL_VALUES, openingTemplate, placeholderProblem } from './prompts.ts';
import { createReviewers } from './reviewers.ts';

/** Calls that belong to no campaign. Ring time is above the 15 seconds or four rings of 64.1200(a)(6). */
export const HOUSE_CALLING: CallingPolicy = {
  purpose: 'marketing',
  subject: 'house',
  machinePolicy: 'hang_up',
  ringTimeoutSec: 30,
  maxCallSec: 900,
  carrierRecording: false,
};

const invalid = (fields: Readonly<Record<string, string>>): Failure => {
  const [[field, message] = ['body', 'is not valid']] = Object.entries(fields);
  return new Failure('invalid_request', `${field}: ${message}`, { details: { fields } });
};

/** Settings over settings; a key that is given as undefined changes nothing, null removes. */
function calling(base: CallingPolicy, given: CallingChange): CallingPolicy {
  const policy = Object.fromEntries(
    Object.entries({ ...base, ...without(given, undefined) }).filter(([, value]) => value !== null),
  ) as unknown as CallingPolicy;
  if (policy.machinePolicy === 'leave_message' && policy.voicemailText === undefined)
    throw invalid({ 'calling.voicemailText': 'a campaign that leaves messages needs their text' });
  const wrong = policy.voicemailText && placeholderProblem(policy.voicemailText, CALL_VALUES);
  if (wrong) throw invalid({ 'calling.voicemailText': `the text ${wrong}` });
  if (policy.transferNumber === undefined) return policy;
  const transferNumber = parsePhone(policy.transferNumber);
  if (transferNumber === undefined) throw invalid({ 'calling.transferNumber': 'not a phone number' });
  return { ...policy, transferNumber };
}

const without = (value: object, what: undefined | null): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, held]) => held !== what));

const wantsOf = ({ targeting, wholesaleShare }: Campaign): string =>
  JSON.stringify([targeting, wholesaleShare]);

export interface CampaignsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** Told of every change, behind its write. */
  readonly changed?: (campaignId: string) => void;
  /** Told when what it looks for in leads, or pays for their houses, is another than before. */
  readonly wantsOther?: (campaignId: string, by: string) => void;
}

export interface CampaignQuery {
  readonly status?: Campaign['status'];
  readonly type?: Campaign['type'];
  readonly limit?: number;
  readonly cursor?: string;
}

export function createCampaigns({
  store,
  clock,
  ids,
  log,
  changed = () => undefined,
  wantsOther = () => undefined,
}: CampaignsDeps) {
  const campaigns = store.collection('campaigns');
  const people = createReviewers({ store });

  /** Throws `invalid_request` naming every text and template of a plan that cannot be used. */
  async function check(
    {
      workflow,
      conversationStrategy,
      assignedTo = [],
    }: Partial<Pick<Campaign, 'workflow' | 'conversationStrategy' | 'assignedTo'>>,
    before?: Campaign,
  ): Promise<void> {
    // Who was of the team before may stay whatever became of them.
    const stay = new Set(before?.assignedTo?.map(({ userId }) => userId));
    for (const [at, { userId }] of assignedTo.entries())
      if (!stay.has(userId)) await people.chosen(userId, `assignedTo.${at}.userId`);
    const fields = await templateProblems(workflow);
    const script = conversationStrategy?.openingScript;
    const wrong = script && placeholderProblem(openingTemplate(script), CALL_VALUES);
    if (wrong) fields['conversationStrategy.openingScript'] = `the text ${wrong}`;
    if (Object.keys(fields).length > 0) throw invalid(fields);
  }

  async function templateProblems(workflow: Campaign['workflow']): Promise<Record<string, string>> {
    const wanted = templatesOf(workflow);
    if (wanted.length === 0) return {};
    const found = await store.collection('message_templates').find({
      filter: { name: { $in: [...new Set(wanted.map(({ name }) => name))] } },
      sort: { version: 1 },
    });
    // Of each name the newest.
    const inUse = new Map(found.map((template) => [template.name, template]));
    const fields: Record<string, string> = {};
    for (const { field, name, channel } of wanted) {
      const template = inUse.get(name);
      if (!template) fields[field] = `there is no template ${name}`;
      else if (template.retiredAt) fields[field] = `the template ${name} is retired`;
      else if (channel !== undefined && template.channel !== channel)
        fields[field] = `the template ${name} is for ${template.channel === 'sms' ? 'texts' : 'e-mails'}`;
    }
    return fields;
  }

  /** A new campaign is a draft: it calls nobody until it is made active. Throws `invalid_request`. */
  async function create(input: NewCampaign, by: string): Promise<Campaign> {
    const { name, type, calling: wanted = {}, ...plan } = parseInput(CampaignInput, input);
    const given = without(plan, undefined) as Partial<Campaign>;
    await check(given);
    const now = new Date(clock.nowMs());
    const campaign: Campaign = {
      _id: ids.objectId(),
      name,
      type,
      status: 'draft',
      ...given,
      calling: calling({ ...HOUSE_CALLING, subject: name.slice(0, 100) }, wanted as CallingChange),
      createdAt: now,
      updatedAt: now,
    };
    await campaigns.insert(campaign);
    log.info({ campaignId: campaign._id, by }, 'a campaign was created');
    changed(campaign._id);
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

  /** What goes with a status. Campaigns that people place calls for have no workflow, and take their status from here. */
  function becoming(
    status: Campaign['status'],
    before: Campaign,
    by: string,
    reason?: string,
  ): { readonly set: object; readonly unset: readonly string[] } {
    const now = new Date(clock.nowMs());
    switch (status) {
      case 'active':
        return {
          set: {
            status,
            startedAt: before.startedAt ?? now,
            // A campaign that works already goes on as it does.
            ...(before.status === 'active' ? {} : { resumedAt: now }),
          },
          unset: ['hold', 'completedAt'],
        };
      case 'paused':
        return {
          set: {
            status,
            hold: before.hold ?? { code: 'manual', says: reason ?? 'Paused by hand', at: now, by },
          },
          unset: [],
        };
      case 'completed':
        return { set: { status, completedAt: before.completedAt ?? now }, unset: ['hold'] };
      case 'draft':
        return { set: { status }, unset: ['hold', 'completedAt'] };
    }
  }

  async function write(
    filter: Filter,
    { set, unset }: { readonly set: object; readonly unset: readonly string[] },
    by: string,
  ): Promise<Campaign | undefined> {
    const after = await campaigns.update(filter, {
      $set: { ...set, updatedAt: new Date(clock.nowMs()) },
      ...(unset.length === 0 ? {} : { $unset: Object.fromEntries(unset.map((field) => [field, ''])) }),
    });
    if (!after) return undefined;
    log.info({ campaignId: after._id, by, status: after.status }, 'a campaign was changed');
    changed(after._id);
    return after;
  }

  /** Changes what is given. Throws `campaign_not_found` and `invalid_request`. */
  async function update(id: string, patch: CampaignChange, by: string): Promise<Campaign> {
    const { calling: wanted, status, ...plan } = parseInput(CampaignChangeInput, patch);
    const before = await get(id);
    const given = without(plan, undefined);
    await check(without(given, null) as Partial<Campaign>, before);
    const turn = status === undefined ? undefined : becoming(status, before, by);
    const after = await write(
      { _id: id },
      {
        set: {
          ...without(given, null),
          ...(wanted === undefined ? {} : { calling: calling(before.calling, wanted as CallingChange) }),
          ...turn?.set,
        },
        unset: [...Object.keys(given).filter((field) => given[field] === null), ...(turn?.unset ?? [])],
      },
      by,
    );
    if (!after) throw new Failure('campaign_not_found', 'there is no such campaign', { details: { id } });
    if (wantsOf(before) !== wantsOf(after)) wantsOther(id, by);
    return after;
  }

  /** Takes a campaign from one of these statuses to another; as it is when it is there already. */
  async function turn(
    id: string,
    from: readonly Campaign['status'][],
    to: Campaign['status'],
    by: string,
    reason?: string,
  ): Promise<Campaign> {
    for (;;) {
      const before = await get(id);
      if (before.status === to) return before;
      if (!from.includes(before.status))
        throw new Failure('campaign_conflict', `a campaign that is ${before.status} cannot become ${to}`, {
          details: { campaignStatus: before.status },
        });
      const after = await write({ _id: id, status: before.status }, becoming(to, before, by, reason), by);
      // Undefined: somebody else turned it in between.
      if (after) return after;
    }
  }

  /**
   * Lets a draft or a paused campaign work by itself, from where it stood. Throws `campaign_not_found`,
   * `campaign_conflict` for one that is completed, `campaign_not_ready` with details.fields.
   */
  async function start(id: string, by: string): Promise<Campaign> {
    const campaign = await get(id);
    const use = await store.collection('campaign_use').get(id);
    const fields = {
      ...notReady(campaign, clock.nowMs(), use?.total.spent ?? 0),
      ...(await templateProblems(campaign.workflow)),
    };
    const [[field, why] = []] = Object.entries(fields);
    if (field !== undefined && campaign.status !== 'completed')
      throw new Failure('campaign_not_ready', `${field}: ${why}`, { details: { fields } });
    return await turn(id, ['draft', 'paused'], 'active', by);
  }

  /** No new step is begun; calls that are talked on end by themselves. Throws `campaign_not_found`, `campaign_conflict`. */
  const pause = (id: string, reason: string | undefined, by: string): Promise<Campaign> =>
    turn(id, ['active'], 'paused', by, reason);

  /** For good: its leads are done with. Throws `campaign_not_found`, `campaign_conflict` for a draft. */
  const complete = (id: string, by: string): Promise<Campaign> =>
    turn(id, ['active', 'paused'], 'completed', by);

  /** Throws `campaign_not_found`, and `campaign_conflict` for one that was ever started or that something belongs to. */
  async function remove(id: string, by: string): Promise<void> {
    const campaign = await get(id);
    const refuse = (why: string, details: Record<string, unknown> = {}): never => {
      throw new Failure('campaign_conflict', why, { details });
    };
    if (campaign.status !== 'draft' || campaign.startedAt)
      refuse('only a draft that was never started can be deleted; complete it instead');
    const mine = { campaignId: id };
    const [leads, calls, doors] = await Promise.all([
      store.collection('leads').count(mine),
      store.collection('calls').count(mine),
      store.collection('intake_endpoints').count({ ...mine, revokedAt: { $exists: false } }),
    ]);
    if (leads > 0) refuse('leads belong to this campaign; give them to another one first', { leads });
    if (calls > 0) refuse('calls were made for this campaign', { calls });
    if (doors > 0) refuse('a lead source brings its leads to this campaign; revoke it first', { doors });
    await campaigns.remove({ _id: id, status: 'draft' });
    log.info({ campaignId: id, by }, 'a campaign was deleted');
    changed(id);
  }

  /** How to call for a campaign, or for the house. Throws `campaign_not_found`. */
  const policyOf = async (campaignId: string | undefined): Promise<CallingPolicy> =>
    campaignId === undefined ? HOUSE_CALLING : (await get(campaignId)).calling;

  return { create, get, list, update, start, pause, complete, remove, policyOf };
}
