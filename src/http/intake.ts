/**
 * http/intake: the door that lead sources knock at. Each endpoint has a secret of its own, made from our session secret and
 * the endpoint's id, so that it stands in no database; another SESSION_SECRET gives every endpoint another one.
 *
 * How a source proves itself is its own way where it has one: Google sends the key in the body (`google_key`), Real Geeks
 * signs the body (`X-Lead-Router-Signature`, HMAC-SHA256 in hex; their "Outgoing Leads API"). All others send the secret
 * (`Authorization: Bearer`, or as the password of Basic, for whoever can only be given an address) or sign with it
 * (`X-Parley-Signature: sha256=…`).
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { Log } from '../app/ports.ts';
import { Failure } from '../domain/errors.ts';
import { type IntakeEndpoint, type IntakeSource, isIntakeSource } from '../domain/intake.ts';
import type { Bodies } from './body.ts';
import type { AppForHttp } from './needs.ts';
import { invalid } from './problems.ts';

const BODY_LIMIT = 256 * 1024;
const ID = /^[0-9a-f]{24}$/;

export type SecretOf = (endpoint: Pick<IntakeEndpoint, '_id'>) => string;

export const intakeSecrets =
  (sessionSecret: string): SecretOf =>
  ({ _id }) =>
    createHmac('sha256', sessionSecret).update(`intake:${_id}`).digest('base64url');

/** How a source shows who it is, for people who set it up. */
export const PROOF: Readonly<Record<IntakeSource, string>> = {
  google_ads: 'Enter the secret as the key of the lead form’s webhook; it comes as google_key in the body.',
  realgeeks: 'Enter the secret in the destination; it signs the body (X-Lead-Router-Signature).',
  zillow: 'Send the secret as Authorization: Bearer, or as the password of Basic, in the address if need be.',
  web_form:
    'Send the secret as Authorization: Bearer, or sign the body with it (X-Parley-Signature: sha256=…).',
  generic:
    'Send the secret as Authorization: Bearer, or sign the body with it (X-Parley-Signature: sha256=…).',
};

/** Equal or not, in a time that does not tell how much of it is. */
const equal = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());

const textOf = (header: string | string[] | undefined): string => (typeof header === 'string' ? header : '');

function proves(source: IntakeSource, request: Request, raw: Buffer, body: unknown, secret: string): boolean {
  const signature = (): string => createHmac('sha256', secret).update(raw).digest('hex');
  if (source === 'google_ads') {
    const { google_key: key } = (body ?? {}) as { readonly google_key?: unknown };
    return typeof key === 'string' && equal(key, secret);
  }
  if (source === 'realgeeks')
    return equal(textOf(request.headers['x-lead-router-signature']).toLowerCase(), signature());
  const signed = textOf(request.headers['x-parley-signature']);
  if (signed !== '') return equal(signed.toLowerCase(), `sha256=${signature()}`);
  const [scheme = '', sent = ''] = textOf(request.headers.authorization).split(' ', 2);
  if (/^bearer$/i.test(scheme)) return equal(sent, secret);
  if (!/^basic$/i.test(scheme)) return false;
  const pair = Buffer.from(sent, 'base64').toString();
  return equal(pair.slice(pair.indexOf(':') + 1), secret);
}

function read(request: Request, raw: Buffer): unknown {
  const type = textOf(request.headers['content-type']).split(';', 1)[0]?.trim().toLowerCase() ?? '';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    throw invalid([{ in: 'body', pointer: '', detail: 'is not valid UTF-8' }]);
  }
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(text));
  if (!/^application\/(?:[\w.-]+\+)?json$/.test(type))
    throw invalid([
      {
        in: 'header',
        pointer: 'Content-Type',
        detail: 'must be application/json or application/x-www-form-urlencoded',
      },
    ]);
  try {
    return JSON.parse(text);
  } catch {
    throw invalid([{ in: 'body', pointer: '', detail: 'is not valid JSON' }]);
  }
}

export interface IntakeDoor {
  readonly app: Pick<AppForHttp, 'intake'>;
  readonly bodies: Pick<Bodies, 'raw'>;
  readonly log: Log;
  readonly secretOf: SecretOf;
  /** Throws `rate_limited`. */
  readonly limitFailures: (request: Request, response: Response) => Promise<void>;
  readonly limitCaller: (request: Request, response: Response) => Promise<void>;
}

/** POST /intake/:source and /intake/:source/:endpointId. Who cannot prove who they are learns nothing else. */
export const intakeHandler =
  ({ app, bodies, log, secretOf, limitFailures, limitCaller }: IntakeDoor) =>
  async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    try {
      const { source, endpointId } = request.params as { source: string; endpointId?: string };
      if (!isIntakeSource(source)) throw new Failure('not_found', 'There is no such source of leads.');
      const raw = await bodies.raw(request, BODY_LIMIT);
      const body = read(request, raw);
      const named = endpointId === undefined || ID.test(endpointId);
      const open = named
        ? await app.intake.open({ source, ...(endpointId === undefined ? {} : { _id: endpointId }) })
        : [];
      const endpoint = open.find((each) => proves(source, request, raw, body, secretOf(each)));
      if (!endpoint) {
        await limitFailures(request, response);
        log.warn({ source, endpointId: named ? endpointId : undefined }, 'a lead came without a good secret');
        throw new Failure('forbidden', 'This does not come from the source that the endpoint was made for.');
      }
      response.locals.credential = endpoint._id;
      await limitCaller(request, response);
      const action = textOf(request.headers['x-lead-router-action']);
      // Real Geeks also tells what its leads look at.
      const other = source === 'realgeeks' && action !== '' && action !== 'created' && action !== 'updated';
      const received = other ? { outcome: 'ignored' } : await app.intake.receive(endpoint, body);
      response.status(200).set('cache-control', 'no-store').json(received);
    } catch (error) {
      next(error);
    }
  };
