// What the garbage collector writes. Source: rbac IsOnlyMutatingGCFields.
import { isDeepStrictEqual } from 'node:util';
import type { AdmissionAttributes } from './contract.ts';

/** An update of owners and finalizers alone: the garbage collector may make it of what it could never write otherwise. */
export function onlyForCollection({ object, oldObject }: Pick<AdmissionAttributes, 'object' | 'oldObject'>): boolean {
  return isDeepStrictEqual(withoutCollection(object), withoutCollection(oldObject));
}

function withoutCollection(object: AdmissionAttributes['object']): unknown {
  if (object === undefined) return undefined;
  const { ownerReferences: _o, finalizers: _f, managedFields: _m, ...metadata } = object.metadata;
  return { ...object, metadata };
}
