/** test/browser: calls are found, looked through second by second, and reviewed; half an hour of talk is there at once. */
import type { Request, Route } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/contract/index.ts';
import { type Item, messageAt } from '../../src/dashboard/call/conversation.ts';
import { marksOf } from '../../src/dashboard/call/marks.ts';
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
  ['lead-journey', '/leads/000000000000000000000003', 'On the website'],
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

test('a short word into a long sentence does not take its place; in a pause the last that was said stands', () => {
  const said = (index: number, speaker: 'agent' | 'user', timestamp: number, text: string) => ({
    kind: 'message' as const,
    key: `m${index}`,
    atSec: timestamp,
    index,
    replyMs: undefined,
    message: { speaker, text, timestamp, turn: index, interrupted: false, repaired: false },
  });
  const items = [
    said(0, 'agent', 0, 'x'.repeat(200)),
    said(1, 'user', 0.2, 'Hello?'),
    said(2, 'user', 16, 'Yes, this is she.'),
  ];
  expect([-1, 0.1, 0.5, 2, 11, 14, 16, 40].map((sec) => messageAt(items, sec)?.key)).toEqual([
    undefined,
    'm0',
    'm1',
    'm0',
    'm0',
    'm0',
    'm2',
    'm2',
  ]);
});

test('what happened in a call stands on its axis in the order of time, each by its kind', () => {
  const message = { timestamp: 0, turn: 1, interrupted: false, repaired: false };
  const items: Item[] = [
    { kind: 'note', key: 'n1', atSec: -3, text: 'Answered' },
    {
      kind: 'message',
      key: 'm0',
      atSec: 2,
      index: 0,
      replyMs: 900,
      message: { ...message, speaker: 'agent', text: 'We buy', interrupted: true, heardMs: 1_500 },
    },
    { kind: 'keypad', key: 'k1', atSec: 5, digits: '12' },
    { kind: 'tool', key: 't1', atSec: 6, name: 'look_up_price', parameters: {} },
    {
      kind: 'message',
      key: 'm1',
      atSec: 8,
      index: 1,
      replyMs: undefined,
      message: { ...message, speaker: 'system', text: 'Ada spoke with the caller for 4 s (recorded).' },
    },
    { kind: 'note', key: 'n2', atSec: 12, text: 'Transferred to (212) 555-0100' },
  ];
  const moment = { type: 'objection', messageIndex: 0, timestamp: 99, userText: 'Too low' } as const;
  const comment = { id: 'c1', by: 'u', byName: 'Ada', text: 'Hear this', atSec: 1, createdAt: '' };
  const marks = marksOf(items, { keyMoments: [moment] }, [comment]);
  expect(marks.map(({ kind, atSec, says }) => [kind, atSec, says])).toEqual([
    ['comment', 1, 'Ada: Hear this'],
    ['moment', 2, 'Objection: Too low'],
    ['interruption', 3.5, 'The agent was interrupted after 1.5 s'],
    ['keypad', 5, 'Pressed 12'],
    ['tool', 6, 'Look up price'],
    ['takeover', 8, 'Ada spoke with the caller for 4 s (recorded).'],
    ['transfer', 12, 'Transferred to (212) 555-0100'],
  ]);
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

  test('of a call in the list the campaign and the version of the agent can be seen, where somebody wants to', async () => {
    const { page } = house;
    await visit('/calls?review=needs_attention', 'Why it ended');
    expect(await page.getByRole('columnheader', { name: 'Campaign' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Choose columns' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Campaign' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Agent' }).click();
    await page.keyboard.press('Escape');
    await page
      .locator('td[data-column="campaign"]')
      .getByRole('link', { name: 'Autumn sellers' })
      .first()
      .waitFor();
    await page
      .locator('td[data-column="script"]', { hasText: /Outbound\s*[0-9a-f]{6}/ })
      .first()
      .waitFor();
    expect(await findings()).toEqual([]);
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
    await expect.poll(() => moments.count()).toBe(12);
    await page.getByRole('button', { name: 'All 30 moments' }).click();
    await expect.poll(() => moments.count()).toBe(30);
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
    // The speed has the focus still: space is the recording's all the same.
    const paused = () => page.evaluate("document.querySelector('audio').paused");
    const before = await paused();
    await page.keyboard.press('Space');
    await expect.poll(paused).toBe(!before);
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
    await expect.poll(() => corrected.locator('.reply[title*="Heard: “Hello?”"]').count()).toBe(1);
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

  test('every claim leads to where it was said, and can be called wrong: topic, mood, part of the quality, follow-up', async () => {
    const { page, stage } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    const summary = page.getByRole('region', { name: 'Summary' });
    await summary.getByText('50 % positive, 40 % neutral, 10 % negative').waitFor();
    await summary.getByText('Keywords: kitchen').waitFor();
    await page.getByText('They are').first().waitFor();
    const topic = summary.getByRole('listitem').filter({ hasText: 'Site visit' });
    await topic.getByRole('button', { name: /^To 0:\d\d, where it was said$/ }).click();
    await current().waitFor();
    const quality = page.getByRole('region', { name: 'Quality' });
    await quality.getByRole('button', { name: /^To 0:\d\d, where the agent was interrupted$/ }).waitFor();
    await quality.getByRole('button', { name: /^To 0:\d\d, where the slowest reply came$/ }).click();
    await current().filter({ hasText: 'replied in' }).waitFor();
    const follow = page.getByRole('region', { name: 'Follow-ups' });
    await follow.getByRole('button', { name: /^To 0:\d\d, where it was said$/ }).waitFor();
    for (const [what, path] of [
      ['Topic: Site visit', 'topics.site_visit'],
      ['Mood: positive, 50 % positive, 40 % neutral, 10 % negative', 'sentiment'],
      ['They are: Interested', 'disposition'],
      ['Listening: 66 %', 'qualityFactors.activeListening'],
      ['Site visit: At the house', 'followUpActions.site_visit@2'],
    ]) {
      await page.getByRole('button', { name: `Wrong: ${what}` }).click();
      await page.getByLabel('What is right?').fill(`Not ${path}`);
      await page.getByRole('button', { name: 'Mark as wrong' }).click();
      await page.getByText(`Wrong: Not ${path}`).waitFor();
    }
    expect(stage.seen.filter((request) => request.endsWith('/wrong'))).toHaveLength(5);
    expect(house.complaints).toEqual([]);
  });

  test('words are found in the call by keyboard, one place after the other', async () => {
    const { page, stage } = house;
    stage.calls.addLong();
    await visit(`/calls/${LONG}`, 'by word lists');
    await page.keyboard.press('/');
    await page.keyboard.type('KITCHEN');
    await page.getByText('1 of 60').waitFor();
    const sought = page.locator('.line[data-sought]');
    await sought.filter({ hasText: '(0)' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('2 of 60').waitFor();
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.press('Shift+Enter');
    await page.getByText('60 of 60').waitFor();
    await sought.filter({ hasText: '(295)' }).waitFor();
    const inSight = `(() => {
      const line = document.querySelector('.line[data-sought]').getBoundingClientRect();
      const box = document.querySelector('.conversation').getBoundingClientRect();
      return line.top >= box.top && line.bottom <= box.bottom;
    })()`;
    await expect.poll(() => page.evaluate(inSight)).toBe(true);
    await page.keyboard.type(' of gold');
    await page.getByText('Nobody said that').waitFor();
    expect(await findings()).toEqual([]);
    expect(house.complaints).toEqual([]);
  });

  test('what the person looked at on the website stands beside the call, a few pages first, and stays text', async () => {
    const { page } = house;
    await visit(`/calls/${REVIEWED}`, 'by word lists');
    const web = page.getByRole('region', { name: 'On the website' });
    await web.getByText('78 of 100').waitFor();
    await web.getByText('10 pages in 9:00').waitFor();
    const pages = web.getByRole('listitem');
    await expect.poll(() => pages.count()).toBe(6);
    await web.getByRole('button', { name: 'All 10 pages' }).click();
    await expect.poll(() => pages.count()).toBe(10);
    const link = web.getByRole('link', { name: 'Selling a house with a leaking roof' });
    expect([await link.getAttribute('rel'), await link.getAttribute('target')]).toEqual([
      'noopener noreferrer',
      '_blank',
    ]);
    // Somebody else's visit, which no browser made.
    await go('/leads/000000000000000000000003', 'On the website');
    await web.getByText(HOSTILE).first().waitFor();
    await expect.poll(() => web.getByRole('link').count()).toBe(0);
    await go('/leads/000000000000000000000004', 'No visit to the website came with this lead.');
    expect(await page.evaluate('window.pwned')).toBeUndefined();
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
    await expect.poll(() => page.getByRole('button', { name: 'Add comment' }).count()).toBe(0);
    await expect.poll(() => page.getByRole('button', { name: /^Wrong: / }).count()).toBe(0);
    await page.setViewportSize(PHONE);
    await shoot('call-reader-phone');
    expect(house.complaints).toEqual([]);
  });
});
