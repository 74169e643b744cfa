// NetworkPolicies. Source: networking validation.go ValidateNetworkPolicy….
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec } from '../../gen/networking-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { cidrErrors, parseCidr, type Cidr } from '#apimachinery/ip.ts';
import { portName, portNumber } from '#apimachinery/names.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const SPEC = Path.of('spec');
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const TYPES = ['Ingress', 'Egress'];

export function validateNetworkPolicy(out: Problems, policy: NetworkPolicy): void {
  validateObjectMeta(out, policy.metadata, 'namespaced', subdomainName);
  validateSpec(out, policy.spec ?? {}, []);
}

export function validateNetworkPolicyUpdate(out: Problems, policy: NetworkPolicy, old: NetworkPolicy): void {
  validateObjectMetaUpdate(out, policy.metadata, old.metadata);
  const { ingress = [], egress = [] } = old.spec ?? {};
  const peers = [...ingress.flatMap(({ from = [] }) => from), ...egress.flatMap(({ to = [] }) => to)];
  const kept = peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])]));
  validateSpec(out, policy.spec ?? {}, kept);
}

/** `kept`: address ranges of the old object, which may stay as they are. */
function validateSpec(
  out: Problems,
  { podSelector, ingress = [], egress = [], policyTypes = [] }: Partial<NetworkPolicySpec>,
  kept: readonly string[],
): void {
  validateLabelSelector(out, SPEC.child('podSelector'), podSelector);
  ingress.forEach(({ ports = [], from = [] }, i) => {
    const at = SPEC.child('ingress').index(i);
    ports.forEach((port, j) => validatePort(out, at.child('ports').index(j), port));
    from.forEach((peer, j) => validatePeer(out, at.child('from').index(j), peer, kept));
  });
  egress.forEach(({ ports = [], to = [] }, i) => {
    const at = SPEC.child('egress').index(i);
    ports.forEach((port, j) => validatePort(out, at.child('ports').index(j), port));
    to.forEach((peer, j) => validatePeer(out, at.child('to').index(j), peer, kept));
  });
  const at = SPEC.child('policyTypes');
  if (policyTypes.length > TYPES.length) return out.invalid(at, policyTypes, 'may not specify more than two policyTypes');
  policyTypes.forEach((type, i) => out.oneOf(at.index(i), type, TYPES));
}

function validatePort(out: Problems, at: Path, { protocol, port, endPort }: NetworkPolicyPort): void {
  if (protocol !== undefined) out.oneOf(at.child('protocol'), protocol, PROTOCOLS);
  const end = at.child('endPort');
  if (typeof port === 'number') {
    out.each(at.child('port'), port, portNumber(port));
    if (endPort === undefined) return;
    if (endPort < port) out.invalid(end, port, 'must be greater than or equal to `port`');
    out.each(end, endPort, portNumber(endPort));
    return;
  }
  if (endPort !== undefined) {
    const why =
      port === undefined ? 'may not be specified when `port` is not specified' : 'may not be specified when `port` is non-numeric';
    out.invalid(end, endPort, why);
  }
  if (port !== undefined) out.each(at.child('port'), port, portName(port));
}

function validatePeer(
  out: Problems,
  at: Path,
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  kept: readonly string[],
): void {
  validateLabelSelector(out, at.child('podSelector'), podSelector);
  validateLabelSelector(out, at.child('namespaceSelector'), namespaceSelector);
  if (ipBlock !== undefined) validateIpBlock(out, at.child('ipBlock'), ipBlock, kept);
  const selected = podSelector !== undefined || namespaceSelector !== undefined;
  if (ipBlock === undefined && !selected) out.required(at, 'must specify a peer');
  else if (ipBlock !== undefined && selected) out.forbidden(at, 'may not specify both ipBlock and another peer');
}

function contains(outer: Cidr, inner: Cidr): boolean {
  if (outer.network.family !== inner.network.family) return false;
  for (let bit = 0; bit < outer.prefix; bit++) {
    const mask = 0x80 >> (bit & 7);
    if (((outer.network.bytes[bit >> 3] ?? 0) & mask) !== ((inner.network.bytes[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

function validateIpBlock(out: Problems, at: Path, { cidr, except = [] }: IPBlock, kept: readonly string[]): void {
  if (blank(cidr)) return out.required(at.child('cidr'));
  out.add(cidrErrors(at.child('cidr'), cidr, kept));
  const outer = parseCidr(cidr);
  if (outer === undefined) return;
  except.forEach((text, i) => {
    const path = at.child('except').index(i);
    out.add(cidrErrors(path, text, kept));
    const inner = parseCidr(text);
    if (inner === undefined) return;
    if (!contains(outer, inner) || outer.prefix >= inner.prefix) out.invalid(path, text, 'must be a strict subset of `cidr`');
  });
}
