/** dashboard/knowledge/diff-view: two versions of a text as one, with what went crossed out and what came underlined. */
import './knowledge.css';
import { diffWords } from './diff.ts';

export function Diff({ before, after }: { before: string; after: string }) {
  if (before === after) return <p className="diff">{after}</p>;
  return (
    <p className="diff">
      {diffWords(before, after).map(({ kind, text }, index) => {
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, drawn anew together
        if (kind === 'added') return <ins key={index}>{text}</ins>;
        // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one text, drawn anew together
        if (kind === 'removed') return <del key={index}>{text}</del>;
        return text;
      })}
    </p>
  );
}
