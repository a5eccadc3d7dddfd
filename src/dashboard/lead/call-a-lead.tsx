/** dashboard/lead/call-a-lead: choose or create a lead, see what the gate says, dial. */
import './lead.css';
import { Button, Drawer, Skeleton, Stack, Text, TextInput, UnstyledButton } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import {
  IconArrowLeft,
  IconPhone,
  IconPhoneOff,
  IconPlus,
  IconRefresh,
  IconSearch,
  IconUserSearch,
} from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import type { Lead } from '../../contract/index.ts';
import { ApiError, api, decisionOf, newKey, refusedCallOf } from '../api.ts';
import { formatPhone } from '../format.ts';
import { gateQuery, keys, leadQuery, leadsQuery } from '../queries.ts';
import { DecisionDetails, DecisionNotice } from '../ui/decision.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Notice, Pill, useNow } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { callableWords, fullName, whyNeverDialled } from '../words.ts';
import { LeadForm } from './lead-form.tsx';

type Step =
  | { readonly at: 'choose' }
  | { readonly at: 'create' }
  | { readonly at: 'review'; readonly leadId: string };

const TITLE: Record<Step['at'], string> = {
  choose: 'Call a lead',
  create: 'New lead',
  review: 'Before dialling',
};

export function CallALead({ leadId, close }: { leadId?: string; close: () => void }) {
  const [step, setStep] = useState<Step>(leadId === undefined ? { at: 'choose' } : { at: 'review', leadId });
  return (
    <Drawer
      opened
      onClose={close}
      position="right"
      size={500}
      title={TITLE[step.at]}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {step.at === 'choose' ? (
        <Choose
          choose={(id) => setStep({ at: 'review', leadId: id })}
          create={() => setStep({ at: 'create' })}
        />
      ) : null}
      {step.at === 'create' ? (
        <>
          <Back go={() => setStep({ at: 'choose' })} />
          <LeadForm
            submitLabel="Save and check with the gate"
            done={(lead) => setStep({ at: 'review', leadId: lead.id })}
          />
        </>
      ) : null}
      {step.at === 'review' ? (
        <>
          {leadId === undefined ? <Back go={() => setStep({ at: 'choose' })} /> : null}
          <Review leadId={step.leadId} close={close} />
        </>
      ) : null}
    </Drawer>
  );
}

function Back({ go }: { go: () => void }) {
  return (
    <Button variant="subtle" size="compact-sm" mb="sm" leftSection={<IconArrowLeft size={14} />} onClick={go}>
      All leads
    </Button>
  );
}

function Choose({ choose, create }: { choose: (leadId: string) => void; create: () => void }) {
  const [text, setText] = useState('');
  const [search] = useDebouncedValue(text.trim(), 250);
  const leads = useInfiniteQuery(leadsQuery(search ? { search } : {}));
  const found = leads.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Stack gap="sm">
      <div className="choose-tools">
        <TextInput
          aria-label="Search leads"
          placeholder="Name, email or number"
          leftSection={<IconSearch size={16} aria-hidden="true" />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-autofocus
        />
        <Button variant="default" leftSection={<IconPlus size={16} />} onClick={create}>
          New lead
        </Button>
      </div>
      {leads.error ? <ErrorNote error={leads.error} retry={() => leads.refetch()} /> : null}
      {leads.isPending ? <RowsSkeleton /> : null}
      {leads.data && found.length === 0 ? (
        <Empty
          icon={<IconUserSearch size={32} stroke={1.4} />}
          title={search ? 'No lead matches' : 'No leads yet'}
        >
          {search ? 'Try fewer letters, or create the lead.' : 'Create the first one.'}
        </Empty>
      ) : null}
      <ul className="choices" aria-label="Leads">
        {found.map((lead) => (
          <li key={lead.id}>
            <UnstyledButton className="choice" onClick={() => choose(lead.id)}>
              <LeadLine lead={lead} />
            </UnstyledButton>
          </li>
        ))}
      </ul>
      <LoadMore list={leads} />
    </Stack>
  );
}

