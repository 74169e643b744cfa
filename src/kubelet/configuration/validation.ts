// pure
// What is wrong with a KubeletConfiguration, defaults included, in upstream's words and order.
// Source: apis/config/validation ValidateKubeletConfiguration.
import { isAbsolute, normalize } from 'node:path';
import { formatDuration } from '#apimachinery/duration.ts';
import { goFloat, goQuote, goQuotedList } from '#apimachinery/go-format.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { CpuSet, CpuSetError } from '../cpu-manager/cpu-set.ts';
import { allowlistProblem } from '../images/verification-policy.ts';
import type { KubeletConfig } from './config.ts';
import type { OtherValues } from './other-fields.ts';

export interface Checked {
  readonly config: KubeletConfig;
  readonly others: OtherValues;
  /** Whether the machine has cgroups of version 1; undefined when that is not known. */
  readonly cgroupV1?: boolean;
}

type Check = (checked: Checked) => readonly (string | false | undefined)[];

export function configurationProblems(checked: Checked): readonly string[] {
  return CHECKS.flatMap((check) => check(checked)).filter((problem) => typeof problem === 'string');
}

const invalid = (words: string): string => `invalid configuration: ${words}`;
/** As Go prints a struct that holds a duration. */
const braced = (ms: number): string => `{${formatDuration(ms)}}`;

const between = (name: string, value: number, [min, max]: readonly [number, number], shown: readonly [number, number] = [min, max]) =>
  (value < min || value > max) && invalid(`${name} ${value} must be between ${shown[0]} and ${shown[1]}, inclusive`);
const natural = (name: string, value: number): string | false => value < 0 && invalid(`${name} ${value} must not be a negative number`);
const requiresGate = (gates: Readonly<Record<string, boolean>>, gate: string, on: boolean): boolean => (gates[gate] ?? on) !== true;

const PORTS = [1, 65_535] as const;

const numbers: Check = ({ config, others }) => [
  config.nodeLeaseDurationSeconds <= 0 && invalid('nodeLeaseDurationSeconds must be greater than 0'),
  others.systemCgroups !== '' &&
    config.cgroupRoot === '' &&
    invalid('systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified'),
  natural('eventBurst (--event-burst)', others.eventBurst),
  natural('eventRecordQPS (--event-qps)', others.eventRecordQPS),
  config.healthzPort !== 0 && between('healthzPort (--healthz-port)', config.healthzPort, PORTS),
  ...quotaPeriod(others),
];

function quotaPeriod({ cpuCFSQuotaPeriod: period, featureGates }: OtherValues): readonly (string | false)[] {
  const named = `cpuCFSQuotaPeriod (--cpu-cfs-quota-period) ${braced(period)}`;
  if (requiresGate(featureGates, 'CustomCPUCFSQuotaPeriod', false))
    return [period !== 100 && invalid(`${named} requires feature gate CustomCPUCFSQuotaPeriod`)];
  return [(period < 1 || period > 1000) && invalid(`${named} must be between 1ms and 1sec, inclusive`)];
}

const images: Check = ({ config }) => {
  const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low, imageMinimumGCAge: min, imageMaximumGCAge: max } = config;
  return [
    between('imageGCHighThresholdPercent (--image-gc-high-threshold)', high, [0, 100]),
    between('imageGCLowThresholdPercent (--image-gc-low-threshold)', low, [0, 100]),
    low >= high &&
      invalid(
        `imageGCLowThresholdPercent (--image-gc-low-threshold) ${low} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${high}`,
      ),
    min < 0 && invalid(`imageMinimumGCAge ${formatDuration(min)} must not be negative`),
    max < 0 && invalid(`imageMaximumGCAge ${formatDuration(max)} must not be negative`),
    max > 0 &&
      max <= min &&
      invalid(`imageMaximumGCAge ${formatDuration(max)} must be greater than imageMinimumGCAge ${formatDuration(min)}`),
  ];
};

