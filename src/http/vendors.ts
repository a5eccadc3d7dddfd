/** http/vendors: requests of the carrier and the agent platform, read raw and handed to the adapter that can judge them. */
import type { NextFunction, Request, Response } from 'express';
import type { Clock, VendorDoor } from '../app/ports.ts';
import { Failure } from '../domain/errors.ts';
import type { Bodies } from './body.ts';

export const TWILIO_LIMIT = 256 * 1024;
export const ELEVENLABS_LIMIT = 25 * 1024 * 1024;
/** The carrier gives up on an answer after 15 seconds. */
const ANSWER_WITHIN_MS = 14_000;

/** An Express handler for one vendor. A door that fails or dawdles is answered with an error, so that the vendor tries again. */
export function vendorHandler(door: VendorDoor, limit: number, bodies: Bodies, clock: Clock) {
  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    const over = new AbortController();
    const late = clock.sleep(ANSWER_WITHIN_MS, over.signal).then((): never => {
      throw new Failure('internal', 'the adapter gave no answer in time');
    });
    late.catch(() => {});
    try {
      const body = await bodies.raw(request, limit);
      const { method, originalUrl: url, headers } = request;
      const reply = await Promise.race([door({ method, url, headers, body }), late]);
      response.status(reply.status);
      if (reply.body === undefined) response.end();
      else response.type(reply.contentType ?? 'text/plain').send(reply.body);
    } catch (error) {
      next(error);
    } finally {
      over.abort();
    }
  };
}
