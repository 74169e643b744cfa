// Volumes that have to be attached to this node: it says which ones it uses before it asks whether they are there, so that
// nobody takes one away that it is about to mount. Source: volumemanager GetVolumesInUse, operation_generator.go
// GenerateVerifyControllerAttachedVolumeFunc, csi_attacher.go WaitForAttach.
import { attachmentName, type CsiVolumeId, uniqueVolumeName } from '#api/csi.ts';
import { volumeattachments } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Client } from '#client/contract.ts';
import { VolumeError, VolumePending } from '../volumes/plugin.ts';

export interface AttachmentsDeps {
  readonly client: Client;
  readonly nodeName: string;
  /** This node, as the informer last saw it. */
  readonly node: () => Node | undefined;
  /** What is in use has changed: the node's status is to say so. */
  readonly changed: () => void;
  readonly wake: (podUid: string) => void;
}

type Words = Readonly<Record<string, string>>;

export class Attachments {
  readonly #deps: AttachmentsDeps;
  /** Unique names, by pod and by volume of the pod. */
  readonly #used = new Map<string, Map<string, string>>();
  /** Pods that wait for the node's status. */
  readonly #waiting = new Set<string>();

  constructor(deps: AttachmentsDeps) {
    this.#deps = deps;
  }

  /** What node.status.volumesInUse has to say. */
  get inUse(): readonly string[] {
    return [...new Set([...this.#used.values()].flatMap((volumes) => [...volumes.values()]))].toSorted();
  }

  /** What the driver's attacher said of the volume here. @throws VolumePending until it is attached, VolumeError, StatusError */
  async ensure(podUid: string, volumeName: string, id: CsiVolumeId): Promise<Words> {
    const { node, changed } = this.#deps;
    const unique = uniqueVolumeName(id);
    this.use(podUid, volumeName, unique);
    const { volumesInUse = [], volumesAttached = [] } = node()?.status ?? {};
    const isTold = volumesInUse.includes(unique);
    if (!isTold || !volumesAttached.some(({ name }) => name === unique)) {
      this.#waiting.add(podUid);
      if (!isTold) changed();
      throw new VolumePending(`volume ${unique} is not attached to this node yet`);
    }
    return this.#attached(id);
  }

  use(podUid: string, volumeName: string, unique: string): void {
    const volumes = this.#used.get(podUid) ?? new Map<string, string>();
    this.#used.set(podUid, volumes);
    volumes.set(volumeName, unique);
  }

  /** The pod has let go of the volume, or of all of them. */
  release(podUid: string, volumeName?: string): void {
    const volumes = this.#used.get(podUid);
    if (volumes === undefined) return;
    if (volumeName === undefined) volumes.clear();
    else volumes.delete(volumeName);
    if (volumes.size === 0) this.#used.delete(podUid);
    this.#waiting.delete(podUid);
    this.#deps.changed();
  }

  nodeChanged(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    waiting.forEach((uid) => this.#deps.wake(uid));
  }

  async #attached(id: CsiVolumeId): Promise<Words> {
    const { client, nodeName } = this.#deps;
    const name = attachmentName(id, nodeName);
    try {
      const { metadata, status } = await client.get(volumeattachments, { name });
      if (metadata.deletionTimestamp !== undefined) throw new VolumeError('volume attachment is being deleted');
      if (status.attached) return status.attachmentMetadata ?? {};
      throw new VolumeError(status.attachError?.message ?? `volume attachment ${name} is not attached`);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      throw new VolumeError(`volume ${id.volumeHandle} has GET error for volume attachment ${name}: ${error.message}`, { cause: error });
    }
  }
}
