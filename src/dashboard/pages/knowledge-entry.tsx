/** dashboard/pages/knowledge-entry: one entry: its versions with what changed between them, how each does, and where it was used. */
import '../knowledge/knowledge.css';
import { Button, Drawer } from '@mantine/core';
import { IconArrowBackUp, IconPencil, IconPlayerPause } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { KnowledgeEntry, KnowledgeTopic } from '../../contract/index.ts';
import { api } from '../api.ts';
import { formatLength } from '../format.ts';
import { Diff } from '../knowledge/diff-view.tsx';
import { EntryEditor } from '../knowledge/entry-editor.tsx';
import { knowledgeChanged, topicQuery, usesQuery } from '../knowledge/queries.ts';
import { KIND, tellStats, USE_RESULT } from '../knowledge/words.ts';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Panel, Pill, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';

export function KnowledgeEntryPage() {
  const { key } = useParams({ from: '/knowledge/$key' });
  const topic = useQuery(topicQuery(key));
  const shown = topic.data?.active ?? topic.data?.versions[0];
  useTitle(shown?.title ?? 'Knowledge');
  const mayAct = useMayAct();
  const [isWriting, setWriting] = useState(false);
  const close = () => setWriting(false);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{shown?.title ?? key}</h1>
        <span className="grow" />
        {mayAct && shown ? (
          <Button leftSection={<IconPencil size={16} />} onClick={() => setWriting(true)}>
            Write a new version
          </Button>
        ) : null}
      </header>
      <p className="small knowledge-way">
        <Link to="/knowledge">All entries</Link> · {shown ? KIND[shown.kind] : null} · <code>{key}</code>
      </p>
      {topic.error ? <ErrorNote error={topic.error} retry={() => topic.refetch()} /> : null}
      {topic.isPending ? <RowsSkeleton /> : null}
      {topic.data ? (
        <div className="knowledge-topic">
          <Versions topic={topic.data} mayAct={mayAct} />
          <Uses entryKey={key} />
        </div>
      ) : null}
      <Drawer
        opened={isWriting && shown !== undefined}
        onClose={close}
        position="right"
        size={560}
        title="New version"
      >
        {isWriting && shown ? (
          <EntryEditor entry={shown} newest={topic.data?.versions[0]?.version ?? 0} done={close} />
        ) : null}
      </Drawer>
    </div>
  );
}

function Versions({ topic, mayAct }: { topic: KnowledgeTopic; mayAct: boolean }) {
  const queries = useQueryClient();
  const changed = { onSuccess: () => knowledgeChanged(queries) };
  const activate = useMutation({
    mutationFn: (version: number) => api.activateKnowledge(topic.key, version),
    ...changed,
  });
  const deactivate = useMutation({ mutationFn: () => api.deactivateKnowledge(topic.key), ...changed });
  const error = activate.error ?? deactivate.error;
  return (
    <>
      {error ? <ErrorNote error={error} /> : null}
      <ul className="versions" aria-label="Versions, newest first">
        {topic.versions.map((entry, at) => (
          <li key={entry.version}>
            <Version
              entry={entry}
              before={topic.versions[at + 1]}
              deed={
                !mayAct ? null : entry.active ? (
                  <Button
                    variant="default"
                    size="xs"
                    leftSection={<IconPlayerPause size={14} />}
                    loading={deactivate.isPending}
                    onClick={() => deactivate.mutate()}
                  >
                    Put out of use
                  </Button>
                ) : (
                  <Button
                    variant="default"
                    size="xs"
                    leftSection={<IconArrowBackUp size={14} />}
                    loading={activate.isPending && activate.variables === entry.version}
                    onClick={() => activate.mutate(entry.version)}
                  >
                    Use version {entry.version}
                  </Button>
                )
              }
            />
          </li>
        ))}
      </ul>
    </>
  );
}

function Version({
  entry,
  before,
  deed,
}: {
  entry: KnowledgeEntry;
  before: KnowledgeEntry | undefined;
  deed: React.ReactNode;
}) {
  return (
    <>
      <div className="knowledge-head">
        <h2>Version {entry.version}</h2>
        {entry.active ? <Pill word={{ label: 'In use', tone: 'good' }} /> : null}
        <span className="small">{tellStats(entry.stats)}</span>
        <span className="small muted">
          <Ago at={entry.createdAt} /> by {entry.createdBy}
          {entry.proposalId ? ', as the architect proposed' : ''}
        </span>
        <span className="grow" />
        {deed}
      </div>
      <Diff before={before?.body ?? entry.body} after={entry.body} />
      {entry.tags.length > 0 ? (
        <ul className="tags" aria-label="Found by">
          {entry.tags.map((tag) => (
            <li key={tag} className="tag">
              {tag}
            </li>
          ))}
        </ul>
      ) : null}
    </>
  );
}

function Uses({ entryKey }: { entryKey: string }) {
  const uses = useQuery(usesQuery(entryKey));
  return (
    <Panel title="Where it was used" id="uses">
      {uses.error ? <ErrorNote error={uses.error} retry={() => uses.refetch()} /> : null}
      {uses.data?.length === 0 ? <p className="small muted">In no call yet.</p> : null}
      <ul className="evidence">
        {uses.data?.map((use) => (
          <li key={`${use.callId} ${use.version}`} className="knowledge-head">
            <Link to="/calls/$callId" params={{ callId: use.callId }} search={{ t: Math.floor(use.atSec) }}>
              At {formatLength(use.atSec)} of a call
            </Link>
            <span className="small">version {use.version}</span>
            <Pill word={USE_RESULT[use.result]} />
            <span className="small muted">
              <Ago at={use.updatedAt} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
