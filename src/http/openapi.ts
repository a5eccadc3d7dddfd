/** http/openapi: the OpenAPI 3.1 document of a route table. */
import { setImmediate as othersTurn } from 'node:timers/promises';
import { z } from 'zod';
import { Problem } from '../contract/index.ts';
import { type ProblemCode, STATUS, TITLE } from './problems.ts';
import type { Route } from './route.ts';
import { needOf } from './scopes.ts';

type Json = Record<string, unknown>;

const EVERYWHERE: readonly ProblemCode[] = ['internal'];
const WITH_INPUT: readonly ProblemCode[] = ['invalid_request'];
const WITH_BODY: readonly ProblemCode[] = ['payload_too_large'];
const SIGNED_IN: readonly ProblemCode[] = [
  'unauthenticated',
  'forbidden',
  'rate_limited',
  'store_unavailable',
];

const moveRefs = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(moveRefs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string'
        ? inner.replace('#/$defs/', '#/components/schemas/')
        : moveRefs(inner),
    ]),
  );
};

const operationId = ({ method, path }: Route): string =>
  method.toLowerCase() +
  path
    .replace(/^\/api\/v1/, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word[0]?.toUpperCase() + word.slice(1))
    .join('');

/** Who may, in words. */
function needs(row: Route): string {
  const role = `Needs the role ${row.role} or a higher one`;
  const need = needOf(row);
  if (need === 'person') return `${role}, of a person: no key will do.`;
  return need === 'any' ? `${role}.` : `${role}; a key needs the scope \`${need}\`.`;
}

const documentPath = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

/**
 * `routes` in, the document out: every path, parameter, body and answer comes from the row that serves it. It takes some
 * hundred ms, and audio has its turn behind every row.
 */
export async function openApi(routes: readonly Route[], version: string): Promise<Json> {
  const schemas: Json = {};
  /** Most stand in many rows. */
  const known = new Map<z.ZodType, Json>();
  const schemaOf = (schema: z.ZodType): Json => {
    const before = known.get(schema);
    if (before) return before;
    const made = z.toJSONSchema(z.object({ root: schema }), { io: 'input', unrepresentable: 'any' });
    Object.assign(schemas, moveRefs(made.$defs ?? {}));
    const root = moveRefs(made.properties?.root) as Json;
    known.set(schema, root);
    return root;
  };
  const parameters = (where: 'path' | 'query', schema: z.ZodObject | undefined): Json[] =>
    Object.entries(schema?.shape ?? {}).map(([name, field]) => ({
      name,
      in: where,
      required: where === 'path' || !z.safeParse(z.object({ it: field }), {}).success,
      schema: schemaOf(z.object({ it: field }).shape.it as z.ZodType),
    }));

  const operation = (row: Route): Json => {
    const codes = [
      ...(row.problems ?? []),
      ...(row.params || row.query || row.body || row.file ? WITH_INPUT : []),
      ...(row.body ? WITH_BODY : []),
      ...(row.role === 'public' ? [] : SIGNED_IN),
      ...(row.idempotency ? (['idempotency_conflict'] as const) : []),
      ...EVERYWHERE,
    ];
    const byStatus = new Map<number, Set<ProblemCode>>();
    for (const code of codes) {
      byStatus.set(STATUS[code], (byStatus.get(STATUS[code]) ?? new Set<ProblemCode>()).add(code));
    }
    const responses: Json = {};
    for (const [status, answer] of Object.entries(row.responses)) {
      const content: Json = answer.schema ? { 'application/json': { schema: schemaOf(answer.schema) } } : {};
      for (const type of answer.content ?? []) content[type] = { schema: { type: 'string' } };
      responses[status] = {
        description: answer.description,
        ...(Object.keys(content).length > 0 ? { content } : {}),
      };
    }
    for (const [status, group] of byStatus) {
      responses[String(status)] ??= {
        description: [...group].map((code) => `\`${code}\`: ${TITLE[code]}.`).join(' '),
        content: { 'application/problem+json': { schema: schemaOf(Problem) } },
      };
    }
    return {
      operationId: operationId(row),
      summary: row.summary,
      tags: [row.tag],
      ...(row.role === 'public' ? {} : { description: needs(row) }),
      security:
        row.role === 'public'
          ? []
          : needOf(row) === 'person'
            ? [{ session: [] }]
            : [{ session: [] }, { apiKey: [] }],
      parameters: [
        ...parameters('path', row.params),
        ...parameters('query', row.query),
        ...(row.idempotency
          ? [
              {
                name: 'Idempotency-Key',
                in: 'header',
                required: false,
                description: 'The same key with the same body is the same request: nothing is made twice.',
                schema: { type: 'string', minLength: 1, maxLength: 200 },
              },
            ]
          : []),
      ],
      ...(row.body
        ? {
            requestBody: {
              required: !row.body.safeParse(undefined).success,
              content: { 'application/json': { schema: schemaOf(row.body) } },
            },
          }
        : {}),
      ...(row.file
        ? {
            requestBody: {
              required: true,
              description: 'The file itself, of any size; no form.',
              content: Object.fromEntries(row.file.map((type) => [type, { schema: { type: 'string' } }])),
            },
          }
        : {}),
      responses,
    };
  };

  const paths: Record<string, Json> = {};
  for (const row of routes) {
    const path = documentPath(row.path);
    const item = paths[path] ?? {};
    item[row.method.toLowerCase()] = operation(row);
    paths[path] = item;
    await othersTurn();
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Parley',
      version,
      description:
        'Calls by AI voice agents that pass a legal gate before they dial. Errors are RFC 9457 problem details with a stable `code`; lists answer `nextCursor` until their last page.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'parley_session',
          description:
            'What signing in sets. Whoever changes something with it sends `X-Requested-By: parley` as well.',
        },
        apiKey: { type: 'http', scheme: 'bearer', description: 'A key, or ADMIN_API_KEY.' },
      },
    },
  };
}
