// Which ConfigMaps and Secrets a pod refers to.
import type { PodSpec } from '#api/types.ts';
import { containersOf } from '../pod/containers.ts';

export interface Referenced {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

/** Source: podutil.VisitPodConfigmapNames, VisitPodSecretNames. */
export function referencedBy(spec: PodSpec): Referenced {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const add = (set: Set<string>, name: string | undefined): void => {
    if (name !== undefined && name !== '') set.add(name);
  };
  for (const { name } of spec.imagePullSecrets ?? []) add(secrets, name);
  for (const { container } of containersOf(spec)) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      add(configMaps, configMapRef?.name);
      add(secrets, secretRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      add(configMaps, valueFrom?.configMapKeyRef?.name);
      add(secrets, valueFrom?.secretKeyRef?.name);
    }
  }
  for (const { configMap, secret, projected, csi } of spec.volumes ?? []) {
    add(configMaps, configMap?.name);
    add(secrets, secret?.secretName);
    add(secrets, csi?.nodePublishSecretRef?.name);
    for (const source of projected?.sources ?? []) {
      add(configMaps, source.configMap?.name);
      add(secrets, source.secret?.name);
    }
  }
  return { configMaps, secrets };
}
