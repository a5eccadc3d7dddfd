/**
 * The LLM endpoint over real sockets: the agent platform asks in OpenAI's words, a server that speaks Anthropic's streaming
 * answers, and misbehaves on request.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClaudeTalking } from '../../src/adapters/claude/talking.ts';
import { createClock } from '../../src/adapters/system.ts';
import type { AgentNote } from '../../src/app/agents.ts';
import { createAnswerLlm } from '../../src/app/answer-llm.ts';
import type { Clock, TalkingModel } from '../../src/app/ports.ts';
import type { EventLog } from '../../src/app/record-event.ts';
import type { AgentState } from '../../src/domain/agent-state.ts';
import type { Call, CallEventBody } from '../../src/domain/call.ts';
import { DEFAULT_RATES } from '../../src/domain/cost.ts';
import { createBodies } from '../../src/http/body.ts';
import { llmHandler, llmSecret } from '../../src/http/llm.ts';
import { silent as log } from '../contract/filled.ts';

const SECRET = llmSecret('a-session-secret-of-this-test');
const CALL = 'c'.repeat(24);
const WAIT = 'One moment...';
const SORRY = 'Could you say that again?';
const SPENT = 'I have to end our call here for today.';

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly body: {
    readonly model: string;
    readonly stream: boolean;
    readonly max_tokens: number;
    readonly system?: readonly { readonly text: string; readonly cache_control?: object }[];
    readonly tools?: readonly {
      readonly name: string;
      readonly input_schema: object;
      readonly cache_control?: object;
    }[];
    readonly tool_choice?: object;
    readonly messages: readonly {
      readonly role: string;
      readonly content: readonly Record<string, unknown>[];
    }[];
  };
  /** The connection was closed before the answer was over. */
  isGone: boolean;
}
type Answer = (response: ServerResponse) => void | Promise<void>;

let anthropic: Server;
let ours: Server;
let asked: Asked[];
let answers: Answer[];
let notes: AgentNote[];
let recorded: CallEventBody[];
let url: string;
let llm: ReturnType<typeof createAnswerLlm>;
let call: Pick<Call, '_id' | 'status'> | undefined;
let shutdown: AbortController;

const listen = (server: Server): Promise<string> =>
  new Promise((done) =>
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );

/** Time that runs faster than the machine's, so that nobody waits seconds for a patience to end. */
function hasty(scale: number): Clock {
  const clock = createClock(log);
  return { ...clock, after: (delayMs, task) => clock.after(delayMs / scale, task) };
}

/** `model`: answers instead of the one that asks Anthropic's server. */
async function start({
  hasKey = true,
  scale = 1,
  dailyBudget = 50,
  model,
}: {
  hasKey?: boolean;
  scale?: number;
  dailyBudget?: number;
  model?: TalkingModel;
} = {}): Promise<void> {
  const baseUrl = await listen(anthropic);
  const clock = hasty(scale);
  const talking = createClaudeTalking({
    apiKey: 'sk-ant-of-this-test',
    model: 'claude-of-this-test',
    baseUrl,
    clock,
    log,
  });
  llm = createAnswerLlm({
    clock,
    log,
    events: {
      call: async () => call as Call | undefined,
      record: async (_callId, body) => {
        recorded.push(body);
        return call as Call;
      },
    } as Pick<EventLog, 'call' | 'record'> as EventLog,
    agents: {
      note: async (_type, note) => notes.push(note) > 0,
      get: async () => {
        const cost = notes.reduce((sum, { counts }) => sum + (counts?.cost ?? 0), 0);
        return { days: { [new Date().toISOString().slice(0, 10)]: { cost } } } as unknown as AgentState;
      },
    },
    ...(hasKey ? { talking: { model: model ?? talking, dailyBudget } } : {}),
    ratesOf: async () => DEFAULT_RATES,
    sentences: { wait: WAIT, sorry: SORRY, spent: SPENT },
    shutdown: shutdown.signal,
  });
  const handler = llmHandler({
    app: { llm },
    bodies: createBodies(clock),
    log,
    secret: SECRET,
    limitFailures: async () => undefined,
    limitCaller: async () => undefined,
  });
  const { default: express } = await import('express');
  const web = express();
  web.post('/llm/v1/chat/completions', handler);
  ours = createServer(web);
  url = `${await listen(ours)}/llm/v1/chat/completions`;
}

