/**
 * http/llm: the address that the agent platform takes for a model of its own (reference elevenlabs §6): requests and
 * answers as OpenAI's chat completions have them. Its secret is made from our session secret, as those of lead sources are.
 */
import { createHash, createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Answering } from '../app/answer-llm.ts';
import type { ChatMessage, ChatPart, ChatQuestion, Log } from '../app/ports.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { Bodies } from './body.ts';
import type { AppForHttp } from './needs.ts';
import { invalid, STATUS } from './problems.ts';

/** Guides give the base address or the whole path; the platform appends to either. */
export const LLM_PATH = '/llm/v1/chat/completions';
export const LLM_PATHS = [LLM_PATH, `${LLM_PATH}/chat/completions`];
const BODY_LIMIT = 1_048_576;
const MOST_MESSAGES = 2_000;
const MOST_TOOLS = 100;
const DEFAULT_TOKENS = 500;
const MOST_TOKENS = 4_096;
const KEY_SHAPE = /^[\x21-\x7e]{1,200}$/;
const CALL_ID = /^[0-9a-f]{24}$/;

export const llmSecret = (sessionSecret: string): string =>
  createHmac('sha256', sessionSecret).update('llm').digest('base64url');

// ── The question ─────────────────────────────────────────────────────────────────────────────────────────────────────

const Parts = z.array(z.looseObject({ type: z.string(), text: z.string().optional() }));
const Content = z
  .union([z.string(), Parts, z.null()])
  .optional()
  .transform((content) =>
    typeof content === 'string' ? content : (content ?? []).map(({ text = '' }) => text).join(''),
  );
const ToolCall = z.object({
  id: z.string().min(1).max(200),
  function: z.object({ name: z.string().min(1).max(128), arguments: z.string().default('{}') }),
});
const Message = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content: Content }),
  z.object({ role: z.literal('developer'), content: Content }),
  z.object({ role: z.literal('user'), content: Content }),
  z.object({
    role: z.literal('assistant'),
    content: Content,
    tool_calls: z.array(ToolCall).max(MOST_TOOLS).nullish(),
  }),
  z.object({ role: z.literal('tool'), content: Content, tool_call_id: z.string().min(1).max(200) }),
]);
const Tool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
  }),
});
const ToolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
]);
const Limit = z.number().int().nullish();
const ChatRequest = z.object({
  model: z.string().max(200).optional(),
  messages: z.array(Message).min(1).max(MOST_MESSAGES),
  tools: z.array(Tool).max(MOST_TOOLS).nullish(),
  tool_choice: ToolChoice.nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: Limit,
  max_completion_tokens: Limit,
  user: z.string().max(500).nullish(),
  user_id: z.string().max(500).nullish(),
  elevenlabs_extra_body: z.looseObject({ call_id: z.string().max(200).optional() }).nullish(),
});
type ChatRequest = z.output<typeof ChatRequest>;

function inputOf(text: string): unknown {
  try {
    const input: unknown = JSON.parse(text);
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { input };
  } catch {
    return { input: text };
  }
}

function chatMessageOf(message: ChatRequest['messages'][number]): ChatMessage[] {
  switch (message.role) {
    case 'system':
    case 'developer':
      return [];
    case 'user':
      return [{ role: 'user', text: message.content }];
    case 'assistant': {
      const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: given } }) => ({
        id,
        name,
        input: inputOf(given),
      }));
      return [{ role: 'assistant', text: message.content, calls }];
    }
    case 'tool':
      return [{ role: 'tool', callId: message.tool_call_id, result: message.content }];
  }
}

function questionOf(body: ChatRequest): ChatQuestion {
  const { messages, tools, tool_choice: choice } = body;
  const limit = body.max_completion_tokens ?? body.max_tokens ?? 0;
  return {
    system: messages
      .flatMap(({ role, content }) => (role === 'system' || role === 'developer' ? [content] : []))
      .join('\n\n'),
    messages: messages.flatMap(chatMessageOf),
    tools: (tools ?? []).map(({ function: { name, description, parameters } }) => ({
      name,
      description: description ?? '',
      parameters: parameters ?? { properties: {} },
    })),
    toolChoice:
      typeof choice === 'object'
        ? ((choice && { name: choice.function.name }) ?? 'auto')
        : (choice ?? 'auto'),
    maxTokens: limit > 0 ? Math.min(limit, MOST_TOKENS) : DEFAULT_TOKENS,
  };
}

/** Ours, where the platform was told it: in the extra body, or as the user. */
const callIdOf = ({ elevenlabs_extra_body: extra, user, user_id: userId }: ChatRequest): string | undefined =>
  [extra?.call_id, user, userId].find((id): id is string => typeof id === 'string' && CALL_ID.test(id));

// ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────

const FINISH = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  length: 'length',
  refused: 'content_filter',
} as const;

interface Whole {
  readonly id: string;
  readonly model: string;
  readonly created: number;
}

const callOf = (part: Extract<ChatPart, { kind: 'tool' }>, index: number) => ({
  index,
  id: part.id,
  type: 'function',
  function: { name: part.name, arguments: part.input },
});

