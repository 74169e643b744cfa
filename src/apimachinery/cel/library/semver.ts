// Semantic versions: `semver('1.2.3')`. Source: apiserver library/semverlib.go, blang/semver v4.
import { goQuote } from '../../go-format.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library } from '../functions.ts';
import { BOOL, INT, objectOf, STRING } from '../types.ts';
import { int } from '../values/numbers.ts';
import { OpaqueValue } from '../values/values.ts';

const SEMVER = objectOf('kubernetes.Semver', {});

class Semver extends OpaqueValue {
  readonly type = SEMVER;
  /** Major, minor, patch. */
  readonly numbers: readonly bigint[];
  /** The parts of the pre-release, numbers as bigints. */
  readonly pre: readonly (bigint | string)[];

  constructor(numbers: readonly bigint[], pre: readonly (bigint | string)[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }

  equals(other: Value): boolean {
    return other instanceof Semver && compare(this, other) === 0;
  }
}

/** Numbers sort before words; a release after its pre-releases. */
function compare(a: Semver, b: Semver): number {
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
function read(text: string): Semver | string {
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
  return new Semver(
    [major, minor, patch].map(BigInt),
    preParts.map((part) => (/^\d+$/.test(part) ? BigInt(part) : part)),
  );
}

function numberError(name: string, text: string): string | undefined {
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  if (!/^\d*$/.test(text)) return `Invalid character(s) found in ${name} number ${goQuote(text)}`;
  if (/^0\d/.test(text)) return `${title} number must not contain leading zeroes ${goQuote(text)}`;
  return text === '' ? `strconv.ParseUint: parsing "": invalid syntax` : undefined;
}

/** Drops a leading `v` and zeros before numbers, and adds missing numbers. */
function normalized(text: string): Semver | string {
  const parts = text.replace(/^v/, '').split('.');
  const [numbers, rest] = [parts.slice(0, 2), parts.slice(2)];
  const three = [...numbers, ...(rest.length === 0 ? [] : [rest.join('.')])].map((part) => part.replace(/^0+(?=\d)/, ''));
  if (three.length < 3 && /[+-]/.test(three.at(-1) ?? '')) return 'short version cannot contain PreRelease/Build meta data';
  while (three.length < 3) three.push('0');
  return read(three.join('.'));
}

const readAs = (text: string, normalize: boolean): Semver | string => (normalize ? normalized(text) : read(text));

/** The value that `semver(text)` is. @throws EvaluationError */
export function toSemver(text: string, normalize = false): Semver {
  const version = readAs(text, normalize);
  return typeof version === 'string' ? fail(version) : version;
}

const isSemver = (text: string, normalize = false): boolean => readAs(text, normalize) instanceof Semver;
const number = (at: number) => (version: Semver) => int(version.numbers[at] as bigint);
const PAIR = [SEMVER, SEMVER];

export const SEMVERS: Library = {
  types: { 'kubernetes.Semver': SEMVER },
  functions: {
    semver: [overload('string_to_semver', [STRING], SEMVER, toSemver), overload('string_bool_to_semver', [STRING, BOOL], SEMVER, toSemver)],
    isSemver: [overload('is_semver_string', [STRING], BOOL, isSemver), overload('is_semver_string_bool', [STRING, BOOL], BOOL, isSemver)],
    isGreaterThan: [member('semver_is_greater_than', PAIR, BOOL, (a: Semver, b: Semver) => compare(a, b) > 0)],
    isLessThan: [member('semver_is_less_than', PAIR, BOOL, (a: Semver, b: Semver) => compare(a, b) < 0)],
    compareTo: [member('semver_compare_to', PAIR, INT, compare)],
    major: [member('semver_major', [SEMVER], INT, number(0))],
    minor: [member('semver_minor', [SEMVER], INT, number(1))],
    patch: [member('semver_patch', [SEMVER], INT, number(2))],
  },
};
