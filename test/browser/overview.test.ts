/** test/browser: the first page tells how it goes, against before, and each figure leads to the list that it counts. */
import { describe, expect, test } from 'vitest';
import { daysOf, questionOf } from '../../src/dashboard/overview/range.ts';
import { missing, type PageToSee, theatre } from './theatre.ts';

const PAGES: readonly PageToSee[] = [
  ['overview', '/?range=week', 'Day by day'],
  ['settings', '/settings', 'Save the rates'],
];

test('the days of a choice, and as many before them, are those of the reader', () => {
  const noon = new Date(2026, 10, 3, 12).getTime();
  expect(daysOf({}, noon)).toEqual({ from: '2026-11-03', to: '2026-11-03' });
  expect(daysOf({ range: 'week' }, noon)).toEqual({ from: '2026-10-28', to: '2026-11-03' });
  expect(daysOf({ range: 'own', from: '2026-11-01', to: '2026-10-01' }, noon).from).toBe('2026-10-01');
  expect(questionOf({ from: '2026-11-02', to: '2026-11-03' })).toMatchObject({
    from: new Date(2026, 10, 2).toISOString(),
    to: new Date(2026, 10, 4).toISOString(),
    before: new Date(2026, 9, 31).toISOString(),
  });
});

describe.skipIf(missing)(`the overview in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  const { visit, shoot, findings } = house;
  const tile = (name: string) => house.page.locator('.tile').filter({ hasText: name });

  test('it is drawn without errors, accessible in light and dark, and no wider than a phone', async () => {
    await visit('/?range=week', 'Day by day', 'development');
    await house.page.locator('.recharts-bar-rectangle').first().waitFor();
    await house.inspect(PAGES);
    expect(house.complaints).toEqual([]);
  });

  test('a figure says what it was before, and leads to what it counts', async () => {
    const { page } = house;
    await visit('/?range=month', 'Day by day');
    await tile('Calls placed').getByText('before').waitFor();
    await tile('Qualified').getByRole('link').click();
    await page.waitForURL(/\/calls\?outcome=qualified&from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d/);
    await page.goBack();
    await page.getByRole('link', { name: /positive$/ }).click();
    await page.waitForURL(/mood=good/);
    // The page that is being left has a choice of that name too.
    expect(await page.getByRole('combobox', { name: 'Mood' }).inputValue()).toBe('good');
    await page.goBack();
    await tile('Opt-outs').getByRole('link').click();
    await page.waitForURL(/do-not-call\?scope=internal&from=/);
    expect(house.complaints).toEqual([]);
  });

  test('what is drawn can be chosen, and read as a table', async () => {
    const { page } = house;
    await visit('/?range=month', 'Day by day');
    for (const measure of ['Connected', 'Mood', 'Cost']) {
      await page.getByRole('radiogroup', { name: 'What is drawn' }).getByText(measure).click();
      await page.locator('.recharts-surface').waitFor();
      await shoot(`overview-${measure.toLowerCase()}-light`);
    }
    await page.getByText('As a table').click();
    expect(await page.locator('.chart-rows tbody tr').count()).toBeGreaterThan(28);
    expect(await findings()).toEqual([]);
    expect(house.complaints).toEqual([]);
  });

  test('days of one’s own stand in the address', async () => {
    const { page, stage } = house;
    await visit('/', 'Hour by hour');
    await page.getByText('Own', { exact: true }).click();
    await page.getByLabel('From day').fill('2026-11-02');
    await page.getByLabel('To day').fill('2026-11-08');
    await page.waitForURL(/range=own&from=2026-11-02&to=2026-11-08/);
    await page.getByText('Day by day').waitFor();
    expect(stage.seen).toContain('GET /api/v1/analytics/overview');
    expect(house.complaints).toEqual([]);
  });

  test('while past days are being counted it says so, and looks again by itself', async () => {
    house.stage.overview.counting(1);
    await visit('/', 'Past days are being counted');
    await house.page.getByText('Counted just now').waitFor();
  });

  test('where nothing happened the sandbox can be filled with a sample campaign', async () => {
    const { page, stage } = house;
    stage.clear();
    await visit('/', 'Nothing happened today or yesterday');
    await shoot('overview-empty-light');
    await page.getByRole('button', { name: 'Fill it with a sample campaign' }).click();
    await page.getByText('The first calls begin in a moment').waitFor();
    expect(stage.seen).toContain('POST /api/v1/demo');
    expect(house.complaints).toEqual([]);
  });

  test('a rate is changed by an administrator, and by nobody else', async () => {
    const { page, stage } = house;
    await visit('/settings', 'Save the rates');
    await page.getByLabel('A part of a text message').fill('0.01');
    await page.getByRole('button', { name: 'Save the rates' }).click();
    await page.getByText('The rates are saved').waitFor();
    expect(stage.bodies('PATCH /api/v1/settings/rates')).toEqual([{ smsSegment: 0.01 }]);
    stage.as('ANALYST');
    await visit('/settings', 'The rates cannot be changed here.');
    expect(await page.getByLabel('A part of a text message').isDisabled()).toBe(true);
    expect(house.complaints).toEqual([]);
  });
});
