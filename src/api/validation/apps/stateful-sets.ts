// StatefulSets and ControllerRevisions. Source: ValidateStatefulSet…, ValidateControllerRevision….
import type { ControllerRevision, StatefulSet, StatefulSetSpec } from '../../gen/apps-v1.ts';
import type { PodTemplateSpec, Volume } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual, isObject } from '#apimachinery/json-value.ts';
import { dns1123Label } from '#apimachinery/names.ts';
import { validateClaimSpec } from '../core/claim-spec.ts';
import { validatePodAnnotations } from '../core/pod-annotations.ts';
import { validatePodTemplate } from '../core/pod-spec.ts';
import { validateLabels } from '../label-selectors.ts';
import { labelName, subdomainName, validateAnnotations, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import {
  compiled,
  intOrPercentValue,
  validateAlwaysRuns,
  validateAtMost,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateTemplateLabels,
  validateWorkloadSelector,
} from './workloads.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');

export function validateStatefulSet(out: Problems, set: StatefulSet): void {
  validateObjectMeta(out, set.metadata, 'namespaced', labelName);
  validateSpec(out, set.spec, 'create');
}

function validateStrategy(out: Problems, at: Path, { updateStrategy: strategy }: StatefulSetSpec): void {
  const { type, rollingUpdate } = strategy ?? {};
  const path = at.child('rollingUpdate');
  if (blank(type)) return out.required(at);
  if (type === 'OnDelete') {
    if (rollingUpdate !== undefined) out.invalid(path, rollingForm(rollingUpdate), "only allowed for updateStrategy 'RollingUpdate'");
  } else if (type === 'RollingUpdate') {
    if (rollingUpdate === undefined) return;
    out.nonNegative(path.child('partition'), rollingUpdate.partition);
    const most = rollingUpdate.maxUnavailable;
    if (most === undefined) return;
    out.intOrPercent(path.child('maxUnavailable'), most);
    if (intOrPercentValue(most) === 0) out.invalid(path.child('maxUnavailable'), most, 'cannot be 0');
    validateAtMost100Percent(out, path.child('maxUnavailable'), most);
  } else {
    const shown = { Type: type, RollingUpdate: rollingUpdate === undefined ? null : rollingForm(rollingUpdate) };
    out.invalid(at, shown, "must be 'RollingUpdate' or 'OnDelete'");
  }
}

const rollingForm = ({
  partition,
  maxUnavailable,
}: {
  readonly partition?: number;
  readonly maxUnavailable?: number | string;
}): unknown => ({
  Partition: partition ?? 0,
  MaxUnavailable: maxUnavailable ?? null,
});

function validateSpec(out: Problems, spec: StatefulSetSpec, when: 'create' | 'update'): void {
  const management = spec.podManagementPolicy;
  if (blank(management)) out.required(SPEC.child('podManagementPolicy'));
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    out.invalid(SPEC.child('podManagementPolicy'), management, "must be 'OrderedReady' or 'Parallel'");
  }
  validateStrategy(out, SPEC.child('updateStrategy'), spec);
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const member of ['whenDeleted', 'whenScaled'] as const) {
    if (retention !== undefined)
      out.oneOf(SPEC.child('persistentVolumeClaimRetentionPolicy', member), retention[member], ['Retain', 'Delete']);
  }
  if (when === 'create') {
    spec.volumeClaimTemplates?.forEach((claim, i) =>
      validateClaimSpec(out, SPEC.child('volumeClaimTemplates').index(i).child('spec'), claim.spec),
    );
  }
  out.nonNegative(SPEC.child('replicas'), spec.replicas);
  out.nonNegative(SPEC.child('minReadySeconds'), spec.minReadySeconds);
  out.nonNegative(SPEC.child('ordinals.start'), spec.ordinals?.start);
  if (when === 'create' && !blank(spec.serviceName)) out.each(SPEC.child('serviceName'), spec.serviceName, dns1123Label(spec.serviceName));
  validateWorkloadSelector(out, SPEC.child('selector'), spec.selector, 'statefulset');
  validateTemplate(out, spec);
  validateAlwaysRuns(out, SPEC.child('template'), spec.template, 'StatefulSet');
}

