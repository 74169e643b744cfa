// Ends the node's pods before the machine goes down, and holds it up meanwhile. Source: nodeshutdown_manager_linux.go.
import { join } from 'node:path';
import { type CancelTimer, type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';
import type { Pod } from '#api/types.ts';
import { formatDuration } from '#apimachinery/duration.ts';
import type { ShutdownGracePeriodByPodPriority } from '../configuration/config.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { podKey } from '../pod/identity.ts';
import type { PodWorkers } from '../pod-workers/pod-workers.ts';
import { StateFile } from '../state-file.ts';
import type { InhibitLock, Logind } from './logind.ts';
import { type ShutdownGroup, shutdownGroups, totalPeriod } from './shutdown-plan.ts';

export interface ShutdownManagerDeps {
  /** By rising priority; empty: the machine is not held up. */
  readonly periods: readonly ShutdownGracePeriodByPodPriority[];
  readonly connect: () => Promise<Logind>;
  readonly rootDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: KubeletEvents;
  readonly metrics: KubeletMetrics;
  readonly workers: Pick<PodWorkers, 'stopPod' | 'whenReleased'>;
  /** Pods that run, or may. */
  readonly pods: () => readonly Pod[];
  /** Why the node is not ready; undefined when that is over. */
  readonly told: (problem: string | undefined) => void;
}

/** Until another attempt to hear of logind. Milliseconds. Source: dbusReconnectPeriod. */
const RECONNECT_MS = 1000;

const TERMINATED = {
  reason: 'Terminated',
  message: 'Pod was terminated in response to imminent node shutdown.',
  disruption: 'TerminationByKubelet',
};

interface Kept {
  readonly startTime?: string;
  readonly endTime?: string;
}

export class ShutdownManager {
  readonly #deps: ShutdownManagerDeps;
  readonly #file: StateFile;
  #logind: Logind | undefined;
  #lock: InhibitLock | undefined;
  #active = false;
  #stopped = false;
  #retry: CancelTimer | undefined;

  constructor(deps: ShutdownManagerDeps) {
    this.#deps = deps;
    this.#file = new StateFile(join(deps.rootDir, 'graceful_node_shutdown_state'));
  }

  /** Whether the machine is going down: no pod is taken any more. */
  get isShuttingDown(): boolean {
    return this.#active;
  }

  /** A machine that cannot be held up runs pods all the same. */
  async start(): Promise<void> {
    const { periods, logger } = this.#deps;
    if (periods.length === 0) return;
    await this.#tellLast();
    try {
      await this.#watch();
    } catch (error) {
      logger.error('Failed to start node shutdown manager', { error: error as Error });
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.();
    this.#lock?.release();
    this.#logind?.close();
  }

  /** When the last one was. */
  async #tellLast(): Promise<void> {
    const { metrics, logger } = this.#deps;
    try {
      const { startTime, endTime } = JSON.parse((await this.#file.read()) ?? '{}') as Kept;
      if (startTime !== undefined) metrics.shutdownStart.of().set(parseTime(startTime) / 1000);
      if (endTime !== undefined) metrics.shutdownEnd.of().set(parseTime(endTime) / 1000);
    } catch (error) {
      logger.error('Failed to load graceful shutdown state', { error: error as Error });
    }
  }

  async #watch(): Promise<void> {
    const { connect, periods } = this.#deps;
    const logind = await connect();
    this.#logind = logind;
    try {
      await this.#extendDelay(logind, totalPeriod(periods));
      await this.#hold(logind);
      await logind.followShutdown((active) => void this.#changed(active, logind));
    } catch (error) {
      this.#lock?.release();
      logind.close();
      throw error;
    }
    void logind.ended.then(() => this.#watchAgain());
  }

  #watchAgain(): void {
    if (this.#stopped) return;
    const { clock, logger } = this.#deps;
    this.#retry = clock.after(RECONNECT_MS, () => {
      this.#watch().catch((error: unknown) => {
        logger.error('Unable to watch the node for shutdown events', { error: error as Error });
        this.#watchAgain();
      });
    });
  }

  async #extendDelay(logind: Logind, wanted: number): Promise<void> {
    if ((await logind.inhibitDelay()) >= wanted) return;
    await logind.overrideInhibitDelay(wanted);
    const now = await logind.inhibitDelay();
    if (now < wanted)
      throw new Error(
        `node shutdown manager was unable to update logind InhibitDelayMaxSec to ${formatDuration(wanted)} (ShutdownGracePeriod), current value of InhibitDelayMaxSec (${formatDuration(now)}) is less than requested ShutdownGracePeriod`,
      );
  }

  async #hold(logind: Logind): Promise<void> {
    const lock = await logind.inhibit();
    this.#lock?.release();
    this.#lock = lock;
  }

  async #changed(active: boolean, logind: Logind): Promise<void> {
    const { events, told, logger } = this.#deps;
    events.node('Normal', 'NodeShutdown', `Shutdown manager detected shutdown ${active ? 'event' : 'cancellation'}`);
    this.#active = active;
    told(active ? 'node is shutting down' : undefined);
    try {
      if (active) await this.#endPods();
      else await this.#hold(logind);
    } catch (error) {
      logger.error('the shutdown of the node is not handled', { error: error as Error });
    } finally {
      if (active) this.#lock?.release();
    }
  }

  async #endPods(): Promise<void> {
    const { periods, pods, clock, metrics } = this.#deps;
    const startTime = formatTime(clock.now());
    metrics.shutdownStart.of().set(clock.now() / 1000);
    metrics.shutdownEnd.of().set(0);
    await this.#keep({ startTime });
    for (const group of shutdownGroups(periods, pods())) await this.#end(group);
    metrics.shutdownEnd.of().set(clock.now() / 1000);
    await this.#keep({ startTime, endTime: formatTime(clock.now()) });
  }

  /** Its volumes are waited for as well: whoever mounts them is in a later group. */
  async #end({ pods, graceSeconds, priority }: ShutdownGroup): Promise<void> {
    const { workers, clock, logger } = this.#deps;
    for (const pod of pods) {
      logger.info('Shutdown manager killing pod with gracePeriod', { pod: podKey(pod), gracePeriod: graceSeconds });
      workers.stopPod(pod.metadata.uid, { graceSeconds, verdict: TERMINATED });
    }
    const released = Promise.all(pods.map(({ metadata: { uid } }) => workers.whenReleased(uid))).then(() => true);
    if (!(await Promise.race([released, wait(clock, graceSeconds * 1000).then(() => false)])))
      logger.warn('Shutdown manager pod killing time out', { gracePeriod: graceSeconds, priority });
  }

  async #keep(kept: Kept): Promise<void> {
    try {
      await this.#file.replace(JSON.stringify(kept));
    } catch (error) {
      this.#deps.logger.error('Failed to store graceful shutdown state', { error: error as Error });
    }
  }
}
