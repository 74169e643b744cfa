// The scale subresource of a custom resource, by the paths its definition states.
// Source: apiextensions pkg/registry/customresource etcd.go ScaleREST, validator.go ValidateScaleSpec.
import type { CustomResourceDefinition, CustomResourceSubresourceScale, KubeObject } from '#api/types.ts';
import type { ReplicasPaths } from '#apimachinery/apply/scale.ts';
import { invalid, type FieldError } from '#apimachinery/field-errors.ts';
import { goType, goValue } from '#apimachinery/go-format.ts';
import type { JsonObject } from '#apimachinery/json-value.ts';
import { apiVersionOf } from '#apimachinery/resource.ts';
import type { ScaleHooks } from '../registry/strategy.ts';
import { segmentsOf, valueAt, withValueAt } from './paths.ts';

const MAX_INT32 = 2 ** 31 - 1;
const NEGATIVE = 'should be a non-negative integer';
const TOO_MANY = `should be less than or equal to ${MAX_INT32}`;

const numberAt = (object: unknown, path: readonly string[]): number => {
  const value = valueAt(object, path);
  return typeof value === 'number' ? value : 0;
};

/** Where each version of a definition keeps its replicas. Source: replicasPathInCustomResource. */
export function replicasPaths({ spec: { group, versions } }: CustomResourceDefinition): ReplicasPaths {
  const paths = versions.map(({ name, subresources }) => {
    const scale = subresources?.scale;
    const path = scale === undefined ? null : segmentsOf(scale.specReplicasPath).map((segment) => `f:${segment}`);
    return [apiVersionOf({ group, version: name }), path] as const;
  });
  return Object.fromEntries(paths);
}

export function scaleHooks(
  { specReplicasPath, statusReplicasPath, labelSelectorPath }: CustomResourceSubresourceScale,
  versions: ReplicasPaths,
): ScaleHooks {
  const spec = segmentsOf(specReplicasPath);
  const status = segmentsOf(statusReplicasPath);
  const selector = labelSelectorPath === undefined || labelSelectorPath === '' ? undefined : segmentsOf(labelSelectorPath);
  return {
    specReplicas: (object) => numberAt(object, spec),
    statusReplicas: (object) => numberAt(object, status),
    selector: (object) => {
      const value = selector === undefined ? undefined : valueAt(object, selector);
      return typeof value === 'string' ? value : '';
    },
    withReplicas: (object, replicas) => withValueAt(object as unknown as JsonObject, spec, replicas) as unknown as KubeObject,
    missingReplicas: (object) => (typeof valueAt(object, spec) === 'number' ? undefined : specReplicasPath),
    replicasPath: spec,
    versions,
  };
}

type Part = 'spec' | 'status';

/** What is wrong with the values behind the scale. */
export function scaleErrors(object: unknown, scale: CustomResourceSubresourceScale, parts: readonly Part[]): readonly FieldError[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return [
    ...(parts.includes('spec') ? replicasErrors(object, specReplicasPath) : []),
    ...(parts.includes('status') ? replicasErrors(object, statusReplicasPath) : []),
    ...(parts.includes('status') && labelSelectorPath !== undefined ? selectorErrors(object, labelSelectorPath) : []),
  ];
}

function replicasErrors(object: unknown, path: string): readonly FieldError[] {
  const value = valueAt(object, segmentsOf(path));
  if (value === undefined) return [];
  if (typeof value === 'bigint') return [invalid(path, value, value < 0n ? NEGATIVE : TOO_MANY)];
  if (typeof value !== 'number' || !Number.isInteger(value)) return [invalid(path, 0, wrongType(path, value, 'int64'))];
  if (value < 0) return [invalid(path, value, NEGATIVE)];
  return value > MAX_INT32 ? [invalid(path, value, TOO_MANY)] : [];
}

function selectorErrors(object: unknown, path: string): readonly FieldError[] {
  const value = valueAt(object, segmentsOf(path));
  return value === undefined || typeof value === 'string' ? [] : [invalid(path, '', wrongType(path, value, 'string'))];
}

/** Source: unstructured.NestedInt64, NestedString. */
const wrongType = (path: string, value: unknown, expected: string): string =>
  `${path} accessor error: ${goValue(value)} is of the type ${goType(value)}, expected ${expected}`;
