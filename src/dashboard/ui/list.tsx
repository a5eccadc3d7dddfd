/** dashboard/ui/list: a list that is read page by page: what went wrong, what is coming, the rows, or why there are none. */
import type { ReactNode } from 'react';
import { DataTable, type DataTableProps } from './data-table.tsx';
import { ErrorNote, LoadMore, RowsSkeleton } from './states.tsx';

interface Paged {
  readonly error: unknown;
  readonly isPending: boolean;
  readonly data: unknown;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  fetchNextPage(): unknown;
  refetch(): unknown;
}

export function List<T extends object>({
  list,
  empty,
  ...table
}: DataTableProps<T> & {
  readonly list: Paged;
  /** Shown when all is read and there is nothing. */
  readonly empty: ReactNode;
}) {
  return (
    <>
      {list.error ? <ErrorNote error={list.error} retry={() => list.refetch()} /> : null}
      {list.isPending ? <RowsSkeleton /> : null}
      {table.rows.length > 0 ? <DataTable {...table} /> : null}
      {list.data && table.rows.length === 0 ? empty : null}
      <LoadMore list={list} />
    </>
  );
}
