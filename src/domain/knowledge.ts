/**
 * domain/knowledge: what the agent may look up while it talks. An entry is one version of one answer; which entry answers
 * what somebody said is chosen by its words and by how well it did; how a look-up went is read from the analysis of its call.
 */
import { z } from 'zod';
import { normalWords, wasSaid } from './analysis.ts';
import type { Call, CallEvent } from './call.ts';
import type { Stamped, TranscriptMessage } from './documents.ts';
import { talkStart } from './transcript.ts';

export const KNOWLEDGE_KINDS = [
  'objection_handler',
  'faq',
  'conversation_pattern',
  'market_intelligence',
  'script',
] as const;
export type KnowledgeKind = (typeof KNOWLEDGE_KINDS)[number];

/** What a version says. `tags` are words and phrases that somebody says when this is the answer. */
export interface KnowledgeWording {
  readonly kind: KnowledgeKind;
  readonly title: string;
  readonly body: string;
  readonly tags: readonly string[];
}

/** `succeeded` counts a look-up as 1 where it settled the matter, as ½ where only the call went well, else as 0. */
export interface KnowledgeStats {
  readonly used: number;
  readonly succeeded: number;
}

/** One version of an entry: (key, version) is unique, and versions of one key are never changed, only followed. */
export interface KnowledgeEntry extends KnowledgeWording, Stamped {
  readonly key: string;
  /** From 1. */
  readonly version: number;
  /** Of several active versions of a key, the one activated last counts. */
  readonly active: boolean;
  readonly activatedAt?: Date;
  readonly stats: KnowledgeStats;
  /** The proposal it was made of. */
  readonly proposalId?: string;
  readonly createdBy: string;
}

export const KEY_SHAPE = /^[a-z0-9][a-z0-9_]{0,59}$/;
export const MOST_TAGS = 40;
export const LONGEST_TAG = 60;
export const LONGEST_TITLE = 120;
/** The agent reads it out or says it in its own words: more than this nobody listens to. */
export const LONGEST_BODY = 1_200;

const PLACEHOLDER = /\{\{\s*(\w+)\s*\}\}/g;

/** What is wrong with a wording, by field. */
export function knowledgeProblems({ title, body, tags }: KnowledgeWording): Record<string, string> {
  const problems: Record<string, string> = {};
  const says = (field: string, text: string, longest: number): void => {
    if (text.trim() === '') problems[field] = 'says nothing';
    else if (text.length > longest) problems[field] = `has more than ${longest} characters`;
  };
  says('title', title, LONGEST_TITLE);
  says('body', body, LONGEST_BODY);
  if (tags.length > MOST_TAGS) problems.tags = `are more than ${MOST_TAGS}`;
  if (tags.some((tag) => stemsOf(tag).length === 0)) problems.tags = 'need a word each that tells something';
  if (tags.some((tag) => tag.length > LONGEST_TAG)) problems.tags = `have at most ${LONGEST_TAG} characters`;
  const unknown = [...body.matchAll(PLACEHOLDER)].find(([, name]) => name !== 'seller_name');
  if (unknown) problems.body = `{{${unknown[1]}}} is not known; there is {{seller_name}}`;
  else if (/[{}]/.test(body.replace(PLACEHOLDER, ''))) problems.body = 'has a broken placeholder';
  return problems;
}

/** As the agent is told it. */
export const spokenBody = ({ body }: Pick<KnowledgeWording, 'body'>, sellerName: string): string =>
  body.replace(PLACEHOLDER, () => sellerName).trim();

export const successRate = ({ used, succeeded }: KnowledgeStats): number | undefined =>
  used === 0 ? undefined : succeeded / used;

/** The version in use: of the active ones, the one activated last. */
export const activeVersion = (versions: readonly KnowledgeEntry[]): KnowledgeEntry | undefined =>
  versions.reduce<KnowledgeEntry | undefined>(
    (best, each) =>
      each.active &&
      (best === undefined || (each.activatedAt?.getTime() ?? 0) > (best.activatedAt?.getTime() ?? 0))
        ? each
        : best,
    undefined,
  );

// ── Choosing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const STOP_WORDS = new Set(
  (
    'a an and any are as at be been but by can could dear did do does for from get got had has have he her here him his how ' +
    'i if in is it its just let like me my no of off oh ok okay on or our out please really she so some such than ' +
    'that the their them then there these they thing this those to too um uh up us very want was we well were what when ' +
    'which who why will with would yes you your im ive id dont thats theres'
  ).split(' '),
);

