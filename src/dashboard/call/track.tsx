/**
 * dashboard/call/track: the call on one axis of time: how it felt, who was heard when, how long replies took, and what
 * happened. A click goes there; whoever cannot see it has the same in the transcript and the lists beside it.
 */
import './track.css';
import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import {
  IconArrowsSplit2,
  IconDialpad,
  IconFlag,
  IconHandStop,
  IconMessage,
  IconMicrophone,
  IconTool,
} from '@tabler/icons-react';
import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { Call, Waveform } from '../../contract/index.ts';
import { count, formatLength, formatMs, spokenLength } from '../format.ts';
import { type Item, messageAt } from './conversation.ts';
import { gradeOf } from './latency-chart.tsx';
import { MARK_KIND, type Mark, type MarkKind } from './marks.ts';
import { type Playback, usePlaying } from './playback.ts';
import { columnsOf, heardSec, type Stretch } from './sound.ts';

const ICON: Record<Exclude<MarkKind, 'interruption'>, typeof IconFlag> = {
  moment: IconFlag,
  comment: IconMessage,
  tool: IconTool,
  keypad: IconDialpad,
  transfer: IconArrowsSplit2,
  takeover: IconMicrophone,
};
/** A reply that took this long is drawn at full height. */
const TALLEST_REPLY_MS = 3_000;
const LANE_PX = 44;

interface Props {
  readonly call: Call;
  readonly durationSec: number;
  readonly items: readonly Item[];
  readonly marks: readonly Mark[];
  readonly waveform: Waveform | undefined;
  readonly silences: readonly Stretch[];
  readonly callerName: string;
  readonly playback: Playback;
}

const percent = (sec: number, durationSec: number): string =>
  `${Math.min(100, Math.max(0, (sec / durationSec) * 100))}%`;

export function Track(props: Props) {
  const { call, durationSec, items, marks, waveform, silences, callerName, playback } = props;
  const [hoverSec, setHoverSec] = useState<number>();
  const mood = call.sentiment?.timeline;
  const replies = items.filter((item) => item.kind === 'message' && item.replyMs !== undefined);
  const interruptions = marks.filter(({ kind }) => kind === 'interruption');
  const happenings = marks.filter(({ kind }) => kind !== 'interruption');

  const secAt = ({ currentTarget, clientX }: PointerEvent<HTMLElement>): number => {
    const { left, width } = currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / width)) * durationSec;
  };
  return (
    <figure className="track" aria-label="The call on one axis of time">
      <div className="track-names" aria-hidden="true">
        {mood ? <span data-row="mood">Mood</span> : null}
        <span data-row="lane">{callerName}</span>
        <span data-row="lane">Agent</span>
        {replies.length > 0 ? <span data-row="replies">Replies</span> : null}
        <span data-row="marks">Marks</span>
      </div>
      <Slider playback={playback} durationSec={durationSec}>
        <div
          className="track-axis"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            playback.seek(secAt(event), true);
          }}
          onPointerMove={(event) => {
            const sec = secAt(event);
            setHoverSec(sec);
            if (event.buttons === 1) playback.seek(sec);
          }}
          onPointerLeave={() => setHoverSec(undefined)}
        >
          {mood ? <Mood timeline={mood} durationSec={durationSec} /> : null}
          <div className="track-lanes" style={{ height: 2 * LANE_PX }}>
            {silences.map(({ from, to }) => (
              <span
                key={from}
                className="track-silence"
                style={{
                  left: percent(from, durationSec),
                  width: percent(to - from, durationSec),
                }}
              />
            ))}
            {waveform ? <Lanes waveform={waveform} /> : null}
            {interruptions.map(({ key, atSec }) => (
              <span key={key} className="track-cut" style={{ left: percent(atSec, durationSec) }}>
                <IconHandStop size={12} />
              </span>
            ))}
          </div>
          {replies.length > 0 ? (
            <div className="track-replies">
              {replies.map((item) =>
                item.kind === 'message' && item.replyMs !== undefined ? (
                  <span
                    key={item.key}
                    data-grade={gradeOf(item.replyMs)}
                    style={{
                      left: percent(item.atSec, durationSec),
                      height: `${Math.min(1, item.replyMs / TALLEST_REPLY_MS) * 100}%`,
                    }}
                  />
                ) : null,
              )}
            </div>
          ) : null}
          <div className="track-marks">
            {happenings.map((mark) => {
              const Icon = ICON[mark.kind === 'interruption' ? 'moment' : mark.kind];
              return (
                <span key={mark.key} data-kind={mark.kind} style={{ left: percent(mark.atSec, durationSec) }}>
                  <Icon size={13} stroke={2} />
                </span>
              );
            })}
          </div>
          <Playhead playback={playback} durationSec={durationSec} />
          {hoverSec === undefined ? null : (
            <Hover
              sec={hoverSec}
              durationSec={durationSec}
              items={items}
              marks={marks}
              callerName={callerName}
            />
          )}
        </div>
      </Slider>
      <figcaption className="sr">{summaryOf(props, interruptions.length, replies)}</figcaption>
    </figure>
  );
}

