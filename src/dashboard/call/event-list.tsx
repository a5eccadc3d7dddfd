/** dashboard/call/event-list: everything that was recorded about a call, as it was recorded. */
import { useState } from 'react';
import type { CallEvent } from '../../contract/index.ts';
import { formatClock, formatFull } from '../format.ts';
import { EVENT } from '../words.ts';

const STAMP = new Set(['id', 'eventId', 'callId', 'sessionId', 'seq', 'at', 'type']);

const body = (event: CallEvent): string => {
  const own = Object.fromEntries(Object.entries(event).filter(([key]) => !STAMP.has(key)));
  return Object.keys(own).length > 0 ? JSON.stringify(own, undefined, 1).replaceAll(/\n\s*/g, ' ') : '';
};

export function EventList({ events }: { events: readonly CallEvent[] }) {
  // Hundreds of rows that few look at would hold up the page.
  const [open, setOpen] = useState(false);
  return (
    <details className="events" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Timeline{' '}
        <span className="muted">({events.length === 1 ? '1 event' : `${events.length} events`})</span>
      </summary>
      <ol>
        {(open ? events : []).map((event) => (
          <li key={event.seq}>
            <span className="num muted">{event.seq}</span>
            <time className="num" dateTime={event.at} title={formatFull(event.at)}>
              {formatClock(event.at)}
            </time>
            <span>{EVENT[event.type]}</span>
            <code>{body(event)}</code>
          </li>
        ))}
      </ol>
    </details>
  );
}
