// Who owns whom, in memory: one node for each object, and a virtual one for each owner that is referred to but was not
// seen (yet). Source: garbagecollector graph.go, graph_builder.go.
import { parseApiVersion, type Resource } from '#apimachinery/resource.ts';
import type { KubeObject, OwnerReference } from '#api/types.ts';

type Seen = { readonly resource: Resource<KubeObject>; readonly object: KubeObject };

/** An object as last seen. Invariant: in `dependents` of the node of each of `owners`, and of no other. */
export interface GraphNode {
  readonly uid: string;
  /** Absent for a virtual node. */
  resource: Resource<KubeObject> | undefined;
  object: KubeObject | undefined;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
  /** What it was until it was seen to go: its uid never comes back. */
  gone: Seen | undefined;
}

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

const isEnding = (object: KubeObject | undefined, finalizer: string): boolean =>
  object?.metadata.deletionTimestamp !== undefined && (object.metadata.finalizers?.includes(finalizer) ?? false);

/** Waits for its dependents to go first. */
export const waitsForDependents = (node: GraphNode): boolean => isEnding(node.object, FOREGROUND);

/** Lets its dependents go before it goes. */
export const orphansDependents = (node: GraphNode): boolean => isEnding(node.object, ORPHAN);

const isHeldByDependents = (node: GraphNode): boolean => waitsForDependents(node) || orphansDependents(node);

/** Whether a reference says what the object of its uid is: what else it may mean only the server knows. Source: ownerReferenceMatchesCoordinates. */
export function isMeant({ apiVersion, kind, name }: OwnerReference, { resource, object }: Seen): boolean {
  return kind === resource.kind && name === object.metadata.name && parseApiVersion(apiVersion).group === resource.group;
}

/** An owner is in the namespace of its dependent, or in none. */
const isReachable = (owner: Seen, reference: OwnerReference, dependent: KubeObject): boolean =>
  isMeant(reference, owner) && [undefined, dependent.metadata.namespace].includes(owner.object.metadata.namespace);

/** As last seen; undefined for a virtual node. */
export const seen = ({ resource, object }: GraphNode): Seen | undefined =>
  resource === undefined || object === undefined ? undefined : { resource, object };

/** Whether the owner that a dependent refers to was seen to go. Source: absentOwnerCache. */
export const isGone = (owner: GraphNode | undefined, reference: OwnerReference, dependent: KubeObject): boolean =>
  owner?.gone !== undefined && isReachable(owner.gone, reference, dependent);

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
    if (ownerReferences.some((owner) => !this.#isOwned(object, owner))) look.push(uid);
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
    if (node !== undefined) node.gone = seen(node) ?? node.gone;
    return this.forget(uid);
  }

  /** The object is not shown any more, though it may be there. @returns uids to look at, the same as `remove` */
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

  #isOwned(object: KubeObject, reference: OwnerReference): boolean {
    const owner = seen(this.#node(reference.uid));
    return owner !== undefined && isReachable(owner, reference, object);
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
