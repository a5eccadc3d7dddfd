/** The vendors' doors, the media socket, and the pages beside the API. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { createClock } from '../../src/adapters/system.ts';
import type { Log, VendorRequest } from '../../src/app/ports.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { HttpDeps } from '../../src/http/index.ts';
import { type Served, serve } from './support.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const running: Served[] = [];
const open = async (overrides: Partial<HttpDeps> = {}): Promise<Served> => {
  const served = await serve(overrides);
  running.push(served);
  return served;
};
afterEach(async () => {
  for (const served of running.splice(0)) await served.http.close();
});

/** Sends bytes as they are and answers all that comes back until the other side closes. */
const raw = (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let got = '';
    socket.setTimeout(8000, () => reject(new Error(`no end: ${got}`)));
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.on('close', () => resolve(got));
    socket.on('error', reject);
  });

test('a vendor door gets the request as it came: raw body, headers, path and query', async () => {
  const seen: VendorRequest[] = [];
  const served = await open({
    doors: {
      twilio: async (request) => {
        seen.push(request);
        return { status: 200, contentType: 'text/xml', body: '<Response/>' };
      },
      elevenlabs: async () => ({ status: 204 }),
    },
  });
  const body = 'CallSid=CA1&From=%2B1206&Text=a+b';
  const response = await fetch(`${served.base}/twilio/voice/abc?x=1%202`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'sig' },
    body,
  });
  expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
    200,
    'text/xml; charset=utf-8',
    '<Response/>',
  ]);
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/twilio/voice/abc?x=1%202' });
  expect(seen[0]?.headers['x-twilio-signature']).toBe('sig');
  expect(seen[0]?.body.toString()).toBe(body);
  expect((await fetch(`${served.base}/twilio/status`)).status).toBe(200);
  expect((await fetch(`${served.base}/elevenlabs/webhook`, { method: 'POST', body: '{}' })).status).toBe(204);
  expect((await fetch(`${served.base}/elevenlabs/webhook`)).status).not.toBe(204);
});

test('large reports of the agent platform are read, larger ones are refused, and the carrier has a bound of its own', async () => {
  const served = await open();
  const post = async (path: string, bytes: number) => {
    const response = await fetch(served.base + path, { method: 'POST', body: Buffer.alloc(bytes, 'a') });
    return [response.status, await response.text()];
  };
  expect(await post('/elevenlabs/webhook', 24 * 1024 * 1024)).toEqual([200, String(24 * 1024 * 1024)]);
  expect((await post('/elevenlabs/webhook', 26 * 1024 * 1024))[0]).toBe(413);
  expect((await post('/twilio/status', 200_000))[0]).toBe(200);
  expect((await post('/twilio/status', 300_000))[0]).toBe(413);
});

test('a door that fails is an error to the vendor, so that it tries again', async () => {
  const served = await open({
    doors: {
      twilio: async () => {
        throw new Failure('store_unavailable', 'down');
      },
      elevenlabs: async () => {
        throw new Error('boom');
      },
    },
  });
  expect((await fetch(`${served.base}/twilio/status`, { method: 'POST' })).status).toBe(503);
  const other = await fetch(`${served.base}/elevenlabs/webhook`, { method: 'POST' });
  expect([other.status, await other.text()]).toEqual([500, expect.not.stringContaining('boom')]);
});

