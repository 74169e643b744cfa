// pure
// What the status of a definition should say. Source: apiextensions naming_controller.go, establishing_controller.go,
// nonstructuralschema_controller.go, apiapproval_controller.go.
import { findCondition, removeCondition, setCondition } from '#api/conditions.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionCondition } from '#api/types.ts';
import { authoritiesProblem } from '#api/validation/certificates/pem.ts';
import { approvalReason, isProtected } from '#api/validation/extensions/approval.ts';
import { validateStructural } from '#api/validation/extensions/structural-schemas.ts';
import { Problems } from '#api/validation/problems.ts';
import { aggregateText } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { deepEqual } from '#apimachinery/json-value.ts';

type Status = CustomResourceDefinition['status'];
type Names = Status['acceptedNames'];
type Condition = CustomResourceDefinitionCondition;

export interface Surroundings {
  /** Every definition of the same group, itself included. */
  readonly group: readonly CustomResourceDefinition[];
  /** Its resource answers requests. */
  readonly served: boolean;
  /** What is not structural about its schemas; empty for nothing. */
  readonly violations: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The same status when nothing is to be written. */
export function planStatus(crd: CustomResourceDefinition, { group, served, violations, now }: Surroundings): Status {
  const structural = withStructural(withApproval(crd.status, crd, now), violations, now);
  return established(named(structural, crd, group, now), crd, served, now);
}

const condition = (type: string, status: string, reason: string, message: string): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: null,
});

function withCondition(status: Status, given: Condition, now: number): Status {
  const conditions = setCondition(status.conditions, given, now);
  return conditions === status.conditions ? status : { ...status, conditions };
}

function withApproval(status: Status, crd: CustomResourceDefinition, now: number): Status {
  if (!isProtected(crd.spec.group)) return status;
  const { approved, reason, message } = approvalReason(crd);
  return withCondition(status, condition('KubernetesAPIApprovalPolicyConformant', approved ? 'True' : 'False', reason, message), now);
}

/** Depends on nothing but the spec, and costs the most of all. Source: calculateCondition of nonstructuralschema. */
export function structuralViolations({ spec }: CustomResourceDefinition): string {
  const out = new Problems();
  if (spec.preserveUnknownFields === true) out.invalid(Path.of('spec', 'preserveUnknownFields'), true, 'must be false');
  spec.versions.forEach(({ schema }, i) => {
    if (schema?.openAPIV3Schema === undefined) return;
    validateStructural(out, Path.of('spec', 'versions').index(i).child('schema', 'openAPIV3Schema'), schema.openAPIV3Schema);
  });
  return out.none ? '' : aggregateText(out.list);
}

function withStructural(status: Status, violations: string, now: number): Status {
  if (violations === '') {
    const before = status.conditions ?? [];
    const conditions = removeCondition(before, 'NonStructuralSchema');
    return conditions === before ? status : { ...status, conditions };
  }
  return withCondition(status, condition('NonStructuralSchema', 'True', 'Violations', violations), now);
}

/** Names others of the group have, resources and kinds apart. */
function taken(group: readonly CustomResourceDefinition[]): {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
} {
  const accepted = group.map(({ status }) => status.acceptedNames);
  return {
    resources: new Set(accepted.flatMap(({ plural, singular = '', shortNames = [] }) => [plural, singular, ...shortNames])),
    kinds: new Set(accepted.flatMap(({ kind, listKind = '' }) => [kind, listKind])),
  };
}

function named(status: Status, { spec }: CustomResourceDefinition, group: readonly CustomResourceDefinition[], now: number): Status {
  const wanted = spec.names;
  const accepted = status.acceptedNames;
  if (sameNames(wanted, accepted)) return status;
  const { resources, kinds } = taken(group);
  const conflicts: { reason: string; message: string }[] = [];
  const choose = (want = '', have = '', used: ReadonlySet<string>, reason: string): string => {
    if (want === have || !used.has(want)) return want;
    conflicts.push({ reason, message: `${goQuote(want)} is already in use` });
    return have;
  };
  const plural = choose(wanted.plural, accepted.plural, resources, 'PluralConflict');
  const singular = choose(wanted.singular, accepted.singular, resources, 'SingularConflict');
  const shortNames = chooseShort(wanted, accepted, resources, conflicts);
  const kind = choose(wanted.kind, accepted.kind, kinds, 'KindConflict');
  const listKind = choose(wanted.listKind, accepted.listKind, kinds, 'ListKindConflict');
  const names: Names = {
    plural,
    ...(singular === '' ? {} : { singular }),
    ...(shortNames === undefined ? {} : { shortNames }),
    kind,
    ...(listKind === '' ? {} : { listKind }),
    ...(wanted.categories === undefined ? {} : { categories: wanted.categories }),
  };
  const last = conflicts.at(-1);
  const verdict =
    last === undefined
      ? condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found')
      : condition('NamesAccepted', 'False', last.reason, last.message);
  const next = withCondition({ ...status, acceptedNames: names }, verdict, now);
  const old = findCondition(next.conditions, 'Established');
  if (old?.status === 'True') return next;
  if (last === undefined)
    return withCondition(next, condition('Established', 'False', 'Installing', 'the initial names have been accepted'), now);
  return old === undefined
    ? withCondition(next, condition('Established', 'False', 'NotAccepted', 'not all names are accepted'), now)
    : next;
}

function chooseShort(
  { shortNames: wanted }: Names,
  { shortNames: accepted }: Names,
  used: ReadonlySet<string>,
  conflicts: { reason: string; message: string }[],
): Names['shortNames'] {
  if (deepEqual(wanted, accepted)) return accepted;
  const refused = (wanted ?? [])
    .filter((name) => accepted?.includes(name) !== true && used.has(name))
    .map((name) => `${goQuote(name)} is already in use`);
  if (refused.length === 0) return wanted;
  conflicts.push({ reason: 'ShortNamesConflict', message: refused.length === 1 ? (refused[0] as string) : `[${refused.join(', ')}]` });
  return accepted;
}

/** An empty list is none. */
function sameNames(a: Names, b: Names): boolean {
  const list = (names: readonly string[] | undefined): readonly string[] => names ?? [];
  return (
    a.plural === b.plural &&
    a.kind === b.kind &&
    (a.singular ?? '') === (b.singular ?? '') &&
    (a.listKind ?? '') === (b.listKind ?? '') &&
    deepEqual(list(a.shortNames), list(b.shortNames)) &&
    deepEqual(list(a.categories), list(b.categories))
  );
}

function established(status: Status, { spec }: CustomResourceDefinition, served: boolean, now: number): Status {
  if (!served || findCondition(status.conditions, 'NamesAccepted')?.status !== 'True') return status;
  if (findCondition(status.conditions, 'Established')?.status === 'True') return status;
  if (authoritiesProblem(spec.conversion.webhook?.clientConfig?.caBundle ?? '') !== undefined)
    return withCondition(status, condition('Established', 'False', 'InvalidCABundle', 'The conversion webhook CABundle is invalid'), now);
  return withCondition(status, condition('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'), now);
}
