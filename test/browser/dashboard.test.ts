/** test/browser: the dashboard in headless Chromium, over canned answers that are valid by the contract. */
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { remedy } from '../../src/dashboard/words.ts';
import { RETRYABLE } from '../../src/domain/errors.ts';
import { DENIAL, DENIED, FINISHED, FORGOTTEN, HOSTILE, hex, INBOUND, NUMBERLESS } from './fixtures.ts';
import { missing, type PageToSee, PHONE, theatre } from './theatre.ts';

const MARA = `/leads/${hex(1)}`;
const DEVON = hex(2);
const PRIYA = hex(4);

/** Next Tuesday in New York, so that the hour there is known whenever the tests run. */
const tuesday = (hour: number): string =>
  DateTime.now()
    .setZone('America/New_York')
    .startOf('week')
    .plus({ weeks: 1, days: 1, hours: hour })
    .toUTC()
    .toISO() ?? '';

const PAGES: readonly PageToSee[] = [
  ['calls', '/calls', 'O’Hara'],
  ['call', `/calls/${FINISHED}`, 'Thursday at three'],
  ['call-denied', `/calls/${DENIED}`, 'asked on 14 November'],
  ['call-inbound', `/calls/${INBOUND}`, 'Take me off your list.'],
  ['leads', '/leads', 'Mara Lindqvist'],
  ['lead-sources-many', '/leads/sources', 'Zillow, King County'],
  ['lead', MARA, 'Can we call now?'],
  ['lead-no-number', `/leads/${NUMBERLESS}`, 'there is nobody to call'],
  ['lead-erased', `/leads/${FORGOTTEN}`, 'asked us to forget them'],
  ['may-i-call-empty', '/compliance', 'Whom would you like to call?'],
  ['may-i-call-yes', `/compliance?lead="${PRIYA}"&at=${tuesday(10)}`, 'may be called then'],
  ['may-i-call-later', `/compliance?lead="${PRIYA}"&at=${tuesday(23)}`, 'Next allowed:'],
  ['may-i-call-no', `/compliance?lead="${DEVON}"`, 'Every reason, in the order of the rules'],
  ['decisions', '/compliance/decisions', 'and 2 more'],
  ['decision', `/compliance/decisions?open="${DENIED}"`, 'Every decision about (312) 555-0111'],
  ['do-not-call', '/compliance/do-not-call', 'State list (FL)'],
  ['lists', '/compliance/lists', '249,834,120'],
  ['consents-empty', '/compliance/consents', 'Whose consent are you looking for?'],
  ['consents', `/compliance/consents?lead="${DEVON}"`, 'Take me off your list, please.'],
  ['policy', '/compliance/policy', 'Counsel cleared Texas and Washington'],
  ['retention', '/compliance/retention', '12 transcripts archived'],
  ['not-found', '/nowhere', 'There is no page at this address'],
];

test('every code of a failure has words that say what to do', () => {
  for (const code of Object.keys(RETRYABLE)) expect(remedy(code), code).toMatch(/^[A-Z].*\.$/);
});

