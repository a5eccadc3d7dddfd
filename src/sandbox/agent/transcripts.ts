/**
 * sandbox/agent/transcripts: what is left of a conversation. The record while it is held, the objects that REST
 * shows (elevenlabs.md §4.3), its sound, and the signed webhook after it (§5).
 */
import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeUlaw, pcmWav, ULAW_SILENCE } from '../audio.ts';
import type { Knobs } from './protocol.ts';

const CONVERSATION_LIMIT = 5_000;
const SOUND_BYTES = 64 * 1024 * 1024;
const LONGEST_SOUND_BYTES = 15 * 60 * 8_000;
const MESSAGE_LIMIT = 4_000;
const BYTES_PER_MS = 8;

/** One line of `transcript[]`, as on the wire. */
export type TranscriptEntry = {
  role: 'user' | 'agent';
  message: string | null;
  time_in_call_secs: number;
  interrupted: boolean;
  original_message: string | null;
  source_event_id: number | null;
  tool_calls: {
    type: 'client' | 'system';
    request_id: string;
    tool_name: string;
    params_as_json: string;
    tool_has_been_called: boolean;
  }[];
  tool_results: {
    type: 'client' | 'system';
    request_id: string;
    tool_name: string;
    result_value: string;
    is_error: boolean;
    tool_has_been_called: boolean;
    tool_latency_secs: number;
  }[];
  /** 0–1, of the recogniser; the vendor has no such field. */
  confidence?: number;
};

/** A message that went over the socket, for tests and drills: sound is replaced by its length. */
export type LoggedMessage = {
  readonly atMs: number;
  readonly from: 'agent' | 'client';
  readonly message: unknown;
};

/** Both sides' sound on the time axis of the conversation, μ-law 8 kHz; grows as it is spoken. */
class Sound {
  #user = Buffer.alloc(0);
  #userBytes = 0;
  #agent: { at: number; audio: Buffer }[] = [];
  #agentBytes = 0;

  get bytes(): number {
    return this.#user.length + this.#agentBytes;
  }
  get hasUser(): boolean {
    return this.#userBytes > 0;
  }
  get hasAgent(): boolean {
    return this.#agent.length > 0;
  }

