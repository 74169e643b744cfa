// Several nodes of one machine: pods on each of them, and traffic between them by address, by Service and by name.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { succeed } from '../harness/command.ts';

interface PodView {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly podIP: string };
}

/** Answers with the node it runs on. */
const SERVER = `require('http').createServer((q, r) => r.end(process.env.NODE)).listen(8080)`;

const MANIFEST = JSON.stringify({
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            terminationGracePeriodSeconds: 1,
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
                ],
              },
            },
            containers: [
              {
                name: 'web',
                image: 'example.test/web:1',
                imagePullPolicy: 'Never',
                command: ['node', '-e', SERVER],
                env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
                readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
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
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] },
    },
  ],
});

const cluster = await startCluster({ after }, ['--nodes', '2']);
await cluster.importImage({ name: 'example.test/web:1', programs: ['node', 'sh', 'cat'] });
await cluster.kubectl.succeed(['apply', '-f', '-'], { input: MANIFEST });
await cluster.kubectl.succeed(['rollout', 'status', 'deployment/web', '--timeout=120s']);
const { items: pods } = await cluster.kubectl.json<{ readonly items: readonly PodView[] }>(['get', 'pods', '-l', 'app=web']);

const fetchIn = (pod: PodView, url: string): Promise<string> =>
  cluster.kubectl.succeed([
    'exec',
    pod.metadata.name,
    '--',
    'node',
    '-e',
    `fetch(${JSON.stringify(url)}).then((r) => r.text()).then((t) => process.stdout.write(t))`,
  ]);

test('both nodes are Ready and each has a pod network of its own', async () => {
  const { items } = await cluster.kubectl.json<{ readonly items: readonly { readonly spec: { readonly podCIDR: string } }[] }>([
    'get',
    'nodes',
  ]);
  assert.equal(new Set(items.map(({ spec }) => spec.podCIDR)).size, 2);
  assert.deepEqual(new Set(pods.map(({ spec }) => spec.nodeName)), new Set(['boat', 'boat-2']));
});

test('pods of both nodes reach each other by address, by Service and by name', async () => {
  for (const from of pods) {
    for (const to of pods) assert.equal(await fetchIn(from, `http://${to.status.podIP}:8080/`), to.spec.nodeName);
    const seen = new Set<string>();
    for (let i = 0; i < 16 && seen.size < 2; i++) seen.add(await fetchIn(from, 'http://web.default.svc.cluster.local/'));
    assert.deepEqual(seen, new Set(['boat', 'boat-2']));
  }
});

test('a node port leads to pods of both nodes, from every pod and at every node', async () => {
  const addresses = await cluster.kubectl.succeed([
    'get',
    'nodes',
    '--output=jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}',
  ]);
  for (const from of pods) {
    for (const address of addresses.split(' ')) {
      const seen = new Set<string>();
      for (let i = 0; i < 16 && seen.size < 2; i++) seen.add(await fetchIn(from, `http://${address}:30080/`));
      assert.deepEqual(seen, new Set(['boat', 'boat-2']), `${from.spec.nodeName} asks ${address}`);
    }
  }
});

test('logs and commands reach a pod of the further node, over its own serving certificate', async () => {
  const [far] = pods.filter(({ spec }) => spec.nodeName === 'boat-2');
  assert.ok(far);
  assert.match(await cluster.kubectl.succeed(['exec', far.metadata.name, '--', 'cat', '/etc/hosts']), /# Kubernetes-managed hosts file/);
  assert.equal(await cluster.kubectl.succeed(['logs', far.metadata.name]), '');
});

test('a further node joined by token and request, and what runs on it may no more than it needs', async () => {
  for (const user of ['system:coredns', 'system:pod-network', 'system:kube-proxy'])
    assert.match((await cluster.kubectl.run(['auth', 'can-i', 'list', 'secrets', '-A', `--as=${user}`])).stdout, /^no/);
  const requests = await cluster.kubectl.succeed(['get', 'csr']);
  assert.match(requests, /kubelet-serving +system:node:boat-2 .*Approved,Issued/);
  assert.match(requests, /kube-apiserver-client-kubelet +system:bootstrap:\w+ .*Approved,Issued/);
});

test('proa reset takes all nodes away', async () => {
  await cluster.proa('reset', '--yes');
  assert.doesNotMatch(await succeed('ip', ['-brief', 'address']), /cni0|veth|proa/);
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /containerd|kubelet\/pods|netns\/proa/);
  assert.deepEqual(
    readdirSync('/run/netns').filter((name) => name.startsWith('proa') || name.startsWith('cni')),
    [],
  );
});
