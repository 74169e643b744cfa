// The steps of a pod's life on this node: sync, terminate, release, forget. Source: kubelet.go SyncPod and its siblings.
import { mkdir } from 'node:fs/promises';
import { isPodPhaseTerminal } from '#api/pods.ts';
import type { ResourceStatus } from '#api/gen/core-v1.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod, PodStatus, Secret } from '#api/types.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { ConnectionError } from '#client/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { AllocationManager } from '../allocation/allocation-manager.ts';
import type { CgroupManager } from '../cgroups/cgroup-manager.ts';
import { CgroupError } from '../cgroups/errors.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { Pleg } from '../pleg/pleg.ts';
import type { PodActions } from '../pod-actions/actions.ts';
import type { PodStartup } from '../metrics/pod-startup.ts';
import { computePodActions, type PodObserved } from '../pod-actions/plan.ts';
import { isHostNetworkPod, isStaticPod, podLabel } from '../pod/identity.ts';
import { timeOf } from '../pod/times.ts';
import type { ProbeManager } from '../probes/probe-manager.ts';
import type { PodReferences } from '../references/pod-references.ts';
import { Backoff } from '../runtime/backoff.ts';
import { absentPod, containerIdString, hasRunningContainers, isRunning, type RuntimePod } from '../runtime/runtime-pod.ts';
import { killPod } from '../runtime/kill.ts';
import { syncPod, type SyncDeps, type SyncResult } from '../runtime/sync-pod.ts';
import type { StartFailure } from '../status/container-statuses.ts';
import type { StatusManager } from '../status/manager.ts';
import { withResourceHealth } from '../status/resource-health.ts';
import { podStatusOf, type UndatedStatus, type Verdict } from '../status/pod-status.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { PassOutcome, PodSteps, Stop } from './worker.ts';

export interface PodStepsDeps extends SyncDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: KubeletEvents;
  readonly paths: KubeletPaths;
  readonly pleg: Pleg;
  readonly probes: ProbeManager;
  readonly status: StatusManager;
  readonly volumes: VolumeManager;
  readonly cgroups: CgroupManager;
  /** `containerd` */
  readonly runtimeName: () => string;
  /** Why pods have no network; empty when they have. */
  readonly networkProblems: () => readonly string[];
  readonly references: PodReferences;
  readonly allocations: AllocationManager;
  readonly startup: PodStartup;
  /** Another pod of that name has not ended. */
  readonly nameTaken: (pod: Pod) => boolean;
  /** Makes the API copy of a static pod. */
  readonly ensureMirror: (pod: Pod) => Promise<void>;
  /** The pod's ends are over: everything kept about it elsewhere may go. */
  readonly released: (pod: Pod) => void;
  readonly forgotten: (pod: Pod) => Promise<void>;
}

/** Source: activeDeadlineHandler. */
const DEADLINE: Verdict = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
/** Pace while the node has no network, or a name is still taken, milliseconds. */
const WAIT_MS = 2000;
/** Wait after a sandbox could not be made, doubled up to the longest, milliseconds. Source: backOffPeriod. */
const SANDBOX_RETRY_MIN_MS = 500;
const SANDBOX_RETRY_MAX_MS = 10_000;
/** Steps taken at once for one pod before others have their turn. */
const MAX_STEPS = 8;

export class KubeletPodSteps implements PodSteps {
  readonly #deps: PodStepsDeps;
  /** Why containers did not start, by pod uid and container name. Source: reasonCache. */
  readonly #failures = new Map<string, Map<string, StartFailure>>();

  /** Of pods whose sandbox could not be made. */
  readonly #sandboxBackoff: Backoff;

  constructor(deps: PodStepsDeps) {
    this.#deps = deps;
    this.#sandboxBackoff = new Backoff(deps.clock, SANDBOX_RETRY_MIN_MS, SANDBOX_RETRY_MAX_MS);
  }

