/** Campaigns as people write, start and stop them, over the embedded store. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createAudience } from '../../src/app/audience.ts';
import { createCampaigns } from '../../src/app/campaigns.ts';
import type { Store } from '../../src/app/ports.ts';
import { CALL_VALUES, type Prompts, promptsOf, strategyVariables } from '../../src/app/prompts.ts';
import type { Schedule, Workflow } from '../../src/domain/campaign.ts';
import type { CampaignChange, NewCampaign } from '../../src/domain/campaign-plan.ts';
import type { Documents } from '../../src/domain/documents.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { User } from '../../src/domain/user.ts';
import { handClock } from '../support/clock.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const NOON_MS = Date.UTC(2026, 10, 18, 18, 0, 0);

let dir: string;
let store: Store;
let told: string[];
let campaigns: ReturnType<typeof createCampaigns>;
const clock = handClock(NOON_MS);
const ids = createIds(() => clock.nowMs());

beforeEach(async () => {
  dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-campaigns-'));
  store = await openLocalStore({ dir, log: quiet });
  told = [];
  campaigns = createCampaigns({ store, clock, ids, log: quiet, changed: (id) => told.push(id) });
  const now = new Date(NOON_MS);
  const template = (name: string, channel: 'sms' | 'email', retiredAt?: Date) =>
    store.collection('message_templates').insert({
      _id: ids.objectId(),
      name,
      version: 1,
      channel,
      body: 'Hello',
      createdBy: 'ada',
      createdAt: now,
      updatedAt: now,
      ...(retiredAt ? { retiredAt } : {}),
    });
  await template('day_1', 'email');
  await template('day_3', 'sms');
  await template('old', 'sms', now);
});
afterEach(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

const WORKFLOW: Workflow = {
  initialContact: {
    method: 'automated_call',
    timing: 'within_5_minutes',
    maxAttempts: 3,
    retryDelay: 3_600,
    retryDelays: { busy: 600 },
  },
  followUp: [
    { delay: 86_400, method: 'email', template: 'day_1' },
    { delay: 259_200, method: 'sms', template: 'day_3' },
    { delay: 604_800, method: 'automated_call', template: 'follow_up_call_week_1' },
  ],
};
const nine = { start: '09:00', end: '18:00' };
const SCHEDULE: Schedule = {
  startDate: new Date('2026-11-01T00:00:00Z'),
  endDate: new Date('2026-12-31T00:00:00Z'),
  callingHours: {
    timezone: 'America/Los_Angeles',
    monday: nine,
    tuesday: nine,
    wednesday: nine,
    thursday: nine,
    friday: nine,
    saturday: null,
    sunday: null,
  },
};
const whole: NewCampaign = {
  name: 'Motivated sellers',
  type: 'wholesale',
  targeting: { leadSources: ['zillow'], intent: ['seller'] },
  workflow: WORKFLOW,
  schedule: SCHEDULE,
  budget: { totalBudget: 100, costPerCall: 0.5, maxCallsPerDay: 50 },
  pacing: { callsPerSecond: 0.5, maxConcurrentCalls: 4 },
  conversationStrategy: { openingScript: 'Hi {firstName}, do you still think of selling?' },
  revenuePerDeal: 9_000,
  wholesaleShare: 0.65,
};

const failureOf = async (work: Promise<unknown>): Promise<Failure> => {
  const error = await work.then(
    () => undefined,
    (cause) => cause,
  );
  if (!(error instanceof Failure)) throw new Error(`it did not fail: ${error}`);
  return error;
};
const fieldsOf = async (work: Promise<unknown>) => Object.keys((await failureOf(work)).details.fields ?? {});

describe('what people write', () => {
  test('its team are people of the staff, and who was of it may stay when they have left', async () => {
    const ada: User = {
      _id: 'ada',
      email: 'ada@example.org',
      name: 'Ada',
      role: 'ANALYST',
      isActive: true,
      createdAt: new Date(0),
      updatedAt: new Date(0),
    } as User;
    await store.collection('admin_users').insert(ada);
    const assignedTo = [{ userId: 'ada', role: 'campaign_manager' }] as const;
    const made = await campaigns.create({ ...whole, assignedTo }, 'ada');
    expect((await campaigns.get(made._id)).assignedTo).toEqual(assignedTo);
    await store.collection('admin_users').update({ _id: 'ada' }, { $set: { isActive: false } });
    const stays = [{ userId: 'ada', role: 'closer' }] as const;
    expect((await campaigns.update(made._id, { assignedTo: stays }, 'ada')).assignedTo).toEqual(stays);
    expect(await fieldsOf(campaigns.create({ ...whole, assignedTo }, 'ada'))).toEqual([
      'assignedTo.0.userId',
    ]);
    const strange = [...stays, { userId: 'nobody', role: 'closer' }] as const;
    expect(await fieldsOf(campaigns.update(made._id, { assignedTo: strange }, 'ada'))).toEqual([
      'assignedTo.1.userId',
    ]);
    expect(await campaigns.update(made._id, { assignedTo: null }, 'ada')).not.toHaveProperty('assignedTo');
  });

  test('is kept as it was given, and null takes a part away', async () => {
    const made = await campaigns.create(whole, 'ada');
    expect(await campaigns.get(made._id)).toMatchObject({ ...whole, status: 'draft' });
    const after = await campaigns.update(
      made._id,
      {
        workflow: null,
        targeting: null,
        revenuePerDeal: null,
        wholesaleShare: null,
        budget: { maxLeadsPerDay: 5 },
      },
      'ada',
    );
    expect(after).not.toHaveProperty('workflow');
    expect(after).not.toHaveProperty('targeting');
    expect(after).not.toHaveProperty('revenuePerDeal');
    expect(after).not.toHaveProperty('wholesaleShare');
    expect(after.budget).toEqual({ maxLeadsPerDay: 5 });
    expect(after.schedule).toEqual(SCHEDULE);
    expect(told).toEqual([made._id, made._id]);
  });

  test('null takes a text, a number and hours out of how calls are made', async () => {
    const made = await campaigns.create(
      {
        ...whole,
        calling: {
          voicemailText: 'Call us.',
          transferNumber: '(212) 555-0316',
          hours: { start: '10:00', end: '16:00', days: ['mon'] },
        },
      },
      'ada',
    );
    expect(made.calling).toMatchObject({ transferNumber: '+12125550316' });
    const { calling } = await campaigns.update(
      made._id,
      { calling: { voicemailText: null, transferNumber: null, hours: null, maxCallSec: 60 } },
      'ada',
    );
    expect(Object.keys(calling).sort()).toEqual(
      ['carrierRecording', 'machinePolicy', 'maxCallSec', 'purpose', 'ringTimeoutSec', 'subject'].sort(),
    );
  });

  const bad: readonly (readonly [field: string, change: CampaignChange])[] = [
    ['schedule.endDate', { schedule: { startDate: new Date(2_000), endDate: new Date(1_000) } }],
    [
      'schedule.callingHours.timezone',
      { schedule: { callingHours: { ...hours(), timezone: 'Mars/Olympus' } } },
    ],
    [
      'schedule.callingHours.monday.end',
      { schedule: { callingHours: { ...hours(), monday: { start: '18:00', end: '09:00' } } } },
    ],
    ['schedule.callingHours', { schedule: { callingHours: { ...hours(), monday: null } } }],
    [
      'workflow.followUp.1.delay',
      {
        workflow: {
          ...WORKFLOW,
          followUp: [
            { delay: 200, method: 'automated_call' },
            { delay: 100, method: 'automated_call' },
          ],
        },
      },
    ],
    ['workflow.followUp.0.template', { workflow: { ...WORKFLOW, followUp: [{ delay: 1, method: 'sms' }] } }],
    [
      'workflow.followUp.0.template',
      { workflow: { ...WORKFLOW, followUp: [{ delay: 1, method: 'sms', template: 'nobody' }] } },
    ],
    [
      'workflow.followUp.0.template',
      { workflow: { ...WORKFLOW, followUp: [{ delay: 1, method: 'sms', template: 'day_1' }] } },
    ],
    [
      'workflow.followUp.0.template',
      { workflow: { ...WORKFLOW, followUp: [{ delay: 1, method: 'sms', template: 'old' }] } },
    ],
    [
      'workflow.nurture.content',
      {
        workflow: { ...WORKFLOW, nurture: { enabled: true, frequency: 'weekly', duration: 9, content: [] } },
      },
    ],
    [
      'workflow.initialContact.maxAttempts',
      { workflow: { ...WORKFLOW, initialContact: { ...WORKFLOW.initialContact, maxAttempts: 0 } } },
    ],
    ['budget.totalBudget', { budget: { totalBudget: 0.1, costPerCall: 0.5 } }],
    ['conversationStrategy.openingScript', { conversationStrategy: { openingScript: 'Hi {{nobody}}' } }],
    ['conversationStrategy.openingScript', { conversationStrategy: { openingScript: 'Hi {lastName}' } }],
  ];
  test.each(bad)('is refused where %s makes no sense, and nothing of it is kept', async (field, change) => {
    const made = await campaigns.create(whole, 'ada');
    const failure = await failureOf(campaigns.update(made._id, { name: 'Other', ...change }, 'ada'));
    expect(failure.code).toBe('invalid_request');
    expect(Object.keys(failure.details.fields ?? {})).toEqual([field]);
    expect(await campaigns.get(made._id)).toEqual(made);
  });

  test('names every template that is missing, not only the first', async () => {
    const followUp = [
      { delay: 1, method: 'sms', template: 'a' },
      { delay: 2, method: 'email', template: 'b' },
    ] as const;
    expect(
      await fieldsOf(campaigns.create({ ...whole, workflow: { ...WORKFLOW, followUp } }, 'ada')),
    ).toEqual(['workflow.followUp.0.template', 'workflow.followUp.1.template']);
  });
});

function hours() {
  const closed = {
    tuesday: null,
    wednesday: null,
    thursday: null,
    friday: null,
    saturday: null,
    sunday: null,
  };
  return { timezone: 'America/Denver', monday: nine, ...closed };
}

describe('starting and stopping', () => {
  test('a draft starts, pauses with its reason, goes on and is completed', async () => {
    const { _id } = await campaigns.create(whole, 'ada');
    const started = await campaigns.start(_id, 'ada');
    expect(started).toMatchObject({ status: 'active', startedAt: new Date(NOON_MS) });
    const paused = await campaigns.pause(_id, 'the script is wrong', 'bo');
    expect(paused).toMatchObject({
      status: 'paused',
      hold: { code: 'manual', says: 'the script is wrong', by: 'bo' },
    });
    const again = await campaigns.start(_id, 'ada');
    expect(again).toMatchObject({
      status: 'active',
      startedAt: started.startedAt,
      resumedAt: expect.any(Date),
    });
    expect(again).not.toHaveProperty('hold');
    expect(await campaigns.complete(_id, 'ada')).toMatchObject({ status: 'completed' });
    expect(told).toHaveLength(5);
  });

  test('the same word twice changes nothing', async () => {
    const { _id } = await campaigns.create(whole, 'ada');
    const started = await campaigns.start(_id, 'ada');
    expect(await campaigns.start(_id, 'ada')).toEqual(started);
    const paused = await campaigns.pause(_id, 'first', 'ada');
    expect(await campaigns.pause(_id, 'second', 'ada')).toEqual(paused);
  });

  test('what is over is not started, and a draft is not paused', async () => {
    const { _id } = await campaigns.create(whole, 'ada');
    expect((await failureOf(campaigns.pause(_id, undefined, 'ada'))).code).toBe('campaign_conflict');
    expect((await failureOf(campaigns.complete(_id, 'ada'))).code).toBe('campaign_conflict');
    await campaigns.start(_id, 'ada');
    await campaigns.complete(_id, 'ada');
    expect((await failureOf(campaigns.start(_id, 'ada'))).code).toBe('campaign_conflict');
  });

  test('a campaign that could do nothing is not started, and says what it lacks', async () => {
    const { workflow: _, ...without } = whole;
    const bare = await campaigns.create(without, 'ada');
    const failure = await failureOf(campaigns.start(bare._id, 'ada'));
    expect(failure.code).toBe('campaign_not_ready');
    expect(failure.details.fields).toEqual({ workflow: expect.any(String) });

    const over = await campaigns.create({ ...whole, schedule: { endDate: new Date(NOON_MS) } }, 'ada');
    expect(await fieldsOf(campaigns.start(over._id, 'ada'))).toEqual(['schedule.endDate']);

    const spent = await campaigns.create(whole, 'ada');
    const now = new Date(NOON_MS);
    await store.collection('campaign_use').insert({
      _id: spent._id,
      day: '2026-01-01',
      today: { calls: 0, leads: 0, messages: 0, spent: 0 },
      total: { calls: 0, leads: 0, messages: 0, spent: 99.8 },
      createdAt: now,
      updatedAt: now,
    });
    expect(await fieldsOf(campaigns.start(spent._id, 'ada'))).toEqual(['budget.totalBudget']);
    expect((await campaigns.get(spent._id)).status).toBe('draft');
  });

  test('a template retired since keeps a campaign from starting', async () => {
    const { _id } = await campaigns.create(whole, 'ada');
    await store
      .collection('message_templates')
      .update({ name: 'day_3' }, { $set: { retiredAt: new Date(NOON_MS) } });
    expect(await fieldsOf(campaigns.start(_id, 'ada'))).toEqual(['workflow.followUp.1.template']);
  });
});

describe('deleting', () => {
  test('takes a draft that nothing belongs to', async () => {
    const { _id } = await campaigns.create(whole, 'ada');
    await campaigns.remove(_id, 'ada');
    expect((await failureOf(campaigns.get(_id))).code).toBe('campaign_not_found');
  });

  test('is refused for what was started, and for what leads belong to', async () => {
    const started = await campaigns.create(whole, 'ada');
    await campaigns.start(started._id, 'ada');
    await campaigns.update(started._id, { status: 'draft' }, 'ada');
    expect((await failureOf(campaigns.remove(started._id, 'ada'))).code).toBe('campaign_conflict');

    const owned = await campaigns.create(whole, 'ada');
    await store.collection('leads').insert(lead(1, { campaignId: owned._id }));
    const failure = await failureOf(campaigns.remove(owned._id, 'ada'));
    expect([failure.code, failure.details]).toEqual(['campaign_conflict', { leads: 1 }]);
  });
});

const lead = (n: number, fields: object = {}): Documents['leads'] =>
  ({
    _id: n.toString(16).padStart(24, '0'),
    source: 'zillow',
    externalId: `z-${n}`,
    receivedAt: new Date(NOON_MS - n),
    contact: { firstName: 'Ana', lastName: `${n}`, phone: `+1212555${1_000 + n}` },
    intent: { type: 'seller' },
    contactAttempts: [],
    dncStatus: { onNationalRegistry: false, internalDNC: false },
    status: 'new',
    stage: 'new',
    tags: [],
    createdAt: new Date(NOON_MS),
    updatedAt: new Date(NOON_MS),
    createdBy: 'ada',
    updatedBy: 'ada',
    ...fields,
  }) as Documents['leads'];

test('the audience of a targeting is its own leads and those of nobody that fit', async () => {
  const { _id: campaignId } = await campaigns.create(whole, 'ada');
  const rows = [
    lead(1),
    lead(2, { intent: { type: 'buyer' } }),
    lead(3, { source: 'csv' }),
    lead(4, { campaignId, source: 'csv' }),
    lead(5, { campaignId: 'f'.repeat(24) }),
    lead(6, { status: 'lost' }),
    lead(7, { campaignId, status: 'converted' }),
    lead(8, { erasedAt: new Date(NOON_MS) }),
  ];
  for (const row of rows) await store.collection('leads').insert(row);
  const audience = createAudience({ store, clock });
  const targeting = { leadSources: ['zillow'], intent: ['seller' as const] };
  expect(await audience({ targeting })).toEqual({ fitting: 1, open: 5 });
  expect(await audience({ targeting, campaignId })).toEqual({ fitting: 2, open: 5 });
  expect(await audience({ campaignId })).toEqual({ fitting: 1, open: 5 });
  expect(await audience({ targeting: {} })).toEqual({ fitting: 3, open: 5 });
});

describe('the strategy of a campaign', () => {
  const prompts = { question: 'Is this a good time?', identification: 'Hi, this is the AI.' } as Prompts;

  test('puts its opening in the place of our question, and leaves what the law wants said alone', () => {
    const own = promptsOf(prompts, { openingScript: 'Hi {firstName}, still selling?' });
    expect(own).toEqual({ ...prompts, question: 'Hi {{lead_name}}, still selling?' });
    expect(CALL_VALUES).toContain('lead_name');
    expect(promptsOf(prompts, { callToAction: 'Meet us' })).toBe(prompts);
    expect(promptsOf(prompts, undefined)).toBe(prompts);
  });

  test('tells the agent its questions, answers and call to action, and "none" where it has none', () => {
    expect(
      strategyVariables({
        qualificationQuestions: ['When?', 'How much?'],
        objectionHandlers: { need_time: 'Of course.' },
        callToAction: 'A visit this week?',
      }),
    ).toEqual({
      qualification_questions: '1. When?\n2. How much?',
      objection_handlers: 'need time: Of course.',
      call_to_action: 'A visit this week?',
    });
    expect(Object.values(strategyVariables(undefined))).toEqual(['none', 'none', 'none']);
  });
});
