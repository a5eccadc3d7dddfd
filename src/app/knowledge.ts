/**
 * app/knowledge: the answers that the agent looks up while it talks, by key and version. Saving makes a new version, which
 * is in use from then on; an earlier one can be put in use again. What a call asks for is answered from memory, so that
 * nobody on the line waits for the store.
 */
import { Failure, isFailure } from '../domain/errors.ts';
import {
  activeVersion,
  CREDIT,
  KEY_SHAPE,
  KNOWLEDGE_KINDS,
  type KnowledgeEntry,
  type KnowledgeKind,
  type KnowledgeQuestion,
  type KnowledgeUse,
  type KnowledgeWording,
  knowledgeIndex,
  knowledgeProblems,
  spokenBody,
  type UseResult,
} from '../domain/knowledge.ts';
import { soon } from './at-hand.ts';
import type { Clock, Ids, Log, Store } from './ports.ts';
import { turnsOf } from './turns.ts';

/** Entries that come with the product; a file each, prompts/knowledge/<key>-<version>.md. */
const SHIPPED: Readonly<Record<string, number>> = {
  bad_condition: 1,
  close_on_a_time: 1,
  earn_the_next_answer: 1,
  fees_and_commissions: 1,
  has_an_agent: 1,
  how_fast: 1,
  how_it_works: 1,
  inherited_house: 1,
  is_this_a_scam: 1,
  not_ready_to_sell: 1,
  owes_more: 1,
  price_too_low: 1,
  sell_it_myself: 1,
  someone_else_decides: 1,
  tenants_inside: 1,
  what_is_it_worth: 1,
  why_this_house: 1,
};
const SHIPPED_BY = 'parley';
/** An address of its own stands under this name. */
const PROPOSALS = 'proposals';
/** Versions of everything together. */
const MOST_VERSIONS = 5_000;
/** What another process changed is known here after so long. */
const FRESH_MS = 30_000;

export interface ShippedEntry extends KnowledgeWording {
  readonly key: string;
  readonly version: number;
}

const isKind = (kind: string): kind is KnowledgeKind => KNOWLEDGE_KINDS.some((known) => known === kind);

/**
 * Reads and checks the entries that come with the product; `read` answers undefined for a file that is not there. Throws
 * Failure `config_invalid` with one line for each fault in `details.problems`.
 */
export function readKnowledge(read: (file: string) => string | undefined): readonly ShippedEntry[] {
  const problems: string[] = [];
  const entries = Object.entries(SHIPPED).flatMap(([key, version]): ShippedEntry[] => {
    const file = `prompts/knowledge/${key}-${version}.md`;
    const [, kind = '', title = '', tags = '', body = ''] =
      /^Kind:([^\n]*)\nTitle:([^\n]*)\nTags:([^\n]*)\n\s*\n([\s\S]*)$/.exec(read(file) ?? '') ?? [];
    const name = kind.trim();
    if (!isKind(name)) {
      problems.push(
        `${file} is missing, or does not begin with Kind, Title and Tags; take it from the release.`,
      );
      return [];
    }
    const wording = { kind: name, title: title.trim(), body: body.trim(), tags: tagsIn(tags.split(';')) };
    for (const [field, says] of Object.entries(knowledgeProblems(wording)))
      problems.push(`${file}: ${field} ${says}.`);
    return [{ key, version, ...wording }];
  });
  if (problems.length > 0)
    throw new Failure('config_invalid', `the knowledge cannot be used: ${problems.join(' ')}`, {
      details: { problems },
    });
  return entries;
}

const tagsIn = (tags: readonly string[]): string[] => [
  ...new Set(tags.map((tag) => tag.trim().toLowerCase()).filter((tag) => tag !== '')),
];

export interface KnowledgeSave extends KnowledgeWording {
  readonly key: string;
  /** The newest version that its writer saw; 0: there is none. */
  readonly basedOn: number;
  readonly proposalId?: string;
}

/** All versions of one key, newest first, and which is in use. */
export interface KnowledgeTopic {
  readonly key: string;
  readonly active?: KnowledgeEntry;
  readonly versions: readonly KnowledgeEntry[];
}

export interface KnowledgeDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly sellerName: string;
  readonly shipped: readonly ShippedEntry[];
}

