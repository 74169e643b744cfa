// What strategic merge needs to know of a member, from its schema. Source: strategicpatch meta.go, forked json fields.go.
import { goQuote } from './go-format.ts';
import { ANY, memberSchema, type TypeSchema } from './type-schema.ts';

/** A strategic merge patch that does not fit; the message is upstream's. */
export class StrategicPatchError extends Error {
  override readonly name = 'StrategicPatchError';
  /** `format`: it breaks the rules of the format itself. `lists`: lists of lists, which cannot be merged. */
  readonly fault: 'format' | 'lists' | 'other';

  constructor(message: string, fault: StrategicPatchError['fault'] = 'other') {
    super(message);
    this.fault = fault;
  }
}

export interface PatchMeta {
  /** Of the member; of an item where the member is a list. */
  readonly schema: TypeSchema;
  /** Undefined merges objects and replaces lists. */
  readonly strategy: 'merge' | 'replace' | undefined;
  /** The patch says which members remain (`$retainKeys`). */
  readonly retainKeys: boolean;
  /** Empty for lists of scalars. */
  readonly mergeKey: string;
}

const goTypeName = (schema: TypeSchema): string => (schema.shape === 'object' ? schema.name.slice(schema.name.lastIndexOf('.') + 1) : '');

/** @throws StrategicPatchError where the type has no member `key` */
export function patchMeta(schema: TypeSchema, key: string, of: 'object' | 'list'): PatchMeta {
  const field = schema.shape === 'object' ? schema.fields.get(key) : undefined;
  const type = field?.type ?? memberSchema(schema, key);
  if (type === undefined) {
    throw new StrategicPatchError(`unable to find api field in struct ${goTypeName(schema)} for the json field ${goQuote(key)}`);
  }
  const strategies = field?.patchStrategy ?? [];
  return {
    schema: of === 'object' ? type : type.shape === 'list' ? type.items : ANY,
    strategy: strategies.find((s) => s !== 'retainKeys') as 'merge' | 'replace' | undefined,
    retainKeys: strategies.includes('retainKeys'),
    mergeKey: field?.patchMergeKey ?? '',
  };
}

/** For upstream's `cannot merge lists without merge key for …`. */
export const schemaName = goTypeName;
