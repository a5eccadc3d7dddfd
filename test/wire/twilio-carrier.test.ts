/** The adapter and the sandbox's carrier over real sockets, both ways: whole calls, as Twilio would run them. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTwilio } from '../../src/adapters/twilio/index.ts';
import type { CarrierInlet, CarrierStatus, Clock, VendorDoor } from '../../src/app/ports.ts';
import { mintPermit } from '../../src/domain/compliance/permit.ts';
import type { E164 } from '../../src/domain/phone.ts';
import type { CallerScript } from '../../src/sandbox/callers.ts';
import { type Carrier, startCarrier } from '../../src/sandbox/carrier/server.ts';
import { until } from '../support/until.ts';
import {
  ACCOUNT,
  CALL_ID,
  countingIds,
  memoryLog,
  NEVER,
  noteInlet,
  OURS,
  PUBLIC,
  THEIRS,
  TOKEN,
} from './twilio-kit.ts';

const realClock: Clock = {
  nowMs: () => Date.now(),
  steadyMs: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  everyFrame: () => () => {},
  sleep: (delayMs, signal) => sleep(delayMs, undefined, { signal }),
};

const patient: CallerScript = {
  name: 'patient',
  title: 'Patient',
  summary: 'Answers and waits.',
  voice: 'slt',
  ringMs: 1000,
  pickup: { kind: 'answers' },
  detection: { verdict: 'machine', latencyMs: 500 },
  steps: [{ pauseMs: 60_000 }],
};

let carrier: Carrier;
let close: () => Promise<void>;
let publicServer: { url: string; door: VendorDoor | undefined; asked: string[] };

/** Our public side: the door alone, without a media stream, so that every stream fails to open. */
beforeEach(async () => {
  publicServer = { url: '', door: undefined, asked: [] };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    publicServer.asked.push(url);
    const reply = await publicServer.door?.({ method, url, headers, body: Buffer.concat(chunks) });
    response.writeHead(reply?.status ?? 500, reply?.contentType ? { 'content-type': reply.contentType } : {});
    response.end(reply?.body);
  });
  server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  publicServer.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  carrier = await startCarrier({
    host: '127.0.0.1',
    port: 0,
    accountSid: ACCOUNT,
    authToken: TOKEN,
    numbers: [OURS],
    seed: 1,
    callsPerSecond: 10,
    speak: async (text) => Buffer.alloc(160 * 3 * text.length, 0xff), // 60 ms a character, silent
    voiceUrl: `${PUBLIC}/twilio/voice`,
    statusCallbackUrl: `${PUBLIC}/twilio/status`,
    smsUrl: `${PUBLIC}/twilio/sms`,
    reach: { [PUBLIC]: publicServer.url, 'wss://app.test': publicServer.url.replace('http', 'ws') },
    timeScale: 10,
  });
  carrier.control.assign(THEIRS, patient);
  close = async () => {
    await carrier.close();
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

function world(changes: Partial<CarrierInlet> = {}) {
  const { log } = memoryLog();
  const twilio = createTwilio({
    accountSid: ACCOUNT,
    authToken: TOKEN,
    numbers: [OURS],
    apiBaseUrl: carrier.url,
    publicBaseUrl: PUBLIC,
    clock: realClock,
    ids: countingIds(),
    log,
  });
  const note = noteInlet(changes);
  publicServer.door = twilio.door(note.inlet);
  const dial = (record = false) =>
    twilio.telephony.dial(
      mintPermit('permit-1', THEIRS as E164, Date.now() + 5_000),
      { callId: CALL_ID, from: OURS, detectMachine: true, ringTimeoutSec: 20, maxCallSec: 60, record },
      NEVER,
    );
  return { ...twilio, calls: note.calls, dial };
}

const named = (calls: unknown[][], name: string) => calls.filter(([first]) => first === name);
const reports = (calls: unknown[][]) => named(calls, 'status').map(([, , report]) => report as CarrierStatus);

describe('a call through the carrier', () => {
  test('outbound: every callback arrives, a stream that fails ends in a spoken sentence', async () => {
    const it = world({ afterStream: async () => ({ kind: 'say', sentence: 'We will call again.' }) });
    const { callSid } = await it.dial(true);
    await until('the end', () => reports(it.calls).some(({ status }) => status === 'completed'));
    await until('the recording', () => named(it.calls, 'recording').length > 0);
    expect(
      reports(it.calls)
        .sort((a, b) => a.sequence - b.sequence)
        .map(({ status, callSid }) => [status, callSid]),
    ).toEqual(['initiated', 'ringing', 'answered', 'completed'].map((status) => [status, callSid]));
    expect(reports(it.calls).find(({ status }) => status === 'completed')).toHaveProperty('durationSec');
    expect(named(it.calls, 'answered')).toEqual([['answered', CALL_ID, callSid]]);
    expect(named(it.calls, 'streamTrouble')).toMatchObject([
      ['streamTrouble', CALL_ID, expect.stringMatching(/^MZ/), expect.stringContaining('31920')],
    ]);
    expect(await it.telephony.fetchCall(callSid, NEVER)).toMatchObject({ state: 'over', end: 'completed' });
    await it.telephony.hangUp(callSid, NEVER);

    const [recording = []] = named(it.calls, 'recording');
    const { recordingSid, status } = recording[2] as { recordingSid: string; status: string };
    expect(status).toBe('completed');
    const chunks: Uint8Array[] = [];
    for await (const chunk of await it.telephony.recording(recordingSid, NEVER)) chunks.push(chunk);
    const wav = Buffer.concat(chunks);
    expect(wav.toString('latin1', 0, 4)).toBe('RIFF');
    expect(wav.readUInt16LE(22)).toBe(2); // channels
    expect(carrier.control.debugger.filter(({ code }) => code < 31900)).toEqual([]);
  });

  test('every answer tells the carrier’s time, and how far ours is from it', async () => {
    const it = world();
    expect(it.clockSkewMs()).toBeNull();
    const stop = new AbortController();
    const comparing = it.compareClocks(stop.signal);
    await until('the first answer', () => it.clockSkewMs() !== null);
    expect(Math.abs(it.clockSkewMs() ?? Number.NaN)).toBeLessThan(3_000);
    stop.abort();
    await comparing;
    carrier.control.setFaults({ clock: { aheadMs: -45_000 } });
    const { callSid } = await it.dial();
    expect(it.clockSkewMs()).toBeGreaterThan(42_000);
    expect(it.clockSkewMs()).toBeLessThan(48_000);
    carrier.control.setFaults({ clock: { aheadMs: 0 } });
    await it.telephony.hangUp(callSid, NEVER);
    expect(Math.abs(it.clockSkewMs() ?? Number.NaN)).toBeLessThan(3_000);
  });

  test('a ringing call can be hung up, and so can one that talks', async () => {
    for (const talking of [false, true]) {
      const it = world({ answered: async () => ({ kind: 'say', sentence: 'word '.repeat(100) }) });
      const { callSid } = await it.dial();
      const wanted = talking ? 'in_progress' : 'ringing';
      await until(wanted, async () => {
        const call = await it.telephony.fetchCall(callSid, NEVER);
        return call !== 'absent' && call.state === wanted;
      });
      await it.telephony.hangUp(callSid, NEVER);
      await until('the end', async () => {
        const call = await it.telephony.fetchCall(callSid, NEVER);
        return call !== 'absent' && call.state === 'over';
      });
      await it.telephony.hangUp(callSid, NEVER);
      expect(await it.telephony.fetchCall(callSid, NEVER)).toMatchObject({
        end: talking ? 'completed' : 'canceled',
      });
      await expect(it.telephony.sayAndHangUp(callSid, 'Bye.', NEVER)).rejects.toMatchObject({
        code: 'call_over',
      });
    }
  });

  test('a caller whom nobody takes over hears so', async () => {
    const person = '+12065550177';
    carrier.control.assign(person, { ...patient, pickup: { kind: 'rejects' } });
    const it = world({ answered: async () => ({ kind: 'say', sentence: 'word '.repeat(100) }) });
    const { callSid } = await it.dial();
    await until('the answer', () => named(it.calls, 'status').length >= 3);
    await it.telephony.transfer(callSid, person, 'One moment.', NEVER);
    await until('the end', () => reports(it.calls).some(({ status }) => status === 'completed'));
    expect(carrier.control.calls()).toMatchObject([
      { sid: callSid, to: THEIRS },
      { from: OURS, to: person, status: 'no-answer' },
    ]);
    expect(publicServer.asked.filter((path) => path === '/twilio/dial-result')).toHaveLength(1);
  });

  test('a call whose answer was lost is found, and the person is not called again', async () => {
    carrier.control.setFaults({ rest: { mode: 'answer-lost', times: 1 } });
    const it = world();
    const since = new Date();
    await expect(it.dial()).rejects.toMatchObject({ code: 'dial_unconfirmed' });
    const found = await it.telephony.findCall({ callId: CALL_ID, to: THEIRS, since }, NEVER);
    expect(carrier.control.calls().map(({ sid }) => sid)).toEqual([
      found === 'absent' ? 'absent' : found.callSid,
    ]);
  });

  test('what was surely not dialled says so', async () => {
    const it = world();
    for (const mode of ['too-many-requests', 'concurrency'] as const) {
      carrier.control.setFaults({ rest: { mode, times: 1 } });
      await expect(it.dial()).rejects.toMatchObject({ code: 'telephony_unavailable' });
    }
    expect(carrier.control.calls()).toEqual([]);
  });

  test('inbound: the caller is announced, hears the sentence, and the end is reported', async () => {
    const it = world({
      inbound: async (call) => {
        it.calls.push(['inbound', call]);
        return { kind: 'say', sentence: 'We are closed & asleep.' };
      },
    });
    const callSid = carrier.control.placeInboundCall({ from: THEIRS, caller: patient });
    await until('the end', () => reports(it.calls).length > 0);
    expect(named(it.calls, 'inbound')).toMatchObject([['inbound', { callSid, from: THEIRS, to: OURS }]]);
    expect(named(it.calls, 'status')).toMatchObject([
      ['status', undefined, { callSid, status: 'completed' }],
    ]);
  });

  test('a carrier with wrong signatures reaches nobody', async () => {
    carrier.control.setFaults({ signature: { bad: 'all' } });
    const it = world();
    const { callSid } = await it.dial();
    await until('the end', async () => {
      const call = await it.telephony.fetchCall(callSid, NEVER);
      return call !== 'absent' && call.state === 'over';
    });
    expect(it.calls).toEqual([]);
  });

  test('a text message is taken and answered', async () => {
    const it = world({ message: async ({ text }) => ({ reply: `heard: ${text}` }) });
    carrier.control.sendSms({ from: THEIRS, body: 'STOP & go' });
    await until('the reply', () =>
      carrier.control.messages(THEIRS).some(({ body }) => body === 'heard: STOP & go'),
    );
    expect(it.calls).toEqual([]);
  });
});
