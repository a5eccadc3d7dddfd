/** dashboard/call/transcript-view: the conversation, turn by turn, following the live talk or the recording. */
import './transcript-view.css';
import { Switch, TextInput } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconArrowsSplit2, IconCalendarEvent, IconDialpad, IconSearch, IconTool } from '@tabler/icons-react';
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import type { Call } from '../../contract/index.ts';
import { formatLength, formatMoment, formatMs, humanise, spokenLength } from '../format.ts';
import { Pill } from '../ui/pieces.tsx';
import { KEY_MOMENT, moodOf } from '../words.ts';
import { type Item, messageAt } from './conversation.ts';
import { type Playback, usePlaying } from './playback.ts';

interface Props {
  readonly items: readonly Item[];
  /** Who the caller is, for the name over their words. */
  readonly callerName: string;
  readonly live: boolean;
  readonly playback: Playback;
  /** Plays from there; absent when there is no recording. */
  readonly seek: ((sec: number) => void) | undefined;
  /** By the place of the message in the transcript. */
  readonly moments: ReadonlyMap<number, readonly Moment[]>;
  /** Begins to correct the message at that place; absent where one may not. */
  readonly correct?: ((messageIndex: number) => void) | undefined;
}

const NEAR_THE_END_PX = 48;
/** So many lines are laid out together, when they come into sight. */
const SLICE = 25;
/** About the height of a line that was not laid out yet. */
const LINE_REM = 4.75;

type Moment = NonNullable<Call['keyMoments']>[number];
const NONE: readonly Moment[] = [];

export function TranscriptView({ items, callerName, live, playback, seek, moments, correct }: Props) {
  const current = usePlaying(playback, ({ sec }) =>
    sec === undefined ? undefined : messageAt(items, sec)?.key,
  );
  const box = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  // Half an hour of talk is hundreds of lines: the first ones are there at once, the others a moment later.
  const shown = useDeferredValue(items, items.slice(0, SLICE));
  const slices = useMemo(() => slicesOf(shown), [shown]);
  const last = shown.at(-1);
  const lastText = last?.kind === 'message' ? last.message.text : last?.key;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new or changed last line is what moves the view
  useEffect(() => {
    const element = box.current;
    if (follow && live && element) element.scrollTo({ top: element.scrollHeight });
  }, [follow, live, shown.length, lastText]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the line may be among those that come a moment later
  useEffect(() => {
    if (follow && current !== undefined) return bringIntoSight(box.current, '[data-current]');
  }, [follow, current, shown.length]);
  const sought = useSought(items);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place of the same line is gone to again
  useEffect(() => {
    if (sought.place !== undefined) return bringIntoSight(box.current, '[data-sought]');
  }, [sought.place, sought.at]);

  const onWheel = () => {
    const element = box.current;
    // Scrolling up by hand while the talk goes on means "let me read".
    if (
      live &&
      element &&
      element.scrollHeight - element.scrollTop - element.clientHeight > NEAR_THE_END_PX
    ) {
      setFollow(false);
    }
  };

  return (
    <>
      {live || seek || items.length > 0 ? (
        <div className="conversation-tools">
          <Find sought={sought} />
          {live || seek ? (
            <Switch
              size="sm"
              label={live ? 'Follow the talk' : 'Follow the recording'}
              checked={follow}
              onChange={(event) => setFollow(event.currentTarget.checked)}
            />
          ) : null}
        </div>
      ) : null}
      <div
        className="conversation"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label="Conversation"
        onWheel={onWheel}
      >
        {items.length === 0 ? (
          <p className="muted conversation-empty">
            {live ? 'Nobody has said anything yet.' : 'Nothing was said.'}
          </p>
        ) : null}
        {slices.map(({ first, lines }) => (
          <Slice
            key={first}
            first={first}
            lines={lines}
            callerName={callerName}
            current={lines.some(({ key }) => key === current) ? current : undefined}
            sought={lines.some(({ key }) => key === sought.place) ? sought.place : undefined}
            seek={seek}
            moments={moments}
            correct={correct}
          />
        ))}
      </div>
    </>
  );
}

/** Only the box scrolls: the rest of the page stays where the reader put it. Answers how to stop it. */
function bringIntoSight(box: HTMLElement | null, selector: string): (() => void) | undefined {
  const line = box?.querySelector<HTMLElement>(selector);
  if (!box || !line) return undefined;
  const go = () => {
    const below = line.getBoundingClientRect().top - box.getBoundingClientRect().top;
    box.scrollTo({ top: box.scrollTop + below - box.clientHeight / 3 });
  };
  go();
  // What comes into sight is laid out then, and may be higher than it was taken to be.
  const again = requestAnimationFrame(go);
  return () => cancelAnimationFrame(again);
}

/** Words that are looked for in what was said, and the line with them that one is at. */
function useSought(items: readonly Item[]) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const words = text.trim().toLowerCase();
  const found = useMemo(
    () =>
      words === ''
        ? []
        : items.flatMap((item) =>
            item.kind === 'message' && item.message.text.toLowerCase().includes(words) ? [item.key] : [],
          ),
    [items, words],
  );
  const step = (by: 1 | -1) => setAt((found.length + at + by) % Math.max(1, found.length));
  const seek = (next: string) => {
    setText(next);
    setAt(0);
  };
  return { text, seek, step, at, found, place: found[Math.min(at, found.length - 1)] };
}

