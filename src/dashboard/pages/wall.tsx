/** dashboard/pages/wall: every call that goes on, at a glance; the one that is chosen, with everything one can do about it. */
import '../call/call.css';
import '../live/live.css';
import { Button, SegmentedControl } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconPhone, IconPhonePlus } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useDialer } from '../dialer.ts';
import { LiveCard } from '../live/card.tsx';
import { LivePane } from '../live/pane.tsx';
import { lookOf } from '../live/signs.ts';
import { useLive } from '../live.ts';
import { useMayAct } from '../ui/may-act.ts';
import { Notice, useNow, useTitle } from '../ui/pieces.tsx';
import { Empty, RowsSkeleton } from '../ui/states.tsx';

/** How often the order of those in need is looked at: cards that jump are hard to read. */
const ORDER_MS = 5_000;

export function WallPage() {
  useTitle('Live');
  const { connection, calls, said } = useLive();
  const { call: chosenId, first = 'newest' } = useSearch({ from: '/live' });
  const navigate = useNavigate({ from: '/live' });
  const dialer = useDialer();
  const mayAct = useMayAct();
  const [speaking, setSpeaking] = useState(false);
  const now = useNow(ORDER_MS);
  const chosen = calls.find(({ id }) => id === chosenId);

  const ordered = useMemo(() => {
    if (first === 'newest') return calls;
    const level = new Map(
      calls.map((call) => {
        const known = said.get(call.id);
        return [call.id, lookOf(call, known?.signs, known?.atMs, now).level];
      }),
    );
    return [...calls].sort((a, b) => (level.get(b.id) ?? 0) - (level.get(a.id) ?? 0));
  }, [calls, said, first, now]);

  const held = useRef(false);
  held.current = speaking;
  const choose = useCallback(
    (callId: string | undefined) => {
      if (held.current) {
        notifications.show({
          color: 'yellow',
          message: 'You are speaking with a caller. Hand the call back first.',
        });
        return;
      }
      navigate({
        search: ({ call: _, ...rest }) => (callId === undefined ? rest : { ...rest, call: callId }),
        replace: true,
      }).catch(() => undefined);
    },
    [navigate],
  );
  const step = (by: 1 | -1) => {
    const at = ordered.findIndex(({ id }) => id === chosenId);
    const next = ordered[at < 0 ? 0 : Math.min(ordered.length - 1, Math.max(0, at + by))];
    if (!next || next.id === chosenId) return;
    choose(next.id);
    document.querySelector(`[data-call="${next.id}"]`)?.scrollIntoView({ block: 'nearest' });
  };
  useHotkeys([
    ['j', () => step(1)],
    ['k', () => step(-1)],
    ['Escape', () => chosenId !== undefined && choose(undefined)],
  ]);

  // A call that ends while one looks at it leaves the wall; its page has what came of it.
  const before = useRef(chosen);
  useEffect(() => {
    if (before.current && !chosen && chosenId === before.current.id) {
      setSpeaking(false);
      held.current = false;
      notifications.show({ message: 'That call is over.' });
      choose(undefined);
    }
    before.current = chosen;
  }, [chosen, chosenId, choose]);

  const dial = mayAct ? (
    <Button leftSection={<IconPhonePlus size={16} />} onClick={() => dialer.open()}>
      Call a lead
    </Button>
  ) : null;
  return (
    <div className="page page-wide">
      <header className="page-head">
        <h1>Live</h1>
        <span className="muted" role="status">
          {connection === 'open' ? `${calls.length} ${calls.length === 1 ? 'call' : 'calls'}` : ''}
        </span>
        <span className="grow" />
        {calls.length > 1 ? (
          <SegmentedControl
            aria-label="Order"
            data={[
              { value: 'newest', label: 'Newest first' },
              { value: 'need', label: 'In need first' },
            ]}
            value={first}
            onChange={(value) =>
              navigate({
                search: ({ first: _, ...rest }) => (value === 'need' ? { ...rest, first: 'need' } : rest),
                replace: true,
              })
            }
          />
        ) : null}
        {calls.length > 0 ? dial : null}
      </header>
      {connection === 'reconnecting' ? (
        <Notice tone="warn" title="Reconnecting …">
          The live view is interrupted; the calls are not. What was said meanwhile will appear here.
        </Notice>
      ) : null}
      {connection === 'connecting' ? <RowsSkeleton rows={4} /> : null}
      {connection === 'open' && calls.length === 0 ? (
        <Empty icon={<IconPhone size={36} stroke={1.4} />} title="Nobody is on the phone" action={dial}>
          Calls appear here the moment they are dialled or come in.
        </Empty>
      ) : null}
      <div className="wall" data-open={chosen ? true : undefined}>
        <div className="wall-cards">
          {ordered.map((call) => (
            <LiveCard
              key={call.id}
              call={call}
              said={said.get(call.id)}
              chosen={call.id === chosenId}
              choose={choose}
            />
          ))}
        </div>
        {chosen ? (
          <LivePane key={chosen.id} call={chosen} close={() => choose(undefined)} onSpeaking={setSpeaking} />
        ) : null}
      </div>
    </div>
  );
}
