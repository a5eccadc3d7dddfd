/**
 * app/floor: who speaks with the caller, the agent or one person of the staff. Taking the floor is for one at a time; a voice
 * that is lost gives it back by itself, so that the caller is never left in silence.
 */
import type { CallEventBody } from '../domain/call.ts';
import { Failure } from '../domain/errors.ts';
import type { Cancel, Clock } from './ports.ts';

/** Somebody of the staff: the id they act under, and how they are called. */
export interface Person {
  readonly by: string;
  readonly name: string;
}

export interface Holder extends Person {
  /** By which connection they speak. */
  readonly listenerId: string;
  readonly sinceMs: number;
}

export interface Return {
  readonly how: 'asked' | 'lost' | 'over';
  readonly name: string;
  readonly heldMs: number;
  readonly note?: string;
}

export interface Floor {
  readonly holder: Holder | undefined;
  /**
   * Takes the floor, or moves it to another connection of whoever has it. Throws Failure `already_taken_over` (details.by,
   * details.name) when somebody else has it.
   */
  take(person: Person, listenerId: string): void;
  /** Whether this connection has the floor; if so, it was heard just now. */
  heard(listenerId: string): boolean;
  /** To be called every now and then: a voice that does not come any more gives the floor back. */
  look(nowMs: number): void;
  /** Throws Failure `not_taken_over` unless this person has the floor. */
  giveBack(person: Person, note: string | undefined): void;
  /** A connection is gone; if it was the voice it has a moment to come back. */
  gone(listenerId: string): void;
  /** The talk is over. */
  end(): void;
}

export interface FloorHooks {
  readonly clock: Clock;
  readonly say: (body: CallEventBody) => void;
  /** The agent falls silent now. */
  readonly taken: () => void;
  /** The agent goes on; answers what it was given as if the caller had said it, if it was. Not asked when the talk is over. */
  readonly returned: (back: Return) => string | undefined;
  /** Told of every change of the holder. */
  readonly changed: (holder: Holder | undefined) => void;
}

/** A page that lost its connection is back by then, or the agent goes on. */
const GRACE_MS = 3_000;
/** A microphone is heard all the time, silence included. One that is not heard for so long belongs to nobody any more. */
const MUTE_MS = 5_000;

export function createFloor({ clock, say, taken, returned, changed }: FloorHooks): Floor {
  let cancelGrace: Cancel = () => {};
  let heardMs = 0;

  function giveUp(how: Return['how'], note?: string): void {
    if (!floor.holder) return;
    cancelGrace();
    const { by, name, sinceMs } = floor.holder;
    floor.holder = undefined;
    const heldMs = Math.round(clock.steadyMs() - sinceMs);
    const noted = note === undefined ? {} : { note };
    const cue = how === 'over' ? undefined : returned({ how, name, heldMs, ...noted });
    say({ type: 'handed_back', by, name, how, heldMs, ...noted, ...(cue === undefined ? {} : { cue }) });
    changed(floor.holder);
  }

  const floor: { holder: Holder | undefined } & Floor = {
    holder: undefined,
    take({ by, name }, listenerId) {
      const { holder } = floor;
      if (holder && holder.by !== by)
        throw new Failure('already_taken_over', `${holder.name} speaks with the caller already`, {
          details: { by: holder.by, name: holder.name },
        });
      cancelGrace();
      heardMs = clock.steadyMs();
      const isNew = !holder;
      floor.holder = { by, name, listenerId, sinceMs: holder?.sinceMs ?? clock.steadyMs() };
      if (isNew) {
        taken();
        say({ type: 'taken_over', by, name });
      }
      changed(floor.holder);
    },
    heard(listenerId) {
      if (floor.holder?.listenerId !== listenerId) return false;
      heardMs = clock.steadyMs();
      return true;
    },
    look(nowMs) {
      if (floor.holder && nowMs - heardMs > MUTE_MS) giveUp('lost');
    },
    giveBack({ by }, note) {
      if (floor.holder?.by !== by)
        throw new Failure(
          'not_taken_over',
          'you do not speak with the caller; there is nothing to hand back',
        );
      giveUp('asked', note);
    },
    gone(listenerId) {
      if (floor.holder?.listenerId !== listenerId) return;
      cancelGrace();
      cancelGrace = clock.after(GRACE_MS, () => giveUp('lost'));
    },
    end: () => giveUp('over'),
  };
  return floor;
}
