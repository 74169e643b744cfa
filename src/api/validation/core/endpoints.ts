// Endpoints. Source: ValidateEndpoints, ValidateEndpointIP.
import type { EndpointAddress, EndpointPort, Endpoints, EndpointSubset } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { ipErrors, parseIp } from '#apimachinery/ip.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { dns1123Label, portNumber, qualifiedName } from '#apimachinery/names.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { PROTOCOLS } from './containers.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const SPECIAL = /^(?:0|127|169|224)\./;

/** Nothing can be wrong with it as an address of an endpoint: so nearly all of them are told, without a path being made for each. */
export const isUsualIpv4 = (text: string): boolean => IPV4.test(text) && !SPECIAL.test(text);

/** An address that traffic may be sent to. */
export function validateEndpointIp(out: Problems, at: Path, text: string): void {
  const ip = parseIp(text);
  if (ip === undefined) return out.invalid(at, text, 'must be a valid IP address');
  const { family, bytes } = ip;
  const [a = 0, b = 0, c = 0] = bytes;
  const last = bytes.at(-1) as number;
  const zeroHead = bytes.slice(0, -1).every((byte) => byte === 0);
  if (zeroHead && last === 0) out.invalid(at, text, `may not be unspecified (${text})`);
  if (family === 4 ? a === 127 : zeroHead && last === 1) out.invalid(at, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (family === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80) {
    out.invalid(at, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  if (family === 4 ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 2) {
    out.invalid(at, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
}

function validateAddresses(out: Problems, at: Path, addresses: readonly EndpointAddress[]): void {
  addresses.forEach((address, i) => {
    const { ip, hostname, nodeName } = address;
    const named = !blank(hostname) || (nodeName !== undefined && subdomainName(nodeName, false).length > 0);
    if (named || !isUsualIpv4(ip)) validateAddress(out, at.index(i), address);
  });
}

function validateAddress(out: Problems, at: Path, { ip, hostname, nodeName }: EndpointAddress): void {
  out.add(ipErrors(at.child('ip'), ip));
  if (!blank(hostname)) out.each(at.child('hostname'), hostname, dns1123Label(hostname));
  if (nodeName !== undefined) out.each(at.child('nodeName'), nodeName, subdomainName(nodeName, false));
  validateEndpointIp(out, at.child('ip'), ip);
}

function validatePort(out: Problems, at: Path, port: EndpointPort, needsName: boolean): void {
  if (!blank(port.name)) out.each(at.child('name'), port.name, dns1123Label(port.name));
  else if (needsName) out.required(at.child('name'));
  out.each(at.child('port'), port.port, portNumber(port.port));
  out.requiredOneOf(at.child('protocol'), port.protocol, PROTOCOLS);
  if (port.appProtocol !== undefined) out.each(at.child('appProtocol'), port.appProtocol, qualifiedName(port.appProtocol));
}

function validateSubsets(out: Problems, at: Path, subsets: readonly EndpointSubset[]): void {
  subsets.forEach(({ addresses = [], notReadyAddresses = [], ports = [] }, i) => {
    const path = at.index(i);
    if (addresses.length + notReadyAddresses.length === 0) out.required(path, 'must specify `addresses` or `notReadyAddresses`');
    validateAddresses(out, path.child('addresses'), addresses);
    validateAddresses(out, path.child('notReadyAddresses'), notReadyAddresses);
    ports.forEach((port, j) => validatePort(out, path.child('ports').index(j), port, ports.length > 1));
  });
}

export function validateEndpoints(out: Problems, endpoints: Endpoints, old?: Endpoints): void {
  validateObjectMeta(out, endpoints.metadata, 'namespaced', subdomainName);
  const unchanged = old !== undefined && deepEqual(old.subsets ?? [], endpoints.subsets ?? []);
  if (!unchanged) validateSubsets(out, Path.of('subsets'), endpoints.subsets ?? []);
}

export function validateEndpointsUpdate(out: Problems, endpoints: Endpoints, old: Endpoints): void {
  validateObjectMetaUpdate(out, endpoints.metadata, old.metadata);
  validateEndpoints(out, endpoints, old);
}