/** Close enough to one another: "selling", "sells" and "sell" are one. */
function stem(word: string): string {
  if (word.length <= 3) return word;
  const bare = word.replace(/ies$/, 'y').replace(/(?:ing|ed|ly|s)$/, '');
  return bare.length >= 3 ? bare : word;
}

const stemsOf = (text: string): string[] =>
  normalWords(text)
    .split(' ')
    .filter((word) => word !== '' && !STOP_WORDS.has(word))
    .map(stem);

/** What the agent asks for: a topic of its own, what the person said, or both. */
export interface KnowledgeQuestion {
  readonly topic?: string;
  readonly said?: string;
}

const TAG_WEIGHT = 3;
const TITLE_WEIGHT = 1;
const BODY_WEIGHT = 0.15;
/** Below this, words met by chance. */
const LEAST_SCORE = 2;
/** An answer that always settled the matter counts this much more than one that never did. */
const RECORD_WEIGHT = 0.4;
/** What an objection asks for comes first where the words say the same. */
const KIND_WEIGHT: Readonly<Record<KnowledgeKind, number>> = {
  objection_handler: 1.1,
  faq: 1.05,
  market_intelligence: 1,
  conversation_pattern: 0.95,
  script: 0.9,
};
/** So many words of a question count. */
const MOST_ASKED = 60;

/** Chooses among these entries: the best answer to a question, or none where no entry speaks of it. */
export function knowledgeIndex(
  entries: readonly KnowledgeEntry[],
): (question: KnowledgeQuestion) => KnowledgeEntry | undefined {
  const prepared = entries.map((entry) => ({
    entry,
    tags: entry.tags.map((tag) => [...new Set(stemsOf(tag))]),
    title: new Set(stemsOf(entry.title)),
    body: new Set(stemsOf(entry.body)),
  }));
  const spread = new Map<string, number>();
  for (const { tags, title, body } of prepared)
    for (const word of new Set([...tags.flat(), ...title, ...body]))
      spread.set(word, (spread.get(word) ?? 0) + 1);
  /** A word that is in every entry tells nothing; one that is in a single entry tells most. */
  const weight = (word: string): number => Math.log(1 + entries.length / (spread.get(word) ?? 1));

  return ({ topic = '', said = '' }) => {
    const asked = new Set(stemsOf(`${topic} ${said}`).slice(0, MOST_ASKED));
    if (asked.size === 0) return undefined;
    const shared = (words: ReadonlySet<string>): number =>
      [...words].reduce((sum, word) => sum + (asked.has(word) ? weight(word) : 0), 0);
    let best: { readonly entry: KnowledgeEntry; readonly score: number } | undefined;
    for (const { entry, tags, title, body } of prepared) {
      const met = tags
        .filter((tag) => tag.every((word) => asked.has(word)))
        .reduce((sum, tag) => sum + tag.reduce((all, word) => all + weight(word), 0), 0);
      const words = met * TAG_WEIGHT + shared(title) * TITLE_WEIGHT + shared(body) * BODY_WEIGHT;
      if (words < LEAST_SCORE) continue;
      // One success more and one failure more than there were: a single use proves little.
      const record = (entry.stats.succeeded + 1) / (entry.stats.used + 2);
      const score = words * KIND_WEIGHT[entry.kind] * (1 + RECORD_WEIGHT * (record - 0.5));
      if (!best || score > best.score || (score === best.score && entry.key < best.entry.key))
        best = { entry, score };
    }
    return best?.entry;
  };
}

// ── How it went ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * `settled`: the objection or question it was looked up for was resolved; `open`: it was not; `partly`: nothing is known of
 * it, and the call went well; `unclear`: nothing is known, and the call came to nothing.
 */
export type UseResult = 'settled' | 'partly' | 'open' | 'unclear';

export const CREDIT: Readonly<Record<UseResult, number>> = { settled: 1, partly: 0.5, open: 0, unclear: 0 };

/** One entry that was looked up in one call; a second look-up of it there counts as the same use. */
export interface KnowledgeUse extends Stamped {
  readonly callId: string;
  readonly key: string;
  readonly version: number;
  /** Seconds since the talk began. */
  readonly atSec: number;
  /** The message it was the answer to. */
  readonly messageIndex?: number;
  readonly result: UseResult;
}

