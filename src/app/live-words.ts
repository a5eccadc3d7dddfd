/**
 * app/live-words: what is said on the calls that go on, as the one fold of their events has it, told as it changes: from which
 * message on it is new, and those messages. Whoever watches needs neither the store nor a fold of their own.
 */
import { type CallEvent, isOver } from '../domain/call.ts';
import type { TranscriptMessage } from '../domain/documents.ts';
import { type LiveSigns, signsOf } from '../domain/live-signs.ts';
import { foldTranscript } from '../domain/transcript.ts';
import type { Cancel, Log, Store } from './ports.ts';
import type { Change, EventLog } from './record-event.ts';

/** The transcript of a call from message `from` on; what came after it before is replaced. */
export interface Words {
  readonly callId: string;
  readonly from: number;
  readonly messages: readonly TranscriptMessage[];
  readonly signs: LiveSigns;
}

/** What the fold of a talk reads. */
const READ: ReadonlySet<CallEvent['type']> = new Set([
  'answered',
  'stream_opened',
  'said',
  'corrected',
  'interrupted',
  'voicemail_left',
  'taken_over',
  'handed_back',
]);
/** Of each call, when somebody begins to watch. */
const LAST_MESSAGES = 4;

interface Talk {
  events: CallEvent[];
  messages: readonly TranscriptMessage[];
}

const same = (a: TranscriptMessage | undefined, b: TranscriptMessage | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.text === b.text &&
  a.speaker === b.speaker &&
  a.interrupted === b.interrupted &&
  a.heardMs === b.heardMs &&
  a.timestamp === b.timestamp;

export function createLiveWords(deps: { store: Store; events: EventLog; log: Log }) {
  const { store, events, log } = deps;
  const talks = new Map<string, Talk>();
  const listeners = new Set<(words: Words) => void>();

  function fold(callId: string, talk: Talk): void {
    const messages = foldTranscript(talk.events);
    const before = talk.messages;
    let from = 0;
    while (from < messages.length && same(before[from], messages[from])) from += 1;
    talk.messages = messages;
    if (from === messages.length && from === before.length) return;
    const words: Words = { callId, from, messages: messages.slice(from), signs: signsOf(messages) };
    for (const listener of listeners) listener(words);
  }

  /** A call that began before this process: what was said in it is read once. */
  async function catchUp(callId: string, talk: Talk): Promise<void> {
    const all = await store.events(callId);
    const known = new Set(talk.events.map(({ seq }) => seq));
    const missing = all.filter(({ type, seq }) => (READ.has(type) || seq === 1) && !known.has(seq));
    talk.events = [...missing, ...talk.events].sort((a, b) => a.seq - b.seq);
    if (talks.get(callId) === talk) fold(callId, talk);
  }

  events.watch(({ event, call }: Change) => {
    if (isOver(call)) {
      talks.delete(call._id);
      return;
    }
    let talk = talks.get(call._id);
    if (!talk) {
      talk = { events: [], messages: [] };
      talks.set(call._id, talk);
      if (event.seq > 1)
        catchUp(call._id, talk).catch((error) =>
          log.warn({ err: error, callId: call._id }, 'what was said on a call before could not be read'),
        );
    }
    if (!READ.has(event.type) && event.seq > 1) return;
    talk.events.push(event);
    fold(call._id, talk);
  });

  return {
    /** The last that was said on each call that goes on. */
    now: (): Words[] =>
      [...talks].map(([callId, { messages }]) => {
        const from = Math.max(0, messages.length - LAST_MESSAGES);
        return { callId, from, messages: messages.slice(from), signs: signsOf(messages) };
      }),
    watch(listener: (words: Words) => void): Cancel {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
