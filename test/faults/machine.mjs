/**
 * The machine of a process that is to be killed: `node --import machine.mjs?shiftMs=…&disk=…`. Its calendar is shifted, so
 * that people may be called whatever the hour; and what its journal wrote is on the disk only when it was synced, so that a
 * kill is as a power cut. `disk=lies`: a disk that says so before it is so.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const wanted = new URL(import.meta.url).searchParams;
const shiftMs = Number(wanted.get('shiftMs') ?? 0);
const RealDate = Date;
const nowMs = () => RealDate.now() + shiftMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [nowMs()] : args),
  get: (target, key) => (key === 'now' ? nowMs : Reflect.get(target, key)),
});

/** How long a disk that lies needs for what it said it had done. */
const LATE_MS = 3_000;

/** Makes what is written to a file wait in memory for its sync, and reach the disk in two pieces. */
function volatile(file, lies) {
  let waiting = [];
  const { write, datasync, truncate } = file;
  async function reachDisk() {
    const due = waiting;
    waiting = [];
    for (const { bytes, at } of due) {
      const half = bytes.length >> 1;
      for (const [from, to] of [
        [0, half],
        [half, bytes.length],
      ])
        if (to > from) await write.call(file, bytes, from, to - from, at + from);
    }
    await datasync.call(file);
  }
  file.write = async (buffer, from, length, at) => {
    waiting.push({ bytes: Buffer.from(buffer.subarray(from, from + length)), at });
    return { bytesWritten: length, buffer };
  };
  file.truncate = async (size) => {
    waiting = waiting.filter(({ at }) => at < size);
    await truncate.call(file, size);
  };
  const sync = async () => {
    if (lies)
      void sleep(LATE_MS)
        .then(reachDisk)
        .catch(() => undefined);
    else await reachDisk();
  };
  file.sync = sync;
  file.datasync = sync;
}

const { open } = fs;
fs.open = async (path, flags, mode) => {
  const file = await open(path, flags, mode);
  if (flags === 'wx' && String(path).endsWith('.journal')) volatile(file, wanted.get('disk') === 'lies');
  return file;
};
syncBuiltinESMExports();
