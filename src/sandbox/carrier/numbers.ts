/** carrier/numbers: the account's own telephone numbers and where their calls and messages are announced. */
import { createHash } from 'node:crypto';
import type { Method } from './callbacks.ts';

export type Hook = { readonly url: string; readonly method: Method };

/** One number. The sid is made of account and number, so it is the same after a restart. */
export type OwnNumber = {
  readonly sid: string;
  readonly number: string;
  readonly createdAt: Date;
  updatedAt: Date;
  friendlyName: string;
  voice: Hook | undefined;
  voiceFallback: Hook | undefined;
  status: Hook | undefined;
  sms: Hook | undefined;
};

/** What a number is set to at the start. */
export type NumberSetup = { voiceUrl?: string; statusCallbackUrl?: string; smsUrl?: string };

/** The numbers by E.164. */
export function createNumbers(
  accountSid: string,
  numbers: readonly string[],
  setup: NumberSetup,
): Map<string, OwnNumber> {
  const hook = (url: string | undefined): Hook | undefined =>
    url === undefined ? undefined : { url, method: 'POST' };
  return new Map(
    numbers.map((number) => {
      const now = new Date();
      const sid = `PN${createHash('md5').update(`${accountSid} ${number}`).digest('hex')}`;
      const own: OwnNumber = {
        sid,
        number,
        createdAt: now,
        updatedAt: now,
        friendlyName: national(number),
        voice: hook(setup.voiceUrl),
        voiceFallback: undefined,
        status: hook(setup.statusCallbackUrl),
        sms: hook(setup.smsUrl),
      };
      return [number, own];
    }),
  );
}

/** `+14158675310` as `(415) 867-5310`; other countries as they are. */
export function national(number: string): string {
  const match = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return match === null ? number : `(${match[1]}) ${match[2]}-${match[3]}`;
}
