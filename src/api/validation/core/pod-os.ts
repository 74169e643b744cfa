// What a pod may set depends on its operating system. Source: validateOS, validateLinux, validateWindows,
// validateWindowsHostProcessPod.
import type { PodSpec } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { blank, type Problems } from '../problems.ts';
import { visitContainers } from './pod-containers.ts';

const NOT_ON_LINUX = 'windows options cannot be set for a linux pod';
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';
/** In upstream's order, in which members of the spec stand among those of its security context. */
const NOT_OF_WINDOWS = [
  'securityContext.appArmorProfile',
  'securityContext.seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'securityContext.seccompProfile',
  'securityContext.fsGroup',
  'securityContext.fsGroupChangePolicy',
  'securityContext.sysctls',
  'shareProcessNamespace',
  'securityContext.runAsUser',
  'securityContext.runAsGroup',
  'securityContext.supplementalGroups',
  'securityContext.supplementalGroupsPolicy',
  'securityContext.seLinuxChangePolicy',
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

/** False is none for members that are no pointers in Go, as is an empty list of sysctls. */
function isSet(spec: PodSpec, path: (typeof NOT_OF_WINDOWS)[number]): boolean {
  const value = path.split('.').reduce<unknown>((parent, member) => (isObject(parent) ? parent[member] : undefined), spec);
  if (path === 'hostPID' || path === 'hostIPC') return value === true;
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function validateWindows(out: Problems, at: Path, spec: PodSpec): void {
  const childOf = (parent: Path, member: string): Path => parent.child(member);
  for (const path of NOT_OF_WINDOWS) if (isSet(spec, path)) out.forbidden(path.split('.').reduce(childOf, at), NOT_ON_WINDOWS);
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
  if (!out.capabilities.privileged) out.forbidden(at, 'hostProcess containers are disallowed by cluster policy');
}
