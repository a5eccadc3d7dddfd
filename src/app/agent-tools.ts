/**
 * app/agent-tools: what the agent may do during a call. Every tool checks its own input: it was written by a language
 * model that listens to strangers.
 */
import { z } from 'zod';
import type { Call, FollowUpKind } from '../domain/call.ts';
import type { CallingPolicy, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { journeyInWords } from '../domain/journey.ts';
import type { ToolAnswer } from './bridge-call.ts';
import type { Knowledge } from './knowledge.ts';
import { type OptOutOrKeep, optOutInCall } from './opt-out.ts';
import type { Clock, Log, Store } from './ports.ts';
import { farewellOf, type Speaker, signOffOf } from './prompts.ts';
import type { EventLog } from './record-event.ts';

export interface ToolDeps extends Speaker {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventLog;
  readonly log: Log;
  readonly knowledge: Pick<Knowledge, 'lookUp'>;
  /** Adds every number of the person to the internal list and revokes consent, at once. */
  readonly optOut: OptOutOrKeep;
  readonly policyOf: (campaignId: string | undefined) => Promise<CallingPolicy>;
}

const short = z.string().trim().max(500);
const EndCall = z.object({
  reason: short.default('the conversation is over'),
  outcome: z
    .enum(['not_interested', 'wrong_number', 'callback', 'qualified', 'voicemail', 'no_conversation'])
    .optional()
    .catch(undefined),
});
const Stop = z.object({
  words: short.default('asked not to be called'),
  channel: z.enum(['voice', 'keypad']).default('voice').catch('voice'),
});
const FollowUp = z.object({
  type: z.enum(['site_visit', 'callback', 'send_email', 'send_sms']).default('callback').catch('callback'),
  at: z.string().max(64).optional(),
  notes: short.default(''),
});
const Transfer = z.object({ reason: short.default('asked for a person') });
const LookUp = z.object({ topic: short.optional(), said: short.optional() });
/** Whoever objected waits for an answer: after so long the agent goes on without one. */
const LOOK_UP_MS = 300;
/** A follow-up further away than this is a misunderstanding. */
const FARTHEST_MS = 366 * 24 * 3_600_000;

const NOTHING_FOUND = JSON.stringify({
  found: false,
  say: 'Answer from what you know of this call. Promise nothing; offer that a person follows up.',
});

const wrong = (result: string): ToolAnswer => ({ result, isError: true });

export function createAgentTools(deps: ToolDeps) {
  const { store, clock, events, log, knowledge } = deps;

  async function lead(callId: string): Promise<Lead | undefined> {
    const call = await events.call(callId);
    return call?.leadId ? await store.collection('leads').get(call.leadId) : undefined;
  }

  /** Where a state wants name and number again at the end, the agent is told to say them. */
  function lastWords(call: Call | undefined): string {
    const signOff = call && signOffOf(deps, call);
    return signOff === undefined ? '' : ` Before that, say exactly this: "${signOff}"`;
  }

  const tools: Record<string, (callId: string, input: Record<string, unknown>) => Promise<ToolAnswer>> = {
    async end_call(callId, input) {
      const { reason, outcome } = EndCall.parse(input);
      if (outcome)
        await events.record(
          callId,
          { type: 'concluded', outcome, reason },
          { eventId: `${callId}:concluded` },
        );
      return {
        result: `The call ends when you have finished speaking.${lastWords(await events.call(callId))}`,
        afterwards: { act: 'hang_up', reason },
      };
    },

    async record_opt_out(callId, input) {
      const { words, channel } = Stop.parse(input);
      const call = await optOutInCall(deps, callId, channel, words);
      if (!call) return wrong('This call is unknown.');
      return {
        result: `Done: this person is on our do-not-call list, all their numbers, from now on. Confirm it in one sentence, say goodbye and end the call.${lastWords(call)}`,
        afterwards: {
          act: 'hang_up',
          reason: 'the person asked not to be called',
          sentence: farewellOf(deps, call),
        },
      };
    },

    async schedule_follow_up(callId, input) {
      const { type: kind, at: wished, notes } = FollowUp.parse(input);
      if ((await events.call(callId))?.optedOut)
        return wrong('This person asked not to be called. Nothing can be arranged; say goodbye.');
      const nowMs = clock.nowMs();
      const at = wished === undefined ? undefined : new Date(wished);
      if (at && Number.isNaN(at.getTime()))
        return wrong(
          `"${wished}" is no date I can read; use ISO 8601 with the time zone, such as 2026-10-26T14:00:00-07:00.`,
        );
      if (at && at.getTime() < nowMs - 60_000) return wrong('That time has passed. Ask for another time.');
      if (at && at.getTime() > nowMs + FARTHEST_MS)
        return wrong('That is more than a year away. Ask for another time.');
      const follow: { type: 'follow_up_scheduled'; kind: FollowUpKind; notes: string; scheduledFor?: Date } =
        {
          type: 'follow_up_scheduled',
          kind,
          notes,
          ...(at ? { scheduledFor: at } : {}),
        };
      await events.record(callId, follow, {
        eventId: `${callId}:follow_up:${kind}:${at?.toISOString() ?? ''}`,
      });
      return {
        result: at
          ? `Noted for ${at.toISOString()}. Confirm it with the caller.`
          : 'Noted without a time. Confirm it with the caller.',
      };
    },

    async transfer_to_human(callId, input) {
      const { reason } = Transfer.parse(input);
      const call = await events.call(callId);
      const { transferNumber } = await deps.policyOf(call?.campaignId);
      if (!call || !transferNumber)
        return wrong('Nobody can take the call right now. Apologise and offer a call back by a person.');
      await events.record(
        callId,
        { type: 'transferred', to: transferNumber, reason },
        { eventId: `${callId}:transferred` },
      );
      return {
        result: 'The call is being connected to a person. Say one short sentence of goodbye.',
        afterwards: {
          act: 'transfer',
          to: transferNumber,
          sentence: `Please hold while I connect you to a person of ${deps.sellerName}.`,
        },
      };
    },

    async look_up_knowledge(callId, input) {
      const { topic, said } = LookUp.parse(input);
      const over = new AbortController();
      const late = clock.sleep(LOOK_UP_MS, over.signal).then(() => {
        throw new Failure('store_unavailable', 'the knowledge did not answer in time');
      });
      const looking = knowledge.lookUp({ ...(topic ? { topic } : {}), ...(said ? { said } : {}) });
      for (const each of [late, looking]) each.catch(() => undefined);
      let found: Awaited<typeof looking>;
      try {
        found = await Promise.race([looking, late]);
      } catch (error) {
        log.warn({ err: error, callId }, 'the knowledge could not be asked');
        return { result: NOTHING_FOUND };
      } finally {
        over.abort();
      }
      // What was looked up is kept behind the answer: whoever objected does not wait for the disk.
      events
        .record(callId, {
          type: 'looked_up',
          ...(found ? { entry: { key: found.entry.key, version: found.entry.version } } : {}),
        })
        .catch((error) => log.error({ err: error, callId }, 'a look-up could not be recorded'));
      if (!found) return { result: NOTHING_FOUND };
      return { result: JSON.stringify({ found: true, title: found.entry.title, answer: found.words }) };
    },

    async lookup_lead(callId) {
      const found = await lead(callId);
      if (!found)
        return {
          result: JSON.stringify({ known: false, say: 'We do not have this number in our records.' }),
        };
      return {
        result: JSON.stringify({
          known: true,
          firstName: found.contact.firstName,
          source: found.source,
          receivedAt: found.receivedAt.toISOString(),
          consentSource: found.consent?.consentSource,
          consentDate: found.consent?.consentDate?.toISOString(),
          propertyAddress: found.propertyAddress,
          intent: found.intent,
          ...(found.web ? { lookedAt: journeyInWords(found.web) } : {}),
        }),
      };
    },
  };

  /** Runs one tool call; an unknown tool or bad input is answered to the agent, so that it can say so. */
  return async function runTool(
    callId: string,
    name: string,
    parameters: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<ToolAnswer> {
    const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
    if (!tool) return wrong(`There is no tool named ${name.slice(0, 60)}.`);
    signal.throwIfAborted();
    try {
      const gone = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
      );
      gone.catch(() => {});
      return await Promise.race([tool(callId, parameters), gone]);
    } catch (error) {
      if (error instanceof z.ZodError) return wrong(`The input is not right: ${z.prettifyError(error)}`);
      throw error;
    }
  };
}
