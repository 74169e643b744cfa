// The specification of a persistent volume, which an attachment may carry inline. Source: ValidatePersistentVolumeSpec.
import type { PersistentVolumeSpec, SecretReference } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Label, dns1123Subdomain } from '#apimachinery/names.ts';
import { labelName, subdomainName } from '../metadata.ts';
import { blank, entries, quantity, type Problems } from '../problems.ts';
import { validateNodeSelector } from './affinity.ts';
import { validateAccessModes, VOLUME_MODES } from './claim-spec.ts';
import { validateNoBacksteps } from './paths.ts';
import { validateBasicAmount } from './resource-names.ts';
import {
  requireMembers,
  validateAwsDisk,
  validateAzureDisk,
  validateCsiDriverName,
  validateFc,
  validateFlex,
  validateFlocker,
  validateGceDisk,
  validateHostPath,
  validateNfs,
  validatePersistentIscsi,
  validateQuobyte,
  validateSecretIn,
  validateStorageOs,
} from './volume-kinds.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];

/** Where a specification stands: in a volume of a name, or in a volume attachment. */
export type VolumePlace = { readonly inline: true } | { readonly inline: false; readonly name: string };

type Check = (out: Problems, at: Path, source: never, place: VolumePlace) => void;

interface Kind {
  readonly member: keyof PersistentVolumeSpec;
  /** Where upstream's path differs from the member's name. */
  readonly path?: string;
  /** Where a second kind is refused, when that differs too; `none`: it is not refused. */
  readonly extraPath?: string | null;
  readonly check: Check;
}

const members =
  (...names: readonly string[]) =>
  (out: Problems, at: Path, source: object): void =>
    requireMembers(out, at, source, ...names);

function validateSecret(out: Problems, at: Path, { name, namespace }: SecretReference): void {
  if (blank(name)) out.required(at.child('name'));
  else out.each(at.child('name'), name, dns1123Subdomain(name));
  if (blank(namespace)) out.required(at.child('namespace'));
  else out.each(at.child('namespace'), namespace, dns1123Label(namespace));
}

type Source<K extends keyof PersistentVolumeSpec> = NonNullable<PersistentVolumeSpec[K]>;

function validateCsi(out: Problems, at: Path, source: Source<'csi'>): void {
  validateCsiDriverName(out, at.child('driver'), source.driver);
  if (blank(source.volumeHandle)) out.required(at.child('volumeHandle'));
  for (const member of [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ] as const) {
    const secret = source[member];
    if (secret !== undefined) validateSecret(out, at.child(member), secret);
  }
}

function validateGluster(out: Problems, at: Path, source: Source<'glusterfs'>): void {
  requireMembers(out, at, source, 'endpoints', 'path');
  const { endpointsNamespace: namespace } = source;
  const path = at.child('endpointsNamespace');
  if (namespace === '') out.invalid(path, '', 'if the endpointnamespace is set, it must be a valid namespace name');
  else if (namespace !== undefined) out.each(path, namespace, labelName(namespace, false));
}

function validateAzureFile(out: Problems, at: Path, source: Source<'azureFile'>): void {
  requireMembers(out, at, source, 'secretName', 'shareName');
  if (source.secretNamespace === '') out.required(at.child('secretNamespace'));
}

function validateLocal(out: Problems, at: Path, { path }: Source<'local'>): void {
  if (blank(path)) out.required(at.child('path'));
  else validateNoBacksteps(out, at.child('path'), path);
}

/** In upstream's order: of several kinds, the first counts. */
const KINDS: readonly Kind[] = [
  { member: 'hostPath', check: validateHostPath },
  { member: 'gcePersistentDisk', path: 'persistentDisk', check: validateGceDisk },
  { member: 'awsElasticBlockStore', check: validateAwsDisk },
  { member: 'glusterfs', check: validateGluster },
  { member: 'flocker', check: validateFlocker },
  { member: 'nfs', check: validateNfs },
  { member: 'rbd', check: members('monitors', 'image') },
  { member: 'quobyte', check: validateQuobyte },
  { member: 'cephfs', extraPath: 'cephFS', check: members('monitors') },
  {
    member: 'iscsi',
    check: (out, at, source: Source<'iscsi'>, place) => validatePersistentIscsi(out, at, source, place.inline ? '' : place.name),
  },
  {
    member: 'cinder',
    check: (out, at, source: Source<'cinder'>) => {
      requireMembers(out, at, source, 'volumeID');
      validateSecretIn(out, at, source, 'name', 'namespace');
    },
  },
  { member: 'fc', check: validateFc },
  { member: 'flexVolume', extraPath: null, check: validateFlex },
  { member: 'azureFile', check: validateAzureFile },
  { member: 'vsphereVolume', check: members('volumePath') },
  { member: 'photonPersistentDisk', check: members('pdID') },
  { member: 'portworxVolume', check: members('volumeID') },
  { member: 'azureDisk', check: validateAzureDisk },
  { member: 'scaleIO', check: members('gateway', 'system', 'volumeName') },
  { member: 'local', check: validateLocal },
  {
    member: 'storageos',
    check: (out, at, source: Source<'storageos'>) => validateStorageOs(out, at, source, 'name', 'namespace'),
  },
  { member: 'csi', check: validateCsi },
];

