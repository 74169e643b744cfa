// Semantic versions: `semver('1.2.3')`. Source: apiserver library/semverlib.go, blang/semver v4.
import { compareVersions, parseVersion } from '../../semver.ts';
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
    return other instanceof Semver && compareVersions(this, other) === 0;
  }
}

function read(text: string): Semver | string {
  const version = parseVersion(text);
  return typeof version === 'string' ? version : new Semver(version.numbers, version.pre);
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
    isGreaterThan: [member('semver_is_greater_than', PAIR, BOOL, (a: Semver, b: Semver) => compareVersions(a, b) > 0)],
    isLessThan: [member('semver_is_less_than', PAIR, BOOL, (a: Semver, b: Semver) => compareVersions(a, b) < 0)],
    compareTo: [member('semver_compare_to', PAIR, INT, compareVersions)],
    major: [member('semver_major', [SEMVER], INT, number(0))],
    minor: [member('semver_minor', [SEMVER], INT, number(1))],
    patch: [member('semver_patch', [SEMVER], INT, number(2))],
  },
};
