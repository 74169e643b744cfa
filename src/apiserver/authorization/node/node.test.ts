import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { podcertificaterequests } from '#api/optional-resources.ts';
import { persistentvolumes, pods, resourceslices, volumeattachments } from '#api/resources.ts';
import type { AuthorizationAttributes } from '../contract.ts';
import { MemoryReader } from '../testing.ts';
import { NodeAuthorizer } from './authorizer.ts';

const SELF = { name: 'system:node:n1', groups: ['system:nodes'] };

const POD_SPEC = {
  nodeName: 'n1',
  serviceAccountName: 'web',
  imagePullSecrets: [{ name: 'pull' }],
  containers: [
    {
      name: 'c',
      envFrom: [{ configMapRef: { name: 'env-map' } }, { secretRef: { name: 'env-secret' } }],
      env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'key-secret', key: 'k' } } }],
    },
  ],
  volumes: [
    { name: 'a', secret: { secretName: 'vol-secret' } },
    { name: 'b', projected: { sources: [{ configMap: { name: 'projected-map' } }, { secret: { name: 'projected-secret' } }] } },
    { name: 'c', persistentVolumeClaim: { claimName: 'claim' } },
    { name: 'd', ephemeral: { volumeClaimTemplate: {} } },
  ],
  resourceClaims: [
    { name: 'named', resourceClaimName: 'device' },
    { name: 'made', resourceClaimTemplateName: 't' },
  ],
};

function setUp(gates = '') {
  const reader = new MemoryReader();
  const authorizer = new NodeAuthorizer(reader, new FeatureGates(gates));
  for (const [name, nodeName] of Object.entries({ mine: 'n1', theirs: 'n2' }))
    reader.put(podcertificaterequests, { metadata: { name, namespace: 'a' }, spec: { nodeName } } as never);
  const putPod = (name: string, spec: object = {}, metadata: object = {}, status: object = {}) =>
    reader.put(pods, { metadata: { name, namespace: 'a', uid: name, ...metadata }, spec: { ...POD_SPEC, ...spec }, status } as never);
  putPod('p', {}, {}, { resourceClaimStatuses: [{ name: 'made', resourceClaimName: 'made-device' }] });
  putPod('elsewhere', { nodeName: 'n2', containers: [], volumes: [{ name: 'v', secret: { secretName: 'theirs' } }] });
  putPod(
    'mirror',
    { volumes: [{ name: 'v', secret: { secretName: 'mirrored' } }] },
    { annotations: { 'kubernetes.io/config.mirror': 'x' } },
  );
  reader.put(persistentvolumes, {
    metadata: { name: 'volume' },
    spec: {
      claimRef: { namespace: 'a', name: 'claim' },
      csi: {
        driver: 'd',
        volumeHandle: 'h',
        nodePublishSecretRef: { namespace: 'store', name: 'mount' },
        controllerPublishSecretRef: { namespace: 'store', name: 'attach' },
      },
    },
  } as never);
  reader.put(volumeattachments, { metadata: { name: 'va' }, spec: { nodeName: 'n1' } } as never);
  reader.put(resourceslices, { metadata: { name: 'slice' }, spec: { nodeName: 'n1' } } as never);
  reader.put(resourceslices, { metadata: { name: 'their-slice' }, spec: { nodeName: 'n2' } } as never);
  const ask = (text: string, over: Partial<AuthorizationAttributes> = {}) => {
    const [verb = '', what = '', name = ''] = text.split(' ');
    const [full = '', subresource = ''] = what.split('/');
    const dot = full.indexOf('.');
    const [resource, group] = dot === -1 ? [full, ''] : [full.slice(0, dot), full.slice(dot + 1)];
    return authorizer.authorize({
      user: SELF,
      verb,
      isResourceRequest: true,
      namespace: 'a',
      group,
      version: 'v1',
      resource,
      subresource,
      name,
      path: '',
      ...over,
    });
  };
  return { reader, authorizer, putPod, ask };
}

