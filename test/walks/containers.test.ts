// What happens in and around containers: how they end and what of it shows, init containers, what programs are given and what
// they may do.
import { condition, type Container, sh, type Spec, status, toolCluster, tools } from '../harness/tool-containers.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { configmaps, secrets } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';

const { cluster, pods } = await toolCluster({ after }, 'containers');
await cluster.importImage({
  name: 'example.test/defaults:1',
  programs: ['echo'],
  config: { entrypoint: ['echo', 'entrypoint'], cmd: ['default', 'arguments'] },
});

const once = (name: string, container: Container, spec: Spec = {}, metadata?: New<Pod['metadata']>) =>
  pods.run(name, { restartPolicy: 'Never', ...spec, containers: [{ name: 'main', ...container }] }, metadata);
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
