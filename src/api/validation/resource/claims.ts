// ResourceClaims, their templates, and DeviceClasses. Source: resource/validation validation.go.
import type {
  DeviceClaim,
  DeviceClaimConfiguration,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../../gen/resource-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { contentSubdomain, dns1123Subdomain, labelValue } from '#apimachinery/names.ts';
import { isExtended } from '../core/resource-names.ts';
import { validateLabelKey } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate, validateTemplateMeta, type NameCheck } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import {
  MAX_REQUESTS,
  validateConfiguration,
  validateDeviceName,
  validateFullKey,
  validateList,
  validateSelectors,
  validateSet,
} from './names.ts';

const SPEC = Path.of('spec');
const MAX_ALTERNATIVES = 8;
const ALLOCATION_MODES = ['All', 'ExactCount'];
const OPERATORS = ['Equal', 'Exists'];
/** Of taints and of what tolerates them. */
export const TAINT_EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

export function validateClaim(out: Problems, claim: ResourceClaim): void {
  validateObjectMeta(out, claim.metadata, 'namespaced', subdomainName);
  validateDeviceClaim(out, SPEC.child('devices'), claim.spec?.devices ?? {});
}

export function validateClaimUpdate(out: Problems, claim: ResourceClaim, old: ResourceClaim): void {
  validateObjectMeta(out, claim.metadata, 'namespaced', subdomainName);
  validateObjectMetaUpdate(out, claim.metadata, old.metadata);
  out.immutable(SPEC, claim.spec, semanticEqual(claim.spec, old.spec));
}

export function validateClaimTemplate(out: Problems, template: ResourceClaimTemplate): void {
  validateObjectMeta(out, template.metadata, 'namespaced', subdomainName);
  validateTemplateMeta(out, SPEC.child('metadata'), template.spec?.metadata);
  validateDeviceClaim(out, SPEC.child('spec', 'devices'), template.spec?.spec?.devices ?? {});
}

export function validateClaimTemplateUpdate(out: Problems, template: ResourceClaimTemplate, old: ResourceClaimTemplate): void {
  validateObjectMetaUpdate(out, template.metadata, old.metadata);
  out.immutable(SPEC, template.spec, semanticEqual(template.spec, old.spec));
}

/** Its generateName is only looked at with the rules of all objects. Source: ValidateObjectMetaWithOpts. */
const className: NameCheck = (name, prefix) => (prefix ? [] : contentSubdomain(name));

export function validateDeviceClass(out: Problems, { metadata, spec }: DeviceClass): void {
  validateObjectMeta(out, metadata, 'cluster', className);
  validateClassSpec(out, spec);
}

function validateClassSpec(out: Problems, spec: DeviceClass['spec']): void {
  validateSelectors(out, SPEC.child('selectors'), spec.selectors);
  validateList(out, SPEC.child('config'), spec.config, {
    max: MAX_REQUESTS,
    item: ({ opaque }, at) => validateConfiguration(out, at, opaque),
  });
  const extended = spec.extendedResourceName;
  if (extended !== undefined && !isExtended(extended))
    out.invalid(SPEC.child('extendedResourceName'), extended, 'must be a valid extended resource name');
}

export function validateDeviceClassUpdate(out: Problems, deviceClass: DeviceClass, old: DeviceClass): void {
  validateObjectMeta(out, deviceClass.metadata, 'cluster', className);
  validateObjectMetaUpdate(out, deviceClass.metadata, old.metadata);
  validateClassSpec(out, deviceClass.spec);
}

/** Requests by name; of one that offers alternatives, their names too. */
export type RequestNames = ReadonlyMap<string, ReadonlySet<string>>;

export const requestNames = ({ requests }: Partial<DeviceClaim>): RequestNames =>
  new Map((requests ?? []).map(({ name, firstAvailable = [] }) => [name, new Set(firstAvailable.map((one) => one.name))]));

function validateDeviceClaim(out: Problems, at: Path, claim: Partial<DeviceClaim>): void {
  const names = requestNames(claim);
  validateSet(out, at.child('requests'), claim.requests, {
    max: MAX_REQUESTS,
    item: (request, path) => validateRequest(out, path, request),
    key: ({ name }) => name,
  });
  validateList(out, at.child('constraints'), claim.constraints, {
    max: MAX_REQUESTS,
    item: (constraint, path) => validateConstraint(out, path, constraint, names),
  });
  validateList(out, at.child('config'), claim.config, {
    max: MAX_REQUESTS,
    item: (config, path) => validateClaimConfiguration(out, path, config, names),
  });
}

