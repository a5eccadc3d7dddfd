/**
 * domain/compliance/facts-hash: one fingerprint for the facts of one decision. It is made for every decision, so the facts
 * are not turned into JSON first; they are written straight into bytes, first the name of the plan, then what the calls of
 * a campaign share (call, environment, campaign, policy, dnc.national, dnc.state), then the person (lead, dnc.internal,
 * dnc.litigator, dnc.reassigned, history), members in the order of the type `Facts`:
 *
 *   text       twice its number of UTF-16 code units as a length, then each in one byte, when all are below 128;
 *              one more than that, then each in two bytes (low, high) otherwise
 *   count      2 bytes, low byte first: caps, minutes
 *   number     8 bytes, IEEE 754, low byte first; an instant is its milliseconds since the epoch
 *   length     one byte below 255; otherwise 255 and 4 bytes, low byte first
 *   word       one byte, its place in the list of words of its member, from 0
 *   yes or no  1 or 0
 *   null       255, where a member may be null; otherwise its value stands behind a 254
 *   list       its length, then its items; lists of states: name and list, in the order of names
 *
 * Every member has its place and every text its length, so that no two facts are written alike. A change of this plan or
 * of the members of `Facts` needs a new PLAN: a fingerprint is only ever compared with one of the same plan.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ConsentFact, Facts, ListFact } from './facts.ts';
import { CHANNELS, COVERS, LEVELS, LINE_TYPES, PURPOSES, REASSIGNED, WEEKDAYS } from './facts.ts';

/** Stands before every fingerprint and is hashed with the facts. */
const PLAN = 'f3';

const NULL = 255;
const PRESENT = 254;

/** Facts of a usual call take some 400 bytes. A buffer that grew beyond KEPT_BYTES is let go. */
const KEPT_BYTES = 65_536;
let buffer = new Uint8Array(KEPT_BYTES / 16);
let view = new DataView(buffer.buffer);
let end = 0;

/** What the facts before these shared, and the hash as it stands behind it: call after call it is the same. */
let shared = new Uint8Array(0);
let behindShared = sha256.create();
const running = sha256.create();
const digest = new Uint8Array(sha256.outputLen);

/** "f3:" and the SHA-256 of the facts, 64 lower-case hex digits. */
export function hashFacts(facts: Facts): string {
  end = 0;
  putText(PLAN);
  putShared(facts);
  const sharedEnd = end;
  putPerson(facts);
  if (!isShared(sharedEnd)) {
    shared = buffer.slice(0, sharedEnd);
    behindShared = sha256.create().update(shared);
  }
  behindShared._cloneInto(running).update(buffer.subarray(sharedEnd, end)).digestInto(digest);
  if (buffer.length > KEPT_BYTES) use(new Uint8Array(KEPT_BYTES));
  return `${PLAN}:${bytesToHex(digest)}`;
}

function isShared(length: number): boolean {
  if (shared.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (shared[i] !== buffer[i]) return false;
  return true;
}

function use(bytes: Uint8Array<ArrayBuffer>): void {
  buffer = bytes;
  view = new DataView(bytes.buffer);
}

function room(bytes: number): void {
  if (end + bytes <= buffer.length) return;
  const larger = new Uint8Array(Math.max(buffer.length * 2, end + bytes));
  larger.set(buffer);
  use(larger);
}

function putByte(byte: number): void {
  room(1);
  buffer[end] = byte;
  end += 1;
}

function putLength(length: number): void {
  if (length < 255) {
    putByte(length);
    return;
  }
  room(5);
  buffer[end] = 255;
  view.setUint32(end + 1, length, true);
  end += 5;
}

function putNumber(value: number): void {
  room(8);
  view.setFloat64(end, value, true);
  end += 8;
}

function putCount(count: number): void {
  room(2);
  view.setUint16(end, count, true);
  end += 2;
}

function putText(text: string): void {
  const start = end;
  const { length } = text;
  putLength(length * 2);
  room(length);
  const bytes = buffer;
  let at = end;
  for (let i = 0; i < length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit > 127) {
      end = start;
      putWide(text);
      return;
    }
    bytes[at] = unit;
    at += 1;
  }
  end = at;
}

