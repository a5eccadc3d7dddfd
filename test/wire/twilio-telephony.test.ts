/** Calls by the official SDK against a REST API of one socket: what is asked, and what every kind of answer means. */
import { getEventListeners } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { carrierError, dialFailure } from '../../src/adapters/twilio/errors.ts';
import type { DialRequest } from '../../src/app/ports.ts';
import { type DialPermit, mintPermit } from '../../src/domain/compliance/permit.ts';
import type { Failure } from '../../src/domain/errors.ts';
import type { E164 } from '../../src/domain/phone.ts';
import {
  ACCOUNT,
  adapter,
  CALL_ID,
  CALL_SID,
  formOf,
  json,
  knock,
  NEVER,
  noteInlet,
  OURS,
  PUBLIC,
  readTwiml,
  resource,
  restStub,
  type SeenRequest,
  THEIRS,
  TOKEN,
} from './twilio-kit.ts';

const CALLS = `/2010-04-01/Accounts/${ACCOUNT}/Calls.json`;
const CALL = `/2010-04-01/Accounts/${ACCOUNT}/Calls/${CALL_SID}.json`;
const OTHER_SID = `CA${'f'.repeat(32)}`;
const RECORDING_SID = `RE${'b'.repeat(32)}`;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function world(answer: (seen: SeenRequest, response: ServerResponse) => void, basePath = '') {
  const stub = await restStub(answer);
  closing.push(stub.close);
  return { ...adapter({ apiBaseUrl: stub.url + basePath }), seen: stub.seen };
}

const request: DialRequest = {
  callId: CALL_ID,
  from: OURS,
  detectMachine: false,
  ringTimeoutSec: 25,
  maxCallSec: 900,
  record: false,
};
type World = Awaited<ReturnType<typeof world>>;
const permit = ({ clock }: Pick<World, 'clock'>, lifeMs = 5_000) =>
  mintPermit('permit-1', THEIRS as E164, clock.nowMs() + lifeMs);
const dial = (it: Pick<World, 'clock' | 'telephony'>, changes: Partial<DialRequest> = {}, signal = NEVER) =>
  it.telephony.dial(permit(it), { ...request, ...changes }, signal);
const failure = (promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error) => error,
  );
const refuse = (status: number, code: number) => (_: SeenRequest, response: ServerResponse) =>
  json(response, status, { code, message: `no, ${THEIRS} is not fine`, more_info: '', status });
const accept = (_: SeenRequest, response: ServerResponse) => json(response, 201, resource());

