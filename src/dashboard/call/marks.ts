/** dashboard/call/marks: what stands on the time axis of a call besides its sound. */
import type { Call, CallReview } from '../../contract/index.ts';
import { formatMs, humanise } from '../format.ts';
import { KEY_MOMENT } from '../words.ts';
import type { Item } from './conversation.ts';

export type MarkKind = 'moment' | 'comment' | 'tool' | 'keypad' | 'transfer' | 'takeover' | 'interruption';
export interface Mark {
  readonly key: string;
  readonly kind: MarkKind;
  readonly atSec: number;
  readonly says: string;
}

export const MARK_KIND: Record<MarkKind, string> = {
  moment: 'Key moment',
  comment: 'Comment',
  tool: 'Tool',
  keypad: 'Keypad',
  transfer: 'Transfer',
  takeover: 'Takeover',
  interruption: 'Interruption',
};

/** In the order of time. */
export function marksOf(
  items: readonly Item[],
  { keyMoments = [] }: Pick<Call, 'keyMoments'>,
  comments: CallReview['comments'],
): Mark[] {
  const marks: Mark[] = items.flatMap((item): Mark[] => {
    const { key, atSec } = item;
    switch (item.kind) {
      case 'message': {
        const { message } = item;
        if (message.speaker === 'system' && / (spoke with the caller|took over the call)/.test(message.text))
          return [{ key, kind: 'takeover', atSec, says: message.text }];
        if (!message.interrupted) return [];
        const heard = message.heardMs === undefined ? '' : ` after ${formatMs(message.heardMs)}`;
        const at = atSec + (message.heardMs ?? 0) / 1000;
        return [{ key, kind: 'interruption', atSec: at, says: `The agent was interrupted${heard}` }];
      }
      case 'tool':
        return [{ key, kind: 'tool', atSec, says: humanise(item.name) }];
      case 'keypad':
        return [{ key, kind: 'keypad', atSec, says: `Pressed ${item.digits}` }];
      case 'note':
        return item.text.startsWith('Transferred') ? [{ key, kind: 'transfer', atSec, says: item.text }] : [];
      default:
        return [];
    }
  });
  const saidAt = new Map(items.map((item) => [item.kind === 'message' ? item.index : undefined, item.atSec]));
  for (const { type, messageIndex, timestamp, userText } of keyMoments)
    marks.push({
      key: `k${messageIndex}${type}`,
      kind: 'moment',
      atSec: saidAt.get(messageIndex) ?? timestamp,
      says: `${KEY_MOMENT[type].label}: ${userText}`,
    });
  for (const { id, atSec, byName, text } of comments)
    if (atSec !== undefined) marks.push({ key: id, kind: 'comment', atSec, says: `${byName}: ${text}` });
  return marks.filter(({ atSec }) => atSec >= 0).sort((a, b) => a.atSec - b.atSec);
}
