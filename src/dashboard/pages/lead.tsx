/** dashboard/pages/lead: one person: who they are, whether they may be called and why, what happened so far. */
import '../ui/record.css';
import { Button, Drawer, Group, Skeleton } from '@mantine/core';
import {
  IconArrowLeft,
  IconCalendarClock,
  IconEdit,
  IconMessagePlus,
  IconPhone,
  IconPhoneOff,
  IconPlus,
} from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Lead } from '../../contract/index.ts';
import { InCampaign } from '../campaign/in-campaign.tsx';
import { ProofLinks } from '../compliance/proof-links.tsx';
import { RecordConsent } from '../compliance/record-consent.tsx';
import { useDialer } from '../dialer.ts';
import { formatMoment, formatPhone, hasNumber, humanise } from '../format.ts';
import { History, plain } from '../lead/history.tsx';
import { HowFar } from '../lead/how-far.tsx';
import { LeadForm } from '../lead/lead-form.tsx';
import { OptOut } from '../lead/opt-out.tsx';
import { SendMessage } from '../message/send-message.tsx';
import { consentsQuery, gateQuery, leadQuery, listingsQuery } from '../queries.ts';
import { DecisionDetails, DecisionNotice } from '../ui/decision.tsx';
import { useMay, useMayAct } from '../ui/may-act.ts';
import { Ago, Copy, Facts, Panel, PhoneNumber, Pill, useNow, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import {
  CONSENT_EVENT,
  consentWord,
  ERASED,
  fullName,
  LEAD_STATUS,
  SCOPE,
  whyNeverDialled,
  whyNotCalled,
} from '../words.ts';

export function LeadPage() {
  const { leadId } = useParams({ from: '/leads/$leadId' });
  const lead = useQuery(leadQuery(leadId));
  return (
    <div className="page">
      <Link to="/leads" className="back">
        <IconArrowLeft size={15} aria-hidden="true" /> Leads
      </Link>
      {lead.error ? (
        <>
          <h1>Lead</h1>
          <ErrorNote error={lead.error} retry={() => lead.refetch()} />
        </>
      ) : null}
      {lead.isPending ? (
        <div role="status" aria-label="Loading">
          <Skeleton height={56} mb="lg" />
          <RowsSkeleton />
        </div>
      ) : null}
      {lead.data ? <LeadView key={leadId} lead={lead.data} /> : null}
    </div>
  );
}

function LeadView({ lead }: { lead: Lead }) {
  const dialer = useDialer();
  const mayAct = useMayAct();
  const admin = useMay('ADMIN');
  const [open, setOpen] = useState<'edit' | 'opt-out' | 'consent' | 'message'>();
  const close = () => setOpen(undefined);
  useTitle(fullName(lead));
  const erased = lead.erasedAt !== undefined;
  const numbered = hasNumber(lead.contact.phone);
  const never = whyNeverDialled(lead);
  const uncalled = never ?? whyNotCalled(lead);
  const reachable = !lead.dncStatus.internalDNC && (numbered || lead.contact.email !== undefined);
  return (
    <>
      <header className="call-head">
        <div className="call-title">
          <h1>{fullName(lead)}</h1>
          {erased ? <Pill word={ERASED} /> : null}
          <Pill word={LEAD_STATUS[lead.status]} />
          {lead.dncStatus.internalDNC && lead.status !== 'dnc' ? <Pill word={LEAD_STATUS.dnc} /> : null}
          <span className="grow" />
          <Group gap="xs" justify="flex-end">
            {mayAct && !erased ? (
              <>
                <Button
                  leftSection={<IconPhone size={16} />}
                  disabled={uncalled !== undefined}
                  aria-describedby={uncalled === undefined ? undefined : 'never-dialled'}
                  onClick={() => dialer.open(lead.id)}
                >
                  Call
                </Button>
                {reachable ? (
                  <Button
                    variant="default"
                    leftSection={<IconMessagePlus size={16} />}
                    onClick={() => setOpen('message')}
                  >
                    Write
                  </Button>
                ) : null}
                <Button
                  variant="default"
                  leftSection={<IconEdit size={16} />}
                  onClick={() => setOpen('edit')}
                >
                  Edit
                </Button>
              </>
            ) : null}
            {/* Whoever hears "stop" may record it, whatever the role. */}
            {lead.dncStatus.internalDNC || !numbered ? null : (
              <Button
                variant="default"
                leftSection={<IconPhoneOff size={16} />}
                onClick={() => setOpen('opt-out')}
              >
                Opt out
              </Button>
            )}
          </Group>
        </div>
        <p className="call-facts">
          <PhoneNumber phone={lead.contact.phone} />
          <span>
            Source: {humanise(lead.source)}, received <Ago at={lead.receivedAt} />
          </span>
        </p>
        {uncalled === undefined ? null : (
          <p className="small" id="never-dialled">
            {uncalled}
          </p>
        )}
      </header>
      <div className="call-grid">
        <div className="call-main">
          {never === undefined ? <GateNow leadId={lead.id} /> : null}
          <History leadId={lead.id} />
        </div>
        <aside className="call-side" aria-label="About this lead">
          {lead.campaignId === undefined ? null : (
            <InCampaign campaignId={lead.campaignId} leadId={lead.id} />
          )}
          {erased ? null : <HowFar lead={lead} mayChange={mayAct} />}
          <Person lead={lead} />
          {numbered ? (
            <>
              <ConsentPanel lead={lead} record={mayAct ? () => setOpen('consent') : undefined} />
              <DncPanel phone={lead.contact.phone} />
              {admin ? <Forget phone={lead.contact.phone} /> : null}
            </>
          ) : null}
        </aside>
      </div>
      <Drawer
        opened={open === 'edit'}
        onClose={close}
        position="right"
        size={500}
        title="Edit lead"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <LeadForm lead={lead} submitLabel="Save changes" done={close} />
      </Drawer>
      <Drawer
        opened={open === 'consent'}
        onClose={close}
        position="right"
        size={560}
        title="Record a consent"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <RecordConsent person={{ lead: lead.id }} done={close} />
      </Drawer>
      <Drawer
        opened={open === 'message'}
        onClose={close}
        position="right"
        size={500}
        title={`Write to ${fullName(lead)}`}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <SendMessage lead={lead} done={close} />
      </Drawer>
      {open === 'opt-out' ? (
        <OptOut phone={lead.contact.phone} leadId={lead.id} name={fullName(lead)} close={close} />
      ) : null}
    </>
  );
}

function GateNow({ leadId }: { leadId: string }) {
  const gate = useQuery(gateQuery(leadId));
  return (
    <Panel id="gate" title="Can we call now?">
      {gate.error ? <ErrorNote error={gate.error} retry={() => gate.refetch()} /> : null}
      {gate.isPending ? <Skeleton height={72} /> : null}
      {gate.data ? (
        <>
          <DecisionNotice decision={gate.data} asked />
          <DecisionDetails decision={gate.data} />
        </>
      ) : null}
      <p className="exports">
        <IconCalendarClock size={15} stroke={1.7} aria-hidden="true" />
        <Link to="/compliance" search={{ lead: leadId }}>
          When may we call?
        </Link>
        <Link to="/compliance/decisions" search={{ lead: leadId }}>
          Every decision
        </Link>
      </p>
    </Panel>
  );
}

/** The newest of a person's story; all of it is on the page of consents. */
const SHOWN_EVENTS = 4;

function ConsentPanel({ lead, record }: { lead: Lead; record: (() => void) | undefined }) {
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

function DncPanel({ phone }: { phone: string }) {
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

/** Erasure begins from the number, so it is offered where the number stands. */
function Forget({ phone }: { phone: string }) {
  return (
    <Panel id="forget" title="They want to be forgotten">
      <p className="small">See what would be removed and what has to stay before anything happens.</p>
      <Link className="small" to="/compliance/retention" search={{ erase: phone }}>
        Erase this person …
      </Link>
    </Panel>
  );
}

function Person({ lead }: { lead: Lead }) {
  const { contact, intent } = lead;
  const address = [
    contact.address?.street,
    contact.address?.city,
    [contact.address?.state, contact.address?.zipCode].filter(Boolean).join(' '),
  ]
    .filter(Boolean)
    .join(', ');
  return (
    <Panel id="person" title="Details">
      <Facts
        entries={[
          ['Email', contact.email],
          ['Other number', contact.alternatePhone ? formatPhone(contact.alternatePhone) : undefined],
          ['Address', address],
          ['Property', lead.propertyAddress],
          ['Interest', intent?.type ? humanise(intent.type) : undefined],
          ['Said', intent?.message],
          ['Timeframe', intent?.timeframe],
          ['Tags', lead.tags.join(', ')],
          ['Next follow-up', lead.nextFollowUp ? formatMoment(lead.nextFollowUp) : undefined],
          [
            'Lead',
            <span key="id" className="hash">
              <code>{lead.id}</code>
              <Copy value={lead.id} what="lead id" />
            </span>,
          ],
        ]}
      />
    </Panel>
  );
}
