// Nodes and leases. Source: printers.go printNode, printLease, …
import { nodeAddresses, nodeCondition, type NodeAddressType } from '#api/nodes.ts';
import type { Lease, Node, RuntimeClass } from '#api/types.ts';
import { distinct, NONE } from './cells.ts';
import { created, name, printer, text, wide } from './columns.ts';
import type { TablePrinter } from './contract.ts';

const UNKNOWN = '<unknown>';
const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

const address = (node: Node, type: NodeAddressType): string => nodeAddresses(node, type)[0] ?? NONE;

export const nodes: TablePrinter<Node> = printer<Node>([
  name,
  text('Status', 'Whether the node is ready, and takes new pods.', status),
  text('Roles', 'What the node is there for.', (node) => roles(node).join(',') || NONE),
  created,
  text('Version', 'Version of the kubelet.', (node) => node.status.nodeInfo?.kubeletVersion ?? ''),
  wide(text('Internal-IP', 'Address within the cluster network.', (node) => address(node, 'InternalIP'))),
  wide(text('External-IP', 'Address from outside.', (node) => address(node, 'ExternalIP'))),
  wide(text('OS-Image', 'Operating system.', (node) => node.status.nodeInfo?.osImage || UNKNOWN)),
  wide(text('Kernel-Version', 'Kernel.', (node) => node.status.nodeInfo?.kernelVersion || UNKNOWN)),
  wide(text('Container-Runtime', 'Container runtime and its version.', (node) => node.status.nodeInfo?.containerRuntimeVersion || UNKNOWN)),
]);

function status(node: Node): string {
  const ready = nodeCondition(node, 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

/** Source: findNodeRoles: `node-role.kubernetes.io/<role>` or `kubernetes.io/role=<role>`. */
function roles({ metadata }: Node): readonly string[] {
  const all = Object.entries(metadata.labels ?? {}).map(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return key.slice(ROLE_PREFIX.length);
    return key === ROLE_LABEL ? value : '';
  });
  return distinct(all.filter((role) => role !== ''));
}

export const leases: TablePrinter<Lease> = printer<Lease>([
  name,
  text('Holder', 'Who holds the lease.', ({ spec }) => spec?.holderIdentity ?? ''),
  created,
]);

export const runtimeClasses: TablePrinter<RuntimeClass> = printer<RuntimeClass>([
  name,
  text('Handler', 'Name of the runtime in the container runtime settings.', ({ handler }) => handler),
  created,
]);
