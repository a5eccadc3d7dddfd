/**
 * test/browser/fixture-campaigns: campaigns, forecasts, work, what came of it, messages and templates, as the fixture server
 * tells them. It keeps what it is told and checks what it is asked by the contract.
 */
import { z } from 'zod';
import {
  Audience,
  AudienceQuery,
  Campaign,
  CampaignCreate,
  CampaignPatch,
  CampaignQuery,
  CampaignWork,
  CampaignWorks,
  CampaignWorksQuery,
  Enrollment,
  EnrollmentQuery,
  Forecast,
  type Lead,
  Message,
  MessagePreview,
  MessageQuery,
  MessageSend,
  MessageTemplate,
  MessageTemplateSave,
  PauseRequest,
  Performance,
  page,
} from '../../src/contract/index.ts';
import { type Ask, CAMPAIGN, fits, json, Misfit, problem, type Reply } from './fixture-gate.ts';
import { ago, HOSTILE, hex, LATE } from './fixtures.ts';

const DAY_MIN = 24 * 60;
const HOUR = 3_600;
const DAY = 24 * HOUR;
const soon = (minutes: number): string => ago(-minutes);

export const DRAFT = hex(0xca_a2);
export const FAILING = hex(0xca_a3);
const OVER = hex(0xca_a4);

const CALLING: Campaign['calling'] = {
  purpose: 'marketing',
  subject: 'Selling a house',
  machinePolicy: 'hang_up',
  ringTimeoutSec: 30,
  maxCallSec: 900,
  carrierRecording: false,
};
const WORKFLOW: NonNullable<Campaign['workflow']> = {
  initialContact: {
    method: 'automated_call',
    timing: 'within_5_minutes',
    maxAttempts: 3,
    retryDelay: HOUR,
    retryDelays: { busy: 600, voicemail: DAY },
  },
  followUp: [
    { delay: DAY, method: 'email', template: 'follow_up_day_1' },
    { delay: 3 * DAY, method: 'sms', template: 'follow_up_day_3' },
    { delay: 7 * DAY, method: 'automated_call' },
  ],
  nurture: {
    enabled: true,
    frequency: 'weekly',
    duration: 90,
    content: ['market_updates', 'success_stories', 'tips'],
  },
};
const NINE_TO_SIX = { start: '09:00', end: '18:00' };
const SCHEDULE: NonNullable<Campaign['schedule']> = {
  callingHours: {
    timezone: 'America/Los_Angeles',
    monday: NINE_TO_SIX,
    tuesday: NINE_TO_SIX,
    wednesday: NINE_TO_SIX,
    thursday: NINE_TO_SIX,
    friday: NINE_TO_SIX,
    saturday: { start: '10:00', end: '14:00' },
    sunday: null,
  },
};
const campaign = (part: Partial<Campaign> & Pick<Campaign, 'id' | 'name' | 'status'>): Campaign =>
  Campaign.parse({
    type: 'wholesale',
    calling: CALLING,
    workflow: WORKFLOW,
    schedule: SCHEDULE,
    targeting: { intent: ['seller'], geography: { states: ['WA', 'OR'] }, leadSources: ['zillow'] },
    budget: { totalBudget: 10_000, costPerCall: 0.5, maxCallsPerDay: 50, maxLeadsPerDay: 100 },
    pacing: { maxConcurrentCalls: 4 },
    revenuePerDeal: 29_400,
    createdAt: ago(30 * DAY_MIN),
    updatedAt: ago(DAY_MIN),
    ...part,
  });

const CAMPAIGNS = (): Campaign[] => [
  campaign({
    id: DRAFT,
    name: `Winter investors ${HOSTILE}`,
    status: 'draft',
    type: 'fix_flip',
    createdAt: ago(90),
  }),
  campaign({
    id: CAMPAIGN,
    name: 'Autumn sellers',
    description: 'Motivated sellers in the north-west who asked for an estimate.',
    status: 'active',
    startedAt: ago(21 * DAY_MIN),
  }),
  campaign({
    id: FAILING,
    name: 'Rentals Portland',
    status: 'paused',
    type: 'rental',
    startedAt: ago(4 * DAY_MIN),
    hold: {
      code: 'failures',
      says: '12 of the last 20 calls failed: the carrier refused the caller number (21210). Verify the number with the carrier, then go on.',
      at: ago(70),
      by: 'system',
    },
  }),
  campaign({
    id: OVER,
    name: 'Summer listings',
    status: 'completed',
    startedAt: ago(120 * DAY_MIN),
    completedAt: ago(40 * DAY_MIN),
  }),
];

