// pure
// The pod a controller creates from its template. Source: controller_utils.go GetPodFromTemplate.
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { controllerReference } from '#api/owner-references.ts';
import type { ClusterObjectMeta, New, Pod, PodTemplateSpec } from '#api/types.ts';

export interface PodOwner {
  readonly metadata: ClusterObjectMeta & { readonly namespace: string };
  readonly spec: { readonly template: PodTemplateSpec };
}

export function podFromTemplate({ metadata, spec }: PodOwner, gvk: GroupVersionKind): New<Pod> {
  const { labels, annotations, finalizers } = spec.template.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${metadata.name}-`,
      namespace: metadata.namespace,
      ownerReferences: [controllerReference({ metadata }, gvk)],
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
    },
    spec: spec.template.spec,
  };
}
