/** dashboard/message/preview: a message as the person gets it. */
import './message.css';
import type { MessageTemplate } from '../../contract/index.ts';
import { tellSegments } from './words.ts';

export function Preview({
  channel,
  preview,
}: {
  channel: MessageTemplate['channel'];
  preview: MessageTemplate['preview'];
}) {
  const parts = tellSegments(preview.segments);
  return (
    <figure className="letter" data-channel={channel}>
      {preview.subject ? <strong>{preview.subject}</strong> : null}
      <blockquote>{preview.text}</blockquote>
      <figcaption className="small muted">
        As a sample person gets it, with who sends it and how to stop.
        {parts ? ` Sent in ${parts}.` : ''}
      </figcaption>
    </figure>
  );
}