function Find({ sought: { text, seek, step, at, found } }: { sought: ReturnType<typeof useSought> }) {
  const field = useRef<HTMLInputElement>(null);
  useHotkeys([
    [
      '/',
      (event) => {
        event.preventDefault();
        field.current?.select();
      },
    ],
  ]);
  return (
    <div className="conversation-find">
      <TextInput
        ref={field}
        size="xs"
        type="search"
        aria-label="Find in this call"
        placeholder="Find in this call"
        autoComplete="off"
        maxLength={200}
        leftSection={<IconSearch size={14} aria-hidden="true" />}
        value={text}
        onChange={(event) => seek(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.shiftKey ? -1 : 1);
        }}
      />
      <span className="muted small num" role="status">
        {text.trim() === ''
          ? ''
          : found.length === 0
            ? 'Nobody said that'
            : `${Math.min(at, found.length - 1) + 1} of ${found.length}`}
      </span>
    </div>
  );
}

interface Lines {
  /** Which line of the talk the first one is, from 1. */
  readonly first: number;
  readonly lines: readonly Item[];
}

const slicesOf = (items: readonly Item[]): readonly Lines[] =>
  Array.from({ length: Math.ceil(items.length / SLICE) }, (_, n) => ({
    first: n * SLICE + 1,
    lines: items.slice(n * SLICE, (n + 1) * SLICE),
  }));

/**
 * Some lines, of which nothing is laid out before they come into sight. They are in the page all the same: for the browser's
 * own search, for screen readers and on paper.
 */
const Slice = memo(function Slice({
  first,
  lines,
  callerName,
  current,
  sought,
  seek,
  moments,
  correct,
}: Lines &
  Pick<Props, 'callerName' | 'seek' | 'moments' | 'correct'> & {
    /** The key of the line that is heard, if it is one of these. */
    readonly current: string | undefined;
    /** The same of the line that was looked for. */
    readonly sought: string | undefined;
  }) {
  return (
    <ol
      className="slice"
      start={first}
      style={{ containIntrinsicHeight: `auto ${(lines.length * LINE_REM).toFixed(2)}rem` }}
    >
      {lines.map((item) => (
        <Line
          key={item.key}
          item={item}
          callerName={callerName}
          current={item.key === current}
          sought={item.key === sought}
          seek={seek}
          moments={item.kind === 'message' ? (moments.get(item.index) ?? NONE) : NONE}
          correct={correct}
        />
      ))}
    </ol>
  );
});

function Time({ sec, seek }: { sec: number; seek: Props['seek'] }) {
  const text = sec < 0 ? '–' : formatLength(sec);
  if (!seek || sec < 0) {
    return (
      <span className="time num" title={`${spokenLength(sec)} into the call`}>
        {text}
      </span>
    );
  }
  return (
    <button
      type="button"
      className="time num"
      aria-label={`${text}: play from here`}
      onClick={() => seek(sec)}
    >
      {text}
    </button>
  );
}

