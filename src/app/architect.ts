/**
 * app/architect: learns from calls what the agent should say otherwise. It looks at an entry that often did not settle the
 * matter, or about whose calls people made remarks, and proposes a new version with the words of the calls it rests on: by a
 * model where there is one, else by rules. Nothing changes what the agent says until a person accepts it.
 */

import { dayOf } from '../domain/agent-state.ts';
import type { Rates } from '../domain/cost.ts';
import type { TranscriptMessage } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import {
  FEWEST_USES,
  heldEvidence,
  improvementOf,
  type KnowledgeEntry,
  type KnowledgeProposal,
  type KnowledgeUse,
  type KnowledgeWording,
  knowledgeIndex,
  knowledgeProblems,
  type ProposalDraft,
  proposedByRules,
  successRate,
  type Talk,
  WEAK,
} from '../domain/knowledge.ts';
import { type Agents, tokensCount } from './agents.ts';
import type { Knowledge, KnowledgeTopic } from './knowledge.ts';
import { type Page, page } from './paging.ts';
import type { Architect, Clock, Ids, Log, Store } from './ports.ts';
import { slices } from './slices.ts';

/** A model, and what its proposals may cost in a day (UTC), US dollars. */
export interface HiredArchitect {
  readonly model: Architect;
  readonly dailyBudget: number;
}

export interface ArchitectDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly agents: Agents;
  readonly knowledge: Knowledge;
  /** Absent: rules alone. */
  readonly architect?: HiredArchitect;
  readonly ratesOf: () => Promise<Rates>;
  readonly shutdown: AbortSignal;
}

