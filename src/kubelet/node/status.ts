// pure
// The status of the node from what is known about machine, runtime and pressure. Pure.
import { RELEASE } from '#api/build.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { ContainerImage, Node, NodeAddress, NodeCondition, NodeRuntimeHandler, NodeStatus } from '#api/types.ts';
import { formatBytes, formatMilli, milliOf, valueOf } from '../pod/amounts.ts';
import type { DeviceTotals } from '../devices/device-plugins.ts';
import type { KubeletConfig } from '../configuration/config.ts';
import { nodeStatusPatch } from '../status/patch.ts';
import type { FilesystemFacts, MachineFacts } from './machine.ts';

/** What pods may count on beyond what every kubelet does, sorted. Source: nodedeclaredfeatures/features at v1.36. */
const DECLARED_FEATURES = [
  'ExtendWebSocketsToKubelet',
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

/** The controller attaches volumes to this node, not the kubelet itself. Source: ControllerManagedAttachAnnotation. */
export const MANAGED_ATTACH = 'volumes.kubernetes.io/controller-managed-attach-detach';

export interface RuntimeFacts {
  /** `containerd` */
  readonly name: string;
  readonly version: string;
  readonly handlers: readonly NodeRuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean;
}

export interface Pressure {
  readonly memory: boolean;
  readonly disk: boolean;
  readonly pid: boolean;
}

export interface NodeInput {
  readonly config: KubeletConfig;
  readonly machine: MachineFacts;
  /** Of the root directory; undefined before it was read. */
  readonly filesystem: FilesystemFacts | undefined;
  /** Undefined until the runtime has answered once. */
  readonly runtime: RuntimeFacts | undefined;
  readonly images: readonly ContainerImage[];
  readonly pressure: Pressure;
  /** Why the node is not ready, in upstream's words; empty when it is. */
  readonly problems: readonly string[];
  readonly addresses: readonly string[];
  /** Unique names of attached volumes that pods have or are about to, sorted. */
  readonly volumesInUse: readonly string[];
  readonly devices: DeviceTotals;
  readonly now: number;
}

/** Labels every node has. Source: initialNode. */
export function nodeLabels({ config, machine }: Pick<NodeInput, 'config' | 'machine'>): Readonly<Record<string, string>> {
  const { operatingSystem, architecture } = machine;
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': operatingSystem,
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': hostnameOf({ config, machine }),
    'kubernetes.io/os': operatingSystem,
    ...config.nodeLabels,
  };
}

function hostnameOf({ config, machine }: Pick<NodeInput, 'config' | 'machine'>): string {
  return config.hostnameOverride === '' ? machine.hostname : config.hostnameOverride;
}

/** Source: defaultNodeStatusFuncs. */
export function nodeStatus(input: NodeInput, previous: NodeStatus | undefined): NodeStatus {
  const { config, machine, runtime } = input;
  const capacity = nodeCapacity(input);
  const added = extended(previous?.capacity);
  return {
    capacity: { ...added, ...counts(input.devices.capacity), ...capacity },
    allocatable: { ...added, ...counts(input.devices.allocatable), ...nodeAllocatable(capacity, config) },
    conditions: conditionsOf(input, previous),
    addresses: addressesOf(input),
    daemonEndpoints: { kubeletEndpoint: { Port: config.port } },
    nodeInfo: {
      machineID: machine.machineID,
      systemUUID: machine.systemUUID,
      bootID: machine.bootID,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion:
        runtime === undefined ? (previous?.nodeInfo?.containerRuntimeVersion ?? '') : `${runtime.name}://${runtime.version}`,
      kubeletVersion: RELEASE,
      kubeProxyVersion: '',
      operatingSystem: machine.operatingSystem,
      architecture: machine.architecture,
      ...(machine.swap > 0 ? { swap: { capacity: machine.swap } } : {}),
    },
    ...(input.images.length === 0 ? {} : { images: imageList(input.images, config.nodeStatusMaxImages) }),
    ...(runtime === undefined || runtime.handlers.length === 0 ? {} : { runtimeHandlers: runtime.handlers }),
    ...(runtime === undefined ? {} : { features: { supplementalGroupsPolicy: runtime.supplementalGroupsPolicy } }),
    declaredFeatures: DECLARED_FEATURES,
    ...(previous?.volumesAttached === undefined ? {} : { volumesAttached: previous.volumesAttached }),
    ...(previous?.volumesInUse === undefined && input.volumesInUse.length === 0 ? {} : { volumesInUse: input.volumesInUse }),
  };
}

