/**
 * test/support/programs: processes that tests start, kill and look at. They run JavaScript, as `npm start` does: the types are
 * taken off once for all of them, where a loader for TypeScript would take as long as the whole start at every start. Tests
 * load the product out of the same folder.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type Plugin, type ResolvedConfig, transformWithOxc } from 'vite';
import { filesIn, madeOnce, ROOT } from './made-once.ts';

const asJavaScript = (file: string): string => file.replace(/\.ts$/, '.js');

const sources = (
  await filesIn('src', 'test/contract', 'test/faults', 'test/simulation', 'test/support')
).filter((file) => /(?<!\.test)\.ts$/.test(file) && !file.startsWith('src/dashboard/'));
const folder = await madeOnce('parley-programs', sources, async (made) => {
  for (const file of sources) {
    const { code } = await transformWithOxc(readFileSync(join(ROOT, file), 'utf8'), join(ROOT, file), {
      target: 'es2023',
      sourcemap: false,
      typescript: { rewriteImportExtensions: 'rewrite', onlyRemoveTypeImports: true },
    });
    const path = join(made, asJavaScript(file));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, code);
  }
  // What the programs read beside their own folder.
  for (const name of ['package.json', 'prompts']) await symlink(join(ROOT, name), join(made, name));
});

/** Where the program of a source file of `src` or `test` lies. */
export const programOf = (file: string): string => join(folder, asJavaScript(file));
/** The same for the code of a module: `import … from ${…}`. */
export const source = (file: string): string => JSON.stringify(programOf(file));

/** The beginning of a module that has the embedded store in `dir` open, and what it may be filled with. */
export const OPEN = (dir: string): string => `
  import { openLocalStore } from ${source('src/adapters/store/local/index.ts')};
  import { event, fill, lead, silent } from ${source('test/contract/filled.ts')};
  const store = await openLocalStore({ dir: ${JSON.stringify(dir)}, log: silent });
`;

const written = join(folder, `written-${process.pid}`);
process.once('exit', () => rmSync(written, { recursive: true, force: true }));
let count = 0;

/** Where this module lies as a program. Threads would inherit the flags of a process that got it as an argument. */
export function programFrom(code: string): string {
  count += 1;
  const path = join(written, `${count}.mjs`);
  mkdirSync(written, { recursive: true });
  writeFileSync(path, code);
  return path;
}

/** Runs a module in a process of its own and hands over its lines. */
export function spawnModule(code: string) {
  const child = spawn(process.execPath, [programFrom(code)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  return { child, exited, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Runs a program of `src/cli` as the command does, with its data in `dir`. */
export async function runCommand(
  name: string,
  args: readonly string[],
  dir: string,
  more: Record<string, string> = {},
): Promise<{ code: number | null; out: string; errors: string }> {
  const child = spawn(process.execPath, [programOf(`src/cli/${name}.ts`), ...args], {
    // Where no .env lies.
    cwd: dir,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATA_DIR: dir, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, out, errors };
}

const known = new Set(sources);
const isProduct = (file: string): boolean => known.has(file) && file.startsWith('src/');
const isMocking = (file: string): boolean => readFileSync(file, 'utf8').includes('vi.mock(');

/**
 * Lets tests load the product natively, as processes do: through Vite every use of an imported name is a call, which makes
 * tight loops several times slower. Through Vite goes what a test replaces modules of, because only there can they be
 * replaced, and everything while files are watched, because the folder is of the sources at the beginning.
 */
export function productAsBuilt(): Plugin {
  let config: ResolvedConfig | undefined;
  return {
    name: 'product-as-built',
    enforce: 'pre',
    configResolved(resolved) {
      config = resolved;
    },
    resolveId(id, from) {
      if (from === undefined || !id.startsWith('.') || config?.server.watch !== null) return undefined;
      const file = relative(ROOT, resolve(dirname(from), id));
      if (!isProduct(file) || isProduct(relative(ROOT, from)) || isMocking(from)) return undefined;
      return programOf(file);
    },
  };
}
