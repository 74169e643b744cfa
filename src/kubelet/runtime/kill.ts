// Stops containers: preStop hook, turn among the others, then the runtime's stop with what is left of the grace period.
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod, PodSpec } from '#api/types.ts';
import { CriError, isNotFound } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';
import type { KubeletEvents } from '../events/events.ts';
import { HookError, runHook } from '../hooks/lifecycle.ts';
import type { KillReason } from '../pod-actions/actions.ts';
import { findContainer, type AnyContainer } from '../pod/containers.ts';
import { podLabel } from '../pod/identity.ts';
import { graceSeconds, MIN_GRACE_SECONDS, terminationOrder } from './grace.ts';
import { readNotes } from './labels.ts';
import { addressesOf, isRunning, type RuntimeContainer, type RuntimePod } from './runtime-pod.ts';

export interface KillDeps {
  readonly runtime: RuntimeService;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface PodKillDeps extends KillDeps {
  /** Addresses of the node. */
  readonly hostIPs: () => readonly string[];
}

export interface ContainerKillRequest {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly id: string;
  /** Text of the Killing event; a plain one when empty. */
  readonly message: string;
  readonly reason: KillReason;
  readonly podIP: string;
  /** Seconds instead of what pod and container say. */
  readonly graceOverride?: number;
  /** Resolves when it is this container's turn. */
  readonly turn?: Promise<void>;
  /** Gives up the current stop, so that another with less time can follow. */
  readonly signal?: AbortSignal;
}

/** @throws CriError when it cannot be stopped; Source: killContainer */
export async function killContainer(request: ContainerKillRequest, deps: KillDeps): Promise<void> {
  const { pod, container, id, signal } = request;
  deps.events.container(
    pod,
    container.name,
    'Normal',
    'Killing',
    request.message === '' ? `Stopping container ${container.name}` : request.message,
  );
  let grace = request.graceOverride ?? graceSeconds(pod, container, request.reason);
  const started = deps.clock.monotonic();
  const left = (): number => grace - Math.floor((deps.clock.monotonic() - started) / 1000);

  if (container.lifecycle?.preStop !== undefined && grace > 0) await preStop(request, grace, deps);
  if (request.turn !== undefined && left() > 0) {
    await within(left() * 1000, request.turn, deps.clock, signal);
  }
  grace = Math.max(MIN_GRACE_SECONDS, left());
  try {
    await deps.runtime.stopContainer({ containerId: id, timeout: grace }, signal === undefined ? {} : { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Runs until it ends, its time is over or the kill is given up. Source: executePreStopHook. */
async function preStop({ pod, container, id, podIP, signal }: ContainerKillRequest, grace: number, deps: KillDeps): Promise<void> {
  const handler = container.lifecycle?.preStop;
  if (handler === undefined) return;
  const stop = new AbortController();
  const signals = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const hook = runHook({ handler, pod, container, containerId: id, podIP, signal: signals }, deps.runtime, deps.clock).catch(
    (error: unknown) => {
      if (stop.signal.aborted || signal?.aborted === true) return;
      if (!(error instanceof HookError)) throw error;
      deps.logger.warn('PreStop hook failed', { pod: podLabel(pod), container: container.name, error });
      // What a server answered may be secret, so it is not shown.
      deps.events.container(pod, container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
    },
  );
  await within(grace * 1000, hook, deps.clock, signal);
  stop.abort(new Error('the grace period is over'));
}

/** Resolves when `work` does or after `ms`; rejects when the signal aborts. */
async function within(ms: number, work: Promise<void>, clock: Clock, signal?: AbortSignal): Promise<void> {
  const done = new AbortController();
  const signals = signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]);
  const timer = wait(clock, ms, signals).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
  });
  try {
    await Promise.race([work, timer]);
  } finally {
    done.abort(new Error('no longer waited for'));
  }
}

export interface PodKillRequest {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly graceOverride?: number;
  readonly signal?: AbortSignal;
}

/**
 * Stops every running container side by side, sidecars in their turn, then all sandboxes.
 * @throws CriError the first failure, after all were tried; Source: killPodWithSyncResult
 */
export async function killPod({ pod, runtime, graceOverride, signal }: PodKillRequest, deps: PodKillDeps): Promise<void> {
  const running = runtime.containers.filter((container) => isRunning(container) || container.state === 'unknown');
  const order = terminationOrder(pod.spec, new Set(running.map(({ name }) => name)));
  const ends = new Map<string, Promise<void>>();
  const waiting = new Map<string, PromiseWithResolvers<void>>(running.map(({ name }) => [name, Promise.withResolvers<void>()]));
  for (const instance of running) {
    const { name, id } = instance;
    const container = findContainer(pod, name)?.container ?? (await restoredSpec(instance, deps.runtime));
    const before = order.get(name);
    const turn = before === undefined ? undefined : endOfAll(before, waiting);
    const end = killContainer(
      {
        pod,
        container,
        id,
        message: '',
        reason: 'Unknown',
        podIP: addressesOf(pod, runtime.ips, deps)[0] ?? '',
        ...(graceOverride === undefined ? {} : { graceOverride }),
        ...(turn === undefined ? {} : { turn }),
        ...(signal === undefined ? {} : { signal }),
      },
      deps,
    ).finally(() => waiting.get(name)?.resolve());
    ends.set(id, end);
  }
  const outcomes = await Promise.allSettled(ends.values());
  const stopped = await Promise.allSettled(runtime.sandboxes.map(({ id }) => stopSandbox(id, deps.runtime)));
  for (const outcome of [...outcomes, ...stopped]) if (outcome.status === 'rejected') throw outcome.reason;
}

async function endOfAll(names: readonly string[], waiting: ReadonlyMap<string, PromiseWithResolvers<void>>): Promise<void> {
  for (const name of names) await waiting.get(name)?.promise;
}

async function stopSandbox(podSandboxId: string, runtime: RuntimeService): Promise<void> {
  try {
    await runtime.stopPodSandbox({ podSandboxId });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** What a container's annotations tell about a spec that is gone. Source: restoreSpecsFromContainerLabels. */
async function restoredSpec(instance: RuntimeContainer, runtime: RuntimeService): Promise<AnyContainer> {
  const blank: AnyContainer = {
    name: instance.name,
    image: instance.image,
    resources: {},
    terminationMessagePath: '',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
  };
  try {
    const { status } = await runtime.containerStatus({ containerId: instance.id });
    const notes = readNotes(status?.annotations ?? {});
    return {
      ...blank,
      ports: notes.ports,
      terminationMessagePath: notes.terminationMessagePath,
      ...(notes.preStop === undefined ? {} : { lifecycle: { preStop: notes.preStop } }),
    };
  } catch (error) {
    if (error instanceof CriError) return blank; // it is stopped without its hook
    throw error;
  }
}

/** The pod of containers whose API object is gone, as far as the runtime remembers it. Source: kubecontainer.Pod.ToAPIPod. */
export async function restoredPod(runtimePod: RuntimePod, runtime: RuntimeService): Promise<Pod> {
  const { uid, name, namespace } = runtimePod;
  const first = runtimePod.containers.find(isRunning) ?? runtimePod.containers[0];
  const { status } = first === undefined ? { status: undefined } : await runtime.containerStatus({ containerId: first.id });
  const notes = readNotes(status?.annotations ?? {});
  const grace = notes.terminationGracePeriodSeconds ?? MIN_GRACE_SECONDS;
  const spec: PodSpec = {
    containers: [],
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: grace,
    dnsPolicy: 'Default',
    securityContext: {},
    schedulerName: '',
    enableServiceLinks: false,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion: '',
      creationTimestamp: '1970-01-01T00:00:00Z',
      ...(notes.deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds: notes.deletionGracePeriodSeconds }),
    },
    spec,
    status: { phase: 'Unknown', qosClass: 'BestEffort' },
  };
}
