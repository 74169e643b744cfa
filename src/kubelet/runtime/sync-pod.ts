// Carries out what was decided for a pod: kill, sandbox, then ephemeral, init and regular containers.
import { isSidecar } from '#api/pods.ts';
import { formatDuration } from '#apimachinery/duration.ts';
import type { Pod, Secret } from '#api/types.ts';
import { CriError, isNotFound } from '#cri/errors.ts';
import { DraError } from '../dra/pod-claims.ts';
import type { ContainerReset, PodActions } from '../pod-actions/actions.ts';
import { ephemeralAsContainer, type AnyContainer } from '../pod/containers.ts';
import { podLabel } from '../pod/identity.ts';
import type { StartFailure } from '../status/container-statuses.ts';
import type { Backoff } from './backoff.ts';
import { removeLogs } from './container-logs.ts';
import { createSandbox, placeSandbox, SandboxError, type Placement, type Sandbox, type SandboxDeps } from './create-sandbox.ts';
import { killContainer, killPod, type PodKillDeps } from './kill.ts';
import { addressesOf, type RuntimePod } from './runtime-pod.ts';
import { startContainer, StartError, type StartDeps } from './start-container.ts';

export interface SyncRequest {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly actions: PodActions;
  readonly secrets: readonly Secret[];
  /** Ends waiting for a stop, a pull or a hook, when the pod is to be ended instead. */
  readonly signal: AbortSignal | undefined;
}

export interface SyncDeps extends StartDeps, SandboxDeps, PodKillDeps {
  readonly crashBackoff: Backoff;
  /** A container was started with what its spec asks for. */
  readonly started: (pod: Pod, container: AnyContainer) => void;
  /** Says whether all is done. */
  readonly resize: (pod: Pod, actions: PodActions) => Promise<boolean>;
}

export interface SyncResult {
  /** Containers that were started, or not: the failure, or undefined for a success. */
  readonly starts: ReadonlyMap<string, StartFailure | undefined>;
  /** What kept the whole pod back, in words. */
  readonly error?: string;
  /** Milliseconds after which another pass makes sense; undefined when nothing failed. */
  readonly retryInMs?: number;
}

/** Pace of attempts after a failure without a pace of its own. Source: kubelet backOffPeriod. */
const RETRY_MS = 10_000;

/** Source: kubeGenericRuntimeManager.SyncPod. */
export async function syncPod(request: SyncRequest, deps: SyncDeps): Promise<SyncResult> {
  const { pod, runtime, actions } = request;
  const starts = new Map<string, StartFailure | undefined>();
  try {
    await clearTheWay(request, deps);
    if (actions.fate.kind === 'kill') return { starts };
    await pruneInitContainers(request, deps);
    await removeResets(actions.resets, request, deps);
    if (actions.resets.length > 0) return { starts, retryInMs: 0 };
    const starting = actions.startEphemeral.length + actions.startInit.length + actions.startContainers.length > 0;
    if (actions.fate.kind === 'keep' && !starting && actions.resizes.length === 0 && !actions.resizePod) return { starts };

    // Once a sandbox is there they have been prepared, and what was prepared is kept.
    if (actions.fate.kind !== 'keep') await deps.dra.prepare(pod, request.signal);
    const placement = await placeSandbox(pod, actions, deps);
    const sandbox =
      actions.fate.kind === 'keep' ? { id: actions.fate.sandboxId, ips: runtime.ips } : await createSandbox(pod, placement, deps);
    const retries = await startAll(request, { placement, sandbox }, starts, deps);
    return retries.length === 0 ? { starts } : { starts, retryInMs: Math.min(...retries) };
  } catch (error) {
    const { signal } = request;
    if (signal?.aborted === true && error === signal.reason) return { starts };
    if (!(error instanceof CriError || error instanceof SandboxError || error instanceof DraError)) throw error;
    if (signal?.aborted === true) return { starts };
    if (error instanceof DraError)
      deps.events.pod(pod, 'Warning', 'FailedPrepareDynamicResources', `Failed to prepare dynamic resources: ${error.message}`);
    return { starts, error: error.message, retryInMs: RETRY_MS };
  }
}

