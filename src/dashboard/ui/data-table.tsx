/** dashboard/ui/data-table: a table on wide screens, cards on narrow ones; people choose the columns they want to see. */
import './filters.css';
import './data-table.css';
import { ActionIcon, Checkbox, Menu } from '@mantine/core';
import { useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { IconColumns3 } from '@tabler/icons-react';
import {
  type ColumnDef,
  columnVisibilityFeature,
  createColumnHelper,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import type { ReactNode } from 'react';

const features = tableFeatures({ columnVisibilityFeature });
type Features = typeof features;

/** `columnsOf<Call>()` makes typed columns; the header text is also the column's name in the menu. */
export const columnsOf = <T extends object>() => createColumnHelper<Features, T>();
// biome-ignore lint/suspicious/noExplicitAny: a list holds columns of several value types; each is checked where it is made
export type Columns<T extends object> = ColumnDef<Features, T, any>[];

export interface DataTableProps<T extends object> {
  /** Names the saved choice of columns. */
  readonly name: string;
  /** What the table holds, for people who cannot see it. */
  readonly caption: string;
  readonly columns: Columns<T>;
  readonly rows: T[];
  readonly rowId: (row: T) => string;
  /** How one row looks on a narrow screen. */
  readonly card: (row: T) => ReactNode;
  readonly isLive?: (row: T) => boolean;
  /** Ids of columns that are shown only to those who chose them. */
  readonly hidden?: readonly string[];
  /** Where rows are chosen for a deed on many. */
  readonly choice?: Choice<T> | undefined;
}

export interface Choice<T> {
  readonly chosen: ReadonlySet<string>;
  readonly choose: (ids: readonly string[], isChosen: boolean) => void;
  /** What a row is called where it cannot be seen. */
  readonly nameOf: (row: T) => string;
}

/** Narrower than this there is no room for columns. */
export const NARROW = '(max-width: 52em)';

export function DataTable<T extends object>(props: DataTableProps<T>) {
  const { name, caption, columns, rows, rowId, card, isLive, hidden = [], choice } = props;
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false });
  const [chosen, setColumnVisibility] = useLocalStorage<Record<string, boolean>>({
    key: `parley.columns.${name}`,
    defaultValue: {},
    getInitialValueInEffect: false,
  });
  const columnVisibility = { ...Object.fromEntries(hidden.map((id) => [id, false])), ...chosen };
  const table = useTable({
    features,
    columns,
    data: rows,
    getRowId: rowId,
    state: { columnVisibility },
    onColumnVisibilityChange: (next) =>
      setColumnVisibility(typeof next === 'function' ? next(columnVisibility) : next),
  });

  if (narrow) {
    return (
      <ul className="cards" aria-label={caption}>
        {rows.map((row) => (
          <li key={rowId(row)} data-live={isLive?.(row) || undefined}>
            {choice ? <ChoiceOf row={row} id={rowId(row)} choice={choice} /> : null}
            {card(row)}
          </li>
        ))}
      </ul>
    );
  }
  return (
    <div className="table-box">
      <div className="table-tools">
        <Menu position="bottom-end" closeOnItemClick={false} withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label="Choose columns">
              <IconColumns3 size={16} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>Columns</Menu.Label>
            {table
              .getAllLeafColumns()
              .filter((column) => column.getCanHide())
              .map((column) => (
                <Menu.CheckboxItem
                  key={column.id}
                  checked={column.getIsVisible()}
                  onChange={() => column.toggleVisibility()}
                >
                  {String(column.columnDef.header)}
                </Menu.CheckboxItem>
              ))}
          </Menu.Dropdown>
        </Menu>
      </div>
      <table className="table">
        <caption className="sr">{caption}</caption>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {choice ? (
                <th scope="col" data-column="choice">
                  <ChoiceOfAll ids={rows.map(rowId)} choice={choice} />
                </th>
              ) : null}
              {group.headers.map((header) => (
                <th key={header.id} scope="col" data-column={header.column.id}>
                  <table.FlexRender header={header} />
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id} data-live={isLive?.(row.original) || undefined}>
              {choice ? (
                <td data-column="choice">
                  <ChoiceOf row={row.original} id={row.id} choice={choice} />
                </td>
              ) : null}
              {row.getVisibleCells().map((cell) => (
                <td key={cell.id} data-column={cell.column.id}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ChoiceOf<T>({ row, id, choice }: { row: T; id: string; choice: Choice<T> }) {
  return (
    <Checkbox
      size="xs"
      aria-label={`Choose ${choice.nameOf(row)}`}
      checked={choice.chosen.has(id)}
      onChange={(event) => choice.choose([id], event.currentTarget.checked)}
    />
  );
}

function ChoiceOfAll<T>({ ids, choice }: { ids: readonly string[]; choice: Choice<T> }) {
  const chosen = ids.filter((id) => choice.chosen.has(id)).length;
  return (
    <Checkbox
      size="xs"
      aria-label="Choose all that are shown"
      checked={chosen > 0 && chosen === ids.length}
      indeterminate={chosen > 0 && chosen < ids.length}
      onChange={(event) => choice.choose(ids, event.currentTarget.checked)}
    />
  );
}
