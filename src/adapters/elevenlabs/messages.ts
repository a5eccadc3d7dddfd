/**
 * adapters/elevenlabs/messages: the words of the conversation socket. What comes in is parsed here and trusted after;
 * what goes out is built here.
 *
 * Audio is most of the traffic and has a reader of its own, `readAudio`, which walks the bytes of the message and decodes
 * nothing but the audio. It answers exactly what the slow path (`parseMessage`) would answer, or nothing at all: whatever
 * it is not sure of goes the slow way. Source of the shapes: @elevenlabs/types (AsyncAPI of the agents socket).
 */
import type * as Wire from '@elevenlabs/types';
import { z } from 'zod';

// ── In ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A schema that takes everything the vendor's own type promises: a contract that drifts apart does not compile. */
const taking =
  <W>() =>
  <S extends z.ZodType>(schema: S & (W extends z.input<S> ? unknown : never)): S =>
    schema;

/** Older servers leave the number out of words; then they belong to the turn under way. */
const Turn = z.int().optional();

const AgentToolAnswer = z.object({
  tool_name: z.string(),
  is_error: z.boolean().optional(),
  is_called: z.boolean().optional(),
});

const ErrorText = z.string().nullish();

const FromAgent = z.discriminatedUnion('type', [
  taking<Wire.Audio>()(
    z.object({
      type: z.literal('audio'),
      audio_event: z.object({ audio_base_64: z.string(), event_id: Turn }),
    }),
  ),
  taking<Wire.Ping>()(z.object({ type: z.literal('ping'), ping_event: z.object({ event_id: z.int() }) })),
  taking<{
    type: 'conversation_initiation_metadata';
    conversation_initiation_metadata_event: Wire.ConversationInitiationMetadataEvent;
  }>()(
    z.object({
      type: z.literal('conversation_initiation_metadata'),
      conversation_initiation_metadata_event: z.object({
        conversation_id: z.string().min(1),
        agent_output_audio_format: z.string(),
        user_input_audio_format: z.string(),
      }),
    }),
  ),
  taking<Wire.UserTranscript>()(
    z.object({
      type: z.literal('user_transcript'),
      user_transcription_event: z.object({ user_transcript: z.string(), event_id: Turn }),
    }),
  ),
  taking<Wire.AgentResponse>()(
    z.object({
      type: z.literal('agent_response'),
      agent_response_event: z.object({ agent_response: z.string(), event_id: Turn }),
    }),
  ),
  taking<Wire.AgentResponseCorrection>()(
    z.object({
      type: z.literal('agent_response_correction'),
      agent_response_correction_event: z.object({ corrected_agent_response: z.string(), event_id: Turn }),
    }),
  ),
  taking<Wire.Interruption>()(
    z.object({ type: z.literal('interruption'), interruption_event: z.object({ event_id: Turn }) }),
  ),
  taking<Wire.ClientToolCallMessage>()(
    z.object({
      type: z.literal('client_tool_call'),
      client_tool_call: z.object({
        tool_name: z.string(),
        tool_call_id: z.string(),
        parameters: z.record(z.string(), z.unknown()).nullish(),
      }),
    }),
  ),
  taking<Wire.AgentToolResponseMessage>()(
    z.object({ type: z.literal('agent_tool_response'), agent_tool_response: AgentToolAnswer }),
  ),
  taking<Wire.AgentToolResponseFullPayloadMessage>()(
    z.object({
      type: z.literal('agent_tool_response_full_payload'),
      agent_tool_response_full_payload: AgentToolAnswer,
    }),
  ),
  taking<Wire.GuardrailTriggered>()(z.object({ type: z.literal('guardrail_triggered') })),
  // Two shapes are seen live: nested as documented, and flat with only a message (quota).
  taking<Wire.ErrorMessage>()(
    z.object({
      type: z.literal('error'),
      error_event: z
        .object({
          code: z.number().nullish(),
          error_type: ErrorText,
          message: ErrorText,
          reason: ErrorText,
          debug_message: ErrorText,
        })
        .nullish(),
      code: z.number().nullish(),
      message: ErrorText,
    }),
  ),
]);

type FromAgent = z.infer<typeof FromAgent>;

/** Types we know and need not read; anything else is unknown and counted. */
const KNOWN: ReadonlySet<string> = new Set(FromAgent.options.map((option) => option.shape.type.value));
const Typed = z.object({ type: z.string() });

export type Parsed =
  | FromAgent
  /** A type this version does not use, or does not know. */
  | { readonly type: '?'; readonly name: string }
  /** No JSON, or not in the shape its type has. */
  | { readonly type: '!'; readonly name: string };

/** The slow path: any message, through JSON and a schema. Never throws. */
export function parseMessage(payload: Buffer): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(payload.toString());
  } catch {
    return { type: '!', name: 'json' };
  }
  const typed = Typed.safeParse(json);
  if (!typed.success) return { type: '!', name: 'untyped' };
  const name = typed.data.type.slice(0, 64);
  if (!KNOWN.has(typed.data.type)) return { type: '?', name };
  return FromAgent.safeParse(json).data ?? { type: '!', name };
}

