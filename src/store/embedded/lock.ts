// One process a folder. The lock is a file that names its holder; a holder that was killed leaves it behind, so it
// counts only while that very process lives.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomIds } from '#base/ids.ts';
import { StoreLockedError } from './errors.ts';

const LOCK_FILE = 'lock';

/** Position in /proc/PID/stat, counted after the command's name, of the start time. Source: proc_pid_stat(5), field 22. */
const START_TIME_FIELD = 19;

/** A process, told apart from later ones with the same pid. */
interface Holder {
  readonly pid: number;
  /** Boot and start time, where the system tells them. */
  readonly started: string;
}

/** Gives the folder back. */
export type Unlock = () => Promise<void>;

/** @throws StoreLockedError while another process, or another opener in this one, has the folder */
export async function lockFolder(directory: string): Promise<Unlock> {
  const path = join(directory, LOCK_FILE);
  const text = `${process.pid} ${await startOf(process.pid)} ${randomIds.uuid()}\n`;
  const own = `${path}.${randomIds.uuid()}`;
  await writeFile(own, text, { mode: 0o600, flag: 'wx' });
  try {
    // Linking fails where the name exists: of two openers one gets it.
    while (!(await linkNew(own, path))) await clearStale(directory, path);
  } finally {
    await rm(own, { force: true });
  }
  return async () => {
    if ((await readOrNothing(path)) === text) await rm(path, { force: true });
  };
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Removes a lock whose holder is gone. @throws StoreLockedError when it is not */
async function clearStale(directory: string, path: string): Promise<void> {
  const text = await readOrNothing(path);
  if (text === undefined) return;
  const [pid = '', started = ''] = text.split(' ');
  await assertGone(directory, { pid: Number(pid), started });
  // Another opener may have done the same in between: what is taken away must be what was judged.
  const aside = `${path}.${randomIds.uuid()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readOrNothing(aside)) !== text) await linkNew(aside, path);
  await rm(aside, { force: true });
}

async function assertGone(directory: string, holder: Holder): Promise<void> {
  if (!Number.isInteger(holder.pid) || holder.pid <= 0 || !isAlive(holder.pid)) return;
  if ((await startOf(holder.pid)) !== holder.started) return;
  throw new StoreLockedError(directory, holder.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process started, as text to compare; `unknown` where the system does not tell. */
async function startOf(pid: number): Promise<string> {
  const boot = await readOrNothing('/proc/sys/kernel/random/boot_id');
  const stat = await readOrNothing(`/proc/${pid}/stat`);
  if (boot === undefined || stat === undefined) return 'unknown';
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME_FIELD];
  return `${boot.trim()}/${ticks}`;
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
