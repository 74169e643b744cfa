// Values as JSON. Source: cel-go ConvertToNative of google.protobuf.Value.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { Double, Uint } from './numbers.ts';
import { Duration, Timestamp } from './times.ts';
import { itemsOf, membersOf, Optional, typeNameOf } from './values.ts';

/** @throws EvaluationError for a value without a form in JSON */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Double) return value.number;
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Timestamp || value instanceof Duration) return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  const items = itemsOf(value);
  if (items !== undefined) return items.map(toJson);
  const members = membersOf(value);
  if (members === undefined) return fail(`type conversion error from '${typeNameOf(value)}' to 'google.protobuf.Value'`);
  return Object.fromEntries(Array.from(members.keys(), (key) => [keyOf(key), toJson(members.get(key) as Value)]));
}

function keyOf(key: Value): string {
  return typeof key === 'string' ? key : fail(`map key ${String(key)} is of type ${typeNameOf(key)}, not string`);
}
