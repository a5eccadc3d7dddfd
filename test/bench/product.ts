/** The running product as `npm start` runs it, between the callers and the agent of a load; alone on one core where there are two. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import webhooks from 'twilio/lib/webhooks/webhooks.js';
import { WebSocket } from 'ws';
import type { Admission, Load } from './load.ts';
import { START } from './start.ts';

const ACCOUNT = `AC${'0'.repeat(32)}`;
const TOKEN = randomBytes(16).toString('hex');
export const pinned = ((): boolean => {
  try {
    execFileSync('taskset', ['-c', '0', 'true']);
    return cpus().length > 1;
  } catch {
    return false;
  }
})();
if (pinned) execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)]);

/** Whoever looks into the process asks for its inspector's address; it is not told on the screen. */
const QUIET = ['--inspect-publish-uid=http'];

export function run(args: string[], env: Record<string, string>): ChildProcess {
  const [command, rest] = pinned
    ? ['taskset', ['-c', '0', process.execPath, ...QUIET, ...args]]
    : [process.execPath, [...QUIET, ...args]];
  return spawn(command, rest, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
export const firstLine = (child: ChildProcess, pattern: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (data: Buffer) => {
      if (text.length < 100_000) text += data.toString();
      const found = pattern.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${text.slice(-500)}`)));
  });

/** CPU seconds used so far, and the process's own memory in bytes (pages of mapped files are the kernel's cache). */
export function usage(pid: number): { cpu: number; rss: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const anonymous = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, rss: Number(anonymous) * 1_024 };
}

/** Memory in bytes, as `usage` has it, that a process of Node still holds when what it needs no more was collected. */
export async function heldBytes(pid: number): Promise<number> {
  // Opens the process's inspector.
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await inspectorOf());
  try {
    await once(socket, 'open');
    for (let id = 1; id <= COLLECTIONS; id += 1) {
      socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
      await once(socket, 'message');
    }
  } finally {
    socket.close();
  }
  await once(socket, 'close');
  return usage(pid).rss;
}
/** What only finalisers let go goes with the second. */
const COLLECTIONS = 2;

async function inspectorOf(): Promise<string> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      const answer = await fetch('http://127.0.0.1:9229/json/list');
      const [only] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
      if (only) return only.webSocketDebuggerUrl;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('the process opened no inspector at port 9229');
}

export interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly admit: () => Promise<Admission>;
  stop(): void;
}

export async function product(load: Load, more: Record<string, string> = {}): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = run(START, {
    PORT: String(port),
    HOST: '127.0.0.1',
    PUBLIC_BASE_URL: url,
    DATA_DIR: dir,
    LOG_LEVEL: 'error',
    TWILIO_ACCOUNT_SID: ACCOUNT,
    TWILIO_AUTH_TOKEN: TOKEN,
    TWILIO_PHONE_NUMBER: '+12125550190',
    TWILIO_API_BASE_URL: load.url,
    ELEVENLABS_API_KEY: 'bench-key-0000',
    ELEVENLABS_AGENT_ID: 'bench',
    ELEVENLABS_BASE_URL: load.url,
    MAX_CONCURRENT_CALLS: '10000',
    ...more,
  });
  await firstLine(child, /(signin\?token)/);
  return {
    name: 'Parley',
    port,
    pid: child.pid ?? 0,
    async admit() {
      const callSid = `CA${randomBytes(16).toString('hex')}`;
      const form = {
        CallSid: callSid,
        AccountSid: ACCOUNT,
        From: '+12125550142',
        To: '+12125550190',
        CallStatus: 'ringing',
        Direction: 'inbound',
        ApiVersion: '2010-04-01',
      };
      const voice = `${url}/twilio/voice`;
      const answer = await fetch(voice, {
        method: 'POST',
        headers: { 'x-twilio-signature': webhooks.getExpectedTwilioSignature(TOKEN, voice, form) },
        body: new URLSearchParams(form),
      });
      const twiml = await answer.text();
      const parameters = Object.fromEntries(
        [...twiml.matchAll(/<Parameter name="(\w+)" value="([^"]+)"/g)].map(([, name = '', value = '']) => [
          name,
          value,
        ]),
      );
      if (!parameters.token || !parameters.callId)
        throw new Error(`no stream in the answer: ${answer.status} ${twiml}`);
      return {
        path: '/twilio/media',
        signature: webhooks.getExpectedTwilioSignature(
          TOKEN,
          `${url.replace('http', 'ws')}/twilio/media`,
          {},
        ),
        callId: parameters.callId,
        token: parameters.token,
        callSid,
      };
    },
    stop() {
      child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
