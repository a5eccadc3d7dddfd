/**
 * test/simulation/carrier: the telephone network without sound. It takes permits as the real one does, rings phones, and
 * tells the product what came of it in its own unreliable way: late, twice, out of order or never. What really happened to
 * each phone it tells the judge.
 */
import type {
  AgentSink,
  CarrierStatus,
  Clock,
  Leg,
  LegSink,
  Telephony,
  VoiceAgent,
} from '../../src/app/ports.ts';
import type { EndStatus } from '../../src/domain/call.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { Hands, Life } from './life.ts';
import type { Random, Timeline } from './timeline.ts';

const SECOND = 1_000;

/** A phone that was made to ring, or a request that came to nothing. */
export interface Ring {
  readonly callId: string;
  readonly callSid: string;
  readonly permitId: string;
  readonly to: string;
  readonly at: number;
  /** False: the request was lost on its way, no phone rang. */
  readonly rings: boolean;
  state: 'ringing' | 'in_progress' | 'over';
  end?: EndStatus;
  answeredAt?: number;
  overAt?: number;
}

export interface Witness {
  /** Before the phone rings; `to` came out of the permit. */
  dialled(ring: Ring): Promise<void>;
  answered(callId: string, by: 'person' | 'machine'): void;
  over(callId: string, hungUpByPerson: boolean): void;
  /** A person on the line begins to say that they want no more calls. */
  stopping(ring: Ring): void;
  /** They have said it, and the product took it in. One that died on it may or may not have. */
  stopped(ring: Ring): void;
}

interface Body {
  readonly clock: Clock;
  readonly dead: () => boolean;
  die(): void;
}