describe.skipIf(missing)(`the dashboard in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  const { visit, go, findings, shoot } = house;

  test('every page is drawn without errors, accessible in light and dark, and no wider than a phone', async () => {
    await visit('/calls', 'O’Hara', 'development');
    await house.inspect(PAGES);
    expect(house.complaints).toEqual([]);
  });

  test('on a phone the ways around are behind the menu', async () => {
    const { page } = house;
    await page.setViewportSize(PHONE);
    await visit('/calls', 'O’Hara');
    await page.getByRole('button', { name: 'Open the menu' }).click();
    const menu = page.getByRole('dialog');
    await menu.getByRole('link', { name: 'Compliance' }).waitFor();
    expect(await findings()).toEqual([]);
    await menu.getByRole('link', { name: 'Leads' }).click();
    await page.getByRole('heading', { name: 'Leads' }).waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('the words of a stranger stay text wherever they are shown', async () => {
    const { page } = house;
    await visit('/calls', 'O’Hara');
    for (const [path, words] of [
      ['/calls', 'O’Hara'],
      ['/leads', 'O’Hara'],
      ['/leads/sources', 'Zillow, King County'],
      [`/leads/${hex(3)}`, 'Can we call now?'],
      [`/calls/${FINISHED}`, 'Thursday at three'],
    ] as const) {
      await go(path, words);
      await page.getByText(HOSTILE).filter({ visible: true }).first().waitFor();
      expect(await page.evaluate("document.querySelectorAll('img').length")).toBe(0);
    }
    await page.locator('summary').filter({ hasText: 'Schedule callback' }).click();
    await page.locator('summary').filter({ hasText: 'Timeline' }).click();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('a live call is on top of the list, grows turn by turn and ends with its recording', async () => {
    const { page, stage } = house;
    await visit('/calls', 'Calls go to a built-in carrier and agent. No real phone rings.');
    stage.ring(7);
    await page.getByText('1 live').waitFor();
    await page.locator('tbody tr').first().getByText('Mara Lindqvist').waitFor();
    await shoot('calls-live-light');

    await page.locator('tbody tr').first().getByRole('link').click();
    await page.getByText('Hello?', { exact: true }).waitFor();
    const words = page.locator('.said');
    await expect.poll(() => words.filter({ hasText: 'Great to hear' }).count()).toBe(0);
    stage.play(6);
    await words.filter({ hasText: 'Great to hear' }).waitFor();
    await page.getByText('Interrupted after 1.8 s').waitFor();
    await page.getByRole('button', { name: 'End call' }).waitFor();
    expect(await findings()).toEqual([]);
    await shoot('call-live-light');

    stage.play(100);
    await page.locator('h1 + .pill').filter({ hasText: 'Completed' }).waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
    await page.getByText('Complete', { exact: true }).waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'End call' }).count()).toBe(0);
    expect(house.complaints).toEqual([]);
  });

  test('the page says that it lost the live stream and comes back by itself', async () => {
    const { page, stage } = house;
    await visit('/calls', 'O’Hara');
    stage.liveWorks(false);
    await page.getByText('Reconnecting').waitFor();
    stage.liveWorks(true);
    stage.ring(7);
    await page.getByText('1 live').waitFor();
    await expect.poll(() => page.getByText('Reconnecting').count()).toBe(0);
  });

  test('a live call is ended only after a question', async () => {
    const { page, stage } = house;
    const id = stage.ring(12);
    await visit(`/calls/${id}`, 'Great to hear');
    await page.getByRole('button', { name: 'End call' }).click();
    expect(stage.seen).not.toContain(`POST /api/v1/calls/${id}/actions`);
    await page.getByRole('dialog').getByRole('button', { name: 'End call' }).click();
    await page.getByText('A manager ended the call').first().waitFor();
    expect(stage.seen.filter((line) => line === `POST /api/v1/calls/${id}/actions`)).toHaveLength(1);
  });

  test('calling a lead shows the verdict first, dials once and opens the call', async () => {
    const { page, stage } = house;
    await visit('/calls', 'O’Hara');
    await page.getByRole('button', { name: 'Call a lead' }).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('Mara Lindqvist').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('dial-choose-light');
    await drawer.getByRole('button', { name: /Mara Lindqvist/ }).click();
    await drawer.getByText('The gate would allow this call now').waitFor();
    await drawer.getByText('10:12 AM, Sat, Nov 21').waitFor();
    await shoot('dial-review-light');
    expect(stage.seen).not.toContain('POST /api/v1/calls');
    await drawer.getByRole('button', { name: 'Dial (206) 555-0110' }).click();
    await page.waitForURL(/\/calls\/[0-9a-f]{24}$/);
    expect(stage.seen.filter((line) => line === 'POST /api/v1/calls')).toHaveLength(1);
    expect(house.complaints).toEqual([]);
  });

  test('a lead the gate refuses cannot be dialled, and every reason is named', async () => {
    const { page } = house;
    await visit('/calls', 'O’Hara');
    await page.keyboard.press('n');
    await page.getByRole('button', { name: /Devon Okafor/ }).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('The gate would refuse this call now').waitFor();
    await drawer.getByText('The consent was taken back').waitFor();
    await drawer.getByText('Waiting will not change this.').waitFor();
    await expect.poll(() => drawer.getByRole('button', { name: /^Dial/ }).count()).toBe(0);
    await shoot('dial-refused-light');
  });

  test('a refusal at the moment of dialling is explained in plain English', async () => {
    const { page } = house;
    await house.page.emulateMedia({ colorScheme: 'dark' });
    await visit('/calls', 'O’Hara');
    await page.getByRole('button', { name: 'Call a lead' }).click();
    await page.getByRole('button', { name: /Priya Raman/ }).click();
    await page.getByRole('button', { name: /^Dial/ }).click();
    const alert = page.getByRole('dialog').getByRole('alert');
    await alert.getByText('The gate refused this call').waitFor();
    await alert.getByText(DENIAL).waitFor();
    await alert.getByText('Next allowed:').waitFor();
    await page.getByRole('link', { name: 'See the record of this attempt' }).waitFor();
    expect(await findings()).toEqual([]);
    await shoot('dial-denied-dark');
  });

  test('a new lead keeps what was typed when a field is wrong', async () => {
    const { page } = house;
    await visit('/leads', 'Mara Lindqvist');
    await page.getByRole('button', { name: 'New lead' }).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByLabel('First name').fill('Ines');
    await drawer.getByLabel('Last name').fill('Duarte');
    await drawer.getByLabel('Phone').fill('12');
    await drawer.getByLabel('There is consent on record').check();
    await drawer.getByText('Sandbox: filled in with practice values.').waitFor();
    expect(await findings()).toEqual([]);
    await drawer.getByLabel('Phone').fill('12 34');
    await drawer.getByRole('button', { name: 'Save lead' }).click();
    await drawer.getByText('must be a phone number without an extension').first().waitFor();
    await shoot('lead-new-light');
    expect(await drawer.getByLabel('First name').inputValue()).toBe('Ines');
    await drawer.getByLabel('Phone').fill('(206) 555-0177');
    await drawer.getByRole('button', { name: 'Save lead' }).click();
    await page.getByRole('heading', { name: 'Ines Duarte' }).waitFor();
  });

  test('a lead without a number cannot be called, is asked nothing about it, and can be given one', async () => {
    const { page, stage } = house;
    await visit('/calls', 'O’Hara');
    await page.getByRole('button', { name: 'Call a lead' }).click();
    const drawer = page.getByRole('dialog');
    const choice = drawer.getByRole('button', { name: /Noor Haddad/ });
    expect(await choice.textContent()).toMatch(/No number.*No number/);
    await choice.click();
    await drawer.getByText('there is nobody to call').waitFor();
    await expect.poll(() => drawer.getByRole('button', { name: /^Dial/ }).count()).toBe(0);
    await drawer.getByRole('link', { name: 'Open the lead' }).click();
    await page.getByRole('heading', { name: 'Noor Haddad' }).waitFor();
    const call = page.getByRole('button', { name: 'Call', exact: true });
    expect(await call.isDisabled()).toBe(true);
    await expect.poll(() => page.getByRole('button', { name: /Opt out|Add consent/ }).count()).toBe(0);
    expect(await page.locator('#main').textContent()).not.toContain('none:');
    await page.getByRole('button', { name: 'Edit' }).click();
    expect(await drawer.getByLabel('Phone').inputValue()).toBe('');
    await drawer.getByLabel('City').fill('Bend');
    await drawer.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('Bend, OR').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await drawer.getByLabel('Phone').fill('(503) 555-0177');
    await drawer.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('Can we call now?').waitFor();
    expect(await call.isDisabled()).toBe(false);
    expect(stage.bodies(`PATCH /api/v1/leads/${NUMBERLESS}`)[0]).not.toHaveProperty('contact.phone');
    expect(stage.seen).not.toContain('GET /api/v1/consents/proof');
    expect(house.complaints).toEqual([]);
  });

  test('who was erased on request is marked as that and offered no action', async () => {
    const { page, stage } = house;
    await visit('/leads', 'Erased person 00a1b2c3');
    const row = page.locator('tbody tr').filter({ hasText: 'Erased person' });
    expect(await row.textContent()).toMatch(/No number.*Erased/);
    await row.getByRole('link').click();
    await page.getByText('asked us to forget them').waitFor();
    await page.locator('h1 + .pill').filter({ hasText: 'Erased' }).waitFor();
    await expect
      .poll(() => page.getByRole('button', { name: /^(Call|Edit|Opt out|Add consent)$/ }).count())
      .toBe(0);
    await go(`/compliance?lead="${FORGOTTEN}"`, 'asked us to forget them');
    await expect.poll(() => page.getByRole('button', { name: 'Earlier decisions' }).count()).toBe(0);
    expect(stage.seen).not.toContain('POST /api/v1/compliance/check');
  });

  test('while the database is away every page says so and what waits, until it is back', async () => {
    const { page, stage } = house;
    await visit(MARA, 'The gate would allow this call now');
    const strip = page.locator('.strip[role=alert]').filter({ hasText: 'database' });
    await expect.poll(() => strip.count()).toBe(0);
    stage.databaseAway(true);
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await page.getByRole('button', { name: /^Dial/ }).click();
    await page.getByRole('dialog').getByText('store_unavailable').waitFor();
    await strip.getByText(/Outbound calls wait until it is back\. 3 events wait for the database/).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await findings()).toEqual([]);
    await shoot('database-away-light');
    await go('/compliance/decisions', 'This page tries again by itself.');
    stage.databaseAway(false);
    await page.getByText('Devon Okafor').waitFor();
    await strip.waitFor({ state: 'detached' });
  });

  test('while the server is away the page says so, and what could not be loaded comes when it is back', async () => {
    const { page, stage } = house;
    await visit('/leads', 'Mara Lindqvist');
    const strip = page.getByText('Parley does not answer.');
    stage.silent(true);
    await strip.waitFor();
    stage.silent(false);
    await strip.waitFor({ state: 'detached' });
    // The browser may hold the code of the next page already: a server that is away is played for that alone.
    await page.route('**/assets/may-i-call-*', (route) => route.abort());
    await page.getByRole('link', { name: 'Compliance', exact: true }).click();
    await page.getByText('This page could not be loaded').waitFor();
    await shoot('not-loaded-light');
    await page.unroute('**/assets/may-i-call-*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Whom would you like to call?').waitFor();
  });

  test('an opt-out asks how it reached us, keeps the words and shows at once', async () => {
    const { page, stage } = house;
    await visit(MARA, 'Can we call now?');
    await page.getByRole('button', { name: 'Opt out' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: 'Stop all calls' }).isDisabled()).toBe(true);
    await dialog.getByLabel('How did they tell us?').selectOption('email');
    await dialog.getByLabel('What they said or wrote').fill('Leave me alone.');
    expect(await findings()).toEqual([]);
    await shoot('opt-out-light');
    await dialog.getByRole('button', { name: 'Stop all calls' }).click();
    await page.getByText('Our own list').waitFor();
    await page.getByText('The gate would refuse this call now').waitFor();
    await page.getByText('“Leave me alone.”').waitFor();
    await page.getByRole('button', { name: 'Opt out' }).waitFor({ state: 'detached' });
    expect(stage.bodies('POST /api/v1/consents/revoke')).toEqual([
      { phone: '+12065550110', leadId: MARA.slice(-24), channel: 'email', words: 'Leave me alone.' },
    ]);
  });

  test('a consent is added to a lead that is there already, and its proof is one click away', async () => {
    const { page, stage } = house;
    await visit(`/leads/${hex(5)}`, 'No consent');
    await page.getByRole('button', { name: 'Add consent' }).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('Sandbox: filled in with practice values.').waitFor();
    await drawer.getByRole('button', { name: 'Record the consent' }).click();
    await page.locator('#consent-title').locator('xpath=../..').getByText('Consent given').waitFor();
    expect(stage.bodies('POST /api/v1/consents')).toMatchObject([
      { phone: '+17135550114', leadId: hex(5), evidence: { level: 'written' } },
    ]);
    const proof = page.getByRole('link', { name: 'Proof file' });
    expect(await proof.getAttribute('href')).toContain('format=html');
    expect(await proof.getAttribute('target')).toBe('_blank');
    expect(house.complaints).toEqual([]);
  });

  test('whoever is not signed in is told where the link is, and a pasted link lets them in', async () => {
    const { page, stage } = house;
    stage.signIn(false);
    await visit('/leads', 'With the link from the terminal');
    await page.getByText('With the link from the terminal').click();
    await page.getByText('prints a one-time sign-in link').waitFor();
    expect(await findings()).toEqual([]);
    await page.getByLabel('Sign-in link').fill(`${stage.url}/signin?token=spent`);
    await page.getByRole('button', { name: 'Use the link' }).click();
    await page.getByText('This link was used already').waitFor();
    await page.getByLabel('Sign-in link').fill(`${stage.url}/signin?token=good`);
    await page.getByRole('button', { name: 'Use the link' }).click();
    await page.getByRole('heading', { name: 'Leads' }).waitFor();
  });

  test('an opened sign-in link is spent once and leads to the overview', async () => {
    const { page, stage } = house;
    stage.signIn(false);
    await visit('/signin?token=good', 'Calls placed');
    expect(new URL(page.url()).pathname).toBe('/');
    expect(stage.seen.filter((line) => line === 'POST /api/v1/auth/link')).toHaveLength(1);
  });

  test('an empty installation says what to do', async () => {
    const { stage } = house;
    stage.clear();
    await visit('/calls', 'No calls yet');
    await shoot('calls-empty-light');
    await go('/leads', 'No leads yet');
    expect(house.complaints).toEqual([]);
  });

  test('a call that does not exist is explained with its code', async () => {
    const { page } = house;
    await visit(`/calls/${'f'.repeat(24)}`, 'call_not_found');
    await page.getByText('Go back to the list of calls').waitFor();
    await shoot('call-missing-light');
  });

  test('a click on a line plays the recording from there and marks the line', async () => {
    const { page } = house;
    await visit(`/calls/${FINISHED}`, 'Thursday at three');
    const line = page.locator('.line').filter({ hasText: 'last week' });
    await line.getByRole('button', { name: '0:17: play from here' }).click();
    await page.locator('.line[data-current]').filter({ hasText: 'last week' }).waitFor();
    const at: number = await page.evaluate("document.querySelector('audio').currentTime");
    expect(at).toBeGreaterThanOrEqual(17);
    expect(at).toBeLessThan(20);
  });

  test('filters stand in the address, and more calls are loaded on request', async () => {
    const { page } = house;
    await visit('/calls', 'Load more');
    await page.getByRole('button', { name: 'Load more' }).click();
    await page.getByText('Sip 503').waitFor();
    await page.getByLabel('Status').selectOption('denied');
    await page.waitForURL(/status=denied/);
    await page.getByText('The person is on our own do-not-call list').waitFor();
    // Its row was there among the others already: the others have to go.
    await page.getByText('Sip 503').waitFor({ state: 'hidden' });
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
  });
});
