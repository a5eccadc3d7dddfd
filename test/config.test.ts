/** The environment: what is accepted, what is refused and with which words, and .env.example beside the code. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigError, exampleEnv, loadConfig, VARIABLES } from '../src/config.ts';

const twilio = {
  TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'top-secret-token-0123456789',
  TWILIO_PHONE_NUMBER: '+12065550100, +12065550101,+12065550100',
};
const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

test('nothing set is the sandbox on port 3000', () => {
  const config = loadConfig({});
  expect(config).toEqual({
    http: { host: '127.0.0.1', port: 3000 },
    dataDir: './data',
    logLevel: 'info',
    sellerName: 'Parley',
    maxConcurrentCalls: 50,
    callsPerSecond: 1,
    inboundReserve: 0.3,
    sandbox: { carrier: true, agent: true },
  });
});

test('a config is frozen to its depth', () => {
  const config = loadConfig({ ...twilio, PUBLIC_BASE_URL: 'https://x.example' });
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  expect(frozen(config)).toBe(true);
});

test('each vendor becomes real by its own keys', () => {
  const carrier = loadConfig({ ...twilio, PUBLIC_BASE_URL: 'https://calls.example.com/' });
  expect(carrier.sandbox).toEqual({ carrier: false, agent: true });
  expect(carrier.twilio?.phoneNumbers).toEqual(['+12065550100', '+12065550101']);
  expect(carrier.http.publicBaseUrl).toBe('https://calls.example.com');
  const agent = loadConfig({ ELEVENLABS_API_KEY: 'sk_12345678', ELEVENLABS_AGENT_ID: 'agent_1' });
  expect(agent.sandbox).toEqual({ carrier: true, agent: false });
  expect(agent.elevenlabs).toEqual({ apiKey: 'sk_12345678', agentId: 'agent_1' });
  const analyst = loadConfig({ ANTHROPIC_API_KEY: 'sk-ant-12345678' });
  expect(analyst.anthropic?.model).toBeTruthy();
});

test('MongoDB is used when a URI is set, under either name, unless it is turned off', () => {
  const uri = 'mongodb://user:pass@db.example:27017';
  expect(loadConfig({ MONGODB_URI: uri }).mongo).toEqual({
    uri,
    database: 'parley',
    timeoutMs: 10_000,
    journalDays: 14,
  });
  expect(loadConfig({ DATABASE_URL: uri }).mongo?.uri).toBe(uri);
  expect(loadConfig({ MONGODB_URI: uri, USE_MONGODB: 'false' }).mongo).toBeUndefined();
  expect(problemsOf({ USE_MONGODB: 'true' })).toEqual([expect.stringContaining('MONGODB_URI')]);
  expect(problemsOf({ MONGODB_URI: uri, DATABASE_URL: `${uri}/other` }).length).toBe(1);
});

test.each([
  [
    { TWILIO_ACCOUNT_SID: twilio.TWILIO_ACCOUNT_SID },
    /Twilio is set up by half: TWILIO_AUTH_TOKEN and TWILIO_PHONE_NUMBER/,
  ],
  [{ TWILIO_API_BASE_URL: 'http://localhost:1' }, /Twilio is set up by half: TWILIO_ACCOUNT_SID/],
  [{ ELEVENLABS_API_KEY: 'sk_12345678' }, /ElevenLabs is set up by half: ELEVENLABS_AGENT_ID/],
  [{ ELEVENLABS_WEBHOOK_SECRET: 'wsec_12345678' }, /ElevenLabs is set up by half/],
  [{ ANTHROPIC_BASE_URL: 'http://localhost:1' }, /Anthropic is set up by half: ANTHROPIC_API_KEY/],
  [{ SMTP_URL: 'smtp://a:b@mail.example' }, /mail server is set up by half: MAIL_FROM and SELLER_ADDRESS/],
  [twilio, /PUBLIC_BASE_URL is not set, but Twilio must reach/],
  [{ ...twilio, PUBLIC_BASE_URL: 'http://calls.example.com' }, /PUBLIC_BASE_URL is not https/],
])('half a set-up is refused with what is missing (%#)', (env, words) => {
  const problems = problemsOf(env as Record<string, string>);
  expect(problems.some((problem) => words.test(problem))).toBe(true);
});

test('a carrier behind plain http is a test double and may call back without https', () => {
  const config = loadConfig({
    ...twilio,
    TWILIO_API_BASE_URL: 'http://127.0.0.1:9000',
    PUBLIC_BASE_URL: 'http://127.0.0.1:3000',
  });
  expect(config.twilio?.apiBaseUrl).toBe('http://127.0.0.1:9000');
});

test.each([
  ['PORT', '70000'],
  ['PORT', '3e3'],
  ['PUBLIC_BASE_URL', 'calls.example.com'],
  ['PUBLIC_BASE_URL', 'https://x.example/?a=1'],
  ['LOG_LEVEL', 'loud'],
  ['MONGODB_URI', 'postgres://x'],
  ['MONGODB_TIMEOUT', '-1'],
  ['USE_MONGODB', 'yes'],
  ['TWILIO_ACCOUNT_SID', 'SK00000000000000000000000000000000'],
  ['TWILIO_PHONE_NUMBER', '2065550100'],
  ['SESSION_SECRET', 'short'],
  ['ADMIN_API_KEY', 'also short'],
  ['MAX_CONCURRENT_CALLS', '0'],
  ['CALLS_PER_SECOND', 'fast'],
  ['INBOUND_RESERVE', '1'],
])('%s=%s is refused by name with a remedy', (name, value) => {
  const problem = problemsOf({ [name]: value }).find((text) => text.startsWith(`${name} is `));
  expect(problem).toMatch(/; it must be .+\.$/);
});

test('all problems are told at once', () => {
  expect(
    problemsOf({ PORT: 'x', LOG_LEVEL: 'x', SESSION_SECRET: 'x', ELEVENLABS_API_KEY: 'sk_12345678' }).length,
  ).toBe(4);
});

test('a secret that is wrong is never shown, only its length and kinds of characters', () => {
  const secrets = Object.entries(VARIABLES).filter(([, spec]) => 'secret' in spec);
  expect(secrets.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      'TWILIO_AUTH_TOKEN',
      'ELEVENLABS_API_KEY',
      'ADMIN_API_KEY',
      'SESSION_SECRET',
      'MONGODB_URI',
    ]),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...secrets.map(([name]) => name)),
      fc.stringMatching(/^[!-~]{6,31} x$/),
      (name, value) => {
        const text = problemsOf({ [name]: value }).join('\n');
        expect(text).not.toContain(value);
        expect(text).not.toContain(value.slice(0, 6));
      },
    ),
    { numRuns: 50 },
  );
  expect(problemsOf({ ADMIN_API_KEY: 'abc-123' })[0]).toContain('7 characters (letters, digits, signs)');
});

test('.env.example is what the code reads: every variable, its default, one line of explanation', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  expect(text).toBe(exampleEnv());
  const source = readFileSync(new URL('../src/config.ts', import.meta.url), 'utf8');
  expect(source).not.toContain('process.env[');
  const pairs = [...text.matchAll(/^# (.+)\n([A-Z_]+)=(.*)$/gm)];
  expect(pairs.map(([, , name]) => name)).toEqual(Object.keys(VARIABLES));
  const env = Object.fromEntries(pairs.map(([, , name = '', value = '']) => [name, value]));
  expect(loadConfig(env)).toEqual(loadConfig({}));
});
