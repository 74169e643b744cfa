// Objects that must exist before anybody can work: the system's namespaces and priority classes.
// Source: pkg/controlplane/controller/systemnamespaces; pkg/registry/scheduling/rest storage_scheduling.go AddSystemPriorityClasses.
import { namespaces, priorityclasses } from '#api/resources.ts';
import type { KubeObject, New, PriorityClass } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';

/** Source: scheduling.SystemCriticalPriority. */
const SYSTEM_CRITICAL = 2_000_000_000;

const priorityClass = (name: string, value: number, description: string): New<PriorityClass> => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  description,
});

/** Source: pkg/apis/scheduling/v1 systemPriorityClasses. */
const PRIORITY_CLASSES = [
  priorityClass(
    'system-node-critical',
    SYSTEM_CRITICAL + 1_000,
    'Used for system critical pods that must not be moved from their current node.',
  ),
  priorityClass(
    'system-cluster-critical',
    SYSTEM_CRITICAL,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ),
];

/** @throws StatusError, ConnectionError */
export async function ensureSystemNamespaces(client: Client): Promise<void> {
  const wanted = Object.values(NAMESPACE).map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }) as const);
  await Promise.all(wanted.map((one) => ensure(client, namespaces, one)));
}

/** @throws StatusError, ConnectionError */
export async function ensureSystemPriorityClasses(client: Client): Promise<void> {
  await Promise.all(PRIORITY_CLASSES.map((wanted) => ensure(client, priorityclasses, wanted)));
}

async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, wanted: New<T>): Promise<void> {
  const { name } = (wanted as KubeObject).metadata;
  try {
    await client.get(resource, { name });
    return;
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  try {
    await client.create(resource, wanted);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
}
