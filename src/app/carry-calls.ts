/**
 * app/carry-calls: the calls that live in this process. Turns what the carrier's callbacks tell (in any order, twice or
 * never) into events, and gives each call its bridge at the right moment: when the phone rings, when it is answered, or
 * when a stream comes back after a restart.
 */
import { type Call, isOver } from '../domain/call.ts';
import type { Attempt, CallingPolicy, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { formatPhone, parsePhone } from '../domain/phone.ts';
import { foldTranscript } from '../domain/transcript.ts';
import { type Bridge, type BridgeDeps, createBridge, type Talk } from './bridge-call.ts';
import type { CarrierInlet, CarrierStatus, Clock, Ids, Log, Store, Telephony } from './ports.ts';
import { fill, type Prompts } from './prompts.ts';
import type { EventLog } from './record-event.ts';

export interface CarryDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly events: EventLog;
  readonly telephony: Telephony;
  readonly agent: BridgeDeps['agent'];
  readonly recordings: BridgeDeps['recordings'];
  readonly runTool: BridgeDeps['runTool'];
  readonly prompts: Prompts;
  readonly sellerName: string;
  readonly policyOf: (campaignId: string | undefined) => Promise<CallingPolicy>;
  readonly maxConcurrentCalls: number;
  /** Share of the concurrency that outbound calls leave free for inbound ones, 0..1. */
  readonly inboundReserve: number;
  readonly finish: (callId: string) => void;
  /** A text message with a word that stops all calls. */
  readonly revokes: (text: string) => boolean;
  readonly optOut: (request: { phone: string; channel: 'sms'; words: string }) => Promise<unknown>;
  readonly shutdown: AbortSignal;
}

const SUMMARY_TURNS = 8;
const SUMMARY_CHARS = 1_200;

