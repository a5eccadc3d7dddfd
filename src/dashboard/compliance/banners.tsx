/** dashboard/compliance/banners: what everybody must know on every page: calls are stopped or wait, or soon will. */
import {
  IconCalendarExclamation,
  IconDatabaseOff,
  IconHandStop,
  IconPlugConnectedX,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ListStatus } from '../../contract/index.ts';
import { formatDate, formatIn, sentence } from '../format.ts';
import { listsQuery, policyQuery, readinessQuery } from '../queries.ts';
import { useNow } from '../ui/pieces.tsx';

const MINUTE = 60_000;

/** A copy that is there must be fresh, needed or not; one that is missing matters only where it is needed. */
const blocks = (list: ListStatus): boolean =>
  list.state === 'missing' ? list.required : list.state === 'stale' && list.blocksAt !== null;
/** Old, and yet nothing is blocked: soon it will be, or the list has no legal age. */
const agesOnly = (list: ListStatus): boolean =>
  list.state === 'aging' || (list.state === 'stale' && list.blocksAt === null);

export function Banners() {
  const policy = useQuery(policyQuery);
  const lists = useQuery(listsQuery).data ?? [];
  const blocking = lists.filter(blocks);
  const aging = lists.filter(agesOnly);
  const since = policy.data?.history.find((change) =>
    change.changes.some(({ setting, after }) => setting === 'killSwitch' && after === true),
  );
  return (
    <>
      <Away />
      {policy.data?.killSwitch ? (
        <div className="strip" data-tone="bad" role="alert">
          <IconHandStop size={18} aria-hidden="true" />
          <p>
            <strong>All outbound calls are stopped.</strong>
            {since ? ` ${since.reason}` : ''} <Link to="/compliance/policy">Policy</Link>
          </p>
        </div>
      ) : null}
      {blocking.length > 0 ? (
        <div className="strip" data-tone="bad" role="alert">
          <IconCalendarExclamation size={18} aria-hidden="true" />
          <p>
            <strong>Calls are refused for want of a fresh list:</strong>{' '}
            {blocking
              .map((list) => `${list.name} (${list.state === 'missing' ? 'no copy' : 'too old'})`)
              .join(', ')}
            . <Link to="/compliance/lists">Import it</Link>
          </p>
        </div>
      ) : null}
      {aging.length > 0 ? <Aging lists={aging} /> : null}
    </>
  );
}

/** The server is away, or its database, or that is being told what it missed: this waits on the server's own disk. */
function Away() {
  const readiness = useQuery(readinessQuery);
  const checks = readiness.data?.checks ?? [];
  if (readiness.error) {
    return (
      <div className="strip" data-tone="bad" role="alert">
        <IconPlugConnectedX size={18} aria-hidden="true" />
        <p>
          <strong>Parley does not answer.</strong> What you see may be old. This page tries again by itself.
        </p>
      </div>
    );
  }
  // Old lists have strips of their own.
  const failing = checks.filter(({ name, ok }) => !ok && name !== 'lists');
  if (failing.length === 0) return null;
  const journal = failing.find(({ name }) => name === 'journal');
  return (
    <div className="strip" data-tone="bad" role="alert">
      <IconDatabaseOff size={18} aria-hidden="true" />
      <p>
        <strong>
          {journal ? 'The database is away or catching up.' : 'The service is not ready for calls.'}
        </strong>{' '}
        {journal
          ? `Live calls go on, and nothing of them is lost. Outbound calls wait until it is back. ${sentence(journal.detail)}`
          : null}{' '}
        <span className="small">
          {failing
            .filter((check) => check !== journal)
            .map(({ detail }) => sentence(detail))
            .join(' ')}
        </span>
      </p>
    </div>
  );
}

function Aging({ lists }: { lists: readonly ListStatus[] }) {
  const now = useNow(MINUTE);
  return (
    <div className="strip" data-tone="warn" role="note">
      <IconCalendarExclamation size={18} aria-hidden="true" />
      <p>
        {lists.map((list) => (
          <span key={list.list}>
            <strong>{list.name}</strong>: our copy grows old
            {list.blocksAt
              ? ` and blocks calls from ${formatDate(list.blocksAt)} (${formatIn(list.blocksAt, now)})`
              : ''}
            .{' '}
          </span>
        ))}
        <Link to="/compliance/lists">Import a newer one</Link>
      </p>
    </div>
  );
}
