// Makes the claims of pods' generic ephemeral volumes; they go with their pod. Source: pkg/controller/volume/ephemeral.
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerReference } from '#api/owner-references.ts';
import { persistentvolumeclaims, pods } from '#api/resources.ts';
import type { New, PersistentVolumeClaim, Pod, Volume } from '#api/types.ts';
import { claimName, notMadeFor } from '#api/volumes.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';

const POD_KIND = { group: '', version: 'v1', kind: 'Pod' } as const;

export const ephemeralVolumeController: Controller = {
  name: 'ephemeral-volume-controller',
  serviceAccount: 'ephemeral-volume-controller',
  reads: [pods, persistentvolumeclaims],
  writes: ['persistentvolumeclaims', 'events'],
  workers: 5, // Source: --concurrent-ephemeralvolume-syncs
  setUp(context) {
    const { informers, queue } = context;
    const informer = informers.informer(pods);
    const claims = informers.informer(persistentvolumeclaims);
    const look = (pod: Pod): void => {
      if (pod.metadata.deletionTimestamp === undefined && ephemeralVolumes(pod).length > 0) queue.add(keyOf(pod));
    };
    informer.addHandlers({ added: look });
    claims.addHandlers({
      // One that stood in the way, or was deleted under a pod, leaves its place.
      deleted(claim) {
        const owner = claim.metadata.ownerReferences?.find(({ kind, controller }) => kind === 'Pod' && controller === true);
        if (owner !== undefined) queue.add(`${claim.metadata.namespace}/${owner.name}`);
      },
    });
    return async (key) => {
      const pod = informer.byKey(key);
      if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
      for (const volume of ephemeralVolumes(pod)) await ensureClaim(pod, volume, context);
    };
  },
};

const ephemeralVolumes = ({ spec }: Pod): readonly Volume[] => (spec.volumes ?? []).filter(({ ephemeral }) => ephemeral !== undefined);

/** @throws StatusError, also when the name is taken by another claim: then the pod is told by an event */
async function ensureClaim(
  pod: Pod,
  volume: Volume,
  { client, informers, events, metrics: { ephemeralVolume } }: ControllerContext,
): Promise<void> {
  const known = informers.informer(persistentvolumeclaims).get(claimName(pod, volume) ?? '', pod.metadata.namespace);
  const refuse = (why: string): void => events.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${why}`);
  const problem = known === undefined ? undefined : notMadeFor(known, pod);
  if (problem !== undefined) return refuse(problem);
  if (known !== undefined) return;
  ephemeralVolume.creations.of().add();
  try {
    await client.create(persistentvolumeclaims, claimFor(pod, volume));
  } catch (error) {
    ephemeralVolume.failures.of().add();
    if (isStatusError(error, 'AlreadyExists')) throw error; // seen in a moment
    if (isStatusError(error)) refuse(`create PVC ${claimName(pod, volume)}: ${error.message}`);
    throw error;
  }
}

function claimFor(pod: Pod, volume: Volume): New<PersistentVolumeClaim> {
  const { metadata, spec } = volume.ephemeral?.volumeClaimTemplate ?? {};
  return {
    metadata: {
      name: claimName(pod, volume),
      namespace: pod.metadata.namespace,
      ownerReferences: [controllerReference(pod, POD_KIND)],
      ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
    },
    spec,
  };
}
