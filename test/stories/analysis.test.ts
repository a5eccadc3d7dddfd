/** A call through the whole product, over real sockets, and what is understood of it a moment later. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CallAnalyses, Call as ContractCall } from '../../src/contract/index.ts';
import { type Story, type World, world } from '../support/world.ts';

let place: World;
let story: Story;
beforeAll(async () => {
  place = await world({ scale: 8 });
  story = await place.call('interested-seller');
});
afterAll(() => place.close());

test('the call, its transcript and its lead show what was understood, and by whom', () => {
  const { call, transcript, kept, lead } = story;
  expect(call.analysis).toMatchObject({ by: 'lexicon', version: 'lexicon 2' });
  expect(call.outcome).toBe('qualified');
  expect(call.sentiment?.overall).toBeGreaterThan(0);
  expect(call.keyMoments?.map(({ type }) => type)).toContain('commitment');
  for (const { messageIndex, userText } of call.keyMoments ?? [])
    expect(transcript[messageIndex]).toMatchObject({ speaker: 'user', text: userText });
  expect(transcript.some(({ sentiment }) => sentiment !== undefined)).toBe(true);
  expect(kept?.messages).toEqual(transcript);
  expect(kept?.topics).toEqual(call.analysis?.topics);
  expect(lead?.contactAttempts.find(({ callId }) => callId === call._id)?.sentiment).toBe(
    call.sentiment?.overall,
  );
});

test('what the agent arranged stands, and no second time beside it', () => {
  const visits = story.call.followUpActions.filter(({ type }) => type === 'site_visit');
  expect(visits).toHaveLength(1);
  expect(visits[0]).not.toHaveProperty('foundBy');
});

test('the API answers with all of it for one call, and with less in a list', async () => {
  const path = `/api/v1/calls/${story.call._id}`;
  const one = ContractCall.parse((await place.ask('GET', path)).json());
  expect(one.analysis?.evidence?.length).toBeGreaterThan(0);
  const { items } = (await place.ask('GET', '/api/v1/calls')).json<{ items: object[] }>();
  const listed = ContractCall.parse(items[0]);
  expect(listed.analysis?.by).toBe('lexicon');
  expect(listed.analysis?.evidence ?? listed.keyMoments ?? listed.sentiment?.timeline).toBeUndefined();
  const analyses = CallAnalyses.parse((await place.ask('GET', `${path}/analyses`)).json());
  expect(analyses.items).toMatchObject([{ state: 'done', applied: true, dropped: [] }]);
});
