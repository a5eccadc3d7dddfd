/**
 * sandbox/agent/protocol: the words of the conversation socket (elevenlabs.md §1.2, §1.3). What the agent sends is
 * typed by the vendor's own types; what it receives is parsed here.
 */
import type {
  AgentResponse,
  AgentResponseCorrection,
  AgentToolRequestMessage,
  AgentToolResponseMessage,
  Audio,
  ClientToolCallMessage,
  ConversationMetadata,
  ErrorMessage,
  Interruption,
  Ping,
  TentativeUserTranscript,
  UserTranscript,
} from '@elevenlabs/types';
import { z } from 'zod';

/** Everything the agent can send that the vendor's schema knows. */
export type ServerMessage =
  | Audio
  | AgentResponse
  | AgentResponseCorrection
  | AgentToolRequestMessage
  | AgentToolResponseMessage
  | ClientToolCallMessage
  | ConversationMetadata
  | ErrorMessage
  | Interruption
  | Ping
  | TentativeUserTranscript
  | UserTranscript;

/** The second shape of an error, which the real service sends when a quota is used up (elevenlabs.md §3). */
export type FlatError = { readonly type: 'error'; readonly message: string };

export type ErrorType = NonNullable<ErrorMessage['error_event']['error_type']>;

const DynamicValue = z.union([z.string(), z.number(), z.boolean()]);

const Initiation = z.looseObject({
  type: z.literal('conversation_initiation_client_data'),
  conversation_config_override: z
    .looseObject({
      agent: z
        .looseObject({
          first_message: z.string().optional(),
          language: z.string().min(2).optional(),
          prompt: z
            .looseObject({ prompt: z.string().min(1).optional(), llm: z.string().min(1).optional() })
            .optional(),
        })
        .optional(),
      tts: z
        .looseObject({
          voice_id: z.string().min(1).optional(),
          speed: z.number().min(0.7).max(1.2).optional(),
        })
        .optional(),
      asr: z.looseObject({ keywords: z.array(z.string()).max(50).optional() }).optional(),
      conversation: z.looseObject({}).optional(),
    })
    .optional(),
  custom_llm_extra_body: z.record(z.string(), z.unknown()).optional(),
  dynamic_variables: z.record(z.string().regex(/^(?!system__)/), DynamicValue).optional(),
  user_id: z.string().optional(),
  source_info: z.looseObject({ source: z.string().optional(), version: z.string().optional() }).optional(),
});

const Typed = z.discriminatedUnion('type', [
  Initiation,
  z.looseObject({ type: z.literal('pong'), event_id: z.int() }),
  z.looseObject({
    type: z.literal('client_tool_result'),
    tool_call_id: z.string(),
    result: z.string(),
    is_error: z.boolean(),
  }),
  z.looseObject({
    type: z.literal('contextual_update'),
    text: z.string(),
    context_id: z.string().optional(),
  }),
  z.looseObject({ type: z.literal('user_message'), text: z.string().optional() }),
  z.looseObject({ type: z.literal('user_activity') }),
  z.looseObject({
    type: z.literal('multimodal_message'),
    text: z.looseObject({ type: z.literal('user_message'), text: z.string().optional() }).optional(),
  }),
  z.looseObject({
    type: z.literal('mcp_tool_approval_result'),
    tool_call_id: z.string(),
    is_approved: z.boolean(),
  }),
  z.looseObject({
    type: z.literal('feedback'),
    event_id: z.int(),
    score: z.enum(['like', 'dislike']).nullable(),
  }),
]);

export type Initiation = z.infer<typeof Initiation>;
/** `audio` is the one message without a `type` on the wire. */
export type ClientMessage = z.infer<typeof Typed> | { readonly type: 'audio'; readonly audio: Buffer };

/** One text frame → what it says, or why it is no message of this protocol. */
export function parseClientMessage(
  text: string,
): ClientMessage | { readonly type: 'invalid'; readonly why: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { type: 'invalid', why: 'the message is not JSON' };
  }
  if (typeof json !== 'object' || json === null)
    return { type: 'invalid', why: 'the message is not an object' };
  if ('user_audio_chunk' in json) {
    if (typeof json.user_audio_chunk !== 'string')
      return { type: 'invalid', why: 'user_audio_chunk must be a string' };
    return { type: 'audio', audio: Buffer.from(json.user_audio_chunk, 'base64') };
  }
  const parsed = Typed.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return {
    type: 'invalid',
    why: `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'not understood'}`,
  };
}

const Tool = z.looseObject({
  type: z.string(),
  name: z.string(),
  expects_response: z.boolean().optional(),
  response_timeout_secs: z.number().optional(),
});

