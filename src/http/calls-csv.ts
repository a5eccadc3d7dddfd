/** http/calls-csv: a list of calls as a file for a spreadsheet, page by page, so that its length does not matter. */
import { stringify } from 'csv-stringify/sync';
import type { Call } from '../domain/call.ts';
import type { CallReview } from '../domain/review.ts';
import type { PageOf } from './needs.ts';
import { defused } from './records.ts';

const rowOf = (call: Call, review: CallReview | undefined) => ({
  id: call._id,
  initiatedAt: call.initiatedAt.toISOString(),
  direction: call.direction,
  status: call.status,
  outcome: call.outcome ?? '',
  endReason: call.endReason ?? '',
  contactPhone: call.contactPhone,
  ourPhone: call.fromPhone,
  leadId: call.leadId ?? '',
  campaignId: call.campaignId ?? '',
  durationSec: call.duration ?? '',
  talkSec: call.talkTime ?? '',
  agentTalkSec: call.conversationMetrics.agentTalkTime,
  callerTalkSec: call.conversationMetrics.userTalkTime,
  interruptions: call.conversationMetrics.interruptionCount,
  medianReplyMs: call.latency.medianMs ?? '',
  sentiment: call.sentiment?.overall ?? '',
  qualityScore: call.qualityScore ?? '',
  summary: call.summary ?? '',
  costUsd: call.cost?.totalCost ?? '',
  reviewStatus: review?.status ?? 'unreviewed',
  tags: review?.tags.join(' | ') ?? '',
  reviewer: review?.assignedToName ?? '',
});
type Row = ReturnType<typeof rowOf>;
const COLUMNS: readonly (keyof Row)[] = [
  'id',
  'initiatedAt',
  'direction',
  'status',
  'outcome',
  'endReason',
  'contactPhone',
  'ourPhone',
  'leadId',
  'campaignId',
  'durationSec',
  'talkSec',
  'agentTalkSec',
  'callerTalkSec',
  'interruptions',
  'medianReplyMs',
  'sentiment',
  'qualityScore',
  'summary',
  'costUsd',
  'reviewStatus',
  'tags',
  'reviewer',
];

const lines = (rows: readonly Row[], header: boolean): string =>
  stringify([...rows], {
    columns: [...COLUMNS],
    header,
    record_delimiter: 'windows',
    cast: { string: (text, { column }) => defused(String(column), text) },
  });

/** `read` answers the page behind a cursor; so many calls are in memory at once. */
export async function* callsCsv(
  read: (cursor: string | undefined) => Promise<PageOf<Call>>,
  reviewsOf: (calls: readonly Call[]) => Promise<ReadonlyMap<string, CallReview>>,
): AsyncGenerator<string> {
  yield lines([], true);
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await read(cursor);
    const reviews = await reviewsOf(items);
    if (items.length > 0)
      yield lines(
        items.map((call) => rowOf(call, reviews.get(call._id))),
        false,
      );
    cursor = nextCursor;
  } while (cursor !== undefined);
}
