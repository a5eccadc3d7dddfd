/** test/wire/voices: the sandbox's synthesiser, as its callers use it. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { FRAME_BYTES, frameEnergy, isSpeech } from '../../src/sandbox/audio.ts';
import { allCallerLines } from '../../src/sandbox/callers.ts';
import { closeVoices, speak, type VoiceName } from '../../src/sandbox/voices.ts';
import { programFrom, source } from '../support/programs.ts';

const VOICES: readonly VoiceName[] = ['slt', 'rms', 'awb', 'kal', 'kal16'];
const TEXT = 'Hello, I am calling about the house.';
const frames = (audio: Buffer) =>
  Array.from({ length: audio.length / FRAME_BYTES }, (_, i) =>
    audio.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES),
  );
const hash = (audio: Buffer) => createHash('sha256').update(audio).digest('hex');

afterAll(closeVoices);

test.each(VOICES)('%s speaks in whole frames, loud enough, with little silence around', async (voice) => {
  const audio = await speak(TEXT, voice);
  expect(audio.length % FRAME_BYTES).toBe(0);
  const speech = frames(audio).map(isSpeech);
  expect(speech.filter(Boolean).length).toBeGreaterThan(40);
  expect(Math.max(...frames(audio).map(frameEnergy))).toBeGreaterThan(2_000);
  expect(speech.indexOf(true)).toBeLessThanOrEqual(5);
  expect(speech.length - 1 - speech.lastIndexOf(true)).toBeLessThanOrEqual(8);
});

test('each voice sounds different, and the same text always gives the same bytes, even from a new worker', async () => {
  const first = await Promise.all(VOICES.map((voice) => speak(TEXT, voice)));
  expect(new Set(first.map(hash)).size).toBe(VOICES.length);
  await closeVoices();
  const second = await Promise.all(VOICES.map((voice) => speak(TEXT, voice)));
  expect(second.map(hash)).toEqual(first.map(hash));
});

test('a sentence said before is answered from memory', async () => {
  expect(await speak(TEXT, 'slt')).toBe(await speak(`  ${TEXT} `, 'slt'));
});

test('text without a word is a frame of silence', async () => {
  expect(await speak(' ... ', 'slt')).toEqual(Buffer.alloc(FRAME_BYTES, 0xff));
});

test('what a call waits for goes before what is prepared ahead', async () => {
  const order: string[] = [];
  const ahead = Array.from({ length: 4 }, (_, i) =>
    speak(`This is prepared ahead, number ${i}.`, 'kal', 'idle').then(() => order.push('ahead')),
  );
  const wanted = speak('This is wanted.', 'kal').then(() => order.push('wanted'));
  await Promise.all([...ahead, wanted]);
  expect(order.indexOf('wanted')).toBeLessThanOrEqual(1);
});

test('a sentence that waits when the voices are closed is rejected, and they can speak again', async () => {
  const waiting = speak('This one will not be finished.', 'kal');
  const refused = expect(waiting).rejects.toThrow('closed');
  await closeVoices();
  await refused;
  expect((await speak('Once more.', 'kal')).length).toBeGreaterThan(FRAME_BYTES);
});

test('no caller pauses so long inside a line that it would be taken for its end', async () => {
  for (const { text, voice } of allCallerLines().slice(0, 6)) {
    let longest = 0;
    let run = 0;
    for (const frame of frames(await speak(text, voice)).slice(6, -6)) {
      run = isSpeech(frame) ? 0 : run + 1;
      longest = Math.max(longest, run);
    }
    expect(longest * 20, text).toBeLessThan(560);
  }
});

test('the voices never hold a process, and one that lost its worker in the middle of a sentence still says it', async () => {
  const script = `
    import { Worker } from 'node:worker_threads';
    const post = Worker.prototype.postMessage;
    let struck = false;
    Worker.prototype.postMessage = function (...args) {
      if (args[0]?.text !== undefined && !struck) { struck = true; void this.terminate(); return; }
      return post.apply(this, args);
    };
    const { speak } = await import(${source('src/sandbox/voices.ts')});
    const hold = setTimeout(() => undefined, 15_000);
    const audio = await speak('I am still here.', 'slt');
    clearTimeout(hold);
    process.stdout.write(JSON.stringify({ struck, bytes: audio.length }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [programFrom(script)], {
    timeout: 15_000,
  });
  const told = JSON.parse(stdout) as { struck: boolean; bytes: number };
  expect(told.struck).toBe(true);
  expect(told.bytes).toBeGreaterThan(FRAME_BYTES);
});
