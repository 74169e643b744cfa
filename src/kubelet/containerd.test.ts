// The kubelet with a real containerd, real mounts and real cgroups.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { configmaps, events, nodes, pods, secrets, serviceaccounts } from '#api/resources.ts';
import type { Pod, PodSpec, VolumeMount } from '#api/types.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { fakeClient } from '#client/testing.ts';
import { connectCri } from '#cri/client.ts';
import { importImage } from '#cri/image/import.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { buildHostImage } from '#cri/testing/host-image.ts';
import { startContainerd } from '#test/harness/containerd.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { CgroupHierarchy, detectLayout } from './cgroups/hierarchy.ts';
import { containerdImageMounter } from './images/containerd-image-mounter.ts';
import { createKubelet, type Kubelet } from './kubelet.ts';
import { container, pod } from './testing/pods.ts';
import { IMAGE, stateOf } from './testing/world.ts';
import { systemMounter } from './volumes/mounter.ts';
import { bindSubpath, cleanSubpaths, makeSubpathDirectory, SubpathError } from './volumes/subpath.ts';

const owner = { after };
const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
const target = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
const programs = ['sh', 'sleep', 'cat', 'echo', 'env', 'id', 'ls', 'hostname', 'mount', 'true', 'grep', 'cut', 'ln'];
await importImage(await buildHostImage({ name: IMAGE, folder: join(temporaryFolder(owner), 'image'), programs }), target);
// Pods have a network of their own only where there is one to have: a bridge with an address for each.
writeFileSync(
  join(containerd.cniConfigFolder, '10-test.conflist'),
  JSON.stringify({
    cniVersion: '0.4.0',
    name: 'test',
    plugins: [
      {
        type: 'bridge',
        bridge: 'test0',
        isGateway: true,
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]], dataDir: temporaryFolder(owner) },
      },
    ],
  }),
);

after(() => cri.close());

/** Real milliseconds after which what should come about does not. */
const PATIENCE_MS = 60_000;

async function until(condition: () => boolean, what = condition.toString()): Promise<void> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  while (!condition()) {
    if (systemClock.monotonic() > deadline) throw new Error(`this did not come about: ${what}`);
    await new Promise<void>((resolve) => systemClock.after(5, resolve));
  }
}

/** `disk`: a filesystem of its own for the kubelet's folder, of that size. */
async function startNode(t: TestContext, { disk }: { readonly disk?: string } = {}) {
  const { client, server } = fakeClient({ clock: systemClock, ids: randomIds });
  const warnings: string[] = [];
  const logger = createLogger((level, message, { error }) => {
    if (level === 'warn') warnings.push(`${message}: ${String(error)}`);
  });
  const folder = temporaryFolder(t);
  if (disk !== undefined) {
    const root = join(folder, 'root');
    mkdirSync(root);
    await systemMounter.mount({ source: 'tmpfs', target: root, type: 'tmpfs', options: [`size=${disk}`] });
    defer(t, () => systemMounter.unmount(root));
  }
  const begin = async (): Promise<{ readonly kubelet: Kubelet; readonly stop: () => Promise<void> }> => {
    const informers = createInformerFactory({ client, logger: silentLogger, clock: systemClock, ids: randomIds });
    const stopping = new AbortController();
    const kubelet = createKubelet({
      client,
      informers,
      cri,
      clock: systemClock,
      ids: randomIds,
      logger,
      config: {
        nodeName: 'node',
        nodeIPs: ['10.244.0.1'],
        rootDir: join(folder, 'root'),
        podLogsDir: join(folder, 'logs'),
        containerLogsDir: join(folder, 'links'),
        clusterDNS: ['10.96.0.10'],
        clusterDomain: 'cluster.local',
        resolvConf: '',
        evictionHard: {},
      },
      imageMounter: containerdImageMounter({ address: containerd.socket }),
    });
    const ready = kubelet.start();
    informers.start(stopping.signal);
    await ready;
    return {
      kubelet,
      async stop() {
        await kubelet.stop();
        stopping.abort(new Error('the test ends'));
      },
    };
  };
  let current = await begin();
  const find = (name: string): Pod => {
    const found = server.stored(pods).find(({ metadata }) => metadata.name === name);
    if (found === undefined) throw new Error(`the API has no pod ${name}`);
    return found;
  };
  const world = {
    client,
    server,
    folder,
    pod: find,
    kubelet: () => current.kubelet,
    told: (name: string) =>
      server
        .stored(events)
        .filter(({ involvedObject }) => involvedObject.name === name)
        .map(({ reason, message }) => `${reason} ${message}`),
    warned: (words: RegExp) => warnings.some((each) => words.test(each)),
    run(name: string, spec: Partial<PodSpec>, more: Parameters<typeof pod>[0] = {}): void {
      server.seed(pods, pod({ name, uid: `${name}-${randomIds.suffix(8)}`, spec: { terminationGracePeriodSeconds: 2, ...spec }, ...more }));
    },
    /** What the container wrote to its log so far. */
    log(name: string, containerName = 'app', attempt = 0): string {
      const { metadata } = find(name);
      const path = join(folder, 'logs', `${metadata.namespace}_${name}_${metadata.uid}`, containerName, `${attempt}.log`);
      if (!existsSync(path)) return '';
      return readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line.split(' ').slice(3).join(' '))
        .join('\n');
    },
    async restart() {
      await current.stop();
      current = await begin();
    },
  };
  defer(t, async () => {
    for (const { metadata } of server.stored(pods)) server.erase(pods, metadata.name, metadata.namespace);
    const podFolders = join(folder, 'root', 'pods');
    try {
      await until(() => current.kubelet.view.pods().length === 0 && (!existsSync(podFolders) || readdirSync(podFolders).length === 0));
      assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);
    } finally {
      await current.stop();
    }
  });
  await until(
    () => server.stored(nodes)[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true,
  );
  return world;
}

