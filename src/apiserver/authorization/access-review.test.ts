import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  LocalSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
} from '#api/gen/authorization-v1.ts';
import {
  checkLocalSubjectAccessReview,
  checkSelfSubjectAccessReview,
  checkSubjectAccessReview,
  reviewAccess,
  reviewRules,
  subjectOf,
} from './access-review.ts';
import { ALLOW, type AuthorizationAttributes, type AuthorizationDecision } from './contract.ts';

const review = (spec: SubjectAccessReviewSpec, metadata = {}): SubjectAccessReview => ({
  kind: 'SubjectAccessReview',
  apiVersion: 'authorization.k8s.io/v1',
  metadata,
  spec,
  status: { allowed: false },
});
const local = (spec: SubjectAccessReviewSpec, metadata = {}): LocalSubjectAccessReview => ({
  ...review(spec, metadata),
  kind: 'LocalSubjectAccessReview',
});
const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'a' };

for (const c of [
  {
    name: 'neither question',
    spec: { user: 'jane' },
    why: 'spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
  },
  {
    name: 'both questions',
    spec: { user: 'jane', resourceAttributes, nonResourceAttributes: { path: '/', verb: 'get' } },
    why: 'spec.nonResourceAttributes: Invalid value: {"path":"/","verb":"get"}: cannot be specified in combination with resourceAttributes',
  },
  { name: 'nobody', spec: { resourceAttributes }, why: 'spec.user: Invalid value: "": at least one of user or group must be specified' },
  {
    name: 'an empty selector',
    spec: { user: 'jane', resourceAttributes: { ...resourceAttributes, fieldSelector: {} } },
    why: 'spec.resourceAttributes.fieldSelector.requirements: Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required',
  },
  {
    name: 'a label requirement without values',
    spec: { user: 'jane', resourceAttributes: { ...resourceAttributes, labelSelector: { requirements: [{ key: 'a', operator: 'In' }] } } },
    why: "spec.resourceAttributes.labelSelector.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  },
]) {
  test(`checkSubjectAccessReview refuses ${c.name}`, () =>
    assert.throws(() => checkSubjectAccessReview(review(c.spec as never)), {
      message: `SubjectAccessReview.authorization.k8s.io "" is invalid: ${c.why}`,
    }));
}

test('checkSubjectAccessReview refuses metadata', () => {
  assert.throws(
    () => checkSubjectAccessReview(review({ user: 'jane', resourceAttributes }, { name: 'x' })),
    /metadata: Invalid value: {"name":"x"}: must be empty/,
  );
  checkSubjectAccessReview(review({ user: 'jane', resourceAttributes }, { managedFields: [] }));
});

test('checkSelfSubjectAccessReview needs no user', () => {
  checkSelfSubjectAccessReview({ ...review({ resourceAttributes }), kind: 'SelfSubjectAccessReview' });
});

test('checkLocalSubjectAccessReview keeps to its namespace', () => {
  checkLocalSubjectAccessReview(local({ user: 'jane', resourceAttributes }, { namespace: 'a' }), 'a');
  assert.throws(
    () => checkLocalSubjectAccessReview(local({ user: 'jane', resourceAttributes }, { namespace: 'b' }), 'b'),
    /spec.resourceAttributes.namespace: Invalid value: "a": must match metadata.namespace/,
  );
  assert.throws(
    () => checkLocalSubjectAccessReview(local({ user: 'jane', resourceAttributes }, { namespace: 'a' }), 'b'),
    /spec.resourceAttributes.namespace must match namespace: b/,
  );
  assert.throws(
    () => checkLocalSubjectAccessReview(local({ user: 'jane', nonResourceAttributes: {} }, { namespace: 'a' }), 'a'),
    /disallowed on this kind of request/,
  );
});

async function ask(spec: object, decision: AuthorizationDecision = ALLOW) {
  const asked: AuthorizationAttributes[] = [];
  const authorizer = { authorize: (attributes: AuthorizationAttributes) => (asked.push(attributes), decision) };
  const status = await reviewAccess({ name: 'jane', groups: [] }, spec, authorizer);
  return { status, asked: asked[0] as AuthorizationAttributes };
}

test('reviewAccess asks for a resource in any version', async () => {
  const { asked, status } = await ask({ resourceAttributes: { ...resourceAttributes, group: 'apps', subresource: 'scale', name: 'n' } });
  assert.deepEqual(status, { allowed: true });
  const { user: _, ...attributes } = asked;
  assert.deepEqual(attributes, {
    verb: 'get',
    isResourceRequest: true,
    namespace: 'a',
    group: 'apps',
    version: '*',
    resource: 'pods',
    subresource: 'scale',
    name: 'n',
    path: '',
  });
});

test('reviewAccess asks for a path', async () => {
  const { asked } = await ask({ nonResourceAttributes: { path: '/healthz', verb: 'get' } });
  assert.deepEqual([asked.isResourceRequest, asked.path, asked.verb], [false, '/healthz', 'get']);
});

test('reviewAccess tells a denial from no opinion, with reason and error', async () => {
  assert.deepEqual((await ask({ resourceAttributes }, { decision: 'deny', reason: 'no' })).status, {
    allowed: false,
    denied: true,
    reason: 'no',
  });
  const failed: AuthorizationDecision = { decision: 'noOpinion', reason: '', error: new Error('webhook down') };
  assert.deepEqual((await ask({ resourceAttributes }, failed)).status, { allowed: false, evaluationError: 'webhook down' });
});

for (const c of [
  { attributes: { fieldSelector: { rawSelector: 'spec.nodeName=n' } }, field: 'spec.nodeName=n' },
  {
    attributes: { fieldSelector: { requirements: [{ key: 'spec.nodeName=n1,x', operator: 'In', values: ['a,b'] }] } },
    field: [{ key: 'spec.nodeName=n1,x', operator: 'In', values: ['a,b'] }],
  },
  {
    attributes: {
      fieldSelector: {
        requirements: [
          { key: 'x', operator: 'NotIn', values: ['y'] },
          { key: 'x', operator: 'Exists' },
        ],
      },
    },
    field: [{ key: 'x', operator: 'NotIn', values: ['y'] }],
    error: 'spec.resourceAttributes.fieldSelector partially ignored due to parse error',
  },
  { attributes: { fieldSelector: { rawSelector: 'a b' } }, error: 'spec.resourceAttributes.fieldSelector ignored due to parse error' },
  {
    attributes: {
      labelSelector: {
        requirements: [
          { key: 'y', operator: 'In', values: ['b', 'a', 'b'] },
          { key: 'x', operator: 'Exists' },
        ],
      },
    },
    label: [
      { key: 'y', operator: 'In', values: ['b', 'a', 'b'] },
      { key: 'x', operator: 'Exists' },
    ],
  },
  {
    attributes: { labelSelector: { requirements: [{ key: 'x', operator: 'Later', values: ['a'] }] } },
    error: 'spec.resourceAttributes.labelSelector ignored due to parse error',
  },
]) {
  test(`reviewAccess reads ${JSON.stringify(c.attributes)}`, async () => {
    const { asked, status } = await ask({ resourceAttributes: { ...resourceAttributes, ...c.attributes } });
    assert.deepEqual([asked.fieldSelector, asked.labelSelector, status.evaluationError], [c.field, c.label, c.error]);
  });
}

test('subjectOf leaves out what the review does not say', () => {
  assert.deepEqual(subjectOf({ user: 'jane' }), { name: 'jane', groups: [] });
  assert.deepEqual(subjectOf({ groups: ['g'], uid: 'u', extra: { a: ['b'] } }), { name: '', groups: ['g'], uid: 'u', extra: { a: ['b'] } });
});

test('reviewRules answers for one namespace', () => {
  const asked: SelfSubjectRulesReview = {
    kind: 'SelfSubjectRulesReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec: { namespace: 'a' },
    status: { resourceRules: [], nonResourceRules: [], incomplete: false },
  };
  const resolver = {
    rulesFor: () => ({
      resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: 'lost',
    }),
  };
  assert.deepEqual(reviewRules(asked, { name: 'jane', groups: [] }, resolver).status, {
    resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: 'lost',
  });
  assert.throws(() => reviewRules({ ...asked, spec: {} }, { name: 'jane', groups: [] }, resolver), /no namespace on request/);
});
