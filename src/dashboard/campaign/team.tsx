/** dashboard/campaign/team: who of the staff works on a campaign. */
import { useQuery } from '@tanstack/react-query';
import type { Campaign } from '../../contract/index.ts';
import { reviewersQuery } from '../queries.ts';
import { teamOf } from './words.ts';

/** "Led by Ada Lovelace; deals closed by Grace Hopper". */
export function Team({ campaign }: { campaign: Campaign }) {
  const { items = [], former = [] } = useQuery(reviewersQuery).data ?? {};
  const names = new Map([...former, ...items].map(({ id, name }) => [id, name]));
  const said = (before: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`${before} ${ids.map((id) => names.get(id) ?? 'somebody who left').join(', ')}`];
  const all = [
    ...said('led by', teamOf(campaign, 'campaign_manager')),
    ...said('deals closed by', teamOf(campaign, 'closer')),
  ].join('; ');
  return <span>{all.charAt(0).toUpperCase() + all.slice(1)}</span>;
}
