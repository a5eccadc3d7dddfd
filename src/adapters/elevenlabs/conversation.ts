/**
 * adapters/elevenlabs/conversation: one conversation on the platform's socket, from the handshake to its end. This is the
 * agent's half of the frame path: audio out is spliced, audio in is cut from its message; neither becomes an object tree.
 */
import type { AgentBrief, AgentSession, AgentSink, Clock, Log } from '../../app/ports.ts';
import { Failure } from '../../domain/errors.ts';
import { connectSocket, type FrameSocket, HandshakeError } from '../../wire/websocket.ts';
import { type Closing, endingOf } from './closing.ts';
import {
  contextualUpdate,
  decodeBase64,
  initiation,
  type Parsed,
  type Permits,
  parseMessage,
  pong,
  readAudio,
  toolResult,
  USER_AUDIO_HEAD,
  USER_AUDIO_TAIL,
  userActivity,
  userMessage,
} from './messages.ts';
import { refusal } from './platform.ts';

const HANDSHAKE_MS = 8_000;
/** From the open socket to the platform's confirmation. */
const CONFIRM_MS = 10_000;
/** What the vendor's own SDK allows: one audio message of 1.4 MB was seen. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Audio of the caller that the platform has not taken (about 20 s): more would only be heard too late. */
const MAX_UNSENT_AUDIO_BYTES = 256 * 1024;
/** Above this nothing more is sent at all: the platform has stopped reading. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** So many frames refused in a row (10 s) mean that the connection is dead, though nobody has closed it. */
const MAX_REFUSED_IN_A_ROW = 500;
/** The platform gives up after 60 s without input. */
const QUIET_MS = 20_000;
/** After the agent's end_call the platform closes; if it does not, we do. */
const HANG_UP_MS = 5_000;
/** What may arrive before whoever called `open` has the session. */
const MAX_EARLY_BYTES = MAX_MESSAGE_BYTES;
/** Messages that concern the opening itself; all others wait for the confirmation. */
const BEFORE_CONFIRMATION: ReadonlySet<Parsed['type']> = new Set([
  'conversation_initiation_metadata',
  'ping',
  'error',
  '?',
  '!',
] as const);
const ULAW = 'ulaw_8000';

/** What was counted in a conversation; shown in its last log line. */
export interface Counters {
  audioIn: number;
  audioOut: number;
  /** Audio of replies that the caller had cut off already. */
  staleAudio: number;
  /** Audio of the caller dropped because the platform read too slowly. */
  refusedAudio: number;
  unknown: number;
  malformed: number;
  binary: number;
  /** Messages whose receiver threw. */
  failed: number;
}

export const noCounts = (): Counters => ({
  audioIn: 0,
  audioOut: 0,
  staleAudio: 0,
  refusedAudio: 0,
  unknown: 0,
  malformed: 0,
  binary: 0,
  failed: 0,
});

/**
 * Whether audio of `turn` is stale after an interruption that named `cut`: only what is strictly below it.
 *
 * Two readings exist. The vendor's browser client plays `cut <= turn`, so the turn named by the interruption is the next
 * one. Its Node and Python SDKs drop `turn <= cut`, as if the turn named were the one cut off; with that reading a reply
 * that carries the interruption's own number is lost (elevenlabs-python#829), and the caller hears nothing. A stale
 * fragment that plays is the smaller harm, hence the first.
 */
export const isStale = (turn: number, cut: number): boolean => turn < cut;

export interface Opening {
  readonly url: string;
  readonly permits: Permits;
  readonly brief: AgentBrief;
  readonly sink: AgentSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly totals: Counters;
}

/**
 * Opens the conversation. `signal` governs the opening only; an open session ends by `close()` or by the platform.
 * Throws as `VoiceAgent.open` does; `agentEnded` is called for no conversation that did not open.
 */
