// Claims and ingresses without a class get the one marked as default.
// Source: plugin/pkg/admission/storage/storageclass/setdefault, plugin/pkg/admission/network/defaultingressclass.
import { ingressclasses, storageclasses } from '#api/resources.ts';
import type { Ingress, KubeObject, PersistentVolumeClaim } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { MutatingPlugin } from './contract.ts';
import { concerns } from './refusal.ts';

const BETA_INGRESS_CLASS = 'kubernetes.io/ingress.class';

export function defaultStorageClass({ reader }: { readonly reader: CacheReader }): MutatingPlugin {
  return {
    name: 'DefaultStorageClass',
    operations: ['CREATE'],
    admit(attributes) {
      if (!concerns(attributes, '', 'persistentvolumeclaims') || attributes.object === undefined) return undefined;
      const claim = attributes.object as PersistentVolumeClaim;
      if (claim.spec.storageClassName !== undefined || claim.metadata.annotations?.[ANNOTATION.betaStorageClass] !== undefined)
        return undefined;
      const found = newest(reader.list(storageclasses), [ANNOTATION.defaultStorageClass, ANNOTATION.betaDefaultStorageClass]);
      return found === undefined ? undefined : { ...claim, spec: { ...claim.spec, storageClassName: found } };
    },
  };
}

export function defaultIngressClass({ reader }: { readonly reader: CacheReader }): MutatingPlugin {
  return {
    name: 'DefaultIngressClass',
    operations: ['CREATE'],
    admit(attributes) {
      if (!concerns(attributes, 'networking.k8s.io', 'ingresses') || attributes.object === undefined) return undefined;
      const ingress = attributes.object as Ingress;
      if (ingress.spec.ingressClassName !== undefined || ingress.metadata.annotations?.[BETA_INGRESS_CLASS] !== undefined) return undefined;
      const found = newest(reader.list(ingressclasses), [ANNOTATION.defaultIngressClass]);
      return found === undefined ? undefined : { ...ingress, spec: { ...ingress.spec, ingressClassName: found } };
    },
  };
}

/** Name of the newest object with one of these annotations `true`; of equally old ones the first by name. */
function newest(objects: Iterable<KubeObject>, annotations: readonly string[]): string | undefined {
  const marked = [...objects].filter(({ metadata }) => annotations.some((annotation) => metadata.annotations?.[annotation] === 'true'));
  const born = ({ metadata }: KubeObject): number => parseTime(metadata.creationTimestamp);
  const [first] = marked.toSorted((a, b) => born(b) - born(a) || (a.metadata.name < b.metadata.name ? -1 : 1));
  return first?.metadata.name;
}
