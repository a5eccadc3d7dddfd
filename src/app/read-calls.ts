/** app/read-calls: calls as people look at them: one, many, live ones, their words, their events, their sound. */
import {
  type Call,
  type CallEvent,
  type CallOutcome,
  type CallStatus,
  type Completeness,
  isOver,
} from '../domain/call.ts';
import { MOOD_EDGE } from '../domain/call-figures.ts';
import type { Reason } from '../domain/compliance/decision.ts';
import type { TranscriptMessage } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { foldTranscript, transcriptText } from '../domain/transcript.ts';
import { page } from './paging.ts';
import type { Filter, Recordings, Store, StoredRecording } from './ports.ts';
import type { EventLog } from './record-event.ts';

export interface CallQuery {
  readonly limit: number;
  readonly cursor?: string;
  readonly status?: CallStatus;
  readonly outcome?: CallOutcome;
  readonly direction?: Call['direction'];
  readonly leadId?: string;
  readonly campaignId?: string;
  readonly from?: Date;
  readonly to?: Date;
  /** Only calls about which the gate decided, and how. */
  readonly decided?: 'any' | 'allow' | 'deny';
  /** Only calls denied with this among the reasons. */
  readonly reason?: Reason;
  /** The other party's number, E.164. */
  readonly phone?: string;
  readonly mood?: 'good' | 'neutral' | 'bad';
  /** The hash of the script that the agent spoke by. */
  readonly promptHash?: string;
  /** US dollars, both included; a call that was not answered has no cost. */
  readonly minCost?: number;
  readonly maxCost?: number;
  /** Only these. */
  readonly ids?: readonly string[];
}

const MOST_SCRIPTS = 50;
const MOOD: Record<NonNullable<CallQuery['mood']>, Filter> = {
  good: { $gte: MOOD_EDGE },
  neutral: { $gt: -MOOD_EDGE, $lt: MOOD_EDGE },
  bad: { $lte: -MOOD_EDGE },
};

/** What a store is asked for. */
export function callFilter(query: Omit<CallQuery, 'limit' | 'cursor'>): Filter {
  const { status, outcome, direction, leadId, campaignId, from, to, decided, reason, phone, mood } = query;
  const { promptHash, minCost, maxCost, ids } = query;
  return {
    ...(status ? { status } : {}),
    ...(outcome ? { outcome } : {}),
    ...(direction ? { direction } : {}),
    ...(leadId ? { leadId } : {}),
    ...(campaignId ? { campaignId } : {}),
    ...(from || to ? { initiatedAt: { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) } } : {}),
    ...(reason ? { 'complianceDecision.reasons': reason } : {}),
    ...(phone ? { contactPhone: phone } : {}),
    ...(mood ? { 'sentiment.overall': MOOD[mood] } : {}),
    ...(promptHash ? { promptHash } : {}),
    ...(minCost !== undefined || maxCost !== undefined
      ? {
          'cost.totalCost': {
            ...(minCost === undefined ? {} : { $gte: minCost }),
            ...(maxCost === undefined ? {} : { $lte: maxCost }),
          },
        }
      : {}),
    ...(ids ? { _id: { $in: [...ids] } } : {}),
    ...(decided === 'any' ? { complianceDecision: { $exists: true } } : {}),
    ...(decided === 'allow' || decided === 'deny' ? { 'complianceDecision.verdict': decided } : {}),
  };
}

export function createReadCalls(deps: { store: Store; events: EventLog; recordings: Recordings }) {
  const { store, events, recordings } = deps;
  const calls = store.collection('calls');
  /** Calls that are not over, by id, as last told. */
  const alive = new Map<string, Call>();
  events.watch(({ call }) => {
    if (isOver(call)) alive.delete(call._id);
    else alive.set(call._id, call);
  });

  async function get(callId: string): Promise<Call> {
    const call = await events.call(callId);
    if (!call) throw new Failure('call_not_found', `no call ${callId}`);
    return call;
  }

  return {
    get,
    /** Newest first. */
    list: (query: CallQuery) =>
      page(calls, {
        filter: callFilter(query),
        sort: { field: 'initiatedAt', direction: -1 },
        limit: query.limit,
        ...(query.cursor ? { cursor: query.cursor } : {}),
      }),
    async transcript(callId: string): Promise<{
      messages: TranscriptMessage[];
      fullTranscript: string;
      completeness?: Completeness;
      live: boolean;
    }> {
      const call = await get(callId);
      const messages = foldTranscript(await store.events(callId));
      return {
        messages,
        fullTranscript: transcriptText(messages),
        ...(call.completeness ? { completeness: call.completeness } : {}),
        live: !isOver(call),
      };
    },
    async events(callId: string): Promise<CallEvent[]> {
      await get(callId);
      return await store.events(callId);
    },
    recording: async (callId: string): Promise<StoredRecording | undefined> => {
      await get(callId);
      return await recordings.find(callId);
    },
    /** The scripts that agents were given lately, the newest first. */
    scripts: () => store.collection('call_scripts').find({ sort: { createdAt: -1 }, limit: MOST_SCRIPTS }),
    live: (): Call[] => [...alive.values()],
    /** Tells of every change after it was stored: the event, and the call as it is then. */
    watch: events.watch,
  };
}
