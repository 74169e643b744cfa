// pure. Checks a policy's expressions against the types of what it applies to. Only warnings: clients may send objects that
// no schema here describes. Source: policy/validating typechecking.go.
import type { ExpressionWarning, NamedRuleWithOperations, ValidatingAdmissionPolicy } from '#api/gen/admissionregistration-v1.ts';
import { PolicyCompiler, type Offered } from '#api/expressions/admission.ts';
import { DYN, type Type } from '#apimachinery/cel/types.ts';
import { byteOrder } from '#apimachinery/go-format.ts';
import { parseApiVersion, type GroupVersionKind, type GroupVersionResource } from '#apimachinery/resource.ts';

/** What is known of the kinds a cluster serves. */
export interface KnownKinds {
  kindOf(resource: GroupVersionResource): GroupVersionKind | undefined;
  /** undefined for a kind without a schema. */
  typeOf(kind: GroupVersionKind): Type | undefined;
}

/** Most kinds a rule is checked against. Source: maxTypesToCheck. */
const MAX_KINDS = 10;

export function checkTypes({ spec }: ValidatingAdmissionPolicy, known: KnownKinds): readonly ExpressionWarning[] {
  const objects = kindsToCheck(spec.matchConstraints?.resourceRules ?? [], known).flatMap((kind) => {
    const object = known.typeOf(kind);
    return object === undefined ? [] : [{ kind, object }];
  });
  const { paramKind } = spec;
  const params =
    paramKind === undefined ? undefined : known.typeOf({ ...parseApiVersion(paramKind.apiVersion ?? ''), kind: paramKind.kind ?? '' });
  const offered: Offered = { params: paramKind !== undefined, authorizer: true };

  const warningsAt = (fieldRef: string, expression: string): readonly ExpressionWarning[] => {
    const texts = objects.flatMap(({ kind, object }) => {
      const compiler = new PolicyCompiler({ object, params: params ?? DYN });
      for (const variable of spec.variables ?? []) compiler.addVariable(variable.name, variable.expression, offered);
      const compiled = compiler.compile(expression, offered);
      return compiled.kind === 'program' ? [] : [`${shown(kind)}: ${compiled.error.replace(/^compilation failed: /, '')}\n`];
    });
    return texts.length === 0 ? [] : [{ fieldRef, warning: texts.join('\n') }];
  };

  return (spec.validations ?? []).flatMap(({ expression, messageExpression = '' }, i) => [
    ...warningsAt(`spec.validations[${i}].expression`, expression),
    ...(messageExpression === '' ? [] : warningsAt(`spec.validations[${i}].messageExpression`, messageExpression)),
  ]);
}

const shown = ({ group, version, kind }: GroupVersionKind): string => `${group === '' ? '' : `${group}/`}${version}, Kind=${kind}`;

/** Rules that name everything, or subresources, say nothing of types. */
function kindsToCheck(rules: readonly NamedRuleWithOperations[], known: KnownKinds): readonly GroupVersionKind[] {
  const found = new Map<string, GroupVersionKind>();
  for (const rule of rules) {
    const kinds = resourcesOf(rule).flatMap((resource) => known.kindOf(resource) ?? []);
    for (const kind of kinds.slice(0, MAX_KINDS)) found.set(shown(kind), kind);
    if (kinds.length >= MAX_KINDS) break;
  }
  return [...found.values()].toSorted((a, b) => byteOrder(`${a.group}\0${a.version}\0${a.kind}`, `${b.group}\0${b.version}\0${b.kind}`));
}

/** What the rules name one by one. */
export const namedResources = ({ spec }: ValidatingAdmissionPolicy): readonly GroupVersionResource[] =>
  (spec.matchConstraints?.resourceRules ?? []).flatMap(resourcesOf);

function resourcesOf(rule: NamedRuleWithOperations): readonly GroupVersionResource[] {
  const [groups, versions] = [named(rule.apiGroups), named(rule.apiVersions)];
  const resources = (rule.resources ?? []).filter((resource) => !/[*/]/.test(resource)).toSorted(byteOrder);
  return groups.flatMap((group) => versions.flatMap((version) => resources.map((resource) => ({ group, version, resource }))));
}

function named(names: readonly string[] | undefined): readonly string[] {
  return names === undefined || names.some((name) => name.includes('*')) ? [] : names.toSorted(byteOrder);
}
