/**
 * dashboard/call/make-test: a call as a file by which analyses are measured. It is looked through before it is kept: that nobody is
 * named in it, and that what is expected is what a careful person would expect.
 */
import {
  Button,
  Checkbox,
  Group,
  Modal,
  NativeSelect,
  NumberInput,
  Stack,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import {
  type CallTest,
  ExtractedInfo,
  FoundOutcome,
  KeyMomentType,
  Motivation,
  WrittenConversation,
} from '../../contract/index.ts';
import { count, formatMoment, humanise } from '../format.ts';
import { saveAs } from '../lead-import/refused-rows.ts';
import { callTestQuery } from '../queries.ts';
import { FormEnd } from '../ui/form.tsx';
import { Notice } from '../ui/pieces.tsx';
import { ErrorNote, RowsSkeleton } from '../ui/states.tsx';
import { FOLLOW_UP, KEY_MOMENT, OUTCOME } from '../words.ts';

export function MakeTest({ callId, close }: { callId: string; close: () => void }) {
  const test = useQuery(callTestQuery(callId));
  return (
    <Modal opened onClose={close} size="xl" title="Make a test from this call">
      {test.error ? <ErrorNote error={test.error} retry={() => test.refetch()} /> : null}
      {test.isPending ? <RowsSkeleton rows={6} /> : null}
      {test.data ? <LookThrough test={test.data} close={close} /> : null}
    </Modal>
  );
}

type Expected = WrittenConversation['expected'];

const KIND: Record<CallTest['replaced'][number]['kind'], string> = {
  name: 'name',
  number: 'number',
  address: 'address',
  email: 'e-mail address',
};
const lineOf = (talk: readonly string[], index: number): string => talk[index]?.replace(/^\w+: /, '') ?? '';

function LookThrough({ test, close }: { test: CallTest; close: () => void }) {
  const { callId, conversation, replaced, leftOut, notes } = test;
  const [about, setAbout] = useState(conversation.about);
  const [talk, setTalk] = useState(conversation.talk.join('\n'));
  const [expected, setExpected] = useState(conversation.expected);
  const [isLookedThrough, setLookedThrough] = useState(false);
  const change = (part: Partial<Expected>) => setExpected((before) => ({ ...before, ...part }));
  const lines = talk.split('\n');
  const broken = lines.findIndex((line) => !/^(agent|user|system): ./.test(line));
  const wrongTalk =
    lines.length !== conversation.talk.length
      ? `There were ${conversation.talk.length} lines, now there are ${lines.length}: what is expected counts them.`
      : broken >= 0
        ? `Line ${broken + 1} must begin with agent:, user: or system: and say something.`
        : undefined;
  const file = WrittenConversation.safeParse({ ...conversation, about: about.trim(), talk: lines, expected });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!file.success) return;
        const text = `${JSON.stringify(file.data, undefined, 2)}\n`;
        saveAs(new Blob([text], { type: 'application/json' }), `call-${callId}.json`);
        close();
      }}
    >
      <Stack gap="md">
        <p className="small">
          The file has what was said and what an analysis should find in it. Put it into a folder and run{' '}
          <code>npm run evals -- &lt;folder&gt;</code>.
        </p>
        {notes.length > 0 ? (
          <Notice tone="warn" title="Before it is kept">
            {notes.map((note) => (
              <p key={note}>{note}</p>
            ))}
          </Notice>
        ) : null}
        <Notice
          tone="info"
          title={
            replaced.length === 0
              ? 'No personal data was found'
              : `${count(replaced.length, 'piece')} of personal data replaced`
          }
        >
          <ul className="replaced">
            {replaced.map(({ kind, found, by, times }) => (
              <li key={`${kind} ${found}`}>
                {found} → <strong>{by}</strong>
                <span className="muted">
                  {' '}
                  ({KIND[kind]}, {count(times, 'time')})
                </span>
              </li>
            ))}
          </ul>
          <p>Names said in a way nobody foresaw are still there: read every line.</p>
        </Notice>
        <TextInput
          label="What it is about"
          maxLength={300}
          value={about}
          onChange={(event) => setAbout(event.currentTarget.value)}
        />
        <Textarea
          label="What was said"
          description="A line for each message; lines must stay as many as they are."
          rows={12}
          value={talk}
          error={wrongTalk}
          onChange={(event) => setTalk(event.currentTarget.value)}
        />
        <Part title="It came to" says="Any that you tick is right.">
          <Group gap="xs">
            {FoundOutcome.options.map((outcome) => (
              <Checkbox
                key={outcome}
                size="xs"
                label={OUTCOME[outcome].label}
                checked={expected.outcome.includes(outcome)}
                onChange={(event) =>
                  change({
                    outcome: event.currentTarget.checked
                      ? [...expected.outcome, outcome]
                      : expected.outcome.filter((each) => each !== outcome),
                  })
                }
              />
            ))}
          </Group>
        </Part>
        <Group grow>
          {(['Mood from', 'to'] as const).map((label, at) => (
            <NumberInput
              key={label}
              label={label}
              min={-1}
              max={1}
              step={0.1}
              value={expected.sentiment[at] ?? 0}
              onChange={(value) => {
                const [low, high] = expected.sentiment;
                const felt = Number(value);
                change({ sentiment: at === 0 ? [felt, high] : [low, felt] });
              }}
            />
          ))}
        </Group>
        <Moments expected={expected} talk={lines} change={change} />
        <Facts expected={expected} change={change} />
        <Part title="Follow-ups" says={expected.followUps.length === 0 ? 'None.' : undefined}>
          {conversation.expected.followUps.map((followUp) => (
            <Checkbox
              key={`${followUp.type} ${followUp.at ?? ''}`}
              size="xs"
              label={`${FOLLOW_UP[followUp.type]}${followUp.at ? ` · ${formatMoment(followUp.at)}` : ''}`}
              checked={expected.followUps.includes(followUp)}
              onChange={(event) =>
                change({
                  followUps: event.currentTarget.checked
                    ? [...expected.followUps, followUp]
                    : expected.followUps.filter((each) => each !== followUp),
                })
              }
            />
          ))}
        </Part>
        {leftOut.length > 0 ? (
          <Part title="Left out" says="People said that these are wrong.">
            <ul className="replaced">
              {leftOut.map(({ path, note }) => (
                <li key={path}>
                  <code>{path}</code> {note}
                </li>
              ))}
            </ul>
          </Part>
        ) : null}
        <Checkbox
          label="I read every line: nobody is named, and this is what should be found."
          checked={isLookedThrough}
          onChange={(event) => setLookedThrough(event.currentTarget.checked)}
        />
        <FormEnd
          close={close}
          icon={<IconDownload size={16} />}
          ready={isLookedThrough && wrongTalk === undefined && file.success && expected.outcome.length > 0}
        >
          Download the test
        </FormEnd>
      </Stack>
    </form>
  );
}

