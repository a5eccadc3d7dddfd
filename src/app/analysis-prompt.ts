/**
 * app/analysis-prompt: what a model is told of how to analyse calls, and of how to propose better answers: files with a name
 * and a number, read at the start.
 */
import { Failure } from '../domain/errors.ts';

/** A change of a text is a new file with the next number: what a model made says by which. */
const ANALYSIS = { folder: 'analysis', name: 'call-analysis', number: 1 };
const ARCHITECT = { folder: 'architect', name: 'knowledge-proposal', number: 1 };
/** Shorter ones are no prompt, and are not cached. */
const FEWEST_CHARS = 2_000;

export interface AnalysisPrompt {
  readonly version: string;
  readonly text: string;
}

type Read = (file: string) => string | undefined;

/** `read` answers undefined for a file that is not there. Throws Failure `config_invalid` with `details.problems`. */
export const readAnalysisPrompt = (read: Read): AnalysisPrompt => readPrompt(ANALYSIS, read);
/** As `readAnalysisPrompt`. */
export const readArchitectPrompt = (read: Read): AnalysisPrompt => readPrompt(ARCHITECT, read);

function readPrompt({ folder, name, number }: typeof ANALYSIS, read: Read): AnalysisPrompt {
  const file = `prompts/${folder}/${name}-${number}.md`;
  const text = read(file)?.trim();
  if (text !== undefined && text.length >= FEWEST_CHARS) return { version: `${name} ${number}`, text };
  const problem =
    text === undefined
      ? `${file} cannot be read; put it back, or take it from the release.`
      : `${file} has ${text.length} characters; that is not the prompt.`;
  throw new Failure('config_invalid', problem, { details: { problems: [problem] } });
}
