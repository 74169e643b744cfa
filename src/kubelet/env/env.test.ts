import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { notFound } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import type { ConfigMap, Container, Secret, Service } from '#api/types.ts';
import { container, pod } from '../testing/pods.ts';
import { DownwardError, fieldValue, resourceValue, type DownwardFacts } from './downward.ts';
import { envFileValue, readEnvFile } from './env-file.ts';
import { EnvironmentError } from './errors.ts';
import { expand, expandStrict, MissingVariables } from './expansion.ts';
import { serviceVariables } from './service-env.ts';
import { environmentOf, type References } from './variables.ts';

const values: Readonly<Record<string, string>> = { A: '1', B: 'two', 'C-D': '3', E: '' };
const lookup = (name: string): string | undefined => values[name];

// Source: third_party/forked/golang/expansion expand_test.go.
for (const [text, want] of [
  ['$(A)', '1'],
  ['x$(A)y$(B)z', 'x1ytwoz'],
  ['$(C-D)', '3'],
  ['$(NONE)', '$(NONE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$$$$(A)', '$$(A)'],
  ['$(A', '$(A'],
  ['$', '$'],
  ['a$', 'a$'],
  ['$A', '$A'],
  ['$(', '$('],
  ['$()', '$()'],
  ['$(A)$', '1$'],
  ['foo$(A', 'foo$(A'],
  ['$$', '$'],
  ['$(E)x', 'x'],
  ['$(A$(B))', '$(A$(B))'],
] as const) {
  test(`expand makes ${JSON.stringify(want)} of ${JSON.stringify(text)}`, () => assert.equal(expand(text, lookup), want));
}

test('expandStrict refuses variables without a value', () => {
  assert.equal(expandStrict('$(A)/$(B)', lookup), '1/two');
  assert.throws(() => expandStrict('$(Z)/$(A)/$(E)', lookup), new MissingVariables('missing value for E, Z'));
});

function service(name: string, more: Partial<Service['spec']> = {}, namespace = 'default'): Service {
  const metadata = { name, namespace, uid: name, resourceVersion: '1', creationTimestamp: '' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: '10.96.0.7', type: 'ClusterIP', sessionAffinity: 'None', ports: [], ...more },
    status: { loadBalancer: {} },
  } as Service;
}

test('serviceVariables tells host, ports and links', () => {
  const web = service('my-web', {
    ports: [
      { name: 'http', port: 80, protocol: 'TCP', targetPort: 80 },
      { name: 'q-dns', port: 53, protocol: 'UDP', targetPort: 53 },
    ],
  });
  assert.deepEqual(Object.fromEntries(serviceVariables([web], 'default', true)), {
    MY_WEB_SERVICE_HOST: '10.96.0.7',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_SERVICE_PORT_Q_DNS: '53',
    MY_WEB_PORT: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.96.0.7:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.7',
    MY_WEB_PORT_53_UDP: 'udp://10.96.0.7:53',
    MY_WEB_PORT_53_UDP_PROTO: 'udp',
    MY_WEB_PORT_53_UDP_PORT: '53',
    MY_WEB_PORT_53_UDP_ADDR: '10.96.0.7',
  });
});

test('serviceVariables always tells of default/kubernetes, and of others only in the namespace and when asked', () => {
  const ports = [{ port: 443, protocol: 'TCP' as const, targetPort: 443 }];
  const all = [
    service('kubernetes', { ports }),
    service('web', { ports }, 'team'),
    service('web', { ports }, 'other'),
    service('none', { ports, clusterIP: 'None' }, 'team'),
  ];
  const hosts = (links: boolean): string[] =>
    [...serviceVariables(all, 'team', links).keys()].filter((name) => name.endsWith('_SERVICE_HOST'));
  assert.deepEqual(hosts(true), ['KUBERNETES_SERVICE_HOST', 'WEB_SERVICE_HOST']);
  assert.deepEqual(hosts(false), ['KUBERNETES_SERVICE_HOST']);
});

const facts: DownwardFacts = { podIPs: ['10.0.0.5', 'fd00::5'], hostIPs: ['192.0.2.1'], allocatable: { cpu: '4', memory: '8Gi' } };
const subject = pod({
  name: 'web',
  labels: { b: 'x"y', a: '1' },
  annotations: { note: 'line\nbreak' },
  spec: {
    serviceAccountName: 'builder',
    containers: [container('app', { resources: { requests: { cpu: '1500m', memory: '100Mi' }, limits: { memory: '200Mi' } } })],
  },
});

for (const [fieldPath, want] of [
  ['metadata.name', 'web'],
  ['metadata.namespace', 'default'],
  ['metadata.uid', 'uid-web'],
  ["metadata.labels['a']", '1'],
  ["metadata.annotations['none']", ''],
  ["metadata.labels['constructor']", ''],
  ['metadata.labels', 'a="1"\nb="x\\"y"'],
  ['metadata.annotations', 'note="line\\nbreak"'],
  ['spec.nodeName', 'node'],
  ['spec.serviceAccountName', 'builder'],
  ['status.hostIP', '192.0.2.1'],
  ['status.podIP', '10.0.0.5'],
  ['status.podIPs', '10.0.0.5,fd00::5'],
] as const) {
  test(`fieldValue gives ${fieldPath}`, () => assert.equal(fieldValue({ fieldPath }, subject, facts), want));
}

test('fieldValue refuses a field that does not exist', () => {
  assert.throws(
    () => fieldValue({ fieldPath: 'spec.colour' }, subject, facts),
    new DownwardError('field label not supported: spec.colour'),
  );
});

