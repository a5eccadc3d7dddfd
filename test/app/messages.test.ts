/**
 * Texts and e-mails over the embedded store: at most once a key, whatever dies or stays away; nothing to whoever said stop;
 * nothing while the store is away. The carrier remembers what reached it, beyond the life of any process of ours.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createIds } from '../../src/adapters/system.ts';
import { createConsents } from '../../src/app/consents.ts';
import { createDnc } from '../../src/app/dnc.ts';
import { createGatherFacts } from '../../src/app/gather-facts.ts';
import { createLeads } from '../../src/app/leads.ts';
import { createMessages, type Messages, type SendMessageRequest } from '../../src/app/messages.ts';
import type { CarrierText, Log, Messenger, Store } from '../../src/app/ports.ts';
import { spendMessagePermit } from '../../src/domain/compliance/permit.ts';
import type { Lead } from '../../src/domain/documents.ts';
import { Failure, isFailure } from '../../src/domain/errors.ts';
import type { Message } from '../../src/domain/message.ts';
import { unsubscribeToken } from '../../src/domain/unsubscribe.ts';
import { type HandClock, handClock, trueTime } from '../support/clock.ts';
import { fullConsent } from '../support/consent.ts';
import { messagesHouse, shippedTemplates } from '../support/messages.ts';

/** Wednesday, one in the afternoon in New York. */
const START_MS = Date.UTC(2026, 10, 18, 18, 0, 0);
const SELLER = 'Acme Homes';
const OURS = '+12125550190';
const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

type Text = CarrierText & { readonly to: string };
type Answer = 'take' | 'lose' | 'refuse' | 'stop' | 'away';

let dir: string;
let opened: Store;
let clock: HandClock;
/** What reached the carrier and the mail server. */
let texts: Text[];
let mails: { to: string; subject: string; text: string; unsubscribeUrl: string }[];
/** What the vendors make of the next messages; they take them when nothing is said. */
let answers: Answer[];
let nextNumber: number;

beforeEach(async () => {
  dir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'parley-messages-'));
  opened = await openLocalStore({ dir, log: quiet });
  clock = handClock(START_MS);
  texts = [];
  mails = [];
  answers = [];
  nextNumber = 2_000;
});
afterEach(async () => {
  await opened.close();
  await rm(dir, { recursive: true, force: true });
});

const ids = createIds(() => clock.nowMs());

function answer(arrive: () => void): void {
  const how = answers.shift() ?? 'take';
  if (how === 'away') throw new Failure('message_unavailable', 'nobody there');
  if (how === 'refuse')
    throw new Failure('message_refused', 'no', { details: { error: { code: '21614', says: 'no mobile' } } });
  if (how === 'stop')
    throw new Failure('message_refused', 'no', {
      details: { error: { code: '21610', says: 'said STOP', optedOut: true } },
    });
  arrive();
  if (how === 'lose') throw new Failure('message_unconfirmed', 'the answer was lost');
}

const messenger: Messenger = {
  async sendSms(permit, { from, text }) {
    const to = spendMessagePermit(permit, 'sms', clock.nowMs());
    const vendorId = `SM${String(texts.length).padStart(32, '0')}`;
    answer(() => void texts.push({ vendorId, to, text, delivery: 'sent' }));
    expect(from).toBe(OURS);
    return { vendorId };
  },
  textsTo: async ({ to, since }) => ({
    texts: texts.filter((text) => text.to === to),
    complete: clock.nowMs() >= since.getTime() + 60_000,
  }),
  mail: {
    from: 'hello@acme.example',
    async sendMail(permit, { subject, text, unsubscribeUrl }) {
      const to = spendMessagePermit(permit, 'email', clock.nowMs());
      answer(() => void mails.push({ to, subject, text, unsubscribeUrl }));
      return { vendorId: `<${mails.length}@acme.example>` };
    },
  },
};

interface Life {
  readonly messages: Messages;
  readonly dnc: ReturnType<typeof createDnc>;
  readonly leads: ReturnType<typeof createLeads>;
  /** Ends it as a stop does. */
  stop(): Promise<void>;
}

