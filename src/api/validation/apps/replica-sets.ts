// ReplicaSets, and the ReplicationControllers before them.
// Source: ValidateReplicaSet…, core ValidateReplicationController….
import type { ReplicaSet, ReplicaSetSpec, ReplicaSetStatus } from '../../gen/apps-v1.ts';
import type { PodTemplate, ReplicationController, ReplicationControllerSpec } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { selectorFromSet } from '#apimachinery/labels.ts';
import { contentSubdomain } from '#apimachinery/names.ts';
import { validatePodTemplate } from '../core/pod-spec.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate, type NameCheck } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import {
  validateAlwaysRuns,
  validateAtMost,
  validateCounts,
  validateReplicaTemplate,
  validateTemplateLabels,
  validateWorkloadSelector,
} from './workloads.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');

export function validateReplicaSet(out: Problems, set: ReplicaSet): void {
  validateObjectMeta(out, set.metadata, 'namespaced', subdomainName);
  validateSpec(out, set.spec);
}

export function validateReplicaSetUpdate(out: Problems, set: ReplicaSet, old: ReplicaSet): void {
  validateObjectMetaUpdate(out, set.metadata, old.metadata);
  validateSpec(out, set.spec);
  out.immutable(SPEC.child('selector'), set.spec.selector, deepEqual(set.spec.selector, old.spec.selector));
}

function validateSpec(out: Problems, spec: ReplicaSetSpec): void {
  out.nonNegative(SPEC.child('replicas'), spec.replicas);
  out.nonNegative(SPEC.child('minReadySeconds'), spec.minReadySeconds);
  validateWorkloadSelector(out, SPEC.child('selector'), spec.selector, 'deployment');
  validateReplicaTemplate(out, SPEC, spec);
}

function validateStatus(out: Problems, status: Partial<ReplicaSetStatus>): void {
  validateCounts(out, STATUS, status, [
    'replicas',
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
    'terminatingReplicas',
  ]);
  const members = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const;
  validateAtMost(out, STATUS, status, { members, limit: status.replicas ?? 0, detail: 'cannot be greater than status.replicas' });
  validateAtMost(out, STATUS, status, {
    members: ['availableReplicas'],
    limit: status.readyReplicas ?? 0,
    detail: 'cannot be greater than readyReplicas',
  });
}

export function validateReplicaSetStatusUpdate(out: Problems, set: ReplicaSet, old: ReplicaSet): void {
  validateObjectMetaUpdate(out, set.metadata, old.metadata);
  validateStatus(out, set.status ?? {});
}

/** Its generateName is only looked at with the rules of all objects. Source: ValidateObjectMetaWithOpts. */
const controllerName: NameCheck = (name, prefix) => (prefix ? [] : contentSubdomain(name));

export function validateReplicationController(out: Problems, controller: ReplicationController): void {
  validateObjectMeta(out, controller.metadata, 'namespaced', controllerName);
  validateControllerSpec(out, controller.spec);
}

export function validateReplicationControllerUpdate(out: Problems, controller: ReplicationController, old: ReplicationController): void {
  validateObjectMetaUpdate(out, controller.metadata, old.metadata);
  validateControllerSpec(out, controller.spec);
}

function validateControllerSpec(out: Problems, spec: ReplicationControllerSpec): void {
  out.nonNegative(SPEC.child('minReadySeconds'), spec.minReadySeconds);
  const selector = selectorFromSet(spec.selector);
  if (selector.empty) out.required(SPEC.child('selector'));
  out.nonNegative(SPEC.child('replicas'), spec.replicas);
  const path = SPEC.child('template');
  if (spec.template === undefined) return out.required(path);
  validateTemplateLabels(out, path, spec.template, selector);
  validatePodTemplate(out, path, spec.template);
  validateAlwaysRuns(out, path, spec.template, 'ReplicationController');
}

export function validateReplicationControllerStatusUpdate(
  out: Problems,
  controller: ReplicationController,
  old: ReplicationController,
): void {
  validateObjectMetaUpdate(out, controller.metadata, old.metadata);
  validateStatus(out, controller.status ?? {});
}

export function validatePodTemplateObject(out: Problems, template: PodTemplate): void {
  validateObjectMeta(out, template.metadata, 'namespaced', subdomainName);
  validatePodTemplate(out, Path.of('template'), template.template);
}

export function validatePodTemplateObjectUpdate(out: Problems, template: PodTemplate, old: PodTemplate): void {
  validateObjectMetaUpdate(out, template.metadata, old.metadata);
  validatePodTemplate(out, Path.of('template'), template.template);
}
