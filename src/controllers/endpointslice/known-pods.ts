// When what a Service's endpoints say began to change: the oldest of the changes since they were looked at last.
// Source: endpointslice trigger_time_tracker.go.
import { podCondition } from '#api/pods.ts';
import type { Pod, Service } from '#api/types.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';

interface Seen {
  readonly service: number;
  /** Milliseconds since the epoch, by pod. */
  readonly pods: ReadonlyMap<string, number>;
}

export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** Undefined when nothing changed that has a time. */
  next(key: string, { metadata }: Service, pods: readonly Pod[]): string | undefined {
    const before = this.#seen.get(key);
    const service = parseTime(metadata.creationTimestamp ?? formatTime(0));
    let oldest = before === undefined || service > before.service ? service : Infinity;
    const since = new Map<string, number>();
    for (const pod of pods) {
      const at = readySince(pod);
      if (at === undefined) continue;
      const { name } = pod.metadata;
      since.set(name, at);
      if (at < oldest && at > (before?.pods.get(name) ?? -Infinity)) oldest = at;
    }
    this.#seen.set(key, { service, pods: since });
    return oldest === Infinity ? undefined : formatTime(oldest);
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}

/** Of pods as they are: most of a Service's are as they were at the last look. */
const known = new WeakMap<Pod, number | undefined>();

function readySince(pod: Pod): number | undefined {
  if (!known.has(pod)) {
    const since = podCondition(pod.status, 'Ready')?.lastTransitionTime;
    known.set(pod, since === undefined || since === null ? undefined : parseTime(since));
  }
  return known.get(pod);
}