function live(store: Store = opened): Life {
  const stop = new AbortController();
  const house = { ...messagesHouse(SELLER), templates: shippedTemplates(SELLER) };
  const deps = {
    store,
    clock,
    ids,
    log: quiet,
    sellerName: SELLER,
    timekeeping: trueTime,
    fromNumbers: [OURS],
    messenger,
    shutdown: stop.signal,
    news: { arrived: () => {}, changed: () => {} },
  };
  const dnc = createDnc({ ...deps, stopCallsTo: async (numbers) => await messages.stopTo(numbers) });
  const messages = createMessages({
    ...deps,
    messages: house,
    gatherFacts: createGatherFacts(deps),
    optOut: dnc.optOutOrKeep,
    expectUpToDate: () => {
      if (store.outage && store.outage.state !== 'up') throw new Failure('store_unavailable', 'away');
    },
  });
  const leads = createLeads({ ...deps, consents: createConsents({ ...deps, dnc }) });
  return {
    messages,
    dnc,
    leads,
    async stop() {
      stop.abort();
      await messages.settled();
    },
  };
}

async function person(
  { leads }: Life,
  over: Partial<Lead['contact']> = {},
  consent = fullConsent(SELLER),
): Promise<Lead> {
  nextNumber += 1;
  return await leads.create(
    {
      source: 'test',
      contact: {
        firstName: 'Ana',
        lastName: 'Ruiz',
        phone: `+1212555${nextNumber}`,
        email: `ana${nextNumber}@example.com`,
        address: { state: 'NY', zipCode: '10001' },
        ...over,
      },
      consent,
    },
    'test',
  );
}

const sms = (lead: Lead, key = 'k1', over: Partial<SendMessageRequest> = {}): SendMessageRequest => ({
  leadId: lead._id,
  channel: 'sms',
  text: 'Hi {{first_name}}, is there a good time to talk?',
  attemptKey: key,
  requestedBy: 'test',
  ...over,
});
const email = (lead: Lead, key = 'm1', over: Partial<SendMessageRequest> = {}): SendMessageRequest => ({
  leadId: lead._id,
  channel: 'email',
  subject: 'About {{property_address}}',
  text: 'Hi {{first_name}}',
  attemptKey: key,
  requestedBy: 'test',
  ...over,
});
const kept = async (message: Message): Promise<Message> =>
  (await opened.collection('messages').get(message._id)) ?? expect.unreachable('the message is gone');
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error) => (isFailure(error) ? error.code : String(error)),
  );

