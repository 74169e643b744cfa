import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_KUBELET_CONFIG, kubeletConfig } from './config.ts';
import { configurationOf } from './configuration-json.ts';
import { KubeletConfigurationError, readKubeletConfiguration } from './configuration-file.ts';

const file = (fields: object): object => ({ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', ...fields });

test('readKubeletConfiguration gives what the file sets, in milliseconds, and names what it does not look at', () => {
  assert.deepEqual(readKubeletConfiguration(file({})), { config: { others: {} }, unused: [] });
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
      authentication: { anonymous: { enabled: true } },
      evictionPressureTransitionPeriod: '0s',
      shutdownGracePeriodByPodPriority: [{ priority: 100, shutdownGracePeriodSeconds: 20 }],
      reservedMemory: [{ numaNode: 0, limits: { memory: '1Gi' } }],
    }),
  );
  assert.deepEqual(config, {
    maxPods: 30,
    kubeReserved: { cpu: '200m', memory: '256Mi' },
    evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '5%' },
    evictionSoft: { 'memory.available': '400Mi' },
    evictionSoftGracePeriod: { 'memory.available': 90_000 },
    nodeStatusUpdateFrequency: 5000,
    nodeStatusReportFrequency: 5000,
    registerWithTaints: [taint],
    seccompDefault: true,
    maxContainerRestartPeriod: 20_000,
    cgroupDriver: 'systemd',
    shutdownGracePeriodByPodPriority: [{ priority: 100, shutdownGracePeriodSeconds: 20 }],
    reservedMemory: [{ numaNode: 0, limits: { memory: '1Gi' } }],
    others: {
      authentication: {
        x509: { clientCAFile: '' },
        webhook: { enabled: true, cacheTTL: 120_000 },
        anonymous: { enabled: true },
      },
    },
  });
  assert.deepEqual(unused, ['authentication']);
});

/** As kubeadm writes it: what it does not set is there as zero. Source: cmd/kubeadm/app/componentconfigs kubelet.go. */
const KUBEADM = file({
  authentication: {
    anonymous: { enabled: false },
    webhook: { cacheTTL: '0s', enabled: true },
    x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
  },
  authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '0s', cacheUnauthorizedTTL: '0s' } },
  cgroupDriver: 'systemd',
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  containerRuntimeEndpoint: '',
  cpuManagerReconcilePeriod: '0s',
  crashLoopBackOff: {},
  evictionPressureTransitionPeriod: '0s',
  fileCheckFrequency: '0s',
  healthzBindAddress: '127.0.0.1',
  healthzPort: 10_248,
  httpCheckFrequency: '0s',
  imageMaximumGCAge: '0s',
  imageMinimumGCAge: '0s',
  logging: { flushFrequency: 0, options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } }, verbosity: 0 },
  memorySwap: {},
  nodeStatusReportFrequency: '0s',
  nodeStatusUpdateFrequency: '0s',
  rotateCertificates: true,
  runtimeRequestTimeout: '0s',
  shutdownGracePeriod: '0s',
  shutdownGracePeriodCriticalPods: '0s',
  staticPodPath: '/etc/kubernetes/manifests',
  streamingConnectionIdleTimeout: '0s',
  syncFrequency: '0s',
  volumeStatsAggPeriod: '0s',
});

test('readKubeletConfiguration takes the zeros of a file of kubeadm for what is not given', () => {
  const { config, unused } = readKubeletConfiguration(KUBEADM);
  const { others, ...set } = config;
  assert.deepEqual(set, {
    cgroupDriver: 'systemd',
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    healthzPort: 10_248,
    healthzBindAddress: '127.0.0.1',
    staticPodPath: '/etc/kubernetes/manifests',
  });
  assert.deepEqual(unused, ['rotateCertificates', 'authentication']);
  const shown = configurationOf(kubeletConfig({ ...config, nodeName: 'node' }));
  assert.deepEqual(shown['authentication'], {
    x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
    webhook: { enabled: true, cacheTTL: '2m0s' },
    anonymous: { enabled: false },
  });
});

test('configurationOf tells every field with its default', () => {
  const shown = configurationOf(kubeletConfig({ nodeName: 'node' }));
  for (const [name, value] of Object.entries({
    syncFrequency: '1m0s',
    address: '0.0.0.0',
    port: 10_250,
    imageGCHighThresholdPercent: 85,
    cgroupDriver: 'cgroupfs',
    cpuManagerPolicy: 'none',
    memoryManagerPolicy: 'None',
    topologyManagerScope: 'container',
    cpuCFSQuotaPeriod: '100ms',
    shutdownGracePeriod: '0s',
    containerLogMonitorInterval: '10s',
    crashLoopBackOff: { maxContainerRestartPeriod: '5m0s' },
    memorySwap: {},
    memoryThrottlingFactor: 0.9,
    logging: {
      format: 'text',
      flushFrequency: '5s',
      verbosity: 0,
      options: { text: { infoBufferSize: '0' }, json: { infoBufferSize: '0' } },
    },
    imagePullCredentialsVerificationPolicy: 'NeverVerifyPreloadedImages',
    enforceNodeAllocatable: ['pods'],
    evictionSoft: undefined,
    staticPodPath: undefined,
    readOnlyPort: undefined,
    maxParallelImagePulls: undefined,
  }))
    assert.deepEqual(shown[name], value, name);
  const { others } = readKubeletConfiguration(shown).config;
  assert.deepEqual(configurationOf(kubeletConfig({ nodeName: 'node', others: others ?? {} })), shown, 'what is shown can be read again');
});

test('readKubeletConfiguration pulls in parallel where several pulls at once are asked for', () => {
  assert.equal(readKubeletConfiguration(file({ maxParallelImagePulls: 3 })).config.serializeImagePulls, false);
  assert.equal(readKubeletConfiguration(file({ maxParallelImagePulls: 1 })).config.serializeImagePulls, undefined);
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
  [
    'an unknown field further in',
    file({ authentication: { webhook: { on: true } } }),
    'strict decoding error: unknown field "authentication.webhook.on"',
  ],
  ['a wrong type', file({ maxPods: '3' }), 'maxPods: Invalid value: "3": must be an integer'],
  ['a wrong type of what it does not look at', file({ failSwapOn: 'no' }), 'failSwapOn: Invalid value: "no": must be a boolean'],
  ['a broken quantity', file({ evictionHard: { 'memory.available': '1x' } }), 'evictionHard.memory.available: Invalid value: "1x"'],
  ['an unknown signal', file({ evictionHard: { 'disk.free': '1Gi' } }), 'unknown eviction signal'],
  ['a share beyond the whole', file({ evictionHard: { 'nodefs.available': '120%' } }), 'eviction percentage threshold must be >= 0%'],
  ['a soft threshold without its time', file({ evictionSoft: { 'memory.available': '1Gi' } }), 'grace period must be specified'],
  [
    'an unknown effect',
    file({ registerWithTaints: [{ key: 'a', effect: 'Never' }] }),
    'registerWithTaints[0].effect: Unsupported value: "Never"',
  ],
  [
    'several faults',
    file({ maxPods: -1, nodeLeaseDurationSeconds: -1 }),
    'invalid configuration: maxPods (--max-pods) -1 must not be a negative number',
    'invalid configuration: nodeLeaseDurationSeconds must be greater than 0',
  ],
] as const) {
  test(`readKubeletConfiguration refuses ${name}`, () => {
    assert.throws(
      () => readKubeletConfiguration(value),
      (error) => error instanceof KubeletConfigurationError && words.every((each) => error.message.includes(each)),
    );
  });
}
