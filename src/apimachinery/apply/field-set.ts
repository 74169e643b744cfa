// Sets of fields: who owns what. A set is its FieldsV1 form, `{"f:spec":{"f:replicas":{}}}`: stored ownership is used
// as it is read, and parts that an operation leaves alone are shared. Source: structured-merge-diff fieldpath.Set.
import { isObject } from '../json-value.ts';
import { canonicalElement, compareElements, FieldSetError } from './path-element.ts';

/**
 * A node by its element. An empty node is a member of the set; one with children is a member when it has `.`. The set
 * itself, the outermost node, is no member and has no `.`.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

const SELF = '.';
const LEAF: FieldSet = Object.freeze({});
export const NO_FIELDS: FieldSet = LEAF;

export function isEmptySet(set: FieldSet): boolean {
  for (const element in set) if (element !== SELF) return false;
  return true;
}

function isLeaf(node: FieldSet): boolean {
  for (const _ in node) return false;
  return true;
}

export const isMember = (node: FieldSet): boolean => SELF in node || isLeaf(node);

/** The node of these children; undefined where there is nothing left. */
function nodeOf(children: FieldSet, member: boolean): FieldSet | undefined {
  if (isLeaf(children)) return member ? LEAF : undefined;
  return member ? { [SELF]: LEAF, ...children } : children;
}

/** The elements of a set or below a node. */
export const elementsOf = (set: FieldSet): readonly string[] => Object.keys(set).filter((element) => element !== SELF);

/** What of the set lies below `element`. */
export const below = (set: FieldSet, element: string): FieldSet => set[element] ?? NO_FIELDS;

/** Whether the element itself, not something below it, is in the set. */
export function hasElement(set: FieldSet, element: string): boolean {
  const node = set[element];
  return node !== undefined && isMember(node);
}

export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let node = set;
  for (const element of path) {
    const next = node[element];
    if (next === undefined) return false;
    node = next;
  }
  return path.length > 0 && isMember(node);
}

function unionNode(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  if (isLeaf(b)) return isMember(a) ? a : { [SELF]: LEAF, ...a };
  if (isLeaf(a)) return isMember(b) ? b : { [SELF]: LEAF, ...b };
  return union(a, b);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  let out: Record<string, FieldSet> | undefined;
  for (const element in b) {
    const left = a[element];
    const right = b[element] as FieldSet;
    const merged = left === undefined ? right : unionNode(left, right);
    if (merged === left) continue;
    out ??= { ...a };
    out[element] = merged;
  }
  return out ?? a;
}

/** What a node keeps of itself and its children against the node of the other set. */
type Subtraction = (node: FieldSet, other: FieldSet) => FieldSet | undefined;

function subtract(a: FieldSet, b: FieldSet, subtraction: Subtraction): FieldSet {
  let out: Record<string, FieldSet> | undefined;
  for (const element in a) {
    const other = element === SELF ? undefined : b[element];
    if (other === undefined) continue;
    const left = a[element] as FieldSet;
    const kept = subtraction(left, other);
    if (kept === left) continue;
    out ??= { ...a };
    if (kept === undefined) delete out[element];
    else out[element] = kept;
  }
  return out ?? a;
}

/** A node with `children` left, still a member or no longer. */
function kept(node: FieldSet, children: FieldSet, member: boolean): FieldSet | undefined {
  if (children === node && member === isMember(node)) return node;
  if (!(SELF in children)) return nodeOf(children, member);
  const { [SELF]: _self, ...rest } = children;
  return nodeOf(rest, member);
}

const differenceNode: Subtraction = (node, other) => kept(node, difference(node, other), isMember(node) && !isMember(other));

/** Members of `a` that are not members of `b`. What lies below a member of `b` stays. */
export const difference = (a: FieldSet, b: FieldSet): FieldSet => subtract(a, b, differenceNode);

const recursiveNode: Subtraction = (node, other) =>
  isMember(other) ? undefined : kept(node, recursiveDifference(node, other), isMember(node));

/** As difference; a member of `b` takes everything below it along. */
export const recursiveDifference = (a: FieldSet, b: FieldSet): FieldSet => subtract(a, b, recursiveNode);

