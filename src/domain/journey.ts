/**
 * domain/journey: the visit to a website that led to a lead: read as somebody else tells of it, bounded, and told to the
 * agent in a few words. Titles and addresses of pages were written by strangers and stay text wherever they are shown.
 */
import { z } from 'zod';
import { canonicalJson } from './canonical.ts';
import type { Lead } from './documents.ts';

export type WebVisit = NonNullable<Lead['web']>;

/** So many pages may be told of; of a longer visit the first page and the last ones are kept. */
const MOST_PAGES = 1_000;
const KEPT_PAGES = 100;
/** Whoever looks at the next page later than this has been away. */
const LONGEST_ON_PAGE_SEC = 1_800;
const LONGEST_URL = 2_000;
const LONGEST_TITLE = 300;
/** Of a page, as the agent is told it. */
const LONGEST_NAME = 80;
/** The last instant that is written with four digits for its year, ms. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'holds control characters');
const NO_TIME = 'is no time such as 2026-11-20T17:00:00Z and no number of milliseconds since 1970';
/** As a program has it, as JSON has it, or in ms since 1970, as a browser has it. */
const When = z
  .union([z.date(), z.iso.datetime({ offset: true }), z.number()], { error: NO_TIME })
  .transform((at) => new Date(at))
  .refine((at) => at.getTime() >= 0 && at.getTime() <= LAST_MS, NO_TIME);
const points = z.number().min(0).max(100);

/** One line of whole characters, at most so long. A tracker tells what it found: no page is refused for its title. */
const inLine = (text: string): string => text.replaceAll(/[\s\p{Cc}\p{Cs}]+/gu, ' ').trim();
const cut = (text: string, most: number): string => inLine(text.slice(0, most));
const withoutQuery = (url: string): string => url.replace(/[?#].*$/, '');

const Page = z.object({
  url: z
    .string()
    .transform((text) => {
      const url = inLine(text);
      return url.length > LONGEST_URL ? cut(withoutQuery(url), LONGEST_URL) : url;
    })
    .pipe(z.string().min(1)),
  title: z
    .string()
    .transform((text) => cut(inLine(text), LONGEST_TITLE) || undefined)
    .optional(),
  timestamp: When,
  duration: z.number().min(0).max(86_400).optional(),
});

/** In the order of time; how long a page was looked at follows from the next one where nobody said it. */
function journeyOf(pages: readonly z.output<typeof Page>[]): z.output<typeof Page>[] {
  const ordered = [...pages].sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime());
  const timed = ordered.map((page, at) => {
    const next = ordered[at + 1];
    if (page.duration !== undefined || !next) return page;
    const duration = Math.round((next.timestamp.getTime() - page.timestamp.getTime()) / 1_000);
    return duration > LONGEST_ON_PAGE_SEC ? page : { ...page, duration };
  });
  return timed.length <= KEPT_PAGES ? timed : [...timed.slice(0, 1), ...timed.slice(1 - KEPT_PAGES)];
}

/** A visit as the doors to a lead take it. What else a tracker tells of a page is left out. */
export const WebVisitInput = z.object({
  sessionId: line(200),
  visitorId: line(200).optional(),
  score: points.optional(),
  scoreBreakdown: z
    .object({ timeOnSite: points, pageDepth: points, engagement: points, intent: points })
    .optional(),
  journey: z.array(Page).max(MOST_PAGES).default([]).transform(journeyOf),
});

/**
 * The visit that stands under `web` in what a source sent, or what is wrong with it. A form without nested values sends it
 * as a text of JSON. Undefined for anything that does not mean to be a visit, such as the address of somebody's own site.
 */
export function readVisit(sent: unknown): WebVisit | string | undefined {
  let value = sent;
  if (typeof sent === 'string') {
    if (!sent.trimStart().startsWith('{')) return undefined;
    try {
      value = JSON.parse(sent);
    } catch {
      return 'is no JSON';
    }
  }
  if (typeof value !== 'object' || value === null || !('sessionId' in value || 'journey' in value))
    return undefined;
  const read = WebVisitInput.safeParse(value);
  // Fields that are absent are absent, not undefined: JSON had them so.
  if (read.success) return read.data as WebVisit;
  const [issue] = read.error.issues;
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'cannot be read';
}

const lastMs = ({ journey }: WebVisit): number => journey.at(-1)?.timestamp.getTime() ?? 0;

/** Whether a visit says something new of a lead: the same one told again does not, nor one from before. */
export const isNewVisit = (brought: WebVisit, known: WebVisit | undefined): boolean =>
  known === undefined ||
  (lastMs(brought) >= lastMs(known) && canonicalJson(brought) !== canonicalJson(known));

/** The page's own name; without one, its place on the site. Marks that mean something in a prompt are taken out. */
function nameOf({ url, title }: WebVisit['journey'][number]): string {
  const path = withoutQuery(url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, ''));
  return cut((title ?? (path || '/')).replaceAll(/[\s{}“”"<>]+/g, ' ').trim(), LONGEST_NAME);
}

const forHowLong = (sec: number): string => {
  if (sec === 0) return '';
  const [many, unit] = sec < 60 ? [sec, 'second'] : [Math.round(sec / 60), 'minute'];
  return ` for ${many} ${unit}${many === 1 ? '' : 's'}`;
};

const PAGES_TOLD = 6;

/**
 * What the agent is told: the pages that were looked at longest, in the order in which they were, such as
 * `on 2026-11-20: “Selling an inherited house” for 3 minutes, “What it costs” for 20 seconds`; `none` without a page.
 */
export function journeyInWords(web: WebVisit | undefined): string {
  const first = web?.journey[0];
  if (!web || !first) return 'none';
  const secondsOn = new Map<string, number>();
  for (const page of web.journey) {
    const name = nameOf(page);
    if (name !== '') secondsOn.set(name, (secondsOn.get(name) ?? 0) + Math.round(page.duration ?? 0));
  }
  const longest = new Set(
    [...secondsOn]
      .sort(([, a], [, b]) => b - a)
      .slice(0, PAGES_TOLD)
      .map(([name]) => name),
  );
  const told = [...secondsOn].filter(([name]) => longest.has(name));
  if (told.length === 0) return 'none';
  return `on ${first.timestamp.toISOString().slice(0, 10)}: ${told.map(([name, sec]) => `“${name}”${forHowLong(sec)}`).join(', ')}`;
}
