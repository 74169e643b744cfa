// ResourceQuotas and LimitRanges. Source: ValidateResourceQuota…, ValidateLimitRange.
import { ownValue } from '../../json-object.ts';
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../../gen/core-v1.ts';
import { IMMUTABLE } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import type { Quantity } from '#apimachinery/quantity.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, entries, quantity, type Problems } from '../problems.ts';
import {
  allowsOvercommit,
  checkContainerResourceName,
  checkQuotaResourceName,
  checkResourceName,
  isStandardQuota,
  validateAmount,
} from './resource-names.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');

const COMPUTE = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
const OF_PODS: ReadonlySet<string> = new Set(['pods', ...COMPUTE]);
const OF_CLAIMS: ReadonlySet<string> = new Set(['persistentvolumeclaims', 'requests.storage']);
const ONLY_PODS: ReadonlySet<string> = new Set(['pods']);

/** What each scope may limit. */
const SCOPES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['Terminating', OF_PODS],
  ['NotTerminating', OF_PODS],
  ['NotBestEffort', OF_PODS],
  ['PriorityClass', OF_PODS],
  ['CrossNamespacePodAffinity', OF_PODS],
  ['BestEffort', ONLY_PODS],
  ['VolumeAttributesClass', OF_CLAIMS],
]);
const EXISTS_ONLY: ReadonlySet<string> = new Set([
  'BestEffort',
  'NotBestEffort',
  'Terminating',
  'NotTerminating',
  'CrossNamespacePodAffinity',
]);
const CONFLICTING = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

type Amounts = Readonly<Record<string, string>>;

function validateAmounts(out: Problems, at: Path, amounts: Amounts | undefined): void {
  for (const [name, text] of entries(amounts)) {
    checkQuotaResourceName(out, at.key(name), name);
    validateAmount(out, at.key(name), name, quantity(text));
  }
}

/** Resources that a scope limits though it does not apply to them. */
const outOfScope = (scope: string, hard: Amounts | undefined): readonly string[] =>
  Object.keys(hard ?? {}).filter((name) => isStandardQuota(name) && SCOPES.get(scope)?.has(name) === false);

function validateScopes(out: Problems, at: Path, { scopes = [], hard }: ResourceQuotaSpec): void {
  for (const scope of scopes) {
    if (!SCOPES.has(scope)) out.invalid(at, scopes, 'unsupported scope');
    for (const _ of outOfScope(scope, hard)) out.invalid(at, scopes, 'unsupported scope applied to resource');
  }
  for (const pair of CONFLICTING) if (pair.every((scope) => scopes.includes(scope))) out.invalid(at, scopes, 'conflicting scopes');
}

function validateScopeSelector(out: Problems, at: Path, { scopes, hard, scopeSelector }: ResourceQuotaSpec): void {
  const all = scopeSelector?.matchExpressions ?? [];
  const shown = {
    MatchExpressions: all.map(({ scopeName, operator, values }) => ({ ScopeName: scopeName, Operator: operator, Values: values ?? null })),
  };
  for (const requirement of all) {
    const { scopeName } = requirement;
    if (!SCOPES.has(scopeName)) out.invalid(at.child('scopeName'), scopeName, 'unsupported scope');
    for (const _ of outOfScope(scopeName, hard)) out.invalid(at, shown, 'unsupported scope applied to resource');
    validateRequirement(out, at, requirement);
  }
  const named = new Set<string>(all.map(({ scopeName }) => scopeName));
  for (const pair of CONFLICTING) if (pair.every((scope) => named.has(scope))) out.invalid(at, scopes ?? null, 'conflicting scopes');
}

const EXISTS_DETAIL =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

