import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrors } from '../fixture.ts';

// Source: ValidatePodSpecificAnnotations.
test('of annotations the profiles of seccomp are judged first, that of the pod before those of containers', () => {
  const annotations = {
    'container.apparmor.security.beta.kubernetes.io/c': 'a',
    'container.seccomp.security.alpha.kubernetes.io/c': 'b',
    'seccomp.security.alpha.kubernetes.io/pod': 'd',
  };
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  assert.deepEqual(createErrors('v1/Pod', { metadata: { annotations }, spec }).slice(0, 3), [
    'metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "d": must be a valid seccomp profile',
    'metadata.annotations.container.seccomp.security.alpha.kubernetes.io/c: Invalid value: "b": must be a valid seccomp profile',
    'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Invalid value: "a": invalid AppArmor profile name: "a"',
  ]);
});
