// What a pod's status says of the resource claims it uses. Source: core validation.go, called by ValidatePodStatusUpdate.
import { ownValue } from '../../json-object.ts';
import type { PodSpec, PodStatus } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { dns1123Label } from '#apimachinery/names.ts';
import { subdomainName } from '../metadata.ts';
import { blank, entries, quantity, type Problems } from '../problems.ts';
import { isNative } from './resource-names.ts';

const STATUS = Path.of('status');

export function validateClaimStatuses(out: Problems, status: PodStatus, spec: PodSpec): void {
  validateGenerated(out, status, spec);
  validateExtended(out, status, spec);
  validateNodeAllocatable(out, status, spec);
}

/** What is wrong with a claim's name is told of the entry's. Source: validatePodResourceClaimStatuses. */
function validateGenerated(out: Problems, status: PodStatus, spec: PodSpec): void {
  const names = new Set<string>();
  status.resourceClaimStatuses?.forEach(({ name, resourceClaimName }, i) => {
    const path = STATUS.child('resourceClaimStatuses').index(i);
    if (spec.resourceClaims?.some((claim) => claim.name === name) !== true) {
      out.invalid(path.child('name'), name, 'must match the name of an entry in `spec.resourceClaims`');
    }
    if (names.has(name)) out.duplicate(path.child('name'), name);
    names.add(name);
    if (resourceClaimName !== undefined) out.each(path.child('name'), resourceClaimName, subdomainName(resourceClaimName, false));
  });
}

/** Source: validatePodExtendedResourceClaimStatus. */
function validateExtended(out: Problems, { extendedResourceClaimStatus: status }: PodStatus, spec: PodSpec): void {
  if (status === undefined) return;
  const at = STATUS.child('extendedResourceClaimStatus');
  const containers = new Map([...(spec.initContainers ?? []), ...spec.containers].map((c) => [c.name, c]));
  const mappings = status.requestMappings ?? [];
  if (mappings.length === 0) out.required(at.child('requestMappings'), 'at least one request mapping is required');
  const seen = new Set<string>();
  mappings.forEach(({ containerName, resourceName, requestName }, i) => {
    const path = at.child('requestMappings').index(i);
    const container = containers.get(containerName);
    if (container === undefined) {
      out.invalid(
        path.child('containerName'),
        containerName,
        'must match the name of an entry in spec.initContainers.name or spec.containers.name',
      );
    } else if (ownValue(container.resources?.requests, resourceName) === undefined) {
      const detail =
        'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests';
      out.invalid(path.child('resourceName'), resourceName, detail);
    }
    out.each(at.child('requestName'), requestName, dns1123Label(requestName));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      out.duplicate(path.child('containerName'), containerName);
      out.duplicate(path.child('resourceName'), resourceName);
      out.duplicate(path.child('requestName'), requestName);
    }
    seen.add(key);
  });
  if (blank(status.resourceClaimName)) out.required(at.child('resourceClaimName'));
  else out.each(at.child('resourceClaimName'), status.resourceClaimName, subdomainName(status.resourceClaimName, false));
}

/** Source: validateNodeAllocatableResourceClaimStatus. */
function validateNodeAllocatable(out: Problems, status: PodStatus, spec: PodSpec): void {
  const known = new Set([...(spec.resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])].map((claim) => claim.resourceClaimName));
  status.nodeAllocatableResourceClaimStatuses?.forEach(({ resourceClaimName: name, containers = [], resources }, i) => {
    const path = STATUS.child('nodeAllocatableResourceClaimStatuses').index(i);
    if (blank(name)) out.required(path.child('resourceClaimName'), 'must not be empty');
    if (!known.has(name)) out.invalid(path.child('resourceClaimName'), name, 'no mapping found in pod reference');
    if (containers.length === 0) out.required(path.child('containers'), 'must not be empty');
    const amounts = entries(resources ?? {});
    if (amounts.length === 0) out.required(path.child('resources'), 'must not be empty');
    for (const [resource, text] of amounts) {
      const at = path.child('resources').key(resource);
      if (!isNative(resource)) out.invalid(at, resource, 'must be a node allocatable resource name');
      if (quantity(text).sign() < 0) out.invalid(at, quantity(text).toString(), 'must be non-negative');
    }
  });
}
