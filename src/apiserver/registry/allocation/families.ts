// Which address families a Service has, and which addresses it wants. Pure. Source: service/storage alloc.go.
import { isIpv6 } from '#apimachinery/ip.ts';
import { invalid, type FieldError } from '#apimachinery/field-errors.ts';
import type { Service, ServiceSpec } from '#api/types.ts';
import { HEADLESS } from '#api/services.ts';
import { validateClusterIps } from '#api/validation/core/service-ips.ts';
import { Problems } from '#api/validation/problems.ts';
import type { Family } from './ip-range.ts';

const POLICY = 'spec.ipFamilyPolicy';

export type FamiliesResult =
  | { readonly kind: 'settled'; readonly service: Service }
  | { readonly kind: 'refused'; readonly errors: readonly FieldError[] };

const settled = (service: Service): FamiliesResult => ({ kind: 'settled', service });

export const familyOf = (ip: string): Family => (isIpv6(ip) ? 'IPv6' : 'IPv4');

const other = (family: string): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');

const sameList = (a: readonly string[] = [], b: readonly string[] = []): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);

const isShorter = (a: readonly string[] = [], b: readonly string[] = []): boolean =>
  a.length > 0 && a.length < b.length && a.every((value, i) => value === b[i]);

/** A dual-stack wish that was settled before stays as it is when the cluster changes. Source: isMatchingPreferDualStackClusterIPFields. */
export function isUnchangedPreference({ spec }: Service, old: Service | undefined): boolean {
  if (old === undefined || spec.type === 'ExternalName' || old.spec.type === 'ExternalName') return false;
  if (spec.ipFamilyPolicy !== 'PreferDualStack' || old.spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  return sameList(spec.clusterIPs, old.spec.clusterIPs) && sameList(spec.ipFamilies, old.spec.ipFamilies);
}

/** @param configured families of this cluster, the default one first */
export function settleFamilies(service: Service, old: Service | undefined, configured: readonly Family[]): FamiliesResult {
  if (service.spec.type === 'ExternalName' || isUnchangedPreference(service, old)) return settled(service);
  const ipFamilyPolicy = service.spec.ipFamilyPolicy ?? defaultPolicy(service.spec, old);
  // What is no address or family at all is told before what cannot be given.
  const malformed = new Problems();
  validateClusterIps(malformed, { ...service, spec: { ...service.spec, ipFamilyPolicy } }, old);
  if (!malformed.none) return { kind: 'refused', errors: malformed.list };
  const spec = { ...shortened({ ...service.spec, ipFamilyPolicy }, old) };
  const errors: FieldError[] = [...reductions(spec, old), ...contradictions(spec)];
  const families: string[] = [...(spec.ipFamilies ?? [])];
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === HEADLESS) break;
    if (i < families.length) continue;
    const family = familyOf(ip);
    if (configured.includes(family)) families.push(family);
    else errors.push(invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`));
  }
  if (errors.length > 0) return { kind: 'refused', errors };

  const single = ipFamilyPolicy === 'SingleStack';
  const chosen = (list: readonly string[]): FamiliesResult =>
    settled({ ...service, spec: { ...spec, ipFamilies: list as NonNullable<ServiceSpec['ipFamilies']> } });
  if (spec.clusterIP === HEADLESS && Object.keys(spec.selector ?? {}).length === 0) {
    // Endpoints are written by hand, so both families are possible whatever the cluster has.
    const start = families.length === 0 ? [configured[0] as string] : families;
    return chosen(start.length < 2 && !single ? [...start, other(start[0] as string)] : start);
  }

  if (ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    errors.push(invalid(POLICY, ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  }
  for (const [i, family] of families.entries()) {
    if (!configured.includes(family as Family)) errors.push(invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  }
  if (errors.length > 0) return { kind: 'refused', errors };
  const start = families.length === 0 ? [configured[0] as string] : families;
  return chosen(!single && start.length === 1 && configured.length === 2 ? [...start, other(start[0] as string)] : start);
}

function defaultPolicy({ clusterIP, selector = {} }: ServiceSpec, old: Service | undefined): NonNullable<ServiceSpec['ipFamilyPolicy']> {
  if (old?.spec.ipFamilyPolicy !== undefined) return old.spec.ipFamilyPolicy;
  return clusterIP === HEADLESS && Object.keys(selector).length === 0 ? 'RequireDualStack' : 'SingleStack';
}

/** A change to single stack gives the second address and family back without being told so. */
function shortened(spec: ServiceSpec, old: Service | undefined): ServiceSpec {
  if (old === undefined || spec.ipFamilyPolicy !== 'SingleStack') return spec;
  const { clusterIPs = [], ipFamilies = [] } = spec;
  return {
    ...spec,
    ...(clusterIPs.length > 1 && sameList(clusterIPs, old.spec.clusterIPs) ? { clusterIPs: clusterIPs.slice(0, 1) } : {}),
    ...(ipFamilies.length > 1 && sameList(ipFamilies, old.spec.ipFamilies) ? { ipFamilies: ipFamilies.slice(0, 1) } : {}),
  };
}

function reductions(spec: ServiceSpec, old: Service | undefined): readonly FieldError[] {
  if (old === undefined || spec.ipFamilyPolicy === 'SingleStack') return [];
  const errors: FieldError[] = [];
  if (isShorter(spec.clusterIPs, old.spec.clusterIPs))
    errors.push(invalid(POLICY, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP"));
  if (isShorter(spec.ipFamilies, old.spec.ipFamilies))
    errors.push(invalid(POLICY, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family"));
  return errors;
}

function contradictions({ ipFamilyPolicy, clusterIPs = [], ipFamilies = [] }: ServiceSpec): readonly FieldError[] {
  if (ipFamilyPolicy !== 'SingleStack') return [];
  const errors: FieldError[] = [];
  const need = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  if (clusterIPs.length === 2) errors.push(invalid(POLICY, ipFamilyPolicy, `${need} cluster IPs are specified`));
  if (ipFamilies.length === 2) errors.push(invalid(POLICY, ipFamilyPolicy, `${need} IP families are specified`));
  return errors;
}
