/** dashboard/call/player: the recording, at the reader's speed. */
import { SegmentedControl } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { type RefObject, useState } from 'react';
import { Notice } from '../ui/pieces.tsx';

const SPEEDS = ['0.5', '1', '1.5', '2'].map((value) => ({ value, label: `${value}×` }));
const STEP_SEC = 10;

export function Player({
  source,
  audio,
  onTime,
}: {
  source: string;
  audio: RefObject<HTMLAudioElement | null>;
  onTime: (sec: number) => void;
}) {
  const [speed, setSpeed] = useState('1');
  const [broken, setBroken] = useState(false);
  const jump = (sec: number) => {
    if (audio.current) audio.current.currentTime = Math.max(0, audio.current.currentTime + sec);
  };
  useHotkeys([
    [
      'space',
      (event) => {
        // On a button or link the space bar presses that.
        if (event.target instanceof HTMLElement && event.target.closest('button, a, summary, audio')) return;
        event.preventDefault();
        if (audio.current?.paused) audio.current.play().catch(() => undefined);
        else audio.current?.pause();
      },
      { preventDefault: false },
    ],
    ['ArrowLeft', () => jump(-STEP_SEC)],
    ['ArrowRight', () => jump(STEP_SEC)],
  ]);
  return (
    <div className="player">
      {/* biome-ignore lint/a11y/useMediaCaption: the transcript beside it is the caption, line by line */}
      <audio
        ref={audio}
        controls
        preload="metadata"
        src={source}
        aria-label="Recording of the call"
        onTimeUpdate={(event) => onTime(event.currentTarget.currentTime)}
        onError={() => setBroken(true)}
      />
      <SegmentedControl
        size="xs"
        aria-label="Speed"
        data={SPEEDS}
        value={speed}
        onChange={(value) => {
          setSpeed(value);
          if (audio.current) audio.current.playbackRate = Number(value);
        }}
      />
      {broken ? (
        <Notice tone="warn" title="The recording could not be played">
          Download it with the WAV link, or reload the page.
        </Notice>
      ) : null}
    </div>
  );
}
