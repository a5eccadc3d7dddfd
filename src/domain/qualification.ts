/**
 * domain/qualification: how well a lead fits what a campaign looks for, and why. Every part of the score is named with what
 * it rests on; what is not known counts nothing, so that a lead can only gain by what is learned.
 */
import type { Campaign, Lead } from './documents.ts';
import { equityOf, type Property, type PropertyType, worthOf } from './property.ts';
import { WHOLESALE_SHARE, wholesalePriceOf } from './valuation.ts';

/** Whom a campaign is for. What is absent or empty asks for nothing. */
export interface Targeting {
  readonly leadSources?: readonly string[];
  readonly intent?: readonly ('buyer' | 'seller' | 'investor')[];
  readonly qualification?: {
    /** 0..1; a lead below it does not qualify. */
    readonly minScore?: number;
    /** 0..1 */
    readonly minEquity?: number;
    readonly maxPrice?: number;
    readonly propertyTypes?: readonly PropertyType[];
  };
  readonly geography?: {
    readonly states?: readonly string[];
    readonly cities?: readonly string[];
    readonly zipCodes?: readonly string[];
  };
  readonly motivationFactors?: readonly string[];
}

export interface Factor {
  readonly name: 'intent' | 'motivation' | 'urgency' | 'equity' | 'price' | 'property_type' | 'place';
  /** Its part of the score; all weights together are 1. */
  readonly weight: number;
  /** 0..1 */
  readonly points: number;
  /** What it rests on, in plain words. */
  readonly says: string;
}

export interface Qualification {
  /** 0..1, two digits. */
  readonly score: number;
  readonly qualified: boolean;
  readonly qualifiedAt?: Date;
  readonly criteria: {
    readonly hasMinEquity: boolean;
    readonly withinBudget: boolean;
    readonly rightPropertyType: boolean;
    readonly isMotivated: boolean;
  };
  readonly factors: readonly Factor[];
  readonly estimatedValue?: number;
  readonly estimatedEquity?: number;
  readonly wholesalePotential?: 'low' | 'medium' | 'high';
}

const MIN_SCORE = 0.7;
const MIN_EQUITY = 0.2;

export type Qualifying = Pick<Lead, 'source' | 'intent' | 'contact'>;

/**
 * How well a lead fits the campaign it belongs to, or any that asks for nothing. Who qualified before and still does,
 * qualified then.
 */
export function judge(
  lead: Qualifying & Pick<Lead, 'qualification'>,
  property: Property | undefined,
  campaign: Pick<Campaign, 'targeting' | 'wholesaleShare'> | undefined,
  nowMs: number,
): Qualification {
  const judged = qualify(lead, property, campaign?.targeting ?? {}, nowMs, campaign?.wholesaleShare);
  const since = judged.qualified ? lead.qualification?.qualifiedAt : undefined;
  return since === undefined ? judged : { ...judged, qualifiedAt: since };
}

