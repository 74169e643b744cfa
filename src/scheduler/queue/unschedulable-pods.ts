// Pods that wait for something to happen. Those that a plugin holds back at the gate wait apart, by plugin: there may be very
// many, and most events do not concern their plugin.
import type { ClusterEvent } from '../framework/cluster-event.ts';
import { interestIn, type Profile } from '../framework/profile.ts';
import type { QueuedPod } from './queued-pod.ts';

interface Group {
  /** Absent for pods that no plugin holds back. */
  readonly gatingPlugin: string | undefined;
  readonly schedulerName: string;
  readonly pods: Map<string, QueuedPod>;
}

/** Invariant: a pod is in the group of its gating plugin; neither that nor its profile changes while it is here. */
export class UnschedulablePods {
  readonly #groups = new Map<string, Group>();
  readonly #groupOf = new Map<string, Group>();

  get size(): number {
    return this.#groupOf.size;
  }

  /** Of them, how many are held back at the gate. */
  get gatedCount(): number {
    let gated = 0;
    for (const { gatingPlugin, pods } of this.#groups.values()) if (gatingPlugin !== undefined) gated += pods.size;
    return gated;
  }

  get(uid: string): QueuedPod | undefined {
    return this.#groupOf.get(uid)?.pods.get(uid);
  }

  has(uid: string): boolean {
    return this.#groupOf.has(uid);
  }

  set(queued: QueuedPod): void {
    const { uid } = queued.pod.metadata;
    this.delete(uid);
    const { gatingPlugin } = queued;
    const { schedulerName } = queued.pod.spec;
    const key = `${schedulerName}/${gatingPlugin ?? ''}`;
    const group = this.#groups.get(key) ?? { gatingPlugin, schedulerName, pods: new Map<string, QueuedPod>() };
    this.#groups.set(key, group);
    group.pods.set(uid, queued);
    this.#groupOf.set(uid, group);
  }

  delete(uid: string): boolean {
    const group = this.#groupOf.get(uid);
    group?.pods.delete(uid);
    return this.#groupOf.delete(uid);
  }

  *values(): Iterable<QueuedPod> {
    for (const { pods } of this.#groups.values()) yield* pods.values();
  }

  /** Those that no plugin holds back. */
  *ungated(): Iterable<QueuedPod> {
    for (const { gatingPlugin, pods } of this.#groups.values()) if (gatingPlugin === undefined) yield* pods.values();
  }

  /** Those that an event may move: of those at the gate only where the plugin that holds them wants to hear of it. */
  *concernedBy(event: ClusterEvent, profiles: ReadonlyMap<string, Profile>): Iterable<QueuedPod> {
    for (const { gatingPlugin, schedulerName, pods } of this.#groups.values()) {
      const profile = profiles.get(schedulerName);
      if (pods.size === 0 || profile === undefined) continue;
      if (gatingPlugin === undefined || interestIn(profile, event).has(gatingPlugin)) yield* pods.values();
    }
  }
}
