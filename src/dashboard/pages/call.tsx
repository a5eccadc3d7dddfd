/** dashboard/pages/call: one call: who, how it went, what was said, why it was allowed, how the line was. */
import '../schemas.ts';
import '../call/call.css';
import '../ui/record.css';
import { Button, Skeleton } from '@mantine/core';
import {
  IconArrowLeft,
  IconDownload,
  IconLink,
  IconListSearch,
  IconPhoneIncoming,
  IconPhoneOff,
  IconPhoneOutgoing,
  IconTestPipe,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, startTransition, useCallback, useEffect, useMemo, useState } from 'react';
import type { Call, CallEvent, CallReview, TranscriptMessage } from '../../contract/index.ts';
import { callFiles } from '../api.ts';
import { conversation } from '../call/conversation.ts';
import { CorrectWords } from '../call/correct-words.tsx';
import { EventList } from '../call/event-list.tsx';
import { LatencyChart } from '../call/latency-chart.tsx';
import { marksOf } from '../call/marks.ts';
import { useNeighbours } from '../call/neighbours.ts';
import { Person } from '../call/person.tsx';
import { createPlayback, type Playback, usePlaying } from '../call/playback.ts';
import { Player } from '../call/player.tsx';
import { Review } from '../call/review.tsx';
import { silencesOf } from '../call/sound.ts';
import { Spoke } from '../call/spoke.tsx';
import { Talk } from '../call/talk.tsx';
import { Track } from '../call/track.tsx';
import { TranscriptView } from '../call/transcript-view.tsx';
import { FollowUps, Understanding } from '../call/understanding.tsx';
import { STAGE } from '../campaign/words.ts';
import { formatDate, formatLength, formatMoney, formatPhone, hasNumber } from '../format.ts';
import { EndCall } from '../live/deeds.tsx';
import { LiveTools } from '../live/tools.tsx';
import { useLive } from '../live.ts';
import {
  callQuery,
  campaignQuery,
  eventsQuery,
  isSettling,
  leadQuery,
  reviewQuery,
  transcriptQuery,
  waveformQuery,
} from '../queries.ts';
import { DecisionDetails, DecisionEvidence, DecisionNotice } from '../ui/decision.tsx';
import { useMay, useMayAct } from '../ui/may-act.ts';
import {
  Ago,
  Copy,
  Facts,
  Hash,
  Length,
  Notice,
  Panel,
  PhoneNumber,
  Pill,
  Running,
  useTitle,
} from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { COMPLETENESS, DIRECTION, ERASED, endReason, fullName, isOver, OUTCOME, STATUS } from '../words.ts';

const MakeTest = lazy(() => import('../call/make-test.tsx').then((file) => ({ default: file.MakeTest })));

export function CallPage() {
  const { callId } = useParams({ from: '/calls/$callId' });
  const { t } = useSearch({ from: '/calls/$callId' });
  const call = useQuery(callQuery(callId));
  useNeighbours(callId);
  return (
    <div className="page">
      <Link to="/calls" className="back">
        <IconArrowLeft size={15} aria-hidden="true" /> Calls
      </Link>
      {call.error ? (
        <>
          <h1>Call</h1>
          <ErrorNote error={call.error} retry={() => call.refetch()} />
        </>
      ) : null}
      {call.isPending ? (
        <div role="status" aria-label="Loading">
          <Skeleton height={56} mb="lg" />
          <RowsSkeleton />
        </div>
      ) : null}
      {call.data ? <CallView key={callId} call={call.data} first={t} /> : null}
    </div>
  );
}

const NOBODY: CallReview['comments'] = [];
const NOTHING: readonly TranscriptMessage[] = [];
const NO_EVENTS: readonly CallEvent[] = [];

/** True behind the first picture that was drawn with `ready`: what can wait holds up nothing that cannot. */
function useBehind(ready: boolean): boolean {
  const [isBehind, setBehind] = useState(false);
  useEffect(() => {
    if (!ready) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const frame = requestAnimationFrame(() => {
      timer = setTimeout(() => startTransition(() => setBehind(true)));
    });
    return () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
  }, [ready]);
  return isBehind;
}

