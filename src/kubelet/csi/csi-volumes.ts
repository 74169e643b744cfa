// Volumes of CSI drivers: staged once on the node, published into each pod, and both undone from what is on disk alone.
// Source: pkg/volume/csi csi_mounter.go, csi_attacher.go.
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isStatusError } from '#apimachinery/errors.ts';
import { csidrivers, secrets, volumeattachments } from '#api/resources.ts';
import type { CSIDriver } from '#api/gen/storage-v1.ts';
import type { CSIPersistentVolumeSource, CSIVolumeSource, PersistentVolume, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { PluginCall } from '../plugins/plugin-api.ts';
import { setOwnership } from '../volumes/ownership.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import type { PersistentKind } from '../volumes/persistent.ts';
import { type MountedVolume, VolumeError, type VolumePlugin } from '../volumes/plugin.ts';
import { CSI, type StageRequest, type VolumeCapability } from './csi-api.ts';
import type { CsiDrivers } from './csi-drivers.ts';

export const CSI_PLUGIN = 'kubernetes.io/csi';

/** Beside each mount: by whom it was made, for whoever undoes it. Source: volDataFileName. */
const DATA_FILE = 'vol_data.json';

interface VolumeData {
  readonly driverName: string;
  readonly volumeHandle: string;
  readonly specVolID: string;
  readonly volumeLifecycleMode: 'Ephemeral' | 'Persistent';
}

export interface CsiVolumesDeps {
  readonly client: Client;
  readonly drivers: Pick<CsiDrivers, 'ask' | 'capabilities'>;
  readonly paths: KubeletPaths;
  readonly nodeName: string;
  readonly tokens: CsiTokens;
}

/** `csi.storage.k8s.io/serviceAccount.tokens`: by audience. @throws StatusError, ConnectionError */
export type CsiTokens = (pod: Pod, requests: CSIDriver['spec']['tokenRequests']) => Promise<string>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Volumes that a pod's own spec asks of a driver, and the end of all volumes of drivers. */
export function csiPlugin(volumes: CsiVolumes): VolumePlugin {
  return {
    name: CSI_PLUGIN,
    refreshes: false,
    supports: ({ csi }) => csi !== undefined,
    setUp: ({ pod, volume, path }) => volumes.publishInline(pod, volume.name, volume.csi as CSIVolumeSource, path),
    tearDown: (path) => volumes.unpublish(path),
  };
}

export function csiKind(volumes: CsiVolumes): PersistentKind {
  return {
    supports: ({ spec }) => spec.csi !== undefined,
    setUp: ({ pod, volume, readOnly }) => volumes.publishPersistent(pod, volume, readOnly),
  };
}

export class CsiVolumes {
  readonly #deps: CsiVolumesDeps;
  /** What is under way with a volume, by driver and handle. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(deps: CsiVolumesDeps) {
    this.#deps = deps;
  }

  /** @throws VolumeError, StatusError, ConnectionError */
  async publishInline(pod: Pod, name: string, source: CSIVolumeSource, path: string): Promise<MountedVolume> {
    const { driver: driverName, nodePublishSecretRef, readOnly = false, fsType = '', volumeAttributes = {} } = source;
    const driver = await this.#driver(driverName);
    if (driver?.spec.volumeLifecycleModes.includes('Ephemeral') !== true) {
      const modes = driver === undefined ? 'no CSIDriver object' : `only supports ${JSON.stringify(driver.spec.volumeLifecycleModes)}`;
      throw new VolumeError(`volume mode "Ephemeral" not supported by driver ${driverName} (${modes})`);
    }
    const volumeHandle = `csi-${sha256(`${pod.metadata.uid}${name}`)}`;
    const data: VolumeData = { driverName, volumeHandle, specVolID: name, volumeLifecycleMode: 'Ephemeral' };
    const targetPath = join(path, 'mount');
    const { namespace } = pod.metadata;
    const request = {
      volumeId: volumeHandle,
      publishContext: {},
      stagingTargetPath: '',
      volumeCapability: { mount: { fsType, mountFlags: [] }, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
      volumeContext: { ...volumeAttributes, ...(await this.#podContext(pod, driver, 'Ephemeral')) },
      secrets: await this.#secret(nodePublishSecretRef?.name, namespace),
      targetPath,
      readonly: readOnly,
    };
    await this.#alone(data, async () => {
      await note(path, data);
      await this.#call(driverName, CSI.publish, request);
    });
    if (!readOnly && driver.spec.fsGroupPolicy === 'File') await setOwnership(targetPath, pod, 'rw');
    return { path: targetPath, readOnly };
  }

  /** @throws VolumeError, StatusError, ConnectionError */
  async publishPersistent(pod: Pod, volume: PersistentVolume, onlyRead: boolean): Promise<MountedVolume> {
    const { paths } = this.#deps;
    const source = volume.spec.csi as CSIPersistentVolumeSource;
    const { driver: driverName, volumeHandle, fsType = '', volumeAttributes = {} } = source;
    const { name } = volume.metadata;
    const readOnly = onlyRead || source.readOnly === true;
    const driver = await this.#driver(driverName);
    const can = await this.#known(driverName, this.#deps.drivers.capabilities(driverName));
    const publishContext = await this.#attachment(driver, source);
    const path = paths.volume(pod.metadata.uid, CSI_PLUGIN, name);
    const data: VolumeData = { driverName, volumeHandle, specVolID: name, volumeLifecycleMode: 'Persistent' };
    const targetPath = join(path, 'mount');
    const common = { volumeId: volumeHandle, publishContext, volumeCapability: capabilityOf(volume, fsType, can) };
    const stagingTargetPath = can.has('STAGE_UNSTAGE_VOLUME') ? this.#staging(data) : '';
    const stage: StageRequest = {
      ...common,
      stagingTargetPath,
      volumeContext: volumeAttributes,
      secrets: await this.#secret(source.nodeStageSecretRef?.name, source.nodeStageSecretRef?.namespace),
    };
    const publish = {
      ...common,
      stagingTargetPath,
      volumeContext: { ...volumeAttributes, ...(await this.#podContext(pod, driver, 'Persistent')) },
      secrets: await this.#secret(source.nodePublishSecretRef?.name, source.nodePublishSecretRef?.namespace),
      targetPath,
      readonly: readOnly,
    };
    await this.#alone(data, async () => {
      // First, so that whoever gives the volume up meanwhile sees that it is used.
      await note(path, data);
      if (stagingTargetPath !== '') {
        await note(dirname(stagingTargetPath), data);
        await mkdir(stagingTargetPath, { recursive: true, mode: 0o750 });
        await this.#call(driverName, CSI.stage, stage);
      }
      await this.#call(driverName, CSI.publish, publish);
    });
    if (!readOnly && ownsByGroup(driver, volume, fsType)) await setOwnership(targetPath, pod, 'rw');
    return { path: targetPath, readOnly };
  }

  /** Of a pod's volume folder; the last one to use a staged volume unstages it. @throws VolumeError */
  async unpublish(path: string): Promise<void> {
    const data = await noted(path);
    if (data === undefined) return; // never begun
    const { driverName, volumeHandle, volumeLifecycleMode } = data;
    await this.#alone(data, async () => {
      await this.#call(driverName, CSI.unpublish, { volumeId: volumeHandle, targetPath: join(path, 'mount') });
      await rmdir(join(path, 'mount')).catch(ignoreMissing);
      await rm(join(path, DATA_FILE));
      const staging = this.#staging(data);
      if (volumeLifecycleMode === 'Ephemeral' || !(await exists(staging)) || (await this.#inUse(data))) return;
      await this.#call(driverName, CSI.unstage, { volumeId: volumeHandle, stagingTargetPath: staging });
      await rmdir(staging).catch(ignoreMissing);
      await rm(join(dirname(staging), DATA_FILE), { force: true });
      await rmdir(dirname(staging));
    });
  }

  /** Source: makeDeviceMountPath. */
  #staging({ driverName, volumeHandle }: VolumeData): string {
    return join(this.#deps.paths.plugins(), CSI_PLUGIN, driverName, sha256(volumeHandle), 'globalmount');
  }

  /** Whether a pod on this node has the volume, or is about to. */
  async #inUse({ driverName, volumeHandle }: VolumeData): Promise<boolean> {
    const { paths } = this.#deps;
    for (const uid of await readdir(paths.pods()).catch(noNames)) {
      const folder = paths.volumesOf(uid, CSI_PLUGIN);
      for (const name of await readdir(folder).catch(noNames)) {
        const other = await noted(join(folder, name));
        if (other?.driverName === driverName && other.volumeHandle === volumeHandle) return true;
      }
    }
    return false;
  }

  /** One thing at a time for one volume. */
  async #alone(data: VolumeData, work: () => Promise<void>): Promise<void> {
    const key = `${data.driverName} ${data.volumeHandle}`;
    const turn = (this.#busy.get(key) ?? Promise.resolve()).catch(() => {}).then(work);
    this.#busy.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#busy.get(key) === turn) this.#busy.delete(key);
    }
  }

  async #call<Request>(driver: string, call: PluginCall<Request, object>, request: Request): Promise<void> {
    await this.#known(driver, this.#deps.drivers.ask(driver, call, request));
  }

  async #known<T>(driver: string, answer: Promise<T> | undefined): Promise<T> {
    if (answer === undefined) throw new VolumeError(`driver name ${driver} not found in the list of registered CSI drivers`);
    try {
      return await answer;
    } catch (error) {
      if (error instanceof CriError) throw new VolumeError(error.message, { cause: error });
      throw error;
    }
  }

  async #driver(name: string): Promise<CSIDriver | undefined> {
    try {
      return await this.#deps.client.get(csidrivers, { name });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** What the driver's controller said of this node; empty where nothing has to be attached. @throws VolumeError until it has */
  async #attachment(
    driver: CSIDriver | undefined,
    { driver: attacher, volumeHandle }: CSIPersistentVolumeSource,
  ): Promise<Readonly<Record<string, string>>> {
    if (driver?.spec.attachRequired === false) return {};
    const { client, nodeName } = this.#deps;
    const name = `csi-${sha256(`${volumeHandle}${attacher}${nodeName}`)}`;
    try {
      const { status } = await client.get(volumeattachments, { name });
      if (status.attached) return status.attachmentMetadata ?? {};
      throw new VolumeError(
        `volume attachment ${name} is not attached${status.attachError?.message === undefined ? '' : `: ${status.attachError.message}`}`,
      );
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      throw new VolumeError(`volume ${volumeHandle} has to be attached by driver ${attacher}, and has no VolumeAttachment ${name}`);
    }
  }

  /** Source: podAttributes, podServiceAccountTokenAttrs. */
  async #podContext(
    pod: Pod,
    driver: CSIDriver | undefined,
    mode: VolumeData['volumeLifecycleMode'],
  ): Promise<Readonly<Record<string, string>>> {
    const { metadata, spec } = pod;
    const info = {
      'csi.storage.k8s.io/pod.name': metadata.name,
      'csi.storage.k8s.io/pod.namespace': metadata.namespace,
      'csi.storage.k8s.io/pod.uid': metadata.uid,
      'csi.storage.k8s.io/serviceAccount.name': spec.serviceAccountName ?? '',
      'csi.storage.k8s.io/ephemeral': String(mode === 'Ephemeral'),
    };
    const requests = driver?.spec.tokenRequests ?? [];
    return {
      ...(driver?.spec.podInfoOnMount === true ? info : {}),
      ...(requests.length === 0 ? {} : { 'csi.storage.k8s.io/serviceAccount.tokens': await this.#deps.tokens(pod, requests) }),
    };
  }

  async #secret(name: string | undefined, namespace: string | undefined): Promise<Readonly<Record<string, string>>> {
    if (name === undefined || name === '') return {};
    const { data = {} } = await this.#deps.client.get(secrets, { name, namespace: namespace ?? '' });
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
  }
}

