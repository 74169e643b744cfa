// One Deployment all the way: from kubectl over every component to packets that are answered, and back to nothing.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { succeed } from '../harness/command.ts';

interface PodView {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number; readonly containerID?: string }[];
  };
}

/** Answers with its own name, and with its version. */
const SERVER = `require('http').createServer((q, r) => r.end(process.env.HOSTNAME + ' ' + process.env.VERSION)).listen(8080, () => console.log('serving ' + process.env.VERSION))`;

const manifest = (version: string, replicas: number): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          replicas,
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              terminationGracePeriodSeconds: 1,
              containers: [
                {
                  name: 'web',
                  image: 'example.test/web:1',
                  imagePullPolicy: 'Never',
                  command: ['node', '-e', SERVER],
                  env: [{ name: 'VERSION', value: version }],
                  ports: [{ name: 'http', containerPort: 8080 }],
                  readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http', nodePort: 30080 }] },
      },
    ],
  });

const cluster = await startCluster({ after });
await cluster.importImage({ name: 'example.test/web:1', programs: ['node', 'sh', 'sleep', 'cat', 'kill'] });

const pods = async (): Promise<readonly PodView[]> =>
  (await cluster.kubectl.json<{ readonly items: readonly PodView[] }>(['get', 'pods', '-l', 'app=web'])).items;
const rolledOut = (): Promise<string> => cluster.kubectl.succeed(['rollout', 'status', 'deployment/web', '--timeout=120s']);
const fetchText = (url: string): Promise<string> =>
  succeed(process.execPath, ['-e', `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((t) => process.stdout.write(t))`]);

test('proa up ends with a node that is Ready', async () => {
  assert.match(cluster.output, /node ready/);
  const node = await cluster.kubectl.json<{
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
  }>(['get', 'node', 'boat']);
  assert.equal(node.status.conditions.find((c) => c.type === 'Ready')?.status, 'True');
});

test('a Deployment becomes pods that answer at their Service, from the node and by the node port', async () => {
  await cluster.kubectl.succeed(['apply', '-f', '-'], { input: manifest('v1', 2) });
  await rolledOut();
  const [first, second] = await pods();
  assert.ok(first !== undefined && second !== undefined);
  for (const pod of [first, second]) assert.match(pod.status.podIP ?? '', /^10\.244\.0\./);
  const { spec } = await cluster.kubectl.json<{ readonly spec: { readonly clusterIP: string } }>(['get', 'service', 'web']);
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add(await fetchText(`http://${spec.clusterIP}/`));
  assert.deepEqual(seen, new Set([`${first.metadata.name} v1`, `${second.metadata.name} v1`]));
  assert.match(await fetchText('http://192.0.2.1:30080/'), /^web-.* v1$/);
});

