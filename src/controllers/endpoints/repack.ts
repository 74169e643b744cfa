// pure
// Subsets packed anew: each port stands in one of them, with all that serve it. Source: pkg/api/v1/endpoints RepackSubsets.
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/types.ts';

interface Served {
  /** None: of addresses that tell no port. */
  readonly port: EndpointPort | undefined;
  /** Whether each is ready, by its key. */
  readonly ready: Map<string, boolean>;
}

const keyOf = ({ ip, targetRef }: EndpointAddress): string => `${ip} ${targetRef?.uid ?? ''}`;

const keyOfPort = ({ name = '', port, protocol, appProtocol = '' }: EndpointPort): string => `${name}/${protocol}/${port}/${appProtocol}`;

/** Who is said to be ready and not ready for one port is not. */
export function repacked(subsets: readonly EndpointSubset[]): readonly EndpointSubset[] {
  const known = new Map<string, EndpointAddress>();
  const byPort = new Map<string, Served>();
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of subsets)
    for (const port of ports.length === 0 ? [undefined] : ports) {
      const name = port === undefined ? '' : keyOfPort(port);
      const served = byPort.get(name) ?? { port, ready: new Map() };
      byPort.set(name, served);
      const serve = (address: EndpointAddress, isReady: boolean): void => {
        const key = keyOf(address);
        if (!known.has(key)) known.set(key, address);
        served.ready.set(key, isReady && served.ready.get(key) !== false);
      };
      for (const address of addresses) serve(address, true);
      for (const address of notReadyAddresses) serve(address, false);
    }
  const groups = Map.groupBy(byPort.values(), ({ ready }) =>
    [...ready]
      .map(([key, isReady]) => `${key} ${isReady}`)
      .toSorted()
      .join(),
  );
  return [...groups.values()].map((group) => {
    const { ready } = group[0] as Served;
    const keys = [...ready.keys()].toSorted();
    const those = (want: boolean): readonly EndpointAddress[] =>
      keys.filter((key) => ready.get(key) === want).map((key) => known.get(key) as EndpointAddress);
    return { addresses: those(true), notReadyAddresses: those(false), ports: group.flatMap(({ port }) => port ?? []) };
  });
}
