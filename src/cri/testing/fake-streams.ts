// What the fake answers about running containers: addresses for exec, attach and port-forward, and usage.
import type { Input } from '../contract.ts';
import { CriError } from '../errors.ts';
import type {
  AttachRequest,
  ContainerStatsRequest,
  ContainerStatsResponse,
  ExecRequest,
  ListContainerStatsRequest,
  ListContainerStatsResponse,
  PortForwardRequest,
} from '../gen/calls.ts';
import type { ContainerStats } from '../gen/stats.ts';
import type { FakePods } from './fake-pods.ts';
import { type FakeContainer, matchesLabels } from './fake-state.ts';

interface Url {
  readonly url: string;
}

export class FakeStreams {
  /** Where the runtime's streaming server is said to be. */
  url = 'http://127.0.0.1:1';
  /** Usage by container id; what is not said is zero or absent. */
  readonly usage = new Map<string, Input<ContainerStats>>();
  readonly #pods: FakePods;
  #tokens = 0;

  constructor(pods: FakePods) {
    this.#pods = pods;
  }

  readonly handlers = {
    exec: ({ containerId, stdin, stdout, stderr }: ExecRequest): Url => {
      this.#running(containerId, 'Exec');
      if (!stdin && !stdout && !stderr) {
        throw new CriError({ code: 'InvalidArgument', details: 'one of stdin, stdout, or stderr must be set', method: 'Exec' });
      }
      return this.#address('exec');
    },

    attach: ({ containerId }: AttachRequest): Url => {
      this.#running(containerId, 'Attach');
      return this.#address('attach');
    },

    portForward: ({ podSandboxId }: PortForwardRequest): Url => {
      const sandbox = this.#pods.sandboxes.get(podSandboxId);
      if (sandbox?.state !== 'SANDBOX_READY') {
        throw new CriError({
          code: 'NotFound',
          details: `failed to find sandbox "${podSandboxId}" in store: not found`,
          method: 'PortForward',
        });
      }
      return this.#address('portforward');
    },

    containerStats: ({ containerId }: ContainerStatsRequest): Input<ContainerStatsResponse> => {
      const container = this.#pods.containers.get(containerId);
      if (container === undefined) {
        throw new CriError({ code: 'NotFound', details: 'failed to find container: not found', method: 'ContainerStats' });
      }
      return { stats: this.#stats(container) };
    },

    listContainerStats: ({ filter }: ListContainerStatsRequest): Input<ListContainerStatsResponse> => ({
      stats: [...this.#pods.containers.values()]
        .filter(({ id, sandboxId }) => id.startsWith(filter?.id ?? '') && sandboxId.startsWith(filter?.podSandboxId ?? ''))
        .filter(({ state, config }) => state === 'CONTAINER_RUNNING' && matchesLabels(config.labels, filter?.labelSelector ?? {}))
        .map((container) => this.#stats(container)),
    }),
  };

  #stats({ id, config }: FakeContainer): Input<ContainerStats> {
    const { labels, annotations, metadata } = config;
    return { ...this.usage.get(id), attributes: { id, labels, annotations, metadata } };
  }

  #running(id: string, method: string): void {
    const container = this.#pods.containers.get(id);
    if (container === undefined) {
      throw new CriError({ code: 'NotFound', details: `failed to find container "${id}" in store: not found`, method });
    }
    if (container.state !== 'CONTAINER_RUNNING') {
      throw new CriError({ code: 'Unknown', details: `container is in ${container.state} state`, method });
    }
  }

  #address(kind: string): Url {
    this.#tokens++;
    return { url: `${this.url}/${kind}/token-${this.#tokens}` };
  }
}
