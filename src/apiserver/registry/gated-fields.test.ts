import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { FEATURE_GATES, isOnByDefault } from '#api/feature-gates/feature-gate-table.ts';
import { withoutGatedFields } from './gated-fields.ts';
import type { Strategy, WriteContext } from './strategy.ts';

const context = {} as WriteContext;

/** What a write of `object` over `old` keeps, told to a strategy that sees it only then. */
function written(kind: string, object: object, old?: object, isOn: (gate: string) => boolean = isOnByDefault): unknown {
  const seen: KubeObject[] = [];
  const own: Strategy = {
    prepareForCreate: (given) => (seen.push(given), given),
    prepareForUpdate: (given) => (seen.push(given), given),
  };
  const strategy = withoutGatedFields(kind, own, isOn);
  const out =
    old === undefined
      ? strategy.prepareForCreate?.(object as KubeObject, context)
      : strategy.prepareForUpdate?.(object as KubeObject, old as KubeObject, context);
  assert.deepEqual(seen, [out], 'the strategy sees what is kept');
  return out;
}

const container = { name: 'c', image: 'i' };
const volume = (...sources: readonly object[]): object => ({ name: 'v', projected: { sources } });
const token = { serviceAccountToken: { path: 't' } };
const bundle = { clusterTrustBundle: { path: 'b', name: 'n' } };
const certificate = { podCertificate: { signerName: 's', keyType: 'ED25519', keyPath: 'k' } };
const hook = { exec: { command: ['true'] } };

const POD_SPECS: readonly (readonly [what: string, given: object, kept: object])[] = [
  ['nothing', { containers: [container] }, { containers: [container] }],
  [
    'stop signals, and a lifecycle with nothing else',
    {
      containers: [{ ...container, lifecycle: { stopSignal: 'SIGUSR1' } }],
      initContainers: [{ ...container, lifecycle: { preStop: hook, stopSignal: 'SIGUSR1' } }],
    },
    { containers: [container], initContainers: [{ ...container, lifecycle: { preStop: hook } }] },
  ],
  [
    'trust bundles, of which an empty source stays',
    { containers: [container], volumes: [volume(token, bundle), { name: 'e', emptyDir: {} }] },
    { containers: [container], volumes: [volume(token, {}), { name: 'e', emptyDir: {} }] },
  ],
  ['certificates', { containers: [container], volumes: [volume(certificate)] }, { containers: [container], volumes: [volume({})] }],
  ['groups', { containers: [container], schedulingGroup: { podGroupName: 'g' } }, { containers: [container] }],
];

const template = (spec: object): object => ({ spec: { template: { spec } } });
const KINDS: Readonly<Record<string, (spec: object) => object>> = {
  pods: (spec) => ({ spec }),
  podtemplates: (spec) => ({ template: { spec } }),
  replicationcontrollers: template,
  'deployments.apps': template,
  'replicasets.apps': template,
  'daemonsets.apps': template,
  'statefulsets.apps': (spec) => ({ spec: { template: { spec }, updateStrategy: {} } }),
  'jobs.batch': template,
  'cronjobs.batch': (spec) => ({ spec: { jobTemplate: { spec: { template: { spec } } } } }),
};

for (const [kind, holding] of Object.entries(KINDS)) {
  for (const [what, given, kept] of POD_SPECS) {
    test(`a write of ${kind} loses ${what}`, () => {
      assert.deepEqual(written(kind, holding(given)), holding(kept));
      assert.deepEqual(written(kind, holding(given), holding({ containers: [] })), holding(kept));
      assert.deepEqual(written(kind, holding(given), holding(given)), holding(given), 'what was there may stay');
      assert.deepEqual(
        written(kind, holding(given), undefined, () => true),
        holding(given),
        'with the features on',
      );
    });
  }
}

for (const [kind, given, kept] of [
  [
    'statefulsets.apps',
    { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1, maxUnavailable: 2 } } } },
    { spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } } },
  ],
  ['leases.coordination.k8s.io', { spec: { holderIdentity: 'h', strategy: 's', preferredHolder: 'p' } }, { spec: { holderIdentity: 'h' } }],
  ['csidrivers.storage.k8s.io', { spec: { preventPodSchedulingIfMissing: false } }, { spec: {} }],
] as const) {
  test(`a write of ${kind} loses its own fields of features that are off`, () => {
    assert.deepEqual(written(kind, given), kept);
    assert.deepEqual(written(kind, given, kept), kept);
    assert.deepEqual(written(kind, given, given), given);
  });
}

test('a status of a pod loses stop signals, digests of image volumes and what devices gave of the node', () => {
  const own: Strategy = { subresources: { status: { prepareForUpdate: (given) => given } } };
  const statusOf = (status: object, old: object, isOn = isOnByDefault): unknown =>
    withoutGatedFields('pods', own, isOn).subresources?.['status']?.prepareForUpdate?.(
      { status } as unknown as KubeObject,
      { status: old } as unknown as KubeObject,
      context,
    );
  const given = {
    containerStatuses: [{ name: 'c', stopSignal: 'SIGTERM' }],
    initContainerStatuses: [
      { name: 'i', volumeMounts: [{ name: 'v', mountPath: '/v', volumeStatus: { image: { imageRef: 'x@sha256:0' } } }] },
    ],
    nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: 'r', resources: {} }],
  };
  assert.deepEqual(statusOf(given, {}), {
    status: {
      containerStatuses: [{ name: 'c' }],
      initContainerStatuses: [{ name: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    },
  });
  assert.deepEqual(statusOf(given, given), { status: given });
  assert.deepEqual(
    statusOf(given, {}, () => true),
    { status: given },
  );
});

test('a strategy without gated fields stays what it is', () => {
  const own: Strategy = { generation: 'fixed' };
  assert.deepEqual(withoutGatedFields('configmaps', own, isOnByDefault), own);
  assert.deepEqual(
    withoutGatedFields('pods', own, () => true),
    own,
  );
});

test('every gate asked for is one', () => {
  for (const kind of [...Object.keys(KINDS), 'leases.coordination.k8s.io', 'csidrivers.storage.k8s.io']) {
    withoutGatedFields(kind, {}, (gate) => {
      assert.ok(FEATURE_GATES.has(gate), gate);
      return true;
    });
  }
});