const upgrade = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`;

test('only the media path is handed over at an upgrade', async () => {
  const served = await open();
  expect(await raw(served.port, upgrade('/twilio/media'))).toMatch(/^HTTP\/1.1 101 /);
  for (const path of ['/twilio/media/', '/twilio/mediax', '/', '/api/v1/calls/live', '//twilio/media']) {
    expect(await raw(served.port, upgrade(path))).toMatch(/^HTTP\/1.1 404 Not Found\r\nConnection: close/);
  }
});

test('closing cuts media sockets that nobody closed, after all else', async () => {
  const clock = createClock(silent);
  const served = await open({
    // Time to close in passes ten times as fast.
    clock: { ...clock, steadyMs: () => clock.steadyMs() * 10 },
    media: (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  });
  const ended = raw(served.port, upgrade('/twilio/media'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await served.http.close();
  expect(await ended).toMatch(/^HTTP\/1.1 101 /);
  await expect(fetch(`${served.base}/healthz`)).rejects.toThrow();
});

test('a port that is taken is said at the start', async () => {
  const served = await open();
  const second = await serve().then((s) => s.http);
  await second.close();
  await expect(serve({ config: { host: '127.0.0.1', port: served.port } })).rejects.toThrow(/EADDRINUSE/);
});

test('the dashboard is served with its own routes; its hashed files are kept by browsers, its index is not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-dashboard-'));
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>Parley</title>');
  writeFileSync(join(directory, 'assets', 'app-1a2b3c.js'), 'export {};');
  writeFileSync(join(directory, 'assets', 'big-1a2b3c.js'), 'export const big = 1;');
  writeFileSync(join(directory, 'assets', 'big-1a2b3c.js.br'), brotliCompressSync('export const big = 1;'));
  writeFileSync(join(directory, '..', 'parley-outside.txt'), 'outside');
  const served = await open({ dashboardDir: directory });
  const page = (path: string, accept = 'text/html') => fetch(served.base + path, { headers: { accept } });
  try {
    for (const path of ['/', '/calls/abc', '/leads?x=1', '/index.html']) {
      const response = await page(path);
      expect([response.status, response.headers.get('cache-control'), await response.text()]).toEqual([
        200,
        'no-cache',
        '<!doctype html><title>Parley</title>',
      ]);
    }
    const asset = await page('/assets/app-1a2b3c.js', '*/*');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect([asset.headers.get('content-encoding'), await asset.text()]).toEqual([null, 'export {};']);
    const big = async (encoding: string) => {
      const response = await fetch(`${served.base}/assets/big-1a2b3c.js`, {
        headers: { 'accept-encoding': encoding },
      });
      const headers = ['content-encoding', 'content-type', 'cache-control', 'vary'].map((name) =>
        response.headers.get(name),
      );
      return [response.status, ...headers, await response.text()];
    };
    const kept = 'public, max-age=31536000, immutable';
    const type = 'text/javascript; charset=utf-8';
    expect(await big('gzip, br')).toEqual([
      200,
      'br',
      type,
      kept,
      'accept-encoding',
      'export const big = 1;',
    ]);
    expect(await big('gzip')).toEqual([200, null, type, kept, 'accept-encoding', 'export const big = 1;']);
    expect((await page('/assets/gone.js')).status).toBe(404);
    expect((await page('/api/v1/gone')).status).toBe(404);
    expect((await page('/calls/abc', 'application/json')).status).toBe(404);
    for (const path of [
      '/../parley-outside.txt',
      '/..%2fparley-outside.txt',
      '/assets/..%5c..%5cparley-outside.txt',
    ]) {
      expect(
        await raw(served.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
      ).not.toMatch(/outside$/);
    }
  } finally {
    rmSync(directory, { recursive: true });
    rmSync(join(tmpdir(), 'parley-outside.txt'));
  }
});

test('a dashboard that was not built says so and what to do', async () => {
  const served = await open();
  const response = await fetch(`${served.base}/`, { headers: { accept: 'text/html' } });
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('npm run build')]);
});

test('the docs page runs from our own files under a policy that allows no other scripts', async () => {
  const served = await open();
  const page = await fetch(`${served.base}/api/docs`);
  const html = await page.text();
  expect(html).toContain('/api/docs/start.js');
  expect(html).not.toMatch(/https?:\/\//);
  expect(html).not.toMatch(/<script[^>]*>[^<]/);
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("media-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/script-src[^;]*unsafe|upgrade-insecure-requests/);
  const start = await fetch(`${served.base}/api/docs/start.js`);
  expect(await start.text()).toContain("url: '/api/v1/openapi.json'");
  for (const [file, type] of [
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['swagger-ui.css', 'text/css; charset=utf-8'],
  ]) {
    const answer = await fetch(`${served.base}/api/docs/${file}`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
    expect((await answer.text()).length).toBeGreaterThan(100_000);
  }
});
