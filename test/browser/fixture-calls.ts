/**
 * test/browser/fixture-calls: what people and the analysis make of calls, the search for what was said, and a talk of half an
 * hour. It keeps what it is told and checks what it is asked by the contract.
 */
import { z } from 'zod';
import {
  Call,
  CallAnalyses,
  CallAnalysis,
  CallBulk,
  CallBulkResults,
  CallBulkUndo,
  CallCommentCreate,
  CallCommentPatch,
  CallMatches,
  type CallQuery,
  CallReview,
  CallReviewPut,
  CallScripts,
  CallSearchQuery,
  CallsToReview,
  CallTest,
  FoundCalls,
  Reviewers,
  SavedView,
  SavedViewPut,
  Transcript,
  type TranscriptMessage,
  Waveform,
  WordsCorrection,
  WrongClaimMark,
} from '../../src/contract/index.ts';
import { longestMonologue } from '../../src/domain/monologue.ts';
import { type Ask, CAMPAIGN, fits, json, problem, type Reply } from './fixture-gate.ts';
import { after, ago, blankCall, FINISHED, HOSTILE, hex, PEOPLE, type Told, tell } from './fixtures.ts';

/** Whoever is signed in. */
export const ME = { id: hex(0xee_01), name: 'Robin Ellery' };
/** Others who review calls, and somebody who left while a call waited for them. */
export const ADA = { id: hex(0xee_02), name: 'Ada Okoye' };
export const BEN = { id: hex(0xee_03), name: 'Ben Sato' };
export const LEFT = { id: hex(0xee_04), name: 'Dee Marsh' };
const STAFF = [ADA, BEN, ME];

/** Talked, analysed and reviewed. */
export const REVIEWED = hex(0xca06);
/** Half an hour, 300 messages. */
export const LONG = hex(0xca10);
export const LONG_SEC = 1_800;
const ANALYSIS = hex(0xaa_01);
const ORIGIN = { by: 'lexicon', version: '1', transcriptHash: 'a'.repeat(64) } as const;
const VISIT_AGREED = {
  type: 'site_visit',
  scheduledFor: '2026-11-26T23:00:00.000Z',
  notes: 'At the house',
} as const;
/** The least that an analysis can say. */
const FINDINGS = {
  sentiment: { overall: 0.3, timeline: [], emotions: { positive: 0.4, neutral: 0.5, negative: 0.1 } },
  messages: [],
  keyMoments: [],
  extractedInfo: { motivationFactors: [] },
  followUpActions: [],
  qualityScore: 0.74,
  qualityFactors: { clearCommunication: 1, activeListening: 1, objectionHandling: 0.5, outcomeAchieved: 0.5 },
  topics: [],
  keywords: [],
  summary: 'They may sell.',
  evidence: [],
};

const LINES = [
  'We finished the kitchen two years ago, new cabinets and all.',
  'Would next week suit you for a visit at the house?',
  'My sister has to agree as well, the house came to both of us.',
  'I understand. Let me note that down, so nobody asks you twice.',
  'Other people called me about it, they said three hundred thousand.',
] as const;

function longCall(): Told {
  const person = PEOPLE[0];
  if (!person) throw new Error('nobody to call');
  const start = ago(60 * 24 * 2);
  const told: Told = { call: blankCall(LONG, person, 0, start), events: [], messages: [] };
  tell(told, { type: 'answered' }, start);
  tell(told, { type: 'stream_opened', streamSid: 'MZ' }, start);
  for (let turn = 0; turn < 300; turn += 1) {
    const at = after(start, turn * 6);
    if (turn % 2 === 1) tell(told, { type: 'heard', turn, latencyMs: 500 + ((turn * 137) % 1_900) }, at);
    tell(
      told,
      {
        type: 'said',
        role: turn % 2 === 0 ? 'user' : 'agent',
        text: `${LINES[turn % LINES.length]} (${turn})`,
        turn,
      },
      at,
    );
    if (turn % 40 === 39)
      tell(told, { type: 'interrupted', turn, heardMs: 1_500 }, after(start, turn * 6 + 2));
    if (turn % 60 === 30) {
      tell(told, { type: 'tool_called', toolCallId: `t${turn}`, name: 'look_up_price', parameters: {} }, at);
      tell(
        told,
        {
          type: 'tool_answered',
          toolCallId: `t${turn}`,
          result: 'About 310,000',
          isError: false,
          tookMs: 180,
        },
        after(start, turn * 6 + 1),
      );
    }
  }
  const end = after(start, LONG_SEC);
  tell(
    told,
    { type: 'ended', status: 'completed', reason: 'The caller hung up', durationSec: LONG_SEC },
    end,
  );
  tell(told, { type: 'recording_ready', source: 'bridge', durationSec: LONG_SEC }, end);
  tell(told, { type: 'reconciled', completeness: 'complete', turns: [], source: 'webhook' }, end);
  understand(told);
  return told;
}

