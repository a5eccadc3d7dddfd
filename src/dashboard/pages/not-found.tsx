/** dashboard/pages/not-found: an address that leads nowhere. */
import { IconMapOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useTitle } from '../ui/pieces.tsx';
import { Empty } from '../ui/states.tsx';

export function NotFoundPage() {
  useTitle('Not found');
  return (
    <div className="page">
      <h1>Nothing here</h1>
      <Empty
        icon={<IconMapOff size={36} stroke={1.4} />}
        title="There is no page at this address"
        action={<Link to="/">Go to the overview</Link>}
      >
        The link may be old or mistyped.
      </Empty>
    </div>
  );
}