export function createCarryCalls(deps: CarryDeps) {
  const { store, clock, ids, log, events, telephony, prompts } = deps;
  const bridges = new Map<string, Bridge>();
  /** Calls counted against the concurrency: reserved before they are dialled or answered, freed when they are over. */
  const active = new Set<string>();
  let draining = false;

  const bridgeDeps: BridgeDeps = {
    agent: deps.agent,
    telephony,
    recordings: deps.recordings,
    clock,
    log,
    runTool: deps.runTool,
    tell(callId, body) {
      events
        .record(callId, body)
        .catch((error) =>
          log.error({ err: error, callId, event: body.type }, 'an event could not be recorded'),
        );
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

  function open(call: Call, talk: Omit<Talk, 'callId' | 'direction'>): Bridge {
    const bridge = createBridge(bridgeDeps, { ...talk, callId: call._id, direction: call.direction });
    bridges.set(call._id, bridge);
    active.add(call._id);
    bridge.done
      .then(() => {
        bridges.delete(call._id);
        active.delete(call._id);
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
    const [policy, lead, summary] = await Promise.all([
      deps.policyOf(call.campaignId),
      call.leadId ? store.collection('leads').get(call.leadId) : undefined,
      call.conversationId ? bridgeDeps.summarise(callId) : '',
    ]);
    const again = bridges.get(callId);
    if (again) return again;
    return open(call, { policy, ...sentences(call, lead, policy), recoverySummary: summary });
  }

  function sentences(
    call: Call,
    lead: Lead | undefined,
    policy: CallingPolicy,
  ): Omit<Talk, 'callId' | 'direction' | 'policy' | 'recoverySummary'> {
    const values = {
      lead_name: lead?.contact.firstName || 'there',
      seller_name: deps.sellerName,
      property_address: lead?.propertyAddress || 'your property',
      from_number: formatPhone(call.fromPhone),
      lead_source: lead?.source ?? 'unknown',
      direction: call.direction,
    };
    return {
      dynamicVariables: values,
      firstMessage: fill(
        prompts[call.direction === 'outbound' ? 'opening-outbound' : 'opening-inbound'],
        values,
      ),
      recoveryMessage: fill(prompts.recovery, values),
      apology: fill(prompts.apology, values),
      voicemail: fill(policy.voicemailText ?? prompts.voicemail, values),
      ...(lead ? { userId: lead._id } : {}),
    };
  }

  const busy = () =>
    ({ kind: 'say', sentence: fill(prompts.busy, { seller_name: deps.sellerName }) }) as const;
  const sorry = () =>
    ({ kind: 'say', sentence: fill(prompts.apology, { seller_name: deps.sellerName }) }) as const;

  async function inboundCall(callSid: string): Promise<Call | undefined> {
    const [call] = await store.collection('calls').find({ filter: { callSid }, limit: 1 });
    return call;
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

  const inlet: CarrierInlet = {
    async inbound({ callSid, from, to, attestation }) {
      // The carrier may ask twice: the same call gets the same answer.
      const known = await inboundCall(callSid);
      if (known) return isOver(known) ? sorry() : { kind: 'connect', callId: known._id };
      if (draining || active.size >= deps.maxConcurrentCalls) return busy();
      const phone = parsePhone(from);
      const [lead] = phone
        ? await store.collection('leads').find({
            filter: { $or: [{ 'contact.phone': phone }, { 'contact.alternatePhone': phone }] },
            sort: { receivedAt: -1 },
            limit: 1,
          })
        : [];
      const callId = ids.objectId();
      active.add(callId);
      try {
        const call = await events.record(callId, {
          type: 'received',
          attemptId: ids.objectId(),
          callSid,
          contactPhone: phone ?? from,
          fromPhone: to,
          ...(lead ? { leadId: lead._id } : {}),
          ...(attestation ? { attestation } : {}),
        });
        const policy = await deps.policyOf(undefined);
        open(call, { policy, ...sentences(call, lead, policy), recoverySummary: '' }).prepare();
        return { kind: 'connect', callId };
      } catch (error) {
        active.delete(callId);
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
      if (!bridge?.wantsStream) return { kind: 'hang_up' };
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
      if (!bridge?.wantsStream) return { kind: 'hang_up' };
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
      await deps.optOut({ phone, channel: 'sms', words: text.slice(0, 500) });
      return { reply: `You will get no more calls or messages from ${deps.sellerName}.` };
    },
  };
  /** Calls whose stream was connected a second time; a third time they get a sentence. */
  const reconnected = new Set<string>();

  /** Calls that another life of this process left open: what became of them is asked, and their talk is finished. */
  async function recoverOpenCalls(lookFor: (attempt: Attempt) => void): Promise<number> {
    const open = await store.collection('calls').find({
      filter: { status: { $in: ['queued', 'initiated', 'ringing', 'answered'] } },
      limit: 10_000,
    });
    const unreconciled = await store.collection('calls').find({
      filter: {
        status: 'completed',
        conversationId: { $exists: true },
        completeness: { $exists: false },
        initiatedAt: { $gt: new Date(clock.nowMs() - 7 * 24 * 3_600_000) },
      },
      limit: 10_000,
    });
    for (const { _id } of [...open, ...unreconciled]) {
      const call = await events.rebuild(_id);
      if (!call) continue;
      if (!call.callSid && !isOver(call)) {
        const [attempt] = await store.collection('attempts').find({ filter: { callId: _id }, limit: 1 });
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
      deps.finish(_id);
    }
    return open.length;
  }

  return {
    inlet,
    recoverOpenCalls,
    /** Counts an outbound call against the concurrency, or throws `at_capacity` or `shutting_down`. */
    admit(): void {
      if (draining) throw new Failure('shutting_down', 'the service is stopping; no new calls');
      const room = Math.max(1, Math.floor(deps.maxConcurrentCalls * (1 - deps.inboundReserve)));
      if (active.size >= room) {
        throw new Failure(
          'at_capacity',
          `all ${room} lines for outbound calls are in use; try again when one is free`,
        );
      }
    },
    occupy: (callId: string): void => void active.add(callId),
    over,
    /** Ends a live call, politely when it talks. */
    async end(callId: string, by: string): Promise<Call> {
      const call = await events.call(callId);
      if (!call) throw new Failure('call_not_found', `no call ${callId}`);
      if (isOver(call)) throw new Failure('call_over', 'this call is over already');
      const bridge = bridges.get(callId);
      if (bridge) {
        bridge.hangUp('manager', `ended by ${by}`);
      } else if (call.callSid) {
        await events.record(callId, { type: 'hangup_requested', by: 'manager', reason: `ended by ${by}` });
        await telephony.hangUp(call.callSid, AbortSignal.any([deps.shutdown, AbortSignal.timeout(10_000)]));
      } else {
        throw new Failure('attempt_in_progress', 'this call is being dialled; try again in a moment');
      }
      return (await events.call(callId)) ?? call;
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
