/** The codec of the conversation socket: the fast reader of audio against the slow one, and anything at all against both. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64, initiation, parseMessage, readAudio } from '../../src/adapters/elevenlabs/messages.ts';

/** What the slow path makes of a message, in the fast reader's words. */
function slowly(payload: Buffer) {
  const message = parseMessage(payload);
  if (message.type !== 'audio' || message.audio_event.event_id === undefined) return undefined;
  const ulaw = decodeBase64(message.audio_event.audio_base_64);
  return ulaw && { ulaw, turn: message.audio_event.event_id };
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t ');
const base64 = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('A', 'AA', 'AAA', 'AA==', 'AA==AAAA', 'A===', '=', 'AA\nAA', 'AAé=', '_-_-'),
  },
);
/** JSON text of a string; with `escaped`, "/" and one plain character are written as escapes, which means the same. */
const written = (text: string, escaped: boolean) =>
  escaped ? JSON.stringify(text).replaceAll('/', '\\/').replace('A', '\\u0041') : JSON.stringify(text);
const eventId = fc.oneof(
  { weight: 6, arbitrary: fc.nat().map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '0',
      '-0',
      '-1',
      '1.0',
      '1.5',
      '1e3',
      '007',
      '1e999',
      '"3"',
      'null',
      '9007199254740993',
      '999999999999999',
      '',
    ),
  },
);
const alignment = fc
  .record({
    chars: fc.array(fc.string({ maxLength: 2 }), { maxLength: 5 }),
    char_start_times_ms: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 5 }),
    deep: fc.jsonValue({ maxDepth: 10 }),
  })
  .map((value) => JSON.stringify(value));
const noise = fc.jsonValue().map((value) => JSON.stringify(value));
const pair = (key: fc.Arbitrary<string>, value: fc.Arbitrary<string>) =>
  fc.tuple(space, key, space, space, value, space).map(([a, k, b, c, v, d]) => `${a}${k}${b}:${c}${v}${d}`);
const object = (pairs: fc.Arbitrary<string>[]) =>
  fc
    .tuple(...pairs)
    .chain((all) =>
      fc.shuffledSubarray(all, { minLength: all.length - 1 }).map((some) => `{${some.join(',')}}`),
    );
const key = (name: string) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constant(`"${name}"`) },
    { weight: 1, arbitrary: fc.constant(`"\\u00${name.charCodeAt(0).toString(16)}${name.slice(1)}"`) },
  );
const audioMessage = object([
  pair(
    key('type'),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant('"audio"') },
      { weight: 1, arbitrary: fc.constantFrom('"\\u0061udio"', '"ping"', '1') },
    ),
  ),
  pair(
    key('audio_event'),
    object([
      pair(
        key('audio_base_64'),
        fc.tuple(base64, fc.boolean()).map(([text, escaped]) => written(text, escaped)),
      ),
      pair(key('event_id'), eventId),
      pair(key('alignment'), alignment),
      pair(
        fc.constantFrom('"event_id"', '"x"', '"y"', '"x\\"event_id"', '"__proto__"'),
        fc.oneof(eventId, noise),
      ),
    ]),
  ),
  pair(fc.constantFrom('"audio_event"', '"other"', '"more"', '"user"', '"type"', '"a,\\"type"'), noise),
]);

