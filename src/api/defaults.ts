// Server-side defaulting: what an object has after a write although nobody said so. Built-in types by upstream's
// functions, types of a CRD by their schema.
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
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
 * `object` (canonical, as decodeObject gives it) with defaults added; the same object when it had them all, otherwise
 * a copy that shares what did not change. Applying it twice changes nothing more.
 * @param now milliseconds since the epoch, for the few defaults that are a time
 */
export function applyDefaults<T>(object: T, schema: ObjectSchema, now: number): T {
  if (schema.name === '') return applySchemaDefaults(object, schema) as T;
  const step = compiler.step(schema);
  return step === null ? object : (step(object, now) as T);
}
