/** test/browser: many calls are chosen and dealt with at once, with what became of each and the way back. */
import { describe, expect, test } from 'vitest';
import { CallBulk } from '../../src/contract/index.ts';
import { missing, theatre } from './theatre.ts';

describe.skipIf(missing)(`many calls in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  const { visit, findings, shoot } = house;

  test('chosen calls are tagged, what failed is named, and the rest is put back', async () => {
    const { page, stage } = house;
    await visit('/calls', 'O’Hara');
    await page.getByLabel('Choose all that are shown').check();
    const rows = await page.getByLabel(/^Choose the call with/).count();
    await page.getByText(`${rows} calls chosen`).waitFor();
    await page
      .getByLabel(/^Choose the call with/)
      .first()
      .uncheck();
    await page.getByText(`${rows - 1} calls chosen`).waitFor();
    await page.getByRole('button', { name: 'Tags …' }).click();
    await page.getByPlaceholder('Type one and press Enter').fill('kitchens');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText(/calls? tagged$/).waitFor();
    await page
      .getByRole('list', { name: 'Calls for which it failed' })
      .getByText('no such call')
      .first()
      .waitFor();
    await page.locator('tbody .tag', { hasText: 'kitchens' }).first().waitFor();
    expect(await findings()).toEqual([]);
    await shoot('calls-bulk-light');
    const sent = stage.bodies('POST /api/v1/calls/bulk').map((body) => CallBulk.parse(body));
    expect(sent.flatMap(({ callIds }) => callIds)).toHaveLength(rows - 1);
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(/put back as they were$/).waitFor();
    await expect.poll(() => page.locator('tbody .tag', { hasText: 'kitchens' }).count()).toBe(0);
    expect(house.complaints).toEqual([]);
  });

  test('all that match are chosen with their number shown first, and a file of them is offered', async () => {
    const { page } = house;
    await visit('/calls?direction=outbound&minCost=0.01', 'Calls');
    await page.getByRole('button', { name: 'Choose all that match' }).click();
    await page.getByText(/\d+ calls chosen, the newest of more$/).waitFor();
    const file = await page.getByRole('link', { name: 'CSV of these' }).getAttribute('href');
    expect(file).toMatch(/^\/api\/v1\/calls\.csv\?ids=[0-9a-f]{24}/);
    await page.getByRole('button', { name: 'Choose none' }).click();
    await page.getByText(/calls chosen/).waitFor({ state: 'detached' });
    expect(house.complaints).toEqual([]);
  });

  test('the list is narrowed by cost and by the script of the agent', async () => {
    const { page } = house;
    await visit('/calls', 'O’Hara');
    await page.getByLabel('Cost from, US dollars').fill('$0.25');
    await page.keyboard.press('Enter');
    await page.waitForURL(/minCost=%220.25%22|minCost=0.25/);
    await page.getByLabel('Agent', { exact: true }).selectOption('ab12cd34');
    await page.waitForURL(/promptHash=ab12cd34/);
    expect(house.complaints).toEqual([]);
  });
});
