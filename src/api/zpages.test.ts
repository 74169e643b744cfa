import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { VERSION } from './build.ts';
import { flagz, statusz } from './zpages.ts';

const STATUS = {
  component: 'kubelet',
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  now: Date.UTC(2026, 0, 2, 5, 10, 6),
  paths: ['/healthz', '/healthz/ping', '/metrics/slis', '/apis/apps', '/', '/configz'],
};
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

test('statusz tells people in text, whatever they accept but objects', () => {
  const text = `
kubelet statusz
${WARNING}

Started: Fri Jan  2 03:04:05 UTC 2026
Up: 2 hr 06 min 01 sec
Go version: ${VERSION.goVersion}
Binary version: 1.36.0
Emulation version: 1.36
Paths: /configz /healthz /metrics
`;
  for (const accept of ['', '*/*', 'text/plain', 'text/*', 'application/json, text/plain;q=0.5'])
    assert.deepEqual(statusz(accept, STATUS), { type: 'text/plain; charset=utf-8', body: text, headers: {} }, accept);
});

test('statusz tells programs as an object of the version they name', () => {
  const { type, body, headers } = statusz('application/json;v=v1beta1;g=config.k8s.io;as=Statusz', STATUS);
  assert.deepEqual([type, headers], ['application/json', {}]);
  assert.deepEqual(JSON.parse(body), {
    kind: 'Statusz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'kubelet' },
    startTime: '2026-01-02T03:04:05Z',
    uptimeSeconds: 7561,
    goVersion: VERSION.goVersion,
    binaryVersion: '1.36.0',
    emulationVersion: '1.36',
    paths: ['/configz', '/healthz', '/metrics'],
  });
  const old = statusz('application/yaml;v=v1alpha1;g=config.k8s.io;as=Statusz', STATUS);
  assert.match(old.body, /^apiVersion: config.k8s.io\/v1alpha1$/m);
  assert.equal(old.headers['Warning'], '299 - "This version of the statusz endpoint is deprecated. Please use a newer version."');
});

test('flagz tells flags by their names', () => {
  const flags = { v: '2', 'node-ip': '10.0.0.1' };
  assert.equal(flagz('', 'kubelet', flags).body, `\nkubelet flagz\n${WARNING}\nnode-ip=10.0.0.1\nv=2\n`);
  assert.deepEqual(JSON.parse(flagz('application/json;as=Flagz;v=v1beta1;g=config.k8s.io', 'kubelet', flags).body), {
    kind: 'Flagz',
    apiVersion: 'config.k8s.io/v1beta1',
    metadata: { name: 'kubelet' },
    flags,
  });
});

for (const accept of [
  'application/json',
  'application/vnd.kubernetes.protobuf',
  'application/json;v=v2;g=config.k8s.io;as=Statusz',
  'application/json;v=v1beta1;g=config.k8s.io;as=Flagz',
  'text/html',
]) {
  test(`statusz refuses ${accept}`, () =>
    assert.throws(
      () => statusz(accept, STATUS),
      (error) =>
        isStatusError(error, 'NotAcceptable') && error.message.endsWith('accepted: application/json, application/yaml, text/plain'),
    ));
}