const shell = (script: string): Parameters<typeof container>[1] => ({ command: ['sh', '-c', script] });
const FOREVER = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

test('a pod has an address, a name, hosts, a resolver, its environment and its log', async (t) => {
  const world = await startNode(t);
  const env = [
    { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'GREETING', value: 'hello $(IP)' },
  ];
  const script = `echo "$GREETING"; hostname; cat /etc/hosts; cat /etc/resolv.conf; ${FOREVER}`;
  world.run('web', {
    hostname: 'front',
    subdomain: 'team',
    hostAliases: [{ ip: '192.0.2.9', hostnames: ['alias'] }],
    containers: [container('app', { ...shell(script), env })],
  });
  await until(() => world.pod('web').status.phase === 'Running' && world.log('web').includes('ndots:5'));
  const { podIP } = world.pod('web').status;
  const log = world.log('web');
  assert.match(podIP ?? '', /^10\.244\.0\.\d+$/);
  for (const line of [
    `hello ${podIP}`,
    'front',
    `${podIP}\tfront.team.default.svc.cluster.local\tfront`,
    '192.0.2.9\talias',
    'nameserver 10.96.0.10',
    'search default.svc.cluster.local svc.cluster.local cluster.local',
  ]) {
    assert.ok(log.split('\n').includes(line), `${line} is not in ${log}`);
  }
  assert.equal(readdirSync(join(world.folder, 'links')).length, 1);
});

