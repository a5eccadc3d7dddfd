/** dashboard/knowledge/words: what kinds of knowledge, and how well an entry does, are called. */
import type { z } from 'zod';
import type { KnowledgeKind, KnowledgeProposal, KnowledgeStats, KnowledgeUse } from '../../contract/index.ts';
import { count, formatShare } from '../format.ts';
import type { Word } from '../words.ts';

export const KIND: Readonly<Record<KnowledgeKind, string>> = {
  objection_handler: 'Answers to objections',
  faq: 'Answers to questions',
  conversation_pattern: 'Ways to talk',
  market_intelligence: 'The market',
  script: 'Scripts',
};

export const USE_RESULT: Readonly<Record<KnowledgeUse['result'], Word>> = {
  settled: { label: 'Settled it', tone: 'good' },
  partly: { label: 'Call went well', tone: 'info' },
  open: { label: 'Did not settle it', tone: 'bad' },
  unclear: { label: 'Unclear', tone: 'quiet' },
};

export const PROPOSAL_STATE: Readonly<Record<KnowledgeProposal['state'], Word>> = {
  open: { label: 'Waits for you', tone: 'warn' },
  accepted: { label: 'Accepted', tone: 'good' },
  rejected: { label: 'Rejected', tone: 'quiet' },
};

export const tellStats = ({ used, succeeded }: z.infer<typeof KnowledgeStats>): string =>
  used === 0 ? 'not used yet' : `${count(used, 'use')}, ${formatShare(succeeded / used)} settled it`;
