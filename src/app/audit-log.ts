/**
 * app/audit-log: who did and saw what, for ever. Requests only put a line into a queue; it is written behind them, again and
 * again while the store is away, and what does not fit into the queue any more is counted, not lost in silence.
 */
import { isFailure } from '../domain/errors.ts';
import type { AuditEntry } from '../domain/user.ts';
import { type Page, page } from './paging.ts';
import type { Clock, Filter, Ids, Log, Store } from './ports.ts';

const MOST_WAITING = 10_000;
const AT_ONCE = 8;
const AGAIN_MS = 2_000;
/** One look at a thing asks for it many times: a player fetches its audio in pieces. */
const SAME_LOOK_MS = 60_000;
const MOST_LOOKS = 5_000;

export type Noted = Omit<AuditEntry, '_id' | 'at' | 'createdAt' | 'updatedAt'>;

export interface AuditQuery {
  readonly who?: string;
  /** An id, or a number, that something was done to. */
  readonly target?: string;
  readonly kind?: AuditEntry['kind'];
  readonly from?: Date;
  readonly to?: Date;
  readonly limit: number;
  readonly cursor?: string;
}

export interface AuditDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export type AuditLog = ReturnType<typeof createAuditLog>;

export function createAuditLog({ store, clock, ids, log }: AuditDeps) {
  const entries = store.collection('audit_log');
  const waiting: AuditEntry[] = [];
  const looks = new Map<string, number>();
  let dropped = 0;
  let writing: Promise<void> | undefined;

  function isSameLook(entry: Noted, nowMs: number): boolean {
    const key = JSON.stringify([entry.who.id, entry.route, entry.targets, entry.status < 400]);
    const last = looks.get(key);
    if (last !== undefined && nowMs - last < SAME_LOOK_MS) return true;
    looks.delete(key);
    looks.set(key, nowMs);
    const [oldest] = looks.keys();
    if (looks.size > MOST_LOOKS && oldest !== undefined) looks.delete(oldest);
    return false;
  }

  /** Returns at once. */
  function note(entry: Noted): void {
    const nowMs = clock.nowMs();
    if (entry.kind === 'opening' && isSameLook(entry, nowMs)) return;
    if (waiting.length >= MOST_WAITING) {
      dropped += 1;
      if (dropped === 1) log.error({}, 'the audit log cannot be written fast enough; entries are dropped');
      return;
    }
    const at = new Date(nowMs);
    waiting.push({ _id: ids.objectId(), at, ...entry, createdAt: at, updatedAt: at });
    begin();
  }

  function begin(): void {
    writing ??= write().finally(() => {
      writing = undefined;
      if (waiting.length > 0) begin();
    });
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, AT_ONCE);
      try {
        // Put, not inserted: one whose first write went through unseen is the same one again.
        await Promise.all(batch.map((entry) => entries.put(entry)));
        waiting.splice(0, batch.length);
      } catch (error) {
        log.warn({ err: error, waiting: waiting.length }, 'the audit log could not be written');
        if (isFailure(error, 'store_unavailable')) await clock.sleep(AGAIN_MS);
        // What the store refuses would hold up everything behind it.
        else dropped += waiting.splice(0, batch.length).length;
      }
    }
  }

  /** Newest first. Throws `invalid_request`. */
  function list({ who, target, kind, from, to, limit, cursor }: AuditQuery): Promise<Page<AuditEntry>> {
    const filter: Filter = {
      ...(who === undefined ? {} : { 'who.id': who }),
      ...(target === undefined ? {} : { targets: target }),
      ...(kind === undefined ? {} : { kind }),
      ...(from || to ? { at: { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) } } : {}),
    };
    const sort = { field: 'at', direction: -1 } as const;
    return page(entries, { filter, sort, limit, ...(cursor === undefined ? {} : { cursor }) });
  }

  return {
    note,
    list,
    figures: () => ({ waiting: waiting.length, dropped }),
    /** Resolves when everything noted is stored, or after `patienceMs`. */
    async settled(patienceMs: number): Promise<void> {
      if (!writing) return;
      const enough = new AbortController();
      const late = clock.sleep(patienceMs, enough.signal).catch(() => undefined);
      await Promise.race([writing, late]);
      enough.abort();
      if (waiting.length > 0) log.error({ lost: waiting.length }, 'entries of the audit log were not stored');
    },
  };
}