type ResourceList = Readonly<Record<string, string>>;

/** Resources that others put on the node stay, and pods may have all of them. Source: nodestatus MachineInfo. */
export function extended(list: ResourceList | undefined): ResourceList {
  return Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => name.includes('/')));
}

const counts = (list: Readonly<Record<string, number>>): ResourceList =>
  Object.fromEntries(Object.entries(list).map(([name, count]) => [name, String(count)]));

function nodeCapacity({ config, machine, filesystem }: NodeInput): ResourceList {
  const pods = config.podsPerCore > 0 ? Math.min(config.maxPods, config.podsPerCore * machine.cpus) : config.maxPods;
  return {
    cpu: String(machine.cpus),
    'ephemeral-storage': formatBytes(filesystem?.capacityBytes ?? 0),
    ...Object.fromEntries(Object.entries(machine.hugePages).map(([size, bytes]) => [`hugepages-${size}`, formatBytes(bytes)])),
    memory: formatBytes(machine.memory),
    pods: String(pods),
  };
}

/** Capacity less what is reserved and what hard eviction keeps free. Source: GetNodeAllocatableReservation. */
export function nodeAllocatable(capacity: ResourceList, { kubeReserved, systemReserved, evictionHard }: KubeletConfig): ResourceList {
  const kept: Readonly<Record<string, string | undefined>> = {
    memory: evictionHard['memory.available'],
    'ephemeral-storage': evictionHard['nodefs.available'],
  };
  const hugePages = Object.entries(capacity).reduce(
    (sum, [name, quantity]) => (name.startsWith('hugepages-') ? sum + valueOf(quantity) : sum),
    0,
  );
  return Object.fromEntries(
    Object.entries(capacity).map(([name, quantity]) => {
      if (name === 'cpu')
        return [name, formatMilli(Math.max(0, milliOf(quantity) - milliOf(kubeReserved['cpu']) - milliOf(systemReserved['cpu'])))];
      const total = valueOf(quantity);
      const threshold = kept[name] === undefined ? 0 : thresholdAmount(kept[name], total);
      const left = total - valueOf(kubeReserved[name]) - valueOf(systemReserved[name]) - threshold - (name === 'memory' ? hugePages : 0);
      return [name, name === 'pods' ? quantity : formatBytes(Math.max(0, left))];
    }),
  );
}

/** `10%` of `capacity`, or a quantity. Source: evictionapi.GetThresholdQuantity. */
export function thresholdAmount(threshold: string, capacity: number): number {
  return threshold.endsWith('%') ? Math.floor((capacity * Number(threshold.slice(0, -1))) / 100) : valueOf(threshold);
}

function addressesOf({ addresses, config, machine }: NodeInput): readonly NodeAddress[] {
  return [...addresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: hostnameOf({ config, machine }) }];
}

/** Names listed of an image. Source: MaxNamesPerImageInNodeStatus. */
const MAX_IMAGE_NAMES = 5;

/** The largest first. Source: Images setter. */
function imageList(images: readonly ContainerImage[], max: number): readonly ContainerImage[] {
  const sorted = images.toSorted((a, b) => Number(b.sizeBytes ?? 0) - Number(a.sizeBytes ?? 0));
  return (max < 0 ? sorted : sorted.slice(0, max)).map(({ names, sizeBytes }) => ({
    names: (names ?? []).slice(0, MAX_IMAGE_NAMES),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  }));
}

