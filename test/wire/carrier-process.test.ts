/** The sandbox as a process of its own: settings in, addresses out, and no life beyond its parent's. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { programOf } from '../support/programs.ts';

const start = (settings: unknown) =>
  fork(programOf('src/sandbox/main.ts'), {
    execArgv: [],
    env: { ...process.env, PARLEY_SANDBOX: JSON.stringify(settings) },
    silent: true,
  });

test('reports where its carrier listens and ends when its parent lets go', async () => {
  const child = start({ carrier: { numbers: ['+15550100100'] } });
  const [report] = (await once(child, 'message')) as [{ carrier: Record<string, string>; agent?: unknown }];
  expect(report).toEqual({
    carrier: {
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      accountSid: expect.stringMatching(/^AC[0-9a-f]{32}$/),
      authToken: expect.any(String),
      numbers: ['+15550100100'],
    },
  });
  const { url, accountSid, authToken } = report.carrier;
  const answer = await fetch(`${url}/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers.json`, {
    headers: { authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}` },
  });
  expect(answer.status).toBe(200);
  const exit = once(child, 'exit');
  child.disconnect();
  expect((await exit)[0]).toBe(0);
});

test('its agent is the same one at every start, for what it did is known by its id', async () => {
  const idOf = async () => {
    const child = start({ agent: {} });
    const [report] = (await once(child, 'message')) as [{ agent: { agentId: string; apiKey: string } }];
    const exit = once(child, 'exit');
    child.disconnect();
    await exit;
    return report.agent;
  };
  const [first, second] = [await idOf(), await idOf()];
  expect(second.agentId).toBe(first.agentId);
  expect(second.apiKey).not.toBe(first.apiKey);
});

test('wrong settings end it with a sentence that names them', async () => {
  const child = start({ carrier: { numbers: [] } });
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += String(chunk);
  });
  expect((await once(child, 'exit'))[0]).toBe(1);
  expect(complaint).toContain('carrier.numbers');
});
