// Pods and pod templates. Source: pkg/api/pod warnings.go.
import type {
  Affinity,
  Container,
  EphemeralContainer,
  PersistentVolumeClaimSpec,
  PodAffinityTerm,
  PodSpec,
  Volume,
} from '../../gen/core-v1.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { visitContainers } from '../core/pod-containers.ts';
import { blank } from '../problems.ts';
import type { Warnings } from './collector.ts';
import { warnOfPorts } from './container-ports.ts';
import { deprecatedLabel, warnOfTerm } from './node-labels.ts';
import { warnOfVolumePaths } from './volume-paths.ts';

/** What has a pod's specification: a pod itself, or a template at a path. */
export interface PodLike {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: PodSpec;
}

const ANNOTATIONS: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};
const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_OF_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR_OF_CONTAINER = 'container.apparmor.security.beta.kubernetes.io/';
const USE_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead';

/** Volume kinds that no longer work, with the member as upstream prints it. */
const OLD_VOLUMES: readonly (readonly [member: keyof Volume, shown: string, why: string])[] = [
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

/** Source: GetWarningsForPersistentVolumeClaimSpec. */
export function warnOfClaimSpec(out: Warnings, at: Path, spec: PersistentVolumeClaimSpec | undefined): void {
  out.wholeBytes(at.child('resources', 'requests').key('storage'), spec?.resources?.requests?.['storage']);
  out.wholeBytes(at.child('resources', 'limits').key('storage'), spec?.resources?.limits?.['storage']);
}

/** `at`: of the template; undefined for a pod itself. */
export function warnOfPod(out: Warnings, { metadata, spec }: PodLike, at?: Path): void {
  if (spec === undefined) return;
  const specAt = at === undefined ? Path.of('spec') : at.child('spec');
  const annotations = metadata?.annotations ?? {};
  const annotation = (key: string): Path => (at === undefined ? Path.of('metadata') : at.child('metadata')).child('annotations').key(key);
  warnOfPlacement(out, specAt, spec);
  for (const [key, message] of Object.entries(ANNOTATIONS)) if (key in annotations) out.at(annotation(key), message);
  warnOfVolumes(out, specAt.child('volumes'), spec.volumes ?? []);
  warnOfVolumePaths(out, spec.volumes ?? []);
  warnOfNames(out, specAt, spec);
  out.wholeBytes(specAt.child('overhead').key('memory'), spec.overhead?.['memory']);
  out.wholeBytes(specAt.child('overhead').key('ephemeral-storage'), spec.overhead?.['ephemeral-storage']);
  if (spec.securityContext?.seccompProfile === undefined && SECCOMP in annotations) out.at(annotation(SECCOMP), USE_SECCOMP);
  visitContainers(spec, specAt, (container, path) => {
    warnOfProfiles(out, container, {
      annotations,
      annotation,
      ofTemplate: at !== undefined,
      profile: spec.securityContext?.appArmorProfile,
    });
    warnOfContainer(out, path, container);
  });
  warnOfPorts(out, spec, specAt);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.at(specAt.child('terminationGracePeriodSeconds'), 'must be >= 0; negative values are invalid and will be treated as 1');
  warnOfPodAffinity(out, specAt.child('affinity'), spec.affinity);
  spec.dnsConfig?.nameservers?.forEach((server, i) => out.ip(specAt.child('dnsConfig', 'nameservers').index(i), server));
  spec.hostAliases?.forEach(({ ip }, i) => out.ip(specAt.child('hostAliases').index(i).child('ip'), ip));
}

const NO_SELECTOR = 'a null labelSelector results in matching no pod';

function warnOfPlacement(out: Warnings, at: Path, spec: PodSpec): void {
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const message = deprecatedLabel(key);
    if (message !== undefined) out.at(at.child('nodeSelector').key(key), message);
  }
  const node = spec.affinity?.nodeAffinity;
  const nodeAt = at.child('affinity', 'nodeAffinity');
  node?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach((term, i) => {
    warnOfTerm(out, nodeAt.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms').index(i), term, 'keys only');
  });
  node?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ preference }, i) => {
    warnOfTerm(out, nodeAt.child('preferredDuringSchedulingIgnoredDuringExecution').index(i).child('preference'), preference, 'values');
  });
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const path = at.child('topologySpreadConstraints').index(i);
    const message = deprecatedLabel(topologyKey);
    if (message !== undefined) out.at(path.child('topologyKey'), `${topologyKey} is ${message}`);
    if (labelSelector === undefined) out.at(path.child('labelSelector'), NO_SELECTOR);
  });
}

