/** app: the verbs, built over the ports. main hands the ports in and the App out to http and to the vendors' doors. */

import { revokes } from '../domain/compliance/consent.ts';
import type { CallingPolicy } from '../domain/documents.ts';
import { createAgentTools } from './agent-tools.ts';
import { createCallRecords } from './call-records.ts';
import { createCampaigns, HOUSE_CALLING } from './campaigns.ts';
import { createCarryCalls } from './carry-calls.ts';
import { createCheckCompliance } from './check-compliance.ts';
import { createCompliancePolicy } from './compliance-policy.ts';
import { createConsents } from './consents.ts';
import { createDnc } from './dnc.ts';
import { createErasures } from './erase-person.ts';
import { createFinishCall } from './finish-call.ts';
import { createGatherFacts } from './gather-facts.ts';
import { createKeptScripts } from './kept-scripts.ts';
import { createLeads } from './leads.ts';
import { createLists } from './lists.ts';
import { createPlaceCall, type PlaceCallRequest } from './place-call.ts';
import type {
  AgentInlet,
  CarrierInlet,
  Clock,
  Ids,
  Log,
  Recordings,
  Store,
  Telephony,
  VoiceAgent,
} from './ports.ts';
import type { Prompts } from './prompts.ts';
import { createProof } from './proof.ts';
import { createReadCalls } from './read-calls.ts';
import { createEventLog } from './record-event.ts';
import { createRetention } from './retention.ts';

export interface Ports {
  readonly store: Store;
  readonly telephony: Telephony;
  readonly agent: VoiceAgent;
  readonly recordings: Recordings;
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
}

/** How long a stopping service waits for what is not a call: transcripts being compared, dials being looked into. */
const SETTLE_MS = 2_000;

export function buildApp(ports: Ports, house: House) {
  const { store, clock, log } = ports;
  const stop = new AbortController();
  const keepScript = createKeptScripts({ ...ports, prompts: house.prompts });
  const shared = { ...ports, ...house, keepScript, shutdown: stop.signal };

  const events = createEventLog(ports);
  const campaigns = createCampaigns(ports);
  const dnc = createDnc({
    ...shared,
    stopCallsTo: (numbers, except) => carry.stopCallsTo(numbers, except),
  });
  const consents = createConsents({ ...shared, dnc });
  const leads = createLeads({ ...shared, consents });
  const compliance = {
    ...createCheckCompliance(shared),
    ...createCompliancePolicy(ports),
    ...createCallRecords(ports),
    proof: createProof(shared),
  };
  const lists = createLists({ ...shared, policy: compliance.policy });
  const policyOf = async (campaignId: string | undefined): Promise<CallingPolicy> =>
    campaignId === undefined ? HOUSE_CALLING : (await campaigns.get(campaignId)).calling;

  const finish = createFinishCall({ ...shared, events });
  const carry = createCarryCalls({
    ...shared,
    events,
    policyOf,
    runTool: createAgentTools({ ...shared, events, policyOf, optOut: dnc.optOut }),
    finish: finish.start,
    revokes,
    optOut: dnc.optOut,
  });
  const place = createPlaceCall({
    ...shared,
    events,
    policyOf,
    gatherFacts: createGatherFacts(shared),
    admit: carry.admit,
    occupy: carry.occupy,
    abandoned: carry.over,
    inquire: finish.start,
  });
  const read = createReadCalls({ ...shared, events });
  const retention = createRetention({ ...shared, events });
  const erasures = createErasures({ ...shared, events, dnc });

  const agentInlet: AgentInlet = { conversationReported: finish.conversationReported };
  const carrierInlet: CarrierInlet = carry.inlet;

  return {
    leads,
    compliance,
    consents,
    dnc,
    lists,
    retention,
    erasures,
    campaigns,
    calls: {
      /** As `placeCall`; a lead's own campaign is meant when none is named. */
      async place(request: PlaceCallRequest) {
        const campaignId =
          request.campaignId ?? (await store.collection('leads').get(request.leadId))?.campaignId;
        return await place.placeCall({ ...request, ...(campaignId ? { campaignId } : {}) });
      },
      ...read,
      async end({ callId, by }: { callId: string; by: string }): Promise<void> {
        await carry.end(callId, by);
      },
    },
    carrierInlet,
    agentInlet,
    /** Takes up what another life of this process left open. */
    async recover(): Promise<number> {
      await lists.recover();
      return await carry.recoverOpenCalls(place.lookAgain);
    },
    activeCalls: (): number => carry.activeCount,
    /** Refuses new calls, lets live ones end for `patienceMs`, then frees everything. */
    async stop(patienceMs: number): Promise<void> {
      await carry.drain(patienceMs);
      const settled = Promise.all([place.settled(), finish.settled(), events.settled()]);
      const late = clock.sleep(SETTLE_MS);
      await Promise.race([settled, late]);
      stop.abort();
      await Promise.allSettled([place.settled(), finish.settled(), events.settled()]);
      // A long list that is becoming current is not waited for, nor a long run: both can be gone on with.
      await Promise.race([Promise.all([lists.settled(), retention.settled()]), clock.sleep(SETTLE_MS)]);
      log.info({}, 'all calls are over');
    },
  };
}

export type App = ReturnType<typeof buildApp>;
