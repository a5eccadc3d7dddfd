/** dashboard/ui/shortcuts: the keys that work, on request. */
import { Kbd, Modal } from '@mantine/core';

const KEYS = [
  ['?', 'Show these keys'],
  ['n', 'Call a lead'],
  ['/', 'Search; find in the call (call page)'],
  ['1 … 9', 'The tabs of a page (there)'],
  ['j k', 'Next or previous call (list and page of calls)'],
  ['l', 'Listen, or stop listening (live call)'],
  ['w', 'Whisper to the agent (live call)'],
  ['t b', 'Take over; hand back (live call)'],
  ['m', 'Mute yourself while you speak (live call)'],
  ['c', 'Comment at this second (call page)'],
  ['Space', 'Play or pause the recording (call page)'],
  ['← →', 'Back or forward 10 seconds (call page)'],
  ['Esc', 'Close what is open'],
] as const;

export function Shortcuts({ close }: { close: () => void }) {
  return (
    <Modal opened onClose={close} title="Keyboard shortcuts">
      <dl className="keys">
        {KEYS.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <Kbd>{key}</Kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
