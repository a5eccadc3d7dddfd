/**
 * carrier/rest: Twilio's REST API as the official SDK calls it (twilio.md §4, §6.2 row 1): calls, recordings,
 * numbers, messages, notifications and the account itself. Answers and errors have Twilio's shapes and codes.
 */
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import type { Method } from './callbacks.ts';
import {
  type Call,
  type CallRequest,
  type Calls,
  DEFAULT_TIME_LIMIT_S,
  DEFAULT_TIMEOUT_S,
  type StatusEvent,
} from './calls.ts';
import type { DebuggerEntry, Journal } from './journal.ts';
import { type Message, type Messages, segmentsOf } from './messages.ts';
import { type Hook, national, type OwnNumber } from './numbers.ts';
import type { Source } from './program.ts';
import type { Recording, RecordingRequest, Recordings } from './recordings.ts';

const VERSION = '2010-04-01';
const TWIML_LIMIT_CHARACTERS = 4000;
const BODY_LIMIT_BYTES = 256 * 1024;
const E164 = /^\+[1-9]\d{6,14}$/;
const SHORT_CODE = /^\+?1?[2-9]11$/;
const PAGE_SIZE = 50;
const PAGE_SIZE_LIMIT = 1000;

/** Twilio's magic numbers (twilio.md §6.2): what creating a call to or from them answers. */
const MAGIC_TO: Readonly<Record<string, [number, string]>> = {
  '+15005550001': [21217, 'Phone number does not appear to be valid'],
  '+15005550002': [21214, 'To phone number cannot be reached'],
  '+15005550003': [21215, 'Account not authorized to call this number'],
  '+15005550004': [21216, 'Account not allowed to call this number'],
};
const MAGIC_SMS_TO: Readonly<Record<string, [number, string]>> = {
  '+15005550001': [21211, "Invalid 'To' Phone Number"],
  '+15005550002': [21612, 'The To phone number is not currently reachable'],
  '+15005550003': [21408, 'Permission to send an SMS has not been enabled for the region'],
  '+15005550004': [21610, 'Attempt to send to unsubscribed recipient'],
  '+15005550009': [21614, "'To' number is not a valid mobile number"],
};
/** The same for a number that ends in the code itself. */
const REFUSED_BY_DIGITS: Readonly<Record<string, [number, string]>> = {
  '21610': [21610, 'Attempt to send to unsubscribed recipient'],
  '21612': [21612, 'The To phone number is not currently reachable'],
  '21614': [21614, "'To' number is not a valid mobile number"],
};
const MAGIC_FROM_INVALID = '+15005550001';
const MAGIC_FROM_VALID = '+15005550006';

type Options = {
  readonly accountSid: string;
  readonly authToken: string;
  readonly journal: Journal;
  readonly calls: Calls;
  readonly recordings: Recordings;
  readonly messages: Messages;
  readonly numbers: ReadonlyMap<string, OwnNumber>;
};

/** A refusal in Twilio's shape. */
class RestError extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Form = { one(key: string): string | undefined; many(key: string): string[] };

/** Every request under this must carry the account's Basic credentials (20003). */
export function requireBasicAuth(accountSid: string, authToken: string) {
  const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
  return (request: Request, response: Response, next: NextFunction) => {
    if (request.headers.authorization === expected) return next();
    response.setHeader('WWW-Authenticate', 'Basic realm="Twilio API"');
    sendError(response, new RestError(401, 20003, 'Authenticate'));
  };
}

