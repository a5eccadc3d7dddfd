/** What the doctor sees: the real adapters against the sandbox's carrier and agent, and a door that stands for ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import twilio from 'twilio';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createClock, createIds } from '../../src/adapters/system.ts';
import type { Log } from '../../src/app/ports.ts';
import { diagnose, type Look } from '../../src/cli/diagnosis.ts';
import { loadConfig } from '../../src/config.ts';
import { type Agent, startAgent } from '../../src/sandbox/agent/server.ts';
import { type Carrier, startCarrier } from '../../src/sandbox/carrier/server.ts';
import { startMailbox } from '../../src/sandbox/mailbox.ts';
import { murmur } from '../support/agent.ts';

const OURS = '+12065550155';
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
const dir = mkdtempSync(join(tmpdir(), 'parley-doctor-'));
let carrier: Carrier;
let agent: Agent;
let door: Server;
let url: string;
/** What our doors answer to whoever does not sign. */
let refusal = 403;
let ready: readonly { name: string; ok: boolean; detail: string }[] = [];

beforeAll(async () => {
  door = createServer((request, response) => {
    if (request.url === '/readyz') return void response.end(JSON.stringify({ checks: ready }));
    response.writeHead(refusal);
    response.end();
  });
  door.on('upgrade', (_, socket) => socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`));
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  carrier = await startCarrier({
    host: '127.0.0.1',
    port: 0,
    accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
    authToken: 'the-token-of-this-test',
    numbers: [OURS],
    seed: 1,
    callsPerSecond: 1,
    speak: murmur,
    voiceUrl: `${url}/twilio/voice#rc=3`,
    statusCallbackUrl: `${url}/twilio/status`,
    smsUrl: `${url}/twilio/sms`,
  });
  agent = await startAgent({ host: '127.0.0.1', port: 0, seed: 1, speak: murmur, endCall: 'client' });
  await client()
    .incomingPhoneNumbers((await ownNumber()).sid)
    .update({
      voiceFallbackUrl: `${url}/twilio/fallback`,
    });
});
afterAll(async () => {
  await Promise.all([carrier.close(), agent.close()]);
  door.close();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  refusal = 403;
  ready = [{ name: 'store', ok: true, detail: 'the embedded store' }];
});

/** Twilio's own SDK, pointed at the sandbox. */
function client() {
  const made = twilio(carrier.accountSid, carrier.authToken);
  const { httpClient } = made;
  const real = httpClient.request.bind(httpClient);
  httpClient.request = (options) => {
    const at = new URL(options.uri);
    return real({ ...options, uri: `${carrier.url}${at.pathname}${at.search}` });
  };
  return made;
}
const ownNumber = async () => {
  const [own] = await client().incomingPhoneNumbers.list({ phoneNumber: OURS });
  if (!own) throw new Error('the sandbox has no such number');
  return own;
};

async function looks(changes: Record<string, string> = {}): Promise<Map<string, Look>> {
  const config = loadConfig({
    HOST: '127.0.0.1',
    PORT: new URL(url).port,
    PUBLIC_BASE_URL: url,
    DATA_DIR: dir,
    TWILIO_ACCOUNT_SID: carrier.accountSid,
    TWILIO_AUTH_TOKEN: carrier.authToken,
    TWILIO_PHONE_NUMBER: OURS,
    TWILIO_API_BASE_URL: carrier.url,
    ELEVENLABS_API_KEY: agent.apiKey,
    ELEVENLABS_AGENT_ID: agent.agentId,
    ELEVENLABS_WEBHOOK_SECRET: agent.webhookSecret,
    ELEVENLABS_BASE_URL: agent.url,
    ...changes,
  });
  const found = new Map<string, Look>();
  for await (const look of diagnose({ config, clock: createClock(quiet), ids: createIds(), log: quiet }))
    found.set(look.at, look);
  return found;
}
const errorsOf = (found: Map<string, Look>): string[] =>
  [...found.values()].flatMap(({ findings }) =>
    findings.filter(({ level }) => level === 'error').map(({ setting }) => setting),
  );

