/** dashboard/lead/opt-out: a person wants no more calls: how and in which words it reached us, then it holds at once. */
import { Modal, NativeSelect, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconPhoneOff } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, faultOf } from '../api.ts';
import { CHANNELS } from '../compliance/words.ts';
import { formatPhone } from '../format.ts';
import { personChanged } from '../queries.ts';
import { FormEnd, ReasonField } from '../ui/form.tsx';

export function OptOut({
  phone,
  leadId,
  name = formatPhone(phone),
  close,
}: {
  phone: string;
  leadId?: string | undefined;
  name?: string | undefined;
  close: () => void;
}) {
  const [channel, setChannel] = useState('');
  const [words, setWords] = useState('');
  const queries = useQueryClient();
  const revoke = useMutation({
    mutationFn: () =>
      api.revokeConsent({
        phone,
        channel,
        ...(leadId === undefined ? {} : { leadId }),
        ...(words.trim() ? { words: words.trim() } : {}),
      }),
    onSuccess: () => {
      notifications.show({
        color: 'petrol',
        title: 'Consent taken back',
        message: `${name} will not be called from now on.`,
      });
      personChanged(queries);
      close();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (channel) revoke.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={`Never call ${name} again?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <p>
            Every consent of {formatPhone(phone)} ends, and all numbers of this person go on your own
            do-not-call list. It holds at once, on every channel, for calls that are already queued too. Only
            an administrator can take a number off again.
          </p>
          <NativeSelect
            label="How did they tell us?"
            required
            data={[{ value: '', label: 'Choose …' }, ...CHANNELS]}
            value={channel}
            onChange={(event) => setChannel(event.currentTarget.value)}
            error={faultOf(revoke.error, '/channel')}
            data-autofocus
          />
          <ReasonField
            label="What they said or wrote"
            description="In their own words, as far as you know them. Kept for ever."
            placeholder="Please take me off your list"
            required={false}
            value={words}
            change={setWords}
            error={faultOf(revoke.error, '/words')}
          />
          <FormEnd
            error={revoke.error}
            close={close}
            busy={revoke.isPending}
            ready={channel !== ''}
            danger
            icon={<IconPhoneOff size={16} />}
          >
            Stop all calls
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}
