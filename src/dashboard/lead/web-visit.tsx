/** dashboard/lead/web-visit: what somebody looked at on the website before they became a lead, page by page. */
import './web-visit.css';
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { Lead, WebVisit } from '../../contract/index.ts';
import { count, formatLength, formatMoment, spokenLength } from '../format.ts';
import { Copy, Facts, Panel } from '../ui/pieces.tsx';

/** A long visit has a hundred pages: these are shown before somebody asks for the others. */
const PAGES_SHOWN = 6;

const PARTS = [
  ['timeOnSite', 'time on the site'],
  ['pageDepth', 'pages'],
  ['engagement', 'engagement'],
  ['intent', 'intent'],
] as const;

type Page = NonNullable<WebVisit['journey']>[number];

export function WebJourney({ lead: { web, erasedAt } }: { lead: Lead }) {
  const [showsAll, setShowsAll] = useState(false);
  if (erasedAt) return null;
  if (!web)
    return (
      <Panel id="web" title="On the website">
        <p className="small muted">No visit to the website came with this lead.</p>
      </Panel>
    );
  const { journey = [], score, scoreBreakdown, sessionId, visitorId } = web;
  const [first] = journey;
  const lookedSec = journey.reduce((sum, { duration = 0 }) => sum + duration, 0);
  const shown = showsAll ? journey : journey.slice(0, PAGES_SHOWN);
  return (
    <Panel id="web" title="On the website">
      <Facts
        entries={[
          ['When', first && formatMoment(first.timestamp)],
          [
            'Looked at',
            journey.length === 0
              ? undefined
              : `${count(journey.length, 'page')}${lookedSec > 0 ? ` in ${formatLength(lookedSec)}` : ''}`,
          ],
          ['Score', score === undefined ? undefined : `${Math.round(score)} of 100`],
          [
            'Made of',
            scoreBreakdown &&
              PARTS.map(([part, name]) => `${name} ${Math.round(scoreBreakdown[part])}`).join(', '),
          ],
          ['Visitor', visitorId && <Known key="v" id={visitorId} what="visitor id" />],
          ['Session', <Known key="s" id={sessionId} what="session id" />],
        ]}
      />
      {journey.length > 0 ? (
        <ol className="journey" aria-label="Pages, in the order in which they were looked at">
          {shown.map((page) => (
            <li key={`${page.timestamp} ${page.url}`}>
              <Visited page={page} />
            </li>
          ))}
        </ol>
      ) : null}
      {shown.length < journey.length ? (
        <Button variant="default" size="xs" onClick={() => setShowsAll(true)}>
          All {journey.length} pages
        </Button>
      ) : null}
    </Panel>
  );
}

const Known = ({ id, what }: { id: string; what: string }) => (
  <span className="hash">
    <code title={id}>{id}</code>
    <Copy value={id} what={what} />
  </span>
);

/** The place of a page without a title on its site. */
const placeOf = (url: string): string => url.replace(/^https?:\/\/[^/?#]*/i, '') || '/';

/** Only what is an address of the web becomes a link: it came from strangers, and anything else stays text. */
function Visited({ page: { url, title, duration } }: { page: Page }) {
  const name = title ?? placeOf(url);
  return (
    <>
      {/^https?:\/\//i.test(url) ? (
        <a href={url} title={url} target="_blank" rel="noopener noreferrer">
          {name}
        </a>
      ) : (
        <span title={url}>{name}</span>
      )}
      <span className="num muted">
        {duration === undefined ? null : (
          <>
            <span aria-hidden="true">{formatLength(duration)}</span>
            <span className="sr">for {spokenLength(duration)}</span>
          </>
        )}
      </span>
    </>
  );
}
