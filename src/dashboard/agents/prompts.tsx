/** dashboard/agents/prompts: the texts by which the agents talk and understand: name, version, hash, and how often used. */
import './agents.css';
import { useQuery } from '@tanstack/react-query';
import type { PromptInUse } from '../../contract/index.ts';
import { count, humanise } from '../format.ts';
import { Ago, Hash, Panel } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { promptsQuery } from './queries.ts';

const KINDS = [
  ['script', 'What calls begin with', 'call'],
  ['model', 'What Claude is told', 'analysis'],
  ['sentence', 'Sentences of our own', 'call'],
] as const;

const used = (prompt: PromptInUse, what: string): string =>
  prompt.calls === undefined
    ? ''
    : what === 'analysis'
      ? `${prompt.calls.toLocaleString('en-US')} ${prompt.calls === 1 ? 'analysis' : 'analyses'}`
      : count(prompt.calls, what);

export function PromptsInUse() {
  const prompts = useQuery(promptsQuery);
  return (
    <Panel title="Prompts in use" id="prompts">
      {prompts.error ? <ErrorNote error={prompts.error} retry={() => prompts.refetch()} /> : null}
      {prompts.isPending ? <RowsSkeleton rows={3} /> : null}
      {KINDS.map(([kind, title, what]) => {
        const own = prompts.data?.filter((prompt) => prompt.kind === kind) ?? [];
        if (own.length === 0) return null;
        return (
          <section key={kind} aria-label={title}>
            <h3>{title}</h3>
            <ul className="decisions">
              {own.map((prompt) => (
                <li key={`${prompt.name} ${prompt.hash}`}>
                  <div className="decision-head">
                    <strong>{prompt.version ?? humanise(prompt.name)}</strong>
                    <Hash value={prompt.hash} what="hash" shown={8} />
                    <span className="small muted">{used(prompt, what)}</span>
                    {prompt.lastUsedAt ? (
                      <span className="small muted">
                        last <Ago at={prompt.lastUsedAt} />
                      </span>
                    ) : null}
                  </div>
                  {prompt.text ? (
                    <details>
                      <summary className="small">The words</summary>
                      <pre className="prompt-text">{prompt.text}</pre>
                    </details>
                  ) : null}
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </Panel>
  );
}
