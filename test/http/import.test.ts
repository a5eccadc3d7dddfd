/** The file of a list on its way in: as fast as it is read and no faster, whole or to be gone on with. */
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createClock } from '../../src/adapters/system.ts';
import type { Clock } from '../../src/app/ports.ts';
import { ListImport, Problem } from '../../src/contract/index.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { AppForHttp } from '../../src/http/needs.ts';
import { untilTrue } from '../support/until.ts';
import { API_KEY, at, missingId, type Served, serve } from './support.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const PATH = '/api/v1/dnc/import?list=national&asOf=2026-11-20T00:00:00Z';
const LINE = '2125550123\n';

const running: Served[] = [];
const open = async (overrides: Parameters<typeof serve>[0] = {}): Promise<Served> => {
  const served = await serve(overrides);
  running.push(served);
  return served;
};
afterEach(async () => {
  for (const served of running.splice(0)) await served.http.close();
});

const upload = (served: Served, body: NonNullable<RequestInit['body']>, path = PATH) =>
  served.withKey(path, { method: 'POST', headers: { 'content-type': 'text/csv' }, body, duplex: 'half' });

/** A sender that is ours byte by byte: it has sent the head of an upload and `first`. */
async function sender(served: Served, first: string, length: number | 'chunked', path = PATH) {
  const socket: Socket = connect(served.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  const size = length === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_KEY}\r\nContent-Type: text/csv\r\n${size}\r\n\r\n${first}`,
  );
  const problem = () =>
    Problem.parse(JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)));
  return { socket, answer: () => answer, problem };
}

/** A clock whose waits of 30 s end when told. */
function handClock() {
  const waits = new Set<() => void>();
  const real = createClock(quiet);
  const clock: Clock = {
    ...real,
    after(delayMs, task) {
      if (delayMs !== 30_000) return real.after(delayMs, task);
      waits.add(task);
      return () => waits.delete(task);
    },
  };
  const pass = () => {
    for (const task of [...waits]) {
      waits.delete(task);
      task();
    }
  };
  return { clock, waits, pass };
}

const importsOf = async (served: Served): Promise<ListImport[]> => {
  const { items } = (await (await served.withKey('/api/v1/dnc/imports')).json()) as { items: unknown[] };
  return items.map((item) => ListImport.parse(item));
};
/** The newest import, once nothing comes in any more. */
async function over(served: Served): Promise<ListImport | undefined> {
  for (;;) {
    const [newest] = await importsOf(served);
    if (newest?.state !== 'receiving') return newest;
  }
}
const importing = (served: Served, read: AppForHttp['lists']['import']) => {
  (served.app.lists as { import: unknown }).import = read;
};

test('a file is imported as it streams in and the answer is the finished import', async () => {
  const served = await open();
  const response = await upload(served, LINE.repeat(50_000), `${PATH}&kind=changes`);
  expect(response.status).toBe(200);
  expect(ListImport.parse(await response.json())).toMatchObject({
    list: 'national',
    kind: 'changes',
    state: 'done',
    asOf: '2026-11-20T00:00:00.000Z',
    lines: 50_000,
    count: 50_000,
    createdBy: 'admin-api-key',
  });
});

test.each(['text/csv; charset=utf-8', 'TEXT/PLAIN', 'application/octet-stream'])(
  'a file of the type %s is taken',
  async (type) => {
    const served = await open();
    const headers = { 'content-type': type };
    const response = await served.withKey(PATH, { method: 'POST', headers, body: LINE });
    expect(response.status).toBe(200);
  },
);

test('a sender waits while nobody reads, and everything arrives once somebody does', async () => {
  const served = await open();
  const size = 64 * 1024 * 1024;
  let read = 0;
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  importing(served, async (_request, file) => {
    for await (const chunk of file) {
      if (read === 0) await gate;
      read += chunk.length;
    }
    throw new Failure('import_conflict', `read ${read}`);
  });
  const { socket, answer, problem } = await sender(served, '', size);
  const block = Buffer.alloc(1024 * 1024, 'a');
  let given = 0;
  const give = () => {
    while (given < size) {
      given += block.length;
      if (!socket.write(block)) {
        socket.once('drain', give);
        return;
      }
    }
  };
  give();
  let before = -1;
  while (socket.bytesWritten !== before) {
    before = socket.bytesWritten;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // What was given went into buffers of the system; the service took next to nothing.
  expect(given).toBeLessThan(32 * 1024 * 1024);
  goOn();
  await untilTrue(() => answer().includes('\r\n\r\n{'));
  expect(problem().detail).toBe(`read ${size}`);
  socket.destroy();
});

test('a sender that breaks off leaves an interrupted import, which the same file finishes', async () => {
  const served = await open();
  const { socket } = await sender(served, LINE.repeat(10) + LINE.slice(0, 4), 100_000);
  await untilTrue(() => served.state.asked.length > 0);
  expect(await importsOf(served)).toMatchObject([{ state: 'receiving' }]);
  socket.destroy();
  const broken = await over(served);
  expect(broken).toMatchObject({ state: 'interrupted', lines: 10 });

  const response = await upload(served, LINE.repeat(25), `${PATH}&importId=${broken?.id}`);
  expect(ListImport.parse(await response.json())).toMatchObject({ id: broken?.id, state: 'done', count: 25 });
  expect(served.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a chunked file without its end is no whole file', async () => {
  const served = await open();
  const { socket } = await sender(served, `b\r\n${LINE}\r\n`, 'chunked');
  await untilTrue(() => served.state.asked.length > 0);
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  expect(await over(served)).toMatchObject({ state: 'interrupted', lines: 1 });
});

test('a sender that falls silent for 30 seconds is told how to go on', async () => {
  const { clock, waits, pass } = handClock();
  const served = await open({ clock });
  const { socket, answer, problem } = await sender(served, LINE.repeat(3), 1000);
  // One wait is for the body as a whole, which does not count for a file; the other for the next byte.
  await untilTrue(() => waits.size === 2);
  pass();
  await untilTrue(() => answer().includes('\r\n\r\n{'));
  expect(answer()).toMatch(/^HTTP\/1.1 408 /);
  const said = problem();
  expect(said).toMatchObject({ code: 'upload_interrupted', retryable: true });
  expect(ListImport.parse(said.import)).toMatchObject({ state: 'interrupted', lines: 3 });
  socket.destroy();
});

test('a slow reader is no silent sender: time runs only while a byte is waited for', async () => {
  const { clock, waits, pass } = handClock();
  const served = await open({ clock });
  let reading = false;
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const real = served.app.lists.import;
  importing(served, async (request, file, by) => {
    reading = true;
    await gate;
    return real(request, file, by);
  });
  const sent = upload(served, LINE);
  await untilTrue(() => reading);
  pass();
  expect(waits.size).toBe(0);
  goOn();
  expect((await sent).status).toBe(200);
});

test('a file may take longer than any other answer', async () => {
  const real = createClock(quiet);
  let hurry = false;
  const served = await open({
    clock: { ...real, sleep: (ms, signal) => real.sleep(hurry && ms === 60_000 ? 0 : ms, signal) },
  });
  hurry = true;
  const lines = (async function* () {
    yield Buffer.from(LINE);
    await untilTrue(() => served.state.asked.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield Buffer.from(LINE);
  })();
  const slow = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  expect((await upload(served, slow)).status).toBe(200);
  (served.app.compliance as { policy: unknown }).policy = () => new Promise(() => {});
  expect((await served.withKey('/api/v1/compliance/policy')).status).toBe(500);
});

test('an import that failed is 422 with all that is known of it', async () => {
  const served = await open();
  const response = await upload(served, 'name\nAda\n2125550123\n');
  expect(response.status).toBe(422);
  const said = Problem.parse(await response.json());
  expect(said).toMatchObject({
    code: 'import_failed',
    retryable: false,
    detail: 'Most lines of this file are no numbers.',
  });
  expect(ListImport.parse(said.import)).toMatchObject({
    state: 'failed',
    rejected: 2,
    errors: [
      { line: 1, message: 'no number' },
      { line: 2, message: 'no number' },
    ],
  });
});

test('a second import of the same list is 409 and its sender gets to read why, however much it sends', async () => {
  const served = await open();
  const first = await sender(served, LINE, 1000);
  await untilTrue(() => served.state.asked.length > 0);
  const response = await upload(served, Buffer.alloc(16 * 1024 * 1024, LINE));
  expect([response.status, Problem.parse(await response.json()).code]).toEqual([409, 'import_conflict']);
  first.socket.destroy();
});

test('what the app refuses of the question is named as a parameter', async () => {
  const served = await open();
  importing(served, async () => {
    throw new Failure('invalid_request', 'asOf: lies in the future', {
      details: { fields: { asOf: 'lies in the future' } },
    });
  });
  const response = await upload(served, LINE);
  expect(response.status).toBe(400);
  expect(Problem.parse(await response.json()).errors).toEqual([
    { in: 'query', pointer: 'asOf', detail: 'lies in the future' },
  ]);
});

test('an import that nobody knows is 404', async () => {
  const served = await open();
  const response = await upload(served, LINE, `${PATH}&importId=${missingId}`);
  expect([response.status, Problem.parse(await response.json()).code]).toEqual([404, 'not_found']);
});

test('what is still coming after the answer is thrown away for a while, then the connection ends', async () => {
  const { clock, waits, pass } = handClock();
  const served = await open({ clock });
  importing(served, async (request, file, by) => {
    for await (const _chunk of file) break;
    return {
      ...request,
      _id: missingId,
      state: 'failed',
      lines: 0,
      added: 0,
      removed: 0,
      rejected: 0,
      errors: [],
      startedAt: at,
      createdBy: by,
    };
  });
  const { socket, answer } = await sender(served, LINE, 10_000_000);
  await untilTrue(() => answer().includes('import_failed'));
  socket.write(Buffer.alloc(1_000_000));
  await untilTrue(() => socket.writableLength === 0);
  expect(socket.destroyed).toBe(false);
  expect(waits.size).toBe(2);
  pass();
  await new Promise((resolve) => socket.once('close', resolve));
});

test('a body that nobody asked for does not keep its connection either', async () => {
  const { clock, waits, pass } = handClock();
  const served = await open({ clock });
  const { socket, answer } = await sender(served, 'abc', 1000, '/api/v1/nothing');
  await untilTrue(() => answer().includes('"not_found"'));
  expect(waits.size).toBe(1);
  pass();
  await new Promise((resolve) => socket.once('close', resolve));
});

test('a body that came whole leaves no timer behind', async () => {
  const { clock, waits } = handClock();
  const served = await open({ clock });
  await (await upload(served, LINE)).json();
  await (await served.send('POST', '/api/v1/dnc', { phone: '2125550123' })).json();
  await untilTrue(() => waits.size === 0);
});

test('a reader that goes on after its answer is not told that the file ended', async () => {
  const served = await open();
  let later: Promise<unknown> | undefined;
  importing(served, async (_request, file) => {
    const chunks = file[Symbol.asyncIterator]();
    await chunks.next();
    later = chunks.next().then(
      () => 'the end',
      (error: unknown) => error,
    );
    throw new Failure('store_unavailable', 'down');
  });
  const { socket, answer } = await sender(served, LINE, 1000);
  await untilTrue(() => answer().includes('store_unavailable'));
  expect(await later).toMatchObject({ code: 'upload_interrupted' });
  socket.destroy();
});

test('a restart interrupts an import that is under way', async () => {
  const real = createClock(quiet);
  const served = await open({ clock: { ...real, steadyMs: () => real.steadyMs() * 50 } });
  const { socket } = await sender(served, LINE, 1000);
  await untilTrue(() => served.state.asked.length > 0);
  await served.http.close();
  await untilTrue(() => served.state.imports[0]?.state === 'interrupted');
  socket.destroy();
});