function validateRequirement(out: Problems, at: Path, { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement): void {
  if (EXISTS_ONLY.has(scopeName) && operator !== 'Exists') out.invalid(at.child('operator'), operator, EXISTS_DETAIL);
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        out.required(at.child('values'), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        out.invalid(at.child('values'), values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
      break;
    default:
      out.invalid(at.child('operator'), operator, 'not a valid selector operator');
  }
}

function validateQuotaSpec(out: Problems, spec: ResourceQuotaSpec): void {
  validateAmounts(out, SPEC.child('hard'), spec.hard);
  validateScopes(out, SPEC.child('scopes'), spec);
  if (spec.scopeSelector !== undefined) validateScopeSelector(out, SPEC.child('scopeSelector', 'matchExpressions'), spec);
}

function validateQuotaStatus(out: Problems, { status }: ResourceQuota): void {
  validateAmounts(out, STATUS.child('hard'), status?.hard);
  validateAmounts(out, STATUS.child('used'), status?.used);
}

export function validateResourceQuota(out: Problems, quota: ResourceQuota): void {
  validateObjectMeta(out, quota.metadata, 'namespaced', subdomainName);
  validateQuotaSpec(out, quota.spec ?? {});
  validateQuotaStatus(out, quota);
}

export function validateResourceQuotaUpdate(out: Problems, quota: ResourceQuota, old: ResourceQuota): void {
  validateObjectMetaUpdate(out, quota.metadata, old.metadata);
  validateQuotaSpec(out, quota.spec ?? {});
  const scopes = new Set(quota.spec?.scopes);
  if (scopes.symmetricDifference(new Set(old.spec?.scopes)).size > 0)
    out.invalid(SPEC.child('scopes'), quota.spec?.scopes ?? null, IMMUTABLE);
}

export function validateResourceQuotaStatusUpdate(out: Problems, quota: ResourceQuota, old: ResourceQuota): void {
  validateObjectMetaUpdate(out, quota.metadata, old.metadata);
  if (blank(quota.metadata.resourceVersion)) out.required(Path.of('resourceVersion'));
  validateQuotaStatus(out, quota);
}

const LIMIT_TYPES: ReadonlySet<string> = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);

export function validateLimitRange(out: Problems, range: LimitRange): void {
  validateObjectMeta(out, range.metadata, 'namespaced', subdomainName);
  const seen = new Set<string>();
  (range.spec?.limits ?? []).forEach((limit, i) => {
    const at = SPEC.child('limits').index(i);
    validateLimitType(out, at.child('type'), limit.type);
    if (seen.has(limit.type)) out.duplicate(at.child('type'), limit.type);
    seen.add(limit.type);
    validateLimit(out, at, limit);
  });
}

function validateLimitType(out: Problems, at: Path, type: string): void {
  const reasons = qualifiedName(type);
  out.each(at, type, reasons);
  if (reasons.length > 0 || type.includes('/') || LIMIT_TYPES.has(type)) return;
  out.invalid(at, type, 'must be a standard limit type or fully qualified');
}

function validateLimit(out: Problems, at: Path, limit: LimitRangeItem): void {
  const ofPod = limit.type === 'Pod';
  const checkName = ofPod || limit.type === 'Container' ? checkContainerResourceName : checkResourceName;
  const names = new Set<string>();
  const read = (member: 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio'): void => {
    for (const [name] of entries(limit[member])) {
      checkName(out, at.child(member).key(name), name);
      names.add(name);
    }
  };
  read('max');
  read('min');
  for (const member of ['default', 'defaultRequest'] as const) {
    if (!ofPod) read(member);
    else if (entries(limit[member]).length > 0) out.forbidden(at.child(member), "may not be specified when `type` is 'Pod'");
  }
  if (limit.type === 'PersistentVolumeClaim' && limit.min?.['storage'] === undefined && limit.max?.['storage'] === undefined)
    out.required(at.child('limits'), 'either minimum or maximum storage value is required, but neither was provided');
  read('maxLimitRequestRatio');
  for (const name of names) validateLimits(out, at, limit, name);
}

const amountOf = (amounts: Amounts | undefined, name: string): Quantity | undefined => {
  const text = ownValue(amounts, name);
  return text === undefined ? undefined : quantity(text);
};

/** The limits of one resource against each other. */
function validateLimits(out: Problems, at: Path, limit: LimitRangeItem, name: string): void {
  const [min, max] = [amountOf(limit.min, name), amountOf(limit.max, name)];
  const withDefaults = limit.type !== 'Pod';
  const byDefault = withDefaults ? amountOf(limit.default, name) : undefined;
  const request = withDefaults ? amountOf(limit.defaultRequest, name) : undefined;
  const ordered = (
    member: string,
    shown: Quantity,
    low: readonly [string, Quantity | undefined],
    high: readonly [string, Quantity | undefined],
  ): void => {
    if (low[1] === undefined || high[1] === undefined || low[1].cmp(high[1]) <= 0) return;
    out.invalid(at.child(member).key(name), shown.toString(), `${low[0]} value ${low[1]} is greater than ${high[0]} value ${high[1]}`);
  };
  if (min !== undefined) ordered('min', min, ['min', min], ['max', max]);
  if (request !== undefined) {
    ordered('defaultRequest', request, ['min', min], ['default request', request]);
    ordered('defaultRequest', request, ['default request', request], ['max', max]);
    ordered('defaultRequest', request, ['default request', request], ['default limit', byDefault]);
  }
  if (min !== undefined) ordered('default', min, ['min', min], ['default', byDefault]);
  if (max !== undefined) ordered('default', max, ['default', byDefault], ['max', max]);
  validateRatio(out, at.child('maxLimitRequestRatio').key(name), amountOf(limit.maxLimitRequestRatio, name), { min, max });
  if (!allowsOvercommit(name) && byDefault !== undefined && request !== undefined && byDefault.cmp(request) !== 0) {
    const detail = `default value ${byDefault} must equal to defaultRequest value ${request} in ${name}`;
    out.invalid(at.child('defaultRequest').key(name), request.toString(), detail);
  }
}

/** Source: resource.MaxMilliValue. */
const MAX_MILLI_VALUE = Number((2n ** 63n - 1n) / 1000n);

interface Bounds {
  readonly min: Quantity | undefined;
  readonly max: Quantity | undefined;
}

function validateRatio(out: Problems, at: Path, ratio: Quantity | undefined, { min, max }: Bounds): void {
  if (ratio === undefined) return;
  if (ratio.cmp(quantity('1')) < 0) out.invalid(at, ratio.toString(), `ratio ${ratio} is less than 1`);
  if (min === undefined || max === undefined) return;
  const milli = [ratio, min, max].every((amount) => amount.value() < MAX_MILLI_VALUE);
  const [value, low, high] = milli
    ? [ratio.milliValue() / 1000, min.milliValue(), max.milliValue()]
    : [ratio.value(), min.value(), max.value()];
  const most = high / low;
  if (value > most) out.invalid(at, ratio.toString(), `ratio ${ratio} is greater than max/min = ${goFixed(most)}`);
}

/** %f. */
const goFixed = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? value.toFixed(6) : value > 0 ? '+Inf' : '-Inf';
