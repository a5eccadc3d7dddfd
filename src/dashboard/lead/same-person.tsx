/** dashboard/lead/same-person: the other leads that are the same person, and the numbers and addresses known from them. */
import './worth.css';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Contact, Lead } from '../../contract/index.ts';
import { formatPhone, humanise } from '../format.ts';
import { contactQuery, leadQuery } from '../queries.ts';
import { Ago, Facts, Panel } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';

/** Leads that are shown by name; of the rest it is said that they are there. */
const MOST_NAMED = 10;

/** Nothing where a lead stands alone, which is the rule. */
export function SamePerson({ lead }: { lead: Lead }) {
  const contact = useQuery(contactQuery(lead.id));
  if (contact.error)
    return (
      <Panel id="same-person" title="The same person">
        <ErrorNote error={contact.error} retry={() => contact.refetch()} />
      </Panel>
    );
  const others = (contact.data?.leadIds ?? []).filter((id) => id !== lead.id);
  return contact.data && others.length > 0 ? (
    <Others lead={lead} contact={contact.data} others={others} />
  ) : null;
}

function Others({ lead, contact, others }: { lead: Lead; contact: Contact; others: readonly string[] }) {
  // The newest are those that somebody looks for.
  const named = others.slice(-MOST_NAMED).reverse();
  const leads = useQueries({ queries: named.map(leadQuery) });
  const { phone, alternatePhone, email } = lead.contact;
  const phones = contact.phones.filter((each) => each !== phone && each !== alternatePhone);
  const emails = contact.emails.filter((each) => each !== email);
  return (
    <Panel id="same-person" title="The same person">
      <Facts
        entries={[
          ['Also at', phones.map(formatPhone).join(', ')],
          ['Also writes from', emails.join(', ')],
          ['Calls, all leads', contact.attempts > 0 ? String(contact.attempts) : undefined],
        ]}
      />
      <ul className="worth" aria-label="Other leads of this person">
        {leads.map(({ data: other }, at) => (
          <li key={named[at]}>
            {other ? (
              <>
                <Link to="/leads/$leadId" params={{ leadId: other.id }}>
                  {`${other.contact.firstName} ${other.contact.lastName}`.trim() ||
                    formatPhone(other.contact.phone)}
                </Link>
                <span className="muted">{humanise(other.status)}</span>
                <span className="aside-detail">
                  {humanise(other.source)}, received <Ago at={other.receivedAt} />
                </span>
              </>
            ) : (
              <span className="muted">…</span>
            )}
          </li>
        ))}
      </ul>
      {others.length > named.length ? (
        <p className="small muted">and {others.length - named.length} older ones</p>
      ) : null}
    </Panel>
  );
}
