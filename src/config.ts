/**
 * config: the environment, parsed once into one frozen, complete Config. The only reader of process.env, through the value
 * that main hands over. A wrong value stops the start, with its name, its shape (never a secret) and what to do.
 */
import { z } from 'zod';

export interface Config {
  readonly http: { readonly host: string; readonly port: number; readonly publicBaseUrl?: string };
  readonly dataDir: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Absent: the embedded store. */
  readonly mongo?: {
    readonly uri: string;
    readonly database: string;
    readonly timeoutMs: number;
    /** How long the local journal keeps what was sent. */
    readonly journalDays: number;
  };
  readonly redisUrl?: string;
  readonly milvusAddress?: string;
  /** Absent: the built-in carrier. */
  readonly twilio?: {
    readonly accountSid: string;
    readonly authToken: string;
    readonly phoneNumbers: readonly string[];
    readonly apiBaseUrl?: string;
  };
  /** Absent: the built-in agent. */
  readonly elevenlabs?: {
    readonly apiKey: string;
    readonly agentId: string;
    readonly webhookSecret?: string;
    readonly baseUrl?: string;
  };
  /** Absent: analysis by word lists. */
  readonly anthropic?: {
    readonly apiKey: string;
    readonly model: string;
    readonly baseUrl?: string;
    /** US dollars that analyses of calls may cost in a day (UTC). */
    readonly dailyBudget: number;
    /** And those that Claude's answers on the phone may cost. */
    readonly talkingBudget: number;
  };
  /** Absent: e-mails go to the built-in mailbox where the carrier is built in too, and nowhere otherwise. */
  readonly mail?: { readonly url: string; readonly from: string };
  /** The seller's postal address, which every e-mail tells. */
  readonly sellerAddress?: string;
  readonly sessionSecret?: string;
  readonly adminApiKey?: string;
  readonly sellerName: string;
  readonly maxConcurrentCalls: number;
  readonly callsPerSecond: number;
  /** Share of the concurrency kept for inbound calls. */
  readonly inboundReserve: number;
  /** Which outside parties are played by the built-in ones. */
  readonly sandbox: { readonly carrier: boolean; readonly agent: boolean };
}

/** Everything that is wrong with the environment, one line each. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem(s):\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

interface Variable<T> {
  /** One line for .env.example. */
  readonly explain: string;
  /** Shown when the value is wrong: what a right one looks like, and where it comes from. */
  readonly remedy: string;
  /** As it stands in .env.example; an empty one means "not set". */
  readonly fallback: string;
  readonly secret?: true;
  readonly schema: z.ZodType<T, string>;
}

const variable = <T>(spec: Variable<T>): Variable<T> => spec;

const text = (max: number) => z.string().max(max);
const number = (min: number, max: number, whole: boolean) =>
  z
    .string()
    .regex(whole ? /^\d+$/ : /^\d+(?:\.\d+)?$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));
const webUrl = z
  .string()
  .refine((value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, search, hash } = new URL(value);
    return /^https?:$/.test(protocol) && search === '' && hash === '';
  })
  .transform((value) => value.replace(/\/+$/, ''));
const word = (pattern: RegExp) => z.string().regex(pattern);
const mongoUri = word(/^mongodb(?:\+srv)?:\/\/\S+$/);

