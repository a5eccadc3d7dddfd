/**
 * contract/analyses: what is understood of a call, on which messages each claim rests, and how two analyses differ.
 * Sentiment is -1..1, scores 0..1, timestamps seconds since the call was answered, money US dollars.
 */
import { z } from 'zod';
import { Id, Instant } from './common.ts';

export const KeyMomentType = z.enum([
  'objection',
  'commitment',
  'question',
  'interest',
  'complaint',
  'opt_out',
]);
export const Disposition = z.enum([
  'interested',
  'not_interested',
  'no_decision',
  'wrong_number',
  'do_not_call',
  'no_contact',
]);
/** What an analysis takes a call to have come to. */
export const FoundOutcome = z.enum([
  'qualified',
  'not_interested',
  'callback',
  'voicemail',
  'wrong_number',
  'opted_out',
  'hung_up',
  'no_conversation',
]);
export const Motivation = z.enum([
  'relocation',
  'financial_hardship',
  'foreclosure',
  'inherited',
  'probate',
  'divorce',
  'downsizing',
  'tired_landlord',
  'vacant',
  'health',
  'costly_repairs',
  'time_sensitive',
]);
export const Timeframe = z.enum([
  'immediate',
  '30_days',
  '60_days',
  '90_days',
  '6_months',
  '1_year',
  'no_hurry',
]);
export const Topic = z.enum([
  'property_condition',
  'price_negotiation',
  'timeline',
  'site_visit',
  'motivation',
  'mortgage',
  'inheritance',
  'tenants',
  'other_offers',
  'listing_agent',
  'decision_makers',
  'callback',
  'opt_out',
  'company_identity',
  'ai_disclosure',
  'selling_process',
]);

export const CallSentiment = z
  .object({
    overall: z.number(),
    /** Not in lists of calls. */
    timeline: z.exactOptional(z.array(z.object({ timestamp: z.number(), score: z.number() }))),
    /** Shares of the other party's words: together 1, or all 0 when they said nothing. */
    emotions: z.object({ positive: z.number(), neutral: z.number(), negative: z.number() }),
  })
  .meta({ id: 'CallSentiment' });

export const KeyMoment = z
  .object({
    type: KeyMomentType,
    /** Of the transcript's messages, counted from 0. */
    messageIndex: z.int(),
    timestamp: z.number(),
    userText: z.string(),
    agentResponse: z.exactOptional(z.string()),
    resolved: z.exactOptional(z.boolean()),
  })
  .meta({ id: 'KeyMoment' });

export const ExtractedInfo = z
  .object({
    propertyCondition: z.exactOptional(z.enum(['excellent', 'good', 'fair', 'needs_work', 'poor'])),
    motivationFactors: z.array(Motivation),
    timeframe: z.exactOptional(Timeframe),
    priceExpectation: z.exactOptional(z.number()),
    competingOffers: z.exactOptional(z.boolean()),
    agentInvolved: z.exactOptional(z.boolean()),
    decisionMakers: z.exactOptional(
      z.enum(['sole_owner', 'spouse_approval_needed', 'family_approval_needed', 'other_approval_needed']),
    ),
  })
  .meta({ id: 'ExtractedInfo' });

export const QualityFactors = z
  .object({
    clearCommunication: z.number(),
    activeListening: z.number(),
    objectionHandling: z.number(),
    outcomeAchieved: z.number(),
  })
  .meta({ id: 'QualityFactors' });

/**
 * The message a claim rests on and words of it. `path` names the claim: "outcome", "keyMoments.objection@3" (the type, and
 * the message), "extractedInfo.timeframe", "followUpActions.callback@12", "topics.timeline", "summary.0" (the sentence).
 */
export const Evidence = z
  .object({ path: z.string(), messageIndex: z.int(), quote: z.string() })
  .meta({ id: 'Evidence' });

export const AnalysisCost = z
  .object({
    inputTokens: z.int(),
    outputTokens: z.int(),
    cacheReadTokens: z.int(),
    cacheWriteTokens: z.int(),
    totalCost: z.number(),
  })
  .meta({ id: 'AnalysisCost' });

