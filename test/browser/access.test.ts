/** test/browser: the ways in, people, keys, the audit log and one's own account, over the real server and a real store. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LINK_TOKEN, leadId, type Served, serve } from '../http/support.ts';
import {
  builtDashboard,
  findingsOf,
  inspectPage,
  missing,
  openBrowser,
  openPage,
  shootPage,
  WIDE,
} from './theatre.ts';

const PASSWORD = 'a walk along the river';
const HOSTILE = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`;

describe.skipIf(missing)(`access in a browser${missing ? ` (left out: ${missing})` : ''}`, () => {
  let browser: Browser;
  let contexts: BrowserContext[] = [];
  let page: Page;
  let served: Served;
  let complaints: string[] = [];

  beforeAll(async () => {
    const launched = openBrowser();
    served = await serve({ dashboardDir: await builtDashboard() });
    browser = await launched;
  });
  afterAll(async () => {
    await closeAll();
    await served?.http.close();
  });
  beforeEach(async () => {
    await closeAll();
    page = await open();
  });

  async function closeAll(): Promise<void> {
    for (const context of contexts) await context.close();
    contexts = [];
  }

  /** A browser of its own: nobody is signed in. */
  async function open(): Promise<Page> {
    const context = await browser.newContext({
      viewport: WIDE,
      reducedMotion: 'reduce',
      colorScheme: 'light',
    });
    contexts.push(context);
    complaints = [];
    return openPage(context, (words) => complaints.push(words));
  }
  const as = async (cookie: string): Promise<void> => {
    const [name = '', value = ''] = cookie.split('=');
    await page.context().addCookies([{ name, value, url: served.base }]);
  };
  const visit = async (path: string, words: string): Promise<void> => {
    await page.goto(served.base + path);
    await page.getByText(words).first().waitFor();
  };
  const findings = () => findingsOf(page);
  const shoot = (name: string) => shootPage(page, name);
  const inspect = (name: string, words: string) => inspectPage(page, name, words);

  test('whoever comes by the printed link makes their own sign-in, and comes back with it', async () => {
    await visit(`/signin?token=${LINK_TOKEN}`, 'The link you came by works once');
    await page.getByRole('link', { name: 'Make your own sign-in' }).click();
    await page.getByLabel('Your name').fill('Robin Ellery');
    await page.getByLabel('E-mail address').fill('robin@example.com');
    await page.getByRole('textbox', { name: 'New password' }).fill('too short');
    await page.getByRole('textbox', { name: 'The same again' }).fill('too short');
    expect(await page.getByRole('button', { name: 'Make the sign-in' }).isDisabled()).toBe(true);
    await page.getByRole('textbox', { name: 'New password' }).fill('robin is my name');
    await page.getByRole('textbox', { name: 'The same again' }).fill('robin is my name');
    await page.getByRole('button', { name: 'Make the sign-in' }).click();
    await page.getByText('is too easy to guess').first().waitFor();
    await inspect('first-user', 'Make your own sign-in');
    await page.getByRole('textbox', { name: 'New password' }).fill(PASSWORD);
    await page.getByRole('textbox', { name: 'The same again' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Make the sign-in' }).click();
    await page.getByRole('button', { name: /Robin Ellery/ }).waitFor();

    page = await open();
    await visit('/leads', 'With the link from the terminal');
    await page.getByLabel('E-mail address').fill('ROBIN@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Leads' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a wrong password is told as such, and too many with the time that is left', async () => {
    await visit('/', 'With the link from the terminal');
    await inspect('sign-in', 'With the link from the terminal');
    const attempt = async (password: string) => {
      await page.getByLabel('E-mail address').fill('nobody@example.com');
      await page.getByRole('textbox', { name: 'Password' }).fill(password);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await attempt('wrong');
    await page.getByText('The e-mail address or the password is wrong').waitFor();
    expect(await findings()).toEqual([]);
    // As ten failures leave it.
    const until = { failures: 10, waitUntil: new Date(Date.now() + 3_500_000), updatedAt: new Date() };
    await served.store.collection('sign_in_failures').update({ failures: 1 }, { $set: until });
    await attempt('wrong again');
    await page.getByText('Too many failed sign-ins').waitFor();
    await page
      .getByText(/You can try again in 5[78] minutes\. An administrator can lift the lock\./)
      .waitFor();
    expect(await findings()).toEqual([]);
    await shoot('sign-in-locked-light');
    expect(complaints).toEqual([]);
  });

  test('an administrator adds somebody, who chooses a password by the link and is signed in', async () => {
    await as(served.cookieOf('ADMIN'));
    await visit('/', 'Calls');
    await page.getByRole('link', { name: 'Access' }).first().click();
    await page.getByRole('button', { name: 'Add a person' }).first().click();
    await page.getByLabel('Name').fill('Ann Analyst');
    await page.getByLabel('E-mail address').fill('ann@example.com');
    await page.getByLabel('Role').selectOption('ANALYST');
    expect(await findings()).toEqual([]);
    await shoot('user-add-light');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    const link = await page.locator('.once code').textContent();
    expect(link).toMatch(/\/set-password#[\w-]{43}$/);
    expect(await findings()).toEqual([]);
    await shoot('user-link-light');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('Invited').first().waitFor();
    expect(await page.content()).not.toContain(new URL(link ?? '').hash.slice(1));

    page = await open();
    const { pathname, hash } = new URL(link ?? '');
    await visit(pathname + hash, 'Choose a password');
    await inspect('set-password', 'Choose a password');
    await page.getByRole('textbox', { name: 'New password' }).fill(PASSWORD);
    await page.getByRole('textbox', { name: 'The same again' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Save and sign in' }).click();
    await page.getByRole('button', { name: /Ann Analyst/ }).waitFor();
    await expect.poll(() => page.getByRole('link', { name: 'Access' }).count()).toBe(0);
    await visit('/access', 'That takes the role of an administrator');

    page = await open();
    await visit(pathname + hash, 'Choose a password');
    await page.getByRole('textbox', { name: 'New password' }).fill(PASSWORD);
    await page.getByRole('textbox', { name: 'The same again' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Save and sign in' }).click();
    await page.getByText('This link does not work').waitFor();
    expect(complaints).toEqual([]);
  });

  test('roles change, locks are lifted and people are deactivated; names that look like code stay text', async () => {
    const { user } = await served.access.users.create(
      { email: 'hostile@example.com', name: HOSTILE, role: 'USER' },
      'owner',
    );
    for (let n = 0; n < 10; n += 1) {
      await served.access.users.signIn({ email: user.email, password: 'x' }, {}).catch(() => undefined);
      await served.store
        .collection('sign_in_failures')
        .update({ failures: n + 1 }, { $set: { waitUntil: new Date(n === 9 ? Date.now() + 3_500_000 : 0) } });
    }
    await as(served.cookieOf('ADMIN'));
    await visit('/access', HOSTILE);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    await expect.poll(() => page.locator('main img').count()).toBe(0);
    await page.getByText('10 failed sign-ins').first().waitFor();
    await inspect('users', 'Locked');
    await page.getByRole('button', { name: `More about ${HOSTILE}` }).click();
    await page.getByRole('menuitem', { name: 'Lift the lock' }).click();
    await page.getByText('Locked').first().waitFor({ state: 'detached' });

    await page.getByRole('button', { name: `Change ${HOSTILE}` }).click();
    await page.getByLabel('Role').selectOption('ADMIN');
    await page.getByText('is signed out everywhere').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('tbody').getByText('Administrator').first().waitFor();

    await page.getByRole('button', { name: `More about ${HOSTILE}` }).click();
    await page.getByRole('menuitem', { name: 'Deactivate' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Deactivate' }).click();
    await page.getByText('Deactivated').first().waitFor();
    expect(await served.store.collection('admin_users').get(user._id)).toMatchObject({ isActive: false });
    expect(complaints).toEqual([]);
  });

  test('a key is made, shown once, and revoked', async () => {
    await as(served.cookieOf('ADMIN'));
    await visit('/access/keys', 'No keys yet');
    await page.getByRole('button', { name: 'New key' }).first().click();
    await page.getByLabel('Name').fill('CRM');
    await page.getByLabel('leads:read').check();
    await page.getByLabel('leads:write').check();
    expect(await findings()).toEqual([]);
    await shoot('api-key-new-light');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const secret = (await page.locator('.once code').textContent()) ?? '';
    const ask = async () =>
      (await fetch(`${served.base}/api/v1/leads`, { headers: { authorization: `Bearer ${secret}` } })).status;
    expect(await ask()).toBe(200);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('Analyst: leads:read, leads:write').waitFor();
    expect(await page.content()).not.toContain(secret);
    await inspect('api-keys', 'Analyst: leads:read, leads:write');
    await page.getByRole('button', { name: 'Revoke CRM' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByText('Revoked', { exact: true }).first().waitFor();
    expect(await ask()).toBe(401);
    expect(complaints).toEqual([]);
  });

  test('the audit log tells who did what, and narrows to one person or one thing', async () => {
    await fetch(`${served.base}/api/v1/leads/${leadId}`, {
      headers: { cookie: served.cookieOf('ANALYST') },
    });
    await fetch(`${served.base}/api/v1/retention`, { headers: { cookie: served.cookieOf('ANALYST') } });
    await served.access.auditLog.settled(5_000);
    await as(served.cookieOf('ADMIN'));
    await visit('/access/audit-log', 'Open a lead');
    await inspect('audit-log', 'Open a lead');
    await page.getByRole('link', { name: 'ANALYST' }).first().click();
    await page.getByText('Only ANALYST').waitFor();
    await page.getByRole('button', { name: 'Show everybody' }).click();
    await page.getByLabel('Id or number').fill(leadId);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    expect(await page.getByRole('link', { name: leadId.slice(0, 8) }).getAttribute('href')).toBe(
      `/leads/${leadId}`,
    );
    expect(complaints).toEqual([]);
  });

  test('somebody changes their password, sees their browsers and signs out everywhere else', async () => {
    const { user, link } = await served.access.users.create(
      { email: 'una@example.com', name: 'Una User', role: 'USER' },
      'owner',
    );
    const firefox = { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' };
    await served.access.users.redeem({ token: link.token, password: PASSWORD }, firefox);
    await visit('/', 'With the link from the terminal');
    await page.getByLabel('E-mail address').fill('una@example.com');
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: /Una User/ }).click();
    await page.getByRole('menuitem', { name: 'My account' }).click();
    await page.getByText('Firefox on Linux').waitFor();
    await inspect('account', 'This browser');
    await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByText('1 session ended.').waitFor();
    await page.getByText('Firefox on Linux').waitFor({ state: 'detached' });

    const fill = async (now: string) => {
      await page.getByRole('textbox', { name: 'Your password now' }).fill(now);
      await page.getByRole('textbox', { name: 'New password' }).fill('another walk, up the hill');
      await page.getByRole('textbox', { name: 'The same again' }).fill('another walk, up the hill');
      await page.getByRole('button', { name: 'Change the password' }).click();
    };
    await fill('not this one');
    await page.getByText('is not your password').first().waitFor();
    await fill(PASSWORD);
    await page.getByText('The password is changed').waitFor();
    expect(await served.access.sessions.list(user._id)).toHaveLength(1);

    await served.access.users.change(user._id, { isActive: false }, 'owner');
    await page.getByRole('link', { name: 'Leads' }).first().click();
    await page.getByText('With the link from the terminal').waitFor();
    expect(complaints).toEqual([]);
  });
});
