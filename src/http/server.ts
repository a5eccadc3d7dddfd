/** http/server: one port for people, programs, vendors and their sockets. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import express, { type NextFunction, type Request, type Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Access } from '../app/access.ts';
import type { Clock, Log, VendorDoor } from '../app/ports.ts';
import type { Readiness, Settings } from '../contract/index.ts';
import { Failure } from '../domain/errors.ts';
import { OWNER } from '../domain/user.ts';
import { createAudit, createNoting } from './audit.ts';
import { type AuthSettings, type Caller, createAuth, expectMay, refuseForged } from './auth.ts';
import { createBodies } from './body.ts';
import { createIdempotentOnce } from './idempotency.ts';
import { intakeHandler, intakeSecrets } from './intake.ts';
import { createListening } from './listen.ts';
import { createLiveWall } from './live.ts';
import { LLM_PATHS, llmHandler, llmSecret } from './llm.ts';
import { type Metric, processMetrics } from './metrics.ts';
import type { AppForHttp, BeginDemo } from './needs.ts';
import { openApi } from './openapi.ts';
import { dashboardPages, docsPages, securityHeaders, signInPage } from './pages.ts';
import { invalid, protocolProblem, sendError, sendProblem } from './problems.ts';
import type { Reply, Route } from './route.ts';
import { buildRoutes } from './routes/index.ts';
import { unsubscribePages } from './unsubscribe.ts';
import { ELEVENLABS_LIMIT, TWILIO_LIMIT, vendorHandler } from './vendors.ts';

export interface HttpDeps {
  readonly app: AppForHttp;
  /** Present where the carrier is the built-in one. */
  readonly demo?: BeginDemo;
  readonly access: Access;
  readonly config: { readonly host: string; readonly port: number; readonly publicBaseUrl?: string };
  readonly doors: { readonly twilio: VendorDoor; readonly elevenlabs: VendorDoor };
  /** Takes over the socket of an upgrade of GET /twilio/media. */
  readonly media: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly auth: AuthSettings;
  readonly log: Log;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly readiness: () => Promise<Readiness>;
  /** Figures of the other rooms, beside those of the process and of this server. */
  readonly metrics?: () => readonly Metric[];
  /** Where the built dashboard lies. */
  readonly dashboardDir?: string;
}

export interface Http {
  readonly server: Server;
  /** Resolves when requests are taken; `port` is the real one when 0 was asked for. Rejects when the port is taken. */
  listen(): Promise<{ readonly port: number }>;
  /** Takes no new request, ends all streams, lets running requests end (bounded), then closes every socket. Idempotent. */
  close(): Promise<void>;
}

/** Failed sign-ins and unknown credentials one address may bring in a minute. */
const FAILURES_PER_MINUTE = 30;
/** Requests one credential may make in a minute: a stop for runaway loops, far above what people and imports need. */
const REQUESTS_PER_MINUTE = 12_000;
const ANSWER_WITHIN_MS = 60_000;
const CLOSE_WITHIN_MS = 5_000;
const MEDIA_PATH = '/twilio/media';
/** The one address of the API that becomes a socket. */
const LISTENS = /^\/api\/v1\/calls\/[^/]+\/listen$/;
/** What opening the printed link stands for in the audit log. */
const LINK_PATH = '/api/v1/auth/link';
const SPEC_PATH = '/api/v1/openapi.json';

const ANONYMOUS: Caller = { userId: 'anonymous', name: 'Nobody', role: 'USER', via: 'cookie' };

const requestIdOf = (response: Response): string => String(response.locals.requestId);

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function send(response: Response, reply: Reply): void {
  if (reply === 'written') return;
  response.status(reply.status).set('cache-control', 'no-store');
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if ('text' in reply) response.set('content-type', reply.contentType).send(reply.text);
  else if (reply.json === undefined) response.end();
  else response.json(reply.json);
}

