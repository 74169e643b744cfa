// Admission policies and their bindings. Source: admissionregistration validation.go ValidateValidatingAdmissionPolicy…,
// ValidateMutatingAdmissionPolicy….
import type {
  AuditAnnotation,
  MatchCondition,
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from '../../gen/admissionregistration-v1.ts';
import { RESERVED_WORDS } from '#apimachinery/cel/names.ts';
import { BOOL, NULL_TYPE, STRING, type Type } from '#apimachinery/cel/types.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1035Label, dns1123Subdomain, pathSegmentName, qualifiedName } from '#apimachinery/names.ts';
import { compileExpression, PolicyCompiler, type CompiledExpression, type Offered } from '../../expressions/admission.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validatePlainMeta } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { validateMutation } from './mutations.ts';
import { validateNamedRule } from './rules.ts';
import { MATCH_POLICIES, refuseUncompiled, validateMatchConditions } from './webhooks.ts';

const SPEC = Path.of('spec');
const FAILURE_POLICIES = ['Fail', 'Ignore'];
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const REINVOCATION_POLICIES = ['IfNeeded', 'Never'];
const MUTABLE_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const ACTIONS = ['Audit', 'Deny', 'Warn'];
const MAX_AUDIT_ANNOTATIONS = 20;
const MAX_VALUE_BYTES = 5 * 1024;
const CEL_IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;

/** A required member that was not given is null. */
const isGiven = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null;

export function validateValidatingPolicy(out: Problems, policy: ValidatingAdmissionPolicy): void {
  validatePolicy(out, policy, true);
}

export function validateValidatingPolicyUpdate(out: Problems, policy: ValidatingAdmissionPolicy, old: ValidatingAdmissionPolicy): void {
  const [now, before] = [policy.spec, old.spec];
  const same = semanticEqual(now?.paramKind, before?.paramKind) && semanticEqual(now?.matchConditions, before?.matchConditions);
  validatePolicy(out, policy, !same);
}

function validatePolicy(out: Problems, policy: ValidatingAdmissionPolicy, conditions: boolean): void {
  validatePlainMeta(out, policy.metadata, 'cluster', subdomainName);
  const spec: Partial<NonNullable<ValidatingAdmissionPolicy['spec']>> = policy.spec ?? {};
  const { variables = [], validations = [], auditAnnotations = [] } = spec;
  const offered = validateTarget(out, spec, conditions);
  const compile = compilerOf(out, variables, offered, variables.length > 0);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const detail = 'validations or auditAnnotations must contain at least one item';
    out.required(SPEC.child('validations'), detail);
    out.required(SPEC.child('auditAnnotations'), detail);
    return;
  }
  validations.forEach((validation, i) => validateValidation(out, SPEC.child('validations').index(i), validation, compile, offered));
  validateAuditAnnotations(out, SPEC.child('auditAnnotations'), auditAnnotations, policy.metadata.name, (source) =>
    compile(source, offered, [STRING, NULL_TYPE]),
  );
}

type Compile = (source: string, offered: Offered, results: readonly Type[]) => CompiledExpression;

/** Compiles what comes after the variables; without composition nothing is known of them. */
function compilerOf(out: Problems, variables: readonly Variable[], offered: Offered, composed: boolean): Compile {
  const compiler = new PolicyCompiler();
  variables.forEach((variable, i) => validateVariable(out, SPEC.child('variables').index(i), variable, compiler, offered));
  return composed ? (...expression) => compiler.compile(...expression) : compileExpression;
}

interface Target {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly MatchCondition[];
}

/**
 * What policies of both kinds begin with; what their expressions are offered. `validateOperations`: for policies that not every
 * operation will do for.
 */
function validateTarget(
  out: Problems,
  { failurePolicy, paramKind, matchConstraints, matchConditions = [] }: Target,
  conditions: boolean,
  validateOperations: () => void = () => undefined,
): Offered {
  if (!isGiven(failurePolicy)) out.required(SPEC.child('failurePolicy'));
  else out.oneOf(SPEC.child('failurePolicy'), failurePolicy, FAILURE_POLICIES);
  if (paramKind !== undefined) validateParamKind(out, SPEC.child('paramKind'), paramKind);
  const at = SPEC.child('matchConstraints');
  if (!isGiven(matchConstraints)) out.required(at);
  else {
    validateMatch(out, at, matchConstraints);
    if ((matchConstraints.resourceRules ?? []).length === 0) out.required(at.child('resourceRules'));
  }
  validateOperations();
  const params = paramKind !== undefined;
  if (conditions) validateMatchConditions(out, SPEC.child('matchConditions'), matchConditions, params);
  return { params, authorizer: true };
}

