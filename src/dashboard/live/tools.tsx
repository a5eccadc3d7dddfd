/** dashboard/live/tools: what one does with a live call: hear it, whisper, speak, give it back, send the caller on, end it. */
import './live.css';
import { ActionIcon, Button, Slider, TextInput, Tooltip } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import {
  IconArrowBackUp,
  IconArrowsSplit2,
  IconEar,
  IconEarOff,
  IconMessage2,
  IconMicrophone,
  IconMicrophoneOff,
  IconPhoneOff,
  IconRobot,
  IconRobotOff,
  IconUser,
  IconUserOff,
  IconVolume,
} from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Call } from '../../contract/index.ts';
import { api } from '../api.ts';
import { meQuery } from '../queries.ts';
import { useMayAct } from '../ui/may-act.ts';
import { NotForYou, Notice, Running } from '../ui/pieces.tsx';
import { ErrorNote } from '../ui/states.tsx';
import { EndCall, HandBack, Transfer } from './deeds.tsx';
import { type Line, type LineState, useLine } from './line.ts';

interface Props {
  readonly call: Call;
  /** How the caller is called. */
  readonly name: string;
  /** Whether this is the place to end the call, too. */
  readonly ends: boolean;
  /** Told when the microphone is opened to the caller, and when it no longer is. */
  readonly onSpeaking?: (speaking: boolean) => void;
}

