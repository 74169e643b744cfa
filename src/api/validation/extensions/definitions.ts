// CustomResourceDefinitions. Source: apiextensions-apiserver validation.go.
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  JSONSchemaProps,
} from '../../gen/apiextensions-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1035Label, dns1123Subdomain } from '#apimachinery/names.ts';
import { subdomainName, validatePlainMeta, validatePlainMetaUpdate } from '../metadata.ts';
import { blank, Problems } from '../problems.ts';
import { versionForms } from './internal-forms.ts';
import { validateOpenApiRules, validateRoot } from './open-api-rules.ts';
import { conversionProblem } from './schema-conversion.ts';
import { validateDefaults } from './schema-defaults.ts';
import { validateRuleExpressions } from './rule-expressions.ts';
import { validateSelectableFields } from './selectable-fields.ts';
import { lenienceOf, specHas, STRICT, type Lenience } from './lenience.ts';
import { isEstablished, validateConversion } from './conversions.ts';
import { isProtected, sameApproval, validateApproval } from './approval.ts';
import { validateStructural } from './structural-schemas.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const MAX_WARNING_BYTES = 256;

export function validateDefinition(out: Problems, definition: CustomResourceDefinition): void {
  const { names, group = '' } = definition.spec as Partial<CustomResourceDefinitionSpec>;
  validatePlainMeta(out, definition.metadata, 'cluster', (name, prefix) => {
    const reasons = subdomainName(name, prefix);
    return name === `${names?.plural ?? ''}.${group}` ? reasons : [...reasons, 'must be spec.names.plural+"."+spec.group'];
  });
  validateSpec(out, definition.spec);
  validateStatus(out, definition);
  if (isProtected(group)) validateApproval(out, definition);
}

export function validateDefinitionUpdate(out: Problems, definition: CustomResourceDefinition, old: CustomResourceDefinition): void {
  validatePlainMetaUpdate(out, definition.metadata, old.metadata);
  const [spec, before] = [definition.spec, old.spec];
  validateSpec(out, spec, old);
  if (isEstablished(old)) {
    out.immutable(SPEC.child('scope'), spec.scope, spec.scope === before.scope);
    out.immutable(SPEC.child('names', 'kind'), spec.names.kind, spec.names.kind === before.names.kind);
  }
  out.immutable(SPEC.child('group'), spec.group, spec.group === before.group);
  out.immutable(SPEC.child('names', 'plural'), spec.names.plural, spec.names.plural === before.names.plural);
  validateStatus(out, definition);
  if (isProtected(spec.group) && !sameApproval(definition, old)) validateApproval(out, definition);
}

export function validateDefinitionStatusUpdate(out: Problems, definition: CustomResourceDefinition, old: CustomResourceDefinition): void {
  validatePlainMetaUpdate(out, definition.metadata, old.metadata);
  if (definition.status?.acceptedNames !== undefined) validateNames(out, STATUS.child('acceptedNames'), definition.status.acceptedNames);
}

