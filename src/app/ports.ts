/** app/ports: what the verbs need of the world. Each adapter fills one or two of these; nothing here knows a vendor. */
import type { Findings } from '../domain/analysis.ts';
import type { AnsweredBy, Call, CallEvent, EndStatus, PlatformTurn } from '../domain/call.ts';
import type { DialPermit, MessagePermit } from '../domain/compliance/permit.ts';
import type { TokenUsage } from '../domain/cost.ts';
import type { Documents, Stored, TranscriptMessage } from '../domain/documents.ts';
import type { KnowledgeEntry, ProposalDraft, Talk } from '../domain/knowledge.ts';
import type { Delivery } from '../domain/message.ts';

// ── Storage ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A MongoDB filter, update or pipeline stage. Every store gives them MongoDB's meaning. */
export type Filter = Readonly<Record<string, unknown>>;
export type Update = Readonly<Record<string, unknown>>;
export type Stage = Readonly<Record<string, unknown>>;

export interface Query {
  readonly filter?: Filter;
  /** Most significant key first. Without it the order is undefined. */
  readonly sort?: Readonly<Record<string, 1 | -1>>;
  readonly limit?: number;
  readonly skip?: number;
}

/**
 * One collection. Every write is durable (on disk, synced) before its promise resolves; every read sees all writes that
 * resolved before it began. Any method may throw Failure `store_unavailable`.
 */
export interface Collection<D extends { readonly _id: string }> {
  get(id: string): Promise<D | undefined>;
  find(query: Query): Promise<D[]>;
  count(filter: Filter): Promise<number>;
  aggregate(pipeline: readonly Stage[]): Promise<Record<string, unknown>[]>;
  /** Throws Failure `duplicate_key` with `details.keys` naming the index when `_id` or a unique index is taken. */
  insert(document: D): Promise<void>;
  /** Inserts or replaces by `_id`; `duplicate_key` as for insert. */
  put(document: D): Promise<void>;
  /** Atomically updates the first match and answers the document as it is after; undefined when nothing matched. */
  update(filter: Filter, update: Update): Promise<D | undefined>;
  /** Deletes all matches; answers how many. */
  remove(filter: Filter): Promise<number>;
}

/** An update of one document, which its filter names. */
export interface ChangeOf<N extends keyof Documents> {
  readonly collection: N;
  readonly filter: Filter & { readonly _id: string };
  readonly update: Update;
}

/** The current copy of one imported list. */
export interface ListCopy {
  /** `national`, `litigator`, `state.FL`. */
  readonly list: string;
  /** The publisher's date. */
  readonly asOf: Date;
  readonly count: number;
  readonly importedAt: Date;
}

/**
 * Imported lists of numbers, up to hundreds of millions each, replaced as a whole. Numbers are the ten digits of a North
 * American number as an integer (2125550123). Methods may throw Failure `store_unavailable`.
 */
export interface NumberLists {
  copies(): Promise<readonly ListCopy[]>;
  /** The lists whose current copy names this number, and all copies as they were at the same moment. */
  lookUp(
    number: number,
  ): Promise<{ readonly copies: readonly ListCopy[]; readonly listedIn: readonly string[] }>;
  /**
   * A copy in the making that nobody sees, kept under `importId` across restarts. `empty`: it begins with nothing;
   * `current`: with the numbers of the current copy.
   */
  stage(importId: string, list: string, base: 'empty' | 'current'): Promise<StagedCopy>;
  /** Forgets a copy in the making. */
  discard(importId: string): Promise<void>;
}

export interface StagedCopy {
  /** How many lines of the file are taken and on disk. */
  readonly linesTaken: number;
  /** Takes numbers of the next lines, in their order (a negative number removes); durable now or at a later `write`, as `linesTaken` says. */
  write(numbers: Float64Array, lines: number): Promise<void>;
  /**
   * Makes it the current copy, in one step and durably; the one before is let go. Answers with what changed. Throws Failure
   * `invalid_request` with `details.count`, and changes nothing, when it has fewer numbers than `fewest`.
   */
  commit(
    asOf: Date,
    fewest?: number,
  ): Promise<{ readonly copy: ListCopy; readonly added: number; readonly removed: number }>;
}

