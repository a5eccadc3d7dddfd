/**
 * app/compliance-policy: what the business may decide for itself of the gate: who decided it, when and why. Kept in
 * system_config, read by the gate afresh for every decision. Consent, the internal list and federal hours have no switch.
 */
import { z } from 'zod';
import { canonicalJson, fingerprint } from '../domain/canonical.ts';
import { DEFAULT_BLOCKED_STATES, DEFAULT_CAPS } from '../domain/compliance/facts.ts';
import type { CompliancePolicyDocument, PolicyChange } from '../domain/compliance/records.ts';
import { stateCode } from '../domain/compliance/states.ts';
import type { SystemConfig } from '../domain/documents.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { parseInput } from '../domain/input.ts';
import type { Clock, Ids, Log, Store } from './ports.ts';
import { turnsOf } from './turns.ts';

/** Keys of system_config. */
export const POLICY_KEYS = {
  /** `true` stops every outbound call. */
  killSwitch: 'calling.killSwitch',
  /** Settings of `CompliancePolicy`; what is absent keeps its default. */
  policy: 'compliance.policy',
} as const;

const State = z.string().transform((text, context) => {
  const code = stateCode(text);
  if (code !== undefined) return code;
  context.addIssue({ code: 'custom', message: `"${text.slice(0, 40)}" is no state or territory of the US` });
  return z.NEVER;
});
const States = z
  .array(State)
  .max(200)
  .transform((codes) => [...new Set(codes)].sort());
const cap = (most: number, least = 0) => z.number().int().min(least).max(most);

const Policy = z.strictObject({
  requireNationalRegistry: z.boolean(),
  requireStateLists: z.boolean(),
  requireReassignedCheck: z.boolean(),
  blockedStates: States,
  emergencyStates: States,
  dncConsentOverride: z.boolean(),
  allowExemptCalls: z.boolean(),
  maxPer24h: cap(10),
  minGapMinutes: cap(10_000),
  maxPerDay: cap(10),
  maxPer7Days: cap(70),
  maxPer30Days: cap(300),
  stopAfterUnanswered: cap(100, 1),
});
export type CompliancePolicy = z.output<typeof Policy>;

const DEFAULTS: CompliancePolicy = {
  requireNationalRegistry: false,
  requireStateLists: false,
  requireReassignedCheck: false,
  blockedStates: [...DEFAULT_BLOCKED_STATES],
  emergencyStates: [],
  dncConsentOverride: false,
  allowExemptCalls: false,
  ...DEFAULT_CAPS,
};

/**
 * The policy out of its stored value; undefined is a policy that nobody set. Throws Failure `config_invalid` for anything
 * else that is not one, because a setting that is not understood may be the one that forbids.
 */
export function readPolicy(stored: unknown): CompliancePolicy {
  const given = z.record(z.string(), z.unknown()).safeParse(stored === undefined ? {} : stored);
  const policy = given.success ? Policy.safeParse({ ...DEFAULTS, ...given.data }) : given;
  if (policy.success) return policy.data as CompliancePolicy;
  throw new Failure(
    'config_invalid',
    `the stored compliance policy cannot be read, and no call is allowed until it is mended: ${z.prettifyError(policy.error)}`,
  );
}

/** Anything but an absent or false switch stops calls. */
export const isKilled = (stored: unknown): boolean => (stored ?? false) !== false;

type Settings = CompliancePolicy & { readonly killSwitch: boolean };
type Setting = keyof Settings;

const Change = z.strictObject({ killSwitch: z.boolean(), ...Policy.shape }).partial();
const Reason = z.string().trim().min(1, 'a change needs a reason').max(2_000);

const STRICTER_WHEN_TRUE: ReadonlySet<Setting> = new Set([
  'killSwitch',
  'requireNationalRegistry',
  'requireStateLists',
  'requireReassignedCheck',
]);

/** Whether calls may pass after the change that were barred before it. */
function weakens(setting: Setting, before: Settings[Setting], after: Settings[Setting]): boolean {
  if (Array.isArray(before) && Array.isArray(after)) return before.some((state) => !after.includes(state));
  if (typeof before === 'number' && typeof after === 'number')
    return setting === 'minGapMinutes' ? after < before : after > before;
  return STRICTER_WHEN_TRUE.has(setting) ? after === false : after === true;
}

/** A document keeps its newest changes beside the value, for the gate reads it often; older ones move out in blocks. */
const MOST_KEPT = 200;
const BLOCK = 100;
const MOST_SHOWN = 100;
const MOST_TRIES = 20;

export interface PolicyDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

