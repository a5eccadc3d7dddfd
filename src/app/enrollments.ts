/**
 * app/enrollments: the only writer of enrollments once they are there. Every write says what it saw (the turn, and the token
 * of who holds it) and does nothing when another was quicker, so that several processes share the work of a campaign: who
 * claims an enrollment has it until the lease ends, and of one that died another takes it over then.
 */
import type { Enrollment, Move, Position, Priority } from '../domain/campaign.ts';
import type { Clock, Filter, Ids, Store } from './ports.ts';

export interface EnrollmentsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** An enrollment in hand. */
export interface Held extends Enrollment {
  readonly holder: string;
  /** When it was due before it was claimed. */
  readonly wasDueAt: Date;
  /** Somebody held it before and did not say what became of it. */
  readonly takenOver: boolean;
}

/** What is written besides the move. */
export type Told = Partial<
  Pick<Enrollment, 'calls' | 'messages' | 'firstCalledAt' | 'lastAt' | 'lastOutcome'>
>;

export interface Waiting {
  readonly reason: string;
  readonly explanation: string;
  /** Absent: until something changes. */
  readonly until?: Date;
  /** When it is looked at again. */
  readonly dueAt: Date;
}

const EVER = new Date(0);
/** Longer than a step takes to be begun, a slow store included; shorter than anybody minds. */
const LEASE_MS = 20_000;

export type Enrollments = ReturnType<typeof createEnrollments>;

