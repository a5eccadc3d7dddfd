/** dashboard/compliance/may-i-call: one person, one moment: would the gate allow the call, why not, and when. */
import './may-i-call.css';
import { Button, Group, NativeSelect, SimpleGrid, Skeleton, Stack, TextInput } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import {
  IconClock,
  IconListSearch,
  IconPhone,
  IconShieldCheck,
  IconShieldQuestion,
  IconShieldX,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useRef } from 'react';
import type { CallingWindows, Decision } from '../../contract/index.ts';
import { useDialer } from '../dialer.ts';
import {
  fieldOf,
  formatIn,
  formatMomentIn,
  formatPhone,
  formatTimeIn,
  hasNumber,
  instantOf,
  OWN_ZONE,
  zoneName,
} from '../format.ts';
import { STATE_NAME } from '../lead/us-states.ts';
import { campaignsQuery, leadQuery, windowsQuery } from '../queries.ts';
import { readSimulatorSearch, type SimulatorSearch } from '../search.ts';
import { DecisionEvidence } from '../ui/decision.tsx';
import { useMayAct } from '../ui/may-act.ts';
import { PersonPicker } from '../ui/person-picker.tsx';
import { Panel, Pill, useNow, useTitle } from '../ui/pieces.tsx';
import { Empty, ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { fullName, REASON, whyNeverDialled } from '../words.ts';
import { WeekGrid } from './week-grid.tsx';
import { LIFT, LIFT_WORD } from './words.ts';

const MINUTE = 60_000;
/** As many days as the API answers for when it is not told otherwise. */
const DAYS = 7;

export function MayICall() {
  useTitle('May I call?');
  const search = useSearch({ from: '/compliance/' });
  const navigate = useNavigate({ from: '/compliance' });
  const campaigns = useQuery(campaignsQuery).data ?? [];
  const field = useRef<HTMLInputElement>(null);
  useHotkeys([['/', () => field.current?.focus()]]);
  const set = (part: { [K in keyof SimulatorSearch]: string | undefined }) => {
    navigate({ search: readSimulatorSearch({ ...search, ...part }), replace: true }).catch(() => undefined);
  };

  return (
    <>
      <search className="ask" aria-label="The call in question">
        <PersonPicker
          field={field}
          label="Whom?"
          description="A lead by name, or any number"
          person={search}
          choose={(person) => set({ lead: undefined, phone: undefined, ...person })}
        />
        <NativeSelect
          label="In which campaign?"
          description="Its hours and limits count too"
          data={[
            { value: '', label: 'None: as the house calls' },
            ...campaigns.map((campaign) => ({ value: campaign.id, label: campaign.name })),
          ]}
          value={search.campaign ?? ''}
          onChange={(event) => set({ campaign: event.currentTarget.value || undefined })}
        />
        <TextInput
          label="When?"
          description={`On your clock (${zoneName(OWN_ZONE)}). Empty: now`}
          type="datetime-local"
          value={search.at ? fieldOf(search.at, true) : ''}
          onChange={(event) => set({ at: instantOf(event.currentTarget.value) })}
          rightSectionWidth={64}
          rightSection={
            search.at ? (
              <Button variant="subtle" size="compact-sm" onClick={() => set({ at: undefined })}>
                Now
              </Button>
            ) : null
          }
        />
      </search>
      {search.lead === undefined && search.phone === undefined ? (
        <Empty icon={<IconShieldQuestion size={36} stroke={1.4} />} title="Whom would you like to call?">
          Choose a lead or enter a number. You see what the gate would say, every reason with what would lift
          it, and the hours of the coming week in which a call is allowed. Nobody is called.
        </Empty>
      ) : (
        <Answer search={search} ask={(at) => set({ at })} />
      )}
    </>
  );
}

function Answer({ search, ask }: { search: SimulatorSearch; ask: (at: string) => void }) {
  const { lead, phone, campaign, at } = search;
  const answer = useQuery(
    windowsQuery({
      ...(lead === undefined ? { phone: phone ?? '' } : { leadId: lead }),
      ...(campaign === undefined ? {} : { campaignId: campaign }),
      ...(at === undefined ? {} : { at }),
    }),
  );
  const nowMs = useNow(MINUTE);
  if (answer.error) return <ErrorNote error={answer.error} retry={() => answer.refetch()} />;
  if (!answer.data) {
    return (
      <Stack gap="md" role="status" aria-label="Asking the gate">
        <Skeleton height={140} />
        <RowsSkeleton rows={7} />
      </Stack>
    );
  }
  const { decision, windows, zone } = answer.data;
  const fromMs = Date.parse(at ?? decision.decidedAt);
  return (
    <Stack gap="md">
      <Verdict answer={answer.data} search={search} />
      <Panel
        id="week"
        title="The next 7 days"
        aside={zone ? <span className="muted small">On the clock of {zoneName(zone)}</span> : null}
      >
        {zone === null ? (
          <p className="muted">
            Where this person is cannot be told, so there is no clock to draw, and the gate allows no call.
          </p>
        ) : windows.length === 0 ? (
          <p>
            <strong>At no time.</strong> Something bars this call that does not pass with time: see the
            reasons below.
          </p>
        ) : (
          <WeekGrid
            key={`${zone} ${at ?? 'now'}`}
            windows={windows}
            zone={zone}
            fromMs={fromMs}
            nowMs={nowMs}
            ask={ask}
            days={DAYS}
          />
        )}
      </Panel>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" className="ask-more">
        <Reasons decision={decision} />
        <Stack gap="md">
          <Clocks decision={decision} at={at} nowMs={nowMs} />
          <Panel id="evidence" title="Behind this answer">
            <DecisionEvidence decision={decision} asked />
          </Panel>
        </Stack>
      </SimpleGrid>
    </Stack>
  );
}

function Verdict({ answer, search }: { answer: CallingWindows; search: SimulatorSearch }) {
  const { decision, zone } = answer;
  const { lead, phone, at } = search;
  const dialer = useDialer();
  const mayAct = useMayAct();
  const person = useQuery({ ...leadQuery(lead ?? ''), enabled: lead !== undefined }).data;
  const nowMs = useNow(MINUTE);
  const allowed = decision.verdict === 'allow';
  const who = person ? fullName(person) : formatPhone(phone ?? '');
  const number = person?.contact.phone ?? phone;
  const when = at === undefined ? 'now' : 'then';
  return (
    <section
      className="verdict"
      data-verdict={decision.verdict}
      aria-labelledby="verdict-title"
      role="status"
    >
      <span className="verdict-icon" aria-hidden="true">
        {allowed ? <IconShieldCheck size={44} stroke={1.5} /> : <IconShieldX size={44} stroke={1.5} />}
      </span>
      <div className="verdict-body">
        <h2 id="verdict-title">
          {allowed
            ? `Yes, ${who || 'this person'} may be called ${when}`
            : decision.nextAllowedAt
              ? `No, not ${when}`
              : `No, ${who || 'this person'} may not be called`}
        </h2>
        <p className="verdict-why">
          {(person ? whyNeverDialled(person) : undefined) ?? decision.explanation}
        </p>
        {at === undefined ? null : (
          <p>
            Asked for <Moment at={at} zone={zone} />.
          </p>
        )}
        {allowed ? null : decision.nextAllowedAt ? (
          <p>
            Next allowed: <Moment at={decision.nextAllowedAt} zone={zone} />,{' '}
            {formatIn(decision.nextAllowedAt, nowMs)}.
          </p>
        ) : (
          <p>Waiting will not change this.</p>
        )}
        <Group gap="xs" mt="xs">
          {allowed && at === undefined && lead !== undefined && mayAct ? (
            <Button leftSection={<IconPhone size={16} />} onClick={() => dialer.open(lead)}>
              Call
            </Button>
          ) : null}
          {number !== undefined && hasNumber(number) ? (
            <Button
              variant="default"
              leftSection={<IconListSearch size={16} />}
              renderRoot={(props) => (
                <Link to="/compliance/decisions" search={{ phone: number }} {...props} />
              )}
            >
              Earlier decisions
            </Button>
          ) : null}
          {lead === undefined ? null : (
            <Button
              variant="default"
              renderRoot={(props) => <Link to="/leads/$leadId" params={{ leadId: lead }} {...props} />}
            >
              Open the lead
            </Button>
          )}
        </Group>
      </div>
    </section>
  );
}

/** An instant on the called party's clock and on the viewer's. */
function Moment({ at, zone }: { at: string; zone: string | null }) {
  if (zone === null || zone === OWN_ZONE) return <strong>{formatMomentIn(at, OWN_ZONE)}</strong>;
  return (
    <>
      <strong>{formatMomentIn(at, zone)}</strong> in {zoneName(zone)} ({formatMomentIn(at, OWN_ZONE)} your
      time)
    </>
  );
}

function Reasons({ decision }: { decision: Decision }) {
  const entries: ReactNode[] = decision.reasons.map((reason) => (
    <li key={reason}>
      <strong>{REASON[reason]}</strong>
      <p className="muted">{LIFT[reason].how}</p>
      <p>
        <Pill word={LIFT_WORD[LIFT[reason].by]} /> <code className="muted">{reason}</code>
      </p>
    </li>
  ));
  return (
    <Panel
      id="reasons"
      title={decision.reasons.length > 1 ? 'Every reason, in the order of the rules' : 'Reason'}
    >
      {entries.length > 0 ? (
        <ol className="reasons">{entries}</ol>
      ) : (
        <p className="muted">Nothing bars this call.</p>
      )}
    </Panel>
  );
}

/** The clock in every place the person may be in: running while the question is about now. */
function Clocks({ decision, at, nowMs }: { decision: Decision; at: string | undefined; nowMs: number }) {
  return (
    <Panel
      id="places"
      title={decision.zones.length > 1 ? 'Where the person may be' : 'Where the person is'}
      aside={<IconClock size={16} stroke={1.6} aria-hidden="true" />}
    >
      {decision.zones.length === 0 ? <p className="muted">Not known.</p> : null}
      <ul className="clocks">
        {decision.zones.map(({ zone, state }) => (
          <li key={`${state} ${zone}`}>
            <span className="clock num">{formatTimeIn(at ?? nowMs, zone)}</span>
            <span>
              {STATE_NAME.get(state) ?? state}, {zoneName(zone)} time
              <span className="muted small clock-day">{formatMomentIn(at ?? nowMs, zone)}</span>
            </span>
          </li>
        ))}
      </ul>
      {decision.zones.length > 1 ? (
        <p className="muted small">A call is allowed only when it is allowed in every one of them.</p>
      ) : null}
    </Panel>
  );
}
