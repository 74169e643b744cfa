// pure
// The index: a B+ tree from key to its newest version, in byte order. Every node knows how many of its keys exist
// and its highest revision, so that a count costs the height of the tree and not the length of the range.
import { existingAt, type Version } from './version.ts';

/** Most entries of a node; one that exceeds it is split in two. */
const CAPACITY = 64;
/** A node with fewer entries is joined with a neighbour when both fit in one with room to grow. */
const SPARSE = 16;

interface Leaf {
  readonly kind: 'leaf';
  /** Newest version of each key, ascending by key; never empty but for an empty tree. */
  items: Version[];
  /** Items whose newest version exists. */
  live: number;
  /** At least the highest revision among the items: below it, `live` says nothing about the past. */
  highest: number;
}

interface Inner {
  readonly kind: 'inner';
  children: Node[];
  /** First key of each child or a bound below it; `bounds[0]` is not looked at. */
  bounds: string[];
  live: number;
  highest: number;
}

type Node = Leaf | Inner;

/** A half-open range of keys in byte order. */
export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

/** The range of `start` alone: nothing sorts between a key and the key followed by NUL, which no key contains. */
export function keyRange(start: string, end: string | undefined): KeyRange {
  return { start, end: end ?? `${start}\0` };
}

export class KeyTree {
  #root: Node = { kind: 'leaf', items: [], live: 0, highest: 0 };
  #size = 0;

  /** Keys, those whose newest version is a delete included. */
  get size(): number {
    return this.#size;
  }

  /** Keys that exist in their newest version. */
  get live(): number {
    return this.#root.live;
  }

  get(key: string): Version | undefined {
    let node = this.#root;
    while (node.kind === 'inner') node = node.children[childIndex(node, key)] as Node;
    const item = node.items[itemIndex(node.items, key)];
    return item !== undefined && item.key === key ? item : undefined;
  }

  /** Makes `version` the newest of its key; what was the newest before is for the caller to link. */
  set(version: Version): void {
    const split = this.#set(this.#root, version);
    if (split === undefined) return;
    const left = this.#root;
    this.#root = summed({ kind: 'inner', children: [left, split.right], bounds: ['', split.bound], live: 0, highest: 0 });
  }

  delete(key: string): void {
    this.#delete(this.#root, key);
    while (this.#root.kind === 'inner' && this.#root.children.length === 1) this.#root = this.#root.children[0] as Node;
  }

  /**
   * The versions that existed at `revision`, ascending by key, at most `limit` of them (0 for all).
   */
  collect({ start, end }: KeyRange, revision: number, limit: number): Version[] {
    const found: Version[] = [];
    visit(this.#root, start, end, (item) => {
      const version = item.modRevision <= revision ? item : existingAt(item, revision);
      if (version !== undefined && version.exists) found.push(version);
      return found.length !== limit || limit === 0;
    });
    return found;
  }

  /** How many keys of the range existed at `revision`. */
  count({ start, end }: KeyRange, revision: number): number {
    return start < end ? count(this.#root, start, end, revision) : 0;
  }

  /** Newest versions in ascending key order, deletes included. */
  forEach(each: (newest: Version) => void): void {
    visit(this.#root, '', undefined, (item) => {
      each(item);
      return true;
    });
  }

  #set(node: Node, version: Version): { readonly bound: string; readonly right: Node } | undefined {
    if (node.kind === 'leaf') return this.#setItem(node, version);
    const index = childIndex(node, version.key);
    const child = node.children[index] as Node;
    const liveBefore = child.live;
    const split = this.#set(child, version);
    node.live += child.live - liveBefore;
    if (version.modRevision > node.highest) node.highest = version.modRevision;
    if (split === undefined) return undefined;
    node.live += split.right.live;
    node.children.splice(index + 1, 0, split.right);
    node.bounds.splice(index + 1, 0, split.bound);
    return node.children.length > CAPACITY ? splitInner(node) : undefined;
  }

  #setItem(leaf: Leaf, version: Version): { readonly bound: string; readonly right: Node } | undefined {
    const { items } = leaf;
    const index = itemIndex(items, version.key);
    const present = items[index];
    if (version.exists) leaf.live++;
    if (version.modRevision > leaf.highest) leaf.highest = version.modRevision;
    if (present !== undefined && present.key === version.key) {
      if (present.exists) leaf.live--;
      items[index] = version;
      return undefined;
    }
    this.#size++;
    if (index === items.length) items.push(version);
    else items.splice(index, 0, version);
    return items.length > CAPACITY ? splitLeaf(leaf, index) : undefined;
  }

  #delete(node: Node, key: string): void {
    if (node.kind === 'leaf') {
      const index = itemIndex(node.items, key);
      const item = node.items[index];
      if (item === undefined || item.key !== key) return;
      if (item.exists) node.live--;
      node.items.splice(index, 1);
      this.#size--;
      return;
    }
    const index = childIndex(node, key);
    const child = node.children[index] as Node;
    const liveBefore = child.live;
    this.#delete(child, key);
    node.live += child.live - liveBefore;
    if (entries(child) < SPARSE) joinSparse(node, index);
  }
}

