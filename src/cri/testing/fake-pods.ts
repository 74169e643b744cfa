// The fake's runtime service: sandboxes and containers with containerd's states, refusals and words.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Input } from '../contract.ts';
import { type CriCode, CriError } from '../errors.ts';
import type {
  ContainerEventResponse,
  ContainerStatusRequest,
  ContainerStatusResponse,
  CreateContainerRequest,
  CreateContainerResponse,
  ExecSyncRequest,
  ExecSyncResponse,
  ListContainersRequest,
  ListContainersResponse,
  ListPodSandboxRequest,
  ListPodSandboxResponse,
  PodSandboxStatusRequest,
  PodSandboxStatusResponse,
  RemoveContainerRequest,
  RemovePodSandboxRequest,
  ReopenContainerLogRequest,
  RunPodSandboxRequest,
  RunPodSandboxResponse,
  StartContainerRequest,
  StopContainerRequest,
  StopPodSandboxRequest,
  UpdateContainerResourcesRequest,
} from '../gen/calls.ts';
import type { ContainerEventType } from '../gen/enums.ts';
import type { FakeImages } from './fake-images.ts';
import { type Behaviour, containerStatus, EXIT, type FakeContainer, type FakeSandbox, matchesLabels, sandboxStatus } from './fake-state.ts';

export interface FakePodsDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly images: FakeImages;
  readonly behaviourOf: (container: FakeContainer) => Behaviour;
  readonly emit: (event: Input<ContainerEventResponse>) => void;
}

const NANOSECONDS_PER_MS = 1_000_000n;
const SECOND_MS = 1000;
/** Of the ids of sandboxes and containers. */
const ID_BYTES = 32;

type Empty = Record<string, never>;

export class FakePods {
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly containers = new Map<string, FakeContainer>();
  readonly #deps: FakePodsDeps;
  #addresses = 0;

  constructor(deps: FakePodsDeps) {
    this.#deps = deps;
  }

  /** Ends a running container's program. */
  exit(container: FakeContainer, exitCode: number, reason?: string): void {
    if (container.state !== 'CONTAINER_RUNNING') return;
    container.state = 'CONTAINER_EXITED';
    container.exitCode = exitCode;
    container.finishedAt = this.#now();
    container.reason = reason ?? (exitCode === 0 ? 'Completed' : 'Error');
    this.#emit(container.id, container.sandboxId, 'CONTAINER_STOPPED_EVENT');
    for (const listener of [...container.onExit]) listener();
  }