/** `first`: the second that the address names. */
function CallView({ call, first }: { call: Call; first: number | undefined }) {
  const { connection } = useLive();
  const over = isOver(call);
  const settling = isSettling(call, Date.now());
  const denied = call.status === 'denied';
  const transcript = useQuery({ ...transcriptQuery(call.id, settling), enabled: !denied });
  const events = useQuery(eventsQuery(call.id, settling));
  const lead = useQuery({ ...leadQuery(call.leadId ?? ''), enabled: call.leadId !== undefined }).data;
  const name = lead && fullName(lead);
  const waveform = useQuery(waveformQuery(call)).data;
  const comments = useQuery({ ...reviewQuery(call.id), enabled: !denied }).data?.comments ?? NOBODY;
  const [playback] = useState(() => createPlayback(first));
  useEffect(() => {
    if (first !== undefined && playback.sec !== first) playback.seek(first);
  }, [first, playback]);
  useTitle(name ?? formatPhone(call.contactPhone));

  const messages = transcript.data?.messages ?? NOTHING;
  const items = useMemo(
    () => conversation(messages, events.data ?? NO_EVENTS, call.answeredAt),
    [messages, events.data, call.answeredAt],
  );
  const marks = useMemo(() => marksOf(items, call, comments), [items, call, comments]);
  const silences = useMemo(() => (waveform ? silencesOf(waveform) : []), [waveform]);
  const moments = useMemo(() => {
    const found = new Map<number, NonNullable<Call['keyMoments']>>();
    for (const moment of call.keyMoments ?? [])
      found.set(moment.messageIndex, [...(found.get(moment.messageIndex) ?? []), moment]);
    return found;
  }, [call.keyMoments]);
  const mayCorrect = useMay('ANALYST') && over && !call.erasedAt;
  const [correcting, setCorrecting] = useState<number>();
  const corrected = correcting === undefined ? undefined : transcript.data?.messages[correcting];
  const isBehind = useBehind(denied || !transcript.isPending);
  const seek = useCallback((sec: number) => playback.seek(sec, true), [playback]);
  const durationSec = waveform?.durationSec ?? call.recordingDuration ?? call.talkTime ?? call.duration ?? 0;
  const files = callFiles(call.id);

  return (
    <>
      <Header call={call} name={name} />
      {!over && connection === 'reconnecting' ? (
        <Notice tone="warn" title="Reconnecting …">
          The live view is interrupted; the call itself is not. What was said meanwhile will appear here.
        </Notice>
      ) : null}
      {call.erasedAt ? (
        <Notice
          tone="quiet"
          title={`Erased on ${formatDate(call.erasedAt)}, because the person asked for it`}
        >
          <p>
            The recording and every word are gone. That the call was made, when, and why it was allowed must
            be kept.
          </p>
        </Notice>
      ) : null}
      {denied && call.complianceDecision ? <DecisionNotice decision={call.complianceDecision} /> : null}
      <div className="call-grid">
        <div className="call-main">
          {denied ? (
            <Gate call={call} />
          ) : (
            <Panel
              id="conversation"
              title="Conversation"
              aside={call.completeness ? <CompletenessPill call={call} /> : null}
            >
              {over && durationSec > 0 ? (
                <Track
                  call={call}
                  durationSec={durationSec}
                  items={items}
                  marks={marks}
                  waveform={waveform}
                  silences={silences}
                  callerName={name ?? 'Caller'}
                  playback={playback}
                />
              ) : null}
              {call.hasRecording ? (
                <Player
                  source={files.recording}
                  playback={playback}
                  durationSec={durationSec}
                  silences={silences}
                  waits={!isBehind}
                />
              ) : null}
              {over && !call.hasRecording && settling ? (
                <p className="muted small">The recording is being put together …</p>
              ) : null}
              {transcript.error ? (
                <ErrorNote error={transcript.error} retry={() => transcript.refetch()} />
              ) : null}
              {transcript.isPending ? (
                <RowsSkeleton rows={4} />
              ) : (
                <TranscriptView
                  items={items}
                  callerName={name ?? 'Caller'}
                  live={!over}
                  playback={playback}
                  seek={call.hasRecording ? seek : undefined}
                  moments={moments}
                  correct={mayCorrect ? setCorrecting : undefined}
                />
              )}
              {correcting === undefined || !corrected ? null : (
                <CorrectWords
                  callId={call.id}
                  messageIndex={correcting}
                  message={corrected}
                  close={() => setCorrecting(undefined)}
                />
              )}
              <Exports files={files} recording={call.hasRecording} name={call.id} />
              <ShareMoment callId={call.id} playback={playback} />
              {mayCorrect && call.analysis ? <TestFromCall callId={call.id} /> : null}
            </Panel>
          )}
          {denied || !isBehind ? null : (
            <div className="understood">
              <Understanding call={call} messages={messages} items={items} playback={playback} />
            </div>
          )}
          {events.error ? <ErrorNote error={events.error} retry={() => events.refetch()} /> : null}
          {events.data ? <EventList events={events.data} /> : null}
        </div>
        <aside className="call-side" aria-label="About this call">
          {over ? null : (
            <Panel id="live" title="Live">
              <LiveTools call={call} name={name ?? formatPhone(call.contactPhone)} ends={false} />
            </Panel>
          )}
          {isBehind ? (
            <>
              <Review callId={call.id} playback={playback} />
              {call.followUpActions.length > 0 ? (
                <FollowUps call={call} messages={messages} playback={playback} />
              ) : null}
              {call.latency.perTurnMs.length > 0 ? (
                <Panel id="latency" title="Reply times">
                  <LatencyChart perTurnMs={call.latency.perTurnMs} medianMs={call.latency.medianMs} />
                </Panel>
              ) : null}
              {denied ? null : <Gate call={call} />}
              <Talk call={call} waveform={waveform} silences={silences} playback={playback} />
              <Spoke call={call} events={events.data ?? NO_EVENTS} />
              <Cost call={call} />
              <Person call={call} />
              <Ids call={call} />
            </>
          ) : null}
        </aside>
      </div>
    </>
  );
}

