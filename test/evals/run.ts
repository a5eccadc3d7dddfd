/**
 * test/evals/run: every written conversation, analysed by the word lists and, where ANTHROPIC_API_KEY is set, by Claude with
 * ANTHROPIC_MODEL: how often each field is right, and what the outcomes are mistaken for. `--wrong` names every difference; a
 * folder or a file that is named has conversations of your own, such as the page of a call makes.
 */
import { readFileSync } from 'node:fs';
import { createClaude } from '../../src/adapters/claude/index.ts';
import { readAnalysisPrompt } from '../../src/app/analysis-prompt.ts';
import { type Analysis, evidenced } from '../../src/domain/analysis.ts';
import { LEXICON_VERSION } from '../../src/domain/lexicon-words.ts';
import { byLexicon } from './lexicon.ts';
import {
  type Conversation,
  conversations,
  FIELDS,
  type Judged,
  judge,
  precision,
  recall,
  sum,
} from './scoring.ts';

const given = process.argv.slice(2);
const namesEach = given.includes('--wrong');
const own = given.find((argument) => argument !== '--wrong');

/** Questions under way at once. */
const AT_ONCE = 4;

interface Result {
  readonly conversation: Conversation;
  readonly judged: Judged;
  readonly outcome: string;
  readonly dropped: number;
}
type Read = { readonly analysis: Analysis; readonly dropped: readonly unknown[] } | { readonly why: string };

const percent = (value: number): string => `${Math.round(value * 100)} %`.padStart(7);

function table(title: string, results: readonly Result[]): void {
  const parts =
    own === undefined
      ? ([
          ['tuned on', results.filter(({ conversation }) => !conversation.isHeldOut)],
          ['held out', results.filter(({ conversation }) => conversation.isHeldOut)],
        ] as const)
      : ([['yours', results]] as const);
  console.log(`\n${title}`);
  console.log(
    `${''.padEnd(12)}${parts.map(([name, part]) => `${name} (${part.length})`.padStart(22)).join('')}`,
  );
  console.log(`${''.padEnd(12)}${parts.map(() => '   found   right'.padStart(22)).join('')}`);
  for (const field of FIELDS) {
    const cells = parts.map(([, part]) => {
      const tally = sum(part.map(({ judged }) => judged.scores))[field];
      return `${percent(recall(tally))} ${percent(precision(tally))}`.padStart(22);
    });
    console.log(`${field.padEnd(12)}${cells.join('')}`);
  }
  console.log(
    `claims dropped, because nobody said them: ${results.reduce((all, { dropped }) => all + dropped, 0)}`,
  );
  for (const { conversation, outcome } of results)
    if (!conversation.expected.outcome.some((each) => each === outcome))
      console.log(
        `  ${conversation.name}: ${conversation.expected.outcome.join(' or ')} taken for ${outcome}`,
      );
  if (namesEach)
    for (const { conversation, judged } of results)
      for (const wrong of judged.wrong) console.log(`  ${conversation.name}: ${wrong}`);
}

async function judgeAll(read: (conversation: Conversation) => Promise<Read>): Promise<Result[]> {
  const left = conversations(own);
  const results: Result[] = [];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const answer = await read(next);
        if ('why' in answer) {
          console.log(`  ${next.name}: ${answer.why}`);
          continue;
        }
        const { analysis, dropped } = answer;
        const found = {
          ...analysis,
          sentiment: analysis.sentiment.overall,
          extractedInfo: { ...analysis.extractedInfo },
        };
        results.push({
          conversation: next,
          judged: judge(next, found),
          outcome: analysis.outcome ?? 'no_conversation',
          dropped: dropped.length,
        });
      }
    }),
  );
  return results.sort((a, b) => a.conversation.name.localeCompare(b.conversation.name));
}

table(LEXICON_VERSION, await judgeAll(async (conversation) => byLexicon(conversation)));

const {
  ANTHROPIC_API_KEY: apiKey,
  ANTHROPIC_MODEL: model = 'claude-sonnet-4-5',
  ANTHROPIC_BASE_URL: baseUrl,
} = process.env;
if (!apiKey) console.log('\nClaude was not asked: ANTHROPIC_API_KEY is not set.');
else {
  const say = (fields: unknown, sentence: string): void => console.error(sentence, fields);
  const claude = createClaude({
    apiKey,
    model,
    ...(baseUrl ? { baseUrl } : {}),
    prompt: readAnalysisPrompt((file) => readFileSync(file, 'utf8')),
    clock: { steadyMs: () => performance.now() },
    log: { debug: () => undefined, info: say, warn: say, error: say },
  });
  const tokens = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };
  const results = await judgeAll(async ({ name, messages, startedAt, zone }) => {
    const began = new Date(startedAt);
    const answer = await claude.analyse(
      { callId: name, direction: 'outbound', messages, startedAt: began, zone },
      new AbortController().signal,
    );
    for (const kind of Object.keys(tokens) as (keyof typeof tokens)[]) tokens[kind] += answer.usage[kind];
    return answer.kind === 'found' ? evidenced(answer.findings, messages, began) : answer;
  });
  table(`${model}, ${claude.version}`, results);
  console.log('tokens', tokens);
}
