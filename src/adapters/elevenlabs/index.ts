/** adapters/elevenlabs: the agent platform. Conversations over its socket, its reports, and the check of its agent. */
import type { AgentInlet, Clock, Log, VendorDoor, VoiceAgent } from '../../app/ports.ts';
import { type Counters, noCounts, openConversation } from './conversation.ts';
import { type AgentInspection, inspectAgent } from './inspection.ts';
import { createPlatform } from './platform.ts';
import { createWebhookDoor, type WebhookCounters } from './webhook.ts';

const DEFAULT_BASE_URL = 'https://api.elevenlabs.io';

export interface ElevenLabsOptions {
  readonly apiKey: string;
  readonly agentId: string;
  /** http(s) URL of the REST side; the conversation's socket is where the platform's signed URL says. */
  readonly baseUrl?: string;
  /** Without it every report is refused. */
  readonly webhookSecret?: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ElevenLabs {
  /** `open`: the signal governs the opening only; an open session ends by `close()` or by the platform. */
  readonly agent: VoiceAgent;
  door(inlet: AgentInlet): VendorDoor;
  /** Reads the agent's settings and says what would make calls fail. Never throws but for abort. */
  inspect(signal: AbortSignal): Promise<AgentInspection>;
  /** Loads what the first call needs; to be called once the servers listen. Never throws. */
  warm(): Promise<void>;
  /** Totals of all conversations that are over, and of the reports. */
  readonly counters: {
    readonly conversations: Readonly<Counters>;
    readonly reports: Readonly<WebhookCounters>;
  };
}

export function createElevenLabs(options: ElevenLabsOptions): ElevenLabs {
  const { clock, log } = options;
  const platform = createPlatform({ ...options, baseUrl: options.baseUrl ?? DEFAULT_BASE_URL });
  const conversations = noCounts();
  const reports: WebhookCounters = { reported: 0, unused: 0, refused: 0, malformed: 0, failed: 0 };
  let overridesMissed = false;

  return {
    agent: {
      async open(brief, sink, signal) {
        signal.throwIfAborted();
        const [url, permits] = await Promise.all([platform.signedUrl(signal), platform.permits(signal)]);
        if (brief.firstMessage && !permits.firstMessage && !overridesMissed) {
          overridesMissed = true;
          log.warn(
            { setting: 'platform_settings.overrides.conversation_config_override.agent.first_message' },
            'the agent does not permit its first message to be overridden; its own is spoken',
          );
        }
        return openConversation({ url, permits, brief, sink, clock, log, totals: conversations }, signal);
      },
      conversation: (id, signal) => platform.conversation(id, signal),
    },
    door: (inlet) => createWebhookDoor({ secret: options.webhookSecret, inlet, clock, log, counts: reports }),
    inspect: (signal) => inspectAgent(platform, options.webhookSecret !== undefined, signal),
    warm: () => platform.warm(),
    counters: { conversations, reports },
  };
}
