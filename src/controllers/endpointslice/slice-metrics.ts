// What is counted of slices. Source: k8s.io/endpointslice/metrics cache.go, reconciler.go finalize.
import type { EndpointSlice, Service } from '#api/types.ts';
import type { ControllerMetrics } from '../metrics/metrics.ts';
import { isTopologyAware } from './topology.ts';
import type { SlicePlan } from './plan.ts';
import type { Target } from './target.ts';

interface Share {
  readonly endpoints: number;
  readonly slices: number;
  readonly desired: number;
  readonly distribution: string;
}

const NOTHING: Share = { endpoints: 0, slices: 0, desired: 0, distribution: '' };

/** What a pass looked at and decided. */
export interface SlicePass {
  readonly service: Service;
  readonly targets: readonly Target[];
  readonly existing: readonly EndpointSlice[];
  readonly plan: SlicePlan;
}

export class SliceMetrics {
  readonly #figures: ControllerMetrics['endpointSlice'];
  /** By Service, what it has a part of the sums in. */
  readonly #shares = new Map<string, Share>();

  constructor({ endpointSlice }: ControllerMetrics) {
    this.#figures = endpointSlice;
  }

  passed(key: string, { service, targets, existing, plan }: SlicePass): void {
    const { added, removed, changes, changedPerSync, syncs } = this.#figures;
    syncs.of('success').add();
    const counts = { create: plan.create.length, update: plan.update.length, delete: plan.delete.length };
    const changed = counts.create + counts.update + counts.delete;
    for (const [operation, count] of Object.entries(counts)) if (count > 0) changes.of(operation).add(count);
    const distribution = service.spec.trafficDistribution ?? '';
    changedPerSync.of(isTopologyAware(service) ? 'Auto' : 'Disabled', distribution).observe(changed);
    added.of().observe(plan.added);
    removed.of().observe(plan.removed);
    const slices = existing.length + counts.create - counts.delete;
    const known = this.#shares.get(key);
    if (changed === 0 && known?.slices === slices && known.distribution === distribution) return;
    this.#put(key, { endpoints: targets.length, slices, desired: plan.desired, distribution });
  }

  failed(isStale: boolean): void {
    this.#figures.syncs.of(isStale ? 'stale' : 'error').add();
  }

  forget(key: string): void {
    if (this.#shares.has(key)) this.#put(key, NOTHING);
    this.#shares.delete(key);
  }

  #put(key: string, now: Share): void {
    const before = this.#shares.get(key) ?? NOTHING;
    const { desired, slices, desiredSlices: wanted, byDistribution } = this.#figures;
    desired.of().add(now.endpoints - before.endpoints);
    slices.of().add(now.slices - before.slices);
    wanted.of().add(now.desired - before.desired);
    if (before.distribution !== '') byDistribution.of(before.distribution).add(-1);
    if (now.distribution !== '') byDistribution.of(now.distribution).add(1);
    this.#shares.set(key, now);
  }
}
