// pure
// What the table holds of the node and the cluster themselves, beside all Services.
import type { Element, Fragment } from './fragment.ts';

/** Networks of one family. */
export interface NodeNetworks {
  /** In which a local address serves node ports. */
  readonly nodePorts: readonly string[];
  /** Of cluster IPs: what is sent to one that no Service has leads nowhere. */
  readonly services: readonly string[];
}

export function nodeFragment({ nodePorts, services }: NodeNetworks): Fragment {
  const elements = (set: Element['set'], keys: readonly string[]): readonly Element[] => keys.map((key) => ({ set, key, value: '' }));
  return {
    chains: new Map(),
    affinities: new Map(),
    elements: [...elements('nodeport-ips', nodePorts), ...elements('service-cidrs', services)],
  };
}
