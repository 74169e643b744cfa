// PodDisruptionBudgets. Source: policy validation.go.
import type { PodDisruptionBudget } from '../../gen/policy-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { validateAtMost100Percent, validateCounts } from '../apps/workloads.ts';
import { validateConditions } from '../conditions.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import type { Problems } from '../problems.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

export function validateDisruptionBudget(out: Problems, budget: PodDisruptionBudget): void {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = budget.spec ?? {};
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: minAvailable,
      Selector: selector ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    };
    out.invalid(SPEC, shown, 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const [member, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue;
    out.intOrPercent(SPEC.child(member), value);
    validateAtMost100Percent(out, SPEC.child(member), value);
  }
  validateLabelSelector(out, SPEC.child('selector'), selector);
  if (policy !== undefined) out.oneOf(SPEC.child('unhealthyPodEvictionPolicy'), policy, EVICTION_POLICIES);
}

export function validateDisruptionBudgetStatusUpdate(out: Problems, budget: PodDisruptionBudget): void {
  const status: Partial<NonNullable<PodDisruptionBudget['status']>> = budget.status ?? {};
  validateConditions(out, STATUS.child('conditions'), status.conditions ?? []);
  validateCounts(out, STATUS, status, ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods']);
}
