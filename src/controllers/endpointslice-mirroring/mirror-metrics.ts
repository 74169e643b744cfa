// What is counted of mirrored slices. Source: pkg/controller/endpointslicemirroring metrics.go, metrics cache.go.
import type { EndpointSlice, New } from '#api/types.ts';
import type { SlicePlan } from '../endpointslice/plan.ts';
import { identity, type Target } from '../endpointslice/target.ts';
import type { ControllerMetrics } from '../metrics/metrics.ts';

interface Share {
  readonly endpoints: number;
  readonly slices: number;
  readonly desired: number;
}

const NOTHING: Share = { endpoints: 0, slices: 0, desired: 0 };

export interface MirrorPass {
  readonly targets: readonly Target[];
  readonly skipped: number;
  readonly existing: readonly EndpointSlice[];
  readonly plan: SlicePlan;
}

export class MirrorMetrics {
  readonly #figures: ControllerMetrics['mirroring'];
  /** By Endpoints, what they have a part of the sums in. */
  readonly #shares = new Map<string, Share>();

  constructor({ mirroring }: ControllerMetrics) {
    this.#figures = mirroring;
  }

  took(seconds: number): void {
    this.#figures.seconds.of().observe(seconds);
  }

  passed(key: string, { targets, skipped, existing, plan }: MirrorPass): void {
    const { added, updated, removed, skipped: left, changes } = this.#figures;
    const counts = { create: plan.create.length, update: plan.update.length, delete: plan.delete.length };
    for (const [operation, count] of Object.entries(counts)) if (count > 0) changes.of(operation).add(count);
    const touched = new Set([...plan.update, ...plan.delete].map(({ metadata }) => metadata.name));
    const before = endpointsOf(existing.filter(({ metadata }) => touched.has(metadata.name)));
    const after = endpointsOf([...plan.create, ...plan.update]);
    const changed = [...after].filter(([name, text]) => before.has(name) && before.get(name) !== text).length;
    added.of().observe([...after.keys()].filter((name) => !before.has(name)).length);
    updated.of().observe(changed);
    removed.of().observe([...before.keys()].filter((name) => !after.has(name)).length);
    left.of().observe(skipped);
    const slices = existing.length + counts.create - counts.delete;
    this.#put(key, { endpoints: targets.length, slices, desired: plan.desired });
  }

  /** Nothing is mirrored for `key` any more; `slices` of it are deleted. */
  gone(key: string, slices: number): void {
    if (slices > 0) this.#figures.changes.of('delete').add(slices);
    this.#put(key, NOTHING);
    this.#shares.delete(key);
  }

  #put(key: string, now: Share): void {
    const before = this.#shares.get(key) ?? NOTHING;
    const { desired, slices, desiredSlices: wanted } = this.#figures;
    desired.of().add(now.endpoints - before.endpoints);
    slices.of().add(now.slices - before.slices);
    wanted.of().add(now.desired - before.desired);
    this.#shares.set(key, now);
  }
}

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

const endpointsOf = (slices: readonly Pick<New<EndpointSlice>, 'endpoints'>[]): ReadonlyMap<string, string> =>
  new Map(
    slices.flatMap(({ endpoints }) => (endpoints ?? []).map((endpoint) => [identity(endpoint as Endpoint), JSON.stringify(endpoint)])),
  );
