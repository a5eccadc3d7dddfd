/**
 * domain/transcript: what was said on a call, as a fold of its events, and how it compares with the agent platform's own
 * account. Everybody who shows or analyses a transcript reads this fold.
 */
import type { Call, CallEvent, Completeness, PlatformTurn } from './call.ts';
import type { CallTranscript, TranscriptMessage } from './documents.ts';

interface Line {
  speaker: 'agent' | 'user' | 'system';
  text: string;
  timestamp: number;
  turn: number;
  interrupted: boolean;
  heardMs?: number;
  repaired: boolean;
  sentiment?: number;
  correction?: NonNullable<TranscriptMessage['correction']>;
  conversationId: string;
}

/** Seconds since the talk began, one decimal. */
const offsetOf = (startMs: number, at: Date, agoMs = 0): number =>
  Math.max(0, Math.round((at.getTime() - agoMs - startMs) / 100) / 10);

/** The moment that transcript offsets count from: the stream's opening, where the recording begins too. */
export function talkStart(events: readonly CallEvent[]): Date | undefined {
  const opened =
    events.find((event) => event.type === 'stream_opened') ??
    events.find((event) => event.type === 'answered');
  return (opened ?? events[0])?.at;
}

/** What is made while a phone rings is heard by nobody before the line is open, and by nobody at all where it never is. */
const wasHeard = (events: readonly CallEvent[]): boolean =>
  events.some(({ type }) => type === 'answered' || type === 'stream_opened') ||
  !events.some(({ type }) => type === 'queued');

/**
 * The messages in the order they were said. A correction replaces what the agent had planned by what it got to say; an
 * interruption marks the turn and how much of it was heard; words that only the platform kept are added as `repaired`; what
 * was felt in a message is as the last analysis has it, and what a person corrected reads as they say.
 */
export function foldTranscript(events: readonly CallEvent[]): TranscriptMessage[] {
  if (!wasHeard(events)) return [];
  const startMs = talkStart(events)?.getTime() ?? 0;
  const lines: Line[] = [];
  let takeover: Line | undefined;
  // The last agent line of a turn: one turn may be told in several pieces.
  const agentLine = (turn: number, conversationId: string): Line | undefined =>
    lines.findLast(
      (line) => line.speaker === 'agent' && line.turn === turn && line.conversationId === conversationId,
    );
  const lastAgentLine = (): Line | undefined => lines.findLast((line) => line.speaker === 'agent');
  for (const event of events) {
    switch (event.type) {
      case 'said':
        lines.push({
          speaker: event.role,
          text: event.text,
          // Never before what was said before it: the words of two who speak at once overlap.
          timestamp: Math.max(lines.at(-1)?.timestamp ?? 0, offsetOf(startMs, event.at, event.agoMs)),
          turn: event.turn,
          interrupted: false,
          repaired: false,
          conversationId: event.conversationId ?? '',
        });
        break;
      case 'corrected': {
        const line = agentLine(event.turn, event.conversationId ?? '') ?? lastAgentLine();
        if (!line) break;
        line.text = event.text;
        line.interrupted = true;
        // Corrected to nothing: the agent was cut off before it was heard.
        if (event.text.trim() === '') lines.splice(lines.indexOf(line), 1);
        break;
      }
      case 'interrupted': {
        const line = agentLine(event.turn, event.conversationId ?? '') ?? lastAgentLine();
        if (line) {
          line.interrupted = true;
          line.heardMs = event.heardMs;
        }
        break;
      }
      case 'voicemail_left':
        lines.push({
          speaker: 'agent',
          text: event.text,
          timestamp: offsetOf(startMs, event.at),
          turn: 0,
          interrupted: false,
          repaired: false,
          conversationId: '',
        });
        break;
      case 'taken_over':
        takeover = aside(`${event.name} took over the call.`, offsetOf(startMs, event.at));
        lines.push(takeover);
        break;
      case 'handed_back': {
        if (!takeover) break;
        const seconds = Math.round(event.heldMs / 1_000);
        const note = event.note === undefined ? '' : ` Note: ${event.note}`;
        takeover.text = `${event.name} spoke with the caller for ${seconds} s (recorded).${note}`;
        break;
      }
      case 'reconciled':
        for (const missing of comparePlatform(lines, event.turns.filter(wasOnTheLine(events, startMs)))
          .missing) {
          const line: Line = {
            speaker: missing.role,
            text: missing.text,
            timestamp: missing.offsetSec,
            turn: 0,
            interrupted: missing.interrupted,
            repaired: true,
            conversationId: '',
          };
          const after = lines.findIndex((other) => other.timestamp > line.timestamp);
          lines.splice(after < 0 ? lines.length : after, 0, line);
        }
        break;
      case 'analysed':
        for (const line of lines) delete line.sentiment;
        for (const { messageIndex, sentiment } of event.analysis.messages) {
          const line = lines[messageIndex];
          if (line) line.sentiment = sentiment;
        }
        break;
      case 'reworded': {
        const line = lines[event.messageIndex];
        if (!line) break;
        const original = line.correction?.original ?? line.text;
        delete line.correction;
        line.text = event.text ?? original;
        if (line.text !== original) line.correction = { original, by: event.name, at: event.at };
        break;
      }
      default:
        break;
    }
  }
  return lines.map(({ conversationId: _, ...message }) => message);
}

