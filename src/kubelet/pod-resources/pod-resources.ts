// Answers the podresources API on a socket of its own. Source: pkg/kubelet/apis/podresources server_v1.go.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Server, status } from '@grpc/grpc-js';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import { makeFolder } from '#base/make-folder.ts';
import { isSidecar } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { ContainerDevice, DeviceManager } from '../devices/device-manager.ts';
import type { ContainerClaim } from '../dra/dra-manager.ts';
import { DraError } from '../dra/pod-claims.ts';
import type { Block } from '../memory-manager/memory-state.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { addService, type Handle, listenOn } from '../plugins/grpc-service.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { ResourceManagers } from '../topology/resource-managers.ts';
import {
  type ContainerResources,
  type Devices,
  type DynamicResource,
  type Memory,
  POD_RESOURCES_SERVICE,
  podResourcesCodec,
  type PodResources,
} from './api.ts';

export interface PodResourcesDeps {
  /** `pod-resources` below the kubelet's folder. */
  readonly folder: string;
  /** Those that run or are about to. */
  readonly pods: () => readonly Pod[];
  readonly podByName: (namespace: string, name: string) => Pod | undefined;
  readonly devices: Pick<DeviceManager, 'devicesOf' | 'allDevices'>;
  /** What of claims a container was given. @throws DraError when it has not been yet */
  readonly claims: (pod: Pod, container: AnyContainer) => readonly ContainerClaim[];
  readonly resources: Pick<ResourceManagers, 'exclusiveCpus' | 'memoryOf' | 'allocatableCpus' | 'allocatableMemory'>;
  readonly clock: Clock;
  readonly metrics: KubeletMetrics;
  readonly logger: Logger;
}

/** Answers a second, and how many at once. Source: podresources DefaultQPS, DefaultBurstTokens. */
const RATE = 100;
const BURST = 10;

/** Source: apis/grpc ErrorLimitExceeded. */
class RateExceeded extends Error {
  override readonly name = 'RateExceeded';
  readonly code = status.RESOURCE_EXHAUSTED;
}

export class PodResourcesServer {
  readonly #deps: PodResourcesDeps;
  readonly #server = new Server();
  readonly #bucket = new TokenBucket(RATE, BURST);

  constructor(deps: PodResourcesDeps) {
    this.#deps = deps;
    addService(this.#server, podResourcesCodec, POD_RESOURCES_SERVICE, {
      List: ['Empty', 'Listed', this.#limited('list', () => ({ podResources: deps.pods().map((pod) => this.#resourcesOf(pod)) }))],
      GetAllocatableResources: [
        'Empty',
        'Allocatable',
        this.#limited('get_allocatable', () => ({
          devices: deps.devices.allDevices().map(oneDevice),
          cpuIds: deps.resources.allocatableCpus,
          memory: deps.resources.allocatableMemory.map(oneMemory),
        })),
      ],
      Get: [
        'PodName',
        'Got',
        this.#limited('get', ({ podName, podNamespace }: { readonly podName: string; readonly podNamespace: string }) => {
          const pod = deps.podByName(podNamespace, podName);
          if (pod === undefined) return new Error(`pod ${podName} in namespace ${podNamespace} not found`);
          return { podResources: this.#resourcesOf(pod) };
        }),
      ],
    });
  }

  /** Counts what it answers. Source: WithRateLimiter. */
  #limited(endpoint: keyof KubeletMetrics['podResources'], handle: (request: never) => object | Error): Handle {
    const { clock, metrics } = this.#deps;
    return (request) => {
      if (!this.#bucket.tryTake(clock.monotonic())) return new RateExceeded('rejected by rate limit');
      metrics.podResourcesRequests.of('v1').add();
      const { requests, errors } = metrics.podResources[endpoint];
      requests.of('v1').add();
      const answer = handle(request);
      if (answer instanceof Error) errors.of('v1').add();
      return answer;
    };
  }

  /** A node whose socket cannot be made runs pods all the same. */
  async start(): Promise<void> {
    const { folder, logger } = this.#deps;
    const socket = join(folder, 'kubelet.sock');
    try {
      makeFolder(folder, 0o750);
      rmSync(socket, { force: true }); // of an earlier run
      await listenOn(this.#server, socket);
    } catch (error) {
      logger.error('the podresources API cannot be served', { socket, error: error as Error });
    }
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #resourcesOf(pod: Pod): PodResources {
    const { name, namespace } = pod.metadata;
    const lasting = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
    return { name, namespace, containers: lasting.map((container) => this.#ofContainer(pod, container)) };
  }

  #ofContainer(pod: Pod, container: AnyContainer): ContainerResources {
    const { resources } = this.#deps;
    const { uid } = pod.metadata;
    const { name } = container;
    return {
      name,
      devices: this.#deps.devices.devicesOf(pod, container).map(oneDevice),
      cpuIds: resources.exclusiveCpus(uid, name),
      memory: resources.memoryOf(uid, name).map(oneMemory),
      dynamicResources: this.#claimsOf(pod, container),
    };
  }

  /** Nothing while the pod's claims are not prepared. */
  #claimsOf(pod: Pod, container: AnyContainer): readonly DynamicResource[] {
    try {
      return this.#deps.claims(pod, container).map(dynamicResource);
    } catch (error) {
      if (error instanceof DraError) return [];
      throw error;
    }
  }
}

/** Each in an entry of its own, as upstream has them. */
const oneDevice = ({ resource, id, topology }: ContainerDevice): Devices => ({
  resourceName: resource,
  deviceIds: [id],
  ...(topology === undefined ? {} : { topology }),
});

const oneMemory = ({ type, size, numaAffinity }: Block): Memory => ({
  memoryType: type,
  size: BigInt(size),
  topology: { nodes: numaAffinity.map((id) => ({ id })) },
});

const dynamicResource = ({ namespace, name, devices }: ContainerClaim): DynamicResource => ({
  claimNamespace: namespace,
  claimName: name,
  claimResources: devices.map(({ driver, poolName, deviceName, cdiDeviceIds, shareId }) => ({
    cdiDevices: cdiDeviceIds.map((id) => ({ name: id })),
    driverName: driver,
    poolName,
    deviceName,
    ...(shareId === undefined ? {} : { shareId }),
  })),
});
