// One Deployment all the way: from kubectl over every component to packets that are answered, and back to nothing.
import { PROA, startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { run, succeed } from '../harness/command.ts';
import { defer } from '../harness/scope.ts';
import { temporaryFolder } from '../harness/temp.ts';
import { insist } from '../resilience/watchers.ts';

/** At once, while the cluster process is killed. */
const WRITERS = 4;

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

test('the cluster process killed ten times under writes comes back by itself, with every write, and no container restarts', async (t) => {
  const containers = async (): Promise<ReadonlyMap<string, string | undefined>> =>
    new Map((await pods()).map((pod) => [pod.metadata.uid, pod.status.containerStatuses?.[0]?.containerID]));
  const before = await containers();
  const acknowledged: string[] = [];
  const written = new EventEmitter();
  const stop = { now: false };
  const writer = async (number: number): Promise<void> => {
    const { https } = loadKubeconfig({ clock: systemClock, logger: silentLogger, env: {}, stdin: 'none' }, { path: cluster.kubeconfig });
    const transport = httpsTransport(https);
    defer(t, () => transport.close());
    const client = createClient(transport);
    for (let n = 0; !stop.now; n++) {
      const name = `kept-${number}-${n}`;
      await insist(() =>
        client.create(configmaps, { metadata: { name, namespace: 'default' } }).catch((error: unknown) => {
          if (!isStatusError(error, 'AlreadyExists')) throw error; // the answer to an earlier attempt was lost
        }),
      );
      acknowledged.push(name);
      written.emit('one');
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, i) => writer(i)));
  const killed = new Set<number>();
  for (let round = 0; round < 10; round++) {
    for (const enough = acknowledged.length + 10 * WRITERS; acknowledged.length < enough;) await once(written, 'one');
    const { pid } = JSON.parse(readFileSync('/run/proa/progress.json', 'utf8')) as { readonly pid: number };
    process.kill(pid, 'SIGKILL');
    killed.add(pid);
  }
  for (const enough = acknowledged.length + 10 * WRITERS; acknowledged.length < enough;) await once(written, 'one');
  stop.now = true;
  await writing;
  assert.equal(killed.size, 10);
  const { items } = await cluster.kubectl.json<{ readonly items: readonly { readonly metadata: { readonly name: string } }[] }>([
    'get',
    'configmaps',
  ]);
  const stored = new Set(items.map(({ metadata }) => metadata.name));
  assert.deepEqual(
    acknowledged.filter((name) => !stored.has(name)),
    [],
  );
  await cluster.kubectl.succeed(['wait', 'node/boat', '--for=condition=Ready', '--timeout=60s']);
  await cluster.kubectl.succeed(['wait', 'pod', '-l', 'app=web', '--for=condition=Ready', '--timeout=60s']);
  assert.deepEqual(await containers(), before);
});

test('deleting the Deployment takes its pods, and deleting a namespace all that is in it', async () => {
  await cluster.kubectl.succeed(['delete', 'deployment', 'web', '--cascade=foreground', '--timeout=60s']);
  assert.equal((await pods()).length, 0);
  await cluster.kubectl.succeed(['create', 'namespace', 'shop']);
  await cluster.kubectl.succeed(['create', 'configmap', 'prices', '-n', 'shop']);
  await cluster.kubectl.succeed(['delete', 'namespace', 'shop', '--timeout=60s']);
  assert.equal((await cluster.kubectl.run(['get', 'namespace', 'shop'])).code, 1);
});

test('proa status tells of the cluster and its nodes', async () => {
  assert.match(await cluster.proa('status'), /^cluster +ready\n[^]*^node +boat ready$/m);
});

test('proa reset leaves nothing behind', async () => {
  await cluster.kubectl.succeed(['run', 'last', '--image=example.test/web:1', '--image-pull-policy=Never', '--', 'sleep', '1000']);
  await cluster.kubectl.succeed(['wait', 'pod/last', '--for=condition=Ready', '--timeout=60s']);
  const logs = (): readonly string[] => ['pods', 'containers'].flatMap((folder) => readdirSync(`/var/log/${folder}`));
  assert.equal(logs().filter((name) => name.includes('last')).length, 2);
  await cluster.proa('reset', '--yes');
  assert.deepEqual(
    logs().filter((name) => name.includes('last')),
    [],
  );
  assert.doesNotMatch(await succeed('ip', ['-brief', 'address']), /cni0|veth/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /proa\/containerd|kubelet\/pods/);
});

test('proa agent names a server that does not answer, in one line', async () => {
  const token = `K10${'0'.repeat(64)}::abcdef.0123456789abcdef`;
  const data = temporaryFolder({ after });
  const { code, stderr } = await run(PROA, ['agent', '--server=https://127.0.0.1:1', `--token=${token}`, `--data-dir=${data}`]);
  assert.equal(code, 1);
  assert.match(stderr, /^proa: https:\/\/127\.0\.0\.1:1 cannot be reached: .*$/m);
});
