/**
 * app/retention: what has had its time is archived or removed, once a day and when a person asks, and every run tells what
 * it did. Each step may be done twice, by two processes at once, or be cut off anywhere: a transcript is in its archive
 * before it leaves, a file is gone before its call says so, and what is left over is found by the next run.
 */
import { z } from 'zod';
import { isOver } from '../domain/call.ts';
import type { PolicyChange } from '../domain/compliance/records.ts';
import type { CallTranscript, SystemConfig } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import {
  archiveOf,
  LONGEST_RECORDINGS_DAYS,
  planRetention,
  type RetentionPolicy,
  type RetentionRun,
  type RetentionSettings,
  type RunItem,
} from '../domain/retention.ts';
import { inOrder, type Page, page } from './paging.ts';
import type { Cancel, Clock, Ids, Log, Recordings, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';
import { turnsOf } from './turns.ts';

export interface RetentionDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly events: EventLog;
  readonly recordings: Pick<Recordings, 'find' | 'remove'>;
  readonly shutdown: AbortSignal;
}

export interface RunQuery {
  readonly limit?: number;
  readonly cursor?: string;
}

const KEY = 'retention.recordingsDays';
/** Runs by the clock are due at 09:00 UTC: it is night in every state, so nobody is being called. */
const DUE_MS = 9 * 3_600_000;
const FIRST_LOOK_MS = 60_000;
const LOOK_EVERY_MS = 3_600_000;
/** A run that was not heard of for so long is nobody's any more. */
const SILENT_MS = 600_000;
const PROGRESS_MS = 1_000;
/** Documents on their way at once. */
const AT_ONCE = 16;
const MOST_HISTORY = 100;

const Days = z.int().min(1).max(LONGEST_RECORDINGS_DAYS).nullable();
const Change = z.strictObject({ recordingsDays: Days });
const Reason = z.object({ reason: z.string().trim().min(1, 'a change needs a reason').max(2_000) });

