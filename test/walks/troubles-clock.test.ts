// A cluster whose machine's clock is set an hour forward, then two back: nothing is evicted, nothing restarts, nobody is locked
// out, and what is new works. Only Proa's own processes see the clock jump: those in Go do not ask the library that shifts it.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isConditionTrue } from '#api/conditions.ts';
import { leases, nodes, pods as podResource, tokenreviews } from '#api/resources.ts';
import type { New, TokenReview } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { eventually } from '../harness/eventually.ts';
import { podSet } from '../harness/pods.ts';
import { temporaryFolder } from '../harness/temp.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const IMAGE = 'example.test/tools:1';
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

const LIBRARY = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`).find(existsSync);
assert.ok(LIBRARY !== undefined, 'the Debian package libfaketime is installed');

const owner = { after };
const shift = join(temporaryFolder(owner), 'shift');
const setClock = (aheadMs: number): void => writeFileSync(shift, `${aheadMs < 0 ? '' : '+'}${aheadMs / 1000}\n`);
setClock(0);
const shifted = {
  LD_PRELOAD: LIBRARY,
  FAKETIME_TIMESTAMP_FILE: shift,
  FAKETIME_CACHE_DURATION: '1',
  DONT_FAKE_MONOTONIC: '1',
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  NO_FAKE_STAT: '1',
};
// For `proa up` and what it starts, not for what this test starts later.
Object.assign(process.env, shifted);
const cluster = await startCluster(owner);
for (const name of Object.keys(shifted)) delete process.env[name];

await cluster.importImage({ name: IMAGE, programs: ['sh', 'sleep', 'cat', 'echo', 'true'] });
const pods = await podSet(owner, cluster, 'clock');
const { client, namespace } = pods;

const spec = {
  terminationGracePeriodSeconds: 1,
  containers: [
    {
      name: 'main',
      image: IMAGE,
      imagePullPolicy: 'Never' as const,
      command: ['sh', '-c', 'echo begun; while true; do sleep 1; done'],
      readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
      livenessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
    },
  ],
};
await pods.run('lasting', spec);
await pods.until('lasting', ({ status }) => isConditionTrue(status.conditions, 'Ready'));

const kubectl = (...args: readonly string[]) => cluster.kubectl.succeed(['-n', namespace, ...args]);

/** What must stay as it is: the pod and its container, the node's readiness, who leads. */
async function lasting(): Promise<unknown> {
  const pod = await client.get(podResource, { name: 'lasting', namespace });
  const node = await client.get(nodes, { name: 'boat' });
  const condition = ({ status }: typeof pod | typeof node, wanted: string): unknown => {
    const found = (status.conditions ?? []).find(({ type }) => type === wanted);
    return [found?.status, found?.lastTransitionTime];
  };
  const leaders = await Promise.all(
    ['kube-scheduler', 'kube-controller-manager'].map(
      async (name) => (await client.get(leases, { name, namespace: 'kube-system' })).spec.holderIdentity,
    ),
  );
  return {
    pod: [pod.metadata.uid, pod.metadata.deletionTimestamp, pod.status.phase, condition(pod, 'Ready')],
    container: pod.status.containerStatuses?.map(({ containerID, restartCount }) => [containerID, restartCount]),
    node: [condition(node, 'Ready'), node.spec.taints],
    leaders,
  };
}

async function accepted(token: string): Promise<boolean> {
  const review = { metadata: {}, spec: { token } } as New<TokenReview>;
  return (await client.create(tokenreviews, review)).status?.authenticated === true;
}

/** Whether all heartbeats are by the clock as it is set now. */
async function beats(aheadMs: number): Promise<void> {
  const now = systemClock.now() + aheadMs;
  for (const [name, space] of [
    ['boat', 'kube-node-lease'],
    ['kube-scheduler', 'kube-system'],
    ['kube-controller-manager', 'kube-system'],
  ] as const) {
    const { spec: lease } = await client.get(leases, { name, namespace: space });
    const off = Math.abs(Date.parse(lease.renewTime ?? '') - now);
    assert.ok(off < 2 * MINUTE_MS, `${name} was renewed ${off} ms from now`);
  }
}

const before = await lasting();

for (const [name, aheadMs] of [
  ['an hour forward', HOUR_MS],
  ['two hours back', -HOUR_MS],
  ['right', 0],
] as const) {
  test(`set ${name}, the clock harms nothing that runs, and all goes on by it`, async () => {
    setClock(aheadMs);
    await eventually(() => beats(aheadMs));
    assert.deepEqual(await lasting(), before);

    // What is new: decided by the leaders, run by the node, read over the kubelet's own connection.
    const fresh = `fresh-${name.split(' ').at(-1)}`;
    await pods.run(fresh, spec);
    await pods.until(fresh, ({ status }) => isConditionTrue(status.conditions, 'Ready'));
    assert.equal(await kubectl('logs', fresh), 'begun\n');
    assert.ok(await accepted(await kubectl('exec', fresh, '--', 'cat', TOKEN)));
    await client.delete(podResource, { name: fresh, namespace });
    await pods.gone(fresh);

    // A token that ended with the jump, or begins only later, is replaced when its pod is looked at again, within a minute.
    const token = async (): Promise<void> => assert.ok(await accepted(await kubectl('exec', 'lasting', '--', 'cat', TOKEN)));
    await eventually(token, 3 * MINUTE_MS);
    assert.deepEqual(await lasting(), before);
    assert.match(await cluster.proa('status'), /^API server +\S+ ok\nruntime +ok\nnode +boat ready$/m);
  });
}
