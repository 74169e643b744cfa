// The last step of every write: one transaction, and the object at the revision it got.
import type { KubeObject } from '#api/types.ts';
import { type Condition, type KeyValue, type Operation, type TransactionResult } from '#store/contract.ts';
import { guarded, tooLarge } from '../cache/store-failure.ts';
import type { ObjectLayout, StoredObject } from '../cache/stored-object.ts';
import type { HeapBytes } from '../cache/heap-bytes.ts';
import { withMetadata } from './metadata.ts';
import { objectKey } from './storage-keys.ts';
import type { Registry, WriteCall } from './write-call.ts';

export interface Commit {
  /** Key within the resource. */
  readonly key: string;
  /** As it is stored. */
  readonly object: KubeObject;
  readonly layout: ObjectLayout;
  /** Bytes of `object`, where they are known already. */
  readonly value?: HeapBytes;
  /** What the key's modRevision must be; 0: it must not exist. */
  readonly expected: number;
  readonly conditions?: readonly Condition[];
  readonly operations?: readonly Operation[];
}

export type CommitResult =
  | { readonly kind: 'written'; readonly object: StoredObject }
  /** Something else is there; `present` undefined: nothing is. */
  | { readonly kind: 'changed'; readonly present: StoredObject | undefined }
  /** The key is as expected, another condition failed. */
  | { readonly kind: 'lost' };

export const keyOf = (object: KubeObject): string => objectKey(object.metadata.name, object.metadata.namespace ?? '');

/** @throws StatusError when the store refuses or cannot be reached */
export async function put(call: WriteCall, registry: Registry, commit: Commit): Promise<CommitResult> {
  const { stored } = call;
  const { key, layout, expected, conditions = [], operations = [] } = commit;
  let { object } = commit;
  let value = commit.value ?? layout.encode(object);
  if (value.length > registry.store.maxValueBytes && object.metadata.managedFields !== undefined && call.applies !== true) {
    // The record of owners can be done without. Source: createHandler, patcher.patchResource, isTooLargeError.
    object = withMetadata(object, { managedFields: undefined });
    value = layout.encode(object);
  }
  if (value.length > registry.store.maxValueBytes) throw tooLarge();
  const ttl = stored.strategy.ttlSeconds?.(object) ?? 0;
  const lease = ttl === 0 ? 0 : await guarded(() => registry.leases.lease(ttl));

  const storeKey = stored.prefix + key;
  const bytes = value.toBuffer();
  const write = registry.hub.writes.open(storeKey, { layout, key, value, bytes, object });
  let result: TransactionResult;
  const span = call.request.span?.child('Store transaction', { key: storeKey, bytes: value.length });
  try {
    result = await guarded(() =>
      registry.store.transact({
        conditions: [{ key: storeKey, modRevision: expected }, ...conditions],
        operations: [{ kind: 'put', key: storeKey, value: bytes, ...(lease === 0 ? {} : { lease }) }, ...operations],
        readOnFailure: [storeKey],
      }),
    );
  } catch (error) {
    write.close();
    span?.end({}, String(error));
    throw error;
  }
  span?.end({ committed: result.committed, revision: result.revision });
  if (!result.committed) {
    write.close();
    return missed(call, key, expected, result.present[0]);
  }
  const object_ = write.written(result.revision);
  stored.form?.wrote(value);
  registry.hub.progress.acknowledge(result.revision);
  closeLater(registry, result.revision, write);
  return { kind: 'written', object: object_ };
}

/** Deletes the object if it is still at `expected`; the result is what was there, at the revision of the delete. */
export async function remove(
  call: WriteCall,
  registry: Registry,
  { object, operations = [] }: { readonly object: StoredObject; readonly operations?: readonly Operation[] },
): Promise<CommitResult> {
  const storeKey = call.stored.prefix + object.key;
  const result = await guarded(() =>
    registry.store.transact({
      conditions: [{ key: storeKey, modRevision: object.revision }],
      operations: [{ kind: 'delete', key: storeKey }, ...operations],
      readOnFailure: [storeKey],
    }),
  );
  if (!result.committed) return missed(call, object.key, object.revision, result.present[0]);
  registry.hub.progress.acknowledge(result.revision);
  return { kind: 'written', object: object.at(result.revision) };
}

function missed({ stored }: WriteCall, key: string, expected: number, present: KeyValue | undefined): CommitResult {
  if ((present?.modRevision ?? 0) === expected) return { kind: 'lost' };
  return {
    kind: 'changed',
    present: present === undefined ? undefined : stored.cache.resource.layout.read(key, present.modRevision, present.value),
  };
}

/** Until the cache has the write, its watch event must find the object. */
function closeLater({ hub }: Registry, revision: number, write: { close(): void }): void {
  if (hub.progress.revision >= revision) write.close();
  else hub.progress.whenReached(revision, () => write.close());
}
