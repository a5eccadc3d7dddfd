/** app/compose-message: the words of one message to one lead: a template or a text of one's own, filled in with what is known. */
import type { FollowUpKind } from '../domain/call.ts';
import type { Lead } from '../domain/documents.ts';
import type { MessageChannel } from '../domain/message.ts';
import {
  type Composed,
  composeMessage,
  type MessageValues,
  type Sender,
  wordingProblems,
} from '../domain/message-template.ts';
import { type MessageTemplates, refuseWording, type TemplateWording } from './message-templates.ts';
import type { Clock, Store } from './ports.ts';

export interface MessageWords {
  readonly channel: MessageChannel;
  /** Exactly one of `template` (its newest version) and `text`. */
  readonly template?: string;
  readonly text?: string;
  /** With `text`, for e-mails. */
  readonly subject?: string;
}

/** And what of it the record of the message tells. */
export type ComposedFrom = Composed & { readonly template?: string; readonly templateVersion?: number };

export interface ComposeDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly templates: Pick<MessageTemplates, 'inUse'>;
  readonly sender: Sender;
  /** Where this lead unsubscribes. */
  readonly urlFor: (leadId: string) => string;
}

/** What it answers throws Failure `not_found` (no such template in use), `invalid_request`, and what the store throws. */
export function createComposeMessage({ store, clock, templates, sender, urlFor }: ComposeDeps) {
  async function wordingOf({
    channel,
    template,
    text = '',
    subject,
  }: MessageWords): Promise<Omit<TemplateWording, 'name'> & { readonly version?: number }> {
    if (template !== undefined) return await templates.inUse(template, channel);
    const wording = { channel, body: text, ...(subject === undefined ? {} : { subject }) };
    refuseWording(wordingProblems(wording, sender), (field) => (field === 'body' ? 'text' : field));
    return wording;
  }

  async function valuesFor(lead: Lead): Promise<Partial<MessageValues>> {
    const [last] = await store.collection('calls').find({
      filter: { leadId: lead._id, answeredAt: { $exists: true } },
      sort: { initiatedAt: -1 },
      limit: 1,
    });
    const { firstName, lastName, address } = lead.contact;
    const zone = last?.complianceDecision?.zones[0]?.zone;
    const next = last?.followUpActions.find(
      ({ scheduledFor }) => scheduledFor !== undefined && scheduledFor.getTime() > clock.nowMs(),
    );
    return {
      first_name: firstName,
      full_name: `${firstName} ${lastName}`,
      property_address: lead.propertyAddress ?? '',
      city: address?.city ?? '',
      ...(last?.answeredAt && zone ? { last_call: `on ${dayIn(zone, last.answeredAt)}` } : {}),
      ...(next?.scheduledFor && zone
        ? { next_step: `${NEXT_STEP[next.type]} on ${momentIn(zone, next.scheduledFor)}.` }
        : {}),
    };
  }

  return async (words: MessageWords, lead: Lead): Promise<ComposedFrom> => {
    const { version, ...wording } = await wordingOf(words);
    return {
      ...composeMessage(wording, await valuesFor(lead), sender, urlFor(lead._id)),
      ...(words.template === undefined ? {} : { template: words.template }),
      ...(version === undefined ? {} : { templateVersion: version }),
    };
  };
}

const NEXT_STEP: Readonly<Record<FollowUpKind, string>> = {
  site_visit: 'We will come to see the house',
  callback: 'We will call you again',
  send_email: 'We will write to you',
  send_sms: 'We will write to you',
};

const dayIn = (zone: string, at: Date): string =>
  new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'long', month: 'long', day: 'numeric' }).format(
    at,
  );

/** "Monday, November 30 at 10:00 am". */
function momentIn(zone: string, at: Date): string {
  const time = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hour: 'numeric',
    minute: '2-digit',
  }).format(at);
  return `${dayIn(zone, at)} at ${time.toLowerCase()}`;
}
