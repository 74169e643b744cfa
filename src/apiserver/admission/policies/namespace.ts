// The namespace a write is in. Source: policy/generic PolicyMatcher.GetNamespace.
import { namespaces } from '#api/resources.ts';
import type { Namespace } from '#api/types.ts';
import { notFound } from '#apimachinery/errors.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { AdmissionAttributes } from '../contract.ts';

/** undefined for what is in none, a namespace itself included. @throws StatusError NotFound */
export async function namespaceOf({ namespace, kind }: AdmissionAttributes, reader: CacheReader): Promise<Namespace | undefined> {
  if (namespace === '' || (kind.group === '' && kind.kind === 'Namespace')) return undefined;
  const known = reader.get(namespaces, namespace);
  if (known !== undefined) return known;
  await reader.caughtUp();
  const found = reader.get(namespaces, namespace);
  if (found === undefined) throw notFound(namespaces, namespace);
  return found;
}
