/**
 * sandbox/agent/conversation: one conversation from the open socket to its end (elevenlabs.md §1.5). It hears,
 * lets the brain decide, speaks in bursts faster than real time, and knows what the other side can have heard of
 * it. It owns no timer: the server's tick drives it, with a clock that a fast sandbox runs faster.
 */
import { performance } from 'node:perf_hooks';
import type { WebSocket } from 'ws';
import { decodeUlaw, encodeUlaw, ULAW_SILENCE } from '../audio.ts';
import type { speak as Speak, VoiceName } from '../voices.ts';
import { type Act, begin, fill, type Mind, sentences, think } from './brain.ts';
import { Ear, type HearingEvent, type Phrasebook, wordsBetween } from './hearing.ts';
import {
  type AgentSettings,
  type CloseCode,
  type ErrorType,
  type FlatError,
  type Initiation,
  type Knobs,
  parseClientMessage,
  type ServerMessage,
} from './protocol.ts';
import type { ConversationRecord, TranscriptEntry } from './transcripts.ts';

const BYTES_PER_MS = 8;
const INIT_WITHIN_MS = 3_000;
const PING_EVERY_MS = 2_000;
const NO_INPUT_MS = 60_000;
const TOOL_TIMEOUT_MS = 20_000;
const BREATH = Buffer.alloc(200 * BYTES_PER_MS, ULAW_SILENCE);
/** Audio that stopped in the middle of an utterance: so long after the last frame, in real time, it has ended. */
const DRIED_UP_MS = 1_200;
const BACKLOG_BYTES = 4 * 1024 * 1024;
const STUCK_MS = 30_000;
/** What a way to end means to whoever keeps the books; a way that is not here says nothing about the outcome. */
const OUTCOMES: Readonly<Record<string, string>> = {
  not_interested: 'not_interested',
  wrong_number: 'wrong_number',
  callback_scheduled: 'callback',
  follow_up_unconfirmed: 'callback',
  email_promised: 'callback',
  visit_booked: 'qualified',
  qualified_no_visit: 'qualified',
  voicemail: 'voicemail',
};
const VOICES = ['slt', 'rms', 'awb', 'kal', 'kal16'] as const satisfies readonly VoiceName[];

/** Something the agent says: one `event_id`, from the decision to the last byte the other side can have played. */
type Turn = {
  readonly eventId: number;
  readonly text: string;
  readonly greeting: boolean;
  /** Not before this moment: the agent thinks. */
  readonly notBeforeMs: number;
  /** Sentences whose sound is known, in order. */
  readonly spoken: { readonly text: string; readonly bytes: number }[];
  pending: Buffer[];
  pendingBytes: number;
  complete: boolean;
  sentBytes: number;
  startsAtMs: number;
  endsAtMs: number;
  entry: TranscriptEntry | undefined;
  cut: boolean;
};

type PendingTool = {
  readonly id: string;
  readonly name: string;
  readonly calledAtMs: number;
  readonly timeoutAtMs: number;
  readonly entry: TranscriptEntry;
};

export type ConversationOptions = {
  readonly socket: WebSocket;
  /** Breaks the TCP connection without a closing handshake. */
  readonly reset: () => void;
  readonly record: ConversationRecord;
  readonly settings: AgentSettings;
  readonly knobs: () => Knobs;
  readonly book: Phrasebook;
  readonly speak: typeof Speak;
  readonly seed: number;
  /** The agent's clock in ms, and the Unix time; the first may run faster than the second. */
  readonly now: () => number;
  readonly unixMs: () => number;
};

