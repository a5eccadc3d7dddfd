/**
 * app/correct-words: a person corrects what a line of the transcript says. The correction is an event of the call, so what was
 * heard stays, and whoever reads the transcript from then on (people, the search, exports, later analyses) reads the correction.
 */
import { type Call, type CallEvent, isOver } from '../domain/call.ts';
import { transcriptArchive } from '../domain/documents.ts';
import { eraseEvent } from '../domain/erasure.ts';
import { Failure } from '../domain/errors.ts';
import { foldTranscript, transcriptText } from '../domain/transcript.ts';
import type { Clock, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';

export interface WordsCorrected {
  readonly callId: string;
  /** Counts the messages of the transcript from 0. */
  readonly messageIndex: number;
  /** What the line reads as whoever corrects it sees it, and what it is to read. Absent: again as it was heard. */
  readonly wording?: { readonly was: string; readonly text: string };
}

/** Others may correct the same call at the same moment, so often. */
const TRIES = 10;

const refused = (field: string, message: string): Failure =>
  new Failure('invalid_request', message, { details: { fields: { [field]: message } } });

export function createCorrectWords(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventLog;
}) {
  const { store, clock, events } = deps;

  async function correctable(callId: string): Promise<Call> {
    const call = await events.call(callId);
    if (!call) throw new Failure('call_not_found', `no call ${callId}`);
    if (!isOver(call)) throw refused('callId', 'the call is not over yet');
    if (call.erasedAt) throw refused('callId', 'what was said in this call is erased');
    return call;
  }

  /** The person was erased while their words were being corrected: the correction goes as they went. */
  async function forget(callId: string): Promise<never> {
    for (const event of await store.events(callId))
      if (event.type === 'reworded') await store.collection('call_events').put(eraseEvent(event, ''));
    throw refused('callId', 'what was said in this call is erased');
  }

  /** Tells the transcript's document, wherever it is kept. Of two who do it at once the later one has everything. */
  async function tell(call: Call): Promise<void> {
    for (let told = -1; ; ) {
      const all = await store.events(call._id);
      if (all.length === told) return;
      told = all.length;
      const messages = foldTranscript(all);
      const at = new Date(clock.nowMs());
      const filter = { _id: call._id, totalMessages: messages.length };
      const change = { $set: { messages, fullTranscript: transcriptText(messages), updatedAt: at } };
      if (await store.collection('call_transcripts').update(filter, change)) continue;
      for (let year = call.initiatedAt.getUTCFullYear(); year <= at.getUTCFullYear(); year += 1)
        await store.collection(transcriptArchive(year)).update(filter, change);
    }
  }

  /**
   * Throws `call_not_found`, `not_found` for a line that is not there, `invalid_request` for a call that is not over or whose words
   * are gone and for a line that nobody said, `transcript_conflict` when it does not read as `was` says. The same correction
   * once more changes nothing.
   */
  return async function correctWords(
    { callId, messageIndex, wording }: WordsCorrected,
    by: { readonly id: string; readonly name: string },
  ): Promise<void> {
    const call = await correctable(callId);
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const all = await store.events(callId);
      const message = foldTranscript(all)[messageIndex];
      if (!message) throw new Failure('not_found', `the transcript has no message ${messageIndex}`);
      if (message.speaker === 'system') throw refused('messageIndex', 'nobody said this line');
      if (message.text === (wording?.text ?? message.correction?.original ?? message.text))
        return await tell(call);
      if (wording && message.text !== wording.was)
        throw new Failure('transcript_conflict', 'the line reads otherwise by now', {
          details: { text: message.text },
        });
      // One number for each correction of a call: of two people who write at once one is told to look again.
      const eventId = `${callId}:reworded:${all.filter(({ type }) => type === 'reworded').length}`;
      const text = wording ? { text: wording.text } : {};
      const after = await events.record(
        callId,
        { type: 'reworded', messageIndex, ...text, by: by.id, name: by.name },
        { eventId },
      );
      if (after.erasedAt) return await forget(callId);
      const kept = (await store.events(callId)).find((event) => event.eventId === eventId);
      if (kept && isOurs(kept, messageIndex, wording?.text, by.id)) return await tell(call);
    }
    throw new Failure('store_unavailable', 'too many people correct this call at once; try again');
  };
}

const isOurs = (event: CallEvent, messageIndex: number, text: string | undefined, by: string): boolean =>
  event.type === 'reworded' && event.messageIndex === messageIndex && event.text === text && event.by === by;
