// What a shape is: the cluster before, the pods to come, and what happens meanwhile; and small pods and nodes to make it of.
import type { New, Node, Pod } from '#api/types.ts';
import type { InProcess } from './in-process.ts';

export interface Shape {
  /** Upstream's gate on large machines, pods/s; absent where its configuration names none. */
  readonly gate?: number;
  /** The workload and configuration of upstream. */
  readonly source: string;
  /** As many as upstream has, unless the command says otherwise. Default: 5,000. */
  readonly nodes?: number;
  /** Likewise, of those that are measured. */
  readonly pods: number;
  readonly node?: (i: number) => New<Node>;
  /** What is there beside nodes, before any pod. */
  readonly prepare?: (server: InProcess, nodes: number, pods: number) => void;
  /** Pods that are there before; those without a node stay waiting. */
  readonly existing?: (nodes: number) => { readonly pods: number; readonly pod: (i: number) => New<Pod> };
  readonly pod: (i: number, nodes: number) => New<Pod>;
  /** What a pod needs beside itself, made right before it. */
  readonly before?: (server: InProcess, i: number) => void;
  /** Called once for each pod that is bound. */
  readonly meanwhile?: (server: InProcess, bound: number, nodes: number) => void;
  /** Called again and again, as upstream's churn. */
  readonly churn?: { readonly everyMs: number; readonly act: (server: InProcess, i: number) => void };
  /** So many pods wait at a time; a bound one goes and another comes. Absent: all come at once. */
  readonly steady?: { readonly pods: number; readonly gone: (server: InProcess, i: number) => void };
}

export const ZONE = 'topology.kubernetes.io/zone';
export const HOST = 'kubernetes.io/hostname';
const ZONES = 3;

export const NAMESPACE = 'bench';

/** Source: templates/node-default.yaml. */
export const plainNode = (i: number): New<Node> => ({
  metadata: { name: `node-${i}`, labels: { [HOST]: `node-${i}`, [ZONE]: `zone-${i % ZONES}` } },
  status: { allocatable: { cpu: '4', memory: '32Gi', pods: '110' } },
});

/** One that takes all there are. Source: templates/node-with-name.yaml. */
export const greatNode = (i: number): New<Node> => ({
  ...plainNode(i),
  status: { allocatable: { cpu: '10000', memory: '10000Gi', pods: '100000' } },
});

export const container = (cpu: string, memory: string, more: Readonly<Record<string, string>> = {}) => [
  { name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu, memory, ...more } } },
];

/** Source: templates/pod-default.yaml. */
export const plainPod = (name: string, spec: New<Pod['spec']> = {}, labels: Readonly<Record<string, string>> = {}): New<Pod> => ({
  metadata: { name, namespace: NAMESPACE, labels },
  spec: { containers: container('100m', '500Mi'), ...spec },
});

/** Such pods, spread over the nodes before the others come. */
export const plainPods = (pods: number) => (nodes: number) => ({
  pods,
  pod: (i: number) => plainPod(`init-${i}`, { nodeName: `node-${i % nodes}` }),
});

export const [blue, green, red] = [{ color: 'blue' }, { color: 'green' }, { color: 'red' }];
export const yellow = { color: 'yellow' };

/** More than any node has. Source: templates/pod-high-priority-large-cpu.yaml. */
export const hugePod = (name: string): New<Pod> => plainPod(name, { containers: container('9', '500Mi'), priority: 10 });
