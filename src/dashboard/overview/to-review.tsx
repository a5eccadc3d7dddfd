/** dashboard/overview/to-review: how many calls wait for the review of whoever is signed in; nothing where none does. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { count } from '../format.ts';
import { toReviewQuery } from '../queries.ts';

export function ToReview() {
  const calls = useQuery(toReviewQuery).data ?? 0;
  if (calls === 0) return null;
  return (
    <Link to="/calls" search={{ assignedTo: 'me', review: 'unreviewed' }} className="pill" data-tone="info">
      {count(calls, 'call')} {calls === 1 ? 'waits' : 'wait'} for your review
    </Link>
  );
}
