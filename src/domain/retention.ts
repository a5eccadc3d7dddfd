/**
 * domain/retention: what is kept, for how long, and why. One row for everything that is kept: a collection without a row
 * does not compile, so that nobody adds one without saying what becomes of it.
 */
import { yearsAfter } from './compliance/consent.ts';
import type { PolicyChange } from './compliance/records.ts';
import { type CollectionName, type Stamped, type TranscriptArchive, transcriptArchive } from './documents.ts';

/** `kept`: the service never removes it by itself. The least time is what the law asks for. */
export type Lifetime =
  | { readonly kind: 'kept'; readonly atLeastYears?: number }
  | { readonly kind: 'archived'; readonly afterYears: number }
  | { readonly kind: 'removed'; readonly afterDays: number }
  | { readonly kind: 'removed_by_setting' };

export interface RetentionRule {
  readonly lifetime: Lifetime;
  /** In plain words: what is in it, and how long it is kept. */
  readonly says: string;
  /** Who asks for that. */
  readonly source: string;
}

export type Kept = CollectionName | 'recordings';

const MODEL = 'the rule of this service';
const TSR = '16 CFR 310.5 (TSR), five years';
const OURS = 'needed while the service is used';
const kept: Lifetime = { kind: 'kept' };
const fiveYears: Lifetime = { kind: 'kept', atLeastYears: 5 };

export const RETENTION_RULES: { readonly [K in Kept]: RetentionRule } = {
  leads: {
    lifetime: kept,
    says: 'People we may want to call: kept, for call records name them',
    source: OURS,
  },
  campaigns: { lifetime: fiveYears, says: 'Campaigns: kept, for call records name them', source: TSR },
  calls: { lifetime: fiveYears, says: 'Call records: kept, at least five years', source: `${MODEL}; ${TSR}` },
  call_events: {
    lifetime: fiveYears,
    says: 'What happened in calls, word by word: kept, for call records are made from it',
    source: `${MODEL}; ${TSR}`,
  },
  call_scripts: {
    lifetime: fiveYears,
    says: 'What calls were to say, before names were filled in: kept',
    source: TSR,
  },
  call_hours: {
    lifetime: kept,
    says: 'How many calls of each kind began in which hour, about nobody: kept, and counted again when a call changes',
    source: OURS,
  },
  call_transcripts: {
    lifetime: { kind: 'archived', afterYears: 1 },
    says: 'Transcripts: moved to the archive of their year when they are a year old, and kept there',
    source: MODEL,
  },
  call_analyses: {
    lifetime: kept,
    says: 'What was understood of calls, with the words it rests on: kept as long as the words are',
    source: OURS,
  },
  call_reviews: {
    lifetime: kept,
    says: 'What people made of calls, with their comments: kept as long as the calls are',
    source: OURS,
  },
  saved_views: {
    lifetime: kept,
    says: 'Views of lists that people keep for themselves: until they remove them',
    source: OURS,
  },
  agent_state: {
    lifetime: kept,
    says: 'Figures of the agents, their last 100 decisions and learnings: kept; those of an erased person are removed',
    source: MODEL,
  },
  knowledge_base: { lifetime: kept, says: 'Every version of what the agent may look up: kept', source: OURS },
  knowledge_uses: {
    lifetime: kept,
    says: 'Which entry was looked up in which call and how it went, without words: kept, for success is counted from it',
    source: OURS,
  },
  knowledge_proposals: {
    lifetime: kept,
    says: 'Versions that were proposed, with the words of calls they rest on: kept; those of an erased person are removed',
    source: OURS,
  },
  call_lessons: {
    lifetime: kept,
    says: 'Which calls were learned from, about nobody: kept',
    source: OURS,
  },
  recordings: {
    lifetime: { kind: 'removed_by_setting' },
    says: 'Recordings: kept, or removed after the days that are set',
    source: 'the business decides',
  },
  conversation_sessions: {
    lifetime: kept,
    says: 'When which conversation was held: kept',
    source: 'the source asks for no end',
  },
  consent_logs: {
    lifetime: kept,
    says: 'Consent, revocations and do-not-call events: kept for ever',
    source: `${MODEL}; 16 CFR 310.5(a)(8)`,
  },
  consent_heads: { lifetime: kept, says: 'The seals of the consent log: kept for ever', source: MODEL },
  dnc_registry: {
    lifetime: kept,
    says: 'Who must not be called: kept for ever',
    source: `${MODEL}; 47 CFR 64.1200(d)`,
  },
  list_imports: {
    lifetime: fiveYears,
    says: 'Which list of numbers was imported when: kept, for it proves which one a call was checked against',
    source: TSR,
  },
  reassigned_checks: {
    lifetime: fiveYears,
    says: 'What the database of reassigned numbers answered: kept, for it proves that it was asked',
    source: '47 CFR 64.1200(m)',
  },
  attempts: {
    lifetime: fiveYears,
    says: 'Tries at calls: kept, for limits on how often somebody is called are counted from them',
    source: TSR,
  },
  claims: {
    lifetime: kept,
    says: 'Which process does what at the moment: rewritten as work begins and ends, and about nobody',
    source: OURS,
  },
  system_config: { lifetime: kept, says: 'Settings and who changed them: kept', source: OURS },
  retention_runs: { lifetime: kept, says: 'Reports of what was archived and removed: kept', source: OURS },
  erasures: {
    lifetime: kept,
    says: 'Reports of erasures, by number: kept, for they prove that what was asked for was done',
    source: OURS,
  },
  contacts: {
    lifetime: kept,
    says: 'The people behind leads, joined from those leads: kept as long as they are',
    source: OURS,
  },
  enrollments: {
    lifetime: kept,
    says: 'How far each lead is in each campaign: kept as long as the lead is',
    source: OURS,
  },
  campaign_use: {
    lifetime: kept,
    says: 'What campaigns used of their limits, about nobody: kept',
    source: OURS,
  },
  campaign_forecasts: {
    lifetime: kept,
    says: 'The newest forecast of each campaign, which names leads by their ids: kept until the next one',
    source: OURS,
  },
  messages: {
    lifetime: fiveYears,
    says: 'Texts and e-mails with the decision that let them go: kept, at least five years',
    source: TSR,
  },
  message_templates: {
    lifetime: fiveYears,
    says: 'Every version of the texts that messages are made of: kept',
    source: TSR,
  },
  properties: {
    lifetime: kept,
    says: 'Houses that leads are about, and what they are worth: kept',
    source: OURS,
  },
  intake_endpoints: {
    lifetime: kept,
    says: 'Addresses that lead sources post to, and who made and revoked them: kept',
    source: OURS,
  },
  lead_imports: {
    lifetime: kept,
    says: 'Which files of leads were imported, and where their columns went: kept',
    source: OURS,
  },
  lead_import_parts: {
    lifetime: kept,
    says: 'What became of each row of those files, by line and lead, without a name or number: kept',
    source: OURS,
  },
  admin_users: {
    lifetime: kept,
    says: 'People of the staff who sign in, and who made them: kept, for the audit log names them',
    source: OURS,
  },
  user_sessions: {
    lifetime: { kind: 'removed', afterDays: 7 },
    says: 'Browsers that are signed in: until they sign out, for 7 days at most',
    source: MODEL,
  },
  sign_in_failures: {
    lifetime: { kind: 'removed', afterDays: 1 },
    says: 'How often signing in failed, by a hash of the address: for a day after the last failure',
    source: MODEL,
  },
  api_keys: {
    lifetime: kept,
    says: 'Keys of programs, without the keys themselves, and who made and revoked them: kept',
    source: OURS,
  },
  audit_log: {
    lifetime: fiveYears,
    says: 'Who saw and changed what: kept, at least five years, for it proves who opened which call',
    source: MODEL,
  },
};