const UNRELATED = "no relationship found between node 'n1' and this object";

for (const text of [
  'get secrets pull',
  'get secrets env-secret',
  'list secrets key-secret',
  'watch secrets vol-secret',
  'get secrets projected-secret',
  'get configmaps env-map',
  'watch configmaps projected-map',
  'get serviceaccounts web',
  'create serviceaccounts/token web',
  'get persistentvolumeclaims claim',
  'get persistentvolumeclaims p-d',
  'patch persistentvolumeclaims/status claim',
  'get resourceclaims.resource.k8s.io device',
  'get resourceclaims.resource.k8s.io made-device',
  'get pods p',
  'watch pods p',
  'create pods',
  'delete pods whatever',
  'patch pods/status whatever',
  'create pods/eviction whatever',
  'get nodes n1',
  'create nodes',
  'patch nodes/status n1',
  'get services x',
  'create events',
  'get resourceslices.resource.k8s.io slice',
  'create certificatesigningrequests.certificates.k8s.io',
]) {
  test(`NodeAuthorizer allows ${text}`, () => assert.deepEqual(setUp().ask(text), { decision: 'allow', reason: '' }));
}

for (const [text, reason] of [
  ['get secrets theirs', UNRELATED],
  ['get secrets mirrored', UNRELATED],
  ['get secrets unknown', UNRELATED],
  ['list secrets', 'No Object name found'],
  ['update secrets pull', 'can only read resources of this type'],
  ['get configmaps pull', UNRELATED],
  ['get serviceaccounts default', UNRELATED],
  ['create serviceaccounts/token default', UNRELATED],
  ['create serviceaccounts', 'can only create tokens for individual service accounts'],
  ['list persistentvolumeclaims', 'can only get individual resources of this type'],
  ['get persistentvolumeclaims/status claim', 'can only get/update/patch this type'],
  ['get pods elsewhere', UNRELATED],
  ['list pods', 'can only list/watch pods with spec.nodeName field selector'],
  ['get nodes n2', "node 'n1' cannot read 'n2', only its own Node object"],
  ['list nodes', "node 'n1' cannot read all nodes, only its own Node object"],
  ['delete nodes n1', ''],
  ['update pods p', ''],
  ['get resourceslices.resource.k8s.io their-slice', UNRELATED],
  ['list resourceslices.resource.k8s.io', 'can only list/watch/deletecollection resourceslices with nodeName field selector'],
  ['get deployments.apps x', ''],
  ['get podcertificaterequests.certificates.k8s.io x', ''],
] as const) {
  test(`NodeAuthorizer does not allow ${text}`, () => assert.deepEqual(setUp().ask(text), { decision: 'noOpinion', reason }));
}

test('NodeAuthorizer goes through claims to volumes and their secrets', () => {
  const { ask, reader } = setUp();
  const cluster = { namespace: '' };
  assert.equal(ask('get persistentvolumes volume', cluster).decision, 'allow');
  assert.equal(ask('get volumeattachments.storage.k8s.io va', cluster).decision, 'allow');
  assert.equal(ask('get secrets mount', { namespace: 'store' }).decision, 'allow');
  assert.equal(ask('get secrets attach', { namespace: 'store' }).reason, UNRELATED, 'that is the controller’s');
  reader.remove(persistentvolumes, 'volume');
  assert.equal(ask('get secrets mount', { namespace: 'store' }).reason, UNRELATED);
});

