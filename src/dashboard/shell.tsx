/** dashboard/shell: the frame around every page: who may enter, the way around, what kind of system this is. */
import './shell.css';
import {
  ActionIcon,
  Drawer,
  Menu,
  Skeleton,
  Tooltip,
  UnstyledButton,
  useMantineColorScheme,
} from '@mantine/core';
import { useDisclosure, useHotkeys, useNetwork } from '@mantine/hooks';
import {
  IconAddressBook,
  IconBook2,
  IconDeviceDesktop,
  IconFlask,
  IconHeadset,
  IconKey,
  IconKeyboard,
  IconLayoutDashboard,
  IconLogout,
  IconMenu2,
  IconMoon,
  IconPhone,
  IconRobot,
  IconSettings,
  IconShieldCheck,
  IconSpeakerphone,
  IconSun,
  IconTemplate,
  IconUserCircle,
  IconWifiOff,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { api } from './api.ts';
import { Banners } from './compliance/banners.tsx';
import { DialerContext } from './dialer.ts';
import { useLiveConnection } from './live.ts';
import { meQuery, settingsQuery } from './queries.ts';
import { Brand } from './ui/brand.tsx';
import { useMay } from './ui/may-act.ts';
import { ErrorNote } from './ui/states.tsx';
import { sandboxNotice } from './words.ts';

const CallALead = lazy(() => import('./lead/call-a-lead.tsx').then((file) => ({ default: file.CallALead })));
const SignIn = lazy(() => import('./pages/sign-in.tsx').then((file) => ({ default: file.SignIn })));
const Shortcuts = lazy(() => import('./ui/shortcuts.tsx').then((file) => ({ default: file.Shortcuts })));

const PLACES = [
  { to: '/', label: 'Overview', icon: IconLayoutDashboard },
  { to: '/live', label: 'Live', icon: IconHeadset },
  { to: '/calls', label: 'Calls', icon: IconPhone },
  { to: '/campaigns', label: 'Campaigns', icon: IconSpeakerphone },
  { to: '/leads', label: 'Leads', icon: IconAddressBook },
  { to: '/templates', label: 'Templates', icon: IconTemplate },
  { to: '/agents', label: 'Agents', icon: IconRobot },
  { to: '/knowledge', label: 'Knowledge', icon: IconBook2 },
  { to: '/compliance', label: 'Compliance', icon: IconShieldCheck },
  { to: '/access', label: 'Access', icon: IconKey, for: 'ADMIN' },
  { to: '/settings', label: 'Settings', icon: IconSettings, for: 'ADMIN' },
] as const;

const SCHEMES = [
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
  { value: 'auto', label: 'As the system', icon: IconDeviceDesktop },
] as const;

/** Everything waits for the answer to "who is signed in?". */
export function Shell() {
  const { pathname } = useLocation();
  const signingIn = pathname === '/signin' || pathname === '/set-password';
  const me = useQuery({ ...meQuery, enabled: !signingIn });
  if (signingIn) return <Outlet />;
  if (me.data) return <Frame name={me.data.user.name} role={me.data.role} />;
  if (me.data === null) {
    return (
      <Suspense fallback={null}>
        <SignIn opened="" />
      </Suspense>
    );
  }
  return (
    <main className="lobby">
      <Brand />
      {me.error ? (
        <ErrorNote error={me.error} retry={() => me.refetch()} />
      ) : (
        <div role="status" aria-label="Loading">
          <Skeleton height={16} width={280} />
        </div>
      )}
    </main>
  );
}

function Frame({ name, role }: { name: string; role: string }) {
  useLiveConnection();
  const { pathname } = useLocation();
  const settings = useQuery(settingsQuery);
  const { online } = useNetwork();
  const [menuOpen, menu] = useDisclosure(false);
  const [helpOpen, help] = useDisclosure(false);
  const [dialing, setDialing] = useState<{ readonly leadId?: string }>();
  const dialer = useMemo(
    () => ({ open: (leadId?: string) => setDialing(leadId === undefined ? {} : { leadId }) }),
    [],
  );

  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    // A new page is read from its beginning, not from wherever the link was.
    if (shown.current !== pathname) main.current?.focus({ preventScroll: true });
    shown.current = pathname;
    menu.close();
  }, [pathname, menu.close]);

  useHotkeys([
    ['shift+?', help.open],
    ['n', () => dialer.open()],
  ]);

  const notice = settings.data ? sandboxNotice(settings.data.sandbox) : undefined;
  return (
    <DialerContext value={dialer}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <div className="frame">
        <header className="topbar">
          <ActionIcon
            className="only-narrow"
            variant="subtle"
            color="gray"
            size="lg"
            aria-label="Open the menu"
            aria-expanded={menuOpen}
            onClick={menu.open}
          >
            <IconMenu2 size={20} />
          </ActionIcon>
          <Link to="/" className="brand-link" aria-label="Parley, to the overview">
            <Brand />
          </Link>
        </header>
        <div className="rail">
          <Link to="/" className="brand-link" aria-label="Parley, to the overview">
            <Brand />
          </Link>
          <Places />
          <Foot name={name} role={role} version={settings.data?.version} showHelp={help.open} />
        </div>
        <Drawer
          opened={menuOpen}
          onClose={menu.close}
          title="Menu"
          size={280}
          closeButtonProps={{ 'aria-label': 'Close the menu' }}
        >
          <div className="rail-inner">
            <Places />
            <Foot name={name} role={role} version={settings.data?.version} showHelp={help.open} />
          </div>
        </Drawer>
        <main id="main" ref={main} tabIndex={-1}>
          <Banners />
          <FirstSignIn />
          {notice ? (
            <div className="strip" data-tone="info" role="note">
              <IconFlask size={18} aria-hidden="true" />
              <p>
                <strong>Sandbox:</strong> {notice}
              </p>
            </div>
          ) : null}
          {online ? null : (
            <div className="strip" data-tone="warn" role="alert">
              <IconWifiOff size={18} aria-hidden="true" />
              <p>
                <strong>This device is offline.</strong> What you see may be old. Calls go on without this
                page.
              </p>
            </div>
          )}
          <Outlet />
        </main>
      </div>
      <Suspense fallback={null}>
        {dialing ? <CallALead {...dialing} close={() => setDialing(undefined)} /> : null}
        {helpOpen ? <Shortcuts close={help.close} /> : null}
      </Suspense>
    </DialerContext>
  );
}

