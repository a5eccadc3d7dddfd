/** dashboard/lead-import: a file of leads: chosen, looked at, brought in, reported; and the files that came before. */
import '../compliance/lists.css';
import './lead-import.css';
import { Button, FileButton, NativeSelect, SegmentedControl, Stack } from '@mantine/core';
import { IconArrowLeft, IconFileImport, IconFileText, IconTableImport } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { LeadFilePreview, LeadImport } from '../../contract/index.ts';
import { api } from '../api.ts';
import { formatBytes, formatCount } from '../format.ts';
import { keys } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { Ago, Notice, Panel, Pill, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { doubledField, FirstRows, Mapping, type Targets } from './mapping.tsx';
import { ImportReport, importKeys, STATE } from './report.tsx';
import { forgetLeadUpload, startLeadUpload, useLeadUpload } from './upload.ts';

function ChooseFile({ choose, busy, label }: { choose: (file: File) => void; busy: boolean; label: string }) {
  const [over, setOver] = useState(false);
  const take = (file: File | null) => {
    if (file) choose(file);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button inside is the first
    <div
      className="drop"
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer.files.item(0));
      }}
    >
      <p className="muted">{label}</p>
      <FileButton
        onChange={take}
        accept=".csv,.txt,text/csv,text/plain"
        inputProps={{ 'aria-label': 'File' }}
      >
        {(props) => (
          <Button {...props} variant="default" loading={busy}>
            Choose a file
          </Button>
        )}
      </FileButton>
    </div>
  );
}

function Prepare({
  file,
  preview,
  start,
  cancel,
}: {
  file: File;
  preview: LeadFilePreview;
  start: (targets: Targets, duplicates: 'skip' | 'update', campaignId: string) => void;
  cancel: () => void;
}) {
  const proposed: Targets = Object.fromEntries(preview.columns.map(({ name, target }) => [name, target]));
  const [targets, setTargets] = useState(proposed);
  const [duplicates, setDuplicates] = useState<'skip' | 'update'>('skip');
  const [campaignId, setCampaignId] = useState('');
  const campaigns = useQuery({
    queryKey: keys.campaigns,
    queryFn: ({ signal }) => api.campaigns(signal),
  });
  const hasPhone = Object.values(targets).includes('phone');
  const untouched = preview.columns.every(({ name, target }) => targets[name] === target);
  return (
    <Stack gap="md">
      <p>
        <IconFileText size={16} stroke={1.6} aria-hidden="true" /> <strong>{file.name}</strong>,{' '}
        {formatBytes(file.size)}, {formatCount(preview.columns.length)} columns
      </p>
      <Mapping preview={preview} targets={targets} change={setTargets} />
      {hasPhone ? null : (
        <Notice tone="bad" title="No column goes to the phone number">
          <p>A lead needs one: choose the column that has it.</p>
        </Notice>
      )}
      <FirstRows preview={preview} proposed={untouched} />
      <div>
        <SegmentedControl
          fullWidth
          aria-label="Who is a lead already"
          data={[
            { value: 'skip', label: 'Leave known leads alone' },
            { value: 'update', label: 'Update known leads' },
          ]}
          value={duplicates}
          onChange={(value) => setDuplicates(value === 'update' ? 'update' : 'skip')}
        />
        <p className="small muted">
          Somebody is known by the id at the source, a number or an e-mail address. Numbers of a known lead
          change only when its own source says so.
        </p>
      </div>
      <NativeSelect
        label="Campaign"
        data={[
          { value: '', label: 'None' },
          ...(campaigns.data ?? []).map(({ id, name }) => ({ value: id, label: name })),
        ]}
        value={campaignId}
        onChange={(event) => setCampaignId(event.currentTarget.value)}
      />
      <FormEnd
        close={cancel}
        act={() => start(targets, duplicates, campaignId)}
        ready={hasPhone && doubledField(targets) === undefined}
        icon={<IconFileImport size={16} />}
      >
        Import
      </FormEnd>
    </Stack>
  );
}

