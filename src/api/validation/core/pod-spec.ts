// The spec of a pod, alone or in a template. Source: ValidatePodSpec, ValidatePodTemplateSpec.
import type { PodResourceClaim, PodSpec, PodTemplateSpec } from '../../gen/core-v1.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import { type Path } from '#apimachinery/field-path.ts';
import { dns1123Label, inclusiveRange, qualifiedName } from '#apimachinery/names.ts';
import { validateLabels } from '../label-selectors.ts';
import { subdomainName, validateAnnotations } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { validateAffinity } from './affinity.ts';
import { validateContainers, validateEphemeralContainers, validateInitContainers, type PodContext } from './containers.ts';
import { MIRROR, validatePodAnnotations, validateProfileAnnotations } from './pod-annotations.ts';
import { visitContainers } from './pod-containers.ts';
import { validatePodResources } from './pod-level-resources.ts';
import {
  validateDnsConfig,
  validateHostAliases,
  validateHostnameOverride,
  validateHostNetworkPorts,
  validateHostUsers,
} from './pod-network.ts';
import { validateHostProcess, validateOs } from './pod-os.ts';
import { TEMPLATE, type PodRules } from './pod-rules.ts';
import { validateRequirements } from './requirements.ts';
import { checkContainerResourceName } from './resource-names.ts';
import { validateSchedulingGates, validateSpread, validateTolerations } from './scheduling.ts';
import { validatePodSecurityContext } from './security-context.ts';
import { validateVolumes } from './volumes.ts';

const MAX_INT32 = 2 ** 31 - 1;
const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];

