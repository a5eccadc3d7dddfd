/** dashboard/ui/form: how forms and questions end: what went wrong, the way back, the deed; and the reason that is kept. */
import { Button, Group, Textarea } from '@mantine/core';
import type { ReactNode } from 'react';
import { ErrorNote } from './states.tsx';

/** `act`: the deed of a question that asks nothing; `file`: what is downloaded. Without them the button submits the form around. */
export function FormEnd({
  error,
  close,
  back = 'Cancel',
  act,
  file,
  busy = false,
  ready = true,
  danger = false,
  icon,
  children,
}: {
  error?: unknown;
  close: () => void;
  back?: string;
  act?: () => void;
  file?: { readonly href: string; readonly name: string };
  busy?: boolean;
  /** False while what is needed is not filled in. */
  ready?: boolean;
  danger?: boolean;
  icon?: ReactNode;
  children: string;
}) {
  return (
    <>
      {error ? <ErrorNote error={error} /> : null}
      <Group justify="flex-end" gap="xs">
        {/* Who presses Enter without reading changes nothing. */}
        <Button variant="default" onClick={close} {...(act ? { 'data-autofocus': true } : {})}>
          {back}
        </Button>
        {file ? (
          <Button component="a" href={file.href} download={file.name} leftSection={icon} onClick={close}>
            {children}
          </Button>
        ) : (
          <Button
            {...(act ? { onClick: act } : { type: 'submit' })}
            {...(danger ? { color: 'red.9' } : {})}
            leftSection={icon}
            loading={busy}
            disabled={!ready}
          >
            {children}
          </Button>
        )}
      </Group>
    </>
  );
}

/** Why something is done, kept with the name of who did it. */
export function ReasonField({
  value,
  change,
  error,
  label = 'Reason',
  description = 'Kept for ever, with your name.',
  placeholder,
  required = true,
  autoFocus = false,
  maxLength = 2000,
}: {
  value: string;
  change: (text: string) => void;
  error?: ReactNode;
  label?: string;
  description?: string;
  placeholder?: string;
  required?: boolean;
  autoFocus?: boolean;
  maxLength?: number;
}) {
  return (
    <Textarea
      label={label}
      description={description}
      placeholder={placeholder}
      required={required}
      autosize
      minRows={2}
      maxLength={maxLength}
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
      error={error}
      {...(autoFocus ? { 'data-autofocus': true } : {})}
    />
  );
}
