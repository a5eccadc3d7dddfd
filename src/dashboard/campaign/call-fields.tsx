/** dashboard/campaign/call-fields: how a call of the campaign is made, and what the agent says and asks in it. */
import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  NativeSelect,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { newRowKey } from '../ui/row-key.ts';
import { CALLED_HOURS, type CalledHours, type Draft } from './draft.ts';
import { DelayInput } from './fields.tsx';

const PURPOSES = [
  { value: 'marketing', label: 'Marketing: it may lead to a sale' },
  { value: 'informational', label: 'Information only' },
];
const MACHINES = [
  { value: 'hang_up', label: 'Hang up' },
  { value: 'leave_message', label: 'Leave a message' },
  { value: 'talk', label: 'Talk on' },
];
const DAYS = [
  { value: 'mon', label: 'Mon' },
  { value: 'tue', label: 'Tue' },
  { value: 'wed', label: 'Wed' },
  { value: 'thu', label: 'Thu' },
  { value: 'fri', label: 'Fri' },
  { value: 'sat', label: 'Sat' },
  { value: 'sun', label: 'Sun' },
] as const;

type Calling = Draft['calling'];
type Fault = (pointer: string) => string | undefined;

export function CallFields({
  calling,
  name,
  change,
  fault,
}: {
  calling: Calling;
  /** Of the campaign. */
  name: string;
  change: (calling: Calling) => void;
  fault: Fault;
}) {
  const set = (part: Partial<Calling>) => change({ ...calling, ...part });
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <NativeSelect
          label="Purpose"
          description="The gate asks for another consent for each"
          data={PURPOSES}
          value={calling.purpose}
          onChange={(event) => set({ purpose: event.currentTarget.value as Calling['purpose'] })}
        />
        <TextInput
          label="Subject"
          description="What it is about; limits count by it"
          maxLength={100}
          placeholder={name.trim()}
          value={calling.subject}
          onChange={(event) => set({ subject: event.currentTarget.value })}
          error={fault('/subject')}
        />
        <NumberInput
          label="Rings for"
          description="The law wants 15 seconds at least"
          suffix=" seconds"
          min={15}
          max={120}
          allowDecimal={false}
          value={calling.ringTimeoutSec}
          onChange={(value) => {
            if (typeof value === 'number') set({ ringTimeoutSec: value });
          }}
          error={fault('/ringTimeoutSec')}
        />
        <DelayInput
          label="Longest call"
          description="Then it is ended"
          seconds={calling.maxCallSec}
          change={(maxCallSec) => set({ maxCallSec })}
          error={fault('/maxCallSec')}
        />
        <NativeSelect
          label="When a machine answers"
          description="Such as voicemail"
          data={MACHINES}
          value={calling.machinePolicy}
          onChange={(event) => set({ machinePolicy: event.currentTarget.value as Calling['machinePolicy'] })}
          error={fault('/machinePolicy')}
        />
        <TextInput
          label="Hands over to"
          description="A person, when somebody asks for one"
          type="tel"
          placeholder="(206) 555-0123"
          value={calling.transferNumber}
          onChange={(event) => set({ transferNumber: event.currentTarget.value })}
          error={fault('/transferNumber')}
        />
      </SimpleGrid>
      {calling.machinePolicy === 'leave_message' ? (
        <Textarea
          label="The message"
          description="Said after who calls and how to stop. May hold {{lead_name}} and other placeholders of the prompts."
          required
          autosize
          minRows={2}
          maxLength={1000}
          value={calling.voicemailText}
          onChange={(event) => set({ voicemailText: event.currentTarget.value })}
          error={fault('/voicemailText')}
        />
      ) : null}
      <Switch
        label="Narrower hours on the called person's own clock"
        checked={calling.hours !== null}
        onChange={(event) => set({ hours: event.currentTarget.checked ? CALLED_HOURS : null })}
      />
      {calling.hours ? (
        <CalledHoursFields hours={calling.hours} change={(hours) => set({ hours })} fault={fault} />
      ) : null}
      <Switch
        label="The carrier records too"
        description="Besides our own recording of the line."
        checked={calling.carrierRecording}
        onChange={(event) => set({ carrierRecording: event.currentTarget.checked })}
      />
    </Stack>
  );
}

