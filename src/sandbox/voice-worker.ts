/**
 * sandbox/voice-worker: the thread in which the flite synthesiser runs, so that a sentence (70–140 ms of
 * computing) never delays a socket. One job at a time; `voices.ts` is the only one who talks to it.
 *
 * flite is a command-line program compiled to WebAssembly. The little of an operating system that it asks for
 * (WASI preview1: arguments, a file to write, an exit code) is given to it here, in memory. Node's own `node:wasi`
 * is not used: its native fast calls corrupt memory when a module grows its memory, and end the whole process.
 */
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';

type Memory = { readonly buffer: ArrayBuffer };
/** The part of Node's WebAssembly that is used here; the compiler's library declares it only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

const Start = z.object({ wasm: z.string() });
const Job = z.object({ id: z.number(), text: z.string(), voice: z.string() });

/** What comes back for a job: a WAV file as flite wrote it, or why there is none. */
export type VoiceAnswer =
  | { readonly id: number; readonly wav: Uint8Array }
  | { readonly id: number; readonly error: string };

const OK = 0;
const BAD_DESCRIPTOR = 8;
const NO_ENTRY = 44;
const NO_SEEK = 70;
const STDERR = 2;
const FOLDER = 3;
const FILE = 4;
const FOLDER_NAME = Buffer.from('/o');
const FILE_LIMIT = 64 * 1024 * 1024;

/** How a WASI program ends: thrown through it, as there is no other way out. */
class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

const flite = new WebAssembly.Module(readFileSync(Start.parse(workerData).wasm));

/** Runs flite once, as its command line would be run, and gives the one file it writes. */
function synthesise(text: string, voice: string): Uint8Array {
  const args = ['flite', '-voice', voice, '-t', text, '-o', '/o/x.wav'].map((arg) => Buffer.from(`${arg}\0`));
  let file = Buffer.alloc(256 * 1024);
  let length = 0;
  let position = 0;
  let complaint = '';
  let memory: Memory = { buffer: new ArrayBuffer(0) };
  // Growing its memory detaches every earlier view, so each call takes a new one.
  const view = () => new DataView(memory.buffer);
  const bytes = (at: number, size: number) => Buffer.from(memory.buffer, at, size);

  function write(data: Buffer): void {
    const end = position + data.length;
    if (end > FILE_LIMIT) throw new Error('flite wrote too much');
    if (end > file.length) file = Buffer.concat([file], Math.max(end, file.length * 2));
    data.copy(file, position);
    position = end;
    length = Math.max(length, end);
  }

  const system = {
    args_sizes_get(count: number, size: number) {
      view().setUint32(count, args.length, true);
      view().setUint32(size, Buffer.concat(args).length, true);
      return OK;
    },
    args_get(list: number, at: number) {
      let next = at;
      for (const [i, arg] of args.entries()) {
        view().setUint32(list + 4 * i, next, true);
        next += arg.copy(bytes(next, arg.length));
      }
      return OK;
    },
    /** Time stands still, so that the same text always gives the same sound. */
    clock_time_get(_clock: number, _precision: bigint, at: number) {
      view().setBigUint64(at, 0n, true);
      return OK;
    },
    fd_prestat_get(fd: number, at: number) {
      if (fd !== FOLDER) return BAD_DESCRIPTOR;
      view().setUint32(at, 0, true);
      view().setUint32(at + 4, FOLDER_NAME.length, true);
      return OK;
    },
    fd_prestat_dir_name(_fd: number, at: number, size: number) {
      FOLDER_NAME.copy(bytes(at, size));
      return OK;
    },
    fd_fdstat_get(fd: number, at: number) {
      if (fd > FILE) return BAD_DESCRIPTOR;
      bytes(at, 24).fill(0);
      view().setUint8(at, fd === FOLDER ? 3 : fd === FILE ? 4 : 2);
      bytes(at + 8, 16).fill(0xff);
      return OK;
    },
    fd_fdstat_set_flags: () => OK,
    path_open(
      folder: number,
      _how: number,
      at: number,
      size: number,
      _create: number,
      _rights: bigint,
      _inherited: bigint,
      _flags: number,
      fd: number,
    ) {
      if (folder !== FOLDER || bytes(at, size).toString() !== 'x.wav') return NO_ENTRY;
      length = 0;
      position = 0;
      view().setUint32(fd, FILE, true);
      return OK;
    },
    fd_write(fd: number, list: number, count: number, written: number) {
      let total = 0;
      for (let i = 0; i < count; i += 1) {
        const at = view().getUint32(list + 8 * i, true);
        const data = bytes(at, view().getUint32(list + 8 * i + 4, true));
        if (fd === FILE) write(data);
        else if (fd === STDERR) complaint = `${complaint}${data}`.slice(0, 500);
        total += data.length;
      }
      view().setUint32(written, total, true);
      return OK;
    },
    fd_read(_fd: number, _list: number, _count: number, got: number) {
      view().setUint32(got, 0, true);
      return OK;
    },
    fd_seek(fd: number, offset: bigint, from: number, at: number) {
      if (fd !== FILE) return NO_SEEK;
      position = Number(offset) + (from === 0 ? 0 : from === 1 ? position : length);
      view().setBigUint64(at, BigInt(position), true);
      return OK;
    },
    fd_close: () => OK,
    proc_exit(code: number) {
      throw new Exit(code);
    },
  };
  const program = new WebAssembly.Instance(flite, { wasi_snapshot_preview1: system }).exports as {
    readonly memory: Memory;
    readonly _start: () => void;
  };
  memory = program.memory;
  try {
    program._start();
  } catch (cause) {
    if (!(cause instanceof Exit)) throw cause;
    if (cause.code !== 0) throw new Error(`flite ended with code ${cause.code} ${complaint}`.trim());
  }
  if (length === 0) throw new Error(`flite wrote nothing ${complaint}`.trim());
  return new Uint8Array(file.subarray(0, length));
}

parentPort?.on('message', (message: unknown) => {
  const { id, text, voice } = Job.parse(message);
  let answer: VoiceAnswer;
  try {
    answer = { id, wav: synthesise(text, voice) };
  } catch (cause) {
    answer = { id, error: cause instanceof Error ? cause.message : String(cause) };
  }
  parentPort?.postMessage(answer);
});
