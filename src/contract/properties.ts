/** contract/properties: the houses that leads are about, and the people behind leads. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery, PhoneText } from './common.ts';

export const PropertyType = z.enum(['single_family', 'condo', 'townhouse', 'multi_family']);
const Condition = z.enum(['excellent', 'good', 'fair', 'needs_work', 'poor']);
const money = z.number().min(0).max(1e10);
const count = z.number().min(0).max(1e6);
const optional = z.exactOptional;

const address = z.strictObject({
  street: line(200),
  unit: optional(line(50)),
  city: line(100),
  state: line(64),
  zipCode: line(16),
  county: optional(line(100)),
});
const repair = z.strictObject({
  item: line(100),
  severity: z.enum(['minor', 'moderate', 'major']),
  estimatedCost: money,
});
const comparable = z.strictObject({
  address: line(300),
  /** Miles from ours. */
  distance: z.number().min(0).max(10_000),
  soldDate: Instant,
  soldPrice: money.gt(0),
  bedrooms: optional(count),
  bathrooms: optional(count),
  squareFeet: count.gt(0),
  pricePerSqFt: optional(money.gt(0)),
});
const said = {
  listPrice: optional(money),
  zestimate: optional(money),
  rentZestimate: optional(money),
  taxAssessedValue: optional(money),
};
const facts = {
  zpid: optional(line(64)),
  parcelId: optional(line(64)),
  mlsNumber: optional(line(64)),
  type: optional(PropertyType),
  bedrooms: optional(count),
  bathrooms: optional(count),
  squareFeet: optional(count),
  lotSize: optional(z.number().min(0).max(1e9)),
  yearBuilt: optional(z.int().min(1600).max(2200)),
  stories: optional(count),
  garage: optional(line(100)),
  condition: optional(Condition),
  features: optional(z.array(line(100)).max(200)),
  repairNeeds: optional(z.array(repair).max(200)),
  comparables: optional(z.array(comparable).max(200)),
  owner: optional(
    z.strictObject({
      name: optional(line(200)),
      ownedSince: optional(Instant),
      lastSalePrice: optional(money),
      equity: optional(z.number()),
      /** 0..1 */
      equityPercent: optional(z.number().min(-10).max(1)),
    }),
  ),
  liens: optional(
    z.array(z.strictObject({ type: line(100), amount: money, holder: optional(line(200)) })).max(50),
  ),
  dataSource: optional(line(64)),
};

/** No two properties have the same address. */
export const PropertyCreate = z
  .strictObject({ address, ...facts, valuation: optional(z.strictObject(said)) })
  .meta({ id: 'PropertyCreate' });
export type PropertyCreate = z.infer<typeof PropertyCreate>;

/** Only what is given changes; lists are replaced whole. */
export const PropertyPatch = z
  .strictObject({ address: optional(address), ...facts, valuation: optional(z.strictObject(said)) })
  .refine((value) => Object.keys(value).length > 0, { error: 'give at least one member to change' })
  .meta({ id: 'PropertyPatch' });
export type PropertyPatch = z.infer<typeof PropertyPatch>;

export const Property = z
  .object({
    id: Id,
    ...facts,
    address: z.object({ ...address.shape, formatted: z.string() }),
    features: z.array(z.string()),
    repairNeeds: z.array(repair),
    /** The sum of the repairs, dollars. */
    totalRepairCost: z.number(),
    /** The last five are computed from the comparables: see `comparablesUsed`. */
    valuation: z.object({
      ...said,
      afterRepairValue: optional(z.number()),
      wholesalePrice: optional(z.number()),
      profitMargin: optional(z.number()),
      /** What stands behind the figures; all weights together are 1. */
      comparablesUsed: optional(z.array(comparable.extend({ pricePerSqFt: z.number(), weight: z.number() }))),
      updatedAt: optional(Instant),
    }),
    comparables: z.array(comparable),
    liens: z.array(z.object({ type: z.string(), amount: z.number(), holder: optional(z.string()) })),
    leadIds: z.array(Id),
    dataSource: z.string(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Property' });
export type Property = z.infer<typeof Property>;

export const PropertyQuery = PageQuery.extend({
  zipCode: optional(line(16)),
  type: optional(PropertyType),
  leadId: optional(Id),
});
export type PropertyQuery = z.infer<typeof PropertyQuery>;

/** The person behind one or more leads, joined by number and e-mail address. */
export const Contact = z
  .object({
    id: Id,
    firstName: z.string(),
    lastName: z.string(),
    phones: z.array(z.string()),
    emails: z.array(z.string()),
    addresses: z.array(
      z.object({
        street: optional(z.string()),
        city: optional(z.string()),
        state: optional(z.string()),
        zipCode: optional(z.string()),
      }),
    ),
    /** Oldest first. */
    leadIds: z.array(Id),
    sources: z.array(z.string()),
    firstSeenAt: Instant,
    lastSeenAt: Instant,
    lastContactedAt: optional(Instant),
    attempts: z.int(),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .meta({ id: 'Contact' });
export type Contact = z.infer<typeof Contact>;

export const ContactQuery = PageQuery.extend({
  phone: optional(PhoneText),
  email: optional(z.email().max(254)),
});
export type ContactQuery = z.infer<typeof ContactQuery>;
