// One worker a pod: passes over the pod follow one another, each with the newest the kubelet knows, until it has ended.
import { isPodPhaseTerminal } from '#api/pods.ts';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { PodStartup } from '../metrics/pod-startup.ts';
import type { Verdict } from '../status/pod-status.ts';
import { podFullName, podLabel } from '../pod/identity.ts';
import { effectiveGrace, MIN_GRACE_SECONDS, newWorker, type PodStage, type PodSteps, type StopRequest, type Worker } from './worker.ts';

/** Wait after a pass that broke, doubled up to the longest, milliseconds. Source: workQueue backOffPeriod. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 10_000;
/** A pass is made at least so often even when nothing was noticed, milliseconds. Source: syncFrequency. */
const RESYNC_MS = 60_000;
export interface PodWorkersDeps {
  readonly steps: PodSteps;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  readonly startup: PodStartup;
  /** A pod that was gone from its source and is back has ended: it may begin anew. */
  readonly returned: (uid: string) => void;
}

/** Source: pkg/kubelet/pod_workers.go. */
export class PodWorkers {
  readonly #deps: PodWorkersDeps;
  readonly #workers = new Map<string, Worker>();
  #stopped = false;
  #idle = Promise.withResolvers<void>();
  #busy = 0;

  constructor(deps: PodWorkersDeps) {
    this.#deps = deps;
  }