function Part({ title, says, children }: { title: string; says?: string | undefined; children: ReactNode }) {
  return (
    <fieldset className="test-part">
      <legend>{title}</legend>
      {says === undefined ? null : <p className="muted small">{says}</p>}
      {children}
    </fieldset>
  );
}

function Moments({
  expected,
  talk,
  change,
}: {
  expected: Expected;
  talk: readonly string[];
  change: (part: Partial<Expected>) => void;
}) {
  const [type, setType] = useState<(typeof KeyMomentType.options)[number]>('objection');
  const [line, setLine] = useState<number>();
  /** One that is no longer ticked stays to be ticked again. */
  const [known, setKnown] = useState(expected.keyMoments);
  const { keyMoments } = expected;
  const inOrder = (all: Expected['keyMoments']) => [...all].sort((a, b) => a.messageIndex - b.messageIndex);
  const isKnown = known.some((each) => each.type === type && each.messageIndex === (line ?? 0) - 1);
  const isLine = line !== undefined && line >= 1 && line <= talk.length;
  return (
    <Part title="Key moments" says={known.length === 0 ? 'None.' : undefined}>
      {known.map((moment) => (
        <Checkbox
          key={`${moment.type} ${moment.messageIndex}`}
          size="xs"
          checked={keyMoments.includes(moment)}
          label={`${KEY_MOMENT[moment.type].label}, line ${moment.messageIndex + 1}: ${lineOf(talk, moment.messageIndex)}`}
          onChange={(event) =>
            change({
              keyMoments: event.currentTarget.checked
                ? inOrder([...keyMoments, moment])
                : keyMoments.filter((each) => each !== moment),
            })
          }
        />
      ))}
      <Group gap="xs" align="end">
        <NativeSelect
          size="xs"
          label="Another one"
          data={KeyMomentType.options.map((value) => ({ value, label: KEY_MOMENT[value].label }))}
          value={type}
          onChange={(event) => setType(KeyMomentType.parse(event.currentTarget.value))}
        />
        <NumberInput
          size="xs"
          w="6rem"
          label="in line"
          min={1}
          max={talk.length}
          value={line ?? ''}
          onChange={(value) => setLine(typeof value === 'number' ? value : undefined)}
        />
        <Button
          size="xs"
          variant="default"
          disabled={!isLine || isKnown}
          onClick={() => {
            if (line === undefined) return;
            const added = { type, messageIndex: line - 1 };
            setKnown(inOrder([...known, added]));
            change({ keyMoments: inOrder([...keyMoments, added]) });
            setLine(undefined);
          }}
        >
          Add
        </Button>
      </Group>
    </Part>
  );
}

