// pure
// Resources in the kernel's units: shares, quotas, bytes and OOM scores.
import { isSidecar } from '#api/pods.ts';
import { podQos } from '#api/pod-qos.ts';
import { containerRequests } from '#api/pod-requests.ts';
import type { Container, Pod } from '#api/types.ts';
import { valueOf } from '../pod/amounts.ts';
import { type AnyContainer } from '../pod/containers.ts';
import { isNodeCriticalPod } from '../pod/identity.ts';
import { containerAmounts } from '../pod/resources.ts';
import type { ContainerPlacement } from '../topology/resource-managers.ts';
import { unifiedFiles, type UnifiedSettings } from './unified.ts';

/** Source: cm MinShares, MaxShares, SharesPerCPU, MilliCPUToCPU. */
export const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
const SHARES_PER_CPU = 1024;
/** Source: cm QuotaPeriod, MinQuotaPeriod; microseconds. */
export const CPU_PERIOD_US = 100_000;
const MIN_QUOTA_US = 1000;

/** Source: MilliCPUToShares. */
export function sharesOf(milli: number): number {
  if (milli === 0) return MIN_SHARES;
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((milli * SHARES_PER_CPU) / 1000)));
}

/** Microseconds of CPU a period; 0 for no limit. Source: MilliCPUToQuota. */
export function quotaOf(milli: number, periodUs = CPU_PERIOD_US): number {
  if (milli === 0) return 0;
  return Math.max(MIN_QUOTA_US, Math.floor((milli * periodUs) / 1000));
}

/** The inverse of sharesOf, millicores, rounded up. Source: sharesToMilliCPU. */
export function milliOfShares(shares: number): number {
  return Math.ceil((shares * 1000) / SHARES_PER_CPU);
}

/** The inverse of quotaOf, millicores. Source: quotaToMilliCPU. */
export function milliOfQuota(quotaUs: number, periodUs: number): number {
  return quotaUs <= 0 || periodUs === 0 ? 0 : Math.floor((quotaUs * 1000) / periodUs);
}

export interface KernelResources {
  readonly cpuShares: number;
  readonly cpuQuota: number;
  readonly cpuPeriod: number;
  /** 0 for no limit. */
  readonly memoryLimitInBytes: number;
  readonly oomScoreAdj: number;
  readonly hugepageLimits: readonly { readonly pageSize: string; readonly limit: number }[];
  /** `0-3`; empty for anywhere. */
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly unified: Readonly<Record<string, string>>;
}

export interface ResourceSettings {
  /** Whether CPU limits are enforced. Source: KubeletConfiguration.cpuCFSQuota. */
  readonly cpuCFSQuota: boolean;
  /** Bytes. */
  readonly memoryCapacity: number;
  /** Absent where cgroups are of version 1. */
  readonly unified?: UnifiedSettings;
}

const ANYWHERE: ContainerPlacement = { cpusetCpus: '', cpusetMems: '', exclusive: false };

/** Source: generateLinuxContainerResources, DisableCPUQuotaWithExclusiveCPUs. */
export function kernelResources(
  container: AnyContainer,
  pod: Pod,
  settings: ResourceSettings,
  { cpusetCpus, cpusetMems, exclusive }: ContainerPlacement = ANYWHERE,
): KernelResources {
  const { cpuRequest, cpuLimit, memoryLimit } = containerAmounts(container, pod.spec);
  return {
    cpusetCpus,
    cpusetMems,
    cpuShares: sharesOf(cpuRequest),
    cpuQuota: !settings.cpuCFSQuota ? 0 : exclusive ? -1 : quotaOf(cpuLimit),
    cpuPeriod: settings.cpuCFSQuota ? CPU_PERIOD_US : 0,
    memoryLimitInBytes: memoryLimit,
    oomScoreAdj: oomScoreAdj(container, pod, settings.memoryCapacity),
    hugepageLimits: hugepageLimits(container),
    unified: settings.unified === undefined ? {} : unifiedFiles(container, pod, settings.unified),
  };
}

/** `hugepages-2Mi` becomes the page size `2MB`. Source: GetHugepageLimitsFromResources. */
function hugepageLimits({ resources }: AnyContainer): KernelResources['hugepageLimits'] {
  return Object.entries(resources?.limits ?? {}).flatMap(([name, quantity]) =>
    name.startsWith('hugepages-') ? [{ pageSize: `${name.slice('hugepages-'.length).replace(/i$/, '')}B`, limit: valueOf(quantity) }] : [],
  );
}

/** Source: qos policy.go. */
const GUARANTEED_SCORE = -997;
const BEST_EFFORT_SCORE = 1000;

/** The less memory was requested, the sooner a container is killed when memory runs out. Source: GetContainerOOMScoreAdjust. */
export function oomScoreAdj(container: Container, pod: Pod, memoryCapacity: number): number {
  if (isNodeCriticalPod(pod)) return GUARANTEED_SCORE;
  const qos = podQos(pod);
  if (qos === 'Guaranteed') return GUARANTEED_SCORE;
  if (qos === 'BestEffort') return BEST_EFFORT_SCORE;
  const scoreOf = (request: number): number => 1000 - Math.floor((1000 * request) / memoryCapacity);
  const share = unassignedMemory(pod);
  const requestOf = (other: Container): number => valueOf(other.resources?.requests?.['memory']) + share;
  let score = scoreOf(requestOf(container));
  if (isSidecar(container)) score = Math.min(score, scoreOf(Math.min(...pod.spec.containers.map(requestOf))));
  return Math.min(BEST_EFFORT_SCORE - 1, Math.max(1000 + GUARANTEED_SCORE, score));
}

/** Each container's part of what its pod asks for beyond all containers, bytes. Source: remainingPodMemReqPerContainer. */
function unassignedMemory({ spec }: Pod): number {
  const ofPod = valueOf(spec.resources?.requests?.['memory']);
  if (ofPod === 0) return 0;
  const ofContainers = valueOf(containerRequests({ spec })['memory']);
  return Math.trunc((ofPod - ofContainers) / (spec.containers.length + (spec.initContainers ?? []).length));
}
