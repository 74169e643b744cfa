// Decoders of structs, from plans of their fields: generated code where that is allowed, otherwise a loop that does the
// same. Property names written into code cost half of what the loop's looked-up ones do.
import { canCompile } from '#base/protobuf/compile.ts';
import type { JsonObject } from '../json-object.ts';

/** What one decoding noticed on its way. */
export interface Notes {
  /** Some object had a member its type does not know; it was dropped. */
  unknownFields: boolean;
  /** Objects and lists that are in canonical form already, and stay what they are. */
  readonly canonical?: ReadonlySet<unknown>;
}

/**
 * Canonical form of a value that is neither undefined nor null.
 * @throws TypeMismatch, WrongType, or what isScalarError knows, without a place
 */
export type Decoder = (value: unknown, notes: Notes) => unknown;

export interface FieldPlan {
  readonly name: string;
  readonly decode: Decoder;
  /** A zero is as good as nothing: off the wire, or for an always-present list null, as it comes back from storage. */
  readonly foldsZero: boolean;
  /** What stands there when nothing was given; undefined for nothing. A struct is made anew each time. */
  readonly absent: (() => unknown) | undefined;
}

/** Thrown by the fast path where a container was expected; the diagnosis finds the words. */
export class WrongType extends Error {
  override readonly name = 'WrongType';
}

export function refuse(): never {
  throw new WrongType();
}

/** What Go's `omitempty` leaves out, and the zero time, which `omitzero` does. */
function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false || value === null) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _key in value) return false;
  return true;
}

let mayGenerate: boolean | undefined;

/** Reads the fields of `plans` in their order. */
export function structDecoder(plans: readonly FieldPlan[], mode: 'auto' | 'loop' = 'auto'): Decoder {
  mayGenerate ??= canCompile();
  return mode === 'auto' && mayGenerate ? generated(plans) : looping(plans);
}

function looping(plans: readonly FieldPlan[]): Decoder {
  return (value, notes) => {
    if (typeof value !== 'object' || Array.isArray(value)) return refuse();
    const source = value as JsonObject;
    const out: JsonObject = {};
    let met = 0;
    for (const { name, decode, foldsZero, absent } of plans) {
      const member = source[name];
      if (member !== undefined) met++;
      if (member !== undefined && member !== null) {
        const decoded = decode(member, notes);
        if (!foldsZero || !isZero(decoded)) {
          out[name] = decoded;
          continue;
        }
      }
      if (absent !== undefined) out[name] = absent();
    }
    for (const _name in source) met--;
    if (met !== 0) notes.unknownFields = true;
    return out;
  };
}

/** The loop above, unrolled. */
function generated(plans: readonly FieldPlan[]): Decoder {
  const fields = plans.map(({ name, foldsZero, absent }, i) => {
    const key = JSON.stringify(name);
    const otherwise = absent === undefined ? '' : `out[${key}] = plans[${i}].absent();`;
    const store = foldsZero
      ? `const d = decode${i}(m, notes); if (!isZero(d)) out[${key}] = d; else { ${otherwise} }`
      : `out[${key}] = decode${i}(m, notes);`;
    return `m = value[${key}]; if (m !== undefined) met++; if (m !== undefined && m !== null) { ${store} } else { ${otherwise} }`;
  });
  const source = `'use strict';
const { ${plans.map((_, i) => `${i}: { decode: decode${i} }`).join(', ')} } = plans;
return function (value, notes) {
  if (typeof value !== 'object' || Array.isArray(value)) return refuse();
  const out = {};
  let met = 0, m;
  ${fields.join('\n  ')}
  for (const _name in value) met--;
  if (met !== 0) notes.unknownFields = true;
  return out;
};`;
  // oxlint-disable-next-line typescript/no-implied-eval -- made from the table's field names alone, which are quoted
  return (new Function('plans', 'refuse', 'isZero', source) as (...constants: unknown[]) => Decoder)(plans, refuse, isZero);
}
