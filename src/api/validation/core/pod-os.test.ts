import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from '#apimachinery/field-errors.ts';
import { createErrors, kindOf, objectOf } from '../fixture.ts';
import { validateCreate } from '../validation.ts';

const POD = kindOf('v1/Pod');
const containers = [{ name: 'c', image: 'i' }];

test('what a pod of Windows may not set is told in the order of upstream', () => {
  const spec = {
    containers,
    os: { name: 'windows' },
    hostUsers: true,
    hostPID: true,
    hostIPC: true,
    shareProcessNamespace: false,
    securityContext: {
      seLinuxOptions: { level: 'l' },
      seccompProfile: { type: 'Unconfined' },
      appArmorProfile: { type: 'Unconfined' },
      sysctls: [],
      runAsUser: 1,
      supplementalGroups: [1],
    },
  };
  const paths = [
    'securityContext.appArmorProfile',
    'securityContext.seLinuxOptions',
    'hostUsers',
    'hostPID',
    'hostIPC',
    'securityContext.seccompProfile',
    'shareProcessNamespace',
    'securityContext.runAsUser',
    'securityContext.supplementalGroups',
  ];
  assert.deepEqual(
    createErrors('v1/Pod', { spec }),
    paths.map((path) => `spec.${path}: Forbidden: cannot be set for a windows pod`),
  );
});

test('a server without privileged containers takes no processes of the host of Windows either', () => {
  const pod = { spec: { containers, hostNetwork: true, securityContext: { windowsOptions: { hostProcess: true } } } };
  assert.deepEqual(createErrors('v1/Pod', pod), []);
  assert.deepEqual(validateCreate(objectOf(POD, pod), POD, { privileged: false }).map(errorText), [
    'spec: Forbidden: hostProcess containers are disallowed by cluster policy',
  ]);
});