export async function openConversation(opening: Opening, signal: AbortSignal): Promise<AgentSession> {
  const { url, brief, permits, clock } = opening;
  let socket: FrameSocket;
  try {
    socket = await connectSocket(url, {
      signal,
      handshakeTimeoutMs: HANDSHAKE_MS,
      maxPayload: MAX_MESSAGE_BYTES,
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof HandshakeError && error.status !== undefined) {
      throw refusal('conversation', error.status, error.body, null);
    }
    throw new Failure('agent_unavailable', 'ElevenLabs cannot be reached (conversation)', {
      cause: error,
      details: { reason: 'network' },
    });
  }
  return new Promise((resolve, reject) => {
    const settle = () => {
      signal.removeEventListener('abort', aborted);
      cancelConfirm();
    };
    const fail = (error: unknown) => {
      settle();
      socket.close(1000);
      reject(error);
    };
    const aborted = () => fail(signal.reason);
    const cancelConfirm = clock.after(CONFIRM_MS, () => {
      fail(
        new Failure('agent_unavailable', 'ElevenLabs did not confirm the conversation in time', {
          details: { reason: 'timeout' },
        }),
      );
    });
    if (signal.aborted) return aborted();
    signal.addEventListener('abort', aborted, { once: true });
    converse(socket, opening, {
      confirmed(session) {
        settle();
        resolve(session);
      },
      refused: fail,
    });
    socket.sendText(initiation(brief, permits));
  });
}

function converse(
  socket: FrameSocket,
  { brief, sink, clock, log, totals }: Opening,
  outcome: { confirmed(session: AgentSession): void; refused(error: Failure): void },
): void {
  const counts = noCounts();
  /** Until 'open', what arrives for the receiver is kept; 'early': confirmed, and the caller of `open` is about to know. */
  let phase: 'opening' | 'early' | 'open' | 'over' = 'opening';
  let early: Buffer[] = [];
  let earlyBytes = 0;
  let earlyEnd: (() => void) | undefined;
  let cut = Number.NEGATIVE_INFINITY;
  let turn = 0;
  let refusedInARow = 0;
  let lastSentMs = clock.steadyMs();
  let closedByUs = false;
  let error: Closing['error'];
  let agentHungUp = false;
  let guardrail = false;
  let cancelQuiet = () => {};
  let cancelHangUp = () => {};

  function send(text: string): void {
    if (!socket.open) return;
    if (socket.bufferedBytes > MAX_UNSENT_BYTES) return socket.destroy();
    lastSentMs = clock.steadyMs();
    socket.sendText(text);
  }

  function watchQuiet(): void {
    const idleMs = clock.steadyMs() - lastSentMs;
    if (idleMs >= QUIET_MS) send(userActivity);
    cancelQuiet = clock.after(idleMs >= QUIET_MS ? QUIET_MS : QUIET_MS - idleMs, watchQuiet);
  }

  const session: { conversationId: string } & AgentSession = {
    conversationId: '',
    hear(base64) {
      if (!socket.open) return;
      if (socket.bufferedBytes > MAX_UNSENT_AUDIO_BYTES) {
        counts.refusedAudio += 1;
        refusedInARow += 1;
        if (refusedInARow >= MAX_REFUSED_IN_A_ROW) socket.destroy();
        return;
      }
      refusedInARow = 0;
      counts.audioOut += 1;
      lastSentMs = clock.steadyMs();
      socket.sendSpliced(USER_AUDIO_HEAD, base64, USER_AUDIO_TAIL);
    },
    inform(text, contextId) {
      send(contextualUpdate(text, contextId));
    },
    tell(text) {
      send(userMessage(text));
    },
    keepWaiting() {
      send(userActivity);
    },
    answerTool(toolCallId, result, isError) {
      send(toolResult(toolCallId, result, isError));
    },
    close() {
      if (closedByUs) return;
      closedByUs = true;
      socket.close(1000);
    },
  };

  function play(ulaw: Buffer, ofTurn: number): void {
    if (isStale(ofTurn, cut)) {
      counts.staleAudio += 1;
      return;
    }
    turn = ofTurn;
    counts.audioIn += 1;
    if (ulaw.length > 0) sink.agentAudio(ulaw, ofTurn);
  }

  function confirm(inputFormat: string, outputFormat: string, id: string): void {
    const wrong = [
      ...(inputFormat === ULAW ? [] : [`conversation_config.asr.user_input_audio_format is ${inputFormat}`]),
      ...(outputFormat === ULAW
        ? []
        : [`conversation_config.tts.agent_output_audio_format is ${outputFormat}`]),
    ];
    if (wrong.length > 0) {
      phase = 'over';
      outcome.refused(
        new Failure(
          'config_invalid',
          `The ElevenLabs agent is not set up for the phone: ${wrong.join(' and ')}; set it to ${ULAW}`,
          {
            details: { reason: 'audio_format', conversationId: id, settings: wrong },
          },
        ),
      );
      return;
    }
    session.conversationId = id;
    phase = 'early';
    watchQuiet();
    outcome.confirmed(session);
    setImmediate(() => {
      if (phase !== 'early') return;
      phase = 'open';
      const kept = early;
      early = [];
      for (const payload of kept) if (!closedByUs) receive(payload);
      earlyEnd?.();
    });
  }

  function handle(message: Parsed): void {
    switch (message.type) {
      case 'audio': {
        const ulaw = decodeBase64(message.audio_event.audio_base_64);
        if (ulaw) play(ulaw, message.audio_event.event_id ?? turn);
        else counts.malformed += 1;
        return;
      }
      case 'ping':
        // Answered before anything else is done; 0 is a number like any other.
        send(pong(message.ping_event.event_id));
        return;
      case 'conversation_initiation_metadata': {
        const event = message.conversation_initiation_metadata_event;
        if (phase !== 'opening') return;
        confirm(event.user_input_audio_format, event.agent_output_audio_format, event.conversation_id);
        return;
      }
      case 'interruption':
        // A late, older interruption never brings stale audio back.
        cut = Math.max(cut, message.interruption_event.event_id ?? turn);
        sink.interrupted(cut);
        return;
      case 'agent_response':
        error = undefined;
        turn = message.agent_response_event.event_id ?? turn;
        sink.said('agent', message.agent_response_event.agent_response, turn);
        return;
      case 'user_transcript':
        error = undefined;
        sink.said(
          'user',
          message.user_transcription_event.user_transcript,
          message.user_transcription_event.event_id ?? turn,
        );
        return;
      case 'agent_response_correction':
        sink.corrected(
          message.agent_response_correction_event.event_id ?? turn,
          message.agent_response_correction_event.corrected_agent_response,
        );
        return;
      case 'client_tool_call': {
        const call = message.client_tool_call;
        sink.toolCalled({
          toolCallId: call.tool_call_id,
          name: call.tool_name,
          parameters: call.parameters ?? {},
        });
        return;
      }
      case 'agent_tool_response':
        toolRan(message.agent_tool_response);
        return;
      case 'agent_tool_response_full_payload':
        toolRan(message.agent_tool_response_full_payload);
        return;
      case 'guardrail_triggered':
        guardrail = true;
        return;
      case 'error': {
        const event = message.error_event;
        const said = [event?.message ?? message.message, event?.reason, event?.debug_message];
        error = {
          ...(event?.error_type ? { type: event.error_type } : {}),
          text: said.filter(Boolean).join(': ').slice(0, 500),
        };
        log.warn(
          {
            callId: brief.callId,
            conversationId: session.conversationId,
            errorType: event?.error_type,
            code: event?.code ?? message.code,
          },
          'the agent platform reported an error',
        );
        return;
      }
      case '?':
        counts.unknown += 1;
        return;
      case '!':
        counts.malformed += 1;
        if (counts.malformed === 1) {
          log.warn(
            { callId: brief.callId, conversationId: session.conversationId, kind: message.name },
            'a message of the agent platform cannot be read',
          );
        }
        return;
    }
  }

  function toolRan(tool: {
    tool_name: string;
    is_error?: boolean | undefined;
    is_called?: boolean | undefined;
  }): void {
    if (tool.tool_name !== 'end_call' || tool.is_error === true || tool.is_called === false || agentHungUp)
      return;
    agentHungUp = true;
    cancelHangUp = clock.after(HANG_UP_MS, () => socket.close(1000));
  }

  function keep(payload: Buffer): void {
    earlyBytes += payload.length;
    if (earlyBytes <= MAX_EARLY_BYTES) early.push(Buffer.from(payload));
    else socket.destroy();
  }

  function receive(payload: Buffer): void {
    try {
      const audio = phase === 'open' ? readAudio(payload) : undefined;
      if (audio) return play(audio.ulaw, audio.turn);
      const message = parseMessage(payload);
      if (phase === 'opening' && !BEFORE_CONFIRMATION.has(message.type)) keep(payload);
      else handle(message);
    } catch (cause) {
      // The receiver failed, not the line: the call lives.
      counts.failed += 1;
      if (counts.failed === 1) {
        log.error(
          { callId: brief.callId, conversationId: session.conversationId, err: cause },
          'a message of the agent could not be handled',
        );
      }
    }
  }

  function end(code: number, reason: string): void {
    if (phase === 'over') return;
    const before = phase;
    phase = 'over';
    cancelQuiet();
    cancelHangUp();
    for (const key of Object.keys(counts) as (keyof Counters)[]) totals[key] += counts[key];
    const ending = closedByUs
      ? ({ kind: 'finished', closeCode: 1000, meaning: 'we ended the conversation' } as const)
      : endingOf({ code, reason, agentHungUp, guardrail, ...(error ? { error } : {}) });
    if (before === 'opening') {
      outcome.refused(
        new Failure(
          ending.kind === 'misconfigured' ? 'config_invalid' : 'agent_unavailable',
          `ElevenLabs ended the conversation before it began: ${ending.meaning}`,
          { details: { reason: ending.kind, closeCode: code } },
        ),
      );
      return;
    }
    log.info(
      {
        callId: brief.callId,
        conversationId: session.conversationId,
        kind: ending.kind,
        closeCode: ending.closeCode,
        ...counts,
      },
      'conversation over',
    );
    try {
      sink.agentEnded(ending);
    } catch (cause) {
      log.error(
        { callId: brief.callId, conversationId: session.conversationId, err: cause },
        'the end of a conversation could not be handled',
      );
    }
  }

  socket.bind({
    text(payload) {
      if (phase === 'early') keep(payload);
      else receive(payload);
    },
    binary() {
      counts.binary += 1;
    },
    socketClosed(code, reason) {
      if (phase === 'early') earlyEnd = () => end(code, reason);
      else end(code, reason);
    },
  });
}
