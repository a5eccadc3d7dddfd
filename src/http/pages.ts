/** http/pages: what browsers get that is no API: the dashboard, the API's readable docs, the sign-in page. */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, sep } from 'node:path';
import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import helmet from 'helmet';
import { isFailure } from '../domain/errors.ts';
import { type Auth, visitorOf } from './auth.ts';

/**
 * Security headers of every answer. Scripts come from our own files only; the dashboard's component library writes style
 * elements, hence 'unsafe-inline' for styles alone.
 */
export const securityHeaders = (https: boolean) =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        scriptSrcAttr: ["'none'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'", 'data:'],
        mediaSrc: ["'self'"],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: https,
    xFrameOptions: { action: 'deny' },
  });

const document = (title: string, head: string, body: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${head}</head>
<body>
${body}
</body>
</html>
`;

/** A page of our own words; `paragraphs` are HTML. */
export const sendPage = (
  response: Response,
  status: number,
  title: string,
  paragraphs: readonly string[],
): void => {
  const body = `<h1>${title}</h1>\n${paragraphs.map((text) => `<p>${text}</p>`).join('\n')}`;
  response
    .status(status)
    .set('cache-control', 'no-store')
    .type('html')
    .send(document(title, '', body));
};

/** `GET /signin?token=…`: the printed link. A browser that only looks ahead does not use it up; `signedIn` hears of the use. */
export function signInPage(auth: Auth, signedIn: (request: Request, response: Response) => void) {
  return async (request: Request, response: Response): Promise<void> => {
    const ahead = /prefetch|prerender/.test(
      `${request.get('sec-purpose') ?? ''} ${request.get('purpose') ?? ''}`,
    );
    if (request.method === 'HEAD' || ahead) {
      response.status(204).set('cache-control', 'no-store').end();
      return;
    }
    const { token } = request.query;
    try {
      const cookie = await auth.signInByLink(typeof token === 'string' ? token : '', visitorOf(request));
      signedIn(request, response);
      response.set({ 'set-cookie': cookie, 'cache-control': 'no-store' }).redirect(303, '/');
    } catch (error) {
      if (!isFailure(error, 'unauthenticated')) throw error;
      if (await auth.identify(request)) response.set('cache-control', 'no-store').redirect(303, '/');
      else
        sendPage(response, 401, 'This link does not sign you in', [
          'A sign-in link works once and for 24 hours.',
          'Each start of Parley prints a new one: restart it and open the link it prints, or <a href="/">paste the link here</a>.',
        ]);
    }
  };
}

const require = createRequire(import.meta.url);

const DOCS_FILES = ['swagger-ui-bundle.js', 'swagger-ui.css'] as const;
const DOCS_START = `SwaggerUIBundle({
  url: '/api/v1/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers['X-Requested-By'] = 'parley';
    return request;
  },
});
`;

/** The docs page: Swagger UI from our own files, over our own document. */
export function docsPages(): Router {
  const page = document(
    'Parley API',
    `<link rel="icon" href="/parley.svg">
<link rel="stylesheet" href="/api/docs/${DOCS_FILES[1]}">
<script defer src="/api/docs/${DOCS_FILES[0]}"></script>
<script defer src="/api/docs/start.js"></script>
`,
    '<div id="docs"></div>',
  );
  const router = Router();
  router.get('/api/docs', (_request, response) => {
    response.set('cache-control', 'no-cache').type('html').send(page);
  });
  router.get('/api/docs/start.js', (_request, response) => {
    response.set('cache-control', 'no-cache').type('js').send(DOCS_START);
  });
  for (const file of DOCS_FILES) {
    // The path is our own dependency's, wherever it is installed: dot directories on the way are fine.
    const path = require.resolve(`swagger-ui-dist/${file}`);
    router.get(`/api/docs/${file}`, (_request, response) => {
      response.sendFile(path, { maxAge: '1h', dotfiles: 'allow' });
    });
  }
  return router;
}

/** Paths that are never the dashboard's, so that a wrong one gets an honest 404. */
const NOT_PAGES = /^\/(?:unsubscribe|api|twilio|elevenlabs|llm|intake|assets|healthz|readyz|metrics)(?:\/|$)/;

/** The build makes some files a second time, compressed; browsers that can read those get them. */
function compressedFirst(directory: string): RequestHandler {
  const assets = join(directory, 'assets');
  const compressed = new Set(
    existsSync(assets) ? readdirSync(assets).filter((name) => name.endsWith('.br')) : [],
  );
  return (request, response, next) => {
    const name = `${request.path.slice(1)}.br`;
    if (!compressed.has(name)) return next();
    response.vary('accept-encoding');
    if (request.acceptsEncodings('br', 'identity') !== 'br') return next();
    response.type(extname(request.path)).set('content-encoding', 'br');
    response.sendFile(name, { root: assets, immutable: true, maxAge: '1y', dotfiles: 'allow' });
  };
}

/** The built dashboard: its files, and its index for every path it may route itself. */
export function dashboardPages(directory: string | undefined): Router {
  const router = Router();
  const index = directory === undefined ? undefined : join(directory, 'index.html');
  if (directory !== undefined) {
    router.use('/assets', compressedFirst(directory));
    router.use(
      express.static(directory, {
        index: false,
        redirect: false,
        setHeaders: (response, path) => {
          const hashed = path.includes(`${sep}assets${sep}`);
          response.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      }),
    );
  }
  router.get('/{*path}', (request: Request, response: Response, next: NextFunction) => {
    if (NOT_PAGES.test(request.path) || request.accepts(['html', 'json']) !== 'html') {
      next();
      return;
    }
    if (index === undefined || !existsSync(index)) {
      sendPage(response, 503, 'The dashboard was not built', [
        'Run <code>npm run build</code> and start Parley again.',
        'The API works without it: see <a href="/api/docs">its documentation</a>.',
      ]);
      return;
    }
    response.sendFile(index, {
      cacheControl: false,
      headers: { 'cache-control': 'no-cache' },
      dotfiles: 'allow',
    });
  });
  return router;
}
