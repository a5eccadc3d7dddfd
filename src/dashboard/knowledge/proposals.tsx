/** dashboard/knowledge/proposals: what the architect would have the agent say, with the words of calls it rests on. */
import '../ui/filters.css';
import './knowledge.css';
import { Button, Drawer, Modal, SegmentedControl, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconBulb, IconCheck, IconPencil, IconX } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { KnowledgeProposal } from '../../contract/index.ts';
import { api } from '../api.ts';
import { formatLength, formatShare } from '../format.ts';
import { FormEnd, ReasonField } from '../ui/form.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Pill } from '../ui/pieces.tsx';
import { Empty, ErrorNote, LoadMore, RowsSkeleton } from '../ui/states.tsx';
import { Diff } from './diff-view.tsx';
import { WordingFields } from './entry-editor.tsx';
import { knowledgeChanged, proposalsQuery, topicQuery } from './queries.ts';
import { PROPOSAL_STATE, tellStats } from './words.ts';

const STATES = [
  { value: 'open', label: 'Waiting' },
  { value: 'accepted', label: 'Accepted' },
  { value: 'rejected', label: 'Rejected' },
];

export function Proposals() {
  const { state = 'open' } = useSearch({ from: '/knowledge/proposals' });
  const navigate = useNavigate({ from: '/knowledge/proposals' });
  const proposals = useInfiniteQuery(proposalsQuery({ state }));
  const rows = proposals.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <>
      <search className="filters" aria-label="Filter the proposals">
        <SegmentedControl
          aria-label="Which proposals"
          data={STATES}
          value={state}
          onChange={(value) => {
            const next = value === 'accepted' || value === 'rejected' ? { state: value } : {};
            navigate({ search: next as { state?: 'accepted' | 'rejected' }, replace: true }).catch(
              () => undefined,
            );
          }}
        />
      </search>
      {proposals.error ? <ErrorNote error={proposals.error} retry={() => proposals.refetch()} /> : null}
      {proposals.isPending ? <RowsSkeleton rows={3} /> : null}
      <ul className="proposals" aria-label="Proposals, newest first">
        {rows.map((proposal) => (
          <li key={proposal.id}>
            <Proposal proposal={proposal} />
          </li>
        ))}
      </ul>
      {proposals.data && rows.length === 0 ? (
        <Empty icon={<IconBulb size={36} stroke={1.4} />} title="Nothing here">
          {state === 'open'
            ? 'When an answer often does not settle the matter, or people comment on calls in which it was used, a better one is proposed here. Nothing changes until you accept it.'
            : 'No proposal was decided so yet.'}
        </Empty>
      ) : null}
      <LoadMore list={proposals} />
    </>
  );
}

function Proposal({ proposal }: { proposal: KnowledgeProposal }) {
  const topic = useQuery(topicQuery(proposal.key));
  const base = topic.data?.versions.find(({ version }) => version === proposal.baseVersion);
  const made = topic.data?.versions.find(({ version }) => version === proposal.acceptedVersion);
  return (
    <>
      <div className="knowledge-head">
        <h2>
          <Link to="/knowledge/$key" params={{ key: proposal.key }}>
            {base?.title ?? proposal.title}
          </Link>
        </h2>
        <Pill word={PROPOSAL_STATE[proposal.state]} />
        <span className="small muted">
          <Ago at={proposal.createdAt} />,{' '}
          {proposal.by === 'claude' ? 'by Claude' : 'by rules, without a model'}
        </span>
      </div>
      <p>{proposal.insight}</p>
      <p className="small muted">
        Version {proposal.baseVersion} until then: {tellStats(proposal.before)}.
      </p>
      <Diff before={base?.body ?? ''} after={proposal.body} />
      {proposal.evidence.length > 0 ? (
        <ul className="evidence" aria-label="What it rests on">
          {proposal.evidence.map(({ callId, messageIndex, atSec, speaker, quote }) => (
            <li key={`${callId} ${messageIndex} ${quote}`}>
              <blockquote className="small">
                {speaker === 'agent' ? 'Agent' : 'Caller'}: “{quote}”{' '}
                <Link to="/calls/$callId" params={{ callId }} search={{ t: Math.floor(atSec) }}>
                  at {formatLength(atSec)} of the call
                </Link>
              </blockquote>
            </li>
          ))}
        </ul>
      ) : null}
      {proposal.state === 'rejected' ? (
        <p className="small">
          Rejected by {proposal.decidedBy}: {proposal.reason}
        </p>
      ) : null}
      {proposal.state === 'accepted' && made ? (
        <p className="small">
          Accepted by {proposal.decidedBy} as version {made.version}, since then {tellStats(made.stats)}
          {proposal.before.used > 0
            ? `; ${formatShare(proposal.before.succeeded / proposal.before.used)} before`
            : ''}
          .
        </p>
      ) : null}
      {proposal.state === 'open' ? <Deeds proposal={proposal} /> : null}
    </>
  );
}

