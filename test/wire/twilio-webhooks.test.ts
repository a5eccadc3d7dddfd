/** What Twilio may send to our door, and what it, and the person on the line, gets back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseForm, statusOf } from '../../src/adapters/twilio/webhooks.ts';
import { Failure } from '../../src/domain/errors.ts';
import {
  ACCOUNT,
  adapter,
  CALL_ID,
  CALL_SID,
  formOf,
  knock,
  noteInlet,
  OURS,
  PUBLIC,
  readTwiml,
  THEIRS,
  TOKEN,
} from './twilio-kit.ts';

const RECORDING_SID = `RE${'b'.repeat(32)}`;
const STREAM_SID = `MZ${'c'.repeat(32)}`;
const MESSAGE_SID = `SM${'d'.repeat(32)}`;

const ringing = {
  CallSid: CALL_SID,
  AccountSid: ACCOUNT,
  From: THEIRS,
  To: OURS,
  CallStatus: 'ringing',
  ApiVersion: '2010-04-01',
  Direction: 'inbound',
};
const answered = { ...ringing, From: OURS, To: THEIRS, CallStatus: 'in-progress', Direction: 'outbound-api' };
const status = (changes: Record<string, string>) => ({
  ...answered,
  CallbackSource: 'call-progress-events',
  SequenceNumber: '0',
  Timestamp: 'Tue, 03 Nov 2026 18:00:05 +0000',
  ...changes,
});

describe('the voice webhook', () => {
  test('an answered call is connected to the media stream with its call id and a ticket that opens once', async () => {
    const { door, tickets } = adapter();
    const { inlet, calls } = noteInlet();
    const reply = await knock(door(inlet), { url: `/twilio/voice/${CALL_ID}`, body: formOf(answered) });
    expect(reply.status).toBe(200);
    expect(reply.contentType).toMatch(/^text\/xml/);
    expect(calls).toEqual([['answered', CALL_ID, CALL_SID]]);
    const [connect, say, hangup, ...more] = readTwiml(reply.body);
    expect(connect).toMatchObject({
      name: 'Connect',
      attributes: { action: `${PUBLIC}/twilio/after/${CALL_ID}` },
      children: [
        {
          name: 'Stream',
          attributes: {
            url: 'wss://app.test/twilio/media',
            statusCallback: `${PUBLIC}/twilio/stream/${CALL_ID}`,
          },
        },
      ],
    });
    expect(say?.text).toMatch(/sorry/);
    expect(hangup?.name).toBe('Hangup');
    expect(more).toEqual([]);
    const parameters = Object.fromEntries(
      (connect?.children[0]?.children ?? []).map(({ attributes }) => [attributes.name, attributes.value]),
    );
    expect(Object.keys(parameters)).toEqual(['callId', 'token']);
    expect(parameters.callId).toBe(CALL_ID);
    expect(tickets.spend(parameters.token ?? '')).toBe(CALL_ID);
    expect(tickets.spend(parameters.token ?? '')).toBeUndefined();
  });

  test('asked twice, it says the same with a fresh ticket', async () => {
    const { door } = adapter();
    const open = door(noteInlet().inlet);
    const ask = async () =>
      (await knock(open, { url: `/twilio/voice/${CALL_ID}`, body: formOf(answered) })).body;
    const [first, second] = [await ask(), await ask()];
    const bare = (xml: string | undefined) => xml?.replace(/token-\d+x*/g, 'TOKEN');
    expect(second).not.toBe(first);
    expect(bare(second)).toBe(bare(first));
  });

  test('an inbound call reaches the app with both numbers as they came and what the network vouches for', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const open = door(inlet);
    for (const [From, StirVerstat, attestation] of [
      [THEIRS, 'TN-Validation-Passed-A', 'A'],
      ['anonymous', 'TN-Validation-Failed-A', 'TN-Validation-Failed-A'],
      ['unknown', 'TN-Validation-Passed-B-Diverted', 'TN-Validation-Passed-B-Diverted'],
      ['', undefined, undefined],
    ] as const) {
      const fields = { ...ringing, From, ...(StirVerstat ? { StirVerstat } : {}) };
      const reply = await knock(open, { url: '/twilio/voice', body: formOf(fields) });
      expect(readTwiml(reply.body)[0]?.name).toBe('Connect');
      expect(calls.pop()).toEqual([
        'inbound',
        { callSid: CALL_SID, from: From, to: OURS, ...(attestation ? { attestation } : {}) },
      ]);
    }
  });

  test('a sentence of the app is spoken as written, whatever characters it has, and then the call ends', async () => {
    const { door } = adapter();
    const sentence = 'Tom & "Ann" say <b>1 > 0</b>; it\'s £5 \u{1F600}';
    const { inlet } = noteInlet({
      inbound: async () => ({ kind: 'say', sentence: `${sentence}\u0000\u000B\uD800` }),
    });
    const verbs = readTwiml((await knock(door(inlet), { url: '/twilio/voice', body: formOf(ringing) })).body);
    expect(verbs.map(({ name }) => name)).toEqual(['Say', 'Hangup']);
    expect(verbs[0]?.text).toBe(sentence);
  });

  test('any sentence makes a well-formed document that says it', async () => {
    const { door } = adapter();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (sentence) => {
        const { inlet } = noteInlet({ answered: async () => ({ kind: 'say', sentence }) });
        const { body } = await knock(door(inlet), {
          url: `/twilio/voice/${CALL_ID}`,
          body: formOf(answered),
        });
        const verbs = readTwiml(body);
        expect(verbs.at(-1)?.name).toBe('Hangup');
        const letters = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, '');
        expect(letters(verbs.length > 1 ? (verbs[0]?.text ?? '') : '')).toBe(letters(sentence));
      }),
    );
  });

  test('when the app says hang up, the call is ended without a word', async () => {
    const { door } = adapter();
    const { inlet } = noteInlet({ answered: async () => ({ kind: 'hang_up' }) });
    const { body } = await knock(door(inlet), { url: `/twilio/voice/${CALL_ID}`, body: formOf(answered) });
    expect(readTwiml(body).map(({ name }) => name)).toEqual(['Hangup']);
  });

  test('an app that does not answer within eight seconds leaves nobody in silence', async () => {
    const { door, turn, waiting, lines } = adapter();
    let settle = (_: { kind: 'connect' }) => {};
    const { inlet } = noteInlet({ answered: () => new Promise((resolve) => (settle = resolve)) });
    const reply = knock(door(inlet), { url: `/twilio/voice/${CALL_ID}`, body: formOf(answered) });
    turn(7_999);
    expect(await Promise.race([reply, Promise.resolve('still waiting')])).toBe('still waiting');
    turn(1);
    const verbs = readTwiml((await reply).body);
    expect(verbs.map(({ name }) => name)).toEqual(['Say', 'Hangup']);
    expect(verbs[0]?.text).toMatch(/sorry/);
    expect(lines).toMatchObject([{ level: 'error', fields: { callId: CALL_ID } }]);
    settle({ kind: 'connect' });
    expect(waiting()).toBe(0);
  });

  test('an app that throws, at once or later, leaves nobody in silence and its words out of the open log', async () => {
    for (const broken of [
      () => {
        throw new Error(`at once, about ${THEIRS}`);
      },
      () => Promise.reject(new Failure('store_unavailable', 'later')),
    ]) {
      const { door, lines, waiting } = adapter();
      const { inlet } = noteInlet({ inbound: broken, afterStream: broken });
      for (const url of ['/twilio/voice', `/twilio/after/${CALL_ID}`]) {
        const { status: code, body } = await knock(door(inlet), { url, body: formOf(ringing) });
        expect(code).toBe(200);
        expect(readTwiml(body).map(({ name }) => name)).toEqual(['Say', 'Hangup']);
      }
      expect(lines).toHaveLength(2);
      const open = lines.map(({ fields: { pii, ...rest }, sentence }) => ({ rest, sentence, pii: !!pii }));
      expect(JSON.stringify(open)).not.toContain(THEIRS);
      expect(waiting()).toBe(0);
    }
  });

  test('TwiML may be asked for by GET too', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const reply = await knock(door(inlet), { method: 'GET', url: `/twilio/voice?${formOf(ringing)}` });
    expect(readTwiml(reply.body)[0]?.name).toBe('Connect');
    expect(calls).toHaveLength(1);
  });
});