test('volumes carry ConfigMaps, Secrets, tokens and the pod itself, with modes and groups', async (t) => {
  const world = await startNode(t);
  await world.client.create(configmaps, { metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'blue' } });
  await world.client.create(secrets, {
    metadata: { name: 'keys', namespace: 'default' },
    data: { key: Buffer.from('s3cret').toString('base64') },
  });
  world.server.react({ resource: serviceaccounts.resource, subresource: 'token' }, () => ({
    status: { token: 'tok', expirationTimestamp: new Date(systemClock.now() + 3_600_000).toISOString() },
  }));
  const volumes: PodSpec['volumes'] = [
    { name: 'c', configMap: { name: 'settings', defaultMode: 0o644 } },
    { name: 's', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'scratch', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
    {
      name: 'all',
      projected: {
        defaultMode: 0o644,
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      },
    },
  ];
  const volumeMounts = (volumes ?? []).map(({ name }) => ({ name, mountPath: `/v/${name}` }));
  const script =
    'id -G; cat /v/c/colour; echo; cat /v/s/key; echo; cat /v/all/token /v/all/labels; echo; echo x > /v/scratch/f; ls -ln /v/scratch/f; grep /v/memory /proc/mounts; echo done; ' +
    FOREVER;
  world.run(
    'web',
    { volumes, securityContext: { runAsUser: 1000, fsGroup: 2000 }, containers: [container('app', { ...shell(script), volumeMounts })] },
    { labels: { app: 'x' } },
  );
  await until(() => world.log('web').includes('done'));
  const lines = world.log('web').split('\n');
  assert.deepEqual(lines.slice(0, 4), ['0 2000', 'blue', 's3cret', 'tokapp="x"']);
  assert.match(lines[4] ?? '', /^-rw-r--r--\S* 1 1000 2000 2 /);
  assert.match(lines[5] ?? '', /^tmpfs \/v\/memory tmpfs .*size=8192k/);
  const { uid } = world.pod('web').metadata;
  const mounted = (await systemMounter.list()).filter(({ path }) => path.includes(uid));
  assert.deepEqual(new Set(mounted.map(({ path }) => path.split('/').at(-1))), new Set(['all', 'memory', 's']));

  world.server.change(configmaps, 'settings', 'default', (current) => ({ ...current, data: { colour: 'green' } }));
  const file = join(world.folder, 'root', 'pods', uid, 'volumes', 'kubernetes.io~configmap', 'c', 'colour');
  await until(() => readFileSync(file, 'utf8') === 'green');

  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await until(() => world.server.stored(pods).length === 0 && !existsSync(join(world.folder, 'root', 'pods', uid)));
  assert.deepEqual(
    (await systemMounter.list()).filter(({ path }) => path.includes(uid)),
    [],
  );
});

test('a pod has a cgroup of its own with its limits, which goes with it', async (t) => {
  const world = await startNode(t);
  const resources = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
  world.run('web', { containers: [container('app', { ...shell(FOREVER), resources })] }, { status: { qosClass: 'Burstable' } });
  await until(() => world.pod('web').status.phase === 'Running');
  const hierarchy = new CgroupHierarchy(detectLayout(readFileSync('/proc/self/mountinfo', 'utf8')));
  const name = `/kubepods/burstable/pod${world.pod('web').metadata.uid}`;
  const limit = hierarchy.layout.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
  assert.equal((await hierarchy.read('memory', name, limit)).trim(), String(64 * 2 ** 20));
  assert.equal((await hierarchy.children(name)).size > 0, true);
  const change = { requests: { cpu: '200m', memory: '32Mi' }, limits: { cpu: '400m', memory: '96Mi' } };
  world.server.change(pods, 'web', 'default', (current) => ({
    ...current,
    spec: { ...current.spec, containers: [{ ...(current.spec.containers[0] as PodSpec['containers'][number]), resources: change }] },
  }));
  await until(() => world.pod('web').status.containerStatuses?.[0]?.allocatedResources?.['cpu'] === '200m');
  await until(() => world.pod('web').status.conditions?.some(({ type }) => type === 'PodResizeInProgress') !== true);
  assert.equal((await hierarchy.read('memory', name, limit)).trim(), String(96 * 2 ** 20));
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await until(() => world.server.stored(pods).length === 0);
  assert.equal(await hierarchy.exists(name), false);
});

test('a container that is out of memory is shown as such, and last words are kept', async (t) => {
  const world = await startNode(t);
  world.run('words', { restartPolicy: 'Never', containers: [container('app', shell('echo -n goodbye > /dev/termination-log; exit 3'))] });
  await until(() => world.pod('words').status.phase === 'Failed');
  const ended = world.pod('words').status.containerStatuses?.[0]?.state.terminated;
  assert.deepEqual([ended?.exitCode, ended?.reason, ended?.message], [3, 'Error', 'goodbye']);
  world.run('log', {
    restartPolicy: 'Never',
    containers: [container('app', { ...shell('echo from the log; exit 4'), terminationMessagePolicy: 'FallbackToLogsOnError' })],
  });
  await until(() => world.pod('log').status.phase === 'Failed');
  assert.equal(world.pod('log').status.containerStatuses?.[0]?.state.terminated?.message, 'from the log\n');
});

