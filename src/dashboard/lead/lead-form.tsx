/** dashboard/lead/lead-form: a lead by hand: who it is, where, and the proof of consent. Also changes an existing one. */
import { Button, Checkbox, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Lead, LeadConsent, LeadPatch } from '../../contract/index.ts';
import { ApiError, api } from '../api.ts';
import { formatPhone } from '../format.ts';
import { keys, settingsQuery } from '../queries.ts';
import { ErrorNote } from '../ui/states.tsx';
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
  phone: lead ? formatPhone(lead.contact.phone) : '',
  email: lead?.contact.email ?? '',
  street: lead?.contact.address?.street ?? '',
  city: lead?.contact.address?.city ?? '',
  state: lead?.contact.address?.state ?? '',
  zipCode: lead?.contact.address?.zipCode ?? '',
});

/** Only what was filled in: the API takes a missing member, not an empty one. */
function given<T extends Record<string, string>>(values: T): Partial<T> {
  const filled = Object.entries(values).flatMap(([key, value]) =>
    value.trim() ? [[key, value.trim()]] : [],
  );
  return Object.fromEntries(filled) as Partial<T>;
}

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
    phone: fields.phone.trim(),
    ...given({ email: fields.email }),
    ...(Object.keys(address).length > 0 ? { address } : {}),
  };
};

/** What is wrong with one field, in the server's words; the pointers are JSON Pointers into the body. */
const faultOf = (error: unknown, pointer: string): string | undefined =>
  error instanceof ApiError
    ? error.problem?.errors?.find((field) => field.pointer === pointer)?.detail
    : undefined;

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
  const [consent, setConsent] = useState<LeadConsent>();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: () => {
      const contact = contactOf(fields);
      if (!lead) return api.createLead({ contact, ...(consent ? { consent } : {}) });
      const patch: LeadPatch = { contact };
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
    <form className="form" onSubmit={submit}>
      <div className="form-row">
        <TextInput
          label="First name"
          required
          autoComplete="off"
          {...text('firstName', '/contact/firstName')}
        />
        <TextInput label="Last name" autoComplete="off" {...text('lastName', '/contact/lastName')} />
      </div>
      <TextInput
        label="Phone"
        required
        type="tel"
        autoComplete="off"
        placeholder="(206) 555-0123"
        {...text('phone', '/contact/phone')}
      />
      <TextInput label="Email" type="email" autoComplete="off" {...text('email', '/contact/email')} />
      <TextInput label="Street" autoComplete="off" {...text('street', '/contact/address/street')} />
      <div className="form-row form-place">
        <TextInput label="City" autoComplete="off" {...text('city', '/contact/address/city')} />
        <NativeSelect
          label="State"
          data={[{ value: '', label: '–' }, ...US_STATES]}
          {...text('state', '/contact/address/state')}
        />
        <TextInput
          label="ZIP"
          inputMode="numeric"
          autoComplete="off"
          {...text('zipCode', '/contact/address/zipCode')}
        />
      </div>
      <p className="small muted">
        State and ZIP tell the gate which calling hours hold. Without them it goes by the area code.
      </p>
      {lead ? null : <ConsentFields change={setConsent} />}
      {save.error ? <ErrorNote error={save.error} /> : null}
      <Button type="submit" loading={save.isPending}>
        {submitLabel}
      </Button>
    </form>
  );
}

const PRACTICE_TEXT = (seller: string) =>
  `I agree that ${seller} may call me at this number with marketing calls that use an automatic dialer and an artificial voice, including AI-generated voice. Consent is not a condition of purchase.`;

/**
 * What proves the consent. In the sandbox it comes filled in with practice values, and says so; with a real carrier
 * nothing is assumed: whoever enters it must have it.
 */
function ConsentFields({ change }: { change: (consent: LeadConsent | undefined) => void }) {
  const settings = useQuery(settingsQuery);
  const practice = settings.data?.sandbox.carrier ?? false;
  const seller = settings.data?.sellerName ?? '';
  const [on, setOn] = useState(false);
  const [draft, setDraft] = useState({ text: '', pageUrl: '', certificate: '', voice: false, sms: false });

  const publish = (next: typeof draft, wanted: boolean) => {
    setDraft(next);
    setOn(wanted);
    change(
      wanted
        ? {
            method: practice ? 'sandbox' : 'web_form',
            source: practice ? 'sandbox' : 'dashboard',
            automatedCallsAllowed: next.voice,
            textMessagesAllowed: next.sms,
            ...given({ consentText: next.text }),
            evidence: {
              level: 'written',
              purpose: 'marketing',
              artificialVoiceDisclosed: next.voice,
              ...given({ seller, pageUrl: next.pageUrl, certificate: next.certificate }),
            },
          }
        : undefined,
    );
  };
  const toggle = (wanted: boolean) =>
    publish(
      wanted && practice
        ? {
            text: PRACTICE_TEXT(seller),
            pageUrl: 'https://example.com/contact',
            certificate: 'sandbox',
            voice: true,
            sms: false,
          }
        : draft,
      wanted,
    );

  return (
    <fieldset className="consent-fields">
      <legend>Consent</legend>
      <Checkbox
        label="There is written consent on record"
        description={
          practice
            ? 'Sandbox: filled in with practice values.'
            : 'Without it the gate refuses marketing calls by an artificial voice.'
        }
        checked={on}
        onChange={(event) => toggle(event.currentTarget.checked)}
      />
      {on ? (
        <>
          <Textarea
            label="Exact wording the person agreed to"
            required
            autosize
            minRows={3}
            value={draft.text}
            onChange={(event) => publish({ ...draft, text: event.currentTarget.value }, true)}
          />
          <TextInput
            label="Page where it was given"
            type="url"
            placeholder="https://"
            value={draft.pageUrl}
            onChange={(event) => publish({ ...draft, pageUrl: event.currentTarget.value }, true)}
          />
          <TextInput
            label="Certificate (TrustedForm, Jornaya, recording)"
            value={draft.certificate}
            onChange={(event) => publish({ ...draft, certificate: event.currentTarget.value }, true)}
          />
          <Checkbox
            label="The wording names calls by an artificial voice"
            checked={draft.voice}
            onChange={(event) => publish({ ...draft, voice: event.currentTarget.checked }, true)}
          />
          <Checkbox
            label="The wording names text messages"
            checked={draft.sms}
            onChange={(event) => publish({ ...draft, sms: event.currentTarget.checked }, true)}
          />
        </>
      ) : null}
    </fieldset>
  );
}
