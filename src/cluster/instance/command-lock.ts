// One command at a time changes a cluster. The kernel holds the lock for as long as the process lives, so that one that was
// killed holds nothing; who has it stands in the file, for those who find it taken.
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readFileSync, rmdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '#base/make-folder.ts';
import { lockOpenFile } from '#base/kernel-lock.ts';
import { CommandError } from '../commands/command-error.ts';
import { pathsOf, type Place } from './paths.ts';

/** Holders take their file away when they are done: what was opened may be gone by the time it is locked. */
const ATTEMPTS = 100;

/** Lets the next one in; what the lock needed is taken away. */
export type Unlock = () => void;

/**
 * Makes this process the only one that works on the cluster of `place`, as `proa command`.
 * @throws CommandError naming who does already, or why there can be no file to lock; KernelLockError
 */
export function lockForCommand(place: Place, command: string): Unlock {
  const { lock } = pathsOf(place);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const file = open(lock, command);
    if (file === undefined) continue;
    if (!lockOpenFile(file)) {
      const holder = readFileSync(file, 'utf8').trim();
      closeSync(file);
      throw new CommandError(
        `${holder === '' ? 'another command of Proa' : holder} is at work on the cluster in ${place.dataDir}: wait for it to end, or end it`,
      );
    }
    if (!isStill(file, lock)) {
      closeSync(file);
      continue;
    }
    ftruncateSync(file);
    writeSync(file, `proa ${command} (process ${process.pid})\n`, 0);
    return () => unlock(lock, file);
  }
  throw new CommandError(`${lock} is taken away again and again: find out what else removes files there`);
}

/** Undefined while a holder is taking the folder away. */
function open(path: string, command: string): number | undefined {
  let inFolder = false;
  try {
    makeFolder(dirname(path), 0o755);
    inFolder = true;
    return openSync(path, 'a+', 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (inFolder && code === 'ENOENT' && !existsSync(dirname(path))) return undefined;
    if (code === 'EACCES' && process.getuid?.() !== 0) throw new CommandError(`proa ${command} must run as root: sudo proa ${command}`);
    throw new CommandError(`${path} cannot be written (${code}): choose another folder with --run-dir`);
  }
}

function isStill(file: number, path: string): boolean {
  return fstatSync(file).ino === statSync(path, { throwIfNoEntry: false })?.ino;
}

function unlock(path: string, file: number): void {
  if (isStill(file, path)) rmSync(path);
  closeSync(file);
  try {
    rmdirSync(dirname(path));
  } catch (error) {
    // Something else is in it, or it is gone already, or it is a mount.
    if (!['ENOTEMPTY', 'ENOENT', 'EBUSY', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
