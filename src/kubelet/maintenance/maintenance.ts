// What is done from time to time: garbage, rotation, orphans.
import { CriError } from '#cri/errors.ts';
import { PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import type { KubeletParts } from '../parts.ts';
import { imageVolumeReferences } from '../images/image-volumes.ts';
import { valueOf } from '../pod/amounts.ts';
import { removeDeadLinks, removeOrphanLogs } from '../runtime/container-logs.ts';
import { restoredPod } from '../runtime/kill.ts';
import { removeSandbox } from '../runtime/remove-pod.ts';
import { removeContainer } from '../runtime/sync-pod.ts';
import { MountError } from '../volumes/mounter.ts';
import { VolumeError } from '../volumes/plugin.ts';
import type { KnownPods } from '../pod/known-pods.ts';
import { planContainerGc } from './container-gc-plan.ts';
import { ImageGc } from './image-gc.ts';
import { LogRotation } from './log-rotation.ts';
import { repeat } from './repeat.ts';

/** Between two looks for orphans, milliseconds. Source: housekeepingPeriod, made longer: workers clean up by themselves. */
const ORPHAN_PERIOD_MS = 30_000;

/** Each task runs in its own rhythm, never beside itself. */
export class Maintenance {
  readonly #parts: KubeletParts;
  readonly #imageGc: ImageGc;
  readonly #rotation: LogRotation;
  readonly #repeated: (() => Promise<void>)[] = [];
  #cleaning: Promise<void> | undefined;

  constructor(parts: KubeletParts) {
    this.#parts = parts;
    const { cri, clock, logger, events, config, records, stats, pleg, store, metrics } = parts;
    this.#imageGc = new ImageGc({
      cri,
      clock,
      logger,
      events,
      metrics,
      records,
      keep: [PAUSE_IMAGE],
      mounted: () => imageVolumeReferences(store.all()),
      disk: async () => (await stats.node()).filesystems.image,
      policy: {
        highThresholdPercent: config.imageGCHighThresholdPercent,
        lowThresholdPercent: config.imageGCLowThresholdPercent,
        minAgeMs: config.imageMinimumGCAge,
        maxAgeMs: config.imageMaximumGCAge,
      },
    });
    this.#rotation = new LogRotation({
      runtime: cri.runtime,
      clock,
      logger,
      maxSize: valueOf(config.containerLogMaxSize),
      maxFiles: config.containerLogMaxFiles,
      running: () => pleg.all().flatMap(({ containers }) => containers.filter(({ state }) => state === 'running')),
    });
  }

  start(): void {
    const { config } = this.#parts;
    this.#repeat(config.imageGCPeriod, () => this.#imageGc.collect());
    this.#repeat(config.containerGCPeriod, () => this.collectContainers());
    this.#repeat(config.containerLogMonitorInterval, () => this.#rotation.rotateAll());
    this.#repeat(ORPHAN_PERIOD_MS, () => this.cleanOrphans());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#repeated.map((stop) => stop()));
  }

  /** Makes room on disk without ending a pod. */
  async reclaimDisk(): Promise<void> {
    const { workers } = this.#parts;
    await this.collectContainers(new Set([...workers.uids()].filter((uid) => !workers.mayRun(uid))));
    await this.#imageGc.removeUnused();
  }

  /** @param over pods of which nothing is kept. Source: containerGC.GarbageCollect, DeleteAllUnusedContainers */
  async collectContainers(over: ReadonlySet<string> = new Set()): Promise<void> {
    const { pleg, store, workers, config, cri, paths, events, logger, sourcesReady } = this.#parts;
    const pods = pleg.all();
    const known = new Set(sourcesReady() ? [...store.all()].map(({ metadata }) => metadata.uid) : pods.map(({ uid }) => uid));
    const busy = new Set([...workers.uids()].filter((uid) => workers.stage(uid) === 'terminating' || !known.has(uid)));
    const plan = planContainerGc({ pods, keepPerContainer: config.maxPerPodContainerCount, known, busy, over });
    try {
      for (const { pod, container } of plan.containers) {
        const meta = { metadata: { ...pod, resourceVersion: '', creationTimestamp: '' } };
        await removeContainer(meta, container.name, container.id, container.logPath, { runtime: cri.runtime, paths });
      }
      for (const { id } of plan.sandboxes) await removeSandbox(id, cri.runtime);
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      logger.warn('Container garbage collection failed', { error });
      events.node('Warning', 'ContainerGCFailed', error.message);
    }
    await removeDeadLinks(paths);
  }

  /**
   * What pods left that nobody knows any more: containers, folders, cgroups, logs. Nothing before all sources are ready; calls at the same time
   * share one look. Source: HandlePodCleanups.
   */
  cleanOrphans(): Promise<void> {
    if (!this.#parts.sourcesReady()) return Promise.resolve();
    this.#cleaning ??= this.#cleanOrphans().finally(() => (this.#cleaning = undefined));
    return this.#cleaning;
  }

  async #cleanOrphans(): Promise<void> {
    const { pleg, store, workers, volumes, cgroups, paths, cri, logger, allocations, userNamespaces, plugins } = this.#parts;
    const isWanted = (uid: string): boolean => store.get(uid) !== undefined || workers.stage(uid) !== undefined;
    // Asked anew after every wait: a pod that comes meanwhile is nobody's orphan.
    const known: KnownPods = { has: (uid) => isWanted(uid) || pleg.get(uid) !== undefined };
    for (const runtimePod of pleg.all()) {
      const { uid } = runtimePod;
      if (isWanted(uid)) continue;
      try {
        const pod = await restoredPod(runtimePod, cri.runtime);
        if (!isWanted(uid)) workers.adoptOrphan(pod);
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        logger.warn('Orphaned pod found, but the runtime does not tell what it is', { uid, error }); // asked again at the next look
      }
    }
    for (const uid of await volumes.onDisk()) {
      if (known.has(uid)) continue;
      try {
        await volumes.unmount(uid);
        if (known.has(uid)) continue; // a static pod that is back
        await volumes.removeDirectory(uid);
        logger.info('Cleaned up orphaned pod volumes dir', { uid });
      } catch (error) {
        if (!(error instanceof MountError || error instanceof VolumeError)) throw error;
        logger.warn('Orphaned pod found, but its volumes could not be cleaned up', { uid, error });
      }
    }
    await cgroups.cleanOrphans(known);
    await cgroups.updateClasses([...store.all()].filter(({ metadata }) => workers.mayRun(metadata.uid)));
    await removeOrphanLogs(paths, known);
    allocations.keepOnly(known);
    userNamespaces.keepOnly(known);
    await plugins.devices.reconcile((uid) => known.has(uid));
  }

  #repeat(period: number, task: () => Promise<void>): void {
    const { clock, logger } = this.#parts;
    const guarded = (): Promise<void> => task().catch((error: unknown) => logger.error('A task of the kubelet broke', { error }));
    this.#repeated.push(repeat(clock, period, guarded));
  }
}
