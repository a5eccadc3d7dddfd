/** dashboard/compliance/policy: what the business decides for itself about calls: the switch, the states, the limits. */
import { FormEnd, ReasonField } from '../ui/form.tsx';
import '../ui/history.css';
import '../ui/save-bar.css';
import './policy.css';
import { Button, Group, Modal, NumberInput, Stack, Switch, Table } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDeviceFloppy, IconHandStop, IconPlayerPlay } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useBlocker } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { CompliancePolicy } from '../../contract/index.ts';
import { api, faultOf } from '../api.ts';
import { gateChanged, keys, policyQuery } from '../queries.ts';
import { useMay } from '../ui/may-act.ts';
import { Ago, NotForYou, Panel, useTitle } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { StatesGrid } from './states-grid.tsx';
import { SETTING, type Setting, type Settings, settingLabel, tellChange } from './words.ts';

/** What may be changed together and saved with one reason; the switch has a door of its own. */
type Draft = Partial<Omit<Settings, 'killSwitch'>>;

const SWITCHES = [
  'requireNationalRegistry',
  'requireStateLists',
  'requireReassignedCheck',
] as const satisfies readonly Setting[];
const EXCEPTIONS = ['dncConsentOverride', 'allowExemptCalls'] as const satisfies readonly Setting[];
/** As the contract bounds them. */
const LIMITS = [
  ['maxPer24h', 0, 10],
  ['maxPerDay', 0, 10],
  ['maxPer7Days', 0, 70],
  ['maxPer30Days', 0, 300],
  ['minGapMinutes', 0, 10_000],
  ['stopAfterUnanswered', 1, 100],
] as const satisfies readonly (readonly [Setting, number, number])[];

export function Policy() {
  useTitle('Policy');
  const policy = useQuery(policyQuery);
  const admin = useMay('ADMIN');
  return (
    <>
      <header className="tab-head">
        <h2>Policy</h2>
        <p className="muted small">
          Consent, our own do-not-call list and federal hours always hold: no setting here lifts them.
        </p>
      </header>
      {policy.error ? <ErrorNote error={policy.error} retry={() => policy.refetch()} /> : null}
      {policy.isPending ? <RowsSkeleton /> : null}
      {policy.data ? <Editor policy={policy.data} admin={admin} /> : null}
    </>
  );
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function Editor({ policy, admin }: { policy: CompliancePolicy; admin: boolean }) {
  const [draft, setDraft] = useState<Draft>({});
  const [saving, setSaving] = useState(false);
  const changed = Object.entries(draft).filter(([key, value]) => !same(value, policy[key as keyof Draft]));
  const dirty = changed.length > 0;
  useBlocker({
    shouldBlockFn: () => !window.confirm('Leave without saving the changes to the policy?'),
    enableBeforeUnload: dirty,
    disabled: !dirty,
  });
  const set = (part: Draft) => setDraft((before) => ({ ...before, ...part }));
  const shown = { ...policy, ...draft };

  return (
    <Stack gap="md">
      {admin ? null : <NotForYou needs="administrator">The policy can be read, not changed, here.</NotForYou>}
      <KillSwitch policy={policy} admin={admin} />
      <Panel id="states" title="States">
        <StatesGrid
          blocked={shown.blockedStates}
          frozen={shown.emergencyStates}
          change={
            admin ? (blockedStates, emergencyStates) => set({ blockedStates, emergencyStates }) : undefined
          }
        />
      </Panel>
      <Panel id="lists-needed" title="Lists that must be there">
        {SWITCHES.map((key) => (
          <Row key={key} setting={key}>
            <OnOff setting={key} on={shown[key]} admin={admin} change={(on) => set({ [key]: on })} />
          </Row>
        ))}
      </Panel>
      <Panel id="exceptions" title="Exceptions the law allows">
        {EXCEPTIONS.map((key) => (
          <Row key={key} setting={key}>
            <OnOff setting={key} on={shown[key]} admin={admin} change={(on) => set({ [key]: on })} />
          </Row>
        ))}
      </Panel>
      <Panel id="limits" title="How often one person may be tried">
        {LIMITS.map(([key, min, max]) => (
          <Row key={key} setting={key}>
            <NumberInput
              w="7rem"
              aria-label={SETTING[key].label}
              min={min}
              max={max}
              allowDecimal={false}
              clampBehavior="strict"
              disabled={!admin}
              value={shown[key]}
              onChange={(value) => {
                if (typeof value === 'number') set({ [key]: value });
              }}
            />
          </Row>
        ))}
      </Panel>
      <History policy={policy} />
      {dirty ? (
        <section className="save-bar" aria-label="Unsaved changes">
          <p role="status">
            {changed.length === 1 ? 'One setting is changed' : `${changed.length} settings are changed`}, not
            saved.
          </p>
          <Group gap="xs">
            <Button variant="default" onClick={() => setDraft({})}>
              Undo
            </Button>
            <Button leftSection={<IconDeviceFloppy size={16} />} onClick={() => setSaving(true)}>
              Look over and save
            </Button>
          </Group>
        </section>
      ) : null}
      {saving ? (
        <Save
          policy={policy}
          change={Object.fromEntries(changed)}
          close={() => setSaving(false)}
          saved={() => setDraft({})}
        />
      ) : null}
    </Stack>
  );
}

function Row({ setting, children }: { setting: Setting; children: ReactNode }) {
  const { label, means, source } = SETTING[setting];
  return (
    <div className="setting">
      <div>
        <strong>{label}</strong>
        <p className="small">{means}</p>
        <p className="small muted">{source}</p>
      </div>
      {children}
    </div>
  );
}

function OnOff({
  setting,
  on,
  admin,
  change,
}: {
  setting: Setting;
  on: boolean;
  admin: boolean;
  change: (on: boolean) => void;
}) {
  return (
    <Group gap="xs" wrap="nowrap">
      <span className="small muted" aria-hidden="true">
        {on ? 'On' : 'Off'}
      </span>
      <Switch
        aria-label={SETTING[setting].label}
        disabled={!admin}
        checked={on}
        onChange={(event) => change(event.currentTarget.checked)}
      />
    </Group>
  );
}

/** Saves part of the policy; every page hears of it at once. */
function useSave(done: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: api.changePolicy,
    onSuccess: (policy) => {
      queries.setQueryData(keys.policy, policy);
      gateChanged(queries);
      done();
    },
  });
}