const limits: Check = ({ config, others }) => [
  between('iptablesDropBit (--iptables-drop-bit)', others.iptablesDropBit, [0, 31]),
  between('iptablesMasqueradeBit (--iptables-masquerade-bit)', others.iptablesMasqueradeBit, [0, 31]),
  natural('kubeAPIBurst (--kube-api-burst)', others.kubeAPIBurst),
  natural('kubeAPIQPS (--kube-api-qps)', others.kubeAPIQPS),
  config.nodeStatusMaxImages < -1 &&
    invalid(`nodeStatusMaxImages (--node-status-max-images) ${config.nodeStatusMaxImages} must be -1 or greater`),
  natural('maxOpenFiles (--max-open-files)', others.maxOpenFiles),
  natural('maxPods (--max-pods)', config.maxPods),
  between('oomScoreAdj (--oom-score-adj)', others.oomScoreAdj, [-1000, 1000]),
  natural('podsPerCore (--pods-per-core)', config.podsPerCore),
  between('port (--port)', others.port, PORTS),
  others.readOnlyPort !== 0 && between('readOnlyPort (--read-only-port)', others.readOnlyPort, PORTS, [0, 65_535]),
  natural('registryBurst (--registry-burst)', others.registryBurst),
  natural('registryPullQPS (--registry-qps)', others.registryPullQPS),
  ...pulls(config),
  others.serverTLSBootstrap &&
    requiresGate(others.featureGates, 'RotateKubeletServerCertificate', true) &&
    invalid('serverTLSBootstrap true requires feature gate RotateKubeletServerCertificate'),
  others.runOnce && invalid('runOnce (--runOnce) true, Runonce mode has been deprecated and should not be set'),
];

function pulls({ maxParallelImagePulls: most, serializeImagePulls }: KubeletConfig): readonly (string | false)[] {
  if (most === undefined) return [];
  return [
    most < 1 && invalid(`maxParallelImagePulls ${most} must be a positive number`),
    serializeImagePulls &&
      most > 1 &&
      invalid('maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false'),
  ];
}

const TOPOLOGY_POLICIES = ['none', 'best-effort', 'restricted', 'single-numa-node'];

const topology: Check = ({ config: { topologyManagerPolicy: policy, topologyManagerScope: scope } }) => [
  !TOPOLOGY_POLICIES.includes(policy) &&
    invalid(`topologyManagerPolicy (--topology-manager-policy) ${goQuote(policy)} must be one of: ${goQuotedList(TOPOLOGY_POLICIES)}`),
  !['container', 'pod'].includes(scope) &&
    invalid(`topologyManagerScope (--topology-manager-scope) ${goQuote(scope)} must be one of: "container", or "pod"`),
];

const shutdown: Check = ({ config, others: { featureGates } }) => {
  const { shutdownGracePeriod: whole, shutdownGracePeriodCriticalPods: critical, shutdownGracePeriodByPodPriority: byPriority } = config;
  const short = (name: string, ms: number): string | false =>
    (ms < 0 || (ms > 0 && ms < 1000)) && invalid(`${name} ${braced(ms)} must be either zero or otherwise >= 1 sec`);
  const gates = requiresGate(featureGates, 'GracefulNodeShutdown', true)
    ? [
        (whole > 0 || critical > 0) &&
          invalid('specifying shutdownGracePeriod or shutdownGracePeriodCriticalPods requires feature gate GracefulNodeShutdown'),
      ]
    : [
        critical > whole && invalid(`shutdownGracePeriodCriticalPods ${braced(critical)} must be <= shutdownGracePeriod ${braced(whole)}`),
        short('shutdownGracePeriod', whole),
        short('shutdownGracePeriodCriticalPods', critical),
      ];
  if (byPriority.length === 0) return gates;
  if (requiresGate(featureGates, 'GracefulNodeShutdownBasedOnPodPriority', true)) {
    const gate = 'Specifying shutdownGracePeriodByPodPriority requires feature gate GracefulNodeShutdownBasedOnPodPriority';
    return [...gates, invalid(gate)];
  }
  return [
    ...gates,
    (whole > 0 || critical > 0) && invalid('Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time'),
  ];
};

const restarts: Check = ({ config: { maxContainerRestartPeriod: ms }, others }) => [
  !['', 'NoSwap', 'LimitedSwap'].includes(String(others.memorySwap['swapBehavior'])) &&
    invalid(`memorySwap.swapBehavior ${goQuote(String(others.memorySwap['swapBehavior']))} must be one of: "", "LimitedSwap" or "NoSwap"`),
  (ms < 1000 || ms > 300_000) &&
    invalid(`CrashLoopBackOff.MaxContainerRestartPeriod (got: ${goFloat(ms / 1000)} seconds) must be set between 1s and 300s`),
];

