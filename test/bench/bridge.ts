/**
 * `npm run bench:bridge`: the running product against the plain bridge, both measured in this run by the same callers and
 * agent. Prints calls, frames, loss, added latency each way, CPU and memory per call, and the ratios.
 *
 * Arguments: seconds of each measurement (default 10) and the steps of concurrent calls (default 50,200,300,…).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import webhooks from 'twilio/lib/webhooks/webhooks.js';
import { type Admission, type Load, type Shares, startLoad } from './load.ts';

const SECONDS = Number(process.argv[2] ?? 10);
const STEPS = (process.argv[3] ?? '50,200,300,400,500,600,700,800,900,1000').split(',').map(Number);
const ACCOUNT = `AC${'0'.repeat(32)}`;
const TOKEN = randomBytes(16).toString('hex');
/** The product runs as `npm start` runs it, with the same flags. */
const START = (
  JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }
).scripts.start
  .split(' ')
  .slice(1);
const SUSTAINED_P99_MS = 20;
const CHURN = 1_000;

const pinned = ((): boolean => {
  try {
    execFileSync('taskset', ['-c', '0', 'true']);
    return cpus().length > 1;
  } catch {
    return false;
  }
})();
if (pinned) execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)]);

function run(args: string[], env: Record<string, string>): ChildProcess {
  const [command, rest] = pinned
    ? ['taskset', ['-c', '0', process.execPath, ...args]]
    : [process.execPath, args];
  return spawn(command, rest, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
const firstLine = (child: ChildProcess, pattern: RegExp): Promise<string> =>
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
function usage(pid: number): { cpu: number; rss: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const anonymous = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / 100, rss: Number(anonymous) * 1_024 };
}
const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly admit: () => Promise<Admission>;
  stop(): void;
}

