/** dashboard/compliance/consent-events: the ledger of one person as a story, newest first, each entry with its proof. */
import '../ui/history.css';
import type { ConsentLog } from '../../contract/index.ts';
import { formatFull, formatMoment, formatPhone, humanise } from '../format.ts';
import { Ago, Facts, Hash, Pill } from '../ui/pieces.tsx';
import { CONSENT_EVENT } from '../words.ts';
import { CHANNELS } from './words.ts';

const KIND: Record<ConsentLog['eventType'], 'consent' | 'dnc' | 'note'> = {
  consent_granted: 'consent',
  consent_revoked: 'dnc',
  dnc_added: 'dnc',
  dnc_removed: 'note',
};

const channelName = (channel: string): string =>
  CHANNELS.find((one) => one.value === channel)?.label ?? humanise(channel);

/** What was agreed to, in a line. */
function scope({ consentDetails: details, evidence }: ConsentLog): string {
  if (!details) return '';
  const allowed = [
    details.automatedCallsAllowed
      ? evidence?.artificialVoiceDisclosed
        ? 'automated calls with an artificial voice'
        : 'automated calls, artificial voice not named'
      : '',
    details.textMessagesAllowed ? 'text messages' : '',
  ].filter(Boolean);
  const how = [evidence?.level, evidence?.purpose].filter(Boolean).join(', ');
  return `${allowed.length > 0 ? humanise(allowed.join(' and ')) : 'Neither calls nor texts'}${how ? ` (${how})` : ''}`;
}

export function ConsentEvents({ events }: { events: readonly ConsentLog[] }) {
  return (
    <ol className="history">
      {events.map((event) => (
        <li key={event.id} data-kind={KIND[event.eventType]}>
          <Event event={event} />
        </li>
      ))}
    </ol>
  );
}

/** Only what is an address of the web becomes a link: the rest came from strangers and stays text. */
const link = (url: string | undefined) =>
  url !== undefined && /^https?:\/\//i.test(url) ? (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {url}
    </a>
  ) : (
    url
  );

function Event({ event }: { event: ConsentLog }) {
  const { consentDetails: details, evidence, revocation } = event;
  return (
    <>
      <span className="history-title">
        <Pill word={CONSENT_EVENT[event.eventType]} />
      </span>
      <span className="history-detail">
        <time dateTime={event.timestamp} title={formatFull(event.timestamp)}>
          {formatMoment(event.timestamp)}
        </time>{' '}
        · {formatPhone(event.phone)} · recorded by {event.recordedBy}
      </span>
      {details ? <span>{scope(event)}</span> : null}
      {revocation ? (
        <span>
          {event.eventType === 'consent_revoked' ? `${channelName(revocation.channel)}: ` : null}
          {revocation.words ? `“${revocation.words}”` : 'words not recorded'}
        </span>
      ) : null}
      {details?.consentText ? <blockquote>{details.consentText}</blockquote> : null}
      <details className="evidence">
        <summary>Evidence and hash</summary>
        <Facts
          entries={[
            ['Seller', evidence?.seller],
            ['By which means', details ? humanise(details.method) : undefined],
            ['Came from', details ? humanise(details.source) : undefined],
            ['Ends', details?.expiresAt ? formatMoment(details.expiresAt) : undefined],
            ['Name', evidence?.personName],
            ['Certificate', link(evidence?.certificate)],
            ['Its kind', evidence?.certificateType],
            ['Claimed', evidence?.certificateClaimedAt && formatMoment(evidence.certificateClaimedAt)],
            [
              'Kept until',
              evidence?.certificateRetainedUntil && formatMoment(evidence.certificateRetainedUntil),
            ],
            ['Session', evidence?.sessionId],
            ['Signature', evidence?.signature],
            ['Copy', link(evidence?.copyUrl)],
            ['Page', link(evidence?.pageUrl)],
            ['Run by', evidence?.publisher],
            ['IP address', event.ipAddress],
            ['Browser', event.userAgent],
            ['Referrer', link(event.referrer)],
            [
              'Box',
              evidence?.checkboxPreTicked === undefined
                ? undefined
                : evidence.checkboxPreTicked
                  ? 'Started ticked'
                  : 'Started empty',
            ],
            [
              'Purchase',
              evidence?.conditionOfPurchaseDisclaimed === true ? 'Consent is no condition of it' : undefined,
            ],
            ['Clock', evidence?.sourceClock],
            ['Edition', evidence?.textVersion],
            ['Email', event.email],
            [
              'Wording',
              evidence?.textHash ? (
                <Hash key="text" value={evidence.textHash} what="hash of the wording" />
              ) : undefined,
            ],
            ['Written', <Ago key="written" at={event.createdAt} />],
            ['Entry', `Number ${event.chainIndex} of this phone's chain`],
            ['Follows', <Hash key="prev" value={event.prevHash} what="hash of the entry before" />],
            ['Hash', <Hash key="hash" value={event.hash} what="hash of this entry" />],
          ]}
        />
      </details>
    </>
  );
}
