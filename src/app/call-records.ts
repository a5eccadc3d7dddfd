/**
 * app/call-records: the record of every dialled call as 16 CFR 310.5(a)(2) wants it kept. What a record tells was stored
 * with the call when it was permitted; nothing is looked up again, because leads, campaigns and lists change.
 */
import { type Call, type CallTerms, foldCall, isOver } from '../domain/call.ts';
import type { Decision } from '../domain/compliance/decision.ts';
import type { CallRecord } from '../domain/compliance/records.ts';
import type { CallingPolicy, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { inOrder } from './paging.ts';
import type { ListCopy, Store } from './ports.ts';

/** What a permitted call is remembered by, besides the decision. Only lists that such a call needs are named. */
export function termsOf({
  sellerName,
  calling,
  lead,
  decision,
  listCopies,
}: {
  readonly sellerName: string;
  readonly calling: CallingPolicy;
  readonly lead?: Lead;
  readonly decision: Decision;
  readonly listCopies: readonly ListCopy[];
}): CallTerms {
  const states = new Set(decision.zones.map(({ state }) => `state.${state}`));
  return {
    seller: sellerName,
    purpose: calling.purpose,
    subject: calling.subject,
    calledName: lead ? `${lead.contact.firstName} ${lead.contact.lastName}`.trim() : '',
    callerIdName: sellerName,
    lists: listCopies
      .filter(({ list }) => !list.startsWith('state.') || states.has(list))
      .map(({ list, asOf }) => ({ list, asOf })),
  };
}

export const createCallRecords = ({ store }: { readonly store: Store }) => ({
  /**
   * One record for every outbound call in [from, to) by `initiatedAt` that was dialled or may have been, oldest first, read
   * in pages. Denied calls are decisions and have no record; calls under way have one without duration. Throws
   * `invalid_request` when the range is none.
   */
  records(range: { readonly from: Date; readonly to: Date }): AsyncIterable<CallRecord> {
    // Written so that an instant that is none is refused too.
    if (range.from.getTime() <= range.to.getTime()) return read(store, range);
    throw new Failure('invalid_request', 'from: must not be later than to', {
      details: { fields: { from: 'must not be later than to' } },
    });
  },
});

async function* read(
  store: Store,
  { from, to }: { readonly from: Date; readonly to: Date },
): AsyncGenerator<CallRecord, undefined> {
  const asked = inOrder(
    store.collection('calls'),
    { direction: 'outbound', initiatedAt: { $gte: from, $lt: to }, status: { $ne: 'denied' } },
    ['initiatedAt', '_id'],
  );
  for await (const document of asked) {
    const call = await whole(store, document);
    if (call.dialedAt !== undefined) yield recordOf(call, call.dialedAt);
  }
}

/** The document, or the call made anew from its events where an older version or an interrupted write left something out. */
async function whole(store: Store, call: Call): Promise<Call> {
  const lacks =
    call.dialedAt === undefined || (call.outcome === 'transferred' && call.transferredTo === undefined);
  return (lacks && foldCall(await store.events(call._id))) || call;
}

const UNANSWERED: Partial<Record<Call['status'], string>> = {
  busy: 'busy',
  no_answer: 'not answered',
  failed: 'failed',
  canceled: 'canceled',
  completed: 'ended',
};

function dispositionOf(call: Call): string {
  const machine = call.answeredBy === 'fax' || call.answeredBy?.startsWith('machine');
  const line = call.answeredAt
    ? `answered${machine ? ' by a machine' : ''}${isOver(call) ? '' : ', in progress'}`
    : isOver(call)
      ? call.callSid === undefined
        ? 'dial not confirmed by the carrier'
        : (UNANSWERED[call.status] ?? call.status)
      : 'in progress';
  return call.outcome === undefined ? line : `${line}; ${call.outcome.replaceAll('_', ' ')}`;
}

/** The carrier takes only numbers that are ours as caller ID, and signs how sure it is (STIR/SHAKEN, A is full). */
function callerIdProof({ callSid, attestation }: Call): string {
  if (callSid === undefined) return 'a number of our carrier account';
  const signed = attestation === undefined ? '' : `, STIR/SHAKEN attestation ${attestation}`;
  return `a number of our carrier account, accepted for call ${callSid}${signed}`;
}

const day = (at: Date): string => at.toISOString().slice(0, 10);

function recordOf(call: Call, dialedAt: Date): CallRecord {
  const { terms, script, complianceDecision: decision } = call;
  const seller = terms?.seller ?? '';
  return {
    callId: call._id,
    telemarketer: seller,
    seller,
    goodsOrServices: terms ? `${terms.subject} (${terms.purpose})` : '',
    // Whoever is called is protected as a consumer, a business too.
    calledParty: 'consumer',
    direction: call.direction,
    prerecorded: 'artificial voice (AI)',
    callingNumber: call.fromPhone,
    calledNumber: call.contactPhone,
    calledPartyName: terms?.calledName ?? '',
    date: day(dialedAt),
    time: dialedAt.toISOString().slice(11, 19),
    durationSec: isOver(call) ? (call.duration ?? 0) : null,
    disposition: dispositionOf(call),
    transferredTo: call.transferredTo ?? '',
    campaignId: call.campaignId ?? '',
    scriptName: script?.name ?? '',
    scriptHash: script?.hash ?? '',
    callerIdNumber: call.fromPhone,
    callerIdName: terms?.callerIdName ?? '',
    callerIdProof: callerIdProof(call),
    verdict: decision?.verdict ?? '',
    reasons: decision ? decision.reasons.join('; ') || decision.reason : '',
    ruleVersion: decision?.ruleVersion ?? '',
    inputsHash: decision?.inputsHash ?? '',
    permitId: decision?.permitId ?? '',
    dncListsAsOf: terms
      ? terms.lists.map(({ list, asOf }) => `${list} ${day(asOf)}`).join('; ') || 'none set up'
      : '',
  };
}