const ENFORCEMENTS = ['pods', 'system-reserved', 'system-reserved-compressible', 'kube-reserved', 'kube-reserved-compressible', 'none'];
const FLAG = 'enforceNodeAllocatable (--enforce-node-allocatable)';

const enforcements: Check = ({ config: { enforceNodeAllocatable: given, cgroupsPerQOS }, others }) => {
  const both = (a: string, b: string): string | false =>
    given.includes(a) && given.includes(b) && invalid(`both "${a}" and "${b}" cannot be specified together in ${FLAG}`);
  const needsCgroup = (name: 'systemReserved' | 'kubeReserved', part: string): string | false =>
    others[`${name}Cgroup`] === '' &&
    invalid(`${name}Cgroup (--${part}-cgroup) must be specified when "${part}" or "${part}-compressible" included in ${FLAG}`);
  const [pods, system, systemPart, kube, kubePart, none] = ENFORCEMENTS.map(goQuote);
  return [
    both('system-reserved', 'system-reserved-compressible'),
    both('kube-reserved', 'kube-reserved-compressible'),
    ...given.flatMap((value, at) => {
      if (given.indexOf(value) < at) return [invalid(`duplicated enforcements ${goQuote(value)} in ${FLAG}`)];
      if (value === 'none')
        return [given.length > 1 && invalid(`${FLAG} may not contain additional enforcements when "none" is specified`)];
      if (!ENFORCEMENTS.includes(value)) {
        const valid = `${pods}, ${system}, ${systemPart}, ${kube}, ${kubePart} or ${none}`;
        return [invalid(`option ${goQuote(value)} specified for ${FLAG}. Valid options are ${valid}`)];
      }
      return [
        value.startsWith('system-reserved') && needsCgroup('systemReserved', 'system-reserved'),
        value.startsWith('kube-reserved') && needsCgroup('kubeReserved', 'kube-reserved'),
        !cgroupsPerQOS && invalid(`cgroupsPerQOS (--cgroups-per-qos) must be set to true when ${goQuote(value)} contained in ${FLAG}`),
      ];
    }),
  ];
};

const HAIRPIN_MODES = ['none', 'hairpin-veth', 'promiscuous-bridge'];
const VERIFICATIONS = ['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'];

const options: Check = ({ config, others }) => {
  const { hairpinMode } = others;
  const { imagePullCredentialsVerificationPolicy: verification, preloadedImagesVerificationAllowlist: allowed } = config;
  return [
    !HAIRPIN_MODES.includes(hairpinMode) &&
      invalid(
        `option ${goQuote(hairpinMode)} specified for hairpinMode (--hairpin-mode). Valid options are "none", "hairpin-veth" or "promiscuous-bridge"`,
      ),
    !VERIFICATIONS.includes(verification) &&
      invalid(
        `option ${goQuote(verification)} specified for imagePullCredentialsVerificationPolicy. Valid options are "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages" or "AlwaysVerify"`,
      ),
    allowed.length > 0 &&
      verification !== 'NeverVerifyAllowlistedImages' &&
      invalid(
        `can't set \`preloadedImagesVerificationAllowlist\` if \`imagePullCredentialsVertificationPolicy\` is not "NeverVerifyAllowlistedImages"`,
      ),
    ...(verification === 'NeverVerifyAllowlistedImages' ? allowed : []).flatMap((pattern) => {
      const problem = allowlistProblem(pattern);
      return problem === undefined ? [] : [invalid(`bad image pattern in \`preloadedImagesVerificationAllowlist\`: ${problem}`)];
    }),
  ];
};

const reservedCpus: Check = ({ config: { reservedSystemCPUs }, others }) => {
  if (reservedSystemCPUs === '') return [];
  return [
    (others.systemReservedCgroup !== '' || others.kubeReservedCgroup !== '') &&
      invalid(
        "can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)",
      ),
    unreadable(reservedSystemCPUs),
  ];
};

