/** dashboard/call/playback: where in the recording one is. The sound, the picture and the words all follow this one place. */
import { useSyncExternalStore } from 'react';

export interface Playback {
  /** The element that plays; null while there is none. */
  attach(element: HTMLAudioElement | null): void;
  /** Seconds since the recording began; undefined until somebody goes somewhere or plays. */
  readonly sec: number | undefined;
  readonly playing: boolean;
  /** Goes there; `play` begins to play too. */
  seek(sec: number, play?: boolean): void;
  toggle(): void;
  /** Tells of every change, while it plays with every frame. */
  subscribe(listener: () => void): () => void;
}

export function createPlayback(first: number | undefined): Playback {
  let audio: HTMLAudioElement | null = null;
  let sec = first;
  let frame = 0;
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const read = () => {
    if (audio && (sec !== undefined || audio.currentTime > 0)) sec = audio.currentTime;
    tell();
  };
  const follow = () => {
    cancelAnimationFrame(frame);
    read();
    if (audio && !audio.paused) frame = requestAnimationFrame(follow);
  };
  const play = () => audio?.play().catch(() => undefined);
  const EVENTS = ['play', 'pause', 'seeked', 'timeupdate', 'ended'] as const;
  return {
    attach(element) {
      cancelAnimationFrame(frame);
      for (const event of EVENTS) audio?.removeEventListener(event, follow);
      audio = element;
      for (const event of EVENTS) audio?.addEventListener(event, follow);
      // Before the file is known this is where it will begin.
      if (audio && sec !== undefined) audio.currentTime = sec;
    },
    get sec() {
      return sec;
    },
    get playing() {
      return audio !== null && !audio.paused;
    },
    seek(to, andPlay = false) {
      sec = Math.max(0, to);
      if (audio) audio.currentTime = sec;
      if (andPlay) play();
      tell();
    },
    toggle() {
      if (audio?.paused) play();
      else audio?.pause();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** What `select` makes of the playback; the component is drawn anew only when that changes. */
export const usePlaying = <T extends string | number | boolean | undefined>(
  playback: Playback,
  select: (playback: Playback) => T,
): T => useSyncExternalStore(playback.subscribe, () => select(playback));
