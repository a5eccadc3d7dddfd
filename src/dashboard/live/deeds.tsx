/** dashboard/live/deeds: what is asked before a live call is handed back, sent on or ended. */
import { Modal, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Call, CallAction } from '../../contract/index.ts';
import { api } from '../api.ts';
import { keys } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Question } from '../ui/question.tsx';
import type { Line } from './line.ts';

interface Props {
  readonly call: Call;
  readonly name: string;
  readonly close: () => void;
}

/** Acts, and closes the dialog when it is done. */
const useDeed = ({ call, close }: Props) =>
  useMutation({ mutationFn: (action: CallAction) => api.act(call.id, action), onSuccess: close });

const submits = (deed: () => void) => (event: FormEvent) => {
  event.preventDefault();
  deed();
};

export function HandBack({ line, name, close }: { line: Line; name: string; close: () => void }) {
  const [note, setNote] = useState('');
  const give = useMutation({ mutationFn: () => line.handBack(note), onSuccess: close });
  return (
    <Modal opened onClose={close} title="Hand the call back">
      <form onSubmit={submits(give.mutate)}>
        <Stack gap="sm">
          <TextInput
            data-autofocus
            label="What was said?"
            description={`The agent heard none of it. One line is enough: it goes on from there with ${name}.`}
            placeholder="We agreed on a visit on Friday at ten"
            maxLength={1_000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <FormEnd error={give.error} close={close} back="Go on speaking" busy={give.isPending}>
            Hand back
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

export function Transfer(props: Props) {
  const { name, close } = props;
  const [to, setTo] = useState('');
  const deed = useDeed(props);
  const send = () => deed.mutate({ action: 'transfer', ...(to.trim() === '' ? {} : { to: to.trim() }) });
  return (
    <Modal opened onClose={close} title="Connect with a colleague">
      <form onSubmit={submits(send)}>
        <Stack gap="sm">
          <p>
            {name} hears one sentence and is connected. The agent leaves the call for good; what is said then
            is not recorded here.
          </p>
          <TextInput
            data-autofocus
            label="Number"
            description="Left empty, it is the transfer number of this campaign. Any other must be that of another campaign."
            placeholder="(212) 555-0100"
            inputMode="tel"
            value={to}
            onChange={(event) => setTo(event.currentTarget.value)}
          />
          <FormEnd error={deed.error} close={close} busy={deed.isPending}>
            Transfer
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

export function EndCall({ call, name, close }: Props) {
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => api.act(call.id, { action: 'end' }),
    onSuccess: close,
    onSettled: () => queries.invalidateQueries({ queryKey: keys.call(call.id) }),
  });
  return (
    <Question title="End this call?" close={close} deed={end} back="Keep talking" label="End call">
      What is being said to {name} now is finished first; then the line is cut.
    </Question>
  );
}