function unreadable(cpus: string): string | undefined {
  try {
    CpuSet.parse(cpus);
    return undefined;
  } catch (error) {
    if (!(error instanceof CpuSetError)) throw error;
    return invalid(`unable to parse reservedSystemCPUs (--reserved-cpus) ${cpus}, error: ${error.message}`);
  }
}

/** Source: validateReservedMemoryConfiguration. */
const reservedMemory: Check = ({ config }) => {
  const seen = new Set<string>();
  return config.reservedMemory.flatMap(({ numaNode, limits: of }) =>
    Object.entries(of).flatMap(([name, amount]) => {
      const place = `${numaNode}/${name}`;
      const again = seen.has(place);
      seen.add(place);
      return [
        name !== 'memory' &&
          !name.startsWith('hugepages-') &&
          invalid(
            `the limit type ${goQuote(name)} for NUMA node ${numaNode} is not supported, only [memory hugepages-<HugePageSize>] is accepted`,
          ),
        parseQuantity(amount === '' ? '0' : amount).value() === 0 &&
          invalid(`reserved memory may not be zero for NUMA node ${numaNode} and resource ${goQuote(name)}`),
        again && invalid(`the reserved memory has a duplicate value for NUMA node ${numaNode} and resource ${goQuote(name)}`),
      ];
    }),
  );
};

/** Source: validation_linux.go. */
const machine: Check = ({ others: { failCgroupV1, singleProcessOOMKill }, cgroupV1 }) => {
  if (cgroupV1 !== true) return [];
  if (failCgroupV1) return ['kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode'];
  return [singleProcessOOMKill === false && invalid('singleProcessOOMKill must not be explicitly set to false when using cgroup v1')];
};

const memory: Check = ({ others: { memoryThrottlingFactor: factor, memoryReservationPolicy: policy, featureGates } }) => [
  (factor <= 0 || factor > 1) && invalid(`memoryThrottlingFactor ${goFloat(factor)} must be greater than 0 and less than or equal to 1.0`),
  policy === 'TieredReservation' &&
    requiresGate(featureGates, 'MemoryQoS', false) &&
    invalid('memoryReservationPolicy "TieredReservation" requires MemoryQoS feature gate to be enabled'),
  !['None', 'TieredReservation'].includes(policy) &&
    invalid(`option ${goQuote(policy)} specified for memoryReservationPolicy. Valid options are "None" or "TieredReservation"`),
];

const logs: Check = ({ config, others }) => {
  const { podLogsDir: path } = config;
  return [
    others.enableSystemLogQuery &&
      requiresGate(others.featureGates, 'NodeLogQuery', true) &&
      invalid('NodeLogQuery feature gate is required for enableSystemLogQuery'),
    others.enableSystemLogQuery && !others.enableSystemLogHandler && invalid('enableSystemLogHandler is required for enableSystemLogQuery'),
    others.containerLogMaxWorkers < 1 && invalid('containerLogMaxWorkers must be greater than or equal to 1'),
    config.containerLogMonitorInterval < 3000 &&
      invalid('containerLogMonitorInterval must be a positive time duration greater than or equal to 3s'),
    config.containerLogMaxFiles <= 1 && invalid('containerLogMaxFiles must be greater than 1'),
    !isAbsolute(path) && invalid(`pod logs path ${goQuote(path)} must be absolute path`),
    normalize(path) !== path && invalid(`pod logs path ${goQuote(path)} must be normalized`),
    /[^\0-\x7f]/.test(path) && invalid(`pod logs path ${goQuote(path)} mut contains ASCII characters only`),
  ];
};

/** Source: eviction ParseThresholdConfig. */
const evictions: Check = ({ config: { evictionSoft, evictionSoftGracePeriod } }) =>
  Object.keys(evictionSoft)
    .filter((signal) => evictionSoftGracePeriod[signal] === undefined)
    .map((signal) => `grace period must be specified for the soft eviction threshold ${signal}`);

const CHECKS: readonly Check[] = [
  numbers,
  images,
  limits,
  topology,
  shutdown,
  restarts,
  enforcements,
  options,
  reservedCpus,
  reservedMemory,
  machine,
  memory,
  logs,
  evictions,
];
