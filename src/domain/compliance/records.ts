/**
 * domain/compliance/records: what is kept and shown of the gate's work: its settings, the state of its lists, the proof for
 * a person and the record of a call.
 */
import type { ConsentLog, DncEntry } from '../documents.ts';
import type { Decision } from './decision.ts';

/** What the business may decide for itself, and who decided it why. */
export interface CompliancePolicyDocument {
  /** True stops every outbound call. */
  readonly killSwitch: boolean;
  readonly emergencyStates: readonly string[];
  readonly blockedStates: readonly string[];
  readonly requireNationalRegistry: boolean;
  readonly requireStateLists: boolean;
  readonly requireReassignedCheck: boolean;
  readonly dncConsentOverride: boolean;
  readonly allowExemptCalls: boolean;
  readonly maxPer24h: number;
  readonly minGapMinutes: number;
  readonly maxPerDay: number;
  readonly maxPer7Days: number;
  readonly maxPer30Days: number;
  readonly stopAfterUnanswered: number;
  /** Newest first, 100 at most. */
  readonly history: readonly PolicyChange[];
}

export interface PolicyChange {
  readonly at: Date;
  readonly by: string;
  readonly reason: string;
  readonly changes: readonly {
    readonly setting: string;
    readonly before: unknown;
    readonly after: unknown;
  }[];
}

/** One outside list and how old our copy is. `aging`: a week or less before it blocks calls. */
export interface ListStatus {
  /** `national`, `litigator`, `reassigned`, or `state.FL`. */
  readonly list: string;
  readonly name: string;
  readonly required: boolean;
  readonly state: 'missing' | 'fresh' | 'aging' | 'stale';
  readonly asOf: Date | null;
  readonly importedAt: Date | null;
  readonly count: number;
  readonly blocksAt: Date | null;
}

/** The import of one file. The list becomes current as a whole when `done`, never before. */
export interface ListImport {
  readonly _id: string;
  readonly list: string;
  readonly kind: 'full' | 'changes';
  readonly asOf: Date;
  readonly state: 'receiving' | 'interrupted' | 'done' | 'failed' | 'discarded';
  /** Lines that are taken and on disk. */
  readonly lines: number;
  readonly added: number;
  readonly removed: number;
  readonly rejected: number;
  /** The first hundred. */
  readonly errors: readonly { readonly line: number; readonly message: string }[];
  readonly count?: number;
  readonly failure?: string;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  readonly createdBy: string;
}

/** Everything that shows why a number was, or may be, called. */
export interface ConsentProof {
  readonly phone: string;
  readonly seller: string;
  readonly producedAt: Date;
  readonly ruleVersion: string;
  readonly numbers: readonly string[];
  readonly verification: {
    readonly intact: boolean;
    readonly entries: number;
    readonly brokenAt?: number;
    readonly detail?: string;
    readonly phone?: string;
  };
  /** Oldest first, every number of the person. */
  readonly events: readonly ConsentLog[];
  readonly dnc: readonly DncEntry[];
  readonly calls: readonly {
    readonly callId: string;
    readonly contactPhone: string;
    readonly status: string;
    readonly initiatedAt: Date;
    readonly decision?: Decision;
  }[];
  /** SHA-256 of the canonical JSON of everything above. */
  readonly hash: string;
}

/** One outbound call as 16 CFR 310.5(a)(2) wants it kept. Text that is unknown is empty. */
export interface CallRecord {
  readonly callId: string;
  readonly telemarketer: string;
  readonly seller: string;
  readonly goodsOrServices: string;
  /** `consumer` or `business`. */
  readonly calledParty: string;
  readonly direction: string;
  readonly prerecorded: string;
  readonly callingNumber: string;
  readonly calledNumber: string;
  readonly calledPartyName: string;
  /** YYYY-MM-DD and HH:MM:SS, UTC. */
  readonly date: string;
  readonly time: string;
  readonly durationSec: number | null;
  readonly disposition: string;
  readonly transferredTo: string;
  readonly campaignId: string;
  readonly scriptName: string;
  readonly scriptHash: string;
  readonly callerIdNumber: string;
  readonly callerIdName: string;
  readonly callerIdProof: string;
  readonly verdict: string;
  readonly reasons: string;
  readonly ruleVersion: string;
  readonly inputsHash: string;
  readonly permitId: string;
  /** `national 2026-11-20; state.FL 2026-11-18`: the copies that were current at the decision. */
  readonly dncListsAsOf: string;
}
