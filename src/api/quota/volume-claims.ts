// What claims take of a quota: themselves and their storage, all together and by storage class.
// Source: pkg/quota/v1/evaluator/core persistent_volume_claims.go.
import type { ResourceList } from '../resource-lists.ts';
import type { PersistentVolumeClaim } from '../types.ts';
import { RESOURCE } from '../well-known.ts';
import { parseQuantity } from '#apimachinery/quantity.ts';
import { countName, valuesMatch, type Evaluator } from './evaluator.ts';

const COUNT = countName('', 'persistentvolumeclaims');
const CLAIMS = 'persistentvolumeclaims';
const STORAGE = 'requests.storage';
const CLASS = '.storageclass.storage.k8s.io/';

export const volumeClaimEvaluator: Evaluator = {
  handles({ operation, subresource, object, oldObject }) {
    if (subresource === '') return operation === 'CREATE' || operation === 'UPDATE';
    return subresource === 'status' && changesUsage(object as PersistentVolumeClaim, oldObject as PersistentVolumeClaim);
  },
  matching: (names) =>
    names.filter(
      (name) =>
        name === COUNT || name === CLAIMS || name === STORAGE || name.endsWith(`${CLASS}${CLAIMS}`) || name.endsWith(`${CLASS}${STORAGE}`),
    ),
  matchesScope: (selector, object) =>
    selector.scopeName === 'VolumeAttributesClass' && valuesMatch(selector, attributeClasses(object as PersistentVolumeClaim)),
  usage: (object) => usage(object as PersistentVolumeClaim),
};

function usage(claim: PersistentVolumeClaim): ResourceList {
  const { metadata, spec } = claim;
  const className = metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec.storageClassName ?? '';
  const storage = storageOf(claim);
  return {
    [CLAIMS]: '1',
    [COUNT]: '1',
    ...(storage === undefined ? {} : { [STORAGE]: storage }),
    ...(className === ''
      ? {}
      : { [`${className}${CLASS}${CLAIMS}`]: '1', ...(storage === undefined ? {} : { [`${className}${CLASS}${STORAGE}`]: storage }) }),
  };
}

/** Whole bytes; while a volume grows, what was allotted counts if it is more than what is asked for. */
function storageOf({ spec, status }: PersistentVolumeClaim): string | undefined {
  const asked = spec.resources?.requests?.[RESOURCE.storage];
  if (asked === undefined) return undefined;
  const allotted = status.allocatedResources?.[RESOURCE.storage];
  const [a, b] = [parseQuantity(asked), parseQuantity(allotted ?? '0')];
  return (b.cmp(a) > 0 ? b : a).roundUp(0).toString();
}

/** Source: RequiresQuotaReplenish. */
function changesUsage(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const allotted = ({ status }: PersistentVolumeClaim): string => status.allocatedResources?.[RESOURCE.storage] ?? '';
  const classes = (one: PersistentVolumeClaim): string => attributeClasses(one).toSorted().join();
  return allotted(claim) !== allotted(old) || classes(claim) !== classes(old);
}

function attributeClasses({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const names = [
    spec.volumeAttributesClassName,
    status.currentVolumeAttributesClassName,
    status.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => name !== undefined && name !== ''))];
}
