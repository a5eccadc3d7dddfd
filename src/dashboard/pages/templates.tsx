/** dashboard/pages/templates: what texts and e-mails are made of: their words, who uses them, how many parts they take. */
import '../message/message.css';
import { Button, Drawer } from '@mantine/core';
import { IconMail, IconMessage, IconPlus, IconTemplate } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { MessageTemplate } from '../../contract/index.ts';
import { TemplateEditor } from '../message/template-editor.tsx';
import { CHANNEL, tellSegments, tellUse } from '../message/words.ts';
import { templatesQuery } from '../queries.ts';
import { columnsOf, DataTable } from '../ui/data-table.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import type { Word } from '../words.ts';

const RETIRED: Word = { label: 'Used no more', tone: 'quiet' };

function Name({ template }: { template: MessageTemplate }) {
  return (
    <Link className="row-link" to="/templates" search={{ open: template.name }}>
      <strong>{template.name}</strong>
      <span className="muted template-line">{template.preview.subject ?? template.preview.text}</span>
    </Link>
  );
}

function Channel({ template }: { template: MessageTemplate }) {
  const Icon = template.channel === 'sms' ? IconMessage : IconMail;
  const parts = tellSegments(template.preview.segments);
  return (
    <span className="with-icon">
      <Icon size={15} stroke={1.7} aria-hidden="true" />
      {CHANNEL[template.channel]}
      {parts ? `, ${parts}` : ''}
    </span>
  );
}

const column = columnsOf<MessageTemplate>();
const COLUMNS = column.columns([
  column.display({
    id: 'name',
    header: 'Name',
    enableHiding: false,
    cell: ({ row }) => <Name template={row.original} />,
  }),
  column.display({
    id: 'channel',
    header: 'Channel',
    cell: ({ row }) => <Channel template={row.original} />,
  }),
  column.display({
    id: 'used',
    header: 'Used by',
    cell: ({ row }) =>
      row.original.retiredAt ? (
        <Pill word={RETIRED} />
      ) : (
        <span className={row.original.usedBy.length > 0 ? 'template-uses' : 'muted'}>
          {tellUse(row.original)}
        </span>
      ),
  }),
  column.accessor('version', {
    header: 'Version',
    cell: ({ getValue }) => <span className="num">{getValue()}</span>,
  }),
  column.display({
    id: 'saved',
    header: 'Saved',
    cell: ({ row }) => <Ago at={row.original.createdAt} />,
  }),
]);

export function TemplatesPage() {
  useTitle('Templates');
  const { open, new: creating } = useSearch({ from: '/templates' });
  const navigate = useNavigate({ from: '/templates' });
  const templates = useQuery(templatesQuery);
  const mayAct = useMayAct();
  const rows = templates.data ?? [];
  const shown = open === undefined ? undefined : rows.find(({ name }) => name === open);
  const close = () => {
    navigate({ search: {}, replace: true }).catch(() => undefined);
  };
  const create = mayAct ? (
    <Button leftSection={<IconPlus size={18} />} onClick={() => navigate({ search: { new: true } })}>
      New template
    </Button>
  ) : null;
  return (
    <div className="page">
      <header className="page-head">
        <h1>Templates</h1>
        <span className="grow" />
        {create}
      </header>
      {templates.error ? <ErrorNote error={templates.error} retry={() => templates.refetch()} /> : null}
      {templates.isPending ? <RowsSkeleton /> : null}
      {rows.length > 0 ? (
        <DataTable
          name="templates"
          caption="Templates of texts and e-mails"
          columns={COLUMNS}
          rows={rows}
          rowId={(one) => one.id}
          card={(one) => (
            <div className="card">
              <div className="card-line">
                <Name template={one} />
              </div>
              <div className="card-line small">
                <Channel template={one} />
                {one.retiredAt ? <Pill word={RETIRED} /> : <span className="muted">{tellUse(one)}</span>}
              </div>
            </div>
          )}
        />
      ) : null}
      {templates.data && rows.length === 0 ? (
        <Empty icon={<IconTemplate size={36} stroke={1.4} />} title="No templates yet" action={create}>
          A template is a text or an e-mail with names to be filled in. Campaigns send it, and you can from a
          lead.
        </Empty>
      ) : null}
      <Drawer
        opened={creating === true || shown !== undefined}
        onClose={close}
        position="right"
        size={560}
        title={shown ? shown.name : 'New template'}
      >
        {shown ? <TemplateEditor key={shown.id} template={shown} done={close} /> : null}
        {creating ? <TemplateEditor done={close} /> : null}
      </Drawer>
    </div>
  );
}
