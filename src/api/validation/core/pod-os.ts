// What a pod may set depends on its operating system. Source: validateOS, validateLinux, validateWindows,
// validateWindowsHostProcessPod.
import type { PodSpec } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { blank, type Problems } from '../problems.ts';
import { visitContainers } from './pod-containers.ts';

const NOT_ON_LINUX = 'windows options cannot be set for a linux pod';
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';
/** In upstream's order; members of the spec and of its security context are mixed there. */
const WINDOWS_POD_CONTEXT = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
const WINDOWS_CONTAINER_CONTEXT = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

export function validateOs(out: Problems, at: Path, spec: PodSpec): void {
  if (spec.os === undefined) return;
  const { name } = spec.os;
  if (blank(name)) return out.required(at.child('os', 'name'));
  if (name === 'linux') validateLinux(out, at, spec);
  else if (name === 'windows') validateWindows(out, at, spec);
  else out.notSupported(at.child('os'), name, ['linux', 'windows']);
}

function validateLinux(out: Problems, at: Path, spec: PodSpec): void {
  if (spec.securityContext?.windowsOptions !== undefined) out.forbidden(at.child('securityContext', 'windowsOptions'), NOT_ON_LINUX);
  visitContainers(spec, at, (container, path) => {
    if (container.securityContext?.windowsOptions !== undefined)
      out.forbidden(path.child('securityContext', 'windowsOptions'), NOT_ON_LINUX);
  });
}

function validateWindows(out: Problems, at: Path, spec: PodSpec): void {
  for (const member of WINDOWS_POD_CONTEXT) {
    const value = spec.securityContext?.[member];
    const set = member === 'sysctls' ? (spec.securityContext?.sysctls ?? []).length > 0 : value !== undefined;
    if (set) out.forbidden(at.child('securityContext', member), NOT_ON_WINDOWS);
  }
  if (spec.hostUsers !== undefined) out.forbidden(at.child('hostUsers'), NOT_ON_WINDOWS);
  for (const member of ['hostPID', 'hostIPC'] as const) if (spec[member] === true) out.forbidden(at.child(member), NOT_ON_WINDOWS);
  if (spec.shareProcessNamespace !== undefined) out.forbidden(at.child('shareProcessNamespace'), NOT_ON_WINDOWS);
  visitContainers(spec, at, (container, path) => {
    for (const member of WINDOWS_CONTAINER_CONTEXT) {
      if (container.securityContext?.[member] !== undefined) out.forbidden(path.child('securityContext', member), NOT_ON_WINDOWS);
    }
  });
}

export function validateHostProcess(out: Problems, at: Path, spec: PodSpec): void {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  let all = 0;
  let hostProcess = 0;
  visitContainers(spec, at, (container, path) => {
    all++;
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const detail = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      out.invalid(path.child('securityContext', 'windowsOptions', 'hostProcess'), own, detail);
    }
    if (own ?? ofPod ?? false) hostProcess++;
  });
  if (hostProcess === 0) return;
  if (hostProcess !== all)
    out.invalid(at, '', 'If pod contains any hostProcess containers then all containers must be HostProcess containers');
  if (spec.hostNetwork !== true)
    out.invalid(at.child('hostNetwork'), false, 'hostNetwork must be true if pod contains any hostProcess containers');
}
