// Figures of node, pods, containers and volumes, gathered when asked and kept for a moment.
import { join } from 'node:path';
import { formatTime } from '#apimachinery/time.ts';
import type { Pod } from '#api/types.ts';
import { claimName } from '#api/volumes.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError, isNotFound } from '#cri/errors.ts';
import type { ContainerStats, CpuUsage, PodSandboxStats } from '#cri/gen/stats.ts';
import type { Pleg } from '../pleg/pleg.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import { type MountedVolume, VolumeError, type VolumeFigures } from '../volumes/plugin.ts';
import { fromNanos } from '../runtime/convert.ts';
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from '../runtime/labels.ts';
import type { RuntimeContainer } from '../runtime/runtime-pod.ts';
import { ephemeralStats, fsStats, layerStats, memoryStats, networkStats, sumCpu, sumMemory } from './figures.ts';
import { folderUsage, type FolderUsage } from './folder-usage.ts';
import { readFilesystems, readNodeUsage, type Filesystems, type NodeUsage } from './node-usage.ts';
import type { ContainerSummary, CpuStats, PodSummary, Summary, VolumeSummary } from './summary.ts';

/** Figures are gathered anew when the last are older, milliseconds. */
const FRESH_MS = 5000;
/** Sizes of folders cost a walk: measured at most so often. Source: volumeStatsAggPeriod. */
const FOLDERS_FRESH_MS = 60_000;

export interface StatsDeps {
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly paths: KubeletPaths;
  readonly nodeName: string;
  readonly rootDir: string;
  readonly pleg: Pleg;
  /** Pods that may run. */
  readonly pods: () => Iterable<Pod>;
  readonly volume: (podUid: string, name: string) => MountedVolume | undefined;
}

export interface NodeFigures {
  readonly usage: NodeUsage;
  readonly filesystems: Filesystems;
}

interface Sample {
  readonly atNanos: bigint;
  readonly used: number;
}

/** Source: pkg/kubelet/stats, criStatsProvider. */
/** Codes of a runtime that has figures of containers alone, for good or for the moment. */
const WITHOUT_PODS: ReadonlySet<string> = new Set(['Unimplemented', 'Unknown', 'NotFound']);
/** Of asking for figures while sandboxes go. */
const ATTEMPTS = 3;

export class StatsProvider {
  readonly #deps: StatsDeps;
  #last: { readonly at: number; readonly summary: Summary } | undefined;
  #gathering: Promise<Summary> | undefined;
  readonly #cpuSamples = new Map<string, Sample>();
  readonly #folders = new Map<string, { readonly at: number; readonly usage: FolderUsage }>();
  readonly #measured = new Map<string, { readonly at: number; readonly figures: VolumeFigures | undefined }>();
  readonly #started: number;

  constructor(deps: StatsDeps) {
    this.#deps = deps;
    this.#started = deps.clock.now();
  }

