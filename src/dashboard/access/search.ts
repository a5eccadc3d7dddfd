/** dashboard/access/search: what stands in the address of the audit log: whose deeds, done to what, when. */

/** `from` and `to` are days, both included. */
export type AuditSearch = {
  kind?: 'change' | 'opening';
  who?: string;
  target?: string;
  from?: string;
  to?: string;
};

const MOST = 100;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, MOST) : undefined;
const day = (value: unknown): string | undefined => {
  const written = text(value);
  return written !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(written) ? written : undefined;
};

export function readAuditSearch(search: Readonly<Record<string, unknown>>): AuditSearch {
  const { kind } = search;
  const entries = {
    kind: kind === 'change' || kind === 'opening' ? kind : undefined,
    who: text(search.who),
    target: text(search.target),
    from: day(search.from),
    to: day(search.to),
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined));
}