describe('dialling', () => {
  test('asks for one call with everything that a call of ours must have', async () => {
    const it = await world(accept);
    expect(await dial(it)).toEqual({ callSid: CALL_SID });
    expect(it.seen).toHaveLength(1);
    const [sent] = it.seen;
    expect(sent).toMatchObject({ method: 'POST', path: CALLS });
    expect(sent?.headers.authorization).toBe(
      `Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString('base64')}`,
    );
    const { form } = sent ?? { form: new URLSearchParams() };
    expect(Object.fromEntries(form)).toEqual({
      To: THEIRS,
      From: OURS,
      Url: `${PUBLIC}/twilio/voice/${CALL_ID}#rc=3&rp=ct,rt,5xx&ct=2000&rt=9000`,
      Method: 'POST',
      FallbackUrl: `${PUBLIC}/twilio/fallback/${CALL_ID}#rc=3&rp=ct,rt,5xx&ct=2000&rt=9000`,
      FallbackMethod: 'POST',
      StatusCallback: `${PUBLIC}/twilio/status/${CALL_ID}#rc=5&rp=all&ct=2000&rt=5000`,
      StatusCallbackMethod: 'POST',
      StatusCallbackEvent: 'completed',
      Timeout: '25',
      TimeLimit: '900',
    });
    expect(form.getAll('StatusCallbackEvent')).toEqual(['initiated', 'ringing', 'answered', 'completed']);
  });

  test('machine detection never holds the line back, and a recording keeps both sides and its silences', async () => {
    const it = await world(accept);
    await dial(it, { detectMachine: true, record: true });
    const form = it.seen[0]?.form;
    expect(Object.fromEntries(form ?? [])).toMatchObject({
      MachineDetection: 'DetectMessageEnd',
      AsyncAmd: 'true',
      AsyncAmdStatusCallback: expect.stringContaining(`${PUBLIC}/twilio/amd/${CALL_ID}#`),
      Record: 'true',
      RecordingChannels: 'dual',
      Trim: 'do-not-trim',
      RecordingStatusCallback: expect.stringContaining(`${PUBLIC}/twilio/recording/${CALL_ID}#`),
    });
    expect(form?.getAll('RecordingStatusCallbackEvent')).toEqual(['completed', 'absent']);
  });

  test('a base address with a path in front keeps it', async () => {
    const it = await world(accept, '/carrier/');
    await dial(it);
    expect(it.seen[0]?.path).toBe(`/carrier${CALLS}`);
  });

  test('a permit works once, in its time, and nothing else opens the line', async () => {
    const it = await world(accept);
    const spent = permit(it);
    await it.telephony.dial(spent, request, NEVER);
    expect(await failure(it.telephony.dial(spent, request, NEVER))).toMatchObject({ code: 'permit_spent' });
    const expired = permit(it);
    it.turn(5_000);
    expect(await failure(it.telephony.dial(expired, request, NEVER))).toMatchObject({
      code: 'permit_expired',
    });
    expect(it.seen).toHaveLength(1);
  });

  test.each<[string, (real: DialPermit) => unknown]>([
    ['nothing', () => undefined],
    ['an object that looks like one', () => ({ permitId: 'x', spend: () => THEIRS })],
    ['its prototype with another name', (real) => Object.create(Object.getPrototypeOf(real))],
    ['a copy of a real one', (real) => Object.assign(Object.create(Object.getPrototypeOf(real)), real)],
    [
      'a real one behind a number of its own',
      (real) => Object.assign(Object.create(real), { spend: () => THEIRS }),
    ],
    ['a wrapper around a real one', (real) => new Proxy(real, {})],
  ])('%s opens no line', async (_, forge) => {
    const it = await world(accept);
    const forged = forge(permit(it)) as DialPermit;
    await expect(it.telephony.dial(forged, request, NEVER)).rejects.toThrow();
    expect(it.seen).toEqual([]);
  });

  test('the number is the permit’s, whatever the request says', async () => {
    const it = await world(accept);
    await it.telephony.dial(permit(it), { ...request, ...{ to: '+12065550147' } }, NEVER);
    expect(it.seen.map(({ form }) => form.get('To'))).toEqual([THEIRS]);
  });

  test('a permit is good until the very millisecond it ends, and for no clock that tells no time', async () => {
    const it = await world(accept);
    const last = permit(it);
    it.turn(4_999);
    await it.telephony.dial(last, request, NEVER);
    const ended = permit(it, 0);
    expect(await failure(it.telephony.dial(ended, request, NEVER))).toMatchObject({ code: 'permit_expired' });
    expect(await failure(it.telephony.dial(permit(it, Number.NaN), request, NEVER))).toMatchObject({
      code: 'permit_expired',
    });
    expect(it.seen).toHaveLength(1);
  });

  test('of twenty who hold the same permit one dials', async () => {
    const it = await world(accept);
    const shared = permit(it);
    const settled = await Promise.allSettled(
      Array.from({ length: 20 }, () => it.telephony.dial(shared, request, NEVER)),
    );
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(it.seen).toHaveLength(1);
  });

  test('a permit is spent even when the dial comes to nothing', async () => {
    const it = await world(accept);
    const used = permit(it);
    await failure(it.telephony.dial(used, { ...request, from: '+15005550006' }, NEVER));
    expect(await failure(it.telephony.dial(used, request, NEVER))).toMatchObject({ code: 'permit_spent' });
    expect(it.seen).toEqual([]);
  });

  test.each<[string, Partial<DialRequest>, string]>([
    ['rings less than fifteen seconds', { ringTimeoutSec: 14 }, 'invalid_request'],
    ['rings longer than Twilio can', { ringTimeoutSec: 601 }, 'invalid_request'],
    ['has no limit', { maxCallSec: 0 }, 'invalid_request'],
    ['has a limit above four hours', { maxCallSec: 14_401 }, 'invalid_request'],
    ['has an id that is no path', { callId: '../sms' }, 'invalid_request'],
    ['shows a number that is not ours', { from: '+12065550199' }, 'dial_refused'],
  ])('a call that %s is refused before anything is sent', async (_, changes, code) => {
    const it = await world(accept);
    expect(await failure(dial(it, changes))).toMatchObject({ code });
    expect(it.seen).toEqual([]);
  });

  test.each([
    [21211, 'number', 'never', 'bad_number'],
    [21217, 'number', 'never', 'bad_number'],
    [21214, 'number', 'once_later', 'bad_number'],
    [21216, 'number', 'after_fix', 'blocked'],
    [21202, 'number', 'never', 'blocked'],
    [21215, 'region', 'after_fix', 'region'],
    [21219, 'account', 'after_fix', 'config'],
    [21210, 'caller_id', 'after_fix', 'config'],
    [21212, 'caller_id', 'after_fix', 'config'],
    [32017, 'caller_id', 'after_fix', 'reputation'],
    [20003, 'account', 'after_fix', 'fatal'],
    [20005, 'account', 'after_fix', 'fatal'],
    [21205, 'product', 'after_fix', 'bug'],
    [29999, 'product', 'after_fix', 'unknown'],
  ])('carrier code %i is a refusal: blame %s, retry %s, class %s', async (code, blame, retry, kind) => {
    const it = await world(refuse(code < 21000 ? 401 : 400, code));
    const error = await failure(dial(it));
    expect(error).toMatchObject({
      code: 'dial_refused',
      retryable: false,
      details: { carrierCode: code, blame, retry, class: kind },
    });
    expect(error.message).not.toContain(THEIRS);
    expect(it.seen).toHaveLength(1);
  });

  test.each([
    [429, 20429],
    [429, 0],
    [400, 10004],
  ])('HTTP %i with code %i surely dialled nothing and may be tried later', async (status, code) => {
    const it = await world(refuse(status, code));
    expect(await failure(dial(it))).toMatchObject({ code: 'telephony_unavailable', retryable: true });
    expect(it.seen).toHaveLength(1);
  });

  test('an error in the newer RFC 9457 form is understood too', async () => {
    const it = await world((_, response) =>
      json(response, 400, { type: 'about:blank', title: 'Bad', status: 400, code: 21211, detail: 'no' }),
    );
    expect(await failure(dial(it))).toMatchObject({
      code: 'dial_refused',
      details: { carrierCode: 21211, blame: 'number' },
    });
  });

  test.each<[string, (seen: SeenRequest, response: ServerResponse) => void]>([
    ['500 with a code', refuse(500, 20500)],
    ['503 with the code of a refusal', refuse(503, 21211)],
    ['502 of a proxy', (_, response) => void response.writeHead(502).end('<h1>Bad Gateway</h1>')],
    ['400 that is not JSON', (_, response) => void response.writeHead(400).end('<h1>no</h1>')],
    ['a redirect', (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end()],
    ['201 that is not JSON', (_, response) => void response.writeHead(201).end('<h1>hello</h1>')],
    ['201 with null', (_, response) => json(response, 201, null)],
    ['201 without a SID', (_, response) => json(response, 201, { status: 'queued' })],
    ['201 with half a body', (_, response) => halfBody(response)],
    ['a dropped connection', (_, response) => void response.destroy()],
  ])('%s is no clear answer: the call may exist, and is not dialled again', async (_, answer) => {
    const it = await world(answer);
    expect(await failure(dial(it))).toMatchObject({ code: 'dial_unconfirmed', retryable: false });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(it.seen).toHaveLength(1);
  });

  function halfBody(response: ServerResponse): void {
    response.writeHead(201, { 'content-length': '1000' }).write('{"sid":"CA');
    setTimeout(() => response.destroy(), 20);
  }

  test('no answer for ten seconds is no clear answer', async () => {
    let arrived = () => {};
    const sent = new Promise<void>((resolve) => (arrived = resolve));
    const it = await world(() => arrived());
    const dialled = failure(dial(it));
    await sent;
    it.turn(9_999);
    expect(await Promise.race([dialled, new Promise((go) => setTimeout(go, 30, 'waiting'))])).toBe('waiting');
    it.turn(1);
    expect(await dialled).toMatchObject({ code: 'dial_unconfirmed' });
    expect(it.seen).toHaveLength(1);
    expect(it.waiting()).toBe(0);
  });

  test('stopped before sending it is surely not dialled; stopped after sending it may be', async () => {
    const stop = new AbortController();
    const it = await world(() => stop.abort());
    expect(await failure(dial(it, {}, AbortSignal.abort()))).toMatchObject({ code: 'telephony_unavailable' });
    expect(it.seen).toHaveLength(0);
    expect(await failure(dial(it, {}, stop.signal))).toMatchObject({ code: 'dial_unconfirmed' });
    expect(it.seen).toHaveLength(1);
  });

  test('nothing of a request stays with a signal that lives as long as the process', async () => {
    const it = await world(accept);
    const { signal } = new AbortController();
    await dial(it, {}, signal);
    await it.telephony.fetchCall(CALL_SID, signal);
    expect(it.seen).toHaveLength(2);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(it.waiting()).toBe(0);
  });

  test('a carrier that cannot be reached at all was surely not asked', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    const port = typeof address === 'object' ? address?.port : 0;
    for (const apiBaseUrl of [
      `http://127.0.0.1:${port}`,
      `http://localhost:${port}`,
      'http://carrier.invalid',
    ])
      expect(await failure(dial(adapter({ apiBaseUrl })))).toMatchObject({ code: 'telephony_unavailable' });
  });
});

