/**
 * app/import-voice-assistant: brings in what the voice assistant kept in files: its leads, and its conversations as calls
 * with their events, transcripts and sessions, by the folds that everybody reads. Ids are made from the assistant's own, so
 * that a second import brings nothing a second time. What cannot be taken is reported with its file and line and never
 * stops the rest. The events, which may be many, are read twice in a stream: first who said how much when, then what.
 */
import type { Call, CallEventBody } from '../domain/call.ts';
import type { ConversationSession, Lead } from '../domain/documents.ts';
import { isFailure } from '../domain/errors.ts';
import { noNumber } from '../domain/phone.ts';
import { completenessOf, transcriptOf } from '../domain/transcript.ts';
import {
  accountOf,
  bodiesOf,
  importedId,
  type ReadEvent,
  type ReadLead,
  type ReadSession,
  readEvent,
  readLead,
  readSession,
  SOURCE,
  sessionFinder,
} from '../domain/voice-assistant.ts';
import { type LedgerDeps, ledgerOf, refreshLeads } from './consent-ledger.ts';
import { listInternally, noteListed } from './opt-out.ts';
import { createEventLog, type RecordOptions } from './record-event.ts';
import { linesOf, parsed, type SourceFile, whole } from './source-files.ts';

/** The files of one installation. */
export interface AssistantFiles {
  /** `lead_*.json`. */
  readonly leads: readonly SourceFile[];
  /** `transcript_session_*.json`. */
  readonly sessions: readonly SourceFile[];
  /** `transcripts.jsonl`. */
  readonly events: readonly SourceFile[];
}

export interface ImportProgress {
  readonly phase: 'leads' | 'conversations' | 'reading events' | 'writing events';
  readonly bytes: number;
  readonly ofBytes: number;
  /** Files of leads and conversations, lines of events. */
  readonly records: number;
}

export interface ImportSettings {
  /** Changes nothing and tells what an import would write. */
  readonly dryRun: boolean;
  /** The IANA zone of times that name none. */
  readonly zone: string;
  readonly progress: (at: ImportProgress) => void;
}

/** Something of the source that was not taken, or not as it stands, and why. */
export interface Remark {
  readonly file: string;
  /** From 1; absent where the file as a whole is meant. */
  readonly line?: number;
  readonly why: string;
}

interface Counts {
  readonly leads: number;
  /** Each is a call, its transcript and its session. */
  readonly conversations: number;
  /** Lines of the stream, and items of conversations that have none there. */
  readonly events: number;
}

export interface ImportReport {
  readonly dryRun: boolean;
  readonly read: { readonly files: number; readonly bytes: number; readonly lines: number };
  readonly written: Counts;
  /** What an earlier import brought. */
  readonly there: Counts;
  readonly skipped: number;
  /** The first thousand of what was skipped. */
  readonly skips: readonly Remark[];
  readonly noted: number;
  /** The first thousand of what somebody should know. */
  readonly notes: readonly Remark[];
  readonly tookMs: number;
}

const MOST_REMARKS = 1_000;
/** What of conversations may wait for their last event. */
const MOST_HELD_BYTES = 32 * 1024 * 1024;
/** Conversations written side by side: each waits for the disk after every event, and the disk takes many at once. */
const WRITERS = 32;
const LOOK_UP_AT_ONCE = 200;
const LONG_AGO = new Date(0);

/** Something said in a conversation, and where it stood. */
interface Heard {
  readonly event: ReadEvent;
  readonly at: Date;
  readonly from: Omit<Remark, 'why'>;
}

/** A conversation, as far as its files tell. */
interface Talk {
  readonly sessionId: string;
  readonly callId: string;
  file?: SourceFile;
  facts?: Omit<ReadSession, 'items' | 'refused'>;
  start?: Date;
  end?: Date;
  /** Events of the stream that are of it, and how many of them came by. */
  expected: number;
  seen: number;
  held: Heard[];
  heldBytes: number;
  /** What this import wrote of it, in so many parts. */
  fresh: number;
  parts: number;
}

export type ImportVoiceAssistant = (files: AssistantFiles, settings: ImportSettings) => Promise<ImportReport>;

/** What it answers throws what the store throws: then what was written stays, and the same import goes on with the rest. */
export function createVoiceAssistantImport(deps: LedgerDeps): ImportVoiceAssistant {
  return (files, settings) => bringIn(deps, files, settings);
}

