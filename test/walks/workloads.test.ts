// Workloads on real containers of four nodes in three zones, all at once: roll-outs, releases, drains, preemption, a lost node.
import { startCluster } from '../harness/cluster.ts';
import { after, describe, test } from 'node:test';
import { minuteTurns } from './workloads/cron.ts';
import { daemonSet } from './workloads/daemonset.ts';
import { drained } from './workloads/drain.ts';
import { failures } from './workloads/failures.ts';
import { nodeLoss } from './workloads/node-loss.ts';
import { preempted } from './workloads/preemption.ts';
import { blueGreen, canary, halfWay } from './workloads/releases.ts';
import { IMAGE, makeSpace } from './workloads/space.ts';
import { servicePods, zones } from './workloads/spreading.ts';

const owner = { after };
const cluster = await startCluster(owner, ['--nodes', '4']);
await cluster.importImage({ name: IMAGE, programs: ['sh', 'sleep', 'cat', 'test', 'touch', 'node'] });
const ZONES = { boat: 'a', 'boat-2': 'b', 'boat-3': 'c', 'boat-4': 'a' };
for (const [node, zone] of Object.entries(ZONES))
  await cluster.kubectl.succeed(['label', 'node', node, `topology.kubernetes.io/zone=${zone}`]);
// For the case that loses it.
await cluster.kubectl.succeed(['taint', 'node', 'boat-4', 'example.test/storm=coming:NoSchedule']);

const space = (name: string) => makeSpace(owner, cluster, name);

// These want all nodes open.
test('zones are spread evenly', async () => zones(await space('zones')));
test('pods of a Service are spread by default', async () => servicePods(await space('service')));

describe('side by side', { concurrency: true }, () => {
  test('a lost node: nothing runs twice, and a StatefulSet keeps its names and volumes', async () =>
    nodeLoss(cluster, await space('node-loss')));
  test('a CronJob starts its Job as the minute turns, a suspended one does not', async () => minuteTurns(await space('cron')));
  test('a drain honours a budget, and takes nothing it was not told to take', async () => drained(cluster, await space('drain')));
  test('a pod of higher priority takes the place of a lower one, which ends in its own time', async () =>
    preempted(await space('preemption')));
  test('a DaemonSet rolls out as its strategy says, back, and over taints', async () => daemonSet(await space('daemon')));
  test('pods that are failed, rejected and evicted come again', async () => failures(await space('failures')));
  test('a canary gets its share', async () => canary(await space('canary')));
  test('a switch from blue to green loses no request', async () => blueGreen(await space('blue-green')));
  test('a release is paused, gets stuck, is scaled half way and taken back', async () => halfWay(await space('half-way')));
});
