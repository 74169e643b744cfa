import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors } from '../fixture.ts';

// Source: validateContainerResourceDivisor, which knows resources by their whole names.
test('a divisor is judged only beside a resource that is known', () => {
  const errors = (resource: string): readonly string[] => {
    const env = [{ name: 'E', valueFrom: { resourceFieldRef: { resource, divisor: '2' } } }];
    return createErrors('v1/Pod', { spec: { containers: [{ name: 'c', image: 'i', env }] } });
  };
  const at = 'spec.containers[0].env[0].valueFrom.resourceFieldRef';
  const known = ['cpu', 'ephemeral-storage', 'memory'].map((name) => `"limits.${name}"`);
  const listed = [...known, ...known.map((name) => name.replace('limits', 'requests'))].join(', ');
  assert.deepEqual(errors('limits.cpu'), [
    `${at}.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
  ]);
  for (const resource of ['usage.cpu', 'usage.memory', 'usage.ephemeral-storage']) {
    assert.deepEqual(errors(resource), [`${at}.resource: Unsupported value: "${resource}": supported values: ${listed}`]);
  }
});
