/** dashboard/call/player: the recording, at the reader's speed, with one side or both, with or without its pauses. */
import { ActionIcon, Switch } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconPlayerPauseFilled, IconPlayerPlayFilled } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { formatLength } from '../format.ts';
import { Choice } from '../ui/choice.tsx';
import { Notice } from '../ui/pieces.tsx';
import { type Playback, usePlaying } from './playback.ts';
import { type Side, type Sides, splitSides } from './sides.ts';
import type { Stretch } from './sound.ts';

const SPEEDS = ['0.5', '1', '1.25', '1.5', '2'].map((value) => ({ value, label: `${value}×` }));
const HEARD = [
  { value: 'both', label: 'Both' },
  { value: 'caller', label: 'Caller' },
  { value: 'agent', label: 'Agent' },
];
const STEP_SEC = 10;
/** A pause is left this long before somebody speaks again. */
const LEAD_IN_SEC = 0.3;

/** Space on these presses them, or is written into them; on a radio button that is chosen it does nothing. */
const PRESSED =
  'button, a, summary, audio, input:not([type="radio"]), textarea, select, [contenteditable], [role="switch"]';

export function Player({
  source,
  playback,
  durationSec,
  silences,
  waits,
}: {
  source: string;
  playback: Playback;
  durationSec: number;
  /** True: nothing of the file is read before it is played. */
  waits: boolean;
  /** Where neither side is heard; they can be passed over. */
  silences: readonly Stretch[];
}) {
  const audio = useRef<HTMLAudioElement>(null);
  const sides = useRef<Sides>(undefined);
  const [speed, setSpeed] = useState('1');
  const [heard, setHeard] = useState('both');
  const [skipping, setSkipping] = useState(false);
  const [broken, setBroken] = useState(false);
  const playing = usePlaying(playback, (each) => each.playing);
  const second = usePlaying(playback, ({ sec }) => Math.floor(sec ?? 0));

  useEffect(() => {
    playback.attach(audio.current);
    return () => {
      playback.attach(null);
      sides.current?.close();
      sides.current = undefined;
    };
  }, [playback]);
  useEffect(() => {
    if (!skipping) return;
    return playback.subscribe(() => {
      const { sec, playing: on } = playback;
      if (!on || sec === undefined) return;
      const pause = silences.find(({ from, to }) => from <= sec && sec < to - 2 * LEAD_IN_SEC);
      if (pause) playback.seek(pause.to - LEAD_IN_SEC);
    });
  }, [playback, skipping, silences]);

  const listenTo = (who: string) => {
    setHeard(who);
    if (!audio.current || (who === 'both' && !sides.current)) return;
    sides.current ??= splitSides(audio.current);
    const muted: Record<string, Side> = { caller: 'agent', agent: 'caller' };
    sides.current.mute(muted[who]);
  };
  const jump = (by: number) => playback.seek((playback.sec ?? 0) + by);
  useHotkeys(
    [
      [
        'space',
        (event) => {
          if (event.target instanceof HTMLElement && event.target.closest(PRESSED)) return;
          event.preventDefault();
          playback.toggle();
        },
        { preventDefault: false },
      ],
    ],
    [],
  );
  useHotkeys([
    ['ArrowLeft', () => jump(-STEP_SEC)],
    ['ArrowRight', () => jump(STEP_SEC)],
  ]);
  return (
    <div className="player">
      {/* biome-ignore lint/a11y/useMediaCaption: the transcript beside it is the caption, line by line */}
      <audio
        ref={audio}
        preload={waits ? 'none' : 'metadata'}
        src={source}
        aria-label="Recording of the call"
        onError={() => setBroken(true)}
      />
      <ActionIcon
        size={40}
        radius="xl"
        aria-label={playing ? 'Pause' : 'Play'}
        onClick={() => playback.toggle()}
      >
        {playing ? <IconPlayerPauseFilled size={18} /> : <IconPlayerPlayFilled size={18} />}
      </ActionIcon>
      <span className="num player-time">
        {formatLength(second)} <span className="muted">/ {formatLength(durationSec)}</span>
      </span>
      <Choice
        label="Speed"
        options={SPEEDS}
        value={speed}
        onChange={(value) => {
          setSpeed(value);
          if (audio.current) audio.current.playbackRate = Number(value);
        }}
      />
      <Choice label="Which side is heard" options={HEARD} value={heard} onChange={listenTo} />
      <Switch
        size="sm"
        label="Skip pauses"
        checked={skipping}
        onChange={(event) => setSkipping(event.currentTarget.checked)}
      />
      {broken ? (
        <Notice tone="warn" title="The recording could not be played">
          Download it with the WAV link, or reload the page.
        </Notice>
      ) : null}
    </div>
  );
}