describe('the fast reader of audio', () => {
  test('says what the slow path says, or nothing, whatever the order, spacing, escapes and numbers', () => {
    let fast = 0;
    fc.assert(
      fc.property(audioMessage, (text) => {
        const payload = Buffer.from(text);
        const quick = readAudio(payload);
        if (!quick) return;
        fast += 1;
        expect(slowly(payload)).toEqual(quick);
      }),
      { numRuns: 8_000 },
    );
    expect(fast).toBeGreaterThan(500); // a reader that always passes on would be right and useless
  });

  test('reads every message the platform really sends', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2_000 }),
        fc.nat(),
        alignment,
        fc.boolean(),
        (bytes, turn, text, first) => {
          const ulaw = Buffer.from(bytes);
          const event = {
            audio_base_64: ulaw.toString('base64'),
            event_id: turn,
            alignment: JSON.parse(text),
          };
          delete event.alignment.deep;
          const message = first
            ? { type: 'audio', audio_event: event }
            : { audio_event: event, type: 'audio' };
          expect(readAudio(Buffer.from(JSON.stringify(message)))).toEqual({ ulaw, turn });
        },
      ),
    );
  });

  test('reads nothing out of a message that is cut short or has something behind it', () => {
    const whole =
      '{"type":"audio","audio_event":{"audio_base_64":"AAECAw==","event_id":3,"alignment":{"chars":["a"]}}}';
    expect(readAudio(Buffer.from(whole))?.turn).toBe(3);
    for (let length = 0; length < whole.length; length += 1) {
      expect(readAudio(Buffer.from(whole.slice(0, length)))).toBeUndefined();
    }
    expect(readAudio(Buffer.from(`${whole}x`))).toBeUndefined();
  });

  test('finds no audio in any change of one byte that the slow path reads otherwise', () => {
    const whole = Buffer.from('{"audio_event":{"event_id":12,"audio_base_64":"AAECAw=="},"type":"audio"}');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const payload = Buffer.from(whole);
        payload[at] = byte;
        const quick = readAudio(payload);
        if (quick) expect(slowly(payload)).toEqual(quick);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('the parser of messages', () => {
  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          readAudio(Buffer.from(bytes));
          expect(['?', '!']).toContain(parseMessage(Buffer.from(bytes)).type);
        },
      ),
    );
  });

  test('survives nesting as deep as a message can be', () => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const deep = `{"type":"ping","x":${open.repeat(200_000)}1${close.repeat(200_000)},"ping_event":{"event_id":1}}`;
      expect(() => parseMessage(Buffer.from(deep))).not.toThrow();
      expect(() => parseMessage(Buffer.from(open.repeat(1_000_000)))).not.toThrow();
      expect(() => readAudio(Buffer.from(deep.replace('ping', 'audio')))).not.toThrow();
    }
  });

  test('takes known messages whose values have the wrong types for malformed, and unknown types for unknown', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          'audio',
          'ping',
          'user_transcript',
          'agent_response',
          'interruption',
          'client_tool_call',
        ),
        fc.dictionary(
          fc.constantFrom('audio_event', 'ping_event', 'interruption_event'),
          fc.constantFrom(1, 'x', [], null),
        ),
        (type, rest) => {
          expect(parseMessage(Buffer.from(JSON.stringify({ ...rest, type })))).toEqual({
            type: '!',
            name: type,
          });
        },
      ),
    );
    expect(parseMessage(Buffer.from('{"type":"context_usage","context_usage_event":{}}'))).toEqual({
      type: '?',
      name: 'context_usage',
    });
    expect(parseMessage(Buffer.from('[]'))).toEqual({ type: '!', name: 'untyped' });
  });

  test('tolerates words without a turn number, null ping times and fields nobody knows', () => {
    expect(
      parseMessage(
        Buffer.from(
          '{"type":"user_transcript","user_transcription_event":{"user_transcript":"yes","new":1}}',
        ),
      ),
    ).toEqual({ type: 'user_transcript', user_transcription_event: { user_transcript: 'yes' } });
    expect(
      parseMessage(Buffer.from('{"type":"ping","ping_event":{"event_id":0,"ping_ms":null}}')),
    ).toMatchObject({ type: 'ping', ping_event: { event_id: 0 } });
  });
});

describe('the first message', () => {
  const brief = {
    callId: 'call_1',
    userId: 'lead_1',
    firstMessage: 'Hi Ana',
    voiceId: 'voice_ana',
    dynamicVariables: { lead_name: 'Ana', attempt: 2, vip: true, system__time: 'x', broken: Number.NaN },
  };

  test('carries the call id and the variables the platform accepts, and overrides only where permitted', () => {
    expect(JSON.parse(initiation(brief, { firstMessage: true, voice: true, extraBody: true }))).toEqual({
      type: 'conversation_initiation_client_data',
      conversation_config_override: { agent: { first_message: 'Hi Ana' }, tts: { voice_id: 'voice_ana' } },
      custom_llm_extra_body: { call_id: 'call_1' },
      dynamic_variables: { lead_name: 'Ana', attempt: 2, vip: true, call_id: 'call_1' },
      user_id: 'lead_1',
    });
    expect(JSON.parse(initiation(brief, { firstMessage: false, voice: false, extraBody: false }))).toEqual({
      type: 'conversation_initiation_client_data',
      dynamic_variables: { lead_name: 'Ana', attempt: 2, vip: true, call_id: 'call_1' },
      user_id: 'lead_1',
    });
  });

  test('sends no empty override and no empty user', () => {
    const text = initiation(
      { callId: 'call_1', userId: '', firstMessage: '', voiceId: '', dynamicVariables: {} },
      { firstMessage: true, voice: true, extraBody: false },
    );
    expect(JSON.parse(text)).toEqual({
      type: 'conversation_initiation_client_data',
      dynamic_variables: { call_id: 'call_1' },
    });
  });
});