beforeEach(() => {
  asked = [];
  answers = [];
  notes = [];
  recorded = [];
  call = { _id: CALL, status: 'answered' };
  shutdown = new AbortController();
  anthropic = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk;
    });
    request.on('end', () => {
      const one: Asked = { headers: request.headers, body: JSON.parse(body) as Asked['body'], isGone: false };
      asked.push(one);
      response.on('close', () => {
        one.isGone = !response.writableEnded;
      });
      const next = answers.shift();
      if (!next) throw new Error('asked more often than this test foresees');
      void next(response);
    });
  });
});
afterEach(async () => {
  shutdown.abort();
  for (const server of [anthropic, ours]) {
    server?.closeAllConnections();
    await new Promise((done) => server?.close(done));
  }
});

// ── What Anthropic's server says ─────────────────────────────────────────────────────────────────────────────────────

const begin = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  send(response, 'message_start', {
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-of-this-test',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: {
        input_tokens: 100,
        output_tokens: 1,
        cache_creation_input_tokens: 50,
        cache_read_input_tokens: 2_000,
      },
    },
  });
};
const send = (response: ServerResponse, type: string, data: object): void =>
  void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
const words = (response: ServerResponse, index: number, ...texts: string[]): void => {
  send(response, 'content_block_start', { index, content_block: { type: 'text', text: '' } });
  for (const text of texts)
    send(response, 'content_block_delta', { index, delta: { type: 'text_delta', text } });
  send(response, 'content_block_stop', { index });
};
const toolUse = (
  response: ServerResponse,
  index: number,
  id: string,
  name: string,
  pieces: string[],
): void => {
  send(response, 'content_block_start', { index, content_block: { type: 'tool_use', id, name, input: {} } });
  for (const partial_json of pieces)
    send(response, 'content_block_delta', { index, delta: { type: 'input_json_delta', partial_json } });
  send(response, 'content_block_stop', { index });
};
const finish = (response: ServerResponse, stop_reason = 'end_turn'): void => {
  send(response, 'message_delta', {
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: 12 },
  });
  send(response, 'message_stop', {});
  response.end();
};
const saying =
  (...texts: string[]): Answer =>
  (response) => {
    begin(response);
    words(response, 0, ...texts);
    finish(response);
  };
const wordless: Answer = (response) => {
  begin(response);
  finish(response);
};
const refusal =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(
      JSON.stringify({ type: 'error', error: { type: 'some_error', message: `it is ${status}` } }),
    );
  };
const SOON = { 'retry-after-ms': '5' };

// ── What the platform asks ───────────────────────────────────────────────────────────────────────────────────────────

const conversation = [
  { role: 'system', content: 'You are the agent.' },
  { role: 'assistant', content: 'Hi Ana, is this a good time?' },
  { role: 'user', content: 'Who is this?' },
];
const TOOL = {
  type: 'function',
  function: {
    name: 'end_call',
    description: 'Ends it.',
    parameters: { type: 'object', properties: { reason: { type: 'string' } } },
  },
};
const ask = (
  body: object,
  more: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json', ...more.headers },
    body: JSON.stringify({ messages: conversation, model: 'any', stream: true, ...body }),
    ...(more.signal ? { signal: more.signal } : {}),
  });

