/**
 * cli/diagnosis: looks at a set-up from outside, before people's phones ring: keys, numbers, the agent, the way vendors
 * take to us, clocks, disk, and what the running service says of itself. Nothing is changed and nobody is called.
 */
import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createElevenLabs } from '../adapters/elevenlabs/index.ts';
import { createMail } from '../adapters/mail/index.ts';
import { timeZoneRelease } from '../adapters/time-zones.ts';
import { createTwilio } from '../adapters/twilio/index.ts';
import type { Clock, Ids, Log } from '../app/ports.ts';
import type { Config } from '../config.ts';
import { machineFault } from '../domain/compliance/machine.ts';
import type { Finding } from '../domain/finding.ts';
import { connectSocket, HandshakeError } from '../wire/websocket.ts';

/** One thing that was looked at; all is well when it has no findings. */
export interface Look {
  readonly at: string;
  /** What was seen, for people. */
  readonly seen: string;
  readonly findings: readonly Finding[];
}

interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

const PATIENCE_MS = 10_000;
/** An hour of ten calls recorded takes 0.6 GB. */
const LEAST_FREE_BYTES = 2 * 1024 ** 3;
/** Far enough from what the gate denies at (30 s) to be put right in time. */
const WORTH_TELLING_SKEW_MS = 5_000;

const patience = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const finding = (
  level: Finding['level'],
  setting: string,
  found: string,
  wanted: string,
  remedy: string,
): Finding => ({ level, setting, found, wanted, remedy });

/** Looks at one thing after the other, each as soon as the one before it is told. Never throws. */
export async function* diagnose(parts: Parts): AsyncGenerator<Look> {
  const { config } = parts;
  yield await disk(config.dataDir);
  yield* carrier(parts);
  yield await agent(parts);
  yield await mailServer(parts);
  if (config.http.publicBaseUrl !== undefined) yield await wayToUs(config.http.publicBaseUrl);
  yield await service(config);
}

async function disk(dataDir: string): Promise<Look> {
  const dir = resolve(dataDir);
  const at = 'the disk';
  try {
    await mkdir(dir, { recursive: true });
    await access(dir, constants.R_OK | constants.W_OK);
    const { bavail, bsize } = await statfs(dir);
    const free = bavail * bsize;
    const told = `${(free / 1024 ** 3).toFixed(1)} GB free at ${dir}`;
    const short = finding(
      'warning',
      'DATA_DIR',
      told,
      'at least 2 GB free',
      'Free some space or name another folder: when it is full nothing that happens can be kept, and no call is made.',
    );
    return { at, seen: told, findings: free < LEAST_FREE_BYTES ? [short] : [] };
  } catch (error) {
    return {
      at,
      seen: dir,
      findings: [
        finding(
          'error',
          'DATA_DIR',
          messageOf(error),
          'a folder that may be written to',
          `Make ${dir} writable for this user, or name another folder.`,
        ),
      ],
    };
  }
}

async function* carrier({ config, clock, ids, log }: Parts): AsyncGenerator<Look> {
  const { twilio: account, http } = config;
  const tzdata = timeZoneRelease(clock.nowMs());
  let clockSkewMs: number | null = null;
  if (account === undefined) {
    yield { at: 'the carrier', seen: 'the built-in one; no phone will ring', findings: [] };
  } else {
    const twilio = createTwilio({
      ...account,
      numbers: account.phoneNumbers,
      publicBaseUrl: http.publicBaseUrl ?? `http://localhost:${http.port}`,
      clock,
      ids,
      log,
    });
    const findings = await twilio
      .inspect(patience())
      .catch((error) => [
        finding(
          'error',
          'Twilio',
          messageOf(error),
          'an answer within 10 s',
          'Check the network, then try again.',
        ),
      ]);
    clockSkewMs = twilio.clockSkewMs();
    yield { at: 'Twilio', seen: account.phoneNumbers.join(', '), findings };
  }
  yield clocks(tzdata, clockSkewMs, clock.nowMs());
}

function clocks(tzdata: string, clockSkewMs: number | null, nowMs: number): Look {
  const skew =
    clockSkewMs === null ? '' : `; ${(Math.abs(clockSkewMs) / 1_000).toFixed(1)} s off the carrier's`;
  const seen = `${new Date(nowMs).toISOString()}${skew}; time zones of ${tzdata}`;
  const fault = machineFault({ tzdata, clockSkewMs, emergencyStates: [], killSwitch: false }, nowMs);
  const findings: Finding[] = [];
  if (fault !== undefined)
    findings.push(
      finding(
        'error',
        'the clock',
        fault,
        'right to half a minute, with time zone data of this year',
        'Until it is right the gate denies every call: turn on time synchronisation (timedatectl set-ntp true), and keep Parley and Node.js up to date.',
      ),
    );
  else if (clockSkewMs !== null && Math.abs(clockSkewMs) > WORTH_TELLING_SKEW_MS)
    findings.push(
      finding(
        'warning',
        'the clock',
        seen,
        'right to a few seconds',
        'Turn on time synchronisation (timedatectl set-ntp true); from 30 s on the gate denies every call.',
      ),
    );
  return { at: 'the clock', seen, findings };
}

