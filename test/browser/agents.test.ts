/** test/browser: what the agents decide and may look up is read, written anew, accepted and undone. */
import { describe, expect, test } from 'vitest';
import { diffWords } from '../../src/dashboard/knowledge/diff.ts';
import { missing, type PageToSee, theatre } from './theatre.ts';

const PAGES: readonly PageToSee[] = [
  ['agents', '/agents', 'What calls begin with'],
  ['agent', '/agents/conversation_ai', 'Chose an answer'],
  ['agent-empty', '/agents/realty', 'Nothing yet'],
  ['knowledge', '/knowledge', 'Answers to objections'],
  ['knowledge-entry', '/knowledge/price_too_low', 'Where it was used'],
  ['knowledge-proposals', '/knowledge/proposals', 'by rules, without a model'],
];

test('what changed between two texts is told word by word, and both can be read from it', () => {
  const pieces = diffWords('Our price is final.', 'Our best price is fair.');
  const read = (without: string) =>
    pieces.flatMap(({ kind, text }) => (kind === without ? [] : [text.trim()])).join(' ');
  expect(read('added')).toBe('Our price is final.');
  expect(read('removed')).toBe('Our best price is fair.');
  expect(pieces.filter(({ kind }) => kind !== 'same').map(({ text }) => text.trim())).toEqual([
    'best',
    'final.',
    'fair.',
  ]);
  expect(diffWords('', '')).toEqual([]);
});

describe.skipIf(missing)(
  `agents and knowledge in a browser${missing ? ` (left out: ${missing})` : ''}`,
  () => {
    const house = theatre();
    const { visit } = house;

    test('every page is drawn without errors, accessible in light and dark, and no wider than a phone', async () => {
      await visit('/agents', 'Voice agent', 'development');
      await house.inspect(PAGES);
      expect(house.complaints).toEqual([]);
    });

    test('a decision leads to its moment in the call', async () => {
      await visit('/agents/conversation_ai', 'Chose an answer');
      await house.page.getByRole('link', { name: 'That moment of the call' }).first().click();
      await house.page.waitForURL(/\/calls\/[0-9a-f]{24}\?t=18$/);
    });

    test('a proposal is accepted as it is, and an earlier version is put back', async () => {
      const { page } = house;
      await visit('/knowledge/proposals', 'by rules, without a model');
      await page.getByRole('button', { name: 'Accept', exact: true }).click();
      await page.getByText('Version 3 is in use').waitFor();
      await house.go('/knowledge/price_too_low', 'Version 3');
      await page.getByRole('button', { name: 'Use version 1' }).click();
      await page.getByRole('button', { name: 'Use version 3' }).waitFor();
    });

    test('a new version is written by keyboard, on top of the newest', async () => {
      const { page } = house;
      await visit('/knowledge/price_too_low', 'Version 2');
      await page.getByRole('button', { name: 'Write a new version' }).press('Enter');
      await page.getByLabel('What the agent is told to answer').fill('Words that are new.');
      expect(await house.findings()).toEqual([]);
      await page.getByRole('button', { name: 'Save as a new version' }).click();
      await page.getByRole('heading', { name: 'Version 3' }).waitFor();
    });
  },
);
