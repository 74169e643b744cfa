// A StatefulSet and a DaemonSet when a node is lost: nothing runs twice, and names and volumes come back.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodes, persistentvolumeclaims, persistentvolumes, pods, statefulsets } from '#api/resources.ts';
import { isConditionTrue } from '#api/conditions.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Cluster } from '../../harness/cluster.ts';
import { cutPower } from './power.ts';
import { evenly, idle, IMAGE, type Space, template } from './space.ts';

const LOST = 'boat-4';
const LOST_INDEX = 4;
const REPLICAS = 4;

/** Volumes that every node reaches, as over a network: the nodes share this machine's disk. */
const sharedVolumes = (folder: string) =>
  Array.from({ length: REPLICAS + 1 }, (_, i) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `shared-${i}` },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'shared',
      hostPath: { path: join(folder, String(i)), type: 'DirectoryOrCreate' },
    },
  }));

const unreachable = { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 };

const database = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db' },
  spec: {
    serviceName: 'db',
    replicas: REPLICAS,
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: { app: 'db' } },
    template: template('db', {
      // Not 0, which deletes a pod at once wherever it runs.
      terminationGracePeriodSeconds: 1,
      tolerations: [{ key: 'example.test/wet', operator: 'Exists' }, { key: 'example.test/storm', operator: 'Exists' }, unreachable],
      topologySpreadConstraints: [{ ...evenly('db', 'kubernetes.io/hostname').topologySpreadConstraints[0], nodeTaintsPolicy: 'Honor' }],
      containers: [
        idle({
          command: ['sh', '-c', 'echo "$HOSTNAME on $NODE" >> /data/born; sleep 3600'],
          env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        }),
      ],
    }),
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: { storageClassName: 'shared', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
      },
    ],
  },
};

const guard = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'guard' },
  spec: {
    selector: { matchLabels: { app: 'guard' } },
    template: template('guard', {
      nodeSelector: { 'kubernetes.io/hostname': LOST },
      tolerations: [{ key: 'example.test/storm', operator: 'Exists' }],
      containers: [idle({ image: IMAGE })],
    }),
  },
};

const taintsOf = ({ spec }: Node): string =>
  (spec.taints ?? [])
    .map(({ key, effect }) => `${key}:${effect}`)
    .filter((taint) => taint.startsWith('node.kubernetes.io/'))
    .toSorted()
    .join(' ');

const isReady = ({ status }: Pod): boolean => isConditionTrue(status.conditions, 'Ready');

export async function nodeLoss(cluster: Cluster, space: Space): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shared-'));
  await space.apply(...sharedVolumes(folder), database, guard);
  await space.rolledOut('statefulset/db');
  await space.rolledOut('daemonset/guard');
  const lost = (await space.podsOf('db')).find(({ spec }) => spec.nodeName === LOST);
  const [guarded] = await space.podsOf('guard');
  assert.ok(lost !== undefined && guarded !== undefined);
  const { name, uid } = lost.metadata;
  const claim = await space.object(persistentvolumeclaims, `data-${name}`, ({ status }) => status.phase === 'Bound');

  const node = cutPower(cluster, LOST_INDEX);
  const gone = await space.object(nodes, LOST, (each) => taintsOf(each).includes('unreachable:NoExecute'));
  assert.equal(taintsOf(gone), 'node.kubernetes.io/unreachable:NoExecute node.kubernetes.io/unreachable:NoSchedule');
  const ready = gone.status.conditions?.find(({ type }) => type === 'Ready');
  assert.deepEqual([ready?.status, ready?.reason], ['Unknown', 'NodeStatusUnknown']);
  assert.equal(ready?.message, 'Kubelet stopped posting node status.');

  // It is to go, but nobody can know that it does not run any more: the set makes no second one, though it makes others.
  const told = await space.until(name, (pod) => pod.metadata.deletionTimestamp !== undefined && !isReady(pod));
  assert.equal(told.status.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'DeletionByTaintManager');
  await space.kubectl(['scale', 'statefulset/db', `--replicas=${REPLICAS + 1}`]);
  await space.until(`db-${REPLICAS}`, isReady);
  const still = await space.until(name, () => true);
  assert.equal(still.metadata.uid, uid);
  assert.equal((await space.client.get(pods, guarded.metadata)).metadata.uid, guarded.metadata.uid);

  // Who looks after the machines says by this taint that nothing runs there.
  await space.kubectl(['taint', 'node', LOST, 'node.kubernetes.io/out-of-service=nodeshutdown:NoExecute']);
  const back = await space.until(name, (pod) => pod.metadata.uid !== uid && isReady(pod));
  assert.notEqual(back.spec.nodeName, LOST);
  assert.equal(back.spec.volumes?.find(({ name: volume }) => volume === 'data')?.persistentVolumeClaim?.claimName, claim.metadata.name);
  const volume = await space.client.get(persistentvolumes, { name: claim.spec.volumeName as string });
  const born = readFileSync(join(volume.spec.hostPath?.path ?? '', 'born'), 'utf8');
  assert.equal(born, `${name} on ${LOST}\n${name} on ${back.spec.nodeName}\n`);
  await space.object(statefulsets, 'db', ({ status }) => status.readyReplicas === REPLICAS + 1);
  await space.gone(guarded.metadata.name);

  await space.kubectl(['taint', 'node', LOST, 'node.kubernetes.io/out-of-service-']);
  node.start();
  const healed = await space.object(
    nodes,
    LOST,
    ({ status, spec }) => isConditionTrue(status.conditions, 'Ready') && taintsOf({ spec } as Node) === '',
  );
  assert.equal(healed.metadata.uid, gone.metadata.uid);
  await space.rolledOut('daemonset/guard');
  const [again] = await space.podsOf('guard');
  assert.deepEqual([again?.spec.nodeName, again?.status.phase], [LOST, 'Running']);
  // What had run there before is not started again: its pods are gone.
  assert.deepEqual(
    (await space.podsOf('db')).map(({ metadata }) => metadata.name).toSorted(),
    Array.from({ length: REPLICAS + 1 }, (_, i) => `db-${i}`),
  );
}