export function createKnowledge({ store, clock, ids, log, sellerName, shipped }: KnowledgeDeps) {
  const entries = store.collection('knowledge_base');
  const uses = store.collection('knowledge_uses');
  const now = (): Date => new Date(clock.nowMs());
  let known: { readonly choose: ReturnType<typeof knowledgeIndex>; readonly atMs: number } | undefined;
  let refreshing: Promise<void> | undefined;

  const byKey = (all: readonly KnowledgeEntry[]): Map<string, KnowledgeEntry[]> => {
    const topics = new Map<string, KnowledgeEntry[]>();
    for (const entry of all) topics.set(entry.key, [...(topics.get(entry.key) ?? []), entry]);
    return topics;
  };

  const everything = (): Promise<KnowledgeEntry[]> =>
    entries.find({ sort: { key: 1, version: -1 }, limit: MOST_VERSIONS });

  async function read(): Promise<void> {
    const inUse = await entries.find({ filter: { active: true }, limit: MOST_VERSIONS });
    const active = [...byKey(inUse).values()].flatMap((versions) => activeVersion(versions) ?? []);
    known = { choose: knowledgeIndex(active), atMs: clock.steadyMs() };
  }

  /** One reading at a time, for whoever waits for it. */
  function refresh(): Promise<void> {
    refreshing ??= read().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  const topicOf = (key: string, versions: readonly KnowledgeEntry[]): KnowledgeTopic => {
    const active = activeVersion(versions);
    return { key, ...(active ? { active } : {}), versions };
  };

  /** Throws `not_found`. */
  async function get(key: string): Promise<KnowledgeTopic> {
    const versions = await entries.find({ filter: { key }, sort: { version: -1 }, limit: MOST_VERSIONS });
    if (versions.length === 0) throw new Failure('not_found', 'there is no such entry', { details: { key } });
    return topicOf(key, versions);
  }

  const conflict = (newest: number): Failure =>
    new Failure(
      'knowledge_conflict',
      newest === 0
        ? 'there is no such entry by now; look at the list again'
        : `version ${newest} was saved meanwhile; look at it before you save yours`,
      { details: { newest } },
    );

  /** The others of its key are put out of use behind it: between the two, the one activated last counts. */
  async function putInUse({ _id, key }: Pick<KnowledgeEntry, '_id' | 'key'>): Promise<void> {
    await turnsOf(store)(`knowledge ${key}`, async () => {
      const others = await entries.find({ filter: { key, active: true }, limit: MOST_VERSIONS });
      const lastMs = Math.max(0, ...others.map(({ activatedAt }) => activatedAt?.getTime() ?? 0));
      const at = new Date(Math.max(clock.nowMs(), lastMs + 1));
      await entries.update({ _id }, { $set: { active: true, activatedAt: at, updatedAt: at } });
      for (const other of others)
        if (other._id !== _id)
          await entries.update(
            { _id: other._id, activatedAt: { $lt: at } },
            { $set: { active: false, updatedAt: at } },
          );
    });
    await refresh();
  }

  /** Makes a version that is not in use yet. Throws `knowledge_conflict`. */
  async function insert(
    { key, kind, title, body, tags, basedOn, proposalId }: KnowledgeSave,
    by: string,
    version = basedOn + 1,
  ): Promise<KnowledgeEntry> {
    const at = now();
    const entry: KnowledgeEntry = {
      _id: ids.objectId(),
      key,
      kind,
      version,
      title: title.trim(),
      body: body.trim(),
      tags: tagsIn(tags),
      active: false,
      stats: { used: 0, succeeded: 0 },
      ...(proposalId === undefined ? {} : { proposalId }),
      createdBy: by,
      createdAt: at,
      updatedAt: at,
    };
    try {
      await entries.insert(entry);
    } catch (error) {
      if (isFailure(error, 'duplicate_key')) throw conflict((await newestOf(key)) ?? 0);
      throw error;
    }
    return entry;
  }

  async function newestOf(key: string): Promise<number | undefined> {
    const [newest] = await entries.find({ filter: { key }, sort: { version: -1 }, limit: 1 });
    return newest?.version;
  }

  return {
    get,
    /** By key. */
    async list(kind?: KnowledgeKind): Promise<readonly KnowledgeTopic[]> {
      return [...byKey(await everything())]
        .map(([key, versions]) => topicOf(key, versions))
        .filter(({ active, versions: [newest] }) => kind === undefined || (active ?? newest)?.kind === kind);
    },
    /**
     * A new version, in use from now on. Throws `invalid_request` with what is wrong with the wording, `knowledge_conflict` when
     * another was saved since its writer looked.
     */
    async save(given: KnowledgeSave, by: string): Promise<KnowledgeTopic> {
      const problems = knowledgeProblems(given);
      if (!KEY_SHAPE.test(given.key)) problems.key = 'must be small letters, digits and _';
      if (given.key === PROPOSALS) problems.key = 'is the name of something else here';
      const [[field, says] = []] = Object.entries(problems);
      if (field !== undefined)
        throw new Failure('invalid_request', `${field}: ${says}`, { details: { fields: problems } });
      const newest = (await newestOf(given.key)) ?? 0;
      if (newest !== given.basedOn) throw conflict(newest);
      await putInUse(await insert(given, by));
      log.info({ audit: true, by, key: given.key, version: given.basedOn + 1 }, 'knowledge was changed');
      return await get(given.key);
    },
    /** Puts a version in use instead of the one that is. Throws `not_found`. */
    async activate(key: string, version: number, by: string): Promise<KnowledgeTopic> {
      const entry = (await get(key)).versions.find((each) => each.version === version);
      if (!entry) throw new Failure('not_found', `there is no version ${version} of this entry`);
      await putInUse(entry);
      log.info({ audit: true, by, key, version }, 'a version of knowledge was put in use');
      return await get(key);
    },
    /** Nothing of this key is found any more; its versions are kept. Throws `not_found`. */
    async deactivate(key: string, by: string): Promise<KnowledgeTopic> {
      const { versions } = await get(key);
      for (const { _id, active } of versions)
        if (active) await entries.update({ _id }, { $set: { active: false, updatedAt: now() } });
      log.info({ audit: true, by, key }, 'knowledge was put out of use');
      await refresh();
      return await get(key);
    },
    /** The version that was made of a proposal. */
    async ofProposal(proposalId: string): Promise<KnowledgeEntry | undefined> {
      const [made] = await entries.find({ filter: { proposalId }, limit: 1 });
      return made;
    },
    /**
     * The entry that answers, and its words as the agent is told them; undefined: none does. What is in memory answers; only
     * before the first reading is the store waited for, briefly. Throws `store_unavailable`.
     */
    async lookUp(
      question: KnowledgeQuestion,
    ): Promise<{ readonly entry: KnowledgeEntry; readonly words: string } | undefined> {
      if (!known) await soon(clock, refresh());
      else if (clock.steadyMs() - known.atMs > FRESH_MS)
        refresh().catch((error) => log.warn({ err: error }, 'the knowledge could not be read anew'));
      if (!known) throw new Failure('store_unavailable', 'the knowledge could not be read yet');
      const entry = known.choose(question);
      return entry && { entry, words: spokenBody(entry, sellerName) };
    },
    /** Keeps how look-ups of a call went, as it is understood now, and counts them anew. May be done twice. */
    async judge(
      callId: string,
      found: readonly (Pick<KnowledgeUse, 'key' | 'version' | 'atSec' | 'messageIndex'> & {
        readonly result: UseResult;
      })[],
    ): Promise<void> {
      const at = now();
      for (const use of found)
        await uses.put({
          _id: `${callId}:${use.key}:${use.version}`,
          callId,
          ...use,
          createdAt: at,
          updatedAt: at,
        });
      for (const { key, version } of found) await recount(key, version);
    },
    /** Puts what comes with the product in, where its key was never used, and learns what is in use. */
    async furnish(): Promise<void> {
      // Together, so that they share what a durable write costs.
      await Promise.all(
        shipped.map(async ({ version, ...wording }) => {
          if ((await newestOf(wording.key)) !== undefined) return;
          const made = await insert({ ...wording, basedOn: 0 }, SHIPPED_BY, version).catch((error) => {
            if (!isFailure(error, 'knowledge_conflict')) throw error;
            return undefined;
          });
          if (made) await entries.update({ _id: made._id }, { $set: { active: true, activatedAt: now() } });
        }),
      );
      await refresh();
    },
  };

  /** From the uses themselves, so that a repeat changes nothing and a slip mends itself. */
  async function recount(key: string, version: number): Promise<void> {
    await turnsOf(store)(`knowledge uses ${key}`, async () => {
      const of = { key, version };
      const [used, settled, partly] = await Promise.all([
        uses.count(of),
        uses.count({ ...of, result: 'settled' }),
        uses.count({ ...of, result: 'partly' }),
      ]);
      const succeeded = settled * CREDIT.settled + partly * CREDIT.partly;
      await entries.update({ key, version }, { $set: { stats: { used, succeeded } } });
    });
  }
}

export type Knowledge = ReturnType<typeof createKnowledge>;
