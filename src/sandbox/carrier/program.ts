/**
 * carrier/program: fetches TwiML and does what it says (twilio.md §1.1, §1.4, §2.1, §2.5). One program runs per call
 * at a time; aborting its signal stops it wherever it is, which is how a redirect and the end of a call take hold.
 */
import type { VoiceName } from '../voices.ts';
import type { Method, Params, Webhooks } from './callbacks.ts';
import { keyTones, type Speak } from './caller.ts';
import { type Clock, chance } from './clock.ts';
import type { Journal } from './journal.ts';
import type { Line } from './line.ts';
import { MediaStream } from './media-stream.ts';
import { parseTwiml, type RecordingVerb, type StreamVerb, TwimlError, type Verb } from './twiml.ts';

/** Documents one call may run through; a redirect that comes back to itself ends here. */
const DOCUMENT_LIMIT = 200;
const SAY_LIMIT_CHARACTERS = 4096;
const APPLICATION_ERROR = 'We are sorry, an application error has occurred. Goodbye.';

/** Where verbs come from. */
export type Source =
  | { readonly kind: 'url'; readonly url: string; readonly method: Method }
  | { readonly kind: 'inline'; readonly twiml: string };

export type Document = { readonly verbs: readonly Verb[]; readonly base: string | undefined };

/** What a program may do to the call it runs on. */
export type Leg = {
  readonly callSid: string;
  readonly line: Line;
  readonly fallback: { readonly url: string; readonly method: Method } | undefined;
  /** The parameters of every voice request (twilio.md §2.1), as of now. */
  voiceParams(): Params;
  startRecording(verb: RecordingVerb): void;
  /** Calls a second person and bridges them in; answers the Dial… parameters for `action`. */
  dial(verb: Extract<Verb, { verb: 'Dial' }>, signal: AbortSignal): Promise<Params>;
};

export type Programs = {
  /** Fetches or parses a document; on failure the fallback's; undefined when there is nothing to run. */
  load(
    source: Source,
    leg: Omit<Leg, 'line'>,
    signal: AbortSignal,
    extra?: Params,
  ): Promise<Document | undefined>;
  /** Runs until nothing is left to do. True: the call is to be hung up. False: `signal` stopped it. */
  run(leg: Leg, first: Source | Document | undefined, signal: AbortSignal, extra?: Params): Promise<boolean>;
  /** Stops all streams and waits until their sockets are closed. */
  close(): Promise<void>;
};

type Options = {
  readonly accountSid: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly webhooks: Webhooks;
  readonly speak: Speak;
  readonly newSid: (prefix: string) => string;
};

type Step = { readonly goTo: Source } | { readonly hangUp: true } | undefined;

