/** dashboard/lead-sources/rows: which name of the source goes to which field, and what stands in a field where it says nothing. */
import { ActionIcon, Button, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { type IntakeEndpointCreate, LeadField, LeadTarget } from '../../contract/index.ts';
import { NO_FIELD } from '../lead-import/mapping.tsx';
import { newRowKey } from '../ui/row-key.ts';
import { FIELDS, VALUES } from './words.ts';

/** `''`: nothing is chosen yet. */
export interface NameRow {
  readonly key: string;
  readonly from: string;
  readonly target: LeadTarget | '';
}
export interface ValueRow {
  readonly key: string;
  readonly field: LeadField | '';
  readonly value: string;
}

const MOST_NAMES = 200;
const CHOOSE = { value: '', label: 'Choose' };

const isTwice = (values: readonly ValueRow[], { key, field }: ValueRow): boolean =>
  field !== '' && values.some((other) => other.key !== key && other.field === field);

/** What is sent; undefined while a row is not complete, or a field stands twice. */
export function fieldsOf(
  names: readonly NameRow[],
  values: readonly ValueRow[],
): Required<Pick<IntakeEndpointCreate, 'mapping' | 'defaults'>> | undefined {
  const mapping = names.flatMap(({ from, target }) =>
    from.trim() === '' || target === '' ? [] : [{ from, target }],
  );
  const defaults = values.flatMap((row) =>
    row.field === '' || row.value.trim() === '' || isTwice(values, row)
      ? []
      : [{ field: row.field, value: row.value }],
  );
  return mapping.length === names.length && defaults.length === values.length
    ? { mapping, defaults }
    : undefined;
}

interface RowsOf<Row> {
  readonly rows: readonly Row[];
  readonly change: (rows: readonly Row[]) => void;
  /** By the pointer into what is sent. */
  readonly fault: (pointer: string) => string | undefined;
}
const changed = <Row extends { readonly key: string }>(rows: readonly Row[], row: Row): readonly Row[] =>
  rows.map((each) => (each.key === row.key ? row : each));

function Rows({ title, says, children }: { title: string; says: string; children: ReactNode }) {
  return (
    <fieldset className="source-rows">
      <legend>{title}</legend>
      <p className="small muted">{says}</p>
      {children}
    </fieldset>
  );
}

const Remove = ({ what, remove }: { what: string; remove: () => void }) => (
  <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Remove ${what}`} onClick={remove}>
    <IconTrash size={16} />
  </ActionIcon>
);

const Add = ({
  disabled = false,
  add,
  children,
}: {
  disabled?: boolean;
  add: () => void;
  children: string;
}) => (
  <Button
    variant="default"
    size="compact-sm"
    leftSection={<IconPlus size={14} />}
    disabled={disabled}
    onClick={add}
  >
    {children}
  </Button>
);

export function NameRows({ rows, change, fault }: RowsOf<NameRow>) {
  return (
    <Rows
      title="Names of the source"
      says="A name in what it sends, and where that goes. Dots lead inwards: contact.phone. What you say here goes before what is known."
    >
      {rows.map((row, at) => (
        <div key={row.key} className="source-row">
          <TextInput
            aria-label={`Name ${at + 1}`}
            placeholder="contact.mobile"
            maxLength={200}
            autoComplete="off"
            spellCheck={false}
            value={row.from}
            onChange={(event) => change(changed(rows, { ...row, from: event.currentTarget.value }))}
            error={fault(`/mapping/${at}/from`)}
          />
          <NativeSelect
            aria-label={`Name ${at + 1} goes to`}
            data={[CHOOSE, ...NO_FIELD, ...FIELDS]}
            value={row.target}
            onChange={(event) => {
              const target = LeadTarget.safeParse(event.currentTarget.value).data ?? '';
              change(changed(rows, { ...row, target }));
            }}
            error={fault(`/mapping/${at}/target`)}
          />
          <Remove what={`name ${at + 1}`} remove={() => change(rows.filter(({ key }) => key !== row.key))} />
        </div>
      ))}
      <Add
        disabled={rows.length >= MOST_NAMES}
        add={() => change([...rows, { key: newRowKey(), from: '', target: '' }])}
      >
        Add a name
      </Add>
    </Rows>
  );
}

export function ValueRows({ rows, change, fault }: RowsOf<ValueRow>) {
  return (
    <Rows
      title="Where the source says nothing"
      says="Such as the text beside the box of your form. A lead whose consent comes without its time or its proof is kept and not called."
    >
      {rows.map((row, at) => {
        const words = row.field === '' ? undefined : VALUES[row.field];
        const field = {
          'aria-label': `Value ${at + 1}`,
          value: row.value,
          onChange: (event: { currentTarget: { value: string } }) =>
            change(changed(rows, { ...row, value: event.currentTarget.value })),
          error: fault(`/defaults/${at}/value`),
        };
        return (
          <div key={row.key} className="source-row">
            <NativeSelect
              aria-label={`Field ${at + 1}`}
              data={[CHOOSE, ...FIELDS]}
              value={row.field}
              onChange={(event) => {
                const next = LeadField.safeParse(event.currentTarget.value).data ?? '';
                // Words of one field are none of another.
                const value = words || (next !== '' && VALUES[next]) ? '' : row.value;
                change(changed(rows, { ...row, field: next, value }));
              }}
              error={isTwice(rows, row) ? 'Chosen twice' : fault(`/defaults/${at}/field`)}
            />
            {words ? (
              <NativeSelect {...field} data={[CHOOSE, ...words]} />
            ) : (
              <Textarea {...field} autosize minRows={1} maxRows={8} maxLength={5000} autoComplete="off" />
            )}
            <Remove
              what={`value ${at + 1}`}
              remove={() => change(rows.filter(({ key }) => key !== row.key))}
            />
          </div>
        );
      })}
      <Add
        disabled={rows.length >= FIELDS.length}
        add={() => change([...rows, { key: newRowKey(), field: '', value: '' }])}
      >
        Add a value
      </Add>
    </Rows>
  );
}
