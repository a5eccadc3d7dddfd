/** dashboard/compliance/states-grid: every state in one look: open, not cleared, or frozen for an emergency. */
import { SegmentedControl } from '@mantine/core';
import { IconBan, IconSnowflake } from '@tabler/icons-react';
import { type KeyboardEvent, useRef, useState } from 'react';
import { STATE_NAME, US_STATES } from '../lead/us-states.ts';
import { SETTING } from './words.ts';

/** What the laws on automated-dialling devices say where they go beyond consent; counsel decides what follows. */
const DEVICE_LAW: ReadonlyMap<string, string> = new Map([
  ['WY', 'WY 40-12-303 bars recorded messages and names no exception for consent.'],
  ['WA', 'RCW 80.36.400 bars devices for unsolicited commercial calls.'],
  ['MT', '45-8-216 bars them; a live operator may get permission.'],
  ['MS', '77-3-723 allows a recorded voice only in a business relationship.'],
  ['NM', '57-12-22(A) asks for a business relationship and consent to hear it.'],
  ['NV', 'NRS 597.814 asks for a natural voice first, unless there is a business relationship.'],
  ['TX', 'Util. 55.121-.130 names synthesized voices and asks for a yearly permit.'],
  ['UT', '13-25a-103 asks for consent or a relationship for an artificial voice.'],
  ['KY', 'Consent needed; unattended equipment is forbidden.'],
  ['TN', 'Consent needed; unattended equipment is forbidden.'],
  ['IN', 'IC 24-5-14-5 asks for consent.'],
  ['LA', 'All solicitation stops while the Public Service Commission reports an emergency.'],
  ['NY', 'GBL 399-z(5-a): no unsolicited calls into areas under a declared emergency.'],
]);

type Mark = 'blocked' | 'frozen';

const toggled = (codes: readonly string[], code: string): string[] =>
  codes.includes(code) ? codes.filter((other) => other !== code) : [...codes, code].sort();

export function StatesGrid({
  blocked,
  frozen,
  change,
}: {
  blocked: readonly string[];
  frozen: readonly string[];
  /** Undefined: only to look at. */
  change: ((blocked: string[], frozen: string[]) => void) | undefined;
}) {
  const [mark, setMark] = useState<Mark>('blocked');
  const [focused, setFocused] = useState(US_STATES[0] ?? '');
  const [looked, setLooked] = useState<string>();
  const grid = useRef<HTMLDivElement>(null);

  /** Arrows walk the grid as it is drawn now; its number of columns follows the width. */
  const walk = (event: KeyboardEvent<HTMLDivElement>) => {
    const cells = [...(grid.current?.querySelectorAll<HTMLElement>('button') ?? [])];
    const at = cells.findIndex((cell) => cell.contains(document.activeElement));
    const columns = cells.filter((cell) => cell.offsetTop === cells[0]?.offsetTop).length;
    const steps: Record<string, number> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      Home: -at,
      End: cells.length - 1 - at,
    };
    const step = steps[event.key];
    const next = step === undefined ? undefined : cells[at + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };
  const flip = (code: string) => {
    if (mark === 'blocked') change?.(toggled(blocked, code), [...frozen]);
    else change?.([...blocked], toggled(frozen, code));
  };
  const standing = (code: string): string =>
    [
      blocked.includes(code) ? 'not cleared' : undefined,
      frozen.includes(code) ? 'frozen for an emergency' : undefined,
    ]
      .filter(Boolean)
      .join(' and ') || 'open';

  const { label, means, source } = SETTING[mark === 'blocked' ? 'blockedStates' : 'emergencyStates'];
  return (
    <>
      <SegmentedControl
        aria-label="What a click on a state sets"
        className="marks"
        data={[
          { value: 'blocked', label: `Not cleared (${blocked.length})` },
          { value: 'frozen', label: `Emergency freeze (${frozen.length})` },
        ]}
        value={mark}
        onChange={(value) => setMark(value === 'frozen' ? 'frozen' : 'blocked')}
      />
      <p className="small">
        <strong>{label}.</strong> {means} <span className="muted">{source}</span>
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset has a frame and a legend that this look has no use for */}
      <div className="states" role="group" aria-label={label} ref={grid} onKeyDown={walk}>
        {US_STATES.map((code) => (
          <button
            key={code}
            type="button"
            className="state"
            tabIndex={code === focused ? 0 : -1}
            data-blocked={blocked.includes(code) || undefined}
            data-frozen={frozen.includes(code) || undefined}
            aria-pressed={(mark === 'blocked' ? blocked : frozen).includes(code)}
            aria-disabled={change === undefined}
            aria-label={`${code}, ${STATE_NAME.get(code) ?? ''}: ${standing(code)}`}
            onFocus={() => {
              setFocused(code);
              setLooked(code);
            }}
            onMouseEnter={() => setLooked(code)}
            onClick={() => flip(code)}
          >
            {code}
            {blocked.includes(code) ? <IconBan size={12} aria-hidden="true" /> : null}
            {frozen.includes(code) ? <IconSnowflake size={12} aria-hidden="true" /> : null}
          </button>
        ))}
      </div>
      <p className="small state-reading">
        {looked === undefined ? (
          <span className="muted">
            <IconBan size={12} aria-hidden="true" /> not cleared{' '}
            <IconSnowflake size={12} aria-hidden="true" /> emergency freeze. Point at a state to read about
            it.
          </span>
        ) : (
          <>
            <strong>{STATE_NAME.get(looked)}</strong>: {standing(looked)}. {DEVICE_LAW.get(looked) ?? ''}
          </>
        )}
      </p>
    </>
  );
}
