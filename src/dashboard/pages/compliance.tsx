/** dashboard/pages/compliance: the frame of everything about the gate: one tab for each question people ask of it. */
import './compliance.css';
import { useHotkeys } from '@mantine/hooks';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

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
  const { pathname } = useLocation();
  const navigate = useNavigate();
  useHotkeys(
    TABS.map(({ to }, index) => [
      String(index + 1),
      () => {
        navigate({ to }).catch(() => undefined);
      },
    ]),
  );
  const current = pathname.replace(/\/$/, '');
  const tabs = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is what moves the row of tabs
  useEffect(() => {
    tabs.current?.querySelector('[data-here]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [current]);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Compliance</h1>
      </header>
      <nav className="tabs" aria-label="Compliance" ref={tabs}>
        <ul>
          {TABS.map(({ to, label }) => (
            <li key={to}>
              <Link
                to={to}
                search={{}}
                data-here={current === to || undefined}
                aria-current={current === to ? 'page' : undefined}
              >
                {label}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <Outlet />
    </div>
  );
}
