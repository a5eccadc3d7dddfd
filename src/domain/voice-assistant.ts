/**
 * domain/voice-assistant: what the files of the voice assistant that Parley follows on mean here. It wrote a JSON file a
 * lead, one JSON line an event, and a JSON file a conversation at its end; over its versions the fields had several names.
 * What has a place here goes there, everything else is kept as it was; nothing is guessed, and consent is never read out
 * of them: these files hold no evidence of any.
 */
import { DateTime, IANAZone } from 'luxon';
import type { CallEventBody, PlatformTurn } from './call.ts';
import { fingerprint, sha256Hex } from './canonical.ts';
import { numberKind } from './compliance/number.ts';
import type { ConversationSession, Lead, LeadStatus, Legacy } from './documents.ts';
import { noNumber, parsePhone } from './phone.ts';

export const SOURCE = 'voice_assistant';

/** The id of something of the assistant's, here: the same whenever it is imported. */
export const importedId = (kind: 'lead' | 'session' | 'event', id: string): string =>
  sha256Hex(`${SOURCE}\n${kind}\n${id}`).slice(0, 24);

/** Why a record is not taken. */
export interface Refused {
  readonly why: string;
}

type Raw = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ReadTime {
  readonly at: Date;
  /** False: the text named no zone, and the zone given was taken. */
  readonly zoned: boolean;
}

/** Nothing of the assistant's is older or from further ahead: outside of it a number of seconds was something else. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);
/** A number from here on is milliseconds (in seconds it would be the year 5138). */
const MILLISECONDS_FROM = 100_000_000_000;
const ISO = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?) ?(Z|[+-]\d{2}(?::?\d{2})?)?$/;

const within = (ms: number): Date | undefined =>
  ms >= EARLIEST_MS && ms < LATEST_MS ? new Date(Math.round(ms)) : undefined;

/**
 * An instant as ISO 8601 (also with a space for the T), as seconds or milliseconds since the epoch, or as MongoDB exports
 * it. A time without a zone is one in `zone`. Undefined for everything else: a time that is guessed is worse than none.
 */
export function readTime(value: unknown, zone: string): ReadTime | undefined {
  if (isRecord(value)) {
    const inner = value.$date ?? value.$numberLong;
    return inner === undefined || Object.keys(value).length !== 1 ? undefined : readTime(inner, zone);
  }
  if (typeof value === 'number' || (typeof value === 'string' && /^\d{9,13}(?:\.\d+)?$/.test(value.trim()))) {
    const number = Number(value);
    const at = within(number < MILLISECONDS_FROM ? number * 1_000 : number);
    return at && { at, zoned: true };
  }
  if (typeof value !== 'string') return undefined;
  const [, date, time, offset] = ISO.exec(value.trim()) ?? [];
  if (date === undefined || time === undefined) return undefined;
  // Beyond milliseconds nothing is kept, and Luxon reads no more than nine digits.
  const read = DateTime.fromISO(`${date}T${time.replace(',', '.')}${offset ?? ''}`, { zone });
  const at = read.isValid ? within(read.toMillis()) : undefined;
  return at && { at, zoned: offset !== undefined };
}

export const isZone = (name: string): boolean => IANAZone.isValidZone(name);

const text = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.trim();
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
};
const id = (value: unknown): string | undefined => {
  const read = isRecord(value) ? text(value.$oid) : text(value);
  return read !== undefined && read.length <= 200 ? read : undefined;
};
const truth = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined);

/** Words as a text, as a list of texts, or as a list of parts with a text. */
function words(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  if (!Array.isArray(value)) return undefined;
  const parts = value.map((part: unknown) => {
    const inner: unknown = isRecord(part) ? (part.text ?? part.transcript) : part;
    return typeof inner === 'string' ? inner : undefined;
  });
  return parts.length > 0 && parts.every((part) => part !== undefined) ? words(parts.join(' ')) : undefined;
}

const MOST_DEPTH = 50;
function storable(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth > MOST_DEPTH) return false;
  return Object.entries(value).every(([name, inner]) => name !== '__proto__' && storable(inner, depth + 1));
}

