import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceRows } from '#api/schema/tables.ts';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { Schema } from '#api/schema.ts';
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
