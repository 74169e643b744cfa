// A machine on another network joins by token: pods of both reach each other through the tunnel, Services and names work
// on both, and it comes back under another address. What may not join is told why.
import { onAnyDisk, connectMachine, PROA, startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { join } from 'node:path';
import { randomIds } from '#base/ids.ts';
import { systemClock } from '#base/clock.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { networkpolicies, nodes, services } from '#api/resources.ts';
import type { NetworkPolicy, NetworkPolicySpec, New, Node, Service } from '#api/types.ts';
import { waitFor } from '#client/wait-for.ts';
import { type Running, succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { networkNamespace } from '../harness/netns.ts';
import { addressOf, type AgentPod, importAgentImage, startAgents } from '../harness/network-agent.ts';
import { podSet } from '../harness/pods.ts';
import { defer } from '../harness/scope.ts';
import { temporaryFolder } from '../harness/temp.ts';

const owner = { after };
const [BOAT, INLAND, ELSEWHERE] = ['192.0.2.1', '198.51.100.7', '198.51.100.8'] as const;
/** Of every link between the machines. Bytes. */
const MTU = 1_400;

await connectMachine();
const router = await networkNamespace(owner);
const inland = await networkNamespace(owner);
await succeed('ip', ['link', 'set', 'router', 'netns', router.name]);
await router.succeed('ip', ['link', 'add', 'shore', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inland.name]);
await router.succeed('ip', ['address', 'add', '192.0.2.254/24', 'dev', 'router']);
await router.succeed('ip', ['address', 'add', '198.51.100.254/24', 'dev', 'shore']);
await inland.succeed('ip', ['address', 'add', `${INLAND}/24`, 'dev', 'eth0']);
for (const link of ['router', 'shore']) await router.succeed('ip', ['link', 'set', link, 'mtu', String(MTU), 'up']);
await inland.succeed('ip', ['link', 'set', 'eth0', 'mtu', String(MTU), 'up']);
await succeed('ip', ['link', 'set', 'wan', 'mtu', String(MTU)]);
await router.succeed('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
await inland.succeed('ip', ['route', 'add', 'default', 'via', '198.51.100.254']);

const cluster = await startCluster(owner, [], { connect: false });
const archive = await importAgentImage(cluster);
const pods = await podSet(owner, cluster, 'sea');
const { client: api, namespace } = pods;
const server = `--server=https://${BOAT}:6443`;
const newToken = async (...flags: readonly string[]): Promise<string> => (await cluster.proa('token', 'create', ...flags)).trim();

const folder = temporaryFolder(owner);
const place = [`--data-dir=${join(folder, 'data')}`, `--run-dir=${join(folder, 'run')}`];
defer(owner, async () => void (await inland.run(PROA, ['reset', '--yes', ...place])));
const joinAs = (nodeIP: string, ...more: readonly string[]): Running =>
  inland.start(PROA, [
    'agent',
    server,
    '--node-name=inland',
    `--node-ip=${nodeIP}`,
    '--cgroup-root=/inland',
    onAnyDisk(folder),
    ...place,
    ...more,
  ]);
const inlandIs = (until: (node: Node) => boolean): Promise<unknown> =>
  waitFor(
    api,
    nodes,
    { name: 'inland' },
    { until: (node) => node !== undefined && until(node), timeoutMs: 120_000, clock: systemClock, ids: randomIds },
  );
const isReady = ({ status }: Node): boolean => isConditionTrue(status.conditions, 'Ready');

const [elder] = (await startAgents(pods, [{ name: 'elder', node: 'boat', labels: { role: 'friend' } }])) as [AgentPod];
let joined = joinAs(INLAND, `--token=${await newToken()}`);
await joined.line(/the node agent runs/);
await inland.succeed(PROA, ['image', 'import', archive, ...place]);
await inlandIs(isReady);
const [near, far, farNode] = (await startAgents(pods, [
  { name: 'near', node: 'boat', labels: { app: 'web' } },
  { name: 'far', node: 'inland', labels: { app: 'web' } },
  { name: 'far-node', node: 'inland', spec: { hostNetwork: true } },
])) as [AgentPod, AgentPod, AgentPod];
const web = await pods.create(services, {
  metadata: { name: 'web' },
  spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
} as New<Service>);
const [{ nodePort } = {}] = web.spec.ports ?? [];

/** Whichever machine a client is on, and however it asks. */
async function allWorks(inlandIP: string): Promise<void> {
  for (const from of [elder, near, far]) {
    for (const to of [near, far])
      await eventually(async () =>
        assert.deepEqual([await from.ask(`http://${to.ip}:8080/client`), await from.udp(to.ip, 8081)], [[from.ip], [to.name]]),
      );
    for (const host of [web.spec.clusterIP, `web.${namespace}`, `${BOAT}:${nodePort}`, `${inlandIP}:${nodePort}`])
      await eventually(async () =>
        assert.deepEqual(
          new Set(await from.ask(`http://${host}/hostname`, { times: 20 })),
          new Set(['near', 'far']),
          `${from.name} asks ${host}`,
        ),
      );
  }
}

test('pods of both networks reach each other under their own addresses, through Services and by name', () => allWorks(INLAND));

test('the machine with the control plane has that role and no taint, the one that joined has neither', async () => {
  const { items } = await api.list(nodes);
  const told = items.map(({ metadata, spec }) => [metadata.name, metadata.labels?.['node-role.kubernetes.io/control-plane'], spec.taints]);
  assert.deepEqual(told, [
    ['boat', '', undefined],
    ['inland', undefined, undefined],
  ]);
});

test('what a pod sends fits through the tunnel, also from a pod that is older than the tunnel', async () => {
  const mtuOf = async (pod: AgentPod): Promise<number> => Number(await pod.get('/file?path=/sys/class/net/eth0/mtu'));
  assert.deepEqual([await mtuOf(elder), await mtuOf(near), await mtuOf(far)], [MTU, MTU - 50, MTU - 50]);
  for (const [from, to] of [
    [near, far],
    [far, near],
    [far, elder],
    [elder, far],
  ] as const) {
    const [text = ''] = await from.ask(`http://${to.ip}:8080/bytes?count=300000`);
    assert.equal(text.length, 300_000, `${to.name} to ${from.name}`);
  }
});

test('each node reaches the pods of the other', async () => {
  assert.equal(await far.get('/hostname'), 'far');
  assert.deepEqual(await farNode.ask(`http://${near.ip}:8080/hostname`), ['near']);
});

test('logs and commands reach the machine that joined, by certificates it asked for', async () => {
  assert.match(
    await cluster.kubectl.succeed(['exec', '-n', namespace, 'far', '--', 'cat', '/etc/hosts']),
    /# Kubernetes-managed hosts file/,
  );
  assert.match(await pods.logs('far'), /^ready /);
  const requests = await cluster.kubectl.succeed(['get', 'csr']);
  assert.match(requests, /kubelet-serving +system:node:inland .*Approved,Issued/);
  assert.match(requests, /kube-apiserver-client-kubelet +system:bootstrap:\w+ .*Approved,Issued/);
});

describe('what may not join is told why in one line, and ends with 1:', { concurrency: true }, async () => {
  const token = await newToken();
  const expired = await newToken('--ttl=1ms');
  /** Each takes one of its own: all at once they look whether it is free. */
  let freePort = 10_260;
  for (const [what, flags, says] of [
    ['no token', [], /^proa: this machine has not joined yet: give --token, made by proa token create on the server$/],
    ['what is no token', ['--token=secret'], /^proa: --token is no join token /],
    [
      'a token nobody made',
      [`--token=${token.replace(/\w{16}$/, '0'.repeat(16))}`],
      /^proa: the token is not known or has expired: make a new one/,
    ],
    ['a token that has expired', [`--token=${expired}`], /^proa: the token is not known or has expired: make a new one/],
    [
      'a token of another cluster',
      [`--token=${token.replace(/K10\w{64}/, `K10${'0'.repeat(64)}`)}`],
      /^proa: https:.* has another certificate authority than the token was made for/,
    ],
    [
      'the name of another machine',
      [`--token=${token}`, '--node-name=boat'],
      /^proa: another machine is node boat and Ready: choose another name with --node-name/,
    ],
  ] as const) {
    const port = freePort++;
    test(what, async (t) => {
      const folder = temporaryFolder(t);
      const own = [`--data-dir=${join(folder, 'data')}`, `--run-dir=${join(folder, 'run')}`, `--kubelet-port=${port}`];
      const { code, stderr } = await inland.run(PROA, ['agent', server, '--node-name=stranger', `--node-ip=${INLAND}`, ...own, ...flags]);
      assert.equal(code, 1, stderr);
      assert.match(stderr.trimEnd(), says);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});

test('a NetworkPolicy holds on both machines and in both directions, for as long as it is there', async () => {
  const allow = (name: string, spec: New<NetworkPolicySpec>): Promise<unknown> =>
    pods.create(networkpolicies, { metadata: { name }, spec } as New<NetworkPolicy>);
  const [isWeb, isFriend] = [{ matchLabels: { app: 'web' } }, { matchLabels: { role: 'friend' } }];
  const is = (from: AgentPod, host: string, answer: string): Promise<void> =>
    eventually(async () => assert.deepEqual(await from.ask(`http://${host}/hostname`), [answer], `${from.name} asks ${host}`));
  const service = web.spec.clusterIP ?? '';

  await allow('none-in', { podSelector: isWeb, policyTypes: ['Ingress'] });
  await Promise.all([
    is(elder, `${near.ip}:8080`, 'TIMEOUT'),
    is(elder, `${far.ip}:8080`, 'TIMEOUT'),
    is(near, `${far.ip}:8080`, 'TIMEOUT'),
    is(elder, service, 'TIMEOUT'),
  ]);
  assert.deepEqual(await elder.udp(far.ip, 8081), ['TIMEOUT']);
  assert.equal(await near.get('/hostname'), 'near', 'a node reaches its own pods');
  await is(near, `${elder.ip}:8080`, 'elder');

  await allow('friends-in', {
    podSelector: isWeb,
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: isFriend }], ports: [{ protocol: 'TCP', port: 8000, endPort: 8080 }] }],
  });
  await Promise.all([is(elder, `${near.ip}:8080`, 'near'), is(elder, `${far.ip}:8080`, 'far')]);
  await Promise.all([is(elder, `${far.ip}:8081`, 'TIMEOUT'), is(near, `${far.ip}:8080`, 'TIMEOUT')]);
  await eventually(async () =>
    assert.deepEqual(new Set(await elder.ask(`http://${service}/hostname`, { times: 20 })), new Set(['near', 'far'])),
  );

  const all = '0.0.0.0/0';
  await allow('friends-out', {
    podSelector: isFriend,
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr: all, except: [`${near.ip}/32`, `${BOAT}/32`] } }] }],
  });
  await eventually(async () => assert.deepEqual(await elder.ask(`http://${BOAT}:10256/healthz`), ['TIMEOUT'], 'nor its own node'));
  await Promise.all([is(elder, `${near.ip}:8080`, 'TIMEOUT'), is(elder, `${far.ip}:8080`, 'far')]);
  assert.equal(await elder.lookup('web'), service, 'its own node answers it');
  await is(near, `${elder.ip}:8080`, 'elder');

  await api.deleteCollection(networkpolicies, { namespace });
  await allWorks(INLAND);
});

test('a machine that comes back under another address goes on: its pods ran all the time', async () => {
  const { containerStatuses } = far.pod.status;
  await joined.stop('SIGTERM');
  assert.deepEqual(await near.ask(`http://${far.ip}:8080/hostname`), ['far'], 'nobody needs the agent for what runs');
  await inland.succeed('ip', ['address', 'del', `${INLAND}/24`, 'dev', 'eth0']);
  await inland.succeed('ip', ['address', 'add', `${ELSEWHERE}/24`, 'dev', 'eth0']);
  await inland.succeed('ip', ['route', 'add', 'default', 'via', '198.51.100.254']);
  joined = joinAs(ELSEWHERE);
  await joined.line(/the node agent runs/);
  await inlandIs((node) => addressOf(node) === ELSEWHERE && isReady(node));
  await allWorks(ELSEWHERE);
  await eventually(async () => assert.match(await pods.logs('far'), /^ready /));
  assert.deepEqual((await pods.until('far', () => true)).status.containerStatuses, containerStatuses);
});