/** The fields that are left over, as they were; as one text where no document can hold them so. */
const legacyOf = (rest: ReadonlyMap<string, unknown>): { readonly legacy?: Legacy } => {
  if (rest.size === 0) return {};
  const fields = Object.fromEntries(rest);
  const whole = [...rest.keys()].every((name) => name !== '__proto__') && storable(fields);
  return { legacy: whole ? fields : { json: JSON.stringify([...rest]) } };
};

/** Takes fields out of a record by any of their names; a field that cannot be read stays among the rest. */
function fieldsOf(raw: Raw) {
  const rest = new Map(Object.entries(raw));
  function take<T>(names: readonly string[], read: (value: unknown) => T | undefined): T | undefined {
    for (const name of names) {
      const value = rest.has(name) ? read(rest.get(name)) : undefined;
      if (value === undefined) continue;
      rest.delete(name);
      return value;
    }
    return undefined;
  }
  return {
    take,
    /** A time without a zone stays among the rest too, for its zone is our word and not the file's. */
    time(names: readonly string[], zone: string): ReadTime | undefined {
      for (const name of names) {
        const read = readTime(rest.get(name), zone);
        if (!read) continue;
        if (read.zoned) rest.delete(name);
        return read;
      }
      return undefined;
    },
    /** Forgets fields that say nothing. */
    drop(...names: readonly string[]): void {
      for (const name of names) if (rest.get(name) === '' || rest.get(name) === null) rest.delete(name);
    },
    rest,
  };
}

const TIMES = ['timestamp', 'at', 'time', 'ts', 'created_at', 'createdAt'] as const;

// ── Leads ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ReadLead {
  readonly lead: Lead;
  /** The file says that this person wants no calls. */
  readonly optedOut: boolean;
  /** What somebody should know of this lead. */
  readonly notes: readonly string[];
  /** When the assistant got it; absent where no time can be read, and `receivedAt` is the import's. */
  readonly time?: ReadTime;
}

