// Settings of the kernel, by their path below /proc/sys.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export const SYSCTLS = '/proc/sys';

/** Writes only what differs: a container may be allowed to read what it may not write. What the kernel lacks is left. */
export function setSysctl(name: string, value: string): void {
  if (!isSetTo(name, value)) writeFileSync(`${SYSCTLS}/${name}`, value);
}

/** What the kernel lacks is as it should be. */
export function isSetTo(name: string, value: string): boolean {
  const path = `${SYSCTLS}/${name}`;
  return !existsSync(path) || readFileSync(path, 'utf8').trim() === value;
}

/** Of a number: never lowers it. */
export function raiseSysctl(name: string, least: number): void {
  const path = `${SYSCTLS}/${name}`;
  if (existsSync(path) && Number(readFileSync(path, 'utf8')) < least) writeFileSync(path, String(least));
}