const ONE_KIND = 'exactly one of `exactly` or `firstAvailable` is required';

function validateRequest(out: Problems, at: Path, { name, exactly, firstAvailable = [] }: DeviceRequest): void {
  validateDeviceName(out, at.child('name'), name);
  if (exactly === undefined && firstAvailable.length === 0) return out.required(at, ONE_KIND);
  if (exactly !== undefined && firstAvailable.length > 0) return out.invalid(at, null, `${ONE_KIND}, but multiple fields are set`);
  if (exactly !== undefined) return validateDevices(out, at.child('exactly'), exactly);
  validateSet(out, at.child('firstAvailable'), firstAvailable, {
    max: MAX_ALTERNATIVES,
    item: (alternative, path) => {
      validateDeviceName(out, path.child('name'), alternative.name);
      validateDevices(out, path, alternative);
    },
    key: (alternative) => alternative.name,
  });
}

/** Which devices, and how many. Source: validateExactDeviceRequest, validateDeviceSubRequest. */
function validateDevices(out: Problems, at: Path, request: ExactDeviceRequest | DeviceSubRequest): void {
  const { deviceClassName, selectors, allocationMode, count = 0, tolerations } = request;
  if (blank(deviceClassName)) out.required(at.child('deviceClassName'));
  else out.each(at.child('deviceClassName'), deviceClassName, dns1123Subdomain(deviceClassName));
  validateSelectors(out, at.child('selectors'), selectors);
  if (allocationMode === 'All') {
    if (count !== 0) out.invalid(at.child('count'), count, "must not be specified when allocationMode is 'All'");
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) out.invalid(at.child('count'), count, 'must be greater than zero');
  } else out.notSupported(at.child('allocationMode'), allocationMode ?? '', ALLOCATION_MODES);
  // Upstream enforces no limit of theirs.
  validateList(out, at.child('tolerations'), tolerations, { item: (toleration, path) => validateToleration(out, path, toleration) });
}

function validateToleration(out: Problems, at: Path, { key, operator, value = '', effect }: Partial<DeviceToleration>): void {
  if (!blank(key)) validateLabelKey(out, at.child('key'), key);
  if (operator === 'Exists') {
    if (value !== '') out.invalid(at.child('value'), value, 'must be empty for operator `Exists`');
  } else if (operator === 'Equal') out.each(at.child('value'), value, labelValue(value));
  else out.requiredOneOf(at.child('operator'), operator, OPERATORS);
  if (!blank(effect)) out.oneOf(at.child('effect'), effect, TAINT_EFFECTS);
}

function validateConstraint(out: Problems, at: Path, constraint: DeviceConstraint, names: RequestNames): void {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  validateRequestReferences(out, at.child('requests'), requests, names);
  if (matchAttribute !== undefined) validateFullKey(out, at.child('matchAttribute'), matchAttribute);
  else if (distinctAttribute !== undefined) validateFullKey(out, at.child('distinctAttribute'), distinctAttribute);
  else out.required(at, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set');
}

function validateClaimConfiguration(out: Problems, at: Path, config: DeviceClaimConfiguration, names: RequestNames): void {
  validateRequestReferences(out, at.child('requests'), config.requests, names);
  validateConfiguration(out, at, config.opaque);
}

export function validateRequestReferences(out: Problems, at: Path, requests: readonly string[] | undefined, names: RequestNames): void {
  validateSet(out, at, requests, {
    max: MAX_REQUESTS,
    item: (name, path) => validateRequestReference(out, path, name, names),
    key: (name) => name,
  });
}

/** `request` or `request/alternative`. Source: validateRequestNameRef. */
export function validateRequestReference(out: Problems, at: Path, name: string, names: RequestNames): void {
  const unknown = (): void =>
    out.invalid(at, name, "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'");
  const [request = '', alternative, ...more] = name.split('/');
  if (more.length > 0) return unknown();
  validateDeviceName(out, at, request);
  if (alternative !== undefined) validateDeviceName(out, at, alternative);
  const alternatives = names.get(request);
  if (alternatives === undefined || (alternative !== undefined && !alternatives.has(alternative))) unknown();
}
