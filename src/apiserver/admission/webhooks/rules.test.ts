import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RuleWithOperations } from '#api/gen/admissionregistration-v1.ts';
import { isExempt, ruleCovers, type RuleSubject } from './rules.ts';

const rule = (over: Partial<RuleWithOperations>): RuleWithOperations => ({
  operations: ['CREATE'],
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['pods'],
  scope: '*',
  ...over,
});
const subject = (over: Partial<RuleSubject> & { readonly of?: string; readonly group?: string } = {}): RuleSubject => ({
  operation: 'CREATE',
  resource: { group: over.group ?? '', version: 'v1', resource: over.of ?? 'pods' },
  subresource: '',
  namespace: 'ns',
  ...over,
});

describe('ruleCovers', () => {
  for (const [name, covers, given, about] of [
    ['what it names', true, {}, {}],
    ['another operation', false, {}, { operation: 'UPDATE' }],
    ['any operation', true, { operations: ['*'] }, { operation: 'CONNECT' }],
    ['another group', false, {}, { group: 'apps' }],
    ['any group and version', true, { apiGroups: ['*'], apiVersions: ['*'] }, { group: 'apps' }],
    ['no subresource by its resource', false, {}, { subresource: 'status' }],
    ['all subresources', true, { resources: ['pods/*'] }, { subresource: 'status' }],
    ['the resource by all its subresources', true, { resources: ['pods/*'] }, {}],
    ['a subresource of any resource', true, { resources: ['*/scale'] }, { of: 'deployments', subresource: 'scale' }],
    ['no subresource by the star', false, { resources: ['*'] }, { subresource: 'status' }],
    ['everything', true, { resources: ['*/*'] }, { of: 'anything', subresource: 'status' }],
    ['the namespaced scope', true, { scope: 'Namespaced' }, {}],
    ['no namespaced object by the cluster scope', false, { scope: 'Cluster' }, {}],
    ['a cluster-scoped object', true, { scope: 'Cluster', resources: ['*'] }, { of: 'nodes', namespace: '' }],
    ['a Namespace by the cluster scope', true, { scope: 'Cluster', resources: ['*'] }, { of: 'namespaces' }],
    ['no Namespace by the namespaced scope', false, { scope: 'Namespaced', resources: ['*'] }, { of: 'namespaces' }],
  ] as const) {
    test(`${covers ? 'covers' : 'leaves out'} ${name}`, () =>
      assert.equal(ruleCovers(rule(given as Partial<RuleWithOperations>), subject(about as Partial<RuleSubject>)), covers));
  }
});

test('isExempt spares what webhooks and policies are made of', () => {
  const group = 'admissionregistration.k8s.io';
  assert.ok(isExempt({ group, version: 'v1', kind: 'MutatingWebhookConfiguration' }));
  assert.ok(isExempt({ group, version: 'v1', kind: 'ValidatingAdmissionPolicyBinding' }));
  assert.ok(!isExempt({ group: '', version: 'v1', kind: 'ConfigMap' }));
});