interface Chunk {
  readonly object: string;
  readonly choices: readonly {
    readonly delta: { content?: string; role?: string; tool_calls?: readonly Record<string, unknown>[] };
    readonly finish_reason: string | null;
  }[];
}
async function read(
  response: Response,
): Promise<{ said: string; calls: unknown[]; finish: string | null; chunks: Chunk[] }> {
  const lines = (await response.text()).split('\n\n').filter((line) => line !== '');
  expect(lines.at(-1)).toBe('data: [DONE]');
  const chunks = lines.slice(0, -1).map((line) => JSON.parse(line.slice('data: '.length)) as Chunk);
  expect(new Set(chunks.map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']));
  return {
    chunks,
    said: chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
    calls: chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []),
    finish: chunks.at(-1)?.choices[0]?.finish_reason ?? null,
  };
}
const settled = async (check: () => boolean): Promise<void> => {
  for (let n = 0; n < 200 && !check(); n += 1) await new Promise((done) => setTimeout(done, 5));
  expect(check()).toBe(true);
};

describe('a question of the platform', () => {
  test('is answered word by word, as OpenAI would, and asked of Claude with all that stays from the cache', async () => {
    await start();
    answers = [saying('I am ', 'the assistant ', 'of Harbor Homes.')];
    const response = await ask({ tools: [TOOL], max_tokens: 90, elevenlabs_extra_body: { call_id: CALL } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const { said, finish, chunks } = await read(response);
    expect(said).toBe('I am the assistant of Harbor Homes.');
    expect(finish).toBe('stop');
    expect(chunks).toHaveLength(5);
    const [{ body } = asked[0] as Asked] = asked;
    expect(body).toMatchObject({ model: 'claude-of-this-test', stream: true, max_tokens: 90 });
    const cached = { cache_control: { type: 'ephemeral' } };
    expect(body.system).toEqual([{ type: 'text', text: 'You are the agent.', ...cached }]);
    expect(body.tools).toMatchObject([{ name: 'end_call', input_schema: { type: 'object' }, ...cached }]);
    expect(body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: '(The call is connected.)' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Hi Ana, is this a good time?' }] },
      { role: 'user', content: [{ type: 'text', text: 'Who is this?', ...cached }] },
    ]);
  });

  test('counts its tokens, what the cache spared and the time until its first word, with the agent and with the call', async () => {
    await start();
    answers = [saying('Hello.')];
    await read(await ask({ elevenlabs_extra_body: { call_id: CALL } }));
    await settled(() => recorded.length > 0);
    const usage = { inputTokens: 100, outputTokens: 12, cacheReadTokens: 2_000, cacheWriteTokens: 50 };
    expect(notes[0]?.counts).toMatchObject({ asked: 1, firstTokens: 1, ...usage });
    expect(notes[0]?.counts?.savings).toBeCloseTo(0.0053625, 9);
    expect(recorded).toMatchObject([{ type: 'model_answered', model: 'claude-of-this-test', usage }]);
    expect(recorded[0]).toHaveProperty('cost', expect.closeTo(0.0012675, 9));
  });

  test('whose call is over or unknown is counted with the agent only', async () => {
    await start();
    call = undefined;
    answers = [saying('Hello.')];
    await read(await ask({ elevenlabs_extra_body: { call_id: CALL } }));
    await settled(() => notes.length > 0);
    expect(recorded).toEqual([]);
  });

  test('takes tools both ways: calls come whole with their ids, and results go back to where they were asked', async () => {
    await start();
    answers = [
      (response) => {
        begin(response);
        words(response, 0, 'Goodbye.');
        toolUse(response, 1, 'toolu_1', 'end_call', ['{"rea', 'son":"done"}']);
        toolUse(response, 2, 'toolu_2', 'look_up', []);
        finish(response, 'tool_use');
      },
      saying('Well.'),
    ];
    const first = await read(await ask({ tools: [TOOL], tool_choice: 'required' }));
    expect(first.calls).toEqual([
      {
        index: 0,
        id: 'toolu_1',
        type: 'function',
        function: { name: 'end_call', arguments: '{"reason":"done"}' },
      },
      { index: 1, id: 'toolu_2', type: 'function', function: { name: 'look_up', arguments: '{}' } },
    ]);
    expect(first.finish).toBe('tool_calls');
    expect(asked[0]?.body.tool_choice).toEqual({ type: 'any' });
    await read(
      await ask({
        messages: [
          ...conversation,
          { role: 'assistant', content: 'Goodbye.', tool_calls: first.calls },
          { role: 'tool', tool_call_id: 'toolu_1', content: 'ended' },
          { role: 'user', content: 'Wait!' },
          { role: 'tool', tool_call_id: 'toolu_gone', content: 'late' },
        ],
      }),
    );
    expect(asked[1]?.body.messages.slice(-2)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Goodbye.' },
          { type: 'tool_use', id: 'toolu_1', name: 'end_call', input: { reason: 'done' } },
          { type: 'tool_use', id: 'toolu_2', name: 'look_up', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: 'ended' },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: '(no answer came)' },
          { type: 'text', text: 'Wait!' },
          { type: 'text', text: '(A tool answered: late)', cache_control: { type: 'ephemeral' } },
        ],
      },
    ]);
  });

  test('without a stream is answered whole, with its usage', async () => {
    await start();
    answers = [saying('Hel', 'lo.')];
    const response = await ask({ stream: false });
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      model: 'claude-of-this-test',
      choices: [{ message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 2_150,
        completion_tokens: 12,
        total_tokens: 2_162,
        prompt_tokens_details: { cached_tokens: 2_000 },
      },
    });
  });

  test.each([
    ['max_tokens', 'length'],
    ['refusal', 'content_filter'],
    ['stop_sequence', 'stop'],
  ])('that Claude ends for %s finishes as %s', async (reason, finished) => {
    await start();
    answers = [
      (response) => {
        begin(response);
        words(response, 0, 'So');
        finish(response, reason);
      },
    ];
    expect((await read(await ask({}))).finish).toBe(finished);
  });
});

