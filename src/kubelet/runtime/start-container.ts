// Starts one container: image, configuration, create, start, postStart hook.
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Pod, Secret } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { ContainerConfig } from '#cri/gen/objects.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { DraManager } from '../dra/dra-manager.ts';
import { DraError } from '../dra/pod-claims.ts';
import type { DeviceManager } from '../devices/device-manager.ts';
import { DeviceError } from '../devices/preferred-devices.ts';
import { DownwardError } from '../env/downward.ts';
import { EnvironmentError } from '../env/errors.ts';
import { MissingVariables } from '../env/expansion.ts';
import type { KubeletEvents } from '../events/events.ts';
import { HookError, runHook } from '../hooks/lifecycle.ts';
import { ImageError, type ImageManager } from '../images/image-manager.ts';
import type { ImageMount, ImageVolumes } from '../images/image-volumes.ts';
import type { PodHostname } from '../network/hostname.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { podLabel } from '../pod/identity.ts';
import type { ResourceManagers } from '../topology/resource-managers.ts';
import { MountError, type Mounter } from '../volumes/mounter.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import type { MountedVolume } from '../volumes/plugin.ts';
import { containerConfig, containerLogPath } from './container-config.ts';
import { linkLog, makeLogDirectory, restartsByLogs } from './container-logs.ts';
import type { Placement } from './create-sandbox.ts';
import { killContainer } from './kill.ts';
import type { ResourceSettings } from './linux-resources.ts';
import { blockDevices, ContainerMountError, containerMounts } from './mounts.ts';
import { latest, type RuntimePod } from './runtime-pod.ts';
import { SecurityError, verifyRunAsNonRoot } from './security-context.ts';

/** A container did not start; reason and message become its waiting state. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly reason: string;
  /** Milliseconds until another attempt makes sense; undefined for the usual pace. */
  readonly retryInMs: number | undefined;

  constructor(reason: string, message: string, retryInMs?: number) {
    super(message);
    this.reason = reason;
    this.retryInMs = retryInMs;
  }
}

export interface StartRequest {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly runtimePod: RuntimePod;
  readonly sandboxId: string;
  readonly placement: Placement;
  readonly hostname: PodHostname;
  readonly podIPs: readonly string[];
  readonly secrets: readonly Secret[];
  /** Ends a pull or a hook under way; its reason is thrown then. */
  readonly signal: AbortSignal | undefined;
}

