/**
 * cli/import-voice-assistant: a composition root beside main: brings the voice assistant's files into the store that main
 * would open, and tells what it did. Imported by nobody.
 */
import { createReadStream, existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createClock, createIds, createLog } from '../adapters/system.ts';
import {
  type AssistantFiles,
  createVoiceAssistantImport,
  type ImportProgress,
  type ImportReport,
  type Remark,
} from '../app/import-voice-assistant.ts';
import type { Clock, Log, Store } from '../app/ports.ts';
import type { SourceFile } from '../app/source-files.ts';
import { type Config, ConfigError, loadConfig } from '../config.ts';
import { isFailure } from '../domain/errors.ts';
import { isZone } from '../domain/voice-assistant.ts';
import { openConfiguredStore } from './store.ts';

const USAGE = `Usage: npm run import -- <folder> [--dry-run] [--zone America/New_York]

  <folder>   where the voice assistant kept its files: leads/lead_*.json, and transcripts.jsonl and
             transcript_session_*.json, beside it or under conversations/
  --dry-run  change nothing; tell what would be brought in
  --zone     the zone of times that name none (default UTC)
`;

/** Something that whoever called the program can put right; the words are for them. */
class Refusal extends Error {}
/** It was called the wrong way. */
class UsageError extends Refusal {}

function asked(argv: readonly string[]): { folder: string; dryRun: boolean; zone: string } {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const [folder, ...more] = parsed.positionals;
  const { 'dry-run': dryRun, zone } = parsed.values;
  if (folder === undefined || more.length > 0) throw new UsageError('Name one folder.');
  if (!isZone(zone)) throw new UsageError(`--zone: there is no time zone ${zone}.`);
  return { folder: resolve(folder), dryRun, zone };
}

const parse = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean', default: false }, zone: { type: 'string', default: 'UTC' } },
  });

// ── The files ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where an installation has its files; "" is the folder itself. */
const PLACES = ['', 'leads', 'conversations'] as const;
const KINDS = {
  leads: /^lead_.*\.json$/,
  sessions: /^transcript_session_.*\.json$/,
  events: /^transcripts\.jsonl$/,
};

async function filesIn(folder: string): Promise<AssistantFiles & { readonly others: number }> {
  const found = { leads: [] as SourceFile[], sessions: [] as SourceFile[], events: [] as SourceFile[] };
  let others = 0;
  for (const place of PLACES) {
    const dir = join(folder, place);
    const entries = await readdir(dir, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (place !== '' && error.code === 'ENOENT') return [];
      throw new Refusal(`${dir} cannot be read: ${error.message}`);
    });
    for (const name of entries
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort()) {
      const kind = (['leads', 'sessions', 'events'] as const).find((each) => KINDS[each].test(name));
      if (kind === undefined) {
        others += 1;
        continue;
      }
      const path = join(dir, name);
      const { size: bytes } = await stat(path);
      found[kind].push({ name: join(place, name), bytes, open: () => createReadStream(path) });
    }
  }
  if (found.leads.length + found.sessions.length + found.events.length === 0)
    throw new Refusal(`${folder} has none of the voice assistant's files.`);
  return { ...found, others };
}

// ── The store ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function openStore(config: Config, clock: Clock, log: Log): Promise<Store> {
  try {
    return await openConfiguredStore(config, clock, log);
  } catch (error) {
    if (!isFailure(error, 'store_unavailable')) throw error;
    const { pid, dir } = error.details;
    throw new Refusal(
      pid === undefined
        ? `${error.message}.`
        : `Process ${pid} has the database in ${dir} open: Parley is running. Stop it (Ctrl-C there, or kill ${pid}), import, and start it again.`,
    );
  }
}

// ── What people see ──────────────────────────────────────────────────────────────────────────────────────────────────