describe('the same question again', () => {
  test('joins the answer under way, and is replayed when it is over: Claude is asked and paid once', async () => {
    await start();
    let go = (): void => undefined;
    answers = [
      (response) => {
        begin(response);
        words(response, 0, 'Slow ');
        go = () => {
          words(response, 1, 'answer.');
          finish(response);
        };
      },
    ];
    const [one, two] = [ask({}), ask({})];
    await settled(() => asked.length > 0);
    await new Promise((done) => setTimeout(done, 50));
    go();
    expect((await read(await one)).said).toBe('Slow answer.');
    expect((await read(await two)).said).toBe('Slow answer.');
    expect((await read(await ask({}))).said).toBe('Slow answer.');
    expect(asked).toHaveLength(1);
    expect(notes).toHaveLength(1);
  });

  test('is another question with another key, another call or another word', async () => {
    await start();
    answers = [saying('1'), saying('2'), saying('3'), saying('4')];
    const said = [
      (await read(await ask({}))).said,
      (await read(await ask({}, { headers: { 'idempotency-key': 'k' } }))).said,
      (await read(await ask({ user: CALL }))).said,
      (await read(await ask({ messages: [...conversation, { role: 'user', content: 'Hm?' }] }))).said,
    ];
    expect(said).toEqual(['1', '2', '3', '4']);
  });

  test('is asked anew when the first one failed', async () => {
    await start();
    answers = [refusal(400), saying('Now.')];
    expect((await ask({ stream: false })).status).toBe(400);
    expect((await ask({ stream: false })).status).toBe(200);
  });
});

describe('whoever hangs up', () => {
  test('stops Claude, and what was used until then is counted', async () => {
    await start({ scale: 10 });
    answers = [
      (response) => {
        begin(response);
        words(response, 0, 'I was going to say ');
      },
    ];
    const gone = new AbortController();
    const response = await ask({}, { signal: gone.signal });
    await response.body?.getReader().read();
    await settled(() => asked.length === 1);
    gone.abort();
    await settled(() => asked[0]?.isGone === true);
    await settled(() => notes.length === 1);
    expect(notes[0]?.counts).toMatchObject({ asked: 1, inputTokens: 100 });
    expect(notes[0]?.counts).not.toHaveProperty('askedInVain');
  });

  test('and asks again at once finds the answer going on', async () => {
    await start();
    let go = (): void => undefined;
    answers = [
      (response) => {
        begin(response);
        words(response, 0, 'Still ');
        go = () => {
          words(response, 1, 'here.');
          finish(response);
        };
      },
    ];
    const gone = new AbortController();
    const first = await ask({}, { signal: gone.signal });
    await first.body?.getReader().read();
    gone.abort();
    const again = ask({});
    await new Promise((done) => setTimeout(done, 400));
    go();
    expect((await read(await again)).said).toBe('Still here.');
    expect(asked).toHaveLength(1);
  });
});

