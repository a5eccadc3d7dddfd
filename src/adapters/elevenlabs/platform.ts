/**
 * adapters/elevenlabs/platform: the platform's REST side: a signed URL for each conversation, what the platform remembers
 * of a conversation, and the agent's settings.
 *
 * Requests go through the official SDK's request core, the one behind its `client.fetch()`. Its typed clients load all of
 * the SDK's models at once (about a second during which no audio would move, and 95 MB), its core takes 40 ms and 13 MB;
 * answers are parsed here, with the same schema as the webhook's.
 */
import { z } from 'zod';
import type { Clock, Log, PlatformConversation } from '../../app/ports.ts';
import { type Code, Failure } from '../../domain/errors.ts';
import { senseOfText } from './closing.ts';
import type { Permits } from './messages.ts';

const SIGNED_URL_MS = 8_000;
const AGENT_MS = 5_000;
const CONVERSATION_MS = 15_000;
const RETRY_PAUSE_MS = 250;
/** A long conversation with all of its metrics stays far below. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const PERMITS_FRESH_MS = 5 * 60_000;
/** After a failed reading nothing is permitted, and it is tried again soon. */
const PERMITS_RETRY_MS = 30_000;

// ── What comes back ──────────────────────────────────────────────────────────────────────────────────────────────────

const SignedUrl = z.object({ signed_url: z.url() });

const ConversationRecord = z.object({
  conversation_id: z.string().min(1),
  status: z.string().optional(),
  transcript: z.array(
    z.object({
      role: z.string(),
      message: z.string().nullish(),
      time_in_call_secs: z.number().nullish(),
      interrupted: z.boolean().nullish(),
    }),
  ),
  conversation_initiation_client_data: z
    .object({ dynamic_variables: z.record(z.string(), z.unknown()).nullish() })
    .nullish(),
});

/**
 * Reads the platform's conversation object (the same in REST answers and webhooks, snake_case). Undefined when it is not
 * one; `done` is false while the platform still works on it.
 */
export function readConversation(
  json: unknown,
): { readonly conversation: PlatformConversation; readonly done: boolean } | undefined {
  const parsed = ConversationRecord.safeParse(json).data;
  if (!parsed) return undefined;
  const callId = parsed.conversation_initiation_client_data?.dynamic_variables?.call_id;
  return {
    done: parsed.status === undefined || parsed.status === 'done' || parsed.status === 'failed',
    conversation: {
      conversationId: parsed.conversation_id,
      ...(typeof callId === 'string' && callId ? { callId } : {}),
      failed: parsed.status === 'failed',
      turns: parsed.transcript.flatMap((turn) =>
        turn.message && (turn.role === 'agent' || turn.role === 'user')
          ? [
              {
                role: turn.role,
                text: turn.message,
                offsetSec: turn.time_in_call_secs ?? 0,
                interrupted: turn.interrupted ?? false,
              },
            ]
          : [],
      ),
    },
  };
}

const Tool = z.object({
  type: z.string().optional(),
  name: z.string(),
  expects_response: z.boolean().optional(),
});
const ToolAnswer = z.object({ tool_config: Tool });
export type AgentTool = z.infer<typeof Tool>;

/** The parts of an agent's settings that decide whether our calls work; everything may be absent. */
const Agent = z.object({
  name: z.string().optional(),
  conversation_config: z.object({
    asr: z.object({ user_input_audio_format: z.string().optional() }).optional(),
    tts: z.object({ agent_output_audio_format: z.string().optional() }).optional(),
    conversation: z.object({ client_events: z.array(z.string()).optional() }).optional(),
    agent: z
      .object({
        first_message: z.string().nullish(),
        prompt: z
          .object({
            llm: z.string().nullish(),
            tools: z.array(Tool).nullish(),
            tool_ids: z.array(z.string()).nullish(),
            built_in_tools: z.record(z.string(), z.unknown()).nullish(),
          })
          .optional(),
      })
      .optional(),
  }),
  platform_settings: z
    .object({
      auth: z.object({ enable_auth: z.boolean().optional() }).nullish(),
      queueing_config: z.object({ enabled: z.boolean().optional() }).nullish(),
      overrides: z
        .object({
          custom_llm_extra_body: z.boolean().nullish(),
          conversation_config_override: z
            .object({
              agent: z.object({ first_message: z.boolean().nullish() }).nullish(),
              tts: z.object({ voice_id: z.boolean().nullish() }).nullish(),
            })
            .nullish(),
        })
        .nullish(),
    })
    .nullish(),
});
export type Agent = z.infer<typeof Agent>;

// ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const loadSdk = () => import('@elevenlabs/elevenlabs-js/core/fetcher/index.js');
let sdk: ReturnType<typeof loadSdk> | undefined;

export interface Platform {
  /** A URL for one conversation. Throws Failure `agent_unavailable` or `config_invalid`. */
  signedUrl(signal: AbortSignal): Promise<string>;
  /** What the agent lets us override: from memory when it was read lately; nothing when it cannot be read. Never throws but for abort. */
  permits(signal: AbortSignal): Promise<Permits>;
  /** As `VoiceAgent.conversation`. */
  conversation(id: string, signal: AbortSignal): Promise<PlatformConversation | 'pending' | 'absent'>;
  agent(signal: AbortSignal): Promise<Agent>;
  tool(toolId: string, signal: AbortSignal): Promise<AgentTool>;
  /** Loads what the first call needs, so that it does not pay for it. Never throws. */
  warm(): Promise<void>;
}

export interface PlatformOptions {
  readonly apiKey: string;
  readonly agentId: string;
  readonly baseUrl: string;
  readonly clock: Clock;
  readonly log: Log;
}

const NOTHING_PERMITTED: Permits = { firstMessage: false, voice: false, extraBody: false };

export function createPlatform({ apiKey, agentId, baseUrl, clock, log }: PlatformOptions): Platform {
  let known: { readonly permits: Permits; readonly untilMs: number } | undefined;
  let reading: Promise<Permits> | undefined;

  /** One GET; a fault of the network or the server is tried once more within the same time. */
  async function get<S extends z.ZodType>(
    what: string,
    path: string,
    schema: S,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<z.infer<S>> {
    signal.throwIfAborted();
    sdk ??= loadSdk();
    const { makePassthroughRequest } = await sdk;
    const stop = new AbortController();
    const aborted = () => stop.abort(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    const late = new Failure('agent_unavailable', `ElevenLabs did not answer in time (${what})`, {
      details: { reason: 'timeout' },
    });
    const cancel = clock.after(timeoutMs, () => stop.abort(late));
    const once = async () => {
      // A whole URL: of a path, the SDK would escape the question mark.
      const response = await makePassthroughRequest(
        `${baseUrl.replace(/\/+$/, '')}/${path}`,
        { method: 'GET' },
        { baseUrl, getAuthHeaders: async () => ({ 'xi-api-key': apiKey }) },
        { abortSignal: stop.signal, maxRetries: 0 },
      );
      return { response, text: await bounded(response) };
    };
    try {
      let answer: Awaited<ReturnType<typeof once>> | undefined;
      try {
        answer = await once();
      } catch (error) {
        if (stop.signal.aborted) throw error;
      }
      if (!answer || answer.response.status >= 500) {
        await clock.sleep(RETRY_PAUSE_MS, stop.signal);
        answer = await once();
      }
      const { response, text } = answer;
      if (!response.ok) throw refusal(what, response.status, text, response.headers.get('retry-after'));
      const parsed = schema.safeParse(parseJson(text));
      if (parsed.success) return parsed.data;
      throw new Failure('agent_unavailable', `ElevenLabs answered in a shape nobody knows (${what})`, {
        cause: parsed.error,
        details: { reason: 'protocol' },
      });
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (error instanceof Failure) throw error;
      throw new Failure('agent_unavailable', `ElevenLabs cannot be reached (${what})`, {
        cause: error,
        details: { reason: 'network' },
      });
    } finally {
      cancel();
      signal.removeEventListener('abort', aborted);
    }
  }

  const agent = (signal: AbortSignal) =>
    get('agent settings', `v1/convai/agents/${encodeURIComponent(agentId)}`, Agent, AGENT_MS, signal);

  function readPermits(): Promise<Permits> {
    const settle = (permits: Permits, forMs: number) => {
      known = { permits, untilMs: clock.steadyMs() + forMs };
      reading = undefined;
      return permits;
    };
    // Its lifetime is the request's own timeout: several calls may wait for it, so none of them may end it.
    reading ??= agent(new AbortController().signal).then(
      (found) => {
        const overrides = found.platform_settings?.overrides;
        return settle(
          {
            firstMessage: overrides?.conversation_config_override?.agent?.first_message === true,
            voice: overrides?.conversation_config_override?.tts?.voice_id === true,
            extraBody: overrides?.custom_llm_extra_body === true,
          },
          PERMITS_FRESH_MS,
        );
      },
      (error: unknown) => {
        log.warn({ err: error }, 'the agent settings cannot be read; conversations start without overrides');
        return settle(known?.permits ?? NOTHING_PERMITTED, PERMITS_RETRY_MS);
      },
    );
    return reading;
  }

  return {
    async signedUrl(signal) {
      const path = `v1/convai/conversation/get-signed-url?agent_id=${encodeURIComponent(agentId)}`;
      const { signed_url } = await get('signed URL', path, SignedUrl, SIGNED_URL_MS, signal);
      return conversationUrl(signed_url, baseUrl);
    },
    async permits(signal) {
      const fresh = known !== undefined && clock.steadyMs() < known.untilMs;
      if (fresh && known) return known.permits;
      const read = readPermits();
      return known?.permits ?? (await unless(signal, read));
    },
    agent,
    async tool(toolId, signal) {
      const path = `v1/convai/tools/${encodeURIComponent(toolId)}`;
      return (await get('tool settings', path, ToolAnswer, AGENT_MS, signal)).tool_config;
    },
    async conversation(id, signal) {
      const path = `v1/convai/conversations/${encodeURIComponent(id)}`;
      let json: unknown;
      try {
        json = await get('conversation', path, z.unknown(), CONVERSATION_MS, signal);
      } catch (error) {
        if (error instanceof Failure && error.details.status === 404) return 'absent';
        throw error;
      }
      const read = readConversation(json);
      if (!read) {
        throw new Failure('agent_unavailable', 'ElevenLabs answered in a shape nobody knows (conversation)', {
          details: { reason: 'protocol' },
        });
      }
      return read.done ? read.conversation : 'pending';
    },
    async warm() {
      await readPermits();
    },
  };
}

/**
 * The socket's URL: the host is the signed URL's own (it may be a region's). A platform asked over https must not offer a
 * conversation in the clear. Throws Failure `config_invalid`.
 */
export function conversationUrl(signedUrl: string, baseUrl: string): string {
  const url = new URL(signedUrl.replace(/^http/, 'ws'));
  if (url.protocol === 'wss:' || (url.protocol === 'ws:' && baseUrl.startsWith('http:'))) return url.href;
  throw new Failure(
    'config_invalid',
    'ElevenLabs offered a conversation over a connection without encryption',
    {
      details: { reason: 'protocol' },
    },
  );
}

/** The result of `work`, or the signal's reason if that comes first. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (!response.body) return '';
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const Detail = z.object({
  detail: z.union([z.string(), z.object({ status: z.string().nullish(), message: z.string().nullish() })]),
});

/**
 * The failure that a refusing HTTP answer stands for. `details`: reason ('auth', 'quota', 'concurrency', 'rate', 'not_found',
 * 'request', 'server'), status, retryInSec?.
 */
export function refusal(what: string, status: number, body: string, retryAfter: string | null): Failure {
  const detail = Detail.safeParse(parseJson(body)).data?.detail;
  const said =
    typeof detail === 'string' ? detail : [detail?.status, detail?.message].filter(Boolean).join(': ');
  const seconds = Number(retryAfter ?? Number.NaN);
  const retry = Number.isFinite(seconds) && seconds >= 0 ? { retryInSec: seconds } : {};
  const tail = said ? `: ${said.slice(0, 300)}` : '';
  const fail = (code: Code, reason: string, sentence: string) =>
    new Failure(code, `${sentence} (${what}, HTTP ${status})${tail}`, {
      details: { reason, status, ...retry },
    });
  // A spent quota may come as 401: the words count more than the number.
  const limit = senseOfText(said);
  if (limit?.kind === 'refused' || status === 402 || status === 429) {
    const quota = status === 402 || /quota/.test(limit?.meaning ?? '');
    const reason = quota ? 'quota' : limit ? 'concurrency' : 'rate';
    return fail(
      'agent_unavailable',
      reason,
      limit?.meaning ??
        (quota ? 'the ElevenLabs account has no credit' : 'ElevenLabs takes no more requests now'),
    );
  }
  if (status === 401 || status === 403) {
    return fail(
      'config_invalid',
      'auth',
      'ElevenLabs refuses the key: check ELEVENLABS_API_KEY and its permissions',
    );
  }
  if (status === 404) {
    return fail(
      'config_invalid',
      'not_found',
      'ElevenLabs does not know it: check ELEVENLABS_AGENT_ID and the region in ELEVENLABS_BASE_URL',
    );
  }
  if (status >= 500 || status === 408) return fail('agent_unavailable', 'server', 'ElevenLabs has a fault');
  return fail('config_invalid', 'request', 'ElevenLabs refuses the request: check ELEVENLABS_AGENT_ID');
}
