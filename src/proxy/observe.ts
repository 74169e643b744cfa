// pure
// What one Service asks of this node in one family.
import type { EndpointSlice, Service } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { ipFamilyOf } from '#apimachinery/ip.ts';
import { udpFlows, type UdpFlows } from './conntrack-plan.ts';
import { type HealthCheck, healthCheckOf } from './health/health-plan.ts';
import type { WithoutLocal } from './metrics/metrics.ts';
import { withoutLocal } from './metrics/without-local.ts';
import { type Fragment, type FragmentContext, serviceFragment } from './nft/fragment.ts';

export interface Observation {
  readonly fragment: Fragment | undefined;
  readonly flows: UdpFlows;
  readonly check: HealthCheck | undefined;
  readonly withoutLocal: WithoutLocal | undefined;
}

export const NOTHING: Observation = { fragment: undefined, flows: new Map(), check: undefined, withoutLocal: undefined };

/** `service`: undefined once it is gone. */
export function observe(service: Service | undefined, slices: readonly EndpointSlice[], context: FragmentContext): Observation {
  if (service === undefined || isServedElsewhere(service)) return NOTHING;
  const [node, family] = [context.node, ipFamilyOf(context.podCIDR)];
  return {
    fragment: serviceFragment(service, slices, context),
    flows: udpFlows(service, slices, node, family),
    check: healthCheckOf(service, slices, node, family),
    withoutLocal: withoutLocal(service, slices, node, family),
  };
}

/** Source: kube-proxy server.go labelSelector. */
const isServedElsewhere = ({ metadata: { labels = {} } }: Service): boolean =>
  labels[LABEL.serviceProxyName] !== undefined || labels[LABEL.headlessService] !== undefined;
