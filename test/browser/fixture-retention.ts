/** test/browser/fixture-retention: what is kept how long, the daily run and erasures, as the fixture server tells them. */
import type { z } from 'zod';
import {
  Erasure,
  ErasureRequest,
  page,
  RetentionPatch,
  RetentionPolicy,
  RetentionRun,
  RetentionRunRequest,
} from '../../src/contract/index.ts';
import { type Ask, fits, json, problem, type Reply, readPhone } from './fixture-gate.ts';
import { ago, HOSTILE, hex } from './fixtures.ts';

const DAY_MIN = 24 * 60;

const KEPT: Erasure['kept'] = [
  { of: 'calls', count: 2, says: 'One record for every call: the law asks for five years.' },
  { of: 'dnc_registry', count: 1, says: 'The number, so that nobody calls this person again.' },
];

export interface Keeping {
  answer(ask: Ask): Reply | undefined;
}

export function createKeeping(): Keeping {
  let recordingsDays: number | null = 400;
  let history: RetentionPolicy['history'] = [
    {
      at: ago(40 * DAY_MIN),
      by: 'admin',
      reason: 'Counsel asks for a little more than a year.',
      changes: [{ setting: 'recordingsDays', before: null, after: 400 }],
    },
  ];
  const run = (part: Partial<RetentionRun>): RetentionRun => ({
    id: hex(0x9e_01),
    trigger: 'clock',
    by: 'system',
    dryRun: false,
    state: 'done',
    startedAt: ago(500),
    endedAt: ago(499),
    durationMs: 61_000,
    transcriptsBefore: ago(365 * DAY_MIN),
    items: [
      { of: 'call_transcripts', action: 'archived', count: 12 },
      { of: 'recordings', action: 'removed', count: 1 },
    ],
    notes: [],
    ...part,
  });
  let runs = [run({})];
  let erasures: Erasure[] = [];
  const policy = (): Reply =>
    json(RetentionPolicy, {
      recordingsDays,
      rules: [
        {
          of: 'calls',
          lifetime: { kind: 'kept', atLeastYears: 5 },
          says: 'Call records: kept, at least five years',
          source: '16 CFR 310.5 (TSR), five years',
        },
        {
          of: 'call_transcripts',
          lifetime: { kind: 'archived', afterYears: 1 },
          says: 'Transcripts: moved to an archive when they are a year old',
          source: 'data model',
        },
        {
          of: 'recordings',
          lifetime: { kind: 'removed_by_setting' },
          says: 'Recordings: kept, or removed after the days that are set',
          source: 'the business decides',
        },
      ],
      history,
    });

  function erase({ phone: text, reason, dryRun }: z.output<typeof ErasureRequest>): Reply {
    const phone = readPhone('body', '/phone', text);
    const erasure: Erasure = {
      dryRun,
      state: 'done',
      phone,
      numbers: [phone],
      reason,
      by: 'admin',
      removed: [{ of: 'call_transcripts', count: 2, says: `The transcript. ${HOSTILE}` }],
      kept: KEPT,
      elsewhere: [{ at: 'agent_platform', what: 'conversation', id: 'conv_01sandbox' }],
      notes: ['Backups may hold old bytes until they are overwritten.'],
      startedAt: ago(0),
      ...(dryRun ? {} : { id: hex(0x9e_50), pseudonym: 'Erased person 00009e50' }),
    };
    if (!dryRun) erasures = [erasure, ...erasures];
    return json(Erasure, erasure);
  }

  function answer({ method, path, body, role }: Ask): Reply | undefined {
    if (!/^\/(retention|erasures)\b/.test(path)) return undefined;
    if (role !== 'ADMIN') return problem(403, 'forbidden', 'Not allowed');
    switch (`${method} ${path}`) {
      case 'GET /retention':
        return policy();
      case 'PATCH /retention': {
        const patch = fits('body', RetentionPatch, body);
        const change = { setting: 'recordingsDays', before: recordingsDays, after: patch.recordingsDays };
        history = [{ at: ago(0), by: 'admin', reason: patch.reason, changes: [change] }, ...history];
        recordingsDays = patch.recordingsDays;
        return policy();
      }
      case 'GET /retention/runs':
        return json(page(RetentionRun), { items: runs });
      case 'POST /retention/run': {
        const { dryRun } = fits('body', RetentionRunRequest, body);
        const made = run({ id: hex(0x9e_02), trigger: 'person', by: 'admin', startedAt: ago(0), dryRun });
        runs = [made, ...runs];
        return json(RetentionRun, made);
      }
      case 'GET /erasures':
        return json(page(Erasure), { items: erasures });
      case 'POST /erasures':
        return erase(fits('body', ErasureRequest, body));
      default:
        return undefined;
    }
  }

  return { answer };
}