describe('after the stream', () => {
  test('the app decides: end, say a sentence, or connect again with a fresh ticket', async () => {
    const { door } = adapter();
    const names = async (answer: Parameters<typeof noteInlet>[0]) =>
      readTwiml(
        (
          await knock(door(noteInlet(answer).inlet), {
            url: `/twilio/after/${CALL_ID}`,
            body: formOf(answered),
          })
        ).body,
      ).map(({ name }) => name);
    expect(await names({ afterStream: async () => ({ kind: 'hang_up' }) })).toEqual(['Hangup']);
    expect(await names({ afterStream: async () => ({ kind: 'say', sentence: 'Bye.' }) })).toEqual([
      'Say',
      'Hangup',
    ]);
    expect(await names({ afterStream: async () => ({ kind: 'connect' }) })).toEqual([
      'Connect',
      'Say',
      'Hangup',
    ]);
  });

  test('a call that is over already is not asked about: nobody is there to hear', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const { body } = await knock(door(inlet), {
      url: `/twilio/after/${CALL_ID}`,
      body: formOf({ ...answered, CallStatus: 'completed' }),
    });
    expect(readTwiml(body)).toEqual([]);
    expect(calls).toEqual([]);
  });

  test('a transfer that nobody answers ends with a sentence; one that was talked ends without', async () => {
    const { door } = adapter();
    const names = async (DialCallStatus: string) =>
      readTwiml(
        (
          await knock(door(noteInlet().inlet), {
            url: '/twilio/dial-result',
            body: formOf({ ...answered, DialCallStatus }),
          })
        ).body,
      ).map(({ name }) => name);
    for (const word of ['no-answer', 'busy', 'failed', 'canceled', ''])
      expect(await names(word)).toEqual(['Say', 'Hangup']);
    expect(await names('completed')).toEqual(['Hangup']);
  });

  test('the fallback speaks an apology and logs what the error code means', async () => {
    const { door, lines } = adapter();
    for (const url of ['/twilio/fallback', `/twilio/fallback/${CALL_ID}`]) {
      const { body } = await knock(door(noteInlet().inlet), {
        url,
        body: formOf({ ...ringing, ErrorCode: '12100', ErrorUrl: `${PUBLIC}/twilio/voice` }),
      });
      expect(readTwiml(body).map(({ name }) => name)).toEqual(['Say', 'Hangup']);
      expect(lines.at(-1)).toMatchObject({
        level: 'error',
        fields: { carrierCode: 12100, meaning: 'our TwiML could not be parsed' },
      });
    }
  });
});

