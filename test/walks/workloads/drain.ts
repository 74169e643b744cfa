// kubectl drain: what it refuses to take, how it waits for a budget, and how it goes past one.
import assert from 'node:assert/strict';
import type { Cluster } from '../../harness/cluster.ts';
import { deployment, evenly, idle, placesOf, type Space, template, WET } from './space.ts';

const NODE = 'boat-2';

const budget = (minAvailable: number) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web' },
  spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
});

const daemon = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent' },
  spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent', { nodeSelector: { 'kubernetes.io/hostname': NODE } }) },
};

const alone = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'alone' },
  spec: {
    ...template('').spec,
    nodeName: NODE,
    tolerations: [WET],
    containers: [idle({ volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] })],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  },
};

/** Only pods of this case: others share the node. */
const drain = (...more: readonly string[]): readonly string[] => ['drain', NODE, '--pod-selector=drained=yes', '--timeout=170s', ...more];

export async function drained(cluster: Cluster, space: Space): Promise<void> {
  const marked = (object: object): object =>
    JSON.parse(JSON.stringify(object), (key, value: unknown) =>
      key === 'labels' ? { ...(value as object), drained: 'yes' } : value,
    ) as object;
  const pod = { ...alone, metadata: { name: 'alone', labels: {} } };
  await space.apply(marked(deployment('web', 3, evenly('web', 'kubernetes.io/hostname'))), budget(3), marked(daemon), marked(pod));
  await space.rolledOut('deployment/web');
  await space.rolledOut('daemonset/agent');
  await space.kubectl(['wait', '--for=condition=Ready', 'pod/alone', '--timeout=170s']);
  assert.equal(placesOf(await space.podsOf('web')), 'boat boat-2 boat-3');

  const complaint = await space.refused(drain());
  assert.match(complaint, /cannot delete DaemonSet-managed Pods \(use --ignore-daemonsets to ignore\): drain\/agent-/);
  assert.match(complaint, /cannot delete Pods with local storage \(use --delete-emptydir-data to override\): drain\/alone/);
  assert.match(
    await space.refused(drain('--ignore-daemonsets', '--delete-emptydir-data')),
    /cannot delete Pods that declare no controller \(use --force to override\): drain\/alone/,
  );
  assert.equal((await space.podsOf('web')).length, 3);

  // Refused, and tried again until the budget allows it.
  const draining = space.start(drain('--ignore-daemonsets', '--force', '--delete-emptydir-data'));
  await draining.line(
    /error when evicting pods\/"web-\S+" -n "drain" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget/,
  );
  assert.equal((await space.podsOf('web')).filter(({ metadata }) => metadata.deletionTimestamp === undefined).length, 3);
  await space.gone('alone');
  await space.kubectl(['patch', 'pdb/web', '--type=merge', '-p', '{"spec":{"minAvailable":2}}']);
  await draining.line(/node\/boat-2 drained/);
  // kubectl gathers its warnings in a map: they come in any order.
  assert.match(draining.output, /^Warning: .*\bignoring DaemonSet-managed Pods: drain\/agent-/m);
  assert.match(draining.output, /^Warning: .*\bdeleting Pods that declare no controller: drain\/alone/m);
  // The spread allows no second pod elsewhere: one waits while its node is closed, and the daemon's stays.
  await space.podsOnce('web', (found) => found.length === 3 && found.filter(({ spec }) => spec.nodeName === undefined).length === 1);
  assert.equal((await space.podsOf('agent')).length, 1);
  await space.kubectl(['uncordon', NODE]);
  await space.rolledOut('deployment/web');
  assert.equal(placesOf(await space.podsOf('web')), 'boat boat-2 boat-3');

  // Deletion asks no budget.
  await space.kubectl(['patch', 'pdb/web', '--type=merge', '-p', '{"spec":{"minAvailable":3}}']);
  assert.match(await space.kubectl(drain('--ignore-daemonsets', '--disable-eviction')), /pod\/web-\S+ deleted[^]*node\/boat-2 drained/);
  assert.equal(
    (await cluster.kubectl.json<{ readonly spec: { readonly unschedulable?: boolean } }>(['get', 'node', NODE])).spec.unschedulable,
    true,
  );
  await space.kubectl(['uncordon', NODE]);
  await space.rolledOut('deployment/web');
}
