/**
 * adapters/elevenlabs/closing: what the end of a conversation means for the call. The platform says it with a close code,
 * a close reason and, before that, an error event; this table is the one place that reads them.
 * Source: AsyncAPI `WebSocketCloseCode` and `ErrorType`; texts and codes outside of it as seen live.
 */
import type { AgentEnding } from '../../app/ports.ts';

type Sense = Pick<AgentEnding, 'kind' | 'meaning'>;

/** Texts come first: the platform reports a spent quota under a code that otherwise means a passing fault. */
const BY_TEXT: readonly (readonly [RegExp, Sense])[] = [
  [
    /quota|insufficient (credits|funds)|payment[ _]required/i,
    { kind: 'refused', meaning: 'the ElevenLabs account has used up its quota' },
  ],
  [
    /concurren|too[ _]many[ _](connection|conversation)/i,
    { kind: 'refused', meaning: 'too many conversations run at once for the ElevenLabs plan' },
  ],
  [
    /misconfigured/i,
    {
      kind: 'misconfigured',
      meaning: 'ElevenLabs says that the agent is misconfigured (check its language model)',
    },
  ],
];

const lost = (meaning: string): Sense => ({ kind: 'lost', meaning });
const ours = (meaning: string): Sense => ({ kind: 'misconfigured', meaning });

const BY_ERROR: Readonly<Record<string, Sense>> = {
  max_duration_exceeded: {
    kind: 'finished',
    meaning: 'the conversation reached the longest duration the agent allows',
  },
  safety_violation: { kind: 'finished', meaning: 'the platform ended the conversation for its safety rules' },
  llm_timeout: lost('the language model did not answer in time'),
  llm_error: lost('the language model failed'),
  custom_llm_error: lost('our own language model endpoint failed'),
  cascade_brain_error: lost('every language model the agent may use failed'),
  transport_receive_timeout: lost('the platform heard nothing for a minute'),
  asyncio_timeout: lost('the platform took too long inside'),
  http_exception: lost('a request inside the platform failed'),
  asr_transcription_error: lost('speech recognition failed'),
  vad_error: lost('speech detection failed'),
  turn_probability_error: lost('turn detection failed'),
  tts_cascade_error: lost('every voice the agent may use failed'),
  redis_timeout_error: lost('the platform took too long inside'),
  websocket_disconnect: lost('the platform lost the connection'),
  unknown_websocket_crash: lost('the platform’s conversation crashed'),
  invalid_message: ours('the platform did not understand a message of ours'),
  missing_fields: ours('a message of ours lacked a field'),
  value_error: ours('a message of ours held a value the platform refuses'),
  override_error: ours('the agent does not permit an override that was sent'),
  missing_dynamic_variable: ours('the agent uses a dynamic variable that has no value'),
  missing_dynamic_variable_transfer: ours(
    'the agent transferred to uses a dynamic variable that has no value',
  ),
  mcp_tool_error: ours('an MCP tool of the agent failed'),
  mcp_https_error: ours('an MCP server of the agent cannot be reached over HTTPS'),
  telephony_agent_error: ours('the agent is set up for the platform’s own telephony'),
};

const HUNG_UP: Sense = { kind: 'finished', meaning: 'the agent ended the conversation' };

const BY_CODE: Readonly<Record<number, Sense>> = {
  1000: HUNG_UP,
  1001: lost('the platform went away'),
  1002: lost('the platform had an operational fault'),
  1005: lost('the platform closed without saying why'),
  1006: lost('the connection broke'),
  1007: ours('the platform could not read a message of ours'),
  1008: ours('the platform refused a message of ours'),
  1009: lost('a message was too large'),
  1011: lost('the platform crashed'),
  1012: lost('the platform restarts'),
  1013: { kind: 'refused', meaning: 'the platform is overloaded' },
  1014: lost('a gateway of the platform failed'),
  3000: ours('the platform refused the request (a stale agent branch looks like this)'),
  3008: { kind: 'refused', meaning: 'too many conversations run at once for the ElevenLabs plan' },
};

/** What was seen before the socket closed. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  /** The last error event that no further conversation followed. */
  readonly error?: { readonly type?: string; readonly text: string };
  /** The agent's own end_call went through. */
  readonly agentHungUp: boolean;
  readonly guardrail: boolean;
}

/** Reads the table: the account's limits first, then the named error, then the good order of the end, then the code. */
export function endingOf(closing: Closing): AgentEnding {
  const { code, error } = closing;
  const text = `${closing.reason}\n${error?.text ?? ''}`;
  const named = BY_ERROR[error?.type ?? ''];
  // An error before an end in good order was got over, unless it is a limit: then trying again is still pointless.
  const goodOrder = closing.agentHungUp || code === 1000;
  const byText = BY_TEXT.find(([pattern]) => pattern.test(text))?.[1];
  let sense: Sense;
  if (byText?.kind === 'refused') sense = byText;
  else if (named?.kind === 'finished') sense = named;
  else if (goodOrder) sense = HUNG_UP;
  else sense = named ?? byText ?? BY_CODE[code] ?? lost('the platform closed with a code nobody knows');
  const notes = [
    closing.guardrail ? 'a guardrail of the agent was triggered' : '',
    sense.kind === 'finished' ? '' : closing.reason,
  ].filter((note) => note !== '');
  return {
    kind: sense.kind,
    closeCode: code,
    meaning: notes.length > 0 ? `${sense.meaning} (${notes.join('; ')})` : sense.meaning,
  };
}

/** The limit or fault that a text of the platform names, if any: the same words come over HTTP. */
export const senseOfText = (text: string): Sense | undefined =>
  BY_TEXT.find(([pattern]) => pattern.test(text))?.[1];