/** Kills the pod or the containers that are in the way. */
async function clearTheWay({ pod, runtime, actions, signal }: SyncRequest, deps: SyncDeps): Promise<void> {
  const { fate } = actions;
  if (fate.kind === 'recreate' && fate.previousId !== undefined) {
    deps.events.pod(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
  }
  const signals = signal === undefined ? {} : { signal };
  if (fate.kind !== 'keep') {
    if (runtime.sandboxes.length > 0 || runtime.containers.length > 0) await killPod({ pod, runtime, ...signals }, deps);
    if (fate.kind === 'recreate') await purgeInitContainers(pod, runtime, deps);
    return;
  }
  const podIP = addressesOf(pod, runtime.ips, deps)[0] ?? '';
  for (const kill of actions.kills) await killContainer({ pod, ...kill, podIP, ...signals }, deps);
}

/** Of each init container only the newest ended instance is kept. Source: pruneInitContainersBeforeStart. */
async function pruneInitContainers({ pod, runtime }: SyncRequest, deps: SyncDeps): Promise<void> {
  for (const { name } of pod.spec.initContainers ?? []) {
    const ended = runtime.containers.filter(
      (container) => container.name === name && (container.state === 'exited' || container.state === 'unknown'),
    );
    for (const { id, logPath } of ended.slice(1)) await removeContainer(pod, name, id, logPath, deps);
  }
}

/** A new sandbox begins from the start. Source: purgeInitContainers. */
async function purgeInitContainers(pod: Pod, runtime: RuntimePod, deps: SyncDeps): Promise<void> {
  const names = new Set((pod.spec.initContainers ?? []).map(({ name }) => name));
  for (const { id, name, logPath } of runtime.containers) if (names.has(name)) await removeContainer(pod, name, id, logPath, deps);
}

/** Logs first: a container without logs is removed later, logs without a container would stay. Source: removeContainer. */
export async function removeContainer(
  pod: Pick<Pod, 'metadata'>,
  name: string,
  id: string,
  logPath: string,
  deps: Pick<SyncDeps, 'runtime' | 'paths'>,
): Promise<void> {
  await removeLogs(deps.paths, pod, name, id, logPath);
  try {
    await deps.runtime.removeContainer({ containerId: id });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function removeResets(resets: readonly ContainerReset[], { pod, runtime, signal }: SyncRequest, deps: SyncDeps): Promise<void> {
  const podIP = addressesOf(pod, runtime.ips, deps)[0] ?? '';
  for (const { id, container, kill } of resets) {
    const message = `Container ${container.name} is killed because all containers of the pod restart`;
    const { lifecycle: _unheeded, ...bare } = container; // no hook is run before such an end
    if (kill)
      await killContainer({ pod, container: bare, id, message, reason: '', podIP, ...(signal === undefined ? {} : { signal }) }, deps);
    // The log stays: it tells why.
    try {
      await deps.runtime.removeContainer({ containerId: id });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

interface StartSite {
  readonly placement: Placement;
  readonly sandbox: Sandbox;
}

/** Milliseconds after which what failed may be tried again, one a failure. */
async function startAll(
  request: SyncRequest,
  site: StartSite,
  starts: Map<string, StartFailure | undefined>,
  deps: SyncDeps,
): Promise<readonly number[]> {
  const { pod, actions } = request;
  const retries: number[] = [];
  const start = async (container: AnyContainer, type: ContainerType): Promise<'started' | 'failed'> => {
    const failure = await tryStart({ container, type }, request, site, deps);
    starts.set(container.name, failure);
    if (failure === undefined) return 'started';
    retries.push(failure.retryInMs);
    return 'failed';
  };
  for (const index of actions.startEphemeral) {
    const ephemeral = pod.spec.ephemeralContainers?.[index];
    if (ephemeral !== undefined) await start(ephemeralAsContainer(ephemeral), 'ephemeral_container');
  }
  for (const index of actions.startInit) {
    const container = pod.spec.initContainers?.[index];
    // A sidecar that does not start keeps no other from it; an init container does.
    if (container !== undefined && (await start(container, 'init_container')) === 'failed' && !isSidecar(container)) return retries;
  }
  if ((actions.resizes.length > 0 || actions.resizePod) && !(await deps.resize(pod, actions))) retries.push(RETRY_MS);
  for (const index of actions.startContainers) {
    const container = pod.spec.containers[index];
    if (container !== undefined) await start(container, 'container');
  }
  return retries;
}

/** Source: metrics.Container and its siblings. */
type ContainerType = 'container' | 'init_container' | 'ephemeral_container';

async function tryStart(
  { container, type }: { readonly container: AnyContainer; readonly type: ContainerType },
  request: SyncRequest,
  site: StartSite,
  deps: SyncDeps,
): Promise<(StartFailure & { readonly retryInMs: number }) | undefined> {
  const { pod, runtime, secrets } = request;
  const crash = checkCrashBackoff(container, request, deps);
  if (crash !== undefined) return crash;
  deps.metrics.startedContainers.of(type).add();
  try {
    await startContainer(
      {
        pod,
        container,
        runtimePod: runtime,
        sandboxId: site.sandbox.id,
        placement: site.placement,
        hostname: site.placement.hostname,
        podIPs: addressesOf(pod, site.sandbox.ips, deps),
        secrets,
        signal: request.signal,
      },
      deps,
    );
    deps.started(pod, container);
    return undefined;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    deps.metrics.startedContainersErrors.of(type, error.reason).add();
    return { reason: error.reason, message: error.message, retryInMs: error.retryInMs ?? RETRY_MS };
  }
}

/** Key of a container's crash back-off: changes of its spec that matter begin anew. Source: GetBackoffKey. */
function crashKey(pod: Pod, container: AnyContainer): string {
  return `${pod.metadata.uid}_${container.name}_${container.image}_${JSON.stringify(container.resources ?? {})}`;
}

/** Source: doBackOff. */
function checkCrashBackoff(
  container: AnyContainer,
  { pod, runtime }: SyncRequest,
  deps: SyncDeps,
): (StartFailure & { readonly retryInMs: number }) | undefined {
  const ended = runtime.containers.find(({ name, state }) => name === container.name && state === 'exited');
  if (ended === undefined) return undefined;
  const key = crashKey(pod, container);
  const left = deps.crashBackoff.leftSince(key, ended.finishedAt);
  if (left === 0) {
    deps.crashBackoff.next(key, ended.finishedAt);
    return undefined;
  }
  deps.events.container(
    pod,
    container.name,
    'Warning',
    'BackOff',
    `Back-off restarting failed container ${container.name} in pod ${podLabel(pod)}`,
  );
  const wait = formatDuration(deps.crashBackoff.get(key));
  return {
    reason: 'CrashLoopBackOff',
    message: `back-off ${wait} restarting failed container=${container.name} pod=${podLabel(pod)}`,
    retryInMs: left,
  };
}
