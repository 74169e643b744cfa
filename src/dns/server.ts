// The cluster's DNS server, one on each node.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { Forwarder } from './forwarder.ts';
import { type ListenAddress, Listener } from './listener.ts';
import { Resolver } from './resolver.ts';
import type { Upstream } from './resolv-conf.ts';
import { Zone } from './zone.ts';
import { ZoneIndex, type ZoneSources } from './zone-index.ts';

export interface DnsConfig {
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Where to ask for names outside the cluster. */
  upstreams(): readonly Upstream[];
}

export interface DnsDeps extends ZoneSources {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: DnsConfig;
}

export interface DnsServer {
  /**
   * Resolves when it answers on `listen`: after the informers have synced, so that no name is denied that exists.
   * Port 0 takes a free one. @throws Error when an address cannot be bound; nothing is left bound then
   */
  start(listen: readonly ListenAddress[]): Promise<readonly ListenAddress[]>;
  stop(): Promise<void>;
}

export function createDnsServer({ services, endpointSlices, namespaces, clock, ids, logger, config }: DnsDeps): DnsServer {
  const domain = config.clusterDomain.toLowerCase();
  const zone = new Zone(domain, new ZoneIndex(domain, { services, endpointSlices, namespaces }));
  const resolver = new Resolver(zone, new Forwarder({ clock, ids, upstreams: () => config.upstreams() }), logger, () => ids.fraction());
  const listeners: Listener[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
  };
  return {
    async start(listen) {
      await Promise.all([services.synced(), endpointSlices.synced(), namespaces.synced()]);
      try {
        const bound: ListenAddress[] = [];
        for (const address of listen) {
          const listener = new Listener((query) => resolver.resolve(query), logger);
          bound.push(await listener.start(address));
          listeners.push(listener);
        }
        return bound;
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}
