// The pods on nodes by namespace and label: whoever counts those of one group looks at that group alone.
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { PodInfo } from './pod-info.ts';

const entry = (namespace: string, key: string, value: string): string => `${namespace}/${key}=${value}`;

interface Placed {
  readonly info: PodInfo;
}

export class PodsByLabel<T extends Placed> {
  /** By entry, then by uid. */
  readonly #groups = new Map<string, Map<string, T>>();

  /** Replaces what was here under the uid; its labels must be the same. */
  set(placed: T): void {
    const { pod, uid } = placed.info;
    const { namespace, labels = {} } = pod.metadata;
    for (const key in labels) {
      const name = entry(namespace, key, labels[key] as string);
      const group = this.#groups.get(name);
      if (group === undefined) this.#groups.set(name, new Map([[uid, placed]]));
      else group.set(uid, placed);
    }
  }

  delete({ info: { pod, uid } }: T): void {
    const { namespace, labels = {} } = pod.metadata;
    for (const key in labels) {
      const name = entry(namespace, key, labels[key] as string);
      const group = this.#groups.get(name);
      if (group?.delete(uid) === true && group.size === 0) this.#groups.delete(name);
    }
  }

  /** All that `selector` may select, and few others; undefined where it asks for no label by value. */
  candidates(namespace: string, { requirements }: LabelSelector): Iterable<T> | undefined {
    let fewest: ReadonlyMap<string, T> | undefined;
    for (const { key, operator, values } of requirements) {
      if (values.length !== 1 || (operator !== '=' && operator !== '==' && operator !== 'in')) continue;
      const group = this.#groups.get(entry(namespace, key, values[0] as string));
      if (group === undefined) return [];
      if (fewest === undefined || group.size < fewest.size) fewest = group;
    }
    return fewest?.values();
  }
}
