// Devices of plugins for pods: chosen and allocated when a pod is admitted, given to its containers, free again once the pod has
// ended. Source: pkg/kubelet/cm/devicemanager manager.go, pod_devices.go.
import { join } from 'node:path';
import type { Logger } from '#base/log.ts';
import type { ResourceStatus } from '#api/gen/core-v1.ts';
import { isSidecar } from '#api/pods.ts';
import type { Node, NodeStatus, Pod } from '#api/types.ts';
import type { AnyContainer } from '../pod/containers.ts';
import { valueOf } from '../pod/amounts.ts';
import { ask } from '../plugins/plugin-api.ts';
import { StateFile } from '../state-file.ts';
import type { NumaMask } from '../topology/numa-mask.ts';
import type { ProviderHints } from '../topology/topology-policies.ts';
import { allocate, type Device, type DeviceGrant, mergedGrants, preStart } from './api.ts';
import { aligned, type DeviceView, hintsByResource } from './device-hints.ts';
import type { DevicePlugins } from './device-plugins.ts';
import { DeviceError, preferred, told } from './preferred-devices.ts';

/** What a container was given of one resource. */
interface Allocation {
  readonly pod: string;
  readonly container: string;
  readonly resource: string;
  readonly devices: readonly string[];
  readonly grant: DeviceGrant;
}

export interface ContainerDevice {
  readonly resource: string;
  readonly id: string;
  readonly topology?: Device['topology'];
}

export interface DeviceManagerDeps {
  readonly rootDir: string;
  readonly plugins: Omit<DevicePlugins, 'start' | 'stop' | 'register' | 'deregister'>;
  readonly logger: Logger;
}

export const NO_DEVICES: DeviceGrant = { envs: {}, mounts: [], devices: [], annotations: {}, cdiDevices: [] };