describe('nobody hears silence', () => {
  test('a slow answer begins with a word of ours', async () => {
    await start({ scale: 20 });
    answers = [
      async (response) => {
        begin(response);
        await new Promise((done) => setTimeout(done, 200));
        words(response, 0, 'Here I am.');
        finish(response);
      },
    ];
    expect((await read(await ask({}))).said).toBe(`${WAIT} Here I am.`);
  });

  test('one that never comes is given up, and a sentence asks to say it again', async () => {
    await start({ scale: 20 });
    answers = [begin];
    const { said, finish } = await read(await ask({}));
    expect(said).toBe(`${WAIT} ${SORRY}`);
    expect(finish).toBe('stop');
    await settled(() => asked[0]?.isGone === true);
    expect(notes[0]?.counts).toMatchObject({ asked: 1, askedInVain: 1 });
  });

  test.each([
    ['too many requests', [refusal(429, SOON), refusal(429, SOON)]],
    ['an overload', [refusal(529, SOON), refusal(529, SOON)]],
    ['a key that is refused', [refusal(401)]],
    ['a question that cannot be taken', [refusal(400)]],
    ['an answer without a word', [wordless]],
  ] as const)('after %s a sentence asks to say it again', async (_, faults) => {
    await start();
    answers = [...faults];
    const { said, finish } = await read(await ask({}));
    expect([said, finish]).toEqual([SORRY, 'stop']);
  });

  test('one overload is waited for and not heard', async () => {
    await start();
    answers = [refusal(529, SOON), saying('Hello.')];
    expect((await read(await ask({}))).said).toBe('Hello.');
  });

  test('an answer that breaks off ends in good order with what was said', async () => {
    await start();
    answers = [
      (response) => {
        begin(response);
        words(response, 0, 'I think ');
        setTimeout(() => response.destroy(), 20);
      },
    ];
    const { said, finish } = await read(await ask({}));
    expect([said, finish]).toEqual(['I think ', 'stop']);
  });

  test('without a stream a failure is an error, in OpenAI’s shape', async () => {
    await start();
    answers = [refusal(529, SOON), refusal(529, SOON)];
    const response = await ask({ stream: false });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      error: {
        message: 'Claude cannot answer now: it is 529',
        type: 'server_error',
        param: null,
        code: 'model_unavailable',
      },
    });
  });
});

