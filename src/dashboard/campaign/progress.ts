/** dashboard/campaign/progress: how the leads of a campaign stand, as parts of one whole. */
import type { CampaignWork } from '../../contract/index.ts';
import type { Part } from '../ui/charts.tsx';

export const endedOf = ({ counts }: Pick<CampaignWork, 'counts'>): number =>
  Object.values(counts.ended).reduce((sum, leads) => sum + leads, 0);

export const progressParts = (work: Pick<CampaignWork, 'counts'>): Part[] => [
  { name: 'in progress', value: work.counts.working, hue: 'good' },
  { name: 'due', value: work.counts.due, hue: 'accent' },
  { name: 'later', value: work.counts.scheduled, hue: 'caller' },
  { name: 'waiting', value: work.counts.waiting, hue: 'fair' },
  { name: 'ended', value: endedOf(work), hue: 'quiet' },
];
