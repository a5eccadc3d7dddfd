/** dashboard/compliance/export-records: every call of some days as the law wants it kept (16 CFR 310.5), as a file. */
import { Modal, SegmentedControl, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { callRecords } from '../api.ts';
import { dayAsInstant, fieldOf } from '../format.ts';
import { FormEnd } from '../ui/form.tsx';
import { useMay } from '../ui/may-act.ts';
import { NotForYou } from '../ui/pieces.tsx';

const MONTH = 30 * 86_400_000;
/** The law wants records for five years; one export holds no more. */
const MOST = 5 * 365 * 86_400_000;
const today = () => fieldOf(new Date().toISOString(), false);

export function ExportRecords({ close }: { close: () => void }) {
  const [from, setFrom] = useState(() => fieldOf(new Date(Date.now() - MONTH).toISOString(), false));
  const [to, setTo] = useState(today);
  const [format, setFormat] = useState<'csv' | 'json'>('csv');
  const may = useMay('ANALYST');
  const first = dayAsInstant(from);
  const behind = dayAsInstant(to, 1);
  const fault =
    first === undefined || behind === undefined || first >= behind
      ? 'The last day must not be before the first.'
      : Date.parse(behind) - Date.parse(first) > MOST
        ? 'At most five years at once.'
        : undefined;
  const range =
    fault === undefined && first !== undefined && behind !== undefined ? { first, behind } : undefined;
  return (
    <Modal opened onClose={close} title="Export call records">
      <Stack gap="sm">
        <p>
          One line for each outbound call that was dialled: who called whom, when, how long, how it ended,
          which script, and the decision that let it pass.
        </p>
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <TextInput
            label="From"
            type="date"
            value={from}
            onChange={(event) => setFrom(event.currentTarget.value)}
            data-autofocus
          />
          <TextInput
            label="To, included"
            type="date"
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
            error={fault}
          />
        </SimpleGrid>
        <SegmentedControl
          aria-label="Format"
          data={[
            { value: 'csv', label: 'CSV, for a spreadsheet' },
            { value: 'json', label: 'JSON, for a program' },
          ]}
          value={format}
          onChange={(value) => setFormat(value === 'json' ? 'json' : 'csv')}
        />
        {may ? null : <NotForYou needs="analyst">Call records hold people's numbers.</NotForYou>}
        <FormEnd
          close={close}
          ready={range !== undefined && may}
          icon={<IconDownload size={16} />}
          {...(range && may
            ? {
                file: {
                  href: callRecords({ from: range.first, to: range.behind, format }),
                  name: `call-records-${from}-to-${to}.${format}`,
                },
              }
            : {})}
        >
          Download
        </FormEnd>
      </Stack>
    </Modal>
  );
}