/** Members of a specification that say where the volume is. */
export const SOURCE_MEMBERS: readonly (keyof PersistentVolumeSpec)[] = KINDS.map(({ member }) => member);

function validateSources(out: Problems, at: Path, spec: PersistentVolumeSpec, place: VolumePlace): void {
  let found = false;
  for (const { member, path = member, extraPath = member, check } of KINDS) {
    const source = spec[member];
    if (source === undefined) continue;
    if (found && extraPath !== null) out.forbidden(at.child(extraPath), 'may not specify more than 1 volume type');
    else (check as (...args: readonly unknown[]) => void)(out, at.child(path), source, place);
    if (!found && member === 'local' && (place.inline || spec.nodeAffinity === undefined))
      out.required(at.child('nodeAffinity'), 'Local volume requires node affinity');
    found = true;
  }
  if (!found) out.required(at, 'must specify a volume type');
}

function validateCapacity(out: Problems, at: Path, capacity: Readonly<Record<string, string>>): void {
  const all = entries(capacity);
  if (all.length === 0) out.required(at);
  if (capacity['storage'] === undefined || all.length > 1) out.notSupported(at, all.length === 0 ? null : capacity, ['storage']);
  for (const [name, text] of all) {
    validateBasicAmount(out, at.key(name), quantity(text));
    out.positiveQuantity(at.key(name), quantity(text));
  }
}

const INLINE = 'may not be specified in the context of inline volumes';

function validateInlineOnly(out: Problems, at: Path, spec: PersistentVolumeSpec): void {
  if (spec.claimRef !== undefined) out.forbidden(at.child('claimRef'), INLINE);
  if (entries(spec.capacity).length > 0) out.forbidden(at.child('capacity'), INLINE);
  if (spec.csi === undefined) out.required(at.child('csi'), 'has to be specified in the context of inline volumes');
}

function validateReclaim(out: Problems, at: Path, policy: string | undefined, { inline }: VolumePlace): void {
  if (blank(policy)) return;
  if (!inline) out.oneOf(at, policy, RECLAIM_POLICIES);
  else if (policy !== 'Retain') out.forbidden(at, 'may only be Retain in the context of inline volumes');
}

function validateAffinity(out: Problems, at: Path, affinity: PersistentVolumeSpec['nodeAffinity'], { inline }: VolumePlace): void {
  if (affinity === undefined) return;
  if (inline) out.forbidden(at, INLINE);
  else if (affinity.required === undefined) out.required(at.child('required'), 'must specify required node constraints');
  else validateNodeSelector(out, at.child('required'), affinity.required);
}

/** Source: path.Clean, as far as telling the root. */
const isRoot = (path: string): boolean =>
  path.startsWith('/') &&
  path.split('/').reduce((depth, part) => (part === '..' ? Math.max(0, depth - 1) : part === '' || part === '.' ? depth : depth + 1), 0) ===
    0;

export function validateVolumeSpec(out: Problems, at: Path, spec: PersistentVolumeSpec, place: VolumePlace): void {
  if (place.inline) validateInlineOnly(out, at, spec);
  validateAccessModes(out, at.child('accessModes'), spec.accessModes ?? []);
  if (!place.inline) validateCapacity(out, at.child('capacity'), spec.capacity ?? {});
  validateReclaim(out, at.child('persistentVolumeReclaimPolicy'), spec.persistentVolumeReclaimPolicy, place);
  validateAffinity(out, at.child('nodeAffinity'), spec.nodeAffinity, place);
  validateSources(out, at, spec, place);
  if (spec.hostPath !== undefined && isRoot(spec.hostPath.path) && spec.persistentVolumeReclaimPolicy === 'Recycle')
    out.forbidden(at.child('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'");
  const { storageClassName } = spec;
  if (!blank(storageClassName)) {
    if (place.inline) out.forbidden(at.child('storageClassName'), INLINE);
    else out.each(at.child('storageClassName'), storageClassName, subdomainName(storageClassName, false));
  }
  validateMode(out, at.child('volumeMode'), spec, place);
  validateAttributes(out, at, spec);
}

function validateMode(out: Problems, at: Path, spec: PersistentVolumeSpec, { inline }: VolumePlace): void {
  const { volumeMode } = spec as Partial<PersistentVolumeSpec>;
  if (volumeMode === undefined) return;
  if (!inline) out.oneOf(at, volumeMode, VOLUME_MODES);
  else if (volumeMode !== 'Filesystem')
    out.forbidden(at, 'may not specify volumeMode other than Filesystem in the context of inline volumes');
}

function validateAttributes(out: Problems, at: Path, { volumeAttributesClassName: name, csi }: PersistentVolumeSpec): void {
  if (name === undefined) return;
  const path = at.child('volumeAttributesClassName');
  if (name === '') out.required(path, 'an empty string is disallowed');
  else out.each(path, name, subdomainName(name, false));
  if (csi === undefined) out.required(at.child('csi'), 'has to be specified when using volumeAttributesClassName');
}
