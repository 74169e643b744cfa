// Objects for tests of validation: decoded and defaulted as the API server does it.
import { decodeObject } from '../decode.ts';
import { applyDefaults } from '../defaults.ts';
import { Schema } from '../schema.ts';
import { errorText } from '#apimachinery/field-errors.ts';
import { apiVersionOf } from '#apimachinery/resource.ts';
import { validateCreate, validateUpdate } from './validation.ts';

const schema = new Schema({ serves: () => true });

export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** `v1/Pod`, `apps/v1/Deployment`. */
export function kindOf(text: string): Kind {
  const parts = text.split('/');
  return { group: parts.length === 3 ? (parts[0] as string) : '', version: parts.at(-2) as string, kind: parts.at(-1) as string };
}

/** `members` as an object of `kind`, named `x` in namespace `default` where nothing else is said. */
export function objectOf(kind: Kind, members: object): object {
  const info = schema.resourceOfKind(kind);
  if (info === undefined) throw new Error(`no kind ${kind.kind}`);
  const apiVersion = apiVersionOf(kind);
  const given = members as { readonly metadata?: object };
  const metadata = { name: 'x', ...(info.namespaced ? { namespace: 'default' } : {}), ...given.metadata };
  const { object } = decodeObject({ apiVersion, kind: kind.kind, ...members, metadata }, info.schema, {
    version: apiVersion,
    fieldValidation: 'Strict',
  });
  return applyDefaults(object as object, info.schema, 0);
}

const STORED = { resourceVersion: '1', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', generation: 1 };

/** Texts of what is wrong with a new object. */
export function createErrors(kindText: string, members: object): readonly string[] {
  const kind = kindOf(kindText);
  return validateCreate(objectOf(kind, members), kind).map(errorText);
}

/** Texts of what is wrong with a change; both sides have the metadata of a stored object. */
export function updateErrors(kindText: string, members: object, old: object, subresource = ''): readonly string[] {
  const kind = kindOf(kindText);
  const stored = (given: object): object =>
    objectOf(kind, { ...given, metadata: { ...STORED, ...(given as { readonly metadata?: object }).metadata } });
  return validateUpdate(stored(members), stored(old), kind, subresource).map(errorText);
}