test('exec probes and hooks run in the container', async (t) => {
  const world = await startNode(t);
  const check = (command: string): NonNullable<PodSpec['containers'][number]['readinessProbe']> => ({
    exec: { command: ['sh', '-c', command] },
    timeoutSeconds: 1,
    periodSeconds: 1,
    successThreshold: 1,
    failureThreshold: 1,
  });
  const lifecycle = {
    postStart: { exec: { command: ['sh', '-c', 'echo begun > /tmp/begun'] } },
    preStop: { exec: { command: ['sh', '-c', 'echo stopping > /proc/1/fd/1'] } },
  };
  world.run('web', { containers: [container('app', { ...shell(FOREVER), readinessProbe: check('cat /tmp/begun'), lifecycle })] });
  await until(() => world.pod('web').status.containerStatuses?.[0]?.ready === true);
  const { uid } = world.pod('web').metadata;
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  const log = join(world.folder, 'logs', `default_web_${uid}`, 'app', '0.log');
  await until(() => !existsSync(log) || readFileSync(log, 'utf8').includes('stopping'));
  await until(() => world.server.stored(pods).length === 0);
});

test('a liveness probe that times out restarts the container', async (t) => {
  const world = await startNode(t);
  const livenessProbe = {
    exec: { command: ['sleep', '30'] },
    timeoutSeconds: 1,
    periodSeconds: 1,
    successThreshold: 1,
    failureThreshold: 1,
  };
  world.run('web', { containers: [container('app', { ...shell(FOREVER), livenessProbe })] });
  await until(() => (world.pod('web').status.containerStatuses?.[0]?.restartCount ?? 0) > 0);
  assert.ok(world.told('web').includes('Unhealthy Liveness probe failed: command "sleep 30" timed out'));
});

test('a kubelet that was restarted adopts its containers, and containerd may go and come back', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const before = world.pod('web').status.containerStatuses;
  await world.restart();
  await containerd.kill();
  await containerd.restart();
  await cri.ready();
  await until(() => world.kubelet().view.problems().length === 0);
  world.run('next', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('next').status.phase === 'Running');
  assert.deepEqual(world.pod('web').status.containerStatuses, before);
});

test('a process that is killed from outside is restarted', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const id = (world.pod('web').status.containerStatuses?.[0]?.containerID ?? '').slice('containerd://'.length);
  await containerd.ctr(['tasks', 'kill', '--signal', 'SIGKILL', id]);
  await until(() => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1 && stateOf(world.pod('web')) === 'running');
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.lastState.terminated?.exitCode, 137);
});

test('init containers, a sidecar and a job run in order to the end', async (t) => {
  const world = await startNode(t);
  const volumes = [{ name: 'v', emptyDir: {} }];
  const volumeMounts = [{ name: 'v', mountPath: '/v' }];
  const step = (name: string, script: string, more: Parameters<typeof container>[1] = {}): ReturnType<typeof container> =>
    container(name, { ...shell(script), volumeMounts, ...more });
  world.run('job', {
    restartPolicy: 'Never',
    volumes,
    initContainers: [step('first', 'echo first >> /v/log'), step('side', `echo side >> /v/log; ${FOREVER}`, { restartPolicy: 'Always' })],
    containers: [step('app', 'echo app >> /v/log; cat /v/log')],
  });
  await until(() => world.pod('job').status.phase === 'Succeeded');
  assert.equal(world.log('job').trim(), 'first\nside\napp');
});

