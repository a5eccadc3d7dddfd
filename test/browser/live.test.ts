/**
 * test/browser: the wall of live calls, in headless Chromium before the product itself: a carrier, an agent and callers who
 * talk in real time, a microphone that beeps.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallEvent } from '../../src/domain/call.ts';
import { framesOf } from '../support/listener.ts';
import { SELLS, STAYER, WONDERS } from '../support/people.ts';
import { until } from '../support/until.ts';
import { type World, world } from '../support/world.ts';
import { builtDashboard, hasRoom, missing, PHONE, theatre } from './theatre.ts';

const PASSWORD = 'a-password-of-this-story-42';
const listens = { waitForAgent: { patienceMs: 15_000 } } as const;
/** Talks, and stays on the line as long as the story needs. */
const PATIENT = {
  ...STAYER,
  name: 'patient',
  steps: [
    listens,
    { say: SELLS },
    listens,
    { say: WONDERS },
    ...Array.from({ length: 20 }, () => [{ pauseMs: 5_000 }, { say: 'Are you still there?' }]).flat(),
    { hangUp: true as const },
  ],
};

describe.skipIf(missing)(`the live wall in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  const house = theatre();
  let here: World;
  beforeAll(async () => {
    here = await world({ scale: 1, brief: true, dashboardDir: await builtDashboard() });
  });
  afterAll(() => here.close());

  const events = (callId: string) => here.app.calls.events(callId);
  const happened = async <T extends CallEvent['type']>(callId: string, type: T) =>
    (await events(callId)).filter((event): event is Extract<CallEvent, { type: T }> => event.type === type);

  async function signIn(): Promise<void> {
    const made = await here.ask('POST', '/api/v1/users', {
      email: 'robin@parley.test',
      name: 'Robin Ellery',
      role: 'ANALYST',
    });
    const { link } = made.json<{ link: { url: string } }>();
    const token = link.url.split('#')[1] ?? '';
    const set = await here.ask(
      'POST',
      '/api/v1/auth/password-link',
      { token, password: PASSWORD },
      { authorization: '' },
    );
    expect(set.status, set.body.toString()).toBeLessThan(300);
    const headers = { origin: here.url, 'x-requested-by': 'parley' };
    const data = { email: 'robin@parley.test', password: PASSWORD };
    const login = await house.page.request.post(`${here.url}/api/v1/auth/login`, { headers, data });
    expect(login.status()).toBeLessThan(300);
  }

  test('a manager watches the words come, listens, whispers, speaks, hands back, and ends the call', async () => {
    const { page, shoot } = house;
    await signIn();
    await page.goto(`${here.url}/live`, { waitUntil: 'commit' });
    await page.getByText('Nobody is on the phone').waitFor();
    await page.getByRole('button', { name: 'Call a lead' }).waitFor();
    expect(await house.findings()).toEqual([]);
    await shoot('live-empty-light');

    const ids = await Promise.all(
      ['Mara', 'Devon', 'Priya'].map(async (firstName) =>
        here.place(await here.lead(PATIENT, { firstName })),
      ),
    );
    const [callId = ''] = ids;
    const card = page.locator(`[data-call="${callId}"]`);
    await card.getByText('Mara Story').waitFor();
    // Words are on the wall soon after they are known: what was said last, within a fraction of a second.
    await card.getByText(SELLS).waitFor();
    await until('all to talk', () =>
      page
        .getByText(SELLS)
        .count()
        .then((count) => count >= 3),
    );
    await shoot('live-wall-light');

    await card.click();
    const pane = page.getByRole('region', { name: 'Call with Mara Story' });
    await pane.locator('.said').filter({ hasText: SELLS }).waitFor();
    await page.keyboard.press('l');
    await pane.getByRole('slider', { name: 'Volume' }).waitFor();
    // Somebody is heard: the meter of the agent or the caller moves.
    await until('sound', () =>
      page.evaluate(
        "[...document.querySelectorAll('.live-voice .meter > span')].some((bar) => parseFloat(bar.style.width) > 10)",
      ),
    );
    expect(await house.findings()).toEqual([]);
    await shoot('live-listening-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.locator(':root[data-mantine-color-scheme="dark"]').waitFor();
    expect(await house.findings()).toEqual([]);
    await shoot('live-listening-dark');
    await page.emulateMedia({ colorScheme: 'light' });

    await page.keyboard.press('w');
    await page.keyboard.type('Offer a visit on Friday.');
    await page.keyboard.press('Enter');
    await pane.getByText('The agent was told.').waitFor();
    await pane.getByText('Robin Ellery whispered to the agent').waitFor();
    expect(await happened(callId, 'whispered')).toMatchObject([
      { name: 'Robin Ellery', text: 'Offer a visit on Friday.' },
    ]);

    await pane.getByRole('button', { name: 'Take over' }).click();
    await pane.getByText('You are speaking with Mara Story.').waitFor();
    await card.locator('.live-card-state').getByText('Robin Ellery').waitFor();
    const call = await here.app.calls.get(callId);
    const before = here.line(call).heard.length;
    // The microphone beeps once a second.
    await until('the beep to reach the caller', () => {
      const heard = here.line(call).heard.subarray(before);
      return heard.filter((byte) => byte !== 0xff && byte !== 0x7f).length > 1_600;
    });
    expect(framesOf(here.line(call).heard.subarray(before))).toBe(0);
    expect(await house.findings()).toEqual([]);
    await shoot('live-speaking-light');
    // Another call cannot be chosen meanwhile.
    await page.locator(`[data-call="${ids[1]}"]`).click();
    await page.getByText('Hand the call back first').waitFor();
    await page.setViewportSize(PHONE);
    await pane.getByText('You are speaking with Mara Story.').waitFor();
    await hasRoom(page, 'a call that one speaks in, on a phone');
    await shoot('live-speaking-phone');
    await page.setViewportSize({ width: 1360, height: 860 });

    await pane.getByRole('button', { name: 'Hand back' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('What was said?').fill('We agreed on Friday at ten.');
    expect(await house.findings()).toEqual([]);
    await shoot('live-hand-back-light');
    await dialog.getByRole('button', { name: 'Hand back' }).click();
    await pane.getByText('You are speaking').waitFor({ state: 'detached' });
    await pane.getByText(/Robin Ellery spoke with the caller for \d+ s/).waitFor();
    await here.heardAgain(callId, before);
    expect(await happened(callId, 'handed_back')).toMatchObject([
      { how: 'asked', note: 'We agreed on Friday at ten.' },
    ]);

    await pane.getByRole('button', { name: 'End call' }).click();
    await dialog.getByRole('button', { name: 'End call' }).click();
    await card.waitFor({ state: 'detached' });
    await page.getByText('That call is over.').waitFor();
    expect(await happened(callId, 'hangup_requested')).toMatchObject([{ by: 'manager' }]);
    expect(house.complaints).toEqual([]);
    for (const id of ids.slice(1)) await here.ask('POST', `/api/v1/calls/${id}/actions`, { action: 'end' });
  });

  test('the wall is the same in light and dark, on a wide screen and on a phone', async () => {
    const { stage, page } = house;
    const id = stage.ring(12);
    await house.visit('/live', 'Mara Lindqvist', 'development');
    await house.inspect([
      ['live', '/live', 'Mara Lindqvist'],
      ['live-call', `/live?call="${id}"`, 'Whisper to the agent'],
    ]);
    expect(house.complaints).toEqual([]);
    stage.as('USER');
    await house.visit(`/live?call="${id}"`, 'You can listen, but not act on this call.');
    await expect.poll(() => page.getByRole('button', { name: 'Take over' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Listen' }).waitFor();
  });
});
