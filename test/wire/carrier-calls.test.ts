/** The life of a call at the sandbox carrier: queue, callbacks, TwiML, detection, faults, over real sockets. */
import twilio from 'twilio';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeUlaw, FRAME_BYTES, isSpeech } from '../../src/sandbox/audio.ts';
import { deliveryOf, signedForm } from '../../src/sandbox/carrier/callbacks.ts';
import { keyTones } from '../../src/sandbox/carrier/caller.ts';
import { parseTwiml, TwimlError } from '../../src/sandbox/carrier/twiml.ts';
import {
  ACCOUNT_SID,
  AUTH_TOKEN,
  OURS,
  openLine,
  PATIENT,
  person,
  type TestLine,
  toneSpeak,
  until,
} from '../support/carrier.ts';

const THEIRS = '+14155550123';
const ALL_EVENTS = ['initiated', 'ringing', 'answered', 'completed'];

let line: TestLine;
afterEach(() => line?.close());

async function open(options: Parameters<typeof openLine>[0] = {}, script = PATIENT) {
  line = await openLine(options);
  line.carrier.control.assign(THEIRS, script);
  line.answers.set('/voice', '<Response><Pause length="3600"/></Response>');
  return line;
}

type Create = Parameters<TestLine['client']['calls']['create']>[0];
const call = (more: Partial<Create> = {}) =>
  line.client.calls.create({
    to: THEIRS,
    from: OURS,
    url: `${line.app}/voice`,
    statusCallback: `${line.app}/status`,
    statusCallbackEvent: ALL_EVENTS,
    ...more,
  } as Create);

const ended = (sid: string) =>
  until('the end of the call', async () => {
    const { status } = await line.client.calls(sid).fetch();
    return ['completed', 'busy', 'failed', 'no-answer', 'canceled'].includes(status) && status;
  });
const inProgress = (sid: string) =>
  until(
    'the answer',
    () => line.carrier.control.calls().find((entry) => entry.sid === sid)?.status === 'in-progress',
  );
const statuses = () => line.callbacks('/status').map((params) => params.CallStatus);

describe('status callbacks', () => {
  test('come in the order of the call, numbered, dated and signed', async () => {
    await open();
    const { sid } = await call();
    await inProgress(sid);
    await line.client.calls(sid).update({ status: 'completed' });
    await until('four callbacks', () => statuses().length === 4);
    expect(statuses()).toEqual(['initiated', 'ringing', 'in-progress', 'completed']);
    expect(line.callbacks('/status').map((params) => params.SequenceNumber)).toEqual(['0', '1', '2', '3']);
    const [initiated, ringing, , last] = line.callbacks('/status');
    expect(initiated).toMatchObject({
      CallSid: sid,
      AccountSid: ACCOUNT_SID,
      From: OURS,
      To: THEIRS,
      Caller: OURS,
      Called: THEIRS,
      Direction: 'outbound-api',
      ApiVersion: '2010-04-01',
      CallbackSource: 'call-progress-events',
    });
    expect(initiated?.Timestamp).toMatch(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} \+0000$/);
    expect(ringing?.StirStatus).toBe('A');
    expect(last).toMatchObject({ Duration: '1', SipResponseCode: '200' });
    expect(last?.CallDuration).toMatch(/^\d+$/);
    expect(line.seen.every((entry) => entry.signed)).toBe(true);
    expect(line.seen.every((entry) => typeof entry.headers['i-twilio-idempotency-token'] === 'string')).toBe(
      true,
    );
  });

  test('only the end is told when nothing else is asked for', async () => {
    await open({}, person([{ pauseMs: 200 }]));
    await call({ statusCallbackEvent: undefined as never });
    await until('the callback', () => statuses().length > 0);
    expect(line.callbacks('/status')).toMatchObject([{ CallStatus: 'completed', SequenceNumber: '0' }]);
  });

  test.each([
    ['busy', { kind: 'busy' }, ['initiated', 'busy'], '486'],
    ['nobody there', { kind: 'never-answers' }, ['initiated', 'ringing', 'no-answer'], '487'],
    ['rejected', { kind: 'rejects' }, ['initiated', 'ringing', 'no-answer'], '603'],
    ['unreachable', { kind: 'unreachable' }, ['initiated', 'failed'], '404'],
  ] as const)(
    'a call that is %s ends with its SIP code and is not billed',
    async (_name, pickup, expected, sip) => {
      await open({}, person([], { pickup }));
      const { sid } = await call({ timeout: 3 });
      await ended(sid);
      await until('all callbacks', () => statuses().length === expected.length);
      expect(statuses()).toEqual(expected);
      const last = line.callbacks('/status').at(-1);
      expect(last).toMatchObject({ SipResponseCode: sip, CallDuration: '0' });
      expect(last).not.toHaveProperty('Duration');
      expect(line.callbacks('/voice')).toEqual([]);
    },
  );

  test('someone who would answer after the timeout is not reached', async () => {
    await open({}, person([], { ringMs: 5000 }));
    const { sid } = await call({ timeout: 2 });
    expect(await ended(sid)).toBe('no-answer');
  });

  test('the time limit ends a call', async () => {
    await open();
    const { sid } = await call({ timeLimit: 2 });
    expect(await ended(sid)).toBe('completed');
    expect((await line.client.calls(sid).fetch()).duration).toBe('2');
  });

  test('a recording from the start is named in the last callback', async () => {
    await open();
    const { sid } = await call({ record: true, recordingStatusCallback: `${line.app}/recording` });
    await inProgress(sid);
    await line.client.calls(sid).update({ status: 'completed' });
    const last = await until('the end', () =>
      line.callbacks('/status').find((params) => params.CallStatus === 'completed'),
    );
    const told = await until('the recording', () => line.callbacks('/recording')[0]);
    expect(told).toMatchObject({
      RecordingSid: last.RecordingSid,
      RecordingUrl: last.RecordingUrl,
      RecordingSource: 'OutboundAPI',
    });
  });
});