describe('looking for a call whose dial had no clear answer', () => {
  const listing = (...calls: unknown[]) => ({ calls, next_page_uri: null, page_size: 1000 });
  const since = (it: World) => new Date(it.clock.nowMs());
  const look = (it: World, at = since(it)) =>
    it.telephony.findCall({ callId: CALL_ID, to: THEIRS, since: at }, NEVER);
  /** Turns the clock in small steps for as long as `promise` waits for it. */
  async function turning<T>(it: World, promise: Promise<T>): Promise<T> {
    let done = false;
    const end = () => {
      done = true;
    };
    promise.then(end, end);
    for (let step = 0; !done && step < 400; step += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      it.turn(500);
    }
    return promise;
  }

  test('finds the outbound call to that number and tells its state', async () => {
    const it = await world((_, response) =>
      json(
        response,
        200,
        listing(
          resource({ sid: OTHER_SID, direction: 'inbound' }),
          resource({ sid: OTHER_SID, date_created: 'Tue, 03 Nov 2026 09:00:00 +0000' }),
          resource({ status: 'no-answer', duration: '0' }),
        ),
      ),
    );
    expect(await look(it)).toEqual({ callSid: CALL_SID, state: 'over', end: 'no_answer', durationSec: 0 });
    expect(it.seen[0]).toMatchObject({ method: 'GET', path: CALLS });
    expect(it.seen[0]?.query.get('To')).toBe(THEIRS);
  });

  test('a call that waits in the queue, without any time yet, is found', async () => {
    const it = await world((_, response) => json(response, 200, listing(resource({ date_created: null }))));
    expect(await look(it)).toEqual({ callSid: CALL_SID, state: 'queued' });
  });

  test('an empty list proves nothing until sixty seconds have passed; then the call is absent', async () => {
    const it = await world((_, response) => json(response, 200, listing()));
    const startedMs = it.clock.nowMs();
    expect(await turning(it, look(it))).toBe('absent');
    expect(it.clock.nowMs() - startedMs).toBeGreaterThanOrEqual(60_000);
    expect(it.seen.length).toBeGreaterThan(3);
    expect(it.seen.length).toBeLessThan(20);
  });

  test('a call that shows up late is found', async () => {
    const it = await world((_, response) =>
      json(response, 200, it.seen.length < 4 ? listing() : listing(resource({ status: 'ringing' }))),
    );
    expect(await turning(it, look(it))).toEqual({ callSid: CALL_SID, state: 'ringing' });
  });

  test('long after the dial one complete list is enough', async () => {
    const it = await world((_, response) => json(response, 200, listing()));
    it.turn(120_000);
    expect(await look(it, new Date(it.clock.nowMs() - 100_000))).toBe('absent');
    expect(it.seen).toHaveLength(1);
  });

  test('just after a start the past proves nothing: an earlier life may have dialled a moment ago', async () => {
    const it = await world((_, response) => json(response, 200, listing()));
    const startedMs = it.clock.nowMs();
    expect(await turning(it, look(it, new Date(startedMs - 3_600_000)))).toBe('absent');
    expect(it.clock.nowMs() - startedMs).toBeGreaterThanOrEqual(60_000);
  });

  test('a dial that got no answer just now is waited for, however long ago the attempt began', async () => {
    const it = await world((seen, response) =>
      seen.method === 'POST' ? void response.writeHead(502).end() : json(response, 200, listing()),
    );
    const beganMs = it.clock.nowMs();
    it.turn(600_000);
    await failure(dial(it));
    const dialledMs = it.clock.nowMs();
    expect(await turning(it, look(it, new Date(beganMs)))).toBe('absent');
    expect(it.clock.nowMs() - dialledMs).toBeGreaterThanOrEqual(60_000);
  });

  test('later pages of the list are read, on the same host', async () => {
    const it = await world((seen, response) =>
      seen.query.get('Page') === '1'
        ? json(response, 200, listing(resource({ status: 'in-progress' })))
        : json(response, 200, { calls: [], next_page_uri: `${CALLS}?Page=1&PageToken=x`, page_size: 1000 }),
    );
    expect(await look(it)).toEqual({ callSid: CALL_SID, state: 'in_progress' });
    expect(it.seen).toHaveLength(2);
  });

  test('when the carrier cannot list, nothing is said to be absent', async () => {
    const it = await world(refuse(503, 20503));
    it.turn(120_000);
    expect(await failure(look(it, new Date(it.clock.nowMs() - 100_000)))).toMatchObject({
      code: 'telephony_unavailable',
    });
  });

  test('more calls than can be listed prove nothing', async () => {
    const old = Array.from({ length: 1_001 }, (_, index) =>
      resource({
        sid: `CA${index.toString(16).padStart(32, '0')}`,
        date_created: 'Tue, 03 Nov 2020 09:00:00 +0000',
      }),
    );
    const it = await world((_, response) => json(response, 200, listing(...old)));
    it.turn(120_000);
    expect(await failure(look(it, new Date(it.clock.nowMs() - 100_000)))).toMatchObject({
      code: 'telephony_unavailable',
    });
  });

  test('a signed callback settles which call it is, whatever the list says', async () => {
    const it = await world((seen, response) =>
      seen.path === CALL
        ? json(response, 200, resource({ status: 'ringing' }))
        : json(response, 200, listing(resource({ sid: OTHER_SID }))),
    );
    const { inlet } = noteInlet();
    await knock(it.door(inlet), {
      url: `/twilio/status/${CALL_ID}`,
      body: formOf({ CallSid: CALL_SID, CallStatus: 'initiated', SequenceNumber: '0' }),
    });
    expect(await look(it)).toEqual({ callSid: CALL_SID, state: 'ringing' });
    expect(it.seen.map(({ path }) => path)).toEqual([CALL]);
  });

  test('a call that is known to be of another attempt is not taken for this one', async () => {
    const it = await world((seen, response) =>
      seen.method === 'POST' ? json(response, 201, resource()) : json(response, 200, listing(resource())),
    );
    await dial(it, { callId: 'another-attempt' });
    it.turn(50_000);
    expect(await turning(it, look(it))).toBe('absent');
  });

  test('the wait ends when nobody waits any more', async () => {
    const it = await world((_, response) => json(response, 200, listing()));
    const stop = new AbortController();
    const looking = failure(
      it.telephony.findCall({ callId: CALL_ID, to: THEIRS, since: since(it) }, stop.signal),
    );
    while (it.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error('enough'));
    expect(await looking).toMatchObject({ message: 'enough' });
  });
});