/** `lexicon`: made by word lists, without a model. `note` tells what somebody should know about how it was made. */
export const AnalysisOrigin = z
  .object({
    by: z.enum(['claude', 'lexicon']),
    version: z.string(),
    model: z.exactOptional(z.string()),
    promptHash: z.exactOptional(z.string()),
    transcriptHash: z.string(),
    cost: z.exactOptional(AnalysisCost),
    note: z.exactOptional(z.string()),
  })
  .meta({ id: 'AnalysisOrigin' });

/** Who understood a call so. `evidence` is not in lists of calls. */
export const CallUnderstanding = AnalysisOrigin.extend({
  analysisId: Id,
  at: Instant,
  outcome: z.exactOptional(FoundOutcome),
  disposition: z.exactOptional(Disposition),
  topics: z.array(Topic),
  keywords: z.array(z.string()),
  evidence: z.exactOptional(z.array(Evidence)),
}).meta({ id: 'CallUnderstanding' });

/** What one analysis says, every claim of it with evidence in the transcript. */
export const Analysis = z
  .object({
    sentiment: CallSentiment,
    messages: z.array(z.object({ messageIndex: z.int(), sentiment: z.number() })),
    keyMoments: z.array(KeyMoment),
    extractedInfo: ExtractedInfo,
    outcome: z.exactOptional(FoundOutcome),
    disposition: z.exactOptional(Disposition),
    followUpActions: z.array(
      z.object({
        type: z.enum(['site_visit', 'callback', 'send_email', 'send_sms']),
        scheduledFor: z.exactOptional(Instant),
        notes: z.string(),
      }),
    ),
    qualityScore: z.number(),
    qualityFactors: QualityFactors,
    topics: z.array(Topic),
    keywords: z.array(z.string()),
    summary: z.string(),
    evidence: z.array(Evidence),
  })
  .meta({ id: 'Analysis' });

export const WrongClaim = z
  .object({ path: z.string(), note: z.string(), by: z.string(), at: Instant })
  .meta({ id: 'WrongClaim' });

/**
 * One analysis of a call, kept with those before it. `queued`: it will be made; `found`: it is about to be told to the call;
 * `failed`: `note` says why. `dropped` are claims that nobody said where they were said to be; they are in nothing else.
 */
export const CallAnalysis = z
  .object({
    id: Id,
    callId: Id,
    state: z.enum(['queued', 'found', 'done', 'failed']),
    requestedBy: z.string(),
    wanted: z.exactOptional(z.enum(['claude', 'lexicon'])),
    origin: z.exactOptional(AnalysisOrigin),
    analysis: z.exactOptional(Analysis),
    dropped: z.exactOptional(
      z.array(
        Evidence.extend({
          why: z.enum([
            'no_such_message',
            'not_said_there',
            'not_said_by_them',
            'another_amount',
            'impossible_time',
            'not_in_the_call',
            'said_twice',
          ]),
        }),
      ),
    ),
    /** True for those that the call showed from then on; false for one kept only to compare. */
    applied: z.exactOptional(z.boolean()),
    analysedAt: z.exactOptional(Instant),
    note: z.exactOptional(z.string()),
    /** Claims that people said are wrong. */
    wrong: z.array(WrongClaim),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'CallAnalysis' });
export type CallAnalysis = z.infer<typeof CallAnalysis>;

const ClaimValue = z.union([z.string(), z.number(), z.boolean()]);

/** Newest first; `differences` when `compare` named two that are made. */
export const CallAnalyses = z
  .object({
    items: z.array(CallAnalysis),
    differences: z.exactOptional(
      z.array(
        z.object({
          path: z.string(),
          /** What the first of the two says; absent: nothing. */
          a: z.exactOptional(ClaimValue),
          b: z.exactOptional(ClaimValue),
        }),
      ),
    ),
  })
  .meta({ id: 'CallAnalyses' });
export type CallAnalyses = z.infer<typeof CallAnalyses>;

export const AnalysisRequest = z
  .strictObject({ by: z.exactOptional(z.enum(['claude', 'lexicon'])) })
  .meta({ id: 'AnalysisRequest' });

/** `path` as in `evidence`, or "sentiment", "qualityScore", "qualityFactors.activeListening", "summary". */
export const WrongClaimMark = z
  .strictObject({ path: z.string().min(1).max(200), note: z.string().trim().min(1).max(2_000) })
  .meta({ id: 'WrongClaimMark' });