/** What the agent looked up in a call, in the order in which it did. */
export interface LookUp {
  /** Absent: nothing was found. */
  readonly entry?: { readonly key: string; readonly version: number };
  readonly atSec: number;
  /** The person's message before it. */
  readonly messageIndex?: number;
}

export function lookUpsIn(
  events: readonly CallEvent[],
  messages: readonly TranscriptMessage[],
): readonly LookUp[] {
  const startMs = talkStart(events)?.getTime() ?? 0;
  return events.flatMap((event): LookUp[] => {
    if (event.type !== 'looked_up') return [];
    const atSec = Math.max(0, Math.round((event.at.getTime() - startMs) / 100) / 10);
    const messageIndex = messages.findLastIndex(
      ({ speaker, timestamp }) => speaker === 'user' && timestamp <= atSec,
    );
    return [
      {
        ...(event.entry ? { entry: event.entry } : {}),
        atSec,
        ...(messageIndex < 0 ? {} : { messageIndex }),
      },
    ];
  });
}

const JUDGED: ReadonlySet<string> = new Set(['objection', 'question', 'complaint']);
const WENT_WELL: ReadonlySet<string> = new Set(['qualified', 'callback', 'transferred']);
/** A person says one thing in several messages; the moment may rest on one nearby. */
const NEAR = 2;

/**
 * How a look-up went, by the key moment it was the answer to; where there is none that says, by what the call came to.
 * `wrong`: paths of claims that a person said are wrong: a moment marked so says the contrary.
 */
export function resultOf(
  { messageIndex }: Pick<LookUp, 'messageIndex'>,
  { keyMoments = [], outcome }: Pick<Call, 'keyMoments' | 'outcome'>,
  wrong: ReadonlySet<string>,
): UseResult {
  const moment =
    messageIndex === undefined
      ? undefined
      : keyMoments
          .filter(
            (each) =>
              JUDGED.has(each.type) &&
              each.resolved !== undefined &&
              Math.abs(each.messageIndex - messageIndex) <= NEAR,
          )
          .sort(
            (a, b) => Math.abs(a.messageIndex - messageIndex) - Math.abs(b.messageIndex - messageIndex),
          )[0];
  if (moment) {
    const isWrong = wrong.has(`keyMoments.${moment.type}@${moment.messageIndex}`);
    return moment.resolved !== isWrong ? 'settled' : 'open';
  }
  return outcome !== undefined && WENT_WELL.has(outcome) ? 'partly' : 'unclear';
}

// ── Proposals ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Words of a call that a proposal rests on. */
export interface ProposalEvidence {
  readonly callId: string;
  /** Of the transcript's messages, counted from 0. */
  readonly messageIndex: number;
  readonly atSec: number;
  readonly speaker: 'agent' | 'user';
  readonly quote: string;
}

/** A version that the architect would have. Nothing changes until a person accepts it. */
export interface KnowledgeProposal extends KnowledgeWording, Stamped {
  readonly key: string;
  /** The key, while it is open: there is one open proposal for each. */
  readonly openKey?: string;
  /** The version it would follow; 0: there is no such entry yet. */
  readonly baseVersion: number;
  readonly insight: string;
  /** `rules`: made without a model. */
  readonly by: 'claude' | 'rules';
  readonly model?: string;
  /** Of the prompt, its name and number, and the SHA-256 of what the model is told of how to answer. */
  readonly promptVersion?: string;
  readonly promptHash?: string;
  /** US dollars, not rounded. */
  readonly cost?: number;
  readonly source: 'call_feedback' | 'analysis';
  readonly evidence: readonly ProposalEvidence[];
  /** How the version it would follow did until then. */
  readonly before: KnowledgeStats;
  readonly state: 'open' | 'accepted' | 'rejected';
  readonly acceptedVersion?: number;
  readonly decidedBy?: string;
  readonly decidedAt?: Date;
  readonly reason?: string;
}

/** Of fewer uses nothing can be told. */
export const FEWEST_USES = 5;

/** What an accepted version changed: success rates before and now, with the uses they come from; undefined: too few uses. */
export function improvementOf(
  before: KnowledgeStats,
  now: KnowledgeStats,
): { readonly before: number; readonly now: number; readonly change: number } | undefined {
  if (before.used < FEWEST_USES || now.used < FEWEST_USES) return undefined;
  const [was, is] = [before.succeeded / before.used, now.succeeded / now.used];
  return { before: was, now: is, change: is - was };
}

/** Of fewer settled look-ups in a hundred, a version is looked at. */
export const WEAK = 0.5;

