import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_KUBELET_CONFIG } from './config.ts';
import { KubeletConfigurationError, readKubeletConfiguration } from './configuration-file.ts';

const file = (fields: object): object => ({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...fields });

test('readKubeletConfiguration gives what the file sets, in milliseconds, and names what it does not look at', () => {
  assert.deepEqual(readKubeletConfiguration(file({})), { config: {}, unused: [] });
  const taint = { key: 'special', effect: 'NoSchedule' };
  const { config, unused } = readKubeletConfiguration(
    file({
      maxPods: 30,
      kubeReserved: { cpu: '200m', memory: '256Mi' },
      evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '5%' },
      evictionSoft: { 'memory.available': '400Mi' },
      evictionSoftGracePeriod: { 'memory.available': '1m30s' },
      nodeStatusUpdateFrequency: '5s',
      registerWithTaints: [taint],
      seccompDefault: true,
      crashLoopBackOff: { maxContainerRestartPeriod: '20s' },
      cgroupDriver: 'systemd',
      authentication: { anonymous: { enabled: false } },
    }),
  );
  assert.deepEqual(config, {
    maxPods: 30,
    kubeReserved: { cpu: '200m', memory: '256Mi' },
    evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '5%' },
    evictionSoft: { 'memory.available': '400Mi' },
    evictionSoftGracePeriod: { 'memory.available': 90_000 },
    nodeStatusUpdateFrequency: 5000,
    registerWithTaints: [taint],
    seccompDefault: true,
    maxContainerRestartPeriod: 20_000,
  });
  assert.deepEqual(unused, ['authentication', 'cgroupDriver']);
});

test('readKubeletConfiguration keeps the default thresholds of other signals when it is asked to', () => {
  const evictionHard = { 'memory.available': '1Gi' };
  assert.deepEqual(readKubeletConfiguration(file({ evictionHard })).config.evictionHard, evictionHard);
  assert.deepEqual(readKubeletConfiguration(file({ evictionHard, mergeDefaultEvictionSettings: true })).config.evictionHard, {
    ...DEFAULT_KUBELET_CONFIG.evictionHard,
    ...evictionHard,
  });
});

for (const [name, value, ...words] of [
  ['no configuration', { kind: 'Pod' }, 'it is no KubeletConfiguration of kubelet.config.k8s.io/v1beta1'],
  ['an unknown field', file({ maxPod: 3 }), 'strict decoding error: unknown field "maxPod"'],
  ['a wrong type', file({ maxPods: '3' }), 'maxPods: Invalid value: "3": must be an integer'],
  ['a negative count', file({ maxPods: -1 }), 'maxPods: Invalid value: -1: must not be a negative number'],
  ['a broken quantity', file({ evictionHard: { 'memory.available': '1x' } }), 'evictionHard.memory.available: Invalid value: "1x"'],
  ['an unknown signal', file({ evictionHard: { 'disk.free': '1Gi' } }), 'unknown eviction signal'],
  ['a share beyond the whole', file({ evictionHard: { 'nodefs.available': '120%' } }), 'eviction percentage threshold must be >= 0%'],
  ['a soft threshold without its time', file({ evictionSoft: { 'memory.available': '1Gi' } }), 'grace period must be specified'],
  ['a low threshold above the high', file({ imageGCLowThresholdPercent: 90 }), '90 must be less than imageGCHighThresholdPercent'],
  ['parallel pulls in turn', file({ maxParallelImagePulls: 3 }), 'unless serializeImagePulls (--serialize-image-pulls) is set to false'],
  [
    'an unknown effect',
    file({ registerWithTaints: [{ key: 'a', effect: 'Never' }] }),
    'registerWithTaints[0].effect: Unsupported value: "Never"',
  ],
  [
    'several faults',
    file({ maxPods: -1, nodeLeaseDurationSeconds: 0 }),
    'maxPods',
    'nodeLeaseDurationSeconds: Invalid value: 0: must be greater than 0',
  ],
] as const) {
  test(`readKubeletConfiguration refuses ${name}`, () => {
    assert.throws(
      () => readKubeletConfiguration(value),
      (error) => error instanceof KubeletConfigurationError && words.every((each) => error.message.includes(each)),
    );
  });
}
