// What pods take of a quota: themselves, and what they request and limit.
// Source: pkg/quota/v1/evaluator/core pods.go.
import { podQos } from '../pod-qos.ts';
import { podLimits, podRequests } from '../pod-requests.ts';
import { addResources, type ResourceList } from '../resource-lists.ts';
import type { Container, Pod } from '../types.ts';
import { RESOURCE } from '../well-known.ts';
import { parseTime } from '#apimachinery/time.ts';
import { countName, valuesMatch, type Evaluator, type ScopeSelector } from './evaluator.ts';

const COUNT = countName('', 'pods');
const REQUESTS = 'requests.';
const HUGE_PAGES = 'hugepages-';
const DEVICE_CLASS = 'deviceclass.resource.kubernetes.io/';
/** Limited by name, by `requests.` and by `limits.`. */
const COMPUTE = [RESOURCE.cpu, RESOURCE.memory, RESOURCE.ephemeralStorage];
const NAMES: ReadonlySet<string> = new Set([
  COUNT,
  RESOURCE.pods,
  ...COMPUTE,
  ...COMPUTE.map((name) => `${REQUESTS}${name}`),
  ...COMPUTE.map((name) => `limits.${name}`),
]);
/** What every container must say once a quota limits it: for these names only, as it always was. */
const REQUIRED: ReadonlySet<string> = new Set(
  ['', REQUESTS, 'limits.'].flatMap((prefix) => [`${prefix}${RESOURCE.cpu}`, `${prefix}${RESOURCE.memory}`]),
);

export const podEvaluator: Evaluator = {
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== '') return false;
    return operation === 'CREATE' || (operation === 'UPDATE' && isTerminating(object as Pod) !== isTerminating(oldObject as Pod));
  },
  matching: (names) =>
    names.filter(
      (name) => NAMES.has(name) || name.startsWith(HUGE_PAGES) || name.startsWith(`${REQUESTS}${HUGE_PAGES}`) || isExtendedQuota(name),
    ),
  constraint: (names, object) => missing(names, object as Pod),
  matchesScope: (selector, object) => matchesScope(selector, object as Pod),
  usage: (object, now) => podUsage(object as Pod, now),
};

/** A pod that ends by itself. */
const isTerminating = ({ spec }: Pod): boolean => spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0;

const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

/** `requests.` of an extended resource, or of a device class. */
export function isExtendedQuota(name: string): boolean {
  return name.startsWith(REQUESTS) && (!isNative(name) || name.startsWith(`${REQUESTS}${DEVICE_CLASS}`));
}

/** A pod whose end has come, or should have, takes no more than its name. Source: PodUsageFunc, QuotaV1Pod. */
function podUsage(pod: Pod, now: number): ResourceList {
  const counted = { [COUNT]: '1' };
  if (!isAlive(pod, now)) return counted;
  const usage = computeUsage(podRequests(pod, { basis: 'status' }), podLimits(pod, { basis: 'status' }));
  return addResources(counted, usage);
}

function isAlive({ metadata, status }: Pod, now: number): boolean {
  if (status.phase === 'Failed' || status.phase === 'Succeeded') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (typeof deletionTimestamp !== 'string' || deletionGracePeriodSeconds === undefined) return true;
  return now <= parseTime(deletionTimestamp) + Number(deletionGracePeriodSeconds) * 1_000;
}

/** Source: podComputeUsageHelper. */
function computeUsage(requests: ResourceList, limits: ResourceList): ResourceList {
  const usage: Record<string, string> = { [RESOURCE.pods]: '1' };
  for (const name of COMPUTE) {
    const [request, limit] = [requests[name], limits[name]];
    if (request !== undefined) usage[name] = usage[`${REQUESTS}${name}`] = request;
    if (limit !== undefined) usage[`limits.${name}`] = limit;
  }
  for (const [name, request] of Object.entries(requests)) {
    if (name.startsWith(HUGE_PAGES)) usage[name] = usage[`${REQUESTS}${name}`] = request;
    else if ((!isNative(name) && !name.startsWith(REQUESTS)) || name.startsWith(DEVICE_CLASS)) usage[`${REQUESTS}${name}`] = request;
  }
  return usage;
}

function missing(names: readonly string[], { spec }: Pod): string | undefined {
  if (Object.keys({ ...spec.resources?.requests, ...spec.resources?.limits }).length > 0) return undefined;
  const required = names.filter((name) => REQUIRED.has(name)).toSorted();
  const containers: readonly Container[] = [...spec.containers, ...(spec.initContainers ?? [])];
  const lacking = required.flatMap((name) => {
    const without = containers.filter(
      ({ resources }) => computeUsage(resources?.requests ?? {}, resources?.limits ?? {})[name] === undefined,
    );
    return without.length === 0
      ? []
      : [
          `${name} for: ${without
            .map((container) => container.name)
            .toSorted()
            .join(',')}`,
        ];
  });
  return lacking.length === 0 ? undefined : `must specify ${lacking.join('; ')}`;
}

function matchesScope(selector: ScopeSelector, pod: Pod): boolean {
  switch (selector.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return podQos(pod) === 'BestEffort';
    case 'NotBestEffort':
      return podQos(pod) !== 'BestEffort';
    case 'PriorityClass':
      return valuesMatch(selector, pod.spec.priorityClassName ? [pod.spec.priorityClassName] : []);
    case 'CrossNamespacePodAffinity':
      return hasCrossNamespaceAffinity(pod);
    default:
      return false;
  }
}

function hasCrossNamespaceAffinity({ spec: { affinity } }: Pod): boolean {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some((terms) =>
    [
      ...(terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(terms?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
    ].some(({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined),
  );
}
