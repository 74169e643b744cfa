// Holds pods to the level of their namespace, and tells who writes controllers of pods what would become of them.
// Source: plugin/pkg/admission/security/podsecurity; pod-security-admission admission.go.
import { namespaces } from '#api/resources.ts';
import type { Namespace, Pod, PodSpec } from '#api/types.ts';
import { forbidden, internalError } from '#apimachinery/errors.ts';
import { aggregateText, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { CacheReader } from '../../cache/reader.ts';
import type { AdmissionAttributes, ValidatingPlugin } from '../contract.ts';
import type { PodMetadata } from './check.ts';
import { namespaceWarnings } from './namespace-warnings.ts';
import {
  compareLevels,
  DEFAULT_POLICY,
  detailText,
  evaluatePod,
  isPrivileged,
  policyOf,
  policyText,
  PREFIX,
  sameLevel,
  type LevelVersion,
  type Policy,
} from './policy.ts';

/** Source: PodSecurityConfiguration. */
export interface PodSecuritySettings {
  readonly defaults?: Policy;
  readonly exemptions?: {
    readonly usernames?: readonly string[];
    readonly namespaces?: readonly string[];
    readonly runtimeClasses?: readonly string[];
  };
}

interface Deps {
  readonly reader: CacheReader;
  readonly defaults: Policy;
  readonly exempt: {
    readonly usernames: readonly string[];
    readonly namespaces: readonly string[];
    readonly runtimeClasses: readonly string[];
  };
}

/** Where the pod spec is in kinds that make pods. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  'replicationcontrollers.': ['spec', 'template'],
  'podtemplates.': ['template'],
  'replicasets.apps': ['spec', 'template'],
  'deployments.apps': ['spec', 'template'],
  'statefulsets.apps': ['spec', 'template'],
  'daemonsets.apps': ['spec', 'template'],
  'jobs.batch': ['spec', 'template'],
  'cronjobs.batch': ['spec', 'jobTemplate', 'spec', 'template'],
};

/** Subresources of pods that do not change what the pod is. */
const IGNORED: ReadonlySet<string> = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

export function podSecurity(
  { reader }: { readonly reader: CacheReader },
  { defaults = DEFAULT_POLICY, exemptions = {} }: PodSecuritySettings = {},
): ValidatingPlugin {
  const exempt = { usernames: [], namespaces: [], runtimeClasses: [], ...exemptions };
  const deps: Deps = { reader, defaults, exempt };
  return {
    name: 'PodSecurity',
    operations: ['CREATE', 'UPDATE'],
    validate(attributes) {
      const { resource, subresource, object } = attributes;
      if (object === undefined) return;
      const key = `${resource.resource}.${resource.group}`;
      if (key === 'namespaces.') {
        if (subresource === '') validateNamespace(attributes, deps);
      } else if (key === 'pods.') {
        if (!IGNORED.has(subresource)) validatePod(attributes, deps);
      } else if (subresource === '' && TEMPLATES[key] !== undefined) {
        validateController(attributes, TEMPLATES[key], deps);
      }
    },
  };
}

function validateNamespace(attributes: AdmissionAttributes, deps: Deps): void {
  const namespace = attributes.object as Namespace;
  const old = attributes.oldObject as Namespace | undefined;
  const { policy, errors } = policyOf(namespace.metadata.labels, deps.defaults);
  const before = old === undefined ? undefined : policyOf(old.metadata.labels, deps.defaults);
  const refused = errors.length > 0 && (before === undefined || aggregateText(before.errors) !== aggregateText(errors));
  if (refused) throw toStatusError(attributes.kind, attributes.name, errors);
  if (before !== undefined && !isTightened(policy.enforce, before.policy.enforce)) return;
  for (const text of namespaceWarnings({ namespace, policy, isNew: before === undefined, ...deps })) attributes.request.warnings.add(text);
}

function isTightened(now: LevelVersion, before: LevelVersion): boolean {
  if (sameLevel(now, before) || isPrivileged(now)) return false;
  return now.minor !== before.minor || compareLevels(now.level, before.level) > 0;
}

function validatePod(attributes: AdmissionAttributes, deps: Deps): void {
  if (isExempt(attributes, deps)) return;
  const namespace = deps.reader.get(namespaces, attributes.namespace);
  if (namespace === undefined) throw internalError(new Error(`failed to lookup namespace ${goQuote(attributes.namespace)}`));
  const { policy, errors } = policyOf(namespace.metadata.labels, deps.defaults);
  if (errors.length === 0 && isPrivileged(policy.enforce) && isPrivileged(policy.audit) && isPrivileged(policy.warn)) {
    attributes.request.audit.add(`${PREFIX}enforce-policy`, policyText(policy.enforce));
    return;
  }
  const pod = attributes.object as Pod;
  const old = attributes.oldObject as Pod | undefined;
  if (old !== undefined && attributes.operation === 'UPDATE' && !isSignificant(pod.spec, old.spec)) return;
  evaluate(attributes, { policy, errors, spec: pod.spec, metadata: pod.metadata, enforce: true }, deps);
}

function validateController(attributes: AdmissionAttributes, path: readonly string[], deps: Deps): void {
  if (isExempt(attributes, deps)) return;
  const namespace = deps.reader.get(namespaces, attributes.namespace);
  if (namespace === undefined) {
    attributes.request.audit.add(
      `${PREFIX}error`,
      `failed to lookup namespace ${goQuote(attributes.namespace)}: namespace ${goQuote(attributes.namespace)} not found`,
    );
    return;
  }
  const { policy, errors } = policyOf(namespace.metadata.labels, deps.defaults);
  if (errors.length === 0 && isPrivileged(policy.audit) && isPrivileged(policy.warn)) return;
  let template: unknown = attributes.object;
  for (const part of path) template = (template as Readonly<Record<string, unknown>> | undefined)?.[part];
  if (template === undefined) return;
  const { metadata, spec } = template as { readonly metadata?: PodMetadata; readonly spec: PodSpec };
  evaluate(attributes, { policy, errors, spec, metadata: metadata ?? {}, enforce: false }, deps);
}

function isExempt({ namespace, user, request }: AdmissionAttributes, { exempt }: Deps): boolean {
  const reason = exempt.namespaces.includes(namespace) ? 'namespace' : exempt.usernames.includes(user.name) ? 'user' : undefined;
  if (reason !== undefined) request.audit.add(`${PREFIX}exempt`, reason);
  return reason !== undefined;
}

/** Of a pod's mutable fields only images matter. Source: isSignificantPodUpdate. */
function isSignificant(spec: PodSpec, old: PodSpec): boolean {
  const images = (containers: readonly { readonly name: string; readonly image?: string }[] = []): string =>
    JSON.stringify(containers.map(({ image }) => image ?? ''));
  if (images(spec.containers) !== images(old.containers) || images(spec.initContainers) !== images(old.initContainers)) return true;
  const before = new Map((old.ephemeralContainers ?? []).map(({ name, image }) => [name, image]));
  return (spec.ephemeralContainers ?? []).some(({ name, image }) => !before.has(name) || before.get(name) !== image);
}

interface Evaluation {
  readonly policy: Policy;
  readonly errors: readonly FieldError[];
  readonly spec: PodSpec;
  readonly metadata: PodMetadata;
  readonly enforce: boolean;
}

/** @throws StatusError Forbidden. Source: EvaluatePod. */
function evaluate(attributes: AdmissionAttributes, { policy, errors, spec, metadata, enforce }: Evaluation, { exempt }: Deps): void {
  const { audit, warnings } = attributes.request;
  if (spec.runtimeClassName !== undefined && exempt.runtimeClasses.includes(spec.runtimeClassName)) {
    audit.add(`${PREFIX}exempt`, 'runtimeClass');
    return;
  }
  if (errors.length > 0) audit.add(`${PREFIX}error`, `Failed to parse policy: ${aggregateText(errors)}`);
  const judged = new Map<string, string>();
  const violation = (at: LevelVersion): string | undefined => {
    const name = policyText(at);
    const details = judged.get(name) ?? detailText(evaluatePod(at, spec, metadata));
    judged.set(name, details);
    return details === '' ? undefined : `PodSecurity ${goQuote(name)}: ${details}`;
  };
  const audited = violation(policy.audit);
  if (audited !== undefined) audit.add(`${PREFIX}audit-violations`, `would violate ${audited}`);
  if (enforce) {
    audit.add(`${PREFIX}enforce-policy`, policyText(policy.enforce));
    const enforced = violation(policy.enforce);
    if (enforced !== undefined) throw forbidden(attributes.resource, attributes.name, `violates ${enforced}`);
  }
  const warned = violation(policy.warn);
  if (warned !== undefined) warnings.add(`would violate ${warned}`);
}
