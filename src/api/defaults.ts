// Server-side defaulting: what an object has after a write although nobody said so. Built-in types by upstream's
// functions, types of a CRD by their schema.
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { decoderOf } from './decode/compile.ts';
import { appsDefaults } from './defaults/apps.ts';
import { batchDefaults } from './defaults/batch.ts';
import { coreDefaults } from './defaults/core.ts';
import { extensionDefaults } from './defaults/extensions.ts';
import { podDefaults } from './defaults/pods.ts';
import { policyDefaults } from './defaults/policies.ts';
import { serviceDefaults } from './defaults/services.ts';
import { DefaultsCompiler } from './defaults/walk.ts';
import { applySchemaDefaults } from './structural/defaults.ts';

const compiler = new DefaultsCompiler({
  ...coreDefaults,
  ...serviceDefaults,
  ...podDefaults,
  ...appsDefaults,
  ...batchDefaults,
  ...policyDefaults,
  ...extensionDefaults,
});

/**
 * `object` (canonical, as decodeObject gives it) with defaults added, canonical again; the same object when it had them
 * all. Applying it twice changes nothing more.
 * @param now milliseconds since the epoch, for the few defaults that are a time
 */
export function applyDefaults<T>(object: T, schema: ObjectSchema, now: number): T {
  if (schema.name === '') return applySchemaDefaults(object, schema) as T;
  const step = compiler.step(schema);
  const defaulted = step === null ? object : step(object, now);
  // Decoding what is canonical but for its order puts it in order.
  return (defaulted === object ? object : decoderOf(schema)(defaulted, { unknownFields: false })) as T;
}