async function product(load: Load): Promise<Target> {
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

async function plain(load: Load): Promise<Target> {
  const child = run(['--import', 'tsx', 'test/bench/plain-bridge.ts'], {
    AGENT_URL: load.agentUrl,
  });
  const port = await firstLine(child, /^(\d+)\n/);
  return {
    name: 'plain bridge',
    port: Number(port),
    pid: child.pid ?? 0,
    admit: async () => ({ path: '/', callId: randomBytes(12).toString('hex'), callSid: 'CA' }),
    stop: () => void child.kill('SIGKILL'),
  };
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

const openOne = async (load: Load, target: Target): Promise<void> =>
  load.open(target.port, await target.admit());
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Row {
  readonly name: string;
  readonly calls: number;
  readonly frames: number;
  readonly lost: number;
  readonly up: Shares;
  readonly down: Shares;
  readonly heard: Shares;
  readonly cpuMs: number;
  readonly cpuShare: number;
  readonly kbPerCall: number;
  readonly rss: number;
  readonly late: number;
}

async function step(load: Load, target: Target, calls: number, idleRss: number): Promise<Row> {
  for (let opened = 0; opened < calls; ) {
    const batch = Math.min(10, calls - opened);
    await Promise.all(Array.from({ length: batch }, () => openOne(load, target)));
    opened += batch;
  }
  await sleep(2_000);
  load.reset();
  const before = usage(target.pid);
  const startMs = performance.now();
  await sleep(SECONDS * 1_000);
  const seconds = (performance.now() - startMs) / 1_000;
  const after = usage(target.pid);
  const figures = await load.figures();
  await load.closeCalls();
  const cpu = after.cpu - before.cpu;
  return {
    name: target.name,
    calls: figures.calls,
    frames: figures.frames,
    lost: figures.lostUp + figures.lostDown + (calls - figures.calls),
    up: figures.up,
    down: figures.down,
    heard: figures.heard,
    cpuMs: (cpu * 1_000) / seconds / calls,
    cpuShare: cpu / seconds,
    kbPerCall: (after.rss - idleRss) / calls / 1_024,
    rss: after.rss,
    late: figures.late,
  };
}

/** Starts and ends calls in a row, and shows whether anything of them stays. */
async function churn(load: Load, target: Target): Promise<void> {
  const look = async () => {
    await sleep(12_000);
    return { mb: usage(target.pid).rss / 2 ** 20, files: openFiles(target.pid) };
  };
  let before = await look();
  process.stdout.write(`\ncalls started and ended in a row   memory MB   open files and sockets\n`);
  for (const calls of [200, CHURN]) {
    for (let done = 0; done < calls; done += 20) {
      await Promise.all(Array.from({ length: 20 }, () => openOne(load, target)));
      await load.closeCalls();
    }
    const after = await look();
    process.stdout.write(
      `${String(calls).padStart(34)}   ${before.mb.toFixed(0)} → ${after.mb.toFixed(0)}   ${before.files} → ${after.files}\n`,
    );
    before = after;
  }
}

const cell = (value: number, digits = 1) => value.toFixed(digits).padStart(8);
function print(row: Row): void {
  process.stdout.write(
    `${row.name.padEnd(13)}${String(row.calls).padStart(6)}${String(row.frames).padStart(9)}${String(row.lost).padStart(6)}  ${row.up.map((ms) => cell(ms)).join('')}  ${row.down.map((ms) => cell(ms)).join('')}  ${row.heard.map((ms) => cell(ms)).join('')}${cell(row.cpuMs, 2)}${cell(row.cpuShare * 100, 0)}%${cell(row.kbPerCall, 0)}${String(row.late).padStart(7)}\n`,
  );
}

const sustained = (row: Row): boolean =>
  row.lost === 0 && row.up[1] < SUSTAINED_P99_MS && row.down[1] < SUSTAINED_P99_MS;

async function main(): Promise<void> {
  if (!existsSync('dist/main.js')) throw new Error('build first: npm run build');
  process.stdout.write(
    `${cpus()[0]?.model ?? 'unknown'} × ${cpus().length}, Node ${process.versions.node}; bridge ${pinned ? 'alone on one core, callers and agent on another' : 'not pinned'}; ${SECONDS} s a step\n` +
      `${''.padEnd(13)} calls   frames  lost   up ms: p50     p99   p99.9  down ms: p50     p99   p99.9  heard ms:p50    p99   p99.9  CPU ms/s   core  KB/call  late\n`,
  );
  const load = await startLoad(pinned ? ['taskset', '-c', '1'] : []);
  const best: Record<string, number> = {};
  const rows: Row[] = [];
  for (const make of [plain, product]) {
    const target = await make(load);
    await sleep(2_500);
    // One call first, so that what is loaded once is not counted as a call's.
    await openOne(load, target);
    await sleep(1_000);
    await load.closeCalls();
    const idle = usage(target.pid).rss;
    for (const calls of STEPS) {
      const row = await step(load, target, calls, idle);
      rows.push(row);
      print(row);
      if (!sustained(row)) break;
      best[target.name] = calls;
      await sleep(1_000);
    }
    if (target.name === 'Parley') await churn(load, target);
    target.stop();
  }
  const common = STEPS.filter((calls) => rows.filter((row) => row.calls === calls).length === 2);
  process.stdout.write(
    `\nsustained (no loss, p99 under ${SUSTAINED_P99_MS} ms): plain ${best['plain bridge'] ?? 0}, Parley ${best.Parley ?? 0}, ratio ${((best.Parley ?? 0) / (best['plain bridge'] || Number.NaN)).toFixed(2)}\n`,
  );
  for (const name of ['plain bridge', 'Parley']) {
    const own = rows.filter((row) => row.name === name);
    const [first, last] = [own[0], own.at(-1)];
    if (!first || !last || first === last) continue;
    const kb = (last.rss - first.rss) / (last.calls - first.calls) / 1_024;
    process.stdout.write(
      `memory per further call, ${name}: ${kb.toFixed(0)} KB (from ${first.calls} to ${last.calls} calls)\n`,
    );
  }
  for (const calls of common) {
    const [a, b] = rows.filter((row) => row.calls === calls);
    if (a && b)
      process.stdout.write(
        `CPU per call at ${calls} calls: plain / Parley = ${(a.cpuMs / b.cpuMs).toFixed(2)}\n`,
      );
  }
  load.close();
}

await main();
process.exit(0);
