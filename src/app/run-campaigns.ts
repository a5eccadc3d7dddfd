/**
 * app/run-campaigns: the engine. Enrolls the leads of campaigns that run (enroll-leads), says whose step is next
 * (campaign-lines), has it taken under a claim (take-step) and settles what became of it (settle-call). Here is when: it wakes
 * for what is due, for what others tell, and now and then to look after what nobody told.
 *
 * Nothing is kept in memory that another process, or the next life of this one, would miss: what is due stands in the store.
 */
import type { Call } from '../domain/call.ts';
import { afterCall, callEndOf, type Enrollment, endingOf, type Priority } from '../domain/campaign.ts';
import { hasEnded } from '../domain/campaign-hours.ts';
import type { Campaign } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { createCampaignLines, type Due } from './campaign-lines.ts';
import { createCampaignUse } from './campaign-use.ts';
import { createCampaignWork, type EnrollmentView } from './campaign-work.ts';
import type { Claims } from './claims.ts';
import { createEnrollLeads } from './enroll-leads.ts';
import { createEnrollments, positionOf } from './enrollments.ts';
import type { GatherFacts } from './gather-facts.ts';
import { inOrder } from './paging.ts';
import type { PlaceCallRequest, Placed } from './place-call.ts';
import type { Cancel, Clock, Ids, Log, Store } from './ports.ts';
import { createReopenLead } from './reopen-lead.ts';
import { createSettleCall } from './settle-call.ts';
import { slices } from './slices.ts';
import { createTakeStep, requesterOf, type SendStep } from './take-step.ts';

export interface RunCampaignsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly claims: Pick<Claims, 'take'>;
  readonly gatherFacts: GatherFacts;
  readonly placeCall: (request: PlaceCallRequest) => Promise<Placed>;
  readonly sendMessage: SendStep;
  /** How many outbound calls may begin before the lines are full. */
  readonly linesFree: () => number;
  readonly callsPerSecond: number;
  /** From when on a dial need not wait for those of the house before it, ms since the epoch. */
  readonly slotMs: () => number;
  readonly shutdown: AbortSignal;
}

/** How often campaigns are read anew, calls whose end nobody told are looked for, and new leads that nobody enrolled. */
const KEEP_MS = 900_000;
const KEEP_SHARED_MS = 5_000;
/** How far back a look at new leads goes. */
const NEW_MS = 1_800_000;
/** How often all leads are looked at, by one of the processes. */
const SWEEP_MS = 24 * 3_600_000;
const SWEEP_CLAIM = 'enroll-leads';
/** New enrollments that are taken up as they are; more are read when it is their turn. */
const FEW_NEW = 16;
/** A store that is away is asked again. */
const AWAY_MS = 5_000;

