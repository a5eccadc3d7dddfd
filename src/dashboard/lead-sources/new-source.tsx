/** dashboard/lead-sources/new-source: making the address of a source, and what is shown of it once. */
import { Modal, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { type CreatedIntakeEndpoint, IntakeSource } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { campaignsQuery } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Copy, Facts } from '../ui/pieces.tsx';
import { ShownOnce } from '../ui/shown-once.tsx';
import { fieldsOf, type NameRow, NameRows, type ValueRow, ValueRows } from './rows.tsx';
import { tryOut } from './try-out.ts';
import { SOURCE } from './words.ts';

const SOURCES = IntakeSource.options.map((value) => ({ value, label: SOURCE[value].label }));

export function NewSource({
  close,
  done,
}: {
  close: () => void;
  done: (made: CreatedIntakeEndpoint) => void;
}) {
  const campaigns = useQuery(campaignsQuery);
  const [source, setSource] = useState<IntakeSource>('zillow');
  const [name, setName] = useState('');
  const [campaignId, setCampaignId] = useState('');
  const [names, setNames] = useState<readonly NameRow[]>([]);
  const [values, setValues] = useState<readonly ValueRow[]>([]);
  const fields = fieldsOf(names, values);
  const save = useMutation({ mutationFn: api.createLeadSource, onSuccess: done });
  const fault = (pointer: string) => faultOf(save.error, pointer);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!fields) return;
    save.mutate({ source, name: name.trim(), ...fields, ...(campaignId === '' ? {} : { campaignId }) });
  };
  // A fault stands at its row until something is changed: behind it the rows are others.
  const changing =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      save.reset();
      set(value);
    };
  const rows = (
    <Stack gap="md" mt="xs">
      <NameRows rows={names} change={changing(setNames)} fault={fault} />
      <ValueRows rows={values} change={changing(setValues)} fault={fault} />
    </Stack>
  );
  const said = names.length + values.length;
  return (
    <Modal opened onClose={close} size={680} title="New lead source" closeOnClickOutside={said === 0}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <NativeSelect
            label="Where the leads come from"
            description={SOURCE[source].says}
            data={SOURCES}
            data-autofocus
            value={source}
            onChange={(event) => {
              const next = IntakeSource.safeParse(event.currentTarget.value).data;
              if (next) setSource(next);
            }}
          />
          <TextInput
            label="Name"
            description="What you call it, such as the page or the ad."
            required
            maxLength={100}
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={fault('/name')}
          />
          <NativeSelect
            label="Campaign"
            description="Which takes up its leads by itself."
            data={[
              { value: '', label: 'None' },
              ...(campaigns.data ?? []).map(({ id, name: label }) => ({ value: id, label })),
            ]}
            value={campaignId}
            onChange={(event) => setCampaignId(event.currentTarget.value)}
            error={fault('/campaignId')}
          />
          {source === 'generic' ? (
            rows
          ) : (
            <details>
              <summary>More: names and values{said > 0 ? ` (${said})` : ''}</summary>
              {rows}
            </details>
          )}
          {fields ? null : (
            <p className="small muted">
              Rows that are not complete, or a field that stands twice, are in the way.
            </p>
          )}
          <FormEnd
            error={save.error}
            close={close}
            busy={save.isPending}
            ready={name.trim() !== '' && fields !== undefined}
          >
            Make the address
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

/** @param url where the source posts to */
export function MadeSource({
  made,
  url,
  close,
}: {
  made: CreatedIntakeEndpoint;
  url: string;
  close: () => void;
}) {
  const { line, whatComes } = tryOut(made, url);
  return (
    <ShownOnce
      title={`The lead source “${made.name}”`}
      what="secret"
      value={made.secret}
      close={close}
      more={
        <>
          <Facts
            entries={[
              [
                'Address',
                <span key="address" className="source-address">
                  <code>{url}</code>
                  <Copy value={url} what="address" />
                </span>,
              ],
              ['Proof', made.proof],
            ]}
          />
          <Stack gap={6}>
            <p className="small">To try it out in a shell. {whatComes}</p>
            <div className="once">
              <code>{line}</code>
              <Copy value={line} what="line" />
            </div>
          </Stack>
        </>
      }
    >
      Its secret shows that a lead comes from there. Enter it where the leads come from.
    </ShownOnce>
  );
}
