/** main: the composition root. Config → adapters → app → servers → shutdown. Imported by nobody. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClaudeArchitect } from './adapters/claude/architect.ts';
import { createClaude } from './adapters/claude/index.ts';
import { createClaudeTalking } from './adapters/claude/talking.ts';
import { createElevenLabs } from './adapters/elevenlabs/index.ts';
import { createMail } from './adapters/mail/index.ts';
import { createPasswords } from './adapters/passwords.ts';
import { openRecordings } from './adapters/recordings/index.ts';
import { openJournaledStore } from './adapters/store/journal/index.ts';
import { openLocalStore } from './adapters/store/local/index.ts';
import { unfinishedMigration } from './adapters/store/migrate.ts';
import { openMongoStore } from './adapters/store/mongo/index.ts';
import { createClock, createIds, createLog } from './adapters/system.ts';
import { timeZoneRelease } from './adapters/time-zones.ts';
import { createTwilio } from './adapters/twilio/index.ts';
import { createMediaDoor } from './adapters/twilio/media-stream.ts';
import { buildAccess } from './app/access.ts';
import { readAnalysisPrompt, readArchitectPrompt } from './app/analysis-prompt.ts';
import { createDemo } from './app/demo.ts';
import { type App, buildApp } from './app/index.ts';
import { readKnowledge } from './app/knowledge.ts';
import { readTemplates } from './app/message-templates.ts';
import type { Clock, Log, Outage, Store } from './app/ports.ts';
import { readPrompts } from './app/prompts.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { isFailure } from './domain/errors.ts';
import { formatPhone } from './domain/phone.ts';
import { createHttp } from './http/index.ts';
import type { SandboxReport, SandboxSettings } from './sandbox/main.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_PLACES, samplePeople } from './sandbox/sample-campaign.ts';
import { SAMPLE_CAMPAIGN, sampleLeads } from './sandbox/sample-leads.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A stopping service lets calls end for this long; a second signal does not wait. */
const DRAIN_MS = 60_000;
/** How long a stopping service waits for the audit log to be written. */
const AUDIT_MS = 3_000;
const SANDBOX_START_MS = 10_000;
const SANDBOX_NUMBER = '+12125550190';
const DEMO_CALLS_PER_SECOND = 4;
const SANDBOX_MAIL_FROM = 'sandbox@parley.test';
/** Of what analyses of calls may cost in a day, proposals of better answers may cost as much again of this share. */
const ARCHITECT_SHARE = 0.2;
/** In e-mails of the sandbox only: a mail server needs SELLER_ADDRESS. */
const NO_ADDRESS = 'no postal address yet (SELLER_ADDRESS)';

const version = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;

/** Texts that come with the product, read and checked. Throws ConfigError with all that is wrong with them. */
function readShipped<T>(all: (read: (file: string) => string | undefined) => T): T {
  try {
    return all((file) => {
      try {
        return readFileSync(join(ROOT, file), 'utf8');
      } catch {
        return undefined;
      }
    });
  } catch (error) {
    throw isFailure(error, 'config_invalid') && Array.isArray(error.details.problems)
      ? new ConfigError(error.details.problems.map(String))
      : error;
  }
}

/** The embedded store, or MongoDB behind a journal on this machine. */
async function openStore({ mongo }: Config, dataDir: string, clock: Clock, log: Log): Promise<Store> {
  if (!mongo) return await openLocalStore({ dir: join(dataDir, 'store'), log });
  const { journalDays: keepDays, ...settings } = mongo;
  try {
    const store = await openMongoStore({ ...settings, clock, log });
    const origin = (await store.health()).ok ? await unfinishedMigration(store) : undefined;
    if (origin !== undefined)
      throw new ConfigError([`the database is not complete: finish the migration from ${origin}`]);
    return await openJournaledStore({ store, dir: join(dataDir, 'journal'), keepDays, clock, log });
  } catch (error) {
    throw isFailure(error, 'config_invalid') ? new ConfigError([error.message]) : error;
  }
}

function tellBacklog({ backlog }: Outage, nowMs: number): string {
  const { events, since, optOuts, setAside } = backlog;
  const age = since ? `, the oldest for ${Math.round((nowMs - since.getTime()) / 1_000)} s` : '';
  const wait = `${events} events wait for the database${age}; ${optOuts} opt-outs`;
  return setAside > 0 ? `${wait}; ${setAside} were refused by it and set aside` : wait;
}

/** What other secrets are made of: given, or made once and kept where only we may read it. */
function sessionSecret(config: Config): string {
  if (config.sessionSecret) return config.sessionSecret;
  const path = join(config.dataDir, 'session-secret');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const secret = randomBytes(48).toString('base64url');
  writeFileSync(path, secret, { mode: 0o600 });
  return secret;
}

