// A pod that no node takes, one whose image is not there, and one that crashes after a roll-out: proa why names each cause.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Explanation } from '#cluster/why/contract.ts';
import { render } from '#cluster/why/render.ts';

const cluster = await startCluster({ after });
await cluster.importImage({ name: 'example.test/tools:1', programs: ['sh', 'sleep'] });
const { kubectl } = cluster;

const deployment = (name: string, command: string, more: object = {}, pod: object = {}): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 0,
          ...pod,
          containers: [{ name: 'main', image: 'example.test/tools:1', imagePullPolicy: 'Never', command: ['sh', '-c', command], ...more }],
        },
      },
    },
  });

const apply = (manifest: string): Promise<string> => kubectl.succeed(['apply', '-f', '-'], { input: manifest });

/** Asked again until the newest pod of the Deployment has this cause, with such evidence. */
async function whyOf(name: string, cause: string, evidence = /(?:)/): Promise<string> {
  for (;;) {
    const sorted = ['get', 'pods', '-l', `app=${name}`, '--sort-by=.metadata.creationTimestamp', '-o', 'name'];
    const pod = (await kubectl.succeed(sorted)).trim().split('\n').at(-1) ?? '';
    if (pod === '') continue;
    const explanation = JSON.parse(await cluster.proa('why', pod, '-o', 'json')) as Explanation;
    if (explanation.cause.kind === cause && explanation.cause.evidence.some(({ text }) => evidence.test(text))) return render(explanation);
  }
}

test('proa why tells what would place a pod, and that does place it', async () => {
  await apply(deployment('big', 'sleep 1000', { resources: { requests: { cpu: '100' } } }));
  const [, to] = /\(tried\): lower the request for cpu from 100 to (\S+), on boat/.exec(await whyOf('big', 'scheduling')) ?? [];
  assert.ok(to);
  await apply(deployment('big', 'sleep 1000', { resources: { requests: { cpu: to } } }));
  await kubectl.succeed(['rollout', 'status', 'deployment/big', '--timeout=60s']);
  await kubectl.succeed(['delete', 'deployment', 'big']);
});

test('proa why shows the last lines of a crash and the change that brought it', async () => {
  await apply(deployment('app', 'sleep 1000'));
  await kubectl.succeed(['rollout', 'status', 'deployment/app', '--timeout=60s']);
  await apply(deployment('app', 'echo table is missing; exit 3'));
  const text = await whyOf('app', 'crash');
  assert.match(text, /container main ends with exit code 3/);
  assert.match(text, /log of main:\n +table is missing/);
  assert.match(
    text,
    /What changed before: Deployment app, revision 2 [^\n]*\n +spec\.containers\[main\]\.command\[2\]: sleep 1000 → echo table/,
  );
});

test('proa why names an image that is not there, and a quota', async () => {
  await apply(deployment('lost', 'sleep 1000', { image: 'example.test/none:1' }));
  assert.match(await whyOf('lost', 'image'), /image example\.test\/none:1 of container main cannot be pulled/);
  await kubectl.succeed(['create', 'quota', 'none', '--hard=pods=0']);
  await apply(deployment('kept-out', 'sleep 1000'));
  await kubectl.succeed(['wait', '--for=condition=ReplicaFailure', 'deployment/kept-out', '--timeout=60s']);
  assert.match(await cluster.proa('why', 'pod/kept-out'), /ReplicaSet kept-out-\w+ may not make the pod[^]*exceeded quota: none/);
  await kubectl.succeed(['delete', 'quota', 'none']);
});

test('proa why names the key that a ConfigMap has, the port that is declared, the program that is not there and the class that is', async () => {
  await kubectl.succeed(['create', 'configmap', 'settings', '--from-literal=app.conf=x']);
  const volumes = [{ name: 'v', configMap: { name: 'settings', items: [{ key: 'app.cnf', path: 'a' }] } }];
  await apply(deployment('no-key', 'sleep 1000', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }, { volumes }));
  assert.match(await whyOf('no-key', 'volume'), /put the key app\.cnf into ConfigMap settings, or name app\.conf instead, which it has/);

  const readinessProbe = { httpGet: { port: 8081 }, periodSeconds: 1 };
  await apply(deployment('no-port', 'sleep 1000', { ports: [{ containerPort: 8080 }], readinessProbe }));
  assert.match(await whyOf('no-port', 'probe', /Readiness probe failed/), /ask port 8080 in the readiness probe of container main/);

  await apply(deployment('no-program', '', { command: ['/bin/nosuch'] }));
  assert.match(
    await whyOf('no-program', 'configuration'),
    /name a program that the image of container main has: \/bin\/nosuch is not there/,
  );

  const claim = { accessModes: ['ReadWriteOnce'], storageClassName: 'local-paht', resources: { requests: { storage: '1Mi' } } };
  await apply(JSON.stringify({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, spec: claim }));
  const claimed = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];
  await apply(deployment('no-class', 'sleep 1000', {}, { volumes: claimed }));
  assert.match(
    await whyOf('no-class', 'scheduling', /which is not there/),
    /make StorageClass local-paht, or the claim anew with class local-path, which is there/,
  );
});
