/** app/write-conversation: a call that was analysed as a written conversation by which analyses can be measured. */
import { type Call, isOver } from '../domain/call.ts';
import { Failure } from '../domain/errors.ts';
import type { KnownPeople } from '../domain/pseudonyms.ts';
import { foldTranscript, talkStart } from '../domain/transcript.ts';
import { type CallTest, testOf } from '../domain/written-conversation.ts';
import { zoneOf } from './find-analysis.ts';
import type { Clock, Store } from './ports.ts';
import { slices } from './slices.ts';

export function createWriteConversation({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
  /** Who may be named in a call: the lead, whoever was asked for, and those of the staff who had to do with it. */
  async function peopleOf(call: Call, staff: readonly string[]): Promise<KnownPeople> {
    const lead = call.leadId ? await store.collection('leads').get(call.leadId) : undefined;
    const { street, city, zipCode } = lead?.contact.address ?? {};
    const parts = [call.terms?.calledName ?? '', ...staff].map((name) => name.trim().split(/\s+/));
    return {
      firstNames: [lead?.contact.firstName ?? '', ...parts.map(([first = '']) => first)],
      lastNames: [lead?.contact.lastName ?? '', ...parts.map(([, ...rest]) => rest.join(' '))],
      places: [street, city, zipCode, lead?.propertyAddress].filter((place) => place !== undefined),
      kept: [call.terms?.seller ?? '', 'Parley'],
    };
  }

  /**
   * Throws `call_not_found`, `invalid_request` for a call that is not over or whose words are gone, `not_found` for one that nobody
   * analysed.
   */
  return async function writeConversation(callId: string): Promise<CallTest> {
    const call = await store.collection('calls').get(callId);
    if (!call) throw new Failure('call_not_found', `no call ${callId}`);
    const refused = (message: string): Failure =>
      new Failure('invalid_request', message, { details: { fields: { callId: message } } });
    if (!isOver(call)) throw refused('the call is not over yet');
    if (call.erasedAt) throw refused('what was said in this call is erased');
    const shown = call.analysis && (await store.collection('call_analyses').get(call.analysis.analysisId));
    if (!shown?.analysis) throw new Failure('not_found', 'this call was not analysed yet');
    const events = await store.events(callId);
    const staff = events.flatMap((event) =>
      event.type === 'taken_over' || event.type === 'whispered' ? [event.name] : [],
    );
    const writing = testOf({
      messages: foldTranscript(events),
      startedAt: talkStart(events) ?? call.initiatedAt,
      zone: zoneOf(call),
      optedOut: call.optedOut,
      analysis: shown.analysis,
      wrong: shown.wrong,
      known: await peopleOf(call, [...new Set(staff)]),
    });
    const breathe = slices(clock);
    for (;;) {
      const step = writing.next();
      if (step.done === true) return step.value;
      await breathe();
    }
  };
}
