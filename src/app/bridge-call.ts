/**
 * app/bridge-call: one call's talk. Joins the carrier's leg and the agent's session, and owns everything between them:
 * pacing, barge-in, recording, measures, tools, recovery, and the hang-up after the last words were heard.
 *
 * Audio passes through here by plain calls and copies; storage, logs and listeners are only ever told, never waited for.
 */

import { BYTES_PER_MS, FRAME_BYTES, isVoice, SILENCE } from '../domain/audio.ts';
import type { AnsweredBy, CallEventBody } from '../domain/call.ts';
import type { CallingPolicy } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { createFloor, type Holder, type Person, type Return } from './floor.ts';
import { createEars, type Listener } from './listeners.ts';
import { createPlayout } from './playout.ts';
import type {
  AgentEnding,
  AgentSession,
  AgentSink,
  Cancel,
  Clock,
  Leg,
  LegSink,
  Log,
  RecordingSink,
  Recordings,
  Telephony,
  VoiceAgent,
} from './ports.ts';
import { createStereoTrack, type StereoTrack } from './stereo-track.ts';

/** What the bridge must know of a call to talk. */
export interface Talk {
  readonly callId: string;
  readonly direction: 'outbound' | 'inbound';
  readonly policy: CallingPolicy;
  readonly dynamicVariables: Readonly<Record<string, string | number | boolean>>;
  readonly firstMessage: string;
  readonly voiceId?: string;
  /** What the agent says when it comes back after its connection was lost. */
  readonly recoveryMessage: string;
  /** Spoken by the carrier's voice when the agent cannot be had. */
  readonly apology: string;
  /** Spoken by the carrier's voice after the beep. */
  readonly voicemail: string;
  /** Spoken by the carrier's voice where we, and not the agent, end a talk and a state wants this said at the end. */
  readonly signOff?: string;
  readonly userId?: string;
  /** Non-empty when a talk goes on that another process or session began. */
  readonly recoverySummary: string;
}

export type ToolAnswer = {
  readonly result: string;
  readonly isError?: boolean;
  /** What follows from the tool once the agent has said its last words. */
  readonly afterwards?:
    | {
        readonly act: 'hang_up';
        readonly reason: string;
        /** Said by the carrier's voice when the agent says nothing more, so that the person is not left without an answer. */
        readonly sentence?: string;
      }
    | { readonly act: 'transfer'; readonly to: string; readonly sentence: string };
};

export interface BridgeDeps {
  readonly agent: VoiceAgent;
  readonly telephony: Telephony;
  readonly recordings: Recordings;
  readonly clock: Clock;
  readonly log: Log;
  /** Records an event of this call; failures are the recorder's to report. */
  readonly tell: (callId: string, body: CallEventBody) => void;
  readonly runTool: (
    callId: string,
    name: string,
    parameters: Record<string, unknown>,
    signal: AbortSignal,
  ) => Promise<ToolAnswer>;
  /** What was said so far, in a few sentences, for an agent that comes back. */
  readonly summarise: (callId: string) => Promise<string>;
  /** The carrier's id of the call, as soon as it has one. */
  readonly callSid: (callId: string) => Promise<string | undefined>;
}

export interface Bridge {
  /** Opens the agent's session, so that its first words are ready when the caller answers. Idempotent. */
  prepare(): void;
  attach(leg: Leg): void;
  machine(answeredBy: AnsweredBy, callSid: string): void;
  /** Ends the call after what is being said was heard; whoever listens then hears the sentence, if there is one. */
  hangUp(by: 'agent' | 'manager' | 'policy' | 'system', reason: string, sentence?: string): void;
  /** The carrier was told how to end the call (a sentence, then the hang-up): says why, and frees everything. */
  leave(by: 'system', reason: string): void;
  /** The carrier says the call is over: frees everything. */
  over(): void;
  /** Whether the talk is meant to go on: what to answer when the carrier asks after its stream. */
  wantsStream(): boolean;
  /** Whether a stream of the carrier is attached. */
  talking(): boolean;
  /** Lets somebody hear the call from now on. */
  listen(listener: CallListener): Cancel;
  /** Tells the agent something that the caller does not hear. Throws `call_over`, `agent_unavailable`. */
  whisper(person: Person, text: string): void;
  /** From now on this person speaks in the agent's place, by this connection. Throws `call_over`, `already_taken_over`. */
  takeOver(person: Person, listenerId: string): void;
  /** A manager's voice, μ-law; false when this connection does not have the floor. Copied before it returns. */
  speak(listenerId: string, ulaw: Buffer): boolean;
  /** The agent goes on, and knows what was said meanwhile. Throws `not_taken_over`. */
  handBack(person: Person, note: string | undefined): void;
  /** Connects the caller to a person, at once. Throws `call_over`. */
  transfer(to: string, sentence: string, reason: string): void;
  /** Resolves when every socket, timer and file of the talk is closed. */
  readonly done: Promise<void>;
}

