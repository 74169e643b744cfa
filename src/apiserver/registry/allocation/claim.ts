// What one write of a Service takes and gives back: for each address and port a key of its own, put in the Service's transaction.
import type { KubeObject, Service } from '#api/types.ts';
import { HEADLESS } from '#api/services.ts';
import { canonicalIp } from '#apimachinery/ip.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Condition, Operation } from '#store/contract.ts';
import { ObjectLayout } from '../../cache/stored-object.ts';
import { storagePrefix } from '../storage-keys.ts';
import type { Reservation, WriteContext } from '../strategy.ts';
import type { Family } from './ip-range.ts';
import type { Pool } from './pool.ts';

const IP_LAYOUT = new ObjectLayout({ apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', typedItems: false });
export const IP_PREFIX = storagePrefix({ group: 'networking.k8s.io', resource: 'ipaddresses' });
/** One key for each node port in use. */
export const PORT_PREFIX = '/registry/ranges/servicenodeports/';

/** On IPAddresses made here. */
export const MANAGED_BY = { label: 'ipaddress.kubernetes.io/managed-by', value: 'ipallocator.k8s.io' } as const;

/** Addresses a Service holds, as they are kept: it says them as its writer did. */
export function addressesOf({ spec }: Service): readonly string[] {
  if (spec.type === 'ExternalName') return [];
  return (spec.clusterIPs ?? []).filter((ip) => ip !== HEADLESS && ip !== '').map(canonicalIp);
}

/** Node ports a Service holds, each once. */
export function portsOf({ spec }: Service): readonly string[] {
  const ports = (spec.ports ?? []).map(({ nodePort = 0 }) => nodePort);
  return [...new Set([...ports, spec.healthCheckNodePort ?? 0])].filter((port) => port !== 0).map(String);
}

/** Everything back, with the Service that held it. */
export function release(service: Service): Reservation<Service> {
  const keys = [...addressesOf(service).map((ip) => IP_PREFIX + ip), ...portsOf(service).map((port) => PORT_PREFIX + port)];
  return { object: undefined, conditions: [], operations: keys.map((key) => ({ kind: 'delete', key })), finish: () => {} };
}

/** What one write takes and gives back. */
export class Claim {
  readonly #service: Service;
  readonly #context: WriteContext;
  readonly #taken: { readonly pool: Pool; readonly member: string }[] = [];
  readonly #conditions: Condition[] = [];
  readonly #operations: Operation[] = [];

  constructor(service: Service, context: WriteContext) {
    this.#service = service;
    this.#context = context;
  }

  takeIp(ip: string, family: Family, pool: Pool): void {
    this.#take({ pool, member: ip }, IP_PREFIX + ip, ipValue(ip, family, this.#service, this.#context));
  }

  takePort(port: number, pool: Pool): void {
    this.#take({ pool, member: String(port) }, `${PORT_PREFIX}${port}`, portValue(this.#service));
  }

  #take(taken: { readonly pool: Pool; readonly member: string }, key: string, value: Buffer): void {
    this.#taken.push(taken);
    this.#conditions.push({ key, modRevision: 0 });
    this.#operations.push({ kind: 'put', key, value });
  }

  hasPort(port: number): boolean {
    return this.#taken.some(({ member }) => member === String(port));
  }

  giveBackIp(ip: string): void {
    this.#operations.push({ kind: 'delete', key: IP_PREFIX + ip });
  }

  giveBackPort(port: string): void {
    this.#operations.push({ kind: 'delete', key: PORT_PREFIX + port });
  }

  finish(outcome: 'written' | 'abandoned' | 'lost'): void {
    for (const { pool, member } of this.#taken) pool.settle(member, outcome);
  }

  reservation(service: Service): Reservation<Service> {
    return { object: service, conditions: this.#conditions, operations: this.#operations, finish: (outcome) => this.finish(outcome) };
  }
}

export const portValue = ({ metadata: { namespace, name } }: Service): Buffer =>
  Buffer.from(JSON.stringify({ service: `${namespace}/${name}` }));

/** The stored IPAddress. Source: ipallocator newIPAddress. */
export function ipValue(ip: string, family: Family, { metadata }: Service, { ids, clock }: Pick<WriteContext, 'ids' | 'clock'>): Buffer {
  const object = {
    kind: 'IPAddress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: {
      name: ip,
      uid: ids.uuid(),
      resourceVersion: '',
      creationTimestamp: formatTime(clock.now()),
      labels: { 'ipaddress.kubernetes.io/ip-family': family, [MANAGED_BY.label]: MANAGED_BY.value },
    },
    spec: { parentRef: { resource: 'services', namespace: metadata.namespace, name: metadata.name } },
  };
  return IP_LAYOUT.encode(object as unknown as KubeObject).toBuffer();
}