export class Conversation {
  readonly #o: ConversationOptions;
  readonly #ear: Ear;
  readonly #openedAtMs: number;
  readonly #random: () => number;
  readonly #events: ReadonlySet<string>;
  readonly #format: string;
  readonly #inputFormat: string;
  readonly #voice: VoiceName;
  #live = false;
  #over = false;
  #mind: Mind | undefined;
  /** The mind and the words that led to the reply under way, to think again if the caller was not finished. */
  #before: { readonly mind: Mind; readonly text: string } | undefined;
  #acts: Act[] = [];
  #turn: Turn | undefined;
  /** Turns that were sent and may still be playing. */
  #playing: Turn[] = [];
  #playEndMs = 0;
  #greeting: 'over' | 'playing' | 'cut' = 'over';
  #tool: PendingTool | undefined;
  #waitingInput: string[] = [];
  #eventId = 0;
  #reservedEventId: number | undefined;
  #toolCount = 0;
  #ping = { next: 0, dueMs: 0, sentAt: new Map<number, number>(), lastMs: null as number | null };
  #quietSinceMs: number;
  #lastInputMs: number;
  #lastFrameMs: number;
  #stuckSinceMs: number | undefined;
  #closeAt: { readonly code: CloseCode; readonly atMs: number } | undefined;

  constructor(options: ConversationOptions) {
    this.#o = options;
    const { settings, knobs } = options;
    this.#ear = new Ear(options.book);
    this.#openedAtMs = options.now();
    this.#quietSinceMs = this.#openedAtMs;
    this.#lastInputMs = this.#openedAtMs;
    this.#lastFrameMs = performance.now();
    this.#random = dice(options.seed);
    const config = settings.conversation_config;
    this.#events = new Set(config.conversation.client_events);
    this.#format = knobs().audioFormat ?? config.tts.agent_output_audio_format;
    this.#inputFormat = knobs().audioFormat ?? config.asr.user_input_audio_format;
    const wanted = config.tts.voice_id;
    this.#voice = VOICES.findLast((voice) => wanted.endsWith(voice)) ?? 'slt';
  }

  get over(): boolean {
    return this.#over;
  }
  /** It got as far as a conversation: there is something to report afterwards. */
  get started(): boolean {
    return this.#live;
  }
  get record(): ConversationRecord {
    return this.#o.record;
  }

  /** Ends it with a code at a moment of its life (ms since it opened), as a drill. */
  closeLater(code: CloseCode, atMs: number): void {
    this.#closeAt = { code, atMs };
  }