export function createCompliancePolicy({ store, clock, ids, log }: PolicyDeps) {
  const config = store.collection('system_config');

  async function stored(): Promise<{ killSwitch?: SystemConfig; policy?: SystemConfig }> {
    const found = await config.find({ filter: { key: { $in: Object.values(POLICY_KEYS) } } });
    const of = (key: string) => found.find((document) => document.key === key);
    const killSwitch = of(POLICY_KEYS.killSwitch);
    const settings = of(POLICY_KEYS.policy);
    return { ...(killSwitch ? { killSwitch } : {}), ...(settings ? { policy: settings } : {}) };
  }

  const settingsOf = ({ killSwitch, policy: settings }: Awaited<ReturnType<typeof stored>>): Settings => ({
    killSwitch: isKilled(killSwitch?.value),
    ...readPolicy(settings?.value),
  });

  /** The settings in force and their newest changes. Throws Failure `config_invalid` when the stored policy cannot be read. */
  async function policy(): Promise<CompliancePolicyDocument> {
    const documents = await stored();
    const history = [...(documents.killSwitch?.history ?? []), ...(documents.policy?.history ?? [])]
      .sort((a, b) => b.at.getTime() - a.at.getTime())
      .slice(0, MOST_SHOWN);
    return { ...settingsOf(documents), history };
  }

  /**
   * Changes what is given, with the reason why, and answers the settings as they are then. Two changes at once both hold.
   * Throws Failure `invalid_request` and, where nothing stored can be relied on, `config_invalid`.
   */
  async function changePolicy(
    change: Partial<Omit<CompliancePolicyDocument, 'history'>>,
    reason: string,
    by: string,
  ): Promise<CompliancePolicyDocument> {
    const { killSwitch, ...settings } = parseInput(Change, given(change)) as Partial<Settings>;
    const why = parseInput(z.object({ reason: Reason }), { reason }).reason;
    await turnsOf(store)('compliance policy', async () => {
      // A failure between the two writes must leave calls stopped, not let go.
      const flip = () => (killSwitch === undefined ? undefined : write({ killSwitch }, why, by));
      if (killSwitch === true) await flip();
      if (Object.keys(settings).length > 0) await write(settings, why, by);
      if (killSwitch === false) await flip();
    });
    return await policy();
  }

  async function write(wanted: Partial<Settings>, reason: string, by: string): Promise<void> {
    const switches = wanted.killSwitch !== undefined;
    const key = switches ? POLICY_KEYS.killSwitch : POLICY_KEYS.policy;
    for (let attempt = 1; ; attempt += 1) {
      const documents = await stored();
      const document = switches ? documents.killSwitch : documents.policy;
      const before = settingsOf(documents);
      const after = { ...before, ...wanted };
      const changes = (Object.keys(wanted) as Setting[])
        .filter((setting) => canonicalJson(before[setting]) !== canonicalJson(after[setting]))
        .map((setting) => ({ setting, before: before[setting], after: after[setting] }));
      if (changes.length === 0) return;
      // What nobody decided stays undecided: a default that grows stricter reaches those who never touched it.
      const value = switches ? after.killSwitch : { ...(document?.value as Partial<Settings>), ...wanted };
      const entry = { at: new Date(clock.nowMs()), by, reason, changes };
      if (await replace(key, document, value, entry)) {
        log.info(
          {
            audit: true,
            by,
            changes,
            weaker: changes.filter((each) => weakens(each.setting, each.before, each.after)).map(nameOf),
            pii: { reason },
          },
          'the calling policy was changed',
        );
        return;
      }
      if (attempt >= MOST_TRIES)
        throw new Failure('store_unavailable', 'the calling policy is being changed by too many at once');
    }
  }

  /** Writes value and history in one step, unless somebody else changed either since `document` was read. */
  async function replace(
    key: string,
    document: SystemConfig | undefined,
    value: unknown,
    entry: PolicyChange,
  ): Promise<boolean> {
    if (!document) {
      const set = { key, value, history: [entry], updatedBy: entry.by, updatedAt: entry.at };
      return await inserted({ _id: ids.objectId(), ...set, createdAt: entry.at });
    }
    let kept = document.history ?? [];
    const known = document.history ? { $size: kept.length } : { $exists: false };
    if (kept.length >= MOST_KEPT) {
      const block = kept.slice(0, BLOCK);
      // A block that is there already was moved by a change that then came to nothing: it is the same one.
      await inserted({
        _id: ids.objectId(),
        key: `${key}.history.${fingerprint(block).slice(0, 24)}`,
        value: block,
        updatedBy: entry.by,
        createdAt: entry.at,
        updatedAt: entry.at,
      });
      kept = kept.slice(BLOCK);
    }
    const written = await config.update(
      { _id: document._id, value: { $eq: document.value }, history: known },
      {
        $set: { value, history: [...kept, entry], updatedBy: entry.by, updatedAt: entry.at },
      },
    );
    return written !== undefined;
  }

  async function inserted(document: SystemConfig): Promise<boolean> {
    try {
      await config.insert(document);
      return true;
    } catch (error) {
      if (isFailure(error, 'duplicate_key')) return false;
      throw error;
    }
  }

  return { policy, changePolicy };
}

/** Without the keys that hold undefined: they change nothing. */
const given = (change: object): object =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));

const nameOf = ({ setting }: { readonly setting: Setting }): Setting => setting;
