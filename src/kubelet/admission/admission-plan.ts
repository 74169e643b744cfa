// Whether a pod may run on this node, and what it is told when it may not.
import { matchesRequiredAffinity } from '#api/node-selectors.ts';
import { podQos } from '#api/pod-qos.ts';
import { isCriticalPod } from '#api/pods.ts';
import { toleratesTaint, untoleratedTaint } from '#api/taints.ts';
import type { Node, Pod } from '#api/types.ts';
import { LABEL, TAINT } from '#api/well-known.ts';
import { containersOf } from '../pod/containers.ts';
import { isStaticPod } from '../pod/identity.ts';
import { amountsOf, podRequests, type Amounts } from '../pod/resources.ts';
import { requiresAppArmor } from '../runtime/security-context.ts';

export interface AdmissionInput {
  readonly pod: Pod;
  readonly node: Node;
  /** Pods on the node that have not ended, without this one. */
  readonly others: readonly Pod[];
  /** Pressure conditions in force: `MemoryPressure`, `DiskPressure`, `PIDPressure`. */
  readonly pressures: readonly string[];
  /** Patterns of sysctls allowed beyond the safe ones; a trailing `*` is a prefix. */
  readonly allowedUnsafeSysctls: readonly string[];
  /** Whether the machine confines programs by AppArmor. */
  readonly appArmor: boolean;
  /** The machine is going down. */
  readonly shuttingDown?: boolean;
  /** Gives the pod CPUs and memory of its own, or says why not; absent where that is nobody's. */
  readonly allocate?: () => Refusal | undefined;
}

export interface Refusal {
  readonly reason: string;
  readonly message: string;
  /** Resource the node is short of, as far as that is the reason: pods may be ended for a critical one. */
  readonly insufficient?: Insufficient;
}

