// Many changes by one run of iproute2.
import { Readable } from 'node:stream';
import { runNetworkProgram } from '#base/program.ts';

/** Stops at the first line that fails. @throws ProgramError */
export function ipBatch(lines: readonly string[], signal?: AbortSignal, program: 'ip' | 'bridge' = 'ip'): Promise<string> {
  return runNetworkProgram(program, ['-batch', '-'], {
    input: Readable.from([`${lines.join('\n')}\n`]),
    ...(signal === undefined ? {} : { signal }),
  });
}
