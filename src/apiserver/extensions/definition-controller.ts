// Keeps the status of definitions, and deletes the objects of one that goes before it goes. Source: apiextensions
// pkg/controller/{status,establish,nonstructuralschema,apiapproval,finalizer}.
import { findCondition, setCondition } from '#api/conditions.ts';
import { customresourcedefinitions } from '#api/resources.ts';
import { isTrue, storageVersionOf } from '#api/structural/resources.ts';
import type { CustomResourceDefinition, KubeObject } from '#api/types.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { runWorkers } from '#client/workqueue/workers.ts';
import type { CacheReader } from '../cache/reader.ts';
import { CLEANUP_FINALIZER } from '../registry/strategies/extensions.ts';
import type { CustomResources, Served } from './custom-resources.ts';
import { planStatus, structuralViolations } from './status-plan.ts';

export interface DefinitionControllerDeps {
  /** As the API server itself. */
  readonly client: Client;
  /** Likewise, past admission: nobody can keep the objects of a definition that goes. Source: GetCustomResourceListerCollectionDeleter. */
  readonly instances: Client;
  readonly reader: CacheReader;
  readonly resources: CustomResources;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Runs until the signal aborts. */
export async function runDefinitionController(deps: DefinitionControllerDeps): Promise<void> {
  const { reader, resources, clock, logger, signal } = deps;
  const queue = new WorkQueue<string>({ clock });
  // A name that one definition gives up may be what another waits for.
  const addGroup = (group: string): void => {
    for (const { metadata, spec } of reader.list(customresourcedefinitions)) if (spec.group === group) queue.add(metadata.name);
  };
  const removers = [
    reader.onChange(customresourcedefinitions, ({ object, previous }) => addGroup((object ?? previous)?.spec.group ?? '')),
    resources.onServed((name) => queue.add(name)),
  ];
  for (const { metadata } of reader.list(customresourcedefinitions)) queue.add(metadata.name);
  const memory: Memory = { waiting: new Map(), violations: new Map() };
  await runWorkers(queue, {
    workers: 1, // names are given out one after the other
    reconcile: (name) => reconcile(name, deps, memory, () => queue.add(name)),
    clock,
    logger,
    signal,
  });
  for (const remove of removers) remove();
  for (const wait of memory.waiting.values()) wait.end();
}

/** How long the objects of a definition may take to go before its status says so, milliseconds. Source: deleteInstances. */
const INSTANCES_GONE_MS = 60_000;

/** For the last object of a definition that goes. */
interface Wait {
  /** Where the object is: that of another definition, should one have taken the name in between. */
  readonly cache: Served['storage']['cache'];
  overdue: boolean;
  readonly end: () => void;
}

interface Memory {
  /** By name of the definition. */
  readonly waiting: Map<string, Wait>;
  /** What was found of a schema, and for which generation of which definition. */
  readonly violations: Map<string, { readonly of: string; readonly text: string }>;
}

function violationsOf(crd: CustomResourceDefinition, { violations }: Memory): string {
  const { name, uid, generation } = crd.metadata;
  const of = `${uid ?? ''}/${generation ?? 0}`;
  const known = violations.get(name);
  if (known?.of === of) return known.text;
  const text = structuralViolations(crd);
  violations.set(name, { of, text });
  return text;
}

async function reconcile(name: string, deps: DefinitionControllerDeps, memory: Memory, wake: () => void): Promise<void> {
  const { waiting } = memory;
  const { reader, resources, clock } = deps;
  const crd = reader.get(customresourcedefinitions, name);
  if (crd === undefined) {
    waiting.get(name)?.end();
    waiting.delete(name);
    memory.violations.delete(name);
    return;
  }
  const all = [...reader.list(customresourcedefinitions)];
  const group = all.filter(({ spec }) => spec.group === crd.spec.group);
  const served = resources.find(name);
  const status = planStatus(crd, { group, served: served !== undefined, violations: violationsOf(crd, memory), now: clock.now() });
  if (status !== crd.status) return writeStatus({ ...crd, status }, deps); // its event brings it back
  if (crd.metadata.deletionTimestamp === undefined || crd.metadata.finalizers?.includes(CLEANUP_FINALIZER) !== true) return;
  if (!UNDER_WAY.has(terminatingReason(crd)))
    return writeStatus(terminating(crd, 'True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress', deps), deps);
  if (!isTrue(crd, 'Established')) return finish(crd, 'NeverEstablished', 'resource was never established', deps);
  if (served === undefined) return undefined; // its event follows once the objects are known
  if (served.storage.cache.size === 0) return finish(crd, 'InstanceDeletionCompleted', 'removed all instances', deps);
  let wait = waiting.get(name);
  if (wait?.cache !== served.storage.cache) {
    wait?.end();
    waiting.set(name, (wait = waitForLast(served, clock, wake)));
  }
  return wait.overdue ? tellOverdue(crd, deps) : empty(crd, served, deps);
}

/** Reasons of Terminating from which nothing but the end of all objects leads on. */
const UNDER_WAY: ReadonlySet<string> = new Set([
  'InstanceDeletionInProgress',
  'InstanceDeletionFailed',
  'InstanceDeletionCheck',
  'InstanceDeletionCompleted',
  'NeverEstablished',
]);

const terminatingReason = ({ status }: CustomResourceDefinition): string => findCondition(status.conditions, 'Terminating')?.reason ?? '';

function waitForLast({ storage: { cache } }: Served, clock: Clock, wake: () => void): Wait {
  const stopWatching = cache.onChange(() => {
    if (cache.size === 0) wake();
  });
  const stopClock = clock.after(INSTANCES_GONE_MS, () => {
    wait.overdue = true;
    wake();
  });
  const wait: Wait = {
    cache,
    overdue: false,
    end: () => {
      stopWatching();
      stopClock();
    },
  };
  return wait;
}

async function tellOverdue(crd: CustomResourceDefinition, deps: DefinitionControllerDeps): Promise<void> {
  const message = 'could not confirm zero CustomResources remaining: context deadline exceeded';
  const next = terminating(crd, 'True', 'InstanceDeletionCheck', message, deps);
  if (next !== crd) await writeStatus(next, deps);
}

/**
 * Nothing is left that the definition waited for. That is written before the finalizer is taken off, for whoever hears of its
 * end is shown what was stored last. Source: CRDFinalizer.sync, where one write does both.
 */
async function finish(crd: CustomResourceDefinition, reason: string, message: string, deps: DefinitionControllerDeps): Promise<void> {
  const told = await updateStatus(terminating(crd, 'False', reason, message, deps), deps);
  if (told === undefined) return;
  const finalizers = (told.metadata.finalizers ?? []).filter((one) => one !== CLEANUP_FINALIZER);
  await updateStatus({ ...told, metadata: { ...told.metadata, finalizers } }, deps);
}

/** Deletes what is there; finalizers may keep it for a while. */
async function empty(crd: CustomResourceDefinition, served: Served, deps: DefinitionControllerDeps): Promise<void> {
  try {
    await deleteInstances(storageVersionOf(crd), served, deps.instances);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const next = terminating(crd, 'True', 'InstanceDeletionFailed', `could not issue all deletes: ${error.message}`, deps);
    if (next !== crd) await writeStatus(next, deps);
    throw error;
  }
}

/** In the version they are stored in: the webhook that converts them is often gone by then. Source: GetCustomResourceListerCollectionDeleter. */
async function deleteInstances(version: string, { storage, rows }: Served, client: Client): Promise<void> {
  const row = rows.find(({ info }) => info.version === version);
  if (row === undefined) return;
  const resource = row.info as Resource<KubeObject>;
  const namespaces = new Set([...storage.cache.list()].map(({ namespace }) => namespace));
  for (const namespace of namespaces) await client.deleteCollection(resource, namespace === '' ? {} : { namespace });
}

function terminating(
  crd: CustomResourceDefinition,
  status: 'True' | 'False',
  reason: string,
  message: string,
  { clock }: DefinitionControllerDeps,
): CustomResourceDefinition {
  const before = crd.status.conditions ?? [];
  const conditions = setCondition(before, { type: 'Terminating', status, reason, message, lastTransitionTime: null }, clock.now());
  return conditions === before ? crd : { ...crd, status: { ...crd.status, conditions } };
}

async function writeStatus(crd: CustomResourceDefinition, deps: DefinitionControllerDeps): Promise<void> {
  await updateStatus(crd, deps);
}

/** Undefined after somebody else's write, which brings the definition back by its event. */
async function updateStatus(
  crd: CustomResourceDefinition,
  { client }: DefinitionControllerDeps,
): Promise<CustomResourceDefinition | undefined> {
  try {
    return await client.update(customresourcedefinitions, crd, { subresource: 'status' });
  } catch (error) {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
    return undefined;
  }
}
