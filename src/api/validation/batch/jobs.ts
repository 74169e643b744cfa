// Jobs. Source: batch validation.go ValidateJob…, registry batch/job strategy.
import type { Job, JobSpec } from '../../gen/batch-v1.ts';
import type { PodSpec, PodTemplateSpec } from '../../gen/core-v1.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Label } from '#apimachinery/names.ts';
import { compiled } from '../apps/workloads.ts';
import { validatePodTemplate } from '../core/pod-spec.ts';
import { domainPrefixedPath } from '../domain-path.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import {
  internalFailurePolicy,
  internalSuccessPolicy,
  validateFailurePolicy,
  validateReplacementPolicy,
  validateSuccessPolicy,
} from './job-policies.ts';

const SPEC = Path.of('spec');
const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
/** Above so many completions, parallelism and failed indexes are bounded lower. */
const MANY_COMPLETIONS = 100_000;
const MAX_PARALLELISM_OF_MANY = 10_000;
const MAX_FAILED_INDEXES_OF_MANY = 10_000;
const MAX_MANAGED_BY_BYTES = 63;

/** Labels that tell a job's pods apart; the prefixed ones came later. */
export const JOB_LABELS = {
  uid: 'batch.kubernetes.io/controller-uid',
  name: 'batch.kubernetes.io/job-name',
  legacyUid: 'controller-uid',
  legacyName: 'job-name',
} as const;

export function validateJob(out: Problems, job: Job): void {
  validateWholeJob(out, job, true);
}

function validateWholeJob(out: Problems, job: Job, prefixedLabels: boolean): void {
  validateObjectMeta(out, job.metadata, 'namespaced', subdomainName);
  validateGeneratedSelector(out, job, prefixedLabels);
  validateSpecAndSelector(out, SPEC, job.spec);
  const { name = '' } = job.metadata as Partial<ObjectMeta>;
  const { completions = 0, completionMode } = job.spec;
  if (completionMode !== 'Indexed' || completions <= 0) return;
  const hostname = `${name}-${completions - 1}`;
  if (dns1123Label(hostname).length > 0) {
    const detail = `will not able to create pod with invalid DNS label: ${hostname}`;
    out.invalid(Path.of('metadata').child('name'), name, detail);
  }
}

/** Source: ValidateHasLabel. */
function validateHasLabel(out: Problems, at: Path, meta: ObjectMeta | undefined, [key, expected]: readonly [string, string]): void {
  const actual = meta?.labels?.[key];
  if (actual === undefined) out.required(at.child('labels').key(key), `must be '${expected}'`);
  else if (actual !== expected) out.invalid(at.child('labels').key(key), meta?.labels, `must be '${expected}'`);
}

function validateGeneratedSelector(out: Problems, { metadata, spec }: Job, prefixedLabels: boolean): void {
  if (spec.manualSelector === true || spec.selector === undefined) return;
  const { uid = '', name = '' } = metadata as Partial<ObjectMeta>;
  if (uid === '') out.required(Path.of('metadata').child('uid'));
  const expected: [string, string][] = [
    [JOB_LABELS.legacyUid, uid],
    [JOB_LABELS.legacyName, name],
  ];
  if (prefixedLabels) expected.push([JOB_LABELS.uid, uid], [JOB_LABELS.name, name]);
  for (const label of expected) validateHasLabel(out, SPEC.child('template', 'metadata'), spec.template.metadata, label);
  if (compiled(spec.selector)?.matches(Object.fromEntries(expected)) === false)
    out.invalid(SPEC.child('selector'), spec.selector, '`selector` not auto-generated');
}

function validateSpecAndSelector(out: Problems, at: Path, spec: JobSpec): void {
  validateJobSpec(out, at, spec);
  if (spec.selector === undefined) out.required(at.child('selector'));
  else validateLabelSelector(out, at.child('selector'), spec.selector);
  const { labels } = spec.template.metadata ?? {};
  if (compiled(spec.selector)?.matches(labels) === false) {
    out.invalid(at.child('template', 'metadata', 'labels'), labels ?? null, '`selector` does not match template `labels`');
  }
}

