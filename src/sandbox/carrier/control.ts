/**
 * carrier/control: the other side's hands. Places inbound calls, says who answers which number, presses keys, hangs
 * up, speaks, misbehaves on demand and shows what happened; as functions, and as HTTP under `/_sandbox` with the
 * account's Basic credentials.
 */
import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import { z } from 'zod';
import { CALLERS, type CallerScript } from '../callers.ts';
import { type Call, type Calls, scriptOf } from './calls.ts';
import { type CarrierEvent, type DebuggerEntry, FaultChange, type Faults, type Journal } from './journal.ts';
import { wavOf } from './line.ts';
import type { Message, Messages } from './messages.ts';
import type { OwnNumber } from './numbers.ts';

const AUDIO_LIMIT_BYTES = 10 * 60 * 8000;

/** One call as people see it. */
type CallView = {
  readonly sid: string;
  readonly direction: Call['direction'];
  readonly from: string;
  readonly to: string;
  readonly status: Call['status'];
  readonly caller: string;
  readonly streaming: boolean;
  readonly durationS: number | undefined;
};

export type Control = {
  /** The callers that can be chosen. */
  callers(): readonly Pick<CallerScript, 'name' | 'title' | 'summary'>[];
  /** Somebody at `from` calls `to` (the first number when left out); `caller` is a name or a script of one's own. */
  placeInboundCall(call: { from: string; to?: string; caller: string | CallerScript }): string;
  /** From now on `number` is answered like this; undefined: as its digits say. */
  assign(number: string, caller: string | CallerScript | undefined): void;
  /** The person presses keys. False: the call is not in progress. */
  press(callSid: string, digits: string): boolean;
  hangUp(callSid: string): void;
  /** The person says this μ-law instead of what the script would say. False: not in progress, or too much waits. */
  pushAudio(callSid: string, ulaw: Buffer): boolean;
  setFaults(change: FaultChange): Faults;
  readonly faults: Faults;
  readonly events: readonly CarrierEvent[];
  readonly debugger: readonly DebuggerEntry[];
  calls(): CallView[];
  /** What the person said (left) and heard (right), WAV of 8 kHz; undefined when the call has no sound. */
  heardWav(callSid: string): Buffer | undefined;
  /** The same as raw μ-law, 160 bytes per 20 ms since the answer. */
  tracks(callSid: string): { said: Buffer; heard: Buffer } | undefined;
  /** The messages on the phone with this number, sent and received, the oldest first; on all phones without one. */
  messages(number?: string): readonly Message[];
  /** The person writes an SMS; answers its sid. */
  sendSms(message: { from: string; to?: string; body: string }): string;
};

/** The control was asked for something that does not exist. */
class UnknownThing extends Error {}

type Options = {
  readonly journal: Journal;
  readonly calls: Calls;
  readonly messages: Messages;
  readonly numbers: ReadonlyMap<string, OwnNumber>;
};

export function createControl({ journal, calls, messages, numbers }: Options): Control {
  const callOf = (sid: string): Call => {
    const call = calls.all.get(sid);
    if (call === undefined) throw new UnknownThing(`there is no call ${sid}`);
    return call;
  };
  const numberOf = (number: string | undefined): OwnNumber => {
    const own = number === undefined ? [...numbers.values()][0] : numbers.get(number);
    if (own === undefined) throw new UnknownThing(`the account has no number ${number ?? ''}`);
    return own;
  };
  const scriptNamed = (caller: string | CallerScript): CallerScript => {
    const script = scriptOf(caller);
    if (script === undefined) throw new UnknownThing(`there is no caller ${String(caller)}`);
    return script;
  };
  return {
    callers: () => CALLERS.map(({ name, title, summary }) => ({ name, title, summary })),
    placeInboundCall: ({ from, to, caller }) => {
      const own = numberOf(to);
      return calls.receive(from, own.number, scriptNamed(caller), {
        url: own.voice,
        fallback: own.voiceFallback,
        status: own.status,
      }).sid;
    },
    assign: (number, caller) => calls.assign(number, caller === undefined ? undefined : scriptNamed(caller)),
    press: (sid, digits) => calls.press(callOf(sid), digits),
    hangUp: (sid) => calls.personHangsUp(callOf(sid)),
    pushAudio: (sid, ulaw) => {
      const call = callOf(sid);
      return call.status === 'in-progress' && call.line?.pushAudio(ulaw) === true;
    },
    setFaults: (change) => journal.setFaults(change),
    get faults() {
      return journal.faults;
    },
    events: journal.events,
    debugger: journal.debugger,
    calls: () =>
      [...calls.all.values()].map((call) => ({
        sid: call.sid,
        direction: call.direction,
        from: call.from,
        to: call.to,
        status: call.status,
        caller: call.script.name,
        streaming: call.line?.stream !== undefined,
        durationS: call.durationS,
      })),
    heardWav: (sid) => {
      const tracks = callOf(sid).line?.tracks();
      return tracks === undefined ? undefined : wavOf(tracks, 2, 'said-first');
    },
    tracks: (sid) => callOf(sid).line?.tracks(),
    messages: (number) =>
      [...messages.all.values()].filter(
        (message) => number === undefined || message.to === number || message.from === number,
      ),
    sendSms: ({ from, to, body }) => {
      const own = numberOf(to);
      return messages.receive(from, own.number, body, own.sms).sid;
    },
  };
}

