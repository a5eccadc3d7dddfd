/**
 * carrier/calls: the life of a call, from the queue to its last callback (twilio.md §2.2, §2.3, §4). Everything a
 * call does hangs on its `life` signal, which its end aborts; there is one way to end (`end`), whoever ends it.
 */
import { type CallerScript, callerFor, callerNamed } from '../callers.ts';
import type { Params, Webhooks } from './callbacks.ts';
import { Caller, keyTones, type Speak } from './caller.ts';
import { type Clock, chance } from './clock.ts';
import type { Journal } from './journal.ts';
import { Line } from './line.ts';
import type { Hook } from './numbers.ts';
import { createPrograms, type Document, type Leg, type Source } from './program.ts';
import type { Recording, RecordingRequest, Recordings } from './recordings.ts';
import type { Verb } from './twiml.ts';

const POST_DIAL_MS = 120;
const QUEUE_LIMIT = 10_000;
const CALL_LIMIT = 20_000;
/** Sound of ended calls that is kept, in bytes: about two and a half hours of both directions. */
const AUDIO_LIMIT_BYTES = 144 * 1024 * 1024;
const DEFAULT_TIMEOUT_S = 60;
const DEFAULT_TIME_LIMIT_S = 4 * 60 * 60;
/** List prices a minute (twilio.md §7). */
const PRICE_OUTBOUND = 0.014;
const PRICE_INBOUND = 0.0085;

type CallStatus =
  | 'queued'
  | 'ringing'
  | 'in-progress'
  | 'completed'
  | 'busy'
  | 'failed'
  | 'no-answer'
  | 'canceled';

export type StatusEvent = 'initiated' | 'ringing' | 'answered' | 'completed';

type Detection = {
  readonly mode: 'Enable' | 'DetectMessageEnd';
  readonly async: boolean;
  readonly callback: Hook | undefined;
  readonly timeoutMs: number;
};

/** What `Calls.json` asks for, checked. */
export type CallRequest = {
  readonly to: string;
  readonly from: string;
  readonly source: Source;
  readonly fallback: Hook | undefined;
  readonly statusCallback: (Hook & { readonly events: ReadonlySet<StatusEvent> }) | undefined;
  readonly timeoutS: number;
  readonly timeLimitS: number;
  readonly sendDigits: string;
  readonly detection: Detection | undefined;
  readonly recording: RecordingRequest | undefined;
};

/** One leg, as the carrier sees it. `person` is the number of the scripted caller. */
export type Call = {
  readonly sid: string;
  readonly direction: 'outbound-api' | 'outbound-dial' | 'inbound';
  readonly from: string;
  readonly to: string;
  readonly parentCallSid: string | undefined;
  readonly script: CallerScript;
  readonly createdAt: Date;
  readonly life: AbortController;
  readonly timeoutS: number;
  request: CallRequest | undefined;
  statusCallback: CallRequest['statusCallback'];
  fallback: Hook | undefined;
  timeLimitS: number;
  status: CallStatus;
  updatedAt: Date;
  /** When it left the queue, carrier ms and the world's time. */
  dialledAtMs: number | undefined;
  /** How long it waited; while it waits, how long it is expected to. */
  queueTimeMs: number;
  readonly queuedAtMs: number;
  startedAt: Date | undefined;
  answeredAtMs: number | undefined;
  endedAt: Date | undefined;
  endedAtMs: number | undefined;
  durationS: number | undefined;
  answeredBy: string | undefined;
  recording: Recording | undefined;
  line: Line | undefined;
  program: AbortController | undefined;
  /** Settles when the newest program has left the line. */
  running: Promise<void>;
  sequence: number;
  /** Resolves at the voicemail's beep. */
  readonly beep: { readonly heard: Promise<void>; readonly sound: () => void };
  cancelTimeLimit: () => void;
};

/** A verb over REST that did not fit the call's state (21220). */
type Refused = { readonly refused: string };

