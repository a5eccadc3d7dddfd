/**
 * http/needs: what the web server asks of the app. Structural, so that the app need not know who serves it.
 * Everything goes in and out as domain values; bad input comes back as a Failure with a stable code.
 */

import type { Answering, Asked } from '../app/answer-llm.ts';
import type { Hearing, Place } from '../app/attend-call.ts';
import type { BulkDeed, BulkResult, PutBack } from '../app/bulk-calls.ts';
import type { Performance } from '../app/campaign-metrics.ts';
import type { CampaignWork, EnrollmentQuery, EnrollmentView } from '../app/campaign-work.ts';
import type { WordsCorrected } from '../app/correct-words.ts';
import type { Person } from '../app/floor.ts';
import type { ForecastShown } from '../app/forecast-campaign.ts';
import type { KnowledgeSave, KnowledgeTopic } from '../app/knowledge.ts';
import type { Words } from '../app/live-words.ts';
import type { Daily, Overview, OverviewQuery } from '../app/overview.ts';
import type { Cancel, Outage, StoredRecording } from '../app/ports.ts';
import type { PromptInUse } from '../app/prompts-in-use.ts';
import type { FunnelRow, LeadStats, OutcomeSummary, ReportRange, WeeklyReport } from '../app/reports.ts';
import type { TalkBudget } from '../app/talk-budget.ts';
import type { Waveform } from '../app/waveforms.ts';
import type { AgentState } from '../domain/agent-state.ts';
import type { CallAnalysis, ClaimDifference } from '../domain/analysis.ts';
import type { Call, CallEvent, CallOutcome, CallStatus, Completeness } from '../domain/call.ts';
import type { CampaignChange, NewCampaign } from '../domain/campaign-plan.ts';
import type { Decision, Reason } from '../domain/compliance/decision.ts';
import type { FactsInput } from '../domain/compliance/facts.ts';
import type {
  CallRecord,
  CompliancePolicyDocument,
  ConsentProof,
  ListImport,
  ListStatus,
} from '../domain/compliance/records.ts';
import type { Contact } from '../domain/contact.ts';
import type { Rates } from '../domain/cost.ts';
import type {
  Campaign,
  ConsentEventType,
  ConsentLog,
  DncEntry,
  Lead,
  LeadStage,
  LeadStatus,
  TranscriptMessage,
} from '../domain/documents.ts';
import type { Erasure, ErasureReport } from '../domain/erasure.ts';
import type { IntakeEndpoint, IntakeRule, IntakeSource } from '../domain/intake.ts';
import type {
  KnowledgeKind,
  KnowledgeProposal,
  KnowledgeUse,
  KnowledgeWording,
} from '../domain/knowledge.ts';
import type { ColumnTarget, Delimiter } from '../domain/lead-csv.ts';
import type { LeadField, Target } from '../domain/lead-fields.ts';
import type { ImportedRow, LeadImport, RowOutcome } from '../domain/lead-import.ts';
import type { Message, MessageChannel, MessageStatus, MessageTemplate } from '../domain/message.ts';
import type { NewProperty, Property, PropertyChange, PropertyType } from '../domain/property.ts';
import type { Qualification, Targeting } from '../domain/qualification.ts';
import type { RetentionPolicy, RetentionRun, RetentionSettings } from '../domain/retention.ts';
import type { Assignee, CallReview, Reviewer, ReviewStatus, SavedView } from '../domain/review.ts';
import type { CallTest } from '../domain/written-conversation.ts';

/** `cursor` is what the same list answered as `nextCursor`; one it did not make throws `invalid_request`. */
interface Paging {
  readonly limit: number;
  readonly cursor?: string;
}

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string;
}

export interface ConsentGiven {
  readonly method: string;
  readonly source: string;
  readonly consentText?: string;
  readonly automatedCallsAllowed: boolean;
  readonly textMessagesAllowed: boolean;
  readonly expiresAt?: Date;
  /** When the person consented; now without it. */
  readonly at?: Date;
  readonly evidence?: NonNullable<ConsentLog['evidence']>;
  readonly ipAddress?: string;
  readonly userAgent?: string;
  readonly referrer?: string;
}

