import type { Ids } from '#base/ids.ts';

/** Characters of a generated suffix, and how long the whole name may be. Source: names.simpleNameGenerator. */
const SUFFIX_LENGTH = 5;
const MAX_NAME_LENGTH = 63;

/** `base` and five random characters. Source: simpleNameGenerator.GenerateName. */
export function generatedName(base: string, ids: Ids): string {
  return `${base.slice(0, MAX_NAME_LENGTH - SUFFIX_LENGTH)}${ids.suffix(SUFFIX_LENGTH)}`;
}