function Deeds({ proposal }: { proposal: KnowledgeProposal }) {
  const mayAct = useMayAct();
  const queries = useQueryClient();
  const [doing, setDoing] = useState<'edit' | 'reject'>();
  const close = () => setDoing(undefined);
  const accept = useMutation({
    mutationFn: (edited: Partial<Pick<KnowledgeProposal, 'title' | 'body' | 'tags'>>) =>
      api.acceptProposal(proposal.id, edited),
    onSuccess: (topic) => {
      notifications.show({
        color: 'petrol',
        title: `Version ${topic.active?.version} is in use`,
        message: topic.active?.title ?? proposal.title,
      });
      close();
      knowledgeChanged(queries);
    },
  });
  if (!mayAct) return null;
  return (
    <>
      {accept.error && doing === undefined ? <ErrorNote error={accept.error} /> : null}
      <div className="deeds">
        <Button
          size="xs"
          leftSection={<IconCheck size={14} />}
          loading={accept.isPending}
          onClick={() => accept.mutate({})}
        >
          Accept
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPencil size={14} />}
          onClick={() => setDoing('edit')}
        >
          Edit and accept
        </Button>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconX size={14} />}
          onClick={() => setDoing('reject')}
        >
          Reject
        </Button>
      </div>
      <Drawer opened={doing === 'edit'} onClose={close} position="right" size={560} title="Edit and accept">
        {doing === 'edit' ? (
          <EditProposal
            proposal={proposal}
            accept={accept.mutate}
            busy={accept.isPending}
            error={accept.error}
            close={close}
          />
        ) : null}
      </Drawer>
      {doing === 'reject' ? <Reject proposal={proposal} close={close} /> : null}
    </>
  );
}

function EditProposal({
  proposal,
  accept,
  busy,
  error,
  close,
}: {
  proposal: KnowledgeProposal;
  accept: (edited: Pick<KnowledgeProposal, 'title' | 'body' | 'tags'>) => void;
  busy: boolean;
  error: unknown;
  close: () => void;
}) {
  const { title, body, tags } = proposal;
  const [wording, setWording] = useState({ title, body, tags });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    accept(wording);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <WordingFields
          {...wording}
          change={(fields) => setWording((before) => ({ ...before, ...fields }))}
          error={error}
        />
        <FormEnd
          error={error}
          close={close}
          busy={busy}
          ready={wording.title.trim() !== '' && wording.body.trim() !== ''}
          icon={<IconCheck size={16} />}
        >
          Accept it so
        </FormEnd>
      </Stack>
    </form>
  );
}

function Reject({ proposal, close }: { proposal: KnowledgeProposal; close: () => void }) {
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  const reject = useMutation({
    mutationFn: () => api.rejectProposal(proposal.id, reason.trim()),
    onSuccess: () => {
      close();
      knowledgeChanged(queries);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    reject.mutate();
  };
  return (
    <Modal opened onClose={close} title="Reject this proposal?">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <p>The agent goes on with the version in use.</p>
          <ReasonField
            value={reason}
            change={setReason}
            description="Kept with the proposal, with your name."
            autoFocus
          />
          <FormEnd
            error={reject.error}
            close={close}
            busy={reject.isPending}
            ready={reason.trim() !== ''}
            icon={<IconX size={16} />}
          >
            Reject
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}
