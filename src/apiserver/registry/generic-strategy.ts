// The rules most kinds share, made from what the schema says of them: status is written through its own endpoint, and
// generation counts changes of everything else.
import { decodeValue } from '#api/decode.ts';
import type { ResourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { withMetadata } from './metadata.ts';
import type { Strategy, UpdateHooks } from './strategy.ts';

type WithStatus = KubeObject & { readonly status?: unknown };

/** What a kind's status is before anybody wrote it. */
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

/** `object` with the next generation if it asks for something else than `old`. */
export function nextGeneration<T extends KubeObject>(object: T, old: T): T {
  if (deepEqual(desired(object), desired(old))) return object;
  return withMetadata(object, { generation: (old.metadata.generation ?? 0) + 1 });
}

export const firstGeneration = <T extends KubeObject>(object: T): T => withMetadata(object, { generation: 1 });

/** On `status` only the status changes; metadata may, but not what names owners, as upstream's strategies have it. */
export function statusHooks(): UpdateHooks {
  return {
    prepareForUpdate: (object, old) => ({ ...old, metadata: object.metadata, ...('status' in object ? { status: object.status } : {}) }),
  };
}

export interface GenericOptions {
  readonly generation: boolean;
}

/** A complete strategy for `info`, with `own` rules before the shared ones. */
export function genericStrategy(info: ResourceInfo, own: Strategy, { generation }: GenericOptions): Strategy {
  const hasStatus = info.subresources.has('status');
  const empty = hasStatus ? emptyStatus(info) : undefined;
  const subresources: Readonly<Record<string, UpdateHooks>> = { ...(hasStatus ? { status: statusHooks() } : {}), ...own.subresources };
  return {
    ...own,
    subresources,
    prepareForCreate: (object, context) => {
      const reset = hasStatus ? withStatus(object, empty) : object;
      const counted = generation ? firstGeneration(reset) : reset;
      return own.prepareForCreate?.(counted, context) ?? counted;
    },
    prepareForUpdate: (object, old, context) => {
      const kept = hasStatus ? withStatus(object, (old as WithStatus).status) : object;
      const prepared = own.prepareForUpdate?.(kept, old, context) ?? kept;
      return generation ? nextGeneration(prepared, old) : prepared;
    },
  };
}