/** The part that a CronJob's template has too. */
export function validateJobSpec(out: Problems, at: Path, spec: JobSpec): void {
  for (const key of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    out.nonNegative(at.child(key), spec[key]);
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    out.required(at.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified');
  if (spec.managedBy !== undefined) {
    out.add(domainPrefixedPath(at.child('managedBy'), spec.managedBy));
    if (byteLength(spec.managedBy) > MAX_MANAGED_BY_BYTES) out.tooLong(at.child('managedBy'), MAX_MANAGED_BY_BYTES);
  }
  validateCompletionMode(out, at, spec);
  if (spec.podFailurePolicy !== undefined) validateFailurePolicy(out, at.child('podFailurePolicy'), spec);
  validateSuccess(out, at.child('successPolicy'), spec);
  validateReplacementPolicy(out, at.child('podReplacementPolicy'), spec);
  validatePodTemplate(out, at.child('template'), spec.template);
  validateRestartPolicy(out, at.child('template', 'spec', 'restartPolicy'), spec);
}

function validateCompletionMode(out: Problems, at: Path, spec: JobSpec): void {
  const { completionMode = 'NonIndexed', backoffLimitPerIndex, maxFailedIndexes } = spec as Partial<JobSpec>;
  if (completionMode === 'Indexed') return validateIndexed(out, at, spec);
  out.oneOf(at.child('completionMode'), completionMode, ['NonIndexed', 'Indexed']);
  if (completionMode !== 'NonIndexed') return;
  const detail = 'requires indexed completion mode';
  if (backoffLimitPerIndex !== undefined) out.invalid(at.child('backoffLimitPerIndex'), backoffLimitPerIndex, detail);
  if (maxFailedIndexes !== undefined) out.invalid(at.child('maxFailedIndexes'), maxFailedIndexes, detail);
}

function validateIndexed(out: Problems, at: Path, spec: JobSpec): void {
  const { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec as Partial<JobSpec>;
  if (completions === undefined) out.required(at.child('completions'), 'when completion mode is Indexed');
  if (parallelism > MAX_INDEXED_PARALLELISM) {
    const detail = `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`;
    out.invalid(at.child('parallelism'), parallelism, detail);
  }
  const failed = maxFailedIndexes ?? 0;
  if (completions !== undefined && failed > completions)
    out.invalid(at.child('maxFailedIndexes'), failed, 'must be less than or equal to completions');
  if (failed > MAX_FAILED_INDEXES) out.invalid(at.child('maxFailedIndexes'), failed, `must be less than or equal to ${MAX_FAILED_INDEXES}`);
  if (completions === undefined || completions <= MANY_COMPLETIONS || backoffLimitPerIndex === undefined) return;
  if (maxFailedIndexes === undefined)
    out.required(at.child('maxFailedIndexes'), `must be specified when completions is above ${MANY_COMPLETIONS}`);
  const bounded = (max: number): string =>
    `must be less than or equal to ${max} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  if (parallelism > MAX_PARALLELISM_OF_MANY) out.invalid(at.child('parallelism'), parallelism, bounded(MAX_PARALLELISM_OF_MANY));
  if (failed > MAX_FAILED_INDEXES_OF_MANY) out.invalid(at.child('maxFailedIndexes'), failed, bounded(MAX_FAILED_INDEXES_OF_MANY));
}

function validateSuccess(out: Problems, at: Path, { successPolicy, completionMode, completions }: JobSpec): void {
  if (successPolicy === undefined) return;
  const rules = successPolicy.rules ?? [];
  if (completionMode === 'Indexed') return validateSuccessPolicy(out, at.child('rules'), rules, completions ?? 0);
  out.invalid(at, internalSuccessPolicy(successPolicy), 'requires indexed completion mode');
}

function validateRestartPolicy(out: Problems, at: Path, { template, podFailurePolicy }: JobSpec): void {
  const { restartPolicy = '' } = template.spec as Partial<PodSpec>;
  if (restartPolicy === 'Always' || blank(restartPolicy)) return out.required(at, 'valid values: "OnFailure", "Never"');
  if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never') return out.notSupported(at, restartPolicy, ['OnFailure', 'Never']);
  if (podFailurePolicy !== undefined && restartPolicy !== 'Never')
    out.invalid(at, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified');
}

export function validateJobUpdate(out: Problems, job: Job, old: Job): void {
  const oldLabels = old.spec.template.metadata?.labels ?? {};
  validateWholeJob(out, job, JOB_LABELS.name in oldLabels && JOB_LABELS.uid in oldLabels);
  validateObjectMetaUpdate(out, job.metadata, old.metadata);
  validateSpecAndSelector(out, SPEC, job.spec);
  validateCompletionsUpdate(out, job.spec, old.spec);
  out.immutable(SPEC.child('selector'), job.spec.selector, semanticEqual(job.spec.selector, old.spec.selector));
  validateTemplateUpdate(out, job, old);
  const { podFailurePolicy: failure, successPolicy: success } = job.spec;
  const shown = {
    completionMode: job.spec.completionMode,
    podFailurePolicy: failure && internalFailurePolicy(failure),
    backoffLimitPerIndex: job.spec.backoffLimitPerIndex,
    managedBy: job.spec.managedBy,
    successPolicy: success && internalSuccessPolicy(success),
  };
  for (const key of Object.keys(shown) as (keyof typeof shown)[])
    out.immutable(SPEC.child(key), shown[key], semanticEqual(job.spec[key], old.spec[key]));
}

function validateCompletionsUpdate(out: Problems, spec: JobSpec, old: JobSpec): void {
  const at = SPEC.child('completions');
  if (spec.completions === old.completions) return;
  if (spec.completionMode !== 'Indexed') return out.immutable(at, spec.completions, false);
  if (spec.completions !== undefined && spec.completions !== spec.parallelism)
    out.invalid(at, spec.completions, 'can only be modified in tandem with spec.parallelism');
}

/** A suspended job whose pods are gone may be moved and resized. Source: shouldAllowMutablePodTemplate. */
function mayChangeTemplate({ spec, status }: Job): boolean {
  const suspended = (status?.conditions ?? []).some((condition) => condition.type === 'Suspended' && condition.status === 'True');
  return spec.suspend === true && (status?.startTime === undefined || suspended) && (status?.active ?? 0) === 0;
}

/** The new template as far as the old one must equal it. */
function withScheduling(template: PodTemplateSpec, old: PodTemplateSpec): PodTemplateSpec {
  const { nodeSelector, tolerations, schedulingGates, affinity } = template.spec;
  const { nodeAffinity: _nodeAffinity, ...kept } = old.spec.affinity ?? {};
  const merged = affinity?.nodeAffinity === undefined ? kept : { ...kept, nodeAffinity: affinity.nodeAffinity };
  const noAffinity = affinity === undefined && Object.keys(merged).length === 0;
  const { labels, annotations } = template.metadata ?? {};
  return {
    ...old,
    metadata: { ...old.metadata, labels, annotations } as ObjectMeta,
    spec: {
      ...old.spec,
      nodeSelector,
      tolerations,
      schedulingGates,
      affinity: noAffinity ? undefined : merged,
    } as PodSpec,
  };
}

function withResources(spec: PodSpec, old: PodSpec): PodSpec {
  const resized = <T extends { readonly name: string; readonly resources?: unknown }>(
    now: readonly T[] = [],
    before: readonly T[] = [],
  ): readonly T[] =>
    now.length === before.length
      ? before.map((container, i) => (now[i]?.name === container.name ? { ...container, resources: now[i].resources } : container))
      : before;
  return {
    ...old,
    containers: resized(spec.containers, old.containers),
    initContainers: resized(spec.initContainers, old.initContainers),
  } as PodSpec;
}

function validateTemplateUpdate(out: Problems, { spec }: Job, old: Job): void {
  const free = mayChangeTemplate(old);
  const before = free ? withScheduling(spec.template, old.spec.template) : old.spec.template;
  const at = SPEC.child('template');
  if (!free) return out.immutable(at, spec.template, semanticEqual(spec.template, before));
  out.immutable(
    SPEC.child('template.spec'),
    spec.template.spec,
    semanticEqual(spec.template.spec, withResources(spec.template.spec, before.spec)),
  );
}
