/** The voice assistant's records, read strictly: what has a place goes there, the rest is kept, and nothing is guessed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePhone } from '../../src/domain/phone.ts';
import {
  accountOf,
  bodiesOf,
  importedId,
  readEvent,
  readLead,
  readSession,
  readTime,
  sessionFinder,
} from '../../src/domain/voice-assistant.ts';

const now = new Date('2026-11-20T17:00:00Z');
const lead = (raw: unknown, stem = 'lead_20251013_135233', zone = 'UTC') => {
  const read = readLead(raw, { stem, zone, now });
  if ('why' in read) throw new Error(read.why);
  return read;
};
const event = (raw: unknown, zone = 'UTC') => {
  const read = readEvent(raw, zone);
  if ('why' in read) throw new Error(read.why);
  return read;
};
const session = (raw: unknown, stem = 'transcript_session_x', zone = 'UTC') => {
  const read = readSession(raw, { stem, zone });
  if ('why' in read) throw new Error(read.why);
  return read;
};

describe('a time', () => {
  test('is the same instant in every form it may have', () => {
    const instant = fc.date({
      min: new Date('2001-10-01T00:00:00Z'),
      max: new Date('2099-12-31T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(instant, (at) => {
        const iso = at.toISOString();
        const forms: unknown[] = [
          iso,
          iso.replace('T', ' '),
          iso.replace('Z', '+00:00'),
          iso.replace('Z', '123Z'),
          at.getTime(),
          String(at.getTime()),
          at.getTime() / 1_000,
          { $date: iso },
          { $date: { $numberLong: String(at.getTime()) } },
        ];
        for (const form of forms) expect([form, readTime(form, 'UTC')]).toEqual([form, { at, zoned: true }]);
        expect(readTime(iso.slice(0, -1), 'UTC')).toEqual({ at, zoned: false });
      }),
      { numRuns: 50 },
    );
  });

  test('without a zone is one of the zone that is given', () => {
    expect(readTime('2025-07-13T13:52:33.418220', 'America/New_York')).toEqual({
      at: new Date('2025-07-13T17:52:33.418Z'),
      zoned: false,
    });
    expect(readTime('2025-07-13T13:52:33+05:30', 'America/New_York')?.at).toEqual(
      new Date('2025-07-13T08:22:33Z'),
    );
  });

  test.each([
    'yesterday',
    '',
    '2025-10-13',
    '2025-02-30T10:00:00Z',
    '2025-10-13T25:00:00Z',
    '13/10/2025 10:00',
    '2025-10-13T10:00:00Z and more',
    7.1,
    -1,
    0,
    1e18,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    true,
    [],
    {},
    { $date: '2025-10-13T10:00:00Z', extra: 1 },
  ])('is not read out of %j', (value) => {
    expect(readTime(value, 'UTC')).toBeUndefined();
  });
});

describe('a lead', () => {
  test('goes where its fields have a place, and what has none is kept as it was', () => {
    const {
      lead: read,
      notes,
      time,
    } = lead({
      timestamp: '2025-10-13T13:52:33.418220Z',
      source: 'Friday AI Assistant',
      status: 'qualified',
      name: '  Rosalind  Mary Ashdown ',
      email: 'Rosalind@Ashdown.example',
      company: 'Ashdown Joinery',
      interest: 'A voice agent',
      phone: '(206) 555-0142',
      job_title: '',
      budget: '5k',
      timeline: 'this quarter',
      extra: { score: 7, $odd: [null] },
    });
    expect(read).toEqual({
      _id: importedId('lead', 'lead_20251013_135233'),
      source: 'voice_assistant',
      externalId: 'lead_20251013_135233',
      receivedAt: new Date('2025-10-13T13:52:33.418Z'),
      contact: {
        firstName: 'Rosalind',
        lastName: 'Mary Ashdown',
        email: 'rosalind@ashdown.example',
        phone: '+12065550142',
      },
      intent: { message: 'A voice agent', timeframe: 'this quarter' },
      contactAttempts: [],
      dncStatus: { onNationalRegistry: false, internalDNC: false },
      status: 'qualified',
      stage: 'new',
      tags: [],
      legacy: {
        source: 'Friday AI Assistant',
        company: 'Ashdown Joinery',
        budget: '5k',
        extra: { score: 7, $odd: [null] },
      },
      createdAt: now,
      updatedAt: now,
      createdBy: 'voice_assistant',
      updatedBy: 'voice_assistant',
    });
    expect(notes).toEqual([]);
    expect(time?.zoned).toBe(true);
  });

  test('has no consent, whatever its file says', () => {
    const { lead: read } = lead({ name: 'A', phone: '2065550142', consent: true, hasWrittenConsent: true });
    expect(read).not.toHaveProperty('consent');
    expect(read.legacy).toEqual({ consent: true, hasWrittenConsent: true });
  });

  test.each([
    ['no number', {}, /no phone number/],
    ['an empty one', { phone: '' }, /no phone number/],
    ['words', { phone: 'call me at work' }, /is none/],
    ['a number of another country without its code', { phone: '9225822969' }, /another country/],
    ['an extension', { phone: '206-555-0142 x12' }, /is none/],
  ])('with %s is kept without a number, is nobody else, and it is said', (_, fields, note) => {
    const { lead: read, notes } = lead({
      name: 'A B',
      email: 'a@b.example',
      timestamp: 1760436900,
      ...fields,
    });
    expect(read.contact.phone).toBe(`none:${read._id}`);
    expect(parsePhone(read.contact.phone)).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(note)]);
    if ('phone' in fields && fields.phone !== '') expect(read.legacy).toEqual({ phone: fields.phone });
  });

  test('keeps a number abroad, and a second number', () => {
    expect(
      lead({ phone: '+91 98765 43210', alternatePhone: '206 555 0143', timestamp: 1760436900 }).lead.contact,
    ).toMatchObject({ phone: '+919876543210', alternatePhone: '+12065550143' });
    expect(lead({ phone: '', phone2: '206 555 0143', timestamp: 1760436900 })).toMatchObject({
      lead: { contact: { phone: '+12065550143' } },
      notes: [],
    });
  });

  test.each([
    [{ status: 'do_not_call' }, true],
    [{ status: 'DNC' }, true],
    [{ status: 'unsubscribed' }, true],
    [{ do_not_call: true }, true],
    [{ do_not_call: false }, false],
    [{ status: 'contacted' }, false],
    [{ status: 'conduct' }, false],
  ])('that says %j wants no calls: %s', (fields, wish) => {
    expect(lead({ name: 'A', phone: '2065550142', ...fields }).optedOut).toBe(wish);
  });

  test('has the id of its record, else of its file; and the time of its file where it has none', () => {
    expect(lead({ _id: { $oid: '68edf0b2a1c3d4e5f6071829' } }).lead.externalId).toBe(
      '68edf0b2a1c3d4e5f6071829',
    );
    expect(lead({ lead_id: 'L-7' }).lead._id).toBe(importedId('lead', 'L-7'));
    expect(lead({ name: 'A' }, 'lead_20251013_135233', 'America/New_York')).toMatchObject({
      lead: { externalId: 'lead_20251013_135233', receivedAt: new Date('2025-10-13T17:52:33Z') },
      time: { zoned: false },
    });
    const none = lead({ name: 'A', timestamp: 'soon' }, 'lead_of_somebody');
    expect([none.lead.receivedAt, none.time, none.lead.legacy]).toEqual([
      now,
      undefined,
      { timestamp: 'soon' },
    ]);
    expect(none.notes).toContainEqual(expect.stringContaining('no time'));
  });

  test('a time without a zone is kept beside what was made of it', () => {
    expect(lead({ timestamp: '2025-10-13T13:52:33' }).lead.legacy).toEqual({
      timestamp: '2025-10-13T13:52:33',
    });
  });
});

describe('an event', () => {
  const at = '2025-10-13T08:40:45.906124Z';

  test('is something said, with its speaker under any of their names', () => {
    for (const [role, ours] of [
      ['user', 'user'],
      ['Human', 'user'],
      ['assistant', 'agent'],
      ['agent', 'agent'],
      ['system', 'system'],
    ])
      expect(event({ role, content: 'Hello', timestamp: at })).toMatchObject({
        words: { role: ours, text: 'Hello', cut: false },
        time: { at: new Date('2025-10-13T08:40:45.906Z'), zoned: true },
      });
    expect(event({ role: 'user', content: ['One,', 'two.'], timestamp: at }).words?.text).toBe('One, two.');
    expect(event({ role: 'user', content: [{ type: 'text', text: 'One' }], timestamp: at }).words?.text).toBe(
      'One',
    );
    const odd = event({ role: 'narrator', text: 'It rains', timestamp: at, meta: { x: 1 } });
    expect([odd.words?.role, odd.legacy]).toEqual(['system', { role: 'narrator', meta: { x: 1 } }]);
  });

  test('is a tool that was called or answered', () => {
    const called = {
      type: 'function_call',
      name: 'create_lead',
      call_id: 'c1',
      arguments: '{"a":1}',
      timestamp: at,
    };
    expect(event(called).tool).toEqual({
      type: 'tool_called',
      toolCallId: 'c1',
      name: 'create_lead',
      parameters: { a: 1 },
    });
    expect(event({ ...called, arguments: 'not json' })).toMatchObject({
      tool: { parameters: {} },
      legacy: { arguments: 'not json' },
    });
    expect(
      event({
        type: 'function_call_output',
        call_id: 'c1',
        output: { ok: true },
        is_error: true,
        timestamp: at,
      }).tool,
    ).toEqual({ type: 'tool_answered', toolCallId: 'c1', result: '{"ok":true}', isError: true, tookMs: 0 });
  });

  test('that is none of these is told by the system, with all that is known of it', () => {
    const read = event({ type: 'auto_hangup', reason: 'no reply', room: 'r', timestamp: at });
    expect(read.words).toEqual({ role: 'system', text: 'auto_hangup: no reply', cut: false });
    expect(read.legacy).toEqual({ type: 'auto_hangup', reason: 'no reply', room: 'r' });
    expect(
      event({ role: 'system', event: 'shutdown_save_failed', error: 'x', timestamp: at }).words?.text,
    ).toBe('shutdown_save_failed');
  });

  test('an interrupted sentence of the agent counts as corrected to what was heard', () => {
    const cut = event({ role: 'assistant', content: 'Yes, good mor', interrupted: true, timestamp: at });
    expect(bodiesOf(cut, 3)).toEqual([
      { type: 'said', role: 'agent', text: 'Yes, good mor', turn: 3 },
      { type: 'corrected', turn: 3, text: 'Yes, good mor' },
    ]);
  });

  test('is the same event again when its id or, without one, all of it is the same', () => {
    const line = { role: 'user', content: 'yes', timestamp: at };
    expect(event({ ...line }).eventId).toBe(event({ timestamp: at, content: 'yes', role: 'user' }).eventId);
    expect(event({ ...line, content: 'no' }).eventId).not.toBe(event(line).eventId);
    expect(event({ ...line, event_id: 'e1' }).eventId).toBe(
      event({ ...line, content: 'no', event_id: 'e1' }).eventId,
    );
    expect(event({ ...line, session_id: 'a', id: '1' }).eventId).not.toBe(
      event({ ...line, session_id: 'b', id: '1' }).eventId,
    );
  });

  test('of the session "default" is of none', () => {
    expect(event({ role: 'user', content: 'x', timestamp: at, session_id: 'default' })).toMatchObject({
      legacy: { session_id: 'default' },
    });
    expect(event({ role: 'user', content: 'x', timestamp: at, session_id: 'default' })).not.toHaveProperty(
      'sessionId',
    );
  });

  test.each([
    [1],
    ['x'],
    [null],
    [[]],
    [{}],
    [{ role: 'user', content: '' }],
    [{ role: 'user', content: [1] }],
  ])('is not read out of %j, and it is said why', (raw) => {
    expect(readEvent(raw, 'UTC')).toEqual({ why: expect.any(String) as string });
  });

  test('whatever a line holds, it is read or refused, and no field is lost', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 3 }),
        fc.dictionary(
          fc.constantFrom('role', 'content', 'type', 'timestamp', 'id', 'x', '__proto__'),
          fc.jsonValue(),
        ),
        (any, record) => {
          readEvent(any, 'UTC');
          const read = readEvent(record, 'UTC');
          if ('why' in read) return;
          const kept = JSON.stringify(read);
          for (const [name, value] of Object.entries(record))
            if (name === 'x') expect(kept).toContain(JSON.stringify(value));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a conversation', () => {
  const items = [
    { id: 'i1', type: 'message', role: 'assistant', content: ['Hello'], interrupted: true },
    { id: 'i2', type: 'message', role: 'user', content: ['Hi'], transcript_confidence: 0.9 },
    7,
  ];

  test('tells when it was held, of which lead, and what was said; the rest is kept', () => {
    const read = session({
      session_id: 's1',
      start_time: '2025-10-13 13:45:00+00:00',
      end_time: 1760363585250,
      items,
      total_items: 3,
      lead_generated: true,
      lead_id: 'L1',
      metadata: { persona: 'desk', caller: '+12065550142' },
    });
    expect(read).toMatchObject({
      sessionId: 's1',
      start: new Date('2025-10-13T13:45:00Z'),
      end: new Date('2025-10-13T13:53:05.250Z'),
      leadGenerated: true,
      leadRef: 'L1',
      phone: '+12065550142',
      channel: 'phone',
      refused: [{ item: 3, why: 'is no JSON object' }],
      zoned: true,
    });
    expect(read.legacy).toEqual({
      total_items: 3,
      metadata: { persona: 'desk', caller: '+12065550142' },
      items: [{}, { transcript_confidence: 0.9 }],
    });
    expect(accountOf(read.items, new Date())).toEqual([
      { role: 'agent', text: 'Hello', offsetSec: 0, interrupted: true },
      { role: 'user', text: 'Hi', offsetSec: 0, interrupted: false },
    ]);
  });

  test('without an id or an end has those of its file; two that say the same are two', () => {
    const read = session(
      {
        items: [
          { role: 'user', content: 'yes' },
          { role: 'user', content: 'yes' },
        ],
      },
      'transcript_session_2025-10-13T08-40-58.242325',
    );
    expect(read).toMatchObject({
      sessionId: 'transcript_session_2025-10-13T08-40-58.242325',
      end: new Date('2025-10-13T08:40:58.242Z'),
      channel: 'browser',
      leadGenerated: false,
      zoned: false,
    });
    expect(new Set(read.items.map(({ eventId }) => eventId)).size).toBe(2);
    expect(session([{ role: 'user', content: 'yes' }]).items).toHaveLength(1);
  });
});

describe('an event that does not name its conversation', () => {
  const at = (text: string): Date => new Date(`2025-10-13T${text}Z`);

  test('is of the one that ended next, where that one had begun', () => {
    const find = sessionFinder([
      { sessionId: 'b', end: at('08:40:58') },
      { sessionId: 'a', end: at('08:37:03') },
      { sessionId: 'c', start: at('13:45:00'), end: at('13:53:05') },
    ]);
    expect(['08:36:20', '08:37:03', '08:37:04', '08:40:58'].map((time) => find(at(time)))).toEqual([
      'a',
      'a',
      'b',
      'b',
    ]);
    expect(find(at('13:41:00'))).toBe('c');
    expect(find(at('13:30:00'))).toMatch(/^unnamed_/);
  });

  test('is of one with its neighbours where no conversation fits, until a long silence', () => {
    const find = sessionFinder([]);
    const found = ['08:00:00', '08:20:00', '08:50:00', '09:20:01', '09:21:00'].map((time) => find(at(time)));
    expect(found.map((id) => found.indexOf(id))).toEqual([0, 0, 0, 3, 3]);
    expect(found[0]).toBe('unnamed_2025-10-13T08:00:00.000Z');
  });
});