function Header({ call, name }: { call: Call; name: string | undefined }) {
  const over = isOver(call);
  const Icon = call.direction === 'inbound' ? IconPhoneIncoming : IconPhoneOutgoing;
  return (
    <header className="call-head">
      <div className="call-title">
        <h1>{name ?? formatPhone(call.contactPhone)}</h1>
        <Pill word={STATUS[call.status]} />
        {call.outcome ? <Pill word={OUTCOME[call.outcome]} /> : null}
        {call.erasedAt ? <Pill word={ERASED} /> : null}
        <span className="grow" />
        {over ? null : <EndButton call={call} name={name} />}
      </div>
      <p className="call-facts">
        {name ? <PhoneNumber phone={call.contactPhone} /> : null}
        <span className="with-icon">
          <Icon size={15} stroke={1.7} aria-hidden="true" />
          {DIRECTION[call.direction]}
        </span>
        <span>
          Started <Ago at={call.initiatedAt} />
        </span>
        {over ? null : call.answeredAt ? (
          <span>
            Talking for <Running since={call.answeredAt} />
          </span>
        ) : null}
        {over && call.duration ? (
          <span>
            Duration <Length seconds={call.duration} />
          </span>
        ) : null}
        {over && call.endReason ? <span>{endReason(call.endReason)}</span> : null}
        {call.cost ? <span className="num">{formatMoney(call.cost.totalCost)}</span> : null}
        {call.campaignId ? <CampaignLink campaignId={call.campaignId} step={call.campaignStep} /> : null}
        {call.leadId ? (
          <Link to="/leads/$leadId" params={{ leadId: call.leadId }}>
            Open the lead
          </Link>
        ) : null}
        {call.script ? (
          <span className="with-copy">
            Script {call.script.name} <Hash value={call.script.hash} what="hash of the script" shown={8} />
          </span>
        ) : null}
        <span className="with-copy">
          Call <Hash value={call.id} what="call id" shown={8} />
        </span>
      </p>
    </header>
  );
}

/** What the campaign called for: "First contact, try 2". */
const stepName = ({ stage, step }: NonNullable<Call['campaignStep']>): string =>
  stage === 'callback'
    ? STAGE.callback.label
    : `${STAGE[stage].label}, ${stage === 'initial' ? 'try' : 'step'} ${step + 1}`;

function CampaignLink({ campaignId, step }: { campaignId: string; step: Call['campaignStep'] }) {
  const campaign = useQuery(campaignQuery(campaignId));
  if (!campaign.data) return null;
  return (
    <span>
      <Link to="/campaigns/$campaignId" params={{ campaignId }}>
        {campaign.data.name}
      </Link>
      {step ? ` · ${stepName(step)}` : null}
    </span>
  );
}

function TestFromCall({ callId }: { callId: string }) {
  const [making, setMaking] = useState(false);
  return (
    <p className="exports">
      <IconTestPipe size={15} stroke={1.7} aria-hidden="true" />
      <button type="button" className="jump" onClick={() => setMaking(true)}>
        Make a test from this call …
      </button>
      <Suspense fallback={null}>
        {making ? <MakeTest callId={callId} close={() => setMaking(false)} /> : null}
      </Suspense>
    </p>
  );
}

function EndButton({ call, name }: { call: Call; name: string | undefined }) {
  const [asking, setAsking] = useState(false);
  if (!useMayAct()) return null;
  return (
    <>
      <Button color="red.9" leftSection={<IconPhoneOff size={16} />} onClick={() => setAsking(true)}>
        End call
      </Button>
      {asking ? (
        <EndCall call={call} name={name ?? formatPhone(call.contactPhone)} close={() => setAsking(false)} />
      ) : null}
    </>
  );
}

