/**
 * dashboard/live/line: one call's sound in this browser: the listen socket, the speakers, and the microphone of whoever took
 * over. A component draws it by `useLine`; it ends with the component.
 */
import { useEffect, useState, useSyncExternalStore } from 'react';
import { type CallAction, type Floor, ListenMessage } from '../../contract/index.ts';
import { ApiError, api, listenAddress } from '../api.ts';
import type { ToPlayer } from './worklets.ts';
import worklets from './worklets.ts?worker&url';

export type Sound = 'off' | 'connecting' | 'on' | 'lost';

export interface LineState {
  readonly sound: Sound;
  /** Who speaks in the agent's place; `yours`: by this page. */
  readonly floor: Floor;
  /** The microphone is open and not switched off. */
  readonly speaking: boolean;
  readonly volume: number;
  /** Which voices are switched off: caller, agent. */
  readonly quiet: readonly [boolean, boolean];
  readonly lostMs: number;
  /** What went wrong, in words for people. */
  readonly trouble: string | undefined;
}

const SILENT: LineState = {
  sound: 'off',
  floor: null,
  speaking: false,
  volume: 0.9,
  quiet: [false, false],
  lostMs: 0,
  trouble: undefined,
};
const AGAIN_MS = 1_000;
/** The connection does not take the voice as fast as it is spoken: two seconds wait. More would only be heard too late. */
const MOST_UNSENT_BYTES = 16_000;

const NO_MICROPHONE: Record<string, string> = {
  NotAllowedError:
    'The browser does not let this page use the microphone. Allow it beside the address, then try again.',
  NotFoundError: 'This device has no microphone. Connect one, then try again.',
  NotReadableError: 'Another program holds the microphone. Close it, then try again.',
};

/** 0..1: how loud caller, agent, manager and the own voice are. */
export type Levels = readonly [number, number, number, number];
const STILL: Levels = [0, 0, 0, 0];

export interface Line {
  readonly state: LineState;
  subscribe(listener: () => void): () => void;
  /** Changes many times a second, so it is told apart from the rest. */
  readonly levels: Levels;
  onLevels(listener: () => void): () => void;
  /** Resolves when the call is heard, or cannot be. */
  listen(): Promise<void>;
  stop(): void;
  setVolume(volume: number): void;
  setQuiet(voice: 0 | 1, quiet: boolean): void;
  /** Asks for the microphone, then for the floor. */
  takeOver(): Promise<void>;
  /** Switches the own voice off and on. */
  setSpeaking(speaking: boolean): void;
  handBack(note: string): Promise<void>;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function createLine(callId: string): Line {
  let state = SILENT;
  let levels = STILL;
  const listeners = new Set<() => void>();
  const levelListeners = new Set<() => void>();
  let socket: WebSocket | undefined;
  let listener = '';
  let output: { readonly context: AudioContext; readonly player: AudioWorkletNode } | undefined;
  let input: { readonly context: AudioContext; readonly stream: MediaStream } | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  /** They have the floor, or had it a moment ago: a connection that returns asks for it anew. */
  let holds = false;
  /** Waits for the first word of the socket. */
  let settled = () => {};

  const set = (change: Partial<LineState>): void => {
    state = { ...state, ...change };
    for (const each of listeners) each();
  };
  const setLevels = (now: Levels): void => {
    levels = now;
    for (const each of levelListeners) each();
  };
  const toPlayer = (message: ToPlayer, transfer: Transferable[] = []) =>
    output?.player.port.postMessage(message, transfer);
  const setGains = () => {
    const { volume, quiet } = state;
    toPlayer({ gains: [quiet[0] ? 0 : volume, quiet[1] ? 0 : volume, volume] });
  };
  const act = async (action: CallAction): Promise<void> => {
    try {
      await api.act(callId, action);
      set({ trouble: undefined });
    } catch (error) {
      set({ trouble: error instanceof ApiError ? error.message : String(error) });
      throw error;
    }
  };

  async function openSpeakers(): Promise<void> {
    if (output) return;
    const context = new AudioContext({ latencyHint: 'interactive' });
    await context.audioWorklet.addModule(worklets);
    const player = new AudioWorkletNode(context, 'line-player', {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    player.port.onmessage = ({ data }: MessageEvent<readonly number[]>) => {
      const [caller = 0, agent = 0, manager = 0] = data;
      setLevels([caller, agent, manager, levels[3]]);
    };
    player.connect(context.destination);
    await context.resume();
    output = { context, player };
    setGains();
  }

  function told(message: ListenMessage): void {
    switch (message.type) {
      case 'listening':
        ({ listener } = message);
        set({ sound: 'on', trouble: undefined });
        settled();
        if (holds) act({ action: 'takeover', listener }).catch(letGoOfVoice);
        return;
      case 'floor':
        set({ floor: message.floor });
        if (holds && message.floor === null) letGoOfVoice();
        return;
      case 'cut':
        toPlayer({ cut: message.atMs });
        return;
      case 'gap':
        set({ lostMs: state.lostMs + message.lostMs });
        return;
      case 'over':
        if (message.reason === 'restarting') return;
        stop();
        if (message.reason === 'signed_out')
          set({ trouble: 'You were signed out. Sign in again to listen.' });
    }
  }

  function connect(): void {
    clearTimeout(again);
    again = undefined;
    const opened = new WebSocket(listenAddress(callId));
    opened.binaryType = 'arraybuffer';
    socket = opened;
    let wasOpen = false;
    opened.onopen = () => {
      wasOpen = true;
    };
    opened.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (data instanceof ArrayBuffer) return toPlayer(data, [data]);
      // A newer server may say things that this page does not know; they are left out.
      const message = ListenMessage.safeParse(readJson(data)).data;
      if (message && socket === opened) told(message);
    };
    opened.onclose = () => {
      if (socket !== opened) return;
      socket = undefined;
      // Browsers do not tell why a socket was refused. A call that has just ended refuses, too.
      if (!wasOpen && !holds) {
        stop();
        set({
          trouble: 'The sound of this call cannot be had now: it may have ended, or many people listen.',
        });
        return;
      }
      set({ sound: 'lost' });
      again = setTimeout(connect, AGAIN_MS);
    };
  }

  async function openMicrophone(): Promise<void> {
    if (input) return;
    if (!navigator.mediaDevices)
      throw new Error('Browsers give a microphone only to pages that are served over https.');
    const stream = await navigator.mediaDevices
      .getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } })
      .catch((error: unknown) => {
        const name = error instanceof DOMException ? error.name : '';
        throw new Error(NO_MICROPHONE[name] ?? 'The microphone cannot be used.');
      });
    const context = new AudioContext();
    await context.audioWorklet.addModule(worklets);
    const node = new AudioWorkletNode(context, 'microphone', { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<{ ulaw: Uint8Array<ArrayBuffer>; level: number }>) => {
      // Switched off it sends silence: whoever is not heard at all is taken to be gone.
      if (state.speaking) setLevels([levels[0], levels[1], levels[2], data.level]);
      else data.ulaw.fill(0xff);
      const mayGo = state.floor?.yours && socket?.readyState === WebSocket.OPEN;
      if (mayGo && socket && socket.bufferedAmount < MOST_UNSENT_BYTES) socket.send(data.ulaw);
    };
    context.createMediaStreamSource(stream).connect(node);
    input = { context, stream };
    set({ speaking: true });
  }

