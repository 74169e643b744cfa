// Removes the folders of one node whose claims are gone, and their volumes.
import { readFile, rm } from 'node:fs/promises';
import { sep } from 'node:path';
import { isStatusError } from '#apimachinery/errors.ts';
import { persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import type { Client } from '#client/contract.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { fateOf, ownFolder, type Place } from './plan.ts';

export function localPathDeleter(place: Place): Controller {
  return {
    name: 'local-path-deleter',
    serviceAccount: 'local-path-provisioner',
    reads: [persistentvolumes],
    writes: ['persistentvolumes', 'events'],
    workers: 2,
    setUp({ informers, queue, events, client }) {
      const volumes = informers.informer(persistentvolumes);
      const look = (volume: PersistentVolume): void => {
        if (ownFolder(volume, place) !== undefined && fateOf(volume) !== 'keep') queue.add(keyOf(volume));
      };
      volumes.addHandlers({ added: look, updated: look });
      return async (key) => {
        const volume = volumes.byKey(key);
        const folder = volume === undefined ? undefined : ownFolder(volume, place);
        if (volume === undefined || folder === undefined || fateOf(volume) === 'keep') return;
        if (fateOf(volume) === 'delete') {
          try {
            await removeFolder(folder);
          } catch (error) {
            if (error instanceof Error) events.event(volume, 'Warning', 'VolumeFailedDelete', error.message);
            throw error;
          }
          if (volume.metadata.deletionTimestamp === undefined) await deleteVolume(volume, client);
        }
        await letGo(volume.metadata.name, client);
      };
    },
  };
}

/** Never through a mount: what is mounted below belongs to somebody else. @throws Error of the file system */
async function removeFolder(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => unescaped(line.split(' ')[4] ?? ''));
  const inside = mounts.find((path) => path === folder || path.startsWith(`${folder}${sep}`));
  if (inside !== undefined) throw new Error(`${inside} is still mounted`);
  await rm(folder, { recursive: true, force: true });
}

/** Source: proc(5), mangle of fs/proc_namespace.c. */
const unescaped = (path: string): string =>
  path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

async function deleteVolume({ metadata }: PersistentVolume, client: Client): Promise<void> {
  try {
    await client.delete(persistentvolumes, metadata, { preconditions: { uid: metadata.uid } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}

async function letGo(name: string, client: Client): Promise<void> {
  try {
    const volume = await client.get(persistentvolumes, { name });
    const finalizers = volume.metadata.finalizers?.filter((finalizer) => finalizer !== FINALIZER.externalProvisioner) ?? [];
    if (finalizers.length === (volume.metadata.finalizers?.length ?? 0)) return;
    await client.update(persistentvolumes, { ...volume, metadata: { ...volume.metadata, finalizers } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