function validateTemplate(out: Problems, spec: StatefulSetSpec): void {
  const selector = compiled(spec.selector);
  if (selector === undefined) return out.invalid(SPEC.child('selector'), spec.selector, '');
  const template = asCreated(spec);
  const at = SPEC.child('template');
  validateTemplateLabels(out, at, template, selector);
  validatePodTemplate(out, at, template);
  validateLabels(out, at.child('labels'), template.metadata?.labels);
  validateAnnotations(out, at.child('annotations'), template.metadata?.annotations);
  validatePodAnnotations(out, at.child('annotations'), template.metadata?.annotations, template.spec);
}

/** Pods get host names from the set, and volumes from the claim templates. */
function asCreated({ template, volumeClaimTemplates: claims = [] }: StatefulSetSpec): PodTemplateSpec {
  const { hostname: _hostname, subdomain: _subdomain, ...spec } = template.spec;
  const names = new Set(claims.map((claim) => claim.metadata?.name ?? ''));
  const own = [...names].map((name): Volume => ({ name, persistentVolumeClaim: { claimName: name } }));
  const volumes = [...own, ...(spec.volumes ?? []).filter((volume) => !names.has(volume.name))];
  return { ...template, spec: volumes.length === 0 ? spec : { ...spec, volumes } };
}

const MUTABLE: readonly (keyof StatefulSetSpec)[] = [
  'replicas',
  'template',
  'updateStrategy',
  'minReadySeconds',
  'ordinals',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
];

export function validateStatefulSetUpdate(out: Problems, set: StatefulSet, old: StatefulSet): void {
  validateObjectMetaUpdate(out, set.metadata, old.metadata);
  validateSpec(out, set.spec, 'update');
  const fixed = (spec: StatefulSetSpec): unknown =>
    Object.fromEntries(Object.entries(spec).filter(([key]) => !(MUTABLE as readonly string[]).includes(key)));
  if (!semanticEqual(fixed(set.spec), fixed(old.spec))) {
    out.forbidden(
      SPEC,
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    );
  }
}

export function validateStatefulSetStatusUpdate(out: Problems, set: StatefulSet, old: StatefulSet): void {
  const status: Partial<NonNullable<StatefulSet['status']>> = set.status ?? {};
  validateCounts(out, STATUS, status, [
    'replicas',
    'readyReplicas',
    'currentReplicas',
    'updatedReplicas',
    'availableReplicas',
    'observedGeneration',
    'collisionCount',
  ]);
  const members = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const;
  validateAtMost(out, STATUS, status, { members, limit: status.replicas ?? 0, detail: 'cannot be greater than status.replicas' });
  validateAtMost(out, STATUS, status, {
    members: ['availableReplicas'],
    limit: status.readyReplicas ?? 0,
    detail: 'cannot be greater than status.readyReplicas',
  });
  validateObjectMetaUpdate(out, set.metadata, old.metadata);
  validateCollisionCount(out, STATUS, status.collisionCount, old.status?.collisionCount);
}

function validateRevisionCommon(out: Problems, revision: ControllerRevision): void {
  validateObjectMeta(out, revision.metadata, 'namespaced', subdomainName);
  out.nonNegative(Path.of('revision'), revision.revision);
}

export function validateControllerRevision(out: Problems, revision: ControllerRevision): void {
  validateRevisionCommon(out, revision);
  const data: unknown = revision.data;
  if (data === undefined || data === null) out.required(Path.of('data'), 'data is mandatory');
  else if (!isObject(data)) out.required(Path.of('data'), 'data must be a valid JSON object');
}

export function validateControllerRevisionUpdate(out: Problems, revision: ControllerRevision, old: ControllerRevision): void {
  validateObjectMetaUpdate(out, revision.metadata, old.metadata);
  validateRevisionCommon(out, revision);
  out.immutable(Path.of('data'), revision.data ?? null, deepEqual(revision.data, old.data));
}
