// Equal parts of two JSON values held once: what an update leaves alone, what objects of one template have in common.
import { setMember } from './json-value.ts';

/**
 * `next` with `previous`'s own parts wherever it says the same in the same order; `previous` itself where all of it does.
 * Neither is changed. Objects that share parts are compared by identity, and take no more room than what they differ in.
 */
export function sharing<T>(previous: unknown, next: T): T {
  if (previous === next || typeof next !== 'object' || next === null || typeof previous !== 'object' || previous === null) return next;
  if (Array.isArray(next)) return Array.isArray(previous) ? (sharedItems(previous, next) as T) : next;
  return Array.isArray(previous) ? next : (sharedMembers(previous as Members, next as Members) as T);
}

type Members = Readonly<Record<string, unknown>>;

function sharedItems(previous: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  let same = previous.length === next.length;
  let out: unknown[] | undefined;
  for (let i = 0; i < next.length; i++) {
    const shared = sharing(previous[i], next[i]);
    if (shared !== next[i]) (out ??= [...next])[i] = shared;
    same &&= shared === previous[i];
  }
  return same ? previous : (out ?? next);
}

function sharedMembers(previous: Members, next: Members): Members {
  const names = Object.keys(next);
  const before = Object.keys(previous);
  let same = before.length === names.length;
  let out: Record<string, unknown> | undefined;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    same &&= before[i] === name;
    if (!Object.hasOwn(previous, name)) continue;
    const value = next[name];
    const shared = sharing(previous[name], value);
    if (shared !== value) setMember((out ??= { ...next }), name, shared);
    same &&= shared === previous[name];
  }
  return same ? previous : (out ?? next);
}