  /** Ends it now: a close frame with this code, or a TCP reset. */
  end(code: CloseCode, reason: string): void {
    if (this.#over) return;
    if (code === 'reset') this.#o.reset();
    else this.#o.socket.close(code, reason.slice(0, 120));
    this.#finish(reason);
    if (code !== 1_000) {
      this.#o.record.status = 'failed';
      this.#o.record.error = { code: typeof code === 'number' ? code : 1_006, reason };
    }
  }

  /** The socket is gone. */
  gone(code: number): void {
    this.#finish(`Client disconnected: ${code}`);
  }

  /** The quota is used up (elevenlabs.md §3): the flat error, then 1002. */
  refuseForQuota(): void {
    const reason = 'This request exceeds your quota limit.';
    this.#write({ type: 'error', message: `received 1002 (protocol error) ${reason}` });
    this.end(1_002, reason);
  }

  /** A text frame came in. */
  message(text: string): void {
    if (this.#over) return;
    const message = parseClientMessage(text);
    if (message.type === 'audio') return this.#audio(message.audio);
    this.#o.record.log(this.#ageMs(), 'client', message.type === 'invalid' ? text.slice(0, 2_000) : message);
    switch (message.type) {
      case 'invalid':
        return this.#fail(1_008, 'invalid_message', message.why);
      case 'conversation_initiation_client_data':
        return this.#live ? undefined : this.#start(message);
      case 'pong': {
        const sent = this.#ping.sentAt.get(message.event_id);
        if (sent !== undefined) this.#ping.lastMs = Math.round(performance.now() - sent);
        this.#ping.sentAt.delete(message.event_id);
        return;
      }
      case 'client_tool_result':
        return this.#toolAnswered(message.tool_call_id, message.result, message.is_error);
      case 'user_message':
        return this.#typed(message.text ?? '');
      case 'multimodal_message':
        return this.#typed(message.text?.text ?? '');
      case 'user_activity':
        this.#quietSinceMs = this.#o.now();
        return;
      case 'contextual_update':
      case 'mcp_tool_approval_result':
      case 'feedback':
        return;
    }
  }

  /** Called every few ms: does whatever has become due. */
  tick(nowMs: number): void {
    if (this.#over) return;
    const age = nowMs - this.#openedAtMs;
    if (this.#closeAt !== undefined && age >= this.#closeAt.atMs)
      return this.end(this.#closeAt.code, 'closed by a drill');
    if (!this.#live) {
      if (age >= INIT_WITHIN_MS) this.#start({ type: 'conversation_initiation_client_data' });
      return;
    }
    if (age >= this.#o.settings.conversation_config.conversation.max_duration_seconds * 1_000)
      return this.end(1_000, 'Max conversation duration exceeded');
    if (nowMs - this.#lastInputMs >= NO_INPUT_MS)
      return this.#fail(1_002, 'transport_receive_timeout', 'No user input received for 60 seconds.');
    if (this.#o.knobs().pings && nowMs >= this.#ping.dueMs) this.#sendPing(nowMs);
    if (this.#ear.hearing && performance.now() - this.#lastFrameMs > DRIED_UP_MS)
      this.#heard(this.#ear.flush());
    if (this.#tool !== undefined && nowMs >= this.#tool.timeoutAtMs)
      this.#toolAnswered(this.#tool.id, 'The tool did not answer in time.', true);
    if (this.#isStuck(nowMs)) return;
    this.#speakOn(nowMs);
    if (!this.#over) this.#breakSilence(nowMs);
  }

  #start(initiation: Initiation): void {
    const { settings, record } = this.#o;
    const config = settings.conversation_config;
    const overrides = initiation.conversation_config_override ?? {};
    const refused = forbiddenOverride(
      overrides,
      settings.platform_settings.overrides.conversation_config_override,
    );
    if (refused !== undefined)
      return this.#fail(1_008, 'override_error', `Override for field '${refused}' is not allowed by config.`);
    const variables = {
      ...config.agent.dynamic_variables.dynamic_variable_placeholders,
      ...initiation.dynamic_variables,
      system__conversation_id: record.id,
      system__agent_id: record.agentId,
    };
    const firstMessage = overrides.agent?.first_message ?? config.agent.first_message;
    const prompt = overrides.agent?.prompt?.prompt ?? config.agent.prompt.prompt;
    const missing = [...`${firstMessage} ${prompt}`.matchAll(/\{\{\s*([\w.-]+)\s*\}\}/g)].find(
      ([, name]) => name !== undefined && !Object.hasOwn(variables, name),
    );
    if (missing !== undefined)
      return this.#fail(
        1_008,
        'missing_dynamic_variable',
        `Missing required dynamic variables in ${firstMessage.includes(missing[0]) ? 'first message' : 'prompt'}: {'${missing[1]}'}`,
      );
    this.#live = true;
    record.status = 'in-progress';
    record.userId = initiation.user_id ?? null;
    record.language = overrides.agent?.language ?? config.agent.language;
    record.initiation = { ...initiation, dynamic_variables: variables };
    const format = this.#format as 'ulaw_8000';
    this.#emit({
      type: 'conversation_initiation_metadata',
      conversation_initiation_metadata_event: {
        conversation_id: record.id,
        agent_output_audio_format: format,
        user_input_audio_format: this.#inputFormat as 'ulaw_8000',
      },
    });
    const now = this.#o.now();
    this.#ping.dueMs = now + 200;
    this.#quietSinceMs = now;
    const opening = begin({
      variables,
      firstMessage: fill(firstMessage, variables),
      voicemail: this.#o.knobs().voicemail,
      looksUp: this.#o.settings.conversation_config.agent.prompt.tools.some(
        ({ name }) => name === 'look_up_knowledge',
      ),
      seed: this.#o.seed,
    });
    this.#mind = opening.mind;
    const [first] = opening.acts;
    if (first?.do === 'say') {
      this.#greeting = 'playing';
      this.#begin(first.text, now + this.#o.knobs().firstMessageDelayMs, true);
    }
  }

  #audio(audio: Buffer): void {
    const now = this.#o.now();
    const { received, sound } = this.#o.record;
    received.messages += 1;
    received.bytes += audio.length;
    this.#lastInputMs = now;
    this.#lastFrameMs = performance.now();
    const ulaw = this.#inputFormat === 'ulaw_8000' ? audio : fromPcm(audio, this.#inputFormat);
    sound.user(this.#ageMs(), ulaw);
    this.#heard(this.#ear.hear(ulaw));
  }

  #heard(events: readonly HearingEvent[]): void {
    for (const event of events) {
      const now = this.#o.now();
      this.#quietSinceMs = now;
      if (event.kind === 'speaking') {
        if (this.#mayInterrupt()) this.#interrupt(now);
        this.#tentative();
        continue;
      }
      const eventId = this.#nextEventId();
      this.#o.record.transcript.push({
        ...this.#entry('user', event.text, eventId),
        confidence: event.confidence,
      });
      this.#emit({
        type: 'user_transcript',
        user_transcription_event: { user_transcript: event.text, event_id: eventId },
      });
      this.#consider(event.text);
    }
  }

  #tentative(): void {
    const text = this.#ear.tentative();
    if (text === '') return;
    this.#emit({
      type: 'tentative_user_transcript',
      tentative_user_transcription_event: { user_transcript: text, event_id: this.#eventId + 1 },
    });
  }

  /** Text as if it had been said: what plays is cut off, and it is answered. */
  #typed(text: string): void {
    if (text.trim() === '' || !this.#live) return;
    const now = this.#o.now();
    this.#quietSinceMs = now;
    this.#lastInputMs = now;
    if (this.#isAudible(now)) this.#interrupt(now);
    this.#o.record.transcript.push(this.#entry('user', text, null));
    this.#consider(text);
  }

  /** Lets the brain answer. While a tool is under way, what is said waits for its result. */
  #consider(text: string): void {
    if (this.#mind === undefined || this.#over) return;
    if (this.#tool !== undefined) {
      if (this.#waitingInput.length < 10) this.#waitingInput.push(text);
      return;
    }
    let mind = this.#mind;
    let whole = text;
    if (this.#before !== undefined && this.#turn?.sentBytes === 0 && !this.#turn.greeting) {
      mind = this.#before.mind;
      whole = `${this.#before.text} ${text}`;
      this.#turn.cut = true;
      this.#reservedEventId = this.#turn.eventId;
      this.#turn = undefined;
      this.#acts = [];
    }
    const now = this.#o.now();
    const greeting = this.#greeting;
    if (greeting === 'cut') this.#greeting = 'over';
    this.#before = { mind, text: whole };
    const thought = think(mind, { kind: 'heard', text: whole, nowMs: this.#o.unixMs(), greeting });
    this.#mind = thought.mind;
    this.#acts.push(...thought.acts);
    this.#carryOut(now + 150 + this.#random() * 250);
  }

  /** Does the next acts until one takes time. */
  #carryOut(notBeforeMs: number): void {
    while (this.#turn === undefined && this.#tool === undefined && !this.#over) {
      const act = this.#acts.shift();
      if (act === undefined) return;
      switch (act.do) {
        case 'say':
          this.#begin(act.text, notBeforeMs, false);
          break;
        case 'tool':
          this.#callTool(act.name, act.parameters);
          break;
        case 'end':
          this.#o.record.outcome = act.reason;
          this.#endCall(act.reason);
          break;
      }
    }
  }

  #begin(text: string, notBeforeMs: number, greeting: boolean): void {
    const turn: Turn = {
      eventId: this.#reservedEventId ?? this.#nextEventId(),
      text,
      greeting,
      notBeforeMs,
      spoken: [],
      pending: [],
      pendingBytes: 0,
      complete: false,
      sentBytes: 0,
      startsAtMs: 0,
      endsAtMs: 0,
      entry: undefined,
      cut: false,
    };
    this.#reservedEventId = undefined;
    this.#turn = turn;
    void this.#synthesise(turn);
  }

  /** Turns the text into sound, sentence by sentence, so that the first can be sent while the next is made. */
  async #synthesise(turn: Turn): Promise<void> {
    try {
      for (const text of sentences(turn.text)) {
        const audio = await this.#o.speak(text, this.#voice);
        if (turn.cut || this.#over) return;
        turn.spoken.push({ text, bytes: audio.length + BREATH.length });
        turn.pending.push(audio, BREATH);
        turn.pendingBytes += audio.length + BREATH.length;
      }
      turn.complete = true;
    } catch (cause) {
      if (turn.cut || this.#over) return;
      this.#fail(1_002, 'tts_cascade_error', cause instanceof Error ? cause.message : 'speech failed');
    }
  }

  /** Sends the next piece of the turn under way; a turn that is wholly sent makes room for the next act. */
  #speakOn(nowMs: number): void {
    this.#playing = this.#playing.filter((turn) => turn.endsAtMs > nowMs || turn === this.#turn);
    if (
      this.#greeting === 'playing' &&
      this.#turn?.greeting !== true &&
      !this.#playing.some((t) => t.greeting)
    )
      this.#greeting = 'over';
    const turn = this.#turn;
    if (turn === undefined) {
      if (this.#acts.length > 0) this.#carryOut(nowMs);
      return;
    }
    if (nowMs < turn.notBeforeMs) return;
    if (turn.sentBytes === 0 && this.#ear.hearing && !turn.greeting) return;
    const huge = this.#o.knobs().hugeChunk;
    if (huge && !turn.complete) return;
    if (turn.pendingBytes > 0) {
      const ms = turn.sentBytes === 0 ? 100 + this.#random() * 150 : 400 + this.#random() * 1_600;
      this.#sendChunk(turn, take(turn, huge ? turn.pendingBytes : Math.round(ms * BYTES_PER_MS)), nowMs);
    }
    if (!turn.complete || turn.pendingBytes > 0) return;
    this.#turn = undefined;
    this.#before = undefined;
    this.#carryOut(nowMs);
  }

  #sendChunk(turn: Turn, ulaw: Buffer, nowMs: number): void {
    const first = turn.sentBytes === 0;
    if (first) {
      turn.startsAtMs = Math.max(nowMs, this.#playEndMs);
      turn.endsAtMs = turn.startsAtMs;
      this.#playing.push(turn);
    } else if (turn.endsAtMs < nowMs) {
      // The next sentence was late: the other side heard silence meanwhile.
      turn.startsAtMs += nowMs - turn.endsAtMs;
      turn.endsAtMs = nowMs;
    }
    this.#o.record.sound.agent(turn.endsAtMs - this.#openedAtMs, ulaw);
    turn.sentBytes += ulaw.length;
    turn.endsAtMs += ulaw.length / BYTES_PER_MS;
    this.#playEndMs = turn.endsAtMs;
    this.#quietSinceMs = turn.endsAtMs;
    this.#emitAudio(ulaw, turn.eventId);
    if (!first) return;
    turn.entry = this.#entry('agent', turn.text, turn.eventId);
    turn.entry.time_in_call_secs = secs(turn.startsAtMs - this.#openedAtMs);
    this.#o.record.transcript.push(turn.entry);
    this.#emit({
      type: 'agent_response',
      agent_response_event: { agent_response: turn.text, event_id: turn.eventId },
    });
  }

  #emitAudio(ulaw: Buffer, eventId: number): void {
    const bytes = this.#format === 'ulaw_8000' ? ulaw : toPcm(ulaw, this.#format);
    this.#emit({
      type: 'audio',
      audio_event: { audio_base_64: bytes.toString('base64'), event_id: eventId },
    });
  }

  #isAudible(nowMs: number): boolean {
    return this.#playing.some((turn) => turn.endsAtMs > nowMs || turn === this.#turn);
  }