describe('the queue', () => {
  test('calls leave it one by one at the rate of the account', async () => {
    await open({ callsPerSecond: 1, timeScale: 5 });
    const made = await Promise.all([call(), call(), call()]);
    await until('all dialled', () => statuses().filter((status) => status === 'ringing').length === 3);
    const times = line.carrier.control.events.filter((event) => event.type === 'dialled');
    const [a = 0, b = 0, c = 0] = times.map((event) => event.atMs);
    expect(b - a).toBeGreaterThan(800);
    expect(c - b).toBeGreaterThan(800);
    const waits = await Promise.all(
      made.map(async ({ sid }) => Number((await line.client.calls(sid).fetch()).queueTime)),
    );
    expect(Math.max(...waits)).toBeGreaterThan(500);
  });

  test('a call canceled in it is never dialled and calls nobody back', async () => {
    await open({ callsPerSecond: 0.2 });
    await call();
    const second = await call();
    const canceled = await line.client.calls(second.sid).update({ status: 'canceled' });
    expect(canceled.status).toBe('canceled');
    await until('the first call', () => statuses().includes('in-progress'));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(line.callbacks('/status').filter((params) => params.CallSid === second.sid)).toEqual([]);
  });

  test('a call canceled while it rings is told as canceled; one in progress is not canceled', async () => {
    await open({}, person([{ pauseMs: 60_000 }], { ringMs: 20_000 }));
    const { sid } = await call();
    await until('ringing', () => statuses().includes('ringing'));
    await line.client.calls(sid).update({ status: 'canceled' });
    await until('the end', () => statuses().length === 3);
    expect(line.callbacks('/status').at(-1)).toMatchObject({
      CallStatus: 'canceled',
      SipResponseCode: '487',
    });

    line.carrier.control.assign(THEIRS, PATIENT);
    const other = await call();
    await inProgress(other.sid);
    expect((await line.client.calls(other.sid).update({ status: 'canceled' })).status).toBe('in-progress');
  });
});

