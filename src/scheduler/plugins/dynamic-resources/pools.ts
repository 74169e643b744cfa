// Which devices a node can use: slices of one pool belong together, and only those of its newest generation count. Source:
// dynamic-resource-allocation/structured/internal/incubating pools_incubating.go GatherPools.
import type { CounterSet, Device, ResourceSlice } from '#api/gen/resource-v1.ts';
import { matchesNodeSelector } from '#api/node-selectors.ts';
import type { Node, NodeSelector } from '#api/types.ts';

/** `driver/pool/device`: unique in the cluster. */
export type DeviceId = string;

/** A device, and where it is published. */
export interface PublishedDevice {
  readonly id: DeviceId;
  readonly device: Device;
  readonly slice: ResourceSlice;
}

export interface Pool {
  /** `driver/pool`. */
  readonly id: string;
  /** Slices of it are missing: its driver is publishing. */
  readonly isIncomplete: boolean;
  /** Names occur twice, or counters are consumed that are not there. */
  readonly isInvalid: boolean;
  /** Of slices that the node can reach; each may name its nodes itself. */
  readonly devices: readonly PublishedDevice[];
  /** Of the other slices: they may consume what these share. */
  readonly otherDevices: readonly PublishedDevice[];
  readonly counterSets: readonly CounterSet[];
}

export interface PoolDevice {
  readonly pool: Pool;
  readonly published: PublishedDevice;
}

export interface NodePools {
  readonly pools: readonly Pool[];
  /** Devices of the pools that can be used, in the order in which they are tried. */
  readonly devices: readonly PoolDevice[];
}

interface Kept extends NodePools {
  readonly node: Node;
}

/** Slices as they are published, and what of them each node can reach: worked out when asked for, kept until it changes. */
export class DevicePools {
  /** By node, then name, of slices that one node alone can reach. */
  readonly #local = new Map<string, Map<string, ResourceSlice>>();
  readonly #shared = new Map<string, ResourceSlice>();
  /** All generations, by pool, then name. */
  readonly #byPool = new Map<string, Map<string, ResourceSlice>>();
  readonly #kept = new Map<string, Kept>();

  /** Whether some devices may be reached from several nodes. */
  get hasShared(): boolean {
    return this.#shared.size > 0;
  }