export function createPrograms(options: Options): Programs {
  const { accountSid, seed, clock, journal, webhooks, speak, newSid } = options;
  const open = new Set<MediaStream>();
  let streams = 0;

  async function fetchDocument(
    source: Source,
    callSid: string,
    params: Params,
    signal: AbortSignal,
  ): Promise<Document | { code: number; url: string }> {
    const url = source.kind === 'url' ? source.url : 'inline:twiml';
    try {
      let text = '';
      if (source.kind === 'inline') text = source.twiml;
      else {
        const answer = await webhooks.ask({ url, method: source.method, params, callSid }, signal);
        if (!answer.ok) throw new TwimlError(answer.reason, answer.code);
        if (
          !/^(text|application)\/(xml|html|[a-z.]+\+xml)\b/i.test(answer.contentType) &&
          answer.body !== ''
        ) {
          throw new TwimlError(`the content type is "${answer.contentType}", not text/xml`, 12300);
        }
        text = answer.body;
      }
      const { verbs, warnings } = parseTwiml(text);
      for (const warning of warnings) journal.complain('warning', 12200, warning, { callSid, url });
      journal.note('twiml', callSid, { url, verbs: verbs.map((verb) => verb.verb) });
      return { verbs, base: source.kind === 'url' ? url : undefined };
    } catch (error) {
      if (!(error instanceof TwimlError)) throw error;
      if (!signal.aborted) journal.complain('error', error.code, error.message, { callSid, url });
      return { code: error.code, url };
    }
  }

  const load: Programs['load'] = async (source, leg, signal, extra = {}) => {
    const params = { ...leg.voiceParams(), ...extra };
    const first = await fetchDocument(source, leg.callSid, params, signal);
    if ('verbs' in first) return first;
    if (signal.aborted || leg.fallback === undefined) return undefined;
    const failure = { ErrorCode: String(first.code), ErrorUrl: first.url };
    const fallback: Source = { kind: 'url', ...leg.fallback };
    const second = await fetchDocument(fallback, leg.callSid, { ...leg.voiceParams(), ...failure }, signal);
    return 'verbs' in second ? second : undefined;
  };

  async function play(line: Line, audio: Buffer, signal: AbortSignal): Promise<void> {
    if (signal.aborted || !line.playback.push(audio)) return;
    await new Promise<void>((resolve) => {
      const stop = () => {
        line.playback.discard();
        resolve();
      };
      signal.addEventListener('abort', stop, { once: true });
      line.playback.mark(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
    });
  }

  async function say(leg: Leg, text: string, voice: VoiceName, signal: AbortSignal): Promise<void> {
    try {
      await play(leg.line, await speak(text.slice(0, SAY_LIMIT_CHARACTERS), voice), signal);
    } catch (error) {
      journal.complain('warning', 13520, `Say failed: ${String(error)}`, { callSid: leg.callSid });
    }
  }

  async function stream(leg: Leg, verb: StreamVerb, signal: AbortSignal): Promise<void> {
    const { callSid, line } = leg;
    const streamSid = newSid('MZ');
    const tell = (event: 'stream-started' | 'stream-stopped' | 'stream-error', error?: string) => {
      journal.note(event, callSid, { streamSid, ...(error === undefined ? {} : { error }) });
      if (verb.statusCallback === undefined) return;
      webhooks.tell('stream', {
        url: verb.statusCallback,
        method: verb.statusCallbackMethod,
        callSid,
        params: {
          AccountSid: accountSid,
          CallSid: callSid,
          StreamSid: streamSid,
          StreamName: verb.name ?? streamSid,
          StreamEvent: event,
          ...(error === undefined ? {} : { StreamError: error }),
          Timestamp: nanosecondsNow(),
        },
      });
    };
    if (verb.url.includes('?')) {
      journal.note('stream-query-stripped', callSid, { url: verb.url });
    }
    streams += 1;
    const dice = chance(seed, 'stream', streams);
    const opened = await MediaStream.open(
      { verb, streamSid, callSid, accountSid, playback: line.playback, journal, webhooks, dice },
      signal,
    );
    if (!(opened instanceof MediaStream)) {
      if (signal.aborted) return;
      journal.complain('error', opened.code, opened.reason, { callSid, url: verb.url });
      tell('stream-error', `${opened.code} ${opened.reason}`);
      return;
    }
    line.stream = opened;
    open.add(opened);
    void opened.gone.then(() => open.delete(opened));
    tell('stream-started');
    const { closeAfterMs, closeCode, withoutStop } = journal.faults.stream;
    const cancelDrop =
      closeAfterMs === null ? () => {} : clock.after(closeAfterMs, () => opened.drop(closeCode, withoutStop));
    const stop = () => opened.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const end = await opened.ended;
    signal.removeEventListener('abort', stop);
    cancelDrop();
    line.stream = undefined;
    line.playback.discard();
    if (end.by === 'server') {
      journal.complain('warning', 31921, `the server closed the stream with code ${end.code}`, { callSid });
      if (end.code !== 1000 && end.code !== 1005) tell('stream-error', `31921 close code ${end.code}`);
    }
    if (end.by === 'fault') tell('stream-error', `31921 the connection was dropped with code ${end.code}`);
    tell('stream-stopped');
  }

  /** Follows `action` if the verb has one. */
  function after(verb: { action?: string; method: Method }, base: string | undefined): Step {
    if (verb.action === undefined) return undefined;
    return { goTo: { kind: 'url', url: absolute(verb.action, base), method: verb.method } };
  }

  async function perform(
    leg: Leg,
    verb: Verb,
    base: string | undefined,
    signal: AbortSignal,
  ): Promise<{ step: Step; extra?: Params }> {
    switch (verb.verb) {
      case 'Say': {
        const voice = voiceFor(verb.voice);
        const times = verb.loop === 0 ? Number.POSITIVE_INFINITY : verb.loop;
        for (let i = 0; i < times && verb.text !== '' && !signal.aborted; i += 1) {
          await say(leg, verb.text, voice, signal);
        }
        return { step: undefined };
      }
      case 'Play':
        await play(leg.line, keyTones(verb.digits), signal);
        journal.note('digits-played', leg.callSid, { digits: verb.digits });
        return { step: undefined };
      case 'Pause':
        await clock.sleep(verb.ms, signal);
        return { step: undefined };
      case 'Redirect':
        return { step: { goTo: { kind: 'url', url: absolute(verb.url, base), method: verb.method } } };
      case 'Hangup':
      case 'Reject':
        return { step: { hangUp: true } };
      case 'Start':
        leg.startRecording(verb.recording);
        return { step: undefined };
      case 'Connect':
        await stream(leg, verb.stream, signal);
        return { step: after(verb, base) };
      case 'Dial': {
        const extra = await leg.dial(verb, signal);
        return { step: after(verb, base), extra };
      }
      case 'Message':
        journal.complain('warning', 12200, '<Message> has no place in a call', { callSid: leg.callSid });
        return { step: undefined };
    }
  }

  const run: Programs['run'] = async (leg, first, signal, firstExtra = {}) => {
    let next: Source | Document | undefined = first;
    let extra = firstExtra;
    for (let documents = 0; documents < DOCUMENT_LIMIT; documents += 1) {
      const document: Document | undefined =
        next === undefined || 'verbs' in next ? next : await load(next, leg, signal, extra);
      if (signal.aborted) return false;
      if (document === undefined) {
        await say(leg, APPLICATION_ERROR, 'kal16', signal);
        return !signal.aborted;
      }
      next = undefined;
      extra = {};
      for (const verb of document.verbs) {
        const done = await perform(leg, verb, document.base, signal);
        if (signal.aborted) return false;
        if (done.step === undefined) continue;
        if ('hangUp' in done.step) return true;
        next = done.step.goTo;
        extra = done.extra ?? {};
        break;
      }
      if (next === undefined) return true;
    }
    journal.complain('error', 11200, `more than ${DOCUMENT_LIMIT} documents in one call`, {
      callSid: leg.callSid,
    });
    return true;
  };

  return {
    load,
    run,
    close: async () => {
      for (const stream of open) stream.stop();
      await Promise.all([...open].map((stream) => stream.gone));
    },
  };
}

/** An `action` or `Redirect` address as seen from the document it stands in; an empty one means the document itself. */
function absolute(url: string, base: string | undefined): string {
  if (base === undefined) return url;
  try {
    return new URL(url, base).href;
  } catch {
    return url;
  }
}

/** One of the sandbox's voices for the name of one of Twilio's. */
function voiceFor(name: string | undefined): VoiceName {
  if (name === undefined || /woman|alice|joanna|salli|kendra|kimberly|ivy|ruth|danielle|female/i.test(name))
    return 'slt';
  if (/\bman|matthew|joey|justin|stephen|gregory|male/i.test(name)) return 'rms';
  return 'slt';
}

/** ISO 8601 with nanoseconds, as the stream callbacks carry it. */
function nanosecondsNow(): string {
  const nanos = process.hrtime.bigint() % 1_000_000n;
  return new Date().toISOString().replace('Z', `${String(nanos).padStart(6, '0')}Z`);
}