/** `property`: the house the lead is about, when it is known; `wholesaleShare`: what is paid of its worth before repairs. */
export function qualify(
  lead: Qualifying,
  property: Property | undefined,
  targeting: Targeting,
  nowMs: number,
  wholesaleShare: number = WHOLESALE_SHARE,
): Qualification {
  const wanted = targeting.qualification ?? {};
  const value = property && worthOf(property);
  const equity = property && equityOf(property);
  const { minEquity = MIN_EQUITY, maxPrice, propertyTypes = [] } = wanted;

  const motives = motivesOf(lead, targeting.motivationFactors ?? []);
  const hasMinEquity = equity !== undefined && equity >= minEquity;
  const withinBudget = value !== undefined && (maxPrice === undefined || value <= maxPrice);
  const rightPropertyType =
    property?.type !== undefined && (propertyTypes.length === 0 || propertyTypes.includes(property.type));
  const isMotivated = motives.length > 0;

  const factors: Factor[] = [
    intentFactor(lead, targeting),
    {
      name: 'motivation',
      weight: 0.25,
      points: motives.length === 0 ? 0 : motives.length === 1 ? 0.7 : 1,
      says: motives.length === 0 ? 'no motive that the campaign looks for' : motives.join(', '),
    },
    urgencyFactor(lead),
    {
      name: 'equity',
      weight: 0.2,
      points: equityPoints(equity, minEquity),
      says:
        equity === undefined
          ? 'equity not known'
          : `${percent(equity)} equity; ${percent(minEquity)} is asked for`,
    },
    {
      name: 'price',
      weight: 0.1,
      points: withinBudget ? 1 : 0,
      says:
        value === undefined
          ? 'worth not known'
          : `worth ${dollars(value)}${maxPrice === undefined ? '' : `; at most ${dollars(maxPrice)} is wanted`}`,
    },
    {
      name: 'property_type',
      weight: 0.075,
      points: rightPropertyType ? 1 : 0,
      says: property?.type?.replaceAll('_', ' ') ?? 'type of property not known',
    },
    placeFactor(lead, property, targeting),
  ];
  const sum = factors.reduce((total, { weight, points }) => total + weight * points, 0);
  const score = Math.min(1, Math.max(0, Math.round(sum * 100) / 100));
  const asked =
    (wanted.minEquity === undefined || hasMinEquity) &&
    (maxPrice === undefined || withinBudget) &&
    (propertyTypes.length === 0 || rightPropertyType);
  const qualified = score >= (wanted.minScore ?? MIN_SCORE) && asked;
  const potential = property && potentialOf(property, wholesaleShare);
  return {
    score,
    qualified,
    ...(qualified ? { qualifiedAt: new Date(nowMs) } : {}),
    criteria: { hasMinEquity, withinBudget, rightPropertyType, isMotivated },
    factors,
    ...(value === undefined ? {} : { estimatedValue: value }),
    ...(equity === undefined ? {} : { estimatedEquity: Math.round(equity * 1000) / 1000 }),
    ...(potential === undefined ? {} : { wholesalePotential: potential }),
  };
}

/** A lead that may still be worked on, whoever it belongs to. */
export const isOpenLead = ({ status, erasedAt }: Pick<Lead, 'status' | 'erasedAt'>): boolean =>
  erasedAt === undefined && status !== 'dnc' && status !== 'converted' && status !== 'lost';

/**
 * Whether a targeting takes a lead that belongs to no campaign yet, and how well it fits. What is asked for and is not known
 * does not fit; without a targeting nobody is taken.
 */
export function fitOf(
  lead: Qualifying,
  property: Property | undefined,
  targeting: Targeting | undefined,
  nowMs: number,
): { readonly fits: boolean; readonly score: number } {
  if (targeting === undefined) return { fits: false, score: 0 };
  const { leadSources = [], intent = [], motivationFactors = [], qualification: wanted = {} } = targeting;
  const { score, criteria } = qualify(lead, property, targeting, nowMs);
  const type = lead.intent?.type;
  const fits =
    (leadSources.length === 0 || leadSources.includes(lead.source)) &&
    (intent.length === 0 || (type !== undefined && intent.includes(type))) &&
    (motivationFactors.length === 0 || criteria.isMotivated) &&
    isInside(placeOf(lead, property), targeting) &&
    score >= (wanted.minScore ?? 0) &&
    (wanted.minEquity === undefined || criteria.hasMinEquity) &&
    (wanted.maxPrice === undefined || criteria.withinBudget) &&
    ((wanted.propertyTypes ?? []).length === 0 || criteria.rightPropertyType);
  return { fits, score };
}

type Place = NonNullable<Lead['contact']['address']>;

const placeOf = (lead: Qualifying, property: Property | undefined): Place =>
  property?.address ?? lead.contact.address ?? {};