const aside = (text: string, timestamp: number): Line => ({
  speaker: 'system',
  text,
  timestamp,
  turn: 0,
  interrupted: false,
  repaired: false,
  conversationId: '',
});

/** So much may lie between our clock and the platform's, seconds. */
const SLACK_SEC = 1;

/**
 * Of the platform's turns those that were on the line: while somebody of the staff spoke, the agent was mute whatever it
 * believed to say, and what made it speak afterwards was no caller.
 */
function wasOnTheLine(events: readonly CallEvent[], startMs: number): (turn: PlatformTurn) => boolean {
  const spans: { from: number; to: number }[] = [];
  const cues = new Set<string>();
  for (const event of events) {
    const at = offsetOf(startMs, event.at);
    if (event.type === 'taken_over') spans.push({ from: at - SLACK_SEC, to: Number.POSITIVE_INFINITY });
    const span = spans.at(-1);
    if (event.type === 'handed_back' && span) {
      span.to = at;
      if (event.cue !== undefined) cues.add(normal(event.cue));
    }
  }
  return ({ role, text, offsetSec }) =>
    role === 'agent'
      ? !spans.some(({ from, to }) => offsetSec > from && offsetSec < to)
      : !cues.has(normal(text));
}

const normal = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

type Spoken = Pick<TranscriptMessage, 'speaker' | 'text' | 'correction'>;

/** Same speaker and the same words, or one the beginning of the other (an interrupted turn is kept shorter by one side). */
const same = (a: Spoken, b: PlatformTurn): boolean => {
  if (a.speaker !== b.role) return false;
  // Of a line that a person corrected the platform knows what was heard.
  const [x, y] = [normal(a.correction?.original ?? a.text), normal(b.text)];
  return x === y || (x.length > 0 && y.startsWith(x)) || (y.length > 0 && x.startsWith(y));
};

/** The platform's turns that we do not have. Each of ours answers for one of theirs at most. */
function comparePlatform(
  ours: readonly Spoken[],
  theirs: readonly PlatformTurn[],
): { missing: PlatformTurn[] } {
  const free = [...ours];
  const missing: PlatformTurn[] = [];
  for (const turn of theirs) {
    if (normal(turn.text) === '') continue;
    const at = free.findIndex((line) => same(line, turn));
    if (at < 0) missing.push(turn);
    else free.splice(at, 1);
  }
  return { missing };
}

/**
 * How whole the transcript is: `complete`, both accounts agree; `repaired`, words of the platform were added; `gap`, a
 * session was lost, somebody of the staff spoke with the caller, or the platform's account is not to be had, so words may be
 * missing.
 */
export function completenessOf(
  events: readonly CallEvent[],
  platform: readonly PlatformTurn[] | undefined,
): Completeness {
  if (!wasHeard(events)) return 'complete';
  if (!platform) return 'gap';
  if (events.some(({ type }) => type === 'session_lost' || type === 'taken_over')) return 'gap';
  const { missing } = comparePlatform(foldTranscript(events), platform);
  return missing.length > 0 ? 'repaired' : 'complete';
}

/** "Agent: …\nCaller: …", the form kept in `call_transcripts.fullTranscript`. */
export const transcriptText = (messages: readonly TranscriptMessage[]): string =>
  messages
    .map(
      ({ speaker, text }) =>
        `${speaker === 'agent' ? 'Agent' : speaker === 'user' ? 'User' : 'System'}: ${text}`,
    )
    .join('\n');

/** The document of `call_transcripts` for a call, made at `at` from its events. */
export function transcriptOf(call: Call, events: readonly CallEvent[], at: Date): CallTranscript {
  const messages = foldTranscript(events);
  const { topics, keywords } = call.analysis ?? {};
  return {
    _id: call._id,
    callId: call._id,
    ...(call.leadId ? { leadId: call.leadId } : {}),
    messages,
    fullTranscript: transcriptText(messages),
    totalMessages: messages.length,
    agentMessages: messages.filter((message) => message.speaker === 'agent').length,
    userMessages: messages.filter((message) => message.speaker === 'user').length,
    duration: call.duration ?? 0,
    // Until the platform's account is compared, nobody knows that nothing is missing.
    completeness: call.completeness ?? 'gap',
    ...(topics ? { topics } : {}),
    ...(keywords ? { keywords } : {}),
    createdAt: at,
    updatedAt: at,
  };
}
