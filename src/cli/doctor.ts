/** cli/doctor: a composition root beside main: tells what is wrong with a set-up, line by line, and how to put it right. */
import { existsSync } from 'node:fs';
import { createClock, createIds, createLog } from '../adapters/system.ts';
import { ConfigError, loadConfig } from '../config.ts';
import { diagnose } from './diagnosis.ts';

/** Exit codes: 0 calls will work, 1 something would make calls fail, 2 the configuration cannot be read. */
async function main(): Promise<number> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = loadConfig(process.env);
  const log = createLog('silent');
  let errors = 0;
  let warnings = 0;
  for await (const { at, seen, findings } of diagnose({
    config,
    clock: createClock(log),
    ids: createIds(),
    log,
  })) {
    const worst = findings.some(({ level }) => level === 'error') ? '✗' : findings.length > 0 ? '!' : '✓';
    process.stdout.write(`${worst} ${at}: ${seen}\n`);
    for (const { level, setting, found, wanted, remedy } of findings) {
      if (level === 'error') errors += 1;
      else warnings += 1;
      process.stdout.write(`    ${level}: ${setting}: ${found}; wanted: ${wanted}.\n      ${remedy}\n`);
    }
  }
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  process.stdout.write(
    errors + warnings === 0
      ? '\nAll is well.\n'
      : `\n${count(errors, 'error')}, ${count(warnings, 'warning')}.${errors > 0 ? ' Calls would fail.' : ''}\n`,
  );
  return errors > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`${error instanceof ConfigError ? error.message : error?.stack}\n`);
    process.exit(2);
  },
);
