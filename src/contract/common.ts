/** contract/common: what every answer of the API is made of: ids, instants, pages and problems. */
import { z } from 'zod';

/** 24 hex digits. */
export const Id = z
  .string()
  .regex(/^[0-9a-f]{24}$/, 'must be 24 hexadecimal digits')
  .meta({ id: 'Id', description: 'An id: 24 hexadecimal digits.' });

/** An instant as ISO 8601 with a zone; answers are always in UTC with a `Z`. */
export const Instant = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 instant with a zone, such as 2026-11-24T17:00:00Z' })
  .meta({ id: 'Instant', description: 'ISO 8601 with a zone. Answers are in UTC.' });

/** A number as people write it; read as a US number when it has no country code. */
export const PhoneText = z.string().trim().min(3).max(40).meta({
  id: 'PhoneText',
  description: 'A phone number as people write it; a US number when it has no country code.',
});

/** One line of text, such as a name or a tag; control characters are refused. */
export const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this refuses
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters');

/** Text of several lines. */
export const prose = (max: number) => z.string().trim().min(1).max(max);

/** One thing wrong with a request. */
export const FieldError = z
  .object({
    in: z.enum(['body', 'query', 'path', 'header']),
    /** JSON Pointer into the body (`/contact/phone`), or the name of the parameter. */
    pointer: z.string(),
    detail: z.string(),
  })
  .meta({ id: 'FieldError' });
export type FieldError = z.infer<typeof FieldError>;

/** RFC 9457. `code` is stable and made for programs; `title` and `detail` are for people and may change. */
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.exactOptional(z.string()),
    /** The id under which the log knows this request. */
    instance: z.exactOptional(z.string()),
    /** Whether the same request may succeed later. */
    retryable: z.boolean(),
    errors: z.exactOptional(z.array(FieldError)),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a stable `code`.' });
export type Problem = z.infer<typeof Problem>;

/** `nextCursor` is absent on the last page. */
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.exactOptional(z.string()) });
export interface Page<T> {
  items: T[];
  nextCursor?: string;
}

/** How every list is paged. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.exactOptional(
    z
      .string()
      .max(1024)
      .regex(/^[A-Za-z0-9_\-.~=]+$/, 'must be a nextCursor of this list'),
  ),
});
export type PageQuery = z.infer<typeof PageQuery>;
