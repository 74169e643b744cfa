// What the informers say of volumes that are to be attached, and which events concern which volume. Volumes go by their
// unique names. Source: pkg/controller/volume/attachdetach cache, populator, util CreateVolumeSpec, DetermineVolumeAction.
import { attachmentName, csiVolumeId, type CsiVolumeId, uniqueVolumeName } from '#api/csi.ts';
import { isNodeReady } from '#api/nodes.ts';
import { isPodTerminal } from '#api/pods.ts';
import { csidrivers, nodes, persistentvolumeclaims, persistentvolumes, pods, volumeattachments } from '#api/resources.ts';
import type { CSIDriver, VolumeAttachment } from '#api/gen/storage-v1.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { claimName, notMadeFor } from '#api/volumes.ts';
import { TAINT } from '#api/well-known.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import { BY_NODE, podsOfNode } from '../node-lifecycle/controller.ts';
import { indexPodsByClaim } from '../persistent-volume/indexes.ts';
import { keyOf } from '../runtime/controller.ts';
import type { Attachment, OnNode, VolumeFacts } from './plan.ts';
import type { AttachedReports } from './reports.ts';
import type { Tracked } from './tracked.ts';

const UNIQUE_NAME = 'csi-volume';
const DRIVER = 'csi-driver';
const VOLUME = 'persistent-volume';

/** Source: ControllerManagedAttachAnnotation, KeepTerminatedPodVolumesAnnotation. */
const MANAGED = 'volumes.kubernetes.io/controller-managed-attach-detach';
const KEEPS_ENDED = 'volumes.kubernetes.io/keep-terminated-pod-volumes';

const uniqueNames = ({ spec: { csi } }: PersistentVolume): readonly string[] => (csi === undefined ? [] : [uniqueVolumeName(csi)]);
const driversOf = ({ spec: { csi } }: PersistentVolume): readonly string[] => (csi === undefined ? [] : [csi.driver]);
const volumeOf = ({ spec }: VolumeAttachment): readonly string[] =>
  spec.source.persistentVolumeName === undefined ? [] : [spec.source.persistentVolumeName];

interface Deps {
  readonly informers: InformerFactory;
  readonly tracked: Tracked;
  readonly reports: AttachedReports;
  /** This volume is to be looked at. */
  readonly wake: (volume: string) => void;
  /** A node that came back does not know what it was told. */
  readonly untold: (node: string) => void;
}

export class VolumeWorld {
  readonly #deps: Deps;
  readonly #pods: Informer<Pod>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #nodes: Informer<Node>;
  readonly #drivers: Informer<CSIDriver>;
  readonly #attachments: Informer<VolumeAttachment>;
  readonly #podsOfClaim: (key: string) => readonly Pod[];
  /** Volumes of VolumeAttachments, by their names: a PersistentVolume may be gone before. */
  readonly #attached = new Map<string, string>();
  /** What nodes said last that are gone. */
  readonly #lastInUse = new Map<string, ReadonlySet<string>>();

  constructor(deps: Deps) {
    const { informers } = deps;
    this.#deps = deps;
    this.#pods = informers.informer(pods);
    this.#claims = informers.informer(persistentvolumeclaims);
    this.#volumes = informers.informer(persistentvolumes);
    this.#nodes = informers.informer(nodes);
    this.#drivers = informers.informer(csidrivers);
    this.#attachments = informers.informer(volumeattachments);
    this.#podsOfClaim = indexPodsByClaim(informers);
    this.#pods.addIndex(BY_NODE, podsOfNode);
    this.#volumes.addIndex(UNIQUE_NAME, uniqueNames);
    this.#volumes.addIndex(DRIVER, driversOf);
    this.#attachments.addIndex(VOLUME, volumeOf);
    this.#follow();
  }

  /** Undefined for a volume that is known by its name alone: nobody can want it. */
  facts(volume: string): VolumeFacts | undefined {
    const found = this.#volumes.byIndex(UNIQUE_NAME, volume)[0];
    const id = csiVolumeId(volume);
    if (found === undefined || id === undefined) return undefined;
    const modes = found.spec.accessModes ?? [];
    const exclusive = modes.length > 0 && !modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
    return { ...id, name: found.metadata.name, exclusive };
  }