interface CallFilters extends Paging {
  readonly status?: CallStatus;
  readonly outcome?: CallOutcome;
  readonly direction?: Call['direction'];
  readonly leadId?: string;
  readonly campaignId?: string;
  readonly from?: Date;
  readonly to?: Date;
  /** Only calls about which the gate decided, and how. */
  readonly decided?: 'any' | Decision['verdict'];
  /** Only calls denied with this among the reasons. */
  readonly reason?: Reason;
  /** The other party's number, E.164. */
  readonly phone?: string;
  readonly review?: ReviewStatus;
  readonly tag?: string;
  /** Who is to review it; null: nobody in particular. */
  readonly assignedTo?: string | null;
  /** The hash of the script that the agent spoke by. */
  readonly promptHash?: string;
  /** US dollars, both included. */
  readonly minCost?: number;
  readonly maxCost?: number;
  /** Only these. */
  readonly ids?: readonly string[];
}

interface NewLead {
  readonly source: string;
  readonly externalId?: string;
  /** Phones are E.164 already. */
  readonly contact: Lead['contact'];
  readonly propertyAddress?: string;
  readonly intent?: NonNullable<Lead['intent']>;
  readonly campaignId?: string;
  readonly tags: readonly string[];
  readonly consent?: ConsentGiven;
}

/** Only what is given changes; null removes. */
interface LeadChange {
  readonly contact?: Partial<Lead['contact']>;
  readonly propertyAddress?: string | null;
  readonly intent?: NonNullable<Lead['intent']>;
  readonly campaignId?: string | null;
  readonly nextFollowUp?: Date | null;
  readonly status?: LeadStatus;
  readonly stage?: LeadStage;
  readonly dealValue?: number;
  readonly tags?: readonly string[];
}

/** Without `mapping`, columns go where their names say. */
interface LeadImportPlan {
  readonly fileName?: string;
  readonly mapping?: readonly ColumnTarget[];
  readonly defaults?: readonly { readonly field: LeadField; readonly value: string }[];
  readonly duplicates?: 'skip' | 'update';
  readonly campaignId?: string;
}

export interface TimelineItem {
  readonly at: Date;
  readonly kind:
    | 'created'
    | 'call'
    | 'consent'
    | 'dnc'
    | 'message'
    | 'follow_up'
    | 'campaign'
    | 'note'
    | 'visit';
  readonly title: string;
  readonly detail?: string;
  readonly callId?: string;
}

interface NewTemplate {
  readonly name: string;
  readonly channel: MessageChannel;
  readonly subject?: string;
  readonly body: string;
}

interface TemplateShown extends MessageTemplate {
  readonly preview: { readonly subject?: string; readonly text: string; readonly segments?: number };
  readonly usedBy: readonly { readonly id: string; readonly name: string }[];
}

/** One new event and the call as it is after it. */
export interface Change {
  readonly event: CallEvent;
  readonly call: Call;
}

type Placed =
  | { readonly kind: 'placed'; readonly call: Call }
  | { readonly kind: 'denied'; readonly call: Call; readonly decision: Decision };

/** Brings in a sample campaign. */
export type BeginDemo = (by: string) => Promise<{
  readonly campaigns: readonly { readonly id: string; readonly name: string }[];
  readonly people: number;
}>;

