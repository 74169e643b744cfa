// Volumes of CSI drivers: staged once on the node, published into each pod, and both undone from what is on disk alone.
// Source: pkg/volume/csi csi_mounter.go, csi_attacher.go, csi_block.go.
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CSI_PLUGIN, attachmentName, sha256, uniqueVolumeName } from '#api/csi.ts';
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { CSIPersistentVolumeSource, CSIVolumeSource, Pod } from '#api/types.ts';
import { exists, isMissing } from '../volumes/exists.ts';
import { setOwnership } from '../volumes/ownership.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import type { PersistentKind, PersistentRequest } from '../volumes/persistent.ts';
import { type MountedVolume, VolumeError, type VolumeFigures, type VolumePlugin } from '../volumes/plugin.ts';
import type { Attachments } from './attachments.ts';
import { EPHEMERAL_ACCESS, ownsByGroup, withGroup } from './capability.ts';
import { CSI, type PublishRequest } from './csi-api.ts';
import type { DriverCalls } from './driver-calls.ts';
import { figuresOf } from './figures.ts';
import type { CsiGrowth, VolumeUse } from './growth.ts';
import type { PublishRequests } from './publish-requests.ts';
import { allNoted, forget, idOf, note, noted, type VolumeData } from './volume-data.ts';

export interface CsiVolumesDeps {
  readonly calls: DriverCalls;
  readonly attachments: Attachments;
  readonly growth: CsiGrowth;
  readonly paths: KubeletPaths;
  readonly nodeName: string;
  readonly requests: PublishRequests;
}

/** Where a volume lies on the node. */
interface Places {
  /** Of the pod's volume, with its data. */
  readonly folder: string;
  readonly target: string;
  readonly staging: string;
  /** What is known of it beside. */
  readonly stagingData: string;
}

/** Volumes that a pod's own spec asks of a driver, and the end of all volumes of drivers. */
export function csiPlugin(volumes: CsiVolumes): VolumePlugin {
  return {
    name: CSI_PLUGIN,
    refreshes: false,
    supports: ({ csi }) => csi !== undefined,
    setUp: ({ pod, volume, path }) => volumes.publishInline(pod, volume.name, volume.csi as CSIVolumeSource, path),
    tearDown: (path, podUid) => volumes.unpublish(path, podUid),
    released: (podUid) => volumes.released(podUid),
  };
}

export function csiKind(volumes: CsiVolumes): PersistentKind {
  return {
    supports: ({ spec }) => spec.csi !== undefined,
    setUp: (request) => volumes.publishPersistent(request),
  };
}

export class CsiVolumes {
  readonly #deps: CsiVolumesDeps;
  /** What is under way with a volume, by its unique name. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(deps: CsiVolumesDeps) {
    this.#deps = deps;
  }

  /** What pods have of an earlier kubelet is in use from the beginning. */
  async load(): Promise<void> {
    const { attachments, paths } = this.#deps;
    for (const { podUid, data } of await allNoted(paths))
      if (data.attachmentID !== undefined) attachments.use(podUid, data.specVolID, uniqueVolumeName(idOf(data)));
  }