  /** A new slice, or a new version of one. */
  set(slice: ResourceSlice, previous?: ResourceSlice): void {
    if (previous !== undefined) this.delete(previous);
    const { name } = slice.metadata;
    const node = homeOf(slice);
    if (node === undefined) this.#shared.set(name, slice);
    else filed(this.#local, node).set(name, slice);
    filed(this.#byPool, poolId(slice)).set(name, slice);
    this.#forget(slice);
  }

  delete(slice: ResourceSlice): void {
    const { name } = slice.metadata;
    const node = homeOf(slice);
    this.#forget(slice);
    if (node === undefined) this.#shared.delete(name);
    else unfile(this.#local, node, name);
    unfile(this.#byPool, poolId(slice), name);
  }

  /** The one node that reaches a pool; undefined when there may be several, or none. */
  nodeOfPool(id: string): string | undefined {
    let found: string | undefined;
    for (const slice of this.#byPool.get(id)?.values() ?? []) {
      const node = homeOf(slice);
      if (node === undefined || (found !== undefined && found !== node)) return undefined;
      found = node;
    }
    return found;
  }

  on(node: Node): NodePools {
    const { name } = node.metadata;
    const kept = this.#kept.get(name);
    if (kept?.node === node) return kept;
    const pools = this.#gather(node);
    const devices = pools
      .filter(({ isIncomplete, isInvalid }) => !isIncomplete && !isInvalid)
      .flatMap((pool) => pool.devices.map((published) => ({ pool, published })));
    const found = { node, pools, devices };
    this.#kept.set(name, found);
    return found;
  }

  /** Nodes that are gone leave what was kept for them here until then. */
  #forget(slice: ResourceSlice): void {
    const node = this.nodeOfPool(poolId(slice));
    if (node === undefined) this.#kept.clear();
    else this.#kept.delete(node);
  }

  #gather(node: Node): readonly Pool[] {
    const newest = new Map<string, ResourceSlice[]>();
    for (const slices of [this.#local.get(node.metadata.name), this.#shared]) {
      for (const slice of slices?.values() ?? []) if (isRelevant(slice, node)) addNewest(newest, slice);
    }
    const found = [...newest].flatMap(([id, slices]) => this.#poolOf(id, slices) ?? []).toSorted(byId);
    // Devices that must be made ready first are the last to be tried.
    return [...found.filter((pool) => !hasBindingConditions(pool)), ...found.filter(hasBindingConditions)];
  }

  /** `undefined` when a newer generation is being published elsewhere. */
  #poolOf(id: string, relevant: readonly ResourceSlice[]): Pool | undefined {
    const { generation, resourceSliceCount } = (relevant[0] as ResourceSlice).spec.pool;
    let all = relevant;
    if (relevant.length !== resourceSliceCount) {
      const known = [...(this.#byPool.get(id)?.values() ?? [])];
      if (known.some(({ spec }) => spec.pool.generation > generation)) return undefined;
      all = known.filter(({ spec }) => spec.pool.generation === generation);
      if (all.length !== resourceSliceCount)
        return { id, isIncomplete: true, isInvalid: false, devices: [], otherDevices: [], counterSets: [] };
    }
    return buildPool(id, relevant, all);
  }
}

function buildPool(id: string, relevant: readonly ResourceSlice[], all: readonly ResourceSlice[]): Pool {
  const sorted = relevant.toSorted((a, b) => compare(a.metadata.name, b.metadata.name));
  const counterSets = sorted.flatMap(({ spec }) => spec.sharedCounters ?? []);
  const devices = sorted.filter((slice) => !sharesCounters(slice)).flatMap(devicesOf);
  const otherDevices = all.filter((slice) => !relevant.includes(slice)).flatMap(devicesOf);
  const isInvalid =
    new Set(devices.map((device) => device.id)).size < devices.length ||
    new Set(counterSets.map(({ name }) => name)).size < counterSets.length ||
    ![...devices, ...otherDevices].every(({ device }) => consumesWhatIsThere(device, counterSets));
  return { id, isIncomplete: false, isInvalid, devices, otherDevices, counterSets };
}

/** Source: validateDeviceCounterConsumption. */
function consumesWhatIsThere({ consumesCounters = [] }: Device, counterSets: readonly CounterSet[]): boolean {
  return consumesCounters.every(({ counterSet, counters }) => {
    const known = counterSets.find(({ name }) => name === counterSet)?.counters;
    return known !== undefined && Object.keys(counters).every((counter) => Object.hasOwn(known, counter));
  });
}

/** Counters are needed to use a pool, whichever nodes their slice names. */
function isRelevant(slice: ResourceSlice, node: Node): boolean {
  const { spec } = slice;
  if (sharesCounters(slice)) return true;
  if (spec.perDeviceNodeSelection === true) return (spec.devices ?? []).some((device) => reaches(device, node));
  return reaches(spec, node);
}

function addNewest(newest: Map<string, ResourceSlice[]>, slice: ResourceSlice): void {
  const id = poolId(slice);
  const known = newest.get(id);
  const generation = known?.[0]?.spec.pool.generation ?? -1;
  if (known === undefined || slice.spec.pool.generation > generation) newest.set(id, [slice]);
  else if (slice.spec.pool.generation === generation) known.push(slice);
}

interface Reach {
  readonly nodeName?: string;
  readonly allNodes?: boolean;
  readonly nodeSelector?: NodeSelector;
}

/** Source: NodeMatches. */
export function reaches({ nodeName, allNodes, nodeSelector }: Reach, node: Node): boolean {
  if (nodeName !== undefined && nodeName !== '') return nodeName === node.metadata.name;
  return allNodes === true || (nodeSelector !== undefined && matchesNodeSelector(node, nodeSelector));
}

export function deviceId(driver: string, pool: string, device: string): DeviceId {
  return `${driver}/${pool}/${device}`;
}

/** The pool that a device is of. */
export const poolIdOf = (driver: string, pool: string): string => `${driver}/${pool}`;

const poolId = ({ spec }: ResourceSlice): string => poolIdOf(spec.driver, spec.pool.name);

/** The node that alone can reach a slice. */
function homeOf(slice: ResourceSlice): string | undefined {
  const { nodeName = '' } = slice.spec;
  return nodeName === '' || sharesCounters(slice) ? undefined : nodeName;
}

const sharesCounters = ({ spec }: ResourceSlice): boolean => (spec.sharedCounters ?? []).length > 0;

const hasBindingConditions = ({ devices }: Pool): boolean => devices.some(({ device }) => (device.bindingConditions ?? []).length > 0);

function devicesOf(slice: ResourceSlice): readonly PublishedDevice[] {
  const { driver, pool, devices = [] } = slice.spec;
  return devices.map((device) => ({ id: deviceId(driver, pool.name, device.name), device, slice }));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function byId(a: Pool, b: Pool): number {
  const [driver, other] = [a.id.slice(0, a.id.indexOf('/')), b.id.slice(0, b.id.indexOf('/'))];
  return compare(driver, other) || compare(a.id, b.id);
}

function filed<V>(files: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let file = files.get(key);
  if (file === undefined) {
    file = new Map();
    files.set(key, file);
  }
  return file;
}

function unfile<V>(files: Map<string, Map<string, V>>, key: string, name: string): void {
  const file = files.get(key);
  file?.delete(name);
  if (file?.size === 0) files.delete(key);
}
