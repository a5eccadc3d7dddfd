/**
 * app/gather-many: the facts of many leads at once, for whoever asks the gate about a whole campaign without dialling. Reads
 * for a batch what `gather` reads for one, and makes the facts of it by the same function. Whoever it cannot do in one sweep
 * (a number that many share, a long record) is read as one.
 */
import type { FactsInput } from '../domain/compliance/facts.ts';
import type { Attempt, Campaign, ConsentLog, DncEntry, Lead } from '../domain/documents.ts';
import { Failure } from '../domain/errors.ts';
import type { Message } from '../domain/message.ts';
import { parsePhone } from '../domain/phone.ts';
import { POLICY_KEYS } from './compliance-policy.ts';
import {
  COUNTED_TEXTS,
  factsFrom,
  type GatherDeps,
  type GatherFacts,
  HISTORY_MS,
  lookUp,
  MOST_ATTEMPTS,
  MOST_CONSENT_EVENTS,
  numbersOf,
  outcomesOf,
  settingsOf,
} from './gather-facts.ts';
import type { Clock } from './ports.ts';
import { slices } from './slices.ts';

export interface GatherManyDeps extends GatherDeps {
  readonly clock: Pick<Clock, 'steadyMs'>;
  readonly gatherFacts: GatherFacts;
}

/** Undefined: the facts of this lead cannot be read, which the gate denies. */
export type GatherMany = (
  leads: readonly Lead[],
  campaign: Campaign,
  atMs: number,
) => Promise<(FactsInput | undefined)[]>;

/** Of a batch; whoever is in one that has more is read alone. */
const MOST_LEADS = 2_000;
const MOST_ENTRIES = 20_000;
/** Larger circles are rare, and followed with the care that `personOf` takes. */
const MOST_SHARING = 5;
const AT_ONCE = 16;

/** What it answers throws what the store throws. */
export function createGatherMany(deps: GatherManyDeps): GatherMany {
  const { store, gatherFacts } = deps;

  async function alone(lead: Lead, campaign: Campaign, atMs: number): Promise<FactsInput | undefined> {
    try {
      return (await gatherFacts({ leadId: lead._id, campaignId: campaign._id }, atMs)).facts;
    } catch (error) {
      if (error instanceof Failure && error.code === 'store_unavailable') throw error;
      return undefined;
    }
  }

  return async (leads, campaign, atMs) => {
    if (store.outage && store.outage.state !== 'up')
      throw new Failure('store_unavailable', 'the database does not have everything yet');
    const own = new Set(leads.flatMap(dialableNumbers));
    const person = await people([...own]);
    const everyNumber = { $in: [...own] };
    const since = new Date(atMs - HISTORY_MS);
    // One after the other: each begins with work that holds everybody up for a moment.
    const consent = await store
      .collection('consent_logs')
      .find({ filter: { phone: everyNumber }, limit: MOST_ENTRIES });
    const dnc = await store
      .collection('dnc_registry')
      .find({ filter: { phone: everyNumber }, limit: MOST_ENTRIES });
    const checks = await store.collection('reassigned_checks').find({ filter: { phone: everyNumber } });
    const attempts = await store.collection('attempts').find({
      filter: {
        phone: everyNumber,
        direction: 'outbound',
        state: { $ne: 'denied' },
        reservedAt: { $gt: since },
      },
      limit: MOST_ENTRIES,
    });
    const texts = await store.collection('messages').find({
      filter: { to: everyNumber, ...COUNTED_TEXTS, createdAt: { $gt: since } },
      limit: MOST_ENTRIES,
    });
    const config = await store
      .collection('system_config')
      .find({ filter: { key: { $in: Object.values(POLICY_KEYS) } } });
    const whole = [consent, dnc, attempts, texts].every(({ length }) => length < MOST_ENTRIES);
    const outcomes = whole ? await outcomesOf(store, attempts) : new Map<string, string>();
    const settings = settingsOf(config);
    const consentBy = byPhone<ConsentLog>(consent, ({ timestamp }) => timestamp);
    const dncBy = byPhone<DncEntry>(dnc, ({ listedAt }) => listedAt);
    const attemptsBy = byPhone<Attempt>(attempts, ({ reservedAt }) => reservedAt);
    const textsBy = byPhone<Message & { readonly phone: string }>(
      texts.map((text) => ({ ...text, phone: text.to })),
      ({ createdAt }) => createdAt,
    );
    const checkOf = new Map(checks.map((check) => [check.phone, check]));

    const breathe = slices(deps.clock);
    return await inTurn(leads, async (lead) => {
      await breathe();
      const [dialled = lead.contact.phone] = dialableNumbers(lead);
      const numbers = person?.(lead);
      if (!whole || !numbers) return await alone(lead, campaign, atMs);
      const events = consentBy(numbers);
      if (events.length > MOST_CONSENT_EVENTS) return undefined;
      return factsFrom(
        {
          dialled,
          numbers,
          lead,
          campaign,
          consent: events,
          dnc: dncBy(numbers),
          imported: await lookUp(store.lists, dialled),
          checked: checkOf.get(dialled),
          attempts: attemptsBy(numbers).slice(0, MOST_ATTEMPTS),
          outcomes,
          texts: textsBy(numbers).slice(0, MOST_ATTEMPTS),
          settings,
        },
        deps,
      );
    });
  };

  /** Who shares numbers with whom; undefined when too many do. Answers undefined for a circle that leaves the batch. */
  async function people(own: readonly string[]): Promise<((lead: Lead) => string[] | undefined) | undefined> {
    const found = await store.collection('leads').find({
      filter: { $or: [{ 'contact.phone': { $in: own } }, { 'contact.alternatePhone': { $in: own } }] },
      limit: MOST_LEADS,
    });
    if (found.length >= MOST_LEADS) return undefined;
    const known = new Set(own);
    const carriers = new Map<string, Lead[]>();
    for (const lead of found)
      for (const number of numbersOf(lead)) {
        const others = carriers.get(number);
        if (others) others.push(lead);
        else carriers.set(number, [lead]);
      }
    return (lead) => {
      const numbers = new Set(dialableNumbers(lead));
      const circle = new Set<string>();
      for (const number of numbers) {
        if (!known.has(number)) return undefined;
        for (const other of carriers.get(number) ?? []) {
          circle.add(other._id);
          for (const more of numbersOf(other)) numbers.add(more);
        }
        if (circle.size > MOST_SHARING) return undefined;
      }
      return [...numbers];
    };
  }
}

/** The number to dial first, as `gather` reads it. */
const dialableNumbers = (lead: Lead): string[] => [
  ...new Set([parsePhone(lead.contact.phone) ?? lead.contact.phone, ...numbersOf(lead)]),
];

/** What there is of any of these numbers, the newest first. */
function byPhone<D extends { readonly phone: string }>(
  documents: readonly D[],
  at: (document: D) => Date,
): (numbers: readonly string[]) => D[] {
  const by = new Map<string, D[]>();
  for (const document of documents) {
    const alike = by.get(document.phone);
    if (alike) alike.push(document);
    else by.set(document.phone, [document]);
  }
  return (numbers) => {
    const found = numbers.flatMap((number) => by.get(number) ?? []);
    return found.length > 1 ? found.sort((a, b) => at(b).getTime() - at(a).getTime()) : found;
  };
}

/** Some at a time, the answers in order. */
async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      if (item !== undefined) answers[at] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return answers;
}