export function createEnrollments({ store, clock, ids }: EnrollmentsDeps) {
  const enrollments = store.collection('enrollments');
  const now = (): Date => new Date(clock.nowMs());

  /** Undefined: another has it, or it is not what was seen any more. */
  async function claim(seen: Enrollment): Promise<Held | undefined> {
    const { _id, turn, dueAt } = seen;
    if (!dueAt) return undefined;
    const holder = ids.objectId();
    const claimed = await enrollments.update(
      { _id, turn, dueAt, holder: seen.holder ?? { $exists: false } },
      { $set: { holder, dueAt: new Date(clock.nowMs() + LEASE_MS), updatedAt: now() } },
    );
    return claimed && { ...claimed, holder, wasDueAt: dueAt, takenOver: seen.holder !== undefined };
  }

  const held = ({ _id, turn, holder }: Held): Filter => ({ _id, turn, holder });

  /** Gives it back as it was; `dueAt`: to be looked at then. */
  const release = (mine: Held, dueAt: Date = mine.wasDueAt): Promise<Enrollment | undefined> =>
    enrollments.update(held(mine), { $set: { dueAt, updatedAt: now() }, $unset: { holder: '' } });

  /** Its step is not taken now. `key: 'spent'`: the key of this turn was used, so the next try has another. */
  async function wait(
    mine: Held,
    { reason, explanation, until, dueAt }: Waiting,
    key: 'unused' | 'spent' = 'unused',
  ): Promise<Enrollment | undefined> {
    const since = mine.waiting?.reason === reason ? mine.waiting.since : now();
    return await enrollments.update(held(mine), {
      $set: {
        waiting: { reason, explanation, since, ...(until === undefined ? {} : { until }) },
        dueAt,
        turn: mine.turn + (key === 'spent' ? 1 : 0),
        updatedAt: now(),
      },
      $unset: { holder: '' },
    });
  }

  /** A call was placed for it; its outcome is looked for at `dueAt` if nobody tells before. */
  const placed = (
    mine: Held,
    working: NonNullable<Enrollment['working']>,
    dueAt: Date,
  ): Promise<Enrollment | undefined> =>
    enrollments.update(held(mine), {
      $set: { working, dueAt, updatedAt: now() },
      $unset: { holder: '', waiting: '' },
    });

  /** Its step is done, or is not to be done. */
  const move = (mine: Held, to: Move, told: Told = {}): Promise<Enrollment | undefined> =>
    enrollments.update(held(mine), moved(mine, to, told));

  /** The call it awaited is over. Undefined: that was settled already. */
  const settle = (
    { _id, turn }: Enrollment,
    workingId: string,
    to: Move,
    told: Told = {},
  ): Promise<Enrollment | undefined> =>
    enrollments.update({ _id, turn, 'working.id': workingId }, moved({ turn }, to, told));

  /** The call it awaited was denied while it waited in line. */
  const settleWaiting = (
    { _id, turn }: Enrollment,
    workingId: string,
    { reason, explanation, until, dueAt }: Waiting,
  ): Promise<Enrollment | undefined> =>
    enrollments.update(
      { _id, turn, 'working.id': workingId },
      {
        $set: {
          waiting: { reason, explanation, since: now(), ...(until === undefined ? {} : { until }) },
          dueAt,
          turn: turn + 1,
          updatedAt: now(),
        },
        $unset: { working: '', holder: '' },
      },
    );

  /** Something happened beside its steps: nobody works on it, and it moves on. Undefined: somebody does. */
  const interject = ({ _id, turn }: Enrollment, to: Move): Promise<Enrollment | undefined> =>
    enrollments.update(
      { _id, turn, dueAt: { $exists: true }, working: { $exists: false }, holder: { $exists: false } },
      moved({ turn }, to, {}),
    );

  /** To be looked at now, if nobody works on it. */
  const awaken = ({ _id, turn }: Enrollment): Promise<Enrollment | undefined> =>
    enrollments.update(
      { _id, turn, dueAt: { $gt: now() }, working: { $exists: false }, holder: { $exists: false } },
      { $set: { dueAt: now(), updatedAt: now() } },
    );

  function moved({ turn }: Pick<Enrollment, 'turn'>, to: Move, told: Told) {
    const set = { ...told, turn: turn + 1, updatedAt: now() };
    const unset = { holder: '', working: '', waiting: '' };
    if (to.kind === 'ended')
      return {
        $set: { ...set, stage: 'ended', ended: { why: to.why, at: now() } },
        $unset: { ...unset, dueAt: '', resumeAt: '' },
      };
    const { kind: _kind, resumeAt, ...next } = to;
    return {
      $set: { ...set, ...next, ...(resumeAt === undefined ? {} : { resumeAt }) },
      $unset: { ...unset, ...(to.stage === 'callback' ? {} : { resumeAt: '' }) },
    };
  }

  /**
   * Steps of a campaign that are due, the most urgent first; of new leads, those that came in last. `nextMs`: when there is
   * more, ms since the epoch, where none is due and one is planned.
   */
  async function due(
    campaignId: string,
    priorities: readonly Priority[],
    most: number,
  ): Promise<{ readonly due: Enrollment[]; readonly nextMs?: number }> {
    const found: Enrollment[] = [];
    let next: Enrollment | undefined;
    for (const priority of priorities) {
      const limit = most - found.length;
      if (limit <= 0) break;
      const of = { campaignId, priority };
      const planned =
        priority === 1
          ? await enrollments.find({ filter: { ...of, dueAt: { $lte: now() } }, sort: { dueAt: -1 }, limit })
          : await enrollments.find({ filter: { ...of, dueAt: { $gt: EVER } }, sort: { dueAt: 1 }, limit });
      const later = planned.findIndex((each) => !isDue(each));
      found.push(...(later === -1 ? planned : planned.slice(0, later)));
      if (found.length > 0) continue;
      const first =
        priority === 1
          ? (
              await enrollments.find({
                filter: { ...of, dueAt: { $gt: now() } },
                sort: { dueAt: 1 },
                limit: 1,
              })
            )[0]
          : planned[later];
      if (first && (!next || dueMs(first) < dueMs(next))) next = first;
    }
    return { due: found, ...(next && found.length === 0 ? { nextMs: dueMs(next) } : {}) };
  }

  const dueMs = ({ dueAt }: Enrollment): number => dueAt?.getTime() ?? Number.POSITIVE_INFINITY;
  const isDue = (each: Enrollment): boolean => dueMs(each) <= clock.nowMs();

  /** Whose call is awaited, of one campaign or of all. */
  const working = (campaignId?: string): Promise<Enrollment[]> =>
    enrollments.find({
      filter: { 'working.id': { $gt: '' }, ...(campaignId === undefined ? {} : { campaignId }) },
    });

  const awaiting = async (callId: string): Promise<Enrollment | undefined> =>
    (await enrollments.find({ filter: { 'working.id': callId }, limit: 1 }))[0];

  /** Of these leads, in whatever campaign, those that are not ended. */
  const ofLeads = (leadIds: readonly string[]): Promise<Enrollment[]> =>
    enrollments.find({ filter: { leadId: { $in: leadIds }, stage: { $ne: 'ended' } } });

  return {
    claim,
    release,
    wait,
    placed,
    move,
    settle,
    settleWaiting,
    interject,
    awaken,
    due,
    working,
    awaiting,
    ofLeads,
  };
}

/** Where it stands, with so many calls made. */
export const positionOf = (
  { stage, step, initialEndedAt, resumeAt }: Enrollment,
  calls: number,
): Position => ({
  stage,
  step,
  calls,
  ...(initialEndedAt === undefined ? {} : { initialEndedAt }),
  ...(resumeAt === undefined ? {} : { resumeAt }),
});
