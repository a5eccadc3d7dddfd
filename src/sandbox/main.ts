/**
 * sandbox/main: the process that plays the outside parties. Started by the product with one JSON object in
 * `PARLEY_SANDBOX`; starts what it names, reports where it listens, and ends when its parent does.
 *
 * In: `{ carrier?: CarrierSettings, agent?: AgentSettings, mailbox?: MailboxSettings }`; out, by IPC or as one line on
 * stdout: `{ carrier?: {url, accountSid, authToken, numbers}, agent?: {url, apiKey, agentId, webhookSecret}, mailbox?: {url,
 * phonesUrl} }`. The mailbox comes with a page that shows it and the phones' texts.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { allCallerLines } from './callers.ts';
import type { Control } from './carrier/control.ts';
import { startCarrier } from './carrier/server.ts';
import { speak } from './voices.ts';

const CLOSE_MS = 3_000;

const host = z.string().min(1).default('127.0.0.1');
const port = z.int().min(0).max(65_535).default(0);
const seed = z.int().default(1);
const webUrl = z.string().regex(/^https?:\/\/\S+$/);

const Settings = z.strictObject({
  carrier: z
    .strictObject({
      host,
      port,
      seed,
      accountSid: z
        .string()
        .regex(/^AC[0-9a-f]{32}$/)
        .optional(),
      authToken: z.string().min(8).optional(),
      numbers: z.array(z.string().regex(/^\+[1-9]\d{6,14}$/)).min(1),
      callsPerSecond: z.number().positive().max(1000).default(1),
      voiceUrl: webUrl.optional(),
      statusCallbackUrl: webUrl.optional(),
      smsUrl: webUrl.optional(),
      reach: z.record(webUrl, webUrl).optional(),
      timeScale: z.number().min(0.1).max(100).optional(),
    })
    .optional(),
  agent: z
    .strictObject({
      host,
      port,
      seed,
      apiKey: z.string().min(1).optional(),
      agentId: z.string().min(1).optional(),
      webhookSecret: z.string().min(1).optional(),
      webhookUrl: webUrl.optional(),
      speed: z.number().positive().max(100).optional(),
    })
    .optional(),
  mailbox: z.strictObject({ host, port, phonesPort: port }).optional(),
});

/** What `PARLEY_SANDBOX` may hold; everything but the carrier's `numbers` has a default. */
export type SandboxSettings = z.input<typeof Settings>;

/** The same agent at every start: what it did before is known by its id. */
const AGENT_ID = 'agent_sandbox';

/** What the process reports once everything listens. */
export type SandboxReport = {
  carrier?: { url: string; accountSid: string; authToken: string; numbers: string[] };
  agent?: { url: string; apiKey: string; agentId: string; webhookSecret: string };
  mailbox?: { url: string; phonesUrl: string };
};

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the keys whose value is undefined, which exact optional properties do not take. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as Defined<T>;
}

/** Flite runs on Node's WASI, which says at each start that it is experimental. Every other warning is printed. */
function hushWasi(): void {
  const printers = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning' && warning.message.includes('WASI')) return;
    for (const print of printers) print(warning);
  });
}

function report(value: SandboxReport): void {
  if (process.send !== undefined) process.send(value);
  else process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function main(): Promise<void> {
  hushWasi();
  const parsed = Settings.safeParse(JSON.parse(process.env.PARLEY_SANDBOX ?? '{}'));
  if (!parsed.success) throw new Error(`PARLEY_SANDBOX: ${z.prettifyError(parsed.error)}`);
  const settings = parsed.data;
  const open: { close(): Promise<void> }[] = [];
  let ending = false;
  const end = (code: number) => {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(code), CLOSE_MS).unref();
    void Promise.allSettled(open.map((party) => party.close())).then(() => process.exit(code));
  };
  process.once('disconnect', () => end(0));
  process.once('SIGTERM', () => end(0));
  process.once('SIGINT', () => end(0));

  const started: SandboxReport = {};
  let control: Control | undefined;
  if (settings.carrier !== undefined) {
    const { accountSid, authToken, ...rest } = settings.carrier;
    const carrier = await startCarrier({
      ...defined(rest),
      accountSid: accountSid ?? `AC${randomBytes(16).toString('hex')}`,
      authToken: authToken ?? randomBytes(16).toString('hex'),
      speak,
    });
    open.push(carrier);
    control = carrier.control;
    started.carrier = {
      url: carrier.url,
      accountSid: carrier.accountSid,
      authToken: carrier.authToken,
      numbers: rest.numbers,
    };
  }
  if (settings.agent !== undefined) {
    const { startAgent } = await import('./agent/server.ts');
    const agent = await startAgent({ agentId: AGENT_ID, ...defined(settings.agent), endCall: 'client' });
    open.push(agent);
    const { url, apiKey, agentId, webhookSecret } = agent;
    started.agent = { url, apiKey, agentId, webhookSecret };
  }
  if (settings.mailbox !== undefined) {
    const { host: at, port: smtpPort, phonesPort } = settings.mailbox;
    const { startMailbox } = await import('./mailbox.ts');
    const { startPhones } = await import('./phones.ts');
    const mailbox = await startMailbox({ host: at, port: smtpPort });
    open.push(mailbox);
    const phones = await startPhones(
      { host: at, port: phonesPort },
      {
        numbers: settings.carrier?.numbers ?? [],
        texts: () => control?.messages() ?? [],
        letters: () => mailbox.letters,
      },
    );
    open.push(phones);
    started.mailbox = { url: mailbox.url, phonesUrl: phones.url };
  }
  if (ending) return;
  report(started);
  // The callers' lines are synthesised while nobody waits for them; one that fails is tried again when it is due.
  if (settings.carrier !== undefined) {
    for (const { text, voice } of allCallerLines()) await speak(text, voice, 'idle').catch(() => undefined);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`sandbox: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
