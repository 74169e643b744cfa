// pure
// The resolvers of a resolv.conf file.

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

const DNS_PORT = 53;

/** Source: CoreDNS `forward . /etc/resolv.conf` takes at most 15 upstreams. */
const MAX_UPSTREAMS = 15;

/** `nameserver` lines in order, without repeats and without `own` addresses, which would ask this server itself. */
export function upstreamsOf(resolvConf: string, own: readonly string[]): readonly Upstream[] {
  const found = resolvConf.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(found)]
    .filter((address) => !own.includes(address))
    .slice(0, MAX_UPSTREAMS)
    .map((address) => ({ address, port: DNS_PORT }));
}
