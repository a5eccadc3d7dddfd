/** test/browser: campaigns from the first line of their plan to what came of them, over canned answers that are valid by the contract. */
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { ADA } from './fixture-calls.ts';
import { DRAFT, FAILING } from './fixture-campaigns.ts';
import { CAMPAIGN } from './fixture-gate.ts';
import { DENIAL, hex } from './fixtures.ts';
import { missing, type PageToSee, theatre } from './theatre.ts';

const MARA = `/leads/${hex(1)}`;
const DEVON = `/leads/${hex(2)}`;
const PRIYA = hex(4);

const PAGES: readonly PageToSee[] = [
  ['campaigns', '/campaigns', 'Summer listings'],
  ['campaign-new', '/campaigns/new', 'open leads fit'],
  ['campaign-edit', `/campaigns/${CAMPAIGN}/edit`, 'open leads fit'],
  ['campaign-draft', `/campaigns/${DRAFT}`, 'No forecast yet'],
  ['campaign-now', `/campaigns/${CAMPAIGN}`, 'Due, but not taken, and why'],
  ['campaign-held', `/campaigns/${FAILING}`, 'the carrier refused the caller number'],
  ['campaign-people', `/campaigns/${CAMPAIGN}/people`, 'Priya Raman'],
  ['campaign-performance', `/campaigns/${CAMPAIGN}/performance`, 'The way to a deal'],
  ['templates', '/templates', 'follow_up_day_3'],
  ['lead-messages', MARA, 'Yes, call me on Thursday.'],
];

