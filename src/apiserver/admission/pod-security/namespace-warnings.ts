// What a new level would have refused of the pods that are there. Source: EvaluatePodsInNamespace, exemptNamespaceWarning.
import { pods } from '#api/resources.ts';
import { controllerOf } from '#api/owner-references.ts';
import type { Namespace, Pod } from '#api/types.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { evaluatePod, isPrivileged, policyText, PREFIX, reasonText, sameLevel, type Policy } from './policy.ts';

/** Pods looked at. Source: defaultNamespaceMaxPodsToCheck. */
const MAX_PODS = 3_000;

export interface NamespaceChange {
  readonly namespace: Namespace;
  readonly policy: Policy;
  readonly isNew: boolean;
  readonly reader: CacheReader;
  readonly defaults: Policy;
  readonly exempt: { readonly namespaces: readonly string[]; readonly runtimeClasses: readonly string[] };
}

export function namespaceWarnings({ namespace, policy, isNew, reader, defaults, exempt }: NamespaceChange): readonly string[] {
  const { name, labels = {} } = namespace.metadata;
  if (exempt.namespaces.includes(name)) return exemptWarning(name, policy, labels, defaults);
  return isNew ? [] : podWarnings(name, policy, byController(reader.list(pods, name), exempt.runtimeClasses));
}

function podWarnings(namespace: string, { enforce }: Policy, all: readonly Pod[]): readonly string[] {
  const checked = all.slice(0, MAX_PODS);
  const byReason = new Map<string, string[]>();
  for (const { metadata, spec } of checked) {
    const findings = evaluatePod(enforce, spec, metadata);
    if (findings.length === 0) continue;
    const reason = reasonText(findings);
    byReason.set(reason, [...(byReason.get(reason) ?? []), metadata.name]);
  }
  const lines = [...byReason].map(([reason, names]) => {
    const [first = ''] = names.toSorted();
    const others = names.length - 1;
    return `${first}${others === 0 ? '' : ` (and ${others} other pod${others === 1 ? '' : 's'})`}: ${reason}`;
  });
  return [
    ...(checked.length < all.length
      ? [`new PodSecurity enforce level only checked against the first ${checked.length} of ${all.length} existing pods`]
      : []),
    ...(lines.length === 0
      ? []
      : [`existing pods in namespace ${goQuote(namespace)} violate the new PodSecurity enforce level ${goQuote(policyText(enforce))}`]),
    ...lines.toSorted(),
  ];
}

/** One pod of each controller first, the others after. */
function byController(all: Iterable<Pod>, exemptClasses: readonly string[]): readonly Pod[] {
  const first: Pod[] = [];
  const more: Pod[] = [];
  const seen = new Set<string>();
  for (const pod of all) {
    if (pod.spec.runtimeClassName !== undefined && exemptClasses.includes(pod.spec.runtimeClassName)) continue;
    const uid = controllerOf(pod)?.uid;
    (uid !== undefined && seen.has(uid) ? more : first).push(pod);
    if (uid !== undefined) seen.add(uid);
  }
  return [...first, ...more];
}

function exemptWarning(name: string, policy: Policy, labels: Readonly<Record<string, string>>, defaults: Policy): readonly string[] {
  const modes = ['enforce', 'audit', 'warn'] as const;
  const same = modes.every(
    (mode) => (isPrivileged(policy[mode]) && isPrivileged(defaults[mode])) || sameLevel(policy[mode], defaults[mode]),
  );
  if (same || modes.every((mode) => isPrivileged(policy[mode]))) return [];
  const shown = modes.filter(
    (mode) => !isPrivileged(policy[mode]) && (labels[`${PREFIX}${mode}`] !== undefined || labels[`${PREFIX}${mode}-version`] !== undefined),
  );
  const text = shown.map((mode) => `${mode}=${policyText(policy[mode])}`).join(', ');
  return [`namespace ${goQuote(name)} is exempt from Pod Security, and the policy (${text}) will be ignored`];
}
