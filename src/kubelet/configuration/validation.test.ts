// The cases of upstream's validation_test.go that concern this kubelet, and their words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeletConfig, kubeletConfig } from './config.ts';
import { type OtherValues, otherValues } from './other-fields.ts';
import { configurationProblems } from './validation.ts';

const problems = (config: Partial<KubeletConfig>, others: Partial<OtherValues>, cgroupV1?: boolean): readonly string[] =>
  configurationProblems({
    config: kubeletConfig({ nodeName: 'node', ...config }),
    others: otherValues(others),
    ...(cgroupV1 === undefined ? {} : { cgroupV1 }),
  });

test('configurationProblems finds nothing wrong with the defaults', () => assert.deepEqual(problems({}, {}), []));

const RESERVED_CGROUPS =
  "can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)";
const VALID = '"pods", "system-reserved", "system-reserved-compressible", "kube-reserved", "kube-reserved-compressible" or "none"';
const PERIODS = 'specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate GracefulNodeShutdown';

const CASES: readonly (readonly [config: Partial<KubeletConfig>, others: Partial<OtherValues>, ...words: string[]])[] = [
  [{ nodeLeaseDurationSeconds: 0 }, {}, 'nodeLeaseDurationSeconds must be greater than 0'],
  [
    { cgroupsPerQOS: false },
    {},
    'cgroupsPerQOS (--cgroups-per-qos) must be set to true when "pods" contained in enforceNodeAllocatable (--enforce-node-allocatable)',
  ],
  [
    { cgroupRoot: '' },
    { systemCgroups: '/' },
    'systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified',
  ],
  [{}, { eventBurst: -1 }, 'eventBurst (--event-burst) -1 must not be a negative number'],
  [{}, { eventRecordQPS: -1 }, 'eventRecordQPS (--event-qps) -1 must not be a negative number'],
  [{ healthzPort: 65_536 }, {}, 'healthzPort (--healthz-port) 65536 must be between 1 and 65535, inclusive'],
  [{}, { cpuCFSQuotaPeriod: 200 }, 'cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {200ms} requires feature gate CustomCPUCFSQuotaPeriod'],
  [
    {},
    { cpuCFSQuotaPeriod: 2000, featureGates: { CustomCPUCFSQuotaPeriod: true } },
    'cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {2s} must be between 1ms and 1sec, inclusive',
  ],
  [
    { imageGCHighThresholdPercent: 101 },
    {},
    'imageGCHighThresholdPercent (--image-gc-high-threshold) 101 must be between 0 and 100, inclusive',
  ],
  [{ imageGCLowThresholdPercent: -1 }, {}, 'imageGCLowThresholdPercent (--image-gc-low-threshold) -1 must be between 0 and 100, inclusive'],
  [
    { imageGCHighThresholdPercent: 0, imageGCLowThresholdPercent: 0 },
    {},
    'imageGCLowThresholdPercent (--image-gc-low-threshold) 0 must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) 0',
  ],
  [{ imageMaximumGCAge: -1e-6 }, {}, 'imageMaximumGCAge -1ns must not be negative'],
  [{ imageMaximumGCAge: 1e-6, imageMinimumGCAge: 2e-6 }, {}, 'imageMaximumGCAge 1ns must be greater than imageMinimumGCAge 2ns'],
  [{}, { iptablesDropBit: 32 }, 'iptablesDropBit (--iptables-drop-bit) 32 must be between 0 and 31, inclusive'],
  [{}, { iptablesMasqueradeBit: 32 }, 'iptablesMasqueradeBit (--iptables-masquerade-bit) 32 must be between 0 and 31, inclusive'],
  [{}, { kubeAPIBurst: -1 }, 'kubeAPIBurst (--kube-api-burst) -1 must not be a negative number'],
  [{}, { kubeAPIQPS: -1 }, 'kubeAPIQPS (--kube-api-qps) -1 must not be a negative number'],
  [{ nodeStatusMaxImages: -2 }, {}, 'nodeStatusMaxImages (--node-status-max-images) -2 must be -1 or greater'],
  [{}, { maxOpenFiles: -1 }, 'maxOpenFiles (--max-open-files) -1 must not be a negative number'],
  [{ maxPods: -1 }, {}, 'maxPods (--max-pods) -1 must not be a negative number'],
  [{}, { oomScoreAdj: 1001 }, 'oomScoreAdj (--oom-score-adj) 1001 must be between -1000 and 1000, inclusive'],
  [{ podsPerCore: -1 }, {}, 'podsPerCore (--pods-per-core) -1 must not be a negative number'],
  [{}, { port: 65_536 }, 'port (--port) 65536 must be between 1 and 65535, inclusive'],
  [{}, { readOnlyPort: 65_536 }, 'readOnlyPort (--read-only-port) 65536 must be between 0 and 65535, inclusive'],
  [{}, { registryBurst: -1 }, 'registryBurst (--registry-burst) -1 must not be a negative number'],
  [{}, { registryPullQPS: -1 }, 'registryPullQPS (--registry-qps) -1 must not be a negative number'],
  [{ maxParallelImagePulls: 0 }, {}, 'maxParallelImagePulls 0 must be a positive number'],
  [
    { maxParallelImagePulls: 3, serializeImagePulls: true },
    {},
    'maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false',
  ],
  [{ maxParallelImagePulls: 1 }, {}],
  [
    {},
    { serverTLSBootstrap: true, featureGates: { RotateKubeletServerCertificate: false } },
    'serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate',
  ],
  [{}, { runOnce: true }, 'runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set'],
  [
    { topologyManagerPolicy: 'invalid-policy' },
    {},
    'topologyManagerPolicy (--topology-manager-policy) "invalid-policy" must be one of: ["none" "best-effort" "restricted" "single-numa-node"]',
  ],
  [
    { topologyManagerScope: 'invalid-scope' },
    {},
    'topologyManagerScope (--topology-manager-scope) "invalid-scope" must be one of: "container", or "pod"',
  ],
  [
    { shutdownGracePeriod: 1000, shutdownGracePeriodCriticalPods: 2000 },
    {},
    'shutdownGracePeriodCriticalPods {2s} must be <= shutdownGracePeriod {1s}',
  ],
  [{ shutdownGracePeriod: 1 }, {}, 'shutdownGracePeriod {1ms} must be either zero or otherwise >= 1 sec'],
  [
    { shutdownGracePeriod: 2000, shutdownGracePeriodCriticalPods: 1 },
    {},
    'shutdownGracePeriodCriticalPods {1ms} must be either zero or otherwise >= 1 sec',
  ],
  [{ shutdownGracePeriod: 1000 }, { featureGates: { GracefulNodeShutdown: false } }, PERIODS],
  [
    { shutdownGracePeriod: 1000, shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 0 }] },
    {},
    'Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time',
  ],
  [
    { shutdownGracePeriodByPodPriority: [{ priority: 0, shutdownGracePeriodSeconds: 0 }] },
    { featureGates: { GracefulNodeShutdownBasedOnPodPriority: false } },
    'Specifying shutdownGracePeriodByPodPriority requires feature gate GracefulNodeShutdownBasedOnPodPriority',
  ],
  [
    {},
    { memorySwap: { swapBehavior: 'invalid-behavior' } },
    'memorySwap.swapBehavior "invalid-behavior" must be one of: "", "LimitedSwap" or "NoSwap"',
  ],
  [
    { maxContainerRestartPeriod: 301_000 },
    {},
    'CrashLoopBackOff.MaxContainerRestartPeriod (got: 301 seconds) must be set between 1s and 300s',
  ],
  [
    { enforceNodeAllocatable: ['system-reserved'] },
    {},
    'systemReservedCgroup (--system-reserved-cgroup) must be specified when "system-reserved" or "system-reserved-compressible" included in enforceNodeAllocatable (--enforce-node-allocatable)',
  ],
  [
    { enforceNodeAllocatable: ['kube-reserved'] },
    {},
    'kubeReservedCgroup (--kube-reserved-cgroup) must be specified when "kube-reserved" or "kube-reserved-compressible" included in enforceNodeAllocatable (--enforce-node-allocatable)',
  ],
  [
    { enforceNodeAllocatable: ['none', 'pods'] },
    {},
    'enforceNodeAllocatable (--enforce-node-allocatable) may not contain additional enforcements when "none" is specified',
  ],
  [
    { enforceNodeAllocatable: ['pods', 'pods'] },
    {},
    'duplicated enforcements "pods" in enforceNodeAllocatable (--enforce-node-allocatable)',
  ],
  [
    { enforceNodeAllocatable: ['other'] },
    {},
    `option "other" specified for enforceNodeAllocatable (--enforce-node-allocatable). Valid options are ${VALID}`,
  ],
  [
    {},
    { hairpinMode: 'other' },
    'option "other" specified for hairpinMode (--hairpin-mode). Valid options are "none", "hairpin-veth" or "promiscuous-bridge"',
  ],
  [{ reservedSystemCPUs: '0-3' }, { systemReservedCgroup: '/system.slice' }, RESERVED_CGROUPS],
  [{ reservedSystemCPUs: '0-3' }, { kubeReservedCgroup: '/system.slice' }, RESERVED_CGROUPS],
  [
    { reservedSystemCPUs: 'some' },
    {},
    'unable to parse reservedSystemCPUs (--reserved-cpus) some, error: strconv.Atoi: parsing "some": invalid syntax',
  ],
  [
    { reservedMemory: [{ numaNode: 1, limits: { cpu: '1' } }] },
    {},
    'the limit type "cpu" for NUMA node 1 is not supported, only [memory hugepages-<HugePageSize>] is accepted',
  ],
  [
    {
      reservedMemory: [
        { numaNode: 0, limits: { memory: '1Gi' } },
        { numaNode: 0, limits: { memory: '0' } },
      ],
    },
    {},
    'reserved memory may not be zero for NUMA node 0 and resource "memory"',
    'the reserved memory has a duplicate value for NUMA node 0 and resource "memory"',
  ],
  [{}, { memoryThrottlingFactor: 1.1 }, 'memoryThrottlingFactor 1.1 must be greater than 0 and less than or equal to 1.0'],
  [{}, { enableSystemLogQuery: true, enableSystemLogHandler: false }, 'enableSystemLogHandler is required for enableSystemLogQuery'],
  [{}, { containerLogMaxWorkers: 0 }, 'containerLogMaxWorkers must be greater than or equal to 1'],
  [{ containerLogMonitorInterval: 2000 }, {}, 'containerLogMonitorInterval must be a positive time duration greater than or equal to 3s'],
  [{ containerLogMaxFiles: 1 }, {}, 'containerLogMaxFiles must be greater than 1'],
  [{ podLogsDir: 'logs/' }, {}, 'pod logs path "logs/" must be absolute path'],
  [{ podLogsDir: '/var/../logs' }, {}, 'pod logs path "/var/../logs" must be normalized'],
];

for (const [config, others, ...words] of CASES) {
  const name = JSON.stringify({ ...config, ...others });
  test(`configurationProblems of ${name}`, () =>
    assert.deepEqual(
      problems(config, others),
      words.map((each) => `invalid configuration: ${each}`),
    ));
}

test('configurationProblems minds the version of cgroups only where that is known', () => {
  assert.deepEqual(problems({}, { failCgroupV1: true }), []);
  assert.deepEqual(problems({}, { failCgroupV1: true }, true), [
    'kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode',
  ]);
});
