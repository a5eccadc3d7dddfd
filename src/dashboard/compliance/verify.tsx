/** dashboard/compliance/verify: recomputes the hash chains of the consent ledger and says whether they hold. */
import { Button, Group, Stack } from '@mantine/core';
import { IconLink, IconLinkOff } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { ConsentVerification } from '../../contract/index.ts';
import { api } from '../api.ts';
import { formatCount, formatPhone } from '../format.ts';
import { Notice } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';

export function Verify({ phone }: { phone: string | undefined }) {
  const verify = useMutation({
    mutationFn: async (which: string | undefined) => ({ which, found: await api.verifyConsents(which) }),
  });
  return (
    <Stack gap="sm">
      <p className="small">
        Each entry is sealed with a hash over itself and the one before it. Recomputing them shows any later
        change.
      </p>
      <Group gap="xs">
        {phone === undefined ? null : (
          <Button
            variant="default"
            size="xs"
            loading={verify.isPending && verify.variables === phone}
            onClick={() => verify.mutate(phone)}
          >
            Check this number
          </Button>
        )}
        <Button
          variant="default"
          size="xs"
          loading={verify.isPending && verify.variables === undefined}
          onClick={() => verify.mutate(undefined)}
        >
          Check all numbers
        </Button>
      </Group>
      {verify.error ? <ErrorNote error={verify.error} /> : null}
      {verify.data ? (
        <div role="status">
          <Result {...verify.data} />
        </div>
      ) : null}
    </Stack>
  );
}

function Result({ which, found }: { which: string | undefined; found: ConsentVerification }) {
  const entries = `${formatCount(found.entries)} ${found.entries === 1 ? 'entry' : 'entries'}`;
  if (found.intact) {
    return (
      <Notice tone="good" icon={<IconLink size={18} />} title="Nothing was changed">
        <p>
          {found.entries === 0
            ? 'There is nothing on record.'
            : `${entries} checked${which ? '' : ', all numbers'}.`}
        </p>
      </Notice>
    );
  }
  return (
    <Notice tone="bad" icon={<IconLinkOff size={18} />} title="The record was changed">
      <p>
        Entry {found.brokenAt ?? 'unknown'} of {formatPhone(found.phone ?? which ?? 'a number')}:{' '}
        {found.detail ?? 'its hash does not fit'}. Do not rely on this record; restore the entry from a backup
        and find out who had access.
      </p>
    </Notice>
  );
}