/** `PORT=0` means any free port; the outside parties must know which before the server listens. */
function settlePort(config: Config): Promise<number> {
  if (config.http.port !== 0) return Promise.resolve(config.http.port);
  return new Promise((found, failed) => {
    const probe = createServer();
    probe.once('error', failed);
    probe.listen(0, config.http.host, () => {
      const address = probe.address();
      probe.close(() => found(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Plays the outside parties in a process of their own; started again, at the same addresses, when it dies. */
async function startSandbox(
  settings: SandboxSettings,
  log: ReturnType<typeof createLog>,
): Promise<{ report: SandboxReport; stop: () => void }> {
  let child: ChildProcess | undefined;
  let stopped = false;
  const start = (wanted: SandboxSettings): Promise<SandboxReport> =>
    new Promise((ready, failed) => {
      const script = fileURLToPath(new URL(`./sandbox/main${extname(import.meta.url)}`, import.meta.url));
      const started = fork(script, {
        env: { ...process.env, PARLEY_SANDBOX: JSON.stringify(wanted) },
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      child = started;
      const late = setTimeout(() => failed(new Error('the sandbox did not start in time')), SANDBOX_START_MS);
      started.once('message', (message) => {
        clearTimeout(late);
        ready(message as SandboxReport);
      });
      started.once('error', failed);
      started.once('exit', (code) => {
        clearTimeout(late);
        failed(new Error(`the sandbox ended with code ${code}`));
      });
    });
  const report = await start(settings);
  const again: SandboxSettings = {
    ...(settings.carrier && report.carrier
      ? {
          carrier: {
            ...settings.carrier,
            port: Number(new URL(report.carrier.url).port),
            accountSid: report.carrier.accountSid,
            authToken: report.carrier.authToken,
          },
        }
      : {}),
    ...(settings.agent && report.agent
      ? {
          agent: {
            ...settings.agent,
            port: Number(new URL(report.agent.url).port),
            apiKey: report.agent.apiKey,
            agentId: report.agent.agentId,
            webhookSecret: report.agent.webhookSecret,
          },
        }
      : {}),
    ...(settings.mailbox && report.mailbox
      ? {
          mailbox: {
            port: Number(new URL(report.mailbox.url).port),
            phonesPort: Number(new URL(report.mailbox.phonesUrl).port),
          },
        }
      : {}),
  };
  const guard = () =>
    child?.once('exit', (code) => {
      if (stopped) return;
      log.error({ code }, 'the sandbox ended; starting it again');
      setTimeout(() => {
        if (!stopped)
          start(again).then(guard, (error) =>
            log.error({ err: error }, 'the sandbox could not be started again'),
          );
      }, 1_000).unref();
    });
  guard();
  return {
    report,
    stop() {
      stopped = true;
      child?.kill('SIGTERM');
    },
  };
}

/** People to call in the sandbox: one lead for each scripted caller, where it is day. Made once; left alone afterwards. */
async function seedSandbox(app: App, sellerName: string): Promise<void> {
  const { items } = await app.campaigns.list({ limit: 1 });
  const campaign = items[0] ?? (await app.campaigns.create(SAMPLE_CAMPAIGN, 'sandbox'));
  if (campaign.status === 'draft') await app.campaigns.update(campaign._id, { status: 'active' }, 'sandbox');
  for (const region of sampleLeads(campaign._id, sellerName)) {
    const verdict = await app.compliance.check({ phone: region.leads[0]?.contact.phone ?? '' });
    const timeBars = verdict.reasons.some((reason) =>
      /hours|day_barred|holiday|not_enabled|timezone/.test(reason),
    );
    if (timeBars) continue;
    for (const lead of region.leads) {
      await app.leads.create(lead, 'sandbox').catch((error) => {
        if (!isFailure(error, 'duplicate_key')) throw error;
      });
    }
    return;
  }
}

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const given = loadConfig(process.env);
  const wantsDemo = process.argv.includes('--demo');
  if (wantsDemo && !given.sandbox.carrier)
    throw new ConfigError([
      '--demo: the sample campaign is for the built-in carrier; leave TWILIO_ACCOUNT_SID out',
    ]);
  // Two hundred people are to be met within a minute or two.
  const config: Config = wantsDemo
    ? { ...given, callsPerSecond: Math.max(given.callsPerSecond, DEMO_CALLS_PER_SECOND) }
    : given;
  const log = createLog(config.logLevel);
  const clock = createClock(log);
  const ids = createIds();
  const prompts = readShipped((read) => readPrompts(read, config.sellerName));
  const dataDir = resolve(config.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const port = await settlePort(config);
  const localUrl = `http://${config.http.host === '0.0.0.0' || config.http.host === '127.0.0.1' ? 'localhost' : config.http.host}:${port}`;
  /** Where the built-in parties reach us: they run on this machine. */
  const nearUrl = `http://${config.http.host === '0.0.0.0' ? '127.0.0.1' : config.http.host}:${port}`;
  const publicBaseUrl = config.sandbox.carrier ? nearUrl : (config.http.publicBaseUrl ?? localUrl);

  const [store, sandbox] = await Promise.all([
    openStore(config, dataDir, clock, log),
    config.sandbox.carrier || config.sandbox.agent
      ? startSandbox(
          {
            ...(config.sandbox.carrier
              ? {
                  carrier: {
                    numbers: [SANDBOX_NUMBER],
                    callsPerSecond: config.callsPerSecond,
                    voiceUrl: `${nearUrl}/twilio/voice`,
                    statusCallbackUrl: `${nearUrl}/twilio/status`,
                    smsUrl: `${nearUrl}/twilio/sms`,
                  },
                  mailbox: {},
                }
              : {}),
            ...(config.sandbox.agent ? { agent: { webhookUrl: `${nearUrl}/elevenlabs/webhook` } } : {}),
          },
          log,
        )
      : undefined,
  ]);

  const carrier = sandbox?.report.carrier;
  const account = carrier
    ? {
        accountSid: carrier.accountSid,
        authToken: carrier.authToken,
        phoneNumbers: carrier.numbers,
        apiBaseUrl: carrier.url,
      }
    : config.twilio;
  const builtIn = sandbox?.report.agent;
  const platform = builtIn
    ? {
        apiKey: builtIn.apiKey,
        agentId: builtIn.agentId,
        webhookSecret: builtIn.webhookSecret,
        baseUrl: builtIn.url,
      }
    : config.elevenlabs;
  if (!account || !platform) throw new Error('a vendor is neither configured nor played by the sandbox');

  const twilio = createTwilio({ ...account, numbers: account.phoneNumbers, publicBaseUrl, clock, ids, log });
  // Without a mail server of its own, e-mails go where the texts go: to the sandbox, or nowhere.
  const mailbox = sandbox?.report.mailbox;
  const mailServer = config.mail ?? (mailbox && { url: mailbox.url, from: SANDBOX_MAIL_FROM });
  const sender = {
    sellerName: config.sellerName,
    sellerAddress: config.sellerAddress ?? NO_ADDRESS,
    callbackNumber: formatPhone(account.phoneNumbers[0] ?? ''),
  };
  const elevenlabs = createElevenLabs({ ...platform, clock, log });
  const claude = config.anthropic && {
    analyst: {
      model: createClaude({ ...config.anthropic, prompt: readShipped(readAnalysisPrompt), clock, log }),
      dailyBudget: config.anthropic.dailyBudget,
    },
    architect: {
      model: createClaudeArchitect({
        ...config.anthropic,
        prompt: readShipped(readArchitectPrompt),
        clock,
        log,
      }),
      dailyBudget: config.anthropic.dailyBudget * ARCHITECT_SHARE,
    },
    talking: {
      model: createClaudeTalking({ ...config.anthropic, clock, log }),
      dailyBudget: config.anthropic.talkingBudget,
    },
  };
  const secret = sessionSecret(config);
  const recordings = openRecordings({ dir: join(dataDir, 'recordings'), log, clock });
  const app = buildApp(
    {
      store,
      telephony: twilio.telephony,
      messenger: {
        ...twilio.texts,
        ...(mailServer ? { mail: createMail({ ...mailServer, clock }).mail } : {}),
      },
      agent: elevenlabs.agent,
      ...(claude ?? {}),
      recordings,
      timekeeping: { tzdata: timeZoneRelease(clock.nowMs()), clockSkewMs: twilio.clockSkewMs },
      clock,
      ids,
      log,
    },
    {
      sellerName: config.sellerName,
      fromNumbers: account.phoneNumbers,
      maxConcurrentCalls: config.maxConcurrentCalls,
      callsPerSecond: config.callsPerSecond,
      inboundReserve: config.inboundReserve,
      prompts,
      messages: {
        sender,
        publicBaseUrl: config.http.publicBaseUrl ?? localUrl,
        secret,
        templates: readShipped((read) => readTemplates(read, sender)),
      },
      agents: { voiceAgentId: platform.agentId, knowledge: readShipped(readKnowledge) },
    },
  );

  const running = new AbortController();
  const demo = config.sandbox.carrier
    ? createDemo({
        store,
        log,
        app,
        sample: {
          campaigns: SAMPLE_CAMPAIGNS,
          places: SAMPLE_PLACES,
          people: (open, closed) => samplePeople(config.sellerName, open, closed),
        },
        shutdown: running.signal,
      })
    : undefined;

  const access = buildAccess({ store, clock, ids, log, passwords: createPasswords() });
  const signInToken = ids.token();
  const http = createHttp({
    app,
    ...(demo ? { demo: demo.begin } : {}),
    access,
    config: { host: config.http.host, port, publicBaseUrl: config.http.publicBaseUrl ?? localUrl },
    doors: { twilio: twilio.door(app.carrierInlet), elevenlabs: elevenlabs.door(app.agentInlet) },
    media: createMediaDoor({
      validUpgrade: twilio.signature.validUpgrade,
      tickets: twilio.tickets,
      inlet: app.carrierInlet,
      clock,
      log,
    }),
    auth: {
      sessionSecret: secret,
      signInToken,
      ...(config.adminApiKey ? { adminApiKey: config.adminApiKey } : {}),
    },
    log,
    clock,
    settings: {
      version,
      sellerName: config.sellerName,
      sandbox: config.sandbox,
      publicBaseUrl: config.http.publicBaseUrl ?? localUrl,
      fromNumbers: [...account.phoneNumbers],
    },
    async readiness() {
      const health = await store.health();
      const old = health.ok ? await app.lists.warnings().catch(() => ['their age cannot be read']) : [];
      return {
        status: health.ok ? 'ready' : 'not_ready',
        checks: [
          { name: 'store', ok: health.ok, detail: health.detail },
          ...(store.outage
            ? [
                {
                  name: 'journal',
                  ok: store.outage.state === 'up',
                  detail: tellBacklog(store.outage, clock.nowMs()),
                },
              ]
            : []),
          { name: 'lists', ok: old.length === 0, detail: old.join('; ') || 'current, or none is set up' },
          { name: 'carrier', ok: true, detail: config.sandbox.carrier ? 'the built-in carrier' : 'Twilio' },
          { name: 'agent', ok: true, detail: config.sandbox.agent ? 'the built-in agent' : 'ElevenLabs' },
        ],
        sandbox: config.sandbox,
      };
    },
    metrics: () => [
      {
        name: 'parley_active_calls',
        help: 'Calls in progress in this process.',
        type: 'gauge' as const,
        values: [{ value: app.activeCalls() }],
      },
      ...(store.outage
        ? [
            {
              name: 'parley_journal_waiting',
              help: 'Events and opt-outs that are kept here until the database takes them.',
              type: 'gauge' as const,
              values: [{ value: store.outage.backlog.events + store.outage.backlog.optOuts }],
            },
            {
              name: 'parley_journal_set_aside',
              help: 'Events that the database refused; somebody must look at them.',
              type: 'gauge' as const,
              values: [{ value: store.outage.backlog.setAside }],
            },
          ]
        : []),
    ],
    dashboardDir: join(ROOT, 'dist', 'dashboard'),
  });
  await http.listen();

  void twilio.compareClocks(running.signal);
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) {
      process.exit(1);
    }
    stopping = true;
    running.abort();
    log.info({ signal }, 'stopping: no new calls, live ones may end');
    app
      .stop(DRAIN_MS)
      .then(() => demo?.settled())
      .then(() => http.close())
      .then(() => access.auditLog.settled(AUDIT_MS))
      .then(() => sandbox?.stop())
      .then(() => store.close())
      .then(
        () => process.exit(0),
        (error) => {
          log.error({ err: error }, 'stopping failed');
          process.exit(1);
        },
      );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  process.stdout.write(`\n  Parley is ready. Sign in once with: ${localUrl}/signin?token=${signInToken}\n`);
  if (mailbox) process.stdout.write(`  Phones and mailbox of the sandbox: ${mailbox.phonesUrl}\n`);
  process.stdout.write('\n');
  // What a start that is stopped did not come to is done by the next.
  const left = await app.recover().catch((error: unknown) => {
    if (!stopping) throw error;
    return 0;
  });
  if (stopping) return;
  app.retention.daily();
  if (left > 0) log.info({ calls: left }, 'took up calls that were open when the service last stopped');
  if (config.sandbox.carrier) {
    await seedSandbox(app, config.sellerName).catch((error) =>
      log.error({ err: error }, 'the sample leads could not be made'),
    );
  }
  if (wantsDemo && demo) {
    const { campaigns, people } = await demo.begin('demo');
    log.info({ campaigns, people }, 'a sample campaign begins; its people come in during the next seconds');
  }
  await elevenlabs.warm();
}

main().catch((error) => {
  process.stderr.write(
    error instanceof ConfigError
      ? `${error.message}\n`
      : `Parley could not start: ${error?.stack ?? error}\n`,
  );
  process.exit(error instanceof ConfigError ? 2 : 1);
});
