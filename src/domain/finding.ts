/** domain/finding: what a look at a set-up finds, one setting each, for people to put right. */
export interface Finding {
  /** error: calls fail or lose what they must keep. warning: they work, with less than they could. */
  readonly level: 'error' | 'warning';
  readonly setting: string;
  readonly found: string;
  readonly wanted: string;
  readonly remedy: string;
}