export interface SaidQuery {
  /** Words and "phrases", all of which were said, in any case; at most some dozens count. */
  readonly text: string;
  readonly limit: number;
  /** As the same search answered. */
  readonly cursor?: string;
}

export interface Said {
  /** The newest transcripts first; `cursor` is where the search goes on behind this one. */
  readonly hits: readonly { readonly callId: string; readonly cursor: string }[];
  /** There is nothing behind them. */
  readonly isLast: boolean;
  /** False: an index is being made, and there may be more. */
  readonly complete: boolean;
}

export interface StoreHealth {
  readonly kind: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Store {
  collection<N extends keyof Stored>(name: N): Collection<Stored[N]>;
  /**
   * Present where two documents can be updated by one write: the second only if the first was found; both or none is on the
   * disk. Answers as `update` of each would; throws as it does, and then neither is changed.
   */
  readonly updateBoth?: <A extends keyof Documents, B extends Exclude<keyof Documents, A>>(
    first: ChangeOf<A>,
    second: ChangeOf<B>,
  ) => Promise<{ readonly first: Documents[A] | undefined; readonly second: Documents[B] | undefined }>;
  /**
   * Appends to the event log, durably, before it resolves, and refreshes the call's document with `call`: in the same
   * write where the store can, else behind the event, from which it can be rebuilt. `duplicate`: this eventId is there
   * already, nothing was written. `conflict`: another writer took (callId, seq); read again and append with the next seq.
   */
  append(event: CallEvent, call?: Call): Promise<'appended' | 'duplicate' | 'conflict'>;
  /** All events of a call in the order of `seq`. */
  events(callId: string): Promise<CallEvent[]>;
  readonly lists: NumberLists;
  /**
   * Calls by what was said in them, as their transcripts of the last year have it; a moment behind what is written. Throws
   * Failure `invalid_request` for a text without a word and a cursor of another search.
   */
  said(query: SaidQuery): Promise<Said>;
  /** Present where the data lie on another machine, which may be away. */
  readonly outage?: Outage;
  /** Present where several processes may work on the data: names what one living process at a time has on its machine. */
  readonly home?: string;
  health(): Promise<StoreHealth>;
  close(): Promise<void>;
}

/** An opt-out that was said while the store could not take it. */
export interface KeptOptOut {
  readonly phone?: string;
  readonly leadId?: string;
  readonly channel: string;
  readonly words: string;
  readonly callId?: string;
  /** When it was said. */
  readonly at: Date;
}

/** How a store stands that may be away, and what is kept on this machine until it is back. */
export interface Outage {
  /** `returning`: it answers, and what was kept meanwhile is on its way to it. Nobody is dialled unless it is `up`. */
  readonly state: 'up' | 'away' | 'returning';
  /** What is not in the store yet: events of calls, the oldest of them kept since, and opt-outs; and what it refused. */
  readonly backlog: {
    readonly events: number;
    readonly since?: Date;
    readonly optOuts: number;
    readonly setAside: number;
  };
  /** Tells of every change of `state`. */
  watch(listener: () => void): Cancel;
  /** On disk when it resolves; until it is fulfilled the state is not `up`. Throws Failure `store_unavailable`. */
  keep(optOut: KeptOptOut): Promise<void>;
  /** Who fulfils what was kept, by earlier lives too: asked for each of them when the store is back, before it is `up`. */
  fulfil(by: (optOut: KeptOptOut) => Promise<void>): void;
}

/** Recorded audio: both parties, caller left, agent right. On disk μ-law; read back as 16-bit PCM WAV, which every browser plays. */
export interface Recordings {
  /** Opens the recording of a call; a second opening (after a restart of the stream) goes on behind the first. */
  open(callId: string): RecordingSink;
  /** Undefined when there is none. `read` streams WAV bytes [start, end) and ends early when `signal` aborts. */
  find(callId: string): Promise<StoredRecording | undefined>;
  /** Deletes it for good; false when there was none. One that is being written is left: throws `attempt_in_progress`. */
  remove(callId: string): Promise<boolean>;
}

export interface RecordingSink {
  /** Interleaved μ-law, left = caller; copied. Never blocks and never throws: a slow disk loses audio, counted. */
  write(interleaved: Buffer): void;
  /** Resolves when all is on disk. Idempotent. */
  close(): Promise<{ readonly durationSec: number; readonly lostBytes: number }>;
}

export interface StoredRecording {
  readonly bytes: number;
  readonly durationSec: number;
  read(start: number, end: number, signal?: AbortSignal): AsyncIterable<Buffer>;
}

// ── The carrier ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface DialRequest {
  readonly callId: string;
  readonly from: string;
  readonly detectMachine: boolean;
  readonly ringTimeoutSec: number;
  readonly maxCallSec: number;
  readonly record: boolean;
}

