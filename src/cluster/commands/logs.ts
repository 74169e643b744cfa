// `proa logs`: the log of the cluster process, and with --follow what it says from now on.
import { createReadStream, existsSync, statSync, watch } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { pathsOf } from '../instance/paths.ts';
import { CommandError, placeFrom } from './command-line.ts';

export async function logs(options: Record<string, string | boolean | undefined>): Promise<void> {
  const paths = pathsOf(placeFrom(options as Record<string, string | undefined>));
  const file = options['containerd'] === true ? paths.containerdLog : paths.log;
  if (!existsSync(file)) throw new CommandError(`${file} does not exist: the cluster has not been started yet`);
  let shown = await show(file, 0);
  if (options['follow'] !== true) return;
  for await (const _ of changes(file)) {
    const { size } = statSync(file);
    shown = await show(file, size < shown ? 0 : shown); // a smaller file was cut or replaced: it begins anew
  }
}

/** Prints from byte `from` on; returns where it ended. */
async function show(file: string, from: number): Promise<number> {
  const stream = createReadStream(file, { start: from });
  await pipeline(stream, process.stdout, { end: false });
  return from + stream.bytesRead;
}

async function* changes(file: string): AsyncGenerator<void> {
  let wake = Promise.withResolvers<void>();
  watch(file, () => wake.resolve());
  for (;;) {
    await wake.promise;
    wake = Promise.withResolvers<void>();
    yield;
  }
}
