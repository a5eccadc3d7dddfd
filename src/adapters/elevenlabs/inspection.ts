/** adapters/elevenlabs/inspection: reads the agent's settings and says, line by line, what would make calls fail. */
import { Failure } from '../../domain/errors.ts';
import type { Finding } from '../../domain/finding.ts';
import type { Agent, AgentTool, Platform } from './platform.ts';

export interface AgentInspection {
  /** No finding is an error. */
  readonly ok: boolean;
  /** The agent's name; absent when it cannot be read. */
  readonly agentName?: string;
  readonly findings: readonly Finding[];
}

const ULAW = 'ulaw_8000';

/** Events the bridge lives on, and those without which a transcript or an ending is less exact. */
const NEEDED_EVENTS: Readonly<Record<string, Finding['level']>> = {
  conversation_initiation_metadata: 'error',
  audio: 'error',
  interruption: 'error',
  ping: 'error',
  user_transcript: 'error',
  agent_response: 'error',
  client_tool_call: 'error',
  agent_response_correction: 'warning',
  agent_tool_response: 'warning',
  guardrail_triggered: 'warning',
};

/** Without the first two a caller can neither be put on the do-not-call list nor reach a person. */
const CLIENT_TOOLS: Readonly<Record<string, Finding['level']>> = {
  record_opt_out: 'error',
  transfer_to_human: 'error',
  schedule_follow_up: 'warning',
  lookup_lead: 'warning',
  look_up_knowledge: 'warning',
};

export async function inspectAgent(
  platform: Platform,
  hasWebhookSecret: boolean,
  signal: AbortSignal,
): Promise<AgentInspection> {
  let agent: Agent;
  let tools: AgentTool[];
  try {
    agent = await platform.agent(signal);
    const prompt = agent.conversation_config.agent?.prompt;
    tools = prompt?.tools ?? [];
    // Newer agents name their tools by id only.
    if (tools.length === 0) {
      tools = await Promise.all((prompt?.tool_ids ?? []).slice(0, 50).map((id) => platform.tool(id, signal)));
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const found = error instanceof Error ? error.message : String(error);
    const auth = error instanceof Failure && error.code === 'config_invalid';
    return {
      ok: false,
      findings: [
        {
          level: 'error',
          setting: auth ? 'ELEVENLABS_API_KEY, ELEVENLABS_AGENT_ID' : 'ELEVENLABS_BASE_URL',
          found,
          wanted: 'the agent’s settings can be read',
          remedy: auth
            ? 'Use a key with the permission to read agents, and the id of an agent in the same workspace and region.'
            : 'Check the network and https://status.elevenlabs.io, then try again.',
        },
      ],
    };
  }
  const findings: Finding[] = [];
  const report = (
    level: Finding['level'],
    setting: string,
    found: string | boolean | undefined,
    wanted: string,
    remedy: string,
  ) => findings.push({ level, setting, found: String(found ?? 'not set'), wanted, remedy });

  const { asr, tts, conversation } = agent.conversation_config;
  const formats = {
    'conversation_config.asr.user_input_audio_format': asr?.user_input_audio_format,
    'conversation_config.tts.agent_output_audio_format': tts?.agent_output_audio_format,
  };
  for (const [setting, found] of Object.entries(formats)) {
    if (found !== ULAW) report('error', setting, found, ULAW, `Set ${setting} to "${ULAW}".`);
  }

  const events = conversation?.client_events ?? [];
  for (const level of ['error', 'warning'] as const) {
    const missing = Object.keys(NEEDED_EVENTS).filter(
      (event) => NEEDED_EVENTS[event] === level && !events.includes(event),
    );
    if (missing.length === 0) continue;
    const list = missing.join(', ');
    report(
      level,
      'conversation_config.conversation.client_events',
      events.length > 0 ? `without ${list}` : 'not set',
      `with ${list}`,
      `Add ${list} to the agent’s client events.`,
    );
  }

  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  for (const [name, level] of Object.entries(CLIENT_TOOLS)) {
    checkTool(name, level);
  }
  // Hanging up may be the platform's own tool or a client tool.
  const builtIn = agent.conversation_config.agent?.prompt?.built_in_tools?.end_call;
  if (!builtIn && byName.get('end_call')?.type !== 'system') checkTool('end_call', 'error');

  function checkTool(name: string, level: Finding['level']): void {
    const tool = byName.get(name);
    const setting = `tool ${name}`;
    if (tool?.type !== 'client') {
      report(
        level,
        setting,
        tool ? `of type ${tool.type ?? 'unknown'}` : 'absent',
        'a client tool with expects_response',
        `Create the client tool "${name}" with expects_response true and add it to the agent.`,
      );
    } else if (tool.expects_response !== true) {
      report(
        level,
        `${setting}.expects_response`,
        tool.expects_response,
        'true',
        `Set expects_response of the client tool "${name}" to true; without it the agent talks on before it has the answer.`,
      );
    }
  }

  const overrides = agent.platform_settings?.overrides;
  const firstMessage = overrides?.conversation_config_override?.agent?.first_message;
  const ownOpening = agent.conversation_config.agent?.first_message;
  if (firstMessage !== true && ownOpening?.trim() !== '{{opening}}') {
    report(
      'error',
      'platform_settings.overrides.conversation_config_override.agent.first_message',
      firstMessage ?? undefined,
      'true',
      'Permit the override, or set the first message of the agent to {{opening}}: otherwise nobody says who calls, that it is an AI and how to stop.',
    );
  }
  const extraBody = overrides?.custom_llm_extra_body;
  if (agent.conversation_config.agent?.prompt?.llm === 'custom-llm' && extraBody !== true) {
    report(
      'warning',
      'platform_settings.overrides.custom_llm_extra_body',
      extraBody ?? undefined,
      'true',
      'Permit it: otherwise our language model endpoint is not told which call it answers for.',
    );
  }
  const queueing = agent.platform_settings?.queueing_config?.enabled;
  if (queueing !== false) {
    report(
      'warning',
      'platform_settings.queueing_config.enabled',
      queueing,
      'false',
      'Turn queueing off: at the concurrency limit a call would wait in silence instead of being refused at once.',
    );
  }
  const auth = agent.platform_settings?.auth?.enable_auth;
  if (auth !== true) {
    report(
      'warning',
      'platform_settings.auth.enable_auth',
      auth,
      'true',
      'Turn authentication on: otherwise whoever knows the agent’s id can talk to it at your cost.',
    );
  }
  if (!hasWebhookSecret) {
    report(
      'warning',
      'ELEVENLABS_WEBHOOK_SECRET',
      undefined,
      'the secret of the post-call webhook',
      'Create a post-call webhook to /elevenlabs/webhook and set its secret; until then transcripts are fetched by polling.',
    );
  }
  return {
    ok: findings.every((finding) => finding.level !== 'error'),
    ...(agent.name === undefined ? {} : { agentName: agent.name }),
    findings,
  };
}
