import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition, isConditionTrue, removeCondition, setCondition, type AnyCondition } from './conditions.ts';
import type { Node, Pod, Service, Taint, Toleration } from './gen/core-v1.ts';
import { parseImageReference } from './image-reference.ts';
import { PercentError, scaledValue } from './int-or-percent.ts';
import { matchesNodeSelector, matchesRequiredAffinity } from './node-selectors.ts';
import { nodeHostIps, zoneKey } from './nodes.ts';
import { controllerOf, controllerReference, isControlledBy, isOwnedBy, refersToKind } from './owner-references.ts';
import { addResources, equalResources, fillResources, maxResources, subtractResources } from './resource-lists.ts';
import { findPodPort, isExternalPolicyLocal, isHeadless, needsHealthCheck } from './services.ts';
import { taintText, toleratesTaint, untoleratedTaint, withoutTaint, withTaint } from './taints.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

test('setCondition adds a new condition with the time', () =>
  assert.deepEqual(setCondition(undefined, { type: 'A', status: 'True' }, NOW), [
    { type: 'A', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]));

test('setCondition keeps the time while the status stays, and the list when nothing changes', () => {
  const before: readonly AnyCondition[] = setCondition<AnyCondition>(undefined, { type: 'A', status: 'True', reason: 'X' }, NOW);
  assert.equal(setCondition(before, { type: 'A', status: 'True', reason: 'X' }, NOW + 5000), before);
  assert.deepEqual(setCondition(before, { type: 'A', status: 'True', reason: 'Y' }, NOW + 5000), [
    { type: 'A', status: 'True', reason: 'Y', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ]);
  assert.equal(
    findCondition(setCondition(before, { type: 'A', status: 'False' }, NOW + 5000), 'A')?.lastTransitionTime,
    '2026-01-01T00:00:05Z',
  );
});

test('removeCondition gives back the same list when there is nothing to remove', () => {
  const conditions = [{ type: 'A', status: 'True' }];
  assert.equal(removeCondition(conditions, 'B'), conditions);
  assert.deepEqual(removeCondition(conditions, 'A'), []);
  assert.equal(isConditionTrue(conditions, 'A'), true);
});

const owner = { metadata: { name: 'web', uid: 'u1' } };
const replicaSet = { group: 'apps', version: 'v1', kind: 'ReplicaSet' };

test('controllerOf finds the owner that controls', () => {
  const reference = controllerReference(owner, replicaSet);
  assert.deepEqual(reference, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web',
    uid: 'u1',
    controller: true,
    blockOwnerDeletion: true,
  });
  const owned = { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u0' }, reference] } };
  assert.equal(controllerOf(owned), reference);
  assert.equal(isControlledBy(owned, owner), true);
  assert.equal(isOwnedBy(owned, { metadata: { name: 'n', uid: 'u0' } }), true);
  assert.equal(isControlledBy(owned, { metadata: { name: 'n', uid: 'u0' } }), false);
  assert.equal(refersToKind(reference, { group: 'apps', kind: 'ReplicaSet' }), true);
  assert.equal(refersToKind(reference, { group: 'extensions', kind: 'ReplicaSet' }), false);
});

for (const c of [
  { value: 3, total: 10, up: 3, down: 3 },
  { value: '25%', total: 10, up: 3, down: 2 },
  { value: '100%', total: 7, up: 7, down: 7 },
  { value: '0%', total: 7, up: 0, down: 0 },
]) {
  test(`scaledValue of ${c.value} of ${c.total}`, () => {
    assert.equal(scaledValue(c.value, c.total, 'up'), c.up);
    assert.equal(scaledValue(c.value, c.total, 'down'), c.down);
  });
}

test('scaledValue refuses other strings in upstream’s words', () => {
  assert.throws(
    () => scaledValue('5', 1, 'up'),
    new PercentError('invalid value for IntOrString: invalid type: string is not a percentage'),
  );
  assert.throws(
    () => scaledValue('a%', 1, 'up'),
    new PercentError('invalid value for IntOrString: invalid value "a%": strconv.Atoi: parsing "a": invalid syntax'),
  );
});

const taint: Taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
for (const c of [
  { toleration: { key: 'k', value: 'v' }, tolerates: true },
  { toleration: { key: 'k', operator: 'Equal', value: 'w' }, tolerates: false },
  { toleration: { key: 'k', operator: 'Exists' }, tolerates: true },
  { toleration: { operator: 'Exists' }, tolerates: true },
  { toleration: { key: 'k', operator: 'Exists', effect: 'NoExecute' }, tolerates: false },
  { toleration: { key: 'other', operator: 'Exists' }, tolerates: false },
  { toleration: { key: 'k', operator: 'Gt', value: '1' }, tolerates: false },
] as const) {
  test(`toleratesTaint ${JSON.stringify(c.toleration)}: ${c.tolerates}`, () =>
    assert.equal(toleratesTaint(c.toleration as Toleration, taint), c.tolerates));
}

test('untoleratedTaint passes over effects that do not count', () => {
  const soft: Taint = { key: 'soft', effect: 'PreferNoSchedule' };
  assert.equal(untoleratedTaint([soft, taint], undefined), taint);
  assert.equal(untoleratedTaint([soft, taint], [{ operator: 'Exists' }]), undefined);
  assert.equal(untoleratedTaint([soft], undefined, ['PreferNoSchedule']), soft);
});

test('withTaint and withoutTaint change the list only when they must', () => {
  const taints = [taint];
  assert.equal(withTaint(taints, { ...taint }), taints);
  assert.deepEqual(withTaint(taints, { ...taint, value: 'w' }), [{ ...taint, value: 'w' }]);
  assert.equal(withoutTaint(taints, { key: 'k', effect: 'NoExecute' }), taints);
  assert.deepEqual(withoutTaint(taints, taint), []);
});

for (const [parts, text] of [
  [taint, 'k=v:NoSchedule'],
  [{ key: 'k', effect: 'NoExecute' }, 'k:NoExecute'],
  [{ key: 'k', value: 'v' }, 'k=v:'],
  [{ key: 'k' }, 'k'],
] as const) {
  test(`taintText of ${text}`, () => assert.equal(taintText(parts), text));
}

const node = (labels: Record<string, string>, addresses: readonly (readonly [string, string])[] = []): Node =>
  ({ metadata: { name: 'n1', labels }, status: { addresses: addresses.map(([type, address]) => ({ type, address })) } }) as unknown as Node;
const selects = (term: object): boolean => matchesNodeSelector(node({ zone: 'a', cores: '8' }), { nodeSelectorTerms: [term] });

for (const [term, matches] of [
  [{}, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }] }, true],
  [{ matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, false],
  [{ matchExpressions: [{ key: 'gpu', operator: 'DoesNotExist' }] }, true],
  [{ matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['4'] }] }, true],
  [{ matchExpressions: [{ key: 'cores', operator: 'Lt', values: ['x'] }] }, false],
  [{ matchExpressions: [{ key: 'zone', operator: 'In' }] }, false],
  [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }, true],
  [{ matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['n1'] }] }, false],
  [
    { matchExpressions: [{ key: 'zone', operator: 'Exists' }], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] },
    false,
  ],
] as const) {
  test(`matchesNodeSelector ${JSON.stringify(term)}: ${matches}`, () => assert.equal(selects(term), matches));
}