const REDRAW_MS = 100;
const SAY_EVERY_MS = 5_000;
const BAR = 30;
const count = (n: number): string => n.toLocaleString('en-US');
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** A bar on a terminal, a line now and then elsewhere. */
function progressOn(out: NodeJS.WriteStream, clock: Clock): { show(at: ImportProgress): void; end(): void } {
  let shownMs = Number.NEGATIVE_INFINITY;
  let phase = '';
  const line = ({ phase: name, bytes, ofBytes, records }: ImportProgress): string => {
    const share = ofBytes === 0 ? 1 : bytes / ofBytes;
    const filled = Math.round(share * BAR);
    const bar = out.isTTY ? ` [${'#'.repeat(filled)}${' '.repeat(BAR - filled)}]` : ':';
    const percent = `${Math.floor(share * 100)}%`.padStart(5);
    return `${name}${bar}${percent}  ${megabytes(bytes)} of ${megabytes(ofBytes)}, ${count(records)} read`;
  };
  return {
    show(at) {
      const nowMs = clock.steadyMs();
      const first = at.phase !== phase;
      const last = at.bytes >= at.ofBytes;
      if (!first && !last && nowMs - shownMs < (out.isTTY ? REDRAW_MS : SAY_EVERY_MS)) return;
      if (out.isTTY && first && phase !== '') out.write('\n');
      phase = at.phase;
      shownMs = nowMs;
      out.write(out.isTTY ? `\r\u001b[2K${line(at)}` : `${line(at)}\n`);
    },
    end() {
      if (out.isTTY && phase !== '') out.write('\n');
    },
  };
}

/** Names of files come from outside: nothing in them moves the cursor. */
const plain = (text: string): string => text.replace(/\p{Cc}/gu, '?');
const remark = ({ file, line, why }: Remark): string =>
  `  ${plain(file)}${line === undefined ? '' : `:${line}`}: ${plain(why)}\n`;

function told(report: ImportReport, others: number): string {
  const { dryRun, read, written, there, skips, skipped, notes, noted, tookMs } = report;
  const counts = ({ leads, conversations, events }: ImportReport['written']): string =>
    `${count(leads)} leads, ${count(conversations)} conversations, ${count(events)} events`;
  const listed = (title: string, all: readonly Remark[], total: number): string =>
    total === 0
      ? ''
      : `\n${title} (${count(total)}):\n${all.map(remark).join('')}${total > all.length ? `  … and ${count(total - all.length)} more\n` : ''}`;
  return [
    dryRun ? 'A dry run: nothing was changed.\n' : '',
    `Read:          ${count(read.files)} files, ${count(read.lines)} lines of events, ${megabytes(read.bytes)}, in ${(tookMs / 1_000).toFixed(1)} s\n`,
    `${dryRun ? 'Would bring in:' : 'Brought in:    '}${dryRun ? ' ' : ''}${counts(written)}\n`,
    `Already there: ${counts(there)}\n`,
    others > 0 ? `Not looked at: ${count(others)} files of other names\n` : '',
    listed('Skipped', skips, skipped),
    listed('To know', notes, noted),
  ].join('');
}

async function main(): Promise<void> {
  const { folder, dryRun, zone } = asked(process.argv.slice(2));
  const files = await filesIn(folder);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = loadConfig(process.env);
  const log = createLog('warn', process.stderr);
  const clock = createClock(log);
  const store = await openStore(config, clock, log);
  const progress = progressOn(process.stderr, clock);
  try {
    const bringIn = createVoiceAssistantImport({
      store,
      clock,
      ids: createIds(),
      log,
      sellerName: config.sellerName,
    });
    const report = await bringIn(files, { dryRun, zone, progress: progress.show });
    progress.end();
    process.stdout.write(told(report, files.others));
  } catch (error) {
    progress.end();
    throw error;
  } finally {
    await store.close();
  }
}

main().catch((error: unknown) => {
  const ours = error instanceof Refusal || error instanceof ConfigError;
  if (ours) process.stderr.write(`${error.message}\n${error instanceof UsageError ? `\n${USAGE}` : ''}`);
  else if (isFailure(error))
    process.stderr.write(
      `The import stopped: ${error.message}\nWhat was written until then stays; the same import goes on with the rest.\n`,
    );
  else process.stderr.write(`The import failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = ours ? 2 : 1;
});
