// pure
// What the scheduler knows of storage, and what it has decided of it that the API server has not said yet. Source:
// plugins/volumebinding assume_cache.go, component-helpers/storage/volume.
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '#api/types.ts';

/** Reads from memory. */
export interface Storage {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  volumes(): Iterable<PersistentVolume>;
  storageClass(name: string): StorageClass | undefined;
  driver(name: string): CSIDriver | undefined;
  capacities(): Iterable<CSIStorageCapacity>;
  csiNode(name: string): CSINode | undefined;
  /** Volumes attached to a node, or about to be. */
  attachments(node: string): Iterable<VolumeAttachment>;
  /** How many volumes every driver of a node would still take if all that are attached there were its own; below 0 for none. */
  spareVolumes(node: string): number;
  /** No node has fewer spare volumes than this. */
  leastSpareVolumes(): number;
}

/** Infinity where no driver of the node says how many it takes. */
export function countSpareVolumes(storage: Pick<Storage, 'csiNode' | 'attachments'>, node: string): number {
  let spare = Infinity;
  for (const { allocatable } of storage.csiNode(node)?.spec.drivers ?? []) spare = Math.min(spare, allocatable?.count ?? Infinity);
  if (spare !== Infinity) for (const _ of storage.attachments(node)) spare--;
  return spare;
}

/** A Storage over another one: volumes and claims of its own, what else there is as below. */
export abstract class StorageOver<Base extends Storage = Storage> implements Storage {
  protected readonly base: Base;
  /** By name; stands for the one below. */
  protected abstract ownVolume(name: string): PersistentVolume | undefined;
  /** By `namespace/name`. */
  protected abstract ownClaim(key: string): PersistentVolumeClaim | undefined;

  constructor(base: Base) {
    this.base = base;
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.ownClaim(`${namespace}/${name}`) ?? this.base.claim(namespace, name);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.ownVolume(name) ?? this.base.volume(name);
  }

  *volumes(): Iterable<PersistentVolume> {
    for (const volume of this.base.volumes()) yield this.ownVolume(volume.metadata.name) ?? volume;
  }

  storageClass(name: string): StorageClass | undefined {
    return this.base.storageClass(name);
  }

  driver(name: string): CSIDriver | undefined {
    return this.base.driver(name);
  }

  capacities(): Iterable<CSIStorageCapacity> {
    return this.base.capacities();
  }

  csiNode(name: string): CSINode | undefined {
    return this.base.csiNode(name);
  }

  attachments(node: string): Iterable<VolumeAttachment> {
    return this.base.attachments(node);
  }

  spareVolumes(node: string): number {
    return this.base.spareVolumes(node);
  }

  leastSpareVolumes(): number {
    return this.base.leastSpareVolumes();
  }
}

/** Volumes and claims as they will be; over a Storage, for the pods decided on meanwhile. */
export class AssumedStorage extends StorageOver {
  readonly #volumes = new Map<string, PersistentVolume>();
  readonly #claims = new Map<string, PersistentVolumeClaim>();

  assume(volumes: readonly PersistentVolume[], claims: readonly PersistentVolumeClaim[]): void {
    for (const volume of volumes) this.#volumes.set(volume.metadata.name, volume);
    for (const claim of claims) this.#claims.set(claimKey(claim), claim);
  }

  forget(volumes: readonly PersistentVolume[], claims: readonly PersistentVolumeClaim[]): void {
    for (const { metadata } of volumes) this.#volumes.delete(metadata.name);
    for (const claim of claims) this.#claims.delete(claimKey(claim));
  }

  protected override ownVolume(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name);
  }

  protected override ownClaim(key: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(key);
  }
}

export function claimKey({ metadata }: PersistentVolumeClaim): string {
  return `${metadata.namespace}/${metadata.name}`;
}