test('a set-up that works is seen whole and without an error', async () => {
  const found = await looks();
  expect([...found.keys()]).toEqual([
    'the disk',
    'Twilio',
    'the clock',
    'ElevenLabs',
    'the mail server',
    'the vendors’ way to us',
    'the service',
  ]);
  expect(errorsOf(found)).toEqual([]);
  expect(found.get('Twilio')).toMatchObject({ seen: OURS, findings: [] });
  expect(found.get('the clock')?.seen).toMatch(/s off the carrier's; time zones of 20\d\d[a-z]$/);
});

test('without keys the built-in parties are named, and nothing is asked of anybody', async () => {
  const none = Object.fromEntries(
    ['ACCOUNT_SID', 'AUTH_TOKEN', 'PHONE_NUMBER', 'API_BASE_URL'].map((name) => [`TWILIO_${name}`, '']),
  );
  const found = await looks({
    ...none,
    ELEVENLABS_API_KEY: '',
    ELEVENLABS_AGENT_ID: '',
    ELEVENLABS_WEBHOOK_SECRET: '',
    ELEVENLABS_BASE_URL: '',
    PUBLIC_BASE_URL: '',
  });
  expect(found.get('the carrier')?.seen).toContain('built-in');
  expect(found.get('the agent')?.seen).toContain('built-in');
  expect(errorsOf(found)).toEqual([]);
});

test('wrong keys, a number of somebody else and an unknown agent are errors with a remedy', async () => {
  const wrong = await looks({ TWILIO_AUTH_TOKEN: 'not-the-token', ELEVENLABS_API_KEY: 'sk_wrong_key' });
  expect(errorsOf(wrong)).toEqual([
    'TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN',
    'ELEVENLABS_API_KEY, ELEVENLABS_AGENT_ID',
  ]);
  const others = await looks({ TWILIO_PHONE_NUMBER: `${OURS},+12065550199` });
  expect(errorsOf(others)).toEqual(['TWILIO_PHONE_NUMBER +12065550199']);
});

test('a number that calls another address loses calls and opt-outs, and says so', async () => {
  const own = await ownNumber();
  await client().incomingPhoneNumbers(own.sid).update({ voiceUrl: 'https://old.example/voice', smsUrl: '' });
  const { findings = [] } = (await looks()).get('Twilio') ?? {};
  await client()
    .incomingPhoneNumbers(own.sid)
    .update({ voiceUrl: `${url}/twilio/voice`, smsUrl: `${url}/twilio/sms` });
  expect(findings).toMatchObject([
    { level: 'error', setting: `${OURS} voiceUrl`, found: 'https://old.example/voice' },
    { level: 'error', setting: `${OURS} smsUrl`, found: 'not set', remedy: expect.stringContaining('STOP') },
  ]);
});

test('a clock that the gate would not believe is an error', async () => {
  carrier.control.setFaults({ clock: { aheadMs: 45_000 } });
  const found = await looks();
  carrier.control.setFaults({ clock: { aheadMs: 0 } });
  expect(errorsOf(found)).toEqual(['the clock']);
});

test('a proxy that swallows our doors is found, and so is a service that is not ready or not there', async () => {
  refusal = 404;
  ready = [
    { name: 'store', ok: false, detail: 'the database is away' },
    { name: 'lists', ok: false, detail: 'the national list is 28 days old' },
  ];
  const found = await looks();
  expect(errorsOf(found)).toEqual([
    'PUBLIC_BASE_URL /twilio/voice',
    'PUBLIC_BASE_URL /twilio/media',
    'store',
  ]);
  const nobody = await looks({ PORT: '9931' });
  expect(nobody.get('the service')?.findings).toMatchObject([
    { level: 'warning', found: expect.stringContaining('ECONNREFUSED') },
  ]);
});

test('a folder that cannot be written to is an error', async () => {
  writeFileSync(join(dir, 'file'), '');
  expect(errorsOf(await looks({ DATA_DIR: join(dir, 'file', 'data') }))).toEqual(['DATA_DIR']);
});

test('a mail server is tried without sending anything, and one that is not there is an error', async () => {
  const mailbox = await startMailbox({ host: '127.0.0.1', port: 0 });
  const mail = {
    SMTP_URL: mailbox.url,
    MAIL_FROM: 'Acme <a@acme.example>',
    SELLER_ADDRESS: '1 Main St, Tampa, FL',
  };
  expect((await looks(mail)).get('the mail server')?.findings).toEqual([]);
  expect(mailbox.letters).toEqual([]);
  await mailbox.close();
  expect(errorsOf(await looks(mail))).toContain('SMTP_URL');
  expect((await looks()).get('the mail server')?.seen).toBe('none: e-mails are not sent');
});
