/**
 * `npm run bench:wall`: what watching costs those who talk. The same calls through the running product without anybody who
 * looks, and with listeners and viewers, in turns; loss, added latency each way, and how long words take from the platform's
 * message to a viewer.
 *
 * Arguments: calls (200), listeners and as many viewers (50), seconds of each of the four turns (10).
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Figures, type Load, startLoad } from './load.ts';
import { pinned, product, type Target, usage } from './product.ts';

const [CALLS = 200, WATCHERS = 50, SECONDS = 10] = process.argv.slice(2).map(Number);
const KEY = randomBytes(24).toString('hex');
/** Somebody says something on each call so often: two hundred talk as forty things a second. */
const WORDS_EVERY_MS = 5_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const share = (values: number[], part: number): number =>
  values.sort((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN;

/** A viewer that notes how old words are when they come. */
async function watchWords(port: number): Promise<{ readonly ages: number[]; stop(): void }> {
  const ages: number[] = [];
  const stopped = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/calls/live`, {
    headers: { authorization: `Bearer ${KEY}` },
    signal: stopped.signal,
  });
  void (async () => {
    let rest = '';
    try {
      for await (const chunk of response.body ?? []) {
        const now = performance.timeOrigin + performance.now();
        const frames = (rest + Buffer.from(chunk).toString()).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          if (!frame.startsWith('event: words')) continue;
          const said = [...frame.matchAll(/"said at ([\d.]+)"/g)].at(-1)?.[1];
          if (said !== undefined) ages.push(now - Number(said));
        }
      }
    } catch {
      // It was told to stop.
    }
  })();
  return { ages, stop: () => stopped.abort() };
}

interface Turn {
  readonly name: string;
  readonly figures: Figures;
  readonly cpuShare: number;
}

async function turn(load: Load, target: Target, name: string): Promise<Turn> {
  await sleep(1_500);
  load.reset();
  const before = usage(target.pid).cpu;
  await sleep(SECONDS * 1_000);
  const cpuShare = (usage(target.pid).cpu - before) / SECONDS;
  return { name, figures: await load.figures(), cpuShare };
}

const cell = (value: number, digits = 2) => value.toFixed(digits).padStart(9);
function print({
  name,
  figures: { calls, frames, lostUp, lostDown, up, down, listenedKb, late },
  cpuShare,
}: Turn) {
  const lost = lostUp + lostDown + (CALLS - calls);
  process.stdout.write(
    `${name.padEnd(22)}${String(calls).padStart(5)}${String(frames).padStart(9)}${String(lost).padStart(6)}${cell(up[0])}${cell(up[1])}${cell(down[0])}${cell(down[1])}${cell(cpuShare * 100, 0)}%${String(listenedKb).padStart(10)}${String(late).padStart(6)}\n`,
  );
}

async function main(): Promise<void> {
  if (!existsSync('dist/main.js')) throw new Error('build first: npm run build');
  if (pinned) execFileSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)]);
  const load = await startLoad(pinned ? ['taskset', '-c', '1'] : []);
  const target = await product(load, { ADMIN_API_KEY: KEY });
  await sleep(2_000);
  const ids: string[] = [];
  for (let opened = 0; opened < CALLS; opened += 10) {
    await Promise.all(
      Array.from({ length: Math.min(10, CALLS - opened) }, async () => {
        const admission = await target.admit();
        ids.push(admission.callId);
        await load.open(target.port, admission);
      }),
    );
  }
  load.talk(WORDS_EVERY_MS);
  const words = await watchWords(target.port);
  process.stdout.write(
    `${cpus()[0]?.model ?? 'unknown'} × ${cpus().length}, Node ${process.versions.node}; ${CALLS} calls, ${WATCHERS} listeners and ${WATCHERS} viewers; ${SECONDS} s a turn; ${pinned ? 'product alone on one core' : 'not pinned'}\n` +
      `${''.padEnd(22)}calls   frames  lost   up p50   up p99 down p50 down p99     core  heard KB  late\n`,
  );
  const turns: Turn[] = [];
  for (let round = 0; round < 2; round += 1) {
    const alone = await turn(load, target, 'nobody looks');
    print(alone);
    await watchers(load, target, ids);
    words.ages.length = 0;
    const watched = await turn(load, target, 'listeners and viewers');
    print(watched);
    turns.push(alone, watched);
    process.stdout.write(
      `  words shown after ms: p50 ${share(words.ages, 0.5).toFixed(0)}, p99 ${share(words.ages, 0.99).toFixed(0)}, longest ${share(words.ages, 1).toFixed(0)} (${words.ages.length})\n`,
    );
    load.leave();
  }
  const mean = (name: string, of: (turn: Turn) => number): number => {
    const own = turns.filter((each) => each.name === name).map(of);
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  };
  const added = (of: (turn: Turn) => number) => mean('listeners and viewers', of) - mean('nobody looks', of);
  process.stdout.write(
    `\nwatching adds to p99: up ${added(({ figures }) => figures.up[1]).toFixed(2)} ms, down ${added(({ figures }) => figures.down[1]).toFixed(2)} ms; to the core ${(added(({ cpuShare }) => cpuShare) * 100).toFixed(0)} %\n`,
  );
  words.stop();
  target.stop();
  load.close();
}

/** Each hears another call; all watch all of them. */
async function watchers(load: Load, target: Target, ids: readonly string[]): Promise<void> {
  for (let n = 0; n < WATCHERS; n += 1) {
    await load.join(target.port, `/api/v1/calls/${ids[n % ids.length]}/listen`, KEY);
    await load.join(target.port, '/api/v1/calls/live', KEY);
  }
}

await main();
process.exit(0);
