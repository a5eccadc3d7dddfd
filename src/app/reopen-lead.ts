/**
 * app/reopen-lead: a campaign that was done with a lead begins with it anew. Somebody asks for it; or the person, whom nobody
 * reached, sends a form again. Whoever was reached or said no is not called again by itself: somebody decides that.
 */
import { type Ending, type Enrollment, endingOf } from '../domain/campaign.ts';
import { Failure } from '../domain/errors.ts';
import type { Enrollments } from './enrollments.ts';
import type { Log, Store } from './ports.ts';

export interface ReopenLeadDeps {
  readonly store: Store;
  readonly log: Log;
  readonly enrollments: Pick<Enrollments, 'reopen'>;
  /** What an enrollment has become. */
  readonly planned: (step: Enrollment) => void;
}

/** What is still in the way, as people read it. */
const IN_THE_WAY: Partial<Record<Ending, string>> = {
  removed: 'the lead is lost or belongs to another campaign; change that first',
  opted_out: 'the person wants no calls; release them from the do-not-call list first',
  converted: 'the lead is converted',
};

export function createReopenLead({ store, log, enrollments, planned }: ReopenLeadDeps) {
  const leads = store.collection('leads');

  async function begin(enrollment: Enrollment): Promise<boolean> {
    const reopened = await enrollments.reopen(enrollment);
    if (!reopened) return false;
    planned(reopened);
    const { campaignId, leadId, ended } = enrollment;
    log.info({ campaignId, leadId, why: ended?.why }, 'a campaign begins with a lead anew');
    return true;
  }

  return {
    /**
     * From the first call on, with a new count of tries; the caps of the gate count what was before. Throws Failure
     * `campaign_not_found`, `not_found` when it never had the lead, `campaign_conflict` when something is in the way.
     */
    async reopen(campaignId: string, leadId: string): Promise<void> {
      const campaign = await store.collection('campaigns').get(campaignId);
      if (!campaign) throw new Failure('campaign_not_found', 'there is no such campaign');
      const [enrollment] = await store
        .collection('enrollments')
        .find({ filter: { campaignId, leadId }, limit: 1 });
      if (!enrollment) throw new Failure('not_found', 'the campaign never had this lead');
      const conflict = (says: string): Failure =>
        new Failure('campaign_conflict', says, { details: { campaignId, leadId } });
      if (campaign.status === 'completed') throw conflict('the campaign is over');
      if (enrollment.stage !== 'ended') throw conflict('the campaign is not done with this lead');
      const why = endingOf(await leads.get(leadId), campaignId);
      if (why) throw conflict(IN_THE_WAY[why] ?? why);
      if (!(await begin(enrollment))) throw conflict('the campaign is not done with this lead');
    },
    /** The person asked again, by themselves. */
    async cameAgain(leadId: string): Promise<void> {
      const lead = await leads.get(leadId);
      const campaignId = lead?.campaignId;
      if (campaignId === undefined || endingOf(lead, campaignId)) return;
      const filter = { campaignId, leadId, 'ended.why': 'exhausted' };
      for (const each of await store.collection('enrollments').find({ filter, limit: 1 })) await begin(each);
    },
  };
}
