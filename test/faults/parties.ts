/**
 * The outside parties of a storm: carrier, agent and people in a process of their own, which lives on when the product dies.
 * Started with a JSON object in `PARTIES`; tells its parent by IPC where it listens, and then what the carrier saw.
 */

import { startAgent } from '../../src/sandbox/agent/server.ts';
import { FRAME_BYTES, ULAW_SILENCE } from '../../src/sandbox/audio.ts';
import { type CallerScript, callerNamed } from '../../src/sandbox/callers.ts';
import { startCarrier } from '../../src/sandbox/carrier/server.ts';
import type { VoiceName } from '../../src/sandbox/voices.ts';
import { BRIEF, DECLINER, SLOW_TO_ANSWER, STAYER, TALKER } from '../support/people.ts';

export interface PartiesSettings {
  /** Where the product is reached. */
  readonly url: string;
  readonly number: string;
  readonly seed: number;
}

export interface PartiesReport {
  readonly carrier: { readonly url: string; readonly accountSid: string; readonly authToken: string };
  readonly agent: {
    readonly url: string;
    readonly apiKey: string;
    readonly agentId: string;
    readonly webhookSecret: string;
  };
}

/** What the carrier saw, in its order. */
export type Seen =
  | { readonly what: 'created'; readonly callSid: string; readonly to: string; readonly outbound: boolean }
  | { readonly what: 'status'; readonly callSid: string; readonly status: string }
  /** The product answered a status callback with success. */
  | { readonly what: 'acknowledged'; readonly callSid: string; readonly status: string };

export interface PlaceInbound {
  readonly inboundFrom: string;
}

const STOPPER: CallerScript = {
  ...STAYER,
  name: 'stopper',
  steps: [
    { waitForAgent: { patienceMs: 15_000 } },
    { say: 'Please take me off your list.' },
    { waitForAgent: { quietMs: 4_000, patienceMs: 15_000 } },
    { hangUp: true },
  ],
};
const PEOPLE = [
  TALKER,
  BRIEF,
  STAYER,
  DECLINER,
  STOPPER,
  TALKER,
  { ...SLOW_TO_ANSWER, ringMs: 6_000 },
  callerNamed('busy') ?? BRIEF,
  { ...STAYER, ringMs: 200 },
  { ...BRIEF, ringMs: 3_000 },
];
const TELL_MS = 50;

const voices = new Map<string, Buffer>();

/** Noise made from the text, short, so that calls come and go: as distinct and as repeatable as a voice. */
async function mutter(text: string, voice: VoiceName): Promise<Buffer> {
  const key = `${voice} ${text}`;
  const known = voices.get(key);
  if (known) return known;
  let state = 0x811c9dc5;
  for (const letter of key) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0;
  const audio = Buffer.alloc((25 + (text.length >> 1)) * FRAME_BYTES, ULAW_SILENCE);
  for (let i = 2 * FRAME_BYTES; i < audio.length - 2 * FRAME_BYTES; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    audio[i] = 0x10 + ((state >>> 16) & 0x2f) + ((state >>> 30) & 1) * 0x80;
  }
  voices.set(key, audio);
  return audio;
}

const { url, number, seed } = JSON.parse(process.env.PARTIES ?? '{}') as PartiesSettings;
const carrier = await startCarrier({
  host: '127.0.0.1',
  port: 0,
  accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
  authToken: 'the-token-of-this-storm',
  numbers: [number],
  seed,
  callsPerSecond: 1_000,
  speak: mutter,
  voiceUrl: `${url}/twilio/voice#rc=3&rp=ct,rt,5xx&ct=2000&rt=9000`,
  statusCallbackUrl: `${url}/twilio/status#rc=5&rp=all`,
  smsUrl: `${url}/twilio/sms#rc=5&rp=all`,
});
const agent = await startAgent({
  host: '127.0.0.1',
  port: 0,
  seed,
  speak: mutter,
  endCall: 'client',
  webhookUrl: `${url}/elevenlabs/webhook`,
});
await agent.control.ready();
await agent.control.learn(
  PEOPLE.flatMap(({ steps, voice }) =>
    steps.flatMap((step) => ('say' in step ? [{ text: step.say, voice }] : [])),
  ),
);
for (let last = 1_000; last <= 9_999; last += 1)
  carrier.control.assign(`+1212555${last}`, PEOPLE[last % PEOPLE.length]);

/** What stands in the carrier's journal is told once; the oldest entries fall out of it in time. */
let told: (typeof carrier.control.events)[number] | undefined;
function news(): Seen[] {
  const { events } = carrier.control;
  const fresh = events.slice(told === undefined ? 0 : events.lastIndexOf(told) + 1);
  told = events.at(-1);
  return fresh.flatMap(({ type, callSid = '', detail }): Seen[] => {
    if (type === 'call-created')
      return [
        {
          what: 'created',
          callSid,
          to: String(detail.to),
          outbound: detail.direction === 'outbound-api',
        },
      ];
    if (type === 'status') return [{ what: 'status', callSid, status: String(detail.status) }];
    const outcome = Number(detail.outcome);
    if (type === 'request' && detail.kind === 'status' && outcome >= 200 && outcome < 300) {
      const { CallStatus = '' } = detail.params as Record<string, string>;
      return [{ what: 'acknowledged', callSid, status: CallStatus }];
    }
    return [];
  });
}

const tell = (message: PartiesReport | readonly Seen[]): void => {
  process.send?.(message);
};

process.on('message', ({ inboundFrom }: PlaceInbound) => {
  carrier.control.placeInboundCall({ from: inboundFrom, caller: TALKER });
});
process.on('disconnect', () => process.exit(0));
const { apiKey, agentId, webhookSecret } = agent;
tell({
  carrier: { url: carrier.url, accountSid: carrier.accountSid, authToken: carrier.authToken },
  agent: { url: agent.url, apiKey, agentId, webhookSecret },
});
setInterval(() => {
  const seen = news();
  if (seen.length > 0) tell(seen);
}, TELL_MS);
