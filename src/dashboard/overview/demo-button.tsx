/** dashboard/overview/demo-button: in the sandbox, a sample campaign that fills every screen within a minute. */
import { Button, Group } from '@mantine/core';
import { IconSparkles } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { api } from '../api.ts';
import { settingsQuery } from '../queries.ts';
import { useMayAct } from '../ui/may-act.ts';
import { ErrorNote } from '../ui/states.tsx';

/** Beside what else can be done where there is nothing yet. */
export function DemoButton({ children }: { children?: ReactNode }) {
  const queries = useQueryClient();
  const isSandbox = useQuery(settingsQuery).data?.sandbox.carrier ?? false;
  const mayAct = useMayAct();
  const begin = useMutation({
    mutationFn: api.beginDemo,
    onSuccess: () => queries.invalidateQueries(),
  });
  if (!isSandbox || !mayAct) return children;
  return (
    <>
      <Group gap="sm" justify="center">
        {children}
        <Button
          variant="default"
          leftSection={<IconSparkles size={18} />}
          loading={begin.isPending}
          disabled={begin.isSuccess}
          onClick={() => begin.mutate()}
        >
          {begin.isSuccess ? 'The first calls begin in a moment' : 'Fill it with a sample campaign'}
        </Button>
      </Group>
      {begin.error ? <ErrorNote error={begin.error} /> : null}
    </>
  );
}