async function bringIn(
  deps: LedgerDeps,
  files: AssistantFiles,
  { dryRun, zone, progress }: ImportSettings,
): Promise<ImportReport> {
  const { store, clock } = deps;
  const calls = store.collection('calls');
  const leads = store.collection('leads');
  const sessions = store.collection('conversation_sessions');
  const log = createEventLog(deps);
  const startedMs = clock.steadyMs();
  const now = new Date(clock.nowMs());

  const read = { files: 0, bytes: 0, lines: 0 };
  const written = { leads: 0, conversations: 0, events: 0 };
  const there = { leads: 0, conversations: 0, events: 0 };
  const skips = remarks();
  const notes = remarks();
  const zoneless = remarks();
  const talks = new Map<string, Talk>();
  /** Leads of people who asked for erasure, as the files call them. */
  const forgottenLeads = new Set<string>();
  const writing = new Set<Promise<void>>();

  await takeLeads();
  await takeSessions();
  await survey();
  await takeEvents();
  for (const talk of talks.values()) if (talk.expected === 0) await queue(talk);
  await settle();

  // What was counted of past hours does not know of these calls.
  if (!dryRun && written.events > 0) await store.collection('call_hours').remove({});

  const [unzoned] = zoneless.kept;
  if (unzoned)
    notes.add({
      ...unzoned,
      why: `names a time without a zone, as ${zoneless.count} records do; they were read as ${zone}. Say with --zone where the assistant ran, if that is wrong`,
    });
  return {
    dryRun,
    read,
    written,
    there,
    skipped: skips.count,
    skips: skips.kept,
    noted: notes.count,
    notes: notes.kept,
    tookMs: Math.round(clock.steadyMs() - startedMs),
  };

  // ── Leads ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  async function takeLeads(): Promise<void> {
    for await (const { file, json } of documents(files.leads, 'leads')) {
      const all = Array.isArray(json) ? (json as unknown[]) : [json];
      for (const [at, raw] of all.entries()) {
        const stem = all.length === 1 ? stemOf(file.name) : `${stemOf(file.name)}#${at + 1}`;
        const found = readLead(raw, { stem, zone, now });
        if ('why' in found) skips.add({ file: file.name, why: found.why });
        else await takeLead(file.name, found);
      }
    }
  }

  async function takeLead(file: string, { lead, optedOut, time, ...found }: ReadLead): Promise<void> {
    if (await leads.get(lead._id)) {
      there.leads += 1;
      return;
    }
    const { phone, alternatePhone } = lead.contact;
    const numbers = alternatePhone === undefined ? [phone] : [phone, alternatePhone];
    if (await forgotten(numbers, time?.at)) {
      forgottenLeads.add(lead.externalId);
      skips.add({ file, why: 'is of a person who asked for the erasure of their data' });
      return;
    }
    if (time?.zoned === false) zoneless.add({ file, why: '' });
    for (const why of found.notes) notes.add({ file, why });
    written.leads += 1;
    if (dryRun) return;
    const callable = phone !== noNumber(lead._id);
    // Before the lead: whatever comes between, nobody finds the number without the wish.
    if (callable && optedOut) await barCalls(numbers, lead);
    await leads.insert(lead);
    if (callable) await refreshLeads(deps, numbers, SOURCE);
  }

  async function barCalls(numbers: readonly string[], { externalId }: Lead): Promise<void> {
    const reason = `the voice assistant had them as not to be called (${externalId})`;
    const ledger = await ledgerOf(store, numbers);
    for (const phone of numbers) {
      await listInternally(deps, { phone, source: SOURCE, reason });
      await noteListed(deps, phone, reason, ledger, SOURCE);
    }
  }

  /** Whether somebody with one of these numbers asked for erasure after this was told: it does not come back. */
  async function forgotten(numbers: readonly string[], told: Date | undefined): Promise<boolean> {
    if (numbers.length === 0) return false;
    const wishes = await store.collection('erasures').find({
      filter: { numbers: { $in: numbers }, startedAt: { $gt: told ?? LONG_AGO } },
      limit: 1,
    });
    return wishes.length > 0;
  }

  // ── Conversations' own files ───────────────────────────────────────────────────────────────────────────────────────

  async function takeSessions(): Promise<void> {
    for await (const { file, json } of documents(files.sessions, 'conversations')) {
      const found = readSession(json, { stem: stemOf(file.name), zone });
      if ('why' in found) {
        skips.add({ file: file.name, why: found.why });
        continue;
      }
      const { items: _items, refused, ...facts } = found;
      const talk = talkOf(facts.sessionId);
      if (talk.file) {
        skips.add({ file: file.name, why: `is a second file of the conversation in ${talk.file.name}` });
        continue;
      }
      for (const { item, why } of refused) skips.add({ file: file.name, why: `item ${item} ${why}` });
      if (!facts.zoned) zoneless.add({ file: file.name, why: '' });
      talk.file = file;
      talk.facts = facts;
      if (facts.start) talk.start = facts.start;
      if (facts.end) talk.end = facts.end;
    }
  }

  function talkOf(sessionId: string): Talk {
    const known = talks.get(sessionId);
    if (known) return known;
    const callId = importedId('session', sessionId);
    const talk = { sessionId, callId, expected: 0, seen: 0, held: [], heldBytes: 0, fresh: 0, parts: 0 };
    talks.set(sessionId, talk);
    return talk;
  }

  /** The items of a conversation's file: read again when they are needed, so that they need not be held. */
  async function itemsOf({ file }: Talk): Promise<readonly ReadEvent[]> {
    const document = file && (await whole(file));
    if (!file || !document || 'why' in document) return [];
    const found = readSession(document.json, { stem: stemOf(file.name), zone });
    return 'why' in found ? [] : found.items;
  }

  // ── The stream of events ───────────────────────────────────────────────────────────────────────────────────────────

  /** Every event that can be taken, with its conversation. Twice the same for the same files. */
  async function* stream(phase: ImportProgress['phase'], refuse: (remark: Remark) => void) {
    const find = sessionFinder([...talks.values()].filter(({ file }) => file !== undefined));
    const ofBytes = files.events.reduce((sum, { bytes }) => sum + bytes, 0);
    let bytes = 0;
    let records = 0;
    for (const file of files.events)
      for await (const line of linesOf(file)) {
        bytes += line.bytes;
        const from = { file: file.name, line: line.number };
        if ('text' in line && line.text.trim() === '') continue;
        records += 1;
        progress({ phase, bytes, ofBytes, records });
        const document = 'why' in line ? line : parsed(line.text);
        const event = 'why' in document ? document : readEvent(document.json, zone);
        if ('why' in event) refuse({ ...from, why: event.why });
        else if (!event.time) refuse({ ...from, why: 'has no time that can be read' });
        else
          yield {
            heard: { event, at: event.time.at, from },
            zoned: event.time.zoned,
            named: event.sessionId !== undefined,
            sessionId: event.sessionId ?? find(event.time.at),
            bytes: line.bytes,
          };
      }
    read.lines = records;
  }

  /** First time: who talked when, and how much of it is to come. */
  async function survey(): Promise<void> {
    const placed = new Set<string>();
    for await (const { heard, zoned, named, sessionId } of stream('reading events', skips.add)) {
      if (!zoned) zoneless.add({ ...heard.from, why: '' });
      if (!named) placed.add(sessionId);
      const talk = talkOf(sessionId);
      talk.expected += 1;
      if (!talk.facts?.start && (!talk.start || heard.at < talk.start)) talk.start = heard.at;
      if (!talk.facts?.end && (!talk.end || heard.at > talk.end)) talk.end = heard.at;
    }
    for (const { bytes } of files.events) {
      read.files += 1;
      read.bytes += bytes;
    }
    const [first] = files.events;
    if (placed.size > 0 && first)
      notes.add({
        file: first.name,
        why: `has events that do not name their conversation; by their times they were put into ${placed.size}`,
      });
  }

  /** Second time: a conversation is written when its last event came by, or in parts when too much is held. */
  async function takeEvents(): Promise<void> {
    let heldBytes = 0;
    for await (const { heard, sessionId, bytes } of stream('writing events', () => undefined)) {
      const talk = talkOf(sessionId);
      talk.held.push(heard);
      talk.seen += 1;
      talk.heldBytes += bytes;
      heldBytes += bytes;
      if (talk.seen >= talk.expected) {
        heldBytes -= talk.heldBytes;
        await queue(talk);
      } else if (heldBytes > MOST_HELD_BYTES) {
        for (const each of talks.values()) if (each.held.length > 0) await queue(each);
        await settle();
        heldBytes = 0;
      }
    }
  }

  // ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Writes what is held of a conversation, when its turn comes. A part is written before the next one is begun. */
  async function queue(talk: Talk): Promise<void> {
    const { held } = talk;
    const whole = talk.seen >= talk.expected;
    talk.held = [];
    talk.heldBytes = 0;
    const work = writeTalk(talk, held, whole).finally(() => writing.delete(work));
    // Whoever waits for all of them hears of it.
    work.catch(() => undefined);
    writing.add(work);
    if (writing.size >= WRITERS) await Promise.race(writing);
  }

  async function settle(): Promise<void> {
    await Promise.all(writing);
  }

  async function writeTalk(talk: Talk, held: readonly Heard[], whole: boolean): Promise<void> {
    const { sessionId, callId, facts, end } = talk;
    const skip = (why: string): void =>
      skips.add({
        ...(held[0]?.from ?? { file: talk.file?.name ?? '' }),
        why: `the conversation ${sessionId} ${why}`,
      });
    const call = await calls.get(callId);
    const lead =
      facts?.leadRef === undefined ? undefined : await leads.get(importedId('lead', facts.leadRef));
    const gone =
      call?.erasedAt !== undefined ||
      lead?.erasedAt !== undefined ||
      forgottenLeads.has(facts?.leadRef ?? '') ||
      (await forgotten(facts?.phone === undefined ? [] : [facts.phone], end));
    if (gone) {
      if (talk.parts === 0) skip('is of a person who asked for the erasure of their data');
      talk.parts += 1;
      return;
    }
    try {
      await writePart(talk, { held, whole, call, lead });
    } catch (error) {
      // What no document can hold is a fault of the source; everything else is the store's and ends the import.
      if (!isFailure(error, 'payload_too_large') && !isFailure(error, 'invalid_request')) throw error;
      skip(`cannot be kept: ${error.message}`);
    }
  }

  async function writePart(
    talk: Talk,
    {
      held,
      whole,
      call,
      lead,
    }: {
      readonly held: readonly Heard[];
      readonly whole: boolean;
      readonly call: Call | undefined;
      readonly lead: Lead | undefined;
    },
  ): Promise<void> {
    const items = whole ? await itemsOf(talk) : [];
    const start = talk.start ?? items.find(({ time }) => time)?.time?.at ?? talk.end ?? now;
    // Without events in the stream, what the conversation's own file kept is what was said.
    const told = talk.expected > 0 ? held : asHeard(items, start, talk.file?.name ?? '');
    const fresh = await notYetThere(told);
    const session = await sessions.get(talk.callId);
    talk.fresh += fresh.length;
    talk.parts += 1;
    written.events += fresh.length;
    if (!session && talk.parts === 1) written.conversations += 1;
    if (session && whole && talk.fresh === 0) {
      there.conversations += 1;
      return;
    }
    if (dryRun) return;
    // What was begun and cut off may lack its beginning; what is told twice is kept once.
    let latest = call && session ? call : await opened(talk, start, lead);
    for (const { event, at } of fresh) {
      const turn = latest.conversationMetrics.turnCount + 1;
      for (const [n, body] of bodiesOf(event, turn).entries()) {
        const legacy = n === 0 && event.legacy ? { legacy: event.legacy } : {};
        const eventId = n === 0 ? event.eventId : `${event.eventId}:${n}`;
        latest = await tell(talk, { ...body, ...legacy }, { at, eventId });
      }
    }
    if (whole) await finish(talk, { start, items, lead, session });
  }

  function tell(talk: Talk, body: CallEventBody, options: RecordOptions): Promise<Call> {
    return log.record(talk.callId, body, { ...options, sessionId: talk.sessionId });
  }

  async function opened(talk: Talk, start: Date, lead: Lead | undefined): Promise<Call> {
    const { callId, sessionId, facts } = talk;
    await tell(
      talk,
      {
        type: 'received',
        attemptId: importedId('session', `${sessionId}\nattempt`),
        callSid: `${SOURCE}:${sessionId}`,
        contactPhone: facts?.phone ?? lead?.contact.phone ?? noNumber(callId),
        fromPhone: '',
        ...(lead ? { leadId: lead._id } : {}),
      },
      { at: start, eventId: `${callId}:received` },
    );
    return await tell(talk, { type: 'answered' }, { at: start, eventId: `${callId}:answered` });
  }

  async function finish(
    talk: Talk,
    {
      start,
      items,
      lead,
      session: earlier,
    }: {
      readonly start: Date;
      readonly items: readonly ReadEvent[];
      readonly lead: Lead | undefined;
      readonly session: ConversationSession | undefined;
    },
  ): Promise<void> {
    const { callId, sessionId, facts, file } = talk;
    const all = await store.events(callId);
    const times = [start, talk.end ?? start, ...all.map(({ at }) => at)].map((at) => at.getTime());
    const endMs = times.reduce((a, b) => Math.max(a, b));
    const end = new Date(endMs);
    const duration = Math.round((endMs - start.getTime()) / 100) / 10;
    const reason = 'brought in from the files of the voice assistant';
    await tell(
      talk,
      { type: 'ended', status: 'completed', reason, durationSec: duration },
      { at: end, eventId: `${callId}:ended` },
    );
    // The file was written when the conversation was over: what it has and the stream has not was lost on the way.
    const turns = accountOf(items, start);
    const call = await tell(
      talk,
      {
        type: 'reconciled',
        completeness: completenessOf(all, items.length > 0 ? turns : undefined),
        turns,
        source: items.length > 0 ? 'poll' : 'none',
      },
      { at: end, eventId: `${callId}:reconciled` },
    );
    const transcript = transcriptOf(call, await store.events(callId), end);
    await store.collection('call_transcripts').put({ ...transcript, updatedAt: now });
    const named = facts?.leadRef !== undefined && !lead ? { lead_id: facts.leadRef } : {};
    const legacy = { ...facts?.legacy, ...named };
    if (file && 'lead_id' in named)
      notes.add({ file: file.name, why: `names the lead ${named.lead_id}, which is not here` });
    await sessions.put({
      _id: callId,
      sessionId,
      callId,
      ...(lead ? { leadId: lead._id } : {}),
      leadGenerated: facts?.leadGenerated ?? false,
      startTime: start,
      endTime: end,
      duration,
      turns: transcript.totalMessages,
      channel: facts?.channel ?? 'browser',
      ...(call.completeness ? { completeness: call.completeness } : {}),
      ...(Object.keys(legacy).length === 0 ? {} : { legacy }),
      createdAt: earlier?.createdAt ?? now,
      updatedAt: now,
    });
  }

  /** Those of which the log knows nothing, in the order of their times. A line that came before counts as skipped. */
  async function notYetThere(told: readonly Heard[]): Promise<Heard[]> {
    const fresh = new Map<string, Heard>();
    for (const heard of told) {
      if (fresh.has(heard.event.eventId)) skips.add({ ...heard.from, why: 'repeats an earlier line' });
      else fresh.set(heard.event.eventId, heard);
    }
    const eventIds = [...fresh.keys()];
    for (let at = 0; at < eventIds.length; at += LOOK_UP_AT_ONCE) {
      const some = { $in: eventIds.slice(at, at + LOOK_UP_AT_ONCE) };
      for (const { eventId } of await store.collection('call_events').find({ filter: { eventId: some } }))
        if (fresh.delete(eventId)) there.events += 1;
    }
    return [...fresh.values()].sort((a, b) => a.at.getTime() - b.at.getTime());
  }

  async function* documents(all: readonly SourceFile[], phase: ImportProgress['phase']) {
    const ofBytes = all.reduce((sum, { bytes }) => sum + bytes, 0);
    let bytes = 0;
    for (const [at, file] of all.entries()) {
      const document = await whole(file);
      if ('why' in document) skips.add({ file: file.name, why: document.why });
      else yield { file, json: document.json };
      bytes += file.bytes;
      read.files += 1;
      read.bytes += file.bytes;
      progress({ phase, bytes, ofBytes, records: at + 1 });
    }
  }
}

/** Items as events of the stream: one without a time counts as said when the one before was. */
function asHeard(items: readonly ReadEvent[], start: Date, file: string): Heard[] {
  let at = start;
  return items.map((event) => {
    at = event.time?.at ?? at;
    return { event, at, from: { file } };
  });
}

function remarks() {
  const kept: Remark[] = [];
  let count = 0;
  return {
    kept: kept as readonly Remark[],
    get count() {
      return count;
    },
    add(remark: Remark): void {
      count += 1;
      if (kept.length < MOST_REMARKS) kept.push(remark);
    },
  };
}

const stemOf = (name: string): string => (name.split('/').at(-1) ?? name).replace(/\.[^.]*$/, '');
