/**
 * What a manager waits for, over half a year of a busy house on the embedded store: every filter of a million calls and the
 * pages behind it, the search in a hundred thousand talks, the overview, all through HTTP; and in Chromium, where there is
 * one, the page of a call of half an hour, from the address to a talk that can be read, a picture of it and a player that
 * can be pressed, and to the last line of the talk.
 * `npm run bench:dashboard [-- <folder>]`: a folder that is named keeps its data for the next time.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, chromium } from 'playwright-core';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import type { Log } from '../../src/app/ports.ts';
import { fillHouse, idOf, LONG_CALL, LONG_MESSAGES, type Sizes } from './dashboard-data.ts';
import { START_FLAGS } from './start.ts';

const SIZES: Sizes = { calls: 1_000_000, transcripts: 100_000, leads: 100_000 };
const GOAL = { listMs: 200, searchMs: 300, overviewMs: 200, pageMs: 1_000 } as const;
const PAGES = 4;
const ROUNDS = 5;
const DAY_MS = 86_400_000;
const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const MAIN = join(process.env.PARLEY_ROOT ?? join(import.meta.dirname, '../..'), 'dist/main.js');

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const ascending = (all: readonly number[]): number[] => [...all].sort((a, b) => a - b);
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const tell = (what: string, took: readonly number[], goalMs: number, more = ''): void => {
  const sorted = ascending(took);
  const isLate = at(sorted, 1) > goalMs;
  say(
    `${what.padEnd(50)} ${at(sorted, 0.5).toFixed(0).padStart(5)} / ${at(sorted, 1).toFixed(0).padStart(5)} ms   (goal ${goalMs} ms)${isLate ? '  LATE' : ''}${more}`,
  );
};

interface House {
  readonly url: string;
  /** Works once. */
  readonly signIn: string;
  readonly key: string;
  readonly process: ChildProcess;
}

function start(dir: string): Promise<House> {
  const key = randomBytes(24).toString('hex');
  const child = spawn(process.execPath, [...START_FLAGS, MAIN], {
    cwd: dir,
    env: { PATH: process.env.PATH, DATA_DIR: dir, PORT: '0', LOG_LEVEL: 'error', ADMIN_API_KEY: key },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((ready, failed) => {
    child.once('exit', (code) => failed(new Error(`the service ended with ${code}`)));
    if (!child.stdout) return failed(new Error('the service tells nothing'));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [signIn] = /http\S+signin\S+/.exec(line) ?? [];
      if (signIn) ready({ url: new URL(signIn).origin, signIn, key, process: child });
    });
  });
}

interface Listed {
  readonly items: readonly unknown[];
  readonly nextCursor?: string;
  readonly complete?: boolean;
}

async function ask<T>(house: House, path: string): Promise<{ readonly answer: T; readonly tookMs: number }> {
  const beganMs = performance.now();
  const response = await fetch(`${house.url}/api/v1${path}`, {
    headers: { authorization: `Bearer ${house.key}` },
  });
  const answer = (await response.json()) as T;
  const tookMs = performance.now() - beganMs;
  if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
  return { answer, tookMs };
}

