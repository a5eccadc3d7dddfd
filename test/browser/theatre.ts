/**
 * test/browser/theatre: the built dashboard in headless Chromium before a fixture server. One page serves all tests of a file;
 * each test begins with a fresh stage and loads the page anew.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { filesIn, madeOnce, ROOT } from '../support/made-once.ts';
import { openStage, type Stage } from './fixture-server.ts';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const SHOTS = fileURLToPath(new URL('./screenshots', import.meta.url));
/** Pictures are for people, and taking them is a third of the time: SCREENSHOTS=true takes them. */
const SHOOTING = process.env.SCREENSHOTS === 'true';

/** Why nothing can be tested here; undefined when it can. */
export const missing: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `no browser at ${CHROMIUM}: install Chromium (apt-get install chromium) or set CHROMIUM_PATH`;
if (missing) console.warn(`The dashboard was NOT tested in a browser: ${missing}.`);

/** What React is built for: as it is shipped, or at half the speed and complaining of what it finds wrong. */
type Environment = 'production' | 'development';

export const WIDE = { width: 1360, height: 860 };
export const PHONE = { width: 390, height: 844 };

/** A stop for what hangs, not a measure of speed: a busy machine draws slower, not wrong. */
const WAIT_MS = 100_000;

/** `words` prove that it is drawn. */
export type PageToSee = readonly [name: string, path: string, words: string];

export interface Theatre {
  readonly page: Page;
  readonly stage: Stage;
  /** Errors of the page since the test began. */
  readonly complaints: readonly string[];
  /** Loads the page anew and waits for the words; in `development` React complains of what it finds wrong. */
  visit(path: string, words: string, environment?: Environment): Promise<void>;
  /** Goes on within the loaded page, as a link would. */
  go(path: string, words: string): Promise<void>;
  /** Serious and critical findings of axe in the open dialog, else in the page, in words. */
  findings(): Promise<readonly string[]>;
  /** Goes through the pages: accessible in light and dark colours, no wider than a phone; each may be shot in all three. */
  inspect(pages: readonly PageToSee[]): Promise<void>;
  /** A picture of the page into ./screenshots, when pictures are asked for. */
  shoot(name: string): Promise<void>;
}

/** Built here, so that what is tested is what stands in src/dashboard now, and as `npm run build` does it. */
export async function builtDashboard(environment: Environment = 'production'): Promise<string> {
  const files = [...(await filesIn('src/dashboard', 'src/contract')), 'vite.config.ts', 'package-lock.json'];
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  return madeOnce(`parley-dashboard-${environment}`, files, (outDir) =>
    promisify(execFile)(
      process.execPath,
      [vite, 'build', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'error'],
      // Vite would take the name that Vitest gives to the environment, and React with it.
      { cwd: ROOT, env: { ...process.env, NODE_ENV: environment } },
    ),
  );
}

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[];
}

let opened: Promise<Browser> | undefined;

