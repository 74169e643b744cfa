// Volumes, claims, attribute classes and groups of pods that are being deleted stay until nobody uses them: then their finalizer goes.
// Source: pkg/controller/volume/pvcprotection, pvprotection, vacprotection, pkg/controller/scheduling/podgroupprotection.
import { podgroups } from '#api/optional-resources.ts';
import { persistentvolumeclaims, persistentvolumes, pods, volumeattributesclasses } from '#api/resources.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttributesClass } from '#api/types.ts';
import { claimName, notMadeFor } from '#api/volumes.ts';
import { isPodTerminal } from '#api/pods.ts';
import { FINALIZER } from '#api/well-known.ts';
import { indexPodsByClaim } from '../persistent-volume/indexes.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { protect } from './protect.ts';

export const claimProtection: Controller = {
  name: 'persistentvolumeclaim-protection-controller',
  serviceAccount: 'pvc-protection-controller',
  reads: [persistentvolumeclaims, pods],
  writes: ['persistentvolumeclaims'],
  workers: 2,
  setUp(context) {
    const { informers, queue, client } = context;
    const podsOfClaim = indexPodsByClaim(informers);
    const wakeClaims = (pod: Pod): void => {
      for (const volume of pod.spec.volumes ?? []) {
        const name = claimName(pod, volume);
        if (name !== undefined) queue.add(`${pod.metadata.namespace}/${name}`);
      }
    };
    const mayLetGo = (pod: Pod): boolean => isPodTerminal(pod) || isShutDown(pod);
    informers.informer(pods).addHandlers({ updated: (pod) => void (mayLetGo(pod) && wakeClaims(pod)), deleted: wakeClaims });
    const isUsed = (claim: PersistentVolumeClaim): boolean => podsOfClaim(keyOf(claim)).some((pod) => uses(pod, claim));
    return protect(context, {
      resource: persistentvolumeclaims,
      finalizer: FINALIZER.persistentVolumeClaim,
      isUsed: async (claim) => {
        if (isUsed(claim)) return true;
        // A pod that the informer has not shown yet would lose its data.
        const { items } = await client.list(pods, { namespace: claim.metadata.namespace });
        return items.some((pod) => uses(pod, claim));
      },
    });
  },
};

/** Only a pod with a node counts: a kubelet starts none whose claim is being deleted. Source: podUsesPVC. */
export function uses(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if ((pod.spec.nodeName ?? '') === '') return false;
  return (pod.spec.volumes ?? []).some((volume) => {
    if (claimName(pod, volume) !== claim.metadata.name) return false;
    return volume.ephemeral === undefined || (!isShutDown(pod) && notMadeFor(claim, pod) === undefined);
  });
}

/**
 * Whether its kubelet is done with a pod, or was not asked: a pod that then waits for the end of its ephemeral claim, and that for
 * the pod's, would both stay. Source: podIsShutDown.
 */
const isShutDown = ({ metadata }: Pod): boolean =>
  metadata.deletionTimestamp !== undefined && Number(metadata.deletionGracePeriodSeconds ?? -1) === 0;

export const volumeProtection: Controller = {
  name: 'persistentvolume-protection-controller',
  serviceAccount: 'pv-protection-controller',
  reads: [persistentvolumes],
  writes: ['persistentvolumes'],
  workers: 1,
  setUp: (context) =>
    protect(context, {
      resource: persistentvolumes,
      finalizer: FINALIZER.persistentVolume,
      isUsed: ({ status }) => Promise.resolve(status?.phase === 'Bound'),
    }),
};

const ATTRIBUTES = 'volume-attributes-class';
const attributesOfClaim = ({ spec, status }: PersistentVolumeClaim): readonly string[] =>
  [
    spec.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== '') as string[];
const attributesOfVolume = ({ spec }: PersistentVolume): readonly string[] =>
  spec.volumeAttributesClassName === undefined ? [] : [spec.volumeAttributesClassName];

export const attributesClassProtection: Controller = {
  name: 'volumeattributesclass-protection-controller',
  serviceAccount: 'volumeattributesclass-protection-controller',
  reads: [volumeattributesclasses, persistentvolumes, persistentvolumeclaims],
  writes: ['volumeattributesclasses'],
  workers: 1,
  setUp(context) {
    const { informers, queue } = context;
    const claims = informers.informer(persistentvolumeclaims);
    const volumes = informers.informer(persistentvolumes);
    claims.addIndex(ATTRIBUTES, attributesOfClaim);
    volumes.addIndex(ATTRIBUTES, attributesOfVolume);
    const wake = (names: readonly string[]): void => names.forEach((name) => queue.add(name));
    claims.addHandlers({ updated: (_, before) => wake(attributesOfClaim(before)), deleted: (claim) => wake(attributesOfClaim(claim)) });
    volumes.addHandlers({
      updated: (_, before) => wake(attributesOfVolume(before)),
      deleted: (volume) => wake(attributesOfVolume(volume)),
    });
    return protect<VolumeAttributesClass>(context, {
      resource: volumeattributesclasses,
      finalizer: FINALIZER.volumeAttributesClass,
      isUsed: ({ metadata: { name } }) =>
        Promise.resolve(claims.byIndex(ATTRIBUTES, name).length + volumes.byIndex(ATTRIBUTES, name).length > 0),
    });
  },
};

const GROUP_MEMBERS = 'running-pods-of-group';
const groupOf = ({ metadata, spec }: Pod): readonly string[] => {
  const name = spec.schedulingGroup?.podGroupName;
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
};
const groupWhileRunning = (pod: Pod): readonly string[] => (isPodTerminal(pod) ? [] : groupOf(pod));

export const podGroupProtection: Controller = {
  name: 'podgroup-protection-controller',
  serviceAccount: 'podgroup-protection-controller',
  gates: ['GenericWorkload'],
  reads: [podgroups, pods],
  writes: ['podgroups'],
  workers: 1,
  setUp(context) {
    const { informers, queue } = context;
    const members = informers.informer(pods);
    members.addIndex(GROUP_MEMBERS, groupWhileRunning);
    const wake = (pod: Pod): void => groupOf(pod).forEach((key) => queue.add(key));
    members.addHandlers({ updated: (pod) => void (isPodTerminal(pod) && wake(pod)), deleted: wake });
    return protect(context, {
      resource: podgroups,
      finalizer: FINALIZER.podGroup,
      isUsed: (group) => Promise.resolve(members.byIndex(GROUP_MEMBERS, keyOf(group)).length > 0),
    });
  },
};