export function createRunCampaigns(deps: RunCampaignsDeps) {
  const { store, clock, log, shutdown } = deps;
  const campaigns = store.collection('campaigns');
  const calls = store.collection('calls');
  const leads = store.collection('leads');
  const enrollments = createEnrollments(deps);
  const enrolling = createEnrollLeads(deps);
  const use = createCampaignUse(deps);
  const isShared = store.home !== undefined;
  const keepMs = isShared ? KEEP_SHARED_MS : KEEP_MS;
  const lines = createCampaignLines({ ...deps, enrollments, isShared });
  const settling = createSettleCall({ ...deps, enrollments, use, lines, planned, held: campaignChanged });
  const { settle, isSettled } = settling;
  const takeStep = createTakeStep({ ...deps, enrollments, use, lines, settling, planned });

  const background = new Set<Promise<void>>();
  /** Leads about which something changed while their enrollment was in hand. */
  const changedInHand = new Set<string>();
  let awayMs = 0;
  let isStale = true;
  let begun = false;
  let stopped = false;
  let turning: Promise<void> | undefined;
  let turnAgain = false;
  let timer: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  let keptMs = 0;
  let readMs = 0;
  let lookedMs = 0;

  // ── When ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  function wake(atMs = clock.nowMs()): void {
    if (!begun || stopped) return;
    if (timer && timer.atMs <= atMs) return;
    timer?.cancel();
    timer = {
      atMs,
      cancel: clock.after(Math.max(0, atMs - clock.nowMs()), () => {
        timer = undefined;
        turn();
      }),
    };
  }

  function turn(): void {
    if (stopped) return;
    if (turning) {
      turnAgain = true;
      return;
    }
    turning = turns().finally(() => {
      turning = undefined;
      if (turnAgain) wake();
      turnAgain = false;
    });
  }

  async function turns(): Promise<void> {
    try {
      const nowMs = clock.nowMs();
      if (nowMs < awayMs) return wake(awayMs);
      if (store.outage && store.outage.state !== 'up') throw new Failure('store_unavailable', 'away');
      if (isStale) await readCampaigns();
      if (nowMs >= keptMs + keepMs) keep();
      await beginDue();
      if (isShared || lines.runners.size > 0)
        wake(isStale ? clock.nowMs() : Math.min(lines.nextMs(), keptMs + keepMs));
    } catch (error) {
      awayMs = clock.nowMs() + AWAY_MS;
      if (!isFailure(error, 'store_unavailable'))
        log.error({ err: error }, 'campaigns could not be worked on');
      wake(awayMs);
    }
  }

  async function beginDue(): Promise<void> {
    const breathe = slices(clock);
    while (!stopped && !isStale) {
      const due = await lines.next();
      if (!due) return;
      begin(due);
      await breathe();
    }
  }

  function begin(due: Due): void {
    const { runner, seen } = due;
    const end = lines.take(due);
    let isPlaced = false;
    const work = takeStep(due)
      .then((placed) => {
        isPlaced = placed;
      })
      .catch((error) => {
        if (isFailure(error, 'store_unavailable')) awayMs = clock.nowMs() + AWAY_MS;
        else log.error({ err: error, enrollmentId: seen._id }, 'a step of a campaign could not be taken');
        // Its lease ends, and it is taken over then.
        expect(runner.campaign._id, clock.nowMs() + AWAY_MS);
      })
      .finally(() => {
        background.delete(work);
        end(isPlaced);
        if (changedInHand.delete(seen.leadId)) inBackground(changed([seen.leadId]));
        wake();
      });
    background.add(work);
  }

  /** Something of a campaign is due at `atMs`. */
  function expect(campaignId: string, atMs: number, priority?: Priority): void {
    if (lines.expect(campaignId, atMs, priority)) wake(Math.max(atMs, clock.nowMs()));
  }

  /** What an enrollment has become: its step is planned, given back or the last. */
  function planned(step: Enrollment): void {
    if (lines.planned(step) && step.dueAt) wake(Math.max(step.dueAt.getTime(), clock.nowMs()));
  }

  // ── Looking after ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** What is known goes on being worked on meanwhile. */
  function keep(): void {
    const nowMs = clock.nowMs();
    keptMs = nowMs;
    if (nowMs >= readMs + keepMs) inBackground(readCampaigns().finally(() => wake()));
    inBackground(lookAfterCalls());
    if (nowMs < lookedMs + KEEP_MS) return;
    const since = Math.max(lookedMs - NEW_MS, nowMs - SWEEP_MS);
    lookedMs = nowMs;
    inBackground(enrolling.lookAtNew(since, lines.campaigns(), expectAll, shutdown));
    inBackground(sweepInTurn());
  }

  const expectAll = (campaignIds: ReadonlySet<string>): void => {
    for (const id of campaignIds) expect(id, clock.nowMs(), 1);
  };

  /** Several processes look at all leads one after the other, not each. */
  async function sweepInTurn(): Promise<void> {
    if (lines.runners.size > 0 && (await deps.claims.take(SWEEP_CLAIM, SWEEP_MS)))
      await enrolling.sweep(lines.campaigns(), lines.campaigns(), expectAll, shutdown);
  }

  let reading: Promise<void> | undefined;
  function readCampaigns(): Promise<void> {
    reading ??= read()
      .catch((error: unknown) => {
        isStale = true;
        throw error;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  async function read(): Promise<void> {
    // What changes while they are read is read again.
    isStale = false;
    const active = await campaigns.find({ filter: { status: 'active' } });
    const nowMs = clock.nowMs();
    readMs = nowMs;
    const ended = active.filter(({ schedule }) => hasEnded(schedule, nowMs));
    for (const { _id } of ended) await complete(_id);
    const works = active.filter(({ workflow, schedule }) => workflow && !hasEnded(schedule, nowMs));
    const ids = new Set(works.map(({ _id }) => _id));
    for (const id of lines.runners.keys()) if (!ids.has(id)) lines.drop(id);
    const fresh: Campaign[] = [];
    for (const campaign of works) {
      const known = lines.runners.get(campaign._id);
      if (known?.campaign.updatedAt.getTime() === campaign.updatedAt.getTime()) continue;
      const isFresh =
        !known || JSON.stringify(known.campaign.targeting) !== JSON.stringify(campaign.targeting);
      if (isFresh) fresh.push(campaign);
      lines.renew(campaign);
    }
    if (fresh.length > 0) inBackground(enrolling.sweep(fresh, works, expectAll, shutdown));
  }

  async function complete(campaignId: string): Promise<void> {
    const at = new Date(clock.nowMs());
    const completed = await campaigns.update(
      { _id: campaignId, status: 'active' },
      { $set: { status: 'completed', completedAt: at, updatedAt: at }, $unset: { hold: '' } },
    );
    if (!completed) return;
    log.info({ campaignId }, 'the last day of a campaign is over');
    inBackground(closeOut(campaignId));
  }

  /** Nothing more is done for the leads of a campaign that is over. */
  async function closeOut(campaignId: string): Promise<void> {
    const open = { campaignId, dueAt: { $gt: new Date(0) } };
    for await (const each of inOrder(store.collection('enrollments'), open, ['leadId'])) {
      if (shutdown.aborted) return;
      await enrollments.interject(each, { kind: 'ended', why: 'campaign_over' });
    }
  }

  /** Calls that are over though nobody said so here. */
  async function lookAfterCalls(): Promise<void> {
    const all = await enrollments.working();
    settling.keepAwaiting(new Set(all.flatMap(({ working }) => working?.id ?? [])));
    for (const enrollment of all) {
      const { working, campaignId, dueAt } = enrollment;
      if (!working || shutdown.aborted) continue;
      const call = await calls.get(working.id);
      if (call ? isSettled(call) : (dueAt?.getTime() ?? 0) <= clock.nowMs()) await settle(enrollment, call);
      else if (!lines.inHand.has(enrollment._id)) lines.runners.get(campaignId)?.lines.add(enrollment._id);
    }
  }

  function inBackground(work: Promise<void>): void {
    const tracked = work.catch((error) => {
      if (shutdown.aborted || isFailure(error, 'store_unavailable')) return;
      log.error({ err: error }, 'campaigns could not be looked after');
    });
    background.add(tracked);
    void tracked.finally(() => background.delete(tracked));
  }

  // ── What others tell ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Leads that are new, or newly given to a campaign. Never throws: what is missed is found by the next look. */
  async function arrived(leadIds: readonly string[]): Promise<void> {
    if (!begun || stopped || leadIds.length === 0) return;
    try {
      if (isStale) await readCampaigns();
      if (lines.runners.size === 0) return;
      const added = await enrolling.arrived(leadIds, lines.campaigns());
      // Of many it is enough to know that they are there.
      if (added.length > FEW_NEW) expectAll(new Set(added.map(({ campaignId }) => campaignId)));
      else for (const each of added) planned(each);
    } catch (error) {
      log.warn({ err: error, leads: leadIds.length }, 'new leads could not be enrolled at once');
    }
  }

  async function changed(leadIds: readonly string[]): Promise<void> {
    const handled = new Set([...lines.inHand.values()].map(({ leadId }) => leadId));
    for (const leadId of leadIds) if (handled.has(leadId)) changedInHand.add(leadId);
    for (const enrollment of await enrollments.ofLeads(leadIds)) {
      const lead = await leads.get(enrollment.leadId);
      const why = endingOf(lead, enrollment.campaignId);
      if (why) await enrollments.interject(enrollment, { kind: 'ended', why });
      else if (enrollment.waiting) {
        const awake = await enrollments.awaken(enrollment);
        if (awake) planned(awake);
      }
    }
  }

  function campaignChanged(campaignId: string): void {
    isStale = true;
    wake();
    inBackground(
      campaigns.get(campaignId).then(async (campaign) => {
        if (campaign?.status === 'completed') await closeOut(campaignId);
      }),
    );
  }

  /** A call is over, whoever placed it, and its lead was told. Never throws: what is missed is found by the next look. */
  async function callOver(call: Call): Promise<void> {
    if (!begun) return;
    try {
      const enrollment = await settling.awaitedBy(call._id);
      if (enrollment) await settle(enrollment, call);
      else if (call.leadId !== undefined) await talkedBeside(call, call.leadId);
    } catch (error) {
      if (!isFailure(error, 'store_unavailable'))
        log.error({ err: error, callId: call._id }, 'the end of a call could not be told to its campaign');
    }
    lines.freed();
    wake();
  }

  /** Somebody talked to a lead of a campaign in a call that the campaign did not place. */
  async function talkedBeside(call: Call, leadId: string): Promise<void> {
    const end = callEndOf(call);
    const isOurs = call.createdBy === requesterOf(call.campaignId ?? '');
    if (isOurs || end.outcome === undefined || call.answeredAt === undefined) return;
    const isTelling =
      end.outcome !== 'hung_up' && end.outcome !== 'voicemail' && end.outcome !== 'no_conversation';
    if (!isTelling) return;
    for (const enrollment of await enrollments.ofLeads([leadId])) {
      const campaign = await campaigns.get(enrollment.campaignId);
      if (!campaign?.workflow) continue;
      const at = positionOf(enrollment, enrollment.calls);
      const to = afterCall(campaign.workflow, at, { ...end, wasDialled: true }, clock.nowMs());
      const moved = await enrollments.interject(enrollment, to);
      if (moved) planned(moved);
    }
  }

  const work = createCampaignWork({
    ...deps,
    figuresOf: use.figuresOf,
    linesFree: deps.linesFree,
    linesOf: (campaignId) => lines.runners.get(campaignId)?.lines.size ?? 0,
    barredOf: lines.barredOf,
  });

  const reopening = createReopenLead({ ...deps, enrollments, planned });

  return {
    /** Starts working. To be called when what an earlier life left open is taken up. */
    begin(): void {
      if (begun) return;
      begun = true;
      lookedMs = clock.nowMs();
      store.outage?.watch(() => wake());
      wake();
    },
    arrived,
    /** Something about these leads changed: consent, a release, the lead itself. Never throws. */
    async changed(leadIds: readonly string[]): Promise<void> {
      if (!begun || stopped || lines.runners.size === 0) return;
      try {
        await changed(leadIds);
      } catch (error) {
        log.warn({ err: error }, 'a change could not be told to campaigns');
      }
    },
    campaignChanged,
    callOver,
    ...work,
    /** Begins with a lead anew; answers how it stands. Throws as `reopen` of reopen-lead. */
    async reopen(campaignId: string, leadId: string): Promise<EnrollmentView> {
      await reopening.reopen(campaignId, leadId);
      const [view] = (await work.enrollments(campaignId, { leadId, limit: 1 })).items;
      if (!view) throw new Failure('not_found', 'the campaign has this lead no more');
      return view;
    },
    /** A person sent a form again. Never throws: whoever misses them can reopen the lead. */
    async cameAgain(leadId: string): Promise<void> {
      try {
        await reopening.cameAgain(leadId);
      } catch (error) {
        log.warn({ err: error, leadId }, 'a person who asked again was not given to their campaign');
      }
    },
    /** Begins nothing more. */
    stop(): void {
      stopped = true;
      timer?.cancel();
    },
    /** Resolves when nothing is in hand. */
    async settled(): Promise<void> {
      while (turning || background.size + lines.reads.size > 0)
        await Promise.allSettled([turning, ...background, ...lines.reads]);
    },
  };
}
