/** test/browser: a campaign as the editor holds it goes out as it came in; and the marks of a chart are easy to read. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Campaign, CampaignCreate, CampaignPatch } from '../../src/contract/index.ts';
import {
  blankDraft,
  createOf,
  draftOf,
  movedStep,
  patchOf,
  targetingOf,
} from '../../src/dashboard/campaign/draft.ts';
import { tellFirst, tellRetries, tellStep } from '../../src/dashboard/campaign/words.ts';
import { formatDelay } from '../../src/dashboard/format.ts';

const ALL = new Set(['follow_up_day_1', 'follow_up_day_3', 'market_updates', 'success_stories', 'tips']);

const whole = (): Campaign => ({
  id: 'a'.repeat(24),
  name: 'Autumn sellers',
  description: 'Who asked for an estimate.',
  type: 'rental',
  status: 'active',
  targeting: { intent: ['seller'], qualification: { minScore: 0.7 }, geography: { states: ['WA'] } },
  calling: {
    purpose: 'marketing',
    subject: 'Selling a house',
    machinePolicy: 'leave_message',
    voicemailText: 'We will call again.',
    ringTimeoutSec: 25,
    maxCallSec: 600,
    transferNumber: '+12065550123',
    hours: { start: '10:00', end: '19:00', days: ['mon', 'tue'] },
    carrierRecording: true,
  },
  workflow: {
    initialContact: {
      method: 'automated_call',
      timing: 'within_1_hour',
      maxAttempts: 4,
      retryDelay: 5_400,
      retryDelays: { busy: 600 },
    },
    followUp: [
      { delay: 86_400, method: 'sms', template: 'follow_up_day_3' },
      { delay: 172_800, method: 'automated_call' },
    ],
    nurture: { enabled: true, frequency: 'monthly', duration: 60, content: ['tips'] },
  },
  schedule: {
    startDate: new Date(2026, 9, 1).toISOString(),
    endDate: new Date(2027, 0, 1).toISOString(),
    callingHours: {
      timezone: 'America/Chicago',
      monday: { start: '08:30', end: '12:00' },
      tuesday: null,
      wednesday: null,
      thursday: null,
      friday: null,
      saturday: null,
      sunday: null,
    },
  },
  budget: { totalBudget: 900, maxCallsPerDay: 40 },
  pacing: { callsPerSecond: 0.5 },
  conversationStrategy: {
    openingScript: 'Hi {{lead_name}}',
    qualificationQuestions: ['When?'],
    objectionHandlers: { need_time: 'Of course.' },
  },
  revenuePerDeal: 12_000,
  wholesaleShare: 0.65,
  assignedTo: [
    { userId: 'ada', role: 'campaign_manager' },
    { userId: 'ben', role: 'closer' },
  ],
  createdAt: '2026-10-01T00:00:00Z',
  updatedAt: '2026-10-01T00:00:00Z',
});

describe('what the editor holds of a campaign', () => {
  test('goes out as it came in when nothing was changed', () => {
    const { id: _id, status: _status, createdAt: _made, updatedAt: _changed, ...parts } = whole();
    const patch = patchOf(draftOf(whole(), ALL));
    expect(CampaignPatch.parse(patch)).toEqual(parts);
  });

  test('removes what was emptied, and sends nothing empty', () => {
    const draft = draftOf(whole(), ALL);
    const patch = patchOf({
      ...draft,
      description: ' ',
      finds: false,
      works: false,
      timed: false,
      startDate: '',
      endDate: '',
      totalBudget: undefined,
      maxCallsPerDay: undefined,
      callsPerSecond: undefined,
      revenuePerDeal: undefined,
      wholesaleShare: undefined,
      managers: [],
      closers: [],
      calling: {
        ...draft.calling,
        voicemailText: '',
        transferNumber: '',
        hours: null,
        machinePolicy: 'talk',
      },
      strategy: { voiceId: '', openingScript: ' ', questions: [' '], objections: [], callToAction: '' },
    });
    expect(CampaignPatch.parse(patch)).toMatchObject({
      description: null,
      targeting: null,
      workflow: null,
      schedule: null,
      budget: null,
      pacing: null,
      conversationStrategy: null,
      revenuePerDeal: null,
      wholesaleShare: null,
      assignedTo: null,
      calling: { voicemailText: null, transferNumber: null, hours: null },
    });
  });

  test('begins with a sequence that the API takes, and with no message whose template is not there', () => {
    const made = CampaignCreate.parse(createOf({ ...blankDraft(ALL), name: ' Spring ' }));
    expect(made.name).toBe('Spring');
    expect(made.workflow?.followUp.map(({ method }) => method)).toEqual(['email', 'sms', 'automated_call']);
    const bare = CampaignCreate.parse(createOf({ ...blankDraft(new Set()), name: 'Spring' }));
    expect(bare.workflow?.followUp).toEqual([{ delay: 604_800, method: 'automated_call' }]);
    expect(bare.workflow?.nurture).toBeUndefined();
  });

  test('asks for nothing where nothing was said, which is not the same as finding nobody', () => {
    const blank = blankDraft(ALL);
    const nothing = { ...blank, targeting: { ...blank.targeting, intent: [] } };
    expect(targetingOf(nothing)).toEqual({});
    expect(targetingOf({ ...nothing, finds: false })).toBeUndefined();
  });

  test('keeps its times in order and every step when steps are moved', () => {
    const steps = fc.array(
      fc.record({
        key: fc.uuid(),
        delay: fc.nat(1_000),
        method: fc.constantFrom('sms' as const, 'email' as const),
        template: fc.string(),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(steps, fc.nat(9), fc.constantFrom(1 as const, -1 as const), (list, from, by) => {
        const moved = movedStep(list, from, by);
        expect(moved.map(({ delay }) => delay)).toEqual(list.map(({ delay }) => delay));
        expect(moved.map(({ key }) => key).sort()).toEqual(list.map(({ key }) => key).sort());
        const inside = from < list.length && from + by >= 0 && from + by < list.length;
        if (inside) expect(moved[from + by]?.template).toBe(list[from]?.template);
      }),
    );
  });
});

test('a workflow reads as people say it', () => {
  const first = whole().workflow?.initialContact;
  if (!first) throw new Error('it has one');
  expect(tellFirst(first)).toBe('Call within an hour of receipt, up to 4 tries, 1 hour 30 minutes apart');
  expect(tellFirst({ ...first, timing: 'immediately', maxAttempts: 1 })).toBe(
    'Call at once on receipt, one try',
  );
  expect(tellRetries({ voicemail: 86_400, busy: 600 })).toBe('busy: 10 minutes; voicemail: 1 day');
  expect(tellStep({ delay: 86_400, method: 'email', template: 'follow_up_day_1' })).toBe(
    'After 1 day: e-mail follow_up_day_1',
  );
  expect([0, 45, 60, 90_000].map(formatDelay)).toEqual(['no time', '45 seconds', '1 minute', '1 day 1 hour']);
});
