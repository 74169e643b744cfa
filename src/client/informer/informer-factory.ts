// One informer per resource and scope for everybody in the process.
import { systemClock, type Clock } from '#base/clock.ts';
import { randomIds, type Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { groupResourceString, type Resource } from '#apimachinery/resource.ts';
import type { KubeObject } from '#api/types.ts';
import { withoutManagedFields } from '#api/without-managed-fields.ts';
import type { Client } from '../contract.ts';
import type { Informer, InformerFactory, InformerScope } from '../informer-contract.ts';
import { SharedInformer } from './informer.ts';
import { runReflector } from './reflector.ts';

export interface InformerFactoryOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly ids?: Ids;
  /** False: objects are kept without their managedFields. Source: WithTransform as kube-controller-manager uses it. */
  readonly managedFields?: boolean;
}

interface Entry {
  readonly informer: SharedInformer<KubeObject>;
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly ended: AbortController;
}

const scopeKey = (resource: Resource, { namespace = '', labelSelector = '', fieldSelector = '' }: InformerScope): string =>
  JSON.stringify([groupResourceString(resource), resource.version, namespace, labelSelector, fieldSelector]);

export function createInformerFactory({
  client,
  logger,
  clock = systemClock,
  ids = randomIds,
  managedFields = true,
}: InformerFactoryOptions): InformerFactory {
  const entries = new Map<string, Entry>();
  let running: AbortSignal | undefined = undefined;

  function entryFor(resource: Resource<KubeObject>, scope: InformerScope): Entry {
    const own = logger.with({ resource: groupResourceString(resource), ...scope });
    const informer = new SharedInformer<KubeObject>(own, managedFields ? undefined : withoutManagedFields);
    const ended = new AbortController();
    const run = async (signal: AbortSignal): Promise<void> => {
      const either = AbortSignal.any([signal, ended.signal]);
      await runReflector({ client, resource, scope, managedFields, sink: informer, clock, ids, logger: own }, either);
      informer.stopped();
    };
    return { informer, run, ended };
  }

  return {
    informer<T extends KubeObject>(resource: Resource<T>, scope: InformerScope = {}): Informer<T> {
      const key = scopeKey(resource, scope);
      let entry = entries.get(key);
      if (entry === undefined) {
        entry = entryFor(resource, scope);
        entries.set(key, entry);
        if (running !== undefined) void entry.run(running);
      }
      // The key holds the resource, and a resource has one type of object.
      return entry.informer as unknown as Informer<T>;
    },
    drop(resource, scope = {}) {
      const key = scopeKey(resource, scope);
      entries.get(key)?.ended.abort(new Error('the resource is no longer served'));
      entries.delete(key);
    },
    start(signal) {
      if (running !== undefined) throw new Error('an InformerFactory is started once');
      running = signal;
      for (const { run } of entries.values()) void run(signal);
    },
    async synced() {
      await Promise.all([...entries.values()].map(({ informer }) => informer.synced()));
    },
  };
}
