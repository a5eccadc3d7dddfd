/** dashboard/campaign/targeting-fields: whom a campaign is for, and how many that are while one writes. */
import { Checkbox, Group, MultiSelect, SimpleGrid, Skeleton, Stack, Switch, TagsInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconUsers } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { PropertyType } from '../../contract/index.ts';
import { formatCount, formatShare, humanise } from '../format.ts';
import { STATE_NAME } from '../lead/us-states.ts';
import { audienceQuery } from '../queries.ts';
import { ErrorNote } from '../ui/states.tsx';
import { type Draft, targetingOf } from './draft.ts';
import { AmountInput } from './fields.tsx';

const INTENTS = ['seller', 'buyer', 'investor'] as const;
const SOURCES = ['zillow', 'google_ads', 'realgeeks', 'web_form', 'manual'];
const MOTIVATIONS = ['relocation', 'financial_hardship', 'inherited', 'probate', 'divorce', 'retirement'];
const STATES = [...STATE_NAME].map(([value, label]) => ({ value, label: `${label} (${value})` }));
const PROPERTY_TYPES = PropertyType.options.map((value) => ({ value, label: humanise(value) }));
/** So long nobody has typed before it is counted. */
const SETTLED_MS = 400;

type Wish = Draft['targeting'];

export function TargetingFields({
  draft,
  change,
  campaignId,
  fault,
}: {
  draft: Pick<Draft, 'finds' | 'targeting'>;
  change: (part: Partial<Pick<Draft, 'finds' | 'targeting'>>) => void;
  campaignId: string | undefined;
  fault: (pointer: string) => string | undefined;
}) {
  const { finds, targeting: wish } = draft;
  const set = (part: Partial<Wish>) => change({ targeting: { ...wish, ...part } });
  const tags = (member: keyof Wish & ('leadSources' | 'cities' | 'zipCodes' | 'motivationFactors')) => ({
    value: [...wish[member]],
    onChange: (value: string[]) => set({ [member]: value }),
    clearable: true,
    splitChars: [',', ';'],
    clearButtonProps: { 'aria-label': 'Remove all' },
  });
  return (
    <Stack gap="sm">
      <Switch
        label="Take leads that fit"
        description="Off: only leads that were given to this campaign, one by one or by an import."
        checked={finds}
        onChange={(event) => change({ finds: event.currentTarget.checked })}
      />
      {finds ? (
        <>
          <Audience draft={draft} campaignId={campaignId} />
          <p className="small muted">What is left empty asks for nothing.</p>
          <Checkbox.Group
            label="They want to be a"
            value={[...wish.intent]}
            onChange={(intent) => set({ intent })}
            error={fault('/targeting/intent')}
          >
            <Group gap="md" mt={4}>
              {INTENTS.map((intent) => (
                <Checkbox key={intent} value={intent} label={humanise(intent)} />
              ))}
            </Group>
          </Checkbox.Group>
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <TagsInput
              label="Where they came from"
              data={SOURCES}
              {...tags('leadSources')}
              error={fault('/targeting/leadSources')}
            />
            <TagsInput
              label="What moves them"
              data={MOTIVATIONS}
              {...tags('motivationFactors')}
              error={fault('/targeting/motivationFactors')}
            />
          </SimpleGrid>
          <h3>Where</h3>
          <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="sm">
            <MultiSelect
              label="States"
              data={STATES}
              searchable
              clearable
              hidePickedOptions
              clearButtonProps={{ 'aria-label': 'Remove all states' }}
              value={[...wish.states]}
              onChange={(states) => set({ states })}
              error={fault('/targeting/geography/states')}
            />
            <TagsInput label="Cities" {...tags('cities')} error={fault('/targeting/geography/cities')} />
            <TagsInput
              label="ZIP codes"
              {...tags('zipCodes')}
              error={fault('/targeting/geography/zipCodes')}
            />
          </SimpleGrid>
          <h3>Their house</h3>
          <SimpleGrid cols={{ base: 1, xs: 2, sm: 4 }} spacing="sm">
            <MultiSelect
              label="Kind"
              data={PROPERTY_TYPES}
              clearable
              clearButtonProps={{ 'aria-label': 'Remove all kinds' }}
              value={[...wish.propertyTypes]}
              onChange={(propertyTypes) => set({ propertyTypes })}
              error={fault('/targeting/qualification/propertyTypes')}
            />
            <AmountInput
              label="Price at most"
              prefix="$"
              value={wish.maxPrice}
              change={(maxPrice) => set({ maxPrice })}
              error={fault('/targeting/qualification/maxPrice')}
            />
            <AmountInput
              label="Their share at least"
              share
              value={wish.minEquity}
              change={(minEquity) => set({ minEquity })}
              error={fault('/targeting/qualification/minEquity')}
            />
            <AmountInput
              label="Score at least"
              share
              value={wish.minScore}
              change={(minScore) => set({ minScore })}
              error={fault('/targeting/qualification/minScore')}
            />
          </SimpleGrid>
        </>
      ) : null}
    </Stack>
  );
}

function Audience({
  draft,
  campaignId,
}: {
  draft: Pick<Draft, 'finds' | 'targeting'>;
  campaignId: string | undefined;
}) {
  const [asked] = useDebouncedValue(JSON.stringify(targetingOf(draft) ?? {}), SETTLED_MS);
  const audience = useQuery(
    audienceQuery({ targeting: JSON.parse(asked), ...(campaignId === undefined ? {} : { campaignId }) }),
  );
  if (audience.error) return <ErrorNote error={audience.error} retry={() => audience.refetch()} />;
  const { data } = audience;
  return (
    <div className="audience" role="status" aria-busy={audience.isFetching}>
      <IconUsers size={20} stroke={1.7} aria-hidden="true" />
      {data ? (
        <span>
          <strong className="num">
            {data.atLeast ? 'At least ' : ''}
            {formatCount(data.fitting)}
          </strong>{' '}
          of {formatCount(data.open)} open leads fit and are in no other campaign
          {data.open > 0 ? ` (${formatShare(data.fitting / data.open)})` : ''}.
        </span>
      ) : (
        <Skeleton height={20} width={320} />
      )}
    </div>
  );
}
