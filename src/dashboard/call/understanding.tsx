/** dashboard/call/understanding: what was understood of the call, where it was said, and where a person says it is wrong. */
import { Button, Modal, Stack, Textarea } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import {
  createContext,
  lazy,
  type ReactNode,
  Suspense,
  useContext,
  useEffect,
  useMemo,
  useState,
} from 'react';
import type { Call, CallAnalysis, TranscriptMessage } from '../../contract/index.ts';
import { api } from '../api.ts';
import {
  count,
  formatLength,
  formatMoment,
  formatMoney,
  formatMs,
  formatShare,
  humanise,
} from '../format.ts';
import { analysesQuery, keys } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { FOLLOW_UP, KEY_MOMENT, moodOf, OUTCOME } from '../words.ts';
import type { Item } from './conversation.ts';
import type { Playback } from './playback.ts';

const Compare = lazy(() => import('./compare.tsx').then((file) => ({ default: file.Compare })));
const NO_ANALYSES: readonly CallAnalysis[] = [];

interface Grounds {
  readonly call: Call;
  readonly messages: readonly TranscriptMessage[];
  readonly playback: Playback;
  /** The analysis that the call shows, as it is kept. */
  readonly own: CallAnalysis | undefined;
}
const GroundsContext = createContext<Grounds | undefined>(undefined);

const evidenceOf = (call: Call, path: string) =>
  call.analysis?.evidence?.filter((each) => each.path === path || each.path.startsWith(`${path}.`)) ?? [];

/** What the analysis that the call shows rests on. */
function useGrounds(call: Call, messages: readonly TranscriptMessage[], playback: Playback) {
  const { analysis } = call;
  const analyses = useQuery({ ...analysesQuery(call.id), enabled: analysis !== undefined });
  const own = analyses.data?.find(({ id }) => id === analysis?.analysisId);
  const grounds = useMemo(
    (): Grounds => ({ call, messages, playback, own }),
    [call, messages, playback, own],
  );
  return { analyses, grounds };
}

/** Where it was said: a link to each second. */
function Jumps({ path }: { path: string }) {
  const grounds = useContext(GroundsContext);
  if (!grounds) return null;
  const seconds = [
    ...new Set(
      evidenceOf(grounds.call, path).flatMap(
        ({ messageIndex }) => grounds.messages[messageIndex]?.timestamp ?? [],
      ),
    ),
  ];
  return seconds.map((sec) => <Jump key={sec} sec={sec} playback={grounds.playback} />);
}

/** `what` happened then; without it, something was said. */
function Jump({ sec, playback, what = 'it was said' }: { sec: number; playback: Playback; what?: string }) {
  return (
    <button
      type="button"
      className="jump num"
      aria-label={`To ${formatLength(sec)}, where ${what}`}
      onClick={() => playback.seek(sec, true)}
    >
      {formatLength(sec)}
    </button>
  );
}

/** Says that a claim is wrong, or who said so before. */
function Wrong({ path, what }: { path: string; what: string }) {
  const grounds = useContext(GroundsContext);
  const mayAct = useMayAct();
  const [asking, setAsking] = useState(false);
  const analysisId = grounds?.call.analysis?.analysisId;
  if (!grounds || analysisId === undefined) return null;
  const mark = grounds.own?.wrong.find((each) => each.path === path);
  if (mark)
    return (
      <span className="wrong-mark">
        Wrong: {mark.note} (<Ago at={mark.at} />)
      </span>
    );
  if (!mayAct) return null;
  return (
    <>
      <button type="button" className="jump" onClick={() => setAsking(true)} aria-label={`Wrong: ${what}`}>
        Wrong?
      </button>
      {asking ? (
        <SayWrong
          callId={grounds.call.id}
          analysisId={analysisId}
          path={path}
          what={what}
          close={() => setAsking(false)}
        />
      ) : null}
    </>
  );
}

