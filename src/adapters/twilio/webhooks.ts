/**
 * adapters/twilio/webhooks: every HTTP request that Twilio makes, from the signature to the answer. Requests for TwiML
 * always get TwiML: a person is listening, so when the app is slow or fails they hear a sentence, never silence. All
 * other requests are acknowledged only when the app has what they say, and Twilio repeats those that are not.
 */
import { z } from 'zod';
import type {
  CarrierInlet,
  CarrierStatus,
  Clock,
  Log,
  StreamTickets,
  VendorDoor,
  VendorReply,
} from '../../app/ports.ts';
import { isFailure } from '../../domain/errors.ts';
import { carrierError } from './errors.ts';
import { deliveryOf, MessageSid } from './messages.ts';
import type { Form, Signature } from './signature.ts';
import { CallId, ENDS } from './telephony.ts';
import * as twiml from './twiml.ts';

/** Twilio gives up on TwiML after 15 s; a caller gives up on silence sooner. */
const TWIML_MS = 8_000;
/** Below the read timeout that our callback addresses ask for, so that a repeat comes after our answer. */
const EVENT_MS = 4_500;
const MAX_BODY_BYTES = 64 * 1024;

const APOLOGY = 'We are sorry, something went wrong on our side. Goodbye.';
const NOBODY_FREE = 'We are sorry, nobody can take your call right now. Goodbye.';

/** Parses a form; a repeated key has an array, values are neither trimmed nor checked. Never throws. */
export function parseForm(text: string): Form {
  const form: Record<string, string | string[]> = Object.create(null);
  // The separator in front keeps URLSearchParams from taking a leading "?" for the start of a query.
  for (const [key, value] of new URLSearchParams(`&${text}`)) {
    const before = form[key];
    if (before === undefined) form[key] = value;
    else if (typeof before === 'string') form[key] = [before, value];
    else before.push(value);
  }
  return form;
}

/** A field that should stand once; of repeats the first counts. */
const once = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (Array.isArray(value) ? value[0] : value), schema);
/** A hint that is dropped when it makes no sense: a callback is not lost for it. */
const hint = <T extends z.ZodType>(schema: T) => once(schema.optional().catch(undefined));

const sid = (kind: string) => once(z.string().regex(new RegExp(`^${kind}[0-9a-fA-F]{32}$`)));
const text = (longest: number) => once(z.string().max(longest));
const whole = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number);
const answeredBy = z.enum([
  'human',
  'fax',
  'unknown',
  'machine_start',
  'machine_end_beep',
  'machine_end_silence',
  'machine_end_other',
]);
const moment = z
  .string()
  .transform((value) => new Date(value))
  .refine((date) => !Number.isNaN(date.getTime()));

const Ringing = z.object({
  CallSid: sid('CA'),
  From: text(128),
  To: text(128),
  StirVerstat: hint(z.string().max(64)),
});
const Asking = z.object({ CallSid: sid('CA'), CallStatus: hint(z.string()) });
const Status = z.object({
  CallSid: sid('CA'),
  CallStatus: text(32),
  SequenceNumber: hint(whole),
  Timestamp: hint(moment),
  CallDuration: hint(whole),
  SipResponseCode: hint(whole),
  StirStatus: hint(z.string().max(64)),
  AnsweredBy: hint(answeredBy),
});
const Machine = z.object({
  CallSid: sid('CA'),
  AnsweredBy: once(z.string().pipe(answeredBy.catch('unknown'))),
  MachineDetectionDuration: hint(whole),
});
const Recording = z.object({
  CallSid: sid('CA'),
  RecordingSid: sid('RE'),
  RecordingStatus: text(32),
  RecordingUrl: hint(z.string().max(2_048)),
  RecordingDuration: hint(whole),
});
const Stream = z.object({
  StreamSid: text(64),
  StreamEvent: text(32),
  StreamError: hint(z.string().max(1_024)),
});
const Trouble = z.object({
  CallSid: hint(z.string().max(64)),
  ErrorCode: hint(whole),
  ErrorUrl: hint(z.string().max(2_048)),
});
const DialResult = z.object({ DialCallStatus: hint(z.string()) });
const Delivered = z.object({
  MessageSid: once(MessageSid),
  MessageStatus: text(32),
  ErrorCode: hint(whole),
});
const Message = z.object({
  MessageSid: once(MessageSid),
  From: once(z.string().min(1).max(128)),
  To: text(128),
  Body: once(z.string().max(10_000).default('')),
});

