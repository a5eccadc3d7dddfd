/**
 * domain/documents: the collections Parley keeps, their documents and their indexes, as data-model.md has them.
 * Every store builds its collections and indexes from COLLECTIONS, so that no two of them can disagree.
 *
 * Conventions: instants are `Date` (UTC), ids 24 hex digits, phones E.164, money US dollars, durations seconds unless the
 * name says `Ms`, scores 0..1, sentiment -1..1.
 */
import type { AgentState } from './agent-state.ts';
import type { CallAnalysis } from './analysis.ts';
import type { Call, CallEvent, Completeness } from './call.ts';
import type { CallHour } from './call-figures.ts';
import type {
  Budget,
  CampaignUse,
  ConversationStrategy,
  Enrollment,
  Hold,
  Pacing,
  Schedule,
  Workflow,
} from './campaign.ts';
import type { Metrics } from './campaign-metrics.ts';
import type { FileMark } from './compliance/list-file.ts';
import type { ListImport, PolicyChange } from './compliance/records.ts';
import type { Contact } from './contact.ts';
import type { Erasure } from './erasure.ts';
import type { Forecast } from './forecast.ts';
import type { IntakeEndpoint } from './intake.ts';
import type { KnowledgeEntry, KnowledgeProposal, KnowledgeUse } from './knowledge.ts';
import type { LeadImport, LeadImportPart } from './lead-import.ts';
import type { Message, MessageTemplate } from './message.ts';
import type { Property } from './property.ts';
import type { Qualification, Targeting } from './qualification.ts';
import type { RetentionRun } from './retention.ts';
import type { CallReview, SavedView } from './review.ts';
import type { ApiKey, AuditEntry, SignInFailures, User, UserSession } from './user.ts';

