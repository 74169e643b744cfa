import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceRows } from '#api/schema/tables.ts';
import { Schema } from '#api/schema.ts';
import { FeatureGates } from './feature-gates.ts';
import { FEATURE_GATES, NEEDED_GATES } from './feature-gate-table.ts';
import { RuntimeConfig } from './runtime-config.ts';
import { servedApis } from './served-apis.ts';

/** `resource.version.group` of everything that is served though it is not by default. */
function served(config: string, gates = ''): readonly string[] {
  const { serves } = servedApis(new RuntimeConfig(config), new FeatureGates(gates));
  const usual = new Schema();
  return [...new Schema({ serves }).resources()]
    .filter((info) => usual.resource(info) === undefined)
    .map(({ resource, version, group }) => `${resource}.${version}.${group}`);
}

/** The same of what is served by default and not any more. */
function unserved(config: string, gates = ''): readonly string[] {
  const { serves } = servedApis(new RuntimeConfig(config), new FeatureGates(gates));
  const changed = new Schema({ serves });
  return [...new Schema().resources()]
    .filter((info) => changed.resource(info) === undefined)
    .map(({ resource, version, group }) => `${resource}.${version}.${group}`);
}

test('RuntimeConfig alone serves the stable versions', () => {
  assert.deepEqual(served(''), []);
  assert.deepEqual(unserved(''), []);
});

for (const [config, gates, more] of [
  [
    'resource.k8s.io/v1beta1=true',
    '',
    ['deviceclasses', 'resourceclaims', 'resourceclaimtemplates', 'resourceslices'].map((name) => `${name}.v1beta1.resource.k8s.io`),
  ],
  ['resource.k8s.io/v1beta1/resourceslices=true', '', ['resourceslices.v1beta1.resource.k8s.io']],
  [
    'resource.k8s.io/v1beta1=true,api/beta=false,resource.k8s.io/v1beta1/deviceclasses=false',
    '',
    ['resourceclaims', 'resourceclaimtemplates', 'resourceslices'].map((name) => `${name}.v1beta1.resource.k8s.io`),
  ],
  ['storage.k8s.io/v1beta1', '', ['volumeattributesclasses.v1beta1.storage.k8s.io']],
  ['certificates.k8s.io/v1beta1=true', '', []],
  ['certificates.k8s.io/v1beta1=true', 'ClusterTrustBundle=true', ['clustertrustbundles.v1beta1.certificates.k8s.io']],
  [
    'certificates.k8s.io/v1beta1=true',
    'AllBeta=true,ClusterTrustBundle=false,ClusterTrustBundleProjection=false',
    ['podcertificaterequests.v1beta1.certificates.k8s.io'],
  ],
  ['', 'ClusterTrustBundle=true', []],
  ['apps/v1beta1=true', '', []],
] as const) {
  test(`--runtime-config=${config} --feature-gates=${gates} serves ${more.join(', ') || 'nothing more'}`, () => {
    assert.deepEqual(new Set(served(config, gates)), new Set<string>(more));
  });
}

test('api/all and all gates serve everything there is', () => {
  const all = served('api/all=true', 'AllAlpha=true,AllBeta=true');
  assert.equal(all.length, resourceRows.length - [...new Schema().resources()].length);
});

test('api/beta serves no alpha version', () => {
  const beta = served('api/beta=true', 'AllAlpha=true,AllBeta=true');
  assert.ok(beta.length > 0);
  assert.deepEqual(
    beta.filter((name) => name.includes('alpha')),
    [],
  );
});

test('a stable version can be off, as a whole or in one resource', () => {
  assert.deepEqual(unserved('batch/v1=false'), ['cronjobs.v1.batch', 'jobs.v1.batch']);
  assert.deepEqual(unserved('batch/v1/cronjobs=false'), ['cronjobs.v1.batch']);
  assert.deepEqual(unserved('api/ga=false,batch/v1=true').includes('jobs.v1.batch'), false);
  assert.deepEqual(unserved('', 'MutatingAdmissionPolicy=false'), [
    'mutatingadmissionpolicies.v1.admissionregistration.k8s.io',
    'mutatingadmissionpolicybindings.v1.admissionregistration.k8s.io',
  ]);
});

test('what is wanted in vain is told', () => {
  const { inVain } = servedApis(new RuntimeConfig('certificates.k8s.io/v1alpha1=true'), new FeatureGates(''));
  assert.deepEqual(inVain, [
    'certificates.k8s.io/v1alpha1, Resource=clustertrustbundles is disabled because the ClusterTrustBundle feature is disabled',
  ]);
});

for (const [config, message] of [
  ['api/all=false', 'invalid runtime-config with only api/all=false'],
  ['api/beta=yes', 'invalid value api/beta=yes'],
  ['nope.example/v1=true,bad.example/v2/things=false', 'unknown api groups bad.example/v2,nope.example/v1'],
  ['batch/v7=true', 'group version batch/v7 that has not been registered'],
  ['batch/v1/Jobs=true', 'invalid key batch/v1/Jobs: group/version/resource and resource is always lowercase plural, not "Jobs"'],
  ['batch/v1=maybe', 'invalid value of batch/v1: maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ['a/b/c/d=true', 'runtime-config invalid key a/b/c/d'],
  ['v1=true', 'runtime-config invalid key v1'],
] as const) {
  test(`--runtime-config=${config} is refused in upstream's words`, () => {
    assert.throws(() => new RuntimeConfig(config), { name: 'RuntimeConfigError', message });
  });
}

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
