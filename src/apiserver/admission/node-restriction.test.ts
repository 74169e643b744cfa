import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, csinodes, leases, nodes, persistentvolumeclaims, pods, resourceslices, serviceaccounts } from '#api/resources.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { NO_OPINION } from '../authorization/contract.ts';
import { MemoryReader } from '../authorization/testing.ts';
import { nodeRestriction } from './node-restriction.ts';
import { kubelet, refused, write, type Write } from './testing.ts';

const SELF = 'n1';

function plugin() {
  const reader = new MemoryReader();
  reader.put(nodes, { metadata: { name: SELF, uid: 'node-1' } });
  const token = (audience?: string) => ({ serviceAccountToken: { path: 't', ...(audience === undefined ? {} : { audience }) } });
  const volumes = [{ name: 'v', projected: { sources: [token(), token('vault')] } }];
  reader.put(pods, { metadata: { name: 'mine', namespace: 'a', uid: 'p-1' }, spec: { nodeName: SELF, containers: [], volumes } });
  reader.put(pods, { metadata: { name: 'theirs', namespace: 'a', uid: 'p-2' }, spec: { nodeName: 'n2', containers: [] } });
  return nodeRestriction({ reader, authorizer: { authorize: () => NO_OPINION } });
}

const OWNER = { apiVersion: 'v1', kind: 'Node', name: SELF, uid: 'node-1', controller: true };
const mirror = (metadata: object = {}, spec: object = {}) => ({
  metadata: { name: 'm', namespace: 'a', annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences: [OWNER], ...metadata },
  spec: { nodeName: SELF, containers: [], ...spec },
});
const pod = (nodeName: string, metadata: object = {}, status: object = {}) => ({
  metadata: { name: 'p', namespace: 'a', ...metadata },
  spec: { nodeName, containers: [] },
  status,
});
const node = (metadata: object = {}, spec: object = {}) => ({ metadata: { name: SELF, ...metadata }, spec });
const claim = (metadata: object, status: object) => ({ metadata: { name: 'c', namespace: 'a', ...metadata }, spec: {}, status });
const tokenRequest = (boundObjectRef: object | null, audiences: readonly string[] = []) => ({
  metadata: {},
  spec: { audiences, boundObjectRef },
});
const bound = (name: string, uid?: string) => ({ apiVersion: 'v1', kind: 'Pod', name, ...(uid === undefined ? {} : { uid }) });

interface Case {
  readonly name: string;
  readonly resource: Resource;
  readonly write: Write<unknown>;
  /** After `is forbidden: `; undefined for admitted. */
  readonly why?: string;
  /** Another kind of refusal. */
  readonly message?: string;
}

const token = (object: object): Write<unknown> => ({ object, subresource: 'token', name: 'web', namespace: 'a' });

