/** domain/input: turns what came from outside into what a verb takes, or into one clear failure that names every field. */
import type { z } from 'zod';
import { Failure } from './errors.ts';

/** Throws Failure `invalid_request` with details.fields: path → what is wrong there. */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields: Record<string, string> = {};
  for (const issue of parsed.error.issues) fields[issue.path.join('.') || 'body'] ??= issue.message;
  const [first = 'body'] = Object.keys(fields);
  throw new Failure('invalid_request', `${first}: ${fields[first]}`, { details: { fields } });
}
