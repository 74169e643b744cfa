import assert from 'node:assert/strict';
import { test } from 'node:test';
import { managerName } from '../registry/manager-name.ts';
import { agentOf } from './agent.ts';

for (const [user, manager] of [
  ['system:apiserver', 'kube-apiserver'],
  ['system:kube-controller-manager', 'kube-controller-manager'],
  ['system:serviceaccount:kube-system:replicaset-controller', 'kube-controller-manager'],
  ['system:serviceaccount:kube-system:generic-garbage-collector', 'kube-controller-manager'],
  ['system:serviceaccount:kube-system:metrics-server', 'metrics-server'],
  ['system:serviceaccount:mine:replicaset-controller', 'replicaset-controller'],
  ['system:kube-scheduler', 'kube-scheduler'],
  ['system:node:boat', 'kubelet'],
  ['kubernetes-admin', 'kubernetes-admin'],
] as const) {
  test(`agentOf ${user}: its fields are owned by ${manager}`, () => assert.equal(managerName('', agentOf(user)), manager));
}

test('agentOf tells which controller of the controller manager it is', () =>
  assert.match(
    agentOf('system:serviceaccount:kube-system:job-controller'),
    /^kube-controller-manager\/\S+ \(linux\/\w+\) kubernetes\/\S+\/system:serviceaccount:kube-system:job-controller$/,
  ));