  /** Taking `interruption` from the client events switches barge-in off; a greeting may be protected (§1.3, §4.1). */
  #mayInterrupt(): boolean {
    const { disable_first_message_interruptions: shielded } = this.#o.settings.conversation_config.agent;
    if (!this.#events.has('interruption') || (shielded && this.#greeting === 'playing')) return false;
    return this.#isAudible(this.#o.now());
  }

  /** The caller spoke over the agent: says so, corrects what was not heard, and drops the rest. */
  #interrupt(nowMs: number): void {
    const { interruptionId, corrections, staleChunk } = this.#o.knobs();
    const cut = this.#playing.filter((turn) => turn.endsAtMs > nowMs || turn === this.#turn);
    const newest = cut.at(-1);
    if (newest === undefined) return;
    const stale = newest.pending[0] ?? BREATH;
    this.#turn = undefined;
    this.#acts = [];
    this.#before = undefined;
    this.#playing = [];
    this.#playEndMs = nowMs;
    this.#o.record.sound.cut(nowMs - this.#openedAtMs);
    let id = newest.eventId;
    if (interruptionId !== 'interrupted') id = this.#nextEventId();
    if (interruptionId === 'reply') this.#reservedEventId = id;
    this.#emit({ type: 'interruption', interruption_event: { event_id: id } });
    for (const turn of cut) {
      turn.cut = true;
      if (turn.greeting) this.#greeting = 'cut';
      const heard = heardOf(turn, (nowMs - turn.startsAtMs) * BYTES_PER_MS);
      if (turn.entry !== undefined) {
        turn.entry.interrupted = true;
        turn.entry.original_message = turn.text;
        turn.entry.message = heard;
      }
      if (!corrections) continue;
      this.#emit({
        type: 'agent_response_correction',
        agent_response_correction_event: {
          original_agent_response: turn.text,
          corrected_agent_response: heard,
          event_id: turn.eventId,
        },
      });
    }
    if (staleChunk) this.#emitAudio(stale, newest.eventId);
  }

  #callTool(name: string, parameters: Readonly<Record<string, unknown>>): void {
    const config = this.#o.settings.conversation_config.agent.prompt.tools.find((tool) => tool.name === name);
    const now = this.#o.now();
    const id = this.#toolId();
    const eventId = this.#eventId;
    // What led here has had its effect; it must not be thought through again.
    this.#before = undefined;
    const entry = this.#entry('agent', null, eventId);
    entry.tool_calls.push({
      type: 'client',
      request_id: id,
      tool_name: name,
      params_as_json: JSON.stringify(parameters),
      tool_has_been_called: true,
    });
    this.#o.record.transcript.push(entry);
    const timeoutMs = (config?.response_timeout_secs ?? TOOL_TIMEOUT_MS / 1_000) * 1_000;
    this.#tool = { id, name, calledAtMs: now, timeoutAtMs: now + timeoutMs, entry };
    this.#emit({
      type: 'agent_tool_request',
      agent_tool_request: { tool_name: name, tool_call_id: id, tool_type: 'client', event_id: eventId },
    });
    if (config === undefined || !this.#events.has('client_tool_call'))
      return this.#toolAnswered(id, `The agent has no client tool '${name}'.`, true);
    this.#emit({
      type: 'client_tool_call',
      client_tool_call: {
        tool_name: name,
        tool_call_id: id,
        parameters: { ...parameters },
        event_id: eventId,
      },
    });
    if (config.expects_response !== true) this.#toolAnswered(id, '', false);
  }

  /** The result of the tool under way; any other is ignored. */
  #toolAnswered(id: string, result: string, isError: boolean): void {
    const tool = this.#tool;
    if (tool === undefined || tool.id !== id || this.#mind === undefined) return;
    const now = this.#o.now();
    this.#tool = undefined;
    this.#quietSinceMs = now;
    tool.entry.tool_results.push({
      type: 'client',
      request_id: id,
      tool_name: tool.name,
      result_value: result,
      is_error: isError,
      tool_has_been_called: true,
      tool_latency_secs: secs(now - tool.calledAtMs),
    });
    this.#emit({
      type: 'agent_tool_response',
      agent_tool_response: {
        tool_name: tool.name,
        tool_call_id: id,
        tool_type: 'client',
        is_error: isError,
        is_called: true,
        event_id: this.#eventId,
      },
    });
    if (tool.name === 'end_call') return this.end(1_000, 'end_call tool was called.');
    const thought = think(this.#mind, {
      kind: 'tool_answered',
      name: tool.name,
      ok: !isError && !saysNo(result),
      result,
    });
    this.#mind = thought.mind;
    this.#acts.unshift(...thought.acts);
    const waiting = this.#waitingInput.splice(0).join(' ');
    if (waiting === '') this.#carryOut(now + 100 + this.#random() * 150);
    else this.#consider(waiting);
  }

  /** Hangs up, as the agent's set-up has it: the system tool, or a client tool of that name. */
  #endCall(reason: string): void {
    const tools = this.#o.settings.conversation_config.agent.prompt.tools;
    if (tools.some((tool) => tool.name === 'end_call' && tool.type === 'client'))
      return this.#callTool('end_call', { reason, ...(OUTCOMES[reason] && { outcome: OUTCOMES[reason] }) });
    const id = this.#toolId();
    const now = this.#ageMs();
    const entry = this.#entry('agent', null, this.#eventId);
    const call = {
      type: 'system',
      request_id: id,
      tool_name: 'end_call',
      tool_has_been_called: true,
    } as const;
    entry.tool_calls.push({ ...call, params_as_json: JSON.stringify({ reason }) });
    entry.tool_results.push({
      ...call,
      result_value: '{"status":"success"}',
      is_error: false,
      tool_latency_secs: secs(this.#ageMs() - now),
    });
    this.#o.record.transcript.push(entry);
    const tool = { tool_name: 'end_call', tool_call_id: id, tool_type: 'system', event_id: this.#eventId };
    this.#emit({ type: 'agent_tool_request', agent_tool_request: tool });
    this.#emit({
      type: 'agent_tool_response',
      agent_tool_response: { ...tool, is_error: false, is_called: true },
    });
    this.end(1_000, 'end_call tool was called.');
  }

  /** Nobody spoke for the turn timeout: asks whether they are there, or gives up. */
  #breakSilence(nowMs: number): void {
    const { turn_timeout: timeoutSecs } = this.#o.settings.conversation_config.turn;
    const waits =
      this.#turn !== undefined || this.#tool !== undefined || this.#acts.length > 0 || this.#ear.hearing;
    if (waits || this.#mind === undefined || nowMs - this.#quietSinceMs < timeoutSecs * 1_000) return;
    this.#quietSinceMs = nowMs;
    const thought = think(this.#mind, { kind: 'silence' });
    this.#mind = thought.mind;
    this.#acts.push(...thought.acts);
    this.#carryOut(nowMs);
  }

  #sendPing(nowMs: number): void {
    this.#ping.dueMs = nowMs + PING_EVERY_MS;
    const id = this.#ping.next;
    this.#ping.next += 1;
    this.#ping.sentAt.set(id, performance.now());
    if (this.#ping.sentAt.size > 50) this.#ping.sentAt.delete(id - 50);
    this.#emit({ type: 'ping', ping_event: { event_id: id, ping_ms: this.#ping.lastMs } });
  }

  /** The other side does not read: holds back, and after half a minute breaks the connection. */
  #isStuck(nowMs: number): boolean {
    if (this.#o.socket.bufferedAmount < BACKLOG_BYTES) {
      this.#stuckSinceMs = undefined;
      return false;
    }
    this.#stuckSinceMs ??= nowMs;
    if (nowMs - this.#stuckSinceMs > STUCK_MS) this.end('reset', 'The client stopped reading.');
    return true;
  }

  #fail(code: 1002 | 1008, errorType: ErrorType, message: string): void {
    this.#write({
      type: 'error',
      error_event: {
        code,
        error_type: errorType,
        message,
        reason: errorType,
        debug_message: '',
        details: {},
      },
    });
    this.end(code, errorType === 'transport_receive_timeout' ? errorType : `${errorType}: ${message}`);
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#turn !== undefined) this.#turn.cut = true;
    this.#turn = undefined;
    this.#acts = [];
    this.#playing = [];
    const { record } = this.#o;
    record.durationSecs = this.#ageMs() / 1_000;
    record.terminationReason = reason;
    record.answers = this.#mind?.answers ?? {};
    record.status = this.#live ? 'processing' : 'failed';
  }

  /** Sends a message if the agent's client events have its kind; errors always go. */
  #emit(message: ServerMessage): void {
    if (this.#events.has(message.type)) this.#write(message);
  }

  #write(message: ServerMessage | FlatError): void {
    if (this.#over) return;
    const { record, socket } = this.#o;
    const logged =
      message.type === 'audio'
        ? {
            ...message,
            audio_event: {
              ...message.audio_event,
              audio_base_64: `<${message.audio_event.audio_base_64.length}>`,
            },
          }
        : message;
    record.log(this.#ageMs(), 'agent', logged);
    socket.send(JSON.stringify(message));
  }

  #entry(role: 'user' | 'agent', message: string | null, eventId: number | null): TranscriptEntry {
    return {
      role,
      message,
      time_in_call_secs: secs(this.#ageMs()),
      interrupted: false,
      original_message: null,
      source_event_id: eventId,
      tool_calls: [],
      tool_results: [],
    };
  }

  #ageMs(): number {
    return this.#o.now() - this.#openedAtMs;
  }
  #nextEventId(): number {
    this.#eventId += 1;
    return this.#eventId;
  }
  #toolId(): string {
    this.#toolCount += 1;
    return `toolcall_${this.#o.record.id.slice(-12)}_${this.#toolCount}`;
  }
}