function CompletenessPill({ call }: { call: Call }) {
  if (!call.completeness) return null;
  const word = COMPLETENESS[call.completeness];
  return (
    <details className="badge-more">
      <summary>
        <Pill word={word} />
      </summary>
      <p>{word.meaning}</p>
    </details>
  );
}

function Exports({
  files,
  recording,
  name,
}: {
  files: ReturnType<typeof callFiles>;
  recording: boolean;
  name: string;
}) {
  const links: readonly (readonly [label: string, href: string, file: string])[] = [
    ['Text', files.text, `call-${name}.txt`],
    ['JSON', files.json, `call-${name}.json`],
    ['CSV', files.csv, `call-${name}.csv`],
    ['Subtitles', files.subtitles, `call-${name}.vtt`],
    ...(recording ? ([['Audio (WAV)', files.recording, `call-${name}.wav`]] as const) : []),
  ];
  return (
    <p className="exports">
      <IconDownload size={15} stroke={1.7} aria-hidden="true" />
      <span>Export</span>
      {links.map(([label, href, file]) => (
        <a key={label} href={href} download={file}>
          {label}
        </a>
      ))}
    </p>
  );
}

function Gate({ call }: { call: Call }) {
  const decision = call.complianceDecision;
  if (!decision) {
    return call.direction === 'inbound' ? (
      <Panel id="gate" title="Gate">
        <p className="muted">They called us, so the gate was not asked.</p>
      </Panel>
    ) : null;
  }
  return (
    <Panel id="gate" title="Gate">
      {call.status === 'denied' ? null : <DecisionNotice decision={decision} />}
      <DecisionDetails decision={decision} />
      <DecisionEvidence decision={decision} />
      {hasNumber(call.contactPhone) ? (
        <p className="exports">
          <IconListSearch size={15} stroke={1.7} aria-hidden="true" />
          <Link to="/compliance/decisions" search={{ phone: call.contactPhone }}>
            Every decision about this number
          </Link>
        </p>
      ) : null}
    </Panel>
  );
}

/** A link to the second that one is at, to pass on. */
function ShareMoment({ callId, playback }: { callId: string; playback: Playback }) {
  const second = usePlaying(playback, ({ sec }) => (sec === undefined ? undefined : Math.floor(sec)));
  if (second === undefined) return null;
  return (
    <p className="exports">
      <IconLink size={15} stroke={1.7} aria-hidden="true" />
      <span>Link to {formatLength(second)}</span>
      <Copy value={`${location.origin}/calls/${callId}?t=${second}`} what="link to this moment" />
    </p>
  );
}

function Cost({ call: { cost } }: { call: Call }) {
  if (!cost) return null;
  const agent =
    cost.elevenLabsMinutes === undefined
      ? cost.elevenLabsCharacters === undefined
        ? undefined
        : `${cost.elevenLabsCharacters.toLocaleString('en-US')} characters`
      : `${cost.elevenLabsMinutes.toFixed(1)} min`;
  return (
    <Panel id="cost" title="Cost">
      <Facts
        entries={[
          ['Line', `${cost.twilioMinutes.toFixed(1)} min at ${exactMoney(cost.twilioRate)}`],
          ['Voice agent', agent && `${agent} at ${exactMoney(cost.elevenLabsRate)}`],
          ['Analysis', cost.claudeCost === undefined ? undefined : exactMoney(cost.claudeCost)],
          ['Together', <strong key="t">{exactMoney(cost.totalCost)}</strong>],
        ]}
      />
    </Panel>
  );
}
/** Rates are fractions of a cent. */
const exactMoney = (amount: number): string =>
  Math.abs(amount) < 1 && amount !== 0 ? `$${amount.toFixed(4)}` : formatMoney(amount);

function Ids({ call }: { call: Call }) {
  const id = (value: string | undefined, what: string) =>
    value === undefined ? undefined : (
      <span className="hash">
        <code title={value}>{value}</code>
        <Copy value={value} what={what} />
      </span>
    );
  return (
    <Panel id="ids" title="Details">
      <Facts
        entries={[
          ['From', call.direction === 'outbound' ? formatPhone(call.fromPhone) : undefined],
          ['Our number', call.direction === 'inbound' ? formatPhone(call.fromPhone) : undefined],
          ['Attestation', call.attestation],
          ['Call', id(call.id, 'call id')],
          ['Carrier', id(call.callSid, 'carrier call id')],
          ['Agent session', id(call.conversationId, 'agent session id')],
          ['Campaign', id(call.campaignId, 'campaign id')],
          ['Lead', id(call.leadId, 'lead id')],
          ['Script', call.script?.name],
          ['Asked for by', call.direction === 'outbound' ? call.createdBy : undefined],
        ]}
      />
    </Panel>
  );
}