const STATUS: Readonly<Record<string, LeadStatus>> = {
  new: 'new',
  contacted: 'contacted',
  qualified: 'qualified',
  nurturing: 'nurturing',
  converted: 'converted',
  lost: 'lost',
};
const NO_CALLS = /^(?:dnc|do[ _-]?not[ _-]?call|opted?[ _-]?out|unsubscribed?)$/i;
const EMAIL = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}\.[^\s@<>".]{2,}$/;
/** `lead_20251013_135233`: when the file was made, by the clock of its machine. */
const LEAD_STEM = /^lead_(\d{4})(\d{2})(\d{2})_(\d{2})(\d{2})(\d{2})/;

interface LeadContext {
  /** The name of the file without its ending: the lead's id where it has none of its own. */
  readonly stem: string;
  readonly zone: string;
  readonly now: Date;
}

export function readLead(raw: unknown, { stem, zone, now }: LeadContext): ReadLead | Refused {
  if (!isRecord(raw)) return { why: 'is no JSON object' };
  const fields = fieldsOf(raw);
  const { take, rest } = fields;
  const notes: string[] = [];
  const externalId = take(['lead_id', 'leadId', 'id', '_id'], id) ?? stem;
  const _id = importedId('lead', externalId);

  const named = take(['name', 'full_name', 'fullName', 'customer_name'], text);
  const [givenFirst = '', ...others] = (named ?? '').split(/\s+/);
  const firstName = take(['first_name', 'firstName'], text) ?? givenFirst;
  const lastName = take(['last_name', 'lastName'], text) ?? others.join(' ');
  const email = take(['email', 'email_address', 'emailAddress'], (value) => {
    const read = text(value)?.toLowerCase();
    return read !== undefined && EMAIL.test(read) ? read : undefined;
  });
  const number = (value: unknown): string | undefined => {
    const read = text(value);
    const phone = read === undefined ? undefined : parsePhone(read);
    return phone !== undefined && numberKind(phone).bar !== 'phone_invalid' ? phone : undefined;
  };
  const phones = ['phone', 'phone_number', 'phoneNumber', 'mobile', 'contact_number'];
  const written = phones.map((name) => text(rest.get(name))).find((each) => each !== undefined);
  const first = take(phones, number);
  const second = take(['alternate_phone', 'alternatePhone', 'phone2'], number);
  const phone = first ?? second;
  if (phone === undefined)
    notes.push(
      written === undefined
        ? 'has no phone number, so it cannot be called'
        : 'has a phone number that is none (one of another country needs + and its code), so it cannot be called',
    );
  fields.drop(...phones, 'email', 'job_title', 'budget', 'timeline', 'company', 'interest');
  if (email === undefined && rest.has('email')) notes.push('has an e-mail address that is none');

  const wanted = take(['status'], text);
  const status = STATUS[wanted?.toLowerCase() ?? 'new'];
  const barred = take(['do_not_call', 'doNotCall', 'dnc', 'opted_out'], truth) === true;
  const optedOut = barred || NO_CALLS.test(wanted ?? '');
  if (wanted !== undefined && status === undefined) rest.set('status', wanted);

  const message = take(['interest', 'product_interest', 'productInterest'], text);
  const timeframe = take(['timeline', 'timeframe'], text);
  const given = fields.time([...TIMES, 'received_at', 'receivedAt'], zone);
  const made = LEAD_STEM.exec(stem);
  const stemmed = made && readTime(`${made[1]}-${made[2]}-${made[3]}T${made[4]}:${made[5]}:${made[6]}`, zone);
  const received = given ?? stemmed;
  if (!received) notes.push('has no time that can be read; it counts as received now');

  return {
    lead: {
      _id,
      source: SOURCE,
      externalId,
      receivedAt: received?.at ?? now,
      contact: {
        firstName,
        lastName,
        ...(email === undefined ? {} : { email }),
        phone: phone ?? noNumber(_id),
        ...(first === undefined || second === undefined ? {} : { alternatePhone: second }),
      },
      ...(message === undefined && timeframe === undefined
        ? {}
        : {
            intent: {
              ...(message === undefined ? {} : { message }),
              ...(timeframe === undefined ? {} : { timeframe }),
            },
          }),
      contactAttempts: [],
      dncStatus: { onNationalRegistry: false, internalDNC: false },
      status: status ?? 'new',
      stage: 'new',
      tags: [],
      ...legacyOf(rest),
      createdAt: now,
      updatedAt: now,
      createdBy: SOURCE,
      updatedBy: SOURCE,
    },
    optedOut,
    notes,
    ...(received ? { time: received } : {}),
  };
}

// ── What was said ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ReadEvent {
  /** The same whenever this line is imported. */
  readonly eventId: string;
  /** Absent: the line does not say in which conversation it was. */
  readonly sessionId?: string;
  /** Absent in the items of a conversation's own file, which may have none. */
  readonly time?: ReadTime;
  readonly words?: {
    readonly role: 'agent' | 'user' | 'system';
    readonly text: string;
    readonly cut: boolean;
  };
  readonly tool?: Extract<CallEventBody, { type: 'tool_called' | 'tool_answered' }>;
  readonly legacy?: Legacy;
}

const ROLES: Readonly<Record<string, 'agent' | 'user' | 'system'>> = {
  agent: 'agent',
  ai: 'agent',
  assistant: 'agent',
  bot: 'agent',
  model: 'agent',
  caller: 'user',
  customer: 'user',
  human: 'user',
  user: 'user',
  developer: 'system',
  system: 'system',
};
const CALLED = new Set(['function_call', 'tool_call']);
const ANSWERED = new Set(['function_call_output', 'function_result', 'tool_output', 'tool_result']);

