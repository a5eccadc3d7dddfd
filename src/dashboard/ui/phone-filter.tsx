/** dashboard/ui/phone-filter: narrows a list to one number: once it is complete, or on Enter. */
import { TextInput } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconPhone } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { formatPhone } from '../format.ts';

const COMPLETE_DIGITS = 10;
const digits = (text: string): number => text.replaceAll(/\D/g, '').length;

export function PhoneFilter({
  phone,
  change,
  hotkey = '/',
}: {
  phone: string | undefined;
  change: (phone: string | undefined) => void;
  /** Null where it means another field. */
  hotkey?: '/' | null;
}) {
  const field = useRef<HTMLInputElement>(null);
  /** Undefined while nobody types: then the field shows what the list is narrowed to. */
  const [typed, setTyped] = useState<string>();
  useHotkeys(hotkey ? [[hotkey, () => field.current?.focus()]] : []);
  const take = (text: string) => {
    setTyped(undefined);
    change(text.trim() || undefined);
  };
  return (
    <TextInput
      ref={field}
      className="filter-search"
      aria-label="Number"
      placeholder="Number, such as (206) 555-0123"
      type="tel"
      autoComplete="off"
      leftSection={<IconPhone size={16} aria-hidden="true" />}
      value={typed ?? formatPhone(phone ?? '')}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        if (text.trim() === '') change(undefined);
        else if (digits(text) >= COMPLETE_DIGITS) change(text.trim());
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') take(event.currentTarget.value);
      }}
      onBlur={(event) => take(event.currentTarget.value)}
    />
  );
}
