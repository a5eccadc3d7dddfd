/**
 * Callers and an agent for measuring a bridge from outside. The media part is load.c, compiled here, because a load that
 * costs as much as the bridge would measure itself; what a call needs of both vendors' REST is answered from here.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Median, 99th and 99.9th percentile, ms. */
export type Shares = readonly [number, number, number];

export interface Figures {
  readonly calls: number;
  readonly frames: number;
  readonly lostUp: number;
  readonly lostDown: number;
  /** Beats of the load itself that came more than 10 ms late: it was the machine, not the bridge. */
  readonly late: number;
  /** From the caller's send to the agent's receipt. */
  readonly up: Shares;
  /** From the agent's send to the carrier's receipt of the last byte. */
  readonly down: Shares;
  /** From the agent's send to the moment the carrier plays it, less the audio's own length: with what waits in its buffer. */
  readonly heard: Shares;
  /** What came to those who hear calls, KB. */
  readonly listenedKb: number;
}

/** What a bridge wants of a caller before its stream. */
export interface Admission {
  readonly path: string;
  readonly signature?: string;
  readonly callId: string;
  readonly token?: string;
  readonly callSid: string;
}

export interface Load {
  /** For the bridge: the agent platform's and the carrier's REST. */
  readonly url: string;
  /** The agent platform's socket. */
  readonly agentUrl: string;
  /** Opens one more call through the bridge at `port` of this machine. */
  open(port: number, admission: Admission): Promise<void>;
  /** Somebody hears a call, or watches all of them, by this path of the API. */
  join(port: number, path: string, key: string): Promise<void>;
  /** All of them go. */
  leave(): void;
  /** Every so many ms the agent tells what each caller said: "said at" and the time, ms since the epoch. 0 stops. */
  talk(everyMs: number): void;
  /** Forgets what was measured so far. */
  reset(): void;
  figures(): Promise<Figures>;
  /** Ends all calls as a carrier does. */
  closeCalls(): Promise<void>;
  close(): void;
}

const ANSWER_MS = 15_000;

/** `prefix`: a command to run the load under, such as taskset. Throws when there is no C compiler. */
export async function startLoad(prefix: readonly string[]): Promise<Load> {
  const dir = mkdtempSync(join(tmpdir(), 'parley-load-'));
  const program = join(dir, 'load');
  execFileSync('cc', ['-O2', '-o', program, join(import.meta.dirname, 'load.c')]);
  const [command = program, ...rest] = [...prefix, program];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<string, (words: string[]) => void>();
  const answer = (key: string): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(key);
        reject(new Error(`the load did not answer: ${key}`));
      }, ANSWER_MS);
      waiting.set(key, (words) => {
        clearTimeout(timer);
        waiting.delete(key);
        resolve(words);
      });
    });
  const portAnswer = answer('port');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const words = line.split(' ');
    const [kind = '', n = ''] = words;
    waiting.get(kind === 'ready' || kind === 'failed' ? n : kind)?.(words);
  });
  const [, agentPort] = await portAnswer;
  const agentUrl = `ws://127.0.0.1:${agentPort}/v1/convai/conversation`;
  const server = createServer((request, response) => answerRest(request, response, agentUrl));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const send = (line: string): void => void child.stdin.write(`${line}\n`);
  let opened = 0;

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    agentUrl,
    async open(port, { path, signature = '-', callId, token = '-', callSid }) {
      opened += 1;
      const stream = `MZ${randomBytes(16).toString('hex')}`;
      const ready = answer(String(opened));
      send(['open', opened, port, path, signature, callId, token, callSid, stream].join(' '));
      const words = await ready;
      if (words[0] !== 'ready') throw new Error(words.slice(2).join(' '));
    },
    async join(port, path, key) {
      opened += 1;
      const ready = answer(String(opened));
      send(['join', opened, port, path, key].join(' '));
      const words = await ready;
      if (words[0] !== 'ready') throw new Error(words.slice(2).join(' '));
    },
    leave: () => send('leave'),
    talk: (everyMs) => send(`talk ${everyMs}`),
    reset: () => send('reset'),
    async figures() {
      const answered = answer('figures');
      send('figures');
      const numbers = (await answered).slice(1).map(Number);
      const at = (index: number): number => numbers[index] ?? Number.NaN;
      const shares = (index: number): Shares => [at(index), at(index + 1), at(index + 2)];
      return {
        calls: at(0),
        frames: at(1),
        lostUp: at(2),
        lostDown: at(3),
        late: at(4),
        up: shares(5),
        down: shares(8),
        heard: shares(11),
        listenedKb: at(14),
      };
    },
    async closeCalls() {
      const closed = answer('closed');
      send('close');
      await closed;
    },
    close() {
      child.kill('SIGKILL');
      server.closeAllConnections();
      server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** As much of both vendors' REST as a call needs: a signed URL, an agent that permits everything, a carrier that obeys. */
function answerRest(request: IncomingMessage, response: ServerResponse, agentUrl: string): void {
  request.resume();
  const path = request.url ?? '';
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (path.includes('get-signed-url')) return reply(200, { signed_url: `${agentUrl}?agent_id=bench` });
  if (path.includes('/convai/agents/'))
    return reply(200, { agent_id: 'bench', name: 'bench', conversation_config: {}, metadata: {} });
  if (path.includes('/convai/conversations/'))
    return reply(404, { detail: { status: 'not_found', message: 'none' } });
  const sid = /(CA[0-9a-f]{32})/.exec(path)?.[1] ?? 'CA00000000000000000000000000000000';
  reply(200, { sid, status: 'completed', duration: '1', direction: 'inbound' });
}