describe('a text', () => {
  test('says who sends and how to stop, is sent once, and stands in the history of the lead', async () => {
    const life = live();
    const lead = await person(life);
    const first = await life.messages.send(sms(lead));
    expect(first.kind).toBe('sent');
    const again = await life.messages.send(sms(lead));
    expect(again).toMatchObject({ kind: 'sent', message: { _id: first.message._id } });
    expect(texts).toMatchObject([
      {
        to: lead.contact.phone,
        text: 'Acme Homes: Hi Ana, is there a good time to talk? Reply STOP to stop.',
      },
    ]);
    const message = await kept(first.message);
    expect(message).toMatchObject({ status: 'sent', vendorId: texts[0]?.vendorId, segments: 1, from: OURS });
    expect(message.holds).toBeUndefined();
    expect(message.complianceDecision).toMatchObject({ verdict: 'allow', permitId: message._id });
    expect(message.history.map(({ status }) => status)).toEqual(['queued', 'sending', 'sent']);
    await life.stop();
    expect((await life.leads.get(lead._id)).contactAttempts).toMatchObject([
      { attemptId: message._id, type: 'sms', outcome: 'sent' },
    ]);
    expect((await life.leads.timeline(lead._id)).map(({ kind }) => kind)).toContain('message');
  });

  test('counts with the calls of a person: too soon after one, it waits', async () => {
    const life = live();
    const lead = await person(life);
    await life.messages.send(sms(lead));
    const soon = await life.messages.send(sms(lead, 'k2'));
    expect(soon).toMatchObject({ kind: 'denied', decision: { reason: 'campaign_frequency_cap' } });
    if (soon.kind !== 'denied') return;
    expect(soon.decision.nextAllowedAt).toEqual(new Date(START_MS + 120 * 60_000));
    expect(texts).toHaveLength(1);
  });

  test('is not sent without consent to texts, and the denied key sends once consent came', async () => {
    const life = live();
    const lead = await person(life, {}, { ...fullConsent(SELLER), textMessagesAllowed: false });
    const denied = await life.messages.send(sms(lead));
    expect(denied).toMatchObject({
      kind: 'denied',
      decision: { reason: 'consent_missing', nextAllowedAt: null },
      message: { status: 'denied' },
    });
    expect(texts).toEqual([]);
    const consents = createConsents({
      store: opened,
      clock,
      ids,
      log: quiet,
      sellerName: SELLER,
      dnc: life.dnc,
      news: { arrived: () => {}, changed: () => {} },
    } as Parameters<typeof createConsents>[0]);
    await consents.grant({ ...fullConsent(SELLER), phone: lead.contact.phone, leadId: lead._id }, 'test');
    const sent = await life.messages.send(sms(lead));
    expect(sent).toMatchObject({ kind: 'sent', message: { _id: denied.message._id } });
    expect((await kept(sent.message)).history.map(({ status }) => status)).toEqual([
      'queued',
      'denied',
      'queued',
      'sending',
      'sent',
    ]);
  });

  test('to one person goes one at a time, and a key belongs to one lead', async () => {
    const life = live();
    const lead = await person(life);
    const [a, b] = await Promise.all([
      codeOf(life.messages.send(sms(lead, 'a'))),
      codeOf(life.messages.send(sms(lead, 'b'))),
    ]);
    expect(texts).toHaveLength(1);
    expect([a, b].sort()).toEqual(['attempt_in_progress', 'none']);
    const other = await person(life);
    const used = a === 'none' ? 'a' : 'b';
    expect(await codeOf(life.messages.send(sms(other, used)))).toBe('idempotency_conflict');
  });

  test('whose answer was lost is found at the carrier and never sent again', async () => {
    const life = live();
    const lead = await person(life);
    answers = ['lose'];
    const lost = await life.messages.send(sms(lead));
    expect(lost.kind).toBe('unconfirmed');
    expect(await life.messages.send(sms(lead))).toMatchObject({ kind: 'unconfirmed' });
    await settledTo(lost.message, 'sent');
    expect((await kept(lost.message)).vendorId).toBe(texts[0]?.vendorId);
    expect(texts).toHaveLength(1);
  });

  test('that never reached the carrier is known to have failed once the carrier can be sure', async () => {
    const life = live();
    const lead = await person(life);
    answers = ['lose'];
    const lost = await life.messages.send(sms(lead));
    texts = [];
    await clock.pass(31_000);
    expect((await kept(lost.message)).status).toBe('unconfirmed');
    await settledTo(lost.message, 'failed');
    expect(await life.messages.send(sms(lead))).toMatchObject({ kind: 'failed' });
    expect(texts).toEqual([]);
  });

  test('of the same words that was sent before is not taken for the one that is looked for', async () => {
    const life = live();
    const lead = await person(life);
    await opened.collection('system_config').insert({
      _id: ids.objectId(),
      key: 'compliance.policy',
      value: { minGapMinutes: 0 },
      updatedBy: 'test',
      createdAt: new Date(START_MS),
      updatedAt: new Date(START_MS),
    });
    await life.messages.send(sms(lead, 'first'));
    answers = ['lose'];
    const lost = await life.messages.send(sms(lead, 'second'));
    texts.pop();
    await settledTo(lost.message, 'failed');
  });

  test('that the carrier could not take at all is tried again by the same key', async () => {
    const life = live();
    const lead = await person(life);
    answers = ['away', 'take'];
    expect(await codeOf(life.messages.send(sms(lead)))).toBe('message_unavailable');
    expect(texts).toEqual([]);
    // What was surely not sent counts for nothing but the caps: those wait for their time.
    const second = await life.messages.send(sms(lead));
    expect(second.kind).toBe('sent');
    expect(texts).toHaveLength(1);
  });

  test('that is refused fails for good; a refusal because of STOP stops everything', async () => {
    const life = live();
    const [one, two] = [await person(life), await person(life)];
    answers = ['refuse', 'stop'];
    expect(await life.messages.send(sms(one, 'r1'))).toMatchObject({
      kind: 'failed',
      message: { status: 'failed', error: { code: '21614' } },
    });
    expect(await life.messages.send(sms(two, 'r2'))).toMatchObject({ kind: 'failed' });
    await life.stop();
    expect(await life.dnc.isListed([one.contact.phone])).toBe(false);
    expect(await life.dnc.isListed([two.contact.phone])).toBe(true);
    expect(await live().messages.send(email(two))).toMatchObject({
      kind: 'denied',
      decision: { reason: 'internal_dnc' },
    });
  });

  test('follows the reports of the carrier in whatever order they come', async () => {
    const life = live();
    const lead = await person(life);
    const { message } = await life.messages.send(sms(lead));
    const vendorId = texts[0]?.vendorId ?? '';
    await life.messages.statusReported(message._id, { vendorId: 'SM-other', delivery: 'failed' });
    expect((await kept(message)).status).toBe('sent');
    await life.messages.statusReported(message._id, { vendorId, delivery: 'delivered' });
    await life.messages.statusReported(message._id, { vendorId, delivery: 'sent' });
    const error = { code: '30003', says: 'off' };
    await life.messages.statusReported(message._id, { vendorId, delivery: 'undelivered', error });
    expect(await kept(message)).toMatchObject({ status: 'delivered' });
    expect((await kept(message)).error).toBeUndefined();
  });
});

