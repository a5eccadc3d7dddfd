/**
 * test/simulation/checker: an independent judge of dials. It is told everything that happens in the order in which it
 * became known, keeps its own account of it, and says of each dial whether it should have been made, by its own reading of
 * the written reference. It shares no code, no table and no shape with the gate.
 */
import { DateTime } from 'luxon';
import { FEDERAL, numberBar, type Place, placesOf, spanOf, stateBar, within } from './law.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A copy of a list, and the answer about a reassigned number, may be this old. */
const FRESH_MS = 31 * DAY;
/** A dial may follow its decision by this much; what becomes known in between cannot be held against it. */
const RACE_MS = 10_000;
/** States that keep a list of their own (reference 2). */
const LIST_STATES = new Set('CO FL IN LA MA MO OK PA TN TX WY'.split(' '));

/** What the business has set (reference 4 and 5). Null: no such limit. */
export interface Settings {
  readonly killSwitch: boolean;
  readonly emergencyStates: readonly string[];
  readonly blockedStates: readonly string[];
  readonly requireNationalRegistry: boolean;
  readonly requireStateLists: boolean;
  readonly requireReassignedCheck: boolean;
  readonly dncConsentOverride: boolean;
  readonly allowExemptCalls: boolean;
  readonly maxPer24h: number | null;
  readonly minGapMinutes: number;
  readonly maxPerDay: number | null;
  readonly maxPer7Days: number | null;
  readonly maxPer30Days: number | null;
  readonly stopAfterUnanswered: number | null;
}

/** One thing that became known at `at`. Told in order; two of one instant are told in the order of their knowing. */
export type Happening = { readonly at: number } & (
  | {
      /** A lead is new, or is from now on this. `others`: its further numbers. */
      readonly what: 'lead';
      readonly lead: string;
      readonly phone: string;
      readonly others: readonly string[];
      readonly state?: string | undefined;
      readonly zip?: string | undefined;
      readonly landline?: boolean;
    }
  | {
      readonly what: 'consent';
      readonly phone: string;
      readonly given: number;
      readonly until: number;
      readonly seller: string;
      readonly level: 'written' | 'oral';
      readonly purpose: 'marketing' | 'informational';
      /** It says that an artificial voice will call. One that does not allow automated calls is none. */
      readonly artificialVoice: boolean;
      /** Everything that proves it is there. */
      readonly proven: boolean;
    }
  /** The person takes consent back, at `said`, for us. */
  | { readonly what: 'revoked'; readonly phone: string; readonly said: number }
  /** The person wants no more calls: consent is taken back and all numbers go on our own list. */
  | { readonly what: 'stop'; readonly phone?: string; readonly lead?: string; readonly said: number }
  /** One number is put on a list by hand. */
  | { readonly what: 'listed'; readonly list: string; readonly phone: string }
  | { readonly what: 'released'; readonly list: string; readonly phone: string }
  /** A list has a new copy, with these numbers and no others. */
  | {
      readonly what: 'copy';
      readonly list: string;
      readonly asOf: number | null;
      readonly numbers: ReadonlySet<string>;
    }
  | {
      readonly what: 'reassigned';
      readonly phone: string;
      readonly answer: 'yes' | 'no' | 'no_data';
      readonly asked: number;
    }
  | { readonly what: 'settings'; readonly settings: Settings }
  | {
      readonly what: 'campaign';
      readonly campaign: string;
      readonly running: boolean;
      readonly purpose: 'marketing' | 'informational';
      readonly subject: string;
      readonly hours?: { readonly start: string; readonly end: string; readonly days: readonly string[] };
    }
  /** Somebody begins to set this; until it is told itself, it may hold already or not yet. */
  | { readonly what: 'coming'; readonly next: Change }
  /** A phone is made to ring. `askedAfter`: how many happenings were known when the call was asked for. */
  | {
      readonly what: 'dial';
      readonly call: string;
      readonly lead: string;
      readonly campaign: string;
      readonly phone: string;
      readonly decided: number;
      readonly askedAfter: number;
    }
  /** What came of a call, as the carrier saw it. */
  | { readonly what: 'answered'; readonly call: string; readonly by: 'person' | 'machine' }
  | { readonly what: 'over'; readonly call: string; readonly hungUpByPerson: boolean }
);