test('kubectl reads logs, runs a command in a container with its exit code, and prints tables', async () => {
  const [first] = await pods();
  assert.ok(first);
  const name = first.metadata.name;
  assert.equal(await cluster.kubectl.succeed(['logs', name]), 'serving v1\n');
  assert.match(await cluster.kubectl.succeed(['exec', name, '--', 'cat', '/etc/hosts']), /# Kubernetes-managed hosts file/);
  assert.equal(await cluster.kubectl.succeed(['exec', '-i', name, '--', 'cat'], { input: 'through and back' }), 'through and back');
  assert.equal((await cluster.kubectl.run(['exec', name, '--', 'sh', '-c', 'exit 7'])).code, 7);
  assert.match(
    await cluster.kubectl.succeed(['get', 'pods', '-o', 'wide']),
    /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE .*\nweb-\S+ +1\/1 +Running +0 /,
  );
  assert.match(await cluster.kubectl.succeed(['describe', 'pod', name]), /Started +\S+ .*kubelet/);
});

test('a change rolls out and is undone, and the Service answers all the while', async () => {
  const failures: string[] = [];
  let asked = 0;
  const stop = { now: false };
  const asking = (async () => {
    while (!stop.now) {
      asked++;
      await fetchText('http://192.0.2.1:30080/').catch((error: unknown) => failures.push(String(error)));
    }
  })();
  await cluster.kubectl.succeed(['set', 'env', 'deployment/web', 'VERSION=v2']);
  await rolledOut();
  assert.match(await fetchText('http://192.0.2.1:30080/'), / v2$/);
  await cluster.kubectl.succeed(['rollout', 'undo', 'deployment/web']);
  await rolledOut();
  stop.now = true;
  await asking;
  assert.match(await fetchText('http://192.0.2.1:30080/'), / v1$/);
  assert.deepEqual(failures, []);
  assert.ok(asked > 5, `${asked} requests`);
  assert.match(await cluster.kubectl.succeed(['rollout', 'history', 'deployment/web']), /\n2 .*\n3 /);
});

test('a deleted pod is replaced, and a killed container restarts in place', async () => {
  const [victim] = await pods();
  assert.ok(victim);
  await cluster.kubectl.succeed(['delete', 'pod', victim.metadata.name]);
  await rolledOut();
  const now = (await pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined);
  assert.equal(now.length, 2);
  assert.ok(now.every((pod) => pod.metadata.uid !== victim.metadata.uid));

  const [survivor] = now;
  assert.ok(survivor);
  const id = survivor.status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';
  await succeed('ctr', ['--address=/run/proa/containerd/containerd.sock', '--namespace=k8s.io', 'tasks', 'kill', '--signal=SIGKILL', id]);
  await cluster.kubectl.succeed([
    'wait',
    `pod/${survivor.metadata.name}`,
    '--for=jsonpath={.status.containerStatuses[0].restartCount}=1',
    '--timeout=60s',
  ]);
  await cluster.kubectl.succeed(['wait', `pod/${survivor.metadata.name}`, '--for=condition=Ready', '--timeout=60s']);
});

test('the cluster process killed outright comes back by itself, with every write, and no container restarts', async () => {
  const before = new Map((await pods()).map((pod) => [pod.metadata.uid, pod.status.containerStatuses?.[0]?.containerID]));
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const name = `kept-${round}`;
    await cluster.kubectl.succeed(['create', 'configmap', name]);
    acknowledged.push(name);
    const { pid } = JSON.parse(readFileSync('/run/proa/progress.json', 'utf8')) as { readonly pid: number };
    process.kill(pid, 'SIGKILL');
    for (;;) {
      const answer = await cluster.kubectl.run(['get', '--raw=/readyz']);
      if (answer.code === 0) break;
    }
  }
  for (const name of acknowledged) await cluster.kubectl.succeed(['get', 'configmap', name]);
  await cluster.kubectl.succeed(['wait', 'node/boat', '--for=condition=Ready', '--timeout=60s']);
  await cluster.kubectl.succeed(['wait', 'pod', '-l', 'app=web', '--for=condition=Ready', '--timeout=60s']);
  assert.deepEqual(new Map((await pods()).map((pod) => [pod.metadata.uid, pod.status.containerStatuses?.[0]?.containerID])), before);
});

test('deleting the Deployment takes its pods, and deleting a namespace all that is in it', async () => {
  await cluster.kubectl.succeed(['delete', 'deployment', 'web', '--cascade=foreground', '--timeout=60s']);
  assert.equal((await pods()).length, 0);
  await cluster.kubectl.succeed(['create', 'namespace', 'shop']);
  await cluster.kubectl.succeed(['create', 'configmap', 'prices', '-n', 'shop']);
  await cluster.kubectl.succeed(['delete', 'namespace', 'shop', '--timeout=60s']);
  assert.equal((await cluster.kubectl.run(['get', 'namespace', 'shop'])).code, 1);
});

test('proa reset leaves nothing behind', async () => {
  await cluster.proa('reset', '--yes');
  assert.doesNotMatch(await succeed('ip', ['-brief', 'address']), /cni0|veth/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /proa\/containerd|kubelet\/pods/);
});
