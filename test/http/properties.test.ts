/** Houses, leads judged by them, and the people behind leads, over a real store. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  Campaign,
  Contact,
  CreatedLead,
  Lead,
  Problem,
  Property,
  page,
  Qualification,
} from '../../src/contract/index.ts';
import { serveLeadsIn } from './leads-in.ts';

let served: Awaited<ReturnType<typeof serveLeadsIn>>;
beforeEach(async () => {
  served = await serveLeadsIn();
});
afterEach(() => served.close());

const api = (path: string) => `/api/v1${path}`;
const get = async (path: string) => (await served.withKey(api(path))).json();
const post = (path: string, body: unknown) => served.send('POST', api(path), body);
const lead = async (over: object = {}, phone = '2065550101', more: object = {}) =>
  CreatedLead.parse(
    await (await post('/leads', { contact: { firstName: 'Ann', phone, ...over }, ...more })).json(),
  );

const HOUSE = {
  address: { street: '123 Main St', city: 'Seattle', state: 'WA', zipCode: '98101' },
  type: 'single_family',
  squareFeet: 2_100,
  comparables: [
    {
      address: '125 Main St',
      distance: 0.1,
      soldDate: '2026-09-15T00:00:00Z',
      soldPrice: 455_000,
      squareFeet: 2_000,
    },
  ],
  liens: [{ type: 'mortgage', amount: 200_000 }],
};

test('a house is kept with its worth, and a lead that is about it is judged by it', async () => {
  const made = await post('/properties', HOUSE);
  expect(made.status).toBe(201);
  const house = Property.parse(await made.json());
  expect(made.headers.get('location')).toBe(api(`/properties/${house.id}`));
  expect(house.valuation.afterRepairValue).toBe(477_750);
  expect(Problem.parse(await (await post('/properties', HOUSE)).json()).code).toBe('duplicate_key');

  const { id } = await lead({}, '2065550101', { intent: { type: 'seller', motivation: ['relocation'] } });
  const before = Qualification.parse(await (await post(`/leads/${id}/qualify`, undefined)).json());
  const linked = Property.parse(await (await post(`/properties/${house.id}/leads`, { leadId: id })).json());
  expect(linked.leadIds).toEqual([id]);
  const after = Lead.parse(await get(`/leads/${id}`));
  expect(after.propertyAddress).toBe('123 Main St, Seattle, WA 98101');
  expect(after.qualification?.estimatedValue).toBe(477_750);
  expect(after.qualification?.score).toBeGreaterThan(before.score);

  const sold = [{ ...HOUSE.comparables[0], soldPrice: 910_000 }];
  const patched = await served.send('PATCH', api(`/properties/${house.id}`), { comparables: sold });
  expect(Property.parse(await patched.json()).valuation.afterRepairValue).toBe(955_500);
  expect(Lead.parse(await get(`/leads/${id}`)).qualification?.estimatedValue).toBe(955_500);
  const found = page(Property).parse(await get(`/properties?zipCode=98101&leadId=${id}`));
  expect(found.items).toHaveLength(1);
  expect((await post(`/properties/${'f'.repeat(24)}/leads`, { leadId: id })).status).toBe(404);
  expect((await post(`/properties/${house.id}/leads`, { leadId: 'f'.repeat(24) })).status).toBe(404);
  expect((await post('/properties', { ...HOUSE, squareFeet: -1 })).status).toBe(400);
});

test('a lead is judged by whom its campaign is for, as that changes', async () => {
  const targeting = {
    intent: ['seller'],
    qualification: { minScore: 0.2 },
    motivationFactors: ['relocation'],
  };
  const made = await post('/campaigns', { name: 'Autumn', type: 'wholesale', targeting });
  const campaign = Campaign.parse(await made.json());
  expect(campaign.targeting).toEqual(targeting);
  const { id } = await lead({}, '2065550101', {
    campaignId: campaign.id,
    intent: { type: 'seller', motivation: ['relocation'] },
  });
  const judge = async () => Qualification.parse(await (await post(`/leads/${id}/qualify`, undefined)).json());
  const first = await judge();
  expect(first).toMatchObject({ qualified: true, criteria: { isMotivated: true } });
  expect((await judge()).qualifiedAt).toBe(first.qualifiedAt);
  const other = { targeting: { intent: ['buyer'], motivationFactors: ['probate'] } };
  const changed = await served.send('PATCH', api(`/campaigns/${campaign.id}`), other);
  expect(Campaign.parse(await changed.json()).targeting).toEqual(other.targeting);
  expect(await judge()).toMatchObject({ qualified: false, score: 0, criteria: { isMotivated: false } });
  expect((await post('/campaigns', { name: 'x', type: 'wholesale', targeting: { ages: [] } })).status).toBe(
    400,
  );
});

test('a lead made by hand is judged at once, and again when what it rests on changes', async () => {
  const wanting = async (motive: string) =>
    Campaign.parse(
      await (
        await post('/campaigns', {
          name: motive,
          type: 'wholesale',
          targeting: { motivationFactors: [motive] },
        })
      ).json(),
    );
  const [moving, inheriting] = [await wanting('relocation'), await wanting('inherited')];
  const made = await lead({}, '2065550101', {
    campaignId: moving.id,
    intent: { type: 'seller', motivation: ['relocation'] },
  });
  expect(made.qualification?.criteria.isMotivated).toBe(true);
  expect(made.assignedAt).toBe(made.createdAt);
  const change = async (patch: object) =>
    Lead.parse(await (await served.send('PATCH', api(`/leads/${made.id}`), patch)).json());
  const moved = await change({ campaignId: inheriting.id });
  expect(moved.qualification?.criteria.isMotivated).toBe(false);
  const learned = await change({ intent: { type: 'seller', motivation: ['inherited'] } });
  expect(learned.qualification?.criteria.isMotivated).toBe(true);
  await served.send('PATCH', api(`/campaigns/${inheriting.id}`), {
    targeting: { motivationFactors: ['divorce'] },
  });
  await vi.waitFor(async () => {
    const now = Lead.parse(await get(`/leads/${made.id}`));
    expect(now.qualification?.criteria.isMotivated).toBe(false);
  });
  const freed = await change({ campaignId: null });
  expect(freed.qualification?.criteria.isMotivated).toBe(true);
  expect(freed).not.toHaveProperty('assignedAt');
});

test('a house is priced by what the campaign of its lead pays, as that changes', async () => {
  const house = Property.parse(await (await post('/properties', HOUSE)).json());
  expect(house.valuation.wholesalePrice).toBe(334_425);
  const campaign = Campaign.parse(
    await (await post('/campaigns', { name: 'Careful', type: 'wholesale', wholesaleShare: 0.6 })).json(),
  );
  const { id } = await lead({}, '2065550101', { campaignId: campaign.id });
  const linked = Property.parse(await (await post(`/properties/${house.id}/leads`, { leadId: id })).json());
  expect(linked.valuation).toMatchObject({ wholesalePrice: 286_650, profitMargin: 191_100 });
  expect(Lead.parse(await get(`/leads/${id}`)).qualification?.wholesalePotential).toBe('medium');
  await served.send('PATCH', api(`/campaigns/${campaign.id}`), { wholesaleShare: 0.8 });
  await vi.waitFor(async () => {
    const now = Property.parse(await get(`/properties/${house.id}`));
    expect(now.valuation.wholesalePrice).toBe(382_200);
    expect(Lead.parse(await get(`/leads/${id}`)).qualification?.wholesalePotential).toBe('high');
  });
  expect((await post('/campaigns', { name: 'x', type: 'wholesale', wholesaleShare: 70 })).status).toBe(400);
});

test('leads that share a number or an e-mail address are one person', async () => {
  const first = await lead({ lastName: 'Lee', email: 'ann@example.org' });
  const second = await lead({ firstName: 'Anna', email: 'ann@example.org' }, '2065550102');
  const other = await lead({ firstName: 'Bo' }, '2065550103');
  const contact = Contact.parse(await get(`/leads/${second.id}/contact`));
  expect(contact).toMatchObject({
    id: first.id,
    firstName: 'Anna',
    phones: ['+12065550102', '+12065550101'],
    emails: ['ann@example.org'],
    leadIds: [first.id, second.id],
  });
  expect(page(Contact).parse(await get('/contacts')).items).toHaveLength(2);
  // A number that both have makes two people one.
  await served.send('PATCH', api(`/leads/${other.id}`), { contact: { alternatePhone: '2065550101' } });
  const [joined, ...rest] = page(Contact).parse(await get('/contacts')).items;
  expect(rest).toEqual([]);
  expect(joined?.leadIds).toEqual([first.id, second.id, other.id]);
  const byPhone = page(Contact).parse(await get('/contacts?phone=206-555-0103')).items;
  expect(byPhone.map(({ id }) => id)).toEqual([first.id]);
  expect(Contact.parse(await get(`/contacts/${first.id}`))).toEqual(joined);
  expect((await served.withKey(api(`/contacts/${'f'.repeat(24)}`))).status).toBe(404);
});

test('who is erased has no contact any more, and no house has their name', async () => {
  const { id } = await lead({ email: 'ann@example.org' });
  const owned = { ...HOUSE, owner: { name: 'Ann Lee', equityPercent: 0.4 } };
  const house = Property.parse(await (await post('/properties', owned)).json());
  await post(`/properties/${house.id}/leads`, { leadId: id });
  const erased = await served.erase('+12065550101');
  expect(erased.removed.map(({ of }) => of)).toEqual(expect.arrayContaining(['contacts', 'properties']));
  expect(page(Contact).parse(await get('/contacts')).items).toEqual([]);
  const left = Property.parse(await get(`/properties/${house.id}`));
  expect(left).toMatchObject({ leadIds: [], owner: { equityPercent: 0.4 } });
  expect(JSON.stringify(left)).not.toContain('Ann');
  expect((await served.withKey(api(`/leads/${id}/contact`))).status).toBe(404);
});
