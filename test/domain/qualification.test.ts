/** A lead is judged by what is known of it, and a house by what others like it sold for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type NewProperty, newProperty } from '../../src/domain/property.ts';
import { type Qualifying, qualify, type Targeting } from '../../src/domain/qualification.ts';
import { type Comparable, valueFrom } from '../../src/domain/valuation.ts';

const NOW_MS = Date.parse('2025-10-24T12:00:00Z');
const sold = (over: Partial<Comparable> = {}): Comparable => ({
  address: '125 Main St, Seattle, WA 98101',
  distance: 0.1,
  soldDate: new Date('2025-09-15T00:00:00Z'),
  soldPrice: 455_000,
  squareFeet: 2_000,
  ...over,
});
const house = (over: Partial<NewProperty> = {}) =>
  newProperty(
    {
      address: { street: '123 Main St', city: 'Seattle', state: 'Washington', zipCode: '98101' },
      type: 'single_family',
      squareFeet: 2_100,
      comparables: [
        sold(),
        sold({
          distance: 0.3,
          soldDate: new Date('2025-08-20T00:00:00Z'),
          soldPrice: 470_000,
          squareFeet: 2_200,
        }),
      ],
      repairNeeds: [
        { item: 'roof', severity: 'moderate', estimatedCost: 8_000 },
        { item: 'hvac', severity: 'minor', estimatedCost: 2_500 },
        { item: 'plumbing', severity: 'minor', estimatedCost: 1_500 },
      ],
      liens: [{ type: 'mortgage', amount: 272_000 }],
      ...over,
    },
    { id: 'a'.repeat(24), nowMs: NOW_MS },
  );

describe('the worth of a house', () => {
  test('is the weighted median price of a square foot times its own, and the comparables stand beside it', () => {
    const { valuation, totalRepairCost, address } = house();
    expect(address.formatted).toBe('123 Main St, Seattle, WA 98101');
    expect(totalRepairCost).toBe(12_000);
    // The nearer and newer sale weighs more than half: 227.50 a square foot.
    expect(valuation).toMatchObject({
      afterRepairValue: 477_750,
      wholesalePrice: 322_425,
      profitMargin: 143_325,
      updatedAt: new Date(NOW_MS),
    });
    expect(valuation.comparablesUsed?.map(({ pricePerSqFt }) => pricePerSqFt)).toEqual([227.5, 213.64]);
    expect(valuation.comparablesUsed?.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1);
  });

  test('lies between two sales that weigh the same, and follows the campaign’s share', () => {
    const valued = valueFrom(
      {
        squareFeet: 1_000,
        totalRepairCost: 10_000,
        comparables: [
          sold({ soldPrice: 200_000, squareFeet: 1_000 }),
          sold({ soldPrice: 300_000, squareFeet: 1_000 }),
        ],
      },
      { nowMs: NOW_MS, wholesaleShare: 0.65 },
    );
    expect(valued).toMatchObject({
      afterRepairValue: 250_000,
      wholesalePrice: 152_500,
      profitMargin: 87_500,
    });
  });

  test('is not known without sales, without square feet, and from sales of the future', () => {
    expect(house({ comparables: [] }).valuation).toEqual({});
    expect(valueFrom({ comparables: [sold()] }, { nowMs: NOW_MS })).toBeUndefined();
    expect(
      valueFrom(
        { squareFeet: 1, comparables: [sold({ soldDate: new Date('2026-01-01') })] },
        { nowMs: NOW_MS },
      ),
    ).toBeUndefined();
  });

  test('is not moved by what is too far or too old to weigh anything', () => {
    const near = { distance: 0.1, squareFeet: 100, soldDate: new Date(NOW_MS) };
    const far = { ...near, distance: 5_000 };
    const value = (comparables: Parameters<typeof sold>[0][]) =>
      valueFrom({ squareFeet: 100, comparables: comparables.map(sold) }, { nowMs: NOW_MS })?.afterRepairValue;
    const two = [
      { ...near, soldPrice: 1_000 },
      { ...near, soldPrice: 2_000 },
    ];
    expect(value(two)).toBe(1_500);
    expect(value([...two, { ...far, soldPrice: 1_000 }])).toBe(1_500);
    expect(value([{ ...far, soldPrice: 1_000 }, ...two, { ...far, soldPrice: 1_200 }])).toBe(1_500);
  });

  test('lies within what was paid, whatever the sales and their order', () => {
    const sale = fc.record({
      distance: fc.double({ min: 0, max: 5_000, noNaN: true }),
      soldDate: fc.date({ min: new Date('1990-01-01'), max: new Date(NOW_MS), noInvalidDate: true }),
      soldPrice: fc.integer({ min: 1, max: 5_000_000 }),
      squareFeet: fc.integer({ min: 1, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(sale, { minLength: 1, maxLength: 20 }), (sales) => {
        const comparables = sales.map((each) => sold(each));
        const valued = valueFrom({ squareFeet: 100, comparables }, { nowMs: NOW_MS });
        const turned = valueFrom(
          { squareFeet: 100, comparables: [...comparables].reverse() },
          { nowMs: NOW_MS },
        );
        const prices = (valued?.comparablesUsed ?? []).map(({ pricePerSqFt }) => pricePerSqFt * 100);
        expect(valued?.afterRepairValue).toBeGreaterThanOrEqual(Math.min(...prices) - 0.01);
        expect(valued?.afterRepairValue).toBeLessThanOrEqual(Math.max(...prices) + 0.01);
        expect(turned?.afterRepairValue).toBeCloseTo(valued?.afterRepairValue ?? Number.NaN, 1);
      }),
    );
  });
});

const TARGETING: Targeting = {
  leadSources: ['zillow', 'google_ads'],
  intent: ['seller'],
  qualification: {
    minScore: 0.7,
    minEquity: 0.2,
    maxPrice: 500_000,
    propertyTypes: ['single_family', 'condo'],
  },
  geography: { states: ['WA', 'OR'], cities: ['Seattle'] },
  motivationFactors: ['relocation', 'financial_hardship'],
};
const seller: Qualifying = {
  source: 'zillow',
  contact: { firstName: 'John', lastName: 'Doe', phone: '+15551234567' },
  intent: {
    type: 'seller',
    urgency: 'high',
    timeframe: '30_days',
    motivation: ['Relocation', 'financial hardship'],
  },
};

describe('a lead', () => {
  test('that is all the campaign looks for qualifies, and every part of the score says why', () => {
    const judged = qualify(seller, house(), TARGETING, NOW_MS);
    expect(judged).toMatchObject({
      score: 1,
      qualified: true,
      qualifiedAt: new Date(NOW_MS),
      criteria: { hasMinEquity: true, withinBudget: true, rightPropertyType: true, isMotivated: true },
      estimatedValue: 477_750,
      estimatedEquity: 0.431,
      wholesalePotential: 'medium',
    });
    expect(judged.factors.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1);
    expect(judged.factors.find(({ name }) => name === 'equity')?.says).toBe('43 % equity; 20 % is asked for');
  });

  test.each([
    ['a source the campaign does not look at', { ...seller, source: 'csv' }, house(), 0.85],
    ['no motive', { ...seller, intent: { ...seller.intent, motivation: ['boredom'] } }, house(), 0.75],
    [
      'a house elsewhere',
      seller,
      house({ address: { street: '1 A', city: 'Boise', state: 'ID', zipCode: '83701' } }),
      0.93,
    ],
  ])('loses with %s', (_, lead, property, score) => {
    expect(qualify(lead, property, TARGETING, NOW_MS).score).toBe(score);
  });

  test('does not qualify where something that is asked for is missing, whatever its score', () => {
    for (const property of [
      house({ type: 'multi_family' }),
      house({ liens: [{ type: 'mortgage', amount: 450_000 }] }),
      house({ squareFeet: 4_000 }),
      undefined,
    ]) {
      const judged = qualify(
        seller,
        property,
        { ...TARGETING, qualification: { ...TARGETING.qualification, minScore: 0 } },
        NOW_MS,
      );
      expect(judged.qualified).toBe(false);
      expect(judged.qualifiedAt).toBeUndefined();
    }
  });

  test('scores between 0 and 1, and never less for one more motive or a house that is known', () => {
    const lead = fc.record({
      source: fc.constantFrom('zillow', 'csv'),
      contact: fc.constant(seller.contact),
      intent: fc.record(
        {
          type: fc.constantFrom('seller' as const, 'buyer' as const),
          urgency: fc.constantFrom('low' as const, 'high' as const),
          timeframe: fc.string(),
          motivation: fc.array(fc.constantFrom('relocation', 'probate', '')),
        },
        { requiredKeys: [] },
      ),
    });
    fc.assert(
      fc.property(lead, fc.boolean(), (one, targeted) => {
        const targeting = targeted ? TARGETING : {};
        const bare = qualify(one, undefined, targeting, NOW_MS);
        expect(bare.score).toBeGreaterThanOrEqual(0);
        expect(bare.score).toBeLessThanOrEqual(1);
        expect(qualify(one, house(), targeting, NOW_MS).score).toBeGreaterThanOrEqual(bare.score);
        const moved = {
          ...one,
          intent: { ...one.intent, motivation: [...(one.intent.motivation ?? []), 'relocation'] },
        };
        expect(qualify(moved, undefined, targeting, NOW_MS).score).toBeGreaterThanOrEqual(bare.score);
      }),
    );
  });
});
