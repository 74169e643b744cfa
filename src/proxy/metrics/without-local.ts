// pure
// How many ports of a Service keep to this node and find nothing there. Source: nftables proxier serviceNoLocalEndpointsTotal.
import type { IpFamily } from '#apimachinery/ip.ts';
import type { EndpointSlice, Service } from '#api/types.ts';
import { chooseEndpoints, endpointsOf, type ProxyNode } from '../endpoints.ts';
import type { WithoutLocal } from './metrics.ts';

/** Of one family. */
export function withoutLocal(
  { spec }: Service,
  slices: readonly EndpointSlice[],
  node: ProxyNode,
  family: IpFamily,
): WithoutLocal | undefined {
  const [internal, external] = [spec.internalTrafficPolicy === 'Local', spec.externalTrafficPolicy === 'Local'];
  if (!internal && !external) return undefined;
  const lacking = (spec.ports ?? []).filter(({ name = '', protocol }) => {
    const { local, anywhere } = chooseEndpoints(endpointsOf(slices, { name, protocol, family }, node), node);
    return local.length === 0 && anywhere;
  }).length;
  return { internal: internal ? lacking : 0, external: external ? lacking : 0 };
}
