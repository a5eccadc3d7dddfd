/** dashboard/campaign/workflow-line: what is done with a lead, as a line one reads from top to bottom; each step is changed in place. */
import './workflow-line.css';
import {
  ActionIcon,
  Button,
  Group,
  NativeSelect,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
} from '@mantine/core';
import {
  IconArrowDown,
  IconArrowUp,
  IconMail,
  IconMessage,
  IconPencil,
  IconPhone,
  IconPlant2,
  IconPlus,
  IconTrash,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { MessageTemplate, Workflow } from '../../contract/index.ts';
import { templatesQuery } from '../queries.ts';
import { newRowKey } from '../ui/row-key.ts';
import { type Method, movedStep, type RetryReason, type StepDraft, type WorkflowDraft } from './draft.ts';
import { DelayInput, MINUTE } from './fields.tsx';
import {
  FREQUENCY,
  METHOD,
  RETRY_REASON,
  TIMING,
  tellFirst,
  tellNurture,
  tellRetries,
  tellStep,
} from './words.ts';

const ICON = { automated_call: IconPhone, sms: IconMessage, email: IconMail, nurture: IconPlant2 } as const;

function Step({
  kind,
  title,
  detail,
  tools,
  children,
  fault = false,
  movable = false,
}: {
  kind: keyof typeof ICON;
  title: string;
  detail?: ReactNode;
  tools?: ReactNode;
  children?: ReactNode;
  fault?: boolean;
  movable?: boolean;
}) {
  const Icon = ICON[kind];
  return (
    <li className="step" data-fault={fault || undefined} data-movable={movable || undefined}>
      <span className="step-icon" aria-hidden="true">
        <Icon size={16} stroke={1.8} />
      </span>
      <div className="step-body">
        <div className="step-head">
          <div>
            <strong>{title}</strong>
            {detail ? <p className="small muted">{detail}</p> : null}
          </div>
          {tools ? <div className="step-tools">{tools}</div> : null}
        </div>
        {children}
      </div>
    </li>
  );
}

/** The same line to read. */
export function WorkflowPlan({ workflow }: { workflow: Workflow }) {
  const { initialContact: first, followUp, nurture } = workflow;
  return (
    <ol className="steps">
      <Step kind="automated_call" title={tellFirst(first)} detail={tellRetries(first.retryDelays)} />
      {followUp.map((step, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the position is the step
        <Step key={index} kind={step.method} title={tellStep(step)} />
      ))}
      {nurture?.enabled ? (
        <Step kind="nurture" title={tellNurture(nurture)} detail={nurture.content.join(', ')} />
      ) : null}
    </ol>
  );
}

const TIMINGS = (Object.keys(TIMING) as (keyof typeof TIMING)[]).map((value) => ({
  value,
  label: TIMING[value],
}));
const METHODS = (Object.keys(METHOD) as Method[]).map((value) => ({ value, label: METHOD[value] }));
const FREQUENCIES = (Object.keys(FREQUENCY) as (keyof typeof FREQUENCY)[]).map((value) => ({
  value,
  label: FREQUENCY[value],
}));
const REASONS = Object.keys(RETRY_REASON) as RetryReason[];
/** As the contract bounds it. */
const MOST_STEPS = 50;
const DAY = 86_400;

type Templates = readonly MessageTemplate[];

/** The names that can be chosen; one that is not there stays to be seen. */
function templateChoices(
  templates: Templates,
  channel: MessageTemplate['channel'] | undefined,
  chosen: string,
) {
  const names = templates
    .filter((one) => one.retiredAt === undefined && (channel === undefined || one.channel === channel))
    .map(({ name }) => ({ value: name, label: name }));
  const missing = chosen !== '' && !names.some(({ value }) => value === chosen);
  return {
    data: [
      { value: '', label: 'Choose …' },
      ...names,
      ...(missing ? [{ value: chosen, label: `${chosen} (not there)` }] : []),
    ],
    problem: missing ? 'There is no such template.' : undefined,
  };
}

function Tool({
  label,
  icon,
  act,
  disabled = false,
}: {
  label: string;
  icon: ReactNode;
  act: () => void;
  disabled?: boolean;
}) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      aria-label={label}
      // Greyed by hand: a button that is truly disabled would drop the focus of who moves a step to the end.
      {...(disabled ? { 'data-disabled': true } : {})}
      aria-disabled={disabled}
      onClick={disabled ? undefined : act}
    >
      {icon}
    </ActionIcon>
  );
}

