// How containers begin and end beside others: hooks, probes, sidecars.
import { condition, type Container, server, sh, status, toolCluster } from '../harness/tool-containers.ts';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pods as podResource } from '#api/resources.ts';
import { temporaryFolder } from '../harness/temp.ts';

type Probe = NonNullable<Container['livenessProbe']>;

const { cluster, pods } = await toolCluster({ after }, 'lives');
const { namespace, client } = pods;

describe('containers', { concurrency: true }, () => {
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
});
