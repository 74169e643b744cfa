// What a cache held at an earlier revision, from what it holds now and what has changed since.
import type { Change } from './history.ts';
import { OrderedMap } from './ordered-map.ts';
import type { StoredObject } from './stored-object.ts';

/** Objects as of one revision, in key order. */
export interface Snapshot {
  readonly revision: number;
  range(start: string, end?: string): Iterable<StoredObject>;
  count(start: string, end?: string): number;
}

/** A view: finish reading before `current` changes. `changes`: all that came after `revision`, in order. */
export function snapshotAt(revision: number, current: OrderedMap<StoredObject>, changes: readonly Change[]): Snapshot {
  const before = new OrderedMap<StoredObject | undefined>();
  for (const change of changes) if (!before.has(change.key)) before.set(change.key, change.previous);
  return {
    revision,
    range: (start, end) => rewound(current.range(start, end), before.range(start, end)),
    count: (start, end) => {
      let count = current.count(start, end);
      for (const [key, object] of before.range(start, end)) count += Number(object !== undefined) - Number(current.has(key));
      return count;
    },
  };
}

/** `now` with the entries of `before` put back: replaced where they differ, added where deleted since, left out where absent. */
function* rewound(now: Iterable<[string, StoredObject]>, before: Iterable<[string, StoredObject | undefined]>): Generator<StoredObject> {
  const old = before[Symbol.iterator]();
  let pending = old.next();
  for (const [key, object] of now) {
    while (pending.done !== true && pending.value[0] < key) {
      if (pending.value[1] !== undefined) yield pending.value[1];
      pending = old.next();
    }
    if (pending.done !== true && pending.value[0] === key) {
      if (pending.value[1] !== undefined) yield pending.value[1];
      pending = old.next();
    } else {
      yield object;
    }
  }
  for (; pending.done !== true; pending = old.next()) if (pending.value[1] !== undefined) yield pending.value[1];
}
