import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURE_GATES, NEEDED_GATES } from './feature-gate-table.ts';
import { FeatureGates } from './feature-gates.ts';

for (const [gates, message] of [
  ['NoSuchGate=true', 'unrecognized feature gate: NoSuchGate'],
  ['ClusterTrustBundle', 'missing bool value for ClusterTrustBundle'],
  ['ClusterTrustBundle=on', 'invalid value of ClusterTrustBundle=on, err: strconv.ParseBool: parsing "on": invalid syntax'],
  ['SidecarContainers=false', 'cannot set feature gate SidecarContainers to false, feature is locked to true'],
  ['WatchFromStorageWithoutResourceVersion=true', 'unrecognized feature gate: WatchFromStorageWithoutResourceVersion'],
  [
    'GitRepoVolumeDriver=true,ImageVolume=false',
    '[cannot set feature gate GitRepoVolumeDriver to true, feature is locked to false, cannot set feature gate ImageVolume to false, feature is locked to true]',
  ],
  [
    'GracefulNodeShutdown=false',
    '[GracefulNodeShutdownBasedOnPodPriority is enabled, but depends on features that are disabled: [GracefulNodeShutdown], WindowsGracefulNodeShutdown is enabled, but depends on features that are disabled: [GracefulNodeShutdown]]',
  ],
  ['WorkloadWithJob=true', 'WorkloadWithJob is enabled, but depends on features that are disabled: [GenericWorkload]'],
  [
    'StorageVersionAPI=true,APIServerIdentity=false,UnknownVersionInteroperabilityProxy=false',
    'StorageVersionAPI is enabled, but depends on features that are disabled: [APIServerIdentity]',
  ],
] as const) {
  test(`--feature-gates=${gates} is refused in upstream's words`, () => {
    assert.throws(() => new FeatureGates(gates), { name: 'FeatureGateError', message });
  });
}

test('gates that will be removed are warned of, and /metrics tells which are on', () => {
  const gates = new FeatureGates('RetryGenerateName=true,KMSv1=true,ClusterTrustBundle=true,AllAlpha=true,ShardedListAndWatch=false');
  const removed = (stage: string): string => `Warning: setting ${stage} feature gate. It will be removed in a future release.`;
  assert.deepEqual(gates.warnings, [
    { text: removed('GA'), featureGate: 'RetryGenerateName', value: true },
    { text: removed('deprecated'), featureGate: 'KMSv1', value: true },
  ]);
  const told = gates.expose();
  for (const line of [
    'kubernetes_feature_enabled{name="AllAlpha",stage="ALPHA"} 1',
    'kubernetes_feature_enabled{name="CBORServingAndStorage",stage="ALPHA"} 1',
    'kubernetes_feature_enabled{name="ShardedListAndWatch",stage="ALPHA"} 0',
    'kubernetes_feature_enabled{name="ClusterTrustBundle",stage="BETA"} 1',
    'kubernetes_feature_enabled{name="WatchList",stage="BETA"} 1',
    'kubernetes_feature_enabled{name="DeclarativeValidation",stage=""} 1',
    'kubernetes_feature_enabled{name="KMSv1",stage="DEPRECATED"} 1',
    'kubernetes_feature_enabled{name="EnvFiles",stage="BETA"} 1',
    'kubernetes_feature_enabled{name="MaxUnavailableStatefulSet",stage="BETA"} 0',
    'kubernetes_feature_enabled{name="PodsAPI",stage="ALPHA"} 1',
    'kubernetes_feature_enabled{name="UserNamespacesSupport",stage=""} 1',
  ])
    assert.ok(told.includes(`${line}\n`), line);
});

test('gates need what is a gate, no less stable and as much on', () => {
  const order = ['Alpha', 'Beta', 'Deprecated', 'GA'];
  for (const [name, needs] of Object.entries(NEEDED_GATES)) {
    const gate = FEATURE_GATES.get(name);
    for (const need of needs) {
      const needed = FEATURE_GATES.get(need);
      assert.ok(gate !== undefined && needed !== undefined, `${name} ${need}`);
      assert.ok(order.indexOf(needed.stage) >= order.indexOf(gate.stage), `${name} ${need}`);
      assert.ok(needed.default || !gate.default, `${name} ${need}`);
    }
  }
  for (const text of ['AllAlpha=true', 'AllBeta=true', 'AllAlpha=true,AllBeta=true', 'AllBeta=false', '']) new FeatureGates(text);
});

test('a locked gate may be set to what it is', () =>
  assert.deepEqual(new FeatureGates('SidecarContainers=true,SeparateCacheWatchRPC=false').unheeded, [
    'SidecarContainers',
    'SeparateCacheWatchRPC',
  ]));

test('a gate without effect here is accepted and told', () => {
  assert.deepEqual(new FeatureGates('KubeletSeparateDiskGC=false,ClusterTrustBundle=true').unheeded, ['KubeletSeparateDiskGC']);
});
