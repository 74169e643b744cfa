// Gathers what the node's status is made of.
import type { DeviceTotals } from '../devices/device-plugins.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import { isSystemError } from '#base/system-error.ts';
import type { ContainerImage, Node } from '#api/types.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import { formatBytes, valueOf } from '../pod/amounts.ts';
import { readFilesystem, type FilesystemFacts, type MachineFacts } from './machine.ts';
import type { RuntimeState } from './runtime-state.ts';
import { initialNode, nodeAllocatable, type NodeInput, type Pressure } from './status.ts';

/** Longest the status waits for the list of images: what the node is must be told while the runtime hangs, too. Milliseconds. */
const IMAGES_MS = 5000;

export interface NodeObserverDeps {
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly config: KubeletConfig;
  readonly machine: MachineFacts;
  readonly runtimeState: RuntimeState;
  readonly node: () => Node | undefined;
  /** Unique names of attached volumes. */
  readonly volumesInUse: () => readonly string[];
  /** Of plugins. */
  readonly devices: () => DeviceTotals;
}

const NO_PRESSURE: Pressure = { memory: false, disk: false, pid: false };

export class NodeObserver {
  readonly #deps: NodeObserverDeps;
  #filesystem: FilesystemFacts | undefined;
  #images: readonly ContainerImage[] = [];
  #last: NodeInput | undefined;
  /** Why pods cannot run, from parts other than the runtime. */
  readonly #problems = new Map<string, string>();
  /** Eviction's view. */
  pressure: () => Pressure = () => NO_PRESSURE;
  /** Called when the status should be looked at again. */
  onChange: () => void = () => {};

  constructor(deps: NodeObserverDeps) {
    this.#deps = deps;
  }

  changed(): void {
    this.onChange();
  }

  /** Sets or clears what keeps the node from being ready. */
  problem(part: string, words: string | undefined): void {
    if (words === undefined) this.#problems.delete(part);
    else this.#problems.set(part, words);
    this.onChange();
  }

  /** One address a family. */
  get addresses(): readonly string[] {
    const { config, machine } = this.#deps;
    if (config.nodeIPs.length > 0) return config.nodeIPs;
    return machine.addresses.slice(0, 1);
  }

  get allocatable(): Readonly<Record<string, string>> {
    const { config, machine } = this.#deps;
    const fallback = nodeAllocatable(
      { cpu: String(machine.cpus), memory: formatBytes(machine.memory), pods: String(config.maxPods) },
      config,
    );
    return this.#deps.node()?.status?.allocatable ?? fallback;
  }

  /** The node as it is, or as it will be registered. */
  get nodeOrInitial(): Node {
    const known = this.#deps.node();
    if (known !== undefined) return known;
    const { config, machine, clock } = this.#deps;
    const input = this.#last ?? { ...this.#blank(), now: clock.now(), config, machine };
    const { metadata, ...rest } = initialNode(input);
    return { ...rest, metadata: { ...metadata, uid: '', resourceVersion: '', creationTimestamp: formatTime(clock.now()) } };
  }

  #blank(): Omit<NodeInput, 'now' | 'config' | 'machine'> {
    return {
      volumesInUse: [],
      filesystem: undefined,
      runtime: undefined,
      images: [],
      pressure: NO_PRESSURE,
      problems: [],
      addresses: this.addresses,
      devices: this.#deps.devices(),
    };
  }

  /** Pressure conditions in force. */
  get pressures(): readonly string[] {
    const { memory, disk, pid } = this.pressure();
    return [...(memory ? ['MemoryPressure'] : []), ...(disk ? ['DiskPressure'] : []), ...(pid ? ['PIDPressure'] : [])];
  }

  /** Bytes. */
  get allocatableMemory(): number {
    return valueOf(this.allocatable['memory']);
  }

  async observe(): Promise<NodeInput> {
    const { config, machine, clock, runtimeState } = this.#deps;
    [this.#filesystem, this.#images] = await Promise.all([this.#readFilesystem(), this.#listImages()]);
    this.#last = {
      config,
      machine,
      filesystem: this.#filesystem,
      runtime: runtimeState.facts,
      images: this.#images,
      pressure: this.pressure(),
      problems: [...runtimeState.runtimeProblems(), ...runtimeState.networkProblems(), ...this.#problems.values()],
      addresses: this.addresses,
      volumesInUse: this.#deps.volumesInUse(),
      devices: this.#deps.devices(),
      now: clock.now(),
    };
    return this.#last;
  }

  /** What was last known, while the disk does not say. */
  async #readFilesystem(): Promise<FilesystemFacts | undefined> {
    try {
      return await readFilesystem(this.#deps.config.rootDir);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return this.#filesystem;
    }
  }

  /** What was last known, while the runtime does not answer. */
  async #listImages(): Promise<readonly ContainerImage[]> {
    try {
      const { images } = await this.#deps.cri.image.listImages({}, { timeoutMs: IMAGES_MS });
      return images.map(({ repoDigests, repoTags, size }) => ({ names: [...repoDigests, ...repoTags], sizeBytes: size }));
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      return this.#images;
    }
  }
}
