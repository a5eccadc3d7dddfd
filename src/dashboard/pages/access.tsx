/** dashboard/pages/access: the frame of who gets in: people, keys of programs, and what they all did. */
import './compliance.css';
import '../access/access.css';
import { Outlet } from '@tanstack/react-router';
import { useMay } from '../ui/may-act.ts';
import { NotForYou } from '../ui/pieces.tsx';
import { Tabs } from '../ui/tabs.tsx';

const TABS = [
  { to: '/access', label: 'People' },
  { to: '/access/keys', label: 'API keys' },
  { to: '/access/audit-log', label: 'Audit log' },
] as const;

export function AccessPage() {
  const admin = useMay('ADMIN');
  return (
    <div className="page">
      <header className="page-head">
        <h1>Access</h1>
      </header>
      {admin ? (
        <>
          <Tabs name="Access" tabs={TABS} />
          <Outlet />
        </>
      ) : (
        <NotForYou needs="administrator">
          Who may sign in, and what everybody did, is not shown here.
        </NotForYou>
      )}
    </div>
  );
}
