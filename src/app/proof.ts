/**
 * app/proof: everything that shows why a number was, or may be, called: for a regulator, a court or the person. Covers all
 * numbers of the person, tells whether the ledger still holds, and is sealed with a hash of its own.
 */
import { canonicalPieces, sha256OfPieces } from '../domain/canonical.ts';
import { RULE_VERSION } from '../domain/compliance/decide.ts';
import type { ConsentProof } from '../domain/compliance/records.ts';
import type { ConsentLog, DncEntry } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import { parsePhone } from '../domain/phone.ts';
import { verifyLedger } from './consent-ledger.ts';
import { inOrder } from './paging.ts';
import { personOf } from './person.ts';
import type { Clock, Store } from './ports.ts';

export interface ProofDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly sellerName: string;
}

/** Of each kind: consent events, listings, calls. More is no person, and no page to hand over. */
const MOST = 10_000;
/** So much text is hashed before others get to run: about 1 ms. */
const SLICE_CHARS = 32 * 1024;

const unprovable = (message: string): Failure =>
  new Failure('invalid_request', `phone: ${message}`, { details: { fields: { phone: message } } });

/** Takes at most MOST; one more throws. */
function bounded<T>(what: string): { readonly items: T[]; take(item: T): void } {
  const items: T[] = [];
  return {
    items,
    take(item) {
      if (items.length >= MOST)
        throw unprovable(`the person of this number has more than ${MOST} ${what}, too many for one proof`);
      items.push(item);
    },
  };
}

export function createProof({ store, clock, sellerName }: ProofDeps) {
  /**
   * The proof for the person of this number; of a number nobody knows, an empty one. Throws `invalid_request` when it is no
   * phone number, when more leads share it than can be one person, or when there is more than one proof can hold.
   */
  return async function proof(text: string): Promise<ConsentProof> {
    const phone = parsePhone(text);
    if (phone === undefined) throw unprovable('not a phone number');
    const { numbers, complete } = await personOf(store, [phone]);
    if (!complete) throw unprovable('too many leads share this number to know whose it is');

    const events = bounded<ConsentLog>('consent events');
    const verification = await verifyLedger(store, numbers, events.take);
    const dnc = bounded<DncEntry>('do-not-call entries');
    for await (const entry of inOrder(store.collection('dnc_registry'), { phone: { $in: numbers } }, ['_id']))
      dnc.take(entry);
    const calls = bounded<ConsentProof['calls'][number]>('calls');
    const asked = { contactPhone: { $in: numbers }, direction: 'outbound' };
    for await (const call of inOrder(store.collection('calls'), asked, ['initiatedAt', '_id']))
      calls.take({
        callId: call._id,
        contactPhone: call.contactPhone,
        status: call.status,
        initiatedAt: call.initiatedAt,
        ...(call.complianceDecision ? { decision: call.complianceDecision } : {}),
      });

    const sealed: Omit<ConsentProof, 'hash'> = {
      phone,
      seller: sellerName,
      producedAt: new Date(clock.nowMs()),
      ruleVersion: RULE_VERSION,
      numbers,
      verification,
      events: events.items.sort(
        (a, b) => a.timestamp.getTime() - b.timestamp.getTime() || a.chainIndex - b.chainIndex,
      ),
      dnc: dnc.items.sort((a, b) => a.listedAt.getTime() - b.listedAt.getTime()),
      calls: calls.items,
    };
    return { ...sealed, hash: await hashOf(sealed) };
  };
}

/** `fingerprint`, without holding up the calls that are live. */
async function hashOf(sealed: Readonly<Record<keyof Omit<ConsentProof, 'hash'>, unknown>>): Promise<string> {
  const hash = sha256OfPieces();
  let chars = 0;
  for (const piece of canonicalPieces(sealed)) {
    hash.add(piece);
    chars += piece.length;
    if (chars < SLICE_CHARS) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    chars = 0;
  }
  return hash.hex();
}
