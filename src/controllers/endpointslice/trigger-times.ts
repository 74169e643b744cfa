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
    const seen: Seen = {
      service: parseTime(metadata.creationTimestamp ?? formatTime(0)),
      pods: new Map(
        pods.flatMap((pod) => {
          const at = readySince(pod);
          return at === undefined ? [] : [[pod.metadata.name, at] as const];
        }),
      ),
    };
    this.#seen.set(key, seen);
    const changes = [...seen.pods].flatMap(([name, at]) => (at > (before?.pods.get(name) ?? -Infinity) ? [at] : []));
    if (before === undefined || seen.service > before.service) changes.push(seen.service);
    return changes.length === 0 ? undefined : formatTime(Math.min(...changes));
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}

function readySince({ status }: Pod): number | undefined {
  const since = podCondition(status, 'Ready')?.lastTransitionTime;
  return since === undefined || since === null ? undefined : parseTime(since);
}
