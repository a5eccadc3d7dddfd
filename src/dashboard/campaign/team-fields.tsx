/** dashboard/campaign/team-fields: who of the staff works on a campaign, chosen by name. */
import { MultiSelect, SimpleGrid } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { reviewersQuery } from '../queries.ts';
import type { Draft } from './draft.ts';

export function TeamFields({
  draft,
  change,
  fault,
}: {
  draft: Draft;
  change: (part: Pick<Draft, 'managers'> | Pick<Draft, 'closers'>) => void;
  fault: (pointer: string) => ReactNode;
}) {
  const { items = [], former = [] } = useQuery(reviewersQuery).data ?? {};
  const { managers, closers } = draft;
  const known = new Map([...former, ...items].map(({ id, name }) => [id, name]));
  const ids = new Set([...items.map(({ id }) => id), ...managers, ...closers]);
  const people = [...ids].map((value) => ({ value, label: known.get(value) ?? 'Somebody who left' }));
  const wrong = (from: number, many: number) =>
    Array.from({ length: many }, (_, at) => fault(`/assignedTo/${from + at}/userId`)).find(Boolean);
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
      <MultiSelect
        label="Who leads it"
        data={people}
        value={[...managers]}
        onChange={(chosen) => change({ managers: chosen })}
        error={wrong(0, managers.length)}
      />
      <MultiSelect
        label="Who closes its deals"
        data={people}
        value={[...closers]}
        onChange={(chosen) => change({ closers: chosen })}
        error={wrong(managers.length, closers.length)}
      />
    </SimpleGrid>
  );
}
