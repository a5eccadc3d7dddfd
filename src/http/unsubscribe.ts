/**
 * http/unsubscribe: where the links of our e-mails lead. A click shows a button, for mail programs and scanners follow links
 * by themselves; the button, and a mail program that unsubscribes for its reader (RFC 8058), send a POST. Nobody signs in:
 * the link itself says whom it is about, and nothing of theirs is shown.
 */
import type { NextFunction, Request, Response } from 'express';
import type { Log } from '../app/ports.ts';
import type { Bodies } from './body.ts';
import type { AppForHttp } from './needs.ts';
import { sendPage } from './pages.ts';

const BODY_LIMIT = 16 * 1024;

const ASK = [
  'You will get no more e-mails, calls or texts from us.',
  '<form method="post"><button type="submit">Unsubscribe</button></form>',
] as const;
const DONE = ['You will get no more e-mails, calls or texts from us. You can close this page.'] as const;
const UNKNOWN = [
  'It may have been cut off: open it from the e-mail again, or copy all of it.',
  'You can also call the number in the e-mail and say that you want no more messages.',
] as const;

export function unsubscribePages({
  app,
  bodies,
  log,
  limitFailures,
}: {
  readonly app: Pick<AppForHttp, 'messages'>;
  readonly bodies: Bodies;
  readonly log: Log;
  /** Slows down who brings links that are none of ours. */
  readonly limitFailures: (request: Request, response: Response) => Promise<void>;
}) {
  async function refuse(request: Request, response: Response): Promise<void> {
    await limitFailures(request, response);
    sendPage(response, 404, 'This link is not known', UNKNOWN);
  }
  const tokenOf = ({ params }: Request): string => (typeof params.token === 'string' ? params.token : '');

  return {
    async ask(request: Request, response: Response): Promise<void> {
      if (app.messages.isUnsubscribeToken(tokenOf(request))) sendPage(response, 200, 'Unsubscribe', ASK);
      else await refuse(request, response);
    },
    async take(request: Request, response: Response, next: NextFunction): Promise<void> {
      try {
        await bodies.raw(request, BODY_LIMIT);
        const how = await app.messages.unsubscribe(tokenOf(request));
        if (how === undefined) return await refuse(request, response);
        log.info({ how }, 'somebody unsubscribed by a link');
        sendPage(response, 200, 'You are unsubscribed', DONE);
      } catch (error) {
        next(error);
      }
    },
  };
}