/** Millicores for cpu, whole units for all else. */
export interface Insufficient {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

/** Undefined when the pod is admitted. Source: NewMainKubelet's admit handlers, in that order. */
export function admit(input: AdmissionInput): Refusal | undefined {
  return (
    pressureRefusal(input) ??
    sysctlRefusal(input) ??
    input.allocate?.() ??
    platformRefusal(input) ??
    predicateRefusal(input) ??
    shutdownRefusal(input) ??
    appArmorRefusal(input)
  );
}

/** Source: nodeshutdown managerImpl.Admit. */
function shutdownRefusal({ shuttingDown }: AdmissionInput): Refusal | undefined {
  return shuttingDown === true ? { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' } : undefined;
}

/** Source: appArmorAdmitHandler, validator.ValidateHost. */
function appArmorRefusal({ pod, appArmor }: AdmissionInput): Refusal | undefined {
  if (appArmor || !requiresAppArmor(pod)) return undefined;
  return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
}

/** Source: evictionManager Admit. */
function pressureRefusal({ pod, pressures }: AdmissionInput): Refusal | undefined {
  if (pressures.length === 0 || isCriticalPod(pod)) return undefined;
  if (pressures.every((pressure) => pressure === 'MemoryPressure')) {
    if (podQos(pod) !== 'BestEffort') return undefined;
    const taint = { key: TAINT.memoryPressure, effect: 'NoSchedule' } as const;
    if (pod.spec.tolerations?.some((toleration) => toleratesTaint(toleration, taint)) === true) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}

/** Source: sysctl safeSysctls. */
const SAFE_SYSCTLS: readonly string[] = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];
const IPC_SYSCTL = /^(kernel\.shm|kernel\.msg|kernel\.sem$|fs\.mqueue\.)/;

/** Source: patternAllowlist. */
function sysctlRefusal({ pod, allowedUnsafeSysctls }: AdmissionInput): Refusal | undefined {
  for (const sysctl of pod.spec.securityContext?.sysctls ?? []) {
    const name = sysctl.name.replaceAll('/', '.');
    const why = sysctlProblem(name, pod, allowedUnsafeSysctls);
    if (why !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" ${why}` };
  }
  return undefined;
}

function sysctlProblem(name: string, { spec }: Pod, allowed: readonly string[]): string | undefined {
  const listed = [...SAFE_SYSCTLS, ...allowed].some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
  if (!listed) return 'not allowlisted';
  if (IPC_SYSCTL.test(name) && spec.hostIPC === true) return 'not allowed with host ipc enabled';
  if (name.startsWith('net.') && spec.hostNetwork === true) return 'not allowed with host net enabled';
  return undefined;
}

/** Source: rejectPodAdmissionBasedOnOSSelector, rejectPodAdmissionBasedOnOSField, …SupplementalGroupsPolicy. */
function platformRefusal({ pod, node }: AdmissionInput): Refusal | undefined {
  const os = node.metadata.labels?.[LABEL.os];
  const wanted = pod.spec.nodeSelector?.[LABEL.os];
  if (wanted !== undefined && os !== undefined && wanted !== os) {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  if (pod.spec.os !== undefined && os !== undefined && pod.spec.os.name !== os) {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  const policy = pod.spec.securityContext?.supplementalGroupsPolicy;
  if (policy === 'Strict' && node.status?.features?.supplementalGroupsPolicy !== true) {
    return { reason: 'SupplementalGroupsPolicyNotSupported', message: `SupplementalGroupsPolicy=${policy} is not supported in this node` };
  }
  return undefined;
}

const predicate = (name: string, why: string): Refusal => ({ reason: name, message: `Predicate ${name} failed: ${why}` });

/** The first that fails; resources before affinity, name, ports and taints. Source: generalFilter, AdmissionCheck. */
function predicateRefusal(input: AdmissionInput): Refusal | undefined {
  const { pod, node } = input;
  const insufficient = firstInsufficient(input);
  if (insufficient !== undefined) return shortOf(insufficient);
  if (!matchesRequiredAffinity(node, pod.spec)) return predicate('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== '' && pod.spec.nodeName !== node.metadata.name) {
    return predicate('NodeName', "node(s) didn't match the requested node name");
  }
  if (portsTaken(input)) return predicate('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (!isStaticPod(pod) && untoleratedTaint(node.spec?.taints ?? [], pod.spec.tolerations ?? [], ['NoExecute']) !== undefined) {
    return predicate('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }
  return undefined;
}

/** Source: InsufficientResourceError, and how predicateAdmitHandler names it. */
function shortOf(insufficient: Insufficient): Refusal {
  const { resource, requested, used, capacity } = insufficient;
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message, insufficient };
}

/** Source: noderesources.Fits. */
export function firstInsufficient({ pod, node, others }: Pick<AdmissionInput, 'pod' | 'node' | 'others'>): Insufficient | undefined {
  const capacity = amountsOf(node.status?.allocatable);
  const pods = capacity['pods'] ?? 0;
  if (others.length + 1 > pods) return { resource: 'pods', requested: 1, used: others.length, capacity: pods };
  const used = totalOf(others);
  for (const [resource, requested] of Object.entries(podRequests(pod.spec))) {
    if (requested === 0) continue;
    const total = capacity[resource];
    // What the node does not know is not the kubelet's to count. Source: removeMissingExtendedResources.
    if (total === undefined && resource.includes('/')) continue;
    const taken = used[resource] ?? 0;
    if (requested > (total ?? 0) - taken) return { resource, requested, used: taken, capacity: total ?? 0 };
  }
  return undefined;
}

function totalOf(pods: readonly Pod[]): Amounts {
  const total: Record<string, number> = {};
  for (const { spec } of pods) for (const [name, amount] of Object.entries(podRequests(spec))) total[name] = (total[name] ?? 0) + amount;
  return total;
}

interface HostPort {
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}

function hostPorts({ spec }: Pod): readonly HostPort[] {
  const out: HostPort[] = [];
  for (const { container, kind } of containersOf(spec)) {
    if (kind === 'ephemeral' || (kind === 'init' && container.restartPolicy !== 'Always')) continue;
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort !== undefined && hostPort > 0)
        out.push({ ip: hostIP === undefined || hostIP === '' ? '0.0.0.0' : hostIP, port: hostPort, protocol });
    }
  }
  return out;
}

/** Source: nodeports.Fits. */
function portsTaken({ pod, others }: AdmissionInput): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const taken = others.flatMap(hostPorts);
  return wanted.some((a) =>
    taken.some((b) => a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0')),
  );
}

/**
 * The pods that end so that a critical one gets room: the fewest, of the lowest priority, that together give back what is
 * missing; undefined when that is not enough. Source: preemption getPodsToPreempt.
 */
export function chooseVictims(
  pod: Pod,
  others: readonly Pod[],
  { resource, requested, used, capacity }: Insufficient,
): readonly Pod[] | undefined {
  const missing = requested - (capacity - used);
  const priority = pod.spec.priority ?? 0;
  const amountOf = (other: Pod): number => (resource === 'pods' ? 1 : (podRequests(other.spec)[resource] ?? 0));
  const order = { BestEffort: 0, Burstable: 1, Guaranteed: 2 };
  const candidates = others
    .filter((other) => !isCriticalPod(other) || (isCriticalPod(pod) && (other.spec.priority ?? 0) < priority))
    .filter((other) => amountOf(other) > 0)
    .toSorted(
      (a, b) => order[podQos(a)] - order[podQos(b)] || (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || amountOf(b) - amountOf(a),
    );
  const victims: Pod[] = [];
  let freed = 0;
  for (const candidate of candidates) {
    if (freed >= missing) break;
    victims.push(candidate);
    freed += amountOf(candidate);
  }
  return freed >= missing ? victims : undefined;
}