function CalledHoursFields({
  hours,
  change,
  fault,
}: {
  hours: CalledHours;
  change: (hours: CalledHours) => void;
  fault: Fault;
}) {
  return (
    <Group gap="md" align="end">
      <TextInput
        type="time"
        label="From"
        value={hours.start}
        onChange={(event) => change({ ...hours, start: event.currentTarget.value })}
        error={fault('/hours/start')}
      />
      <TextInput
        type="time"
        label="To"
        value={hours.end}
        onChange={(event) => change({ ...hours, end: event.currentTarget.value })}
        error={fault('/hours/end')}
      />
      <Checkbox.Group
        label="Days"
        value={hours.days}
        onChange={(days) => change({ ...hours, days: days as CalledHours['days'] })}
        error={fault('/hours/days')}
      >
        <Group gap="sm" mt={4} mih="2.25rem">
          {DAYS.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label} />
          ))}
        </Group>
      </Checkbox.Group>
    </Group>
  );
}

type Strategy = Draft['strategy'];
const MOST_QUESTIONS = 30;

export function StrategyFields({
  strategy,
  change,
  fault,
}: {
  strategy: Strategy;
  change: (strategy: Strategy) => void;
  fault: Fault;
}) {
  const set = (part: Partial<Strategy>) => change({ ...strategy, ...part });
  const { questions, objections } = strategy;
  return (
    <Stack gap="sm">
      <Textarea
        label="Opening"
        description="Behind who calls, for whom, and that it is recorded: those are always said. May hold {{lead_name}}."
        autosize
        minRows={2}
        maxLength={2000}
        value={strategy.openingScript}
        onChange={(event) => set({ openingScript: event.currentTarget.value })}
        error={fault('/openingScript')}
      />
      <Textarea
        label="Questions"
        description="One in each line"
        autosize
        minRows={3}
        placeholder={"What's your timeline for selling?\nAre there any repairs needed?"}
        value={questions.join('\n')}
        onChange={(event) =>
          set({ questions: event.currentTarget.value.split('\n').slice(0, MOST_QUESTIONS) })
        }
        error={
          fault('/qualificationQuestions') ??
          questions
            .map((_, index) => fault(`/qualificationQuestions/${index}`))
            .find((each) => each !== undefined)
        }
      />
      <fieldset className="objections">
        <legend>Answers to objections</legend>
        {objections.map((one, index) => (
          <div key={one.key} className="objection">
            <TextInput
              aria-label={`Objection ${index + 1}`}
              placeholder="Not interested"
              maxLength={60}
              value={one.kind}
              onChange={(event) => {
                const { value } = event.currentTarget;
                set({
                  objections: objections.map((each) =>
                    each.key === one.key ? { ...each, kind: value } : each,
                  ),
                });
              }}
            />
            <Textarea
              aria-label={`Answer to objection ${index + 1}`}
              placeholder="I understand. Just so you know …"
              autosize
              maxLength={1000}
              value={one.answer}
              onChange={(event) => {
                const { value } = event.currentTarget;
                set({
                  objections: objections.map((each) =>
                    each.key === one.key ? { ...each, answer: value } : each,
                  ),
                });
              }}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={`Remove objection ${index + 1}`}
              onClick={() => set({ objections: objections.filter((each) => each.key !== one.key) })}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </div>
        ))}
        <Button
          variant="default"
          size="compact-sm"
          leftSection={<IconPlus size={14} />}
          onClick={() => set({ objections: [...objections, { key: newRowKey(), kind: '', answer: '' }] })}
        >
          Add an objection
        </Button>
      </fieldset>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <TextInput
          label="What to ask for at the end"
          description="Once it is clear that they fit"
          placeholder="Would you be open to a quick visit this week?"
          maxLength={500}
          value={strategy.callToAction}
          onChange={(event) => set({ callToAction: event.currentTarget.value })}
          error={fault('/callToAction')}
        />
        <TextInput
          label="Voice"
          description="Its id at the agent platform. Empty: the agent's own"
          maxLength={100}
          autoComplete="off"
          value={strategy.voiceId}
          onChange={(event) => set({ voiceId: event.currentTarget.value })}
          error={fault('/voiceId')}
        />
      </SimpleGrid>
    </Stack>
  );
}