function SayWrong({
  callId,
  analysisId,
  path,
  what,
  close,
}: {
  callId: string;
  analysisId: string;
  path: string;
  what: string;
  close: () => void;
}) {
  const [note, setNote] = useState('');
  const queries = useQueryClient();
  const mark = useMutation({
    mutationFn: () => api.markWrong(callId, analysisId, { path, note: note.trim() }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: keys.analyses(callId) });
      close();
    },
  });
  return (
    <Modal opened onClose={close} title="What is wrong here?">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          mark.mutate();
        }}
      >
        <Stack gap="sm">
          <p>{what}</p>
          <Textarea
            label="What is right?"
            description="Kept with the analysis, under your name."
            required
            autosize
            minRows={2}
            maxLength={2_000}
            data-autofocus
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <FormEnd error={mark.error} close={close} busy={mark.isPending} ready={note.trim() !== ''}>
            Mark as wrong
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function Claim({ path, what, children }: { path: string; what: string; children: ReactNode }) {
  return (
    <li>
      <span className="claim-head">
        {children}
        <Jumps path={path} />
        <Wrong path={path} what={what} />
      </span>
    </li>
  );
}

/** All of it in panels of their own; nothing before somebody analysed the call. */
export function Understanding({
  call,
  messages,
  items,
  playback,
}: {
  call: Call;
  messages: readonly TranscriptMessage[];
  items: readonly Item[];
  playback: Playback;
}) {
  const { analysis } = call;
  const { analyses, grounds } = useGrounds(call, messages, playback);
  if (!analysis)
    return call.answeredAt && call.endedAt && !call.erasedAt ? (
      <Panel id="summary" title="Summary">
        <p className="muted">
          {call.analysisDue
            ? 'This call is about to be analysed; what was understood of it will stand here.'
            : 'This call was not analysed yet.'}
        </p>
        <Again call={call} />
      </Panel>
    ) : null;
  return (
    <GroundsContext value={grounds}>
      <div>
        <Panel
          id="summary"
          title="Summary"
          aside={
            call.sentiment ? <Pill word={moodOf(call.sentiment.overall)} title="Mood of the call" /> : null
          }
        >
          <p>{call.summary || 'Nothing stood out.'}</p>
          <p className="claim-head">
            <Jumps path="summary" />
            <Wrong path="summary" what={call.summary ?? 'The summary'} />
          </p>
          {call.sentiment ? <Felt sentiment={call.sentiment} /> : null}
          {analysis.topics.length > 0 ? (
            <ul className="topics" aria-label="Topics">
              {analysis.topics.map((topic) => (
                <li key={topic} className="claim-head">
                  <span className="tag">{humanise(topic)}</span>
                  <Jumps path={`topics.${topic}`} />
                  <Wrong path={`topics.${topic}`} what={`Topic: ${humanise(topic)}`} />
                </li>
              ))}
            </ul>
          ) : null}
          {analysis.keywords.length > 0 ? (
            <p className="small">
              <span className="muted">Keywords:</span> {analysis.keywords.join(', ')}
            </p>
          ) : null}
          <p className="muted small">
            {analysis.by === 'lexicon'
              ? 'Analysed without a key, by word lists: it knows words, not what was meant.'
              : `Analysed by ${analysis.model ?? 'Claude'}.`}{' '}
            <Ago at={analysis.at} />
            {analysis.note ? ` · ${analysis.note}` : ''}
          </p>
          {messages.some(({ correction }) => correction && correction.at > analysis.at) ? (
            <p className="small">Words were corrected since; analyse it again to understand them too.</p>
          ) : null}
          <Again call={call} analyses={analyses.data ?? NO_ANALYSES} />
          {analyses.error ? <ErrorNote error={analyses.error} retry={() => analyses.refetch()} /> : null}
        </Panel>
        <Extracted call={call} />
      </div>
      <div>
        <KeyMoments call={call} messages={messages} playback={playback} />
        <Quality call={call} items={items} playback={playback} />
      </div>
    </GroundsContext>
  );
}

