/** test/browser/fixture-overview: a busy house in figures, by hours and days, that add up; an empty one after `clear`. */
import {
  type CallSummary,
  Demo,
  type Overview as Figures,
  Overview,
  type OverviewPeriod,
  OverviewQuery,
  Rates,
  RatesPatch,
} from '../../src/contract/index.ts';
import { type Ask, fits, json, type Reply } from './fixture-gate.ts';
import { hex } from './fixtures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface OverviewControls {
  /** The first answers leave out hours that are still being counted. */
  counting(answers: number): void;
}

/** An hour of the day in which calls are made; nights are quiet, not silent: the tests run at any hour. */
function hourOf(atMs: number, busy: number): Omit<CallSummary, 'from'> {
  const hour = (new Date(atMs).getUTCHours() + 16) % 24;
  const wave = Math.round(busy * (hour < 8 || hour > 20 ? 2 : 12 + 9 * Math.sin(atMs / 5e6)));
  const connected = Math.round(wave * (0.42 + 0.1 * Math.sin(atMs / 9e6)));
  return {
    outbound: wave,
    inbound: Math.round(wave / 5),
    denied: Math.round(wave / 9),
    connected,
    connectRate: wave === 0 ? null : connected / wave,
    talkSec: connected * 95,
    cost: Math.round(connected * 31) / 100,
    mood: {
      average: wave === 0 ? null : Math.round(30 * Math.sin(atMs / 3e7) + 12) / 100,
      good: Math.round(connected * 0.4),
      neutral: connected - Math.round(connected * 0.4) - Math.round(connected * 0.2),
      bad: Math.round(connected * 0.2),
    },
  };
}

function summed(from: number, to: number, busy: number): Omit<CallSummary, 'from'> {
  const hours: Omit<CallSummary, 'from'>[] = [];
  for (let at = from; at < to; at += HOUR_MS) hours.push(hourOf(at, busy));
  const sum = (of: (hour: Omit<CallSummary, 'from'>) => number) =>
    hours.reduce((all, hour) => all + of(hour), 0);
  const outbound = sum((hour) => hour.outbound);
  const connected = sum((hour) => hour.connected);
  return {
    outbound,
    inbound: sum((hour) => hour.inbound),
    denied: sum((hour) => hour.denied),
    connected,
    connectRate: outbound === 0 ? null : connected / outbound,
    talkSec: sum((hour) => hour.talkSec),
    cost: Math.round(sum((hour) => hour.cost) * 100) / 100,
    mood: {
      average: connected === 0 ? null : 0.17,
      good: sum((hour) => hour.mood.good),
      neutral: sum((hour) => hour.mood.neutral),
      bad: sum((hour) => hour.mood.bad),
    },
  };
}

function period(fromMs: number, toMs: number, busy: number): OverviewPeriod {
  const all = summed(fromMs, toMs, busy);
  const part = (share: number): number => Math.round(all.connected * share);
  const some = <T extends { readonly calls: number }>(rows: T[]): T[] =>
    rows.filter(({ calls }) => calls > 0);
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    ...all,
    statuses: some([
      { status: 'completed', calls: all.connected },
      { status: 'no_answer', calls: all.outbound - all.connected - part(0.12) },
      { status: 'busy', calls: part(0.12) },
      { status: 'denied', calls: all.denied },
    ]),
    outcomes: some([
      { outcome: 'voicemail', calls: part(0.4) },
      { outcome: 'not_interested', calls: part(0.22) },
      { outcome: 'callback', calls: part(0.14) },
      { outcome: 'qualified', calls: part(0.12) },
      { outcome: 'hung_up', calls: part(0.08) },
      { outcome: 'opted_out', calls: part(0.04) },
    ]),
    denials: some([
      { reason: 'national_dnc_listed', calls: Math.round(all.denied * 0.6) },
      { reason: 'outside_state_hours', calls: Math.round(all.denied * 0.4) },
    ]),
    leads: Math.round(all.outbound / 3),
    optOuts: part(0.05),
  };
}

export function createOverviewFixtures(isEmpty: () => boolean) {
  let unfinished = 0;
  let rates: Rates = {
    twilioMinute: 0.014,
    twilioInboundMinute: 0.0085,
    elevenLabs: 0.1,
    elevenLabsUnit: 'minutes',
    smsSegment: 0.0083,
    claudeInput: 3,
    claudeCacheWrite: 3.75,
    claudeCacheRead: 0.3,
    claudeOutput: 15,
  };
  const controls: OverviewControls = {
    counting(answers) {
      unfinished = answers;
    },
  };

  function overview({ query }: Ask): Reply {
    const asked = fits('query', OverviewQuery, Object.fromEntries(query));
    const from = Date.parse(asked.from);
    const to = Math.max(from, Math.min(Date.parse(asked.to), Date.now()));
    const before = Date.parse(asked.before ?? asked.from);
    const stepMs = Date.parse(asked.to) - from <= 2 * DAY_MS ? HOUR_MS : DAY_MS;
    const busy = isEmpty() ? 0 : 1;
    const steps: CallSummary[] = [];
    for (let at = from; at < to; at += stepMs)
      steps.push({ from: new Date(at).toISOString(), ...summed(at, Math.min(to, at + stepMs), busy) });
    const complete = unfinished === 0;
    unfinished = Math.max(0, unfinished - 1);
    const figures: Figures = {
      computedAt: new Date().toISOString(),
      complete,
      now: period(from, to, busy),
      before: period(before, before + to - from, 0.8 * busy),
      step: stepMs === HOUR_MS ? 'hour' : 'day',
      steps,
    };
    return json(Overview, figures);
  }

  function answer(ask: Ask): Reply | undefined {
    if (ask.path === '/analytics/overview') return overview(ask);
    if (ask.path === '/demo' && ask.method === 'POST')
      return json(Demo, { campaigns: [{ id: hex(0xca_01), name: 'Autumn sellers' }], people: 200 }, 202);
    if (ask.path !== '/settings/rates') return undefined;
    if (ask.method === 'PATCH') rates = Rates.parse({ ...rates, ...fits('body', RatesPatch, ask.body) });
    return json(Rates, rates);
  }

  return { answer, controls };
}
