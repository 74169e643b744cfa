// Semantic validation: is this object right, and is this change allowed? One table says which rules a kind has.
// Source: registry strategies, rest.BeforeCreate, rest.BeforeUpdate.
import type { ObjectMeta } from '../gen/meta-v1.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import { BATCH_RULES } from './batch-rules.ts';
import {
  ADMISSION_RULES,
  API_SERVER_RULES,
  AGGREGATION_RULES,
  CERTIFICATES_RULES,
  EXTENSIONS_RULES,
  FLOW_CONTROL_RULES,
  STORAGE_MIGRATION_RULES,
} from './control-rules.ts';
import { APPS_RULES, COORDINATION_RULES, CORE_RULES, DISCOVERY_RULES, EVENTS_RULES } from './core-rules.ts';
import { genericMetaErrors, genericMetaUpdateErrors, type Scope } from './metadata.ts';
import { AUTOSCALING_RULES, NETWORKING_RULES, NODE_RULES, POLICY_RULES, RBAC_RULES, SCHEDULING_RULES } from './policy-rules.ts';
import { Problems, type Capabilities } from './problems.ts';
import { DEVICE_RULES } from './resource-rules.ts';
import type { KindRules } from './rules.ts';
import { CORE_STORAGE_RULES, STORAGE_RULES } from './storage-rules.ts';

/** By group and kind. Kinds of other groups, custom ones above all, have the rules of all objects only. */
const RULES: Readonly<Record<string, Readonly<Record<string, KindRules>>>> = {
  '': { ...CORE_RULES, ...CORE_STORAGE_RULES },
  'admissionregistration.k8s.io': ADMISSION_RULES,
  'apiextensions.k8s.io': EXTENSIONS_RULES,
  'apiregistration.k8s.io': AGGREGATION_RULES,
  apps: APPS_RULES,
  autoscaling: AUTOSCALING_RULES,
  batch: BATCH_RULES,
  'certificates.k8s.io': CERTIFICATES_RULES,
  'coordination.k8s.io': COORDINATION_RULES,
  'discovery.k8s.io': DISCOVERY_RULES,
  'events.k8s.io': EVENTS_RULES,
  'flowcontrol.apiserver.k8s.io': FLOW_CONTROL_RULES,
  'networking.k8s.io': NETWORKING_RULES,
  'node.k8s.io': NODE_RULES,
  policy: POLICY_RULES,
  'rbac.authorization.k8s.io': RBAC_RULES,
  'resource.k8s.io': DEVICE_RULES,
  'scheduling.k8s.io': SCHEDULING_RULES,
  'internal.apiserver.k8s.io': API_SERVER_RULES,
  'storage.k8s.io': STORAGE_RULES,
  'storagemigration.k8s.io': STORAGE_MIGRATION_RULES,
};

/** A `ResourceInfo` is one. */
export interface ValidatedKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly kind: string;
  /** Asked only where the table does not know the kind. */
  readonly namespaced?: boolean;
}

function rulesOf({ group, kind }: ValidatedKind): KindRules | undefined {
  const ofGroup = Object.hasOwn(RULES, group) ? RULES[group] : undefined;
  return ofGroup !== undefined && Object.hasOwn(ofGroup, kind) ? ofGroup[kind] : undefined;
}

const metaOf = (object: unknown): ObjectMeta => (object as { readonly metadata?: ObjectMeta }).metadata ?? {};

const scopeOf = (kind: ValidatedKind, rules: KindRules | undefined): Scope =>
  rules?.scope ?? (kind.namespaced === false ? 'cluster' : 'namespaced');

/**
 * What is wrong with a new object; empty when nothing is. `object` is decoded, defaulted, named (generateName is
 * already resolved) and in the namespace of the request. `capabilities`: default all.
 */
export function validateCreate(object: unknown, kind: ValidatedKind, capabilities?: Capabilities): readonly FieldError[] {
  const rules = rulesOf(kind);
  const out = new Problems(capabilities);
  rules?.create(out, object);
  return out.none ? genericMetaErrors(metaOf(object), scopeOf(kind, rules)) : out.list;
}

/**
 * What is wrong with the change from `old` to `object`. Both are whole objects; `object` has been through the
 * strategy's preparation (status kept or spec kept, generation, uid, timestamps carried over).
 * `subresource`: `status`, `ephemeralcontainers`, `resize`, `finalize`, `approval`, …; empty for the object itself.
 */
export function validateUpdate(
  object: unknown,
  old: unknown,
  kind: ValidatedKind,
  subresource = '',
  capabilities?: Capabilities,
): readonly FieldError[] {
  const rules = rulesOf(kind);
  const out = new Problems(capabilities);
  out.add(genericMetaUpdateErrors(metaOf(object), metaOf(old), scopeOf(kind, rules)));
  const update = subresource === '' ? rules?.update : rules?.subresources?.[subresource];
  update?.(out, object, old);
  return out.list;
}
