// Empties a namespace that is being deleted, pods first, and lets it go then. Source: pkg/controller/namespace.
import { isStatusError } from '#apimachinery/errors.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import { sameConditions } from '#api/conditions.ts';
import { apiservices, customresourcedefinitions, namespaces } from '#api/resources.ts';
import type { KubeObject, Namespace } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Controller } from '../runtime/controller.ts';
import { contentKinds } from './content.ts';
import { deletionConditions, type Emptied } from './status.ts';

const FINALIZER = 'kubernetes';

/** No event tells that the last of many kinds of objects is gone; what does not move is looked at more and more rarely. Milliseconds. */
const LOOK_AGAIN_MS = 250;
const LONGEST_MS = 15_000;

/** Kinds that hold others up when they are not deleted first. Source: OrderedNamespaceDeletion. */
const FIRST = 'pods';

export const namespaceController: Controller = {
  name: 'namespace-controller',
  serviceAccount: 'namespace-controller',
  reads: [namespaces, customresourcedefinitions, apiservices],
  writes: ['*', 'namespaces/finalize', 'namespaces/status'],
  workers: 10, // Source: --concurrent-namespace-syncs
  setUp({ client, informers, queue, clock }) {
    const lister = informers.informer(namespaces);
    const definitions = informers.informer(customresourcedefinitions);
    const apiServices = informers.informer(apiservices);
    /** How often each was looked at with the same left. */
    const looks = new Map<string, { readonly left: number; readonly times: number }>();
    const wake = ({ metadata }: Namespace): void => {
      if (metadata.deletionTimestamp !== undefined) queue.add(metadata.name);
    };
    lister.addHandlers({ added: wake, updated: wake });
    return async (name) => {
      const namespace = await current(client, name);
      if (namespace?.metadata.deletionTimestamp === undefined) {
        looks.delete(name);
        return undefined;
      }
      const { resources, unknown } = await contentKinds(client, definitions.list(), apiServices.list());
      const remaining = { ...(await empty(client, name, resources)), unknown };
      const left = [...remaining.resources.values()].reduce((sum, count) => sum + count, 0);
      const conditions = deletionConditions(namespace, remaining, clock.now());
      const fresh = await writeStatus(client, namespace, conditions);
      if (left > 0 || remaining.failures.length > 0 || unknown.length > 0) {
        const before = looks.get(name);
        const times = before?.left === left ? before.times + 1 : 0;
        looks.set(name, { left, times });
        return { afterMs: Math.min(LOOK_AGAIN_MS * 2 ** times, LONGEST_MS) };
      }
      await finalize(client, fresh);
      return undefined;
    };
  },
};

async function current(client: Client, name: string): Promise<Namespace | undefined> {
  try {
    return await client.get(namespaces, { name });
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** One pass: pods, and once they are gone everything else. */
async function empty(client: Client, namespace: string, content: readonly Resource<KubeObject>[]): Promise<Emptied> {
  const first = await emptyOf(
    client,
    namespace,
    content.filter((resource) => resource.resource === FIRST && resource.group === ''),
  );
  if (first.resources.size > 0 || first.failures.length > 0) return first;
  return emptyOf(
    client,
    namespace,
    content.filter((resource) => resource.resource !== FIRST || resource.group !== ''),
  );
}

async function emptyOf(client: Client, namespace: string, resources: readonly Resource<KubeObject>[]): Promise<Emptied> {
  const left = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const failures: string[] = [];
  await Promise.all(
    resources.map(async (resource) => {
      try {
        if ((await client.list(resource, { namespace, limit: 1 })).items.length === 0) return;
        await client.deleteCollection(resource, { namespace }, { propagationPolicy: 'Background' });
        const { items } = await client.list(resource, { namespace });
        if (items.length > 0) left.set(`${resource.resource}.${resource.group}`, items.length);
        for (const name of items.flatMap((item) => item.metadata.finalizers ?? [])) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
      } catch (error) {
        if (!isStatusError(error)) throw error;
        if (error.reason !== 'NotFound' && error.reason !== 'MethodNotAllowed')
          failures.push(`${groupResourceString(resource)}: ${error.message}`);
      }
    }),
  );
  return { resources: left, finalizers, failures };
}

async function writeStatus(client: Client, namespace: Namespace, conditions: Namespace['status']['conditions']): Promise<Namespace> {
  if (namespace.status.phase === 'Terminating' && sameConditions(conditions, namespace.status.conditions)) return namespace;
  return client.update(
    namespaces,
    { ...namespace, status: { phase: 'Terminating', ...(conditions === undefined ? {} : { conditions }) } },
    { subresource: 'status' },
  );
}

async function finalize(client: Client, namespace: Namespace): Promise<void> {
  const finalizers = (namespace.spec.finalizers ?? []).filter((name) => name !== FINALIZER);
  try {
    await client.update(namespaces, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
