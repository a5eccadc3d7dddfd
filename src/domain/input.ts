/** domain/input: turns what came from outside into what a verb takes, or into one clear failure that names every field. */
import type { z } from 'zod';
import { Failure } from './errors.ts';

/** What people meet in the report of a file is said in their words; the rest as the schema says it. */
function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_big' && issue.origin === 'string')
    return `has more than ${issue.maximum} characters`;
  return issue.code === 'invalid_format' && issue.format === 'email'
    ? 'not an e-mail address'
    : issue.message;
}

/** Throws Failure `invalid_request` with details.fields: path → what is wrong there. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields: Record<string, string> = {};
  for (const issue of parsed.error.issues) fields[issue.path.join('.') || 'body'] ??= wordsOf(issue);
  const [first = 'body'] = Object.keys(fields);
  throw new Failure('invalid_request', `${first}: ${fields[first]}`, { details: { fields } });
}
