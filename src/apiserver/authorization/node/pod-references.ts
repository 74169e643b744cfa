// Objects a pod names, and whoever runs it must therefore read. Pure.
// Source: pkg/api/v1/pod util.go VisitPodSecretNames, VisitPodConfigmapNames; component-helpers storage/ephemeral; dynamic-resource-allocation resourceclaim.Name.
import type { Container, EphemeralContainer, Pod, Volume } from '#api/types.ts';
import { claimName } from '#api/volumes.ts';

/** Containers of all three kinds. */
function allContainers({ spec }: Pod): readonly (Container | EphemeralContainer)[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

/** Each once, empty names left out. */
const unique = (names: Iterable<string | undefined>): ReadonlySet<string> => {
  const set = new Set<string>();
  for (const name of names) if (name !== undefined && name !== '') set.add(name);
  return set;
};

/** Secrets of the pod's namespace. */
export function secretNames(pod: Pod): ReadonlySet<string> {
  return unique([
    ...(pod.spec.imagePullSecrets ?? []).map(({ name }) => name),
    ...allContainers(pod).flatMap((container) => [
      ...(container.envFrom ?? []).map(({ secretRef }) => secretRef?.name),
      ...(container.env ?? []).map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ]),
    ...(pod.spec.volumes ?? []).flatMap(volumeSecrets),
  ]);
}

function volumeSecrets(volume: Volume): readonly (string | undefined)[] {
  return [
    volume.azureFile?.secretName,
    volume.cephfs?.secretRef?.name,
    volume.cinder?.secretRef?.name,
    volume.flexVolume?.secretRef?.name,
    ...(volume.projected?.sources ?? []).map(({ secret }) => secret?.name),
    volume.rbd?.secretRef?.name,
    volume.secret?.secretName,
    volume.scaleIO?.secretRef?.name,
    volume.iscsi?.secretRef?.name,
    volume.storageos?.secretRef?.name,
    volume.csi?.nodePublishSecretRef?.name,
  ];
}

export function configMapNames(pod: Pod): ReadonlySet<string> {
  return unique([
    ...allContainers(pod).flatMap((container) => [
      ...(container.envFrom ?? []).map(({ configMapRef }) => configMapRef?.name),
      ...(container.env ?? []).map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
    ]),
    ...(pod.spec.volumes ?? []).flatMap((volume) => [
      volume.configMap?.name,
      ...(volume.projected?.sources ?? []).map(({ configMap }) => configMap?.name),
    ]),
  ]);
}

/** Claims by name, and those made for ephemeral volumes. */
export function volumeClaimNames(pod: Pod): ReadonlySet<string> {
  return unique((pod.spec.volumes ?? []).map((volume) => claimName(pod, volume)));
}

/** Device claims: by name, made from a template, or made for extended resources. */
export function resourceClaimNames({ spec, status }: Pod): ReadonlySet<string> {
  const made = new Map((status.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName]));
  return unique([
    ...(spec.resourceClaims ?? []).map(({ name, resourceClaimName, resourceClaimTemplateName }) =>
      resourceClaimName !== undefined ? resourceClaimName : resourceClaimTemplateName !== undefined ? made.get(name) : undefined,
    ),
    status.extendedResourceClaimStatus?.resourceClaimName,
  ]);
}
