/** app: the verbs, built over the ports. main hands the ports in and the App out to http and to the vendors' doors. */

import { revokes } from '../domain/compliance/consent.ts';
import type { CallingPolicy } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { createAgentTools } from './agent-tools.ts';
import { createAgents } from './agents.ts';
import { createAnalyseCalls } from './analyse-call.ts';
import { createAnswerLlm, type HiredTalker } from './answer-llm.ts';
import { createArchitect, type HiredArchitect } from './architect.ts';
import { keepAtHand } from './at-hand.ts';
import { createAttendCall } from './attend-call.ts';
import { createAudience } from './audience.ts';
import { createBulkCalls } from './bulk-calls.ts';
import { createCallRecords } from './call-records.ts';
import { createCampaignPerformance } from './campaign-metrics.ts';
import { createCampaigns, HOUSE_CALLING } from './campaigns.ts';
import { createCarryCalls } from './carry-calls.ts';
import { createCheckCompliance } from './check-compliance.ts';
import { createClaims } from './claims.ts';
import { createCompliancePolicy } from './compliance-policy.ts';
import type { LeadNews } from './consent-ledger.ts';
import { createConsents } from './consents.ts';
import { createContacts } from './contacts.ts';
import { createCorrectWords } from './correct-words.ts';
import { createDnc } from './dnc.ts';
import { createErasures } from './erase-person.ts';
import type { HiredAnalyst } from './find-analysis.ts';
import { createFinishCall } from './finish-call.ts';
import { createForecastCampaign } from './forecast-campaign.ts';
import { createGatherFacts } from './gather-facts.ts';
import { createGatherMany } from './gather-many.ts';
import { createHouseLimits } from './house-limits.ts';
import { createIntake } from './intake.ts';
import { createKeptScripts } from './kept-scripts.ts';
import { createKnowledge, type ShippedEntry } from './knowledge.ts';
import { createLeadImports } from './lead-imports.ts';
import { createLeads } from './leads.ts';
import { createLearnFromCalls } from './learn-from-calls.ts';
import { createLists } from './lists.ts';
import { createLiveWords } from './live-words.ts';
import { createLives } from './lives.ts';
import { createMessages, type MessagesHouse } from './messages.ts';
import { createOverview } from './overview.ts';
import { createPlaceCall, type PlaceCallRequest, type Placed } from './place-call.ts';
import type {
  AgentInlet,
  CarrierInlet,
  Clock,
  Ids,
  Log,
  Messenger,
  Recordings,
  Store,
  Telephony,
  Timekeeping,
  VoiceAgent,
} from './ports.ts';
import { fill, type Prompts } from './prompts.ts';
import { createPromptsInUse } from './prompts-in-use.ts';
import { createProof } from './proof.ts';
import { createProperties } from './properties.ts';
import { createRates } from './rates.ts';
import { createReadCalls } from './read-calls.ts';
import { createRealty } from './realty.ts';
import { createEventLog } from './record-event.ts';
import { createReports } from './reports.ts';
import { createRetention } from './retention.ts';
import { createReviewCalls } from './review-calls.ts';
import { createReviewers } from './reviewers.ts';
import { createRunCampaigns } from './run-campaigns.ts';
import { createSavedViews } from './saved-views.ts';
import { createSearchCalls } from './search-calls.ts';
import { createWaveforms } from './waveforms.ts';
import { createWriteConversation } from './write-conversation.ts';

