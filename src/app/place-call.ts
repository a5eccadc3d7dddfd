/**
 * app/place-call: the only way to a dial tone. Reserve the attempt for the whole person, gather the facts fresh, ask the
 * gate, claim the attempt, dial, record, in that order. At most one call an attempt: an unclear answer of the carrier is
 * looked into, never dialled again.
 *
 * Two writes carry that promise, whoever runs beside us and wherever we die. The insert of the attempt holds every number
 * of the person (a unique key), and counts before the facts are read, so of two that begin at once one sees the other. The
 * step from `reserved` to `dialed` is taken once: who ends an attempt before it (an opt-out, a recovery) ends the dial.
 */
import { type Call, type CallTerms, type CampaignStep, type EndStatus, isOver } from '../domain/call.ts';
import { callerIdFor } from '../domain/caller-id.ts';
import type { ConversationStrategy } from '../domain/campaign.ts';
import { checkError, decide } from '../domain/compliance/decide.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { DialPermit } from '../domain/compliance/permit.ts';
import { scriptFor } from '../domain/compliance/scripts.ts';
import type { Attempt, CallingPolicy, Lead } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { parsePhone } from '../domain/phone.ts';
import { termsOf } from './call-records.ts';
import type { Gathered, GatherFacts } from './gather-facts.ts';
import type { HouseLimits } from './house-limits.ts';
import type { KeepScript } from './kept-scripts.ts';
import { underLife } from './lives.ts';
import { personOf } from './person.ts';
import type { Cancel, CarrierCall, Clock, Ids, Log, Store, Telephony } from './ports.ts';
import { type Prompts, promptsOf, statesOf } from './prompts.ts';
import type { EventLog } from './record-event.ts';

export interface PlaceCallRequest {
  readonly leadId: string;
  readonly campaignId?: string;
  readonly campaignStep?: CampaignStep;
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
  readonly keepScript: KeepScript;
  readonly prompts: Prompts;
  readonly strategyOf: (campaignId: string | undefined) => Promise<ConversationStrategy | undefined>;
  readonly sellerName: string;
  readonly limits: Pick<HouseLimits, 'slot' | 'isOverfull'>;
  /** Whose calls those are that begin now; undefined where this process is the only one. */
  readonly life: () => string | undefined;
  /** Throws Failure `at_capacity` or `shutting_down` when no outbound call may start now. */
  readonly admit: () => void;
  /** Counts the call against the lines in use, until it is over or the answer is called. */
  readonly occupy: (callId: string) => Cancel;
  /** The call will not come about: its line is free, and what is left to do is done. */
  readonly abandoned: (callId: string) => void;
  /** Asks the carrier about a call that nobody here talks on and whose ending may be lost. */
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
/** What a campaign may ask for at most. */
const LONGEST_RING_SEC = 120;
/** How often a store that refuses is asked again to take what must be told. */
const INSIST_MS = 5_000;

/** What comes of an attempt at the gate. */
interface Answer {
  readonly decision: Decision;
  /** Present when the decision allows: the key to one dial, and what the record of the call is to tell. */
  readonly allowed?: { readonly permit: DialPermit; readonly terms: CallTerms };
}

export function createPlaceCall(deps: PlaceCallDeps) {
  const { store, clock, ids, log, events, telephony } = deps;
  const attempts = store.collection('attempts');
  const underWay = new Set<Promise<unknown>>();

  async function newAttempt(
    request: PlaceCallRequest,
    callId: string,
    lead: Lead,
    subject: string,
  ): Promise<Attempt> {
    const now = new Date(clock.nowMs());
    const phone = parsePhone(lead.contact.phone) ?? lead.contact.phone;
    const { alternatePhone } = lead.contact;
    const { numbers } = await personOf(
      store,
      alternatePhone === undefined ? [phone] : [phone, alternatePhone],
    );
    return {
      _id: ids.objectId(),
      callId,
      leadId: lead._id,
      ...(request.campaignId ? { campaignId: request.campaignId } : {}),
      phone,
      activePhones: numbers,
      subject,
      direction: 'outbound',
      reservedAt: now,
      state: 'reserved',
      ...underLife(deps.life()),
      ...(request.idempotencyKey
        ? { idempotencyKey: `${request.requestedBy}:${request.idempotencyKey}` }
        : {}),
      createdAt: now,
      updatedAt: now,
    };
  }

  /** Throws Failure `config_invalid` when we have no number. */
  async function callerId(phone: string): Promise<string> {
    const [before] =
      deps.fromNumbers.length < 2
        ? []
        : await store.collection('calls').find({
            filter: { contactPhone: phone, direction: 'outbound', callSid: { $exists: true } },
            sort: { initiatedAt: -1 },
            limit: 1,
          });
    const from = callerIdFor(deps.fromNumbers, phone, before?.fromPhone);
    if (from === undefined)
      throw new Failure('config_invalid', 'no number to call from: set TWILIO_PHONE_NUMBER');
    return from;
  }

  /** `unsure`: the store failed, and the attempt may or may not be there. Throws when the person or the key is taken. */
  async function reserve(attempt: Attempt): Promise<'reserved' | 'unsure' | { known: Call }> {
    try {
      await attempts.insert(attempt);
      return 'reserved';
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) {
        log.error({ err: error, callId: attempt.callId }, 'a call could not be reserved; denied');
        return 'unsure';
      }
    }
    const [twin] = attempt.idempotencyKey
      ? await attempts.find({ filter: { idempotencyKey: attempt.idempotencyKey }, limit: 1 })
      : [];
    if (!twin) {
      await giveBackLeftovers(attempt.activePhones ?? []);
      throw new Failure(
        'attempt_in_progress',
        'this person is being called right now; wait until that call is over',
      );
    }
    if (twin.leadId !== attempt.leadId)
      throw new Failure('idempotency_conflict', 'this Idempotency-Key was used for another lead');
    const known = await events.call(twin.callId);
    if (!known) throw new Failure('attempt_in_progress', 'this request is being worked on right now');
    return { known };
  }

