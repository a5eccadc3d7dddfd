/** The door for the agent platform's reports: who may come in, what is kept, and what the platform is told. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createElevenLabs } from '../../src/adapters/elevenlabs/index.ts';
import type { PlatformConversation } from '../../src/app/ports.ts';
import { Failure } from '../../src/domain/errors.ts';
import { handClock, memoryLog } from './elevenlabs-vendor.ts';

const SECRET = 'wsec_test';
const NOW_MS = 1_800_000_000_000;
const NOW_SEC = NOW_MS / 1000;

const sign = (body: Buffer, time: number | string = NOW_SEC, secret = SECRET) =>
  `t=${time},v0=${createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex')}`;

const REPORT = {
  type: 'post_call_transcription',
  event_timestamp: NOW_SEC,
  data: {
    agent_id: 'agent_1',
    conversation_id: 'conv_1',
    status: 'done',
    transcript: [{ role: 'user', message: 'Ü yes', time_in_call_secs: 2, interrupted: false }],
    conversation_initiation_client_data: { dynamic_variables: { call_id: 'call_1' } },
  },
};
const BODY = Buffer.from(JSON.stringify(REPORT));

function door(
  options: { secret?: string | null; keep?: (report: PlatformConversation) => Promise<void> } = {},
) {
  const kept: PlatformConversation[] = [];
  const log = memoryLog();
  const clock = handClock(NOW_MS);
  const { secret = SECRET } = options;
  const elevenlabs = createElevenLabs({
    apiKey: 'key',
    agentId: 'agent_1',
    ...(secret === null ? {} : { webhookSecret: secret }),
    clock,
    log,
  });
  const open = elevenlabs.door({
    conversationReported:
      options.keep ??
      (async (report) => {
        kept.push(report);
      }),
  });
  const knock = (body: Buffer, signature: string | string[] | undefined) =>
    open({
      method: 'POST',
      url: '/elevenlabs/webhook',
      headers: { 'elevenlabs-signature': signature },
      body,
    });
  return { knock, kept, log, clock, counters: elevenlabs.counters };
}

describe('a report', () => {
  test('with a good signature is kept once and then acknowledged', async () => {
    const { knock, kept } = door();
    expect((await knock(BODY, sign(BODY))).status).toBe(200);
    expect(kept).toEqual([
      {
        conversationId: 'conv_1',
        callId: 'call_1',
        failed: false,
        turns: [{ role: 'user', text: 'Ü yes', offsetSec: 2, interrupted: false }],
      },
    ]);
  });

  test('is acknowledged only after it was kept', async () => {
    let done = () => {};
    const { knock } = door({
      keep: () =>
        new Promise((resolve) => {
          done = resolve;
        }),
    });
    let answered = false;
    const answer = knock(BODY, sign(BODY)).then((reply) => {
      answered = true;
      return reply;
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(answered).toBe(false);
    done();
    expect((await answer).status).toBe(200);
  });

  test('that cannot be kept, or not in time, is asked for again', async () => {
    const failing = door({
      keep: async () => {
        throw new Failure('store_unavailable', 'no disk');
      },
    });
    expect((await failing.knock(BODY, sign(BODY))).status).toBe(503);
    const slow = door({ keep: () => new Promise(() => {}) });
    const answer = slow.knock(BODY, sign(BODY));
    await new Promise((resolve) => setTimeout(resolve, 5));
    slow.clock.advance(20_000);
    expect((await answer).status).toBe(503);
    expect(slow.counters.reports.failed).toBe(1);
  });

  test('of a call that is not ours is taken, so that it does not come again', async () => {
    const foreign = door({
      keep: async () => {
        throw new Failure('call_not_found', 'whose?');
      },
    });
    expect((await foreign.knock(BODY, sign(BODY))).status).toBe(200);
  });

  test.each(['post_call_audio', 'call_initiation_failure', 'a_type_of_next_year'])(
    'of type %s is taken and not used',
    async (type) => {
      const { knock, kept, counters } = door();
      const body = Buffer.from(
        JSON.stringify({ type, data: { conversation_id: 'conv_1', full_audio: 'AAAA' } }),
      );
      expect((await knock(body, sign(body))).status).toBe(200);
      expect(kept).toEqual([]);
      expect(counters.reports.unused).toBe(1);
    },
  );

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"type":1}',
    '{"type":"post_call_transcription"}',
    '{"type":"post_call_transcription","data":{"conversation_id":""}}',
  ])('that is signed and cannot be read (%s) is refused for good', async (text) => {
    const { knock, kept } = door();
    const body = Buffer.from(text);
    expect((await knock(body, sign(body))).status).toBe(400);
    expect(kept).toEqual([]);
  });
});

describe('a signature', () => {
  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['of another secret', sign(BODY, NOW_SEC, 'other')],
    ['of another body', sign(Buffer.from('{}'))],
    ['of another time', sign(BODY).replace(`t=${NOW_SEC}`, `t=${NOW_SEC + 1}`)],
    ['without a time', sign(BODY).slice(sign(BODY).indexOf(',') + 1)],
    ['without a hash', `t=${NOW_SEC}`],
    ['cut short', sign(BODY).slice(0, -2)],
    ['with a time that is no number', sign(BODY, '1e9')],
    ['31 minutes old', sign(BODY, NOW_SEC - 31 * 60)],
    ['6 minutes ahead', sign(BODY, NOW_SEC + 6 * 60)],
  ])('%s keeps the report out', async (_name, signature) => {
    const { knock, kept, counters } = door();
    expect((await knock(BODY, signature)).status).toBe(403);
    expect(kept).toEqual([]);
    expect(counters.reports.refused).toBe(1);
  });

  test('may be 29 minutes old, 4 minutes ahead, one of several, in capitals, with a space, or split over two headers', async () => {
    const other = 'v0='.padEnd(67, 'a');
    const [time = '', hash = ''] = sign(BODY).split(',');
    for (const signature of [
      sign(BODY, NOW_SEC - 29 * 60),
      sign(BODY, NOW_SEC + 4 * 60),
      `${time},${other},${hash}`,
      `${time},${hash},${other}`,
      `${time}, v0=${hash.slice(3).toUpperCase()}`,
      [time, hash],
    ]) {
      expect((await door().knock(BODY, signature)).status).toBe(200);
    }
  });

  test('does not fit a body with any one byte changed', async () => {
    const { knock } = door();
    const signature = sign(BODY);
    await fc.assert(
      fc.asyncProperty(fc.nat(BODY.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const body = Buffer.from(BODY);
        body[at] = (body[at] ?? 0) ^ change;
        expect((await knock(body, signature)).status).toBe(403);
      }),
    );
  });

  test('of any shape never throws', async () => {
    const { knock } = door();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (signature) => {
        expect((await knock(BODY, signature)).status).toBe(403);
      }),
    );
  });

  test('cannot be checked without a secret: everything is refused, and the log says why once', async () => {
    const { knock, log } = door({ secret: null });
    expect((await knock(BODY, sign(BODY))).status).toBe(403);
    expect((await knock(BODY, sign(BODY))).status).toBe(403);
    expect(log.lines.map((line) => [line.level, line.sentence])).toEqual([
      ['error', 'ElevenLabs reports are refused: ELEVENLABS_WEBHOOK_SECRET is not set'],
    ]);
  });
});
