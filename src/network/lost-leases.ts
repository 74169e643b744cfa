// Leases of pod addresses that a power failure emptied: host-local finds a lease by the container it names, so that one which
// names none is never given back, and its address is lost to the node.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** A lease is made empty and written at once; this much later it is not on its way. Milliseconds. */
const SURELY_WRITTEN_MS = 60_000;

/** `folder` has a folder for each network. `now`: milliseconds since the epoch. @returns addresses that are free again */
export function removeLostLeases(folder: string, now: number): readonly string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => isIP(path.slice(path.lastIndexOf('/') + 1)) !== 0,
  );
  const lost = paths.filter((path) => {
    const lease = join(folder, path);
    return statSync(lease).mtimeMs < now - SURELY_WRITTEN_MS && readFileSync(lease, 'latin1').replaceAll(/[\0\s]/g, '') === '';
  });
  for (const path of lost) rmSync(join(folder, path));
  return lost.map((path) => path.slice(path.lastIndexOf('/') + 1));
}