test('a message tells of the last call and of what was agreed in it, on the clock of the person', async () => {
  const life = live();
  const lead = await person(life);
  const at = (iso: string) => new Date(iso);
  await opened.collection('calls').put({
    _id: ids.objectId(),
    attemptId: ids.objectId(),
    leadId: lead._id,
    status: 'completed',
    initiatedAt: at('2026-11-17T02:30:00Z'),
    answeredAt: at('2026-11-17T02:30:10Z'),
    complianceDecision: { zones: [{ zone: 'America/New_York', state: 'NY', localTime: '' }] },
    followUpActions: [
      { type: 'callback', scheduledFor: at('2026-11-16T15:00:00Z'), notes: '', completed: true },
      { type: 'site_visit', scheduledFor: at('2026-11-30T15:00:00Z'), notes: '', completed: false },
    ],
  } as never);
  await life.messages.recover();
  const { text: _, subject: __, ...request } = email(lead, 'p1', { template: 'post_call_summary' });
  await life.messages.send(request);
  expect(mails[0]?.text).toContain(
    'Thank you for talking with us on Monday, November 16 about your property.',
  );
  expect(mails[0]?.text).toContain('We will come to see the house on Monday, November 30 at 10:00 am.');
  await life.stop();
});

describe('an e-mail', () => {
  test('tells who sends, where they are and how to get no more, and needs no consent', async () => {
    const life = live();
    const lead = await life.leads.create(
      {
        source: 'test',
        contact: { firstName: 'Bo', lastName: 'Li', phone: '+12125553001', email: 'Bo@Example.com' },
        propertyAddress: '1 Elm St, Tampa, FL',
      },
      'test',
    );
    expect((await life.messages.send(email(lead))).kind).toBe('sent');
    expect(mails[0]).toMatchObject({ to: 'bo@example.com', subject: 'About 1 Elm St, Tampa, FL' });
    expect(mails[0]?.text).toMatch(/^Hi Bo\n\n--\nAcme Homes, 100 Main Street, Tampa, FL 33602\n/);
    expect(mails[0]?.text).toContain(mails[0]?.unsubscribeUrl);
  });

  test('is not sent to a lead without an address', async () => {
    const life = live();
    const { leads } = life;
    const lead = await leads.create(
      { source: 'test', contact: { firstName: 'Bo', lastName: 'Li', phone: '+12125553002' } },
      'test',
    );
    expect(await life.messages.send(email(lead))).toMatchObject({
      kind: 'denied',
      decision: {
        reason: 'email_missing',
        explanation: 'Blocked: there is no e-mail address of this person.',
      },
    });
  });

  test('whose reader unsubscribes stops calls, texts and e-mails to every number and lead of theirs', async () => {
    const life = live();
    const lead = await person(life, { alternatePhone: '+12125554001', email: 'both@example.com' });
    const namesake = await person(life, { email: 'both@example.com' });
    await life.messages.send(email(lead));
    const token = mails[0]?.unsubscribeUrl.split('/').at(-1) ?? '';
    expect(life.messages.isUnsubscribeToken(token)).toBe(true);
    expect(
      await life.messages.unsubscribe(`${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`),
    ).toBeUndefined();
    expect(await life.messages.unsubscribe(token)).toBe('done');
    expect(await life.messages.unsubscribe(token)).toBe('done');
    for (const phone of [lead.contact.phone, '+12125554001', namesake.contact.phone])
      expect(await life.dnc.isListed([phone]), phone).toBe(true);
    for (const each of [lead, namesake])
      for (const request of [sms(each, `s${each._id}`), email(each, `e${each._id}`)])
        expect(await life.messages.send(request)).toMatchObject({ kind: 'denied' });
    expect(texts).toEqual([]);
    expect(mails).toHaveLength(1);
  });

  test('is barred by a stop said by phone on another lead with the same address', async () => {
    const life = live();
    const one = await person(life, { email: 'shared@example.com' });
    const two = await person(life, { email: 'shared@example.com' });
    await life.dnc.optOut({ phone: one.contact.phone, channel: 'voice', words: 'stop' });
    expect(await life.messages.send(email(two))).toMatchObject({
      kind: 'denied',
      decision: { reasons: ['internal_dnc', 'consent_revoked'] },
    });
  });
});

