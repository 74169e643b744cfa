// PersistentVolumes and claims to them. Source: ValidatePersistentVolume…, pkg/volume/validation.
import type {
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  VolumeNodeAffinity,
} from '../../gen/core-v1.ts';
import { IMMUTABLE } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { jsonDiff } from '#apimachinery/unified-diff.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, entries, quantity, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { validateClaimSpec } from './claim-spec.ts';
import { isNative, validateAmount, validateBasicAmount } from './resource-names.ts';
import { SOURCE_MEMBERS, validateVolumeSpec } from './volume-spec.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const METADATA = Path.of('metadata');
const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** Kinds that take mount options from an annotation. Source: checkMountOption. */
const WITH_MOUNT_OPTIONS: readonly (keyof PersistentVolumeSpec)[] = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
];

const specOf = (volume: PersistentVolume): PersistentVolumeSpec => volume.spec ?? ({} as PersistentVolumeSpec);

function validateBase(out: Problems, volume: PersistentVolume): void {
  const { name = '' } = volume.metadata as { readonly name?: string };
  validateObjectMeta(out, volume.metadata, 'cluster', subdomainName);
  validateVolumeSpec(out, SPEC, specOf(volume), { inline: false, name });
}

export function validatePersistentVolume(out: Problems, volume: PersistentVolume): void {
  validateBase(out, volume);
  const spec = specOf(volume);
  const annotated = volume.metadata.annotations?.[MOUNT_OPTIONS] !== undefined;
  if (annotated && WITH_MOUNT_OPTIONS.every((member) => spec[member] === undefined))
    out.forbidden(METADATA.child('annotations', MOUNT_OPTIONS), 'may not specify mount options for this volume type');
}

/** Labels of nodes that were renamed. Source: betaToGALabel. */
const RENAMED_LABELS: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

function renamed(old: NodeSelectorRequirement, now: NodeSelectorRequirement | undefined): NodeSelectorRequirement {
  return now !== undefined && RENAMED_LABELS[old.key] === now.key ? { ...old, key: now.key } : old;
}

/** The old terms with the labels that the new ones know by their new name. */
function withNewLabels(
  old: PersistentVolumeSpec['nodeAffinity'],
  now: PersistentVolumeSpec['nodeAffinity'],
): PersistentVolumeSpec['nodeAffinity'] {
  if (old?.required === undefined) return old;
  const terms = old.required.nodeSelectorTerms.map((term, i) => {
    const other = now?.required?.nodeSelectorTerms[i];
    return {
      ...term,
      matchExpressions: term.matchExpressions?.map((requirement, j) => renamed(requirement, other?.matchExpressions?.[j])),
    };
  });
  return { required: { nodeSelectorTerms: terms } } as PersistentVolumeSpec['nodeAffinity'];
}

const sourcesOf = (spec: PersistentVolumeSpec): object =>
  Object.fromEntries(SOURCE_MEMBERS.filter((member) => spec[member] !== undefined).map((member) => [member, spec[member]]));

/** A driver may get its secret for growing later. */
function withoutNewExpandSecret(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): PersistentVolumeSpec {
  if (spec.csi?.controllerExpandSecretRef === undefined || old.csi === undefined || old.csi.controllerExpandSecretRef !== undefined)
    return spec;
  const { controllerExpandSecretRef: _secret, ...csi } = spec.csi;
  return { ...spec, csi };
}

export function validatePersistentVolumeUpdate(out: Problems, volume: PersistentVolume, old: PersistentVolume): void {
  validatePersistentVolume(out, volume);
  validateBase(out, volume);
  const [spec, before] = [specOf(volume), specOf(old)];
  const [sources, oldSources] = [sourcesOf(withoutNewExpandSecret(spec, before)), sourcesOf(before)];
  if (!semanticEqual(sources, oldSources)) {
    const detail = `spec.persistentvolumesource is immutable after creation\n${jsonDiff(oldSources, sources)}`;
    out.forbidden(SPEC.child('persistentvolumesource'), detail);
  }
  out.immutable(Path.of('volumeMode'), spec.volumeMode, spec.volumeMode === before.volumeMode);
  if (before.nodeAffinity !== undefined && !semanticEqual(withNewLabels(before.nodeAffinity, spec.nodeAffinity), spec.nodeAffinity))
    out.invalid(Path.of('nodeAffinity'), internalAffinity(spec.nodeAffinity), `${IMMUTABLE}, except for updating from beta label to GA`);
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined)
    out.forbidden(SPEC.child('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden');
}

export function validatePersistentVolumeStatusUpdate(out: Problems, volume: PersistentVolume, old: PersistentVolume): void {
  validateObjectMetaUpdate(out, volume.metadata, old.metadata);
  if (blank(volume.metadata.resourceVersion)) out.required(Path.of('resourceVersion'));
}

export function validateClaim(out: Problems, claim: PersistentVolumeClaim): void {
  validateObjectMeta(out, claim.metadata, 'namespaced', subdomainName);
  validateClaimSpec(out, SPEC, claim.spec ?? ({} as PersistentVolumeClaimSpec));
}

/** What of the new specification the old one must equal. */
function comparable(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): readonly [now: object, before: object] {
  const spec = claim.spec ?? ({} as PersistentVolumeClaimSpec);
  const oldSpec = old.spec ?? ({} as PersistentVolumeClaimSpec);
  const before = blank(oldSpec.volumeName) ? { ...oldSpec, volumeName: spec.volumeName } : oldSpec;
  let now: object = spec;
  if (movesClassFromAnnotation(claim, old)) now = { ...now, storageClassName: undefined };
  else if (namesClassLate(claim, old)) now = { ...now, storageClassName: oldSpec.storageClassName };
  if (claim.status?.phase !== 'Bound') return [now, before];
  const requests = spec.resources?.requests;
  const storage = oldSpec.resources?.requests?.['storage'] ?? '0';
  const resized = requests === undefined ? spec.resources : { ...spec.resources, requests: { ...requests, storage } };
  now = { ...now, resources: resized, volumeAttributesClassName: oldSpec.volumeAttributesClassName };
  return [now, before];
}

