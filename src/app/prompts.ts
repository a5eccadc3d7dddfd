/** app/prompts: the sentences a call is made of, by name, with what they leave to be filled in. */
import { Failure } from '../domain/errors.ts';

export const PROMPTS = [
  'opening-outbound',
  'opening-inbound',
  'recovery',
  'voicemail',
  'apology',
  'busy',
] as const;
export type PromptName = (typeof PROMPTS)[number];

/** The texts of prompts/, one for each name. */
export type Prompts = Readonly<Record<PromptName, string>>;

/** Fills `{{name}}`s. A name without a value is a fault of ours and throws, because somebody would hear it. */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template
    .replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined)
        throw new Failure('config_invalid', `a prompt asks for {{${name}}}, which nobody fills`);
      return value;
    })
    .replace(/\s+/g, ' ')
    .trim();
}