const chunkOf = ({ id, model, created }: Whole, delta: object, finish: string | null): string =>
  `data: ${JSON.stringify({
    id,
    object: 'chat.completion.chunk',
    created,
    model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`;

async function stream(response: Response, whole: Whole, answering: Answering): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  response.write(chunkOf(whole, { role: 'assistant', content: '' }, null));
  let calls = 0;
  for await (const part of answering.parts()) {
    if (response.destroyed) return;
    if (part.kind === 'text') response.write(chunkOf(whole, { content: part.text }, null));
    if (part.kind === 'tool') {
      response.write(chunkOf(whole, { tool_calls: [callOf(part, calls)] }, null));
      calls += 1;
    }
    if (part.kind === 'end') response.write(chunkOf(whole, {}, FINISH[part.why]));
  }
  response.end('data: [DONE]\n\n');
}

async function answerWhole(response: Response, whole: Whole, answering: Answering): Promise<void> {
  const parts: ChatPart[] = [];
  for await (const part of answering.parts()) parts.push(part);
  const said = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('');
  const calls = parts
    .flatMap((part) => (part.kind === 'tool' ? [part] : []))
    .map((part, index) => {
      const { index: _, ...call } = callOf(part, index);
      return call;
    });
  const end = parts.find((part) => part.kind === 'end');
  const used = parts.findLast((part) => part.kind === 'used')?.usage;
  const read = (used?.inputTokens ?? 0) + (used?.cacheReadTokens ?? 0) + (used?.cacheWriteTokens ?? 0);
  const { id, model, created } = whole;
  response
    .status(200)
    .set('cache-control', 'no-store')
    .json({
      id,
      object: 'chat.completion',
      created,
      model,
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: said === '' ? null : said,
            ...(calls.length > 0 ? { tool_calls: calls } : {}),
          },
          finish_reason: FINISH[end?.why ?? 'stop'],
        },
      ],
      usage: {
        prompt_tokens: read,
        completion_tokens: used?.outputTokens ?? 0,
        total_tokens: read + (used?.outputTokens ?? 0),
        prompt_tokens_details: { cached_tokens: used?.cacheReadTokens ?? 0 },
      },
    });
}

/** An error as OpenAI's clients read it. */
function refuse(response: Response, error: unknown, log: Log): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const code = isFailure(error) ? error.code : 'internal';
  const status = STATUS[code];
  if (status >= 500) log.error({ err: error, code }, 'the agent platform got no answer');
  const kind =
    status === 401 || status === 403
      ? 'authentication_error'
      : status === 429
        ? 'rate_limit_error'
        : status < 500
          ? 'invalid_request_error'
          : 'server_error';
  const message =
    isFailure(error) && code !== 'internal' ? error.message : 'Something went wrong on our side.';
  response
    .status(status)
    .set('cache-control', 'no-store')
    .json({ error: { message, type: kind, param: null, code } });
}

export interface LlmDoor {
  readonly app: Pick<AppForHttp, 'llm'>;
  readonly bodies: Pick<Bodies, 'raw'>;
  readonly log: Log;
  readonly secret: string;
  /** Throws `rate_limited`. */
  readonly limitFailures: (request: Request, response: Response) => Promise<void>;
  readonly limitCaller: (request: Request, response: Response) => Promise<void>;
}

/** Equal or not, in a time that does not tell how much of it is. */
const equal = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

function read(raw: Buffer): ChatRequest {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch {
    throw invalid([], 'The body is not valid JSON.');
  }
  const parsed = ChatRequest.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid([], `${issue?.path.map(String).join('.') || 'body'}: ${issue?.message ?? 'is not valid'}`);
  }
  return parsed.data;
}

/** POST to LLM_PATHS. */
export const llmHandler =
  ({ app, bodies, log, secret, limitFailures, limitCaller }: LlmDoor) =>
  async (request: Request, response: Response): Promise<void> => {
    try {
      const [scheme = '', sent = ''] = (request.headers.authorization ?? '').split(' ', 2);
      if (!/^bearer$/i.test(scheme) || !equal(sent, secret)) {
        await limitFailures(request, response);
        throw new Failure('unauthenticated', 'Send the secret of this endpoint as Authorization: Bearer.');
      }
      response.locals.credential = 'llm';
      await limitCaller(request, response);
      const body = read(await bodies.raw(request, BODY_LIMIT));
      const key = request.get('idempotency-key');
      if (key !== undefined && !KEY_SHAPE.test(key)) throw invalid([], 'The Idempotency-Key is not valid.');
      const callId = callIdOf(body);
      const streams = body.stream === true;
      const answering = app.llm.answer(
        {
          question: questionOf(body),
          ...(callId === undefined ? {} : { callId }),
          ...(key === undefined ? {} : { idempotencyKey: key }),
        },
        streams,
      );
      response.once('close', answering.leave);
      const whole = {
        id: `chatcmpl-${randomUUID()}`,
        model: answering.model,
        created: Math.floor(answering.askedAt.getTime() / 1_000),
      };
      await (streams ? stream : answerWhole)(response, whole, answering);
    } catch (error) {
      refuse(response, error, log);
    }
  };