export function createRetention(deps: RetentionDeps) {
  const { store, clock, ids, log, events, recordings, shutdown } = deps;
  const config = store.collection('system_config');
  const runs = store.collection('retention_runs');
  const transcripts = store.collection('call_transcripts');
  const underWay = new Set<Promise<unknown>>();
  const now = (): Date => new Date(clock.nowMs());

  const stored = async (): Promise<SystemConfig | undefined> =>
    (await config.find({ filter: { key: KEY }, limit: 1 }))[0];

  /** Throws Failure `config_invalid`. */
  function settingsIn(document: SystemConfig | undefined): RetentionSettings {
    const days = Days.safeParse(document?.value ?? null);
    if (days.success) return { recordingsDays: days.data };
    throw new Failure(
      'config_invalid',
      `the stored setting ${KEY} is no number of days; recordings are kept until it is mended`,
    );
  }

  /** Throws Failure `config_invalid` when the stored setting cannot be read. */
  async function policy(): Promise<RetentionPolicy> {
    const document = await stored();
    return { ...settingsIn(document), history: [...(document?.history ?? [])].reverse() };
  }

  /** Throws Failure `invalid_request`. */
  async function changePolicy(
    change: RetentionSettings,
    reason: string,
    by: string,
  ): Promise<RetentionPolicy> {
    const { recordingsDays: value } = parseInput(Change, change);
    const why = parseInput(Reason, { reason }).reason;
    await turnsOf(store)('retention policy', async () => {
      const document = await stored();
      const before: unknown = document?.value ?? null;
      if (before === value) return;
      const entry: PolicyChange = {
        at: now(),
        by,
        reason: why,
        changes: [{ setting: 'recordingsDays', before, after: value }],
      };
      const set = { value, updatedBy: by, updatedAt: entry.at };
      const history = { $each: [entry], $slice: -MOST_HISTORY };
      const known = await config.update({ key: KEY }, { $set: set, $push: { history } });
      if (!known)
        await config.insert({
          _id: ids.objectId(),
          key: KEY,
          ...set,
          history: [entry],
          createdAt: entry.at,
        });
      log.info({ audit: true, by, changes: entry.changes }, 'how long recordings are kept was changed');
    });
    return await policy();
  }

  // ── A run ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a new run is to do, by the settings of now. A setting that cannot be read removes nothing. */
  async function begun(
    given: Pick<RetentionRun, 'trigger' | 'by' | 'dryRun' | 'day'>,
  ): Promise<RetentionRun> {
    const notes: string[] = [];
    let settings: RetentionSettings = { recordingsDays: null };
    try {
      settings = settingsIn(await stored());
    } catch (error) {
      if (!isFailure(error, 'config_invalid')) throw error;
      notes.push(error.message);
    }
    const startedAt = now();
    return {
      _id: ids.objectId(),
      ...given,
      state: 'running',
      startedAt,
      ...planRetention(settings, startedAt.getTime()),
      items: [],
      notes,
      createdAt: startedAt,
      updatedAt: startedAt,
    };
  }

  async function carryOut(first: RetentionRun): Promise<RetentionRun> {
    let run = first;
    let savedMs = clock.steadyMs();
    const startedMs = savedMs;
    const tallies = [
      tallyOf(run, 'call_transcripts', 'archived'),
      tallyOf(run, 'recordings', 'removed'),
    ] as const;
    const save = async (changes: Partial<RetentionRun> = {}): Promise<void> => {
      savedMs = clock.steadyMs();
      const items = tallies.map((tally) => tally.item()).filter(({ count }) => count > 0);
      run = { ...run, items, ...changes, updatedAt: now() };
      await runs.put(run);
    };
    const step = async (): Promise<void> => {
      shutdown.throwIfAborted();
      if (clock.steadyMs() - savedMs >= PROGRESS_MS) await save();
    };
    let end: Pick<RetentionRun, 'state' | 'failure'> = { state: 'done' };
    try {
      await archiveTranscripts(run, tallies[0], step);
      const notes = await removeRecordings(run, tallies[1], step);
      run = { ...run, notes: [...new Set([...run.notes, ...notes])] };
    } catch (error) {
      end = shutdown.aborted
        ? { state: 'interrupted', failure: 'the service stopped' }
        : { state: 'failed', failure: isFailure(error) ? error.message : 'something went wrong on our side' };
      if (end.state === 'failed') log.error({ err: error, runId: run._id }, 'a retention run failed');
    }
    await save({ ...end, endedAt: now(), durationMs: Math.round(clock.steadyMs() - startedMs) });
    const { _id: runId, by, dryRun, state, items } = run;
    log.info(
      { audit: true, runId, by, dryRun, state, counts: items.map(({ of, count }) => [of, count]) },
      'a retention run ended',
    );
    return run;
  }

  async function archiveTranscripts(
    { transcriptsBefore, dryRun }: RetentionRun,
    tally: Tally,
    step: () => Promise<void>,
  ): Promise<void> {
    let waiting: CallTranscript[] = [];
    const flush = async (): Promise<void> => {
      const batch = waiting;
      waiting = [];
      const done = await Promise.allSettled(
        batch.map(async (transcript) => {
          const archive = archiveOf(transcript.createdAt);
          if (dryRun || (await archiveOne(transcript))) tally.add(transcript.createdAt, archive);
        }),
      );
      for (const each of done) if (each.status === 'rejected') throw each.reason;
      await step();
    };
    const old = inOrder(transcripts, { createdAt: { $lt: transcriptsBefore } }, ['createdAt', '_id']);
    for await (const transcript of old) {
      waiting.push(transcript);
      if (waiting.length >= AT_ONCE) await flush();
    }
    await flush();
  }

  /** True for whoever of several took it out; one that was written anew meanwhile stays. */
  async function archiveOne(transcript: CallTranscript): Promise<boolean> {
    const { _id, callId, createdAt, updatedAt } = transcript;
    const archive = store.collection(archiveOf(createdAt));
    await archive.put(transcript);
    // An erasure marks the call before it looks into the archives: one of the two sees what the other did.
    if ((await store.collection('calls').get(callId))?.erasedAt !== undefined) await archive.remove({ _id });
    return (await transcripts.remove({ _id, updatedAt })) > 0;
  }

  async function removeRecordings(
    { recordingsBefore: before, dryRun }: RetentionRun,
    tally: Tally,
    step: () => Promise<void>,
  ): Promise<string[]> {
    if (before === undefined) return [];
    const since = await removedBefore();
    let atCarrier = 0;
    const old = inOrder(
      store.collection('calls'),
      {
        answeredAt: { $exists: true },
        initiatedAt: { ...(since === undefined ? {} : { $gte: since }), $lt: before },
      },
      ['initiatedAt', '_id'],
    );
    for await (const call of old) {
      await step();
      if (!isOver(call)) continue;
      if (call.carrierRecordingUrl !== undefined) atCarrier += 1;
      if (dryRun) {
        if (await recordings.find(call._id)) tally.add(call.initiatedAt);
        continue;
      }
      const removed = await recordings.remove(call._id);
      if (removed) tally.add(call.initiatedAt);
      if (removed || call.recordingUrl !== undefined)
        await events.record(
          call._id,
          { type: 'erased', what: 'recording', why: 'retention' },
          { eventId: `${call._id}:erased:recording` },
        );
    }
    return atCarrier === 0
      ? []
      : [`${atCarrier} of these calls were recorded by the carrier too: remove those recordings there`];
  }

  /** Up to where an earlier run removed every recording: calls are not looked at again and again for years. */
  async function removedBefore(): Promise<Date | undefined> {
    const [last] = await runs.find({
      filter: { state: 'done', dryRun: false, recordingsBefore: { $exists: true } },
      sort: { startedAt: -1 },
      limit: 1,
    });
    return last?.recordingsBefore;
  }

  function tracked<T>(work: Promise<T>): Promise<T> {
    underWay.add(work);
    const forget = () => void underWay.delete(work);
    work.then(forget, forget);
    return work;
  }

  const start = (run: RetentionRun): Promise<RetentionRun> =>
    tracked(turnsOf(store)('retention', () => carryOut(run)));

  /**
   * Archives and removes what has had its time; `dryRun` only says what that would be. Answers with the report when it is
   * over, or as it is after `waitMs`: the run goes on. Throws `shutting_down` and what the store throws.
   */
  async function run(
    { dryRun, waitMs }: { dryRun: boolean; waitMs: number },
    by: string,
  ): Promise<RetentionRun> {
    if (shutdown.aborted) throw new Failure('shutting_down', 'the service is stopping');
    const first = await begun({ trigger: 'person', by, dryRun });
    await runs.insert(first);
    const enough = new AbortController();
    const late = clock.sleep(waitMs, enough.signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      const over = await Promise.race([start(first), late]);
      return over ?? (await runs.get(first._id)) ?? first;
    } finally {
      enough.abort();
    }
  }

  /** Newest first. */
  async function list({ limit, cursor }: RunQuery): Promise<Page<RetentionRun>> {
    const found = await page(runs, {
      filter: {},
      sort: { field: 'startedAt', direction: -1 },
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    const silentBefore = clock.nowMs() - SILENT_MS;
    return {
      ...found,
      items: found.items.map((each) =>
        each.state === 'running' && each.updatedAt.getTime() < silentBefore
          ? { ...each, state: 'interrupted', failure: 'whoever made this run was not heard of again' }
          : each,
      ),
    };
  }

  // ── By the clock ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The run of today for whoever comes first; one that failed or fell silent is taken up by the next. */
  async function claim(): Promise<RetentionRun | undefined> {
    const day = new Date(clock.nowMs() - DUE_MS).toISOString().slice(0, 10);
    const fresh = await begun({ trigger: 'clock', by: 'clock', dryRun: false, day });
    try {
      await runs.insert(fresh);
      return fresh;
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
    const { startedAt, transcriptsBefore, recordingsBefore } = fresh;
    return await runs.update(
      {
        day,
        state: { $in: ['running', 'failed', 'interrupted'] },
        updatedAt: { $lt: new Date(clock.nowMs() - SILENT_MS) },
      },
      {
        $set: {
          state: 'running',
          updatedAt: startedAt,
          transcriptsBefore,
          ...(recordingsBefore === undefined ? {} : { recordingsBefore }),
        },
        $unset: {
          failure: '',
          endedAt: '',
          durationMs: '',
          ...(recordingsBefore === undefined ? { recordingsBefore: '' } : {}),
        },
      },
    );
  }

  /** Looks every hour whether the run of the day is made, and makes it. Answers how to stop. */
  function daily(): Cancel {
    let cancel: Cancel = () => undefined;
    const look = (): void => {
      tracked(claim().then(async (mine) => void (mine && (await start(mine)))))
        .catch((error) => {
          if (!shutdown.aborted) log.error({ err: error }, 'the retention run of the day could not be made');
        })
        .finally(() => {
          if (!shutdown.aborted) cancel = clock.after(LOOK_EVERY_MS, look);
        });
    };
    cancel = clock.after(FIRST_LOOK_MS, look);
    const stop = () => cancel();
    shutdown.addEventListener('abort', stop, { once: true });
    return stop;
  }

  return {
    policy,
    changePolicy,
    run,
    list,
    daily,
    /** Resolves when no run is under way. */
    settled: async (): Promise<void> => void (await Promise.allSettled(underWay)),
  };
}

/** Counts one kind of thing, on from what the report has of it. */
function tallyOf({ items }: RetentionRun, of: RunItem['of'], action: RunItem['action']) {
  const known = items.find((item) => item.of === of);
  const into = new Map(Object.entries(known?.into ?? {}));
  let { count, from, to }: Pick<RunItem, 'count' | 'from' | 'to'> = known ?? { count: 0 };
  return {
    add(at: Date, archive?: string): void {
      count += 1;
      if (from === undefined || at < from) from = at;
      if (to === undefined || at > to) to = at;
      if (archive !== undefined) into.set(archive, (into.get(archive) ?? 0) + 1);
    },
    item: (): RunItem => ({
      of,
      action,
      count,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(into.size === 0 ? {} : { into: Object.fromEntries(into) }),
    }),
  };
}
type Tally = ReturnType<typeof tallyOf>;
