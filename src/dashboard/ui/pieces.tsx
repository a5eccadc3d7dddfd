/** dashboard/ui/pieces: the small parts every page is made of. */
import './pieces.css';
import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy, IconLock } from '@tabler/icons-react';
import { type ReactNode, useEffect, useSyncExternalStore } from 'react';
import { formatAgo, formatFull, formatLength, formatPhone, hasNumber, spokenLength } from '../format.ts';
import type { Tone, Word } from '../words.ts';

/** A state in one word. The tone colours it; the word carries it. */
export function Pill({ word, title }: { word: Word; title?: string }) {
  return (
    <span className="pill" data-tone={word.tone} title={title}>
      {word.label}
    </span>
  );
}

/** A boxed remark. `alert` is read out at once by screen readers: for things that just happened. */
export function Notice({
  tone,
  title,
  children,
  alert = false,
  icon,
}: {
  tone: Tone;
  title?: ReactNode;
  children?: ReactNode;
  alert?: boolean;
  icon?: ReactNode;
}) {
  return (
    <div className="notice" data-tone={tone} {...(alert ? { role: 'alert' } : {})}>
      {icon ? (
        <span className="notice-icon" aria-hidden="true">
          {icon}
        </span>
      ) : null}
      <div className="notice-body">
        {title ? <p className="notice-title">{title}</p> : null}
        {children}
      </div>
    </div>
  );
}

/** A titled box of a page. */
export function Panel({
  title,
  aside,
  children,
  id,
}: {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  id: string;
}) {
  return (
    <section className="panel" aria-labelledby={`${id}-title`}>
      <header className="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

/** Names and values. Entries without a value are left out. */
export function Facts({ entries }: { entries: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {entries
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const SECOND = 1000;
const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;
function onTick(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    for (const each of listeners) each();
  }, SECOND);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** The time, rounded down to `everyMs`; the component is drawn anew when that changes. */
export function useNow(everyMs: number): number {
  return useSyncExternalStore(onTick, () => Math.floor(Date.now() / everyMs) * everyMs);
}

/** "4 minutes ago"; the exact time on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow(10 * SECOND);
  return (
    <time dateTime={at} title={formatFull(at)}>
      {formatAgo(at, now)}
    </time>
  );
}

/** A clock that runs from `since`. */
export function Running({ since }: { since: string }) {
  const now = useNow(SECOND);
  return <Length seconds={(now - Date.parse(since)) / SECOND} />;
}

export function Length({ seconds }: { seconds: number }) {
  return (
    <span className="num">
      <span aria-hidden="true">{formatLength(seconds)}</span>
      <span className="sr">{spokenLength(seconds)}</span>
    </span>
  );
}

/** Copies a value; says so. */
export function Copy({ value, what }: { value: string; what: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `Copy ${what}`} withArrow>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            onClick={copy}
            aria-label={copied ? `${what} copied` : `Copy ${what}`}
          >
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** A phone number to read and to copy; where there is none it says so. */
export function PhoneNumber({ phone }: { phone: string }) {
  return (
    <span className="num">
      {formatPhone(phone)}
      {hasNumber(phone) ? <Copy value={phone} what="number" /> : null}
    </span>
  );
}

/** A hash or an id: its beginning to compare by eye, all of it to copy. */
export function Hash({ value, what, shown = 12 }: { value: string; what: string; shown?: number }) {
  return (
    <span className="hash">
      <code title={value}>{value.slice(0, shown)}</code>
      <Copy value={value} what={what} />
    </span>
  );
}

/** Why something cannot be done here by whoever is signed in. */
export function NotForYou({ needs, children }: { needs: 'analyst' | 'administrator'; children: string }) {
  return (
    <p className="not-for-you">
      <IconLock size={14} aria-hidden="true" /> {children} That takes the role of an {needs}.
    </p>
  );
}

/** The title of the tab while the page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Parley`;
  }, [title]);
}
