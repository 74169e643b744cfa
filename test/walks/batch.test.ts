// State and work that ends, on real containers: a StatefulSet whose volumes outlive its pods, an indexed Job, a CronJob.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, test } from 'node:test';

const cluster = await startCluster({ after });
await cluster.importImage({ name: 'example.test/tools:1', programs: ['sh', 'sleep', 'cat', 'id', 'ls'] });
const { kubectl } = cluster;

const image = { image: 'example.test/tools:1', imagePullPolicy: 'Never' } as const;
const apply = (object: unknown) => kubectl.succeed(['apply', '-f', '-'], { input: JSON.stringify(object) });

test('volumes of a StatefulSet come by themselves, outlive its pods, and go with their claims', async () => {
  await apply({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: {
      serviceName: 'db',
      replicas: 1,
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: {
          terminationGracePeriodSeconds: 0,
          securityContext: { runAsUser: 1234, runAsGroup: 1234 },
          containers: [
            {
              name: 'db',
              ...image,
              command: ['sh', '-c', 'test -e /data/born || echo "$HOSTNAME first" > /data/born; sleep 3600'],
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
        },
      },
      volumeClaimTemplates: [
        { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } } },
      ],
    },
  });
  await kubectl.succeed(['rollout', 'status', 'statefulset/db', '--timeout=120s']);
  const read = () => kubectl.succeed(['exec', 'db-0', '--', 'cat', '/data/born']);
  assert.equal(await read(), 'db-0 first\n');
  const uid = () => kubectl.succeed(['get', 'pod', 'db-0', '-o', 'jsonpath={.metadata.uid}']);
  const first = await uid();
  await kubectl.succeed(['delete', 'pod', 'db-0', '--wait=true']);
  await kubectl.succeed(['rollout', 'status', 'statefulset/db', '--timeout=120s']);
  assert.notEqual(await uid(), first);
  assert.equal(await read(), 'db-0 first\n');

  const path = await kubectl.succeed(['get', 'pv', '-o', 'jsonpath={.items[0].spec.local.path}']);
  assert.deepEqual(readdirSync(path), ['born']);
  await kubectl.succeed(['delete', 'statefulset/db', '--cascade=foreground', '--wait=true']);
  await kubectl.succeed(['delete', 'pvc/data-db-0', '--wait=true']);
  await kubectl.succeed(['wait', '--for=delete', 'pv', '--all', '--timeout=60s']);
  assert.throws(() => readdirSync(path), { code: 'ENOENT' });
});

test('an indexed Job runs each index once and retries the one that fails', async () => {
  await apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'shards' },
    spec: {
      completions: 3,
      parallelism: 3,
      completionMode: 'Indexed',
      backoffLimitPerIndex: 1,
      podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [42] } }] },
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [{ name: 'c', ...image, command: ['sh', '-c', 'test $JOB_COMPLETION_INDEX = 1 && exit 42; echo $HOSTNAME'] }],
        },
      },
    },
  });
  await kubectl.succeed(['wait', '--for=condition=Failed', 'job/shards', '--timeout=120s']);
  const { status } = await kubectl.json<{ readonly status: Record<string, unknown> }>(['get', 'job', 'shards']);
  assert.deepEqual([status['completedIndexes'], status['failedIndexes'], status['succeeded'], status['failed']], ['0,2', '1', 2, 1]);
  const log = await kubectl.succeed(['logs', '-l', 'batch.kubernetes.io/job-completion-index=2']);
  assert.equal(log, 'shards-2\n');
});

test('kubectl runs a CronJob by hand and its Job goes when its time is over', async () => {
  await apply({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'nightly' },
    spec: {
      schedule: '0 3 * * *',
      timeZone: 'Europe/Zurich',
      jobTemplate: {
        spec: {
          ttlSecondsAfterFinished: 1,
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', ...image, command: ['sh', '-c', 'exit 0'] }] } },
        },
      },
    },
  });
  await kubectl.succeed(['create', 'job', 'now', '--from=cronjob/nightly']);
  await kubectl.succeed(['wait', '--for=delete', 'job/now', '--timeout=120s']);
  const events = await kubectl.succeed(['get', 'events', '--field-selector=involvedObject.name=now']);
  assert.match(events, /Completed +job\/now +Job completed/);
});