export interface Stamped {
  readonly _id: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export const LEAD_STATUSES = [
  'new',
  'contacted',
  'qualified',
  'nurturing',
  'active',
  'converted',
  'lost',
  'dnc',
] as const;
export type LeadStatus = (typeof LEAD_STATUSES)[number];

export const LEAD_STAGES = [
  'new',
  'contacted',
  'qualified',
  'site_visit',
  'offer_made',
  'negotiation',
  'closed',
  'lost',
] as const;
export type LeadStage = (typeof LEAD_STAGES)[number];

/** One row of a lead's history with us. */
export interface ContactAttempt {
  readonly attemptId: string;
  readonly timestamp: Date;
  readonly type: 'automated_call' | 'manual_call' | 'sms' | 'email';
  /** Of a call. */
  readonly callId?: string;
  readonly outcome: string;
  readonly duration?: number;
  /** As the call's analysis has it. */
  readonly sentiment?: number;
  readonly notes?: string;
}

export interface Lead extends Stamped {
  readonly source: string;
  readonly externalId: string;
  readonly receivedAt: Date;
  readonly contact: {
    readonly firstName: string;
    readonly lastName: string;
    readonly email?: string;
    readonly phone: string;
    readonly alternatePhone?: string;
    readonly address?: {
      readonly street?: string;
      readonly city?: string;
      readonly state?: string;
      readonly zipCode?: string;
    };
  };
  readonly propertyId?: string;
  readonly propertyAddress?: string;
  readonly qualification?: Qualification;
  readonly intent?: {
    readonly type?: 'buyer' | 'seller' | 'investor';
    readonly message?: string;
    readonly urgency?: 'low' | 'medium' | 'high';
    readonly timeframe?: string;
    readonly motivation?: readonly string[];
  };
  readonly campaignId?: string;
  /** When it came to its campaign. */
  readonly assignedAt?: Date;
  readonly contactAttempts: readonly ContactAttempt[];
  readonly lastContactedAt?: Date;
  readonly nextFollowUp?: Date;
  /** The visit to a website that led to the lead, kept when the session itself is gone. The score and its parts are 0..100. */
  readonly web?: {
    readonly sessionId: string;
    readonly visitorId?: string;
    readonly score?: number;
    readonly scoreBreakdown?: {
      readonly timeOnSite: number;
      readonly pageDepth: number;
      readonly engagement: number;
      readonly intent: number;
    };
    /** Pages in the order of time; `duration` is seconds. */
    readonly journey: readonly {
      readonly url: string;
      readonly title?: string;
      readonly timestamp: Date;
      readonly duration?: number;
    }[];
  };
  /** A projection of consent_logs for reading; the gate reads the events. */
  readonly consent?: {
    readonly hasWrittenConsent: boolean;
    readonly consentMethod?: string;
    readonly consentDate?: Date;
    readonly consentSource?: string;
    readonly consentText?: string;
    readonly expiresAt?: Date;
    readonly automatedCallsAllowed: boolean;
    readonly textMessagesAllowed: boolean;
  };
  /** A projection of dnc_registry for reading; the gate reads the registry. */
  readonly dncStatus: {
    readonly onNationalRegistry: boolean;
    readonly internalDNC: boolean;
    readonly lastCheckedAt?: Date;
    readonly notes?: string;
  };
  readonly status: LeadStatus;
  readonly stage: LeadStage;
  readonly tags: readonly string[];
  /** Of a lead that is converted; `value` is US dollars. */
  readonly deal?: { readonly value?: number; readonly closedAt: Date };
  /** Present when the person asked for erasure: what told who they are is gone. */
  readonly erasedAt?: Date;
  /** Fields of an imported lead that have no place here, as they were. */
  readonly legacy?: Legacy;
  readonly createdBy: string;
  readonly updatedBy: string;
}

/** What another program called its fields, and what stood in them. */
export type Legacy = Readonly<Record<string, unknown>>;

export const TEAM_ROLES = ['campaign_manager', 'closer'] as const;
export interface TeamMember {
  readonly userId: string;
  readonly role: (typeof TEAM_ROLES)[number];
}

export interface Campaign extends Stamped {
  readonly name: string;
  readonly description?: string;
  readonly type: 'wholesale' | 'fix_flip' | 'rental';
  readonly status: 'draft' | 'active' | 'paused' | 'completed';
  /** Whom it is for; leads are judged by it. */
  readonly targeting?: Targeting;
  /** What the agent and the gate need to know of a call made for this campaign. */
  readonly calling: CallingPolicy;
  /** What is done with its leads; without one nobody is called by itself. */
  readonly workflow?: Workflow;
  readonly schedule?: Schedule;
  readonly budget?: Budget;
  readonly pacing?: Pacing;
  readonly conversationStrategy?: ConversationStrategy;
  /** What a closed deal brings, US dollars, where the lead does not say; for the return of the campaign. */
  readonly revenuePerDeal?: number;
  /** What it pays of the worth of a house before repairs, 0..1, where that is not the usual share. */
  readonly wholesaleShare?: number;
  /** Who of the staff works on it, and as what. */
  readonly assignedTo?: readonly TeamMember[];
  /** Why it is paused. */
  readonly hold?: Hold;
  readonly startedAt?: Date;
  /** When it last became active; what failed before counts no more. */
  readonly resumedAt?: Date;
  readonly completedAt?: Date;
  /** A copy of what was computed last, for lists. */
  readonly metrics?: Metrics & { readonly computedAt: Date };
}

/** How calls of a campaign (or, without one, of the house) are made. */
export interface CallingPolicy {
  readonly purpose: 'marketing' | 'informational';
  readonly subject: string;
  readonly machinePolicy: 'hang_up' | 'leave_message' | 'talk';
  /** What a message after the beep says besides who calls, the number to call back and how to stop. */
  readonly voicemailText?: string;
  readonly ringTimeoutSec: number;
  readonly maxCallSec: number;
  readonly transferNumber?: string;
  /** Campaigns only narrow the hours: local wall clock of the called party, "HH:MM". */
  readonly hours?: { readonly start: string; readonly end: string; readonly days: readonly Weekday[] };
  readonly carrierRecording: boolean;
}

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

/**
 * A reserved try at a person, counted before it happens. `activePhones`, every number of the person, exists while it runs:
 * no two attempts may share one, so that nobody has two calls at a time. Absent, never empty: an empty list is a value.
 */
export interface Attempt extends Stamped {
  readonly callId: string;
  readonly leadId?: string;
  readonly campaignId?: string;
  readonly phone: string;
  readonly activePhones?: readonly string[];
  readonly subject: string;
  readonly direction: 'outbound' | 'inbound';
  readonly reservedAt: Date;
  readonly state: 'reserved' | 'denied' | 'dialed' | 'closed';
  /** The run of a process in which it began, where several work on one store. */
  readonly carriedBy?: string;
  readonly idempotencyKey?: string;
}

export interface CallTranscript extends Stamped {
  readonly callId: string;
  readonly leadId?: string;
  readonly messages: readonly TranscriptMessage[];
  readonly fullTranscript: string;
  readonly totalMessages: number;
  readonly agentMessages: number;
  readonly userMessages: number;
  readonly duration: number;
  readonly completeness: Completeness;
  readonly topics?: readonly string[];
  readonly keywords?: readonly string[];
}

/** `timestamp` is seconds since the call was answered. */
export interface TranscriptMessage {
  readonly speaker: 'agent' | 'user' | 'system';
  readonly text: string;
  readonly timestamp: number;
  readonly turn: number;
  /** True when the caller cut the agent off; `text` is then what was heard, as far as is known. */
  readonly interrupted: boolean;
  readonly heardMs?: number;
  /** True for a message that only the platform's own transcript had. */
  readonly repaired: boolean;
  /** What was felt in it, as the call's analysis has it. */
  readonly sentiment?: number;
  /** Present when `text` is what a person says was said: what was heard, and who corrected it last. */
  readonly correction?: { readonly original: string; readonly by: string; readonly at: Date };
}

export type ConsentEventType = 'consent_granted' | 'consent_revoked' | 'dnc_added' | 'dnc_removed';

/** One consent event: append-only, chained per phone by prevHash → hash. Never updated, never deleted. */
export interface ConsentLog {
  readonly _id: string;
  readonly leadId?: string;
  readonly phone: string;
  readonly email?: string;
  readonly eventType: ConsentEventType;
  readonly consentDetails?: {
    readonly method: string;
    readonly source: string;
    readonly consentText?: string;
    readonly automatedCallsAllowed: boolean;
    readonly textMessagesAllowed: boolean;
    readonly expiresAt?: Date;
  };
  readonly evidence?: {
    readonly seller?: string;
    readonly purpose?: 'marketing' | 'informational';
    readonly level?: 'written' | 'oral';
    readonly artificialVoiceDisclosed?: boolean;
    /** The text says that consent is no condition of a purchase; absent: what the text itself says counts. */
    readonly conditionOfPurchaseDisclaimed?: boolean;
    /** Who consented. */
    readonly personName?: string;
    readonly pageUrl?: string;
    readonly textHash?: string;
    /** The edition of the text that was shown. */
    readonly textVersion?: string;
    /** Where a copy of what was shown or signed is kept: a screenshot, a scan. */
    readonly copyUrl?: string;
    readonly checkboxPreTicked?: boolean;
    /** What was done to sign: "click", the name as it was typed, "by hand". */
    readonly signature?: string;
    readonly certificate?: string;
    /** Who issued the certificate or what it is: "trustedform", "jornaya", "recording". */
    readonly certificateType?: string;
    readonly certificateClaimedAt?: Date;
    readonly certificateRetainedUntil?: Date;
    readonly sessionId?: string;
    /** Who ran the page, where it was not the seller. */
    readonly publisher?: string;
    /** Whose clock `timestamp` is of. */
    readonly sourceClock?: string;
  };
  readonly revocation?: { readonly channel: string; readonly words: string };
  readonly ipAddress?: string;
  readonly userAgent?: string;
  readonly referrer?: string;
  readonly timestamp: Date;
  readonly recordedBy: string;
  /** Position in this phone's chain, from 1: (phone, chainIndex) is unique, so two writers cannot fork a chain. */
  readonly chainIndex: number;
  readonly prevHash: string;
  readonly hash: string;
  readonly createdAt: Date;
}

/** How far a phone's chain reached when it was last written to, by which a cut end shows. `_id` is the phone. */
export interface ConsentHead {
  readonly _id: string;
  readonly entries: number;
  /** Of the entry whose chainIndex is `entries`. */
  readonly hash: string;
  readonly updatedAt: Date;
}

export interface DncEntry extends Stamped {
  readonly phone: string;
  readonly scope: 'national' | 'state' | 'internal' | 'litigator' | 'reassigned';
  readonly state: string | null;
  readonly seller: string | null;
  readonly source: string;
  readonly listedAt: Date;
  readonly reason?: string;
  readonly releasedAt?: Date;
  readonly releasedBy?: string;
}

/** What the database of reassigned numbers last said of a number. */
export interface ReassignedCheck extends Stamped {
  readonly phone: string;
  readonly result: 'no' | 'yes' | 'no_data';
  readonly checkedAt: Date;
}

/** An import with the places in its file from which it can go on: one of them is where the stored lines end. */
export interface StoredListImport extends ListImport, Stamped {
  readonly marks: readonly FileMark[];
}

/** The talk part of a call with the agent platform. */
export interface ConversationSession extends Stamped {
  readonly sessionId: string;
  readonly callId: string;
  readonly leadId?: string;
  readonly leadGenerated: boolean;
  readonly startTime: Date;
  readonly endTime?: Date;
  readonly duration?: number;
  readonly turns: number;
  readonly channel: 'phone' | 'browser' | 'text';
  readonly completeness?: Completeness;
  /** Fields of an imported conversation that have no place here, as they were. */
  readonly legacy?: Legacy;
}

export interface SystemConfig extends Stamped {
  readonly key: string;
  readonly value: unknown;
  readonly updatedBy: string;
  /** Of settings that people change: who, when and why, oldest first. */
  readonly history?: readonly PolicyChange[];
}

/** The words of a script that calls were made with, placeholders unfilled; `hash` stands in the records of the calls. */
export interface KeptScript extends Stamped {
  readonly name: string;
  readonly hash: string;
  readonly text: string;
}

/** What was learned from a call, so that it is learned once; `_id` is the call's. */
export interface CallLesson extends Stamped {
  /** Analyses of it that were counted. */
  readonly analyses: readonly string[];
}

/** Work that one process at a time may do; `_id` says which. */
export interface StoredClaim extends Stamped {
  /** How often it was taken. */
  readonly fence: number;
  /** The end of the lease by the clock of who took it; the epoch when it was released. */
  readonly until: Date;
}

export interface Documents {
  readonly leads: Lead;
  readonly campaigns: Campaign;
  readonly calls: Call;
  readonly call_events: CallEvent;
  readonly call_transcripts: CallTranscript;
  readonly call_scripts: KeptScript;
  readonly call_hours: CallHour;
  readonly call_analyses: CallAnalysis;
  readonly call_reviews: CallReview;
  readonly saved_views: SavedView;
  readonly agent_state: AgentState;
  readonly knowledge_base: KnowledgeEntry;
  readonly knowledge_uses: KnowledgeUse;
  readonly knowledge_proposals: KnowledgeProposal;
  readonly call_lessons: CallLesson;
  readonly consent_logs: ConsentLog;
  readonly consent_heads: ConsentHead;
  readonly dnc_registry: DncEntry;
  readonly list_imports: StoredListImport;
  readonly reassigned_checks: ReassignedCheck;
  readonly attempts: Attempt;
  readonly claims: StoredClaim;
  readonly conversation_sessions: ConversationSession;
  readonly system_config: SystemConfig;
  readonly retention_runs: RetentionRun;
  readonly erasures: Erasure;
  readonly contacts: Contact;
  readonly properties: Property;
  readonly enrollments: Enrollment;
  readonly campaign_use: CampaignUse;
  readonly campaign_forecasts: Forecast;
  readonly messages: Message;
  readonly message_templates: MessageTemplate;
  readonly intake_endpoints: IntakeEndpoint;
  readonly lead_imports: LeadImport;
  readonly lead_import_parts: LeadImportPart;
  readonly admin_users: User;
  readonly user_sessions: UserSession;
  readonly sign_in_failures: SignInFailures;
  readonly api_keys: ApiKey;
  readonly audit_log: AuditEntry;
}

export type CollectionName = keyof Documents;

/** Transcripts of one year (UTC, of `createdAt`), moved there when they are a year old. */
export type TranscriptArchive = `call_transcripts_archive_${number}`;

export const transcriptArchive = (year: number): TranscriptArchive => `call_transcripts_archive_${year}`;

export const isTranscriptArchive = (name: string): name is TranscriptArchive =>
  /^call_transcripts_archive_\d{4}$/.test(name);

/** Everything a store has under a name: the collections, and the archives that the years bring, which have no indexes. */
export interface Stored extends Documents {
  readonly [archive: TranscriptArchive]: CallTranscript;
}

/**
 * `1` ascending, `-1` descending; `sparse`: documents that lack every key are left out (and free of `unique`); `folded`: for
 * searches by the beginning of a text in any case, which MongoDB makes by walking the index as it is.
 */
export interface IndexSpec {
  readonly keys: Readonly<Record<string, 1 | -1>>;
  readonly unique?: true;
  readonly sparse?: true;
  readonly folded?: true;
}

export const COLLECTIONS: { readonly [N in CollectionName]: { readonly indexes: readonly IndexSpec[] } } = {
  leads: {
    indexes: [
      { keys: { 'contact.email': 1 } },
      { keys: { 'contact.phone': 1 } },
      { keys: { 'contact.alternatePhone': 1 }, sparse: true },
      { keys: { 'contact.firstName': 1 }, folded: true },
      { keys: { 'contact.lastName': 1 }, folded: true },
      { keys: { source: 1, externalId: 1 }, unique: true },
      { keys: { status: 1, nextFollowUp: 1 } },
      { keys: { status: 1, receivedAt: -1 } },
      { keys: { campaignId: 1, receivedAt: -1 } },
      { keys: { receivedAt: -1 } },
      { keys: { 'deal.closedAt': -1 }, sparse: true },
    ],
  },
  campaigns: { indexes: [{ keys: { status: 1, type: 1 } }] },
  enrollments: {
    indexes: [
      { keys: { campaignId: 1, leadId: 1 }, unique: true },
      { keys: { campaignId: 1, priority: 1, dueAt: 1 } },
      { keys: { leadId: 1 } },
      { keys: { 'working.id': 1 }, sparse: true },
    ],
  },
  campaign_use: { indexes: [] },
  campaign_forecasts: { indexes: [] },
  messages: {
    indexes: [
      { keys: { attemptKey: 1 }, unique: true },
      { keys: { holds: 1 }, unique: true, sparse: true },
      { keys: { status: 1, updatedAt: 1 } },
      { keys: { leadId: 1, createdAt: -1 } },
      { keys: { campaignId: 1, createdAt: -1 } },
      { keys: { createdAt: -1 } },
      { keys: { vendorId: 1 }, sparse: true },
      { keys: { to: 1, createdAt: -1 } },
      { keys: { from: 1, createdAt: -1 } },
    ],
  },
  message_templates: { indexes: [{ keys: { name: 1, version: -1 }, unique: true }] },
  calls: {
    indexes: [
      { keys: { leadId: 1, initiatedAt: -1 } },
      { keys: { callSid: 1 }, unique: true, sparse: true },
      { keys: { attemptId: 1 }, unique: true },
      { keys: { conversationId: 1 }, sparse: true },
      { keys: { status: 1, outcome: 1 } },
      { keys: { status: 1, initiatedAt: -1 } },
      { keys: { outcome: 1, initiatedAt: -1 } },
      { keys: { initiatedAt: -1 } },
      { keys: { campaignId: 1, initiatedAt: -1 } },
      { keys: { campaignId: 1, direction: 1, initiatedAt: -1 } },
      { keys: { contactPhone: 1, initiatedAt: -1 } },
      { keys: { 'complianceDecision.reasons': 1, initiatedAt: -1 } },
      { keys: { 'sentiment.overall': -1 } },
      { keys: { direction: 1, initiatedAt: -1 } },
      { keys: { 'cost.totalCost': 1 }, sparse: true },
      { keys: { analysisDue: -1 }, sparse: true },
      { keys: { promptHash: 1, initiatedAt: -1 }, sparse: true },
    ],
  },
  call_events: {
    indexes: [
      { keys: { eventId: 1 }, unique: true },
      { keys: { callId: 1, seq: 1 }, unique: true },
    ],
  },
  call_transcripts: {
    indexes: [
      { keys: { callId: 1 }, unique: true },
      { keys: { leadId: 1 } },
      { keys: { topics: 1 } },
      { keys: { createdAt: 1 } },
    ],
  },
  call_scripts: { indexes: [{ keys: { hash: 1 }, unique: true }] },
  call_hours: { indexes: [] },
  call_analyses: {
    indexes: [
      { keys: { callId: 1, createdAt: -1 } },
      { keys: { state: 1, createdAt: -1 } },
      { keys: { analysedAt: -1 }, sparse: true },
      { keys: { 'origin.promptHash': 1 }, sparse: true },
    ],
  },
  call_reviews: {
    indexes: [
      { keys: { status: 1, callAt: -1 } },
      { keys: { tags: 1, callAt: -1 } },
      { keys: { assignedTo: 1, callAt: -1 } },
      // How many wait for somebody is counted in it without reading a review, and theirs of one status are listed by it.
      { keys: { assignedTo: 1, status: 1, callAt: -1 } },
    ],
  },
  agent_state: {
    indexes: [
      { keys: { agentType: 1, agentId: 1 }, unique: true },
      { keys: { 'metrics.avgResponseTime': 1 } },
      { keys: { updatedAt: -1 } },
    ],
  },
  knowledge_base: {
    indexes: [
      { keys: { key: 1, version: 1 }, unique: true },
      { keys: { active: 1 } },
      { keys: { proposalId: 1 }, unique: true, sparse: true },
    ],
  },
  knowledge_uses: { indexes: [{ keys: { key: 1, version: 1, result: 1 } }, { keys: { callId: 1 } }] },
  knowledge_proposals: {
    indexes: [
      { keys: { openKey: 1 }, unique: true, sparse: true },
      { keys: { state: 1, createdAt: -1 } },
      { keys: { key: 1, createdAt: -1 } },
      { keys: { 'evidence.callId': 1 } },
      { keys: { createdAt: -1 } },
    ],
  },
  call_lessons: { indexes: [] },
  saved_views: { indexes: [{ keys: { userId: 1, of: 1, name: 1 }, unique: true }] },
  consent_logs: {
    indexes: [
      { keys: { phone: 1, chainIndex: 1 }, unique: true },
      { keys: { leadId: 1, timestamp: -1 } },
      { keys: { phone: 1, timestamp: -1 } },
      { keys: { eventType: 1, timestamp: -1 } },
    ],
  },
  consent_heads: { indexes: [] },
  dnc_registry: {
    indexes: [
      { keys: { phone: 1, scope: 1, state: 1, seller: 1 }, unique: true },
      { keys: { scope: 1, listedAt: -1 } },
    ],
  },
  list_imports: { indexes: [{ keys: { startedAt: -1 } }, { keys: { state: 1 } }] },
  reassigned_checks: { indexes: [{ keys: { phone: 1 }, unique: true }, { keys: { checkedAt: -1 } }] },
  attempts: {
    indexes: [
      { keys: { activePhones: 1 }, unique: true, sparse: true },
      { keys: { idempotencyKey: 1 }, unique: true, sparse: true },
      { keys: { phone: 1, reservedAt: -1 } },
      { keys: { leadId: 1, reservedAt: -1 } },
      { keys: { callId: 1 } },
      { keys: { state: 1, reservedAt: 1 } },
    ],
  },
  claims: { indexes: [] },
  conversation_sessions: {
    indexes: [
      { keys: { sessionId: 1 }, unique: true },
      { keys: { callId: 1 } },
      { keys: { startTime: -1 } },
      { keys: { leadId: 1 }, sparse: true },
    ],
  },
  system_config: { indexes: [{ keys: { key: 1 }, unique: true }] },
  retention_runs: {
    indexes: [{ keys: { startedAt: -1 } }, { keys: { day: 1 }, unique: true, sparse: true }],
  },
  erasures: { indexes: [{ keys: { startedAt: -1 } }, { keys: { numbers: 1 } }] },
  contacts: {
    indexes: [
      { keys: { phones: 1 } },
      { keys: { emails: 1 } },
      { keys: { leadIds: 1 } },
      { keys: { lastSeenAt: -1 } },
    ],
  },
  properties: {
    indexes: [
      { keys: { 'address.formatted': 1 }, unique: true },
      { keys: { zpid: 1 } },
      { keys: { 'address.zipCode': 1, type: 1 } },
      { keys: { leadIds: 1 } },
      { keys: { createdAt: -1 } },
    ],
  },
  intake_endpoints: { indexes: [{ keys: { source: 1, createdAt: -1 } }] },
  lead_imports: { indexes: [{ keys: { createdAt: -1 } }] },
  lead_import_parts: { indexes: [{ keys: { importId: 1, part: 1 }, unique: true }] },
  admin_users: {
    indexes: [
      { keys: { email: 1 }, unique: true },
      { keys: { 'passwordLink.tokenHash': 1 }, unique: true, sparse: true },
      { keys: { role: 1, isActive: 1 } },
      { keys: { createdAt: -1 } },
    ],
  },
  user_sessions: {
    indexes: [
      { keys: { tokenHash: 1 }, unique: true },
      { keys: { userId: 1, lastSeenAt: -1 } },
      { keys: { idleUntil: 1 } },
    ],
  },
  sign_in_failures: { indexes: [{ keys: { updatedAt: 1 } }] },
  api_keys: { indexes: [{ keys: { hash: 1 }, unique: true }, { keys: { createdAt: -1 } }] },
  audit_log: {
    indexes: [
      { keys: { at: -1 } },
      { keys: { 'who.id': 1, at: -1 } },
      { keys: { targets: 1, at: -1 } },
      { keys: { kind: 1, at: -1 } },
    ],
  },
};