  async sync(given: Pod, signal: AbortSignal): Promise<PassOutcome> {
    const deps = this.#deps;
    const pod = deps.allocations.allocated(given);
    const { uid } = pod.metadata;
    deps.references.hold(pod);
    let runtime = (await deps.pleg.refresh(uid)) ?? absentPod(pod, deps.clock.monotonic());

    const verdict = this.#deadlineVerdict(pod);
    if (verdict !== undefined) deps.events.pod(pod, 'Normal', verdict.reason, verdict.message);
    const status = this.publish(pod, runtime, { terminal: false, ...(verdict === undefined ? {} : { verdict }) });
    if (isPodPhaseTerminal(status.phase)) return { kind: 'over', verdict };

    const wait = await this.#prepare(pod, runtime, signal);
    if (wait !== undefined) return wait;
    const secrets = await this.#pullSecrets(pod);
    deps.probes.add(pod);

    // One pass may call for another at once: a sandbox, then init containers, then the rest.
    for (let step = 0; step < MAX_STEPS; step++) {
      if (signal.aborted) return { kind: 'rest' };
      const actions = computePodActions({
        pod,
        runtime,
        probes: this.#verdicts(uid),
        actuated: ({ name }) => deps.allocations.actuated(uid, name),
        actuatedPod: deps.allocations.actuatedPod(uid),
      });
      if (isNothing(actions)) return this.#rest(pod);
      const hold = actions.fate.kind === 'recreate' ? this.#sandboxBackoff.leftSinceUpdate(uid) : 0;
      if (hold > 0) return { kind: 'again', inMs: this.#untilDeadline(pod, hold) };
      const result = await syncPod({ pod, runtime, actions, secrets, signal }, deps);
      this.#remember(uid, result);
      deps.pleg.hasten();
      runtime = (await deps.pleg.refresh(uid)) ?? absentPod(pod, deps.clock.monotonic());
      const after = this.publish(pod, runtime, { terminal: false });
      if (result.error !== undefined) {
        deps.logger.warn('Error syncing pod, skipping', { pod: podLabel(pod), error: result.error });
        this.#sandboxBackoff.next(uid, deps.clock.now());
        return { kind: 'again', inMs: this.#untilDeadline(pod, this.#sandboxBackoff.get(uid)) };
      }
      this.#sandboxBackoff.forget(uid);
      if (isPodPhaseTerminal(after.phase)) return { kind: 'over', verdict: undefined };
      if (result.retryInMs !== undefined && result.retryInMs > 0)
        return { kind: 'again', inMs: this.#untilDeadline(pod, result.retryInMs) };
    }
    return { kind: 'again', inMs: WAIT_MS };
  }

  /** Source: SyncTerminatingPod. */
  async terminate(pod: Pod, { graceSeconds, verdict }: Stop, signal: AbortSignal): Promise<void> {
    const deps = this.#deps;
    const { uid } = pod.metadata;
    let runtime = (await deps.pleg.refresh(uid)) ?? absentPod(pod, deps.clock.monotonic());
    this.publish(pod, runtime, { terminal: false, ...(verdict === undefined ? {} : { verdict }) });
    deps.probes.stopLivenessAndStartup(uid);
    try {
      await killPod({ pod, runtime, graceOverride: graceSeconds, signal }, deps);
    } catch (error) {
      if (error instanceof CriError && !signal.aborted)
        deps.events.pod(pod, 'Warning', 'FailedKillPod', `error killing pod: ${error.message}`);
      throw error;
    }
    deps.probes.remove(uid);
    runtime = (await deps.pleg.refresh(uid)) ?? absentPod(pod, deps.clock.monotonic());
    if (hasRunningContainers(runtime)) throw new Error('detected running containers after a successful KillPod, CRI violation');
    this.#failures.delete(uid);
    // Before the API hears that the pod is over: its claims are free for others then. Source: SyncTerminatingPod.
    await deps.dra.unprepare(pod);
    this.publish(pod, runtime, { terminal: true, ...(verdict === undefined ? {} : { verdict }) });
  }

  /** Source: SyncTerminatedPod. */
  async release(pod: Pod): Promise<void> {
    const deps = this.#deps;
    const { uid } = pod.metadata;
    await deps.volumes.unmount(uid);
    await deps.cgroups.destroyPod(pod);
    deps.released(pod);
    deps.status.terminate(pod);
  }

  async forget(pod: Pod): Promise<void> {
    const deps = this.#deps;
    const { uid } = pod.metadata;
    this.#failures.delete(uid);
    this.#sandboxBackoff.forget(uid);
    deps.probes.remove(uid);
    deps.status.forget(uid);
    deps.images.forget(uid);
    deps.crashBackoff.forget(`${uid}_`);
    await deps.forgotten(pod);
    await deps.volumes.removeDirectory(uid);
  }

  /** Computes the pod's status from what is known now and hands it on. */
  publish(pod: Pod, runtime: RuntimePod, how: { readonly terminal: boolean; readonly verdict?: Verdict }): UndatedStatus {
    const { status, probes, hostIPs, runtimeName, allocations, startup } = this.#deps;
    const { uid } = pod.metadata;
    allocations.settle(pod, new Set(runtime.containers.filter(isRunning).map(({ name }) => name)));
    const found = podStatusOf({
      pod,
      runtime,
      runtimeName: runtimeName(),
      previous: status.get(uid) ?? pod.status,
      failureOf: (name) => this.#failures.get(uid)?.get(name),
      probes,
      hostIPs: hostIPs(),
      resizeConditions: how.terminal ? [] : allocations.conditions(pod),
      actuated: allocations.actuatedPod(uid),
      actuatedContainer: (name) => allocations.actuated(uid, name),
      ...how,
    });
    const computed = withResourceHealth(found, (name) => this.#healthOf(pod, name));
    startup.published(uid, status.get(uid)?.phase, computed);
    status.set(pod, computed);
    probes.observe(pod, status.get(uid) ?? (computed as PodStatus));
    return computed;
  }

  #healthOf(pod: Pod, name: string): readonly ResourceStatus[] {
    const { devices, dra } = this.#deps;
    const container = pod.spec.containers.find((each) => each.name === name);
    return container === undefined ? [] : [...devices.healthOf(pod, container), ...dra.healthOf(pod, container)];
  }

  #verdicts(uid: string): PodObserved['probes'] {
    const { probes, runtimeName } = this.#deps;
    const idOf = (id: string): string => containerIdString(runtimeName(), id);
    return { liveness: (id) => probes.liveness(uid, idOf(id)), startup: (id) => probes.startup(uid, idOf(id)) };
  }

  /** What must be there before containers can start; the outcome of the pass when it is not. */
  async #prepare(pod: Pod, runtime: RuntimePod, signal: AbortSignal): Promise<PassOutcome | undefined> {
    const { events, logger, networkProblems, nameTaken, paths, cgroups, volumes, ensureMirror } = this.#deps;
    const { uid } = pod.metadata;
    const network = networkProblems();
    if (network.length > 0 && !isHostNetworkPod(pod)) {
      events.pod(pod, 'Warning', 'NetworkNotReady', `network is not ready: ${network.join(', ')}`);
      return { kind: 'again', inMs: WAIT_MS };
    }
    if (isStaticPod(pod)) {
      if (nameTaken(pod)) return { kind: 'again', inMs: WAIT_MS };
      await ensureMirror(pod);
    }
    try {
      await cgroups.ensurePod(pod);
    } catch (error) {
      if (!(error instanceof CgroupError)) throw error;
      events.pod(pod, 'Warning', 'FailedToCreatePodContainer', `unable to ensure pod container exists: ${error.message}`);
      return { kind: 'again', inMs: WAIT_MS };
    }
    try {
      await mkdir(paths.volumes(uid), { recursive: true, mode: 0o750 });
    } catch (error) {
      events.pod(pod, 'Warning', 'FailedToMakePodDataDirectories', `error making pod data directories: ${(error as Error).message}`);
      return { kind: 'again', inMs: WAIT_MS };
    }
    const outcome = await volumes.mount(pod, signal);
    // What runs goes on running while a volume cannot be brought up to date.
    if (outcome.kind === 'ready' || hasRunningContainers(runtime)) return undefined;
    logger.debug(outcome.message, { pod: podLabel(pod) });
    return { kind: 'again', inMs: outcome.retryInMs };
  }

  /** Source: getPullSecretsForPod. */
  async #pullSecrets(pod: Pod): Promise<readonly Secret[]> {
    const found: Secret[] = [];
    const missing: string[] = [];
    for (const { name } of pod.spec.imagePullSecrets ?? []) {
      if (name === undefined || name === '') continue;
      try {
        found.push(await this.#deps.references.secret(pod.metadata.namespace, name));
      } catch (error) {
        if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
        missing.push(name);
      }
    }
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`;
      this.#deps.events.pod(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message);
    }
    return found;
  }

  #remember(uid: string, { starts }: SyncResult): void {
    if (starts.size === 0) return;
    const known = this.#failures.get(uid) ?? new Map<string, StartFailure>();
    for (const [name, failure] of starts) {
      if (failure === undefined) known.delete(name);
      else known.set(name, { reason: failure.reason, message: failure.message });
    }
    this.#failures.set(uid, known);
  }

  #rest(pod: Pod): PassOutcome {
    const left = this.#untilDeadline(pod, Infinity);
    return left === Infinity ? { kind: 'rest' } : { kind: 'again', inMs: left };
  }

  #deadlineVerdict(pod: Pod): Verdict | undefined {
    return this.#untilDeadline(pod, Infinity) <= 0 ? DEADLINE : undefined;
  }

  /** Milliseconds until the pod's deadline or `other`, whichever is sooner. */
  #untilDeadline(pod: Pod, other: number): number {
    const { activeDeadlineSeconds } = pod.spec;
    const started = timeOf(this.#deps.status.get(pod.metadata.uid)?.startTime ?? pod.status.startTime);
    if (activeDeadlineSeconds === undefined || started === undefined) return other;
    return Math.min(other, started + Number(activeDeadlineSeconds) * 1000 - this.#deps.clock.now());
  }
}

function isNothing({ fate, kills, startEphemeral, startInit, startContainers, resizes, resizePod, resets }: PodActions): boolean {
  const lists = [kills, startEphemeral, startInit, startContainers, resizes, resets];
  return fate.kind === 'keep' && !resizePod && lists.every((list) => list.length === 0);
}