/** Whoever came by the printed link cannot come back by it. */
function FirstSignIn() {
  const { pathname } = useLocation();
  if (!useQuery(meQuery).data?.isFirst || pathname === '/account') return null;
  return (
    <div className="strip" data-tone="info" role="note">
      <IconKey size={18} aria-hidden="true" />
      <p>
        <strong>The link you came by works once.</strong> <Link to="/account">Make your own sign-in</Link> to
        come back without it.
      </p>
    </div>
  );
}

function Places() {
  const { pathname } = useLocation();
  const admin = useMay('ADMIN');
  return (
    <nav aria-label="Main">
      <ul className="places">
        {PLACES.filter((place) => admin || !('for' in place)).map(({ to, label, icon: Icon }) => {
          const here = to === '/' ? pathname === '/' : pathname.startsWith(to);
          return (
            <li key={to}>
              <Link to={to} data-here={here || undefined} aria-current={here ? 'page' : undefined}>
                <Icon size={18} stroke={1.7} aria-hidden="true" />
                {label}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Foot(props: { name: string; role: string; version: string | undefined; showHelp: () => void }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = async () => {
    await api.signOut().catch(() => undefined);
    // A fresh page keeps nothing of what was read.
    location.assign('/');
  };
  const Current = SCHEMES.find((scheme) => scheme.value === colorScheme)?.icon ?? IconDeviceDesktop;
  return (
    <div className="foot">
      <div className="foot-tools">
        <Menu position="top-start" withinPortal>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Colours">
              <Current size={18} stroke={1.7} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {SCHEMES.map(({ value, label, icon: Icon }) => (
              <Menu.Item
                key={value}
                role="menuitemradio"
                aria-checked={colorScheme === value}
                leftSection={<Icon size={16} stroke={1.7} />}
                onClick={() => setColorScheme(value)}
              >
                {label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Tooltip label="Keyboard shortcuts (?)" withArrow>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label="Keyboard shortcuts"
            onClick={props.showHelp}
          >
            <IconKeyboard size={18} stroke={1.7} />
          </ActionIcon>
        </Tooltip>
      </div>
      <Menu position="top-start" withinPortal>
        <Menu.Target>
          <UnstyledButton className="who">
            <IconUserCircle size={20} stroke={1.6} aria-hidden="true" />
            <span>
              {props.name}
              <small>{props.role}</small>
            </span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          {props.version ? <Menu.Label>Parley {props.version}</Menu.Label> : null}
          <Menu.Item component={Link} to="/account">
            My account
          </Menu.Item>
          <Menu.Item component="a" href="/api/docs" target="_blank" rel="noopener">
            API documentation
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={signOut}>
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
