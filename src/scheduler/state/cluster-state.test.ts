import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { parseLabelSelector } from '#apimachinery/labels.ts';
import { quantityMilliValue, quantityValue } from '#apimachinery/quantity.ts';
import type { Node, Pod } from '#api/types.ts';
import { node, pod } from '../testing.ts';
import { ClusterState } from './cluster-state.ts';
import { CPU, MEMORY } from './resource-table.ts';
import { Trial } from './trial.ts';

const onNode = (name: string, on: string, cpu: string, spec: object = {}): Pod =>
  pod(name, { cpu, memory: '1Gi' }, { nodeName: on, ...spec });

test('ClusterState keeps the pods of a node that is not seen yet', () => {
  const cluster = new ClusterState();
  cluster.setPod(onNode('a', 'late', '1'));
  assert.deepEqual([cluster.nodeCount, cluster.slotOf('late')], [0, undefined]);
  cluster.setNode(node('late'));
  assert.equal(cluster.requested(CPU)[cluster.slotOf('late') as number], 1000);
});

test('ClusterState gives the place of a node that is gone to another, empty', () => {
  const cluster = new ClusterState();
  cluster.setNode(node('old'));
  cluster.setPod(onNode('a', 'old', '1'));
  const slot = cluster.slotOf('old') as number;
  cluster.removeNode('old');
  cluster.removePod('a');
  cluster.setNode(node('new', { status: { allocatable: { memory: '1Gi', pods: '1' } } }));
  assert.equal(cluster.slotOf('new'), slot);
  assert.deepEqual([cluster.allocatable(CPU)[slot], cluster.requested(CPU)[slot], cluster.podCount[slot]], [0, 0, 0]);
});

test('ClusterState has no word of a bound pod in its log that it had assumed', () => {
  const cluster = new ClusterState();
  cluster.setNode(node('n'));
  cluster.assume(cluster.podInfos.of(pod('a', { cpu: '1', memory: '1Gi' })), 'n');
  const { position } = cluster.log;
  cluster.setPod(onNode('a', 'n', '1'));
  assert.deepEqual([cluster.log.position, cluster.isAssumed('a'), cluster.podCount[0]], [position, false, 1]);
});

test('ClusterState has no word of a heartbeat in its log', () => {
  const cluster = new ClusterState();
  cluster.setNode(node('n'));
  const { position, epoch } = { position: cluster.log.position, epoch: cluster.epoch };
  cluster.setNode({ ...node('n'), metadata: { ...node('n').metadata, resourceVersion: '2' } });
  assert.deepEqual([cluster.log.position, cluster.epoch, cluster.nodes[0]?.metadata.resourceVersion], [position, epoch, '2']);
});

test('ClusterState finds the pods that a selector may select, as they come, change and go', () => {
  const cluster = new ClusterState();
  cluster.setNode(node('n'));
  const labelled = (name: string, labels: Record<string, string>, namespace = 'default'): Pod => {
    const made = onNode(name, 'n', '1');
    return { ...made, metadata: { ...made.metadata, namespace, labels } };
  };
  const like = (selector: string, namespace = 'default'): readonly string[] =>
    Array.from(cluster.podsLike(namespace, parseLabelSelector(selector)), ({ info }) => info.uid).toSorted();
  cluster.setPod(labelled('a', { app: 'web', tier: 'front' }));
  cluster.setPod(labelled('b', { app: 'web' }));
  cluster.setPod(labelled('c', { app: 'db' }));
  cluster.setPod(labelled('d', { app: 'web' }, 'other'));
  assert.deepEqual([like('app=web'), like('app=web,tier=front'), like('app in (db)'), like('app=none')], [['a', 'b'], ['a'], ['c'], []]);
  assert.deepEqual(like('app'), ['a', 'b', 'c', 'd'], 'no label by value: all of them');

  cluster.setPod(labelled('b', { app: 'db' }));
  cluster.removePod('a');
  assert.deepEqual([like('app=web'), like('app=db'), like('app=web', 'other')], [[], ['b', 'c'], ['d']]);
  cluster.assume(cluster.podInfos.of(labelled('e', { app: 'web' })), 'n');
  cluster.setPod(labelled('e', { app: 'web' }));
  assert.deepEqual(like('app=web'), ['e']);
});

