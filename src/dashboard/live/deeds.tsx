/** dashboard/live/deeds: what is asked before a live call is handed back, sent on or ended. */
import { Modal, Stack, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Call, CallAction } from '../../contract/index.ts';
import { api } from '../api.ts';
import { FormEnd } from '../ui/form.tsx';
import type { Line } from './line.ts';

interface Props {
  readonly call: Call;
  readonly name: string;
  readonly close: () => void;
}

function Question({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  return (
    <Modal opened onClose={close} title={title}>
      {children}
    </Modal>
  );
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
    <Question title="Hand the call back" close={close}>
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
    </Question>
  );
}

export function Transfer(props: Props) {
  const { name, close } = props;
  const [to, setTo] = useState('');
  const deed = useDeed(props);
  const send = () => deed.mutate({ action: 'transfer', ...(to.trim() === '' ? {} : { to: to.trim() }) });
  return (
    <Question title="Connect with a colleague" close={close}>
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
    </Question>
  );
}

export function EndCall(props: Props) {
  const { name, close } = props;
  const deed = useDeed(props);
  return (
    <Question title="End this call?" close={close}>
      <Stack gap="sm">
        <p>What is being said to {name} now is finished first; then the line is cut.</p>
        <FormEnd
          error={deed.error}
          close={close}
          back="Keep talking"
          act={() => deed.mutate({ action: 'end' })}
          busy={deed.isPending}
          danger
        >
          End call
        </FormEnd>
      </Stack>
    </Question>
  );
}
