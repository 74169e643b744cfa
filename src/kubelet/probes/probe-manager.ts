// The probes of all pods of a node: when each runs, and the verdicts in force.
import { isSidecar } from '#api/pods.ts';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { DEFAULT_BUCKETS, HistogramFamily } from '#base/metrics.ts';
import type { Container, ContainerStatus, Pod, PodStatus, Probe } from '#api/types.ts';
import type { ProbeVerdict } from '../pod-actions/plan.ts';
import { timeOf } from '../pod/times.ts';
import type { ProbeStates } from '../status/pod-status.ts';
import { runProbe, type ProberDeps } from './prober.ts';
import { look, NEW_PROBE, record, type ProbedContainer, type ProbeState, type ProbeType } from './worker-plan.ts';

interface Worker {
  readonly type: ProbeType;
  readonly spec: Probe;
  readonly container: Container;
  pod: Pod;
  state: ProbeState;
  view: ProbedContainer | undefined;
  podIP: string;
  timer: CancelTimer | undefined;
  running: boolean;
  stopped: boolean;
  readonly counts: Record<ProbeOutcome, number>;
}

/** Source: prober.go, labels of ProberResults. */
type ProbeOutcome = 'successful' | 'failed' | 'unknown';

/** How often a probe of a container came out so. */
export interface ProbeCount {
  readonly type: ProbeType;
  readonly pod: Pod;
  readonly container: string;
  readonly outcome: ProbeOutcome;
  readonly count: number;
}

export interface ProbeManagerDeps extends ProberDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** A verdict changed. */
  readonly changed: (podUid: string, type: ProbeType) => void;
}

