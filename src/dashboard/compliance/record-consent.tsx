/** dashboard/compliance/record-consent: a consent of somebody we know already, or of any number. */
import { Button, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Settings } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { formatPhone, hasNumber } from '../format.ts';
import { blankConsent, ConsentFields, consentOf } from '../lead/consent-fields.tsx';
import { leadQuery, personChanged, settingsQuery } from '../queries.ts';
import type { PersonSearch } from '../search.ts';
import { PersonPicker } from '../ui/person-picker.tsx';
import { Notice } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { fullName } from '../words.ts';

export function RecordConsent(props: { person: PersonSearch; done: (person: PersonSearch) => void }) {
  const settings = useQuery(settingsQuery);
  if (settings.error) return <ErrorNote error={settings.error} retry={() => settings.refetch()} />;
  if (!settings.data) return <RowsSkeleton rows={4} />;
  return <Form {...props} settings={settings.data} />;
}

function Form({
  person: given,
  done,
  settings,
}: {
  person: PersonSearch;
  done: (person: PersonSearch) => void;
  settings: Settings;
}) {
  const [person, setPerson] = useState(given);
  const [draft, setDraft] = useState(() => blankConsent(settings));
  const lead = useQuery({ ...leadQuery(person.lead ?? ''), enabled: person.lead !== undefined }).data;
  const queries = useQueryClient();
  const known = lead?.contact.phone ?? person.phone;
  const phone = known !== undefined && hasNumber(known) ? known : undefined;
  const record = useMutation({
    mutationFn: (to: string) =>
      api.grantConsent({
        phone: to,
        ...(lead ? { leadId: lead.id } : {}),
        ...consentOf(draft),
      }),
    onSuccess: (entry) => {
      notifications.show({
        color: 'petrol',
        title: 'Consent recorded',
        message: `For ${lead ? fullName(lead) : formatPhone(entry.phone)}. Ask the gate whether it suffices.`,
      });
      personChanged(queries);
      done(lead ? { lead: lead.id } : { phone: entry.phone });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (phone !== undefined) record.mutate(phone);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <PersonPicker label="Who gave it?" person={person} choose={setPerson} />
        {known !== undefined && phone === undefined ? (
          <Notice tone="warn" title="This lead has no phone number">
            Consent is given for a number. Enter it on the lead first.
          </Notice>
        ) : null}
        <ConsentFields
          draft={draft}
          change={setDraft}
          fault={(pointer) => faultOf(record.error, pointer)}
          practice={settings.sandbox.carrier}
        />
        {record.error ? <ErrorNote error={record.error} /> : null}
        <Button type="submit" loading={record.isPending} disabled={phone === undefined}>
          Record the consent
        </Button>
      </Stack>
    </form>
  );
}
