// IngressClasses, IPAddresses and ServiceCIDRs. Source: networking validation.go.
import type { IPAddress, IngressClass, IngressClassParametersReference, ParentReference, ServiceCIDR } from '../../gen/networking-v1.ts';
import { IMMUTABLE } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { canonicalCidrErrors, canonicalIpErrors, parseCidr } from '#apimachinery/ip.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1123Subdomain, pathSegmentName } from '#apimachinery/names.ts';
import { domainPrefixedPath } from '../domain-path.ts';
import { labelName, subdomainName, validateObjectMeta, validateObjectMetaUpdate, type NameCheck } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { requiredSegment, validateTypedReference } from '../references.ts';

const SPEC = Path.of('spec');
const MAX_CONTROLLER_BYTES = 250;
const SCOPES = ['Cluster', 'Namespace'];

export function validateIngressClass(out: Problems, ingressClass: IngressClass): void {
  validateObjectMeta(out, ingressClass.metadata, 'cluster', subdomainName);
  const { controller = '', parameters } = ingressClass.spec ?? {};
  const at = SPEC.child('controller');
  if (byteLength(controller) > MAX_CONTROLLER_BYTES) out.tooLong(at, MAX_CONTROLLER_BYTES);
  out.add(domainPrefixedPath(at, controller));
  if (parameters !== undefined) validateParameters(out, SPEC.child('parameters'), parameters);
}

function validateParameters(out: Problems, at: Path, parameters: IngressClassParametersReference): void {
  const { namespace } = parameters;
  const scope = (parameters as { readonly scope?: string }).scope;
  validateTypedReference(out, at, parameters);
  if (scope === undefined) return out.required(at.child('scope'));
  out.oneOf(at.child('scope'), scope, SCOPES);
  const path = at.child('namespace');
  if (scope === 'Namespace') {
    if (namespace === undefined) out.required(path, "`parameters.scope` is set to 'Namespace'");
    else out.each(path, namespace, labelName(namespace, false));
  }
  if (scope === 'Cluster' && namespace !== undefined) out.forbidden(path, "`parameters.scope` is set to 'Cluster'");
}

export function validateIngressClassUpdate(out: Problems, ingressClass: IngressClass, old: IngressClass): void {
  validateObjectMetaUpdate(out, ingressClass.metadata, old.metadata);
  const controller = ingressClass.spec?.controller ?? '';
  out.immutable(SPEC.child('controller'), controller, controller === (old.spec?.controller ?? ''));
  validateIngressClass(out, ingressClass);
}

const addressName: NameCheck = (name) => canonicalIpErrors(Path.of('name'), name).map(({ detail }) => detail);

export function validateIpAddress(out: Problems, address: IPAddress): void {
  validateObjectMeta(out, address.metadata, 'cluster', addressName);
  const parent = (address.spec as { readonly parentRef?: ParentReference } | undefined)?.parentRef;
  const at = SPEC.child('parentRef');
  if (parent === undefined) return out.required(at);
  const { group, resource, name, namespace } = parent;
  if (!blank(group)) out.each(at.child('group'), group, dns1123Subdomain(group));
  requiredSegment(out, at.child('resource'), resource);
  requiredSegment(out, at.child('name'), name);
  if (!blank(namespace)) out.each(at.child('namespace'), namespace, pathSegmentName(namespace));
}

export function validateIpAddressUpdate(out: Problems, address: IPAddress, old: IPAddress): void {
  validateIpAddress(out, address);
  validateObjectMetaUpdate(out, address.metadata, old.metadata);
  const [now, before] = [address.spec?.parentRef, old.spec?.parentRef];
  const shown = { Group: now?.group ?? '', Resource: now?.resource ?? '', Namespace: now?.namespace ?? '', Name: now?.name ?? '' };
  out.immutable(SPEC.child('parentRef'), now === undefined ? null : shown, deepEqual(now, before));
}

const CIDRS = SPEC.child('cidrs');

function validateCidrs(out: Problems, cidrs: readonly string[]): void {
  if (cidrs.length === 0) return out.required(CIDRS, 'at least one CIDR required');
  if (cidrs.length > 2) return out.invalid(CIDRS, { CIDRs: cidrs }, 'may only hold up to 2 values');
  cidrs.forEach((cidr, i) => out.add(canonicalCidrErrors(CIDRS.index(i), cidr)));
  const [first, second] = cidrs.map((cidr) => parseCidr(cidr)?.network.family);
  if (cidrs.length === 2 && first === second && first !== undefined) {
    out.invalid(CIDRS, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64');
  }
}

export function validateServiceCidr(out: Problems, range: ServiceCIDR): void {
  validateObjectMeta(out, range.metadata, 'cluster', subdomainName);
  validateCidrs(out, range.spec?.cidrs ?? []);
}

export function validateServiceCidrUpdate(out: Problems, range: ServiceCIDR, old: ServiceCIDR): void {
  validateObjectMetaUpdate(out, range.metadata, old.metadata);
  const [now, before] = [range.spec?.cidrs ?? [], old.spec?.cidrs ?? []];
  const grows = before.length === 1 && now.length === 2;
  if (before.length !== now.length && !grows) return out.invalid(CIDRS, now.length === 0 ? null : now, IMMUTABLE);
  before.forEach((cidr, i) => {
    if (cidr !== now[i]) out.invalid(CIDRS.index(i), now[i], IMMUTABLE);
  });
  if (grows) validateCidrs(out, now);
}

export function validateServiceCidrStatusUpdate(out: Problems, range: ServiceCIDR, old: ServiceCIDR): void {
  validateObjectMetaUpdate(out, range.metadata, old.metadata);
}
