/**
 * app/kept-scripts: the words of every script that was used, kept once under the hash that stands in the records of the
 * calls (16 CFR 310.5(a)(1): each substantially different script, five years after its last use; these stay for ever).
 */
import type { ScriptRef } from '../domain/call.ts';
import type { Script } from '../domain/compliance/scripts.ts';
import { isFailure } from '../domain/errors.ts';
import type { Clock, Ids, Store } from './ports.ts';
import { type Prompts, scriptRef, scriptText } from './prompts.ts';

/** `words`: those of the call's campaign, where it has its own. */
export type KeepScript = (script: Script, words?: Prompts) => Promise<ScriptRef>;

/** Answers once the script's words are in the store. Throws what the store throws. */
export function createKeptScripts({
  store,
  clock,
  ids,
  prompts,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly prompts: Prompts;
}): KeepScript {
  const kept = new Set<string>();
  return async (script, words = prompts) => {
    const ref = scriptRef(words, script);
    if (kept.has(ref.hash)) return ref;
    const now = new Date(clock.nowMs());
    const text = scriptText(words, script);
    try {
      await store
        .collection('call_scripts')
        .insert({ _id: ids.objectId(), ...ref, text, createdAt: now, updatedAt: now });
    } catch (error) {
      if (!isFailure(error, 'duplicate_key')) throw error;
    }
    kept.add(ref.hash);
    return ref;
  };
}