function Earlier({ show }: { show: (made: LeadImport) => void }) {
  const imports = useQuery({
    queryKey: importKeys.all,
    queryFn: ({ signal }) => api.leadImports(signal),
  });
  if (imports.error) return <ErrorNote error={imports.error} retry={() => imports.refetch()} />;
  if (!imports.data) return <RowsSkeleton rows={3} />;
  if (imports.data.length === 0)
    return (
      <Empty icon={<IconTableImport size={36} stroke={1.4} />} title="No file came in yet">
        Imports stay here with what became of every row.
      </Empty>
    );
  return (
    <ul className="plain import-list">
      {imports.data.map((made) => (
        <li key={made.id}>
          <Button variant="subtle" size="compact-sm" onClick={() => show(made)}>
            {made.fileName ?? 'File of leads'}
          </Button>
          <Pill word={STATE[made.state]} />
          <span className="muted small num">
            {formatCount(made.rows)} rows, {formatCount(made.created)} new, {formatCount(made.refused)}{' '}
            refused
          </span>
          <span className="muted small">
            <Ago at={made.createdAt} />
          </span>
        </li>
      ))}
    </ul>
  );
}

export function ImportLeadsPage() {
  useTitle('Import leads');
  const mayAct = useMayAct();
  const queries = useQueryClient();
  const upload = useLeadUpload();
  const [file, setFile] = useState<File | null>(null);
  const [shown, setShown] = useState<LeadImport | null>(null);
  const preview = useMutation({ mutationFn: api.previewLeadFile });

  const settled = () => {
    for (const queryKey of [importKeys.all, keys.leadLists])
      queries.invalidateQueries({ queryKey }).catch(() => undefined);
  };
  const choose = (chosen: File) => {
    setFile(chosen);
    setShown(null);
    preview.mutate(chosen);
  };
  const another = () => {
    forgetLeadUpload();
    setFile(null);
    setShown(null);
    preview.reset();
  };
  const start = (targets: Targets, duplicates: 'skip' | 'update', campaignId: string) => {
    if (!file) return;
    const mapping = Object.entries(targets).map(([column, target]) => ({ column, target }));
    startLeadUpload(
      file,
      {
        fileName: file.name.slice(0, 200),
        mapping,
        duplicates,
        ...(campaignId === '' ? {} : { campaignId }),
      },
      settled,
    );
    setFile(null);
  };

  const current = upload?.importId ?? shown?.id;
  const busy = upload?.phase === 'sending';
  return (
    <div className="page">
      <header className="page-head">
        <h1>Import leads</h1>
        <span className="grow" />
        <Button
          component={Link}
          to="/leads"
          variant="default"
          leftSection={<IconArrowLeft size={16} aria-hidden="true" />}
        >
          Leads
        </Button>
      </header>
      <div className="import-panels">
        {mayAct && !busy && !current && !upload ? (
          <Panel id="import-file" title="A file of leads">
            {preview.error ? <ErrorNote error={preview.error} /> : null}
            {file && preview.data ? (
              <Prepare file={file} preview={preview.data} start={start} cancel={another} />
            ) : (
              <ChooseFile
                choose={choose}
                busy={preview.isPending}
                label="Drop a CSV file here: its first line names the columns, every other line is a person; or"
              />
            )}
          </Panel>
        ) : null}
        {upload && !upload.importId ? (
          <Panel id="import-now" title="This import">
            {upload.error ? <ErrorNote error={upload.error} retry={another} /> : <RowsSkeleton rows={2} />}
          </Panel>
        ) : null}
        {current ? (
          <Panel
            id="import-now"
            title="This import"
            aside={
              busy ? null : (
                <Button size="xs" variant="default" onClick={another}>
                  Another file
                </Button>
              )
            }
          >
            <ImportReport key={`${current} ${upload?.phase}`} id={current} upload={upload} />
            {mayAct && !busy ? <GoOn id={current} settled={settled} /> : null}
          </Panel>
        ) : null}
        <Panel id="import-earlier" title="Files that came in">
          <Earlier
            show={(made) => {
              forgetLeadUpload();
              setShown(made);
            }}
          />
        </Panel>
      </div>
    </div>
  );
}

/** The same file again, for an import that did not come to its end. */
function GoOn({ id, settled }: { id: string; settled: () => void }) {
  const made = useQuery({
    queryKey: importKeys.one(id),
    queryFn: ({ signal }) => api.leadImport(id, signal),
  });
  const state = made.data?.state;
  if (state !== 'interrupted' && state !== 'waiting') return null;
  return (
    <ChooseFile
      choose={(file) => startLeadUpload(file, id, settled)}
      busy={false}
      label={
        state === 'waiting'
          ? 'Drop the file of this import here, or'
          : `Drop ${made.data?.fileName ?? 'the same file'} here again to go on, or`
      }
    />
  );
}
