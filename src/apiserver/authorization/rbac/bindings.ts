// Bindings by whom they speak of, kept up to date with the watch cache.
import { clusterrolebindings, clusterroles, rolebindings, roles } from '#api/resources.ts';
import type { ClusterRoleBinding, RoleBinding, Subject } from '#api/types.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { serviceAccountUser } from '../../authentication/names.ts';

export type Binding = ClusterRoleBinding | RoleBinding;

/** A binding and the first of its subjects that is meant. */
export interface Bound {
  readonly binding: Binding;
  readonly subject: Subject;
}

/**
 * Bindings by subject: `u NAME` for users and service accounts, `g NAME` for groups.
 * Generations tell when what was made of bindings and roles is out of date.
 */
export class BindingIndex {
  readonly #cluster = new Map<string, Map<string, Bound>>();
  /** By namespace, then as #cluster. */
  readonly #namespaced = new Map<string, Map<string, Map<string, Bound>>>();
  /** Of namespaces with bindings. What is made of one without is the same each time. */
  readonly #generations = new Map<string, number>();
  #changes = 0;
  #clusterGeneration = 0;

  constructor(reader: CacheReader) {
    reader.onChange(clusterrolebindings, ({ object, previous }) => {
      if (previous !== undefined) remove(this.#cluster, previous, '');
      if (object !== undefined) insert(this.#cluster, object, '');
      this.#clusterGeneration++;
    });
    reader.onChange(rolebindings, ({ object, previous }) => {
      if (previous !== undefined) remove(this.#of(previous.metadata.namespace), previous, previous.metadata.namespace);
      if (object !== undefined) insert(this.#of(object.metadata.namespace), object, object.metadata.namespace);
      this.#touch((object ?? previous)?.metadata.namespace ?? '');
    });
    reader.onChange(clusterroles, () => void this.#clusterGeneration++);
    reader.onChange(roles, ({ object, previous }) => this.#touch((object ?? previous)?.metadata.namespace ?? ''));
    for (const binding of reader.list(clusterrolebindings)) insert(this.#cluster, binding, '');
    for (const binding of reader.list(rolebindings)) {
      insert(this.#of(binding.metadata.namespace), binding, binding.metadata.namespace);
      this.#touch(binding.metadata.namespace);
    }
  }

  /** Changes with anything cluster-wide. */
  get clusterGeneration(): number {
    return this.#clusterGeneration;
  }

  /** Changes with the roles and bindings of one namespace; 0 without any binding. */
  generation(namespace: string): number {
    return this.#generations.get(namespace) ?? 0;
  }

  /** Bindings of any of `subjects`, each once. @param namespace empty: ClusterRoleBindings */
  find(subjects: readonly string[], namespace: string): readonly Bound[] {
    const index = namespace === '' ? this.#cluster : this.#namespaced.get(namespace);
    if (index === undefined) return [];
    const found = new Map<string, Bound>();
    for (const subject of subjects) {
      for (const [name, bound] of index.get(subject) ?? []) if (!found.has(name)) found.set(name, bound);
    }
    return [...found.values()];
  }

  #of(namespace: string): Map<string, Map<string, Bound>> {
    let index = this.#namespaced.get(namespace);
    if (index === undefined) this.#namespaced.set(namespace, (index = new Map()));
    return index;
  }

  #touch(namespace: string): void {
    if (this.#namespaced.get(namespace)?.size === 0) this.#namespaced.delete(namespace);
    if (this.#namespaced.has(namespace)) this.#generations.set(namespace, ++this.#changes);
    else this.#generations.delete(namespace);
  }
}

function insert(index: Map<string, Map<string, Bound>>, binding: Binding, namespace: string): void {
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, namespace);
    if (key === undefined) continue;
    const bindings = index.get(key) ?? new Map<string, Bound>();
    index.set(key, bindings);
    if (!bindings.has(binding.metadata.name)) bindings.set(binding.metadata.name, { binding, subject });
  }
}

function remove(index: Map<string, Map<string, Bound>>, binding: Binding, namespace: string): void {
  for (const subject of binding.subjects ?? []) {
    const key = subjectKey(subject, namespace);
    const bindings = key === undefined ? undefined : index.get(key);
    if (key === undefined || bindings === undefined) continue;
    bindings.delete(binding.metadata.name);
    if (bindings.size === 0) index.delete(key);
  }
}

export const userKey = (name: string): string => `u ${name}`;
export const groupKey = (name: string): string => `g ${name}`;

/** @param namespace of the binding: that of service accounts that give none. Source: appliesToUser. */
function subjectKey(subject: Subject, namespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
      return userKey(subject.name);
    case 'Group':
      return groupKey(subject.name);
    case 'ServiceAccount': {
      const own = subject.namespace === undefined || subject.namespace === '' ? namespace : subject.namespace;
      return own === '' ? undefined : userKey(serviceAccountUser({ namespace: own, name: subject.name }));
    }
    default:
      return undefined;
  }
}

/** Why a rule applies, as audit events say it. Source: clusterRoleBindingDescriber, roleBindingDescriber. */
export function describeBound({ binding, subject }: Bound): string {
  const { name, namespace = '' } = binding.metadata;
  const account = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ? subject.namespace : namespace}` : subject.name;
  const id = binding.kind === 'RoleBinding' ? `${name}/${namespace}` : name;
  return `${binding.kind} "${id}" of ${binding.roleRef.kind} "${binding.roleRef.name}" to ${subject.kind} "${account}"`;
}
