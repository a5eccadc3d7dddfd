/**
 * `npm run bench:bridge`: the running product against the plain bridge, and against its own frame path alone, all measured in
 * this run by the same callers and agent. Prints calls, frames, loss, added latency each way, CPU and memory per call, and the
 * ratios. Memory is what a process holds behind a garbage collection. Between the steps a process comes to rest, so that each shows calls that go on; what it takes to begin, end and
 * understand one is shown beside.
 *
 * Arguments: seconds of each measurement (default 10) and the steps of concurrent calls (default 50,200,300,…).
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Load, type Shares, startLoad } from './load.ts';
import { firstLine, heldBytes, pinned, product, run, type Target, usage } from './product.ts';

const SECONDS = Number(process.argv[2] ?? 10);
const STEPS = (process.argv[3] ?? '50,200,300,400,500,600,700,800,900,1000').split(',').map(Number);
const SUSTAINED_P99_MS = 20;
const CHURN = 1_000;

const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

const PLAIN = 'plain bridge';
const OURS = 'Parley';

/** A bridge that is a file of this folder. */
const standing =
  (name: string, file: string) =>
  async (load: Load): Promise<Target> => {
    const child = run(['--import', 'tsx', `test/bench/${file}`], { AGENT_URL: load.agentUrl });
    const port = await firstLine(child, /^(\d+)\n/);
    return {
      name,
      port: Number(port),
      pid: child.pid ?? 0,
      admit: async () => ({ path: '/', callId: randomBytes(12).toString('hex'), callSid: 'CA' }),
      stop: () => void child.kill('SIGKILL'),
    };
  };
const TARGETS = [standing(PLAIN, 'plain-bridge.ts'), standing('frames alone', 'spliced-bridge.ts'), product];

const openOne = async (load: Load, target: Target): Promise<void> =>
  load.open(target.port, await target.admit());
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until the process has nothing more to do for calls that ended: under 3 % of a core for a second. */
async function atRest(target: Target): Promise<void> {
  for (let second = 0; second < 60; second += 1) {
    const before = usage(target.pid).cpu;
    await sleep(1_000);
    if (usage(target.pid).cpu - before < 0.03) return;
  }
}

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
  readonly held: number;
  readonly late: number;
}

async function step(load: Load, target: Target, calls: number, idle: number): Promise<Row> {
  for (let opened = 0; opened < calls; ) {
    const batch = Math.min(10, calls - opened);
    await Promise.all(Array.from({ length: batch }, () => openOne(load, target)));
    opened += batch;
  }
  // What beginning them left to be done is done by then.
  await sleep(5_000);
  load.reset();
  const before = usage(target.pid);
  const startMs = performance.now();
  await sleep(SECONDS * 1_000);
  const seconds = (performance.now() - startMs) / 1_000;
  const after = usage(target.pid);
  const figures = await load.figures();
  const held = await heldBytes(target.pid);
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
    kbPerCall: (held - idle) / calls / 1_024,
    held,
    late: figures.late,
  };
}

/** Starts and ends calls in a row, and shows whether anything of them stays. */
async function churn(load: Load, target: Target): Promise<void> {
  const look = async () => {
    await sleep(10_000);
    await atRest(target);
    const { rss, cpu } = usage(target.pid);
    return { mb: rss / 2 ** 20, files: openFiles(target.pid), cpu };
  };
  let before = await look();
  process.stdout.write(
    `\ncalls started and ended in a row   memory MB   open files and sockets   CPU ms a call\n`,
  );
  for (const calls of [200, CHURN]) {
    for (let done = 0; done < calls; done += 20) {
      await Promise.all(Array.from({ length: 20 }, () => openOne(load, target)));
      await load.closeCalls();
    }
    const after = await look();
    process.stdout.write(
      `${String(calls).padStart(34)}   ${before.mb.toFixed(0)} → ${after.mb.toFixed(0)}   ${before.files} → ${after.files}   ${(((after.cpu - before.cpu) * 1_000) / calls).toFixed(1)}\n`,
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
  for (const make of TARGETS) {
    const target = await make(load);
    await sleep(2_500);
    // One call first, so that what is loaded once is not counted as a call's.
    await openOne(load, target);
    await sleep(1_000);
    await load.closeCalls();
    const idle = await heldBytes(target.pid);
    for (const calls of STEPS) {
      const row = await step(load, target, calls, idle);
      rows.push(row);
      print(row);
      if (!sustained(row)) break;
      best[target.name] = calls;
      await atRest(target);
    }
    if (target.name === OURS) await churn(load, target);
    target.stop();
  }
  process.stdout.write(`\nsustained (no loss, p99 under ${SUSTAINED_P99_MS} ms):`);
  for (const [name, calls] of Object.entries(best))
    process.stdout.write(` ${name} ${calls} (${(calls / (best[PLAIN] || Number.NaN)).toFixed(2)})`);
  process.stdout.write('\n');
  for (const name of Object.keys(best)) {
    const own = rows.filter((row) => row.name === name);
    const [first, last] = [own[0], own.at(-1)];
    if (first && last && first !== last) {
      const kb = (last.held - first.held) / (last.calls - first.calls) / 1_024;
      process.stdout.write(
        `memory per further call, ${name}: ${kb.toFixed(0)} KB (from ${first.calls} to ${last.calls} calls)\n`,
      );
    }
    if (name === PLAIN) continue;
    for (const { calls, cpuMs } of own) {
      const beside = rows.find((row) => row.name === PLAIN && row.calls === calls);
      if (beside)
        process.stdout.write(
          `CPU per call at ${calls} calls: plain / ${name} = ${(beside.cpuMs / cpuMs).toFixed(2)}\n`,
        );
    }
  }
  load.close();
}

await main();
process.exit(0);