export function WorkflowEditor({
  workflow,
  change,
  fault,
}: {
  workflow: WorkflowDraft;
  change: (workflow: WorkflowDraft) => void;
  fault: (pointer: string) => string | undefined;
}) {
  const templates = useQuery(templatesQuery).data ?? [];
  /** `first`, `nurture`, or the key of a step. */
  const [open, setOpen] = useState<string>();
  const [moved, setMoved] = useState('');
  const list = useRef<HTMLOListElement>(null);
  /** After a step is gone the focus goes to its neighbour, not to the beginning of the page. */
  const focusOn = useRef<number>(undefined);
  useEffect(() => {
    if (focusOn.current === undefined) return;
    const heads = list.current?.querySelectorAll<HTMLElement>('[data-movable] .step-tools button');
    const buttons = [...(heads ?? [])].filter((button) =>
      button.getAttribute('aria-label')?.startsWith('Change'),
    );
    (
      buttons[Math.min(focusOn.current, buttons.length - 1)] ??
      list.current?.querySelector<HTMLElement>('[data-add]')
    )?.focus();
    focusOn.current = undefined;
  });

  const { first, steps, nurture } = workflow;
  const toggle = (key: string) => setOpen((now) => (now === key ? undefined : key));
  const setFirst = (part: Partial<WorkflowDraft['first']>) =>
    change({ ...workflow, first: { ...first, ...part } });
  const setNurture = (part: Partial<WorkflowDraft['nurture']>) =>
    change({ ...workflow, nurture: { ...nurture, ...part } });
  const setStep = (key: string, part: Partial<StepDraft>) =>
    change({ ...workflow, steps: steps.map((step) => (step.key === key ? { ...step, ...part } : step)) });
  const add = (method: Method) => {
    const step: StepDraft = {
      key: newRowKey(),
      delay: (steps.at(-1)?.delay ?? 0) + DAY,
      method,
      template: '',
    };
    change({ ...workflow, steps: [...steps, step] });
    setOpen(step.key);
  };
  const remove = (index: number) => {
    change({ ...workflow, steps: steps.filter((_, other) => other !== index) });
    setMoved(`Step ${index + 1} removed`);
    focusOn.current = index;
  };
  const move = (index: number, by: 1 | -1) => {
    change({ ...workflow, steps: movedStep(steps, index, by) });
    setMoved(`Now step ${index + 1 + by} of ${steps.length}`);
  };

  return (
    <>
      <ol className="steps" ref={list}>
        <Step
          kind="automated_call"
          title={tellFirst(first)}
          detail={tellRetries(first.retryDelays)}
          tools={
            <Tool
              label={open === 'first' ? 'Close the first contact' : 'Change the first contact'}
              icon={<IconPencil size={16} />}
              act={() => toggle('first')}
            />
          }
        >
          {open === 'first' ? <FirstFields first={first} change={setFirst} fault={fault} /> : null}
        </Step>
        {steps.map((step, index) => (
          <StepRow
            key={step.key}
            step={step}
            index={index}
            count={steps.length}
            before={steps[index - 1]?.delay}
            open={open === step.key}
            templates={templates}
            toggle={() => toggle(step.key)}
            change={(part) => setStep(step.key, part)}
            move={(by) => move(index, by)}
            remove={() => remove(index)}
            fault={(member) => fault(`/workflow/followUp/${index}/${member}`)}
          />
        ))}
        <li className="step step-add">
          <span className="step-icon" aria-hidden="true">
            <IconPlus size={16} />
          </span>
          <Group gap="xs">
            {METHODS.map(({ value, label }) => (
              <Button
                key={value}
                data-add
                variant="default"
                size="compact-sm"
                disabled={steps.length >= MOST_STEPS}
                onClick={() => add(value)}
              >
                Add {label.toLowerCase()}
              </Button>
            ))}
          </Group>
        </li>
        <Step
          kind="nurture"
          title={nurture.enabled ? tellNurture(nurture) : 'No nurture afterwards'}
          detail={nurture.enabled ? nurture.content.join(', ') : undefined}
          fault={fault('/workflow/nurture/content') !== undefined}
          tools={
            <Tool
              label={open === 'nurture' ? 'Close nurture' : 'Change nurture'}
              icon={<IconPencil size={16} />}
              act={() => toggle('nurture')}
            />
          }
        >
          {open === 'nurture' ? (
            <NurtureFields nurture={nurture} change={setNurture} templates={templates} fault={fault} />
          ) : null}
        </Step>
      </ol>
      <p className="sr" role="status">
        {moved}
      </p>
    </>
  );
}

