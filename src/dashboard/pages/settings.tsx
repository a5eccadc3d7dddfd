/** dashboard/pages/settings: what the vendors charge, which every cost and forecast is reckoned with. */
import { Button, NumberInput, Select, SimpleGrid, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDeviceFloppy } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Rates, RatesPatch } from '../../contract/index.ts';
import { api } from '../api.ts';
import { keys, ratesQuery } from '../queries.ts';
import { useMay } from '../ui/may-act.ts';
import { NotForYou, Panel, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';

type Price = Exclude<keyof Rates, 'elevenLabsUnit'>;

const GROUPS: readonly {
  readonly id: string;
  readonly title: string;
  readonly prices: readonly (readonly [price: Price, label: string, description: string])[];
}[] = [
  {
    id: 'carrier',
    title: 'Carrier',
    prices: [
      ['twilioMinute', 'A minute of a call we place', 'Each minute that begins.'],
      ['twilioInboundMinute', 'A minute of a call we receive', 'Each minute that begins.'],
      ['smsSegment', 'A part of a text message', 'A long text has several.'],
    ],
  },
  {
    id: 'agent',
    title: 'Voice agent',
    prices: [['elevenLabs', 'The price of its unit', 'A minute of talk, or a character that it says.']],
  },
  {
    id: 'analysis',
    title: 'Analysis of calls, a million tokens',
    prices: [
      ['claudeInput', 'Read', 'What the model is given.'],
      ['claudeCacheWrite', 'Written to its cache', 'What it will need again.'],
      ['claudeCacheRead', 'Read from its cache', 'What it was given before.'],
      ['claudeOutput', 'Answered', 'What it writes.'],
    ],
  },
];
const UNITS = [
  { value: 'minutes', label: 'A minute of talk' },
  { value: 'characters', label: 'A character it says' },
];

export function SettingsPage() {
  useTitle('Settings');
  const rates = useQuery(ratesQuery);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Settings</h1>
      </header>
      {rates.error ? <ErrorNote error={rates.error} retry={() => rates.refetch()} /> : null}
      {rates.isPending ? <RowsSkeleton /> : null}
      {rates.data ? <RatesForm rates={rates.data} /> : null}
    </div>
  );
}

function RatesForm({ rates }: { rates: Rates }) {
  const admin = useMay('ADMIN');
  const queries = useQueryClient();
  const [draft, setDraft] = useState<RatesPatch>({});
  const save = useMutation({
    mutationFn: api.changeRates,
    onSuccess: (saved) => {
      queries.setQueryData(keys.rates, saved);
      setDraft({});
      notifications.show({
        title: 'The rates are saved',
        message: 'Calls from now on are reckoned with them; what was reckoned before stays.',
      });
    },
  });
  const changed = Object.entries(draft).filter(([name, value]) => rates[name as keyof Rates] !== value);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed.length > 0) save.mutate(Object.fromEntries(changed));
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <p className="muted">
          What the vendors charge, in US dollars. The cost of a call is reckoned with the rates of the moment
          it ends.
        </p>
        {GROUPS.map(({ id, title, prices }) => (
          <Panel key={id} id={id} title={title}>
            <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md">
              {id === 'agent' ? (
                <Select
                  label="Billed by"
                  description="As your plan with the platform says."
                  data={UNITS}
                  disabled={!admin}
                  allowDeselect={false}
                  value={draft.elevenLabsUnit ?? rates.elevenLabsUnit}
                  onChange={(unit) =>
                    setDraft({ ...draft, elevenLabsUnit: unit === 'characters' ? 'characters' : 'minutes' })
                  }
                />
              ) : null}
              {prices.map(([price, label, description]) => (
                <NumberInput
                  key={price}
                  label={label}
                  description={description}
                  disabled={!admin}
                  min={0}
                  max={1_000}
                  decimalScale={6}
                  prefix="$"
                  hideControls
                  value={draft[price] ?? rates[price]}
                  onChange={(value) => {
                    if (typeof value === 'number') setDraft({ ...draft, [price]: value });
                  }}
                />
              ))}
            </SimpleGrid>
          </Panel>
        ))}
        {save.error ? <ErrorNote error={save.error} /> : null}
        {admin ? (
          <div>
            <Button
              type="submit"
              leftSection={<IconDeviceFloppy size={16} />}
              loading={save.isPending}
              disabled={changed.length === 0}
            >
              Save the rates
            </Button>
          </div>
        ) : (
          <NotForYou needs="administrator">The rates cannot be changed here.</NotForYou>
        )}
      </Stack>
    </form>
  );
}
