import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAdmissionConfiguration } from './configuration.ts';
import { ADMISSION_PLUGINS, runningPlugins } from './plugin-names.ts';

const POD_SECURITY = 'pod-security.admission.config.k8s.io/v1';
const EVENTS = 'eventratelimit.admission.k8s.io/v1alpha1';
const read = (plugins: readonly object[], files: Readonly<Record<string, string>> = {}) =>
  readAdmissionConfiguration(
    JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }),
    (path) => files[path] ?? '',
  );
const podSecurity = (configuration: object) => ({
  name: 'PodSecurity',
  configuration: { apiVersion: POD_SECURITY, kind: 'PodSecurityConfiguration', ...configuration },
});
const eventRateLimit = (...limits: readonly object[]) => ({
  name: 'EventRateLimit',
  configuration: { apiVersion: EVENTS, kind: 'Configuration', limits },
});

test('readAdmissionConfiguration reads what stands in the file and what it leads to', () => {
  const limits = `apiVersion: ${EVENTS}\nkind: Configuration\nlimits: [{type: Server, qps: 5, burst: 10}]\n`;
  const settings = read(
    [
      podSecurity({ defaults: { enforce: 'baseline', 'warn-version': 'v1.30' }, exemptions: { namespaces: ['kube-system'] } }),
      { name: 'EventRateLimit', path: 'events.yaml' },
      { name: 'ResourceQuota' },
    ],
    { 'events.yaml': limits },
  );
  assert.deepEqual(settings, {
    podSecurity: {
      defaults: {
        enforce: { level: 'baseline', minor: undefined },
        warn: { level: 'privileged', minor: 30 },
        audit: { level: 'privileged', minor: undefined },
      },
      exemptions: { namespaces: ['kube-system'] },
    },
    eventLimits: [{ type: 'Server', qps: 5, burst: 10, cacheSize: 0 }],
  });
});

for (const [plugin, message] of [
  [
    podSecurity({ defaults: { enforce: 'none' } }),
    /^defaults\.enforce: Invalid value: "none": must be one of privileged, baseline, restricted$/,
  ],
  [podSecurity({ defaults: { 'audit-version': '1.30' } }), /defaults\.audit-version: Invalid value: "1\.30": must be "latest" or "v1\.x"/],
  [podSecurity({ defaults: { enfroce: 'baseline' } }), /strict decoding error: unknown field "defaults\.enfroce"/],
  [podSecurity({ exemptions: { namespaces: ['a', 'a'] } }), /exemptions\.namespaces\[1\]: Duplicate value: "a"/],
  [podSecurity({ exemptions: { usernames: [''] } }), /exemptions\.usernames\[0\]: Required value/],
  [podSecurity({ exemptions: { runtimeClasses: ['A'] } }), /exemptions\.runtimeClasses\[0\]: Invalid value: "A"/],
  [eventRateLimit(), /limits: Invalid value: null: must not be empty/],
  [eventRateLimit({ type: 'All', qps: 1, burst: 1 }), /limits\[0\]\.type: Unsupported value: "All"/],
  [eventRateLimit({ type: 'Server', qps: 0, burst: -1 }), /limits\[0\]\.burst: Invalid value: -1.*limits\[0\]\.qps: Invalid value: 0/],
  [eventRateLimit({ type: 'User', qps: 1, burst: 1, cacheSize: -1 }), /limits\[0\]\.cacheSize: Invalid value: -1: must not be negative/],
  [{ name: 'LimitRanger', configuration: {} }, /"LimitRanger" takes no configuration/],
  [{ name: 'Nope', configuration: {} }, /"Nope" is unknown/],
] as const) {
  test(`readAdmissionConfiguration refuses ${JSON.stringify(plugin)}`, () =>
    assert.throws(() => read([plugin]), { name: 'ConfigurationError', message }));
}

test('runningPlugins are those on by default, with those turned on and without those turned off', () => {
  const all = ADMISSION_PLUGINS.filter((name) => name !== 'EventRateLimit');
  assert.deepEqual([...runningPlugins()], all);
  assert.deepEqual(
    [...runningPlugins(['EventRateLimit', 'Priority'], ['LimitRanger'])],
    ADMISSION_PLUGINS.filter((name) => name !== 'LimitRanger'),
  );
});
