/** dashboard/ui/states: what a page shows while it waits, when there is nothing, and when something went wrong. */
import './states.css';
import { Button, Center, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import type { ErrorComponentProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError, api } from '../api.ts';
import { sentence } from '../format.ts';
import { remedy } from '../words.ts';
import { Notice } from './pieces.tsx';

export function PageSkeleton() {
  return (
    <div className="page" role="status" aria-label="Loading">
      <Skeleton height={32} width={220} mb={24} />
      <RowsSkeleton />
    </div>
  );
}

export function RowsSkeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: grey bars have no identity
        <Skeleton key={row} height={44} mb={8} />
      ))}
    </div>
  );
}

export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <span className="empty-icon" aria-hidden="true">
        {icon}
      </span>
      <h2>{title}</h2>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  );
}

/** The next page of a list, when there is one. */
export function LoadMore({
  list,
}: {
  list: {
    readonly hasNextPage: boolean;
    readonly isFetchingNextPage: boolean;
    fetchNextPage(): unknown;
  };
}) {
  if (!list.hasNextPage) return null;
  return (
    <Center mt="md">
      <Button variant="default" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
        Load more
      </Button>
    </Center>
  );
}

/** A failure in words: what happened, what to do, and the code to look up or report. */
export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiError ? error : undefined;
  const code = known?.code ?? 'page_error';
  const title = known?.problem?.title ?? (known ? known.message : 'This page stopped working');
  // Why the database is away stands on top of every page.
  const detail = code === 'store_unavailable' ? undefined : known?.problem?.detail;
  const advice = known
    ? remedy(code)
    : 'Reload the page. If it happens again, report it with the text below.';
  return (
    <Notice tone="bad" alert icon={<IconAlertTriangle size={20} />} title={title}>
      {detail && detail !== title ? <p>{sentence(detail)}</p> : null}
      {known?.problem?.errors?.length ? (
        <ul>
          {known.problem.errors.map((field) => (
            <li key={`${field.pointer} ${field.detail}`}>
              <code>{field.pointer}</code>: {field.detail}
            </li>
          ))}
        </ul>
      ) : null}
      {advice ? <p>{advice}</p> : null}
      <p className="small">
        Code <code>{code}</code>
        {known?.problem?.instance ? (
          <>
            {' '}
            · request <code>{known.problem.instance.split(':').at(-1)}</code>
          </>
        ) : null}
        {!known && error instanceof Error ? ` · ${error.message}` : null}
      </p>
      {retry ? (
        <Button variant="default" size="xs" mt="xs" leftSection={<IconRefresh size={14} />} onClick={retry}>
          Try again
        </Button>
      ) : null}
    </Notice>
  );
}

/** How browsers and the bundler say that the code of a page did not come. */
const NOT_LOADED = /dynamically imported module|preload CSS|importing a module script failed/i;

/** What the router shows when a page throws. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const notLoaded = error instanceof Error && NOT_LOADED.test(error.message);
  // Whoever reloads while the server is away has no page left to try again from.
  const reload = () => {
    api.readiness().then(
      () => location.reload(),
      () => undefined,
    );
  };
  return (
    <div className="page">
      <h1>Something went wrong</h1>
      {notLoaded ? (
        <ErrorNote
          error={new ApiError('not_loaded', 'This page could not be loaded', { cause: error })}
          retry={reload}
        />
      ) : (
        <ErrorNote error={error} retry={reset} />
      )}
    </div>
  );
}