/** Somebody who hears a call and is told of what happens to it. All of it must return at once, and none of it may throw. */
export interface CallListener extends Listener {
  readonly id: string;
  floorChanged(holder: Holder | undefined): void;
  /** The talk is over; nothing comes after it. */
  over(): void;
}

/** Caller audio kept for an agent that is not there yet: three seconds. */
const MAX_HELD_FRAMES = 150;
/** After this long without the caller's audio the agent is fed silence, so that its turn-taking goes on. */
const CALLER_GAP_MS = 400;
/** Ticks of 20 ms between looks at everything that is not audio. */
const HOUSEKEEPING_TICKS = 10;
/** While the phone rings, and while audio waits to be heard, nobody can answer the agent: its patience is renewed this often. */
const KEEP_WAITING_MS = 2_000;
/** With less audio than this still to be heard the agent is left alone: a renewal may keep it from speaking for 2 s. */
const NEARLY_HEARD_MS = 2_200;
/** The agent is taken to have finished when no audio came for this long. */
const AGENT_QUIET_MS = 1_000;
/** However the last words go, the call ends this long after it was decided, and sooner when a person wants it to end. */
const LAST_WORDS_MS = 20_000;
const LAST_WORDS_ON_REQUEST_MS = 3_000;
/** A caller whose stream broke has this long to come back before the talk is given up. */
const REATTACH_MS = 8_000;
/** After the phone stopped ringing, the stream of an answered call is up within this time. */
const ANSWER_GRACE_SEC = 15;
const TOOL_MS = 10_000;
const REST_MS = 10_000;
const OPEN_MS = 10_000;
/** Three voiced frames in a row are speech; one is a click. */
const SPEECH_FRAMES = 3;
/** A caller who is silent for longer begins to speak anew. */
const MOST_PAUSE_MS = 1_500;
/** Audio of a manager whose clock runs faster than ours, or that came in a burst: what is further ahead is left out. */
const MOST_AHEAD_MS = 600;
/** The number under which a manager's voice is played: no turn of the agent's. */
const MANAGER_TURN = -2;
/** What the agent hears as if the caller had said it, so that it speaks at once when it has the call back. */
const CUE = '(Our colleague has handed the call back to you. Please go on.)';
/** The key by which a caller stops all calls, as the opening says. */
export const OPT_OUT_KEY = '9';

/** A tool that the agent calls while nobody hears it. */
const NOT_NOW = 'A colleague is speaking with the caller now; nothing was done.';
/** Ticks of 20 ms for which what listeners hear is gathered; for whoever speaks it is one. */
const LISTEN_TICKS = 3;

const scratch = Buffer.alloc(8_192);