export function createCarrier(options: {
  readonly time: Timeline;
  readonly random: Random;
  readonly hands: Hands;
  readonly witness: Witness;
  /** The product as it lives now. */
  readonly life: () => Life | undefined;
  /** Chance that the product is killed while it dials. */
  readonly deadly: number;
  /** Longest time a request to dial takes, ms. */
  readonly slowMs: number;
}) {
  const { time, random, hands, witness } = options;
  const rings = new Map<string, Ring>();
  const bySid = new Map<string, Ring>();
  const sinks = new Map<string, AgentSink>();
  let unreachableUntil = 0;
  let dialled = 0;
  let told = 0;

  const reachable = (): void => {
    if (time.nowMs() < unreachableUntil)
      throw new Failure('telephony_unavailable', 'the carrier cannot be reached');
  };

  /** What the carrier tells may be lost, late or said twice. */
  function tell(delayMs: number, say: (app: Life['app']) => Promise<unknown>): void {
    const way = random.weigh({ plain: 86, lost: 5, twice: 5, late: 4 });
    if (way === 'lost') return;
    const deliver = () => {
      const life = options.life();
      if (!life) return;
      told += 1;
      // An answer that is an error makes a real carrier try again or give up; here it gives up.
      say(life.app).catch(() => {});
    };
    const at = time.nowMs() + delayMs + (way === 'late' ? random.whole(1, 120) * SECOND : 0);
    time.at(at, deliver);
    if (way === 'twice') time.at(at + random.whole(0, 5) * SECOND, deliver);
  }

  function report(
    ring: Ring,
    delayMs: number,
    sequence: number,
    status: CarrierStatus['status'],
    durationSec?: number,
  ): void {
    const { callId, callSid } = ring;
    tell(delayMs, (app) =>
      app.carrierInlet.status(callId, {
        callSid,
        sequence,
        status,
        ...(durationSec === undefined ? {} : { durationSec }),
      }),
    );
  }

  function finish(ring: Ring, end: EndStatus, hungUpByPerson: boolean): void {
    if (ring.state === 'over') return;
    ring.state = 'over';
    ring.end = end;
    ring.overAt = time.nowMs();
    witness.over(ring.callId, hungUpByPerson);
    const talked = ring.answeredAt === undefined ? 0 : Math.round((time.nowMs() - ring.answeredAt) / SECOND);
    report(ring, 0, 3, end, talked);
  }

  /** A call whose media stream opens: a line without sound, but with keys to press and words for the agent. */
  async function talk(ring: Ring): Promise<void> {
    const life = options.life();
    if (!life || ring.state === 'over') return;
    const { carrierInlet } = life.app;
    const { callId, callSid } = ring;
    const answer = await Promise.race([
      carrierInlet.answered(callId, callSid).catch(() => undefined),
      life.death.then(() => undefined),
    ]);
    if (answer?.kind !== 'connect') return finish(ring, 'completed', false);
    let line: LegSink | undefined;
    const leg: Leg = {
      callSid,
      streamSid: `MZ${callSid.slice(2)}`,
      counts: { lost: 0, refused: 0, unsent: 0 },
      bind(sink) {
        line = sink;
      },
      play() {},
      clear() {},
      close() {},
    };
    if (!carrierInlet.streamOpened(callId, leg)) return;
    const wish = random.weigh({ keypad: 3, voice: 3, nothing: 4 });
    if (wish === 'nothing') return;
    time.at(time.nowMs() + 3 * SECOND, () => {
      if (ring.state === 'over' || life.dead) return;
      const agent = sinks.get(callId);
      witness.stopping(ring);
      if (wish === 'voice' && agent)
        agent.toolCalled({
          toolCallId: `tool-${callId}`,
          name: 'record_opt_out',
          parameters: { words: 'Do not call me again.', channel: 'voice' },
        });
      else line?.digit('9');
      // When the work that this set off is done, the wish is known.
      void hands.empty().then(() => {
        if (!life.dead) witness.stopped(ring);
      });
    });
  }

  function live(ring: Ring, ringTimeoutSec: number): void {
    const { callId } = ring;
    const fate = random.weigh({ no_answer: 44, busy: 8, failed: 4, machine: 19, person: 25 });
    const silent = random.chance(0.03);
    // A ringing callback opens a talk with the agent, which costs much; a few are enough.
    const talks = random.chance(0.06);
    const say: typeof report = (...what) => (silent ? undefined : report(...what));
    say(ring, 0, 0, 'initiated');
    if (talks) say(ring, SECOND, 1, 'ringing');
    const later = (seconds: number, task: () => void) => time.at(time.nowMs() + seconds * SECOND, task);
    if (fate === 'busy') return void later(2, () => finish(ring, 'busy', false));
    if (fate === 'failed') return void later(1, () => finish(ring, 'failed', false));
    if (fate === 'no_answer') return void later(ringTimeoutSec, () => finish(ring, 'no_answer', false));
    later(random.whole(4, 15), () => {
      if (ring.state === 'over') return;
      ring.state = 'in_progress';
      ring.answeredAt = time.nowMs();
      witness.answered(callId, fate);
      say(ring, 0, 2, 'answered');
      if (fate === 'machine')
        tell(4 * SECOND, (app) => app.carrierInlet.machine(callId, ring.callSid, 'machine_start', 4_000));
      else if (talks) void talk(ring);
      later(random.whole(5, fate === 'machine' ? 40 : 400), () =>
        finish(ring, 'completed', fate === 'person'),
      );
    });
  }

  const telephony = ({ clock, dead, die }: Body): Telephony => ({
    async dial(permit, request, signal) {
      signal.throwIfAborted();
      const to = permit.spend(clock.nowMs());
      const way = random.weigh({ fine: 90, away: 2, refused: 2, unclear: 4, lost: 2 });
      if (way === 'away') throw new Failure('telephony_unavailable', 'the carrier cannot be reached');
      if (way === 'refused')
        throw new Failure('dial_refused', 'the carrier refuses', { details: { blame: 'number' } });
      dialled += 1;
      const ring: Ring = {
        callId: request.callId,
        callSid: `CA${dialled.toString(16).padStart(32, '0')}`,
        permitId: permit.permitId,
        to,
        at: clock.nowMs(),
        rings: way !== 'lost',
        state: way === 'lost' ? 'over' : 'ringing',
      };
      if (random.chance(options.deadly / 2)) {
        // Killed before the request left the machine.
        die();
        return await new Promise<never>(() => {});
      }
      await hands.busy(witness.dialled(ring));
      if (rings.has(ring.callId)) throw new Failure('internal', 'the same call was dialled twice');
      rings.set(ring.callId, ring);
      bySid.set(ring.callSid, ring);
      if (ring.rings) live(ring, request.ringTimeoutSec);
      if (random.chance(options.deadly / 2)) die();
      if (options.slowMs > 0) await clock.sleep(random.whole(0, options.slowMs));
      if (dead()) return await new Promise<never>(() => {});
      if (way === 'unclear' || way === 'lost') {
        if (random.chance(0.2)) unreachableUntil = Math.max(unreachableUntil, time.nowMs() + 120 * SECOND);
        throw new Failure('dial_unconfirmed', 'the carrier gave no clear answer');
      }
      return { callSid: ring.callSid };
    },
    async findCall({ callId, since }) {
      reachable();
      const ring = rings.get(callId);
      if (!ring?.rings) {
        // A list without the call proves nothing until a minute has passed.
        await clock.sleep(since.getTime() + 60 * SECOND - time.nowMs());
        reachable();
        return 'absent';
      }
      return { callSid: ring.callSid, state: ring.state, ...(ring.end ? { end: ring.end } : {}) };
    },
    async fetchCall(callSid) {
      reachable();
      const ring = bySid.get(callSid);
      if (!ring) return 'absent';
      return { callSid, state: ring.state, ...(ring.end ? { end: ring.end } : {}) };
    },
    async hangUp(callSid) {
      reachable();
      const ring = bySid.get(callSid);
      if (ring) finish(ring, ring.answeredAt === undefined ? 'canceled' : 'completed', false);
    },
    async sayAndHangUp(callSid) {
      reachable();
      const ring = bySid.get(callSid);
      if (ring) time.at(time.nowMs() + 4 * SECOND, () => finish(ring, 'completed', false));
    },
    async transfer() {},
    async recording() {
      throw new Failure('recording_not_found', 'there is no sound here');
    },
  });

  /** An agent that never speaks first. */
  const agent: VoiceAgent = {
    async open(brief, sink) {
      sinks.set(brief.callId, sink);
      return {
        conversationId: `conv-${brief.callId}`,
        hear() {},
        inform() {},
        tell() {},
        keepWaiting() {},
        answerTool() {},
        close() {
          sinks.delete(brief.callId);
        },
      };
    },
    conversation: async () => 'absent',
  };

  return {
    telephony,
    agent,
    rings: rings as ReadonlyMap<string, Ring>,
    /** How many callbacks were delivered. */
    get told() {
      return told;
    },
  };
}
