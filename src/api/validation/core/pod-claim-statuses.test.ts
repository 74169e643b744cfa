import assert from 'node:assert/strict';
import { test } from 'node:test';
import { updateErrors } from '../fixture.ts';

const spec = { containers: [{ name: 'c', image: 'i' }], resourceClaims: [{ name: 'a', resourceClaimName: 'claim' }] };
const statusErrors = (status: object): readonly string[] => updateErrors('v1/Pod', { spec, status }, { spec }, 'status');
const allocated = (claim: object): readonly string[] => statusErrors({ nodeAllocatableResourceClaimStatuses: [claim] });
const AT = 'status.nodeAllocatableResourceClaimStatuses[0]';

test('what a claim takes of a node has a claim of the pod, containers and native resources', () => {
  const claim = { resourceClaimName: 'claim', containers: ['c'], resources: { cpu: '1' } };
  assert.deepEqual(allocated(claim), []);
  assert.deepEqual(allocated({ ...claim, resourceClaimName: 'other' }), [
    `${AT}.resourceClaimName: Invalid value: "other": no mapping found in pod reference`,
  ]);
  assert.deepEqual(allocated({ ...claim, containers: [], resources: {} }), [
    `${AT}.containers: Required value: must not be empty`,
    `${AT}.resources: Required value: must not be empty`,
  ]);
  assert.deepEqual(allocated({ ...claim, resources: { 'example.com/gpu': '-1' } }), [
    `${AT}.resources[example.com/gpu]: Invalid value: "example.com/gpu": must be a node allocatable resource name`,
    `${AT}.resources[example.com/gpu]: Invalid value: "-1": must be non-negative`,
  ]);
});

// Source: validatePodResourceClaimStatuses, which names the other field.
test('the name of a claim made for a pod is judged at the name of its entry', () => {
  assert.deepEqual(statusErrors({ resourceClaimStatuses: [{ name: 'a', resourceClaimName: 'No' }] }), [
    `status.resourceClaimStatuses[0].name: Invalid value: "No": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
  ]);
});

test('addresses of a pod that are none make its stacks unknown', () => {
  const errors = statusErrors({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'x' }] });
  assert.equal(errors[1], 'status.podIPs: Internal error: failed to check for dual stack with error:invalid IP[1]: x');
  assert.equal(errors.length, 3);
});
