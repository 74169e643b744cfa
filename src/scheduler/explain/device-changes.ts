// pure
// What could be changed of claims, classes and devices, and of pods that have them, for a pod that does not get its devices.
import type { DeviceClass, DeviceRequest, DeviceTaint, ExactDeviceRequest, ResourceClaim } from '#api/gen/resource-v1.ts';
import { controllerOf } from '#api/owner-references.ts';
import { taintText, toleratesDeviceTaint } from '#api/taints.ts';
import type { Node, Pod } from '#api/types.ts';
import { podClaims } from '../plugins/dynamic-resources/pod-claims.ts';
import type { PoolDevice } from '../plugins/dynamic-resources/pools.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { Change, Obstacle } from './changes.ts';
import { podName } from './eviction.ts';
import { nearestName } from './similar.ts';
import { devicesOf, type TrialDevices } from './trial-devices.ts';

export function deviceChanges({ pod: { pod }, slot, cluster, devices }: Obstacle): readonly Change[] {
  if (devices === undefined) return [];
  const missing = missingClaims(pod, devices);
  if (missing.length > 0) return missing;
  const claims = podClaims(pod, (namespace, name) => devices.claim(namespace, name));
  if ('refusal' in claims) return [];
  const open = claims.filter(({ status }) => status?.allocation === undefined);
  const here = devices.pools.on(cluster.nodes[slot] as Node).devices;
  return [
    ...open.flatMap((claim) => knownClass(claim, devices)),
    ...open.flatMap((claim) => tolerant(claim, here)),
    ...released(pod, claims, here, { cluster, devices }),
    ...open.flatMap(fewer),
    ...open.flatMap(unselective),
  ];
}

function missingClaims(pod: Pod, devices: TrialDevices): readonly Change[] {
  const { namespace } = pod.metadata;
  return (pod.spec.resourceClaims ?? []).flatMap(({ resourceClaimName: name }): readonly Change[] => {
    if (name === undefined || devices.claim(namespace, name) !== undefined) return [];
    const names = [...devices.claims()].filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name);
    const meant = nearestName(name, names);
    const made = { metadata: { name, namespace, uid: name }, spec: { devices: {} }, status: {} } as unknown as ResourceClaim;
    const resourceClaims = pod.spec.resourceClaims?.map((one) =>
      one.resourceClaimName === name ? { ...one, resourceClaimName: meant as string } : one,
    );
    return [
      ...(meant === undefined || resourceClaims === undefined
        ? []
        : [
            {
              kind: 'device' as const,
              text: `name claim ${meant} instead of ${name}`,
              pod: { ...pod, spec: { ...pod.spec, resourceClaims } },
            },
          ]),
      { kind: 'device', text: `make ResourceClaim ${name}`, devices: { claims: [made] } },
    ];
  });
}

/** `ResourceClaimTemplate` is what a claim that belongs to a pod was made from. */
const nameOf = (claim: ResourceClaim): string =>
  `ResourceClaim ${claim.metadata.name}${controllerOf(claim)?.kind === 'Pod' ? ', by its template' : ''}`;

function changed(claim: ResourceClaim, change: (request: ExactDeviceRequest, of: DeviceRequest) => ExactDeviceRequest): ResourceClaim {
  const requests = claim.spec.devices.requests?.map((request) =>
    request.exactly === undefined ? request : { ...request, exactly: change(request.exactly, request) },
  );
  return { ...claim, spec: { ...claim.spec, devices: { ...claim.spec.devices, ...(requests === undefined ? {} : { requests }) } } };
}

const trying = (text: string, claim: ResourceClaim): Change => ({ kind: 'device', text, devices: { claims: [claim] } });

/** Another class of nearly that name, or one of that name that takes any device. */
function knownClass(claim: ResourceClaim, { deviceClass, listClasses }: TrialDevices): readonly Change[] {
  return (claim.spec.devices.requests ?? []).flatMap(({ exactly }): readonly Change[] => {
    const name = exactly?.deviceClassName;
    if (name === undefined || deviceClass(name) !== undefined) return [];
    const meant = nearestName(
      name,
      [...listClasses()].map(({ metadata }) => metadata.name),
    );
    const respelled = changed(claim, (request) =>
      request.deviceClassName === name ? { ...request, deviceClassName: meant as string } : request,
    );
    const made = { metadata: { name }, spec: {} } as unknown as DeviceClass;
    return [
      ...(meant === undefined ? [] : [trying(`name device class ${meant} instead of ${name} in ${nameOf(claim)}`, respelled)]),
      { kind: 'device', text: `make DeviceClass ${name}`, devices: { classes: [made] } },
    ];
  });
}