/** Every variable there is. `.env.example` is kept equal to this table by a test. */
export const VARIABLES = {
  PORT: variable({
    explain: 'Port of the web server; 0 takes any free one.',
    remedy: 'a port from 0 to 65535',
    fallback: '3000',
    schema: number(0, 65_535, true),
  }),
  HOST: variable({
    explain: 'Address the web server listens on; 0.0.0.0 for every network interface.',
    remedy: 'an address of this machine or a host name',
    fallback: '127.0.0.1',
    schema: word(/^[A-Za-z0-9.:_-]{1,255}$/),
  }),
  PUBLIC_BASE_URL: variable({
    explain: 'https address under which vendors reach this service; needed for real calls.',
    remedy: 'an address such as https://parley.example.com, without query',
    fallback: '',
    schema: webUrl,
  }),
  DATA_DIR: variable({
    explain: 'Directory for the embedded store, recordings and journals.',
    remedy: 'a path that this process may write to',
    fallback: './data',
    schema: text(1000),
  }),
  LOG_LEVEL: variable({
    explain: 'Least important log line to write: debug, info, warn, error or silent.',
    remedy: 'one of debug, info, warn, error, silent',
    fallback: 'info',
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
  }),
  MONGODB_URI: variable({
    explain: 'MongoDB to store everything in; without it the embedded store is used.',
    remedy: 'mongodb://… or mongodb+srv://…',
    fallback: '',
    secret: true,
    schema: mongoUri,
  }),
  DATABASE_URL: variable({
    explain: 'Another name for MONGODB_URI.',
    remedy: 'mongodb://… or mongodb+srv://…, or leave it out',
    fallback: '',
    secret: true,
    schema: mongoUri,
  }),
  MONGODB_DATABASE: variable({
    explain: 'Name of the database.',
    remedy: 'up to 63 letters, digits, - and _',
    fallback: 'parley',
    schema: word(/^[A-Za-z0-9_-]{1,63}$/),
  }),
  MONGODB_TIMEOUT: variable({
    explain: 'Milliseconds after which an operation of the database counts as failed.',
    remedy: 'milliseconds from 100 to 600000',
    fallback: '10000',
    schema: number(100, 600_000, true),
  }),
  USE_MONGODB: variable({
    explain: 'true or false; empty means true when a URI is set.',
    remedy: 'true or false',
    fallback: '',
    schema: z.enum(['true', 'false']).transform((value) => value === 'true'),
  }),
  JOURNAL_DAYS: variable({
    explain:
      'Days for which the local journal before MongoDB keeps its copies; what was not sent is kept in any case.',
    remedy: 'a whole number of days from 1 to 3650',
    fallback: '14',
    schema: number(1, 3650, true),
  }),
  REDIS_URL: variable({
    explain: 'Redis for caches shared by several processes; optional.',
    remedy: 'redis://… or rediss://…',
    fallback: '',
    secret: true,
    schema: word(/^rediss?:\/\/\S+$/),
  }),
  MILVUS_ADDRESS: variable({
    explain: 'Milvus for vector search, host:port; optional.',
    remedy: 'host:port, such as localhost:19530',
    fallback: '',
    schema: word(/^(?:https?:\/\/)?[A-Za-z0-9.-]+(?::\d{1,5})?$/),
  }),
  TWILIO_ACCOUNT_SID: variable({
    explain: 'Account SID of Twilio; without the Twilio keys a built-in carrier is used.',
    remedy: 'AC and 32 letters or digits, from console.twilio.com',
    fallback: '',
    schema: word(/^AC[0-9a-zA-Z]{32}$/),
  }),
  TWILIO_AUTH_TOKEN: variable({
    explain: 'Auth token of the Twilio account.',
    remedy: 'the auth token (not an API key), from console.twilio.com',
    fallback: '',
    secret: true,
    schema: word(/^\S{8,200}$/),
  }),
  TWILIO_PHONE_NUMBER: variable({
    explain: 'Number, or comma-separated numbers, of the Twilio account to call from, such as +12065550123.',
    remedy: 'numbers in E.164 form, such as +12065550123,+12065550124',
    fallback: '',
    schema: z
      .string()
      .transform((value) => [...new Set(value.split(',').map((part) => part.trim()))])
      .pipe(z.array(z.string().regex(/^\+[1-9]\d{6,14}$/)).max(1000)),
  }),
  TWILIO_API_BASE_URL: variable({
    explain: "Another host for Twilio's API; for test doubles and proxies.",
    remedy: 'an http or https address without query',
    fallback: '',
    schema: webUrl,
  }),
  ELEVENLABS_API_KEY: variable({
    explain: 'API key of ElevenLabs; without the ElevenLabs keys a built-in agent is used.',
    remedy: 'the API key, from elevenlabs.io/app/settings/api-keys',
    fallback: '',
    secret: true,
    schema: word(/^\S{8,200}$/),
  }),
  ELEVENLABS_AGENT_ID: variable({
    explain: 'The ElevenLabs agent that talks.',
    remedy: 'the id of the agent, from its page on elevenlabs.io',
    fallback: '',
    schema: word(/^[A-Za-z0-9_-]{4,200}$/),
  }),
  ELEVENLABS_WEBHOOK_SECRET: variable({
    explain:
      "Secret of ElevenLabs' post-call webhook; without it webhooks are refused and results are fetched.",
    remedy: 'the secret shown when the webhook was made (wsec_…)',
    fallback: '',
    secret: true,
    schema: word(/^\S{8,200}$/),
  }),
  ELEVENLABS_BASE_URL: variable({
    explain: "Another host for ElevenLabs' API and sockets; for data residency, test doubles and proxies.",
    remedy: 'an http or https address without query',
    fallback: '',
    schema: webUrl,
  }),
  ANTHROPIC_API_KEY: variable({
    explain: 'API key of Anthropic; without it calls are analysed by word lists.',
    remedy: 'the API key, from console.anthropic.com',
    fallback: '',
    secret: true,
    schema: word(/^\S{8,300}$/),
  }),
  ANTHROPIC_BASE_URL: variable({
    explain: "Another host for Anthropic's API; for test doubles and proxies.",
    remedy: 'an http or https address without query',
    fallback: '',
    schema: webUrl,
  }),
  ANTHROPIC_MODEL: variable({
    explain: 'Model that analyses calls.',
    remedy: 'the id of a model, such as claude-sonnet-4-5',
    fallback: 'claude-sonnet-4-5',
    schema: word(/^[A-Za-z0-9_.:@/-]{1,200}$/),
  }),
  ANALYSIS_DAILY_BUDGET: variable({
    explain: 'US dollars that analyses of calls may cost in a day; when they are spent, word lists go on.',
    remedy: 'dollars from 0 to 100000',
    fallback: '20',
    schema: number(0, 100_000, false),
  }),
  TALKING_DAILY_BUDGET: variable({
    explain:
      "US dollars that Claude's answers on the phone may cost in a day (UTC); when they are spent, callers hear so and the call ends.",
    remedy: 'dollars from 0 to 100000',
    fallback: '50',
    schema: number(0, 100_000, false),
  }),
  SMTP_URL: variable({
    explain:
      'Mail server for e-mails to leads; without it none are sent, and the sandbox has a mailbox of its own.',
    remedy: 'smtp://user:password@host:587 (STARTTLS), or smtps://user:password@host:465',
    fallback: '',
    secret: true,
    schema: word(/^smtps?:\/\/[^\s/?#]+\/?$/),
  }),
  MAIL_FROM: variable({
    explain: 'Whom e-mails come from, such as Acme Homes <hello@acme.example>; needed with SMTP_URL.',
    remedy: 'an address, or a name and an address in <>',
    fallback: '',
    schema: word(/^(?:[^<>\r\n]{1,120}<[^\s<>@]{1,64}@[^\s<>@]{1,190}>|[^\s<>@]{1,64}@[^\s<>@]{1,190})$/),
  }),
  SELLER_ADDRESS: variable({
    explain: 'Postal address of the seller, which the law wants in every e-mail; needed with SMTP_URL.',
    remedy: 'one line of 5 to 200 characters, such as 100 Main Street, Tampa, FL 33602',
    fallback: '',
    schema: word(/^[^\r\n]{5,200}$/),
  }),
  SESSION_SECRET: variable({
    explain:
      'What the secrets of lead sources and of links in e-mails are made of; made and kept under DATA_DIR when empty.',
    remedy: 'at least 32 characters; `openssl rand -base64 48` makes a good one',
    fallback: '',
    secret: true,
    schema: word(/^[\s\S]{32,1000}$/),
  }),
  ADMIN_API_KEY: variable({
    explain: 'Key with ADMIN rights for automation; optional.',
    remedy: 'at least 32 characters without spaces; `openssl rand -hex 32` makes a good one',
    fallback: '',
    secret: true,
    schema: word(/^[\x21-\x7e]{32,1000}$/),
  }),
  SELLER_NAME: variable({
    explain: 'The seller that consents were given to and that calls are made for.',
    remedy: 'one line of up to 200 characters',
    fallback: 'Parley',
    schema: word(/^[^\r\n]{1,200}$/),
  }),
  MAX_CONCURRENT_CALLS: variable({
    explain: 'Calls that may run at the same time, both directions together.',
    remedy: 'a whole number from 1 to 10000',
    fallback: '50',
    schema: number(1, 10_000, true),
  }),
  CALLS_PER_SECOND: variable({
    explain: 'Outbound calls begun per second; what the Twilio account allows (1 unless raised).',
    remedy: 'a number from 0.01 to 1000',
    fallback: '1',
    schema: number(0.01, 1000, false),
  }),
  INBOUND_RESERVE: variable({
    explain: 'Share of MAX_CONCURRENT_CALLS kept for inbound calls, from 0 to 0.95.',
    remedy: 'a number from 0 to 0.95, such as 0.3',
    fallback: '0.3',
    schema: number(0, 0.95, false),
  }),
};

type Name = keyof typeof VARIABLES;
type Values = { readonly [N in Name]?: z.output<(typeof VARIABLES)[N]['schema']> };

/** What may be said of a value: a secret only by its length and kind of characters. */
function shapeOf(value: string, secret: boolean): string {
  if (!secret) return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  const kinds = [
    /\p{L}/u.test(value) ? 'letters' : '',
    /\d/.test(value) ? 'digits' : '',
    /\s/.test(value) ? 'spaces' : '',
    /[^\p{L}\d\s]/u.test(value) ? 'signs' : '',
  ].filter((kind) => kind !== '');
  return `${value.length} characters (${kinds.join(', ')})`;
}

/** Names of one vendor that are needed together. */
function missing(values: Values, needed: readonly Name[], optional: readonly Name[]): readonly Name[] {
  const given = [...needed, ...optional].some((name) => values[name] !== undefined);
  return given ? needed.filter((name) => values[name] === undefined) : [];
}

const isHttps = (url: string | undefined): boolean => url?.startsWith('https://') ?? false;

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}

/** `env` as the process has it; empty values count as absent. Throws ConfigError with all problems at once. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const entries = Object.entries(VARIABLES).map(([name, spec]: [string, Variable<unknown>]) => {
    const given = env[name]?.trim();
    const raw = given === undefined || given === '' ? spec.fallback : given;
    if (raw === '') return [name, undefined];
    const result = spec.schema.safeParse(raw);
    if (!result.success) {
      problems.push(`${name} is ${shapeOf(raw, spec.secret ?? false)}; it must be ${spec.remedy}.`);
    }
    return [name, result.data];
  });
  // Each value was parsed by the schema of its own name.
  const values = Object.fromEntries(entries) as Values;

  const vendors = [
    {
      vendor: 'Twilio',
      without: 'the built-in carrier is used',
      lacks: missing(
        values,
        ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_PHONE_NUMBER'],
        ['TWILIO_API_BASE_URL'],
      ),
    },
    {
      vendor: 'ElevenLabs',
      without: 'the built-in agent is used',
      lacks: missing(
        values,
        ['ELEVENLABS_API_KEY', 'ELEVENLABS_AGENT_ID'],
        ['ELEVENLABS_WEBHOOK_SECRET', 'ELEVENLABS_BASE_URL'],
      ),
    },
    {
      vendor: 'The mail server',
      without: 'no e-mails are sent',
      lacks: missing(values, values.SMTP_URL === undefined ? [] : ['MAIL_FROM', 'SELLER_ADDRESS'], [
        'SMTP_URL',
      ]),
    },
    {
      vendor: 'Anthropic',
      without: 'word lists are used',
      lacks: missing(values, ['ANTHROPIC_API_KEY'], ['ANTHROPIC_BASE_URL']),
    },
  ];
  for (const { vendor, lacks, without } of vendors) {
    const absent = lacks.filter((name) => !problems.some((problem) => problem.startsWith(`${name} `)));
    if (absent.length > 0) {
      problems.push(
        `${vendor} is set up by half: ${absent.join(' and ')} must be set too; or remove all of its variables, then ${without}.`,
      );
    }
  }

  const uri = values.MONGODB_URI ?? values.DATABASE_URL;
  if (values.MONGODB_URI && values.DATABASE_URL && values.MONGODB_URI !== values.DATABASE_URL) {
    problems.push('MONGODB_URI and DATABASE_URL name two databases; remove one of them.');
  }
  if (values.USE_MONGODB === true && uri === undefined) {
    problems.push('USE_MONGODB is true but there is no MONGODB_URI; set one, or remove USE_MONGODB.');
  }

  // A carrier behind a plain http address is a test double on our side of the wire and may call back the same way.
  const carrierIsPublic =
    values.TWILIO_ACCOUNT_SID !== undefined &&
    (values.TWILIO_API_BASE_URL === undefined || isHttps(values.TWILIO_API_BASE_URL));
  if (carrierIsPublic && !isHttps(values.PUBLIC_BASE_URL)) {
    problems.push(
      `PUBLIC_BASE_URL is ${values.PUBLIC_BASE_URL === undefined ? 'not set' : 'not https'}, but Twilio must reach this service to connect calls; set it to the https address of this service (a tunnel will do).`,
    );
  }

  const {
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_PHONE_NUMBER: phoneNumbers,
    ELEVENLABS_API_KEY: elevenKey,
    ELEVENLABS_AGENT_ID: agentId,
    ANTHROPIC_API_KEY: anthropicKey,
    PORT: port,
    HOST: host,
    DATA_DIR: dataDir,
    LOG_LEVEL: logLevel,
    MONGODB_DATABASE: database,
    MONGODB_TIMEOUT: timeoutMs,
    JOURNAL_DAYS: journalDays,
    ANTHROPIC_MODEL: model,
    ANALYSIS_DAILY_BUDGET: dailyBudget,
    TALKING_DAILY_BUDGET: talkingBudget,
    SELLER_NAME: sellerName,
    MAX_CONCURRENT_CALLS: maxConcurrentCalls,
    CALLS_PER_SECOND: callsPerSecond,
    INBOUND_RESERVE: inboundReserve,
  } = values;
  if (
    problems.length > 0 ||
    port === undefined ||
    host === undefined ||
    dataDir === undefined ||
    logLevel === undefined ||
    database === undefined ||
    timeoutMs === undefined ||
    journalDays === undefined ||
    model === undefined ||
    dailyBudget === undefined ||
    talkingBudget === undefined ||
    sellerName === undefined ||
    maxConcurrentCalls === undefined ||
    callsPerSecond === undefined ||
    inboundReserve === undefined
  ) {
    throw new ConfigError(problems);
  }

  const useMongo = values.USE_MONGODB ?? uri !== undefined;
  return freeze<Config>({
    http: {
      host,
      port,
      ...(values.PUBLIC_BASE_URL === undefined ? {} : { publicBaseUrl: values.PUBLIC_BASE_URL }),
    },
    dataDir,
    logLevel,
    ...(useMongo && uri !== undefined ? { mongo: { uri, database, timeoutMs, journalDays } } : {}),
    ...(values.REDIS_URL === undefined ? {} : { redisUrl: values.REDIS_URL }),
    ...(values.MILVUS_ADDRESS === undefined ? {} : { milvusAddress: values.MILVUS_ADDRESS }),
    ...(accountSid !== undefined && authToken !== undefined && phoneNumbers !== undefined
      ? {
          twilio: {
            accountSid,
            authToken,
            phoneNumbers,
            ...(values.TWILIO_API_BASE_URL === undefined ? {} : { apiBaseUrl: values.TWILIO_API_BASE_URL }),
          },
        }
      : {}),
    ...(elevenKey !== undefined && agentId !== undefined
      ? {
          elevenlabs: {
            apiKey: elevenKey,
            agentId,
            ...(values.ELEVENLABS_WEBHOOK_SECRET === undefined
              ? {}
              : { webhookSecret: values.ELEVENLABS_WEBHOOK_SECRET }),
            ...(values.ELEVENLABS_BASE_URL === undefined ? {} : { baseUrl: values.ELEVENLABS_BASE_URL }),
          },
        }
      : {}),
    ...(anthropicKey === undefined
      ? {}
      : {
          anthropic: {
            apiKey: anthropicKey,
            model,
            dailyBudget,
            talkingBudget,
            ...(values.ANTHROPIC_BASE_URL === undefined ? {} : { baseUrl: values.ANTHROPIC_BASE_URL }),
          },
        }),
    ...(values.SMTP_URL !== undefined && values.MAIL_FROM !== undefined
      ? { mail: { url: values.SMTP_URL, from: values.MAIL_FROM } }
      : {}),
    ...(values.SELLER_ADDRESS === undefined ? {} : { sellerAddress: values.SELLER_ADDRESS }),
    ...(values.SESSION_SECRET === undefined ? {} : { sessionSecret: values.SESSION_SECRET }),
    ...(values.ADMIN_API_KEY === undefined ? {} : { adminApiKey: values.ADMIN_API_KEY }),
    sellerName,
    maxConcurrentCalls,
    callsPerSecond,
    inboundReserve,
    sandbox: { carrier: accountSid === undefined, agent: elevenKey === undefined },
  });
}

/** The text of `.env.example`. */
export const exampleEnv = (): string =>
  [
    '# Every variable Parley reads, with its default. Copy to .env and fill in what you need; empty means "not set".',
    ...Object.entries(VARIABLES).map(
      ([name, { explain, fallback }]) => `\n# ${explain}\n${name}=${fallback}`,
    ),
    '',
  ].join('\n');
