/**
 * app/message-templates: the wordings of texts and e-mails, by name. Saving one makes a new version, which is in use from
 * then on; older ones stay, for messages were made of them. What nobody may send is refused when it is saved.
 */
import type { Campaign } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { MessageChannel, MessageTemplate } from '../domain/message.ts';
import {
  type Composed,
  type Sender,
  sampleMessage,
  type WordingProblem,
  wordingProblems,
} from '../domain/message-template.ts';
import type { Clock, Ids, Store } from './ports.ts';

export interface TemplateWording {
  readonly name: string;
  readonly channel: MessageChannel;
  /** E-mails only. */
  readonly subject?: string;
  readonly body: string;
}

export interface TemplateView extends MessageTemplate {
  /** As the sample person would get it, with what is always added. */
  readonly preview: Composed;
  /** Campaigns that use it. */
  readonly usedBy: readonly { readonly id: string; readonly name: string }[];
}

/** Templates that come with the product: those that campaigns of the data model name. A file each, prompts/messages/<name>.md. */
const SHIPPED: Readonly<Record<string, MessageChannel>> = {
  follow_up_day_1: 'email',
  follow_up_day_3: 'sms',
  post_call_summary: 'email',
  market_updates: 'email',
  success_stories: 'email',
  tips: 'email',
};
const SHIPPED_BY = 'parley';
const MOST_TEMPLATES = 500;
/** Two who save the same name at once get two versions. */
const MOST_TRIES = 5;

const fileOf = (name: string): string => `prompts/messages/${name}.md`;

/** The first line of an e-mail's file is its subject. */
function readWording(name: string, channel: MessageChannel, file: string): TemplateWording {
  if (channel === 'sms') return { name, channel, body: file.trim() };
  const [, subject = '', body = ''] = /^Subject:([^\n]*)\n([\s\S]*)$/.exec(file) ?? [];
  return { name, channel, subject: subject.trim(), body: body.trim() };
}

/**
 * Reads and checks the templates that come with the product; `read` answers undefined for a file that is not there. Throws
 * Failure `config_invalid` with one line for each fault in `details.problems`.
 */
export function readTemplates(
  read: (file: string) => string | undefined,
  sender: Sender,
): readonly TemplateWording[] {
  const problems: string[] = [];
  const wordings: TemplateWording[] = [];
  for (const [name, channel] of Object.entries(SHIPPED)) {
    const file = read(fileOf(name));
    if (file === undefined) {
      problems.push(`${fileOf(name)} cannot be read; put it back, or take it from the release.`);
      continue;
    }
    const wording = readWording(name, channel, file);
    for (const { field, says } of wordingProblems(wording, sender))
      problems.push(`${fileOf(name)}: ${field} ${says}.`);
    wordings.push(wording);
  }
  if (problems.length > 0)
    throw new Failure('config_invalid', `the message templates cannot be used: ${problems.join(' ')}`, {
      details: { problems },
    });
  return wordings;
}

export interface TemplateDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly sender: Sender;
  readonly shipped: readonly TemplateWording[];
  /** For previews. */
  readonly unsubscribeUrl: string;
}

/** Throws Failure `invalid_request` that names the fields. */
export function refuseWording(problems: readonly WordingProblem[], fieldOf = (field: string) => field): void {
  if (problems.length === 0) return;
  throw new Failure('invalid_request', problems.map(({ field, says }) => `${field}: ${says}`).join('; '), {
    details: { fields: Object.fromEntries(problems.map(({ field, says }) => [fieldOf(field), says])) },
  });
}

