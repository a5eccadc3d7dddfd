/** dashboard/pages/agents: the four agents at a glance, the texts they talk by, and how the platform asks Claude through us. */
import '../agents/agents.css';
import { Button } from '@mantine/core';
import { IconEye } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { AgentState } from '../../contract/index.ts';
import { PromptsInUse } from '../agents/prompts.tsx';
import { agentsQuery, llmQuery } from '../agents/queries.ts';
import { AGENT, decisionName, tilesOf } from '../agents/words.ts';
import { count, formatMoney } from '../format.ts';
import { useMay } from '../ui/may-act.ts';
import { Ago, Copy, Facts, Notice, Panel, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { Tiles } from '../ui/tile.tsx';

/** So many figures stand on a card; the page of the agent has all. */
const MOST_TILES = 4;

export function AgentsPage() {
  useTitle('Agents');
  const agents = useQuery(agentsQuery);
  const admin = useMay('ADMIN');
  return (
    <div className="page">
      <header className="page-head">
        <h1>Agents</h1>
      </header>
      {agents.error ? <ErrorNote error={agents.error} retry={() => agents.refetch()} /> : null}
      {agents.isPending ? <RowsSkeleton rows={4} /> : null}
      <Budget agents={agents.data ?? []} />
      <div className="agent-parts">
        <ul className="agents" aria-label="Agents">
          {agents.data?.map((agent) => (
            <li key={agent.agentType}>
              <AgentCard agent={agent} />
            </li>
          ))}
        </ul>
        <PromptsInUse />
        {admin ? <Endpoint /> : null}
      </div>
    </div>
  );
}

/** From this share of the day's budget on, somebody should know. */
const NEARLY = 0.8;

/** Callers hear it when Claude may not talk any more today. */
function Budget({ agents }: { agents: readonly AgentState[] }) {
  const budget = agents.find(({ state }) => state.talkBudget)?.state.talkBudget;
  if (!budget || budget.spent < NEARLY * budget.daily) return null;
  return (
    <Notice
      tone={budget.spent < budget.daily ? 'info' : 'warn'}
      title={`Claude’s answers on the phone cost ${formatMoney(budget.spent)} of ${formatMoney(budget.daily)} today (UTC)`}
    >
      <p>
        When the budget is used up, callers hear that it goes on tomorrow, and their calls end.
        TALKING_DAILY_BUDGET is where it is set.
      </p>
    </Notice>
  );
}

function AgentCard({ agent }: { agent: AgentState }) {
  const { name, does } = AGENT[agent.agentType];
  const tiles = tilesOf(agent.agentType, agent.metrics).slice(0, MOST_TILES);
  const [last] = agent.decisionHistory;
  const live = agent.state.activeContexts ?? 0;
  return (
    <article className="agent-card">
      <div>
        <h2>
          <Link to="/agents/$agentType" params={{ agentType: agent.agentType }}>
            {name}
          </Link>
        </h2>
        <p className="small muted">
          {does}
          {live > 0 ? ` ${count(live, 'call')} right now.` : ''}
        </p>
      </div>
      {tiles.length > 0 ? <Tiles tiles={tiles} /> : null}
      {last ? (
        <p className="small">
          Last: {decisionName(last.decision)}, <Ago at={last.timestamp} />
        </p>
      ) : (
        <p className="small muted">It has decided nothing yet.</p>
      )}
    </article>
  );
}

/** What to enter at the agent platform, for whoever sets it up. */
function Endpoint() {
  const [shown, setShown] = useState(false);
  const endpoint = useQuery({ ...llmQuery, enabled: shown });
  return (
    <Panel title="Claude as the agent’s model" id="llm">
      <p className="small">
        The agent platform can ask Claude through this service: enter the address and the secret as its custom
        LLM. Tokens, cache and delays then stand with the voice agent and with each call.
      </p>
      {endpoint.error ? <ErrorNote error={endpoint.error} retry={() => endpoint.refetch()} /> : null}
      {endpoint.data ? (
        <>
          {endpoint.data.model === undefined ? (
            <Notice tone="warn" title="Claude is not set up">
              <p>Set ANTHROPIC_API_KEY and start the service again. Until then it answers with 503.</p>
            </Notice>
          ) : null}
          <Facts
            entries={[
              [
                'Address',
                <span key="url" className="secret">
                  <code>{endpoint.data.url}</code> <Copy value={endpoint.data.url} what="address" />
                </span>,
              ],
              [
                'Secret',
                <span key="secret" className="secret">
                  <code>{endpoint.data.secret}</code> <Copy value={endpoint.data.secret} what="secret" />
                </span>,
              ],
              ['Model', endpoint.data.model],
            ]}
          />
        </>
      ) : (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconEye size={14} />}
          loading={shown && endpoint.isPending}
          onClick={() => setShown(true)}
        >
          Show address and secret
        </Button>
      )}
    </Panel>
  );
}
