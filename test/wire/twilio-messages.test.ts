/** Texts: the adapter and the sandbox's carrier over real sockets, both ways, and what an answer lets us conclude. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { textFailure } from '../../src/adapters/twilio/errors.ts';
import { createTwilio } from '../../src/adapters/twilio/index.ts';
import { deliveryOf } from '../../src/adapters/twilio/messages.ts';
import type { Clock, DeliveryReport, VendorDoor } from '../../src/app/ports.ts';
import { mintMessagePermit, mintPermit } from '../../src/domain/compliance/permit.ts';
import { isFailure } from '../../src/domain/errors.ts';
import type { E164 } from '../../src/domain/phone.ts';
import { type Carrier, startCarrier } from '../../src/sandbox/carrier/server.ts';
import { until } from '../support/until.ts';
import {
  ACCOUNT,
  countingIds,
  formOf,
  knock,
  memoryLog,
  NEVER,
  noteInlet,
  OURS,
  PUBLIC,
  TOKEN,
} from './twilio-kit.ts';

const MESSAGE_ID = 'abcdef0123456789abcdef01';
const THEIRS = '+12065550123';
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

let carrier: Carrier;
let asked: string[];
let door: VendorDoor | undefined;
let close: () => Promise<void>;

beforeEach(async () => {
  asked = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    asked.push(url);
    const reply = await door?.({ method, url, headers, body: Buffer.concat(chunks) });
    response.writeHead(reply?.status ?? 500, reply?.contentType ? { 'content-type': reply.contentType } : {});
    response.end(reply?.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  carrier = await startCarrier({
    host: '127.0.0.1',
    port: 0,
    accountSid: ACCOUNT,
    authToken: TOKEN,
    numbers: [OURS],
    seed: 1,
    callsPerSecond: 10,
    speak: async () => Buffer.alloc(160, 0xff),
    smsUrl: `${PUBLIC}/twilio/sms`,
    reach: { [PUBLIC]: url },
    timeScale: 10,
  });
  close = async () => {
    await carrier.close();
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

function world(clock = realClock) {
  const { log } = memoryLog();
  const twilio = createTwilio({
    accountSid: ACCOUNT,
    authToken: TOKEN,
    numbers: [OURS],
    apiBaseUrl: carrier.url,
    publicBaseUrl: PUBLIC,
    clock,
    ids: countingIds(),
    log,
  });
  const { inlet, calls } = noteInlet();
  door = twilio.door(inlet);
  const send = (to = THEIRS, more: { from?: string; text?: string } = {}) =>
    twilio.texts.sendSms(
      mintMessagePermit('p', 'sms', to, Date.now() + 5_000),
      { messageId: MESSAGE_ID, from: OURS, text: 'Acme: hello. Reply STOP to stop.', ...more },
      NEVER,
    );
  const reports = () =>
    calls
      .filter(([name]) => name === 'delivery')
      .map(([, id, report]) => ({ id, ...(report as DeliveryReport) }));
  return { ...twilio, door: twilio.door(inlet), send, reports, calls };
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'sent',
    (error) => (isFailure(error) ? error.code : error),
  );

describe('a text through the carrier', () => {
  test('lands on the phone, and every report of it comes back signed and under its id', async () => {
    const it = world();
    const { vendorId } = await it.send();
    await until('delivery', () => it.reports().some(({ delivery }) => delivery === 'delivered'));
    expect(it.reports().every(({ id, vendorId: sid }) => id === MESSAGE_ID && sid === vendorId)).toBe(true);
    expect(carrier.control.messages(THEIRS).map(({ body, from }) => [body, from])).toEqual([
      ['Acme: hello. Reply STOP to stop.', OURS],
    ]);
    expect(new Set(asked)).toEqual(new Set([`/twilio/message/${MESSAGE_ID}`]));
  });

  test('that is not delivered says why', async () => {
    const it = world();
    await it.send('+12065530006');
    await until('the report', () => it.reports().some(({ delivery }) => delivery === 'undelivered'));
    expect(it.reports().at(-1)?.error).toEqual({
      code: '30006',
      says: 'the number is a landline or cannot get texts',
    });
  });

  test('that is refused says so once and for all; one that STOP blocks tells that too', async () => {
    const it = world();
    for (const [to, code] of [
      ['+15005550001', '21211'],
      ['+12065521614', '21614'],
      ['+15005550003', '21408'],
    ] as const)
      await expect(it.send(to)).rejects.toMatchObject({
        code: 'message_refused',
        details: { error: { code } },
      });
    carrier.control.sendSms({ from: THEIRS, body: 'STOP' });
    await expect(it.send()).rejects.toMatchObject({
      code: 'message_refused',
      details: { error: { code: '21610', optedOut: true } },
    });
  });

  test('whose answer was lost is unconfirmed, and found by its number and words', async () => {
    carrier.control.setFaults({ rest: { mode: 'answer-lost', times: 1 } });
    const it = world();
    const since = new Date();
    expect(await codeOf(it.send())).toBe('message_unconfirmed');
    const { texts, complete } = await it.texts.textsTo({ to: THEIRS, from: OURS, since }, NEVER);
    expect(texts).toMatchObject([{ text: 'Acme: hello. Reply STOP to stop.' }]);
    expect(complete).toBe(false);
    const later = world({ ...realClock, nowMs: () => Date.now() + 61_000 });
    expect((await later.texts.textsTo({ to: THEIRS, from: OURS, since }, NEVER)).complete).toBe(true);
    expect(carrier.control.messages(THEIRS)).toHaveLength(1);
    // What was sent long before is another text.
    const tomorrow = new Date(Date.now() + 86_400_000);
    expect((await it.texts.textsTo({ to: THEIRS, from: OURS, since: tomorrow }, NEVER)).texts).toEqual([]);
  });

  test('that was surely not sent says so, and nothing is tried again by itself', async () => {
    const it = world();
    carrier.control.setFaults({ rest: { mode: 'too-many-requests', times: 1 } });
    expect(await codeOf(it.send())).toBe('message_unavailable');
    carrier.control.setFaults({ rest: { mode: 'server-error', times: 1 } });
    expect(await codeOf(it.send())).toBe('message_unconfirmed');
    expect(carrier.control.messages(THEIRS)).toEqual([]);
    expect(await codeOf(it.send(THEIRS, { from: '+12065559999' }))).toBe('message_refused');
    expect(await codeOf(it.send(THEIRS, { text: ' ' }))).toBe('invalid_request');
    expect(await codeOf(it.send(THEIRS, { text: 'x'.repeat(1_601) }))).toBe('invalid_request');
    await carrier.close();
    expect(await codeOf(it.send())).toBe('message_unavailable');
  });

  test('needs a permit for texts, once', async () => {
    const it = world();
    const request = { messageId: MESSAGE_ID, from: OURS, text: 'Hi' };
    const call = mintPermit('p', THEIRS as E164, Date.now() + 5_000);
    expect(await codeOf(it.texts.sendSms(call as never, request, NEVER))).not.toBe('sent');
    const mail = mintMessagePermit('p', 'email', 'a@b.co', Date.now() + 5_000);
    expect(await codeOf(it.texts.sendSms(mail, request, NEVER))).toBe('permit_forged');
    const permit = mintMessagePermit('p', 'sms', THEIRS, Date.now() + 5_000);
    await it.texts.sendSms(permit, request, NEVER);
    expect(await codeOf(it.texts.sendSms(permit, request, NEVER))).toBe('permit_spent');
    expect(carrier.control.messages(THEIRS)).toHaveLength(1);
  });
});

describe('a report about a text', () => {
  const sid = `SM${'0123456789abcdef'.repeat(2)}`;
  const url = `/twilio/message/${MESSAGE_ID}`;
  const body = formOf({ MessageSid: sid, MessageStatus: 'delivered' });

  test('without the right signature changes nothing', async () => {
    const it = world();
    for (const signature of [null, 'wrong'])
      expect((await knock(it.door, { url, body, signature })).status).toBe(403);
    expect(it.calls).toEqual([]);
    expect((await knock(it.door, { url, body })).status).toBe(204);
    expect(it.reports()).toEqual([{ id: MESSAGE_ID, vendorId: sid, delivery: 'delivered' }]);
  });

  test('that misses what it must say is refused, and a status nobody knows is left aside', async () => {
    const it = world();
    expect((await knock(it.door, { url, body: formOf({ MessageStatus: 'sent' }) })).status).toBe(400);
    const odd = formOf({ MessageSid: sid, MessageStatus: 'teleported' });
    expect((await knock(it.door, { url, body: odd })).status).toBe(204);
    expect(it.calls).toEqual([]);
  });

  test('is read in our words', () => {
    expect(deliveryOf(sid, 'queued', undefined)).toEqual({ vendorId: sid, delivery: 'sent' });
    expect(deliveryOf(sid, 'read', undefined)?.delivery).toBe('delivered');
    expect(deliveryOf(sid, 'failed', 21610)?.error).toMatchObject({ optedOut: true });
    expect(deliveryOf(sid, 'failed', undefined)?.error?.code).toBe('twilio');
    expect(deliveryOf(sid, 'undelivered', 39999)?.error).toMatchObject({ code: '39999' });
  });

  test('an error that proves nothing is never taken for a clear answer', () => {
    for (const error of [new Error('socket hang up'), Object.assign(new Error('x'), { status: 500 }), 'odd'])
      expect(textFailure(error).code).toBe('message_unconfirmed');
  });
});