describe('status callbacks', () => {
  test.each([
    ['initiated', 'initiated'],
    ['ringing', 'ringing'],
    ['in-progress', 'answered'],
    ['completed', 'completed'],
    ['busy', 'busy'],
    ['no-answer', 'no_answer'],
    ['failed', 'failed'],
    ['canceled', 'canceled'],
  ] as const)('Twilio says %s, the app hears %s', async (word, heard) => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const reply = await knock(door(inlet), {
      url: `/twilio/status/${CALL_ID}`,
      body: formOf(status({ CallStatus: word, SequenceNumber: '3' })),
    });
    expect(reply.status).toBe(204);
    expect(calls).toEqual([
      [
        'status',
        CALL_ID,
        { callSid: CALL_SID, sequence: 3, status: heard, at: new Date('2026-11-03T18:00:05Z') },
      ],
    ]);
  });

  test('seconds come from CallDuration; Duration counts billed minutes and is never read', () => {
    const ended = status({
      CallStatus: 'completed',
      Duration: '2',
      CallDuration: '61',
      SipResponseCode: '200',
      StirStatus: 'A',
      AnsweredBy: 'machine_end_beep',
    });
    expect(statusOf(ended)).toMatchObject({
      durationSec: 61,
      sipCode: 200,
      attestation: 'A',
      answeredBy: 'machine_end_beep',
    });
    expect(statusOf(status({ CallStatus: 'completed', Duration: '2' }))).not.toHaveProperty('durationSec');
  });

  test('hints that make no sense are dropped and the status still arrives', () => {
    const report = statusOf(
      status({
        CallStatus: 'busy',
        CallDuration: '-1',
        Timestamp: 'soon',
        SipResponseCode: 'x',
        AnsweredBy: 'a_cat',
      }),
    );
    expect(report).toEqual({ callSid: CALL_SID, sequence: 0, status: 'busy' });
  });

  test('a callback without its number takes the place of its status, so that a repeat is known', () => {
    const places = ['initiated', 'ringing', 'in-progress', 'failed'].map(
      (CallStatus) => statusOf({ CallSid: CALL_SID, CallStatus })?.sequence,
    );
    expect(places).toEqual([0, 1, 2, 3]);
  });

  test('inbound calls report without a call id', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    await knock(door(inlet), { url: '/twilio/status', body: formOf(status({ CallStatus: 'completed' })) });
    expect(calls[0]?.slice(0, 2)).toEqual(['status', undefined]);
  });

  test('a status that does not exist today is left aside and acknowledged', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    for (const CallStatus of ['teleported', 'constructor', '__proto__']) {
      const reply = await knock(door(inlet), {
        url: `/twilio/status/${CALL_ID}`,
        body: formOf(status({ CallStatus })),
      });
      expect(reply.status).toBe(204);
    }
    expect(calls).toEqual([]);
  });

  test('what the app could not take is not acknowledged, so Twilio sends it again', async () => {
    const { door, turn } = adapter();
    const body = formOf(status({ CallStatus: 'completed' }));
    const url = `/twilio/status/${CALL_ID}`;
    const failing = noteInlet({
      status: () => Promise.reject(new Failure('store_unavailable', 'the disk is full')),
    });
    expect(await knock(door(failing.inlet), { url, body })).toMatchObject({ status: 503 });
    const stuck = knock(door(noteInlet({ status: () => new Promise(() => {}) }).inlet), { url, body });
    turn(4_500);
    expect(await stuck).toMatchObject({ status: 503 });
    const unknown = noteInlet({
      status: () => Promise.reject(new Failure('call_not_found', 'no such call')),
    });
    expect(await knock(door(unknown.inlet), { url, body })).toMatchObject({ status: 404 });
  });
});

