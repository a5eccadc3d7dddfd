/**
 * http/audit: who did or saw what. What a handler finds worth telling is a line of the log (found by `audit: true`); every
 * change and every opening of what is somebody's goes to the audit log in the store, whatever the handler.
 */
import type { Request, Response } from 'express';
import type { AuditLog, Noted } from '../app/audit-log.ts';
import type { Log, LogFields } from '../app/ports.ts';
import { type Caller, networkOf } from './auth.ts';
import type { Route } from './route.ts';
import { isAsking } from './scopes.ts';

/** `about` names what was done or seen; numbers and names of people stand under its `pii`. */
export type Audit = (
  action: string,
  by: { readonly caller: Caller; readonly requestId: string },
  about: LogFields,
) => void;

export const createAudit =
  (log: Log): Audit =>
  (action, { caller, requestId }, about) =>
    log.info({ audit: true, action, userId: caller.userId, via: caller.via, requestId, ...about }, 'audit');

/** Of one call, lead, person or house: whoever opens it sees something of somebody. */
const OPENS = /:(?:callId|leadId|contactId|propertyId|importId)\b/;
/** And these, which have no such id in their path. */
const OPENS_TOO: ReadonlySet<string> = new Set([
  '/api/v1/calls/live',
  '/api/v1/compliance/records',
  '/api/v1/consents/proof',
  '/api/v1/erasures',
  '/api/v1/audit-log',
]);

/** What of a route stands in the audit log; undefined: nothing. */
export function kindOf(row: Pick<Route, 'method' | 'path' | 'role' | 'tag'>): Noted['kind'] | undefined {
  if (!isAsking(row)) return 'change';
  return OPENS.test(row.path) || OPENS_TOO.has(row.path) ? 'opening' : undefined;
}

const ID_BEHIND = /\/([0-9a-f]{24})$/;

/** Whoever signed in, signed out or tried to; nobody else without a credential leaves a trace. */
function whoOf({ path }: Route, { locals }: Response): Noted['who'] | undefined {
  const caller = locals.caller as Caller | undefined;
  const signedIn = locals.signedIn as { readonly id: string; readonly name: string } | undefined;
  if (signedIn) return { ...signedIn, via: 'sign_in' };
  if (caller) return { id: caller.userId, name: caller.name, via: caller.via };
  return path.startsWith('/api/v1/auth/') ? { id: 'nobody', name: 'Nobody', via: 'sign_in' } : undefined;
}

/**
 * Of each request what stands in the audit log: answers what to call with the status when it is known (0: the client left
 * before), of which the first counts, and undefined for requests that leave no trace.
 */
export const createNoting =
  ({ note }: Pick<AuditLog, 'note'>) =>
  (row: Route, request: Request, response: Response): ((status: number) => void) | undefined => {
    const kind = kindOf(row);
    if (kind === undefined || request.method === 'HEAD') return undefined;
    const { params, query } = request;
    const network = networkOf(request.ip);
    let noted = false;
    return (status) => {
      const who = whoOf(row, response);
      if (!who || noted) return;
      noted = true;
      const made = ID_BEHIND.exec(String(response.getHeader('location') ?? ''))?.[1];
      // What was done, where one path does several things, and to whom where they stand in the body.
      const { deed, touched = [] } = response.locals as { deed?: unknown; touched?: readonly unknown[] };
      const targets = [...Object.values(params), query.phone, made, deed, ...touched].filter(
        (target): target is string => typeof target === 'string',
      );
      note({
        who,
        kind,
        route: `${row.method} ${row.path}`,
        targets: [...new Set(targets.map((target) => target.slice(0, 100)))],
        outcome: status === 0 || status >= 500 ? 'failed' : status < 400 ? 'done' : 'refused',
        status,
        requestId: String(response.locals.requestId),
        ...(network ? { network } : {}),
      });
    };
  };