const work = (of: Campaign, part: Partial<CampaignWork> = {}): CampaignWork =>
  CampaignWork.parse({
    campaignId: of.id,
    at: new Date().toISOString(),
    says:
      of.status === 'active'
        ? 'Calls: 2 are going on, 14 more are due.'
        : of.status === 'paused'
          ? 'Paused: calls kept failing.'
          : 'Over.',
    ...(of.status === 'active' ? {} : { stoppedBy: of.status === 'paused' ? 'not_active' : 'over' }),
    counts: {
      enrolled: 156,
      due: 14,
      working: 2,
      scheduled: 51,
      waiting: 23,
      ended: { reached: 47, not_interested: 11, wrong_number: 3, opted_out: 4, exhausted: 1 },
    },
    waiting: [
      {
        reason: 'outside_state_hours',
        explanation: 'It is 8:40 PM in Tampa; Florida allows calls until 8:00 PM.',
        leads: 12,
        from: soon(14 * 60),
      },
      {
        reason: 'consent_missing',
        explanation: 'No written consent on record covers an artificial voice.',
        leads: 9,
      },
      { reason: 'timezone_unknown', explanation: 'Two zones are possible.', leads: 2 },
    ],
    today: { calls: 31, leads: 18, messages: 7, spent: 16.4 },
    spent: 7_100,
    lines: { used: 2, ofCampaign: 4, free: 6 },
    firstContact: { medianSec: 94, withinGoal: 0.96 },
    ...part,
  });

const FORECAST = (id: string): Forecast =>
  Forecast.parse({
    campaignId: id,
    state: 'done',
    progress: { done: 1_000, total: 1_000 },
    startedAt: ago(0.2),
    finishedAt: ago(0.1),
    summary:
      '812 of 1,000 can be called; 121 are on a do-not-call list, 44 have no consent, 23 have no known time zone; finish Thursday 4 pm; about $96.',
    leads: 1_000,
    callable: 812,
    callableNow: 540,
    barred: [
      {
        reason: 'national_dnc_listed',
        explanation: 'The number is on the national registry and no written consent lifts it.',
        leads: 121,
        examples: [
          { leadId: hex(2), name: 'Devon Okafor' },
          { leadId: hex(3), name: `${HOSTILE} O’Hara` },
        ],
      },
      {
        reason: 'consent_missing',
        explanation: 'There is no consent on record.',
        leads: 44,
        examples: [{ leadId: hex(5), name: 'Tom Becker' }],
      },
      {
        reason: 'timezone_unknown',
        explanation: 'State and ZIP code are missing, and the area code spans two zones.',
        leads: 23,
        examples: [],
      },
    ],
    waiting: [
      {
        reason: 'outside_federal_hours',
        explanation: 'It is night there.',
        leads: 272,
        from: soon(11 * 60),
        examples: [{ leadId: hex(4), name: 'Priya Raman' }],
      },
    ],
    curve: Array.from({ length: 40 }, (_, n) => ({
      at: soon(n * 60),
      calls: Math.round(1_480 * (1 - Math.exp(-n / 11))),
      reached: Math.round(390 * (1 - Math.exp(-n / 14))),
    })),
    calls: 1_450,
    finishAt: soon(39 * 60),
    limitedBy: 'calls_per_day',
    cost: 96,
    assumptions: [
      '31 % of calls are answered: as over the last 400 calls of the house.',
      'A call that is answered takes 2 minutes 10 seconds: the same calls.',
      'A call costs $0.07: the rates of the settings.',
    ],
  });

