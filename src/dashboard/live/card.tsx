/** dashboard/live/card: one live call among many: who, since when, how it goes, the last that was said. */
import { IconMicrophone, IconPhoneIncoming, IconPhoneOutgoing } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { memo } from 'react';
import type { Call } from '../../contract/index.ts';
import { formatPhone } from '../format.ts';
import type { Said } from '../live.ts';
import { campaignsQuery } from '../queries.ts';
import { Ago, Pill, Running, useNow } from '../ui/pieces.tsx';
import { useCallerName } from '../ui/who.ts';
import { DIRECTION, STATUS } from '../words.ts';
import { lookOf } from './signs.ts';

const SECOND = 1_000;
const LINES = 2;

/** Of two hundred cards only those are drawn anew whose call or words changed. */
export const LiveCard = memo(function LiveCard(props: {
  readonly call: Call;
  readonly said: Said | undefined;
  readonly chosen: boolean;
  readonly choose: (callId: string) => void;
}) {
  const { call, said, chosen, choose } = props;
  const name = useCallerName(call) ?? formatPhone(call.contactPhone);
  const campaigns = useQuery(campaignsQuery).data;
  const campaign = campaigns?.find(({ id }) => id === call.campaignId)?.name;
  const look = lookOf(call, said?.signs, said?.atMs, useNow(SECOND));
  const Icon = call.direction === 'inbound' ? IconPhoneIncoming : IconPhoneOutgoing;
  return (
    <button
      type="button"
      className="live-card"
      data-call={call.id}
      data-tone={look.tone}
      aria-pressed={chosen}
      onClick={() => choose(call.id)}
    >
      <span className="live-card-head">
        <Icon size={15} stroke={1.7} aria-hidden="true" />
        <span className="sr">{DIRECTION[call.direction]}</span>
        <strong>{name}</strong>
        <span className="grow" />
        <span className="num muted">
          {call.answeredAt ? <Running since={call.answeredAt} /> : <Ago at={call.initiatedAt} />}
        </span>
      </span>
      <span className="live-card-state">
        {call.answeredAt ? null : <Pill word={STATUS[call.status]} />}
        {call.takenOver ? (
          <span className="pill" data-tone="info">
            <IconMicrophone size={13} aria-hidden="true" /> {call.takenOver.name}
          </span>
        ) : null}
        {look.why.map((why) => (
          <span className="pill" data-tone={look.tone} key={why}>
            {why}
          </span>
        ))}
        {campaign ? <span className="muted small">{campaign}</span> : null}
      </span>
      <span className="live-card-words">
        {said?.messages.slice(-LINES).map((message) => (
          <span
            className="live-card-line"
            data-speaker={message.speaker}
            key={`${message.timestamp} ${message.speaker} ${message.turn}`}
          >
            <span className="sr">
              {message.speaker === 'agent' ? 'Agent: ' : message.speaker === 'user' ? 'Caller: ' : ''}
            </span>
            {message.text}
          </span>
        ))}
      </span>
    </button>
  );
});
