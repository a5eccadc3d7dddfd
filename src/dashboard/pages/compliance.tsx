/** dashboard/pages/compliance: the frame of everything about the gate: one tab for each question people ask of it. */
import './compliance.css';
import { Outlet } from '@tanstack/react-router';
import { Tabs } from '../ui/tabs.tsx';

const TABS = [
  { to: '/compliance', label: 'May I call?' },
  { to: '/compliance/decisions', label: 'Decisions' },
  { to: '/compliance/do-not-call', label: 'Do not call' },
  { to: '/compliance/lists', label: 'Lists' },
  { to: '/compliance/consents', label: 'Consents' },
  { to: '/compliance/policy', label: 'Policy' },
  { to: '/compliance/retention', label: 'Retention' },
] as const;

export function CompliancePage() {
  return (
    <div className="page">
      <header className="page-head">
        <h1>Compliance</h1>
      </header>
      <Tabs name="Compliance" tabs={TABS} />
      <Outlet />
    </div>
  );
}
