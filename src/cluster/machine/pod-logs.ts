// The logs of pods that a reset takes away: folders below /var/log/pods, and the links to their files.
import { type Dirent, existsSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const POD_LOGS = '/var/log/pods';
const CONTAINER_LOGS = '/var/log/containers';

/** Of `uids` only: another kubelet of this machine may have its logs beside them. */
export function removePodLogs(uids: ReadonlySet<string>): void {
  const ofPod = (folder: string): boolean => uids.has(folder.slice(folder.lastIndexOf('_') + 1));
  for (const link of entries(CONTAINER_LOGS, (entry) => entry.isSymbolicLink())) {
    const folder = /\/pods\/([^/]+)\//.exec(readlinkSync(join(CONTAINER_LOGS, link)))?.[1];
    if (folder !== undefined && ofPod(folder)) rmSync(join(CONTAINER_LOGS, link));
  }
  for (const folder of entries(POD_LOGS, (entry) => entry.isDirectory()).filter(ofPod)) rmSync(join(POD_LOGS, folder), { recursive: true });
}

function entries(folder: string, wanted: (entry: Dirent) => boolean): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(wanted)
    .map(({ name }) => name);
}