describe('a call that exists', () => {
  test('is fetched in our words; one that the carrier does not know is absent', async () => {
    const it = await world((seen, response) =>
      seen.path === CALL
        ? json(response, 200, resource({ status: 'completed', duration: '61' }))
        : json(response, 404, { code: 20404, message: 'not found', status: 404 }),
    );
    expect(await it.telephony.fetchCall(CALL_SID, NEVER)).toEqual({
      callSid: CALL_SID,
      state: 'over',
      end: 'completed',
      durationSec: 61,
    });
    expect(await it.telephony.fetchCall(OTHER_SID, NEVER)).toBe('absent');
  });

  test('a state that does not exist today is not guessed', async () => {
    const it = await world((_, response) => json(response, 200, resource({ status: 'teleported' })));
    expect(await failure(it.telephony.fetchCall(CALL_SID, NEVER))).toMatchObject({
      code: 'telephony_unavailable',
    });
  });

  const asked = (it: World) => it.seen.map(({ path, form }) => [path, form.get('Status')]);

  test('is hung up while it talks', async () => {
    const it = await world((_, response) => json(response, 200, resource({ status: 'completed' })));
    await it.telephony.hangUp(CALL_SID, NEVER);
    expect(asked(it)).toEqual([[CALL, 'completed']]);
  });

  test('is cancelled too while it rings or waits in the queue', async () => {
    for (const status of ['queued', 'ringing']) {
      const it = await world((_, response) => json(response, 200, resource({ status })));
      await it.telephony.hangUp(CALL_SID, NEVER);
      expect(asked(it)).toEqual([
        [CALL, 'completed'],
        [CALL, 'canceled'],
      ]);
    }
  });

  test('hung up when it is over already is a success', async () => {
    const it = await world(refuse(400, 21220));
    await it.telephony.hangUp(CALL_SID, NEVER);
    expect(asked(it)).toEqual([
      [CALL, 'completed'],
      [CALL, 'canceled'],
    ]);
  });

  test('hanging up tells when it could not be done', async () => {
    const down = await world(refuse(500, 20500));
    expect(await failure(down.telephony.hangUp(CALL_SID, NEVER))).toMatchObject({
      code: 'telephony_unavailable',
    });
    const unknown = await world(refuse(404, 20404));
    expect(await failure(unknown.telephony.hangUp(CALL_SID, NEVER))).toMatchObject({
      code: 'call_not_found',
    });
    const keys = await world(refuse(401, 20003));
    expect(await failure(keys.telephony.hangUp(CALL_SID, NEVER))).toMatchObject({ code: 'config_invalid' });
    expect(await failure(keys.telephony.hangUp('../Accounts', NEVER))).toMatchObject({
      code: 'invalid_request',
    });
  });

  test('says a sentence and hangs up', async () => {
    const it = await world((_, response) => json(response, 200, resource({ status: 'in-progress' })));
    await it.telephony.sayAndHangUp(CALL_SID, 'Goodbye & <good luck>.', NEVER);
    const verbs = readTwiml(it.seen[0]?.form.get('Twiml') ?? '');
    expect(verbs.map(({ name, text }) => [name, text])).toEqual([
      ['Say', 'Goodbye & <good luck>.'],
      ['Hangup', ''],
    ]);
  });

  test('is connected to a person, who is rung for a while, with one of our numbers shown', async () => {
    const it = await world((_, response) => json(response, 200, resource({ status: 'in-progress' })));
    await it.telephony.transfer(CALL_SID, '+12065550177', 'One moment, please.', NEVER);
    expect(readTwiml(it.seen[0]?.form.get('Twiml') ?? '')).toMatchObject([
      { name: 'Say', text: 'One moment, please.' },
      {
        name: 'Dial',
        attributes: {
          action: `${PUBLIC}/twilio/dial-result`,
          answerOnBridge: 'true',
          timeout: '25',
          callerId: OURS,
        },
        children: [{ name: 'Number', text: '+12065550177' }],
      },
    ]);
  });

  test('is not redirected when it is over, nor with words that the carrier cannot take', async () => {
    const it = await world(refuse(400, 21220));
    const { telephony } = it;
    expect(await failure(telephony.sayAndHangUp(CALL_SID, 'Bye.', NEVER))).toMatchObject({
      code: 'call_over',
    });
    for (const wrong of ['', '  ', 'x'.repeat(4_000)])
      expect(await failure(telephony.sayAndHangUp(CALL_SID, wrong, NEVER))).toMatchObject({
        code: 'invalid_request',
      });
    for (const to of ['2065550177', '911', '+1 206 555 0177', ''])
      expect(await failure(telephony.transfer(CALL_SID, to, 'Wait.', NEVER))).toMatchObject({
        code: 'invalid_request',
      });
    expect(it.seen).toHaveLength(1);
  });
});

