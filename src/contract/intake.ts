/** contract/intake: addresses that lead sources post their leads to. */
import { z } from 'zod';
import { Id, Instant, line } from './common.ts';
import { LeadField, LeadTarget } from './lead-imports.ts';

export const IntakeSource = z.enum(['zillow', 'google_ads', 'realgeeks', 'web_form', 'generic']);
export type IntakeSource = z.infer<typeof IntakeSource>;

const rule = z.strictObject({
  /** A path into the body, its parts joined by dots. */
  from: line(200),
  target: LeadTarget,
  /** The source's words for ours; any other word is kept as it came. */
  words: z.exactOptional(z.record(z.string().max(200), z.string().max(200))),
});
const fixed = z.strictObject({ field: LeadField, value: z.string().trim().min(1).max(5000) });

export const IntakeEndpointCreate = z
  .strictObject({
    source: IntakeSource,
    name: line(100),
    /** Goes before what is known of the source's own names. */
    mapping: z.array(rule).max(200).default([]),
    /** What stands in a field where the source says nothing, such as the disclosure of its form. */
    defaults: z.array(fixed).max(60).default([]),
    campaignId: z.exactOptional(Id),
  })
  .meta({ id: 'IntakeEndpointCreate' });
export type IntakeEndpointCreate = z.input<typeof IntakeEndpointCreate>;

export const IntakeEndpoint = z
  .object({
    id: Id,
    source: IntakeSource,
    name: z.string(),
    /** Where the source posts to, under our public address. */
    path: z.string(),
    /** How a request shows that it comes from the source, in plain words. */
    proof: z.string(),
    mapping: z.array(rule),
    defaults: z.array(fixed),
    campaignId: z.exactOptional(Id),
    createdBy: z.string(),
    createdAt: Instant,
    updatedAt: Instant,
    revokedAt: z.exactOptional(Instant),
    revokedBy: z.exactOptional(z.string()),
  })
  .meta({ id: 'IntakeEndpoint' });
export type IntakeEndpoint = z.infer<typeof IntakeEndpoint>;

/** `secret` is in this answer and nowhere else: it is not kept, and cannot be asked for again. */
export const CreatedIntakeEndpoint = IntakeEndpoint.extend({ secret: z.string() }).meta({
  id: 'CreatedIntakeEndpoint',
});
export type CreatedIntakeEndpoint = z.infer<typeof CreatedIntakeEndpoint>;
