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
import { askingPod } from '../harness/asking-pod.ts';
import { run, succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
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
    readonly containerStatuses?: readonly ContainerView[];
  };
}

interface ContainerView {
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

interface ContainerState {
  readonly waiting?: { readonly reason: string; readonly message: string };
  readonly running?: { readonly startedAt: string };
  readonly terminated?: { readonly exitCode: number; readonly reason: string; readonly finishedAt: string; readonly containerID: string };
}

interface EventView {
  readonly type: string;
  readonly message: string;
  readonly source: { readonly component: string };
  readonly involvedObject: { readonly fieldPath: string };
}

/** Answers with its own name and its image's version; told to end it first serves those who have not heard of it yet. */
const SERVER = `require('http').createServer((q, r) => r.end(process.env.HOSTNAME + ' ' + process.env.VERSION)).listen(8080, () => console.log('serving ' + process.env.VERSION));
process.once('SIGTERM', () => setTimeout(process.exit, 3000))`;

const manifest = (replicas: number): string =>
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
              containers: [
                {
                  name: 'web',
                  image: 'example.test/web:1',
                  imagePullPolicy: 'Never',
                  command: ['node', '-e', SERVER],
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

const cluster = await startCluster({ after }, [], { killed: true });
for (const version of ['1', '2'])
  await cluster.importImage({
    name: `example.test/web:${version}`,
    programs: ['node', 'sh', 'sleep', 'cat', 'kill'],
    config: { env: { PATH: '/bin', VERSION: `v${version}` } },
  });

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
  await cluster.kubectl.succeed(['apply', '-f', '-'], { input: manifest(2) });
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

test('a new image rolls out and is undone, and neither a pod that asks by name nor the node by its port is ever refused', async () => {
  const client = await askingPod(cluster.kubectl, { name: 'client', image: 'example.test/web:1', url: 'http://web/' });
  const failures: string[] = [];
  let asked = 0;
  const stop = { now: false };
  const asking = (async () => {
    while (!stop.now) {
      asked++;
      await fetchText('http://192.0.2.1:30080/').catch((error: unknown) => failures.push(String(error)));
    }
  })();
  const rollsTo = async (version: string, ...command: readonly string[]): Promise<void> => {
    await cluster.kubectl.succeed([...command]);
    await rolledOut();
    await eventually(async () => assert.match(await client.hears(), new RegExp(`^web-\\S+ ${version}$`)));
  };
  await rollsTo('v2', 'set', 'image', 'deployment/web', 'web=example.test/web:2');
  await rollsTo('v1', 'rollout', 'undo', 'deployment/web');
  stop.now = true;
  await asking;
  const told = await client.stop();
  assert.deepEqual([failures, told.failures], [[], []]);
  // Two pods of each of three ReplicaSets' lives were there to answer, and the last two were heard of.
  const versions = told.answers.map((answer) => answer.split(' ')[1]);
  assert.deepEqual(new Set(versions), new Set(['v1', 'v2']));
  assert.ok(told.answers.length >= 4, told.answers.join(', '));
  assert.ok(asked > 5 && told.asked > 50, `${asked} and ${told.asked} requests`);
  assert.match(await cluster.kubectl.succeed(['rollout', 'history', 'deployment/web']), /\n2 .*\n3 /);
});

test('a deleted pod is replaced', async () => {
  const [victim] = await pods();
  assert.ok(victim);
  await cluster.kubectl.succeed(['delete', 'pod', victim.metadata.name]);
  await rolledOut();
  const now = (await pods()).filter((pod) => pod.metadata.deletionTimestamp === undefined);
  assert.equal(now.length, 2);
  assert.ok(now.every((pod) => pod.metadata.uid !== victim.metadata.uid));
});

test('a killed container restarts in place: at once, then each time later, and says so', async () => {
  const victim = (await pods()).find(({ metadata }) => metadata.deletionTimestamp === undefined);
  assert.ok(victim);
  const { name, uid } = victim.metadata;
  const container = async (): Promise<ContainerView> => {
    const { status } = await cluster.kubectl.json<PodView>(['get', 'pod', name]);
    const [only] = status.containerStatuses ?? [];
    assert.ok(only);
    return only;
  };
  const waitFor = (what: string): Promise<string> => cluster.kubectl.succeed(['wait', `pod/${name}`, `--for=${what}`, '--timeout=120s']);
  const killed = async (): Promise<void> => {
    const id = (await container()).containerID?.replace('containerd://', '') ?? '';
    await succeed('ctr', ['--address=/run/proa/containerd/containerd.sock', '--namespace=k8s.io', 'tasks', 'kill', '--signal=SIGKILL', id]);
  };
  const running = async (restarts: number): Promise<void> => {
    await waitFor(`jsonpath={.status.containerStatuses[0].restartCount}=${restarts}`);
    await waitFor('condition=Ready');
  };
  const first = await container();
  await killed();
  await running(1);
  const { lastState, containerID } = await container();
  assert.deepEqual(
    [lastState?.terminated?.exitCode, lastState?.terminated?.reason, lastState?.terminated?.containerID],
    [137, 'Error', first.containerID],
  );
  assert.notEqual(containerID, first.containerID);

  for (const [restarts, seconds] of [
    [2, 10],
    [3, 20],
  ] as const) {
    await killed();
    await waitFor('jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff');
    const waiting = await container();
    assert.equal(waiting.state?.waiting?.message, `back-off ${seconds}s restarting failed container=web pod=${name}_default(${uid})`);
    assert.deepEqual([waiting.ready, waiting.restartCount], [false, restarts - 1]);
    assert.match(
      await cluster.kubectl.succeed(['get', 'pod', name]),
      new RegExp(String.raw`\n${name} +0/1 +CrashLoopBackOff +${restarts - 1} \(\d+s ago\) `),
    );
    await waitFor('condition=Ready=false');
    await running(restarts);
    const again = await container();
    const died = Date.parse(again.lastState?.terminated?.finishedAt ?? '');
    assert.ok(Date.parse(again.state?.running?.startedAt ?? '') - died >= seconds * 1000, JSON.stringify(again));
  }
  const backOff = await cluster.kubectl.json<{ readonly items: readonly EventView[] }>([
    'get',
    'events',
    `--field-selector=involvedObject.uid=${uid},reason=BackOff`,
  ]);
  assert.deepEqual(
    backOff.items.map(({ type, message, source, involvedObject }) => [type, message, source.component, involvedObject.fieldPath]),
    [['Warning', `Back-off restarting failed container web in pod ${name}_default(${uid})`, 'kubelet', 'spec.containers{web}']],
  );
  assert.match(
    await cluster.kubectl.succeed(['describe', 'pod', name]),
    /Last State: +Terminated\n +Reason: +Error\n +Exit Code: +137[^]*Restart Count: +3[^]*Warning +BackOff .*kubelet .*Back-off restarting failed container web in pod /,
  );
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
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /proa\/containerd|kubelet\/pods|run\/netns/);
});

test('proa agent names a server that does not answer, in one line', async () => {
  const token = `K10${'0'.repeat(64)}::abcdef.0123456789abcdef`;
  const data = temporaryFolder({ after });
  const { code, stderr } = await run(PROA, ['agent', '--server=https://127.0.0.1:1', `--token=${token}`, `--data-dir=${data}`]);
  assert.equal(code, 1);
  assert.match(stderr, /^proa: https:\/\/127\.0\.0\.1:1 cannot be reached: .*$/m);
});
