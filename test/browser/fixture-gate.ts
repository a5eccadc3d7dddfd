/**
 * test/browser/fixture-gate: the compliance side of the fixture server: windows, policy, lists, listings, consents. It
 * keeps what it is told, checks what it is asked by the contract, and decides by the clock alone.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { DateTime } from 'luxon';
import { z } from 'zod';
import {
  CallingWindows,
  CallingWindowsQuestion,
  CallRecord,
  CompliancePolicy,
  CompliancePolicyPatch,
  ConsentGrant,
  ConsentLog,
  ConsentProof,
  ConsentQuery,
  ConsentRevoke,
  ConsentVerification,
  type Decision,
  DncAdd,
  DncEntry,
  DncQuery,
  DncRelease,
  type Lead,
  ListImport,
  ListImportQuery,
  ListStatus,
  ProofQuery,
  page,
  type Reason,
  RecordsQuery,
  type Role,
} from '../../src/contract/index.ts';
import { ALLOW, ago, HOSTILE, hex, PEOPLE } from './fixtures.ts';

/** An answer before it is written; bodies are parsed by the schema on their way out. */
export type Reply =
  | {
      readonly kind: 'json';
      readonly schema: z.ZodType;
      readonly body: unknown;
      readonly status?: number;
    }
  | {
      readonly kind: 'problem';
      readonly status: number;
      readonly code: string;
      readonly title: string;
      readonly more?: object;
    }
  | { readonly kind: 'file'; readonly type: string; readonly text: string; readonly name?: string };

export const json = (schema: z.ZodType, body: unknown, status = 200): Reply => ({
  kind: 'json',
  schema,
  body,
  status,
});
export const problem = (status: number, code: string, title: string, more: object = {}): Reply => ({
  kind: 'problem',
  status,
  code,
  title,
  more,
});

/** A request that does not fit the contract, with what is wrong as the product's server tells it. */
export class Misfit extends Error {
  readonly errors: readonly { in: string; pointer: string; detail: string }[];
  constructor(errors: Misfit['errors']) {
    super('not by the contract');
    this.errors = errors;
  }
}

export function fits<S extends z.ZodType>(where: 'body' | 'query', schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Misfit(
    parsed.error.issues.map((issue) => ({
      in: where,
      pointer: where === 'body' ? `/${issue.path.join('/')}` : issue.path.join('.'),
      detail: issue.message,
    })),
  );
}

export interface Ask {
  readonly method: string;
  /** Behind /api/v1. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly request: IncomingMessage;
  readonly role: Role;
  /** Breaks the connection in the middle of the answer. */
  readonly cut: () => void;
}

export const phoneOf = (text: string): string | undefined => {
  const digits = text.replaceAll(/\D/g, '').replace(/^1(?=\d{10}$)/, '');
  return digits.length === 10 ? `+1${digits}` : undefined;
};
export function readPhone(where: 'body' | 'query', pointer: string, text: string): string {
  const phone = phoneOf(text);
  if (phone === undefined)
    throw new Misfit([{ in: where, pointer, detail: 'must be a phone number without an extension' }]);
  return phone;
}

const sha = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

const PLACES: Record<string, readonly [zone: string, startHour: number, endHour: number]> = {
  WA: ['America/Los_Angeles', 8, 20],
  OR: ['America/Los_Angeles', 8, 20],
  CA: ['America/Los_Angeles', 9, 21],
  IL: ['America/Chicago', 9, 21],
  TX: ['America/Chicago', 9, 21],
  NY: ['America/New_York', 8, 21],
};
const AREA: Record<string, string> = { 206: 'WA', 503: 'OR', 415: 'CA', 312: 'IL', 713: 'TX', 212: 'NY' };

export const CAMPAIGN = hex(0xca_a1);
const DAY_MIN = 24 * 60;

