/**
 * carrier/recordings: recordings of calls (twilio.md §2.4). A recording is a cut out of the line's two tracks; its
 * file becomes ready a moment after the call, and then the callback goes out.
 */
import type { Method, Webhooks } from './callbacks.ts';
import { type Clock, FRAME_MS } from './clock.ts';
import type { Journal } from './journal.ts';
import { cut, type Line, wavOf } from './line.ts';

type RecordingSource = 'OutboundAPI' | 'StartCallRecordingAPI' | 'RecordVerb';
type RecordingEvent = 'in-progress' | 'completed' | 'absent';

export type RecordingRequest = {
  readonly source: RecordingSource;
  readonly channels: 1 | 2;
  readonly trim: boolean;
  readonly statusCallback?: string;
  readonly statusCallbackMethod: Method;
  readonly statusCallbackEvents: readonly string[];
};

/** `durationS` is known when it ended. */
export type Recording = RecordingRequest & {
  readonly sid: string;
  readonly callSid: string;
  readonly startedAt: Date;
  readonly url: string;
  updatedAt: Date;
  status: 'in-progress' | 'processing' | 'completed' | 'absent';
  durationS: number | undefined;
};

type Running = {
  readonly recording: Recording;
  readonly line: Line;
  readonly from: number;
  to: number | undefined;
};

export type Recordings = {
  readonly all: ReadonlyMap<string, Recording>;
  start(callSid: string, line: Line, request: RecordingRequest): Recording;
  /** Ends one recording; the file follows. False when it had ended before. */
  stop(sid: string): boolean;
  /** Ends all recordings of a call. */
  stopCall(callSid: string): void;
  /** The file, once completed; undefined when this recording has no two channels to give or its audio is gone. */
  wav(recording: Recording, requestedChannels: 1 | 2 | undefined): Buffer | undefined;
  remove(sid: string): boolean;
  /** Forgets the audio of a call whose tracks are dropped. */
  forgetCall(callSid: string): void;
};

type Options = {
  readonly accountSid: string;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly webhooks: Webhooks;
  readonly newSid: (prefix: string) => string;
  /** Where the recordings can be fetched, without a slash at the end. */
  readonly publicUrl: () => string;
};

export function createRecordings(options: Options): Recordings {
  const { accountSid, clock, journal, webhooks, newSid, publicUrl } = options;
  const running = new Map<string, Running>();
  const all = new Map<string, Recording>();

  function tell(recording: Recording, event: RecordingEvent): void {
    journal.note('recording', recording.callSid, { sid: recording.sid, status: event });
    if (recording.statusCallback === undefined || !recording.statusCallbackEvents.includes(event)) return;
    webhooks.tell('recording', {
      url: recording.statusCallback,
      method: recording.statusCallbackMethod,
      callSid: recording.callSid,
      params: {
        AccountSid: accountSid,
        CallSid: recording.callSid,
        RecordingSid: recording.sid,
        RecordingUrl: recording.url,
        RecordingStatus: event,
        ...(recording.durationS === undefined ? {} : { RecordingDuration: String(recording.durationS) }),
        RecordingChannels: String(recording.channels),
        RecordingStartTime: recording.startedAt.toUTCString().replace('GMT', '+0000'),
        RecordingSource: recording.source,
        RecordingTrack: 'both',
        ...(event === 'absent' ? { ErrorCode: '16101' } : {}),
      },
    });
  }

  function stop(sid: string): boolean {
    const entry = running.get(sid);
    if (entry === undefined || entry.to !== undefined) return false;
    const { recording, line, from } = entry;
    entry.to = line.frames;
    const frames = entry.to - from;
    recording.status = 'processing';
    recording.updatedAt = new Date();
    clock.after(journal.faults.recordings.delayMs, () => {
      if (!all.has(sid)) return;
      recording.durationS = Math.round((frames * FRAME_MS) / 1000);
      recording.status = frames > 0 ? 'completed' : 'absent';
      recording.updatedAt = new Date();
      tell(recording, recording.status);
    });
    return true;
  }

  return {
    all,
    start: (callSid, line, request) => {
      const sid = newSid('RE');
      const recording: Recording = {
        ...request,
        sid,
        callSid,
        startedAt: new Date(),
        updatedAt: new Date(),
        url: `${publicUrl()}/2010-04-01/Accounts/${accountSid}/Recordings/${sid}`,
        status: 'in-progress',
        durationS: undefined,
      };
      all.set(sid, recording);
      running.set(sid, { recording, line, from: line.frames, to: undefined });
      tell(recording, 'in-progress');
      return recording;
    },
    stop,
    stopCall: (callSid) => {
      for (const { recording } of running.values()) if (recording.callSid === callSid) stop(recording.sid);
    },
    wav: (recording, requestedChannels) => {
      const entry = running.get(recording.sid);
      const channels = requestedChannels ?? recording.channels;
      const { noDual, swapChannels } = journal.faults.recordings;
      if (entry?.to === undefined || (channels === 2 && (recording.channels === 1 || noDual)))
        return undefined;
      const part = cut(entry.line.tracks(), entry.from, entry.to, recording.trim);
      return wavOf(part, channels, swapChannels ? 'heard-first' : 'said-first');
    },
    remove: (sid) => {
      stop(sid);
      running.delete(sid);
      return all.delete(sid);
    },
    forgetCall: (callSid) => {
      for (const { recording } of running.values()) {
        if (recording.callSid !== callSid) continue;
        running.delete(recording.sid);
        all.delete(recording.sid);
      }
    },
  };
}
