import type { Readable } from 'node:stream';

/** Runs a program with these arguments and this standard input. @throws ProgramError */
export type RunProgram = (
  file: string,
  args: readonly string[],
  options: { readonly input?: Readable; readonly signal?: AbortSignal },
) => Promise<string>;