export interface ProposalQuery {
  readonly state?: KnowledgeProposal['state'];
  readonly key?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** Talks that are shown to a model, and calls that are looked through for such as went well without the entry. */
const MOST_TALKS = 12;
const MOST_CALLS = 300;
const MOST_OTHERS = 6;
/** Messages around the one in question. */
const BEFORE = 2;
const AFTER = 5;
const MOST_REMARKS = 5;

export function createArchitect(deps: ArchitectDeps) {
  const { store, clock, ids, log, agents, knowledge, architect, shutdown } = deps;
  const proposals = store.collection('knowledge_proposals');
  const uses = store.collection('knowledge_uses');
  const calls = store.collection('calls');
  const transcripts = store.collection('call_transcripts');
  const reviews = store.collection('call_reviews');
  const leads = store.collection('leads');
  const now = (): Date => new Date(clock.nowMs());

  // ── What there is to learn ─────────────────────────────────────────────────────────────────────────────────────────

  async function remarksOf(callId: string): Promise<string[]> {
    const review = await reviews.get(callId);
    return (review?.comments ?? []).slice(-MOST_REMARKS).map(({ text }) => text.slice(0, 500));
  }

  /** Undefined: the words are gone. */
  async function talkIn(
    callId: string,
    messageIndex: number,
    result: Talk['result'],
  ): Promise<Talk | undefined> {
    const call = await calls.get(callId);
    if (!call || call.erasedAt) return undefined;
    const all: readonly TranscriptMessage[] = (await transcripts.get(callId))?.messages ?? [];
    if (all[messageIndex] === undefined) return undefined;
    const lead = call.leadId ? await leads.get(call.leadId) : undefined;
    return {
      callId,
      result,
      messageIndex,
      messages: all
        .map(({ speaker, text, timestamp }, index) => ({ speaker, text, timestamp, index }))
        .slice(Math.max(0, messageIndex - BEFORE), messageIndex + AFTER + 1),
      remarks: await remarksOf(callId),
      names: lead ? [lead.contact.firstName, lead.contact.lastName] : [],
    };
  }

  /** Talks in which the same came up and was settled, though the entry was not looked up: the newest. */
  async function others(entry: KnowledgeEntry, usedIn: ReadonlySet<string>): Promise<Talk[]> {
    const isAbout = knowledgeIndex([entry]);
    const found: Talk[] = [];
    const breathe = slices(clock);
    for (const call of await calls.find({ sort: { initiatedAt: -1 }, limit: MOST_CALLS })) {
      await breathe();
      if (found.length >= MOST_OTHERS) break;
      if (usedIn.has(call._id) || call.erasedAt) continue;
      const moment = call.keyMoments?.find(
        ({ type, resolved, userText }) =>
          (type === 'objection' || type === 'question') && resolved === true && isAbout({ said: userText }),
      );
      const talk = moment && (await talkIn(call._id, moment.messageIndex, 'other'));
      if (talk) found.push(talk);
    }
    return found;
  }

  async function talksOf(entry: KnowledgeEntry): Promise<readonly Talk[]> {
    const used = await uses.find({
      filter: { key: entry.key, version: entry.version },
      sort: { updatedAt: -1 },
      limit: MOST_TALKS,
    });
    const own: Talk[] = [];
    for (const { callId, messageIndex, result } of used) {
      const talk = messageIndex === undefined ? undefined : await talkIn(callId, messageIndex, result);
      if (talk) own.push(talk);
    }
    return [...own, ...(await others(entry, new Set(used.map(({ callId }) => callId))))];
  }

  // ── Proposing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether an entry did so, or people said so about a call of it, that another version is worth a question. */
  async function isWorthALook(entry: KnowledgeEntry, callId: string): Promise<boolean> {
    const [last] = await proposals.find({
      filter: { key: entry.key },
      sort: { createdAt: -1 },
      limit: 1,
    });
    if (last?.state === 'open') return false;
    const review = await reviews.get(callId);
    const lastMs = last?.createdAt.getTime() ?? 0;
    const isRemarked =
      architect !== undefined &&
      (review?.comments ?? []).some(({ createdAt }) => createdAt.getTime() > lastMs);
    if (isRemarked) return true;
    const rate = successRate(entry.stats);
    const since = last?.baseVersion === entry.version ? last.before.used : 0;
    return rate !== undefined && rate < WEAK && entry.stats.used - since >= FEWEST_USES;
  }

  async function spentToday(): Promise<number> {
    return (await agents.get('architect')).days[dayOf(now())]?.cost ?? 0;
  }

  type Drafted = Pick<KnowledgeProposal, 'by' | 'model' | 'promptVersion' | 'promptHash' | 'cost'> & {
    readonly draft: ProposalDraft;
  };

  async function draft(entry: KnowledgeEntry, talks: readonly Talk[]): Promise<Drafted | undefined> {
    if (!architect) {
      const byRules = proposedByRules(entry, talks);
      return byRules && { draft: byRules, by: 'rules' };
    }
    const { model, dailyBudget } = architect;
    if ((await spentToday()) >= dailyBudget) return undefined;
    const answer = await model.propose(entry, talks, shutdown);
    const counts = tokensCount(answer.usage, await deps.ratesOf());
    await agents.note('architect', {
      counts: { asked: 1, ...(answer.kind === 'unusable' ? { askedInVain: 1 } : {}), ...counts },
    });
    if (answer.kind === 'unusable') {
      log.warn({ key: entry.key, why: answer.why }, 'a proposal of Claude cannot be used');
      return undefined;
    }
    const { model: name, version: promptVersion, promptHash } = model;
    return {
      draft: answer.draft,
      by: 'claude',
      model: name,
      promptVersion,
      promptHash,
      cost: counts.cost ?? 0,
    };
  }

  async function consider(key: string, callId: string): Promise<void> {
    const { active } = await knowledge.get(key);
    if (!active || !(await isWorthALook(active, callId))) return;
    const talks = await talksOf(active);
    const drafted = talks.length === 0 ? undefined : await draft(active, talks);
    if (!drafted?.draft.change) return;
    const { draft: given, ...origin } = drafted;
    const evidence = heldEvidence(given.evidence, talks);
    const wording: KnowledgeWording = {
      kind: active.kind,
      title: given.title,
      body: given.body,
      tags: given.tags,
    };
    const isSame = given.body === active.body && given.title === active.title;
    const [first] = evidence;
    if (!first || isSame || Object.keys(knowledgeProblems(wording)).length > 0) {
      log.info({ key }, 'a proposal rests on nothing that was said, or changes nothing, and is dropped');
      return;
    }
    const at = now();
    const isRemarked = talks.some((talk) => talk.remarks.length > 0);
    const source = origin.by === 'claude' && isRemarked ? 'call_feedback' : 'analysis';
    const proposal: KnowledgeProposal = {
      _id: ids.objectId(),
      key,
      openKey: key,
      baseVersion: active.version,
      ...wording,
      insight: given.insight,
      ...origin,
      source,
      evidence,
      before: active.stats,
      state: 'open',
      createdAt: at,
      updatedAt: at,
    };
    try {
      await proposals.insert(proposal);
    } catch (error) {
      // Another is open by now.
      if (isFailure(error, 'duplicate_key')) return;
      throw error;
    }
    await agents.note('architect', {
      key: `proposed:${proposal._id}`,
      counts: { requests: 1 },
      decisions: [
        {
          timestamp: at,
          decision: 'propose_version',
          input: `${talks.length} talks about ${key}, version ${active.version}`,
          reasoning: given.insight,
          output: `Proposed version ${active.version + 1}${origin.by === 'rules' ? ', by rules' : ''}.`,
          outcome: 'open',
          callId: first.callId,
          atSec: first.atSec,
        },
      ],
      learning: {
        timestamp: at,
        source,
        callId: first.callId,
        insight: given.insight,
        incorporated: false,
        proposalId: proposal._id,
        key,
      },
    });
    log.info({ key, proposalId: proposal._id, by: origin.by }, 'a new version of an entry is proposed');
  }

  /** What accepted versions changed, as far as it can be told by now. */
  async function measure(key: string): Promise<void> {
    const accepted = await proposals.find({
      filter: { key, state: 'accepted' },
      sort: { createdAt: -1 },
      limit: FEWEST_USES,
    });
    if (accepted.length === 0) return;
    const { versions } = await knowledge.get(key);
    for (const { _id, acceptedVersion, before } of accepted) {
      const made = versions.find(({ version }) => version === acceptedVersion);
      const improvement = made && improvementOf(before, made.stats);
      if (improvement)
        await agents.learned(_id, {
          improvedMetric: 'knowledge_success_rate',
          improvement: Math.round(improvement.change * 1_000) / 1_000,
        });
    }
  }

  // ── For people ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async function proposal(proposalId: string): Promise<KnowledgeProposal> {
    const found = await proposals.get(proposalId);
    if (!found) throw new Failure('not_found', 'there is no such proposal');
    return found;
  }

