// Where a pod wants to run: node selectors and affinities. Source: validateAffinity and below.
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  WeightedPodAffinityTerm,
} from '../../gen/core-v1.ts';
import type { LabelSelector } from '../../gen/meta-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { labelValue } from '#apimachinery/names.ts';
import { validateLabelKey, validateLabelSelector } from '../label-selectors.ts';
import { labelName, subdomainName } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

/** `values`: whether values of labels are checked; a preference may name ones that no label can have. */
function validateRequirement(out: Problems, at: Path, { key, operator, values = [] }: NodeSelectorRequirement, strict: boolean): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) out.required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) out.forbidden(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) out.required(at.child('values'), "must be specified single value when `operator` is 'Lt' or 'Gt'");
      break;
    default:
      out.invalid(at.child('operator'), operator ?? '', 'not a valid selector operator');
  }
  validateLabelKey(out, at.child('key'), key);
  if (strict) values.forEach((value, i) => out.each(at.child('values').index(i), value, labelValue(value)));
}

function validateFieldRequirement(out: Problems, at: Path, { key, operator, values = [] }: NodeSelectorRequirement): void {
  if (operator !== 'In' && operator !== 'NotIn') out.invalid(at.child('operator'), operator ?? '', 'not a valid selector operator');
  else if (values.length !== 1)
    out.required(at.child('values'), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  if (key !== 'metadata.name') out.invalid(at.child('key'), key ?? '', 'not a valid field selector key');
  else values.forEach((value, i) => out.each(at.child('values').index(i), value, subdomainName(value, false)));
}

function validateTerm(out: Problems, at: Path, term: NodeSelectorTerm, strict: boolean): void {
  term.matchExpressions?.forEach((requirement, i) => validateRequirement(out, at.child('matchExpressions').index(i), requirement, strict));
  term.matchFields?.forEach((requirement, i) => validateFieldRequirement(out, at.child('matchFields').index(i), requirement));
}

/** Source: ValidateNodeSelector. */
export function validateNodeSelector(out: Problems, at: Path, { nodeSelectorTerms: terms = [] }: Partial<NodeSelector>): void {
  const path = at.child('nodeSelectorTerms');
  if (terms.length === 0) return out.required(path, 'must have at least one node selector term');
  terms.forEach((term, i) => validateTerm(out, path.index(i), term, true));
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function validateWeight(out: Problems, at: Path, weight: number): void {
  if (weight <= 0 || weight > 100) out.invalid(at.child('weight'), weight, 'must be in the range 1-100');
}

function validateNodeAffinity(out: Problems, at: Path, affinity: NodeAffinity): void {
  const required = affinity[REQUIRED];
  if (required !== undefined) validateNodeSelector(out, at.child(REQUIRED), required);
  affinity[PREFERRED]?.forEach((term, i) => {
    const path = at.child(PREFERRED).index(i);
    validateWeight(out, path, term.weight);
    validateTerm(out, path.child('preference'), term.preference, false);
  });
}

/** Source: validateLabelKeys. */
function validateLabelKeys(out: Problems, at: Path, keys: readonly string[], selector: LabelSelector | undefined): void {
  if (keys.length === 0) return;
  if (selector === undefined) return out.forbidden(at, 'must not be specified when labelSelector is not set');
  keys.forEach((key, i) => validateLabelKey(out, at.index(i), key));
}

interface KeyedSelector {
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
  readonly labelSelector?: LabelSelector;
}

/** Keys whose values come from the pod itself. Source: ValidateMatchLabelKeysAndMismatchLabelKeys. */
export function validateMatchLabelKeys(out: Problems, at: Path, term: KeyedSelector): void {
  const { matchLabelKeys: match = [], mismatchLabelKeys: mismatch = [], labelSelector } = term;
  validateLabelKeys(out, at.child('matchLabelKeys'), match, labelSelector);
  validateLabelKeys(out, at.child('mismatchLabelKeys'), mismatch, labelSelector);
  if (labelSelector !== undefined) {
    const keys = new Set(Object.keys(labelSelector.matchLabels ?? {}));
    for (const { key } of labelSelector.matchExpressions ?? []) {
      const index = match.lastIndexOf(key);
      if (index !== -1 && keys.has(key)) out.invalid(at.index(index), key, 'exists in both matchLabelKeys and labelSelector');
      keys.add(key);
    }
  }
  match.forEach((key, i) => {
    if (mismatch.includes(key))
      out.invalid(at.child('matchLabelKeys').index(i), key, 'exists in both matchLabelKeys and mismatchLabelKeys');
  });
}

function validatePodTerm(out: Problems, at: Path, term: PodAffinityTerm): void {
  validateLabelSelector(out, at.child('labelSelector'), term.labelSelector);
  validateLabelSelector(out, at.child('namespaceSelector'), term.namespaceSelector);
  for (const name of term.namespaces ?? []) out.each(at.child('namespace'), name, labelName(name, false));
  validateMatchLabelKeys(out, at, term);
  if (blank(term.topologyKey)) out.required(at.child('topologyKey'), 'can not be empty');
  validateLabelKey(out, at.child('topologyKey'), term.topologyKey);
}

interface PodTerms {
  readonly [REQUIRED]?: readonly PodAffinityTerm[];
  readonly [PREFERRED]?: readonly WeightedPodAffinityTerm[];
}

function validatePodTerms(out: Problems, at: Path, terms: PodTerms): void {
  terms[REQUIRED]?.forEach((term, i) => validatePodTerm(out, at.child(REQUIRED).index(i), term));
  terms[PREFERRED]?.forEach((term, i) => {
    const path = at.child(PREFERRED).index(i);
    validateWeight(out, path, term.weight);
    validatePodTerm(out, path.child('podAffinityTerm'), term.podAffinityTerm);
  });
}

export function validateAffinity(out: Problems, at: Path, affinity: Affinity | undefined): void {
  if (affinity?.nodeAffinity !== undefined) validateNodeAffinity(out, at.child('nodeAffinity'), affinity.nodeAffinity);
  if (affinity?.podAffinity !== undefined) validatePodTerms(out, at.child('podAffinity'), affinity.podAffinity);
  if (affinity?.podAntiAffinity !== undefined) validatePodTerms(out, at.child('podAntiAffinity'), affinity.podAntiAffinity);
}
