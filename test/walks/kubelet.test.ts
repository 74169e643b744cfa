// The kubelet as its node is run: what it tells of itself, pods of its own folder, pods it ends for the sake of the node, and
// what becomes of pods when the runtime or the kubelet dies.
import { ANY_DISK, startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { leases, pods as podResource } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { systemClock, wait } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { waitFor } from '#client/wait-for.ts';
import { succeed } from '../harness/command.ts';
import { podSet } from '../harness/pods.ts';
import { temporaryFolder } from '../harness/temp.ts';

type Container = NonNullable<New<NonNullable<Pod['spec']>>['containers']>[number];

const manifests = temporaryFolder({ after });
const settings = join(temporaryFolder({ after }), 'kubelet.yaml');
writeFileSync(settings, `${ANY_DISK}maxPods: 40\ncpuManagerPolicy: none\n`);
const cluster = await startCluster(
  { after },
  [`--pod-manifest-path=${manifests}`, `--kubelet-config=${settings}`, '--node-labels=tier=edge,example.org/rack=7'],
  { killed: true },
);
await cluster.importImage({ name: 'example.test/tools:1', programs: ['sh', 'sleep', 'cat', 'dd', 'echo', 'true'] });
const pods = await podSet({ after }, cluster, 'kubelet');
const { client, namespace } = pods;

/** Real milliseconds after which what should come about does not. */
const PATIENCE_MS = 60_000;

const STAYS = 'trap "exit 0" TERM; while true; do sleep 0.2; done';
const sh = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'example.test/tools:1',
  imagePullPolicy: 'Never',
  command: ['sh', '-c', script],
  ...more,
});
const condition = (pod: Pod, type: string) => pod.status.conditions?.find((each) => each.type === type);
const ready = (pod: Pod) => condition(pod, 'Ready')?.status === 'True';
const containerIds = (pod: Pod) => pod.status.containerStatuses?.map(({ containerID, restartCount }) => [containerID, restartCount]);

describe('a kubelet', { concurrency: true }, () => {
  test('tells of its pods, its settings and its figures through the API server', async () => {
    const probe = { exec: { command: ['true'] }, periodSeconds: 1 };
    await pods.run('watched', { terminationGracePeriodSeconds: 1, containers: [sh(STAYS, { readinessProbe: probe })] });
    await pods.until('watched', ready);
    const get = (path: string) => cluster.kubectl.run(['get', '--raw', `/api/v1/nodes/boat/proxy/${path}`]);
    const labels = 'container="main"(,\\w+="[^"]*")*,namespace="kubelet",pod="watched"';
    const wanted: Readonly<Record<string, RegExp>> = {
      healthz: /^ok$/,
      pods: /"kind":"PodList".*"name":"watched"/,
      runningpods: /"name":"watched","namespace":"kubelet"/,
      configz:
        /"kubeletconfig":\{"kind":"KubeletConfiguration".*"fileCheckFrequency":"20s".*"clusterDomain":"cluster\.local".*"maxPods":40/,
      'metrics/slis': /^kubernetes_healthcheck\{name="syncloop",type="healthz"\} 1$/m,
      'logs/': /^<!doctype html>\n[^]*<pre>\n/,
      metrics: /^kubelet_running_pods \d+$/m,
      'metrics/cadvisor': new RegExp(`^container_cpu_usage_seconds_total\\{${labels}`, 'm'),
      'metrics/resource': new RegExp(`^container_memory_working_set_bytes\\{${labels}`, 'm'),
      'metrics/probes': /^prober_probe_total\{.*probe_type="Readiness",result="successful"\} [1-9]/m,
      'stats/summary': /"podRef":\{"name":"watched","namespace":"kubelet"/,
    };
    for (const [path, pattern] of Object.entries(wanted)) {
      const { stdout, stderr } = await get(path);
      assert.match(stdout, pattern, `${path}: ${stderr}`);
    }
    const { stdout: cadvisor } = await get('metrics/cadvisor');
    const whole = 'container="[^"]*"(,\\w+="[^"]*")*,namespace="kubelet",pod="watched"';
    for (const name of [
      'memory_cache',
      'memory_rss',
      'cpu_user_seconds_total',
      'threads',
      'processes',
      'spec_memory_limit_bytes',
      'last_seen',
    ])
      assert.match(cadvisor, new RegExp(`^container_${name}\\{${labels}`, 'm'));
    assert.match(cadvisor, new RegExp(`^container_network_receive_packets_total\\{${whole}\\} [1-9]`, 'm'));
    const { stdout: own } = await get('metrics');
    for (const line of [
      'kubelet_cgroup_manager_duration_seconds_count\\{operation_type="create"\\}',
      'kubelet_runtime_operations_total\\{operation_type="create_container"\\}',
      'kubelet_pod_start_sli_duration_seconds_count',
      'kubelet_pleg_relist_duration_seconds_count',
      'kubelet_started_containers_total\\{container_type="container"\\}',
      'storage_operation_duration_seconds_count\\{migrated="false",operation_name="volume_mount",status="success",volume_plugin="kubernetes.io/projected"\\}',
    ])
      assert.match(own, new RegExp(`^${line} [1-9]`, 'm'));
    assert.equal(
      await cluster.kubectl.succeed([
        'get',
        'node',
        'boat',
        '-o',
        'jsonpath={.status.capacity.pods} {.metadata.labels.tier} {.metadata.labels.example\\.org/rack}',
      ]),
      '40 edge 7',
    );
    // Source: kubelet server InstallAuthRequiredHandlers: checkpoints are made by POST alone.
    assert.match((await get('checkpoint/kubelet/watched/main')).stderr, /MethodNotAllowed/);
  });

  test('renews the lease of its node', async () => {
    const ref = { namespace: 'kube-node-lease', name: 'boat' };
    const { spec } = await client.get(leases, ref);
    assert.deepEqual([spec?.holderIdentity, spec?.leaseDurationSeconds], ['boat', 40]);
    const until = (lease: { readonly spec?: { readonly renewTime?: string } } | undefined) =>
      (lease?.spec?.renewTime ?? '') > String(spec?.renewTime);
    await waitFor(client, leases, ref, { until, timeoutMs: PATIENCE_MS, clock: systemClock, ids: randomIds });
  });

  test('runs the pods of its folder, shows them in the API, and ends them with their files', async () => {
    const file = join(manifests, 'own.json');
    const manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'own', namespace },
      spec: { terminationGracePeriodSeconds: 1, containers: [sh(STAYS)] },
    };
    writeFileSync(file, JSON.stringify(manifest));
    const { metadata, spec, status } = await pods.until('own-boat', ready);
    assert.equal(spec.nodeName, 'boat');
    assert.equal(metadata.annotations?.['kubernetes.io/config.source'], 'file');
    assert.equal(metadata.ownerReferences?.[0]?.kind, 'Node');
    // Whoever deletes what the API shows of it ends nothing.
    await client.delete(podResource, { namespace, name: 'own-boat' }, { gracePeriodSeconds: 0 });
    const again = await pods.until('own-boat', (pod) => pod.metadata.uid !== metadata.uid && ready(pod));
    assert.equal(again.status.containerStatuses?.[0]?.containerID, status.containerStatuses?.[0]?.containerID);
    rmSync(file);
    await pods.gone('own-boat');
  });

  test('ends pods that use more of its disk than they may', async () => {
    const fill = 'dd if=/dev/zero of=/v/file bs=1M count=8; sleep 3600';
    const mounted = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
    await Promise.all([
      pods.run('fills-volume', {
        terminationGracePeriodSeconds: 1,
        containers: [sh(fill, mounted)],
        volumes: [{ name: 'v', emptyDir: { sizeLimit: '4Mi' } }],
      }),
      pods.run('fills-disk', {
        terminationGracePeriodSeconds: 1,
        containers: [sh(fill, { ...mounted, resources: { limits: { 'ephemeral-storage': '4Mi' } } })],
        volumes: [{ name: 'v', emptyDir: {} }],
      }),
    ]);
    for (const [name, message] of [
      ['fills-volume', 'Usage of EmptyDir volume "v" exceeds the limit "4Mi". '],
      ['fills-disk', 'Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. '],
    ] as const) {
      const pod = await pods.until(name, ({ status }) => status.phase === 'Failed');
      assert.deepEqual([pod.status.reason, pod.status.message], ['Evicted', message]);
      const disrupted = condition(pod, 'DisruptionTarget');
      assert.deepEqual([disrupted?.status, disrupted?.reason], ['True', 'TerminationByKubelet']);
      assert.equal(await pods.told(name, 'Evicted'), message);
    }
  });
});

