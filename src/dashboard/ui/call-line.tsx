/** dashboard/ui/call-line: one call in a line: who, how it stands, since when. */
import { Link } from '@tanstack/react-router';
import type { Call } from '../../contract/index.ts';
import { formatPhone } from '../format.ts';
import { STATUS } from '../words.ts';
import { Ago, Pill, Running } from './pieces.tsx';
import { useCallerName } from './who.ts';

export function CallLine({ call }: { call: Call }) {
  const name = useCallerName(call);
  return (
    <span className="call-line">
      <Link to="/calls/$callId" params={{ callId: call.id }}>
        {name ?? formatPhone(call.contactPhone)}
      </Link>
      <span className="grow" />
      <span className="muted small">
        {call.answeredAt ? <Running since={call.answeredAt} /> : <Ago at={call.initiatedAt} />}
      </span>
      <Pill word={STATUS[call.status]} />
    </span>
  );
}