/** Of the hundreds of lines of a long call only those are drawn anew that changed. */
const Line = memo(function Line({
  item,
  callerName,
  current,
  sought,
  seek,
  moments,
  correct,
}: {
  item: Item;
  callerName: string;
  current: boolean;
  sought: boolean;
  seek: Props['seek'];
  moments: readonly Moment[];
  correct: Props['correct'];
}) {
  if (item.kind === 'message' && item.message.speaker !== 'system') {
    const { message } = item;
    // The time is the button for the keyboard; a click anywhere on the line does the same, unless text is being marked.
    const play = seek
      ? () => {
          if (!window.getSelection()?.toString()) seek(item.atSec);
        }
      : undefined;
    return (
      <li
        className="line"
        data-speaker={message.speaker}
        data-current={current || undefined}
        data-sought={sought || undefined}
        aria-current={current || undefined}
      >
        <Time sec={item.atSec} seek={seek} />
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
        {/* biome-ignore lint/a11y/noStaticElementInteractions: see above */}
        <div className="bubble" data-play={play ? true : undefined} onClick={play}>
          <span className="speaker">
            {message.speaker === 'agent' ? 'Agent' : callerName}
            {item.replyMs === undefined ? null : (
              <span className="reply num" title="From the caller's last word to the agent's first sound">
                replied in {formatMs(item.replyMs)}
              </span>
            )}
            {message.repaired ? (
              <span className="reply" title="Only the agent platform's own account had these words">
                filled in
              </span>
            ) : null}
            {message.correction ? (
              <span
                className="reply"
                title={`Heard: “${message.correction.original}”. Corrected by ${message.correction.by}, ${formatMoment(message.correction.at)}`}
              >
                corrected<span className="sr">; heard: {message.correction.original}</span>
              </span>
            ) : null}
            {message.sentiment === undefined || moodOf(message.sentiment).tone === 'quiet' ? null : (
              <span className="reply">{moodOf(message.sentiment).label.toLowerCase()}</span>
            )}
            {moments.map(({ type }) => (
              <Pill key={type} word={KEY_MOMENT[type]} />
            ))}
            {correct ? (
              <button
                type="button"
                className="correct"
                aria-label={`Correct: ${message.text.slice(0, 60)}`}
                title="Correct what was said"
                onClick={(event) => {
                  event.stopPropagation();
                  correct(item.index);
                }}
              >
                Correct
              </button>
            ) : null}
          </span>
          <span className="said">
            {message.text}
            {message.interrupted ? <span className="cut" aria-hidden="true" /> : null}
          </span>
          {message.interrupted ? (
            <span className="cut-note">
              Interrupted{message.heardMs === undefined ? '' : ` after ${formatMs(message.heardMs)}`}
            </span>
          ) : null}
        </div>
      </li>
    );
  }
  return (
    <li className="line line-aside">
      <Time sec={item.atSec} seek={undefined} />
      <Aside item={item} />
    </li>
  );
});

function Aside({ item }: { item: Item }) {
  switch (item.kind) {
    case 'message':
      return <p className="aside">{item.message.text}</p>;
    case 'keypad':
      return (
        <p className="aside">
          <IconDialpad size={15} stroke={1.7} aria-hidden="true" />
          Pressed <kbd>{item.digits}</kbd>
        </p>
      );
    case 'note': {
      const Icon = item.text.startsWith('Transferred')
        ? IconArrowsSplit2
        : item.text.includes(' arranged')
          ? IconCalendarEvent
          : undefined;
      return (
        <div className="aside" data-strong={item.strong || undefined}>
          {Icon ? <Icon size={15} stroke={1.7} aria-hidden="true" /> : null}
          <span>
            {item.text}
            {item.detail ? <span className="aside-detail">{item.detail}</span> : null}
          </span>
        </div>
      );
    }
    case 'tool': {
      const parameters = Object.entries(item.parameters);
      return (
        <details className="tool">
          <summary>
            <IconTool size={15} stroke={1.7} aria-hidden="true" />
            <span>{humanise(item.name)}</span>
            <span className="tool-state" data-error={item.answer?.isError || undefined}>
              {item.answer
                ? `${item.answer.isError ? 'failed' : 'done'} in ${formatMs(item.answer.tookMs)}`
                : 'running …'}
            </span>
          </summary>
          <dl>
            {parameters.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
            {item.answer ? (
              <div>
                <dt>Result</dt>
                <dd>{item.answer.result}</dd>
              </div>
            ) : null}
          </dl>
        </details>
      );
    }
  }
}
