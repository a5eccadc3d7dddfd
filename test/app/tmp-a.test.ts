import { createHook } from 'node:async_hooks';
import { test } from 'vitest';
import { world } from '../support/world.ts';
const timers = new Map<number, string>();
const hook = createHook({ init(id, type) { if (type === 'Timeout') timers.set(id, new Error().stack ?? ''); }, destroy(id) { timers.delete(id); } });
test('x', async () => {
  Error.stackTraceLimit = 30;
  hook.enable();
  const here = await world({ brief: true });
  await new Promise((r) => setTimeout(r, 3000));
  console.log('waiting', here.clock.waiting);
  const count = new Map<string, number>();
  for (const s of timers.values()) { const k = s.split('\n').filter((l) => /\/src\/app|test\/support\/time/.test(l)).slice(0, 6).join('\n'); count.set(k, (count.get(k) ?? 0) + 1); }
  for (const [k, n] of count) if (k) console.log(n, k);
  await here.close();
}, 30000);
