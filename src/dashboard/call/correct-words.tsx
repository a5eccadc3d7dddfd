/** dashboard/call/correct-words: a line of the transcript that was heard wrongly is put right; what was heard is kept. */
import { Button, Modal, Stack, Textarea } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Transcript, TranscriptMessage } from '../../contract/index.ts';
import { api } from '../api.ts';
import { keys } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Ago } from '../ui/pieces.tsx';

export function CorrectWords({
  callId,
  messageIndex,
  message,
  close,
}: {
  callId: string;
  messageIndex: number;
  message: TranscriptMessage;
  close: () => void;
}) {
  const [text, setText] = useState(message.text);
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: (work: () => Promise<Transcript>) => work(),
    onSuccess: (transcript) => {
      queries.setQueryData(keys.transcript(callId), transcript);
      for (const queryKey of [keys.events(callId), keys.said])
        queries.invalidateQueries({ queryKey }).catch(() => undefined);
      close();
    },
    // Somebody else corrected it meanwhile: what they wrote is shown behind the question.
    onError: () => queries.invalidateQueries({ queryKey: keys.transcript(callId) }),
  });
  const { correction } = message;
  const wanted = text.replaceAll(/\s+/g, ' ').trim();
  return (
    <Modal opened onClose={close} title="What was said here?">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted !== '')
            change.mutate(() => api.correctWords(callId, messageIndex, { was: message.text, text: wanted }));
        }}
      >
        <Stack gap="sm">
          <Textarea
            label={message.speaker === 'agent' ? 'The agent said' : 'The caller said'}
            description="The search, exports and later analyses use these words. What was heard is kept."
            autosize
            minRows={3}
            maxLength={4_000}
            data-autofocus
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {correction ? (
            <div className="heard">
              <p>
                Heard: “{correction.original}”
                <span className="muted">
                  {' '}
                  Corrected by {correction.by}, <Ago at={correction.at} />.
                </span>
              </p>
              <Button
                variant="default"
                size="xs"
                loading={change.isPending}
                onClick={() => change.mutate(() => api.restoreWords(callId, messageIndex))}
              >
                Show again what was heard
              </Button>
            </div>
          ) : null}
          <FormEnd
            error={change.error}
            close={close}
            busy={change.isPending}
            ready={wanted !== '' && wanted !== message.text}
          >
            Correct
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}
