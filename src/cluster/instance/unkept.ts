// A cluster process whose keeper was killed: the kernel tells it to end, and it takes its time over that.
import type { Clock } from '#base/clock.ts';
import { stopProcess } from '../machine/processes.ts';
import { STOP_DEADLINE_MS } from './keeper.ts';
import type { Paths } from './paths.ts';
import { isAlive, readProgress } from './progress.ts';

/** Ends it, where no keeper runs: it holds the port and the store. @returns whether there was one */
export async function endUnkept(paths: Pick<Paths, 'progress'>, clock: Clock): Promise<boolean> {
  const progress = readProgress(paths);
  if (progress === undefined || !isAlive(progress)) return false;
  await stopProcess(progress.pid, clock, STOP_DEADLINE_MS);
  return true;
}