export type Calls = {
  readonly all: ReadonlyMap<string, Call>;
  /** Accepts an outbound call into the queue; undefined when the queue is full. */
  create(request: CallRequest): Call | undefined;
  /** Somebody calls one of the account's numbers. */
  receive(
    from: string,
    to: string,
    script: CallerScript,
    voice: { url: Hook | undefined; fallback: Hook | undefined; status: Hook | undefined },
  ): Call;
  /** `Status=canceled` or `completed` over REST. */
  finish(call: Call, wanted: 'canceled' | 'completed'): Refused | undefined;
  redirect(call: Call, source: Source): Refused | undefined;
  setTimeLimit(call: Call, seconds: number): void;
  /** The person puts the phone down; before the answer: rejects it, or gives up calling. */
  personHangsUp(call: Call): void;
  press(call: Call, digits: string): boolean;
  priceOf(call: Call): string | undefined;
  assign(number: string, script: CallerScript | undefined): void;
  scriptFor(number: string): CallerScript;
  /** Ends everything without callbacks; resolves when no stream's socket is left. */
  close(): Promise<void>;
};

type Options = {
  readonly accountSid: string;
  readonly seed: number;
  readonly callsPerSecond: number;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly webhooks: Webhooks;
  readonly recordings: Recordings;
  readonly speak: Speak;
  readonly newSid: (prefix: string) => string;
};

