// Cluster IPs and IP families of Services. Source: ValidateServiceClusterIPsRelatedFields, validateUpgradeDowngrade*.
import type { Service } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { ipErrors, isDualStack, isIpv6 } from '#apimachinery/ip.ts';
import { blank, type Problems } from '../problems.ts';

const SPEC = Path.of('spec');
const NONE = 'None';
const FAMILIES = ['IPv4', 'IPv6'];
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const UNCHANGED = 'may not change once set';

export const isHeadless = ({ spec }: Service): boolean => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === NONE;

export function validateClusterIps(out: Problems, service: Service, old: Service | undefined): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  const ips = spec.clusterIPs ?? [];
  const families = spec.ipFamilies ?? [];
  const at = SPEC.child('clusterIPs');
  if (blank(spec.clusterIP)) {
    if (ips.length > 0) out.invalid(at, ips, 'must be empty when `clusterIP` is not specified');
  } else if (ips.length === 0) out.required(at);
  else if (ips[0] !== spec.clusterIP) out.invalid(at, ips, 'first value must match `clusterIP`');

  families.forEach((family, i) => {
    out.oneOf(SPEC.child('ipFamilies').index(i), family, FAMILIES);
    if (families.indexOf(family) < i) out.duplicate(SPEC.child('ipFamilies').index(i), family);
  });
  if (spec.ipFamilyPolicy !== undefined) out.oneOf(SPEC.child('ipFamilyPolicy'), spec.ipFamilyPolicy, FAMILY_POLICIES);

  let right = true;
  ips.forEach((ip, i) => {
    if (i === 0 && ip === NONE) {
      if (ips.length === 1) return;
      out.invalid(at, ips, "'None' must be the first and only value");
      right = false;
      return;
    }
    const errors = ipErrors(at.index(i), ip, old?.spec.clusterIPs);
    out.add(errors);
    if (errors.length > 0) right = false;
  });
  if (ips.length > 2) out.invalid(at, ips, 'may only hold up to 2 values');
  if (!right) return;
  if (ips.length > 1 && isDualStack(ips) !== true) out.invalid(at, ips, 'may specify no more than one IP for each IP family');
  if (isHeadless(service)) return;
  ips.slice(0, families.length).forEach((ip, i) => {
    const family = families[i];
    if (family === 'IPv4' && isIpv6(ip)) out.invalid(at.index(i), ip, `expected an IPv4 value as indicated by \`ipFamilies[${i}]\``);
    if (family === 'IPv6' && !isIpv6(ip)) out.invalid(at.index(i), ip, `expected an IPv6 value as indicated by \`ipFamilies[${i}]\``);
  });
}

const isExternalName = (service: Service): boolean => service.spec.type === 'ExternalName';

export function validateClusterIpsUpdate(out: Problems, service: Service, old: Service): void {
  if (isExternalName(service) || isExternalName(old) || (isHeadless(service) && isHeadless(old))) return;
  const now = service.spec.clusterIPs ?? [];
  const before = old.spec.clusterIPs ?? [];
  const at = SPEC.child('clusterIPs');
  const shown = service.spec.clusterIPs ?? null;
  if (before.length === now.length) {
    before.forEach((ip, i) => {
      if (ip !== now[i]) out.invalid(at.index(i), shown, UNCHANGED);
    });
    return;
  }
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) out.invalid(at.index(0), shown, UNCHANGED);
  if (before.length < now.length) return;
  if (now.length === 0) out.invalid(at.index(0), shown, 'primary clusterIP can not be unset');
  if (now.length === 1) requireSingleStack(out, service, 'clusterIP');
}

function requireSingleStack(out: Problems, { spec }: Service, released: string): void {
  if (spec.ipFamilyPolicy === 'SingleStack') return;
  out.invalid(
    SPEC.child('ipFamilyPolicy'),
    spec.ipFamilyPolicy ?? null,
    `must be set to 'SingleStack' when releasing the secondary ${released}`,
  );
}

export function validateFamiliesUpdate(out: Problems, service: Service, old: Service): void {
  if (isExternalName(service) || isExternalName(old) || isHeadless(service) || isHeadless(old)) return;
  const now = service.spec.ipFamilies ?? [];
  const before = old.spec.ipFamilies ?? [];
  const at = SPEC.child('ipFamilies').index(0);
  const shown = service.spec.ipFamilies ?? null;
  if (before.length === now.length) {
    before.forEach((family, i) => {
      if (family !== now[i]) out.invalid(at, shown, UNCHANGED);
    });
    return;
  }
  if (before.length > now.length && (service.spec.clusterIPs ?? []).length === 0)
    out.invalid(at, shown, 'primary ipFamily can not be unset');
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) out.invalid(at, service.spec.clusterIPs ?? null, UNCHANGED);
  if (before.length > now.length && now.length === 1) requireSingleStack(out, service, 'ipFamily');
}