  function letGoOfVoice(): void {
    holds = false;
    for (const track of input?.stream.getTracks() ?? []) track.stop();
    input?.context.close().catch(() => undefined);
    input = undefined;
    setLevels(STILL);
    set({ speaking: false });
  }

  function stop(): void {
    clearTimeout(again);
    again = undefined;
    const closing = socket;
    socket = undefined;
    closing?.close(1000);
    letGoOfVoice();
    output?.context.close().catch(() => undefined);
    output = undefined;
    set({ sound: 'off', floor: null, lostMs: 0 });
    settled();
  }

  return {
    get state() {
      return state;
    },
    subscribe(each) {
      listeners.add(each);
      return () => listeners.delete(each);
    },
    get levels() {
      return levels;
    },
    onLevels(each) {
      levelListeners.add(each);
      return () => levelListeners.delete(each);
    },
    async listen() {
      if (state.sound !== 'off') return;
      set({ sound: 'connecting', trouble: undefined });
      try {
        await openSpeakers();
        await new Promise<void>((resolve) => {
          settled = resolve;
          connect();
        });
      } catch (error) {
        stop();
        set({
          trouble: `This browser cannot play the call: ${error instanceof Error ? error.message : error}`,
        });
      }
    },
    stop,
    setVolume(volume) {
      set({ volume });
      setGains();
    },
    setQuiet(voice, quiet) {
      set({ quiet: voice === 0 ? [quiet, state.quiet[1]] : [state.quiet[0], quiet] });
      setGains();
    },
    async takeOver() {
      if (state.sound === 'off') await this.listen();
      if (state.sound !== 'on') return;
      try {
        await openMicrophone();
      } catch (error) {
        letGoOfVoice();
        set({ trouble: error instanceof Error ? error.message : String(error) });
        return;
      }
      await act({ action: 'takeover', listener }).then(() => {
        holds = true;
      }, letGoOfVoice);
    },
    setSpeaking(speaking) {
      setLevels(STILL);
      set({ speaking });
    },
    async handBack(note) {
      await act({ action: 'handback', ...(note.trim() === '' ? {} : { note: note.trim() }) });
      letGoOfVoice();
    },
  };
}

/** The sound of a call for as long as the component is shown. `callId` must not change: give the component a key. */
export function useLine(callId: string): { readonly line: Line; readonly state: LineState } {
  const [line] = useState(() => createLine(callId));
  useEffect(() => () => line.stop(), [line]);
  const state = useSyncExternalStore(line.subscribe, () => line.state);
  return { line, state };
}
