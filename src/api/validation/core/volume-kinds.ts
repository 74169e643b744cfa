// What each kind of volume must say, in pods and in persistent volumes. Source: core validation.go validate*Source.
// Kinds that are only projections of API objects are in volume-projections.ts.
import type {
  AzureDiskVolumeSource,
  FCVolumeSource,
  FlockerVolumeSource,
  HostPathVolumeSource,
  QuobyteVolumeSource,
  StorageOSVolumeSource,
} from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Label, dns1123Subdomain, inclusiveRange } from '#apimachinery/names.ts';
import { blank, entries, type Problems } from '../problems.ts';
import { validateDescending, validateNoBacksteps } from './paths.ts';

/** Members that must not be empty. */
function need(out: Problems, at: Path, source: object, ...members: readonly string[]): void {
  for (const member of members) {
    const value = (source as Readonly<Record<string, unknown>>)[member];
    if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) out.required(at.child(member));
  }
}

export { need as requireMembers };

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export function validateHostPath(out: Problems, at: Path, { path, type }: HostPathVolumeSource): void {
  if (blank(path)) return out.required(at.child('path'));
  validateNoBacksteps(out, at.child('path'), path);
  if (type !== undefined) out.oneOf(at.child('type'), type, HOST_PATH_TYPES);
}

export function validateGitRepo(out: Problems, at: Path, source: { readonly repository: string; readonly directory?: string }): void {
  need(out, at, source, 'repository');
  validateDescending(out, at.child('directory'), source.directory ?? '');
}

/** Longest `<volume name>:<target portal>` where an initiator name is given. */
const MAX_ISCSI_NAME = 64;
const ISCSI_NAME_TOO_LONG =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
const ISCSI_FORMS: Readonly<Record<string, (name: string) => boolean>> = {
  iqn: endsWithIqn,
  eui: (name) => /^eui.[A-Za-z0-9]{16}$/.test(name),
  naa: (name) => /^naa.[A-Za-z0-9]{32}$/.test(name),
};

/**
 * Whether `iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$` is found in it; step by step, for that pattern is tried anew from each
 * `iqn.`. Source: iscsiInitiatorIqnRegex.
 */
function endsWithIqn(name: string): boolean {
  const parts = (name.split(/[,;*&$|\s]/).at(-1) as string).split(':');
  // A colon follows each part but the last, and something has to follow the colon.
  const followed = parts.slice(0, parts.at(-1) === '' ? -2 : -1);
  return followed.some((part) => /iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]/.test(part.split(/[^A-Za-z0-9.-]/).at(-1) as string));
}

function validateIscsiName(out: Problems, at: Path, name: string, unknownForm: string): void {
  const form = ISCSI_FORMS[name.slice(0, 3)];
  if (form === undefined) out.invalid(at, name, unknownForm);
  else if (!form(name)) out.invalid(at, name, 'must be valid format');
}

interface Iscsi {
  readonly targetPortal: string;
  readonly iqn: string;
  readonly lun: number;
  readonly initiatorName?: string;
  readonly chapAuthDiscovery?: boolean;
  readonly chapAuthSession?: boolean;
  readonly secretRef?: { readonly name?: string };
}

const isLun = (lun: number): boolean => lun >= 0 && lun <= 255;

function validateIscsiCommon(out: Problems, at: Path, source: Iscsi, unknownForm: string): void {
  if (blank(source.iqn)) out.required(at.child('iqn'));
  else validateIscsiName(out, at.child('iqn'), source.iqn, unknownForm);
  if (!isLun(source.lun)) out.invalid(at.child('lun'), source.lun, inclusiveRange(0, 255));
  if ((source.chapAuthDiscovery === true || source.chapAuthSession === true) && source.secretRef === undefined)
    out.required(at.child('secretRef'));
}

export function validateIscsi(out: Problems, at: Path, source: Iscsi): void {
  const unknownForm = 'must be valid format starting with iqn, eui, or naa';
  need(out, at, source, 'targetPortal');
  validateIscsiCommon(out, at, source, unknownForm);
  if (source.initiatorName !== undefined) validateIscsiName(out, at.child('initiatorname'), source.initiatorName, unknownForm);
}

export function validateIscsiVolumeName(out: Problems, volumeAt: Path, source: Iscsi, volumeName: string): void {
  if (source.initiatorName !== undefined && byteLength(`${volumeName}:${source.targetPortal}`) > MAX_ISCSI_NAME) {
    out.invalid(volumeAt.child('name'), volumeName, ISCSI_NAME_TOO_LONG);
  }
}

export function validatePersistentIscsi(out: Problems, at: Path, source: Iscsi, volumeName: string): void {
  need(out, at, source, 'targetPortal');
  if (source.initiatorName !== undefined && byteLength(`${volumeName}:${source.targetPortal}`) > MAX_ISCSI_NAME) {
    out.invalid(at.child('targetportal'), source.targetPortal, ISCSI_NAME_TOO_LONG);
  }
  validateIscsiCommon(out, at, source, 'must be valid format');
  if (source.secretRef !== undefined) need(out, at.child('secretRef'), source.secretRef, 'name');
  if (source.initiatorName !== undefined) validateIscsiName(out, at.child('initiatorname'), source.initiatorName, 'must be valid format');
}