function warnOfVolumes(out: Warnings, at: Path, volumes: readonly Volume[]): void {
  volumes.forEach((volume, i) => {
    for (const [member, shown, why] of OLD_VOLUMES) if (volume[member] !== undefined) out.at(at.index(i).child(shown), why);
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template !== undefined) warnOfClaimSpec(out, at.index(i).child('ephemeral', 'volumeClaimTemplate', 'spec'), template.spec);
  });
}

function warnOfNames(out: Warnings, at: Path, { hostAliases = [], imagePullSecrets = [] }: PodSpec): void {
  const ips = new Set<string>();
  hostAliases.forEach(({ ip }, i) => {
    if (ips.has(ip)) out.at(at.child('hostAliases').index(i).child('ip'), `duplicate ip ${goQuote(ip)}`);
    ips.add(ip);
  });
  const names = new Set<string>();
  imagePullSecrets.forEach(({ name = '' }: { readonly name?: string }, i) => {
    if (names.has(name)) out.at(at.child('imagePullSecrets').index(i).child('name'), `duplicate name ${goQuote(name)}`);
    names.add(name);
  });
  imagePullSecrets.forEach(({ name }, i) => {
    if (blank(name)) out.at(at.child('imagePullSecrets').index(i).child('name'), 'invalid empty name ""');
  });
}

interface Profiles {
  readonly annotations: Readonly<Record<string, string>>;
  readonly annotation: (key: string) => Path;
  readonly ofTemplate: boolean;
  /** AppArmor's, of the whole pod. */
  readonly profile: { readonly type: string; readonly localhostProfile?: string } | undefined;
}

/** What an AppArmor annotation means as a field. Source: ApparmorFieldForAnnotation. */
function sameProfile(annotation: string, profile: Profiles['profile']): boolean {
  if (profile === undefined) return false;
  if (annotation === 'unconfined') return profile.type === 'Unconfined';
  if (annotation === 'runtime/default') return profile.type === 'RuntimeDefault';
  return profile.type === 'Localhost' && annotation === `localhost/${profile.localhostProfile ?? ''}`;
}

type AnyContainer = Container | EphemeralContainer;

function warnOfProfiles(
  out: Warnings,
  { name, securityContext }: AnyContainer,
  { annotations, annotation, ofTemplate, profile }: Profiles,
): void {
  const seccomp = `${SECCOMP_OF_CONTAINER}${name}`;
  if (securityContext?.seccompProfile === undefined && seccomp in annotations) out.at(annotation(seccomp), USE_SECCOMP);
  const key = `${APPARMOR_OF_CONTAINER}${name}`;
  const given = annotations[key];
  if (ofTemplate && securityContext?.appArmorProfile === undefined && given !== undefined && !sameProfile(given, profile))
    out.at(annotation(key), 'deprecated since v1.30; use the "appArmorProfile" field instead');
}

function warnOfContainer(out: Warnings, at: Path, { resources, env = [] }: AnyContainer): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const member of ['limits', 'requests'] as const)
      out.wholeBytes(at.child('resources', member).key(name), resources?.[member]?.[name]);
  }
  const seen = new Set<string>();
  env.forEach(({ name, value = '', valueFrom }, i) => {
    const reference = `$(${name})`;
    const extends_ = valueFrom === undefined && value !== reference && value.includes(reference);
    if (seen.has(name) && !extends_)
      out.at(at.child('env').index(i), `hides previous definition of ${goQuote(name)}, which may be dropped when using apply`);
    seen.add(name);
  });
}

function warnOfPodAffinity(out: Warnings, at: Path, affinity: Affinity | undefined): void {
  for (const member of ['podAffinity', 'podAntiAffinity'] as const) {
    const path = at.child(member);
    const {
      requiredDuringSchedulingIgnoredDuringExecution: required = [],
      preferredDuringSchedulingIgnoredDuringExecution: preferred = [],
    } = affinity?.[member] ?? {};
    required.forEach(({ labelSelector }: PodAffinityTerm, i) => {
      if (labelSelector === undefined)
        out.at(path.child('requiredDuringSchedulingIgnoredDuringExecution').index(i).child('labelSelector'), NO_SELECTOR);
    });
    preferred.forEach(({ podAffinityTerm: term }, i) => {
      if (term?.labelSelector === undefined)
        out.at(
          path.child('preferredDuringSchedulingIgnoredDuringExecution').index(i).child('podAffinityTerm', 'labelSelector'),
          NO_SELECTOR,
        );
    });
  }
}