/** Who it is, and whether they may be called as far as the lead's own picture tells. */
function LeadLine({ lead }: { lead: Lead }) {
  const now = useNow(60_000);
  const place = [lead.contact.address?.state, lead.contact.address?.zipCode].filter(Boolean).join(' ');
  return (
    <>
      <span className="choice-who">
        <strong>{fullName(lead)}</strong>
        <span className="muted num">
          {formatPhone(lead.contact.phone)}
          {place ? ` · ${place}` : ''}
        </span>
        {lead.intent?.message ? (
          <Text span size="xs" c="dimmed" lineClamp={2}>
            {lead.intent.message}
          </Text>
        ) : null}
      </span>
      <span className="choice-state">
        {callableWords(lead, now).map((word) => (
          <Pill key={word.label} word={word} />
        ))}
      </span>
    </>
  );
}

function Review({ leadId, close }: { leadId: string; close: () => void }) {
  const lead = useQuery(leadQuery(leadId));
  const never = lead.data ? whyNeverDialled(lead.data) : undefined;
  const gate = useQuery({ ...gateQuery(leadId), enabled: lead.data !== undefined && never === undefined });
  const queries = useQueryClient();
  const navigate = useNavigate();
  const mayAct = useMayAct();
  const key = useRef(newKey());
  const dial = useMutation({
    mutationFn: () => api.placeCall(leadId, key.current),
    onSuccess: async (call) => {
      queries.setQueryData(keys.call(call.id), call);
      queries.invalidateQueries({ queryKey: keys.callLists }).catch(() => undefined);
      await navigate({ to: '/calls/$callId', params: { callId: call.id } });
      close();
    },
    onError: (error) => {
      // An answer settles this request; trying again is a new one. Without an answer the same key makes it safe.
      if (error instanceof ApiError && error.status > 0) key.current = newKey();
      queries.invalidateQueries({ queryKey: keys.callLists }).catch(() => undefined);
    },
  });

  const refusal = decisionOf(dial.error);
  const attempt = refusedCallOf(dial.error);
  const decision = refusal ?? gate.data;
  const ask = () => {
    dial.reset();
    gate.refetch().catch(() => undefined);
  };
  if (lead.error) return <ErrorNote error={lead.error} retry={() => lead.refetch()} />;
  if (!lead.data) return <RowsSkeleton rows={3} />;
  const { data: person } = lead;
  if (never !== undefined) {
    return (
      <Stack gap="sm">
        <div className="review-who">
          <LeadLine lead={person} />
        </div>
        <Notice tone="quiet" title="Nobody can be called here" icon={<IconPhoneOff size={20} />}>
          <p>{never}</p>
        </Notice>
        <Link to="/leads/$leadId" params={{ leadId }} onClick={close}>
          Open the lead
        </Link>
      </Stack>
    );
  }
  return (
    <Stack gap="sm">
      <div className="review-who">
        <LeadLine lead={person} />
      </div>
      {gate.error && !refusal ? <ErrorNote error={gate.error} retry={ask} /> : null}
      {gate.isPending ? <Skeleton height={88} aria-label="Asking the gate" role="status" /> : null}
      {decision ? (
        <>
          <div role={refusal ? 'alert' : 'status'}>
            <DecisionNotice decision={decision} asked={!refusal} />
          </div>
          <DecisionDetails decision={decision} />
        </>
      ) : null}
      <Link to="/compliance" search={{ lead: leadId }} onClick={close}>
        When may we call?
      </Link>
      {attempt ? (
        <Link to="/calls/$callId" params={{ callId: attempt.id }} onClick={close}>
          See the record of this attempt
        </Link>
      ) : null}
      {dial.error && !refusal ? <ErrorNote error={dial.error} /> : null}
      {decision?.verdict === 'deny' ? (
        <Button
          fullWidth
          variant="default"
          leftSection={<IconRefresh size={16} />}
          loading={gate.isFetching}
          onClick={ask}
        >
          Ask the gate again
        </Button>
      ) : (
        <Button
          fullWidth
          leftSection={<IconPhone size={16} />}
          loading={dial.isPending}
          disabled={gate.isPending || !mayAct}
          onClick={() => dial.mutate()}
        >
          Dial {formatPhone(person.contact.phone)}
        </Button>
      )}
      {mayAct ? null : <p>Your role may look, but not place calls. Ask an administrator.</p>}
      <p className="small muted">
        The gate decides again at the moment of dialling; its answer is kept with the call.
      </p>
    </Stack>
  );
}
