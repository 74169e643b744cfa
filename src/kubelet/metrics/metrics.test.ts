import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, pods } from '#api/resources.ts';
import { CriError } from '#cri/errors.ts';
import { container, pod } from '../testing/pods.ts';
import { startWorld, type World } from '../testing/world.ts';
import { imageSizeLabel } from './kubelet-metrics.ts';

/** Value of a series as it is exposed; undefined when it is not there. */
function figure(world: World, series: string): number | undefined {
  const line = world.kubelet.view
    .figures()
    .split('\n')
    .find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const figuresOf = (world: World, ...series: readonly string[]): Record<string, number | undefined> =>
  Object.fromEntries(series.map((each) => [each, figure(world, each)]));

test('a pod that starts is counted by the kubelet, its worker, the runtime and its volumes', async (t) => {
  const world = await startWorld(t);
  world.server.seed(configmaps, { metadata: { name: 'settings', namespace: 'default' }, data: { a: 'b' } });
  const volumes = [
    { name: 'scratch', emptyDir: {} },
    { name: 'settings', configMap: { name: 'settings' } },
  ];
  const mounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  const containers = [container('app', { volumeMounts: mounts }), container('other')];
  world.bind(pod({ name: 'web', spec: { containers, initContainers: [container('first')], volumes } }));
  world.runtime.behave('first', { started: (started) => world.runtime.exit(started, 0) });
  await world.until(() => world.pod('web').status.phase === 'Running');
  await world.settle();
  const mounted = (plugin: string): string =>
    `storage_operation_duration_seconds_count{migrated="false",operation_name="volume_mount",status="success",volume_plugin="${plugin}"}`;
  assert.deepEqual(
    figuresOf(
      world,
      'kubelet_started_pods_total',
      'kubelet_started_pods_errors_total',
      'kubelet_started_containers_total{container_type="container"}',
      'kubelet_started_containers_total{container_type="init_container"}',
      'kubelet_runtime_operations_total{operation_type="run_podsandbox"}',
      'kubelet_runtime_operations_total{operation_type="create_container"}',
      'kubelet_run_podsandbox_duration_seconds_count{runtime_handler=""}',
      'kubelet_running_pods',
      'kubelet_running_containers{container_state="running"}',
      'kubelet_running_containers{container_state="exited"}',
      'kubelet_desired_pods{static=""}',
      'kubelet_active_pods{static=""}',
      'kubelet_working_pods{config="desired",lifecycle="sync",static=""}',
      'kubelet_working_pods{config="orphan",lifecycle="terminated",static="true"}',
      'kubelet_containers_per_pod_count_sum',
      'kubelet_pod_worker_start_duration_seconds_count',
      'kubelet_pod_start_duration_seconds_count',
      'kubelet_pod_start_sli_duration_seconds_count',
      'kubelet_pod_start_total_duration_seconds_count',
      'kubelet_pod_worker_duration_seconds_count{operation_type="create"}',
      mounted('kubernetes.io/empty-dir'),
      'volume_manager_total_volumes{plugin_name="kubernetes.io/configmap",state="desired_state_of_world"}',
      'volume_manager_total_volumes{plugin_name="kubernetes.io/configmap",state="actual_state_of_world"}',
    ),
    {
      kubelet_started_pods_total: 1,
      kubelet_started_pods_errors_total: 0,
      'kubelet_started_containers_total{container_type="container"}': 2,
      'kubelet_started_containers_total{container_type="init_container"}': 1,
      'kubelet_runtime_operations_total{operation_type="run_podsandbox"}': 1,
      'kubelet_runtime_operations_total{operation_type="create_container"}': 3,
      'kubelet_run_podsandbox_duration_seconds_count{runtime_handler=""}': 1,
      kubelet_running_pods: 1,
      'kubelet_running_containers{container_state="running"}': 2,
      'kubelet_running_containers{container_state="exited"}': 1,
      'kubelet_desired_pods{static=""}': 1,
      'kubelet_active_pods{static=""}': 1,
      'kubelet_working_pods{config="desired",lifecycle="sync",static=""}': 1,
      'kubelet_working_pods{config="orphan",lifecycle="terminated",static="true"}': 0,
      kubelet_containers_per_pod_count_sum: 2,
      kubelet_pod_worker_start_duration_seconds_count: 1,
      kubelet_pod_start_duration_seconds_count: 1,
      kubelet_pod_start_sli_duration_seconds_count: 1,
      kubelet_pod_start_total_duration_seconds_count: 1,
      'kubelet_pod_worker_duration_seconds_count{operation_type="create"}': 1,
      [mounted('kubernetes.io/empty-dir')]: 1,
      'volume_manager_total_volumes{plugin_name="kubernetes.io/configmap",state="desired_state_of_world"}': 1,
      'volume_manager_total_volumes{plugin_name="kubernetes.io/configmap",state="actual_state_of_world"}': 1,
    },
  );
  assert.ok((figure(world, 'kubelet_pod_status_sync_duration_seconds_count') ?? 0) > 0);
  assert.ok((figure(world, 'kubelet_pleg_relist_duration_seconds_count') ?? 0) > 0);
  assert.equal(figure(world, 'kubelet_pleg_last_seen_seconds'), Math.floor(world.clock.now() / 1000));

  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await world.advanceUntil(() => figure(world, 'kubelet_desired_pods{static=""}') === 0, 60_000);
  await world.settle();
  assert.equal(figure(world, mounted('kubernetes.io/empty-dir').replace('volume_mount', 'volume_unmount')), 1);
  assert.ok((figure(world, 'kubelet_pod_worker_duration_seconds_count{operation_type="kill"}') ?? 0) > 0);
});

test('what fails is counted by its operation and reason', async (t) => {
  const world = await startWorld(t);
  const refusal = new CriError({ code: 'Unknown', details: 'no', method: 'RunPodSandbox' });
  let refusals = 2;
  world.runtime.intercept('runPodSandbox', () => {
    if (refusals-- > 0) throw refusal;
  });
  const missing = container('app', { image: 'example.test/missing:1', imagePullPolicy: 'Never' });
  world.bind(pod({ name: 'web', spec: { containers: [missing] } }));
  await world.advanceUntil(
    () => (figure(world, 'kubelet_started_containers_errors_total{code="ErrImageNeverPull",container_type="container"}') ?? 0) > 0,
    60_000,
  );
  assert.deepEqual(
    figuresOf(
      world,
      'kubelet_started_pods_total',
      'kubelet_started_pods_errors_total',
      'kubelet_run_podsandbox_errors_total{runtime_handler=""}',
      'kubelet_runtime_operations_errors_total{operation_type="run_podsandbox"}',
      'kubelet_pod_start_duration_seconds_count',
    ),
    {
      kubelet_started_pods_total: 3,
      kubelet_started_pods_errors_total: 2,
      'kubelet_run_podsandbox_errors_total{runtime_handler=""}': 2,
      'kubelet_runtime_operations_errors_total{operation_type="run_podsandbox"}': 2,
      kubelet_pod_start_duration_seconds_count: undefined,
    },
  );
});

test('imageSizeLabel names the sizes as upstream does', () => {
  const mib = 2 ** 20;
  const sizes = [0, 1, 10 * mib - 1, 10 * mib, 700 * mib, 1024 * mib, 200 * 1024 * mib];
  assert.deepEqual(sizes.map(imageSizeLabel), ['N/A', '0-10MB', '0-10MB', '10MB-100MB', '500MB-1GB', '1GB-5GB', 'GT100GB']);
});
