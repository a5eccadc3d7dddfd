/**
 * dashboard/call/person: who the call was with: how well they fit and why, what they looked at, what they agreed to, texts,
 * e-mails and other calls.
 */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Call, Lead } from '../../contract/index.ts';
import { formatShare, hasNumber, humanise } from '../format.ts';
import { ConsentPanel, DncPanel } from '../lead/standing.tsx';
import { WebJourney } from '../lead/web-visit.tsx';
import { CHANNEL, MESSAGE_STATUS } from '../message/words.ts';
import { callsQuery, leadQuery, messagesQuery } from '../queries.ts';
import { Ago, Facts, Panel, Pill } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { ERASED, fullName, LEAD_STATUS, OUTCOME, STATUS } from '../words.ts';

/** So many of each are shown; the page of the lead has all. */
const SHOWN = 6;

export function Person({ call }: { call: Call }) {
  const lead = useQuery({ ...leadQuery(call.leadId ?? ''), enabled: call.leadId !== undefined });
  return (
    <>
      {lead.error ? <ErrorNote error={lead.error} retry={() => lead.refetch()} /> : null}
      {lead.data ? <LeadPanel lead={lead.data} /> : null}
      {lead.data ? <WebJourney lead={lead.data} /> : null}
      {lead.data && !lead.data.erasedAt && hasNumber(lead.data.contact.phone) ? (
        <ConsentPanel lead={lead.data} />
      ) : null}
      {hasNumber(call.contactPhone) ? <DncPanel phone={call.contactPhone} /> : null}
      {call.leadId === undefined ? null : (
        <>
          <Messages leadId={call.leadId} />
          <OtherCalls callId={call.id} leadId={call.leadId} />
        </>
      )}
    </>
  );
}

function LeadPanel({ lead }: { lead: Lead }) {
  const { qualification, intent } = lead;
  return (
    <Panel id="lead" title="Lead" aside={<Pill word={lead.erasedAt ? ERASED : LEAD_STATUS[lead.status]} />}>
      <Facts
        entries={[
          [
            'Who',
            <Link key="who" to="/leads/$leadId" params={{ leadId: lead.id }}>
              {fullName(lead)}
            </Link>,
          ],
          ['Stage', humanise(lead.stage)],
          ['From', humanise(lead.source)],
          ['Property', lead.propertyAddress],
          ['Interest', intent?.type ? humanise(intent.type) : undefined],
          ['Score', qualification ? formatShare(qualification.score) : undefined],
        ]}
      />
      {qualification && qualification.factors.length > 0 ? (
        <>
          <h3 className="side-title">
            {qualification.qualified ? 'Qualified: what counted' : 'Not qualified yet: what counted'}
          </h3>
          <ul className="criteria">
            {qualification.factors.map(({ name, weight, points, says }) => (
              <li key={name}>
                <span>{humanise(name)}</span>
                <span
                  className="num muted"
                  title={`${formatShare(points)} of a weight of ${formatShare(weight)}`}
                >
                  +{Math.round(weight * points * 100)} of {Math.round(weight * 100)}
                </span>
                <span className="aside-detail">{says}</span>
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </Panel>
  );
}

function Messages({ leadId }: { leadId: string }) {
  const messages = useInfiniteQuery(messagesQuery({ leadId }));
  const found = messages.data?.pages[0]?.items ?? [];
  if (messages.error)
    return (
      <Panel id="messages" title="Texts and e-mails">
        <ErrorNote error={messages.error} retry={() => messages.refetch()} />
      </Panel>
    );
  if (found.length === 0) return null;
  return (
    <Panel id="messages" title="Texts and e-mails">
      <ul className="plain">
        {found.slice(0, SHOWN).map(({ id, channel, direction, status, subject, text, error, createdAt }) => (
          <li key={id}>
            {CHANNEL[channel]} {direction === 'inbound' ? 'from them' : 'to them'}{' '}
            <Pill word={MESSAGE_STATUS[status]} />
            <span className="aside-detail message-line">{subject ?? text}</span>
            <span className="muted small">
              <Ago at={createdAt} />
              {error ? ` · ${error.says}` : ''}
            </span>
          </li>
        ))}
      </ul>
      {found.length > SHOWN ? (
        <Link to="/leads/$leadId" params={{ leadId }}>
          All of them
        </Link>
      ) : null}
    </Panel>
  );
}

/** What was talked about with this person before, and since. */
function OtherCalls({ callId, leadId }: { callId: string; leadId: string }) {
  const calls = useInfiniteQuery(callsQuery({ leadId }));
  const others = calls.data?.pages.flatMap((page) => page.items).filter((call) => call.id !== callId) ?? [];
  if (others.length === 0) return null;
  return (
    <Panel id="earlier" title="Other calls with this person">
      <ul className="plain">
        {others.slice(0, SHOWN).map((call) => (
          <li key={call.id}>
            <Link to="/calls/$callId" params={{ callId: call.id }}>
              <Ago at={call.initiatedAt} />
            </Link>{' '}
            <Pill word={call.outcome ? OUTCOME[call.outcome] : STATUS[call.status]} />
            {call.summary ? <span className="aside-detail">{call.summary}</span> : null}
          </li>
        ))}
      </ul>
      {others.length > SHOWN ? (
        <Link to="/leads/$leadId" params={{ leadId }}>
          All of them
        </Link>
      ) : null}
    </Panel>
  );
}
