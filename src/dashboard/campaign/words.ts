/** dashboard/campaign/words: the terms of campaigns in plain English. */
import type { z } from 'zod';
import type { Campaign, CampaignWork, Enrollment, Forecast, Hold, Workflow } from '../../contract/index.ts';
import { count, formatDelay, humanise } from '../format.ts';
import { OUTCOME, REASON, STATUS, type Word } from '../words.ts';

export const CAMPAIGN_STATUS: Record<Campaign['status'], Word> = {
  draft: { label: 'Draft', tone: 'info' },
  active: { label: 'Running', tone: 'live' },
  paused: { label: 'Paused', tone: 'warn' },
  completed: { label: 'Over', tone: 'quiet' },
};

export const CAMPAIGN_TYPE: Record<Campaign['type'], string> = {
  wholesale: 'Wholesale',
  fix_flip: 'Fix and flip',
  rental: 'Rental',
};

export const HOLD: Record<z.infer<typeof Hold>['code'], string> = {
  manual: 'Paused by hand',
  failures: 'Paused by itself: calls kept failing',
  budget: 'Paused by itself: the budget is spent',
};

export const STAGE: Record<Enrollment['stage'], Word> = {
  initial: { label: 'First contact', tone: 'info' },
  callback: { label: 'Call back', tone: 'good' },
  follow_up: { label: 'Follow-up', tone: 'quiet' },
  nurture: { label: 'Nurture', tone: 'quiet' },
  ended: { label: 'Ended', tone: 'quiet' },
};

export const ENDING: Record<NonNullable<Enrollment['ended']>['why'], Word> = {
  reached: { label: 'Reached', tone: 'good' },
  converted: { label: 'Converted', tone: 'good' },
  not_interested: { label: 'Not interested', tone: 'quiet' },
  wrong_number: { label: 'Wrong number', tone: 'warn' },
  opted_out: { label: 'Opted out', tone: 'bad' },
  exhausted: { label: 'All steps done', tone: 'quiet' },
  removed: { label: 'Removed', tone: 'quiet' },
  campaign_over: { label: 'Campaign over', tone: 'quiet' },
};

/** What an enrollment can be asked for. */
export const STATE = {
  due: 'Due now',
  working: 'In progress',
  waiting: 'Waiting',
} as const;

/** What a campaign itself waits for; other reasons are those of the gate. */
const OWN_REASON: Record<string, string> = {
  hours: "It is outside of the campaign's own hours",
  day_limit: "The campaign's limit for today is reached",
  budget: 'The budget is spent',
  lines: 'All lines are in use',
  template_missing: 'The template of the message is not there',
  no_email: 'There is no e-mail address',
  no_number: 'There is no phone number',
};

/** Why a step is not taken, as a clause. */
export const reasonWords = (reason: string): string =>
  Object.hasOwn(REASON, reason)
    ? REASON[reason as keyof typeof REASON]
    : (OWN_REASON[reason] ?? humanise(reason));

/** How a call or a message came out: an outcome, a status, or a word of the server. */
export function outcomeWord(text: string): Word {
  if (Object.hasOwn(OUTCOME, text)) return OUTCOME[text as keyof typeof OUTCOME];
  if (Object.hasOwn(STATUS, text)) return STATUS[text as keyof typeof STATUS];
  return { label: humanise(text), tone: 'quiet' };
}

type First = Workflow['initialContact'];
type Step = Workflow['followUp'][number];

export const TIMING: Record<First['timing'], string> = {
  immediately: 'at once',
  within_5_minutes: 'within 5 minutes',
  within_15_minutes: 'within 15 minutes',
  within_1_hour: 'within an hour',
  within_1_day: 'within a day',
};

export const RETRY_REASON: Record<keyof NonNullable<First['retryDelays']>, string> = {
  busy: 'busy',
  no_answer: 'no answer',
  voicemail: 'voicemail',
  failed: 'the call failed',
  hung_up: 'hung up',
};

export const METHOD: Record<Step['method'], string> = {
  automated_call: 'Call',
  sms: 'Text',
  email: 'E-mail',
};

export const FREQUENCY: Record<NonNullable<Workflow['nurture']>['frequency'], string> = {
  weekly: 'every week',
  biweekly: 'every two weeks',
  monthly: 'every month',
};

/** "Call within 5 minutes of receipt, up to 3 tries, 1 hour apart" */
export const tellFirst = ({ timing, maxAttempts, retryDelay }: First): string =>
  `Call ${TIMING[timing]}${timing === 'immediately' ? ' on' : ' of'} receipt, ${
    maxAttempts === 1 ? 'one try' : `up to ${maxAttempts} tries, ${formatDelay(retryDelay)} apart`
  }`;

/** "busy: 10 minutes; voicemail: 1 day" */
export const tellRetries = (delays: First['retryDelays'] = {}): string =>
  (Object.keys(RETRY_REASON) as (keyof typeof RETRY_REASON)[])
    .flatMap((reason) => {
      const delay = delays[reason];
      return delay === undefined ? [] : [`${RETRY_REASON[reason]}: ${formatDelay(delay)}`];
    })
    .join('; ');

/** "After 1 day: e-mail follow_up_day_1" */
export const tellStep = ({ delay, method, template }: Step): string =>
  `After ${formatDelay(delay)}: ${METHOD[method].toLowerCase()}${
    method === 'automated_call' || !template ? '' : ` ${template}`
  }`;

/** "Then nurture every week for 90 days with 3 messages in turn" */
export const tellNurture = ({ frequency, duration, content }: NonNullable<Workflow['nurture']>): string =>
  `Then a message ${FREQUENCY[frequency]} for ${count(duration, 'day')}${
    content.length > 1 ? `, ${content.length} in turn` : ''
  }`;

export const LIMITED_BY: Record<Forecast['limitedBy'], string> = {
  lines: 'the number of lines',
  calls_per_second: 'the calls begun in a second',
  calls_per_day: 'the calls a day',
  leads_per_day: 'the new leads a day',
  hours: 'the calling hours',
  nothing: 'nothing',
};

export const STOPS_BY: Record<NonNullable<Forecast['stopsBy']>, string> = {
  end_date: 'It does not come to its end: its last day comes first.',
  budget: 'It does not come to its end: its budget is spent before.',
  no_hours: 'It does not come to its end: its hours and those of the called people never meet.',
};

/** What stands in the way, in a word; absent while it works. */
export const STOPPED_BY: Record<NonNullable<CampaignWork['stoppedBy']>, Word> = {
  not_started: { label: 'Not started', tone: 'info' },
  hours: { label: 'Outside its hours', tone: 'info' },
  budget: { label: 'Budget spent', tone: 'warn' },
  day_limit: { label: "Today's limit reached", tone: 'info' },
  lines: { label: 'All lines in use', tone: 'info' },
  not_active: { label: 'Not running', tone: 'warn' },
  database: { label: 'Database away', tone: 'bad' },
  over: { label: 'Over', tone: 'quiet' },
};

/** Ids of those who work on a campaign as this. */
export const teamOf = (
  { assignedTo = [] }: Campaign,
  as: NonNullable<Campaign['assignedTo']>[number]['role'],
): readonly string[] => assignedTo.filter(({ role }) => role === as).map(({ userId }) => userId);
