// Keeps the phase of volumes, and frees or gives up those whose claim is gone. Source: pkg/controller/volume/persistentvolume.
import { isStatusError } from '#apimachinery/errors.ts';
import { persistentvolumeclaims, persistentvolumes } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '#api/types.ts';
import { assertNever } from '#base/assert-never.ts';
import type { Client } from '#client/contract.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { indexVolumes } from './indexes.ts';
import { planVolume, unbound, type VolumePlan } from './plan-volume.ts';

export const volumeBinder: Controller = {
  name: 'persistentvolume-controller',
  queue: 'volumes',
  serviceAccount: 'persistent-volume-binder',
  reads: [persistentvolumes, persistentvolumeclaims],
  writes: ['persistentvolumes', 'persistentvolumes/status', 'events'],
  workers: 1, // Source: Run
  setUp(context) {
    const { informers, queue, client } = context;
    const { volumes, claims, volumesOfClaim } = indexVolumes(informers);
    const wake = (volume: PersistentVolume): void => queue.add(keyOf(volume));
    const wakeVolumes = (claim: PersistentVolumeClaim): void => volumesOfClaim(keyOf(claim)).forEach(wake);
    volumes.addHandlers({ added: wake, updated: wake });
    claims.addHandlers({ added: wakeVolumes, updated: wakeVolumes, deleted: wakeVolumes });
    return async (key) => {
      const volume = volumes.byKey(key);
      if (volume === undefined) return;
      const { claimRef } = volume.spec;
      const known = claimRef === undefined ? undefined : claims.get(claimRef.name ?? '', claimRef.namespace);
      const claim = known?.metadata.uid === claimRef?.uid ? known : await claimOf(volume, client);
      await carryOut(planVolume(volume, claim), volume, context);
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

async function carryOut(plan: VolumePlan, volume: PersistentVolume, { client, events }: ControllerContext): Promise<void> {
  switch (plan.kind) {
    case 'wait':
      return;
    case 'unbind':
      await client.update(persistentvolumes, unbound(volume));
      return;
    case 'mismatch':
      events.event(volume, plan.ofVolume.type, plan.ofVolume.reason, plan.ofVolume.message);
      events.event(plan.claim, plan.ofClaim.type, plan.ofClaim.reason, plan.ofClaim.message);
      return;
    case 'phase': {
      const { phase, message, notice } = plan;
      if (volume.status.phase === phase && (volume.status.message ?? '') === (message ?? '')) return;
      const status = message === undefined ? { phase } : { phase, message };
      await client.update(persistentvolumes, { ...volume, status }, { subresource: 'status' });
      if (notice !== undefined) events.event(volume, notice.type, notice.reason, notice.message);
      return;
    }
    default:
      return assertNever(plan);
  }
}
