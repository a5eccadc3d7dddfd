/**
 * test/browser/fixture-server: the built dashboard beside answers that are valid by the contract, and a live stream that
 * plays a call. It stands in for the product's server in tests of the screens, so that each state can be put on stage.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { z } from 'zod';
import {
  Call,
  CallCreate,
  CallEvent,
  CallQuery,
  ComplianceCheck,
  Contact,
  CreatedLead,
  Decision,
  DecisionQuery,
  DecisionRecord,
  IntakeEndpoint,
  Lead,
  LeadCreate,
  LeadPatch,
  LeadQuery,
  ListedCall,
  type LiveChange,
  Property,
  page,
  Readiness,
  type Role,
  Session,
  Settings,
  Timeline,
  Transcript,
} from '../../src/contract/index.ts';
import { createAgentFixtures } from './fixture-agents.ts';
import { type CallControls, createCallFixtures, LONG, LONG_SEC, ME } from './fixture-calls.ts';
import { type CampaignControls, createCampaignFixtures } from './fixture-campaigns.ts';
import {
  type Ask,
  CAMPAIGN,
  createGate,
  fits,
  type GateControls,
  json,
  Misfit,
  problem,
  type Reply,
  readPhone,
} from './fixture-gate.ts';
import { createOverviewFixtures, type OverviewControls } from './fixture-overview.ts';
import { createKeeping } from './fixture-retention.ts';
import {
  ALLOW,
  after,
  ago,
  blankCall,
  CHANGES_ITS_MIND,
  CLOSING,
  DENIAL,
  DENIED,
  DENY,
  FINISHED,
  HOSTILE,
  HOUSE,
  history,
  LATE,
  LEAD_SOURCES,
  lead,
  PEOPLE,
  PLACED,
  PROPERTY,
  STOPPED,
  TALK,
  type Told,
  tell,
} from './fixtures.ts';

/** What the product's server sends with the dashboard; one that is stricter must not break the pages either. */
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** A quiet tone: mono PCM, 8 kHz, 8 bit. */
function tone(seconds: number): Buffer {
  const samples = 8000 * seconds;
  const wav = Buffer.alloc(44 + samples);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(8000, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples, 40);
  const wave = Array.from({ length: 38 }, (_, i) => 128 + Math.round(12 * Math.sin((i / 38) * 2 * Math.PI)));
  return wav.fill(Buffer.from(wave), 44);
}

const KIND: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface Stage {
  readonly url: string;
  /** Serves the dashboard built in `dist` from now on. */
  furnish(dist: string): void;
  /** Everything as at the beginning; open pages must be loaded anew. */
  reset(): void;
  /** Everybody signed in from now on, or nobody. */
  signIn(yes: boolean): void;
  /** What whoever is signed in may do. */
  as(role: Role): void;
  /** No leads, calls, campaigns and messages. */
  clear(): void;
  /** Starts a live call and tells its first `count` events at once. */
  ring(count: number): string;
  /** Tells the next `count` events of the live call to all viewers. */
  play(count: number): void;
  /** Takes the database away, with three events that wait for it, and brings it back. */
  databaseAway(yes: boolean): void;
  /** Answers nothing at all, as if the server were stopped. */
  silent(yes: boolean): void;
  /** Cuts every live stream and refuses new ones until it is called with true. */
  liveWorks(yes: boolean): void;
  readonly gate: GateControls;
  readonly campaigns: CampaignControls;
  readonly calls: CallControls;
  readonly overview: OverviewControls;
  /** Requests by `METHOD path`. */
  readonly seen: readonly string[];
  /** The bodies of the requests that had one, by `METHOD path`. */
  bodies(request: string): readonly unknown[];
  close(): Promise<void>;
}

/** So many of the people are in the campaign that runs. */
const IN_CAMPAIGN = 6;

/** Everything that can change. */
function newWorld() {
  const world = {
    signedIn: true,
    role: 'ADMIN' as Role,
    liveWorks: true,
    databaseAway: false,
    silent: false,
    calls: history(),
    leads: PEOPLE.map((person, index) =>
      index < IN_CAMPAIGN ? { ...lead(person, index), campaignId: CAMPAIGN } : lead(person, index),
    ),
    told: 0,
    seen: [] as string[],
    bodies: [] as { readonly to: string; readonly body: unknown }[],
  };
  const finished = world.calls.get(FINISHED);
  if (finished) finished.call = Call.parse({ ...finished.call, campaignId: CAMPAIGN });
  const gate = createGate({
    leads: () => world.leads,
    replaceLeads: (leads) => {
      world.leads = leads;
    },
    decided: () =>
      [...world.calls.values()].flatMap(({ call }) =>
        call.complianceDecision
          ? [
              {
                callId: call.id,
                phone: call.contactPhone,
                status: call.status,
                at: call.initiatedAt,
                decision: call.complianceDecision,
              },
            ]
          : [],
      ),
  });
  return {
    world,
    gate,
    keeping: createKeeping(),
    agents: createAgentFixtures(),
    campaigns: createCampaignFixtures(() => world.leads),
    glance: createOverviewFixtures(() => world.calls.size === 0),
    reviewing: createCallFixtures(() => world.calls),
  };
}

