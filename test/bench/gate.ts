/**
 * The gate on one core, with its facts in memory: whole decisions (reasons, sentence, clocks, fingerprint) and bare
 * assessments a second, over a mix of people as a campaign meets them. Then the lists of numbers, which it is fed from.
 *
 *   npm run bench:gate [-- DIRECTORY]     where the lists of the second part are laid down; a temporary one without it
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assess, decide } from '../../src/domain/compliance/decide.ts';
import { DEFAULT_BLOCKED_STATES, type FactsInput, readFacts } from '../../src/domain/compliance/facts.ts';
import { windows } from '../../src/domain/compliance/windows.ts';
import { daysAfter, goodFacts, goodGrant, minutesAfter } from '../support/compliance-cases.ts';

/** Tuesday 2026-07-14, 20:30 in New York: too late in the east, open in the west. */
const NOW_MS = Date.parse('2026-07-15T00:30:00Z');
const GOAL = 50_000;
const ROUNDS = 5;
const ROUND_MS = 1_000;

const PEOPLE: readonly (readonly [npa: string, state: string | null, zip: string | null])[] = [
  ['212', 'NY', '10001'],
  ['213', 'CA', '90012'],
  ['305', 'FL', '33101'],
  ['850', 'FL', null],
  ['312', 'IL', '60601'],
  ['404', 'GA', '30303'],
  ['602', 'AZ', '85001'],
  ['215', 'PA', '19103'],
  ['503', 'OR', '97201'],
  ['617', 'GA', '30303'],
  ['812', null, null],
  ['808', 'HI', '96813'],
];

/** As `gatherFacts` hands them over: every list, a policy, and what was tried before. */
function person(index: number): FactsInput {
  const [npa, state, zip] = PEOPLE[index % PEOPLE.length] ?? ['212', null, null];
  const phone = `+1${npa}555${String(2000 + index).padStart(4, '0')}`;
  const other = `+1${npa}555${String(3000 + index).padStart(4, '0')}`;
  const good = goodFacts(NOW_MS);
  const tries = index % 4;
  const copy = { asOf: daysAfter(NOW_MS, -4), listed: [] };
  const facts: FactsInput = {
    ...good,
    lead: { ...good.lead, phone, altPhones: [other], state, zip, consent: [{ ...goodGrant(NOW_MS), phone }] },
    call: { ...good.call, seller: 'Acme Home Energy LLC', subject: 'solar panels' },
    dnc: {
      ...good.dnc,
      state: { FL: copy, IN: copy, PA: copy, LA: copy, TX: copy },
    },
    environment: { emergencyStates: [], killSwitch: false, tzdata: '2025c', clockSkewMs: 12 },
    campaign: {
      ...good.campaign,
      hours: { ...good.campaign.hours, start: '09:00', end: '20:00' },
      maxPer24h: 3,
      minGapMinutes: 120,
      maxPerDay: 2,
      maxPer7Days: 6,
      maxPer30Days: 8,
      stopAfterUnanswered: 8,
      blockedStates: [...DEFAULT_BLOCKED_STATES],
    },
    history: {
      attempts: Array.from({ length: tries }, (_, i) => ({
        at: minutesAfter(NOW_MS, -(i + 1) * 1_000),
        phone,
        subject: 'solar panels',
        outcome: 'no_answer',
      })),
    },
    policy: { requireNationalRegistry: true, requireStateLists: true, requireReassignedCheck: true },
  };
  const grant = { ...goodGrant(NOW_MS), phone, seller: 'Acme Home Energy LLC' };
  return { ...facts, lead: { ...facts.lead, consent: index % 9 === 8 ? [] : [grant] } };
}

const given = Array.from({ length: 144 }, (_, index) => person(index));

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

/**
 * Runs `work` over a set again and again; how many a second of processor time, the median of some rounds. Processor time
 * is all threads', the garbage collector's too, and does not run while somebody else has the core.
 */
function perSecond<T>(items: readonly T[], work: (item: T) => unknown): number {
  const rounds: number[] = [];
  // The first round is only there for the compiler.
  for (let round = 0; round <= ROUNDS; round += 1) {
    const start = process.cpuUsage();
    let done = 0;
    let tookMs = 0;
    while (tookMs < ROUND_MS) {
      for (let times = 0; times < 10; times += 1) for (const item of items) work(item);
      done += items.length * 10;
      const { user, system } = process.cpuUsage(start);
      tookMs = (user + system) / 1000;
    }
    if (round > 0) rounds.push((done * 1000) / tookMs);
  }
  return median(rounds);
}

const figure = (name: string, value: number): void =>
  console.log(`  ${name.padEnd(58)} ${Math.round(value).toLocaleString('en-US').padStart(9)} /s`);

const kinds = {
  allow: given.filter((facts) => decide(facts, NOW_MS).kind === 'allow'),
  'deny, and time will not help': given.filter((facts) => {
    const { verdict, nextAllowedAt } = decide(facts, NOW_MS).decision;
    return verdict === 'deny' && nextAllowedAt === null;
  }),
  'deny until a time that is looked for': given.filter(
    (facts) => decide(facts, NOW_MS).decision.nextAllowedAt !== null,
  ),
};
for (const [kind, those] of Object.entries(kinds)) if (those.length === 0) throw new Error(`nobody: ${kind}`);

console.log(`the gate, one core, ${given.length} people, median of ${ROUNDS} rounds`);
const rate = perSecond(given, (facts) => decide(facts, NOW_MS));
figure(`decisions (goal ${GOAL.toLocaleString('en-US')})`, rate);
for (const [kind, those] of Object.entries(kinds))
  figure(
    `  ${kind} (${those.length})`,
    perSecond(those, (facts) => decide(facts, NOW_MS)),
  );
figure(
  'assessments (rules alone, facts read before)',
  perSecond(given.map(readFacts), (facts) => assess(facts, NOW_MS)),
);
figure(
  'windows of 7 days',
  perSecond(given, (facts) => windows(facts, NOW_MS, NOW_MS + 7 * 86_400_000)),
);
if (rate < GOAL) process.exitCode = 1;

const asked = process.argv[2];
const directory = asked ?? mkdtempSync(join(tmpdir(), 'parley-gate-'));
try {
  const lists: unknown = await import('./gate-lists.ts').catch(() => undefined);
  if (hasBench(lists)) await lists.benchLists(directory);
  else console.log('the lists are not measured: test/bench/gate-lists.ts is missing');
} finally {
  if (asked === undefined) rmSync(directory, { recursive: true, force: true });
}

function hasBench(module: unknown): module is { benchLists: (directory: string) => Promise<void> } {
  return typeof module === 'object' && module !== null && 'benchLists' in module;
}
