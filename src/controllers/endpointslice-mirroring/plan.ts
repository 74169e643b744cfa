// pure
// The slices that say what hand-made Endpoints say. Source: pkg/controller/endpointslicemirroring reconciler.go, utils.go.
import { controllerReference } from '#api/owner-references.ts';
import type { EndpointAddress, Endpoints, Service } from '#api/types.ts';
import { ANNOTATION, LABEL } from '#api/well-known.ts';
import { keepsElection } from '../endpoints/plan.ts';
import { repacked } from '../endpoints/repack.ts';
import type { SliceSource } from '../endpointslice/plan.ts';
import { type Target, targetOf } from '../endpointslice/target.ts';

export const MIRRORED_BY = 'endpointslicemirroring-controller.k8s.io';

/**
 * Most addresses of a subset that are mirrored, and so of a slice: each subset has one for each family.
 * Source: --mirroring-max-endpoints-per-subset.
 */
export const MAX_PER_SUBSET = 1000;

const ENDPOINTS_KIND = { group: '', version: 'v1', kind: 'Endpoints' } as const;

/** Source: shouldMirror, skipMirror. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  return (
    endpoints.metadata.labels?.[LABEL.skipMirror] !== 'true' &&
    !keepsElection(endpoints) &&
    service !== undefined &&
    service.spec.selector === undefined
  );
}

export function mirrorSource(endpoints: Endpoints): SliceSource {
  const { name, namespace, labels, annotations = {} } = endpoints.metadata;
  const { [ANNOTATION.lastAppliedConfiguration]: _, [ANNOTATION.endpointsLastChange]: triggerTime, ...rest } = annotations;
  return {
    name,
    namespace,
    labels: { ...labels, [LABEL.serviceName]: name, [LABEL.managedBy]: MIRRORED_BY },
    annotations: rest,
    owner: controllerReference(endpoints, ENDPOINTS_KIND),
    families: ['IPv4', 'IPv6'],
    keepEmpty: false,
    ...(triggerTime === undefined ? {} : { triggerTime }),
  };
}

export interface Mirrored {
  readonly targets: readonly Target[];
  /** Addresses that are left out: their subset has too many. */
  readonly skipped: number;
}

export function mirrorTargets({ subsets = [] }: Endpoints): Mirrored {
  let skipped = 0;
  const targets = repacked(subsets).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const all = [
      ...addresses.map((address) => endpointOf(address, true)),
      ...notReadyAddresses.map((address) => endpointOf(address, false)),
    ];
    skipped += Math.max(0, all.length - MAX_PER_SUBSET);
    const slicePorts = ports.map(({ name = '', port, protocol, appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    }));
    return all.slice(0, MAX_PER_SUBSET).map((endpoint) => targetOf(endpoint, slicePorts));
  });
  return { targets, skipped };
}

const endpointOf = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Target['endpoint'] => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname === undefined ? {} : { hostname }),
  ...(targetRef === undefined ? {} : { targetRef }),
  ...(nodeName === undefined ? {} : { nodeName }),
});
