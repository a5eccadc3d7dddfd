/** test/browser: a file of leads from choosing it to mending its refused rows, over the real import and a real store. */
import { readFile } from 'node:fs/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { serveLeadsIn } from '../http/leads-in.ts';
import { builtDashboard, findingsOf, missing, openBrowser, openPage, PHONE } from './theatre.ts';

const rows = Array.from({ length: 450 }, (_, n) =>
  n % 50 === 0
    ? `"Bad ""${n}""",12,x${n}@example.org,Seattle\n`
    : `Ann ${n},206555${String(n).padStart(4, '0')},a${n}@example.org,Seattle\n`,
);
const FILE = `Full Name,Mobile,Email Address,Favourite town\n${rows.join('')}`;

describe.skipIf(missing)(`a file of leads in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  let context: BrowserContext;
  let page: Page;
  let served: Awaited<ReturnType<typeof serveLeadsIn>>;
  let complaints: string[] = [];

  beforeAll(async () => {
    const launched = openBrowser();
    served = await serveLeadsIn(await builtDashboard());
    context = await (await launched).newContext({ acceptDownloads: true, reducedMotion: 'reduce' });
    const [name = '', value = ''] = served.cookieOf('ANALYST').split('=');
    await context.addCookies([{ name, value, url: served.base }]);
    page = await openPage(context, (words) => complaints.push(words));
  });
  afterAll(async () => {
    await context?.close();
    await served?.close();
  });
  beforeEach(async () => {
    complaints = [];
    await page.goto(`${served.base}/leads`);
  });

  const choose = (text: string, name = 'fair.csv') =>
    page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
  test('is looked at, mapped, brought in and reported, and its refused rows can be mended', async () => {
    await page.getByRole('link', { name: 'Import', exact: true }).click();
    await page.getByText('No file came in yet').waitFor();
    await choose(FILE);
    await page.getByText('Phone: not a phone number').first().waitFor();
    expect(await page.getByLabel('Mobile goes to').inputValue()).toBe('phone');
    const start = page.getByRole('button', { name: 'Import', exact: true });
    await page.getByLabel('Mobile goes to').selectOption('ignore');
    await page.getByText('No column goes to the phone number').waitFor();
    expect(await start.isDisabled()).toBe(true);
    await page.getByLabel('Mobile goes to').selectOption('phone');
    await page.getByLabel('Favourite town goes to').selectOption('city');
    expect(await findingsOf(page)).toEqual([]);
    await start.click();
    await page.getByText('Done: 441 new leads').waitFor();
    await page.getByRole('cell', { name: 'Phone: not a phone number' }).first().waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Refused rows, to mend' }).click(),
    ]);
    const refused = await readFile(await download.path(), 'utf8');
    expect(refused.split('\n').slice(0, 2)).toEqual([
      'Full Name,Mobile,Email Address,Favourite town',
      '"Bad ""0""",12,x0@example.org,Seattle',
    ]);
    expect(refused.trim().split('\n')).toHaveLength(10);
    const [lead] = await served.store.collection('leads').find({ limit: 1 });
    expect(lead?.contact.address).toEqual({ city: 'Seattle' });
    expect(await findingsOf(page)).toEqual([]);
    await page.setViewportSize(PHONE);
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(complaints).toEqual([]);
  });

  test('of many columns and long words scrolls by itself, and what is wrong with a row stands below it', async () => {
    await page.goto(`${served.base}/leads/import`);
    const towns = Array.from({ length: 24 }, (_, n) => `Town ${n}`);
    const long = towns.map((town) => `${town} with_a_very_long_word_in_it`);
    await choose(`Full Name,Mobile,${towns}\nAnn,206,${long}\nAnn,2065550142,${long}\n`);
    const says = page.getByRole('cell', { name: 'Phone: not a phone number' });
    await says.waitFor();
    expect(await says.getAttribute('colspan')).toBe('27');
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(1_280);
    expect(await findingsOf(page)).toEqual([]);
    await page.setViewportSize(PHONE);
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(complaints).toEqual([]);
  });

  test('that is none says what it is, and stays to be chosen again', async () => {
    await page.goto(`${served.base}/leads/import`);
    await page.getByText('Drop a CSV file here').waitFor();
    await choose('PK\u0003\u0004', 'leads.xlsx');
    await page.getByText('save the sheet as CSV').first().waitFor();
    await choose(FILE);
    await page.getByRole('button', { name: 'Import', exact: true }).waitFor();
  });

  test('that broke off is shown as such, and goes on with the same file', async () => {
    const broken = await served.send('POST', '/api/v1/leads/imports', { fileName: 'half.csv' });
    const { id } = (await broken.json()) as { id: string };
    await served.store
      .collection('lead_imports')
      .update({ _id: id }, { $set: { state: 'interrupted', failure: 'the line went dead' } });
    await page.goto(`${served.base}/leads/import`);
    await page.getByRole('button', { name: 'half.csv' }).click();
    await page.getByText('Interrupted: the line went dead').waitFor();
    await choose('Name,Phone\nZoe,3055550101\n', 'half.csv');
    await page.getByText('Done: 1 new lead').waitFor();
    expect(complaints).toEqual([]);
  });
});
