/** dashboard/call/compare: the analyses of a call beside each other: what two of them say differently. */
import { Modal, NativeSelect, SimpleGrid, Stack, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { CallAnalysis } from '../../contract/index.ts';
import { formatMoment, formatShare, humanise } from '../format.ts';
import { comparisonQuery } from '../queries.ts';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { OUTCOME } from '../words.ts';

const nameOf = ({ origin, analysedAt, createdAt, applied }: CallAnalysis): string =>
  [
    origin?.by === 'lexicon' ? 'Word lists' : (origin?.model ?? 'Claude'),
    formatMoment(analysedAt ?? createdAt),
    ...(applied ? ['shown'] : []),
  ].join(' · ');

const PARTS: Readonly<Record<string, string>> = {
  extractedInfo: 'What they told',
  keyMoments: 'Key moment',
  qualityFactors: 'Quality',
  followUpActions: 'Follow-up',
  qualityScore: 'Quality',
  sentiment: 'Mood',
  messages: 'Mood of a message',
  outcome: 'Came to',
};

/** "keyMoments.objection@12" → "Key moment: objection, in message 13". */
function claimName(path: string): string {
  const [part = '', ...rest] = path.split('.');
  const [what = '', message] = rest.join(' ').split('@');
  const place = message === undefined ? '' : `, in message ${Number(message) + 1}`;
  const inner = humanise(what.replaceAll(/([a-z])([A-Z])/g, '$1 $2')).toLowerCase();
  return `${PARTS[part] ?? humanise(part)}${inner === '' ? '' : `: ${inner}`}${place}`;
}

function claimValue(path: string, value: string | number | boolean | undefined): string {
  if (value === undefined) return 'Nothing';
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (path.startsWith('quality') && typeof value === 'number') return formatShare(value);
  if (path === 'outcome' && Object.hasOwn(OUTCOME, value))
    return OUTCOME[value as keyof typeof OUTCOME].label;
  return typeof value === 'string' && /^[a-z_]+$/.test(value) ? humanise(value) : String(value);
}

/** `analyses`: at least two that are made, newest first. */
export function Compare({
  callId,
  analyses,
  close,
}: {
  callId: string;
  analyses: readonly CallAnalysis[];
  close: () => void;
}) {
  const [older, setOlder] = useState(analyses[1]?.id ?? '');
  const [newer, setNewer] = useState(analyses[0]?.id ?? '');
  const compared = useQuery(comparisonQuery(callId, older, newer));
  const data = analyses.map((each) => ({ value: each.id, label: nameOf(each) }));
  return (
    <Modal opened onClose={close} size="xl" title="What two analyses say differently">
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <NativeSelect
            label="One"
            data={data}
            value={older}
            onChange={(event) => setOlder(event.currentTarget.value)}
          />
          <NativeSelect
            label="The other"
            data={data}
            value={newer}
            onChange={(event) => setNewer(event.currentTarget.value)}
          />
        </SimpleGrid>
        {compared.error ? <ErrorNote error={compared.error} retry={() => compared.refetch()} /> : null}
        {compared.isPending ? <RowsSkeleton rows={4} /> : null}
        {compared.data?.length === 0 ? <p role="status">They say the same.</p> : null}
        {compared.data && compared.data.length > 0 ? (
          <Table layout="fixed" striped>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>About</Table.Th>
                <Table.Th>One</Table.Th>
                <Table.Th>The other</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {compared.data.map(({ path, a, b }) => (
                <Table.Tr key={path}>
                  <Table.Th scope="row">{claimName(path)}</Table.Th>
                  <Table.Td>{claimValue(path, a)}</Table.Td>
                  <Table.Td>{claimValue(path, b)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        ) : null}
      </Stack>
    </Modal>
  );
}