export function createBridge(deps: BridgeDeps, talk: Talk): Bridge {
  const { clock, log } = deps;
  const { callId, policy } = talk;
  const life = new AbortController();
  const say = (body: CallEventBody) => deps.tell(callId, body);

  let leg: Leg | undefined;
  let legEverAttached = false;
  let session: AgentSession | undefined;
  let opening = false;
  let recovered = false;
  /** Turns of a second session go on counting behind the first, so that a turn means one thing in a call. */
  let turnBase = 0;
  let turnTop = 0;
  let held: Buffer[] = [];
  let muted = false;
  let closed = false;
  let closing:
    | {
        by: 'agent' | 'manager' | 'policy' | 'system';
        reason: string;
        transfer?: { to: string; sentence: string };
        sentence?: string;
        sinceMs: number;
        /** The agent's turn at that moment, and whether it has begun another one since. */
        turn: number;
        spoke: boolean;
      }
    | undefined;
  let acted = false;
  let knownCallSid: string | undefined;

  let sink: RecordingSink | undefined;
  let track: StereoTrack | undefined;
  let streamStartMs = 0;
  let streamMs = 0;
  let lastCallerMs = 0;
  let lastAgentMs = 0;
  let lastVoiceMs = 0;
  /** Since when the caller speaks, short pauses included; undefined: nothing since their words were last told. */
  let speechFromMs: number | undefined;
  let voicedRun = 0;
  let lastAgentVoiceMs = 0;
  let heardTurn = -1;
  let userTalkMs = 0;
  let agentTalkMs = 0;
  let framesFromCaller = 0;
  const lineCounts = { lost: 0, refused: 0, unsent: 0 };
  let ticks = 0;
  let keptWaitingMs = clock.steadyMs();
  /** Without a stream the talk waits this long: first for the phone to be answered, later for a broken stream to return. */
  let reattachBy = clock.steadyMs() + (policy.ringTimeoutSec + ANSWER_GRACE_SEC) * 1_000;

  /** Replies that were begun while somebody else spoke: what still comes of them is dropped. */
  let staleTurn = -1;
  let managerTalkMs = 0;
  /** What was last put on the line is a manager's, though they have given the call back. */
  let managerLast = false;
  const ears = createEars();
  const listeners = new Set<CallListener>();
  const floor = createFloor({
    clock,
    say,
    taken: silence,
    returned: goOn,
    changed(holder) {
      for (const listener of listeners) listener.floorChanged(holder);
    },
  });

  let finish: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const playout = createPlayout({
    played(ulaw, playAtMs, turn) {
      track?.agent(ulaw, playAtMs);
      const fromManager = turn === MANAGER_TURN;
      managerLast = fromManager;
      if (ears.on) ears.ours(ulaw, playAtMs, fromManager);
      for (let at = 0; at < ulaw.length; at += FRAME_BYTES) {
        if (!isVoice(ulaw, at, at + FRAME_BYTES)) continue;
        if (fromManager) {
          managerTalkMs += 20;
          continue;
        }
        const heardAtMs = playAtMs + at / BYTES_PER_MS;
        agentTalkMs += 20;
        if (turn !== heardTurn) {
          heardTurn = turn;
          // A reply is to what was said since the agent was last heard; words spoken over it have no latency.
          if (lastVoiceMs > lastAgentVoiceMs && heardAtMs >= lastVoiceMs) {
            say({ type: 'heard', turn, latencyMs: Math.round(heardAtMs - lastVoiceMs) });
          }
        }
        lastAgentVoiceMs = heardAtMs;
      }
    },
  });

  const legSink: LegSink = {
    callerAudio(base64, timestampMs) {
      const nowMs = clock.steadyMs();
      lastCallerMs = nowMs;
      framesFromCaller += 1;
      if (!floor.holder) {
        if (session) session.hear(base64);
        else if (held.length < MAX_HELD_FRAMES) held.push(Buffer.from(base64));
      }
      const length = scratch.write(base64.toString('latin1', 0, Math.min(base64.length, 10_900)), 'base64');
      track?.caller(scratch, length, timestampMs, nowMs);
      if (ears.on) ears.caller(scratch, length, nowMs);
      if (!isVoice(scratch, 0, length)) {
        voicedRun = 0;
        return;
      }
      userTalkMs += length / BYTES_PER_MS;
      voicedRun += 1;
      if (voicedRun < SPEECH_FRAMES) return;
      if (speechFromMs === undefined || nowMs - lastVoiceMs > MOST_PAUSE_MS)
        speechFromMs = nowMs - (SPEECH_FRAMES * FRAME_BYTES) / BYTES_PER_MS;
      lastVoiceMs = nowMs;
    },
    markEchoed(name) {
      playout.markEchoed(name, clock.steadyMs());
    },
    digit(digit) {
      say({ type: 'keypad', digit });
      const pressed = `I pressed ${digit}.`;
      // Whoever has the floor sees it; the agent would answer.
      const listening = floor.holder ? undefined : session;
      // The platform keeps what it is told as the caller's words; without the same line here it would count as missing.
      if (listening) say({ type: 'said', role: 'user', text: pressed, turn: turnTop, ...conversation() });
      if (digit === OPT_OUT_KEY) {
        runTool(
          {
            toolCallId: `keypad-${framesFromCaller}`,
            name: 'record_opt_out',
            parameters: { words: `pressed ${digit}`, channel: 'keypad' },
          },
          false,
        );
        listening?.tell(`${pressed} Stop calling me.`);
      } else {
        listening?.tell(pressed);
      }
    },
    legClosed(how, detail) {
      say({ type: 'stream_closed', reason: detail });
      countLine();
      playout.detach();
      leg = undefined;
      if (how === 'ended' || closing) end();
      else reattachBy = clock.steadyMs() + REATTACH_MS;
    },
  };

  const agentSink: AgentSink = {
    agentAudio(ulaw, turn) {
      if (muted || closed) return;
      const nowMs = clock.steadyMs();
      lastAgentMs = nowMs;
      turnTop = Math.max(turnTop, turnBase + turn);
      if (floor.holder || turnBase + turn <= staleTurn) return;
      if (closing && turnTop > closing.turn) closing.spoke = true;
      playout.add(ulaw, turnBase + turn, nowMs);
    },
    interrupted(turn) {
      turnTop = Math.max(turnTop, turnBase + turn);
      // What is on the line may be a colleague's: their last words are not the agent's to cut off.
      if (!floor.holder && !managerLast) cutOff();
    },
    said(role, text, turn) {
      turnTop = Math.max(turnTop, turnBase + turn);
      if (role === 'agent' && (muted || floor.holder || turnBase + turn <= staleTurn)) return;
      say({ type: 'said', role, text, turn: turnBase + turn, ...conversation(), ...begun(role) });
    },
    corrected(turn, text) {
      if (floor.holder || turnBase + turn <= staleTurn) return;
      say({ type: 'corrected', turn: turnBase + turn, text, ...conversation() });
    },
    toolCalled(call) {
      if (floor.holder) session?.answerTool(call.toolCallId, NOT_NOW, true);
      else runTool(call, true);
    },
    agentEnded(ending) {
      session = undefined;
      if (closed) return;
      // Somebody speaks with the caller: the agent is fetched again when it is needed.
      if (floor.holder && !closing) {
        say({ type: 'session_lost', closeCode: ending.closeCode, meaning: ending.meaning });
        return;
      }
      if (ending.kind === 'finished' || closing || muted) {
        hangUp('agent', 'the agent ended the conversation');
        return;
      }
      say({ type: 'session_lost', closeCode: ending.closeCode, meaning: ending.meaning });
      if (ending.kind === 'lost' && !recovered) recover();
      else giveUp(ending);
    },
  };

  /** Nothing of what was going to be said is heard. */
  function cutOff(): void {
    const nowMs = clock.steadyMs();
    const cut = playout.cut(nowMs);
    track?.cut(nowMs);
    if (ears.on) ears.cut(nowMs);
    if (cut && cut.turn !== MANAGER_TURN)
      say({ type: 'interrupted', turn: cut.turn, heardMs: cut.heardMs, ...conversation() });
  }

  /** Somebody takes the agent's place: it hears silence from now on, and nothing of it is heard. */
  function silence(): void {
    held = [];
    cutOff();
  }

  /** The agent has the call back, and is made to speak: the one it had, or a new one when it was lost meanwhile. */
  function goOn({ how, name, heldMs, note }: Return): string | undefined {
    staleTurn = turnTop;
    // What the caller said last was not said to the agent.
    lastVoiceMs = 0;
    if (closing || closed) return undefined;
    const took = `${name}, a colleague of yours, took over and spoke with the caller for ${Math.round(heldMs / 1_000)} seconds.`;
    const left = how === 'lost' ? ' Then their connection broke.' : '';
    const told = note === undefined ? 'You do not know what they said.' : `What happened: ${note}`;
    const context = `${took}${left} The caller heard nothing of you meanwhile. ${told} Go on from there; do not begin anew.`;
    if (!session) {
      recover(context);
      return undefined;
    }
    session.inform(context);
    session.tell(CUE);
    return CUE;
  }

  /** The platform tells the words of a caller when their turn is over: since when they spoke, this process heard. */
  function begun(role: 'agent' | 'user'): { agoMs?: number } {
    if (role !== 'user' || speechFromMs === undefined) return {};
    const agoMs = Math.round(clock.steadyMs() - speechFromMs);
    speechFromMs = undefined;
    return { agoMs };
  }

  const conversation = () => (session ? { conversationId: session.conversationId } : {});

  function countLine(): void {
    if (!leg) return;
    lineCounts.lost += leg.counts.lost;
    lineCounts.refused += leg.counts.refused;
    lineCounts.unsent += leg.counts.unsent;
    streamMs += clock.steadyMs() - streamStartMs;
  }

  async function open(recoverySummary: string): Promise<void> {
    if (opening || session || closed) return;
    opening = true;
    try {
      const opened = await deps.agent.open(
        {
          callId,
          ...(talk.userId ? { userId: talk.userId } : {}),
          dynamicVariables: { ...talk.dynamicVariables, call_id: callId, recovery_summary: recoverySummary },
          firstMessage: recoverySummary ? talk.recoveryMessage : talk.firstMessage,
          ...(talk.voiceId ? { voiceId: talk.voiceId } : {}),
        },
        agentSink,
        AbortSignal.any([life.signal, AbortSignal.timeout(OPEN_MS)]),
      );
      if (closed) {
        opened.close();
        return;
      }
      session = opened;
      say({
        type: 'session_opened',
        conversationId: opened.conversationId,
        recovery: recoverySummary !== '',
      });
      for (const frame of held) opened.hear(frame);
      held = [];
    } catch (error) {
      if (closed) return;
      const kind = error instanceof Failure && error.code === 'config_invalid' ? 'misconfigured' : 'refused';
      const meaning = error instanceof Error ? error.message : 'the agent platform did not answer';
      log.error({ err: error, callId }, 'no session with the agent platform');
      say({ type: 'session_lost', closeCode: 0, meaning });
      // While the phone still rings there is time for one more try.
      if (kind === 'refused' && !recovered && !legEverAttached) {
        recovered = true;
        opening = false;
        clock.after(500, () => void open(recoverySummary));
      } else {
        giveUp({ kind, closeCode: 0, meaning });
      }
    } finally {
      opening = false;
    }
  }

  /** `since`: what happened that the transcript does not have. */
  function recover(since = ''): void {
    recovered = true;
    turnBase = turnTop + 1;
    // Whoever has not picked up yet has heard nothing, and hears the opening.
    (legEverAttached ? deps.summarise(callId) : Promise.resolve(undefined))
      .catch(() => '')
      .then((summary) =>
        open(
          summary === undefined
            ? talk.recoverySummary
            : `${summary || 'The conversation had just begun.'} ${since}`.trim(),
        ),
      )
      .catch((error) => log.error({ err: error, callId }, 'recovery failed'));
  }

  /** No agent to be had: whoever answered hears a sentence; a phone that still rings stops ringing. */
  function giveUp(ending: AgentEnding): void {
    decideToEnd('system', `agent ${ending.kind}: ${ending.meaning}`);
    act(legEverAttached ? { sentence: talk.apology } : {});
  }

  function runTool(
    call: { toolCallId: string; name: string; parameters: Record<string, unknown> },
    answer: boolean,
  ): void {
    const startMs = clock.steadyMs();
    say({ type: 'tool_called', toolCallId: call.toolCallId, name: call.name, parameters: call.parameters });
    // Not bound to the call's life: a person who opts out and hangs up has opted out.
    const signal = AbortSignal.timeout(TOOL_MS);
    deps
      .runTool(callId, call.name, call.parameters, signal)
      .catch((error): ToolAnswer => {
        log.error({ err: error, callId, tool: call.name }, 'a tool failed');
        return {
          result: 'This did not work. Apologise, and say that a person will follow up.',
          isError: true,
        };
      })
      .then(({ result, isError = false, afterwards }) => {
        say({
          type: 'tool_answered',
          toolCallId: call.toolCallId,
          result,
          isError,
          tookMs: Math.round(clock.steadyMs() - startMs),
        });
        if (answer) session?.answerTool(call.toolCallId, result, isError);
        if (afterwards?.act === 'hang_up') closeAfterWords('agent', afterwards.reason, afterwards.sentence);
        if (afterwards?.act === 'transfer')
          closeAfterWords('agent', 'transferred to a person', undefined, {
            to: afterwards.to,
            sentence: afterwards.sentence,
          });
      })
      .catch((error) => log.error({ err: error, callId }, 'a tool answer was lost'));
  }

  function decideToEnd(
    by: 'agent' | 'manager' | 'policy' | 'system',
    reason: string,
    sentence?: string,
    transfer?: { to: string; sentence: string },
  ): void {
    closing = {
      by,
      reason,
      sinceMs: clock.steadyMs(),
      turn: turnTop,
      spoke: false,
      ...(sentence === undefined ? {} : { sentence }),
      ...(transfer ? { transfer } : {}),
    };
  }

  function expectGoingOn(): void {
    if (closing || closed) throw new Failure('call_over', 'this call is ending');
  }

  function closeAfterWords(...decision: Parameters<typeof decideToEnd>): void {
    if (closing || closed) return;
    decideToEnd(...decision);
    // The goodbye may still be on its way: quiet counts from now.
    lastAgentMs = Math.max(lastAgentMs, clock.steadyMs());
  }

  function hangUp(by: 'agent' | 'manager' | 'policy' | 'system', reason: string, sentence?: string): void {
    if (!closing) closeAfterWords(by, reason, sentence);
    if (!legEverAttached) act({});
  }

  /** What the carrier's voice has to say yet when the talk is over. */
  function lastSentence(): string | undefined {
    if (!closing || muted || !legEverAttached) return undefined;
    const { by, sentence, spoke } = closing;
    if (by === 'agent') return spoke ? undefined : sentence;
    return sentence ?? talk.signOff;
  }

  /** The last words were heard (or nobody hears): end the call, by whatever way works. */
  function act(how: { sentence?: string }): void {
    if (acted || closed || !closing) return;
    acted = true;
    const { by, reason, transfer } = closing;
    const sentence = how.sentence ?? lastSentence();
    say({ type: 'hangup_requested', by, reason });
    const signal = AbortSignal.any([life.signal, AbortSignal.timeout(REST_MS)]);
    const known = leg?.callSid ?? knownCallSid;
    (known === undefined ? deps.callSid(callId) : Promise.resolve(known))
      .then((callSid) => {
        if (callSid === undefined) return end();
        if (transfer) return deps.telephony.transfer(callSid, transfer.to, transfer.sentence, signal);
        if (sentence !== undefined) return deps.telephony.sayAndHangUp(callSid, sentence, signal);
        return deps.telephony.hangUp(callSid, signal);
      })
      .catch((error) => {
        if (closed) return;
        log.error({ err: error, callId }, 'the carrier did not take the hang-up; closing its stream instead');
        // What the carrier does next it asks of us, and then it is told to hang up.
        leg?.close();
      });
  }

  const stopWheel = clock.everyFrame((nowMs) => {
    playout.tick(nowMs);
    ticks += 1;
    if (ears.on && (floor.holder || ticks % LISTEN_TICKS === 0)) ears.flush();
    if (ticks % HOUSEKEEPING_TICKS !== 0) return;
    track?.settle(nowMs);
    floor.look(nowMs);
    if (session && (floor.holder || nowMs - lastCallerMs > CALLER_GAP_MS)) session.hear(SILENT_200_MS);
    // The greeting was made while the phone rang, so the agent believes it was heard long before it was.
    const nobodyCanAnswer = floor.holder || !legEverAttached || playout.aheadMs(nowMs) > NEARLY_HEARD_MS;
    if (session && nobodyCanAnswer && nowMs - keptWaitingMs > KEEP_WAITING_MS) {
      keptWaitingMs = nowMs;
      session.keepWaiting();
    }
    if (!leg && nowMs > reattachBy) return end();
    if (!closing || acted) return;
    const quiet = !session || floor.holder || nowMs - lastAgentMs > AGENT_QUIET_MS;
    const most = closing.by === 'policy' ? LAST_WORDS_ON_REQUEST_MS : LAST_WORDS_MS;
    if ((quiet && playout.silent(nowMs)) || nowMs - closing.sinceMs > most) act({});
  });
  const stopMax = clock.after((policy.maxCallSec + 90) * 1_000, () => {
    log.warn({ callId }, 'the call outlived its limit');
    hangUp('system', 'the call outlived its limit');
    clock.after(LAST_WORDS_MS, end);
  });

  function end(): void {
    if (closed) return;
    closed = true;
    stopWheel();
    stopMax();
    floor.end();
    ears.flush();
    for (const listener of listeners) listener.over();
    listeners.clear();
    session?.close();
    session = undefined;
    held = [];
    const nowMs = clock.steadyMs();
    if (leg) {
      const last = leg;
      countLine();
      leg = undefined;
      last.close();
    }
    playout.detach();
    life.abort(new Failure('call_over', 'the call is over'));
    if (legEverAttached) {
      say({
        type: 'measured',
        line: {
          agentTalkMs,
          userTalkMs: Math.round(userTalkMs),
          silenceMs: Math.max(0, Math.round(streamMs - agentTalkMs - managerTalkMs - userTalkMs)),
          framesFromCaller,
          framesToCaller: playout.framesSent,
          framesLost: lineCounts.lost + lineCounts.unsent,
          framesRefused: lineCounts.refused,
        },
      });
    }
    track?.finish(nowMs);
    const saved = sink?.close() ?? Promise.resolve(undefined);
    saved
      .then((recording) => {
        if (recording && recording.durationSec > 0) {
          say({
            type: 'recording_ready',
            source: 'bridge',
            durationSec: recording.durationSec,
            url: `/api/v1/calls/${callId}/recording`,
          });
        }
      })
      .catch((error) => log.error({ err: error, callId }, 'the recording could not be closed'))
      .finally(finish);
  }

  return {
    prepare() {
      void open(talk.recoverySummary);
    },
    attach(next) {
      if (closed) return next.close();
      const nowMs = clock.steadyMs();
      if (leg) {
        countLine();
        const old = leg;
        leg = undefined;
        old.close();
      }
      leg = next;
      knownCallSid = next.callSid;
      reattachBy = Number.POSITIVE_INFINITY;
      lastCallerMs = nowMs;
      streamStartMs = nowMs;
      if (!legEverAttached) {
        legEverAttached = true;
        sink = deps.recordings.open(callId);
        track = createStereoTrack(sink, nowMs);
        ears.begin(nowMs);
      }
      next.bind(legSink);
      playout.attach(next, nowMs);
      say({ type: 'stream_opened', streamSid: next.streamSid });
      void open(talk.recoverySummary);
    },
    machine(answeredBy, callSid) {
      knownCallSid ??= callSid;
      // Whoever took over knows better who is there.
      if (closed || closing || floor.holder) return;
      const fax = answeredBy === 'fax';
      const leave = policy.machinePolicy === 'leave_message' && answeredBy.startsWith('machine_end');
      const leaveNow = fax || (policy.machinePolicy === 'hang_up' && answeredBy.startsWith('machine'));
      if (!leave && !leaveNow) return;
      const nowMs = clock.steadyMs();
      muted = true;
      playout.cut(nowMs);
      track?.cut(nowMs);
      const reason = fax
        ? 'a fax machine answered'
        : leave
          ? 'left a message after the beep'
          : 'a machine answered';
      decideToEnd('policy', reason);
      if (leave) say({ type: 'voicemail_left', text: talk.voicemail });
      act(leave ? { sentence: talk.voicemail } : {});
    },
    hangUp,
    leave(by, reason) {
      if (closed) return;
      if (!acted) say({ type: 'hangup_requested', by, reason });
      acted = true;
      end();
    },
    over: end,
    listen(listener) {
      if (closed) {
        listener.over();
        return () => {};
      }
      listeners.add(listener);
      const leave = ears.add(listener);
      listener.floorChanged(floor.holder);
      return () => {
        leave();
        listeners.delete(listener);
        floor.gone(listener.id);
      };
    },
    whisper({ by, name }, text) {
      expectGoingOn();
      if (!session) throw new Failure('agent_unavailable', 'there is no agent on this call at this moment');
      session.inform(
        `${name}, your supervisor, tells you something that the caller does not hear: "${text}" Act on it from your next reply on, and do not mention it.`,
      );
      say({ type: 'whispered', by, name, text });
    },
    takeOver(person, listenerId) {
      expectGoingOn();
      floor.take(person, listenerId);
    },
    speak(listenerId, ulaw) {
      if (!floor.heard(listenerId)) return false;
      const nowMs = clock.steadyMs();
      if (!closing && playout.aheadMs(nowMs) < MOST_AHEAD_MS)
        playout.add(Buffer.from(ulaw), MANAGER_TURN, nowMs);
      return true;
    },
    handBack(person, note) {
      floor.giveBack(person, note);
    },
    transfer(to, sentence, reason) {
      expectGoingOn();
      decideToEnd('manager', reason, undefined, { to, sentence });
      cutOff();
      act({});
    },
    wantsStream: () => !closed && !closing,
    talking: () => leg !== undefined,
    done,
  };
}

/** What the agent hears between two looks when the caller's audio is missing: 200 ms of μ-law silence. */
const SILENT_200_MS = Buffer.from(
  Buffer.alloc(HOUSEKEEPING_TICKS * FRAME_BYTES, SILENCE).toString('base64'),
  'latin1',
);