const PEOPLE_IN = (leads: readonly Lead[]): Enrollment[] => {
  const one = (index: number, part: Partial<Enrollment>): Enrollment =>
    Enrollment.parse({
      id: hex(0xe1_00 + index),
      campaignId: CAMPAIGN,
      leadId: leads[index]?.id ?? hex(index + 1),
      leadName:
        `${leads[index]?.contact.firstName ?? 'Nobody'} ${leads[index]?.contact.lastName ?? ''}`.trim(),
      stage: 'initial',
      step: 0,
      calls: 0,
      messages: 0,
      receivedAt: ago((index + 1) * 300),
      ...part,
    });
  return [
    one(0, {
      stage: 'callback',
      next: 'the call that was agreed',
      dueAt: soon(130),
      calls: 1,
      lastAt: ago(200),
      lastOutcome: 'callback',
    }),
    one(1, {
      stage: 'ended',
      calls: 1,
      lastAt: ago(45),
      lastOutcome: 'opted_out',
      ended: { why: 'opted_out', at: ago(45) },
    }),
    one(2, { working: { method: 'automated_call', id: hex(0xca01), since: ago(1) }, next: 'first call' }),
    one(3, {
      stage: 'follow_up',
      step: 1,
      next: 'text follow_up_day_3',
      dueAt: soon(2 * DAY_MIN),
      calls: 3,
      messages: 1,
      lastAt: ago(DAY_MIN),
      lastOutcome: 'delivered',
    }),
    one(4, {
      next: 'first call',
      waiting: {
        reason: 'consent_missing',
        explanation: 'No written consent on record covers an artificial voice.',
        since: ago(300),
      },
    }),
    one(5, { next: 'second call', dueAt: ago(1), calls: 1, lastAt: ago(61), lastOutcome: 'no_answer' }),
  ];
};

