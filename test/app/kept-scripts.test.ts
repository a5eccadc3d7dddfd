/** The record of a call names its script by a hash; whoever asks years later must find the words under it. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocalStore } from '../../src/adapters/store/local/index.ts';
import { createKeptScripts } from '../../src/app/kept-scripts.ts';
import type { Log, Store } from '../../src/app/ports.ts';
import { readPrompts } from '../../src/app/prompts.ts';
import { scriptFor } from '../../src/domain/compliance/scripts.ts';
import { handClock } from '../support/clock.ts';

const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const prompts = readPrompts((file) => readFileSync(file, 'utf8'), 'Acme Homes');
const ids = { objectId: () => randomBytes(12).toString('hex'), token: () => '' };

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-scripts-'));
  store = await openLocalStore({ dir, log });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

test('each script is kept once, and its hash is the hash of its words', async () => {
  const clock = handClock(Date.parse('2026-07-14T16:00:00Z'));
  const used = [scriptFor(['NY'], 'outbound'), scriptFor(['KY'], 'outbound'), scriptFor(['NY'], 'outbound')];
  // Two processes, as far as the store can tell.
  for (const keep of [0, 1].map(() => createKeptScripts({ store, clock, ids, prompts })))
    for (const script of used) {
      const { name, hash } = await keep(script);
      const [kept] = await store.collection('call_scripts').find({ filter: { hash } });
      expect(kept).toMatchObject({ name, hash });
      expect(
        createHash('sha256')
          .update(kept?.text ?? '')
          .digest('hex'),
      ).toBe(hash);
      expect(kept?.text).toContain('AI assistant');
    }
  expect(await store.collection('call_scripts').count({})).toBe(2);
});

test('a store that cannot take the words stops the call before it is dialled', async () => {
  const clock = handClock(0);
  const keep = createKeptScripts({ store, clock, ids, prompts });
  await store.close();
  await expect(keep(scriptFor(['NY'], 'outbound'))).rejects.toMatchObject({ code: 'store_unavailable' });
});
