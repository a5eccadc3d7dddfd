/** dashboard/ui/person-picker: one field for whom it is about: type a name to find a lead, or a number. */
import { CloseButton, Combobox, TextInput, useCombobox } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconUserSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { type RefObject, useState } from 'react';
import { formatPhone } from '../format.ts';
import { leadQuery, leadsQuery } from '../queries.ts';
import type { PersonSearch } from '../search.ts';
import { fullName } from '../words.ts';

const MOST_SHOWN = 8;
const NUMBER = 'number';

/** Enough digits to be somebody's number, and nothing that is no part of one. */
export const looksLikeNumber = (text: string): boolean =>
  /^[+()\d\s./-]+$/.test(text) && text.replaceAll(/\D/g, '').length >= 7;

export function PersonPicker({
  person,
  choose,
  label,
  description,
  field,
}: {
  person: PersonSearch;
  choose: (person: PersonSearch) => void;
  label: string;
  description?: string;
  field?: RefObject<HTMLInputElement | null>;
}) {
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  /** Undefined while nobody types: then the field shows who is chosen. */
  const [typed, setTyped] = useState<string>();
  const [search] = useDebouncedValue((typed ?? '').trim(), 200);
  const chosen = useQuery({ ...leadQuery(person.lead ?? ''), enabled: person.lead !== undefined });
  const found = useInfiniteQuery({
    ...leadsQuery(search ? { search } : {}),
    enabled: combobox.dropdownOpened,
  });
  // Never somebody who matched what stood here a moment ago: Enter would choose the wrong person.
  const settled = (typed ?? '').trim() === search && !found.isPlaceholderData;
  const leads = settled ? (found.data?.pages.flatMap((page) => page.items).slice(0, MOST_SHOWN) ?? []) : [];
  const number = typed !== undefined && looksLikeNumber(typed) ? typed.trim() : undefined;
  const shown =
    typed ??
    (person.lead === undefined
      ? formatPhone(person.phone ?? '')
      : chosen.data
        ? `${fullName(chosen.data)} · ${formatPhone(chosen.data.contact.phone)}`
        : '');

  const pick = (next: PersonSearch) => {
    setTyped(undefined);
    combobox.closeDropdown();
    choose(next);
  };
  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(value) =>
        pick(value === NUMBER && number !== undefined ? { phone: number } : { lead: value })
      }
    >
      <Combobox.Target withExpandedAttribute>
        <TextInput
          {...(field ? { ref: field } : {})}
          role="combobox"
          aria-autocomplete="list"
          label={label}
          description={description}
          placeholder="Name, or (206) 555-0123"
          autoComplete="off"
          spellCheck={false}
          leftSection={<IconUserSearch size={16} aria-hidden="true" />}
          rightSection={
            person.lead !== undefined || person.phone !== undefined ? (
              <CloseButton size="sm" aria-label="Choose somebody else" onClick={() => pick({})} />
            ) : null
          }
          value={shown}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            combobox.openDropdown();
            combobox.resetSelectedOption();
          }}
          onClick={() => combobox.openDropdown()}
          onFocus={(event) => event.currentTarget.select()}
          onKeyDown={(event) => {
            // Enter without a choice takes a number as it was typed.
            if (event.key === 'Enter' && number !== undefined && combobox.getSelectedOptionIndex() === -1) {
              event.preventDefault();
              pick({ phone: number });
            }
          }}
          onBlur={() => {
            if (number === undefined) {
              setTyped(undefined);
              combobox.closeDropdown();
            } else pick({ phone: number });
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Options aria-label="Leads and numbers">
          {number === undefined ? null : (
            <Combobox.Option value={NUMBER}>The number {formatPhone(number)}</Combobox.Option>
          )}
          {leads.map((lead) => (
            <Combobox.Option key={lead.id} value={lead.id}>
              <strong>{fullName(lead)}</strong>{' '}
              <span className="muted num">{formatPhone(lead.contact.phone)}</span>
            </Combobox.Option>
          ))}
          {leads.length === 0 && number === undefined ? (
            <Combobox.Empty>{settled && found.data ? 'No lead matches' : 'Looking …'}</Combobox.Empty>
          ) : null}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
