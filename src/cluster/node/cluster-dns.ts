// The node's DNS server as the cluster sees it: it listens on the bridge, and an EndpointSlice of each family leads the
// Service `kube-dns` to it. Both are made again until they are there, and the slices whenever somebody removes them.
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isSystemError } from '#base/system-error.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { endpointslices, nodes } from '#api/resources.ts';
import type { EndpointSlice, New } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import type { Informer } from '#client/informer-contract.ts';
import { kubeDnsEndpoints } from '#dns/kube-dns.ts';
import type { DnsServer } from '#dns/server.ts';
import { aborted } from './process.ts';

const DNS_PORT = 53;

/** After an address that is taken, or an API server that does not answer. Milliseconds. */
const RETRY_MS = 1_000;

export interface ClusterDnsDeps {
  readonly dns: Pick<DnsServer, 'start'>;
  /** Addresses of the bridge, one a family, once it has them. */
  readonly ready: Promise<readonly string[]>;
  readonly slices: Informer<EndpointSlice>;
  readonly client: Client;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Runs until the signal aborts; the server is stopped by whoever made it. */
export async function serveClusterDns({ dns, slices, client, nodeName, ...deps }: ClusterDnsDeps, signal: AbortSignal): Promise<void> {
  const addresses = await Promise.race([deps.ready, aborted(signal)]);
  if (addresses === undefined) return; // no bridge came
  await insist(() => dns.start(addresses.map((address) => ({ address, port: DNS_PORT }))), deps, signal);
  const names = new Set(addresses.map((address) => kubeDnsEndpoints({ name: nodeName, uid: '' }, address).metadata?.name));
  let wake = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => wake.resolve(), { once: true });
  const leave = slices.addHandlers({
    deleted({ metadata: { name, namespace } }) {
      if (namespace === 'kube-system' && names.has(name)) wake.resolve();
    },
  });
  try {
    for (let first = true; !signal.aborted; first = false) {
      await insist(() => publish(client, nodeName, addresses), deps, signal);
      deps.logger.info(first ? 'cluster DNS serves' : 'cluster DNS was made known again', { addresses });
      await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    leave();
  }
}

async function publish(client: Client, nodeName: string, addresses: readonly string[]): Promise<void> {
  const node = await client.get(nodes, { name: nodeName });
  for (const address of addresses) await createOrReplace(client, kubeDnsEndpoints({ name: nodeName, uid: node.metadata.uid }, address));
}

async function createOrReplace(client: Client, slice: New<EndpointSlice>): Promise<void> {
  try {
    await client.create(endpointslices, slice);
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    await client.update(endpointslices, slice);
  }
}

/** Until it succeeds. @throws the signal's reason; what is neither the kernel's nor the API server's refusal */
async function insist<T>(
  attempt: () => Promise<T>,
  { clock, logger }: Pick<ClusterDnsDeps, 'clock' | 'logger'>,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(isSystemError(error) || isStatusError(error) || error instanceof ConnectionError)) throw error;
      logger.error('cluster DNS does not serve yet', { error, retryMs: RETRY_MS });
      await wait(clock, RETRY_MS, signal);
    }
  }
}
