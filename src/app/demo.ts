/**
 * app/demo: brings sample campaigns and their people in through the doors that everybody uses, in the background, and can be
 * asked again: what is there already stays as it is.
 */

import type { NewCampaign } from '../domain/campaign-plan.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { Campaign, Lead } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import type { LeadChange, NewLead } from '../domain/lead.ts';
import type { ConsentGiven } from './consents.ts';
import type { Log, Store } from './ports.ts';

/** Somebody to bring in, and what else is told of them. */
export interface SamplePerson {
  /** Which of the campaigns they belong to. */
  readonly campaign: number;
  readonly lead: NewLead & { readonly consent?: ConsentGiven };
  /** Why they are on our own do-not-call list. */
  readonly listed?: string;
  readonly known?: LeadChange;
  /** A template that they are sent at once. */
  readonly text?: string;
}

export interface Sample {
  readonly campaigns: readonly NewCampaign[];
  /** Cities, each with a number there by which the gate is asked. */
  readonly places: readonly { readonly city: string; readonly phone: string }[];
  readonly people: (open: readonly string[], closed: readonly string[]) => readonly SamplePerson[];
}

export interface DemoDeps {
  readonly store: Store;
  readonly log: Log;
  readonly app: {
    readonly campaigns: {
      create(campaign: NewCampaign, by: string): Promise<Campaign>;
      start(campaignId: string, by: string): Promise<Campaign>;
    };
    readonly leads: {
      create(lead: SamplePerson['lead'], by: string): Promise<Lead>;
      update(leadId: string, change: LeadChange, by: string): Promise<Lead>;
    };
    readonly properties: { qualifyLead(leadId: string, by: string): Promise<unknown> };
    readonly dnc: {
      add(
        entry: {
          readonly phone: string;
          readonly scope: 'internal';
          readonly reason: string;
          readonly source: string;
        },
        by: string,
      ): Promise<unknown>;
    };
    readonly compliance: { check(question: { readonly phone: string }): Promise<Decision> };
    readonly messages: {
      send(request: {
        readonly leadId: string;
        readonly channel: 'sms';
        readonly template: string;
        readonly campaignId: string;
        readonly attemptKey: string;
        readonly requestedBy: string;
      }): Promise<unknown>;
    };
    readonly forecasts: { start(campaignId: string): Promise<unknown> };
  };
  readonly sample: Sample;
  readonly shutdown: AbortSignal;
}

export interface DemoBegun {
  readonly campaigns: readonly { readonly id: string; readonly name: string }[];
  /** How many are brought in. */
  readonly people: number;
}

const TIME_BARS = /hours|day_barred|holiday|not_enabled|timezone/;

export function createDemo({ store, log, app, sample, shutdown }: DemoDeps) {
  let filling: Promise<void> | undefined;

  /** The campaigns are there when it resolves, and running; their people come in after it. Throws what the store throws. */
  async function begin(by: string): Promise<DemoBegun> {
    const campaigns: Campaign[] = [];
    for (const plan of sample.campaigns) {
      const [known] = await store.collection('campaigns').find({ filter: { name: plan.name }, limit: 1 });
      campaigns.push(known ?? (await app.campaigns.create(plan, by)));
    }
    const people = await peopleNow();
    filling ??= fill(campaigns, people, by)
      .catch((error) => {
        if (!shutdown.aborted)
          log.error({ err: error }, 'the people of the sample could not all be brought in');
      })
      .finally(() => {
        filling = undefined;
      });
    return { campaigns: campaigns.map(({ _id: id, name }) => ({ id, name })), people: people.length };
  }

  async function peopleNow(): Promise<readonly SamplePerson[]> {
    const open: string[] = [];
    const closed: string[] = [];
    for (const { city, phone } of sample.places) {
      const { reasons } = await app.compliance.check({ phone });
      (reasons.some((reason) => TIME_BARS.test(reason)) ? closed : open).push(city);
    }
    return sample.people(open, closed);
  }

  async function fill(
    campaigns: readonly Campaign[],
    people: readonly SamplePerson[],
    by: string,
  ): Promise<void> {
    // Whoever is not to be called is known as such before the campaign begins, as in life.
    const [first, then] = split(people, ({ listed, known }) => (listed ?? known) !== undefined);
    for (const person of first) await bring(person, campaigns, by);
    for (const { _id, status } of campaigns)
      if (status === 'draft') {
        await app.forecasts.start(_id);
        await app.campaigns.start(_id, by);
      }
    for (const person of then) await bring(person, campaigns, by);
    for (const { _id } of campaigns) await app.forecasts.start(_id);
  }

  async function bring(
    { lead, listed, known, text, campaign }: SamplePerson,
    campaigns: readonly Campaign[],
    by: string,
  ): Promise<void> {
    shutdown.throwIfAborted();
    const campaignId = campaigns[campaign]?._id;
    if (campaignId === undefined) return;
    if (listed !== undefined)
      await app.dnc.add(
        { phone: lead.contact.phone, scope: 'internal', reason: listed, source: 'letter' },
        by,
      );
    let made: Lead;
    try {
      // Those of whom somebody knows more belong to a campaign already; the others are found by its targeting.
      made = await app.leads.create({ ...lead, ...(known || listed ? { campaignId } : {}) }, by);
    } catch (error) {
      if (isFailure(error, 'duplicate_key')) return;
      throw error;
    }
    await app.properties.qualifyLead(made._id, by);
    if (known) await app.leads.update(made._id, known, by);
    if (text === undefined) return;
    await app.messages
      .send({
        leadId: made._id,
        channel: 'sms',
        template: text,
        campaignId,
        attemptKey: `demo:${made._id}`,
        requestedBy: by,
      })
      .catch((error) => log.warn({ err: error, leadId: made._id }, 'a sample text could not be sent'));
  }

  return {
    begin,
    /** Resolves when nobody is being brought in. */
    settled: async (): Promise<void> => void (await filling),
  };
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
