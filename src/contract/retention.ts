/** contract/retention: what is kept how long, what was archived and removed, and people who asked to be forgotten. */
import { z } from 'zod';
import { Id, Instant, PageQuery, PhoneText, prose } from './common.ts';

const LONGEST_DAYS = 36_500;
/** Days after which recordings are removed; null: they are kept. */
const recordingsDays = z.int().min(1).max(LONGEST_DAYS).nullable();

/** How long one kind of thing is kept. */
export const RetentionRule = z
  .object({
    /** The collection, or `recordings`. */
    of: z.string(),
    lifetime: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('kept'), atLeastYears: z.exactOptional(z.number()) }),
      z.object({ kind: z.literal('archived'), afterYears: z.number() }),
      z.object({ kind: z.literal('removed'), afterDays: z.number() }),
      z.object({ kind: z.literal('removed_by_setting') }),
    ]),
    /** In plain words. */
    says: z.string(),
    /** Who asks for that. */
    source: z.string(),
  })
  .meta({ id: 'RetentionRule' });

export const RetentionPolicy = z
  .object({
    recordingsDays,
    rules: z.array(RetentionRule),
    /** Newest first. */
    history: z.array(
      z.object({
        at: Instant,
        by: z.string(),
        reason: z.string(),
        changes: z.array(z.object({ setting: z.string(), before: z.unknown(), after: z.unknown() })),
      }),
    ),
  })
  .meta({ id: 'RetentionPolicy' });
export type RetentionPolicy = z.infer<typeof RetentionPolicy>;

export const RetentionPatch = z
  .strictObject({ recordingsDays, reason: prose(2000) })
  .meta({ id: 'RetentionPatch' });

export const RetentionRunRequest = z
  .strictObject({
    /** Changes nothing and tells what a run would archive and remove. */
    dryRun: z.boolean().default(false),
  })
  .meta({ id: 'RetentionRunRequest' });

/** What one run archived and removed. */
export const RetentionRun = z
  .object({
    id: Id,
    /** Of a run by the clock, the day it was due, YYYY-MM-DD. */
    day: z.exactOptional(z.string()),
    trigger: z.enum(['clock', 'person']),
    by: z.string(),
    /** True: nothing was changed, the items say what would have been. */
    dryRun: z.boolean(),
    state: z.enum(['running', 'done', 'failed', 'interrupted']),
    startedAt: Instant,
    endedAt: z.exactOptional(Instant),
    durationMs: z.exactOptional(z.number()),
    /** Transcripts made before this are archived. */
    transcriptsBefore: Instant,
    /** Recordings of calls begun before this are removed; absent: they are kept. */
    recordingsBefore: z.exactOptional(Instant),
    items: z.array(
      z.object({
        of: z.enum(['call_transcripts', 'recordings']),
        action: z.enum(['archived', 'removed']),
        count: z.int(),
        /** The oldest and the newest: when the transcript was made, when the recorded call began. */
        from: z.exactOptional(Instant),
        to: z.exactOptional(Instant),
        /** How many went to which archive. */
        into: z.exactOptional(z.record(z.string(), z.int())),
      }),
    ),
    /** What somebody should know or do. */
    notes: z.array(z.string()),
    failure: z.exactOptional(z.string()),
  })
  .meta({ id: 'RetentionRun' });
export type RetentionRun = z.infer<typeof RetentionRun>;

export const RetentionRunQuery = PageQuery;

export const ErasureRequest = z
  .strictObject({
    phone: PhoneText,
    /** Who asked, how and when. It is kept with the report, so it is not to name the person. */
    reason: prose(2000),
    /** Changes nothing and tells what would be removed and what kept. */
    dryRun: z.boolean().default(false),
  })
  .meta({ id: 'ErasureRequest' });

const ErasureItem = z.object({
  /** The collection, `recordings`, or `transcript_archives`. */
  of: z.string(),
  count: z.int(),
  /** In plain words: what of it, and why. */
  says: z.string(),
});

/** What was removed of a person, what stays, and why. */
export const Erasure = z
  .object({
    /** Absent for a dry run, which is not kept. */
    id: z.exactOptional(Id),
    dryRun: z.boolean(),
    /** `running`: cut off before its end; asking again goes on with it. */
    state: z.enum(['running', 'done']),
    phone: z.string(),
    /** All numbers of the person; they stay on the do-not-call list. */
    numbers: z.array(z.string()),
    reason: z.string(),
    by: z.string(),
    removed: z.array(ErasureItem),
    kept: z.array(ErasureItem),
    /** Copies that an outside party may have: to be deleted there, under these ids. */
    elsewhere: z.array(
      z.object({
        at: z.enum(['agent_platform', 'carrier']),
        what: z.enum(['conversation', 'recording']),
        id: z.string(),
      }),
    ),
    /** What somebody should know. */
    notes: z.array(z.string()),
    /** What the person is called in what is kept. */
    pseudonym: z.exactOptional(z.string()),
    startedAt: Instant,
    endedAt: z.exactOptional(Instant),
  })
  .meta({ id: 'Erasure' });
export type Erasure = z.infer<typeof Erasure>;

export const ErasureQuery = PageQuery;
