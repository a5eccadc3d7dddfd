/** dashboard/compliance/erase: somebody asked to be forgotten: first what would go and what stays, then the deed. */
import { Button, Checkbox, Drawer, Stack, TextInput } from '@mantine/core';
import { IconEraser, IconEye } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Erasure } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { formatCount, formatPhone } from '../format.ts';
import { keys, personChanged } from '../queries.ts';
import { FormEnd, ReasonField } from '../ui/form.tsx';
import { Copy, Facts, Notice } from '../ui/pieces.tsx';
import { keptName } from './words.ts';

/** The drawer was read to its end before the deed; what came of it begins at the top. */
const intoView = (element: HTMLElement | null): void => element?.scrollIntoView({ block: 'end' });

export function Erase({ phone: asked, close }: { phone: string; close: () => void }) {
  const [phone, setPhone] = useState(() => formatPhone(asked));
  const [reason, setReason] = useState('');
  const [sure, setSure] = useState(false);
  const queries = useQueryClient();
  const request = { phone: phone.trim(), reason: reason.trim() };
  const foresee = useMutation({ mutationFn: () => api.erase({ ...request, dryRun: true }) });
  const erase = useMutation({
    mutationFn: () => api.erase({ ...request, dryRun: false }),
    onSuccess: () => {
      personChanged(queries);
      for (const queryKey of [keys.erasures, keys.callLists, ['call'] as const])
        queries.invalidateQueries({ queryKey }).catch(() => undefined);
    },
  });
  const change = (set: (text: string) => void) => (text: string) => {
    set(text);
    // What was foreseen is about another number, or was asked for otherwise.
    foresee.reset();
    erase.reset();
    setSure(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    foresee.mutate();
  };
  const error = erase.error ?? foresee.error;
  return (
    <Drawer
      opened
      onClose={close}
      position="right"
      size={560}
      title={erase.data ? 'Erased' : 'Erase a person'}
    >
      {erase.data ? (
        <Stack gap="sm">
          <div ref={intoView} />
          <Notice tone="good" alert title="What told who this person was is removed">
            <p>
              {erase.data.numbers.map(formatPhone).join(', ')}{' '}
              {erase.data.numbers.length === 1 ? 'stays' : 'stay'} on our do-not-call list, so nobody calls
              this person again.
            </p>
          </Notice>
          <ErasureReport erasure={erase.data} />
          <Button variant="default" onClick={close}>
            Close
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput
              label="Number"
              description="One is enough: the other numbers of the same lead are found from it."
              type="tel"
              required
              autoComplete="off"
              placeholder="(206) 555-0123"
              value={phone}
              onChange={(event) => change(setPhone)(event.currentTarget.value)}
              error={faultOf(error, '/phone')}
            />
            <ReasonField
              label="Who asked, how and when"
              description="Kept with the report, so do not write the person's name."
              placeholder="Letter of 20 November, identity checked"
              value={reason}
              change={change(setReason)}
              error={faultOf(error, '/reason')}
            />
            {foresee.data ? (
              <>
                <ErasureReport erasure={foresee.data} />
                <Notice tone="warn" title="The number itself stays on our do-not-call list">
                  <p>Without it we could call this person again. What is removed cannot be brought back.</p>
                </Notice>
                <Checkbox
                  label="I have read what is removed and what stays, and why"
                  checked={sure}
                  onChange={(event) => setSure(event.currentTarget.checked)}
                />
              </>
            ) : null}
            {foresee.data ? (
              <FormEnd
                error={error}
                close={close}
                act={() => erase.mutate()}
                busy={erase.isPending}
                ready={sure}
                danger
                icon={<IconEraser size={16} />}
              >
                Erase for good
              </FormEnd>
            ) : (
              <FormEnd
                error={error}
                close={close}
                busy={foresee.isPending}
                ready={request.phone !== '' && request.reason !== ''}
                icon={<IconEye size={16} />}
              >
                See what would happen
              </FormEnd>
            )}
          </Stack>
        </form>
      )}
    </Drawer>
  );
}

const PARTY: Record<Erasure['elsewhere'][number]['at'], string> = {
  agent_platform: 'Agent platform',
  carrier: 'Carrier',
};

/** What goes, what stays and why, and what others may still have. */
export function ErasureReport({ erasure }: { erasure: Erasure }) {
  const { numbers, removed, kept, elsewhere, notes, dryRun } = erasure;
  const facts = (items: Erasure['kept']) =>
    items.map(({ of, count, says }) => [`${keptName(of)} (${formatCount(count)})`, says] as const);
  return (
    <Stack gap="sm" className="erasure">
      {numbers.length > 1 ? (
        <p className="small">All numbers of this person: {numbers.map(formatPhone).join(', ')}</p>
      ) : null}
      <h3>{dryRun ? 'Would be removed' : 'Removed'}</h3>
      {removed.length > 0 ? (
        <Facts entries={facts(removed)} />
      ) : (
        <p className="muted small">Nothing is left.</p>
      )}
      <h3>Stays, and why</h3>
      {kept.length > 0 ? (
        <Facts entries={facts(kept)} />
      ) : (
        <p className="muted small">Only the number, on our own do-not-call list.</p>
      )}
      {elsewhere.length > 0 ? (
        <>
          <h3>To be deleted with others, by hand</h3>
          <ul className="plain small">
            {elsewhere.map(({ at, what, id }) => (
              <li key={id} className="hash">
                {PARTY[at]}, {what}&nbsp;<code title={id}>{id}</code>
                <Copy value={id} what={`${what} id`} />
              </li>
            ))}
          </ul>
        </>
      ) : null}
      {notes.map((note) => (
        <p key={note} className="small muted">
          {note}
        </p>
      ))}
    </Stack>
  );
}