describe('TwiML', () => {
  test('is fetched at the answer as in-progress and carried out verb by verb', async () => {
    await open();
    line.answers.set(
      '/voice',
      '<Response><Say voice="man">One two</Say><Play digits="12"/><Redirect>/next?a=1&amp;b=2</Redirect></Response>',
    );
    line.answers.set('/next', '<Response><Pause length="1"/><Hangup/></Response>');
    const { sid } = await call();
    expect(await ended(sid)).toBe('completed');
    expect(line.callbacks('/voice')[0]).toMatchObject({
      CallStatus: 'in-progress',
      Direction: 'outbound-api',
      CallSid: sid,
    });
    expect(line.callbacks('/next')[0]).toMatchObject({ a: '1', b: '2', CallSid: sid });
    const heard = line.carrier.control.tracks(sid)?.heard ?? Buffer.alloc(0);
    const said = await toneSpeak('One two');
    const at = heard.indexOf(said);
    expect(at).toBeGreaterThanOrEqual(0);
    expect(heard.indexOf(keyTones('12'))).toBeGreaterThanOrEqual(at + said.length);
    const duration = Number((await line.client.calls(sid).fetch()).duration);
    expect(duration).toBeGreaterThanOrEqual(1);
  });

  test.each([
    [
      'is not well-formed',
      () => ({ type: 'text/xml', body: '<Response><Say>one & two</Say></Response>' }),
      '12100',
    ],
    ['has a verb nobody knows', () => ({ type: 'text/xml', body: '<Response><Sing/></Response>' }), '12100'],
    ['is no TwiML', () => ({ type: 'text/xml', body: '<html/>' }), '12100'],
    ['is a server error', () => ({ status: 500, body: 'no' }), '11200'],
    ['has no content type', () => ({ type: undefined, body: '<Response/>' }), '12300'],
    [
      'is too large',
      () => ({ type: 'text/xml', body: `<Response>${' '.repeat(70_000)}</Response>` }),
      '11750',
    ],
    ['never comes', () => ({ destroy: true }), '11200'],
  ] as const)('when the answer %s, the fallback is asked with the code', async (_name, answer, code) => {
    await open();
    line.answers.set('/voice', answer);
    line.answers.set('/fallback', '<Response><Hangup/></Response>');
    const { sid } = await call({ fallbackUrl: `${line.app}/fallback` });
    await ended(sid);
    expect(line.callbacks('/fallback')[0]).toMatchObject({
      ErrorCode: code,
      ErrorUrl: `${line.app}/voice`,
      CallSid: sid,
    });
    expect(line.carrier.control.debugger).toMatchObject([
      { code: Number(code), level: 'error', callSid: sid },
    ]);
  });

  test('without a fallback the person hears an apology and the call ends', async () => {
    await open();
    line.answers.set('/voice', '<Response><Nonsense/></Response>');
    const { sid } = await call();
    await ended(sid);
    const apology = await toneSpeak('We are sorry, an application error has occurred. Goodbye.');
    expect(line.carrier.control.tracks(sid)?.heard.includes(apology)).toBe(true);
  });

  test('SendDigits are heard before anything else', async () => {
    await open();
    line.answers.set('/voice', '<Response><Hangup/></Response>');
    const { sid } = await call({ sendDigits: 'w5' });
    await ended(sid);
    expect(line.carrier.control.tracks(sid)?.heard.includes(keyTones('w5'))).toBe(true);
  });

  test('a redirect over REST takes the place of what runs', async () => {
    await open();
    const { sid } = await call();
    await until('the pause', () => line.callbacks('/voice').length === 1);
    await line.client.calls(sid).update({ twiml: '<Response><Say>Bye</Say></Response>' });
    await ended(sid);
    expect(line.carrier.control.tracks(sid)?.heard.includes(await toneSpeak('Bye'))).toBe(true);
  });

  test('a dialled second person is bridged in, and the action hears how that ended', async () => {
    await open({}, person([{ pauseMs: 3000 }, { say: 'Parent speaking here' }, { pauseMs: 3_600_000 }]));
    line.carrier.control.assign(
      '+14155550188',
      person([{ pauseMs: 300 }, { say: 'Child speaking here' }, { pauseMs: 6000 }]),
    );
    line.answers.set(
      '/voice',
      '<Response><Dial action="/dialled"><Number>+14155550188</Number></Dial></Response>',
    );
    line.answers.set('/dialled', '<Response><Hangup/></Response>');
    const { sid } = await call();
    await ended(sid);
    expect(line.callbacks('/dialled')[0]).toMatchObject({ DialCallStatus: 'completed', DialBridged: 'true' });
    expect(line.carrier.control.tracks(sid)?.heard.includes(await toneSpeak('Child speaking here'))).toBe(
      true,
    );
    const [child] = await line.client.calls.list({ parentCallSid: sid });
    expect(child).toMatchObject({ to: '+14155550188', direction: 'outbound-dial', status: 'completed' });
  });

  test("the SDK's own documents are understood", () => {
    const response = new twilio.twiml.VoiceResponse();
    response.start().recording({ channels: 'dual', recordingStatusCallback: 'https://a.test/r' });
    const connect = response.connect({ action: 'https://a.test/after' });
    connect
      .stream({ url: 'wss://a.test/media', statusCallback: 'https://a.test/s' })
      .parameter({ name: 'a', value: `<&"'é>` });
    response.say({ voice: 'woman' }, 'Hello & good-bye');
    response.hangup();
    expect(parseTwiml(response.toString()).verbs).toMatchObject([
      { verb: 'Start', recording: { channels: 'dual', statusCallback: 'https://a.test/r' } },
      {
        verb: 'Connect',
        action: 'https://a.test/after',
        stream: { url: 'wss://a.test/media', parameters: { a: `<&"'é>` } },
      },
      { verb: 'Say', text: 'Hello & good-bye' },
      { verb: 'Hangup' },
    ]);
  });

  test.each([
    '',
    'hello',
    '<Response>',
    '<Response></Wrong>',
    '<Response/><Response/>',
    '<Response><Say a="1" a="2"/></Response>',
    '<Response><Say>&unknown;</Say></Response>',
    '<Response><Say loop="many"/></Response>',
    '<Response><Connect/></Response>',
    '<Response><Connect><Stream url="https://a.test/"/></Connect></Response>',
    '<Response><Connect><Stream url="wss://a.test/" track="both_tracks"/></Connect></Response>',
    '<Response><Connect><Stream url="wss://a.test/"><Parameter name="a"/></Stream></Connect></Response>',
    `<Response><Connect><Stream url="wss://a.test/"><Parameter name="a" value="${'x'.repeat(499)}"/></Stream></Connect></Response>`,
    '<Response><Say><Pause/></Say></Response>',
    '<Response><!-- never closed </Response>',
    '<!DOCTYPE Response><Response/>',
  ])('is refused when it is %s', (text) => {
    expect(() => parseTwiml(text)).toThrow(TwimlError);
  });
});