/** Every taint of the node's devices that keeps them from the claim. */
function tolerant(claim: ResourceClaim, here: readonly PoolDevice[]): readonly Change[] {
  const taints = new Map<string, DeviceTaint>();
  for (const { published } of here) {
    for (const taint of published.device.taints ?? []) {
      const isTolerated = claim.spec.devices.requests?.every(({ exactly }) =>
        exactly?.tolerations?.some((toleration) => toleratesDeviceTaint(toleration, taint)),
      );
      if (taint.effect !== 'None' && isTolerated !== true) taints.set(taintText(taint), taint);
    }
  }
  return [...taints].map(([said, { key, value = '', effect }]) => {
    const toleration = value === '' ? { key, operator: 'Exists', effect } : { key, operator: 'Equal', value, effect };
    const changedClaim = changed(claim, (request) => ({ ...request, tolerations: [...(request.tolerations ?? []), toleration] as never }));
    return trying(`add a toleration for the device taint ${said} to ${nameOf(claim)}`, changedClaim);
  });
}

interface Around {
  readonly cluster: ClusterState;
  readonly devices: TrialDevices;
}

/** Without the pods of one claim that has devices of the node, or that the pod itself names and that is bound to another node. */
function released(pod: Pod, own: readonly ResourceClaim[], here: readonly PoolDevice[], { cluster, devices }: Around): readonly Change[] {
  const ids = new Set(here.map(({ published }) => published.id));
  const keys = new Set(own.map(({ metadata }) => metadata.uid));
  const holding = [...devices.claims()].filter(
    (claim) => claim.status?.allocation !== undefined && (keys.has(claim.metadata.uid) || devicesOf(claim).some((id) => ids.has(id))),
  );
  return holding.map((claim): Change => {
    const uids = new Set((claim.status?.reservedFor ?? []).map(({ uid }) => uid));
    const users = [...cluster.pods.values()]
      .map(({ info }) => info.pod)
      .filter(({ metadata }) => uids.has(metadata.uid) && metadata.uid !== pod.metadata.uid);
    const { allocation: _, reservedFor: __, ...status } = claim.status ?? {};
    const names = users.map(podName).join(', ');
    const what = `ResourceClaim ${claim.metadata.namespace}/${claim.metadata.name}`;
    return {
      kind: 'device',
      text:
        users.length === 0
          ? `give up the allocation of ${what}`
          : `remove ${users.length === 1 ? 'pod' : 'pods'} ${names}, which ${users.length === 1 ? 'has' : 'have'} the devices of ${what}`,
      removed: users,
      devices: { claims: [{ ...claim, status }] },
    };
  });
}

/** From one less than are asked for down to one. */
function fewer(claim: ResourceClaim): readonly Change[] {
  return (claim.spec.devices.requests ?? []).flatMap(({ name, exactly }) => {
    const count = Number(exactly?.count ?? 1);
    return Array.from({ length: Math.max(0, count - 1) }, (_, i) => count - 1 - i).map((less) =>
      trying(
        `ask for ${less} instead of ${count} devices in request ${name} of ${nameOf(claim)}`,
        changed(claim, (request, of) => (of.name === name ? { ...request, count: less } : request)),
      ),
    );
  });
}

function unselective(claim: ResourceClaim): readonly Change[] {
  return (claim.spec.devices.requests ?? []).flatMap(({ name, exactly }) =>
    (exactly?.selectors ?? []).map((selector, i) =>
      trying(
        `drop the selector ${selector.cel?.expression ?? ''} from request ${name} of ${nameOf(claim)}`,
        changed(claim, (request, of) => (of.name === name ? { ...request, selectors: request.selectors?.toSpliced(i, 1) ?? [] } : request)),
      ),
    ),
  );
}
