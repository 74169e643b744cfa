// Keeps the phase of volumes, and frees, empties or deletes those whose claim is gone. Source: pkg/controller/volume/persistentvolume.
import { isStatusError } from '#apimachinery/errors.ts';
import { isPodTerminal } from '#api/pods.ts';
import { persistentvolumeclaims, persistentvolumes, pods } from '#api/resources.ts';
import type { New, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { assertNever } from '#base/assert-never.ts';
import type { Client } from '#client/contract.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { removeFolder } from '../runtime/remove-folder.ts';
import { indexPodsByClaim, indexVolumes } from './indexes.ts';
import { failed, planVolume, unbound, type VolumePlan } from './plan-volume.ts';
import { Recycler } from './recycler.ts';

/** What failed is tried again after this. Milliseconds. Source: --pvclaimbinder-sync-period. */
const AGAIN_MS = 15_000;

type Find = (key: string) => readonly Pod[];

export const volumeBinder: Controller = {
  name: 'persistentvolume-binder-controller',
  queue: 'volumes',
  serviceAccount: 'persistent-volume-binder',
  reads: [persistentvolumes, persistentvolumeclaims, pods],
  writes: ['persistentvolumes', 'persistentvolumes/status', 'pods', 'events'],
  workers: 1, // Source: Run
  setUp(context) {
    const { informers, queue, client } = context;
    const { volumes, claims, volumesOfClaim } = indexVolumes(informers);
    const podsOfClaim = indexPodsByClaim(informers);
    context.metrics.volumes.follow({ volumes, claims });
    const wake = (volume: PersistentVolume): void => queue.add(keyOf(volume));
    const wakeVolumes = (claim: PersistentVolumeClaim): void => volumesOfClaim(keyOf(claim)).forEach(wake);
    const recycler = new Recycler(context, (name) => queue.add(name));
    volumes.addHandlers({ added: wake, updated: wake, deleted: (volume) => recycler.forget(volume) });
    claims.addHandlers({ added: wakeVolumes, updated: wakeVolumes, deleted: wakeVolumes });
    return async (key) => {
      const volume = volumes.byKey(key);
      if (volume === undefined) return;
      const { claimRef } = volume.spec;
      const known = claimRef === undefined ? undefined : claims.get(claimRef.name ?? '', claimRef.namespace);
      const claim = known?.metadata.uid === claimRef?.uid ? known : await claimOf(volume, client);
      const plan = planVolume(volume, claim);
      if (plan.kind === 'recycle') return recycle(volume, plan.pod, { ...context, recycler, podsOfClaim });
      recycler.forget(volume);
      return carryOut(plan, volume, context);
    };
  },
};

/** From the server: nothing is given up because the informer is late. */
async function claimOf({ spec: { claimRef }, status }: PersistentVolume, client: Client): Promise<PersistentVolumeClaim | undefined> {
  if ((claimRef?.uid ?? '') === '' || status.phase === 'Released' || status.phase === 'Failed') return undefined;
  try {
    const claim = await client.get(persistentvolumeclaims, { name: claimRef?.name ?? '', namespace: claimRef?.namespace ?? '' });
    return claim.metadata.uid === claimRef?.uid ? claim : undefined;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

type Acting = Exclude<VolumePlan, { readonly kind: 'recycle' }>;

async function carryOut(plan: Acting, volume: PersistentVolume, context: ControllerContext): Promise<Requeue | undefined> {
  const { client, events } = context;
  switch (plan.kind) {
    case 'wait':
      return undefined;
    case 'unbind':
      await client.update(persistentvolumes, unbound(volume));
      return undefined;
    case 'mismatch':
      events.event(volume, plan.ofVolume.type, plan.ofVolume.reason, plan.ofVolume.message);
      events.event(plan.claim, plan.ofClaim.type, plan.ofClaim.reason, plan.ofClaim.message);
      return undefined;
    case 'delete':
      return deleteContents(plan.path, volume, context);
    case 'phase':
      await writePhase(plan, volume, context);
      return undefined;
    default:
      return assertNever(plan);
  }
}

/** Once a volume has failed, how it fails the next time is not told again. Source: updateVolumePhaseWithEvent. */
async function writePhase(
  { phase, message, notice }: VolumePlan & { readonly kind: 'phase' },
  volume: PersistentVolume,
  { client, events }: ControllerContext,
): Promise<void> {
  if (volume.status.phase === phase) return;
  const status = message === undefined ? { phase } : { phase, message };
  await client.update(persistentvolumes, { ...volume, status }, { subresource: 'status' });
  if (notice !== undefined) events.event(volume, notice.type, notice.reason, notice.message);
}

/** Source: deleteVolumeOperation. */
async function deleteContents(path: string, volume: PersistentVolume, context: ControllerContext): Promise<Requeue | undefined> {
  try {
    await removeFolder(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await writePhase(failed('VolumeFailedDelete', error.message), volume, context);
    return { afterMs: AGAIN_MS };
  }
  try {
    await context.client.delete(persistentvolumes, volume.metadata, { preconditions: { uid: volume.metadata.uid } });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  return undefined;
}

/** Source: recycleVolumeOperation. */
async function recycle(
  volume: PersistentVolume,
  pod: New<Pod>,
  context: ControllerContext & { readonly recycler: Recycler; readonly podsOfClaim: Find },
): Promise<Requeue | undefined> {
  const { client, events, recycler, podsOfClaim } = context;
  const { namespace = '', name = '' } = volume.spec.claimRef ?? {};
  const users = podsOfClaim(`${namespace}/${name}`).filter((user) => !isPodTerminal(user));
  if (users.length > 0) {
    const names = users.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).toSorted();
    events.event(volume, 'Normal', 'VolumeFailedRecycle', `Volume is used by pods: ${names.join(',')}`);
    return { afterMs: AGAIN_MS };
  }
  const progress = await recycler.advance(volume, pod);
  if (progress.kind === 'running') return undefined;
  if (progress.kind === 'failed') {
    await writePhase(failed('VolumeFailedRecycle', `Recycle failed: ${progress.why}`), volume, context);
    return { afterMs: AGAIN_MS };
  }
  events.event(volume, 'Normal', 'VolumeRecycled', 'Volume recycled');
  await client.update(persistentvolumes, unbound(volume));
  return undefined;
}