export interface StartDeps {
  readonly runtime: RuntimeService;
  readonly images: ImageManager;
  readonly imageVolumes: ImageVolumes;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly paths: KubeletPaths;
  readonly mounter: Mounter;
  readonly environment: (pod: Pod, container: AnyContainer, podIPs: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  readonly volume: (podUid: string, name: string) => MountedVolume | undefined;
  readonly dra: Pick<DraManager, 'prepare' | 'devicesOf' | 'healthOf' | 'unprepare'>;
  readonly devices: Pick<DeviceManager, 'grantOf' | 'healthOf'>;
  readonly resources: Pick<ResourceManagers, 'placementOf'>;
  readonly settings: {
    readonly resources: () => ResourceSettings;
    readonly seccompDefault: boolean;
    /** Of a handler of the runtime. */
    readonly recursiveReadOnly: (runtimeHandler: string) => boolean;
  };
}

/** Gives the id of the container. @throws StartError, the signal's reason; Source: kubeGenericRuntimeManager.startContainer */
export async function startContainer(request: StartRequest, deps: StartDeps): Promise<string> {
  const { pod, container, sandboxId, secrets, signal } = request;
  const sandbox = request.placement.config;
  const fail = (reason: string, message: string, shown: string, retryInMs?: number): StartError => {
    deps.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${shown}`);
    return new StartError(reason, message, retryInMs);
  };

  let imageRef: string;
  try {
    imageRef = await deps.images.ensure({
      pod,
      containerName: container.name,
      image: container.image,
      pullPolicy: container.imagePullPolicy,
      secrets,
      sandbox,
      signal,
    });
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw fail(error.reason, error.message, error.reason, error.retryInMs);
  }
  const imageVolumes = await imageVolumesOf(request, deps);

  const logDirectory = await makeLogDirectory(deps.paths, pod, container.name);
  const restartCount = await restartCountOf(request, logDirectory);
  let config: Input<ContainerConfig>;
  try {
    config = await configure(request, { imageRef, imageVolumes, restartCount }, deps);
  } catch (error) {
    if (!isConfigError(error)) throw error;
    throw fail('CreateContainerConfigError', error.message, error.message);
  }

  let containerId: string;
  try {
    ({ containerId } = await deps.runtime.createContainer({ podSandboxId: sandboxId, config, sandboxConfig: sandbox }));
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    throw fail('CreateContainerError', error.details, error.details);
  }
  deps.events.container(pod, container.name, 'Normal', 'Created', 'Container created');

  try {
    await deps.runtime.startContainer({ containerId });
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    throw fail('RunContainerError', error.details, error.details);
  }
  deps.events.container(pod, container.name, 'Normal', 'Started', 'Container started');
  await linkLog(
    deps.paths,
    pod,
    container.name,
    containerId,
    join(deps.paths.podLogDirectory(pod), containerLogPath(container.name, restartCount)),
  );

  await postStart(request, containerId, deps);
  return containerId;
}

async function restartCountOf({ runtimePod, container }: StartRequest, logDirectory: string): Promise<number> {
  const before = latest(runtimePod, container.name);
  return before === undefined ? restartsByLogs(logDirectory) : before.restartCount + 1;
}

/** What makes a container impossible to configure, as opposed to a bug. */
function isConfigError(error: unknown): error is Error {
  return (
    error instanceof StatusError ||
    error instanceof EnvironmentError ||
    error instanceof DownwardError ||
    error instanceof MissingVariables ||
    error instanceof ContainerMountError ||
    error instanceof MountError ||
    error instanceof SecurityError ||
    error instanceof DraError ||
    error instanceof DeviceError ||
    error instanceof CriError
  );
}

/** @throws StartError; the volume's own events have told why */
async function imageVolumesOf(
  { pod, container, secrets, placement, signal }: StartRequest,
  deps: StartDeps,
): Promise<ReadonlyMap<string, ImageMount>> {
  try {
    return await deps.imageVolumes.ensure({ pod, container, secrets, sandbox: placement.config, signal });
  } catch (error) {
    if (error instanceof ImageError) throw new StartError(error.reason, error.message, error.retryInMs);
    if (error instanceof MountError) throw new StartError('CreateContainerConfigError', error.message);
    throw error;
  }
}

interface Prepared {
  readonly imageRef: string;
  readonly imageVolumes: ReadonlyMap<string, ImageMount>;
  readonly restartCount: number;
}

async function configure(
  request: StartRequest,
  { imageRef, imageVolumes, restartCount }: Prepared,
  deps: StartDeps,
): Promise<Input<ContainerConfig>> {
  const { pod, container, podIPs, hostname, runtimePod, placement } = request;
  const { userNamespace, runtimeHandler } = placement;
  const user = await deps.images.userOf(imageRef);
  verifyRunAsNonRoot(container, pod, user);
  const environment = await deps.environment(pod, container, podIPs);
  const mounts = await containerMounts(
    {
      pod,
      container,
      hostname,
      podIPs,
      environment,
      volume: (name) => imageVolumes.get(name) ?? deps.volume(pod.metadata.uid, name),
      userNamespace,
      recursiveReadOnly: deps.settings.recursiveReadOnly(runtimeHandler),
    },
    deps,
  );
  const target = container.targetContainerName;
  const targetId = target === undefined || target === '' ? undefined : runningId(runtimePod, target);
  return containerConfig({
    pod,
    container,
    restartCount,
    imageRef,
    user,
    userNamespace,
    environment,
    mounts,
    blockDevices: blockDevices(container, (name) => deps.volume(pod.metadata.uid, name)),
    devices: deps.dra.devicesOf(pod, container),
    granted: await deps.devices.grantOf(pod, container),
    targetId,
    seccompRoot: deps.paths.seccomp(),
    seccompDefault: deps.settings.seccompDefault,
    resources: deps.settings.resources(),
    placement: deps.resources.placementOf(pod, container),
  });
}

/** @throws ContainerMountError when the container an ephemeral one wants to join does not run; Source: startSpec.getTargetID */
function runningId(runtimePod: RuntimePod, name: string): string {
  const target = latest(runtimePod, name);
  if (target === undefined) throw new ContainerMountError(`unable to find target container ${name}`);
  if (target.state !== 'running') throw new ContainerMountError(`target container "${name}" is not running`);
  return target.id;
}

async function postStart({ pod, container, podIPs, signal }: StartRequest, containerId: string, deps: StartDeps): Promise<void> {
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  const podIP = podIPs[0] ?? '';
  try {
    await runHook({ handler, pod, container, containerId, podIP, ...(signal === undefined ? {} : { signal }) }, deps.runtime, deps.clock);
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof HookError)) throw error;
    deps.logger.error('Failed to execute PostStartHook', { pod: podLabel(pod), container: container.name, error });
    // What a server answered may be secret, so it is not shown.
    deps.events.container(pod, container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await killContainer({ pod, container, id: containerId, message: 'FailedPostStartHook', reason: '', podIP }, deps);
    throw new StartError('PostStartHookError', error.message);
  }
}
