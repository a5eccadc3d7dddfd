/** contract/lead-imports: files of leads: looking at one, bringing it in, and the report of what became of its rows. */
import { z } from 'zod';
import { Id, Instant, line, PageQuery } from './common.ts';

/** Where a column goes: a field of a lead, kept with the lead under its own name, or left out. */
export const LeadTarget = z
  .enum([
    'keep',
    'ignore',
    'firstName',
    'lastName',
    'fullName',
    'phone',
    'alternatePhone',
    'email',
    'street',
    'city',
    'state',
    'zipCode',
    'propertyAddress',
    'source',
    'externalId',
    'receivedAt',
    'intent',
    'message',
    'urgency',
    'timeframe',
    'motivation',
    'tags',
    'consentAt',
    'consentMethod',
    'consentSource',
    'consentText',
    'consentSeller',
    'consentPurpose',
    'consentLevel',
    'consentExpiresAt',
    'automatedCallsAllowed',
    'textMessagesAllowed',
    'artificialVoiceDisclosed',
    'conditionOfPurchaseDisclaimed',
    'checkboxPreTicked',
    'signature',
    'copyUrl',
    'certificate',
    'certificateType',
    'sessionId',
    'pageUrl',
    'ipAddress',
    'userAgent',
  ])
  .meta({ id: 'LeadTarget' });
export type LeadTarget = z.infer<typeof LeadTarget>;
export const LeadField = LeadTarget.exclude(['keep', 'ignore']);
export type LeadField = z.infer<typeof LeadField>;

/** The beginning of a file of leads, and where its columns would go. */
export const LeadFilePreview = z
  .object({
    delimiter: z.enum([',', ';', '\t', '|']),
    columns: z.array(
      z.object({
        /** As the first line has it; a number behind it where a name comes twice. */
        name: z.string(),
        target: LeadTarget,
        /** The first cells that are not empty. */
        samples: z.array(z.string()),
      }),
    ),
    /** The first rows; `says`: what is wrong with each, if the columns go where they are proposed to. */
    rows: z.array(z.object({ line: z.int(), cells: z.array(z.string()), says: z.array(z.string()) })),
    problems: z.array(z.string()),
    /** Every field a column can go to, as people call it. */
    fields: z.array(z.object({ field: LeadField, label: z.string() })),
  })
  .meta({ id: 'LeadFilePreview' });
export type LeadFilePreview = z.infer<typeof LeadFilePreview>;

const ColumnTarget = z.strictObject({ column: z.string().min(1).max(210), target: LeadTarget });
const Fixed = z.strictObject({ field: LeadField, value: z.string().trim().min(1).max(5000) });
const Duplicates = z.enum(['skip', 'update']);

/** How a file is to be read, said before it comes. */
export const LeadImportPlan = z
  .strictObject({
    fileName: z.exactOptional(line(200)),
    /** Columns it does not name are kept; without it, columns go where a preview proposes. */
    mapping: z.exactOptional(z.array(ColumnTarget).min(1).max(200)),
    /** What stands in a field where the file says nothing. */
    defaults: z.array(Fixed).max(60).default([]),
    /** `skip`: who is a lead already is left alone; `update`: that lead learns what the row says, but for its numbers. */
    duplicates: Duplicates.default('skip'),
    campaignId: z.exactOptional(Id),
  })
  .meta({ id: 'LeadImportPlan' });
export type LeadImportPlan = z.input<typeof LeadImportPlan>;

/** With `importId`: the file of an import that was prepared, or the same file again of one that broke off. */
export const LeadImportQuery = z
  .strictObject({
    importId: z.exactOptional(Id),
    fileName: z.exactOptional(line(200)),
    duplicates: z.exactOptional(Duplicates),
    campaignId: z.exactOptional(Id),
  })
  .refine(({ importId, ...plan }) => importId === undefined || Object.keys(plan).length === 0, {
    error: 'stands alone: how the file is read was said when the import was prepared',
    path: ['importId'],
  });
export type LeadImportQuery = z.infer<typeof LeadImportQuery>;

/** A file of leads. Rows are counted as they are taken; every row is in one of the five counts behind `rows`. */
export const LeadImport = z
  .object({
    id: Id,
    /** `waiting`: prepared, and no file has come; `interrupted`: the same file again goes on with it. */
    state: z.enum(['waiting', 'receiving', 'interrupted', 'done', 'failed', 'discarded']),
    fileName: z.exactOptional(z.string()),
    mapping: z.exactOptional(z.array(z.object({ column: z.string(), target: LeadTarget }))),
    defaults: z.array(z.object({ field: LeadField, value: z.string() })),
    duplicates: Duplicates,
    campaignId: z.exactOptional(Id),
    rows: z.int(),
    created: z.int(),
    updated: z.int(),
    unchanged: z.int(),
    duplicate: z.int(),
    refused: z.int(),
    /** Rows whose consent is in the ledger. */
    withConsent: z.int(),
    failure: z.exactOptional(z.string()),
    startedAt: z.exactOptional(Instant),
    endedAt: z.exactOptional(Instant),
    createdAt: Instant,
    updatedAt: Instant,
    createdBy: z.string(),
  })
  .meta({ id: 'LeadImport' });
export type LeadImport = z.infer<typeof LeadImport>;

export const RowOutcome = z.enum(['created', 'updated', 'unchanged', 'duplicate', 'refused']);
export type RowOutcome = z.infer<typeof RowOutcome>;

/** What became of one row. */
export const ImportedRow = z
  .object({
    /** Its first line in the file, from 1. */
    line: z.int(),
    outcome: RowOutcome,
    /** The lead that was made or changed, or of which the row is a duplicate. */
    leadId: z.exactOptional(Id),
    matchedBy: z.exactOptional(z.enum(['external_id', 'phone', 'email'])),
    /** `known`: the same consent was in the ledger; `incomplete`: `says` names what its evidence lacks. */
    consent: z.enum(['granted', 'known', 'incomplete', 'none']),
    says: z.array(z.string()),
    /** Of refused rows: where it stands in the file, first byte and the one behind its last. */
    bytes: z.exactOptional(z.array(z.int()).length(2)),
  })
  .meta({ id: 'ImportedRow' });
export type ImportedRow = z.infer<typeof ImportedRow>;

export const ImportReportQuery = PageQuery.extend({ outcome: z.exactOptional(RowOutcome) });
export type ImportReportQuery = z.infer<typeof ImportReportQuery>;
export const ImportReportFileQuery = z.strictObject({ outcome: z.exactOptional(RowOutcome) });
