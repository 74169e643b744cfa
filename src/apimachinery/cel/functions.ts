// How functions are declared: by name, each with overloads, each with the code that carries it out.
import type { Value } from './contract.ts';
import type { Type } from './types.ts';

/** Called with values of the declared types only; a parameter of type `dyn` or of a type variable may be anything. */
export type Implementation = (...args: never[]) => Value;

export interface Overload {
  /** Upstream's name of it, by which costs are known. */
  readonly id: string;
  /** The receiver first, where it is a member. */
  readonly args: readonly Type[];
  readonly result: Type;
  /** `a.f(b)` rather than `f(a, b)`. */
  readonly member: boolean;
  readonly call: Implementation;
  /** The implementation serves all overloads of its function and judges any arguments itself. */
  readonly unchecked?: true;
}

/** Overloads by name of function; a name may occur in several libraries. */
export type Functions = Readonly<Record<string, readonly Overload[]>>;

export function overload(id: string, args: readonly Type[], result: Type, call: Implementation): Overload {
  return { id, args, result, member: false, call };
}

export function member(id: string, args: readonly Type[], result: Type, call: Implementation): Overload {
  return { id, args, result, member: true, call };
}

/** All overloads of an operator, by one implementation. */
export function operator(
  call: Implementation,
  ...signatures: readonly (readonly [id: string, args: readonly Type[], result: Type])[]
): Overload[] {
  return signatures.map(([id, args, result]) => ({ id, args, result, member: false, call, unchecked: true }));
}

/** A library: functions, and names of types that may be used as values. */
export interface Library {
  readonly functions: Functions;
  readonly types?: Readonly<Record<string, Type>>;
}

export function mergeFunctions(libraries: readonly Library[]): ReadonlyMap<string, readonly Overload[]> {
  const all = new Map<string, readonly Overload[]>();
  for (const { functions } of libraries) {
    for (const [name, overloads] of Object.entries(functions)) all.set(name, [...(all.get(name) ?? []), ...overloads]);
  }
  return all;
}