export function createCalls(options: Options): Calls {
  const { accountSid, seed, callsPerSecond, clock, journal, webhooks, recordings, speak, newSid } = options;
  const programs = createPrograms(options);
  const all = new Map<string, Call>();
  const queue: Call[] = [];
  const assigned = new Map<string, CallerScript>();
  /** Ended calls whose sound is still there, the oldest first. */
  const kept: Call[] = [];
  let keptBytes = 0;
  let nextSlotMs = 0;
  let queueTimer: (() => void) | undefined;
  let stopTurning: (() => void) | undefined;
  const lines = new Map<Line, Call>();

  function newCall(
    facts: Pick<Call, 'direction' | 'from' | 'to' | 'parentCallSid' | 'script' | 'timeoutS' | 'status'> &
      Partial<Pick<Call, 'request' | 'statusCallback' | 'fallback' | 'timeLimitS'>>,
  ): Call {
    let sound = () => {};
    const heard = new Promise<void>((resolve) => {
      sound = resolve;
    });
    const now = new Date();
    const call: Call = {
      request: undefined,
      statusCallback: undefined,
      fallback: undefined,
      timeLimitS: DEFAULT_TIME_LIMIT_S,
      ...facts,
      sid: newSid('CA'),
      createdAt: now,
      updatedAt: now,
      life: new AbortController(),
      dialledAtMs: undefined,
      queueTimeMs: 0,
      queuedAtMs: clock.now(),
      startedAt: undefined,
      answeredAtMs: undefined,
      endedAt: undefined,
      endedAtMs: undefined,
      durationS: undefined,
      answeredBy: undefined,
      recording: undefined,
      line: undefined,
      program: undefined,
      running: Promise.resolve(),
      sequence: 0,
      beep: { heard, sound },
      cancelTimeLimit: () => {},
    };
    all.set(call.sid, call);
    if (all.size > CALL_LIMIT) {
      for (const old of all.values()) {
        if (old.endedAt === undefined) continue;
        all.delete(old.sid);
        break;
      }
    }
    journal.note('call-created', call.sid, {
      direction: call.direction,
      from: call.from,
      to: call.to,
      caller: call.script.name,
    });
    return call;
  }

  function setStatus(call: Call, status: CallStatus): void {
    call.status = status;
    call.updatedAt = new Date();
    journal.note('status', call.sid, { status });
  }

  function voiceParams(call: Call): Params {
    return {
      CallSid: call.sid,
      AccountSid: accountSid,
      From: call.from,
      To: call.to,
      Caller: call.from,
      Called: call.to,
      CallStatus: call.status,
      ApiVersion: '2010-04-01',
      Direction: call.direction,
      FromCountry: 'US',
      ToCountry: 'US',
      CallerCountry: 'US',
      CalledCountry: 'US',
      ...(call.direction === 'inbound'
        ? { StirVerstat: 'TN-Validation-Passed-A', CallToken: `{"callSid":"${call.sid}"}` }
        : {}),
      ...(call.answeredBy === undefined ? {} : { AnsweredBy: call.answeredBy }),
      ...(call.parentCallSid === undefined ? {} : { ParentCallSid: call.parentCallSid }),
    };
  }

  function tellStatus(call: Call, event: StatusEvent, extra: Params = {}): void {
    const hook = call.statusCallback;
    if (hook === undefined || !hook.events.has(event)) return;
    const sequence = call.sequence;
    call.sequence += 1;
    webhooks.tell('status', {
      url: hook.url,
      method: hook.method,
      callSid: call.sid,
      params: {
        ...voiceParams(call),
        ...(event === 'initiated' ? { CallStatus: 'initiated' } : {}),
        ...(event === 'ringing' || event === 'answered' ? { StirStatus: 'A' } : {}),
        Timestamp: new Date().toUTCString().replace('GMT', '+0000'),
        CallbackSource: 'call-progress-events',
        SequenceNumber: String(sequence),
        ...extra,
      },
    });
  }

  /** The only end of a call. `stop` goes out on the stream before the last status callback. */
  function end(
    call: Call,
    status: Exclude<CallStatus, 'queued' | 'ringing' | 'in-progress'>,
    sip: number,
  ): void {
    if (call.endedAt !== undefined) return;
    const { line } = call;
    line?.stream?.stop();
    call.endedAt = new Date();
    call.endedAtMs = clock.now();
    const answered = call.answeredAtMs !== undefined;
    call.durationS = answered ? Math.round((call.endedAtMs - (call.answeredAtMs ?? 0)) / 1000) : 0;
    setStatus(call, status);
    call.cancelTimeLimit();
    recordings.stopCall(call.sid);
    if (line !== undefined) {
      leave(line);
      line.close();
      keepSound(call, line);
    }
    call.program?.abort();
    call.life.abort();
    const at = queue.indexOf(call);
    if (at >= 0) queue.splice(at, 1);
    if (call.dialledAtMs === undefined) return;
    tellStatus(call, 'completed', {
      CallDuration: String(call.durationS),
      ...(answered ? { Duration: String(Math.max(1, Math.ceil(call.durationS / 60))) } : {}),
      SipResponseCode: String(sip),
      ...(call.recording === undefined
        ? {}
        : {
            RecordingUrl: call.recording.url,
            RecordingSid: call.recording.sid,
            RecordingDuration: String(call.durationS),
          }),
    });
  }

  function keepSound(call: Call, line: Line): void {
    kept.push(call);
    keptBytes += line.tracks().said.length * 2;
    while (keptBytes > AUDIO_LIMIT_BYTES && kept.length > 1) {
      const oldest = kept.shift();
      if (oldest?.line === undefined) continue;
      keptBytes -= oldest.line.tracks().said.length * 2;
      oldest.line = undefined;
      recordings.forgetCall(oldest.sid);
      journal.note('sound-dropped', oldest.sid, {});
    }
  }

  function join(line: Line, call: Call): void {
    lines.set(line, call);
    stopTurning ??= clock.everyFrame(() => {
      for (const [turning, its] of lines) {
        try {
          turning.turn();
        } catch (error) {
          brokenBy(its, error);
        }
      }
    });
  }

  function leave(line: Line): void {
    lines.delete(line);
    if (lines.size > 0) return;
    stopTurning?.();
    stopTurning = undefined;
  }

  function personOf(call: Call): Caller {
    const person = new Caller(call.script, speak, {
      press: (digit) => press(call, digit),
      hangUp: () => end(call, 'completed', 200),
      beeped: () => call.beep.sound(),
      note: (type, detail) => journal.note(type, call.sid, detail),
    });
    person.prepare();
    return person;
  }

  /** The phone is taken off the hook. */
  function answer(call: Call, person: Caller): Line {
    const line = new Line(person);
    call.line = line;
    call.answeredAtMs = clock.now();
    setStatus(call, 'in-progress');
    call.cancelTimeLimit = clock.after(call.timeLimitS * 1000, () => {
      journal.note('time-limit', call.sid, { seconds: call.timeLimitS });
      end(call, 'completed', 200);
    });
    join(line, call);
    return line;
  }

  function leaveQueue(call: Call): void {
    call.dialledAtMs = clock.now();
    call.startedAt = new Date();
  }

  function pump(): void {
    if (queueTimer !== undefined) return;
    const call = queue[0];
    if (call === undefined) return;
    const wait = nextSlotMs - clock.now();
    if (wait > 0) {
      queueTimer = clock.after(wait, () => {
        queueTimer = undefined;
        pump();
      });
      return;
    }
    queue.shift();
    nextSlotMs = clock.now() + 1000 / callsPerSecond;
    leaveQueue(call);
    call.queueTimeMs = Math.round(clock.now() - call.queuedAtMs);
    journal.note('dialled', call.sid, { queueTimeMs: call.queueTimeMs });
    inBackground(call, place(call));
    pump();
  }

  /** A failure inside the carrier ends the call as failed and is written down; it must not end the process. */
  function inBackground(call: Call, work: Promise<void>): void {
    work.catch((error: unknown) => brokenBy(call, error));
  }

  function brokenBy(call: Call, error: unknown): void {
    journal.note('carrier-error', call.sid, { error: error instanceof Error ? error.stack : String(error) });
    end(call, 'failed', 500);
  }

  async function place(call: Call): Promise<void> {
    const { signal } = call.life;
    const { pickup, ringMs } = call.script;
    tellStatus(call, 'initiated');
    const person = personOf(call);
    if (!(await clock.sleep(POST_DIAL_MS, signal))) return;
    if (pickup.kind === 'unreachable' || pickup.kind === 'busy') {
      if (!(await clock.sleep(ringMs, signal))) return;
      return pickup.kind === 'busy' ? end(call, 'busy', 486) : end(call, 'failed', 404);
    }
    setStatus(call, 'ringing');
    tellStatus(call, 'ringing');
    const timeoutMs = call.timeoutS * 1000;
    const ringing = pickup.kind === 'never-answers' ? timeoutMs : Math.min(ringMs, timeoutMs);
    if (!(await clock.sleep(ringing, signal))) return;
    if (pickup.kind === 'never-answers' || ringMs > timeoutMs) return end(call, 'no-answer', 487);
    if (pickup.kind === 'rejects') return end(call, 'no-answer', 603);
    await talk(call, person);
  }

  async function talk(call: Call, person: Caller): Promise<void> {
    const { request } = call;
    if (request === undefined) return;
    const { signal } = call.life;
    const line = answer(call, person);
    tellStatus(call, 'answered');
    if (request.recording !== undefined) call.recording = recordings.start(call.sid, line, request.recording);
    if (request.sendDigits !== '') {
      line.playback.push(keyTones(request.sendDigits));
      journal.note('digits-sent', call.sid, { digits: request.sendDigits });
      await new Promise<void>((resolve) => {
        line.playback.mark(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    } else if (request.detection !== undefined) {
      const detected = detect(call, request.detection);
      if (!request.detection.async) {
        const { verdict, tookMs } = await detected;
        if (signal.aborted || call.program !== undefined) return;
        call.answeredBy = verdict ?? 'unknown';
        await execute(call, request.source, { MachineDetectionDuration: String(tookMs) });
        return;
      }
      inBackground(call, reportDetection(call, request.detection, detected));
    }
    // A redirect may have come while digits were sent; it takes the place of the first document.
    if (!signal.aborted && call.program === undefined) await execute(call, request.source);
  }

  /** Without a verdict: the script says that none ever comes. */
  async function detect(
    call: Call,
    detection: Detection,
  ): Promise<{ verdict: string | undefined; tookMs: number }> {
    const { signal } = call.life;
    const startedMs = clock.now();
    const { verdict, latencyMs } = call.script.detection;
    let found: string | undefined;
    if (verdict === 'never' || latencyMs > detection.timeoutMs) {
      await clock.sleep(detection.timeoutMs, signal);
      found = verdict === 'never' ? undefined : 'unknown';
    } else {
      await clock.sleep(latencyMs, signal);
      found = verdict === 'machine' ? 'machine_start' : verdict;
      if (verdict === 'machine' && detection.mode === 'DetectMessageEnd') {
        const beep = call.beep.heard.then(() => 'machine_end_beep');
        const late = clock.sleep(detection.timeoutMs - latencyMs, signal).then(() => 'machine_end_other');
        found = await Promise.race([beep, late]);
      }
    }
    return { verdict: found, tookMs: Math.round(clock.now() - startedMs) };
  }

  async function reportDetection(
    call: Call,
    detection: Detection,
    detected: Promise<{ verdict: string | undefined; tookMs: number }>,
  ): Promise<void> {
    const { verdict, tookMs } = await detected;
    if (call.life.signal.aborted || verdict === undefined) return;
    call.answeredBy = verdict;
    call.updatedAt = new Date();
    journal.note('machine-detection', call.sid, { verdict, tookMs });
    if (detection.callback === undefined) {
      journal.complain('warning', 21262, 'AsyncAmd without AsyncAmdStatusCallback', { callSid: call.sid });
      return;
    }
    webhooks.tell('amd', {
      ...detection.callback,
      callSid: call.sid,
      params: {
        CallSid: call.sid,
        AccountSid: accountSid,
        AnsweredBy: verdict,
        MachineDetectionDuration: String(tookMs),
      },
    });
  }

  /** Runs a program on an answered call in place of the one that runs, and hangs up when it has nothing left to do. */
  async function execute(
    call: Call,
    first: Source | Document | undefined,
    extra: Params = {},
  ): Promise<void> {
    const { line } = call;
    if (line === undefined || call.endedAt !== undefined) return;
    call.program?.abort();
    const program = new AbortController();
    const before = call.running.catch(() => {});
    call.program = program;
    call.running = before.then(async () => {
      if (program.signal.aborted) return;
      if (await programs.run(legOf(call, line), first, program.signal, extra)) end(call, 'completed', 200);
    });
    await call.running;
  }

  function legOf<L extends Line | undefined>(call: Call, line: L): Omit<Leg, 'line'> & { line: L } {
    return {
      callSid: call.sid,
      line,
      fallback: call.fallback,
      voiceParams: () => voiceParams(call),
      startRecording: (verb) => {
        if (line === undefined) return;
        recordings.start(call.sid, line, {
          source: 'StartCallRecordingAPI',
          channels: verb.channels === 'dual' ? 2 : 1,
          trim: verb.trim,
          ...(verb.statusCallback === undefined ? {} : { statusCallback: verb.statusCallback }),
          statusCallbackMethod: verb.statusCallbackMethod,
          statusCallbackEvents: verb.statusCallbackEvents,
        });
      },
      dial: (verb, signal) => dial(call, line, verb, signal),
    };
  }

  async function dial(
    parent: Call,
    line: Line | undefined,
    verb: Extract<Verb, { verb: 'Dial' }>,
    signal: AbortSignal,
  ): Promise<Params> {
    const child = newCall({
      direction: 'outbound-dial',
      from: verb.callerId ?? parent.to,
      to: verb.number,
      parentCallSid: parent.sid,
      script: scriptFor(verb.number),
      timeoutS: verb.timeoutMs / 1000,
      status: 'ringing',
    });
    leaveQueue(child);
    const stop = () => end(child, child.answeredAtMs === undefined ? 'canceled' : 'completed', 200);
    signal.addEventListener('abort', stop, { once: true });
    const other = personOf(child);
    const { pickup, ringMs } = child.script;
    const rings = pickup.kind === 'never-answers' ? verb.timeoutMs : Math.min(ringMs, verb.timeoutMs);
    if (await clock.sleep(rings, child.life.signal)) {
      if (pickup.kind === 'busy') end(child, 'busy', 486);
      else if (pickup.kind === 'unreachable') end(child, 'failed', 404);
      else if (pickup.kind !== 'answers' || ringMs > verb.timeoutMs) end(child, 'no-answer', 487);
      else if (line !== undefined) {
        child.answeredAtMs = clock.now();
        setStatus(child, 'in-progress');
        line.other = other;
        await clock.sleep(verb.timeLimitMs, child.life.signal);
        line.other = undefined;
        end(child, 'completed', 200);
      }
    }
    signal.removeEventListener('abort', stop);
    return {
      DialCallSid: child.sid,
      DialCallStatus: child.status,
      DialCallDuration: String(child.durationS ?? 0),
      DialBridged: String(child.answeredAtMs !== undefined),
    };
  }

  function press(call: Call, digits: string): boolean {
    if (call.status !== 'in-progress') return false;
    journal.note('digits-pressed', call.sid, { digits });
    for (const digit of digits) call.line?.stream?.dtmf(digit);
    return true;
  }

  function scriptFor(number: string): CallerScript {
    return assigned.get(number) ?? callerFor(number, chance(seed, 'caller', number)());
  }

  const receive: Calls['receive'] = (from, to, script, voice) => {
    const call = newCall({
      direction: 'inbound',
      from,
      to,
      parentCallSid: undefined,
      script,
      timeoutS: DEFAULT_TIMEOUT_S,
      status: 'ringing',
      fallback: voice.fallback,
      statusCallback:
        voice.status === undefined
          ? undefined
          : { ...voice.status, events: new Set<StatusEvent>(['completed']) },
    });
    leaveQueue(call);
    inBackground(
      call,
      (async () => {
        const person = personOf(call);
        const { signal } = call.life;
        if (voice.url === undefined)
          journal.complain('error', 21205, `${to} has no VoiceUrl`, { callSid: call.sid });
        const document =
          voice.url === undefined
            ? undefined
            : await programs.load({ kind: 'url', ...voice.url }, legOf(call, undefined), signal);
        if (signal.aborted) return;
        const [first] = document?.verbs ?? [];
        if (first?.verb === 'Reject') return end(call, first.reason === 'busy' ? 'busy' : 'no-answer', 603);
        answer(call, person);
        await execute(call, document);
      })(),
    );
    return call;
  };

  return {
    all,
    create: (request) => {
      if (queue.length >= QUEUE_LIMIT) return undefined;
      const call = newCall({
        direction: 'outbound-api',
        from: request.from,
        to: request.to,
        parentCallSid: undefined,
        script: scriptFor(request.to),
        timeoutS: request.timeoutS,
        status: 'queued',
        request,
        statusCallback: request.statusCallback,
        fallback: request.fallback,
        timeLimitS: request.timeLimitS,
      });
      call.queueTimeMs = Math.max(
        0,
        Math.round(nextSlotMs + (queue.length * 1000) / callsPerSecond - clock.now()),
      );
      queue.push(call);
      // The answer to the creation leaves before the first callback does.
      clock.after(0, pump);
      return call;
    },
    receive,
    finish: (call, wanted) => {
      if (call.endedAt !== undefined) return { refused: 'Call is not in-progress. Cannot redirect.' };
      if (call.status !== 'in-progress') end(call, 'canceled', 487);
      else if (wanted === 'completed') end(call, 'completed', 200);
      return undefined;
    },
    redirect: (call, source) => {
      if (call.status !== 'in-progress' || call.parentCallSid !== undefined) {
        return { refused: 'Call is not in-progress. Cannot redirect.' };
      }
      journal.note('redirected', call.sid, source);
      inBackground(call, execute(call, source));
      return undefined;
    },
    setTimeLimit: (call, seconds) => {
      call.timeLimitS = seconds;
      if (call.answeredAtMs === undefined) return;
      call.cancelTimeLimit();
      const leftMs = Math.max(0, call.answeredAtMs + seconds * 1000 - clock.now());
      call.cancelTimeLimit = clock.after(leftMs, () => end(call, 'completed', 200));
    },
    personHangsUp: (call) => {
      if (call.status === 'in-progress') end(call, 'completed', 200);
      else if (call.dialledAtMs !== undefined)
        end(call, 'no-answer', call.direction === 'inbound' ? 487 : 603);
    },
    press,
    priceOf: (call) => {
      if (
        call.status !== 'completed' ||
        call.endedAtMs === undefined ||
        clock.now() - call.endedAtMs < 2000
      ) {
        return undefined;
      }
      const minutes = Math.max(1, Math.ceil((call.durationS ?? 0) / 60));
      return (-minutes * (call.direction === 'inbound' ? PRICE_INBOUND : PRICE_OUTBOUND)).toFixed(5);
    },
    assign: (number, script) => {
      if (script === undefined) assigned.delete(number);
      else assigned.set(number, script);
    },
    scriptFor,
    close: async () => {
      for (const call of all.values()) {
        if (call.endedAt !== undefined) continue;
        call.line?.stream?.stop();
        call.program?.abort();
        call.life.abort();
      }
      queue.length = 0;
      lines.clear();
      stopTurning?.();
      await programs.close();
    },
  };
}

/** A script given by hand, or the one of that name. */
export function scriptOf(caller: string | CallerScript): CallerScript | undefined {
  return typeof caller === 'string' ? callerNamed(caller) : caller;
}

export { DEFAULT_TIME_LIMIT_S, DEFAULT_TIMEOUT_S };
