// The cgroups of pods: one a pod below its QoS class, and what all pods together may use.
import { podQos, type PodQosClass } from '#api/pod-qos.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { podLabel } from '../pod/identity.ts';
import type { KnownPods } from '../pod/known-pods.ts';
import { MIN_SHARES, sharesOf } from '../runtime/linux-resources.ts';
import type { CgroupDriver } from './cgroup-driver.ts';
import { CgroupError } from './errors.ts';
import type { CgroupFigures } from './figures.ts';
import type { CgroupHierarchy } from './hierarchy.ts';
import { burstableShares, compareLimits, podCgroupLimits, type CgroupLimits } from './limits.ts';

export interface CgroupManager {
  /** Makes the classes' cgroups; the reason why not, when it cannot. */
  start(): Promise<string | undefined>;
  /** `cgroupParent` of the pod's sandbox; empty when pods have no cgroup of their own. */
  parentOf(pod: Pod): string;
  /** Where the runtime keeps one of the pod's containers, or its sandbox. */
  containerOf(pod: Pod, id: string): string;
  /** @throws CgroupError */
  ensurePod(pod: Pod): Promise<void>;
  /** Sets some limits anew. @throws CgroupError */
  limitPod(pod: Pod, limits: CgroupLimits): Promise<void>;
  limitsOf(pod: Pod): CgroupLimits;
  /** Which of the limits are more than the pod's cgroup has now, and which are less. */
  compare(pod: Pod, limits: CgroupLimits): Promise<{ readonly grows: CgroupLimits; readonly shrinks: CgroupLimits }>;
  /** Bytes in use by the pod's cgroup; undefined when not known. */
  podMemoryUsage(pod: Pod): Promise<number | undefined>;
  /** What a cgroup uses, by its name; undefined where that cannot be told. */
  figures(name: string): Promise<CgroupFigures | undefined>;
  /** Ids of the processes in a cgroup itself. */
  pids(name: string): Promise<readonly number[]>;
  /** Names of the cgroups above those of pods. */
  groups(): readonly string[];
  destroyPod(pod: Pod): Promise<void>;
  /** Removes cgroups of pods that are not among `known`. */
  cleanOrphans(known: KnownPods): Promise<void>;
  /** Sets the classes' shares by the pods that are there now. */
  updateClasses(pods: Iterable<Pod>): Promise<void>;
}

const CLASS_DIRECTORY: Readonly<Record<PodQosClass, string>> = { Guaranteed: '', Burstable: '/burstable', BestEffort: '/besteffort' };
const POD_PREFIX = 'pod';

/** Attempts to remove a cgroup whose processes are still ending, and the pause between them, milliseconds. */
const REMOVE_TRIES = 20;
const REMOVE_PAUSE_MS = 50;

export interface CgroupSettings {
  /** `/`, or the node's own part of the tree. */
  readonly cgroupRoot: string;
  readonly cpuCFSQuota: boolean;
  readonly podPidsLimit: number;
  /** Whether containers of the pod have CPUs to themselves: no quota holds it back then. Absent: none has. */
  readonly hasExclusiveCpus?: (pod: Pod) => boolean;
  /** What all pods together may use: millicores and bytes; undefined when that is not enforced. */
  readonly allocatable: { readonly cpu: number; readonly memory: number } | undefined;
}

export interface CgroupManagerDeps {
  readonly hierarchy: CgroupHierarchy;
  readonly driver: CgroupDriver;
  readonly settings: CgroupSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: KubeletMetrics;
  /** Sends SIGKILL. */
  readonly kill: (pid: number) => void;
}

/** Names of its own are as cgroupfs has them; `#path` is where they lie. Source: pkg/kubelet/cm qosContainerManager, podContainerManager. */
export class QosCgroupManager implements CgroupManager {
  readonly #deps: CgroupManagerDeps;
  readonly #base: string;
  #shares = 0;

  constructor(deps: CgroupManagerDeps) {
    this.#deps = deps;
    this.#base = `${deps.settings.cgroupRoot.replace(/\/+$/, '')}/kubepods`;
  }

  async start(): Promise<string | undefined> {
    const { allocatable } = this.#deps.settings;
    const all = allocatable === undefined ? {} : { cpuShares: sharesOf(allocatable.cpu), memory: allocatable.memory };
    try {
      await this.#make(this.#base, all);
      await this.#make(`${this.#base}/burstable`, {});
      await this.#make(`${this.#base}/besteffort`, { cpuShares: MIN_SHARES });
      return undefined;
    } catch (error) {
      if (!(error instanceof CgroupError)) throw error;
      return `Failed to start ContainerManager ${error.message}`;
    }
  }

  parentOf(pod: Pod): string {
    return this.#path(this.#nameOf(pod));
  }

  containerOf(pod: Pod, id: string): string {
    return this.#deps.driver.container(this.parentOf(pod), id);
  }

  limitsOf(pod: Pod): CgroupLimits {
    const { cpuCFSQuota, podPidsLimit, hasExclusiveCpus } = this.#deps.settings;
    return podCgroupLimits(pod, { podPidsLimit, cpuCFSQuota: cpuCFSQuota && hasExclusiveCpus?.(pod) !== true });
  }

