// pure
// Extended resources of a pod that devices stand for: what containers request by number becomes a claim. Source:
// plugins/dynamicresources extendeddynamicresources.go createRequestsAndMappings, filterExtendedResources.
import { quantityValue } from '#apimachinery/quantity.ts';
import { podRequests } from '#api/pod-requests.ts';
import { controllerReference } from '#api/owner-references.ts';
import type { DeviceClass, DeviceRequest, ResourceClaim } from '#api/gen/resource-v1.ts';
import type { Container, ContainerExtendedResourceRequest, Pod } from '#api/gen/core-v1.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { isExtendedResource } from '../../state/resource-table.ts';

/** Source: ResourceDeviceClassPrefix. */
export const DEVICE_CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/';

/** Of a claim that exists in the scheduler alone: no name that the API server would take. Source: specialClaimInMemName. */
export const UNWRITTEN = '<extended-resources>';

export type ClassOfResource = (resource: string) => DeviceClass | undefined;

/** Source: IsDRAExtendedResourceName. */
export function mayBeDevices(resource: string): boolean {
  return isExtendedResource(resource) || resource.startsWith(DEVICE_CLASS_PREFIX);
}

/** The resources that a pod requests and a class stands for, in order. */
export function resourcesOfDevices(pod: Pod, classOf: ClassOfResource): readonly string[] {
  if (!pod.spec.containers.some(mayRequestDevices) && !(pod.spec.initContainers ?? []).some(mayRequestDevices)) return [];
  const requests = podRequests(pod);
  return Object.keys(requests)
    .filter((name) => mayBeDevices(name) && quantityValue(requests[name]) > 0 && classOf(name) !== undefined)
    .toSorted();
}

function mayRequestDevices({ resources }: Container): boolean {
  for (const name in resources?.requests) if (mayBeDevices(name)) return true;
  return false;
}

export interface ExtendedClaim {
  readonly claim: ResourceClaim;
  /** Which request each container has its resources by. */
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/** The claim for `resources`, not written yet; `uid`: for the time being. */
export function extendedClaim(pod: Pod, uid: string, resources: readonly string[], classOf: ClassOfResource): ExtendedClaim {
  const parts = resources.flatMap((resource) => {
    const found = classOf(resource);
    return found === undefined ? [] : [partFor(pod, resource, found.metadata.name)];
  });
  const requests = parts.flatMap((part) => part.requests).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const { name, namespace } = pod.metadata;
  const claim = {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: {
      name: UNWRITTEN,
      namespace,
      uid,
      generateName: `${name}-extended-resources-`,
      annotations: { [ANNOTATION.extendedResourceClaim]: 'true' },
      ownerReferences: [ownerOf(pod)],
    },
    spec: { devices: { requests } },
    status: {},
  };
  return { claim: claim as unknown as ResourceClaim, mappings: parts.flatMap(({ mappings }) => mappings) };
}

/** Does not block the deletion of the pod. */
function ownerOf(pod: Pod): object {
  const { blockOwnerDeletion: _, ...reference } = controllerReference(pod, { group: '', version: 'v1', kind: 'Pod' });
  return reference;
}

interface Part {
  readonly requests: readonly DeviceRequest[];
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

interface ContainerPart {
  readonly request: (DeviceRequest & { readonly exactly: { readonly count: number } }) | undefined;
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/**
 * Containers that run side by side have devices of their own. Init containers run before and one after the other: they use
 * those of the containers after them, and share what they need beyond.
 */
function partFor({ spec }: Pod, resource: string, className: string): Part {
  const inits = spec.initContainers ?? [];
  const containers = [...inits, ...spec.containers];
  const isShort = (i: number): boolean => i < inits.length && containers[i]?.restartPolicy !== 'Always';
  const lasting = containers.map((container, i) =>
    isShort(i) ? NONE : containerPart(i, container, { resource, className, reusable: [] }),
  );
  const short = containers.map((container, i) => {
    const reusable = lasting.slice(i).flatMap(({ request }) => request ?? []);
    return isShort(i) ? containerPart(i, container, { resource, className, reusable }) : NONE;
  });
  const beyond = short.flatMap(({ request }) => request ?? []);
  const greatest = beyond.reduce<(typeof beyond)[number] | undefined>(
    (most, each) => (most === undefined || each.exactly.count > most.exactly.count ? each : most),
    undefined,
  );
  const names = new Set(beyond.map(({ name }) => name));
  const shortMappings = short
    .flatMap(({ mappings }) => mappings)
    .map((mapping) => (greatest !== undefined && names.has(mapping.requestName) ? { ...mapping, requestName: greatest.name } : mapping));
  return {
    requests: [...(greatest === undefined ? [] : [greatest]), ...lasting.flatMap(({ request }) => request ?? [])],
    mappings: [...lasting.flatMap(({ mappings }) => mappings), ...shortMappings],
  };
}

const NONE: ContainerPart = { request: undefined, mappings: [] };

interface Asked {
  readonly resource: string;
  readonly className: string;
  /** Requests of others whose devices it may use before it asks for more. */
  readonly reusable: readonly NonNullable<ContainerPart['request']>[];
}

function containerPart(index: number, { name, resources }: Container, { resource, className, reusable }: Asked): ContainerPart {
  const requests = resources?.requests ?? {};
  const wanted = quantityValue(requests[resource]);
  if (wanted === 0) return NONE;
  const mappings: ContainerExtendedResourceRequest[] = [];
  let had = 0;
  for (const other of reusable) {
    had += other.exactly.count;
    mappings.push({ containerName: name, resourceName: resource, requestName: other.name });
    if (had >= wanted) return { request: undefined, mappings };
  }
  const requestName = `container-${index}-request-${Object.keys(requests).toSorted().indexOf(resource)}`;
  mappings.push({ containerName: name, resourceName: resource, requestName });
  const exactly = { deviceClassName: className, allocationMode: 'ExactCount', count: wanted - had } as const;
  return { request: { name: requestName, exactly } as NonNullable<ContainerPart['request']>, mappings };
}
