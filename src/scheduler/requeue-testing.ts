// A queue whose pods were all tried and refused, to see which of them an event gives another try.
import assert from 'node:assert/strict';
import type { DeviceClass } from '#api/gen/resource-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '#api/types.ts';
import { PodPlacer } from './cycle/place-pod.ts';
import { ACTION, clusterEvent, type EventResource } from './framework/cluster-event.ts';
import type { Plugin } from './framework/plugin.ts';
import { profileOf } from './framework/profile.ts';
import type { IsOfDevices } from './plugins/node-resources.ts';
import { prioritySort } from './plugins/priority-sort.ts';
import { countSpareVolumes, type Storage } from './plugins/volume-binding/storage.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { nodeHandlers, podHandlers } from './shell/cluster-handlers.ts';
import { ClusterState } from './state/cluster-state.ts';

interface Named {
  readonly metadata: { readonly name: string };
}

/** Objects by name, each change of which is an event. */
interface Kept<T> {
  readonly all: Map<string, T>;
  set(object: T): void;
  delete(name: string): void;
}

export interface World {
  setNode(node: Node): void;
  deleteNode(name: string): void;
  setPod(pod: Pod): void;
  deletePod(name: string): void;
  setClass(deviceClass: DeviceClass): void;
  readonly volumes: Kept<PersistentVolume>;
  readonly claims: Kept<PersistentVolumeClaim>;
  readonly storageClasses: Kept<StorageClass>;
  readonly drivers: Kept<CSIDriver>;
  readonly capacities: Kept<CSIStorageCapacity>;
  readonly csiNodes: Kept<CSINode>;
}

export interface Requeue {
  readonly plugins: readonly Plugin[] | ((storage: Storage, isOfDevices: IsOfDevices) => readonly Plugin[]);
  readonly nodes: readonly Node[];
  readonly placed?: readonly Pod[];
  readonly classes?: readonly DeviceClass[];
  /** What else there is before the pods are tried. */
  readonly before?: (world: World) => void;
  /** None of them fits. */
  readonly pods: readonly Pod[];
  readonly happens: (world: World) => void;
}

/** Names of the pods that are tried again, sorted. */
export function requeued({ plugins, nodes, placed = [], before = () => {}, pods, happens, ...given }: Requeue): readonly string[] {
  const cluster = new ClusterState();
  const known = { nodes: new Map<string, Node>(), pods: new Map<string, Pod>(), classes: new Map<string, DeviceClass>() };
  for (const each of given.classes ?? []) known.classes.set(each.metadata.name, each);
  const isOfDevices: IsOfDevices = (resource) => [...known.classes.values()].some(({ spec }) => spec.extendedResourceName === resource);

  function kept<T extends Named>(resource: EventResource): Kept<T> {
    const all = new Map<string, T>();
    return {
      all,
      set(object) {
        const previous = all.get(object.metadata.name);
        all.set(object.metadata.name, object);
        queue.moveAll(clusterEvent(resource, previous === undefined ? ACTION.Add : ACTION.Update), previous, object);
      },
      delete(name) {
        const previous = all.get(name);
        all.delete(name);
        queue.moveAll(clusterEvent(resource, ACTION.Delete), previous, undefined);
      },
    };
  }
  const volumes = kept<PersistentVolume>('PersistentVolume');
  const claims = kept<PersistentVolumeClaim>('PersistentVolumeClaim');
  const storageClasses = kept<StorageClass>('storage.k8s.io/StorageClass');
  const drivers = kept<CSIDriver>('storage.k8s.io/CSIDriver');
  const capacities = kept<CSIStorageCapacity>('storage.k8s.io/CSIStorageCapacity');
  const csiNodes = kept<CSINode>('storage.k8s.io/CSINode');
  const storage: Storage = {
    claim: (_, name) => claims.all.get(name),
    volume: (name) => volumes.all.get(name),
    volumes: () => volumes.all.values(),
    storageClass: (name) => storageClasses.all.get(name),
    driver: (name) => drivers.all.get(name),
    capacities: () => capacities.all.values(),
    csiNode: (name) => csiNodes.all.get(name),
    attachments: () => [],
    spareVolumes: (name) => countSpareVolumes(storage, name),
    leastSpareVolumes: () => Math.min(...[...csiNodes.all.keys()].map((name) => countSpareVolumes(storage, name))),
  };

  const profile = profileOf(
    'default-scheduler',
    (typeof plugins === 'function' ? plugins(storage, isOfDevices) : plugins).map((plugin) => ({ plugin, weight: 1 })),
  );
  const queue = new SchedulingQueue({
    profiles: new Map([[profile.schedulerName, profile]]),
    compare: prioritySort.queueSort,
    now: () => 0,
    backoff: { initialMs: 1000, maxMs: 10_000 },
    maxUnschedulableMs: 300_000,
    incoming: () => {},
    askHint: (_, __, ask) => ask(),
  });
  const placer = new PodPlacer({ profile, cluster, fraction: () => 0 });
  const watched = {
    cluster,
    queue,
    nominator: cluster.nominator,
    schedules: () => true,
    wake: () => {},
    left: () => {},
    time: (_: unknown, work: () => void): void => work(),
  };
  const [ofNodes, ofPods] = [nodeHandlers(watched), podHandlers(watched)];
  const world: World = {
    setNode(node) {
      const previous = known.nodes.get(node.metadata.name);
      known.nodes.set(node.metadata.name, node);
      if (previous === undefined) ofNodes.added?.(node, false);
      else ofNodes.updated?.(node, previous);
    },
    deleteNode: (name) => ofNodes.deleted?.(known.nodes.get(name) as Node),
    setPod(pod) {
      const previous = known.pods.get(pod.metadata.name);
      known.pods.set(pod.metadata.name, pod);
      if (previous === undefined) ofPods.added?.(pod, false);
      else ofPods.updated?.(pod, previous);
    },
    deletePod: (name) => ofPods.deleted?.(known.pods.get(name) as Pod),
    setClass(deviceClass) {
      const previous = known.classes.get(deviceClass.metadata.name);
      known.classes.set(deviceClass.metadata.name, deviceClass);
      cluster.invalidate();
      queue.moveAll(
        clusterEvent('resource.k8s.io/DeviceClass', previous === undefined ? ACTION.Add : ACTION.Update),
        previous,
        deviceClass,
      );
    },
    volumes,
    claims,
    storageClasses,
    drivers,
    capacities,
    csiNodes,
  };

  for (const node of nodes) world.setNode(node);
  for (const pod of placed) world.setPod(pod);
  before(world);
  for (const pod of pods) world.setPod(pod);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const decision = placer.place(cluster.podInfos.of(next.pod));
    assert.equal(decision.kind, 'refused', `${next.pod.metadata.name} is refused at first`);
    next.unschedulablePlugins = decision.kind === 'refused' ? decision.plugins : new Set();
    queue.addUnschedulable(next);
  }
  happens(world);
  const names: string[] = [];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) names.push(next.pod.metadata.name);
  return names.toSorted();
}
