// pure
// AppArmor profiles that old clients state in annotations become fields. Source: applyAppArmorVersionSkew.
import type { AppArmorProfile, Container, EphemeralContainer, Pod } from '#api/types.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';

const PREFIX = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST = 'localhost/';
const MAX_LOCALHOST_PROFILE = 4_095;

/** Undefined for a text that is no profile. Source: ApparmorFieldForAnnotation, ValidateAppArmorProfileField. */
function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (!annotation.startsWith(LOCALHOST)) return undefined;
  const localhostProfile = annotation.slice(LOCALHOST.length);
  const valid = localhostProfile.trim() === localhostProfile && localhostProfile !== '' && localhostProfile.length <= MAX_LOCALHOST_PROFILE;
  return valid ? { type: 'Localhost', localhostProfile } : undefined;
}

/** `warn` gets a text for each annotation that a field should have said. */
export function withAppArmorFields(pod: Pod, warn: (text: string) => void): Pod {
  const annotations = pod.metadata.annotations ?? {};
  if (pod.spec.os?.name === 'windows' || !Object.keys(annotations).some((key) => key.startsWith(PREFIX))) return pod;
  const ofPod = pod.spec.securityContext?.appArmorProfile;
  const withField = <C extends Container | EphemeralContainer>(container: C): C => {
    const key = `${PREFIX}${container.name}`;
    const annotation = annotations[key];
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) return container;
    const profile = profileOf(annotation);
    if (profile !== undefined && deepEqual(profile, ofPod)) return container;
    warn(`${Path.of('metadata').child('annotations').key(key)}: deprecated since v1.30; use the "appArmorProfile" field instead`);
    return profile === undefined
      ? container
      : { ...container, securityContext: { ...container.securityContext, appArmorProfile: profile } };
  };
  const { containers, initContainers, ephemeralContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(withField),
      ...(initContainers === undefined ? {} : { initContainers: initContainers.map(withField) }),
      ...(ephemeralContainers === undefined ? {} : { ephemeralContainers: ephemeralContainers.map(withField) }),
    },
  };
}
