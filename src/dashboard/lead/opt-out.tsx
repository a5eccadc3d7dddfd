/** dashboard/lead/opt-out: puts a person's number on our own do-not-call list, after a clear question. */
import { Button, Modal, Textarea } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconPhoneOff } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Lead } from '../../contract/index.ts';
import { api } from '../api.ts';
import { formatPhone } from '../format.ts';
import { keys } from '../queries.ts';
import { ErrorNote } from '../ui/states.tsx';
import { fullName } from '../words.ts';

export function OptOut({ lead, close }: { lead: Lead; close: () => void }) {
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => api.addToDnc({ phone: lead.contact.phone, reason: reason.trim() }),
    onSuccess: async () => {
      notifications.show({
        color: 'petrol',
        title: 'Added to the do-not-call list',
        message: `${fullName(lead)} will not be called from now on.`,
      });
      close();
      await Promise.all([
        queries.invalidateQueries({ queryKey: keys.lead(lead.id) }),
        queries.invalidateQueries({ queryKey: keys.leadLists }),
        queries.invalidateQueries({ queryKey: keys.listings(lead.contact.phone) }),
        queries.invalidateQueries({ queryKey: keys.consents(lead.contact.phone) }),
      ]);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) add.mutate();
  };
  return (
    <Modal
      opened
      onClose={close}
      centered
      title={`Never call ${fullName(lead)} again?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form className="form" onSubmit={submit}>
        <p>
          {formatPhone(lead.contact.phone)} goes on your own do-not-call list. It holds at once, on every
          channel, for calls that are already queued too. Only an administrator can take it off again.
        </p>
        <Textarea
          label="Reason"
          description="Kept for ever with the entry."
          placeholder="Asked by email on Monday not to be called"
          required
          autosize
          minRows={2}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
        {add.error ? <ErrorNote error={add.error} /> : null}
        <div className="buttons">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            type="submit"
            color="red.9"
            leftSection={<IconPhoneOff size={16} />}
            loading={add.isPending}
            disabled={!reason.trim()}
          >
            Add to do-not-call
          </Button>
        </div>
      </form>
    </Modal>
  );
}
