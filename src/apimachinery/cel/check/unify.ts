// Whether one type can stand where another is wanted, and what that says of type variables.
// Source: cel-go checker/types.go.
import { sameType, typeName, typeParams, type Type, DYN } from '../types.ts';

/** What type variables stand for, by name. Copied before a trial, so that a failed one leaves nothing. */
export type Substitutions = Map<string, Type>;

export const isDyn = (type: Type): boolean => type.kind === 'dyn' || type.kind === 'any';
export const isDynOrError = (type: Type): boolean => type.kind === 'error' || isDyn(type);

/** The substitutions under which every `from[i]` is one of `to[i]`; undefined when there are none. */
export function unify(bound: Substitutions, from: readonly Type[], to: readonly Type[]): Substitutions | undefined {
  const trial = new Map(bound);
  return assignableAll(trial, from, to) ? trial : undefined;
}

/** Replaces bound variables; unbound ones too, by dyn, when `all`. Sizes of the schema are kept. */
export function substitute(bound: Substitutions, type: Type, all: boolean): Type {
  switch (type.kind) {
    case 'param': {
      const known = bound.get(type.name);
      if (known !== undefined) return substitute(bound, known, all);
      return all ? DYN : type;
    }
    case 'list': {
      const items = substitute(bound, type.items, all);
      return items === type.items ? type : { ...type, items };
    }
    case 'map': {
      const [keys, values] = [substitute(bound, type.keys, all), substitute(bound, type.values, all)];
      return keys === type.keys && values === type.values ? type : { ...type, keys, values };
    }
    case 'opaque':
      return type.params.length === 0 ? type : { ...type, params: type.params.map((param) => substitute(bound, param, all)) };
    case 'type':
      return type.of === undefined ? type : { ...type, of: substitute(bound, type.of, all) };
    default:
      return type;
  }
}

function assignableAll(bound: Substitutions, from: readonly Type[], to: readonly Type[]): boolean {
  return from.length === to.length && from.every((type, i) => assignable(bound, type, to[i] as Type));
}

function assignable(bound: Substitutions, a: Type, b: Type): boolean {
  if (b.kind === 'param') {
    const { valid, known } = validSubstitution(bound, a, b.name, b);
    if (valid) return true;
    if (known) return false;
  }
  if (a.kind === 'param') return validSubstitution(bound, b, a.name, a).valid;
  if (isDynOrError(a) || isDynOrError(b)) return true;
  if (a.kind === 'null_type') return isNullable(b);
  if (b.kind === 'null_type') return isNullable(a);
  if (a.kind === 'type') return b.kind === 'type';
  return a.kind === b.kind && typeName(a) === typeName(b) && assignableAll(bound, typeParams(a), typeParams(b));
}

const NULLABLE: ReadonlySet<string> = new Set(['opaque', 'object', 'any', 'duration', 'timestamp', 'null_type', 'dyn']);
const isNullable = (type: Type): boolean => NULLABLE.has(type.kind);

/** Whether variable `name` may stand for `type`, and whether it already stands for something. */
function validSubstitution(bound: Substitutions, type: Type, name: string, variable: Type): { valid: boolean; known: boolean } {
  if (type.kind === 'param' && type.name === name) return { valid: true, known: true };
  const known = bound.get(name);
  if (known !== undefined) {
    if (sameType(type, known)) return { valid: true, known: true };
    if (!assignable(bound, type, known)) return { valid: false, known: true };
    const general = mostGeneral(type, known);
    if (!occursIn(bound, variable, general)) bound.set(name, general);
    return { valid: true, known: true };
  }
  if (occursIn(bound, variable, type)) return { valid: false, known: false };
  bound.set(name, type);
  return { valid: true, known: false };
}

/** The one of two types that unify which says less. */
export function mostGeneral(a: Type, b: Type): Type {
  return isEqualOrLessSpecific(a, b) ? a : b;
}

function isEqualOrLessSpecific(a: Type, b: Type): boolean {
  if (isDyn(a) || a.kind === 'param') return true;
  if (isDyn(b) || b.kind === 'param' || a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  if (typeName(a) !== typeName(b)) return false;
  const [left, right] = [typeParams(a), typeParams(b)];
  return left.length === right.length && left.every((param, i) => isEqualOrLessSpecific(param, right[i] as Type));
}

function occursIn(bound: Substitutions, variable: Type, within: Type): boolean {
  if (sameType(variable, within)) return true;
  if (within.kind === 'param') {
    const known = bound.get(within.name);
    return known !== undefined && occursIn(bound, variable, known);
  }
  return typeParams(within).some((param) => occursIn(bound, variable, param));
}
