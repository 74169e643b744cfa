// pure
// A CSI driver takes only so many volumes on one node, those of plugins that it stands in for among them. Source: plugins/nodevolumelimits csi.go.
import { attachedByDriver, driverOfProvisioner } from '#api/migrated-volumes.ts';
import type { CSINode, PersistentVolume, PersistentVolumeClaim, Pod, VolumeAttachment } from '#api/types.ts';
import { attachesVolumes, claimName, className, notMadeFor, usesClaims } from '#api/volumes.ts';
import { ACTION, clusterEvent } from '../framework/cluster-event.ts';
import type { NodeFilter, Plugin, QueueingHint } from '../framework/plugin.ts';
import { UNLIKE_ANY } from '../framework/profile.ts';
import { type Status, unresolvable, unschedulable } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { PLUGIN } from './names.ts';
import { claimKey, type Storage } from './volume-binding/storage.ts';

const TOO_MANY = unschedulable(PLUGIN.nodeVolumeLimits, 'node(s) exceed max volume count');

/** Names of volumes, each unique among all drivers, with the driver that attaches it. */
type Volumes = ReadonlyMap<string, string>;

const NO_VOLUMES: Volumes = new Map();

export function nodeVolumeLimits(storage: Storage): Plugin {
  return {
    name: PLUGIN.nodeVolumeLimits,
    events: [
      { event: clusterEvent('storage.k8s.io/CSINode', ACTION.Add | ACTION.Update), hint: afterNodeChange },
      { event: clusterEvent('Pod', ACTION.Delete), hint: afterPodDeleted },
      { event: clusterEvent('PersistentVolumeClaim', ACTION.Add), hint: afterClaimAdded },
      { event: clusterEvent('storage.k8s.io/VolumeAttachment', ACTION.Delete), hint: afterDetached },
    ],
    sign: (pod) => (attachesVolumes(pod) ? UNLIKE_ANY : undefined),
    preFilter({ pod }, cluster) {
      if (!attachesVolumes(pod)) return { kind: 'skip' };
      const wanted = volumesOf(pod, storage);
      // Told of each node, so that VolumeBinding, which has more to say of such a claim, speaks first.
      if ('code' in wanted) return { kind: 'filter', filter: { scope: 'node', check: () => wanted } };
      if (wanted.size === 0 || hasRoomEverywhere(wanted.size, storage, cluster)) return { kind: 'skip' };
      return { kind: 'filter', filter: limitFilter(wanted, storage, cluster) };
    },
  };
}

/** Told at a glance, and mostly so: even the node with most volumes would take those as well, if it were the one that takes fewest. */
function hasRoomEverywhere(wanted: number, storage: Storage, cluster: ClusterState): boolean {
  const spare = storage.leastSpareVolumes();
  if (spare === Infinity) return true;
  // Pods that are expected on a node count there, too.
  if (!cluster.nominator.isEmpty) return false;
  const { volumeCount } = cluster;
  let most = 0;
  for (let slot = 0; slot < volumeCount.length; slot++) if ((volumeCount[slot] as number) > most) most = volumeCount[slot] as number;
  return wanted + most <= spare;
}

function limitFilter(wanted: Volumes, storage: Storage, cluster: ClusterState): NodeFilter {
  /** By slot, then volume: by how many it is used. Made when a slot is first asked about. */
  const used = new Map<number, Map<string, { readonly driver: string; users: number }>>();

  function count(slot: number, volumes: Volumes, sign: 1 | -1): void {
    const users = used.get(slot);
    for (const [volume, driver] of volumes) {
      const entry = users?.get(volume) ?? { driver, users: 0 };
      entry.users += sign;
      users?.set(volume, entry);
    }
  }

  function usedIn(slot: number, node: string): Iterable<readonly [string, { readonly driver: string; readonly users: number }]> {
    if (!used.has(slot)) {
      used.set(slot, new Map());
      for (const { pod } of cluster.podsIn(slot)) count(slot, knownVolumesOf(pod, storage), 1);
      for (const attachment of storage.attachments(node)) count(slot, attachedVolume(attachment, storage), 1);
    }
    return used.get(slot) ?? [];
  }

  return {
    scope: 'node',
    // Only trials tell of changes, and what they try does not show in the pods of the slot.
    podChanged(slot, { pod }: PodInfo, sign) {
      usedIn(slot, cluster.nodes[slot]?.metadata.name ?? '');
      count(slot, knownVolumesOf(pod, storage), sign);
    },
    check(slot) {
      const name = cluster.nodes[slot]?.metadata.name ?? '';
      // Even if every volume of every pod were attached by one driver: which is quickly told, and mostly so.
      if (wanted.size + (cluster.volumeCount[slot] as number) <= storage.spareVolumes(name)) return undefined;
      const limits = limitsOf(storage.csiNode(name));
      if (limits.size === 0) return undefined;
      const fresh = new Map(wanted);
      const counts = new Map<string, number>();
      for (const [volume, { driver, users }] of usedIn(slot, name)) {
        if (users <= 0) continue;
        fresh.delete(volume);
        counts.set(driver, (counts.get(driver) ?? 0) + 1);
      }
      // A volume the node has already takes no further place.
      for (const driver of fresh.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
      const isOver = [...fresh.values()].some((driver) => (counts.get(driver) ?? 0) > (limits.get(driver) ?? Infinity));
      return isOver ? TOO_MANY : undefined;
    },
  };
}

/** By driver; a driver that says nothing takes any number. */
function limitsOf(node: CSINode | undefined): ReadonlyMap<string, number> {
  const drivers = node?.spec.drivers ?? [];
  return new Map(
    drivers.flatMap(({ name, allocatable }) => (allocatable?.count === undefined ? [] : [[name, allocatable.count] as const])),
  );
}

/** Of the pod to place: it cannot run without any of its claims. Source: filterAttachableVolumes. */
function volumesOf(pod: Pod, storage: Storage): Volumes | Status {
  const { namespace } = pod.metadata;
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimName(pod, volume);
    if (name === undefined) continue;
    const claim = storage.claim(namespace, name);
    if (claim === undefined) return unresolvable(PLUGIN.nodeVolumeLimits, `persistentvolumeclaim "${name}" not found`);
    const fault = volume.ephemeral === undefined ? undefined : notMadeFor(claim, pod);
    if (fault !== undefined) return { code: 'Error', reasons: [fault], plugin: PLUGIN.nodeVolumeLimits };
  }
  return knownVolumesOf(pod, storage);
}

