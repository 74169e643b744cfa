// What is mounted into a container: its volumes, /etc/hosts and the file for its last words.
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Pod, VolumeMount } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import type { Device, Mount, UserNamespace } from '#cri/gen/objects.ts';
import type { MountPropagation } from '#cri/gen/enums.ts';
import { expandStrict } from '../env/expansion.ts';
import type { ImageMount } from '../images/image-volumes.ts';
import { hostNetworkHosts, managedHosts, type PodHostname } from '../network/hostname.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import type { Mounter } from '../volumes/mounter.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import type { MountedVolume } from '../volumes/plugin.ts';
import { bindSubpath, makeSubpathDirectory } from '../volumes/subpath.ts';

const ETC_HOSTS = '/etc/hosts';
const HOSTS_MODE = 0o644;
/** Anyone in the container may write its last words. */
const TERMINATION_LOG_MODE = 0o666;

/** The container's mounts cannot be made; the message is upstream's. */
export class ContainerMountError extends Error {
  override readonly name = 'ContainerMountError';
}

export interface MountInput {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly hostname: PodHostname;
  readonly podIPs: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** Undefined for a volume that is not mounted. */
  readonly volume: (name: string) => MountedVolume | ImageMount | undefined;
  /** Files show in the container with the ids of its user namespace. */
  readonly userNamespace: Input<UserNamespace>;
  /** Whether the runtime can make mounts read-only all the way down. */
  readonly recursiveReadOnly: boolean;
}

export interface MountDeps {
  readonly paths: KubeletPaths;
  readonly mounter: Mounter;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** @throws ContainerMountError, MissingVariables; Source: makeMounts */
export async function containerMounts(input: MountInput, deps: MountDeps): Promise<readonly Input<Mount>[]> {
  const { pod, container, podIPs } = input;
  const mounts: Input<Mount>[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) mounts.push(await volumeMount(mount, index, input, deps));
  const ownHosts = container.volumeMounts?.some(({ mountPath }) => mountPath === ETC_HOSTS) ?? false;
  if (!ownHosts && (podIPs.length > 0 || isHostNetworkPod(pod))) mounts.push(await hostsMount(input, deps));
  if (container.terminationMessagePath !== '') mounts.push(await terminationMount(input, deps));
  const { uids = [], gids = [] } = input.userNamespace;
  return uids.length === 0 ? mounts : mounts.map((mount) => ({ ...mount, uidMappings: uids, gidMappings: gids }));
}

/** Raw block volumes of a container. @throws ContainerMountError; Source: makeBlockVolumes */
export function blockDevices(container: AnyContainer, volumeOf: (name: string) => MountedVolume | undefined): readonly Input<Device>[] {
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumeOf(name);
    if (volume?.block !== true) throw new ContainerMountError(`cannot find volume "${name}" to pass into container "${container.name}"`);
    return { hostPath: volume.path, containerPath: devicePath, permissions: volume.readOnly ? 'r' : 'mrw' };
  });
}

async function volumeMount(mount: VolumeMount, index: number, input: MountInput, deps: MountDeps): Promise<Input<Mount>> {
  const { container } = input;
  const volume = input.volume(mount.name);
  if (volume === undefined) throw new ContainerMountError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
  const subPath =
    mount.subPathExpr === undefined || mount.subPathExpr === ''
      ? (mount.subPath ?? '')
      : expandStrict(mount.subPathExpr, (name) => input.environment.get(name));
  const containerPath = isAbsolute(mount.mountPath) ? mount.mountPath : join('/', mount.mountPath);
  if ('image' in volume) return { containerPath, image: volume.image, imageSubPath: subPath, readonly: true };
  const hostPath = subPath === '' ? volume.path : await subpathOf(subPath, mount, index, volume, input, deps);
  return {
    containerPath,
    hostPath,
    readonly: mount.readOnly === true || volume.readOnly,
    recursiveReadOnly: recursiveReadOnly(mount, input.recursiveReadOnly),
    propagation: propagationOf(mount),
  };
}

