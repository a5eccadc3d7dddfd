/** app/analysis-prompt: what a model is told of how to analyse calls: a file with a name and a number, read at the start. */
import { Failure } from '../domain/errors.ts';

const NAME = 'call-analysis';
/** A change of the text is a new file with the next number: analyses say by which they were made. */
const NUMBER = 1;
const FILE = `prompts/analysis/${NAME}-${NUMBER}.md`;
/** Shorter ones are no prompt, and are not cached. */
const FEWEST_CHARS = 2_000;

export interface AnalysisPrompt {
  readonly version: string;
  readonly text: string;
}

/** `read` answers undefined for a file that is not there. Throws Failure `config_invalid` with `details.problems`. */
export function readAnalysisPrompt(read: (file: string) => string | undefined): AnalysisPrompt {
  const text = read(FILE)?.trim();
  if (text !== undefined && text.length >= FEWEST_CHARS) return { version: `${NAME} ${NUMBER}`, text };
  const problem =
    text === undefined
      ? `${FILE} cannot be read; put it back, or take it from the release.`
      : `${FILE} has ${text.length} characters; that is not the prompt.`;
  throw new Failure('config_invalid', problem, { details: { problems: [problem] } });
}
