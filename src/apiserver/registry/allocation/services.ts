// Gives Services their addresses and node ports. In memory it knows what is taken; the store decides: each address and
// port is a key of its own, put in the transaction that stores the Service, so two writers never get the same one.
import type { IPAddress, KubeObject, Service, ServicePort, ServiceSpec } from '#api/types.ts';
import { needsHealthCheck, HEADLESS } from '#api/services.ts';
import { internalError, type StatusError } from '#apimachinery/errors.ts';
import { invalid, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { services } from '#api/resources.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Ids } from '#base/ids.ts';
import type { Condition, Operation } from '#store/contract.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { ObjectLayout } from '../../cache/stored-object.ts';
import { storagePrefix } from '../storage-keys.ts';
import type { Reservation, WriteContext } from '../strategy.ts';
import { isUnchangedPreference, settleFamilies, familyOf } from './families.ts';
import { IpRange, type Family } from './ip-range.ts';
import type { ServiceNetwork } from './network.ts';
import { Pool, portMembers } from './pool.ts';

const SERVICE = { group: '', kind: 'Service' } as const;
const IP_LAYOUT = new ObjectLayout({ apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', typedItems: false });
const IP_PREFIX = storagePrefix({ group: 'networking.k8s.io', resource: 'ipaddresses' });
/** One key for each node port in use. */
const PORT_PREFIX = '/registry/ranges/servicenodeports/';

interface IpPool {
  readonly range: IpRange;
  readonly pool: Pool;
}

export class ServiceAllocator {
  readonly #families: readonly Family[];
  readonly #ips = new Map<Family, IpPool>();
  readonly #ports: Pool;
  readonly #network: ServiceNetwork;
  #following = false;

  constructor(network: ServiceNetwork, ids: Ids) {
    this.#network = network;
    const ranges = network.cidrs.map((cidr) => new IpRange(cidr));
    for (const range of ranges) this.#ips.set(range.family, { range, pool: new Pool(range, () => ids.fraction()) });
    this.#families = ranges.map(({ family }) => family);
    this.#ports = new Pool(portMembers(network.nodePorts), () => ids.fraction());
  }

  /** What a create, update or delete of a Service takes and gives back. @throws StatusError Invalid, InternalError */
  async reserve(
    { object, oldObject }: { readonly object: Service | undefined; readonly oldObject: Service | undefined },
    context: WriteContext,
  ): Promise<Reservation<Service> | undefined> {
    await this.#follow(context.reader);
    if (object === undefined) return oldObject === undefined ? undefined : release(oldObject);
    const families = settleFamilies(object, oldObject, this.#families);
    if (families.kind === 'refused') throw toStatusError(SERVICE, object.metadata.name, families.errors);
    const claim = new Claim(families.service, context);
    try {
      const service = this.#withPorts(this.#withAddresses(families.service, oldObject, claim), oldObject, claim);
      return claim.reservation(service);
    } catch (error) {
      claim.finish('abandoned');
      throw error;
    }
  }

  /** From the first write on, the pools hold what the cache shows. */
  async #follow(reader: CacheReader): Promise<void> {
    if (this.#following) {
      const lost = this.#pools().filter((pool) => pool.hasLost);
      if (lost.length === 0) return;
      await reader.caughtUp();
      for (const pool of lost) pool.forgetLost();
      return;
    }
    await reader.caughtUp();
    if (this.#following) return;
    this.#following = true;
    reader.onChange(services, ({ object, previous }) => {
      if (object !== undefined) this.#each(object, (pool, member) => pool.hold(member));
      if (previous !== undefined) this.#each(previous, (pool, member) => pool.release(member));
    });
    for (const service of reader.list(services)) this.#each(service, (pool, member) => pool.hold(member));
  }

  #pools(): readonly Pool[] {
    return [this.#ports, ...[...this.#ips.values()].map(({ pool }) => pool)];
  }

  #each(service: Service, use: (pool: Pool, member: string) => void): void {
    for (const ip of addressesOf(service)) {
      const found = this.#ips.get(familyOf(ip));
      if (found !== undefined) use(found.pool, ip);
    }
    for (const port of portsOf(service)) use(this.#ports, port);
  }

  #withAddresses(service: Service, old: Service | undefined, claim: Claim): Service {
    const { spec } = service;
    if (old !== undefined && isUnchangedPreference(service, old)) return service;
    const before = old === undefined ? [] : addressesOf(old);
    if (spec.type === 'ExternalName') {
      for (const ip of before) claim.giveBackIp(ip);
      return service;
    }
    if (spec.clusterIPs?.[0] === HEADLESS) return service;
    const given = spec.clusterIPs ?? [];
    const clusterIPs = (spec.ipFamilies ?? []).map((family, i) => {
      const wanted = given[i] ?? '';
      if (wanted !== '' && before.includes(wanted)) return wanted;
      return this.#address(family as Family, wanted, service, claim);
    });
    for (const ip of before) if (!clusterIPs.includes(ip)) claim.giveBackIp(ip);
    return { ...service, spec: withIps(spec, clusterIPs) };
  }

  #address(family: Family, wanted: string, { spec, metadata }: Service, claim: Claim): string {
    const { range, pool } = this.#ips.get(family) as IpPool;
    if (wanted === '') {
      const ip = pool.reserveAny();
      if (ip === undefined) throw internalError(new Error('failed to allocate a serviceIP: range is full'));
      claim.takeIp(ip, family, pool);
      return ip;
    }
    const refuse = (why: string): StatusError =>
      toStatusError(SERVICE, metadata.name, [invalid('spec.clusterIPs', spec.clusterIPs ?? [], `failed to allocate IP ${wanted}: ${why}`)]);
    const ip = range.canonical(wanted);
    if (ip === undefined) throw refuse(`the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${range.text}`);
    if (!pool.reserve(ip)) throw refuse('provided IP is already allocated');
    claim.takeIp(ip, family, pool);
    return ip;
  }

  #withPorts(service: Service, old: Service | undefined, claim: Claim): Service {
    const before = new Set(old === undefined ? [] : portsOf(old));
    const exposed = service.spec.type === 'NodePort' || service.spec.type === 'LoadBalancer';
    const ports = exposed ? this.#nodePorts(service, before, claim) : service.spec.ports;
    const health = this.#healthPort(service, before, claim);
    const spec = { ...service.spec, ...(ports === undefined ? {} : { ports }), ...(health === 0 ? {} : { healthCheckNodePort: health }) };
    const next = { ...service, spec };
    const kept = new Set(portsOf(next));
    for (const port of before) if (!kept.has(port)) claim.giveBackPort(port);
    return next;
  }

  /** Source: initNodePorts, updateNodePorts. */
  #nodePorts(service: Service, before: ReadonlySet<string>, claim: Claim): readonly ServicePort[] {
    const { ports = [], allocateLoadBalancerNodePorts, type } = service.spec;
    const allocate = type !== 'LoadBalancer' || allocateLoadBalancerNodePorts !== false;
    /** By port number: TCP and UDP of one port share a node port. */
    const shared = new Map<number, number>();
    for (const { port, nodePort = 0 } of ports) if (nodePort !== 0 && !shared.has(port)) shared.set(port, nodePort);
    return ports.map((port, i) => {
      const wanted = port.nodePort ?? 0;
      if (wanted !== 0) {
        this.#port(wanted, before, claim, `spec.ports[${i}].nodePort`, service);
        return port;
      }
      if (!allocate) return port;
      const found = shared.get(port.port) ?? this.#anyPort('nodePort', claim);
      shared.set(port.port, found);
      return { ...port, nodePort: found };
    });
  }

  #healthPort(service: Service, before: ReadonlySet<string>, claim: Claim): number {
    const wanted = service.spec.healthCheckNodePort ?? 0;
    if (!needsHealthCheck(service)) return 0;
    if (wanted === 0) return this.#anyPort('HealthCheck NodePort', claim);
    if (!before.has(String(wanted)) && !claim.hasPort(wanted)) {
      const why = this.#tryPort(wanted, claim);
      if (why !== undefined) throw internalError(new Error(`failed to allocate requested HealthCheck NodePort ${wanted}: ${why}`));
    }
    return wanted;
  }

  #port(wanted: number, before: ReadonlySet<string>, claim: Claim, field: string, { metadata }: Service): void {
    if (before.has(String(wanted)) || claim.hasPort(wanted)) return;
    const why = this.#tryPort(wanted, claim);
    const errors: readonly FieldError[] = why === undefined ? [] : [invalid(field, wanted, why)];
    if (errors.length > 0) throw toStatusError(SERVICE, metadata.name, errors);
  }

  #tryPort(port: number, claim: Claim): string | undefined {
    const { first, last } = this.#network.nodePorts;
    if (port < first || port > last) return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    if (!this.#ports.reserve(String(port))) return 'provided port is already allocated';
    claim.takePort(port, this.#ports);
    return undefined;
  }

  #anyPort(what: string, claim: Claim): number {
    const port = this.#ports.reserveAny();
    if (port === undefined) throw internalError(new Error(`failed to allocate a ${what}: range is full`));
    claim.takePort(Number(port), this.#ports);
    return Number(port);
  }
}

