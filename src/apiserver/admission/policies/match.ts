// Whether a policy or a binding is about a write, and in which form. Source: policy/matching Matcher.Matches.
import type { MatchResources, NamedRuleWithOperations, RuleWithOperations } from '#api/gen/admissionregistration-v1.ts';
import { selectorFromObject, type LabelSelector } from '#apimachinery/labels.ts';
import type { AdmissionAttributes } from '../contract.ts';
import { matchesNamespace, matchesObject, type MatchDeps } from '../webhooks/match.ts';
import { ruleCovers, type RuleSubject } from '../webhooks/rules.ts';
import type { Form } from '../webhooks/versions.ts';

export interface Constraints {
  readonly rules: readonly NamedRuleWithOperations[];
  readonly excluded: readonly NamedRuleWithOperations[];
  /** Also writes in another version of the resource that rules name. */
  readonly equivalent: boolean;
  readonly namespaces: LabelSelector;
  readonly objects: LabelSelector;
}

export function constraintsOf(match: MatchResources | undefined): Constraints {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy, namespaceSelector, objectSelector } = match ?? {};
  return {
    rules: resourceRules,
    excluded: excludeResourceRules,
    equivalent: matchPolicy === 'Equivalent',
    namespaces: selectorFromObject(namespaceSelector ?? {}),
    objects: selectorFromObject(objectSelector ?? {}),
  };
}

/** The form in which the write is covered; undefined when it is not. @throws StatusError NotFound for an unknown namespace */
export async function formOf(constraints: Constraints, attributes: AdmissionAttributes, deps: MatchDeps): Promise<Form | undefined> {
  if (!matchesObject(constraints.objects, attributes)) return undefined;
  if (covered(constraints.excluded, constraints, attributes, deps) !== undefined) return undefined;
  const form =
    constraints.rules.length === 0 ? deps.versions.asMade(attributes) : covered(constraints.rules, constraints, attributes, deps);
  if (form === undefined) return undefined;
  return (await matchesNamespace(constraints.namespaces, attributes, deps)) ? form : undefined;
}

function covered(
  rules: readonly NamedRuleWithOperations[],
  { equivalent }: Constraints,
  attributes: AdmissionAttributes,
  { versions }: MatchDeps,
): Form | undefined {
  if (rules.some((rule) => covers(rule, attributes, attributes.name))) return versions.asMade(attributes);
  if (!equivalent || rules.length === 0) return undefined;
  const others = versions.equivalents(attributes.resource, attributes.subresource);
  for (const rule of rules)
    for (const form of others) if (covers(rule, { ...attributes, resource: form.resource }, attributes.name)) return form;
  return undefined;
}

function covers(rule: NamedRuleWithOperations, subject: RuleSubject, name: string): boolean {
  const { resourceNames = [] } = rule;
  return ruleCovers(rule as RuleWithOperations, subject) && (resourceNames.length === 0 || resourceNames.includes(name));
}

const POLICIES: ReadonlySet<string> = new Set([
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

/** Policies never judge policies, so that none can lock an administrator out. Source: isPolicyResource. */
export const isPolicy = ({ resource: { group, resource } }: AdmissionAttributes): boolean =>
  group === 'admissionregistration.k8s.io' && POLICIES.has(resource);