test('Trial takes back what it tried', () => {
  const cluster = new ClusterState();
  cluster.setNode(node('n'));
  cluster.setPod(onNode('a', 'n', '1'));
  const { position } = cluster.log;
  const trial = new Trial(cluster, 0, []);
  trial.remove([...cluster.podsIn(0)][0] as never);
  trial.add(cluster.podInfos.of(onNode('b', 'n', '3')));
  assert.equal(cluster.requested(CPU)[0], 3000);
  trial.undo();
  assert.deepEqual([cluster.requested(CPU)[0], cluster.podCount[0], cluster.log.position], [1000, 1, position]);
});

/** The same, worked out anew from all that is there. */
interface Model {
  readonly nodes: Map<string, Node>;
  readonly pods: Map<string, Pod>;
}

function check(cluster: ClusterState, { nodes, pods }: Model): void {
  assert.equal(cluster.nodeCount, nodes.size);
  for (const [name, each] of nodes) {
    const slot = cluster.slotOf(name) as number;
    const on = [...pods.values()].filter(({ spec }) => spec.nodeName === name);
    const sum = (value: (pod: Pod) => number): number => on.reduce((total, one) => total + value(one), 0);
    const requests = (one: Pod) => one.spec.containers[0]?.resources?.requests as Record<string, string>;
    assert.equal(cluster.podCount[slot], on.length);
    assert.equal(
      cluster.requested(CPU)[slot],
      sum((one) => quantityMilliValue(requests(one)['cpu'])),
    );
    assert.equal(
      cluster.requested(MEMORY)[slot],
      sum((one) => quantityValue(requests(one)['memory'])),
    );
    assert.equal(
      cluster.nonZeroCpu[slot],
      sum((one) => (requests(one)['cpu'] === undefined ? 100 : quantityMilliValue(requests(one)['cpu']))),
    );
    assert.equal(cluster.allocatable(CPU)[slot], quantityMilliValue(each.status.allocatable?.['cpu']));
    assert.deepEqual(
      [...cluster.podsIn(slot)].map(({ uid }) => uid).toSorted(byText),
      on.map(({ metadata }) => metadata.uid).toSorted(byText),
    );
    for (const port of [1, 2, 3]) {
      const isTaken = on.some((one) => one.spec.containers[0]?.ports?.[0]?.hostPort === port);
      assert.equal(cluster.portsConflict(slot, [{ ip: '0.0.0.0', port: `TCP:${port}` }]), isTaken);
    }
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : 1);

test('ClusterState holds the sums of its pods whatever comes and goes', () => {
  const ids = seededIds(7);
  const pick = (count: number): number => Math.floor(ids.fraction() * count);
  const cluster = new ClusterState();
  const model: Model = { nodes: new Map(), pods: new Map() };
  for (let step = 0; step < 3000; step++) {
    const name = `n${pick(90)}`;
    const uid = `p${pick(200)}`;
    const kind = pick(8);
    if (kind === 0) {
      const each = node(name, { status: { allocatable: { cpu: String(1 + pick(8)), memory: '8Gi', pods: '110' } } });
      cluster.setNode(each);
      model.nodes.set(name, each);
    } else if (kind === 1) {
      cluster.removeNode(name);
      model.nodes.delete(name);
    } else if (kind < 4) {
      assert.equal(cluster.removePod(uid), model.pods.delete(uid));
    } else {
      const requests = { ...(pick(2) === 0 ? {} : { cpu: `${pick(4) * 250}m` }), memory: `${pick(3)}Gi` };
      const ports = pick(2) === 0 ? [] : [{ hostPort: 1 + pick(3), containerPort: 80, protocol: 'TCP' as const }];
      const placed = pod(uid, {}, { nodeName: name, containers: [{ name: 'c', image: 'i', resources: { requests }, ports }] });
      if (kind === 4) cluster.assume(cluster.podInfos.of(placed), name);
      else cluster.setPod(placed);
      model.pods.set(uid, placed);
    }
    if (step % 50 === 0) check(cluster, model);
  }
  check(cluster, model);
});
