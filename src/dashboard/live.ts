/** dashboard/live: the stream of what happens now. One connection per tab; it keeps the query cache up to date. */
import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { type Call, type CallEvent, LiveChange, type LiveWords, type Transcript } from '../contract/index.ts';
import { LIVE_CALLS } from './api.ts';
import { keys } from './queries.ts';
import { isOver } from './words.ts';

export type Connection = 'connecting' | 'open' | 'reconnecting';

export interface Live {
  readonly connection: Connection;
  /** Calls that are going on, newest first. */
  readonly calls: readonly Call[];
  /** The last that was said on each of them. */
  readonly said: ReadonlyMap<string, Said>;
}

/** What is known of the words of a live call without reading its transcript. */
export interface Said extends Pick<LiveWords, 'signs' | 'messages'> {
  /** The place of the first of these messages in the transcript. */
  readonly from: number;
  /** When the last change came. */
  readonly atMs: number;
}

const NOTHING: Live = { connection: 'connecting', calls: [], said: new Map() };
/** Messages kept of each call on the wall. */
const LAST_MESSAGES = 4;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** What happens behind a talk and changes its words; while it goes on they are told by themselves. */
const CHANGES_WORDS: ReadonlySet<CallEvent['type']> = new Set(['reconciled', 'analysed', 'reworded']);

const newestFirst = (a: Call, b: Call) => b.initiatedAt.localeCompare(a.initiatedAt);

/** The messages up to where the new ones begin, and these; undefined when some are missing between. */
function spliced<T>(
  known: readonly T[],
  knownFrom: number,
  from: number,
  messages: readonly T[],
): T[] | undefined {
  const kept = from - knownFrom;
  return kept < 0 || kept > known.length ? undefined : [...known.slice(0, kept), ...messages];
}

function heard(before: Said | undefined, { from, messages, signs }: LiveWords): Said {
  const all = before && spliced(before.messages, before.from, from, messages);
  const first = all ? before.from : from;
  const last = (all ?? messages).slice(-LAST_MESSAGES);
  return { from: first + (all ?? messages).length - last.length, messages: last, signs, atMs: Date.now() };
}

function apply(change: LiveChange, queries: QueryClient): void {
  const stale = (queryKey: readonly unknown[]) => {
    queries.invalidateQueries({ queryKey }).catch(() => undefined);
  };
  /** Of a call that was read; the stream leaves out what does not change any more. */
  const keep = (call: Call) => {
    queries.setQueryData<Call>(keys.call(call.id), (known) => {
      if (!known || known.seq > call.seq) return known;
      const { complianceDecision, terms } = known;
      return { ...(complianceDecision ? { complianceDecision } : {}), ...(terms ? { terms } : {}), ...call };
    });
  };
  switch (change.type) {
    case 'snapshot': {
      const before = queries.getQueryData<Live>(keys.live)?.calls ?? [];
      queries.setQueryData<Live>(keys.live, {
        connection: 'open',
        calls: change.calls.filter((call) => !isOver(call)).sort(newestFirst),
        said: new Map(change.words.map((words) => [words.callId, heard(undefined, words)])),
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
        const said = new Map(live.said);
        if (isOver(change.call)) said.delete(change.call.id);
        return {
          ...live,
          said,
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
      if (CHANGES_WORDS.has(event.type)) stale(keys.transcript(event.callId));
      return;
    }
    case 'words': {
      // The server's own fold of the events, so that screen, export and analysis agree.
      const { words } = change;
      queries.setQueryData<Live>(keys.live, (live = NOTHING) => ({
        ...live,
        said: new Map(live.said).set(words.callId, heard(live.said.get(words.callId), words)),
      }));
      const known = queries.getQueryData<Transcript>(keys.transcript(words.callId));
      const messages = known && spliced(known.messages, 0, words.from, words.messages);
      if (known && messages)
        queries.setQueryData<Transcript>(keys.transcript(words.callId), { ...known, messages });
      else if (known) stale(keys.transcript(words.callId));
      return;
    }
    case 'store':
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
    for (const type of ['snapshot', 'call', 'event', 'words', 'reconnect'] as const)
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