  const decided = (): Failure =>
    new Failure('knowledge_conflict', 'somebody decided about this proposal already');

  return {
    /** Looks whether entries that were used in a call should say something else. */
    async learned(keys: readonly string[], callId: string): Promise<void> {
      for (const key of keys) {
        await measure(key);
        await consider(key, callId).catch((error) => {
          if (shutdown.aborted) return;
          log.warn({ err: error, key }, 'nothing could be proposed for an entry; the next call asks again');
        });
      }
    },
    /** Newest first. */
    list: ({ state, key, limit, cursor }: ProposalQuery): Promise<Page<KnowledgeProposal>> =>
      page(proposals, {
        filter: { ...(state ? { state } : {}), ...(key === undefined ? {} : { key }) },
        sort: { field: 'createdAt', direction: -1 },
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      }),
    /** Throws `not_found`. */
    get: proposal,
    /**
     * Makes it the version in use, as it is or as a person edited it. Throws `not_found`, `invalid_request`,
     * `knowledge_conflict` when it is decided already, or another version was saved since it was proposed.
     */
    async accept(
      proposalId: string,
      edited: Partial<Pick<KnowledgeWording, 'title' | 'body' | 'tags'>>,
      by: string,
    ): Promise<KnowledgeTopic> {
      const asked = await proposal(proposalId);
      if (asked.state !== 'open') throw decided();
      const { key, kind, baseVersion } = asked;
      const { title = asked.title, body = asked.body, tags = asked.tags } = edited;
      // One that was cut off between the version and this mark is taken up again.
      const made = await knowledge.ofProposal(proposalId);
      const topic = made
        ? await knowledge.activate(key, made.version, by)
        : await knowledge.save({ key, kind, title, body, tags, basedOn: baseVersion, proposalId }, by);
      const acceptedVersion = made?.version ?? baseVersion + 1;
      const at = now();
      await proposals.update(
        { _id: proposalId, state: 'open' },
        {
          $set: { state: 'accepted', acceptedVersion, decidedBy: by, decidedAt: at, updatedAt: at },
          $unset: { openKey: '' },
        },
      );
      await agents.note('architect', { key: `accepted:${proposalId}`, counts: { incorporated: 1 } });
      await agents.learned(proposalId, { incorporated: true });
      return topic;
    },
    /** Throws `not_found`, `knowledge_conflict` when it is decided already. */
    async reject(proposalId: string, reason: string, by: string): Promise<KnowledgeProposal> {
      await proposal(proposalId);
      const at = now();
      const rejected = await proposals.update(
        { _id: proposalId, state: 'open' },
        {
          $set: { state: 'rejected', reason, decidedBy: by, decidedAt: at, updatedAt: at },
          $unset: { openKey: '' },
        },
      );
      if (!rejected) throw decided();
      await agents.note('architect', { key: `rejected:${proposalId}`, counts: { overridden: 1 } });
      log.info({ audit: true, by, proposalId, key: rejected.key }, 'a proposal was rejected');
      return rejected;
    },
    /** Calls that used an entry, the newest first. */
    async uses(key: string, limit: number): Promise<readonly KnowledgeUse[]> {
      return await uses.find({ filter: { key }, sort: { updatedAt: -1 }, limit });
    },
  };
}
