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
import type { Capacity } from './capacity.ts';

export interface Written {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A new UUID for each share of a device. */
  readonly uuid: () => string;
  /** The node the claim is allocated for. */
  readonly node: string;
}

export function allocationResult(claim: ResourceClaim, taken: readonly Taken[], { now, uuid, node }: Written): AllocationResult {
  const config = configOf(claim, taken);
  const nodeSelector = nodeSelectorOf(taken, node);
  return {
    devices: { results: taken.map((each) => resultOf(each, uuid)), ...(config.length === 0 ? {} : { config }) },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
    allocationTimestamp: formatTime(now),
  };
}

function resultOf({ wanted, published: { device, slice }, consumed }: Taken, uuid: () => string): DeviceRequestAllocationResult {
  const { bindingConditions = [], bindingFailureConditions = [] } = device;
  return {
    request: wanted.name,
    driver: slice.spec.driver,
    pool: slice.spec.pool.name,
    device: device.name,
    ...(wanted.adminAccess ? { adminAccess: true } : {}),
    ...(wanted.tolerations.length === 0 ? {} : { tolerations: wanted.tolerations }),
    ...(bindingConditions.length === 0 ? {} : { bindingConditions }),
    ...(bindingFailureConditions.length === 0 ? {} : { bindingFailureConditions }),
    ...(consumed === undefined ? {} : shareOf(consumed, uuid)),
  };
}

function shareOf(consumed: Capacity, uuid: () => string): Pick<DeviceRequestAllocationResult, 'shareID' | 'consumedCapacity'> {
  const consumedCapacity = Object.fromEntries([...consumed].map(([name, amount]) => [name, amount.toString()]));
  return { shareID: uuid(), ...(consumed.size === 0 ? {} : { consumedCapacity }) };
}

/** Of classes first, each once, so that the claim's own has the last word. */
function configOf({ spec }: ResourceClaim, taken: readonly Taken[]): readonly DeviceAllocationConfiguration[] {
  const wanted = [...new Set(taken.map((each) => each.wanted))];
  const requestsOfClass = Map.groupBy(wanted, ({ deviceClass }) => deviceClass);
  const ofClasses = [...requestsOfClass].flatMap(([deviceClass, requests]) =>
    (deviceClass.spec.config ?? []).map((config) => ({
      source: 'FromClass' as const,
      requests: requests.map(({ name }) => name),
      ...config,
    })),
  );
  // One that names several requests of the claim stands there once for each of them.
  const timesOf = (names: readonly string[]): number =>
    names.length === 0 ? 1 : wanted.filter(({ name, parent }) => names.includes(name) || names.includes(parent)).length;
  const ofClaim = (spec.devices.config ?? []).flatMap((config) =>
    Array.from({ length: timesOf(config.requests ?? []) }, () => ({ source: 'FromClaim' as const, ...config })),
  );
  return [...ofClasses, ...ofClaim];
}

/** Nodes from which all the devices can be reached; undefined for everywhere. */
function nodeSelectorOf(taken: readonly Taken[], node: string): NodeSelector | undefined {
  const matchFields: NodeSelectorRequirement[] = [];
  const matchExpressions: NodeSelectorRequirement[] = [];
  for (const { published } of taken) {
    const { slice, device } = published;
    const { nodeName, nodeSelector } = slice.spec.perDeviceNodeSelection === true ? device : slice.spec;
    if (nodeName !== undefined || device.bindsToNode === true) {
      return { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] };
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