function validateSpec(out: Problems, spec: CustomResourceDefinitionSpec, old?: CustomResourceDefinition): void {
  const { group, scope, versions = [], names, conversion, preserveUnknownFields: preserve } = spec as Partial<CustomResourceDefinitionSpec>;
  const at = SPEC.child('group');
  if (blank(group)) out.required(at);
  else if (dns1123Subdomain(group).length > 0) out.invalid(at, group, dns1123Subdomain(group).join(','));
  else if (!group.includes('.')) out.invalid(at, group, 'should be a domain with at least one dot');
  out.requiredOneOf(SPEC.child('scope'), scope, ['Cluster', 'Namespaced']);
  const lenience = old === undefined ? STRICT : lenienceOf(old);
  const whole = versions.length === 0 ? undefined : spec;
  if (preserve === true && whole !== undefined && specHas(whole, hasDefault))
    out.invalid(SPEC.child('preserveUnknownFields'), true, 'must be false in order to use defaults in the schema');
  const structural = !lenience.structure || preserve !== true || (whole !== undefined && specHas(whole, needsStructure));
  validateSchemasAreThere(out, versions, { lenient: lenience.noSchema, pruned: preserve !== true });
  validateVersions(out, versions, { old: old?.spec.versions, lenience, structural });
  for (const member of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (blank(names?.[member])) out.required(SPEC.child('names', member));
  if (names !== undefined) validateNames(out, SPEC.child('names'), names);
  if (conversion !== undefined) validateConversion(out, SPEC.child('conversion'), conversion, { old, lenience });
  if (preserve === true && (conversion?.strategy ?? 'None') !== 'None')
    out.invalid(SPEC.child('conversion', 'strategy'), conversion?.strategy, 'must be None if spec.preserveUnknownFields is true');
  // What was so before may stay.
  if (preserve === true && old?.spec.preserveUnknownFields !== true) {
    const detail = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    out.invalid(SPEC.child('preserveUnknownFields'), true, detail);
  }
}

const hasDefault = (schema: JSONSchemaProps): boolean => schema.default !== undefined;

/** Source: schemaHasKubernetesExtensions, schemaHasDefaults. */
const needsStructure = (schema: JSONSchemaProps): boolean =>
  hasDefault(schema) ||
  schema['x-kubernetes-embedded-resource'] === true ||
  schema['x-kubernetes-preserve-unknown-fields'] !== undefined ||
  schema['x-kubernetes-int-or-string'] === true ||
  schema['x-kubernetes-list-type'] !== undefined ||
  (schema['x-kubernetes-list-map-keys'] ?? []).length > 0 ||
  (schema['x-kubernetes-validations'] ?? []).length > 0;

function validateSchemasAreThere(
  out: Problems,
  versions: readonly CustomResourceDefinitionVersion[],
  { lenient, pruned }: { readonly lenient: boolean; readonly pruned: boolean },
): void {
  versions.forEach(({ schema, served }, i) => {
    if (schema?.openAPIV3Schema !== undefined) return;
    const at = SPEC.child('versions').index(i).child('schema', 'openAPIV3Schema');
    if (!lenient) out.required(at);
    else if (pruned && served) out.required(at, 'because otherwise all fields are pruned');
  });
}

/** What all versions have alike stands above them, which is how upstream's paths name it. */
const shared = (
  versions: readonly CustomResourceDefinitionVersion[],
  member: 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields',
): boolean => versions.every((version) => deepEqual(version[member], versions[0]?.[member]));

const hasStatus = ({ subresources }: CustomResourceDefinitionVersion): boolean => subresources?.status !== undefined;

interface SchemaOptions {
  /** The status endpoint is enabled. */
  readonly status: boolean;
  /** Expressions may cost what they did before. */
  readonly anyCost: boolean;
  readonly lenience: Lenience;
  /** Whether the schema has to be structural. */
  readonly structural: boolean;
}

function validateSchema(out: Problems, at: Path, schema: JSONSchemaProps, { status, anyCost, lenience, structural }: SchemaOptions): void {
  const root = new Problems();
  validateRoot(root, at, schema, status);
  out.add(root.list);
  const problem = structural ? conversionProblem(schema) : undefined;
  const formed = structural && problem === undefined;
  const structure = new Problems();
  if (formed) validateStructural(structure, at, schema);
  if (formed && structure.none) validateDefaults(structure, at, schema, lenience.unprunedDefaults);
  out.add(structure.list);
  const rules = new Problems();
  validateOpenApiRules(rules, at, schema, lenience);
  out.add(rules.list);
  if (formed && structure.none) validateRuleExpressions(out, at, schema, { anyCost, broken: [...root.list, ...rules.list] });
  // Rules of OpenAPI mostly tell the same, and better.
  if (problem !== undefined && root.none && rules.none) out.invalid(at, '', problem);
}

function validateVersions(
  out: Problems,
  versions: readonly CustomResourceDefinitionVersion[],
  {
    old,
    ...options
  }: Pick<SchemaOptions, 'lenience' | 'structural'> & { readonly old: readonly CustomResourceDefinitionVersion[] | undefined },
): void {
  const at = SPEC.child('versions');
  const [oneSchema, oneSubresources, oneColumns, oneSelection] = [
    shared(versions, 'schema'),
    shared(versions, 'subresources'),
    shared(versions, 'additionalPrinterColumns'),
    shared(versions, 'selectableFields'),
  ];
  versions.forEach((version, i) => {
    const path = at.index(i);
    const reasons = dns1035Label(version.name);
    if (reasons.length > 0) out.invalid(path.child('name'), version.name, reasons.join(','));
    for (const reason of warningProblems(version))
      out.invalid(path.child('deprecationWarning'), version.deprecationWarning ?? null, reason);
    const { openAPIV3Schema: schema } = version.schema ?? {};
    if (schema !== undefined && (!oneSchema || i === 0)) {
      const status = oneSchema ? versions.some(hasStatus) : hasStatus(version);
      // What all versions had alike was upstream's schema of any version. Source: GetSchemaForVersion.
      const before = old !== undefined && old.length > 0 && shared(old, 'schema') ? old[0] : old?.find(({ name }) => name === version.name);
      const anyCost = before !== undefined && deepEqual(before.schema, version.schema);
      const where = oneSchema ? SPEC.child('validation') : path.child('schema');
      validateSchema(out, where.child('openAPIV3Schema'), schema, { ...options, status, anyCost });
    }
    if ((version.selectableFields ?? []).length > 0 && (!oneSelection || i === 0)) {
      const before = old?.find(({ name }) => name === version.name)?.selectableFields;
      const unlimited = deepEqual(before, version.selectableFields);
      validateSelectableFields(out, oneSelection ? SPEC : path, version.selectableFields ?? [], {
        schema: oneSelection && !oneSchema ? undefined : schema,
        unlimited,
        shared: oneSelection,
      });
    }
    if (version.subresources !== undefined && (!oneSubresources || i === 0))
      validateSubresources(out, (oneSubresources ? SPEC : path).child('subresources'), version.subresources);
    if (oneColumns && i > 0) return;
    version.additionalPrinterColumns?.forEach((column, j) => {
      validateColumn(out, (oneColumns ? SPEC : path).child('additionalPrinterColumns').index(j), column);
    });
  });
  const names = versions.map(({ name }) => name);
  // Upstream's own form of a definition names the first of them once more.
  const [first = ''] = names;
  if (first !== '' && dns1035Label(first).length > 0) out.invalid(SPEC.child('version'), first, dns1035Label(first).join(','));
  const shown = versionForms(versions, (member) => shared(versions, member));
  if (new Set(names).size !== names.length) out.invalid(at, shown, 'must contain unique version names');
  if (versions.filter(({ storage }) => storage).length !== 1)
    out.invalid(at, shown, 'must have exactly one version marked as storage version');
}

/** Source: validateDeprecationWarning. */
function warningProblems({ deprecated, deprecationWarning: text }: CustomResourceDefinitionVersion): readonly string[] {
  if (text === undefined) return [];
  if (deprecated !== true) return ['can only be set for deprecated versions'];
  const problems: string[] = [];
  if (byteLength(text) > MAX_WARNING_BYTES) problems.push('must be <= 256 characters long');
  if (text === '') problems.push('must not be an empty string');
  const bad = /[^ \p{L}\p{M}\p{N}\p{P}\p{S}]/u.exec(text);
  if (bad !== null) {
    const index = byteLength(text.slice(0, bad.index));
    problems.push(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`);
  }
  return problems;
}

function validateColumn(out: Problems, at: Path, { name, type, format, jsonPath }: Partial<CustomResourceColumnDefinition>): void {
  if (blank(name)) out.required(at.child('name'));
  const types = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (blank(type)) out.required(at.child('type'), types);
  else if (!COLUMN_TYPES.includes(type)) out.invalid(at.child('type'), type, types);
  if (!blank(format) && !COLUMN_FORMATS.includes(format))
    out.invalid(at.child('format'), format, `must be one of ${COLUMN_FORMATS.join(',')}`);
  if (blank(jsonPath)) out.required(at.child('JSONPath'));
  else if (!jsonPath.startsWith('.')) out.invalid(at.child('JSONPath'), jsonPath, 'must be a simple json path starting with .');
}

function validateScalePath(out: Problems, at: Path, path: string, roots: readonly string[]): void {
  const where = roots.length > 1 ? `either ${roots.join(' or ')}` : roots.join('');
  if (!path.startsWith('.')) out.invalid(at, path, 'must be a simple json path starting with .');
  else if (!roots.some((root) => path.startsWith(`${root}.`))) out.invalid(at, path, `should be a json path under ${where}`);
}

function validateSubresources(out: Problems, at: Path, { scale }: CustomResourceSubresources): void {
  if (scale === undefined) return;
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale as Partial<typeof scale>;
  if (blank(specReplicasPath)) out.required(at.child('scale.specReplicasPath'));
  else validateScalePath(out, at.child('scale.specReplicasPath'), specReplicasPath, ['.spec']);
  if (blank(statusReplicasPath)) out.required(at.child('scale.statusReplicasPath'));
  else validateScalePath(out, at.child('scale.statusReplicasPath'), statusReplicasPath, ['.status']);
  if (!blank(labelSelectorPath)) validateScalePath(out, at.child('scale.labelSelectorPath'), labelSelectorPath, ['.spec', '.status']);
}

function validateNames(out: Problems, at: Path, names: Partial<CustomResourceDefinitionNames>): void {
  const label = (path: Path, name: string | undefined): void => {
    const reasons = blank(name) ? [] : dns1035Label(name);
    if (reasons.length > 0) out.invalid(path, name, reasons.join(','));
  };
  label(at.child('plural'), names.plural);
  label(at.child('singular'), names.singular);
  for (const member of ['kind', 'listKind'] as const) {
    const name = names[member];
    const reasons = blank(name) ? [] : dns1035Label(name.toLowerCase());
    if (reasons.length > 0) out.invalid(at.child(member), name, `may have mixed case, but should otherwise match: ${reasons.join(',')}`);
  }
  const each = (member: 'shortNames' | 'categories'): void => {
    names[member]?.forEach((name, i) => {
      const reasons = dns1035Label(name);
      if (reasons.length > 0) out.invalid(at.child(member).index(i), name, reasons.join(','));
    });
  };
  each('shortNames');
  if (!blank(names.kind) && names.kind === names.listKind)
    out.invalid(at.child('listKind'), names.listKind, 'kind and listKind may not be the same');
  each('categories');
}

function validateStatus(out: Problems, { spec, status }: CustomResourceDefinition): void {
  if (status?.acceptedNames !== undefined) validateNames(out, STATUS.child('acceptedNames'), status.acceptedNames);
  const stored = status?.storedVersions ?? [];
  const at = STATUS.child('storedVersions');
  if (stored.length === 0) return out.invalid(at, null, 'must have at least one stored version');
  const versions = (spec as Partial<CustomResourceDefinitionSpec>).versions ?? [];
  for (const { name, storage } of versions)
    if (storage && !stored.includes(name)) out.invalid(at, stored, `must have the storage version ${name}`);
  stored.forEach((name, i) => {
    if (versions.some((version) => version.name === name)) return;
    const detail = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    out.invalid(at.index(i), name, detail);
  });
}