describe('the other callbacks', () => {
  const told = async (url: string, fields: Record<string, string>) => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const reply = await knock(door(inlet), { url, body: formOf(fields) });
    return { status: reply.status, calls };
  };

  test('machine detection reports its verdict and time; a verdict unknown today is "unknown"', async () => {
    const verdict = { CallSid: CALL_SID, AccountSid: ACCOUNT, MachineDetectionDuration: '3900' };
    expect(await told(`/twilio/amd/${CALL_ID}`, { ...verdict, AnsweredBy: 'machine_end_beep' })).toEqual({
      status: 204,
      calls: [['machine', CALL_ID, CALL_SID, 'machine_end_beep', 3900]],
    });
    expect(await told(`/twilio/amd/${CALL_ID}`, { ...verdict, AnsweredBy: 'ai_screener' })).toMatchObject({
      calls: [['machine', CALL_ID, CALL_SID, 'unknown', 3900]],
    });
    expect(await told(`/twilio/amd/${CALL_ID}`, verdict)).toEqual({ status: 400, calls: [] });
  });

  test('a recording is reported when it is there or will never be, not while it runs', async () => {
    const fields = {
      CallSid: CALL_SID,
      RecordingSid: RECORDING_SID,
      RecordingUrl: `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Recordings/${RECORDING_SID}`,
      RecordingDuration: '42',
    };
    const url = `/twilio/recording/${CALL_ID}`;
    expect(await told(url, { ...fields, RecordingStatus: 'in-progress' })).toEqual({
      status: 204,
      calls: [],
    });
    expect(await told(url, { ...fields, RecordingStatus: 'completed' })).toEqual({
      status: 204,
      calls: [
        [
          'recording',
          CALL_ID,
          {
            callSid: CALL_SID,
            recordingSid: RECORDING_SID,
            url: fields.RecordingUrl,
            durationSec: 42,
            status: 'completed',
          },
        ],
      ],
    });
    const absent = { CallSid: CALL_SID, RecordingSid: RECORDING_SID, RecordingDuration: '-1' };
    expect((await told(url, { ...absent, RecordingStatus: 'absent' })).calls).toMatchObject([
      ['recording', CALL_ID, { status: 'absent', durationSec: 0, url: '' }],
    ]);
  });

  test('of the stream callbacks only errors reach the app', async () => {
    const fields = { CallSid: CALL_SID, StreamSid: STREAM_SID, StreamName: STREAM_SID };
    const url = `/twilio/stream/${CALL_ID}`;
    for (const StreamEvent of ['stream-started', 'stream-stopped', 'stream-paused'])
      expect(await told(url, { ...fields, StreamEvent })).toEqual({ status: 204, calls: [] });
    expect(await told(url, { ...fields, StreamEvent: 'stream-error', StreamError: 'Got HTTP 502' })).toEqual({
      status: 204,
      calls: [['streamTrouble', CALL_ID, STREAM_SID, 'Got HTTP 502']],
    });
  });

  test('a text message is answered in TwiML: the reply, or nothing', async () => {
    const { door } = adapter();
    const fields = { MessageSid: MESSAGE_SID, From: THEIRS, To: OURS, Body: ' STOP \n' };
    const quiet = noteInlet();
    const silent = await knock(door(quiet.inlet), { url: '/twilio/sms', body: formOf(fields) });
    expect(readTwiml(silent.body)).toEqual([]);
    expect(quiet.calls).toEqual([
      ['message', { messageSid: MESSAGE_SID, from: THEIRS, to: OURS, text: ' STOP \n' }],
    ]);
    const { inlet } = noteInlet({ message: async () => ({ reply: 'You & yours: no more calls.' }) });
    const reply = await knock(door(inlet), { url: '/twilio/sms', body: formOf(fields) });
    expect(reply.contentType).toMatch(/^text\/xml/);
    expect(readTwiml(reply.body)).toMatchObject([{ name: 'Message', text: 'You & yours: no more calls.' }]);
  });

  test('an opt-out that could not be stored is not acknowledged', async () => {
    const { door } = adapter();
    const { inlet } = noteInlet({
      message: () => Promise.reject(new Failure('store_unavailable', 'no disk')),
    });
    const fields = { MessageSid: MESSAGE_SID, From: THEIRS, To: OURS, Body: 'STOP' };
    expect(await knock(door(inlet), { url: '/twilio/sms', body: formOf(fields) })).toMatchObject({
      status: 503,
    });
  });
});