/** What people may set. */
export interface RetentionSettings {
  /** Recordings older than so many days are removed; null: they are kept. */
  readonly recordingsDays: number | null;
}

export const LONGEST_RECORDINGS_DAYS = 36_500;

export interface RetentionPolicy extends RetentionSettings {
  /** Newest first. */
  readonly history: readonly PolicyChange[];
}

export interface RetentionPlan {
  /** Transcripts made before this are archived. */
  readonly transcriptsBefore: Date;
  /** Recordings of calls begun before this are removed; undefined: none are. */
  readonly recordingsBefore?: Date;
}

const DAY_MS = 86_400_000;

export function planRetention({ recordingsDays }: RetentionSettings, nowMs: number): RetentionPlan {
  const { lifetime } = RETENTION_RULES.call_transcripts;
  const years = lifetime.kind === 'archived' ? lifetime.afterYears : Number.POSITIVE_INFINITY;
  return {
    transcriptsBefore: yearsAfter(new Date(nowMs), -years),
    ...(recordingsDays === null ? {} : { recordingsBefore: new Date(nowMs - recordingsDays * DAY_MS) }),
  };
}

/** Where a transcript made then is archived. */
export const archiveOf = (createdAt: Date): TranscriptArchive =>
  transcriptArchive(createdAt.getUTCFullYear());

/** One kind of thing that a run archived or removed. */
export interface RunItem {
  readonly of: 'call_transcripts' | 'recordings';
  readonly action: 'archived' | 'removed';
  readonly count: number;
  /** The oldest and the newest of them: when the transcript was made, when the recorded call began. */
  readonly from?: Date;
  readonly to?: Date;
  /** How many went to each archive. */
  readonly into?: Readonly<Record<string, number>>;
}

export interface RetentionRun extends Stamped {
  /** Of a run by the clock, the day it was due: there is one a day, whoever makes it. */
  readonly day?: string;
  readonly trigger: 'clock' | 'person';
  readonly by: string;
  /** True: nothing was changed, the items say what would have been. */
  readonly dryRun: boolean;
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  readonly startedAt: Date;
  readonly endedAt?: Date;
  readonly durationMs?: number;
  readonly transcriptsBefore: Date;
  /** Absent: recordings are kept. */
  readonly recordingsBefore?: Date;
  readonly items: readonly RunItem[];
  /** What somebody should know or do, in plain words. */
  readonly notes: readonly string[];
  readonly failure?: string;
}
