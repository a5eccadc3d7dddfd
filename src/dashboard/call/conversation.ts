/** dashboard/call/conversation: what was said and what happened around it, as one list in the order of time. */
import type { CallEvent, TranscriptMessage } from '../../contract/index.ts';
import { formatMoment, formatPhone } from '../format.ts';
import { endReason, FOLLOW_UP } from '../words.ts';

/** `atSec`: seconds since the talk began; negative before it. */
export type Item = { readonly key: string; readonly atSec: number } & (
  | {
      readonly kind: 'message';
      readonly message: TranscriptMessage;
      /** Its place in the transcript. */
      readonly index: number;
      readonly replyMs: number | undefined;
    }
  | {
      readonly kind: 'tool';
      readonly name: string;
      readonly parameters: Readonly<Record<string, unknown>>;
      readonly answer?: { readonly result: string; readonly isError: boolean; readonly tookMs: number };
    }
  | { readonly kind: 'keypad'; readonly digits: string }
  | { readonly kind: 'note'; readonly text: string; readonly detail?: string; readonly strong?: boolean }
);

const ANSWERED_BY: Record<string, string> = {
  human: 'A person answered',
  fax: 'A fax machine answered',
  unknown: 'It is not clear who answered',
  machine_start: 'A machine answered',
  machine_end_beep: "A machine's greeting ended with a beep",
  machine_end_silence: "A machine's greeting ended in silence",
  machine_end_other: "A machine's greeting ended",
};

function note(event: CallEvent): { text: string; detail?: string; strong?: boolean } | undefined {
  switch (event.type) {
    case 'answered':
      return { text: 'Answered' };
    case 'machine':
      return { text: ANSWERED_BY[event.answeredBy] ?? event.answeredBy };
    case 'dial_unconfirmed':
      return { text: 'The carrier did not confirm the call', detail: event.message, strong: true };
    case 'session_opened':
      return event.recovery ? { text: 'A new agent took over after the connection was lost' } : undefined;
    case 'session_lost':
      return { text: 'The connection to the agent was lost', detail: event.meaning, strong: true };
    case 'opted_out':
      return { text: 'Asked not to be called again', detail: event.words, strong: true };
    case 'follow_up_scheduled':
      return {
        text: `${FOLLOW_UP[event.kind]} arranged${event.scheduledFor ? ` for ${formatMoment(event.scheduledFor)}` : ''}`,
        detail: event.notes,
      };
    case 'transferred':
      return { text: `Transferred to ${formatPhone(event.to)}`, detail: event.reason };
    case 'whispered':
      return { text: `${event.name} whispered to the agent`, detail: event.text };
    case 'voicemail_left':
      return { text: 'Left a message', detail: event.text };
    case 'hangup_requested':
      return { text: `The ${event.by} ended the call`, detail: endReason(event.reason) };
    case 'ended':
      return { text: 'Call ended' };
    default:
      return undefined;
  }
}

const KEYPAD_PAUSE_SEC = 4;

/** The order among things of the same moment. */
const RANK: Record<Item['kind'], number> = { message: 0, tool: 1, keypad: 2, note: 3 };
/** The answer itself comes before the words that are on the line with it. */
const rankOf = (item: Item): number => (item.kind === 'note' && item.atSec === 0 ? -1 : RANK[item.kind]);

export function conversation(
  messages: readonly TranscriptMessage[],
  events: readonly CallEvent[],
  answeredAt: string | undefined,
): Item[] {
  // Where the recording begins, and what the seconds of the transcript count from.
  const opened = events.find(({ type }) => type === 'stream_opened')?.at;
  const origin = Date.parse(opened ?? answeredAt ?? events[0]?.at ?? '');
  const offset = (event: CallEvent) => (Number.isNaN(origin) ? 0 : (Date.parse(event.at) - origin) / 1000);

  const replies = new Map<number, number>();
  const answers = new Map<string, Extract<CallEvent, { type: 'tool_answered' }>>();
  for (const event of events) {
    if (event.type === 'heard') replies.set(event.turn, event.latencyMs);
    if (event.type === 'tool_answered') answers.set(event.toolCallId, event);
  }

  const items: Item[] = messages.map((message, index) => ({
    kind: 'message',
    key: `m${index}`,
    atSec: message.timestamp,
    message,
    index,
    replyMs: message.speaker === 'agent' ? replies.get(message.turn) : undefined,
  }));
  let keys: { key: string; atSec: number; lastSec: number; digits: string } | undefined;
  const flush = () => {
    if (keys) items.push({ kind: 'keypad', key: keys.key, atSec: keys.atSec, digits: keys.digits });
    keys = undefined;
  };
  for (const event of events) {
    const atSec = offset(event);
    const key = `e${event.seq}`;
    if (event.type === 'keypad') {
      if (keys && atSec - keys.lastSec > KEYPAD_PAUSE_SEC) flush();
      keys = keys
        ? { ...keys, lastSec: atSec, digits: keys.digits + event.digit }
        : { key, atSec, lastSec: atSec, digits: event.digit };
      continue;
    }
    if (event.type === 'tool_called') {
      const answer = answers.get(event.toolCallId);
      items.push({
        kind: 'tool',
        key,
        atSec,
        name: event.name,
        parameters: event.parameters,
        ...(answer ? { answer } : {}),
      });
      continue;
    }
    const said = note(event);
    if (said) items.push({ kind: 'note', key, atSec, ...said });
  }
  flush();
  return items.sort((a, b) => a.atSec - b.atSec || rankOf(a) - rankOf(b));
}

/** About as long as a voice takes for a character. */
const SECONDS_PER_CHARACTER = 0.06;
const SHORTEST_SEC = 1;

const endOf = ({ atSec, message }: Extract<Item, { kind: 'message' }>): number =>
  atSec +
  (message.heardMs === undefined
    ? Math.max(SHORTEST_SEC, message.text.length * SECONDS_PER_CHARACTER)
    : message.heardMs / 1_000);

/**
 * The message that is heard at `sec`: the last that began and is not over yet, for a short word may fall into a long
 * sentence; in a pause the last that was said. Undefined before the first.
 */
export function messageAt(
  items: readonly Item[],
  sec: number,
): Extract<Item, { kind: 'message' }> | undefined {
  let heard: Extract<Item, { kind: 'message' }> | undefined;
  for (const item of items) {
    if (item.kind !== 'message') continue;
    if (item.atSec > sec) break;
    if (heard === undefined || endOf(item) >= Math.min(sec, endOf(heard))) heard = item;
  }
  return heard;
}
