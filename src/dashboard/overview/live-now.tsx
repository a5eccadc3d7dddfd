/** dashboard/overview/live-now: how many calls go on at this moment, as the live stream tells. */
import { IconWifiOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { count } from '../format.ts';
import { useLive } from '../live.ts';

export function LiveNow() {
  const { connection, calls } = useLive();
  return (
    <span role="status">
      {connection === 'reconnecting' ? (
        <span className="pill" data-tone="warn">
          <IconWifiOff size={13} aria-hidden="true" /> Reconnecting …
        </span>
      ) : (
        <Link to="/live" className="pill" data-tone={calls.length > 0 ? 'live' : 'quiet'}>
          {count(calls.length, 'live call')}
        </Link>
      )}
    </span>
  );
}