const PERFORMANCE = (id: string): Performance =>
  Performance.parse({
    campaignId: id,
    computedAt: ago(1),
    metrics: {
      leadsReceived: 156,
      leadsContacted: 142,
      conversationsCompleted: 98,
      qualified: 47,
      siteVisits: 23,
      offersExtended: 12,
      dealsClosed: 5,
      avgQualificationScore: 0.72,
      avgSentiment: 0.58,
      avgCallDuration: 385,
      conversionRate: 0.0321,
      costPerLead: 45.5,
      costPerDeal: 1_420,
      totalRevenue: 147_000,
      totalCost: 7_100,
      roi: 19.7,
    },
    funnel: [
      ['received', 156],
      ['contacted', 142],
      ['conversation', 98],
      ['qualified', 47],
      ['site_visit', 23],
      ['offer', 12],
      ['deal', 5],
    ].map(([step, leads]) => ({ step, leads, ofFirst: Number(leads) / 156 })),
    outcomes: [
      { outcome: 'qualified', calls: 47, avgDuration: 412, avgSentiment: 0.66, cost: 41.2 },
      { outcome: 'callback', calls: 22, avgDuration: 96, avgSentiment: 0.31, cost: 9.1 },
      { outcome: 'not_interested', calls: 29, avgDuration: 61, avgSentiment: -0.18, cost: 8.4 },
      { outcome: 'voicemail', calls: 61, cost: 4.3 },
      { outcome: 'no_answer', calls: 118, cost: 1.9 },
      { outcome: 'opted_out', calls: 4, avgDuration: 22, avgSentiment: -0.62, cost: 0.5 },
    ],
    hours: (['mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const).flatMap((day, row) =>
      Array.from({ length: day === 'sat' ? 4 : 10 }, (_, n) => {
        const calls = 6 + ((row * 7 + n * 5) % 9);
        const answered = Math.min(calls, 1 + ((row * 3 + n * 4) % 6));
        return { day, hour: (day === 'sat' ? 10 : 9) + n, calls, answered, reached: Math.min(answered, 1) };
      }),
    ),
    days: Array.from({ length: 21 }, (_, n) => {
      const calls = 8 + ((n * 11) % 27);
      return {
        day: ago((20 - n) * DAY_MIN).slice(0, 10),
        calls,
        answered: Math.round(calls * 0.34),
        qualified: n % 4,
        cost: Math.round(calls * 7) / 100,
      };
    }),
    messages: [
      { channel: 'email', template: 'follow_up_day_1', sent: 64, delivered: 61, failed: 3 },
      { channel: 'sms', template: 'follow_up_day_3', sent: 41, delivered: 39, failed: 2 },
    ],
  });

const SELLER = 'Parley Homes';
function previewOf({ channel, subject, body }: MessageTemplateSave): MessageTemplate['preview'] {
  const fill = (text: string) => text.replaceAll('{{first_name}}', 'Maria').replaceAll('{{city}}', 'Tampa');
  const unknown = /\{\{(\w+)\}\}/.exec(fill(body))?.[1];
  if (unknown !== undefined)
    throw new Misfit([
      {
        in: 'body',
        pointer: '/body',
        detail: `{{${unknown}}} is not known; there are {{first_name}}, {{city}}`,
      },
    ]);
  if (channel === 'email')
    return {
      subject: fill(subject ?? ''),
      text: `${fill(body)}\n\n--\n${SELLER}, 1 Main Street, Seattle, WA 98101\nTo get no more e-mails, calls or texts from us: https://example.com/u/1\n`,
    };
  const text = `${SELLER}: ${fill(body)} Reply STOP to stop.`;
  return { text, segments: Math.ceil(text.length / 153) };
}
const template = (
  seed: number,
  save: MessageTemplateSave,
  part: Partial<MessageTemplate> = {},
): MessageTemplate =>
  MessageTemplate.parse({
    id: hex(0x7e_00 + seed),
    version: 1,
    ...save,
    preview: previewOf(save),
    usedBy: [{ id: CAMPAIGN, name: 'Autumn sellers' }],
    createdAt: ago(40 * DAY_MIN),
    createdBy: 'admin',
    ...part,
  });

const TEMPLATES = (): MessageTemplate[] => [
  template(1, {
    name: 'follow_up_day_1',
    channel: 'email',
    subject: 'Your house in {{city}}',
    body: 'Hi {{first_name}},\n\nwe tried to reach you about your house in {{city}}. When is a good time to talk?',
  }),
  template(
    2,
    {
      name: 'follow_up_day_3',
      channel: 'sms',
      body: 'Hi {{first_name}}, is selling the house in {{city}} still on your mind? Call us any time.',
    },
    { version: 2, createdAt: ago(3 * DAY_MIN) },
  ),
  template(3, {
    name: 'market_updates',
    channel: 'email',
    subject: 'Prices in {{city}}',
    body: `Hi {{first_name}},\n\nhouses like yours sold quickly this month. ${HOSTILE}`,
  }),
  template(
    4,
    {
      name: 'success_stories',
      channel: 'sms',
      body: 'Hi {{first_name}}, two neighbours sold with us this week.',
    },
    { usedBy: [] },
  ),
  template(
    5,
    { name: 'tips', channel: 'sms', body: 'Hi {{first_name}}, one tip: gather your utility bills first.' },
    { usedBy: [], retiredAt: ago(2 * DAY_MIN) },
  ),
];

const message = (seed: number, part: Partial<Message>): Message =>
  Message.parse({
    id: hex(0x3e_00 + seed),
    channel: 'sms',
    direction: 'outbound',
    leadId: hex(1),
    to: '+12065550110',
    from: '+12065550100',
    text: `${SELLER}: Hi Mara, is selling the house in Seattle still on your mind? Reply STOP to stop.`,
    status: 'delivered',
    history: [],
    requestedBy: `campaign:${CAMPAIGN}`,
    createdAt: ago(600),
    ...part,
  });
const MESSAGES = (): Message[] => [
  message(1, {
    direction: 'inbound',
    to: '+12065550100',
    from: '+12065550110',
    text: `Yes, call me on Thursday. ${HOSTILE}`,
    status: 'received',
    requestedBy: 'person',
    createdAt: ago(580),
  }),
  message(2, {
    campaignId: CAMPAIGN,
    template: 'follow_up_day_3',
    templateVersion: 2,
    sentAt: ago(600),
    history: [
      { status: 'sent', at: ago(600) },
      { status: 'delivered', at: ago(599) },
    ],
  }),
  message(3, {
    channel: 'email',
    to: 'lead0@example.com',
    from: 'hello@example.com',
    subject: 'Your house in Seattle',
    text: 'Hi Mara,\n\nwe tried to reach you about your house in Seattle. When is a good time to talk?',
    status: 'failed',
    error: { code: 'mail_refused', says: 'The mail server turned the address down.' },
    campaignId: CAMPAIGN,
    template: 'follow_up_day_1',
    templateVersion: 1,
    createdAt: ago(900),
  }),
];

export interface CampaignControls {
  /** No campaigns, templates and messages. */
  clear(): void;
  /** The campaign goes on a step: one more call today. */
  tick(): void;
  /** Closes the hours of the running campaign. */
  night(): void;
  /** The running campaign is done with a lead: nobody was reached. */
  exhaust(leadId: string): void;
  /** What came of campaigns cannot be read, though the database is there. */
  breakPerformance(): void;
  /** The next message is denied by the gate. */
  denyNext(): void;
}

export function createCampaignFixtures(leads: () => readonly Lead[]) {
  let campaigns = CAMPAIGNS();
  let templates = TEMPLATES();
  const versions = new Map<string, MessageTemplate[]>([
    [
      'follow_up_day_3',
      [
        template(12, {
          name: 'follow_up_day_3',
          channel: 'sms',
          body: 'Hi {{first_name}}, still thinking of selling?',
        }),
      ],
    ],
  ]);
  let messages = MESSAGES();
  const forecasts = new Map<string, { asked: number }>();
  let callsToday = 31;
  let closed = false;
  let exhausted: string | undefined;
  let deny = false;
  let broken = false;
  let made = 0;
  const fresh = (): string => hex(0xf0_0000 + ++made);

  const put = (changed: Campaign): Reply => {
    campaigns = campaigns.map((one) => (one.id === changed.id ? changed : one));
    return json(Campaign, changed);
  };
  const nameless = (steps: Campaign['workflow']) => {
    const known = new Set(templates.map(({ name }) => name));
    steps?.followUp.forEach(({ method, template: name }, index) => {
      if (method !== 'automated_call' && (name === undefined || !known.has(name)))
        throw new Misfit([
          { in: 'body', pointer: `/workflow/followUp/${index}/template`, detail: 'must name a template' },
        ]);
    });
  };

  const peopleIn = ({ id }: Campaign): Enrollment[] =>
    PEOPLE_IN(leads())
      .slice(0, id === CAMPAIGN ? 6 : 0)
      .map((each) => {
        if (each.leadId !== exhausted) return each;
        const { dueAt: _due, next: _next, ...rest } = each;
        return { ...rest, stage: 'ended', ended: { why: 'exhausted', at: ago(20) } };
      });

  function one(ask: Ask, found: Campaign, part: string | undefined): Reply | undefined {
    const { method, query, body } = ask;
    const now = new Date().toISOString();
    switch (`${method} ${part ?? ''}`) {
      case 'GET ':
        return json(Campaign, found);
      case 'PATCH ': {
        const change = fits('body', CampaignPatch, body);
        nameless(change.workflow ?? undefined);
        const { calling, ...rest } = change;
        const merged: Record<string, unknown> = {
          ...found,
          ...rest,
          calling: { ...found.calling, ...calling },
          updatedAt: now,
        };
        const kept = (values: Record<string, unknown>) =>
          Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
        return put(
          Campaign.parse(
            kept({ ...merged, calling: kept(merged.calling as object & Record<string, unknown>) }),
          ),
        );
      }
      case 'DELETE ':
        campaigns = campaigns.filter(({ id }) => id !== found.id);
        return json(z.null(), null, 204);
      case 'POST start': {
        const { hold: _before, ...rest } = found;
        return put(Campaign.parse({ ...rest, status: 'active', startedAt: found.startedAt ?? now }));
      }
      case 'POST pause': {
        const reason = fits('body', PauseRequest, body)?.reason;
        return put(
          Campaign.parse({
            ...found,
            status: 'paused',
            hold: { code: 'manual', says: reason ?? 'No reason was given.', at: now, by: 'Robin Ellery' },
          }),
        );
      }
      case 'POST complete':
        return put(Campaign.parse({ ...found, status: 'completed', completedAt: now }));
      case 'POST forecast':
        forecasts.set(found.id, { asked: 0 });
        return json(Forecast, running(found.id, 0), 202);
      case 'GET forecast': {
        const asked = forecasts.get(found.id);
        if (!asked) return problem(404, 'not_found', 'No forecast was made yet');
        asked.asked += 1;
        return json(Forecast, asked.asked < 3 ? running(found.id, asked.asked * 420) : FORECAST(found.id));
      }
      case 'GET work':
        return json(CampaignWork, workNow(found));
      case 'GET enrollments': {
        const asked = fits('query', EnrollmentQuery, Object.fromEntries(query));
        return json(page(Enrollment), {
          items: peopleIn(found).filter(
            (each) =>
              (asked.stage ?? each.stage) === each.stage &&
              (asked.leadId ?? each.leadId) === each.leadId &&
              (asked.waiting === undefined || each.waiting?.reason === asked.waiting) &&
              (asked.state === undefined ||
                (asked.state === 'waiting'
                  ? each.waiting !== undefined
                  : asked.state === 'working'
                    ? each.working !== undefined
                    : each.dueAt !== undefined && each.dueAt < now)),
          ),
        });
      }
      case 'GET performance':
        return broken
          ? problem(503, 'store_unavailable', 'The database cannot be reached', { retryable: true })
          : json(Performance, PERFORMANCE(found.id));
      default:
        return undefined;
    }
  }

  const running = (id: string, done: number): Forecast =>
    Forecast.parse({
      ...FORECAST(id),
      state: 'running',
      progress: { done, total: 1_000 },
      summary: 'The gate is asked about every lead.',
      callable: 0,
      callableNow: 0,
      barred: [],
      waiting: [],
      curve: [],
    });

  const workNow = (found: Campaign): CampaignWork =>
    work(found, {
      today: { calls: callsToday, leads: 18, messages: 7, spent: 16.4 },
      ...(closed && found.status === 'active'
        ? {
            says: 'Waits for its hours until Mon 9:00 am.',
            stoppedBy: 'hours' as const,
            resumesAt: soon(36 * 60),
          }
        : {}),
    });

  function campaignsOf(ask: Ask): Reply | undefined {
    const { method, path, query, body } = ask;
    if (path === '/campaigns/work') {
      const { ids } = fits('query', CampaignWorksQuery, Object.fromEntries(query));
      return json(CampaignWorks, {
        items: campaigns.filter(({ id }) => ids.includes(id)).map(workNow),
      });
    }
    if (path === '/campaigns' && method === 'GET') {
      const { status } = fits('query', CampaignQuery, Object.fromEntries(query));
      return json(page(Campaign), {
        items: campaigns.filter((each) => (status ?? each.status) === each.status),
      });
    }
    if (path === '/campaigns' && method === 'POST') {
      const { calling, ...given } = fits('body', CampaignCreate, body);
      nameless(given.workflow);
      const made = campaign({
        ...given,
        id: fresh(),
        status: 'draft',
        calling: Campaign.shape.calling.parse({ ...CALLING, subject: given.name, ...calling }),
        createdAt: new Date().toISOString(),
      });
      campaigns = [made, ...campaigns];
      return json(Campaign, made, 201);
    }
    if (path === '/campaigns/audience') {
      const { targeting } = fits('body', AudienceQuery, body);
      const asks = JSON.stringify(targeting ?? {}).length;
      return json(Audience, { fitting: Math.max(12, 3_300 - asks * 40), open: 3_300 });
    }
    const [, id, leadId, part] =
      /^\/campaigns\/([0-9a-f]{24})(?:\/leads\/([0-9a-f]{24}))?(?:\/(\w+))?$/.exec(path) ?? [];
    if (id === undefined) return undefined;
    const found = campaigns.find((each) => each.id === id);
    if (!found) return problem(404, 'campaign_not_found', 'No such campaign');
    if (leadId === undefined) return one(ask, found, part);
    if (method !== 'POST' || part !== 'reopen') return undefined;
    if (leadId === exhausted) exhausted = undefined;
    const reopened = peopleIn(found).find((each) => each.leadId === leadId);
    return reopened
      ? json(Enrollment, reopened)
      : problem(404, 'not_found', 'The campaign never had this lead');
  }

  function messagesOf({ method, path, query, body }: Ask): Reply | undefined {
    if (path === '/messages' && method === 'GET') {
      const { leadId } = fits('query', MessageQuery, Object.fromEntries(query));
      return json(page(Message), {
        items: messages
          .filter((each) => (leadId ?? each.leadId) === each.leadId)
          .sort((a, b) => b.createdAt.localeCompare(a.createdAt)),
      });
    }
    if (path === '/messages' && method === 'POST') {
      const asked = fits('body', MessageSend, body);
      const lead = leads().find(({ id }) => id === asked.leadId);
      if (!lead) return problem(404, 'lead_not_found', 'No such lead');
      if (deny) {
        deny = false;
        return problem(409, 'message_denied', 'The gate refused this message', {
          detail: LATE().explanation,
          decision: LATE(),
        });
      }
      const chosen = templates.find(({ name }) => name === asked.template);
      const sent = message(0x100 + made, {
        id: fresh(),
        channel: asked.channel,
        leadId: lead.id,
        to: asked.channel === 'sms' ? lead.contact.phone : (lead.contact.email ?? ''),
        text: chosen?.preview.text ?? asked.text ?? '',
        ...(asked.template === undefined ? {} : { template: asked.template }),
        status: 'sent',
        requestedBy: 'u1',
        createdAt: new Date().toISOString(),
      });
      messages = [sent, ...messages];
      return json(Message, sent, 201);
    }
    if (path === '/message-templates' && method === 'GET')
      return json(page(MessageTemplate), { items: templates });
    if (path === '/message-templates/preview') {
      return json(MessagePreview, previewOf(fits('body', MessageTemplateSave, body)));
    }
    if (path === '/message-templates' && method === 'POST') {
      const save = fits('body', MessageTemplateSave, body);
      const before = templates.find(({ name }) => name === save.name);
      if (before) versions.set(save.name, [before, ...(versions.get(save.name) ?? [])]);
      const made = template(0, save, {
        id: fresh(),
        version: (before?.version ?? 0) + 1,
        usedBy: before?.usedBy ?? [],
        createdAt: new Date().toISOString(),
      });
      templates = [made, ...templates.filter(({ name }) => name !== save.name)];
      return json(MessageTemplate, made, 201);
    }
    const [, name, part] = /^\/message-templates\/(\w+)\/(\w+)$/.exec(path) ?? [];
    const found = templates.find((each) => each.name === name);
    if (!found) return undefined;
    if (part === 'versions')
      return json(page(MessageTemplate), { items: [found, ...(versions.get(found.name) ?? [])] });
    if (part === 'retire') {
      if (found.usedBy.length > 0) return problem(409, 'template_in_use', 'Campaigns use this template');
      const retired = { ...found, retiredAt: new Date().toISOString() };
      templates = templates.map((each) => (each.name === name ? retired : each));
      return json(MessageTemplate, retired);
    }
    return undefined;
  }

  const controls: CampaignControls = {
    clear() {
      campaigns = [];
      templates = [];
      messages = [];
    },
    tick() {
      callsToday += 1;
    },
    night() {
      closed = true;
    },
    exhaust(leadId) {
      exhausted = leadId;
    },
    breakPerformance() {
      broken = true;
    },
    denyNext() {
      deny = true;
    },
  };
  return { answer: (ask: Ask): Reply | undefined => campaignsOf(ask) ?? messagesOf(ask), controls };
}
