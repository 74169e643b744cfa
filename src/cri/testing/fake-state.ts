// What the fake runtime holds: sandboxes, containers and images, and how the programs in them behave.
import type { ContainerState, PodSandboxState } from '../gen/enums.ts';
import type {
  ContainerConfig,
  ContainerStatus,
  Image,
  LinuxContainerResources,
  PodSandboxConfig,
  PodSandboxStatus,
} from '../gen/objects.ts';

export interface FakeSandbox {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly runtimeHandler: string;
  /** Nanoseconds since the epoch, as all times here. */
  readonly createdAt: bigint;
  /** Empty on the host's network. */
  readonly ip: string;
  state: PodSandboxState;
}

export interface FakeContainer {
  readonly id: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  /** Full path of its log, or empty. */
  readonly logPath: string;
  readonly image: Image;
  readonly createdAt: bigint;
  state: ContainerState;
  startedAt: bigint;
  finishedAt: bigint;
  exitCode: number;
  reason: string;
  message: string;
  resources: LinuxContainerResources | undefined;
  /** Called when the container ends. */
  readonly onExit: Set<() => void>;
}

export interface ExecResult {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
}

/** How the program of a container behaves. */
export interface Behaviour {
  /** What starting it fails with: the words that follow `failed to create containerd task: `. */
  readonly startError?: string;
  /** Called when it has started; may end it (`runtime.exit`) or write logs. */
  readonly started?: (container: FakeContainer) => void;
  /** What it does on SIGTERM: ends with this code, or goes on. Default 143. */
  readonly onTerm?: number | 'ignore';
  /** Commands run in it. Default: status 0 and no output. */
  readonly exec?: (command: readonly string[], container: FakeContainer) => ExecResult | Promise<ExecResult>;
}

/** Exit statuses. Source: POSIX shell, 128 + signal; containerd for a program that never started. */
export const EXIT = { killed: 137, terminated: 143, neverStarted: 128 } as const;

export function sandboxStatus({ id, config, state, createdAt, ip, runtimeHandler }: FakeSandbox): Partial<PodSandboxStatus> {
  const options = config.linux?.securityContext?.namespaceOptions;
  return {
    id,
    state,
    createdAt,
    runtimeHandler,
    labels: config.labels,
    annotations: config.annotations,
    network: { ip, additionalIps: [] },
    ...(config.metadata === undefined ? {} : { metadata: config.metadata }),
    linux: { namespaces: options === undefined ? {} : { options } },
  };
}

export function containerStatus(container: FakeContainer): Partial<ContainerStatus> {
  const { id, config, image, state, createdAt, startedAt, finishedAt, exitCode, reason, message, logPath, resources } = container;
  return {
    id,
    state,
    createdAt,
    startedAt,
    finishedAt,
    exitCode,
    reason,
    message,
    logPath,
    imageRef: image.repoDigests[0] ?? image.id,
    labels: config.labels,
    annotations: config.annotations,
    mounts: config.mounts,
    ...(config.metadata === undefined ? {} : { metadata: config.metadata }),
    image: { image: image.repoTags[0] ?? image.id, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' },
    ...(resources === undefined ? {} : { resources: { linux: resources } }),
  };
}

/** Every label asked for is there with its value. */
export function matchesLabels(labels: Readonly<Record<string, string>>, selector: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
