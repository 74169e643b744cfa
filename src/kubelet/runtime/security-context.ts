// pure
// Security contexts of sandboxes and containers as CRI wants them.
import { join } from 'node:path';
import type { AppArmorProfile, Pod, SeccompProfile, SecurityContext } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import type {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  NamespaceOption,
  SecurityProfile,
  UserNamespace,
} from '#cri/gen/objects.ts';
import { containersOf, type AnyContainer } from '../pod/containers.ts';
import { podLabel } from '../pod/identity.ts';

/** Who an image runs as: a number, a name, or nothing said, which means root. */
export type ImageUser = { readonly uid: number } | { readonly username: string };

/** The container may not start; the message is upstream's. */
export class SecurityError extends Error {
  override readonly name = 'SecurityError';
}

/** Source: pkg/securitycontext defaultMaskedPaths, defaultReadonlyPaths. */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What holds for a container: its own context over the pod's. Source: DetermineEffectiveSecurityContext. */
function effectiveContext(container: AnyContainer, pod: Pod): SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } = pod.spec.securityContext ?? {};
  const base = { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile };
  const set = Object.fromEntries(Object.entries(base).filter(([, value]) => value !== undefined)) as SecurityContext;
  return { ...set, ...container.securityContext };
}

/** @throws SecurityError when the container would run as root and may not; Source: verifyRunAsNonRoot */
export function verifyRunAsNonRoot(container: AnyContainer, pod: Pod, user: ImageUser): void {
  const { runAsNonRoot, runAsUser } = effectiveContext(container, pod);
  if (runAsNonRoot !== true) return;
  const where = `(pod: "${podLabel(pod)}", container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new SecurityError(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  if ('username' in user) {
    throw new SecurityError(
      `container has runAsNonRoot and image has non-numeric user (${user.username}), cannot verify user is non-root ${where}`,
    );
  }
  if (user.uid === 0) throw new SecurityError(`container has runAsNonRoot and image will run as root ${where}`);
}

/** Source: runtimeutil.NamespacesForPod. */
export function namespaceOptions({ spec }: Pod, userNamespace: Input<UserNamespace>): Input<NamespaceOption> {
  return {
    network: spec.hostNetwork === true ? 'NODE' : 'POD',
    ipc: spec.hostIPC === true ? 'NODE' : 'POD',
    pid: spec.hostPID === true ? 'NODE' : spec.shareProcessNamespace === true ? 'POD' : 'CONTAINER',
    usernsOptions: userNamespace,
  };
}

function hasPrivilegedContainer({ spec }: Pod): boolean {
  for (const { container } of containersOf(spec)) if (container.securityContext?.privileged === true) return true;
  return false;
}

/** Source: generatePodSandboxLinuxConfig. */
export function sandboxSecurityContext(pod: Pod, userNamespace: Input<UserNamespace>): Input<LinuxSandboxSecurityContext> {
  const context = pod.spec.securityContext ?? {};
  return {
    privileged: hasPrivilegedContainer(pod),
    seccomp: { profileType: 'RuntimeDefault' },
    namespaceOptions: namespaceOptions(pod, userNamespace),
    supplementalGroups: groupsOf(pod),
    ...(context.runAsUser === undefined ? {} : { runAsUser: { value: Number(context.runAsUser) } }),
    ...(context.runAsGroup === undefined ? {} : { runAsGroup: { value: Number(context.runAsGroup) } }),
    ...(context.seLinuxOptions === undefined ? {} : { selinuxOptions: context.seLinuxOptions }),
    ...(context.supplementalGroupsPolicy === undefined ? {} : { supplementalGroupsPolicy: context.supplementalGroupsPolicy }),
  };
}

function groupsOf({ spec }: Pod): readonly number[] {
  const { fsGroup, supplementalGroups = [] } = spec.securityContext ?? {};
  return [...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups].map(Number);
}

export interface ContainerSecurityInput {
  readonly container: AnyContainer;
  readonly pod: Pod;
  readonly user: ImageUser;
  /** The same as the sandbox's. */
  readonly userNamespace: Input<UserNamespace>;
  /** Folder of localhost seccomp profiles. */
  readonly seccompRoot: string;
  /** Whether a container that names no profile gets the runtime's. Source: KubeletConfiguration.seccompDefault. */
  readonly seccompDefault: boolean;
  /** Container whose process namespace an ephemeral container joins. */
  readonly targetId: string | undefined;
}

/** Source: determineEffectiveSecurityContext. */
export function containerSecurityContext(input: ContainerSecurityInput): Input<LinuxContainerSecurityContext> {
  const { container, pod, user, targetId } = input;
  const context = effectiveContext(container, pod);
  const { capabilities, seLinuxOptions, runAsUser, runAsGroup } = context;
  const unmasked = context.procMount === 'Unmasked';
  const apparmor = apparmorOf(container, pod, context.appArmorProfile);
  return {
    privileged: context.privileged ?? false,
    readonlyRootfs: context.readOnlyRootFilesystem ?? false,
    noNewPrivs: context.allowPrivilegeEscalation === false,
    namespaceOptions: {
      ...namespaceOptions(pod, input.userNamespace),
      ...(targetId === undefined ? {} : { pid: 'TARGET' as const, targetId }),
    },
    supplementalGroups: groupsOf(pod),
    ...(pod.spec.securityContext?.supplementalGroupsPolicy === undefined
      ? {}
      : { supplementalGroupsPolicy: pod.spec.securityContext.supplementalGroupsPolicy }),
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READONLY_PATHS,
    ...(capabilities === undefined
      ? {}
      : { capabilities: { addCapabilities: capabilities.add ?? [], dropCapabilities: capabilities.drop ?? [] } }),
    ...(seLinuxOptions === undefined ? {} : { selinuxOptions: seLinuxOptions }),
    ...(runAsUser !== undefined
      ? { runAsUser: { value: Number(runAsUser) } }
      : 'uid' in user
        ? { runAsUser: { value: user.uid } }
        : { runAsUsername: user.username }),
    ...(runAsGroup === undefined ? {} : { runAsGroup: { value: Number(runAsGroup) } }),
    seccomp: seccompOf(context.seccompProfile, input),
    ...(apparmor === undefined ? {} : apparmor),
  };
}

/** Source: getSeccompProfile. */
function seccompOf(profile: SeccompProfile | undefined, { seccompRoot, seccompDefault }: ContainerSecurityInput): Input<SecurityProfile> {
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profileType: 'RuntimeDefault' };
    case 'Localhost':
      if (profile.localhostProfile === undefined || profile.localhostProfile === '')
        throw new SecurityError('localhostProfile must be set if seccompProfile type is Localhost.');
      return { profileType: 'Localhost', localhostRef: join(seccompRoot, profile.localhostProfile) };
    case 'Unconfined':
      return { profileType: 'Unconfined' };
    default:
      return { profileType: seccompDefault ? 'RuntimeDefault' : 'Unconfined' };
  }
}

/** Annotation of the time before the field existed. Source: DeprecatedAppArmorBetaContainerAnnotationKeyPrefix. */
const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

/** Both the new and the deprecated form, for runtimes of either age. Source: getAppArmorProfile. */
function apparmorOf(
  container: AnyContainer,
  pod: Pod,
  field: AppArmorProfile | undefined,
): Pick<Input<LinuxContainerSecurityContext>, 'apparmor' | 'apparmorProfile'> | undefined {
  const profile = appArmorProfile(container, pod, field);
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { apparmor: { profileType: 'RuntimeDefault' }, apparmorProfile: 'runtime/default' };
    case 'Unconfined':
      return { apparmor: { profileType: 'Unconfined' }, apparmorProfile: 'unconfined' };
    case 'Localhost': {
      const name = profile.localhostProfile ?? '';
      if (name === '') throw new SecurityError('missing localhost apparmor profile name');
      return { apparmor: { profileType: 'Localhost', localhostRef: name }, apparmorProfile: `localhost/${name}` };
    }
    default:
      return undefined;
  }
}

/** Source: apparmor.GetProfile. */
function appArmorProfile(container: AnyContainer, pod: Pod, field: AppArmorProfile | undefined): AppArmorProfile | undefined {
  return field ?? fromAnnotation(pod.metadata.annotations?.[`${APPARMOR_ANNOTATION}${container.name}`]);
}

/** Whether some container is to be confined by AppArmor. Source: apparmor isRequired. */
export function requiresAppArmor(pod: Pod): boolean {
  for (const { container } of containersOf(pod.spec)) {
    const { type = 'Unconfined' } = appArmorProfile(container, pod, effectiveContext(container, pod).appArmorProfile) ?? {};
    if (type !== 'Unconfined') return true;
  }
  return false;
}

function fromAnnotation(annotation: string | undefined): AppArmorProfile | undefined {
  if (annotation === undefined || annotation === '') return undefined;
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  return annotation.startsWith('localhost/') ? { type: 'Localhost', localhostProfile: annotation.slice('localhost/'.length) } : undefined;
}
