/** test/browser: calls are found, looked through second by second, and reviewed; half an hour of talk is there at once. */
import type { Request, Route } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/contract/index.ts';
import { columnsOf, heardSec, silencesOf } from '../../src/dashboard/call/sound.ts';
import { MOOD, moodOf } from '../../src/dashboard/words.ts';
import { MOOD_EDGE } from '../../src/domain/call-figures.ts';
import { conversations } from '../evals/scoring.ts';
import { LONG, REVIEWED } from './fixture-calls.ts';
import { HOSTILE } from './fixtures.ts';
import { missing, type PageToSee, PHONE, theatre } from './theatre.ts';

const PAGES: readonly PageToSee[] = [
  ['calls-reviews', '/calls?tag=coaching', 'coaching'],
  ['calls-said', '/calls?text=thursday', 'Done: '],
  ['call-analysed', `/calls/${REVIEWED}`, 'by word lists'],
  ['call-long', `/calls/${LONG}`, 'by word lists'],
];

test('a pause is where neither side is heard for two seconds, at the end too', () => {
  const bucketSec = 0.5;
  const caller = [90, 0, 0, 0, 0, 0, 90, 0, 0, 0, 0, 0];
  const agent = [0, 0, 0, 0, 0, 0, 0, 90, 4, 0, 0, 0];
  expect(silencesOf({ bucketSec, caller, agent })).toEqual([
    { from: 0.5, to: 3 },
    { from: 4, to: 6 },
  ]);
  expect(heardSec(agent, bucketSec)).toBe(0.5);
});

test('a lane drawn narrower keeps its loudest, drawn wider keeps its shape', () => {
  expect([...columnsOf([0, 255, 0, 0], 2)]).toEqual([1, 0]);
  expect([...columnsOf([0, 255], 4)]).toEqual([0, 0, 1, 1]);
});

test('a call is named by the mood under which the list finds it', () => {
  const below = MOOD_EDGE - 0.001;
  expect([MOOD_EDGE, below, -below, -MOOD_EDGE].map(moodOf)).toEqual([
    MOOD.good,
    MOOD.neutral,
    MOOD.neutral,
    MOOD.bad,
  ]);
});