/** The mood of the other party's words, and what it is made of. */
function Felt({ sentiment: { overall, emotions } }: { sentiment: NonNullable<Call['sentiment']> }) {
  const parts = (['positive', 'neutral', 'negative'] as const).filter((part) => emotions[part] > 0);
  if (parts.length === 0) return null;
  const says = parts.map((part) => `${formatShare(emotions[part])} ${part}`).join(', ');
  return (
    <div className="felt">
      <span className="felt-bar" aria-hidden="true">
        {parts.map((part) => (
          <span key={part} data-part={part} style={{ width: `${emotions[part] * 100}%` }} />
        ))}
      </span>
      <span className="claim-head small">
        <span className="muted">Their words:</span> {says}
        <Wrong path="sentiment" what={`Mood: ${moodOf(overall).label.toLowerCase()}, ${says}`} />
      </span>
    </div>
  );
}

/** Lets it be analysed once more, and what came of it be compared. */
function Again({ call, analyses = NO_ANALYSES }: { call: Call; analyses?: readonly CallAnalysis[] }) {
  const mayAct = useMayAct();
  const queries = useQueryClient();
  const [comparing, setComparing] = useState(false);
  const made = analyses.filter(({ analysis }) => analysis !== undefined);
  const waits = analyses.some(({ state }) => state === 'queued' || state === 'found');
  const again = useMutation({
    mutationFn: () => api.analyse(call.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: keys.analyses(call.id) }),
  });
  // What was made is shown when the call itself says so.
  const newest = made[0]?.id;
  const isShown = newest === call.analysis?.analysisId;
  useEffect(() => {
    if (newest !== undefined && !isShown)
      queries.invalidateQueries({ queryKey: keys.call(call.id), exact: true }).catch(() => undefined);
  }, [newest, isShown, call.id, queries]);
  if (!mayAct && made.length < 2) return null;
  return (
    <div className="again">
      {mayAct ? (
        <Button
          variant="default"
          size="xs"
          loading={again.isPending}
          disabled={waits}
          onClick={() => again.mutate()}
        >
          {waits ? 'It will be made in a moment' : 'Analyse again'}
        </Button>
      ) : null}
      {made.length > 1 ? (
        <Button variant="default" size="xs" onClick={() => setComparing(true)}>
          Compare {made.length} analyses
        </Button>
      ) : null}
      {again.error ? <ErrorNote error={again.error} /> : null}
      <Suspense fallback={null}>
        {comparing ? <Compare callId={call.id} analyses={made} close={() => setComparing(false)} /> : null}
      </Suspense>
    </div>
  );
}

/** A long talk has a hundred: these are shown before somebody asks for the others. */
const MOMENTS_SHOWN = 12;

function KeyMoments({ call: { keyMoments = [] }, messages, playback }: Omit<Grounds, 'own'>) {
  const [showsAll, setShowsAll] = useState(false);
  if (keyMoments.length === 0) return null;
  const shown = showsAll ? keyMoments : keyMoments.slice(0, MOMENTS_SHOWN);
  return (
    <Panel id="moments" title="Key moments">
      <ul className="claims">
        {shown.map(({ type, messageIndex, timestamp, userText, agentResponse, resolved }) => {
          const path = `keyMoments.${type}@${messageIndex}`;
          return (
            <li key={path}>
              <span className="claim-head">
                <Jump sec={messages[messageIndex]?.timestamp ?? timestamp} playback={playback} />
                <Pill word={KEY_MOMENT[type]} />
                {resolved === undefined ? null : (
                  <span className="muted small">{resolved ? 'resolved' : 'left open'}</span>
                )}
                <Wrong path={path} what={`${KEY_MOMENT[type].label}: ${userText}`} />
              </span>
              <span>{userText}</span>
              {agentResponse ? <span className="claim-quote">Agent: {agentResponse}</span> : null}
            </li>
          );
        })}
      </ul>
      {shown.length < keyMoments.length ? (
        <Button variant="default" size="xs" onClick={() => setShowsAll(true)}>
          All {keyMoments.length} moments
        </Button>
      ) : null}
    </Panel>
  );
}

const YES_NO = (value: boolean | undefined): string | undefined =>
  value === undefined ? undefined : value ? 'Yes' : 'No';