function KillSwitch({ policy, admin }: { policy: CompliancePolicy; admin: boolean }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const stopped = policy.killSwitch;
  const save = useSave(() => {
    notifications.show({
      color: stopped ? 'petrol' : 'red',
      title: stopped ? 'Calls go on' : 'All outbound calls are stopped',
      message: stopped ? 'The gate decides each call again.' : 'Every call is refused from now on.',
    });
    setAsking(false);
    setReason('');
  });
  const { label, means, source } = SETTING.killSwitch;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) save.mutate({ killSwitch: !stopped, reason: reason.trim() });
  };
  return (
    <section className="kill" data-on={stopped || undefined} aria-labelledby="kill-title">
      <div>
        <h3 id="kill-title">{stopped ? 'All outbound calls are stopped' : label}</h3>
        <p className="small">{means} Calls that are going on are not cut.</p>
        <p className="small muted">{source}</p>
      </div>
      {admin ? (
        <Button
          size="md"
          color={stopped ? 'petrol' : 'red.9'}
          leftSection={stopped ? <IconPlayerPlay size={18} /> : <IconHandStop size={18} />}
          onClick={() => setAsking(true)}
        >
          {stopped ? 'Let calls go on' : 'Stop all calls'}
        </Button>
      ) : null}
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={stopped ? 'Let calls go on?' : 'Stop all outbound calls?'}
      >
        <form onSubmit={submit}>
          <Stack gap="sm">
            <p>
              {stopped
                ? 'From now on the gate decides each call again. Campaigns that are running go on at once.'
                : 'Every outbound call is refused from this moment, in every campaign, until somebody switches calls on again. Everybody sees it on every page.'}
            </p>
            <ReasonField value={reason} change={setReason} error={faultOf(save.error, '/reason')} autoFocus />
            <FormEnd
              error={save.error}
              close={() => setAsking(false)}
              busy={save.isPending}
              ready={reason.trim() !== ''}
              danger={!stopped}
            >
              {stopped ? 'Let calls go on' : 'Stop all calls'}
            </FormEnd>
          </Stack>
        </form>
      </Modal>
    </section>
  );
}

function Save({
  policy,
  change,
  close,
  saved,
}: {
  policy: CompliancePolicy;
  change: Draft;
  close: () => void;
  saved: () => void;
}) {
  const [reason, setReason] = useState('');
  const save = useSave(() => {
    notifications.show({
      color: 'petrol',
      title: 'Policy saved',
      message: 'It holds for every call from now on.',
    });
    saved();
    close();
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim()) save.mutate({ ...change, reason: reason.trim() });
  };
  return (
    <Modal opened onClose={close} size="lg" title="Save these changes?">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Table fz="sm" verticalSpacing="xs">
            <Table.Tbody>
              {Object.entries(change).map(([key, value]) => (
                <Table.Tr key={key}>
                  <Table.Th scope="row" fw={500}>
                    {settingLabel(key)}
                  </Table.Th>
                  <Table.Td className="num">{tellChange(policy[key as keyof Draft], value)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <ReasonField
            description="Kept for ever, with your name: somebody will ask."
            value={reason}
            change={setReason}
            error={faultOf(save.error, '/reason')}
            autoFocus
          />
          <FormEnd
            error={save.error}
            close={close}
            back="Go back"
            busy={save.isPending}
            ready={reason.trim() !== ''}
          >
            Save
          </FormEnd>
        </Stack>
      </form>
    </Modal>
  );
}

function History({ policy }: { policy: CompliancePolicy }) {
  return (
    <Panel id="policy-history" title="Who changed what, and why">
      {policy.history.length === 0 ? <p className="muted">Nothing was changed yet.</p> : null}
      <ol className="history">
        {policy.history.map((change) => (
          <li key={`${change.at} ${change.by}`} data-kind="note">
            <span className="history-title">{change.reason}</span>
            <ul className="small">
              {change.changes.map(({ setting, before, after }) => (
                <li key={setting}>
                  {settingLabel(setting)}: <span className="num">{tellChange(before, after)}</span>
                </li>
              ))}
            </ul>
            <span className="history-detail">
              {change.by}, <Ago at={change.at} />
            </span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
