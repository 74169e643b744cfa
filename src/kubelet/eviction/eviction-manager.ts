// Ends pods before the node runs out of memory, disk or processes.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isSystemError } from '#base/system-error.ts';
import type { Pod } from '#api/types.ts';
import { CriError } from '#cri/errors.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { Pressure } from '../node/status.ts';
import { repeat } from '../maintenance/repeat.ts';
import { podKey } from '../pod/identity.ts';
import type { PodWorkers } from '../pod-workers/pod-workers.ts';
import type { NodeFigures, StatsProvider } from '../stats/provider.ts';
import type { PodSummary } from '../stats/summary.ts';
import { type DiskLayout, type EvictionWords, evictionWords, localStorageViolation, rankPods } from './ranking.ts';
import {
  anyHeld,
  CALM,
  observe,
  RESOURCE_OF,
  thresholdsOf,
  type EvictionState,
  type Observations,
  type PressureCondition,
  type Threshold,
} from './thresholds.ts';

/** Time a pod gets when a hard threshold is crossed, seconds. Source: immediateEvictionGracePeriodSeconds. */
const IMMEDIATE_GRACE_SECONDS = 1;
/** Pause after an eviction, so that what it frees is seen, milliseconds. Source: podCleanupTimeout. */
const CLEANUP_MS = 30_000;

export interface EvictionDeps {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  readonly events: KubeletEvents;
  readonly stats: Pick<StatsProvider, 'node' | 'summary'>;
  readonly workers: Pick<PodWorkers, 'stopPod' | 'whenStopped'>;
  /** Pods that run, or may. */
  readonly pods: () => readonly Pod[];
  /** Frees disk without ending pods: dead containers and unused images. */
  readonly reclaimDisk: () => Promise<void>;
  /** Conditions changed. */
  readonly changed: () => void;
}

/** Source: pkg/kubelet/eviction. */
export class EvictionManager {
  readonly #deps: EvictionDeps;
  readonly #thresholds: readonly Threshold[];
  #state: EvictionState = CALM;
  #conditions: readonly PressureCondition[] = [];
  #stop: (() => Promise<void>) | undefined;

  constructor(deps: EvictionDeps) {
    this.#deps = deps;
    this.#thresholds = thresholdsOf(deps.config);
  }

  start(): void {
    const { clock, config } = this.#deps;
    this.#stop = repeat(clock, config.evictionMonitoringPeriod, () => this.synchronize());
  }

  async stop(): Promise<void> {
    await this.#stop?.();
  }

  get conditions(): readonly PressureCondition[] {
    return this.#conditions;
  }

  get pressure(): Pressure {
    const has = (condition: PressureCondition): boolean => this.#conditions.includes(condition);
    return { memory: has('MemoryPressure'), disk: has('DiskPressure'), pid: has('PIDPressure') };
  }

  /** One look at the node; at most one pod is evicted for it. Source: synchronize. */
  async synchronize(): Promise<void> {
    try {
      await this.#synchronize();
    } catch (error) {
      if (!(error instanceof CriError || isSystemError(error))) throw error;
      this.#deps.logger.warn('Eviction manager: failed to get summary stats', { error });
    }
  }

  async #synchronize(): Promise<void> {
    const { config, clock, stats, logger, events } = this.#deps;
    const observedAt = clock.monotonic();
    const figures = await stats.node();
    const observations = observationsOf(figures);
    const before = this.#conditions;
    const { state, conditions, due } = observe(
      this.#state,
      this.#thresholds,
      observations,
      clock.monotonic(),
      config.evictionPressureTransitionPeriod,
    );
    this.#state = state;
    this.#conditions = conditions;
    if (before.length !== conditions.length || before.some((condition) => !conditions.includes(condition))) this.#deps.changed();