describe.skipIf(missing)(`campaigns in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  const { visit, go, findings, shoot } = house;
  const dialog = (page: Page) => page.getByRole('dialog');

  test('every page is drawn without errors, accessible in light and dark, and no wider than a phone', async () => {
    await visit('/campaigns', 'Summer listings', 'development');
    await house.inspect(PAGES);
    expect(await house.page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('without a campaign the page tells how to begin', async () => {
    const { page, stage } = house;
    stage.clear();
    await visit('/campaigns', 'No campaigns yet');
    await shoot('campaigns-empty-light');
    await go('/templates', 'No templates yet');
    await go('/campaigns', 'No campaigns yet');
    await page.getByRole('link', { name: 'New campaign' }).first().click();
    await page.getByRole('heading', { name: 'New campaign' }).waitFor();
    // Messages whose template is not there are no part of what a new one begins with.
    await page.getByText('After 7 days: call').waitFor();
    await expect.poll(() => page.getByText('follow_up_day_1').count()).toBe(0);
    await page.getByText('No nurture afterwards').waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('a campaign is written, counted while one writes, and created as a draft', async () => {
    const { page, stage } = house;
    await visit('/campaigns/new', 'open leads fit');
    await page.getByRole('textbox', { name: 'Name' }).fill('Spring sellers');
    const before = await page.locator('.audience strong').textContent();
    await page.getByRole('combobox', { name: 'Cities' }).fill('Tacoma');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.audience strong').textContent()).not.toBe(before);
    expect(stage.bodies('POST /api/v1/campaigns/audience').at(-1)).toEqual({
      targeting: { intent: ['seller'], geography: { cities: ['Tacoma'] } },
    });
    await page.getByRole('combobox', { name: 'Who closes its deals' }).focus();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('option', { name: ADA.name }).click();
    await page.getByRole('textbox', { name: 'Pays of the worth' }).fill('65');
    await page.getByRole('button', { name: 'Create campaign' }).click();
    await page.getByRole('heading', { name: 'Spring sellers' }).waitFor();
    await page.getByText(`Deals closed by ${ADA.name}`).waitFor();
    await page.getByText('No forecast yet').waitFor();
    expect(stage.bodies('POST /api/v1/campaigns')[0]).toMatchObject({
      name: 'Spring sellers',
      type: 'wholesale',
      targeting: { intent: ['seller'], geography: { cities: ['Tacoma'] } },
      workflow: {
        initialContact: { timing: 'within_5_minutes', maxAttempts: 3, retryDelay: 3_600 },
        followUp: [
          { delay: 86_400, method: 'email', template: 'follow_up_day_1' },
          { delay: 259_200, method: 'sms', template: 'follow_up_day_3' },
          { delay: 604_800, method: 'automated_call' },
        ],
        nurture: { enabled: true, frequency: 'weekly', duration: 90 },
      },
      schedule: { callingHours: { saturday: { start: '10:00', end: '14:00' }, sunday: null } },
      budget: { costPerCall: 0.5, maxCallsPerDay: 50, maxLeadsPerDay: 100 },
      wholesaleShare: 0.65,
      assignedTo: [{ userId: ADA.id, role: 'closer' }],
    });
    expect(house.complaints).toEqual([]);
  });

  test('the steps are added, changed, moved and removed by keyboard alone', async () => {
    const { page, stage } = house;
    await visit(`/campaigns/${CAMPAIGN}/edit`, 'open leads fit');
    const titles = () => page.locator('[data-movable] strong').allTextContents();
    const press = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).focus();
      await page.keyboard.press('Enter');
    };
    await press('Move step 2 up');
    expect(await titles()).toEqual([
      'After 1 day: text follow_up_day_3',
      'After 3 days: e-mail follow_up_day_1',
      'After 7 days: call',
    ]);
    expect(await page.evaluate('document.activeElement?.ariaLabel')).toBe('Move step 1 up');
    await press('Remove step 3');
    expect(await page.evaluate('document.activeElement?.ariaLabel')).toBe('Change step 2');
    await press('Add text');
    expect(await titles()).toContain('After 4 days: text');
    await page.getByText('Choose a template.').waitFor();
    await page.keyboard.type('6');
    await page.getByLabel('Template').selectOption('success_stories');
    expect(await titles()).toEqual([
      'After 1 day: text follow_up_day_3',
      'After 3 days: e-mail follow_up_day_1',
      expect.stringContaining('text success_stories'),
    ]);
    expect(await findings()).toEqual([]);
    await shoot('campaign-steps-light');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('It goes on as it is written now.').waitFor();
    const [patch] = stage.bodies(`PATCH /api/v1/campaigns/${CAMPAIGN}`) as {
      workflow: { followUp: unknown[] };
    }[];
    expect(patch?.workflow.followUp).toHaveLength(3);
    expect(patch?.workflow.followUp[0]).toEqual({
      delay: 86_400,
      method: 'sms',
      template: 'follow_up_day_3',
    });
    expect(house.complaints).toEqual([]);
  });

  test('what the server finds wrong stands at its field, and nothing that was typed is lost', async () => {
    const { page } = house;
    await visit(`/campaigns/${DRAFT}/edit`, 'open leads fit');
    await page.getByLabel('What it is for').fill('Investors who asked twice');
    await page.getByRole('button', { name: 'Add text', exact: true }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Not saved: look at the fields in red.').waitFor();
    const wrong = page.locator('[aria-invalid="true"]');
    await wrong.first().waitFor();
    expect(await page.evaluate('document.activeElement?.ariaInvalid')).toBe('true');
    expect(await page.getByLabel('What it is for').inputValue()).toBe('Investors who asked twice');
    expect(await findings()).toEqual([]);
  });

  test('leaving what is not saved asks first', async () => {
    const { page } = house;
    await visit(`/campaigns/${CAMPAIGN}/edit`, 'open leads fit');
    await page.getByLabel('What it is for').fill('Other words');
    const asked: string[] = [];
    const refuse = (question: { message(): string; dismiss(): Promise<void> }) => {
      asked.push(question.message());
      question.dismiss().catch(() => undefined);
    };
    page.on('dialog', refuse);
    await page.getByRole('link', { name: 'Leads', exact: true }).click();
    await expect.poll(() => asked).toEqual(['Leave without saving what you wrote?']);
    expect(await page.getByLabel('What it is for').inputValue()).toBe('Other words');
    page.off('dialog', refuse);
    page.once('dialog', (question) => question.accept());
    await page.getByRole('link', { name: 'Leads', exact: true }).click();
    await page.getByRole('heading', { name: 'Leads' }).waitFor();
  });

  test('the forecast is made, names every reason with its leads, and the start repeats its sentence', async () => {
    const { page, stage } = house;
    await visit(`/campaigns/${DRAFT}`, 'No forecast yet');
    await page.getByRole('button', { name: 'Make a forecast' }).click();
    await page.getByText('The gate was asked about 420 of 1,000 leads').waitFor();
    const sentence = page.getByText('812 of 1,000 can be called;');
    await sentence.waitFor();
    const reason = page.locator('summary').filter({ hasText: 'national do-not-call list' });
    expect(await reason.textContent()).toContain('121');
    await reason.click();
    await page.getByRole('link', { name: 'Devon Okafor' }).waitFor();
    await page.locator('summary').filter({ hasText: 'As a table' }).click();
    await page.getByRole('columnheader', { name: 'Reached' }).waitFor();
    expect(await findings()).toEqual([]);
    await shoot('campaign-forecast-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator(':root[data-mantine-color-scheme="dark"]').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('campaign-forecast-dark');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await dialog(page).getByText('812 of 1,000 can be called;').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('campaign-start-dark');
    expect(stage.seen).not.toContain(`POST /api/v1/campaigns/${DRAFT}/start`);
    await dialog(page).getByRole('button', { name: 'Start calling' }).click();
    await page.locator('h1 + .pill').filter({ hasText: 'Running' }).waitFor();
    await page.getByText('Calls: 2 are going on').waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('the running view follows what happens, shows live calls, and leads from a reason to its leads', async () => {
    const { page, stage } = house;
    await visit(`/campaigns/${CAMPAIGN}`, 'Calls: 2 are going on');
    await page.getByText('31 of 50').waitFor();
    stage.campaigns.tick();
    stage.ring(5);
    await page.locator('.call-lines').getByRole('link', { name: 'Mara Lindqvist' }).waitFor();
    await page.getByText('32 of 50').waitFor();
    stage.campaigns.night();
    await page.getByText('Waits for its hours until Mon 9:00 am.').waitFor();
    await page.getByText('Outside its hours. Goes on').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('campaign-night-light');
    await page.getByRole('link', { name: /9 There is no consent on record/ }).click();
    await page.waitForURL(/people\?waiting=consent_missing/);
    await page.getByText('Tom Becker').waitFor();
    await page.getByText('Priya Raman').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByText('Priya Raman').waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('what cannot be read is not asked for as fast as it fails', async () => {
    const { page, stage } = house;
    stage.campaigns.breakPerformance();
    await visit(`/campaigns/${CAMPAIGN}/performance`, 'The database cannot be reached');
    // The answers that say that all is there come behind each failure.
    await page.waitForTimeout(1_500);
    const asked = stage.seen.filter((line) => line.endsWith('/performance')).length;
    expect(asked).toBeLessThanOrEqual(3);
  });

  test('a campaign is paused with a reason, goes on, and is ended only after a question', async () => {
    const { page, stage } = house;
    await visit(`/campaigns/${CAMPAIGN}`, 'Calls: 2 are going on');
    await page.getByRole('button', { name: 'Pause' }).click();
    await dialog(page).getByLabel('Reason').fill('Waiting for the new script.');
    expect(await findings()).toEqual([]);
    await dialog(page).getByRole('button', { name: 'Pause' }).click();
    await page.getByText('Waiting for the new script.').waitFor();
    await page.getByRole('button', { name: 'Go on' }).click();
    await dialog(page).getByText('There is no forecast').waitFor();
    await dialog(page).getByRole('button', { name: 'Go on' }).click();
    await page.getByText('Waiting for the new script.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'End', exact: true }).click();
    expect(await page.evaluate('document.activeElement?.textContent')).toBe('Keep it');
    await dialog(page).getByRole('button', { name: 'End the campaign' }).click();
    await page.locator('h1 + .pill').filter({ hasText: 'Over' }).waitFor();
    expect(stage.bodies(`POST /api/v1/campaigns/${CAMPAIGN}/pause`)).toEqual([
      { reason: 'Waiting for the new script.' },
    ]);
  });

  test('a draft is deleted after a question, and gone from the list', async () => {
    const { page } = house;
    await visit(`/campaigns/${DRAFT}`, 'No forecast yet');
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog(page).getByRole('button', { name: 'Delete the draft' }).click();
    await page.getByText('Summer listings').waitFor();
    await expect.poll(() => page.getByText('Winter investors').count()).toBe(0);
    expect(house.complaints).toEqual([]);
  });

  test('who may only look is offered nothing to change', async () => {
    const { page, stage } = house;
    stage.as('USER');
    await visit(`/campaigns/${CAMPAIGN}`, 'Calls: 2 are going on');
    await expect.poll(() => page.getByRole('button', { name: /Pause|Edit|End/ }).count()).toBe(0);
    await go(`/campaigns/${DRAFT}`, 'No forecast yet');
    await page.getByRole('button', { name: 'Make a forecast' }).waitFor();
    await expect.poll(() => page.getByRole('button', { name: /Start|Edit|Delete/ }).count()).toBe(0);
    await go('/templates?open=follow_up_day_3', 'Reply STOP to stop.');
    await expect.poll(() => dialog(page).getByRole('button', { name: /Save/ }).count()).toBe(0);
  });

  test('a template shows what a person gets while one writes, and what is wrong before anybody saves', async () => {
    const { page, stage } = house;
    await visit('/templates', 'follow_up_day_3');
    await page.getByRole('link', { name: /follow_up_day_3/ }).click();
    const drawer = dialog(page);
    await drawer.getByText('Sent in 1 part.').first().waitFor();
    await drawer.getByText('Version 1,').waitFor();
    const text = drawer.getByLabel('Text', { exact: false }).first();
    await text.fill('Hello {{nick_name}}');
    await drawer.getByText('{{nick_name}} is not known').waitFor();
    await text.fill('Hello ');
    await drawer.getByRole('button', { name: 'First name' }).click();
    expect(await text.inputValue()).toBe('Hello {{first_name}}');
    await drawer.getByText('Parley Homes: Hello Maria Reply STOP to stop.').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('template-light');
    await drawer.getByRole('button', { name: 'Save as a new version' }).click();
    await page.getByText('Version 3 is in use').waitFor();
    expect(stage.bodies('POST /api/v1/message-templates')).toEqual([
      { name: 'follow_up_day_3', channel: 'sms', body: 'Hello {{first_name}}' },
    ]);
    await page.getByRole('link', { name: /follow_up_day_1/ }).click();
    await drawer.getByRole('button', { name: 'Use it no more' }).click();
    await dialog(page).last().getByRole('button', { name: 'Use it no more' }).click();
    await page.getByText('Campaigns use it. Take it out of their steps first.').waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('a text is written from a lead, refused by the gate in plain English, and shown when it was sent', async () => {
    const { page, stage } = house;
    await visit(MARA, 'Yes, call me on Thursday.');
    await page.getByRole('button', { name: 'Write' }).click();
    const drawer = dialog(page);
    await drawer.getByLabel('What').selectOption('success_stories');
    await drawer.getByText('two neighbours sold').waitFor();
    await drawer.getByLabel('What').selectOption('');
    await drawer.getByRole('textbox', { name: 'Text' }).fill('See you on Thursday.');
    expect(await findings()).toEqual([]);
    await shoot('write-light');
    stage.campaigns.denyNext();
    await drawer.getByRole('button', { name: 'Send' }).click();
    await drawer.getByRole('alert').getByText(DENIAL).waitFor();
    await drawer.getByRole('button', { name: 'Send' }).click();
    await page.locator('.message-text').filter({ hasText: 'See you on Thursday.' }).waitFor();
    expect(stage.bodies('POST /api/v1/messages')).toHaveLength(2);
    expect(house.complaints).toEqual([]);
  });

  test('whoever asked us to stop cannot be called or written to, and the page says why', async () => {
    const { page } = house;
    await visit(DEVON, 'The gate would refuse this call now');
    const call = page.getByRole('button', { name: 'Call', exact: true });
    expect(await call.isDisabled()).toBe(true);
    expect(await call.getAttribute('aria-describedby')).toBe('never-dialled');
    await page.getByText('on our own do-not-call list, so nobody calls or writes').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Write' }).count()).toBe(0);
  });

  test('a deal that was closed is told on the lead, with what it brought', async () => {
    const { page, stage } = house;
    await visit(MARA, 'How far it is');
    await page.getByRole('button', { name: 'Change' }).click();
    await dialog(page).getByLabel('Stage').selectOption('closed');
    await dialog(page).getByLabel('What the deal brought').fill('31,500');
    expect(await findings()).toEqual([]);
    await shoot('how-far-light');
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await page.getByText('$31,500').waitFor();
    await page.locator('h1 + .pill').filter({ hasText: 'Converted' }).waitFor();
    expect(stage.bodies(`PATCH /api/v1${MARA}`)).toEqual([
      { stage: 'closed', status: 'converted', dealValue: 31_500 },
    ]);
  });

  test('leads are narrowed to a campaign, and a lead says how it stands there', async () => {
    const { page } = house;
    await visit('/leads', 'Noor Haddad');
    await page.getByLabel('Campaign').selectOption(CAMPAIGN);
    await page.getByText('Noor Haddad').waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: /Priya Raman/ }).click();
    await page.getByText('Text follow_up_day_3', { exact: false }).waitFor();
    await page.getByRole('link', { name: 'Autumn sellers' }).click();
    await page.getByText('Calls: 2 are going on').waitFor();
  });

  test('a campaign begins anew with a lead that it is done with, unless the lead stands against it', async () => {
    const { page, stage } = house;
    stage.campaigns.exhaust(PRIYA);
    await visit(`/leads/${PRIYA}`, 'Begin anew');
    const panel = page.locator('section').filter({ has: page.getByRole('heading', { name: 'Campaign' }) });
    await panel.getByText('All steps done').waitFor();
    await shoot('lead-ended-light');
    await page.getByRole('button', { name: 'Begin anew' }).click();
    await panel.getByText('Text follow_up_day_3', { exact: false }).waitFor();
    await page.getByText('as soon as hours and limits allow').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Begin anew' }).count()).toBe(0);
    expect(stage.seen.filter((line) => line.endsWith(`/leads/${PRIYA}/reopen`))).toHaveLength(1);
    await go(DEVON, 'An administrator can release the number.');
    await expect.poll(() => page.getByRole('button', { name: 'Begin anew' }).count()).toBe(0);
    expect(house.complaints).toEqual([]);
  });

  test('a lead says how well it fits and why, and what its house is worth by the sales around it', async () => {
    const { page, stage } = house;
    await visit(MARA, 'How well it fits');
    await page.getByText('44 of 100').waitFor();
    await page.getByRole('list', { name: 'What counted' }).getByText('equity not known').waitFor();
    await page.getByText('$409,000').waitFor();
    await page.getByText('Reckoned from 1 sale around it').click();
    await page.getByText('counts 100 %').waitFor();
    expect(await findings()).toEqual([]);
    expect(stage.seen.filter((line) => line.includes('/properties/'))).toHaveLength(1);
    expect(house.complaints).toEqual([]);
  });

  test('a lead names the other leads that are the same person, and how else they are reached', async () => {
    const { page } = house;
    await visit(MARA, 'The same person');
    const others = page.getByRole('list', { name: 'Other leads of this person' });
    await expect.poll(() => others.getByRole('listitem').count()).toBe(1);
    await page.getByText('Also at').waitFor();
    expect(await findings()).toEqual([]);
    await others.getByRole('link', { name: /^Aurelia/ }).click();
    await page.getByRole('heading', { level: 1, name: /^Aurelia/ }).waitFor();
    await page
      .getByRole('list', { name: 'Other leads of this person' })
      .getByRole('link', { name: /^Mara/ })
      .waitFor();
    await visit(DEVON, 'How far it is');
    await expect.poll(() => page.getByText('The same person').count()).toBe(0);
    expect(house.complaints).toEqual([]);
  });

  test('a page that is opened by its address looks as one that is come to by links', async () => {
    const { page } = house;
    await visit('/campaigns', 'Summer listings');
    const link = page.locator('.campaign-card .row-link').first();
    const [name, type] = await Promise.all([
      link.locator('strong').boundingBox(),
      link.locator('.muted').boundingBox(),
    ]);
    expect(type?.y).toBeGreaterThan(name?.y ?? Number.POSITIVE_INFINITY);
  });
});