export function validateFc(out: Problems, at: Path, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): void {
  const path = at.child('targetWWNs');
  if (targetWWNs.length === 0 && wwids.length === 0) out.required(path, 'must specify either targetWWNs or wwids, but not both');
  if (targetWWNs.length === 0) return;
  if (wwids.length > 0) out.invalid(path, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously');
  if (lun === undefined) out.required(at.child('lun'), 'lun is required if targetWWNs is specified');
  else if (!isLun(lun)) out.invalid(at.child('lun'), lun, inclusiveRange(0, 255));
}

const validatePartition = (out: Problems, at: Path, partition: number | undefined): void => {
  if (partition !== undefined && (partition < 0 || partition > 255)) out.invalid(at.child('partition'), partition, inclusiveRange(1, 255));
};

export function validateGceDisk(out: Problems, at: Path, source: { readonly pdName: string; readonly partition?: number }): void {
  need(out, at, source, 'pdName');
  validatePartition(out, at, source.partition);
}

export function validateAwsDisk(out: Problems, at: Path, source: { readonly volumeID: string; readonly partition?: number }): void {
  need(out, at, source, 'volumeID');
  validatePartition(out, at, source.partition);
}

export function validateNfs(out: Problems, at: Path, source: { readonly server: string; readonly path: string }): void {
  need(out, at, source, 'server', 'path');
  if (!source.path.startsWith('/')) out.invalid(at.child('path'), source.path, 'must be an absolute path');
}

const QUOBYTE_REGISTRY = 'must be a host:port pair or multiple pairs separated by commas';

export function validateQuobyte(out: Problems, at: Path, { registry, tenant, volume }: QuobyteVolumeSource): void {
  if (blank(registry)) out.required(at.child('registry'), QUOBYTE_REGISTRY);
  else if ((tenant ?? '').length >= 65) out.required(at.child('tenant'), 'must be a UUID and may not exceed a length of 64 characters');
  else {
    for (const pair of registry.split(',')) {
      if (!/^(?:\[[^\]]*\]|[^:[\]]*):[^:[\]]*$/.test(pair)) out.invalid(at.child('registry'), registry, QUOBYTE_REGISTRY);
    }
  }
  if (blank(volume)) out.required(at.child('volume'));
}

export function validateFlocker(out: Problems, at: Path, { datasetName, datasetUUID }: FlockerVolumeSource): void {
  if (blank(datasetName) && blank(datasetUUID)) out.required(at, 'one of datasetName and datasetUUID is required');
  if (!blank(datasetName) && !blank(datasetUUID))
    out.invalid(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
  if (datasetName?.includes('/') === true) out.invalid(at.child('datasetName'), datasetName, "must not contain '/'");
}

export function validateFlex(
  out: Problems,
  at: Path,
  { driver, options }: { readonly driver: string; readonly options?: Readonly<Record<string, string>> },
): void {
  if (blank(driver)) out.required(at.child('driver'));
  for (const [key] of entries(options)) {
    const namespace = `.${(key.split('/', 1)[0] as string).toLowerCase()}`;
    if (namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io')) {
      out.invalid(at.child('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved');
    }
  }
}

const AZURE_CACHING = ['None', 'ReadOnly', 'ReadWrite'];
const AZURE_KINDS = ['Dedicated', 'Managed', 'Shared'];
const AZURE_MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const AZURE_BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

export function validateAzureDisk(out: Problems, at: Path, source: AzureDiskVolumeSource): void {
  const { diskURI, cachingMode, kind } = source;
  need(out, at, source, 'diskName', 'diskURI');
  if (cachingMode !== undefined) out.oneOf(at.child('cachingMode'), cachingMode, AZURE_CACHING);
  if (kind === undefined) return;
  out.oneOf(at.child('kind'), kind, AZURE_KINDS);
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/')) out.notSupported(at.child('diskURI'), diskURI, [AZURE_MANAGED_URI]);
  if (kind !== 'Managed' && !diskURI.startsWith('https://')) out.notSupported(at.child('diskURI'), diskURI, [AZURE_BLOB_URI]);
}

/** `secretMembers`: a persistent volume's secret also needs its namespace. */
export function validateStorageOs(
  out: Problems,
  at: Path,
  {
    volumeName,
    volumeNamespace,
    secretRef,
  }: Pick<StorageOSVolumeSource, 'volumeName' | 'volumeNamespace'> & { readonly secretRef?: object },
  ...secretMembers: readonly string[]
): void {
  if (blank(volumeName)) out.required(at.child('volumeName'));
  else out.each(at.child('volumeName'), volumeName, dns1123Label(volumeName));
  if (!blank(volumeNamespace)) out.each(at.child('volumeNamespace'), volumeNamespace, dns1123Label(volumeNamespace));
  if (secretRef !== undefined) need(out, at.child('secretRef'), secretRef, ...secretMembers);
}

export function validateSecretIn(out: Problems, at: Path, source: { readonly secretRef?: object }, ...members: readonly string[]): void {
  if (source.secretRef !== undefined) need(out, at.child('secretRef'), source.secretRef, ...members);
}

const MAX_DRIVER_NAME = 63;

/** Source: ValidateCSIDriverName. */
export function validateCsiDriverName(out: Problems, at: Path, driver: string | undefined): void {
  if (blank(driver)) return out.required(at);
  if (byteLength(driver) > MAX_DRIVER_NAME) out.tooLong(at, MAX_DRIVER_NAME);
  out.each(at, driver, dns1123Subdomain(driver.toLowerCase()));
}
