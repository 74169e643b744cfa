// What a controller made of a Service's pods, kept while a pod stays as it is: most are as they were at the last look. And when
// what they say began to change. Source: endpointslice trigger_time_tracker.go.
import { podCondition } from '#api/pods.ts';
import type { Pod, Service } from '#api/types.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';

interface Known<T> {
  pod: Pod;
  value: T;
  /** Milliseconds since the epoch; undefined for a pod that says nothing of it. */
  readyChanged: number | undefined;
  /** The last look that met it. */
  look: number;
}

interface OfService<T> {
  service: Service;
  /** Milliseconds since the epoch. */
  created: number;
  /** By name. */
  readonly pods: Map<string, Known<T>>;
  looks: number;
  outdated: boolean;
}

export interface Look<T> {
  /** In the order of the pods. */
  readonly values: readonly T[];
  /** The oldest of the changes since the last look; undefined when nothing changed that has a time. */
  readonly triggerTime: string | undefined;
}

export class KnownPods<T> {
  readonly #make: (service: Service, pod: Pod) => T;
  readonly #services = new Map<string, OfService<T>>();

  constructor(make: (service: Service, pod: Pod) => T) {
    this.#make = make;
  }

  /** `pods` are those of the Service, all of one namespace. */
  look(key: string, service: Service, pods: readonly Pod[]): Look<T> {
    const known = this.#services.get(key);
    const created = parseTime(service.metadata.creationTimestamp ?? formatTime(0));
    let oldest = known === undefined || created > known.created ? created : Infinity;
    const of: OfService<T> = known ?? { service, created, pods: new Map(), looks: 0, outdated: false };
    const anew = of.service !== service || of.outdated;
    Object.assign(of, { service, created, looks: of.looks + 1, outdated: false });
    this.#services.set(key, of);
    const values: T[] = [];
    for (const pod of pods) {
      const { name } = pod.metadata;
      let met = of.pods.get(name);
      if (met === undefined || met.pod !== pod) {
        const readyChanged = changeOfReady(pod);
        if (readyChanged !== undefined && readyChanged < oldest && readyChanged > (met?.readyChanged ?? -Infinity)) oldest = readyChanged;
        if (met === undefined) of.pods.set(name, (met = { pod, value: this.#make(service, pod), readyChanged, look: 0 }));
        else Object.assign(met, { pod, value: this.#make(service, pod), readyChanged });
      } else if (anew) met.value = this.#make(service, pod);
      met.look = of.looks;
      values.push(met.value);
    }
    if (of.pods.size > pods.length) for (const [name, { look }] of of.pods) if (look !== of.looks) of.pods.delete(name);
    return { values, triggerTime: oldest === Infinity ? undefined : formatTime(oldest) };
  }

  forget(key: string): void {
    this.#services.delete(key);
  }

  /** What is made of pods rests on something that changed: at the next look all of it is made anew. */
  outdate(): void {
    for (const of of this.#services.values()) of.outdated = true;
  }
}

function changeOfReady(pod: Pod): number | undefined {
  const at = podCondition(pod.status, 'Ready')?.lastTransitionTime;
  return at === undefined || at === null ? undefined : parseTime(at);
}