/** The call as it is after an analysis by word lists. */
function understand(told: Told): void {
  const { messages } = told;
  const theirs = messages.flatMap((message, messageIndex) =>
    message.speaker === 'user' ? [{ ...message, messageIndex }] : [],
  );
  const moments = theirs.filter((_, index) => index % Math.max(2, Math.floor(theirs.length / 8)) === 1);
  told.messages = messages.map((message, index) =>
    message.speaker === 'user' ? { ...message, sentiment: Math.sin(index / 3) * 0.8 } : message,
  );
  const second = theirs[1]?.messageIndex ?? 0;
  told.call = Call.parse({
    ...told.call,
    script: { name: 'outbound', hash: '3f'.repeat(32) },
    campaignId: CAMPAIGN,
    campaignStep: { stage: 'follow_up', step: 1 },
    sentiment: {
      overall: 0.42,
      timeline: theirs.map(({ timestamp }, index) => ({ timestamp, score: Math.sin(index / 5) * 0.8 })),
      emotions: { positive: 0.5, neutral: 0.4, negative: 0.1 },
    },
    keyMoments: moments.map(({ messageIndex, timestamp, text }, index) => ({
      type: (['question', 'objection', 'commitment', 'interest'] as const)[index % 4],
      messageIndex,
      timestamp,
      userText: text,
      ...(index % 4 === 1 ? { agentResponse: 'I see. Let me look that up.', resolved: index % 8 === 1 } : {}),
    })),
    extractedInfo: {
      propertyCondition: 'good',
      motivationFactors: ['inherited'],
      timeframe: '60_days',
      priceExpectation: 310_000,
      competingOffers: true,
      decisionMakers: 'family_approval_needed',
    },
    qualityScore: 0.74,
    qualityFactors: {
      clearCommunication: 0.9,
      activeListening: 0.66,
      objectionHandling: 0.5,
      outcomeAchieved: 0.9,
    },
    summary: `They inherited the house and would like a visit next week. ${HOSTILE}`,
    followUpActions: [{ ...VISIT_AGREED, completed: false, foundBy: 'analysis' }],
    cost: {
      twilioMinutes: 30,
      twilioRate: 0.014,
      elevenLabsMinutes: 30,
      elevenLabsRate: 0.08,
      totalCost: 2.82,
    },
    analysis: {
      analysisId: ANALYSIS,
      at: ago(60),
      by: 'lexicon',
      version: '1',
      transcriptHash: 'ab'.repeat(32),
      outcome: 'qualified',
      disposition: 'interested',
      topics: ['property_condition', 'site_visit'],
      keywords: ['kitchen'],
      evidence: [
        { path: 'summary.0', messageIndex: second, quote: 'house' },
        { path: 'extractedInfo.timeframe', messageIndex: second, quote: 'next week' },
        { path: 'extractedInfo.motivationFactors.inherited', messageIndex: second, quote: 'came to both' },
        { path: 'outcome', messageIndex: second, quote: 'Thursday' },
        { path: 'followUpActions.site_visit@2', messageIndex: second, quote: 'Thursday' },
        { path: 'topics.site_visit', messageIndex: second, quote: 'Thursday' },
      ],
    },
  });
}

/** Each side loud while it speaks: for as long as its words take. */
function waveformOf({ call, messages }: Told): z.infer<typeof Waveform> {
  const durationSec = call.recordingDuration ?? 0;
  const buckets = Math.min(4_000, Math.ceil(durationSec / 0.05));
  const bucketSec = durationSec / buckets;
  const lane = (speaker: TranscriptMessage['speaker']) => {
    const peaks = new Array<number>(buckets).fill(0);
    for (const { timestamp, text } of messages.filter((message) => message.speaker === speaker)) {
      const last = Math.min(
        buckets - 1,
        Math.floor((timestamp + Math.min(3.6, text.length * 0.06)) / bucketSec),
      );
      for (let at = Math.floor(timestamp / bucketSec); at <= last; at += 1)
        peaks[at] = 30 + ((at * 37 + text.length * 11) % 150);
    }
    return peaks;
  };
  const [caller, agent] = [lane('user'), lane('agent')];
  const [theirs, ours] = [
    longestMonologue(caller, agent, bucketSec),
    longestMonologue(agent, caller, bucketSec),
  ];
  const monologues = { ...(theirs ? { caller: theirs } : {}), ...(ours ? { agent: ours } : {}) };
  return { durationSec, bucketSec, caller, agent, monologues };
}

