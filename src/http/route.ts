/**
 * http/route: what one row of the route table is. The schemas of a row parse its requests and make its part of the
 * OpenAPI document, so that the two cannot drift apart.
 */
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { FieldError, Role } from '../contract/index.ts';
import type { Caller } from './auth.ts';
import { hasBody } from './body.ts';
import { fieldErrors, invalid, type ProblemCode } from './problems.ts';
import type { Tag } from './scopes.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Reply =
  | { readonly status: number; readonly json?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly status: number;
      readonly text: string;
      readonly contentType: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The handler wrote the answer itself. */
  | 'written';

/** One answer of a route. `content` names media types other than JSON. */
interface Answer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly content?: readonly string[];
}

export interface Context<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly idempotencyKey?: string;
  readonly requestId: string;
  readonly request: Request;
  readonly response: Response;
}

/** A request as it came; what is in it is not known yet. */
interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  /** Undefined when there was none. */
  readonly body: unknown;
  readonly caller: Caller;
  readonly requestId: string;
  readonly request: Request;
  readonly response: Response;
}

interface Facing {
  readonly method: Method;
  /** In Express's writing: `/api/v1/leads/:leadId`. */
  readonly path: string;
  readonly summary: string;
  /** With the method it says which scope a key needs (http/scopes). */
  readonly tag: Tag;
  /** Who may use it; `public` needs no sign-in. */
  readonly role: Role | 'public';
  /**
   * `passed`: the handler gives the Idempotency-Key on and the app keeps the promise for ever. `kept`: the server itself
   * answers a repeat for 24 hours.
   */
  readonly idempotency?: 'passed' | 'kept';
  readonly responses: Readonly<Record<number, Answer>>;
  /**
   * Media types of a body that is a file. The handler reads it as it streams in (`Bodies.file`), so neither its size nor
   * the time until the answer is bounded.
   */
  readonly file?: readonly string[];
  /** Codes beyond those that every route may answer. */
  readonly problems?: readonly ProblemCode[];
}

export interface Route extends Facing {
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  /** Parses all parts, then runs the handler. Throws `invalid_request` with everything that is wrong at once. */
  readonly run: (raw: RawRequest) => Promise<Reply>;
}

/** What keeps a body from being one of these files, before a byte of it is read. */
function fileErrors(request: Request, types: readonly string[]): FieldError[] {
  const { 'content-type': given = '', 'content-encoding': encoding = 'identity' } = request.headers;
  const type = given.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const errors: FieldError[] = [];
  if (type.startsWith('multipart/')) {
    errors.push({
      in: 'header',
      pointer: 'Content-Type',
      detail: `must not be a form: send the file itself as the body, with one of the types ${types.join(', ')}`,
    });
  } else if (!types.includes(type)) {
    errors.push({ in: 'header', pointer: 'Content-Type', detail: `must be one of ${types.join(', ')}` });
  }
  if (encoding !== 'identity') {
    errors.push({ in: 'header', pointer: 'Content-Encoding', detail: 'bodies must not be compressed' });
  }
  if (!hasBody(request)) errors.push({ in: 'body', pointer: '', detail: 'is missing' });
  return errors;
}

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;

export function route<
  P extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Q extends z.ZodObject = z.ZodObject<Record<never, never>>,
  B extends z.ZodType = z.ZodUndefined,
>(
  spec: Facing & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly handle: (context: Context<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Reply> | Reply;
  },
): Route {
  const { handle, params, query, body, ...facing } = spec;
  return {
    ...facing,
    params,
    query,
    body,
    async run(raw) {
      const errors: FieldError[] = [];
      const parse = <S extends z.ZodType>(
        where: FieldError['in'],
        schema: S | undefined,
        value: unknown,
      ): z.output<S> => {
        const result = schema?.safeParse(value);
        if (result && !result.success) errors.push(...fieldErrors(where, result.error.issues));
        return result?.data as z.output<S>;
      };
      const key = raw.request.headers['idempotency-key'];
      if (key !== undefined && (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key))) {
        errors.push({
          in: 'header',
          pointer: 'Idempotency-Key',
          detail: 'must be 1 to 200 printable characters without spaces',
        });
      }
      if (facing.file) errors.push(...fileErrors(raw.request, facing.file));
      if (body === undefined && raw.body !== undefined) {
        errors.push({ in: 'body', pointer: '', detail: 'must be empty' });
      }
      const parsed = {
        params: parse('path', params, raw.params),
        query: parse('query', query, raw.query),
        body: parse('body', body, raw.body),
      };
      if (errors.length > 0) throw invalid(errors);
      return handle({
        ...parsed,
        caller: raw.caller,
        ...(typeof key === 'string' ? { idempotencyKey: key } : {}),
        requestId: raw.requestId,
        request: raw.request,
        response: raw.response,
      });
    },
  };
}
