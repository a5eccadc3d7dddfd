/** dashboard/ui/question: what is asked before a deed that cannot simply be taken back. */
import { Modal, Stack } from '@mantine/core';
import type { UseMutationResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { FormEnd } from './form.tsx';

/** Stands until the deed is done or called off; whoever acts closes it. */
export function Question({
  title,
  close,
  deed,
  back,
  label,
  children,
}: {
  title: string;
  close: () => void;
  deed: Pick<UseMutationResult<unknown, Error, void>, 'mutate' | 'error' | 'isPending'>;
  /** The way back, in the words of the question. */
  back?: string;
  /** What the deed is called on its button. */
  label: string;
  /** What follows from it. */
  children: ReactNode;
}) {
  return (
    <Modal opened onClose={close} title={title}>
      <Stack gap="sm">
        <p>{children}</p>
        <FormEnd
          error={deed.error}
          close={close}
          {...(back === undefined ? {} : { back })}
          act={() => deed.mutate()}
          busy={deed.isPending}
          danger
        >
          {label}
        </FormEnd>
      </Stack>
    </Modal>
  );
}
