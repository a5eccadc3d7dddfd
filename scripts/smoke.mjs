/** Starts the built product in an empty folder as a user would, waits until it is ready, signs in, and stops it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dir = mkdtempSync(join(tmpdir(), 'parley-smoke-'));
const startedMs = performance.now();
const child = spawn('npm', ['start'], {
  env: { ...process.env, PORT: '0', DATA_DIR: dir, LOG_LEVEL: 'warn' },
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
const fail = (why) => {
  console.error(`smoke: ${why}`);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {}
  process.exit(1);
};
const late = setTimeout(() => fail('not ready within 30 s'), 30_000);
child.once('exit', (code) => fail(`ended with ${code} before it was ready`));

let text = '';
const link = await new Promise((resolve) => {
  child.stdout.on('data', (data) => {
    text += data;
    const found = /http:\/\/\S+\/signin\?token=\S+/.exec(text);
    if (found) resolve(found[0]);
  });
});
const readyMs = Math.round(performance.now() - startedMs);
const origin = new URL(link).origin;
const signIn = await fetch(link, { redirect: 'manual' });
const cookie = signIn.headers.get('set-cookie')?.split(';')[0];
if (!cookie) fail(`the sign-in link answered ${signIn.status} without a cookie`);
for (const path of ['/healthz', '/readyz', '/api/v1/auth/me', '/api/v1/calls', '/api/v1/openapi.json', '/']) {
  const answer = await fetch(origin + path, { headers: { cookie } });
  if (!answer.ok) fail(`${path} answered ${answer.status}`);
}
child.removeAllListeners('exit');
const ended = new Promise((resolve) => child.once('exit', resolve));
process.kill(-child.pid, 'SIGTERM');
await ended;
clearTimeout(late);
rmSync(dir, { recursive: true, force: true });
console.log(`smoke: ready in ${readyMs} ms, answered, stopped`);
