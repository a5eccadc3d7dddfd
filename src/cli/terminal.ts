/** cli/terminal: what the programs beside the server have in common: how far they are, and how they end. */
import { ConfigError } from '../config.ts';
import { isFailure } from '../domain/errors.ts';

/** Something that whoever called the program can put right; the words are for them. */
export class Refusal extends Error {}

const REDRAW_MS = 100;

export const count = (n: number): string => n.toLocaleString('en-US');

/** Names come from outside: nothing in them moves the cursor. */
export const plain = (text: string): string => text.replace(/\p{Cc}/gu, '?');

/** One line that is drawn again and again on a terminal; nothing where nobody watches. */
export function progressOn(out: NodeJS.WriteStream): {
  show(at: { readonly what: string; readonly done: number }): void;
  end(): void;
} {
  let shownMs = Number.NEGATIVE_INFINITY;
  return {
    show({ what, done }) {
      if (!out.isTTY || performance.now() - shownMs < REDRAW_MS) return;
      shownMs = performance.now();
      out.write(`\r\u001b[2K${plain(what)}${done > 0 ? `: ${count(done)}` : ''}`);
    },
    end() {
      if (out.isTTY) out.write('\r\u001b[2K');
    },
  };
}

/** Runs a program to its end. Exit code 2: it was called the wrong way, or what it needs is not there; 1: it failed. */
export function runProgram(main: () => Promise<void>, afterFailure: string): void {
  main().catch((error: unknown) => {
    const ours = error instanceof Refusal || error instanceof ConfigError;
    if (ours) process.stderr.write(`${plain(error.message)}\n`);
    else if (isFailure(error)) process.stderr.write(`${plain(error.message)}\n${afterFailure}\n`);
    else process.stderr.write(`It failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = ours || isFailure(error, 'invalid_request') || isFailure(error, 'not_found') ? 2 : 1;
  });
}