  /** A source has this pod, new or changed. */
  update(pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = this.#workers.get(uid) ?? this.#create(pod);
    worker.returned = worker.removed;
    worker.changed ??= worker.pod === pod ? 'create' : 'update';
    worker.pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined || (worker.stage === 'syncing' && isPodPhaseTerminal(pod.status.phase)))
      this.#terminate(worker);
    this.#wake(worker);
  }

  /** The API shows another status of the pod: readiness gates and conditions of others may call for a pass. */
  observe(pod: Pod): void {
    const worker = this.#workers.get(pod.metadata.uid);
    if (worker === undefined) return;
    const { conditions, phase } = worker.pod.status;
    worker.pod = pod;
    if (worker.stage === 'syncing' && isPodPhaseTerminal(pod.status.phase) && !isPodPhaseTerminal(phase)) this.update(pod);
    else if (pod.spec.readinessGates !== undefined && !isDeepStrictEqual(conditions, pod.status.conditions)) this.#wake(worker);
  }

  /** No source has the pod any more; its containers are stopped if they were not. */
  remove(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker === undefined) return;
    worker.removed = true;
    worker.returned = false;
    this.#terminate(worker);
    this.#wake(worker);
  }

  /** The runtime has containers of a pod that no source knows: they are stopped. */
  adoptOrphan(pod: Pod): void {
    if (this.#workers.has(pod.metadata.uid)) return;
    const worker = this.#create(pod);
    this.#deps.metrics.orphanedRuntimePods.of().add();
    worker.removed = true;
    worker.override = MIN_GRACE_SECONDS;
    this.#terminate(worker);
    this.#wake(worker);
  }

  /** Ends a pod whose object stays: eviction, a deadline, a critical pod that needs the room. */
  stopPod(uid: string, { graceSeconds, verdict }: StopRequest): void {
    const worker = this.#workers.get(uid);
    if (worker === undefined) return;
    if (graceSeconds !== undefined) worker.override = Math.min(worker.override ?? Infinity, graceSeconds);
    worker.verdict ??= verdict;
    this.#terminate(worker);
    this.#wake(worker);
  }

  /** Something about the pod may have changed. */
  wake(uid: string): void {
    const worker = this.#workers.get(uid);
    if (worker !== undefined) this.#wake(worker);
  }

  stage(uid: string): PodStage | undefined {
    return this.#workers.get(uid)?.stage;
  }

  pod(uid: string): Pod | undefined {
    return this.#workers.get(uid)?.pod;
  }

  /** Why the kubelet ends the pod of its own accord; undefined when it does not. */
  verdict(uid: string): Verdict | undefined {
    return this.#workers.get(uid)?.verdict;
  }

  uids(): Iterable<string> {
    return this.#workers.keys();
  }

  isTerminationRequested(uid: string): boolean {
    const stage = this.stage(uid);
    return stage !== undefined && stage !== 'syncing';
  }

  /** Source: CouldHaveRunningContainers. */
  mayRun(uid: string): boolean {
    const stage = this.stage(uid);
    return stage === 'syncing' || stage === 'terminating';
  }

  /** Another pod of that name has not ended yet: a static pod whose manifest changed. Source: allowPodStart. */
  nameTaken(pod: Pod): boolean {
    const name = podFullName(pod);
    for (const { pod: other, stage } of this.#workers.values()) {
      if (other.metadata.uid !== pod.metadata.uid && podFullName(other) === name && stage !== 'finished') return true;
    }
    return false;
  }

  /** Resolves when nothing of the pod can run any more. */
  whenStopped(uid: string): Promise<void> {
    const worker = this.#workers.get(uid);
    if (worker === undefined || !this.mayRun(uid)) return Promise.resolve();
    return worker.stopped.promise;
  }

  /** Resolves when nothing is left of the pod on the node but its object: volumes and cgroups were given back. */
  whenReleased(uid: string): Promise<void> {
    const worker = this.#workers.get(uid);
    return worker === undefined || worker.stage === 'finished' ? Promise.resolve() : worker.released.promise;
  }

  /** Begins no more passes; resolves when those under way are over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const worker of this.#workers.values()) {
      worker.timer?.();
      worker.abort.abort(new Error('the kubelet stops'));
    }
    if (this.#busy > 0) await this.#idle.promise;
  }

  #create(pod: Pod): Worker {
    const worker = newWorker(pod);
    this.#workers.set(pod.metadata.uid, worker);
    this.#deps.startup.workerStarted(pod.metadata.uid);
    this.#deps.metrics.containersPerPod.of().observe(pod.spec.containers.length);
    return worker;
  }

  /** Moves to terminating, or shortens the time of what is terminating; the pass under way gives up waiting. */
  #terminate(worker: Worker): void {
    const grace = effectiveGrace(worker);
    if (worker.stage === 'syncing') worker.stage = 'terminating';
    else if (worker.stage !== 'terminating' || worker.grace === undefined || grace >= worker.grace) return;
    worker.grace = grace;
    worker.abort.abort(new Error('the pod is to end'));
  }

  #wake(worker: Worker): void {
    worker.wanted = true;
    if (worker.running || this.#stopped) return;
    worker.running = true;
    this.#busy++;
    // What else changes in this turn is seen by the same pass.
    queueMicrotask(() => {
      void this.#run(worker).finally(() => {
        worker.running = false;
        this.#busy--;
        if (this.#stopped && this.#busy === 0) this.#idle.resolve();
      });
    });
  }

  async #run(worker: Worker): Promise<void> {
    const { clock, logger } = this.#deps;
    while (worker.wanted && !this.#stopped) {
      worker.wanted = false;
      worker.timer?.();
      worker.timer = undefined;
      const began = clock.monotonic();
      const operation = operationOf(worker);
      if (worker.abort.signal.aborted) worker.abort = new AbortController();
      try {
        const next = await this.#pass(worker);
        worker.failures = 0;
        if (next !== undefined) this.#arm(worker, next);
      } catch (error) {
        if (this.#stopped) return;
        if (worker.abort.signal.aborted) {
          worker.wanted = true; // given up on purpose: there is something else to do
          continue;
        }
        const retryMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** worker.failures);
        worker.failures++;
        logger.warn('Error syncing pod, skipping', { pod: podLabel(worker.pod), stage: worker.stage, error });
        worker.timer = clock.after(retryMs, () => this.#wake(worker));
      } finally {
        this.#deps.metrics.podWorkerDuration.of(operation).observe((clock.monotonic() - began) / 1000);
      }
    }
  }

  #arm(worker: Worker, inMs: number): void {
    worker.timer = this.#deps.clock.after(inMs, () => this.#wake(worker));
  }

  /** One step; milliseconds until the next by time alone, or undefined when only a change calls for one. */
  async #pass(worker: Worker): Promise<number | undefined> {
    const { steps } = this.#deps;
    const { pod } = worker;
    switch (worker.stage) {
      case 'syncing': {
        const outcome = await steps.sync(pod, worker.abort.signal);
        if (outcome.kind === 'over') {
          worker.verdict ??= outcome.verdict;
          this.#terminate(worker);
          worker.wanted = true;
          return undefined;
        }
        return outcome.kind === 'again' ? Math.min(outcome.inMs, RESYNC_MS) : RESYNC_MS;
      }
      case 'terminating': {
        const graceSeconds = worker.grace ?? effectiveGrace(worker);
        await steps.terminate(pod, { graceSeconds, verdict: worker.verdict }, worker.abort.signal);
        worker.stage = 'terminated';
        worker.stopped.resolve();
        worker.wanted = true;
        return undefined;
      }
      case 'terminated':
        await steps.release(pod);
        worker.stage = 'finished';
        worker.released.resolve();
        worker.wanted = true;
        return undefined;
      case 'finished':
        if (!worker.removed) return undefined;
        // Until nothing is left of it no other worker takes what it leaves for its own.
        await steps.forget(pod);
        this.#workers.delete(pod.metadata.uid);
        worker.wanted = false; // what woke it meanwhile is for who comes next
        if (worker.returned) this.#deps.returned(pod.metadata.uid);
        return undefined;
    }
  }
}

/** Label of the pass that comes next. Source: SyncPodType. */
function operationOf(worker: Worker): 'create' | 'update' | 'sync' | 'kill' {
  const { stage, changed } = worker;
  worker.changed = undefined;
  return stage === 'syncing' ? (changed ?? 'sync') : 'kill';
}