type Told = Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>;

const say = (type: string, status: boolean, reason: string, message: string): Told => ({
  type,
  status: status ? 'True' : 'False',
  reason,
  message,
});

/** Source: MemoryPressureCondition, DiskPressureCondition, PIDPressureCondition, ReadyCondition. */
function conditionsOf({ pressure, problems, now }: NodeInput, previous: NodeStatus | undefined): readonly NodeCondition[] {
  const told: readonly Told[] = [
    pressure.memory
      ? say('MemoryPressure', true, 'KubeletHasInsufficientMemory', 'kubelet has insufficient memory available')
      : say('MemoryPressure', false, 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    pressure.disk
      ? say('DiskPressure', true, 'KubeletHasDiskPressure', 'kubelet has disk pressure')
      : say('DiskPressure', false, 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    pressure.pid
      ? say('PIDPressure', true, 'KubeletHasInsufficientPID', 'kubelet has insufficient PID available')
      : say('PIDPressure', false, 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    problems.length === 0
      ? say('Ready', true, 'KubeletReady', 'kubelet is posting ready status')
      : say('Ready', false, 'KubeletNotReady', problems.length === 1 ? (problems[0] as string) : `[${problems.join(', ')}]`),
  ];
  const old = new Map((previous?.conditions ?? []).map((condition) => [condition.type, condition]));
  const time = formatTime(now);
  const own = told.map((condition): NodeCondition => {
    const before = old.get(condition.type);
    return {
      ...condition,
      lastHeartbeatTime: time,
      lastTransitionTime: before?.status === condition.status ? before.lastTransitionTime : time,
    };
  });
  const names = new Set(told.map(({ type }) => type));
  return [...(previous?.conditions ?? []).filter(({ type }) => !names.has(type)), ...own];
}

/** Events that tell of changed conditions, upstream's reasons. Source: the setters' recordEventFunc. */
export function conditionEvents(before: NodeStatus | undefined, after: NodeStatus): readonly string[] {
  const names: Readonly<Record<string, readonly [whenTrue: string, whenFalse: string]>> = {
    MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
    DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
    PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
    Ready: ['NodeReady', 'NodeNotReady'],
  };
  return (after.conditions ?? []).flatMap(({ type, status }) => {
    const reasons = names[type];
    const old = before?.conditions?.find((condition) => condition.type === type)?.status;
    if (reasons === undefined || old === status) return [];
    // A node that was never ready does not become unready.
    if (type === 'Ready' && status === 'False' && old === undefined) return [];
    return [status === 'True' ? reasons[0] : reasons[1]];
  });
}

/**
 * Whether nothing but heartbeats differs; in which order fields and conditions stand does not matter, since the API has one of its own.
 * Source: nodeStatusHasChanged.
 */
export function sameNodeStatus(a: NodeStatus, b: NodeStatus): boolean {
  const still = ({ conditions = [], ...status }: NodeStatus): object => ({
    ...status,
    conditions: conditions.map((condition) => ({ ...condition, lastHeartbeatTime: null })),
  });
  return nodeStatusPatch(still(a), still(b)) === undefined;
}

/** The node as it is registered. Source: initialNode. */
export function initialNode(input: NodeInput): Pick<Node, 'spec' | 'status'> & {
  readonly kind: 'Node';
  readonly apiVersion: 'v1';
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
} {
  const { config } = input;
  return {
    kind: 'Node',
    apiVersion: 'v1',
    metadata: {
      name: config.nodeName,
      labels: nodeLabels(input),
      annotations: { [MANAGED_ATTACH]: 'true' },
    },
    spec: {
      ...(config.registerWithTaints.length === 0 ? {} : { taints: config.registerWithTaints }),
      ...(config.providerID === '' ? {} : { providerID: config.providerID }),
    },
    status: nodeStatus(input, undefined),
  };
}
