// Webhook configurations. Source: admissionregistration validation.go, apiserver pkg/util/webhook validation.go.
import { BOOL } from '#apimachinery/cel/types.ts';
import type {
  MatchCondition,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ServiceReference,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../gen/admissionregistration-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1035Label, dns1123Subdomain, portNumber, qualifiedName } from '#apimachinery/names.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validatePlainMeta } from '../metadata.ts';
import { compileExpression, type CompiledExpression } from '../../expressions/admission.ts';
import { blank, type Problems } from '../problems.ts';
import { validateOperationRule } from './rules.ts';

const FAILURE_POLICIES = ['Fail', 'Ignore'];
export const MATCH_POLICIES = ['Equivalent', 'Exact'];
const ALL_SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const NO_SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REINVOCATION_POLICIES = ['IfNeeded', 'Never'];
/** Versions of AdmissionReview that the server speaks. */
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const MAX_MATCH_CONDITIONS = 64;

type Webhook = Partial<MutatingWebhook> | Partial<ValidatingWebhook>;
type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

const hooksOf = (configuration: Configuration): readonly Webhook[] => configuration.webhooks ?? [];

/** Rules that an object from before them need not obey when it is changed. */
interface HookRules {
  readonly sideEffects: readonly string[];
  readonly knownReview: boolean;
  readonly uniqueNames: boolean;
  readonly conditions: boolean;
}

const STRICT: HookRules = { sideEffects: NO_SIDE_EFFECTS, knownReview: true, uniqueNames: true, conditions: true };

export function validateWebhooks(out: Problems, configuration: Configuration): void {
  validateAll(out, configuration, STRICT);
}

export function validateWebhooksUpdate(out: Problems, configuration: Configuration, old: Configuration): void {
  const before = hooksOf(old);
  const now = hooksOf(configuration);
  const names = before.map(({ name }) => name);
  const harmless = before.every(({ sideEffects }) => NO_SIDE_EFFECTS.includes(sideEffects ?? ''));
  const sameConditions =
    now.length === before.length &&
    now.every(({ matchConditions }, i) => deepEqual(matchConditions ?? [], before[i]?.matchConditions ?? []));
  validateAll(out, configuration, {
    sideEffects: harmless ? NO_SIDE_EFFECTS : ALL_SIDE_EFFECTS,
    knownReview: before.every(
      ({ admissionReviewVersions: all = [] }) => all.length === 0 || all.some((version) => REVIEW_VERSIONS.includes(version)),
    ),
    uniqueNames: new Set(names).size === names.length,
    conditions: !sameConditions,
  });
}

function validateAll(out: Problems, configuration: Configuration, rules: HookRules): void {
  validatePlainMeta(out, configuration.metadata, 'cluster', subdomainName);
  const names = new Set<string>();
  hooksOf(configuration).forEach((hook, i) => {
    const at = Path.of('webhooks').index(i);
    validateHook(out, at, hook, rules);
    validateReviewVersions(out, at.child('admissionReviewVersions'), hook.admissionReviewVersions ?? [], rules);
    if (blank(hook.name)) return;
    if (rules.uniqueNames && names.has(hook.name)) out.duplicate(at.child('name'), hook.name);
    names.add(hook.name);
  });
}