const CASES: readonly Case[] = [
  { name: 'a mirror pod of its own', resource: pods, write: { object: mirror() } },
  {
    name: 'a pod that is no mirror',
    resource: pods,
    write: { object: mirror({ annotations: {} }) },
    why: 'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  },
  {
    name: 'a mirror pod of another node',
    resource: pods,
    write: { object: mirror({}, { nodeName: 'n2' }) },
    why: 'node "n1" can only create pods with spec.nodeName set to itself',
  },
  {
    name: 'a mirror pod without owner',
    resource: pods,
    write: { object: mirror({ ownerReferences: [] }) },
    why: 'node "n1" can only create pods with an owner reference set to itself',
  },
  {
    name: 'a mirror pod with two owners',
    resource: pods,
    write: { object: mirror({ ownerReferences: [OWNER, OWNER] }) },
    why: 'node "n1" can only create pods with a single owner reference set to itself',
  },
  {
    name: 'a mirror pod of a stale node',
    resource: pods,
    write: { object: mirror({ ownerReferences: [{ ...OWNER, uid: 'x' }] }) },
    why: 'node n1 UID mismatch: expected x got node-1',
  },
  {
    name: 'a mirror pod with a secret',
    resource: pods,
    write: { object: mirror({}, { volumes: [{ name: 'v', secret: { secretName: 's' } }] }) },
    why: 'node "n1" can not create pods that reference secrets',
  },
  {
    name: 'a mirror pod with a claim',
    resource: pods,
    write: { object: mirror({}, { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 's' } }] }) },
    why: 'node "n1" can not create pods that reference persistentvolumeclaims',
  },
  { name: 'deletion of its pod', resource: pods, write: { operation: 'DELETE', name: 'mine', namespace: 'a' } },
  {
    name: 'deletion of another pod',
    resource: pods,
    write: { operation: 'DELETE', name: 'theirs', namespace: 'a' },
    why: 'node "n1" can only delete pods with spec.nodeName set to itself',
  },
  {
    name: 'deletion of no pod',
    resource: pods,
    write: { operation: 'DELETE', name: 'gone', namespace: 'a' },
    message: 'pods "gone" not found',
  },
  {
    name: 'a change of a pod',
    resource: pods,
    write: { object: pod(SELF), oldObject: pod(SELF) },
    why: 'unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
  },
  {
    name: 'status of its pod',
    resource: pods,
    write: { object: pod(SELF, {}, { phase: 'Running' }), oldObject: pod(SELF), subresource: 'status' },
  },
  {
    name: 'status of another pod',
    resource: pods,
    write: { object: pod('n2'), oldObject: pod('n2'), subresource: 'status' },
    why: 'node "n1" can only update pod status for pods with spec.nodeName set to itself',
  },
  {
    name: 'labels by status',
    resource: pods,
    write: { object: pod(SELF, { labels: { a: 'b' } }), oldObject: pod(SELF), subresource: 'status' },
    why: 'node "n1" cannot update labels through pod status',
  },
  {
    name: 'eviction of its pod',
    resource: pods,
    write: { object: { metadata: { name: 'mine' } }, name: 'mine', namespace: 'a', subresource: 'eviction' },
  },
  {
    name: 'eviction of another pod',
    resource: pods,
    write: { object: { metadata: { name: 'theirs' } }, name: 'theirs', namespace: 'a', subresource: 'eviction' },
    why: 'node n1 can only evict pods with spec.nodeName set to itself',
  },
  {
    name: 'a binding',
    resource: pods,
    write: { object: {}, name: 'mine', namespace: 'a', subresource: 'binding' },
    why: `unexpected pod subresource "binding", only 'status' and 'eviction' are allowed`,
  },
  {
    name: 'its node',
    resource: nodes,
    write: { object: node({ labels: { 'kubernetes.io/hostname': 'h', 'node.kubernetes.io/x': 'y', mine: 'z' } }) },
  },
  {
    name: 'another node',
    resource: nodes,
    write: { object: { metadata: { name: 'n2' }, spec: {} } },
    why: 'node "n1" is not allowed to modify node "n2"',
  },
  {
    name: 'a restricted label on registration',
    resource: nodes,
    write: { object: node({ labels: { 'node-restriction.kubernetes.io/a': 'b', 'kubernetes.io/role': 'c' } }) },
    why: 'node "n1" is not allowed to set the following labels: kubernetes.io/role, node-restriction.kubernetes.io/a',
  },
  {
    name: 'a restricted label later',
    resource: nodes,
    write: { object: node({}), oldObject: node({ labels: { 'x.node-restriction.kubernetes.io/a': 'b' } }) },
    why: 'is not allowed to modify labels: x.node-restriction.kubernetes.io/a',
  },
  {
    name: 'its taints',
    resource: nodes,
    write: { object: node(), oldObject: node({}, { taints: [{ key: 'a', effect: 'NoSchedule' }] }) },
    why: 'node "n1" is not allowed to modify taints',
  },
  {
    name: 'its owners',
    resource: nodes,
    write: { object: node({ ownerReferences: [OWNER] }), oldObject: node() },
    why: 'node "n1" is not allowed to modify ownerReferences',
  },
  {
    name: 'capacity of a claim',
    resource: persistentvolumeclaims,
    write: {
      object: claim({ resourceVersion: '2' }, { phase: 'Bound', capacity: { storage: '2' } }),
      oldObject: claim({ resourceVersion: '1' }, { phase: 'Bound' }),
      subresource: 'status',
    },
  },
  {
    name: 'labels of a claim',
    resource: persistentvolumeclaims,
    write: { object: claim({ labels: { a: 'b' } }, {}), oldObject: claim({}, {}), subresource: 'status' },
    why: 'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
  },
  {
    name: 'a claim itself',
    resource: persistentvolumeclaims,
    write: { object: claim({}, {}), oldObject: claim({}, {}) },
    why: 'may only update PVC status',
  },
  { name: 'its lease', resource: leases, write: { object: { metadata: { name: SELF, namespace: 'kube-node-lease' } } } },
  {
    name: 'a lease elsewhere',
    resource: leases,
    write: { object: { metadata: { name: SELF, namespace: 'a' } } },
    why: 'can only access leases in the "kube-node-lease" system namespace',
  },
  {
    name: 'another lease',
    resource: leases,
    write: { operation: 'DELETE', name: 'n2', namespace: 'kube-node-lease' },
    why: 'can only access node lease with the same name as the requesting node',
  },
  {
    name: 'another CSINode',
    resource: csinodes,
    write: { object: { metadata: { name: 'n2' } } },
    why: 'can only access CSINode with the same name as the requesting node',
  },
  {
    name: 'a slice of another node',
    resource: resourceslices,
    write: { object: { metadata: { name: 's' }, spec: { nodeName: 'n2' } } },
    why: 'can only create ResourceSlice with the same NodeName as the requesting node',
  },
  { name: 'something else', resource: configmaps, write: { object: { metadata: { name: 'c', namespace: 'a' } } } },
  { name: 'a token for its pod', resource: serviceaccounts, write: token(tokenRequest(bound('mine', 'p-1'))) },
  { name: 'a token for an audience its pod names', resource: serviceaccounts, write: token(tokenRequest(bound('mine', 'p-1'), ['vault'])) },
  {
    name: 'a token for an audience nobody names',
    resource: serviceaccounts,
    write: token(tokenRequest(bound('mine', 'p-1'), ['bank'])),
    why: 'audience "bank" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
  },
  {
    name: 'a token for two audiences',
    resource: serviceaccounts,
    write: token(tokenRequest(bound('mine', 'p-1'), ['vault', 'bank'])),
    why: 'node may only request 0 or 1 audiences',
  },
  {
    name: 'a token without pod',
    resource: serviceaccounts,
    write: token(tokenRequest(null)),
    why: 'node requested token not bound to a pod',
  },
  {
    name: 'a token without uid',
    resource: serviceaccounts,
    write: token(tokenRequest(bound('mine'))),
    why: 'node requested token with a pod binding without a uid',
  },
  {
    name: 'a token for an older pod',
    resource: serviceaccounts,
    write: token(tokenRequest(bound('mine', 'x'))),
    why: 'the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
  },
  {
    name: 'a token for another pod',
    resource: serviceaccounts,
    write: token(tokenRequest(bound('theirs', 'p-2'))),
    why: 'node requested token bound to a pod scheduled on a different node',
  },
];

for (const c of CASES) {
  const verdict = c.why === undefined && c.message === undefined ? 'admits' : 'refuses';
  test(`NodeRestriction ${verdict} ${c.name}`, async () => {
    const message = await refused(plugin(), write(c.resource, { ...(c.write as Write<never>), user: kubelet(SELF) }));
    if (c.message !== undefined) assert.equal(message, c.message);
    else assert.equal(message?.replace(/^.*? is forbidden: /, ''), c.why);
  });
}

test('NodeRestriction leaves everyone else alone, and refuses a kubelet without a name', async () => {
  const attributes = write(nodes, { object: { metadata: { name: 'n2' }, spec: {} } });
  assert.equal(await refused(plugin(), attributes), undefined);
  assert.equal(
    await refused(plugin(), { ...attributes, user: kubelet('') }),
    'nodes "n2" is forbidden: could not determine node from user "system:node:"',
  );
});
