// The rules most kinds share, around those a kind has of its own: status is written through its own endpoint, and
// generation counts changes of everything else.
import { decodeValue } from '#api/decode.ts';
import type { ResourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { withMetadata } from './metadata.ts';
import type { Strategy, UpdateHooks } from './strategy.ts';

type WithStatus = KubeObject & { readonly status?: unknown };

/** What a kind's status is before anybody wrote it: its type's empty form, or nothing. */
export function emptyStatus({ schema }: Pick<ResourceInfo, 'schema'>): unknown {
  const status = schema.fields.get('status');
  if (status === undefined || !status.always || status.type.shape !== 'object') return undefined;
  return decodeValue<unknown>({}, status.type, { fieldValidation: 'Ignore' }).object;
}

export function withStatus<T extends KubeObject>(object: T, status: unknown): T {
  const current = (object as WithStatus).status;
  if (current === status || deepEqual(current, status)) return object;
  const { status: _status, ...rest } = object as WithStatus;
  return (status === undefined ? rest : { ...rest, status }) as unknown as T;
}

/** Everything of `object` but metadata and status. */
function desired(object: KubeObject): Record<string, unknown> {
  const { metadata: _metadata, status: _status, ...rest } = object as WithStatus;
  return rest;
}

/** `object` with the next generation. */
export function risen<T extends KubeObject>(object: T, old: T): T {
  return withMetadata(object, { generation: Number(old.metadata.generation ?? 0) + 1 });
}

/** `object` with the next generation if it asks for something else than `old`. */
export function counted<T extends KubeObject>(object: T, old: T): T {
  return deepEqual(desired(object), desired(old)) ? object : risen(object, old);
}

/** On `status`, only metadata and status are taken over. */
export const STATUS_HOOKS: UpdateHooks = {
  prepareForUpdate: (object, old) => {
    const { status } = object as WithStatus;
    const { status: _status, ...rest } = old as WithStatus;
    return { ...rest, metadata: object.metadata, ...(status === undefined ? {} : { status }) } as KubeObject;
  },
};

/** A complete strategy for `info`: shared rules first, then those of `own`. */
export function completeStrategy(info: ResourceInfo, own: Strategy): Strategy {
  const hasStatus = info.subresources.has('status');
  const empty = hasStatus ? emptyStatus(info) : undefined;
  const { generation, initialStatus } = own;
  const status = hasStatus ? joined(STATUS_HOOKS, own.subresources?.['status']) : undefined;
  return {
    ...own,
    resetFields: resetFields(hasStatus, own.resetFields),
    subresources: { ...own.subresources, ...(status === undefined ? {} : { status }) },
    prepareForCreate: (object, context) => {
      const reset = hasStatus ? withStatus(object, initialStatus?.(object, context) ?? empty) : object;
      const first = generation === undefined ? reset : withMetadata(reset, { generation: 1 });
      return own.prepareForCreate?.(first, context) ?? first;
    },
    prepareForUpdate: (object, old, context) => {
      const kept = hasStatus ? withStatus(object, (old as WithStatus).status) : object;
      const prepared = own.prepareForUpdate?.(kept, old, context) ?? kept;
      return generation === 'desired' ? counted(prepared, old) : prepared;
    },
  };
}

function resetFields(hasStatus: boolean, own: Strategy['resetFields'] = {}): NonNullable<Strategy['resetFields']> {
  if (!hasStatus) return own;
  return { ...own, '': [['status'], ...(own[''] ?? [])], status: [['spec'], ...(own['status'] ?? [])] };
}

/** `second` prepares what `first` has prepared; its other hooks stand. */
function joined(first: UpdateHooks, second: UpdateHooks | undefined): UpdateHooks {
  if (second === undefined) return first;
  return {
    ...second,
    prepareForUpdate: (object, old, context) => {
      const prepared = first.prepareForUpdate?.(object, old, context) ?? object;
      return second.prepareForUpdate?.(prepared, old, context) ?? prepared;
    },
  };
}
