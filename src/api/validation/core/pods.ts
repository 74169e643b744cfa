// Pods: create and update. Source: ValidatePodCreate, ValidatePodUpdate. Status, ephemeral containers and resize are
// in pod-subresources.ts and pod-status.ts.
import type { Int64 } from '../../gen/scalars.ts';
import type {
  Affinity,
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { inclusiveRange } from '#apimachinery/names.ts';
import { jsonDiff } from '#apimachinery/unified-diff.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { validateImageSpace } from './containers.ts';
import { validatePodAnnotations, validatePodAnnotationUpdate, validateProfileAnnotations } from './pod-annotations.ts';
import { POD } from './pod-rules.ts';
import { validatePodSpec } from './pod-spec.ts';
import { validateTolerations } from './scheduling.ts';

const META = Path.of('metadata');
const SPEC = Path.of('spec');
const MAX_INT32 = 2 ** 31 - 1;

/** Source: validatePodMetadataAndSpec. */
export function validatePodObject(out: Problems, pod: Pod): void {
  const { metadata, spec } = pod;
  validateObjectMeta(out, metadata, 'namespaced', subdomainName);
  validatePodAnnotations(out, META.child('annotations'), metadata.annotations, spec);
  validatePodSpec(out, SPEC, spec, metadata, POD);
  if (blank(spec.serviceAccountName)) {
    spec.volumes?.forEach((volume, i) =>
      volume.projected?.sources?.forEach((source, j) => {
        if (source.serviceAccountToken === undefined) return;
        const path = SPEC.child('volumes').index(i).child('projected', 'sources').index(j).child('serviceAccountToken');
        out.forbidden(path, 'must not be specified when serviceAccountName is not set');
      }),
    );
  }
  spec.containers.forEach((container, i) => validateImageSpace(out, SPEC.child('containers').index(i), container));
  spec.initContainers?.forEach((container, i) => validateImageSpace(out, SPEC.child('initContainers').index(i), container));
}

export function validatePod(out: Problems, pod: Pod): void {
  validatePodObject(out, pod);
  const { metadata, spec } = pod;
  if ((spec.ephemeralContainers ?? []).length > 0) out.forbidden(SPEC.child('ephemeralContainers'), 'cannot be set on create');
  if (!blank(spec.nodeName) && (spec.schedulingGates ?? []).length > 0) {
    out.forbidden(SPEC.child('nodeName'), 'cannot be set until all schedulingGates have been cleared');
  }
  validateProfileAnnotations(out, SPEC, metadata.annotations, spec);
}

/** What a pod update may touch. Source: updatablePodSpecFields. */
const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

export function validatePodUpdate(out: Problems, pod: Pod, old: Pod): void {
  validateObjectMetaUpdate(out, pod.metadata, old.metadata);
  validatePodObject(out, pod);
  validatePodAnnotationUpdate(out, META.child('annotations'), pod.metadata.annotations, old.metadata.annotations);
  validatePodAnnotations(out, META.child('annotations'), pod.metadata.annotations, pod.spec);
  for (const member of ['containers', 'initContainers'] as const) {
    if (!validateContainerUpdates(out, SPEC.child(member), pod.spec[member] ?? [], old.spec[member] ?? [])) return;
  }
  if (!validateDeadlineUpdate(out, pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds)) return;
  validateAddedTolerations(out, SPEC.child('tolerations'), pod.spec.tolerations ?? [], old.spec.tolerations ?? []);
  validateRemovedGates(out, SPEC.child('schedulingGates'), pod.spec.schedulingGates ?? [], old.spec.schedulingGates ?? []);
  if (semanticEqual(pod.spec, old.spec)) return;
  const rest = withoutAllowedChanges(out, pod.spec, old.spec);
  if (!semanticEqual(rest, old.spec)) {
    out.forbidden(SPEC, `pod updates may not change fields other than ${UPDATABLE}\n${jsonDiff(old.spec, rest)}`);
  }
}

/** False where the rest need not be looked at. */
function validateContainerUpdates(out: Problems, at: Path, now: readonly Container[], before: readonly Container[]): boolean {
  if (now.length !== before.length) {
    out.forbidden(at, 'pod updates may not add or remove containers');
    return false;
  }
  now.forEach((container, i) => {
    if (blank(container.image)) out.required(at.index(i).child('image'));
    validateImageSpace(out, at.index(i), container);
  });
  return true;
}

function validateDeadlineUpdate(out: Problems, now: Int64 | undefined, before: Int64 | undefined): boolean {
  const path = SPEC.child('activeDeadlineSeconds');
  if (now === undefined) {
    if (before !== undefined) out.invalid(path, null, 'must not update from a positive integer to nil value');
    return true;
  }
  if (now < 0 || now > MAX_INT32) out.invalid(path, now, inclusiveRange(0, MAX_INT32));
  else if (before !== undefined && before < now) out.invalid(path, now, 'must be less than or equal to previous value');
  else return true;
  return false;
}

function validateAddedTolerations(out: Problems, at: Path, now: readonly Toleration[], before: readonly Toleration[]): void {
  const same = (a: Toleration, b: Toleration): boolean =>
    (['key', 'operator', 'value', 'effect'] as const).every((member) => (a[member] ?? '') === (b[member] ?? ''));
  if (before.some((old) => !now.some((toleration) => same(old, toleration)))) {
    return out.forbidden(at, 'existing toleration can not be modified except its tolerationSeconds');
  }
  validateTolerations(out, at, now);
}

function validateRemovedGates(out: Problems, at: Path, now: readonly PodSchedulingGate[], before: readonly PodSchedulingGate[]): void {
  now.forEach(({ name }, i) => {
    if (before.some((gate) => gate.name === name)) return;
    out.forbidden(at.index(i).child('name'), `only deletion is allowed, but found new scheduling gate '${name}'`);
  });
}

/** `members` of `old` put back. */
function restored<T extends object>(now: T, old: T, ...members: readonly (keyof T)[]): T {
  const out = { ...now };
  for (const member of members) {
    if (old[member] === undefined) delete out[member];
    else out[member] = old[member];
  }
  return out;
}

/** `now` with all that may change put back to what it was. */
function withoutAllowedChanges(out: Problems, now: PodSpec, old: PodSpec): PodSpec {
  const images = (
    containers: readonly Container[] | undefined,
    before: readonly Container[] | undefined,
  ): readonly Container[] | undefined => containers?.map((container, i) => restored(container, before?.[i] as Container, 'image'));
  const withImages = {
    ...now,
    containers: images(now.containers, old.containers) as readonly Container[],
    ...(now.initContainers === undefined ? {} : { initContainers: images(now.initContainers, old.initContainers) as readonly Container[] }),
  };
  let rest: PodSpec = restored(withImages, old, 'activeDeadlineSeconds', 'schedulingGates', 'tolerations');
  if (old.terminationGracePeriodSeconds < 0 && rest.terminationGracePeriodSeconds === 1)
    rest = restored(rest, old, 'terminationGracePeriodSeconds');
  if ((old.schedulingGates ?? []).length === 0) return rest;
  return withoutGatedChanges(out, rest, old);
}

/** A gated pod may still be told more about where to run. */
function withoutGatedChanges(out: Problems, now: PodSpec, old: PodSpec): PodSpec {
  let rest = now;
  if (!semanticEqual(now.nodeSelector ?? {}, old.nodeSelector ?? {})) {
    if (Object.entries(old.nodeSelector ?? {}).some(([key, value]) => now.nodeSelector?.[key] !== value)) {
      const shown = now.nodeSelector ?? null;
      out.invalid(SPEC.child('nodeSelector'), shown, 'only additions to spec.nodeSelector are allowed (no mutations or deletions)');
    }
    rest = restored(rest, old, 'nodeSelector');
  }
  if (semanticEqual(now.affinity?.nodeAffinity, old.affinity?.nodeAffinity)) return rest;
  validateNodeAffinityUpdate(out, SPEC.child('affinity', 'nodeAffinity'), now.affinity?.nodeAffinity, old.affinity?.nodeAffinity);
  const { podAffinity, podAntiAffinity } = now.affinity ?? {};
  if (old.affinity === undefined && podAffinity === undefined && podAntiAffinity === undefined) return restored(rest, old, 'affinity');
  return { ...rest, affinity: restored<Affinity>(now.affinity ?? {}, old.affinity ?? {}, 'nodeAffinity') };
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

function validateNodeAffinityUpdate(out: Problems, at: Path, now: NodeAffinity | undefined, old: NodeAffinity | undefined): void {
  const before = old?.[REQUIRED]?.nodeSelectorTerms;
  if (before === undefined) return;
  const terms = now?.[REQUIRED]?.nodeSelectorTerms ?? [];
  const path = at.child(REQUIRED, 'nodeSelectorTerms');
  if (before.length > 0 && before.length !== terms.length) {
    return out.invalid(
      path,
      now?.[REQUIRED] === undefined ? null : terms.map(termForm),
      'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
    );
  }
  before.forEach((term, i) => {
    const current = terms[i] as NodeSelectorTerm;
    if (!onlyAdds(current, term)) out.invalid(path.index(i), termForm(current), 'only additions are allowed (no mutations or deletions)');
  });
}

/** The internal type: what upstream prints of a term. */
function termForm({ matchExpressions, matchFields }: NodeSelectorTerm): unknown {
  const form = (list: NodeSelectorTerm['matchFields']): unknown =>
    list?.map(({ key, operator, values }) => ({ Key: key, Operator: operator, Values: values ?? null })) ?? null;
  return { MatchExpressions: form(matchExpressions), MatchFields: form(matchFields) };
}

function onlyAdds(now: NodeSelectorTerm, before: NodeSelectorTerm): boolean {
  const members = ['matchExpressions', 'matchFields'] as const;
  const size = (term: NodeSelectorTerm): number => members.reduce((sum, member) => sum + (term[member]?.length ?? 0), 0);
  if (size(before) === 0) return size(now) === 0;
  return members.every((member) => {
    const old = before[member] ?? [];
    return old.length === 0 || semanticEqual((now[member] ?? []).slice(0, old.length), old);
  });
}