for (const [resource, divisor, want] of [
  ['requests.cpu', '1', '2'],
  ['requests.cpu', '1m', '1500'],
  ['requests.memory', '1Mi', '100'],
  ['limits.memory', '1', '209715200'],
  ['limits.cpu', '1', '4'],
  ['limits.memory', '1Gi', '1'],
] as const) {
  test(`resourceValue gives ${resource} in units of ${divisor}`, () =>
    assert.equal(resourceValue({ resource, divisor }, subject, subject.spec.containers[0], facts), want));
}

test('resourceValue refuses unknown resources and containers', () => {
  assert.throws(
    () => resourceValue({ resource: 'limits.gold', divisor: '1' }, subject, subject.spec.containers[0], facts),
    new DownwardError('unsupported container resource : limits.gold'),
  );
  assert.throws(
    () => resourceValue({ resource: 'limits.cpu', divisor: '1', containerName: 'none' }, subject, undefined, facts),
    new DownwardError('container none not found'),
  );
});

const references: References = {
  async configMap(_namespace, name) {
    if (name !== 'settings') throw notFound(configmaps, name);
    return { data: { colour: 'blue', size: 'L' } } as unknown as ConfigMap;
  },
  async secret(_namespace, name) {
    if (name !== 'keys') throw notFound(configmaps, name);
    return { data: { token: Buffer.from('s3cret').toString('base64') } } as unknown as Secret;
  },
};

function environment(more: Partial<Container>): Promise<ReadonlyMap<string, string>> {
  return environmentOf({
    pod: subject,
    container: container('app', more),
    references,
    services: [service('db', { ports: [{ port: 5432, protocol: 'TCP', targetPort: 5432 }] })],
    facts,
    volumePath: () => undefined,
  });
}

test('environmentOf takes envFrom first, lets env win, and adds service variables last', async () => {
  const env = await environment({
    envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'K_', secretRef: { name: 'keys' } }],
    env: [
      { name: 'size', value: 'XL' },
      { name: 'BOTH', value: '$(colour)-$(size)-$(DB_SERVICE_HOST)' },
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
      { name: 'MAYBE', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
      { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'EMPTY' },
    ],
  });
  assert.deepEqual([...env].slice(0, 7), [
    ['colour', 'blue'],
    ['size', 'XL'],
    ['K_token', 's3cret'],
    ['BOTH', 'blue-XL-10.96.0.7'],
    ['TOKEN', 's3cret'],
    ['NAME', 'web'],
    ['EMPTY', ''],
  ]);
  assert.equal(env.has('MAYBE'), false);
  assert.equal(env.get('DB_SERVICE_PORT'), '5432');
});

for (const key of ['none', 'constructor']) {
  test(`environmentOf says that key ${key} is missing`, async () => {
    const ofConfigMap = environment({ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key } } }] });
    await assert.rejects(ofConfigMap, { message: `couldn't find key ${key} in ConfigMap default/settings` });
    const ofSecret = environment({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'keys', key } } }] });
    await assert.rejects(ofSecret, { message: `couldn't find key ${key} in Secret default/keys` });
  });
}

// Source: env ParseEnv; `undefined` is a file that cannot be read.
for (const [text, want] of [
  ["# note\n\nB='x y'\nA='1'\n", '1'],
  ["\t A='1'", '1'],
  ["A='1' # first\n", '1'],
  ["A='1'# first\n", '1'],
  ["A='$x \\n \"#'", '$x \\n "#'],
  ["B='not\nA='", ''],
  ["A='one\n two\n\n# three'  \n", 'one\n two\n\n# three'],
  ["A='one\r\ntwo'\r\n", 'one\ntwo'],
  ["A='1'\nA='2'\n", '1'],
  ["A=''", ''],
  ["A= '1'\nA='2'", ''],
  ["B= '1'\nA='2'", '2'],
  ["A='1'\nnothing is read after it", '1'],
  ['', ''],
  ['A=1', undefined],
  ['A="1"', undefined],
  ['A=', undefined],
  ["B=1\nA='1'", undefined],
  ["A ='1'", undefined],
  ["='1'\nA='1'", undefined],
  ["export\nA='1'", undefined],
  ["A='1'2", undefined],
  ["A='1\n\n", undefined],
] as const) {
  test(`envFileValue ${want === undefined ? 'refuses' : `finds ${JSON.stringify(want)} in`} ${JSON.stringify(text)}`, () => {
    if (want === undefined) assert.throws(() => envFileValue(text, 'A'), new EnvironmentError("couldn't parse env file"));
    else assert.equal(envFileValue(text, 'A'), want);
  });
}

test('readEnvFile does without a key that is optional, never without its file, and does not leave the volume', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'outside.env'), "A='secret'");
  const volume = join(folder, 'volume');
  mkdirSync(volume);
  writeFileSync(join(volume, 'a.env'), "A='1'\nE=''\n");
  symlinkSync('../outside.env', join(volume, 'link.env'));
  const read = (key: string, path: string, optional = false) =>
    readEnvFile({ volumeName: 'v', path, key, optional }, (name) => (name === 'v' ? volume : undefined));
  assert.equal(await read('A', 'a.env'), '1');
  assert.equal(await read('B', 'a.env', true), undefined);
  assert.equal(await read('E', 'a.env', true), undefined);
  for (const key of ['B', 'E'])
    await assert.rejects(read(key, 'a.env'), { message: `environment variable key "${key}" not found in file "${join(volume, 'a.env')}"` });
  for (const path of ['none.env', 'link.env', '../outside.env'])
    await assert.rejects(read('A', path, true), { message: "couldn't parse env file" });
});
