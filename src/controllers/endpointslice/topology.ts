// pure
// Endpoints shared out to zones by their part of the cluster's CPU, so that traffic stays in its zone and no endpoint gets much
// more of it than the others. Source: k8s.io/endpointslice topologycache.
import { isConditionTrue } from '#api/conditions.ts';
import type { Node, Service } from '#api/types.ts';
import { ANNOTATION, LABEL } from '#api/well-known.ts';
import { quantityMilliValue } from '#apimachinery/quantity.ts';
import type { Target } from './target.ts';

/** Most that an endpoint may get beyond its even share. */
const OVERLOAD_THRESHOLD = 0.2;

/** Of the annotation before v1.27, which goes first. */
const HINTS_ANNOTATION = 'service.kubernetes.io/topology-aware-hints';

/** Nodes that run no workloads. */
const EXCLUDED = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** Part of the CPU, 0 to 1, by zone; undefined when there are too few zones, or too little is known. */
export type ZoneRatios = ReadonlyMap<string, number> | undefined;

/** Source: hintsEnabled. */
export function isTopologyAware({ metadata: { annotations } }: Pick<Service, 'metadata'>): boolean {
  const mode = annotations?.[HINTS_ANNOTATION] ?? annotations?.[ANNOTATION.topologyMode];
  return mode === 'Auto' || mode === 'auto';
}

/** Source: SetNodes. */
export function zoneRatios(nodes: Iterable<Node>): ZoneRatios {
  const cpu = new Map<string, number>();
  let total = 0;
  for (const { metadata, status } of nodes) {
    if (EXCLUDED.some((label) => metadata.labels?.[label] !== undefined) || !isConditionTrue(status.conditions, 'Ready')) continue;
    const zone = metadata.labels?.[LABEL.zone] ?? '';
    const amount = quantityMilliValue(status.allocatable?.['cpu']);
    if (zone === '' || amount === 0) return undefined;
    total += amount;
    cpu.set(zone, (cpu.get(zone) ?? 0) + amount);
  }
  return cpu.size < 2 ? undefined : new Map([...cpu].map(([zone, amount]) => [zone, amount / total]));
}

export type Sharing =
  /** The zone each ready target is for. */
  { readonly kind: 'shared'; readonly zones: ReadonlyMap<Target, string> } | { readonly kind: 'failed'; readonly why: string };

interface Allocation {
  readonly minimum: number;
  readonly maximum: number;
  readonly desired: number;
}

/** `targets` are of one address family; `hinted`: the zone an endpoint is for already, by its identity. Source: AddHints. */
export function shareByCpu(targets: readonly Target[], ratios: ZoneRatios, hinted: ReadonlyMap<string, string>): Sharing {
  const ready = targets.filter(({ endpoint }) => endpoint.conditions.ready === true);
  const allocations = allocate(ready.length, ratios);
  if (typeof allocations === 'string') return { kind: 'failed', why: allocations };
  if (ready.some(({ endpoint }) => (endpoint.zone ?? '') === ''))
    return { kind: 'failed', why: 'One or more endpoints do not have a zone specified' };
  const kept = keep(ready, allocations, hinted);
  const zones = new Map(ready.map((target) => [target, kept.get(target) ?? (target.endpoint.zone as string)]));
  redistribute(
    ready.filter((target) => !kept.has(target)),
    zones,
    transfers(allocations, countZones(zones.values())),
  );
  return { kind: 'shared', zones };
}

/** How many endpoints each zone should have, or why that cannot be told. Source: getAllocations. */
function allocate(endpoints: number, ratios: ZoneRatios): ReadonlyMap<string, Allocation> | string {
  if (ratios === undefined) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  const numbers = `(${endpoints} endpoints, ${ratios.size} zones)`;
  if (ratios.size > endpoints) return `Insufficient number of endpoints ${numbers}`;
  const shares = [...ratios].map(([zone, ratio]) => {
    const even = ratio * endpoints;
    const minimum = Math.ceil(even / (1 + OVERLOAD_THRESHOLD));
    return { zone, minimum, desired: Math.max(even, minimum) };
  });
  const spare = endpoints - shares.reduce((sum, { minimum }) => sum + minimum, 0);
  if (spare < 0) return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${numbers}`;
  return new Map(shares.map(({ zone, minimum, desired }) => [zone, { minimum, desired, maximum: minimum + spare }]));
}

/** Endpoints stay with the zone they are for, unless a zone has none left to serve or would have too many. Source: getHintsByZone. */
function keep(
  ready: readonly Target[],
  allocations: ReadonlyMap<string, Allocation>,
  hinted: ReadonlyMap<string, string>,
): ReadonlyMap<Target, string> {
  const kept = new Map<Target, string>();
  for (const target of ready) {
    const zone = hinted.get(target.id);
    if (zone !== undefined && allocations.has(zone)) kept.set(target, zone);
  }
  const fits = [...countZones(kept.values())].every(([zone, count]) => count <= (allocations.get(zone)?.maximum ?? 0));
  return fits ? kept : new Map();
}

function countZones(zones: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const zone of zones) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return counts;
}

interface Transfers {
  readonly giving: Map<string, number>;
  readonly receiving: Map<string, number>;
}

/** Whole endpoints that zones give to and get from each other. Source: getGivingAndReceivingZones. */
function transfers(allocations: ReadonlyMap<string, Allocation>, counts: ReadonlyMap<string, number>): Transfers {
  const over = new Map<string, number>();
  const under = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const count = counts.get(zone) ?? 0;
    if (count > desired) over.set(zone, count - desired);
    else if (count < desired) under.set(zone, desired - count);
  }
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const [giver, toGive] = most(over);
    const [receiver, toReceive] = most(under);
    if (toGive < 0.5 || toReceive < 0.5 || (toGive < 1 && toReceive < 1)) return { giving, receiving };
    giving.set(giver, (giving.get(giver) ?? 0) + 1);
    over.set(giver, toGive - 1);
    receiving.set(receiver, (receiving.get(receiver) ?? 0) + 1);
    under.set(receiver, toReceive - 1);
  }
}

const most = (zones: ReadonlyMap<string, number>): readonly [zone: string, count: number] =>
  [...zones].reduce((best, each) => (each[1] > best[1] ? each : best), ['', 0] as [string, number]);

/** Source: redistributeHints. */
function redistribute(free: readonly Target[], zones: Map<Target, string>, { giving, receiving }: Transfers): void {
  for (const target of free) {
    const from = zones.get(target) as string;
    const left = giving.get(from) ?? 0;
    const to = [...receiving].find(([, count]) => count > 0);
    if (to === undefined) return;
    if (left === 0) continue;
    zones.set(target, to[0]);
    giving.set(from, left - 1);
    receiving.set(to[0], to[1] - 1);
  }
}
