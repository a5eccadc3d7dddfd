/** app/prompts-in-use: the texts by which the agents talk and understand, by name and hash, and how often each was used. */
import { sha256Hex } from '../domain/canonical.ts';
import type { Store } from './ports.ts';
import { PROMPTS, type Prompts } from './prompts.ts';

export interface PromptInUse {
  /** `script`: what calls were to say; `sentence`: a text of ours; `model`: what Claude is told. */
  readonly kind: 'script' | 'sentence' | 'model';
  readonly name: string;
  readonly version?: string;
  readonly hash: string;
  readonly text?: string;
  /** Calls that were made with it, or understood by it; absent where nobody counts. */
  readonly calls?: number;
  readonly lastUsedAt?: Date;
}

/** What a model is told. */
export interface ModelPrompt {
  readonly name: string;
  readonly version: string;
  readonly promptHash: string;
}

/** Scripts that are shown, the newest first. */
const MOST_SCRIPTS = 50;

export function createPromptsInUse({
  store,
  prompts,
  models,
}: {
  readonly store: Store;
  readonly prompts: Prompts;
  readonly models: readonly ModelPrompt[];
}) {
  const calls = store.collection('calls');
  const analyses = store.collection('call_analyses');

  return async (): Promise<readonly PromptInUse[]> => {
    const scripts = await store
      .collection('call_scripts')
      .find({ sort: { createdAt: -1 }, limit: MOST_SCRIPTS });
    const used = await Promise.all(
      scripts.map(async ({ name, hash, text, createdAt }): Promise<PromptInUse> => {
        const filter = { promptHash: hash };
        const [last] = await calls.find({ filter, sort: { initiatedAt: -1 }, limit: 1 });
        const lastUsedAt = last?.initiatedAt ?? createdAt;
        return { kind: 'script', name, hash, text, calls: await calls.count(filter), lastUsedAt };
      }),
    );
    const asked = await Promise.all(
      models.map(async ({ name, version, promptHash: hash }): Promise<PromptInUse> => {
        const filter = { 'origin.promptHash': hash };
        return { kind: 'model', name, version, hash, calls: await analyses.count(filter) };
      }),
    );
    const sentences = PROMPTS.map(
      (name): PromptInUse => ({
        kind: 'sentence',
        name,
        hash: sha256Hex(prompts[name]),
        text: prompts[name],
      }),
    );
    return [...used, ...asked, ...sentences];
  };
}
