/**
 * app/carry-calls: the calls that live in this process. Turns what the carrier's callbacks tell (in any order, twice or
 * never) into events, and gives each call its bridge at the right moment: when the phone rings, when it is answered, or
 * when a stream comes back after a restart.
 */
import { type Call, isOver, type ScriptRef } from '../domain/call.ts';
import type { ConversationStrategy } from '../domain/campaign.ts';
import { scriptFor } from '../domain/compliance/scripts.ts';
import type { Attempt, CallingPolicy, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { journeyInWords } from '../domain/journey.ts';
import { parsePhone } from '../domain/phone.ts';
import { foldTranscript } from '../domain/transcript.ts';
import { soon } from './at-hand.ts';
import { type Bridge, type BridgeDeps, createBridge, OPT_OUT_KEY, type Talk } from './bridge-call.ts';
import type { KeepScript } from './kept-scripts.ts';
import { underLife } from './lives.ts';
import { type OptOutOrKeep, optOutInCall } from './opt-out.ts';
import { personOf } from './person.ts';
import type { Cancel, CarrierInlet, CarrierStatus, Clock, Ids, Log, Store, Telephony } from './ports.ts';
import {
  compose,
  composeMessage,
  farewellOf,
  fill,
  promptsOf,
  type Speaker,
  scriptRef,
  signOffOf,
  statesOf,
  strategyVariables,
  valuesOf,
} from './prompts.ts';
import type { EventLog } from './record-event.ts';

export interface CarryDeps extends Speaker {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly events: EventLog;
  readonly telephony: Telephony;
  readonly agent: BridgeDeps['agent'];
  readonly recordings: BridgeDeps['recordings'];
  readonly keepScript: KeepScript;
  readonly runTool: BridgeDeps['runTool'];
  readonly policyOf: (campaignId: string | undefined) => Promise<CallingPolicy>;
  readonly strategyOf: (campaignId: string | undefined) => Promise<ConversationStrategy | undefined>;
  readonly leadOf: (leadId: string) => Promise<Lead | undefined>;
  readonly maxConcurrentCalls: number;
  /** Share of the concurrency that outbound calls leave free for inbound ones, 0..1. */
  readonly inboundReserve: number;
  readonly finish: (callId: string) => void;
  /** Whose calls those are that begin now; undefined where this process is the only one. */
  readonly life: () => string | undefined;
  /** Words, written or spoken, that stop all calls. */
  readonly revokes: (text: string) => boolean;
  readonly optOut: OptOutOrKeep;
  readonly shutdown: AbortSignal;
}

const SUMMARY_TURNS = 8;
const SUMMARY_CHARS = 1_200;
/**
 * An agent that was asked to stop has begun to confirm it by now, or has not understood. Some states give ten seconds from
 * the wish to the end of the call (reference §5), our own last sentence included.
 */
const CONFIRM_MS = 3_000;
/** How often a store that refuses is asked again to take an opt-out. */
const INSIST_MS = 5_000;
const NO_MORE_CALLS = 'the person asked not to be called';
/** A call whose dial is being answered has its id within this time. */
const DIALLING_MS = 10_000;
const LOOK_EVERY_MS = 500;
const MOST_OPEN = 10_000;
/** The agent platform keeps its account of a talk for longer than this. */
const UNRECONCILED_MS = 7 * 24 * 3_600_000;
const REST_MS = 10_000;

export function createCarryCalls(deps: CarryDeps) {
  const { store, clock, ids, log, events, telephony, prompts } = deps;
  const attempts = store.collection('attempts');

  /** A caller is answered even while the store cannot take the script's words. */
  const inboundScript = (callId: string): Promise<ScriptRef> => {
    const script = scriptFor([], 'inbound');
    return deps.keepScript(script).catch((error) => {
      log.error({ err: error, callId }, 'the words of a script could not be kept');
      return scriptRef(prompts, script);
    });
  };
  const bridges = new Map<string, Bridge>();
  /** Calls counted against the concurrency: reserved before they are dialled or answered, freed when they are over. */
  const active = new Set<string>();
  let draining = false;
  /** Of each call with a bridge: resolves when the store has all that the bridge has told so far. */
  const told = new Map<string, Promise<unknown>>();

  const bridgeDeps: BridgeDeps = {
    agent: deps.agent,
    telephony,
    recordings: deps.recordings,
    clock,
    log,
    runTool: deps.runTool,
    tell(callId, body) {
      const recorded = events
        .record(callId, body)
        .catch((error) =>
          log.error({ err: error, callId, event: body.type }, 'an event could not be recorded'),
        );
      const before = told.get(callId);
      if (before)
        told.set(
          callId,
          Promise.all([before, recorded]).then(() => undefined),
        );
      if (body.type === 'said' && body.role === 'user' && deps.revokes(body.text))
        heardStop(callId, 'voice', body.text);
      if (body.type === 'keypad' && body.digit === OPT_OUT_KEY)
        heardStop(callId, 'keypad', `pressed ${body.digit}`);
    },
    async summarise(callId) {
      const messages = foldTranscript(await store.events(callId)).slice(-SUMMARY_TURNS);
      return messages
        .map(({ speaker, text }) => `${speaker === 'agent' ? 'You' : 'Caller'} said: ${text}`)
        .join(' ')
        .slice(-SUMMARY_CHARS);
    },
    async callSid(callId) {
      return (await events.call(callId))?.callSid;
    },
  };

  /**
   * A person said in plain words, or by a key, that they want no more calls. That holds whether or not the agent understood;
   * it has a moment to confirm it, and then the call ends.
   */
  function heardStop(callId: string, channel: 'voice' | 'keypad', words: string): void {
    keepStop(callId, channel, words).catch((error) =>
      log.error({ err: error, callId }, 'an opt-out in a call was not kept'),
    );
    clock.after(CONFIRM_MS, () => {
      endAsAsked(callId).catch((error) =>
        log.error({ err: error, callId }, 'a call could not be ended as was asked'),
      );
    });
  }

  async function keepStop(callId: string, channel: 'voice' | 'keypad', words: string): Promise<void> {
    for (;;) {
      try {
        await optOutInCall(deps, callId, channel, words);
        return;
      } catch (error) {
        log.error({ err: error, callId }, 'an opt-out in a call could not be kept; trying again');
        await clock.sleep(INSIST_MS, deps.shutdown);
      }
    }
  }

  async function endAsAsked(callId: string): Promise<void> {
    const bridge = bridges.get(callId);
    const call = bridge && (await events.call(callId));
    if (call) bridge.hangUp('policy', NO_MORE_CALLS, farewellOf(deps, call));
  }

  function open(call: Call, talk: Omit<Talk, 'callId' | 'direction'>): Bridge {
    const bridge = createBridge(bridgeDeps, { ...talk, callId: call._id, direction: call.direction });
    bridges.set(call._id, bridge);
    told.set(call._id, Promise.resolve());
    active.add(call._id);
    bridge.done
      .then(async () => {
        bridges.delete(call._id);
        active.delete(call._id);
        // What is made of a call when it is over rests on all that its bridge told.
        await told.get(call._id);
        told.delete(call._id);
        deps.finish(call._id);
      })
      .catch((error) => log.error({ err: error, callId: call._id }, 'a bridge ended badly'));
    return bridge;
  }

  /** The bridge of a call, made when there is none: at its first ring, or after a restart with what was said so far. */
  const making = new Map<string, Promise<Bridge | undefined>>();
  function bridgeOf(callId: string): Promise<Bridge | undefined> {
    const known = bridges.get(callId);
    if (known) return Promise.resolve(known);
    const under = making.get(callId);
    if (under) return under;
    const made = make(callId).finally(() => making.delete(callId));
    making.set(callId, made);
    return made;
  }

  async function make(callId: string): Promise<Bridge | undefined> {
    const call = await events.call(callId);
    if (!call || isOver(call) || call.endReason !== undefined) return undefined;
    const [policy, strategy, lead, summary] = await Promise.all([
      deps.policyOf(call.campaignId),
      deps.strategyOf(call.campaignId),
      call.leadId ? deps.leadOf(call.leadId) : undefined,
      call.conversationId ? summaryOfTalk(callId) : '',
    ]);
    const again = bridges.get(callId);
    if (again) return again;
    return open(call, { policy, ...sentences(call, lead, policy, strategy), recoverySummary: summary });
  }

  /** Words that were made while the phone rang were heard by nobody: then the call begins from its beginning. */
  const summaryOfTalk = async (callId: string): Promise<string> =>
    (await store.events(callId)).some(({ type }) => type === 'stream_opened')
      ? await bridgeDeps.summarise(callId)
      : '';

  function sentences(
    call: Call,
    lead: Lead | undefined,
    policy: CallingPolicy,
    strategy?: ConversationStrategy,
  ): Omit<Talk, 'callId' | 'direction' | 'policy' | 'recoverySummary'> {
    const states = call.direction === 'outbound' ? statesOf(call) : [];
    const values = valuesOf(deps, call, lead);
    const opening = compose(promptsOf(prompts, strategy), scriptFor(states, call.direction), values);
    const signOff = signOffOf(deps, call);
    const again = signOff === undefined ? '' : ` ${signOff}`;
    return {
      dynamicVariables: {
        ...values,
        ...strategyVariables(strategy),
        lead_source: lead?.source ?? 'unknown',
        web_journey: journeyInWords(lead?.web),
        direction: call.direction,
        opening,
        sign_off: signOff ?? '',
      },
      firstMessage: opening,
      ...(strategy?.voiceId === undefined ? {} : { voiceId: strategy.voiceId }),
      recoveryMessage: compose(prompts, scriptFor(states, 'recovery'), values),
      apology: fill(prompts.apology, values) + again,
      voicemail: composeMessage(prompts, scriptFor(states, 'voicemail'), values, policy.voicemailText ?? ''),
      ...(signOff === undefined ? {} : { signOff }),
      ...(lead ? { userId: lead._id } : {}),
    };
  }

  const busy = () =>
    ({ kind: 'say', sentence: fill(prompts.busy, { seller_name: deps.sellerName }) }) as const;
  const sorry = () =>
    ({ kind: 'say', sentence: fill(prompts.apology, { seller_name: deps.sellerName }) }) as const;

  /** Who talks to us is not dialled meanwhile. An attempt on its way to them already is no reason not to answer. */
  async function holdLine(call: Call, phone: string): Promise<void> {
    const now = new Date(clock.nowMs());
    try {
      const { numbers } = await personOf(store, [phone]);
      await attempts.insert({
        _id: call.attemptId,
        callId: call._id,
        ...(call.leadId ? { leadId: call.leadId } : {}),
        phone,
        activePhones: numbers,
        subject: 'inbound',
        direction: 'inbound',
        reservedAt: now,
        state: 'dialed',
        ...underLife(call.carriedBy),
        createdAt: now,
        updatedAt: now,
      });
    } catch (error) {
      if (!isFailure(error, 'duplicate_key'))
        log.error({ err: error, callId: call._id }, 'the line of a caller could not be held');
    }
  }

  /** Inbound calls of this process that are not over. */
  const inboundHere = new Map<string, string>();

  async function inboundCall(callSid: string): Promise<Call | undefined> {
    const here = inboundHere.get(callSid);
    if (here !== undefined) return await events.call(here);
    const [call] = await store.collection('calls').find({ filter: { callSid }, limit: 1 });
    return call;
  }

  async function callerOf(phone: string): Promise<Lead | undefined> {
    const [lead] = await store.collection('leads').find({
      filter: { $or: [{ 'contact.phone': phone }, { 'contact.alternatePhone': phone }] },
      sort: { receivedAt: -1 },
      limit: 1,
    });
    return lead;
  }

  async function follow(callId: string, report: CarrierStatus): Promise<void> {
    const { callSid } = report;
    const call = await events.call(callId);
    if (!call) throw new Failure('call_not_found', `no call ${callId}`);
    if (call.callSid !== undefined && call.callSid !== callSid) {
      log.warn({ callId, callSid }, "a status of another call came under this call's address; ignored");
      return;
    }
    // A callback may come before the answer to our own request to dial.
    if (!call.callSid)
      await events.record(callId, { type: 'dialed', callSid }, { eventId: `${callId}:dialed` });
    if (report.answeredBy) await machine(callId, callSid, report.answeredBy);
    switch (report.status) {
      case 'initiated':
        return;
      case 'ringing':
        await events.record(
          callId,
          { type: 'ringing', ...(report.attestation ? { attestation: report.attestation } : {}) },
          { eventId: `${callSid}:ringing` },
        );
        if (call.direction === 'outbound') (await bridgeOf(callId))?.prepare();
        return;
      case 'answered':
        await events.record(callId, { type: 'answered' }, { eventId: `${callSid}:answered` });
        return;
      default:
        await events.record(
          callId,
          {
            type: 'ended',
            status: report.status,
            reason: `the carrier reported ${report.status}`,
            ...(report.durationSec === undefined ? {} : { durationSec: report.durationSec }),
            ...(report.sipCode === undefined ? {} : { sipCode: report.sipCode }),
          },
          { eventId: `${callId}:ended` },
        );
        over(callId);
    }
  }

  function over(callId: string): void {
    const bridge = bridges.get(callId);
    if (bridge) {
      bridge.over();
    } else {
      active.delete(callId);
      deps.finish(callId);
    }
  }

  async function machine(
    callId: string,
    callSid: string,
    answeredBy: Parameters<CarrierInlet['machine']>[2],
    detectionMs?: number,
  ): Promise<void> {
    await events.record(
      callId,
      { type: 'machine', answeredBy, ...(detectionMs === undefined ? {} : { detectionMs }) },
      { eventId: `${callSid}:amd` },
    );
    bridges.get(callId)?.machine(answeredBy, callSid);
  }

  const inlet: Omit<CarrierInlet, 'delivery'> = {
    async inbound({ callSid, from, to, attestation }) {
      const callId = ids.objectId();
      const phone = parsePhone(from);
      // Whoever calls is answered, also when the store cannot say who it is.
      const [known, lead, script] = await Promise.all([
        soon(clock, inboundCall(callSid)),
        phone && soon(clock, callerOf(phone)),
        soon(clock, inboundScript(callId)),
      ]);
      // The carrier may ask twice: the same call gets the same answer.
      if (known) return isOver(known) ? sorry() : { kind: 'connect', callId: known._id };
      if (draining || active.size >= deps.maxConcurrentCalls) return busy();
      active.add(callId);
      try {
        const call = await events.record(callId, {
          type: 'received',
          attemptId: ids.objectId(),
          callSid,
          contactPhone: phone ?? from,
          fromPhone: to,
          ...underLife(deps.life()),
          ...(lead ? { leadId: lead._id } : {}),
          ...(attestation ? { attestation } : {}),
          script: script ?? scriptRef(prompts, scriptFor([], 'inbound')),
        });
        inboundHere.set(callSid, callId);
        const [policy] = await Promise.all([
          deps.policyOf(undefined),
          phone && soon(clock, holdLine(call, phone)),
        ]);
        const bridge = open(call, {
          policy,
          ...sentences(call, lead || undefined, policy),
          recoverySummary: '',
        });
        bridge.done.then(() => inboundHere.delete(callSid)).catch(() => {});
        bridge.prepare();
        return { kind: 'connect', callId };
      } catch (error) {
        active.delete(callId);
        inboundHere.delete(callSid);
        throw error;
      }
    },

    async answered(callId, callSid) {
      const call = await events.call(callId);
      if (!call || isOver(call)) return { kind: 'hang_up' };
      if (!call.callSid)
        await events.record(callId, { type: 'dialed', callSid }, { eventId: `${callId}:dialed` });
      await events.record(callId, { type: 'answered' }, { eventId: `${callSid}:answered` });
      const bridge = await bridgeOf(callId);
      if (!bridge?.wantsStream()) return { kind: 'hang_up' };
      bridge.prepare();
      return { kind: 'connect' };
    },

    async status(callId, report) {
      const id = callId ?? (await inboundCall(report.callSid))?._id;
      if (id === undefined) {
        log.warn(
          { callSid: report.callSid, status: report.status },
          'status of a call nobody knows; ignored',
        );
        return;
      }
      await follow(id, report);
    },

    machine: (callId, callSid, answeredBy, detectionMs) => machine(callId, callSid, answeredBy, detectionMs),

    async recording(callId, { recordingSid, url, durationSec, status }) {
      if (status !== 'completed') {
        log.warn({ callId, recordingSid, status }, "the carrier's recording did not come about");
        return;
      }
      await events.record(
        callId,
        { type: 'recording_ready', source: 'carrier', durationSec, url, recordingSid },
        { eventId: `${recordingSid}:completed` },
      );
    },

    streamOpened(callId, leg) {
      const bridge = bridges.get(callId);
      if (!bridge) return false;
      bridge.attach(leg);
      return true;
    },

    async streamTrouble(callId, streamSid, message) {
      log.warn({ callId, streamSid, message }, 'the carrier reports trouble with a stream');
    },

    async afterStream(callId, callSid) {
      const call = await events.call(callId);
      if (!call || isOver(call) || call.endReason !== undefined) return { kind: 'hang_up' };
      if (!call.callSid)
        await events.record(callId, { type: 'dialed', callSid }, { eventId: `${callId}:dialed` });
      const bridge = await bridgeOf(callId);
      if (!bridge?.wantsStream()) return { kind: 'hang_up' };
      if (reconnected.has(callId)) {
        // Not hangUp: that would cut off the sentence.
        bridge.leave('system', 'the media stream broke twice');
        return sorry();
      }
      reconnected.add(callId);
      bridge.done.then(() => reconnected.delete(callId)).catch(() => {});
      return { kind: 'connect' };
    },

    async message({ from, text }) {
      const phone = parsePhone(from);
      if (!phone || !deps.revokes(text)) return {};
      const words = text.slice(0, 500);
      if ((await deps.optOut({ phone, channel: 'sms', words })) === 'kept') await stopCallsHereTo(phone);
      return { reply: fill(prompts['no-more-calls'], { seller_name: deps.sellerName }) };
    },
  };
  /** Calls whose stream was connected a second time; a third time they get a sentence. */
  const reconnected = new Set<string>();

  const OPEN = { status: { $in: ['queued', 'initiated', 'ringing', 'answered'] } };
  /** Over, and not yet compared with the platform's account. */
  const unreconciled = () => ({
    status: 'completed',
    conversationId: { $exists: true },
    completeness: { $exists: false },
    initiatedAt: { $gt: new Date(clock.nowMs() - UNRECONCILED_MS) },
  });
  const HELD = { state: { $in: ['reserved', 'dialed'] } };
  const carriedBy = (life: string | undefined) => ({ carriedBy: life ?? { $exists: false } });

  /** The lives that left calls open; undefined for calls that stand under none. This one may be among them. */
  async function livesWithOpenCalls(): Promise<ReadonlySet<string | undefined>> {
    const calls = store.collection('calls');
    const groups = await Promise.all([
      calls.aggregate([{ $match: OPEN }, { $group: { _id: '$carriedBy' } }]),
      calls.aggregate([{ $match: unreconciled() }, { $group: { _id: '$carriedBy' } }]),
      attempts.aggregate([{ $match: HELD }, { $group: { _id: '$carriedBy' } }]),
    ]);
    return new Set(groups.flat().map(({ _id }) => (typeof _id === 'string' ? _id : undefined)));
  }

  /**
   * Calls that a life which is over left open: what became of them is asked, and their talk is finished. Answers with those
   * that are being finished now.
   */
  async function takeUp(
    life: string | undefined,
    lookFor: (attempt: Attempt) => void,
  ): Promise<readonly string[]> {
    const calls = store.collection('calls');
    const open = await calls.find({ filter: { ...OPEN, ...carriedBy(life) }, limit: MOST_OPEN });
    const untold = await calls.find({ filter: { ...unreconciled(), ...carriedBy(life) }, limit: MOST_OPEN });
    // Their call ended, or never came to be, and that life died before it could free the person.
    const held = await attempts.find({
      filter: { ...HELD, ...carriedBy(life), callId: { $nin: open.map(({ _id }) => _id) } },
      limit: MOST_OPEN,
    });
    const finishing = new Set<string>();
    const finish = (callId: string): void => {
      finishing.add(callId);
      deps.finish(callId);
    };
    for (const { _id } of [...open, ...untold]) {
      // Its phone is being talked to here: a callback came to this process.
      if (active.has(_id)) continue;
      const call = await events.rebuild(_id);
      if (!call) continue;
      if (!call.callSid && !isOver(call)) {
        const taken = await closeReserved(_id);
        const [attempt] = taken ? [] : await attempts.find({ filter: { callId: _id }, limit: 1 });
        // The carrier may have been asked, and its answer died with that life.
        if (attempt?.state === 'dialed') lookFor(attempt);
        else {
          await events.record(
            _id,
            { type: 'ended', status: 'canceled', reason: 'the service stopped before this call was dialled' },
            { eventId: `${_id}:ended` },
          );
        }
      }
      finish(_id);
    }
    for (const { _id, callId } of held) {
      if (active.has(callId)) continue;
      const call = await events.rebuild(callId);
      if (call && call.status !== 'denied') finish(callId);
      else
        await attempts.update(
          { _id },
          {
            // An attempt that was never judged counts against the caps, a denied one does not.
            $set: { state: call ? 'denied' : 'closed', updatedAt: new Date(clock.nowMs()) },
            // Of an attempt without a call nobody was told: whoever asks again with its key gets an answer.
            $unset: { activePhones: '', ...(call ? {} : { idempotencyKey: '' }) },
          },
        );
    }
    return [...finishing];
  }

  /**
   * A person wants no more calls: what waits is not dialled, what rings stops ringing, who talks hears the sentence to its
   * end. `except`: the call in which it was said, which ends by itself.
   */
  async function stopCallsTo(numbers: readonly string[], except: string | undefined): Promise<void> {
    const running = await attempts.find({
      filter: { activePhones: { $in: numbers }, direction: 'outbound' },
    });
    for (const { callId } of running) {
      if (callId === except) continue;
      if (await closeReserved(callId)) await cancel(callId);
      else hangUpInBackground(callId);
    }
  }

  /** What `stopCallsTo` can do while the store is away: what waits is not dialled then in any case. */
  async function stopCallsHereTo(phone: string): Promise<void> {
    for (const callId of active) {
      const call = await events.call(callId);
      if (call?.direction === 'outbound' && call.contactPhone === phone) hangUpInBackground(callId);
    }
  }

  const hangUpInBackground = (callId: string): void => {
    hangUpOn(callId).catch((error) => {
      if (!deps.shutdown.aborted)
        log.error({ err: error, callId }, 'a call to a person who opted out could not be ended');
    });
  };

  /** Ends an attempt before its dial: whoever was about to dial it finds it closed. Undefined when it is too late. */
  const closeReserved = (callId: string): Promise<Attempt | undefined> =>
    attempts.update(
      { callId, state: 'reserved' },
      {
        $set: { state: 'closed', updatedAt: new Date(clock.nowMs()) },
        $unset: { activePhones: '' },
      },
    );

  /** Tells that a call was never dialled. */
  async function cancel(callId: string): Promise<void> {
    // Its first event may be on its way; then whoever writes it finds the attempt closed.
    if (!(await events.call(callId))) return;
    await events.record(
      callId,
      { type: 'ended', status: 'canceled', reason: NO_MORE_CALLS },
      { eventId: `${callId}:ended` },
    );
    over(callId);
  }

  async function hangUpOn(callId: string): Promise<void> {
    for (let waitedMs = 0; waitedMs <= DIALLING_MS; waitedMs += LOOK_EVERY_MS) {
      const call = await events.call(callId);
      if (!call || isOver(call)) return;
      if (bridges.has(callId) || call.callSid) return await endCall(call, 'policy', NO_MORE_CALLS);
      await clock.sleep(LOOK_EVERY_MS, deps.shutdown);
    }
  }

  /** Ends a call of ours at the carrier, after the last words when it talks. */
  async function endCall(call: Call, by: 'manager' | 'policy', reason: string): Promise<void> {
    const bridge = bridges.get(call._id);
    if (bridge) {
      bridge.hangUp(by, reason, by === 'policy' ? farewellOf(deps, call) : undefined);
    } else if (call.callSid) {
      await events.record(call._id, { type: 'hangup_requested', by, reason });
      await telephony.hangUp(call.callSid, AbortSignal.any([deps.shutdown, AbortSignal.timeout(REST_MS)]));
    } else {
      throw new Failure('attempt_in_progress', 'this call is being dialled; try again in a moment');
    }
  }

  const room = Math.max(1, Math.floor(deps.maxConcurrentCalls * (1 - deps.inboundReserve)));

  return {
    inlet,
    livesWithOpenCalls,
    takeUp,
    /** Counts an outbound call against the concurrency, or throws `at_capacity` or `shutting_down`. */
    admit(): void {
      if (draining) throw new Failure('shutting_down', 'the service is stopping; no new calls');
      if (active.size >= room) {
        throw new Failure(
          'at_capacity',
          `all ${room} lines for outbound calls are in use; try again when one is free`,
        );
      }
    },
    occupy(callId: string): Cancel {
      active.add(callId);
      return () => void active.delete(callId);
    },
    over,
    stopCallsTo,
    /** Ends a live call, politely when it talks. */
    async end(callId: string, by: string): Promise<Call> {
      const call = await events.call(callId);
      if (!call) throw new Failure('call_not_found', `no call ${callId}`);
      if (isOver(call)) throw new Failure('call_over', 'this call is over already');
      await endCall(call, 'manager', `ended by ${by}`);
      return (await events.call(callId)) ?? call;
    },
    /** The talk of a call that lives in this process. */
    bridgeOf: (callId: string): Bridge | undefined => bridges.get(callId),
    /** True while this process carries the call's audio. */
    talksOn: (callId: string): boolean => bridges.get(callId)?.talking() ?? false,
    /** How many outbound calls may begin now. */
    get linesFree(): number {
      return draining ? 0 : Math.max(0, room - active.size);
    },
    get activeCount(): number {
      return active.size;
    },
    /** No new calls; resolves when the live ones have ended or `patienceMs` is over. */
    async drain(patienceMs: number): Promise<void> {
      draining = true;
      const patience = AbortSignal.timeout(Math.max(1, patienceMs));
      const all = Promise.all([...bridges.values()].map((bridge) => bridge.done));
      const tooLate = new Promise<void>((resolve) =>
        patience.addEventListener('abort', () => resolve(), { once: true }),
      );
      await Promise.race([all, tooLate]);
      for (const bridge of bridges.values()) bridge.over();
      await Promise.allSettled([...bridges.values()].map((bridge) => bridge.done));
    },
  };
}
