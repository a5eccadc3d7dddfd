/** dashboard/ui/decision: the gate's answer as people read it: verdict, every reason, local times, when it may change. */
import { IconShieldCheck, IconShieldX } from '@tabler/icons-react';
import type { Decision } from '../../contract/index.ts';
import { formatMoment } from '../format.ts';
import { REASON } from '../words.ts';
import { Notice } from './pieces.tsx';

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
      {decision.zones.length > 0 ? (
        <table className="mini">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Time zone</th>
              <th scope="col">Local time</th>
            </tr>
          </thead>
          <tbody>
            {decision.zones.map((zone) => (
              <tr key={`${zone.state} ${zone.zone}`}>
                <td>{zone.state}</td>
                <td>{zone.zone.replaceAll('_', ' ')}</td>
                <td className="num">{zone.localTime}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="muted">Not known.</p>
      )}
    </div>
  );
}