const Phone = z.string().regex(/^\+[1-9]\d{6,14}$/);
const PlaceCall = z.strictObject({
  from: z.string().min(1).max(40),
  to: Phone.optional(),
  caller: z.string(),
});
const Assign = z.strictObject({ caller: z.string().nullable() });
const Press = z.strictObject({ digits: z.string().regex(/^[0-9A-D*#]{1,32}$/) });
const Sms = z.strictObject({ from: Phone, to: Phone.optional(), body: z.string().min(1).max(1600) });

/** The same over HTTP. Bodies are JSON; audio is raw μ-law. */
export function createControlRoutes(control: Control): Router {
  const router = express.Router();
  router.use(express.json({ limit: '64kb' }));
  router.get('/callers', (_request, response) => void response.json({ callers: control.callers() }));
  router.get('/calls', (_request, response) => void response.json({ calls: control.calls() }));
  router.post('/calls', (request, response) => {
    const { from, to, caller } = PlaceCall.parse(request.body);
    const callSid = control.placeInboundCall({ from, caller, ...(to === undefined ? {} : { to }) });
    response.status(201).json({ callSid });
  });
  router.put('/numbers/:number', (request, response) => {
    control.assign(Phone.parse(request.params.number), Assign.parse(request.body).caller ?? undefined);
    response.status(204).end();
  });
  router.post('/calls/:sid/press', (request, response) => {
    answer(response, control.press(sidOf(request), Press.parse(request.body).digits));
  });
  router.post('/calls/:sid/hangup', (request, response) => {
    control.hangUp(sidOf(request));
    response.status(204).end();
  });
  router.post(
    '/calls/:sid/audio',
    express.raw({ type: () => true, limit: AUDIO_LIMIT_BYTES }),
    (request, response) => {
      const audio: unknown = request.body;
      answer(response, Buffer.isBuffer(audio) && control.pushAudio(sidOf(request), audio));
    },
  );
  router.get('/calls/:sid/heard.wav', (request, response) => {
    const wav = control.heardWav(sidOf(request));
    if (wav === undefined) throw new UnknownThing('this call has no sound');
    response.type('audio/wav').send(wav);
  });
  router.get('/faults', (_request, response) => void response.json(control.faults));
  router.patch('/faults', (request, response) => {
    response.json(control.setFaults(FaultChange.parse(request.body)));
  });
  router.get('/events', (request, response) => {
    const { callSid } = request.query;
    response.json({
      events: control.events.filter((event) => callSid === undefined || event.callSid === callSid),
    });
  });
  router.get('/debugger', (_request, response) => void response.json({ entries: control.debugger }));
  router.get('/messages/:number', (request, response) => {
    response.json({ messages: control.messages(Phone.parse(request.params.number)) });
  });
  router.post('/messages', (request, response) => {
    const { from, to, body } = Sms.parse(request.body);
    response
      .status(201)
      .json({ messageSid: control.sendSms({ from, body, ...(to === undefined ? {} : { to }) }) });
  });
  router.use((_request, response) => void response.status(404).json({ error: 'there is nothing here' }));
  router.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    if (error instanceof UnknownThing) response.status(404).json({ error: error.message });
    else if (error instanceof z.ZodError) response.status(400).json({ error: z.prettifyError(error) });
    else next(error);
  });
  return router;
}

function sidOf(request: Request): string {
  const { sid } = request.params;
  return typeof sid === 'string' ? sid : '';
}

function answer(response: Response, done: boolean): void {
  if (done) response.status(204).end();
  else response.status(409).json({ error: 'the call is not in progress, or takes no more' });
}
