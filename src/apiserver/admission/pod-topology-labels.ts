// A pod bound to a node says in its labels in which zone and region that is.
// Source: plugin/pkg/admission/podtopologylabels admission.go.
import { nodes } from '#api/resources.ts';
import type { Binding, KubeObject, Pod } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, MutatingPlugin } from './contract.ts';
import { concerns } from './refusal.ts';

const COPIED = [LABEL.zone, LABEL.region];

export function podTopologyLabels({ reader }: { readonly reader: CacheReader }): MutatingPlugin {
  return {
    name: 'PodTopologyLabels',
    operations: ['CREATE'],
    admit(attributes) {
      const node = nodeNamed(attributes);
      if (node === undefined || node === '') return undefined;
      const labels = reader.get(nodes, node)?.metadata.labels ?? {};
      const object = attributes.object as KubeObject;
      const own: Readonly<Record<string, string>> = object.metadata.labels ?? {};
      const copied = COPIED.filter((key) => labels[key] !== undefined && labels[key] !== own[key]);
      if (copied.length === 0) return undefined;
      const added = Object.fromEntries(copied.map((key) => [key, labels[key] as string]));
      return { ...object, metadata: { ...object.metadata, labels: { ...own, ...added } } };
    },
  };
}

/** The node a pod is created on or bound to. */
function nodeNamed(attributes: AdmissionAttributes): string | undefined {
  if (attributes.object === undefined) return undefined;
  if (concerns(attributes, '', 'pods')) return (attributes.object as Pod).spec.nodeName;
  if (!concerns(attributes, '', 'pods', 'binding')) return undefined;
  const { target } = attributes.object as unknown as Binding;
  return target.kind === 'Node' ? target.name : undefined;
}