/** Index of the child that holds `key`: the last whose bound is not above it. */
function childIndex({ bounds }: Inner, key: string): number {
  let low = 1;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((bounds[middle] as string) <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Index of the first item whose key is not below `key`. */
function itemIndex(items: readonly Version[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle] as Version).key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function entries(node: Node): number {
  return node.kind === 'leaf' ? node.items.length : node.children.length;
}

/** Recomputes what a node knows about its entries. */
function summed<T extends Node>(node: T): T {
  let live = 0;
  let highest = 0;
  if (node.kind === 'leaf') {
    for (const item of node.items) {
      if (item.exists) live++;
      if (item.modRevision > highest) highest = item.modRevision;
    }
  } else {
    for (const child of node.children) {
      live += child.live;
      if (child.highest > highest) highest = child.highest;
    }
  }
  node.live = live;
  node.highest = highest;
  return node;
}

/** Keys often arrive in ascending order: a leaf that grew at its end is split there, which keeps it full. */
function splitLeaf(leaf: Leaf, grownAt: number): { readonly bound: string; readonly right: Leaf } {
  const at = grownAt === leaf.items.length - 1 ? grownAt : leaf.items.length >>> 1;
  const right = summed<Leaf>({ kind: 'leaf', items: leaf.items.slice(at), live: 0, highest: 0 });
  leaf.items = leaf.items.slice(0, at);
  summed(leaf);
  return { bound: (right.items[0] as Version).key, right };
}

function splitInner(node: Inner): { readonly bound: string; readonly right: Inner } {
  const at = node.children.length >>> 1;
  const right = summed<Inner>({ kind: 'inner', children: node.children.slice(at), bounds: node.bounds.slice(at), live: 0, highest: 0 });
  const bound = node.bounds[at] as string;
  node.children = node.children.slice(0, at);
  node.bounds = node.bounds.slice(0, at);
  summed(node);
  return { bound, right };
}

/** Removes an empty child, or joins a small one with a neighbour: deletions leave no trail of tiny nodes. */
function joinSparse(node: Inner, index: number): void {
  if (entries(node.children[index] as Node) === 0 && node.children.length > 1) {
    node.children.splice(index, 1);
    node.bounds.splice(index, 1);
    return;
  }
  const at = index > 0 ? index - 1 : index;
  const left = node.children[at];
  const right = node.children[at + 1];
  if (left === undefined || right === undefined || entries(left) + entries(right) > CAPACITY - SPARSE) return;
  if (left.kind === 'leaf' && right.kind === 'leaf') left.items.push(...right.items);
  else if (left.kind === 'inner' && right.kind === 'inner') {
    left.children.push(...right.children);
    left.bounds.push(node.bounds[at + 1] as string, ...right.bounds.slice(1));
  }
  summed(left);
  node.children.splice(at + 1, 1);
  node.bounds.splice(at + 1, 1);
}

/** Calls `each` for the items from `start` to before `end` (undefined: to the last) until it returns false. */
function visit(node: Node, start: string, end: string | undefined, each: (item: Version) => boolean): boolean {
  if (node.kind === 'leaf') {
    const { items } = node;
    for (let i = itemIndex(items, start); i < items.length; i++) {
      const item = items[i] as Version;
      if (end !== undefined && item.key >= end) return false;
      if (!each(item)) return false;
    }
    return true;
  }
  for (let i = childIndex(node, start); i < node.children.length; i++) {
    if (!visit(node.children[i] as Node, start, end, each)) return false;
  }
  return true;
}

function count(node: Node, start: string | undefined, end: string | undefined, revision: number): number {
  if (start === undefined && end === undefined && node.highest <= revision) return node.live;
  let total = 0;
  if (node.kind === 'leaf') {
    const { items } = node;
    const from = start === undefined ? 0 : itemIndex(items, start);
    const to = end === undefined ? items.length : itemIndex(items, end);
    for (let i = from; i < to; i++) if (existingAt(items[i], revision) !== undefined) total++;
    return total;
  }
  const first = start === undefined ? 0 : childIndex(node, start);
  const last = end === undefined ? node.children.length - 1 : childIndex(node, end);
  for (let i = first; i <= last; i++) {
    total += count(node.children[i] as Node, i === first ? start : undefined, i === last ? end : undefined, revision);
  }
  return total;
}
