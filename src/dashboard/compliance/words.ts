/** dashboard/compliance/words: what would lift each bar, and the terms of lists, consent and policy in plain English. */
import type {
  CompliancePolicy,
  ListImport,
  ListStatus,
  Reason,
  RetentionPolicy,
  RetentionRun,
} from '../../contract/index.ts';
import { count, formatCount, humanise } from '../format.ts';
import type { Word } from '../words.ts';

/** `time`: passes by itself. `work`: somebody must do something first. `never`: nothing lifts it. */
export type Lift = { readonly by: 'time' | 'work' | 'never'; readonly how: string };

export const LIFT: Record<Reason, Lift> = {
  check_error: {
    by: 'work',
    how: 'Ask again in a few minutes; if it stays, whoever runs the server looks into the log.',
  },
  campaign_paused: {
    by: 'work',
    how: 'An administrator lets calls go on, or a manager starts the campaign.',
  },
  phone_invalid: { by: 'work', how: 'Correct the number on the lead.' },
  phone_toll_free: { by: 'never', how: 'Such a number is not called. Enter another one.' },
  phone_premium: { by: 'never', how: 'Such a number is not called. Enter another one.' },
  phone_non_geographic: { by: 'never', how: 'Such a number is not called. Enter another one.' },
  phone_not_us: { by: 'never', how: 'Only US numbers are called. Enter another one.' },
  phone_fictional: { by: 'never', how: 'Nobody can have this number. Enter the real one.' },
  internal_dnc: {
    by: 'work',
    how: 'Only an administrator can release the number, with a reason, and only because the person asked for it.',
  },
  litigator_listed: { by: 'never', how: 'Do not call this person.' },
  national_dnc_unavailable: { by: 'work', how: 'Import the national registry under Lists.' },
  national_dnc_stale: { by: 'work', how: 'Import a newer copy of the national registry under Lists.' },
  state_dnc_stale: { by: 'work', how: "Import a newer copy of that state's list under Lists." },
  national_dnc_listed: {
    by: 'work',
    how: 'New written consent that names us, and the policy that lets such consent lift a listing.',
  },
  state_dnc_listed: {
    by: 'work',
    how: 'New written consent that names us, and the policy that lets such consent lift a listing.',
  },
  consent_missing: { by: 'work', how: 'Record the consent the person gave, with its evidence.' },
  consent_seller_mismatch: { by: 'work', how: 'Consent that names us as the seller.' },
  consent_phone_mismatch: { by: 'work', how: 'Consent for this very number.' },
  consent_not_effective: { by: 'work', how: 'Look at the date of the consent: it lies in the future.' },
  consent_revoked: { by: 'work', how: 'New written consent, later than the day the person took it back.' },
  consent_insufficient: {
    by: 'work',
    how: 'Written consent whose wording names calls by an artificial voice.',
  },
  consent_evidence_incomplete: {
    by: 'work',
    how: 'Record the consent again with its wording and one proof of it; the form says what the gate wants.',
  },
  consent_expired: { by: 'work', how: 'New consent. It holds for a year unless the record says less.' },
  reassigned_check_missing: {
    by: 'work',
    how: 'Import an answer of the reassigned-numbers database under Lists.',
  },
  reassigned_check_stale: {
    by: 'work',
    how: 'Import a newer answer of the reassigned-numbers database under Lists.',
  },
  number_reassigned: {
    by: 'never',
    how: 'The person we knew has another number now. Ask for it by other means.',
  },
  location_conflict: { by: 'work', how: 'Correct the state or the ZIP code on the lead.' },
  timezone_unknown: { by: 'work', how: 'Enter a US ZIP code on the lead.' },
  state_not_enabled: {
    by: 'work',
    how: 'Counsel clears the state; then an administrator opens it under Policy.',
  },
  state_emergency_freeze: {
    by: 'work',
    how: 'The emergency ends; then an administrator lifts the freeze under Policy.',
  },
  state_holiday_barred: { by: 'time', how: 'Passes when the holiday is over there.' },
  state_day_barred: { by: 'time', how: 'Passes when that day of the week is over there.' },
  outside_federal_hours: {
    by: 'time',
    how: 'Passes when it is between 8 am and 9 pm everywhere the person may be.',
  },
  outside_state_hours: { by: 'time', how: "Passes when the state's own hours begin." },
  outside_campaign_hours: {
    by: 'time',
    how: "Passes when the campaign's own hours begin, on the person's clock.",
  },
  state_frequency_cap: {
    by: 'time',
    how: 'Passes when the earlier tries are old enough; after a hang-up in Nevada, never.',
  },
  exempt_call_cap: {
    by: 'time',
    how: 'Passes when the earlier calls are 30 days old; consent lifts it at once.',
  },
  campaign_frequency_cap: {
    by: 'time',
    how: 'Passes when the earlier tries are old enough for the limits under Policy.',
  },
  email_missing: { by: 'work', how: 'Enter the e-mail address on the lead.' },
};