export function createRest(options: Options): Router {
  const { accountSid, authToken, journal, calls, recordings, messages, numbers } = options;
  const router = express.Router();
  const account = `/${VERSION}/Accounts/:account`;
  const root = `/${VERSION}/Accounts/${accountSid}`;

  router.use((_request, response, next) => {
    response.setHeader('Date', new Date(Date.now() + journal.faults.clock.aheadMs).toUTCString());
    next();
  });
  router.use(requireBasicAuth(accountSid, authToken));
  router.use(express.urlencoded({ extended: false, limit: BODY_LIMIT_BYTES, parameterLimit: 1000 }));
  router.use(account, (request, _response, next) => {
    if (request.params.account?.replace(/\.json$/, '') !== accountSid) throw notFound(request);
    next();
  });

  router.get(`/${VERSION}/Accounts/:account.json`, (_request, response) => {
    const now = rfc2822(new Date());
    response.json({
      sid: accountSid,
      friendly_name: 'Sandbox',
      owner_account_sid: accountSid,
      auth_token: authToken,
      status: 'active',
      type: 'Full',
      date_created: now,
      date_updated: now,
      uri: `${root}.json`,
      subresource_uris: {
        calls: `${root}/Calls.json`,
        recordings: `${root}/Recordings.json`,
        messages: `${root}/Messages.json`,
        incoming_phone_numbers: `${root}/IncomingPhoneNumbers.json`,
        notifications: `${root}/Notifications.json`,
      },
    });
  });

  router.post(`${account}/Calls.json`, (request, response) => {
    const fault = nextFault(response);
    if (fault === 'handled') return;
    const call = calls.create(callRequest(formOf(request)));
    if (call === undefined) throw new RestError(429, 20429, 'Too many calls are queued');
    if (fault === 'answer-lost') {
      request.socket.resetAndDestroy();
      return;
    }
    response.status(201).json(callJson(call));
  });

  router.get(`${account}/Calls.json`, (request, response) => {
    const { query } = request;
    const found = [...calls.all.values()]
      .reverse()
      .filter(
        (call) =>
          (typeof query.To !== 'string' || call.to === query.To) &&
          (typeof query.From !== 'string' || call.from === query.From) &&
          (typeof query.Status !== 'string' || call.status === query.Status) &&
          (typeof query.ParentCallSid !== 'string' || call.parentCallSid === query.ParentCallSid) &&
          inTime(query, 'StartTime', call.startedAt ?? call.createdAt) &&
          inTime(query, 'EndTime', call.endedAt),
      );
    sendPage(request, response, 'calls', found.map(callJson));
  });

  router.get(`${account}/Calls/:call.json`, (request, response) => {
    response.json(callJson(callOf(request)));
  });

  router.post(`${account}/Calls/:call.json`, (request, response) => {
    const call = callOf(request);
    const form = formOf(request);
    const status = form.one('Status');
    const url = form.one('Url');
    const twiml = form.one('Twiml');
    if (url !== undefined && twiml !== undefined)
      throw new RestError(400, 21218, 'Url and Twiml exclude each other');
    if (status !== undefined && status !== 'canceled' && status !== 'completed') {
      throw new RestError(400, 20001, `Status must be canceled or completed, not ${status}`);
    }
    const limit = form.one('TimeLimit');
    if (limit !== undefined) calls.setTimeLimit(call, wholeNumber('TimeLimit', limit, 1, 86_400));
    if (url !== undefined || twiml !== undefined) {
      const hook = statusHook(form);
      if (hook !== undefined) call.statusCallback = hook;
      const fallback = form.one('FallbackUrl');
      if (fallback !== undefined) {
        call.fallback = {
          url: httpUrl('FallbackUrl', fallback),
          method: methodOf(form.one('FallbackMethod')),
        };
      }
      orRefuse(calls.redirect(call, sourceOf(url, twiml, form.one('Method'))));
    }
    if (status !== undefined) orRefuse(calls.finish(call, status));
    response.json(callJson(call));
  });

  router.post(`${account}/Calls/:call/Recordings.json`, (request, response) => {
    const call = callOf(request);
    if (call.line === undefined || call.status !== 'in-progress') {
      throw new RestError(
        400,
        21220,
        'Requested resource is not eligible for recording: the call is not in-progress',
      );
    }
    const form = formOf(request);
    const recording = recordings.start(call.sid, call.line, {
      ...recordingRequest(form, 'do-not-trim'),
      source: 'StartCallRecordingAPI',
    });
    response.status(201).json(recordingJson(recording, 'call'));
  });

  router.get(`${account}/Calls/:call/Recordings.json`, (request, response) => {
    const call = callOf(request);
    const found = [...recordings.all.values()]
      .reverse()
      .filter((recording) => recording.callSid === call.sid);
    sendPage(
      request,
      response,
      'recordings',
      found.map((recording) => recordingJson(recording, 'call')),
    );
  });

  router.post(`${account}/Calls/:call/Recordings/:recording.json`, (request, response) => {
    const recording = recordingOf(request);
    if (formOf(request).one('Status') !== 'stopped') {
      throw new RestError(400, 20001, 'The sandbox can stop a recording; it cannot pause one');
    }
    if (!recordings.stop(recording.sid)) throw new RestError(400, 21220, 'The recording has ended');
    response.json(recordingJson(recording, 'call'));
  });

  router.get(`${account}/Recordings.json`, (request, response) => {
    const { CallSid } = request.query;
    const found = [...recordings.all.values()]
      .reverse()
      .filter((recording) => typeof CallSid !== 'string' || recording.callSid === CallSid);
    sendPage(
      request,
      response,
      'recordings',
      found.map((recording) => recordingJson(recording, 'account')),
    );
  });

  router.get(
    [`${account}/Recordings/:recording.json`, `${account}/Calls/:call/Recordings/:recording.json`],
    (request, response) => {
      response.json(recordingJson(recordingOf(request), 'account'));
    },
  );

  router.delete(
    [
      `${account}/Recordings/:recording.json`,
      `${account}/Recordings/:recording`,
      `${account}/Calls/:call/Recordings/:recording.json`,
    ],
    (request, response) => {
      recordings.remove(recordingOf(request).sid);
      response.status(204).end();
    },
  );

  // Without an extension the file is a WAV; the sandbox makes no MP3.
  router.get(
    [`${account}/Recordings/:recording.wav`, `${account}/Recordings/:recording`],
    (request, response) => {
      const recording = recordingOf(request);
      if (recording.status !== 'completed') throw notFound(request);
      const wanted = request.query.RequestedChannels;
      if (wanted !== undefined && wanted !== '1' && wanted !== '2') {
        throw new RestError(400, 20001, 'RequestedChannels must be 1 or 2');
      }
      const wav = recordings.wav(recording, wanted === undefined ? undefined : wanted === '2' ? 2 : 1);
      if (wav === undefined)
        throw new RestError(400, 20001, 'The requested number of channels is not available');
      response.type('audio/x-wav').send(wav);
    },
  );

  router.get(`${account}/IncomingPhoneNumbers.json`, (request, response) => {
    const { PhoneNumber } = request.query;
    const found = [...numbers.values()].filter(
      (own) => typeof PhoneNumber !== 'string' || own.number.includes(PhoneNumber.replace(/[^\d+]/g, '')),
    );
    sendPage(request, response, 'incoming_phone_numbers', found.map(numberJson));
  });

  router.get(`${account}/IncomingPhoneNumbers/:number.json`, (request, response) => {
    response.json(numberJson(ownNumberOf(request)));
  });

  router.post(`${account}/IncomingPhoneNumbers/:number.json`, (request, response) => {
    const own = ownNumberOf(request);
    const form = formOf(request);
    own.voice = changed(form, 'VoiceUrl', 'VoiceMethod', own.voice);
    own.voiceFallback = changed(form, 'VoiceFallbackUrl', 'VoiceFallbackMethod', own.voiceFallback);
    own.status = changed(form, 'StatusCallback', 'StatusCallbackMethod', own.status);
    own.sms = changed(form, 'SmsUrl', 'SmsMethod', own.sms);
    own.friendlyName = form.one('FriendlyName') ?? own.friendlyName;
    own.updatedAt = new Date();
    response.json(numberJson(own));
  });

  router.post(`${account}/Messages.json`, (request, response) => {
    const fault = nextFault(response);
    if (fault === 'handled') return;
    const form = formOf(request);
    const to = form.one('To');
    const from = form.one('From');
    const body = form.one('Body');
    if (to === undefined) throw new RestError(400, 21604, "A 'To' phone number is required");
    if (!E164.test(to)) throw new RestError(400, 21211, `Invalid 'To' Phone Number: ${to}`);
    if (from === undefined) throw new RestError(400, 21603, "A 'From' phone number is required");
    if (body === undefined || body === '') throw new RestError(400, 21602, 'Message body is required');
    if (body.length > 1600) throw new RestError(400, 21617, 'The message body exceeds 1600 characters');
    const magic = MAGIC_SMS_TO[to] ?? REFUSED_BY_DIGITS[to.slice(-5)];
    if (magic !== undefined) throw new RestError(400, ...magic);
    if (from === MAGIC_FROM_INVALID || !E164.test(from))
      throw new RestError(400, 21212, `Invalid 'From' Phone Number: ${from}`);
    if (!numbers.has(from) && from !== MAGIC_FROM_VALID) {
      throw new RestError(
        400,
        21606,
        `The 'From' phone number ${from} is not a valid, SMS-capable number of this account`,
      );
    }
    if (messages.blocked(from, to))
      throw new RestError(400, 21610, 'Attempt to send to unsubscribed recipient');
    const callback = form.one('StatusCallback');
    const message = messages.send(
      from,
      to,
      body,
      callback === undefined ? undefined : httpUrl('StatusCallback', callback),
    );
    if (fault === 'answer-lost') {
      request.socket.resetAndDestroy();
      return;
    }
    response.status(201).json(messageJson(message));
  });

  router.get(`${account}/Messages.json`, (request, response) => {
    const { To, From } = request.query;
    const found = [...messages.all.values()]
      .reverse()
      .filter(
        (message) =>
          (typeof To !== 'string' || message.to === To) &&
          (typeof From !== 'string' || message.from === From) &&
          inTime(request.query, 'DateSent', message.sentAt),
      );
    sendPage(request, response, 'messages', found.map(messageJson));
  });

  router.get(`${account}/Messages/:message.json`, (request, response) => {
    const message = messages.all.get(param(request, 'message'));
    if (message === undefined) throw notFound(request);
    response.json(messageJson(message));
  });

  router.get(
    [`${account}/Notifications.json`, `${account}/Calls/:call/Notifications.json`],
    (request, response) => {
      const sid = request.params.call;
      const found = [...journal.debugger]
        .reverse()
        .filter((entry) => sid === undefined || entry.callSid === sid);
      sendPage(request, response, 'notifications', found.map(notificationJson));
    },
  );

  router.use((request) => {
    throw notFound(request);
  });
  router.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    if (error instanceof RestError) return sendError(response, error);
    const status = (error as { status?: unknown }).status;
    if (typeof status === 'number' && status < 500) {
      return sendError(
        response,
        new RestError(status, 20001, error instanceof Error ? error.message : 'Bad request'),
      );
    }
    journal.note('carrier-error', undefined, {
      path: request.path,
      error: error instanceof Error ? error.stack : String(error),
    });
    sendError(response, new RestError(500, 20500, 'Internal Server Error'));
  });
  return router;

  /** What the creation of a call or a text meets: nothing, an answer that gets lost, or what is answered here already. */
  function nextFault(response: Response): 'none' | 'answer-lost' | 'handled' {
    const { mode, times } = journal.faults.rest;
    if (times === 0 || mode === 'none') return 'none';
    journal.setFaults({ rest: { times: times - 1 } });
    journal.note('rest-fault', undefined, { mode });
    if (mode === 'too-many-requests') throw new RestError(429, 20429, 'Too Many Requests');
    if (mode === 'concurrency') throw new RestError(400, 10004, 'Call concurrency limit exceeded');
    if (mode === 'answer-lost') return mode;
    // A request that hangs does so until the client gives up or the carrier closes.
    if (mode === 'server-error')
      response.status(503).type('html').send('<html><body>Service Unavailable</body></html>');
    return 'handled';
  }

  function callOf(request: Request): Call {
    const call = calls.all.get(param(request, 'call'));
    if (call === undefined) throw notFound(request);
    return call;
  }

  function recordingOf(request: Request): Recording {
    const recording = recordings.all.get(param(request, 'recording'));
    if (recording === undefined) throw notFound(request);
    return recording;
  }

  function ownNumberOf(request: Request): OwnNumber {
    const sid = param(request, 'number');
    for (const own of numbers.values()) if (own.sid === sid) return own;
    throw notFound(request);
  }

  function callRequest(form: Form): CallRequest {
    const to = form.one('To');
    const from = form.one('From');
    if (to === undefined || to === '') throw new RestError(400, 21201, "No 'To' number is specified");
    if (from === undefined || from === '') throw new RestError(400, 21213, "No 'From' number is specified");
    if (SHORT_CODE.test(to)) throw new RestError(400, 21202, `${to} is a premium or special number`);
    if (!E164.test(to))
      throw new RestError(400, 21211, `The phone number you are attempting to call, ${to}, is not valid.`);
    const magic = MAGIC_TO[to];
    if (magic !== undefined) throw new RestError(400, ...magic);
    if (to === from) throw new RestError(400, 21211, "'To' and 'From' are the same number");
    if (!E164.test(from) || from === MAGIC_FROM_INVALID) {
      throw new RestError(400, 21212, `The source phone number provided, ${from}, is not valid.`);
    }
    if (!numbers.has(from) && from !== MAGIC_FROM_VALID) {
      throw new RestError(
        400,
        21210,
        `The source phone number provided, ${from}, is not yet verified for your account.`,
      );
    }
    if (form.one('ApplicationSid') !== undefined) throw new RestError(400, 21218, 'Invalid ApplicationSid');
    const fallback = form.one('FallbackUrl');
    const digits = form.one('SendDigits') ?? '';
    if (!/^[0-9A-D*#wW]{0,32}$/.test(digits))
      throw new RestError(400, 21270, `Invalid SendDigits: ${digits}`);
    const mode = form.one('MachineDetection');
    if (mode !== undefined && mode !== 'Enable' && mode !== 'DetectMessageEnd') {
      throw new RestError(400, 21263, `Invalid MachineDetection: ${mode}`);
    }
    const amdCallback = form.one('AsyncAmdStatusCallback');
    const recorded = form.one('Record') === 'true';
    return {
      to,
      from,
      source: sourceOf(form.one('Url'), form.one('Twiml'), form.one('Method')),
      fallback:
        fallback === undefined
          ? undefined
          : { url: httpUrl('FallbackUrl', fallback), method: methodOf(form.one('FallbackMethod')) },
      statusCallback: statusHook(form),
      timeoutS: wholeNumber('Timeout', form.one('Timeout') ?? String(DEFAULT_TIMEOUT_S), 1, 600),
      timeLimitS: wholeNumber('TimeLimit', form.one('TimeLimit') ?? String(DEFAULT_TIME_LIMIT_S), 1, 86_400),
      sendDigits: digits,
      detection:
        mode === undefined
          ? undefined
          : {
              mode,
              async: form.one('AsyncAmd') === 'true',
              callback:
                amdCallback === undefined
                  ? undefined
                  : {
                      url: httpUrl('AsyncAmdStatusCallback', amdCallback),
                      method: methodOf(form.one('AsyncAmdStatusCallbackMethod')),
                    },
              timeoutMs:
                wholeNumber('MachineDetectionTimeout', form.one('MachineDetectionTimeout') ?? '30', 3, 59) *
                1000,
            },
      recording: recorded ? { ...recordingRequest(form, 'trim-silence'), source: 'OutboundAPI' } : undefined,
    };
  }

  function sourceOf(url: string | undefined, twiml: string | undefined, method: string | undefined): Source {
    if (url !== undefined) {
      if (twiml !== undefined)
        journal.complain('warning', 32019, 'Both Url and Twiml are set; Twiml is ignored');
      return { kind: 'url', url: httpUrl('Url', url), method: methodOf(method) };
    }
    if (twiml === undefined) throw new RestError(400, 21205, 'Url parameter is required.');
    if (twiml.length > TWIML_LIMIT_CHARACTERS) {
      throw new RestError(400, 32018, `Twiml exceeds ${TWIML_LIMIT_CHARACTERS} characters`);
    }
    return { kind: 'inline', twiml };
  }

  /** A bad StatusCallback does not refuse the call: it is a Debugger warning (21609) and no callbacks. */
  function statusHook(form: Form): CallRequest['statusCallback'] {
    const url = form.one('StatusCallback');
    if (url === undefined || url === '') return undefined;
    if (!isHttpUrl(url) || new URL(url).hostname.includes('_')) {
      journal.complain('warning', 21609, `Invalid StatusCallback url: ${url}`);
      return undefined;
    }
    const events = new Set<StatusEvent>();
    for (const event of form.many('StatusCallbackEvent').flatMap((value) => value.split(/[\s,]+/))) {
      if (event === 'initiated' || event === 'ringing' || event === 'answered' || event === 'completed')
        events.add(event);
      else journal.complain('warning', 21626, `Invalid StatusCallbackEvent: ${event}`);
    }
    if (events.size === 0) events.add('completed');
    return { url, method: methodOf(form.one('StatusCallbackMethod')), events };
  }

  function callJson(call: Call) {
    const uri = `${root}/Calls/${call.sid}`;
    const ours = call.direction === 'inbound' ? call.to : call.from;
    return {
      sid: call.sid,
      account_sid: accountSid,
      parent_call_sid: call.parentCallSid ?? null,
      status: call.status,
      direction: call.direction,
      to: call.to,
      to_formatted: national(call.to),
      from: call.from,
      from_formatted: national(call.from),
      phone_number_sid: numbers.get(ours)?.sid ?? null,
      date_created: rfc2822(call.createdAt),
      date_updated: rfc2822(call.updatedAt),
      start_time: call.startedAt === undefined ? null : rfc2822(call.startedAt),
      end_time: call.endedAt === undefined ? null : rfc2822(call.endedAt),
      duration: call.durationS === undefined ? null : String(call.durationS),
      price: calls.priceOf(call) ?? null,
      price_unit: 'USD',
      answered_by: call.answeredBy ?? null,
      api_version: VERSION,
      forwarded_from: null,
      group_sid: null,
      caller_name: null,
      queue_time: String(call.queueTimeMs),
      trunk_sid: null,
      uri: `${uri}.json`,
      subresource_uris: {
        notifications: `${uri}/Notifications.json`,
        recordings: `${uri}/Recordings.json`,
      },
    };
  }

  function recordingJson(recording: Recording, of: 'call' | 'account') {
    return {
      sid: recording.sid,
      account_sid: accountSid,
      call_sid: recording.callSid,
      conference_sid: null,
      api_version: VERSION,
      date_created: rfc2822(recording.startedAt),
      date_updated: rfc2822(recording.updatedAt),
      start_time: rfc2822(recording.startedAt),
      duration:
        recording.durationS === undefined ? (of === 'call' ? null : '-1') : String(recording.durationS),
      price: null,
      price_unit: 'USD',
      status: recording.status,
      channels: recording.channels,
      source: recording.source,
      error_code: recording.status === 'absent' ? 16101 : null,
      encryption_details: null,
      uri:
        of === 'call'
          ? `${root}/Calls/${recording.callSid}/Recordings/${recording.sid}.json`
          : `${root}/Recordings/${recording.sid}.json`,
      ...(of === 'call' ? { track: 'both' } : { subresource_uris: {}, media_url: recording.url }),
    };
  }

  function numberJson(own: OwnNumber) {
    return {
      sid: own.sid,
      account_sid: accountSid,
      phone_number: own.number,
      friendly_name: own.friendlyName,
      address_sid: null,
      address_requirements: 'none',
      api_version: VERSION,
      beta: false,
      capabilities: { voice: true, sms: true, mms: false, fax: false },
      date_created: rfc2822(own.createdAt),
      date_updated: rfc2822(own.updatedAt),
      identity_sid: null,
      origin: 'twilio',
      sms_application_sid: null,
      sms_fallback_method: 'POST',
      sms_fallback_url: null,
      sms_method: own.sms?.method ?? 'POST',
      sms_url: own.sms?.url ?? null,
      status_callback: own.status?.url ?? null,
      status_callback_method: own.status?.method ?? 'POST',
      trunk_sid: null,
      voice_receive_mode: 'voice',
      voice_application_sid: null,
      voice_caller_id_lookup: false,
      voice_fallback_method: own.voiceFallback?.method ?? 'POST',
      voice_fallback_url: own.voiceFallback?.url ?? null,
      voice_method: own.voice?.method ?? 'POST',
      voice_url: own.voice?.url ?? null,
      emergency_status: 'Inactive',
      emergency_address_sid: null,
      emergency_address_status: 'unregistered',
      bundle_sid: null,
      status: 'in-use',
      uri: `${root}/IncomingPhoneNumbers/${own.sid}.json`,
    };
  }

  function messageJson(message: Message) {
    const uri = `${root}/Messages/${message.sid}`;
    return {
      sid: message.sid,
      account_sid: accountSid,
      messaging_service_sid: null,
      api_version: VERSION,
      direction: message.direction,
      from: message.from,
      to: message.to,
      body: message.body,
      num_segments: String(segmentsOf(message.body)),
      num_media: '0',
      status: message.status,
      date_created: rfc2822(message.createdAt),
      date_updated: rfc2822(message.updatedAt),
      date_sent: message.sentAt === undefined ? null : rfc2822(message.sentAt),
      price: null,
      price_unit: 'USD',
      error_code: message.errorCode ?? null,
      error_message: message.errorCode === undefined ? null : 'The message was not delivered',
      uri: `${uri}.json`,
      subresource_uris: { media: `${uri}/Media.json` },
    };
  }

  function notificationJson(entry: DebuggerEntry) {
    const date = rfc2822(new Date(entry.at));
    return {
      sid: entry.sid,
      account_sid: accountSid,
      call_sid: entry.callSid ?? null,
      api_version: VERSION,
      date_created: date,
      date_updated: date,
      error_code: String(entry.code),
      log: entry.level === 'error' ? '0' : '1',
      message_date: date,
      message_text: entry.message,
      more_info: `https://www.twilio.com/docs/errors/${entry.code}`,
      request_method: 'POST',
      request_url: entry.url ?? null,
      uri: `${root}/Notifications/${entry.sid}.json`,
    };
  }
}

function formOf(request: Request): Form {
  const body = (request.body ?? {}) as Record<string, string | string[] | undefined>;
  const many = (key: string): string[] => {
    const value = Object.hasOwn(body, key) ? body[key] : undefined;
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  };
  return { one: (key) => many(key).at(-1), many };
}

function recordingRequest(form: Form, trimByDefault: string): Omit<RecordingRequest, 'source'> {
  const callback = form.one('RecordingStatusCallback');
  const events = form.many('RecordingStatusCallbackEvent').flatMap((value) => value.split(/[\s,]+/));
  return {
    channels: form.one('RecordingChannels') === 'dual' ? 2 : 1,
    trim: (form.one('Trim') ?? trimByDefault) === 'trim-silence',
    ...(callback === undefined ? {} : { statusCallback: httpUrl('RecordingStatusCallback', callback) }),
    statusCallbackMethod: methodOf(form.one('RecordingStatusCallbackMethod')),
    statusCallbackEvents: events.length === 0 ? ['completed'] : events,
  };
}

function changed(form: Form, urlKey: string, methodKey: string, before: Hook | undefined): Hook | undefined {
  const url = form.one(urlKey);
  const method = form.one(methodKey);
  if (url === '') return undefined;
  const next = url === undefined ? before?.url : httpUrl(urlKey, url);
  return next === undefined
    ? undefined
    : { url: next, method: method === undefined ? (before?.method ?? 'POST') : methodOf(method) };
}

function isHttpUrl(url: string): boolean {
  return /^https?:\/\/[^/\s]+/i.test(url) && URL.canParse(url);
}

function httpUrl(name: string, url: string): string {
  if (!isHttpUrl(url)) throw new RestError(400, 21205, `${name} is not a valid URL: ${url}`);
  return url;
}

function methodOf(method: string | undefined): Method {
  if (method === undefined || method === '') return 'POST';
  const upper = method.toUpperCase();
  if (upper !== 'GET' && upper !== 'POST') throw new RestError(400, 21206, `Invalid HTTP method: ${method}`);
  return upper;
}

function wholeNumber(name: string, value: string, low: number, high: number): number {
  if (!/^\d{1,9}$/.test(value))
    throw new RestError(400, 20001, `${name} must be a whole number, not ${value}`);
  return Math.min(high, Math.max(low, Number(value)));
}

function orRefuse(refused: { refused: string } | undefined): void {
  if (refused !== undefined) throw new RestError(400, 21220, refused.refused);
}

function param(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}

function notFound(request: Request): RestError {
  return new RestError(404, 20404, `The requested resource ${request.path} was not found`);
}

function sendError(response: Response, error: RestError): void {
  response.status(error.status).json({
    code: error.code,
    message: error.message,
    more_info: `https://www.twilio.com/docs/errors/${error.code}`,
    status: error.status,
  });
}

/** Whether `date` fits `name`, `name<` and `name>` of a query: a day (YYYY-MM-DD) or a moment, bounds included. */
function inTime(query: Request['query'], name: string, date: Date | undefined): boolean {
  const exact = query[name];
  const before = query[`${name}<`];
  const after = query[`${name}>`];
  if (exact === undefined && before === undefined && after === undefined) return true;
  if (date === undefined) return false;
  const seconds = Math.floor(date.getTime() / 1000) * 1000;
  const at = (value: unknown) => (typeof value === 'string' ? Date.parse(value) : Number.NaN);
  if (
    exact !== undefined &&
    !(typeof exact === 'string' && date.toISOString().startsWith(exact.slice(0, 10)))
  )
    return false;
  if (before !== undefined && !(seconds <= at(before))) return false;
  return after === undefined || seconds >= Math.floor(at(after) / 1000) * 1000;
}

function rfc2822(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}

/** One page of a list in Twilio's shape; `Page` counts from 0. */
function sendPage(request: Request, response: Response, key: string, items: readonly unknown[]): void {
  const number = (name: string, otherwise: number) => {
    const value = request.query[name];
    return typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : otherwise;
  };
  const size = Math.min(PAGE_SIZE_LIMIT, Math.max(1, number('PageSize', PAGE_SIZE)));
  const page = number('Page', 0);
  const start = page * size;
  const slice = items.slice(start, start + size);
  const uri = (at: number) => {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(request.query)) {
      if (typeof value === 'string' && name !== 'Page' && name !== 'PageSize' && name !== 'PageToken')
        query.set(name, value);
    }
    query.set('PageSize', String(size));
    query.set('Page', String(at));
    return `${request.path}?${query}`;
  };
  response.json({
    [key]: slice,
    page,
    page_size: size,
    start,
    end: Math.max(start, start + slice.length - 1),
    first_page_uri: uri(0),
    previous_page_uri: page > 0 ? uri(page - 1) : null,
    next_page_uri: start + size < items.length ? uri(page + 1) : null,
    uri: uri(page),
  });
}
