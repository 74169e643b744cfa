// The controllers' own figures as they stand after known things have happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cronjobs,
  deployments,
  endpoints,
  jobs,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  services,
  statefulsets,
} from '#api/resources.ts';
import type {
  CronJob,
  Deployment,
  Endpoints,
  Job,
  New,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Service,
  StatefulSet,
} from '#api/types.ts';
import { CONTROLLERS } from '#controllers/controllers.ts';
import { ControllerMetrics } from '#controllers/metrics/metrics.ts';
import { startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

const template = (app: string, spec: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image: 'v1' }], ...spec },
});
const named = (name: string) => ({ name, namespace: 'ns' });

test('controllers count what they do under the names that upstream gives it', async () => {
  const metrics = new ControllerMetrics();
  const t = await startControllerTest({ controllers: CONTROLLERS, metrics, gates: 'MaxUnavailableStatefulSet=true' });
  const shown = (line: string): Promise<true> =>
    t.until(() => Promise.resolve(metrics.expose().split('\n').includes(line) ? true : undefined));
  try {
    await t.client.create(nodes, { metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z' } } } as New<Node>);
    await shown('node_collector_zone_size{zone="::z"} 1');

    const never = template('work', { restartPolicy: 'Never' });
    await t.client.create(jobs, {
      metadata: named('work'),
      spec: { completions: 1, ttlSecondsAfterFinished: 1, template: never },
    } as unknown as New<Job>);
    await t.until(async () => {
      const [pod] = await podsLabelled(t, 'work');
      if (pod === undefined) return undefined;
      await t.client.patch(pods, pod.metadata, { type: 'merge', body: { status: { phase: 'Succeeded' } } }, { subresource: 'status' });
      return true;
    });
    for (const line of [
      'job_controller_job_pods_creation_total{reason="new",status="succeeded"} 1',
      'job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"} 1',
      'job_controller_jobs_finished_total{completion_mode="NonIndexed",reason="CompletionsReached",result="succeeded"} 1',
      'job_controller_terminated_pods_tracking_finalizer_total{event="add"} 1',
      'job_controller_terminated_pods_tracking_finalizer_total{event="delete"} 1',
      'ttl_after_finished_controller_job_deletion_duration_seconds_count 1',
    ]) {
      await shown(line);
    }
    assert.match(
      metrics.expose(),
      /job_controller_job_syncs_total\{action="pods_created",completion_mode="NonIndexed",result="success"\} [1-9]/,
    );

    await t.client.create(deployments, {
      metadata: named('web'),
      spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('web', { nodeName: 'n1' }) },
    } as New<Deployment>);
    await t.client.create(services, { metadata: named('web'), spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } } as New<Service>);
    await t.until(async () => {
      const found = await podsLabelled(t, 'web');
      for (const pod of found) {
        await t.client.patch(
          pods,
          pod.metadata,
          { type: 'merge', body: { status: { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] } } },
          { subresource: 'status' },
        );
        await makeReady(t, pod);
      }
      return found.length === 3 ? true : undefined;
    });
    await shown('endpoint_slice_controller_endpoints_desired 3');
    await shown('endpoint_slice_controller_num_endpoint_slices 1');
    await shown('endpoint_slice_controller_desired_endpoint_slices 1');
    await t.client.patch(deployments, named('web'), { type: 'merge', body: { spec: { replicas: 1 } } });
    await shown('replicaset_controller_sorting_deletion_age_ratio_count 2');
    await t.client.delete(services, named('web'));
    await shown('endpoint_slice_controller_endpoints_desired 0');

    // Two replicas at once, of which one becomes ready.
    const db = { selector: { matchLabels: { app: 'db' } }, template: template('db'), serviceName: 'db', podManagementPolicy: 'Parallel' };
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } };
    await t.client.create(statefulsets, {
      metadata: named('db'),
      spec: { replicas: 2, ...db, updateStrategy },
    } as unknown as New<StatefulSet>);
    const ofSet = '{pod_management_policy="Parallel",statefulset_name="db",statefulset_namespace="ns"}';
    await shown(`statefulset_controller_statefulset_max_unavailable${ofSet} 2`);
    await shown(`statefulset_controller_statefulset_unavailable_replicas${ofSet} 2`);
    await t.until(async () => {
      const [first] = await podsLabelled(t, 'db');
      if (first === undefined) return undefined;
      await makeReady(t, first);
      return true;
    });
    await shown(`statefulset_controller_statefulset_unavailable_replicas${ofSet} 1`);
    await t.client.delete(statefulsets, named('db'));
    await t.until(() => Promise.resolve(metrics.expose().includes('statefulset_name="db"') ? undefined : true));

    const orphan = { metadata: named('orphan'), spec: { nodeName: 'gone', containers: [{ name: 'c', image: 'i' }] } };
    await t.client.create(pods, orphan as New<Pod>);
    await shown('pod_gc_collector_force_delete_pods_total{namespace="ns",reason="orphaned"} 1');

    // Endpoints made by hand, for a Service without selector.
    await t.client.create(services, { metadata: named('hand'), spec: { ports: [{ port: 80 }] } } as New<Service>);
    const subsets = (...ips: readonly string[]) => [{ addresses: ips.map((ip) => ({ ip })), ports: [{ port: 80 }] }];
    await t.client.create(endpoints, { metadata: named('hand'), subsets: subsets('192.0.2.1', '192.0.2.2') } as New<Endpoints>);
    for (const line of ['endpoints_desired 2', 'num_endpoint_slices 1', 'desired_endpoint_slices 1', 'changes{operation="create"} 1'])
      await shown(`endpoint_slice_mirroring_controller_${line}`);
    await t.client.patch(endpoints, named('hand'), { type: 'merge', body: { subsets: subsets('192.0.2.2', '192.0.2.3') } });
    await shown('endpoint_slice_mirroring_controller_changes{operation="update"} 1');
    assert.match(metrics.expose(), /endpoint_slice_mirroring_controller_endpoints_removed_per_sync_sum 1\n/);
    await t.client.delete(services, named('hand'));
    await shown('endpoint_slice_mirroring_controller_endpoints_desired 0');
    await shown('endpoint_slice_mirroring_controller_num_endpoint_slices 0');

    // A volume that is taken, one that is not, and a claim that waits.
    const volume = (name: string, storage: string) =>
      t.client.create(persistentvolumes, {
        metadata: { name },
        spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], hostPath: { path: `/tmp/${name}` }, storageClassName: 'slow' },
      } as New<PersistentVolume>);
    const claim = (name: string, storage: string) =>
      t.client.create(persistentvolumeclaims, {
        metadata: named(name),
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, storageClassName: 'slow' },
      } as New<PersistentVolumeClaim>);
    await volume('small', '1Gi');
    await volume('large', '2Gi');
    await claim('fits', '1Gi');
    await claim('waits', '9Gi');
    for (const line of [
      'total_pv_count{plugin_name="kubernetes.io/host-path",volume_mode="Filesystem"} 2',
      'bound_pv_count{storage_class="slow"} 1',
      'unbound_pv_count{storage_class="slow"} 1',
      'bound_pvc_count{namespace="ns",storage_class="slow",volume_attributes_class=""} 1',
      'unbound_pvc_count{namespace="ns",storage_class="slow",volume_attributes_class=""} 1',
    ]) {
      await shown(`pv_collector_${line}`);
    }
    const scratch = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const ephemeral = { volumeClaimTemplate: { spec: scratch } };
    await t.client.create(pods, {
      metadata: named('scratch'),
      spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', ephemeral }] },
    } as unknown as New<Pod>);
    await shown('ephemeral_volume_controller_create_total 1');
    assert.match(metrics.expose(), /ephemeral_volume_controller_create_failures_total 0\n/);

    // Failures that a Job's own rules say something of.
    const ignored = [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }];
    await t.client.create(jobs, {
      metadata: named('ruled'),
      spec: { backoffLimit: 0, podFailurePolicy: { rules: ignored }, template: template('ruled', { restartPolicy: 'Never' }) },
    } as unknown as New<Job>);
    await t.until(async () => {
      const [pod] = await podsLabelled(t, 'ruled');
      if (pod === undefined) return undefined;
      const disrupted = { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] };
      await t.client.patch(pods, pod.metadata, { type: 'strategic', body: { status: disrupted } }, { subresource: 'status' });
      return true;
    });
    await shown('job_controller_pod_failures_handled_by_failure_policy_total{action="Ignore"} 1');

    const jobTemplate = { spec: { template: never } };
    await t.client.create(cronjobs, { metadata: named('tick'), spec: { schedule: '* * * * *', jobTemplate } } as unknown as New<CronJob>);
    await t.until(() =>
      Promise.resolve(/cronjob_controller_job_creation_skew_duration_seconds_count [1-9]/.test(metrics.expose()) ? true : undefined),
    );
    assert.match(metrics.expose(), /garbagecollector_controller_resources_sync_error_total 0\n/);
    assert.match(metrics.expose(), /root_ca_cert_publisher_sync_total\{code="200"\} [1-9]/);
  } finally {
    await t.stop();
  }
});