export class DeviceManager {
  readonly #deps: DeviceManagerDeps;
  readonly #file: StateFile;
  #allocations: readonly Allocation[] = [];
  /** Where devices of the pod that is being admitted shall lie, by container. */
  #places: { readonly pod: string; readonly affinity: Map<string, NumaMask | undefined> } = { pod: '', affinity: new Map() };
  /** One pod after the other, so that none is given what another is being given. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: DeviceManagerDeps) {
    this.#deps = deps;
    this.#file = new StateFile(join(deps.rootDir, 'device_manager_state'));
  }

  /** What cannot be read is forgotten: containers that run keep their devices. */
  async load(): Promise<void> {
    try {
      const { allocations, resources } = JSON.parse((await this.#file.read()) ?? '{}') as Partial<Kept>;
      this.#allocations = allocations ?? [];
      for (const resource of resources ?? []) this.#deps.plugins.expect(resource);
    } catch (error) {
      this.#deps.logger.error('allocated devices could not be read', { path: this.#file.path, error: error as Error });
    }
  }

  async save(): Promise<void> {
    const kept: Kept = { allocations: this.#allocations, resources: this.#deps.plugins.resources() };
    try {
      await this.#file.replace(JSON.stringify(kept));
    } catch (error) {
      this.#deps.logger.error('allocated devices could not be written', { path: this.#file.path, error: error as Error });
    }
  }

  /** Whether a container asks for what a plugin has, and has not been given it. */
  lackedBy({ metadata: { uid }, spec }: Pod): boolean {
    const given = (container: string, resource: string): boolean => this.#of(uid, container).some((each) => each.resource === resource);
    return [...(spec.initContainers ?? []), ...spec.containers].some((container) =>
      asked(container).some(([resource]) => this.#deps.plugins.has(resource) && !given(container.name, resource)),
    );
  }

  /** Node with at least as much as pods have been given: those that run are admitted again whatever became of the plugin. */
  sanitized(node: Node): Node {
    if (this.#allocations.length === 0) return node;
    const allocatable = { ...node.status?.allocatable };
    for (const resource of new Set(this.#allocations.map((each) => each.resource))) {
      const count = this.#ids(resource).size;
      if (valueOf(allocatable[resource]) < count) allocatable[resource] = String(count);
    }
    return { ...node, status: { ...(node.status as NodeStatus), allocatable } };
  }

  /** Where they could lie. `nodes`: of the machine. Source: GetTopologyHints. */
  hints({ metadata: { uid } }: Pod, container: AnyContainer, nodes: readonly number[]): ProviderHints {
    return this.#hintsOf(uid, asked(container), (each) => each.container === container.name, nodes);
  }

  /** Of all containers together. Source: GetPodTopologyHints. */
  podHints({ metadata: { uid }, spec }: Pod, nodes: readonly number[]): ProviderHints {
    const counts = new Map<string, number>();
    for (const [resource, count] of spec.containers.flatMap(asked)) counts.set(resource, (counts.get(resource) ?? 0) + count);
    return this.#hintsOf(uid, [...counts], () => true, nodes);
  }

  #hintsOf(
    uid: string,
    counts: readonly (readonly [string, number])[],
    own: (allocation: Allocation) => boolean,
    nodes: readonly number[],
  ): ProviderHints {
    const { plugins } = this.#deps;
    const view: DeviceView = {
      all: (resource) => plugins.all(resource),
      healthy: (resource) => plugins.healthy(resource),
      given: (resource) => [...this.#ids(resource, (each) => each.pod === uid && own(each))],
      inUse: (resource) => this.#ids(resource, (each) => each.pod !== uid),
    };
    return hintsByResource(
      counts.filter(([resource]) => plugins.has(resource)),
      view,
      nodes,
    );
  }

  /** Where the container's devices shall lie, once they are allocated. */
  place({ metadata: { uid } }: Pod, { name }: AnyContainer, affinity: NumaMask | undefined): void {
    if (this.#places.pod !== uid) this.#places = { pod: uid, affinity: new Map() };
    this.#places.affinity.set(name, affinity);
  }

  /** Safe to repeat. `alive`: whether a pod has been admitted and has not ended. @throws DeviceError */
  allocate(pod: Pod, alive: (uid: string) => boolean): Promise<void> {
    const places = this.#places;
    const work = this.#turn.then(async () => {
      this.#allocations = this.#allocations.filter((each) => each.pod === pod.metadata.uid || alive(each.pod));
      try {
        await this.#allocatePod(pod, places.pod === pod.metadata.uid ? places.affinity : new Map());
      } catch (error) {
        this.#allocations = this.#allocations.filter((each) => each.pod !== pod.metadata.uid);
        throw error;
      } finally {
        await this.save();
      }
    });
    this.#turn = work.catch(() => {}); // it is whoever asked that is told
    return work;
  }

  /** What the container needs to use its devices, now that it is about to be made. @throws DeviceError when a plugin refuses */
  async grantOf({ metadata: { uid } }: Pod, container: AnyContainer): Promise<DeviceGrant> {
    const own = this.#of(uid, container.name);
    for (const { resource, devices } of own) {
      const plugin = this.#deps.plugins.plugin(resource);
      if (plugin?.options.preStartRequired !== true) continue;
      const caller = { ...plugin.caller, timeoutMs: PRE_START_MS };
      await ask(caller, preStart, { devicesIds: devices }).catch(told('device plugin PreStartContainer rpc failed with err'));
    }
    return own.map(({ grant }) => grant).reduce(mergedGrants, NO_DEVICES);
  }

  /** One by one. */
  devicesOf({ metadata: { uid } }: Pod, { name }: AnyContainer): readonly ContainerDevice[] {
    return this.#of(uid, name).flatMap(({ resource, devices }) => devices.map((id) => this.#described(resource, id)));
  }

  /** How well the devices of a container are. Source: UpdateAllocatedResourcesStatus. */
  healthOf({ metadata: { uid } }: Pod, { name }: AnyContainer): readonly ResourceStatus[] {
    const { plugins } = this.#deps;
    const health = (resource: string, id: string): string => {
      const device = plugins.plugin(resource) === undefined ? undefined : plugins.device(resource, id);
      if (device === undefined) return 'Unknown';
      return device.health === 'Healthy' ? 'Healthy' : 'Unhealthy';
    };
    return this.#of(uid, name).map(({ resource, devices }) => ({
      name: resource,
      resources: devices.map((id) => ({ resourceID: id, health: health(resource, id) })),
    }));
  }

  /** Uids of pods with devices. */
  pods(): ReadonlySet<string> {
    return new Set(this.#allocations.map(({ pod }) => pod));
  }

  /** All of the node that are well. */
  allDevices(): readonly ContainerDevice[] {
    const { plugins } = this.#deps;
    return plugins.resources().flatMap((resource) => plugins.healthy(resource).map(({ id }) => this.#described(resource, id)));
  }

  #described(resource: string, id: string): ContainerDevice {
    const topology = this.#deps.plugins.device(resource, id)?.topology;
    return { resource, id, ...(topology === undefined ? {} : { topology }) };
  }

  #of(pod: string, container: string): readonly Allocation[] {
    return this.#allocations.filter((each) => each.pod === pod && each.container === container);
  }

  /** Of what was given of a resource; all, unless it is said whose. */
  #ids(resource: string, those: (allocation: Allocation) => boolean = () => true): ReadonlySet<string> {
    return new Set(this.#allocations.filter((each) => each.resource === resource && those(each)).flatMap(({ devices }) => devices));
  }

  /** What an init container has had is given on to those after it; a sidecar keeps its own. Source: Allocate. */
  async #allocatePod({ metadata: { uid }, spec }: Pod, places: ReadonlyMap<string, NumaMask | undefined>): Promise<void> {
    const reusable = new Map<string, Set<string>>();
    const init = spec.initContainers ?? [];
    for (const container of [...init, ...spec.containers]) {
      for (const [resource, count] of asked(container)) {
        if (!this.#deps.plugins.has(resource)) continue;
        const free = reusable.get(resource) ?? new Set<string>();
        const had = this.#of(uid, container.name).find((each) => each.resource === resource)?.devices;
        const devices =
          had ??
          (await this.#give(
            { pod: uid, container: container.name, resource },
            { count, reusable: free, affinity: places.get(container.name) },
          ));
        const passesOn = init.includes(container) && !isSidecar(container);
        for (const id of devices) {
          if (passesOn) free.add(id);
          else free.delete(id);
        }
        reusable.set(resource, free);
      }
    }
  }

  async #give(
    to: Pick<Allocation, 'pod' | 'container' | 'resource'>,
    {
      count,
      reusable,
      affinity,
    }: { readonly count: number; readonly reusable: ReadonlySet<string>; readonly affinity: NumaMask | undefined },
  ): Promise<readonly string[]> {
    const { plugins } = this.#deps;
    const { resource } = to;
    const plugin = plugins.plugin(resource);
    if (plugin === undefined) throw new DeviceError(`cannot allocate unregistered device ${resource}`);
    const healthy = plugins.healthy(resource).map(({ id }) => id);
    if (healthy.length === 0) throw new DeviceError(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
    const again = healthy.filter((id) => reusable.has(id)).slice(0, count);
    const inUse = this.#ids(resource);
    const free = healthy.filter((id) => !inUse.has(id));
    const needed = count - again.length;
    if (free.length < needed)
      throw new DeviceError(`requested number of devices unavailable for ${resource}. Requested: ${needed}, Available: ${free.length}`);
    const near = aligned(
      plugins.healthy(resource).filter(({ id }) => free.includes(id)),
      affinity,
      needed,
    ).map(({ id }) => id);
    const devices = needed === 0 ? again : await preferred(plugin, { available: [...again, ...near], mustInclude: again, size: count });
    const { containerResponses } = await ask(plugin.caller, allocate, { containerRequests: [{ devicesIds: devices }] }).catch(
      told('rpc error of the device plugin'),
    );
    const grant = containerResponses[0];
    if (grant === undefined || containerResponses.length > 1) throw new DeviceError('no containers return in allocation response');
    this.#allocations = [...this.#allocations, { ...to, devices, grant }];
    return devices;
  }
}

interface Kept {
  readonly allocations: readonly Allocation[];
  readonly resources: readonly string[];
}

/** Milliseconds. Source: KubeletPreStartContainerRPCTimeoutInSecs. */
const PRE_START_MS = 30_000;

/** Extended resources of a container and how many of each. */
function asked({ resources }: AnyContainer): readonly (readonly [string, number])[] {
  return Object.entries(resources?.limits ?? {})
    .filter(([name]) => name.includes('/'))
    .map(([name, amount]) => [name, valueOf(String(amount))] as const)
    .filter(([, count]) => count > 0);
}
