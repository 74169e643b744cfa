// How fast nodes of a zone may lose their pods: slower when many are in trouble at once, for then it is the network or the
// control plane rather than they; not at all when all are. Source: node_lifecycle_controller.go handleDisruption.
import type { Clock } from '#base/clock.ts';
import { isNodeReady, zoneKey } from '#api/nodes.ts';
import type { Node } from '#api/types.ts';
import type { ControllerMetrics } from '../metrics/metrics.ts';
import { DEFAULT_TUNING, type NodeTuning } from '../runtime/tuning.ts';

export type ZoneState = 'normal' | 'partial' | 'full';

/** Source: ComputeZoneState. */
export function zoneState(ready: number, notReady: number, { unhealthyShare } = DEFAULT_TUNING.nodes): ZoneState {
  if (ready === 0 && notReady > 0) return 'full';
  return notReady > 2 && notReady / (ready + notReady) >= unhealthyShare ? 'partial' : 'normal';
}

/** Nodes a second. Source: setLimiterInZone. */
export function evictionRate(state: ZoneState, size: number, tuning = DEFAULT_TUNING.nodes): number {
  if (state !== 'partial') return tuning.evictionRate;
  return size > tuning.largeZone ? tuning.secondaryEvictionRate : 0;
}

/** Nodes with it are not counted. Source: labelNodeDisruptionExclusion. */
const NOT_COUNTED = 'node.kubernetes.io/exclude-disruption';

interface Zone {
  readonly nodes: Map<string, boolean>;
  ready: number;
  /** Clock.monotonic() from which the next node may be taken. */
  nextAt: number;
}

/** Upstream shows the character NUL between region and zone, which not everybody can read. */
const labelOf = (key: string): string => key.replaceAll('\0', '');

export class Zones {
  readonly #clock: Clock;
  readonly #figures: ControllerMetrics['nodes'];
  readonly #tuning: NodeTuning;
  readonly #zones = new Map<string, Zone>();
  readonly #zoneOf = new Map<string, string>();

  constructor(clock: Clock, figures: ControllerMetrics['nodes'], tuning = DEFAULT_TUNING.nodes) {
    this.#tuning = tuning;
    this.#clock = clock;
    this.#figures = figures;
  }

  put(node: Node): void {
    const { name } = node.metadata;
    const key = zoneKey(node);
    const counts = node.metadata.labels?.[NOT_COUNTED] === undefined;
    if (this.#zoneOf.get(name) !== key || !counts) this.remove(name);
    if (!counts) return;
    this.#zoneOf.set(name, key);
    const zone = this.#zones.get(key) ?? { nodes: new Map<string, boolean>(), ready: 0, nextAt: 0 };
    this.#zones.set(key, zone);
    const ready = isNodeReady(node);
    zone.ready += Number(ready) - Number(zone.nodes.get(name) ?? false);
    zone.nodes.set(name, ready);
    this.#show(key, zone);
  }

  remove(name: string): void {
    const key = this.#zoneOf.get(name);
    const zone = key === undefined ? undefined : this.#zones.get(key);
    if (key === undefined || zone === undefined) return;
    zone.ready -= Number(zone.nodes.get(name) ?? false);
    zone.nodes.delete(name);
    this.#zoneOf.delete(name);
    if (zone.nodes.size === 0) this.#zones.delete(key);
    this.#show(key, zone);
  }

  #show(key: string, { nodes, ready }: Zone): void {
    const label = labelOf(key);
    const { size, health, unhealthy } = this.#figures;
    if (nodes.size === 0) {
      for (const family of [size, health, unhealthy]) family.forget(label);
      return;
    }
    size.of(label).set(nodes.size);
    health.of(label).set((100 * ready) / nodes.size);
    unhealthy.of(label).set(nodes.size - ready);
  }

  /** No node of the cluster is ready: it is this side that is cut off. */
  get allDown(): boolean {
    return this.#zones.size > 0 && [...this.#zones.values()].every(({ ready }) => ready === 0);
  }

  /** Milliseconds until the node's zone may lose another node; 0 when it may, undefined while it may not at all. */
  untilEviction(node: Node): number | undefined {
    const zone = this.#zones.get(zoneKey(node));
    if (zone === undefined) return 0; // nobody else counts there
    return this.#rate(zone) === 0 ? undefined : Math.max(0, zone.nextAt - this.#clock.monotonic());
  }

  /** The node's pods are being driven off. */
  evicted(node: Node): void {
    const zone = this.#zones.get(zoneKey(node));
    this.#figures.evictions.of(labelOf(zoneKey(node))).add();
    if (zone !== undefined) zone.nextAt = this.#clock.monotonic() + 1000 / this.#rate(zone);
  }

  #rate({ ready, nodes }: Zone): number {
    return evictionRate(zoneState(ready, nodes.size - ready, this.#tuning), nodes.size, this.#tuning);
  }
}
