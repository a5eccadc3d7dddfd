/**
 * domain/compliance/permit: the only key to a dial tone. A permit is for one number, lives for seconds and works once.
 * Its maker is not exported beyond this room (walls.test keeps it so), and the number inside is readable only by spending.
 */
import { Failure } from '../errors.ts';
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