function withIps(spec: ServiceSpec, clusterIPs: readonly string[]): ServiceSpec {
  const [clusterIP] = clusterIPs;
  return clusterIP === undefined ? spec : { ...spec, clusterIP, clusterIPs };
}

/** Addresses a Service holds. */
export function addressesOf({ spec }: Service): readonly string[] {
  if (spec.type === 'ExternalName') return [];
  return (spec.clusterIPs ?? []).filter((ip) => ip !== HEADLESS && ip !== '');
}

/** Node ports a Service holds, each once. */
export function portsOf({ spec }: Service): readonly string[] {
  const ports = (spec.ports ?? []).map(({ nodePort = 0 }) => nodePort);
  return [...new Set([...ports, spec.healthCheckNodePort ?? 0])].filter((port) => port !== 0).map(String);
}

/** Everything back, with the Service that held it. */
function release(service: Service): Reservation<Service> {
  const keys = [...addressesOf(service).map((ip) => IP_PREFIX + ip), ...portsOf(service).map((port) => PORT_PREFIX + port)];
  return { object: undefined, conditions: [], operations: keys.map((key) => ({ kind: 'delete', key })), finish: () => {} };
}

/** What one write takes and gives back. */
class Claim {
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
    const object = ipAddress(ip, family, this.#service, this.#context);
    this.#take({ pool, member: ip }, IP_PREFIX + ip, IP_LAYOUT.encode(object as KubeObject));
  }

  takePort(port: number, pool: Pool): void {
    const { namespace, name } = this.#service.metadata;
    this.#take({ pool, member: String(port) }, `${PORT_PREFIX}${port}`, Buffer.from(JSON.stringify({ service: `${namespace}/${name}` })));
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

/** Source: ipallocator newIPAddress. */
function ipAddress(ip: string, family: Family, { metadata }: Service, { ids, clock }: WriteContext): IPAddress {
  return {
    kind: 'IPAddress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: {
      name: ip,
      uid: ids.uuid(),
      resourceVersion: '',
      generation: 1,
      creationTimestamp: formatTime(clock.now()),
      labels: { 'ipaddress.kubernetes.io/ip-family': family, 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' },
    },
    spec: { parentRef: { resource: 'services', namespace: metadata.namespace, name: metadata.name } },
  } as unknown as IPAddress;
}