  async ensurePod(pod: Pod): Promise<void> {
    if (await this.#deps.hierarchy.exists(this.parentOf(pod))) return;
    await this.#measured('create', () => this.#make(this.#nameOf(pod), this.limitsOf(pod)));
  }

  async limitPod(pod: Pod, limits: CgroupLimits): Promise<void> {
    await this.#measured('update', () => this.#limit(this.#nameOf(pod), limits));
  }

  async compare(pod: Pod, limits: CgroupLimits): Promise<{ readonly grows: CgroupLimits; readonly shrinks: CgroupLimits }> {
    return compareLimits(limits, await this.#deps.hierarchy.settings(this.parentOf(pod)), this.#deps.hierarchy.layout.version);
  }

  async podMemoryUsage(pod: Pod): Promise<number | undefined> {
    const { hierarchy } = this.#deps;
    const text = await hierarchy.read(
      'memory',
      this.parentOf(pod),
      hierarchy.layout.version === 2 ? 'memory.current' : 'memory.usage_in_bytes',
    );
    return text === '' ? undefined : Number(text);
  }

  figures(name: string): Promise<CgroupFigures | undefined> {
    return this.#deps.hierarchy.figures(name);
  }

  pids(name: string): Promise<readonly number[]> {
    return this.#deps.hierarchy.pids(name);
  }

  groups(): readonly string[] {
    return ['', '/burstable', '/besteffort'].map((below) => this.#path(`${this.#base}${below}`));
  }

  async destroyPod(pod: Pod): Promise<void> {
    const name = this.#nameOf(pod);
    if (!(await this.#measured('destroy', () => this.#destroy(name))))
      throw new CgroupError(`cgroup ${this.#path(name)} of pod ${podLabel(pod)} still has processes`);
  }

  async cleanOrphans(known: KnownPods): Promise<void> {
    const { hierarchy, driver, logger } = this.#deps;
    for (const directory of Object.values(CLASS_DIRECTORY)) {
      for (const folder of await hierarchy.children(this.#path(`${this.#base}${directory}`))) {
        const child = driver.nameOf(folder);
        if (!child.startsWith(POD_PREFIX) || known.has(child.slice(POD_PREFIX.length))) continue;
        const name = `${this.#base}${directory}/${child}`;
        const cgroup = this.#path(name);
        if (await this.#destroy(name)) logger.info('Orphaned pod cgroup removed', { cgroup });
        else logger.warn('Orphaned pod cgroup still has processes', { cgroup });
      }
    }
  }

  async updateClasses(pods: Iterable<Pod>): Promise<void> {
    const shares = burstableShares(pods);
    if (shares === this.#shares) return;
    await this.#limit(`${this.#base}/burstable`, { cpuShares: shares });
    this.#shares = shares;
  }

  #nameOf(pod: Pod): string {
    return `${this.#base}${CLASS_DIRECTORY[podQos(pod)]}/${POD_PREFIX}${pod.metadata.uid}`;
  }

  #path(name: string): string {
    return this.#deps.driver.path(name);
  }

  async #make(name: string, limits: CgroupLimits): Promise<void> {
    const { hierarchy, driver } = this.#deps;
    await driver.create(name, limits);
    await hierarchy.create(this.#path(name));
    await hierarchy.limit(this.#path(name), limits);
  }

  async #limit(name: string, limits: CgroupLimits): Promise<void> {
    const { hierarchy, driver } = this.#deps;
    await driver.limit(name, limits);
    await hierarchy.limit(this.#path(name), limits);
  }

  /** Source: metrics.CgroupManagerDuration. */
  async #measured<T>(operation: 'create' | 'update' | 'destroy', run: () => Promise<T>): Promise<T> {
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    try {
      return await run();
    } finally {
      metrics.cgroupManagerDuration.of(operation).observe((clock.monotonic() - began) / 1000);
    }
  }

  async #destroy(name: string): Promise<boolean> {
    const { hierarchy, driver, clock, kill } = this.#deps;
    const path = this.#path(name);
    await driver.remove(name);
    for (let attempt = 0; attempt < REMOVE_TRIES; attempt++) {
      if (await hierarchy.remove(path)) return true;
      for (const pid of await hierarchy.processes(path)) kill(pid);
      await wait(clock, REMOVE_PAUSE_MS);
    }
    return false;
  }
}

/** Pods share the runtime's cgroup: for machines where no cgroup can be made. Source: podContainerManagerNoop. */
export const noCgroups: CgroupManager = {
  start: async () => undefined,
  parentOf: () => '',
  containerOf: () => '',
  ensurePod: async () => {},
  limitPod: async () => {},
  limitsOf: () => ({}),
  compare: async () => ({ grows: {}, shrinks: {} }),
  podMemoryUsage: async () => undefined,
  figures: async () => undefined,
  pids: async () => [],
  groups: () => [],
  destroyPod: async () => {},
  cleanOrphans: async () => {},
  updateClasses: async () => {},
};
