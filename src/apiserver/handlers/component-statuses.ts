// componentstatuses: what there is of components, found out when asked. Source: pkg/registry/core/componentstatus.
import type { ComponentStatus, KubeObject, New } from '#api/types.ts';
import { leases } from '#api/resources.ts';
import { notFound } from '#apimachinery/errors.ts';
import { parseTime } from '#apimachinery/time.ts';
import { StoredObject } from '../cache/stored-object.ts';
import { parseListOptions } from '../registry/list-options.ts';
import type { Registry } from '../registry/write-call.ts';
import type { Answer } from './answer.ts';
import type { Handlers } from './dispatch.ts';
import type { HandlerDeps, Operation } from './operation.ts';

/** What keeps it from being healthy; undefined when nothing does. */
type Probe = (registry: Registry) => Promise<string | undefined>;

/** By the names clients look for, in the order they are shown. Source: componentStatusStorage.serversToValidate. */
const PROBES: ReadonlyMap<string, Probe> = new Map([
  ['scheduler', led('kube-scheduler')],
  ['controller-manager', led('kube-controller-manager')],
  ['etcd-0', stored],
]);

/** Whoever decides holds a Lease, wherever it runs: it lives while the Lease does. */
function led(lease: string): Probe {
  return async ({ reader, clock }) => {
    const { holderIdentity = '', renewTime, leaseDurationSeconds = 0 } = reader.get(leases, lease, 'kube-system')?.spec ?? {};
    if (holderIdentity === '' || renewTime === undefined) return `nobody holds the Lease kube-system/${lease}`;
    const since = clock.now() - parseTime(renewTime);
    if (since <= leaseDurationSeconds * 1_000) return undefined;
    return `${holderIdentity} has not renewed the Lease kube-system/${lease} since ${renewTime}`;
  };
}

async function stored({ store }: Registry): Promise<string | undefined> {
  try {
    await store.status();
    return undefined;
  } catch (failure) {
    return failure instanceof Error ? failure.message : String(failure); // what is reported
  }
}

/** In the form of stored objects, so that tables and metadata are made of them as of others. */
async function statusOf(name: string, probe: Probe, { served }: Operation, { registry }: HandlerDeps): Promise<StoredObject> {
  const problem = await probe(registry);
  const condition = { type: 'Healthy', status: problem === undefined ? 'True' : 'False', message: problem ?? 'ok' };
  const object: New<ComponentStatus> = {
    kind: 'ComponentStatus',
    apiVersion: served.apiVersion,
    metadata: { name },
    conditions: [condition],
  };
  return new StoredObject(served.layout, name, 0, served.layout.encode(object as KubeObject), undefined);
}

async function get(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const { name } = request.info;
  const probe = PROBES.get(name);
  if (probe === undefined) throw notFound(served.info, name);
  return { kind: 'stored', code: 200, served, object: await statusOf(name, probe, operation, deps) };
}

async function list(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const { labelSelector, fieldSelector } = parseListOptions(request.query, served, 'list');
  const all = await Promise.all([...PROBES].map(([name, probe]) => statusOf(name, probe, operation, deps)));
  // They have no labels, and no field but their name.
  const items = all.filter(
    ({ name }) => labelSelector.matches(undefined) && fieldSelector.matches((field) => (field === 'metadata.name' ? name : '')),
  );
  return { kind: 'list', served, list: { revision: 0, items, continue: '', remainingItemCount: undefined } };
}

export const componentStatusHandlers: Handlers = { get, list };