test('subPath mounts a part of a volume, and links out of it are refused', async (t) => {
  const world = await startNode(t);
  const mount = (mountPath: string, subPath = ''): VolumeMount => ({ name: 'v', mountPath, subPath });
  world.run('web', {
    volumes: [{ name: 'v', emptyDir: {} }],
    initContainers: [container('plant', { ...shell('ln -s / /v/escape'), volumeMounts: [mount('/v')] })],
    containers: [
      container('app', { ...shell(`echo inside > /part/f; cat /part/f; ${FOREVER}`), volumeMounts: [mount('/part', 'deep/er')] }),
      container('out', { ...shell(FOREVER), volumeMounts: [mount('/part', 'escape/etc')] }),
    ],
  });
  await until(() => world.log('web').includes('inside') && stateOf(world.pod('web'), 'out') === 'waiting CreateContainerConfigError');
  const volume = join(world.folder, 'root', 'pods', world.pod('web').metadata.uid, 'volumes', 'kubernetes.io~empty-dir', 'v');
  assert.equal(readFileSync(join(volume, 'deep/er/f'), 'utf8'), 'inside\n');
  const told = 'Failed Error: failed to prepare subPath for volumeMount "v" of container "out"';
  await until(() => world.told('web').includes(told), told);
});

test('bindSubpath refuses what lies outside of the volume', async (t) => {
  const folder = temporaryFolder(t);
  const volume = join(folder, 'volume');
  mkdirSync(join(volume, 'in'), { recursive: true });
  mkdirSync(join(folder, 'outside'));
  symlinkSync('/', join(volume, 'root'));
  symlinkSync('../outside', join(volume, 'up'));
  symlinkSync('in', join(volume, 'ok'));
  const request = { volumePath: volume, subpaths: join(folder, 'subpaths'), volumeName: 'v', containerName: 'c', index: 0 };
  defer(t, () => cleanSubpaths(request.subpaths, systemMounter));
  for (const subPath of ['root', 'root/etc', 'up']) await assert.rejects(bindSubpath({ ...request, subPath }, systemMounter), SubpathError);
  for (const subPath of ['root/made', 'up/made']) await assert.rejects(makeSubpathDirectory(volume, subPath, 0o755), SubpathError);
  assert.equal(existsSync(join(folder, 'outside', 'made')), false);
  const bound = await bindSubpath({ ...request, subPath: 'ok' }, systemMounter);
  writeFileSync(join(bound, 'f'), 'x');
  assert.equal(readFileSync(join(volume, 'in', 'f'), 'utf8'), 'x');
  await makeSubpathDirectory(volume, 'new/deep', 0o2770);
  assert.equal(statSync(join(volume, 'new', 'deep')).mode & 0o7777, 0o2770);
  await cleanSubpaths(request.subpaths, systemMounter);
  assert.equal(existsSync(join(volume, 'in', 'f')), true);
  assert.equal(existsSync(request.subpaths), false);
});

test('an ephemeral container joins a running pod', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const debug = { ...container('debug', shell('cat /proc/1/cmdline | cut -c 1-2; echo seen')), targetContainerName: 'app' };
  world.server.change(pods, 'web', 'default', (current) => ({ ...current, spec: { ...current.spec, ephemeralContainers: [debug] } }));
  await until(() => stateOf(world.pod('web'), 'debug') === 'terminated Completed 0');
  assert.match(world.log('web', 'debug'), /seen/);
  assert.equal(world.pod('web').status.phase, 'Running');
});

test('figures of pods come from the runtime', async (t) => {
  const world = await startNode(t);
  world.run('web', { containers: [container('app', shell(FOREVER))] });
  await until(() => world.pod('web').status.phase === 'Running');
  const { pods: summaries } = await world.kubelet().view.summary();
  const [app] = summaries[0]?.containers ?? [];
  assert.equal(app?.name, 'app');
  assert.ok((app?.memory?.workingSetBytes ?? 0) > 0 && (app?.cpu?.usageCoreNanoSeconds ?? 0) > 0);
});

