// Gives Services their addresses and node ports. In memory it knows what is taken; the store decides: each address and
// port is a key of its own, put in the transaction that stores the Service, so two writers never get the same one.
import type { Service, ServicePort, ServiceSpec } from '#api/types.ts';
import { needsHealthCheck, HEADLESS } from '#api/services.ts';
import { internalError, type StatusError } from '#apimachinery/errors.ts';
import { invalid, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { ipaddresses, services } from '#api/resources.ts';
import type { Ids } from '#base/ids.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { Reservation, WriteContext } from '../strategy.ts';
import { addressesOf, Claim, portsOf, release } from './claim.ts';
import { isUnchangedPreference, settleFamilies, familyOf } from './families.ts';
import type { Family } from './ip-range.ts';
import type { ServiceNetwork } from './network.ts';
import { Pool, portMembers } from './pool.ts';
import { ServiceRanges } from './service-ranges.ts';

const SERVICE = { group: '', kind: 'Service' } as const;

export class ServiceAllocator {
  readonly #ranges: ServiceRanges;
  readonly #ips: Readonly<Record<Family, Pool>>;
  readonly #ports: Pool;
  readonly #network: ServiceNetwork;
  #following = false;

  constructor(network: ServiceNetwork, ids: Ids) {
    this.#network = network;
    this.#ranges = new ServiceRanges(network.cidrs);
    const pool = (): Pool => new Pool(() => ids.fraction());
    this.#ips = { IPv4: pool(), IPv6: pool() };
    this.#ports = pool();
  }

  /** What a create, update or delete of a Service takes and gives back. @throws StatusError Invalid, InternalError */
  async reserve(
    { object, oldObject }: { readonly object: Service | undefined; readonly oldObject: Service | undefined },
    context: WriteContext,
  ): Promise<Reservation<Service> | undefined> {
    await this.#follow(context.reader);
    if (object === undefined) return oldObject === undefined ? undefined : release(oldObject);
    const families = settleFamilies(object, oldObject, this.#ranges.families);
    if (families.kind === 'refused') throw toStatusError(SERVICE, object.metadata.name, families.errors);
    const claim = new Claim(families.service, context);
    try {
      const addressed = this.#withAddresses(families.service, oldObject, claim, context.reader);
      const service = this.#withPorts(addressed, oldObject, claim);
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
    // An address may also belong to somebody who is no Service.
    reader.onChange(ipaddresses, ({ object, previous }) => {
      if (object !== undefined && previous === undefined) this.#ips[familyOf(object.metadata.name)].hold(object.metadata.name);
      if (object === undefined && previous !== undefined) this.#ips[familyOf(previous.metadata.name)].release(previous.metadata.name);
    });
    for (const { metadata } of reader.list(ipaddresses)) this.#ips[familyOf(metadata.name)].hold(metadata.name);
    this.#ranges.follow(reader);
  }

  #pools(): readonly Pool[] {
    return [this.#ports, this.#ips.IPv4, this.#ips.IPv6];
  }

  #each(service: Service, use: (pool: Pool, member: string) => void): void {
    for (const ip of addressesOf(service)) use(this.#ips[familyOf(ip)], ip);
    for (const port of portsOf(service)) use(this.#ports, port);
  }

  /** Source: allocClusterIPs, updateClusterIPs. */
  #withAddresses(service: Service, old: Service | undefined, claim: Claim, reader: CacheReader): Service {
    const { type, clusterIPs, ipFamilies = [] } = service.spec;
    if (old === undefined || old.spec.type === 'ExternalName') {
      return type === 'ExternalName' || clusterIPs?.[0] === HEADLESS ? service : this.#withFamilies(service, 0, { claim, reader });
    }
    if (isUnchangedPreference(service, old) || old.spec.clusterIPs?.[0] === HEADLESS) return service;
    const held = addressesOf(old);
    if (type === 'ExternalName') {
      for (const ip of held) claim.giveBackIp(ip);
      return service;
    }
    const had = old.spec.ipFamilies?.length ?? 0;
    if (had === 1 && ipFamilies.length === 2) return this.#withFamilies(service, 1, { claim, reader });
    if (had === 2 && ipFamilies.length === 1) for (const ip of held.slice(1)) claim.giveBackIp(ip);
    // Any other change of addresses is refused by validation, which says why.
    return service;
  }

  /** With an address for each family from the `first` on; those before it stay. */
  #withFamilies(service: Service, first: number, deps: { readonly claim: Claim; readonly reader: CacheReader }): Service {
    const { clusterIPs: given = [], ipFamilies = [] } = service.spec;
    const clusterIPs = ipFamilies.map((family, i) =>
      i < first ? (given[i] as string) : this.#address(family as Family, given[i] ?? '', service, deps),
    );
    return { ...service, spec: withIps(service.spec, clusterIPs) };
  }

  #address(
    family: Family,
    wanted: string,
    { spec, metadata }: Service,
    { claim, reader }: { readonly claim: Claim; readonly reader: CacheReader },
  ): string {
    const pool = this.#ips[family];
    const ranges = this.#ranges.of(family, reader);
    if (wanted === '') {
      const ip = firstOf(ranges, (range) => pool.reserveAny(range));
      if (ip === undefined) throw internalError(new Error('failed to allocate a serviceIP: range is full'));
      claim.takeIp(ip, family, pool);
      return ip;
    }
    const refuse = (why: string): StatusError =>
      toStatusError(SERVICE, metadata.name, [invalid('spec.clusterIPs', spec.clusterIPs ?? [], `failed to allocate IP ${wanted}: ${why}`)]);
    const ip = firstOf(ranges, (range) => range.canonical(wanted));
    if (ip === undefined) throw refuse('the provided network does not match the current range');
    if (!pool.reserve(ip)) throw refuse('provided IP is already allocated');
    claim.takeIp(ip, family, pool);
    return wanted; // as it was written: whoever applies it again must find it unchanged
  }

  #withPorts(service: Service, old: Service | undefined, claim: Claim): Service {
    const before = new Set(old === undefined ? [] : portsOf(old));
    const exposed = service.spec.type === 'NodePort' || service.spec.type === 'LoadBalancer';
    const ports = exposed ? this.#nodePorts(service, old, before, claim) : service.spec.ports;
    const health = this.#healthPort(service, old, claim);
    const spec = { ...service.spec, ...(ports === undefined ? {} : { ports }), ...(health === 0 ? {} : { healthCheckNodePort: health }) };
    const next = { ...service, spec };
    const kept = new Set(portsOf(next));
    for (const port of before) if (!kept.has(port)) claim.giveBackPort(port);
    return next;
  }

  /** Source: initNodePorts, updateNodePorts. */
  #nodePorts(service: Service, old: Service | undefined, before: ReadonlySet<string>, claim: Claim): readonly ServicePort[] {
    const { ports = [], allocateLoadBalancerNodePorts, type } = service.spec;
    const allocate = type !== 'LoadBalancer' || allocateLoadBalancerNodePorts !== false;
    /** By port number: TCP and UDP of one port share a node port, in a new Service. */
    const shared = new Map<number, number>();
    for (const { port, nodePort = 0 } of ports) if (nodePort !== 0 && !shared.has(port)) shared.set(port, nodePort);
    return ports.map((port, i) => {
      const wanted = port.nodePort ?? 0;
      if (wanted !== 0) {
        this.#port(wanted, before, claim, `spec.ports[${i}].nodePort`, service);
        return port;
      }
      if (!allocate) return port;
      const found = (old === undefined ? shared.get(port.port) : undefined) ?? this.#anyPort('nodePort', claim);
      shared.set(port.port, found);
      return { ...port, nodePort: found };
    });
  }

  /** 0 for none. Source: allocHealthCheckNodePort, updateHealthCheckNodePort. */
  #healthPort(service: Service, old: Service | undefined, claim: Claim): number {
    const wanted = service.spec.healthCheckNodePort ?? 0;
    if (!needsHealthCheck(service)) return 0;
    if (old !== undefined && needsHealthCheck(old)) return wanted; // another one is refused by validation
    if (wanted === 0) return this.#anyPort('HealthCheck NodePort', claim);
    const why = claim.hasPort(wanted) ? undefined : this.#tryPort(wanted, claim);
    if (why !== undefined) throw internalError(new Error(`failed to allocate requested HealthCheck NodePort ${wanted}: ${why}`));
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
    const port = this.#ports.reserveAny(portMembers(this.#network.nodePorts));
    if (port === undefined) throw internalError(new Error(`failed to allocate a ${what}: range is full`));
    claim.takePort(Number(port), this.#ports);
    return Number(port);
  }
}

function firstOf<T, R>(list: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of list) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function withIps(spec: ServiceSpec, clusterIPs: readonly string[]): ServiceSpec {
  const [clusterIP] = clusterIPs;
  return clusterIP === undefined ? spec : { ...spec, clusterIP, clusterIPs };
}