function putWide(text: string): void {
  putLength(text.length * 2 + 1);
  room(text.length * 2);
  for (let i = 0; i < text.length; i += 1) {
    view.setUint16(end, text.charCodeAt(i), true);
    end += 2;
  }
}

const EVENTS = ['grant', 'revoke'] as const;

const putFlag = (value: boolean): void => putByte(value ? 1 : 0);
const putInstant = (at: Date): void => putNumber(at.getTime());
const putWord = <T>(word: T, words: readonly T[]): void => putByte(words.indexOf(word));

function putOr<T>(value: T | null, put: (value: T) => void): void {
  if (value === null) {
    putByte(NULL);
    return;
  }
  putByte(PRESENT);
  put(value);
}

function putList<T>(items: readonly T[], put: (item: T) => void): void {
  putLength(items.length);
  for (const item of items) put(item);
}

function putConsent(event: ConsentFact): void {
  putWord(event.event, EVENTS);
  if (event.event === 'revoke') {
    putInstant(event.at);
    putOr(event.seller, putText);
    putText(event.channel);
    return;
  }
  putWord(event.covers ?? 'calls', COVERS);
  putWord(event.level, LEVELS);
  putInstant(event.at);
  putText(event.phone);
  putText(event.seller);
  putWord(event.purpose, PURPOSES);
  putFlag(event.artificialVoiceDisclosed);
  putFlag(event.evidenceComplete);
  putOr(event.expiresAt, putInstant);
}

function putListState({ asOf, listed }: ListFact): void {
  putOr(asOf, putInstant);
  putList(listed, putText);
}

function putShared({ call, environment, campaign, policy, dnc }: Facts): void {
  putWord(call.channel ?? 'voice', CHANNELS);
  putWord(call.purpose, PURPOSES);
  putText(call.voice);
  putText(call.seller);
  putText(call.subject);

  putList(environment.emergencyStates, putText);
  putFlag(environment.killSwitch);
  putOr(environment.tzdata, putText);
  putOr(environment.clockSkewMs, putNumber);

  putText(campaign.status);
  putText(campaign.hours.start);
  putText(campaign.hours.end);
  putLength(campaign.hours.days.length);
  for (const day of campaign.hours.days) putWord(day, WEEKDAYS);
  putCount(campaign.maxPer24h);
  putCount(campaign.minGapMinutes);
  putOr(campaign.maxPerDay, putCount);
  putOr(campaign.maxPer7Days, putCount);
  putOr(campaign.maxPer30Days, putCount);
  putOr(campaign.stopAfterUnanswered, putCount);
  putFlag(campaign.dncConsentOverride);
  putFlag(campaign.allowExemptCalls);
  putList(campaign.blockedStates, putText);

  putFlag(policy.requireNationalRegistry);
  putFlag(policy.requireStateLists);
  putFlag(policy.requireReassignedCheck);

  putListState(dnc.national);
  putLength(dnc.state.size);
  for (const [state, copy] of dnc.state) {
    putText(state);
    putListState(copy);
  }
}

function putPerson({ lead, dnc, history }: Facts): void {
  putText(lead.phone);
  putList(lead.altPhones, putText);
  putWord(lead.lineType, LINE_TYPES);
  putOr(lead.state, putText);
  putOr(lead.zip, putText);
  putList(lead.consent, putConsent);
  putOr(lead.ebrLastTransactionAt, putInstant);

  putLength(dnc.internal.length);
  for (const { phone, seller, releasedAt } of dnc.internal) {
    putText(phone);
    putOr(seller, putText);
    putOr(releasedAt, putInstant);
  }
  putFlag(dnc.litigator);
  putOr(dnc.reassigned, ({ result, checkedAt }) => {
    putWord(result, REASSIGNED);
    putInstant(checkedAt);
  });

  putLength(history.attempts.length);
  for (const { at, phone, subject, outcome } of history.attempts) {
    putInstant(at);
    putText(phone);
    putText(subject);
    putText(outcome);
  }
}
