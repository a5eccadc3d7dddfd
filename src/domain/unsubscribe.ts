/**
 * domain/unsubscribe: the proof in an unsubscribe link. It names the lead an e-mail went to, so that a click works without
 * signing in, in years to come and while the store is away; nobody can make one for somebody else.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** 128 bits. */
const MAC_DIGITS = 32;
const TOKEN = new RegExp(`^([0-9a-f]{24})-([0-9a-f]{${MAC_DIGITS}})$`);

const macOf = (secret: string, leadId: string): string =>
  bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(`unsubscribe ${leadId}`))).slice(0, MAC_DIGITS);

export const unsubscribeToken = (secret: string, leadId: string): string =>
  `${leadId}-${macOf(secret, leadId)}`;

/** The lead that a token of ours names; undefined for any other text. */
export function leadOfToken(secret: string, token: string): string | undefined {
  const [, leadId, mac] = TOKEN.exec(token) ?? [];
  if (leadId === undefined || mac === undefined) return undefined;
  const expected = macOf(secret, leadId);
  let difference = 0;
  for (let at = 0; at < MAC_DIGITS; at += 1) difference |= expected.charCodeAt(at) ^ mac.charCodeAt(at);
  return difference === 0 ? leadId : undefined;
}