  /** All nodes that have the volume or want it. */
  observe(volume: string): readonly OnNode[] {
    const { tracked, reports } = this.#deps;
    const id = csiVolumeId(volume);
    if (id === undefined) return [];
    const wanted = this.#wantedOn(volume);
    const names = new Set([...tracked.nodesOf(volume), ...wanted.keys()]);
    return [...names].toSorted().map((name) => {
      const node = this.#nodes.get(name);
      return {
        node: name,
        pods: wanted.get(name) ?? [],
        attachment: this.#attachmentOf(volume, id, name),
        reported: reports.has(name, volume),
        inUse: this.#inUse(name).has(volume),
        ready: node !== undefined && isNodeReady(node),
        outOfService: node?.spec.taints?.some(({ key }) => key === TAINT.outOfService) === true,
        progress: tracked.of(volume, name),
      };
    });
  }

  /** Nothing of the volume is left on the node. */
  forget(volume: string, node: string): void {
    const { tracked } = this.#deps;
    tracked.forget(volume, node);
    if (tracked.volumesOn(node).length === 0) this.#lastInUse.delete(node);
  }

  attachment(id: CsiVolumeId, node: string): VolumeAttachment | undefined {
    return this.#attachments.byKey(attachmentName(id, node));
  }

  /** Pods that want the volume, by their nodes. */
  #wantedOn(volume: string): ReadonlyMap<string, readonly Pod[]> {
    const wanted = new Map<string, Pod[]>();
    for (const { metadata, spec } of this.#volumes.byIndex(UNIQUE_NAME, volume)) {
      if (spec.csi === undefined || this.#drivers.get(spec.csi.driver)?.spec.attachRequired === false) continue;
      const claim = this.#claims.get(spec.claimRef?.name ?? '', spec.claimRef?.namespace);
      if (claim?.metadata.uid !== spec.claimRef?.uid || claim?.status?.phase !== 'Bound' || claim.spec.volumeName !== metadata.name)
        continue;
      for (const pod of this.#podsOfClaim(keyOf(claim))) if (this.#wants(pod, claim, volume)) pushTo(wanted, pod.spec.nodeName ?? '', pod);
    }
    return wanted;
  }

  /** Nodes that have, or soon have, a volume: for figures. */
  *present(): Iterable<PersistentVolume | undefined> {
    for (const name of this.#deps.tracked.volumes()) {
      const volume = this.#volumes.byIndex(UNIQUE_NAME, name)[0];
      for (const { attachment } of this.observe(name)) if (attachment.kind !== 'none') yield volume;
    }
  }

  /** Volumes that pods want on their nodes: for figures. */
  *wanted(): Iterable<PersistentVolume | undefined> {
    for (const name of this.#deps.tracked.volumes()) {
      const volume = this.#volumes.byIndex(UNIQUE_NAME, name)[0];
      for (const _ of this.#wantedOn(name)) yield volume;
    }
  }

  /** Volumes of pods that have a node, as often as pods use them: for figures. */
  *used(): Iterable<readonly [node: string, volume: PersistentVolume]> {
    for (const pod of this.#pods.list()) {
      const { nodeName } = pod.spec;
      if (nodeName === undefined) continue;
      for (const volume of this.#volumesOfPod(pod))
        if (this.#drivers.get(volume.spec.csi?.driver ?? '')?.spec.attachRequired !== false) yield [nodeName, volume];
    }
  }

  #wants(pod: Pod, claim: PersistentVolumeClaim, volume: string): boolean {
    const { nodeName } = pod.spec;
    if (nodeName === undefined) return false;
    const node = this.#nodes.get(nodeName);
    const managed = node?.metadata.annotations?.[MANAGED] !== undefined || this.#deps.tracked.has(volume, nodeName);
    if (!managed || (hasEnded(pod) && node?.metadata.annotations?.[KEEPS_ENDED] !== 'true')) return false;
    return (
      pod.spec.volumes?.some(
        (each) => claimName(pod, each) === claim.metadata.name && (each.ephemeral === undefined || notMadeFor(claim, pod) === undefined),
      ) === true
    );
  }

  #attachmentOf(volume: string, id: CsiVolumeId, node: string): Attachment {
    const found = this.attachment(id, node);
    const { deletedUid, unseen } = this.#deps.tracked.of(volume, node);
    if (found === undefined) return { kind: unseen?.kind ?? 'none' };
    if (found.metadata.deletionTimestamp !== undefined || found.metadata.uid === deletedUid) return { kind: 'going' };
    if (found.status?.attached === true) return { kind: 'attached' };
    const error = found.status?.attachError;
    return error === undefined ? { kind: 'pending' } : { kind: 'pending', error: error.message ?? '' };
  }

  #inUse(name: string): ReadonlySet<string> {
    const node = this.#nodes.get(name);
    return node === undefined ? (this.#lastInUse.get(name) ?? new Set()) : new Set(node.status?.volumesInUse);
  }

  #volumesOfPod(pod: Pod): readonly PersistentVolume[] {
    return (pod.spec.volumes ?? []).flatMap((each) => {
      const claim = claimName(pod, each);
      const name = claim === undefined ? undefined : this.#claims.get(claim, pod.metadata.namespace)?.spec.volumeName;
      const volume = name === undefined ? undefined : this.#volumes.get(name);
      return volume?.spec.csi === undefined ? [] : [volume];
    });
  }

  #follow(): void {
    const { tracked, reports, wake, untold } = this.#deps;
    const wakeVolume = (volume: PersistentVolume): void => uniqueNames(volume).forEach(wake);
    const wakePod = (pod: Pod): void => {
      if (pod.spec.nodeName !== undefined) this.#volumesOfPod(pod).forEach(wakeVolume);
    };
    this.#pods.addHandlers({ added: wakePod, updated: wakePod, deleted: wakePod });
    const wakeClaim = ({ spec }: PersistentVolumeClaim): void => {
      const volume = this.#volumes.get(spec.volumeName ?? '');
      if (volume !== undefined) wakeVolume(volume);
    };
    this.#claims.addHandlers({ added: wakeClaim, updated: wakeClaim, deleted: wakeClaim });
    const wakeAttachment = (attachment: VolumeAttachment): void => {
      const volume = this.#volumeAttached(attachment);
      if (volume === undefined) return;
      delete tracked.of(volume, attachment.spec.nodeName).unseen;
      wake(volume);
    };
    this.#volumes.addHandlers({
      added: (volume) => {
        this.#attachments.byIndex(VOLUME, volume.metadata.name).forEach(wakeAttachment);
        wakeVolume(volume);
      },
      updated: wakeVolume,
      deleted: wakeVolume,
    });
    this.#attachments.addHandlers({
      added: wakeAttachment,
      updated: wakeAttachment,
      deleted: (attachment) => {
        wakeAttachment(attachment);
        this.#attached.delete(attachment.metadata.name);
      },
    });
    const wakeDriver = ({ metadata }: CSIDriver): void => this.#volumes.byIndex(DRIVER, metadata.name).forEach(wakeVolume);
    this.#drivers.addHandlers({ added: wakeDriver, updated: wakeDriver, deleted: wakeDriver });
    const wakeNode = ({ metadata }: Node): void => {
      tracked.volumesOn(metadata.name).forEach(wake);
      this.#pods.byIndex(BY_NODE, metadata.name).forEach(wakePod);
    };
    this.#nodes.addHandlers({
      added: (node) => {
        const { name } = node.metadata;
        this.#lastInUse.delete(name);
        if (!reports.seed(node)) untold(name);
        for (const each of node.status?.volumesAttached ?? []) if (csiVolumeId(each.name) !== undefined) tracked.of(each.name, name);
        wakeNode(node);
      },
      updated: (node, previous) => {
        if (concerns(node) !== concerns(previous)) wakeNode(node);
      },
      deleted: (node) => {
        const { name } = node.metadata;
        if (tracked.volumesOn(name).length > 0) this.#lastInUse.set(name, new Set(node.status?.volumesInUse));
        reports.gone(name);
        wakeNode(node);
      },
    });
  }

  /** Undefined for one that somebody else made, by the name of it. */
  #volumeAttached({ metadata, spec }: VolumeAttachment): string | undefined {
    const known = this.#attached.get(metadata.name);
    if (known !== undefined) return known;
    const csi = this.#volumes.get(spec.source.persistentVolumeName ?? '')?.spec.csi;
    if (csi === undefined || attachmentName(csi, spec.nodeName) !== metadata.name) return undefined;
    const volume = uniqueVolumeName(csi);
    this.#attached.set(metadata.name, volume);
    return volume;
  }
}

/** Its containers have, whatever it says itself. Source: volumeutil.IsPodTerminated. */
function hasEnded(pod: Pod): boolean {
  if (isPodTerminal(pod)) return true;
  if (pod.metadata.deletionTimestamp === undefined) return false;
  return (pod.status?.containerStatuses ?? []).every(({ state }) => state?.terminated !== undefined || state?.waiting !== undefined);
}

/** What of a node decides about volumes. */
const concerns = (node: Node): string =>
  JSON.stringify([
    node.status?.volumesInUse ?? [],
    isNodeReady(node),
    node.metadata.annotations?.[MANAGED],
    node.metadata.annotations?.[KEEPS_ENDED],
    node.spec.taints?.some(({ key }) => key === TAINT.outOfService) === true,
  ]);

function pushTo(pods: Map<string, Pod[]>, node: string, pod: Pod): void {
  const known = pods.get(node);
  if (known === undefined) pods.set(node, [pod]);
  else known.push(pod);
}
