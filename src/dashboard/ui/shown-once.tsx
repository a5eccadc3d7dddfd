/** dashboard/ui/shown-once: a link, a key or a secret that nobody can show again. */
import './shown-once.css';
import { Button, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { Copy, Notice } from './pieces.tsx';

export function ShownOnce({
  title,
  what,
  value,
  children,
  more,
  close,
}: {
  title: string;
  /** "link", "key", "secret". */
  what: string;
  value: string;
  children: string;
  /** What it is used with. */
  more?: ReactNode;
  close: () => void;
}) {
  return (
    <Modal opened onClose={close} size={560} title={title} closeOnClickOutside={false}>
      <Stack gap="sm">
        <p>{children}</p>
        <div className="once">
          <code>{value}</code>
          <Copy value={value} what={what} />
        </div>
        <Notice tone="warn" title={`Copy the ${what} now`}>
          <p>It is kept nowhere and cannot be shown again.</p>
        </Notice>
        {more}
        <Button onClick={close}>Done</Button>
      </Stack>
    </Modal>
  );
}
