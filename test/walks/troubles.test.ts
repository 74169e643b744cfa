// A cluster that runs, in bad circumstances: a second start, no descriptors, a full disk, another address, certificates that a jump of the clock
// made worthless, a state that cannot be read; and the reset that works all the same.
import { MACHINE, PROA, ROUTER, startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import { ManualClock, systemClock, wait } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { loadKubeconfig } from '#client/kubeconfig/load-kubeconfig.ts';
import { serverLeaves } from '#cluster/pki/inventory.ts';
import { Pki } from '#cluster/pki/store.ts';
import { run, start, succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { defer, type Owner } from '../harness/scope.ts';
import { temporaryFolder } from '../harness/temp.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

interface PodView {
  readonly status: { readonly containerStatuses: readonly { readonly containerID: string; readonly restartCount: number }[] };
}

interface NodeView {
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  };
}

/** A disk of the cluster's own, in memory: made smaller it is full, made larger it has room again. */
const file = { after };
const disk = temporaryFolder(file);
await succeed('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'disk', disk]);
defer(file, async () => void (await succeed('umount', [disk])));
const dataDir = join(disk, 'data');
const cluster = await startCluster(file, [], { dataDir });
const { kubectl } = cluster;
await cluster.importImage({ name: 'example.test/tools:1', programs: ['sh', 'sleep'] });
// Critical, so that no disk pressure evicts it.
const overrides = JSON.stringify({ spec: { priorityClassName: 'system-node-critical', tolerations: [{ operator: 'Exists' }] } });
await kubectl.succeed([
  'run',
  'lasting',
  '--image=example.test/tools:1',
  '--image-pull-policy=Never',
  `--overrides=${overrides}`,
  '--',
  'sleep',
  '100000',
]);
await kubectl.succeed(['wait', 'pod/lasting', '--for=condition=Ready', '--timeout=60s']);

test('a second proa up says that the cluster runs, and is content', async () => {
  assert.match(
    await cluster.proa('up', '--yes'),
    /^The cluster is already running\. Stop it with \S*proa down, look at it with \S*proa status\.\n$/,
  );
});

test('proa up with other settings says that the cluster does not have them', async () => {
  const told = async (...flags: readonly string[]): Promise<string> =>
    (await run(PROA, ['up', '--yes', ...flags, `--data-dir=${dataDir}`])).stderr;
  assert.match(
    await told('--nodes=3', '--log-level=debug'),
    /^proa: --nodes 3: the cluster runs with 1; \S*proa down first, then this command again\n--log-level debug: the cluster runs with info; [^\n]*\n$/,
  );
  assert.match(await told('--pod-cidr=10.9.0.0/16'), /^proa: --pod-cidr 10\.9\.0\.0\/16: .* which cannot be changed later; [^\n]*\n$/);
});

test('proa image import names a file that is no archive', async () => {
  const { code, stderr } = await run(PROA, ['image', 'import', '/etc/passwd', `--data-dir=${dataDir}`]);
  assert.equal(code, 1);
  assert.match(stderr, /^proa: \/etc\/passwd cannot be imported: it is no archive of OCI or Docker images, or damaged \([^\n]*\)\n$/);
});

test('of several proa up at the same moment one starts the cluster, and the others say who does', async () => {
  await cluster.proa('down');
  const all = await Promise.all([1, 2, 3].map(() => run(PROA, ['up', '--yes', `--data-dir=${dataDir}`])));
  const [winner, ...others] = all.toSorted((a, b) => a.code - b.code);
  assert.deepEqual([winner?.code, winner?.stderr], [0, '']);
  assert.match(winner?.stdout ?? '', /node ready .*[^]*kubectl is set up/);
  for (const { code, stdout, stderr } of others) {
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^proa: (proa up \(process \d+\)|another command of Proa) is at work on the cluster in \S+: wait for it to end, or end it\n$/,
    );
  }
  await kubectl.succeed(['wait', 'pod/lasting', '--for=condition=Ready', '--timeout=60s']);
});

test('a proa up that was killed half way holds nobody up: the next one waits for what it began', async (t) => {
  await cluster.proa('down');
  const first = start(t, PROA, ['up', '--yes', `--data-dir=${dataDir}`]);
  await first.line(/certificates/);
  await first.stop('SIGKILL');
  assert.match(await cluster.proa('up', '--yes'), /node ready .*[^]*kubectl is set up|^The cluster is already running/);
  await kubectl.succeed(['wait', 'pod/lasting', '--for=condition=Ready', '--timeout=60s']);
});

test('an image that cannot be pulled is told by the pod, its events and proa why', async () => {
  await kubectl.succeed(['run', 'lost', '--image=nowhere.test/lost:1']);
  await kubectl.succeed([
    'wait',
    'pod/lost',
    '--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff',
    '--timeout=60s',
  ]);
  const events = kubectl.start(['get', 'events', '--watch', '--field-selector=involvedObject.name=lost']);
  for (const told of [
    /Failed to pull image "nowhere\.test\/lost:1"/,
    /Error: ErrImagePull/,
    /Back-off pulling image "nowhere\.test\/lost:1"/,
  ])
    await events.line(told);
  await events.stop();
  assert.match(await cluster.proa('why', 'pod/lost'), /image nowhere\.test\/lost:1 of container lost cannot be pulled/);
  await kubectl.succeed(['delete', 'pod', 'lost', '--now']);
});

/** Pid of Proa's own containerd. */
const containerd = (): number =>
  (JSON.parse(readFileSync('/run/proa/containerd/proa-containerd.json', 'utf8')) as { readonly pid: number }).pid;

/** What the cluster process writes to its log from now on. */
const follow = (owner: Owner) => start(owner, 'tail', ['-n', '0', '-F', join(dataDir, 'log', 'proa.log')]);

const lives = async (): Promise<unknown> => {
  const [container] = (await kubectl.json<PodView>(['get', 'pod', 'lasting'])).status.containerStatuses;
  return [container?.containerID, container?.restartCount];
};

test('a containerd that hangs makes the node NotReady in upstream words, and Ready again when it goes on', async () => {
  const before = await lives();
  const pid = containerd();
  process.kill(pid, 'SIGSTOP');
  await kubectl.succeed(['wait', 'node/boat', '--for=condition=Ready=false', '--timeout=120s']);
  const { status } = await kubectl.json<NodeView>(['get', 'node', 'boat']);
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  assert.deepEqual([ready?.reason, ready?.message], ['KubeletNotReady', 'container runtime is down']);
  assert.match(
    await cluster.proa('status'),
    new RegExp(
      String.raw`^runtime +containerd \(process ${pid}\) does not answer: end it with kill -9 ${pid}, Proa starts it again and its containers run on\nnode +boat not ready$`,
      'm',
    ),
  );
  process.kill(pid, 'SIGCONT');
  await kubectl.succeed(['wait', 'node/boat', '--for=condition=Ready', '--timeout=120s']);
  assert.deepEqual([containerd(), await lives()], [pid, before]);
  assert.match(await cluster.proa('status'), /^runtime +ok\nnode +boat ready$/m);
});

test('a containerd that hangs and is killed comes back, and pods start again', async () => {
  const before = await lives();
  const pid = containerd();
  process.kill(pid, 'SIGSTOP');
  await kubectl.succeed(['run', 'late', '--image=example.test/tools:1', '--image-pull-policy=Never', '--', 'sleep', '100000']);
  await kubectl.succeed(['wait', 'pod/late', '--for=condition=PodScheduled', '--timeout=60s']);
  process.kill(pid, 'SIGKILL');
  await kubectl.succeed(['wait', 'pod/late', '--for=condition=Ready', '--timeout=120s']);
  assert.notEqual(containerd(), pid);
  assert.deepEqual(await lives(), before);
  await kubectl.succeed(['delete', 'pod', 'late', '--now']);
});

test('proa up starts a containerd anew that hangs since before', async () => {
  const before = await lives();
  const pid = containerd();
  await cluster.proa('down');
  process.kill(pid, 'SIGSTOP');
  assert.match(await cluster.proa('up', '--yes'), /node ready/);
  assert.notEqual(containerd(), pid);
  await kubectl.succeed(['wait', 'pod/lasting', '--for=condition=Ready', '--timeout=60s']);
  assert.deepEqual(await lives(), before);
});

test('a disk that runs full costs a refusal, no acknowledged write, and nothing once there is room again', async (t) => {
  const { https } = loadKubeconfig({ clock: systemClock, logger: silentLogger, env: {}, stdin: 'none' }, { path: cluster.kubeconfig });
  const transport = httpsTransport(https);
  defer(t, () => transport.close());
  const client = createClient(transport);
  const acknowledged: string[] = [];
  const write = async (name: string): Promise<void> => {
    await client.create(configmaps, { metadata: { name, namespace: 'default' }, data: { filling: 'x'.repeat(100_000) } });
    acknowledged.push(name);
  };
  await write('before');
  const { blocks, bfree, bsize } = statfsSync(disk);
  await resize(`${Math.ceil(((blocks - bfree) * bsize) / 1024) + 1024}k`);
  defer(t, async () => void (await resize('2g')));
  let refusal: unknown;
  for (let n = 0; refusal === undefined; n++) await write(`full-${n}`).catch((error: unknown) => (refusal = error));
  assert.ok(isStatusError(refusal, 'ServiceUnavailable'), String(refusal));
  assert.match(refusal.message, /^storage is unavailable: .*ENOSPC/);
  assert.match(await kubectl.succeed(['get', 'configmap', 'before', '-o', 'name']), /before/); // reads go on

  await resize('2g');
  let written = false;
  while (!written) {
    written = await write('after').then(
      () => true,
      async (error: unknown) => {
        if (!isStatusError(error, 'ServiceUnavailable')) throw error;
        await keepAlive(wait(systemClock, 20));
        return false;
      },
    );
  }
  const { pid } = JSON.parse(readFileSync('/run/proa/progress.json', 'utf8')) as { readonly pid: number };
  process.kill(pid, 'SIGKILL');
  await cluster.proa('down');
  await cluster.proa('up', '--yes');
  const stored = new Set((await client.list(configmaps, { namespace: 'default' })).items.map(({ metadata }) => metadata.name));
  assert.deepEqual(
    acknowledged.filter((name) => !stored.has(name)),
    [],
  );
  await kubectl.succeed(['wait', 'pod/lasting', '--for=condition=Ready', '--timeout=60s']);
});

const resize = (size: string): Promise<string> => succeed('mount', ['-o', `remount,size=${size}`, disk]);

test('after the clock jumped, certificates that ended or are not valid yet are made anew at the next start', async () => {
  await cluster.proa('down');
  const subjects = { nodeName: 'boat', nodeIP: '192.0.2.1', serviceIP: '10.96.0.1', clusterDomain: 'cluster.local', extraNames: [] };
  const leaves = serverLeaves(subjects);
  const pki = join(dataDir, 'pki');
  for (const [file, aheadMs] of [
    ['apiserver', 300 * DAY_MS],
    ['admin', -400 * DAY_MS],
  ] as const) {
    const leaf = leaves.find((each) => each.file === file);
    assert.ok(leaf !== undefined);
    const then = new Pki(pki, { clock: new ManualClock(systemClock.now() + aheadMs), ids: randomIds });
    await then.ensureLeaf({ ...leaf, request: { ...leaf.request, organizations: ['of another time'] } });
    await then.ensureLeaf(leaf);
  }
  await cluster.proa('up', '--yes');
  assert.equal(await kubectl.succeed(['get', 'configmap', 'before', '-o', 'name']), 'configmap/before\n');
});

test('a cluster process that finds no file descriptor left lives on, and does all again when there are some', async (t) => {
  const process = (): number => (JSON.parse(readFileSync('/run/proa/progress.json', 'utf8')) as { readonly pid: number }).pid;
  const pid = process();
  const [, soft = ''] = /Max open files +(\d+)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  const limit = async (to: string): Promise<void> => void (await succeed('prlimit', ['--pid', String(pid), `--nofile=${to}:`]));
  const log = follow(t);
  defer(t, () => limit(soft));
  await limit('0');
  await succeed('nft', ['flush', 'ruleset']); // a reason to start programs
  for (const told of [/"component":"proxy".*nft EMFILE/, /"component":"network".*EMFILE/, /"component":"kubelet".*EMFILE/])
    await log.line(told);
  await limit(soft);
  await eventually(async () => assert.match(await succeed('nft', ['list', 'tables']), /kube-proxy/));
  await kubectl.succeed(['run', 'thereafter', '--image=example.test/tools:1', '--image-pull-policy=Never', '--', 'sleep', '100000']);
  await kubectl.succeed(['wait', 'pod/thereafter', '--for=condition=Ready', '--timeout=60s']);
  await kubectl.succeed(['delete', 'pod', 'thereafter', '--now']);
  assert.equal(process(), pid);
});

test('a machine that was given another address is reached there from the next start on', async (t) => {
  const give = async (address: string): Promise<void> => {
    await succeed('ip', ['address', 'flush', 'dev', 'wan']);
    await succeed('ip', ['address', 'add', `${address}/24`, 'dev', 'wan']);
    await succeed('ip', ['route', 'replace', 'default', 'via', ROUTER]);
  };
  const told = async (): Promise<unknown> => ({
    node: (await kubectl.succeed(['get', 'node', 'boat', '-o', 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'])).trim(),
    server: (await kubectl.succeed(['get', 'endpoints', 'kubernetes', '-o', 'jsonpath={.subsets[*].addresses[*].ip}'])).trim(),
    shown: (await kubectl.succeed(['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}'])).trim(),
    exec: await kubectl.succeed(['exec', 'lasting', '--', 'sh', '-c', 'echo here']), // by the kubelet's own address and certificate
  });
  const at = (address: string) => ({ node: address, server: address, shown: `https://${address}:6443`, exec: 'here\n' });
  const before = await lives();
  defer(t, () => give(MACHINE));
  for (const address of ['192.0.2.7', MACHINE]) {
    await cluster.proa('down');
    await give(address);
    await cluster.proa('up', '--yes');
    await eventually(async () => assert.deepEqual(await told(), at(address)));
  }
  assert.deepEqual(await lives(), before);
});

test('a state of another version is refused and stays whole', async () => {
  await cluster.proa('down');
  const version = join(dataDir, 'version');
  const ours = readFileSync(version, 'utf8');
  writeFileSync(version, '99\n');
  const { code, stderr } = await run(PROA, ['up', '--yes', `--data-dir=${dataDir}`]);
  assert.deepEqual([code, stderr.split('\n').length], [1, 2]);
  assert.match(stderr, /^proa: \S+ was written by state version 99, .*: run the Proa it came from, or delete the state with proa reset$/m);
  writeFileSync(version, ours);
  await cluster.proa('up', '--yes');
  assert.equal(await kubectl.succeed(['get', 'configmap', 'before', '-o', 'name']), 'configmap/before\n');
  await kubectl.succeed(['wait', 'pod/lasting', '--for=condition=Ready', '--timeout=60s']);
});

test('proa reset takes a running pod away though settings are damaged and containerd is dead and does not start', async () => {
  await cluster.proa('down');
  writeFileSync(join(dataDir, 'settings.json'), '{"port":');
  process.kill(containerd(), 'SIGKILL');
  const dead = temporaryFolder(file);
  writeFileSync(join(dead, 'containerd'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const env = { ...process.env, PATH: `${dead}:${process.env.PATH}` };
  const { code, stderr } = await run(PROA, ['reset', '--yes', `--data-dir=${dataDir}`], { env });
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^proa: the settings of the cluster cannot be read; going by the defaults\nproa: containerd cannot help \(.*\); its containers are ended without it\n$/,
  );
  assert.deepEqual(readdirSync(disk), []);
  assert.doesNotMatch(await succeed('ip', ['-brief', 'address']), /cni0|veth/);
  assert.equal(await succeed('ip', ['netns', 'list']), '');
  assert.equal(await succeed('nft', ['list', 'ruleset']), '');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /proa\/containerd|kubelet\/pods/);
  assert.doesNotMatch(await succeed('ps', ['ax', '-o', 'args']), /containerd-shim|^sleep 100000/m);
});
