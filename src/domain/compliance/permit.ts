/**
 * domain/compliance/permit: the only keys to a dial tone, a text and an e-mail. A permit is for one number or address, lives
 * for seconds and works once. Its maker is not exported beyond this room (walls.test keeps it so), and what is inside is
 * readable only by spending.
 */
import { Failure } from '../errors.ts';
import type { MessageChannel } from '../message.ts';
import type { E164 } from '../phone.ts';

const MINT = Symbol('mint');

export class DialPermit {
  readonly #to: E164;
  readonly #expiresAtMs: number;
  #spent = false;
  readonly permitId: string;

  constructor(mint: symbol, permitId: string, to: E164, expiresAtMs: number) {
    if (mint !== MINT) throw new Failure('permit_forged', 'only the gate mints permits');
    this.permitId = permitId;
    this.#to = to;
    this.#expiresAtMs = expiresAtMs;
  }

  /** The number, once, while the permit lives. Throws Failure `permit_forged`, `permit_spent` or `permit_expired`. */
  spend(nowMs: number): E164 {
    if (!(#spent in this)) throw new Failure('permit_forged', 'this is no permit of the gate');
    if (this.#spent) throw new Failure('permit_spent', 'this permit was used already');
    this.#spent = true;
    // Written so that a clock which gives no number ends it too.
    if (!(nowMs < this.#expiresAtMs))
      throw new Failure('permit_expired', 'this permit is no longer valid; ask the gate again');
    return this.#to;
  }
}

/**
 * For whoever dials. An object that only looks like a permit may have a `spend` of its own; this one asks the class, which
 * knows its own. Throws as `DialPermit.spend`.
 */
export const spendPermit = (permit: DialPermit, nowMs: number): E164 =>
  DialPermit.prototype.spend.call(permit, nowMs);

/** For domain/compliance only. */
export const mintPermit = (permitId: string, to: E164, expiresAtMs: number): DialPermit =>
  new DialPermit(MINT, permitId, to, expiresAtMs);

export class MessagePermit {
  readonly #channel: MessageChannel;
  readonly #to: string;
  readonly #expiresAtMs: number;
  #spent = false;
  readonly permitId: string;

  constructor(mint: symbol, permitId: string, channel: MessageChannel, to: string, expiresAtMs: number) {
    if (mint !== MINT) throw new Failure('permit_forged', 'only the gate mints permits');
    this.permitId = permitId;
    this.#channel = channel;
    this.#to = to;
    this.#expiresAtMs = expiresAtMs;
  }

  /** The number or address, once, for its own channel, while the permit lives. Throws as `DialPermit.spend`. */
  spend(channel: MessageChannel, nowMs: number): string {
    if (!(#spent in this) || this.#channel !== channel)
      throw new Failure('permit_forged', 'this is no permit of the gate for such a message');
    if (this.#spent) throw new Failure('permit_spent', 'this permit was used already');
    this.#spent = true;
    if (!(nowMs < this.#expiresAtMs))
      throw new Failure('permit_expired', 'this permit is no longer valid; ask the gate again');
    return this.#to;
  }
}

/** For whoever sends; as `spendPermit`. */
export const spendMessagePermit = (permit: MessagePermit, channel: MessageChannel, nowMs: number): string =>
  MessagePermit.prototype.spend.call(permit, channel, nowMs);

/** For domain/compliance only. */
export const mintMessagePermit = (
  permitId: string,
  channel: MessageChannel,
  to: string,
  expiresAtMs: number,
): MessagePermit => new MessagePermit(MINT, permitId, channel, to, expiresAtMs);
