// Roll-outs of a DaemonSet: node by node, with a pod more while one starts, on deletion only; history and undo; taints.
import assert from 'node:assert/strict';
import { daemonsets } from '#api/resources.ts';
import type { DaemonSet, Pod } from '#api/types.ts';
import { idle, placesOf, type Space, template } from './space.ts';

const NODES = ['boat', 'boat-2', 'boat-3'];

const inNodes = {
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: NODES }] }],
      },
    },
  },
};

const daemon = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'log' },
  spec: {
    selector: { matchLabels: { app: 'log' } },
    template: template('log', { ...inNodes, tolerations: [], containers: [idle({ env: [{ name: 'VERSION', value: 'v1' }] })] }),
  },
};

const versionOf = ({ spec }: Pod): string => spec.containers[0]?.env?.[0]?.value ?? '';
const isReady = ({ status }: Pod): boolean => status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
const isGoing = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

export async function daemonSet(space: Space): Promise<void> {
  const standing = async (): Promise<readonly Pod[]> => (await space.podsOf('log')).filter((pod) => !isGoing(pod));
  const settled = (is: (status: DaemonSet['status']) => boolean) =>
    space.object(daemonsets, 'log', ({ metadata, status }) => status.observedGeneration === metadata.generation && is(status));
  const strategy = (updateStrategy: object) =>
    space.kubectl(['patch', 'daemonset/log', '--type=merge', '-p', JSON.stringify({ spec: { updateStrategy } })]);
  const version = (value: string) => space.kubectl(['set', 'env', 'daemonset/log', `VERSION=${value}`]);

  await space.apply(daemon);
  await space.rolledOut('daemonset/log');
  assert.equal(placesOf(await space.podsOf('log')), NODES.join(' '));

  // A node at a time: the one that cannot start keeps the others as they are.
  await space.kubectl(['set', 'image', 'daemonset/log', 'main=example.test/none:1']);
  await settled(({ updatedNumberScheduled, numberUnavailable }) => updatedNumberScheduled === 1 && numberUnavailable === 1);
  assert.equal((await standing()).filter(({ spec }) => spec.containers[0]?.image !== 'example.test/none:1').length, 2);
  await space.kubectl(['rollout', 'undo', 'daemonset/log']);
  await space.rolledOut('daemonset/log');

  // One more while it starts: no node is ever without, even with an update that cannot start.
  await strategy({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
  await space.kubectl(['set', 'image', 'daemonset/log', 'main=example.test/none:1']);
  const both = await space.podsOnce('log', (found) => found.length === NODES.length + 1);
  assert.equal(both.filter((pod) => isReady(pod) && !isGoing(pod)).length, NODES.length);
  // What counts of a node is its older pod while both are there.
  await settled(({ updatedNumberScheduled, numberAvailable }) => (updatedNumberScheduled ?? 0) === 0 && numberAvailable === NODES.length);
  await space.kubectl(['rollout', 'undo', 'daemonset/log']);
  await space.rolledOut('daemonset/log');
  await version('v2');
  await space.rolledOut('daemonset/log');
  assert.deepEqual((await standing()).map(versionOf), ['v2', 'v2', 'v2']);

  // On deletion only.
  await strategy({ type: 'OnDelete', rollingUpdate: null });
  await version('v3');
  await settled(({ updatedNumberScheduled }) => (updatedNumberScheduled ?? 0) === 0);
  assert.deepEqual((await standing()).map(versionOf), ['v2', 'v2', 'v2']);
  await space.kubectl(['delete', 'pod', '-l', 'app=log', '--field-selector=spec.nodeName=boat']);
  await settled(({ updatedNumberScheduled, numberReady }) => updatedNumberScheduled === 1 && numberReady === NODES.length);
  assert.deepEqual((await standing()).map((pod) => `${pod.spec.nodeName} ${versionOf(pod)}`).toSorted(), [
    'boat v3',
    'boat-2 v2',
    'boat-3 v2',
  ]);
  await strategy({ type: 'RollingUpdate' });
  await space.rolledOut('daemonset/log');
  assert.match(await space.kubectl(['rollout', 'history', 'daemonset/log']), /REVISION[^]*\n4 .*\n5 .*\n6 .*\n7 /);
  await space.kubectl(['rollout', 'undo', 'daemonset/log', '--to-revision=6']);
  await space.rolledOut('daemonset/log');
  assert.deepEqual((await standing()).map(versionOf), ['v2', 'v2', 'v2']);

  // A taint keeps it off a node until it puts up with that.
  await space.kubectl(['taint', 'node', 'boat-3', 'example.test/wet=very:NoExecute']);
  await settled(({ desiredNumberScheduled, currentNumberScheduled }) => desiredNumberScheduled === 2 && currentNumberScheduled === 2);
  assert.equal(placesOf(await standing()), 'boat boat-2');
  const tolerations = [{ key: 'example.test/wet', operator: 'Exists' }];
  await space.kubectl(['patch', 'daemonset/log', '--type=merge', '-p', JSON.stringify({ spec: { template: { spec: { tolerations } } } })]);
  await space.rolledOut('daemonset/log');
  assert.equal(placesOf(await standing()), NODES.join(' '));
  await space.kubectl(['taint', 'node', 'boat-3', 'example.test/wet-']);
}
