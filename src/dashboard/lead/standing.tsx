/** dashboard/lead/standing: what a person agreed to, with the proof of it, and the lists that forbid calling them. */
import { Button, Group, Skeleton } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Lead } from '../../contract/index.ts';
import { ProofLinks } from '../compliance/proof-links.tsx';
import { formatMoment, humanise } from '../format.ts';
import { consentsQuery, listingsQuery } from '../queries.ts';
import { Ago, Facts, Panel, Pill, useNow } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { CONSENT_EVENT, consentWord, SCOPE } from '../words.ts';
import { plain } from './history.tsx';

/** The newest of a person's story; all of it is on the page of consents. */
const SHOWN_EVENTS = 4;

/** `record`: begins to record another consent; absent where one may not. */
export function ConsentPanel({ lead, record }: { lead: Lead; record?: (() => void) | undefined }) {
  const now = useNow(60_000);
  const log = useInfiniteQuery(consentsQuery({ leadId: lead.id }));
  const events = log.data?.pages[0]?.items.slice(0, SHOWN_EVENTS) ?? [];
  const { consent } = lead;
  return (
    <Panel id="consent" title="Consent" aside={<Pill word={consentWord(lead, now)} />}>
      <Facts
        entries={[
          [
            'Automated calls',
            consent ? (consent.automatedCallsAllowed ? 'Allowed' : 'Not allowed') : undefined,
          ],
          ['Text messages', consent ? (consent.textMessagesAllowed ? 'Allowed' : 'Not allowed') : undefined],
          ['Given', consent?.consentDate ? formatMoment(consent.consentDate) : undefined],
          ['How', consent?.consentMethod ? humanise(consent.consentMethod) : undefined],
          ['Expires', consent?.expiresAt ? formatMoment(consent.expiresAt) : undefined],
        ]}
      />
      {consent?.consentText ? <blockquote>{consent.consentText}</blockquote> : null}
      <ul className="plain small">
        {events.map((entry) => (
          <li key={entry.id}>
            {CONSENT_EVENT[entry.eventType].label} · <Ago at={entry.timestamp} />
            {entry.eventType === 'consent_revoked' && entry.revocation?.words ? (
              <span className="aside-detail">“{entry.revocation.words}”</span>
            ) : null}
          </li>
        ))}
      </ul>
      <Group gap="xs">
        {record ? (
          <Button variant="default" size="xs" leftSection={<IconPlus size={15} />} onClick={record}>
            Add consent
          </Button>
        ) : null}
        <ProofLinks phone={lead.contact.phone} />
      </Group>
      <p className="exports">
        <Link to="/compliance/consents" search={{ lead: lead.id }}>
          The whole story, with evidence
        </Link>
      </p>
    </Panel>
  );
}

export function DncPanel({ phone }: { phone: string }) {
  const listings = useInfiniteQuery(listingsQuery({ phone }));
  const held =
    listings.data?.pages.flatMap((page) => page.items).filter((entry) => entry.releasedAt === undefined) ??
    [];
  return (
    <Panel id="dnc" title="Do not call">
      {listings.error ? <ErrorNote error={listings.error} retry={() => listings.refetch()} /> : null}
      {listings.isPending ? <Skeleton height={20} /> : null}
      {listings.data && held.length === 0 ? <p className="muted">On none of the lists we hold.</p> : null}
      <ul className="plain">
        {held.map((entry) => (
          <li key={entry.id}>
            <strong>
              {SCOPE[entry.scope]}
              {entry.state ? ` (${entry.state})` : ''}
            </strong>{' '}
            · <Ago at={entry.listedAt} />
            {entry.reason ? <span className="aside-detail">{plain(entry.reason)}</span> : null}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