describe('the recording of the carrier', () => {
  const read = async (it: World) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await it.telephony.recording(RECORDING_SID, NEVER)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  test('is read in both channels, with the account, piece by piece', async () => {
    const wav = Buffer.alloc(300_000, 7);
    const it = await world((_, response) => void response.writeHead(200).end(wav));
    expect((await read(it)).equals(wav)).toBe(true);
    expect(it.seen[0]).toMatchObject({
      method: 'GET',
      path: `/2010-04-01/Accounts/${ACCOUNT}/Recordings/${RECORDING_SID}.wav`,
    });
    expect(it.seen[0]?.headers.authorization).toMatch(/^Basic /);
    expect(it.waiting()).toBe(0);
  });

  test('comes in one channel when there are not two', async () => {
    const it = await world((seen, response) =>
      seen.query.get('RequestedChannels') === '2'
        ? json(response, 400, { code: 20001, message: 'no', status: 400 })
        : void response.writeHead(200).end('mono'),
    );
    expect(String(await read(it))).toBe('mono');
    expect(it.seen.map(({ query }) => query.get('RequestedChannels'))).toEqual(['2', '1']);
  });

  test('that does not exist, may not be read, breaks off or never starts is told apart', async () => {
    const code = async (answer: (seen: SeenRequest, response: ServerResponse) => void) =>
      (await failure(read(await world(answer)))).code;
    expect(await code(refuse(404, 20404))).toBe('recording_not_found');
    expect(await code(refuse(401, 20003))).toBe('config_invalid');
    expect(await code(refuse(500, 20500))).toBe('telephony_unavailable');
    expect(
      await code((_, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('RIFF');
        setTimeout(() => response.destroy(), 20);
      }),
    ).toBe('telephony_unavailable');
    const silent = await world(() => silent.turn(10_000));
    expect((await failure(read(silent))).code).toBe('telephony_unavailable');
  });

  test('that nobody reads is let go after ten seconds', async () => {
    let gone = false;
    const it = await world((_, response) => {
      response.once('close', () => {
        gone = true;
      });
      response.writeHead(200).write(Buffer.alloc(1_000_000));
    });
    await it.telephony.recording(RECORDING_SID, NEVER);
    it.turn(10_000);
    while (!gone) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(it.waiting()).toBe(0);
  });
});

test('codes that nobody knows are nobody’s number’s fault and are never tried again by themselves', () => {
  for (const code of [0, -1, 1, 99_999, Number.NaN])
    expect(carrierError(code)).toMatchObject({ class: 'unknown', blame: 'product', retry: 'after_fix' });
});

test('of several addresses tried, one that may have taken the request is enough for doubt', () => {
  const tried = (syscall: string) => Object.assign(new Error('failed'), { syscall });
  const failed = (...causes: Error[]) =>
    dialFailure(new Error('network', { cause: new AggregateError(causes) }));
  expect(failed(tried('connect'), tried('connect')).code).toBe('telephony_unavailable');
  expect(failed(tried('connect'), tried('read')).code).toBe('dial_unconfirmed');
  expect(failed().code).toBe('dial_unconfirmed');
  for (const oddity of [undefined, null, 'no', 42, new Error('bare')])
    expect(dialFailure(oddity).code).toBe('dial_unconfirmed');
});
