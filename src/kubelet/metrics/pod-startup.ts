// How long pods take to start, as the service levels of pod start-up measure it. Source: pkg/kubelet/util pod_startup_latency_tracker.go.
import { isPodPhaseTerminal, isSidecar } from '#api/pods.ts';
import type { Pod, PodStatus } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import { isHostNetworkPod } from '../pod/identity.ts';
import { timeOf } from '../pod/times.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

interface Starting {
  /** When this kubelet first saw it, milliseconds since the epoch. */
  readonly seenAt: number;
  /** Pulls under way. */
  pulls: number;
  /** Since when there are some. */
  pullingSince: number;
  /** Time with at least one pull under way, milliseconds. */
  pulledMs: number;
  /** This kubelet saw all containers run; the API is yet to show it. */
  runs: boolean;
}

/** Only of pods that nobody had begun to run when this kubelet first saw them. */
export class PodStartup {
  readonly #metrics: KubeletMetrics;
  readonly #clock: Clock;
  readonly #starting = new Map<string, Starting>();
  #firstNetworkPod = false;

  constructor(metrics: KubeletMetrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
  }

  /** The API, or a manifest, shows the pod. */
  observed(pod: Pod): void {
    const { uid } = pod.metadata;
    if (isPodPhaseTerminal(pod.status.phase)) return this.forget(uid);
    const known = this.#starting.get(uid);
    if (known === undefined) {
      const { startTime } = pod.status;
      if (startTime === undefined || startTime === null)
        this.#starting.set(uid, { seenAt: this.#clock.now(), pulls: 0, pullingSince: 0, pulledMs: 0, runs: false });
      return;
    }
    if (!known.runs || !allRun(pod.status)) return;
    this.#record(pod, known);
    this.forget(uid);
  }

  /** A worker took the pod up. */
  workerStarted(uid: string): void {
    const known = this.#starting.get(uid);
    if (known !== undefined) this.#metrics.podWorkerStartDuration.of().observe(this.#secondsSince(known.seenAt));
  }

  /** This kubelet found another status for the pod. */
  published(uid: string, before: PodStatus['phase'] | undefined, status: Pick<PodStatus, 'phase' | 'containerStatuses'>): void {
    const known = this.#starting.get(uid);
    if (known === undefined) return;
    if (before !== 'Running' && status.phase === 'Running') this.#metrics.podStartDuration.of().observe(this.#secondsSince(known.seenAt));
    known.runs ||= allRun(status);
  }

  /** A pull begins; call what it returns when that ended. */
  pulling(uid: string): () => void {
    const known = this.#starting.get(uid);
    if (known === undefined) return () => {};
    if (known.pulls++ === 0) known.pullingSince = this.#clock.monotonic();
    return () => {
      if (--known.pulls === 0) known.pulledMs += this.#clock.monotonic() - known.pullingSince;
    };
  }

  forget(uid: string): void {
    this.#starting.delete(uid);
  }

  #secondsSince(then: number): number {
    return Math.max(0, this.#clock.now() - then) / 1000;
  }

  #record(pod: Pod, { pulledMs }: Starting): void {
    const { podStartTotalDuration, podStartSliDuration, firstNetworkPodStartSliDuration } = this.#metrics;
    const total = this.#secondsSince(timeOf(pod.metadata.creationTimestamp) ?? this.#clock.now());
    const own = Math.max(0, total - (pulledMs + initializingMs(pod)) / 1000);
    podStartTotalDuration.of().observe(total);
    if (isStateless(pod)) podStartSliDuration.of().observe(own);
    if (this.#firstNetworkPod || isHostNetworkPod(pod)) return;
    this.#firstNetworkPod = true;
    firstNetworkPodStartSliDuration.of().set(own);
  }
}

/** Source: hasPodStartedSLO. */
function allRun({ containerStatuses = [] }: Pick<PodStatus, 'containerStatuses'>): boolean {
  return containerStatuses.length > 0 && containerStatuses.every(({ state }) => (state.running?.startedAt ?? undefined) !== undefined);
}

/** Time that init containers ran, one after the other, milliseconds. */
function initializingMs({ spec, status }: Pod): number {
  const sidecars = new Set((spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  return (status.initContainerStatuses ?? []).reduce((sum, { name, state }) => {
    const [began, ended] = [timeOf(state.terminated?.startedAt), timeOf(state.terminated?.finishedAt)];
    return sidecars.has(name) || began === undefined || ended === undefined ? sum : sum + ended - began;
  }, 0);
}

/** Whose volumes wait for nothing outside. Source: isStatelessPod. */
function isStateless({ spec }: Pod): boolean {
  return (spec.volumes ?? []).every(
    ({ secret, configMap, downwardAPI, emptyDir, projected }) =>
      (secret ?? configMap ?? downwardAPI ?? emptyDir ?? projected) !== undefined,
  );
}