describe('requests to the product', () => {
  test('are signed as in the documented example', () => {
    const params = {
      CallSid: 'CA1234567890ABCDE',
      Caller: '+14158675310',
      Digits: '1234',
      From: '+14158675310',
      To: '+18005551212',
    };
    const url = signedForm('https://user:secret@example.com:443/myapp.php?foo=1&bar=2#rc=2');
    expect(url).toBe('https://example.com/myapp.php?foo=1&bar=2');
    expect(getExpectedTwilioSignature('12345', url, params)).toBe('L/OH5YylLD5NRKLltdqwSvS0BnU=');
    expect(signedForm('http://127.0.0.1:3000/a#x')).toBe('http://127.0.0.1:3000/a');
  });

  test('read their delivery rules from the fragment, within the documented ranges', () => {
    expect(deliveryOf('https://a.test/x')).toMatchObject({
      connectMs: 5000,
      readMs: 15_000,
      totalMs: 15_000,
      retries: 1,
    });
    expect(deliveryOf('https://a.test/x#rc=9&rp=5xx,rt&ct=1&rt=2000')).toMatchObject({
      connectMs: 100,
      readMs: 2000,
      retries: 5,
    });
  });

  test('a 5xx is repeated only when the fragment asks for it, with the same token', async () => {
    await open({}, person([{ pauseMs: 100 }]));
    line.answers.set('/status', () => ({ status: 503 }));
    await call({ statusCallbackEvent: ['completed'] });
    await until('a callback', () => line.callbacks('/status').length === 1);
    line.answers.set('/again', (_seen, nth) => ({ status: nth < 3 ? 503 : 204 }));
    await call({ statusCallbackEvent: ['completed'], statusCallback: `${line.app}/again?x=1#rc=2&rp=5xx` });
    await until('three attempts', () => line.callbacks('/again').length === 3);
    const attempts = line.seen.filter((entry) => entry.path === '/again');
    expect(new Set(attempts.map((entry) => entry.headers['i-twilio-idempotency-token'])).size).toBe(1);
    expect(attempts.every((entry) => entry.signed && entry.url === `${line.app}/again?x=1`)).toBe(true);
    expect(line.callbacks('/status')).toHaveLength(1);
  });

  test('a slow answer is given up after the read time of the fragment, a refused connection is tried twice', async () => {
    await open();
    line.answers.set('/voice', () => ({ type: 'text/xml', body: '<Response/>', delayMs: 5000 }));
    line.answers.set('/fallback', '<Response><Hangup/></Response>');
    const { sid } = await call({ url: `${line.app}/voice#rt=200`, fallbackUrl: `${line.app}/fallback` });
    await ended(sid);
    expect(line.callbacks('/fallback')[0]?.ErrorCode).toBe('11200');
    const nowhere = await call({ url: 'http://127.0.0.1:9/voice', fallbackUrl: `${line.app}/fallback` });
    await ended(nowhere.sid);
    const tries = line.carrier.control.events.filter(
      (event) => event.detail.url === 'http://127.0.0.1:9/voice' && event.type === 'request',
    );
    expect(tries.map((event) => event.detail.outcome)).toEqual(['ct', 'ct']);
    expect(line.callbacks('/fallback')[1]?.ErrorCode).toBe('11205');
  });

  test('redirects are followed, and a production-shaped address is reached where it really is', async () => {
    const reach: Record<string, string> = {};
    await open({ reach });
    reach['https://app.test'] = line.app;
    line.answers.set('/moved', () => ({ status: 302, location: '/voice?moved=1' }));
    const { sid } = await call({ url: 'https://app.test/moved' });
    const entry = await until('the request', () => line.seen.find((one) => one.path === '/moved'));
    const followed = await until('the next one', () => line.seen.find((one) => one.path === '/voice'));
    expect(followed).toMatchObject({ method: 'GET', params: { moved: '1' } });
    expect(entry.headers.host).toBe('app.test');
    expect(
      twilio.validateRequest(
        AUTH_TOKEN,
        String(entry.headers['x-twilio-signature']),
        'https://app.test/moved',
        entry.params,
      ),
    ).toBe(true);
    expect(sid).toMatch(/^CA/);
  });
});