const ONE_OF = [
  ['propertyCondition', 'Condition of the house'],
  ['timeframe', 'When'],
  ['decisionMakers', 'Who decides'],
] as const;
const YES_OR_NO = [
  ['competingOffers', 'Other offers'],
  ['agentInvolved', 'Agent involved'],
] as const;
const NOT_SAID = { value: '', label: 'Not said' };

function Facts({ expected, change }: { expected: Expected; change: (part: Partial<Expected>) => void }) {
  const info = expected.extractedInfo;
  const tell = (name: keyof Expected['extractedInfo'], value: unknown) => {
    const { [name]: _, ...rest } = info;
    change({ extractedInfo: ExtractedInfo.parse(value === undefined ? rest : { ...rest, [name]: value }) });
  };
  return (
    <Part title="What they told">
      <div className="test-facts">
        {ONE_OF.map(([name, label]) => (
          <NativeSelect
            key={name}
            size="xs"
            label={label}
            data={[
              NOT_SAID,
              ...ExtractedInfo.shape[name]
                .unwrap()
                .options.map((value) => ({ value, label: humanise(value) })),
            ]}
            value={info[name] ?? ''}
            onChange={(event) => tell(name, event.currentTarget.value || undefined)}
          />
        ))}
        {YES_OR_NO.map(([name, label]) => (
          <NativeSelect
            key={name}
            size="xs"
            label={label}
            data={[NOT_SAID, { value: 'yes', label: 'Yes' }, { value: 'no', label: 'No' }]}
            value={info[name] === undefined ? '' : info[name] ? 'yes' : 'no'}
            onChange={(event) => {
              const { value } = event.currentTarget;
              tell(name, value === '' ? undefined : value === 'yes');
            }}
          />
        ))}
        <NumberInput
          size="xs"
          label="Price they expect, $"
          min={0}
          thousandSeparator=","
          value={info.priceExpectation ?? ''}
          onChange={(value) => tell('priceExpectation', typeof value === 'number' ? value : undefined)}
        />
      </div>
      <p className="small">Why they sell</p>
      <Group gap="xs">
        {Motivation.options.map((motive) => (
          <Checkbox
            key={motive}
            size="xs"
            label={humanise(motive)}
            checked={info.motivationFactors.includes(motive)}
            onChange={(event) =>
              tell(
                'motivationFactors',
                event.currentTarget.checked
                  ? [...info.motivationFactors, motive]
                  : info.motivationFactors.filter((each) => each !== motive),
              )
            }
          />
        ))}
      </Group>
    </Part>
  );
}
