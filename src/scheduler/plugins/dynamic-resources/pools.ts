// pure
// Which devices a node can use: slices of one pool belong together, and only those of its newest generation count. Source:
// dynamic-resource-allocation/structured/internal pools.go GatherPools.
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
  /** Two devices have one name. */
  readonly isInvalid: boolean;
  /** Of slices that the node can reach; each may name its nodes itself. */
  readonly devices: readonly PublishedDevice[];
  /** Of all slices. */
  readonly everyDevice: readonly PublishedDevice[];
  readonly counterSets: readonly CounterSet[];
}

/** Slices of the newest generation of each pool, by its id, in its order. */
export type Pools = ReadonlyMap<string, readonly ResourceSlice[]>;

/** All pools, of whatever node. */
export function gatherPools(slices: Iterable<ResourceSlice>): Pools {
  const pools = new Map<string, ResourceSlice[]>();
  for (const slice of slices) {
    const id = poolId(slice);
    const known = pools.get(id) ?? [];
    const generation = known[0]?.spec.pool.generation ?? 0;
    if (slice.spec.pool.generation > generation) pools.set(id, [slice]);
    else if (known.length === 0 || slice.spec.pool.generation === generation) pools.set(id, [...known, slice]);
  }
  return new Map([...pools].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The pools that have something for `node`. */
export function poolsFor(node: Node, pools: Pools): readonly Pool[] {
  return [...pools].flatMap(([id, slices]) => {
    const reachable = slices.filter(({ spec }) => spec.perDeviceNodeSelection === true || reaches(spec, node));
    if (reachable.length === 0) return [];
    const everyDevice = slices.flatMap(devicesOf);
    return [
      {
        id,
        isIncomplete: slices.length !== slices[0]?.spec.pool.resourceSliceCount,
        isInvalid: new Set(everyDevice.map((device) => device.id)).size < everyDevice.length,
        devices: reachable.flatMap(devicesOf),
        everyDevice,
        counterSets: slices.flatMap(({ spec }) => spec.sharedCounters ?? []),
      },
    ];
  });
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

const poolId = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;

function devicesOf(slice: ResourceSlice): readonly PublishedDevice[] {
  const { driver, pool, devices = [] } = slice.spec;
  return devices.map((device) => ({ id: deviceId(driver, pool.name, device.name), device, slice }));
}
