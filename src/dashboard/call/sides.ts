/** dashboard/call/sides: hearing one side of a recording without the other: caller left, agent right. */
export type Side = 'caller' | 'agent';

export interface Sides {
  mute(side: Side | undefined): void;
  close(): void;
}

/** Takes over the sound of the element for good; from then on each side is heard in both ears. */
export function splitSides(audio: HTMLAudioElement): Sides {
  const context = new AudioContext();
  const splitter = context.createChannelSplitter(2);
  context.createMediaElementSource(audio).connect(splitter);
  const gains = (['caller', 'agent'] as const).map((side, channel) => {
    const gain = context.createGain();
    splitter.connect(gain, channel);
    gain.connect(context.destination);
    return { side, gain };
  });
  return {
    mute(muted) {
      context.resume().catch(() => undefined);
      for (const { side, gain } of gains) gain.gain.value = side === muted ? 0 : 1;
    },
    close: () => void context.close().catch(() => undefined),
  };
}
