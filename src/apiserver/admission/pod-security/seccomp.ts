// Seccomp profiles: not unconfined (baseline), and one must be set (restricted). Pure.
// Source: pod-security-admission policy check_seccompProfile_baseline.go, check_seccompProfile_restricted.go.
import { goQuote } from '#apimachinery/go-format.ts';
import type { PodSpec } from '#api/types.ts';
import { containerList, containersOf, namesWhere, plural, quoted, setters, sorted, type AnyContainer, type CheckPod } from './check.ts';

const POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
const CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/';

/** Policy versions from before the field. */
export const seccompAnnotations: CheckPod = (spec, { annotations = {} }) => {
  const keys = [POD_ANNOTATION, ...containersOf(spec).map(({ name }) => `${CONTAINER_ANNOTATION}${name}`)];
  const bad = keys.filter((key) => {
    const value = annotations[key];
    return value !== undefined && value !== 'runtime/default' && value !== 'docker/default' && !value.startsWith('localhost/');
  });
  const shown = sorted(bad.map((key) => `${key}=${goQuote(annotations[key] ?? '')}`));
  if (shown.length === 0) return undefined;
  return { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', 'annotations', shown.length)} ${shown.join(', ')}` };
};

const isValid = (type: string): boolean => type === 'Localhost' || type === 'RuntimeDefault';
const profileOf = ({ securityContext }: AnyContainer | PodSpec): string | undefined => securityContext?.seccompProfile?.type;

export const seccompBaseline: CheckPod = (spec) => {
  const isBad = (type: string | undefined): type is string => type !== undefined && !isValid(type);
  const pod = profileOf(spec);
  const containers = namesWhere(spec, (container) => isBad(profileOf(container)));
  const values = sorted([pod, ...containersOf(spec).map(profileOf)].filter(isBad));
  if (values.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `${setters(isBad(pod), containers)} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  };
};

export const seccompRestricted: CheckPod = (spec, metadata) => {
  const bad = seccompBaseline(spec, metadata);
  if (bad !== undefined) return bad;
  const unset = profileOf(spec) === undefined ? namesWhere(spec, (container) => profileOf(container) === undefined) : [];
  if (unset.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containerList(unset)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};
