/**
 * adapters/elevenlabs/webhook: the door for the platform's reports after a call (POST /elevenlabs/webhook). The signature
 * is over the raw body: "ElevenLabs-Signature: t=<unix seconds>,v0=<hex HMAC-SHA256 of `t.body`>".
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { AgentInlet, Clock, Log, VendorDoor, VendorReply } from '../../app/ports.ts';
import { isFailure } from '../../domain/errors.ts';
import { readConversation } from './platform.ts';

const MAX_AGE_SEC = 30 * 60;
const MAX_AHEAD_SEC = 5 * 60;
/** The platform waits for the answer; past this it is told to come again. */
const INLET_MS = 20_000;
/** A key being changed for another shows as two signatures; nobody needs more. */
const MAX_SIGNATURES = 8;

const Report = z.object({ type: z.string(), data: z.unknown() });

export interface WebhookCounters {
  reported: number;
  /** Audio, initiation failures and types nobody knows: taken and not used. */
  unused: number;
  refused: number;
  malformed: number;
  failed: number;
}

export interface WebhookOptions {
  readonly secret: string | undefined;
  readonly inlet: AgentInlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: WebhookCounters;
}

/**
 * 200 when the report was taken (or is of a kind we do not use), 403 without a good signature, 400 when it cannot be
 * read, 503 when it could not be kept: only then does the platform send it again.
 */
export function createWebhookDoor({ secret, inlet, clock, log, counts }: WebhookOptions): VendorDoor {
  let secretMissed = false;

  return async ({ headers, body }) => {
    if (!secret) {
      if (!secretMissed) {
        secretMissed = true;
        log.error({}, 'ElevenLabs reports are refused: ELEVENLABS_WEBHOOK_SECRET is not set');
      }
      counts.refused += 1;
      return refuse(403, 'the webhook secret is not configured');
    }
    const header = headers['elevenlabs-signature'];
    const bad = checkSignature(
      Array.isArray(header) ? header.join(',') : header,
      body,
      secret,
      clock.nowMs(),
    );
    if (bad) {
      counts.refused += 1;
      log.warn({ why: bad }, 'a report with a bad ElevenLabs signature was refused');
      return refuse(403, bad);
    }
    let json: unknown;
    try {
      json = JSON.parse(body.toString());
    } catch {
      json = undefined;
    }
    const report = Report.safeParse(json).data;
    if (!report) {
      counts.malformed += 1;
      log.warn({ bytes: body.length }, 'a signed ElevenLabs report cannot be read');
      return refuse(400, 'not a report');
    }
    if (report.type !== 'post_call_transcription') {
      counts.unused += 1;
      log.debug({ type: report.type.slice(0, 64) }, 'an ElevenLabs report of a kind we do not use');
      return { status: 200 };
    }
    const read = readConversation(report.data);
    if (!read) {
      counts.malformed += 1;
      log.warn({ type: report.type }, 'a signed ElevenLabs report cannot be read');
      return refuse(400, 'not a conversation');
    }
    const { conversationId, callId } = read.conversation;
    try {
      await within(clock, inlet.conversationReported(read.conversation));
      counts.reported += 1;
    } catch (error) {
      if (isFailure(error, 'call_not_found')) {
        // Another system uses the same agent or workspace; sending it again would not help.
        counts.unused += 1;
        log.info({ conversationId, callId }, 'an ElevenLabs report of a call that is not ours');
        return { status: 200 };
      }
      counts.failed += 1;
      log.error({ conversationId, callId, err: error }, 'an ElevenLabs report could not be kept');
      return refuse(503, 'try again later');
    }
    return { status: 200 };
  };
}

const refuse = (status: number, body: string): VendorReply => ({ status, contentType: 'text/plain', body });

/** Undefined when good, otherwise what is wrong with it. */
function checkSignature(
  header: string | undefined,
  body: Buffer,
  secret: string,
  nowMs: number,
): string | undefined {
  if (!header) return 'the signature is missing';
  let time: string | undefined;
  const given: Buffer[] = [];
  for (const part of header.slice(0, 2_000).split(',')) {
    const [, key, value] = /^\s*(t|v0)=(\S+)\s*$/.exec(part) ?? [];
    if (key === 't') time ??= value;
    else if (value && /^[0-9a-f]{64}$/i.test(value) && given.length < MAX_SIGNATURES) {
      given.push(Buffer.from(value, 'hex'));
    }
  }
  if (!time || !/^\d{1,12}$/.test(time) || given.length === 0) return 'the signature is malformed';
  const mac = createHmac('sha256', secret).update(`${time}.`).update(body).digest();
  let good = false;
  for (const signature of given) good = timingSafeEqual(mac, signature) || good;
  if (!good) return 'the signature does not fit';
  const ageSec = nowMs / 1000 - Number(time);
  if (ageSec > MAX_AGE_SEC) return 'the signature is too old';
  if (ageSec < -MAX_AHEAD_SEC) return 'the signature is from the future: check the clock';
  return undefined;
}

function within(clock: Clock, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(INLET_MS, () => reject(new Error('keeping the report took too long')));
    work.then(resolve, reject).finally(cancel);
  });
}
