/** dashboard/compliance/proof-links: the file that shows why a person was, or may be, called: to print, or for a program. */
import { Button, Group } from '@mantine/core';
import { IconDownload, IconFileCertificate } from '@tabler/icons-react';
import { proofFile } from '../api.ts';
import { useMay } from '../ui/may-act.ts';
import { NotForYou } from '../ui/pieces.tsx';

export function ProofLinks({ phone }: { phone: string }) {
  if (!useMay('ANALYST')) return <NotForYou needs="analyst">The proof file holds personal data.</NotForYou>;
  return (
    <Group gap="xs">
      <Button
        component="a"
        variant="default"
        size="xs"
        href={proofFile(phone, 'html')}
        target="_blank"
        rel="noopener"
        leftSection={<IconFileCertificate size={15} />}
      >
        Proof file
      </Button>
      <Button
        component="a"
        variant="default"
        size="xs"
        href={proofFile(phone, 'json')}
        download={`proof-${phone.replaceAll(/\D/g, '')}.json`}
        leftSection={<IconDownload size={15} />}
      >
        JSON
      </Button>
    </Group>
  );
}