/** Give it the call's id as its key: its sound belongs to one call. */
export function LiveTools({ call, name, ends, onSpeaking }: Props) {
  const { line, state } = useLine(call.id);
  const mayAct = useMayAct();
  const talking = call.answeredAt !== undefined;
  const mine = state.floor?.yours === true;
  const [asking, setAsking] = useState<'handback' | 'transfer' | 'end'>();
  const whisper = useRef<HTMLInputElement>(null);

  useEffect(() => onSpeaking?.(mine), [mine, onSpeaking]);
  useEffect(() => {
    if (!mine) return;
    // Leaving the page would leave the caller alone for a moment.
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [mine]);

  const toggle = () => (state.sound === 'off' ? line.listen() : line.stop());
  const takeOver = useMutation({ mutationFn: () => line.takeOver() });
  useHotkeys([
    ['l', () => talking && !mine && toggle()],
    [
      'w',
      (event) => {
        event.preventDefault();
        whisper.current?.focus();
      },
    ],
    ['t', () => mayAct && talking && !state.floor && takeOver.mutate()],
    ['b', () => mine && setAsking('handback')],
    ['m', () => mine && line.setSpeaking(!state.speaking)],
  ]);

  if (!talking) return <p className="muted small">The phone rings. When it is answered you can listen in.</p>;
  return (
    <div className="live-tools">
      <div className="live-row">
        <Button
          variant={state.sound === 'off' ? 'filled' : 'default'}
          leftSection={state.sound === 'off' ? <IconEar size={16} /> : <IconEarOff size={16} />}
          onClick={toggle}
          disabled={mine}
          loading={state.sound === 'connecting'}
        >
          {state.sound === 'off' ? 'Listen' : 'Stop listening'}
        </Button>
        {mayAct && !mine ? (
          <Button
            variant="default"
            leftSection={<IconMicrophone size={16} />}
            onClick={() => takeOver.mutate()}
            loading={takeOver.isPending}
            disabled={state.floor !== null || call.takenOver !== undefined}
          >
            Take over
          </Button>
        ) : null}
        {mayAct ? (
          <Button
            variant="default"
            leftSection={<IconArrowsSplit2 size={16} />}
            onClick={() => setAsking('transfer')}
          >
            Transfer
          </Button>
        ) : null}
        {mayAct && ends ? (
          <Button color="red.9" leftSection={<IconPhoneOff size={16} />} onClick={() => setAsking('end')}>
            End call
          </Button>
        ) : null}
      </div>
      {state.trouble ? <Notice tone="bad" alert title={state.trouble} /> : null}
      {state.sound === 'off' || state.sound === 'connecting' ? null : (
        <Sound line={line} state={state} name={name} />
      )}
      {mine ? (
        <Speaking line={line} state={state} name={name} handBack={() => setAsking('handback')} />
      ) : (
        <SomebodyElse call={call} state={state} />
      )}
      {mayAct ? (
        <Whisper callId={call.id} field={whisper} disabled={call.takenOver !== undefined} />
      ) : (
        <NotForYou needs="analyst">You can listen, but not act on this call.</NotForYou>
      )}
      {asking === 'handback' ? <HandBack line={line} name={name} close={() => setAsking(undefined)} /> : null}
      {asking === 'transfer' ? <Transfer call={call} name={name} close={() => setAsking(undefined)} /> : null}
      {asking === 'end' ? <EndCall call={call} name={name} close={() => setAsking(undefined)} /> : null}
    </div>
  );
}

const VOICES = [
  { label: 'the caller', on: IconUser, off: IconUserOff },
  { label: 'the agent', on: IconRobot, off: IconRobotOff },
] as const;

/** How loud it is here, and whom one hears. */
function Sound({ line, state, name }: { line: Line; state: LineState; name: string }) {
  return (
    <div className="live-row live-sound">
      {state.sound === 'lost' ? (
        <p className="small" role="status">
          The sound was lost; connecting again …
        </p>
      ) : (
        <p className="sr" role="status">
          You hear {name} and the agent. They do not hear you.
        </p>
      )}
      <IconVolume size={16} stroke={1.7} aria-hidden="true" />
      <Slider
        className="live-volume"
        thumbLabel="Volume"
        label={null}
        size="sm"
        min={0}
        max={1.5}
        step={0.05}
        value={state.volume}
        onChange={line.setVolume}
      />
      {VOICES.map(({ label, on: On, off: Off }, of) => {
        const voice = of === 0 ? 0 : 1;
        const quiet = state.quiet[voice];
        return (
          <span className="live-voice" key={label}>
            <Tooltip label={`${quiet ? 'Hear' : 'Mute'} ${label}, only for yourself`} withArrow>
              <ActionIcon
                variant={quiet ? 'filled' : 'default'}
                color="gray"
                size="lg"
                aria-pressed={quiet}
                aria-label={`Mute ${label}`}
                onClick={() => line.setQuiet(voice, !quiet)}
              >
                {quiet ? <Off size={16} /> : <On size={16} />}
              </ActionIcon>
            </Tooltip>
            <Meter line={line} of={voice} />
          </span>
        );
      })}
      {state.lostMs > 0 ? (
        <span className="muted small">{(state.lostMs / 1_000).toFixed(1)} s of sound did not reach you</span>
      ) : null}
    </div>
  );
}

/** How loud a voice is now: 0 caller, 1 agent, 2 manager, 3 one's own. */
function Meter({ line, of }: { line: Line; of: 0 | 1 | 2 | 3 }) {
  const level = useSyncExternalStore(line.onLevels, () =>
    Math.round(Math.min(1, line.levels[of] * 1.6) * 20),
  );
  return (
    <span className="meter" aria-hidden="true">
      <span style={{ width: `${level * 5}%` }} />
    </span>
  );
}

function Speaking(props: { line: Line; state: LineState; name: string; handBack: () => void }) {
  const { line, state, name, handBack } = props;
  return (
    <div className="live-speaking">
      <div className="live-row">
        <p role="status">
          <strong>You are speaking with {name}.</strong> The agent is mute and hears nothing.
        </p>
        {state.floor ? <Running since={state.floor.since} /> : null}
      </div>
      <div className="live-row">
        <Button
          variant="default"
          leftSection={state.speaking ? <IconMicrophone size={16} /> : <IconMicrophoneOff size={16} />}
          aria-pressed={!state.speaking}
          onClick={() => line.setSpeaking(!state.speaking)}
        >
          {state.speaking ? 'Mute yourself' : 'Unmute yourself'}
        </Button>
        <Meter line={line} of={3} />
        <span className="grow" />
        <Button leftSection={<IconArrowBackUp size={16} />} onClick={handBack}>
          Hand back
        </Button>
      </div>
    </div>
  );
}

function SomebodyElse({ call, state }: { call: Call; state: LineState }) {
  const me = useQuery(meQuery).data?.user.id;
  const holder = state.floor ?? call.takenOver;
  if (!holder) return null;
  const since = 'since' in holder ? holder.since : holder.at;
  return (
    <Notice
      tone="info"
      title={
        <>
          {holder.by === me
            ? 'You speak with the caller on another page'
            : `${holder.name} speaks with the caller`}{' '}
          <Running since={since} />
        </>
      }
    />
  );
}

/** Words for the agent alone. */
function Whisper(props: {
  callId: string;
  field: React.RefObject<HTMLInputElement | null>;
  disabled: boolean;
}) {
  const [text, setText] = useState('');
  const [sent, setSent] = useState(false);
  const whisper = useMutation({
    mutationFn: () => api.act(props.callId, { action: 'whisper', text: text.trim() }),
    onSuccess() {
      setText('');
      setSent(true);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== '') whisper.mutate();
  };
  return (
    <form className="live-whisper" onSubmit={submit}>
      <TextInput
        ref={props.field}
        label="Whisper to the agent"
        description="The caller does not hear it. The agent acts on it from its next reply on."
        placeholder="Offer a visit on Friday"
        maxLength={1_000}
        value={text}
        disabled={props.disabled}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setSent(false);
        }}
      />
      <Button
        type="submit"
        variant="default"
        leftSection={<IconMessage2 size={16} />}
        loading={whisper.isPending}
        disabled={text.trim() === '' || props.disabled}
      >
        Whisper
      </Button>
      <p className="small muted live-sent" role="status">
        {sent ? 'The agent was told.' : ''}
      </p>
      {whisper.error ? <ErrorNote error={whisper.error} /> : null}
    </form>
  );
}
