/** Leads are read at one door: numbers become E.164, unknown fields and wrong values are named. */
import { describe, expect, test } from 'vitest';
import type { CallOutcome } from '../../src/domain/call.ts';
import { isFailure } from '../../src/domain/errors.ts';
import { changeLead, type LeadChange, type NewLead, newLead, stageAfter } from '../../src/domain/lead.ts';

const stamp = { id: 'a'.repeat(24), nowMs: Date.UTC(2026, 6, 1), by: 'user-1' };
const given: NewLead = {
  source: 'manual',
  contact: {
    firstName: ' Ana ',
    lastName: 'Ruiz',
    phone: '(212) 555-0234',
    alternatePhone: '+1 646 555 0777',
  },
};

function fieldsOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    if (isFailure(error, 'invalid_request')) return error.details.fields;
    throw error;
  }
  return undefined;
}

describe('a new lead', () => {
  test('has its numbers in E.164, an external id of its own and nothing undefined', () => {
    const lead = newLead({ ...given, tags: ['hot'] }, stamp);
    expect(lead).toMatchObject({
      _id: stamp.id,
      externalId: stamp.id,
      source: 'manual',
      contact: { firstName: 'Ana', phone: '+12125550234', alternatePhone: '+16465550777' },
      status: 'new',
      stage: 'new',
      receivedAt: new Date(stamp.nowMs),
      createdBy: 'user-1',
      tags: ['hot'],
    });
    expect(Object.values(lead)).not.toContain(undefined);
    expect(Object.keys(lead.contact)).not.toContain('email');
  });

  test('a state by name is stored by its code', () => {
    const contact = { ...given.contact, address: { state: 'new york', zipCode: '10001' } };
    expect(newLead({ ...given, contact }, stamp).contact.address).toEqual({ state: 'NY', zipCode: '10001' });
  });

  test('a wrong number and an unknown field are named', () => {
    const wrong = { ...given, contact: { ...given.contact, phone: '12', email: 'nobody' } };
    expect(fieldsOf(() => newLead(wrong, stamp))).toMatchObject({
      'contact.phone': 'not a phone number',
      'contact.email': expect.any(String),
    });
    expect(fieldsOf(() => newLead({ ...given, colour: 'red' } as NewLead, stamp))).toBeDefined();
  });
});

describe('a change', () => {
  const change = (input: LeadChange) => changeLead(input, stamp);

  test('sets what is given, removes what is null, leaves the rest', () => {
    expect(
      change({ contact: { phone: '646-555-0777' }, propertyAddress: null, stage: 'site_visit' }),
    ).toEqual({
      set: {
        'contact.phone': '+16465550777',
        stage: 'site_visit',
        updatedAt: new Date(stamp.nowMs),
        updatedBy: 'user-1',
      },
      unset: ['propertyAddress'],
    });
  });

  test('a wrong number changes nothing', () => {
    expect(fieldsOf(() => change({ contact: { phone: 'none' } }))).toEqual({
      'contact.phone': 'not a phone number',
    });
    expect(fieldsOf(() => change({ status: 'gone' } as unknown as LeadChange))).toHaveProperty('status');
  });
});

describe('a call', () => {
  const visit = [{ type: 'site_visit', notes: '', completed: false }] as const;
  const brings = (
    outcome: CallOutcome | undefined,
    followUpActions: Parameters<typeof stageAfter>[0]['followUpActions'] = [],
  ) => stageAfter({ ...(outcome ? { outcome } : {}), followUpActions });

  test('brings its lead as far as was talked', () => {
    expect(brings('hung_up')?.to).toBe('contacted');
    expect(brings('callback')?.to).toBe('contacted');
    expect(brings('qualified')?.to).toBe('qualified');
    expect(brings('qualified', visit)?.to).toBe('site_visit');
    expect(brings('transferred', visit)?.to).toBe('site_visit');
  });

  test('brings nobody to a visit who refused, and nobody anywhere who was not talked with', () => {
    expect(brings('opted_out', visit)?.to).toBe('contacted');
    expect(brings('not_interested', visit)?.to).toBe('contacted');
    for (const outcome of [undefined, 'no_conversation', 'voicemail', 'wrong_number'] as const)
      expect(brings(outcome, visit)).toBeUndefined();
  });

  test('never sets a lead back', () => {
    expect(brings('qualified')?.from).toEqual(['new', 'contacted']);
    expect(brings('qualified', visit)?.from).toEqual(['new', 'contacted', 'qualified']);
  });
});
