/** adapters/system: the machine itself as the app sees it: clock, ids, log. */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';
import { type DestinationStream, pino } from 'pino';
import type { Cancel, Clock, Ids, Log, LogFields } from '../app/ports.ts';

const FRAME_MS = 20;
/** After a pause longer than this (a sleeping laptop, a stopped process) the wheel goes on from now. */
const MAX_CATCH_UP_MS = 500;

/**
 * The real clock. All frame tasks share one wheel: its beats are planned from the first one, so that late timers never
 * add up, and it turns only while somebody listens. A beat that was missed is made up at once, up to MAX_CATCH_UP_MS.
 */
export function createClock(log: Log): Clock {
  const tasks = new Set<(steadyMs: number) => void>();
  let timer: NodeJS.Timeout | undefined;
  let dueMs = 0;

  const turn = (): void => {
    const nowMs = performance.now();
    if (nowMs - dueMs > MAX_CATCH_UP_MS) dueMs = nowMs;
    while (dueMs <= nowMs && tasks.size > 0) {
      for (const task of tasks) {
        try {
          task(dueMs);
        } catch (error) {
          log.error({ err: error }, 'a frame task failed');
        }
      }
      dueMs += FRAME_MS;
    }
    timer = tasks.size > 0 ? setTimeout(turn, Math.max(0, dueMs - performance.now())) : undefined;
  };

  return {
    nowMs: () => Date.now(),
    steadyMs: () => performance.now(),
    after(delayMs, task) {
      const pending = longTimeout(delayMs, task);
      return () => pending.cancel();
    },
    everyFrame(task) {
      // Each subscription is its own, even of the same function.
      const own = (steadyMs: number) => task(steadyMs);
      tasks.add(own);
      if (timer === undefined) {
        dueMs = performance.now() + FRAME_MS;
        timer = setTimeout(turn, FRAME_MS);
      }
      return () => {
        tasks.delete(own);
        if (tasks.size > 0) return;
        clearTimeout(timer);
        timer = undefined;
      };
    },
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const onAbort = () => {
          pending.cancel();
          reject(signal?.reason);
        };
        const pending = longTimeout(delayMs, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        // Every call that is being finished sleeps on the one signal of the shutdown: many listeners are no leak here.
        if (signal) setMaxListeners(0, signal);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}

/** Node fires a timer at once when its delay does not fit into 31 bits (24.8 days). */
const MAX_TIMER_MS = 2 ** 31 - 1;

function longTimeout(delayMs: number, task: () => void): { cancel: Cancel } {
  let left = Math.max(0, delayMs);
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const span = Math.min(left, MAX_TIMER_MS);
    left -= span;
    timer = setTimeout(() => (left > 0 ? arm() : task()), span);
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}

/**
 * Ids after the ObjectId specification (mongodb/specifications, source/bson-objectid): 4 bytes of seconds, 5 random bytes
 * of this process, 3 bytes of a counter that begins anywhere. Big-endian, so ids sort by second and, within it, by making.
 */
export function createIds(nowMs: () => number = Date.now): Ids {
  const own = randomBytes(5).toString('hex');
  let counter = randomBytes(3).readUIntBE(0, 3);
  return {
    objectId() {
      counter = (counter + 1) & 0xffffff;
      const seconds = Math.floor(nowMs() / 1000) >>> 0;
      return `${seconds.toString(16).padStart(8, '0')}${own}${counter.toString(16).padStart(6, '0')}`;
    },
    token: () => randomBytes(32).toString('base64url'),
  };
}

/** What may be seen of a person in a log: enough to tell two lines of one call apart, too little to know whose it is. */
function mask(value: unknown): unknown {
  if (typeof value === 'string') {
    const digits = value.replace(/\D/g, '');
    if (digits.length >= 7 && !/\p{L}/u.test(value)) return `…${digits.slice(-2)}`;
    const first = [...value.trim()][0];
    return first === undefined ? '' : `${first}…`;
  }
  if (Array.isArray(value)) return value.map(mask);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mask(inner)]));
  }
  return value === undefined || value === null || typeof value === 'boolean' ? value : '…';
}

/** What an error says, without what it carries: details may hold people's data. Causes follow, a few levels deep. */
function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    type: error.name,
    ...('code' in error ? { code: error.code } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause !== undefined && depth < 4 ? { cause: errorFields(error.cause, depth + 1) } : {}),
  };
}

/** A value in one line of plain characters: nothing in it can move the cursor or look like a line of its own. */
const plain = (value: unknown): string =>
  typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : (JSON.stringify(value) ?? '');

const LABEL: Record<number, string> = { 20: 'debug', 30: 'info ', 40: 'WARN ', 50: 'ERROR' };

function stackOf(error: unknown): string {
  const { message, stack, cause } = error as { message?: unknown; stack?: unknown; cause?: unknown };
  return `\n  ${String(stack ?? message).replaceAll('\n', '\n  ')}${cause ? `\n  because:${stackOf(cause)}` : ''}`;
}

/** One line a person reads: time, level, sentence, then the fields. */
function pretty(out: NodeJS.WritableStream): DestinationStream {
  return {
    write(text) {
      const { level, time, msg, err, ...fields } = JSON.parse(text) as Record<string, unknown>;
      const clock = new Date(Number(time)).toISOString().slice(11, 23);
      const rest = Object.entries(fields)
        .map(([key, value]) => ` ${key}=${plain(value)}`)
        .join('');
      out.write(`${clock} ${LABEL[Number(level)] ?? level} ${msg}${rest}${err ? stackOf(err) : ''}\n`);
    },
  };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines to `out`, or lines for people when it is a terminal. Everything under `pii` is masked. */
export function createLog(level: LogLevel, out: NodeJS.WritableStream = process.stdout): Log {
  // Whoever read the log may be gone; the calls are not.
  out.on('error', () => {});
  const isTerminal = 'isTTY' in out && out.isTTY === true;
  const logger = pino(
    { level, base: null, serializers: { pii: mask, err: (error: unknown) => errorFields(error) } },
    isTerminal ? pretty(out) : { write: (text: string) => void out.write(text) },
  );
  const at =
    (name: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: LogFields, sentence: string): void =>
      logger[name](fields, sentence);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