test('an image volume shows the files of an image, read-only, and leaves nothing behind', async (t) => {
  const world = await startNode(t);
  world.run('web', {
    volumes: [{ name: 'files', image: { reference: IMAGE, pullPolicy: 'IfNotPresent' } }],
    containers: [
      container('app', {
        ...shell(`ls /files/bin/ls /part/ls; touch /files/x 2>/dev/null || echo refused; ${FOREVER}`),
        volumeMounts: [
          { name: 'files', mountPath: '/files' },
          { name: 'files', mountPath: '/part', subPath: 'bin' },
        ],
      }),
    ],
  });
  await until(() => world.log('web').includes('refused'));
  assert.match(world.log('web'), /^\/files\/bin\/ls\n\/part\/ls\nrefused/);
  const snapshots = async (): Promise<boolean> => (await containerd.ctr(['snapshots', 'ls'])).includes(world.folder);
  assert.equal(await snapshots(), true);
  const { uid } = world.pod('web').metadata;
  await world.restart();
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  world.server.erase(pods, 'web', 'default');
  await until(() => !existsSync(join(world.folder, 'root', 'pods', uid)));
  assert.equal(await snapshots(), false);
});

test('a disk without room holds up what needs some, leaves what runs alone, and is told; room heals it', async (t) => {
  const world = await startNode(t, { disk: '4m' });
  const data = { much: 'x'.repeat(500_000) };
  const volumes: PodSpec['volumes'] = [{ name: 'c', configMap: { name: 'large', defaultMode: 0o644 } }];
  const volumeMounts = [{ name: 'c', mountPath: '/c' }];
  await world.client.create(configmaps, { metadata: { name: 'large', namespace: 'default' }, data: { much: 'first' } });
  world.run('before', { volumes, containers: [container('app', { ...shell(FOREVER), volumeMounts })] });
  await until(() => world.pod('before').status.phase === 'Running');
  const filler = join(world.folder, 'root', 'filler');
  const space = Buffer.alloc(64 << 10);
  const out = openSync(filler, 'w');
  assert.throws(() => {
    for (;;) writeSync(out, space);
  }, /ENOSPC/);
  closeSync(out);
  world.server.change(configmaps, 'large', 'default', (current) => ({ ...current, data }));
  world.run('after', { volumes, containers: [container('app', { ...shell(`cat /c/much | cut -c 1-3; ${FOREVER}`), volumeMounts })] });
  await until(() => world.told('after').some((event) => /^FailedMount .*ENOSPC/.test(event)), 'FailedMount for want of space');
  await until(() => world.told('before').some((event) => /^FailedMount .*ENOSPC/.test(event)), 'the same for the pod that runs');
  const file = (name: string): string =>
    join(world.folder, 'root', 'pods', world.pod(name).metadata.uid, 'volumes', 'kubernetes.io~configmap', 'c', 'much');
  assert.equal(readFileSync(file('before'), 'utf8'), 'first');
  const leftOver = (): number => readdirSync(dirname(file('before'))).filter((name) => /^\.\.\d/.test(name)).length;
  await until(() => leftOver() === 1, 'no part of what could not be written stays');
  assert.equal(stateOf(world.pod('before')), 'running');
  rmSync(filler);
  await until(() => world.log('after').startsWith('xxx'));
  await until(() => readFileSync(file('before'), 'utf8') === data.much);
  assert.equal(world.pod('before').status.containerStatuses?.[0]?.restartCount, 0);
});

test('a volume that cannot be unmounted keeps its pod until it can', async (t) => {
  const world = await startNode(t);
  const volumeMounts = [{ name: 'memory', mountPath: '/v' }];
  world.run('web', {
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }],
    containers: [container('app', { ...shell(`echo kept > /v/file; ${FOREVER}`), volumeMounts })],
  });
  const { uid } = world.pod('web').metadata;
  const file = join(world.folder, 'root', 'pods', uid, 'volumes', 'kubernetes.io~empty-dir', 'memory', 'file');
  await until(() => existsSync(file));
  const held = openSync(file, 'r');
  let closed = false;
  const release = (): void => {
    if (!closed) closeSync(held);
    closed = true;
  };
  defer(t, release);
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await until(() => stateOf(world.pod('web')).startsWith('terminated'));
  await until(() => world.warned(/target is busy/), 'the unmount is refused');
  assert.equal(readFileSync(file, 'utf8'), 'kept\n');
  release();
  await until(() => world.server.stored(pods).length === 0 && !existsSync(join(world.folder, 'root', 'pods', uid)));
});
