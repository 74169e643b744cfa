// Charges one write to the quotas of its namespace, or refuses it. Pure.
// Source: apiserver pkg/admission/plugin/resourcequota controller.go CheckRequest.
import { addResources, equalResources, type ResourceList } from '#api/resource-lists.ts';
import type { KubeObject, ResourceQuota } from '#api/types.ts';
import { byteOrder } from '#apimachinery/go-format.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { AdmissionAttributes } from '../contract.ts';
import { refusal } from '../refusal.ts';
import { quotaMatches, type Evaluator } from '#api/quota/evaluator.ts';

/**
 * The quotas with what `attributes` takes added; the same objects where nothing is.
 * @param now milliseconds since the epoch
 * @throws StatusError Forbidden
 */
export function charge(
  quotas: readonly ResourceQuota[],
  attributes: AdmissionAttributes,
  evaluator: Evaluator,
  now: number,
): readonly ResourceQuota[] {
  const object = attributes.object as KubeObject;
  const pertinent = new Set(quotas.filter((quota) => isPertinent(quota, attributes, evaluator)));
  if (pertinent.size === 0) return quotas;
  const usage = evaluator.usage(object, now);
  const negative = Object.keys(usage).filter((name) => parseQuantity(usage[name] as string).sign() < 0);
  if (negative.length > 0) throw refusal(attributes, `quota usage is negative for resource(s): ${names(negative)}`);
  const before = attributes.operation === 'UPDATE' ? attributes.oldObject : undefined;
  const growth = before === undefined ? usage : grown(usage, evaluator.usage(before, now));
  return quotas.map((quota) => {
    if (!pertinent.has(quota)) return quota;
    const counted = before !== undefined && quotaMatches(quota, before, evaluator);
    return charged(quota, nonZero(counted ? growth : usage), attributes);
  });
}

/** @throws StatusError Forbidden for an object that says too little, or a quota nobody has counted yet */
function isPertinent(quota: ResourceQuota, attributes: AdmissionAttributes, evaluator: Evaluator): boolean {
  const object = attributes.object as KubeObject;
  if (!quotaMatches(quota, object, evaluator)) return false;
  const { hard = {}, used = {} } = quota.status;
  const restricted = evaluator.matching(Object.keys(hard));
  const lacking = evaluator.constraint?.(restricted, object);
  if (lacking !== undefined) throw refusal(attributes, `failed quota: ${quota.metadata.name}: ${lacking}`);
  if (restricted.some((name) => used[name] === undefined)) {
    throw refusal(attributes, `status unknown for quota: ${quota.metadata.name}, resources: ${names(restricted)}`);
  }
  return true;
}

function charged(quota: ResourceQuota, usage: ResourceList, attributes: AdmissionAttributes): ResourceQuota {
  const { hard = {}, used = {} } = quota.status;
  const requested = masked(usage, Object.keys(hard));
  if (Object.keys(requested).length === 0) return quota;
  const total = addResources(used, requested);
  if (attributes.subresource !== 'status') {
    const exceeded = Object.keys(requested).filter(
      (name) => parseQuantity(total[name] as string).cmp(parseQuantity(hard[name] as string)) > 0,
    );
    if (exceeded.length > 0) {
      const [asked, taken, limited] = [requested, used, hard].map((list) => pretty(masked(list, exceeded)));
      throw refusal(attributes, `exceeded quota: ${quota.metadata.name}, requested: ${asked}, used: ${taken}, limited: ${limited}`);
    }
  }
  return equalResources(used, total) ? quota : { ...quota, status: { ...quota.status, used: total } };
}

/** What `now` takes more than `before`; never less than nothing. Source: SubtractWithNonNegativeResult. */
function grown(now: ResourceList, before: ResourceList): ResourceList {
  return Object.fromEntries(
    Object.entries(now).map(([name, value]) => {
      const more = parseQuantity(value).sub(parseQuantity(before[name] ?? '0'));
      return [name, more.sign() > 0 ? more.toString() : '0'];
    }),
  );
}

const nonZero = (list: ResourceList): ResourceList =>
  Object.fromEntries(Object.entries(list).filter(([, value]) => parseQuantity(value).sign() !== 0));

const masked = (list: ResourceList, wanted: readonly string[]): ResourceList =>
  Object.fromEntries(Object.entries(list).filter(([name]) => wanted.includes(name)));

const names = (list: readonly string[]): string => list.toSorted(byteOrder).join(',');

/** `cpu=1,memory=1Gi`. Source: prettyPrint. */
const pretty = (list: ResourceList): string =>
  Object.keys(list)
    .toSorted(byteOrder)
    .map((name) => `${name}=${parseQuantity(list[name] as string).toString()}`)
    .join(',');
