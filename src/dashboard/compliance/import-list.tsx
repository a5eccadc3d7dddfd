/** dashboard/compliance/import-list: which file, of which day, and whether it is the whole list. */
import { Button, FileButton, Modal, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { IconFileImport, IconFileText } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { ListImport, ListStatus } from '../../contract/index.ts';
import { dayAsInstant, fieldOf, formatBytes, formatCount, formatDate } from '../format.ts';
import { gateChanged, keys } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Notice } from '../ui/pieces.tsx';
import { startUpload } from './uploads.ts';
import { IMPORT_KIND } from './words.ts';

const today = () => fieldOf(new Date().toISOString(), false);

export function ImportList(
  props: ({ list: ListStatus } | { goOn: ListImport; name: string }) & { close: () => void },
) {
  const goOn = 'goOn' in props ? props.goOn : undefined;
  const list = 'goOn' in props ? props.goOn.list : props.list.list;
  const name = 'goOn' in props ? props.name : props.list.name;
  /** Answers of the reassigned-numbers database come as rows and are each a fact of its own. */
  const answers = list === 'reassigned';
  const changeable = 'list' in props && props.list.asOf !== null;
  const { close } = props;
  const [file, setFile] = useState<File | null>(null);
  const [kind, setKind] = useState<ListImport['kind']>(goOn?.kind ?? 'full');
  const [day, setDay] = useState(today);
  const [over, setOver] = useState(false);
  const queries = useQueryClient();
  const asOf = goOn?.asOf ?? dayAsInstant(day);
  const future = asOf !== undefined && Date.parse(asOf) > Date.now();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!file || asOf === undefined || future) return;
    startUpload({ list, kind, asOf, importId: goOn?.id }, file, () => gateChanged(queries));
    queries.invalidateQueries({ queryKey: keys.imports }).catch(() => undefined);
    close();
  };
  return (
    <Modal opened onClose={close} size="lg" title={goOn ? `Go on importing ${name}` : `Import ${name}`}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          {goOn ? (
            <Notice tone="info" title="Choose the same file again">
              <p>
                {IMPORT_KIND[goOn.kind]} of {formatDate(goOn.asOf)}. Its first {formatCount(goOn.lines)} lines
                are on disk already and are skipped.
              </p>
            </Notice>
          ) : null}
          {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button inside is the first */}
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
              setFile(event.dataTransfer.files.item(0));
            }}
          >
            {file ? (
              <p>
                <IconFileText size={16} stroke={1.6} aria-hidden="true" /> <strong>{file.name}</strong>,{' '}
                {formatBytes(file.size)}
              </p>
            ) : (
              <p className="muted">
                {answers
                  ? 'Drop the file here: a heading, then phone, result (yes, no, no data) and the date of the answer, or'
                  : 'Drop the file here, one number in each line, or'}
              </p>
            )}
            <FileButton
              onChange={setFile}
              accept=".csv,.txt,text/csv,text/plain"
              inputProps={{ 'aria-label': 'File' }}
            >
              {(props) => (
                <Button {...props} variant="default" data-autofocus>
                  {file ? 'Choose another file' : 'Choose a file'}
                </Button>
              )}
            </FileButton>
          </div>
          {goOn ? null : (
            <>
              {answers ? null : (
                <div>
                  <SegmentedControl
                    fullWidth
                    aria-label="What the file holds"
                    data={(['full', 'changes'] as const).map((value) => ({
                      value,
                      label: IMPORT_KIND[value],
                      disabled: value === 'changes' && !changeable,
                    }))}
                    value={kind}
                    onChange={(value) => setKind(value === 'changes' ? 'changes' : 'full')}
                  />
                  <p className="small muted">
                    {kind === 'full'
                      ? 'The file replaces the copy we hold: numbers that are not in it are no longer listed.'
                      : 'The file adds and removes numbers; all others stay.'}
                  </p>
                </div>
              )}
              <TextInput
                label="Date of the list"
                description={
                  answers
                    ? 'When the database was asked; for rows without a date of their own.'
                    : 'As its publisher says, not the day of the download. Its age counts from here.'
                }
                type="date"
                required
                max={today()}
                value={day}
                onChange={(event) => setDay(event.currentTarget.value)}
                error={future ? 'This day is still to come.' : undefined}
              />
            </>
          )}
          <FormEnd
            close={close}
            ready={file !== null && asOf !== undefined && !future}
            icon={<IconFileImport size={16} />}
          >
            {goOn ? 'Go on' : 'Import'}
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}