describe.skipIf(missing)(`calls in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  const { visit, go, findings, shoot } = house;
  const current = () => house.page.locator('.line[data-current]');
  const place = () => house.page.getByRole('slider', { name: 'Place in the recording' });

  test('every page is drawn without errors, accessible in light and dark, and no wider than a phone', async () => {
    house.stage.calls.addLong();
    await visit('/calls', 'O’Hara', 'development');
    await house.inspect(PAGES);
    expect(await house.page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('a call of half an hour with 300 messages is there whole, and each of its seconds a click away', async () => {
    const { page, stage } = house;
    stage.calls.addLong();
    await visit('/calls', 'O’Hara');
    const drawn = page.locator('.line').nth(300);
    await page.evaluate(`history.pushState({}, '', '/calls/${LONG}')`);
    await drawn.waitFor({ state: 'attached' });
    await page.locator('.track canvas').waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).click({ trial: true });
    expect(await page.locator('.slice').count()).toBeGreaterThan(10);
    await page.locator('.line').filter({ hasText: '(250)' }).locator('button.time').click();
    await current().filter({ hasText: '(250)' }).waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('what a call by its address needs is asked for once, before the code of its page is there', async () => {
    const { page } = house;
    const asked: string[] = [];
    const note = (request: Request) => void asked.push(new URL(request.url()).pathname);
    const call = `/api/v1/calls/${REVIEWED}`;
    page.on('request', note);
    // Nothing of the app can run before this code is there, and it is not there before the questions are.
    const events = page.waitForRequest((request) => request.url().endsWith(`${call}/events`));
    const code = '**/assets/shared-*.js';
    const behind = async (route: Route) => {
      await events;
      await route.continue();
    };
    await page.route(code, behind);
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    await page.unroute(code, behind);
    page.off('request', note);
    for (const path of ['/api/v1/auth/me', call, `${call}/transcript`, `${call}/events`])
      expect([path, asked.filter((each) => each === path).length]).toEqual([path, 1]);
  });

  test('of many key moments a dozen are shown, and the others when they are asked for', async () => {
    const { page } = house;
    const address = `**/api/v1/calls/${REVIEWED}`;
    const withMany = async (route: Route) => {
      const answer = await route.fetch();
      const call = (await answer.json()) as Call;
      const moments = Array.from({ length: 30 }, (_, n) => ({
        type: 'question' as const,
        messageIndex: n,
        timestamp: n,
        userText: `Question ${n}?`,
      }));
      await route.fulfill({ response: answer, json: { ...call, keyMoments: moments } });
    };
    await page.route(address, withMany);
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    const moments = page.getByRole('region', { name: 'Key moments' }).getByRole('listitem');
    expect(await moments.count()).toBe(12);
    await page.getByRole('button', { name: 'All 30 moments' }).click();
    expect(await moments.count()).toBe(30);
    await page.unroute(address, withMany);
  });

  test('two analyses of a call are laid beside each other', async () => {
    const { page } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    await page.getByRole('button', { name: 'Compare 2 analyses' }).click();
    const row = (about: string) => page.getByRole('row', { name: about });
    await row('Key moment: objection, in message 5 Unresolved Resolved').waitFor();
    await row('Came to Call back Qualified').waitFor();
    await row('Quality 61 % 74 %').waitFor();
    await row('What they told: timeframe Nothing').waitFor();
    expect(await findings()).toEqual([]);
    await shoot('call-compare-light');
    expect(house.complaints).toEqual([]);
  });

  test('filters stand in the address, are kept as a view, and come back with it', async () => {
    const { page, stage } = house;
    await visit('/calls', 'O’Hara');
    await page.getByLabel('Review', { exact: true }).selectOption('needs_attention');
    await page.waitForURL(/review=needs_attention/);
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('menuitem', { name: 'Save these filters …' }).click();
    await page.getByLabel('Name').fill('To coach');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'To coach', exact: true }).waitFor();
    expect(stage.bodies('PUT /api/v1/views')).toEqual([
      { of: 'calls', name: 'To coach', query: { review: 'needs_attention' } },
    ]);
    const file = await page.getByRole('link', { name: 'CSV' }).getAttribute('href');
    expect(file).toBe('/api/v1/calls.csv?review=needs_attention');
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('button', { name: 'Views' }).click();
    await page.getByRole('menuitem', { name: 'To coach' }).click();
    await page.waitForURL(/review=needs_attention/);
    await page.getByRole('button', { name: 'To coach', exact: true }).click();
    await page.getByRole('button', { name: 'Remove the view To coach' }).click();
    await page.getByText('Set filters, then save them under a name.').waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('what was said is found while one types, and each place leads to its second', async () => {
    const { page, stage } = house;
    stage.calls.indexing(true);
    await visit('/calls', 'O’Hara');
    await page.keyboard.press('/');
    await page.keyboard.type('pine street');
    await page.getByText('Not everything has been looked through yet').waitFor();
    stage.calls.indexing(false);
    await page.getByText('Not everything has been looked through yet').waitFor({ state: 'hidden' });
    await page.locator('mark').filter({ hasText: 'Pine' }).first().waitFor();
    await page
      .getByRole('link', { name: /^To 0:01 of this call/ })
      .first()
      .click();
    await page.waitForURL(/\?t=1$/);
    await current().filter({ hasText: 'Hello?' }).waitFor();
    expect(await place().getAttribute('aria-valuenow')).toBe('1');
    await go('/calls?text=unheardof', 'Nobody said that');
    expect(house.complaints).toEqual([]);
  });

  test('the list and the calls are walked through by keyboard alone', async () => {
    const { page } = house;
    await visit('/calls', 'O’Hara');
    for (const key of ['j', 'j', 'k', 'j', 'Enter']) await page.keyboard.press(key);
    await page.waitForURL(/\/calls\/[0-9a-f]{24}$/);
    const second = page.url();
    await page.locator('h1').waitFor();
    await page.keyboard.press('k');
    await page.locator('.said').filter({ hasText: 'Thursday at three' }).waitFor();
    const first = page.url();
    // Three at once: two down and one up.
    for (const key of ['j', 'j', 'k']) await page.keyboard.press(key);
    await page.waitForURL(second);
    expect(first).not.toBe(second);
    expect(house.complaints).toEqual([]);
  });

  test('keys that come before the call, and on a page that one came to by its address, lead on', async () => {
    const { page } = house;
    await visit('/', 'Overview');
    const held: Route[] = [];
    await page.route(`**/api/v1/calls/${REVIEWED}`, (route) => void held.push(route));
    await page.goto(new URL(`/calls/${REVIEWED}`, page.url()).href);
    await page.locator('.page [aria-label="Loading"]').first().waitFor();
    await page.keyboard.press('j');
    for (const route of held) await route.continue();
    await page.unroute(`**/api/v1/calls/${REVIEWED}`);
    await page.waitForURL(
      (url) => /^\/calls\/[0-9a-f]{24}$/.test(url.pathname) && !url.pathname.endsWith(REVIEWED),
    );
    await page.locator('h1').waitFor();
    await page.keyboard.press('k');
    await page.waitForURL(`**/calls/${REVIEWED}`);
    expect(house.complaints).toEqual([]);
  });

  test('a moment that rests on words leads to them, by click on the axis and by arrow keys', async () => {
    const { page } = house;
    await visit(`/calls/${REVIEWED}?t=21`, 'by word lists');
    await current().filter({ hasText: 'last week' }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => place().getAttribute('aria-valuetext')).toContain('11 seconds');
    const axis = await page.locator('.track-axis').boundingBox();
    if (!axis) throw new Error('nothing to click on');
    await page.mouse.click(axis.x + axis.width * 0.8, axis.y + 60);
    await expect.poll(async () => Number(await place().getAttribute('aria-valuenow'))).toBeGreaterThan(25);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Copy link to this moment' }).waitFor();
    // One side alone, quicker, without the pauses.
    await page.getByText('Agent', { exact: true }).first().waitFor();
    await page
      .locator('label')
      .filter({ hasText: /^Caller$/ })
      .click();
    await page.locator('label').filter({ hasText: '2×' }).click();
    expect(await page.evaluate("document.querySelector('audio').playbackRate")).toBe(2);
    await page.getByRole('switch', { name: 'Skip pauses' }).click();
    await page
      .getByRole('button', { name: /^To 0:\d+, where it was said$/ })
      .first()
      .click();
    expect(house.complaints).toEqual([]);
  });

  test('a comment is pinned to the second it was begun at, written anew and removed; status and tags are kept', async () => {
    const { page, stage } = house;
    await visit(`/calls/${REVIEWED}?t=12`, 'by word lists');
    await page.keyboard.press('c');
    await page.getByLabel('Comment at 0:12').waitFor();
    await page.keyboard.type(`Said too early ${HOSTILE}`);
    await page.keyboard.press('Control+Enter');
    const comments = page.getByRole('list', { name: 'Comments' });
    await comments.getByText('Said too early').waitFor();
    expect(stage.bodies(`POST /api/v1/calls/${REVIEWED}/comments`)).toEqual([
      { text: `Said too early ${HOSTILE}`, atSec: 12 },
    ]);
    const own = comments.locator('li').filter({ hasText: 'too early' });
    await own.getByRole('button', { name: 'Edit' }).click();
    await comments.getByLabel('Comment').fill('Well timed');
    await comments.getByRole('button', { name: 'Save' }).click();
    await comments.getByText('Well timed').waitFor();
    await comments.getByText(', edited').waitFor();
    await comments
      .locator('li')
      .filter({ hasText: 'Well timed' })
      .getByRole('button', { name: 'Remove' })
      .click();
    await comments.getByText('Well timed').waitFor({ state: 'hidden' });
    await page
      .locator('label')
      .filter({ hasText: /^Reviewed$/ })
      .click();
    await page.getByRole('combobox', { name: 'Tags' }).fill('Opening');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => stage.bodies(`PUT /api/v1/calls/${REVIEWED}/review`))
      .toEqual([{ status: 'reviewed' }, { tags: ['coaching', 'price', 'Opening'] }]);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(await findings()).toEqual([]);
    expect(house.complaints).toEqual([]);
  });

  test('a line that was heard wrongly is corrected, says so, and reads again as it was heard', async () => {
    const { page, stage } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    const line = page.locator('.line').filter({ hasText: 'Hello?' });
    await line.hover();
    await line.getByRole('button', { name: /^Correct: / }).click();
    await page.getByLabel('The caller said').fill(`Hallo, who is\nthere? ${HOSTILE}`);
    expect(await findings()).toEqual([]);
    await page.getByRole('button', { name: 'Correct', exact: true }).click();
    const corrected = page.locator('.line').filter({ hasText: 'Hallo, who is there?' });
    await corrected.getByText('corrected', { exact: false }).first().waitFor();
    expect(stage.bodies(`PUT /api/v1/calls/${REVIEWED}/transcript/0`)).toEqual([
      { was: 'Hello?', text: `Hallo, who is there? ${HOSTILE}` },
    ]);
    expect(await corrected.locator('.reply[title*="Heard: “Hello?”"]').count()).toBe(1);
    await corrected.getByRole('button', { name: /^Correct: / }).press('Enter');
    await page.getByText('Heard: “Hello?”').waitFor();
    await shoot('call-corrected-light');
    await page.getByRole('button', { name: 'Show again what was heard' }).click();
    await page.locator('.line').filter({ hasText: 'Hello?' }).waitFor();
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('a test is made from a call by somebody who looked it through', async () => {
    const { page } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    await page.getByRole('button', { name: 'Make a test from this call' }).click();
    await page.getByText('The outcome was marked as wrong: say what is right.').waitFor();
    const download = page.getByRole('button', { name: 'Download the test' });
    await page.getByLabel('I read every line').check();
    expect(await download.isDisabled()).toBe(true);
    await page.getByLabel('Call back').check();
    expect(await download.isDisabled()).toBe(false);
    const said = page.getByLabel('What was said', { exact: true });
    const talk = await said.inputValue();
    await said.fill(`${talk}\nuser: One more`);
    await page.getByText('what is expected counts them').waitFor();
    expect(await download.isDisabled()).toBe(true);
    await said.fill(talk.replace(/^user: .*/, 'user: Good morning.'));
    await page.getByLabel('When', { exact: true }).selectOption('30_days');
    await page.getByLabel('in line').fill('2');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    expect(await findings()).toEqual([]);
    await shoot('call-test-light');
    const [file] = await Promise.all([page.waitForEvent('download'), download.click()]);
    expect(file.suggestedFilename()).toBe(`call-${REVIEWED}.json`);
    const [made] = conversations(await file.path());
    expect(made?.talk[0]).toBe('user: Good morning.');
    expect(made?.expected).toMatchObject({
      outcome: ['callback'],
      keyMoments: [
        { type: 'objection', messageIndex: 1 },
        { type: 'objection', messageIndex: 3 },
      ],
      extractedInfo: { timeframe: '30_days', motivationFactors: ['inherited'] },
    });
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(house.complaints).toEqual([]);
  });

  test('the longest monologue, the version that spoke and the person stand beside the talk', async () => {
    const { page } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    const header = page.locator('.call-head');
    await header.getByText('Follow-up, step 2').waitFor();
    await header.getByRole('button', { name: 'Copy hash of the script' }).waitFor();
    await header.getByRole('button', { name: 'Copy call id' }).waitFor();
    await page
      .getByRole('button', { name: /^To 0:\d\d, where the longest monologue of the agent begins$/ })
      .click();
    await current().waitFor();
    await page.getByRole('heading', { name: 'Lead', exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Consent', exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Do not call' }).waitFor();
    await page.getByRole('link', { name: 'Proof file' }).waitFor();
    await page.getByText('wants to sell').waitFor();
    expect(house.complaints).toEqual([]);
  });

  test('a claim is marked as wrong with what is right', async () => {
    const { page, stage } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    await page.getByRole('button', { name: 'Wrong: When: 60 days' }).click();
    await page.getByLabel('What is right?').fill('They said next year.');
    expect(await findings()).toEqual([]);
    await page.getByRole('button', { name: 'Mark as wrong' }).click();
    await page.getByText('Wrong: They said next year.').waitFor();
    expect(stage.seen.some((request) => request.endsWith('/wrong'))).toBe(true);
    expect(house.complaints).toEqual([]);
  });

  test('whoever may only read sees the review and cannot write it', async () => {
    const { page, stage } = house;
    stage.as('USER');
    await visit(`/calls/${REVIEWED}`, 'You can read reviews, not write them.');
    await page.getByText('Listen to this.').first().waitFor();
    expect(await page.getByRole('button', { name: 'Add comment' }).count()).toBe(0);
    expect(await page.getByRole('button', { name: /^Wrong: / }).count()).toBe(0);
    await page.setViewportSize(PHONE);
    await shoot('call-reader-phone');
    expect(house.complaints).toEqual([]);
  });
});
