// Deletes pods whose devices got a NoExecute taint that their claims do not tolerate. Source: pkg/controller/devicetainteviction.
import { pods, resourceclaims, resourceslices } from '#api/resources.ts';
import type { ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { Pod } from '#api/types.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { evictPod } from '../runtime/evict-pod.ts';
import { allocatedDevices, deviceKeys, evictionTime, taintsOf } from './plan.ts';

const BY_DEVICE = 'device';

const devicesOfClaim = (claim: ResourceClaim): readonly string[] => allocatedDevices(claim).map(({ device }) => device);

const DISRUPTION = { reason: 'DeletionByDeviceTaintManager', message: 'Device Taint manager: deleting due to NoExecute taint' };

/** Its keys are those of claims. */
export const deviceTaintEviction: Controller = {
  name: 'device-taint-eviction-controller',
  serviceAccount: 'device-taint-eviction-controller',
  reads: [resourceclaims, resourceslices, pods],
  writes: ['pods', 'pods/status', 'events'],
  workers: 8,
  setUp(context) {
    const { informers, queue, clock } = context;
    const { deletions, deletionSeconds } = context.metrics.deviceTaintEviction;
    const claims = informers.informer(resourceclaims);
    const slices = informers.informer(resourceslices);
    claims.addIndex(BY_DEVICE, devicesOfClaim);
    slices.addIndex(BY_DEVICE, deviceKeys);
    const wake = (claim: ResourceClaim): void => queue.add(keyOf(claim));
    const wakeUsers = (slice: ResourceSlice): void => {
      for (const device of deviceKeys(slice)) if (taintsOf(slice, device).length > 0) claims.byIndex(BY_DEVICE, device).forEach(wake);
    };
    claims.addHandlers({ added: wake, updated: wake });
    slices.addHandlers({ added: wakeUsers, updated: wakeUsers });
    return async (key) => {
      const claim = claims.byKey(key);
      if (claim === undefined) return undefined;
      const now = clock.now();
      const dues = allocatedDevices(claim).flatMap(({ device, tolerations }) => {
        const taints = slices.byIndex(BY_DEVICE, device).flatMap((slice) => taintsOf(slice, device));
        return evictionTime(taints, tolerations, now) ?? [];
      });
      if (dues.length === 0) return undefined;
      const due = Math.min(...dues);
      if (due > now) return { afterMs: due - now };
      for (const pod of usersOf(claim, context)) {
        context.events.event(pod, 'Normal', 'DeviceTaintManagerEviction', 'Marking for deletion');
        await evictPod(pod, DISRUPTION, context);
        deletions.of().add();
        deletionSeconds.of().observe((now - due) / 1000);
      }
      return undefined;
    };
  },
};

/** Those that are not on their way out. */
function usersOf({ metadata, status }: ResourceClaim, { informers }: ControllerContext): readonly Pod[] {
  const lister = informers.informer(pods);
  return (status.reservedFor ?? []).flatMap(({ name, uid, apiGroup = '', resource }) => {
    const pod = apiGroup === '' && resource === 'pods' ? lister.get(name, metadata.namespace) : undefined;
    return pod?.metadata.uid === uid && pod.metadata.deletionTimestamp === undefined ? [pod] : [];
  });
}