const runtimeFile = '/run/proa/containerd/proa-containerd.json';
const progressFile = '/run/proa/progress.json';
const kill = (file: string): void => {
  const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { readonly pid: number };
  process.kill(pid, 'SIGKILL');
};

test('the runtime dies under running pods: it comes back, and none of them notices', async () => {
  const probe = { exec: { command: ['true'] }, periodSeconds: 1, failureThreshold: 1 };
  const steady = ['steady-1', 'steady-2'];
  const probed = sh(STAYS, { livenessProbe: probe, readinessProbe: probe });
  await Promise.all(steady.map((name) => pods.run(name, { terminationGracePeriodSeconds: 1, containers: [probed] })));
  const before = await Promise.all(steady.map((name) => pods.until(name, ready)));
  kill(runtimeFile);
  await pods.run('after', { terminationGracePeriodSeconds: 1, containers: [sh(STAYS)] });
  await pods.until('after', ready);
  const now = await Promise.all(steady.map((name) => pods.until(name, ready)));
  assert.deepEqual(now.map(containerIds), before.map(containerIds));
  assert.equal(await cluster.kubectl.succeed(['exec', '-n', namespace, 'steady-1', '--', 'echo', 'here']), 'here\n');
});

test('the kubelet dies while pods come up, and while they end: each starts once, and all of them go', async () => {
  const names = Array.from({ length: 6 }, (_, i) => `brief-${i}`);
  const preStop = { exec: { command: ['sleep', '1'] } };
  const spec = { terminationGracePeriodSeconds: 10, containers: [sh(`echo begun; ${STAYS}`, { lifecycle: { preStop } })] };
  await Promise.all(names.map((name) => pods.run(name, spec, { labels: { brief: 'yes' } })));
  await Promise.any(names.map((name) => pods.until(name, ({ status }) => status.startTime !== undefined)));
  kill(progressFile);
  const up = await Promise.all(names.map((name) => pods.until(name, ready)));
  assert.ok(up.every(({ status }) => status.containerStatuses?.[0]?.restartCount === 0));
  for (const name of names) assert.equal(await pods.logs(name), 'begun\n', name);
  await client.deleteCollection(podResource, { namespace, labelSelector: 'brief=yes' });
  kill(progressFile);
  await Promise.all(names.map((name) => pods.gone(name)));
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(`/pods/${up[0]?.metadata.uid}/`));
  const ids = up.map(({ status }) => status.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '');
  const left = () => succeed('ctr', ['--address=/run/proa/containerd/containerd.sock', '--namespace=k8s.io', 'containers', 'ls', '-q']);
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  while (new Set((await left()).split('\n')).intersection(new Set(ids)).size > 0) {
    assert.ok(systemClock.monotonic() < deadline, 'what the runtime keeps of pods that are gone goes, too');
    await wait(systemClock, 100);
  }
});
