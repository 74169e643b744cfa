// One opener a folder: the kernel holds the lock, and who has it stands in its file, for those who find it taken.
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { lockOpenFile } from '#base/kernel-lock.ts';
import { StoreLockedError } from './errors.ts';

const LOCK_FILE = 'lock';

/** Gives the folder back. Safe to repeat. */
export type Unlock = () => Promise<void>;

/** @throws StoreLockedError while another process, or another opener in this one, has the folder; KernelLockError */
export async function lockFolder(directory: string): Promise<Unlock> {
  let file: number | undefined = openSync(join(directory, LOCK_FILE), 'a+', 0o600);
  try {
    if (!lockOpenFile(file)) throw new StoreLockedError(directory, Number.parseInt(readFileSync(file, 'utf8'), 10));
    ftruncateSync(file);
    writeSync(file, `${process.pid}\n`);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return async () => {
    if (file === undefined) return;
    ftruncateSync(file);
    closeSync(file);
    file = undefined;
  };
}
