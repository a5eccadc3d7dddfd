/** test/browser: the screens of the gate in headless Chromium, over answers that are valid by the contract. */
import { readFile } from 'node:fs/promises';
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { DENIED, FINISHED, HOSTILE, hex } from './fixtures.ts';
import { missing, theatre } from './theatre.ts';

const MARA = hex(1);
const OHARA = hex(3);

describe.skipIf(missing)(`the gate in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  const { visit, go, findings, shoot } = house;

  test('by keyboard alone: find the person, read the hours in both clocks, ask about another one', async () => {
    const { page } = house;
    await visit('/compliance', 'Whom would you like to call?');
    await page.keyboard.press('/');
    await page.keyboard.type('priy');
    await page.getByRole('option', { name: /Priya Raman/ }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/lead=/);
    const stretches = page.locator('.week-open');
    await stretches.first().waitFor();
    // The text beside each day says the same as the strip.
    const days = page.getByRole('list', { name: 'When the gate would allow, on the clock of New York' });
    await expect.poll(() => days.getByRole('listitem').count()).toBe(7);
    expect(await days.getByRole('listitem').last().textContent()).toContain('8:00 AM to 9:00 PM');
    await stretches.last().focus();
    const reading = page.locator('.week-reading');
    await reading.getByText('in New York').waitFor();
    expect(await reading.textContent()).toMatch(/8:00 AM E[SD]T to 9:00 PM/);
    expect(await reading.textContent()).toMatch(/5:00 AM P[SD]T to 6:00 PM on your clock/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Yes, Priya Raman may be called then' }).waitFor();
    expect(new URL(page.url()).searchParams.get('at')).toMatch(/Z$/);
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await page.getByText(/may be called now|No, not now/).waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('a number that belongs to no lead is asked about as it is typed', async () => {
    const { page, stage } = house;
    await visit('/compliance', 'Whom would you like to call?');
    await page.getByLabel('Whom?').fill('(212) 555-0199');
    await page.keyboard.press('Enter');
    await page.getByText('There is no consent on record').waitFor();
    await page.getByText('Record the consent the person gave, with its evidence.').waitFor();
    await page.getByText('At no time.').waitFor();
    await expect.poll(() => page.locator('.week-open').count()).toBe(0);
    await page.getByLabel('In which campaign?').selectOption('Autumn sellers');
    await page.waitForURL(/campaign=/);
    await expect
      .poll(() => stage.bodies('POST /api/v1/compliance/windows').at(-1))
      .toEqual({
        phone: '(212) 555-0199',
        campaignId: hex(0xca_a1),
      });
    await page.getByRole('button', { name: 'Choose somebody else' }).click();
    await page.getByText('Whom would you like to call?').waitFor();
  });

  test('the drawn stretches stand where the hours are, and now is marked', async () => {
    const { page } = house;
    await visit(`/compliance?lead="${MARA}"`, 'The next 7 days');
    const track = await page.locator('.week-track').last().boundingBox();
    const open = await page.locator('.week-open').last().boundingBox();
    const share = (x: number) => ((x - (track?.x ?? 0)) / (track?.width ?? 1)) * 24;
    expect(share(open?.x ?? 0)).toBeCloseTo(8, 0);
    expect(share((open?.x ?? 0) + (open?.width ?? 0))).toBeCloseTo(20, 0);
    await expect.poll(() => page.locator('[data-today] .week-now').count()).toBe(1);
  });

  test('decisions are narrowed by the address, open beside the list and lead to the call', async () => {
    const { page } = house;
    await visit('/compliance/decisions', 'Devon Okafor');
    const rows = page.locator('tbody tr');
    const all = await rows.count();
    await page.getByLabel('Verdict').selectOption('deny');
    await page.waitForURL(/verdict=deny/);
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByLabel('Reason').selectOption('consent_revoked');
    await page.waitForURL(/reason=consent_revoked/);
    await page.getByRole('button', { name: 'Show all' }).click();
    await expect.poll(() => rows.count()).toBe(all);
    await page.getByLabel('Number').fill('(503) 555-0112');
    await expect.poll(() => rows.count()).toBe(1);
    await page.getByText('Autumn sellers').last().waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByLabel('To day').fill('2020-01-01');
    await page.getByText('No decision matches these filters').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();

    await page.getByRole('link', { name: /Devon Okafor/ }).click();
    await page.waitForURL(/open=/);
    const drawer = page.getByRole('dialog');
    await drawer.getByText('The gate refused this call').waitFor();
    await drawer.getByRole('link', { name: 'Open the call' }).click();
    await page.waitForURL(new RegExp(`/calls/${DENIED}`));
    await page.getByRole('link', { name: 'Every decision about this number' }).click();
    await page.waitForURL(/decisions\?phone=/);
    await expect.poll(() => rows.count()).toBe(1);
    expect(house.complaints).toEqual([]);
  });

  test('call records of some days are handed out as a file', async () => {
    const { page, stage } = house;
    await visit('/compliance/decisions', 'Devon Okafor');
    await page.getByRole('button', { name: 'Export call records' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('To, included').fill('2020-01-01');
    await dialog.getByText('The last day must not be before the first.').waitFor();
    expect(await dialog.getByRole('button', { name: 'Download' }).isDisabled()).toBe(true);
    await dialog.getByLabel('To, included').fill(DateTime.now().toISODate());
    expect(await findings()).toEqual([]);
    await shoot('export-light');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('link', { name: 'Download' }).click(),
    ]);
    const text = await readFile(await download.path(), 'utf8');
    expect(text.split('\r\n')[0]).toContain('callId,telemarketer,seller');
    expect(text).toContain(FINISHED);
    expect(stage.seen).toContain('GET /api/v1/compliance/records');
  });

  test('a number is listed by hand, found again and released only with a reason', async () => {
    const { page, stage } = house;
    await visit('/compliance/do-not-call', 'State list (FL)');
    await page.getByRole('button', { name: 'Add a number' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Number').fill('12 34');
    await dialog.getByLabel('Reason').fill('Wrote a letter.');
    await dialog.getByLabel('On which list?').selectOption('state');
    await dialog.getByLabel('Which state?').selectOption('TX');
    await dialog.getByRole('button', { name: 'Add to the list' }).click();
    await dialog.getByText('must be a phone number without an extension').first().waitFor();
    expect(await findings()).toEqual([]);
    await dialog.getByLabel('Number').fill('(713) 555-0188');
    await dialog.getByRole('button', { name: 'Add to the list' }).click();
    await page.getByText('State list (TX)').waitFor();
    await page.getByLabel('List', { exact: true }).selectOption('internal');
    await page.waitForURL(/scope=internal/);
    await page.getByText('State list (TX)').waitFor({ state: 'hidden' });

    await page.getByRole('button', { name: 'Release (312) 555-0111' }).click();
    await dialog.getByText('This person asked us to stop').waitFor();
    const release = dialog.getByRole('button', { name: 'Release', exact: true });
    expect(await release.isDisabled()).toBe(true);
    await dialog.getByLabel('Reason').fill('Called on Monday and asked for calls again.');
    await shoot('release-light');
    await release.click();
    await page.getByRole('button', { name: 'Release (312) 555-0111' }).waitFor({ state: 'hidden' });
    expect(stage.bodies('POST /api/v1/dnc/%2B13125550111/release')).toEqual([
      { scope: 'internal', reason: 'Called on Monday and asked for calls again.' },
    ]);
    expect(house.complaints).toEqual([]);
  });

  test('a list is dropped in, its progress is seen from other pages too, and faulty lines are named', async () => {
    const { page, stage } = house;
    await visit('/compliance/lists', '249,834,120');
    stage.gate.hold();
    await page.getByRole('button', { name: 'Import Do-not-call list of Texas' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: 'Import', exact: true }).isDisabled()).toBe(true);
    await page.evaluate(`(() => {
      const lines = Array.from({ length: 5000 }, (_, n) => String(7130000000 + n));
      lines[6] = 'name;phone';
      const files = new DataTransfer();
      files.items.add(new File([lines.join('\\n')], 'texas.csv', { type: 'text/csv' }));
      document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true }));
    })()`);
    await dialog.getByText('texas.csv').waitFor();
    await dialog.getByLabel('Date of the list').fill('2999-01-01');
    await dialog.getByText('This day is still to come.').waitFor();
    await dialog.getByLabel('Date of the list').fill(DateTime.now().minus({ days: 2 }).toISODate());
    expect(await findings()).toEqual([]);
    await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    const card = page.locator('.list-card').filter({ hasText: 'Texas' });
    await card.getByText(/lines taken/).waitFor();
    await shoot('import-light');
    await go('/leads', 'Mara Lindqvist');
    stage.gate.goOn();
    await go('/compliance/lists', '249,834,120');
    await card.getByText('The list is current').waitFor();
    await card.getByText('5,000 lines: 4,999 added').waitFor();
    await card.getByText('1 line was not taken').click();
    await card.getByText('is no number: "name;phone"').waitFor();
    await card.getByText('Fresh').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('import-done-light');
    await card.getByRole('button', { name: 'Close this report' }).click();
    expect(house.complaints).toEqual([]);
  });

  test('an import that broke off goes on with the same file; another one is discarded', async () => {
    const { page, stage } = house;
    await visit('/compliance/lists', '249,834,120');
    stage.gate.cut();
    const file = {
      name: 'national.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from(Array.from({ length: 90 }, (_, n) => `212,555${1000 + n}`).join('\n')),
    };
    await page.getByRole('button', { name: 'Import National registry' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('File', { exact: true }).setInputFiles(file);
    await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    const card = page.locator('.list-card').filter({ hasText: 'National registry' });
    await card.getByText('The connection broke while the file was being sent.').waitFor();
    const row = page.locator('tbody tr').filter({ hasText: '89 lines taken' });
    await row.getByRole('button', { name: 'Go on' }).click();
    await dialog.getByText('Its first 89 lines are on disk already').waitFor();
    await shoot('import-go-on-light');
    await dialog.getByLabel('File', { exact: true }).setInputFiles(file);
    await dialog.getByRole('button', { name: 'Go on' }).click();
    await card.getByText('90 lines: 90 added').waitFor();

    const florida = page.locator('tbody tr').filter({ hasText: 'Florida' });
    await florida.getByRole('button', { name: 'Discard' }).click();
    await dialog.getByRole('button', { name: 'Discard' }).click();
    await florida.getByText('Discarded').waitFor();
  });

  test('a file that is no list changes nothing and says why', async () => {
    const { page } = house;
    await visit('/compliance/lists', '249,834,120');
    await page.getByRole('button', { name: 'Import Litigators' }).click();
    const dialog = page.getByRole('dialog');
    const buffer = Buffer.from('name;phone\nAnn;unknown\n');
    await dialog
      .getByLabel('File', { exact: true })
      .setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer });
    await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    const card = page.locator('.list-card').filter({ hasText: 'Litigators' });
    await card.getByText('The list was not replaced').waitFor();
    await card.getByText('Too many lines are no numbers').waitFor();
    expect(await card.textContent()).toContain('61,204');
  });

  test('old lists are announced on every page, and what blocks calls more loudly', async () => {
    const { page, stage } = house;
    stage.gate.age();
    await visit('/leads', 'Mara Lindqvist');
    await page.getByRole('alert').getByText('Do-not-call list of Florida (too old)').waitFor();
    await page.getByText(/our copy grows old and blocks calls from/).waitFor();
    expect(await findings()).toEqual([]);
    await shoot('lists-old-light');
    await page.getByRole('link', { name: 'Import it' }).click();
    await page.getByText('Blocks calls since').waitFor();
  });

  test('a person’s consents are read with their evidence, proved, checked and taken back', async () => {
    const { page, stage } = house;
    await visit('/compliance/consents', 'Whose consent');
    await page.getByLabel('Whose?').fill('(503) 555-0112');
    await page.keyboard.press('Enter');
    await page.getByText('Consent given').waitFor();
    await page.getByText('Evidence and hash').click();
    await page.getByText('Number 1 of this phone').waitFor();
    // A stranger's page address that would run is shown, not linked.
    await expect.poll(() => page.getByRole('link', { name: /javascript:/ }).count()).toBe(0);
    await page.getByText(HOSTILE).first().waitFor();
    expect(await findings()).toEqual([]);
    await shoot('consents-evidence-light');

    const proof = page.getByRole('link', { name: 'Proof file' });
    const [printed] = await Promise.all([page.waitForEvent('popup'), proof.click()]);
    await printed.getByRole('heading', { name: /Proof of consent/ }).waitFor();
    await printed.close();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'JSON' }).click(),
    ]);
    expect(JSON.parse(await readFile(await download.path(), 'utf8'))).toMatchObject({
      phone: '+15035550112',
    });

    await page.getByRole('button', { name: 'Check this number' }).click();
    await page.getByText('Nothing was changed').waitFor();
    stage.gate.tamper('+13125550111');
    await page.getByRole('button', { name: 'Check all numbers' }).click();
    await page.getByText('The record was changed').waitFor();
    await page.getByText(/Entry 2 of \(312\) 555-0111/).waitFor();
    await shoot('consents-broken-light');

    await page.getByRole('button', { name: 'Take consent back' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How did they tell us?').selectOption('sms');
    await dialog.getByLabel('What they said or wrote').fill('STOP');
    await dialog.getByRole('button', { name: 'Stop all calls' }).click();
    await page.getByText('Consent taken back').first().waitFor();
    await page.getByText('Text message: “STOP”').waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('a consent with its evidence is recorded for any number, and a wrong field keeps what was typed', async () => {
    const { page, stage } = house;
    await visit('/compliance/consents?phone="(212) 555-0199"', 'Nothing is on record');
    await page.getByRole('button', { name: 'Record a consent' }).click();
    const drawer = page.getByRole('dialog');
    await drawer.getByLabel('Signature').fill('click');
    await drawer.getByLabel('Copy of what was signed').fill('https://example.com/scan.pdf');
    await drawer.getByLabel('IP address').fill('somewhere');
    await drawer.getByText('More evidence').click();
    await drawer.getByLabel('The box to tick').selectOption('empty');
    expect(await findings()).toEqual([]);
    await shoot('record-consent-light');
    await drawer.getByRole('button', { name: 'Record the consent' }).click();
    await drawer.getByRole('alert').waitFor();
    expect(await drawer.getByLabel('Signature').inputValue()).toBe('click');
    await drawer.getByLabel('IP address').fill('203.0.113.9');
    await drawer.getByRole('button', { name: 'Record the consent' }).click();
    await page.getByText('Automated calls with an artificial voice (written, marketing)').waitFor();
    expect(stage.bodies('POST /api/v1/consents').at(-1)).toMatchObject({
      phone: '(212) 555-0199',
      ipAddress: '203.0.113.9',
      evidence: { signature: 'click', checkboxPreTicked: false, conditionOfPurchaseDisclaimed: true },
    });
  });

  test('the switch that stops every call asks why, and every page says so while it is on', async () => {
    const { page } = house;
    await visit('/compliance/policy', 'Stop all outbound calls');
    await page.getByRole('button', { name: 'Stop all calls' }).click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.getByRole('button', { name: 'Stop all calls' }).isDisabled()).toBe(true);
    await dialog.getByLabel('Reason').fill('A complaint is being looked into.');
    expect(await findings()).toEqual([]);
    await shoot('kill-switch-light');
    await dialog.getByRole('button', { name: 'Stop all calls' }).click();
    const banner = page.locator('.strip[role=alert]');
    await banner.getByText('All outbound calls are stopped.').waitFor();
    await go(`/leads/${MARA}`, 'The gate would refuse this call now');
    await banner.getByText('A complaint is being looked into.').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('stopped-light');
    await banner.getByRole('link', { name: 'Policy' }).click();
    await page.getByRole('button', { name: 'Let calls go on' }).click();
    await dialog.getByLabel('Reason').fill('Settled.');
    await dialog.getByRole('button', { name: 'Let calls go on' }).click();
    await banner.waitFor({ state: 'detached' });
    await page.getByText('Stop all outbound calls: on → off').waitFor();
  });

  test('states and limits are changed by keyboard, looked over with their difference and saved with a reason', async () => {
    const { page, stage } = house;
    await visit('/compliance/policy', 'Not cleared (6)');
    await page.getByRole('button', { name: /^AK,/ }).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.getByText('Not cleared (5)').waitFor();
    await page.getByText('names no exception for consent').waitFor();
    await page.getByText(/^Emergency freeze \(/).click();
    await page.getByRole('button', { name: /^TX, Texas: open/ }).click();
    await page.getByRole('switch', { name: 'No call without the state list' }).press('Space');
    await page.getByRole('textbox', { name: 'Tries on one day' }).fill('1');
    await page.getByText('4 settings are changed, not saved.').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('policy-changed-light');

    page.once('dialog', (question) => question.dismiss());
    await page.getByRole('navigation', { name: 'Compliance' }).getByRole('link', { name: 'Lists' }).click();
    expect(new URL(page.url()).pathname).toBe('/compliance/policy');

    await page.getByRole('button', { name: 'Look over and save' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('removed WY').waitFor();
    await dialog.getByText('added TX').waitFor();
    await dialog.getByText('off → on').waitFor();
    await dialog.getByText('2 → 1').waitFor();
    await dialog.getByLabel('Reason').fill('Storm in Texas; Wyoming is cleared.');
    await shoot('policy-save-light');
    await dialog.getByRole('button', { name: 'Save' }).click();
    // The same words stand in the dialog until it is saved.
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Storm in Texas; Wyoming is cleared.').waitFor();
    expect(stage.bodies('PATCH /api/v1/compliance/policy')).toEqual([
      {
        reason: 'Storm in Texas; Wyoming is cleared.',
        blockedStates: ['MS', 'MT', 'NM', 'NV', 'UT'],
        emergencyStates: ['LA', 'TX'],
        requireStateLists: true,
        maxPerDay: 1,
      },
    ]);
    await page.getByText('not saved').waitFor({ state: 'detached' });
    expect(house.complaints).toEqual([]);
  });

  test('a person is erased only after the report of what goes and what stays was read', async () => {
    const { page, stage } = house;
    await visit(`/leads/${OHARA}`, 'They want to be forgotten');
    await page.getByRole('link', { name: 'Erase this person …' }).click();
    const drawer = page.getByRole('dialog');
    expect(await drawer.getByLabel('Number').inputValue()).toBe('(503) 555-0112');
    const look = drawer.getByRole('button', { name: 'See what would happen' });
    expect(await look.isDisabled()).toBe(true);
    await drawer.getByLabel('Who asked, how and when').fill('Letter, identity checked.');
    await look.click();
    await drawer.getByText('Would be removed').waitFor();
    await drawer.getByText('The number itself stays on our do-not-call list').waitFor();
    await drawer.getByText('conv_01sandbox').waitFor();
    const erase = drawer.getByRole('button', { name: 'Erase for good' });
    expect(await erase.isDisabled()).toBe(true);
    expect(await findings()).toEqual([]);
    await shoot('erase-light');
    // Another number is another person: what was read before is no answer to it.
    await drawer.getByLabel('I have read what is removed').check();
    await drawer.getByLabel('Number').fill('503 555 0112');
    await look.click();
    expect(await erase.isDisabled()).toBe(true);
    await drawer.getByLabel('I have read what is removed').check();
    await erase.click();
    await drawer.getByText('What told who this person was is removed').waitFor();
    await drawer.getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('now called “Erased person 00009e50”').waitFor();
    expect(stage.bodies('POST /api/v1/erasures').map((body) => (body as { dryRun: boolean }).dryRun)).toEqual(
      [true, true, false],
    );
    expect(new URL(page.url()).search).toBe('');
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('the daily run tells what it did and would do, and recordings are kept as long as somebody decides', async () => {
    const { page, stage } = house;
    await visit('/compliance/retention', 'Last done 8 hours ago');
    await page.getByText('12 transcripts archived, 1 recording removed').first().waitFor();
    await page.getByRole('button', { name: 'What would it do now?' }).click();
    await page.getByText('12 transcripts would be archived, 1 recording would be removed').waitFor();
    // To look is no run.
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.getByRole('button', { name: 'Run it now' }).click();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(2);
    await page.getByRole('button', { name: 'Change' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Days after the call').fill('90');
    const save = dialog.getByRole('button', { name: 'Save' });
    expect(await save.isDisabled()).toBe(true);
    await dialog.getByLabel('Reason').fill('Less is enough.');
    expect(await findings()).toEqual([]);
    await save.click();
    await page.getByText('Recordings are removed 90 days after the call.').waitFor();
    await page.getByText('400 days → 90 days').waitFor();
    expect(stage.bodies('PATCH /api/v1/retention')).toEqual([
      { recordingsDays: 90, reason: 'Less is enough.' },
    ]);
    expect(house.complaints).toEqual([]);
  });

  test('who may only look is told so, and is offered nothing that would be refused', async () => {
    const { page, stage } = house;
    stage.as('USER');
    await visit('/compliance/policy', 'can be read, not changed, here');
    await expect.poll(() => page.getByRole('button', { name: 'Stop all calls' }).count()).toBe(0);
    expect(await page.getByRole('switch').first().isDisabled()).toBe(true);
    expect(await findings()).toEqual([]);
    await go('/compliance/lists', 'Lists cannot be imported here');
    await expect.poll(() => page.getByRole('button', { name: /^Import/ }).count()).toBe(0);
    await go(`/compliance/consents?lead="${OHARA}"`, 'The proof file holds personal data');
    await expect.poll(() => page.getByRole('link', { name: 'Proof file' }).count()).toBe(0);
    await go('/compliance/do-not-call', 'A number cannot be released here');
    await go('/compliance/decisions', 'Devon Okafor');
    await page.getByRole('button', { name: 'Export call records' }).click();
    await page.getByText('Call records hold people').waitFor();
    expect(await page.getByRole('button', { name: 'Download' }).isDisabled()).toBe(true);
    await go('/compliance/retention', 'who asked to be forgotten, is not shown here');
    expect(stage.seen).not.toContain('GET /api/v1/erasures');
    // Whoever hears "stop" may record it.
    await go(`/leads/${MARA}`, 'Can we call now?');
    await page.getByRole('button', { name: 'Opt out' }).waitFor();
  });

  test('a question that cannot be answered says what is wrong and can be asked again', async () => {
    const { page } = house;
    await visit(`/compliance?lead="${'f'.repeat(24)}"`, 'lead_not_found');
    await go('/compliance/decisions?phone=12345', 'must be a phone number without an extension');
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByText('Devon Okafor').waitFor();
    await page.keyboard.press('6');
    await page.waitForURL(/compliance\/policy/);
  });
});