/** Source: pkg/kubelet/prober. */
export class ProbeManager implements ProbeStates {
  readonly #deps: ProbeManagerDeps;
  readonly #workers = new Map<string, Map<string, Worker>>();
  readonly #started: number;
  readonly #seconds = new HistogramFamily(
    'prober_probe_duration_seconds',
    'Duration in seconds for a probe response.',
    ['probe_type', 'container', 'pod', 'namespace'],
    DEFAULT_BUCKETS,
  );

  constructor(deps: ProbeManagerDeps) {
    this.#deps = deps;
    this.#started = deps.clock.monotonic();
  }

  /** Begins probing the pod's containers; known ones stay as they are. */
  add(pod: Pod): void {
    const known = this.#workers.get(pod.metadata.uid) ?? new Map<string, Worker>();
    for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)]) {
      for (const [type, spec] of probesOf(container)) {
        const key = `${container.name}/${type}`;
        if (known.has(key)) continue;
        known.set(key, {
          type,
          spec,
          container,
          pod,
          state: NEW_PROBE,
          view: undefined,
          podIP: '',
          timer: undefined,
          running: false,
          stopped: false,
          counts: { successful: 0, failed: 0, unknown: 0 },
        });
      }
    }
    if (known.size > 0) this.#workers.set(pod.metadata.uid, known);
  }

  /** The pod's status is this now: containers that started or ended are noticed. */
  observe(pod: Pod, status: PodStatus): void {
    const workers = this.#workers.get(pod.metadata.uid);
    if (workers === undefined) return;
    const statuses = new Map(
      [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map((item) => [item.name, item]),
    );
    for (const worker of workers.values()) {
      worker.pod = pod;
      worker.podIP = status.podIP ?? '';
      const before = worker.view;
      worker.view = viewOf(statuses.get(worker.container.name));
      if (!same(before, worker.view)) this.#turn(worker);
    }
  }

  /** The pod is being ended: only readiness goes on. Source: StopLivenessAndStartup. */
  stopLivenessAndStartup(podUid: string): void {
    for (const worker of this.#workers.get(podUid)?.values() ?? []) if (worker.type !== 'Readiness') this.#stop(worker);
  }

  remove(podUid: string): void {
    for (const worker of this.#workers.get(podUid)?.values() ?? []) {
      this.#stop(worker);
      this.#seconds.forget(...labelsOf(worker));
    }
    this.#workers.delete(podUid);
  }

  stop(): void {
    for (const uid of [...this.#workers.keys()]) this.remove(uid);
  }

  /** How long probes took that did not fail, Prometheus' text format. */
  durations(): string {
    return this.#seconds.expose();
  }

  /** Of all probes there are now, outcomes that came about. */
  counts(): readonly ProbeCount[] {
    return [...this.#workers.values()].flatMap((of) =>
      [...of.values()].flatMap(({ type, pod, container, counts }) =>
        Object.entries(counts)
          .filter(([, count]) => count > 0)
          .map(([outcome, count]) => ({ type, pod, container: container.name, outcome: outcome as ProbeOutcome, count })),
      ),
    );
  }

  liveness(podUid: string, containerID: string): ProbeVerdict | undefined {
    return this.#verdict(podUid, 'Liveness', containerID);
  }

  startup(podUid: string, containerID: string): ProbeVerdict | undefined {
    return this.#verdict(podUid, 'Startup', containerID);
  }

  /** Source: isContainerStarted. */
  started(podUid: string, containerName: string, containerID: string): boolean {
    const worker = this.#workers.get(podUid)?.get(`${containerName}/Startup`);
    return worker === undefined || (worker.state.containerID === containerID && worker.state.verdict === 'success');
  }

  ready(podUid: string, containerName: string, containerID: string): boolean {
    const worker = this.#workers.get(podUid)?.get(`${containerName}/Readiness`);
    return worker === undefined || (worker.state.containerID === containerID && worker.state.verdict === 'success');
  }

  #verdict(podUid: string, type: ProbeType, containerID: string): ProbeVerdict | undefined {
    for (const worker of this.#workers.get(podUid)?.values() ?? []) {
      if (worker.type === type && worker.state.containerID === containerID) return worker.state.verdict;
    }
    return undefined;
  }

  #stop(worker: Worker): void {
    worker.stopped = true;
    worker.timer?.();
    worker.timer = undefined;
  }

  /** Looks what to do now, and does it or arms the next look. */
  #turn(worker: Worker): void {
    if (worker.stopped || worker.running) return;
    worker.timer?.();
    worker.timer = undefined;
    const { type, spec, view, pod } = worker;
    const deleting = pod.metadata.deletionTimestamp !== undefined;
    const { clock } = this.#deps;
    const moment = { now: clock.now(), monotonic: clock.monotonic() };
    const { state, next } = look(worker.state, { type, spec, container: view, deleting, ...moment });
    this.#assume(worker, state);
    if (next.kind === 'wait') worker.timer = clock.after(next.ms, () => this.#turn(worker));
    if (next.kind === 'probe') this.#begin(worker);
  }

  /** After a restart of the kubelet the first probes are spread over a period. Source: worker.run. */
  #begin(worker: Worker): void {
    const periodMs = worker.spec.periodSeconds * 1000;
    const { clock, ids } = this.#deps;
    const justStarted = clock.monotonic() - this.#started < periodMs;
    const longRunning = (worker.view?.startedAt ?? 0) < clock.now() - (clock.monotonic() - this.#started);
    if (justStarted && longRunning && worker.state.lastResult === undefined) {
      worker.timer = clock.after(ids.fraction() * periodMs, () => this.#probe(worker));
    } else this.#probe(worker);
  }

  #probe(worker: Worker): void {
    const { view, podIP, type, spec, pod, container } = worker;
    if (view === undefined || worker.stopped) return;
    worker.timer = undefined;
    worker.running = true;
    const began = this.#deps.clock.monotonic();
    runProbe({ type, spec, pod, container, containerID: view.containerID, podIP }, this.#deps).then(
      (result) => {
        worker.running = false;
        if (worker.stopped) return;
        worker.counts[result === undefined ? 'unknown' : result === 'success' ? 'successful' : 'failed']++;
        // Source: doProbe, which does not measure what failed.
        if (result !== 'failure') this.#seconds.of(...labelsOf(worker)).observe((this.#deps.clock.monotonic() - began) / 1000);
        if (result !== undefined && worker.view?.containerID === view.containerID)
          this.#assume(worker, record(worker.state, type, spec, result));
        const spent = this.#deps.clock.monotonic() - began;
        if (same(worker.view, view))
          worker.timer = this.#deps.clock.after(Math.max(0, spec.periodSeconds * 1000 - spent), () => this.#turn(worker));
        else this.#turn(worker);
      },
      (error: unknown) => {
        worker.running = false;
        this.#deps.logger.error('A probe broke', { pod: pod.metadata.name, container: container.name, type, error });
        worker.timer = this.#deps.clock.after(spec.periodSeconds * 1000, () => this.#turn(worker));
      },
    );
  }

  #assume(worker: Worker, state: ProbeState): void {
    const before = worker.state;
    worker.state = state;
    if (before.verdict !== state.verdict || before.containerID !== state.containerID)
      this.#deps.changed(worker.pod.metadata.uid, worker.type);
  }
}

/** In the order of the names of `prober_probe_duration_seconds`. */
const labelsOf = ({ type, container, pod: { metadata } }: Worker): readonly string[] => [
  type,
  container.name,
  metadata.name,
  metadata.namespace,
];

function probesOf(container: Container): readonly (readonly [ProbeType, Probe])[] {
  const { startupProbe, readinessProbe, livenessProbe } = container;
  return [
    ...(startupProbe === undefined ? [] : [['Startup', startupProbe] as const]),
    ...(readinessProbe === undefined ? [] : [['Readiness', readinessProbe] as const]),
    ...(livenessProbe === undefined ? [] : [['Liveness', livenessProbe] as const]),
  ];
}

function viewOf(status: ContainerStatus | undefined): ProbedContainer | undefined {
  if (status === undefined) return undefined;
  const { running } = status.state;
  return {
    containerID: status.containerID ?? '',
    running: running !== undefined,
    startedAt: timeOf(running?.startedAt) ?? 0,
    started: status.started ?? false,
  };
}

function same(a: ProbedContainer | undefined, b: ProbedContainer | undefined): boolean {
  return a?.containerID === b?.containerID && a?.running === b?.running && a?.started === b?.started;
}