/** What the carrier says of a call when asked. */
export interface CarrierCall {
  readonly callSid: string;
  readonly state: 'queued' | 'ringing' | 'in_progress' | 'over';
  readonly end?: EndStatus;
  readonly durationSec?: number;
}

export interface Telephony {
  /**
   * Spends the permit and dials its number. Never retries. Throws Failure: `permit_*`; `dial_refused` (the carrier said
   * no: details.carrierCode, details.blame 'number'|'account'|'caller_id'|'region'|'product'); `dial_unconfirmed` (no
   * clear answer: the call may exist, ask `findCall`); `telephony_unavailable` (surely not dialled).
   */
  dial(permit: DialPermit, request: DialRequest, signal: AbortSignal): Promise<{ readonly callSid: string }>;
  /** Looks for a call of ours placed to `to` since `since`; 'absent' only when the carrier surely has none. */
  findCall(
    query: { callId: string; to: string; since: Date },
    signal: AbortSignal,
  ): Promise<CarrierCall | 'absent'>;
  fetchCall(callSid: string, signal: AbortSignal): Promise<CarrierCall | 'absent'>;
  /** Ends a call at any stage; a call that is over already is a success. */
  hangUp(callSid: string, signal: AbortSignal): Promise<void>;
  /** Takes the call from the stream and speaks one sentence with the carrier's voice, then hangs up. */
  sayAndHangUp(callSid: string, sentence: string, signal: AbortSignal): Promise<void>;
  /** Speaks a sentence and connects the caller to a person; the agent's stream ends. */
  transfer(callSid: string, to: string, sentence: string, signal: AbortSignal): Promise<void>;
  /** The carrier's own recording as WAV bytes, for a call whose own recording is missing. */
  recording(recordingSid: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** What the carrier says of a text when asked. */
export interface CarrierText {
  readonly vendorId: string;
  readonly text: string;
  readonly delivery: Delivery;
  readonly error?: MessageError;
}

/** Why a message did not arrive: the vendor's own code where it gave one, and what it means. */
export interface MessageError {
  readonly code: string;
  readonly says: string;
  /** The person told the vendor to stop. */
  readonly optedOut?: true;
}

/**
 * Texts and e-mails. Both spend the permit, send to its number or address, and never retry. Both throw Failure: `permit_*`;
 * `message_refused` (a clear no: details.error is a MessageError); `message_unconfirmed` (no clear answer: it may have been
 * sent); `message_unavailable` (surely not sent).
 */
export interface Messenger {
  sendSms(
    permit: MessagePermit,
    text: { readonly messageId: string; readonly from: string; readonly text: string },
    signal: AbortSignal,
  ): Promise<{ readonly vendorId: string }>;
  /**
   * Texts from one of our numbers to `to` that the carrier took since `since`; `complete`: it surely took no other, for a
   * request made at `since` is over and told by now. Throws Failure `message_unavailable`.
   */
  textsTo(
    query: { readonly to: string; readonly from: string; readonly since: Date },
    signal: AbortSignal,
  ): Promise<{ readonly texts: readonly CarrierText[]; readonly complete: boolean }>;
  /** Absent: no mail server is set up. */
  readonly mail?: {
    /** What people read as the sender. */
    readonly from: string;
    sendMail(
      permit: MessagePermit,
      mail: {
        readonly messageId: string;
        readonly subject: string;
        readonly text: string;
        /** Takes a POST by the reader's mail program (RFC 8058). */
        readonly unsubscribeUrl: string;
      },
      signal: AbortSignal,
    ): Promise<{ readonly vendorId: string }>;
  };
}

/** One phone's media stream. Audio is μ-law 8 kHz mono. Methods after the end do nothing. */
export interface Leg {
  readonly callSid: string;
  readonly streamSid: string;
  bind(sink: LegSink): void;
  /**
   * Sends audio in 20 ms frames, and a mark behind it, with one write. `ulaw.length` is a multiple of 160 and at most
   * one second; copied before it returns. The carrier echoes the mark when all audio before it was played, or at once when it is cleared.
   */
  play(ulaw: Buffer, mark?: string): void;
  /** Empties the carrier's buffer. */
  clear(): void;
  /** Frames of the caller that never came, messages that were refused, and audio of ours a slow carrier did not take. */
  readonly counts: { readonly lost: number; readonly refused: number; readonly unsent: number };
  /** Ends the stream; the call goes on with what follows it. */
  close(): void;
}

export interface LegSink {
  /**
   * Audio of the caller: `base64` is the ASCII of the payload as it came, valid only during the call; `timestampMs`
   * counts from the start of the stream. Must return at once.
   */
  callerAudio(base64: Buffer, timestampMs: number): void;
  markEchoed(name: string): void;
  digit(digit: string): void;
  /** Once. `ended`: the call is over or we closed the stream; `lost`: the stream broke and the call may go on. */
  legClosed(how: 'ended' | 'lost', detail: string): void;
}

/** What the carrier's callbacks tell the app. Every method is idempotent: callbacks come twice, late or never. */
export interface CarrierInlet {
  /** An inbound call rings. The answer says what to do with it. */
  inbound(call: {
    callSid: string;
    from: string;
    to: string;
    attestation?: string;
  }): Promise<
    | { readonly kind: 'connect'; readonly callId: string }
    | { readonly kind: 'say'; readonly sentence: string }
  >;
  /** An outbound call was answered and the carrier asks what to do: connect the stream, or speak a sentence and hang up. */
  answered(
    callId: string,
    callSid: string,
  ): Promise<
    | { readonly kind: 'connect' }
    | { readonly kind: 'say'; readonly sentence: string }
    | { readonly kind: 'hang_up' }
  >;
  status(callId: string | undefined, report: CarrierStatus): Promise<void>;
  machine(callId: string, callSid: string, answeredBy: AnsweredBy, detectionMs?: number): Promise<void>;
  recording(
    callId: string,
    report: {
      callSid: string;
      recordingSid: string;
      url: string;
      durationSec: number;
      status: 'completed' | 'absent' | 'failed';
    },
  ): Promise<void>;
  /** The stream is up and its token was good. False: nobody waits for it (the adapter then closes it). */
  streamOpened(callId: string, leg: Leg): boolean;
  /** The carrier could not open the stream or lost it; said for the log, `afterStream` decides what the caller hears. */
  streamTrouble(callId: string, streamSid: string, message: string): Promise<void>;
  /** The stream is over and the call is not: what now? */
  afterStream(
    callId: string,
    callSid: string,
  ): Promise<
    | { readonly kind: 'hang_up' }
    | { readonly kind: 'connect' }
    | { readonly kind: 'say'; readonly sentence: string }
  >;
  /** A text message of a person came in (STOP words revoke). */
  message(message: {
    messageSid: string;
    from: string;
    to: string;
    text: string;
  }): Promise<{ readonly reply?: string }>;
  /** What became of a text of ours. */
  delivery(messageId: string, report: DeliveryReport): Promise<void>;
}

export interface DeliveryReport {
  readonly vendorId: string;
  readonly delivery: Delivery;
  readonly error?: MessageError;
}

export interface CarrierStatus {
  readonly callSid: string;
  /** The carrier's own order of its callbacks, from 0; the key by which a repeat is known. */
  readonly sequence: number;
  readonly status: 'initiated' | 'ringing' | 'answered' | EndStatus;
  readonly durationSec?: number;
  readonly sipCode?: number;
  readonly attestation?: string;
  readonly answeredBy?: AnsweredBy;
}

/** Single-use, expiring tokens that tie a media stream to its call. Issued when TwiML is answered, spent at `start`. */
export interface StreamTickets {
  issue(callId: string): string;
  /** The call the token was for, once; undefined when unknown, spent or expired. */
  spend(token: string): string | undefined;
}

// ── The agent platform ───────────────────────────────────────────────────────────────────────────────────────────────

export interface AgentBrief {
  readonly callId: string;
  readonly userId?: string;
  readonly dynamicVariables: Readonly<Record<string, string | number | boolean>>;
  /** Used only where the agent permits the override; so is the voice. */
  readonly firstMessage?: string;
  readonly voiceId?: string;
}

export interface VoiceAgent {
  /**
   * The signal governs the opening only. Opens a conversation and resolves when the platform confirmed it and its audio formats are μ-law 8 kHz both ways.
   * Throws Failure `agent_unavailable` (details.retryInSec?, details.reason) or `config_invalid` (what to fix).
   */
  open(brief: AgentBrief, sink: AgentSink, signal: AbortSignal): Promise<AgentSession>;
  /** The platform's own account of a conversation; 'pending' while it is still being processed, 'absent' when unknown. */
  conversation(
    conversationId: string,
    signal: AbortSignal,
  ): Promise<PlatformConversation | 'pending' | 'absent'>;
}

export interface AgentSession {
  readonly conversationId: string;
  /** Sends the caller's audio: ASCII base64 of μ-law, copied before it returns. Must return at once. */
  hear(base64: Buffer): void;
  /** Silent context for the agent; the same `contextId` replaces the older one. */
  inform(text: string, contextId?: string): void;
  /** Text as if the caller had said it. */
  tell(text: string): void;
  /** Resets the platform's patience while nobody can answer yet (the phone still rings). */
  keepWaiting(): void;
  answerTool(toolCallId: string, result: string, isError: boolean): void;
  /** Ends the conversation in good order. Idempotent. */
  close(): void;
}

export interface AgentSink {
  /** μ-law audio of one chunk, owned by the receiver; `turn` numbers the reply it belongs to. */
  agentAudio(ulaw: Buffer, turn: number): void;
  /** The caller spoke over the agent. `turn`: audio of turns strictly below it is stale. */
  interrupted(turn: number): void;
  said(role: 'agent' | 'user', text: string, turn: number): void;
  /** What the agent really got to say of a turn. */
  corrected(turn: number, text: string): void;
  toolCalled(call: { toolCallId: string; name: string; parameters: Record<string, unknown> }): void;
  /** The conversation is over, for whatever reason; called exactly once. */
  agentEnded(ending: AgentEnding): void;
}

export interface AgentEnding {
  /**
   * finished: the agent (or the platform's time limit) ended it in good order. lost: the connection or platform failed;
   * a new session may work. refused: quota or concurrency; trying again now is pointless. misconfigured: ours to fix.
   */
  readonly kind: 'finished' | 'lost' | 'refused' | 'misconfigured';
  readonly closeCode: number;
  /** What it means for the call, in plain words. */
  readonly meaning: string;
}

export interface PlatformConversation {
  readonly conversationId: string;
  readonly callId?: string;
  readonly turns: readonly PlatformTurn[];
  readonly failed: boolean;
}

// ── The analyst ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** A call that is over, as an analyst reads it. */
export interface CallToAnalyse {
  readonly callId: string;
  readonly direction: Call['direction'];
  readonly messages: readonly TranscriptMessage[];
  readonly startedAt: Date;
  /** Of the other party; absent: unknown. */
  readonly zone?: string;
}

export type { TokenUsage };

/** A model that understands calls. What it answers is of the right shape, and not yet known to be true. */
export interface Analyst {
  readonly model: string;
  /** Name and version of the prompt, and the SHA-256 of everything the model is told about how to answer. */
  readonly version: string;
  readonly promptHash: string;
  /**
   * `unusable`: it cannot understand this call, now or later, and `why`. Throws Failure `analysis_unavailable` when it cannot
   * be asked at present (details.blame 'settings' when somebody must mend something), and the reason of the signal.
   */
  analyse(
    call: CallToAnalyse,
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: 'found'; readonly findings: Findings; readonly usage: TokenUsage }
    | { readonly kind: 'unusable'; readonly why: string; readonly usage: TokenUsage }
  >;
}

/** A model that writes better answers for the knowledge base. Whether what it quotes was said is checked by whoever asked. */
export interface Architect {
  readonly model: string;
  /** Name and version of the prompt, and the SHA-256 of everything the model is told about how to answer. */
  readonly version: string;
  readonly promptHash: string;
  /** Throws Failure `analysis_unavailable` as the analyst does, and the reason of the signal. */
  propose(
    entry: Pick<KnowledgeEntry, 'key' | 'title' | 'body' | 'tags' | 'version' | 'stats'>,
    talks: readonly Talk[],
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: 'drafted'; readonly draft: ProposalDraft; readonly usage: TokenUsage }
    | { readonly kind: 'unusable'; readonly why: string; readonly usage: TokenUsage }
  >;
}

// ── The model that talks ─────────────────────────────────────────────────────────────────────────────────────────────

/** One message of a conversation that a model goes on with. `input` and `result` are texts of JSON, or plain. */
export type ChatMessage =
  | { readonly role: 'user'; readonly text: string }
  | {
      readonly role: 'assistant';
      readonly text: string;
      readonly calls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
    }
  | { readonly role: 'tool'; readonly callId: string; readonly result: string };

export interface ChatTool {
  readonly name: string;
  readonly description: string;
  /** A JSON schema of type object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ChatQuestion {
  readonly system: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ChatTool[];
  readonly toolChoice: 'auto' | 'none' | 'required' | { readonly name: string };
  readonly maxTokens: number;
}

/** What comes of a question, as it comes. A tool call comes whole. `used` counts everything until then, more than once. */
export type ChatPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tool'; readonly id: string; readonly name: string; readonly input: string }
  | { readonly kind: 'used'; readonly usage: TokenUsage }
  | { readonly kind: 'end'; readonly why: 'stop' | 'tool_calls' | 'length' | 'refused' };

export interface TalkingModel {
  readonly model: string;
  /**
   * Ends with `end`. Throws Failure `invalid_request` for what the model cannot take, `model_unavailable` (details.status,
   * details.blame 'settings' when somebody must mend something) and the reason of the signal, which stops the model at once.
   */
  answer(question: ChatQuestion, signal: AbortSignal): AsyncIterable<ChatPart>;
}

// ── The rest of the world ────────────────────────────────────────────────────────────────────────────────────────────

export type Cancel = () => void;

export interface Clock {
  /** Wall clock, ms since the epoch. */
  nowMs(): number;
  /** Monotonic, ms; for durations. */
  steadyMs(): number;
  /** Runs `task` once after `delayMs`. */
  after(delayMs: number, task: () => void): Cancel;
  /** Runs `task` every 20 ms on one wheel that all calls share and that does not drift. */
  everyFrame(task: (steadyMs: number) => void): Cancel;
  /** Resolves after `delayMs`, or rejects with the signal's reason. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** How far this machine can be believed when it tells the time of a called party. */
export interface Timekeeping {
  /** The release of the time zone database that its clocks follow, "2026f"; '' when nobody knows. */
  readonly tzdata: string;
  /** Our clock minus the carrier's, ms, as its last answer showed; null while it has not answered. */
  clockSkewMs(): number | null;
}

export interface Ids {
  /** 24 hex digits, an ObjectId. */
  objectId(): string;
  /** 256 bits, URL-safe. */
  token(): string;
}

/** Slow hashes of passwords, made off the main thread. Both throw Failure `at_capacity` when too many wait. */
export interface Passwords {
  hash(password: string): Promise<string>;
  matches(password: string, hash: string): Promise<boolean>;
}

/** Personal data goes under `pii`, which the logger redacts unless told otherwise. */
export type LogFields = Readonly<Record<string, unknown>> & {
  readonly pii?: Readonly<Record<string, unknown>>;
};

export interface Log {
  debug(fields: LogFields, sentence: string): void;
  info(fields: LogFields, sentence: string): void;
  warn(fields: LogFields, sentence: string): void;
  error(fields: LogFields, sentence: string): void;
}

// ── Vendor doors: how http hands a vendor's request to the adapter that understands it ──────────────────────────────

export interface VendorRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface VendorReply {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
}

export type VendorDoor = (request: VendorRequest) => Promise<VendorReply>;

/** The agent platform's report after a call. */
export interface AgentInlet {
  conversationReported(conversation: PlatformConversation): Promise<void>;
}