describe('callbacks that misbehave', () => {
  const four = async (faults: Parameters<TestLine['carrier']['control']['setFaults']>[0]) => {
    await open({ timeScale: 5 }, person([{ pauseMs: 600 }]));
    line.carrier.control.setFaults(faults);
    const { sid } = await call();
    await ended(sid);
  };

  test('reordered ones overtake each other in pairs', async () => {
    await four({ callbacks: { reorder: 1 } });
    await until('four callbacks', () => statuses().length === 4);
    expect(statuses()).toEqual(['ringing', 'initiated', 'completed', 'in-progress']);
  });

  test('doubled ones come twice, dropped ones never', async () => {
    await four({ callbacks: { duplicate: 1 } });
    await until('eight callbacks', () => statuses().length === 8);
    await line.close();
    await four({ callbacks: { drop: 1 } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(statuses()).toEqual([]);
    expect(line.carrier.control.events.filter((event) => event.type === 'callback-dropped')).toHaveLength(4);
  });

  test('late ones come after the call is over', async () => {
    await four({ callbacks: { delayMs: 2500 } });
    expect(statuses()).toEqual([]);
    await until('four callbacks', () => statuses().length === 4);
  });

  test('wrongly signed requests are just that', async () => {
    await four({ signature: { bad: 'http' } });
    await until('four callbacks', () => statuses().length === 4);
    expect(line.seen.some((entry) => entry.signed)).toBe(false);
  });

  test('the same seed meets the same faults', async () => {
    const dropped: unknown[][] = [];
    for (let i = 0; i < 2; i += 1) {
      await four({ callbacks: { drop: 0.5 } });
      dropped.push(
        line.carrier.control.events
          .filter((event) => event.type === 'callback-dropped')
          .map((event) => (event.detail.params as { CallStatus: string }).CallStatus),
      );
      await line.close();
    }
    expect(dropped[0]).toEqual(dropped[1]);
  });
});

describe('answering machine detection', () => {
  const machine = person(
    [{ say: 'You have reached a machine, leave a message' }, { beep: 400 }, { pauseMs: 20_000 }],
    { detection: { verdict: 'machine', latencyMs: 300 } },
  );

  test('holds the TwiML back until the verdict when it is not asynchronous', async () => {
    await open();
    const { sid } = await call({ machineDetection: 'Enable' });
    const asked = await until('the TwiML request', () => line.callbacks('/voice')[0]);
    expect(asked).toMatchObject({ AnsweredBy: 'human', CallSid: sid });
    expect(Number(asked.MachineDetectionDuration)).toBeGreaterThan(900);
    expect((await line.client.calls(sid).fetch()).answeredBy).toBe('human');
  });

  test('asynchronous, tells the verdict later: at once for a machine, or after its beep', async () => {
    await open({}, machine);
    const amd = { asyncAmd: 'true', asyncAmdStatusCallback: `${line.app}/amd` } as const;
    const first = await call({ machineDetection: 'Enable', ...amd });
    const start = await until('the verdict', () => line.callbacks('/amd')[0]);
    expect(start).toMatchObject({ CallSid: first.sid, AccountSid: ACCOUNT_SID, AnsweredBy: 'machine_start' });
    expect(line.callbacks('/voice')[0]).not.toHaveProperty('AnsweredBy');
    const second = await call({ machineDetection: 'DetectMessageEnd', ...amd });
    const end = await until('the beep', () => line.callbacks('/amd')[1]);
    expect(end).toMatchObject({ CallSid: second.sid, AnsweredBy: 'machine_end_beep' });
    expect(Number(end.MachineDetectionDuration)).toBeGreaterThan(Number(start.MachineDetectionDuration));
    expect(line.seen.every((entry) => entry.signed)).toBe(true);
  });

  test('a verdict may never come, and a greeting without an end is machine_end_other', async () => {
    await open({}, person([{ pauseMs: 60_000 }], { detection: { verdict: 'never', latencyMs: 0 } }));
    const amd = {
      asyncAmd: 'true',
      asyncAmdStatusCallback: `${line.app}/amd`,
      machineDetectionTimeout: 3,
    } as const;
    await call({ machineDetection: 'Enable', ...amd });
    await until('the stream', () => line.callbacks('/voice').length === 1);
    line.carrier.control.assign(
      THEIRS,
      person([{ pauseMs: 60_000 }], { detection: { verdict: 'machine', latencyMs: 100 } }),
    );
    await call({ machineDetection: 'DetectMessageEnd', ...amd });
    await until('the late verdict', () => line.callbacks('/amd').length > 0);
    expect(line.callbacks('/amd')).toMatchObject([{ AnsweredBy: 'machine_end_other' }]);
  });
});

describe('somebody calls', () => {
  test('the VoiceUrl is asked while it rings, and the number hears of the end', async () => {
    await open({ inbound: true });
    line.answers.set('/voice', '<Response><Say>Welcome</Say></Response>');
    const sid = line.carrier.control.placeInboundCall({ from: THEIRS, caller: PATIENT });
    await ended(sid);
    expect(line.callbacks('/voice')[0]).toMatchObject({
      CallStatus: 'ringing',
      Direction: 'inbound',
      From: THEIRS,
      To: OURS,
      StirVerstat: 'TN-Validation-Passed-A',
    });
    const last = await until('the end', () => line.callbacks('/number-status')[0]);
    expect(last).toMatchObject({ CallStatus: 'completed', CallSid: sid, Direction: 'inbound' });
    expect(line.carrier.control.tracks(sid)?.heard.includes(await toneSpeak('Welcome'))).toBe(true);
  });

  test('a rejected call is never answered', async () => {
    await open({ inbound: true });
    line.answers.set('/voice', '<Response><Reject reason="busy"/></Response>');
    const sid = line.carrier.control.placeInboundCall({ from: 'anonymous', caller: 'silent' });
    expect(await ended(sid)).toBe('busy');
    expect(line.carrier.control.tracks(sid)).toBeUndefined();
  });
});

describe('the control', () => {
  test('does over HTTP what it does as functions, for those with credentials', async () => {
    await open({ inbound: true });
    const ask = async (
      method: string,
      path: string,
      body?: unknown,
      authorization = `Basic ${btoa(`${ACCOUNT_SID}:${AUTH_TOKEN}`)}`,
    ) => {
      const response = await fetch(`${line.carrier.url}/_sandbox${path}`, {
        method,
        headers: { authorization, ...(Buffer.isBuffer(body) ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined
          ? {}
          : { body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
    };
    expect((await ask('GET', '/callers', undefined, 'Basic no')).status).toBe(401);
    expect((await ask('GET', '/callers')).body.callers.length).toBeGreaterThan(14);
    expect((await ask('PATCH', '/faults', { media: { loss: 2 } })).status).toBe(400);
    expect((await ask('PATCH', '/faults', { media: { jitterMs: 40 } })).body.media).toEqual({
      loss: 0,
      jitterMs: 40,
    });
    expect((await ask('PUT', `/numbers/${THEIRS}`, { caller: 'nobody' })).status).toBe(404);
    expect((await ask('PUT', `/numbers/${THEIRS}`, { caller: 'silent' })).status).toBe(204);
    const placed = await ask('POST', '/calls', { from: THEIRS, caller: 'silent' });
    expect(placed.status).toBe(201);
    const { callSid } = placed.body as { callSid: string };
    await inProgress(callSid);
    const spoken = await toneSpeak('Pushed from outside');
    expect((await ask('POST', `/calls/${callSid}/audio`, spoken)).status).toBe(204);
    await until('the sound', () => line.carrier.control.tracks(callSid)?.said.includes(spoken));
    expect((await ask('POST', `/calls/${callSid}/press`, { digits: '9#' })).status).toBe(204);
    expect((await ask('POST', `/calls/${callSid}/hangup`)).status).toBe(204);
    expect((await ask('POST', `/calls/${callSid}/press`, { digits: '9' })).status).toBe(409);
    expect((await ask('GET', `/calls/${callSid}/heard.wav`)).body.slice(0, 4)).toBe('RIFF');
    expect((await ask('GET', `/events?callSid=${callSid}`)).body.events.length).toBeGreaterThan(3);
    expect((await ask('GET', '/debugger')).body.entries).toEqual([]);
    expect((await ask('POST', '/messages', { from: THEIRS, body: 'Hello' })).status).toBe(201);
    expect((await ask('GET', `/messages/${THEIRS}`)).body.messages).toHaveLength(1);
  });
});

describe('closing', () => {
  test('leaves no socket and no timer behind, whatever was under way', async () => {
    const count = () => {
      const kinds = process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|TLS/.test(kind));
      return kinds.length;
    };
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = count();
    await open({ callsPerSecond: 50 }, person([{ say: 'I talk' }, { pauseMs: 60_000 }]));
    line.answers.set('/voice', line.connectStream());
    line.answers.set('/slow', () => ({ delayMs: 400 }));
    line.carrier.control.assign('+14155550150', person([], { pickup: { kind: 'never-answers' } }));
    line.carrier.control.setFaults({ callbacks: { delayMs: 5000 } });
    await call();
    await call({ to: '+14155550150' });
    await call({ url: `${line.app}/slow` });
    await until('a stream', () => line.sockets[0]?.events('media').length);
    line.carrier.control.setFaults({ rest: { mode: 'hang', times: 1 } });
    const hanging = call().catch((error: Error) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await line.carrier.close();
    expect(await hanging).toBeInstanceOf(Error);
    expect(line.sockets[0]?.events('stop')).toHaveLength(1);
    await line.close();
    await until('nothing left', () => count() <= before, 2000).catch(() => undefined);
    expect(count()).toBeLessThanOrEqual(before);
  });
});

test('μ-law keeps every value it can say, and tells speech from silence', async () => {
  const tone = await toneSpeak('loud and clear');
  expect(isSpeech(tone.subarray(0, FRAME_BYTES))).toBe(true);
  expect(isSpeech(Buffer.alloc(FRAME_BYTES, 0xff))).toBe(false);
  expect([...decodeUlaw(Buffer.from([0x00, 0x80, 0xff]))]).toEqual([-32124, 32124, 0]);
});
