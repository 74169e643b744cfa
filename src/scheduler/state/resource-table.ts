// Names of resources as small numbers, so that amounts stand in arrays. cpu is in millicores, the rest in units or bytes.
import { quantityMilliValue, quantityValue } from '#apimachinery/quantity.ts';
import { isHugePages } from '#api/pod-requests.ts';

export const CPU = 0;
export const MEMORY = 1;
export const EPHEMERAL_STORAGE = 2;

/** Amounts of resources: `values[i]` of the resource with the number `ids[i]`. */
export interface Amounts {
  readonly ids: readonly number[];
  readonly values: readonly number[];
}

export class ResourceTable {
  readonly #ids = new Map<string, number>([
    ['cpu', CPU],
    ['memory', MEMORY],
    ['ephemeral-storage', EPHEMERAL_STORAGE],
  ]);
  readonly #names: string[] = ['cpu', 'memory', 'ephemeral-storage'];

  get size(): number {
    return this.#names.length;
  }

  id(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#names.length;
      this.#ids.set(name, id);
      this.#names.push(name);
    }
    return id;
  }

  name(id: number): string {
    return this.#names[id] as string;
  }

  /** Everything that is counted; `pods` and names without a prefix that nobody knows are not. */
  amounts(list: Readonly<Record<string, string>> | undefined): Amounts {
    const ids: number[] = [];
    const values: number[] = [];
    for (const [name, quantity] of Object.entries(list ?? {})) {
      if (!isCounted(name)) continue;
      ids.push(this.id(name));
      values.push(name === 'cpu' ? quantityMilliValue(quantity) : quantityValue(quantity));
    }
    return { ids, values };
  }
}

function isCounted(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name === 'ephemeral-storage' || isScalarResource(name);
}

/** Source: schedutil.IsScalarResourceName: extended, huge pages, prefixed native and attachable volumes. */
export function isScalarResource(name: string): boolean {
  return isExtendedResource(name) || isHugePages(name) || isPrefixedNative(name) || name.startsWith('attachable-volumes-');
}

/** Source: v1helper.IsExtendedResourceName. */
export function isExtendedResource(name: string): boolean {
  return name.includes('/') && !isPrefixedNative(name) && !name.startsWith('requests.');
}

const isPrefixedNative = (name: string): boolean => name.includes('kubernetes.io/');
