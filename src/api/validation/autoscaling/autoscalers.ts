// HorizontalPodAutoscalers, of both versions. Source: autoscaling validation.go.
import type { HorizontalPodAutoscaler as AutoscalerV1 } from '../../gen/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, HPAScalingPolicy, HPAScalingRules } from '../../gen/autoscaling-v2.ts';
import { Path } from '#apimachinery/field-path.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { quantity, type Problems } from '../problems.ts';
import { validateMetrics } from './metrics.ts';
import { validateScaledReference, versionProblem, type VersionRule } from './scaled-references.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const MAX_PERIOD_SECONDS = 1800;
const MAX_WINDOW_SECONDS = 3600;
const SELECTIONS = ['Disabled', 'Max', 'Min'];
const POLICY_TYPES = ['Percent', 'Pods'];

type AnyAutoscaler = HorizontalPodAutoscaler | AutoscalerV1;

/** The specification as version 2 has it: the one target of version 1 is a metric. */
function specOf({ spec }: AnyAutoscaler): Partial<HorizontalPodAutoscalerSpec> {
  if (spec === undefined || !('targetCPUUtilizationPercentage' in spec)) return (spec as HorizontalPodAutoscalerSpec | undefined) ?? {};
  const { targetCPUUtilizationPercentage: averageUtilization, ...rest } = spec;
  if (averageUtilization === undefined) return rest as HorizontalPodAutoscalerSpec;
  return { ...rest, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }] };
}

export function validateAutoscaler(out: Problems, autoscaler: AnyAutoscaler): void {
  validateObjectMeta(out, autoscaler.metadata, 'namespaced', subdomainName);
  const spec = specOf(autoscaler);
  const core = spec.scaleTargetRef?.kind === 'ReplicationController';
  validateSpec(out, spec, { lowest: 1, target: core ? 'group optional' : 'group required', described: 'group optional' });
}

export function validateAutoscalerUpdate(out: Problems, autoscaler: AnyAutoscaler, old: AnyAutoscaler): void {
  validateObjectMetaUpdate(out, autoscaler.metadata, old.metadata);
  const [spec, before] = [specOf(autoscaler), specOf(old)];
  const { kind, apiVersion } = before.scaleTargetRef ?? {};
  const same = kind === spec.scaleTargetRef?.kind && (apiVersion ?? '') === (spec.scaleTargetRef?.apiVersion ?? '');
  const core = spec.scaleTargetRef?.kind === 'ReplicationController';
  const wasBad = (before.metrics ?? []).some(
    ({ object }) => versionProblem(object?.describedObject.apiVersion, 'group optional') !== undefined,
  );
  validateSpec(out, spec, {
    lowest: before.minReplicas === 0 ? 0 : 1,
    target: same ? 'any' : core ? 'group optional' : 'group required',
    described: wasBad ? 'any' : 'group optional',
  });
}

interface SpecRules {
  /** The fewest replicas it may scale to; none only where it did before. */
  readonly lowest: number;
  /** Versions of what is scaled. */
  readonly target: VersionRule;
  /** Versions of what is measured. */
  readonly described: VersionRule;
}

function validateSpec(out: Problems, spec: Partial<HorizontalPodAutoscalerSpec>, { lowest, target, described }: SpecRules): void {
  const { minReplicas, maxReplicas = 0, metrics = [], behavior } = spec;
  if (minReplicas !== undefined && minReplicas < lowest)
    out.invalid(SPEC.child('minReplicas'), minReplicas, `must be greater than or equal to ${lowest}`);
  const max = SPEC.child('maxReplicas');
  if (maxReplicas === 0) out.required(max, 'must be set and greater than 0');
  else if (maxReplicas < 0) out.invalid(max, maxReplicas, 'must be greater than or equal to 1');
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    out.invalid(max, maxReplicas, 'must be greater than or equal to `minReplicas`');
  validateScaledReference(out, SPEC.child('scaleTargetRef'), spec.scaleTargetRef ?? {}, target);
  validateMetrics(out, SPEC.child('metrics'), metrics, { toZero: minReplicas === 0, described });
  if (behavior?.scaleUp !== undefined) validateRules(out, SPEC.child('behavior', 'scaleUp'), behavior.scaleUp);
  if (behavior?.scaleDown !== undefined) validateRules(out, SPEC.child('behavior', 'scaleDown'), behavior.scaleDown);
}

function validateRules(out: Problems, at: Path, rules: Partial<HPAScalingRules>): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const path = at.child('stabilizationWindowSeconds');
  if (window !== undefined && window < 0) out.invalid(path, window, 'must be greater than or equal to zero');
  if (window !== undefined && window > MAX_WINDOW_SECONDS) out.invalid(path, window, `must be less than or equal to ${MAX_WINDOW_SECONDS}`);
  if (selectPolicy !== undefined) out.oneOf(at.child('selectPolicy'), selectPolicy, SELECTIONS);
  if (policies.length === 0) out.required(at.child('policies'), 'must specify at least one Policy');
  policies.forEach((policy, i) => validatePolicy(out, at.child('policies').index(i), policy));
  if (tolerance !== undefined) out.nonNegativeQuantity(at.child('tolerance'), quantity(tolerance));
}

function validatePolicy(out: Problems, at: Path, { type, value = 0, periodSeconds = 0 }: Partial<HPAScalingPolicy>): void {
  out.oneOf(at.child('type'), type, POLICY_TYPES);
  if (value <= 0) out.invalid(at.child('value'), value, 'must be greater than zero');
  if (periodSeconds <= 0) out.invalid(at.child('periodSeconds'), periodSeconds, 'must be greater than zero');
  if (periodSeconds > MAX_PERIOD_SECONDS)
    out.invalid(at.child('periodSeconds'), periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`);
}

export function validateAutoscalerStatusUpdate(out: Problems, autoscaler: AnyAutoscaler, old: AnyAutoscaler): void {
  validateObjectMetaUpdate(out, autoscaler.metadata, old.metadata);
  out.nonNegative(STATUS.child('currentReplicas'), autoscaler.status?.currentReplicas);
  out.nonNegative(STATUS.child('desiredReplicas'), autoscaler.status?.desiredReplicas);
}
