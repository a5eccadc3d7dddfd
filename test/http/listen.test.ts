/** The socket on which a live call is heard: who may open it, what passes, and what becomes of those who read slowly. */
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createClock } from '../../src/adapters/system.ts';
import { listen, VOICE } from '../support/listener.ts';
import { untilTrue } from '../support/until.ts';
import { API_KEY, callId, leadId, missingId, type Served, serve } from './support.ts';

const KEY = { authorization: `Bearer ${API_KEY}` };
let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.http.close());

/** A message of the caller's lane. */
const sound = (bytes: number, of = 0): Buffer => {
  const message = Buffer.alloc(5 + bytes, 0x55);
  message[0] = of;
  return message;
};
/** What a browser sends with the socket of this page. */
const fromPage = (cookie: string, origin = served.base) => ({ cookie, origin });

test('everybody who may hear recordings may listen; only an analyst acts', async () => {
  const headers = (role: 'USER' | 'ANALYST') => ({
    ...served.asPage(served.cookieOf(role)),
    'content-type': 'application/json',
  });
  for (const [role, expected] of [
    ['USER', 403],
    ['ANALYST', 202],
  ] as const) {
    const ear = await listen(served.base, callId, fromPage(served.cookieOf(role)));
    ear.leave();
    for (const body of [
      { action: 'whisper', text: 'Be brief.' },
      { action: 'takeover', listener: leadId },
      { action: 'handback' },
      { action: 'transfer' },
      { action: 'end' },
    ]) {
      const answer = await fetch(`${served.base}/api/v1/calls/${callId}/actions`, {
        method: 'POST',
        headers: headers(role),
        body: JSON.stringify(body),
      });
      expect(answer.status, `${role} ${body.action}`).toBe(expected);
    }
  }
});

test('a key needs the scope, a stranger gets nothing, and each is told as every other request', async () => {
  const made = await served.send('POST', '/api/v1/api-keys', {
    name: 'reports',
    role: 'ADMIN',
    scopes: ['analytics:read'],
  });
  const { secret } = (await made.json()) as { secret: string };
  const refused = [
    [{}, 401, 'unauthenticated'],
    [{ authorization: 'Bearer wrong' }, 401, 'unauthenticated'],
    [{ authorization: `Bearer ${secret}` }, 403, 'forbidden'],
  ] as const;
  for (const [headers, status, code] of refused)
    await expect(listen(served.base, callId, headers)).rejects.toMatchObject({ status, code });
  await expect(listen(served.base, missingId, KEY)).rejects.toMatchObject({
    status: 404,
    code: 'call_not_found',
  });
  await expect(listen(served.base, 'nonsense', KEY)).rejects.toMatchObject({ status: 400 });
  expect(served.state.guests).toHaveLength(0);
});

test('a page of another site cannot open the socket with our cookie', async () => {
  const cookie = served.cookieOf('ADMIN');
  for (const origin of ['https://evil.example', 'null', `${served.base}.evil.example`])
    await expect(listen(served.base, callId, fromPage(cookie, origin))).rejects.toMatchObject({
      status: 403,
      code: 'forbidden',
    });
  await expect(listen(served.base, callId, { cookie })).rejects.toMatchObject({ status: 403 });
  const ours = await listen(served.base, callId, fromPage(cookie));
  expect(ours.listener).toMatch(/^[0-9a-f]{24}$/);
  ours.leave();
});

test('sound comes as it was given, words about it as JSON, and their own voice goes the other way', async () => {
  const ear = await listen(served.base, callId, KEY);
  const [guest] = served.state.guests;
  expect(guest?.person).toEqual({ by: 'admin-api-key', name: 'Admin API key' });
  expect(ear.told.slice(0, 2).map(({ type }) => type)).toEqual(['listening', 'floor']);
  guest?.hearing.audio(sound(320), false);
  guest?.hearing.audio(sound(160, 1), false);
  guest?.hearing.cut(1_200);
  await untilTrue(() => ear.told.length === 3);
  expect([ear.heard(0).length, ear.heard(1).length]).toEqual([320, 160]);
  expect(ear.told[2]).toEqual({ type: 'cut', atMs: 1_200 });
  ear.speak(VOICE);
  ear.speak(Buffer.alloc(1_601));
  ear.speak(VOICE);
  ear.socket.send('words are nothing');
  await untilTrue(() => guest?.spoken.length === 2);
  expect(guest?.spoken[0]).toEqual(VOICE);
  // Whoever has the floor does not hear themselves; everybody else does.
  const holder = { by: 'x', name: 'Ana', sinceMs: performance.now() - 2_000, listenerId: ear.listener };
  guest?.hearing.floorChanged(holder);
  guest?.hearing.audio(sound(160, 2), true);
  guest?.hearing.floorChanged({ ...holder, listenerId: 'another' });
  guest?.hearing.audio(sound(160, 2), true);
  await untilTrue(() => ear.heard(2).length === 160);
  const floors = ear.told.flatMap((message) => (message.type === 'floor' ? [message.floor] : []));
  expect(floors.map((floor) => floor?.yours)).toEqual([undefined, true, false]);
  expect(Date.now() - Date.parse(floors[1]?.since ?? '')).toBeGreaterThan(1_900);
  ear.leave();
  await untilTrue(() => guest?.left === true);
});

