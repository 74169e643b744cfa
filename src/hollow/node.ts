// pure
// What a hollow node looks like in the API: the Node, and the Lease that says it is alive.
import { RELEASE } from '#api/build.ts';
import { formatIp, parseIp } from '#apimachinery/ip.ts';
import { formatMicroTime, formatTime } from '#apimachinery/time.ts';
import type { Lease, New, Node } from '#api/types.ts';

/** For `kubectl get nodes -l`; its value is the name prefix of the nodes that one process keeps. */
const HOLLOW_LABEL = 'proa.dev/hollow';

/** Source: v1.NamespaceNodeLease. */
export const LEASE_NAMESPACE = 'kube-node-lease';
/** Source: kubelet NodeLeaseDurationSeconds. */
const LEASE_SECONDS = 40;

/** Addresses for benchmarks (RFC 2544), where nothing listens: a hollow node has no kubelet to ask. */
const FIRST_ADDRESS = '198.18.0.1';
/** Hosts of 198.18.0.0/15. */
export const MAX_NODES = 2 ** 17 - 2;

export interface NodeSize {
  /** Quantities. */
  readonly cpu: string;
  readonly memory: string;
  readonly pods: number;
}

export interface HollowNode {
  readonly name: string;
  /** IPv4. */
  readonly address: string;
}

/** `prefix-0`, `prefix-1`, … */
export function hollowNodes(prefix: string, count: number): readonly HollowNode[] {
  const base = (parseIp(FIRST_ADDRESS)?.bytes ?? []).reduce((sum, byte) => sum * 256 + byte, 0);
  return Array.from({ length: count }, (_, i) => ({
    name: `${prefix}-${i}`,
    address: formatIp({ family: 4, bytes: [24, 16, 8, 0].map((shift) => Math.floor((base + i) / 2 ** shift) % 256) }),
  }));
}

/** Ready from the start. Source: kubelet initialNode and its condition setters. */
export function nodeObject({ name, address }: HollowNode, prefix: string, { cpu, memory, pods }: NodeSize, now: number): New<Node> {
  const capacity = { cpu, memory, pods: String(pods), 'ephemeral-storage': '100Gi' };
  const time = formatTime(now);
  const condition = (type: string, status: 'True' | 'False', reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: time,
    lastTransitionTime: time,
  });
  return {
    metadata: {
      name,
      labels: {
        [HOLLOW_LABEL]: prefix,
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        'kubernetes.io/hostname': name,
      },
    },
    status: {
      capacity,
      allocatable: capacity,
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      nodeInfo: {
        machineID: name,
        systemUUID: name,
        bootID: name,
        kernelVersion: 'hollow',
        osImage: 'hollow',
        containerRuntimeVersion: 'hollow://1',
        kubeletVersion: RELEASE,
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
    },
  };
}

/** The lease goes when the node goes. */
export function leaseObject({ metadata: { name, uid } }: Node, now: number): New<Lease> {
  return {
    metadata: { name, namespace: LEASE_NAMESPACE, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec: { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: formatMicroTime(now) },
  };
}