describe('the door', () => {
  const url = `/twilio/status/${CALL_ID}`;
  const body = formOf(status({ CallStatus: 'completed' }));

  test.each([
    ['no signature', { signature: null }],
    ['an empty signature', { signature: '' }],
    ['a made-up signature', { signature: 'L/OH5YylLD5NRKLltdqwSvS0BnU=' }],
    ['a signature over another host', { publicUrl: `https://evil.test${url}` }],
    ['a signature over another scheme', { publicUrl: `http://app.test${url}` }],
    ['a signature over another path', { publicUrl: `${PUBLIC}/twilio/status` }],
    ['a signature over the fragment', { publicUrl: `${PUBLIC}${url}#rc=5` }],
  ])('%s is answered 403 and nothing is done', async (_, change) => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    expect(await knock(door(inlet), { url, body, ...change })).toMatchObject({ status: 403 });
    expect(calls).toEqual([]);
  });

  test('a signature of other values, or of another account, is answered 403', async () => {
    const { door } = adapter();
    const other = adapter({ authToken: 'another-token' });
    const { inlet, calls } = noteInlet();
    const changed = body.replace('completed', 'busy');
    const { getExpectedTwilioSignature } = await import('twilio/lib/webhooks/webhooks.js');
    const signature = getExpectedTwilioSignature(TOKEN, PUBLIC + url, parseForm(body));
    expect(await knock(door(inlet), { url, body: changed, signature })).toMatchObject({ status: 403 });
    expect(await knock(other.door(inlet), { url, body, signature })).toMatchObject({ status: 403 });
    expect(calls).toEqual([]);
    expect(await knock(door(inlet), { url, body, signature })).toMatchObject({ status: 204 });
  });

  test('every path refuses an unsigned request', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const open = door(inlet);
    const withCall = ['voice', 'status', 'amd', 'recording', 'stream', 'after', 'fallback'];
    const paths = [
      ...withCall.map((name) => `/twilio/${name}/${CALL_ID}`),
      ...['voice', 'status', 'fallback', 'dial-result', 'sms'].map((name) => `/twilio/${name}`),
    ];
    for (const path of paths) {
      expect(await knock(open, { url: path, body, signature: null })).toMatchObject({ status: 403 });
      expect(await knock(open, { url: path, method: 'GET', signature: null })).toMatchObject({ status: 403 });
    }
    expect(calls).toEqual([]);
  });

  test('headers of a proxy change nothing: neither let in nor keep out', async () => {
    const { door } = adapter();
    const headers = {
      host: '10.0.0.7:3000',
      'x-forwarded-host': 'evil.test',
      'x-forwarded-proto': 'http',
    };
    expect(await knock(door(noteInlet().inlet), { url, body, headers })).toMatchObject({ status: 204 });
    expect(
      await knock(door(noteInlet().inlet), { url, body, headers, publicUrl: `http://evil.test${url}` }),
    ).toMatchObject({ status: 403 });
  });

  test('a query of our URL is signed with it, a port of an https URL is not, and a path in front is kept', async () => {
    const query = `${url}?from=console&x=%27`;
    expect(await knock(adapter().door(noteInlet().inlet), { url: query, body })).toMatchObject({
      status: 204,
    });
    const ported = adapter({ publicBaseUrl: 'https://app.test:443/' });
    expect(await knock(ported.door(noteInlet().inlet), { url, body })).toMatchObject({ status: 204 });
    const prefixed = adapter({ publicBaseUrl: `${PUBLIC}/parley/` });
    expect(
      await knock(prefixed.door(noteInlet().inlet), { url, body, publicUrl: `${PUBLIC}/parley${url}` }),
    ).toMatchObject({ status: 204 });
  });

  test('repeated keys, empty and untrimmed values and parameters that are new are signed and tolerated', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const odd = `${body}&Media=b&Media=a&Media=b&Empty=&Spaced=+x+&NewIn2027=%E2%82%AC&__proto__=p&bare`;
    expect(await knock(door(inlet), { url, body: odd })).toMatchObject({ status: 204 });
    expect(calls).toHaveLength(1);
  });

  test('a repeated field that should stand once counts once', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    await knock(door(inlet), { url, body: `${body}&CallSid=${CALL_SID}&CallStatus=busy` });
    expect(calls).toMatchObject([['status', CALL_ID, { callSid: CALL_SID, status: 'completed' }]]);
  });

  test('a signed request that misses what it must say is answered 400 with the names of the fields', async () => {
    const { door } = adapter();
    const { inlet, calls } = noteInlet();
    const reply = await knock(door(inlet), { url, body: 'CallSid=CA1&CallStatus=completed' });
    expect(reply).toMatchObject({ status: 400, body: 'missing or malformed: CallSid' });
    expect(await knock(door(inlet), { url: '/twilio/sms', body: 'Body=STOP' })).toMatchObject({
      status: 400,
      body: 'missing or malformed: MessageSid, From, To',
    });
    expect(await knock(door(inlet), { url: `/twilio/voice/${CALL_ID}`, body: '' })).toMatchObject({
      status: 400,
    });
    expect(calls).toEqual([]);
  });

  test.each([
    '/twilio',
    '/twilio/',
    '/twilio/nothing',
    '/twilio/voice/',
    '/twilio/voice/a/b',
    '/twilio/voice/..%2f..',
    '/twilio/sms/x',
    '/twilio/amd',
    '/twilio/constructor',
    '/twilio/__proto__',
    '/twilio/toString/x',
    '/other/voice',
    'http://app.test/twilio/voice',
    '',
  ])('%s is nowhere', async (nowhere) => {
    const { door } = adapter();
    expect(await knock(door(noteInlet().inlet), { url: nowhere, body })).toMatchObject({ status: 404 });
  });

  test('other methods, other content and floods are refused before anything is read', async () => {
    const { door } = adapter();
    const open = door(noteInlet().inlet);
    expect(await knock(open, { method: 'PUT', url, body })).toMatchObject({ status: 405 });
    expect(
      await knock(open, { url, body: '{}', headers: { 'content-type': 'application/json' } }),
    ).toMatchObject({ status: 415 });
    expect(await knock(open, { url, body: 'x'.repeat(65 * 1024) })).toMatchObject({ status: 413 });
  });

  test('underscores in the host and other addresses that Twilio cannot use are refused at start', () => {
    for (const publicBaseUrl of ['https://my_host.test', 'ftp://app.test', 'app.test', ''])
      expect(() => adapter({ publicBaseUrl })).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    expect(() => adapter({ accountSid: 'SK123' })).toThrow(/must start with AC/);
    expect(() => adapter({ apiBaseUrl: 'nowhere' })).toThrow(/TWILIO_API_BASE_URL/);
  });
});