function FirstFields({
  first,
  change,
  fault,
}: {
  first: WorkflowDraft['first'];
  change: (part: Partial<WorkflowDraft['first']>) => void;
  fault: (pointer: string) => string | undefined;
}) {
  const delays = first.retryDelays ?? {};
  const setDelay = (reason: RetryReason, delay: number | undefined) => {
    const { [reason]: _before, ...others } = delays;
    change({ retryDelays: delay === undefined ? others : { ...others, [reason]: delay } });
  };
  return (
    <Stack gap="sm" className="step-fields">
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <NativeSelect
          label="First call"
          description="After the lead came in"
          data={TIMINGS}
          value={first.timing}
          onChange={(event) => change({ timing: event.currentTarget.value as typeof first.timing })}
          autoFocus
        />
        <NumberInput
          label="Calls at most"
          description="Until somebody is reached"
          min={1}
          max={20}
          allowDecimal={false}
          clampBehavior="strict"
          value={first.maxAttempts}
          onChange={(value) => {
            if (typeof value === 'number' && value >= 1) change({ maxAttempts: value });
          }}
          error={fault('/workflow/initialContact/maxAttempts')}
        />
      </SimpleGrid>
      <DelayInput
        label="Next try after"
        seconds={first.retryDelay}
        change={(retryDelay) => change({ retryDelay })}
        error={fault('/workflow/initialContact/retryDelay')}
      />
      <fieldset className="retries">
        <legend className="small">Otherwise, when it was …</legend>
        {REASONS.map((reason) => {
          const delay = delays[reason];
          return (
            <div key={reason} className="retry">
              <Switch
                label={RETRY_REASON[reason]}
                checked={delay !== undefined}
                onChange={(event) =>
                  setDelay(
                    reason,
                    event.currentTarget.checked ? Math.min(first.retryDelay, 10 * MINUTE) : undefined,
                  )
                }
              />
              {delay === undefined ? null : (
                <DelayInput
                  label={`After ${RETRY_REASON[reason]}`}
                  seconds={delay}
                  change={(next) => setDelay(reason, next)}
                  error={fault(`/workflow/initialContact/retryDelays/${reason}`)}
                />
              )}
            </div>
          );
        })}
      </fieldset>
    </Stack>
  );
}