function secs(ms: number): number {
  return Math.round(ms) / 1_000;
}

/** Takes so many bytes of what is spoken but not sent. */
function take(turn: Turn, bytes: number): Buffer {
  const whole = turn.pending.length === 1 ? (turn.pending[0] ?? BREATH) : Buffer.concat(turn.pending);
  const piece = whole.subarray(0, bytes);
  const rest = whole.subarray(piece.length);
  turn.pending = rest.length === 0 ? [] : [rest];
  turn.pendingBytes = rest.length;
  return piece;
}

/** The words of a turn that were played when so many bytes of its sound had been heard. */
function heardOf(turn: Turn, bytes: number): string {
  let left = bytes;
  const heard: string[] = [];
  for (const part of turn.spoken) {
    if (left <= 0) break;
    const words = wordsBetween(part.text, 0, Math.min(1, left / part.bytes));
    if (words !== '') heard.push(words);
    left -= part.bytes;
  }
  return heard.join(' ');
}

/** Whether a tool's answer says itself that nothing was done: `{"ok":false}`, `{"success":false}`, `{"error":…}`. */
function saysNo(result: string): boolean {
  try {
    const answer: unknown = JSON.parse(result);
    if (typeof answer !== 'object' || answer === null) return false;
    return (
      ('ok' in answer && answer.ok === false) ||
      ('success' in answer && answer.success === false) ||
      ('error' in answer && Boolean(answer.error))
    );
  } catch {
    return false;
  }
}