describe('a stop', () => {
  test('that comes between the gate and the sending ends the message', async () => {
    const life = live();
    const lead = await person(life);
    const real = opened.collection('messages');
    let armed = true;
    const store: Store = {
      ...opened,
      collection(name) {
        if (name !== 'messages') return opened.collection(name);
        return {
          ...real,
          // The step to `sending` is the moment: whoever is faster has the last word.
          async update(filter: Record<string, unknown>, update: Record<string, unknown>) {
            const to = (update.$set as { status?: string } | undefined)?.status;
            if (armed && to === 'sending') {
              armed = false;
              await life.dnc.optOut({ phone: lead.contact.phone, channel: 'voice', words: 'stop' });
            }
            return await real.update(filter, update);
          },
        } as never;
      },
    };
    const sent = await live(store).messages.send(sms(lead));
    expect(sent).toMatchObject({ kind: 'denied', decision: { reason: 'internal_dnc' } });
    expect(texts).toEqual([]);
    expect((await kept(sent.message)).holds).toBeUndefined();
  });
});

describe('a process that dies', () => {
  test('at any write sends nothing twice, and leaves nobody held', async () => {
    for (let dies = 1; dies <= 12; dies += 1) {
      texts = [];
      const lead = await person(live());
      const { store, died } = fatalStore(dies);
      const request = sms(lead, `dies-${dies}`);
      const dying = live(store);
      const ended = await Promise.race([dying.messages.send(request).then(() => 'done'), died]);
      const reached = texts.length;
      const next = live();
      await clock.pass(121_000);
      await next.messages.recover();
      const [message] = await opened
        .collection('messages')
        .find({ filter: { attemptKey: request.attemptKey } });
      const settled = message && (await settledTo(message, 'sent', 'failed'));
      expect(settled?.holds, `died at write ${dies}`).toBeUndefined();
      if (reached === 1) expect(settled?.status, `died at write ${dies}`).toBe('sent');
      const again = await next.messages.send(request);
      // One that may have been sent, and was not, stays unsent.
      expect(texts.length, `died at write ${dies}`).toBe(again.kind === 'failed' ? 0 : 1);
      await next.stop();
      if (ended === 'done') return;
    }
    expect.unreachable('it never came to its end');
  });
});

test('while the store is away nothing is sent, and nothing is lost', async () => {
  const life = live();
  const lead = await person(life);
  const away: Store = {
    ...opened,
    outage: {
      state: 'away',
      backlog: { events: 0, optOuts: 0, setAside: 0 },
      watch: () => () => {},
      keep: async () => {},
      fulfil: () => {},
    },
  };
  expect(await codeOf(live(away).messages.send(sms(lead)))).toBe('store_unavailable');
  expect(texts).toEqual([]);
  expect(await opened.collection('messages').count({})).toBe(0);
  expect(
    await live(away).messages.unsubscribe(unsubscribeToken(messagesHouse(SELLER).secret, lead._id)),
  ).toBe('done');
});

test('a text of a person is kept once, with the lead it is of', async () => {
  const life = live();
  const lead = await person(life);
  const text = { messageSid: `SM${'1'.repeat(32)}`, from: lead.contact.phone, to: OURS, text: 'Call me' };
  await life.messages.received(text);
  await life.messages.received(text);
  const { items } = await life.messages.list({ leadId: lead._id });
  expect(items).toMatchObject([
    { direction: 'inbound', status: 'received', text: 'Call me', leadId: lead._id },
  ]);
});

