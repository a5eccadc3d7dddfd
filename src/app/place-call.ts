/**
 * app/place-call: the only way to a dial tone. Reserve the attempt, gather the facts fresh, ask the gate, dial, record, in
 * that order. At most one call an attempt: an unclear answer of the carrier is looked into, never dialled again.
 */
import { type Call, type EndStatus, isOver } from '../domain/call.ts';
import { checkError, decide } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { DialPermit } from '../domain/compliance/permit.ts';
import type { Attempt, CallingPolicy, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import type { GatherFacts } from './gather-facts.ts';
import type { CarrierCall, Clock, Ids, Log, Store, Telephony } from './ports.ts';
import type { EventLog } from './record-event.ts';

export interface PlaceCallRequest {
  readonly leadId: string;
  readonly campaignId?: string;
  readonly requestedBy: string;
  /** The same key answers with the same call. */
  readonly idempotencyKey?: string;
}

export type Placed =
  | { readonly kind: 'placed'; readonly call: Call }
  | { readonly kind: 'denied'; readonly call: Call; readonly decision: Decision };

export interface PlaceCallDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly events: EventLog;
  readonly telephony: Telephony;
  readonly gatherFacts: GatherFacts;
  readonly policyOf: (campaignId: string | undefined) => Promise<CallingPolicy>;
  readonly fromNumbers: readonly string[];
  readonly callsPerSecond: number;
  /** Throws Failure `at_capacity` or `shutting_down` when no outbound call may start now. */
  readonly admit: () => void;
  /** Counts the call against the lines in use, until it is over. */
  readonly occupy: (callId: string) => void;
  /** The call will not come about: its line is free, and what is left to do is done. */
  readonly abandoned: (callId: string) => void;
  /** Asks the carrier about a call it has said nothing of for too long. */
  readonly inquire: (callId: string) => void;
  readonly shutdown: AbortSignal;
}

/** A permit lives just long enough to be dialled. */
const PERMIT_MS = 10_000;
/** Longer than the carrier takes to give up by itself, looking for a call included. */
const DIAL_MS = 90_000;
/** Callbacks about an unanswered phone may come this much later than it stops ringing. */
const NEWS_SEC = 15;
/** When to look for a call the carrier may or may not have, in ms after the unclear answer. */
const LOOK_AFTER_MS = [1_000, 4_000, 10_000, 30_000, 60_000] as const;