test('whoever listens, and what was done, stands in the audit log', async () => {
  const ear = await listen(served.base, callId, KEY);
  await served.send('POST', `/api/v1/calls/${callId}/actions`, {
    action: 'takeover',
    listener: ear.listener,
  });
  await expect(listen(served.base, missingId, KEY)).rejects.toMatchObject({ status: 404 });
  ear.leave();
  const entries = async () => {
    await served.access.auditLog.settled(2_000);
    return await served.store.collection('audit_log').find({ sort: { at: 1 } });
  };
  // A refusal is noted when its connection is closed.
  let found = await entries();
  for (let tries = 0; found.length < 3 && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    found = await entries();
  }
  const told = found.map(({ route, targets, outcome, status }) => ({ route, targets, outcome, status }));
  expect(told).toContainEqual({
    route: 'GET /api/v1/calls/:callId/listen',
    targets: [callId],
    outcome: 'done',
    status: 101,
  });
  expect(told).toContainEqual({
    route: 'POST /api/v1/calls/:callId/actions',
    targets: [callId, 'takeover'],
    outcome: 'done',
    status: 202,
  });
  expect(told).toContainEqual({
    route: 'GET /api/v1/calls/:callId/listen',
    targets: [missingId],
    outcome: 'refused',
    status: 404,
  });
});

test('whoever reads slowly loses sound and is told how much; nobody else notices', async () => {
  const [slow, quick] = [await listen(served.base, callId, KEY), await listen(served.base, callId, KEY)];
  slow.socket.pause();
  const message = sound(4_000);
  const sent = 2_500;
  const took: number[] = [];
  for (let i = 0; i < sent; i += 1) {
    const began = performance.now();
    for (const { hearing } of served.state.guests) hearing.audio(message, false);
    took.push(performance.now() - began);
    if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // Nearly every one: the machine itself may pause now and then.
  expect(took.sort((a, b) => a - b)[Math.floor(sent * 0.99)]).toBeLessThan(20);
  await untilTrue(() => quick.heard(0).length === sent * 4_000);
  slow.socket.resume();
  await untilTrue(() => {
    for (const { hearing } of served.state.guests) hearing.audio(message, false);
    return slow.told.some(({ type }) => type === 'gap');
  });
  const gap = slow.told.find((each) => each.type === 'gap');
  expect(gap?.type === 'gap' && gap.lostMs).toBeGreaterThan(500 * 100);
  expect(quick.told.filter(({ type }) => type === 'gap')).toEqual([]);
  const metrics = await (await fetch(`${served.base}/metrics`)).text();
  expect(metrics).toContain('parley_listeners 2');
  expect(metrics).toMatch(/parley_listeners_lost_ms_total \d{5}/);
  slow.leave();
  quick.leave();
});

test('an address that listens to nothing, and a handshake that is none, are refused in good order', async () => {
  const raw = (path: string, more = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(served.port, '127.0.0.1', () =>
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer ${API_KEY}\r\n${more}\r\n`,
        ),
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
  expect(await raw('/api/v1/calls')).toMatch(/^HTTP\/1\.1 404/);
  expect(await raw(`/api/v1/calls/${callId}/listen`)).toMatch(/^HTTP\/1\.1 400/);
  await untilTrue(() => served.state.guests.every(({ left }) => left));
});

test('a session that ended loses the socket, one that does not answer too, and a restart tells everybody', async () => {
  const beats: (() => void)[] = [];
  const real = createClock({ debug() {}, info() {}, warn() {}, error() {} });
  const own = await serve({
    clock: {
      ...real,
      after: (delayMs, task) => {
        if (delayMs !== 15_000) return real.after(delayMs, task);
        beats.push(task);
        return () => {};
      },
    },
  });
  const cookie = await own.signIn();
  const ear = await listen(own.base, callId, { cookie, origin: own.base });
  const deaf = await listen(own.base, callId, KEY);
  deaf.socket.removeAllListeners('ping');
  deaf.socket.pause();
  const stays = await listen(own.base, callId, KEY);
  beats.at(-1)?.();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([ear.closed, stays.closed]).toEqual([undefined, undefined]);
  const out = await fetch(`${own.base}/api/v1/auth/logout`, { method: 'POST', headers: own.asPage(cookie) });
  expect(out.status).toBe(204);
  beats.at(-1)?.();
  await untilTrue(() => ear.closed === 1000);
  expect(ear.told.at(-1)).toEqual({ type: 'over', reason: 'signed_out' });
  await untilTrue(() => own.state.guests[1]?.left === true);
  await own.http.close();
  await untilTrue(() => stays.closed === 1012);
  expect(stays.told.at(-1)).toEqual({ type: 'over', reason: 'restarting' });
  deaf.leave();
});
