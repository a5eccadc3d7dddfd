/** dashboard/lead-import/mapping: where each column goes, beside what stands in it; and what is wrong with the first rows. */
import { NativeSelect, Table } from '@mantine/core';
import { Fragment } from 'react';
import { type LeadFilePreview, LeadTarget } from '../../contract/index.ts';
import { formatCount } from '../format.ts';
import { Notice } from '../ui/pieces.tsx';

/** What may become of a name that goes to no field. */
export const NO_FIELD = [
  { value: 'keep', label: 'Keep as it is' },
  { value: 'ignore', label: 'Leave out' },
] as const;

export type Targets = Readonly<Record<string, LeadTarget>>;

/** A field that more than one column goes to. */
export const doubledField = (targets: Targets): LeadTarget | undefined => {
  const all = Object.values(targets).filter((target) => target !== 'keep' && target !== 'ignore');
  return all.find((target, at) => all.indexOf(target) !== at);
};

export function Mapping({
  preview,
  targets,
  change,
}: {
  preview: LeadFilePreview;
  targets: Targets;
  change: (targets: Targets) => void;
}) {
  const choices = [...NO_FIELD, ...preview.fields.map(({ field, label }) => ({ value: field, label }))];
  const doubled = doubledField(targets);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="scrolls" aria-label="Columns" tabIndex={0}>
      <Table verticalSpacing={6} aria-label="Columns of the file">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Column</Table.Th>
            <Table.Th scope="col">For example</Table.Th>
            <Table.Th scope="col">Goes to</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {preview.columns.map(({ name, samples }) => (
            <Table.Tr key={name}>
              <Table.Th scope="row">{name}</Table.Th>
              <Table.Td className="sample muted">{[...new Set(samples)].join(' · ') || 'empty'}</Table.Td>
              <Table.Td>
                <NativeSelect
                  aria-label={`${name} goes to`}
                  data={choices}
                  value={targets[name] ?? 'keep'}
                  error={doubled !== undefined && targets[name] === doubled ? 'Chosen twice' : undefined}
                  onChange={(event) => {
                    const target = LeadTarget.safeParse(event.currentTarget.value).data;
                    if (target) change({ ...targets, [name]: target });
                  }}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}

/** The first rows as they stand in the file; what is wrong is said where nobody changed the proposed columns. */
export function FirstRows({ preview, proposed }: { preview: LeadFilePreview; proposed: boolean }) {
  const wrong = proposed ? preview.rows.filter(({ says }) => says.length > 0).length : 0;
  return (
    <>
      {preview.problems.map((problem) => (
        <Notice key={problem} tone="warn">
          <p>{problem}</p>
        </Notice>
      ))}
      {wrong > 0 ? (
        <Notice
          tone="warn"
          title={`${formatCount(wrong)} of the first ${preview.rows.length} rows need a look`}
        >
          <p>Rows that cannot be read are refused with the reason; all others come in.</p>
        </Notice>
      ) : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="scrolls first-rows" aria-label="First rows" tabIndex={0}>
        <Table fz="0.8125rem" verticalSpacing={4} aria-label="First rows of the file">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Line</Table.Th>
              {preview.columns.map(({ name }) => (
                <Table.Th key={name} scope="col">
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {preview.rows.map(({ line, cells, says }) => (
              <Fragment key={line}>
                <Table.Tr>
                  <Table.Td className="num muted">{line}</Table.Td>
                  {preview.columns.map(({ name }, at) => (
                    <Table.Td key={name} className="sample">
                      {cells[at]}
                    </Table.Td>
                  ))}
                </Table.Tr>
                {proposed && says.length > 0 ? (
                  <Table.Tr>
                    <Table.Td colSpan={preview.columns.length + 1}>
                      <p className="row-says">{says.join('. ')}</p>
                    </Table.Td>
                  </Table.Tr>
                ) : null}
              </Fragment>
            ))}
          </Table.Tbody>
        </Table>
      </section>
    </>
  );
}
