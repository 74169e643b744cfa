// Nodes. Source: ValidateNode, ValidateNodeUpdate.
import type { ConfigMapNodeConfigSource, Node, NodeConfigSource, Taint } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { cidrErrors, isDualStack, parseCidr } from '#apimachinery/ip.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { configMapKey, SUBDOMAIN_MAX_LENGTH } from '#apimachinery/names.ts';
import { labelName, subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, entries, quantity, type Problems } from '../problems.ts';
import { parsed, parsedStructs, type Struct } from './annotation-json.ts';
import { validateAmount } from './resource-names.ts';
import { validateTaints } from './scheduling.ts';

const META = Path.of('metadata');
const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const TAINTS_ANNOTATION = 'scheduler.alpha.kubernetes.io/taints';
const TAINT: Struct<Taint> = { type: 'core.Taint', texts: { key: 'string', value: 'string', effect: 'core.TaintEffect' } };
const AVOID_PODS = 'scheduler.alpha.kubernetes.io/preferAvoidPods';

function validateAnnotations(out: Problems, annotations: Readonly<Record<string, string>> | undefined): void {
  const at = META.child('annotations');
  const refuse = (path: Path, key: string, why: string): void => out.invalid(path, key, why);
  const taints = parsedStructs(annotations?.[TAINTS_ANNOTATION], TAINT, (why) => refuse(at, TAINTS_ANNOTATION, why));
  validateTaints(out, at.child(TAINTS_ANNOTATION), taints as readonly Taint[]);
  const avoid = parsed(annotations?.[AVOID_PODS], 'v1.AvoidPods', (why) => refuse(at.child('AvoidPods'), AVOID_PODS, why));
  if (isObject(avoid) && Array.isArray(avoid['preferAvoidPods']))
    avoid['preferAvoidPods'].forEach((entry, i) => validateAvoided(out, at.child(AVOID_PODS).index(i).child('PodSignature'), entry));
}

/** Pods of whom a node would rather not have more. Source: validatePreferAvoidPodsEntry. */
function validateAvoided(out: Problems, at: Path, entry: unknown): void {
  const owner = member(member(entry, 'podSignature'), 'podController');
  if (owner === undefined || owner === null) out.required(at);
  else if (member(owner, 'controller') !== true) out.invalid(at.child('PodController', 'Controller'), false, 'must point to a controller');
}

const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

function validateResources(out: Problems, { status }: Node): void {
  for (const member of ['capacity', 'allocatable'] as const) {
    for (const [name, amount] of entries(status?.[member])) validateAmount(out, STATUS.child(member, name), name, quantity(amount));
  }
}

const FEATURE = /^[A-Z][a-zA-Z0-9]*(?:\/[a-zA-Z][a-zA-Z0-9]*)*$/;

function validateFeatures(out: Problems, features: readonly string[]): void {
  const at = STATUS.child('declaredFeatures');
  features.forEach((feature, i) => {
    if (feature.length > SUBDOMAIN_MAX_LENGTH) {
      out.invalid(
        at.index(i),
        feature,
        `invalid feature name ${goQuote(feature)}: must be no more than ${SUBDOMAIN_MAX_LENGTH} characters`,
      );
    } else if (!FEATURE.test(feature)) {
      const detail = `invalid feature name ${goQuote(feature)}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`;
      out.invalid(at.index(i), feature, detail);
    }
    const next = features[i + 1];
    if (next === undefined) return;
    if (feature === next) out.duplicate(at.index(i + 1), next);
    else if (feature > next) out.invalid(at.index(i + 1), next, 'list must be sorted alphabetically');
  });
}

export function validateNode(out: Problems, node: Node): void {
  validateObjectMeta(out, node.metadata, 'cluster', subdomainName);
  validateAnnotations(out, node.metadata.annotations);
  validateTaints(out, META.child('taints'), node.spec?.taints ?? []);
  validateResources(out, node);
  const swap = node.status?.nodeInfo?.swap?.capacity;
  if (swap !== undefined) out.positive(META.child('nodeSwapStatus', 'capacity'), swap);
  validateFeatures(out, node.status?.declaredFeatures ?? []);
  const cidrs = node.spec?.podCIDRs ?? [];
  const at = SPEC.child('podCIDRs');
  cidrs.forEach((cidr, i) => out.add(cidrErrors(at.index(i), cidr)));
  if (cidrs.length < 2) return;
  const dual = isDualStack(cidrs);
  if (dual === undefined) {
    const bad = cidrs.findIndex((cidr) => parseCidr(cidr) === undefined);
    const detail = `invalid CIDR[${bad}]: <nil> (invalid CIDR address: ${cidrs[bad]})`;
    out.internal(at, `invalid PodCIDRs. failed to check with dual stack with error:${detail}`);
  }
  if (dual !== true || cidrs.length > 2) out.invalid(at, cidrs, 'may specify no more than one CIDR for each IP family');
}

export function validateNodeUpdate(out: Problems, node: Node, old: Node): void {
  validateObjectMetaUpdate(out, node.metadata, old.metadata);
  validateAnnotations(out, node.metadata.annotations);
  validateResources(out, node);
  validateFeatures(out, node.status?.declaredFeatures ?? []);
  const addresses = new Set<string>();
  node.status?.addresses?.forEach(({ type, address }, i) => {
    const key = `${type}\n${address}`;
    if (addresses.has(key)) out.duplicate(STATUS.child('addresses').index(i), { Type: type, Address: address });
    addresses.add(key);
  });
  const before = old.spec?.podCIDRs ?? [];
  const now = node.spec?.podCIDRs ?? [];
  const changed = (): void => out.forbidden(SPEC.child('podCIDRs'), 'node updates may not change podCIDR except from "" to valid');
  if (before.length > 0 && before.length !== now.length) changed();
  else before.forEach((cidr, i) => (cidr === now[i] ? undefined : changed()));
  const provider = old.spec?.providerID;
  if (!blank(provider) && provider !== node.spec?.providerID) {
    out.forbidden(SPEC.child('providerID'), 'node updates may not change providerID except from "" to valid');
  }
  if (node.spec?.configSource !== undefined) validateConfigSource(out, SPEC.child('configSource'), node.spec.configSource, 'spec');
  for (const member of ['assigned', 'active', 'lastKnownGood'] as const) {
    const source = node.status?.config?.[member];
    if (source !== undefined) validateConfigSource(out, STATUS.child('config', member), source, 'status');
  }
  validateTaints(out, META.child('taints'), node.spec?.taints ?? []);
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) out.forbidden(SPEC.child('externalID'), 'may not be updated');
}

function validateConfigSource(out: Problems, at: Path, source: NodeConfigSource, where: 'spec' | 'status'): void {
  if (source.configMap === undefined) return out.invalid(at, source, 'exactly one reference subfield must be non-nil');
  validateConfigMapSource(out, at.child('configMap'), source.configMap, where);
}

function validateConfigMapSource(out: Problems, at: Path, source: ConfigMapNodeConfigSource, where: 'spec' | 'status'): void {
  for (const member of ['uid', 'resourceVersion'] as const) {
    if (where === 'spec' && !blank(source[member])) out.forbidden(at.child(member), `${member} must not be set in spec`);
    if (where === 'status' && blank(source[member])) out.required(at.child(member));
  }
  const checks = [
    ['namespace', (name: string) => labelName(name, false)],
    ['name', (name: string) => subdomainName(name, false)],
    ['kubeletConfigKey', configMapKey],
  ] as const;
  for (const [member, check] of checks) {
    const value = source[member];
    if (blank(value)) out.required(at.child(member));
    else out.each(at.child(member), value, check(value));
  }
}
