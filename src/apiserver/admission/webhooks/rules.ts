// pure. Whether a rule of a webhook or policy covers a write. Source: predicates/rules Matcher.
import type { RuleWithOperations } from '#api/gen/admissionregistration-v1.ts';
import type { GroupVersionKind, GroupVersionResource } from '#apimachinery/resource.ts';
import type { Operation } from '../contract.ts';

export interface RuleSubject {
  readonly operation: Operation;
  readonly resource: GroupVersionResource;
  readonly subresource: string;
  /** Of a write to a Namespace, its own name. */
  readonly namespace: string;
}

const has = (items: readonly string[] | undefined, wanted: string): boolean =>
  items !== undefined && (items.includes('*') || items.includes(wanted));

export function ruleCovers({ operations, apiGroups, apiVersions, resources, scope }: RuleWithOperations, subject: RuleSubject): boolean {
  const { operation, resource } = subject;
  return (
    inScope(scope, subject) &&
    has(operations, operation) &&
    has(apiGroups, resource.group) &&
    has(apiVersions, resource.version) &&
    (resources ?? []).some((pattern) => namesResource(pattern, subject))
  );
}

function inScope(scope: RuleWithOperations['scope'], { resource, namespace }: RuleSubject): boolean {
  if (scope === undefined || scope === '*') return true;
  const isNamespace = resource.group === '' && resource.version === 'v1' && resource.resource === 'namespaces';
  const isClusterScoped = isNamespace || namespace === '';
  return scope === 'Cluster' ? isClusterScoped : scope === 'Namespaced' && !isClusterScoped;
}

/** `pods`, `pods/*`, `*`, `* /scale`: resource and subresource, one by one. */
function namesResource(pattern: string, { resource, subresource }: RuleSubject): boolean {
  const slash = pattern.indexOf('/');
  const [name, part] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (name === '*' || name === resource.resource) && (part === '*' || part === subresource);
}

const CONFIGURATIONS: ReadonlySet<string> = new Set([
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
]);

/** What webhooks and policies never see, so that none can lock an administrator out. Source: IsExemptAdmissionConfigurationResource. */
export const isExempt = ({ group, kind }: GroupVersionKind): boolean =>
  group === 'admissionregistration.k8s.io' && CONFIGURATIONS.has(kind);
