/** The agent looks something up while somebody waits: an answer in time, or none, and never a wait for the disk. */
import { expect, test } from 'vitest';
import { createAgentTools, type ToolDeps } from '../../src/app/agent-tools.ts';
import { Failure } from '../../src/domain/errors.ts';
import { handClock } from '../support/clock.ts';

type LookUp = ToolDeps['knowledge']['lookUp'];

function open(lookUp: LookUp, record: () => Promise<unknown> = async () => undefined) {
  const clock = handClock();
  const warned: string[] = [];
  const runTool = createAgentTools({
    clock,
    log: { debug() {}, info() {}, warn: (_about, text) => void warned.push(text), error() {} },
    knowledge: { lookUp },
    events: { record } as unknown as ToolDeps['events'],
  } as Partial<ToolDeps> as ToolDeps);
  const ask = () =>
    runTool('c'.repeat(24), 'look_up_knowledge', { said: 'too low' }, new AbortController().signal);
  return { clock, warned, ask };
}

const ENTRY = { entry: { key: 'price_too_low', version: 3 }, words: 'It is what houses nearby went for.' };
const found = { ...ENTRY, entry: { ...ENTRY.entry, title: 'Price' } } as unknown as Awaited<
  ReturnType<LookUp>
>;

test('after 300 ms without an answer the agent goes on without one, and not before', async () => {
  const { clock, warned, ask } = open(() => new Promise(() => undefined));
  let answer: string | undefined;
  const asked = ask().then(({ result }) => {
    answer = result;
  });
  await clock.pass(280);
  expect(answer).toBeUndefined();
  await clock.pass(40);
  await asked;
  expect(JSON.parse(answer ?? '')).toMatchObject({ found: false });
  expect(warned).toEqual(['the knowledge could not be asked']);
  expect(clock.waiting).toBe(0);
});

test('an answer that comes in time is given at once, without a wait for the record of it', async () => {
  const { clock, ask } = open(
    async () => found,
    () => new Promise(() => undefined),
  );
  const { result } = await ask();
  expect(JSON.parse(result)).toEqual({ found: true, title: 'Price', answer: ENTRY.words });
  expect(clock.waiting).toBe(0);
});

test('a store that is away is no answer, and no error for the agent', async () => {
  const { warned, ask } = open(async () => {
    throw new Failure('store_unavailable', 'away');
  });
  expect(await ask()).not.toHaveProperty('isError');
  expect(warned).toHaveLength(1);
});
