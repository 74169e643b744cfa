// Beside each mount of a CSI volume: by whom it was made, for whoever undoes it. Source: pkg/volume/csi volDataFileName, volDataKey.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CSI_PLUGIN, type CsiVolumeId } from '#api/csi.ts';
import { isMissing, namesIn } from '../volumes/exists.ts';
import type { KubeletPaths } from '../volumes/paths.ts';

const DATA_FILE = 'vol_data.json';

export interface VolumeData {
  readonly driverName: string;
  readonly volumeHandle: string;
  /** Of the PersistentVolume, or of the pod's own volume. */
  readonly specVolID: string;
  readonly volumeLifecycleMode: 'Ephemeral' | 'Persistent';
  /** Absent: a file system. */
  readonly volumeMode?: 'Block';
  /** Of the VolumeAttachment; absent where nothing had to be attached. */
  readonly attachmentID?: string;
}

export const idOf = ({ driverName, volumeHandle }: VolumeData): CsiVolumeId => ({ driver: driverName, volumeHandle });

/** On disk when it returns. */
export async function note(folder: string, data: VolumeData): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await writeFile(join(folder, DATA_FILE), JSON.stringify(data), { flush: true });
}

/** Undefined where nothing was begun. */
export async function noted(folder: string): Promise<VolumeData | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, DATA_FILE), 'utf8')) as VolumeData;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

export const forget = (folder: string): Promise<void> => rm(join(folder, DATA_FILE), { force: true });

export interface NotedVolume {
  readonly podUid: string;
  readonly folder: string;
  readonly data: VolumeData;
}

/** All volumes that pods on this node have, or are about to. */
export async function allNoted(paths: KubeletPaths): Promise<readonly NotedVolume[]> {
  const found: NotedVolume[] = [];
  for (const podUid of await namesIn(paths.pods())) {
    for (const parent of [paths.volumesOf(podUid, CSI_PLUGIN), paths.devicesOf(podUid, CSI_PLUGIN)]) {
      for (const name of await namesIn(parent)) {
        const folder = join(parent, name);
        const data = await noted(folder);
        if (data !== undefined) found.push({ podUid, folder, data });
      }
    }
  }
  return found;
}
