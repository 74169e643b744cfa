// The objects filed under one index value. Small ones are plain arrays, replaced on every change, so a reader may keep
// what it got; large ones are sets with an array made on demand.

/** Above this many objects, replacing the array costs more than a set does. */
const SMALL = 16;

interface LargeBucket<T> {
  readonly members: Set<T>;
  /** `members` as an array; undefined after a change. */
  snapshot: readonly T[] | undefined;
}

export type Bucket<T> = readonly T[] | LargeBucket<T>;

const isSmall = <T>(bucket: Bucket<T>): bucket is readonly T[] => Array.isArray(bucket);

/** The members; not changed by later additions and removals. */
export function members<T>(bucket: Bucket<T> | undefined): readonly T[] {
  if (bucket === undefined) return [];
  if (isSmall(bucket)) return bucket;
  bucket.snapshot ??= [...bucket.members];
  return bucket.snapshot;
}

/** `bucket` with `object`, which is not in it yet. */
export function withMember<T>(bucket: Bucket<T> | undefined, object: T): Bucket<T> {
  if (bucket === undefined) return [object];
  if (isSmall(bucket)) {
    if (bucket.length < SMALL) return [...bucket, object];
    return { members: new Set([...bucket, object]), snapshot: undefined };
  }
  bucket.members.add(object);
  bucket.snapshot = undefined;
  return bucket;
}

/** `bucket` with `object` instead of `previous`, which is in it. */
export function withReplaced<T>(bucket: Bucket<T>, previous: T, object: T): Bucket<T> {
  if (isSmall(bucket)) return bucket.map((member) => (member === previous ? object : member));
  bucket.members.delete(previous);
  bucket.members.add(object);
  bucket.snapshot = undefined;
  return bucket;
}

/** `bucket` without `object`; undefined when it becomes empty. */
export function withoutMember<T>(bucket: Bucket<T> | undefined, object: T): Bucket<T> | undefined {
  if (bucket === undefined) return undefined;
  if (isSmall(bucket)) {
    const left = bucket.filter((other) => other !== object);
    return left.length === 0 ? undefined : left;
  }
  bucket.members.delete(object);
  bucket.snapshot = undefined;
  // Half of SMALL, so that a bucket at the border does not change its form with every object.
  return bucket.members.size <= SMALL / 2 ? [...bucket.members] : bucket;
}
