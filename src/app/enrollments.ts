/**
 * app/enrollments: the only writer of enrollments once they are there. Every write says what it saw (the turn, and the token
 * of who holds it) and does nothing when another was quicker, so that several processes share the work of a campaign: who
 * claims an enrollment has it until the lease ends, and of one that died another takes it over then.
 */
import type { Enrollment, Move, Position, Priority } from '../domain/campaign.ts';
import { type Between, firstDue } from './first-due.ts';
import type { ChangeOf, Clock, Filter, Ids, Store, Update } from './ports.ts';
import { updateBoth } from './update-both.ts';

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
  /** What was to be done with the claim found its document. */
  readonly alsoDone: boolean;
}

interface Updated {
  readonly found: Enrollment | undefined;
  readonly alsoDone: boolean;
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

/** Longer than a step takes to be begun, a slow store included; shorter than anybody minds. */
const LEASE_MS = 20_000;

export type Enrollments = ReturnType<typeof createEnrollments>;

export function createEnrollments({ store, clock, ids }: EnrollmentsDeps) {
  const enrollments = store.collection('enrollments');
  const now = (): Date => new Date(clock.nowMs());

  /** `also` is done if the enrollment was found, in the same write where the store can. */
  async function updateWith(
    filter: Filter & { readonly _id: string },
    update: Update,
    also: ChangeOf<'campaign_use'> | undefined,
  ): Promise<Updated> {
    if (!also) return { found: await enrollments.update(filter, update), alsoDone: false };
    const { first, second } = await updateBoth(store, { collection: 'enrollments', filter, update }, also);
    return { found: first, alsoDone: second !== undefined };
  }

  /** Undefined: another has it, or it is not what was seen any more. */
  async function claim(seen: Enrollment, also?: ChangeOf<'campaign_use'>): Promise<Held | undefined> {
    const { _id, turn, dueAt } = seen;
    if (!dueAt) return undefined;
    const holder = ids.objectId();
    const { found, alsoDone } = await updateWith(
      { _id, turn, dueAt, holder: seen.holder ?? { $exists: false } },
      { $set: { holder, dueAt: new Date(clock.nowMs() + LEASE_MS), updatedAt: now() } },
      also,
    );
    return found && { ...found, holder, wasDueAt: dueAt, takenOver: seen.holder !== undefined, alsoDone };
  }

  /** As it is held, or as nobody who works on it saw it. */
  const asKnown = (of: Held | Enrollment): Filter =>
    'wasDueAt' in of
      ? { _id: of._id, turn: of.turn, holder: of.holder }
      : { _id: of._id, turn: of.turn, dueAt: of.dueAt ?? null, holder: { $exists: false } };

  /** Gives it back as it was; `dueAt`: to be looked at then. */
  const release = (mine: Held, dueAt: Date = mine.wasDueAt): Promise<Enrollment | undefined> =>
    enrollments.update(asKnown(mine), { $set: { dueAt, updatedAt: now() }, $unset: { holder: '' } });

  /** Its step is not taken now. `key: 'spent'`: the key of this turn was used, so the next try has another. */
  async function wait(
    mine: Held | Enrollment,
    { reason, explanation, until, dueAt }: Waiting,
    key: 'unused' | 'spent' = 'unused',
  ): Promise<Enrollment | undefined> {
    const since = mine.waiting?.reason === reason ? mine.waiting.since : now();
    return await enrollments.update(asKnown(mine), {
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
    enrollments.update(asKnown(mine), {
      $set: { working, dueAt, updatedAt: now() },
      $unset: { holder: '', waiting: '' },
    });

  /** Its step is done, or is not to be done. */
  const move = (mine: Held | Enrollment, to: Move, told: Told = {}): Promise<Enrollment | undefined> =>
    enrollments.update(asKnown(mine), moved(mine, to, told));

  /** The call it awaited is over. Nothing found: that was settled already. */
  const settle = (
    { _id, turn }: Enrollment,
    workingId: string,
    to: Move,
    told: Told,
    also: ChangeOf<'campaign_use'> | undefined,
  ): Promise<Updated> => updateWith({ _id, turn, 'working.id': workingId }, moved({ turn }, to, told), also);

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

  /** From the first step again, now, as one that just came in. Undefined: it is not over any more. */
  const reopen = ({ _id, turn }: Enrollment): Promise<Enrollment | undefined> =>
    enrollments.update(
      { _id, turn, stage: 'ended' },
      {
        $set: {
          stage: 'initial',
          step: 0,
          priority: 1,
          turn: turn + 1,
          dueAt: now(),
          reopenedAt: now(),
          updatedAt: now(),
        },
        $unset: { ended: '', initialEndedAt: '', resumeAt: '', holder: '', working: '', waiting: '' },
      },
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

  /** Where the last steps of a list lay of which there were more than were read. */
  const before = new Map<string, Between>();

  /** Steps of a campaign, by when they are due. */
  async function stepsOf(
    campaignId: string,
    priority: Priority,
    between: Between,
    order: 'earliest' | 'latest',
    limit: number,
  ): Promise<Enrollment[]> {
    const within = ({ fromMs, untilMs }: Between): Filter => ({
      campaignId,
      priority,
      dueAt: { $gte: new Date(fromMs), $lte: new Date(untilMs) },
    });
    const some = (of: Between, most: number) => enrollments.find({ filter: within(of), limit: most });
    const first = (of: Between, most: number) =>
      enrollments.find({ filter: within(of), sort: { dueAt: order === 'latest' ? -1 : 1 }, limit: most });
    if (store.home === undefined) return await first(between, limit);
    const list = `${campaignId} ${priority} ${order}`;
    const found = await firstDue({ some, first }, between, order, limit, before.get(list));
    const at = found.map(({ dueAt }) => dueAt?.getTime() ?? 0);
    if (found.length < limit) before.delete(list);
    else before.set(list, { fromMs: Math.min(...at), untilMs: Math.max(...at) });
    return found;
  }

  /** Steps of a campaign planned for behind `afterMs` and up to `untilMs`, ms since the epoch, the earliest first. */
  const planned = (
    campaignId: string,
    priority: Priority,
    afterMs: number,
    untilMs: number,
    limit: number,
  ): Promise<Enrollment[]> =>
    stepsOf(campaignId, priority, { fromMs: afterMs + 1, untilMs }, 'earliest', limit);

  /** Those that were due by `byMs`, ms since the epoch, the latest first. */
  const late = (campaignId: string, priority: Priority, byMs: number, limit: number): Promise<Enrollment[]> =>
    stepsOf(campaignId, priority, { fromMs: 0, untilMs: byMs }, 'latest', limit);

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
    reopen,
    awaken,
    planned,
    late,
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
