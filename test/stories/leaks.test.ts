/** Many calls, one after the other and side by side: what they leave behind is their record, and nothing that runs. */
import { createHook } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { BRIEF } from '../support/people.ts';
import { until } from '../support/until.ts';
import { openSockets, world } from '../support/world.ts';

/** Timers that are set and keep the process alive, by where they were set; counted from `enable` on. */
const timers = new Map<number, { readonly timer: { hasRef?(): boolean }; readonly from: string }>();
const hook = createHook({
  init(id, type, _trigger, timer) {
    if (type === 'Timeout') timers.set(id, { timer, from: new Error().stack ?? '' });
  },
  destroy(id) {
    timers.delete(id);
  },
});
/** The sandbox's and the product's; a timer of the test runner, or of the waiting below, is not theirs. */
const running = () =>
  [...timers.values()].filter(
    ({ timer, from }) => timer.hasRef?.() === true && /\/src\/|test\/support\/time/.test(from),
  );

test('calls leave no socket, timer, bridge or listener behind', async () => {
  const warnings: string[] = [];
  const warned = (warning: Error) => void warnings.push(`${warning.name}: ${warning.message}`);
  process.on('warning', warned);
  hook.enable();
  const here = await world({ brief: true });
  // The house's own rounds: what is looked after from time to time, calls or none.
  const ofTheHouse = here.clock.waiting;
  // One of each kind first: what is loaded once and kept is no leak.
  await Promise.all([here.call(BRIEF), here.call('busy')]);
  const settled = () => until('timers of the calls to run out', () => here.clock.waiting <= ofTheHouse);

  const calls: string[] = [];
  for (let round = 0; round < 8; round += 1) {
    const placed = await Promise.all(
      [BRIEF, BRIEF, BRIEF, 'rejects'].map(async (caller) => here.place(await here.lead(caller))),
    );
    placed.push((await here.receive(`+121255567${round + 10}`, BRIEF)).callId);
    calls.push(...placed);
    await until('room on the lines', () => here.app.activeCalls() < 12);
  }
  const stories = await Promise.all(calls.map((callId) => here.finished(callId)));
  expect(stories).toHaveLength(40);
  for (const { call } of stories) expect(['completed', 'no_answer']).toContain(call.status);

  await settled();
  expect(here.app.activeCalls()).toBe(0);
  expect(here.app.calls.live()).toEqual([]);
  expect(here.log.filter(({ level }) => level === 'error')).toEqual([]);

  await here.close();
  await until('every socket to close', () => openSockets().length === 0, 5_000);
  await until('every timer to stop', () => running().length === 0, 5_000).catch((error: Error) => {
    throw new Error(
      `${error.message}\n${running()
        .map(({ from }) => from)
        .join('\n\n')}`,
    );
  });
  hook.disable();
  process.off('warning', warned);
  expect(warnings.filter((text) => /MaxListeners/.test(text))).toEqual([]);
});