  /** An attempt whose call is over holds its numbers only when a fault came between; the next try finds them free. */
  async function giveBackLeftovers(numbers: readonly string[]): Promise<void> {
    const holders = await attempts.find({ filter: { activePhones: { $in: numbers } } });
    for (const { callId } of holders) {
      const call = await events.call(callId);
      if (call && isOver(call)) deps.inquire(callId);
    }
  }

  async function close(
    attempt: Attempt,
    state: 'denied' | 'closed',
    unset: { readonly idempotencyKey?: '' } = {},
  ): Promise<void> {
    await attempts.update(
      { _id: attempt._id },
      { $set: { state, updatedAt: new Date(clock.nowMs()) }, $unset: { activePhones: '', ...unset } },
    );
  }

  /** What must be told is told when the store takes it again; should we stop before, recovery finds it untold. */
  async function insist<T>(callId: string, task: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (!isFailure(error, 'store_unavailable')) throw error;
        log.error({ err: error, callId }, 'what became of a call could not be kept; trying again');
        await clock.sleep(INSIST_MS, deps.shutdown);
      }
    }
  }

  /** Nobody was called, and nobody will be: says so on the call and frees the person, once the store takes it. */
  function giveUp(attempt: Attempt, reason: string): void {
    const { callId } = attempt;
    const work = insist(callId, async () => {
      const call = await events.call(callId);
      if (call && !isOver(call)) await ended(callId, 'canceled', reason);
      // Where no call came to be, whoever asks again with the same key is not told of one.
      await close(
        attempt,
        call?.status === 'denied' ? 'denied' : 'closed',
        call ? {} : { idempotencyKey: '' },
      );
      deps.abandoned(callId);
    });
    inBackground(work, callId);
  }

  /** The attempt must hold every number that the facts are about, or two calls of one person could pass each other. */
  function holds({ phone, activePhones = [] }: Attempt, { to, facts }: Gathered): boolean {
    const held = new Set(activePhones);
    return to === phone && held.has(phone) && facts.lead.altPhones.every((number) => held.has(number));
  }

  /** The gate's answer from facts read now, with a permit when it allows. Facts that cannot be read deny. */
  async function ask(request: PlaceCallRequest, attempt: Attempt): Promise<Answer> {
    const nowMs = clock.nowMs();
    let answer: Answer;
    let cause: unknown;
    try {
      answer = await answerOf(request, attempt, nowMs);
    } catch (error) {
      cause = error;
      answer = { decision: checkError(nowMs, 'its facts could not be read') };
    }
    const { reason, explanation } = answer.decision;
    if (reason === 'check_error')
      log.error({ err: cause, callId: attempt.callId, explanation }, 'a call could not be checked; denied');
    return answer;
  }

  async function answerOf(request: PlaceCallRequest, attempt: Attempt, nowMs: number): Promise<Answer> {
    const gathered = await deps.gatherFacts(
      {
        leadId: request.leadId,
        ...(request.campaignId ? { campaignId: request.campaignId } : {}),
        exceptAttemptId: attempt._id,
      },
      nowMs,
    );
    const mint = { permitId: attempt._id, ttlMs: PERMIT_MS, reserved: true };
    const verdict = decide(gathered.facts, nowMs, mint);
    if (verdict.kind === 'deny' || !verdict.permit) return { decision: verdict.decision };
    if (!holds(attempt, gathered))
      return { decision: checkError(nowMs, "the person's numbers changed meanwhile") };
    const { permit, decision } = verdict;
    const terms = termsOf({ ...gathered, decision, sellerName: deps.sellerName });
    return { decision, allowed: { permit, terms } };
  }

  async function deny(attempt: Attempt, decision: Decision): Promise<Placed> {
    const call = await events.record(attempt.callId, { type: 'denied', decision });
    await close(attempt, 'denied').catch((error) => {
      log.error({ err: error, callId: attempt.callId }, 'a denied attempt could not be closed');
      giveUp(attempt, 'denied');
    });
    deps.abandoned(attempt.callId);
    return { kind: 'denied', call, decision };
  }

  const permitted = async (attempt: Attempt, decision: Decision, terms: CallTerms): Promise<Call> =>
    events.record(attempt.callId, {
      type: 'permitted',
      decision,
      terms,
      script: await deps.keepScript(
        scriptFor(statesOf({ complianceDecision: decision }), 'outbound'),
        promptsOf(deps.prompts, await deps.strategyOf(attempt.campaignId)),
      ),
    });

  const ended = (callId: string, status: EndStatus, reason: string): Promise<Call> =>
    events.record(callId, { type: 'ended', status, reason }, { eventId: `${callId}:ended` });

  async function fail({ callId }: Attempt, status: EndStatus, reason: string): Promise<void> {
    await insist(callId, () => ended(callId, status, reason));
    deps.abandoned(callId);
  }

  /**
   * From here on the attempt may have rung a phone, and counts from now: it may have waited in line. Undefined: somebody
   * ended it before, or the store did not say.
   */
  async function claim(attempt: Attempt): Promise<Attempt | undefined> {
    const now = new Date(clock.nowMs());
    try {
      const claimed = await attempts.update(
        { _id: attempt._id, state: 'reserved' },
        { $set: { state: 'dialed', reservedAt: now, updatedAt: now } },
      );
      // An opt-out that was said after the gate was asked may be kept here and nowhere else.
      return store.outage && store.outage.state !== 'up' ? undefined : claimed;
    } catch (error) {
      log.error({ err: error, callId: attempt.callId }, 'an attempt could not be claimed; not dialled');
      return undefined;
    }
  }

  async function dial(
    attempt: Attempt,
    permit: DialPermit,
    policy: CallingPolicy,
    from: string,
  ): Promise<void> {
    const { callId } = attempt;
    if (!(await claim(attempt))) {
      giveUp(attempt, 'ended before it was dialled');
      return;
    }
    let callSid: string;
    try {
      ({ callSid } = await telephony.dial(
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
      ));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (isFailure(error) && error.code !== 'dial_unconfirmed') {
        log.warn({ callId, code: error.code, details: error.details }, 'the carrier did not take the call');
        await fail(attempt, 'failed', `${error.code}: ${reason}`);
        return;
      }
      log.warn({ err: error, callId }, 'the carrier gave no clear answer; looking for the call');
      await insist(callId, () => events.record(callId, { type: 'dial_unconfirmed', message: reason }));
      await lookFor(attempt);
      return;
    }
    await insist(callId, () =>
      events.record(callId, { type: 'dialed', callSid }, { eventId: `${callId}:dialed` }),
    );
    expectNews(callId, policy.ringTimeoutSec);
    await countFromNow(attempt);
  }

  /** Between the claim and the dial lies a write, however long it takes: caps and gaps count from when the carrier had it. */
  const countFromNow = ({ _id, callId }: Attempt): Promise<unknown> =>
    insist(callId, () => {
      const now = new Date(clock.nowMs());
      return attempts.update({ _id }, { $set: { reservedAt: now, updatedAt: now } });
    });

  /** By then the phone gave up or somebody talks; otherwise callbacks were lost, the ending of a short call included. */
  function expectNews(callId: string, ringSec: number): void {
    clock.after((ringSec + NEWS_SEC) * 1_000, () => {
      events
        .call(callId)
        .then((call) => {
          if (call && !isOver(call)) deps.inquire(callId);
        })
        .catch((error) => log.error({ err: error, callId }, 'a silent call could not be read'));
    });
  }

  /** An unclear dial: the call may exist. It is found, or it surely is not there, or the attempt stays spent. */
  async function lookFor(attempt: Attempt): Promise<void> {
    const { callId } = attempt;
    let waited = 0;
    for (const afterMs of LOOK_AFTER_MS) {
      await clock.sleep(afterMs - waited, deps.shutdown);
      waited = afterMs;
      const call = await insist(callId, () => events.call(callId));
      // Its callbacks told us already.
      if (call?.callSid) {
        expectNews(callId, LONGEST_RING_SEC);
        await countFromNow(attempt);
        return;
      }
      let found: CarrierCall | 'absent';
      try {
        found = await telephony.findCall(
          { callId, to: attempt.phone, since: attempt.reservedAt },
          AbortSignal.any([deps.shutdown, AbortSignal.timeout(DIAL_MS)]),
        );
      } catch (error) {
        log.warn({ err: error, callId }, 'the carrier could not be asked about a call');
        continue;
      }
      if (found === 'absent') {
        await fail(attempt, 'failed', 'dial_unconfirmed: the carrier has no such call');
        return;
      }
      const { callSid, end } = found;
      await insist(callId, () =>
        events.record(callId, { type: 'dialed', callSid }, { eventId: `${callId}:dialed` }),
      );
      if (end) await fail(attempt, end, 'told by the carrier when asked');
      else expectNews(callId, LONGEST_RING_SEC);
      await countFromNow(attempt);
      return;
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
   * `at_capacity`, `shutting_down`, `store_unavailable`: then nobody was or will be called. What the carrier makes of it
   * arrives as events.
   */
  async function placeCall(request: PlaceCallRequest): Promise<Placed> {
    deps.admit();
    // The line is taken in the same breath, so that many at once cannot all find the last one free.
    const callId = ids.objectId();
    const vacate = deps.occupy(callId);
    try {
      const lead = await store.collection('leads').get(request.leadId);
      if (!lead) throw new Failure('lead_not_found', `no lead ${request.leadId}`);
      const policy = await deps.policyOf(request.campaignId);
      const attempt = await newAttempt(request, callId, lead, policy.subject);
      const from = await callerId(attempt.phone);
      const place = await reserve(attempt);
      if (place === 'reserved') await refuseOverfull(attempt);
      if (place === 'reserved' || place === 'unsure')
        return await begin(request, attempt, place, policy, from);
      vacate();
      const { known } = place;
      return known.status === 'denied' && known.complianceDecision
        ? { kind: 'denied', call: known, decision: known.complianceDecision }
        : { kind: 'placed', call: known };
    } catch (error) {
      vacate();
      throw error;
    }
  }

  /** Throws Failure `at_capacity` when other processes took the last lines meanwhile; then it was never reserved. */
  async function refuseOverfull(attempt: Attempt): Promise<void> {
    try {
      if (!(await deps.limits.isOverfull())) return;
      await attempts.remove({ _id: attempt._id, state: 'reserved' });
    } catch (error) {
      giveUp(attempt, 'a fault before it was dialled');
      throw error;
    }
    throw new Failure(
      'at_capacity',
      'all lines for outbound calls are in use by other processes; try again when one is free',
    );
  }

  /** Asks the gate and, when it allows, sends the attempt on its way. */
  async function begin(
    request: PlaceCallRequest,
    attempt: Attempt,
    place: 'reserved' | 'unsure',
    policy: CallingPolicy,
    from: string,
  ): Promise<Placed> {
    const { callId } = attempt;
    try {
      const queued = await events.record(callId, {
        type: 'queued',
        attemptId: attempt._id,
        leadId: request.leadId,
        contactPhone: attempt.phone,
        fromPhone: from,
        ...(request.campaignId ? { campaignId: request.campaignId } : {}),
        ...(request.campaignStep ? { campaignStep: request.campaignStep } : {}),
        requestedBy: request.requestedBy,
        ...underLife(attempt.carriedBy),
      });
      if (place === 'unsure')
        return await deny(attempt, checkError(clock.nowMs(), 'it could not be reserved'));
      const { allowed, decision } = await ask(request, attempt);
      if (!allowed) return await deny(attempt, decision);
      const waitMs = await deps.limits.slot();
      if (waitMs > 0) {
        inBackground(waitAndDial(request, attempt, policy, from, waitMs), callId);
        return { kind: 'placed', call: queued };
      }
      const call = await permitted(attempt, decision, allowed.terms);
      inBackground(dial(attempt, allowed.permit, policy, from), callId);
      return { kind: 'placed', call };
    } catch (error) {
      giveUp(attempt, 'a fault before it was dialled');
      throw error;
    }
  }

  /** The carrier takes no more calls in this moment. When it is our turn, the gate is asked again. */
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
      giveUp(attempt, 'shutting down before the call was dialled');
      return;
    }
    try {
      // Whoever ended it meanwhile has said so on the call.
      if ((await attempts.get(attempt._id))?.state !== 'reserved') return;
      const { allowed, decision } = await ask(request, attempt);
      if (!allowed) {
        await deny(attempt, decision);
        return;
      }
      await permitted(attempt, decision, allowed.terms);
      await dial(attempt, allowed.permit, policy, from);
    } catch (error) {
      log.error({ err: error, callId: attempt.callId }, 'a call whose turn had come could not be placed');
      giveUp(attempt, 'a fault before it was dialled');
    }
  }

  return {
    placeCall,
    /** A dial of an earlier life of this process whose answer nobody has. */
    lookAgain(attempt: Attempt): void {
      const { callId } = attempt;
      const unclear = { type: 'dial_unconfirmed', message: 'the service stopped while dialling' } as const;
      const noted = insist(callId, () =>
        events.record(callId, unclear, { eventId: `${callId}:dial_unconfirmed:restart` }),
      );
      inBackground(
        noted.then(() => lookFor(attempt)),
        callId,
      );
    },
    /** Resolves when no dial is under way. */
    settled: async (): Promise<void> => {
      while (underWay.size > 0) await Promise.allSettled([...underWay]);
    },
  };
}
