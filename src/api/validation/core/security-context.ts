// Security contexts of pods and containers. Source: ValidateSecurityContext, validatePodSpecSecurityContext.
import type { Int64 } from '../../gen/scalars.ts';
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext, WindowsSecurityContextOptions } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Subdomain, userOrGroupId } from '#apimachinery/names.ts';
import { blank, type Problems } from '../problems.ts';
import { validateDescending } from './paths.ts';

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const MAX_PROFILE_BYTES = 4095;

function validateSeccomp(out: Problems, at: Path, profile: SeccompProfile | undefined): void {
  if (profile === undefined) return;
  const { type, localhostProfile } = profile;
  if (blank(type)) out.required(at.child('type'), 'type is required when seccompProfile is set');
  else out.oneOf(at.child('type'), type, PROFILE_TYPES);
  const path = at.child('localhostProfile');
  if (type === 'Localhost') {
    if (localhostProfile === undefined) out.required(path, 'must be set when seccomp type is Localhost');
    else validateDescending(out, path, localhostProfile);
  } else if (localhostProfile !== undefined) {
    out.invalid(path, profileForm(profile), 'can only be set when seccomp type is Localhost');
  }
}

function validateAppArmor(out: Problems, at: Path, profile: AppArmorProfile | undefined): void {
  if (profile === undefined) return;
  const { type, localhostProfile } = profile;
  const path = at.child('localhostProfile');
  if (blank(type)) out.required(at.child('type'), 'type is required when appArmorProfile is set');
  else if (type === 'Localhost') {
    if (localhostProfile === undefined || localhostProfile === '') out.required(path, 'must be set when AppArmor type is Localhost');
    else if (localhostProfile.trim() !== localhostProfile) out.invalid(path, localhostProfile, 'must not be padded with whitespace');
    if (byteLength(localhostProfile ?? '') > MAX_PROFILE_BYTES) out.tooLong(path, MAX_PROFILE_BYTES);
  } else if (PROFILE_TYPES.includes(type)) {
    if (localhostProfile !== undefined) out.invalid(path, localhostProfile, 'can only be set when AppArmor type is Localhost');
  } else out.notSupported(at.child('type'), type, PROFILE_TYPES);
}

const MAX_GMSA_KIB = 64;
const MAX_DOMAIN = 256;
const MAX_USER = 104;
const NETBIOS_NAME = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DNS_NAME = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);

function validateWindows(out: Problems, at: Path, options: WindowsSecurityContextOptions | undefined): void {
  if (options === undefined) return;
  const { gmsaCredentialSpecName: specName, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  if (specName !== undefined) out.each(at.child('gmsaCredentialSpecName'), specName, dns1123Subdomain(specName));
  if (spec === '') out.invalid(at.child('gmsaCredentialSpec'), spec, 'gmsaCredentialSpec cannot be an empty string');
  else if (spec !== undefined && byteLength(spec) > MAX_GMSA_KIB * 1024) {
    out.invalid(at.child('gmsaCredentialSpec'), spec, `gmsaCredentialSpec size must be under ${MAX_GMSA_KIB} KiB`);
  }
  if (user !== undefined) out.each(at.child('runAsUserName'), user, windowsUserName(user));
}

function windowsUserName(name: string): readonly string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (/[\x00-\x1f\x7f]/.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1) as string;
  const domain = parts.length === 2 ? (parts[0] as string) : undefined;
  const reasons: string[] = [];
  if (domain !== undefined) {
    if (byteLength(domain) >= MAX_DOMAIN) reasons.push(`runAsUserName's Domain length must be under ${MAX_DOMAIN} characters`);
    if (!NETBIOS_NAME.test(domain) && !DNS_NAME.test(domain))
      reasons.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === '') reasons.push("runAsUserName's User cannot be empty");
  else if (byteLength(user) > MAX_USER) reasons.push(`runAsUserName's User length must not be longer than ${MAX_USER} characters`);
  if (/^[. ]+$/.test(user)) reasons.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) reasons.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  return reasons;
}

const validateId = (out: Problems, at: Path, id: Int64 | undefined): void => {
  if (id !== undefined) out.each(at, id, userOrGroupId(id));
};

const PROC_MOUNTS = ['Default', 'Unmasked'];

