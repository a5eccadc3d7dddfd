/** dashboard/call/talk: who talked how much and at what length, and how the line was. */
import type { ReactNode } from 'react';
import type { Call, Waveform } from '../../contract/index.ts';
import { formatLength } from '../format.ts';
import { Facts, Length, Panel } from '../ui/pieces.tsx';
import type { Playback } from './playback.ts';
import type { Stretch } from './sound.ts';

const share = (part: number, whole: number): string =>
  whole > 0 ? `${((part / whole) * 100).toFixed(part > 0 && part / whole < 0.001 ? 2 : 1)} %` : '0 %';

/** How long it was, and a way to hear it. */
function Passage({ from, to, what, playback }: Stretch & { what: string; playback: Playback }) {
  return (
    <>
      <Length seconds={to - from} /> at{' '}
      <button
        type="button"
        className="jump num"
        aria-label={`To ${formatLength(from)}, where ${what} begins`}
        onClick={() => playback.seek(from, true)}
      >
        {formatLength(from)}
      </button>
    </>
  );
}

export function Talk({
  call: { line, conversationMetrics: talk },
  waveform,
  silences,
  playback,
}: {
  call: Call;
  waveform: Waveform | undefined;
  silences: readonly Stretch[];
  playback: Playback;
}) {
  if (!line && talk.turnCount === 0) return null;
  const { agent, caller } = waveform?.monologues ?? {};
  const longest = silences.reduce<Stretch | undefined>(
    (before, each) => (before && before.to - before.from >= each.to - each.from ? before : each),
    undefined,
  );
  const talked = line ? line.agentTalkMs + line.userTalkMs : 0;
  const monologue = (of: typeof agent, what: string): ReactNode =>
    of && <Passage key={what} from={of.fromSec} to={of.toSec} what={what} playback={playback} />;
  return (
    <Panel id="line" title="Talk and line">
      {line && talked > 0 ? (
        <p className="talk-ratio">
          <span className="talk-bar" aria-hidden="true">
            <span style={{ width: `${(line.agentTalkMs / talked) * 100}%` }} />
          </span>
          <span className="small">
            Agent <strong className="num">{Math.round((line.agentTalkMs / talked) * 100)} %</strong>
          </span>
          <span className="small">
            Caller <strong className="num">{100 - Math.round((line.agentTalkMs / talked) * 100)} %</strong>
          </span>
        </p>
      ) : null}
      <Facts
        entries={[
          ['Turns', talk.turnCount],
          ['Interruptions', talk.interruptionCount],
          ['Agent talked', line && <Length key="a" seconds={line.agentTalkMs / 1000} />],
          ['Agent’s longest', monologue(agent, 'the longest monologue of the agent')],
          ['Caller talked', line && <Length key="u" seconds={line.userTalkMs / 1000} />],
          ['Caller’s longest', monologue(caller, 'the longest monologue of the caller')],
          ['Silence', line && <Length key="s" seconds={line.silenceMs / 1000} />],
          [
            'Longest silence',
            longest && <Passage key="p" {...longest} what="the longest silence" playback={playback} />,
          ],
          ['Frames in', line?.framesFromCaller.toLocaleString('en-US')],
          ['Frames out', line?.framesToCaller.toLocaleString('en-US')],
          [
            'Lost',
            line &&
              `${line.framesLost.toLocaleString('en-US')} (${share(line.framesLost, line.framesFromCaller + line.framesLost)})`,
          ],
          [
            'Refused',
            line && line.framesRefused > 0 ? line.framesRefused.toLocaleString('en-US') : undefined,
          ],
        ]}
      />
    </Panel>
  );
}
