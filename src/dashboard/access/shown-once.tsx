/** dashboard/access/shown-once: a link or a key that nobody can show again. */
import { Button, Modal, Stack } from '@mantine/core';
import { Copy, Notice } from '../ui/pieces.tsx';

export function ShownOnce({
  title,
  what,
  value,
  children,
  close,
}: {
  title: string;
  /** "link", "key". */
  what: string;
  value: string;
  children: string;
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
        <Button onClick={close}>Done</Button>
      </Stack>
    </Modal>
  );
}