/** `hostUsers`: the pod runs in the host's user namespace. */
export function validateSecurityContext(out: Problems, at: Path, context: SecurityContext | undefined, hostUsers: boolean): void {
  if (context === undefined) return;
  if (context.privileged === true && !out.capabilities.privileged) out.forbidden(at.child('privileged'), 'disallowed by cluster policy');
  validateId(out, at.child('runAsUser'), context.runAsUser);
  validateId(out, at.child('runAsGroup'), context.runAsGroup);
  const { procMount } = context;
  if (procMount !== undefined) {
    out.oneOf(at.child('procMount'), procMount, PROC_MOUNTS);
    if (hostUsers && procMount === 'Unmasked') out.invalid(at.child('procMount'), procMount, '`hostUsers` must be false to use `Unmasked`');
  }
  validateSeccomp(out, at.child('seccompProfile'), context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true)
      out.invalid(at, internalForm(context), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    for (const capability of context.capabilities?.add ?? []) {
      if (capability !== 'CAP_SYS_ADMIN') continue;
      out.invalid(at, internalForm(context), 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
    }
  }
  validateWindows(out, at.child('windowsOptions'), context.windowsOptions);
  validateAppArmor(out, at.child('appArmorProfile'), context.appArmorProfile);
}

const profileForm = (profile: SeccompProfile | AppArmorProfile | undefined): unknown =>
  profile === undefined ? null : { Type: profile.type, LocalhostProfile: profile.localhostProfile ?? null };

/** The internal type, in its order: what upstream prints of a whole context. */
function internalForm(context: SecurityContext): unknown {
  const { capabilities, seLinuxOptions: se, windowsOptions: windows } = context;
  return {
    Capabilities: capabilities === undefined ? null : { Add: capabilities.add ?? null, Drop: capabilities.drop ?? null },
    Privileged: context.privileged ?? null,
    SELinuxOptions: se === undefined ? null : { User: se.user ?? '', Role: se.role ?? '', Type: se.type ?? '', Level: se.level ?? '' },
    WindowsOptions:
      windows === undefined
        ? null
        : {
            GMSACredentialSpecName: windows.gmsaCredentialSpecName ?? null,
            GMSACredentialSpec: windows.gmsaCredentialSpec ?? null,
            RunAsUserName: windows.runAsUserName ?? null,
            HostProcess: windows.hostProcess ?? null,
          },
    RunAsUser: context.runAsUser ?? null,
    RunAsGroup: context.runAsGroup ?? null,
    RunAsNonRoot: context.runAsNonRoot ?? null,
    ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
    AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
    ProcMount: context.procMount ?? null,
    SeccompProfile: profileForm(context.seccompProfile),
    AppArmorProfile: profileForm(context.appArmorProfile),
  };
}

const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTL_PATTERN = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`;
const SYSCTL = new RegExp(SYSCTL_PATTERN);
const MAX_SYSCTL = 253;
/** Source: component-helpers sysctl namespaceOf. */
const IPC_SYSCTL = /^(?:kernel[./](?:sem$|shm|msg)|fs[./]mqueue[./])/;
const NET_SYSCTL = /^net[./]/;

function validateSysctls(out: Problems, at: Path, spec: PodSpec): void {
  const names = new Set<string>();
  spec.securityContext.sysctls?.forEach(({ name }, i) => {
    const path = at.index(i).child('name');
    if (blank(name)) out.required(path);
    else if (name.length > MAX_SYSCTL || !SYSCTL.test(name)) {
      out.invalid(path, name, `must have at most ${MAX_SYSCTL} characters and match regex ${SYSCTL_PATTERN}`);
    } else if (names.has(name)) out.duplicate(path, name);
    if (spec.hostNetwork === true && NET_SYSCTL.test(name)) out.invalid(path, name, "may not be specified when 'hostNetwork' is true");
    else if (spec.hostIPC === true && IPC_SYSCTL.test(name)) out.invalid(path, name, "may not be specified when 'hostIPC' is true");
    names.add(name);
  });
}

export function validatePodSecurityContext(out: Problems, at: Path, spec: PodSpec): void {
  const context = spec.securityContext;
  if (context === undefined) return;
  validateId(out, at.child('fsGroup'), context.fsGroup);
  validateId(out, at.child('runAsUser'), context.runAsUser);
  validateId(out, at.child('runAsGroup'), context.runAsGroup);
  context.supplementalGroups?.forEach((group, i) => validateId(out, at.child('supplementalGroups').index(i), group));
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    out.invalid(at.child('shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  }
  validateSysctls(out, at.child('sysctls'), spec);
  if (context.fsGroupChangePolicy !== undefined)
    out.oneOf(at.child('fsGroupChangePolicy'), context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  validateSeccomp(out, at.child('seccompProfile'), context.seccompProfile);
  validateWindows(out, at.child('windowsOptions'), context.windowsOptions);
  validateAppArmor(out, at.child('appArmorProfile'), context.appArmorProfile);
  if (context.supplementalGroupsPolicy !== undefined)
    out.oneOf(at.child('supplementalGroupsPolicy'), context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  if (context.seLinuxChangePolicy !== undefined) out.oneOf(at.child('seLinuxChangePolicy'), context.seLinuxChangePolicy, ['Recursive']);
}