function Extracted({ call: { extractedInfo: info, analysis } }: { call: Call }) {
  if (!info) return null;
  const outcome = analysis?.outcome && OUTCOME[analysis.outcome].label;
  const disposition = analysis?.disposition && humanise(analysis.disposition);
  const facts = (
    [
      [
        'propertyCondition',
        'Condition of the house',
        info.propertyCondition && humanise(info.propertyCondition),
      ],
      ...info.motivationFactors.map(
        (motive) => [`motivationFactors.${motive}`, 'Why they sell', humanise(motive)] as const,
      ),
      ['timeframe', 'When', info.timeframe && humanise(info.timeframe)],
      [
        'priceExpectation',
        'Price they expect',
        info.priceExpectation === undefined ? undefined : formatMoney(info.priceExpectation),
      ],
      ['competingOffers', 'Other offers', YES_NO(info.competingOffers)],
      ['agentInvolved', 'Agent involved', YES_NO(info.agentInvolved)],
      ['decisionMakers', 'Who decides', info.decisionMakers && humanise(info.decisionMakers)],
    ] as const
  ).filter(([, , value]) => value !== undefined && value !== '');
  if (facts.length === 0 && outcome === undefined && disposition === undefined) return null;
  return (
    <Panel id="extracted" title="What they told">
      <ul className="claims">
        {outcome === undefined ? null : (
          <Claim path="outcome" what={`Came to: ${outcome}`}>
            <span className="muted">Came to</span> <strong>{outcome}</strong>
          </Claim>
        )}
        {disposition === undefined ? null : (
          <Claim path="disposition" what={`They are: ${disposition}`}>
            <span className="muted">They are</span> <strong>{disposition}</strong>
          </Claim>
        )}
        {facts.map(([field, name, value]) => (
          <Claim key={field} path={`extractedInfo.${field}`} what={`${name}: ${value}`}>
            <span className="muted">{name}</span> <strong>{value}</strong>
          </Claim>
        ))}
      </ul>
    </Panel>
  );
}

const FACTOR = {
  clearCommunication: 'Clear words',
  activeListening: 'Listening',
  objectionHandling: 'Objections',
  outcomeAchieved: 'What came of it',
} as const;

/** What a score rests on, in words, and the seconds where it can be heard. */
interface Rests {
  readonly says: string;
  readonly what?: string;
  readonly seconds?: readonly number[];
}

/** What was counted and measured of the same: the score itself is the analyst's. */
function groundsOf(
  { keyMoments = [], conversationMetrics, latency, analysis }: Call,
  items: readonly Item[],
): Record<keyof typeof FACTOR, Rests> {
  const { agentTalkTime, userTalkTime, interruptionCount, silenceDuration } = conversationMetrics;
  const talked = agentTalkTime + userTalkTime;
  const raised = keyMoments.filter(({ type }) => type === 'objection' || type === 'complaint');
  const settled = raised.filter(({ resolved }) => resolved === true).length;
  const messages = items.filter((item) => item.kind === 'message');
  const slowest = messages.reduce<(typeof messages)[number] | undefined>(
    (before, each) => ((each.replyMs ?? 0) > (before?.replyMs ?? 0) ? each : before),
    undefined,
  );
  const saidAt = new Map(messages.map(({ index, atSec }) => [index, atSec]));
  return {
    clearCommunication: {
      says: [
        ...(latency.medianMs === undefined ? [] : [`replied in ${formatMs(latency.medianMs)} (median)`]),
        ...(talked > 0 ? [`${formatShare(silenceDuration / (talked + silenceDuration))} silence`] : []),
        ...(slowest?.replyMs === undefined ? [] : [`slowest reply ${formatMs(slowest.replyMs)}`]),
      ].join(', '),
      what: 'the slowest reply came',
      seconds: slowest ? [slowest.atSec] : [],
    },
    activeListening: {
      says: [
        ...(talked > 0 ? [`the agent talked ${formatShare(agentTalkTime / talked)} of the time`] : []),
        `was interrupted ${count(interruptionCount, 'time')}`,
      ].join(', '),
      what: 'the agent was interrupted',
      seconds: messages.filter(({ message }) => message.interrupted).map(({ atSec }) => atSec),
    },
    objectionHandling: {
      says:
        raised.length === 0
          ? 'nothing was objected'
          : `${settled} of ${count(raised.length, 'objection')} settled`,
      what: 'they objected',
      seconds: raised.map(({ messageIndex, timestamp }) => saidAt.get(messageIndex) ?? timestamp),
    },
    outcomeAchieved: {
      says: `came to: ${OUTCOME[analysis?.outcome ?? 'no_conversation'].label.toLowerCase()}`,
    },
  };
}

