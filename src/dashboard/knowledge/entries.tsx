/** dashboard/knowledge/entries: everything the agent may look up, by kind, with how often it was used and how it went. */
import './knowledge.css';
import { Drawer } from '@mantine/core';
import { IconBook2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { KnowledgeKind, type KnowledgeTopic } from '../../contract/index.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { Ago, Pill } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { EntryEditor } from './entry-editor.tsx';
import { knowledgeQuery } from './queries.ts';
import { KIND, tellStats } from './words.ts';

const shown = ({ active, versions }: KnowledgeTopic) => active ?? versions[0];

function Name({ topic }: { topic: KnowledgeTopic }) {
  const entry = shown(topic);
  return (
    <Link className="row-link" to="/knowledge/$key" params={{ key: topic.key }}>
      <strong>{entry?.title ?? topic.key}</strong>
      <span className="muted knowledge-line">{entry?.body}</span>
    </Link>
  );
}

function Use({ topic }: { topic: KnowledgeTopic }) {
  return topic.active ? (
    <span className="small">{tellStats(topic.active.stats)}</span>
  ) : (
    <Pill word={{ label: 'Not in use', tone: 'quiet' }} />
  );
}

const column = columnsOf<KnowledgeTopic>();
const COLUMNS = column.columns([
  column.display({
    id: 'name',
    header: 'Entry',
    enableHiding: false,
    cell: ({ row }) => <Name topic={row.original} />,
  }),
  column.display({ id: 'use', header: 'How it does', cell: ({ row }) => <Use topic={row.original} /> }),
  column.display({
    id: 'version',
    header: 'Version',
    cell: ({ row }) => <span className="num">{shown(row.original)?.version}</span>,
  }),
  column.display({
    id: 'saved',
    header: 'Saved',
    cell: ({ row }) => {
      const at = shown(row.original)?.createdAt;
      return at ? <Ago at={at} /> : null;
    },
  }),
]);

export function Entries() {
  const { new: creating } = useSearch({ from: '/knowledge/' });
  const navigate = useNavigate({ from: '/knowledge/' });
  const topics = useQuery(knowledgeQuery);
  const close = () => {
    navigate({ search: {}, replace: true }).catch(() => undefined);
  };
  return (
    <>
      {topics.error ? <ErrorNote error={topics.error} retry={() => topics.refetch()} /> : null}
      {topics.isPending ? <RowsSkeleton /> : null}
      <div className="knowledge-kinds">
        {KnowledgeKind.options.map((kind) => {
          const rows = topics.data?.filter((topic) => shown(topic)?.kind === kind) ?? [];
          if (rows.length === 0) return null;
          return (
            <section key={kind} aria-labelledby={`kind-${kind}`}>
              <h2 id={`kind-${kind}`}>{KIND[kind]}</h2>
              <DataTable
                name="knowledge"
                caption={KIND[kind]}
                columns={COLUMNS}
                rows={rows}
                rowId={({ key }) => key}
                card={(topic) => (
                  <div className="card">
                    <div className="card-line">
                      <Name topic={topic} />
                    </div>
                    <div className="card-line">
                      <Use topic={topic} />
                    </div>
                  </div>
                )}
              />
            </section>
          );
        })}
      </div>
      {topics.data?.length === 0 ? (
        <Empty icon={<IconBook2 size={36} stroke={1.4} />} title="Nothing to look up yet">
          An entry is what the agent says when somebody objects or asks. It is found by what people say.
        </Empty>
      ) : null}
      <Drawer opened={creating === true} onClose={close} position="right" size={560} title="New entry">
        {creating ? <EntryEditor done={close} /> : null}
      </Drawer>
    </>
  );
}