export function validateMutatingPolicy(out: Problems, policy: MutatingAdmissionPolicy): void {
  validateMutating(out, policy, true);
}

export function validateMutatingPolicyUpdate(out: Problems, policy: MutatingAdmissionPolicy, old: MutatingAdmissionPolicy): void {
  const [now, before] = [policy.spec, old.spec];
  const same = semanticEqual(now?.paramKind, before?.paramKind) && semanticEqual(now?.matchConditions, before?.matchConditions);
  validateMutating(out, policy, !same);
}

function validateMutating(out: Problems, policy: MutatingAdmissionPolicy, conditions: boolean): void {
  validatePlainMeta(out, policy.metadata, 'cluster', subdomainName);
  const spec: Partial<NonNullable<MutatingAdmissionPolicy['spec']>> = policy.spec ?? {};
  const { variables = [], mutations = [], reinvocationPolicy = '', matchConstraints } = spec;
  const offered = validateTarget(out, spec, conditions, () => {
    validateMutableOperations(out, SPEC.child('matchConstraints'), matchConstraints);
  });
  const compile = compilerOf(out, variables, offered, true);
  if (mutations.length === 0) out.required(SPEC.child('mutations'), 'mutations must contain at least one item');
  mutations.forEach((mutation, i) =>
    validateMutation(out, SPEC.child('mutations').index(i), mutation, (source, results) =>
      compile(source, { ...offered, patchTypes: true }, results),
    ),
  );
  if (reinvocationPolicy === '') out.required(SPEC.child('reinvocationPolicy'));
  else out.oneOf(SPEC.child('reinvocationPolicy'), reinvocationPolicy, REINVOCATION_POLICIES);
}

/** Nothing can be changed about what is deleted. */
function validateMutableOperations(out: Problems, at: Path, match: MatchResources | null | undefined): void {
  const operations = (match?.resourceRules ?? []).flatMap((rule) => rule.operations ?? []);
  for (const operation of operations) out.oneOf(at.child('resourceRules').child('operations'), operation, MUTABLE_OPERATIONS);
}

export function validateMutatingBinding(out: Problems, binding: MutatingAdmissionPolicyBinding): void {
  const { policyName, paramRef, matchResources }: Partial<NonNullable<MutatingAdmissionPolicyBinding['spec']>> = binding.spec ?? {};
  validateBinding(out, binding.metadata, { policyName, paramRef, matchResources });
  validateMutableOperations(out, SPEC.child('matchResources'), matchResources);
}

interface Bound {
  readonly policyName: string | undefined;
  readonly paramRef: ParamRef | undefined;
  readonly matchResources: MatchResources | undefined;
}

function validateBinding(
  out: Problems,
  metadata: ValidatingAdmissionPolicyBinding['metadata'],
  { policyName, paramRef, matchResources }: Bound,
): void {
  validatePlainMeta(out, metadata, 'cluster', subdomainName);
  if (blank(policyName)) out.required(SPEC.child('policyName'));
  else out.each(SPEC.child('policyName'), policyName, subdomainName(policyName, false));
  if (paramRef !== undefined) validateParamRef(out, SPEC.child('paramRef'), paramRef);
  if (matchResources !== undefined) validateMatch(out, SPEC.child('matchResources'), matchResources);
}

function validateParamKind(out: Problems, at: Path, { apiVersion = '', kind }: ParamKind): void {
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/');
  const [group, version] = parts.length === 1 ? ['', parts[0]] : parts;
  const path = at.child('apiVersion');
  if (apiVersion === '') out.required(path);
  else if (parts.length > 2) out.invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else {
    const reasons = blank(group) ? [] : dns1123Subdomain(group);
    if (reasons.length > 0) out.invalid(path, group, reasons.join(','));
    if (blank(version)) out.invalid(path, apiVersion, 'version must be specified');
    else if (dns1035Label(version).length > 0) out.invalid(path, version, dns1035Label(version).join(','));
  }
  if (blank(kind)) return out.required(at.child('kind'));
  const reasons = dns1035Label(kind.toLowerCase());
  if (reasons.length > 0) out.invalid(at.child('kind'), kind, `may have mixed case, but should otherwise match: ${reasons.join(',')}`);
}

function validateMatch(out: Problems, at: Path, match: Partial<MatchResources>): void {
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = match;
  if (!isGiven(matchPolicy)) out.required(at.child('matchPolicy'));
  else out.oneOf(at.child('matchPolicy'), matchPolicy, MATCH_POLICIES);
  for (const [member, selector] of Object.entries({ namespaceSelector, objectSelector })) {
    if (!isGiven(selector)) out.required(at.child(member));
    else validateLabelSelector(out, at.child(member), selector);
  }
  resourceRules.forEach((rule, i) => validateNamedRule(out, at.child('resourceRules').index(i), rule));
  excludeResourceRules.forEach((rule, i) => validateNamedRule(out, at.child('excludeResourceRules').index(i), rule));
}