/** So many seconds stand beside a score; the axis of time has all. */
const MOST_SECONDS = 5;

function Quality({ call, items, playback }: { call: Call; items: readonly Item[]; playback: Playback }) {
  const { qualityScore, qualityFactors } = call;
  const grounds = useMemo(() => groundsOf(call, items), [call, items]);
  if (qualityScore === undefined || !qualityFactors) return null;
  return (
    <Panel id="quality" title="Quality" aside={<Wrong path="qualityScore" what="The quality score" />}>
      <p>
        <span className="score-total num">{formatShare(qualityScore)}</span>
      </p>
      {(Object.keys(FACTOR) as (keyof typeof FACTOR)[]).map((factor) => {
        const { says, what, seconds = [] } = grounds[factor];
        const share = formatShare(qualityFactors[factor]);
        return (
          <div key={factor} className="score">
            <span>{FACTOR[factor]}</span>
            <span className="score-bar" aria-hidden="true">
              <span style={{ width: `${qualityFactors[factor] * 100}%` }} />
            </span>
            <span className="num">{share}</span>
            <span className="claim-head small score-grounds">
              <span className="muted">{says}</span>
              {factor === 'outcomeAchieved' ? <Jumps path="outcome" /> : null}
              {seconds.slice(0, MOST_SECONDS).map((sec) => (
                <Jump key={sec} sec={sec} playback={playback} {...(what === undefined ? {} : { what })} />
              ))}
              <Wrong path={`qualityFactors.${factor}`} what={`${FACTOR[factor]}: ${share}`} />
            </span>
          </div>
        );
      })}
    </Panel>
  );
}

/** What is to be done, arranged by the agent or found in what was said. */
export function FollowUps({
  call,
  messages,
  playback,
}: {
  call: Call;
  messages: readonly TranscriptMessage[];
  playback: Playback;
}) {
  const { grounds } = useGrounds(call, messages, playback);
  const found = grounds.own?.analysis;
  /** The claim of the analysis that this one is; those the agent arranged rest on the arrangement itself. */
  const pathOf = ({ foundBy, type, notes, scheduledFor }: Call['followUpActions'][number]) => {
    const at = (foundBy ? found?.followUpActions : undefined)?.findIndex(
      (each) => each.type === type && each.notes === notes && each.scheduledFor === scheduledFor,
    );
    return at === undefined || at < 0
      ? undefined
      : found?.evidence.filter(({ path }) => path.startsWith('followUpActions.'))[at]?.path;
  };
  return (
    <GroundsContext value={grounds}>
      <Panel id="follow-ups" title="Follow-ups">
        <ul className="plain">
          {call.followUpActions.map((action) => {
            const path = pathOf(action);
            return (
              <li key={`${action.type} ${action.scheduledFor ?? ''} ${action.notes}`}>
                <strong>{FOLLOW_UP[action.type]}</strong>
                {action.scheduledFor ? ` · ${formatMoment(action.scheduledFor)}` : null}
                {action.foundBy ? <span className="muted small"> · found in what was said</span> : null}
                <span className="aside-detail">{action.notes}</span>
                {path === undefined ? null : (
                  <span className="claim-head">
                    <Jumps path={path} />
                    <Wrong path={path} what={`${FOLLOW_UP[action.type]}: ${action.notes}`} />
                  </span>
                )}
              </li>
            );
          })}
        </ul>
      </Panel>
    </GroundsContext>
  );
}
