/** dashboard/lead/lead-form: a lead by hand: who it is, where, and the proof of consent. Also changes an existing one. */
import { Button, Checkbox, Group, NativeSelect, SimpleGrid, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Lead, LeadPatch } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { formatPhone, hasNumber } from '../format.ts';
import { keys, settingsQuery } from '../queries.ts';
import { ErrorNote } from '../ui/states.tsx';
import { blankConsent, type ConsentDraft, ConsentFields, consentOf, given } from './consent-fields.tsx';
import { US_STATES } from './us-states.ts';

interface Fields {
  firstName: string;
  lastName: string;
  phone: string;
  email: string;
  street: string;
  city: string;
  state: string;
  zipCode: string;
}

const fieldsOf = (lead: Lead | undefined): Fields => ({
  firstName: lead?.contact.firstName ?? '',
  lastName: lead?.contact.lastName ?? '',
  phone: lead && hasNumber(lead.contact.phone) ? formatPhone(lead.contact.phone) : '',
  email: lead?.contact.email ?? '',
  street: lead?.contact.address?.street ?? '',
  city: lead?.contact.address?.city ?? '',
  state: lead?.contact.address?.state ?? '',
  zipCode: lead?.contact.address?.zipCode ?? '',
});

const contactOf = (fields: Fields) => {
  const address = given({
    street: fields.street,
    city: fields.city,
    state: fields.state,
    zipCode: fields.zipCode,
  });
  return {
    firstName: fields.firstName.trim(),
    lastName: fields.lastName.trim(),
    ...given({ email: fields.email }),
    ...(Object.keys(address).length > 0 ? { address } : {}),
  };
};

export function LeadForm({
  lead,
  done,
  submitLabel,
}: {
  lead?: Lead;
  done: (lead: Lead) => void;
  submitLabel: string;
}) {
  const [fields, setFields] = useState(() => fieldsOf(lead));
  const [consent, setConsent] = useState<ConsentDraft>();
  const settings = useQuery(settingsQuery).data;
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => {
      const contact = contactOf(fields);
      const { phone } = given({ phone: fields.phone });
      if (!lead) {
        return api.createLead({
          contact: { ...contact, phone: phone ?? '' },
          ...(consent ? { consent: consentOf(consent) } : {}),
        });
      }
      const patch: LeadPatch = { contact: { ...contact, ...(phone === undefined ? {} : { phone }) } };
      return api.changeLead(lead.id, patch);
    },
    onSuccess: (saved) => {
      queries.setQueryData(keys.lead(saved.id), saved);
      queries.invalidateQueries({ queryKey: keys.leadLists }).catch(() => undefined);
      queries.invalidateQueries({ queryKey: keys.gate(saved.id) }).catch(() => undefined);
      done(saved);
    },
  });

  const text = (key: keyof Fields, pointer: string) => ({
    value: fields[key],
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setFields((now) => ({ ...now, [key]: value }));
    },
    error: faultOf(save.error, pointer),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
          <TextInput
            label="First name"
            required
            autoComplete="off"
            {...text('firstName', '/contact/firstName')}
          />
          <TextInput label="Last name" autoComplete="off" {...text('lastName', '/contact/lastName')} />
        </SimpleGrid>
        <TextInput
          label="Phone"
          required={!lead || hasNumber(lead.contact.phone)}
          type="tel"
          autoComplete="off"
          placeholder="(206) 555-0123"
          {...text('phone', '/contact/phone')}
        />
        <TextInput label="Email" type="email" autoComplete="off" {...text('email', '/contact/email')} />
        <TextInput label="Street" autoComplete="off" {...text('street', '/contact/address/street')} />
        <Group gap="sm" wrap="nowrap" align="start">
          <TextInput flex={1} label="City" autoComplete="off" {...text('city', '/contact/address/city')} />
          <NativeSelect
            w="5.5rem"
            label="State"
            data={[{ value: '', label: '–' }, ...US_STATES]}
            {...text('state', '/contact/address/state')}
          />
          <TextInput
            w="6rem"
            label="ZIP"
            inputMode="numeric"
            autoComplete="off"
            {...text('zipCode', '/contact/address/zipCode')}
          />
        </Group>
        <p className="small muted">
          State and ZIP tell the gate which calling hours hold. Without them it goes by the area code.
        </p>
        {lead ? null : (
          <Checkbox
            label="There is consent on record"
            description="Without written consent the gate refuses marketing calls by an artificial voice."
            checked={consent !== undefined}
            onChange={(event) => setConsent(event.currentTarget.checked ? blankConsent(settings) : undefined)}
          />
        )}
        {consent ? (
          <ConsentFields
            draft={consent}
            change={setConsent}
            fault={(pointer) => faultOf(save.error, `/consent${pointer}`)}
            practice={settings?.sandbox.carrier ?? false}
          />
        ) : null}
        {save.error ? <ErrorNote error={save.error} /> : null}
        <Button type="submit" loading={save.isPending}>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