/** Source: asCSIAccessModeV1, asSingleNodeMultiWriterCapableCSIAccessModeV1; the first mode of the volume counts. */
function capabilityOf({ spec }: PersistentVolume, fsType: string, can: ReadonlySet<string>): VolumeCapability {
  const several = can.has('SINGLE_NODE_MULTI_WRITER');
  const modes: Readonly<Record<string, string>> = {
    ReadWriteOnce: several ? 'SINGLE_NODE_MULTI_WRITER' : 'SINGLE_NODE_WRITER',
    ReadWriteOncePod: several ? 'SINGLE_NODE_SINGLE_WRITER' : 'SINGLE_NODE_WRITER',
    ReadOnlyMany: 'MULTI_NODE_READER_ONLY',
    ReadWriteMany: 'MULTI_NODE_MULTI_WRITER',
  };
  const mode = modes[spec.accessModes?.[0] ?? 'ReadWriteOnce'] ?? 'UNKNOWN';
  return { mount: { fsType, mountFlags: spec.mountOptions ?? [] }, accessMode: { mode } };
}

/** Source: supportsFSGroup. */
function ownsByGroup(driver: CSIDriver | undefined, { spec }: PersistentVolume, fsType: string): boolean {
  const policy = driver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy !== 'ReadWriteOnceWithFSType') return policy === 'File';
  return fsType !== '' && (spec.accessModes ?? []).includes('ReadWriteOnce');
}

async function note(folder: string, data: VolumeData): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await writeFile(join(folder, DATA_FILE), JSON.stringify(data), { flush: true });
}

async function noted(folder: string): Promise<VolumeData | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, DATA_FILE), 'utf8')) as VolumeData;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    ignoreMissing(error);
    return false;
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

function noNames(error: unknown): readonly string[] {
  ignoreMissing(error);
  return [];
}