const SETTINGS: Omit<CompliancePolicy, 'history'> = {
  killSwitch: false,
  emergencyStates: ['LA'],
  blockedStates: ['MS', 'MT', 'NM', 'NV', 'UT', 'WY'],
  requireNationalRegistry: true,
  requireStateLists: false,
  requireReassignedCheck: false,
  dncConsentOverride: false,
  allowExemptCalls: false,
  maxPer24h: 3,
  minGapMinutes: 120,
  maxPerDay: 2,
  maxPer7Days: 6,
  maxPer30Days: 8,
  stopAfterUnanswered: 8,
};

function listOf(
  list: string,
  name: string,
  daysOld: number | undefined,
  count: number,
  required: boolean,
): ListStatus {
  const state =
    daysOld === undefined ? 'missing' : daysOld > 31 ? 'stale' : daysOld >= 24 ? 'aging' : 'fresh';
  return ListStatus.parse({
    list,
    name,
    required,
    state,
    asOf: daysOld === undefined ? null : ago(daysOld * DAY_MIN),
    importedAt: daysOld === undefined ? null : ago(daysOld * DAY_MIN - 300),
    count,
    blocksAt: daysOld === undefined ? null : ago((daysOld - 31) * DAY_MIN),
  });
}

const freshLists = (): ListStatus[] => [
  listOf('national', 'National registry', 9, 249_834_120, true),
  listOf('litigator', 'Litigators', 3, 61_204, false),
  listOf('reassigned', 'Reassigned numbers', undefined, 0, false),
  listOf('state.FL', 'Do-not-call list of Florida', 12, 1_204_551, false),
  listOf('state.OK', 'Do-not-call list of Oklahoma', undefined, 0, false),
  listOf('state.TX', 'Do-not-call list of Texas', undefined, 0, false),
];

const importOf = (seed: number, part: Partial<ListImport>): ListImport =>
  ListImport.parse({
    id: hex(0x1a_00 + seed),
    list: 'national',
    kind: 'full',
    asOf: ago(9 * DAY_MIN),
    state: 'done',
    lines: 0,
    added: 0,
    removed: 0,
    rejected: 0,
    errors: [],
    startedAt: ago(9 * DAY_MIN - 300),
    createdBy: 'admin',
    ...part,
  });

/** What the tests may do to the gate behind the screens' back. */
export interface GateControls {
  /** One list is about to block calls, one does already. */
  age(): void;
  /** Imports take nothing more until they are let go on. */
  hold(): void;
  goOn(): void;
  /** The line is cut during the next import, behind the first lines. */
  cut(): void;
  /** The next time the ledger is verified, an entry of this number does not fit. */
  tamper(phone: string): void;
}

export interface Gate extends GateControls {
  /** Whether the switch that stops every call is on. */
  stopped(): boolean;
  answer(ask: Ask): Promise<Reply | undefined>;
}

