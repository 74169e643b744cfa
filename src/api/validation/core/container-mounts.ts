// What a container mounts, and its block devices. Source: ValidateVolumeMounts, ValidateVolumeDevices.
import type { Container, Volume, VolumeMount } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { blank, type Problems } from '../problems.ts';
import { hasBacksteps, validateDescending } from './paths.ts';

type Mounting = Pick<Container, 'volumeMounts' | 'volumeDevices' | 'securityContext'>;

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE_READ_ONLY = ['Disabled', 'Enabled', 'IfPossible'];

/** Paths below are upstream's, which forget the index for some members. */
export function validateMounts(out: Problems, at: Path, container: Mounting, volumes: ReadonlyMap<string, Volume>): void {
  const devices = container.volumeDevices ?? [];
  const paths = new Set<string>();
  container.volumeMounts?.forEach((mount, i) => {
    const path = at.index(i);
    if (blank(mount.name)) out.required(path.child('name'));
    if (!volumes.has(mount.name)) out.notFound(path.child('name'), mount.name);
    if (blank(mount.mountPath)) out.required(path.child('mountPath'));
    if (paths.has(mount.mountPath)) out.invalid(path.child('mountPath'), mount.mountPath, 'must be unique');
    paths.add(mount.mountPath);
    if (devices.some((d) => d.name === mount.name)) out.invalid(path.child('name'), mount.name, 'must not already exist in volumeDevices');
    if (devices.some((d) => d.devicePath === mount.mountPath)) {
      out.invalid(path.child('mountPath'), mount.mountPath, 'must not already exist as a path in volumeDevices');
    }
    validateSubPaths(out, at, path, mount);
    if (mount.mountPropagation !== undefined) {
      out.oneOf(at.child('mountPropagation'), mount.mountPropagation, PROPAGATIONS);
      if (mount.mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
        out.forbidden(at.child('mountPropagation'), 'Bidirectional mount propagation is available only to privileged containers');
      }
    }
    validateRecursiveReadOnly(out, at.child('recursiveReadOnly'), mount);
  });
}

function validateSubPaths(out: Problems, at: Path, path: Path, { subPath, subPathExpr }: VolumeMount): void {
  if (!blank(subPath)) validateDescending(out, at.child('subPath'), subPath);
  if (blank(subPathExpr)) return;
  if (!blank(subPath)) out.invalid(path.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive');
  validateDescending(out, at.child('subPathExpr'), subPathExpr);
}

function validateRecursiveReadOnly(out: Problems, at: Path, { recursiveReadOnly: mode, readOnly, mountPropagation }: VolumeMount): void {
  if (mode === undefined || mode === 'Disabled') return;
  if (!RECURSIVE_READ_ONLY.includes(mode)) return out.notSupported(at, mode, RECURSIVE_READ_ONLY);
  if (readOnly !== true) out.forbidden(at, 'may only be specified when readOnly is true');
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    out.forbidden(at, 'may only be specified when mountPropagation is None or not specified');
  }
}

export function validateDevices(out: Problems, at: Path, container: Mounting, volumes: ReadonlyMap<string, Volume>): void {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  container.volumeDevices?.forEach(({ name, devicePath }, i) => {
    const nameAt = at.index(i).child('name');
    const pathAt = at.index(i).child('devicePath');
    const volume = volumes.get(name);
    if (blank(name)) out.required(nameAt);
    if (names.has(name)) out.invalid(nameAt, name, 'must be unique');
    if (volume === undefined) out.notFound(nameAt, name);
    else if (volume.persistentVolumeClaim === undefined && volume.ephemeral === undefined) {
      out.invalid(nameAt, name, 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode');
    }
    if (blank(devicePath)) out.required(pathAt);
    if (paths.has(devicePath)) out.invalid(pathAt, devicePath, 'must be unique');
    if (hasBacksteps(devicePath)) out.invalid(pathAt, devicePath, "can not contain backsteps ('..')");
    else paths.add(devicePath);
    if (mounts.some((m) => m.name === name)) out.invalid(nameAt, name, 'must not already exist in volumeMounts');
    if (mounts.some((m) => m.mountPath === devicePath)) out.invalid(pathAt, devicePath, 'must not already exist as a path in volumeMounts');
    if (!blank(name)) names.add(name);
  });
}
