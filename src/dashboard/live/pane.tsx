/** dashboard/live/pane: one live call of the wall, opened: everything that is said, and everything one can do. */
import { CloseButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Call } from '../../contract/index.ts';
import { conversation } from '../call/conversation.ts';
import { createPlayback } from '../call/playback.ts';
import { TranscriptView } from '../call/transcript-view.tsx';
import { formatPhone } from '../format.ts';
import { eventsQuery, transcriptQuery } from '../queries.ts';
import { PhoneNumber, Pill, Running } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { useCallerName } from '../ui/who.ts';
import { DIRECTION, STATUS } from '../words.ts';
import { LiveTools } from './tools.tsx';

const NOTHING = new Map<number, never>();

export function LivePane(props: {
  readonly call: Call;
  readonly close: () => void;
  readonly onSpeaking: (speaking: boolean) => void;
}) {
  const { call } = props;
  const name = useCallerName(call);
  const shown = name ?? formatPhone(call.contactPhone);
  const transcript = useQuery(transcriptQuery(call.id, false));
  const events = useQuery(eventsQuery(call.id, false));
  const [playback] = useState(() => createPlayback(undefined));
  const items = useMemo(
    () => conversation(transcript.data?.messages ?? [], events.data ?? [], call.answeredAt),
    [transcript.data, events.data, call.answeredAt],
  );
  return (
    <section className="live-pane" aria-label={`Call with ${shown}`}>
      <header className="live-pane-head">
        <h2>{shown}</h2>
        <Pill word={STATUS[call.status]} />
        <span className="grow" />
        <CloseButton aria-label="Close this call" onClick={props.close} />
      </header>
      <p className="live-facts">
        {name ? <PhoneNumber phone={call.contactPhone} /> : null}
        <span>{DIRECTION[call.direction]}</span>
        {call.answeredAt ? (
          <span>
            Talking for <Running since={call.answeredAt} />
          </span>
        ) : null}
        <Link to="/calls/$callId" params={{ callId: call.id }}>
          Open the call’s page
        </Link>
      </p>
      <LiveTools key={call.id} call={call} name={shown} ends onSpeaking={props.onSpeaking} />
      {transcript.error ? <ErrorNote error={transcript.error} retry={() => transcript.refetch()} /> : null}
      {transcript.isPending ? (
        <RowsSkeleton rows={3} />
      ) : (
        <TranscriptView
          items={items}
          callerName={name ?? 'Caller'}
          live
          playback={playback}
          seek={undefined}
          moments={NOTHING}
        />
      )}
    </section>
  );
}
