// The policies of a kind with the bindings that name them, in the order of their names. Source: policy/generic PolicySource.
import type { KubeObject } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { CacheReader } from '../../cache/reader.ts';

export interface Hook<C, B> {
  readonly policy: C;
  readonly bindings: readonly B[];
}

interface Binding extends KubeObject {
  readonly spec: { readonly policyName?: string };
}

export interface SourceOptions<P extends KubeObject, B extends Binding, C, D> {
  readonly reader: CacheReader;
  readonly policies: Resource<P>;
  readonly bindings: Resource<B>;
  /** Done once for each version of a policy. */
  readonly compile: (policy: P) => C;
  readonly prepare: (binding: B) => D;
}

/** Follows the cache: a policy counts for every write that comes after it and its binding were acknowledged. */
export class PolicySource<P extends KubeObject, B extends Binding, C extends object, D extends object> {
  readonly #options: SourceOptions<P, B, C, D>;
  readonly #compiled = new WeakMap<P, C>();
  readonly #prepared = new WeakMap<B, D>();
  #hooks: readonly Hook<C, D>[] | undefined;

  constructor(options: SourceOptions<P, B, C, D>) {
    this.#options = options;
    const forget = (): void => {
      this.#hooks = undefined;
    };
    options.reader.onChange(options.policies, forget);
    options.reader.onChange(options.bindings, forget);
  }

  hooks(): readonly Hook<C, D>[] {
    return (this.#hooks ??= this.#collect());
  }

  #collect(): readonly Hook<C, D>[] {
    const { reader, policies, bindings, compile, prepare } = this.#options;
    const byPolicy = Map.groupBy(sorted(reader.list(bindings)), ({ spec }) => spec.policyName ?? '');
    return sorted(reader.list(policies)).flatMap((policy) => {
      const bound = byPolicy.get(policy.metadata.name);
      if (bound === undefined) return [];
      return [{ policy: kept(this.#compiled, policy, compile), bindings: bound.map((binding) => kept(this.#prepared, binding, prepare)) }];
    });
  }
}

const sorted = <T extends KubeObject>(objects: Iterable<T>): T[] =>
  [...objects].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));

function kept<K extends object, V extends object>(known: WeakMap<K, V>, key: K, make: (key: K) => V): V {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make(key)));
  return value;
}