describe('templates', () => {
  test('that come with the product are there after the first start, and one that was changed stays so', async () => {
    const { messages, stop } = live();
    await messages.recover();
    expect((await messages.templates.list()).map(({ name, version }) => [name, version])).toEqual([
      ['follow_up_day_1', 1],
      ['follow_up_day_3', 1],
      ['market_updates', 1],
      ['post_call_summary', 1],
      ['success_stories', 1],
      ['tips', 1],
    ]);
    const saved = await messages.templates.save(
      { name: 'tips', channel: 'email', subject: 'A', body: 'B' },
      'u1',
    );
    expect(saved).toMatchObject({ version: 2, preview: { subject: 'A' } });
    await stop();
    const again = live();
    await again.messages.recover();
    expect(await again.messages.templates.get('tips')).toMatchObject({ version: 2, body: 'B' });
    expect((await again.messages.templates.versions('tips')).map(({ version }) => version)).toEqual([2, 1]);
    await again.stop();
  });

  test('are refused with what is wrong with them', async () => {
    const { messages } = live();
    const wrong = (wording: object) =>
      messages.templates
        .save({ name: 'x', channel: 'email', subject: 'S', body: 'B', ...wording }, 'u1')
        .then(
          () => expect.unreachable('it was saved'),
          (error) => Object.keys(error.details.fields),
        );
    expect(await wrong({ body: 'Hi {{nickname}}' })).toEqual(['body']);
    expect(await wrong({ body: 'Hi {{first_name}' })).toEqual(['body']);
    expect(await wrong({ subject: '' })).toEqual(['subject']);
    expect(await wrong({ subject: 'a\nBcc: x@y.co' })).toEqual(['subject']);
    expect(await wrong({ body: '  ' })).toEqual(['body']);
    expect(await wrong({ channel: 'sms' })).toEqual(['subject']);
    const { subject: _, ...text } = {
      subject: 'S',
      name: 'long',
      channel: 'sms' as const,
      body: 'word '.repeat(250),
    };
    expect(await codeOf(messages.templates.save(text, 'u1'))).toBe('invalid_request');
    await messages.templates.save({ name: 'x', channel: 'email', subject: 'S', body: 'B' }, 'u1');
    expect(await codeOf(messages.templates.save({ name: 'x', channel: 'sms', body: 'B' }, 'u1'))).toBe(
      'invalid_request',
    );
  });

  test('are sent in their newest version until they are retired; one in use is not', async () => {
    const life = live();
    const { messages } = life;
    const lead = await person(life);
    await messages.templates.save({ name: 'hello', channel: 'sms', body: 'One' }, 'u1');
    await messages.templates.save({ name: 'hello', channel: 'sms', body: 'Two {{first_name}}' }, 'u1');
    const { text: _, ...request } = sms(lead, 'h1', { template: 'hello' });
    const sent = await messages.send(request);
    expect(sent.message).toMatchObject({ template: 'hello', templateVersion: 2 });
    expect(texts[0]?.text).toBe('Acme Homes: Two Ana Reply STOP to stop.');
    expect(await messages.templates.retire('hello')).toMatchObject({ version: 2 });
    expect(await codeOf(messages.send({ ...request, attemptKey: 'h2' }))).toBe('not_found');
    expect(await codeOf(messages.send({ ...request, template: 'nothing', attemptKey: 'h3' }))).toBe(
      'not_found',
    );
  });
});

/** A store whose process dies with its nth write: it is done, and no call comes back any more. */
function fatalStore(n: number): { readonly store: Store; readonly died: Promise<'dead'> } {
  const forever = new Promise<never>(() => {});
  let writes = 0;
  let die = (_: 'dead'): void => {};
  const died = new Promise<'dead'>((resolve) => {
    die = resolve;
  });
  const store: Store = {
    ...opened,
    collection(name) {
      const real = opened.collection(name);
      return new Proxy(real, {
        get(target, key) {
          const work = Reflect.get(target, key);
          if (typeof work !== 'function') return work;
          return async (...args: unknown[]) => {
            if (writes >= n) return await forever;
            const answer = await work.apply(target, args);
            if (['insert', 'update', 'put'].includes(String(key))) writes += 1;
            if (writes < n) return answer;
            die('dead');
            return await forever;
          };
        },
      }) as typeof real;
    },
  };
  return { store, died };
}

/** Lets time pass until the message stands so. */
async function settledTo(message: Message, ...statuses: Message['status'][]): Promise<Message> {
  for (let seconds = 0; seconds < 400; seconds += 1) {
    const now = await kept(message);
    if (statuses.includes(now.status)) return now;
    await clock.pass(1_000);
  }
  expect(statuses).toContain((await kept(message)).status);
  return await kept(message);
}
