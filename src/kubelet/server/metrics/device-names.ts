// What block devices are called. Source: cadvisor utils/sysfs, deviceIdentifierMap.
import { readFile } from 'node:fs/promises';
import { isSystemError } from '#base/system-error.ts';

/** By their numbers: `/dev/sda`; empty for one that is not known. */
export async function deviceNames(): Promise<(major: string, minor: string) => string> {
  const names = devicesOf(await partitions());
  return (major, minor) => names.get(`${major}:${minor}`) ?? '';
}

/** Lines of `major minor blocks name`. Source: proc(5). */
export function devicesOf(text: string): ReadonlyMap<string, string> {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  return new Map(
    rows.flatMap(([major, minor, , name]) => (name === undefined || major === 'major' ? [] : [[`${major}:${minor}`, `/dev/${name}`]])),
  );
}

/** A machine that does not tell has devices without names. */
async function partitions(): Promise<string> {
  try {
    return await readFile('/proc/partitions', 'utf8');
  } catch (error) {
    if (isSystemError(error)) return '';
    throw error;
  }
}