/** The settings of an agent that a conversation obeys; everything else in an agent's body is only kept. */
const AudioFormat = z.enum(['ulaw_8000', 'pcm_8000', 'pcm_16000', 'pcm_24000', 'pcm_48000']);

export const AgentSettings = z.looseObject({
  conversation_config: z.looseObject({
    asr: z.looseObject({ user_input_audio_format: AudioFormat.default('pcm_16000') }).prefault({}),
    tts: z
      .looseObject({
        agent_output_audio_format: AudioFormat.default('pcm_16000'),
        voice_id: z.string().default('slt'),
      })
      .prefault({}),
    turn: z.looseObject({ turn_timeout: z.number().min(1).max(30).default(7) }).prefault({}),
    conversation: z
      .looseObject({
        max_duration_seconds: z.number().int().min(60).max(7_200).default(600),
        client_events: z
          .array(z.string())
          .default([
            'audio',
            'interruption',
            'agent_response',
            'user_transcript',
            'tentative_user_transcript',
            'conversation_initiation_metadata',
            'ping',
          ]),
      })
      .prefault({}),
    agent: z
      .looseObject({
        first_message: z.string().default(''),
        language: z.string().default('en'),
        disable_first_message_interruptions: z.boolean().default(false),
        dynamic_variables: z
          .looseObject({ dynamic_variable_placeholders: z.record(z.string(), DynamicValue).default({}) })
          .prefault({}),
        prompt: z
          .looseObject({ prompt: z.string().default(''), tools: z.array(Tool).default([]) })
          .prefault({}),
      })
      .prefault({}),
  }),
  platform_settings: z
    .looseObject({
      auth: z.looseObject({ enable_auth: z.boolean().default(false) }).prefault({}),
      call_limits: z.looseObject({ agent_concurrency_limit: z.number().int().default(-1) }).prefault({}),
      overrides: z
        .looseObject({ conversation_config_override: z.record(z.string(), z.unknown()).default({}) })
        .prefault({}),
    })
    .prefault({}),
});
export type AgentSettings = z.infer<typeof AgentSettings>;

export const CloseCode = z.union([z.int().min(1_000).max(4_999), z.literal('reset')]);

/** What can be made to go wrong, and two choices of behaviour. Everything is off until it is set. */
export const Knobs = z.strictObject({
  /** New conversations end at once with the flat quota error and 1002. */
  quotaExceeded: z.boolean(),
  /** More conversations at once than this are closed with 3008. null: the agent's own limit alone. */
  concurrencyLimit: z.int().min(0).nullable(),
  /** Closes each of the next conversations `atMs` after its start: a code, or a TCP reset. */
  closeAt: z
    .strictObject({ code: CloseCode, atMs: z.number().min(0), conversations: z.int().min(1) })
    .nullable(),
  /** After an interruption, one chunk of the interrupted turn still comes. */
  staleChunk: z.boolean(),
  /** Which number an interruption carries: one of its own, the interrupted turn's, or the next reply's (§1.4). */
  interruptionId: z.enum(['own', 'interrupted', 'reply']),
  pings: z.boolean(),
  corrections: z.boolean(),
  /** Sends each turn's audio in a single message. */
  hugeChunk: z.boolean(),
  firstMessageDelayMs: z.number().min(0).max(120_000),
  /** Overrides the agent's format in both directions, as if somebody had changed it in the vendor's screens. */
  audioFormat: AudioFormat.nullable(),
  /** On a voicemail's greeting: end the call, or leave a message. */
  voicemail: z.enum(['hang_up', 'talk']),
  webhook: z.strictObject({
    drop: z.boolean(),
    duplicate: z.boolean(),
    badSignature: z.boolean(),
    delayMs: z.number().min(0),
    /** How long the body takes to arrive. */
    slowMs: z.number().min(0).max(60_000),
  }),
  /** The next `times` REST requests whose path contains `path` fail with a status, or are never answered. */
  rest: z
    .strictObject({
      status: z.union([z.literal([408, 429, 500, 502, 503]), z.literal('hang')]),
      times: z.int().min(1),
      path: z.string(),
    })
    .nullable(),
});
export type Knobs = z.infer<typeof Knobs>;
export type CloseCode = z.infer<typeof CloseCode>;

export const CALM: Knobs = {
  quotaExceeded: false,
  concurrencyLimit: null,
  closeAt: null,
  staleChunk: false,
  interruptionId: 'own',
  pings: true,
  corrections: true,
  hugeChunk: false,
  firstMessageDelayMs: 0,
  audioFormat: null,
  voicemail: 'hang_up',
  webhook: { drop: false, duplicate: false, badSignature: false, delayMs: 0, slowMs: 0 },
  rest: null,
};