export function createPlaceCall(deps: PlaceCallDeps) {
  const { store, clock, ids, log, events, telephony } = deps;
  const attempts = store.collection('attempts');
  const underWay = new Set<Promise<unknown>>();
  let nextSlotMs = 0;

  /** The next moment at which the carrier's calls per second allow a dial. */
  function slot(): number {
    const now = clock.nowMs();
    const at = Math.max(now, nextSlotMs);
    nextSlotMs = at + 1_000 / deps.callsPerSecond;
    return at - now;
  }

  async function reserve(
    request: PlaceCallRequest,
    lead: Lead,
    subject: string,
  ): Promise<Attempt | { known: Call }> {
    const now = new Date(clock.nowMs());
    const attempt: Attempt = {
      _id: ids.objectId(),
      callId: ids.objectId(),
      leadId: lead._id,
      ...(request.campaignId ? { campaignId: request.campaignId } : {}),
      phone: lead.contact.phone,
      activePhone: lead.contact.phone,
      subject,
      direction: 'outbound',
      reservedAt: now,
      state: 'reserved',
      ...(request.idempotencyKey
        ? { idempotencyKey: `${request.requestedBy}:${request.idempotencyKey}` }
        : {}),
      createdAt: now,
      updatedAt: now,
    };
    try {
      await attempts.insert(attempt);
      return attempt;
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
      const [twin] = attempt.idempotencyKey
        ? await attempts.find({ filter: { idempotencyKey: attempt.idempotencyKey }, limit: 1 })
        : [];
      if (!twin)
        throw new Failure(
          'attempt_in_progress',
          'this person is being called right now; wait until that call is over',
        );
      if (twin.leadId !== lead._id) {
        throw new Failure('idempotency_conflict', 'this Idempotency-Key was used for another lead');
      }
      const known = await events.call(twin.callId);
      if (!known) throw new Failure('attempt_in_progress', 'this request is being worked on right now');
      return { known };
    }
  }

  async function close(attempt: Attempt, state: Attempt['state']): Promise<void> {
    await attempts.update(
      { _id: attempt._id },
      { $set: { state, updatedAt: new Date(clock.nowMs()) }, $unset: { activePhone: '' } },
    );
  }

  /** The gate's answer from facts read now, with a permit when it allows. Facts that cannot be read deny. */
  async function ask(
    request: PlaceCallRequest,
    attempt: Attempt,
  ): Promise<{ permit?: DialPermit; decision: Decision }> {
    const nowMs = clock.nowMs();
    try {
      const { facts } = await deps.gatherFacts(
        {
          leadId: request.leadId,
          ...(request.campaignId ? { campaignId: request.campaignId } : {}),
          exceptAttemptId: attempt._id,
        },
        nowMs,
      );
      const verdict = decide(facts, nowMs, { permitId: attempt._id, ttlMs: PERMIT_MS, reserved: true });
      return verdict.kind === 'allow' && verdict.permit
        ? { permit: verdict.permit, decision: verdict.decision }
        : { decision: verdict.decision };
    } catch (error) {
      log.error({ err: error, callId: attempt.callId }, 'the facts of a dial could not be read; denied');
      return { decision: checkError(nowMs, 'its facts could not be read') };
    }
  }

  async function deny(attempt: Attempt, decision: Decision): Promise<Placed> {
    const call = await events.record(attempt.callId, { type: 'denied', decision });
    await close(attempt, 'denied');
    deps.abandoned(attempt.callId);
    return { kind: 'denied', call, decision };
  }

  async function fail(attempt: Attempt, status: EndStatus, reason: string): Promise<void> {
    await events.record(
      attempt.callId,
      { type: 'ended', status, reason },
      { eventId: `${attempt.callId}:ended` },
    );
    deps.abandoned(attempt.callId);
  }

  async function dial(
    attempt: Attempt,
    permit: DialPermit,
    policy: CallingPolicy,
    from: string,
  ): Promise<void> {
    const { callId } = attempt;
    await attempts.update(
      { _id: attempt._id },
      { $set: { state: 'dialed', updatedAt: new Date(clock.nowMs()) } },
    );
    try {
      const { callSid } = await telephony.dial(
        permit,
        {
          callId,
          from,
          detectMachine: policy.machinePolicy !== 'talk',
          ringTimeoutSec: policy.ringTimeoutSec,
          maxCallSec: policy.maxCallSec,
          record: policy.carrierRecording,
        },
        AbortSignal.any([deps.shutdown, AbortSignal.timeout(DIAL_MS)]),
      );
      await events.record(callId, { type: 'dialed', callSid }, { eventId: `${callId}:dialed` });
      clock.after((policy.ringTimeoutSec + NEWS_SEC) * 1_000, () => void askIfSilent(callId));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (isFailure(error) && error.code !== 'dial_unconfirmed') {
        log.warn({ callId, code: error.code, details: error.details }, 'the carrier did not take the call');
        await fail(attempt, 'failed', `${error.code}: ${reason}`);
        return;
      }
      log.warn({ err: error, callId }, 'the carrier gave no clear answer; looking for the call');
      await events.record(callId, { type: 'dial_unconfirmed', message: reason });
      await lookFor(attempt);
    }
  }

  /** By now the phone was answered or gave up; if no callback said so, they were lost. */
  async function askIfSilent(callId: string): Promise<void> {
    const call = await events.call(callId).catch(() => undefined);
    if (call && !call.answeredAt && !isOver(call)) deps.inquire(callId);
  }

  /** An unclear dial: the call may exist. It is found, or it surely is not there, or the attempt stays spent. */
  async function lookFor(attempt: Attempt): Promise<void> {
    let waited = 0;
    for (const afterMs of LOOK_AFTER_MS) {
      await clock.sleep(afterMs - waited, deps.shutdown);
      waited = afterMs;
      const call = await events.call(attempt.callId);
      // Its callbacks told us already.
      if (call?.callSid) return;
      try {
        const found: CarrierCall | 'absent' = await telephony.findCall(
          { callId: attempt.callId, to: attempt.phone, since: attempt.reservedAt },
          AbortSignal.any([deps.shutdown, AbortSignal.timeout(DIAL_MS)]),
        );
        if (found === 'absent')
          return await fail(attempt, 'failed', 'dial_unconfirmed: the carrier has no such call');
        await events.record(
          attempt.callId,
          { type: 'dialed', callSid: found.callSid },
          { eventId: `${attempt.callId}:dialed` },
        );
        if (found.end) await fail(attempt, found.end, 'told by the carrier when asked');
        return;
      } catch (error) {
        log.warn({ err: error, callId: attempt.callId }, 'the carrier could not be asked about a call');
      }
    }
    await fail(attempt, 'failed', 'dial_unconfirmed: the carrier could not be asked');
  }

  function inBackground(work: Promise<unknown>, callId: string): void {
    const tracked = work.catch((error) => {
      if (!deps.shutdown.aborted) log.error({ err: error, callId }, 'placing a call failed');
    });
    underWay.add(tracked);
    void tracked.finally(() => underWay.delete(tracked));
  }

  /**
   * Places a call, or tells why not. Throws Failure `lead_not_found`, `campaign_not_found`, `attempt_in_progress`,
   * `at_capacity`, `shutting_down`, `store_unavailable`. What the carrier makes of it arrives as events.
   */
  async function placeCall(request: PlaceCallRequest): Promise<Placed> {
    deps.admit();
    const lead = await store.collection('leads').get(request.leadId);
    if (!lead) throw new Failure('lead_not_found', `no lead ${request.leadId}`);
    const policy = await deps.policyOf(request.campaignId);
    const from = deps.fromNumbers[0];
    if (!from) throw new Failure('config_invalid', 'no number to call from: set TWILIO_PHONE_NUMBER');

    const attempt = await reserve(request, lead, policy.subject);
    if ('known' in attempt) {
      const { known } = attempt;
      return known.status === 'denied' && known.complianceDecision
        ? { kind: 'denied', call: known, decision: known.complianceDecision }
        : { kind: 'placed', call: known };
    }
    deps.occupy(attempt.callId);
    const queued = await events.record(attempt.callId, {
      type: 'queued',
      attemptId: attempt._id,
      leadId: lead._id,
      contactPhone: attempt.phone,
      fromPhone: from,
      ...(request.campaignId ? { campaignId: request.campaignId } : {}),
      requestedBy: request.requestedBy,
    });

    const { permit, decision } = await ask(request, attempt);
    if (!permit) return await deny(attempt, decision);
    const waitMs = slot();
    if (waitMs > PERMIT_MS / 2) {
      inBackground(waitAndDial(request, attempt, policy, from, waitMs), attempt.callId);
      return { kind: 'placed', call: queued };
    }
    const call = await events.record(attempt.callId, { type: 'permitted', decision });
    inBackground(
      clock.sleep(waitMs, deps.shutdown).then(() => dial(attempt, permit, policy, from)),
      attempt.callId,
    );
    return { kind: 'placed', call };
  }

  /** The carrier's line is long: the permit would be stale by then, so the gate is asked again when it is our turn. */
  async function waitAndDial(
    request: PlaceCallRequest,
    attempt: Attempt,
    policy: CallingPolicy,
    from: string,
    waitMs: number,
  ): Promise<void> {
    try {
      await clock.sleep(waitMs, deps.shutdown);
    } catch {
      await fail(attempt, 'canceled', 'shutting down before the call was dialled');
      return;
    }
    const { permit, decision } = await ask(request, attempt);
    if (!permit) {
      await deny(attempt, decision);
      return;
    }
    await events.record(attempt.callId, { type: 'permitted', decision });
    await dial(attempt, permit, policy, from);
  }

  return {
    placeCall,
    /** A dial of an earlier life of this process whose answer nobody has. */
    lookAgain(attempt: Attempt): void {
      const { callId } = attempt;
      const unclear = { type: 'dial_unconfirmed', message: 'the service stopped while dialling' } as const;
      const noted = events.record(callId, unclear, { eventId: `${callId}:dial_unconfirmed:restart` });
      inBackground(
        noted.then(() => lookFor(attempt)),
        callId,
      );
    },
    /** Resolves when no dial is under way. */
    settled: async (): Promise<void> => {
      await Promise.allSettled([...underWay]);
    },
  };
}