function parametersOf(value: unknown): Raw | undefined {
  if (isRecord(value)) return value;
  if (typeof value !== 'string') return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
const result = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : isRecord(value) || Array.isArray(value)
      ? JSON.stringify(value)
      : undefined;

/**
 * One line of the events, or one item of a conversation's own file (`within` names it and the item's place): something
 * said, a tool, or something that happened. Two lines that are alike in everything are one; two items need not be.
 */
export function readEvent(raw: unknown, zone: string, within?: string): ReadEvent | Refused {
  if (!isRecord(raw)) return { why: 'is no JSON object' };
  if (!storable(raw)) return { why: 'is nested too deeply, or holds a number that is none' };
  const fields = fieldsOf(raw);
  const { take, rest } = fields;
  const own = take(['event_id', 'eventId', 'id', '_id'], id);
  const named = take(['session_id', 'sessionId'], id);
  // The assistant's own word for "none".
  if (named === 'default') rest.set('session_id', named);
  const sessionId = named === 'default' ? undefined : named;
  const time = fields.time(TIMES, zone);
  const stamp = {
    eventId: importedId(
      'event',
      own === undefined ? `${within ?? ''}${fingerprint(raw)}` : `${sessionId ?? within ?? ''}\n${own}`,
    ),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(time ? { time } : {}),
  };
  const kind = text(rest.get('type')) ?? text(rest.get('item_type')) ?? '';
  const done = (what: Pick<ReadEvent, 'words' | 'tool'>): ReadEvent => ({
    ...stamp,
    ...what,
    ...legacyOf(rest),
  });

  if (CALLED.has(kind) || ANSWERED.has(kind)) {
    rest.delete(rest.has('type') ? 'type' : 'item_type');
    const toolCallId = take(['call_id', 'callId', 'tool_call_id'], id) ?? own ?? '';
    if (CALLED.has(kind)) {
      const name = take(['name', 'function', 'tool'], text) ?? 'unknown';
      const parameters = take(['arguments', 'parameters', 'args'], parametersOf) ?? {};
      return done({ tool: { type: 'tool_called', toolCallId, name, parameters } });
    }
    const answer = take(['output', 'result', 'content'], result) ?? '';
    const isError = take(['is_error', 'isError'], truth) ?? false;
    return done({ tool: { type: 'tool_answered', toolCallId, result: answer, isError, tookMs: 0 } });
  }

  const said = take(['content', 'text', 'message', 'transcript'], words);
  const wanted = text(rest.get('role')) ?? text(rest.get('speaker'));
  const role = ROLES[wanted?.toLowerCase() ?? ''];
  if (said !== undefined) {
    if (role !== undefined) rest.delete(rest.has('role') ? 'role' : 'speaker');
    if (kind === 'message') rest.delete('type');
    const cut = take(['interrupted'], truth) === true && role === 'agent';
    return done({ words: { role: role ?? 'system', text: said, cut } });
  }
  // Something happened: it is told as a line of the system, and all that is known of it is kept beside.
  const what = take(['event'], text) ?? (kind === 'message' ? undefined : text(rest.get('type')));
  if (what === undefined) return { why: 'has neither words nor the name of an event' };
  const reason = text(rest.get('reason'));
  return done({
    words: { role: 'system', text: reason === undefined ? what : `${what}: ${reason}`, cut: false },
  });
}

/** What goes to the log of the call. `turn` counts what was said in the conversation, from 1. */
export function bodiesOf({ words: said, tool }: ReadEvent, turn: number): CallEventBody[] {
  if (tool) return [tool];
  if (!said) return [];
  const { role, text: spoken, cut } = said;
  return [
    { type: 'said', role, text: spoken, turn },
    // The assistant kept of an interrupted sentence what was heard.
    ...(cut ? [{ type: 'corrected', turn, text: spoken } as const] : []),
  ];
}

// ── Conversations ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ReadSession {
  readonly sessionId: string;
  readonly start?: Date;
  readonly end?: Date;
  readonly leadGenerated: boolean;
  /** What the assistant called the lead that came of it. */
  readonly leadRef?: string;
  readonly phone?: string;
  readonly channel: ConversationSession['channel'];
  readonly items: readonly ReadEvent[];
  /** Items that are none, by their place from 1. */
  readonly refused: readonly { readonly item: number; readonly why: string }[];
  readonly legacy?: Legacy;
  readonly zoned: boolean;
}

/** `transcript_session_2025-10-13T08-40-58.242325`: when it was written, which is when the conversation was over. */
const SESSION_STEM = /_(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2}(?:\.\d+)?)$/;
const CHANNELS: Readonly<Record<string, ConversationSession['channel']>> = {
  phone: 'phone',
  sip: 'phone',
  call: 'phone',
  browser: 'browser',
  web: 'browser',
  text: 'text',
  chat: 'text',
};

