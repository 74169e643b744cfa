// What a webhook or policy is asked about. Source: admissionregistration validation.go validateRule and its kin.
import type { NamedRuleWithOperations, RuleWithOperations } from '../../gen/admissionregistration-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { pathSegmentName } from '#apimachinery/names.ts';
import type { Problems } from '../problems.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];

function validateWildcard(out: Problems, at: Path, values: readonly string[], noun: string): void {
  if (values.length > 1 && values.includes('*')) out.invalid(at, values, `if '*' is present, must not specify other ${noun}`);
}

export function validateOperationRule(out: Problems, at: Path, rule: Partial<RuleWithOperations>): void {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  if (operations.length === 0) out.required(at.child('operations'));
  validateWildcard(out, at.child('operations'), operations, 'operations');
  operations.forEach((operation, i) => out.oneOf(at.child('operations').index(i), operation, OPERATIONS));
  if (apiGroups.length === 0) out.required(at.child('apiGroups'));
  validateWildcard(out, at.child('apiGroups'), apiGroups, 'API groups');
  if (apiVersions.length === 0) out.required(at.child('apiVersions'));
  validateWildcard(out, at.child('apiVersions'), apiVersions, 'API versions');
  apiVersions.forEach((version, i) => {
    if (version === '') out.required(at.child('apiVersions').index(i));
  });
  validateResources(out, at.child('resources'), resources);
  if (scope !== undefined) out.oneOf(at.child('scope'), scope, SCOPES);
}

function validateResources(out: Problems, at: Path, resources: readonly string[]): void {
  if (resources.length === 0) out.required(at);
  const withAllSubresources = new Set<string>();
  const ofAllResources = new Set<string>();
  let plain = false; // as upstream: of the last entry without a subresource
  resources.forEach((entry, i) => {
    if (entry === '') return out.required(at.index(i));
    const slash = entry.indexOf('/');
    if (slash < 0) {
      plain = entry !== '*';
      return undefined;
    }
    const [resource, subresource] = [entry.slice(0, slash), entry.slice(slash + 1)];
    if (withAllSubresources.has(resource)) out.invalid(at.index(i), entry, `if '${resource}/*' is present, must not specify ${entry}`);
    if (ofAllResources.has(subresource)) out.invalid(at.index(i), entry, `if '*/${subresource}' is present, must not specify ${entry}`);
    if (subresource === '*') withAllSubresources.add(resource);
    if (resource === '*') ofAllResources.add(subresource);
    return undefined;
  });
  if (resources.length > 1 && resources.includes('*/*'))
    out.invalid(at, resources, "if '*/*' is present, must not specify other resources");
  if (resources.includes('*') && plain)
    out.invalid(at, resources, "if '*' is present, must not specify other resources without subresources");
}

export function validateNamedRule(out: Problems, at: Path, rule: Partial<NamedRuleWithOperations>): void {
  const names = new Set<string>();
  rule.resourceNames?.forEach((name, i) => {
    const path = at.child('resourceNames').index(i);
    out.each(path, name, pathSegmentName(name));
    if (names.has(name)) out.duplicate(path, name);
    names.add(name);
  });
  validateOperationRule(out, at, rule);
}
