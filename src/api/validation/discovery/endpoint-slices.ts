// EndpointSlices. Source: discovery validation.go.
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from '../../gen/discovery-v1.ts';
import { invalid, required, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { canonicalIpErrors, ipErrors, parseIp } from '#apimachinery/ip.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '#apimachinery/names.ts';
import { PROTOCOLS } from '../core/containers.ts';
import { isUsualIpv4, validateEndpointIp } from '../core/endpoints.ts';
import { subdomainName, validateObjectMeta } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_ENDPOINTS = 1000;
const MAX_HINTS = 8;

export function validateEndpointSlice(out: Problems, slice: EndpointSlice, old?: EndpointSlice): void {
  validateObjectMeta(out, slice.metadata, 'namespaced', subdomainName);
  out.requiredOneOf(Path.of('addressType'), slice.addressType, ADDRESS_TYPES);
  validatePorts(out, Path.of('ports'), slice.ports ?? []);
  const unchanged = old !== undefined && deepEqual(old.endpoints ?? [], slice.endpoints ?? []);
  if (!unchanged) validateEndpoints(out, Path.of('endpoints'), slice);
}

export function validateEndpointSliceUpdate(out: Problems, slice: EndpointSlice, old: EndpointSlice): void {
  validateEndpointSlice(out, slice, old);
  out.immutable(Path.of('addressType'), slice.addressType, slice.addressType === old.addressType);
}

function validatePorts(out: Problems, at: Path, ports: readonly EndpointPort[]): void {
  if (ports.length > MAX_PORTS) return out.tooMany(at, ports.length, MAX_PORTS);
  const names = new Set<string>();
  ports.forEach(({ name, protocol, appProtocol }, i) => {
    const path = at.index(i);
    if (name !== '') out.each(path.child('name'), name, dns1123Label(name));
    if (names.has(name)) out.duplicate(path.child('name'), name);
    names.add(name);
    if (protocol === undefined) out.required(path.child('protocol'));
    else out.oneOf(path.child('protocol'), protocol, PROTOCOLS);
    if (appProtocol !== undefined) out.each(path.child('appProtocol'), appProtocol, qualifiedName(appProtocol));
  });
}

/** Source: IsFullyQualifiedDomainName. */
export function domainNameErrors(at: Path, text: string): readonly FieldError[] {
  if (text === '') return [required(at, '')];
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const reasons = dns1123Subdomain(name);
  if (reasons.length > 0) return [invalid(at, name, reasons.join(','))];
  const labels = name.split('.');
  if (labels.length < 2) return [invalid(at, name, 'should be a domain with at least two segments separated by dots')];
  const bad = labels.find((label) => dns1123Label(label).length > 0);
  return bad === undefined ? [] : [invalid(at, bad, dns1123Label(bad).join(','))];
}

function validateAddress(out: Problems, at: Path, index: number, address: string, type: string): void {
  if (type === 'IPv4' && isUsualIpv4(address)) return;
  const path = at.index(index);
  if (type === 'FQDN') return out.add(domainNameErrors(path, address));
  if (type !== 'IPv4' && type !== 'IPv6') return;
  const errors = type === 'IPv4' ? ipErrors(path, address) : canonicalIpErrors(path, address);
  if (errors.length > 0) return out.add(errors);
  if (parseIp(address)?.family !== (type === 'IPv4' ? 4 : 6)) out.invalid(at, address, `must be an ${type} address`);
  validateEndpointIp(out, path, address);
}

function validateEndpoints(out: Problems, at: Path, { endpoints: all, addressType }: EndpointSlice): void {
  const endpoints = all ?? [];
  if (endpoints.length > MAX_ENDPOINTS) return out.tooMany(at, endpoints.length, MAX_ENDPOINTS);
  endpoints.forEach((endpoint: Endpoint, i) => {
    const path = at.index(i);
    const addresses = endpoint.addresses ?? [];
    const addressesAt = path.child('addresses');
    if (addresses.length === 0) out.required(addressesAt, 'must contain at least 1 address');
    else if (addresses.length > MAX_ADDRESSES) out.tooMany(addressesAt, addresses.length, MAX_ADDRESSES);
    addresses.forEach((address, j) => validateAddress(out, addressesAt, j, address, addressType));
    if (endpoint.nodeName !== undefined) out.each(path.child('nodeName'), endpoint.nodeName, subdomainName(endpoint.nodeName, false));
    if (endpoint.hostname !== undefined) out.each(path.child('hostname'), endpoint.hostname, dns1123Label(endpoint.hostname));
    if (endpoint.hints !== undefined) validateHints(out, path.child('hints'), endpoint.hints);
  });
}

function validateHints(out: Problems, at: Path, { forZones = [], forNodes = [] }: EndpointHints): void {
  const named = (path: Path, items: readonly { readonly name: string }[], check: (name: string) => readonly string[]): boolean => {
    if (items.length > MAX_HINTS) {
      out.tooMany(path, items.length, MAX_HINTS);
      return false;
    }
    const names = new Set<string>();
    items.forEach(({ name }, i) => {
      if (names.has(name)) out.duplicate(path.index(i).child('name'), name);
      names.add(name);
      out.each(path.index(i).child('name'), name, check(name));
    });
    return true;
  };
  if (named(at.child('forZones'), forZones, labelValue))
    named(at.child('forNodes'), forNodes, (name) => subdomainName(blank(name) ? '' : name, false));
}
