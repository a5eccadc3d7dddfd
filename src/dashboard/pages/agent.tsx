/** dashboard/pages/agent: one agent: its figures over the days, what it decided and why, and what it learned. */
import '../agents/agents.css';
import { Button } from '@mantine/core';
import { IconRobot } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { type AgentDecision, type AgentLearning, type AgentState, AgentType } from '../../contract/index.ts';
import { agentQuery } from '../agents/queries.ts';
import { AGENT, DECISION_OUTCOME, decisionName, tilesOf } from '../agents/words.ts';
import { formatCount, formatMoney, formatMs, formatShare } from '../format.ts';
import { BarsChart, LineChart } from '../ui/charts.tsx';
import type { Series } from '../ui/hues.ts';
import { Ago, Hash, Panel, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { Tiles } from '../ui/tile.tsx';
import { endReason } from '../words.ts';
import { NotFoundPage } from './not-found.tsx';

export function AgentPage() {
  const { agentType } = useParams({ from: '/agents/$agentType' });
  const type = AgentType.safeParse(agentType).data;
  return type ? <Agent type={type} /> : <NotFoundPage />;
}

function Agent({ type }: { type: AgentType }) {
  const { name, does } = AGENT[type];
  useTitle(name);
  const agent = useQuery(agentQuery(type));
  return (
    <div className="page">
      <header className="page-head">
        <h1>{name}</h1>
        <span className="grow" />
        <Link to="/agents">All agents</Link>
      </header>
      <p className="muted agent-does">{does}</p>
      {agent.error ? <ErrorNote error={agent.error} retry={() => agent.refetch()} /> : null}
      {agent.isPending ? <RowsSkeleton /> : null}
      {agent.data ? <Told agent={agent.data} /> : null}
    </div>
  );
}

function Told({ agent }: { agent: AgentState }) {
  const tiles = tilesOf(agent.agentType, agent.metrics);
  const versions = Object.entries(agent.knowledgeVersions);
  if (tiles.length === 0 && agent.decisionHistory.length === 0) {
    return (
      <Empty icon={<IconRobot size={36} stroke={1.4} />} title="Nothing yet">
        Its figures and decisions come with the first {agent.agentType === 'realty' ? 'valuation' : 'call'}.
      </Empty>
    );
  }
  return (
    <div className="agent-parts">
      {tiles.length > 0 ? <Tiles tiles={tiles} /> : null}
      {agent.days.length > 0 ? (
        <Panel title="By day" id="days">
          <div className="agent-charts">
            <Days agent={agent} />
          </div>
        </Panel>
      ) : null}
      {versions.length > 0 ? (
        <Panel title="Knowledge it used" id="knowledge">
          <ul className="tags">
            {versions.map(([key, version]) => (
              <li key={key} className="tag">
                <Link to="/knowledge/$key" params={{ key }}>
                  {key}
                </Link>{' '}
                {version}
              </li>
            ))}
          </ul>
        </Panel>
      ) : null}
      {agent.learnings.length > 0 ? (
        <Panel title="Learned" id="learned">
          <ul className="decisions">
            {agent.learnings.map((learning) => (
              <LearningItem key={learning.proposalId} learning={learning} />
            ))}
          </ul>
        </Panel>
      ) : null}
      <Decisions all={agent.decisionHistory} />
    </div>
  );
}

const FEW = 12;

/** The newest; the others when they are asked for. */
function Decisions({ all }: { all: readonly AgentDecision[] }) {
  const [isWhole, setWhole] = useState(false);
  return (
    <Panel
      title="Decisions"
      id="decisions"
      aside={<span className="small muted">the last 100 are kept</span>}
    >
      {all.length === 0 ? <p className="small muted">None yet.</p> : null}
      <ul className="decisions">
        {all.slice(0, isWhole ? all.length : FEW).map((decision) => (
          <DecisionItem
            key={[
              decision.timestamp,
              decision.decision,
              decision.callId,
              decision.atSec,
              decision.output,
            ].join(' ')}
            decision={decision}
          />
        ))}
      </ul>
      {all.length > FEW && !isWhole ? (
        <Button variant="default" size="xs" onClick={() => setWhole(true)}>
          Show all {all.length}
        </Button>
      ) : null}
    </Panel>
  );
}

/** Days are counted in UTC. */
const dayOf = new Intl.DateTimeFormat('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });

/** The pictures for which there are figures. */
function Days({ agent }: { agent: AgentState }) {
  const { days } = agent;
  const labels = days.map(({ day }) => dayOf.format(new Date(day)));
  const chart = (
    title: string,
    series: readonly Series[],
    format: (value: number) => string = formatCount,
  ) => {
    if (!series.some(({ values }) => values.some((value) => value !== null))) return null;
    const figures = {
      columns: ['Day', ...series.map(({ name }) => name)],
      rows: days.map(({ day }, at) => [
        day,
        ...series.map(({ values }) => {
          const value = values[at];
          return value === null || value === undefined ? '–' : format(value);
        }),
      ]),
    };
    const says = `${title}, ${days.length} ${days.length === 1 ? 'day' : 'days'}`;
    const isTime = format === formatMs && days.length > 1;
    return (
      <div key={title}>
        <h3>{title}</h3>
        {isTime ? (
          <LineChart
            says={says}
            instants={days.map(({ day }) => `${day}T12:00:00Z`)}
            series={series}
            figures={figures}
            format={format}
          />
        ) : (
          <BarsChart says={says} labels={labels} series={series} figures={figures} format={format} />
        )}
      </div>
    );
  };
  const of = (name: keyof (typeof days)[number]): (number | null)[] =>
    days.map((day) => {
      const value = day[name];
      return typeof value === 'number' ? value : null;
    });
  return (
    <>
      {chart('Requests', [{ name: 'Requests', hue: 'accent', values: of('totalRequests') }])}
      {chart(
        'Delay',
        [
          { name: 'Reply heard', hue: 'accent' as const, values: of('avgResponseTime') },
          { name: 'First word of Claude', hue: 'fair' as const, values: of('avgFirstToken') },
        ].filter(({ values }) => values.some((value) => value !== null)),
        formatMs,
      )}
      {chart('Look-ups', [
        { name: 'Found', hue: 'good', values: of('knowledgeBaseHits') },
        { name: 'Not found', hue: 'slow', values: of('knowledgeBaseMisses') },
      ])}
      {chart('Tokens read', [
        { name: 'From the cache', hue: 'good', values: of('cacheReadTokens') },
        { name: 'Anew', hue: 'fair', values: of('inputTokens') },
      ])}
      {chart('Cost', [{ name: 'Cost', hue: 'accent', values: of('totalCost') }], formatMoney)}
    </>
  );
}

function DecisionItem({ decision }: { decision: AgentDecision }) {
  const { callId, atSec, outcome, confidence } = decision;
  return (
    <li>
      <div className="decision-head">
        <strong>{decisionName(decision.decision)}</strong>
        {outcome ? <Pill word={DECISION_OUTCOME[outcome]} /> : null}
        {confidence === undefined ? null : (
          <span className="small muted">{formatShare(confidence)} sure</span>
        )}
        <Ago at={decision.timestamp} />
        {callId ? (
          <Link
            to="/calls/$callId"
            params={{ callId }}
            search={atSec === undefined ? {} : { t: Math.floor(atSec) }}
          >
            {atSec === undefined ? 'The call' : 'That moment of the call'}
          </Link>
        ) : null}
      </div>
      {decision.input ? (
        <p>{decision.decision === 'conclude' ? endReason(decision.input) : decision.input}</p>
      ) : null}
      <p className="muted">{decision.reasoning}</p>
      {decision.output ? <p>{decision.output}</p> : null}
    </li>
  );
}

function LearningItem({ learning }: { learning: AgentLearning }) {
  const { improvement, callId } = learning;
  return (
    <li>
      <div className="decision-head">
        <Pill
          word={
            learning.incorporated ? { label: 'In use', tone: 'good' } : { label: 'Proposed', tone: 'info' }
          }
        />
        <Ago at={learning.timestamp} />
        <Link to="/knowledge/$key" params={{ key: learning.key }}>
          {learning.key}
        </Link>
        <Link to="/calls/$callId" params={{ callId }}>
          A call that shows it
        </Link>
        <Hash value={learning.proposalId} what="proposal" shown={6} />
      </div>
      <p>{learning.insight}</p>
      {improvement === undefined ? null : (
        <p className="muted">
          Look-ups that settled the matter: {improvement >= 0 ? '+' : '−'}
          {Math.abs(Math.round(improvement * 100))} percentage points since.
        </p>
      )}
    </li>
  );
}