  /** @throws VolumeError, StatusError, ConnectionError */
  async publishInline(pod: Pod, name: string, source: CSIVolumeSource, path: string): Promise<MountedVolume> {
    const { calls, requests } = this.#deps;
    const { driver: driverName, nodePublishSecretRef, readOnly = false, fsType = '', volumeAttributes = {} } = source;
    const driver = await this.#driverFor(driverName, 'Ephemeral');
    const can = await calls.capabilities(driverName);
    const volumeHandle = `csi-${sha256(`${pod.metadata.uid}${name}`)}`;
    const data: VolumeData = { driverName, volumeHandle, specVolID: name, volumeLifecycleMode: 'Ephemeral' };
    const targetPath = join(path, 'mount');
    const request = async (of: Pod): Promise<PublishRequest> => ({
      volumeId: volumeHandle,
      publishContext: {},
      stagingTargetPath: '',
      volumeCapability: withGroup({ mount: { fsType, mountFlags: [] }, accessMode: EPHEMERAL_ACCESS }, of, can),
      ...(await requests.context(of, driver, 'Ephemeral', {
        volumeContext: volumeAttributes,
        secrets: await calls.secret(nodePublishSecretRef, of.metadata.namespace),
      })),
      targetPath,
      readonly: readOnly,
    });
    const publish = async (of: Pod): Promise<void> => {
      const wanted = await request(of);
      await this.#alone(data, async () => {
        await note(path, data);
        await calls.ask(driverName, CSI.publish, wanted);
      });
    };
    await publish(pod);
    const owns = driver?.spec.fsGroupPolicy === 'File' && !can.has('VOLUME_MOUNT_GROUP');
    if (!readOnly && owns) await setOwnership(targetPath, pod, 'rw');
    return {
      path: targetPath,
      readOnly,
      ...(driver?.spec.requiresRepublish === true ? { keepUp: publish } : {}),
      measure: () => this.#measure(data, { target: targetPath, staging: '' }),
    };
  }

  /** @throws VolumeError, StatusError, ConnectionError */
  async publishPersistent({ pod, volume, claim, readOnly: onlyRead }: PersistentRequest): Promise<MountedVolume> {
    const { attachments, calls, growth, nodeName, requests } = this.#deps;
    const source = volume.spec.csi as CSIPersistentVolumeSource;
    const { driver: driverName, volumeHandle } = source;
    const { name } = volume.metadata;
    const readOnly = onlyRead || source.readOnly === true;
    const driver = await this.#driverFor(driverName, 'Persistent');
    const can = await calls.capabilities(driverName);
    const isAttached = driver?.spec.attachRequired !== false;
    const publishContext = isAttached ? await attachments.ensure(pod.metadata.uid, name, source) : {};
    const data: VolumeData = {
      driverName,
      volumeHandle,
      specVolID: name,
      volumeLifecycleMode: 'Persistent',
      ...(volume.spec.volumeMode === 'Block' ? { volumeMode: 'Block' } : {}),
      ...(isAttached ? { attachmentID: attachmentName(source, nodeName) } : {}),
    };
    const places = this.#placesOf(pod.metadata.uid, data);
    const staging = can.has('STAGE_UNSTAGE_VOLUME') ? places.staging : '';
    const wanted = { volume, driver, can, publishContext, staging, target: places.target, readOnly };
    const stage = await requests.stage(pod, wanted);
    const publish = await requests.publish(pod, wanted);
    await this.#alone(data, async () => {
      // First, so that whoever gives the volume up meanwhile sees that it is used.
      await note(places.folder, data);
      if (staging !== '') {
        await note(places.stagingData, data);
        await mkdir(staging, { recursive: true, mode: 0o750 });
        await calls.ask(driverName, CSI.stage, stage);
      }
      await mkdir(dirname(places.target), { recursive: true, mode: 0o750 });
      await calls.ask(driverName, CSI.publish, publish);
    });
    const isBlock = data.volumeMode === 'Block';
    const { volumeCapability } = stage;
    const use: VolumeUse = { pod, volume, claim, readOnly, volumePath: places.target, stagingTargetPath: staging, volumeCapability };
    await growth.grow(use);
    const owns = !isBlock && !can.has('VOLUME_MOUNT_GROUP') && ownsByGroup(driver, volume);
    if (!readOnly && owns) await setOwnership(places.target, pod, 'rw');
    return {
      path: places.target,
      readOnly,
      ...(isBlock ? { block: true } : {}),
      measure: () => this.#measure(data, { target: places.target, staging }),
      keepUp: async (of) => {
        if (driver?.spec.requiresRepublish === true) {
          const again = await requests.publish(of, wanted);
          await this.#alone(data, () => calls.ask(driverName, CSI.publish, again));
        }
        if (can.has('EXPAND_VOLUME')) await growth.look({ ...use, pod: of });
      },
    };
  }

  /** Of a pod's volume folder; the last one to use a staged volume unstages it. @throws VolumeError */
  async unpublish(folder: string, podUid: string): Promise<void> {
    const data = await noted(folder);
    if (data === undefined) return; // never begun
    const { driverName, volumeHandle, volumeLifecycleMode, specVolID } = data;
    const { attachments, calls, growth } = this.#deps;
    const { staging, stagingData, target } = this.#placesOf(podUid, data);
    await this.#alone(data, async () => {
      await calls.ask(driverName, CSI.unpublish, { volumeId: volumeHandle, targetPath: target });
      await removeTarget(target, data);
      if (volumeLifecycleMode === 'Persistent' && !(await this.#isUsedElsewhere(data, folder))) {
        if (await exists(staging)) {
          await calls.ask(driverName, CSI.unstage, { volumeId: volumeHandle, stagingTargetPath: staging });
          await rmdir(staging).catch(ignoreMissing);
          await rm(data.volumeMode === 'Block' ? dirname(stagingData) : stagingData, { recursive: true, force: true });
        }
        growth.forget(uniqueVolumeName(idOf(data)));
      }
      await forget(folder); // last: until then all of it can be undone again
    });
    attachments.release(podUid, specVolID);
  }

  released(podUid: string): void {
    this.#deps.attachments.release(podUid);
  }

  /** Source: makeDeviceMountPath; csi_block.go getStagingPath, getPublishPath. */
  #placesOf(podUid: string, data: VolumeData): Places {
    const { paths } = this.#deps;
    const { driverName, volumeHandle, specVolID } = data;
    const root = join(paths.plugins(), CSI_PLUGIN);
    if (data.volumeMode !== 'Block') {
      const folder = paths.volume(podUid, CSI_PLUGIN, specVolID);
      const stagingData = join(root, driverName, sha256(volumeHandle));
      return { folder, target: join(folder, 'mount'), staging: join(stagingData, 'globalmount'), stagingData };
    }
    const devices = join(root, 'volumeDevices');
    return {
      folder: join(paths.devicesOf(podUid, CSI_PLUGIN), specVolID),
      target: join(devices, 'publish', specVolID, podUid),
      staging: join(devices, 'staging', specVolID),
      stagingData: join(devices, specVolID, 'data'),
    };
  }

  /** Whether another pod on this node has the volume, or is about to. */
  async #isUsedElsewhere(data: VolumeData, folder: string): Promise<boolean> {
    const unique = uniqueVolumeName(idOf(data));
    const all = await allNoted(this.#deps.paths);
    return all.some((other) => other.folder !== folder && uniqueVolumeName(idOf(other.data)) === unique);
  }

  /** One thing at a time for one volume. */
  async #alone(data: VolumeData, work: () => Promise<unknown>): Promise<void> {
    const key = uniqueVolumeName(idOf(data));
    const turn = (this.#busy.get(key) ?? Promise.resolve()).catch(() => {}).then(work);
    this.#busy.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#busy.get(key) === turn) this.#busy.delete(key);
    }
  }

  /** Source: supportsVolumeLifecycleMode. */
  async #driverFor(name: string, mode: VolumeData['volumeLifecycleMode']): Promise<CSIDriver | undefined> {
    const driver = await this.#deps.calls.object(name);
    const modes = driver?.spec.volumeLifecycleModes ?? ['Persistent'];
    if (modes.includes(mode)) return driver;
    const why = driver === undefined ? 'no CSIDriver object' : `only supports ${JSON.stringify(modes)}`;
    throw new VolumeError(`volume mode "${mode}" not supported by driver ${name} (${why})`);
  }

  /** Source: metrics_csi / csi_metrics.go. @throws VolumeError */
  async #measure(data: VolumeData, { target, staging }: Pick<Places, 'target' | 'staging'>): Promise<VolumeFigures | undefined> {
    const { calls } = this.#deps;
    const { driverName, volumeHandle } = data;
    if (!(await calls.capabilities(driverName)).has('GET_VOLUME_STATS')) return undefined;
    const { usage } = await calls.ask(driverName, CSI.measure, { volumeId: volumeHandle, volumePath: target, stagingTargetPath: staging });
    return figuresOf(usage);
  }
}

async function removeTarget(target: string, { volumeMode }: VolumeData): Promise<void> {
  if (volumeMode !== 'Block') return rmdir(target).catch(ignoreMissing);
  await rm(target, { force: true });
  await rmdir(dirname(target)).catch((error: unknown) => {
    if (!isMissing(error) && (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
  });
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
