/** dashboard/ui/tabs: the pages under one heading, as a row of links; the digits lead to them too. */
import './tabs.css';
import { useHotkeys } from '@mantine/hooks';
import { Link, useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

/** `to` is an address that is there as it stands, without placeholders. */
export function Tabs({
  name,
  tabs,
}: {
  name: string;
  tabs: readonly { readonly to: string; readonly label: string }[];
}) {
  const { pathname } = useLocation();
  const navigate = useNavigate();
  useHotkeys(
    tabs.map(({ to }, index) => [
      String(index + 1),
      () => {
        navigate({ to }).catch(() => undefined);
      },
    ]),
  );
  const current = pathname.replace(/\/$/, '');
  const row = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is what moves the row of tabs
  useEffect(() => {
    row.current?.querySelector('[data-here]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [current]);
  return (
    <nav className="tabs" aria-label={name} ref={row}>
      <ul>
        {tabs.map(({ to, label }) => (
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
  );
}