/** The first pages, one behind the other, each as often as `ROUNDS` says. */
async function pages(house: House, what: string, path: string, goalMs: number): Promise<void> {
  const took: number[] = [];
  let rows = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    let cursor: string | undefined;
    rows = 0;
    for (let page = 0; page < PAGES; page += 1) {
      const asked = cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`;
      const { answer, tookMs } = await ask<Listed>(house, asked);
      took.push(tookMs);
      rows += answer.items.length;
      cursor = answer.nextCursor;
      if (cursor === undefined) break;
    }
  }
  tell(what, took, goalMs, `   ${rows} rows on ${PAGES} pages`);
}

const days = (ago: number, length: number, nowMs: number): string => {
  const from = new Date(nowMs - ago * DAY_MS).toISOString();
  const to = new Date(nowMs - (ago - length) * DAY_MS).toISOString();
  return `from=${from}&to=${to}`;
};

async function lists(house: House, nowMs: number): Promise<void> {
  const filters: readonly (readonly [what: string, query: string])[] = [
    ['all', ''],
    ['status: completed', 'status=completed'],
    ['status: failed, which is rare', 'status=failed'],
    ['direction: inbound', 'direction=inbound'],
    ['outcome: voicemail', 'outcome=voicemail'],
    ['outcome: transferred, which is rare', 'outcome=transferred'],
    ['outcome: no_conversation, which none has', 'outcome=no_conversation'],
    ['a campaign', `campaignId=${idOf(4, 3)}`],
    ['a lead', `leadId=${idOf(3, 777)}`],
    ['a number', 'phone=%2B12062000777'],
    ['mood: bad', 'mood=bad'],
    ['review: needs attention', 'review=needs_attention'],
    ['review: not looked at', 'review=unreviewed'],
    ['to be reviewed by somebody', `assignedTo=${idOf(9, 3)}`],
    ['… who did not look yet', `assignedTo=${idOf(9, 3)}&review=unreviewed`],
    ['… by nobody in particular', 'assignedTo=none'],
    ['a tag', 'tag=coaching'],
    ['a tag nobody gave', 'tag=nothing'],
    ['a day five months ago', days(150, 1, nowMs)],
    ['a month, outbound and completed', `${days(60, 30, nowMs)}&direction=outbound&status=completed`],
    ['a campaign and a rare outcome', `campaignId=${idOf(4, 3)}&outcome=transferred`],
    ['an outcome, inbound, negative', 'outcome=transferred&direction=inbound&mood=bad'],
    ['a status and an outcome that never meet', 'status=busy&outcome=qualified'],
    ['completed but denied in a month', `${days(60, 30, nowMs)}&status=denied&outcome=qualified`],
    ['a month, mood and a rare outcome', `${days(60, 30, nowMs)}&mood=good&outcome=transferred`],
    ['a number and a status', 'phone=%2B12062000777&status=busy'],
    ['a tag in a campaign', `tag=coaching&campaignId=${idOf(4, 3)}`],
    ['a tag and a rare outcome', 'tag=coaching&outcome=transferred'],
    ['inbound in a campaign, which no call is', `direction=inbound&campaignId=${idOf(4, 3)}`],
    ['a cost that few have', 'minCost=0.98'],
    ['a cost that few have, and a mood', 'minCost=0.98&mood=good'],
    ['a cost in a campaign', `minCost=0.5&maxCost=0.52&campaignId=${idOf(4, 3)}`],
    ['a cost that none has', 'minCost=900'],
    ['a script', `promptHash=${idOf(8, 1)}`],
  ];
  for (const [what, query] of filters)
    await pages(house, `calls: ${what}`, `/calls?limit=50&${query}`, GOAL.listMs);
}

async function search(house: House, nowMs: number): Promise<void> {
  const beganMs = performance.now();
  for (;;) {
    const { answer } = await ask<Listed>(house, '/calls/search?text=kitchen&limit=1');
    if (answer.complete) break;
    await new Promise((again) => setTimeout(again, 500));
  }
  say(`the index of what was said is there after ${((performance.now() - beganMs) / 1_000).toFixed(0)} s`);
  const texts: readonly (readonly [what: string, query: string])[] = [
    ['a common word', 'text=kitchen'],
    ['a rare word', 'text=k4711'],
    ['a word nobody said', 'text=zeppelin'],
    ['two words', 'text=greenhouse+daughter'],
    ['a phrase', 'text=%22septic+tank%22'],
    ['a word, in a campaign', `text=kitchen&campaignId=${idOf(4, 3)}`],
    ['a word, and a rare outcome', 'text=greenhouse&outcome=transferred'],
    ['a word, in a day five months ago', `text=kitchen&${days(12, 1, nowMs)}`],
    ['a word, and a tag', 'text=kitchen&tag=coaching'],
  ];
  for (const [what, query] of texts)
    await pages(house, `said: ${what}`, `/calls/search?limit=20&${query}`, GOAL.searchMs);
}

async function overview(house: House, nowMs: number): Promise<void> {
  for (const length of [1, 7, 30, 90]) {
    const path = (round: number): string =>
      `/analytics/overview?from=${new Date(nowMs - length * DAY_MS - round).toISOString()}&to=${new Date(nowMs + DAY_MS).toISOString()}&zone=America/Los_Angeles`;
    const beganMs = performance.now();
    const first = await ask<Listed>(house, path(0));
    let round = 0;
    for (let complete = first.answer.complete; !complete; ) {
      round += 1;
      complete = (await ask<Listed>(house, path(round))).answer.complete;
    }
    const wholeSec = (performance.now() - beganMs) / 1_000;
    const took: number[] = [];
    for (let again = 1; again <= ROUNDS; again += 1)
      took.push((await ask(house, path(round + again))).tookMs);
    tell(
      `overview of ${length} days beside those before`,
      took,
      GOAL.overviewMs,
      `   the very first answer after ${first.tookMs.toFixed(0)} ms, whole after ${wholeSec.toFixed(1)} s`,
    );
  }
}

async function callPage(house: House): Promise<void> {
  if (!existsSync(CHROMIUM)) {
    say(`The page of a call was NOT measured: no browser at ${CHROMIUM}; set CHROMIUM_PATH.`);
    return;
  }
  const browser: Browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  });
  try {
    const first = await browser.newContext();
    const door = await first.newPage();
    await door.goto(house.signIn);
    await door.getByRole('heading', { name: 'Overview' }).waitFor();
    const storageState = await first.storageState();
    await first.close();
    for (const [name, isWarm] of [
      ['the first time', false],
      ['again', true],
    ] as const) {
      const took: number[] = [];
      const whole: number[] = [];
      const context = await browser.newContext({ storageState, viewport: { width: 1360, height: 860 } });
      for (let round = 0; round < ROUNDS; round += 1) {
        const fresh = isWarm
          ? context
          : await browser.newContext({ storageState, viewport: { width: 1360, height: 860 } });
        const page = await fresh.newPage();
        if (isWarm) await page.goto(`${house.url}/calls`);
        const beganMs = performance.now();
        await page.goto(`${house.url}/calls/${LONG_CALL}`, { waitUntil: 'commit' });
        await page.locator('.line').first().waitFor();
        await page.locator('.track canvas').waitFor();
        await page.locator('button[aria-label="Play"]').click({ trial: true });
        took.push(performance.now() - beganMs);
        await page
          .locator('.line')
          .nth(LONG_MESSAGES - 1)
          .waitFor({ state: 'attached' });
        whole.push(performance.now() - beganMs);
        await page.close();
        if (!isWarm) await fresh.close();
      }
      tell(`page of a call of 30 minutes, ${name}`, took, GOAL.pageMs);
      tell(`… and the last of its ${LONG_MESSAGES} messages`, whole, GOAL.pageMs);
      await context.close();
    }
  } finally {
    await browser.close();
  }
}

const [given] = process.argv.slice(2);
const dir = given ?? mkdtempSync(join(tmpdir(), 'parley-dashboard-bench-'));
mkdirSync(dir, { recursive: true });
const filled = join(dir, 'filled.json');
let house: House | undefined;
try {
  if (!existsSync(filled)) {
    const beganMs = performance.now();
    const store = await openLocalStore({ dir: join(dir, 'store'), log: silent });
    const endMs = Date.now();
    await fillHouse(store, join(dir, 'recordings'), SIZES, endMs);
    await store.close();
    writeFileSync(filled, JSON.stringify({ endMs }));
    say(`filled in ${((performance.now() - beganMs) / 1_000).toFixed(0)} s`);
  }
  const { endMs } = JSON.parse(readFileSync(filled, 'utf8')) as { readonly endMs: number };
  house = await start(dir);
  await ask(house, '/calls?limit=1');
  say(`${'p50 / longest'.padStart(68)}`);
  await lists(house, endMs);
  await search(house, endMs);
  await overview(house, endMs);
  await callPage(house);
} finally {
  house?.process.kill('SIGTERM');
  if (given === undefined) rmSync(dir, { recursive: true, force: true });
}
