// Tolerations, taints, scheduling gates and topology spread. Source: ValidateTolerations, validateNodeTaints,
// validateSchedulingGates, validateTopologySpreadConstraints.
import type { PodSchedulingGate, Taint, Toleration, TopologySpreadConstraint } from '../../gen/core-v1.ts';
import { duplicate } from '#apimachinery/field-errors.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { labelValue, qualifiedName } from '#apimachinery/names.ts';
import { validateLabelKey, validateLabelSelector } from '../label-selectors.ts';
import { blank, type Problems } from '../problems.ts';
import { validateMatchLabelKeys } from './affinity.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(out: Problems, at: Path, tolerations: readonly Toleration[]): void {
  tolerations.forEach((toleration, i) => {
    const path = at.index(i);
    const { key, operator = '', value = '', effect = '', tolerationSeconds } = toleration;
    if (!blank(key)) validateLabelKey(out, path.child('key'), key);
    else if (operator !== 'Exists') {
      out.invalid(
        path.child('operator'),
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      out.invalid(path.child('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    validateOperator(out, path.child('operator'), operator, value);
    if (effect !== '') out.oneOf(path.child('effect'), effect, EFFECTS);
  });
}

function validateOperator(out: Problems, at: Path, operator: string, value: string): void {
  switch (operator) {
    case '':
    case 'Equal': {
      const reasons = labelValue(value);
      if (reasons.length > 0) out.invalid(at, value, reasons.join(';'));
      break;
    }
    case 'Exists':
      if (value !== '') out.invalid(at, value, "value must be empty when `operator` is 'Exists'");
      break;
    case 'Lt':
    case 'Gt':
      out.notSupported(at, operator, ['Equal', 'Exists', 'Lt', 'Gt']);
      break;
    default:
      out.notSupported(at, operator, ['Equal', 'Exists']);
  }
}

export function validateTaints(out: Problems, at: Path, taints: readonly Taint[]): void {
  const seen = new Set<string>();
  taints.forEach((taint, i) => {
    const path = at.index(i);
    validateLabelKey(out, path.child('key'), taint.key);
    const reasons = labelValue(taint.value ?? '');
    if (reasons.length > 0) out.invalid(path.child('value'), taint.value, reasons.join(';'));
    out.requiredOneOf(path.child('effect'), taint.effect, EFFECTS);
    const identity = `${taint.effect}\n${taint.key}`;
    if (seen.has(identity)) {
      const shown = { Key: taint.key, Value: taint.value ?? '', Effect: taint.effect, TimeAdded: taint.timeAdded ?? null };
      out.add([{ ...duplicate(path, shown), detail: 'taints must be unique by key and effect pair' }]);
    }
    seen.add(identity);
  });
}

export function validateSchedulingGates(out: Problems, at: Path, gates: readonly PodSchedulingGate[]): void {
  const seen = new Set<string>();
  gates.forEach(({ name }, i) => {
    out.each(at.index(i), name, qualifiedName(name));
    if (seen.has(name)) out.duplicate(at.index(i), name);
    seen.add(name);
  });
}

const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];
const NODE_POLICIES = ['Honor', 'Ignore'];

export function validateSpread(out: Problems, at: Path, constraints: readonly TopologySpreadConstraint[]): void {
  const textOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint): string => `{${topologyKey}, ${whenUnsatisfiable}}`;
  const last = new Map(constraints.map((constraint, i) => [textOf(constraint), i]));
  constraints.forEach((constraint, i) => {
    const path = at.index(i);
    const { topologyKey, whenUnsatisfiable: action, minDomains } = constraint;
    out.positive(path.child('maxSkew'), constraint.maxSkew);
    if (blank(topologyKey)) out.required(path.child('topologyKey'), 'can not be empty');
    out.oneOf(path.child('whenUnsatisfiable'), action, ACTIONS);
    const text = textOf(constraint);
    if ((last.get(text) ?? i) > i) out.duplicate(path.child('{topologyKey, whenUnsatisfiable}'), text);
    if (minDomains !== undefined) {
      out.positive(path.child('minDomains'), minDomains);
      if (action !== 'DoNotSchedule') {
        out.invalid(path.child('minDomains'), minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`);
      }
    }
    for (const member of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      if (constraint[member] !== undefined) out.oneOf(path.child(member), constraint[member], NODE_POLICIES);
    }
    validateMatchLabelKeys(out, path, constraint);
    validateLabelSelector(out, path.child('labelSelector'), constraint.labelSelector);
  });
}
