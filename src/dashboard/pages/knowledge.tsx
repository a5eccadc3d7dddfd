/** dashboard/pages/knowledge: the frame of what the agent may look up: the entries, and what is proposed. */
import '../knowledge/knowledge.css';
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Outlet, useNavigate } from '@tanstack/react-router';
import { useMayAct } from '../ui/may-act.ts';
import { useTitle } from '../ui/pieces.tsx';
import { Tabs } from '../ui/tabs.tsx';

const TABS = [
  { to: '/knowledge', label: 'Entries' },
  { to: '/knowledge/proposals', label: 'Proposals' },
] as const;

export function KnowledgePage() {
  useTitle('Knowledge');
  const mayAct = useMayAct();
  const navigate = useNavigate();
  return (
    <div className="page">
      <header className="page-head">
        <h1>Knowledge</h1>
        <span className="grow" />
        {mayAct ? (
          <Button
            leftSection={<IconPlus size={18} />}
            onClick={() => navigate({ to: '/knowledge', search: { new: true } })}
          >
            New entry
          </Button>
        ) : null}
      </header>
      <Tabs name="Knowledge" tabs={TABS} />
      <Outlet />
    </div>
  );
}
