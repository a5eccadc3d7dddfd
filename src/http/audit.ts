/** http/audit: who did or saw what. One line of the log each, found by `audit: true`. */
import type { Log, LogFields } from '../app/ports.ts';
import type { Caller } from './auth.ts';

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