test('matchesRequiredAffinity asks for both selector and affinity', () => {
  const affinity = {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'Exists' as const }] }],
      },
    },
  };
  assert.equal(matchesRequiredAffinity(node({ zone: 'a', disk: 'ssd' }), { nodeSelector: { disk: 'ssd' }, affinity }), true);
  assert.equal(matchesRequiredAffinity(node({ disk: 'ssd' }), { nodeSelector: { disk: 'ssd' }, affinity }), false);
  assert.equal(matchesRequiredAffinity(node({ zone: 'a' }), { nodeSelector: { disk: 'ssd' }, affinity }), false);
});

test('nodeHostIps gives one address of each family, internal first', () => {
  assert.deepEqual(
    nodeHostIps(
      node({}, [
        ['ExternalIP', '1.1.1.1'],
        ['InternalIP', '10.0.0.1'],
        ['InternalIP', '10.0.0.2'],
        ['InternalIP', 'fd00::1'],
      ]),
    ),
    ['10.0.0.1', 'fd00::1'],
  );
  assert.deepEqual(nodeHostIps(node({}, [['Hostname', 'n1']])), []);
});

test('zoneKey is empty without region and zone', () => {
  assert.equal(zoneKey(node({})), '');
  assert.notEqual(zoneKey(node({ 'topology.kubernetes.io/zone': 'a' })), zoneKey(node({ 'topology.kubernetes.io/region': 'a' })));
});