export const LIFT_WORD: Record<Lift['by'], Word> = {
  time: { label: 'Passes with time', tone: 'info' },
  work: { label: 'Needs somebody', tone: 'warn' },
  never: { label: 'Stays', tone: 'bad' },
};

export const LIST_STATE: Record<ListStatus['state'], Word> = {
  fresh: { label: 'Fresh', tone: 'good' },
  aging: { label: 'Aging', tone: 'warn' },
  stale: { label: 'Too old', tone: 'bad' },
  missing: { label: 'No copy', tone: 'quiet' },
};

export const IMPORT_STATE: Record<ListImport['state'], Word> = {
  receiving: { label: 'Under way', tone: 'live' },
  interrupted: { label: 'Interrupted', tone: 'warn' },
  done: { label: 'Done', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  discarded: { label: 'Discarded', tone: 'quiet' },
};

export const IMPORT_KIND: Record<ListImport['kind'], string> = {
  full: 'The whole list',
  changes: 'Changes only',
};

/** How a person may have told us to stop. */
export const CHANNELS: readonly { readonly value: string; readonly label: string }[] = [
  { value: 'voice', label: 'On the phone' },
  { value: 'voicemail', label: 'Voicemail' },
  { value: 'sms', label: 'Text message' },
  { value: 'email', label: 'Email' },
  { value: 'web', label: 'Web form or chat' },
  { value: 'mail', label: 'Letter' },
  { value: 'in_person', label: 'In person' },
  { value: 'other', label: 'Another way' },
];

/** How long one kind of thing is kept, in a word or two. */
export function lifetimeWord(lifetime: RetentionPolicy['rules'][number]['lifetime']): Word {
  switch (lifetime.kind) {
    case 'kept':
      return lifetime.atLeastYears === undefined
        ? { label: 'Kept', tone: 'quiet' }
        : { label: `${lifetime.atLeastYears} years or longer`, tone: 'quiet' };
    case 'archived':
      return {
        label: `Archived after ${lifetime.afterYears === 1 ? 'a year' : `${lifetime.afterYears} years`}`,
        tone: 'info',
      };
    case 'removed':
      return {
        label: `Removed after ${lifetime.afterDays % 365 === 0 ? count(lifetime.afterDays / 365, 'year') : count(lifetime.afterDays, 'day')}`,
        tone: 'info',
      };
    case 'removed_by_setting':
      return { label: 'As set above', tone: 'info' };
  }
}

export const RUN_STATE: Record<RetentionRun['state'], Word> = {
  running: { label: 'Under way', tone: 'live' },
  done: { label: 'Done', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  interrupted: { label: 'Interrupted', tone: 'warn' },
};

const RUN_THING: Record<RetentionRun['items'][number]['of'], readonly [one: string, more: string]> = {
  call_transcripts: ['transcript', 'transcripts'],
  recordings: ['recording', 'recordings'],
};

/** "12 transcripts archived, 1 recording removed". */
export function tellRun({ items, dryRun }: RetentionRun): string {
  const told = items
    .filter(({ count }) => count > 0)
    .map(
      ({ of, action, count }) =>
        `${formatCount(count)} ${RUN_THING[of][count === 1 ? 0 : 1]} ${dryRun ? 'would be ' : ''}${action}`,
    );
  return told.length > 0 ? told.join(', ') : 'Nothing has had its time';
}

const KEPT_NAME: Readonly<Record<string, string>> = {
  attempts: 'Tries at calls',
  call_events: 'Words and events',
  calls: 'Call records',
  consent_logs: 'Consent log',
  conversation_sessions: 'Conversations',
  dnc_registry: 'Do-not-call list',
  call_transcripts: 'Transcripts',
  reassigned_checks: 'Number checks',
  transcript_archives: 'Archived transcripts',
};
/** What a kind of stored thing is called. */
export const keptName = (of: string): string => KEPT_NAME[of] ?? humanise(of);

export type Settings = Omit<CompliancePolicy, 'history'>;
export type Setting = keyof Settings;

/** What a setting does and where it comes from, in one line each. */
interface SettingWords {
  readonly label: string;
  readonly means: string;
  readonly source: string;
}

export const SETTING: Record<Setting, SettingWords> = {
  killSwitch: {
    label: 'Stop all outbound calls',
    means: 'Every call is refused at once, from every door, until it is switched off again.',
    source: 'Our own decision',
  },
  blockedStates: {
    label: 'States that are not cleared',
    means: 'Nobody who may be in one of them is called: their laws on automated calls reach an AI voice.',
    source: 'State laws; counsel clears each one',
  },
  emergencyStates: {
    label: 'States under a declared emergency',
    means: 'No solicitation there, with consent or without, until the emergency is over.',
    source: 'LA: PSC emergency orders. NY: GBL 399-z(5-a)',
  },
  requireNationalRegistry: {
    label: 'No call without the national registry',
    means: 'While we hold no copy of the national do-not-call registry, every call is refused.',
    source: '47 CFR 64.1200(c)(2)',
  },
  requireStateLists: {
    label: 'No call without the state list',
    means: 'Where a state keeps a list of its own, a call there needs our copy of it.',
    source: 'CO FL IN LA MA MO OK PA TN TX WY',
  },
  requireReassignedCheck: {
    label: 'No call without a reassigned-number check',
    means: 'The number must have been looked up, so that nobody is called who has merely inherited it.',
    source: '47 CFR 64.1200(m)',
  },
  dncConsentOverride: {
    label: 'Written consent lifts a registry listing',
    means: 'Who agreed in writing to our calls is called although the number is on a registry.',
    source: '47 CFR 64.1200(c)(2)(ii)',
  },
  allowExemptCalls: {
    label: 'Informational calls to landlines without consent',
    means: 'At most three in 30 days to a residential landline, never marketing.',
    source: '47 CFR 64.1200(a)(3)(ii)-(iv)',
  },
  maxPer24h: {
    label: 'Tries within any 24 hours',
    means: 'All numbers of a person together, whatever came of the tries. 0 stops all.',
    source: 'Our own decision; FL, MD, OK and OR allow 3',
  },
  maxPerDay: {
    label: 'Tries on one day',
    means: "On the person's own calendar day.",
    source: 'Our own decision',
  },
  maxPer7Days: {
    label: 'Tries within 7 days',
    means: 'All numbers of a person together.',
    source: 'Our own decision',
  },
  maxPer30Days: {
    label: 'Tries within 30 days',
    means: 'All numbers of a person together.',
    source: 'Our own decision',
  },
  minGapMinutes: {
    label: 'Minutes between two tries',
    means: 'So that nobody feels chased.',
    source: 'Our own decision',
  },
  stopAfterUnanswered: {
    label: 'Stop after tries without an answer',
    means: 'So many in a row, and the person is left alone.',
    source: 'Our own decision',
  },
};

const isSetting = (name: string): name is Setting => Object.hasOwn(SETTING, name);
export const settingLabel = (name: string): string => (isSetting(name) ? SETTING[name].label : name);

const shown = (value: unknown): string =>
  typeof value === 'boolean' ? (value ? 'on' : 'off') : value === undefined ? 'not set' : String(value);
const codes = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/** "off → on", "3 → 2", "added LA, NY; removed TX". */
export function tellChange(before: unknown, after: unknown): string {
  if (!Array.isArray(before) && !Array.isArray(after)) return `${shown(before)} → ${shown(after)}`;
  const [was, is] = [codes(before), codes(after)];
  const added = is.filter((code) => !was.includes(code));
  const removed = was.filter((code) => !is.includes(code));
  return (
    [
      added.length > 0 ? `added ${added.join(', ')}` : '',
      removed.length > 0 ? `removed ${removed.join(', ')}` : '',
    ]
      .filter(Boolean)
      .join('; ') || 'the same'
  );
}