  /** At most `FRESH_MS` old. @throws CriError when the runtime does not answer */
  async summary(): Promise<Summary> {
    const { clock } = this.#deps;
    if (this.#last !== undefined && clock.monotonic() - this.#last.at < FRESH_MS) return this.#last.summary;
    this.#gathering ??= this.#gather().finally(() => {
      this.#gathering = undefined;
    });
    return this.#gathering;
  }

  /** Without pods: cheap enough for eviction's pace. */
  async node(): Promise<NodeFigures> {
    const [usage, filesystems] = await Promise.all([
      readNodeUsage(),
      this.#imagePath().then((path) => readFilesystems(this.#deps.rootDir, path)),
    ]);
    return { usage, filesystems };
  }

  async #imagePath(): Promise<string | undefined> {
    try {
      const { imageFilesystems } = await this.#deps.cri.image.imageFsInfo({});
      return imageFilesystems[0]?.fsId?.mountpoint;
    } catch (error) {
      if (error instanceof CriError) return undefined; // its files count as the kubelet's meanwhile
      throw error;
    }
  }

  async #gather(): Promise<Summary> {
    const { clock, nodeName } = this.#deps;
    const [figures, byPod] = await Promise.all([this.node(), this.#runtimeStats()]);
    const pods = await Promise.all(
      [...this.#deps.pods()].map((pod) => this.#podSummary(pod, byPod.get(pod.metadata.uid), figures.filesystems)),
    );
    const { usage, filesystems } = figures;
    const time = formatTime(clock.now());
    const imageFs = fsStats(time, filesystems.image);
    const summary: Summary = {
      node: {
        nodeName,
        startTime: formatTime(this.#started),
        cpu: {
          time,
          usageCoreNanoSeconds: usage.cpuNanoseconds,
          ...this.#rate('node', { atNanos: BigInt(Math.round(clock.monotonic() * 1e6)), used: usage.cpuNanoseconds }),
        },
        memory: {
          time,
          availableBytes: usage.memory.available,
          usageBytes: usage.memory.usage,
          workingSetBytes: usage.memory.workingSet,
          rssBytes: usage.memory.rss,
        },
        fs: fsStats(time, filesystems.node),
        runtime: { imageFs, containerFs: imageFs },
        rlimit: { time, maxpid: usage.processes.max, curproc: usage.processes.running },
        ...(usage.memory.swapTotal > 0
          ? { swap: { time, swapAvailableBytes: usage.memory.swapFree, swapUsageBytes: usage.memory.swapTotal - usage.memory.swapFree } }
          : {}),
      },
      pods: pods.filter((pod) => pod !== undefined),
    };
    this.#last = { at: clock.monotonic(), summary };
    this.#forgetOld(byPod);
    return summary;
  }

  /** Figures by pod uid; containers alone from a runtime that has none of pods. */
  async #runtimeStats(): Promise<ReadonlyMap<string, PodSandboxStats>> {
    const { runtime } = this.#deps.cri;
    try {
      const { stats } = await this.#sandboxStats();
      return new Map(stats.flatMap((each) => (each.attributes?.metadata === undefined ? [] : [[each.attributes.metadata.uid, each]])));
    } catch (error) {
      if (!(error instanceof CriError) || !WITHOUT_PODS.has(error.code)) throw error;
    }
    const { stats } = await runtime.listContainerStats({});
    const byPod = new Map<string, ContainerStats[]>();
    for (const each of stats) {
      const uid = each.attributes?.labels[POD_UID_LABEL];
      if (uid !== undefined) byPod.set(uid, [...(byPod.get(uid) ?? []), each]);
    }
    return new Map([...byPod].map(([uid, containers]) => [uid, { linux: { containers } }]));
  }

  /** Asked again when a sandbox went meanwhile: containerd gives nothing of the others then. @throws CriError */
  async #sandboxStats(left = ATTEMPTS): Promise<{ readonly stats: readonly PodSandboxStats[] }> {
    try {
      return await this.#deps.cri.runtime.listPodSandboxStats({});
    } catch (error) {
      if (left <= 1 || !isNotFound(error)) throw error;
      return this.#sandboxStats(left - 1);
    }
  }

  async #podSummary(pod: Pod, stats: PodSandboxStats | undefined, filesystems: Filesystems): Promise<PodSummary | undefined> {
    const { pleg, clock } = this.#deps;
    const { name, namespace, uid } = pod.metadata;
    const runtime = pleg.get(uid);
    const linux = stats?.linux;
    if (runtime === undefined || linux === undefined) return undefined;
    const time = formatTime(clock.now());
    const containers = await Promise.all(
      linux.containers.flatMap((each) => {
        const instance = runtime.containers.find(({ id, state }) => id === each.attributes?.id && state === 'running');
        return instance === undefined ? [] : [this.#containerSummary(pod, each, instance, filesystems, time)];
      }),
    );
    const volumes = await this.#volumeSummaries(pod, filesystems, time);
    const cpu = this.#cpu(`pod/${uid}`, linux.cpu) ?? sumCpu(containers, time);
    const memory = memoryStats(linux.memory) ?? sumMemory(containers, time);
    const network = networkStats(linux.network);
    return {
      podRef: { name, namespace, uid },
      startTime: formatTime(runtime.sandboxes[0]?.createdAt ?? clock.now()),
      containers,
      ...(cpu === undefined ? {} : { cpu }),
      ...(memory === undefined ? {} : { memory }),
      ...(network === undefined ? {} : { network }),
      ...(volumes.length === 0 ? {} : { volume: volumes }),
      'ephemeral-storage': ephemeralStats(pod, containers, volumes, filesystems, time),
      ...(linux.process?.processCount === undefined ? {} : { process_stats: { process_count: linux.process.processCount.value } }),
    };
  }

  async #containerSummary(
    pod: Pod,
    stats: ContainerStats,
    instance: RuntimeContainer,
    filesystems: Filesystems,
    time: string,
  ): Promise<ContainerSummary> {
    const cpu = this.#cpu(instance.id, stats.cpu);
    const memory = memoryStats(stats.memory);
    const rootfs = layerStats(stats.writableLayer, filesystems);
    const logs = await this.#folder(join(this.#deps.paths.podLogDirectory(pod), instance.name));
    return {
      name: stats.attributes?.labels[CONTAINER_NAME_LABEL] ?? instance.name,
      startTime: formatTime(instance.startedAt),
      ...(cpu === undefined ? {} : { cpu }),
      ...(memory === undefined ? {} : { memory }),
      ...(rootfs === undefined ? {} : { rootfs }),
      logs: { ...fsStats(time, filesystems.node), usedBytes: logs.bytes, inodesUsed: logs.inodes },
    };
  }

  async #volumeSummaries(pod: Pod, filesystems: Filesystems, time: string): Promise<readonly VolumeSummary[]> {
    const out: VolumeSummary[] = [];
    for (const volume of pod.spec.volumes ?? []) {
      const { name, hostPath } = volume;
      const mounted = hostPath === undefined ? this.#deps.volume(pod.metadata.uid, name) : undefined;
      if (mounted === undefined) continue;
      const claim = claimName(pod, volume);
      const pvcRef = claim === undefined ? {} : { pvcRef: { name: claim, namespace: pod.metadata.namespace } };
      const figures =
        mounted.measure === undefined
          ? await this.#counted(mounted.path, filesystems, time)
          : await this.#measuredOf(mounted.path, mounted.measure);
      if (figures !== undefined) out.push({ name, ...pvcRef, time, ...figures });
    }
    return out;
  }

  async #counted(path: string, filesystems: Filesystems, time: string): Promise<VolumeFigures> {
    const { bytes, inodes } = await this.#folder(path);
    return { ...fsStats(time, filesystems.node), usedBytes: bytes, inodesUsed: inodes };
  }

  /** Undefined while it cannot be told. */
  async #measuredOf(path: string, measure: () => Promise<VolumeFigures | undefined>): Promise<VolumeFigures | undefined> {
    const { clock, logger } = this.#deps;
    const known = this.#measured.get(path);
    if (known !== undefined && clock.monotonic() - known.at < FOLDERS_FRESH_MS) return known.figures;
    const figures = await measure().catch((error: unknown) => {
      if (!(error instanceof VolumeError)) throw error;
      logger.warn('a volume cannot be measured', { path, error });
      return undefined;
    });
    this.#measured.set(path, { at: clock.monotonic(), figures });
    return figures;
  }

  async #folder(path: string): Promise<FolderUsage> {
    const { clock } = this.#deps;
    const known = this.#folders.get(path);
    if (known !== undefined && clock.monotonic() - known.at < FOLDERS_FRESH_MS) return known.usage;
    const usage = await folderUsage(path);
    this.#folders.set(path, { at: clock.monotonic(), usage });
    return usage;
  }

  #cpu(key: string, cpu: CpuUsage | undefined): CpuStats | undefined {
    const used = cpu?.usageCoreNanoSeconds?.value;
    if (cpu === undefined || used === undefined) return undefined;
    const given = cpu.usageNanoCores?.value;
    return {
      time: formatTime(fromNanos(cpu.timestamp)),
      usageCoreNanoSeconds: used,
      ...(given === undefined || given === 0 ? this.#rate(key, { atNanos: cpu.timestamp, used }) : { usageNanoCores: given }),
    };
  }

  /** Nanoseconds a second since the sample before; for runtimes that only count up. */
  #rate(key: string, sample: Sample): { readonly usageNanoCores?: number } {
    const before = this.#cpuSamples.get(key);
    this.#cpuSamples.set(key, sample);
    if (before === undefined || sample.atNanos <= before.atNanos) return {};
    const seconds = Number(sample.atNanos - before.atNanos) / 1e9;
    return { usageNanoCores: Math.max(0, Math.round((sample.used - before.used) / seconds)) };
  }

  #forgetOld(byPod: ReadonlyMap<string, PodSandboxStats>): void {
    const live = new Set(['node']);
    for (const [uid, { linux }] of byPod) {
      live.add(`pod/${uid}`);
      for (const { attributes } of linux?.containers ?? []) if (attributes !== undefined) live.add(attributes.id);
    }
    for (const key of this.#cpuSamples.keys()) if (!live.has(key)) this.#cpuSamples.delete(key);
    const now = this.#deps.clock.monotonic();
    for (const [path, { at }] of this.#folders) if (now - at > 2 * FOLDERS_FRESH_MS) this.#folders.delete(path);
  }
}