/** μ-law of a base64 text, or undefined when it is not base64 throughout. */
export function decodeBase64(text: string): Buffer | undefined {
  let length = text.length;
  if (length % 4 === 0 && length > 0 && text.charCodeAt(length - 1) === EQUALS) {
    length -= text.charCodeAt(length - 2) === EQUALS ? 2 : 1;
  }
  const decoded = Buffer.from(text, 'base64');
  // Node's decoder steps over what is not base64; only then is the result shorter than the text promises.
  return decoded.length === Math.floor((length * 3) / 4) && length % 4 !== 1 ? decoded : undefined;
}

/** Audio of one message, with the number of the reply it belongs to. */
export interface AudioChunk {
  readonly ulaw: Buffer;
  readonly turn: number;
}

/**
 * The fast path: audio of a message, straight from its bytes. Undefined for every other message and for audio in any
 * unusual form (escapes in a key or in the audio, two audio events, a turn that is no plain whole number, broken JSON).
 */
export function readAudio(message: Buffer): AudioChunk | undefined {
  let typeSeen = false;
  let from = -1;
  let to = -1;
  let turn = -1;
  let eventSeen = false;
  let at = skipSpace(message, 0);
  if (message[at] !== OPEN) return undefined;
  do {
    const key = skipSpace(message, at + 1);
    const keyEnd = skipPlainString(message, key);
    if (keyEnd < 0) return undefined;
    at = skipSpace(message, keyEnd);
    if (message[at] !== COLON) return undefined;
    at = skipSpace(message, at + 1);
    if (holds(message, key, keyEnd, TYPE)) {
      const end = skipPlainString(message, at);
      if (end < 0 || !holds(message, at, end, AUDIO)) return undefined;
      typeSeen = true;
      at = end;
    } else if (holds(message, key, keyEnd, AUDIO_EVENT)) {
      if (eventSeen || message[at] !== OPEN) return undefined;
      eventSeen = true;
      do {
        const inner = skipSpace(message, at + 1);
        const innerEnd = skipPlainString(message, inner);
        if (innerEnd < 0) return undefined;
        at = skipSpace(message, innerEnd);
        if (message[at] !== COLON) return undefined;
        at = skipSpace(message, at + 1);
        if (holds(message, inner, innerEnd, AUDIO_BASE_64)) {
          if (message[at] !== QUOTE) return undefined;
          from = at + 1;
          // The audio may hold a backslash or worse here; then its decoded length will not fit.
          to = message.indexOf(QUOTE, from);
          if (to < 0) return undefined;
          at = to + 1;
        } else if (holds(message, inner, innerEnd, EVENT_ID)) {
          const digits = at;
          turn = 0;
          for (let byte = message[at]; isDigit(byte); byte = message[++at]) turn = turn * 10 + byte - ZERO;
          if (at === digits || at - digits > 15 || (message[digits] === ZERO && at - digits > 1))
            return undefined;
        } else {
          at = skipValue(message, at, 0);
          if (at < 0) return undefined;
        }
        at = skipSpace(message, at);
      } while (message[at] === COMMA);
      if (message[at] !== CLOSE) return undefined;
      at += 1;
    } else {
      at = skipValue(message, at, 0);
      if (at < 0) return undefined;
    }
    at = skipSpace(message, at);
  } while (message[at] === COMMA);
  if (message[at] !== CLOSE || skipSpace(message, at + 1) !== message.length) return undefined;
  if (!typeSeen || from < 0 || turn < 0) return undefined;
  const ulaw = decodeBase64(message.toString('latin1', from, to));
  return ulaw && { ulaw, turn };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const EQUALS = 0x3d;
const ZERO = 0x30;
const DOT = 0x2e;
const MINUS = 0x2d;
const PLUS = 0x2b;
const TYPE = Buffer.from('"type"');
const AUDIO = Buffer.from('"audio"');
const AUDIO_EVENT = Buffer.from('"audio_event"');
const AUDIO_BASE_64 = Buffer.from('"audio_base_64"');
const EVENT_ID = Buffer.from('"event_id"');
const LITERALS = ['true', 'false', 'null'].map((word) => Buffer.from(word));
const MAX_SKIPPED_DEPTH = 8;

const isDigit = (byte: number | undefined): byte is number =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

function holds(message: Buffer, from: number, to: number, word: Buffer): boolean {
  if (to - from !== word.length) return false;
  for (let i = 0; i < word.length; i += 1) if (message[from + i] !== word[i]) return false;
  return true;
}

function skipSpace(message: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = message[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** Behind a string that has no escapes; -1 when there is none at `from`. */
function skipPlainString(message: Buffer, from: number): number {
  if (message[from] !== QUOTE) return -1;
  for (let at = from + 1; ; at += 1) {
    const byte = message[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte === BACKSLASH || byte < 0x20) return -1;
  }
}

/** Behind any JSON string; -1 when there is none at `from`. */
function skipString(message: Buffer, from: number): number {
  for (let at = from + 1; ; at += 1) {
    const byte = message[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < 0x20) return -1;
    if (byte !== BACKSLASH) continue;
    at += 1;
    const escaped = message[at];
    if (escaped === undefined || !ESCAPES.has(escaped)) return -1;
    if (escaped !== 0x75) continue;
    for (const last = at + 4; at < last; ) {
      at += 1;
      const hex = (message[at] ?? 0) | 0x20;
      if (!isDigit(message[at]) && (hex < 0x61 || hex > 0x66)) return -1;
    }
  }
}
const ESCAPES = new Set(Buffer.from('"\\/bfnrtu'));

/** Behind a JSON number; -1 when there is none at `from`. */
function skipNumber(message: Buffer, from: number): number {
  let at = message[from] === MINUS ? from + 1 : from;
  at = message[at] === ZERO ? at + 1 : skipDigits(message, at);
  if (at >= 0 && message[at] === DOT) at = skipDigits(message, at + 1);
  if (at < 0 || ((message[at] ?? 0) | 0x20) !== 0x65) return at;
  at += 1;
  if (message[at] === PLUS || message[at] === MINUS) at += 1;
  return skipDigits(message, at);
}

function skipDigits(message: Buffer, from: number): number {
  let at = from;
  while (isDigit(message[at])) at += 1;
  return at > from ? at : -1;
}

/** Behind any JSON value; -1 when it is broken or nested deeper than is worth the walk. */
function skipValue(message: Buffer, from: number, depth: number): number {
  const first = message[from];
  if (isDigit(first) || first === MINUS) return skipNumber(message, from);
  if (first === QUOTE) return skipString(message, from);
  if (first === OPEN || first === OPEN_LIST) {
    if (depth === MAX_SKIPPED_DEPTH) return -1;
    const end = first === OPEN ? CLOSE : CLOSE_LIST;
    let at = skipSpace(message, from + 1);
    if (message[at] === end) return at + 1;
    for (;;) {
      if (first === OPEN) {
        at = message[at] === QUOTE ? skipString(message, at) : -1;
        if (at < 0) return -1;
        at = skipSpace(message, at);
        if (message[at] !== COLON) return -1;
        at = skipSpace(message, at + 1);
      }
      at = skipValue(message, at, depth + 1);
      if (at < 0) return -1;
      at = skipSpace(message, at);
      if (message[at] === end) return at + 1;
      if (message[at] !== COMMA) return -1;
      at = skipSpace(message, at + 1);
    }
  }
  for (const word of LITERALS) if (holds(message, from, from + word.length, word)) return from + word.length;
  return -1;
}

// ── Out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The caller's audio is spliced between these two; this message alone has no `type`. */
export const USER_AUDIO_HEAD = Buffer.from('{"user_audio_chunk":"');
export const USER_AUDIO_TAIL = Buffer.from('"}');

export const pong = (eventId: number): string =>
  JSON.stringify({ type: 'pong', event_id: eventId } satisfies Wire.Pong);

export const userActivity = JSON.stringify({ type: 'user_activity' } satisfies Wire.UserActivity);

export const userMessage = (text: string): string =>
  JSON.stringify({ type: 'user_message', text } satisfies Wire.UserMessage);

export const contextualUpdate = (text: string, contextId?: string): string =>
  JSON.stringify({
    type: 'contextual_update',
    text,
    ...(contextId ? { context_id: contextId } : {}),
  } satisfies Wire.ContextualUpdate);

export const toolResult = (toolCallId: string, result: string, isError: boolean): string =>
  JSON.stringify({
    type: 'client_tool_result',
    tool_call_id: toolCallId,
    result,
    is_error: isError,
  } satisfies Wire.ClientToolResult);

/** What the agent lets a caller of the socket change; a change without permission ends the conversation (1008). */
export interface Permits {
  readonly firstMessage: boolean;
  readonly voice: boolean;
  readonly extraBody: boolean;
}

/** The first message we send. Empty values are left out: the platform takes an empty override for a value. */
export function initiation(
  brief: {
    readonly callId: string;
    readonly userId?: string;
    readonly dynamicVariables: Readonly<Record<string, string | number | boolean>>;
    readonly firstMessage?: string;
    readonly voiceId?: string;
  },
  permits: Permits,
): string {
  const variables: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(brief.dynamicVariables)) {
    // `system__` belongs to the platform, and a number JSON cannot write would arrive as null.
    if (name.startsWith('system__') || value === null || value === undefined) continue;
    if (typeof value === 'number' && !Number.isFinite(value)) continue;
    variables[name] = value;
  }
  variables.call_id = brief.callId;
  const overrides = {
    ...(brief.firstMessage && permits.firstMessage ? { agent: { first_message: brief.firstMessage } } : {}),
    ...(brief.voiceId && permits.voice ? { tts: { voice_id: brief.voiceId } } : {}),
  };
  return JSON.stringify({
    type: 'conversation_initiation_client_data',
    ...(Object.keys(overrides).length > 0 ? { conversation_config_override: overrides } : {}),
    ...(permits.extraBody ? { custom_llm_extra_body: { call_id: brief.callId } } : {}),
    dynamic_variables: variables,
    ...(brief.userId ? { user_id: brief.userId } : {}),
  } satisfies Wire.ConversationInitiation);
}
