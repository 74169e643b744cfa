// The volumes of a pod: exactly one kind each, unique names. Source: ValidateVolumes, validateVolumeSource.
import type { EphemeralVolumeSource, Volume } from '../../gen/core-v1.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { dns1123Label } from '#apimachinery/names.ts';
import { subdomainName, validateTemplateMeta } from '../metadata.ts';
import { blank, Problems, quantity } from '../problems.ts';
import { validateClaimSpec } from './claim-spec.ts';
import type { PodRules } from './pod-rules.ts';
import {
  requireMembers,
  validateAwsDisk,
  validateAzureDisk,
  validateCsiDriverName,
  validateFc,
  validateFlex,
  validateFlocker,
  validateGceDisk,
  validateGitRepo,
  validateHostPath,
  validateIscsi,
  validateIscsiVolumeName,
  validateNfs,
  validateQuobyte,
  validateSecretIn,
  validateStorageOs,
} from './volume-kinds.ts';
import { validateConfigMapVolume, validateDownwardVolume, validateProjected, validateSecretVolume } from './volume-projections.ts';

type Kind = Exclude<keyof Volume, 'name'>;

interface Rule<K extends Kind> {
  readonly kind: K;
  /** Where upstream's path differs from the member's name. */
  readonly path?: string;
  /** Where a second volume kind is refused, when that path differs too. */
  readonly extraPath?: string;
  readonly check: (out: Problems, at: Path, source: NonNullable<Volume[K]>, rules: PodRules) => void;
}

const rule = <K extends Kind>(kind: K, check: Rule<K>['check'], paths: Pick<Rule<K>, 'path' | 'extraPath'> = {}): Rule<K> => ({
  kind,
  check,
  ...paths,
});
const members =
  (...names: readonly string[]) =>
  (out: Problems, at: Path, source: object): void =>
    requireMembers(out, at, source, ...names);

/** In upstream's order: of several kinds, the first counts. */
const RULES = [
  rule('emptyDir', (out, at, { sizeLimit }) => {
    if (sizeLimit !== undefined && quantity(sizeLimit).sign() < 0)
      out.forbidden(at.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity');
  }),
  rule('hostPath', validateHostPath),
  rule('gitRepo', validateGitRepo),
  rule('gcePersistentDisk', validateGceDisk, { path: 'persistentDisk' }),
  rule('awsElasticBlockStore', validateAwsDisk),
  rule('secret', validateSecretVolume),
  rule('nfs', validateNfs),
  rule('iscsi', validateIscsi),
  rule('glusterfs', members('endpoints', 'path')),
  rule('flocker', validateFlocker),
  rule('persistentVolumeClaim', members('claimName')),
  rule('rbd', members('monitors', 'image')),
  rule('cinder', (out, at, source) => {
    requireMembers(out, at, source, 'volumeID');
    validateSecretIn(out, at, source, 'name');
  }),
  rule('cephfs', members('monitors'), { extraPath: 'cephFS' }),
  rule('quobyte', validateQuobyte),
  rule('downwardAPI', validateDownwardVolume, { extraPath: 'downwarAPI' }),
  rule('fc', validateFc),
  rule('flexVolume', validateFlex),
  rule('configMap', validateConfigMapVolume),
  rule('azureFile', members('secretName', 'shareName')),
  rule('vsphereVolume', members('volumePath')),
  rule('photonPersistentDisk', members('pdID')),
  rule('portworxVolume', members('volumeID')),
  rule('azureDisk', validateAzureDisk),
  rule('storageos', (out, at, source) => validateStorageOs(out, at, source, 'name')),
  rule('projected', validateProjected),
  rule('scaleIO', members('gateway', 'system', 'volumeName')),
  rule('csi', (out, at, source) => {
    validateCsiDriverName(out, at.child('driver'), source.driver);
    const secret = source.nodePublishSecretRef;
    if (secret === undefined) return;
    if (blank(secret.name)) out.required(at.child('nodePublishSecretRef', 'name'));
    else out.each(at.child('name'), secret.name, subdomainName(secret.name, false));
  }),
  rule('ephemeral', validateEphemeral),
  rule('image', (out, at, { reference, pullPolicy }, rules) => {
    if (rules.owner === 'pod' && blank(reference)) out.required(at.child('reference'));
    validatePullPolicy(out, at.child('pullPolicy'), pullPolicy);
  }),
] as const;

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];

export function validatePullPolicy(out: Problems, at: Path, policy: string | undefined): void {
  out.requiredOneOf(at, policy, PULL_POLICIES);
}

function validateEphemeral(out: Problems, at: Path, { volumeClaimTemplate: template }: EphemeralVolumeSource): void {
  if (template === undefined) return out.required(at.child('volumeClaimTemplate'));
  validateTemplateMeta(out, at.child('volumeClaimTemplate', 'metadata'), template.metadata);
  validateClaimSpec(out, at.child('volumeClaimTemplate', 'spec'), template.spec);
}

function validateSource(out: Problems, at: Path, volume: Volume, podName: string | undefined, rules: PodRules): void {
  let found = false;
  for (const { kind, path = kind, extraPath = kind, check } of RULES as readonly Rule<Kind>[]) {
    const source = volume[kind];
    if (source === undefined) continue;
    if (found) out.forbidden(at.child(extraPath), 'may not specify more than 1 volume type');
    else {
      (check as (out: Problems, at: Path, source: unknown, rules: PodRules) => void)(out, at.child(path), source, rules);
      if (kind === 'ephemeral' && !blank(podName) && !blank(volume.name)) {
        const claim = `${podName}-${volume.name}`;
        for (const why of subdomainName(claim, false)) out.invalid(at.child('name'), volume.name, `PVC name ${goQuote(claim)}: ${why}`);
      }
    }
    if (kind === 'iscsi' && volume.iscsi !== undefined) validateIscsiVolumeName(out, at, volume.iscsi, volume.name);
    found = true;
  }
  if (!found) out.required(at, 'must specify a volume type');
}

/** The volumes that are right, by name: what mounts may refer to. `meta`: of the pod, not of a template. */
export function validateVolumes(
  out: Problems,
  at: Path,
  volumes: readonly Volume[],
  meta: ObjectMeta | undefined,
  rules: PodRules,
): ReadonlyMap<string, Volume> {
  const right = new Map<string, Volume>();
  const created = new Set(blank(meta?.name) ? [] : volumes.filter((v) => v.ephemeral !== undefined).map((v) => `${meta?.name}-${v.name}`));
  volumes.forEach((volume, i) => {
    const path = at.index(i);
    const own = new Problems();
    validateSource(own, path, volume, meta?.name, rules);
    if (blank(volume.name)) own.required(path.child('name'));
    else own.each(path.child('name'), volume.name, dns1123Label(volume.name));
    if (right.has(volume.name)) own.duplicate(path.child('name'), volume.name);
    if (own.none) right.set(volume.name, volume);
    else out.add(own.list);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim)) {
      out.invalid(
        path.child('persistentVolumeClaim', 'claimName'),
        claim,
        'must not reference a PVC that gets created for an ephemeral volume',
      );
    }
  });
  return right;
}