/** One browser serves all files that this process tests, one after the other, and ends with the process. */
export async function openBrowser(): Promise<Browser> {
  const browser = await opened?.catch(() => undefined);
  if (browser?.isConnected()) return browser;
  opened = chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A microphone that beeps, and nobody who is asked whether it may be used.
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
  return opened;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Serious and critical findings of axe in the open dialog, else in the page, in words.
 * @param only the one rule to ask about, which is quicker
 */
export async function findingsOf(page: Page, only?: string): Promise<readonly string[]> {
  // A dialog is given its name a moment after it is drawn.
  const nameless = page.locator('[role="dialog"]:not([aria-labelledby]):not([aria-label])');
  await nameless.waitFor({ state: 'detached', timeout: 5_000 }).catch(() => undefined);
  // The policy forbids scripts in the page; the browser's own protocol may still run one.
  if (!(await page.evaluate('typeof axe === "object"'))) await page.evaluate(AXE);
  const options = JSON.stringify({
    resultTypes: ['violations'],
    // No rule that is asked about reads style sheets; how long a sound is, one does.
    preload: { assets: ['media'] },
    ...(only ? { runOnly: [only] } : {}),
  });
  // Behind an open dialog nothing can be reached, and it was looked at before.
  const violations: Violation[] = await page.evaluate(
    `axe.run(document.querySelector('[role="dialog"]') ?? document, ${options}).then((result) => result.violations)`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`),
    );
}

/** A picture of the page into ./screenshots, when pictures are asked for. */
export async function shootPage(page: Page, name: string): Promise<void> {
  if (!SHOOTING) return;
  await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
}

/** Nothing is wider than the window, once the page has taken up its size. */
export const hasRoom = (page: Page, name: string): Promise<void> =>
  expect
    .poll(
      () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
      { message: name },
    )
    .toBeLessThanOrEqual(0);

/** As it is, in dark colours, and on a phone: accessible, and no wider than the screen. Ends wide and in light colours. */
export async function inspectPage(page: Page, name: string, words: string): Promise<void> {
  await page.getByText(words).first().waitFor();
  expect(await findingsOf(page), name).toEqual([]);
  await shootPage(page, `${name}-light`);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator(':root[data-mantine-color-scheme="dark"]').waitFor();
  expect(await findingsOf(page, 'color-contrast'), `${name} in dark colours`).toEqual([]);
  await shootPage(page, `${name}-dark`);
  await page.setViewportSize(PHONE);
  await page.getByText(words).first().waitFor();
  await hasRoom(page, `${name} on a phone`);
  await shootPage(page, `${name}-phone`);
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.locator(':root[data-mantine-color-scheme="light"]').waitFor();
}

/** A page that tells `complain` of its errors. */
export async function openPage(context: BrowserContext, complain: (words: string) => void): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on('console', (message) => {
    // A refused request is logged by the browser itself; what the page makes of it is tested.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complain(message.text());
    }
  });
  page.on('pageerror', (error) => complain(String(error)));
  return page;
}

/** Call it in the `describe`: it opens before the first test of the file and closes behind the last. */
export function theatre(): Theatre {
  let context: BrowserContext;
  let page: Page;
  let stage: Stage;
  let dist: string;
  let complaints: string[] = [];

  beforeAll(async () => {
    const launched = openBrowser();
    dist = await builtDashboard();
    stage = await openStage(dist);
    context = await (await launched).newContext({
      viewport: WIDE,
      colorScheme: 'light',
      reducedMotion: 'reduce',
      timezoneId: 'America/Los_Angeles',
    });
    page = await openPage(context, (words) => complaints.push(words));
  });
  afterAll(async () => {
    await context?.close();
    await stage?.close();
  });
  beforeEach(async () => {
    // The page of the test before would go on asking, and be noted on the fresh stage.
    await page.goto('about:blank');
    stage.reset();
    complaints = [];
    await page.emulateMedia({ colorScheme: 'light' });
    if (page.viewportSize()?.width !== WIDE.width) await page.setViewportSize(WIDE);
  });

  const drawn = async (words: string): Promise<void> => {
    await page.getByText(words).first().waitFor();
    // Grey bars stand for what is still to come.
    await page.locator('.mantine-Skeleton-root').first().waitFor({ state: 'detached' });
  };

  const paint = async (colorScheme: 'light' | 'dark'): Promise<void> => {
    await page.emulateMedia({ colorScheme });
    await page.locator(`:root[data-mantine-color-scheme="${colorScheme}"]`).waitFor();
  };
  const findings = (only?: string) => findingsOf(page, only);
  const shoot = (name: string) => shootPage(page, name);
  const go = async (path: string, words: string): Promise<void> => {
    await page.evaluate(`history.pushState({}, '', ${JSON.stringify(path)})`);
    await drawn(words);
  };

  return {
    get page() {
      return page;
    },
    get stage() {
      return stage;
    },
    get complaints() {
      return complaints;
    },
    async visit(path, words, environment = 'production') {
      stage.furnish(environment === 'production' ? dist : await builtDashboard(environment));
      await page.goto(stage.url + path, { waitUntil: 'commit' });
      await drawn(words);
    },
    go,
    findings: () => findings(),
    async inspect(pages) {
      let colours: 'light' | 'dark' = 'light';
      for (const [name, path, words] of pages) {
        await go(path, words);
        expect(await findings(), `${name} in ${colours} colours`).toEqual([]);
        await shoot(`${name}-${colours}`);
        // The page is the same in the other colours, in which the next one begins; only what can be told apart is not.
        colours = colours === 'light' ? 'dark' : 'light';
        await paint(colours);
        expect(await findings('color-contrast'), `${name} in ${colours} colours`).toEqual([]);
        await shoot(`${name}-${colours}`);
        await page.setViewportSize(PHONE);
        await drawn(words);
        await hasRoom(page, `${name} on a phone`);
        await shoot(`${name}-phone`);
        await page.setViewportSize(WIDE);
      }
    },
    shoot,
  };
}
