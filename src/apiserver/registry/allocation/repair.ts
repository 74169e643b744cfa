// Brings the keys of addresses and ports back in line with Services: somebody deleted an IPAddress, or the store was filled by
// another program. Each repair is one transaction that holds only while the Service is as it was seen.
import { ipaddresses, services } from '#api/resources.ts';
import type { KubeObject, Service } from '#api/types.ts';
import { assertNever } from '#base/assert-never.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import { QueueingEventRecorder, type EventRecorder } from '#client/events/event-recorder.ts';
import { prefixEnd, StoreUnavailableError, type Condition, type Operation, type Store } from '#store/contract.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { objectKey, storagePrefix } from '../storage-keys.ts';
import { IP_PREFIX, ipValue, PORT_PREFIX, portValue } from './claim.ts';
import { familyOf } from './families.ts';
import { planRepairs, type HeldPort, type Repair } from './repair-plan.ts';

/** Source: the interval of RepairIPAddress and of the port allocator's Repair. */
const INTERVAL_MS = 180_000;
/** Source: NewRepairIPAddress. */
const COMPONENT = 'ipallocator-repair-controller';

export interface RepairDeps {
  readonly store: Store;
  readonly reader: CacheReader;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** Now and then until `signal` is aborted. `client`: for events. `looked` is told after each look whether it came to its end. */
export async function keepAllocations({
  client,
  signal,
  looked,
  ...given
}: Omit<RepairDeps, 'events'> & {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly looked: (whole: boolean) => void;
}): Promise<void> {
  const events = new QueueingEventRecorder({ ...given, client, component: COMPONENT, signal });
  const deps = { ...given, events };
  while (!signal.aborted) {
    try {
      await repairAllocations(deps);
      looked(true);
      await wait(deps.clock, INTERVAL_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof StoreUnavailableError)) throw error;
      looked(false);
      deps.logger.warn('allocations of Services could not be looked at', { error });
      await wait(deps.clock, INTERVAL_MS, signal).catch(() => {}); // aborted: the loop ends
    }
  }
}

/** One look. @throws StoreUnavailableError */
export async function repairAllocations(deps: RepairDeps): Promise<void> {
  const { store, reader } = deps;
  const { entries } = await store.range({ start: PORT_PREFIX, end: prefixEnd(PORT_PREFIX) });
  // The cache is read after the keys, so that it knows every Service they are kept for.
  await reader.caughtUp();
  const ports = entries.map(({ key, value, modRevision }): HeldPort => {
    const { service } = JSON.parse(Buffer.from(value).toString()) as { readonly service: string };
    return { port: key.slice(PORT_PREFIX.length), service, modRevision };
  });
  const holdings = { services: [...reader.list(services)], addresses: [...reader.list(ipaddresses)], ports };
  for (const repair of planRepairs(holdings)) await carryOut(repair, deps);
}

async function carryOut(repair: Repair, deps: RepairDeps): Promise<void> {
  switch (repair.kind) {
    case 'address-missing': {
      const { service, ip } = repair;
      const key = IP_PREFIX + ip;
      const put = { kind: 'put' as const, key, value: ipValue(ip, familyOf(ip), service, deps) };
      if (await write([absent(key), unchanged(service)], put, deps))
        tell(deps, service, 'ClusterIPNotAllocated', `Cluster IP [${familyOf(ip)}]: ${ip} is not allocated; repairing`);
      return;
    }
    case 'port-missing': {
      const { service, port } = repair;
      const key = PORT_PREFIX + port;
      if (await write([absent(key), unchanged(service)], { kind: 'put', key, value: portValue(service) }, deps))
        tell(deps, service, 'PortNotAllocated', `Port ${port} is not allocated; repairing`);
      return;
    }
    case 'address-leaked': {
      const { address, service } = repair;
      const { namespace = '', name } = address.spec.parentRef;
      const key = IP_PREFIX + address.metadata.name;
      const conditions = [
        { key, modRevision: revisionOf(address) },
        service === undefined ? absent(serviceKey(namespace, name)) : unchanged(service),
      ];
      if (!(await write(conditions, { kind: 'delete', key }, deps))) return;
      const text = `IPAddress: ${address.metadata.name} for Service ${namespace}/${name}`;
      if (service === undefined) tell(deps, address, 'IPAddressNotAllocated', `${text} appears to have leaked: cleaning up`);
      else tell(deps, address, 'IPAddressWrongReference', `${text} has a wrong reference; cleaning up`);
      return;
    }
    case 'port-leaked': {
      const { held, service } = repair;
      const key = PORT_PREFIX + held.port;
      const [namespace = '', name = ''] = held.service.split('/');
      const conditions = [
        { key, modRevision: held.modRevision },
        service === undefined ? absent(serviceKey(namespace, name)) : unchanged(service),
      ];
      if (await write(conditions, { kind: 'delete', key }, deps))
        deps.logger.warn('a node port had leaked', { port: held.port, service: held.service });
      return;
    }
    default:
      assertNever(repair);
  }
}

const serviceKey = (namespace: string, name: string): string => storagePrefix(services) + objectKey(name, namespace);
const revisionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion);
const absent = (key: string): Condition => ({ key, modRevision: 0 });
const unchanged = (service: Service): Condition => ({
  key: serviceKey(service.metadata.namespace ?? '', service.metadata.name),
  modRevision: revisionOf(service),
});

/** False when something moved meanwhile: the next look judges it anew. */
async function write(conditions: readonly Condition[], operation: Operation, { store }: RepairDeps): Promise<boolean> {
  const { committed } = await store.transact({ conditions, operations: [operation] });
  return committed;
}

function tell({ events }: RepairDeps, subject: KubeObject, reason: string, message: string): void {
  events.event(subject, 'Warning', reason, message);
}
