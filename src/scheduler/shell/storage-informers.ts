// Storage as informers have it, and its events for the queue.
import {
  csidrivers,
  csinodes,
  csistoragecapacities,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  storageclasses,
  volumeattachments,
} from '#api/resources.ts';
import type { CSINode, VolumeAttachment } from '#api/types.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import type { BindVolumesDeps, Concerned } from '../plugins/volume-binding/bind-volumes.ts';
import { countSpareVolumes, type Storage } from '../plugins/volume-binding/storage.ts';
import { type ChangeListener, listenTo, type Watched } from './change-events.ts';

export interface WatchedStorage {
  readonly storage: Storage;
  readonly onChange: BindVolumesDeps['onChange'];
  readonly synced: () => Promise<unknown>;
  /** Tells of changes from now on; gives what ends that. */
  readonly listen: (happened: ChangeListener) => () => void;
}

/** Attachments by the name of their node. */
const BY_NODE = 'spec.nodeName';
const nodeOfAttachment = ({ spec }: VolumeAttachment): readonly string[] => [spec.nodeName];

export function watchStorage(informers: InformerFactory): WatchedStorage {
  const claims = informers.informer(persistentvolumeclaims);
  const volumes = informers.informer(persistentvolumes);
  const classes = informers.informer(storageclasses);
  const drivers = informers.informer(csidrivers);
  const capacities = informers.informer(csistoragecapacities);
  const csiNodes = informers.informer(csinodes);
  const attachments = informers.informer(volumeattachments);
  attachments.addIndex(BY_NODE, nodeOfAttachment);
  const all: Watched = [
    ['PersistentVolumeClaim', claims as Informer<never>],
    ['PersistentVolume', volumes as Informer<never>],
    ['storage.k8s.io/StorageClass', classes as Informer<never>],
    ['storage.k8s.io/CSIDriver', drivers as Informer<never>],
    ['storage.k8s.io/CSIStorageCapacity', capacities as Informer<never>],
    ['storage.k8s.io/CSINode', csiNodes as Informer<never>],
    ['storage.k8s.io/VolumeAttachment', attachments as Informer<never>],
  ];
  // Handlers once and for all: those that are added later are told of every object there is.
  const listeners = new Set<(object: Concerned) => void>();
  const tell = (object: Concerned): void => listeners.forEach((listener) => listener(object));
  claims.addHandlers({ updated: tell, deleted: tell });
  volumes.addHandlers({ added: tell, updated: tell, deleted: tell });
  informers.informer(nodes).addHandlers({ deleted: tell });
  return {
    storage: {
      claim: (namespace, name) => claims.get(name, namespace),
      volume: (name) => volumes.get(name),
      volumes: () => volumes.list(),
      storageClass: (name) => classes.get(name),
      driver: (name) => drivers.get(name),
      capacities: () => capacities.list(),
      csiNode: (name) => csiNodes.get(name),
      attachments: (node) => attachments.byIndex(BY_NODE, node),
      ...spareVolumes(csiNodes, attachments),
    },
    onChange(changed) {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
    synced: () => Promise.all(all.map(([, informer]) => informer.synced())),
    listen: (happened) => listenTo(all, happened),
  };
}

/** By node, and the least of all: kept until what they are made of changes, as every pod with claims asks. */
function spareVolumes(
  csiNodes: Informer<CSINode>,
  attachments: Informer<VolumeAttachment>,
): Pick<Storage, 'spareVolumes' | 'leastSpareVolumes'> {
  const known = new Map<string, number>();
  let least: number | undefined;
  const at = { csiNode: (name: string) => csiNodes.get(name), attachments: (name: string) => attachments.byIndex(BY_NODE, name) };
  const spareOn = (node: string): number => {
    const kept = known.get(node);
    if (kept !== undefined) return kept;
    const spare = countSpareVolumes(at, node);
    // Nothing tells when a node goes that never had a CSINode.
    if (csiNodes.get(node) !== undefined) known.set(node, spare);
    return spare;
  };
  const ofNode = (node: string): void => {
    const before = known.get(node);
    known.delete(node);
    if (least === undefined) return;
    const now = spareOn(node);
    if (now < least) least = now;
    // It may have been the one with the least.
    else if (before === least && now > least) least = undefined;
  };
  const forgetNode = ({ metadata }: CSINode): void => ofNode(metadata.name);
  const forgetPlace = ({ spec }: VolumeAttachment): void => ofNode(spec.nodeName);
  csiNodes.addHandlers({ added: forgetNode, updated: forgetNode, deleted: forgetNode });
  attachments.addHandlers({ added: forgetPlace, updated: forgetPlace, deleted: forgetPlace });
  return {
    spareVolumes: spareOn,
    leastSpareVolumes() {
      if (least === undefined) {
        least = Infinity;
        for (const { metadata } of csiNodes.list()) least = Math.min(least, spareOn(metadata.name));
      }
      return least;
    },
  };
}
