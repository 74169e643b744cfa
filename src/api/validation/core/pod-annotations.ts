// Annotations of pods that mean something. Source: ValidatePodSpecificAnnotations and the checks that annotations
// and fields agree.
import type { AppArmorProfile, PodSpec, SeccompProfile, Toleration } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { entries, type Problems } from '../problems.ts';
import { parsedStructs, type Struct } from './annotation-json.ts';
import { validateDescending } from './paths.ts';
import { visitContainers } from './pod-containers.ts';
import { validateTolerations } from './scheduling.ts';

type Annotations = Readonly<Record<string, string>>;

export const MIRROR = 'kubernetes.io/config.mirror';
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
const TOLERATION: Struct<Toleration> = {
  type: 'core.Toleration',
  texts: { key: 'string', operator: 'core.TolerationOperator', value: 'string', effect: 'core.TaintEffect' },
};
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST = 'localhost/';

export function validatePodAnnotations(out: Problems, at: Path, annotations: Annotations | undefined, spec: PodSpec): void {
  if (annotations === undefined) return;
  const mirror = annotations[MIRROR];
  if (mirror !== undefined && (spec.nodeName ?? '') === '') {
    out.invalid(at.key(MIRROR), mirror, 'must set spec.nodeName if mirror pod annotation is set');
  }
  validateTolerationAnnotation(out, at, annotations[TOLERATIONS] ?? '');
  const cost = annotations[DELETION_COST];
  if (cost !== undefined && !isDeletionCost(cost)) out.invalid(at.key(DELETION_COST), cost, 'must be a 32bit integer');
  const ofPod = annotations[SECCOMP_POD];
  if (ofPod !== undefined) validateSeccompName(out, at.child(SECCOMP_POD), ofPod);
  for (const [key, profile] of entries(annotations)) {
    if (key.startsWith(SECCOMP_CONTAINER)) validateSeccompName(out, at.child(key), profile);
  }
  for (const [key, profile] of entries(annotations)) {
    if (key.startsWith(APP_ARMOR)) validateAppArmorAnnotation(out, at.key(key), { spec, container: key.slice(APP_ARMOR.length), profile });
  }
}

/** No sign before a positive number, no leading zero. Source: GetDeletionCostFromPodAnnotations. */
function isDeletionCost(text: string): boolean {
  return /^(?:0|[1-9][0-9]*|-[0-9]+)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;
}

function validateTolerationAnnotation(out: Problems, at: Path, text: string): void {
  const tolerations = parsedStructs(text, TOLERATION, (why) => out.invalid(at, TOLERATIONS, why));
  validateTolerations(out, at.child(TOLERATIONS), tolerations);
}

function validateSeccompName(out: Problems, at: Path, name: string): void {
  if (name === 'runtime/default' || name === 'docker/default' || name === 'unconfined') return;
  if (name.startsWith(LOCALHOST)) validateDescending(out, at, name.slice(LOCALHOST.length));
  else out.invalid(at, name, 'must be a valid seccomp profile');
}

function validateAppArmorAnnotation(
  out: Problems,
  at: Path,
  { spec, container, profile }: { readonly spec: PodSpec; readonly container: string; readonly profile: string },
): void {
  let found = false;
  visitContainers(spec, at, ({ name }) => {
    found ||= name === container;
  });
  if (!found) out.invalid(at, container, 'container not found');
  if (profile === '' || profile === 'runtime/default' || profile === 'unconfined' || profile.startsWith(LOCALHOST)) return;
  out.invalid(at, profile, `invalid AppArmor profile name: ${goQuote(profile)}`);
}

/** Source: ValidatePodSpecificAnnotationUpdates. */
export function validatePodAnnotationUpdate(out: Problems, at: Path, now: Annotations = {}, before: Annotations = {}): void {
  for (const [key, old] of entries(before)) {
    if (now[key] === old) continue;
    if (key.startsWith(APP_ARMOR)) out.forbidden(at.key(key), 'may not remove or update AppArmor annotations');
    if (key === MIRROR) out.forbidden(at.key(key), 'may not remove or update mirror pod annotation');
  }
  for (const key of Object.keys(now)) {
    if (Object.hasOwn(before, key)) continue;
    if (key.startsWith(APP_ARMOR)) out.forbidden(at.key(key), 'may not add AppArmor annotations');
    if (key === MIRROR) out.forbidden(at.key(key), 'may not add mirror pod annotation');
  }
}

interface Match {
  readonly kind: 'seccomp' | 'apparmor';
  readonly annotation: string | undefined;
  readonly profile: SeccompProfile | AppArmorProfile | undefined;
}

function validateMatch(out: Problems, at: Path, { kind, annotation, profile }: Match): void {
  if (annotation === undefined || profile === undefined) return;
  const differs = (): void => out.forbidden(at.child('type'), `${kind} type in annotation and field must match`);
  switch (profile.type) {
    case 'Unconfined':
      if (annotation !== 'unconfined') differs();
      break;
    case 'RuntimeDefault':
      if (annotation !== 'runtime/default' && !(kind === 'seccomp' && annotation === 'docker/default')) differs();
      break;
    case 'Localhost':
      if (!annotation.startsWith(LOCALHOST)) differs();
      else if (annotation.slice(LOCALHOST.length) !== profile.localhostProfile) {
        out.forbidden(at.child('localhostProfile'), `${kind} profile in annotation and field must match`);
      }
      break;
    default:
  }
}

/** Source: validateSeccompAnnotationsAndFields, validateAppArmorAnnotationsAndFieldsMatchOnCreate. */
export function validateProfileAnnotations(out: Problems, at: Path, annotations: Annotations = {}, spec: PodSpec): void {
  const ofPod = spec.securityContext?.seccompProfile;
  validateMatch(out, at.child('securityContext', 'seccompProfile'), {
    kind: 'seccomp',
    annotation: annotations[SECCOMP_POD],
    profile: ofPod,
  });
  visitContainers(spec, at, ({ name, securityContext }, path) => {
    const match = { kind: 'seccomp', annotation: annotations[SECCOMP_CONTAINER + name], profile: securityContext?.seccompProfile } as const;
    validateMatch(out, path.child('securityContext', 'seccompProfile'), match);
  });
  if (spec.os?.name === 'windows') return;
  visitContainers(spec, at, ({ name, securityContext }, path) => {
    const profile = securityContext?.appArmorProfile ?? spec.securityContext?.appArmorProfile;
    validateMatch(out, path.child('securityContext', 'appArmorProfile'), {
      kind: 'apparmor',
      annotation: annotations[APP_ARMOR + name],
      profile,
    });
  });
}