async function subpathOf(
  subPath: string,
  mount: VolumeMount,
  index: number,
  volume: MountedVolume,
  { pod, container }: MountInput,
  deps: MountDeps,
): Promise<string> {
  if (isAbsolute(subPath)) throw new ContainerMountError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..')) throw new ContainerMountError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  // What went wrong in detail would tell the user about the node's files.
  const hide = (what: string, error: unknown): ContainerMountError => {
    deps.logger.error(what, { pod: pod.metadata.name, container: container.name, volume: mount.name, error });
    return new ContainerMountError(`${what} "${mount.name}" of container "${container.name}"`);
  };
  if (!(await isThere(join(volume.path, subPath)))) {
    try {
      await makeSubpathDirectory(volume.path, subPath, (await stat(volume.path)).mode & 0o7777);
    } catch (error) {
      throw hide('failed to create subPath directory for volumeMount', error);
    }
  }
  try {
    return await bindSubpath(
      {
        volumePath: volume.path,
        subPath,
        subpaths: deps.paths.subpaths(pod.metadata.uid),
        volumeName: mount.name,
        containerName: container.name,
        index,
      },
      deps.mounter,
    );
  } catch (error) {
    throw hide('failed to prepare subPath for volumeMount', error);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'EACCES') return true; // left to the careful steps that follow
    throw error;
  }
}

/** Source: resolveRecursiveReadOnly. */
function recursiveReadOnly(mount: VolumeMount, supported: boolean): boolean {
  const mode = mount.recursiveReadOnly ?? 'Disabled';
  if (mode === 'Disabled') return false;
  const asks = `failed to resolve recursive read-only mode: volume "${mount.name}" requested recursive read-only mode, but it is not`;
  if (mount.readOnly !== true) throw new ContainerMountError(`${asks} read-only`);
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    throw new ContainerMountError(`${asks} compatible with propagation "${mount.mountPropagation}"`);
  }
  if (mode === 'IfPossible') return supported;
  if (mode !== 'Enabled')
    throw new ContainerMountError(`failed to resolve recursive read-only mode: unknown recursive read-only mode "${mode}"`);
  if (!supported) throw new ContainerMountError(`${asks} supported by the runtime`);
  return true;
}

function propagationOf({ mountPropagation }: VolumeMount): MountPropagation {
  switch (mountPropagation) {
    case 'HostToContainer':
      return 'PROPAGATION_HOST_TO_CONTAINER';
    case 'Bidirectional':
      return 'PROPAGATION_BIDIRECTIONAL';
    default:
      return 'PROPAGATION_PRIVATE';
  }
}

/** Written anew for each container: a restarted sandbox has another address. Source: makeHostsMount. */
async function hostsMount({ pod, podIPs, hostname }: MountInput, { paths }: MountDeps): Promise<Input<Mount>> {
  const path = paths.etcHosts(pod.metadata.uid);
  const aliases = pod.spec.hostAliases ?? [];
  const text = isHostNetworkPod(pod)
    ? hostNetworkHosts(await readFile(ETC_HOSTS, 'utf8'), aliases)
    : managedHosts(podIPs, hostname, aliases);
  await writeFile(path, text);
  await chmod(path, HOSTS_MODE);
  return { containerPath: ETC_HOSTS, hostPath: path, selinuxRelabel: true };
}

/** Source: makeMounts of kuberuntime_container.go. */
async function terminationMount({ pod, container }: MountInput, { paths, ids }: MountDeps): Promise<Input<Mount>> {
  const directory = paths.container(pod.metadata.uid, container.name);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const path = join(directory, Buffer.from(ids.bytes(4)).toString('hex'));
  await writeFile(path, '');
  await chmod(path, TERMINATION_LOG_MODE);
  return { containerPath: container.terminationMessagePath, hostPath: path, selinuxRelabel: false };
}
