import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerConfigz } from './controller-configz.ts';
import { Flags } from './flags.ts';
import { tuningOf } from './tuning-flags.ts';

const told = controllerConfigz({
  kubeconfig: '/etc/manager.conf',
  bindAddress: '0.0.0.0',
  leaderElection: { leaderElect: true, leaseDuration: '15s' },
  controllers: ['*', '-ttl'],
  useServiceAccountCredentials: true,
  clusterCIDRs: [
    { cidr: '10.244.0.0/16', nodeMaskSize: 24 },
    { cidr: 'fd00:244::/56', nodeMaskSize: 64 },
  ],
  serviceCIDRs: ['10.96.0.0/12', 'fd00:96::/112'],
  rootCaFile: '/etc/ca.crt',
  signingCertFile: '',
  signingKeyFile: '',
  forceDetachOnTimeout: false,
  tuning: tuningOf(
    new Flags('controller-manager', {
      kubeconfig: 'f',
      'root-ca-file': 'f',
      'node-monitor-grace-period': '20s',
      'horizontal-pod-autoscaler-tolerance': '0.2',
      'terminated-pod-gc-threshold': '0',
      'concurrent-job-syncs': '9',
    }),
  ),
}) as Record<string, Record<string, unknown>>;

test('controllerConfigz tells what flags say, in the names of the internal type', () => {
  const { Generic, KubeCloudShared, NodeIPAMController, AttachDetachController, SAController } = told;
  assert.deepEqual(Generic?.['LeaderElection'], { LeaderElect: true, LeaseDuration: '15s' });
  assert.deepEqual(Generic['Controllers'], ['*', '-ttl']);
  assert.equal((Generic['ClientConnection'] as Record<string, unknown>)['Kubeconfig'], '/etc/manager.conf');
  assert.deepEqual(
    [KubeCloudShared?.['ClusterCIDR'], KubeCloudShared?.['UseServiceAccountCredentials']],
    ['10.244.0.0/16,fd00:244::/56', true],
  );
  assert.deepEqual([NodeIPAMController?.['NodeCIDRMaskSizeIPv4'], NodeIPAMController?.['NodeCIDRMaskSizeIPv6']], [24, 64]);
  assert.deepEqual([NodeIPAMController?.['ServiceCIDR'], NodeIPAMController?.['SecondaryServiceCIDR']], ['10.96.0.0/12', 'fd00:96::/112']);
  assert.equal(AttachDetachController?.['DisableForceDetachOnTimeout'], true);
  assert.equal(SAController?.['RootCAFile'], '/etc/ca.crt');
});

test('controllerConfigz tells of each controller what it does', () => {
  assert.deepEqual(told['DeploymentController'], { ConcurrentDeploymentSyncs: 5 });
  assert.deepEqual(told['DaemonSetController'], { ConcurrentDaemonSetSyncs: 2 });
  assert.equal(told['GarbageCollectorController']?.['ConcurrentGCSyncs'], 20);
  assert.equal(told['NodeLifecycleController']?.['NodeMonitorGracePeriod'], '20s');
  assert.equal(told['HPAController']?.['HorizontalPodAutoscalerTolerance'], 0.2);
  assert.equal(told['HPAController']['HorizontalPodAutoscalerDownscaleStabilizationWindow'], '5m0s');
  assert.deepEqual(told['PodGCController'], { TerminatedPodGCThreshold: 0 });
  assert.deepEqual(told['JobController'], { ConcurrentJobSyncs: 9 });
  assert.deepEqual(told['DeviceTaintEvictionController'], { ConcurrentSyncs: 8 });
  assert.deepEqual(told['ResourceClaimController'], { ConcurrentSyncs: 50 });
  assert.deepEqual(told['ServiceController'], { ConcurrentServiceSyncs: 1 });
});
