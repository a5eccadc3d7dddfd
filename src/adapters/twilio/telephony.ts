/**
 * adapters/twilio/telephony: calls through Twilio's REST API by its official SDK. Nothing here tries again by itself:
 * creating a call has no idempotency key, so a second try could ring a person twice.
 */
import { z } from 'zod';
import type { CarrierCall, Clock, Log, Telephony } from '../../app/ports.ts';
import type { EndStatus } from '../../domain/call.ts';
import { spendPermit } from '../../domain/compliance/permit.ts';
import { Failure, isFailure } from '../../domain/errors.ts';
import type { Finding } from '../../domain/finding.ts';
import { parsePhone } from '../../domain/phone.ts';
import { type Ask, lifeOf, type Operation, REQUEST_MS } from './client.ts';
import type { ClockComparison } from './clock-comparison.ts';
import { dialFailure, requestFailure } from './errors.ts';
import { inspectAccount } from './inspection.ts';
import { sayAndDial, sayAndHangUp } from './twiml.ts';

/** Inline TwiML (32018). */
const MAX_TWIML_CHARS = 4_000;
/** 16 CFR 310.4(b)(4)(ii): let it ring for fifteen seconds or four rings before giving up. */
const MIN_RING_SEC = 15;
const MAX_RING_SEC = 600;
/** The account ceiling that every account has (twilio.com/docs, extended call duration). */
const MAX_CALL_SEC = 4 * 3600;
const TRANSFER_RING_SEC = 25;
/**
 * Twilio's lists are eventually consistent and it names no bound. A request whose answer we lost was given up within 10 s
 * and is handled by Twilio within 15 s; the rest is margin. Before that, a list without the call proves nothing.
 */
const ABSENT_AFTER_MS = 60_000;
const LIST_EVERY_MS = 5_000;
const MAX_LISTED = 1_000;
/** Between our clock and Twilio's, whose creation times are cut to whole seconds. */
const CLOCK_SKEW_MS = 60_000;
const MAX_SIGHTINGS = 10_000;
/** A clock that is off stops all dialling, and is to be found right again as soon. */
const COMPARE_EVERY_MS = 300_000;
const WORTH_TELLING_MS = 5_000;

/**
 * Retries that Twilio makes for us (connection overrides in the URL's fragment, which Twilio neither sends nor signs).
 * TwiML is asked for while a person listens, so only failures of the way to us are tried again, within Twilio's 15 s.
 * The others are idempotent here and lose an event when given up, so every failure is.
 */
const TWIML_DELIVERY = '#rc=3&rp=ct,rt,5xx&ct=2000&rt=9000';
export const EVENT_DELIVERY = '#rc=5&rp=all&ct=2000&rt=5000';

const CallSid = z.string().regex(/^CA[0-9a-fA-F]{32}$/);
const RecordingSid = z.string().regex(/^RE[0-9a-fA-F]{32}$/);
/** What a call id may be made of, as it stands in the path of our callbacks. */
export const CallId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const STATES: Readonly<Record<string, CarrierCall['state']>> = {
  queued: 'queued',
  initiated: 'queued',
  ringing: 'ringing',
  'in-progress': 'in_progress',
};
/** How a call can end, in Twilio's words and in ours. */
export const ENDS: Readonly<Record<string, EndStatus>> = {
  completed: 'completed',
  busy: 'busy',
  'no-answer': 'no_answer',
  failed: 'failed',
  canceled: 'canceled',
};

interface Resource {
  readonly sid: string;
  readonly status: string;
  readonly duration: string;
}

function carrierCall({ sid, status, duration }: Resource): CarrierCall {
  const callSid = CallSid.safeParse(sid).data;
  const state = STATES[status];
  const end = ENDS[status];
  if (!callSid || (!state && !end))
    throw new Failure('telephony_unavailable', 'the carrier described a call in a way we do not know', {
      details: { status },
    });
  const seconds = Number.parseInt(duration, 10);
  return {
    callSid,
    state: state ?? 'over',
    ...(end ? { end } : {}),
    ...(seconds >= 0 ? { durationSec: seconds } : {}),
  };
}

