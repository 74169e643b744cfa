// When a job fails and when it succeeds. Source: batch validation.go validatePodFailurePolicy, validateSuccessPolicy.
import type {
  JobSpec,
  PodFailurePolicy,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicy,
  SuccessPolicyRule,
} from '../../gen/batch-v1.ts';
import { OMITTED } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength, goQuote } from '#apimachinery/go-format.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { blank, type Problems } from '../problems.ts';
import { indexCount } from './indexes.ts';

const MAX_FAILURE_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITION_PATTERNS = 20;
const MAX_SUCCESS_RULES = 20;
const MAX_SUCCEEDED_INDEXES_BYTES = 64 * 1024;

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];
const REPLACEMENTS = ['Failed', 'TerminatingOrFailed'];

const validValues = (values: readonly string[]): string => `valid values: [${values.map(goQuote).join(' ')}]`;

/** One of `supported`, or the required one that names them. */
function choice(out: Problems, at: Path, value: string | undefined, supported: readonly string[]): void {
  if (blank(value)) out.required(at, validValues(supported));
  else out.oneOf(at, value, supported);
}

export function validateFailurePolicy(out: Problems, at: Path, spec: JobSpec): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const path = at.child('rules');
  if (rules.length > MAX_FAILURE_RULES) out.tooMany(path, rules.length, MAX_FAILURE_RULES);
  const { containers = [], initContainers = [] } = spec.template.spec as Partial<typeof spec.template.spec>;
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  rules.forEach((rule, i) => validateRule(out, path.index(i), rule, { names, perIndex: spec.backoffLimitPerIndex !== undefined }));
}

interface JobFacts {
  /** Names of its containers. */
  readonly names: ReadonlySet<string>;
  /** Retries are counted for each index. */
  readonly perIndex: boolean;
}

function validateRule(out: Problems, at: Path, rule: Partial<PodFailurePolicyRule>, { names, perIndex }: JobFacts): void {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  if (action === 'FailIndex') {
    if (!perIndex) out.invalid(at.child('action'), action, 'requires the backoffLimitPerIndex to be set');
  } else choice(out, at.child('action'), action, ACTIONS);
  if (onExitCodes !== undefined) validateExitCodes(out, at.child('onExitCodes'), onExitCodes, names);
  if (onPodConditions.length > 0) validateConditions(out, at.child('onPodConditions'), onPodConditions);
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    out.invalid(at, OMITTED, 'specifying both OnExitCodes and OnPodConditions is not supported');
  if (onExitCodes === undefined && onPodConditions.length === 0)
    out.invalid(at, OMITTED, 'specifying one of OnExitCodes and OnPodConditions is required');
}

function validateConditions(out: Problems, at: Path, patterns: readonly PodFailurePolicyOnPodConditionsPattern[]): void {
  if (patterns.length > MAX_CONDITION_PATTERNS) out.tooMany(at, patterns.length, MAX_CONDITION_PATTERNS);
  patterns.forEach(({ type, status }: Partial<PodFailurePolicyOnPodConditionsPattern>, i) => {
    const path = at.index(i);
    out.each(path.child('type'), type ?? '', qualifiedName(type ?? ''));
    choice(out, path.child('status'), status, STATUSES);
  });
}

function validateExitCodes(
  out: Problems,
  at: Path,
  { operator, containerName, values: given }: Partial<PodFailurePolicyOnExitCodesRequirement>,
  names: ReadonlySet<string>,
): void {
  choice(out, at.child('operator'), operator, OPERATORS);
  if (containerName !== undefined && !names.has(containerName)) {
    out.invalid(at.child('containerName'), containerName, 'must be one of the container or initContainer names in the pod template');
  }
  const path = at.child('values');
  const values = given ?? [];
  if (values.length === 0) out.invalid(path, given ?? null, 'at least one value is required');
  else if (values.length > MAX_EXIT_CODES) out.tooMany(path, values.length, MAX_EXIT_CODES);
  const seen = new Set<number>();
  values.forEach((code, i) => {
    if (operator === 'In' && code === 0) out.invalid(path.index(i), code, 'must not be 0 for the In operator');
    if (seen.has(code)) out.duplicate(path.index(i), code);
    seen.add(code);
  });
  if (values.some((code, i) => i > 0 && (values[i - 1] as number) > code)) out.invalid(path, values, 'must be ordered');
}

export function validateReplacementPolicy(out: Problems, at: Path, { podReplacementPolicy: policy, podFailurePolicy }: JobSpec): void {
  if (policy === undefined) return;
  out.oneOf(at, policy, podFailurePolicy === undefined ? REPLACEMENTS : ['Failed']);
}

/** `completions`: of an indexed job. */
export function validateSuccessPolicy(out: Problems, at: Path, rules: readonly SuccessPolicyRule[], completions: number): void {
  if (rules.length === 0) out.required(at, 'at least one rules must be specified when the successPolicy is specified');
  if (rules.length > MAX_SUCCESS_RULES) out.tooMany(at, rules.length, MAX_SUCCESS_RULES);
  rules.forEach((rule, i) => validateSuccessRule(out, at.index(i), rule, completions));
}

function validateSuccessRule(
  out: Problems,
  at: Path,
  { succeededCount: count, succeededIndexes: indexes }: SuccessPolicyRule,
  completions: number,
): void {
  if (count === undefined && indexes === undefined)
    out.required(at, 'at least one of succeededCount or succeededIndexes must be specified');
  const { total, problem } = indexCount(indexes ?? '', completions);
  if (indexes !== undefined) {
    const path = at.child('succeededIndexes');
    if (byteLength(indexes) > MAX_SUCCEEDED_INDEXES_BYTES) out.tooLong(path, MAX_SUCCEEDED_INDEXES_BYTES);
    if (problem !== undefined) out.invalid(path, indexes, `error parsing succeededIndexes: ${problem}`);
  }
  if (count === undefined) return;
  const path = at.child('succeededCount');
  out.nonNegative(path, count);
  if (count > completions) out.invalid(path, count, `must be less than or equal to ${completions} (the number of specified completions)`);
  if (indexes !== undefined && count > total) {
    out.invalid(path, count, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`);
  }
}

/** As upstream's internal type, which knows no JSON names, is printed. */
export const internalFailurePolicy = ({ rules }: PodFailurePolicy): object => ({
  Rules:
    rules?.map(({ action, onExitCodes, onPodConditions }) => ({
      Action: action,
      OnExitCodes:
        onExitCodes === undefined
          ? null
          : { ContainerName: onExitCodes.containerName ?? null, Operator: onExitCodes.operator, Values: onExitCodes.values },
      OnPodConditions: onPodConditions?.map(({ type, status }) => ({ Type: type, Status: status })) ?? null,
    })) ?? null,
});

/** As upstream's internal type is printed. */
export const internalSuccessPolicy = ({ rules }: Partial<SuccessPolicy>): object => ({
  Rules:
    rules?.map(({ succeededIndexes, succeededCount }) => ({
      SucceededIndexes: succeededIndexes ?? null,
      SucceededCount: succeededCount ?? null,
    })) ?? null,
});
