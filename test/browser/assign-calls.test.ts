/** test/browser: calls are given to people to review, one by one and many at once, and each finds what waits for them. */
import { describe, expect, test } from 'vitest';
import { CallBulk, CallBulkUndo } from '../../src/contract/index.ts';
import { ADA, BEN, LEFT, ME, REVIEWED } from './fixture-calls.ts';
import { FINISHED } from './fixtures.ts';
import { missing, PHONE, theatre } from './theatre.ts';

describe.skipIf(missing)(
  `calls given to people in a browser${missing ? ` (left out: ${missing})` : ''}`,
  () => {
    const house = theatre();
    const { visit, go, findings, shoot } = house;
    const reviewer = () => house.page.getByRole('combobox', { name: 'Reviewer' });
    const puts = () => house.stage.bodies(`PUT /api/v1/calls/${REVIEWED}/review`);

    test('a call is taken in one click, given to somebody by the keyboard, and to nobody', async () => {
      const { page } = house;
      await visit(`/calls/${REVIEWED}`, 'Given by');
      expect(await reviewer().inputValue()).toBe(ADA.name);
      await page.getByRole('button', { name: 'Assign to me' }).click();
      await expect.poll(() => reviewer().inputValue()).toBe(ME.name);
      await expect.poll(() => page.getByRole('button', { name: 'Assign to me' }).count()).toBe(0);
      await reviewer().focus();
      await page.keyboard.type('Ben');
      await page.keyboard.press('ArrowDown');
      await shoot('call-reviewer-choice-light');
      await page.keyboard.press('Enter');
      await expect.poll(() => reviewer().inputValue()).toBe(BEN.name);
      await page.getByText('Given by Robin Ellery').waitFor();
      expect(await findings()).toEqual([]);
      await shoot('call-reviewer-light');
      await reviewer().click();
      await page.getByRole('option', { name: 'Nobody', exact: true }).click();
      await page.getByText('Given by').waitFor({ state: 'detached' });
      expect(puts()).toEqual([{ assignedTo: ME.id }, { assignedTo: BEN.id }, { assignedTo: null }]);
      expect(house.complaints).toEqual([]);
    });

    test('a call of somebody who left says so, and somebody else takes it', async () => {
      const { page, stage } = house;
      await visit(`/calls/${FINISHED}`, 'Given by');
      await expect.poll(() => reviewer().inputValue()).toBe(`${LEFT.name}, no longer`);
      await page.getByRole('button', { name: 'Assign to me' }).click();
      await expect.poll(() => reviewer().inputValue()).toBe(ME.name);
      expect(stage.bodies(`PUT /api/v1/calls/${FINISHED}/review`)).toEqual([{ assignedTo: ME.id }]);
      await go('/', 'Overview');
      const hint = page.getByRole('link', { name: '1 call waits for your review' });
      await hint.waitFor();
      expect(await findings()).toEqual([]);
      await shoot('overview-to-review-light');
      await page.setViewportSize(PHONE);
      await shoot('overview-to-review-phone');
      await hint.click();
      await page.waitForURL(/assignedTo=me&review=unreviewed|review=unreviewed&assignedTo=me/);
      await page.locator('.cards > li').getByText(ME.name).waitFor();
      await expect.poll(() => page.locator('.cards > li').count()).toBe(1);
      await shoot('calls-to-review-phone');
      expect(house.complaints).toEqual([]);
    });

    test('where nothing waits for me the overview says nothing of it', async () => {
      const { page } = house;
      await visit('/', 'Overview');
      await page.getByText(/^Counted/).waitFor();
      await page.waitForLoadState('networkidle');
      expect(house.stage.seen).toContain('GET /api/v1/calls/to-review');
      await expect.poll(() => page.getByText(/for your review/).count()).toBe(0);
    });

    test('the list is narrowed to whose calls they are, kept so as a view, and many are given and put back', async () => {
      const { page, stage } = house;
      const filter = page.getByLabel('Reviewer', { exact: true });
      await visit('/calls', 'O’Hara');
      await shoot('calls-reviewer-light');
      await filter.selectOption({ label: ADA.name });
      await page.waitForURL(new RegExp(`assignedTo=.*${ADA.id}`));
      await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
      await page.locator('td[data-column="review"]', { hasText: ADA.name }).waitFor();
      await filter.selectOption({ label: `${LEFT.name}, no longer` });
      await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
      await filter.selectOption({ label: 'No reviewer' });
      await page.waitForURL(/assignedTo=none/);
      await expect
        .poll(() => page.locator('td[data-column="review"]', { hasText: '–' }).count())
        .toBeGreaterThan(1);
      await page
        .getByLabel(/^Choose the call with/)
        .nth(1)
        .check();
      await page
        .getByLabel(/^Choose the call with/)
        .nth(2)
        .check();
      await page.getByRole('button', { name: 'Assign', exact: true }).click();
      await page.getByRole('menuitem', { name: ADA.name }).waitFor();
      await shoot('calls-assign-menu-light');
      await page.getByRole('menuitem', { name: 'Me', exact: true }).click();
      await page.getByText(/2 calls given to you to review$/).waitFor();
      const sent = stage.bodies('POST /api/v1/calls/bulk').map((body) => CallBulk.parse(body));
      expect(sent.map(({ deed }) => deed)).toEqual([{ what: 'assign', assignedTo: ME.id }]);
      await filter.selectOption({ label: 'Mine to review' });
      await page.waitForURL(/assignedTo=me/);
      await expect.poll(() => page.locator('tbody tr').count()).toBe(2);
      await page.getByRole('button', { name: 'Choose columns' }).click();
      await page.getByRole('menuitemcheckbox', { name: 'Reviewer' }).click();
      await page.locator('td[data-column="reviewer"]', { hasText: ME.name }).first().waitFor();
      await page.getByRole('menuitemcheckbox', { name: 'Reviewer' }).click();
      await page.keyboard.press('Escape');
      expect(await findings()).toEqual([]);
      await shoot('calls-mine-light');
      expect(await page.getByRole('link', { name: 'CSV', exact: true }).getAttribute('href')).toBe(
        '/api/v1/calls.csv?assignedTo=me',
      );
      await page.getByRole('button', { name: 'Views' }).click();
      await page.getByRole('menuitem', { name: 'Save these filters …' }).click();
      await page.getByLabel('Name').fill('Mine');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Mine', exact: true }).waitFor();
      expect(stage.bodies('PUT /api/v1/views')).toEqual([
        { of: 'calls', name: 'Mine', query: { assignedTo: 'me' } },
      ]);
      await page.getByRole('button', { name: 'Undo' }).click();
      await page.getByText(/put back as they were$/).waitFor();
      await page.getByText('No call matches these filters').waitFor();
      const undone = stage.bodies('POST /api/v1/calls/bulk/undo').map((body) => CallBulkUndo.parse(body));
      expect(undone.flatMap(({ reviews }) => reviews.map(({ assignedTo }) => assignedTo))).toEqual([
        null,
        null,
      ]);
      expect(house.complaints).toEqual([]);
    });

    test('whoever may only read sees whose call it is', async () => {
      const { page, stage } = house;
      stage.as('USER');
      await visit(`/calls/${REVIEWED}`, 'You can read reviews, not write them.');
      await page.getByText(`To be reviewed by ${ADA.name}.`).waitFor();
      await expect.poll(() => reviewer().count()).toBe(0);
      await go('/calls', 'O’Hara');
      const names = await page.getByLabel('Reviewer', { exact: true }).locator('option').allTextContents();
      expect(names).not.toContain('Mine to review');
      expect(house.complaints).toEqual([]);
    });
  },
);
