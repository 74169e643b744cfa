// What happens in and around containers: how they end and what of it shows, hooks, probes, init containers, what programs are
// given and what they may do.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { configmaps, pods as podResource, secrets } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { podSet } from '../harness/pods.ts';
import { temporaryFolder } from '../harness/temp.ts';

type Spec = New<NonNullable<Pod['spec']>>;
type Container = NonNullable<Spec['containers']>[number];
type Probe = NonNullable<Container['livenessProbe']>;

const IMAGE = 'example.test/tools:1';
const tools = { image: IMAGE, imagePullPolicy: 'Never' } as const;
const sh = (script: string) => ({ ...tools, command: ['sh', '-c', script] });

/** Logs what it is asked; `/healthz` fails from the given second on; the port above answers gRPC health checks. */
const SERVER = `
const born = Date.now(), sick = Number(process.env.SICK_AFTER ?? 'Infinity') * 1000;
require('http').createServer((q, r) => {
  console.log(q.method + ' ' + q.url);
  r.writeHead(q.url === '/healthz' && Date.now() - born > sick ? 500 : 200).end('ok');
}).listen(8080);
require('http2').createServer().on('stream', (s) => {
  s.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' }));
  s.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
}).listen(8081);
process.on('SIGTERM', () => process.exit());`;
const server = { ...tools, command: ['node', '-e', SERVER] };

const cluster = await startCluster({ after });
const programs = [
  'sh',
  'sleep',
  'cat',
  'ls',
  'stat',
  'id',
  'grep',
  'wc',
  'echo',
  'test',
  'env',
  'node',
  'touch',
  'rm',
  'true',
  'false',
  'tail',
  'mkdir',
];
await cluster.importImage({ name: IMAGE, programs });
await cluster.importImage({
  name: 'example.test/defaults:1',
  programs: ['echo'],
  config: { entrypoint: ['echo', 'entrypoint'], cmd: ['default', 'arguments'] },
});
const pods = await podSet({ after }, cluster, 'containers');
const { namespace, client } = pods;

const once = (name: string, container: Container, spec: Spec = {}, metadata?: New<Pod['metadata']>) =>
  pods.run(name, { restartPolicy: 'Never', ...spec, containers: [{ name: 'main', ...container }] }, metadata);
const status = (pod: Pod) => pod.status.containerStatuses?.[0];
const condition = (pod: Pod, type: string) => pod.status.conditions?.find((each) => each.type === type);
const finished = (pod: Pod) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';

interface Case {
  readonly name: string;
  readonly container: Container;
  readonly spec?: Spec;
  readonly prints: string | RegExp;
}

/** Runs one pod a case to its end, and compares what each has printed. */
async function assertPrints(cases: readonly Case[]): Promise<void> {
  await Promise.all(cases.map(({ name, container, spec }) => once(name, container, spec)));
  const printed = await Promise.all(cases.map(async ({ name, prints }) => [name, await pods.output(name), prints] as const));
  const wrong = printed.filter(([, output, wanted]) => (typeof wanted === 'string' ? output !== wanted : !wanted.test(output)));
  assert.deepEqual(wrong, []);
}