  /** Appends a line to the container's log file in the CRI's form, where its folder exists. */
  log(container: FakeContainer, stream: 'stdout' | 'stderr', line: string): void {
    if (container.logPath === '') return;
    const time = new Date(this.#deps.clock.now()).toISOString().replace('Z', '000000Z');
    appendFileSync(container.logPath, `${time} ${stream} F ${line}\n`);
  }

  /** Ends the sandbox as when its pause process is killed: its containers go on. */
  loseSandbox(sandbox: FakeSandbox): void {
    sandbox.state = 'SANDBOX_NOTREADY';
    this.#emit(sandbox.id, sandbox.id, 'CONTAINER_STOPPED_EVENT');
  }

  readonly handlers = {
    runPodSandbox: (request: RunPodSandboxRequest): Input<RunPodSandboxResponse> => this.#runSandbox(request),

    stopPodSandbox: ({ podSandboxId }: StopPodSandboxRequest): Empty => {
      const sandbox = find(this.sandboxes, podSandboxId);
      if (sandbox === undefined)
        throw refusal('StopPodSandbox', 'NotFound', `an error occurred when try to find sandbox "${podSandboxId}": not found`);
      this.#stopSandbox(sandbox);
      return {};
    },

    removePodSandbox: ({ podSandboxId }: RemovePodSandboxRequest): Empty => {
      const sandbox = find(this.sandboxes, podSandboxId);
      if (sandbox === undefined) return {};
      if (sandbox.state === 'SANDBOX_READY') this.#stopSandbox(sandbox);
      for (const container of this.#containersOf(sandbox.id)) {
        // containerd stops the containers of a ready sandbox only.
        if (container.state === 'CONTAINER_RUNNING') throw stillRunning(container.id);
        this.#removeContainer(container);
      }
      this.sandboxes.delete(sandbox.id);
      this.#emit(sandbox.id, sandbox.id, 'CONTAINER_DELETED_EVENT');
      return {};
    },

    podSandboxStatus: ({ podSandboxId }: PodSandboxStatusRequest): Input<PodSandboxStatusResponse> => {
      const sandbox = find(this.sandboxes, podSandboxId);
      if (sandbox === undefined) throw refusal('PodSandboxStatus', 'NotFound', 'an error occurred when try to find sandbox: not found');
      return { status: sandboxStatus(sandbox) };
    },

    listPodSandbox: ({ filter }: ListPodSandboxRequest): Input<ListPodSandboxResponse> => ({
      items: [...this.sandboxes.values()]
        .filter(({ id, state }) => id.startsWith(filter?.id ?? '') && state === (filter?.state?.state ?? state))
        .filter(({ config }) => matchesLabels(config.labels, filter?.labelSelector ?? {}))
        .map(sandboxStatus),
    }),

    createContainer: (request: CreateContainerRequest): Input<CreateContainerResponse> => this.#create(request),

    startContainer: ({ containerId }: StartContainerRequest): Empty => {
      const container = this.#container(containerId, 'StartContainer');
      this.#start(container);
      return {};
    },

    stopContainer: async ({ containerId, timeout }: StopContainerRequest): Promise<Empty> => {
      const container = this.#container(containerId, 'StopContainer');
      await this.#stop(container, timeout * SECOND_MS);
      return {};
    },

    removeContainer: ({ containerId }: RemoveContainerRequest): Empty => {
      const container = find(this.containers, containerId);
      if (container !== undefined) this.#removeContainer(container);
      return {};
    },

    listContainers: ({ filter }: ListContainersRequest): Input<ListContainersResponse> => ({
      containers: [...this.containers.values()]
        .filter(({ id, sandboxId, state }) => {
          const inSandbox = sandboxId.startsWith(filter?.podSandboxId ?? '');
          return inSandbox && id.startsWith(filter?.id ?? '') && state === (filter?.state?.state ?? state);
        })
        .filter(({ config }) => matchesLabels(config.labels, filter?.labelSelector ?? {}))
        .map((container) => {
          const { id, state, createdAt, labels, annotations, metadata } = containerStatus(container);
          const { image } = container.config;
          return {
            id,
            state,
            createdAt,
            labels,
            annotations,
            metadata,
            image,
            imageRef: container.image.id,
            podSandboxId: container.sandboxId,
          };
        }),
    }),

    containerStatus: ({ containerId }: ContainerStatusRequest): Input<ContainerStatusResponse> => ({
      status: containerStatus(this.#container(containerId, 'ContainerStatus')),
    }),

    updateContainerResources: ({ containerId, linux }: UpdateContainerResourcesRequest): Empty => {
      this.#container(containerId, 'UpdateContainerResources').resources = linux;
      return {};
    },

    reopenContainerLog: ({ containerId }: ReopenContainerLogRequest): Empty => {
      const container = this.#container(containerId, 'ReopenContainerLog');
      if (container.state !== 'CONTAINER_RUNNING') throw refusal('ReopenContainerLog', 'Unknown', 'container is not running');
      openLog(container);
      return {};
    },

    execSync: async ({ containerId, cmd, timeout }: ExecSyncRequest): Promise<Input<ExecSyncResponse>> => {
      const container = find(this.containers, containerId);
      const refused = (code: CriCode, details: string): CriError => refusal('ExecSync', code, `failed to exec in container: ${details}`);
      if (container === undefined) throw refused('NotFound', `failed to find container "${containerId}" in store: not found`);
      if (container.state !== 'CONTAINER_RUNNING') throw refused('Unknown', `container is in ${container.state} state`);
      const late = timeout === 0 ? undefined : refused('DeadlineExceeded', `timeout ${timeout}s exceeded: context deadline exceeded`);
      const result = Promise.resolve(this.#deps.behaviourOf(container).exec?.(cmd, container) ?? {});
      const {
        stdout = '',
        stderr = '',
        exitCode = 0,
      } = await (late === undefined ? result : this.#within(timeout * SECOND_MS, result, late));
      return { stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), exitCode };
    },
  };

  #now(): bigint {
    return BigInt(Math.round(this.#deps.clock.now())) * NANOSECONDS_PER_MS;
  }

  #id(): string {
    return Buffer.from(this.#deps.ids.bytes(ID_BYTES)).toString('hex');
  }

  #containersOf(sandboxId: string): FakeContainer[] {
    return [...this.containers.values()].filter((container) => container.sandboxId === sandboxId);
  }

  #container(id: string, method: string): FakeContainer {
    const container = find(this.containers, id);
    if (container === undefined) throw refusal(method, 'NotFound', `an error occurred when try to find container "${id}": not found`);
    return container;
  }

  #emit(containerId: string, sandboxId: string, containerEventType: ContainerEventType): void {
    const sandbox = this.sandboxes.get(sandboxId);
    this.#deps.emit({
      containerId,
      containerEventType,
      createdAt: this.#now(),
      ...(sandbox === undefined ? {} : { podSandboxStatus: sandboxStatus(sandbox) }),
      containersStatuses: this.#containersOf(sandboxId).map(containerStatus),
    });
  }

  #runSandbox({ config, runtimeHandler }: RunPodSandboxRequest): Input<RunPodSandboxResponse> {
    const metadata = config?.metadata;
    if (config === undefined || metadata === undefined) throw refusal('RunPodSandbox', 'Unknown', 'sandbox config must include metadata');
    const name = sandboxName(config);
    const holder = [...this.sandboxes.values()].find((other) => sandboxName(other.config) === name);
    if (holder !== undefined) {
      const details = `failed to reserve sandbox name "${name}": name "${name}" is reserved for "${holder.id}"`;
      throw refusal('RunPodSandbox', 'Unknown', details);
    }
    const onHost = config.linux?.securityContext?.namespaceOptions?.network === 'NODE';
    if (!onHost) this.#addresses++;
    const ip = onHost ? '' : `10.88.${this.#addresses >> 8}.${this.#addresses & 0xff}`;
    const sandbox: FakeSandbox = { id: this.#id(), config, runtimeHandler, createdAt: this.#now(), ip, state: 'SANDBOX_READY' };
    this.sandboxes.set(sandbox.id, sandbox);
    this.#emit(sandbox.id, sandbox.id, 'CONTAINER_CREATED_EVENT');
    this.#emit(sandbox.id, sandbox.id, 'CONTAINER_STARTED_EVENT');
    return { podSandboxId: sandbox.id };
  }

  #stopSandbox(sandbox: FakeSandbox): void {
    for (const container of this.#containersOf(sandbox.id)) this.exit(container, EXIT.killed);
    if (sandbox.state === 'SANDBOX_READY') this.loseSandbox(sandbox);
  }

  #create({ podSandboxId, config, sandboxConfig }: CreateContainerRequest): Input<CreateContainerResponse> {
    const refused = (code: CriCode, details: string): CriError => refusal('CreateContainer', code, details);
    const sandbox = find(this.sandboxes, podSandboxId);
    if (sandbox === undefined) throw refused('NotFound', `failed to find sandbox id "${podSandboxId}": not found`);
    if (sandbox.state !== 'SANDBOX_READY') {
      throw refused('NotFound', `failed to get sandbox container task: no running task found: task ${sandbox.id} not found: not found`);
    }
    if (config?.metadata === undefined) throw refused('Unknown', 'container config must include metadata');
    const nameOf = ({ name, attempt }: { name: string; attempt: number }): string =>
      `${name}_${sandboxName(sandbox.config, false)}_${attempt}`;
    const name = nameOf(config.metadata);
    const holder = this.#containersOf(sandbox.id).find(
      (other) => other.config.metadata !== undefined && nameOf(other.config.metadata) === name,
    );
    if (holder !== undefined)
      throw refused('Unknown', `failed to reserve container name "${name}": name "${name}" is reserved for "${holder.id}"`);
    const wanted = config.image?.image ?? '';
    const image = this.#deps.images.find(wanted);
    if (image === undefined) throw refused('NotFound', `failed to resolve image "${wanted}": not found`);

    const folder = sandboxConfig?.logDirectory ?? '';
    const container: FakeContainer = {
      id: this.#id(),
      sandboxId: sandbox.id,
      config,
      image,
      logPath: folder !== '' && config.logPath !== '' ? join(folder, config.logPath) : '',
      createdAt: this.#now(),
      state: 'CONTAINER_CREATED',
      startedAt: 0n,
      finishedAt: 0n,
      exitCode: 0,
      reason: '',
      message: '',
      resources: config.linux?.resources,
      onExit: new Set(),
    };
    this.containers.set(container.id, container);
    this.#emit(container.id, sandbox.id, 'CONTAINER_CREATED_EVENT');
    return { containerId: container.id };
  }

  #start(container: FakeContainer): void {
    const refused = (details: string): CriError => refusal('StartContainer', 'Unknown', details);
    if (container.state !== 'CONTAINER_CREATED') {
      throw refused(`failed to set starting state for container "${container.id}": container is in ${container.state} state`);
    }
    const behaviour = this.#deps.behaviourOf(container);
    if (behaviour.startError !== undefined) {
      const message = `failed to create containerd task: ${behaviour.startError}`;
      const { neverStarted: exitCode } = EXIT;
      Object.assign(container, { state: 'CONTAINER_EXITED', exitCode, reason: 'StartError', message, finishedAt: this.#now() });
      throw refused(message);
    }
    container.state = 'CONTAINER_RUNNING';
    container.startedAt = this.#now();
    openLog(container);
    this.#emit(container.id, container.sandboxId, 'CONTAINER_STARTED_EVENT');
    behaviour.started?.(container);
  }

  async #stop(container: FakeContainer, graceMs: number): Promise<void> {
    if (container.state !== 'CONTAINER_RUNNING') return;
    const { onTerm = EXIT.terminated } = this.#deps.behaviourOf(container);
    if (graceMs > 0 && onTerm !== 'ignore') return this.exit(container, onTerm);
    if (graceMs > 0) await this.#untilExit(container, graceMs);
    this.exit(container, EXIT.killed);
  }

  #untilExit(container: FakeContainer, graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        container.onExit.delete(done);
        resolve();
      };
      const cancel = this.#deps.clock.after(graceMs, done);
      container.onExit.add(done);
    });
  }

  #within<T>(limitMs: number, result: Promise<T>, late: Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#deps.clock.after(limitMs, () => reject(late));
      result.then(resolve, reject).finally(cancel);
    });
  }

  #removeContainer(container: FakeContainer): void {
    this.exit(container, EXIT.killed);
    this.containers.delete(container.id);
    this.#emit(container.id, container.sandboxId, 'CONTAINER_DELETED_EVENT');
  }
}

/** By id, or by the first characters of one id. */
function find<T>(among: ReadonlyMap<string, T>, id: string): T | undefined {
  const exact = among.get(id);
  if (exact !== undefined || id === '') return exact;
  const found = [...among.keys()].filter((key) => key.startsWith(id));
  return found.length === 1 ? among.get(found[0] as string) : undefined;
}

function sandboxName({ metadata }: FakeSandbox['config'], withAttempt = true): string {
  const { name = '', namespace = '', uid = '', attempt = 0 } = metadata ?? {};
  return withAttempt ? `${name}_${namespace}_${uid}_${attempt}` : `${name}_${namespace}_${uid}`;
}

/** As containerd does, where the pod's log folder is there. */
function openLog({ logPath }: FakeContainer): void {
  if (logPath !== '' && existsSync(join(logPath, '..'))) writeFileSync(logPath, '', { flag: 'a' });
}

function stillRunning(id: string): CriError {
  const details = `failed to remove container "${id}": failed to set removing state for container "${id}": container is still running, to stop first`;
  return refusal('RemovePodSandbox', 'Unknown', details);
}

function refusal(method: string, code: CriCode, details: string): CriError {
  return new CriError({ code, details, method });
}
