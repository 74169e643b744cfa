import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/types.ts';
import { ACTION, clusterEvent, nodeChanges } from '../framework/cluster-event.ts';
import { interestIn, profileOf } from '../framework/profile.ts';
import { clusterOf, node, pod, refusals } from '../testing.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';

const declaring = (name: string, ...declaredFeatures: readonly string[]): Node => node(name, { status: { declaredFeatures } });

const restarting = { name: 'c', image: 'i', restartPolicyRules: [{ action: 'RestartAllContainers' }] };
const LACKING = "node(s) didn't match Pod's required features";

for (const { name, spec, refused } of [
  { name: 'a pod that asks for nothing', spec: {}, refused: { old: '', restarts: '', both: '' } },
  {
    name: 'a container that restarts all of them',
    spec: { containers: [restarting] },
    refused: { old: LACKING, restarts: '', both: '' },
  },
  {
    name: 'an init container that restarts all containers',
    spec: { initContainers: [restarting] },
    refused: { old: LACKING, restarts: '', both: '' },
  },
  {
    name: 'users of its own in the network of the host',
    spec: { hostNetwork: true, hostUsers: false },
    refused: { old: LACKING, restarts: LACKING, both: '' },
  },
  { name: 'users of its own alone', spec: { hostUsers: false }, refused: { old: '', restarts: '', both: '' } },
]) {
  test(`NodeDeclaredFeatures: ${name}`, () => {
    const restarts = 'RestartAllContainersOnContainerExits';
    const cluster = clusterOf([
      declaring('old'),
      declaring('restarts', restarts),
      declaring('both', restarts, 'UserNamespacesHostNetworkSupport'),
    ]);
    assert.deepEqual(refusals(nodeDeclaredFeatures, pod('p', {}, spec as object), cluster), refused);
  });
}

test('NodeDeclaredFeatures wakes a pod when a node comes or declares something else, not for other changes', () => {
  const waiting = pod('p', {}, { containers: [restarting] } as object);
  const profile = profileOf('default-scheduler', [{ plugin: nodeDeclaredFeatures, weight: 1 }]);
  const woken = (previous: Node | undefined, current: Node): readonly (string | undefined)[] =>
    (previous === undefined ? [clusterEvent('Node', ACTION.Add)] : nodeChanges(current, previous)).flatMap((event) =>
      (interestIn(profile, event).get('NodeDeclaredFeatures') ?? []).map(({ hint }) => hint?.(waiting, previous, current)),
    );
  assert.deepEqual(woken(undefined, declaring('n')), ['queue']);
  assert.deepEqual(woken(declaring('n'), declaring('n', 'A')), ['queue']);
  const labelled: Node = { ...declaring('n'), metadata: { ...declaring('n').metadata, labels: { a: 'b' } } };
  assert.deepEqual(woken(declaring('n'), labelled), []);
});

test('NodeDeclaredFeatures wakes a pod when the pod itself asks for less', () => {
  const [, { hint }] = nodeDeclaredFeatures.events as readonly [unknown, { readonly hint: (...pods: readonly Pod[]) => string }];
  const [before, after] = [pod('p', {}, { containers: [restarting] } as object), pod('p')];
  assert.deepEqual([hint(before, before, after), hint(before, before, before), hint(pod('q'), before, after)], ['queue', 'skip', 'skip']);
});
