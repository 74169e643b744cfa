// Makes folders of one node for claims whose pod was placed there. Runs once a node, under its own identity.
import { chmod, mkdir } from 'node:fs/promises';
import { isStatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { nodes, persistentvolumeclaims, persistentvolumes, storageclasses } from '#api/resources.ts';
import type { PersistentVolumeClaim } from '#api/types.ts';
import { className } from '#api/volumes.ts';
import { LABEL } from '#api/well-known.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { folderOf, isOurs, type Place, refusal, volumeFor, volumeName } from './plan.ts';

/** Anybody in the container may write: whose files they are is not known before. */
const FOLDER_MODE = 0o777;

export function localPathProvisioner(place: Place): Controller {
  return {
    name: 'local-path-provisioner',
    serviceAccount: 'local-path-provisioner',
    reads: [persistentvolumeclaims],
    writes: ['persistentvolumes', 'events'],
    workers: 2,
    setUp(context) {
      const { informers, queue, events } = context;
      const claims = informers.informer(persistentvolumeclaims);
      const look = (claim: PersistentVolumeClaim): void => {
        if (isOurs(claim, place)) queue.add(keyOf(claim));
      };
      claims.addHandlers({ added: look, updated: look });
      return async (key) => {
        const claim = claims.byKey(key);
        if (claim === undefined || !isOurs(claim, place)) return;
        const failed = (why: string): void => {
          const message = `failed to provision volume with StorageClass ${goQuote(className(claim))}: ${why}`;
          events.event(claim, 'Warning', 'ProvisioningFailed', message);
        };
        const why = refusal(claim);
        if (why !== undefined) return failed(why);
        events.event(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${goQuote(key)}`);
        try {
          await provision(claim, place, context);
        } catch (error) {
          if (error instanceof Error) failed(error.message);
          throw error;
        }
        events.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName(claim)}`);
      };
    },
  };
}

/** Folder first: a volume that is there can be used. @throws StatusError; Error of the file system */
async function provision(claim: PersistentVolumeClaim, place: Place, { client }: ControllerContext): Promise<void> {
  const storageClass = await client.get(storageclasses, { name: className(claim) });
  const node = await client.get(nodes, { name: place.nodeName });
  const folder = folderOf(claim, place);
  await mkdir(folder, { recursive: true });
  await chmod(folder, FOLDER_MODE); // not subject to the umask
  try {
    await client.create(persistentvolumes, volumeFor(claim, storageClass, place, node.metadata.labels?.[LABEL.hostname] ?? place.nodeName));
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error; // made before a crash
  }
}