const valid = <T>(schema: z.ZodType<T>, value: unknown, what: string): T => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Failure('invalid_request', `${what} is not valid: ${z.prettifyError(parsed.error)}`);
};

const DialTerms = z.object({
  callId: CallId,
  ringTimeoutSec: z.int().min(MIN_RING_SEC).max(MAX_RING_SEC),
  maxCallSec: z.int().min(1).max(MAX_CALL_SEC),
});

interface TelephonyParts {
  readonly accountSid: string;
  readonly authToken: string;
  readonly numbers: readonly string[];
  readonly ask: Ask;
  /** Where the API is, when it is elsewhere. */
  readonly apiBase?: URL;
  readonly comparison: ClockComparison;
  /** http(s), without a slash at the end. */
  readonly publicBaseUrl: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * `saw` takes what a signed callback proves, that `callSid` is the call of `callId`; with it `findCall` is certain even
 * when the answer to the dial was lost. The others as in TwilioAdapter.
 */
export function createTelephony(parts: TelephonyParts): {
  telephony: Telephony;
  saw(callId: string, callSid: string): void;
  inspect(signal: AbortSignal): Promise<readonly Finding[]>;
  clockSkewMs(): number | null;
  compareClocks(signal: AbortSignal): Promise<void>;
} {
  const { accountSid, authToken, numbers, publicBaseUrl, clock, log, ask, apiBase, comparison } = parts;
  const startedAtMs = clock.nowMs();
  const sidOf = new Map<string, string>();
  const callIdOf = new Map<string, string>();
  /** When a dial ended without a clear answer. */
  const unclearAtMs = new Map<string, number>();

  const remember = <T>(map: Map<string, T>, key: string, value: T) => {
    map.delete(key);
    map.set(key, value);
    for (const oldest of map.keys()) {
      if (map.size <= MAX_SIGHTINGS) break;
      map.delete(oldest);
    }
  };
  const saw = (callId: string, callSid: string) => {
    remember(sidOf, callId, callSid);
    remember(callIdOf, callSid, callId);
  };

  const unclear = (callId: string, failure: Failure) => {
    if (failure.code === 'dial_unconfirmed') remember(unclearAtMs, callId, clock.nowMs());
    return failure;
  };

  const read = async <T>(signal: AbortSignal, operation: Operation<T>): Promise<T> => {
    signal.throwIfAborted();
    return ask(signal, operation).catch((error) => {
      throw signal.aborted ? signal.reason : requestFailure(error);
    });
  };

  const update = (
    callSid: string,
    change: { status?: 'completed' | 'canceled'; twiml?: string },
    signal: AbortSignal,
  ) => {
    const sid = valid(CallSid, callSid, 'the call SID');
    return read(signal, (client) => client.calls(sid).update(change));
  };

  const redirect = async (callSid: string, twiml: string, signal: AbortSignal) => {
    if (twiml.length > MAX_TWIML_CHARS)
      throw new Failure(
        'invalid_request',
        `the sentence is too long for the carrier (${MAX_TWIML_CHARS} characters)`,
      );
    await update(callSid, { twiml }, signal);
  };

  const spoken = (sentence: string) => {
    if (sentence.trim() === '') throw new Failure('invalid_request', 'there is no sentence to speak');
    return sentence;
  };

  async function fetchCall(callSid: string, signal: AbortSignal): Promise<CarrierCall | 'absent'> {
    const sid = valid(CallSid, callSid, 'the call SID');
    try {
      return carrierCall(await read(signal, (client) => client.calls(sid).fetch()));
    } catch (error) {
      if (isFailure(error, 'call_not_found')) return 'absent';
      throw error;
    }
  }

  /** Calls of ours to `to` that may be the one placed at `sinceMs`, the nearest in time first. */
  async function candidates(callId: string, to: string, sinceMs: number, signal: AbortSignal) {
    // No StartTime filter: a call that waits in the carrier's queue has no start time yet and must not be missed.
    const listed = await read(signal, (client) =>
      client.calls.list({ to, limit: MAX_LISTED + 1, pageSize: MAX_LISTED }),
    );
    // A creation time can be missing on a call that is a moment old.
    const distance = (created: unknown) =>
      created instanceof Date && !Number.isNaN(created.getTime()) ? created.getTime() - sinceMs : 0;
    const found = listed
      .filter(
        (call) =>
          call.direction === 'outbound-api' &&
          distance(call.dateCreated) >= -CLOCK_SKEW_MS &&
          (callIdOf.get(call.sid) ?? callId) === callId,
      )
      .sort((a, b) => Math.abs(distance(a.dateCreated)) - Math.abs(distance(b.dateCreated)));
    return { found, complete: listed.length <= MAX_LISTED };
  }

  const telephony: Telephony = {
    async dial(permit, request, signal) {
      const to = spendPermit(permit, clock.nowMs());
      const { callId, ringTimeoutSec, maxCallSec } = valid(DialTerms, request, 'the dial request');
      if (!numbers.includes(request.from))
        throw new Failure('dial_refused', 'the caller ID is not one of our numbers', {
          details: { blame: 'caller_id', retry: 'after_fix' },
        });
      if (signal.aborted)
        throw new Failure('telephony_unavailable', 'stopped before anything was dialled', {
          cause: signal.reason,
        });
      const door = (path: string, delivery: string) => `${publicBaseUrl}/twilio/${path}/${callId}${delivery}`;
      const created = await ask(signal, (client) =>
        client.calls.create({
          to,
          from: request.from,
          url: door('voice', TWIML_DELIVERY),
          method: 'POST',
          fallbackUrl: door('fallback', TWIML_DELIVERY),
          fallbackMethod: 'POST',
          statusCallback: door('status', EVENT_DELIVERY),
          statusCallbackMethod: 'POST',
          statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'],
          timeout: ringTimeoutSec,
          timeLimit: maxCallSec,
          ...(request.detectMachine
            ? {
                machineDetection: 'DetectMessageEnd',
                asyncAmd: 'true',
                asyncAmdStatusCallback: door('amd', EVENT_DELIVERY),
                asyncAmdStatusCallbackMethod: 'POST',
              }
            : {}),
          ...(request.record
            ? {
                record: true,
                recordingChannels: 'dual',
                trim: 'do-not-trim',
                recordingStatusCallback: door('recording', EVENT_DELIVERY),
                recordingStatusCallbackMethod: 'POST',
                recordingStatusCallbackEvent: ['completed', 'absent'],
              }
            : {}),
        }),
      ).catch((error) => {
        throw unclear(callId, dialFailure(error));
      });
      const callSid = CallSid.safeParse(created.sid).data;
      if (!callSid)
        throw unclear(
          callId,
          new Failure('dial_unconfirmed', 'the carrier answered without a call SID; the call may exist'),
        );
      saw(callId, callSid);
      return { callSid };
    },

    fetchCall,

    async findCall({ callId, to, since }, signal) {
      const sinceMs = since.getTime();
      // The dial may have been later than `since`: by an earlier life of this process, or by us just now.
      const latestDialMs = Math.max(
        Math.min(sinceMs, clock.nowMs()),
        startedAtMs,
        unclearAtMs.get(callId) ?? 0,
      );
      const certainAtMs = latestDialMs + ABSENT_AFTER_MS;
      for (;;) {
        const certain = clock.nowMs() >= certainAtMs; // before asking: the answer must be younger than that
        const seen = sidOf.get(callId);
        const call = seen === undefined ? 'absent' : await fetchCall(seen, signal);
        if (call !== 'absent') return call;
        const { found, complete } = await candidates(callId, to, sinceMs, signal);
        if (found[0]) {
          if (found.length > 1)
            log.warn(
              { callId, candidates: found.map(({ sid }) => sid) },
              'several calls may be the one looked for',
            );
          return carrierCall(found[0]);
        }
        if (certain && seen === undefined && complete) return 'absent';
        if (certain)
          throw new Failure('telephony_unavailable', 'the carrier cannot tell yet whether the call exists');
        await clock.sleep(Math.min(LIST_EVERY_MS, certainAtMs - clock.nowMs()), signal);
      }
    },

    async hangUp(callSid, signal) {
      // `completed` ends a call in progress, `canceled` one that does not talk yet; a call may change between the two.
      const end = (status: 'completed' | 'canceled') =>
        update(callSid, { status }, signal).then(
          (call) => call.status as string,
          (error) => {
            if (isFailure(error, 'call_over')) return 'refused';
            throw error;
          },
        );
      const state = await end('completed');
      if (state === 'refused' || state === 'queued' || state === 'ringing') await end('canceled');
    },

    sayAndHangUp: async (callSid, sentence, signal) =>
      redirect(callSid, sayAndHangUp(spoken(sentence)), signal),

    async transfer(callSid, to, sentence, signal) {
      if (parsePhone(to) !== to)
        throw new Failure('invalid_request', 'the number to transfer to is not in E.164 form');
      const resultUrl = `${publicBaseUrl}/twilio/dial-result`;
      // Showing the caller's own number would need Twilio's CallToken: one of ours is always allowed.
      const callerId = numbers[0];
      await redirect(
        callSid,
        sayAndDial({ sentence: spoken(sentence), to, callerId, ringSec: TRANSFER_RING_SEC, resultUrl }),
        signal,
      );
    },

    async recording(recordingSid, signal) {
      const sid = valid(RecordingSid, recordingSid, 'the recording SID');
      const base = (apiBase?.href ?? 'https://api.twilio.com').replace(/\/$/, '');
      const url = `${base}/2010-04-01/Accounts/${accountSid}/Recordings/${sid}.wav`;
      const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
      signal.throwIfAborted();
      const life = lifeOf(signal);
      const patience = () =>
        clock.after(REQUEST_MS, () => life.end(new Error(`no audio for ${REQUEST_MS} ms`)));
      const unavailable = (error: unknown) =>
        signal.aborted
          ? signal.reason
          : new Failure('telephony_unavailable', 'the recording could not be read from the carrier', {
              cause: error,
            });
      let waiting = patience();

      const open = (channels: 1 | 2) =>
        fetch(`${url}?RequestedChannels=${channels}`, {
          headers: { authorization },
          signal: life.signal,
        }).catch((error) => {
          throw unavailable(error);
        });
      try {
        let answer = await open(2);
        if (answer.status === 400) {
          await answer.body?.cancel();
          answer = await open(1); // there is no dual-channel version of it
        }
        if (answer.status === 404)
          throw new Failure('recording_not_found', 'the carrier has no such recording');
        if (answer.status === 401 || answer.status === 403)
          throw new Failure('config_invalid', 'the carrier refuses the account SID or auth token');
        const { body } = answer;
        if (!answer.ok || !body) throw unavailable(new Error(`HTTP ${answer.status}`));

        // Until the first read, and between two, the patience runs: an answer that nobody reads is dropped.
        return (async function* () {
          try {
            for await (const chunk of body) {
              waiting();
              yield chunk;
              waiting = patience();
            }
          } catch (error) {
            throw unavailable(error);
          } finally {
            waiting();
            life.end();
          }
        })();
      } catch (error) {
        waiting();
        life.end();
        throw error;
      }
    },
  };

  async function compareClocks(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await read(signal, (client) => client.api.v2010.accounts(accountSid).fetch()).catch((error) => {
        if (!signal.aborted) log.warn({ err: error }, 'the carrier could not be asked for its time');
      });
      const skewMs = comparison.skewMs();
      if (skewMs !== null && Math.abs(skewMs) > WORTH_TELLING_MS)
        log.warn({ skewMs }, "this machine's clock and the carrier's differ");
      await clock.sleep(COMPARE_EVERY_MS, signal).catch(() => {});
    }
  }

  const inspect = (signal: AbortSignal): Promise<readonly Finding[]> =>
    inspectAccount((request) => ask(signal, request), { accountSid, numbers, publicBaseUrl }, signal);

  return { telephony, saw, inspect, clockSkewMs: comparison.skewMs, compareClocks };
}
