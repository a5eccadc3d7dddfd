/**
 * adapters/claude/ask: a question to the Messages API that is answered in a fixed JSON shape. An answer of another shape is
 * asked for once more, with what was wrong with it.
 */
import Anthropic, { APIConnectionError, APIError, APIUserAbortError } from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { z } from 'zod';
import type { Clock, Log, TokenUsage } from '../../app/ports.ts';
import { canonicalJson, sha256Hex } from '../../domain/canonical.ts';
import { type Code, Failure } from '../../domain/errors.ts';

export interface ClaudeOptions {
  readonly apiKey: string;
  readonly model: string;
  readonly baseUrl?: string;
  readonly clock: Pick<Clock, 'steadyMs'>;
  readonly log: Log;
}

export interface AskOptions extends ClaudeOptions {
  /** `version`: its name and number. */
  readonly prompt: { readonly version: string; readonly text: string };
  /** Of one request; and of everything that one question takes, with waits and repeats. Default: 90 s and 4 min. */
  readonly requestMs?: number;
  readonly callMs?: number;
}

const REQUEST_MS = 90_000;
const CALL_MS = 240_000;
/** Of one request: on 408, 409, 429, 5xx and broken connections, after what `retry-after` says. */
const MAX_RETRIES = 3;
const MAX_TOKENS = 16_000;
const MOST_ISSUES = 8;
/** So much of an answer that cannot be used is shown to the model again. */
const MOST_SHOWN = 20_000;

/** No tag can begin in it. */
export const asData = (value: unknown): string => JSON.stringify(value).replace(/</g, '\\u003c');

export const NOTHING: TokenUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
};
const plus = (a: TokenUsage, usage: Anthropic.Usage): TokenUsage => ({
  inputTokens: a.inputTokens + usage.input_tokens,
  outputTokens: a.outputTokens + usage.output_tokens,
  cacheReadTokens: a.cacheReadTokens + (usage.cache_read_input_tokens ?? 0),
  cacheWriteTokens: a.cacheWriteTokens + (usage.cache_creation_input_tokens ?? 0),
});

export const clientOf = (
  { apiKey, baseUrl }: Pick<ClaudeOptions, 'apiKey' | 'baseUrl'>,
  times: { readonly timeout: number; readonly maxRetries: number },
): Anthropic =>
  new Anthropic({
    apiKey,
    // Only what the configuration says counts, not what else lies in the environment.
    authToken: null,
    baseURL: baseUrl ?? 'https://api.anthropic.com',
    ...times,
  });

/** What an answer of the API that is no answer means for us; `code`: of failures that are not the question's own. */
export function failureOf(error: unknown, code: Code): Failure | { readonly why: string } {
  if (error instanceof APIConnectionError || error instanceof APIUserAbortError)
    return new Failure(code, 'Claude could not be reached in time', { cause: error });
  if (!(error instanceof APIError) || error.status === undefined)
    return new Failure(code, 'what Claude answered could not be read', { cause: error });
  const says = error.apiMessage ?? `status ${error.status}`;
  if (error.status === 401 || error.status === 403 || error.status === 404)
    return new Failure(code, `Claude refuses us: ${says}. Check ANTHROPIC_API_KEY and ANTHROPIC_MODEL`, {
      cause: error,
      details: { status: error.status, blame: 'settings' },
    });
  if (error.status === 400 || error.status === 413 || error.status === 422) return { why: says };
  return new Failure(code, `Claude cannot answer now: ${says}`, {
    cause: error,
    details: { status: error.status },
  });
}

export type Answered<T> =
  | { readonly kind: 'answered'; readonly value: T; readonly usage: TokenUsage }
  | { readonly kind: 'unusable'; readonly why: string; readonly usage: TokenUsage };

export interface Asker<T> {
  /** SHA-256 of everything the model is told of how to answer. */
  readonly promptHash: string;
  /** `about`: ids for the log. Throws Failure `analysis_unavailable`, and the reason of the signal. */
  ask(letter: string, about: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answered<T>>;
}

export function createAsker<S extends z.ZodType>(options: AskOptions, schema: S): Asker<z.output<S>> {
  const { model, prompt, log } = options;
  const format = zodOutputFormat(schema);
  const client = clientOf(options, { timeout: options.requestMs ?? REQUEST_MS, maxRetries: MAX_RETRIES });

  const send = (messages: Anthropic.MessageParam[], signal: AbortSignal): Promise<Anthropic.Message> =>
    client.messages.create(
      {
        model,
        max_tokens: MAX_TOKENS,
        // The same for every question: read from the cache at a tenth of the price.
        system: [{ type: 'text', text: prompt.text, cache_control: { type: 'ephemeral' } }],
        output_config: { format: { type: 'json_schema', schema: format.schema } },
        messages,
      },
      { signal },
    );

  function read(text: string): { readonly value: z.output<S> } | { readonly problem: string } {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      return { problem: `it is no JSON: ${error instanceof Error ? error.message : 'it cannot be read'}` };
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return { value: parsed.data };
    const issues = parsed.error.issues
      .slice(0, MOST_ISSUES)
      .map(({ path, message }) => `${z.core.toDotPath(path) || 'the object'}: ${message}`);
    return { problem: issues.join('; ') };
  }

  return {
    promptHash: sha256Hex(canonicalJson({ prompt: prompt.text, schema: format.schema })),
    async ask(letter, about, signal) {
      const within = AbortSignal.any([signal, AbortSignal.timeout(options.callMs ?? CALL_MS)]);
      const startMs = options.clock.steadyMs();
      const first: Anthropic.MessageParam = { role: 'user', content: letter };
      let usage = NOTHING;
      let conversation: Anthropic.MessageParam[] = [first];
      let problem = '';
      for (const attempt of [1, 2]) {
        let answer: Anthropic.Message;
        try {
          answer = await send(conversation, within);
        } catch (error) {
          signal.throwIfAborted();
          const failure = failureOf(error, 'analysis_unavailable');
          if (failure instanceof Failure) throw failure;
          return { kind: 'unusable', why: `Claude cannot take this call: ${failure.why}`, usage };
        }
        usage = plus(usage, answer.usage);
        if (answer.stop_reason === 'refusal')
          return { kind: 'unusable', why: 'Claude declined to analyse it', usage };
        if (answer.stop_reason === 'max_tokens')
          return { kind: 'unusable', why: 'the answer had no end', usage };
        const text = answer.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
        const given = read(text);
        if ('value' in given) {
          const tookMs = Math.round(options.clock.steadyMs() - startMs);
          log.debug({ ...about, attempt, tookMs, ...usage }, 'Claude answered a question');
          return { kind: 'answered', value: given.value, usage };
        }
        problem = given.problem;
        log.warn({ ...about, attempt }, 'an answer of Claude had another shape than asked for');
        conversation = [
          first,
          { role: 'assistant', content: text.slice(0, MOST_SHOWN) || '(nothing)' },
          {
            role: 'user',
            content: `This answer cannot be used. ${problem}. Answer again with the whole JSON object, mended.`,
          },
        ];
      }
      return {
        kind: 'unusable',
        why: `Claude answered twice in another shape than asked for: ${problem}`.slice(0, 500),
        usage,
      };
    },
  };
}
