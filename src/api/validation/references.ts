// Members that name other objects.
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Subdomain, pathSegmentName } from '#apimachinery/names.ts';
import { blank, type Problems } from './problems.ts';

/** A required name that may stand in a URL's path. Source: IsPathSegmentName. */
export function requiredSegment(out: Problems, at: Path, name: string | undefined): void {
  if (blank(name)) out.required(at);
  else out.each(at, name, pathSegmentName(name));
}

interface TypedReference {
  readonly apiGroup?: string | null;
  readonly kind?: string;
  readonly name?: string;
}

/** Group, kind and name of an object. */
export function validateTypedReference(out: Problems, at: Path, { apiGroup, kind, name }: TypedReference): void {
  if (apiGroup !== undefined && apiGroup !== null) out.each(at.child('apiGroup'), apiGroup, dns1123Subdomain(apiGroup));
  requiredSegment(out, at.child('kind'), kind);
  requiredSegment(out, at.child('name'), name);
}