test('NodeAuthorizer lets a node list and watch its own pods', () => {
  const { ask } = setUp();
  assert.equal(ask('watch pods', { namespace: '', fieldSelector: 'spec.nodeName=n1' }).decision, 'allow');
  const required = (key: string) => [{ key, operator: 'In', values: ['n1'] }];
  assert.equal(ask('watch pods', { namespace: '', fieldSelector: required('spec.nodeName') }).decision, 'allow');
  assert.equal(ask('watch pods', { namespace: '', fieldSelector: required('spec.nodeName=n1,x') }).decision, 'noOpinion');
  for (const fieldSelector of ['spec.nodeName=n2', 'spec.nodeName!=n1', 'metadata.name=n1', '=', 'spec.nodeName']) {
    assert.equal(ask('watch pods', { fieldSelector }).decision, 'noOpinion', fieldSelector);
  }
});

test('NodeAuthorizer follows pods as they come, change and go', () => {
  const { ask, putPod, reader } = setUp();
  const states: string[] = [];
  const note = (): void => void states.push(ask('get secrets fresh').decision);
  const spec = { containers: [], volumes: [{ name: 'v', secret: { secretName: 'fresh' } }] };
  note();
  putPod('new', { ...spec, nodeName: undefined });
  note(); // not bound yet
  putPod('new', spec);
  note();
  putPod('second', spec);
  reader.remove(pods, 'new', 'a');
  note(); // the second one still needs it
  reader.remove(pods, 'second', 'a');
  note();
  putPod('debug', { containers: [], volumes: [] });
  putPod('debug', { containers: [], volumes: [], ephemeralContainers: [{ name: 'e', envFrom: [{ secretRef: { name: 'fresh' } }] }] });
  note();
  assert.deepEqual(states, ['noOpinion', 'noOpinion', 'allow', 'allow', 'noOpinion', 'allow']);
});

test('NodeAuthorizer has its say about nodes only', () => {
  const { authorizer, ask } = setUp();
  assert.equal(ask('get secrets pull', { user: { name: 'jane', groups: ['system:nodes'] } }).decision, 'noOpinion');
  assert.equal(ask('get secrets pull', { user: { name: 'system:node:n1', groups: [] } }).decision, 'noOpinion');
  assert.equal(
    ask('get secrets pull', { user: { name: 'system:node:', groups: ['system:nodes'] } }).reason,
    'unknown node for user "system:node:"',
  );
  assert.equal(authorizer.rulesFor(SELF, 'a').incomplete, true);
  assert.equal(authorizer.rulesFor({ name: 'jane', groups: [] }, 'a').incomplete, false);
});

const OF_THIS_NODE = { name: '', fieldSelector: 'spec.nodeName=n1' };

for (const { text, over = {}, reason } of [
  { text: 'create podcertificaterequests.certificates.k8s.io', reason: undefined },
  { text: 'get podcertificaterequests.certificates.k8s.io mine', reason: undefined },
  {
    text: 'watch podcertificaterequests.certificates.k8s.io',
    over: OF_THIS_NODE,
    reason: undefined,
  },
  { text: 'get podcertificaterequests.certificates.k8s.io theirs', reason: UNRELATED },
  {
    text: 'list podcertificaterequests.certificates.k8s.io',
    reason: 'can only list/watch podcertificaterequests with nodeName field selector',
  },
  {
    text: 'update podcertificaterequests.certificates.k8s.io/status mine',
    reason: 'nodes may not access the status subresource of PodCertificateRequests',
  },
  {
    text: 'delete podcertificaterequests.certificates.k8s.io mine',
    reason: 'nodes may not delete podcertificaterequests',
  },
])
  test(`with pod certificates NodeAuthorizer judges ${text} ${JSON.stringify(over)}`, () =>
    assert.deepEqual(
      setUp('PodCertificateRequest=true').ask(text, over),
      reason === undefined ? { decision: 'allow', reason: '' } : { decision: 'noOpinion', reason },
    ));

test('NodeAuthorizer allows reads of trust bundles while there are such', () => {
  const text = 'list clustertrustbundles.certificates.k8s.io';
  assert.equal(setUp().ask(text).decision, 'noOpinion');
  assert.equal(setUp('ClusterTrustBundle=true').ask(text).decision, 'allow');
});
