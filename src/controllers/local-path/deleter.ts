// Removes the folders of one node whose claims are gone, and their volumes.
import { isStatusError } from '#apimachinery/errors.ts';
import { persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume } from '#api/types.ts';
import { FINALIZER } from '#api/well-known.ts';
import type { Client } from '#client/contract.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { removeFolder } from '../runtime/remove-folder.ts';
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
