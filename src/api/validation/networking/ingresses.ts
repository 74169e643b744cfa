// Ingresses. Source: networking validation.go ValidateIngress….
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressServiceBackend,
  IngressSpec,
  IngressTLS,
} from '../../gen/networking-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { ipErrors, parseIp } from '#apimachinery/ip.ts';
import { dns1123Subdomain, portName, portNumber, wildcardSubdomain } from '#apimachinery/names.ts';
import { labelName, subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { validateTypedReference } from '../references.ts';

const SPEC = Path.of('spec');
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_SUFFIXES = ['/..', '/.'];

export function validateIngress(out: Problems, ingress: Ingress): void {
  validateWhole(out, ingress);
  const annotation = ingress.metadata.annotations?.[CLASS_ANNOTATION];
  const name = ingress.spec?.ingressClassName;
  if (annotation !== undefined && name !== undefined && annotation !== name) {
    const at = Path.of('annotations').child(CLASS_ANNOTATION);
    out.invalid(at, annotation, 'must match `ingressClassName` when both are specified');
  }
}

export function validateIngressUpdate(out: Problems, ingress: Ingress, old: Ingress): void {
  validateObjectMetaUpdate(out, ingress.metadata, old.metadata);
  validateWhole(out, ingress);
}

function validateWhole(out: Problems, ingress: Ingress): void {
  validateObjectMeta(out, ingress.metadata, 'namespaced', subdomainName);
  validateSpec(out, ingress.spec ?? {});
}

function validateSpec(out: Problems, { rules = [], defaultBackend, tls = [], ingressClassName }: IngressSpec): void {
  if (rules.length === 0 && defaultBackend === undefined) out.invalid(SPEC, null, 'either `defaultBackend` or `rules` must be specified');
  if (defaultBackend !== undefined) validateBackend(out, SPEC.child('defaultBackend'), defaultBackend);
  rules.forEach((rule, i) => validateRule(out, SPEC.child('rules').index(i), rule));
  tls.forEach((entry, i) => validateTls(out, SPEC.child('tls').index(i), entry));
  if (ingressClassName !== undefined) out.each(SPEC.child('ingressClassName'), ingressClassName, subdomainName(ingressClassName, false));
}

const hostErrors = (host: string): readonly string[] => (host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host));

function validateTls(out: Problems, at: Path, { hosts = [], secretName }: IngressTLS): void {
  hosts.forEach((host, i) => out.each(at.child('hosts').index(i), host, hostErrors(host)));
  if (!blank(secretName)) out.each(at.child('secretName'), secretName, subdomainName(secretName, false));
}

function validateRule(out: Problems, at: Path, { host, http }: IngressRule): void {
  if (!blank(host)) {
    if (parseIp(host) !== undefined) out.invalid(at.child('host'), host, 'must be a DNS name, not an IP address');
    out.each(at.child('host'), host, hostErrors(host));
  }
  if (http === undefined) return;
  const path = at.child('http', 'paths');
  const paths = (http as Partial<typeof http>).paths ?? [];
  if (paths.length === 0) out.required(path);
  paths.forEach((entry, i) => validatePath(out, path.index(i), entry));
}

/** A required member that was not given is null. */
const isGiven = (value: string | null | undefined): boolean => value !== undefined && value !== null;

function validatePath(out: Problems, at: Path, { path = '', pathType, backend }: HTTPIngressPath): void {
  if (!isGiven(pathType)) return out.required(at.child('pathType'), 'pathType must be specified');
  const where = at.child('path');
  const exact = pathType === 'Exact' || pathType === 'Prefix';
  if (!exact && pathType !== 'ImplementationSpecific') out.notSupported(at.child('pathType'), pathType, PATH_TYPES);
  else if (!path.startsWith('/') && (exact || path !== '')) out.invalid(where, path, 'must be an absolute path');
  if (exact) {
    for (const text of BAD_SEQUENCES) if (path.includes(text)) out.invalid(where, path, `must not contain '${text}'`);
    for (const text of BAD_SUFFIXES) if (path.endsWith(text)) out.invalid(where, path, `cannot end with '${text}'`);
  }
  validateBackend(out, at.child('backend'), (backend as IngressBackend | undefined) ?? {});
}

function validateBackend(out: Problems, at: Path, { resource, service }: IngressBackend): void {
  if (resource !== undefined && service !== undefined) out.invalid(at, '', 'cannot set both resource and service backends');
  else if (resource !== undefined) validateTypedReference(out, at.child('resource'), resource);
  else if (service !== undefined) validateServiceBackend(out, at, service);
  else out.invalid(at, '', 'resource or service backend is required');
}

function validateServiceBackend(out: Problems, at: Path, { name, port }: IngressServiceBackend): void {
  if (blank(name)) out.required(at.child('service', 'name'));
  else out.each(at.child('service', 'name'), name, labelName(name, false));
  const { name: ofPort = '', number = 0 } = port ?? {};
  if (ofPort !== '' && number !== 0) out.invalid(at, '', 'cannot set both port name & port number');
  else if (ofPort !== '') out.each(at.child('service', 'port', 'name'), ofPort, portName(ofPort));
  else if (number !== 0) out.each(at.child('service', 'port', 'number'), number, portNumber(number));
  else out.required(at, 'port name or number is required');
}

export function validateIngressStatusUpdate(out: Problems, ingress: Ingress, old: Ingress): void {
  validateObjectMetaUpdate(out, ingress.metadata, old.metadata);
  const kept = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (blank(ip) ? [] : [ip]));
  const at = Path.of('status').child('loadBalancer', 'ingress');
  (ingress.status?.loadBalancer?.ingress ?? []).forEach(({ ip, hostname }, i) => {
    const path = at.index(i);
    if (!blank(ip)) out.add(ipErrors(path.child('ip'), ip, kept));
    if (blank(hostname)) return;
    out.each(path.child('hostname'), hostname, dns1123Subdomain(hostname));
    if (parseIp(hostname) !== undefined) out.invalid(path.child('hostname'), hostname, 'must be a DNS name, not an IP address');
  });
}