export function createMessageTemplates({ store, clock, ids, sender, shipped, unsubscribeUrl }: TemplateDeps) {
  const templates = store.collection('message_templates');

  /** The version in use, retired or not. */
  async function newest(name: string): Promise<MessageTemplate | undefined> {
    const [found] = await templates.find({ filter: { name }, sort: { version: -1 }, limit: 1 });
    return found;
  }

  async function insert(wording: TemplateWording, version: number, by: string): Promise<MessageTemplate> {
    const now = new Date(clock.nowMs());
    const { name, channel, subject, body } = wording;
    const template: MessageTemplate = {
      _id: ids.objectId(),
      name,
      version,
      channel,
      ...(subject === undefined ? {} : { subject }),
      body,
      createdBy: by,
      createdAt: now,
      updatedAt: now,
    };
    await templates.insert(template);
    return template;
  }

  const campaignsWith = (name: string): Promise<Campaign[]> =>
    store.collection('campaigns').find({
      filter: { $or: [{ 'workflow.followUp.template': name }, { 'workflow.nurture.content': name }] },
    });

  const view = (template: MessageTemplate, campaigns: readonly Campaign[]): TemplateView => ({
    ...template,
    preview: sampleMessage(template, sender, unsubscribeUrl),
    usedBy: campaigns.map(({ _id, name }) => ({ id: _id, name })),
  });

  async function known(name: string): Promise<MessageTemplate> {
    const template = await newest(name);
    if (!template) throw new Failure('not_found', 'there is no such template', { details: { name } });
    return template;
  }

  /** A new version, in use from now on. Throws `invalid_request` with what is wrong with the wording. */
  async function save(wording: TemplateWording, by: string): Promise<TemplateView> {
    refuseWording(wordingProblems(wording, sender));
    for (let tries = 1; ; tries += 1) {
      const before = await newest(wording.name);
      if (before && before.channel !== wording.channel)
        refuseWording(
          [
            {
              field: 'body',
              says: `this name is a template for ${before.channel === 'sms' ? 'texts' : 'e-mails'}; choose another`,
            },
          ],
          () => 'channel',
        );
      try {
        return view(await insert(wording, (before?.version ?? 0) + 1, by), await campaignsWith(wording.name));
      } catch (error) {
        if (!isFailure(error, 'duplicate_key') || tries === MOST_TRIES) throw error;
      }
    }
  }

  /** The newest version of each name, by name; retired ones are last. */
  async function list(): Promise<readonly TemplateView[]> {
    const found = await templates.find({ sort: { name: 1, version: -1 }, limit: MOST_TEMPLATES });
    const newestOnes = found.filter(({ name }, at) => found[at - 1]?.name !== name);
    const views = await Promise.all(
      newestOnes.map(async (template) => view(template, await campaignsWith(template.name))),
    );
    return views.sort((a, b) => Number(a.retiredAt !== undefined) - Number(b.retiredAt !== undefined));
  }

  /** Newest first. Throws `not_found`. */
  async function versions(name: string): Promise<readonly TemplateView[]> {
    const campaigns = await campaignsWith(name);
    const all = await templates.find({ filter: { name }, sort: { version: -1 }, limit: MOST_TEMPLATES });
    if (all.length === 0) throw new Failure('not_found', 'there is no such template', { details: { name } });
    // Campaigns use the newest one.
    return all.map((template, at) => view(template, at === 0 ? campaigns : []));
  }

  /** As the sample person would get it; nothing is kept. Throws `invalid_request` with what is wrong with the wording. */
  function preview(wording: TemplateWording): Composed {
    refuseWording(wordingProblems(wording, sender));
    return sampleMessage(wording, sender, unsubscribeUrl);
  }

  /** Throws `not_found`. */
  const get = async (name: string): Promise<TemplateView> =>
    view(await known(name), await campaignsWith(name));

  /** No campaign may use it any more. Throws `not_found`, and `template_in_use` while one that is not completed does. */
  async function retire(name: string): Promise<TemplateView> {
    const { _id, retiredAt } = await known(name);
    const using = (await campaignsWith(name)).filter(({ status }) => status !== 'completed');
    if (using.length > 0)
      throw new Failure('template_in_use', `used by ${using.map((campaign) => campaign.name).join(', ')}`, {
        details: { campaigns: using.map((campaign) => ({ id: campaign._id, name: campaign.name })) },
      });
    const now = new Date(clock.nowMs());
    const retired =
      retiredAt === undefined
        ? await templates.update({ _id }, { $set: { retiredAt: now, updatedAt: now } })
        : undefined;
    return view(retired ?? (await known(name)), []);
  }

  /** For a message that is about to be made. Throws `not_found` when there is none, or it is retired, or of another channel. */
  async function inUse(name: string, channel: MessageChannel): Promise<MessageTemplate> {
    const template = await known(name);
    if (template.retiredAt !== undefined)
      throw new Failure('not_found', 'this template is retired', { details: { name } });
    if (template.channel !== channel)
      throw new Failure(
        'invalid_request',
        `this template is for ${template.channel === 'sms' ? 'texts' : 'e-mails'}`,
        {
          details: { fields: { template: 'is for another channel' } },
        },
      );
    return template;
  }

  /** Puts what comes with the product in, where its name was never used. */
  async function furnish(): Promise<void> {
    for (const wording of shipped) {
      if (await newest(wording.name)) continue;
      await insert(wording, 1, SHIPPED_BY).catch((error) => {
        if (!isFailure(error, 'duplicate_key')) throw error;
      });
    }
  }

  return { save, list, get, versions, preview, retire, inUse, furnish };
}

export type MessageTemplates = ReturnType<typeof createMessageTemplates>;