/** Source: validatePodResourceClaim. */
function validateClaims(out: Problems, at: Path, claims: readonly PodResourceClaim[], meta: ObjectMeta | undefined): void {
  const names = new Set<string>();
  claims.forEach((claim, i) => {
    const path = at.index(i);
    const { name, resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    if (meta?.annotations?.[MIRROR] !== undefined) return out.forbidden('', 'static pods do not support resource claims');
    if (blank(name)) out.required(path.child('name'));
    else if (names.has(name)) out.duplicate(path.child('name'), name);
    else {
      out.each(path.child('name'), name, dns1123Label(name));
      names.add(name);
    }
    const shown = { Name: name ?? '', ResourceClaimName: own ?? null, ResourceClaimTemplateName: template ?? null };
    if (own !== undefined && template !== undefined) {
      out.invalid(path, shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    }
    if (own === undefined && template === undefined)
      out.invalid(path, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    if (own !== undefined) out.each(path.child('resourceClaimName'), own, subdomainName(own, false));
    if (template !== undefined) out.each(path.child('resourceClaimTemplateName'), template, subdomainName(template, false));
  });
}

/** Files that environment variables are read from lie in emptyDirs. Source: validateFileKeyRefVolumes. */
function validateEnvFiles(out: Problems, at: Path, spec: PodSpec): void {
  const volumes = new Map(spec.volumes?.map((v) => [v.name, v]));
  visitContainers(spec, at, (container, path) =>
    container.env?.forEach((variable, i) => {
      const name = variable.valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) return;
      const nameAt = path.child('env').index(i).child('valueFrom', 'fileKeyRef', 'volumeName');
      const volume = volumes.get(name);
      if (volume === undefined) out.notFound(nameAt, name);
      else if (volume.emptyDir === undefined) out.invalid(nameAt, name, 'referenced volume must be of type emptyDir');
    }),
  );
}

function validateName(out: Problems, at: Path, name: string | undefined): void {
  if (!blank(name)) out.each(at, name, subdomainName(name, false));
}

/** `meta`: of the pod; absent for a template. */
export function validatePodSpec(out: Problems, at: Path, spec: PodSpec, meta: ObjectMeta | undefined, rules: PodRules): void {
  if (spec.terminationGracePeriodSeconds === undefined) out.required(at.child('terminationGracePeriodSeconds'));
  const claims = spec.resourceClaims ?? [];
  const context: PodContext = {
    spec,
    volumes: validateVolumes(out, at.child('volumes'), spec.volumes ?? [], meta, rules),
    claimNames: new Set(claims.map((claim) => claim.name).filter((name) => !blank(name))),
    hostUsers: spec.hostUsers !== false,
  };
  validateClaims(out, at.child('resourceClaims'), claims, meta);
  validateContainers(out, at.child('containers'), context);
  validateInitContainers(out, at.child('initContainers'), context);
  validateEphemeralContainers(out, at.child('ephemeralContainers'), context);
  validatePodResources(out, at, spec, context.claimNames);
  validateHostNetworkPorts(out, at, spec, rules);
  out.requiredOneOf(at.child('restartPolicy'), spec.restartPolicy, RESTART_POLICIES);
  out.requiredOneOf(at.child('dnsPolicy'), spec.dnsPolicy, DNS_POLICIES);
  validateLabels(out, at.child('nodeSelector'), spec.nodeSelector);
  validatePodSecurityContext(out, at.child('securityContext'), spec);
  validateAffinity(out, at.child('affinity'), spec.affinity);
  validateDnsConfig(out, at.child('dnsConfig'), spec.dnsConfig, spec.dnsPolicy);
  spec.readinessGates?.forEach(({ conditionType }, i) =>
    out.each(at.child('readinessGates').index(i).child('conditionType'), conditionType ?? '', qualifiedName(conditionType ?? '')),
  );
  validateSchedulingGates(out, at.child('schedulingGates'), spec.schedulingGates ?? []);
  validateSpread(out, at.child('topologySpreadConstraints'), spec.topologySpreadConstraints ?? []);
  validateHostProcess(out, at, spec);
  validateHostUsers(out, at, spec);
  validateHostnameOverride(out, at, spec);
  validateReferences(out, at, spec);
  if (spec.overhead !== undefined) {
    validateRequirements(
      out,
      at.child('overhead'),
      { limits: spec.overhead },
      { checkName: checkContainerResourceName, claimNames: new Set() },
    );
  }
  validateOs(out, at, spec);
  validateSchedulingGroup(out, at.child('schedulingGroup', 'podGroupName'), spec);
  validateEnvFiles(out, at, spec);
}

/** `at`: of the group's name, without which a group is none. */
function validateSchedulingGroup(out: Problems, at: Path, { schedulingGroup: group }: PodSpec): void {
  if (group === undefined) return;
  const { podGroupName: name } = group;
  if (name === undefined) out.invalid(at, null, 'must specify one of: `podGroupName`');
  else out.each(at, name, subdomainName(name, false));
}

function validateReferences(out: Problems, at: Path, spec: PodSpec): void {
  validateName(out, at.child('serviceAccountName'), spec.serviceAccountName);
  validateName(out, at.child('nodeName'), spec.nodeName);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    out.invalid(at.child('activeDeadlineSeconds'), deadline, inclusiveRange(1, MAX_INT32));
  }
  for (const member of ['hostname', 'subdomain'] as const) {
    const name = spec[member];
    if (!blank(name)) out.each(at.child(member), name, dns1123Label(name));
  }
  validateTolerations(out, at.child('tolerations'), spec.tolerations ?? []);
  validateHostAliases(out, at.child('hostAliases'), spec.hostAliases ?? []);
  validateName(out, at.child('priorityClassName'), spec.priorityClassName);
  if (spec.runtimeClassName !== undefined)
    out.each(at.child('runtimeClassName'), spec.runtimeClassName, subdomainName(spec.runtimeClassName, false));
  if (spec.preemptionPolicy !== undefined) out.requiredOneOf(at.child('preemptionPolicy'), spec.preemptionPolicy, PREEMPTION_POLICIES);
}

/** The template of a workload. */
export function validatePodTemplate(out: Problems, at: Path, template: PodTemplateSpec): void {
  const { metadata, spec } = template;
  validateLabels(out, at.child('labels'), metadata?.labels);
  validateAnnotations(out, at.child('annotations'), metadata?.annotations);
  validatePodAnnotations(out, at.child('annotations'), metadata?.annotations, spec);
  validatePodSpec(out, at.child('spec'), spec, undefined, TEMPLATE);
  validateProfileAnnotations(out, at.child('spec'), metadata?.annotations, spec);
  if ((spec.ephemeralContainers ?? []).length > 0) {
    out.forbidden(at.child('spec', 'ephemeralContainers'), 'ephemeral containers not allowed in pod template');
  }
}
