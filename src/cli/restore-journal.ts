/**
 * cli/restore-journal: a composition root beside main: brings copies of the journal into the store that main would open,
 * and tells what it did. Imported by nobody.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type RestoreReport, restoreJournal } from '../adapters/store/journal/restore.ts';
import { createClock, createIds, createLog } from '../adapters/system.ts';
import { createDnc } from '../app/dnc.ts';
import { type Config, ConfigError, loadConfig } from '../config.ts';
import { isFailure } from '../domain/errors.ts';
import { openConfiguredStore } from './store.ts';

const USAGE = `Usage: npm run restore-journal -- [--from <folder or date>] [--dry-run]

  --from     a folder with segments of a journal (*.journal), or the day from which what was kept is brought
             back, such as 2026-11-21; without it all that is kept under DATA_DIR/journal
  --dry-run  change nothing; tell what would be brought back
`;

/** Something that whoever called the program can put right; the words are for them. */
class Refusal extends Error {}

interface Asked {
  /** Absent: the journal under DATA_DIR. */
  readonly dir?: string;
  readonly since?: Date;
  readonly dryRun: boolean;
}

function asked(argv: readonly string[]): Asked {
  let values: { from?: string | undefined; 'dry-run': boolean };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: { from: { type: 'string' }, 'dry-run': { type: 'boolean', default: false } },
    }));
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  const { from, 'dry-run': dryRun } = values;
  if (from === undefined) return { dryRun };
  if (existsSync(from) && statSync(from).isDirectory()) return { dir: resolve(from), dryRun };
  const since = new Date(from);
  if (Number.isNaN(since.getTime()))
    throw new Refusal(`--from: ${from} is no folder and no date.\n\n${USAGE}`);
  return { since, dryRun };
}

const count = (n: number): string => n.toLocaleString('en-US');

function told(report: RestoreReport, dryRun: boolean): string {
  const { entries, restored, known, calls, optOuts, refused, refusals, damage } = report;
  return [
    dryRun ? 'A dry run: nothing was changed.\n' : '',
    `Read:          ${count(entries)} entries\n`,
    `${dryRun ? 'Would restore:' : 'Restored:     '} ${count(restored)} events of ${count(calls)} calls, ${count(optOuts)} opt-outs\n`,
    `Already there: ${count(known)} events\n`,
    refused > 0
      ? `Refused:       ${count(refused)} entries\n${refusals.map((why) => `  ${why}\n`).join('')}`
      : '',
    ...damage.map(({ segment, offset, bytes, lost, torn }) =>
      torn
        ? `Cut off:       the end of ${segment}, ${count(bytes)} bytes at ${count(offset)}: a write that was never acknowledged\n`
        : `Damaged:       ${segment}, ${count(bytes)} bytes at ${count(offset)}; ${count(lost)} entries are lost\n`,
    ),
  ].join('');
}

async function main(): Promise<void> {
  const { dir, since, dryRun } = asked(process.argv.slice(2));
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config: Config = loadConfig(process.env);
  const from = dir ?? join(resolve(config.dataDir), 'journal');
  if (!existsSync(from)) throw new Refusal(`There is no journal in ${from}.`);
  const log = createLog('warn', process.stderr);
  const clock = createClock(log);
  const store = await openConfiguredStore(config, clock, log);
  try {
    const dnc = createDnc({
      store,
      clock,
      ids: createIds(),
      log,
      sellerName: config.sellerName,
      // Calls are the affair of the process that carries them; whoever dials asks the gate.
      stopCallsTo: async () => {},
    });
    const report = await restoreJournal({
      dir: from,
      ...(since ? { since } : {}),
      store,
      dryRun,
      optOut: async (optOut) => {
        await dnc.optOut(optOut);
      },
      log,
      progress: (entries) => {
        if (process.stderr.isTTY) process.stderr.write(`\r${count(entries)} entries`);
      },
    });
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
    process.stdout.write(told(report, dryRun));
    if (report.refused > 0 || report.damage.some(({ torn }) => !torn)) process.exitCode = 1;
  } finally {
    await store.close();
  }
}

main().catch((error: unknown) => {
  const isOurs = error instanceof Refusal || error instanceof ConfigError;
  if (isOurs) process.stderr.write(`${error.message}\n`);
  else if (isFailure(error))
    process.stderr.write(
      `${error.message}\nWhat was restored until then stays; the same again goes on with the rest.\n`,
    );
  else process.stderr.write(`Restoring failed: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = isOurs ? 2 : 1;
});
