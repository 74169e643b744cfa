// Who owns whom, in memory: one node for each object, and a virtual one for each owner that is referred to but was not
// seen (yet). Source: garbagecollector graph.go, graph_builder.go.
import type { Resource } from '#apimachinery/resource.ts';
import type { KubeObject, OwnerReference } from '#api/types.ts';

/** An object as last seen. Invariant: in `dependents` of the node of each of `owners`, and of no other. */
export interface GraphNode {
  readonly uid: string;
  /** Absent for a virtual node. */
  resource: Resource<KubeObject> | undefined;
  object: KubeObject | undefined;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
  /** Where it was until it was seen to go: its uid never comes back. */
  gone: { readonly namespace: string | undefined } | undefined;
}

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

const isEnding = (object: KubeObject | undefined, finalizer: string): boolean =>
  object?.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers?.includes(finalizer) ?? false);

/** Waits for its dependents to go first. */
export const waitsForDependents = (node: GraphNode): boolean => isEnding(node.object, FOREGROUND);

/** Lets its dependents go before it goes. */
export const orphansDependents = (node: GraphNode): boolean => isEnding(node.object, ORPHAN);

/** Whether the owner is known to be gone from where this dependent can have had it. Source: absentOwnerCache. */
export function isGone(owner: GraphNode | undefined, dependent: KubeObject): boolean {
  if (owner?.gone === undefined) return false;
  const { namespace } = owner.gone;
  return namespace === undefined || namespace === dependent.metadata.namespace;
}

const isHeldByDependents = (node: GraphNode): boolean => waitsForDependents(node) || orphansDependents(node);

/** An owner is in the namespace of its dependent, or in none. */
function isReachable(owner: KubeObject | undefined, dependent: KubeObject): boolean {
  if (owner === undefined) return false;
  const { namespace } = owner.metadata;
  return namespace === undefined || namespace === dependent.metadata.namespace;
}

export class Graph {
  readonly #nodes = new Map<string, GraphNode>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** The object was added or changed. @returns uids to look at */
  put(resource: Resource<KubeObject>, object: KubeObject): readonly string[] {
    const { uid, ownerReferences = [] } = object.metadata;
    const node = this.#node(uid);
    const before = node.owners;
    Object.assign(node, { resource, object, owners: ownerReferences, gone: undefined });
    const present = new Set(ownerReferences.map((owner) => owner.uid));
    for (const owner of before) if (!present.has(owner.uid)) this.#unlink(owner.uid, node);
    for (const owner of ownerReferences) this.#node(owner.uid).dependents.add(node);

    const look: string[] = [];
    // An owner that is not there, or not where this one could have it, or that waits for this one, decides this one's fate.
    if (ownerReferences.some((owner) => !isReachable(this.#nodes.get(owner.uid)?.object, object))) look.push(uid);
    for (const owner of [...before, ...ownerReferences]) {
      const above = this.#nodes.get(owner.uid);
      if (above !== undefined && isHeldByDependents(above)) look.push(owner.uid, uid);
    }
    if (isHeldByDependents(node)) look.push(uid, ...[...node.dependents].map((dependent) => dependent.uid));
    return [...new Set(look)];
  }

  /** The object is gone. @returns uids to look at: what it owned, and owners that waited for it */
  remove(uid: string): readonly string[] {
    const node = this.#nodes.get(uid);
    if (node?.object !== undefined) node.gone = { namespace: node.object.metadata.namespace };
    return this.forget(uid);
  }

  /** The object is not shown any more, and may be there. @returns uids to look at, as of one that is gone */
  forget(uid: string): readonly string[] {
    const node = this.#nodes.get(uid);
    if (node === undefined) return [];
    for (const owner of node.owners) this.#unlink(owner.uid, node);
    const look = [...node.dependents].map((dependent) => dependent.uid);
    for (const owner of node.owners) {
      const above = this.#nodes.get(owner.uid);
      if (above !== undefined && isHeldByDependents(above)) look.push(above.uid);
    }
    Object.assign(node, { resource: undefined, object: undefined, owners: [] });
    if (node.dependents.size === 0) this.#nodes.delete(uid);
    return look;
  }

  #node(uid: string): GraphNode {
    const known = this.#nodes.get(uid);
    if (known !== undefined) return known;
    const made: GraphNode = { uid, resource: undefined, object: undefined, owners: [], dependents: new Set(), gone: undefined };
    this.#nodes.set(uid, made);
    return made;
  }

  #unlink(owner: string, dependent: GraphNode): void {
    const above = this.#nodes.get(owner);
    above?.dependents.delete(dependent);
    if (above !== undefined && above.object === undefined && above.dependents.size === 0) this.#nodes.delete(owner);
  }
}