function intersectionNode(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return a === b ? a : nodeOf(intersection(a, b), isMember(a) && isMember(b));
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  for (const element in a) {
    const other = element === SELF ? undefined : b[element];
    const shared = other === undefined ? undefined : intersectionNode(a[element] as FieldSet, other);
    if (shared !== undefined) out[element] = shared;
  }
  return out;
}

/** Every member's path; of a node its own members come before what lies deeper, in the order of their elements. */
export function pathsOf(set: FieldSet, prefix: readonly string[] = []): readonly (readonly string[])[] {
  const elements = elementsOf(set).toSorted(compareElements);
  const own = elements.filter((element) => hasElement(set, element)).map((element) => [...prefix, element]);
  return [...own, ...elements.flatMap((element) => pathsOf(below(set, element), [...prefix, element]))];
}

/** The set of these paths. */
export class FieldSetBuilder {
  readonly #root: Record<string, Record<string, FieldSet>> = {};
  /** Nodes that are members with nothing below them: whether one of many children has any takes as many steps to find out. */
  readonly #leaves = new Set<object>();

  insert(path: readonly string[]): void {
    let node = this.#root;
    const last = path.length - 1;
    for (let depth = 0; depth <= last; depth++) {
      const element = path[depth] as string;
      let next = node[element] as Record<string, Record<string, FieldSet>> | undefined;
      if (next === undefined) {
        next = {};
        node[element] = next;
        if (depth === last) this.#leaves.add(next);
      } else if (depth === last ? !this.#leaves.has(next) : this.#leaves.delete(next)) next[SELF] ??= {};
      node = next;
    }
  }

  build(): FieldSet {
    return this.#root;
  }
}

export function setOfPaths(...paths: readonly (readonly string[])[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.insert(path);
  return builder.build();
}

function parseNode(json: unknown): FieldSet {
  if (json === null) return LEAF;
  if (!isObject(json)) throw new FieldSetError(`fields must be an object, not ${typeof json}`);
  let out: Record<string, FieldSet> | undefined;
  for (const element of Object.keys(json)) {
    const name = element === SELF ? element : canonicalElement(element);
    const child = element === SELF ? json[element] : parseNode(json[element]);
    if (name === element && child === json[element]) continue;
    out ??= { ...(json as FieldSet) };
    delete out[element];
    if (name !== undefined) out[name] = child as FieldSet;
  }
  const node = out ?? (json as FieldSet);
  return SELF in node && isEmptySet(node) ? LEAF : node;
}

/** Sets by the stored form they were read from: most writes find the owners that the write before left. */
const parsed = new WeakMap<object, FieldSet>();

/**
 * A set from its stored form.
 * @throws FieldSetError
 */
export function parseFieldSet(json: unknown): FieldSet {
  const known = isObject(json) ? parsed.get(json) : undefined;
  if (known !== undefined) return known;
  const node = parseNode(json);
  const { [SELF]: self, ...rest } = node;
  const set = self === undefined ? node : rest;
  if (isObject(json)) parsed.set(json, set);
  return set;
}

const ordered = new WeakMap<FieldSet, FieldSet>();

/** The set in the order it is written in; the same object when it is in order already. */
export function inOrder(set: FieldSet): FieldSet {
  let known = ordered.get(set);
  if (known === undefined) {
    known = sorted(set);
    ordered.set(set, known);
    ordered.set(known, known);
  }
  return known;
}

function sorted(set: FieldSet): FieldSet {
  let inPlace = true;
  let last: string | undefined;
  let changed: Record<string, FieldSet> | undefined;
  for (const element in set) {
    if (element === SELF) {
      inPlace &&= last === undefined;
      continue;
    }
    inPlace &&= last === undefined || compareElements(last, element) <= 0;
    last = element;
    const child = set[element] as FieldSet;
    const next = sorted(child);
    if (next !== child) (changed ??= {})[element] = next;
  }
  if (inPlace) return changed === undefined ? set : { ...set, ...changed };
  const out: Record<string, FieldSet> = SELF in set ? { [SELF]: LEAF } : {};
  for (const element of elementsOf(set).toSorted(compareElements)) out[element] = changed?.[element] ?? (set[element] as FieldSet);
  return out;
}