/** Twilio's words of progress, and the place that each takes when a callback comes without its number. */
const PROGRESS: Readonly<Record<string, { status: CarrierStatus['status']; place: number }>> = {
  initiated: { status: 'initiated', place: 0 },
  ringing: { status: 'ringing', place: 1 },
  'in-progress': { status: 'answered', place: 2 },
  ...Object.fromEntries(Object.entries(ENDS).map(([word, status]) => [word, { status, place: 3 }])),
};

/**
 * A status callback in the app's words; undefined when its status is none that we know. Seconds come from CallDuration:
 * `Duration` counts billed minutes. Throws z.ZodError when CallSid or CallStatus is missing or malformed.
 */
export function statusOf(form: Form): CarrierStatus | undefined {
  const said = Status.parse(form);
  const progress = Object.hasOwn(PROGRESS, said.CallStatus) ? PROGRESS[said.CallStatus] : undefined;
  if (!progress) return undefined;
  return {
    callSid: said.CallSid,
    sequence: said.SequenceNumber ?? progress.place,
    status: progress.status,
    ...(said.Timestamp ? { at: said.Timestamp } : {}),
    ...(said.CallDuration === undefined ? {} : { durationSec: said.CallDuration }),
    ...(said.SipResponseCode === undefined ? {} : { sipCode: said.SipResponseCode }),
    ...(said.StirStatus ? { attestation: said.StirStatus } : {}),
    ...(said.AnsweredBy ? { answeredBy: said.AnsweredBy } : {}),
  };
}

/** "A", "B" or "C" when the caller ID was verified with that level; Twilio's own words otherwise. */
const attestationOf = (verstat: string) => /^TN-Validation-Passed-([ABC])$/.exec(verstat)?.[1] ?? verstat;

const plain = (status: number, body: string): VendorReply => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
});
const document = (body: string): VendorReply => ({
  status: 200,
  contentType: 'text/xml; charset=utf-8',
  body,
});
const noted: VendorReply = { status: 204 };
const nowhere = plain(404, 'there is nothing here');

interface DoorParts {
  readonly publicBaseUrl: string;
  readonly signature: Signature;
  readonly tickets: StreamTickets;
  readonly clock: Clock;
  readonly log: Log;
  saw(callId: string, callSid: string): void;
}

type Answer = (form: Form, callId: string) => Promise<VendorReply>;