/** A talk in which an entry was looked up, or in which the same came up without it (`other`). */
export interface Talk {
  readonly callId: string;
  readonly result: UseResult | 'other';
  /** The message it was about. */
  readonly messageIndex: number;
  /** Some before and after it, with their places in the transcript. */
  readonly messages: readonly (Pick<TranscriptMessage, 'speaker' | 'text' | 'timestamp'> & {
    readonly index: number;
  })[];
  /** What reviewers wrote about the call. */
  readonly remarks: readonly string[];
  /** Names of the person, which no answer may have. */
  readonly names: readonly string[];
}

const MOST_CHARS_QUOTED = 200;

/** What an architect answers, before anybody looked whether it is true. */
export const ProposalDraft = z.object({
  change: z.boolean(),
  insight: z.string().min(1).max(600),
  title: z.string().min(1).max(LONGEST_TITLE),
  body: z.string().min(1).max(LONGEST_BODY),
  tags: z.array(z.string().min(1).max(LONGEST_TAG)).max(MOST_TAGS),
  evidence: z
    .array(
      z.object({
        talk: z.int().min(0),
        messageIndex: z.int().min(0),
        quote: z.string().min(1).max(MOST_CHARS_QUOTED),
      }),
    )
    .max(20),
});
export type ProposalDraft = z.output<typeof ProposalDraft>;

/** The quotes that were really said where they are said to be. */
export const heldEvidence = (
  evidence: ProposalDraft['evidence'],
  talks: readonly Talk[],
): readonly ProposalEvidence[] =>
  evidence.flatMap(({ talk, messageIndex, quote }): ProposalEvidence[] => {
    const of = talks[talk];
    const message = of?.messages.find(({ index }) => index === messageIndex);
    if (!of || !message || message.speaker === 'system' || !wasSaid(quote, message.text)) return [];
    const { speaker, timestamp: atSec } = message;
    return [{ callId: of.callId, messageIndex, atSec, speaker, quote }];
  });

/** Whether a text has one of these names in it. */
const tellsNames = (text: string, names: readonly string[]): boolean =>
  names.some((name) => name.trim().length > 1 && wasSaid(name, text));

/**
 * A better answer by rules alone: what the agent said in talks where the same came up and was settled, when that did better
 * than this version does. Undefined: the talks show none.
 */
export function proposedByRules(
  entry: Pick<KnowledgeEntry, 'title' | 'body' | 'tags' | 'version' | 'stats'>,
  talks: readonly Talk[],
): ProposalDraft | undefined {
  const rate = successRate(entry.stats);
  if (rate === undefined || entry.stats.used < FEWEST_USES || rate >= WEAK) return undefined;
  const better = talks.flatMap(({ result, messageIndex, messages, names }, talk) => {
    if (result !== 'other' && result !== 'settled') return [];
    const answer = messages.find(({ index, speaker }) => index > messageIndex && speaker === 'agent');
    const isOurs = answer !== undefined && !wasSaid(answer.text, entry.body);
    return answer && isOurs && answer.text.length >= 40 && !tellsNames(answer.text, names)
      ? [{ talk, answer }]
      : [];
  });
  // One talk that went well proves nothing.
  const [first] = better;
  if (!first || better.length < 2) return undefined;
  const words = first.answer.text.trim();
  const rest = entry.body.length + words.length + 1 <= LONGEST_BODY ? ` ${entry.body}` : '';
  const failed = talks.flatMap(({ result, messageIndex, messages }, talk) => {
    const said = messages.find(({ index }) => index === messageIndex);
    return result === 'open' && said ? [{ talk, messageIndex, quote: quoted(said.text) }] : [];
  });
  const settled = Math.round(entry.stats.succeeded);
  return {
    change: true,
    insight: `Version ${entry.version} settled ${settled} of ${entry.stats.used} look-ups. In ${better.length} other talks the same came up and was settled; the new version begins with what the agent said in one of them.`,
    title: entry.title,
    body: `${words}${rest}`.slice(0, LONGEST_BODY),
    tags: [...entry.tags],
    evidence: [
      ...better.map(({ talk, answer }) => ({ talk, messageIndex: answer.index, quote: quoted(answer.text) })),
      ...failed.slice(0, 3),
    ].slice(0, 20),
  };
}

/** Whole words from the beginning. */
const quoted = (text: string): string =>
  text.length <= MOST_CHARS_QUOTED ? text : text.slice(0, MOST_CHARS_QUOTED).replace(/\s+\S*$/, '');
