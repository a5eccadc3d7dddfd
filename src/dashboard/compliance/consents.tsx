/** dashboard/compliance/consents: what one person agreed to and took back, with the proof of it. */
import './consents.css';
import { Button, Drawer, Group, Stack } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconCertificate, IconPhoneOff, IconPlus, IconSearch } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import type { Lead } from '../../contract/index.ts';
import type { ConsentFilter } from '../api.ts';
import { formatPhone, hasNumber } from '../format.ts';
import { OptOut } from '../lead/opt-out.tsx';
import { consentsQuery, leadQuery } from '../queries.ts';
import { type PersonSearch, readPersonSearch } from '../search.ts';
import { useMay } from '../ui/may-act.ts';
import { PersonPicker } from '../ui/person-picker.tsx';
import { NotForYou, Panel, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { fullName } from '../words.ts';
import { ConsentEvents } from './consent-events.tsx';
import { ProofLinks } from './proof-links.tsx';
import { RecordConsent } from './record-consent.tsx';
import { Verify } from './verify.tsx';

export function Consents() {
  useTitle('Consents');
  const search = useSearch({ from: '/compliance/consents' });
  const navigate = useNavigate({ from: '/compliance/consents' });
  const lead = useQuery({ ...leadQuery(search.lead ?? ''), enabled: search.lead !== undefined }).data;
  const analyst = useMay('ANALYST');
  const [open, setOpen] = useState<'record' | 'revoke'>();
  const field = useRef<HTMLInputElement>(null);
  useHotkeys([['/', () => field.current?.focus()]]);
  const close = () => setOpen(undefined);
  const known = lead?.contact.phone ?? search.phone;
  const phone = known !== undefined && hasNumber(known) ? known : undefined;
  const choose = (person: PersonSearch) => {
    navigate({ search: readPersonSearch(person), replace: true }).catch(() => undefined);
  };
  return (
    <>
      <header className="tab-head">
        <h2>Consents</h2>
        <span className="grow" />
        {analyst ? (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setOpen('record')}>
            Record a consent
          </Button>
        ) : null}
      </header>
      <search className="consent-search">
        <PersonPicker field={field} label="Whose?" person={search} choose={choose} />
      </search>
      {analyst ? null : <NotForYou needs="analyst">Consents cannot be recorded or exported here.</NotForYou>}
      {search.lead === undefined && search.phone === undefined ? (
        <Stack gap="md">
          <Empty icon={<IconSearch size={36} stroke={1.4} />} title="Whose consent are you looking for?">
            Choose a lead or enter a number: you see every consent, every revocation and every listing, who
            recorded it and what proves it.
          </Empty>
          <Panel id="verify" title="Has anything been changed afterwards?">
            <Verify phone={undefined} />
          </Panel>
        </Stack>
      ) : (
        <Person
          key={search.lead ?? search.phone}
          search={search}
          lead={lead}
          phone={phone}
          revoke={() => setOpen('revoke')}
        />
      )}
      <Drawer opened={open === 'record'} onClose={close} position="right" size={560} title="Record a consent">
        <RecordConsent
          person={search}
          done={(person) => {
            close();
            choose(person);
          }}
        />
      </Drawer>
      {open === 'revoke' && phone !== undefined ? (
        <OptOut phone={phone} leadId={lead?.id} name={lead ? fullName(lead) : undefined} close={close} />
      ) : null}
    </>
  );
}

function Person({
  search,
  lead,
  phone,
  revoke,
}: {
  search: PersonSearch;
  lead: Lead | undefined;
  phone: string | undefined;
  revoke: () => void;
}) {
  const filter: ConsentFilter =
    search.lead === undefined ? { phone: search.phone ?? '' } : { leadId: search.lead };
  const events = useInfiniteQuery(consentsQuery(filter));
  const items = events.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="consents">
      <Panel
        id="consent-events"
        title={lead ? `${fullName(lead)}, ${formatPhone(lead.contact.phone)}` : formatPhone(phone ?? '')}
      >
        {events.error ? <ErrorNote error={events.error} retry={() => events.refetch()} /> : null}
        {events.isPending ? <RowsSkeleton rows={4} /> : null}
        {events.data && items.length === 0 ? (
          <p className="muted">
            {lead && phone === undefined
              ? 'There is no number to keep a consent for. Enter one on the lead first.'
              : 'Nothing is on record: no consent, no revocation. The gate refuses calls to this person.'}
          </p>
        ) : null}
        <ConsentEvents events={items} />
        <LoadMore list={events} />
      </Panel>
      {phone === undefined ? null : (
        <Stack gap="md">
          <Panel
            id="proof"
            title="Proof"
            aside={<IconCertificate size={16} stroke={1.6} aria-hidden="true" />}
          >
            <p className="small">
              Everything that shows why this person was, or may be, called: consents, listings, and each call
              with its decision.
            </p>
            <ProofLinks phone={phone} />
          </Panel>
          <Panel id="verify" title="Has anything been changed afterwards?">
            <Verify phone={phone} />
          </Panel>
          <Panel id="stop" title="They want no more calls">
            <p className="small">Ends every consent at once and puts all their numbers on our own list.</p>
            <Group>
              <Button variant="default" size="xs" leftSection={<IconPhoneOff size={15} />} onClick={revoke}>
                Take consent back
              </Button>
            </Group>
          </Panel>
        </Stack>
      )}
    </div>
  );
}