export function createHttp(deps: HttpDeps): Http {
  const { app, access, config, doors, log, clock, settings } = deps;
  const https = config.publicBaseUrl?.startsWith('https:') ?? false;
  const auth = createAuth(deps.auth, access, https, clock);
  const bodies = createBodies(clock);
  const live = createLiveWall(app, clock, log);
  const listening = createListening(app, config.publicBaseUrl, clock, log);
  const once = createIdempotentOnce<Reply>(clock);
  const answered = new Map<string, number>();
  let closing = false;

  const httpMetrics = (): Metric[] => {
    const { viewers, dropped } = live.figures();
    return [
      {
        name: 'parley_http_requests_total',
        help: 'Answered requests of the API.',
        type: 'counter',
        values: [...answered].map(([key, value]) => {
          const [route = '', status = ''] = key.split('|');
          return { value, labels: { route, status } };
        }),
      },
      {
        name: 'parley_live_viewers',
        help: 'Viewers of the live wall.',
        type: 'gauge',
        values: [{ value: viewers }],
      },
      {
        name: 'parley_live_viewers_dropped_total',
        help: 'Viewers let go because they fell behind.',
        type: 'counter',
        values: [{ value: dropped }],
      },
      {
        name: 'parley_listeners',
        help: 'People who hear a live call.',
        type: 'gauge',
        values: [{ value: listening.figures().listeners }],
      },
      {
        name: 'parley_listeners_lost_ms_total',
        help: 'Sound left out because a listener read too slowly, ms of one voice.',
        type: 'counter',
        values: [{ value: listening.figures().lostMs }],
      },
      {
        name: 'parley_audit_dropped_total',
        help: 'Entries of the audit log that could not be stored.',
        type: 'counter',
        values: [{ value: access.auditLog.figures().dropped }],
      },
    ];
  };

  const secretOf = intakeSecrets(deps.auth.sessionSecret);
  const secret = llmSecret(deps.auth.sessionSecret);
  const routes = buildRoutes({
    app,
    demo: deps.demo,
    access,
    secretOf,
    llmSecret: secret,
    auth,
    live,
    listening,
    bodies,
    audit: createAudit(log),
    clock,
    settings,
    readiness: deps.readiness,
    metrics: () => [...processMetrics(), ...httpMetrics(), ...(deps.metrics?.() ?? [])],
  });

  const limiter = (perMinute: number, keyOf: (request: Request, response: Response) => string) => {
    const middleware = rateLimit({
      windowMs: 60_000,
      limit: perMinute,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      keyGenerator: keyOf,
      handler: (_request, _response, next) =>
        next(
          new Failure('rate_limited', 'Too many requests in a minute; wait a little.', {
            details: { retryInSec: 60 },
          }),
        ),
    });
    return (request: Request, response: Response): Promise<void> =>
      new Promise((resolve, reject) => {
        Promise.resolve(
          middleware(request, response, (error?: unknown) =>
            error === undefined ? resolve() : reject(error),
          ),
        ).catch(reject);
      });
  };
  const addressOf = (request: Request): string => ipKeyGenerator(request.ip ?? '');
  const limitFailures = limiter(FAILURES_PER_MINUTE, addressOf);
  const limitSignIn = limiter(FAILURES_PER_MINUTE, addressOf);
  const limitCaller = limiter(REQUESTS_PER_MINUTE, (_request, response) =>
    String(response.locals.credential),
  );

  /** Who may go on with this route. Only strangers are slowed down by address: a good credential is never locked out. */
  async function admit(row: Route, request: Request, response: Response): Promise<Caller> {
    // How the service is may be asked while the store is away.
    if (row.role === 'public' && row.method === 'GET') return ANONYMOUS;
    const caller = await auth.identify(request);
    if (caller?.via !== 'api_key') refuseForged(request, config.publicBaseUrl, caller !== undefined);
    if (row.role === 'public') {
      await limitSignIn(request, response);
      return caller ?? ANONYMOUS;
    }
    if (!caller) {
      await limitFailures(request, response);
      throw new Failure('unauthenticated', 'Sign in, or send a valid API key.');
    }
    response.locals.credential = caller.session?._id ?? caller.userId;
    response.locals.caller = caller;
    await limitCaller(request, response);
    expectMay(caller, row);
    return caller;
  }

  const noteOf = createNoting(access.auditLog);

  async function answer(
    row: Route,
    request: Request,
    response: Response,
    note: ReturnType<typeof noteOf>,
  ): Promise<void> {
    const requestId = requestIdOf(response);
    response.locals.fieldsIn = row.body === undefined ? 'query' : 'body';
    const caller = await admit(row, request, response);
    // A stream is over long after somebody began to look.
    if (row.responses[200]?.content?.includes('text/event-stream')) note?.(200);
    const body = row.method === 'GET' || row.file ? undefined : await bodies.json(request);
    if (row.body !== undefined && body === undefined && !row.body.safeParse(undefined).success) {
      throw invalid([{ in: 'body', pointer: '', detail: 'is missing' }]);
    }
    const run = () =>
      row.run({ params: request.params, query: request.query, body, caller, requestId, request, response });
    const key = row.idempotency === 'kept' ? request.get('idempotency-key') : undefined;
    const work = key ? once.run([caller.userId, row.path, key], body, run) : run();
    if (row.file) {
      send(response, await work);
      return;
    }
    const over = new AbortController();
    const late = clock.sleep(ANSWER_WITHIN_MS, over.signal).then((): Promise<Reply> => {
      // A stream that began goes on for as long as it is read.
      if (response.headersSent) return work;
      throw new Failure('internal', 'no answer in time');
    });
    late.catch(() => {});
    try {
      const reply = await Promise.race([work, late]);
      if (row.responses[101] && reply === 'written' && !response.headersSent) note?.(101);
      send(response, reply);
    } finally {
      over.abort();
    }
  }

  const web = express();
  web.disable('x-powered-by');
  web.disable('etag');
  web.set('trust proxy', 'loopback');
  web.set('query parser', 'simple');
  web.use((request: Request, response: Response, next: NextFunction) => {
    response.locals.requestId = randomUUID();
    response.setHeader('x-request-id', requestIdOf(response));
    if (closing) response.setHeader('connection', 'close');
    bodies.watch(request);
    next();
  });
  web.use(securityHeaders(https));

  const twilio = vendorHandler(doors.twilio, TWILIO_LIMIT, bodies, clock);
  web.route('/twilio/{*path}').get(twilio).post(twilio);
  const intake = intakeHandler({ app, bodies, log, secretOf, limitFailures, limitCaller });
  web.post('/intake/:source{/:endpointId}', intake);
  web.post(LLM_PATHS, llmHandler({ app, bodies, log, secret, limitFailures, limitCaller }));
  const unsubscribe = unsubscribePages({ app, bodies, log, limitFailures });
  web.route('/unsubscribe/:token').get(unsubscribe.ask).post(unsubscribe.take);
  web.post('/elevenlabs/webhook', vendorHandler(doors.elevenlabs, ELEVENLABS_LIMIT, bodies, clock));

  let spec: Promise<string> | undefined;
  web.get(SPEC_PATH, async (_request, response) => {
    spec ??= openApi(routes, settings.version).then((document) => JSON.stringify(document));
    response
      .set('cache-control', 'no-cache')
      .type('application/json')
      .send(await spec);
  });
  web.use(docsPages());
  web.get('/signin', async (request, response) => {
    await limitSignIn(request, response);
    await signIn(request, response);
  });
  const signIn = signInPage(auth, (request, response) => {
    const row = routes.find(({ path }) => path === LINK_PATH);
    response.locals.signedIn = { id: OWNER.userId, name: OWNER.name };
    if (row) noteOf(row, request, response)?.(204);
  });
  for (const path of new Set(routes.map((row) => row.path))) {
    const rows = routes.filter((row) => row.path === path);
    web.route(path).all(async (request, response) => {
      const row = rows.find(({ method }) => method === (request.method === 'HEAD' ? 'GET' : request.method));
      if (!row) {
        const allow = rows
          .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
          .join(', ');
        const problem = protocolProblem(
          'method_not_allowed',
          `This path has ${allow}.`,
          requestIdOf(response),
        );
        sendProblem(response, problem, { allow });
        return;
      }
      const startedMs = clock.steadyMs();
      const note = noteOf(row, request, response);
      response.once('close', () => {
        note?.(response.headersSent ? response.statusCode : 0);
        const key = `${row.method} ${row.path}|${response.statusCode}`;
        answered.set(key, (answered.get(key) ?? 0) + 1);
        log.debug(
          {
            requestId: requestIdOf(response),
            route: `${row.method} ${row.path}`,
            status: response.statusCode,
            tookMs: Math.round(clock.steadyMs() - startedMs),
          },
          'request answered',
        );
      });
      await answer(row, request, response, note);
    });
  }

  web.use(dashboardPages(deps.dashboardDir));
  web.use((_request: Request, _response: Response) => {
    throw new Failure('not_found', 'There is nothing at this address.');
  });
  // Express knows an error handler by its four parameters.
  web.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const status = error instanceof Error && 'status' in error ? Number(error.status) : undefined;
    const said =
      status === 404
        ? new Failure('not_found', 'There is nothing at this address.')
        : status !== undefined && status >= 400 && status < 500
          ? invalid([{ in: 'path', pointer: '', detail: 'is not a valid address' }])
          : error;
    const fieldsIn = response.locals.fieldsIn === 'query' ? 'query' : 'body';
    sendError(said, fieldsIn, request, response, requestIdOf(response), log);
  });

  const server = createServer(web);
  server.headersTimeout = 10_000;
  // A large file takes its time; `bodies` bounds how long any other body may take.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 10_000;

  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const path = request.url?.split('?', 1)[0];
    const isMedia = path === MEDIA_PATH;
    if (closing || !(isMedia || LISTENS.test(path ?? ''))) {
      refuseUpgrade(socket, closing ? '503 Service Unavailable' : '404 Not Found');
      return;
    }
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    if (isMedia) deps.media(request, socket, head);
    else listening.through(request, socket, head, web);
  });

  let closed: Promise<void> | undefined;
  async function closeAll(): Promise<void> {
    closing = true;
    live.close();
    listening.close();
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    const lastMs = clock.steadyMs() + CLOSE_WITHIN_MS;
    let open = true;
    const settled = ended.then(() => {
      open = false;
    });
    while (open && clock.steadyMs() < lastMs) {
      // A connection whose last answer is out waits for a request that must not come any more; one that never said a word
      // does not count as idle.
      server.closeIdleConnections();
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
      await Promise.race([settled, clock.sleep(50)]);
    }
    server.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
    await settled;
  }

  return {
    server,
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(config.port, config.host, () => {
          server.off('error', reject);
          const address = server.address();
          resolve({ port: typeof address === 'object' && address ? address.port : config.port });
        });
      }),
    close: () => {
      closed ??= closeAll();
      return closed;
    },
  };
}