function StepRow({
  step,
  index,
  count,
  before,
  open,
  templates,
  toggle,
  change,
  move,
  remove,
  fault,
}: {
  step: StepDraft;
  index: number;
  count: number;
  /** The delay of the step above. */
  before: number | undefined;
  open: boolean;
  templates: Templates;
  toggle: () => void;
  change: (part: Partial<StepDraft>) => void;
  move: (by: 1 | -1) => void;
  remove: () => void;
  fault: (member: string) => string | undefined;
}) {
  const message = step.method === 'automated_call' ? undefined : step.method;
  const choices = templateChoices(templates, message, step.template);
  const late =
    before !== undefined && step.delay < before ? 'Must not be before the step above.' : fault('delay');
  const unnamed =
    message === undefined
      ? undefined
      : (fault('template') ?? choices.problem ?? (step.template === '' ? 'Choose a template.' : undefined));
  const name = `step ${index + 1}`;
  return (
    <Step
      movable
      kind={step.method}
      title={tellStep(step)}
      detail={late ?? unnamed}
      fault={late !== undefined || unnamed !== undefined}
      tools={
        <>
          <Tool
            label={open ? `Close ${name}` : `Change ${name}`}
            icon={<IconPencil size={16} />}
            act={toggle}
          />
          <Tool
            label={`Move ${name} up`}
            icon={<IconArrowUp size={16} />}
            act={() => move(-1)}
            disabled={index === 0}
          />
          <Tool
            label={`Move ${name} down`}
            icon={<IconArrowDown size={16} />}
            act={() => move(1)}
            disabled={index === count - 1}
          />
          <Tool label={`Remove ${name}`} icon={<IconTrash size={16} />} act={remove} />
        </>
      }
    >
      {open ? (
        <Stack gap="sm" className="step-fields">
          <DelayInput
            label="After"
            seconds={step.delay}
            min={0}
            change={(delay) => change({ delay })}
            error={late}
            autoFocus
          />
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <NativeSelect
              label="What"
              data={METHODS}
              value={step.method}
              onChange={(event) => change({ method: event.currentTarget.value as Method, template: '' })}
            />
            {message === undefined ? null : (
              <NativeSelect
                label="Template"
                data={choices.data}
                value={step.template}
                onChange={(event) => change({ template: event.currentTarget.value })}
                error={fault('template') ?? choices.problem}
              />
            )}
          </SimpleGrid>
          {message === undefined ? null : (
            <p className="small">
              <Link to="/templates" search={{ new: true }} target="_blank">
                Write a template
              </Link>{' '}
              <span className="muted">(opens beside this page)</span>
            </p>
          )}
        </Stack>
      ) : null}
    </Step>
  );
}

function NurtureFields({
  nurture,
  change,
  templates,
  fault,
}: {
  nurture: WorkflowDraft['nurture'];
  change: (part: Partial<WorkflowDraft['nurture']>) => void;
  templates: Templates;
  fault: (pointer: string) => string | undefined;
}) {
  const choices = templateChoices(templates, undefined, '').data.slice(1);
  const rest = choices.filter(({ value }) => !nurture.content.includes(value));
  return (
    <Stack gap="sm" className="step-fields">
      <Switch
        label="Keep in touch with who was not reached"
        checked={nurture.enabled}
        onChange={(event) => change({ enabled: event.currentTarget.checked })}
        autoFocus
      />
      {nurture.enabled ? (
        <>
          <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
            <NativeSelect
              label="How often"
              data={FREQUENCIES}
              value={nurture.frequency}
              onChange={(event) =>
                change({ frequency: event.currentTarget.value as typeof nurture.frequency })
              }
            />
            <NumberInput
              label="For so many days"
              min={1}
              max={3_650}
              allowDecimal={false}
              clampBehavior="strict"
              value={nurture.duration}
              onChange={(value) => {
                if (typeof value === 'number' && value >= 1) change({ duration: value });
              }}
              error={fault('/workflow/nurture/duration')}
            />
          </SimpleGrid>
          <div>
            <h3>Messages, one after the other</h3>
            <ol className="turns">
              {nurture.content.map((name) => (
                <li key={name}>
                  <code>{name}</code>
                  <Tool
                    label={`Remove ${name}`}
                    icon={<IconTrash size={15} />}
                    act={() => change({ content: nurture.content.filter((other) => other !== name) })}
                  />
                </li>
              ))}
            </ol>
            {nurture.content.length === 0 ? <p className="small muted">None yet: choose the first.</p> : null}
          </div>
          <NativeSelect
            label="Add a message"
            data={[{ value: '', label: rest.length > 0 ? 'Choose …' : 'No more templates' }, ...rest]}
            value=""
            onChange={(event) => {
              const { value } = event.currentTarget;
              if (value) change({ content: [...nurture.content, value] });
            }}
            error={fault('/workflow/nurture/content')}
          />
        </>
      ) : null}
    </Stack>
  );
}
