/** dashboard/live: the stream of what happens now. One connection per tab; it keeps the query cache up to date. */
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { type Call, type CallEvent, LiveChange } from '../contract/index.ts';
import { LIVE_CALLS } from './api.ts';
import { keys } from './queries.ts';
import { isOver } from './words.ts';

export type Connection = 'connecting' | 'open' | 'reconnecting';

export interface Live {
  readonly connection: Connection;
  /** Calls that are going on, newest first. */
  readonly calls: readonly Call[];
}

const NOTHING: Live = { connection: 'connecting', calls: [] };
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** What happened to a call that changes what was said in it. */
const CHANGES_WORDS: ReadonlySet<CallEvent['type']> = new Set([
  'said',
  'corrected',
  'interrupted',
  'voicemail_left',
  'reconciled',
]);

const newestFirst = (a: Call, b: Call) => b.initiatedAt.localeCompare(a.initiatedAt);

function apply(change: LiveChange, queries: QueryClient): void {
  const stale = (queryKey: readonly unknown[]) => {
    queries.invalidateQueries({ queryKey }).catch(() => undefined);
  };
  const keep = (call: Call) => {
    queries.setQueryData<Call>(keys.call(call.id), (known) => (known && known.seq > call.seq ? known : call));
  };
  switch (change.type) {
    case 'snapshot': {
      const before = queries.getQueryData<Live>(keys.live)?.calls ?? [];
      queries.setQueryData<Live>(keys.live, {
        connection: 'open',
        calls: change.calls.filter((call) => !isOver(call)).sort(newestFirst),
      });
      for (const call of change.calls) keep(call);
      stale(keys.readiness);
      // What happened while there was no connection is unknown: everything about these calls is asked for again.
      for (const id of new Set([...before, ...change.calls].map((call) => call.id))) stale(keys.call(id));
      stale(keys.callLists);
      return;
    }
    case 'call': {
      keep(change.call);
      queries.setQueryData<Live>(keys.live, (live = NOTHING) => {
        const others = live.calls.filter((call) => call.id !== change.call.id);
        return {
          ...live,
          calls: isOver(change.call) ? others : [change.call, ...others].sort(newestFirst),
        };
      });
      if (isOver(change.call)) {
        stale(keys.callLists);
        stale(keys.call(change.call.id));
        if (change.call.leadId) stale(keys.lead(change.call.leadId));
      }
      return;
    }
    case 'event': {
      const { event } = change;
      const known = queries.getQueryData<CallEvent[]>(keys.events(event.callId));
      if (known && !known.some((other) => other.seq === event.seq)) {
        const last = known.at(-1)?.seq;
        if (last === undefined || event.seq === last + 1) {
          queries.setQueryData<CallEvent[]>(keys.events(event.callId), [...known, event]);
        } else {
          stale(keys.events(event.callId));
        }
      }
      // The words come from the server's own fold of the events, so that screen, export and analysis agree.
      if (CHANGES_WORDS.has(event.type)) stale(keys.transcript(event.callId));
      return;
    }
    case 'reconnect':
      return;
  }
}

/** Connects for as long as `wanted`; a lost connection is opened again after 1 s, 2 s, … at most 30 s. */
function follow(queries: QueryClient): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitMs = FIRST_WAIT_MS;

  const show = (connection: Connection) =>
    queries.setQueryData<Live>(keys.live, (live = NOTHING) => ({ ...live, connection }));

  const retry = () => {
    source?.close();
    source = undefined;
    if (timer !== undefined) return;
    show('reconnecting');
    // Up to a quarter more, so that many tabs do not come back in the same moment.
    timer = setTimeout(connect, waitMs * (1 + Math.random() / 4));
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
  };

  const read = (message: MessageEvent<string>) => {
    let json: unknown;
    try {
      json = JSON.parse(message.data);
    } catch {
      return;
    }
    // A newer server may say things that this page does not know; they are left out.
    const change = LiveChange.safeParse(json).data;
    if (!change) return;
    if (change.type === 'snapshot') waitMs = FIRST_WAIT_MS;
    if (change.type === 'reconnect') retry();
    else apply(change, queries);
  };

  function connect(): void {
    clearTimeout(timer);
    timer = undefined;
    source?.close();
    source = new EventSource(LIVE_CALLS, { withCredentials: true });
    for (const type of ['snapshot', 'call', 'event', 'reconnect'] as const)
      source.addEventListener(type, read);
    source.onerror = () => {
      // EventSource hides the status of a refusal: the session is asked whether it still holds.
      for (const queryKey of [keys.me, keys.readiness])
        queries.invalidateQueries({ queryKey }).catch(() => undefined);
      retry();
    };
  }

  const atOnce = () => {
    if (timer !== undefined) connect();
  };
  window.addEventListener('online', atOnce);
  connect();
  return () => {
    window.removeEventListener('online', atOnce);
    clearTimeout(timer);
    source?.close();
  };
}

/** Keeps the connection open while the component that calls this is shown. Once per tab. */
export function useLiveConnection(): void {
  const queries = useQueryClient();
  useEffect(() => follow(queries), [queries]);
}

export function useLive(): Live {
  return (
    useQuery<Live>({ queryKey: keys.live, queryFn: () => NOTHING, enabled: false, gcTime: Infinity }).data ??
    NOTHING
  );
}
