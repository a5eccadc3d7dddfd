/** dashboard/calls/filters: what the list of calls is narrowed to; all of it stands in the address. */
import './calls.css';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { CallOutcome, CallQuery, CallReview, CallStatus, Direction } from '../../contract/index.ts';
import type { CallFilter } from '../api.ts';
import { formatDate, humanise } from '../format.ts';
import { callScriptsQuery, campaignsQuery, reviewersQuery } from '../queries.ts';
import type { CallSearch } from '../search.ts';
import { DayRangeFields, instantsOf } from '../ui/day-range.tsx';
import { useMay } from '../ui/may-act.ts';
import { PhoneFilter } from '../ui/phone-filter.tsx';
import { DIRECTION, MOOD, OUTCOME, REVIEW, STATUS } from '../words.ts';

const options = (any: string, values: readonly string[], name: (value: string) => string) => [
  { value: '', label: any },
  ...values.map((value) => ({ value, label: name(value) })),
];
const STATUSES = options('Any status', CallStatus.options, (value) => STATUS[CallStatus.parse(value)].label);
const DIRECTIONS = options(
  'Both directions',
  Direction.options,
  (value) => DIRECTION[Direction.parse(value)],
);
const OUTCOMES = options(
  'Any outcome',
  CallOutcome.options,
  (value) => OUTCOME[CallOutcome.parse(value)].label,
);
const MOODS = options(
  'Any mood',
  CallQuery.shape.mood.unwrap().options,
  (value) => MOOD[value as keyof typeof MOOD].label,
);
const REVIEWS = options(
  'Any review',
  CallReview.shape.status.options,
  (value) => REVIEW[CallReview.shape.status.parse(value)].label,
);

/** What the API is asked for: days are the reader's own, both included. */
export function filterOf({ from, to, minCost, maxCost, text: _text, ...rest }: CallSearch): CallFilter {
  return {
    ...rest,
    ...(minCost === undefined ? {} : { minCost: Number(minCost) }),
    ...(maxCost === undefined ? {} : { maxCost: Number(maxCost) }),
    ...instantsOf({ from, to }),
  };
}

const TYPING_MS = 350;

/** Words that were said. The list follows while one types. */
function SaidFilter({
  text,
  change,
}: {
  text: string | undefined;
  change: (text: string | undefined) => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  /** Undefined while nobody types: then the field shows what the list is narrowed to. */
  const [typed, setTyped] = useState<string>();
  useHotkeys([['/', () => field.current?.focus()]]);
  const later = useDebouncedCallback((words: string) => change(words.trim() || undefined), TYPING_MS);
  return (
    <TextInput
      ref={field}
      className="filter-search"
      aria-label="What was said"
      placeholder='What was said, such as kitchen or "next week"'
      type="search"
      autoComplete="off"
      maxLength={200}
      leftSection={<IconSearch size={16} aria-hidden="true" />}
      value={typed ?? text ?? ''}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        later(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') later.flush();
      }}
      onBlur={() => {
        later.flush();
        setTyped(undefined);
      }}
    />
  );
}

/** Whose to review: a name that is in the address stays in the choice, whoever it is. */
function useReviewerOptions(chosen: string | undefined) {
  const mayReview = useMay('ANALYST');
  const { items = [], former = [] } = useQuery(reviewersQuery).data ?? {};
  const data = [
    { value: '', label: 'Any reviewer' },
    ...(mayReview || chosen === 'me' ? [{ value: 'me', label: 'Mine to review' }] : []),
    { value: 'none', label: 'No reviewer' },
    ...items.map(({ id, name }) => ({ value: id, label: name })),
    ...former.map(({ id, name }) => ({ value: id, label: `${name}, no longer` })),
  ];
  const isThere = chosen === undefined || data.some(({ value }) => value === chosen);
  return isThere ? data : [...data, { value: chosen, label: 'Somebody else' }];
}

export function CallFilters({
  search,
  change,
}: {
  search: CallSearch;
  change: (next: Readonly<Record<string, unknown>>) => void;
}) {
  const campaigns = useQuery(campaignsQuery).data ?? [];
  const scripts = useQuery(callScriptsQuery).data ?? [];
  const reviewers = useReviewerOptions(search.assignedTo);
  const set = (key: keyof CallSearch, value: string | undefined) => change({ ...search, [key]: value });
  const select = (key: keyof CallSearch, label: string, data: { value: string; label: string }[]) => (
    <NativeSelect
      aria-label={label}
      data={data}
      value={search[key] ?? ''}
      onChange={(event) => set(key, event.currentTarget.value || undefined)}
    />
  );
  return (
    <search className="filters" aria-label="Filter the calls">
      <SaidFilter text={search.text} change={(text) => set('text', text)} />
      <PhoneFilter phone={search.phone} change={(phone) => set('phone', phone)} hotkey={null} />
      {select('campaignId', 'Campaign', [
        { value: '', label: 'Any campaign' },
        ...campaigns.map(({ id, name }) => ({ value: id, label: name })),
      ])}
      {select('status', 'Status', STATUSES)}
      {select('direction', 'Direction', DIRECTIONS)}
      {select('outcome', 'Outcome', OUTCOMES)}
      {select('promptHash', 'Agent', [
        { value: '', label: 'Any agent' },
        ...scripts.map(({ name, hash, createdAt }) => ({
          value: hash,
          label: `${humanise(name)}, ${formatDate(createdAt)} (${hash.slice(0, 6)})`,
        })),
      ])}
      {select('mood', 'Mood', MOODS)}
      {select('review', 'Review', REVIEWS)}
      {select('assignedTo', 'Reviewer', reviewers)}
      <WrittenFilter label="Tag" value={search.tag} change={(tag) => set('tag', tag.toLowerCase())} />
      <WrittenFilter
        label="Cost from, US dollars"
        placeholder="$ from"
        value={search.minCost}
        change={(cost) => set('minCost', cost)}
        isNumber
      />
      <WrittenFilter
        label="Cost up to, US dollars"
        placeholder="$ up to"
        value={search.maxCost}
        change={(cost) => set('maxCost', cost)}
        isNumber
      />
      <DayRangeFields from={search.from} to={search.to} change={(days) => change({ ...search, ...days })} />
      {Object.keys(search).length > 0 ? (
        <Button variant="subtle" onClick={() => change({})}>
          Show all
        </Button>
      ) : null}
    </search>
  );
}

/** A few letters; the list follows when they are entered or left. */
function WrittenFilter({
  label,
  placeholder = label,
  value,
  change,
  isNumber = false,
}: {
  label: string;
  placeholder?: string;
  value: string | undefined;
  change: (text: string) => void;
  isNumber?: boolean;
}) {
  const [typed, setTyped] = useState<string>();
  const take = (text: string) => {
    setTyped(undefined);
    change(text.trim().replace(/^\$/, ''));
  };
  return (
    <TextInput
      className="filter-written"
      aria-label={label}
      placeholder={placeholder}
      autoComplete="off"
      maxLength={40}
      {...(isNumber ? { inputMode: 'decimal' as const } : {})}
      value={typed ?? value ?? ''}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') take(event.currentTarget.value);
      }}
      onBlur={(event) => take(event.currentTarget.value)}
    />
  );
}