describe('garbage', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      CALL_SID,
      RECORDING_SID,
      MESSAGE_SID,
      'completed',
      'stream-error',
      '-1',
      '1e400',
      '%',
      '+',
    ),
  );
  const key = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom(
      'CallSid',
      'CallStatus',
      'SequenceNumber',
      'Timestamp',
      'CallDuration',
      'From',
      'To',
      'AnsweredBy',
      'RecordingSid',
      'RecordingStatus',
      'StreamEvent',
      'StreamSid',
      'MessageSid',
      'ErrorCode',
      '__proto__',
    ),
  );

  test('the form parser never throws and keeps every value', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, word)), (pairs) => {
        const form = parseForm(new URLSearchParams(pairs).toString());
        for (const [name, value] of pairs) expect([form[name]].flat()).toContain(value);
        expect(Object.values(form).flat()).toHaveLength(pairs.length);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseForm(text)));
  });

  test('the status mapping gives a report, nothing, or names the fields; never anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, word)), (pairs) => {
        try {
          const report = statusOf(parseForm(new URLSearchParams(pairs).toString()));
          if (report) expect(report.sequence).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toHaveProperty('issues');
        }
      }),
    );
  });

  test('signed garbage is never a fault of ours, unsigned garbage never gets in', async () => {
    const { door } = adapter();
    const { inlet } = noteInlet();
    const open = door(inlet);
    const path = fc.constantFrom(
      ...['voice', 'status', 'fallback', 'dial-result', 'sms'].map((name) => `/twilio/${name}`),
      ...['voice', 'status', 'amd', 'recording', 'stream', 'after', 'fallback'].map(
        (name) => `/twilio/${name}/${CALL_ID}`,
      ),
    );
    await fc.assert(
      fc.asyncProperty(path, fc.array(fc.tuple(key, word)), fc.boolean(), async (where, pairs, get) => {
        const text = new URLSearchParams(pairs).toString();
        const request = get ? { method: 'GET', url: `${where}?${text}` } : { url: where, body: text };
        expect((await knock(open, request)).status).toBeLessThan(500);
        expect((await knock(open, { ...request, signature: 'x' })).status).toBe(403);
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string(),
        async (url, text, signature) => {
          const reply = await open({
            method: 'POST',
            url: `/twilio/${url}`,
            headers: { 'x-twilio-signature': [signature] },
            body: Buffer.from(text),
          });
          expect([403, 404]).toContain(reply.status);
        },
      ),
    );
  });
});
