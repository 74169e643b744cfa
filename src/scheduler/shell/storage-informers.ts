// Storage as informers have it, and its events for the queue.
import {
  csidrivers,
  csinodes,
  csistoragecapacities,
  persistentvolumeclaims,
  persistentvolumes,
  storageclasses,
  volumeattachments,
} from '#api/resources.ts';
import type { VolumeAttachment } from '#api/types.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import type { Storage } from '../plugins/volume-binding/storage.ts';
import { type ChangeListener, listenTo, type Watched } from './change-events.ts';

export interface WatchedStorage {
  readonly storage: Storage;
  readonly onClaimChange: (changed: () => void) => () => void;
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
    },
    onClaimChange: (changed) => claims.addHandlers({ updated: changed, deleted: changed }),
    synced: () => Promise.all(all.map(([, informer]) => informer.synced())),
    listen: (happened) => listenTo(all, happened),
  };
}
