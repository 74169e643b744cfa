// A pod of higher priority takes the place of a lower one: which ends in its own time, and says why it went.
import assert from 'node:assert/strict';
import { events, nodes } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { idle, type Space, template } from './space.ts';

const NODE = 'boat-3';
const BERTH = { 'example.test/berth': '1' };

/** Ends only once it is told to by a file. */
const reluctant = idle({
  command: ['sh', '-c', 'trap "while ! test -e /tmp/go; do sleep 0.1; done; exit 0" TERM; touch /tmp/up; while true; do sleep 0.1; done'],
  resources: { requests: BERTH, limits: BERTH },
  readinessProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1 },
});

const priority = (name: string, value: number, preemptionPolicy = 'PreemptLowerPriority') => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  preemptionPolicy,
});

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { ...template(name).spec, priorityClassName: name, terminationGracePeriodSeconds: 600, containers: [reluctant] },
});

const disruption = ({ status }: Pod) => status.conditions?.find(({ type }) => type === 'DisruptionTarget');
const isReady = ({ status }: Pod): boolean => status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

export async function preempted(space: Space): Promise<void> {
  const amount = { status: { capacity: BERTH, allocatable: BERTH } };
  await space.kubectl(['patch', 'node', NODE, '--subresource=status', '--type=merge', '-p', JSON.stringify(amount)]);
  await space.object(nodes, NODE, ({ status }) => status.allocatable?.['example.test/berth'] === '1');
  await space.apply(priority('low', 1), priority('high', 1000), priority('polite', 2000, 'Never'), pod('low'));
  await space.until('low', isReady);

  // Of higher priority still, but it takes nobody's place.
  await space.apply(pod('polite'));
  const polite = await space.until('polite', ({ status }) => status.conditions?.some(({ reason }) => reason === 'Unschedulable') === true);
  assert.match(polite.status.conditions?.[0]?.message ?? '', /not eligible due to preemptionPolicy=Never/);
  assert.equal((await space.until('low', isReady)).metadata.deletionTimestamp, undefined);
  await space.kubectl(['delete', 'pod/polite', '--grace-period=0', '--force']);

  await space.apply(pod('high'));
  const victim = await space.until('low', ({ metadata }) => metadata.deletionTimestamp !== undefined);
  assert.equal(disruption(victim)?.reason, 'PreemptionByScheduler');
  assert.equal(disruption(victim)?.message, 'default-scheduler: preempting to accommodate a higher priority pod');
  assert.equal(victim.metadata.deletionGracePeriodSeconds, 600);
  const nominated = await space.until('high', ({ status }) => status.nominatedNodeName !== undefined);
  assert.deepEqual([nominated.status.nominatedNodeName, nominated.spec.nodeName], [NODE, undefined]);
  await letGo(space, 'low');
  await space.gone('low');
  const high = await space.until('high', isReady);
  assert.equal(high.spec.nodeName, NODE);
  const { items } = await space.client.list(events, { namespace: space.namespace, fieldSelector: 'reason=Preempted' });
  assert.deepEqual(
    items.map(({ involvedObject, message }) => `${involvedObject.name}: ${message}`),
    [`low: Preempted by pod ${high.metadata.uid} on node ${NODE}`],
  );
  await letGo(space, 'high');
}

/** The container ends once it sees the file, maybe before the command that made it has told so. */
async function letGo(space: Space, name: string): Promise<void> {
  try {
    await space.kubectl(['exec', name, '--', 'touch', '/tmp/go']);
  } catch (error) {
    if (!/exit code 137/.test((error as Error).message)) throw error;
  }
}