export function createGate(world: {
  leads(): readonly Lead[];
  replaceLeads(leads: Lead[]): void;
  decided(): readonly { callId: string; phone: string; status: string; at: string; decision: Decision }[];
}): Gate {
  let settings = { ...SETTINGS };
  let history: CompliancePolicy['history'] = [
    {
      at: ago(3 * DAY_MIN),
      by: 'admin',
      reason: 'Hurricane: the Public Service Commission declared an emergency.',
      changes: [{ setting: 'emergencyStates', before: [], after: ['LA'] }],
    },
    {
      at: ago(20 * DAY_MIN),
      by: 'admin',
      reason: 'Counsel cleared Texas and Washington; two tries a day are enough.',
      changes: [
        {
          setting: 'blockedStates',
          before: ['MS', 'MT', 'NM', 'NV', 'TX', 'UT', 'WA', 'WY'],
          after: ['MS', 'MT', 'NM', 'NV', 'UT', 'WY'],
        },
        { setting: 'maxPerDay', before: 3, after: 2 },
      ],
    },
  ];
  let lists = freshLists();
  let imports: ListImport[] = [
    importOf(3, { lines: 249_834_120, added: 1_904_220, removed: 88_312, count: 249_834_120 }),
    importOf(2, {
      list: 'state.FL',
      kind: 'changes',
      state: 'interrupted',
      lines: 1_200,
      asOf: ago(2 * DAY_MIN),
      startedAt: ago(2 * DAY_MIN - 200),
    }),
    importOf(1, {
      list: 'litigator',
      state: 'failed',
      lines: 100,
      rejected: 100,
      errors: [{ line: 1, message: 'is no number: "name;phone"' }],
      failure: 'Too many lines are no numbers: this is no list.',
      startedAt: ago(3 * DAY_MIN),
    }),
  ];
  let held: Promise<void> = Promise.resolve();
  let letGo: () => void = () => undefined;
  let cut = false;
  let tampered: string | undefined;
  let serial = 0x5000;

  const ledger: ConsentLog[] = [];
  const append = (event: Partial<ConsentLog> & Pick<ConsentLog, 'phone' | 'eventType'>): ConsentLog => {
    const chain = ledger.filter((entry) => entry.phone === event.phone);
    serial += 1;
    const body = {
      id: hex(serial),
      recordedBy: 'admin',
      timestamp: new Date().toISOString(),
      createdAt: new Date().toISOString(),
      ...event,
      chainIndex: chain.length + 1,
      prevHash: chain.at(-1)?.hash ?? '0'.repeat(64),
    };
    const entry = ConsentLog.parse({ ...body, hash: sha(body) });
    ledger.push(entry);
    return entry;
  };
  let listings: DncEntry[] = [];
  const listIt = (part: Partial<DncEntry> & Pick<DncEntry, 'phone'>): DncEntry => {
    serial += 1;
    const now = new Date().toISOString();
    const entry = DncEntry.parse({
      id: hex(serial),
      scope: 'internal',
      state: null,
      seller: part.scope === undefined || part.scope === 'internal' ? 'Parley Homes' : null,
      source: 'manual',
      listedAt: now,
      createdAt: now,
      updatedAt: now,
      ...part,
    });
    listings = [entry, ...listings];
    return entry;
  };
  const markLeads = (phone: string, internalDNC: boolean): void => {
    world.replaceLeads(
      world.leads().map((lead) =>
        lead.contact.phone === phone
          ? {
              ...lead,
              status: internalDNC ? ('dnc' as const) : ('new' as const),
              dncStatus: { ...lead.dncStatus, internalDNC },
            }
          : lead,
      ),
    );
  };

  for (const [index, person] of PEOPLE.entries()) {
    if (person.consent === false) continue;
    append({
      phone: person.phone,
      leadId: hex(index + 1),
      eventType: 'consent_granted',
      consentDetails: {
        method: 'web_form',
        source: 'sandbox',
        consentText: 'I agree that Parley Homes may call me at this number with an artificial voice.',
        automatedCallsAllowed: true,
        textMessagesAllowed: false,
        expiresAt: ago(-347 * DAY_MIN),
      },
      evidence: {
        seller: 'Parley Homes',
        purpose: 'marketing',
        level: 'written',
        artificialVoiceDisclosed: true,
        // A stranger's words: neither may become a link that runs.
        pageUrl: index === 2 ? 'javascript:window.pwned=true' : 'https://example.com/contact',
        ...(index === 2 ? { personName: HOSTILE } : {}),
        certificate: 'https://cert.example.com/9f2c41',
        textHash: 'e'.repeat(64),
      },
      ipAddress: '203.0.113.7',
      userAgent: 'Mozilla/5.0',
      timestamp: ago(18 * DAY_MIN),
      createdAt: ago(18 * DAY_MIN),
      recordedBy: 'system',
    });
    if (person.dnc) {
      append({
        phone: person.phone,
        leadId: hex(index + 1),
        eventType: 'consent_revoked',
        revocation: { channel: 'voice', words: 'Take me off your list, please.' },
        timestamp: ago(7 * DAY_MIN),
        createdAt: ago(7 * DAY_MIN),
        recordedBy: 'agent',
      });
      append({
        phone: person.phone,
        eventType: 'dnc_added',
        revocation: { channel: 'agent', words: 'voice: Take me off your list, please.' },
        timestamp: ago(7 * DAY_MIN),
        createdAt: ago(7 * DAY_MIN),
        recordedBy: 'agent',
      });
      listIt({
        phone: person.phone,
        source: 'voice',
        reason: 'Take me off your list, please.',
        listedAt: ago(7 * DAY_MIN),
      });
    }
  }
  listIt({
    phone: '+13055550140',
    scope: 'state',
    state: 'FL',
    source: 'manual',
    reason: 'Told by the state.',
  });
  listIt({
    phone: '+16025550141',
    source: 'sms',
    reason: HOSTILE,
    listedAt: ago(30 * DAY_MIN),
    releasedAt: ago(2 * DAY_MIN),
    releasedBy: 'admin',
  });

  const barred = (phone: string): boolean =>
    listings.some((entry) => entry.phone === phone && entry.scope === 'internal' && !entry.releasedAt);

  /** By the clock of the state alone, besides the bars that the screens can set. */
  function windows(question: z.output<typeof CallingWindowsQuestion>): CallingWindows | undefined {
    const lead = world.leads().find((one) => one.id === question.leadId);
    if (question.leadId !== undefined && !lead) return undefined;
    const phone = lead?.contact.phone ?? phoneOf(question.phone ?? '');
    const state = lead?.contact.address?.state ?? AREA[phone?.slice(2, 5) ?? ''];
    const place = PLACES[state ?? ''];
    const at = DateTime.fromISO(question.at ?? new Date().toISOString());
    const bars: Reason[] = [];
    if (settings.killSwitch) bars.push('campaign_paused');
    if (phone === undefined) bars.push('phone_invalid');
    if (phone !== undefined && barred(phone)) bars.push('internal_dnc');
    if (phone !== undefined && !ledger.some((entry) => entry.phone === phone)) bars.push('consent_missing');
    if (phone !== undefined && barred(phone)) bars.push('consent_revoked');
    if (phone !== undefined && !place) bars.push('timezone_unknown');
    if (state !== undefined && settings.blockedStates.includes(state)) bars.push('state_not_enabled');
    if (state !== undefined && settings.emergencyStates.includes(state)) bars.push('state_emergency_freeze');

    const [zone, start, end] = place ?? ['UTC', 0, 0];
    const local = at.setZone(zone);
    const open: { from: DateTime; to: DateTime }[] = [];
    for (let n = 0; n <= question.days; n += 1) {
      const day = local.startOf('day').plus({ days: n });
      const from = DateTime.max(day.set({ hour: start }), local);
      const to = DateTime.min(day.set({ hour: end }), local.plus({ days: question.days }));
      if (from < to) open.push({ from, to });
    }
    const [first] = open;
    const late = place !== undefined && (first === undefined || first.from > local);
    const reasons = [...bars, ...(late ? (['outside_state_hours'] as const) : [])];
    const iso = (time: DateTime): string => time.toUTC().toISO() ?? '';
    const [reason] = reasons;
    return CallingWindows.parse({
      decision: {
        ...ALLOW(),
        verdict: reason ? 'deny' : 'allow',
        reason: reason ?? 'ok',
        reasons,
        nextAllowedAt: reason && bars.length === 0 && first ? iso(first.from) : null,
        explanation: reason
          ? `Blocked: ${reason === 'outside_state_hours' ? `it is ${local.toFormat('h:mm a')} there` : 'see the reasons'}.`
          : `Allowed: written consent of 2026-11-03 covers this number and it is ${local.toFormat('h:mm a')} there.`,
        decidedAt: iso(at),
        zones: place ? [{ zone, state, localTime: local.toFormat('ccc yyyy-MM-dd HH:mm') }] : [],
      },
      zone: place ? zone : null,
      windows: bars.length > 0 ? [] : open.map(({ from, to }) => ({ from: iso(from), to: iso(to) })),
    });
  }

  async function importFile(ask: Ask): Promise<Reply> {
    const query = fits('query', ListImportQuery, Object.fromEntries(ask.query));
    if (imports.some((one) => one.list === query.list && one.state === 'receiving'))
      return problem(409, 'import_conflict', 'This list is being imported already');
    const known = imports.find((one) => one.id === query.importId);
    if (query.importId !== undefined && known?.state !== 'interrupted')
      return problem(404, 'not_found', 'Nothing here');
    serial += 1;
    let made = ListImport.parse({
      ...(known ?? importOf(0, { id: hex(serial), list: query.list, kind: query.kind, asOf: query.asOf })),
      state: 'receiving',
      startedAt: new Date().toISOString(),
    });
    const put = (part: Partial<ListImport>): void => {
      made = ListImport.parse({ ...made, ...part });
      imports = [made, ...imports.filter((one) => one.id !== made.id)];
    };
    put(known ? {} : { lines: 0 });
    const skip = made.lines;
    const errors: ListImport['errors'] = [];
    let line = 0;
    let rest = '';
    const take = (text: string): void => {
      line += 1;
      if (line <= skip) return;
      if (!/^(?:\d{10}|\d{3},\d{7})$/.test(text.trim()))
        errors.push({ line, message: `is no number: "${text}"` });
    };
    try {
      for await (const chunk of ask.request) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const text of lines) take(text);
        put({ lines: Math.max(skip, line), rejected: errors.length });
        await held;
        if (cut) {
          cut = false;
          ask.cut();
          throw new Error('the line is cut');
        }
      }
    } catch {
      put({ state: 'interrupted', endedAt: new Date().toISOString() });
      return problem(408, 'upload_interrupted', 'The file stopped coming');
    }
    if (rest) take(rest);
    const named = line - errors.length;
    put({
      lines: line,
      rejected: errors.length,
      errors: errors.slice(0, 100),
      endedAt: new Date().toISOString(),
      ...(named > errors.length
        ? { state: 'done', added: named, removed: 2, count: named }
        : { state: 'failed', failure: 'Too many lines are no numbers: this is no list.' }),
    });
    if (made.state === 'failed')
      return problem(422, 'import_failed', 'The list could not be imported', { import: made });
    const daysOld = (Date.now() - Date.parse(made.asOf)) / 86_400_000;
    lists = lists.map((one) =>
      one.list === made.list ? listOf(one.list, one.name, daysOld, made.count ?? 0, one.required) : one,
    );
    return json(ListImport, made);
  }

  function records(query: z.output<typeof RecordsQuery>): Reply {
    const rows = world
      .decided()
      .filter(({ at, status }) => at >= query.from && at < query.to && status !== 'denied')
      .map(({ callId, phone, at, status, decision }) =>
        CallRecord.parse({
          callId,
          telemarketer: 'Parley Homes',
          seller: 'Parley Homes',
          goodsOrServices: 'real estate',
          calledParty: 'consumer',
          direction: 'outbound',
          prerecorded: 'artificial voice',
          callingNumber: '+12065550100',
          calledNumber: phone,
          calledPartyName: '',
          date: at.slice(0, 10),
          time: at.slice(11, 19),
          durationSec: 34,
          disposition: status,
          transferredTo: '',
          campaignId: '',
          scriptName: 'opening-outbound',
          scriptHash: 'd'.repeat(64),
          callerIdNumber: '+12065550100',
          callerIdName: 'PARLEY HOMES',
          callerIdProof: 'A',
          verdict: decision.verdict,
          reasons: decision.reasons.join(' '),
          ruleVersion: decision.ruleVersion,
          inputsHash: decision.inputsHash,
          permitId: decision.permitId ?? '',
          dncListsAsOf: 'national 2026-11-12',
        }),
      );
    if (query.format === 'json')
      return {
        kind: 'file',
        type: 'application/json',
        text: JSON.stringify(rows),
        name: 'call-records.json',
      };
    const columns = Object.keys(CallRecord.shape);
    return {
      kind: 'file',
      type: 'text/csv; charset=utf-8',
      text: [columns.join(','), ...rows.map((row) => Object.values(row).join(','))].join('\r\n'),
      name: 'call-records.csv',
    };
  }

  function proof(query: z.output<typeof ProofQuery>): Reply {
    const phone = readPhone('query', 'phone', query.phone);
    const events = ledger.filter((entry) => entry.phone === phone);
    const body = ConsentProof.parse({
      phone,
      seller: 'Parley Homes',
      producedAt: new Date().toISOString(),
      ruleVersion: '2026-11-01',
      numbers: [phone],
      verification: { phone, intact: true, entries: events.length },
      events,
      dnc: listings.filter((entry) => entry.phone === phone),
      calls: world
        .decided()
        .filter((call) => call.phone === phone)
        .map(({ callId, status, at, decision }) => ({
          callId,
          contactPhone: phone,
          status,
          initiatedAt: at,
          decision,
        })),
      hash: sha(events),
    });
    return query.format === 'json'
      ? json(ConsentProof, body)
      : {
          kind: 'file',
          type: 'text/html; charset=utf-8',
          text: `<!doctype html><html lang="en"><title>Proof</title><h1>Proof of consent for ${phone}</h1></html>`,
        };
  }

  const needs = (ask: Ask, role: Role): Reply | undefined => {
    const rank = { USER: 0, ANALYST: 1, ADMIN: 2 };
    return rank[ask.role] < rank[role]
      ? problem(403, 'forbidden', 'Not allowed', { detail: `This needs the role ${role}.` })
      : undefined;
  };

  async function answer(ask: Ask): Promise<Reply | undefined> {
    const { method, path, body } = ask;
    const query = Object.fromEntries(ask.query);
    const to = `${method} ${path}`;
    if (to === 'POST /compliance/windows') {
      const found = windows(fits('body', CallingWindowsQuestion, body));
      return found ? json(CallingWindows, found) : problem(404, 'lead_not_found', 'No such lead');
    }
    if (to === 'GET /compliance/policy') return json(CompliancePolicy, { ...settings, history });
    if (to === 'PATCH /compliance/policy') {
      const refusal = needs(ask, 'ADMIN');
      if (refusal) return refusal;
      const { reason, ...change } = fits('body', CompliancePolicyPatch, body);
      const before: Readonly<Record<string, unknown>> = settings;
      const changes = Object.entries(change).map(([setting, value]) => ({
        setting,
        before: before[setting],
        after: value,
      }));
      settings = { ...settings, ...change };
      history = [{ at: new Date().toISOString(), by: 'admin', reason, changes }, ...history];
      return json(CompliancePolicy, { ...settings, history });
    }
    if (to === 'GET /compliance/lists')
      return json(z.object({ items: z.array(ListStatus) }), { items: lists });
    if (to === 'GET /compliance/records')
      return needs(ask, 'ANALYST') ?? records(fits('query', RecordsQuery, query));
    if (to === 'GET /dnc/imports') return json(z.object({ items: z.array(ListImport) }), { items: imports });
    if (to === 'POST /dnc/import') return needs(ask, 'ADMIN') ?? (await importFile(ask));
    const discard = /^POST \/dnc\/imports\/([0-9a-f]{24})\/discard$/.exec(to);
    if (discard) {
      const one = imports.find(({ id, state }) => id === discard[1] && state === 'interrupted');
      if (!one) return problem(404, 'not_found', 'Nothing here');
      const done = { ...one, state: 'discarded' as const };
      imports = imports.map((other) => (other.id === one.id ? done : other));
      return json(ListImport, done);
    }

    if (to === 'GET /dnc') {
      const { phone, scope } = fits('query', DncQuery, query);
      const only = phone === undefined ? undefined : readPhone('query', 'phone', phone);
      return json(page(DncEntry), {
        items: listings.filter(
          (entry) => (only ?? entry.phone) === entry.phone && (scope ?? entry.scope) === entry.scope,
        ),
      });
    }
    if (to === 'POST /dnc') {
      const { state, ...entry } = fits('body', DncAdd, body);
      const phone = readPhone('body', '/phone', entry.phone);
      if (entry.scope === 'internal') markLeads(phone, true);
      return json(DncEntry, listIt({ ...entry, phone, state: state ?? null }), 201);
    }
    const release = /^POST \/dnc\/([^/]+)\/release$/.exec(to);
    if (release) {
      const refusal = needs(ask, 'ADMIN');
      if (refusal) return refusal;
      const { reason, scope } = fits('body', DncRelease, body);
      const phone = readPhone('query', 'phone', decodeURIComponent(release[1] ?? ''));
      const one = listings.find((each) => each.phone === phone && each.scope === scope && !each.releasedAt);
      if (!one) return problem(404, 'not_found', 'Nothing here');
      const released = { ...one, releasedAt: new Date().toISOString(), releasedBy: 'admin' };
      listings = listings.map((each) => (each.id === one.id ? released : each));
      append({ phone, eventType: 'dnc_removed', revocation: { channel: 'manual', words: reason } });
      markLeads(phone, false);
      return json(DncEntry, released);
    }

    if (to === 'GET /consents') {
      const { phone, leadId, eventType } = fits('query', ConsentQuery, query);
      const lead = world.leads().find((one) => one.id === leadId);
      if (leadId !== undefined && !lead) return problem(404, 'lead_not_found', 'No such lead');
      const only =
        lead?.contact.phone ?? (phone === undefined ? undefined : readPhone('query', 'phone', phone));
      return json(page(ConsentLog), {
        items: ledger
          .filter(
            (entry) =>
              (only ?? entry.phone) === entry.phone && (eventType ?? entry.eventType) === entry.eventType,
          )
          .toReversed(),
      });
    }
    if (to === 'POST /consents') {
      const refusal = needs(ask, 'ANALYST');
      if (refusal) return refusal;
      const grant = fits('body', ConsentGrant, body);
      const { method: means, source, consentText, automatedCallsAllowed, textMessagesAllowed } = grant;
      return json(
        ConsentLog,
        append({
          phone: readPhone('body', '/phone', grant.phone),
          eventType: 'consent_granted',
          ...(grant.leadId === undefined ? {} : { leadId: grant.leadId }),
          consentDetails: {
            method: means,
            source,
            automatedCallsAllowed,
            textMessagesAllowed,
            ...(consentText === undefined ? {} : { consentText }),
          },
          ...(grant.evidence === undefined ? {} : { evidence: grant.evidence }),
          ...(grant.at === undefined ? {} : { timestamp: grant.at }),
        }),
        201,
      );
    }
    if (to === 'POST /consents/revoke') {
      const { phone: text, leadId, channel, words = '' } = fits('body', ConsentRevoke, body);
      const phone = readPhone('body', '/phone', text);
      const entry = append({
        phone,
        eventType: 'consent_revoked',
        revocation: { channel, words },
        ...(leadId === undefined ? {} : { leadId }),
      });
      append({
        phone,
        eventType: 'dnc_added',
        revocation: { channel: 'admin', words: `${channel}: ${words}` },
      });
      if (!barred(phone)) listIt({ phone, source: channel, reason: words });
      markLeads(phone, true);
      return json(ConsentLog, entry, 201);
    }
    if (to === 'GET /consents/verify') {
      const only = query.phone === undefined ? undefined : readPhone('query', 'phone', query.phone);
      const entries = ledger.filter((entry) => (only ?? entry.phone) === entry.phone).length;
      const broken = tampered !== undefined && (only ?? tampered) === tampered;
      return json(ConsentVerification, {
        intact: !broken,
        entries,
        ...(broken
          ? { phone: tampered, brokenAt: 2, detail: 'the entry was changed after it was written' }
          : only === undefined
            ? {}
            : { phone: only }),
      });
    }
    if (to === 'GET /consents/proof') return needs(ask, 'ANALYST') ?? proof(fits('query', ProofQuery, query));
    return undefined;
  }

  return {
    answer,
    stopped: () => settings.killSwitch,
    age() {
      lists = lists.map((one) =>
        one.list === 'national'
          ? listOf(one.list, one.name, 28, one.count, true)
          : one.list === 'state.FL'
            ? listOf(one.list, one.name, 33, one.count, true)
            : one,
      );
    },
    hold() {
      held = new Promise((resolve) => {
        letGo = resolve;
      });
    },
    goOn: () => letGo(),
    cut() {
      cut = true;
    },
    tamper(phone) {
      tampered = phone;
    },
  };
}