  /** Adds what the caller said. Frames that follow each other are joined; a gap of a second is kept as silence. */
  user(atMs: number, audio: Buffer): void {
    const due = Math.round(atMs * BYTES_PER_MS) - audio.length;
    const at =
      due - this.#userBytes > 1_000 * BYTES_PER_MS || this.#userBytes === 0
        ? Math.max(0, due)
        : this.#userBytes;
    const end = at + audio.length;
    if (end > LONGEST_SOUND_BYTES) return;
    if (end > this.#user.length) {
      const grown = Buffer.alloc(
        Math.min(LONGEST_SOUND_BYTES, Math.max(end, this.#user.length * 2, 80_000)),
        ULAW_SILENCE,
      );
      this.#user.copy(grown);
      this.#user = grown;
    }
    audio.copy(this.#user, at);
    this.#userBytes = end;
  }

  /** Adds what the agent says, at the time at which it will be heard. */
  agent(atMs: number, audio: Buffer): void {
    const at = Math.round(atMs * BYTES_PER_MS);
    if (at + audio.length > LONGEST_SOUND_BYTES) return;
    this.#agent.push({ at, audio });
    this.#agentBytes += audio.length;
  }

  /** The agent was cut off: what lies after this moment was never heard. */
  cut(atMs: number): void {
    const end = Math.round(atMs * BYTES_PER_MS);
    this.#agent = this.#agent.flatMap(({ at, audio }) =>
      at >= end ? [] : [{ at, audio: at + audio.length > end ? audio.subarray(0, end - at) : audio }],
    );
    this.#agentBytes = this.#agent.reduce((sum, { audio }) => sum + audio.length, 0);
  }

  /** A WAV file, PCM16 8 kHz: caller on the left, agent on the right. */
  wav(): Buffer {
    const length = Math.max(this.#userBytes, ...this.#agent.map(({ at, audio }) => at + audio.length), 0);
    const agent = Buffer.alloc(length, ULAW_SILENCE);
    for (const { at, audio } of this.#agent) audio.copy(agent, at);
    return pcmWav([decodeUlaw(this.#user.subarray(0, this.#userBytes)), decodeUlaw(agent)], 8_000);
  }

  forget(): void {
    this.#user = Buffer.alloc(0);
    this.#userBytes = 0;
    this.#agent = [];
    this.#agentBytes = 0;
  }
}

/** Everything about one conversation. Written by the conversation, read by REST and the webhook. */
export class ConversationRecord {
  readonly id: string;
  readonly agentId: string;
  readonly agentName: string;
  /** Unix ms. */
  readonly startedAtMs: number;
  status: 'initiated' | 'in-progress' | 'processing' | 'done' | 'failed' = 'initiated';
  durationSecs = 0;
  terminationReason = '';
  /** The brain's word for how it ended, such as `opt_out`; '' when it did not end it. */
  outcome = '';
  error: { code: number; reason: string } | null = null;
  userId: string | null = null;
  initiation: Record<string, unknown> = {};
  answers: Readonly<Record<string, string>> = {};
  language = 'en';
  readonly transcript: TranscriptEntry[] = [];
  readonly sound = new Sound();
  readonly messages: LoggedMessage[] = [];
  /** Of the caller's audio, which is not logged message by message. */
  readonly received = { messages: 0, bytes: 0 };

  constructor(id: string, agentId: string, agentName: string, startedAtMs: number) {
    this.id = id;
    this.agentId = agentId;
    this.agentName = agentName;
    this.startedAtMs = startedAtMs;
  }

  log(atMs: number, from: 'agent' | 'client', message: unknown): void {
    if (this.messages.length < MESSAGE_LIMIT) this.messages.push({ atMs: Math.round(atMs), from, message });
  }
}

/** The finished and running conversations, newest last. Old ones are forgotten, their sound first. */
export class Archive {
  readonly #records = new Map<string, ConversationRecord>();

  add(record: ConversationRecord): void {
    this.#records.set(record.id, record);
    if (this.#records.size > CONVERSATION_LIMIT) {
      const oldest = this.#records.keys().next();
      if (!oldest.done) this.#records.delete(oldest.value);
    }
    let bytes = 0;
    for (const old of [...this.#records.values()].reverse()) {
      bytes += old.sound.bytes;
      if (bytes > SOUND_BYTES && old.status !== 'in-progress') old.sound.forget();
    }
  }

  get(id: string): ConversationRecord | undefined {
    return this.#records.get(id);
  }
  delete(id: string): boolean {
    return this.#records.delete(id);
  }
  /** Newest first. */
  all(): ConversationRecord[] {
    return [...this.#records.values()].reverse();
  }
}

const SUCCESSES = new Set([
  'visit_booked',
  'callback_scheduled',
  'qualified_no_visit',
  'opt_out',
  'email_promised',
]);

function success(record: ConversationRecord): 'success' | 'failure' | 'unknown' {
  if (SUCCESSES.has(record.outcome)) return 'success';
  return record.status === 'failed' || record.outcome === 'not_understood' ? 'failure' : 'unknown';
}

function summaryOf(record: ConversationRecord): string {
  const said = Object.entries(record.answers).map(([topic, answer]) => `${topic}: ${answer}`);
  const end = record.outcome === '' ? record.terminationReason : record.outcome.replaceAll('_', ' ');
  return [`The conversation ended with ${end || 'no stated reason'}.`, ...said].join(' ');
}

/** A row of `GET /v1/convai/conversations`. */
export function conversationRow(record: ConversationRecord) {
  return {
    agent_id: record.agentId,
    agent_name: record.agentName,
    conversation_id: record.id,
    start_time_unix_secs: Math.floor(record.startedAtMs / 1_000),
    call_duration_secs: Math.round(record.durationSecs),
    message_count: record.transcript.length,
    status: record.status,
    call_successful: success(record),
    transcript_summary: record.status === 'done' ? summaryOf(record) : null,
    termination_reason: record.terminationReason,
    main_language: record.language,
    direction: null,
    tool_names: [
      ...new Set(record.transcript.flatMap((entry) => entry.tool_calls.map((call) => call.tool_name))),
    ],
  };
}

/** The object of `GET /v1/convai/conversations/{id}` and of the webhook's `data`. */
export function conversationObject(record: ConversationRecord) {
  const seconds = Math.floor(record.startedAtMs / 1_000);
  const finished = record.status === 'done' || record.status === 'failed';
  return {
    agent_id: record.agentId,
    agent_name: record.agentName,
    conversation_id: record.id,
    status: record.status,
    user_id: record.userId,
    branch_id: null,
    version_id: null,
    environment: 'production',
    has_audio: record.sound.hasUser || record.sound.hasAgent,
    has_user_audio: record.sound.hasUser,
    has_response_audio: record.sound.hasAgent,
    has_auxiliary_audio: false,
    transcript: record.transcript,
    metadata: {
      start_time_unix_secs: seconds,
      accepted_time_unix_secs: seconds,
      call_duration_secs: Math.round(record.durationSecs),
      cost: Math.ceil(record.durationSecs * 10),
      termination_reason: record.terminationReason,
      error: record.error,
      main_language: record.language,
      phone_call: null,
      batch_call: null,
      authorization_method: 'signed_url',
      charging: { dev_discount: false, is_burst: false, tier: 'sandbox', llm_charge: 0, call_charge: 0 },
    },
    analysis: finished
      ? {
          call_successful: success(record),
          transcript_summary: summaryOf(record),
          call_summary_title: record.outcome.replaceAll('_', ' ') || 'conversation',
          evaluation_criteria_results: {},
          data_collection_results: Object.fromEntries(
            Object.entries(record.answers).map(([topic, value]) => [
              topic,
              { data_collection_id: topic, value, rationale: 'said by the caller' },
            ]),
          ),
        }
      : null,
    conversation_initiation_client_data: record.initiation,
    tag_ids: [],
  };
}

/** `ElevenLabs-Signature` for a body (§5.2). `atSecs` is Unix seconds. */
function signature(secret: string, body: string, atSecs: number): string {
  return `t=${atSecs},v0=${createHmac('sha256', secret).update(`${atSecs}.${body}`).digest('hex')}`;
}

/** What became of one attempt to deliver a webhook: the receiver's status, or `error` when it did not answer. */
export type Delivery = {
  readonly conversationId: string;
  readonly attempt: number;
  readonly status: number | 'error' | 'dropped';
};

type Parcel = {
  readonly conversationId: string;
  readonly body: string;
  readonly header: string;
  attempt: number;
  dueMs: number;
  underway: boolean;
};

const RETRY_AFTER_MS = [30_000, 120_000, 480_000, 1_800_000];
const PARCEL_LIMIT = 100;
const DELIVERY_LIMIT = 1_000;
const ANSWER_WITHIN_MS = 10_000;

/** Sends the post-call webhooks: at once, then again on 5xx, 429, 408 or no answer, five attempts in all (§5.3). */
export class Postman {
  /** Where to; undefined: nobody wants to know. */
  url: string | undefined;
  readonly #secret: string;
  readonly #knobs: () => Knobs;
  readonly #stop = new AbortController();
  readonly #underway = new Set<Promise<void>>();
  #parcels: Parcel[] = [];
  readonly deliveries: Delivery[] = [];

  constructor(url: string | undefined, secret: string, knobs: () => Knobs) {
    this.url = url;
    this.#secret = secret;
    this.#knobs = knobs;
  }

  /** Posts the transcript of a finished conversation. Both times in ms: the agent's clock, and Unix time. */
  post(record: ConversationRecord, nowMs: number, unixMs: number): void {
    if (this.url === undefined) return;
    const { drop, duplicate, badSignature, delayMs } = this.#knobs().webhook;
    if (drop || this.#parcels.length >= PARCEL_LIMIT) {
      this.#note({ conversationId: record.id, attempt: 1, status: 'dropped' });
      return;
    }
    const seconds = Math.floor(unixMs / 1_000);
    const body = JSON.stringify({
      type: 'post_call_transcription',
      event_timestamp: seconds,
      data: conversationObject(record),
    });
    const header = signature(badSignature ? `${this.#secret}x` : this.#secret, body, seconds);
    for (let copy = 0; copy < (duplicate ? 2 : 1); copy += 1) {
      const parcel = {
        conversationId: record.id,
        body,
        header,
        attempt: 1,
        dueMs: nowMs + delayMs,
        underway: false,
      };
      this.#parcels.push(parcel);
    }
  }

  tick(nowMs: number): void {
    for (const parcel of this.#parcels) {
      if (parcel.underway || parcel.dueMs > nowMs) continue;
      parcel.underway = true;
      const trip = this.#deliver(parcel, nowMs).finally(() => this.#underway.delete(trip));
      this.#underway.add(trip);
    }
  }

  /** Drops what waits and ends what is under way. */
  async close(): Promise<void> {
    this.#parcels = [];
    this.#stop.abort();
    await Promise.allSettled(this.#underway);
  }

  async #deliver(parcel: Parcel, nowMs: number): Promise<void> {
    const status = await this.#send(parcel).catch(() => 'error' as const);
    if (this.#stop.signal.aborted) return;
    this.#note({ conversationId: parcel.conversationId, attempt: parcel.attempt, status });
    const again = status === 'error' || status >= 500 || status === 429 || status === 408;
    const pause = RETRY_AFTER_MS[parcel.attempt - 1];
    if (again && pause !== undefined) {
      parcel.attempt += 1;
      parcel.dueMs = nowMs + pause * (1 + 0.1 * ((parcel.body.length % 10) / 10));
      parcel.underway = false;
    } else this.#parcels = this.#parcels.filter((other) => other !== parcel);
  }

  async #send(parcel: Parcel): Promise<number> {
    const { slowMs } = this.#knobs().webhook;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(ANSWER_WITHIN_MS + slowMs)]);
    const url = new URL(this.url ?? '');
    const bytes = Buffer.from(parcel.body);
    const answered = new Promise<number>((resolve, reject) => {
      const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        signal,
        agent: false,
        headers: {
          'content-type': 'application/json',
          'content-length': bytes.length,
          'elevenlabs-signature': parcel.header,
          connection: 'close',
        },
      });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        response.resume();
        response.on('error', reject);
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      if (slowMs === 0) outgoing.end(bytes);
      else {
        const half = bytes.length >> 1;
        outgoing.write(bytes.subarray(0, half));
        sleep(slowMs, undefined, { signal }).then(() => outgoing.end(bytes.subarray(half)), reject);
      }
    });
    return answered;
  }

  #note(delivery: Delivery): void {
    this.deliveries.push(delivery);
    if (this.deliveries.length > DELIVERY_LIMIT) this.deliveries.shift();
  }
}
