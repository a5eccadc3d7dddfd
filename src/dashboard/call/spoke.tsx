/** dashboard/call/spoke: which agent spoke: its script, the models that wrote its words, and what it looked up, by version. */
import { Link } from '@tanstack/react-router';
import type { Call, CallEvent } from '../../contract/index.ts';
import { count, formatMs } from '../format.ts';
import { Facts, Hash, Panel } from '../ui/pieces.tsx';

type Answered = Extract<CallEvent, { type: 'model_answered' }>;

/** The models that wrote what the agent said through our own endpoint, with how often and how soon. */
function modelsIn(events: readonly CallEvent[]): readonly (readonly [model: string, says: string])[] {
  const answers = new Map<string, Answered[]>();
  for (const event of events)
    if (event.type === 'model_answered')
      answers.set(event.model, [...(answers.get(event.model) ?? []), event]);
  return [...answers].map(([model, all]) => {
    const firsts = all.flatMap(({ firstTokenMs }) => firstTokenMs ?? []).sort((a, b) => a - b);
    const middle = firsts[firsts.length >> 1];
    return [
      model,
      `${count(all.length, 'answer')}${middle === undefined ? '' : `, first word after ${formatMs(middle)}`}`,
    ];
  });
}

export function Spoke({ call, events }: { call: Call; events: readonly CallEvent[] }) {
  const models = modelsIn(events);
  const lookedUp = [
    ...new Map(
      events.flatMap((event) =>
        event.type === 'looked_up' && event.entry
          ? [[`${event.entry.key} ${event.entry.version}`, event.entry] as const]
          : [],
      ),
    ).values(),
  ];
  const hasModel = call.analysis?.promptHash !== undefined;
  if (!call.script && models.length === 0 && lookedUp.length === 0 && !hasModel) return null;
  return (
    <Panel id="agent" title="Agent" aside={<Link to="/agents">All versions</Link>}>
      <Facts
        entries={[
          ['Script', call.script?.name],
          ['Its version', call.script && <Hash key="v" value={call.script.hash} what="hash of the script" />],
          ...models,
          ...(models.length > 0 || call.conversationId === undefined
            ? []
            : [['Model', 'That of the agent platform'] as const]),
          ['Analysed by', call.analysis?.model],
          [
            'With prompt',
            call.analysis?.promptHash && (
              <Hash key="p" value={call.analysis.promptHash} what="hash of the prompt" />
            ),
          ],
        ]}
      />
      {lookedUp.length > 0 ? (
        <ul className="plain small" aria-label="Knowledge it looked up">
          {lookedUp.map(({ key, version }) => (
            <li key={`${key} ${version}`}>
              Looked up{' '}
              <Link to="/knowledge/$key" params={{ key }}>
                {key}
              </Link>
              , version {version}
            </li>
          ))}
        </ul>
      ) : null}
    </Panel>
  );
}
