/**
 * app/attend-call: what people do with a call that goes on: hear it, whisper to its agent, speak in the agent's place, give it
 * back, connect the caller to a colleague. A call lives in one process; only that one can do any of it.
 */
import { type Call, isOver } from '../domain/call.ts';
import type { CallingPolicy } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { parsePhone } from '../domain/phone.ts';
import type { Bridge } from './bridge-call.ts';
import type { Holder, Person } from './floor.ts';
import type { Listener } from './listeners.ts';
import type { Ids, Store } from './ports.ts';
import type { EventLog } from './record-event.ts';

export interface AttendDeps {
  readonly store: Store;
  readonly ids: Ids;
  readonly events: EventLog;
  /** The talk of a call, where this process carries it. */
  readonly bridgeOf: (callId: string) => Bridge | undefined;
  /** The run of this process; undefined where it is the only one. */
  readonly life: () => string | undefined;
  readonly policyOf: (campaignId: string | undefined) => Promise<CallingPolicy>;
  readonly sellerName: string;
}

/** What a listener is told beside the sound. All of it must return at once, and none of it may throw. */
export interface Hearing extends Listener {
  floorChanged(holder: Holder | undefined): void;
  over(): void;
}

/** Somebody's place at a call. */
export interface Place {
  readonly listenerId: string;
  /** μ-law of their own voice; false while they do not have the floor. */
  speak(ulaw: Buffer): boolean;
  leave(): void;
}

const MOST_LISTENERS = 200;
const MOST_AT_A_CALL = 25;

export function createAttendCall(deps: AttendDeps) {
  const { store, ids, events } = deps;
  /** Everybody who hears a call here, by the id of their place. */
  const places = new Map<string, { readonly callId: string; readonly by: string }>();

  async function attended(callId: string): Promise<{ call: Call; bridge: Bridge }> {
    const call = await events.call(callId);
    if (!call) throw new Failure('call_not_found', `no call ${callId}`);
    if (isOver(call)) throw new Failure('call_over', 'this call is over already');
    const bridge = deps.bridgeOf(callId);
    if (bridge?.talking()) return { call, bridge };
    if (!bridge && call.carriedBy !== undefined && call.carriedBy !== deps.life())
      throw new Failure('call_elsewhere', 'another process of this service carries the call; ask that one');
    throw new Failure('call_not_talking', 'nobody talks on this call at this moment');
  }

  /**
   * Where a caller may be sent: to a number that a campaign names for it, and nowhere else. Whoever could name any number would
   * have a way to make it ring that does not pass the gate.
   */
  async function colleague(call: Call, wished: string | undefined): Promise<string> {
    const { transferNumber } = await deps.policyOf(call.campaignId);
    if (wished === undefined) {
      if (transferNumber) return transferNumber;
      throw new Failure(
        'transfer_not_configured',
        'there is no number to transfer to: set calling.transferNumber of the campaign, or give one of another campaign',
      );
    }
    const wrong = (detail: string): Failure =>
      new Failure('invalid_request', 'The caller cannot be sent there.', {
        details: { fields: { to: detail } },
      });
    const to = parsePhone(wished);
    if (!to) throw wrong('is no phone number; write it as +12125550100');
    const named = await store
      .collection('campaigns')
      .find({ filter: { 'calling.transferNumber': to }, limit: 1 });
    if (to !== transferNumber && named.length === 0)
      throw wrong('is not the transfer number of any campaign; only those may be given');
    return to;
  }

  return {
    /**
     * Lets somebody hear a call. Throws Failure `call_not_found`, `call_over`, `call_not_talking`, `call_elsewhere`,
     * `listener_limit`.
     */
    async listen(callId: string, person: Person, hearing: Hearing): Promise<Place> {
      const { bridge } = await attended(callId);
      let here = 0;
      for (const place of places.values()) if (place.callId === callId) here += 1;
      if (places.size >= MOST_LISTENERS || here >= MOST_AT_A_CALL)
        throw new Failure('listener_limit', 'too many people listen already; try again when one has left');
      const listenerId = ids.objectId();
      places.set(listenerId, { callId, by: person.by });
      const leave = bridge.listen({
        id: listenerId,
        audio: hearing.audio,
        cut: hearing.cut,
        floorChanged: hearing.floorChanged,
        over() {
          places.delete(listenerId);
          hearing.over();
        },
      });
      return {
        listenerId,
        speak: (ulaw) => bridge.speak(listenerId, ulaw),
        leave() {
          places.delete(listenerId);
          leave();
        },
      };
    },
    /** Throws as `listen` does, and `agent_unavailable`. */
    async whisper(callId: string, person: Person, text: string): Promise<void> {
      (await attended(callId)).bridge.whisper(person, text);
      await events.settled(callId);
    },
    /** Throws as `listen` does, `not_listening` unless that place at the call is theirs, and `already_taken_over`. */
    async takeOver(callId: string, person: Person, listenerId: string): Promise<void> {
      const { bridge } = await attended(callId);
      const place = places.get(listenerId);
      if (place?.callId !== callId || place.by !== person.by)
        throw new Failure('not_listening', 'listen to this call first, and name the listener you were given');
      bridge.takeOver(person, listenerId);
      await events.settled(callId);
    },
    /** Throws as `listen` does, and `not_taken_over`. */
    async handBack(callId: string, person: Person, note: string | undefined): Promise<void> {
      (await attended(callId)).bridge.handBack(person, note);
      await events.settled(callId);
    },
    /** Connects the caller to a colleague. Throws as `listen` does, `transfer_not_configured`, `invalid_request`. */
    async passOn(callId: string, person: Person, wished: string | undefined): Promise<void> {
      const { call, bridge } = await attended(callId);
      const to = await colleague(call, wished);
      const reason = `transferred by ${person.name}`;
      bridge.transfer(to, `Please hold while I connect you to a person of ${deps.sellerName}.`, reason);
      await events.record(callId, { type: 'transferred', to, reason }, { eventId: `${callId}:transferred` });
    },
    get listeners(): number {
      return places.size;
    },
  };
}
