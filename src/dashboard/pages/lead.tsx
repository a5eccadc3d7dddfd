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
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Lead } from '../../contract/index.ts';
import { InCampaign } from '../campaign/in-campaign.tsx';
import { RecordConsent } from '../compliance/record-consent.tsx';
import { useDialer } from '../dialer.ts';
import { formatMoment, formatPhone, hasNumber, humanise } from '../format.ts';
import { History } from '../lead/history.tsx';
import { HowFar } from '../lead/how-far.tsx';
import { LeadForm } from '../lead/lead-form.tsx';
import { OptOut } from '../lead/opt-out.tsx';
import { SamePerson } from '../lead/same-person.tsx';
import { ConsentPanel, DncPanel } from '../lead/standing.tsx';
import { WebJourney } from '../lead/web-visit.tsx';
import { House, Score } from '../lead/worth.tsx';
import { SendMessage } from '../message/send-message.tsx';
import { gateQuery, leadQuery } from '../queries.ts';
import { DecisionDetails, DecisionNotice } from '../ui/decision.tsx';
import { useMay, useMayAct } from '../ui/may-act.ts';
import { Ago, Copy, Facts, Panel, PhoneNumber, Pill, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { ERASED, fullName, LEAD_STATUS, whyNeverDialled, whyNotCalled } from '../words.ts';

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
          {lead.campaignId === undefined ? null : <InCampaign campaignId={lead.campaignId} lead={lead} />}
          {erased ? null : <HowFar lead={lead} mayChange={mayAct} />}
          <Person lead={lead} />
          {erased ? null : <SamePerson lead={lead} />}
          {lead.qualification ? <Score qualification={lead.qualification} /> : null}
          {lead.propertyId === undefined ? null : <House propertyId={lead.propertyId} />}
          <WebJourney lead={lead} />
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

/** A long one goes on behind its name, not within a word. */
function Email({ address }: { address: string }) {
  const at = address.lastIndexOf('@');
  return (
    <>
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </>
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
          ['Email', contact.email ? <Email key="email" address={contact.email} /> : undefined],
          ['Other number', contact.alternatePhone ? formatPhone(contact.alternatePhone) : undefined],
          ['Address', address],
          ['Property', lead.propertyAddress],
          ['Interest', intent?.type ? humanise(intent.type) : undefined],
          ['Said', intent?.message],
          ['Timeframe', intent?.timeframe && humanise(intent.timeframe)],
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
