/** dashboard/lead/history: everything that happened around a lead, the newest first: calls, messages, consents, opt-outs, steps. */
import '../message/message.css';
import '../ui/history.css';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Message, TimelineEntry } from '../../contract/index.ts';
import { formatMoment, humanise } from '../format.ts';
import { CHANNEL, MESSAGE_STATUS } from '../message/words.ts';
import { messagesQuery, timelineQuery } from '../queries.ts';
import { Ago, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';

type Happening =
  | { readonly at: string; readonly entry: TimelineEntry }
  | { readonly at: string; readonly message: Message };

export function History({ leadId }: { leadId: string }) {
  const timeline = useQuery(timelineQuery(leadId));
  // Messages are drawn from their own list: with their words and what became of them.
  const messages = useInfiniteQuery(messagesQuery({ leadId }));
  const happenings: Happening[] = [
    ...(timeline.data?.entries ?? [])
      .filter(({ kind }) => kind !== 'message')
      .map((entry) => ({ at: entry.at, entry })),
    ...(messages.data?.pages.flatMap((page) => page.items) ?? []).map((message) => ({
      at: message.createdAt,
      message,
    })),
  ].sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  const pending = timeline.isPending || messages.isPending;
  return (
    <Panel id="history" title="History">
      {timeline.error ? <ErrorNote error={timeline.error} retry={() => timeline.refetch()} /> : null}
      {messages.error ? <ErrorNote error={messages.error} retry={() => messages.refetch()} /> : null}
      {pending ? <RowsSkeleton rows={4} /> : null}
      {!pending && !timeline.error && happenings.length === 0 ? (
        <p className="muted">Nothing has happened yet.</p>
      ) : null}
      <ol className="history">
        {happenings.map((happening, index) =>
          'message' in happening ? (
            <li key={happening.message.id} data-kind="message">
              <MessageEntry message={happening.message} />
            </li>
          ) : (
            // biome-ignore lint/suspicious/noArrayIndexKey: entries have no id, and the list is drawn as a whole
            <li key={`${happening.at} ${index}`} data-kind={happening.entry.kind}>
              <Entry entry={happening.entry} />
            </li>
          ),
        )}
      </ol>
      <LoadMore list={messages} />
    </Panel>
  );
}

/** An outcome, a means or a channel stands there as its code, and a channel may stand there twice. */
export const plain = (detail: string): string =>
  detail.replace(/^(\w+): \1: /, '$1: ').replace(/^[a-z]+(?:_[a-z]+)*(?=[,:] |$)/, humanise);

function Entry({ entry }: { entry: TimelineEntry }) {
  return (
    <>
      <span className="history-title">
        {entry.callId ? (
          <Link to="/calls/$callId" params={{ callId: entry.callId }}>
            {entry.title}
          </Link>
        ) : (
          entry.title
        )}
      </span>
      {entry.detail ? <span className="history-detail">{plain(entry.detail)}</span> : null}
      <span className="muted small">
        <Ago at={entry.at} />
      </span>
    </>
  );
}

function MessageEntry({ message }: { message: Message }) {
  const { direction, channel, status, template, subject, text, error, complianceDecision } = message;
  const inbound = direction === 'inbound';
  return (
    <>
      <span className="history-title">
        {CHANNEL[channel]} {inbound ? 'from them' : 'to them'} <Pill word={MESSAGE_STATUS[status]} />
      </span>
      <span className="message-text" data-direction={direction}>
        {subject ? <strong>{`${subject}\n`}</strong> : null}
        {text}
      </span>
      {error ? <span className="history-detail">{error.says}</span> : null}
      {status === 'denied' && complianceDecision ? (
        <span className="history-detail">
          {complianceDecision.explanation}
          {complianceDecision.nextAllowedAt
            ? ` Next allowed ${formatMoment(complianceDecision.nextAllowedAt)}.`
            : ''}
        </span>
      ) : null}
      <span className="muted small">
        <Ago at={message.createdAt} />
        {template ? ` · template ${template}` : ''}
        {message.campaignId ? (
          <>
            {' · '}
            <Link to="/campaigns/$campaignId" params={{ campaignId: message.campaignId }}>
              by a campaign
            </Link>
          </>
        ) : null}
      </span>
    </>
  );
}
