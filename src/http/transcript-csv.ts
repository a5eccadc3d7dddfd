/** http/transcript-csv: what was said in one call as a file for a spreadsheet. */
import { stringify } from 'csv-stringify/sync';
import type { TranscriptMessage } from '../domain/documents.ts';
import { defused } from './records.ts';

const COLUMNS = ['sec', 'speaker', 'text', 'interrupted', 'sentiment', 'heardAs'];

/** A header line, then a line for each message. Text that could run as a formula is defused. */
export const transcriptCsv = (messages: readonly TranscriptMessage[]): string =>
  stringify(
    messages.map(({ timestamp, speaker, text, interrupted, sentiment, correction }) => ({
      sec: timestamp,
      speaker: speaker === 'user' ? 'caller' : speaker,
      text,
      interrupted: interrupted ? 'yes' : 'no',
      sentiment: sentiment ?? '',
      heardAs: correction?.original ?? '',
    })),
    {
      columns: COLUMNS,
      header: true,
      record_delimiter: 'windows',
      cast: { string: (text, { column }) => defused(String(column), text) },
    },
  );