/** `by` is the id of whoever asks, for createdBy, recordedBy and the event log. */
export interface AppForHttp {
  /** Present where the database may be away. */
  readonly outage?: Pick<Outage, 'state' | 'watch'> | undefined;
  readonly leads: {
    /** Throws `duplicate_key` when source + externalId is taken. `duplicates`: older leads with one of its numbers. */
    create(lead: NewLead, by: string): Promise<Lead & { readonly duplicates: readonly string[] }>;
    /** Throws `lead_not_found`. */
    get(leadId: string): Promise<Lead>;
    list(
      query: Paging & {
        readonly status?: LeadStatus;
        readonly stage?: LeadStage;
        readonly source?: string;
        readonly campaignId?: string;
        readonly phone?: string;
        readonly search?: string;
        readonly from?: Date;
        readonly to?: Date;
      },
    ): Promise<PageOf<Lead>>;
    update(leadId: string, change: LeadChange, by: string): Promise<Lead>;
    /** Oldest first. */
    timeline(leadId: string): Promise<readonly TimelineItem[]>;
  };
  readonly leadImports: {
    /** Changes nothing. Throws `invalid_request` when the file is no CSV, `upload_interrupted`. */
    preview(file: AsyncIterable<Uint8Array>): Promise<{
      readonly delimiter: Delimiter;
      readonly columns: readonly {
        readonly name: string;
        readonly target: Target;
        readonly samples: readonly string[];
      }[];
      readonly rows: readonly {
        readonly line: number;
        readonly cells: readonly string[];
        readonly says: readonly string[];
      }[];
      readonly problems: readonly string[];
    }>;
    /** Throws `invalid_request`, `campaign_not_found`. */
    prepare(plan: LeadImportPlan, by: string): Promise<LeadImport>;
    /**
     * Reads a file as it streams in. Resolves when it is done, failed for good, or `interrupted`, to go on with the same file
     * later. Rejects with `invalid_request`, `not_found`, `campaign_not_found`, `import_conflict`, `shutting_down`.
     */
    import(
      request: { readonly importId: string } | LeadImportPlan,
      file: AsyncIterable<Uint8Array>,
      by: string,
    ): Promise<LeadImport>;
    /** Throws `not_found`. */
    get(importId: string): Promise<LeadImport>;
    /** Newest first, with those under way. */
    list(): Promise<readonly LeadImport[]>;
    /** In the order of the file. Throws `not_found`, `invalid_request`. */
    report(importId: string, query: Paging & { readonly outcome?: RowOutcome }): Promise<PageOf<ImportedRow>>;
    rows(importId: string, outcome?: RowOutcome): AsyncIterable<ImportedRow>;
    /** Throws `not_found`, `import_conflict`. */
    discard(importId: string, by: string): Promise<LeadImport>;
  };
  readonly contacts: {
    /** The person behind a lead, brought up to date. Throws `lead_not_found`. */
    ofLead(leadId: string): Promise<Contact>;
    /** Throws `not_found`. */
    get(contactId: string): Promise<Contact>;
    list(query: Paging & { readonly phone?: string; readonly email?: string }): Promise<PageOf<Contact>>;
  };
  readonly properties: {
    /** Throws `invalid_request`, `duplicate_key` when there is one at this address. */
    create(property: NewProperty): Promise<Property>;
    /** Throws `not_found`. */
    get(propertyId: string): Promise<Property>;
    list(
      query: Paging & { readonly zipCode?: string; readonly type?: PropertyType; readonly leadId?: string },
    ): Promise<PageOf<Property>>;
    /** Values it anew and judges its leads again. Throws `not_found`, `invalid_request`, `duplicate_key`. */
    update(propertyId: string, change: PropertyChange, by: string): Promise<Property>;
    /** The lead is about this property. Throws `not_found`, `lead_not_found`. */
    link(propertyId: string, leadId: string, by: string): Promise<Property>;
    /** Judges a lead by what is known now. Throws `lead_not_found`. */
    qualifyLead(leadId: string, by: string): Promise<Qualification>;
  };
  readonly intake: {
    /** Throws `invalid_request`, `campaign_not_found`, `at_capacity`. */
    create(
      endpoint: {
        readonly source: IntakeSource;
        readonly name: string;
        readonly mapping?: readonly IntakeRule[];
        readonly defaults?: readonly { readonly field: LeadField; readonly value: string }[];
        readonly campaignId?: string;
      },
      by: string,
    ): Promise<IntakeEndpoint>;
    /** Those that are not revoked. */
    open(which: {
      readonly _id?: string;
      readonly source?: IntakeSource;
    }): Promise<readonly IntakeEndpoint[]>;
    list(): Promise<readonly IntakeEndpoint[]>;
    /** Throws `not_found`. */
    revoke(endpointId: string, by: string): Promise<IntakeEndpoint>;
    /** Takes a lead; what became of it. Throws `invalid_request`. */
    receive(endpoint: IntakeEndpoint, body: unknown): Promise<object>;
  };
  readonly compliance: {
    /** Asks the gate without reserving or minting anything. `phone` is as written: an unreadable one is denied, not refused. */
    check(question: {
      readonly leadId?: string;
      readonly phone?: string;
      readonly campaignId?: string;
      readonly at?: Date;
    }): Promise<Decision>;
    /** Pure: the gate's answer for facts that somebody else gathered. */
    evaluate(
      facts: FactsInput,
      now: Date,
    ): Pick<Decision, 'verdict' | 'reason' | 'reasons' | 'nextAllowedAt' | 'explanation'>;
    /** The decision at `at`, and every stretch of the following days in which the gate would allow on the same facts. */
    windows(question: {
      readonly leadId?: string;
      readonly phone?: string;
      readonly campaignId?: string;
      readonly at?: Date;
      readonly days: number;
    }): Promise<{
      readonly decision: Decision;
      readonly zone: string | null;
      readonly windows: readonly { readonly from: Date; readonly to: Date }[];
    }>;
    policy(): Promise<CompliancePolicyDocument>;
    /** Changes what is given and keeps why. Throws `invalid_request`. */
    changePolicy(
      change: Partial<Omit<CompliancePolicyDocument, 'history'>>,
      reason: string,
      by: string,
    ): Promise<CompliancePolicyDocument>;
    /** Everything about one number's person: consents, listings, calls with their decisions. Throws `invalid_request`. */
    proof(phone: string): Promise<ConsentProof>;
    /** One record for every outbound call that was dialled in [from, to), oldest first; read in pages, never all at once. */
    records(range: { readonly from: Date; readonly to: Date }): AsyncIterable<CallRecord>;
  };
  readonly lists: {
    /** Every list that the gate may look at, and how old our copy is. */
    status(): Promise<readonly ListStatus[]>;
    /**
     * Reads a list's file as it streams in. Resolves when the list is current, when the import failed for good, and when the
     * source broke: then it is `interrupted`, to go on later. Rejects with `invalid_request` (bad question),
     * `import_conflict` (another import of this list is running), `not_found` (no such import to go on with),
     * `shutting_down`.
     */
    import(
      request: {
        readonly list: string;
        readonly kind: 'full' | 'changes';
        readonly asOf: Date;
        readonly importId?: string;
      },
      file: AsyncIterable<Uint8Array>,
      by: string,
    ): Promise<ListImport>;
    /** Newest first, with those under way. */
    imports(): Promise<readonly ListImport[]>;
    /** Forgets an interrupted import. Throws `not_found`, `import_conflict`. */
    discard(importId: string, by: string): Promise<ListImport>;
  };
  readonly consents: {
    grant(
      grant: ConsentGiven & { readonly phone: string; readonly leadId?: string; readonly email?: string },
      by: string,
    ): Promise<ConsentLog>;
    revoke(
      revocation: {
        readonly phone: string;
        readonly leadId?: string;
        readonly channel: string;
        readonly words: string;
      },
      by: string,
    ): Promise<ConsentLog>;
    list(
      query: Paging & {
        readonly phone?: string;
        readonly leadId?: string;
        readonly eventType?: ConsentEventType;
      },
    ): Promise<PageOf<ConsentLog>>;
    /** Recomputes the hash chain of one number, or of all; tells the first that is broken. */
    verify(phone?: string): Promise<{
      readonly intact: boolean;
      readonly entries: number;
      readonly brokenAt?: number;
      readonly detail?: string;
      readonly phone?: string;
    }>;
  };
  readonly dnc: {
    add(
      entry: {
        readonly phone: string;
        readonly scope: DncEntry['scope'];
        readonly state?: string;
        readonly reason?: string;
        readonly source: string;
      },
      by: string,
    ): Promise<DncEntry>;
    list(
      query: Paging & {
        readonly phone?: string;
        readonly scope?: DncEntry['scope'];
        readonly from?: Date;
        readonly to?: Date;
      },
    ): Promise<PageOf<DncEntry>>;
    /** Throws `not_found` when the number is not listed there. */
    release(
      release: {
        readonly phone: string;
        readonly scope: DncEntry['scope'];
        readonly state?: string;
        readonly reason: string;
      },
      by: string,
    ): Promise<DncEntry>;
  };
  readonly retention: {
    policy(): Promise<RetentionPolicy>;
    /** Throws `invalid_request`. */
    changePolicy(change: RetentionSettings, reason: string, by: string): Promise<RetentionPolicy>;
    /** Answers with the report when the run is over, or as it is after `waitMs`; the run goes on. Throws `shutting_down`. */
    run(request: { readonly dryRun: boolean; readonly waitMs: number }, by: string): Promise<RetentionRun>;
    /** Newest first. */
    list(query: Paging): Promise<PageOf<RetentionRun>>;
  };
  readonly erasures: {
    /** What an erasure would remove and keep. Throws as `erase`. */
    foresee(request: { readonly phone: string; readonly reason: string }, by: string): Promise<ErasureReport>;
    /** Throws `invalid_request`, and `attempt_in_progress` while a call with this person is not done with. */
    erase(request: { readonly phone: string; readonly reason: string }, by: string): Promise<Erasure>;
    /** Newest first. */
    list(query: Paging): Promise<PageOf<Erasure>>;
  };
  readonly messages: {
    /** Throws as app/messages says; a denial is an answer. */
    send(request: {
      readonly leadId: string;
      readonly channel: MessageChannel;
      readonly campaignId?: string;
      readonly template?: string;
      readonly text?: string;
      readonly subject?: string;
      readonly attemptKey: string;
      readonly requestedBy: string;
    }): Promise<
      | { readonly kind: 'sent' | 'failed' | 'unconfirmed'; readonly message: Message }
      | { readonly kind: 'denied'; readonly message: Message; readonly decision: Decision }
    >;
    /** Throws `not_found`. */
    get(messageId: string): Promise<Message>;
    /** Newest first. */
    list(
      query: Paging & {
        readonly leadId?: string;
        readonly campaignId?: string;
        readonly channel?: MessageChannel;
        readonly status?: MessageStatus;
        readonly template?: string;
      },
    ): Promise<PageOf<Message>>;
    readonly templates: {
      /** Throws `invalid_request` with what is wrong with the wording. */
      save(wording: NewTemplate, by: string): Promise<TemplateShown>;
      /** Throws as `save`. */
      preview(wording: NewTemplate): TemplateShown['preview'];
      /** The newest version of each. */
      list(): Promise<readonly TemplateShown[]>;
      /** Throws `not_found`. */
      get(name: string): Promise<TemplateShown>;
      /** Newest first. Throws `not_found`. */
      versions(name: string): Promise<readonly TemplateShown[]>;
      /** Throws `not_found`, `template_in_use`. */
      retire(name: string): Promise<TemplateShown>;
    };
    isUnsubscribeToken(token: string): boolean;
    /** Whoever holds a link of one of our e-mails wants nothing more; undefined: it is no link of ours. */
    unsubscribe(token: string): Promise<'done' | 'kept' | undefined>;
  };
  readonly campaigns: {
    /** Throws `invalid_request` naming every field that is wrong. */
    create(campaign: NewCampaign, by: string): Promise<Campaign>;
    /** Throws `campaign_not_found`. */
    get(campaignId: string): Promise<Campaign>;
    list(
      query: Paging & { readonly status?: Campaign['status']; readonly type?: Campaign['type'] },
    ): Promise<PageOf<Campaign>>;
    /** Throws as `create`. */
    update(campaignId: string, change: CampaignChange, by: string): Promise<Campaign>;
    /** Throws `campaign_conflict`, `campaign_not_ready` with details.fields. */
    start(campaignId: string, by: string): Promise<Campaign>;
    /** Throws `campaign_conflict`. */
    pause(campaignId: string, reason: string | undefined, by: string): Promise<Campaign>;
    /** Throws `campaign_conflict`. */
    complete(campaignId: string, by: string): Promise<Campaign>;
    /** Throws `campaign_conflict`. */
    remove(campaignId: string, by: string): Promise<void>;
  };
  readonly runCampaigns: {
    /** Throws `campaign_not_found`. */
    work(campaignId: string): Promise<CampaignWork>;
    /** Throws `campaign_not_found`. */
    enrollments(campaignId: string, query: Paging & EnrollmentQuery): Promise<PageOf<EnrollmentView>>;
    /** Throws `campaign_not_found`, `not_found`, `campaign_conflict`. */
    reopen(campaignId: string, leadId: string): Promise<EnrollmentView>;
  };
  readonly forecasts: {
    /** Begins one, or answers with the one under way. Throws `campaign_not_found`, `shutting_down`. */
    start(campaignId: string): Promise<ForecastShown>;
    /** The newest. Throws `campaign_not_found`, `not_found`. */
    get(campaignId: string): Promise<ForecastShown>;
  };
  /** Throws `campaign_not_found`, `invalid_request`. */
  performance(campaignId: string, range: { readonly from?: Date; readonly to?: Date }): Promise<Performance>;
  /** Both throw `invalid_request` for a stretch that is none or longer than a year. */
  readonly overview: {
    overview(query: OverviewQuery): Promise<Overview>;
    daily(query: Omit<OverviewQuery, 'before'>): Promise<Daily>;
  };
  readonly reports: {
    /** Leads by status, of those received in a range. */
    leadFunnel(range: ReportRange & { readonly campaignId?: string }): Promise<readonly FunnelRow[]>;
    leadStats(range: ReportRange): Promise<LeadStats>;
    /** Calls of a campaign by outcome. Throws `campaign_not_found`. */
    campaignSummary(campaignId: string, range: ReportRange): Promise<readonly OutcomeSummary[]>;
    /** The seven days before `end`, beside the seven before them. */
    weekly(end?: Date): Promise<WeeklyReport>;
  };
  readonly rates: {
    read(): Promise<Rates>;
    /** Throws `invalid_request`. */
    change(change: Partial<Rates>, by: string): Promise<Rates>;
  };
  /** How many leads a targeting takes. */
  audience(query: { readonly campaignId?: string; readonly targeting?: Targeting }): Promise<{
    readonly fitting: number;
    readonly open: number;
    readonly atLeast?: true;
  }>;
  /** Reviews of calls; whatever is about one call throws `call_not_found`. */
  readonly reviews: {
    review(callId: string): Promise<CallReview>;
    /** By call; those without a review are not among them. */
    reviewsOf(calls: readonly Call[]): Promise<ReadonlyMap<string, CallReview>>;
    /** Throws `invalid_request` for whom no call can be given to. */
    judge(
      callId: string,
      given: {
        readonly status?: ReviewStatus;
        readonly tags?: readonly string[];
        readonly assignedTo?: string | null;
      },
      by: Reviewer,
    ): Promise<CallReview>;
    /** By name; those of `former` may review no more, and calls still wait for them. */
    reviewers(): Promise<{ readonly items: readonly Assignee[]; readonly former: readonly Assignee[] }>;
    /** How many calls that nobody looked at were given to somebody. */
    waiting(userId: string): Promise<number>;
    /** Throws `invalid_request` when there are too many. */
    comment(
      callId: string,
      given: { readonly text: string; readonly atSec?: number },
      by: Reviewer,
    ): Promise<CallReview>;
    /** Throws `not_found`, and `forbidden` for the comment of somebody else. */
    editComment(callId: string, commentId: string, text: string, by: Reviewer): Promise<CallReview>;
    /** Throws as `editComment`. */
    removeComment(callId: string, commentId: string, by: Reviewer): Promise<CallReview>;
  };
  readonly savedViews: {
    list(userId: string, of: SavedView['of']): Promise<readonly SavedView[]>;
    /** One of the same name is replaced. Throws `invalid_request` when there are too many. */
    save(userId: string, given: Pick<SavedView, 'of' | 'name' | 'query'>): Promise<SavedView>;
    /** Throws `not_found`. */
    remove(userId: string, viewId: string): Promise<void>;
  };
  readonly llm: {
    /** The model that answers; undefined: none is set up. */
    readonly model: string | undefined;
    /** What it may cost today and did; undefined: none is set up. */
    budget(): Promise<TalkBudget | undefined>;
    /** Throws `model_unavailable`, `at_capacity`, `shutting_down`. */
    answer(asked: Asked, spoken: boolean): Answering;
  };
  readonly agents: {
    /** All four. */
    list(): Promise<readonly AgentState[]>;
    /** Throws `not_found`. */
    get(agentType: string): Promise<AgentState>;
    /** What agents are told to say and by what calls are understood, and how many calls each was used in. */
    prompts(): Promise<readonly PromptInUse[]>;
  };
  readonly knowledge: {
    /** By key. */
    list(kind?: KnowledgeKind): Promise<readonly KnowledgeTopic[]>;
    /** Throws `not_found`. */
    get(key: string): Promise<KnowledgeTopic>;
    /** Throws `invalid_request`, `knowledge_conflict`. */
    save(given: KnowledgeSave, by: string): Promise<KnowledgeTopic>;
    /** Throws `not_found`. */
    activate(key: string, version: number, by: string): Promise<KnowledgeTopic>;
    /** Throws `not_found`. */
    deactivate(key: string, by: string): Promise<KnowledgeTopic>;
    /** Newest first. Throws `not_found`. */
    uses(key: string, limit: number): Promise<readonly KnowledgeUse[]>;
    readonly proposals: {
      list(
        query: Paging & { readonly state?: KnowledgeProposal['state']; readonly key?: string },
      ): Promise<PageOf<KnowledgeProposal>>;
      /** Throws `not_found`. */
      get(proposalId: string): Promise<KnowledgeProposal>;
      /** Throws `not_found`, `invalid_request`, `knowledge_conflict`. */
      accept(
        proposalId: string,
        edited: Partial<Pick<KnowledgeWording, 'title' | 'body' | 'tags'>>,
        by: string,
      ): Promise<KnowledgeTopic>;
      /** Throws `not_found`, `knowledge_conflict`. */
      reject(proposalId: string, reason: string, by: string): Promise<KnowledgeProposal>;
    };
  };
  readonly bulk: {
    /** The newest that fit; `more`: there are others. Throws `invalid_request` for a text without a word. */
    matching(
      query: Omit<CallFilters, 'limit' | 'cursor'> & { readonly text?: string },
    ): Promise<{ readonly ids: readonly string[]; readonly more: boolean }>;
    /** What became of each call, in their order. Throws `invalid_request` for whom no call can be given to. */
    act(callIds: readonly string[], deed: BulkDeed, by: Reviewer): Promise<readonly BulkResult[]>;
    undo(before: readonly PutBack[], by: Reviewer): Promise<readonly BulkResult[]>;
  };
  readonly analyses: {
    /** Throws `call_not_found`, `invalid_request`, `analysis_unavailable`. */
    request(
      request: { readonly callId: string; readonly by?: 'claude' | 'lexicon' },
      requestedBy: string,
    ): Promise<CallAnalysis>;
    /** Newest first. Throws `call_not_found`, `not_found`, `invalid_request`. */
    list(
      callId: string,
      compare?: readonly [string, string],
    ): Promise<{
      readonly items: readonly CallAnalysis[];
      readonly differences?: readonly ClaimDifference[];
    }>;
    /** Throws `not_found`, `invalid_request`. */
    markWrong(
      mark: {
        readonly callId: string;
        readonly analysisId: string;
        readonly path: string;
        readonly note: string;
      },
      by: string,
    ): Promise<CallAnalysis>;
  };
  readonly calls: {
    place(request: {
      readonly leadId: string;
      readonly campaignId?: string;
      readonly requestedBy: string;
      readonly idempotencyKey?: string;
    }): Promise<Placed>;
    /** Throws `call_not_found`. */
    get(callId: string): Promise<Call>;
    /** Newest first. */
    list(query: CallFilters): Promise<PageOf<Call>>;
    /** By what was said, the newest talks first. Throws `invalid_request` for a text without a word. */
    search(query: CallFilters & { readonly text: string }): Promise<
      PageOf<{
        readonly call: Call;
        readonly said: readonly (TranscriptMessage & { readonly index: number })[];
      }> & { readonly complete: boolean }
    >;
    /** Those that agents were given lately, the newest first. */
    scripts(): Promise<readonly { readonly name: string; readonly hash: string; readonly createdAt: Date }[]>;
    transcript(callId: string): Promise<{
      readonly messages: readonly TranscriptMessage[];
      readonly fullTranscript: string;
      readonly completeness?: Completeness;
      readonly live: boolean;
    }>;
    /** In the order of `seq`. */
    events(callId: string): Promise<readonly CallEvent[]>;
    recording(callId: string): Promise<StoredRecording | undefined>;
    /** Undefined without a recording. */
    waveform(callId: string): Promise<Waveform | undefined>;
    /** Throws `not_found`, `invalid_request`, `transcript_conflict`. */
    correctWords(
      corrected: WordsCorrected,
      by: { readonly id: string; readonly name: string },
    ): Promise<void>;
    /** Throws `invalid_request`, and `not_found` when nobody analysed the call. */
    writeConversation(callId: string): Promise<CallTest>;
    /** What is done with a call that goes on. */
    readonly attend: {
      listen(callId: string, person: Person, hearing: Hearing): Promise<Place>;
      whisper(callId: string, person: Person, text: string): Promise<void>;
      takeOver(callId: string, person: Person, listenerId: string): Promise<void>;
      handBack(callId: string, person: Person, note: string | undefined): Promise<void>;
      passOn(callId: string, person: Person, to: string | undefined): Promise<void>;
    };
    /** Throws `call_over` when there is nothing to end. Resolves when the ending is recorded as asked for. */
    end(request: { readonly callId: string; readonly by: string }): Promise<void>;
    live(): readonly Call[];
    /** What is said on the calls of `live`. The listener must return at once. */
    readonly words: {
      now(): readonly Words[];
      watch(listener: (words: Words) => void): Cancel;
    };
    /** The listener is called after each change was stored; it must return at once. */
    watch(listener: (change: Change) => void): Cancel;
  };
}
