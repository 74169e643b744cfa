// Metrics of real containers: kubectl top shows them, and an autoscaler grows and shrinks a Deployment by them.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

const cluster = await startCluster({ after });
await cluster.importImage({ name: 'example.test/tools:1', programs: ['sh', 'sleep', 'test', 'touch', 'rm'] });
const { kubectl } = cluster;

/** Works as hard as it can while there is a file, then sleeps. */
const WORK = 'while true; do if test -e /tmp/busy; then i=0; while test $i -lt 20000; do i=$((i+1)); done; else sleep 0.2; fi; done';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'worker' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'worker' } },
    template: {
      metadata: { labels: { app: 'worker' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'worker',
            image: 'example.test/tools:1',
            imagePullPolicy: 'Never',
            command: ['sh', '-c', `touch /tmp/busy; ${WORK}`],
            volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
            resources: { requests: { cpu: '50m' }, limits: { cpu: '200m' } },
          },
        ],
        volumes: [{ name: 'tmp', emptyDir: {} }],
      },
    },
  },
};

const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'worker' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'worker' },
    minReplicas: 1,
    maxReplicas: 3,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }],
    behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
  },
};

/** Metrics cannot be watched: asked for again until there are some. */
async function shown(...args: readonly string[]): Promise<string> {
  for (;;) {
    const { code, stdout } = await kubectl.run(args);
    if (code === 0 && stdout !== '') return stdout;
  }
}

test('kubectl top shows what nodes and pods use', async () => {
  await kubectl.succeed(['apply', '-f', '-'], { input: JSON.stringify(deployment) });
  await kubectl.succeed(['rollout', 'status', 'deployment/worker', '--timeout=60s']);
  assert.match(await shown('top', 'node'), /^boat +\d+m +\d+% +\d+Mi +\d+%/m);
  assert.match(await shown('top', 'pod', '-l', 'app=worker', '--containers'), /^worker-\S+ +worker +\d+m +\d+Mi/m);
});

test('an autoscaler grows a Deployment that works hard and shrinks it when it rests', async () => {
  await kubectl.succeed(['apply', '-f', '-'], { input: JSON.stringify(autoscaler) });
  await kubectl.succeed(['wait', '--for=jsonpath={.spec.replicas}=3', 'deployment/worker', '--timeout=180s']);
  await kubectl.succeed(['rollout', 'status', 'deployment/worker', '--timeout=60s']);
  const names = (await kubectl.succeed(['get', 'pods', '-l', 'app=worker', '-o', 'name'])).trim().split('\n');
  for (const name of names) await kubectl.succeed(['exec', name, '--', 'rm', '-f', '/tmp/busy']);
  await kubectl.succeed(['wait', '--for=jsonpath={.spec.replicas}=1', 'deployment/worker', '--timeout=180s']);
  const events = await kubectl.succeed(['get', 'events', '--field-selector=involvedObject.name=worker,reason=SuccessfulRescale']);
  assert.match(events, /cpu resource utilization \(percentage of request\) above target/);
  assert.match(events, /All metrics below target/);
});