    if (await this.#evictForLocalStorage(figures.filesystems)) return;
    const threshold = due[0];
    if (threshold === undefined) return;
    const resource = RESOURCE_OF[threshold.signal];
    logger.warn('Eviction manager: attempting to reclaim', { resource });
    events.node('Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (resource === 'ephemeral-storage' || resource === 'inodes') {
      await this.#deps.reclaimDisk();
      if (!anyHeld(this.#thresholds, observationsOf(await stats.node()))) return;
    }
    await this.#evictOne(threshold, observations, figures.filesystems, observedAt);
  }

  async #evictOne(threshold: Threshold, observations: Observations, layout: DiskLayout, observedAt: number): Promise<void> {
    const { config, clock, logger, stats, pods, metrics } = this.#deps;
    const summaries = byUid((await stats.summary()).pods);
    const ranked = rankPods(pods(), summaries, threshold, layout);
    const victim = ranked[0];
    if (victim === undefined) {
      logger.error('Eviction manager: eviction thresholds have been met, but no pods are active to evict');
      return;
    }
    metrics.evictions.of(threshold.signal).add();
    metrics.evictionStatsAge.of(threshold.signal).observe((clock.monotonic() - observedAt) / 1000);
    const soft = Math.min(config.evictionMaxPodGracePeriod, Number(victim.spec.terminationGracePeriodSeconds ?? Infinity));
    const words = evictionWords(victim, summaries.get(victim.metadata.uid), threshold, observations);
    await this.#evict(victim, threshold.graceMs === 0 ? IMMEDIATE_GRACE_SECONDS : soft, words);
  }

  /** Pods that use more local storage than they said. */
  async #evictForLocalStorage(layout: DiskLayout): Promise<boolean> {
    const limited = this.#deps.pods().filter(hasLocalLimits);
    if (limited.length === 0) return false;
    const summaries = byUid((await this.#deps.stats.summary()).pods);
    let evicted = false;
    for (const pod of limited) {
      const figures = summaries.get(pod.metadata.uid);
      const violation = figures === undefined ? undefined : localStorageViolation(pod, figures, layout);
      if (violation === undefined) continue;
      this.#deps.metrics.evictions.of(violation.signal).add();
      await this.#evict(pod, IMMEDIATE_GRACE_SECONDS, violation);
      evicted = true;
    }
    return evicted;
  }

  /** Source: evictPod. */
  async #evict(pod: Pod, graceSeconds: number, { message, annotations }: EvictionWords): Promise<void> {
    const { events, logger, workers, clock } = this.#deps;
    logger.warn('Eviction manager: pod is evicted', { pod: podKey(pod), message });
    events.pod(pod, 'Warning', 'Evicted', message, annotations);
    workers.stopPod(pod.metadata.uid, { graceSeconds, verdict: { reason: 'Evicted', message, disruption: 'TerminationByKubelet' } });
    await Promise.race([workers.whenStopped(pod.metadata.uid), new Promise<void>((resolve) => clock.after(CLEANUP_MS, resolve))]);
  }
}

function byUid(pods: readonly PodSummary[]): ReadonlyMap<string, PodSummary> {
  return new Map(pods.map((pod) => [pod.podRef.uid, pod]));
}

function hasLocalLimits({ spec }: Pod): boolean {
  const volumes = spec.volumes?.some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined && emptyDir.medium !== 'Memory') === true;
  return volumes || spec.containers.some(({ resources }) => resources?.limits?.['ephemeral-storage'] !== undefined);
}

function observationsOf({ usage, filesystems: { node, image } }: NodeFigures): Observations {
  return {
    'memory.available': { available: usage.memory.available, capacity: usage.memory.capacity },
    'nodefs.available': { available: node.availableBytes, capacity: node.capacityBytes },
    'nodefs.inodesFree': { available: node.inodesFree, capacity: node.inodes },
    'imagefs.available': { available: image.availableBytes, capacity: image.capacityBytes },
    'imagefs.inodesFree': { available: image.inodesFree, capacity: image.inodes },
    'pid.available': { available: usage.processes.max - usage.processes.running, capacity: usage.processes.max },
  };
}