/** The path of the first field that was overridden without permission; keywords are ignored in silence (§1.2). */
function forbiddenOverride(
  sent: object,
  allowed: Readonly<Record<string, unknown>>,
  path = '',
): string | undefined {
  for (const [key, value] of Object.entries(sent)) {
    const here = path === '' ? key : `${path}.${key}`;
    if (here.startsWith('asr') || value === undefined) continue;
    const permission = allowed[key];
    if (permission === true) continue;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return here;
    const deeper = typeof permission === 'object' && permission !== null ? { ...permission } : {};
    const found = forbiddenOverride(value, deeper, here);
    if (found !== undefined) return found;
  }
  return undefined;
}

function rateOf(format: string): number {
  return Number(format.slice(format.indexOf('_') + 1)) / 8_000;
}

/** μ-law 8 kHz → PCM16 little-endian at a multiple of 8 kHz, each sample repeated. */
function toPcm(ulaw: Buffer, format: string): Buffer {
  const times = rateOf(format);
  const out = Buffer.alloc(ulaw.length * 2 * times);
  let at = 0;
  for (const sample of decodeUlaw(ulaw)) for (let i = 0; i < times; i += 1) at = out.writeInt16LE(sample, at);
  return out;
}

function fromPcm(pcm: Buffer, format: string): Buffer {
  const times = rateOf(format);
  const samples = new Int16Array(Math.floor(pcm.length / 2 / times));
  for (let i = 0; i < samples.length; i += 1) samples[i] = pcm.readInt16LE(i * 2 * times);
  return encodeUlaw(samples);
}

/** Mulberry32: the same seed throws the same numbers in [0, 1). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