function summaryOf(
  { durationSec, marks, waveform, silences, call }: Props,
  interruptions: number,
  replies: readonly Item[],
): string {
  const parts = [`A call of ${spokenLength(durationSec)}.`];
  if (waveform)
    parts.push(
      `The caller is heard for ${spokenLength(heardSec(waveform.caller, waveform.bucketSec))}, the agent for ${spokenLength(heardSec(waveform.agent, waveform.bucketSec))}.`,
    );
  parts.push(`${count(silences.length, 'longer pause')}, ${count(interruptions, 'interruption')}.`);
  const slowest = Math.max(0, ...replies.map((item) => (item.kind === 'message' ? (item.replyMs ?? 0) : 0)));
  if (slowest > 0) parts.push(`The slowest of ${replies.length} replies took ${formatMs(slowest)}.`);
  const timeline = call.sentiment?.timeline ?? [];
  const first = timeline[0];
  const last = timeline.at(-1);
  if (first && last)
    parts.push(
      `The mood goes from ${first.score.toFixed(1)} to ${last.score.toFixed(1)} on a scale from -1 to 1.`,
    );
  for (const { kind, atSec, says } of marks.filter(({ kind: of }) => of !== 'interruption'))
    parts.push(`${MARK_KIND[kind]} at ${spokenLength(atSec)}: ${says}.`);
  return parts.join(' ');
}

/** The axis as the keyboard and screen readers have it; the arrow keys of the page move it. */
function Slider({
  playback,
  durationSec,
  children,
}: {
  playback: Playback;
  durationSec: number;
  children: React.ReactNode;
}) {
  const second = usePlaying(playback, ({ sec }) => Math.floor(sec ?? 0));
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label="Place in the recording"
      aria-valuemin={0}
      aria-valuemax={Math.ceil(durationSec)}
      aria-valuenow={Math.min(second, Math.ceil(durationSec))}
      aria-valuetext={`${spokenLength(second)} of ${spokenLength(durationSec)}`}
      onKeyDown={(event) => {
        if (event.key === 'Home') playback.seek(0);
        else if (event.key === 'End') playback.seek(durationSec);
        else return;
        event.preventDefault();
      }}
    >
      {children}
    </div>
  );
}

function Playhead({ playback, durationSec }: { playback: Playback; durationSec: number }) {
  const line = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const draw = () => {
      if (!line.current) return;
      const { sec } = playback;
      line.current.hidden = sec === undefined;
      line.current.style.left = percent(sec ?? 0, durationSec);
    };
    draw();
    return playback.subscribe(draw);
  }, [playback, durationSec]);
  return <span className="track-playhead" ref={line} />;
}

function Hover({
  sec,
  durationSec,
  items,
  marks,
  callerName,
}: {
  sec: number;
  durationSec: number;
  items: readonly Item[];
  marks: readonly Mark[];
  callerName: string;
}) {
  const said = messageAt(items, sec);
  const near = marks.find(({ atSec }) => Math.abs(atSec - sec) < durationSec / 120);
  return (
    <div
      className="track-hover"
      data-side={sec > durationSec / 2 ? 'left' : 'right'}
      style={{ left: percent(sec, durationSec) }}
    >
      <strong className="num">{formatLength(sec)}</strong>
      {near ? (
        <span>
          {MARK_KIND[near.kind]}: {near.says}
        </span>
      ) : said ? (
        <span>
          <span className="muted">{said.message.speaker === 'agent' ? 'Agent' : callerName}: </span>
          {said.message.text}
        </span>
      ) : null}
    </div>
  );
}

function Mood({
  timeline,
  durationSec,
}: {
  timeline: readonly { readonly timestamp: number; readonly score: number }[];
  durationSec: number;
}) {
  const points = timeline
    .map(
      ({ timestamp, score }) =>
        `${((timestamp / durationSec) * 1000).toFixed(1)},${(16 - score * 14).toFixed(1)}`,
    )
    .join(' ');
  return (
    <svg className="track-mood" viewBox="0 0 1000 32" preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" x2="1000" y1="16" y2="16" />
      <polyline points={points} />
    </svg>
  );
}

function Lanes({ waveform }: { waveform: Waveform }) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('light');
  const columns = Math.max(1, Math.round(width));
  const lanes = useMemo(
    () => [columnsOf(waveform.caller, columns), columnsOf(waveform.agent, columns)] as const,
    [waveform, columns],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read from the page, which has others in the dark
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const scale = window.devicePixelRatio;
    element.width = columns * scale;
    element.height = 2 * LANE_PX * scale;
    context.scale(scale, scale);
    const style = getComputedStyle(element);
    for (const [index, lane] of lanes.entries()) {
      context.fillStyle = style.getPropertyValue(index === 0 ? '--lane-caller' : '--lane-agent');
      const middle = index * LANE_PX + LANE_PX / 2;
      for (let column = 0; column < columns; column += 1) {
        const half = Math.max(0.5, (lane[column] ?? 0) * (LANE_PX / 2 - 2));
        context.fillRect(column, middle - half, 1, 2 * half);
      }
    }
  }, [lanes, columns, scheme]);
  return (
    <div ref={ref} className="track-canvas">
      <canvas ref={canvas} />
    </div>
  );
}