function knownVolumesOf(pod: Pod, storage: Storage): Volumes {
  if (!attachesVolumes(pod)) return NO_VOLUMES;
  const found = new Map<string, string>();
  const add = (volume: Attached | undefined): void => void (volume && found.set(`${volume.driver}/${volume.handle}`, volume.driver));
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimName(pod, volume);
    const claim = name === undefined ? undefined : storage.claim(pod.metadata.namespace, name);
    if (name === undefined) add(attachedByDriver(volume));
    else if (claim !== undefined) add(attachedFor(claim, storage));
  }
  return found;
}

type Attached = NonNullable<ReturnType<typeof attachedByDriver>>;

/** Source: getCSIDriverInfo, getCSIDriverInfoFromSC. */
function attachedFor(claim: PersistentVolumeClaim, storage: Storage): Attached | undefined {
  const volume = storage.volume(claim.spec.volumeName ?? '');
  if (volume !== undefined) return attachedAs(volume);
  // Not made yet: whoever is to make it will attach it too.
  const provisioner = storage.storageClass(className(claim))?.provisioner;
  const driver = provisioner === undefined ? undefined : driverOfProvisioner(provisioner);
  return driver === undefined ? undefined : { driver, handle: `${className(claim)}-${claimKey(claim)}` };
}

function attachedAs({ spec }: PersistentVolume): Attached | undefined {
  return spec.csi === undefined ? attachedByDriver(spec) : { driver: spec.csi.driver, handle: spec.csi.volumeHandle };
}

/** Attached, though no pod of the node uses it (any more). Source: getNodeVolumeAttachmentInfo. */
function attachedVolume({ spec }: VolumeAttachment, storage: Storage): Volumes {
  const volume = storage.volume(spec.source.persistentVolumeName ?? '');
  const attached = volume === undefined ? undefined : attachedAs(volume);
  return attached === undefined ? NO_VOLUMES : new Map([[`${attached.driver}/${attached.handle}`, attached.driver]]);
}

/** A pod that was on a node, and whose volumes go from there. */
const afterPodDeleted: QueueingHint = (_, previous) => {
  const gone = previous as Pod;
  return (gone.spec.nodeName ?? '') !== '' && attachesVolumes(gone) ? 'queue' : 'skip';
};

/** A limit that came to be or was raised. */
const afterNodeChange: QueueingHint = (_, previous, current) => {
  if (previous === undefined) return 'queue';
  const [before, now] = [limitsOf(previous as CSINode), limitsOf(current as CSINode)];
  return [...before].some(([driver, limit]) => (now.get(driver) ?? Infinity) > limit) ? 'queue' : 'skip';
};

const afterClaimAdded: QueueingHint = (pod, _, current) => {
  const { namespace, name } = (current as { readonly metadata: { readonly namespace: string; readonly name: string } }).metadata;
  if (namespace !== pod.metadata.namespace) return 'skip';
  return pod.spec.volumes?.some((volume) => claimName(pod, volume) === name) === true ? 'queue' : 'skip';
};

/** Which driver will attach the pod's volumes need not be known yet. Source: isSchedulableAfterVolumeAttachmentDeleted. */
const afterDetached: QueueingHint = (pod) => (usesClaims(pod) ? 'queue' : 'skip');
