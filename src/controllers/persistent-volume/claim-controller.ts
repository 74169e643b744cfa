// Finds volumes for claims. Source: pkg/controller/volume/persistentvolume.
import { persistentvolumeclaims, persistentvolumes, pods, storageclasses } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/types.ts';
import { claimName, className, reserve, withAnnotation } from '#api/volumes.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { assertNever } from '#base/assert-never.ts';
import { parseTime } from '#apimachinery/time.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { boundStatus, boundTo, unboundStatus } from './bound.ts';
import { indexPodsByClaim, indexVolumes } from './indexes.ts';
import { type ClaimPlan, type Notice, planClaim } from './plan-claim.ts';

export const claimBinder: Controller = {
  name: 'persistentvolume-binder-controller',
  queue: 'claims',
  serviceAccount: 'persistent-volume-binder',
  reads: [persistentvolumeclaims, persistentvolumes, storageclasses, pods],
  writes: ['persistentvolumes', 'persistentvolumes/status', 'persistentvolumeclaims', 'persistentvolumeclaims/status', 'events'],
  workers: 1, // Source: Run: two claims must not be given one volume
  setUp(context) {
    const { informers, queue } = context;
    const { volumes, claims, volumesOfClass, volumesOfClaim, pendingOfClass } = indexVolumes(informers);
    const classes = informers.informer(storageclasses);
    const podInformer = informers.informer(pods);
    const podsOfClaim = indexPodsByClaim(informers);
    const wake = (claim: PersistentVolumeClaim): void => queue.add(keyOf(claim));
    const wakeClass = (name: string): void => pendingOfClass(name).forEach(wake);

    claims.addHandlers({ added: wake, updated: wake });
    /** One that is free may serve any claim of its class; one that is taken is its claim's. */
    const volumeChanged = (volume: PersistentVolume): void => {
      const { claimRef } = volume.spec;
      if (claimRef !== undefined) queue.add(`${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`);
      else if (volume.status.phase === 'Available') wakeClass(className(volume));
    };
    volumes.addHandlers({ added: volumeChanged, updated: volumeChanged, deleted: volumeChanged });
    const classChanged = (storageClass: StorageClass): void => {
      wakeClass(storageClass.metadata.name);
      if (isDefault(storageClass)) wakeClass('');
    };
    classes.addHandlers({ added: classChanged, updated: classChanged });
    podInformer.addHandlers({
      added(pod) {
        // Only what a claim that waits for its consumer says of itself.
        for (const volume of pod.spec.volumes ?? []) {
          const claim = claims.get(claimName(pod, volume) ?? '', pod.metadata.namespace);
          if (claim?.status?.phase === 'Pending') wake(claim);
        }
      },
    });

    return async (key) => {
      const claim = claims.byKey(key);
      if (claim === undefined) return;
      const plan = planClaim({
        claim,
        named: volumes.get(claim.spec.volumeName ?? ''),
        candidates: [...volumesOfClaim(key), ...volumesOfClass(className(claim))],
        storageClass: classes.get(className(claim)),
        defaultClass: [...classes.list()].filter(isDefault).toSorted(newestFirst)[0],
        waiting: podsOfClaim(key).filter(({ spec }) => (spec.nodeName ?? '') === ''),
      });
      await carryOut(plan, claim, context);
    };
  },
};

const isDefault = ({ metadata }: StorageClass): boolean =>
  [ANNOTATION.defaultStorageClass, ANNOTATION.betaDefaultStorageClass].some((key) => metadata.annotations?.[key] === 'true');

/** Source: GetDefaultClass. */
function newestFirst(a: StorageClass, b: StorageClass): number {
  const age = parseTime(b.metadata.creationTimestamp) - parseTime(a.metadata.creationTimestamp);
  return age === 0 ? (a.metadata.name < b.metadata.name ? -1 : 1) : age;
}

async function carryOut(plan: ClaimPlan, claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  switch (plan.kind) {
    case 'bind':
      return bind(plan.volume, claim, context);
    case 'pending':
      tell(claim, plan.notice, context);
      return writeStatus(claim, unboundStatus(claim, 'Pending'), context);
    case 'lost':
      if (claim.status.phase !== 'Lost') tell(claim, plan.notice, context);
      return writeStatus(claim, unboundStatus(claim, 'Lost'), context);
    case 'assign-class':
      await context.client.update(persistentvolumeclaims, { ...claim, spec: { ...claim.spec, storageClassName: plan.storageClass } });
      return;
    case 'provision': {
      const told = withAnnotation(
        withAnnotation(claim, ANNOTATION.betaStorageProvisioner, plan.provisioner),
        ANNOTATION.storageProvisioner,
        plan.provisioner,
      );
      const current = told === claim ? claim : await context.client.update(persistentvolumeclaims, told);
      tell(claim, plan.notice, context);
      return writeStatus(current, unboundStatus(current, 'Pending'), context);
    }
    default:
      return assertNever(plan);
  }
}

function tell(claim: PersistentVolumeClaim, notice: Notice | undefined, { events }: ControllerContext): void {
  if (notice !== undefined) events.event(claim, notice.type, notice.reason, notice.message);
}

async function writeStatus(
  claim: PersistentVolumeClaim,
  status: PersistentVolumeClaim['status'],
  { client }: ControllerContext,
): Promise<void> {
  if (!deepEqual(status, claim.status)) await client.update(persistentvolumeclaims, { ...claim, status }, { subresource: 'status' });
}

/** Volume first: a claim never says it is bound to what is not kept for it. Each step is left out once it was done. Source: bind. */
async function bind(volume: PersistentVolume, claim: PersistentVolumeClaim, context: ControllerContext): Promise<void> {
  const { client } = context;
  const reserved = reserve(volume, claim);
  const kept = reserved === volume ? volume : await client.update(persistentvolumes, reserved);
  if (kept.status.phase !== 'Bound')
    await client.update(persistentvolumes, { ...kept, status: { phase: 'Bound' } }, { subresource: 'status' });
  const wanted = boundTo(claim, kept);
  const bound = wanted === claim ? claim : await client.update(persistentvolumeclaims, wanted);
  await writeStatus(bound, boundStatus(bound, kept), context);
}