/** What a person sets for many calls at once. */
type Change = Extract<Happening, { what: 'settings' | 'campaign' }>;

type Known<W extends Happening['what']> = Extract<Happening, { what: W }>;

/** When a fact became known: its instant and its place in the order. */
interface Stamp {
  readonly at: number;
  readonly order: number;
}

/** A reason for which a phone must not ring. `since`: the fact that made it so, where one did. */
export interface Bar {
  readonly rule: string;
  readonly why: string;
  readonly since?: Stamp;
}

export interface Question {
  readonly lead: string;
  readonly campaign: string;
  readonly at: number;
  /** Default: the first number of the lead. */
  readonly phone?: string;
}

export interface Finding extends Bar {
  readonly call: string;
  readonly lead: string;
  readonly phone: string;
  readonly at: number;
  /** When the gate decided. */
  readonly decided: number;
}

interface Dialled {
  readonly call: string;
  readonly at: number;
  readonly phone: string;
  readonly subject: string;
  answeredBy?: 'person' | 'machine';
  over?: { readonly hungUpByPerson: boolean };
}

/** A map of lists. */
function into<K, V>(map: Map<K, V[]>, key: K): V[] {
  const found = map.get(key) ?? [];
  map.set(key, found);
  return found;
}

export function createChecker(options: { readonly seller: string }) {
  let order = 0;
  const leads = new Map<string, Known<'lead'>>();
  const leadsOfNumber = new Map<string, Set<string>>();
  const consents = new Map<string, Known<'consent'>[]>();
  /** By number: when the person last took it back, by their own clock. */
  const revocations = new Map<string, { readonly said: number; readonly since: Stamp }>();
  /** Leads whose person wanted no more calls: their wish outlives a change of number. */
  const stopped = new Map<string, Stamp>();
  const byHand = new Map<string, Map<string, Stamp>>();
  const copies = new Map<string, Known<'copy'> & { readonly since: Stamp }>();
  const reassigned = new Map<string, Known<'reassigned'> & { readonly since: Stamp }>();
  const campaigns = new Map<string, Known<'campaign'> & { readonly since: Stamp }>();
  let settings: { readonly now: Settings; readonly since: Stamp } | undefined;
  let coming: (Change & { readonly since: Stamp }) | undefined;
  const dials = new Map<string, Dialled[]>();
  const calls = new Map<string, Dialled>();
  const violations: Finding[] = [];
  const doubts: Finding[] = [];
  const races: Finding[] = [];

  /** Every number that belongs to the same person as these, by leads that share numbers. */
  function personOf(phones: readonly string[]): { numbers: Set<string>; leads: Set<string> } {
    const numbers = new Set(phones);
    const found = new Set<string>();
    for (const number of numbers)
      for (const id of leadsOfNumber.get(number) ?? []) {
        if (found.has(id)) continue;
        found.add(id);
        const lead = leads.get(id);
        if (lead) for (const other of [lead.phone, ...lead.others]) numbers.add(other);
      }
    return { numbers, leads: found };
  }

  function learnLead(lead: Known<'lead'>): void {
    const before = leads.get(lead.lead);
    for (const phone of before ? [before.phone, ...before.others] : [])
      leadsOfNumber.get(phone)?.delete(lead.lead);
    leads.set(lead.lead, lead);
    for (const phone of [lead.phone, ...lead.others]) {
      const carrying = leadsOfNumber.get(phone) ?? new Set();
      leadsOfNumber.set(phone, carrying.add(lead.lead));
    }
  }

  function stop({ phone, lead, said }: Known<'stop'>, since: Stamp): void {
    const known = lead === undefined ? undefined : leads.get(lead);
    const named = [...(phone === undefined ? [] : [phone]), ...(known ? [known.phone, ...known.others] : [])];
    const person = personOf(named);
    for (const number of person.numbers) {
      revoke(number, said, since);
      if (!handList('internal').has(number)) handList('internal').set(number, since);
    }
    for (const id of person.leads) stopped.set(id, since);
  }

  function revoke(number: string, said: number, since: Stamp): void {
    const before = revocations.get(number);
    if (!before || before.said < said) revocations.set(number, { said, since });
  }

  function handList(list: string): Map<string, Stamp> {
    const found = byHand.get(list) ?? new Map<string, Stamp>();
    byHand.set(list, found);
    return found;
  }

  function listedIn(list: string, phone: string): Stamp | undefined {
    const hand = byHand.get(list)?.get(phone);
    if (hand) return hand;
    const copy = copies.get(list);
    return copy?.numbers.has(phone) ? copy.since : undefined;
  }

  /** Is the copy of a list fit to be trusted? */
  function copyBar(list: string, at: number, required: boolean): { rule: string; why: string } | undefined {
    const copy = copies.get(list);
    if (!copy || copy.asOf === null)
      return required ? { rule: 'list_missing', why: `there is no copy of ${list}` } : undefined;
    if (copy.asOf > at) return { rule: 'list_missing', why: `the copy of ${list} is dated in the future` };
    if (at - copy.asOf > FRESH_MS)
      return { rule: 'list_stale', why: `the copy of ${list} is of ${new Date(copy.asOf).toISOString()}` };
    return undefined;
  }

  /** What is wrong with one consent for a call of this kind; undefined: it carries the call. */
  function consentBar(
    consent: Known<'consent'>,
    at: number,
    marketing: boolean,
    lastNo: number,
    places: readonly Place[],
  ): { rule: string; why: string } | undefined {
    if (consent.seller !== options.seller)
      return { rule: 'consent_seller', why: `it was given to ${consent.seller}` };
    if (consent.given > at) return { rule: 'consent_early', why: 'it is not given yet' };
    if (consent.given <= lastNo) return { rule: 'consent_revoked', why: 'it was taken back' };
    // Whoever has once said no consents anew in writing, whatever the call is for (reference 1.5).
    const inWriting = marketing || Number.isFinite(lastNo);
    if (inWriting && consent.level !== 'written') return { rule: 'consent_oral', why: 'it is oral' };
    if (marketing && consent.purpose !== 'marketing')
      return { rule: 'consent_purpose', why: 'it is for information only' };
    if (inWriting && !consent.artificialVoice)
      return { rule: 'consent_voice', why: 'it does not speak of an artificial voice' };
    if (!consent.proven) return { rule: 'consent_unproven', why: 'its evidence is incomplete' };
    if (at >= consent.until) return { rule: 'consent_expired', why: 'it has expired' };
    if (places.some(({ state }) => state === 'KY')) {
      const twoYears = DateTime.fromMillis(consent.given, { zone: 'utc' }).plus({ years: 2 }).toMillis();
      if (at >= twoYears) return { rule: 'consent_expired', why: 'Kentucky lets it live two years' };
    }
    return undefined;
  }

  /** How often the person was called, against every limit. */
  function frequencyBars(
    past: readonly Dialled[],
    at: number,
    subject: string,
    places: readonly Place[],
    { now, since }: { now: Settings; since: Stamp },
  ): { bars: Bar[]; doubts: Bar[] } {
    const bars: Bar[] = [];
    const doubts: Bar[] = [];
    const sinceMs = (ms: number) => past.filter((dial) => dial.at > at - ms);
    const lastDay = sinceMs(DAY);
    const sameSubject = lastDay.filter((dial) => dial.subject === subject);
    for (const state of new Set(places.map((place) => place.state))) {
      if (['FL', 'OK', 'MD', 'OR'].includes(state) && sameSubject.length >= 3)
        bars.push({ rule: 'state_cap', why: `${sameSubject.length} calls in 24 h in ${state}` });
      // Oregon's row names no subject, the cases say that only the same subject counts.
      else if (state === 'OR' && lastDay.length >= 3)
        doubts.push({ rule: 'state_cap', why: `${lastDay.length} calls in 24 h in OR, other subjects too` });
      if (state === 'ME' && sinceMs(8 * HOUR).length >= 1)
        bars.push({ rule: 'state_cap', why: 'a call within 8 h in ME' });
      if (state === 'NV' && past.some((dial) => dial.answeredBy === 'person' && dial.over?.hungUpByPerson))
        bars.push({ rule: 'state_cap', why: 'the person hung up on an earlier call, in NV' });
    }
    const limit = (count: number, most: number | null, what: string): void => {
      if (most !== null && count >= most)
        bars.push({ rule: 'business_cap', why: `${count} calls ${what}, ${most} allowed`, since });
    };
    limit(lastDay.length, now.maxPer24h, 'in 24 h');
    limit(sinceMs(7 * DAY).length, now.maxPer7Days, 'in 7 days');
    limit(sinceMs(30 * DAY).length, now.maxPer30Days, 'in 30 days');
    for (const zone of new Set(places.flatMap((place) => place.zones))) {
      const today = DateTime.fromMillis(at, { zone }).toISODate();
      const count = lastDay.filter((dial) => DateTime.fromMillis(dial.at, { zone }).toISODate() === today);
      limit(count.length, now.maxPerDay, `today in ${zone}`);
    }
    const last = past.reduce((latest, dial) => Math.max(latest, dial.at), Number.NEGATIVE_INFINITY);
    if (at - last < now.minGapMinutes * 60_000)
      bars.push({ rule: 'business_cap', why: `the last call was ${(at - last) / 60_000} min ago`, since });
    const newest = [...past].sort((a, b) => b.at - a.at);
    const inARow = (answered: (dial: Dialled) => boolean): number => {
      const first = newest.findIndex(answered);
      return first === -1 ? newest.length : first;
    };
    limit(
      inARow(({ answeredBy }) => answeredBy !== undefined),
      now.stopAfterUnanswered,
      'unanswered in a row',
    );
    // Whether a machine took the call nobody may have told: it is no person, and it is an answer.
    const heardNobody = inARow(({ answeredBy }) => answeredBy === 'person');
    if (now.stopAfterUnanswered !== null && heardNobody >= now.stopAfterUnanswered)
      doubts.push({ rule: 'business_cap', why: `${heardNobody} calls in a row that no person took`, since });
    return { bars, doubts };
  }

  /** Everything that speaks against making this phone ring at this moment; with `next`, as if that held already. */
  function judge(question: Question, next?: typeof coming): { bars: readonly Bar[]; doubts: readonly Bar[] } {
    const { at } = question;
    const lead = leads.get(question.lead);
    const campaign =
      next?.what === 'campaign' && next.campaign === question.campaign
        ? next
        : campaigns.get(question.campaign);
    const standing = next?.what === 'settings' ? { now: next.settings, since: next.since } : settings;
    const bars: Bar[] = [];
    const doubts: Bar[] = [];
    const bar = (rule: string, why: string, since?: Stamp): void =>
      void bars.push({ rule, why, ...(since ? { since } : {}) });
    if (!lead || !campaign || !standing) {
      bar('unknown', `nobody knows this ${lead ? 'campaign' : 'lead'}`);
      return { bars, doubts };
    }
    const { now } = standing;
    const phone = question.phone ?? lead.phone;
    const marketing = campaign.purpose === 'marketing';
    const person = personOf([phone, lead.phone, ...lead.others]);

    if (now.killSwitch) bar('kill_switch', 'the kill switch is on', standing.since);
    if (!campaign.running) bar('campaign_stopped', 'the campaign does not run', campaign.since);
    if (phone !== lead.phone && !lead.others.includes(phone))
      bar('wrong_number', `${phone} is no number of this lead`);
    const wrong = numberBar(phone);
    if (wrong !== undefined) bar(wrong, phone);

    for (const number of person.numbers) {
      const listed = byHand.get('internal')?.get(number);
      if (listed) bar('internal_list', `${number} of this person is on our own list`, listed);
    }
    const wish = stopped.get(lead.lead);
    if (wish && !bars.some(({ rule }) => rule === 'internal_list'))
      bar('stopped_person', 'this person said stop on another number', wish);
    const litigator = listedIn('litigator', phone);
    if (litigator) bar('litigator', 'the number is on the list of litigators', litigator);

    const places = placesOf(phone, lead);
    const known = typeof places === 'string' ? [] : places;
    if (typeof places === 'string' && wrong === undefined) bar(places, `${phone} ${lead.state} ${lead.zip}`);
    const states = new Set(known.map((place) => place.state));

    const national = copyBar('national', at, now.requireNationalRegistry);
    if (national) bar(national.rule, national.why, copies.get('national')?.since ?? standing.since);
    for (const state of states) {
      if (!LIST_STATES.has(state) && !copies.has(`state.${state}`)) continue;
      const copy = copyBar(`state.${state}`, at, LIST_STATES.has(state) && now.requireStateLists);
      if (copy) bar(copy.rule, copy.why, copies.get(`state.${state}`)?.since ?? standing.since);
    }

    // A consent carries a call to its own number only; a no on any number of the person ends them all.
    let lastNo = Number.NEGATIVE_INFINITY;
    let lastNoSince: Stamp | undefined;
    for (const number of person.numbers) {
      const no = revocations.get(number);
      if (!no || no.said < lastNo) continue;
      lastNo = no.said;
      lastNoSince = no.since;
    }
    const given = consents.get(phone) ?? [];
    const flaws = given.map((consent) => consentBar(consent, at, marketing, lastNo, known));
    const good = flaws.includes(undefined);
    const neverAsked = [...person.numbers].every((number) => (consents.get(number) ?? []).length === 0);
    const exempt =
      !marketing && now.allowExemptCalls && lead.landline === true && neverAsked && !lastNoSince && !wish;
    if (!good && !exempt) {
      // One reason is told: that of the consent which comes furthest, the last one given when in doubt.
      const flaw = flaws.at(-1) ?? { rule: 'consent_missing', why: 'nobody consented for this number' };
      bar(flaw.rule, flaw.why, flaw.rule === 'consent_revoked' ? lastNoSince : undefined);
    }
    const lists = ['national', ...new Set([...byHand.keys(), ...copies.keys()])].filter(
      (list) => list === 'national' || list.startsWith('state.'),
    );
    if (marketing && !(now.dncConsentOverride && good))
      for (const list of new Set(lists)) {
        const since = listedIn(list, phone);
        if (!since) continue;
        if (list === 'national' || states.has(list.slice(6)))
          bar('registry', `the number is on the list ${list}`, since);
        else
          doubts.push({ rule: 'registry', why: `the number is on ${list} of a place it is not in`, since });
      }

    const check = reassigned.get(phone);
    const byHandToo = listedIn('reassigned', phone);
    if (byHandToo) bar('reassigned', 'somebody entered that the number changed hands', byHandToo);
    if (check?.answer === 'yes') bar('reassigned', 'the number belongs to somebody else now', check.since);
    else if (now.requireReassignedCheck) {
      if (check?.answer !== 'no')
        bar('reassigned_unknown', 'nobody asked whether it was reassigned', standing.since);
      else if (at - check.asked > FRESH_MS || check.asked > at)
        bar('reassigned_unknown', 'the answer about reassignment is old', standing.since);
    }

    for (const state of states) {
      if (now.blockedStates.includes(state)) bar('state_blocked', `${state} is not enabled`, standing.since);
      if (now.emergencyStates.includes(state))
        bar('state_frozen', `${state} has an emergency`, standing.since);
    }
    for (const place of known)
      for (const zone of place.zones) {
        const local = DateTime.fromMillis(at, { zone });
        if (!within(FEDERAL, local))
          bar('federal_hours', `it is ${local.toFormat('ccc yyyy-MM-dd HH:mm:ss')} in ${zone}`);
        const closed = stateBar(place.state, local);
        if (closed !== undefined) bar('state_hours', `${closed}, ${zone}`);
        if (!campaign.hours) continue;
        const { start, end, days } = campaign.hours;
        const weekday = local.toFormat('ccc').toLowerCase();
        if (!days.includes(weekday) || !within(spanOf(`${start}-${end}`), local))
          bar('campaign_hours', `the campaign rests on ${local.toFormat('ccc HH:mm')} in ${zone}`);
      }

    const past = [...person.numbers].flatMap((number) => dials.get(number) ?? []);
    const often = frequencyBars(past, at, campaign.subject, known, standing);
    bars.push(...often.bars);
    doubts.push(...often.doubts);
    if (exempt && !good && past.filter((dial) => dial.at > at - 30 * DAY).length >= 3)
      bar('exempt_cap', 'three exempt calls in 30 days');
    const live = past.find((dial) => !dial.over);
    if (live) bar('two_at_once', `call ${live.call} to ${live.phone} of this person is not over`);
    return { bars, doubts };
  }

  function dial(happening: Known<'dial'>): void {
    const { call, lead, phone, at, decided, askedAfter } = happening;
    const about = { call, lead, phone, at, decided };
    if (calls.has(call)) violations.push({ ...about, rule: 'doubled', why: 'this call was dialled before' });
    const verdict = judge(happening);
    const otherwise = coming && new Set(judge(happening, coming).bars.map(({ rule }) => rule));
    for (const bar of verdict.bars) {
      if (otherwise && !otherwise.has(bar.rule)) continue;
      const { since } = bar;
      const unknown =
        since !== undefined &&
        (since.at > decided || (since.at === decided && since.order > askedAfter)) &&
        at - decided <= RACE_MS;
      (unknown ? races : violations).push({ ...about, ...bar });
    }
    doubts.push(...verdict.doubts.map((doubt) => ({ ...about, ...doubt })));
    const subject = campaigns.get(happening.campaign)?.subject ?? '';
    const dialled: Dialled = { call, at, phone, subject };
    into(dials, phone).push(dialled);
    calls.set(call, dialled);
  }

  return {
    violations: violations as readonly Finding[],
    doubts: doubts as readonly Finding[],
    /** Dials whose bar became known only between their decision and the ringing. */
    races: races as readonly Finding[],
    get known(): number {
      return order;
    },
    get dials(): number {
      return calls.size;
    },
    judge,
    note(happening: Happening): void {
      order += 1;
      const since = { at: happening.at, order };
      switch (happening.what) {
        case 'lead':
          return learnLead(happening);
        case 'consent':
          return void into(consents, happening.phone).push(happening);
        case 'revoked':
          return revoke(happening.phone, happening.said, since);
        case 'stop':
          return stop(happening, since);
        case 'listed':
          if (!handList(happening.list).has(happening.phone))
            handList(happening.list).set(happening.phone, since);
          return;
        case 'released':
          handList(happening.list).delete(happening.phone);
          // A person let go by a human may be asked anew, on all of their leads.
          if (happening.list === 'internal')
            for (const id of personOf([happening.phone]).leads) stopped.delete(id);
          return;
        case 'copy':
          return void copies.set(happening.list, { ...happening, since });
        case 'reassigned': {
          const before = reassigned.get(happening.phone);
          // Files come in any order; the last time of asking counts.
          if (!before || before.asked <= happening.asked)
            reassigned.set(happening.phone, { ...happening, since });
          return;
        }
        case 'coming':
          coming = { ...happening.next, since };
          return;
        case 'settings':
          settings = { now: happening.settings, since };
          coming = undefined;
          return;
        case 'campaign':
          coming = undefined;
          return void campaigns.set(happening.campaign, { ...happening, since });
        case 'dial':
          return dial(happening);
        case 'answered': {
          const answered = calls.get(happening.call);
          if (answered) answered.answeredBy = happening.by;
          return;
        }
        case 'over': {
          const over = calls.get(happening.call);
          if (over) over.over = { hungUpByPerson: happening.hungUpByPerson };
        }
      }
    },
  };
}