/** A place of which the list names every part that it asks for. */
function isInside(at: Place, { geography = {} }: Targeting): boolean {
  const { states = [], cities = [], zipCodes = [] } = geography;
  const listed = (known: string | undefined, wanted: readonly string[]): boolean =>
    wanted.length === 0 || (known !== undefined && wanted.some((each) => plain(each) === plain(known)));
  return listed(at.state, states) && listed(at.city, cities) && listed(at.zipCode, zipCodes);
}

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const dollars = (amount: number): string => `$${Math.round(amount).toLocaleString('en-US')}`;

/** The lead's motives that the campaign looks for; every motive, when it names none. */
function motivesOf({ intent }: Qualifying, wanted: readonly string[]): string[] {
  const named = [...new Set((intent?.motivation ?? []).map(plain))].filter((motive) => motive !== '');
  const known = new Set(wanted.map(plain));
  return known.size === 0 ? named : named.filter((motive) => known.has(motive));
}

function intentFactor({ intent, source }: Qualifying, targeting: Targeting): Factor {
  const { intent: types = [], leadSources = [] } = targeting;
  const rightType = intent?.type !== undefined && (types.length === 0 || types.includes(intent.type));
  const rightSource = leadSources.length === 0 || leadSources.includes(source);
  const type = intent?.type ?? 'intent not known';
  return {
    name: 'intent',
    weight: 0.15,
    points: rightType && rightSource ? 1 : 0,
    says: rightSource ? type : `${type}, from ${source}, where the campaign does not look`,
  };
}

const URGENCY = { high: 1, medium: 0.6, low: 0.2 } as const;

function urgencyFactor({ intent }: Qualifying): Factor {
  const days = daysIn(intent?.timeframe ?? '');
  const soon =
    days === undefined ? 0 : days <= 30 ? 1 : days <= 60 ? 0.8 : days <= 90 ? 0.6 : days <= 180 ? 0.3 : 0.1;
  const urgent = intent?.urgency === undefined ? 0 : URGENCY[intent.urgency];
  const said = [intent?.urgency && `urgency ${intent.urgency}`, days !== undefined && `within ${days} days`];
  return {
    name: 'urgency',
    weight: 0.15,
    points: Math.max(soon, urgent),
    says: said.filter(Boolean).join(', ') || 'urgency not known',
  };
}

const UNIT_DAYS = { day: 1, week: 7, month: 30, year: 365 } as const;

/** "30_days", "2-3 months" (the longer), "asap". */
function daysIn(timeframe: string): number | undefined {
  const text = plain(timeframe);
  if (/\b(asap|now|immediately|today)\b/.test(text)) return 0;
  const found = /(\d{1,4}) ?(day|week|month|year)/.exec(text);
  if (!found) return undefined;
  return Number(found[1]) * UNIT_DAYS[found[2] as keyof typeof UNIT_DAYS];
}

/** What is asked for gives most of the points, twice that gives all. */
function equityPoints(equity: number | undefined, asked: number): number {
  if (equity === undefined || equity <= 0) return 0;
  if (asked <= 0) return 1;
  const times = equity / asked;
  return times < 1 ? 0.7 * times : Math.min(1, 0.7 + 0.3 * (times - 1));
}

function placeFactor(lead: Qualifying, property: Property | undefined, targeting: Targeting): Factor {
  const at = placeOf(lead, property);
  const known = [at.city, at.state, at.zipCode].filter((part) => part !== undefined);
  return {
    name: 'place',
    weight: 0.075,
    points: known.length > 0 && isInside(at, targeting) ? 1 : 0,
    says: known.length === 0 ? 'place not known' : known.join(' '),
  };
}

/** What is left to the owner of the wholesale price, as a share of the worth. */
function potentialOf(property: Property, share: number): Qualification['wholesalePotential'] {
  const { afterRepairValue: worth } = property.valuation;
  if (worth === undefined || worth <= 0) return undefined;
  const price = wholesalePriceOf({ ...property, afterRepairValue: worth }, share);
  const owed = property.liens.reduce((sum, { amount }) => sum + amount, 0);
  const left = (price - owed) / worth;
  return left >= 0.2 ? 'high' : left >= 0.05 ? 'medium' : 'low';
}