function validateVariable(
  out: Problems,
  at: Path,
  { name, expression = '' }: Partial<Variable>,
  compiler: PolicyCompiler,
  offered: Offered,
): void {
  if ((name ?? '').trim() === '') out.required(at.child('name'), 'name is not specified');
  else if (!CEL_IDENTIFIER.test(name ?? '') || RESERVED_WORDS.has(name ?? ''))
    out.invalid(at.child('name'), name, 'must be a valid CEL identifier');
  if (expression.trim() === '') out.required(at.child('expression'), 'expression is not specified');
  else refuseUncompiled(out, at.child('expression'), compiler.addVariable(name ?? '', expression, offered));
}

function validateValidation(
  out: Problems,
  at: Path,
  { expression = '', message = '', messageExpression = '', reason }: Partial<Validation>,
  compile: Compile,
  offered: Offered,
): void {
  if (expression.trim() === '') out.required(at.child('expression'), 'expression is not specified');
  else refuseUncompiled(out, at.child('expression'), compile(expression, offered, [BOOL]));
  if (messageExpression !== '') {
    const path = at.child('messageExpression');
    if (messageExpression.trim() === '') out.invalid(path, messageExpression, 'must be non-empty if specified');
    else refuseUncompiled(out, path, compile(messageExpression, { ...offered, authorizer: false }, [STRING]));
  }
  const text = message.trim();
  if (message !== '' && text === '') out.invalid(at.child('message'), message, 'must be non-empty if specified');
  else if (/[\n\r]/.test(text)) out.invalid(at.child('message'), message, 'must not contain line breaks');
  if (reason !== undefined) out.oneOf(at.child('reason'), reason, REASONS);
}

function validateAuditAnnotations(
  out: Problems,
  at: Path,
  annotations: readonly AuditAnnotation[],
  policy: string | undefined,
  compile: (source: string) => CompiledExpression,
): void {
  if (annotations.length > MAX_AUDIT_ANNOTATIONS) {
    const shown = annotations.map(({ key, valueExpression }) => ({ Key: key, ValueExpression: valueExpression }));
    out.invalid(at, shown, `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`);
  }
  const keys = new Set<string>();
  annotations.forEach(({ key = '', valueExpression = '' }: Partial<AuditAnnotation>, i) => {
    const path = at.index(i);
    const whole = `${policy ?? ''}/${key}`;
    if (blank(policy)) out.invalid(path.child('key'), key, 'requires metadata.name be non-empty');
    else out.each(path.child('key'), whole, qualifiedName(whole));
    const value = valueExpression.trim();
    if (value === '') out.required(path.child('valueExpression'), 'valueExpression is not specified');
    else if (byteLength(value) > MAX_VALUE_BYTES)
      out.required(path.child('valueExpression'), `must not exceed ${MAX_VALUE_BYTES} bytes in length`);
    else refuseUncompiled(out, path.child('valueExpression'), compile(value), valueExpression);
    if (keys.has(key)) out.duplicate(path.child('key'), key);
    keys.add(key);
  });
}

export function validateValidatingBinding(out: Problems, binding: ValidatingAdmissionPolicyBinding): void {
  const spec: Partial<NonNullable<ValidatingAdmissionPolicyBinding['spec']>> = binding.spec ?? {};
  const { policyName, paramRef, matchResources, validationActions = [] } = spec;
  validateBinding(out, binding.metadata, { policyName, paramRef, matchResources });
  const at = SPEC.child('validationActions');
  const seen = new Set<string>();
  validationActions.forEach((action, i) => {
    out.oneOf(at.index(i), action, ACTIONS);
    if (seen.has(action)) out.duplicate(at.index(i), action);
    seen.add(action);
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    const detail =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    out.invalid(at, validationActions, detail);
  }
  if (seen.size === 0) out.required(at, 'at least one validation action is required');
}

const EXCLUSIVE = 'name and selector are mutually exclusive';

function validateParamRef(out: Problems, at: Path, { name, selector, parameterNotFoundAction: action }: ParamRef): void {
  if (!blank(name)) {
    out.each(at.child('name'), name, pathSegmentName(name));
    if (selector !== undefined) out.forbidden(at.child('name'), EXCLUSIVE);
  }
  if (selector !== undefined) {
    validateLabelSelector(out, at.child('selector'), selector);
    if (!blank(name)) out.forbidden(at.child('selector'), EXCLUSIVE);
  }
  if (blank(name) && selector === undefined) out.required(at, 'one of name or selector must be specified');
  out.requiredOneOf(at.child('parameterNotFoundAction'), action, ['Deny', 'Allow']);
}
