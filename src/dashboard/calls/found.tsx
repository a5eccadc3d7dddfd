/** dashboard/calls/found: the calls in which something was said, with the places, each a link to its second. */
import { IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { FoundCall } from '../../contract/index.ts';
import { formatLength, formatPhone } from '../format.ts';
import { saidQuery } from '../queries.ts';
import type { CallSearch } from '../search.ts';
import { Ago, Length, Notice, Pill } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { useCallerName } from '../ui/who.ts';
import { OUTCOME, STATUS } from '../words.ts';
import { filterOf } from './filters.tsx';

/** The words and "phrases" of a question, as they may stand in what was said. */
const wordsOf = (text: string): string[] =>
  [...text.matchAll(/"([^"]+)"|([\p{L}\p{N}']+)/gu)].flatMap(([, phrase, word]) => phrase ?? word ?? []);

/** What was said with the words that were asked for marked. */
function Marked({ text, asked }: { text: string; asked: string }) {
  const words = wordsOf(asked).map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (words.length === 0) return text;
  const parts = text.split(new RegExp(`(${words.join('|')})`, 'giu'));
  return parts.map((part, index) =>
    // Of a split by one group, every second part is what the group took.
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have no other identity
    index % 2 === 1 ? <mark key={index}>{part}</mark> : part,
  );
}

function Found({ found: { call, said }, asked }: { found: FoundCall; asked: string }) {
  const name = useCallerName(call);
  return (
    <li className="found">
      <div className="found-head">
        <Link className="found-who" to="/calls/$callId" params={{ callId: call.id }}>
          <strong>{name ?? formatPhone(call.contactPhone)}</strong>
        </Link>
        <span className="muted small">
          <Ago at={call.initiatedAt} />
          {call.duration ? (
            <>
              {' · '}
              <Length seconds={call.duration} />
            </>
          ) : null}
        </span>
        <span className="grow" />
        <Pill word={call.outcome ? OUTCOME[call.outcome] : STATUS[call.status]} />
      </div>
      <ul className="found-places">
        {said.map((place) => (
          <li key={place.index}>
            <Link
              to="/calls/$callId"
              params={{ callId: call.id }}
              search={{ t: Math.floor(place.timestamp) }}
              aria-label={`To ${formatLength(place.timestamp)} of this call`}
              className="num"
            >
              {formatLength(place.timestamp)}
            </Link>
            <span>
              <span className="muted">
                {place.speaker === 'agent'
                  ? 'Agent'
                  : place.speaker === 'user'
                    ? (name ?? 'Caller')
                    : 'System'}
                :{' '}
              </span>
              <Marked text={place.text} asked={asked} />
            </span>
          </li>
        ))}
      </ul>
    </li>
  );
}

export function FoundCalls({ search, text }: { search: CallSearch; text: string }) {
  const found = useInfiniteQuery(saidQuery({ ...filterOf(search), text }));
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  const unfinished = found.data?.pages.some(({ complete }) => !complete) ?? false;
  return (
    <>
      {found.error ? <ErrorNote error={found.error} retry={() => found.refetch()} /> : null}
      {unfinished ? (
        <Notice tone="info" title="Not everything has been looked through yet">
          The index of what was said is being made at this moment. There may be more in a minute; this page
          looks again by itself.
        </Notice>
      ) : null}
      {found.isPending ? <RowsSkeleton /> : null}
      {items.length > 0 ? (
        <ul className="found-list" aria-label="Calls in which it was said">
          {items.map((each) => (
            <Found key={each.call.id} found={each} asked={text} />
          ))}
        </ul>
      ) : null}
      {found.data && items.length === 0 && !found.hasNextPage ? (
        <Empty icon={<IconSearch size={36} stroke={1.4} />} title="Nobody said that">
          Try fewer words, or show all calls. Words in "quotes" must stand together.
        </Empty>
      ) : null}
      <LoadMore list={found} />
    </>
  );
}
