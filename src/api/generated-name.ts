import { fnv1a32 } from '#base/fnv.ts';
import type { Ids } from '#base/ids.ts';
import { safeEncode } from './pod-template-hash.ts';

/** Characters of a generated suffix, and how long the whole name may be. Source: names.simpleNameGenerator. */
const SUFFIX_LENGTH = 5;
const MAX_NAME_LENGTH = 63;

/** `base` and five random characters. Source: simpleNameGenerator.GenerateName. */
export function generatedName(base: string, ids: Ids): string {
  return `${base.slice(0, MAX_NAME_LENGTH - SUFFIX_LENGTH)}${ids.suffix(SUFFIX_LENGTH)}`;
}

/**
 * A name that looks generated and follows from `text`: whoever tries a creation again that was not answered names the same
 * object. There are 100,000 for a base, and so another object may have it already: AlreadyExists has to be reckoned with.
 */
export function derivedName(base: string, text: string): string {
  return `${base.slice(0, MAX_NAME_LENGTH - SUFFIX_LENGTH)}${derivedSuffix(text)}`;
}

/** Five characters out of ten of those that the server would draw from, and always the same for one text. */
function derivedSuffix(text: string): string {
  const digits = String(fnv1a32(Buffer.from(text))).padStart(10, '0');
  return safeEncode(digits.slice(-SUFFIX_LENGTH));
}
