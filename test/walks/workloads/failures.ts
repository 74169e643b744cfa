// Pods of workloads that fail by no doing of theirs: failed by their status, rejected by their node, evicted.
import assert from 'node:assert/strict';
import { isPodReady, podCondition } from '#api/pods.ts';
import { configmaps, jobs, pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { idle, type Space, template } from './space.ts';

const NODE = 'boat-2';
const onNode = { nodeSelector: { 'kubernetes.io/hostname': NODE } };

export async function failures(space: Space): Promise<void> {
  await Promise.all([failedByStatus(space), rejected(space), evicted(space)]);
}

/** Whoever may write a status can fail a pod; its DaemonSet replaces it, though its container still runs. */
async function failedByStatus(space: Space): Promise<void> {
  const app = 'fragile';
  const spec = { selector: { matchLabels: { app } }, template: template(app, onNode) };
  await space.apply({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: app }, spec });
  const [pod] = (await space.podsOnce(app, (found) => found.length === 1 && found.every(isPodReady))) as [Pod];
  const { resourceVersion: _, ...metadata } = pod.metadata;
  await space.client.update(pods, { ...pod, metadata, status: { ...pod.status, phase: 'Failed' } } as New<Pod>, { subresource: 'status' });
  await space.podsOnce(
    app,
    (found) => found.length === 1 && found.every((each) => isPodReady(each) && each.metadata.uid !== pod.metadata.uid),
  );
}

/** A StatefulSet makes a pod again that its node has no port for, until it has. */
async function rejected(space: Space): Promise<void> {
  const app = 'berthed';
  const container = idle({ ports: [{ name: 'conflict', containerPort: 21_017, hostPort: 21_017 }] });
  const blocker = { ...template('blocker').spec, nodeName: NODE, containers: [container] };
  await space.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'blocker', labels: { app: 'blocker' } }, spec: blocker });
  await space.podsOnce('blocker', (found) => found.some(({ status }) => status.phase === 'Running'));
  const seen = new Set<string>();
  const reasons = new Set<string | undefined>();
  const watching = space.podsOnce(app, (found) => {
    for (const { metadata, status } of found) {
      seen.add(metadata.uid);
      if (status.phase === 'Failed') reasons.add(status.reason);
    }
    return seen.size >= 2;
  });
  const spec = {
    serviceName: app,
    replicas: 1,
    selector: { matchLabels: { app } },
    template: template(app, { nodeName: NODE, containers: [container] }),
  };
  await space.apply({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: app }, spec });
  await watching;
  assert.deepEqual(reasons, new Set(['NodePorts']));
  await space.kubectl(['delete', 'pod/blocker', '--grace-period=0', '--force']);
  const [pod] = (await space.podsOnce(app, (found) => found.some(({ status }) => status.phase === 'Running'))) as [Pod];
  assert.equal(pod.metadata.name, `${app}-0`);
}

/** An eviction counts as no failure of a Job whose policy says so: its pods come again, and it completes without any failed. */
async function evicted(space: Space): Promise<void> {
  const app = 'disturbed';
  const container = idle({
    command: ['sh', '-c', 'if test -e /go/on; then exit 0; fi; trap "exit 143" TERM; while true; do sleep 0.1; done'],
    volumeMounts: [{ name: 'go', mountPath: '/go' }],
  });
  const volumes = [{ name: 'go', configMap: { name: app, optional: true } }];
  const podSpec = { ...onNode, restartPolicy: 'Never', volumes, containers: [container], terminationGracePeriodSeconds: 1 };
  await space.apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: app },
    spec: {
      completions: 2,
      parallelism: 2,
      completionMode: 'Indexed',
      backoffLimit: 0,
      podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] },
      template: template(app, podSpec),
    },
  });
  const first = await space.podsOnce(app, (found) => found.length === 2 && found.every(isPodReady));
  await space.client.create(configmaps, { metadata: { name: app, namespace: space.namespace }, data: { on: '' } });
  const told = space.podsOnce(app, (found) =>
    found.some((pod) => pod.status.phase === 'Failed' && podCondition(pod.status, 'DisruptionTarget')?.reason === 'EvictionByEvictionAPI'),
  );
  for (const { metadata } of first)
    await space.client.createSubresource(pods, metadata, 'eviction', {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: metadata.name, namespace: space.namespace },
    });
  await told;
  const { status } = await space.object(
    jobs,
    app,
    (job) => job.status.conditions?.some(({ type, status: is }) => type === 'Complete' && is === 'True') === true,
  );
  assert.deepEqual([status.succeeded, status.failed ?? 0], [2, 0]);
}