describe('the door', () => {
  test.each([
    ['no secret', {}],
    ['another secret', { authorization: `Bearer ${'x'.repeat(43)}` }],
    ['another scheme', { authorization: `Basic ${SECRET}` }],
  ])('is closed to %s', async (_, headers: Record<string, string>) => {
    await start();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ messages: conversation }),
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({
      error: { type: 'authentication_error', code: 'unauthenticated' },
    });
    expect(asked).toEqual([]);
  });

  test('is not asked of Claude when the budget of the day is used up: a sentence says so, and the call is ended', async () => {
    await start({ dailyBudget: 0.01 });
    answers = [saying('Hello.')];
    await read(await ask({ tools: [TOOL] }));
    // What was paid counts, and so does the most that this one may cost.
    const { said, calls, finish } = await read(await ask({ tools: [TOOL], max_tokens: 4_096 }));
    expect(said).toBe(SPENT);
    expect(calls).toMatchObject([
      { function: { name: 'end_call', arguments: expect.stringContaining('budget') } },
    ]);
    expect(finish).toBe('tool_calls');
    const ended = [
      ...conversation,
      { role: 'assistant', content: SPENT, tool_calls: [{ id: 'e1', function: { name: 'end_call' } }] },
      { role: 'tool', tool_call_id: 'e1', content: 'The call ends when you have finished speaking.' },
    ];
    const after = await read(await ask({ messages: ended, tools: [TOOL], max_tokens: 4_096 }));
    expect([after.calls, after.finish]).toEqual([[], 'stop']);
    const without = await ask({ max_tokens: 4_096, stream: false });
    expect(without.status).toBe(503);
    expect(await without.json()).toMatchObject({ error: { code: 'model_unavailable' } });
    expect(asked).toHaveLength(1);
  });

  test('says what to do without a key for Claude', async () => {
    await start({ hasKey: false });
    const response = await ask({});
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      error: { code: 'model_unavailable', message: expect.stringContaining('ANTHROPIC_API_KEY') },
    });
  });

  test.each([
    ['no messages', { messages: [] }],
    ['a role that is none', { messages: [{ role: 'bot', content: 'x' }] }],
    ['a tool that is no function', { tools: [{ type: 'browser' }] }],
    ['a name that no tool may have', { tools: [{ type: 'function', function: { name: 'a b' } }] }],
  ])('refuses %s, in OpenAI’s shape', async (_, body) => {
    await start();
    const response = await ask(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'invalid_request' },
    });
    expect(asked).toEqual([]);
  });

  test('takes 2,000 messages and refuses one more, and so 100 tools', async () => {
    await start();
    answers = [saying('Hello.')];
    const lines = (count: number) => Array.from({ length: count }, () => ({ role: 'user', content: 'Hm.' }));
    const tools = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ type: 'function', function: { name: `tool_${n}` } }));
    expect((await read(await ask({ messages: lines(2_000), tools: tools(100) }))).said).toBe('Hello.');
    for (const [name, body] of [
      ['messages', { messages: lines(2_001) }],
      ['tools', { tools: tools(101) }],
    ] as const) {
      const response = await ask(body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: {
          type: 'invalid_request_error',
          code: 'invalid_request',
          message: expect.stringContaining(name),
        },
      });
    }
    expect(asked).toHaveLength(1);
  });

  test('lets Claude answer 300 at once and refuses one more, until one of them is over', async () => {
    let going = 0;
    await start({
      model: {
        model: 'claude-of-this-test',
        async *answer({ messages }, signal) {
          going += 1;
          try {
            if (messages.some((message) => message.role === 'user' && message.text === 'Quick?')) {
              yield { kind: 'text', text: 'Yes.' };
              yield { kind: 'end', why: 'stop' };
              return;
            }
            yield { kind: 'text', text: 'Well' };
            await new Promise((_, stopped) =>
              signal.addEventListener('abort', () => stopped(signal.reason), { once: true }),
            );
          } finally {
            going -= 1;
          }
        },
      },
    });
    const question = (n: number) => ({
      system: '',
      messages: [{ role: 'user' as const, text: `Question ${n}?` }],
      tools: [],
      toolChoice: 'auto' as const,
      maxTokens: 10,
    });
    const slow = Array.from({ length: 300 }, (_, n) => llm.answer({ question: question(n) }, true));
    await settled(() => going === 300);
    const one = { messages: [{ role: 'user', content: 'Quick?' }] };
    const whole = await ask({ ...one, stream: false });
    expect(whole.status).toBe(503);
    expect(await whole.json()).toMatchObject({ error: { type: 'server_error', code: 'at_capacity' } });
    // Whoever is on the phone hears a sentence, never silence.
    expect((await read(await ask(one))).said).toBe(SORRY);
    // The same question as one under way is no further one.
    llm.answer({ question: question(0) }, true).leave();
    expect(going).toBe(300);
    slow[7]?.leave();
    await settled(() => going === 299);
    expect((await read(await ask(one))).said).toBe('Yes.');
    shutdown.abort();
    await llm.settled();
    expect(going).toBe(0);
  });

  test('refuses what is no JSON, and what is too long', async () => {
    await start();
    const send = (body: string) =>
      fetch(url, { method: 'POST', headers: { authorization: `Bearer ${SECRET}` }, body });
    expect((await send('{')).status).toBe(400);
    expect((await send(`"${'x'.repeat(1_100_000)}"`)).status).toBe(413);
  });
});