export interface CallControls {
  /** Puts a talk of half an hour among the calls; answers its id. */
  addLong(): string;
  /** The index of what was said is not whole yet. */
  indexing(yes: boolean): void;
}

/** The calls that people were given; null: nobody in particular. */
const givenTo = (assignedTo: string | null) => {
  const person = [...STAFF, LEFT].find(({ id }) => id === assignedTo);
  return person
    ? { assignedTo: person.id, assignedToName: person.name, assignedBy: ME.name, assignedAt: ago(0) }
    : {};
};
const nobodys = ({
  assignedTo: _to,
  assignedToName: _name,
  assignedBy: _by,
  assignedAt: _at,
  ...review
}: CallReview): CallReview => review;

export function createCallFixtures(calls: () => Map<string, Told>) {
  const reviews = new Map<string, CallReview>();
  let views: SavedView[] = [];
  let wrong: CallAnalysis['wrong'] = [];
  let complete = true;
  let made = 0;
  const fresh = (): string => hex(0xcc_0000 + ++made);
  const reviewed = calls().get(REVIEWED);
  if (reviewed) {
    understand(reviewed);
    reviews.set(
      REVIEWED,
      CallReview.parse({
        callId: REVIEWED,
        status: 'needs_attention',
        tags: ['coaching', 'price'],
        comments: [
          {
            id: fresh(),
            by: 'somebody',
            byName: 'Ada',
            text: `Listen to this. ${HOSTILE}`,
            atSec: 16.4,
            createdAt: ago(90),
          },
        ],
        reviewedBy: 'Ada',
        reviewedAt: ago(90),
        ...givenTo(ADA.id),
        assignedAt: ago(200),
      }),
    );
  }
  const reviewOf = (callId: string): CallReview =>
    reviews.get(callId) ?? CallReview.parse({ callId, status: 'unreviewed', tags: [], comments: [] });
  /** The review with who has it, where that is told. */
  const assigned = (review: CallReview, assignedTo: string | null | undefined): CallReview =>
    assignedTo === undefined ? review : { ...nobodys(review), ...givenTo(assignedTo) };
  if (calls().has(FINISHED)) reviews.set(FINISHED, assigned(reviewOf(FINISHED), LEFT.id));
  const waitingFor = (userId: string): number =>
    [...reviews.values()].filter(({ assignedTo, status }) => assignedTo === userId && status === 'unreviewed')
      .length;
  /** Reviews of tests have no revision: the undo of the fixture puts back what it is given. */
  const inBulk = (path: string, body: unknown): Reply => {
    if (path === '/calls/bulk/undo') {
      const { reviews: before } = fits('body', CallBulkUndo, body);
      for (const { callId, status, tags, assignedTo } of before)
        reviews.set(callId, { ...assigned(reviewOf(callId), assignedTo), status, tags });
      return json(CallBulkResults, {
        items: before.map(({ callId }) => ({ callId, state: 'done' as const })),
      });
    }
    const { callIds, deed } = fits('body', CallBulk, body);
    return json(CallBulkResults, {
      items: callIds.map((callId) => {
        if (calls().get(callId)?.call.status === 'denied')
          return {
            callId,
            state: 'failed' as const,
            problem: { code: 'call_not_found', detail: 'no such call' },
          };
        if (deed.what === 'analyse') return { callId, state: 'done' as const };
        const before = reviewOf(callId);
        const { status, tags, assignedTo = null } = before;
        reviews.set(callId, {
          ...assigned(before, deed.what === 'assign' ? deed.assignedTo : undefined),
          ...(deed.what === 'review' ? { status: deed.status } : {}),
          ...(deed.what === 'tag' ? { tags: [...tags, ...(deed.add ?? [])] } : {}),
        });
        return { callId, state: 'done' as const, undo: { status, tags, assignedTo, revision: 1 } };
      }),
    });
  };
  const keep = (review: CallReview, status = 200): Reply => {
    reviews.set(review.callId, review);
    return json(CallReview, review, status);
  };
  const analysisOf = (callId: string): CallAnalysis =>
    CallAnalysis.parse({
      id: ANALYSIS,
      callId,
      state: 'done',
      requestedBy: 'system',
      applied: true,
      origin: ORIGIN,
      analysis: {
        ...FINDINGS,
        followUpActions: [VISIT_AGREED],
        evidence: [{ path: 'followUpActions.site_visit@2', messageIndex: 2, quote: 'Thursday' }],
      },
      wrong,
      createdAt: ago(60),
      updatedAt: ago(60),
    });
  const olderOf = (callId: string): CallAnalysis =>
    CallAnalysis.parse({
      ...analysisOf(callId),
      id: hex(0xaa_02),
      applied: false,
      wrong: [],
      createdAt: ago(300),
    });

  function ofCall(
    { method, body, query }: Ask,
    told: Told,
    part: string,
    id: string | undefined,
  ): Reply | undefined {
    const callId = told.call.id;
    const now = new Date().toISOString();
    const review = reviewOf(callId);
    const changed = (comments: CallReview['comments']) => keep({ ...review, comments });
    switch (`${method} ${part}`) {
      case 'GET review':
        return json(CallReview, review);
      case 'PUT review': {
        const given = fits('body', CallReviewPut, body);
        const { status = review.status, tags = review.tags, assignedTo } = given;
        const by = given.status === undefined ? {} : { reviewedBy: ME.name, reviewedAt: now };
        return keep({ ...assigned(review, assignedTo), status, tags, ...by });
      }
      case 'POST comments': {
        const given = fits('body', CallCommentCreate, body);
        const comment = { id: fresh(), by: ME.id, byName: ME.name, ...given, createdAt: now };
        return keep({ ...review, comments: [...review.comments, comment] }, 201);
      }
      case 'PATCH comments': {
        const { text } = fits('body', CallCommentPatch, body);
        return changed(
          review.comments.map((each) => (each.id === id ? { ...each, text, editedAt: now } : each)),
        );
      }
      case 'DELETE comments':
        return changed(review.comments.filter((each) => each.id !== id));
      case 'PUT transcript':
      case 'DELETE transcript': {
        const at = Number(id);
        const line = told.messages[at];
        if (!line) return problem(404, 'not_found', 'No such line');
        const { correction, ...rest } = line;
        const original = correction?.original ?? line.text;
        const given = method === 'PUT' ? fits('body', WordsCorrection, body) : undefined;
        if (given && given.was !== line.text)
          return problem(409, 'transcript_conflict', 'The line reads otherwise by now');
        told.messages[at] = given
          ? { ...rest, text: given.text, correction: { original, by: ME.name, at: now } }
          : { ...rest, text: original };
        const fullTranscript = told.messages.map(({ text }) => text).join('\n');
        return json(Transcript, { callId, messages: told.messages, fullTranscript, live: false });
      }
      case 'GET test':
        return json(CallTest, {
          callId,
          conversation: {
            about: 'Made from a call that came to: qualified.',
            startedAt: told.call.answeredAt ?? told.call.initiatedAt,
            zone: 'America/New_York',
            optedOut: false,
            talk: told.messages.map(
              ({ speaker, text }) => `${speaker}: ${text.replaceAll('Pine', 'Sample')}`,
            ),
            expected: {
              outcome: [],
              sentiment: [-0.2, 0.4],
              keyMoments: [{ type: 'objection', messageIndex: 3 }],
              extractedInfo: { motivationFactors: ['inherited'], timeframe: '60_days' },
              followUps: [{ type: 'site_visit', at: '2026-11-26T23:00:00.000Z' }],
            },
          },
          replaced: [{ kind: 'address', found: '9 Pine Street', by: '10 Sample Street', times: 2 }],
          leftOut: [{ path: 'outcome', note: 'They only asked.' }],
          notes: ['The outcome was marked as wrong: say what is right.'],
        });
      case 'GET waveform':
        return told.call.hasRecording
          ? json(Waveform, waveformOf(told))
          : problem(404, 'recording_not_found', 'This call has no recording');
      case 'GET analyses':
        return json(CallAnalyses, {
          items: told.call.analysis ? [analysisOf(callId), olderOf(callId)] : [],
          ...(query.has('compare')
            ? {
                differences: [
                  { path: 'extractedInfo.timeframe', b: 'within_month' },
                  { path: 'keyMoments.objection@4', a: 'unresolved', b: 'resolved' },
                  { path: 'outcome', a: 'callback', b: 'qualified' },
                  { path: 'qualityScore', a: 0.61, b: 0.74 },
                ],
              }
            : {}),
        });
      case 'POST analyses': {
        if (id === undefined) return json(CallAnalysis, { ...analysisOf(callId), state: 'queued' }, 202);
        wrong = [...wrong, { ...fits('body', WrongClaimMark, body), by: ME.id, at: now }];
        return json(CallAnalysis, analysisOf(callId));
      }
      default:
        return undefined;
    }
  }

  function search({ query }: Ask): Reply {
    const { text } = fits('query', CallSearchQuery, Object.fromEntries(query));
    const words = [...text.toLowerCase().matchAll(/"([^"]+)"|([\p{L}\p{N}']+)/gu)].map(
      ([, phrase, word]) => phrase ?? word ?? '',
    );
    const has = (said: string, word: string) => said.toLowerCase().includes(word);
    return json(FoundCalls, {
      items: [...calls().values()]
        .filter(({ messages }) => words.every((word) => messages.some((message) => has(message.text, word))))
        .map(({ call, messages }) => ({
          call,
          said: messages
            .map(({ speaker, text: said, timestamp }, index) => ({ index, speaker, text: said, timestamp }))
            .filter((message) => words.some((word) => has(message.text, word)))
            .slice(0, 3),
        })),
      complete,
    });
  }

  const controls: CallControls = {
    addLong() {
      calls().set(LONG, longCall());
      return LONG;
    },
    indexing(yes) {
      complete = !yes;
    },
  };

  return {
    controls,
    /** What a list of calls tells of the review of one. */
    listed(call: Call) {
      const review = reviews.get(call.id);
      if (!review) return call;
      const { status, tags, comments, assignedTo, assignedToName } = review;
      const whose = assignedTo === undefined ? {} : { assignedTo, assignedToName };
      return { ...call, review: { status, tags, comments: comments.length, ...whose } };
    },
    fits(call: Call, asked: Pick<CallQuery, 'review' | 'tag' | 'assignedTo'>): boolean {
      const { status, tags, assignedTo = 'none' } = reviewOf(call.id);
      const whose = asked.assignedTo === 'me' ? ME.id : asked.assignedTo;
      return (
        (asked.review ?? status) === status &&
        (asked.tag === undefined || tags.includes(asked.tag)) &&
        (whose ?? assignedTo) === assignedTo
      );
    },
    answer(ask: Ask): Reply | undefined {
      const { method, path, body } = ask;
      if (path === '/calls/search') return search(ask);
      if (path === '/calls/scripts')
        return json(CallScripts, { items: [{ name: 'outbound', hash: 'ab12cd34', createdAt: ago(60) }] });
      if (path === '/calls/reviewers')
        return json(Reviewers, { items: STAFF, former: [LEFT].filter(({ id }) => waitingFor(id) > 0) });
      if (path === '/calls/to-review') return json(CallsToReview, { calls: waitingFor(ME.id) });
      if (path === '/calls/matching') return json(CallMatches, { ids: [...calls().keys()], more: true });
      if (path.startsWith('/calls/bulk')) return inBulk(path, body);
      if (path === '/views' && method === 'GET')
        return json(z.object({ items: z.array(SavedView) }), { items: views });
      if (path === '/views') {
        const given = fits('body', SavedViewPut, body);
        const view = SavedView.parse({ id: fresh(), ...given, updatedAt: new Date().toISOString() });
        views = [...views.filter(({ name }) => name !== view.name), view];
        return json(SavedView, view);
      }
      const viewId = /^\/views\/([0-9a-f]{24})$/.exec(path)?.[1];
      if (viewId !== undefined) {
        views = views.filter(({ id }) => id !== viewId);
        return json(z.null(), null, 204);
      }
      const [, callId, part, id] =
        /^\/calls\/([0-9a-f]{24})\/(review|comments|waveform|analyses|transcript|test)(?:\/([0-9a-f]{24}|\d{1,5}))?(?=\/|$)/.exec(
          path,
        ) ?? [];
      const told = callId === undefined ? undefined : calls().get(callId);
      return told && part !== undefined ? ofCall(ask, told, part, id) : undefined;
    },
  };
}
