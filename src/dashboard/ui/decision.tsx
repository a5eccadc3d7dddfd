/** dashboard/ui/decision: the gate's answer as people read it: verdict, every reason, local times, when it may change. */
import './decision.css';
import { Table } from '@mantine/core';
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import type { Decision } from '../../contract/index.ts';
import { formatMoment, formatWallClock, zoneName } from '../format.ts';
import { REASON, type Word } from '../words.ts';
import { Ago, Facts, Hash, Notice } from './pieces.tsx';

export const VERDICT: Record<Decision['verdict'], Word> = {
  allow: { label: 'Allowed', tone: 'good' },
  deny: { label: 'Refused', tone: 'bad' },
};

/** The answer in one box. `asked`: before the call ("may be called now"); otherwise about a call that was tried. */
export function DecisionNotice({ decision, asked = false }: { decision: Decision; asked?: boolean }) {
  const allowed = decision.verdict === 'allow';
  const title = allowed
    ? asked
      ? 'The gate would allow this call now'
      : 'The gate allowed this call'
    : asked
      ? 'The gate would refuse this call now'
      : 'The gate refused this call';
  return (
    <Notice
      tone={allowed ? 'good' : 'bad'}
      icon={allowed ? <IconShieldCheck size={20} /> : <IconShieldX size={20} />}
      title={title}
    >
      <p>{decision.explanation}</p>
      {allowed ? null : (
        <p>
          {decision.nextAllowedAt ? (
            <>
              Next allowed: <strong>{formatMoment(decision.nextAllowedAt)}</strong> your time.
            </>
          ) : (
            'Waiting will not change this.'
          )}
        </p>
      )}
    </Notice>
  );
}

/** Everything behind the answer. */
export function DecisionDetails({ decision }: { decision: Decision }) {
  return (
    <div className="decision">
      {decision.reasons.length > 1 ? (
        <>
          <h3>Every reason</h3>
          <ul>
            {decision.reasons.map((reason) => (
              <li key={reason}>
                {REASON[reason]} <code>{reason}</code>
              </li>
            ))}
          </ul>
        </>
      ) : null}
      <h3>{decision.zones.length > 1 ? 'Where the person may be' : 'Where the person is'}</h3>
      <Places decision={decision} />
    </div>
  );
}

/** The places the person may be in, each with its clock at the moment of the decision. */
export function Places({ decision }: { decision: Decision }) {
  if (decision.zones.length === 0) return <p className="muted">Not known.</p>;
  return (
    <Table fz="0.8125rem" verticalSpacing={4} horizontalSpacing={8}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col">State</Table.Th>
          <Table.Th scope="col">Clock of</Table.Th>
          <Table.Th scope="col">Local time</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {decision.zones.map((zone) => (
          <Table.Tr key={`${zone.state} ${zone.zone}`}>
            <Table.Td>{zone.state}</Table.Td>
            <Table.Td title={zone.zone}>{zoneName(zone.zone)}</Table.Td>
            <Table.Td className="num">{formatWallClock(zone.localTime)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** What makes the decision repeatable: when, by which rules, from which facts. `asked`: nothing was decided yet. */
export function DecisionEvidence({ decision, asked = false }: { decision: Decision; asked?: boolean }) {
  return (
    <Facts
      entries={[
        ['Decided', asked ? undefined : <Ago key="at" at={decision.decidedAt} />],
        ['Rules', <code key="rules">{decision.ruleVersion}</code>],
        ['Facts seen', <Hash key="hash" value={decision.inputsHash} what="hash of the facts" />],
        [
          'Permit',
          decision.permitId ? <Hash key="permit" value={decision.permitId} what="permit id" /> : undefined,
        ],
      ]}
    />
  );
}
