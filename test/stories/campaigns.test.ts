/** Campaigns over the whole product: a lead comes in, its phone rings, and what was said decides what comes next. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Enrollment, Workflow } from '../../src/domain/campaign.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import { BRIEF, DECLINER } from '../support/people.ts';
import { until } from '../support/until.ts';
import { type World, world } from '../support/world.ts';

const WORKFLOW: Workflow = {
  initialContact: { method: 'automated_call', timing: 'immediately', maxAttempts: 2, retryDelay: 7_200 },
  followUp: [{ delay: 86_400, method: 'automated_call' }],
};

let here: World;

beforeAll(async () => {
  here = await world({ brief: true });
  await here.app.campaigns.update(here.campaignId, { workflow: WORKFLOW }, 'story');
});
afterAll(async () => {
  await here?.close();
});

async function enrollmentOf(
  caller: string | CallerScript,
  isReached: (enrollment: Enrollment) => boolean,
): Promise<Enrollment> {
  const { _id: leadId } = await here.lead(caller);
  return await until(`the campaign to be done with ${leadId}`, async () => {
    const [found] = await here.store.collection('enrollments').find({ filter: { leadId } });
    return found && isReached(found) ? found : undefined;
  });
}

test('a lead that comes in is called by itself, and one that wants an appointment is reached', async () => {
  const enrollment = await enrollmentOf('interested-seller', ({ stage }) => stage === 'ended');
  expect(enrollment).toMatchObject({ calls: 1, ended: { why: 'reached' }, lastOutcome: 'qualified' });
  expect(enrollment.dueAt).toBeUndefined();
  const waitedMs = (enrollment.firstCalledAt?.getTime() ?? 0) - enrollment.receivedAt.getTime();
  // The time of this world runs many times faster than that of the machine that does the work.
  expect(waitedMs).toBeLessThan(60_000);
});

test('who is not interested is called no more', async () => {
  const enrollment = await enrollmentOf(DECLINER, ({ stage }) => stage === 'ended');
  expect(enrollment).toMatchObject({ calls: 1, ended: { why: 'not_interested' } });
});

test('a busy phone is tried again when the workflow says', async () => {
  const enrollment = await enrollmentOf('busy', ({ calls }) => calls === 1);
  expect(enrollment).toMatchObject({ stage: 'initial', step: 1, turn: 1, priority: 2, lastOutcome: 'busy' });
  const waitsMs = (enrollment.dueAt?.getTime() ?? 0) - (enrollment.lastAt?.getTime() ?? 0);
  expect(waitsMs / 1_000).toBeGreaterThanOrEqual(7_200);
  expect(waitsMs / 1_000).toBeLessThan(7_300);
});

test('a product that died in a call of a campaign settles it in its next life, and calls once', async () => {
  const lead = await here.lead(BRIEF);
  const enrollments = here.store.collection('enrollments');
  await until('the call to be under way', async () => {
    const [found] = await enrollments.find({ filter: { leadId: lead._id } });
    return found?.working !== undefined;
  });
  await here.die();
  await here.revive();
  const settled = await until('the call to be settled', async () => {
    const [found] = await here.store.collection('enrollments').find({ filter: { leadId: lead._id } });
    return found?.turn === 1 ? found : undefined;
  });
  expect(settled.working).toBeUndefined();
  expect(here.dialled(lead.contact.phone)).toBeLessThanOrEqual(1);
  expect(settled.calls).toBe(here.dialled(lead.contact.phone));
});