export function readSession(
  raw: unknown,
  { stem, zone }: { readonly stem: string; readonly zone: string },
): ReadSession | Refused {
  const record = Array.isArray(raw) ? { items: raw as unknown[] } : raw;
  if (!isRecord(record)) return { why: 'is no JSON object' };
  const fields = fieldsOf(record);
  const { take, rest } = fields;
  const list = (value: unknown): readonly unknown[] | undefined => (Array.isArray(value) ? value : undefined);
  const sessionId = take(['session_id', 'sessionId', 'id', '_id'], id) ?? stem;
  const started = fields.time(['start_time', 'startTime', 'started_at', 'startedAt'], zone);
  const [, date, hours, minutes, seconds] = SESSION_STEM.exec(stem) ?? [];
  const ended =
    fields.time(['end_time', 'endTime', 'ended_at', 'endedAt'], zone) ??
    (date === undefined ? undefined : readTime(`${date}T${hours}:${minutes}:${seconds}`, zone));
  const metadata = isRecord(rest.get('metadata')) ? (rest.get('metadata') as Raw) : {};
  const found = (names: readonly string[]): string | undefined =>
    names.map((name) => text(rest.get(name)) ?? text(metadata[name])).find((each) => each !== undefined);
  const caller = found(['phone', 'phone_number', 'caller', 'caller_number']);
  const phone = caller === undefined ? undefined : parsePhone(caller);
  const channel = CHANNELS[found(['channel'])?.toLowerCase() ?? ''];
  const leadRef = take(['lead_id', 'leadId'], id);
  const leadGenerated = take(['lead_generated', 'leadGenerated'], truth) ?? leadRef !== undefined;

  const items: ReadEvent[] = [];
  const refused: { item: number; why: string }[] = [];
  const left: Legacy[] = [];
  for (const [at, item] of (
    take(['items', 'messages', 'events', 'transcript', 'history'], list) ?? []
  ).entries()) {
    const read = readEvent(item, zone, `${sessionId}\n${at}\n`);
    if ('why' in read) refused.push({ item: at + 1, why: read.why });
    else items.push(read);
  }
  for (const { legacy } of items) left.push(legacy ?? {});
  if (left.some((each) => Object.keys(each).length > 0)) rest.set('items', left);
  return {
    sessionId,
    ...(started ? { start: started.at } : {}),
    ...(ended ? { end: ended.at } : {}),
    leadGenerated,
    ...(leadRef === undefined ? {} : { leadRef }),
    ...(phone === undefined ? {} : { phone }),
    channel: channel ?? (phone === undefined ? 'browser' : 'phone'),
    items,
    refused,
    ...legacyOf(rest),
    zoned: (started?.zoned ?? true) && (ended?.zoned ?? true),
  };
}

/** The items as an account of the conversation; an item without a time counts as said when the one before was. */
export function accountOf(items: readonly ReadEvent[], start: Date): PlatformTurn[] {
  let offsetSec = 0;
  return items.flatMap(({ time, words: said }): PlatformTurn[] => {
    if (time) offsetSec = Math.max(0, Math.round((time.at.getTime() - start.getTime()) / 100) / 10);
    if (!said || said.role === 'system') return [];
    return [{ role: said.role, text: said.text, offsetSec, interrupted: said.cut }];
  });
}

/** A conversation's file may be written so long before its first event, by clocks that differ. */
const SLACK_MS = 5 * 60_000;
/** A conversation whose beginning is not known was not longer than this. */
const LONGEST_MS = 2 * 3_600_000;
/** A silence that long is the end of a conversation that has no file. */
const SILENCE_MS = 30 * 60_000;

/**
 * Finds the conversation of an event that does not name it: the one that ended next and had begun, as the assistant held one
 * at a time; else all events without a long silence between them are one. Events are to be asked for in their order.
 */
export function sessionFinder(
  sessions: readonly { readonly sessionId: string; readonly start?: Date; readonly end?: Date }[],
): (at: Date) => string {
  const ends = sessions
    .flatMap(({ sessionId, start, end }) =>
      end ? [{ sessionId, startMs: start?.getTime(), endMs: end.getTime() }] : [],
    )
    .sort((a, b) => a.endMs - b.endMs);
  let group: { readonly id: string; lastMs: number } | undefined;
  const firstEndingFrom = (ms: number): number => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle]?.endMs ?? 0) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (at) => {
    const ms = at.getTime();
    const next = ends[firstEndingFrom(ms)];
    const begunMs = next && (next.startMs ?? next.endMs - LONGEST_MS) - SLACK_MS;
    if (next && begunMs !== undefined && begunMs <= ms) return next.sessionId;
    if (!group || Math.abs(ms - group.lastMs) > SILENCE_MS)
      group = { id: `unnamed_${at.toISOString()}`, lastMs: ms };
    group.lastMs = ms;
    return group.id;
  };
}