const service = (spec: object): Service => ({ spec }) as unknown as Service;

test('services: what the spec means', () => {
  assert.equal(isHeadless(service({ clusterIP: 'None' })), true);
  assert.equal(isExternalPolicyLocal(service({ type: 'ClusterIP', externalTrafficPolicy: 'Local' })), false);
  assert.equal(isExternalPolicyLocal(service({ type: 'NodePort', externalTrafficPolicy: 'Local' })), true);
  assert.equal(needsHealthCheck(service({ type: 'NodePort', externalTrafficPolicy: 'Local' })), false);
  assert.equal(needsHealthCheck(service({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' })), true);
});

test('findPodPort finds a port by number, and by name and protocol also in sidecars', () => {
  const pod = {
    spec: {
      containers: [{ ports: [{ name: 'dns', protocol: 'UDP', containerPort: 53 }] }],
      initContainers: [
        { ports: [{ name: 'web', protocol: 'TCP', containerPort: 1 }] },
        { restartPolicy: 'Always', ports: [{ name: 'web', protocol: 'TCP', containerPort: 80 }] },
      ],
    },
  } as unknown as Pod;
  const port = (targetPort: number | string) => findPodPort(pod, { port: 1, protocol: 'TCP', targetPort } as never);
  assert.equal(port(8080), 8080);
  assert.equal(port('web'), 80);
  assert.equal(port('dns'), undefined);
});

for (const [image, expected] of [
  ['nginx', { domain: 'docker.io', path: 'library/nginx', tag: 'latest', digest: '' }],
  ['team/app:1.2', { domain: 'docker.io', path: 'team/app', tag: '1.2', digest: '' }],
  ['localhost/app', { domain: 'localhost', path: 'app', tag: 'latest', digest: '' }],
  ['registry.example:5000/a/b:x', { domain: 'registry.example:5000', path: 'a/b', tag: 'x', digest: '' }],
  [`app@sha256:${'0'.repeat(64)}`, { domain: 'docker.io', path: 'library/app', tag: '', digest: `sha256:${'0'.repeat(64)}` }],
  ['Upper', undefined],
  ['', undefined],
  ['a'.repeat(64), undefined],
] as const) {
  test(`parseImageReference ${image}`, () => assert.deepEqual(parseImageReference(image), expected));
}

test('resource lists add, take the greater, subtract and fill', () => {
  const [a, b] = [
    { cpu: '500m', memory: '1Gi' },
    { cpu: '1', pods: '3' },
  ];
  assert.deepEqual(addResources(a, b), { cpu: '1500m', memory: '1Gi', pods: '3' });
  assert.deepEqual(maxResources(a, b), { cpu: '1', memory: '1Gi', pods: '3' });
  assert.deepEqual(subtractResources(b, a), { cpu: '500m', pods: '3', memory: '-1Gi' });
  assert.deepEqual(fillResources(a, b), { cpu: '500m', memory: '1Gi', pods: '3' });
  assert.equal(fillResources(a, { cpu: '9' }), a);
  assert.equal(equalResources({ cpu: '1' }, { cpu: '1000m' }), true);
  assert.equal(equalResources({ cpu: '1' }, { cpu: '1', memory: '0' }), false);
});
