// pure
// Limits of pod and QoS cgroups, and the files that hold them. Pure.
import { podQos } from '#api/pod-qos.ts';
import type { Pod, PodSpec } from '#api/types.ts';
import { containersOf } from '../pod/containers.ts';
import { podLimits, podRequests } from '../pod/resources.ts';
import { CPU_PERIOD_US, MIN_SHARES, quotaOf, sharesOf } from '../runtime/linux-resources.ts';

/** What is absent is left as it is. */
export interface CgroupLimits {
  readonly cpuShares?: number;
  /** Microseconds a period; -1 for none. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly pids?: number;
}

/** Source: cm.ResourceConfigForPod. */
export function podCgroupLimits(
  pod: Pod,
  { cpuCFSQuota, podPidsLimit }: { readonly cpuCFSQuota: boolean; readonly podPidsLimit: number },
): CgroupLimits {
  const pids = podPidsLimit > 0 ? { pids: podPidsLimit } : {};
  const qos = podQos(pod);
  if (qos === 'BestEffort') return { cpuShares: MIN_SHARES, ...pids };
  const requests = podRequests(pod.spec);
  const limits = podLimits(pod.spec);
  const cpuShares = sharesOf(requests['cpu'] ?? 0);
  const quota =
    cpuCFSQuota && (qos === 'Guaranteed' || allDeclare(pod.spec, 'cpu'))
      ? { cpuQuota: quotaOf(limits['cpu'] ?? 0) || -1, cpuPeriod: CPU_PERIOD_US }
      : {};
  const memory = qos === 'Guaranteed' || allDeclare(pod.spec, 'memory') ? { memory: limits['memory'] ?? 0 } : {};
  return { cpuShares, ...quota, ...(memory.memory === 0 ? {} : memory), ...pids };
}

/** Whether every container, or the pod as a whole, has a limit. */
function allDeclare(spec: PodSpec, resource: string): boolean {
  if (spec.resources?.limits?.[resource] !== undefined) return true;
  for (const { container, kind } of containersOf(spec)) {
    if (kind !== 'ephemeral' && container.resources?.limits?.[resource] === undefined) return false;
  }
  return true;
}

/** What a cgroup is set to, in the units of its version; Infinity for no limit. */
export interface CgroupSettingsNow {
  /** Shares, or a weight. */
  readonly share: number;
  /** Microseconds a period. */
  readonly quota: number;
  /** Bytes. */
  readonly memory: number;
}

/** Which of `limits` are more than what is set now, and which are less. What stays is in neither. */
export function compareLimits(
  { cpuShares, cpuQuota, cpuPeriod, memory }: CgroupLimits,
  now: CgroupSettingsNow,
  version: 1 | 2,
): { readonly grows: CgroupLimits; readonly shrinks: CgroupLimits } {
  const unlimited = (value: number): number => (value < 0 ? Infinity : value);
  const changes: readonly (readonly [CgroupLimits, number])[] = [
    ...(cpuQuota === undefined
      ? []
      : [[{ cpuQuota, ...(cpuPeriod === undefined ? {} : { cpuPeriod }) }, Math.sign(unlimited(cpuQuota) - now.quota)] as const]),
    ...(cpuShares === undefined
      ? []
      : [[{ cpuShares }, Math.sign((version === 2 ? weightOf(cpuShares) : cpuShares) - now.share)] as const]),
    ...(memory === undefined ? [] : [[{ memory }, Math.sign(unlimited(memory) - now.memory)] as const]),
  ];
  const those = (sign: number): CgroupLimits => Object.assign({}, ...changes.filter(([, each]) => each === sign).map(([each]) => each));
  return { grows: those(1), shrinks: those(-1) };
}

/** CPU shares of the burstable class: what its pods ask for together. Source: setCPUCgroupConfig. */
export function burstableShares(pods: Iterable<Pod>): number {
  let milli = 0;
  for (const pod of pods) if (podQos(pod) === 'Burstable') milli += podRequests(pod.spec)['cpu'] ?? 0;
  return sharesOf(milli);
}

/** A controller's file and what goes into it. */
export interface CgroupWrite {
  readonly controller: 'cpu' | 'memory' | 'pids';
  readonly file: string;
  readonly value: string;
}

export function writesV1(limits: CgroupLimits): readonly CgroupWrite[] {
  const { cpuShares, cpuQuota, cpuPeriod, memory, pids } = limits;
  return [
    ...(cpuShares === undefined ? [] : [{ controller: 'cpu', file: 'cpu.shares', value: String(cpuShares) } as const]),
    ...(cpuPeriod === undefined ? [] : [{ controller: 'cpu', file: 'cpu.cfs_period_us', value: String(cpuPeriod) } as const]),
    ...(cpuQuota === undefined ? [] : [{ controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(cpuQuota) } as const]),
    ...(memory === undefined ? [] : [{ controller: 'memory', file: 'memory.limit_in_bytes', value: String(memory) } as const]),
    ...(pids === undefined ? [] : [{ controller: 'pids', file: 'pids.max', value: pids < 0 ? 'max' : String(pids) } as const]),
  ];
}

export function writesV2(limits: CgroupLimits): readonly CgroupWrite[] {
  const { cpuShares, cpuQuota, cpuPeriod = CPU_PERIOD_US, memory, pids } = limits;
  return [
    ...(cpuShares === undefined ? [] : [{ controller: 'cpu', file: 'cpu.weight', value: String(weightOf(cpuShares)) } as const]),
    ...(cpuQuota === undefined
      ? []
      : [{ controller: 'cpu', file: 'cpu.max', value: `${cpuQuota < 0 ? 'max' : cpuQuota} ${cpuPeriod}` } as const]),
    ...(memory === undefined ? [] : [{ controller: 'memory', file: 'memory.max', value: memory < 0 ? 'max' : String(memory) } as const]),
    ...(pids === undefined ? [] : [{ controller: 'pids', file: 'pids.max', value: pids < 0 ? 'max' : String(pids) } as const]),
  ];
}

const MAX_SHARES = 262_144;

/** CPU shares (2 to 262144, 1024 by default) as a weight (1 to 10000, 100 by default). Source: cgroups ConvertCPUSharesToCgroupV2Value. */
export function weightOf(shares: number): number {
  if (shares <= MIN_SHARES) return 1;
  if (shares >= MAX_SHARES) return 10_000;
  const l = Math.log2(shares);
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}