describe('containers', { concurrency: true }, () => {
  test('a container that ends is started again as its pod says', async () => {
    const count = (then: string) => ({
      ...sh(`echo >> /count/file; n=$(wc -l < /count/file); ${then}`),
      volumeMounts: [{ name: 'count', mountPath: '/count' }],
    });
    const volumes = [{ name: 'count', emptyDir: {} }];
    await Promise.all([
      once('restart-always', count('test $n = 1 && exit 1; test $n = 2 && exit 0; sleep 3600'), { restartPolicy: 'Always', volumes }),
      once('restart-on-failure', count('test $n = 1 && exit 1; exit 0'), { restartPolicy: 'OnFailure', volumes }),
      once('restart-never', count('exit 1'), { volumes }),
    ]);
    const always = await pods.until('restart-always', (pod) => status(pod)?.restartCount === 2 && status(pod)?.ready === true);
    assert.equal(always.status.phase, 'Running');
    assert.ok(status(always)?.state?.running);
    const onFailure = await pods.until('restart-on-failure', finished);
    assert.deepEqual([onFailure.status.phase, status(onFailure)?.restartCount, status(onFailure)?.ready], ['Succeeded', 1, false]);
    const never = await pods.until('restart-never', finished);
    assert.deepEqual([never.status.phase, status(never)?.restartCount, status(never)?.state?.terminated?.reason], ['Failed', 0, 'Error']);
  });

  test('what a container leaves as its last words is in its status', async () => {
    const cases: readonly { readonly name: string; readonly container: Container; readonly message: string | undefined }[] = [
      {
        name: 'message-non-root',
        container: {
          ...sh('echo -n DONE > /dev/termination-custom-log'),
          terminationMessagePath: '/dev/termination-custom-log',
          securityContext: { runAsUser: 65534 },
        },
        message: 'DONE',
      },
      {
        name: 'message-of-logs',
        container: { ...sh('echo -n DONE; exit 1'), terminationMessagePolicy: 'FallbackToLogsOnError' },
        message: 'DONE',
      },
      {
        name: 'message-empty',
        container: { ...sh('echo DONE; exit 0'), terminationMessagePolicy: 'FallbackToLogsOnError' },
        message: undefined,
      },
      {
        name: 'message-of-file',
        container: { ...sh('echo -n OK > /dev/termination-log; echo DONE'), terminationMessagePolicy: 'FallbackToLogsOnError' },
        message: 'OK',
      },
    ];
    await Promise.all(cases.map(({ name, container }) => once(name, container)));
    for (const { name, message } of cases) {
      assert.equal(status(await pods.until(name, finished))?.state?.terminated?.message, message, name);
    }
  });

  test('a program gets the command, the arguments and the variables that its pod asks for', async () => {
    const data = { 'data-1': 'value-1', 'data-2': 'value-2' };
    await Promise.all([
      pods.create(configmaps, { metadata: { name: 'config' }, data }),
      pods.create(secrets, { metadata: { name: 'secret' }, stringData: data }),
    ]);
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const amount = (name: string, resource: string) => ({ name, valueFrom: { resourceFieldRef: { resource } } });
    const defaults = { image: 'example.test/defaults:1', imagePullPolicy: 'Never' } as const;
    const cases: readonly Case[] = [
      { name: 'defaults', container: defaults, prints: 'entrypoint default arguments\n' },
      { name: 'arguments', container: { ...defaults, args: ['other'] }, prints: 'entrypoint other\n' },
      { name: 'command', container: { ...defaults, command: ['echo', 'other'] }, prints: 'other\n' },
      { name: 'both', container: { ...defaults, command: ['echo', 'a'], args: ['b'] }, prints: 'a b\n' },
      {
        name: 'composed',
        container: {
          ...sh('echo $FOOBAR'),
          env: [
            { name: 'FOO', value: 'foo-value' },
            { name: 'BAR', value: 'bar-value' },
            { name: 'FOOBAR', value: '$(FOO);;$(BAR)' },
          ],
        },
        prints: 'foo-value;;bar-value\n',
      },
      {
        name: 'substituted-command',
        container: { ...tools, command: ['echo', '$(T)', '$$(T)', '$(NONE)'], env: [{ name: 'T', value: 'test-value' }] },
        prints: 'test-value $(T) $(NONE)\n',
      },
      {
        name: 'substituted-args',
        container: { ...tools, command: ['sh', '-c'], args: ['T=wrong echo "$(T)"'], env: [{ name: 'T', value: 'test-value' }] },
        prints: 'test-value\n',
      },
      {
        name: 'sources',
        container: {
          ...tools,
          command: ['env'],
          env: [
            { name: 'one', valueFrom: { configMapKeyRef: { name: 'config', key: 'data-1' } } },
            { name: 'two', valueFrom: { secretKeyRef: { name: 'secret', key: 'data-2' } } },
          ],
          envFrom: [
            { configMapRef: { name: 'config' }, prefix: 'p-' },
            { secretRef: { name: 'secret' }, prefix: 's-' },
            { configMapRef: { name: 'absent', optional: true } },
          ],
        },
        prints: /^(?=[^]*^one=value-1$)(?=[^]*^two=value-2$)(?=[^]*^p-data-1=value-1$)(?=[^]*^s-data-2=value-2$)/m,
      },
      {
        name: 'fields',
        container: {
          ...sh('echo $NAME $NAMESPACE $POD_IP $HOST_IP $HOST_IPS $POD_UID $NODE'),
          env: [
            field('NAME', 'metadata.name'),
            field('NAMESPACE', 'metadata.namespace'),
            field('POD_IP', 'status.podIP'),
            field('HOST_IP', 'status.hostIP'),
            field('HOST_IPS', 'status.hostIPs'),
            field('POD_UID', 'metadata.uid'),
            field('NODE', 'spec.nodeName'),
          ],
        },
        prints: /^fields containers 10\.244\.\S+ 192\.0\.2\.1 192\.0\.2\.1 [0-9a-f-]{36} boat\n$/,
      },
      {
        name: 'amounts',
        container: {
          ...sh('echo $A $B $C $D'),
          resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } },
          env: [amount('A', 'limits.cpu'), amount('B', 'limits.memory'), amount('C', 'requests.cpu'), amount('D', 'requests.memory')],
        },
        prints: '2 67108864 1 33554432\n',
      },
      {
        name: 'amounts-of-node',
        container: { ...sh('echo $A $B'), env: [amount('A', 'limits.cpu'), amount('B', 'limits.memory')] },
        prints: /^[1-9]\d* [1-9]\d{6,}\n$/,
      },
      {
        name: 'hosts',
        container: sh('cat /etc/hosts; cat /etc/hostname'),
        spec: { hostAliases: [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }], hostname: 'given', subdomain: 'below' },
        prints:
          /# Kubernetes-managed hosts file\.[^]*\tgiven\.below\.containers\.svc\.cluster\.local\tgiven\n[^]*# Entries added by HostAliases\.\n123\.45\.67\.89\tfoo\tbar\n(given\n)?$/,
      },
      {
        name: 'services',
        container: sh('echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT $KUBERNETES_PORT_443_TCP_PROTO'),
        prints: /^10\.\S+ 443 tcp\n$/,
      },
    ];
    await assertPrints(cases);
  });

  test('a program runs as the user, with the rights and the kernel settings that its pod asks for', async () => {
    const cases: readonly Case[] = [
      {
        name: 'user-of-container',
        container: { ...sh('id -u; id -g'), securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
        prints: '1001\n2002\n',
      },
      {
        name: 'user-of-pod',
        container: sh('id -u; id -g'),
        spec: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } },
        prints: '1001\n2002\n',
      },
      { name: 'nobody', container: { ...sh('id -u'), securityContext: { runAsUser: 65534, runAsNonRoot: true } }, prints: '65534\n' },
      {
        name: 'unprivileged',
        container: { ...sh('ls /dev/kmsg 2>&1; grep CapEff /proc/self/status'), securityContext: { privileged: false } },
        prints: /No such file[^]*CapEff:\t00000000a[0-9a-f]{7}\n$/,
      },
      {
        name: 'writable',
        container: { ...sh('echo x > /file && cat /file'), securityContext: { readOnlyRootFilesystem: false } },
        prints: 'x\n',
      },
      {
        name: 'read-only',
        container: { ...sh('{ echo x > /file; } 2>&1; test -e /file || echo none'), securityContext: { readOnlyRootFilesystem: true } },
        prints: /Read-only file system[^]*none\n$/,
      },
      {
        name: 'no-escalation',
        container: { ...sh('grep NoNewPrivs /proc/self/status'), securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false } },
        prints: 'NoNewPrivs:\t1\n',
      },
      {
        name: 'filtered',
        container: { ...sh('grep Seccomp: /proc/self/status'), securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
        prints: 'Seccomp:\t2\n',
      },
      {
        name: 'unfiltered',
        container: { ...sh('grep Seccomp: /proc/self/status'), securityContext: { seccompProfile: { type: 'Unconfined' } } },
        prints: 'Seccomp:\t0\n',
      },
      {
        name: 'one-right',
        container: { ...sh('grep CapEff /proc/self/status'), securityContext: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } } },
        prints: 'CapEff:\t0000000000001000\n',
      },
      {
        name: 'groups',
        container: sh('id -G'),
        spec: { securityContext: { supplementalGroups: [1234, 5678], fsGroup: 99 } },
        prints: '0 99 1234 5678\n',
      },
      {
        name: 'sysctls',
        container: sh('cat /proc/sys/kernel/shm_rmid_forced'),
        spec: { securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] } },
        prints: '1\n',
      },
    ];
    await Promise.all([
      assertPrints(cases),
      once('unsafe-sysctl', sh('true'), { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '10000000000' }] } }),
      once('strict-groups', sh('true'), { securityContext: { supplementalGroupsPolicy: 'Strict' } }),
      once('own-users', sh('true'), { hostUsers: false }),
      once('no-profile', { ...sh('true'), securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'none.json' } } }),
    ]);
    for (const [name, reason] of [
      ['unsafe-sysctl', 'SysctlForbidden'],
      ['strict-groups', 'SupplementalGroupsPolicyNotSupported'],
    ] as const) {
      const refused = await pods.until(name, finished);
      assert.deepEqual([refused.status.phase, refused.status.reason], ['Failed', reason]);
    }
    assert.match(await pods.told('own-users', 'FailedCreatePodSandBox'), /runtime does not support user namespaces/);
    assert.match(await pods.told('no-profile', 'Failed'), /cannot load seccomp profile/);
    await assert.rejects(
      once('invalid-sysctl', sh('true'), {
        securityContext: {
          sysctls: [
            { name: 'foo-', value: 'bar' },
            { name: 'safe-and-unsafe', value: '1' },
            { name: 'bar..', value: '42' },
          ],
        },
      }),
      /spec\.securityContext\.sysctls\[0\]\.name: Invalid value: "foo-"[^]*sysctls\[2\]\.name: Invalid value: "bar\.\."/,
    );
  });

  test('init containers run one after the other before all others, and a failure of one holds the rest', async () => {
    const init = (...scripts: string[]) => scripts.map((script, i) => ({ name: `init${i + 1}`, ...sh(script) }));
    const main = [{ name: 'run1', ...sh('sleep 3600'), resources: { limits: { cpu: '100m' } } }];
    await Promise.all([
      pods.run('init-never', {
        restartPolicy: 'Never',
        initContainers: init('true', 'true'),
        containers: [{ name: 'run1', ...sh('true') }],
      }),
      pods.run('init-always', { initContainers: init('true', 'true'), containers: main }),
      pods.run('init-fails-always', { initContainers: init('false', 'true'), containers: main }),
      pods.run('init-fails-never', { restartPolicy: 'Never', initContainers: init('true', 'false'), containers: main }),
    ]);
    for (const [name, phase] of [
      ['init-never', 'Succeeded'],
      ['init-always', 'Running'],
    ] as const) {
      const pod = await pods.until(name, (each) => each.status.phase === phase);
      assert.equal(condition(pod, 'Initialized')?.status, 'True');
      assert.deepEqual(
        pod.status.initContainerStatuses?.map((each) => [each.ready, each.state?.terminated?.exitCode]),
        [
          [true, 0],
          [true, 0],
        ],
      );
    }
    const failing = await pods.until('init-fails-always', (pod) => {
      for (const each of [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? []).slice(1)]) {
        assert.equal(each.state?.waiting?.reason, 'PodInitializing');
      }
      return (pod.status.initContainerStatuses?.[0]?.restartCount ?? 0) >= 2;
    });
    assert.equal(failing.status.phase, 'Pending');
    const { status: state, reason, message } = condition(failing, 'Initialized') ?? {};
    assert.deepEqual([state, reason, message], ['False', 'ContainersNotInitialized', 'containers with incomplete status: [init1 init2]']);

    const failed = await pods.until('init-fails-never', finished);
    assert.equal(failed.status.phase, 'Failed');
    assert.equal(condition(failed, 'Initialized')?.message, 'containers with incomplete status: [init2]');
    assert.equal(status(failed)?.state?.waiting?.reason, 'PodInitializing');
  });

  test('hooks after the start and before the end reach programs and servers, beside a sidecar that has started first', async () => {
    const handler = await (async () => {
      await pods.run('handler', {
        containers: [{ name: 'main', ...server, readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 } }],
      });
      return pods.until('handler', (pod) => condition(pod, 'Ready')?.status === 'True');
    })();
    const host = handler.status.podIP ?? '';
    const get = (msg: string) => ({ exec: { command: ['node', '-e', `fetch('http://${host}:8080/${msg}')`] } });
    const hooks: Readonly<Record<string, NonNullable<Container['lifecycle']>>> = {
      'poststart-exec': { postStart: get('poststart-exec') },
      'prestop-exec': { preStop: get('prestop-exec') },
      'poststart-http': { postStart: { httpGet: { host, path: '/poststart-http', port: 8080 } } },
      'prestop-http': { preStop: { httpGet: { host, path: '/prestop-http', port: 8080 } } },
      // Upstream asks again in plain HTTP where nobody speaks TLS.
      'poststart-https': { postStart: { httpGet: { host, path: '/poststart-https', port: 8080, scheme: 'HTTPS' } } },
    };
    await Promise.all(
      Object.entries(hooks).map(async ([name, lifecycle]) => {
        await pods.run(name, {
          initContainers: [
            { name: 'side', ...server, restartPolicy: 'Always', startupProbe: { httpGet: { port: 8080 }, periodSeconds: 1 } },
          ],
          containers: [{ name: 'main', ...sh('trap "exit 0" TERM; while true; do sleep 0.2; done'), lifecycle }],
        });
        await pods.until(name, (pod) => condition(pod, 'Ready')?.status === 'True');
        await client.delete(podResource, { namespace, name }, { gracePeriodSeconds: 15 });
        await pods.gone(name);
      }),
    );
    const asked = await pods.logs('handler');
    for (const name of Object.keys(hooks)) assert.match(asked, new RegExp(`GET /${name}\\n`));
  });

  test('hooks may sleep: readiness waits for the first, the signal to end for the last', async () => {
    await pods.run('sleeps', {
      containers: [
        {
          name: 'main',
          ...sh('trap "echo told; exit 0" TERM; while true; do sleep 0.2; done'),
          lifecycle: { postStart: { sleep: { seconds: 1 } }, preStop: { sleep: { seconds: 2 } } },
        },
      ],
    });
    const sleeper = await pods.until('sleeps', (pod) => condition(pod, 'Ready')?.status === 'True');
    const running = Date.parse(String(status(sleeper)?.state?.running?.startedAt));
    assert.ok(Date.parse(String(condition(sleeper, 'Ready')?.lastTransitionTime)) - running >= 1000);
    await client.delete(podResource, { namespace, name: 'sleeps' }, { gracePeriodSeconds: 15 });
    const ended = await pods.until('sleeps', (pod) => status(pod)?.state?.terminated !== undefined);
    assert.equal(status(ended)?.state?.terminated?.exitCode, 0);
    await pods.gone('sleeps');
  });

  test('probes restart what is not alive, keep what is, and tell who is ready', async () => {
    const probed = (name: string, container: Container) =>
      pods.run(name, { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', ...container }] });
    const quick: Probe = { periodSeconds: 1, failureThreshold: 1 };
    const started: Probe = { httpGet: { port: 8080 }, periodSeconds: 1, failureThreshold: 60 };
    const patient: Probe = { initialDelaySeconds: 2, periodSeconds: 1, failureThreshold: 10 };
    const sick = { ...server, env: [{ name: 'SICK_AFTER', value: '2' }] };
    const cat: Probe = { exec: { command: ['cat', '/tmp/health'] }, ...quick };
    await Promise.all([
      probed('exec-fails', {
        ...sh('echo ok > /tmp/health; sleep 2; rm /tmp/health; sleep 3600'),
        livenessProbe: { ...cat, initialDelaySeconds: 1 },
      }),
      probed('exec-holds', { ...sh('echo ok > /tmp/health; sleep 3600'), livenessProbe: { ...cat, initialDelaySeconds: 1 } }),
      probed('http-fails', { ...sick, livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, initialDelaySeconds: 1, ...quick } }),
      probed('http-holds', {
        ...server,
        startupProbe: started,
        livenessProbe: { httpGet: { path: '/healthz', port: 8080 }, ...patient },
      }),
      probed('tcp-holds', {
        ...server,
        startupProbe: started,
        livenessProbe: { tcpSocket: { port: 8080 }, ...patient },
      }),
      probed('grpc-holds', { ...server, startupProbe: started, livenessProbe: { grpc: { port: 8081 }, ...patient } }),
      probed('grpc-fails', { ...server, livenessProbe: { grpc: { port: 2333 }, initialDelaySeconds: 1, ...quick } }),
      pods.run('grace-of-probe', {
        terminationGracePeriodSeconds: 600,
        containers: [
          {
            name: 'main',
            ...sh('trap "" TERM; while true; do sleep 0.2; done'),
            livenessProbe: { exec: { command: ['false'] }, ...quick, terminationGracePeriodSeconds: 1 },
          },
        ],
      }),
      probed('never-started', {
        ...sh('sleep 3600'),
        startupProbe: { exec: { command: ['false'] }, ...quick },
        livenessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
      }),
      probed('ready-late', { ...server, readinessProbe: { httpGet: { port: 8080 }, initialDelaySeconds: 3, periodSeconds: 1 } }),
      probed('ready-never', { ...sh('sleep 3600'), readinessProbe: { exec: { command: ['false'] }, ...quick } }),
    ]);
    for (const name of ['exec-fails', 'http-fails', 'grpc-fails']) {
      let before = 0;
      await pods.until(name, (pod) => {
        const count = status(pod)?.restartCount ?? 0;
        assert.ok(count >= before, `${name}: ${count} restarts after ${before}`);
        before = count;
        return count >= 2;
      });
    }
    for (const name of ['grace-of-probe', 'never-started']) {
      const restarted = await pods.until(name, (pod) => (status(pod)?.restartCount ?? 0) >= 1);
      assert.equal(status(restarted)?.lastState?.terminated?.exitCode ?? 137, 137, name);
    }
    await client.delete(podResource, { namespace, name: 'grace-of-probe' }, { gracePeriodSeconds: 0 });
    const late = await pods.until('ready-late', (pod) => condition(pod, 'Ready')?.status === 'True');
    const startedAt = Date.parse(String(status(late)?.state?.running?.startedAt));
    assert.ok(Date.parse(String(condition(late, 'Ready')?.lastTransitionTime)) - startedAt >= 3000);
    for (const name of ['exec-holds', 'http-holds', 'tcp-holds', 'grpc-holds', 'ready-late', 'ready-never']) {
      const pod = await pods.until(name, (each) => status(each)?.state?.running !== undefined);
      assert.deepEqual([name, status(pod)?.restartCount, status(pod)?.ready], [name, 0, name !== 'ready-never']);
    }
    const { items } = JSON.parse(await cluster.kubectl.succeed(['get', 'events', '-n', namespace, '-o', 'json'])) as {
      readonly items: readonly { readonly reason: string; readonly message: string }[];
    };
    const messages = items.filter((each) => each.reason === 'Unhealthy' || each.reason === 'Killing').map((each) => each.message);
    assert.ok(messages.includes('Liveness probe failed: HTTP probe failed with statuscode: 500'));
    assert.ok(messages.includes('Container main failed liveness probe, will be restarted'));
    assert.ok(messages.includes('Container main failed startup probe, will be restarted'));
  });

  test('sidecars start before and in turn, are started again when they end, and end after the others, backwards', async (t) => {
    const folder = temporaryFolder(t);
    const volumeMounts = [{ name: 'v', mountPath: '/v' }];
    const told = (name: string) =>
      `trap "echo ${name} ends >> /v/log; exit 0" TERM; echo ${name} >> /v/log; while true; do sleep 0.1; done`;
    const side = (name: string, script: string): Container => ({ name, ...sh(script), restartPolicy: 'Always', volumeMounts });
    await pods.run('sidecars', {
      terminationGracePeriodSeconds: 30,
      initContainers: [
        side('first', told('first')),
        side('frail', 'test -e /v/again || { touch /v/again; exit 3; }; trap "exit 0" TERM; while true; do sleep 0.1; done'),
        { name: 'between', ...sh('echo between >> /v/log'), volumeMounts },
        side('second', told('second')),
      ],
      containers: [{ name: 'main', ...sh(told('main')), volumeMounts }],
      volumes: [{ name: 'v', hostPath: { path: folder, type: 'Directory' } }],
    });
    const pod = await pods.until('sidecars', (each) => condition(each, 'Ready')?.status === 'True');
    const restarts = pod.status.initContainerStatuses?.map(({ name, restartCount, started }) => [name, restartCount, started]);
    assert.deepEqual(restarts?.toSorted(), [
      ['between', 0, false],
      ['first', 0, true],
      ['frail', 1, true],
      ['second', 0, true],
    ]);
    await client.delete(podResource, { namespace, name: 'sidecars' });
    await pods.gone('sidecars');
    assert.deepEqual(readFileSync(join(folder, 'log'), 'utf8').trim().split('\n'), [
      'first',
      'between',
      'second',
      'main',
      'main ends',
      'second ends',
      'first ends',
    ]);
  });

  test('the hosts file is the kubelet’s, unless a container brings its own or is on the network of its node', async () => {
    const volumes = [{ name: 'hosts', hostPath: { path: '/etc/hosts', type: 'FileOrCreate' } }] as const;
    const original = { name: 'hosts', mountPath: '/etc/hosts-original' };
    const show = (name: string, ...more: (typeof original)[]): Container => ({
      name,
      ...sh('cat /etc/hosts'),
      volumeMounts: [original, ...more],
    });
    await Promise.all([
      pods.run('own-network', {
        restartPolicy: 'Never',
        containers: [show('managed'), show('brought', { name: 'hosts', mountPath: '/etc/hosts' })],
        volumes,
      }),
      pods.run('node-network', { restartPolicy: 'Never', hostNetwork: true, containers: [show('main')], volumes }),
    ]);
    for (const name of ['own-network', 'node-network']) await pods.until(name, (pod) => pod.status.phase === 'Succeeded');
    const hosts = readFileSync('/etc/hosts', 'utf8');
    assert.match(
      await pods.logs('own-network', 'managed'),
      /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n[^]*\town-network\n$/,
    );
    assert.equal(await pods.logs('own-network', 'brought'), hosts);
    assert.equal(await pods.logs('node-network'), `# Kubernetes-managed hosts file (host network).\n${hosts}`);
  });
});