export interface Ports {
  readonly store: Store;
  readonly telephony: Telephony;
  readonly messenger: Messenger;
  readonly agent: VoiceAgent;
  /** Absent: calls are analysed by word lists. */
  readonly analyst?: HiredAnalyst;
  /** Absent: better answers are proposed by rules alone. */
  readonly architect?: HiredArchitect;
  /** Absent: the agent platform cannot ask Claude through us. */
  readonly talking?: HiredTalker;
  readonly recordings: Recordings;
  readonly timekeeping: Timekeeping;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export interface House {
  readonly sellerName: string;
  /** Our numbers, E.164; the first is the caller ID. */
  readonly fromNumbers: readonly string[];
  readonly maxConcurrentCalls: number;
  readonly callsPerSecond: number;
  readonly inboundReserve: number;
  readonly prompts: Prompts;
  readonly messages: MessagesHouse;
  readonly agents: {
    /** Of the voice agent, as its platform calls it. */
    readonly voiceAgentId: string;
    /** What comes with the product. */
    readonly knowledge: readonly ShippedEntry[];
  };
}

/** How long a stopping service waits for what is not a call: transcripts being compared, dials being looked into. */
const SETTLE_MS = 2_000;
/** How often a store that is away is asked whether open calls can be taken up. */
const INSIST_MS = 5_000;

/** Why nobody is dialled while a store does not have everything. */
const WAITING = {
  away: 'the database is away; outbound calls wait until it is back',
  returning: 'the database is back and is being told what it missed; outbound calls wait for that',
} as const;

export function buildApp(ports: Ports, house: House) {
  const { store, clock, log } = ports;
  const stop = new AbortController();
  const keepScript = createKeptScripts({ ...ports, prompts: house.prompts });
  const news: LeadNews = {
    arrived: (leadIds) => void runCampaigns.arrived(leadIds),
    changed: (leadIds) => void runCampaigns.changed(leadIds),
  };
  const shared = { ...ports, ...house, keepScript, news, shutdown: stop.signal };

  const events = createEventLog(ports);
  const knowledge = createKnowledge({ ...ports, ...house, shipped: house.agents.knowledge });
  const agents = createAgents({ ...ports, ...house.agents });
  const rates = createRates(ports);
  const campaigns = createCampaigns({
    ...ports,
    changed: (id) => runCampaigns.campaignChanged(id),
    wantsOther(id, by) {
      properties.judgeAllOf(id, by, stop.signal).catch((error) => {
        log.warn({ err: error, campaignId: id }, 'not all leads of a changed campaign could be judged anew');
      });
    },
  });
  const dnc = createDnc({
    ...shared,
    async stopCallsTo(numbers, except) {
      await Promise.all([messages.stopTo(numbers), carry.stopCallsTo(numbers, except)]);
    },
  });
  const consents = createConsents({ ...shared, dnc });
  const contacts = createContacts(ports);
  const properties = createRealty({ ...ports, agents, properties: createProperties(ports) });
  const leads = createLeads({ ...shared, consents });
  const claims = createClaims(ports);
  const leadImports = createLeadImports({ ...shared, consents, claims });
  const intake = createIntake({
    ...shared,
    consents,
    cameAgain: (leadId) => void runCampaigns.cameAgain(leadId),
  });
  const compliance = {
    ...createCheckCompliance(shared),
    ...createCompliancePolicy(ports),
    ...createCallRecords(ports),
    proof: createProof(shared),
  };
  const lists = createLists({ ...shared, claims, policy: compliance.policy });
  const leadOf = keepAtHand(clock, (id) => store.collection('leads').get(id));
  const campaignOf = keepAtHand(clock, campaigns.get);
  const strategyOf = async (campaignId: string | undefined) =>
    (campaignId === undefined ? undefined : await campaignOf(campaignId))?.conversationStrategy;
  const policyOf = async (campaignId: string | undefined): Promise<CallingPolicy> =>
    (campaignId === undefined ? undefined : await campaignOf(campaignId))?.calling ?? HOUSE_CALLING;

  function expectUpToDate(): void {
    if (store.outage && store.outage.state !== 'up')
      throw new Failure('store_unavailable', WAITING[store.outage.state]);
  }

  const finish = createFinishCall({
    ...shared,
    events,
    ratesOf: rates.atHand,
    learnedEnd: (callId) => carry.over(callId),
    over: (call) => void runCampaigns.callOver(call),
    reconciled: (callId) => analyse.reconciled(callId),
  });
  const analyse = createAnalyseCalls({
    ...shared,
    events,
    claims,
    ratesOf: rates.atHand,
    optOut: dnc.optOutOrKeep,
  });
  const carry = createCarryCalls({
    ...shared,
    events,
    policyOf,
    strategyOf,
    runTool: createAgentTools({ ...shared, events, knowledge, policyOf, optOut: dnc.optOutOrKeep }),
    finish: finish.start,
    life: () => lives.own,
    revokes,
    leadOf,
    optOut: dnc.optOutOrKeep,
  });
  const attend = createAttendCall({
    ...shared,
    events,
    bridgeOf: carry.bridgeOf,
    life: () => lives.own,
    policyOf,
  });
  const architect = createArchitect({ ...shared, agents, knowledge, ratesOf: rates.atHand });
  const learn = createLearnFromCalls({
    ...shared,
    events,
    claims,
    agents,
    knowledge,
    ratesOf: rates.atHand,
    learned: architect.learned,
  });
  const sentence = (name: 'one-moment' | 'say-again' | 'no-more-today') =>
    fill(house.prompts[name], { seller_name: house.sellerName });
  const llm = createAnswerLlm({
    ...shared,
    events,
    agents,
    ratesOf: rates.atHand,
    sentences: {
      wait: sentence('one-moment'),
      sorry: sentence('say-again'),
      spent: sentence('no-more-today'),
    },
  });
  const messages = createMessages({
    ...shared,
    gatherFacts: createGatherFacts(shared),
    optOut: dnc.optOutOrKeep,
    expectUpToDate,
  });
  const limits = createHouseLimits(shared);
  const place = createPlaceCall({
    ...shared,
    limits,
    events,
    policyOf,
    strategyOf,
    life: () => lives.own,
    gatherFacts: createGatherFacts(shared),
    admit: () => {
      expectUpToDate();
      carry.admit();
    },
    occupy: carry.occupy,
    abandoned: carry.over,
    inquire: (callId) => {
      // A call that is talked on is finished when the talk ends.
      if (!carry.talksOn(callId)) finish.start(callId);
    },
  });
  async function placeCall(request: PlaceCallRequest): Promise<Placed> {
    expectUpToDate();
    await lives.beKnown();
    return await place.placeCall(request);
  }

  const runCampaigns = createRunCampaigns({
    ...shared,
    claims,
    gatherFacts: createGatherFacts(shared),
    placeCall,
    sendMessage: messages.send,
    linesFree: () => carry.linesFree,
    slotMs: limits.slotMs,
  });
  const lives = createLives({
    ...ports,
    claims,
    left: carry.livesWithOpenCalls,
    takeUp: (life) => carry.takeUp(life, place.lookAgain),
    isFinishing: finish.isUnderWay,
  });
  const forecasts = createForecastCampaign({
    ...shared,
    gatherMany: createGatherMany({ ...shared, gatherFacts: createGatherFacts(shared) }),
    ratesOf: rates.atHand,
  });
  const read = createReadCalls({ ...shared, events });
  const words = createLiveWords({ ...ports, events });
  const reviewers = createReviewers(ports);
  const { list: listCalls, rejudge, ...reviews } = createReviewCalls({ ...ports, reviewers, calls: read });
  const searchCalls = createSearchCalls(ports);
  const retention = createRetention({ ...shared, events });
  const erasures = createErasures({ ...shared, events, dnc });

  async function takeUp(): Promise<number> {
    expectUpToDate();
    await lists.recover();
    await messages.recover();
    const open = await lives.begin();
    runCampaigns.begin();
    analyse.begin();
    await knowledge.furnish();
    learn.begin();
    return open;
  }

  async function takeUpWhenBack(): Promise<void> {
    for (;;) {
      await clock.sleep(INSIST_MS, stop.signal);
      try {
        const calls = await takeUp();
        log.info({ calls }, 'took up calls that were open when the service last stopped');
        return;
      } catch (error) {
        if (!isFailure(error, 'store_unavailable')) throw error;
      }
    }
  }

  store.outage?.fulfil(async (optOut) => {
    await dnc.optOut(optOut);
  });

  const agentInlet: AgentInlet = { conversationReported: finish.conversationReported };
  const carrierInlet: CarrierInlet = {
    ...carry.inlet,
    async message(text) {
      const answer = await carry.inlet.message(text);
      // A wish to stop holds already; that the words themselves are not kept must not undo it.
      await messages.received(text).catch((error) => {
        log.error({ err: error, messageSid: text.messageSid }, 'a text of a person could not be kept');
      });
      return answer;
    },
    delivery: messages.statusReported,
  };

  return {
    leads,
    leadImports,
    intake,
    contacts,
    properties,
    compliance,
    consents,
    dnc,
    lists,
    retention,
    erasures,
    campaigns,
    runCampaigns,
    rates,
    forecasts,
    performance: createCampaignPerformance({ ...ports, ratesOf: rates.atHand }),
    reports: createReports(ports),
    overview: createOverview({ ...shared, events }),
    analyses: {
      request: analyse.request,
      list: analyse.list,
      async markWrong(...mark: Parameters<typeof analyse.markWrong>) {
        const marked = await analyse.markWrong(...mark);
        learn.reviewed(marked.callId);
        return marked;
      },
    },
    llm,
    agents: {
      list: agents.list,
      get: agents.get,
      prompts: createPromptsInUse({
        store,
        prompts: house.prompts,
        models: [
          ...(ports.analyst ? [{ name: 'call-analysis', ...ports.analyst.model }] : []),
          ...(ports.architect ? [{ name: 'knowledge-proposal', ...ports.architect.model }] : []),
        ],
      }),
    },
    knowledge: {
      list: knowledge.list,
      get: knowledge.get,
      save: knowledge.save,
      activate: knowledge.activate,
      deactivate: knowledge.deactivate,
      uses: architect.uses,
      proposals: {
        list: architect.list,
        get: architect.get,
        accept: architect.accept,
        reject: architect.reject,
      },
    },
    audience: createAudience(ports),
    messages,
    reviews: {
      ...reviews,
      reviewers: reviewers.list,
      waiting: reviewers.waiting,
      async comment(...comment: Parameters<typeof reviews.comment>) {
        const commented = await reviews.comment(...comment);
        learn.reviewed(commented._id);
        return commented;
      },
    },
    bulk: createBulkCalls({
      list: listCalls,
      search: searchCalls,
      judge: rejudge,
      reviewers,
      analyse: analyse.request,
    }),
    savedViews: createSavedViews(ports),
    calls: {
      /** As `placeCall`; a lead's own campaign is meant when none is named. */
      async place(request: PlaceCallRequest) {
        expectUpToDate();
        const lead = await leadOf(request.leadId);
        const campaignId = request.campaignId ?? lead?.campaignId;
        return await placeCall({ ...request, ...(campaignId ? { campaignId } : {}) });
      },
      ...read,
      list: listCalls,
      search: searchCalls,
      waveform: createWaveforms(ports),
      correctWords: createCorrectWords({ ...ports, events }),
      writeConversation: createWriteConversation(ports),
      async end({ callId, by }: { callId: string; by: string }): Promise<void> {
        await carry.end(callId, by);
      },
      attend,
      words,
    },
    carrierInlet,
    agentInlet,
    /** Takes up what another life of this process left open: now, or when the store is there. Answers how many calls now. */
    async recover(): Promise<number> {
      try {
        return await takeUp();
      } catch (error) {
        if (!store.outage || !isFailure(error, 'store_unavailable')) throw error;
        log.warn(
          { err: error },
          'what another life of this process left open is taken up when the database is there',
        );
        takeUpWhenBack().catch((cause) => {
          if (!stop.signal.aborted) log.error({ err: cause }, 'open calls could not be taken up');
        });
        return 0;
      }
    },
    /** How a store stands that may be away. */
    outage: store.outage,
    activeCalls: (): number => carry.activeCount,
    /** Refuses new calls, lets live ones end for `patienceMs`, then frees everything. */
    async stop(patienceMs: number): Promise<void> {
      runCampaigns.stop();
      await carry.drain(patienceMs);
      const settled = Promise.all([place.settled(), finish.settled(), events.settled()]);
      const late = clock.sleep(SETTLE_MS);
      await Promise.race([settled, late]);
      stop.abort();
      await Promise.race([lives.stop().catch(() => undefined), clock.sleep(SETTLE_MS)]);
      await Promise.allSettled([place.settled(), finish.settled(), events.settled()]);
      // A long list that is becoming current is not waited for, nor a long run: both can be gone on with.
      await Promise.race([
        Promise.all([
          lists.settled(),
          leadImports.settled(),
          forecasts.settled(),
          retention.settled(),
          runCampaigns.settled(),
          analyse.settled(),
          learn.settled(),
          llm.settled(),
          messages.settled(),
        ]),
        clock.sleep(SETTLE_MS),
      ]);
      log.info({}, 'all calls are over');
    },
  };
}

export type App = ReturnType<typeof buildApp>;