/** Serves the built dashboard in `dist` and the API on a free port of this machine. */
export async function openStage(built: string): Promise<Stage> {
  let dist = built;
  let { world, gate, keeping, agents, campaigns, reviewing, glance } = newWorld();
  const viewers = new Set<ServerResponse>();
  const wav = tone(34);
  let longWav: Buffer | undefined;

  const send = (viewer: ServerResponse, change: LiveChange) =>
    viewer.write(`event: ${change.type}\ndata: ${JSON.stringify(change)}\n\n`);
  const isLive = (call: Call): boolean =>
    ['queued', 'initiated', 'ringing', 'answered'].includes(call.status);
  const live = (): Call[] => [...world.calls.values()].map((one) => one.call).filter(isLive);
  const wordsOf = ({ call, messages }: Told) => ({
    callId: call.id,
    from: 0,
    messages,
    signs: { mood: 0, objects: false, complains: false },
  });
  const show = (event: CallEvent, one: Told): void => {
    for (const viewer of viewers) {
      send(viewer, { type: 'event', event });
      send(viewer, { type: 'call', call: one.call });
      send(viewer, { type: 'words', words: wordsOf(one) });
    }
  };

  const ring = (index: number, count: number): string => {
    const person = PEOPLE[index];
    if (!person) throw new Error(`nobody has the number ${index}`);
    const one: Told = {
      call: { ...blankCall(PLACED, person, index, new Date().toISOString()), campaignId: CAMPAIGN },
      events: [],
      messages: [],
    };
    world.calls.set(PLACED, one);
    world.told = 0;
    for (const viewer of viewers) send(viewer, { type: 'call', call: one.call });
    play(count);
    return PLACED;
  };
  const play = (count: number): void => {
    const one = world.calls.get(PLACED);
    if (!one) return;
    const script = [...TALK, ...CLOSING].slice(world.told, world.told + count);
    for (const [sec, input] of script) show(tell(one, input, after(one.call.initiatedAt, sec)), one);
    world.told += script.length;
  };

  const check = (leadId: string | undefined): Decision => {
    if (gate.stopped()) return STOPPED();
    return world.leads.find((one) => one.id === leadId)?.dncStatus.internalDNC ? DENY() : ALLOW();
  };

  function session({ path, body }: Ask): Reply | undefined {
    if (path === '/auth/link') {
      if (!z.object({ token: z.literal('good') }).safeParse(body).success)
        return problem(401, 'unauthenticated', 'This link was used already');
      world.signedIn = true;
      return json(z.null(), null, 204);
    }
    if (!world.signedIn) return problem(401, 'unauthenticated', 'Sign in first');
    if (path === '/auth/logout') {
      world.signedIn = false;
      return json(z.null(), null, 204);
    }
    if (path === '/auth/me') return json(Session, { user: ME, role: world.role, via: 'cookie' });
    if (path === '/settings') {
      return json(Settings, {
        version: '0.1.0',
        sellerName: 'Parley Homes',
        sandbox: { carrier: true, agent: true },
        publicBaseUrl: 'http://localhost:3000',
        fromNumbers: ['+12065550100'],
      });
    }
    return undefined;
  }

  /** Two of the leads are one person. */
  function contactOf(one: Lead): Contact {
    const [first, , , , , twin] = world.leads;
    const same = first && twin && (one === first || one === twin) ? [first, twin] : [one];
    return {
      id: one.id,
      firstName: one.contact.firstName,
      lastName: one.contact.lastName,
      phones: same.map(({ contact }) => contact.phone),
      emails: same.flatMap(({ contact }) => contact.email ?? []),
      addresses: [],
      leadIds: same.map(({ id }) => id),
      sources: same.map(({ source }) => source),
      firstSeenAt: one.receivedAt,
      lastSeenAt: one.receivedAt,
      attempts: same.length,
      createdAt: one.receivedAt,
      updatedAt: one.receivedAt,
    };
  }

  function people({ method, path, query, body }: Ask): Reply | undefined {
    if (path === '/leads' && method === 'POST') {
      const { contact, consent } = fits('body', LeadCreate, body);
      const made = lead(
        {
          first: contact.firstName,
          last: contact.lastName,
          phone: readPhone('body', '/contact/phone', contact.phone),
          consent: consent !== undefined,
        },
        world.leads.length,
      );
      world.leads = [made, ...world.leads];
      return json(CreatedLead, { ...made, duplicates: [] }, 201);
    }
    if (path === '/leads') {
      const { search = '', status, campaignId } = fits('query', LeadQuery, Object.fromEntries(query));
      const starts = (text: string) => text.toLowerCase().startsWith(search.toLowerCase());
      return json(page(Lead), {
        items: world.leads.filter(
          ({ contact, status: own, campaignId: of }) =>
            (starts(contact.firstName) || starts(contact.lastName) || starts(contact.phone)) &&
            (campaignId ?? of) === of &&
            (status ?? own) === own,
        ),
      });
    }
    if (path === '/intake/endpoints')
      return json(z.object({ items: z.array(IntakeEndpoint) }), { items: [...LEAD_SOURCES] });
    if (path === `/properties/${HOUSE}`) return json(Property, PROPERTY);
    const [, id, part] = /^\/leads\/([0-9a-f]{24})(\/timeline|\/contact)?$/.exec(path) ?? [];
    if (id === undefined) return undefined;
    const one = world.leads.find((each) => each.id === id);
    if (!one) return problem(404, 'lead_not_found', 'No such lead');
    if (part === '/contact') return json(Contact, contactOf(one));
    if (part === undefined) {
      if (method === 'GET') return json(Lead, one);
      const { contact, stage, status, dealValue } = fits('body', LeadPatch, body);
      const changed = Lead.parse({
        ...one,
        contact: { ...one.contact, ...contact },
        ...(stage === undefined ? {} : { stage }),
        ...(status === undefined ? {} : { status }),
        ...(dealValue === undefined
          ? {}
          : { deal: { value: dealValue, closedAt: new Date().toISOString() } }),
      });
      world.leads = world.leads.map((each) => (each.id === id ? changed : each));
      return json(Lead, changed);
    }
    return json(Timeline, {
      leadId: one.id,
      entries: [
        {
          at: one.receivedAt,
          kind: 'created',
          title: 'Lead received',
          detail: one.intent?.message ?? 'No message',
        },
        {
          at: after(one.receivedAt, 60),
          kind: 'consent',
          title: 'Consent given',
          detail: 'Web form, written',
        },
        { at: ago(45), kind: 'call', title: 'Call refused by the gate', detail: HOSTILE, callId: DENIED },
        { at: ago(12), kind: 'call', title: 'Call completed: qualified', callId: FINISHED },
      ],
    });
  }

  function decisions({ path, query }: Ask): Reply | undefined {
    if (path !== '/compliance/decisions') return undefined;
    const asked = fits('query', DecisionQuery, Object.fromEntries(query));
    const phone = asked.phone === undefined ? undefined : readPhone('query', 'phone', asked.phone);
    return json(page(DecisionRecord), {
      items: [...world.calls.values()]
        .map((one) => one.call)
        .sort((a, b) => b.initiatedAt.localeCompare(a.initiatedAt))
        .flatMap(({ id, leadId, campaignId, contactPhone, initiatedAt, complianceDecision: decision }) =>
          decision &&
          (asked.verdict ?? decision.verdict) === decision.verdict &&
          (asked.reason === undefined || decision.reasons.includes(asked.reason)) &&
          (phone ?? contactPhone) === contactPhone &&
          (asked.leadId ?? leadId) === leadId &&
          (asked.campaignId ?? campaignId) === campaignId &&
          (asked.from ?? '') <= initiatedAt &&
          initiatedAt < (asked.to ?? '9')
            ? [
                {
                  callId: id,
                  ...(leadId === undefined ? {} : { leadId }),
                  ...(campaignId === undefined ? {} : { campaignId }),
                  contactPhone,
                  decision: { ...decision, decidedAt: initiatedAt },
                },
              ]
            : [],
        ),
    });
  }

  function callsOf({ method, path, query, body }: Ask): Reply | undefined {
    if (path === '/calls' && method === 'POST') {
      const { leadId } = fits('body', CallCreate, body);
      if (leadId === CHANGES_ITS_MIND) {
        return problem(409, 'dial_denied', 'The gate refused this call', {
          detail: DENIAL,
          decision: LATE(),
          call: world.calls.get(DENIED)?.call,
        });
      }
      const id = ring(
        world.leads.findIndex((one) => one.id === leadId),
        3,
      );
      return json(Call, world.calls.get(id)?.call, 202);
    }
    if (path === '/calls') {
      const asked = fits('query', CallQuery, Object.fromEntries(query));
      const items = [...world.calls.values()]
        .map((one) => one.call)
        .filter(
          (call) =>
            (asked.status ?? call.status) === call.status &&
            (asked.direction ?? call.direction) === call.direction &&
            (asked.outcome ?? call.outcome) === call.outcome &&
            (asked.leadId ?? call.leadId) === call.leadId &&
            (asked.to ?? '9') > call.initiatedAt &&
            reviewing.fits(call, asked),
        )
        .map(reviewing.listed)
        .sort((a, b) => b.initiatedAt.localeCompare(a.initiatedAt));
      // Two pages, so that "Load more" has something to do.
      const first = asked.cursor === undefined;
      return json(
        page(ListedCall),
        first && items.length > 5
          ? { items: items.slice(0, 5), nextCursor: 'more' }
          : { items: first ? items : items.slice(5) },
      );
    }
    const [, id, part] = /^\/calls\/([0-9a-f]{24})(?:\/(\w+))?$/.exec(path) ?? [];
    const one = id === undefined ? undefined : world.calls.get(id);
    if (!one) return undefined;
    switch (part) {
      case undefined:
        return json(Call, one.call);
      case 'events':
        return json(z.object({ items: z.array(CallEvent) }), { items: one.events });
      case 'transcript':
        return json(Transcript, {
          callId: one.call.id,
          messages: one.messages,
          fullTranscript: one.messages.map((message) => message.text).join('\n'),
          ...(one.call.completeness ? { completeness: one.call.completeness } : {}),
          live: one.call.endedAt === undefined,
        });
      case 'actions': {
        const event = tell(
          one,
          { type: 'ended', status: 'completed', reason: 'A manager ended the call', durationSec: 20 },
          new Date().toISOString(),
        );
        show(event, one);
        return json(Call, one.call, 202);
      }
      default:
        return undefined;
    }
  }

  async function replyTo(ask: Ask): Promise<Reply> {
    const needsDatabase =
      (ask.path === '/calls' && ask.method === 'POST') || ask.path === '/compliance/decisions';
    if (needsDatabase && world.databaseAway)
      return problem(503, 'store_unavailable', 'The database does not answer');
    const known =
      session(ask) ??
      keeping.answer(ask) ??
      agents.answer(ask) ??
      campaigns.answer(ask) ??
      reviewing.answer(ask) ??
      glance.answer(ask) ??
      people(ask) ??
      decisions(ask) ??
      callsOf(ask);
    if (known) return known;
    if (ask.path === '/compliance/check') {
      const question = fits('body', ComplianceCheck, ask.body);
      return json(Decision, check(question.leadId));
    }
    return (
      (await gate.answer(ask)) ??
      (ask.path.startsWith('/calls/')
        ? problem(404, 'call_not_found', 'No such call')
        : problem(404, 'not_found', 'Nothing here'))
    );
  }

  function write(response: ServerResponse, reply: Reply): void {
    switch (reply.kind) {
      case 'json': {
        const body = JSON.stringify(reply.schema.parse(reply.body));
        if (reply.status === 204) {
          response.writeHead(204).end();
          return;
        }
        response.writeHead(reply.status ?? 200, {
          'content-type': 'application/json',
          'cache-control': 'no-store',
        });
        response.end(body);
        return;
      }
      case 'file':
        response.writeHead(200, {
          'content-type': reply.type,
          ...(reply.name ? { 'content-disposition': `attachment; filename="${reply.name}"` } : {}),
        });
        response.end(reply.text);
        return;
      case 'problem':
        response.writeHead(reply.status, { 'content-type': 'application/problem+json' });
        response.end(
          JSON.stringify({
            type: `urn:parley:problem:${reply.code}`,
            title: reply.title,
            status: reply.status,
            code: reply.code,
            retryable: reply.status >= 500,
            instance: 'urn:parley:request:req-42',
            ...reply.more,
          }),
        );
    }
  }

  const readiness = (): Reply => {
    const up = !world.databaseAway;
    return json(
      Readiness,
      {
        status: up ? 'ready' : 'not_ready',
        checks: [
          { name: 'store', ok: up, detail: up ? 'MongoDB 8.0' : 'away: MongoDB cannot be reached' },
          {
            name: 'journal',
            ok: up,
            detail: `${up ? 0 : 3} events wait for the database${up ? '' : ', the oldest for 12 s'}; 0 opt-outs`,
          },
          { name: 'lists', ok: false, detail: 'told by strips of their own' },
        ],
        sandbox: { carrier: true, agent: true },
      },
      up ? 200 : 503,
    );
  };

  async function bodyOf(request: IncomingMessage): Promise<unknown> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    return text ? JSON.parse(text) : undefined;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stage');
    const path = url.pathname.replace(/^\/api\/v1/, '');
    const method = request.method ?? 'GET';
    world.seen.push(`${method} ${url.pathname}`);
    if (path === '/calls/live' && world.signedIn) {
      if (!world.liveWorks)
        return write(response, problem(503, 'shutting_down', 'The service is restarting'));
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      viewers.add(response);
      response.on('close', () => viewers.delete(response));
      const talks = [...world.calls.values()].filter(({ call }) => isLive(call));
      send(response, { type: 'snapshot', calls: live(), words: talks.map(wordsOf) });
      return;
    }
    if (path.endsWith('/recording') && world.signedIn) {
      if (path.includes(LONG)) longWav ??= tone(LONG_SEC);
      return recording(request, response, (path.includes(LONG) ? longWav : undefined) ?? wav);
    }
    const file = method === 'POST' && path === '/dnc/import';
    const body = method === 'GET' || file ? undefined : await bodyOf(request);
    if (body !== undefined) world.bodies.push({ to: `${method} ${url.pathname}`, body });
    const cut = () => {
      // Browsers send a request again when a connection dies without a byte of an answer.
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{', () => response.destroy());
    };
    const ask: Ask = { method, path, query: url.searchParams, body, request, role: world.role, cut };
    try {
      const reply = await replyTo(ask);
      if (!response.headersSent) write(response, reply);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      write(response, problem(400, 'invalid_request', 'The request is not valid', { errors: error.errors }));
    }
  }

  function recording(request: IncomingMessage, response: ServerResponse, sound: Buffer): void {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    const to = range?.[2] ? Number(range[2]) : sound.length - 1;
    response.writeHead(range ? 206 : 200, {
      'content-type': 'audio/wav',
      'accept-ranges': 'bytes',
      'content-length': to - from + 1,
      ...(range ? { 'content-range': `bytes ${from}-${to}/${sound.length}` } : {}),
    });
    response.end(sound.subarray(from, to + 1));
  }

  async function file(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = normalize(new URL(request.url ?? '/', 'http://stage').pathname);
    const asked = extname(path) ? path : '/index.html';
    const content = await readFile(join(dist, asked)).catch(() => undefined);
    response.writeHead(content ? 200 : 404, {
      'content-type': KIND[extname(asked)] ?? 'application/octet-stream',
      'content-security-policy': CSP,
      'x-content-type-options': 'nosniff',
      'cache-control': asked.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(content);
  }

  const server = createServer((request, response) => {
    if (world.silent) {
      request.socket.destroy();
      return;
    }
    if (request.url === '/readyz') return write(response, readiness());
    const work = request.url?.startsWith('/api/') ? answer(request, response) : file(request, response);
    work.catch((error: unknown) => {
      if (!response.headersSent) write(response, problem(500, 'internal', String(error)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    furnish: (other) => {
      dist = other;
    },
    get seen() {
      return world.seen;
    },
    get gate() {
      return gate;
    },
    get campaigns() {
      return campaigns.controls;
    },
    get calls() {
      return reviewing.controls;
    },
    get overview() {
      return glance.controls;
    },
    bodies: (request) => world.bodies.filter(({ to }) => to === request).map(({ body }) => body),
    reset: () => {
      for (const viewer of viewers) viewer.destroy();
      ({ world, gate, keeping, agents, campaigns, reviewing, glance } = newWorld());
    },
    signIn: (yes) => {
      world.signedIn = yes;
    },
    as: (role) => {
      world.role = role;
    },
    clear: () => {
      world.calls = new Map();
      world.leads = [];
      campaigns.controls.clear();
    },
    ring: (count) => ring(0, count),
    play,
    databaseAway: (yes) => {
      world.databaseAway = yes;
    },
    silent: (yes) => {
      world.silent = yes;
      if (yes) for (const viewer of viewers) viewer.destroy();
    },
    liveWorks: (yes) => {
      world.liveWorks = yes;
      if (!yes) for (const viewer of viewers) viewer.destroy();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