async function agent({ config, clock, log }: Parts): Promise<Look> {
  const { elevenlabs: platform } = config;
  if (platform === undefined) return { at: 'the agent', seen: 'the built-in one', findings: [] };
  try {
    const { agentName, findings } = await createElevenLabs({ ...platform, clock, log }).inspect(patience());
    return { at: 'ElevenLabs', seen: agentName ?? platform.agentId, findings };
  } catch (error) {
    return {
      at: 'ElevenLabs',
      seen: platform.agentId,
      findings: [
        finding(
          'error',
          'ElevenLabs',
          messageOf(error),
          'an answer within 10 s',
          'Check the network, then try again.',
        ),
      ],
    };
  }
}

/** Connects and signs in; nothing is sent. */
async function mailServer({ config, clock }: Parts): Promise<Look> {
  const at = 'the mail server';
  if (config.mail === undefined) {
    const seen = config.sandbox.carrier ? 'the built-in mailbox' : 'none: e-mails are not sent';
    return { at, seen, findings: [] };
  }
  const seen = `${new URL(config.mail.url).host}, from ${config.mail.from}`;
  try {
    return { at, seen, findings: await createMail({ ...config.mail, clock }).inspect(patience()) };
  } catch (error) {
    const remedy = 'Check the network and the host in SMTP_URL, then try again.';
    return {
      at,
      seen,
      findings: [finding('error', 'SMTP_URL', messageOf(error), 'an answer within 10 s', remedy)],
    };
  }
}

/** Our own doors by the way vendors take: unsigned requests must arrive, and be refused. */
async function wayToUs(publicBaseUrl: string): Promise<Look> {
  const base = publicBaseUrl.replace(/\/+$/, '');
  const findings: Finding[] = [];
  const unreachable = (door: string, found: string): void =>
    void findings.push(
      finding(
        'error',
        `PUBLIC_BASE_URL ${door}`,
        found,
        'Parley’s own refusal (403) of a request that is not signed',
        'Start Parley, and see that the proxy or tunnel passes this path, WebSocket upgrades included, on to it.',
      ),
    );
  try {
    const answer = await fetch(`${base}/twilio/voice`, {
      method: 'POST',
      redirect: 'manual',
      signal: patience(),
    });
    await answer.body?.cancel();
    if (answer.status !== 403) unreachable('/twilio/voice', `HTTP ${answer.status}`);
  } catch (error) {
    unreachable('/twilio/voice', messageOf(error instanceof Error && error.cause ? error.cause : error));
  }
  try {
    const socket = await connectSocket(`${base.replace(/^http/, 'ws')}/twilio/media`, {
      signal: patience(),
      handshakeTimeoutMs: PATIENCE_MS,
      maxPayload: 1_024,
    });
    socket.destroy();
    unreachable('/twilio/media', 'an open WebSocket');
  } catch (error) {
    const status = error instanceof HandshakeError ? error.status : undefined;
    if (status !== 403)
      unreachable('/twilio/media', status === undefined ? messageOf(error) : `HTTP ${status}`);
  }
  return { at: 'the vendors’ way to us', seen: base, findings };
}

/** What the running service says of its parts: store, journal, lists. */
async function service({ http: { host, port } }: Config): Promise<Look> {
  const near = `http://${host === '0.0.0.0' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
  const at = 'the service';
  try {
    const answer = await fetch(`${near}/readyz`, { signal: patience() });
    const { checks } = (await answer.json()) as {
      checks: readonly { name: string; ok: boolean; detail: string }[];
    };
    return {
      at,
      seen: checks.map(({ name, detail }) => `${name}: ${detail}`).join('; '),
      findings: checks
        .filter(({ ok }) => !ok)
        .map(({ name, detail }) =>
          finding(
            name === 'lists' ? 'warning' : 'error',
            name,
            detail,
            'ready',
            name === 'lists'
              ? 'Import a newer copy on the page of lists; one that is too old blocks calls.'
              : 'See the log of the service.',
          ),
        ),
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return {
      at,
      seen: near,
      findings: [
        finding(
          'warning',
          'the service',
          `does not answer at ${near} (${messageOf(cause)})`,
          'running',
          'Start it with npm start and look again: its store and the age of its lists were not looked at.',
        ),
      ],
    };
  }
}
