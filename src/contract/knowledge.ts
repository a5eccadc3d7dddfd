/** contract/knowledge: what the agent may look up while it talks, its versions, how they did, and proposals of new ones. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, page, prose } from './common.ts';

export const KnowledgeKind = z.enum([
  'objection_handler',
  'faq',
  'conversation_pattern',
  'market_intelligence',
  'script',
]);
export type KnowledgeKind = z.infer<typeof KnowledgeKind>;

/** A look-up that settled the matter counts as 1 in `succeeded`; one of which only the call went well as ½. */
export const KnowledgeStats = z
  .object({ used: z.number(), succeeded: z.number() })
  .meta({ id: 'KnowledgeStats' });

export const KnowledgeEntry = z
  .object({
    key: z.string(),
    kind: KnowledgeKind,
    version: z.int(),
    title: z.string(),
    body: z.string(),
    /** What somebody says when this is the answer. */
    tags: z.array(z.string()),
    /** In use: at most one version of a key. */
    active: z.boolean(),
    stats: KnowledgeStats,
    /** The proposal it was made of. */
    proposalId: z.exactOptional(Id),
    createdAt: Instant,
    createdBy: z.string(),
  })
  .meta({ id: 'KnowledgeEntry' });
export type KnowledgeEntry = z.infer<typeof KnowledgeEntry>;

/** One key: the version in use, if any is, and all versions, newest first. */
export const KnowledgeTopic = z
  .object({ key: z.string(), active: z.exactOptional(KnowledgeEntry), versions: z.array(KnowledgeEntry) })
  .meta({ id: 'KnowledgeTopic' });
export type KnowledgeTopic = z.infer<typeof KnowledgeTopic>;

export const KnowledgeList = z.object({ items: z.array(KnowledgeTopic) }).meta({ id: 'KnowledgeList' });
export const KnowledgeQuery = z.strictObject({ kind: z.exactOptional(KnowledgeKind) });

const Key = z.string().regex(/^[a-z0-9][a-z0-9_]{0,59}$/, 'must be small letters, digits and _');
const wording = { title: line(120), body: prose(1_200), tags: z.array(line(60)).max(40) };

/** `{{seller_name}}` may stand in the body. `basedOn`: the newest version that its writer saw; 0 for a new key. */
export const KnowledgeSave = z
  .strictObject({ kind: KnowledgeKind, ...wording, basedOn: z.int().min(0) })
  .meta({ id: 'KnowledgeSave' });
export type KnowledgeSave = z.infer<typeof KnowledgeSave>;

export const KnowledgeCreate = z
  .strictObject({ key: Key, kind: KnowledgeKind, ...wording })
  .meta({ id: 'KnowledgeCreate' });
export type KnowledgeCreate = z.infer<typeof KnowledgeCreate>;

export const KnowledgePath = z.object({ key: Key });
export const KnowledgeVersionPath = z.object({ key: Key, version: z.coerce.number().int().min(1) });

/**
 * One look-up in one call. `settled`: the matter was resolved; `open`: it was not; `partly`: nothing is known of it, and the
 * call went well; `unclear`: nothing is known.
 */
export const KnowledgeUse = z
  .object({
    callId: Id,
    version: z.int(),
    atSec: z.number(),
    result: z.enum(['settled', 'partly', 'open', 'unclear']),
    updatedAt: Instant,
  })
  .meta({ id: 'KnowledgeUse' });
export type KnowledgeUse = z.infer<typeof KnowledgeUse>;
export const KnowledgeUses = z.object({ items: z.array(KnowledgeUse) }).meta({ id: 'KnowledgeUses' });

/** A version that the architect would have. `rules`: it was made without a model. */
export const KnowledgeProposal = z
  .object({
    id: Id,
    key: z.string(),
    kind: KnowledgeKind,
    title: z.string(),
    body: z.string(),
    tags: z.array(z.string()),
    /** The version it would follow. */
    baseVersion: z.int(),
    insight: z.string(),
    by: z.enum(['claude', 'rules']),
    model: z.exactOptional(z.string()),
    promptVersion: z.exactOptional(z.string()),
    promptHash: z.exactOptional(z.string()),
    cost: z.exactOptional(z.number()),
    source: z.enum(['call_feedback', 'analysis']),
    /** Words of calls that it rests on, each said there. */
    evidence: z.array(
      z.object({
        callId: Id,
        messageIndex: z.int(),
        atSec: z.number(),
        speaker: z.enum(['agent', 'user']),
        quote: z.string(),
      }),
    ),
    before: KnowledgeStats,
    state: z.enum(['open', 'accepted', 'rejected']),
    acceptedVersion: z.exactOptional(z.int()),
    decidedBy: z.exactOptional(z.string()),
    decidedAt: z.exactOptional(Instant),
    reason: z.exactOptional(z.string()),
    createdAt: Instant,
  })
  .meta({ id: 'KnowledgeProposal' });
export type KnowledgeProposal = z.infer<typeof KnowledgeProposal>;
export const KnowledgeProposals = page(KnowledgeProposal);

export const ProposalQuery = PageQuery.extend({
  state: z.exactOptional(KnowledgeProposal.shape.state),
  key: z.exactOptional(Key),
});

/** What is given stands in the place of what was proposed. */
export const ProposalAccept = z
  .strictObject({
    title: z.exactOptional(wording.title),
    body: z.exactOptional(wording.body),
    tags: z.exactOptional(wording.tags),
  })
  .meta({ id: 'ProposalAccept' });
export type ProposalAccept = z.infer<typeof ProposalAccept>;
export const ProposalReject = z.strictObject({ reason: prose(2_000) }).meta({ id: 'ProposalReject' });