/** Source: validateStorageClassUpgradeFromAnnotation. */
function movesClassFromAnnotation(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const before = old.metadata.annotations?.[CLASS_ANNOTATION];
  const now = claim.metadata.annotations?.[CLASS_ANNOTATION];
  return (
    before !== undefined &&
    old.spec?.storageClassName === undefined &&
    claim.spec?.storageClassName === before &&
    (now === undefined || now === before)
  );
}

/** Source: validateStorageClassUpgradeFromNil. */
function namesClassLate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
  const now = claim.spec?.storageClassName;
  const annotation = old.metadata.annotations?.[CLASS_ANNOTATION];
  return now !== undefined && old.spec?.storageClassName === undefined && (annotation === undefined || now === annotation);
}

export function validateClaimUpdate(out: Problems, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): void {
  validateObjectMetaUpdate(out, claim.metadata, old.metadata);
  validateClaim(out, claim);
  if (!movesClassFromAnnotation(claim, old)) {
    const [now, before] = [claim.metadata.annotations?.[CLASS_ANNOTATION] ?? '', old.metadata.annotations?.[CLASS_ANNOTATION] ?? ''];
    if (now !== before) out.invalid(METADATA.child('annotations', CLASS_ANNOTATION), now, IMMUTABLE);
  }
  const [now, before] = comparable(claim, old);
  if (!semanticEqual(now, before)) {
    const detail = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    out.forbidden(SPEC, `${detail}\n${jsonDiff(before, now)}`);
  }
  validateSize(out, claim, old);
  const [mode, oldMode] = [claim.spec?.volumeMode, old.spec?.volumeMode];
  out.immutable(Path.of('volumeMode'), mode, mode === oldMode);
  validateAttributesUpdate(out, claim, old);
}

function validateSize(out: Problems, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): void {
  const size = quantity(claim.spec?.resources?.requests?.['storage']);
  if (size.cmp(quantity(old.spec?.resources?.requests?.['storage'])) >= 0) return;
  if (size.cmp(quantity(old.status?.capacity?.['storage'])) <= 0)
    out.forbidden(SPEC.child('resources', 'requests', 'storage'), 'field can not be less than status.capacity');
}

function validateAttributesUpdate(out: Problems, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): void {
  const name = claim.spec?.volumeAttributesClassName;
  if (name === old.spec?.volumeAttributesClassName || old.status?.currentVolumeAttributesClassName === undefined) return;
  const at = SPEC.child('volumeAttributesClassName');
  const when = 'is forbidden when status.currentVolumeAttributesClassName is not nil';
  if (name === undefined) out.forbidden(at, `update to nil ${when}`);
  else if (name === '') out.forbidden(at, `update to empty string ${when}`);
}

const RESIZE_STATES = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizePending',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
].toSorted();

/** True when it found nothing. Source: validatePersistentVolumeClaimResourceKey. */
function checkClaimResource(out: Problems, at: Path, name: string): boolean {
  const reasons = qualifiedName(name);
  out.each(at, name, reasons);
  if (reasons.length > 0) return false;
  if (!isNative(name) || name === 'storage') return true;
  out.notSupported(at, name, ['storage']);
  return false;
}

export function validateClaimStatusUpdate(out: Problems, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): void {
  validateObjectMetaUpdate(out, claim.metadata, old.metadata);
  if (blank(claim.metadata.resourceVersion)) out.required(Path.of('resourceVersion'));
  if ((claim.spec?.accessModes ?? []).length === 0) out.required(Path.of('Spec').child('accessModes'));
  const { capacity, allocatedResourceStatuses, allocatedResources } = claim.status ?? {};
  for (const [name, text] of entries(capacity)) validateBasicAmount(out, STATUS.child('capacity').key(name), quantity(text));
  const states = STATUS.child('allocatedResourceStatuses');
  for (const [name, state] of entries(allocatedResourceStatuses)) {
    checkClaimResource(out, states, name);
    if (!RESIZE_STATES.includes(state)) out.notSupported(states, name, RESIZE_STATES);
  }
  const allocated = STATUS.child('allocatedResources');
  for (const [name, text] of entries(allocatedResources)) {
    if (!checkClaimResource(out, allocated, name)) continue;
    const amount = quantity(text);
    if (amount.value() < 0) validateBasicAmount(out, allocated.key(name), amount);
    else validateAmount(out, allocated.key(name), 'storage', amount);
  }
}

/** As upstream's internal type, which knows no JSON names, is printed. */
function internalAffinity(affinity: VolumeNodeAffinity | undefined): object | null {
  if (affinity === undefined) return null;
  const requirements = (list: readonly NodeSelectorRequirement[] | undefined): object | null =>
    list?.map(({ key, operator, values }) => ({ Key: key, Operator: operator, Values: values ?? null })) ?? null;
  const terms = affinity.required?.nodeSelectorTerms.map(({ matchExpressions, matchFields }) => ({
    MatchExpressions: requirements(matchExpressions),
    MatchFields: requirements(matchFields),
  }));
  return { Required: terms === undefined ? null : { NodeSelectorTerms: terms } };
}
