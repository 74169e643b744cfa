// Semantic versions. Source: blang/semver v4.
import { goQuote } from './go-format.ts';

export interface SemanticVersion {
  /** Major, minor, patch. */
  readonly numbers: readonly bigint[];
  /** The parts of the pre-release, numbers as bigints. */
  readonly pre: readonly (bigint | string)[];
}

/** Numbers sort before words; a release after its pre-releases. */
export function compareVersions(a: SemanticVersion, b: SemanticVersion): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] as bigint;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.pre.length === 0 || b.pre.length === 0) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = comparePart(a.pre[i] as bigint | string, b.pre[i] as bigint | string);
    if (order !== 0) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

function comparePart(a: bigint | string, b: bigint | string): number {
  if (typeof a !== typeof b) return typeof a === 'bigint' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A version, or why the text is none. */
export function parseVersion(text: string): SemanticVersion | string {
  if (text === '') return 'Version string empty';
  const parts = /^([^.]*)\.([^.]*)\.([^]*)$/.exec(text);
  if (parts === null) return 'No Major.Minor.Patch elements found';
  const [, major = '', minor = '', rest = ''] = parts;
  const [, patch = '', pre, build] = /^([^+-]*)(?:-([^+]*))?(?:\+([^]*))?$/.exec(rest) ?? [];
  for (const [name, number] of Object.entries({ major, minor, patch })) {
    const wrong = numberError(name, number);
    if (wrong !== undefined) return wrong;
  }
  const preParts = pre === undefined ? [] : pre.split('.');
  for (const part of preParts) {
    if (part === '') return 'Prerelease is empty';
    if (/^0\d+$/.test(part)) return `Numeric PreRelease version must not contain leading zeroes ${goQuote(part)}`;
    if (!/^[0-9A-Za-z-]+$/.test(part)) return `Invalid character(s) found in prerelease ${goQuote(part)}`;
  }
  for (const part of build?.split('.') ?? []) {
    if (part === '') return 'Build meta data is empty';
    if (!/^[0-9A-Za-z-]+$/.test(part)) return `Invalid character(s) found in build meta data ${goQuote(part)}`;
  }
  return {
    numbers: [major, minor, patch].map(BigInt),
    pre: preParts.map((part) => (/^\d+$/.test(part) ? BigInt(part) : part)),
  };
}

function numberError(name: string, text: string): string | undefined {
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  if (!/^\d*$/.test(text)) return `Invalid character(s) found in ${name} number ${goQuote(text)}`;
  if (/^0\d/.test(text)) return `${title} number must not contain leading zeroes ${goQuote(text)}`;
  return text === '' ? `strconv.ParseUint: parsing "": invalid syntax` : undefined;
}
