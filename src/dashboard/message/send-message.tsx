/** dashboard/message/send-message: a text or an e-mail to one lead, from a template or in one's own words. */
import { NativeSelect, SegmentedControl, Stack, Textarea, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconSend } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import type { Lead, Message } from '../../contract/index.ts';
import { ApiError, api, decisionOf, faultOf, newKey } from '../api.ts';
import { formatMoment, formatPhone, hasNumber } from '../format.ts';
import { keys, templatesQuery } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Notice } from '../ui/pieces.tsx';
import { fullName } from '../words.ts';
import { Preview } from './preview.tsx';
import { CHANNEL, MESSAGE_STATUS } from './words.ts';

type Channel = Message['channel'];

export function SendMessage({ lead, done }: { lead: Lead; done: () => void }) {
  const numbered = hasNumber(lead.contact.phone);
  const { email } = lead.contact;
  const [channel, setChannel] = useState<Channel>(numbered ? 'sms' : 'email');
  /** Empty: in one's own words. */
  const [template, setTemplate] = useState('');
  const [subject, setSubject] = useState('');
  const [text, setText] = useState('');
  const key = useRef(newKey());
  const queries = useQueryClient();
  const templates = useQuery(templatesQuery).data ?? [];
  const choices = templates.filter((one) => one.channel === channel && one.retiredAt === undefined);
  const chosen = choices.find(({ name }) => name === template);
  const refresh = () => {
    for (const queryKey of [keys.messages, keys.timeline(lead.id)])
      queries.invalidateQueries({ queryKey }).catch(() => undefined);
  };
  const send = useMutation({
    mutationFn: () =>
      api.sendMessage(
        {
          leadId: lead.id,
          channel,
          ...(chosen
            ? { template: chosen.name }
            : { text: text.trim(), ...(channel === 'email' ? { subject: subject.trim() } : {}) }),
        },
        key.current,
      ),
    onSuccess: (message) => {
      refresh();
      if (message.status === 'denied') {
        key.current = newKey();
        return;
      }
      notifications.show({
        color: 'petrol',
        title: `${CHANNEL[channel]}: ${MESSAGE_STATUS[message.status].label.toLowerCase()}`,
        message: `To ${fullName(lead)}.`,
      });
      done();
    },
    onError: (error) => {
      // An answer settles this request; trying again is a new one. Without an answer the same key makes it safe.
      if (error instanceof ApiError && error.status > 0) key.current = newKey();
      refresh();
    },
  });
  const decision =
    decisionOf(send.error) ?? (send.data?.status === 'denied' ? send.data.complianceDecision : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send.mutate();
  };
  const channels = [
    ...(numbered ? [{ value: 'sms', label: `Text to ${formatPhone(lead.contact.phone)}` }] : []),
    ...(email ? [{ value: 'email', label: 'E-mail' }] : []),
  ];
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {channels.length > 1 ? (
          <SegmentedControl
            aria-label="Channel"
            data={channels}
            value={channel}
            onChange={(value) => {
              setChannel(value === 'email' ? 'email' : 'sms');
              setTemplate('');
            }}
          />
        ) : null}
        {channel === 'email' || channels.length === 1 ? (
          <p className="small muted">To {channel === 'email' ? email : formatPhone(lead.contact.phone)}</p>
        ) : null}
        <NativeSelect
          label="What"
          data={[
            { value: '', label: 'In your own words' },
            ...choices.map(({ name }) => ({ value: name, label: name })),
          ]}
          value={template}
          onChange={(event) => setTemplate(event.currentTarget.value)}
          error={faultOf(send.error, '/template')}
        />
        {chosen ? (
          <Preview channel={channel} preview={chosen.preview} />
        ) : (
          <>
            {channel === 'email' ? (
              <TextInput
                label="Subject"
                required
                maxLength={200}
                value={subject}
                onChange={(event) => setSubject(event.currentTarget.value)}
                error={faultOf(send.error, '/subject')}
              />
            ) : null}
            <Textarea
              label={CHANNEL[channel]}
              description="Who sends it and how to stop are added."
              required
              autosize
              minRows={4}
              maxLength={channel === 'sms' ? 900 : 5000}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              error={faultOf(send.error, '/text')}
            />
          </>
        )}
        {decision ? (
          <Notice tone="bad" alert title="The gate refused this message">
            <p>{decision.explanation}</p>
            <p>
              {decision.nextAllowedAt
                ? `Next allowed: ${formatMoment(decision.nextAllowedAt)} your time.`
                : 'Waiting will not change this.'}
            </p>
          </Notice>
        ) : null}
        <FormEnd
          error={decision ? undefined : send.error}
          close={done}
          busy={send.isPending}
          ready={chosen !== undefined || (text.trim() !== '' && (channel === 'sms' || subject.trim() !== ''))}
          icon={<IconSend size={16} />}
        >
          Send
        </FormEnd>
        <p className="small muted">
          The gate decides at the moment of sending: consent, do-not-call lists and hours hold for messages
          too.
        </p>
      </Stack>
    </form>
  );
}