function validateReviewVersions(out: Problems, at: Path, versions: readonly string[], { knownReview }: HookRules): void {
  if (versions.length === 0) return out.required(at, `must specify one of ${REVIEW_VERSIONS.join(', ')}`);
  const seen = new Set<string>();
  versions.forEach((version, i) => {
    if (seen.has(version)) return out.invalid(at.index(i), version, 'duplicate version');
    seen.add(version);
    return out.each(at.index(i), version, dns1035Label(version));
  });
  if (knownReview && !versions.some((version) => REVIEW_VERSIONS.includes(version)))
    out.invalid(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`);
}

/** Source: IsFullyQualifiedName. */
function validateHookName(out: Problems, at: Path, name: string | undefined): void {
  if (blank(name)) return out.required(at);
  const reasons = dns1123Subdomain(name);
  if (reasons.length > 0) out.invalid(at, name, reasons.join(','));
  else if (name.split('.').length < 3) out.invalid(at, name, 'should be a domain with at least three segments separated by dots');
}

function validateHook(out: Problems, at: Path, hook: Webhook, rules: HookRules): void {
  validateHookName(out, at.child('name'), hook.name);
  hook.rules?.forEach((rule, i) => validateOperationRule(out, at.child('rules').index(i), rule));
  if (hook.failurePolicy !== undefined) out.oneOf(at.child('failurePolicy'), hook.failurePolicy, FAILURE_POLICIES);
  if (hook.matchPolicy !== undefined) out.oneOf(at.child('matchPolicy'), hook.matchPolicy, MATCH_POLICIES);
  const { sideEffects, timeoutSeconds: timeout } = hook;
  if (sideEffects === undefined || sideEffects === null)
    out.required(at.child('sideEffects'), `must specify one of ${rules.sideEffects.join(', ')}`);
  else out.oneOf(at.child('sideEffects'), sideEffects, rules.sideEffects);
  if (timeout !== undefined && (timeout > 30 || timeout < 1))
    out.invalid(at.child('timeoutSeconds'), timeout, 'the timeout value must be between 1 and 30 seconds');
  validateLabelSelector(out, at.child('namespaceSelector'), hook.namespaceSelector);
  validateLabelSelector(out, at.child('objectSelector'), hook.objectSelector);
  if ('reinvocationPolicy' in hook && hook.reinvocationPolicy !== undefined)
    out.oneOf(at.child('reinvocationPolicy'), hook.reinvocationPolicy, REINVOCATION_POLICIES);
  const { url, service } = hook.clientConfig ?? {};
  const where = at.child('clientConfig');
  if ((url === undefined) === (service === undefined)) out.required(where, 'exactly one of url or service is required');
  else if (url !== undefined) validateHookUrl(out, where.child('url'), url);
  else if (service !== undefined) validateHookService(out, where.child('service'), service);
  if (rules.conditions) validateMatchConditions(out, at.child('matchConditions'), hook.matchConditions ?? []);
}

const URL_FORM = '; desired format: https://host[/path]';
const URL_PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:([^/?#@]*)@)?([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

/** Source: ValidateWebhookURL. */
export function validateHookUrl(out: Problems, at: Path, text: string): void {
  const parts = URL_PARTS.exec(text);
  if (parts === null || (parts[1] === undefined && /^[^/?#]*:/.test(text))) {
    const why = text.startsWith(':') ? 'missing protocol scheme' : 'first path segment in URL cannot contain colon';
    return out.required(at, `url must be a valid URL: parse ${goQuote(text)}: ${why}${URL_FORM}`);
  }
  const [, scheme = '', user, host = '', query = '', fragment = ''] = parts;
  if (scheme.toLowerCase() !== 'https') out.invalid(at, scheme.toLowerCase(), `'https' is the only allowed URL scheme${URL_FORM}`);
  if (host === '') out.invalid(at, host, `host must be specified${URL_FORM}`);
  if (user !== undefined) out.invalid(at, user, 'user information is not permitted in the URL');
  if (fragment !== '') out.invalid(at, fragment, 'fragments are not permitted in the URL');
  if (query !== '') out.invalid(at, query, 'query parameters are not permitted in the URL');
}

/** Source: ValidateWebhookService. Upstream's callers give name and namespace in each other's place; so do its texts. */
export function validateHookService(out: Problems, at: Path, { name, namespace, path, port = 443 }: Partial<ServiceReference>): void {
  if (blank(namespace)) out.required(at.child('name'));
  if (blank(name)) out.required(at.child('namespace'));
  const reasons = portNumber(port);
  if (reasons.length > 0) out.invalid(at.child('port'), port, `port is not valid: ${reasons.join(', ')}`);
  if (path === undefined || path === '' || path === '/') return;
  const where = at.child('path');
  if (path === '//') return out.invalid(where, path, 'segment[0] may not be empty');
  if (!path.startsWith('/')) out.invalid(where, path, "must start with a '/'");
  path
    .slice(1)
    .replace(/\/$/, '')
    .split('/')
    .forEach((segment, i) => {
      if (segment === '') return out.invalid(where, path, `segment[${i}] may not be empty`);
      for (const reason of dns1123Subdomain(segment)) out.invalid(where, path, `segment[${i}]: ${reason}`);
      return undefined;
    });
}

/** @param params the conditions may refer to a policy's params */
export function validateMatchConditions(out: Problems, at: Path, conditions: readonly MatchCondition[], params = false): void {
  if (conditions.length > MAX_MATCH_CONDITIONS) out.tooMany(at, conditions.length, MAX_MATCH_CONDITIONS);
  const names = new Set<string>();
  conditions.forEach(({ name, expression }: Partial<MatchCondition>, i) => {
    const path = at.index(i);
    const condition = (expression ?? '').trim();
    if (condition === '') out.required(path.child('expression'));
    else refuseUncompiled(out, path.child('expression'), compileExpression(condition, { params, authorizer: true }, [BOOL]));
    if (blank(name)) return out.required(path.child('name'));
    out.each(path.child('name'), name, qualifiedName(name));
    if (names.has(name)) out.duplicate(path.child('name'), name);
    names.add(name);
    return undefined;
  });
}

/** What is wrong with an expression, in the compiler's words. */
export function refuseUncompiled(out: Problems, at: Path, compiled: CompiledExpression, shown = compiled.source): void {
  if (compiled.kind === 'failed') out.invalid(at, shown, compiled.error);
}
