/**
 * app/erase-person: a person asks to be forgotten. First they are put on the do-not-call list, with every number; then what
 * they said, were called and left with us goes, call by call; and what the law wants kept stays without their name. Every
 * step may be done twice: an erasure that was cut off goes on where it stopped when it is asked for again.
 *
 * Consent entries are never touched: they are sealed, and they are what shows that calls were allowed.
 */
import { z } from 'zod';
import { type Call, isOver } from '../domain/call.ts';
import { canonicalJson } from '../domain/canonical.ts';
import { transcriptArchive } from '../domain/documents.ts';
import {
  ERASED,
  ERASURE_NOTES,
  type Erasure,
  type ErasureElsewhere,
  type ErasureItem,
  type ErasureReport,
  elsewhereOf,
  eraseCall,
  eraseEvent,
  eraseLead,
  eraseMessage,
  eraseReview,
  eraseSession,
  KEPT_BECAUSE,
  pseudonymOf,
  REMOVED,
} from '../domain/erasure.ts';
import { Failure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import { parsePhone } from '../domain/phone.ts';
import type { Dnc } from './dnc.ts';
import { inOrder, type Page, page } from './paging.ts';
import { personOf } from './person.ts';
import type { Clock, Filter, Ids, Log, Recordings, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { turnsOf } from './turns.ts';

export interface EraseDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly events: EventLog;
  readonly recordings: Pick<Recordings, 'find' | 'remove'>;
  readonly dnc: Pick<Dnc, 'optOut'>;
}

export interface ErasureRequest {
  readonly phone: string;
  /** Who asked, how and when; kept with the report, so it is not to name the person. */
  readonly reason: string;
}

export interface ErasureQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

const WORDS = 'asked for the erasure of their data';
/** A call that is over may be compared with the platform's account of it for so long. */
const FINISHING_MS = 1_800_000;
/** Something may come in while it is worked on: it is looked for again, so often. */
const PASSES = 3;

const Request = z.object({
  phone: z.string().max(64),
  reason: z.string().trim().min(1, 'an erasure needs a reason').max(2_000),
});

/** Whose data it is. Fixed when the erasure begins, for what ties the numbers of a person together is among what goes. */
interface Subject {
  readonly numbers: readonly string[];
  readonly leadIds: readonly string[];
}

/** Something of the person that is still there, and how it goes. */
interface Leftover {
  readonly of: keyof typeof REMOVED;
  readonly elsewhere?: ErasureElsewhere;
  readonly go: () => Promise<unknown>;
}

export function createErasures({ store, clock, ids, log, events, recordings, dnc }: EraseDeps) {
  const erasures = store.collection('erasures');
  const leads = store.collection('leads');
  const registry = store.collection('dnc_registry');
  const attempts = store.collection('attempts');
  const contacts = store.collection('contacts');
  const properties = store.collection('properties');
  const messages = store.collection('messages');
  const transcripts = store.collection('call_transcripts');
  const analyses = store.collection('call_analyses');
  const reviews = store.collection('call_reviews');
  const proposals = store.collection('knowledge_proposals');
  const agentStates = store.collection('agent_state');
  const sessions = store.collection('conversation_sessions');
  const enrollments = store.collection('enrollments');
  const now = (): Date => new Date(clock.nowMs());

  /** What an erasure would remove and keep, now. Changes nothing. Throws as `erase`. */
  async function foresee(request: ErasureRequest, by: string): Promise<ErasureReport> {
    const asked = read(request);
    const subject = await subjectOf(asked.phone, undefined);
    await refuseWhileTalking(subject);
    return await report(asked, subject, pseudonymOf(ids.objectId()), by);
  }

  /**
   * Erases the person of a number. Throws Failure `invalid_request`; `attempt_in_progress` while a call with them is under
   * way or being finished; and what the store throws: then asking again goes on with it.
   */
  async function erase(request: ErasureRequest, by: string): Promise<Erasure> {
    const asked = read(request);
    return await turnsOf(store)('erasures', async () => {
      const [open] = await erasures.find({ filter: { numbers: asked.phone, state: 'running' }, limit: 1 });
      const subject = await subjectOf(asked.phone, open);
      await refuseWhileTalking(subject);
      if (open) return await carryOut(open, subject, by);
      const _id = ids.objectId();
      const pseudonym = pseudonymOf(_id);
      const made = await report(asked, subject, pseudonym, by);
      const { startedAt: createdAt } = made;
      const { leadIds } = subject;
      const erasure: Erasure = {
        _id,
        ...made,
        leadIds,
        pseudonym,
        state: 'running',
        createdAt,
        updatedAt: createdAt,
      };
      await erasures.insert(erasure);
      return await carryOut(erasure, subject, by);
    });
  }

  const report = async (
    { phone, reason }: ErasureRequest,
    subject: Subject,
    pseudonym: string,
    by: string,
  ): Promise<ErasureReport> => ({
    phone,
    numbers: subject.numbers,
    reason,
    by,
    ...(await survey(subject, pseudonym)),
    notes: ERASURE_NOTES,
    startedAt: now(),
  });

  async function subjectOf(phone: string, open: Erasure | undefined): Promise<Subject> {
    const person = await personOf(store, [phone, ...(open?.numbers ?? [])]);
    if (!person.complete) throw invalid('phone', 'too many leads share this number to know whose it is');
    return {
      numbers: person.numbers,
      leadIds: [...new Set([...(open?.leadIds ?? []), ...person.leads.map(({ _id }) => _id)])],
    };
  }

  const callsOf = ({ numbers, leadIds }: Subject): Filter => ({
    $or: [{ contactPhone: { $in: numbers } }, { leadId: { $in: leadIds } }],
  });

  async function refuseWhileTalking(subject: Subject): Promise<void> {
    const busy = (what: string): Failure => new Failure('attempt_in_progress', what);
    for (const { callId } of await attempts.find({ filter: { activePhones: { $in: subject.numbers } } })) {
      const call = await events.call(callId);
      if (!call || !isOver(call))
        throw busy('a call with this person is under way; ask again when it is over');
    }
    const finishing = clock.nowMs() - FINISHING_MS;
    for await (const call of inOrder(store.collection('calls'), callsOf(subject), ['_id'])) {
      if (!isOver(call)) throw busy('a call with this person is under way; ask again when it is over');
      const talked = call.conversationId !== undefined && call.answeredAt !== undefined;
      const open = talked && call.completeness === undefined && call.erasedAt === undefined;
      if (open && (call.endedAt?.getTime() ?? 0) > finishing)
        throw busy(
          'the transcript of a call with this person is still being compared with that of the agent platform; ask again in a few minutes',
        );
    }
  }

  // ── What there is ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Everything of the person that is still to go, in the order in which it goes. One list for the dry run and the deed. */
  async function* leftovers(subject: Subject, pseudonym: string, by: string): AsyncGenerator<Leftover> {
    for await (const call of inOrder(store.collection('calls'), callsOf(subject), ['_id']))
      yield* ofCall(call, pseudonym);
    for await (const lead of inOrder(leads, { _id: { $in: subject.leadIds } }, ['_id'])) {
      const { updatedAt, updatedBy } = lead;
      const erased = eraseLead(lead, pseudonym, lead.erasedAt ?? now());
      if (differ(lead, { ...erased, updatedAt, updatedBy }))
        yield { of: 'leads', go: () => leads.put({ ...erased, updatedAt: now(), updatedBy: by }) };
    }
    const goesOn = { leadId: { $in: subject.leadIds }, stage: { $ne: 'ended' } };
    for await (const { _id } of inOrder(enrollments, goesOn, ['_id']))
      yield { of: 'enrollments', go: () => endEnrollment(_id) };
    const everyNumber = { $in: subject.numbers };
    const written = {
      $or: [{ leadId: { $in: subject.leadIds } }, { to: everyNumber }, { from: everyNumber }],
      erasedAt: { $exists: false },
      // What is on its way is told first what becomes of it; the next pass finds it.
      status: { $nin: ['queued', 'sending'] },
    };
    for await (const message of inOrder(messages, written, ['_id']))
      yield { of: 'messages', go: () => messages.update({ _id: message._id }, eraseMessage(message, now())) };
    const joined = { $or: [{ phones: everyNumber }, { leadIds: { $in: subject.leadIds } }] };
    for await (const { _id } of inOrder(contacts, joined, ['_id']))
      yield { of: 'contacts', go: () => contacts.remove({ _id }) };
    for await (const { _id } of inOrder(properties, { leadIds: { $in: subject.leadIds } }, ['_id']))
      yield {
        of: 'properties',
        go: () =>
          properties.update(
            { _id },
            { $pull: { leadIds: { $in: subject.leadIds } }, $unset: { 'owner.name': '' } },
          ),
      };
    const spoken = { phone: everyNumber, reason: { $exists: true, $ne: ERASED } };
    for await (const { _id } of inOrder(registry, spoken, ['_id']))
      yield { of: 'dnc_registry', go: () => registry.update({ _id }, { $set: { reason: ERASED } }) };
    const keyed = {
      $or: [{ phone: everyNumber }, { leadId: { $in: subject.leadIds } }],
      idempotencyKey: { $exists: true },
    };
    for await (const { _id } of inOrder(attempts, keyed, ['_id']))
      yield { of: 'attempts', go: () => attempts.update({ _id }, { $unset: { idempotencyKey: '' } }) };
  }

  const endEnrollment = (_id: string): Promise<unknown> =>
    enrollments.update(
      { _id },
      {
        $set: { stage: 'ended', ended: { why: 'opted_out', at: now() }, updatedAt: now() },
        $unset: { dueAt: '', holder: '', working: '', waiting: '', resumeAt: '' },
      },
    );

  async function* ofCall(call: Call, pseudonym: string): AsyncGenerator<Leftover> {
    const { _id } = call;
    let changed = call.erasedAt === undefined;
    const all = await store.events(_id);
    for (const event of all) {
      const erased = eraseEvent(event, pseudonym);
      if (!differ(event, erased)) continue;
      changed = true;
      const elsewhere = elsewhereOf(event);
      yield {
        of: 'call_events',
        ...(elsewhere ? { elsewhere } : {}),
        go: () => store.collection('call_events').put(erased),
      };
    }
    if (changed)
      yield {
        of: 'calls',
        async go() {
          if (all.length === 0) return await store.collection('calls').put(eraseCall(call, pseudonym, now()));
          await events.rebuild(_id);
          // Whoever else writes to this call reads it anew because of this event.
          await events.record(
            _id,
            { type: 'erased', what: 'content', why: 'request' },
            { eventId: `${_id}:erased:content` },
          );
        },
      };
    // Behind the mark on the call: whoever archives a transcript meanwhile sees it, or is seen here.
    for (const { _id: analysisId } of await analyses.find({ filter: { callId: _id } }))
      yield { of: 'call_analyses', go: () => analyses.remove({ _id: analysisId }) };
    const review = await reviews.get(_id);
    if (review && differ(review, eraseReview(review)))
      yield { of: 'call_reviews', go: () => eraseReviewOf(_id) };
    for (const { _id: proposalId } of await proposals.find({ filter: { 'evidence.callId': _id } }))
      yield {
        of: 'knowledge_proposals',
        go: () => proposals.update({ _id: proposalId }, { $pull: { evidence: { callId: _id } } }),
      };
    const told = { $or: [{ 'decisionHistory.callId': _id }, { 'learnings.callId': _id }] };
    for (const { _id: stateId } of await agentStates.find({ filter: told }))
      yield {
        of: 'agent_state',
        go: () =>
          agentStates.update(
            { _id: stateId },
            { $pull: { decisionHistory: { callId: _id }, learnings: { callId: _id } } },
          ),
      };
    if (await transcripts.get(_id)) yield { of: 'call_transcripts', go: () => transcripts.remove({ _id }) };
    for (let year = call.initiatedAt.getUTCFullYear(); year <= now().getUTCFullYear(); year += 1) {
      const archive = store.collection(transcriptArchive(year));
      if (await archive.get(_id)) yield { of: 'transcript_archives', go: () => archive.remove({ _id }) };
    }
    if (await recordings.find(_id)) yield { of: 'recordings', go: () => recordings.remove(_id) };
    const session = await sessions.get(_id);
    if (session && differ(session, eraseSession(session)))
      yield { of: 'conversation_sessions', go: () => sessions.put(eraseSession(session)) };
  }

  /** Whoever writes a comment at the same moment loses, or is found by the next pass. */
  async function eraseReviewOf(_id: string): Promise<void> {
    const review = await reviews.get(_id);
    if (!review) return;
    const { tags, comments } = eraseReview(review);
    const { revision } = review;
    await reviews.update({ _id, revision }, { $set: { tags, comments, revision: revision + 1 } });
  }

  async function survey(
    subject: Subject,
    pseudonym: string,
  ): Promise<Pick<ErasureReport, 'removed' | 'kept' | 'elsewhere'>> {
    const counts = new Map<keyof typeof REMOVED, number>();
    const elsewhere = new Map<string, ErasureElsewhere>();
    for await (const each of leftovers(subject, pseudonym, '')) {
      counts.set(each.of, (counts.get(each.of) ?? 0) + 1);
      if (each.elsewhere) elsewhere.set(each.elsewhere.id, each.elsewhere);
    }
    const removed = [...counts].map(([of, count]): ErasureItem => ({ of, count, says: REMOVED[of] }));
    return { removed, kept: await keptOf(subject), elsewhere: [...elsewhere.values()] };
  }

  async function keptOf(subject: Subject): Promise<ErasureItem[]> {
    const byPhone = { phone: { $in: subject.numbers } };
    const counts = await Promise.all([
      store.collection('consent_logs').count(byPhone),
      registry.count(byPhone),
      store.collection('calls').count(callsOf(subject)),
      leads.count({ _id: { $in: subject.leadIds } }),
      attempts.count(byPhone),
      store.collection('reassigned_checks').count(byPhone),
    ]);
    const of = ['consent_logs', 'dnc_registry', 'calls', 'leads', 'attempts', 'reassigned_checks'] as const;
    return of
      .map((each, at): ErasureItem => ({ of: each, count: counts[at] ?? 0, says: KEPT_BECAUSE[each] }))
      .filter(({ count }) => count > 0);
  }

  // ── The deed ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async function carryOut(erasure: Erasure, subject: Subject, by: string): Promise<Erasure> {
    await neverCallAgain(subject, by);
    const elsewhere = new Map(erasure.elsewhere.map((each) => [each.id, each]));
    for (let pass = 1; pass <= PASSES; pass += 1) {
      await refuseWhileTalking(subject);
      let found = 0;
      for await (const each of leftovers(subject, erasure.pseudonym, by)) {
        found += 1;
        if (each.elsewhere) elsewhere.set(each.elsewhere.id, each.elsewhere);
        await each.go();
      }
      if (found === 0) break;
    }
    const endedAt = now();
    const kept = await keptOf(subject);
    const done: Erasure = {
      ...erasure,
      ...subject,
      kept,
      elsewhere: [...elsewhere.values()],
      state: 'done',
      endedAt,
      updatedAt: endedAt,
    };
    await erasures.put(done);
    log.info(
      {
        audit: true,
        by,
        erasureId: erasure._id,
        removed: done.removed.map(({ of, count }) => [of, count]),
        pii: { numbers: subject.numbers },
      },
      'a person was erased on request',
    );
    return done;
  }

  async function neverCallAgain({ numbers }: Subject, by: string): Promise<void> {
    const listed = new Set<string>();
    for (const phone of numbers) {
      if (listed.has(phone)) continue;
      for (const each of (await dnc.optOut({ phone, channel: 'erasure', words: WORDS }, by)).numbers)
        listed.add(each);
    }
  }

  /** Newest first. */
  const list = ({ limit, cursor }: ErasureQuery): Promise<Page<Erasure>> =>
    page(erasures, {
      filter: {},
      sort: { field: 'startedAt', direction: -1 },
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    });

  return { foresee, erase, list };
}

function read(request: ErasureRequest): ErasureRequest {
  const { phone: text, reason } = parseInput(Request, request);
  const phone = parsePhone(text);
  if (phone === undefined) throw invalid('phone', 'not a phone number');
  return { phone, reason };
}

const differ = (before: unknown, after: unknown): boolean => canonicalJson(before) !== canonicalJson(after);

const invalid = (field: string, message: string): Failure =>
  new Failure('invalid_request', `${field}: ${message}`, { details: { fields: { [field]: message } } });