export function createDoor(parts: DoorParts, inlet: CarrierInlet): VendorDoor {
  const { publicBaseUrl, signature, tickets, clock, log, saw } = parts;

  /** Waits for the app, but not longer than `patienceMs`; what it does after that is its own affair. */
  async function within<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(patienceMs, () => reject(new Error(`no answer within ${patienceMs} ms`)));
    });
    try {
      return await Promise.race([(async () => work())(), late]);
    } finally {
      cancel();
    }
  }

  const trouble = (error: unknown) => ({
    code: isFailure(error) ? error.code : 'internal',
    pii: { error: String(error) },
  });

  /** A document that somebody will hear, whatever happens. */
  async function spoken(callId: string | undefined, work: () => Promise<string>): Promise<VendorReply> {
    try {
      return document(await within(TWIML_MS, work));
    } catch (error) {
      log.error({ callId, ...trouble(error) }, 'no instructions for a call; the person hears an apology');
      return document(twiml.sayAndHangUp(APOLOGY));
    }
  }

  /** Acknowledged only when the app took it. */
  async function kept(callId: string | undefined, work: () => Promise<unknown>): Promise<VendorReply> {
    try {
      await within(EVENT_MS, work);
      return noted;
    } catch (error) {
      log.error(
        { callId, ...trouble(error) },
        'a callback of the carrier could not be taken; it will be repeated',
      );
      return isFailure(error, 'call_not_found')
        ? plain(404, 'no such call')
        : plain(503, 'not taken; try again');
    }
  }

  const connect = (callId: string) =>
    twiml.connectStream({ publicBaseUrl, callId, token: tickets.issue(callId) });

  const status = (form: Form, callId: string | undefined) => {
    const report = statusOf(form);
    if (!report) {
      log.warn({ callId, status: form.CallStatus }, 'a call status that we do not know was left aside');
      return noted;
    }
    if (callId !== undefined) saw(callId, report.callSid);
    return kept(callId, () => inlet.status(callId, report));
  };

  const fallback = (form: Form, callId: string | undefined) => {
    const { CallSid, ErrorCode, ErrorUrl } = Trouble.parse(form);
    log.error(
      {
        callId,
        callSid: CallSid,
        carrierCode: ErrorCode,
        meaning: ErrorCode === undefined ? undefined : carrierError(ErrorCode).meaning,
        errorUrl: ErrorUrl,
      },
      'the carrier could not use our instructions; the person hears an apology',
    );
    return document(twiml.sayAndHangUp(APOLOGY));
  };

  const plainRoutes: Readonly<Record<string, (form: Form) => Promise<VendorReply>>> = {
    async voice(form) {
      const { CallSid, From, To, StirVerstat } = Ringing.parse(form);
      return spoken(undefined, async () => {
        const answer = await inlet.inbound({
          callSid: CallSid,
          from: From,
          to: To,
          ...(StirVerstat ? { attestation: attestationOf(StirVerstat) } : {}),
        });
        if (answer.kind === 'say') return twiml.sayAndHangUp(answer.sentence);
        saw(answer.callId, CallSid);
        return connect(answer.callId);
      });
    },
    status: async (form) => status(form, undefined),
    fallback: async (form) => fallback(form, undefined),
    async 'dial-result'(form) {
      const { DialCallStatus } = DialResult.parse(form);
      const reached = DialCallStatus === 'completed' || DialCallStatus === 'answered';
      return document(reached ? twiml.hangUp() : twiml.sayAndHangUp(NOBODY_FREE));
    },
    async sms(form) {
      const { MessageSid, From, To, Body } = Message.parse(form);
      let reply: string | undefined;
      const taken = await kept(undefined, async () => {
        ({ reply } = await inlet.message({ messageSid: MessageSid, from: From, to: To, text: Body }));
      });
      return taken === noted ? document(twiml.messageReply(reply)) : taken;
    },
  };

  const callRoutes: Readonly<Record<string, Answer>> = {
    async voice(form, callId) {
      const { CallSid } = Asking.parse(form);
      saw(callId, CallSid);
      return spoken(callId, async () => {
        const answer = await inlet.answered(callId, CallSid);
        if (answer.kind === 'connect') return connect(callId);
        return answer.kind === 'say' ? twiml.sayAndHangUp(answer.sentence) : twiml.hangUp();
      });
    },
    async after(form, callId) {
      const { CallSid, CallStatus } = Asking.parse(form);
      if (CallStatus !== undefined && Object.hasOwn(ENDS, CallStatus)) return document(twiml.nothing());
      return spoken(callId, async () => {
        const answer = await inlet.afterStream(callId, CallSid);
        if (answer.kind === 'connect') return connect(callId);
        return answer.kind === 'say' ? twiml.sayAndHangUp(answer.sentence) : twiml.hangUp();
      });
    },
    status: async (form, callId) => status(form, callId),
    fallback: async (form, callId) => fallback(form, callId),
    async amd(form, callId) {
      const { CallSid, AnsweredBy, MachineDetectionDuration } = Machine.parse(form);
      saw(callId, CallSid);
      return kept(callId, () => inlet.machine(callId, CallSid, AnsweredBy, MachineDetectionDuration));
    },
    async recording(form, callId) {
      const { CallSid, RecordingSid, RecordingStatus, RecordingUrl, RecordingDuration } =
        Recording.parse(form);
      if (RecordingStatus !== 'completed' && RecordingStatus !== 'absent' && RecordingStatus !== 'failed')
        return noted;
      return kept(callId, () =>
        inlet.recording(callId, {
          callSid: CallSid,
          recordingSid: RecordingSid,
          url: RecordingUrl ?? '',
          durationSec: RecordingDuration ?? 0,
          status: RecordingStatus,
        }),
      );
    },
    async message(form, messageId) {
      const { MessageSid: vendorId, MessageStatus, ErrorCode } = Delivered.parse(form);
      const report = deliveryOf(vendorId, MessageStatus, ErrorCode);
      if (!report) {
        log.warn(
          { messageId, status: MessageStatus },
          'a status of a text that we do not know was left aside',
        );
        return noted;
      }
      return kept(messageId, () => inlet.delivery(messageId, report));
    },
    async stream(form, callId) {
      const { StreamSid, StreamEvent, StreamError } = Stream.parse(form);
      if (StreamEvent !== 'stream-error') {
        log.debug({ callId, streamSid: StreamSid, streamEvent: StreamEvent }, 'stream callback');
        return noted;
      }
      return kept(callId, () => inlet.streamTrouble(callId, StreamSid, StreamError ?? 'no reason given'));
    },
  };

  const find = (path: string): ((form: Form) => Promise<VendorReply>) | undefined => {
    const [, room, name = '', id, ...more] = path.split('/');
    if (room !== 'twilio' || more.length > 0) return undefined;
    if (id === undefined) return Object.hasOwn(plainRoutes, name) ? plainRoutes[name] : undefined;
    const callId = CallId.safeParse(id).data;
    const answer = Object.hasOwn(callRoutes, name) ? callRoutes[name] : undefined;
    return answer && callId !== undefined ? (form) => answer(form, callId) : undefined;
  };

  return async (request) => {
    const mark = request.url.indexOf('?');
    const path = mark < 0 ? request.url : request.url.slice(0, mark);
    const answer = find(path);
    if (!answer) return nowhere;
    const posted = request.method === 'POST';
    if (!posted && request.method !== 'GET') return plain(405, 'use POST or GET');
    if (request.body.length > MAX_BODY_BYTES) return plain(413, 'the body is too long');
    const contentType = String(request.headers['content-type'] ?? '');
    if (posted && contentType && !/^application\/x-www-form-urlencoded\b/i.test(contentType))
      return plain(415, 'send a form (application/x-www-form-urlencoded)');

    const query = mark < 0 ? '' : request.url.slice(mark + 1);
    const form = parseForm(posted ? request.body.toString('utf8') : query);
    // A GET carries its parameters in the URL, which is signed whole.
    if (!signature.validRequest(request.headers['x-twilio-signature'], request.url, posted ? form : {})) {
      log.warn({ path }, 'a request with a missing or wrong carrier signature was refused');
      return plain(403, 'the signature does not match');
    }
    try {
      return await answer(form);
    } catch (error) {
      if (!(error instanceof z.ZodError)) {
        log.error({ path, ...trouble(error) }, 'a request of the carrier met a fault of ours');
        return plain(500, 'a fault of ours');
      }
      const fields = [...new Set(error.issues.map((issue) => issue.path.join('.')))].join(', ');
      log.warn({ path, fields }, 'a signed request of the carrier misses what it must say');
      return plain(400, `missing or malformed: ${fields}`);
    }
  };
}
