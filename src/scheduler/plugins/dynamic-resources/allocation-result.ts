// pure
// What is written into a claim's status for the devices it got. Source: structured Allocator.Allocate, createNodeSelector.
import { deepEqual } from '#apimachinery/json-value.ts';
import { formatTime } from '#apimachinery/time.ts';
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from '#api/gen/resource-v1.ts';
import type { NodeSelector, NodeSelectorRequirement } from '#api/types.ts';
import type { Taken } from './allocate.ts';

/** `now`: milliseconds since the epoch. */
export function allocationResult(claim: ResourceClaim, taken: readonly Taken[], now: number): AllocationResult {
  const config = configOf(claim, taken);
  const nodeSelector = nodeSelectorOf(taken);
  return {
    devices: { results: taken.map(resultOf), ...(config.length === 0 ? {} : { config }) },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    allocationTimestamp: formatTime(now),
  };
}

function resultOf({ wanted, published: { device, slice } }: Taken): DeviceRequestAllocationResult {
  return {
    request: wanted.name,
    driver: slice.spec.driver,
    pool: slice.spec.pool.name,
    device: device.name,
    ...(wanted.adminAccess ? { adminAccess: true } : {}),
    ...(wanted.tolerations.length === 0 ? {} : { tolerations: wanted.tolerations }),
  };
}

/** Of classes first, so that the claim's own has the last word. One that is for every request names none. */
function configOf({ spec }: ResourceClaim, taken: readonly Taken[]): readonly DeviceAllocationConfiguration[] {
  const requests = spec.devices.requests ?? [];
  const wanted = [...new Set(taken.map((each) => each.wanted))];
  const ofClasses = wanted.flatMap(({ name, deviceClass }) =>
    (deviceClass.spec.config ?? []).map((config) => ({ source: 'FromClass' as const, requests: [name], ...config })),
  );
  const isConcerned = (names: readonly string[]): boolean =>
    names.length === 0 || wanted.some(({ name, parent }) => names.includes(name) || names.includes(parent));
  const ofClaim = (spec.devices.config ?? [])
    .filter((config) => isConcerned(config.requests ?? []))
    .map((config) => ({ source: 'FromClaim' as const, ...config }));
  return [...ofClasses, ...ofClaim].map(({ requests: names, ...config }) =>
    names === undefined || names.length === requests.length ? config : { ...config, requests: names },
  );
}

/** Nodes from which all the devices can be reached; undefined for everywhere. */
function nodeSelectorOf(taken: readonly Taken[]): NodeSelector | undefined {
  const matchFields: NodeSelectorRequirement[] = [];
  const matchExpressions: NodeSelectorRequirement[] = [];
  for (const { published } of taken) {
    const { nodeName, nodeSelector } = published.slice.spec.perDeviceNodeSelection === true ? published.device : published.slice.spec;
    if (nodeName !== undefined) {
      return { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }] };
    }
    const [term] = nodeSelector?.nodeSelectorTerms ?? [];
    addNew(matchFields, term?.matchFields);
    addNew(matchExpressions, term?.matchExpressions);
  }
  if (matchFields.length + matchExpressions.length === 0) return undefined;
  const fields = matchFields.length === 0 ? {} : { matchFields };
  return { nodeSelectorTerms: [{ ...fields, ...(matchExpressions.length === 0 ? {} : { matchExpressions }) }] };
}

function addNew(list: NodeSelectorRequirement[], more: readonly NodeSelectorRequirement[] = []): void {
  for (const requirement of more) if (!list.some((known) => deepEqual(known, requirement))) list.push(requirement);
}
