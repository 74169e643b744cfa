// What a pod or claim asks for, against one LimitRange. Pure.
// Source: plugin/pkg/admission/limitranger admission.go minConstraint, maxConstraint, limitRequestRatioConstraint.
import { podLimits, podRequests } from '#api/pod-requests.ts';
import type { ResourceList } from '#api/resource-lists.ts';
import type { LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '#api/types.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';

interface Asked {
  readonly requests: ResourceList;
  readonly limits: ResourceList;
}

export function podViolations(pod: Pod, { spec }: LimitRange): readonly string[] {
  return (spec.limits ?? []).flatMap((limit) => {
    switch (limit.type) {
      case 'Container':
        return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) =>
          violations(limit, { requests: resources?.requests ?? {}, limits: resources?.limits ?? {} }),
        );
      case 'Pod':
        return violations(limit, {
          requests: podRequests(pod, { overhead: 'excluded' }),
          limits: podLimits(pod, { overhead: 'excluded' }),
        });
      default:
        return [];
    }
  });
}

/** Claims have no limits of their own: the most is held against what they request. */
export function claimViolations({ spec }: PersistentVolumeClaim, { spec: { limits } }: LimitRange): readonly string[] {
  const requests = spec.resources?.requests ?? {};
  return (limits ?? []).flatMap((limit) => {
    if (limit.type !== 'PersistentVolumeClaim') return [];
    const tooMuch = each(limit.max, (name, most) => {
      const request = requests[name];
      const bound = `maximum ${name} usage per ${limit.type} is ${most}`;
      if (request === undefined) return `${bound}.  No request is specified`;
      return above(request, most) ? `${bound}, but request is ${request}` : undefined;
    });
    return [...each(limit.min, (name, least) => tooLittle(limit, name, least, { requests, limits: {} })), ...tooMuch];
  });
}

function violations(limit: LimitRangeItem, asked: Asked): readonly string[] {
  return [
    ...each(limit.min, (name, least) => tooLittle(limit, name, least, asked)),
    ...each(limit.max, (name, most) => tooMuch(limit, name, most, asked)),
    ...each(limit.maxLimitRequestRatio, (name, most) => tooFarApart(limit, name, most, asked)),
  ];
}

function each(list: ResourceList | undefined, check: (name: string, value: string) => string | undefined): readonly string[] {
  return Object.entries(list ?? {}).flatMap(([name, value]) => check(name, value) ?? []);
}

const above = (a: string, b: string): boolean => parseQuantity(a).cmp(parseQuantity(b)) > 0;

function tooLittle({ type }: LimitRangeItem, name: string, least: string, { requests, limits }: Asked): string | undefined {
  const bound = `minimum ${name} usage per ${type} is ${least}`;
  const [request, limit] = [requests[name], limits[name]];
  if (request === undefined) return `${bound}.  No request is specified`;
  if (above(least, request)) return `${bound}, but request is ${request}`;
  return limit !== undefined && above(least, limit) ? `${bound}, but limit is ${limit}` : undefined;
}

function tooMuch({ type }: LimitRangeItem, name: string, most: string, { requests, limits }: Asked): string | undefined {
  const bound = `maximum ${name} usage per ${type} is ${most}`;
  const [request, limit] = [requests[name], limits[name]];
  if (limit === undefined) return `${bound}.  No limit is specified`;
  if (above(limit, most)) return `${bound}, but limit is ${limit}`;
  return request !== undefined && above(request, most) ? `${bound}, but request is ${request}` : undefined;
}

function tooFarApart({ type }: LimitRangeItem, name: string, most: string, { requests, limits }: Asked): string | undefined {
  const bound = `${name} max limit to request ratio per ${type} is ${most}`;
  const [request, limit] = [parseQuantity(requests[name] ?? '0').asFloat(), parseQuantity(limits[name] ?? '0').asFloat()];
  if (request === 0) return `${bound}, but no request is specified or request is 0`;
  if (limit === 0) return `${bound}, but no limit is specified or limit is 0`;
  const ratio = limit / request;
  return ratio > parseQuantity(most).asFloat() ? `${bound}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
